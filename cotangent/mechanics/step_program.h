// What the programs of an Integrator are built with: their parameters, in order, and the usual
// case, in which what is carried is the state itself.
#pragma once

#include <functional>
#include <optional>

#include "cotangent/ir/builder.h"
#include "cotangent/mechanics/integrator.h"

namespace cotangent::mechanics {

/// A builder with the parameters (carry..., step: i64, t0, dt, parameters...) made; without `step`
/// for `open`.
struct StepProgram {
  ir::Builder b;
  std::vector<ir::Value> carry;
  ir::Value step, t0, dt;
  std::vector<ir::Value> parameters;

  StepProgram(const std::string& name, const std::vector<NamedType>& carry_types,
              const std::vector<Parameter>& of_system, bool with_step = true);
  StepProgram(const std::string& name, const std::vector<NamedType>& carry_types,
              const std::vector<NamedType>& parameter_types, bool with_step = true);

  /// t0 + step dt
  ir::Value time();
  /// Results of f(state..., t, parameters...).
  std::vector<ir::Value> at(const ir::Function& f, const std::vector<ir::Value>& state,
                            ir::Value t);
  /// Through simplify.
  ir::FunctionPtr finish(const std::vector<ir::Value>& results);
};

/// q and p, or x.
std::vector<NamedType> state_types(const System& system);

/// A method that carries the state and nothing else; `step` gives the state after a step.
using StepBody = std::function<std::vector<ir::Value>(StepProgram&)>;
Integrator plain_integrator(const System& system, std::string method, int order,
                            const StepBody& step);

/// Parameters of a system by their place; nothing: all of them.
using ParameterPlaces = std::optional<std::vector<std::size_t>>;

/// The reverse of a step: (carry..., step, t0, dt, parameters..., cotangents of the carry after
/// it...) -> (carry after it..., cotangents of the carry before it..., cotangents of the
/// parameters `wrt`...). Integer carries have no cotangents. What the step solves iteratively is
/// differentiated through its equation, and adaptive steps with the sizes they had.
ir::FunctionPtr pull_step(const Integrator& method, const ParameterPlaces& wrt = {});
/// The same of open: (state..., t0, dt, parameters..., cotangents of the carry...) -> (carry...,
/// cotangents of the state..., of the parameters...); and of close, as pull_step with cotangents of
/// the state.
ir::FunctionPtr pull_open(const Integrator& method, const ParameterPlaces& wrt = {});
ir::FunctionPtr pull_close(const Integrator& method, const ParameterPlaces& wrt = {});

}  // namespace cotangent::mechanics
