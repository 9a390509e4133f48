// The exactly quadratic part of an energy: what a planner flows exactly, and the rest, which kicks.
//
// Each term is taken apart where it is a sum (add, sub, neg, factors that read no state, sums, maps
// and pair sums over totals, choices that read no state), down to summands; those of degree at most
// 2 in q and p together that read no t make the quadratic part. Degrees are upper bounds by rules,
// so the Hessian of the quadratic part is constant: proved. Products are not expanded: (1 + q^2)^2
// is all rest.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cotangent/mechanics/system.h"

namespace cotangent::mechanics {

/// energy = quadratic + rest, both (q, p, t, parameters...) -> f64; null: zero.
struct TermParts {
  ir::FunctionPtr quadratic, rest;
  int degree = 0;  ///< of the quadratic part, at most 2
};
TermParts split_quadratic(const ir::Function& energy);

struct QuadraticPart {
  ir::FunctionPtr energy;  ///< (q, p, t, parameters...) -> f64: of degree at most 2, reads no t
  ir::FunctionPtr rest;    ///< H - energy, the same parameters; null when nothing is left
  /// (dq, dp, parameters...) -> (H_qq dq + H_qp dp, H_pq dq + H_pp dp), of the state's shape: for
  /// large systems, which have no use for matrices.
  ir::FunctionPtr apply;
  /// (parameters...) -> (H_qq, H_qp, H_pp: f64 [n, n]; b_q, b_p: f64 [n]), where the energy is
  /// c + b_q.q + b_p.p + (q.H_qq q + 2 q.H_qp p + p.H_pp p)/2 and n is the number of entries of q.
  /// Null where n is above 2048.
  ir::FunctionPtr blocks;
  std::vector<std::string> derivation;  ///< a line a term: what of it is quadratic
};

/// Of a canonical system; nothing when no term has a part of degree 2.
std::optional<QuadraticPart> quadratic_part(const System& system);

}  // namespace cotangent::mechanics
