// Products and factorisations against OpenBLAS called directly, one thread, the least time of
// several runs.
//
//   cmake --preset release && cmake --build build/release --target bench
//   build/release/bench/bench_linalg [products|small|factors]
#include <dlfcn.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "cotangent/backend/cpu/library_call.h"
#include "cotangent/ir/builder.h"
#include "cotangent/runtime/executable.h"

namespace {

using namespace cotangent;
using ir::Builder;
using ir::Op;
using ir::Tensor;
using ir::Value;

void* peer(const char* name) {
  static void* library = ::dlopen("libopenblas.so.0", RTLD_NOW);
  return library ? ::dlsym(library, name) : nullptr;
}

double seconds(const auto& run) {
  double least = 1e30, spent = 0;
  for (int k = 0; k < 200 && (k < 3 || spent < 0.25); ++k) {
    const auto start = std::chrono::steady_clock::now();
    run();
    const double s =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    least = std::min(least, s);
    spent += s;
  }
  return least;
}

Tensor numbers(const ir::Type& type, double diagonal) {
  std::mt19937_64 random(3);
  std::uniform_real_distribution<double> uniform(-1, 1);
  Tensor t(type);
  const Shape& s = type.shape;
  const std::int64_t n = s[s.rank() - 1], m = s[s.rank() - 2];
  for (std::int64_t k = 0; k < t.size(); ++k) {
    t.set_real(k, uniform(random) + (k % (m * n) / n == k % n ? diagonal : 0));
  }
  return t;
}

double time_of(const runtime::ExecutablePtr& e, const std::vector<Tensor>& x) {
  std::vector<Tensor> results;
  std::vector<const void*> in;
  std::vector<void*> out;
  for (const Tensor& t : x) in.push_back(t.data());
  for (std::size_t k = 0; k < e->program()->results().size(); ++k) {
    results.emplace_back(e->program()->result_type(k));
  }
  for (Tensor& t : results) out.push_back(t.data());
  return seconds([&] { e->call_raw(in, out); });
}

template <class T>
double gemm_directly(std::int64_t n, const Tensor& x, const Tensor& y) {
  using F = void (*)(int, int, int, int, int, int, T, const T*, int, const T*, int, T, T*, int);
  const auto gemm = reinterpret_cast<F>(peer(sizeof(T) == 8 ? "cblas_dgemm" : "cblas_sgemm"));
  Tensor z(x.type());
  const int k = static_cast<int>(n);
  return seconds([&] {
    gemm(101, 111, 111, k, k, k, T(1), x.as<T>().data(), k, y.as<T>().data(), k, T(0),
         z.as<T>().data(), k);
  });
}

void products() {
  std::printf("n x n products, GF/s           ours   compiled   OpenBLAS   compiled/OpenBLAS\n");
  for (DType t : {DType::kF64, DType::kF32}) {
    for (std::int64_t n : {16, 24, 32, 48, 64, 96, 128, 256, 512, 1024}) {
      Builder b("product");
      const ir::Type type{t, Shape{n, n}};
      const Value x = b.param(type), y = b.param(type);
      const ir::FunctionPtr f = b.finish({b.dot_general(x, y, {{}, {}, {1}, {0}})});
      const std::vector<Tensor> given{numbers(type, 0), numbers(type, 0)};
      runtime::CompileOptions own;
      own.library_products = false;
      const double flops = 2.0 * static_cast<double>(n * n * n) * 1e-9;
      const double ours = n <= 256 ? time_of(runtime::compile(f, own), given) : 0;
      const double compiled = time_of(runtime::compile(f), given);
      const double direct = t == DType::kF64 ? gemm_directly<double>(n, given[0], given[1])
                                             : gemm_directly<float>(n, given[0], given[1]);
      std::printf("%s %5lld                 %8.1f   %8.1f   %8.1f   %8.2f\n", name_of(t).data(),
                  static_cast<long long>(n), ours > 0 ? flops / ours : 0.0, flops / compiled,
                  flops / direct, direct / compiled);
      std::fflush(stdout);
    }
  }
}

constexpr std::int64_t kMany = 4096;

void small_products() {
  std::printf("%lld products of n x n in lanes, GF/s: ours, OpenBLAS in a loop\n",
              static_cast<long long>(kMany));
  for (DType t : {DType::kF64, DType::kF32}) {
    for (std::int64_t n : {3, 4, 6, 8, 12, 16}) {
      const ir::Type one{t, Shape{n, n}}, many{t, Shape{kMany, n, n}};
      Builder body("product");
      body.param({DType::kI64, {}});
      const Value x = body.param(one), y = body.param(one);
      ir::MapAttr map;
      map.count = kMany;
      map.rows = 2;
      map.roles = {ir::Role::kStack};
      map.body = body.finish({body.dot_general(x, y, {{}, {}, {1}, {0}})});
      Builder b("products");
      const Value both[] = {b.param(many), b.param(many)};
      const std::vector<Tensor> given{numbers(many, 0), numbers(many, 0)};
      const double ours = time_of(runtime::compile(b.finish(b.map(map, both))), given);
      const double flops = 2.0 * static_cast<double>(kMany * n * n * n) * 1e-9;
      Tensor z(many);
      const auto loop = [&](auto zero) {
        using T = decltype(zero);
        using F =
            void (*)(int, int, int, int, int, int, T, const T*, int, const T*, int, T, T*, int);
        const auto gemm = reinterpret_cast<F>(peer(sizeof(T) == 8 ? "cblas_dgemm" : "cblas_sgemm"));
        const int k = static_cast<int>(n);
        return seconds([&] {
          for (std::int64_t i = 0; i < kMany; ++i) {
            gemm(101, 111, 111, k, k, k, T(1), given[0].as<T>().data() + i * n * n, k,
                 given[1].as<T>().data() + i * n * n, k, T(0), z.as<T>().data() + i * n * n, k);
          }
        });
      };
      const double direct = t == DType::kF64 ? loop(0.0) : loop(0.0f);
      std::printf("%s %3lld   %8.1f   %8.1f\n", name_of(t).data(), static_cast<long long>(n),
                  flops / ours, flops / direct);
      std::fflush(stdout);
    }
  }
}

/// One LAPACK call on a copy of a symmetric, well-conditioned matrix; by columns or rows is alike.
void lapack(Op op, int n, const double* from, std::vector<double>& a, std::vector<double>& work) {
  std::copy_n(from, static_cast<std::size_t>(n) * n, a.begin());
  int info = 0, size = static_cast<int>(work.size()) - 2 * n * n - 2 * n;
  double* u = work.data() + size;
  double* v = u + static_cast<std::ptrdiff_t>(n) * n;
  double* w = v + static_cast<std::ptrdiff_t>(n) * n;
  std::vector<int> whole(static_cast<std::size_t>(n));
  using I = const int*;
  using Potrf = void (*)(const char*, I, double*, I, int*);
  using Getrf = void (*)(I, I, double*, I, int*, int*);
  using Geqrf = void (*)(I, I, double*, I, double*, double*, I, int*);
  using Orgqr = void (*)(I, I, I, double*, I, double*, double*, I, int*);
  using Syev = void (*)(const char*, const char*, I, double*, I, double*, double*, I, int*);
  using Gesvd = void (*)(const char*, const char*, I, I, double*, I, double*, double*, I, double*,
                         I, double*, I, int*);
  static const auto potrf = reinterpret_cast<Potrf>(peer("dpotrf_"));
  static const auto getrf = reinterpret_cast<Getrf>(peer("dgetrf_"));
  static const auto geqrf = reinterpret_cast<Geqrf>(peer("dgeqrf_"));
  static const auto orgqr = reinterpret_cast<Orgqr>(peer("dorgqr_"));
  static const auto syev = reinterpret_cast<Syev>(peer("dsyev_"));
  static const auto gesvd = reinterpret_cast<Gesvd>(peer("dgesvd_"));
  switch (op) {
    case Op::kCholesky: return potrf("L", &n, a.data(), &n, &info);
    case Op::kLu: return getrf(&n, &n, a.data(), &n, whole.data(), &info);
    case Op::kQr:
      geqrf(&n, &n, a.data(), &n, w, work.data(), &size, &info);
      return orgqr(&n, &n, &n, a.data(), &n, w, work.data(), &size, &info);
    case Op::kEigh: return syev("V", "L", &n, a.data(), &n, w, work.data(), &size, &info);
    default:
      return gesvd("S", "S", &n, &n, a.data(), &n, w, u, &n, v, &n, work.data(), &size, &info);
  }
}

void factors() {
  std::printf(
      "%lld factorisations of n x n in f64, microseconds each: in lanes, LAPACK in a loop, "
      "ratio; seconds to compile\n",
      static_cast<long long>(kMany));
  for (Op op : {Op::kCholesky, Op::kLu, Op::kQr, Op::kEigh, Op::kSvd}) {
    for (std::int64_t n : {3, 4, 6, 8, 16}) {
      const ir::Type many{DType::kF64, Shape{kMany, n, n}};
      Builder b("factors");
      const Value a = b.param(many);
      const ir::FunctionPtr f = b.finish(b.factor(op, a));
      const Tensor given = numbers(many, 3.0 * static_cast<double>(n));
      const auto e = runtime::compile(f);
      const double ours = time_of(e, {given}) / kMany * 1e6;
      std::vector<double> copy(static_cast<std::size_t>(n * n)),
          work(static_cast<std::size_t>(4096 + 2 * n * n + 2 * n));
      const double direct =
          seconds([&] {
            for (std::int64_t i = 0; i < kMany; ++i) {
              lapack(op, static_cast<int>(n), given.as<double>().data() + i * n * n, copy, work);
            }
          }) /
          kMany * 1e6;
      const auto times = e->times();
      std::printf("%-9s %3lld   %8.3f   %8.3f   %6.1f   %.2f\n", name_of(op).data(),
                  static_cast<long long>(n), ours, direct, direct / ours,
                  times.passes_s + times.lower_s + times.codegen_s);
      std::fflush(stdout);
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  const std::string which = argc > 1 ? argv[1] : "";
  std::printf("%s; %s\n", runtime::host_description().c_str(),
              backend::cpu::library_text().c_str());
  if (const auto threads = reinterpret_cast<void (*)(int)>(peer("openblas_set_num_threads"))) {
    threads(1);
  }
  if (which.empty() || which == "products") products();
  if (which.empty() || which == "small") small_products();
  if (which.empty() || which == "factors") factors();
}
