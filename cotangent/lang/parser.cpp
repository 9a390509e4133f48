#include "cotangent/lang/parser.h"

#include "cotangent/lang/lexer.h"
#include "cotangent/lang/names.h"

namespace cotangent::lang {

std::string_view name_of(Operator op) {
  switch (op) {
    case Operator::kAdd: return "+";
    case Operator::kSub: return "-";
    case Operator::kMul: return "*";
    case Operator::kDiv: return "/";
    case Operator::kMod: return "%";
    case Operator::kLess: return "<";
    case Operator::kLessEqual: return "<=";
    case Operator::kGreater: return ">";
    case Operator::kGreaterEqual: return ">=";
    case Operator::kEqual: return "==";
    case Operator::kUnequal: return "!=";
    case Operator::kAnd: return "and";
    case Operator::kOr: return "or";
  }
  return "?";
}

namespace {

/// The operators of one level of precedence, loosest first.
enum class Level { kOr, kAnd, kCompare, kAdd, kMul, kUnary };

bool operator_at(Level level, TokenKind kind, Operator& op) {
  const auto is = [&](Level l, TokenKind k, Operator o) {
    if (level != l || kind != k) return false;
    op = o;
    return true;
  };
  using T = TokenKind;
  return is(Level::kOr, T::kOr, Operator::kOr) || is(Level::kAnd, T::kAnd, Operator::kAnd) ||
         is(Level::kCompare, T::kLess, Operator::kLess) ||
         is(Level::kCompare, T::kLessEqual, Operator::kLessEqual) ||
         is(Level::kCompare, T::kGreater, Operator::kGreater) ||
         is(Level::kCompare, T::kGreaterEqual, Operator::kGreaterEqual) ||
         is(Level::kCompare, T::kEqual, Operator::kEqual) ||
         is(Level::kCompare, T::kUnequal, Operator::kUnequal) ||
         is(Level::kAdd, T::kPlus, Operator::kAdd) || is(Level::kAdd, T::kMinus, Operator::kSub) ||
         is(Level::kMul, T::kStar, Operator::kMul) || is(Level::kMul, T::kSlash, Operator::kDiv) ||
         is(Level::kMul, T::kPercent, Operator::kMod);
}

}  // namespace

class Parser {
 public:
  Parser(Expression& out) : out_(out), source_(out.source_), tokens_(tokenize(source_)) {}

  void run() {
    if (peek().kind == TokenKind::kEnd) {
      fail(source_, 0, 0, "the expression is empty", "an expression, such as \"dot(p, p)/2\"",
           "write one between the quotes, or remove the entry");
    }
    out_.root_ = expression();
    if (peek().kind != TokenKind::kEnd) unexpected("an operator or the end of the expression");
  }

 private:
  struct Deeper {
    explicit Deeper(Parser& parser) : depth(parser.depth_) {
      if (++depth > kMaxExpressionDepth) {
        const Token& t = parser.peek();
        fail(parser.source_, t.begin, t.end,
             "the expression is nested deeper than " + std::to_string(kMaxExpressionDepth) +
                 " levels",
             "fewer brackets, signs and powers inside each other", "give parts a name in [define]");
      }
    }
    ~Deeper() { --depth; }
    int& depth;
  };

  const Token& peek(std::size_t k = 0) const {
    return tokens_[std::min(at_ + k, tokens_.size() - 1)];
  }
  const Token& take() {
    const Token& t = tokens_[at_];
    if (at_ + 1 < tokens_.size()) ++at_;
    return t;
  }
  bool accept(TokenKind kind) {
    if (peek().kind != kind) return false;
    take();
    return true;
  }
  std::string text(const Token& t) const { return source_.text.substr(t.begin, t.end - t.begin); }
  std::uint32_t last_end() const { return at_ == 0 ? 0 : tokens_[at_ - 1].end; }

  [[noreturn]] void unexpected(const std::string& expected, std::string remedy = "",
                               TokenKind missing = TokenKind::kEnd) const {
    const Token& t = peek();
    if (remedy.empty() && at_ > 0) {
      const TokenKind before = tokens_[at_ - 1].kind;
      const bool value_before = before == TokenKind::kName || before == TokenKind::kInteger ||
                                before == TokenKind::kReal || before == TokenKind::kClose ||
                                before == TokenKind::kCloseBracket;
      const bool value_here = t.kind == TokenKind::kName || t.kind == TokenKind::kInteger ||
                              t.kind == TokenKind::kReal || t.kind == TokenKind::kOpen;
      if (value_before && value_here) remedy = "write a product with '*'";
    }
    if (remedy.empty()) {
      remedy = missing == TokenKind::kClose          ? "add the missing ')'"
               : missing == TokenKind::kCloseBracket ? "add the missing ']'"
               : t.kind == TokenKind::kEnd           ? "write the rest of the expression"
               : t.kind == TokenKind::kClose         ? "remove it, or add the missing '('"
               : t.kind == TokenKind::kCloseBracket  ? "remove it, or add the missing '['"
                                                     : "remove it, or write what is missing";
    }
    // At the end of the text the caret goes under the last byte, which is always on a line.
    const std::uint32_t begin = t.kind == TokenKind::kEnd && t.begin > 0 ? last_end() - 1 : t.begin;
    fail(source_, begin, t.kind == TokenKind::kEnd ? begin + 1 : t.end,
         "syntax error: unexpected " + describe(source_, t), expected, std::move(remedy));
  }

  void expect(TokenKind kind, const std::string& expected, const std::string& remedy = "") {
    if (peek().kind != kind) unexpected(expected, remedy, kind);
    take();
  }

  Expr& make(ExprKind kind, std::uint32_t begin) {
    Expr& e = out_.nodes_.emplace_back();
    e.kind = kind;
    e.begin = begin;
    e.end = begin;
    return e;
  }
  Expr* close(Expr& e) {
    e.end = last_end();
    return &e;
  }

  Expr* expression() {
    const Deeper deeper(*this);
    return level(Level::kOr);
  }

  Expr* level(Level l) {
    if (l == Level::kUnary) return unary();
    const auto below = static_cast<Level>(static_cast<int>(l) + 1);
    Expr* first = level(below);
    Operator op;
    if (!operator_at(l, peek().kind, op)) return first;
    Expr& chain = make(ExprKind::kChain, first->begin);
    chain.children.push_back(first);
    while (operator_at(l, peek().kind, op)) {
      if (l == Level::kCompare && !chain.ops.empty()) {
        unexpected("one comparison; comparisons do not chain", "write a < b and b < c");
      }
      take();
      chain.ops.push_back(op);
      chain.children.push_back(level(below));
    }
    return close(chain);
  }

  Expr* unary() {
    const Token& t = peek();
    if (t.kind == TokenKind::kMinus || t.kind == TokenKind::kNot) {
      const Deeper deeper(*this);
      take();
      Expr& e = make(t.kind == TokenKind::kMinus ? ExprKind::kNegate : ExprKind::kNot, t.begin);
      e.children.push_back(unary());
      return close(e);
    }
    if (t.kind == TokenKind::kPlus) unexpected("a value; there is no unary '+'", "leave it out");
    Expr* base = postfix();
    if (peek().kind != TokenKind::kCaret) return base;
    const Deeper deeper(*this);
    take();
    Expr& power = make(ExprKind::kPower, base->begin);
    power.children.push_back(base);
    power.children.push_back(unary());
    return close(power);
  }

  Expr* postfix() {
    Expr* base = atom();
    if (peek().kind != TokenKind::kOpenBracket) return base;
    Expr& subscript = make(ExprKind::kSubscript, base->begin);
    subscript.children.push_back(base);
    while (accept(TokenKind::kOpenBracket)) {
      do {
        subscript.children.push_back(expression());
      } while (accept(TokenKind::kComma));
      expect(TokenKind::kCloseBracket, "',' or ']' after an index");
    }
    return close(subscript);
  }

  Expr* atom() {
    const Token& t = peek();
    switch (t.kind) {
      case TokenKind::kInteger: {
        take();
        Expr& e = make(ExprKind::kInteger, t.begin);
        e.integer = t.integer;
        return close(e);
      }
      case TokenKind::kReal: {
        take();
        Expr& e = make(ExprKind::kReal, t.begin);
        e.real = t.real;
        return close(e);
      }
      case TokenKind::kName: return name_or_call();
      case TokenKind::kOpen: {
        take();
        const std::uint32_t open = t.begin;
        Expr* inner = expression();
        expect(TokenKind::kClose, "an operator or ')' to match the '(' at column " +
                                      std::to_string(open + 1) + " of the expression");
        // The brackets belong to the span, so that a caret shows all of "(a + b)".
        inner->begin = open;
        return close(*inner);
      }
      case TokenKind::kOpenBracket: {
        take();
        Expr& e = make(ExprKind::kVector, t.begin);
        if (peek().kind == TokenKind::kCloseBracket) unexpected("an element of the vector");
        do {
          e.children.push_back(expression());
        } while (accept(TokenKind::kComma));
        expect(TokenKind::kCloseBracket, "',' or ']' after an element of a vector");
        return close(e);
      }
      default: unexpected("a value: a number, a name, a function call, '(' or '['");
    }
  }

  Expr* name_or_call() {
    const Token name = take();
    const std::string word = text(name);
    if (peek().kind != TokenKind::kOpen) {
      Expr& e = make(ExprKind::kName, name.begin);
      e.name = word;
      e.name_end = name.end;
      return close(e);
    }
    take();
    if (is_reduction(word)) return reduction(name, word);
    Expr& e = make(ExprKind::kCall, name.begin);
    e.name = word;
    e.name_end = name.end;
    if (peek().kind != TokenKind::kClose) {
      do {
        e.children.push_back(expression());
      } while (accept(TokenKind::kComma));
    }
    expect(TokenKind::kClose, "',' or ')' after an argument of " + word);
    return close(e);
  }

  IndexName index_name(const std::string& word) {
    const Token& t = peek();
    if (t.kind != TokenKind::kName) {
      unexpected("the name of an index", "write " + word + "(i, ...), " + word + "(i<j, ...) or " +
                                             word + "(i in 0..n, ...)");
    }
    take();
    return {text(t), t.begin, t.end};
  }

  Expr* reduction(const Token& name, const std::string& word) {
    Expr& e = make(ExprKind::kReduce, name.begin);
    e.name = word;
    e.name_end = name.end;
    e.reduce = std::make_unique<ReduceParts>();
    ReduceParts& r = *e.reduce;
    r.index_begin = peek().begin;
    index(r, word);
    r.index_end = last_end();
    if (accept(TokenKind::kIf)) r.filter = expression();
    expect(TokenKind::kComma, "',' between the index of " + word + " and what it runs over",
           "write " + word + "(i, ...), " + word + "(i<j, ...) or " + word + "(i in 0..n, ...)");
    r.body = expression();
    expect(TokenKind::kClose, "an operator or ')' to close " + word + "(");
    return close(e);
  }

  void index(ReduceParts& r, const std::string& word) {
    if (accept(TokenKind::kOpen)) {
      r.form = IndexForm::kList;
      do {
        r.indices.push_back(index_name(word));
      } while (accept(TokenKind::kComma));
      expect(TokenKind::kClose, "',' or ')' after an index");
      expect(TokenKind::kIn, "'in' and the name of a list after the indices in brackets");
      r.list = index_name(word);
      return;
    }
    r.indices.push_back(index_name(word));
    if (accept(TokenKind::kLess)) {
      r.form = IndexForm::kLess;
      r.indices.push_back(index_name(word));
      if (accept(TokenKind::kLess)) {
        r.form = IndexForm::kTriple;
        r.indices.push_back(index_name(word));
      }
    } else if (accept(TokenKind::kUnequal)) {
      r.form = IndexForm::kUnequal;
      r.indices.push_back(index_name(word));
    } else if (accept(TokenKind::kIn)) {
      r.form = IndexForm::kRange;
      r.low = range_bound();
      expect(TokenKind::kRange, "'..' and the end of the range", "write i in 0..n; n is excluded");
      r.high = range_bound();
    }
  }

  Expr* range_bound() {
    const Deeper deeper(*this);
    return level(Level::kAdd);
  }

  Expression& out_;
  const SourceText& source_;
  std::vector<Token> tokens_;
  std::size_t at_ = 0;
  int depth_ = 0;
};

ExpressionPtr parse_expression(SourceText source) {
  auto expression = std::make_shared<Expression>();
  expression->source_ = std::move(source);
  Parser(*expression).run();
  return expression;
}

}  // namespace cotangent::lang
