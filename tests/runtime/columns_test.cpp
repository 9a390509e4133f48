// Exact sums at a few frequencies: transforms whose columns go in steps, and arrays with padded
// rows between maps, are as accurate as any.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <complex>

#include "cotangent/ir/builder.h"
#include "cotangent/ir/evaluator.h"
#include "cotangent/ir/fft.h"
#include "tests/runtime/check.h"

namespace cotangent {
namespace {

using namespace path_check;
using ir::FftKind;
using ir::Tensor;
using ir::Value;
using Number = std::complex<long double>;

ir::FunctionPtr transform_of(FftKind kind, std::int64_t n, std::int64_t lines, DType t) {
  ir::Builder b("columns");
  const ir::Type type{t, Shape{n, lines}};
  std::vector<Value> x{b.param(type)};
  if (kind != FftKind::kRealForward) x.push_back(b.param(type));
  return b.finish(b.fft({kind, 2, 0}, x));
}

/// Coefficient (p, q), by the definition.
Number coefficient(const std::vector<Tensor>& x, std::int64_t p, std::int64_t q, bool inverse) {
  const Shape& shape = x[0].type().shape;
  const std::int64_t n = shape[0], lines = shape[1];
  std::vector<Number> roots;
  for (std::int64_t k = 0; k < lines; ++k) roots.push_back(ir::root_of_unity(q * k % lines, lines));
  Number sum = 0;
  for (std::int64_t j = 0; j < n; ++j) {
    Number line = 0;
    for (std::int64_t k = 0; k < lines; ++k) {
      const Number w = roots[static_cast<std::size_t>(k)];
      const std::int64_t at = j * lines + k;
      const Number z(x[0].real(at), x.size() > 1 ? x[1].real(at) : 0);
      line += z * (inverse ? w : std::conj(w));
    }
    const Number w = ir::root_of_unity(p * j % n, n);
    sum += line * (inverse ? w : std::conj(w));
  }
  return inverse ? sum / static_cast<long double>(n * lines) : sum;
}

TEST(Columns, ThatGoInStepsAreWithinRoundOffOfTheDefinition) {
  struct Case {
    FftKind kind;
    std::int64_t n, lines;  // 8 x 32, 6 x 50, 8 x 8 x 16
    DType t = DType::kF64;
  };
  for (const Case& c :
       {Case{FftKind::kForward, 256, 512}, Case{FftKind::kInverse, 300, 512},
        Case{FftKind::kForward, 1024, 512}, Case{FftKind::kInverse, 1024, 512},
        Case{FftKind::kRealForward, 256, 1030}, Case{FftKind::kForward, 256, 1024, DType::kF32}}) {
    SCOPED_TRACE(std::to_string(c.n) + " x " + std::to_string(c.lines));
    const auto f = transform_of(c.kind, c.n, c.lines, c.t);
    const std::vector<Tensor> x = arguments_for(*f);
    const std::vector<Tensor> y = run(*runtime::compile(f), x);
    long double size = 0, error = 0;
    for (std::int64_t k = 0; k < y[0].size(); ++k) {
      size += std::norm(Number(y[0].real(k), y[1].real(k)));
    }
    size = std::sqrt(size / static_cast<long double>(y[0].size()));
    const std::int64_t kept = y[0].type().shape[1];
    const std::int64_t places[][2] = {
        {0, 1}, {1, 0}, {c.n / 2, 17}, {c.n - 1, kept - 1}, {77, 202}};
    for (const auto& [p, q] : places) {
      const Number want = coefficient(x, p, q, is_inverse(c.kind));
      const Number got(y[0].real(p * kept + q), y[1].real(p * kept + q));
      error = std::max(error, std::abs(got - want));
    }
    EXPECT_LT(error / size, c.t == DType::kF64 ? 2e-15L : 1e-6L);
  }
}

/// Its columns are transformed where the planes' results lie: in the caller's arrays.
TEST(Columns, OfThreeAxesHaveTheBitsOfPlanesAndColumnsApart) {
  constexpr std::int64_t n = 128;
  for (const FftKind kind : {FftKind::kForward, FftKind::kRealForward}) {
    const ir::Type cube{DType::kF64, Shape{n, n, n}};
    const std::int64_t last = kind == FftKind::kForward ? n : n / 2 + 1;
    const auto transform = [&](std::int64_t axes) {
      ir::Builder b("axes");
      std::vector<Value> x{b.param(cube)};
      if (kind == FftKind::kForward) x.push_back(b.param(cube));
      return b.finish(b.fft({kind, axes, 0}, x));
    };
    ir::Builder b("first_axis");
    const ir::Type half{DType::kF64, Shape{n, n * last}};
    const Value re = b.param(half), im = b.param(half);
    const Value lines[] = {b.transpose(re, {1, 0}), b.transpose(im, {1, 0})};
    const auto z = b.fft({FftKind::kForward, 1, 0}, lines);
    const Value back[] = {b.transpose(z[0], {1, 0}), b.transpose(z[1], {1, 0})};
    const auto columns = runtime::compile(b.finish(back));

    std::vector<Tensor> x;
    for (std::size_t k = 0; k < (kind == FftKind::kForward ? 2u : 1u); ++k) {
      Tensor& t = x.emplace_back(cube);
      for (std::int64_t e = 0; e < t.size(); ++e) {
        t.as<double>()[static_cast<std::size_t>(e)] =
            std::sin(0.7 * static_cast<double>(e * e % 977));
      }
    }
    std::vector<Tensor> planes = runtime::compile(transform(2))->call(x);
    for (Tensor& t : planes) t = t.reshaped(half.shape);
    const std::vector<Tensor> expected = columns->call(planes);
    for (int threads : {1, 2, 3}) {
      runtime::CompileOptions options;
      options.threads = threads;
      const std::vector<Tensor> made = runtime::compile(transform(3), options)->call(x);
      for (std::size_t k = 0; k < 2; ++k) {
        EXPECT_TRUE(made[k].reshaped(half.shape).same_bits(expected[k])) << k << ", " << threads;
      }
    }
  }
}

}  // namespace
}  // namespace cotangent
