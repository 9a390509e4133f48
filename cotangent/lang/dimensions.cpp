#include "cotangent/lang/dimensions.h"

#include <algorithm>
#include <cstdlib>
#include <stdexcept>

#include "cotangent/base/text.h"
#include "cotangent/lang/names.h"

namespace cotangent::lang {
namespace {

constexpr std::int64_t kWork = 4'000'000;

using Powers = std::vector<std::pair<int, Rational>>;

Powers merged(const Powers& a, const Powers& b, const Rational& sign) {
  Powers r;
  std::size_t i = 0, j = 0;
  while (i < a.size() || j < b.size()) {
    if (j == b.size() || (i < a.size() && a[i].first < b[j].first)) {
      r.push_back(a[i++]);
    } else if (i == a.size() || b[j].first < a[i].first) {
      r.emplace_back(b[j].first, b[j].second * sign), ++j;
    } else {
      const Rational n = a[i].second + b[j].second * sign;
      if (!n.is_zero()) r.emplace_back(a[i].first, n);
      ++i, ++j;
    }
  }
  return r;
}

}  // namespace

DimensionTerm operator*(const DimensionTerm& a, const DimensionTerm& b) {
  DimensionTerm r(a.known * b.known);
  r.unknowns = merged(a.unknowns, b.unknowns, 1);
  return r;
}
DimensionTerm operator/(const DimensionTerm& a, const DimensionTerm& b) {
  DimensionTerm r(a.known / b.known);
  r.unknowns = merged(a.unknowns, b.unknowns, -1);
  return r;
}
DimensionTerm power(const DimensionTerm& a, const Rational& n) {
  DimensionTerm r(power(a.known, n));
  if (n.is_zero()) return r;
  for (const auto& [k, m] : a.unknowns) r.unknowns.emplace_back(k, m * n);
  return r;
}

// --- names and equations between them

Dimensions::Dimensions(const Context& names) : names_(names), budget_(kWork) {}

DimensionTerm Dimensions::unknown(std::string name) {
  DimensionTerm term;
  term.unknowns.emplace_back(static_cast<int>(unknowns_.size()), 1);
  unknowns_.push_back({std::move(name), false, {}, {}});
  return term;
}

void Dimensions::set(const std::string& name, DimensionTerm dimension,
                     std::optional<Rational> constant) {
  symbols_[name] = {std::move(dimension), nullptr, constant};
}

void Dimensions::set_entries(const std::string& name, std::vector<DimensionTerm> entries) {
  ensure(!entries.empty(), "an array without entries");
  DimensionTerm first = entries[0];
  symbols_[name] = {std::move(first),
                    std::make_shared<const std::vector<DimensionTerm>>(std::move(entries)),
                    std::nullopt};
}

const DimensionTerm* Dimensions::find(const std::string& name) const {
  const auto found = symbols_.find(name);
  return found == symbols_.end() ? nullptr : &found->second.dimension;
}

DimensionTerm Dimensions::settled(const DimensionTerm& d) const {
  DimensionTerm r = d;
  // A settled unknown's value holds only unknowns settled after it, if any: this ends.
  for (bool again = true; again;) {
    again = false;
    for (const auto& [k, n] : r.unknowns) {
      const Unknown& u = unknowns_[static_cast<std::size_t>(k)];
      if (!u.settled) continue;
      DimensionTerm own;
      own.unknowns.emplace_back(k, n);
      r = r / own * power(u.value, n);
      again = true;
      break;
    }
  }
  return r;
}

bool Dimensions::unify(const DimensionTerm& a, const DimensionTerm& b, const std::string& where) {
  const DimensionTerm ratio = settled(a / b);
  if (ratio.is_known()) return ratio.known.is_none();
  // u^n * rest = 1: u = rest^(-1/n). One with a whole power keeps the others simple.
  auto chosen = ratio.unknowns.back();
  for (const auto& [k, n] : ratio.unknowns) {
    if (std::abs(n.num) == 1 && n.den == 1) chosen = {k, n};
  }
  DimensionTerm own;
  own.unknowns.push_back(chosen);
  Unknown& u = unknowns_[static_cast<std::size_t>(chosen.first)];
  u.value = power(ratio / own, Rational(-1) / chosen.second);
  u.settled = true;
  u.where = where;
  return true;
}

std::string Dimensions::words(const DimensionTerm& d) const {
  const DimensionTerm r = settled(d);
  if (r.is_known()) return lang::words(r.known);
  std::string text = r.known.is_none() ? "" : lang::words(r.known) + "*";
  for (std::size_t k = 0; k < r.unknowns.size(); ++k) {
    const auto& [id, n] = r.unknowns[k];
    text += (k ? "*[" : "[") + unknowns_[static_cast<std::size_t>(id)].name + "]";
    if (n.den != 1) text += "^(" + std::to_string(n.num) + "/" + std::to_string(n.den) + ")";
    if (n.den == 1 && n.num != 1) text += "^" + std::to_string(n.num);
  }
  return text;
}

std::string Dimensions::settled_note(const std::string& name) const {
  for (const Unknown& u : unknowns_) {
    if (u.name != name || !u.settled) continue;
    return "'" + name + "' has no unit and was taken for " + words(u.value) +
           (u.where.empty() ? "" : " at " + u.where);
  }
  return "";
}

// --- the walk

class DimensionWalk {
 public:
  DimensionWalk(Dimensions& all, const Expression& expression) : all_(all) {
    frames_.push_back({&expression, {}});
  }

  struct Value {
    bool any = false;  ///< 0 has every dimension
    DimensionTerm dimension;
    std::optional<Rational> constant;
    std::shared_ptr<const std::vector<DimensionTerm>> entries;
  };

  Value plain(const Expr& e) {
    const Value v = eval(e);
    if (!v.entries) return v;
    for (const DimensionTerm& other : *v.entries) {
      if (all_.unify(v.dimension, other, place(e))) continue;
      refuse(e,
             "the entries of '" + text_of(e) + "' have the dimensions " + all_.words(v.dimension) +
                 " and " + all_.words(other),
             "a number as index, as in " + text_of(e) + "[0]",
             "write the entries out, each with its own index");
    }
    return v;
  }

  void expect(const Expr& e, const Value& v, const DimensionTerm& wanted, const std::string& what) {
    if (v.any || all_.unify(v.dimension, wanted, place(e))) return;
    refuse(e, what + " has the dimension " + all_.words(v.dimension), all_.words(wanted),
           "a factor of the dimension " + all_.words(wanted / v.dimension) + " is missing");
  }

 private:
  struct Frame {
    const Expression* text;
    std::vector<std::pair<std::string, Value>> locals;
  };

  const SourceText& text() const { return frames_.back().text->source(); }

  std::string text_of(const Expr& e) const {
    constexpr std::size_t kShown = 40;
    std::string s = text().text.substr(e.begin, e.end - e.begin);
    if (s.size() > kShown) s = s.substr(0, kShown - 3) + "...";
    return printable(std::move(s));
  }

  std::string place(const Expr& e) const {
    const SourceText& source = text();
    if (!source.file) return "";
    const LineColumn at = line_column(*source.file, source.span(e.begin, e.end).begin);
    return source.file->name + ":" + std::to_string(at.line) + ":" + std::to_string(at.column);
  }

  /// What was inferred of the names in e: the mistake may lie where they were first used.
  void notes(const Expr& e, std::vector<std::string>& found) const {
    if (e.kind == ExprKind::kName && found.size() < 3) {
      const std::string note = all_.settled_note(e.name);
      if (!note.empty() && std::find(found.begin(), found.end(), note) == found.end()) {
        found.push_back(note);
      }
    }
    for (const Expr* child : e.children) notes(*child, found);
    if (e.reduce) notes(*e.reduce->body, found);
  }

  [[noreturn]] void refuse(const Expr& e, std::string what, std::string why, std::string remedy) {
    std::vector<std::string> found;
    notes(e, found);
    for (const std::string& note : found) why += "; " + note;
    fail(text(), e.begin, e.end, std::move(what), std::move(why), std::move(remedy));
  }

  void require_number(const Expr& e, const Value& v, const std::string& who) {
    if (v.any || all_.unify(v.dimension, {}, place(e))) return;
    refuse(e, who + " is given " + all_.words(v.dimension) + ": '" + text_of(e) + "'",
           "a number without dimension",
           "divide by a quantity of the dimension " + all_.words(v.dimension));
  }

  /// Both must have one dimension; the result has it.
  Value joined(const Expr& whole, const std::string& who, const Expr& a, const Value& x,
               const Expr& b, const Value& y) {
    if (x.any) return without_constant(y);
    if (!y.any && !all_.unify(x.dimension, y.dimension, place(whole))) {
      refuse(b,
             who + " is given " + all_.words(x.dimension) + " and " + all_.words(y.dimension) +
                 ": '" + text_of(a) + "' and '" + text_of(b) + "'",
             "one dimension",
             "a factor of the dimension " + all_.words(x.dimension / y.dimension) +
                 " is missing in '" + text_of(b) + "'");
    }
    return without_constant(x);
  }

  static Value without_constant(Value v) {
    v.constant.reset();
    v.entries.reset();
    return v;
  }
  static Value number() { return {}; }

  Value eval(const Expr& e) {
    all_.budget_ -= 1;
    if (all_.budget_ < 0) {
      refuse(e, "checking the units of this file takes too much work",
             "fewer uses of large [define]s inside each other", "write long sums with sum(i, ...)");
    }
    try {
      Value v = value(e);
      all_.budget_ -= static_cast<std::int64_t>(v.dimension.unknowns.size());
      return v;
    } catch (const std::overflow_error&) {
      refuse(e, "the powers in the dimension of '" + text_of(e) + "' are too large",
             "simple powers of units", "multiply by numbers without dimension instead");
    }
  }

  Value value(const Expr& e) {
    switch (e.kind) {
      case ExprKind::kInteger:
      case ExprKind::kReal: return literal(e);
      case ExprKind::kName: return name(e);
      case ExprKind::kCall: return call(e);
      case ExprKind::kVector: {
        Value v = plain(*e.children[0]);
        for (std::size_t k = 1; k < e.children.size(); ++k) {
          v = joined(e, "a vector", *e.children[0], v, *e.children[k], plain(*e.children[k]));
        }
        return without_constant(v);
      }
      case ExprKind::kSubscript: return subscript(e);
      case ExprKind::kNegate: {
        Value v = plain(*e.children[0]);
        if (v.constant) v.constant = Rational(0) - *v.constant;
        return v;
      }
      case ExprKind::kNot: plain(*e.children[0]); return number();
      case ExprKind::kPower: return raised(e);
      case ExprKind::kChain: return chain(e);
      case ExprKind::kReduce: return reduce(e);
    }
    throw InternalError("expression kind");
  }

  static Value literal(const Expr& e) {
    Value v;
    const double x = e.kind == ExprKind::kInteger ? static_cast<double>(e.integer) : e.real;
    v.any = x == 0;
    v.constant = rational_of(x);
    return v;
  }

  Value name(const Expr& e) {
    for (const auto& [local, v] : frames_.back().locals) {
      if (local == e.name) return v;
    }
    const auto symbol = all_.symbols_.find(e.name);
    if (symbol != all_.symbols_.end()) {
      Value v;
      v.dimension = symbol->second.dimension;
      v.entries = symbol->second.entries;
      v.constant = symbol->second.constant;
      return v;
    }
    if (const Definition* d = all_.names_.definition(e.name)) return inlined(e, *d);
    return number();  // pi, and integers nobody gave a dimension
  }

  Value subscript(const Expr& e) {
    const Expr& base = *e.children[0];
    Value v = eval(base);
    for (std::size_t k = 1; k < e.children.size(); ++k) {
      const Value index = plain(*e.children[k]);
      require_number(*e.children[k], index, "an index");
      if (k == 1 && v.entries && index.constant && index.constant->den == 1) {
        const auto at = static_cast<std::size_t>(index.constant->num);
        if (at < v.entries->size()) {
          v.dimension = (*v.entries)[at];
          v.entries.reset();
        }
      }
    }
    if (v.entries) v = plain(base);
    return without_constant(v);
  }

  Value raised(const Expr& e) {
    const Expr& base = *e.children[0];
    const Value x = plain(base);
    const Value n = plain(*e.children[1]);
    require_number(*e.children[1], n, "a power");
    if (n.constant && !n.any) {
      Value v;
      v.any = x.any;
      v.dimension = power(x.dimension, *n.constant);
      return v;
    }
    if (n.any || x.any) return number();  // x^0
    const DimensionTerm d = all_.settled(x.dimension);
    if (!d.is_known() || !d.known.is_none()) {
      if (d.is_known()) {
        refuse(*e.children[1],
               "the power of " + all_.words(x.dimension) + " ('" + text_of(base) +
                   "') is no simple number: '" + text_of(*e.children[1]) + "'",
               "a number in the text, such as 2 or 3/2: the dimension depends on it",
               "write the power as a number, or divide '" + text_of(base) + "' by a " +
                   all_.words(x.dimension));
      }
      require_number(base, x, "a power that is no constant");
    }
    return number();
  }

  Value chain(const Expr& e) {
    const Expr* first = e.children[0];
    Value x = plain(*first);
    for (std::size_t k = 0; k < e.ops.size(); ++k) {
      const Expr& right = *e.children[k + 1];
      const Value y = plain(right);
      const std::optional<Rational> both = folded(e.ops[k], x.constant, y.constant);
      const std::string who = "'" + std::string(name_of(e.ops[k])) + "'";
      switch (e.ops[k]) {
        case Operator::kMul:
          x.any = x.any || y.any;
          x.dimension = x.dimension * y.dimension;
          break;
        case Operator::kDiv: x.dimension = x.dimension / y.dimension; break;
        case Operator::kAnd:
        case Operator::kOr: x = number(); break;
        case Operator::kAdd:
        case Operator::kSub:
        case Operator::kMod: x = joined(e, who, *first, x, right, y); break;
        default: joined(e, who, *first, x, right, y), x = number();
      }
      if (x.any) x.dimension = {};
      x.constant = both;
      if (x.constant) x.any = x.constant->is_zero();
    }
    return x;
  }

  static std::optional<Rational> folded(Operator op, const std::optional<Rational>& a,
                                        const std::optional<Rational>& b) {
    if (!a || !b) return std::nullopt;
    try {
      switch (op) {
        case Operator::kAdd: return *a + *b;
        case Operator::kSub: return *a - *b;
        case Operator::kMul: return *a * *b;
        case Operator::kDiv: return b->is_zero() ? std::nullopt : std::optional(*a / *b);
        default: return std::nullopt;
      }
    } catch (const std::overflow_error&) {
      return std::nullopt;
    }
  }

  Value reduce(const Expr& e) {
    const ReduceParts& r = *e.reduce;
    for (const Expr* bound : {r.low, r.high}) {
      if (bound) require_number(*bound, plain(*bound), "the end of a range");
    }
    auto& locals = frames_.back().locals;
    const std::size_t before = locals.size();
    for (const IndexName& index : r.indices) locals.emplace_back(index.name, number());
    if (r.filter) plain(*r.filter);
    Value v = without_constant(plain(*r.body));
    frames_.back().locals.resize(before);
    if (e.name == "prod") {
      require_number(*r.body, v, "prod");
      return number();
    }
    return v;
  }

  Value call(const Expr& e) {
    if (!function_named(e.name)) {
      const Definition* d = all_.names_.definition(e.name);
      ensure(d != nullptr, "a call of nothing");
      return inlined(e, *d);
    }
    std::vector<Value> arguments;
    if (e.name == "len") return number();
    for (const Expr* child : e.children) arguments.push_back(plain(*child));
    const auto same = [&](std::size_t from) {
      Value v = without_constant(arguments[from]);
      for (std::size_t k = from + 1; k < arguments.size(); ++k) {
        v = joined(e, e.name, *e.children[from], v, *e.children[k], arguments[k]);
      }
      return v;
    };
    const auto root = [&](int n) {
      Value v = without_constant(arguments[0]);
      v.dimension = power(v.dimension, Rational(1, n));
      return v;
    };
    if (e.name == "where") return same(1);
    if (e.name == "min" || e.name == "max" || e.name == "delta") return same(0);
    if (e.name == "abs" || e.name == "norm") return without_constant(arguments[0]);
    if (e.name == "sqrt") return root(2);
    if (e.name == "cbrt") return root(3);
    if (e.name == "sign") return number();
    if (e.name == "atan2") return same(0), number();
    if (e.name == "dot" || e.name == "cross") {
      Value v;
      v.any = arguments[0].any || arguments[1].any;
      v.dimension = arguments[0].dimension * arguments[1].dimension;
      return v;
    }
    for (std::size_t k = 0; k < arguments.size(); ++k) {
      require_number(*e.children[k], arguments[k], e.name);
    }
    return number();
  }

  Value inlined(const Expr& e, const Definition& d) {
    Frame frame{d.body.get(), {}};
    for (std::size_t k = 0; k < e.children.size(); ++k) {
      frame.locals.emplace_back(d.parameters[k], eval(*e.children[k]));
    }
    frames_.push_back(std::move(frame));
    struct Leave {
      std::vector<Frame>& frames;
      ~Leave() { frames.pop_back(); }
    } leave{frames_};
    try {
      return eval(d.body->root());
    } catch (const UserError& error) {
      // Which use it was helps as much as where in the definition; one is enough.
      const Frame& caller = frames_[frames_.size() - 2];
      ErrorParts parts = error.parts();
      const SourceText& source = caller.text->source();
      if (parts.where.find("used at") != std::string::npos || !source.file) throw;
      const LineColumn at = line_column(*source.file, source.span(e.begin, e.end).begin);
      parts.where += "\n  used at " + source.file->name + ":" + std::to_string(at.line) + ":" +
                     std::to_string(at.column);
      throw UserError(std::move(parts));
    }
  }

  Dimensions& all_;
  std::vector<Frame> frames_;
};

DimensionTerm Dimensions::infer(const Expression& expression) {
  DimensionWalk walk(*this, expression);
  const auto v = walk.plain(expression.root());
  return v.any ? unknown("0") : settled(v.dimension);
}

DimensionTerm Dimensions::expect(const Expression& expression, const DimensionTerm& wanted,
                                 const std::string& what) {
  DimensionWalk walk(*this, expression);
  walk.expect(expression.root(), walk.plain(expression.root()), wanted, what);
  return settled(wanted);
}

}  // namespace cotangent::lang
