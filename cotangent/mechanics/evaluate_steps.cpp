#include "cotangent/mechanics/evaluate_steps.h"

#include <cmath>
#include <map>

#include "cotangent/base/text.h"
#include "cotangent/ir/evaluator.h"
#include "cotangent/mechanics/carry.h"
#include "cotangent/mechanics/diagnose.h"

namespace cotangent::mechanics {
namespace {

using ir::Function;
using ir::Tensor;

/// Watches one evaluation. Every value that is not finite has an origin: the op that gave it from
/// finite ones. A value of a branch that `select` did not take leads nowhere.
class Watch {
 public:
  void operator()(const Function& f, ir::Value v, const Tensor& value) {
    Seen& seen = seen_[&f];
    if (seen.values.empty()) {
      seen.values.resize(f.size());
      seen.origin.assign(f.size(), kFinite);
    }
    seen.values[v.id] = value;
    seen.origin[v.id] = kFinite;
    if (!is_float(value.type().dtype) || !first_non_finite(value)) return;
    const ir::Op op = f.op(v);
    if (op == ir::Op::kParameter || op == ir::Op::kConstant || op == ir::Op::kProject) {
      seen.origin[v.id] = kElsewhere;
      return;
    }
    seen.origin[v.id] = inherited(f, v, seen, value);
    if (seen.origin[v.id] != kFinite) return;
    seen.origin[v.id] = static_cast<int>(origins_.size());
    origins_.push_back(origin_of(f, v, seen, value));
  }

  /// What made result `r` of `f` not finite.
  std::optional<FirstNonFinite> cause(const Function& f, std::size_t r) const {
    if (origins_.empty()) return {};
    const auto seen = seen_.find(&f);
    const int origin = seen == seen_.end() ? kElsewhere : seen->second.origin[f.results()[r].id];
    return origins_[origin >= 0 ? static_cast<std::size_t>(origin) : 0];
  }

 private:
  struct Seen {
    std::vector<Tensor> values;
    std::vector<int> origin;  ///< an index into origins_, or one of the two below
  };
  static constexpr int kFinite = -1;
  static constexpr int kElsewhere = -2;  ///< came in from outside this function

  static int inherited(const Function& f, ir::Value v, const Seen& seen, const Tensor& value) {
    const auto operands = f.operands(v);
    if (f.op(v) == ir::Op::kSelect) {
      const std::int64_t at = *first_non_finite(value);
      const bool taken = seen.values[operands[0].id].integer(at) != 0;
      return seen.origin[operands[taken ? 1 : 2].id];
    }
    for (ir::Value o : operands) {
      if (seen.origin[o.id] != kFinite) return seen.origin[o.id];
    }
    return kFinite;
  }

  static std::string element(const Shape& shape, std::int64_t at) {
    return shape.rank() == 0 ? "" : component_name("", shape, at);
  }

  static FirstNonFinite origin_of(const Function& f, ir::Value v, const Seen& seen,
                                  const Tensor& value) {
    FirstNonFinite found;
    const std::int64_t at = *first_non_finite(value);
    const Shape& shape = value.type().shape;
    found.op = ir::name_of(f.op(v));
    found.value = static_cast<double>(value.real(at));
    found.where = "%" + std::to_string(v.id) + " : " + value.type().text() + " in " + f.name();
    if (shape.rank() > 0) found.where += ", element " + element(shape, at);
    for (ir::Value o : f.operands(v)) {
      const Tensor& x = seen.values[o.id];
      std::string text = "%" + std::to_string(o.id) + " = ";
      if (x.size() == 1 || x.type().shape == shape) {
        text += is_float(x.type().dtype)
                    ? shortest(static_cast<double>(x.real(x.size() == 1 ? 0 : at)))
                    : std::to_string(x.integer(x.size() == 1 ? 0 : at));
      } else {
        text += x.type().text();
      }
      found.operands.push_back(std::move(text));
    }
    for (const SourceSpan& s : f.spans(v)) {
      const bool shorter = s.end - s.begin < found.place.end - found.place.begin;
      if (found.place.empty() || (!s.empty() && shorter)) found.place = s;
    }
    return found;
  }

  std::map<const Function*, Seen> seen_;
  std::vector<FirstNonFinite> origins_;
};

}  // namespace

EvaluatedRun evaluate_steps(const System& system, const Flow& flow, double dt,
                            const InitialState& initial, std::int64_t steps,
                            const std::function<bool(std::int64_t)>& between) {
  const ir::FunctionPtr step = flow.step_program();
  const Arithmetic& arithmetic = flow.plan().arithmetic;
  const std::vector<Part> parts = state_parts(arithmetic);
  Carry carry(arithmetic, initial,
              initial.p ? *initial.p : momentum_from_velocity(system, initial));
  EvaluatedRun run;
  const auto stop = [&] {
    run.q = carry.whole(Part::kQ);
    run.p = carry.whole(Part::kP);
    return std::move(run);
  };
  while (run.steps < steps) {
    std::vector<Tensor> arguments;
    for (Part part : parts) arguments.push_back(carry[part]);
    arguments.push_back(Tensor::scalar_of<std::int64_t>(run.steps));
    for (double x : {initial.t, dt}) arguments.push_back(Tensor::scalar_of<double>(x));
    for (const Parameter& x : system.parameters) arguments.push_back(x.value);
    std::vector<Tensor> after = ir::evaluate(*step, arguments);
    for (std::size_t r = 0; r < parts.size(); ++r) {
      const auto bad = first_non_finite(after[r]);
      if (!bad) continue;
      // Once more, with every op watched: watching all along would keep every value of every step.
      Watch watch;
      ir::EvaluateOptions options;
      options.observe = std::ref(watch);
      ir::evaluate(*step, arguments, options);
      run.fault = watch.cause(*step, r);
      ensure(run.fault.has_value(), "a state that is not finite, and no op that made it so");
      run.fault->step = run.steps + 1;
      run.fault->t = std::fma(static_cast<double>(run.steps + 1), dt, initial.t);
      run.fault->component = component_name(name_of(parts[r]), system.shape, *bad);
      return stop();
    }
    for (std::size_t r = 0; r < parts.size(); ++r) carry[parts[r]] = std::move(after[r]);
    ++run.steps;
    if (!between(run.steps)) {
      run.interrupted = run.steps < steps;
      return stop();
    }
  }
  return stop();
}

}  // namespace cotangent::mechanics
