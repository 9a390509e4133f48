// The formula that back ends print and the function that the others call give the same bits.
#include "cotangent/ir/far_angle.h"

#include <gtest/gtest.h>

#include <cstring>
#include <random>

#include "cotangent/ir/builder.h"
#include "cotangent/ir/evaluator.h"
#include "cotangent/transform/passes.h"

namespace cotangent::transform {
namespace {

using namespace ir;

/// Angles of every exponent from some below the first far one to infinity, each `count` times.
Tensor angles(DType t, int count, std::mt19937_64& random) {
  const bool wide = t == DType::kF64;
  const int fraction = wide ? 52 : 23, bias = wide ? 1023 : 127;
  const int first = bias + (wide ? kFarExponent : kFarExponentF) - 3, last = 2 * bias + 1;
  Tensor x(Type{t, Shape{std::int64_t{last - first + 1} * count}});
  for (std::int64_t k = 0; k < x.size(); ++k) {
    std::uint64_t bits = static_cast<std::uint64_t>(first + k / count) << fraction;
    bits |= random() & ((std::uint64_t{1} << fraction) - 1) & (k % 5 == 0 ? 0 : ~0ull);
    if (k % 2) bits |= std::uint64_t{1} << (wide ? 63 : 31);
    const std::size_t size = size_of(t);
    std::memcpy(static_cast<std::byte*>(x.data()) + static_cast<std::size_t>(k) * size, &bits,
                size);
  }
  return x;
}

TEST(FarAngle, FormulaAndFunctionAgreeToTheBit) {
  std::mt19937_64 random(7);
  for (DType t : {DType::kF64, DType::kF32}) {
    const Tensor x = angles(t, t == DType::kF64 ? 200 : 2000, random);
    for (Op op : {Op::kFarAngle, Op::kFarAngleError, Op::kFarQuarter, Op::kSin, Op::kTan}) {
      Builder b("f");
      const FunctionPtr f = run_passes(b.finish({b.unary(op, b.param(x.type()))}));
      const FunctionPtr formula = expand_far_angles(*f);
      ASSERT_TRUE(f->contains_op(is_far_angle));
      ASSERT_FALSE(formula->contains_op(is_far_angle));
      const Tensor want = evaluate(*f, std::span(&x, 1))[0];
      const Tensor got = evaluate(*formula, std::span(&x, 1))[0];
      for (std::int64_t k = 0; k < x.size(); ++k) {
        const auto same = [&](auto zero) {
          using T = decltype(zero);
          const T a = want.as<T>()[static_cast<std::size_t>(k)];
          const T c = got.as<T>()[static_cast<std::size_t>(k)];
          return (a != a && c != c) || std::memcmp(&a, &c, sizeof a) == 0;
        };
        ASSERT_TRUE(t == DType::kF64 ? same(0.0) : same(0.0f))
            << name_of(op) << " of " << x.real(k) << ": " << want.real(k) << ", " << got.real(k);
      }
    }
  }
}

}  // namespace
}  // namespace cotangent::transform
