// Our elementary functions against MPFR: reference numbers, in units of the last place.
#include "tests/transform/function_cases.h"

#include <cstring>

#include "tests/transform/function_ranges.h"
#include "tests/transform/mpfr_reference.h"

namespace cotangent::transform {

FunctionPtr expanded(Op op, const Type& type) {
  Builder b(std::string(name_of(op)));
  Values x;
  for (int k = 0; k < info(op).arity; ++k) x.push_back(b.param(type));
  return expand_math(*b.finish({b.elementwise(op, x)}));
}

namespace {

/// The largest error of `c` over the points, and where.
struct Worst {
  double ulp = 0, x = 0, y = 0;
  std::size_t nodes = 0;
};
Worst worst_error(const FunctionRange& c, const Tensors& points, bool narrow) {
  const FunctionPtr f = expanded(c.op, points[0].type());
  const Tensor got = evaluate(*f, points)[0];
  Worst worst{0, 0, 0, f->size()};
  mpfr_t x, y, r;
  mpfr_inits2(140, x, y, r, nullptr);
  for (std::int64_t i = 0; i < got.size(); ++i) {
    const auto at_x = static_cast<double>(points[0].real(i));
    const auto at_y = points.size() == 2 ? static_cast<double>(points[1].real(i)) : 0.0;
    mpfr_set_d(x, at_x, MPFR_RNDN);
    mpfr_set_d(y, at_y, MPFR_RNDN);
    mpfr_reference(c.op, r, x, y);
    const double error = ulp_error(static_cast<double>(got.real(i)), r, narrow);
    if (error > worst.ulp) worst = {error, at_x, at_y, f->size()};
  }
  mpfr_clears(x, y, r, nullptr);
  return worst;
}

void expect_within(const FunctionRange& c, const Tensors& points, bool narrow,
                   const std::string& where) {
  const Worst worst = worst_error(c, points, narrow);
  const std::string name(name_of(c.op));
  EXPECT_LE(worst.ulp, narrow ? c.ulp32 : c.ulp64)
      << name << " at " << std::hexfloat << worst.x << " " << worst.y << " " << where;
  if (std::getenv("COTANGENT_PRINT_ULP")) {
    std::printf("%-6s %s %-30s %.3f ulp, %zu nodes, %lld points\n", name.c_str(),
                narrow ? "f32" : "f64", where.c_str(), worst.ulp, worst.nodes,
                static_cast<long long>(points[0].size()));
  }
}

Tensor tensor_of(const std::vector<double>& values, bool narrow) {
  Tensor t(
      Type{narrow ? DType::kF32 : DType::kF64, Shape{static_cast<std::int64_t>(values.size())}});
  for (std::size_t i = 0; i < values.size(); ++i) {
    t.set_real(static_cast<std::int64_t>(i), narrow ? static_cast<float>(values[i]) : values[i]);
  }
  return t;
}

/// The numbers of the type around x, `each` on either side.
void add_around(std::vector<double>& points, double x, bool narrow, int each = 6) {
  const auto step = [&](double at, double towards) {
    return narrow ? std::nextafter(static_cast<float>(at), static_cast<float>(towards))
                  : std::nextafter(at, towards);
  };
  double low = narrow ? static_cast<float>(x) : x, high = low;
  points.push_back(low);
  for (int k = 0; k < each; ++k) {
    points.push_back(low = step(low, -INFINITY));
    points.push_back(high = step(high, INFINITY));
  }
}

/// Where the formula of an op changes or is stretched most.
std::vector<double> corners(Op op, bool narrow, int many) {
  const double tiny = narrow ? 0x1p-149 : 0x1p-1074, normal = narrow ? 0x1p-126 : 0x1p-1022;
  const double huge =
      narrow ? std::numeric_limits<float>::max() : std::numeric_limits<double>::max();
  std::vector<double> at;
  std::mt19937_64 random(5);
  const double pi = std::acos(-1.0), ln2 = std::log(2.0);
  const auto both = [&](double x) {
    add_around(at, x, narrow);
    add_around(at, -x, narrow);
  };
  for (double x : {tiny, 100 * tiny, normal / 3, normal, 1e-30, 1e-9, 0x1p-27, 1e-4, 1.0, 2.0})
    both(x);
  switch (op) {
    case Op::kSin:
    case Op::kCos:
    case Op::kTan:
      for (int k = 1; k < many; ++k) both(k * (pi / 4));
      for (int k = 0; k < many; ++k) {
        both(std::floor(static_cast<double>(random() >> 11) * 0x1p-53 * 0x1.4p30) * (pi / 4));
      }
      // The far range: where it begins, everywhere, and the numbers next to a multiple of pi/2.
      for (double x :
           {0x1p17, 0x1p30, 0x1p53, huge, 0x1.6ac5b262ca1ffp+849, 0x1.f37c8ap+95, 0x1.47d0fep+34}) {
        both(narrow ? std::min(x, huge) : x);
      }
      for (int k = 0; k < many; ++k) {
        const int exponent = 17 + static_cast<int>(random() % (narrow ? 111 : 1007));
        both(std::ldexp(1.0 + std::ldexp(static_cast<double>(random() >> 12), -52), exponent));
      }
      break;
    case Op::kExp:
    case Op::kExpm1:
    case Op::kSinh:
    case Op::kCosh:
    case Op::kTanh:
      for (int k = 0; k < std::min(many, 1080); ++k) both((k + 0.5) * ln2);
      for (double x : {706.0, 708.3964185322641, 709.782712893384, 710.4758600739439,
                       744.4400719213812, 745.1332191019411, 86.0, 87.33654475055310,
                       88.72283905206835, 103.9720770839918, 0.5, 10.0, 22.0, 36.7})
        both(x);
      break;
    case Op::kLog:
    case Op::kLog1p:
    case Op::kRsqrt:
    case Op::kCbrt:
      for (int k = -140; k < 128; ++k)
        both(std::ldexp(std::sqrt(0.5), k)), both(std::ldexp(1.0, k));
      for (double x : {huge, 0.4142135623730951, 0.2928932188134524, 0.5, 0.75}) both(x);
      break;
    case Op::kAsin:
    case Op::kAcos:
    case Op::kAtan:
    case Op::kErf:
    case Op::kErfc:
      for (double x : {0.5, 0.41421356237309503, 2.414213562373095, 0.7071067811865476, 4.0, 5.9,
                       6.0, 7.0, 9.19, 10.06, 26.5, 27.2, 0x1p100, huge})
        both(x);
      for (int k = 1; k < 400; ++k) both(k * 0.0625), both(1 - std::ldexp(1.0, -k / 8));
      break;
    default: break;
  }
  // IEEE 754 has rsqrt(-0) = -infinity, which SpecialValues looks at; MPFR has +infinity.
  if (op == Op::kRsqrt) std::erase_if(at, [](double x) { return x == 0; });
  return at;
}

}  // namespace

void check_functions(bool narrow, int points_each) {
  std::mt19937_64 random(17);
  const double limit = narrow ? 3e38 : 1e308;
  for (const FunctionRange& c : function_ranges()) {
    Tensors points;
    for (int k = 0; k < info(c.op).arity; ++k) {
      std::vector<double> values;
      for (int i = 0; i < points_each; ++i) {
        if (c.op == Op::kPow && k == 1) {
          values.push_back(sample(random, -100, 100, false));
          continue;
        }
        double low = std::max(c.low, -limit);
        if (narrow && c.exponents && low > 0) low = std::max(low, 1e-44);
        values.push_back(sample(random, low, std::min(c.high, limit), c.exponents));
      }
      points.push_back(tensor_of(values, narrow));
    }
    char where[64];
    std::snprintf(where, sizeof where, "in [%g, %g]%s", c.low, c.high, c.exponents ? " log" : "");
    expect_within(c, points, narrow, where);
  }
}

void check_corners(bool narrow, int many) {
  Op last = Op::kParameter;
  for (const FunctionRange& c : function_ranges()) {
    if (c.op == last) continue;
    last = c.op;
    if (info(c.op).arity == 1) {
      expect_within(c, {tensor_of(corners(c.op, narrow, many), narrow)}, narrow, "at its corners");
      continue;
    }
    // Two operands: axes, diagonals, ratios where atan2 changes formula; for pow bases near 1 with
    // large exponents, and results at both ends of the range.
    std::vector<double> x, y;
    const auto pairs = [&](const std::vector<double>& a, const std::vector<double>& b) {
      for (double u : a)
        for (double v : b) x.push_back(u), y.push_back(v);
    };
    std::vector<double> near_one, sizes, ends;
    add_around(near_one, 1.0, narrow, 40);
    for (double s :
         {0x1p-140, 1e-20, 0.41421356237309503, 1.0, 2.414213562373095, 3.0, 1e20, 0x1p120}) {
      add_around(sizes, s, narrow, 3);
      add_around(sizes, -s, narrow, 3);
    }
    if (c.op == Op::kAtan2) pairs(sizes, sizes);
    if (c.op == Op::kPow) {
      const double scale = narrow ? 0x1p20 : 0x1p50;
      pairs(near_one, {scale, -scale, 3.7 * scale, -100 * scale, 0.1, 1e-300});
      for (double e : {1.0, 2.0, 3.0, -1.0, -2.0, 0.5, -0.5, 1.0 / 3})
        add_around(ends, e, narrow, 2);
      pairs({2.0, 3.0, 10.0, 0.1, 1e-5, 123456.789, -2.0, -3.0}, ends);
      const double top = narrow ? 128 : 1024, bottom = narrow ? -149 : -1074;
      ends.clear();
      for (double e : {top, top - 1, bottom, bottom - 1, bottom + 1, bottom + 20}) {
        add_around(ends, e, narrow, 20);
      }
      pairs({2.0}, ends);
      for (double& e : ends) e /= std::log2(10.0);
      pairs({10.0}, ends);
    }
    expect_within(c, {tensor_of(x, narrow), tensor_of(y, narrow)}, narrow, "at its corners");
  }
}

}  // namespace cotangent::transform
