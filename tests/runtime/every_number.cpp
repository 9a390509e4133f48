#include "tests/runtime/every_number.h"

#include <atomic>
#include <bit>
#include <cmath>
#include <cstdlib>
#include <functional>
#include <mutex>
#include <thread>

#include "cotangent/ir/builder.h"
#include "cotangent/ir/scalar_ops.h"
#include "cotangent/runtime/executable.h"
#include "tests/transform/function_ranges.h"
#include "tests/transform/mpfr_reference.h"

namespace cotangent::runtime {
namespace {

using namespace ir;

/// The error that the library's wider function may have, of its value: 16 units of its last place
/// in f64 and in x87's extended type; the manual of glibc states at most 5.
constexpr double kLibraryF32 = 0x1p-48, kLibraryF64 = 0x1p-59;

/// What many points of one function showed.
struct Accuracy {
  std::uint64_t points = 0;
  std::uint64_t not_nearest = 0;  ///< results that are not the number nearest to the exact value
  double ulp = 0;                 ///< the largest error, in units of the last place
  double x = 0, y = 0;            ///< where
  std::uint64_t asked_mpfr = 0;

  void take(const Accuracy& other) {
    points += other.points;
    not_nearest += other.not_nearest;
    asked_mpfr += other.asked_mpfr;
    if (other.ulp > ulp) ulp = other.ulp, x = other.x, y = other.y;
  }
};

double exact_error(Op op, double x, double y, double got, bool narrow, bool& nearest) {
  mpfr_t a, b, r;
  mpfr_inits2(160, a, b, r, nullptr);
  mpfr_set_d(a, x, MPFR_RNDN);
  mpfr_set_d(b, y, MPFR_RNDN);
  mpfr_reference(op, r, a, b);
  const double wide = mpfr_get_d(r, MPFR_RNDN);
  nearest = got == (narrow ? static_cast<double>(mpfr_get_flt(r, MPFR_RNDN)) : wide);
  const double error =
      nearest ? ulp_error(got, r, narrow) : std::max(ulp_error(got, r, narrow), 0.5);
  mpfr_clears(a, b, r, nullptr);
  return error;
}

template <class T, class Wide>
Accuracy compare(Op op, const T* x, const T* y, const T* got, std::int64_t count) {
  const bool narrow = sizeof(T) == 4;
  const double doubt = narrow ? kLibraryF32 / 0x1p-24 : kLibraryF64 / 0x1p-53;  // in ulp
  Accuracy out;
  out.points = static_cast<std::uint64_t>(count);
  for (std::int64_t i = 0; i < count; ++i) {
    const Wide exact =
        y ? apply_float_binary<Wide>(op, x[i], y[i]) : apply_float_unary<Wide>(op, x[i]);
    const T rounded = static_cast<T>(exact);
    const bool special = !std::isfinite(rounded) || !std::isfinite(got[i]) || rounded == 0;
    double error = 0;
    if (special) {
      const bool same = std::isnan(rounded)
                            ? std::isnan(got[i])
                            : got[i] == rounded && std::signbit(got[i]) == std::signbit(rounded);
      if (same) continue;
    } else {
      const double ulp = ulp_of(static_cast<double>(rounded), narrow);
      error = static_cast<double>(std::fabs(static_cast<Wide>(got[i]) - exact) /
                                  static_cast<Wide>(ulp));
      const bool clear = std::fabs(error - 0.5) > doubt;
      if (clear && error < 0.5) {
        if (error > out.ulp) out.ulp = error, out.x = x[i], out.y = y ? y[i] : T(0);
        continue;
      }
      if (clear && error + doubt < out.ulp) {
        ++out.not_nearest;
        continue;
      }
    }
    bool nearest = false;
    ++out.asked_mpfr;
    error = exact_error(op, x[i], y ? y[i] : T(0), got[i], narrow, nearest);
    if (!nearest) ++out.not_nearest;
    if (error > out.ulp) out.ulp = error, out.x = x[i], out.y = y ? y[i] : T(0);
  }
  return out;
}

constexpr std::int64_t kBlock = 1 << 14;

/// An op, compiled once for blocks of numbers.
class Compiled {
 public:
  Compiled(Op op, DType t) : op_(op), type_{t, Shape{kBlock}} {
    Builder b{std::string(name_of(op))};
    std::vector<Value> x;
    for (int k = 0; k < info(op).arity; ++k) x.push_back(b.param(type_));
    code_ = compile(b.finish({b.elementwise(op, x)}));
  }

  /// Blocks of arguments, made by `fill(block, arguments)`, on two threads.
  Accuracy check(std::uint64_t blocks,
                 const std::function<void(std::uint64_t, std::vector<Tensor>&)>& fill) const {
    std::atomic<std::uint64_t> next{0};
    std::mutex lock;
    Accuracy all;
    const auto work = [&] {
      Accuracy mine;
      std::vector<Tensor> x(static_cast<std::size_t>(info(op_).arity), Tensor(type_));
      for (std::uint64_t b = next++; b < blocks; b = next++) {
        fill(b, x);
        mine.take(check_block(x));
      }
      mpfr_free_cache();
      const std::lock_guard guard(lock);
      all.take(mine);
    };
    std::thread second(work);
    work();
    second.join();
    return all;
  }

 private:
  Accuracy check_block(const std::vector<Tensor>& x) const {
    const Tensor got = code_->call(x)[0];
    const auto run = [&]<class T, class Wide>(T, Wide) {
      const T* second = x.size() > 1 ? x[1].as<T>().data() : nullptr;
      return compare<T, Wide>(op_, x[0].as<T>().data(), second, got.as<T>().data(), kBlock);
    };
    return type_.dtype == DType::kF32 ? run(0.0f, 0.0) : run(0.0, 0.0L);
  }

  Op op_;
  Type type_;
  ExecutablePtr code_;
};

void expect_within(const Accuracy& a, double bound, Op op, const char* where) {
  EXPECT_LE(a.ulp, bound) << name_of(op) << " at " << std::hexfloat << a.x << " " << a.y << where;
  if (std::getenv("COTANGENT_PRINT_ULP")) {
    std::printf("%-6s %-34s %.3f ulp at %a %a, %.3g%% not nearest, %llu points, %llu by MPFR\n",
                std::string(name_of(op)).c_str(), where, a.ulp, a.x, a.y,
                100 * static_cast<double>(a.not_nearest) / static_cast<double>(a.points),
                static_cast<unsigned long long>(a.points),
                static_cast<unsigned long long>(a.asked_mpfr));
    std::fflush(stdout);
  }
}

/// COTANGENT_FUNCTIONS names those to look at: "cos tan".
bool is_wanted(Op op) {
  const char* names = std::getenv("COTANGENT_FUNCTIONS");
  return !names || (" " + std::string(names) + " ").find(" " + std::string(name_of(op)) + " ") !=
                       std::string::npos;
}

}  // namespace

void check_every_f32(std::uint32_t stride, std::uint64_t count) {
  Op last = Op::kParameter;
  for (const FunctionRange& r : function_ranges()) {
    if (r.op == last || info(r.op).arity != 1 || !is_wanted(r.op)) continue;
    last = r.op;
    const auto fill = [&](std::uint64_t block, std::vector<Tensor>& x) {
      auto pattern = static_cast<std::uint32_t>(block * kBlock * stride);
      for (float& number : x[0].as<float>()) {
        number = std::bit_cast<float>(pattern);
        pattern += stride;
      }
    };
    expect_within(Compiled(r.op, DType::kF32).check(count / kBlock, fill), r.ulp32, r.op, " f32");
  }
}

void check_many_f64(std::uint64_t points) {
  for (const FunctionRange& r : function_ranges()) {
    if (!is_wanted(r.op)) continue;
    const auto fill = [&](std::uint64_t block, std::vector<Tensor>& x) {
      std::mt19937_64 random(block);
      for (double& v : x[0].as<double>()) v = sample(random, r.low, r.high, r.exponents);
      if (x.size() == 1) return;
      for (double& v : x[1].as<double>()) {
        v = r.op == Op::kPow ? sample(random, -100, 100, false)
                             : sample(random, r.low, r.high, r.exponents);
      }
    };
    char where[64];
    std::snprintf(where, sizeof where, " f64 in [%g, %g]%s", r.low, r.high,
                  r.exponents ? " log" : "");
    const std::uint64_t blocks = (points + kBlock - 1) / kBlock;
    expect_within(Compiled(r.op, DType::kF64).check(blocks, fill), r.ulp64, r.op, where);
  }
}

}  // namespace cotangent::runtime
