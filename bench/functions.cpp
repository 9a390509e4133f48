// Throughput of the elementary functions as compiled: nanoseconds an element over an array that
// stays in the first-level cache, against the C library called element by element and its vector
// functions (libmvec, of lower accuracy: 4 ulp), side by side in one process.
//
//   cmake --preset release && cmake --build build/release --target bench
//   build/release/bench/bench_functions            # all, arguments in (0, 1)
//   build/release/bench/bench_functions sin 2e6    # one, arguments in (0, 2e6)
#include <dlfcn.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "cotangent/ir/builder.h"
#include "cotangent/ir/evaluator.h"
#include "cotangent/ir/scalar_ops.h"
#include "cotangent/runtime/executable.h"

namespace {

using namespace cotangent;
using namespace cotangent::ir;

constexpr std::int64_t kCount = 1024;

/// The least of many runs: what the machine does when it is left alone.
template <class Run>
double nanoseconds(Run&& run) {
  using Clock = std::chrono::steady_clock;
  double best = 1e30;
  for (int r = 0; r < 30; ++r) {
    const auto start = Clock::now();
    for (int k = 0; k < 20; ++k) run();
    const double s = std::chrono::duration<double>(Clock::now() - start).count();
    best = std::min(best, s / (20.0 * kCount) * 1e9);
  }
  return best;
}

#if defined(__AVX512F__)
constexpr std::size_t kBytes = 64;
constexpr char kIsa = 'e';
#else
constexpr std::size_t kBytes = 32;
constexpr char kIsa = 'd';
#endif

/// Nanoseconds an element of libmvec's function; 0: it has none, or is not here.
template <class T>
double vector_library(Op op, const T* x, const T* y, T* out) {
  using Vector [[gnu::vector_size(kBytes), gnu::may_alias]] = T;
  constexpr std::size_t lanes = kBytes / sizeof(T);
  const bool one = info(op).arity == 1;
  const std::string name = std::string("_ZGV") + kIsa + "N" + std::to_string(lanes) +
                           (one ? "v_" : "vv_") + std::string(name_of(op)) +
                           (sizeof(T) == 4 ? "f" : "");
  static void* library = dlopen("libmvec.so.1", RTLD_NOW);
  void* f = library ? dlsym(library, name.c_str()) : nullptr;
  if (!f) return 0;
  const auto unary = reinterpret_cast<Vector (*)(Vector)>(f);
  const auto binary = reinterpret_cast<Vector (*)(Vector, Vector)>(f);
  return nanoseconds([&] {
    for (std::size_t i = 0; i < kCount; i += lanes) {
      Vector a, b, r;
      std::memcpy(&a, x + i, sizeof a);
      std::memcpy(&b, y + i, sizeof b);
      r = one ? unary(a) : binary(a, b);
      std::memcpy(out + i, &r, sizeof r);
    }
  });
}

template <class T>
void measure(Op op, double top) {
  const Type type{dtype_of_v<T>, Shape{kCount}};
  const int arity = info(op).arity;
  Builder b("f");
  std::vector<Value> x;
  std::vector<Tensor> arguments;
  for (int k = 0; k < arity; ++k) {
    x.push_back(b.param(type));
    Tensor t(type);
    for (std::int64_t i = 0; i < kCount; ++i)
      t.set_real(i, top * (static_cast<double>(i) + 0.5) / kCount);
    arguments.push_back(t);
  }
  const auto executable = runtime::compile(b.finish({b.elementwise(op, x)}));
  Tensor out(type);
  std::vector<const void*> in;
  for (const Tensor& t : arguments) in.push_back(t.data());
  void* results[] = {out.data()};
  const double ours = nanoseconds([&] { executable->call_raw(in, results); });
  const bool same = out.same_bits(evaluate(*executable->program(), arguments)[0]);
  const auto first = arguments[0].as<T>(), second = arguments.back().as<T>();
  const auto plain = out.as<T>();
  const double library = nanoseconds([&] {
    for (std::size_t i = 0; i < kCount; ++i) {
      plain[i] = arity == 1 ? apply_float_unary<T>(op, first[i])
                            : apply_float_binary<T>(op, first[i], second[i]);
    }
  });
  const double vectors = vector_library<T>(op, first.data(), second.data(), plain.data());
  std::printf("%-7s %s %7.3f ns, C library %7.2f ns, libmvec %6.3f ns; compiled in %.0f ms%s\n",
              std::string(name_of(op)).c_str(), sizeof(T) == 8 ? "f64" : "f32", ours, library,
              vectors,
              1e3 * (executable->times().passes_s + executable->times().lower_s +
                     executable->times().codegen_s),
              same ? "" : "; BITS DIFFER FROM THE EVALUATOR");
}

}  // namespace

int main(int argc, char** argv) {
  const double top = argc > 2 ? std::strtod(argv[2], nullptr) : 1.0;
  for (const OpInfo& entry : all_ops()) {
    const bool takes_floats = entry.domain == OpDomain::kFloat || is_transcendental(entry.op);
    if (!takes_floats || entry.arity > 2 || (argc > 1 && entry.name != argv[1])) continue;
    measure<double>(entry.op, top);
    measure<float>(entry.op, top);
  }
}
