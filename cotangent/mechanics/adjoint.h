// The discrete adjoint of a run: programs that take the cotangents of a chunk's last state back to
// its first.
//
// With kicks p += k g(q) and drifts q += d v(p), g = dH/dq and v = dH/dp, what is done to
// cotangents (a of q, b of p, c of the kept gradient g) is, from the last stage to the first,
//   c += k b ;  a += (dg/dq)^T c ;  c = 0        at the q after the drift
//   b += (dv/dp)^T d a                           at the p of the drift
// and at the step's beginning c = k_0 b. This is the transpose of the step's tangent map to
// round-off, whatever the composition (Sanz-Serna, SIAM Review 58, 2016, sec. 3). The q and p of
// the stages come from a tape, or from undoing the stages one by one.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cotangent/mechanics/programs.h"

namespace cotangent::mechanics {

/// What is differentiated: a real number that a state gives, at the end of a run or as the mean
/// over samples.
struct Objective {
  std::string name;
  /// (q, p, v: f64 shape, t: f64, parameters...) -> f64, or (x, t, parameters...) -> f64
  ir::FunctionPtr value;
  std::int64_t every = 0;  ///< 0: of the last state; else the mean over samples of that cadence
};

/// The objective as a function of (q, p, t, parameters...). Not passed.
ir::FunctionPtr objective_at_state(const System& system, const Objective& objective);

/// The functions that the programs below are made of, through the passes.
struct AdjointPieces {
  Pieces pieces;                  ///< those of the run
  DType real = DType::kF64;       ///< of tapes and cotangents: f32 where the run is all in f32
  std::vector<std::size_t> wrt;   ///< parameters with a cotangent
  ir::FunctionPtr gradient_pull;  ///< (q, p, t, parameters..., ct of dH/dq) -> ct of q, of wrt...
  ir::FunctionPtr velocity_pull;  ///< (q, p, t, parameters..., ct of dH/dp) -> ct of p, of wrt...
  ir::FunctionPtr objective;      ///< (q, p, t, parameters...: f64) -> value, ct q, ct p, ct wrt...
  std::int64_t every = 0;         ///< as the objective has it
};
/// Without `passes`, for a search: every op as the derivative's rules made it, with its place.
AdjointPieces make_adjoint_pieces(const System& system, const Pieces& pieces,
                                  const Objective& objective, std::vector<std::size_t> wrt,
                                  telemetry::Telemetry* telemetry = nullptr, bool passes = true);

// Cotangents below are those of q, p and the kept gradient, each `real` and of the state's shape,
// then one in f64 for each parameter of `wrt`. Where the objective is sampled a weight (f64, one
// over the number of samples) follows, and the cotangents of the samples after steps of the chunk
// are added on the way.

/// Bytes that the tape of one step takes.
std::int64_t tape_bytes(const AdjointPieces& a, const Splitting& splitting);

/// The chunk program with a tape: (carried parts..., first, count, t0, dt, parameters...) ->
/// (carried parts..., tape...), and with the samples of the objective last where it is sampled.
ir::FunctionPtr tape_program(const AdjointPieces& a, const Splitting& splitting, std::int64_t trip);
/// The chunk program, with the samples of the objective where it is sampled.
ir::FunctionPtr advance_program(const AdjointPieces& a, const Splitting& splitting,
                                std::int64_t trip);
/// (tape..., cotangents..., first, count, t0, dt, parameters...) -> cotangents at the chunk's start
ir::FunctionPtr reverse_program(const AdjointPieces& a, const Splitting& splitting,
                                std::int64_t trip);
/// (carried parts after the chunk..., cotangents..., first, count, t0, dt, parameters...) ->
/// (carried parts before it..., cotangents...)
ir::FunctionPtr undo_program(const AdjointPieces& a, const Splitting& splitting, std::int64_t trip);
/// Where the run begins: (q, p: `real`, t, parameters..., cotangents...) -> cotangents of q, p and
/// wrt..., with that of dH/dq handed on to them.
ir::FunctionPtr begin_program(const AdjointPieces& a);

}  // namespace cotangent::mechanics
