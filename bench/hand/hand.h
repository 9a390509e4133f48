// Hand-written C++ for the cases of bench/suite.cpp: what a careful person writes, compiled with
// -O3 -march=native -ffast-math so that the compiler may vectorise sin and cos with libmvec.
#pragma once

#include <cstdint>

namespace hand {

double logistic(double x, double r, std::int64_t steps);
void carries60(double* x, std::int64_t steps);

/// state: [components][lanes], advanced in place, 64 bytes at a time along the lanes.
template <class T>
void lorenz(T* state, std::int64_t lanes, std::int64_t steps, int threads);
template <class T>
void double_pendulum(T* state, std::int64_t lanes, std::int64_t steps, int threads);
template <class T>
void cartpole(T* state, std::int64_t lanes, std::int64_t steps, int threads);

/// Acceleration of n unit masses with softening eps2; x, a: [3][n].
template <class T>
void gravity(const T* x, T* a, std::int64_t n, T eps2);

/// c = a + s b, as STREAM has it.
void triad(const double* a, const double* b, double* c, double s, std::int64_t n, int threads);
/// The same with stores past the caches where there is AVX-512, as ours are.
void triad_past_caches(const double* a, const double* b, double* c, double s, std::int64_t n,
                       int threads);
void stencil5(const double* in, double* out, std::int64_t rows, std::int64_t columns, int threads);
void stencil27(const double* in, double* out, std::int64_t n, int threads);

/// Matrix products of `count` pairs [count][n][n], one after the other.
template <class T>
void small_matmul(const T* a, const T* b, T* c, std::int64_t count, int n, int threads);

/// Fused multiply-adds a second of one core, counted in scalar operations of T (2 an fma).
template <class T>
double fma_peak();

/// Square roots a second of one core, of whole vectors; 0 without AVX-512.
template <class T>
double root_peak();

}  // namespace hand
