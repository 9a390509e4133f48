// A persistent team of threads for one call of a team kernel, with a barrier that spins, then
// yields, then sleeps: it does not hang when there are more threads than cores.
#pragma once

#include <cstdint>
#include <functional>

#include "cotangent/backend/cpu/cpu_code.h"

namespace cotangent::runtime {

/// Calls work(context, thread) on `threads` threads, this one being number 0; returns when all are
/// done.
void run_team(int threads,
              const std::function<void(backend::cpu::TeamContext*, std::int64_t)>& work);

}  // namespace cotangent::runtime
