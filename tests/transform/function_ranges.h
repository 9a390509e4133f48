// The ranges over which the elementary functions are tested, and their bounds.
#pragma once

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

#include "cotangent/ir/op.h"

namespace cotangent {

/// Where an op is tested, and the error stated for it.
struct FunctionRange {
  ir::Op op;
  double low, high;     ///< uniform points in this range ...
  bool exponents;       ///< ... or with uniform exponents, both signs where low < 0
  double ulp64, ulp32;  ///< stated bounds (docs/functions.md)
};

inline const std::vector<FunctionRange>& function_ranges() {
  using ir::Op;
  static const std::vector<FunctionRange> all = {
      {Op::kRsqrt, 1e-320, 1e308, true, 1.5, 1.5}, {Op::kCbrt, -1e308, 1e308, true, 1.0, 0.6},
      {Op::kExp, -745, 709, false, 1.2, 1.2},      {Op::kExp, -1, 1, true, 1.2, 1.2},
      {Op::kExpm1, -40, 709, false, 2.0, 1.6},     {Op::kExpm1, -2, 2, true, 2.0, 1.6},
      {Op::kLog, 1e-320, 1e308, true, 1.0, 1.0},   {Op::kLog, 0.5, 2, false, 1.0, 1.0},
      {Op::kLog1p, -0.999, 4, false, 1.5, 1.0},    {Op::kLog1p, -0.9, 1e300, true, 1.5, 1.0},
      {Op::kSin, -1e308, 1e308, true, 1.6, 1.6},   {Op::kSin, -0x1p30, 0x1p30, true, 1.6, 1.6},
      {Op::kSin, -100, 100, false, 1.6, 1.6},      {Op::kCos, -1e308, 1e308, true, 1.6, 1.6},
      {Op::kCos, -0x1p30, 0x1p30, true, 1.6, 1.6}, {Op::kCos, -100, 100, false, 1.6, 1.6},
      {Op::kTan, -1e308, 1e308, true, 2.0, 1.2},   {Op::kTan, -0x1p30, 0x1p30, true, 2.0, 1.2},
      {Op::kTan, -10, 10, false, 2.0, 1.2},        {Op::kAsin, -1, 1, false, 1.0, 1.0},
      {Op::kAsin, -1, 1, true, 1.0, 1.0},          {Op::kAcos, -1, 1, false, 1.0, 1.0},
      {Op::kAtan, -1e300, 1e300, true, 1.5, 2.0},  {Op::kAtan, -5, 5, false, 1.5, 2.0},
      {Op::kSinh, -710, 710, false, 2.0, 2.0},     {Op::kSinh, -3, 3, true, 2.0, 2.0},
      {Op::kCosh, -710, 710, false, 1.5, 1.5},     {Op::kTanh, -25, 25, false, 2.0, 1.5},
      {Op::kTanh, -2, 2, true, 2.0, 1.5},          {Op::kErf, -6, 6, false, 2.0, 1.8},
      {Op::kErf, -1, 1, true, 2.0, 1.8},           {Op::kErfc, -6, 27.2, false, 2.0, 2.0},
      {Op::kErfc, -3, 10, false, 2.0, 2.0},        {Op::kErfc, -1, 1, true, 2.0, 2.0},
      {Op::kPow, 1e-3, 1e3, false, 1.2, 2.0},      {Op::kPow, 1e-30, 1e30, true, 1.2, 2.0},
      {Op::kAtan2, -3, 3, false, 1.5, 2.0},        {Op::kAtan2, -1e300, 1e300, true, 1.5, 2.0},
  };
  return all;
}

/// A point of a range.
inline double sample(std::mt19937_64& random, double low, double high, bool exponents) {
  const double u = std::ldexp(static_cast<double>(random() >> 11), -53);
  if (!exponents) return low + (high - low) * u;
  const bool negative = low < 0 && (random() & 1);
  const double top = negative ? -low : high;
  const double bottom = low > 0 ? low : std::min(top * 1e-40, 1e-20);
  const double x = std::exp(std::log(bottom) + (std::log(top) - std::log(bottom)) * u);
  return negative ? -std::min(x, top) : std::min(x, top);
}

}  // namespace cotangent
