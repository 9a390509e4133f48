// Forms of 1/sqrt(x) for eight doubles at a time, and why `rsqrt` stays an operation
// (docs/functions.md): time stamps a vector, alone and in the inner loop of a softened N-body
// force, and the largest error.
//
//   cmake --preset release && cmake --build build/release --target bench
//   build/release/bench/bench_rsqrt            # needs AVX-512
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <limits>

#if defined(__AVX512F__) && defined(__AVX512DQ__)
#pragma GCC diagnostic ignored "-Wuninitialized"  // GCC 12's own intrinsics
#include <immintrin.h>
#include <x86intrin.h>

namespace {

using V = __m512d;

V all(double x) {
  return _mm512_set1_pd(x);
}

V root_and_quotient(V x) {
  return _mm512_div_pd(all(1.0), _mm512_sqrt_pd(x));
}

/// Start from the bits, t = x y0^2 in [0.674, 0.762]; a cubic with leading coefficient -1, optimal
/// together with the start (relative error 4.7e-7); one step of third order. x normal and positive.
V polynomial(V x) {
  const __m512i half = _mm512_srai_epi64(_mm512_castpd_si512(x), 1);
  const V y0 = _mm512_castsi512_pd(_mm512_sub_epi64(_mm512_set1_epi64(0x5fe2ca61f9be2400), half));
  const V t = _mm512_mul_pd(_mm512_mul_pd(x, y0), y0);
  const V quadratic =
      _mm512_fmadd_pd(t, _mm512_add_pd(t, all(-1.202007670933005894)), all(1.425514458470721933));
  const V linear = _mm512_sub_pd(all(1.812762830250171022), t);
  const V y1 = _mm512_mul_pd(_mm512_mul_pd(y0, linear), quadratic);
  const V e = _mm512_fmadd_pd(_mm512_mul_pd(x, y1), y1, all(-1.0));
  return _mm512_fmadd_pd(_mm512_mul_pd(y1, e), _mm512_fmadd_pd(e, all(0.375), all(-0.5)), y1);
}

V infinity_to_zero(V x, V y) {
  const auto other = _mm512_cmp_pd_mask(x, all(HUGE_VAL), _CMP_NEQ_UQ);
  return _mm512_maskz_mov_pd(other, y);
}
V with_infinity(V x) {
  return infinity_to_zero(x, polynomial(x));
}

/// Denormals are scaled up and back; 0 overflows to infinity on the way back.
V with_small(V x) {
  const auto small = _mm512_cmp_pd_mask(x, all(0x1p-1022), _CMP_LT_OS);
  const V y = polynomial(_mm512_mask_mul_pd(x, small, x, all(0x1p1022)));
  return infinity_to_zero(x, _mm512_mask_mul_pd(y, small, y, all(0x1p511)));
}

V with_everything(V x) {
  const auto small = _mm512_cmp_pd_mask(x, all(0x1p-1022), _CMP_LT_OS);
  const V y = polynomial(_mm512_mask_fmadd_pd(x, small, all(0x1p1022), all(0.0)));  // -0 to +0
  const V back = _mm512_or_pd(_mm512_and_pd(x, all(-0.0)), all(0x1p511));
  const V z = infinity_to_zero(x, _mm512_mask_mul_pd(y, small, y, back));
  const auto negative = _mm512_cmp_pd_mask(x, all(0.0), _CMP_LT_OS);
  return _mm512_mask_mov_pd(z, negative, all(std::numeric_limits<double>::quiet_NaN()));
}

/// The bits of root_and_quotient without the division (cotangent/backend/cpu).
V root_and_steps(V x) {
  const V s = _mm512_sqrt_pd(x), start = _mm512_rsqrt14_pd(x);
  V y = start;
  for (int k = 0; k < 3; ++k) y = _mm512_fmadd_pd(y, _mm512_fnmadd_pd(s, y, all(1.0)), y);
  return _mm512_mask_mov_pd(y, _mm512_cmp_pd_mask(y, y, _CMP_UNORD_Q), start);
}

constexpr int kCount = 512;
alignas(64) double a[4][kCount], out[kCount];

template <class Run>
double least(Run&& run, double vectors) {
  double best = 1e30;
  for (int r = 0; r < 60; ++r) {
    const auto start = __rdtsc();
    run();
    best = std::min(best, static_cast<double>(__rdtsc() - start) / vectors);
  }
  return best;
}

template <V (*f)(V)>
double alone() {
  return least(
      [] {
        for (int k = 0; k < 50; ++k) {
          for (int i = 0; i < kCount; i += 8) _mm512_store_pd(out + i, f(_mm512_load_pd(a[0] + i)));
          asm volatile("" ::: "memory");
        }
      },
      50.0 * kCount / 8);
}

template <V (*f)(V)>
double in_force() {
  return least(
      [] {
        for (int i = 0; i < kCount; i += 8) {
          const V x = _mm512_load_pd(a[0] + i), y = _mm512_load_pd(a[1] + i),
                  z = _mm512_load_pd(a[2] + i);
          V fx = all(0), fy = all(0), fz = all(0);
          for (int j = 0; j < kCount; ++j) {
            const V dx = _mm512_sub_pd(all(a[0][j]), x), dy = _mm512_sub_pd(all(a[1][j]), y),
                    dz = _mm512_sub_pd(all(a[2][j]), z);
            const V r2 = _mm512_fmadd_pd(
                dx, dx, _mm512_fmadd_pd(dy, dy, _mm512_fmadd_pd(dz, dz, all(1e-3))));
            const V w = f(r2);
            const V w3 = _mm512_mul_pd(_mm512_mul_pd(w, w), _mm512_mul_pd(w, all(a[3][j])));
            fx = _mm512_fmadd_pd(w3, dx, fx);
            fy = _mm512_fmadd_pd(w3, dy, fy);
            fz = _mm512_fmadd_pd(w3, dz, fz);
          }
          _mm512_store_pd(out + i, _mm512_add_pd(fx, _mm512_add_pd(fy, fz)));
        }
        asm volatile("" ::: "memory");
      },
      kCount / 8.0 * kCount);
}

template <V (*f)(V)>
double worst_ulp() {
  double worst = 0;
  for (int k = 0; k < 200000; ++k) {
    const double x = std::ldexp(1.0 + k / 100000.0, k % 600);
    const double y = _mm512_cvtsd_f64(f(all(x)));
    const long double exact = 1.0L / std::sqrt(static_cast<long double>(x));
    const double ulp = std::ldexp(1.0, std::ilogb(static_cast<double>(exact)) - 52);
    worst = std::max(worst, static_cast<double>(std::fabs(y - exact)) / ulp);
  }
  return worst;
}

template <V (*f)(V)>
void report(const char* name) {
  std::printf("%-44s alone %5.1f, in the force %5.1f, error %.2f ulp; at 0: %g, at infinity: %g\n",
              name, alone<f>(), in_force<f>(), worst_ulp<f>(), _mm512_cvtsd_f64(f(all(0.0))),
              _mm512_cvtsd_f64(f(all(HUGE_VAL))));
}

}  // namespace

int main() {
  for (int i = 0; i < kCount; ++i) {
    a[0][i] = 1 + 0.7 * i, a[1][i] = i * 7 % 13, a[2][i] = i * 5 % 17, a[3][i] = 1 + i;
  }
  report<root_and_quotient>("square root, division");
  report<polynomial>("bits, cubic, third-order step");
  report<with_infinity>("the same, right at infinity");
  report<with_small>("the same, right at 0 and for denormals too");
  report<with_everything>("the same, right everywhere");
  report<root_and_steps>("square root, division by Newton steps");
}
#else
int main() {
  std::puts("bench_rsqrt needs AVX-512");
}
#endif
