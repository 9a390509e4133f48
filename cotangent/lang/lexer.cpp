#include "cotangent/lang/lexer.h"

#include <charconv>
#include <cmath>

#include "cotangent/lang/names.h"

namespace cotangent::lang {
namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

class Lexer {
 public:
  explicit Lexer(const SourceText& source) : source_(source), text_(source.text) {}

  std::vector<Token> run() {
    if (text_.size() > kMaxExpressionBytes) {
      fail(source_, 0, 1, "an expression is " + std::to_string(text_.size()) + " bytes long",
           "at most " + std::to_string(kMaxExpressionBytes) + " bytes",
           "split it into several terms or use [define] and sum(...)");
    }
    while (skip_blanks(), at_ < text_.size()) next();
    add(TokenKind::kEnd, at_, at_);
    return std::move(tokens_);
  }

 private:
  void skip_blanks() {
    while (at_ < text_.size() &&
           (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\n' || text_[at_] == '\r')) {
      ++at_;
    }
  }

  char peek(std::size_t k = 0) const { return at_ + k < text_.size() ? text_[at_ + k] : '\0'; }

  Token& add(TokenKind kind, std::size_t begin, std::size_t end) {
    tokens_.push_back(
        {kind, static_cast<std::uint32_t>(begin), static_cast<std::uint32_t>(end), 0, 0});
    at_ = end;
    return tokens_.back();
  }

  [[noreturn]] void refuse(std::size_t length, std::string what, std::string remedy = "") const {
    fail(source_, static_cast<std::uint32_t>(at_), static_cast<std::uint32_t>(at_ + length),
         std::move(what), "a number, a name, an operator or a bracket", std::move(remedy));
  }

  void next() {
    const char c = peek();
    if (is_digit(c) || (c == '.' && is_digit(peek(1)))) return number();
    if (is_letter(c)) return name();
    const char d = peek(1);
    switch (c) {
      case '+': add(TokenKind::kPlus, at_, at_ + 1); return;
      case '-': add(TokenKind::kMinus, at_, at_ + 1); return;
      case '/': add(TokenKind::kSlash, at_, at_ + 1); return;
      case '%': add(TokenKind::kPercent, at_, at_ + 1); return;
      case '^': add(TokenKind::kCaret, at_, at_ + 1); return;
      case '(': add(TokenKind::kOpen, at_, at_ + 1); return;
      case ')': add(TokenKind::kClose, at_, at_ + 1); return;
      case '[': add(TokenKind::kOpenBracket, at_, at_ + 1); return;
      case ']': add(TokenKind::kCloseBracket, at_, at_ + 1); return;
      case ',': add(TokenKind::kComma, at_, at_ + 1); return;
      case '*':
        if (d == '*') refuse(2, "'**' is no operator", "write a power as x^2");
        add(TokenKind::kStar, at_, at_ + 1);
        return;
      case '<':
        add(d == '=' ? TokenKind::kLessEqual : TokenKind::kLess, at_, at_ + (d == '=' ? 2 : 1));
        return;
      case '>':
        add(d == '=' ? TokenKind::kGreaterEqual : TokenKind::kGreater, at_,
            at_ + (d == '=' ? 2 : 1));
        return;
      case '=':
        if (d != '=') refuse(1, "'=' is no operator", "write a comparison as a == b");
        add(TokenKind::kEqual, at_, at_ + 2);
        return;
      case '!':
        if (d != '=') refuse(1, "'!' is no operator", "write 'not', or 'a != b'");
        add(TokenKind::kUnequal, at_, at_ + 2);
        return;
      case '.':
        if (d != '.') refuse(1, "'.' stands alone", "a range is written 0..10");
        add(TokenKind::kRange, at_, at_ + 2);
        return;
      case '&': refuse(d == '&' ? 2 : 1, "'&' is no operator", "write 'and'");
      case '|': refuse(d == '|' ? 2 : 1, "'|' is no operator", "write 'or', or abs(x) or norm(x)");
      case ';': refuse(1, "';' does not belong here", "one expression a term");
      default: stray();
    }
  }

  [[noreturn]] void stray() const {
    const auto byte = static_cast<unsigned char>(peek());
    if (byte < 0x20 || byte == 0x7f) {
      refuse(1, "a control character (byte " + std::to_string(byte) + ") does not belong here",
             "remove it");
    }
    if (byte < 0x80) {
      refuse(1, std::string("the character '") + peek() + "' does not belong here", "remove it");
    }
    std::size_t length = 1;
    while (at_ + length < text_.size() &&
           (static_cast<unsigned char>(text_[at_ + length]) & 0xc0) == 0x80) {
      ++length;
    }
    refuse(length, "'" + std::string(text_.substr(at_, length)) + "' is not ASCII",
           "names are ASCII letters, digits and '_'; operators are + - * / % ^");
  }

  void name() {
    std::size_t end = at_;
    while (end < text_.size() && (is_letter(text_[end]) || is_digit(text_[end]))) ++end;
    const std::string_view word = text_.substr(at_, end - at_);
    if (word.size() > 64) refuse(word.size(), "a name is longer than 64 characters");
    TokenKind kind = TokenKind::kName;
    if (word == "and") kind = TokenKind::kAnd;
    if (word == "or") kind = TokenKind::kOr;
    if (word == "not") kind = TokenKind::kNot;
    if (word == "in") kind = TokenKind::kIn;
    if (word == "if") kind = TokenKind::kIf;
    add(kind, at_, end);
  }

  void number() {
    std::size_t end = at_;
    bool real = false;
    while (end < text_.size() && is_digit(text_[end])) ++end;
    const auto after = [&](std::size_t k) {
      return end + k < text_.size() ? text_[end + k] : '\0';
    };
    if (after(0) == '.' && after(1) != '.') {  // "0..3" is a range
      real = true;
      ++end;
      while (end < text_.size() && is_digit(text_[end])) ++end;
    }
    if (after(0) == 'e' || after(0) == 'E') {
      const std::size_t sign = after(1) == '+' || after(1) == '-' ? 2 : 1;
      if (!is_digit(after(sign))) {
        refuse(end + sign - at_, "the exponent of a number has no digits", "write 1e-3");
      }
      real = true;
      end += sign;
      while (end < text_.size() && is_digit(text_[end])) ++end;
    }
    if (end < text_.size() && is_letter(text_[end])) {
      refuse(end + 1 - at_,
             "the number '" + std::string(text_.substr(at_, end - at_)) + "' runs into a name",
             "write the product with '*'");
    }
    const std::string_view digits = text_.substr(at_, end - at_);
    const std::size_t begin = at_;
    std::int64_t whole = 0;
    double value = 0;
    if (!real) {
      if (std::from_chars(digits.data(), digits.data() + digits.size(), whole).ec != std::errc{}) {
        refuse(digits.size(), "the integer is larger than 64 bits hold",
               "write it as a real, with a '.' or an exponent");
      }
    } else {
      const auto done = std::from_chars(digits.data(), digits.data() + digits.size(), value);
      if (done.ec != std::errc{} && !underflows(digits)) {
        refuse(digits.size(), "the number is too large for 64-bit floating point",
               "the largest is 1.8e308");
      }
    }
    Token& token = add(real ? TokenKind::kReal : TokenKind::kInteger, begin, end);
    token.integer = whole;
    token.real = value;
  }

  /// from_chars reports under- and overflow alike; a negative exponent tells them apart.
  static bool underflows(std::string_view digits) {
    const std::size_t e = digits.find_first_of("eE");
    return e == std::string_view::npos ? digits.find_first_of("123456789") > digits.find('.')
                                       : digits[e + 1] == '-';
  }

  const SourceText& source_;
  std::string_view text_;
  std::size_t at_ = 0;
  std::vector<Token> tokens_;
};

}  // namespace

std::vector<Token> tokenize(const SourceText& source) {
  return Lexer(source).run();
}

std::string describe(const SourceText& source, const Token& token) {
  if (token.kind == TokenKind::kEnd) return "the end of the expression";
  std::string text = source.text.substr(token.begin, token.end - token.begin);
  if (token.kind == TokenKind::kInteger || token.kind == TokenKind::kReal) {
    return "the number " + text;
  }
  return "'" + text + "'";
}

}  // namespace cotangent::lang
