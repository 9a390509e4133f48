// Whether a structure is one: what J, G and S of a bracket must satisfy, proved or tested.
//
//   skew              J_ij = -J_ji
//   Jacobi identity   sum_l J_il dJ_jk/dx_l + J_jl dJ_ki/dx_l + J_kl dJ_ij/dx_l = 0 for all i, j, k
//   metriplectic      J grad S = 0, G grad H = 0, G symmetric, no eigenvalue of G below zero
// Each but the last is proved by exact algebra where the programs are polynomials of few enough
// terms; what the algebra does not settle is tested in long double on samples near a state. What
// fails on a sample is false, with the indices, the value and the sample, and the planner refuses
// it.
#pragma once

#include <optional>
#include <vector>

#include "cotangent/mechanics/facts.h"
#include "cotangent/mechanics/system.h"

namespace cotangent::mechanics {

/// Facts "skew", "jacobi"; of a metriplectic structure also "entropy_is_casimir" (J grad S = 0),
/// "energy_not_dissipated" (G grad H = 0), "metric_symmetric" and "metric_positive". None for a
/// contact structure, whose bracket meets its identity by itself. `near` is a state to sample
/// around. What fails is false, with the sample; `refusal` says the first of these, with its place,
/// or that J reads the time, which leaves no bracket of functions of the state.
struct StructureFacts {
  std::vector<Fact> facts;
  std::optional<ErrorParts> refusal;
};
StructureFacts find_structure_facts(const System& system, const ir::Tensor& near);
/// The same where nothing may fail: throws UserError.
std::vector<Fact> check_structure(const System& system, const ir::Tensor& near);

/// The Casimirs of a Poisson structure with a J that is linear, of up to 16 numbers
/// (lie_algebra.h); those that hold are proved or tested. Of other structures nothing.
std::vector<KeptByStructure> find_casimirs(const System& system, const ir::Tensor& near);

/// The Jacobi identity as a program: (x, t, parameters...) -> [n, n, n] of the sums above, and the
/// sums of their terms' magnitudes.
ir::FunctionPtr jacobi_sums(const ir::Function& poisson);

/// Whether C is a Casimir of the system's structure: J grad C = 0, proved or tested; the fact is
/// false, with the counterexample, where it is not.
Fact is_casimir(const System& system, const ir::Function& casimir, const ir::Tensor& near);

}  // namespace cotangent::mechanics
