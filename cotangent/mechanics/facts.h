// Facts about a system, each proved (with a derivation by rules) or tested (with the samples
// named).
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "cotangent/base/error.h"
#include "cotangent/mechanics/system.h"

namespace cotangent::mechanics {

enum class How { kProved, kTested };

struct Fact {
  std::string name;
  std::variant<bool, std::int64_t, std::string> value;
  How how = How::kTested;
  std::string detail;                   ///< one line: why, or the counterexample
  std::vector<std::string> derivation;  ///< the steps of the proof; empty when tested
  SourceSpan place;  ///< where a false fact is decided (the mixing op, say); may be empty
  std::string term;  ///< the term it is about, or ""
};

/// How far the pairs of a term reach: up to `cutoff`, or as r^power, or nobody knows.
struct RangeOfTerm {
  std::string term;
  std::optional<double> cutoff, power;
};

/// Where an energy is not finite, or has no force.
struct Singularity {
  std::string term, op;
  SourceSpan place;
  bool of_pairs = false;  ///< in the energy of a pair
  bool isolated = false;  ///< at a point (two particles at one place), not on a wall
};

/// Frequencies of small motion: w^2 are eigenvalues of H_pp H_qq, the largest and the smallest seen
/// at the initial state and along a short run.
struct Stiffness {
  double fastest = 0;  ///< the largest w
  double slowest = 0;  ///< the smallest w above round-off
  bool exact = false;  ///< all eigenvalues were found; else those of a few steps of Lanczos
  std::vector<std::pair<std::string, double>> terms;  ///< the largest w of each term alone
  double dt_limit() const { return fastest > 0 ? 2 / fastest : 0; }  ///< of leapfrog
};

/// One body that outweighs the others, whom it holds by gravity (Wisdom and Holman 1991).
struct DominantBody {
  std::int64_t index = 0;
  double mass_ratio = 0;    ///< its mass over the sum of the others
  double perturbation = 0;  ///< energy of the other pairs over that of its own, at the start
  std::string term;         ///< the pairs
};

/// Weights by which H scales: q by a^q, p by a^p, time by a^time, H by a^energy.
struct Scaling {
  double q = 0, p = 0, time = 0, energy = 0;
};

/// A function that every energy keeps, J grad C = 0, of a Poisson structure whose J is linear.
struct KeptByStructure {
  std::string text;       ///< "z[0]^2 + z[1]^2 + z[2]^2"
  ir::FunctionPtr value;  ///< (x, t, parameters...) -> f64
  How how = How::kTested;
};

struct Facts {
  std::vector<Fact> all;
  // Numbers behind them, where there are any.
  std::optional<double> period;     ///< of H in t
  std::vector<RangeOfTerm> ranges;  ///< of terms that are pair sums
  std::vector<Singularity> singularities;
  std::optional<Stiffness> stiffness;
  std::optional<DominantBody> dominant_body;
  std::optional<Scaling> scaling;
  std::vector<std::string> cyclic;  ///< coordinates that no term reads: "q[2]"; all proved
  std::vector<KeptByStructure> casimirs;
  std::optional<ErrorParts> no_structure;  ///< of a bracket: why it is none; the planner refuses it

  const Fact& find(const std::string& name) const;  ///< throws InternalError when absent
  bool holds(const std::string& name) const;        ///< value of a yes-or-no fact
};

/// Yes-or-no facts of every form: linear, time_dependent, periodic, separable,
/// translation_invariant, rotation_invariant, pairwise, velocity_dependent, constrained (those that
/// make no sense of a form are false, with the reason). Of a canonical system also:
/// quadratic_kinetic, galilean_invariant, scale_invariant, cyclic, smooth, may_jump, singular,
/// stiff, near_integrable; of a bracket those of structure.h, and `casimirs`. Others, one a term:
/// degree ("2 in p, 0 in q"), quadratic_part (all, part, none), cost, pair_range. docs/mechanics.md
/// has the rule of each. `initial` gives the neighbourhood in which tested facts are sampled.
Facts find_facts(const System& system, const InitialState& initial);

/// A one-parameter group that somebody names: its generator.
struct NamedGenerator {
  std::string name;
  ir::FunctionPtr dq, dp;  ///< (q, p, t, parameters...) -> of q's shape; null: zero
  SourceSpan span;
};

/// The yes-or-no fact "<name>_invariant" of a canonical system: whether the energy is constant
/// along the generator. Proved by exact algebra, else tested on samples. UserError: other types.
Fact find_invariance(const System& system, const InitialState& initial,
                     const NamedGenerator& generator);

}  // namespace cotangent::mechanics
