// Short ways to say what an array should be.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "cotangent/array/elementwise.h"
#include "cotangent/array/evaluate.h"
#include "cotangent/array/indexing.h"
#include "cotangent/array/products.h"
#include "cotangent/array/reduce.h"
#include "cotangent/array/shaping.h"

namespace cotangent::array {

/// "f64[2,3] 1 2 3 4 5 6": type and values in row-major order.
inline std::string show(const Array& x) {
  std::string s = x.type_text();
  if (is_float(x.dtype()) || is_storage_float(x.dtype())) {
    for (double v : x.values<double>()) s += " " + Array(v).text();
  } else if (x.dtype() == DType::kU64) {
    for (std::uint64_t v : x.values<std::uint64_t>()) s += " " + std::to_string(v);
  } else {
    for (std::int64_t v : x.values<std::int64_t>()) s += " " + std::to_string(v);
  }
  return s;
}

inline std::vector<double> reals(const Array& x) {
  return x.values<double>();
}

/// Equal shapes, and elements within `tolerance` of the largest (of 1, if that is larger).
inline void expect_equal(const Array& x, const Array& y, double tolerance = 1e-13) {
  ASSERT_EQ(x.shape(), y.shape());
  EXPECT_LE(max(abs(x - y)).item(), tolerance * std::max(1.0, max(abs(y)).item()));
}

/// What an error says.
template <class F>
std::string error_of(F f) {
  try {
    f();
  } catch (const UserError& e) {
    return e.what();
  }
  return "no error";
}

/// The error of f starts with "[op]", has these words, and says what to do.
template <class F>
void expect_refused(F f, const std::string& op, const std::string& what) {
  const std::string text = error_of(f);
  EXPECT_EQ(text.rfind("[" + op + "] ", 0), 0u) << text;
  EXPECT_THAT(text, testing::AllOf(testing::HasSubstr(what), testing::HasSubstr("\n  to do: ")));
}

}  // namespace cotangent::array
