// What reverse mode keeps of a loop: the choice, and the loop in the form that keeps it.
//
// The forward loop emits its carries, from which the reversed loop computes the rest of a step
// again. Kept at every K-th step only, the loop is a loop over blocks of K steps: its carries are
// those at the beginnings of blocks, and what reverse mode does to the body of the outer loop is to
// run one block again, keep all of that, and reverse it. Every policy gives the same bits, but
// where one array comes into a loop by several ways (as two operands, or broadcast): blocks add
// what comes back to it in another order; and but for the sign of a cotangent of zero.
#pragma once

#include "cotangent/transform/rebuild.h"

namespace cotangent::transform {

/// For loops that do not say: bytes of kept carries.
inline constexpr std::int64_t kDefaultKeepBudget = std::int64_t{256} << 20;

/// What is done for a loop of `trip` steps whose carries (those to be kept) have `bytes`.
struct KeepChoice {
  ir::Keep keep;           ///< never kAuto
  std::int64_t bytes = 0;  ///< of carries that are kept at one time
};
/// `cadence`: what `keep.number` must be a multiple of for kEvery.
KeepChoice choose_keep(ir::Keep wanted, std::int64_t trip, std::int64_t bytes,
                       std::int64_t cadence = 1);
/// The choice for a loop of f, some of whose results are linear in what f is linear in.
KeepChoice choose_keep(const ir::Function& f, ir::Value loop, const Flags& linear_results);

/// `f`, which is linear in the flagged parameters, with each of its loops (at the top level, not in
/// bodies) that keeps every K-th step as a loop over blocks; null when there is none.
ir::FunctionPtr block_loops(const ir::Function& f, const Flags& params);

/// Whether a loop of `f` or of its bodies has an inverse.
bool has_inverses(const ir::Function& f);

}  // namespace cotangent::transform
