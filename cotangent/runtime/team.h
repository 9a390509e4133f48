// Teams of threads for team kernels and for jobs that threads share.
//
// A process keeps one pool of threads, made when they are first needed and parked between calls, so
// that a call costs microseconds where making threads costs a hundred. A call takes those that are
// free: as many as asked for where the pool has them, or where it may still grow (to the larger of
// the machine's threads and what one call asks for). A call beside another one therefore gets what
// is left over, at worst nobody, and runs alone; it never waits for another call's threads. A call
// from inside a team runs alone too. Whoever calls must give the same result with any number of
// threads.
//
// Threads of the pool take the caller's floating-point settings (rounding, subnormals) for the time
// of a call and block the signals that are sent to a process, which stay with its own threads. They
// are never joined: a process may end at any time. The child of a fork() begins with no threads and
// makes its own.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>

#include "cotangent/backend/cpu/cpu_code.h"

namespace cotangent::runtime {

/// What a thread of a team does: it is number `thread` of `threads`. The context's barrier waits
/// for all of them; it spins, then yields, then sleeps, and so does not hang when there are more
/// threads than cores.
using TeamWork = std::function<void(backend::cpu::TeamContext* context, std::int64_t thread,
                                    std::int64_t threads)>;

struct TeamOptions {
  /// A thread that has not begun after this time is left out: where the cores have other work it
  /// may come milliseconds late, and everybody would wait for it at the barrier. About as long as
  /// the work takes without it; 0: all are waited for.
  std::chrono::nanoseconds patience{0};
  /// For results that depend on the number of threads: all take part, inside a team and beside
  /// other calls too (unless the system makes no more threads).
  bool all = false;
};

/// Calls work on at most `threads` threads, this one being number 0; returns when all are done.
/// What one of them throws is thrown here, that of the lowest number; the others run to their end,
/// and do not wait for it at the barrier.
void run_team(int threads, const TeamWork& work, const TeamOptions& options = {});

}  // namespace cotangent::runtime
