// Generated transforms against FFTW (measured plans) in the same run, interleaved, and a Poisson
// solve against FFTW with a pass between. FFTW is a peer only: it is looked for when the program
// runs, and never linked. Times are the least of the repeats: processor time for one thread, the
// clock on the wall for two.
//
//   cmake --preset release && cmake --build build/release --target bench
//   build/release/bench/bench_fft [repeats] [part of a row's name]
#include <dlfcn.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <deque>
#include <new>
#include <string>
#include <vector>

#include "cotangent/base/array_memory.h"
#include "cotangent/ir/builder.h"
#include "cotangent/ir/text.h"
#include "cotangent/runtime/executable.h"

namespace {

using namespace cotangent;
using namespace cotangent::ir;

/// FFTW's interface, as its manual gives it; T is the element type.
template <class T>
struct Fftw {
  using Plan = void*;
  Plan (*dft)(int, const int*, T*, T*, int, unsigned) = nullptr;
  Plan (*r2c)(int, const int*, T*, T*, unsigned) = nullptr;
  Plan (*c2r)(int, const int*, T*, T*, unsigned) = nullptr;
  void (*execute)(Plan) = nullptr;
  void (*threads)(int) = nullptr;

  Fftw() {
    const std::string letter = sizeof(T) == 4 ? "f" : "";
    void* lib = dlopen(("libfftw3" + letter + ".so.3").c_str(), RTLD_NOW | RTLD_GLOBAL);
    if (!lib) return;
    const auto get = [&](void* from, const std::string& name, auto& function) {
      function = reinterpret_cast<std::remove_reference_t<decltype(function)>>(
          dlsym(from, ("fftw" + letter + "_" + name).c_str()));
    };
    get(lib, "plan_dft", dft);
    get(lib, "plan_dft_r2c", r2c);
    get(lib, "plan_dft_c2r", c2r);
    get(lib, "execute", execute);
    void* many = dlopen(("libfftw3" + letter + "_threads.so.3").c_str(), RTLD_NOW);
    int (*init)() = nullptr;
    if (many) {
      get(many, "init_threads", init);
      get(many, "plan_with_nthreads", threads);
      init();
    }
  }
};

/// Memory as Cotangent's arrays and numpy's have it: aligned, and in large pages.
template <class T>
struct Aligned {
  using value_type = T;
  Aligned() = default;
  template <class U>
  Aligned(const Aligned<U>&) {}
  T* allocate(std::size_t n) {
    void* p = allocate_array(n * sizeof(T));
    if (!p) throw std::bad_alloc();
    return static_cast<T*>(p);
  }
  void deallocate(T* p, std::size_t) { std::free(p); }
  friend bool operator==(const Aligned&, const Aligned&) { return true; }
};

double now(bool wall) {
  if (wall) {
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch())
        .count();
  }
  return static_cast<double>(std::clock()) / CLOCKS_PER_SEC;
}

struct Times {
  double ours = 1e30, theirs = 1e30;
};

template <class Ours, class Theirs>
Times interleaved(int repeats, bool wall, Ours ours, Theirs theirs) {
  Times best;
  for (int k = 0; k < repeats; ++k) {
    double start = now(wall);
    ours();
    best.ours = std::min(best.ours, now(wall) - start);
    start = now(wall);
    theirs();
    best.theirs = std::min(best.theirs, now(wall) - start);
  }
  return best;
}

void print_row(const std::string& name, const char* type, int threads, const Times& t,
               double flops) {
  std::printf("%-22s %s  %d thread%s  %8.3f ms  %5.1f GF/s", name.c_str(), type, threads,
              threads == 1 ? " " : "s", t.ours * 1e3, flops / t.ours * 1e-9);
  if (t.theirs < 1e29)
    std::printf("   FFTW %8.3f ms   ratio %.2f\n", t.theirs * 1e3, t.ours / t.theirs);
  else
    std::printf("   no peer: part of a transform, or FFTW is not installed\n");
}

template <class T>
class Case {
 public:
  Case(std::vector<std::int64_t> shape, int threads, int repeats, std::string only)
      : shape_(std::move(shape)), only_(std::move(only)), threads_(threads), repeats_(repeats) {
    for (std::int64_t n : shape_) {
      dims_.push_back(static_cast<int>(n));
      size_ *= n;
      name_ += (name_.empty() ? "" : "x") + std::to_string(n);
    }
    if (fftw_.threads) fftw_.threads(threads);
    options_.threads = threads;
  }

  void complex() {
    if (!wanted("complex")) return;
    Builder b("fft");
    const Type t = type(shape_);
    const Value x[] = {b.param(t), b.param(t)};
    const auto f = runtime::compile(b.finish(b.fft({FftKind::kForward, rank(), 0}, x)), options_);
    std::vector<T, Aligned<T>> in(2 * count(size_)), out(in.size());
    typename Fftw<T>::Plan plan = nullptr;
    if (fftw_.dft)
      plan = fftw_.dft(static_cast<int>(rank()), dims_.data(), in.data(), out.data(), -1, 0);
    measure(name_ + " complex", *f, plan, 5.0, nullptr);
  }

  void lines() {
    Builder b("lines");
    const Type t = type(shape_);
    const Value x[] = {b.param(t), b.param(t)};
    const auto f = runtime::compile(b.finish(b.fft({FftKind::kForward, 1, 0}, x)), options_);
    measure(name_ + " lines", *f, nullptr, 2.5, nullptr);
  }
  void cols() {
    Builder c("cols");
    const Type t = type(shape_);
    const Value p = c.param(t), q = c.param(t);
    const Value y[] = {c.transpose(p, {1, 0}), c.transpose(q, {1, 0})};
    const auto z = c.fft({FftKind::kForward, 1, 0}, y);
    const Value r[] = {c.transpose(z[0], {1, 0}), c.transpose(z[1], {1, 0})};
    const auto g = runtime::compile(c.finish(r), options_);
    measure(name_ + " columns", *g, nullptr, 2.5, nullptr);
  }
  void half(bool in) {
    Builder c("half");
    const Type t = type(shape_);
    const Value p = c.param(t), q = c.param(t);
    const Value y[] = {in ? c.transpose(p, {1, 0}) : p, in ? c.transpose(q, {1, 0}) : q};
    const auto z = c.fft({FftKind::kForward, 1, 0}, y);
    const Value r[] = {in ? z[0] : c.transpose(z[0], {1, 0}),
                       in ? z[1] : c.transpose(z[1], {1, 0})};
    const auto g = runtime::compile(c.finish(r), options_);
    measure(name_ + (in ? " columns in" : " columns out"), *g, nullptr, 2.5, nullptr);
  }
  void copy() {
    Builder c("copy");
    const Type t = type(shape_);
    const Value p = c.param(t), q = c.param(t);
    const auto g = runtime::compile(c.finish({c.add(p, p), c.add(q, q)}), options_);
    measure(name_ + " copy", *g, nullptr, 2.5, nullptr);
  }

  /// The passes of a transform of three axes: lines (1), planes (2), then columns over `lines` of
  /// them.
  void last_axes(int axes, bool of_real) {
    Builder b("last_axes");
    const Type t = type(shape_);
    std::vector<Value> x{b.param(t)};
    if (!of_real) x.push_back(b.param(t));
    const auto kind = of_real ? FftKind::kRealForward : FftKind::kForward;
    const auto f = runtime::compile(b.finish(b.fft({kind, axes, 0}, x)), options_);
    const std::string what = axes == 1 ? " lines" : " planes";
    measure(name_ + what + (of_real ? ", real" : ""), *f, nullptr, 2.5 * axes, nullptr);
  }
  void long_columns(std::int64_t lines) {
    Builder b("long_columns");
    const Type t = type({shape_[0], lines});
    const Value x[] = {b.param(t), b.param(t)};
    const Value y[] = {b.transpose(x[0], {1, 0}), b.transpose(x[1], {1, 0})};
    const auto z = b.fft({FftKind::kForward, 1, 0}, y);
    const Value r[] = {b.transpose(z[0], {1, 0}), b.transpose(z[1], {1, 0})};
    const auto f = runtime::compile(b.finish(r), options_);
    measure(std::to_string(shape_[0]) + " x " + std::to_string(lines) + " columns", *f, nullptr,
            2.5, nullptr);
  }

  void real() {
    if (!wanted("real")) return;
    Builder b("rfft");
    const Value x = b.param(type(shape_));
    const auto f = runtime::compile(
        b.finish(b.fft({FftKind::kRealForward, rank(), 0}, std::span(&x, 1))), options_);
    std::vector<T, Aligned<T>> in(count(size_)), out(2 * count(half_size()));
    typename Fftw<T>::Plan plan = nullptr;
    if (fftw_.r2c)
      plan = fftw_.r2c(static_cast<int>(rank()), dims_.data(), in.data(), out.data(), 0);
    measure(name_ + " real", *f, plan, 2.5, nullptr);
  }

  /// u with -laplace u = f on a periodic square: f's transform over k^2, and back.
  void poisson() {
    if (!wanted("Poisson")) return;
    Builder b("poisson");
    const Value x = b.param(type(shape_));
    Tensor factor(type(half_shape()));
    const Value w = b.param(factor.type());
    const auto y = b.fft({FftKind::kRealForward, rank(), 0}, std::span(&x, 1));
    const std::int64_t last = half_shape().back(), n = shape_[0];
    for (std::int64_t k = 0; k < factor.size(); ++k) {
      const auto i = static_cast<double>(std::min(k / last, n - k / last)),
                 j = static_cast<double>(k % last);
      factor.set_real(k, k == 0 ? 0 : 1 / (i * i + j * j));
    }
    const Value z[] = {b.mul(y[0], w), b.mul(y[1], w)};
    const auto f = runtime::compile(
        b.finish(b.fft({FftKind::kRealInverse, rank(), shape_.back()}, z)), options_);
    std::vector<T, Aligned<T>> in(count(size_)), mid(2 * count(half_size())), out(count(size_));
    typename Fftw<T>::Plan there = nullptr, back = nullptr;
    if (fftw_.r2c) {
      there = fftw_.r2c(static_cast<int>(rank()), dims_.data(), in.data(), mid.data(), 0);
      back = fftw_.c2r(static_cast<int>(rank()), dims_.data(), mid.data(), out.data(), 0);
    }
    const auto weights = factor.as<T>();
    const auto rest = [&] {
      for (std::size_t k = 0; k < weights.size(); ++k) {
        mid[2 * k] *= weights[k];
        mid[2 * k + 1] *= weights[k];
      }
      if (back) fftw_.execute(back);
    };
    measure(name_ + " Poisson", *f, there, 5.0, rest, &factor);
  }

 private:
  bool wanted(const std::string& what) const {
    const std::string row = name_ + " " + what + (sizeof(T) == 4 ? " f32" : " f64");
    return row.find(only_) != std::string::npos;
  }
  static Type type(const std::vector<std::int64_t>& shape) {
    return {dtype_of_v<T>, Shape(std::span<const std::int64_t>(shape))};
  }
  static std::size_t count(std::int64_t n) { return static_cast<std::size_t>(n); }
  std::int64_t rank() const { return static_cast<std::int64_t>(shape_.size()); }
  std::vector<std::int64_t> half_shape() const {
    auto half = shape_;
    half.back() = half.back() / 2 + 1;
    return half;
  }
  std::int64_t half_size() const { return size_ / shape_.back() * half_shape().back(); }

  template <class Rest>
  void measure(const std::string& name, const runtime::Executable& f, void* plan, double factor,
               Rest rest, const Tensor* last = nullptr) {
    const Function& program = *f.program();
    std::deque<std::vector<T, Aligned<T>>> arrays;
    std::vector<const void*> arguments;
    std::vector<void*> results;
    for (std::size_t k = 0; k < program.params().size(); ++k) {
      auto& array = arrays.emplace_back(count(program.param_type(k).size()));
      for (std::size_t e = 0; e < array.size(); ++e) array[e] = static_cast<T>(e % 17) / 17;
      arguments.push_back(array.data());
    }
    if (last) {
      const auto values = last->as<T>();
      std::copy(values.begin(), values.end(), arrays.back().begin());
    }
    for (std::size_t k = 0; k < program.results().size(); ++k) {
      results.push_back(arrays.emplace_back(count(program.result_type(k).size())).data());
    }
    const auto n = static_cast<double>(size_);
    Times t = interleaved(
        repeats_, threads_ > 1, [&] { f.call_raw(arguments, results); },
        [&] {
          if (plan) fftw_.execute(plan);
          if constexpr (!std::is_null_pointer_v<Rest>) rest();
        });
    if (!plan) t.theirs = 1e30;
    print_row(name, sizeof(T) == 4 ? "f32" : "f64", threads_, t, factor * n * std::log2(n));
  }

  std::vector<std::int64_t> shape_;
  std::string only_;
  std::vector<int> dims_;
  int threads_, repeats_;
  std::int64_t size_ = 1;
  std::string name_;
  Fftw<T> fftw_;
  runtime::CompileOptions options_;
};

template <class T>
void all(int threads, int repeats, const std::string& only) {
  Case<T> square({1024, 1024}, threads, repeats, only),
      cube({128, 128, 128}, threads, repeats, only);
  if (only == "parts") {
    square.lines();
    square.cols();
    square.half(true);
    square.half(false);
    square.copy();
    for (int axes : {1, 2}) {
      for (bool of_real : {false, true}) cube.last_axes(axes, of_real);
    }
    cube.long_columns(128 * 128);
    cube.long_columns(128 * 65);
    cube.copy();
    return;
  }
  square.complex();
  square.real();
  cube.complex();
  cube.real();
  square.poisson();
}

}  // namespace

int main(int argc, char** argv) {
  const int repeats = argc > 1 ? std::max(std::atoi(argv[1]), 1) : 20;
  const std::string only = argc > 2 ? argv[2] : "";
  for (int threads : {1, 2}) {
    all<double>(threads, repeats, only);
    all<float>(threads, repeats, only);
  }
}
