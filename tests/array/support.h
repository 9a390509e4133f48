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
  if (is_float(x.dtype())) {
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

}  // namespace cotangent::array
