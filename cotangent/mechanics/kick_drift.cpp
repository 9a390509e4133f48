#include "cotangent/mechanics/kick_drift.h"

#include "cotangent/mechanics/scalars.h"
#include "cotangent/mechanics/step_builder.h"

namespace cotangent::mechanics {
namespace {

using ir::Builder;
using ir::Value;

/// One of the three programs of the integrator, its parameters made.
struct Program {
  Builder b;
  std::vector<Value> given;  ///< state or carry
  Value index, t0, dt;
  std::vector<Value> parameters;

  Program(const char* name, const std::vector<NamedType>& of, bool stepped, const Pieces& pieces)
      : b(name) {
    for (const NamedType& x : of) given.push_back(b.param(x.type, x.name));
    if (stepped) index = b.param(ir::scalar(DType::kI64), "step");
    t0 = b.param(kReal, "t0");
    dt = b.param(kReal, "dt");
    parameters = parameter_values(b, pieces);
  }
};

/// x, of f64, in the state's type, and what that does not hold of it where there is an error term.
transform::Compensated taken_up(Builder& b, Value x, DType dtype, bool error) {
  if (dtype == DType::kF64) return {x, {}};
  const Value value = b.cast(x, dtype);
  if (!error) return {value, {}};
  return {value, b.cast(b.sub(x, b.cast(value, DType::kF64)), dtype)};
}

}  // namespace

Integrator kick_drift_integrator(const Pieces& pieces, const Splitting& composition) {
  const Arithmetic& a = pieces.arithmetic;
  if (a.lattice()) {
    throw UserError("a state on a lattice runs alone", "write precision = \"f64\"");
  }
  const StepBuilder step(pieces, composition);
  Integrator m;
  m.method = composition.name;
  m.order = composition.order;
  const ir::Type state{DType::kF64, pieces.shape};
  m.state = {{"q", state}, {"p", state}};
  for (Part part : carried_parts(a)) {
    m.carry.push_back({name_of(part), part_type(a, part, pieces.shape)});
  }
  {
    Program f("open", m.state, false, pieces);
    const StepContext c = step.context(f.b, f.t0, f.dt, f.parameters);
    SymbolicCarry s;
    s.q = taken_up(f.b, f.given[0], a.state, a.q_error);
    s.p = taken_up(f.b, f.given[1], a.state, a.p_error);
    s.gradient = step.gradient(f.b, c, s, f.t0);
    m.open = f.b.finish(step.values(s));
  }
  {
    Program f("step", m.carry, true, pieces);
    const StepContext c = step.context(f.b, f.t0, f.dt, f.parameters);
    m.step = f.b.finish(step.values(step.step(f.b, c, step.carry(f.given), f.index)));
  }
  {
    Program f("close", m.carry, true, pieces);
    const SymbolicCarry s = step.carry(f.given);
    m.close = f.b.finish({step.whole(f.b, s.q, Part::kQ), step.whole(f.b, s.p, Part::kP)});
  }
  return m;
}

}  // namespace cotangent::mechanics
