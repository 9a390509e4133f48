// The discrete adjoint of a run of any integrator: programs that take the cotangents of a chunk's
// last carry back to its first.
//
// A step is reversed by its own vjp at the carry before it, which a tape keeps: what a step solves
// iteratively is differentiated through its equation, and adaptive steps with the sizes they had.
// Arrays of the carry that no step changes (coefficients worked out in `open`) are not taped.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cotangent/mechanics/adjoint.h"
#include "cotangent/mechanics/integrator_programs.h"

namespace cotangent::mechanics {

/// Places of the arrays of the carry that a step changes.
std::vector<std::size_t> moving_arrays(const Integrator& method);
/// Places of those that are real: they have cotangents.
std::vector<std::size_t> real_arrays(const Integrator& method);
/// Whether parameter k of the system reaches anything that the method gives.
bool reads_parameter(const Integrator& method, std::size_t k);

/// The objective at a carry: (carry..., step, t0, dt, parameters...) -> f64. Not passed.
ir::FunctionPtr objective_at_carry(const System& system, const Integrator& method,
                                   const Objective& objective);

struct IntegratorAdjoint {
  PassedIntegrator method;                ///< the programs of the run
  std::vector<std::size_t> moving, real;  ///< arrays of the carry
  std::vector<std::size_t> wrt;           ///< parameters with a cotangent
  ir::FunctionPtr pull_step;  ///< (carry..., step, t0, dt, parameters..., ct...) -> ct before...
  ir::FunctionPtr pull_open;  ///< (state..., t0, dt, parameters..., ct of the carry...) -> ct...
  /// (carry..., step, t0, dt, parameters...) -> value, ct of the carry..., ct of wrt...
  ir::FunctionPtr objective;
  std::vector<Output> samples;  ///< the objective, where it is a mean; else none
  std::int64_t every = 0;       ///< as the objective has it
};
/// Without `passes`, for a search: every op as the derivative's rules made it, with its place.
IntegratorAdjoint make_integrator_adjoint(const System& system, const Integrator& integrator,
                                          const Objective& objective, std::vector<std::size_t> wrt,
                                          telemetry::Telemetry* telemetry = nullptr,
                                          bool passes = true);

// Cotangents are those of the real arrays of the carry, then of the parameters `wrt`. A tape is a
// row a step of each moving array as it was before it, and where the objective is sampled the
// moving arrays after the chunk. Samples are as in adjoint.h.

/// The types of a tape.
std::vector<NamedType> tape_types(const IntegratorAdjoint& a, std::int64_t trip);

/// (carry..., first, count, t0, dt, parameters...) -> (carry..., rows of the tape..., samples)
ir::FunctionPtr tape_program(const IntegratorAdjoint& a, const System& system, std::int64_t trip);
/// (tape..., arrays of the carry that do not move..., cotangents..., weight?, first, count, t0, dt,
/// parameters...) -> cotangents before
ir::FunctionPtr reverse_program(const IntegratorAdjoint& a, const System& system,
                                std::int64_t trip);
/// The same of a method that is symmetric, from the carry after the chunk, undone step by step:
/// (carry..., cotangents..., weight?, first, count, t0, dt, parameters...) -> (carry before...,
/// cotangents before...)
ir::FunctionPtr undo_program(const IntegratorAdjoint& a, const System& system, std::int64_t trip);

/// How a small change of the carry moves, through the passes:
///   (carry..., first, count, t0, dt, parameters..., change of each real array...) -> (carry...,
///   change...) after the chunk;
///   what people see of it: (carry..., step, t0, dt, parameters..., change...) -> (q, v or x, then
///   how they change);
///   from a state: (state..., t0, dt, parameters..., change of the state...) -> (carry...,
///   change...)
std::vector<ir::FunctionPtr> push_programs(const Integrator& integrator, const System& system,
                                           std::int64_t trip);

}  // namespace cotangent::mechanics
