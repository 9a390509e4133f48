// Products of powers, collected. Derivatives of a power of a distance are a heap of products that
// differ by a constant: the second derivative of 1/r^12 by the rules is seventy operations, and
// 156 e/r^14 with some e. In bodies of pair_sum every scalar is read as a sum of a few monomials
//   c * x1^(n1/2) * x2^(n2/2) * ...
// that differ in the power of one value only, equal ones are added up, and where that leaves less
// than half of the work it is written so. Rounding changes within a few ulp of the largest term of
// a sum that was there before, for nothing is multiplied out but by a single product. Only one
// value of a monomial has a high power, so no power is formed that is far beyond those that were:
// (s/r)^12 is not s^12 / r^12. Singularities that cancel are gone. reduce_strength finds the
// cheapest way to the powers.
#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <set>

#include "cotangent/transform/partials.h"
#include "cotangent/transform/passes.h"
#include "cotangent/transform/rebuild.h"

namespace cotangent::transform {

using namespace ir;

namespace {

constexpr std::size_t kMaxMonomials = 6;
constexpr int kMaxPower = 64;
constexpr int kLowPower = 2;  ///< what all values of a monomial but one may have
/// From so many operations on a scalar is worth a look.
constexpr double kLeastWork = 20;

/// Powers of values, by node; in halves.
using Powers = std::map<std::uint32_t, int>;
/// Coefficients of monomials.
using Sum = std::map<Powers, double>;

class Collector {
 public:
  explicit Collector(const Function& f) : f_(f), b_(f.name()), sums_(f.size()), images_(f.size()) {}

  FunctionPtr run() {
    find_bases();
    for (std::uint32_t id = 0; id < f_.size(); ++id) sums_[id] = read(Value{id});
    find_rewritten();
    needed_.assign(f_.size(), false);
    for (Value p : f_.params()) needed_[p.id] = true;
    for (Value r : f_.results()) needed_[r.id] = true;
    for (std::size_t id = f_.size(); id-- > 0;) {
      if (!needed_[id]) continue;
      const Value v{static_cast<std::uint32_t>(id)};
      if (rewritten_.count(v.id)) {
        for (const auto& [powers, c] : *sums_[id]) {
          for (const auto& [x, n] : powers) needed_[x] = true;
        }
      } else {
        for (Value x : f_.operands(v)) needed_[x.id] = true;
      }
    }
    for (std::size_t k = 0; k < f_.params().size(); ++k) {
      images_[f_.params()[k].id] = b_.param(f_.param_type(k), f_.param_names()[k]);
    }
    for (std::uint32_t id = 0; id < f_.size(); ++id) {
      const Value v{id};
      if (!needed_[id] || f_.op(v) == Op::kParameter) continue;
      const auto spans = f_.spans(v);
      b_.set_spans({spans.begin(), spans.end()});
      images_[id] = rewritten_.count(id) ? write(*sums_[id], f_.type(v)) : copy(v);
    }
    Values results;
    for (Value r : f_.results()) results.push_back(images_[r.id]);
    const FunctionPtr out = b_.finish(results);
    return work_of(*out) < work_of(f_) ? out : std::make_shared<const Function>(f_);
  }

 private:
  static double work_of(const Function& f) {
    double work = 0;
    for (std::uint32_t id = 0; id < f.size(); ++id) work += weight(f.op(Value{id}));
    return work;
  }

  // --- reading

  /// Sums under a division or a root, r^2 + eps^2 say, are values that powers are taken of.
  void find_bases() {
    for (std::uint32_t id = 0; id < f_.size(); ++id) {
      const Value v{id};
      switch (f_.op(v)) {
        case Op::kDiv: mark_bases(f_.operand(v, 1)); break;
        case Op::kSqrt:
        case Op::kRsqrt:
        case Op::kPow: mark_bases(f_.operand(v, 0)); break;
        default: break;
      }
    }
  }

  void mark_bases(Value v) {
    if (!marked_.insert(v.id).second) return;
    switch (f_.op(v)) {
      case Op::kAdd:
      case Op::kSub: bases_.insert(v.id); break;
      case Op::kMul:
      case Op::kDiv: mark_bases(f_.operand(v, 1)); [[fallthrough]];
      case Op::kNeg:
      case Op::kSqrt:
      case Op::kRsqrt:
      case Op::kPow: mark_bases(f_.operand(v, 0)); break;
      default: break;
    }
  }

  static Sum one(std::uint32_t id, int halves = 2) { return {{{{id, halves}}, 1.0}}; }

  /// The sum, or nothing for what is no number or no scalar.
  std::optional<Sum> read(Value v) {
    if (is_projected(f_.op(v))) return {};
    const Type& t = f_.type(v);
    if (!t.is_scalar() || !is_float(t.dtype)) return {};
    if (const auto c = splat_value(f_, v)) {
      if (std::isfinite(*c) && *c != 0) return Sum{{{}, *c}};
      return one(v.id);
    }
    if (bases_.count(v.id)) return one(v.id);
    std::optional<Sum> sum = read_operation(v);
    if (!sum || sum->size() > kMaxMonomials || !is_usable(*sum)) return one(v.id);
    poly_.insert(v.id);
    return sum;
  }

  static bool is_usable(const Sum& sum) {
    if (sum.empty()) return false;  // zero: left to those who fold
    for (const auto& [powers, c] : sum) {
      if (!(std::fabs(c) > 1e-30 && std::fabs(c) < 1e30)) return false;
      for (const auto& [x, n] : powers) {
        if (std::abs(n) > 2 * kMaxPower) return false;
      }
    }
    return true;
  }

  std::optional<Sum> read_operation(Value v) {
    const auto x = [&](std::size_t k) -> const Sum& { return *sums_[f_.operand(v, k).id]; };
    switch (f_.op(v)) {
      case Op::kNeg: return scaled(x(0), -1);
      case Op::kAdd: return added(x(0), x(1), 1);
      case Op::kSub: return added(x(0), x(1), -1);
      case Op::kMul: return product(x(0), x(1));
      case Op::kDiv: {
        const auto inverse = power(x(1), -1);
        return inverse ? product(x(0), *inverse) : std::nullopt;
      }
      case Op::kPow: {
        const auto n = splat_value(f_, f_.operand(v, 1));
        if (!n || *n != std::floor(*n) || std::fabs(*n) > kMaxPower || *n == 0) return {};
        return power(x(0), static_cast<int>(*n));
      }
      case Op::kSqrt:
      case Op::kRsqrt: {
        const Value under = f_.operand(v, 0);
        if (poly_.count(under.id) || !is_nonnegative(f_, under)) return {};
        return one(under.id, f_.op(v) == Op::kSqrt ? 1 : -1);
      }
      default: return {};
    }
  }

  static Sum scaled(Sum x, double c) {
    for (auto& [powers, coefficient] : x) coefficient *= c;
    return x;
  }

  static std::optional<Sum> added(Sum x, const Sum& y, double sign) {
    for (const auto& [powers, c] : y) {
      if ((x[powers] += sign * c) == 0) x.erase(powers);
    }
    return differ_in_one(x) ? std::optional(std::move(x)) : std::nullopt;
  }

  /// Whether the terms differ in the power of one value only.
  static bool differ_in_one(const Sum& sum) {
    std::set<std::uint32_t> differing;
    const Powers& first = sum.empty() ? Powers{} : sum.begin()->first;
    for (const auto& [powers, c] : sum) {
      for (const auto& [x, n] : powers) {
        const auto found = first.find(x);
        if (found == first.end() || found->second != n) differing.insert(x);
      }
      for (const auto& [x, n] : first) {
        if (!powers.count(x)) differing.insert(x);
      }
    }
    return differing.size() <= 1;
  }

  /// Whether one value at most has a high power.
  static bool is_tame(const Powers& powers) {
    int high = 0;
    for (const auto& [x, n] : powers) high += std::abs(n) > 2 * kLowPower ? 1 : 0;
    return high <= 1;
  }

  static std::optional<Sum> product(const Sum& x, const Sum& y) {
    if (x.size() > 1 && y.size() > 1) return {};
    Sum out;
    for (const auto& [px, cx] : x) {
      for (const auto& [py, cy] : y) {
        Powers p = px;
        for (const auto& [id, n] : py) {
          if ((p[id] += n) == 0) p.erase(id);
        }
        if (!is_tame(p)) return {};
        if ((out[p] += cx * cy) == 0) out.erase(p);
      }
    }
    return out;
  }

  static std::optional<Sum> power(const Sum& x, int n) {
    if (x.size() != 1) return {};
    const auto& [powers, c] = *x.begin();
    if (std::abs(n) > 1 && powers.size() > 1) return {};
    Powers p;
    for (const auto& [id, m] : powers) p[id] = n * m;
    return Sum{{p, std::pow(c, n)}};
  }

  // --- choosing

  static double weight(Op op) {
    if (!is_elementwise(op)) return 0;
    return op == Op::kDiv || op == Op::kPow || op == Op::kSqrt || op == Op::kRsqrt ? 3 : 1;
  }

  /// The operations under v down to the values its sum is over.
  double work_under(Value v, std::set<std::uint32_t>& seen) const {
    if (!poly_.count(v.id) || !seen.insert(v.id).second) return 0;
    double work = weight(f_.op(v));
    for (Value x : f_.operands(v)) work += work_under(x, seen);
    return work;
  }

  /// What all terms have: x^n where each has x^n or more, and where each has x^-n or less.
  static Powers common_of(const Sum& sum) {
    std::map<std::uint32_t, std::pair<int, int>> range;
    for (const auto& [powers, c] : sum) {
      for (const auto& [x, n] : powers) range.insert({x, {n, n}});
    }
    Powers common;
    for (auto& [x, lowest_highest] : range) {
      auto& [lowest, highest] = lowest_highest;
      for (const auto& [powers, c] : sum) {
        const auto found = powers.find(x);
        const int n = found == powers.end() ? 0 : found->second;
        lowest = std::min(lowest, n);
        highest = std::max(highest, n);
      }
      if (lowest > 0) common[x] = lowest;
      if (highest < 0) common[x] = highest;
    }
    return common;
  }

  static Powers without(Powers powers, const Powers& common) {
    for (const auto& [x, n] : common) {
      if ((powers[x] -= n) == 0) powers.erase(x);
    }
    return powers;
  }

  static double work_of(const Sum& sum) {
    const Powers common = common_of(sum);
    std::set<std::pair<std::uint32_t, int>> powers(common.begin(), common.end());
    auto work = static_cast<double>(common.size());
    for (const auto& [all, c] : sum) {
      const Powers rest = without(all, common);
      work += 1 + static_cast<double>(rest.size());
      powers.insert(rest.begin(), rest.end());
    }
    double dividing = 0;
    for (const auto& [x, n] : powers) {
      work += n == 2 ? 0 : 1.5;
      if (n < 0) dividing = weight(Op::kDiv);
    }
    return work + dividing;
  }

  /// Sums that something else than another sum reads, and that are much shorter as such.
  void find_rewritten() {
    std::vector<bool> read_by_others(f_.size(), false);
    for (Value r : f_.results()) read_by_others[r.id] = true;
    for (std::uint32_t id = 0; id < f_.size(); ++id) {
      if (poly_.count(id)) continue;
      for (Value x : f_.operands(Value{id})) read_by_others[x.id] = true;
    }
    for (std::uint32_t id : poly_) {
      if (!read_by_others[id]) continue;
      std::set<std::uint32_t> seen;
      const double work = work_under(Value{id}, seen);
      if (work >= kLeastWork && 2 * work_of(*sums_[id]) <= work) rewritten_.insert(id);
    }
  }

  // --- writing

  Value power_of(Value x, int halves, const Type& type) {
    if (halves == 2) return x;
    if (halves % 2 == 0) return b_.binary(Op::kPow, x, b_.splat(halves / 2, type));
    const Value root = b_.unary(halves > 0 ? Op::kSqrt : Op::kRsqrt, x);
    const int rest = halves > 0 ? halves - 1 : halves + 1;
    return rest == 0 ? root : b_.mul(root, power_of(x, rest, type));
  }

  /// What is common, times the sum of the rest.
  Value write(const Sum& sum, const Type& type) {
    const Powers common = common_of(sum);
    const auto times = [&](Value product, const Powers& powers) {
      for (const auto& [x, n] : powers) {
        const Value factor = power_of(images_[x], n, type);
        product = product.valid() ? b_.mul(product, factor) : factor;
      }
      return product;
    };
    Value total;
    for (const auto& [all, c] : sum) {
      const Value coefficient = b_.splat(c, type), rest = times({}, without(all, common));
      const Value term = rest.valid() ? b_.mul(coefficient, rest) : coefficient;
      total = total.valid() ? b_.add(total, term) : term;
    }
    return times(total, common);
  }

  Value copy(Value v) {
    Values x;
    for (Value u : f_.operands(v)) x.push_back(images_[u.id]);
    return b_.copy(f_, v, x);
  }

  const Function& f_;
  Builder b_;
  std::vector<std::optional<Sum>> sums_;
  std::set<std::uint32_t> marked_, bases_;
  std::set<std::uint32_t> poly_;  ///< nodes that are sums of others
  std::set<std::uint32_t> rewritten_;
  std::vector<bool> needed_;
  Values images_;
};

}  // namespace

FunctionPtr collect_powers(const Function& f) {
  return rewrite(f, {}, collect_powers,
                 [&](Builder& b, Value v, std::span<const Value> x, const Values&) {
                   if (f.op(v) != Op::kPairSum) return Values{};
                   PairAttr a = f.attr_as<PairAttr>(v);
                   a.body = Collector(*collect_powers(*a.body)).run();
                   return b.pair_sum(a, x);
                 });
}

}  // namespace cotangent::transform
