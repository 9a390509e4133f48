// The pool of threads behind team kernels: who takes part, and that nothing hangs: calls inside
// calls, calls side by side, exceptions, fork() and the end of a process.
#include "cotangent/runtime/team.h"

#include <gtest/gtest.h>
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cfenv>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <mutex>
#include <set>
#include <stdexcept>
#include <thread>
#include <vector>

#include "cotangent/ir/builder.h"
#include "cotangent/ir/evaluator.h"
#include "cotangent/runtime/executable.h"

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define COTANGENT_THREAD_SANITIZER
#endif
#endif

namespace cotangent {
namespace {

using backend::cpu::TeamContext;
using runtime::run_team;

/// What a call had: the numbers that were run, and the threads that ran them.
struct Seen {
  std::mutex mutex;
  std::multiset<std::int64_t> numbers;
  std::set<pid_t> threads;  // a std::thread::id may come again
  std::int64_t of = 0;

  void note(std::int64_t thread, std::int64_t threads_) {
    const std::lock_guard lock(mutex);
    numbers.insert(thread);
    threads.insert(gettid());
    of = threads_;
  }
  bool complete() const {
    for (std::int64_t k = 0; k < of; ++k) {
      if (numbers.count(k) != 1) return false;
    }
    return static_cast<std::int64_t>(numbers.size()) == of;
  }
};

std::size_t threads_of_this_process() {
  const std::filesystem::directory_iterator tasks("/proc/self/task");
  return static_cast<std::size_t>(std::distance(begin(tasks), end(tasks)));
}

/// Rounds in which every thread writes its own entry and then reads all: wrong, or hanging, where
/// the barrier lets somebody through.
bool meet(int threads, int rounds) {
  std::vector<std::int64_t> at(static_cast<std::size_t>(threads));
  std::atomic<bool> together = true;
  run_team(threads, [&](TeamContext* team, std::int64_t thread, std::int64_t of) {
    for (int r = 1; r <= rounds; ++r) {
      at[static_cast<std::size_t>(thread)] = r;
      team->barrier(team);
      for (std::int64_t k = 0; k < of; ++k) {
        if (at[static_cast<std::size_t>(k)] != r) together = false;
      }
      team->barrier(team);
    }
  });
  return together;
}

TEST(Team, EveryNumberRunsOnceOnAThreadOfItsOwn) {
  for (int threads : {1, 2, 3, 16, 2}) {
    Seen seen;
    run_team(threads,
             [&](TeamContext*, std::int64_t thread, std::int64_t of) { seen.note(thread, of); });
    EXPECT_EQ(seen.of, threads);
    EXPECT_TRUE(seen.complete());
    EXPECT_EQ(seen.threads.size(), static_cast<std::size_t>(threads));
    EXPECT_TRUE(seen.threads.count(gettid()));
  }
}

TEST(Team, ThreadsStandFromCallToCall) {
  Seen first, later;
  const auto note_in = [](Seen& seen) {
    return [&seen](TeamContext*, std::int64_t thread, std::int64_t of) { seen.note(thread, of); };
  };
  run_team(5, note_in(first));
  const std::size_t standing = threads_of_this_process();
  for (int k = 0; k < 40; ++k) run_team(2 + k % 4, note_in(later));
  EXPECT_EQ(threads_of_this_process(), standing);
  for (const pid_t id : later.threads) EXPECT_TRUE(first.threads.count(id));
}

TEST(Team, TheBarrierHoldsAllBack) {
  for (int threads : {1, 2, 3, 16}) EXPECT_TRUE(meet(threads, threads < 16 ? 100 : 20)) << threads;
}

TEST(Team, ATeamInsideATeamRunsAlone) {
  for (int threads : {1, 3}) {
    Seen outer;
    std::atomic<int> inner = 0;
    run_team(threads, [&](TeamContext*, std::int64_t thread, std::int64_t of) {
      outer.note(thread, of);
      const pid_t here = gettid();
      run_team(4, [&](TeamContext* team, std::int64_t number, std::int64_t alone) {
        team->barrier(team);
        if (number == 0 && alone == 1 && gettid() == here) ++inner;
      });
    });
    EXPECT_TRUE(outer.complete());
    EXPECT_EQ(inner, threads);
  }
  Seen after;
  run_team(3, [&](TeamContext*, std::int64_t t, std::int64_t of) { after.note(t, of); });
  EXPECT_EQ(after.of, 3) << "the caller is no longer inside";
}

TEST(Team, ACallBesideAnotherDoesNotWaitForItsThreads) {
  run_team(3, [](TeamContext*, std::int64_t, std::int64_t) {});
  std::atomic<bool> over = false;
  std::atomic<int> inside = 0;
  std::thread first([&] {
    run_team(64, [&](TeamContext*, std::int64_t, std::int64_t) {
      ++inside;
      while (!over) std::this_thread::yield();
    });
  });
  while (inside < 64) std::this_thread::yield();
  Seen seen;  // all the threads there may be are inside the first call
  run_team(64, [&](TeamContext*, std::int64_t t, std::int64_t of) { seen.note(t, of); });
  EXPECT_EQ(seen.of, 1);
  EXPECT_TRUE(seen.complete());
  over = true;
  first.join();
}

TEST(Team, ThreadsThatComeLateAreLeftOut) {
  for (int ns : {1, 300, 3000, 100000}) {
    for (int k = 0; k < 20; ++k) {
      Seen seen;
      const auto work = [&](TeamContext* team, std::int64_t t, std::int64_t of) {
        seen.note(t, of);
        team->barrier(team);
      };
      run_team(4, work, {.patience = std::chrono::nanoseconds(ns)});
      EXPECT_TRUE(seen.of >= 1 && seen.of <= 4 && seen.complete()) << seen.of;
    }
  }
  Seen patient;
  run_team(4, [&](TeamContext*, std::int64_t t, std::int64_t of) { patient.note(t, of); });
  EXPECT_EQ(patient.of, 4) << "who was left out is back in the pool";
}

TEST(Team, AllMayBeAskedFor) {
  std::atomic<int> complete = 0;
  const auto outer = [&](TeamContext*, std::int64_t, std::int64_t) {
    Seen seen;
    const auto work = [&](TeamContext* team, std::int64_t t, std::int64_t of) {
      seen.note(t, of);
      team->barrier(team);
    };
    run_team(4, work, {.all = true});
    complete += seen.of == 4 && seen.complete();
  };
  run_team(3, outer);
  EXPECT_EQ(complete, 3) << "inside a team, and three side by side";
}

/// Rollouts that threads take, and sums and columns that they share.
ir::FunctionPtr program() {
  using namespace ir;
  Builder step("step"), lane("lane"), b("program");
  step.param(scalar(DType::kI64));
  const Value x = step.param(scalar());
  LoopAttr loop;
  loop.trip = 20;
  loop.carries = 1;
  loop.body = step.finish({step.mul(step.unary(Op::kSin, x), step.constant(1.01))});
  lane.param(scalar(DType::kI64));
  const Value start = lane.param(scalar());
  const FunctionPtr body = lane.finish(lane.loop(loop, std::span(&start, 1)));
  const Value starts = b.param({DType::kF64, {1001}}, "x");
  const Value ends = b.map({1001, 1, {Role::kStack}, body}, std::span(&starts, 1))[0];
  return b.finish({ends, b.unary(Op::kTanh, starts)});
}

TEST(Team, ResultsAreTheSameWhoeverIsFree) {
  const auto compiled = [](int threads) {
    runtime::CompileOptions options;
    options.threads = threads;
    options.team_from = 0;
    return runtime::compile(program(), options);
  };
  ir::Tensor x({DType::kF64, {1001}});
  for (std::int64_t k = 0; k < 1001; ++k) x.set_real(k, 0.001L * k - 0.3L);
  const auto expected = compiled(1)->call(std::span(&x, 1));
  const auto team = compiled(3);
  std::atomic<int> same = 0;
  std::vector<std::thread> callers;
  for (int c = 0; c < 4; ++c) {
    callers.emplace_back([&] {
      for (int k = 0; k < 25; ++k) {
        const auto made = team->call(std::span(&x, 1));
        same += made[0].same_bits(expected[0]) && made[1].same_bits(expected[1]);
      }
    });
  }
  for (std::thread& t : callers) t.join();
  EXPECT_EQ(same, 100);
}

TEST(Team, ManyCallersAtATime) {
  std::vector<std::thread> callers;
  std::atomic<int> good = 0;
  for (int c = 0; c < 4; ++c) {
    callers.emplace_back([&, c] {
      for (int k = 0; k < 50; ++k) good += meet(1 + (c + k) % 4, 3);
    });
  }
  for (std::thread& t : callers) t.join();
  EXPECT_EQ(good, 200);
}

TEST(Team, WhatAThreadThrowsReachesTheCaller) {
  for (std::int64_t thrower : {0, 1, 3}) {
    std::atomic<int> through = 0;
    const auto work = [&](TeamContext* team, std::int64_t thread, std::int64_t) {
      team->barrier(team);
      if (thread >= thrower && thrower > 0) throw std::runtime_error(std::to_string(thread));
      if (thread == thrower) throw std::runtime_error(std::to_string(thread));
      team->barrier(team);
      team->barrier(team);
      ++through;
    };
    try {
      run_team(4, work);
      ADD_FAILURE() << "nothing thrown";
    } catch (const std::runtime_error& error) {
      EXPECT_EQ(error.what(), std::to_string(thrower));
    }
    EXPECT_EQ(through, thrower == 0 ? 3 : thrower) << "the others went on";
    EXPECT_TRUE(meet(4, 20)) << "the pool is as it was";
  }
}

TEST(Team, ThreadsRoundAsTheCallerDoes) {
  std::vector<double> thirds(4);
  volatile double one = 1, three = 3;
  const auto divide = [&](TeamContext*, std::int64_t thread, std::int64_t) {
    thirds[static_cast<std::size_t>(thread)] = one / three;
  };
  for (int mode : {FE_TONEAREST, FE_UPWARD, FE_TONEAREST}) {
    std::fesetround(mode);
    const double third = one / three;
    run_team(4, divide);
    std::fesetround(FE_TONEAREST);
    for (double x : thirds) EXPECT_EQ(x, third);
  }
}

TEST(Team, SignalsGoToTheCallersThreads) {
  std::atomic<int> blocked = 0;
  run_team(3, [&](TeamContext*, std::int64_t thread, std::int64_t) {
    sigset_t set;
    pthread_sigmask(SIG_SETMASK, nullptr, &set);
    const bool process = sigismember(&set, SIGINT) && sigismember(&set, SIGALRM);
    const bool own = sigismember(&set, SIGSEGV) || sigismember(&set, SIGFPE);
    if (thread > 0 ? process && !own : !process) ++blocked;
  });
  EXPECT_EQ(blocked, 3);
}

/// Exit status of a child that does `work`, or -1: killed, by the alarm where it hung.
template <class F>
int status_of_child(F work) {
  const pid_t child = fork();
  if (child == 0) {
    alarm(20);
    _exit(work());
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST(Team, AForkedChildMakesItsOwnThreads) {
#ifdef COTANGENT_THREAD_SANITIZER
  GTEST_SKIP() << "the thread sanitizer makes no threads in a child of several threads";
#endif
  EXPECT_TRUE(meet(3, 5));
  const auto in_child = [] {
    Seen seen;
    run_team(3, [&](TeamContext*, std::int64_t t, std::int64_t of) { seen.note(t, of); });
    return seen.of == 3 && seen.complete() && meet(3, 5) ? 0 : 1;
  };
  EXPECT_EQ(status_of_child(in_child), 0);
  // And while other threads take and give back the pool's.
  std::atomic<bool> over = false;
  std::vector<std::thread> callers;
  for (int c = 0; c < 2; ++c) {
    callers.emplace_back([&] {
      while (!over) meet(2, 1);
    });
  }
  for (int k = 0; k < 20; ++k) EXPECT_EQ(status_of_child(in_child), 0) << k;
  over = true;
  for (std::thread& t : callers) t.join();
  EXPECT_TRUE(meet(3, 5)) << "the parent's pool is as it was";
}

TEST(TeamDeathTest, AProcessMayEndWhileATeamRuns) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  for (int k = 0; k < 3; ++k) {
    EXPECT_EXIT(
        {
          std::atomic<int> calls = 0;
          std::thread([&] {
            for (;;) {
              meet(3, 2);
              ++calls;
            }
          }).detach();
          while (calls < 10) std::this_thread::yield();
          std::exit(7);
        },
        testing::ExitedWithCode(7), "");
  }
}

}  // namespace
}  // namespace cotangent
