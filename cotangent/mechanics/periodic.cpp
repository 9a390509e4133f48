#include "cotangent/mechanics/periodic.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>

#include "cotangent/mechanics/abstract.h"

namespace cotangent::mechanics {
namespace {

using ir::Function;
using ir::Op;

/// A number in long double, and whether it is that exactly.
struct Number {
  long double value = 0;
  bool exact = true;
  bool operator==(const Number&) const = default;
};

Number product(const Number& a, const Number& b) {
  const long double c = a.value * b.value;
  return {c, a.exact && b.exact && std::fma(a.value, b.value, -c) == 0};
}
Number quotient(const Number& a, const Number& b) {
  const long double c = a.value / b.value;
  return {c, a.exact && b.exact && std::fma(c, b.value, -a.value) == 0};
}
Number sum(const Number& a, const Number& b) {
  const long double c = a.value + b.value, back = c - a.value;
  return {c, a.exact && b.exact && (a.value - (c - back)) + (b.value - back) == 0};
}

/// kStill: reads no t (and may be a known number); kLine: a constant slope in t plus what does not
/// read t; kPeriodic; kOther.
struct Course {
  enum class Kind { kStill, kLine, kPeriodic, kOther };
  Kind kind = Kind::kStill;
  std::optional<Number> number;      // of kStill; the slope of kLine
  std::vector<long double> waves{};  // of kPeriodic, sorted
  bool exact = true;
  bool operator==(const Course&) const = default;
};
using CourseKind = Course::Kind;

struct CourseDomain {
  using Value = Course;
  SourceSpan place;
  std::string op;

  Value index() { return {}; }
  Value join(const Value& a, const Value& b) {
    if (a == b) return a;
    if (a.kind == CourseKind::kOther || b.kind == CourseKind::kOther)
      return {CourseKind::kOther, {}};
    if (a.kind == CourseKind::kLine || b.kind == CourseKind::kLine) return {CourseKind::kOther, {}};
    return combined({a, b});
  }
  Value widen(const Value&) { return {CourseKind::kOther, {}}; }
  Value chosen(const Value& a, const Value& by) {
    return by.kind == CourseKind::kStill ? a : Value{CourseKind::kOther, {}};
  }
  /// A sum over an index is no longer the number, or the slope, of one of its terms.
  Value total(ir::Role role, const Value& result, const std::vector<Value>&) {
    if (role == ir::Role::kStack) return result;
    if (result.kind == CourseKind::kLine) return {CourseKind::kOther, {}};
    Value sum = result;
    sum.number.reset();
    return sum;
  }

  static Value combined(const std::vector<Value>& x) {
    Value all;
    for (const Value& o : x) {
      all.exact = all.exact && o.exact;
      if (o.kind == CourseKind::kPeriodic) all.kind = CourseKind::kPeriodic;
      all.waves.insert(all.waves.end(), o.waves.begin(), o.waves.end());
    }
    std::sort(all.waves.begin(), all.waves.end());
    all.waves.erase(std::unique(all.waves.begin(), all.waves.end()), all.waves.end());
    return all;
  }

  Value lost(const Function& f, ir::Value v) {
    if (op.empty()) {
      op = ir::name_of(f.op(v));
      for (const SourceSpan& s : f.spans(v)) {
        if (place.empty()) place = s;
      }
    }
    return {CourseKind::kOther, {}};
  }

  Value apply(const Function& f, ir::Value v, const std::vector<Value>& x) {
    const auto any = [&](CourseKind kind) {
      return std::any_of(x.begin(), x.end(), [kind](const Value& o) { return o.kind == kind; });
    };
    if (f.op(v) == Op::kConstant) return constant(*f.attr_as<ir::LiteralAttr>(v).value);
    if (any(CourseKind::kOther)) return {CourseKind::kOther, {}};
    if (!any(CourseKind::kLine)) {
      if (any(CourseKind::kPeriodic)) return combined(x);
      Value still;
      still.number = folded(f, v, x);
      return still;
    }
    return of_line(f, v, x);
  }

  static Value constant(const ir::Tensor& value) {
    Value still;
    if (value.size() < 1 || !is_float(value.type().dtype)) return still;
    for (std::int64_t k = 1; k < value.size(); ++k) {
      if (value.real(k) != value.real(0)) return still;
    }
    still.number = Number{value.real(0), true};
    return still;
  }

  static std::optional<Number> folded(const Function& f, ir::Value v, const std::vector<Value>& x) {
    for (const Value& o : x) {
      if (!o.number) return {};
    }
    switch (f.op(v)) {
      case Op::kNeg: return Number{-x[0].number->value, x[0].number->exact};
      case Op::kAdd: return sum(*x[0].number, *x[1].number);
      case Op::kSub: return sum(*x[0].number, Number{-x[1].number->value, x[1].number->exact});
      case Op::kMul: return product(*x[0].number, *x[1].number);
      case Op::kDiv: return quotient(*x[0].number, *x[1].number);
      case Op::kReshape:
      case Op::kBroadcast: return x[0].number;
      default: return {};
    }
  }

  Value of_line(const Function& f, ir::Value v, const std::vector<Value>& x) {
    const auto line = [](std::optional<Number> slope) {
      Value made{CourseKind::kLine, std::move(slope)};
      return made;
    };
    const auto still = [&](std::size_t k) { return x[k].kind == CourseKind::kStill; };
    switch (f.op(v)) {
      case Op::kReshape:
      case Op::kBroadcast:
      case Op::kTranspose:
      case Op::kSlice:
      case Op::kReverse: return x[0];
      case Op::kNeg: return line(Number{-x[0].number->value, x[0].number->exact});
      case Op::kAdd:
      case Op::kSub: {
        const auto slope = [&](std::size_t k) -> std::optional<Number> {
          if (still(k)) return Number{};
          if (x[k].kind != CourseKind::kLine) return {};
          return x[k].number;
        };
        const auto a = slope(0);
        auto b = slope(1);
        if (!a || !b) break;
        if (f.op(v) == Op::kSub) b->value = -b->value;
        return line(sum(*a, *b));
      }
      case Op::kMul:
        for (std::size_t k : {std::size_t{0}, std::size_t{1}}) {
          if (x[k].kind == CourseKind::kLine && still(1 - k) && x[1 - k].number) {
            return line(product(*x[k].number, *x[1 - k].number));
          }
        }
        break;
      case Op::kDiv:
        if (x[0].kind == CourseKind::kLine && still(1) && x[1].number) {
          return line(quotient(*x[0].number, *x[1].number));
        }
        break;
      case Op::kSin:
      case Op::kCos:
      case Op::kTan: return wave(*x[0].number);
      default: break;
    }
    return lost(f, v);
  }

  static Value wave(const Number& slope) {
    Value made;
    if (slope.value == 0 && slope.exact) return made;
    made.kind = CourseKind::kPeriodic;
    made.waves = {std::abs(slope.value)};
    made.exact = slope.exact;
    return made;
  }
};

}  // namespace

TimeOf time_of(const ir::Function& f, std::size_t time, const std::vector<std::size_t>& moving,
               const std::vector<ir::Tensor>& values) {
  CourseDomain domain;
  std::vector<Course> arguments(f.params().size());
  for (std::size_t k = 0; k < arguments.size(); ++k) {
    if (std::find(moving.begin(), moving.end(), k) != moving.end()) continue;
    if (k < values.size()) arguments[k] = CourseDomain::constant(values[k]);
  }
  arguments[time] = Course{CourseKind::kLine, Number{1, true}};
  const Course course = Interpreter(domain).run(f, arguments)[0];
  TimeOf made;
  made.exact = course.exact;
  made.frequencies = course.waves;
  made.kind = course.kind == CourseKind::kStill      ? TimeOf::Kind::kStill
              : course.kind == CourseKind::kPeriodic ? TimeOf::Kind::kPeriodic
                                                     : TimeOf::Kind::kOther;
  made.place = domain.place;
  made.op = domain.op.empty() ? "a sum" : domain.op;
  return made;
}

std::optional<Period> common_period(const std::vector<long double>& frequencies, bool exact) {
  constexpr std::int64_t kLargest = 1000;
  if (frequencies.empty()) return {};
  const long double base = frequencies[0];
  // All are base * n_k / d_k; the slowest common wave is base * gcd(n) / lcm(d).
  std::int64_t gcd = 0, lcm = 1;
  for (const long double w : frequencies) {
    std::int64_t n = 0, d = 1;
    for (; d <= kLargest; ++d) {
      const long double scaled = w / base * static_cast<long double>(d);
      n = std::llround(scaled);
      if (n > 0 && n <= kLargest &&
          std::abs(scaled - static_cast<long double>(n)) <= 1e-12L * scaled)
        break;
    }
    if (d > kLargest) return {};
    const auto times = [](long double x, std::int64_t by) {
      return product({x, true}, {static_cast<long double>(by), true});
    };
    const Number left = times(w, d), right = times(base, n);
    exact = exact && left.exact && right.exact && left.value == right.value;
    gcd = std::gcd(gcd * (d / std::gcd(lcm, d)), n * (lcm / std::gcd(lcm, d)));
    lcm = std::lcm(lcm, d);
    if (lcm > 1000000) return {};
  }
  const long double slowest = base * static_cast<long double>(gcd) / static_cast<long double>(lcm);
  return Period{static_cast<double>(2 * std::numbers::pi_v<long double> / slowest), exact};
}

}  // namespace cotangent::mechanics
