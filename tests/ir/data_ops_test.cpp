// Random bits, and the ops along one axis.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "cotangent/ir/philox.h"
#include "tests/ir/helpers.h"

namespace cotangent::ir::testing {
namespace {

using Words = std::array<std::uint32_t, 4>;
using Numbers = std::vector<double>;

// Known answers published with Random123 (tests/kat_vectors, philox4x32 10).
TEST(Philox, KnownAnswers) {
  EXPECT_EQ(philox4x32({0, 0, 0, 0}, {0, 0}),
            (Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  const std::uint32_t ones = 0xffffffff;
  EXPECT_EQ(philox4x32({ones, ones, ones, ones}, {ones, ones}),
            (Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(philox4x32({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
            (Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

Tensor number(std::uint64_t x) {
  return Tensor::scalar_of<std::uint64_t>(x);
}
Tensor bits(std::uint64_t seed, std::uint64_t member, std::uint64_t step, std::int64_t site,
            Type type) {
  return run(Op::kRandomBits, {number(seed), number(member), number(step)}, RandomAttr{site}, type);
}

TEST(RandomBits, CounterAndKey) {
  const std::uint64_t seed = 0x0123456789abcdef, member = 77, step = 0x0000beef12345678;
  const Tensor drawn = bits(seed, member, step, 9, {DType::kU32, {3, 3}});
  const Tensor wide = bits(seed, member, step, 9, {DType::kU64, {5}});
  for (std::uint32_t k = 0; k < 9; ++k) {
    const Words block = philox4x32({k / 4, 0x12345678, 77, 0xbeef0009}, {0x89abcdef, 0x01234567});
    EXPECT_EQ(drawn.as<std::uint32_t>()[k], block[k % 4]);
  }
  for (std::uint32_t k = 0; k < 5; ++k) {
    const Words block = philox4x32({k / 2, 0x12345678, 77, 0xbeef0009}, {0x89abcdef, 0x01234567});
    const std::size_t low = 2 * (k % 2);
    EXPECT_EQ(wide.as<std::uint64_t>()[k], block[low] | std::uint64_t{block[low + 1]} << 32);
  }
}

TEST(RandomBits, AreTheSameForNarrowOperands) {
  const Type type{DType::kU32, {7}};
  const auto narrow = [](std::uint32_t x) { return Tensor::scalar_of<std::uint32_t>(x); };
  const Tensor small = run(Op::kRandomBits, {narrow(5), narrow(6), narrow(7)}, RandomAttr{1}, type);
  EXPECT_TRUE(small.same_bits(bits(5, 6, 7, 1, type)));
}

// The shape and the length do not enter; seed, member, step and site do.
TEST(RandomBits, WhatEnters) {
  const Tensor line = bits(1, 2, 3, 4, {DType::kU32, {12}});
  EXPECT_TRUE(bits(1, 2, 3, 4, {DType::kU32, {3, 4}}).reshaped(Shape{12}).same_bits(line));
  const Tensor shorter = bits(1, 2, 3, 4, {DType::kU32, {5}});
  for (std::size_t k = 0; k < 5; ++k) {
    EXPECT_EQ(shorter.as<std::uint32_t>()[k], line.as<std::uint32_t>()[k]);
  }
  EXPECT_FALSE(bits(9, 2, 3, 4, line.type()).same_bits(line));
  EXPECT_FALSE(bits(1, 9, 3, 4, line.type()).same_bits(line));
  EXPECT_FALSE(bits(1, 2, 9, 4, line.type()).same_bits(line));
  EXPECT_FALSE(bits(1, 2, 3, 9, line.type()).same_bits(line));
}

TEST(RandomBits, EqualDrawsAreOneNodeOthersAreNot) {
  Builder b("f");
  const Value seed = b.param(scalar(DType::kU64)), step = b.param(scalar(DType::kU64));
  const Value zero = b.constant(0, DType::kU64);
  const Type type{DType::kU32, {4}};
  const Value draw = b.random_bits(seed, zero, step, 0, type);
  EXPECT_EQ(b.random_bits(seed, zero, step, 0, type), draw);
  EXPECT_NE(b.random_bits(seed, zero, step, 1, type), draw);
  EXPECT_NE(b.random_bits(seed, step, step, 0, type), draw);
}

TEST(RandomBits, Refusals) {
  Builder b("f");
  const Value s = b.param(scalar(DType::kU64)), x = b.param(scalar());
  const Value line = b.param({DType::kU64, {2}});
  const Type type{DType::kU32, {4}};
  EXPECT_THROW(b.random_bits(s, s, x, 0, type), UserError);
  EXPECT_THROW(b.random_bits(line, s, s, 0, type), UserError);
  EXPECT_THROW(b.random_bits(s, s, s, -1, type), UserError);
  EXPECT_THROW(b.random_bits(s, s, s, 65536, type), UserError);
  EXPECT_THROW(b.random_bits(s, s, s, 0, {DType::kI32, {4}}), UserError);
  EXPECT_THROW(b.random_bits(s, s, s, 0, {DType::kF64, {4}}), UserError);
}

Numbers numbers(const Tensor& t) {
  Numbers out;
  for (std::int64_t k = 0; k < t.size(); ++k) out.push_back(static_cast<double>(t.real(k)));
  return out;
}
Tensor table(Shape shape, std::initializer_list<double> x) {
  return Tensor::of<double>(shape, x);
}

TEST(Sort, AscendsAlongTheAxis) {
  const Tensor x = table({2, 3}, {3, 1, 2, 0, 5, 4});
  EXPECT_EQ(numbers(run(Op::kSort, {x}, AxesAttr{{1}})), (Numbers{1, 2, 3, 0, 4, 5}));
  EXPECT_EQ(numbers(run(Op::kSort, {x}, AxesAttr{{0}})), (Numbers{0, 1, 2, 3, 5, 4}));
  EXPECT_EQ(numbers(run(Op::kArgsort, {x}, AxesAttr{{1}})), (Numbers{1, 2, 0, 0, 2, 1}));
  EXPECT_EQ(numbers(run(Op::kArgsort, {x}, AxesAttr{{0}})), (Numbers{1, 0, 0, 0, 1, 1}));
}

TEST(Sort, ZerosInfinitiesAndNaN) {
  const double inf = std::numeric_limits<double>::infinity(), nan = std::nan("");
  const Tensor x = table({8}, {0.0, nan, inf, -0.0, -inf, -nan, 0.0, -1});
  const Tensor y = run(Op::kSort, {x}, AxesAttr{{0}});
  EXPECT_EQ(y.real(0), -inf);
  EXPECT_EQ(y.real(1), -1);
  EXPECT_TRUE(y.real(2) == 0 && std::signbit(y.real(2)));
  EXPECT_TRUE(y.real(3) == 0 && !std::signbit(y.real(3)));
  EXPECT_TRUE(y.real(4) == 0 && !std::signbit(y.real(4)));
  EXPECT_EQ(y.real(5), inf);
  EXPECT_TRUE(std::isnan(y.real(6)) && std::isnan(y.real(7)));
  EXPECT_EQ(numbers(run(Op::kArgsort, {x}, AxesAttr{{0}})),
            (Numbers{4, 7, 3, 0, 6, 2, 1, 5}));  // equal ones in their order
}

TEST(Sort, IntegersOfEveryType) {
  const auto check = [](auto zero) {
    using T = decltype(zero);
    using Limits = std::numeric_limits<T>;
    const Tensor x = Tensor::of<T>(Shape{5}, {3, Limits::max(), 0, Limits::min(), 3});
    const Tensor y = run(Op::kSort, {x}, AxesAttr{{0}});
    const std::vector<T> want = Limits::is_signed
                                    ? std::vector<T>{Limits::min(), 0, 3, 3, Limits::max()}
                                    : std::vector<T>{0, 0, 3, 3, Limits::max()};
    for (std::size_t k = 0; k < 5; ++k) EXPECT_EQ(y.as<T>()[k], want[k]);
  };
  check(std::int32_t{}), check(std::int64_t{}), check(std::uint32_t{}), check(std::uint64_t{});
}

TEST(CumulativeSum, LeftToRight) {
  const Tensor x = table({2, 3}, {1, 2, 3, 10, 20, 30});
  EXPECT_EQ(numbers(run(Op::kCumSum, {x}, AxesAttr{{1}})), (Numbers{1, 3, 6, 10, 30, 60}));
  EXPECT_EQ(numbers(run(Op::kCumSum, {x}, AxesAttr{{0}})), (Numbers{1, 2, 3, 11, 22, 33}));
  // The first element itself: a zero keeps its sign. Then one rounding an element, in order.
  EXPECT_TRUE(std::signbit(run(Op::kCumSum, {table({2}, {-0.0, -0.0})}, AxesAttr{{0}}).real(1)));
  const auto rough = rough_numbers<double>(1000, 3);
  const Tensor sums =
      run(Op::kCumSum, {Tensor::of<double>(Shape{1000}, std::span<const double>(rough))},
          AxesAttr{{0}});
  double total = -0.0;
  for (std::size_t k = 0; k < rough.size(); ++k) {
    total += rough[k];
    EXPECT_EQ(sums.as<double>()[k], total);
  }
  const Tensor wraps = Tensor::of<std::int32_t>(Shape{2}, {INT32_MAX, 2});
  EXPECT_EQ(run(Op::kCumSum, {wraps}, AxesAttr{{0}}).integer(1), INT32_MIN + 1);
}

TEST(Scans, EmptyAndRefusals) {
  for (Op op : {Op::kSort, Op::kArgsort, Op::kCumSum}) {
    EXPECT_EQ(run(op, {Tensor(Type{DType::kF64, {3, 0}})}, AxesAttr{{1}}).size(), 0);
    EXPECT_THROW(run(op, {Tensor(Type{DType::kBool, {3}})}, AxesAttr{{0}}), UserError);
    EXPECT_THROW(run(op, {Tensor(Type{DType::kF64, {3}})}, AxesAttr{{1}}), UserError);
    EXPECT_THROW(run(op, {Tensor(Type{DType::kF64, {3, 3}})}, AxesAttr{{0, 1}}), UserError);
    EXPECT_THROW(run(op, {Tensor(scalar())}, AxesAttr{{0}}), UserError);
  }
}

TEST(Scans, Fold) {
  Builder b("f");
  const Value x = b.param({DType::kF64, {4, 1}});
  EXPECT_EQ(b.sort(x, 1), x);
  EXPECT_EQ(b.cumulative_sum(x, 1), x);
  EXPECT_TRUE(b.so_far().is_splat(b.argsort(x, 1), 0));
  const Value sorted = b.sort(x, 0);
  EXPECT_EQ(b.sort(sorted, 0), sorted);
  EXPECT_NE(b.cumulative_sum(b.cumulative_sum(x, 0), 0), b.cumulative_sum(x, 0));
}

}  // namespace

std::set<Op> data_ops_tested() {
  return {Op::kRandomBits, Op::kSort, Op::kArgsort, Op::kCumSum};
}

}  // namespace cotangent::ir::testing
