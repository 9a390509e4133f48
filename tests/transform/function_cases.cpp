// Our elementary functions against MPFR: reference numbers, in units of the last place.
#include <mpfr.h>

#include <cstring>
#include <functional>

#include "tests/transform/function_cases.h"

namespace cotangent::transform {
namespace {

using Reference1 = int (*)(mpfr_t, const mpfr_t, mpfr_rnd_t);
using Reference2 = int (*)(mpfr_t, const mpfr_t, const mpfr_t, mpfr_rnd_t);

struct Case {
  Op op;
  std::function<int(mpfr_t, const mpfr_t, const mpfr_t)> reference;
  double low, high;      ///< uniform points in this range ...
  bool exponents;        ///< ... or with uniform exponents, both signs where low < 0
  double ulp64, ulp32;   ///< stated bounds (docs/functions.md)
};

Case one(Op op, Reference1 f, double low, double high, bool exponents, double u64, double u32) {
  return {op, [f](mpfr_t r, const mpfr_t x, const mpfr_t) { return f(r, x, MPFR_RNDN); }, low, high,
          exponents, u64, u32};
}
Case two(Op op, Reference2 f, double low, double high, bool exponents, double u64, double u32) {
  return {op, [f](mpfr_t r, const mpfr_t x, const mpfr_t y) { return f(r, x, y, MPFR_RNDN); }, low,
          high, exponents, u64, u32};
}

const std::vector<Case>& cases() {
  static const std::vector<Case> all = {
      one(Op::kRsqrt, mpfr_rec_sqrt, 1e-320, 1e308, true, 1.5, 1.5),
      one(Op::kCbrt, mpfr_cbrt, -1e308, 1e308, true, 1.0, 0.51),
      one(Op::kExp, mpfr_exp, -745, 709, false, 1.0, 1.0),
      one(Op::kExp, mpfr_exp, -1, 1, true, 1.0, 1.0),
      one(Op::kExpm1, mpfr_expm1, -40, 709, false, 1.7, 1.5),
      one(Op::kExpm1, mpfr_expm1, -2, 2, true, 1.7, 1.5),
      one(Op::kLog, mpfr_log, 1e-320, 1e308, true, 1.0, 1.0),
      one(Op::kLog, mpfr_log, 0.5, 2, false, 1.0, 1.0),
      one(Op::kLog1p, mpfr_log1p, -0.999, 4, false, 1.5, 1.5),
      one(Op::kLog1p, mpfr_log1p, -0.9, 1e300, true, 1.5, 1.5),
      one(Op::kSin, mpfr_sin, -0x1p30, 0x1p30, true, 1.5, 1.5),
      one(Op::kSin, mpfr_sin, -100, 100, false, 1.5, 1.5),
      one(Op::kCos, mpfr_cos, -0x1p30, 0x1p30, true, 1.5, 1.5),
      one(Op::kCos, mpfr_cos, -100, 100, false, 1.5, 1.5),
      one(Op::kTan, mpfr_tan, -0x1p30, 0x1p30, true, 2.0, 0.51),
      one(Op::kTan, mpfr_tan, -10, 10, false, 2.0, 0.51),
      one(Op::kAsin, mpfr_asin, -1, 1, false, 1.0, 0.51),
      one(Op::kAsin, mpfr_asin, -1, 1, true, 1.0, 0.51),
      one(Op::kAcos, mpfr_acos, -1, 1, false, 1.0, 0.51),
      one(Op::kAtan, mpfr_atan, -1e300, 1e300, true, 1.5, 0.51),
      one(Op::kAtan, mpfr_atan, -5, 5, false, 1.5, 0.51),
      one(Op::kSinh, mpfr_sinh, -710, 710, false, 2.0, 0.51),
      one(Op::kSinh, mpfr_sinh, -3, 3, true, 2.0, 0.51),
      one(Op::kCosh, mpfr_cosh, -710, 710, false, 1.5, 0.51),
      one(Op::kTanh, mpfr_tanh, -25, 25, false, 2.0, 1.5),
      one(Op::kTanh, mpfr_tanh, -2, 2, true, 2.0, 1.5),
      one(Op::kErf, mpfr_erf, -6, 6, false, 1.0, 0.51),
      one(Op::kErf, mpfr_erf, -1, 1, true, 1.0, 0.51),
      two(Op::kPow, mpfr_pow, 1e-3, 1e3, false, 1.2, 0.51),
      two(Op::kPow, mpfr_pow, 1e-30, 1e30, true, 1.2, 0.51),
      two(Op::kAtan2, mpfr_atan2, -3, 3, false, 1.5, 0.51),
      two(Op::kAtan2, mpfr_atan2, -1e300, 1e300, true, 1.5, 0.51),
  };
  return all;
}

double sample(std::mt19937_64& random, double low, double high, bool exponents) {
  const double u = std::ldexp(static_cast<double>(random() >> 11), -53);
  if (!exponents) return low + (high - low) * u;
  const bool negative = low < 0 && (random() & 1);
  const double top = negative ? -low : high;
  const double bottom = low > 0 ? low : std::min(top * 1e-40, 1e-20);
  const double x = std::exp(std::log(bottom) + (std::log(top) - std::log(bottom)) * u);
  return negative ? -std::min(x, top) : std::min(x, top);
}

/// Error of `got` in ulp of the reference (in the type's own ulp, gradual underflow included).
double ulp_error(double got, mpfr_t exact, bool narrow) {
  const double nearest = mpfr_get_d(exact, MPFR_RNDN);
  const double rounded = narrow ? static_cast<double>(static_cast<float>(nearest)) : nearest;
  if (got == rounded) return 0;
  if (!std::isfinite(got) || !std::isfinite(rounded)) return 1e30;
  int exponent;
  std::frexp(nearest, &exponent);
  const double ulp = narrow ? std::ldexp(1.0, std::max(exponent - 24, -149))
                            : std::ldexp(1.0, std::max(exponent - 53, -1074));
  mpfr_t difference;
  mpfr_init2(difference, 200);
  mpfr_d_sub(difference, got, exact, MPFR_RNDN);
  mpfr_div_d(difference, difference, ulp, MPFR_RNDN);
  const double error = std::fabs(mpfr_get_d(difference, MPFR_RNDN));
  mpfr_clear(difference);
  return error;
}

}  // namespace

FunctionPtr expanded(Op op, const Type& type) {
  Builder b(std::string(name_of(op)));
  Values x;
  for (int k = 0; k < info(op).arity; ++k) x.push_back(b.param(type));
  return expand_math(*b.finish({b.elementwise(op, x)}));
}

void check_functions(bool narrow, int points_each) {
  const Type type{narrow ? DType::kF32 : DType::kF64, Shape{points_each}};
  mpfr_t x, y, r;
  mpfr_inits2(200, x, y, r, nullptr);
  std::mt19937_64 random(17);
  for (const Case& c : cases()) {
    const int arity = info(c.op).arity;
    const double limit = narrow ? 3e38 : 1e308;
    Tensors points;
    for (int k = 0; k < arity; ++k) {
      Tensor t(type);
      for (int i = 0; i < points_each; ++i) {
        double low = std::max(c.low, -limit), high = std::min(c.high, limit);
        double value;
        if (c.op == Op::kPow && k == 1) {
          value = sample(random, -100, 100, false);
        } else {
          if (narrow && c.exponents && low > 0) low = std::max(low, 1e-44);
          value = sample(random, low, high, c.exponents);
        }
        t.set_real(i, narrow ? static_cast<float>(value) : value);
      }
      points.push_back(t);
    }
    const FunctionPtr f = expanded(c.op, type);
    const Tensor got = evaluate(*f, points)[0];
    double worst = 0, worst_x = 0, worst_y = 0;
    for (int i = 0; i < points_each; ++i) {
      mpfr_set_d(x, static_cast<double>(points[0].real(i)), MPFR_RNDN);
      if (arity == 2) mpfr_set_d(y, static_cast<double>(points[1].real(i)), MPFR_RNDN);
      c.reference(r, x, y);
      const double error = ulp_error(static_cast<double>(got.real(i)), r, narrow);
      if (error > worst) {
        worst = error;
        worst_x = static_cast<double>(points[0].real(i));
        worst_y = arity == 2 ? static_cast<double>(points[1].real(i)) : 0;
      }
    }
    EXPECT_LE(worst, narrow ? c.ulp32 : c.ulp64)
        << name_of(c.op) << " at " << std::hexfloat << worst_x << " " << worst_y << " in ["
        << std::defaultfloat << c.low << ", " << c.high << "]";
    if (std::getenv("COTANGENT_PRINT_ULP")) {
      std::printf("%-6s %s [%g, %g]%s %.3f ulp, %zu nodes\n", std::string(name_of(c.op)).c_str(),
                  narrow ? "f32" : "f64", c.low, c.high, c.exponents ? " log" : "", worst, f->size());
    }
  }
  mpfr_clears(x, y, r, nullptr);
}

}  // namespace cotangent::transform
