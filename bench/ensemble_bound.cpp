// What bounds a step of a vector of four members of an ensemble of six bodies (bench/ensemble.cpp),
// by hand and with the operations of the compiled step: 15 roots and quotients a step and how much
// other arithmetic the processor does beside them; the whole step with its pairs in several orders;
// and the step without roots. Needs AVX2. Nanoseconds of processor time, least of the rounds, in
// turn.
//
//   cmake --build build/release --target bench_ensemble_bound &&
//   build/release/bench/bench_ensemble_bound
#pragma GCC optimize("fp-contract=off")  // products and sums stay two, as in compiled steps
#include <algorithm>
#include <cstdio>
#include <ctime>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#if defined(__AVX2__) && defined(__FMA__)
#include <immintrin.h>

namespace {

using V = __m256d;
constexpr int kBodies = 6, kPairs = 15;

V splat(double x) {
  return _mm256_set1_pd(x);
}
V reciprocal_root(V x) {
  return splat(1) / _mm256_sqrt_pd(x);
}

double processor_now() {
  timespec t{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return 1e9 * static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec);
}

// --- roots beside other arithmetic

/// 15 roots and quotients (if kRoots), and kOthers operations in eight chains, evenly among them.
template <bool kRoots, bool kAdds, int kOthers>
void beside(V* memory, long steps) {
  V x = memory[0], sum = splat(0), a[8];
  const V c = memory[1];
  for (int k = 0; k < 8; ++k) a[k] = memory[2 + k];
  for (long s = 0; s < steps; ++s) {
#pragma GCC unroll 15
    for (int r = 0; r < kPairs; ++r) {
      if (kRoots) sum += reciprocal_root(x + splat(r));
#pragma GCC unroll 20
      for (int k = 0; k < kOthers / kPairs; ++k) {
        V& y = a[(r * (kOthers / kPairs) + k) % 8];
        y = kAdds ? y + c : _mm256_fmadd_pd(y, c, c);
      }
    }
    x += splat(1);
  }
  memory[0] = sum;
  for (int k = 0; k < 8; ++k) memory[2 + k] = a[k];
}

// --- a step

struct State {
  V q[18], p[18], g[18];
  double m[kBodies];
};

enum Way { kNow, kOneDifference, kRootsFirst, kWithoutRoots };

template <Way kWay>
void steps_of(State& s, long steps) {
  const V dt = splat(1e-6), half = splat(5e-7);
  V u[kPairs];
  for (long n = 0; n < steps; ++n) {
#pragma GCC unroll 6
    for (int i = 0; i < kBodies; ++i) {
      const V w = splat(1 / s.m[i]);
#pragma GCC unroll 3
      for (int k = 3 * i; k < 3 * i + 3; ++k) {
        s.q[k] = _mm256_fmadd_pd(_mm256_fmadd_pd(s.g[k], half, s.p[k]) * w, dt, s.q[k]);
      }
    }
    V f[18];
#pragma GCC unroll 18
    for (int k = 0; k < 18; ++k) f[k] = splat(0);
    const auto root = [&](int i, int j) {
      const V x = s.q[3 * i] - s.q[3 * j], y = s.q[3 * i + 1] - s.q[3 * j + 1],
              z = s.q[3 * i + 2] - s.q[3 * j + 2];
      const V r = _mm256_fmadd_pd(z, z, _mm256_fmadd_pd(y, y, x * x));
      return kWay == kWithoutRoots ? r : reciprocal_root(r);
    };
    int pair = 0;
    if (kWay == kRootsFirst) {
#pragma GCC unroll 6
      for (int i = 0; i < kBodies; ++i) {
#pragma GCC unroll 6
        for (int j = i + 1; j < kBodies; ++j) u[pair++] = root(i, j);
      }
      asm volatile("" ::: "memory");
      pair = 0;
    }
#pragma GCC unroll 6
    for (int i = 0; i < kBodies; ++i) {
#pragma GCC unroll 6
      for (int j = i + 1; j < kBodies; ++j) {
        const V r = kWay == kRootsFirst ? u[pair++] : root(i, j);
        const V a = r * r * (splat(s.m[j]) * r), b = r * r * (splat(s.m[i]) * r);
#pragma GCC unroll 3
        for (int k = 0; k < 3; ++k) {
          const V d = s.q[3 * i + k] - s.q[3 * j + k];
          f[3 * i + k] += d * a;
          if (kWay == kNow) {
            f[3 * j + k] += (s.q[3 * j + k] - s.q[3 * i + k]) * b;
          } else {
            f[3 * j + k] -= d * b;
          }
        }
      }
    }
#pragma GCC unroll 18
    for (int k = 0; k < 18; ++k) {
      const V g = f[k] * splat(s.m[k / 3]);
      s.p[k] = _mm256_fmadd_pd(g, half, _mm256_fmadd_pd(s.g[k], half, s.p[k]));
      s.g[k] = g;
    }
  }
}

template <Way kWay>
void run(long steps) {
  static const double q[] = {0,   0,     0,    -3.5, -3.8,  -1.6,  9.1,   -3.0,  -1.6,
                             8.3, -16.3, -7.3, 11.5, -25.7, -10.8, -15.5, -25.2, -3.2};
  static State s;
  for (int k = 0; k < 18; ++k) s.q[k] = splat(q[k]), s.p[k] = s.g[k] = splat(0);
  const double m[] = {1, 1e-3, 3e-4, 4e-5, 5e-5, 8e-9};
  std::copy(m, m + kBodies, s.m);
  steps_of<kWay>(s, steps);
}

template <bool kRoots, bool kAdds, int kOthers>
void run_beside(long steps) {
  static V memory[10];
  for (V& v : memory) v = splat(0.5);
  beside<kRoots, kAdds, kOthers>(memory, steps);
}

}  // namespace

int main() {
  struct Case {
    std::string name;
    std::function<void(long)> run;
    double best = 1e30;
  };
  std::vector<Case> cases = {
      {"15 roots and quotients", run_beside<true, false, 0>},
      {"  beside 120 fmas", run_beside<true, false, 120>},
      {"  beside 180 fmas", run_beside<true, false, 180>},
      {"  beside 300 fmas", run_beside<true, false, 300>},
      {"  beside 240 sums", run_beside<true, true, 240>},
      {"300 fmas alone", run_beside<false, false, 300>},
      {"240 sums alone", run_beside<false, true, 240>},
      {"a step, as compiled", run<kNow>},
      {"  a - b for b - a", run<kOneDifference>},
      {"  and all roots first", run<kRootsFirst>},
      {"  without roots", run<kWithoutRoots>},
  };
  constexpr long kSteps = 20000;
  for (int round = 0; round < 60; ++round) {
    for (Case& c : cases) {
      const double start = processor_now();
      c.run(kSteps);
      c.best = std::min(c.best, (processor_now() - start) / kSteps);
    }
  }
  for (const Case& c : cases) std::printf("%-26s %6.1f ns\n", c.name.c_str(), c.best);
  return 0;
}
#else
int main() {
  std::puts("needs AVX2");
  return 0;
}
#endif
