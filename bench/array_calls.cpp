// What a call costs besides its work: a jitted function of three elements, called again and again;
// and a small lazy program, recorded, found in the cache and run. Processor time, least of several
// rounds. The bar for a compiled function is 2 microseconds a call.
//
//   cmake --build build/release --target bench_array_calls && build/release/bench/bench_array_calls
#include <algorithm>
#include <cstdio>
#include <ctime>

#include "cotangent/array/arrays.h"

namespace {

using namespace cotangent::array;

struct State {
  Array q, p;
};

template <class F>
double microseconds(F call, int calls) {
  double least = 1e9;
  for (int round = 0; round < 20; ++round) {
    timespec start{}, end{};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &start);
    for (int k = 0; k < calls; ++k) call();
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &end);
    const double seconds = static_cast<double>(end.tv_sec - start.tv_sec) +
                           1e-9 * static_cast<double>(end.tv_nsec - start.tv_nsec);
    least = std::min(least, 1e6 * seconds / calls);
  }
  return least;
}

}  // namespace

int main() {
  Array x = Array::of({1.0, 2.0, 3.0}), v = x;
  const auto one = jit([](Array x) { return x * 0.5; });
  const auto two = jit([](Array x, Array v) { return std::pair(x + 0.01 * v, v - 0.01 * x); });
  const auto tree = jit([](State s) {
    s.p = s.p - 0.1 * s.q;
    s.q = s.q + 0.1 * s.p;
    return s;
  });
  State s{x, v};
  std::printf("us a call, processor time\n");
  std::printf("  jit, 1 array to 1     %6.3f\n", microseconds([&] { x = one(x); }, 20000));
  std::printf("  jit, 2 arrays to 2    %6.3f\n",
              microseconds([&] { std::tie(x, v) = two(x, v); }, 20000));
  std::printf("  jit, a struct         %6.3f\n", microseconds([&] { s = tree(s); }, 20000));
  double total = 0;
  std::printf("  lazy, sum(x * 2 + 1)  %6.3f\n",
              microseconds([&] { total += sum(x * 2.0 + 1.0).item(); }, 5000));
  return total > 0 ? 0 : 1;
}
