// Invariance of programs under joint translations and rotations of all particles: proved by exact
// algebra on the Lie derivative, or tested by finite transformations of samples.
//
// Proof. A generator gives every element of the state a tangent: e_a for a translation of q along
// axis a; A q and A p for a rotation in the plane (i, j). A value is *fixed* when its derivative
// along the generator is identically zero. The program is walked once; a value that reads no
// coordinate is fixed; an access to particles by an index that is fixed gives a fresh vector with a
// known tangent (so a body is judged once for all rows); a body's results are judged like any
// function's; and the derivative of what lies between (jvp) is expanded as polynomials over the
// reals, where it must vanish. A jump (comparison, floor, ..) may only read fixed values, and so
// may a denominator, a logarithm or whatever else has a pole: on the two sides of a pole a function
// whose derivative vanishes may have two values (x/sqrt(x*x)). The groups are connected, so a fixed
// value is invariant under the whole group.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cotangent/mechanics/system.h"

namespace cotangent::mechanics {

/// A generator acting on the trailing axis of arrays of vectors. For a state of shape [n] a
/// translation moves every entry by the same number, and a rotation takes the n entries as one
/// point.
struct Generator {
  enum class Kind { kTranslation, kRotation };
  Kind kind = Kind::kTranslation;
  int axis = 0;          ///< translation: which axis; rotation: the plane's first axis
  int other = 0;         ///< rotation: the plane's second axis
  bool scalars = false;  ///< translation of a state of shape [n]
};

/// The generators of all translations (rotations) for a state of this shape; none where there are
/// none.
std::vector<Generator> translations(const Shape& state);
std::vector<Generator> rotations(const Shape& state);

struct SymmetryProof {
  bool proved = false;
  std::string line;       ///< one line: how it was proved, or where the proof stopped
  SourceSpan place;       ///< where it stopped
  bool unrolled = false;  ///< proved of a small sum written out: of the whole, not of each pair
  /// The derivative is a polynomial in q, p and t that is not zero, with the parameters as they are
  /// set. Of prove_invariant_along only; false says nothing.
  bool disproved = false;
};

/// Whether result 0 of `energy` (q, p, t, parameters...) is fixed by the generator.
SymmetryProof prove_invariant(const ir::Function& energy, const Generator& generator);

/// The same along any one-parameter group with the generator (q, p, t, parameters...) -> (dq, dp),
/// each of the state's shape; either may be null, which is zero. Sums over up to a few particles
/// are written out; larger ones are not settled. UserError where a program has other types.
/// `max_work`: as of the algebra, about microseconds.
SymmetryProof prove_invariant_along(const System& system, const EnergyTerm& term,
                                    const ir::FunctionPtr& dq, const ir::FunctionPtr& dp,
                                    std::int64_t max_work = 4'000'000);

/// All terms of a system together; the first that is not proved says where.
SymmetryProof prove_invariant_under(const System& system, const ir::FunctionPtr& dq,
                                    const ir::FunctionPtr& dp);

}  // namespace cotangent::mechanics
