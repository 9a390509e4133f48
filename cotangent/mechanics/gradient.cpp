#include "cotangent/mechanics/gradient.h"

#include <algorithm>
#include <chrono>

#include "cotangent/base/text.h"
#include "cotangent/ir/builder.h"
#include "cotangent/mechanics/dependence.h"
#include "cotangent/mechanics/gradient_impl.h"

namespace cotangent::mechanics {

GradientImpl::GradientImpl(const System& system, const Facts& facts, const Plan& plan,
                           const Objective& objective, const std::vector<std::string>& wrt,
                           const GradientSettings& settings, const FlowOptions& options)
    : system(system),
      facts(facts),
      plan(plan),
      settings(settings),
      options(options),
      objective(objective) {
  const auto start = std::chrono::steady_clock::now();
  resolve(wrt);
  gradient_plan = plan_gradient(system, plan, objective.every > 0, settings);
  pieces = make_pieces(system, plan.arithmetic, true, options.telemetry);
  adjoint = make_adjoint_pieces(system, pieces, objective, parameters, options.telemetry);
  const std::int64_t chunk = gradient_plan.chunk;
  const bool undo = gradient_plan.policy == GradientPolicy::kReverse;
  const Splitting& splitting = plan.composition;
  std::vector<ir::FunctionPtr> programs = {start_program(pieces, {}),
                                           adjoint.objective,
                                           begin_program(adjoint),
                                           tape_program(adjoint, splitting, chunk),
                                           reverse_program(adjoint, splitting, chunk),
                                           advance_program(adjoint, splitting, chunk)};
  if (undo) programs.push_back(undo_program(adjoint, splitting, chunk));
  std::vector<Callable> made;
  if (options.reference) {
    for (const ir::FunctionPtr& f : programs) made.emplace_back(f, nullptr);
  } else {
    runtime::CompileOptions o;
    o.threads = options.threads > 0 ? options.threads : runtime::host_threads();
    o.vector_bits = options.vector_bits;
    o.cpu = options.cpu;
    o.cache = options.cache;
    o.telemetry = options.telemetry;
    o.passes = false;  // the pieces went through them (programs.h)
    const auto compiled = runtime::compile_all(programs, o);
    for (std::size_t k = 0; k < programs.size(); ++k) made.emplace_back(programs[k], compiled[k]);
  }
  begin_of_run = made[0];
  at_state = made[1];
  begin = made[2];
  tape = made[3];
  reverse = made[4];
  advance = made[5];
  if (undo) this->undo = made[6];
  compile_s_ = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

void GradientImpl::resolve(const std::vector<std::string>& wrt) {
  std::vector<std::string> known = {"q", "p", "v"};
  for (const Parameter& x : system.parameters) known.push_back(x.name);
  if (wrt.empty()) {
    throw UserError("no variable to differentiate by", "name some of " + join(known, ", "));
  }
  for (const std::string& name : wrt) {
    if (std::find(names.begin(), names.end(), name) != names.end()) {
      throw UserError("\"" + name + "\" is named twice among what to differentiate by",
                      "name it once");
    }
    names.push_back(name);
    by_velocity = by_velocity || name == "v";
    by_momentum = by_momentum || name == "p";
    const auto at = std::find(known.begin(), known.end(), name);
    if (at == known.end()) {
      const std::string near = nearest_name(name, known);
      throw UserError(
          "there is no \"" + name + "\" to differentiate by" +
              (near.empty() ? "" : "; did you mean \"" + near + "\"?"),
          "the real variables are " + join(known, ", ") + "; integers have no derivative");
    }
    const auto k = static_cast<std::size_t>(at - known.begin());
    if (k >= 3) parameters.push_back(k - 3);
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
  plan.only_kicks_and_drifts("a gradient of a run");
  if (!objective.value || objective.value->results().empty() ||
      objective.value->params().size() != 4 + system.parameters.size()) {
    throw UserError(
        "the objective " + objective.name + " is no function of (q, p, v, t, parameters)",
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
  if (name == "energy") energy = total_energy(system);
  for (const EnergyTerm& term : system.terms) {
    if (term.name == name) energy = term.energy;
  }
  if (!energy) return {};
  ir::Builder b(name);
  const ir::Type state{DType::kF64, system.shape};
  std::vector<ir::Value> args = {b.param(state, "q"), b.param(state, "p")};
  b.param(state, "v");
  args.push_back(b.param(ir::scalar(DType::kF64), "t"));
  for (const Parameter& x : system.parameters) args.push_back(b.param(x.value.type(), x.name));
  return b.finish(b.inline_call(*energy, args));
}

std::vector<std::string> unread_parameters(const System& system, const Objective& objective) {
  const ir::FunctionPtr energy = total_energy(system);
  std::vector<std::string> names;
  for (std::size_t k = 0; k < system.parameters.size(); ++k) {
    if (depends_on(*energy, 0, 3 + k) || depends_on(*objective.value, 0, 4 + k)) continue;
    names.push_back(system.parameters[k].name);
  }
  return names;
}

}  // namespace cotangent::mechanics
