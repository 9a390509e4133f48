#include "cotangent/transform/check_grad.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <limits>
#include <numeric>

#include "cotangent/base/text.h"
#include "cotangent/ir/builder.h"
#include "cotangent/ir/evaluator.h"
#include "cotangent/ir/splitmix.h"

namespace cotangent::transform {
namespace {

using ir::Function;
using ir::FunctionPtr;
using ir::Tensor;
using Tensors = std::vector<Tensor>;
using Real = long double;
using Reals = std::vector<Real>;

constexpr int kLevels = 8;           // steps h, h/4, h/16, ... to h/16384
constexpr double kTrust = 10;        // estimates of errors are taken so many times
constexpr double kFewDigits = 1e-2;  // an estimate above that part of the number leaves no digits

bool finite(const Tensors& x) {
  return std::none_of(x.begin(), x.end(), [](const Tensor& t) { return first_non_finite(t); });
}

Tensor widened(const Tensor& x) {
  if (x.type().dtype != DType::kF32) return x;
  Tensor y(x.type().with_dtype(DType::kF64));
  for (std::int64_t k = 0; k < x.size(); ++k) y.set_real(k, x.real(k));
  return y;
}

/// Whether f computes in f32. A number that is cast to f32 only to have its bits read is one for a
/// message.
bool has_single(const Function& f) {
  std::vector<bool> read(f.size(), false);  // as a number
  for (const ir::Value r : f.results()) read[r.id] = true;
  for (std::uint32_t id = 0; id < f.size(); ++id) {
    if (f.op({id}) == ir::Op::kBitcast) continue;
    for (const ir::Value o : f.operands({id})) read[o.id] = true;
  }
  for (std::uint32_t id = 0; id < f.size(); ++id) {
    const ir::Value v{id};
    if (f.op(v) == ir::Op::kCast && !read[id]) continue;
    for (const ir::Type& t : f.result_types(v)) {
      if (t.dtype == DType::kF32) return true;
    }
    for (const FunctionPtr& body : bodies_of(f.attr(v))) {
      if (has_single(*body)) return true;
    }
  }
  return false;
}

/// A derivative by differences.
struct Slope {
  Real value = 0;
  Real error = 0;  ///< an estimate
  Real floor = 0;  ///< errors below this are rounding, whatever the value
  bool kink = false;
  Real left = 0, right = 0;  ///< at a kink
};

Real step_of(Real h, int level) {
  return std::ldexp(h, -2 * level);
}

/// One number by central differences of the steps h 4^-k, extrapolated (Ridders 1982): the entry of
/// the table with the least estimate of its error. Only steps count from which on the differences
/// to the left and to the right come together as the steps shrink, up to the `noise` of the numbers
/// they are made of: with wider ones a kink or a jump is within reach.
Slope extrapolated(const std::array<Real, kLevels>& plus, const std::array<Real, kLevels>& minus,
                   Real middle, Real h, Real noise, bool smooth) {
  std::array<Real, kLevels> left, right, central;
  for (std::size_t k = 0; k < kLevels; ++k) {
    const Real step = step_of(h, static_cast<int>(k));
    left[k] = (middle - minus[k]) / step;
    right[k] = (plus[k] - middle) / step;
    central[k] = (plus[k] - minus[k]) / (2 * step);
  }
  constexpr std::size_t kLast = kLevels - 1;
  std::size_t first = kLast;
  for (; first > 0; --first) {
    const Real gap = std::fabs(right[first] - left[first]);
    const Real wider = std::fabs(right[first - 1] - left[first - 1]);
    const Real rounding =
        noise / step_of(h, static_cast<int>(first)) + 1e-8L * std::fabs(central[first]);
    if (gap > wider / 2 + rounding) break;
  }
  Slope slope;
  slope.left = left[kLast];
  slope.right = right[kLast];
  slope.kink = !smooth && first == kLast;
  slope.error = std::numeric_limits<Real>::infinity();
  std::array<std::array<Real, kLevels>, kLevels> table;
  for (std::size_t i = first; i < kLevels; ++i) {
    table[0][i] = central[i];
    Real power = 1;
    for (std::size_t j = 1; j <= i - first; ++j) {
      power *= 16;
      table[j][i] = table[j - 1][i] + (table[j - 1][i] - table[j - 1][i - 1]) / (power - 1);
      // Entries may agree by chance.
      const Real error = std::max({std::fabs(table[j][i] - table[j - 1][i]),
                                   std::fabs(table[j][i] - table[j - 1][i - 1]),
                                   noise / (64 * step_of(h, static_cast<int>(i)))});
      if (error < slope.error) {
        slope.error = error;
        slope.value = table[j][i];
      }
    }
  }
  slope.floor = 1000 * noise / h;
  return slope;
}

/// Which of the ways gave something that is not finite.
enum class Way { kValue, kForward, kReverse };
/// Says where that was made.
using Explain = std::function<std::optional<ir::NonFinite>(Way, std::span<const Tensor>)>;

class Check {
 public:
  Check(const GivenDerivatives& given, const GradCheckOptions& options, Explain explain)
      : given_(given), options_(options), explain_(std::move(explain)), random_(options.seed) {
    check_.reverse.method = "reverse";
    check_.forward.method = "forward";
    check_.differences.method = "differences";
    check_.identity.method = "dot product";
    const double tolerance = options.tolerance > 0 ? options.tolerance : given.single ? 1e-3 : 1e-6;
    check_.reverse.tolerance = check_.forward.tolerance = tolerance;
    check_.differences.tolerance = tolerance;
    check_.identity.tolerance = options.identity_tolerance > 0 ? options.identity_tolerance
                                : given.single                 ? 1e-5
                                                               : 1e-12;
  }

  GradCheck run() {
    Tensors nowhere;
    for (const Tensor& x : given_.x) nowhere.push_back(Tensor(x.type()));
    if (!finite(moved(nowhere, 0))) {
      not_finite(Way::kValue, given_.x, "the function itself is not finite here", nullptr);
      return check_;
    }
    for (int n = 0; n < std::max(options_.directions, 1); ++n) one_direction();
    if (given_.reverse && check_.reverse.state != GradCheckRow::State::kNotFinite) components();
    judge(given_.forward != nullptr, given_.reverse != nullptr);
    return check_;
  }

 private:
  using State = GradCheckRow::State;

  double uniform() { return 2 * random_.unit() - 1; }
  Tensor random_like(const ir::Type& type) {
    Tensor t(type);
    for (std::int64_t k = 0; k < t.size(); ++k) t.set_real(k, uniform());
    return t;
  }

  /// The function at x + s d.
  Tensors moved(const Tensors& d, Real s) const {
    Tensors at = given_.x;
    for (std::size_t k = 0; k < at.size(); ++k) {
      Tensor t = widened(at[k]).to_extended();
      for (std::int64_t e = 0; e < t.size(); ++e) t.set_real(e, t.real(e) + s * d[k].real(e));
      at[k] = std::move(t);
    }
    return given_.value(at);
  }

  /// The derivatives of all elements of the real results, one after the other.
  std::vector<Slope> slopes(const Tensors& d, Real size) const {
    std::vector<Slope> out;
    if (options_.slope) {
      for (const Tensor& t : options_.slope(d)) {
        for (std::int64_t e = 0; e < t.size(); ++e) {
          const Real y = t.real(e);
          out.push_back(
              {y, 4 * std::numeric_limits<double>::epsilon() * std::fabs(y), 0, false, 0, 0});
        }
      }
      return out;
    }
    const Real h = static_cast<Real>(options_.step) * size;
    std::vector<Tensors> plus, minus;
    for (int k = 0; k < kLevels; ++k) {
      plus.push_back(moved(d, step_of(h, k)));
      minus.push_back(moved(d, -step_of(h, k)));
    }
    const Tensors middle = moved(d, 0);
    for (std::size_t r = 0; r < given_.results.size(); ++r) {
      Real largest = 0;
      for (std::int64_t e = 0; e < middle[r].size(); ++e) {
        largest = std::max(largest, std::fabs(middle[r].real(e)));
      }
      const Real noise = static_cast<Real>(given_.noise) * largest;
      for (std::int64_t e = 0; e < middle[r].size(); ++e) {
        std::array<Real, kLevels> up, down;
        for (std::size_t k = 0; k < kLevels; ++k) {
          up[k] = plus[k][r].real(e);
          down[k] = minus[k][r].real(e);
        }
        out.push_back(extrapolated(up, down, middle[r].real(e), h, noise, given_.smooth));
      }
    }
    return out;
  }

  /// The scale of the arguments along d: what a relative step is relative to.
  Real size_along(const Tensors& d) const {
    Real size = 1;
    for (std::size_t k = 0; k < d.size(); ++k) {
      for (std::int64_t e = 0; e < d[k].size(); ++e) {
        const Real x = std::fabs(given_.x[k].real(e)), s = std::fabs(d[k].real(e));
        if (s != 0 && x > 1) size = std::max(size, x / s);
      }
    }
    return size;
  }

  void not_finite(Way way, const Tensors& arguments, const std::string& what, GradCheckRow* row) {
    if (row) row->state = State::kNotFinite;
    if (stopped_) return;
    stopped_ = true;
    if (explain_) check_.non_finite = explain_(way, arguments);
    if (row) check_.verdict = GradCheck::Verdict::kFail;
    check_.reason = what;
  }

  /// J d or J^T u.
  Tensors derivatives(Way way, const Tensors& along) {
    const bool forward = way == Way::kForward;
    GradCheckRow& row = forward ? check_.forward : check_.reverse;
    Tensors out = (forward ? given_.forward : given_.reverse)(along);
    if (!finite(out)) {
      not_finite(way, along, row.method + " gives a derivative that is not finite", &row);
    }
    return out;
  }

  Tensors cotangents() {
    Tensors u;
    const bool one = given_.results.size() == 1 && given_.results[0].size() == 1;
    for (const ir::Type& type : given_.results) {
      u.push_back(one ? ir::filled(type, 1) : random_like(type));
    }
    return u;
  }

  void one_direction() {
    Tensors d, u = cotangents();
    for (const Tensor& x : given_.x) d.push_back(random_like(x.type()));
    Tensors pushed, pulled;
    if (given_.forward && check_.forward.state != State::kNotFinite) {
      pushed = derivatives(Way::kForward, d);
      if (check_.forward.state != State::kNotFinite) compare_forward(d, pushed);
    }
    if (given_.reverse && check_.reverse.state != State::kNotFinite) {
      pulled = derivatives(Way::kReverse, u);
    }
    if (pushed.empty() || pulled.empty() || !finite(pushed) || !finite(pulled)) return;
    Real left = 0, right = 0, condition = 0;
    const auto add = [&](Real& sum, const Tensor& x, const Tensor& y) {
      for (std::int64_t e = 0; e < x.size(); ++e) {
        sum += x.real(e) * y.real(e);
        condition += std::fabs(x.real(e) * y.real(e));
      }
    };
    for (std::size_t r = 0; r < u.size(); ++r) add(left, u[r], pushed[r]);
    for (std::size_t k = 0; k < d.size(); ++k) add(right, pulled[k], d[k]);
    GradCheckRow& row = check_.identity;
    const Real off = condition > 0 ? std::fabs(left - right) / condition : 0;
    ++row.compared;
    if (row.state == State::kNothing) row.state = State::kAgrees;
    if (static_cast<double>(off) >= row.worst) {
      row.worst = static_cast<double>(off);
      row.where = "<u, J d> is " + shortest(static_cast<double>(left)) + ", <J^T u, d> " +
                  shortest(static_cast<double>(right));
    }
    if (off > static_cast<Real>(row.tolerance)) row.state = State::kDisagrees;
  }

  void compare_forward(const Tensors& d, const Tensors& pushed) {
    const std::vector<Slope> slope = slopes(d, size_along(d));
    Real scale = 0;
    for (const Slope& s : slope) scale = std::max(scale, std::fabs(s.value));
    std::size_t n = 0;
    for (std::size_t r = 0; r < pushed.size(); ++r) {
      const Shape& shape = pushed[r].type().shape;
      for (std::int64_t e = 0; e < pushed[r].size(); ++e, ++n) {
        compare(check_.forward, pushed[r].real(e), slope[n], scale,
                given_.names[given_.x.size() + r] + ir::element_text(shape, e));
      }
    }
  }

  /// J^T u against differences along axes.
  void components() {
    const Tensors u = cotangents();
    const Tensors pulled = derivatives(Way::kReverse, u);
    if (check_.reverse.state == State::kNotFinite) return;
    std::vector<std::pair<std::size_t, std::int64_t>> all;
    for (std::size_t k = 0; k < pulled.size(); ++k) {
      for (std::int64_t e = 0; e < pulled[k].size(); ++e) all.emplace_back(k, e);
    }
    const auto most = static_cast<std::size_t>(std::max<std::int64_t>(options_.components, 1));
    if (all.size() > most) {
      for (std::size_t k = 0; k < most; ++k) {
        std::swap(all[k], all[k + static_cast<std::size_t>(
                                      random_.below(static_cast<std::int64_t>(all.size() - k)))]);
      }
      all.resize(most);
      std::sort(all.begin(), all.end());
    }
    Tensors d;
    for (const Tensor& x : given_.x) d.push_back(Tensor(x.type()));
    std::vector<Slope> along;
    Real scale = 0;
    for (const auto& [k, e] : all) {
      d[k].set_real(e, 1);
      along.push_back(contracted(u, slopes(d, size_along(d))));
      d[k].set_real(e, 0);
      scale = std::max(scale, std::fabs(along.back().value));
    }
    for (std::size_t n = 0; n < all.size(); ++n) {
      const auto& [k, e] = all[n];
      compare(check_.reverse, pulled[k].real(e), along[n], scale,
              given_.names[k] + ir::element_text(pulled[k].type().shape, e));
    }
  }

  Slope contracted(const Tensors& u, const std::vector<Slope>& slope) const {
    Slope sum;
    std::size_t n = 0;
    for (const Tensor& weights : u) {
      for (std::int64_t e = 0; e < weights.size(); ++e, ++n) {
        const Real w = weights.real(e);
        sum.value += w * slope[n].value;
        sum.error += std::fabs(w) * slope[n].error;
        sum.floor += std::fabs(w) * slope[n].floor;
        sum.left += w * slope[n].left;
        sum.right += w * slope[n].right;
        sum.kink = sum.kink || slope[n].kink;
      }
    }
    return sum;
  }

  void compare(GradCheckRow& row, Real given, const Slope& slope, Real scale,
               const std::string& where) {
    if (slope.kink) {
      if (check_.kinks++ == 0) {
        kink_ = "a kink at " + where + ": the derivative is " + number(slope.left) +
                " from the left and " + number(slope.right) + " from the right, " + row.method +
                " gives " + number(given);
      }
      return;
    }
    const Real size = std::max(std::fabs(given), std::fabs(slope.value));
    // What rounding inside the derivative may do, of the largest of its elements.
    const Real rounding = (given_.single ? 1e-5L : 1e-12L) * scale;
    // Of values that are all rounding a difference says nothing.
    const bool estimated =
        given_.noise < 1e-3 && std::isfinite(slope.value) && std::isfinite(slope.error);
    // One that is nothing beside the largest is compared on that one's scale.
    const Real off = std::fabs(given - slope.value);
    const bool small =
        kTrust * slope.error <= row.tolerance * scale && off <= row.tolerance * scale;
    const bool nothing = estimated && (size == 0 || (given_.own_units && small));
    if (!nothing && (!estimated || slope.error > kFewDigits * std::fabs(slope.value) +
                                                     std::max(rounding, slope.floor))) {
      if (check_.no_digits++ == 0) {
        digits_ = "no digits in the difference at " + where + ": " + number(slope.value) +
                  " with an error of about " + number(slope.error);
      }
      return;
    }
    GradCheckRow& differences = check_.differences;
    ++row.compared;
    ++differences.compared;
    differences.state = State::kAgrees;
    if (size > 0) {
      differences.worst =
          std::max(differences.worst, static_cast<double>(slope.error / (size + rounding)));
    }
    // Beyond what the difference itself may be off.
    const Real beyond = std::max<Real>(0, off - kTrust * slope.error);
    const double relative = size > 0 ? static_cast<double>(beyond / (size + 1e-6L * scale)) : 0;
    if (row.state == State::kNothing) row.state = State::kAgrees;
    const Real allowed = row.tolerance * size + kTrust * slope.error + rounding;
    const bool wrong = off > allowed;
    // The worst is one that is wrong, if any is.
    const bool was_wrong = row.state == State::kDisagrees;
    if (wrong) row.state = State::kDisagrees;
    if (row.where.empty() || (wrong && !was_wrong) ||
        (wrong == was_wrong && relative > row.worst)) {
      row.worst = relative;
      row.where = where + ": " + number(given) + ", differences " + number(slope.value);
    }
  }

  static std::string number(Real x) {
    char text[40];
    std::snprintf(text, sizeof text, "%.9Lg", x);
    return text;
  }

  void judge(bool forward, bool reverse) {
    using Verdict = GradCheck::Verdict;
    if (stopped_) return;
    const bool bad_reverse = check_.reverse.state == State::kDisagrees;
    const bool bad_forward = check_.forward.state == State::kDisagrees;
    const bool bad_product = check_.identity.state == State::kDisagrees;
    if (bad_reverse || bad_forward || bad_product) {
      check_.verdict = Verdict::kFail;
      if (bad_reverse && bad_forward && !bad_product) {
        check_.reason =
            "reverse and forward agree with each other and not with differences: a rule, "
            "or a derivative given by hand, is wrong. " +
            check_.reverse.where;
      } else if (bad_reverse) {
        check_.reason = "reverse disagrees. " + check_.reverse.where;
      } else if (bad_forward) {
        check_.reason = "forward disagrees. " + check_.forward.where;
      } else {
        check_.reason = "reverse and forward disagree. " + check_.identity.where;
      }
      return;
    }
    const bool tested = (!reverse || check_.reverse.state == State::kAgrees || nothing_to_test()) &&
                        (!forward || check_.forward.state == State::kAgrees || nothing_to_test());
    if (check_.kinks || check_.no_digits || !tested) {
      check_.verdict = Verdict::kInconclusive;
      check_.reason = check_.kinks       ? kink_
                      : check_.no_digits ? digits_
                                         : "there was nothing to compare";
      return;
    }
    check_.verdict = Verdict::kPass;
  }

  bool nothing_to_test() const { return check_.kinks == 0 && check_.no_digits == 0; }

  const GivenDerivatives& given_;
  const GradCheckOptions& options_;
  Explain explain_;
  ir::SplitMix random_;
  bool stopped_ = false;  ///< by a number that is not finite
  std::string kink_, digits_;
  GradCheck check_;
};

ir::Attr wide_attr(ir::Attr attr, bool& possible) {
  if (auto* literal = std::get_if<ir::LiteralAttr>(&attr)) {
    literal->value = std::make_shared<const Tensor>(widened(*literal->value));
  }
  std::vector<FunctionPtr> bodies = ir::bodies_of(attr);
  for (FunctionPtr& body : bodies) {
    body = transform::in_double_precision(*body);
    if (!body) possible = false;
  }
  return possible ? ir::with_bodies(std::move(attr), bodies) : attr;
}

ir::Type wide_type(ir::Type t) {
  return t.dtype == DType::kF32 ? t.with_dtype(DType::kF64) : t;
}

}  // namespace

FunctionPtr in_double_precision(const Function& f) {
  ir::Builder b(f.name());
  std::vector<ir::Value> image(f.size());
  for (std::size_t k = 0; k < f.params().size(); ++k) {
    image[f.params()[k].id] = b.param(wide_type(f.param_type(k)), f.param_names()[k]);
  }
  for (std::uint32_t id = 0; id < f.size(); ++id) {
    const ir::Value v{id};
    if (f.op(v) == ir::Op::kParameter) continue;
    if (f.op(v) == ir::Op::kBitcast) return nullptr;
    std::vector<ir::Value> operands;
    for (ir::Value o : f.operands(v)) operands.push_back(image[o.id]);
    const auto places = f.spans(v);
    b.set_spans({places.begin(), places.end()});
    bool possible = true;
    ir::Attr attr = wide_attr(f.attr(v), possible);
    if (!possible) return nullptr;
    image[id] = b.make(f.op(v), operands, std::move(attr), wide_type(f.type(v)));
  }
  std::vector<ir::Value> results;
  for (ir::Value r : f.results()) results.push_back(image[r.id]);
  return b.finish(results);
}

GradCheck check_grad(const Function& f, const Positions& wrt, std::span<const Tensor> x,
                     const GradCheckOptions& options, std::span<const std::string> names) {
  // Forward mode is refused where a derivative is given in reverse only.
  const FunctionPtr reverse = vjp(f, wrt);
  FunctionPtr forward;
  std::string refusal;
  try {
    forward = jvp(f, wrt);
  } catch (const UserError& e) {
    refusal = e.parts().what;
  }
  GradCheck check = check_grad(f, forward, reverse, wrt, x, options, names);
  if (!forward) {
    check.forward.state = GradCheckRow::State::kRefused;
    check.forward.where = refusal;
  }
  return check;
}

GradCheck check_grad(const Function& f, const FunctionPtr& forward, const FunctionPtr& reverse,
                     const Positions& wrt, std::span<const Tensor> x,
                     const GradCheckOptions& options, std::span<const std::string> names) {
  GivenDerivatives given;
  Positions real;
  for (std::size_t k = 0; k < wrt.size(); ++k) {
    given.x.push_back(x[wrt[k]]);
    given.names.push_back(names.empty() ? f.param_names()[wrt[k]] : names[k]);
  }
  for (std::size_t r = 0; r < f.results().size(); ++r) {
    if (!is_float(f.result_type(r).dtype)) continue;
    real.push_back(r);
    given.results.push_back(f.result_type(r));
    given.names.push_back(names.empty() ? "result " + std::to_string(r) : names[wrt.size() + r]);
  }
  given.single = has_single(f);
  const FunctionPtr wide = given.single ? in_double_precision(f) : nullptr;
  // In the widest arithmetic there is.
  given.value = [&](std::span<const Tensor> at) {
    Tensors arguments(x.begin(), x.end());
    if (wide) {
      for (Tensor& t : arguments) t = widened(t);
    }
    for (std::size_t k = 0; k < wrt.size(); ++k) arguments[wrt[k]] = at[k];
    ir::EvaluateOptions extended;
    extended.extended = true;
    const Tensors all = ir::evaluate(wide ? *wide : f, arguments, extended);
    Tensors out;
    for (std::size_t r : real) out.push_back(all[r]);
    return out;
  };
  const auto with = [&](std::span<const Tensor> along) {
    Tensors arguments(x.begin(), x.end());
    arguments.insert(arguments.end(), along.begin(), along.end());
    return arguments;
  };
  // Values come first, and only derivatives are asked for.
  const auto derivative = [&](const FunctionPtr& program) {
    return [&, program](std::span<const Tensor> along) {
      const Tensors all = ir::evaluate(*program, with(along));
      return Tensors(all.begin() + static_cast<std::ptrdiff_t>(f.results().size()), all.end());
    };
  };
  if (forward) given.forward = derivative(forward);
  if (reverse) given.reverse = derivative(reverse);
  GradCheckOptions chosen = options;
  // Where f computes in f32 after all, wide steps are the best there are.
  if (given.single && !wide) {
    chosen.step = std::max(chosen.step, 0.05);
    given.noise = 1e-6;
  }
  const Explain explain = [&](Way way, std::span<const Tensor> along) {
    if (way == Way::kValue) return ir::find_non_finite(f, x);
    return ir::find_non_finite(way == Way::kForward ? *forward : *reverse, with(along));
  };
  return Check(given, chosen, explain).run();
}

GradCheck check_grad(const GivenDerivatives& given, const GradCheckOptions& options) {
  return Check(given, options, nullptr).run();
}

std::string GradCheck::text() const {
  using State = GradCheckRow::State;
  static constexpr const char* kVerdicts[] = {"pass", "fail", "inconclusive"};
  std::string text = std::string("check_grad: ") + kVerdicts[static_cast<int>(verdict)];
  if (!reason.empty()) text += ": " + reason;
  const auto digits = [](double x) {
    char part[32];
    std::snprintf(part, sizeof part, "%.1e", x);
    return std::string(part);
  };
  const auto padded = [](std::string s, std::size_t width) {
    s.resize(std::max(width, s.size()), ' ');
    return s;
  };
  for (const GradCheckRow* row : {&reverse, &forward, &differences, &identity}) {
    std::string state;
    switch (row->state) {
      case State::kAgrees: state = row == &differences ? "taken" : "agrees"; break;
      case State::kDisagrees: state = "disagrees"; break;
      case State::kNotFinite: state = "not finite"; break;
      case State::kNothing: state = "nothing"; break;
      case State::kRefused: state = "refused"; break;
    }
    text += "\n  " + padded(row->method, 12) + padded(state, 11);
    if (row->state == State::kAgrees || row->state == State::kDisagrees) {
      text += padded(std::to_string(row->compared), 6) + "worst " + digits(row->worst) + " of " +
              digits(row->tolerance) + "  ";
    }
    text += row->where;
  }
  if (kinks) text += "\n  " + std::to_string(kinks) + " at kinks, not compared";
  if (no_digits) text += "\n  " + std::to_string(no_digits) + " without digits, not compared";
  if (non_finite) text += "\n" + non_finite->text();
  while (text.find(" \n") != std::string::npos) text.erase(text.find(" \n"), 1);
  while (text.back() == ' ') text.pop_back();
  return text;
}

}  // namespace cotangent::transform
