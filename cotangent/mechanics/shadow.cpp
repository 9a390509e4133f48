#include "cotangent/mechanics/shadow.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "cotangent/ir/builder.h"
#include "cotangent/ir/evaluator.h"
#include "cotangent/mechanics/dependence.h"
#include "cotangent/mechanics/programs.h"
#include "cotangent/mechanics/scalars.h"
#include "cotangent/transform/jvp.h"
#include "cotangent/transform/passes.h"

namespace cotangent::mechanics {
namespace {

using ir::Builder;
using ir::FunctionPtr;
using ir::Tensor;
using ir::Type;
using ir::Value;

/// Parameters like those of f.
std::vector<Value> params_like(Builder& b, const ir::Function& f) {
  std::vector<Value> values;
  for (std::size_t k = 0; k < f.params().size(); ++k) {
    values.push_back(b.param(f.param_type(k), f.param_names()[k]));
  }
  return values;
}

/// The brackets of one system, made when they are asked for.
class Brackets {
 public:
  explicit Brackets(const System& system)
      : gradient_(energy_gradient(system, 0)), velocity_(energy_gradient(system, 1)) {
    if (system.form != Form::kCanonical) refuse("it is not canonical");
    if (depends_on(*gradient_, 0, 1) || depends_on(*velocity_, 0, 0)) {
      refuse("H is not a sum of T(p) and V(q)");
    }
    if (depends_on(*gradient_, 0, 2) || depends_on(*velocity_, 0, 2)) {
      refuse("H depends on t");
    }
    Builder b("bracket");
    const std::vector<Value> x = params_like(b, *gradient_);
    const Value force = b.inline_call(*gradient_, x)[0], v = b.inline_call(*velocity_, x)[0];
    made_["VT"] = transform::simplify(*b.finish({b.reduce_sum(b.mul(force, v))}));
  }

  const FunctionPtr& at(const std::string& word) {
    const auto found = made_.find(word);
    if (found != made_.end()) return found->second;
    const FunctionPtr before = at(word.substr(0, word.size() - 1));
    // {F, T} = dF/dq . dT/dp and {F, V} = -dF/dp . dV/dq
    FunctionPtr f = word.back() == 'T' ? derivative_along(*before, *velocity_, 0)
                                       : derivative_along(*before, *gradient_, 1);
    if (word.back() == 'V') {
      Builder b("bracket");
      const std::vector<Value> x = params_like(b, *f);
      f = transform::simplify(*b.finish({b.neg(b.inline_call(*f, x)[0])}));
    }
    return made_[word] = f;
  }

  double cost(const std::string& word) {
    const ir::Function& f = *at(word);
    return f.is_splat(f.results()[0], 0) || f.is_splat(f.results()[0], -0.0)
               ? 0
               : std::max(1.0, operations_in(f));
  }

  const ir::Function& gradient() const { return *gradient_; }
  const ir::Function& velocity() const { return *velocity_; }

 private:
  [[noreturn]] static void refuse(const std::string& why) {
    throw UserError({"there is no shadow energy of this system: " + why, "",
                     "it is a series in brackets of T(p) and V(q), neither of which moves",
                     "watch the energy itself, which is among the monitors of every run"});
  }

  FunctionPtr gradient_, velocity_;
  std::map<std::string, FunctionPtr> made_;
};

/// Samples of a probe, in the order of the steps.
struct Probe {
  std::int64_t samples = 0, width = 0;
  std::vector<double> values;  ///< [samples, width]: the terms, then |p . v| / 2
  double at(std::int64_t k, std::int64_t j) const {
    return values[static_cast<std::size_t>(k * width + j)];
  }
};

/// (q, p, dt, count, parameters...) -> f64 [trip, degree + 1]: what Probe holds, before each of the
/// first `count` steps.
FunctionPtr probe_program(const System& system, const Brackets& brackets,
                          const Coefficients& splitting, const Shadow& shadow, std::int64_t trip) {
  const Type state{DType::kF64, system.shape};
  const auto stages = static_cast<std::int64_t>(splitting.drift.size());
  const auto list = [](const std::vector<double>& x) {
    return Tensor::of<double>(Shape{static_cast<std::int64_t>(x.size())}, x);
  };
  // One stage: (k, dt, parameters..., q, p, drift, kick) -> (q, p)
  const auto add_parameters = [&](Builder& b) {
    std::vector<Value> x;
    for (const Parameter& y : system.parameters) x.push_back(b.param(y.value.type(), y.name));
    return x;
  };
  const auto call = [](Builder& b, const ir::Function& f, Value q, Value p, Value t,
                       const std::vector<Value>& parameters) {
    std::vector<Value> args = {q, p, t};
    args.insert(args.end(), parameters.begin(), parameters.end());
    return b.inline_call(f, args)[0];
  };
  const auto n = static_cast<std::int64_t>(system.parameters.size());
  Builder stage("stage");
  stage.param(ir::scalar(DType::kI64), "k");
  Value dt = stage.param(kReal, "dt");
  std::vector<Value> x = add_parameters(stage);
  Value q = stage.param(state, "q"), p = stage.param(state, "p");
  const Value drift = stage.param(kReal, "drift"), kick = stage.param(kReal, "kick");
  const Value t = stage.constant(0.0);
  q = stage.add(q, stage.scale(stage.mul(drift, dt), call(stage, brackets.velocity(), q, p, t, x)));
  p = stage.sub(p, stage.scale(stage.mul(kick, dt), call(stage, brackets.gradient(), q, p, t, x)));
  ir::LoopAttr stages_loop;
  stages_loop.trip = stages;
  stages_loop.invariants = 1 + n;
  stages_loop.carries = 2;
  stages_loop.inputs = 2;
  stages_loop.body = stage.finish({q, p});

  Builder step("step");
  step.param(ir::scalar(DType::kI64), "step");
  dt = step.param(kReal, "dt");
  x = add_parameters(step);
  q = step.param(state, "q"), p = step.param(state, "p");
  const Value zero = step.constant(0.0);
  std::vector<Value> at = {q, p, zero, dt};
  at.insert(at.end(), x.begin(), x.end());
  const Value v = call(step, brackets.velocity(), q, p, zero, x);
  const Value kinetic = step.mul(step.constant(0.5), step.reduce_sum(step.mul(p, v)));
  const Value row[] = {step.inline_call(*shadow.terms, at)[0],
                       step.reshape(step.unary(ir::Op::kAbs, kinetic), Shape{1})};
  p = step.sub(p, step.scale(step.mul(step.constant(splitting.first_kick), dt),
                             call(step, brackets.gradient(), q, p, zero, x)));
  std::vector<Value> operands = {dt};
  operands.insert(operands.end(), x.begin(), x.end());
  operands.insert(operands.end(), {q, p, step.constant(list(splitting.drift)),
                                   step.constant(list(splitting.kick))});
  const std::vector<Value> next = step.loop(stages_loop, operands);
  q = next[0], p = next[1];
  ir::LoopAttr loop;
  loop.trip = trip;
  loop.invariants = 1 + n;
  loop.carries = 2;
  loop.every = {1};
  loop.dynamic = true;
  loop.body = step.finish({q, p, step.concatenate(row, 0)});

  Builder b("probe");
  q = b.param(state, "q"), p = b.param(state, "p");
  dt = b.param(kReal, "dt");
  const Value count = b.param(ir::scalar(DType::kI64), "count");
  x = add_parameters(b);
  operands = {dt};
  operands.insert(operands.end(), x.begin(), x.end());
  operands.insert(operands.end(), {q, p, b.constant_i64(0), count});
  return transform::simplify(*b.finish({b.loop(loop, operands)[2]}));
}

struct Crossing {
  std::int64_t step = 0;
  double difference = 0;
  std::string reason;
};

std::string number(double x) {
  char text[32];
  std::snprintf(text, sizeof text, "%.3g", x);
  return text;
}

/// Whether two neighbouring terms of the series in dt^2, both worth the name, do not decrease.
std::optional<std::string> growing_terms(const Probe& probe, std::int64_t k, double kinetic,
                                         double worth) {
  for (std::int64_t j = 2; j + 2 < probe.width - 1; j += 2) {
    const double low = std::abs(probe.at(k, j)), high = std::abs(probe.at(k, j + 2));
    if (low <= worth * kinetic || high <= low) continue;
    return "the terms of the scheme's own energy do not decrease: " + number(low / kinetic) +
           " in dt^" + std::to_string(j) + ", " + number(high / kinetic) + " in dt^" +
           std::to_string(j + 2) + " of the kinetic energy";
  }
  return std::nullopt;
}

/// The first sample that is wrong.
std::optional<Crossing> first_crossing(const Probe& probe, double threshold) {
  constexpr std::int64_t kSettle = 8;
  const std::int64_t terms = probe.width - 1;
  // A motion that starts at rest has no kinetic energy at first: that of a few steps counts.
  double kinetic = 0;
  for (std::int64_t k = 0; k < std::min(probe.samples, kSettle); ++k) {
    if (std::isfinite(probe.at(k, terms))) kinetic = std::max(kinetic, probe.at(k, terms));
  }
  double low = probe.at(0, 0), high = low;
  for (std::int64_t k = 0; k < probe.samples; ++k) {
    bool finite = true;
    for (std::int64_t j = 0; j < probe.width; ++j) finite &= std::isfinite(probe.at(k, j));
    if (!finite && k == 0) return std::nullopt;  // no dt is at fault
    if (!finite) return Crossing{k, INFINITY, "the state stops being finite"};
    double sum = 0;
    for (std::int64_t j = 1; j < terms; ++j) sum += probe.at(k, j);
    kinetic = std::max(kinetic, probe.at(k, terms));
    low = std::min(low, probe.at(k, 0));
    high = std::max(high, probe.at(k, 0));
    if (kinetic == 0) continue;
    const double difference = std::abs(sum) / kinetic, swing = (high - low) / kinetic;
    const auto percent = [](double x) {
      return x > 10 ? "more than ten times the kinetic energy"
                    : number(100 * x) + "% of the kinetic energy";
    };
    if (difference > threshold) {
      return Crossing{k, difference,
                      "the scheme's own energy differs from H by " + percent(difference)};
    }
    if (swing > threshold) return Crossing{k, swing, "the energy swings by " + percent(swing)};
    if (const auto why = growing_terms(probe, k, kinetic, threshold / 10)) {
      return Crossing{k, difference, *why};
    }
  }
  return std::nullopt;
}

/// The truncation asked for; or the one whose terms a method of that order has, where its program
/// is of a size that compiles at once.
Shadow shadow_of_probe(const System& system, const Coefficients& splitting, int method_order,
                       const ShadowOptions& options) {
  constexpr std::size_t kMaxNodes = 2000;
  if (options.order > 0) return make_shadow(system, splitting, options.order);
  if (method_order >= 6) {
    Shadow high = make_shadow(system, splitting, 8);
    if (high.terms->total_size() <= kMaxNodes) return high;
  }
  Shadow shadow = make_shadow(system, splitting, 6);
  return shadow.terms->total_size() <= kMaxNodes ? shadow : make_shadow(system, splitting, 4);
}

/// Down to two significant digits, the second 0 or 5.
double rounded_down(double x) {
  const double unit = std::pow(10, std::floor(std::log10(x)));
  return std::floor(x / unit * 2 * (1 + 1e-12)) / 2 * unit;
}

}  // namespace

FunctionPtr derivative_along(const ir::Function& f, const ir::Function& field, std::size_t wrt) {
  Builder b("derivative");
  const std::vector<Value> x = params_like(b, f);
  std::vector<Value> tangent(x.size());
  tangent[wrt] = b.inline_call(field, x)[0];
  const transform::Pushed pushed = transform::push_forward(b, f, x, tangent);
  const Value d = pushed.tangent[0].valid() ? pushed.tangent[0] : b.constant(0.0);
  return transform::simplify(*b.finish({d}));
}

Shadow make_shadow(const System& system, const Coefficients& splitting, int order) {
  ensure(order >= 2 && order <= kMaxShadowDegree + 1, "make_shadow: order");
  Brackets brackets(system);
  Shadow shadow;
  shadow.degree = order - 1;
  shadow.series = shadow_series(splitting, shadow.degree,
                                [&](const std::string& word) { return brackets.cost(word); });
  Builder b("shadow");
  const Type state{DType::kF64, system.shape};
  std::vector<Value> x = {b.param(state, "q"), b.param(state, "p"), b.param(kReal, "t")};
  const Value dt = b.param(kReal, "dt");
  for (const Parameter& y : system.parameters) x.push_back(b.param(y.value.type(), y.name));
  std::vector<Value> parts = {b.inline_call(*total_energy(system), x)[0]};
  Value power = b.constant(1.0);
  for (int n = 2; n <= shadow.degree; ++n) {
    power = n == 2 ? dt : b.mul(power, dt);
    Value sum = b.constant(0.0);
    for (const ShadowTerm& term : shadow.series) {
      if (term.degree() != n) continue;
      const Value value = b.inline_call(*brackets.at(term.word), x)[0];
      sum = b.add(sum, b.mul(b.constant(static_cast<double>(term.coefficient)), value));
    }
    parts.push_back(b.mul(power, sum));
  }
  for (Value& part : parts) part = b.reshape(part, Shape{1});
  shadow.terms = transform::simplify(*b.finish({b.concatenate(parts, 0)}));
  shadow.operations = operations_in(*shadow.terms);
  shadow.forces = shadow.operations / std::max(1.0, operations_in(brackets.gradient()));
  return shadow;
}

FunctionPtr shadow_energy(const Shadow& shadow, double dt) {
  constexpr std::size_t kDt = 3;
  Builder b("shadow_energy");
  std::vector<Value> x;
  for (std::size_t k = 0; k < shadow.terms->params().size(); ++k) {
    // Parameters come first in a function: the constant takes its place afterwards.
    x.push_back(k == kDt ? Value{}
                         : b.param(shadow.terms->param_type(k), shadow.terms->param_names()[k]));
  }
  x[kDt] = b.constant(dt);
  return transform::simplify(*b.finish({b.reduce_sum(b.inline_call(*shadow.terms, x)[0])}));
}

std::optional<ShadowWarning> check_shadow(const System& system, const Coefficients& splitting,
                                          int method_order, const Tensor& q, const Tensor& p,
                                          double dt, std::int64_t steps,
                                          const ShadowOptions& options) {
  const Brackets brackets(system);
  const Shadow shadow = shadow_of_probe(system, splitting, method_order, options);
  const double of_step = shadow.operations +
                         (operations_in(brackets.gradient()) + operations_in(brackets.velocity())) *
                             (static_cast<double>(splitting.drift.size()) + 1);
  const auto trip = std::clamp<std::int64_t>(
      static_cast<std::int64_t>(options.operations / std::max(1.0, of_step)), 16, options.steps);
  const FunctionPtr program = probe_program(system, brackets, splitting, shadow, trip);
  runtime::ExecutablePtr compiled;
  if (!options.reference) compiled = runtime::compile(program, options.compile);

  const auto crossing = [&](double h, std::int64_t count) {
    std::vector<Tensor> args = {q, p, Tensor::scalar_of<double>(h),
                                Tensor::scalar_of<std::int64_t>(count)};
    for (const Parameter& x : system.parameters) args.push_back(x.value);
    const Tensor out = compiled ? compiled->call(args)[0] : ir::evaluate(*program, args)[0];
    Probe probe;
    probe.samples = count;
    probe.width = out.type().shape[1];
    const auto values = out.as<double>();
    probe.values.assign(values.begin(), values.begin() + count * probe.width);
    return first_crossing(probe, options.threshold);
  };
  const std::int64_t count = std::clamp<std::int64_t>(steps, 1, trip);
  const std::optional<Crossing> found = crossing(dt, count);
  if (!found) return std::nullopt;

  ShadowWarning w;
  w.dt = dt;
  w.step = found->step;
  w.difference = found->difference;
  w.reason = found->reason;
  // The difference goes as dt^order; half of the threshold is aimed at.
  // What is far beyond follows no power: smaller steps are tried one after the other.
  const double ratio = std::pow(options.threshold / 2 / w.difference, 1.0 / method_order);
  double h = std::abs(dt) * std::clamp(std::isfinite(w.difference) ? ratio : 0, 0.25, 0.75);
  const double there = std::abs(dt) * static_cast<double>(found->step), time = there * 4;
  for (int tries = 0; tries < 24 && w.suggested_dt == 0; ++tries, h /= 2) {
    h = rounded_down(h);
    const double signed_h = std::copysign(h, dt);
    const auto n = static_cast<std::int64_t>(std::min(static_cast<double>(trip), time / h + 1));
    if (h * static_cast<double>(n) < there) break;  // too short a look to recommend anything
    if (!crossing(signed_h, n)) w.suggested_dt = signed_h;
  }
  w.text = "at dt = " + number(dt) + " " + w.reason + " (step " + std::to_string(w.step) + ")" +
           (w.suggested_dt != 0 ? "; try dt = " + number(w.suggested_dt) : "");
  return w;
}

}  // namespace cotangent::mechanics
