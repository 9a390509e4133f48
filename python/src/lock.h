// The interpreter's lock, let go for a time and taken again.
//
// A thread that outlives the interpreter, a daemon's, gets the lock never more: CPython before 3.14
// ends it by unwinding its stack (pthread_exit), at which C++ terminates the process. Such a thread
// waits here instead, for the end of the process.
#pragma once

#include <nanobind/nanobind.h>

#include <chrono>
#include <thread>

namespace cotangent::python {

template <class F>
auto taken_or_never(const F& take) {
  try {
    return take();
  } catch (...) {  // the unwinding; nothing else is thrown here
    for (;;) std::this_thread::sleep_for(std::chrono::hours(1));
  }
}

/// Without the lock, which this thread has.
class Unlocked {
 public:
  Unlocked() : state_(PyEval_SaveThread()) {}
  ~Unlocked() {
    taken_or_never([this] { PyEval_RestoreThread(state_); });
  }
  Unlocked(const Unlocked&) = delete;
  Unlocked& operator=(const Unlocked&) = delete;

 private:
  PyThreadState* state_;
};

/// With the lock, in whatever thread.
class Locked {
 public:
  Locked() : state_(taken_or_never([] { return PyGILState_Ensure(); })) {}
  ~Locked() { PyGILState_Release(state_); }
  Locked(const Locked&) = delete;
  Locked& operator=(const Locked&) = delete;

 private:
  PyGILState_STATE state_;
};

}  // namespace cotangent::python
