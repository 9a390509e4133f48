// The peer of bench/nbody.cpp: a gravitational leapfrog as a good C++ programmer writes it by hand.
// Structure of arrays, forces by rows (every pair twice: no scatter, full vectors), kick-drift-kick
// with the force kept between steps, both square root + division and the fast reciprocal square
// root of AVX-512 with two Newton steps, a fixed team of threads, and the same monitors: kinetic
// and potential energy, momentum, angular momentum at a cadence.
#pragma once

#include <atomic>
#include <cmath>
#include <cstdint>
#include <thread>
#include <vector>

#if defined(__AVX512F__)
#include <immintrin.h>
#endif

namespace peer {

struct Bodies {
  int n = 0;       ///< bodies
  int padded = 0;  ///< n rounded up to 8; padding bodies have no mass and lie far apart
  double* data = nullptr;
  std::vector<double> storage;
  double *x, *y, *z, *px, *py, *pz, *fx, *fy, *fz, *m, *inverse_m;

  explicit Bodies(int count) : n(count), padded((count + 7) / 8 * 8) {
    storage.assign(static_cast<std::size_t>(padded) * 11 + 8, 0.0);
    auto address = reinterpret_cast<std::uintptr_t>(storage.data());
    data = reinterpret_cast<double*>((address + 63) / 64 * 64);
    double** arrays[] = {&x, &y, &z, &px, &py, &pz, &fx, &fy, &fz, &m, &inverse_m};
    for (int k = 0; k < 11; ++k) *arrays[k] = data + static_cast<std::ptrdiff_t>(k) * padded;
    for (int i = n; i < padded; ++i) {
      x[i] = 1e6 + i;
      inverse_m[i] = 1.0;
    }
  }
  Bodies(const Bodies&) = delete;
};

struct Monitors {
  double energy = 0, p[3] = {}, l[3] = {};
};

inline Monitors monitor(const Bodies& b, double g) {
  Monitors out;
  for (int i = 0; i < b.n; ++i) {
    const double p2 = b.px[i] * b.px[i] + b.py[i] * b.py[i] + b.pz[i] * b.pz[i];
    out.energy += 0.5 * p2 * b.inverse_m[i];
    double row = 0;
#pragma omp simd reduction(+ : row)
    for (int j = i + 1; j < b.n; ++j) {
      const double dx = b.x[i] - b.x[j], dy = b.y[i] - b.y[j], dz = b.z[i] - b.z[j];
      row += b.m[j] / std::sqrt(dx * dx + dy * dy + dz * dz);
    }
    out.energy -= g * b.m[i] * row;
    out.p[0] += b.px[i], out.p[1] += b.py[i], out.p[2] += b.pz[i];
    out.l[0] += b.y[i] * b.pz[i] - b.z[i] * b.py[i];
    out.l[1] += b.z[i] * b.px[i] - b.x[i] * b.pz[i];
    out.l[2] += b.x[i] * b.py[i] - b.y[i] * b.px[i];
  }
  return out;
}

/// Rows [begin, end) of the force, eight rows at a time along the lanes, j by broadcast.
template <bool kFastRsqrt>
inline void force_rows(const Bodies& b, double g, int begin, int end) {
#if defined(__AVX512F__)
  const __m512d three_halves = _mm512_set1_pd(1.5), half = _mm512_set1_pd(0.5);
  for (int i = begin; i < end; i += 8) {
    const __m512d xi = _mm512_load_pd(b.x + i), yi = _mm512_load_pd(b.y + i),
                  zi = _mm512_load_pd(b.z + i);
    __m512d ax = _mm512_setzero_pd(), ay = ax, az = ax;
    const auto pair = [&](int j, __mmask8 keep) {
      const __m512d dx = _mm512_sub_pd(_mm512_set1_pd(b.x[j]), xi);
      const __m512d dy = _mm512_sub_pd(_mm512_set1_pd(b.y[j]), yi);
      const __m512d dz = _mm512_sub_pd(_mm512_set1_pd(b.z[j]), zi);
      const __m512d r2 = _mm512_fmadd_pd(dz, dz, _mm512_fmadd_pd(dy, dy, _mm512_mul_pd(dx, dx)));
      __m512d s;
      if constexpr (kFastRsqrt) {
        s = _mm512_rsqrt14_pd(r2);
        const __m512d h = _mm512_mul_pd(half, r2);
        s = _mm512_mul_pd(s, _mm512_fnmadd_pd(_mm512_mul_pd(h, s), s, three_halves));
        s = _mm512_mul_pd(s, _mm512_fnmadd_pd(_mm512_mul_pd(h, s), s, three_halves));
        s = _mm512_mul_pd(_mm512_mul_pd(s, s), _mm512_mul_pd(s, _mm512_set1_pd(b.m[j])));
      } else {
        s = _mm512_div_pd(_mm512_set1_pd(b.m[j]), _mm512_mul_pd(r2, _mm512_sqrt_pd(r2)));
      }
      s = _mm512_maskz_mov_pd(keep, s);
      ax = _mm512_fmadd_pd(s, dx, ax);
      ay = _mm512_fmadd_pd(s, dy, ay);
      az = _mm512_fmadd_pd(s, dz, az);
    };
    const int diagonal_end = i + 8 < b.n ? i + 8 : b.n;
    for (int j = 0; j < i && j < b.n; ++j) pair(j, 0xff);
    for (int j = i; j < diagonal_end; ++j) pair(j, static_cast<__mmask8>(~(1u << (j - i))));
    for (int j = diagonal_end; j < b.n; ++j) pair(j, 0xff);
    const __m512d scale = _mm512_mul_pd(_mm512_set1_pd(g), _mm512_load_pd(b.m + i));
    _mm512_store_pd(b.fx + i, _mm512_mul_pd(ax, scale));
    _mm512_store_pd(b.fy + i, _mm512_mul_pd(ay, scale));
    _mm512_store_pd(b.fz + i, _mm512_mul_pd(az, scale));
  }
#else
  (void)kFastRsqrt;
  for (int i = begin; i < end && i < b.n; ++i) {
    double ax = 0, ay = 0, az = 0;
#pragma omp simd reduction(+ : ax, ay, az)
    for (int j = 0; j < b.n; ++j) {
      const double dx = b.x[j] - b.x[i], dy = b.y[j] - b.y[i], dz = b.z[j] - b.z[i];
      const double r2 = dx * dx + dy * dy + dz * dz;
      const double s = r2 > 0 ? b.m[j] / (r2 * std::sqrt(r2)) : 0.0;
      ax += s * dx, ay += s * dy, az += s * dz;
    }
    b.fx[i] = g * b.m[i] * ax, b.fy[i] = g * b.m[i] * ay, b.fz[i] = g * b.m[i] * az;
  }
#endif
}

/// The plain way: inner loop over j under `omp simd`, no intrinsics.
inline void force_rows_plain(const Bodies& b, double g, int begin, int end) {
  for (int i = begin; i < end && i < b.n; ++i) {
    double ax = 0, ay = 0, az = 0;
    const double xi = b.x[i], yi = b.y[i], zi = b.z[i];
#pragma omp simd reduction(+ : ax, ay, az)
    for (int j = 0; j < b.n; ++j) {
      const double dx = b.x[j] - xi, dy = b.y[j] - yi, dz = b.z[j] - zi;
      const double r2 = dx * dx + dy * dy + dz * dz;
      const double s = r2 > 0 ? b.m[j] / (r2 * std::sqrt(r2)) : 0.0;
      ax += s * dx, ay += s * dy, az += s * dz;
    }
    b.fx[i] = g * b.m[i] * ax, b.fy[i] = g * b.m[i] * ay, b.fz[i] = g * b.m[i] * az;
  }
}

enum class Force { kPlain, kExact, kFast };

inline void force(Force kind, const Bodies& b, double g, int begin, int end) {
  switch (kind) {
    case Force::kPlain: force_rows_plain(b, g, begin, end); return;
    case Force::kExact: force_rows<false>(b, g, begin, end); return;
    case Force::kFast: force_rows<true>(b, g, begin, end); return;
  }
}

/// A spinning barrier for a fixed team.
class Barrier {
 public:
  explicit Barrier(int members) : members_(members) {}
  void wait() {
    const int phase = phase_.load(std::memory_order_acquire);
    if (waiting_.fetch_add(1, std::memory_order_acq_rel) + 1 == members_) {
      waiting_.store(0, std::memory_order_relaxed);
      phase_.store(phase + 1, std::memory_order_release);
      return;
    }
    for (int spins = 0; phase_.load(std::memory_order_acquire) == phase; ++spins) {
      if (spins > 20000) std::this_thread::yield();
    }
  }

 private:
  const int members_;
  std::atomic<int> waiting_{0}, phase_{0};
};

/// `steps` steps of kick-drift-kick with monitors every `every` steps; returns the monitors.
inline std::vector<Monitors> run(Force kind, Bodies& b, double g, double dt, std::int64_t steps,
                                 std::int64_t every, int threads) {
  std::vector<Monitors> samples;
  Barrier barrier(threads);
  const auto member = [&](int id) {
    const int blocks = b.padded / 8;
    const int begin = blocks * id / threads * 8, end = blocks * (id + 1) / threads * 8;
    const auto meet = [&] {
      if (threads > 1) barrier.wait();
    };
    force(kind, b, g, begin, end);
    for (std::int64_t step = 1; step <= steps; ++step) {
#pragma omp simd
      for (int i = begin; i < end; ++i) {
        b.px[i] += 0.5 * dt * b.fx[i];
        b.py[i] += 0.5 * dt * b.fy[i];
        b.pz[i] += 0.5 * dt * b.fz[i];
        b.x[i] += dt * b.inverse_m[i] * b.px[i];
        b.y[i] += dt * b.inverse_m[i] * b.py[i];
        b.z[i] += dt * b.inverse_m[i] * b.pz[i];
      }
      meet();
      force(kind, b, g, begin, end);
#pragma omp simd
      for (int i = begin; i < end; ++i) {
        b.px[i] += 0.5 * dt * b.fx[i];
        b.py[i] += 0.5 * dt * b.fy[i];
        b.pz[i] += 0.5 * dt * b.fz[i];
      }
      meet();
      if (step % every == 0) {
        if (id == 0) samples.push_back(monitor(b, g));
        meet();
      }
    }
  };
  std::vector<std::thread> team;
  for (int id = 1; id < threads; ++id) team.emplace_back(member, id);
  member(0);
  for (std::thread& t : team) t.join();
  return samples;
}

}  // namespace peer
