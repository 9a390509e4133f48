#include "bench/hand/hand.h"

#if defined(__AVX512F__)
#include <immintrin.h>
#endif

#include <algorithm>
#include <chrono>
#include <cmath>
#include <functional>
#include <thread>
#include <vector>

namespace hand {
namespace {

void in_threads(int threads, std::int64_t n,
                const std::function<void(std::int64_t, std::int64_t)>& work) {
  std::vector<std::thread> others;
  const auto share = [&](int t) { return n * t / threads; };
  for (int t = 1; t < threads; ++t) others.emplace_back(work, share(t), share(t + 1));
  work(0, share(1));
  for (std::thread& t : others) t.join();
}

/// A block of lanes, its state in registers or L1 for the whole of its rollout.
template <class T, int N, class Step>
void rollouts(T* state, std::int64_t lanes, std::int64_t steps, int threads, Step step) {
  constexpr std::int64_t kBlock = 4 * 64 / sizeof(T);
  in_threads(threads, (lanes + kBlock - 1) / kBlock, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t block = begin; block < end; ++block) {
      const std::int64_t first = block * kBlock, count = std::min(kBlock, lanes - first);
      alignas(64) T s[N][kBlock];
      for (int k = 0; k < N; ++k) {
        for (std::int64_t l = 0; l < kBlock; ++l)
          s[k][l] = l < count ? state[k * lanes + first + l] : T(0);
      }
      for (std::int64_t n = 0; n < steps; ++n) {
#pragma omp simd
        for (std::int64_t l = 0; l < kBlock; ++l) {
          T x[N];
          for (int k = 0; k < N; ++k) x[k] = s[k][l];
          step(x);
          for (int k = 0; k < N; ++k) s[k][l] = x[k];
        }
      }
      for (int k = 0; k < N; ++k) {
        for (std::int64_t l = 0; l < count; ++l) state[k * lanes + first + l] = s[k][l];
      }
    }
  });
}

template <class T>
inline void lorenz_step(T* s) {
  const T dx = T(10) * (s[1] - s[0]);
  const T dy = s[0] * (T(28) - s[2]) - s[1];
  const T dz = s[0] * s[1] - T(8.0 / 3) * s[2];
  s[0] += T(0.005) * dx, s[1] += T(0.005) * dy, s[2] += T(0.005) * dz;
}

template <class T>
inline void double_pendulum_step(T* s) {
  const T a1 = s[0], a2 = s[1], w1 = s[2], w2 = s[3], g = T(9.81), d = a1 - a2;
  const T sd = std::sin(d), cd = std::cos(d), den = T(3) - std::cos(d + d);
  const T n1 = T(-3) * g * std::sin(a1) - g * std::sin(a1 - (a2 + a2)) -
               T(2) * sd * (w2 * w2 + w1 * w1 * cd);
  const T n2 = T(2) * sd * (T(2) * w1 * w1 + T(2) * g * std::cos(a1) + w2 * w2 * cd);
  s[2] = w1 + T(0.001) * (n1 / den);
  s[3] = w2 + T(0.001) * (n2 / den);
  s[0] = a1 + T(0.001) * s[2];
  s[1] = a2 + T(0.001) * s[3];
}

template <class T>
inline void cartpole_step(T* s) {
  const T v = s[1], a = s[2], w = s[3], sn = std::sin(a), cs = std::cos(a);
  const T force = T(-2) * a;
  const T temp = (force + T(0.05) * (w * w * sn)) / T(1.1);
  const T acc = (T(9.8) * sn - cs * temp) / (T(0.5) * (T(4.0 / 3) - T(0.1) * (cs * cs) / T(1.1)));
  const T xacc = temp - T(0.05 / 1.1) * (acc * cs);
  s[0] += T(0.02) * v, s[1] += T(0.02) * xacc, s[2] += T(0.02) * w, s[3] += T(0.02) * acc;
}

/// One instance has no lanes to fill.
template <class T, int N, class Step>
void one(T* s, std::int64_t steps, Step step) {
  T x[N];
  for (int k = 0; k < N; ++k) x[k] = s[k];
  for (std::int64_t n = 0; n < steps; ++n) step(x);
  for (int k = 0; k < N; ++k) s[k] = x[k];
}

}  // namespace

double logistic(double x, double r, std::int64_t steps) {
  for (std::int64_t n = 0; n < steps; ++n) x = r * x * (1 - x);
  return x;
}

void carries60(double* x, std::int64_t steps) {
  for (std::int64_t n = 0; n < steps; ++n) {
    double next[60];
    for (int k = 0; k < 60; ++k) {
      const double left = x[(k + 59) % 60], right = x[(k + 1) % 60], far = x[(k + 58) % 60];
      next[k] = x[k] + 0.001 * ((right - far) * left - x[k] + 8.0);  // Lorenz 96
    }
    for (int k = 0; k < 60; ++k) x[k] = next[k];
  }
}

template <class T>
void lorenz(T* s, std::int64_t lanes, std::int64_t steps, int threads) {
  if (lanes == 1) return one<T, 3>(s, steps, lorenz_step<T>);
  rollouts<T, 3>(s, lanes, steps, threads, [](T* x) { lorenz_step(x); });
}
template <class T>
void double_pendulum(T* s, std::int64_t lanes, std::int64_t steps, int threads) {
  if (lanes == 1) return one<T, 4>(s, steps, double_pendulum_step<T>);
  rollouts<T, 4>(s, lanes, steps, threads, [](T* x) { double_pendulum_step(x); });
}
template <class T>
void cartpole(T* s, std::int64_t lanes, std::int64_t steps, int threads) {
  if (lanes == 1) return one<T, 4>(s, steps, cartpole_step<T>);
  rollouts<T, 4>(s, lanes, steps, threads, [](T* x) { cartpole_step(x); });
}

template <class T>
void gravity(const T* x, T* a, std::int64_t n, T eps2) {
  for (std::int64_t i = 0; i < n; ++i) {
    const T xi = x[i], yi = x[n + i], zi = x[2 * n + i];
    T ax = 0, ay = 0, az = 0;
#pragma omp simd reduction(+ : ax, ay, az)
    for (std::int64_t j = 0; j < n; ++j) {
      const T dx = x[j] - xi, dy = x[n + j] - yi, dz = x[2 * n + j] - zi;
      const T r2 = dx * dx + dy * dy + dz * dz + eps2;
      const T w = T(1) / (r2 * std::sqrt(r2));
      ax += w * dx, ay += w * dy, az += w * dz;
    }
    a[i] = ax, a[n + i] = ay, a[2 * n + i] = az;
  }
}

void triad(const double* a, const double* b, double* c, double s, std::int64_t n, int threads) {
  in_threads(threads, n, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) c[i] = a[i] + s * b[i];
  });
}

void triad_past_caches(const double* a, const double* b, double* c, double s, std::int64_t n,
                       int threads) {
#if defined(__AVX512F__)
  in_threads(threads, n, [&](std::int64_t begin, std::int64_t end) {
    std::int64_t i = begin;
    for (; i < end && reinterpret_cast<std::uintptr_t>(c + i) % 64 != 0; ++i)
      c[i] = a[i] + s * b[i];
    const __m512d factor = _mm512_set1_pd(s);
    for (; i + 8 <= end; i += 8) {
      _mm512_stream_pd(c + i,
                       _mm512_fmadd_pd(factor, _mm512_loadu_pd(b + i), _mm512_loadu_pd(a + i)));
    }
    for (; i < end; ++i) c[i] = a[i] + s * b[i];
    _mm_sfence();
  });
#else
  triad(a, b, c, s, n, threads);
#endif
}

void stencil5(const double* in, double* out, std::int64_t rows, std::int64_t columns, int threads) {
  in_threads(threads, rows - 2, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin + 1; i < end + 1; ++i) {
      const double* at = in + i * columns;
      for (std::int64_t j = 1; j + 1 < columns; ++j) {
        out[(i - 1) * (columns - 2) + j - 1] =
            0.25 * (at[j - 1] + at[j + 1] + at[j - columns] + at[j + columns]) - at[j];
      }
    }
  });
}

void stencil27(const double* in, double* out, std::int64_t n, int threads) {
  const std::int64_t m = n - 2;
  in_threads(threads, m, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      for (std::int64_t j = 0; j < m; ++j) {
        double* to = out + (i * m + j) * m;
        for (std::int64_t k = 0; k < m; ++k) {
          double sum = 0;
          for (std::int64_t a = 0; a < 3; ++a) {
            for (std::int64_t b = 0; b < 3; ++b) {
              const double* at = in + ((i + a) * n + j + b) * n + k;
              sum += at[0] + at[1] + at[2];
            }
          }
          to[k] = sum * (1.0 / 27);
        }
      }
    }
  });
}

template <class T, int N>
static void matmul(const T* a, const T* b, T* c, std::int64_t count) {
  for (std::int64_t m = 0; m < count; ++m, a += N * N, b += N * N, c += N * N) {
    for (int i = 0; i < N; ++i) {
      T row[N] = {};
      for (int k = 0; k < N; ++k) {
        for (int j = 0; j < N; ++j) row[j] += a[i * N + k] * b[k * N + j];
      }
      for (int j = 0; j < N; ++j) c[i * N + j] = row[j];
    }
  }
}

template <class T>
void small_matmul(const T* a, const T* b, T* c, std::int64_t count, int n, int threads) {
  in_threads(threads, count, [&](std::int64_t begin, std::int64_t end) {
    const std::int64_t at = begin * n * n, many = end - begin;
    if (n == 3) return matmul<T, 3>(a + at, b + at, c + at, many);
    if (n == 4) return matmul<T, 4>(a + at, b + at, c + at, many);
    if (n == 8) return matmul<T, 8>(a + at, b + at, c + at, many);
    matmul<T, 16>(a + at, b + at, c + at, many);
  });
}

template <class T>
double fma_peak() {
  constexpr int kWidth = 64 / sizeof(T), kChains = 24;
  typedef T Vector __attribute__((vector_size(64)));
  Vector x[kChains];
  for (int k = 0; k < kChains; ++k) x[k] = Vector{} + T(k);
  const Vector a = Vector{} + T(0.999), b = Vector{} + T(0.001);
  constexpr int kRounds = 200000;
  double best = 0;
  for (int repeat = 0; repeat < 8; ++repeat) {
    const auto start = std::chrono::steady_clock::now();
    for (int n = 0; n < kRounds; ++n) {
#pragma GCC unroll 24
      for (int k = 0; k < kChains; ++k) x[k] = x[k] * a + b;
    }
    const double s =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    best = std::max(best, 2.0 * kWidth * kChains * kRounds / s);
  }
  volatile T sink = 0;
  for (int k = 0; k < kChains; ++k) sink = sink + x[k][0];
  return best;
}

template <class T>
double root_peak() {
#ifdef __AVX512F__
  typedef T Vector __attribute__((vector_size(64)));
  constexpr int kChains = 8, kRounds = 50000;
  Vector x[kChains], y[kChains];
  for (int k = 0; k < kChains; ++k) x[k] = Vector{} + T(k + 2);
  double best = 0;
  for (int repeat = 0; repeat < 8; ++repeat) {
    const auto start = std::chrono::steady_clock::now();
    for (int n = 0; n < kRounds; ++n) {
#pragma GCC unroll 8
      for (int k = 0; k < kChains; ++k) {  // as an instruction: no estimate in its place
        if constexpr (sizeof(T) == 8) {
          asm volatile("vsqrtpd %1, %0" : "=v"(y[k]) : "v"(x[k]));
        } else {
          asm volatile("vsqrtps %1, %0" : "=v"(y[k]) : "v"(x[k]));
        }
      }
    }
    const double s =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    best = std::max(best, 1.0 * (64 / sizeof(T)) * kChains * kRounds / s);
  }
  return best;
#else
  return 0;
#endif
}

#define HAND_INSTANCES(T)                                                        \
  template void lorenz<T>(T*, std::int64_t, std::int64_t, int);                  \
  template void double_pendulum<T>(T*, std::int64_t, std::int64_t, int);         \
  template void cartpole<T>(T*, std::int64_t, std::int64_t, int);                \
  template void gravity<T>(const T*, T*, std::int64_t, T);                       \
  template void small_matmul<T>(const T*, const T*, T*, std::int64_t, int, int); \
  template double root_peak<T>();                                                \
  template double fma_peak<T>();
HAND_INSTANCES(float)
HAND_INSTANCES(double)

}  // namespace hand
