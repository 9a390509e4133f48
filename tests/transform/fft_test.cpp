// expand_fft against the definition, and the derivatives of fft.
#include "cotangent/ir/fft.h"

#include <algorithm>

#include "tests/transform/support.h"

namespace cotangent::transform {
namespace {

constexpr FftKind kKinds[] = {FftKind::kForward, FftKind::kInverse, FftKind::kRealForward,
                              FftKind::kRealInverse};

/// The op on arrays with these leading axes and `n` elements on the last.
FunctionPtr program(FftKind kind, std::int64_t axes, Dims shape, DType t = DType::kF64) {
  FftAttr attr{kind, axes, 0};
  if (kind == FftKind::kRealInverse) {
    attr.length = shape.back();
    shape.back() = shape.back() / 2 + 1;
  }
  Builder b("fft");
  Values x{b.param(Type{t, Shape(shape)})};
  if (kind != FftKind::kRealForward) x.push_back(b.param(Type{t, Shape(shape)}));
  return b.finish(b.fft(attr, x));
}

Tensors arguments(const Function& f, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  Tensors x;
  for (std::size_t k = 0; k < f.params().size(); ++k)
    x.push_back(random_like(f.param_type(k), random));
  return x;
}

/// Root mean square of the difference, relative to that of the values.
double distance(const Tensors& x, const Tensors& y) {
  long double error = 0, size = 0;
  for (std::size_t r = 0; r < x.size(); ++r) {
    for (std::int64_t k = 0; k < x[r].size(); ++k) {
      const long double d = x[r].real(k) - y[r].real(k);
      error += d * d;
      size += y[r].real(k) * y[r].real(k);
    }
  }
  return size == 0 ? 0 : static_cast<double>(std::sqrt(error / size));
}

void expect_expands(const Function& f, double tolerance) {
  const FunctionPtr expanded = expand_fft(f);
  verify(*expanded);
  for (std::uint32_t id = 0; id < expanded->size(); ++id) {
    ASSERT_NE(expanded->op(Value{id}), Op::kFft);
  }
  const Tensors x = arguments(f, 7);
  EXPECT_LT(distance(evaluate(*expanded, x), evaluate(f, x)), tolerance) << print(f);
}

TEST(ExpandFft, EveryLengthOfEveryKind) {
  for (std::int64_t n = 1; n <= 70; ++n) {
    for (FftKind kind : kKinds) {
      // One line, a pair of real lines at once, and an odd number of them.
      for (std::int64_t lines : {1, 2, 3}) expect_expands(*program(kind, 1, {lines, n}), 1e-15);
    }
  }
}

TEST(ExpandFft, PowersMixturesAndLargePrimes) {
  for (std::int64_t n : {128, 243, 256, 360, 500, 512, 1001, 1009, 1024, 2039}) {
    expect_expands(*program(FftKind::kForward, 1, {1, n}), 1e-15);
    expect_expands(*program(FftKind::kRealForward, 1, {2, n}), 1e-15);
  }
}

TEST(ExpandFft, SeveralAxes) {
  for (FftKind kind : kKinds) {
    for (std::int64_t axes = 1; axes <= 3; ++axes) {
      expect_expands(*program(kind, axes, {2, 3, 4, 10}), 1e-15);
      expect_expands(*program(kind, axes, {1, 5, 1, 7}), 1e-15);
      expect_expands(*program(kind, axes, {3, 17, 2, 9}), 1e-15);
    }
  }
}

/// How many instances each map of f has.
std::vector<std::int64_t> counts_of(const Function& f) {
  std::vector<std::int64_t> counts;
  for (std::uint32_t id = 0; id < f.size(); ++id) {
    if (f.op(Value{id}) == Op::kMap) counts.push_back(f.attr_as<MapAttr>(Value{id}).count);
  }
  return counts;
}

FunctionPtr last_body_of(const Function& f) {
  FunctionPtr body;
  for (std::uint32_t id = 0; id < f.size(); ++id) {
    if (f.op(Value{id}) == Op::kMap) body = f.attr_as<MapAttr>(Value{id}).body;
  }
  return body;
}

TEST(ExpandFft, LongColumnsOfTheCallersArraysGoInSteps) {
  using Counts = std::vector<std::int64_t>;
  const auto forward = [](std::int64_t n, std::int64_t lines, DType t = DType::kF64) {
    return expand_fft(*program(FftKind::kForward, 2, {n, lines}, t));
  };
  // Lines, then 256 = 8 x 32 and 300 = 6 x 50 over columns that lie 4 KiB apart, or just less.
  EXPECT_EQ(counts_of(*forward(256, 512)), (Counts{256, 32, 8}));
  EXPECT_EQ(counts_of(*forward(300, 512)), (Counts{300, 50, 6}));
  EXPECT_EQ(counts_of(*forward(256, 511)), (Counts{256, 511}));
  EXPECT_EQ(counts_of(*forward(256, 1023, DType::kF32)), (Counts{256, 1023}));
  EXPECT_EQ(counts_of(*forward(255, 512)), (Counts{255, 512}));
  // Inverse, columns come first.
  EXPECT_EQ(counts_of(*expand_fft(*program(FftKind::kInverse, 2, {256, 512}))),
            (Counts{32, 8, 256}));
  // What is left of 1024 is long as well: 8 x 8 x 16.
  const FunctionPtr nested = forward(1024, 512);
  EXPECT_EQ(counts_of(*nested), (Counts{1024, 128, 8}));
  EXPECT_EQ(counts_of(*last_body_of(*nested)), (Counts{16, 8}));
  // An array between steps of ours: one step.
  Builder b("between");
  const Type t{DType::kF64, Shape{256, 512}};
  const Values x{b.param(t), b.param(t)};
  const Values y = b.fft({FftKind::kForward, 2, 0}, x);
  const FunctionPtr f = b.finish({b.mul(y[0], y[1])});
  EXPECT_EQ(counts_of(*expand_fft(*f)), (Counts{256, 512}));
}

TEST(ExpandFft, ColumnsThereAndBackAreOneMap) {
  const std::int64_t n = 256, half = 513;
  Builder b("poisson");
  const Value x = b.param(Type{DType::kF64, Shape{n, 1024}});
  const Value w = b.param(Type{DType::kF64, Shape{n, half}});
  const auto y = b.fft({FftKind::kRealForward, 2, 0}, std::span(&x, 1));
  const Value z[] = {b.mul(y[0], w), b.mul(y[1], w)};
  const FunctionPtr f = b.finish(b.fft({FftKind::kRealInverse, 2, 1024}, z));
  EXPECT_EQ(counts_of(*run_passes(f, {})).size(), 3u);
}

TEST(ExpandFft, SinglePrecision) {
  for (FftKind kind : kKinds) {
    for (std::int64_t n : {8, 15, 23, 96}) {
      expect_expands(*program(kind, 1, {2, n}, DType::kF32), 5e-7);
      expect_expands(*program(kind, 2, {4, n}, DType::kF32), 5e-7);
    }
  }
}

TEST(ExpandFft, InsideABody) {
  // A map over rows, each transformed in its own instance.
  const FunctionPtr row = program(FftKind::kForward, 1, {12});
  Builder body("row");
  body.param(scalar(DType::kI64));
  const Values x{body.param(row->param_type(0)), body.param(row->param_type(1))};
  MapAttr attr;
  attr.count = 5;
  attr.rows = 2;
  attr.roles = {Role::kStack, Role::kStack};
  attr.body = body.finish(body.inline_call(*row, x));
  Builder b("rows");
  const Type t{DType::kF64, Shape{5, 12}};
  const Values rows{b.param(t), b.param(t)};
  const FunctionPtr f = b.finish(b.map(attr, rows));
  expect_expands(*f, 1e-15);
  const Tensors in = arguments(*f, 3);
  EXPECT_LT(distance(evaluate(*f, in), evaluate(*program(FftKind::kForward, 1, {5, 12}), in)),
            1e-16);
}

TEST(FftDerivatives, OfEveryKind) {
  for (FftKind kind : kKinds) {
    for (std::int64_t axes = 1; axes <= 3; ++axes) {
      for (std::int64_t n : {1, 4, 7}) {
        const FunctionPtr f = program(kind, axes, {2, 3, 2, n});
        Positions all;
        for (std::size_t k = 0; k < f->params().size(); ++k) all.push_back(k);
        check_derivatives(*f, arguments(*f, 5), all);
      }
    }
  }
}

TEST(FftDerivatives, TheAdjointByDotProducts) {
  for (FftKind kind : kKinds) {
    for (std::int64_t n : {1, 2, 5, 6}) {
      const FunctionPtr f = program(kind, 2, {3, 4, n});
      const Tensors x = arguments(*f, 1);
      Positions all;
      for (std::size_t k = 0; k < x.size(); ++k) all.push_back(k);
      const FunctionPtr adjoint = transpose(*f, all);
      std::mt19937_64 random(2);
      Tensors ct;
      for (std::size_t k = 0; k < f->results().size(); ++k) {
        ct.push_back(random_like(f->result_type(k), random));
      }
      const Tensors y = evaluate(*f, x), back = evaluate(*adjoint, ct);
      double there = 0, here = 0;
      for (std::size_t k = 0; k < y.size(); ++k) there += dot(y[k], ct[k]);
      for (std::size_t k = 0; k < x.size(); ++k) here += dot(x[k], back[k]);
      EXPECT_NEAR(there, here, 1e-13 * (1 + std::fabs(there))) << print(*f);
      // Transposing twice is the op again.
      EXPECT_LT(distance(evaluate(*transpose(*adjoint,
                                             [&] {
                                               Positions p;
                                               for (std::size_t k = 0; k < ct.size(); ++k)
                                                 p.push_back(k);
                                               return p;
                                             }()),
                                  x),
                         y),
                1e-15);
    }
  }
}

TEST(FftDerivatives, AConvolutionSGradient) {
  // L = sum |x * g|^2 by transforms; its gradient is the correlation of 2 (x * g) with g.
  const std::int64_t n = 6;
  const Type t{DType::kF64, Shape{n}};
  Builder b("loss");
  const Value x = b.param(t), g = b.param(t);
  const auto xf = b.fft({FftKind::kRealForward, 1, 0}, std::span(&x, 1));
  const auto gf = b.fft({FftKind::kRealForward, 1, 0}, std::span(&g, 1));
  const Value product[] = {b.sub(b.mul(xf[0], gf[0]), b.mul(xf[1], gf[1])),
                           b.add(b.mul(xf[0], gf[1]), b.mul(xf[1], gf[0]))};
  const Value y = b.fft({FftKind::kRealInverse, 1, n}, product)[0];
  const FunctionPtr f = b.finish({b.reduce_sum(b.mul(y, y))});
  const Tensors in = arguments(*f, 4);
  Tensor conv(t), want(t);
  const auto wrap = [&](std::int64_t k) { return (k % n + n) % n; };
  for (std::int64_t k = 0; k < n; ++k) {
    long double sum = 0;
    for (std::int64_t j = 0; j < n; ++j) sum += in[0].real(j) * in[1].real(wrap(k - j));
    conv.set_real(k, sum);
  }
  for (std::int64_t j = 0; j < n; ++j) {
    long double sum = 0;
    for (std::int64_t k = 0; k < n; ++k) sum += 2 * conv.real(k) * in[1].real(wrap(k - j));
    want.set_real(j, sum);
  }
  EXPECT_LT(distance(evaluate(*grad(*f, {0}), in), {want}), 1e-14);
}

}  // namespace
}  // namespace cotangent::transform
