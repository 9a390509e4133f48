#include "cotangent/mechanics/step_program.h"

#include "cotangent/mechanics/bracket.h"
#include "cotangent/transform/derivatives.h"
#include "cotangent/transform/passes.h"

namespace cotangent::mechanics {

using ir::FunctionPtr;
using ir::Value;

namespace {

std::vector<NamedType> parameter_types(const std::vector<Parameter>& of_system) {
  std::vector<NamedType> types;
  for (const Parameter& p : of_system) types.push_back({p.name, p.value.type()});
  return types;
}

}  // namespace

StepProgram::StepProgram(const std::string& name, const std::vector<NamedType>& carry_types,
                         const std::vector<NamedType>& parameter_types, bool with_step)
    : b(name) {
  for (const NamedType& c : carry_types) carry.push_back(b.param(c.type, c.name));
  if (with_step) step = b.param(ir::scalar(DType::kI64), "step");
  t0 = b.param(ir::scalar(), "t0");
  dt = b.param(ir::scalar(), "dt");
  for (const NamedType& p : parameter_types) parameters.push_back(b.param(p.type, p.name));
}

StepProgram::StepProgram(const std::string& name, const std::vector<NamedType>& carry_types,
                         const std::vector<Parameter>& of_system, bool with_step)
    : StepProgram(name, carry_types, parameter_types(of_system), with_step) {}

Value StepProgram::time() {
  return b.add(t0, b.mul(b.cast(step, DType::kF64), dt));
}

std::vector<Value> StepProgram::at(const ir::Function& f, const std::vector<Value>& state,
                                   Value t) {
  std::vector<Value> args = state;
  args.push_back(t);
  args.insert(args.end(), parameters.begin(), parameters.end());
  return b.inline_call(f, args);
}

FunctionPtr StepProgram::finish(const std::vector<Value>& results) {
  return transform::simplify(*b.finish(results));
}

std::vector<NamedType> state_types(const System& system) {
  const Arguments a = arguments_of(system);
  std::vector<NamedType> state;
  for (std::size_t k = 0; k < a.states; ++k) state.push_back({a.names[k], a.types[k]});
  return state;
}

Integrator plain_integrator(const System& system, std::string method, int order,
                            const StepBody& step) {
  Integrator m;
  m.method = std::move(method);
  m.order = order;
  m.state = m.carry = state_types(system);
  StepProgram open("open", m.carry, system.parameters, false);
  m.open = open.finish(open.carry);
  StepProgram one("step", m.carry, system.parameters);
  m.step = one.finish(step(one));
  StepProgram close("close", m.carry, system.parameters);
  m.close = close.finish(close.carry);
  return m;
}

namespace {

/// `f` reversed with respect to its first `states` parameters and those of the system, which are
/// those from `first` on.
FunctionPtr pull(const ir::Function& f, std::size_t states, std::size_t first,
                 const ParameterPlaces& wrt) {
  transform::Positions positions;
  for (std::size_t k = 0; k < states; ++k) {
    if (is_float(f.param_type(k).dtype)) positions.push_back(k);
  }
  for (std::size_t k = first; !wrt && k < f.params().size(); ++k) positions.push_back(k);
  for (std::size_t k : wrt.value_or(std::vector<std::size_t>{})) positions.push_back(first + k);
  return transform::simplify(*transform::vjp(f, positions));
}

}  // namespace

FunctionPtr pull_step(const Integrator& m, const ParameterPlaces& wrt) {
  return pull(*m.step, m.carry.size(), m.carry.size() + 3, wrt);
}
FunctionPtr pull_open(const Integrator& m, const ParameterPlaces& wrt) {
  return pull(*m.open, m.state.size(), m.state.size() + 2, wrt);
}
FunctionPtr pull_close(const Integrator& m, const ParameterPlaces& wrt) {
  return pull(*m.close, m.carry.size(), m.carry.size() + 3, wrt);
}

}  // namespace cotangent::mechanics
