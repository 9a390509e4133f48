// OpenBLAS, loaded at run time. One table of functions a number type, whose names are those of the
// reference BLAS (C interface) and LAPACK (Fortran interface, 32-bit integers).
#pragma once

#include <complex>
#include <string>

namespace cotangent::backend::cpu {

template <class S>
struct NumberOf {
  using Real = S;
};
template <class T>
struct NumberOf<std::complex<T>> {
  using Real = T;
};

/// Real numbers are passed by value, complex ones by address.
template <class S>
struct BlasFunctions {
  using Real = typename NumberOf<S>::Real;
  void (*gemm)() = nullptr;
  void (*trsm)() = nullptr;
  void (*potrf)(const char* uplo, const int* n, S* a, const int* lda, int* info) = nullptr;
  void (*getrf)(const int* m, const int* n, S* a, const int* lda, int* pivots, int* info) = nullptr;
  void (*geqrf)(const int* m, const int* n, S* a, const int* lda, S* tau, S* work, const int* lwork,
                int* info) = nullptr;
  void (*orgqr)(const int* m, const int* n, const int* k, S* a, const int* lda, const S* tau,
                S* work, const int* lwork, int* info) = nullptr;
  void (*eigh)() = nullptr;
  void (*gesdd)() = nullptr;
};

struct OpenBlas {
  BlasFunctions<float> s;
  BlasFunctions<double> d;
  BlasFunctions<std::complex<float>> c;
  BlasFunctions<std::complex<double>> z;
  void (*set_threads)(int) = nullptr;
  int (*get_threads)() = nullptr;
  std::string text;     ///< "OpenBLAS 0.3.21, SkylakeX"
  std::string why_not;  ///< not empty: it is not there
  bool ours = false;    ///< nobody else in the process had loaded it: its threads are ours to set
};

/// Loads it the first time. Thread-safe.
const OpenBlas& openblas();

}  // namespace cotangent::backend::cpu
