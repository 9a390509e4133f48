// The meaning of `fft`: closed forms, published numbers, and what it refuses.
#include "cotangent/ir/fft.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "cotangent/ir/splitmix.h"
#include "cotangent/ir/text.h"
#include "tests/ir/helpers.h"

namespace cotangent::ir::testing {
namespace {

using Numbers = std::vector<double>;

Tensor tensor(Shape shape, const Numbers& x) {
  return Tensor::of<double>(shape, std::span<const double>(x));
}

FunctionPtr program(FftAttr attr, const std::vector<Tensor>& in) {
  Builder b("fft");
  std::vector<Value> x;
  for (const Tensor& t : in) x.push_back(b.param(t.type()));
  return b.finish(b.fft(attr, x));
}

std::vector<Tensor> fft(FftAttr attr, const std::vector<Tensor>& in) {
  return evaluate(*program(attr, in), in);
}

void expect_near(const Tensor& x, const Numbers& want, double tolerance) {
  ASSERT_EQ(x.size(), static_cast<std::int64_t>(want.size()));
  for (std::int64_t k = 0; k < x.size(); ++k) {
    EXPECT_NEAR(static_cast<double>(x.real(k)), want[static_cast<std::size_t>(k)], tolerance) << k;
  }
}

Tensor random_tensor(Shape shape, std::uint64_t seed, DType t = DType::kF64) {
  SplitMix random(seed);
  Tensor x(Type{t, shape});
  for (std::int64_t k = 0; k < x.size(); ++k) x.set_real(k, random.unit() - 0.5);
  return x;
}

TEST(Fft, AWaveIsOneCoefficient) {
  for (std::int64_t n : {1, 2, 3, 5, 8, 12, 17, 30}) {
    for (std::int64_t wave = 0; wave < n; ++wave) {
      Tensor re(Type{DType::kF64, Shape{n}}), im(re.type());
      for (std::int64_t j = 0; j < n; ++j) {
        const long double angle = 2 * std::numbers::pi_v<long double> *
                                  static_cast<long double>(j * wave % n) /
                                  static_cast<long double>(n);
        re.set_real(j, std::cos(angle));
        im.set_real(j, std::sin(angle));
      }
      const auto y = fft({FftKind::kForward, 1, 0}, {re, im});
      Numbers want(static_cast<std::size_t>(n), 0.0);
      want[static_cast<std::size_t>(wave)] = static_cast<double>(n);
      expect_near(y[0], want, 1e-14);
      expect_near(y[1], Numbers(static_cast<std::size_t>(n), 0.0), 1e-14);
    }
  }
}

TEST(Fft, NumpysOwnExamples) {
  // From the reference pages of numpy.fft 1.26: rfft, irfft, fft2, rfftn.
  const auto half = fft({FftKind::kRealForward, 1, 0}, {tensor({4}, {0, 1, 0, 0})});
  expect_near(half[0], {1, 0, -1}, 1e-15);
  expect_near(half[1], {0, -1, 0}, 1e-15);
  expect_near(fft({FftKind::kRealInverse, 1, 4}, half)[0], {0, 1, 0, 0}, 1e-15);
  Numbers rows, zeros(25, 0.0), re(25, 0.0), im(25, 0.0);
  for (int k = 0; k < 25; ++k) rows.push_back(k / 5);
  re[0] = 50, re[5] = re[10] = re[15] = re[20] = -12.5;
  im[5] = 17.20477401, im[10] = 4.0614962, im[15] = -4.0614962, im[20] = -17.20477401;
  const auto plane = fft({FftKind::kForward, 2, 0}, {tensor({5, 5}, rows), tensor({5, 5}, zeros)});
  expect_near(plane[0], re, 1e-8);
  expect_near(plane[1], im, 1e-8);
  const auto cube = fft({FftKind::kRealForward, 3, 0}, {tensor({2, 2, 2}, Numbers(8, 1.0))});
  expect_near(cube[0], {8, 0, 0, 0, 0, 0, 0, 0}, 0);
  expect_near(cube[1], Numbers(8, 0.0), 0);
}

TEST(Fft, InversesUndoAndEnergyIsKept) {
  for (std::int64_t axes = 1; axes <= 3; ++axes) {
    for (std::int64_t last : {1, 2, 6, 7}) {
      const Shape shape{2, 3, 4, last};
      const Tensor re = random_tensor(shape, 1), im = random_tensor(shape, 2);
      const auto y = fft({FftKind::kForward, axes, 0}, {re, im});
      const auto back = fft({FftKind::kInverse, axes, 0}, y);
      long double before = 0, after = 0, n = last;
      if (axes > 1) n *= 4;
      if (axes > 2) n *= 3;
      for (std::int64_t k = 0; k < re.size(); ++k) {
        EXPECT_NEAR(back[0].real(k), re.real(k), 1e-15L);
        EXPECT_NEAR(back[1].real(k), im.real(k), 1e-15L);
        before += re.real(k) * re.real(k) + im.real(k) * im.real(k);
        after += y[0].real(k) * y[0].real(k) + y[1].real(k) * y[1].real(k);
      }
      EXPECT_NEAR(after, n * before, 1e-13L * n * before);  // Parseval
      const auto half = fft({FftKind::kRealForward, axes, 0}, {re});
      const auto whole =
          fft({FftKind::kForward, axes, 0},
              {re, tensor(shape, Numbers(static_cast<std::size_t>(re.size()), 0.0))});
      const std::int64_t h = last / 2 + 1;
      for (std::int64_t k = 0; k < half[0].size(); ++k) {
        const std::int64_t at = k / h * last + k % h;
        EXPECT_EQ(half[0].real(k), whole[0].real(at));
        EXPECT_EQ(half[1].real(k), whole[1].real(at));
      }
      const auto again = fft({FftKind::kRealInverse, axes, last}, half);
      for (std::int64_t k = 0; k < re.size(); ++k) {
        EXPECT_NEAR(again[0].real(k), re.real(k), 1e-15L);
      }
    }
  }
}

TEST(Fft, ARealInverseDoesNotLookAtWhatARealArrayCannotHave) {
  const Tensor re = tensor({3}, {1, 2, 3}), im = tensor({3}, {0, 5, 0});
  const Tensor odd = tensor({3}, {7, 5, INFINITY});
  const FftAttr attr{FftKind::kRealInverse, 1, 4};
  EXPECT_TRUE(fft(attr, {re, im})[0].same_bits(fft(attr, {re, odd})[0]));
}

TEST(Fft, ExtendedAndSingle) {
  const Tensor re = random_tensor({9}, 3), im = random_tensor({9}, 4);
  EvaluateOptions extended;
  extended.extended = true;
  const std::vector<Tensor> in{re, im};
  const auto f = program({FftKind::kForward, 1, 0}, in);
  const auto wide = evaluate(*f, in, extended);
  ASSERT_TRUE(wide[0].extended());
  EXPECT_TRUE(wide[0].to_double().same_bits(evaluate(*f, in)[0]));
  const auto narrow = fft({FftKind::kForward, 1, 0},
                          {random_tensor({9}, 3, DType::kF32), random_tensor({9}, 4, DType::kF32)});
  for (std::int64_t k = 0; k < 9; ++k) EXPECT_NEAR(narrow[0].real(k), wide[0].real(k), 1e-6L);
}

TEST(Fft, TextRoundTrips) {
  const FunctionPtr f =
      program({FftKind::kRealInverse, 2, 5}, {random_tensor({4, 3}, 1), random_tensor({4, 3}, 2)});
  EXPECT_TRUE(structurally_equal(*f, *parse(print(*f)))) << print(*f);
}

std::string refusal(FftAttr attr, const std::vector<Type>& in) {
  try {
    infer_fft(in, attr);
  } catch (const UserError& error) {
    return error.what();
  }
  return "";
}

TEST(Fft, RefusesByName) {
  const Type t{DType::kF64, Shape{4, 6}};
  const auto has = [](const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
  };
  EXPECT_TRUE(has(refusal({FftKind::kForward, 1, 0}, {t}), "[fft] takes 2 operands"));
  EXPECT_TRUE(has(refusal({FftKind::kRealForward, 1, 0}, {t, t}), "[fft] takes 1 operand"));
  EXPECT_TRUE(has(refusal({FftKind::kForward, 3, 0}, {t, t}), "which has fewer"));
  EXPECT_TRUE(has(refusal({FftKind::kForward, 4, 0}, {t, t}), "1, 2 or 3 axes"));
  EXPECT_TRUE(has(refusal({FftKind::kForward, 1, 6}, {t, t}), "a length is given"));
  EXPECT_TRUE(has(refusal({FftKind::kRealInverse, 1, 6}, {t, t}), "takes 4 on the last axis"));
  EXPECT_TRUE(has(refusal({FftKind::kForward, 1, 0}, {t, t.with_dtype(DType::kF32)}), "differ"));
  EXPECT_TRUE(has(refusal({FftKind::kRealForward, 1, 0}, {t.with_dtype(DType::kI32)}), "i32"));
  EXPECT_TRUE(
      has(refusal({FftKind::kRealForward, 1, 0}, {Type{DType::kF64, Shape{2, 0}}}), "length 0"));
}

}  // namespace
}  // namespace cotangent::ir::testing
