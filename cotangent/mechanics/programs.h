// The array programs of a run, built from a system and a plan.
//
// One step of a splitting (splitting.h) of s stages:
//   p -= kick_0 dt dH/dq
//   for k = 1 .. s:  q += drift_k dt dH/dp ;  p -= kick_k dt dH/dq
// The gradient dH/dq at the end of a step is the one at the start of the next: it is part of the
// carry. Where a part of the state has an error term, its kicks or drifts are compensated updates
// (transform/compensated.h); where forces are pairs, dt times a coefficient is one too.
// Time-dependent H: with c_k = drift_1 + .. + drift_k the kick k reads V at t + c_k dt, and the
// drift k is two halves that read T at t + c_{k-1} dt and at t + c_k dt, which keeps the step
// symmetric (the splitting of H(q,p,t)
// + p_t into V, T and p_t).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cotangent/mechanics/carry.h"
#include "cotangent/mechanics/outputs.h"
#include "cotangent/telemetry/telemetry.h"

namespace cotangent::mechanics {

/// The system's functions of (q, p, t, parameters...), each already through the passes that change
/// rounding, so that it has the same bits wherever it is used.
struct Pieces {
  Shape shape;
  Arithmetic arithmetic;             ///< of the state
  DType real = DType::kF64;          ///< of times, coefficients and parameters
  std::vector<ir::Type> parameters;  ///< of that type
  std::vector<std::string> parameter_names;
  /// dH/dq and dH/dp, in the state's dtype throughout; as pairs, each of the parameters and the
  /// result is two, the high part first.
  ir::FunctionPtr gradient, velocity;
  ir::FunctionPtr velocity_f64;  ///< dH/dp in f64, for observers
  bool gradient_moves = false;   ///< dH/dq depends on t
  bool velocity_moves = false;   ///< dH/dp depends on t
};
/// `passes` false: simplified only, for evaluation in long double (the expansions of sin, exp, ..
/// are made for f64 and f32).
Pieces make_pieces(const System& system, const Arithmetic& arithmetic, bool passes = true,
                   telemetry::Telemetry* telemetry = nullptr);

/// A system whose energy is the sum of these terms and nothing else; no observables.
System with_terms(const System& system, std::vector<EnergyTerm> terms);
/// H = sum of the terms: (q, p, t, parameters...) -> f64, or (x, t, parameters...) -> f64. Not
/// passed.
ir::FunctionPtr total_energy(const System& system);
/// What energies of q and p and their derivatives are evaluated at.
std::vector<ir::Tensor> energy_arguments(const System& system, const ir::Tensor& q,
                                         const ir::Tensor& p, double t);
/// Its gradients, simplified only (spans kept): 0: dH/dq, 1: dH/dp.
ir::FunctionPtr energy_gradient(const System& system, std::size_t which);

// The parts below are those of carry.h, in its order.

/// (state parts..., t: f64, parameters...) -> (gradient parts..., v, outputs...)
ir::FunctionPtr start_program(const Pieces& pieces, const std::vector<Output>& outputs);

/// What a chunk gives besides, for its adjoint (adjoint.h): q and p of each stage, a row a step, in
/// this type; and the momenta that steps end with.
struct Tape {
  DType real;
  bool ends = false;
};

/// (carried parts..., first: i64, count: i64, t0: f64, dt: f64, parameters...)
///   -> (carried parts..., tape..., outputs...)
/// outputs as `loop` lays them out, with room for `trip` steps.
ir::FunctionPtr chunk_program(const Pieces& pieces, const Splitting& splitting,
                              const std::vector<Output>& outputs, std::int64_t trip,
                              const std::optional<Tape>& tape = {});

/// For a device without 64-bit types: an f32 state, times and parameters in f32 too, and functions
/// such as sin left to the device (ours compute in f64 inside).
Pieces device_pieces(const System& system);
/// (q, p, t, parameters...) -> (dH/dq), all f32.
ir::FunctionPtr device_start_program(const Pieces& pieces);
/// The chunk program without outputs, with first and count i32, from 0 to 2^30 and to `trip`.
ir::FunctionPtr device_chunk_program(const Pieces& pieces, const Splitting& splitting,
                                     std::int64_t trip);

/// (state parts..., step: i64, t0: f64, dt: f64, parameters...) -> (state parts...)
ir::FunctionPtr step_program(const Pieces& pieces, const Splitting& splitting);

/// How a step adds to `part`, q or p: (part, its error term, coefficient: f64, rate, its low part)
/// -> (part, its error term), those there are. The coefficient is one of the below times dt.
ir::FunctionPtr update_program(const Pieces& pieces, Part part);

}  // namespace cotangent::mechanics
