// What kind of kernel a program is, and whether a team of threads is worth its barriers: both read
// off the finished program.
#pragma once

#include <string_view>

#include "cotangent/kernel/kernel_program.h"

namespace cotangent::kernel {

enum class Kind : std::uint8_t {
  kLane,  ///< instances side by side in SIMD lanes, their loops over steps inside
  kSolo,  ///< one small instance
  kTeam,  ///< one large instance: threads share the loops inside its loop over steps
  kGrid   ///< large array expressions, no loop over steps around them
};
std::string_view name_of(Kind kind);

/// Estimated scalar operations, of a step where the program's own loop has a count that comes with
/// the call, otherwise of a call.
struct Work {
  bool per_step = false;
  double all = 0;
  double shared = 0;    ///< of loops whose iterations a team shares out
  double in_lanes = 0;  ///< of those among them that hold loops over steps
  double barriers = 0;  ///< how often a team waits for all its threads
  bool steps = false;   ///< a loop over steps holds shared loops
};
Work work_of(const Program& program);

/// Whether a loop over steps, or a while, is inside.
bool has_steps(const Block& block);

/// As long as `from` operations take, so many barriers do.
constexpr double kBarriersIn = 10;

/// Whether threads are worth it: `from` operations or more that they share, and between two
/// barriers enough to pay for one. 0: always.
bool worth_a_team(const Work& work, double from);

Kind kind_of(const Work& work, double team_from, bool team);

}  // namespace cotangent::kernel
