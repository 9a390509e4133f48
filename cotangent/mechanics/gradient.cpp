#include "cotangent/mechanics/gradient.h"

#include <algorithm>
#include <chrono>

#include "cotangent/base/text.h"
#include "cotangent/ir/builder.h"
#include "cotangent/mechanics/dependence.h"
#include "cotangent/mechanics/gradient_impl.h"
#include "cotangent/mechanics/integrator_adjoint.h"

namespace cotangent::mechanics {

GradientImpl::GradientImpl(const System& system, const Facts& facts, const Plan& plan,
                           const Objective& objective, const std::vector<std::string>& asked,
                           const GradientSettings& settings, const FlowOptions& options)
    : system(system),
      facts(facts),
      plan(plan),
      settings(settings),
      options(options),
      objective(objective) {
  const auto start = std::chrono::steady_clock::now();
  resolve(asked);
  kept = kept_bytes(system, plan, objective.every > 0);
  gradient_plan = plan_gradient(system, plan, objective.every > 0, settings);
  const ReverseRequest request{system, plan, objective, wrt, gradient_plan, settings, options};
  machine = plan.integrator ? integrator_reverse(request) : kick_drift_reverse(request);
  compile_s_ = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

void GradientImpl::resolve(const std::vector<std::string>& asked) {
  std::vector<std::string> known = {"q", "p", "v"};
  if (system.form != Form::kCanonical) {
    known.clear();
    for (const StateArray& x : system.arrays) known.push_back(x.name);
  }
  const std::size_t states = known.size();
  for (const Parameter& x : system.parameters) known.push_back(x.name);
  if (asked.empty()) {
    throw UserError("no variable to differentiate by", "name some of " + join(known, ", "));
  }
  for (const std::string& name : asked) {
    if (std::find(names.begin(), names.end(), name) != names.end()) {
      throw UserError("\"" + name + "\" is named twice among what to differentiate by",
                      "name it once");
    }
    names.push_back(name);
    const bool canonical = system.form == Form::kCanonical;
    by_velocity = by_velocity || (canonical && name == "v");
    by_momentum = by_momentum || (canonical && name == "p");
    const auto at = std::find(known.begin(), known.end(), name);
    if (at == known.end()) {
      const std::string near = nearest_name(name, known);
      throw UserError(
          "there is no \"" + name + "\" to differentiate by" +
              (near.empty() ? "" : "; did you mean \"" + near + "\"?"),
          "the real variables are " + join(known, ", ") + "; integers have no derivative");
    }
    const auto k = static_cast<std::size_t>(at - known.begin());
    if (k >= states) wrt.push_back(k - states);
  }
  if (by_velocity && by_momentum) {
    throw UserError("a gradient by p and by v at once: each is a function of the other",
                    "name one of them; the other derivatives hold that one fixed");
  }
}

std::shared_ptr<const Gradient> Gradient::compile(const System& system, const Facts& facts,
                                                  const Plan& plan, const Objective& objective,
                                                  const std::vector<std::string>& wrt,
                                                  const GradientSettings& settings,
                                                  const FlowOptions& options) {
  plan.only_steps("a gradient of a run");
  const std::size_t states = system.form == Form::kCanonical ? 3 : 1;
  if (!objective.value || objective.value->results().empty() ||
      objective.value->params().size() != states + 1 + system.parameters.size()) {
    throw UserError("the objective " + objective.name + " is no function of " +
                        (states == 3 ? "(q, p, v, t, parameters...)" : "(x, t, parameters...)"),
                    "give one, as an observable has it");
  }
  const ir::Type type = objective.value->result_type(0);
  if (type != ir::scalar(DType::kF64)) {
    throw UserError("the objective " + objective.name + " is " + type.text() +
                        ": a gradient is that of one real number",
                    "take a component, a norm or a sum of it");
  }
  return std::make_shared<GradientImpl>(system, facts, plan, objective, wrt, settings, options);
}

std::optional<ir::FunctionPtr> energy_objective(const System& system, const std::string& name) {
  ir::FunctionPtr energy;
  if (name == "energy" && !system.terms.empty()) energy = total_energy(system);
  for (const EnergyTerm& term : system.terms) {
    if (term.name == name) energy = term.energy;
  }
  if (!energy) return {};
  if (system.form != Form::kCanonical) return energy;
  ir::Builder b(name);
  const ir::Type state{DType::kF64, system.shape};
  std::vector<ir::Value> args = {b.param(state, "q"), b.param(state, "p")};
  b.param(state, "v");
  args.push_back(b.param(ir::scalar(DType::kF64), "t"));
  for (const Parameter& x : system.parameters) args.push_back(b.param(x.value.type(), x.name));
  return b.finish(b.inline_call(*energy, args));
}

std::vector<std::string> unread_parameters(const System& system, const Plan& plan,
                                           const Objective& objective) {
  const std::size_t states = system.form == Form::kCanonical ? 3 : 1;
  const ir::FunctionPtr energy = plan.integrator ? nullptr : total_energy(system);
  std::vector<std::string> names;
  for (std::size_t k = 0; k < system.parameters.size(); ++k) {
    const bool moves =
        plan.integrator ? reads_parameter(*plan.integrator, k) : depends_on(*energy, 0, 3 + k);
    if (moves || depends_on(*objective.value, 0, states + 1 + k)) continue;
    names.push_back(system.parameters[k].name);
  }
  return names;
}

}  // namespace cotangent::mechanics
