// Sides of selections that are worth a branch.
//
// A program selects between values that are both computed. Where one side takes many operations
// that nothing else needs, and is the side seldom taken (a function's far range, a guarded case), a
// back end does better to compute it only when some lane asks for it. What that changes is time:
// where no lane takes the side, its value is never looked at.
#pragma once

#include <cstddef>
#include <vector>

#include "cotangent/kernel/kernel_program.h"

namespace cotangent::kernel {

/// Instructions of one block that only one side of the selections by one predicate needs.
struct LazySide {
  Id predicate = kNoId;
  bool when = true;                 ///< the predicate's value where the side is taken
  std::size_t at = 0;               ///< the place of the first of the selections
  std::vector<std::size_t> instrs;  ///< in order; may stand behind `at`, but need nothing there
  std::vector<Id> results;          ///< those that the selections read
  /// A selection whose other side's value, defined at `other` or outside the block (SIZE_MAX), is
  /// there at `at`: the branch may select as well.
  struct Early {
    std::size_t selection, other;
  };
  std::vector<Early> early;
  std::vector<LazySide> inner;  ///< sides among its instructions
};

/// Operations from which a side is worth a branch: a branch that goes the wrong way costs about as
/// much.
inline constexpr int kLazyFrom = 48;

/// The sides of a block, by ascending `at`; two of them share instructions only where one is inside
/// the other. Literals are not in them: they must be there before. A side that is nearly always
/// taken, as that of "not equal", is left out.
std::vector<LazySide> lazy_sides(const Block& block);

}  // namespace cotangent::kernel
