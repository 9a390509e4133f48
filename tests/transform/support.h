// Helpers of the transform tests: numbers in, numbers out, and the identities that derivatives
// obey.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "cotangent/ir/builder.h"
#include "cotangent/ir/evaluator.h"
#include "cotangent/ir/text.h"
#include "cotangent/ir/verifier.h"
#include "cotangent/transform/derivatives.h"
#include "cotangent/transform/passes.h"

namespace cotangent::transform {

using namespace ir;
using Values = std::vector<Value>;
using Tensors = std::vector<Tensor>;

inline Tensor vector_of(std::initializer_list<double> values) {
  return Tensor::of<double>(Shape{static_cast<std::int64_t>(values.size())}, values);
}
inline Tensor number_of(double value) {
  return Tensor::scalar_of(value);
}

inline double dot(const Tensor& x, const Tensor& y) {
  long double sum = 0;
  for (std::int64_t k = 0; k < x.size(); ++k) sum += x.real(k) * y.real(k);
  return static_cast<double>(sum);
}
inline double norm(const Tensor& x) {
  return std::sqrt(dot(x, x));
}

/// x + s*d
inline Tensor shifted(const Tensor& x, long double s, const Tensor& d) {
  Tensor out = x;
  for (std::int64_t k = 0; k < x.size(); ++k) out.set_real(k, x.real(k) + s * d.real(k));
  return out;
}

inline Tensor random_like(const Type& type, std::mt19937_64& random) {
  Tensor t(type);
  for (std::int64_t k = 0; k < t.size(); ++k) {
    t.set_real(k, std::ldexp(static_cast<double>(random() >> 11), -52) - 1.0);
  }
  return t;
}

/// Arguments `x` with those of `wrt` moved by s along `d`, in long double.
inline Tensors moved(const Tensors& x, const Positions& wrt, const Tensors& d, long double s) {
  Tensors out = x;
  for (std::size_t k = 0; k < wrt.size(); ++k) {
    out[wrt[k]] = shifted(x[wrt[k]].to_extended(), s, d[k]);
  }
  return out;
}

/// Central difference of result `r` along d, in long double arithmetic.
inline Tensor difference(const Function& f, const Tensors& x, const Positions& wrt,
                         const Tensors& d, std::size_t r, long double h = 1e-6L) {
  EvaluateOptions extended;
  extended.extended = true;
  const Tensor plus = evaluate(f, moved(x, wrt, d, h), extended)[r];
  const Tensor minus = evaluate(f, moved(x, wrt, d, -h), extended)[r];
  Tensor out(f.result_type(r));
  for (std::int64_t k = 0; k < out.size(); ++k) {
    out.set_real(k, (plus.real(k) - minus.real(k)) / (2 * h));
  }
  return out;
}

/// Checks f's jvp against central differences, and its vjp against its jvp by <ct, J d> = <J^T ct,
/// d>.
inline void check_derivatives(const Function& f, const Tensors& x, const Positions& wrt,
                              std::uint64_t seed = 1, double difference_tolerance = 1e-6) {
  std::mt19937_64 random(seed);
  Tensors directions, arguments = x;
  for (std::size_t k : wrt) {
    directions.push_back(random_like(f.param_type(k), random));
    arguments.push_back(directions.back());
  }
  const FunctionPtr forward = jvp(f, wrt);
  verify(*forward);
  const Tensors pushed = evaluate(*forward, arguments);
  const Tensors values = evaluate(f, x);
  std::vector<std::size_t> real;
  for (std::size_t r = 0; r < f.results().size(); ++r) {
    EXPECT_TRUE(pushed[r].same_bits(values[r])) << print(f) << print(*forward);
    if (is_float(f.result_type(r).dtype)) real.push_back(r);
  }
  double forward_product = 0, scale = 0;
  Tensors reverse_arguments = x;
  for (std::size_t k = 0; k < real.size(); ++k) {
    const Tensor& slope = pushed[f.results().size() + k];
    const Tensor expected = difference(f, x, wrt, directions, real[k]);
    const double size = 1 + norm(expected);
    for (std::int64_t e = 0; e < slope.size(); ++e) {
      EXPECT_NEAR(slope.real(e), expected.real(e), difference_tolerance * size)
          << "result " << real[k] << " element " << e << "\n"
          << print(f) << print(*forward);
    }
    const Tensor ct = random_like(f.result_type(real[k]), random);
    for (const Tensor& d : directions) scale += norm(ct) * norm(d);
    reverse_arguments.push_back(ct);
    forward_product += dot(ct, slope);
    scale += norm(ct) * norm(slope);
  }
  const FunctionPtr backward = vjp(f, wrt);
  verify(*backward);
  const Tensors pulled = evaluate(*backward, reverse_arguments);
  double reverse_product = 0;
  for (std::size_t r = 0; r < f.results().size(); ++r) {
    EXPECT_TRUE(pulled[r].same_bits(values[r])) << print(f) << print(*backward);
  }
  for (std::size_t k = 0; k < wrt.size(); ++k) {
    const Tensor& ct = pulled[f.results().size() + k];
    EXPECT_EQ(ct.type(), f.param_type(wrt[k]));
    reverse_product += dot(ct, directions[k]);
    scale += norm(ct) * norm(directions[k]);
  }
  EXPECT_NEAR(reverse_product, forward_product, 1e-12 * scale)
      << print(f) << print(*forward) << print(*backward);
}

}  // namespace cotangent::transform
