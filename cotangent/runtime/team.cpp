#include "cotangent/runtime/team.h"

#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <cfenv>
#include <chrono>
#include <csignal>
#include <exception>
#include <memory>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>

#include "cotangent/runtime/executable.h"

namespace cotangent::runtime {
namespace {

// --- waiting

/// How a thread waits before it sleeps.
struct Waiting {
  std::chrono::nanoseconds spin;
  int yields;
};
/// Longer than it takes to wake a thread whose core sleeps (50 us in a virtual machine): calls in a
/// row keep each other awake. Nobody yields: where the cores have other work, a thread that does is
/// away for milliseconds, one that sleeps comes back when it is woken.
constexpr Waiting kOwnCore{std::chrono::microseconds(100), 0};
/// More threads than cores: those that are waited for may want this one.
constexpr Waiting kSharedCore{std::chrono::microseconds(1), 1000};

using Word = std::atomic<std::uint32_t>;

void pause_briefly() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

/// Returns when `word` is no longer `value`: spins, yields, then sleeps.
void wait_while(const Word& word, std::uint32_t value, const Waiting& how) {
  const auto same = [&] { return word.load(std::memory_order_acquire) == value; };
  const auto start = std::chrono::steady_clock::now();
  do {
    for (int k = 0; k < 16; ++k) {
      if (!same()) return;
      pause_briefly();
    }
  } while (std::chrono::steady_clock::now() - start < how.spin);
  for (int k = 0; k < how.yields; ++k) {
    if (!same()) return;
    std::this_thread::yield();
  }
  while (same()) word.wait(value, std::memory_order_acquire);
}

// --- the barrier

constexpr std::uint64_t kPresent = std::uint64_t{1} << 32;

struct Team : backend::cpu::TeamContext {
  Waiting waiting = kSharedCore;
  /// Times kPresent: threads that take part; and those among them that wait.
  alignas(64) std::atomic<std::uint64_t> counts{0};
  alignas(64) Word round{0};
};

/// The last of a round lets the others go. They all wait, so `counts` is its own.
void end_round(Team& team, std::uint64_t counts) {
  team.counts.store(counts / kPresent * kPresent, std::memory_order_relaxed);
  team.taken.store(0, std::memory_order_relaxed);
  team.round.fetch_add(1, std::memory_order_release);
  team.round.notify_all();
}

bool all_wait(std::uint64_t counts) {
  return counts / kPresent == counts % kPresent;
}

void wait_for_all(backend::cpu::TeamContext* context) {
  Team& team = *static_cast<Team*>(context);
  const std::uint32_t round = team.round.load(std::memory_order_acquire);
  const std::uint64_t counts = team.counts.fetch_add(1, std::memory_order_acq_rel) + 1;
  if (all_wait(counts)) return end_round(team, counts);
  wait_while(team.round, round, team.waiting);
}

/// For a thread that will not come to the barrier again.
void leave(Team& team) {
  const std::uint64_t counts =
      team.counts.fetch_sub(kPresent, std::memory_order_acq_rel) - kPresent;
  if (counts > 0 && all_wait(counts)) end_round(team, counts);
}

// --- the pool

thread_local bool inside_a_team = false;

/// What the threads of one call share; on the caller's stack.
struct Job {
  const TeamWork& work;
  std::int64_t threads = 1;
  std::fenv_t settings{};
  Word open{0};  ///< 1: numbers are given, begin
  Team team{};

  void begin() {
    team.counts.store(static_cast<std::uint64_t>(threads) * kPresent, std::memory_order_relaxed);
    open.store(1, std::memory_order_release);
    open.notify_all();
  }
  std::exception_ptr run(std::int64_t thread) {
    try {
      work(&team, thread, threads);
      return nullptr;
    } catch (...) {
      leave(team);
      return std::current_exception();
    }
  }
};

/// A thread of the pool. `state` says what it does: waiting for a job, called to one, or at it. The
/// caller takes back a call that was not followed; the thread that wakes too late then knows that
/// another may come soon. The other fields are for the caller to write before the call, `thread`
/// until the job is open, and to read when it is over.
struct alignas(64) Worker {
  static constexpr std::uint32_t kFree = 0, kCalled = 1, kAtWork = 2, kCalledBack = 3;
  Word state{kFree};
  Job* job = nullptr;
  std::int64_t thread = 0;
  std::exception_ptr thrown;
  Worker* next = nullptr;  ///< in the list of those that are free, or of a call

  void call(Job& to) {
    job = &to;
    state.store(kCalled, std::memory_order_release);
    state.notify_one();
  }
  bool take_back() {
    std::uint32_t called = kCalled;
    return state.compare_exchange_strong(called, kCalledBack, std::memory_order_acq_rel);
  }
  bool came() const { return state.load(std::memory_order_acquire) != kCalled; }
  void wait_until_free(const Waiting& how) const {
    for (std::uint32_t is; (is = state.load(std::memory_order_acquire)) != kFree;) {
      wait_while(state, is, how);
    }
  }
};

void serve(Worker& me) {
  inside_a_team = true;
  std::chrono::nanoseconds linger = kOwnCore.spin;
  for (;;) {
    wait_while(me.state, Worker::kFree, {linger, 0});
    std::uint32_t is = Worker::kCalledBack;
    if (me.state.compare_exchange_strong(is, Worker::kFree, std::memory_order_acq_rel)) continue;
    is = Worker::kCalled;
    if (!me.state.compare_exchange_strong(is, Worker::kAtWork, std::memory_order_acq_rel)) continue;
    Job& job = *me.job;
    linger = job.team.waiting.spin;
    wait_while(job.open, 0, job.team.waiting);
    std::fesetenv(&job.settings);
    me.thrown = job.run(me.thread);
    me.state.store(Worker::kFree, std::memory_order_release);
    me.state.notify_one();
  }
}

/// Signals sent to the process are for its own threads; those that a thread causes itself are not
/// held back.
void block_signals(sigset_t& before) {
  sigset_t all;
  sigfillset(&all);
  for (int own : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGPROF}) sigdelset(&all, own);
  pthread_sigmask(SIG_SETMASK, &all, &before);
}

class Pool {
 public:
  /// Up to `count` threads that are free, as a list; all of them if `all`.
  Worker* take(int count, bool all) {
    const std::lock_guard lock(mutex_);
    most_ = std::max(most_, std::max(count, host_threads() - 1));
    Worker* taken = nullptr;
    for (int k = 0; k < count && (free_ || grow(all)); ++k) {
      Worker* worker = free_;
      free_ = worker->next;
      worker->next = taken;
      taken = worker;
    }
    return taken;
  }
  void give(Worker* first, Worker* last) {
    const std::lock_guard lock(mutex_);
    last->next = free_;
    free_ = first;
  }

  /// How often a call waits only half as long as the one before: threads came late.
  std::atomic<int> hurry = 0;
  Pool* older = nullptr;  ///< a forked process's, whose threads are not here

 private:
  /// One more, unless there are enough or the system refuses: then a call has fewer.
  bool grow(bool all) {
    if (made_ >= most_ && !all) return false;
    auto worker = std::make_unique<Worker>();
    sigset_t before;
    block_signals(before);
    try {
      std::thread(serve, std::ref(*worker)).detach();
      ++made_;
      worker->next = free_;
      free_ = worker.release();
    } catch (const std::system_error&) {
    }
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    return free_ != nullptr;
  }

  std::mutex mutex_;
  Worker* free_ = nullptr;
  int made_ = 0, most_ = 0;
};

/// Never deleted: threads are parked in it when the process ends.
std::atomic<Pool*> the_pool = nullptr;

// No static variable of a function: another thread might hold its guard at a fork().
Pool& pool() {
  Pool* found = the_pool.load(std::memory_order_acquire);
  if (found) return *found;
  auto made = std::make_unique<Pool>();
  if (the_pool.compare_exchange_strong(found, made.get(), std::memory_order_acq_rel)) {
    found = made.release();
  }
  return *found;
}

Pool* from_before_forks = nullptr;  // what leak checkers find them by

// The child of a fork() has none of the threads, and perhaps a locked mutex: it begins anew.
void begin_anew() {
  Pool* old = the_pool.exchange(nullptr, std::memory_order_relaxed);
  if (!old) return;
  old->older = from_before_forks;
  from_before_forks = old;
}
[[maybe_unused]] const int begins_anew = pthread_atfork(nullptr, nullptr, begin_anew);

/// Of those called, the ones that come in time; the others go back to the pool. Where the cores
/// have other work calls in a row learn not to wait.
Worker* who_came(Worker* called, std::chrono::nanoseconds patience) {
  constexpr int kMostHurry = 6;
  const int hurry = pool().hurry.load(std::memory_order_relaxed);
  const auto until = std::chrono::steady_clock::now() + patience / (1 << hurry);
  Worker* present = nullptr;
  bool all = true;
  while (Worker* w = called) {
    called = w->next;
    while (!w->came() && std::chrono::steady_clock::now() < until) pause_briefly();
    if (w->take_back()) {
      all = false;
      pool().give(w, w);
    } else {
      w->next = present;
      present = w;
    }
  }
  pool().hurry.store(std::clamp(all ? hurry - 1 : hurry + 1, 0, kMostHurry),
                     std::memory_order_relaxed);
  return present;
}

}  // namespace

void run_team(int threads, const TeamWork& work, const TeamOptions& options) {
  const bool alone = threads < 2 || (inside_a_team && !options.all);
  Worker* others = alone ? nullptr : pool().take(threads - 1, options.all);
  Job job{work};
  job.team.barrier = wait_for_all;
  if (threads <= host_threads()) job.team.waiting = kOwnCore;
  std::fegetenv(&job.settings);
  for (Worker* w = others; w; w = w->next) w->call(job);
  if (options.patience.count() > 0) others = who_came(others, options.patience);
  for (Worker* w = others; w; w = w->next) w->thread = job.threads++;
  job.begin();

  const bool before = std::exchange(inside_a_team, true);
  std::exception_ptr thrown = job.run(0);
  inside_a_team = before;
  Worker* last = nullptr;
  for (Worker* w = others; w; last = w, w = w->next) {
    w->wait_until_free(job.team.waiting);
    std::exception_ptr theirs = std::exchange(w->thrown, nullptr);
    if (!thrown) thrown = theirs;
  }
  if (others) pool().give(others, last);
  if (thrown) std::rethrow_exception(thrown);
}

}  // namespace cotangent::runtime
