// Strength reduction of products. Every product, quotient, root and whole power is read as a
// monomial
//   coefficient * x1^(e1/2) * x2^(e2/2) * ...
// over values that are none of these, and written again with few operations: sqrt(x) in
// denominators becomes rsqrt(x), values divided by often get one reciprocal, constants are merged,
// and factors are grouped by what they depend on (the invariants of a body, one particle, the pair)
// so that the groups can be moved out of loops. Rounding changes within a few ulp.
#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include "cotangent/transform/partials.h"
#include "cotangent/transform/passes.h"
#include "cotangent/transform/rebuild.h"

namespace cotangent::transform {

using namespace ir;

namespace {

constexpr int kMaxDepth = 48;  // of one product tree
constexpr int kMaxPower = 64;  // x^n by products up to here

/// A base of a monomial: x, or (rooted) sqrt(x).
struct Base {
  std::uint32_t id;
  bool rooted;
  auto operator<=>(const Base&) const = default;
};

/// Exponents of rooted bases count powers of the root.
struct Monomial {
  double coefficient = 1;
  std::map<Base, int> powers;

  void multiply(const Monomial& m, int n) {
    coefficient *= std::pow(m.coefficient, n);
    for (const auto& [base, power] : m.powers) {
      if ((powers[base] += n * power) == 0) powers.erase(base);
    }
  }
  bool usable() const {
    const double size = std::fabs(coefficient);
    return size > 1e-30 && size < 1e30;
  }
};

/// A sum of non-positive powers of one base: exponent -> coefficient.
struct PowerSum {
  Base base;
  std::map<int, double> terms;
};

/// What a value depends on: bit 0 the first row or index, bit 1 the second.
using Class = unsigned;

class Reducer {
 public:
  Reducer(const Function& f, std::vector<Class> params)
      : f_(f),
        b_(f.name()),
        uses_(use_counts(f)),
        class_(f.size(), 0),
        nonnegative_(f.size(), -1),
        images_(f.size()) {
    for (std::size_t k = 0; k < params.size(); ++k) class_[f.params()[k].id] = params[k];
  }

  FunctionPtr run() {
    classify();
    find_boundaries();
    plan();
    for (std::size_t k = 0; k < f_.params().size(); ++k) {
      images_[f_.params()[k].id] = b_.param(f_.param_type(k), f_.param_names()[k]);
    }
    for (std::uint32_t id = 0; id < f_.size(); ++id) {
      const Value v{id};
      if (!needed_[id] || f_.op(v) == Op::kParameter) continue;
      const auto spans = f_.spans(v);
      b_.set_spans({spans.begin(), spans.end()});
      const auto sum = sums_.find(id);
      images_[id] = monomials_.count(id) ? emit(v, monomials_[id])
                    : sum != sums_.end() ? emit_sum(sum->second)
                                         : copy(v);
    }
    Values results;
    for (Value r : f_.results()) results.push_back(images_[r.id]);
    return b_.finish(results);
  }

 private:
  Value operand(Value v, std::size_t k) const { return f_.operand(v, k); }

  void classify() {
    for (std::uint32_t id = 0; id < f_.size(); ++id) {
      for (Value x : f_.operands(Value{id})) class_[id] |= class_[x.id];
    }
  }

  // --- what is a product

  /// n where the power's exponent is n/2.
  std::optional<int> half_power(Value v) const {
    const auto y = splat_value(f_, operand(v, 1));
    if (!y || std::fabs(*y) > kMaxPower || *y == 0 || std::floor(2 * *y) != 2 * *y) return {};
    return static_cast<int>(2 * *y);
  }

  bool scalar_spread(Value v) const {
    return f_.op(v) == Op::kBroadcast && f_.type(operand(v, 0)).is_scalar();
  }

  bool is_product(Value v) const {
    if (!is_float(f_.type(v).dtype)) return false;
    switch (f_.op(v)) {
      case Op::kMul:
      case Op::kDiv:
      case Op::kNeg:
      case Op::kSqrt:
      case Op::kRsqrt: return true;
      case Op::kPow: return half_power(v).has_value();
      case Op::kBroadcast: return scalar_spread(v) && is_product(operand(v, 0));
      default: return false;
    }
  }

  /// select(x == 0, 0, product): the convention for the slope of a norm at the origin. Gives x.
  Value guarded(Value v) const {
    if (f_.op(v) != Op::kSelect || !is_zero(f_, operand(v, 1)) || !is_product(operand(v, 2)))
      return {};
    const Value test = operand(v, 0);
    if (f_.op(test) != Op::kEq) return {};
    if (is_zero(f_, operand(test, 1))) return operand(test, 0);
    if (is_zero(f_, operand(test, 0))) return operand(test, 1);
    return {};
  }

  /// Products that are made once and then taken as they are: those used more than once, and where a
  /// tree gets deep. Powers of one value are always read through: they meet again as powers of it.
  void find_boundaries() {
    boundary_.assign(f_.size(), false);
    std::vector<int> depth(f_.size(), 0);
    for (std::uint32_t id = 0; id < f_.size(); ++id) {
      const Value v{id};
      if (!is_product(v)) {
        if (auto sum = power_sum(v)) sums_.emplace(id, std::move(*sum));
        continue;
      }
      for (Value x : f_.operands(v)) {
        if (is_product(x) && !boundary_[x.id]) depth[id] = std::max(depth[id], depth[x.id] + 1);
      }
      const Op op = f_.op(v);
      Monomial m = monomial(v);
      const bool single = m.powers.size() == 1 && std::abs(m.powers.begin()->second) <= kMaxPower;
      if (single && m.usable() && !guarded(Value{m.powers.begin()->first.id}).valid()) {
        pure_[id] = std::move(m);
        continue;
      }
      const bool shared = uses_[id] > 1 && (op == Op::kMul || op == Op::kDiv || op == Op::kPow);
      boundary_[id] = shared || depth[id] > kMaxDepth;
    }
  }

  /// A sum or difference of non-positive powers of one value, r^-12 - r^-6 say.
  std::optional<PowerSum> power_sum(Value v) const {
    const Op op = f_.op(v);
    if ((op != Op::kAdd && op != Op::kSub) || !is_float(f_.type(v).dtype)) return {};
    std::optional<Base> of;
    PowerSum sum{{}, {}};
    for (std::size_t k = 0; k < 2; ++k) {
      const Value x = operand(v, k);
      const double sign = op == Op::kSub && k == 1 ? -1 : 1;
      std::map<int, double> terms;
      std::optional<Base> base;
      if (const auto c = splat_value(f_, x)) {
        terms[0] = *c;
      } else if (const auto pure = pure_.find(x.id); pure != pure_.end()) {
        base = pure->second.powers.begin()->first;
        terms[pure->second.powers.begin()->second] = pure->second.coefficient;
      } else if (const auto inner = sums_.find(x.id); inner != sums_.end() && uses_[x.id] == 1) {
        base = inner->second.base;
        terms = inner->second.terms;
      } else {
        return {};
      }
      if (base && of && *base != *of) return {};
      if (base) of = base;
      for (const auto& [power, c] : terms) {
        if (power > 0) return {};
        sum.terms[power] += sign * c;
      }
    }
    if (!of || f_.type(Value{of->id}) != f_.type(v) || sum.terms.size() < 2) return {};
    for (const auto& [power, c] : sum.terms) {
      if (!(std::fabs(c) > 1e-30 && std::fabs(c) < 1e30)) return {};
    }
    sum.base = *of;
    return sum;
  }

  Monomial base(Value x, int power) const {
    Monomial m;
    if (nonnegative(x)) {
      m.powers[{x.id, true}] = 2 * power;
    } else {
      m.powers[{x.id, false}] = power;
    }
    return m;
  }
  static Monomial root(Value x, int power) {
    Monomial m;
    m.powers[{x.id, true}] = power;
    return m;
  }

  /// The monomial of an operand of a product.
  Monomial factor(Value v) const {
    if (const auto c = splat_value(f_, v)) {
      Monomial m;
      m.coefficient = *c;
      if (m.usable()) return m;
    }
    if (const auto pure = pure_.find(v.id); pure != pure_.end()) return pure->second;
    if (!is_product(v) || boundary_[v.id]) {
      if (scalar_spread(v)) return factor(operand(v, 0));
      return base(v, 1);
    }
    return monomial(v);
  }

  /// The monomial of a product.
  Monomial monomial(Value v) const {
    Monomial m;
    switch (f_.op(v)) {
      case Op::kNeg:
        m = factor(operand(v, 0));
        m.coefficient = -m.coefficient;
        break;
      case Op::kMul:
        m = factor(operand(v, 0));
        m.multiply(factor(operand(v, 1)), 1);
        break;
      case Op::kDiv:
        m = factor(operand(v, 0));
        m.multiply(factor(operand(v, 1)), -1);
        break;
      case Op::kSqrt: m = root(operand(v, 0), 1); break;
      case Op::kRsqrt: m = root(operand(v, 0), -1); break;
      case Op::kPow: {
        const int n = *half_power(v);
        if (n % 2 == 0) {
          m.multiply(factor(operand(v, 0)), n / 2);
        } else {
          m = root(operand(v, 0), n);
        }
        break;
      }
      default: m = factor(operand(v, 0)); break;  // broadcast of a scalar
    }
    return m;
  }

  /// Opens guarded factors where another factor makes the product infinite or NaN there anyway.
  void open_guards(Monomial& m) const {
    for (bool changed = true; changed;) {
      changed = false;
      for (const auto& [b, power] : m.powers) {
        if (b.rooted || power != 1) continue;
        const Value v{b.id}, x = guarded(v);
        if (!x.valid()) continue;
        const auto rooted = m.powers.find({x.id, true}), plain = m.powers.find({x.id, false});
        const bool infinite = (rooted != m.powers.end() && rooted->second < 0) ||
                              (plain != m.powers.end() && plain->second < 0) ||
                              std::any_of(m.powers.begin(), m.powers.end(), [&](const auto& other) {
                                const auto sum = sums_.find(other.first.id);
                                return sum != sums_.end() && sum->second.base.id == x.id;
                              });
        if (!infinite) continue;
        m.powers.erase(b);
        m.multiply(factor(operand(v, 2)), 1);
        changed = true;
        break;
      }
    }
  }

  // --- planning: which nodes are made, and how each base's powers are had

  void plan() {
    needed_.assign(f_.size(), false);
    for (Value r : f_.results()) needed_[r.id] = true;
    for (Value p : f_.params()) needed_[p.id] = true;
    for (std::size_t id = f_.size(); id-- > 0;) {
      if (!needed_[id]) continue;
      const Value v{static_cast<std::uint32_t>(id)};
      if (is_product(v)) {
        Monomial m = monomial(v);
        open_guards(m);
        if (m.usable()) {
          for (const auto& [b, power] : m.powers) needed_[b.id] = true;
          monomials_[v.id] = std::move(m);
          continue;
        }
      }
      if (const auto sum = sums_.find(v.id); sum != sums_.end()) {
        needed_[sum->second.base.id] = true;
        continue;
      }
      for (Value x : f_.operands(v)) {
        needed_[x.id] = true;
        ++readers_[x.id];
      }
    }
    for (Value r : f_.results()) ++readers_[r.id];
    for (const auto& [id, m] : monomials_) {
      for (const auto& [b, power] : m.powers) ++readers_[b.id];
    }
    for (auto& [id, m] : monomials_) shift_sums(m);
    for (const auto& [id, sum] : sums_) {
      if (!needed_[id]) continue;
      Need& need = needs_[sum.base];
      need.divided += 2;
      for (const auto& [power, c] : sum.terms) need.inverse_root |= power % 2 != 0;
    }
    for (const auto& [id, m] : monomials_) {
      for (const auto& [b, power] : m.powers) {
        Need& need = needs_[b];
        if (power > 0 && (power % 2 != 0 || !nonnegative(b))) need.root = true;
        if (power < 0) ++need.divided;
        if (power < 0 && power % 2 != 0) need.inverse_root = true;
      }
    }
  }

  /// x^-n (x^-a + x^-b): the power goes into the sum, when nothing else reads the sum.
  void shift_sums(Monomial& m) {
    for (const auto& [b, power] : m.powers) {
      const auto sum =
          b.rooted || power != 1 || readers_[b.id] != 1 ? sums_.end() : sums_.find(b.id);
      if (sum == sums_.end()) continue;
      const auto own = m.powers.find(sum->second.base);
      if (own == m.powers.end() || own->second > 0) continue;
      std::map<int, double> shifted;
      for (const auto& [e, c] : sum->second.terms) shifted[e + own->second] = c;
      sum->second.terms = std::move(shifted);
      m.powers.erase(own);
      return;
    }
  }

  /// For a rooted base: even powers are powers of x itself.
  bool nonnegative(const Base& b) const { return nonnegative(Value{b.id}); }

  bool nonnegative(Value x) const {
    signed char& known = nonnegative_[x.id];
    if (known < 0) known = is_nonnegative(f_, x) ? 1 : 0;
    return known == 1;
  }

  struct Need {
    bool root = false;          // a positive odd power of the root
    bool inverse_root = false;  // a negative odd power
    int divided = 0;            // products that divide by it
  };

  // --- writing

  Value whole_power(Value x, int n) {
    Value result;
    for (Value square = x; n > 0; n /= 2) {
      if (n % 2 == 1) result = result.valid() ? b_.mul(result, square) : square;
      if (n > 1) square = b_.mul(square, square);
    }
    return result;
  }

  Value one_over(Value x) { return b_.div(b_.splat(1.0, b_.type(x)), x); }

  /// base^n, n > 0.
  Value positive_power(const Base& base, int n) {
    const Value x = images_[base.id];
    if (!base.rooted) return whole_power(x, n);
    if (!nonnegative(base)) return whole_power(b_.unary(Op::kSqrt, x), n);
    const Value rest = n / 2 > 0 ? whole_power(x, n / 2) : Value{};
    return n % 2 == 1 ? times(b_.unary(Op::kSqrt, x), rest) : rest;
  }

  /// base^power as a factor, or (second) as a divisor. Negative powers of a root are powers of
  /// rsqrt. Of the rest, one product that divides by a base divides, several share a reciprocal.
  std::pair<Value, Value> written(const Base& base, int power) {
    const Need& need = needs_[base];
    const int n = std::abs(power);
    if (power > 0) return {positive_power(base, n), {}};
    const Value x = images_[base.id];
    if (base.rooted && (!nonnegative(base) || need.root || need.inverse_root)) {
      return {whole_power(b_.unary(Op::kRsqrt, x), n), {}};
    }
    if (need.divided <= 1) return {{}, positive_power(base, n)};
    return {whole_power(one_over(x), base.rooted ? n / 2 : n), {}};
  }

  /// Products of one shape, by class.
  struct Group {
    Values factors;
    Value divisors;
  };

  Value times(Value x, Value y) {
    if (!x.valid()) return y;
    if (!y.valid()) return x;
    return b_.mul(x, y);
  }
  Value times(Value x, const Values& factors) {
    for (Value y : factors) x = times(x, y);
    return x;
  }
  Value over(Value top, Value divisors, double& coefficient, const Type& type) {
    if (!divisors.valid()) return top;
    if (!top.valid()) top = b_.splat(std::exchange(coefficient, 1.0), type);
    return b_.div(top, divisors);
  }

  /// The product of the groups. What is invariant and what depends on one side only are made on
  /// their own, the coefficient among them. The pair's own factors then multiply one by one: a high
  /// power of a distance is never formed alone, where it could underflow in f32.
  Value join(std::map<Class, Group>& groups, double& coefficient, const Type& type) {
    Value fixed, divisors;
    Values singles, mixed;
    if (const auto found = groups.find(0); found != groups.end()) {
      const Group& g = found->second;
      fixed = over(times({}, g.factors), g.divisors, coefficient, type);
      if (fixed.valid() && coefficient != 1 && coefficient != -1) {
        fixed = b_.mul(b_.splat(std::exchange(coefficient, 1.0), type), fixed);
      }
    }
    for (auto group = groups.rbegin(); group != groups.rend(); ++group) {
      const auto& [c, g] = *group;
      if (c == 0) continue;
      if ((c & (c - 1)) != 0 || groups.size() == 1) {
        mixed.insert(mixed.end(), g.factors.begin(), g.factors.end());
        divisors = times(divisors, g.divisors);
        continue;
      }
      Value start = std::exchange(fixed, Value{});
      if (!start.valid() && coefficient != 1) {
        start = b_.splat(std::exchange(coefficient, 1.0), type);
      }
      singles.push_back(over(times(start, g.factors), g.divisors, coefficient, type));
    }
    Value product = singles.empty() ? fixed : singles.front();
    product = times(product, mixed);
    for (std::size_t k = 1; k < singles.size(); ++k) product = times(product, singles[k]);
    return over(product, divisors, coefficient, type);
  }

  /// By Horner's rule from the steepest power down: x^a (c + x^b (d + ...)).
  Value emit_sum(const PowerSum& sum) {
    const Type type = f_.type(Value{sum.base.id});
    const auto factor = [&](int power) { return written(sum.base, power).first; };
    auto term = sum.terms.begin();
    int power = term->first;
    Value inner = b_.splat(term->second, type);
    for (++term; term != sum.terms.end(); ++term) {
      inner = b_.add(b_.mul(factor(power - term->first), inner), b_.splat(term->second, type));
      power = term->first;
    }
    return power == 0 ? inner : b_.mul(factor(power), inner);
  }

  Value emit(Value v, const Monomial& m) {
    const Type type = f_.type(v);
    std::map<Class, Group> scalars, arrays;
    for (const auto& [base, power] : m.powers) {
      auto& groups = f_.type(Value{base.id}).is_scalar() ? scalars : arrays;
      Group& g = groups[class_[base.id]];
      // Two factors in place of one high power; even powers of a root stay even.
      const int unit = base.rooted && power % 2 == 0 ? 2 : 1;
      const int half = power / unit / 2 * unit;
      for (int part : {half, power - half}) {
        if (part == 0) continue;
        const auto [factor, divisor] = written(base, part);
        if (factor.valid()) g.factors.push_back(factor);
        if (divisor.valid()) g.divisors = times(g.divisors, divisor);
      }
    }
    double coefficient = m.coefficient;
    Value product = join(scalars, coefficient, type.with_shape({}));
    if (product.valid() && !type.is_scalar()) {
      product = apply_coefficient(product, coefficient);
      product = b_.broadcast_to(product, type.shape);
    }
    if (!arrays.empty()) product = times(product, join(arrays, coefficient, type));
    if (!product.valid()) return b_.splat(coefficient, type);
    return apply_coefficient(product, coefficient);
  }

  Value apply_coefficient(Value x, double& coefficient) {
    const double c = std::exchange(coefficient, 1.0);
    if (c == 1) return x;
    return c == -1 ? b_.neg(x) : b_.mul(b_.splat(c, b_.type(x)), x);
  }

  Value copy(Value v) {
    Values x;
    for (Value u : f_.operands(v)) x.push_back(images_[u.id]);
    const Op op = f_.op(v);
    if (!is_second_order(op)) return b_.copy(f_, v, x);
    const Attr& attr = f_.attr(v);
    const Layout layout = layout_of(op);
    std::vector<Class> classes(x.size() - layout.head + layout.indices, 0);
    if (const auto* a = std::get_if<MapAttr>(&attr)) {
      for (std::int64_t k = 0; k <= a->rows; ++k) classes[static_cast<std::size_t>(k)] = 1;
    } else if (const auto* p = std::get_if<PairAttr>(&attr)) {
      classes[0] = 1;
      classes[1] = 2;
      for (std::int64_t k = 0; k < p->rows_i + p->rows_j; ++k) {
        classes[static_cast<std::size_t>(k) + 2] = k < p->rows_i ? 1 : 2;
      }
    } else if (op == Op::kCond || op == Op::kCall) {
      // Runs as often as what is around it.
      for (std::size_t k = 0; k < classes.size(); ++k) {
        classes[k] = class_[f_.operand(v, k + layout.head).id];
      }
    } else {
      const auto* l = std::get_if<LoopAttr>(&attr);
      const std::int64_t invariants = l ? l->invariants : std::get<WhileAttr>(attr).invariants;
      for (std::size_t k = 0; k < classes.size(); ++k) {
        classes[k] = k > 0 && static_cast<std::int64_t>(k) <= invariants ? 0 : 1;
      }
    }
    return b_.make(op, x, change_bodies(attr, [&](const Function& body) {
                     // A loop's first and count are no parameters of its body.
                     return Reducer(body, {classes.begin(),
                                           classes.begin() +
                                               static_cast<std::ptrdiff_t>(body.params().size())})
                         .run();
                   }));
  }

  const Function& f_;
  Builder b_;
  std::vector<int> uses_;
  std::vector<Class> class_;
  std::vector<bool> boundary_, needed_;
  std::map<std::uint32_t, PowerSum> sums_;
  std::map<std::uint32_t, Monomial> pure_;       // of powers of one value
  std::map<std::uint32_t, Monomial> monomials_;  // of the products that are made
  std::map<std::uint32_t, int> readers_;         // products and other nodes that read a value
  std::map<Base, Need> needs_;
  mutable std::vector<signed char> nonnegative_;  // memo; -1: not asked yet
  Values images_;
};

}  // namespace

FunctionPtr reduce_strength(const Function& f) {
  return Reducer(f, std::vector<Class>(f.params().size(), 0)).run();
}

}  // namespace cotangent::transform
