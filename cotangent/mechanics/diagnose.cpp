#include "cotangent/mechanics/diagnose.h"

#include <cmath>

#include "cotangent/ir/evaluator.h"

namespace cotangent::mechanics {
namespace {

using ir::Function;
using ir::Tensor;

constexpr std::int64_t kCompileFrom = 300;  // unknowns

bool finite(const Tensor& x) {
  return !first_non_finite(x);
}

/// The ops at which a program first turned finite numbers into others.
struct Origin {
  std::string op;
  SourceSpan place;
};

/// Runs f with the observe hook. The origin is the first op that gives a number that is not finite
/// while none of its operands had one.
std::optional<Origin> origin_in(const Function& f, std::span<const Tensor> arguments) {
  // By function: which of its values are not finite in the evaluation under way.
  std::vector<std::pair<const Function*, std::vector<char>>> bad;
  std::optional<Origin> first;
  ir::EvaluateOptions options;
  options.observe = [&](const Function& at, ir::Value v, const Tensor& value) {
    if (first) return;
    std::size_t k = 0;
    while (k < bad.size() && bad[k].first != &at) ++k;
    if (k == bad.size()) bad.emplace_back(&at, std::vector<char>(at.size(), 0));
    std::vector<char>& mine = bad[k].second;
    const bool is_bad = is_float(value.type().dtype) && !finite(value);
    mine[v.id] = is_bad;
    if (!is_bad || at.op(v) == ir::Op::kParameter || at.op(v) == ir::Op::kConstant) return;
    for (ir::Value o : at.operands(v)) {
      if (mine[o.id]) return;
    }
    SourceSpan place;
    for (const SourceSpan& s : at.spans(v)) {
      if (place.empty() || (!s.empty() && s.end - s.begin < place.end - place.begin)) place = s;
    }
    first = Origin{std::string(ir::name_of(at.op(v))), place};
  };
  ir::evaluate(f, arguments, options);
  return first;
}

std::string expression_text(const System& system, const Origin& origin) {
  if (system.source && !origin.place.empty() && origin.place.end <= system.source->text.size()) {
    return system.source->text.substr(origin.place.begin, origin.place.end - origin.place.begin);
  }
  return origin.op;
}

class Replay {
 public:
  Replay(const System& system, const Pieces& pieces, double t0, double dt)
      : system_(system), pieces_(pieces), t0_(t0), dt_(dt) {
    if (system.shape.size() > kCompileFrom) {
      const ir::FunctionPtr both[] = {pieces.gradient, pieces.velocity};
      runtime::CompileOptions options;
      options.passes = false;
      options.threads = runtime::host_threads();
      compiled_ = runtime::compile_all(both, options);
    }
  }

  double time(std::int64_t step, double offset) const {
    return std::fma(static_cast<double>(step) + offset, dt_, t0_);
  }

  std::vector<Tensor> arguments(const Tensor& q, const Tensor& p, double t, DType dtype) const {
    std::vector<Tensor> args = {converted(q, dtype), converted(p, dtype),
                                ir::filled(ir::scalar(dtype), t)};
    for (const Parameter& x : system_.parameters) args.push_back(converted(x.value, dtype));
    return args;
  }

  /// dH/dq (which = 0) or dH/dp (1), with the bits of the run.
  Tensor derivative(std::size_t which, const Tensor& q, const Tensor& p, double t) const {
    const std::vector<Tensor> args = arguments(q, p, t, pieces_.dtype);
    if (!compiled_.empty()) return compiled_[which]->call(args)[0];
    return ir::evaluate(which == 0 ? *pieces_.gradient : *pieces_.velocity, args)[0];
  }

  /// x + coefficient * y, rounded as the step does.
  Tensor axpy(double coefficient, const Tensor& y, const Tensor& x) const {
    Tensor out(x.type());
    for (std::int64_t k = 0; k < x.size(); ++k) {
      if (x.type().dtype == DType::kF64) {
        out.as<double>()[static_cast<std::size_t>(k)] =
            std::fma(coefficient, static_cast<double>(y.real(k)), static_cast<double>(x.real(k)));
      } else {
        out.as<float>()[static_cast<std::size_t>(k)] =
            std::fma(static_cast<float>(coefficient), static_cast<float>(y.real(k)),
                     static_cast<float>(x.real(k)));
      }
    }
    return out;
  }

  /// Names what made dH/dq (which = 0) or dH/dp (1) not finite at a finite state: a term's energy
  /// itself if it is not finite there, else its derivative.
  NonFinite name(std::size_t which, const Tensor& q, const Tensor& p, double t,
                 const Tensor& gradient) const {
    NonFinite found;
    const char* array = which == 0 ? "p" : "q";
    found.component = component_name(array, system_.shape, *first_non_finite(gradient));
    const std::vector<Tensor> args = arguments(q, p, t, DType::kF64);
    for (const EnergyTerm& term : system_.terms) {
      if (finite(ir::evaluate(*term.energy, args)[0])) continue;
      const std::optional<Origin> origin = origin_in(*term.energy, args);
      if (!origin) continue;
      found.expression = expression_text(system_, *origin);
      found.place = origin->place.empty() ? term.span : origin->place;
      return found;
    }
    const ir::FunctionPtr raw = energy_gradient(system_, which);
    if (const std::optional<Origin> origin = origin_in(*raw, args)) {
      found.expression = "the derivative of " + expression_text(system_, *origin);
      found.place = origin->place;
      return found;
    }
    found.expression = which == 0 ? "dH/dq" : "dH/dp";
    return found;
  }

 private:
  static Tensor converted(const Tensor& x, DType dtype) {
    if (x.type().dtype == dtype) return x;
    Tensor y(x.type().with_dtype(dtype));
    for (std::int64_t k = 0; k < x.size(); ++k) y.set_real(k, x.real(k));
    return y;
  }

  const System& system_;
  const Pieces& pieces_;
  double t0_, dt_;
  std::vector<runtime::ExecutablePtr> compiled_;  // gradient and velocity of a large system
};

/// A finite change that overflowed the range of the state's own type.
NonFinite overflow(const char* array, const char* expression, const Shape& shape, const Tensor& x) {
  NonFinite found;
  found.component = component_name(array, shape, *first_non_finite(x));
  found.expression = expression;
  return found;
}

}  // namespace

std::optional<std::int64_t> first_non_finite(const ir::Tensor& x) {
  if (x.type().dtype == DType::kF64 && !x.extended()) {
    const auto values = x.as<double>();
    for (std::size_t k = 0; k < values.size(); ++k) {
      if (!std::isfinite(values[k])) return static_cast<std::int64_t>(k);
    }
    return {};
  }
  for (std::int64_t k = 0; k < x.size(); ++k) {
    if (!std::isfinite(x.real(k))) return k;
  }
  return {};
}

std::string component_name(const std::string& array, const Shape& shape, std::int64_t index) {
  std::string text;
  for (int axis = shape.rank(); axis-- > 0;) {
    text = std::to_string(index % shape[axis]) + (text.empty() ? "" : ",") + text;
    index /= shape[axis];
  }
  return text.empty() ? array : array + "[" + text + "]";
}

NonFinite find_non_finite(const System& system, const Pieces& pieces,
                          const Composition& composition, const ir::Tensor& q0,
                          const ir::Tensor& p0, std::int64_t step, double t0, double dt) {
  const Coefficients c = coefficients_of(composition);
  const Replay replay(system, pieces, t0, dt);
  Tensor q = q0, p = p0;
  double t = replay.time(step, 0);
  Tensor gradient = replay.derivative(0, q, p, t);
  const auto kick = [&](double coefficient) -> std::optional<NonFinite> {
    if (!finite(gradient)) return replay.name(0, q, p, t, gradient);
    const Tensor moved = replay.axpy(-coefficient * dt, gradient, p);
    if (!finite(moved)) return overflow("p", "p - dt * dH/dq", system.shape, moved);
    p = moved;
    return {};
  };
  if (auto found = kick(c.first_kick)) return *found;
  for (std::size_t k = 0; k < c.drift.size(); ++k) {
    const double halves[] = {c.time_before[k], c.time_after[k]};
    for (double offset : halves) {
      const Tensor v = replay.derivative(1, q, p, replay.time(step, offset));
      if (!finite(v)) return replay.name(1, q, p, replay.time(step, offset), v);
      const bool whole = !pieces.velocity_moves;
      const Tensor moved = replay.axpy(c.drift[k] * (whole ? 1 : 0.5) * dt, v, q);
      if (!finite(moved)) return overflow("q", "q + dt * dH/dp", system.shape, moved);
      q = moved;
      if (whole) break;
    }
    t = replay.time(step, c.time_after[k]);
    gradient = replay.derivative(0, q, p, t);
    if (auto found = kick(c.kick[k])) return *found;
  }
  NonFinite unknown;
  unknown.component = "q";
  unknown.expression = "the step";
  return unknown;
}

}  // namespace cotangent::mechanics
