#include "cotangent/runtime/team.h"

#include <atomic>
#include <thread>
#include <vector>

#include "cotangent/runtime/executable.h"

namespace cotangent::runtime {
namespace {

struct Team : backend::cpu::TeamContext {
  int threads = 1;
  int spins = 0;
  alignas(64) std::atomic<int> waiting{0};
  alignas(64) std::atomic<std::uint32_t> round{0};
};

void pause_briefly() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

void wait_for_all(backend::cpu::TeamContext* context) {
  Team& team = *static_cast<Team*>(context);
  const std::uint32_t round = team.round.load(std::memory_order_acquire);
  if (team.waiting.fetch_add(1, std::memory_order_acq_rel) + 1 == team.threads) {
    team.waiting.store(0, std::memory_order_relaxed);
    team.taken.store(0, std::memory_order_relaxed);
    team.round.store(round + 1, std::memory_order_release);
    team.round.notify_all();
    return;
  }
  for (int k = 0; k < team.spins; ++k) {
    if (team.round.load(std::memory_order_acquire) != round) return;
    pause_briefly();
  }
  for (int k = 0; k < 1000; ++k) {
    if (team.round.load(std::memory_order_acquire) != round) return;
    std::this_thread::yield();
  }
  while (team.round.load(std::memory_order_acquire) == round) {
    team.round.wait(round, std::memory_order_acquire);
  }
}

}  // namespace

void run_team(int threads,
              const std::function<void(backend::cpu::TeamContext*, std::int64_t)>& work) {
  Team team;
  team.barrier = wait_for_all;
  team.threads = threads;
  team.spins = threads <= host_threads() ? 500 : 20;
  std::vector<std::jthread> others;
  for (int t = 1; t < threads; ++t) {
    others.emplace_back([&work, &team, t] { work(&team, t); });
  }
  work(&team, 0);
}

}  // namespace cotangent::runtime
