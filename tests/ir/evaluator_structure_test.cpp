// Reductions, shape ops, indexed access, contraction and leaves, against plain loops.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "cotangent/ir/splitmix.h"
#include "tests/ir/helpers.h"

namespace cotangent::ir::testing {
namespace {

template <class T>
Tensor tensor(Shape shape, const std::vector<T>& x) {
  return Tensor::of<T>(shape, std::span<const T>(x));
}

/// 0, 1, 2, ... so that every element names its place.
Tensor counted(Shape shape, DType t = DType::kF64) {
  Tensor x(Type{t, shape});
  for (std::int64_t k = 0; k < x.size(); ++k) {
    if (is_float(t))
      x.set_real(k, static_cast<long double>(k));
    else
      x.set_integer(k, k);
  }
  return x;
}

std::vector<double> numbers(const Tensor& t) {
  std::vector<double> out;
  for (std::int64_t k = 0; k < t.size(); ++k) out.push_back(static_cast<double>(t.real(k)));
  return out;
}

using Numbers = std::vector<double>;

// --- reductions

/// The value of an empty reduction, and how two elements join.
template <class T>
T joined(Op op, T a, T b) {
  if constexpr (std::is_floating_point_v<T>) {
    switch (op) {
      case Op::kReduceSum: return a + b;
      case Op::kReduceProd: return a * b;
      case Op::kReduceMin: return a != a || b != b ? NAN : a < b ? a : b;
      default: return a != a || b != b ? NAN : a > b ? a : b;
    }
  } else {
    using U = std::make_unsigned_t<T>;
    switch (op) {
      case Op::kReduceSum: return static_cast<T>(U(a) + U(b));
      case Op::kReduceProd: return static_cast<T>(U(a) * U(b));
      case Op::kReduceMin: return a < b ? a : b;
      default: return a > b ? a : b;
    }
  }
}

template <class T>
T neutral(Op op) {
  using L = std::numeric_limits<T>;
  switch (op) {
    case Op::kReduceSum: return 0;
    case Op::kReduceProd: return 1;
    case Op::kReduceMin: return L::has_infinity ? L::infinity() : L::max();
    default: return L::has_infinity ? -L::infinity() : L::lowest();
  }
}

constexpr Op kReductions[] = {Op::kReduceSum, Op::kReduceProd, Op::kReduceMin, Op::kReduceMax};

template <class T>
void check_reductions(std::int64_t n) {
  const auto x = rough_numbers<T>(n, static_cast<std::uint64_t>(n) + 17);
  for (Op op : kReductions) {
    const auto join = [&](T a, T b) { return joined<T>(op, a, b); };
    const T want = n == 0 ? neutral<T>(op) : in_fixed_order<T>(x, join);
    const Tensor got = run(op, {tensor<T>(Shape{n}, x)}, AxesAttr{{0}});
    EXPECT_TRUE(got.same_bits(Tensor::scalar_of<T>(want)))
        << name_of(op) << " of " << n << " " << cotangent::name_of(dtype_of_v<T>) << ": "
        << got.real(0) << ", should be " << want;
  }
}

TEST(Reductions, HaveTheFixedOrder) {
  for (std::int64_t n :
       {0, 1, 2, 7, 8, 9, 15, 16, 17, 64, 100, 4095, 4096, 4097, 8192, 10000, 40000}) {
    check_reductions<double>(n);
    check_reductions<float>(n);
    check_reductions<std::int32_t>(n);
    check_reductions<std::int64_t>(n);
    check_reductions<std::uint32_t>(n);
    check_reductions<std::uint64_t>(n);
  }
}

TEST(Reductions, TheOrderShowsInTheBits) {
  // If left-to-right gave the same, the test above would prove nothing.
  int differing = 0;
  for (std::int64_t n : {9, 17, 64, 100, 4096, 4097, 10000}) {
    const auto x = rough_numbers<double>(n, static_cast<std::uint64_t>(n) + 17);
    double naive = x[0];
    for (std::size_t k = 1; k < x.size(); ++k) naive += x[k];
    const Tensor got = run(Op::kReduceSum, {tensor<double>(Shape{n}, x)}, AxesAttr{{0}});
    if (static_cast<double>(got.real(0)) != naive) ++differing;
  }
  EXPECT_GE(differing, 4);
}

TEST(Reductions, OverSomeAxes) {
  // [2,3,4]: the elements of a run are met in row-major order of the reduced axes.
  const auto x = rough_numbers<double>(24, 3);
  const Tensor t = tensor<double>(Shape{2, 3, 4}, x);
  const auto at = [&](std::size_t i, std::size_t j, std::size_t k) {
    return x[12 * i + 4 * j + k];
  };
  const auto plus = [](double a, double b) { return a + b; };
  const Tensor middle = run(Op::kReduceSum, {t}, AxesAttr{{1}});
  ASSERT_EQ(middle.type().shape, (Shape{2, 4}));
  const Tensor outer = run(Op::kReduceSum, {t}, AxesAttr{{0, 2}});
  ASSERT_EQ(outer.type().shape, (Shape{3}));
  for (std::size_t i = 0; i < 2; ++i) {
    for (std::size_t k = 0; k < 4; ++k) {
      EXPECT_EQ(middle.as<double>()[4 * i + k], at(i, 0, k) + at(i, 1, k) + at(i, 2, k));
    }
  }
  for (std::size_t j = 0; j < 3; ++j) {
    const std::vector<double> run_of_j = {at(0, j, 0), at(0, j, 1), at(0, j, 2), at(0, j, 3),
                                          at(1, j, 0), at(1, j, 1), at(1, j, 2), at(1, j, 3)};
    EXPECT_EQ(outer.as<double>()[j], in_fixed_order<double>(run_of_j, plus));
  }
  EXPECT_EQ(run(Op::kReduceSum, {t}, AxesAttr{{}}).type().shape, (Shape{2, 3, 4}));
  const Tensor empty(Type{DType::kF64, Shape{2, 0}});
  EXPECT_EQ(numbers(run(Op::kReduceMax, {empty}, AxesAttr{{1}})), (Numbers{-INFINITY, -INFINITY}));
  EXPECT_EQ(run(Op::kReduceSum, {empty}, AxesAttr{{0}}).type().shape, (Shape{0}));
}

TEST(Reductions, MinimumKeepsNanAndTies) {
  const Tensor x = Tensor::of<double>(Shape{3}, {1, NAN, 0});
  EXPECT_TRUE(std::isnan(run(Op::kReduceMin, {x}, AxesAttr{{0}}).real(0)));
  EXPECT_TRUE(std::isnan(run(Op::kReduceMax, {x}, AxesAttr{{0}}).real(0)));
  // A tie takes the later: min(0, -0) is -0.
  const Tensor zeros = Tensor::of<double>(Shape{2}, {0.0, -0.0});
  EXPECT_TRUE(std::signbit(run(Op::kReduceMin, {zeros}, AxesAttr{{0}}).real(0)));
}

// --- shape

TEST(ShapeOps, Reshape) {
  const Tensor y = run(Op::kReshape, {counted({2, 3})}, {}, {DType::kF64, {3, 1, 2}});
  EXPECT_EQ(y.type().shape, (Shape{3, 1, 2}));
  EXPECT_EQ(numbers(y), (Numbers{0, 1, 2, 3, 4, 5}));
}

TEST(ShapeOps, Transpose) {
  EXPECT_EQ(numbers(run(Op::kTranspose, {counted({2, 3})}, AxesAttr{{1, 0}})),
            (Numbers{0, 3, 1, 4, 2, 5}));
  const Tensor y = run(Op::kTranspose, {counted({2, 3, 4})}, AxesAttr{{2, 0, 1}});
  ASSERT_EQ(y.type().shape, (Shape{4, 2, 3}));
  std::size_t at = 0;
  for (int a = 0; a < 4; ++a) {
    for (int b = 0; b < 2; ++b) {
      for (int c = 0; c < 3; ++c) EXPECT_EQ(y.as<double>()[at++], 12 * b + 4 * c + a);
    }
  }
}

TEST(ShapeOps, Broadcast) {
  EXPECT_EQ(numbers(run(Op::kBroadcast, {counted({2})}, AxesAttr{{0}}, {DType::kF64, {2, 3}})),
            (Numbers{0, 0, 0, 1, 1, 1}));
  EXPECT_EQ(numbers(run(Op::kBroadcast, {counted({2})}, AxesAttr{{1}}, {DType::kF64, {3, 2}})),
            (Numbers{0, 1, 0, 1, 0, 1}));
  EXPECT_EQ(numbers(run(Op::kBroadcast, {counted({})}, AxesAttr{{}}, {DType::kF64, {2, 2}})),
            (Numbers{0, 0, 0, 0}));
  EXPECT_EQ(
      numbers(run(Op::kBroadcast, {counted({2, 2})}, AxesAttr{{0, 2}}, {DType::kF64, {2, 2, 2}})),
      (Numbers{0, 1, 0, 1, 2, 3, 2, 3}));
}

TEST(ShapeOps, Slice) {
  EXPECT_EQ(numbers(run(Op::kSlice, {counted({10})}, SliceAttr{{1}, {9}, {3}})),
            (Numbers{1, 4, 7}));
  EXPECT_EQ(numbers(run(Op::kSlice, {counted({3, 4})}, SliceAttr{{1, 0}, {3, 4}, {1, 2}})),
            (Numbers{4, 6, 8, 10}));
  EXPECT_EQ(run(Op::kSlice, {counted({3, 4})}, SliceAttr{{1, 2}, {3, 2}, {1, 1}}).type().shape,
            (Shape{2, 0}));
}

TEST(ShapeOps, Pad) {
  const Tensor nine = Tensor::scalar_of(9.0);
  EXPECT_EQ(numbers(run(Op::kPad, {counted({3}), nine}, PadAttr{{1}, {2}, {1}})),
            (Numbers{9, 0, 9, 1, 9, 2, 9, 9}));
  EXPECT_EQ(numbers(run(Op::kPad, {counted({2, 2}), nine}, PadAttr{{0, 1}, {1, 0}, {0, 0}})),
            (Numbers{9, 0, 1, 9, 2, 3, 9, 9, 9}));
  EXPECT_EQ(numbers(run(Op::kPad, {counted({0}), nine}, PadAttr{{1}, {1}, {3}})), (Numbers{9, 9}));
}

TEST(ShapeOps, Concatenate) {
  EXPECT_EQ(
      numbers(run(Op::kConcatenate, {counted({2}), counted({0}), counted({3})}, AxesAttr{{0}})),
      (Numbers{0, 1, 0, 1, 2}));
  EXPECT_EQ(numbers(run(Op::kConcatenate, {counted({2, 1}), counted({2, 2})}, AxesAttr{{1}})),
            (Numbers{0, 0, 1, 1, 2, 3}));
}

TEST(ShapeOps, Reverse) {
  EXPECT_EQ(numbers(run(Op::kReverse, {counted({2, 3})}, AxesAttr{{1}})),
            (Numbers{2, 1, 0, 5, 4, 3}));
  EXPECT_EQ(numbers(run(Op::kReverse, {counted({2, 3})}, AxesAttr{{0, 1}})),
            (Numbers{5, 4, 3, 2, 1, 0}));
}

// --- leaves

TEST(Leaves, Iota) {
  for (DType t : {DType::kF64, DType::kF32, DType::kI32, DType::kI64, DType::kU32, DType::kU64}) {
    EXPECT_EQ(numbers(run(Op::kIota, {}, AxesAttr{{1}}, {t, {2, 3}})), (Numbers{0, 1, 2, 0, 1, 2}));
    EXPECT_EQ(numbers(run(Op::kIota, {}, AxesAttr{{0}}, {t, {2, 2}})), (Numbers{0, 0, 1, 1}));
  }
  EXPECT_THROW(run(Op::kIota, {}, AxesAttr{{0}}, {DType::kBool, {2}}), UserError);
  EXPECT_THROW(run(Op::kIota, {}, AxesAttr{{0}}, {DType::kF64, {}}), UserError);
}

TEST(Leaves, ParametersAndConstants) {
  Builder b("f");
  const Value x = b.param({DType::kF64, {2}}, "x"), y = b.param({DType::kI32, {}}, "y");
  const Value c = b.constant(Tensor::of<bool>(Shape{2}, {true, false}));
  const FunctionPtr f = b.finish({c, y, x, x});
  const auto out = evaluate(*f, std::vector{counted({2}), Tensor::scalar_of<std::int32_t>(5)});
  ASSERT_EQ(out.size(), 4u);
  EXPECT_EQ(numbers(out[0]), (Numbers{1, 0}));
  EXPECT_EQ(numbers(out[1]), (Numbers{5}));
  EXPECT_EQ(numbers(out[2]), (Numbers{0, 1}));
  EXPECT_EQ(numbers(out[3]), (Numbers{0, 1}));
}

// --- indexed access

TEST(IndexOps, GatherClampsEveryIntegerType) {
  const Tensor x = counted({4});
  EXPECT_EQ(numbers(run(Op::kGather, {x, Tensor::of<std::int64_t>({4}, {-5, 2, 3, 99})})),
            (Numbers{0, 2, 3, 3}));
  EXPECT_EQ(numbers(run(Op::kGather, {x, Tensor::of<std::int32_t>({2}, {INT32_MIN, INT32_MAX})})),
            (Numbers{0, 3}));
  EXPECT_EQ(numbers(run(Op::kGather, {x, Tensor::of<std::uint32_t>({2}, {1, UINT32_MAX})})),
            (Numbers{1, 3}));
  EXPECT_EQ(numbers(run(Op::kGather, {x, Tensor::of<std::uint64_t>({2}, {1, UINT64_MAX})})),
            (Numbers{1, 3}));
}

TEST(IndexOps, GatherRowsAndElements) {
  const Tensor x = counted({3, 4});
  const Tensor i = Tensor::of<std::int64_t>({2, 1}, {2, 0});
  const Tensor rows = run(Op::kGather, {x, i});
  EXPECT_EQ(rows.type().shape, (Shape{2, 1, 4}));
  EXPECT_EQ(numbers(rows), (Numbers{8, 9, 10, 11, 0, 1, 2, 3}));
  const Tensor j = Tensor::of<std::int32_t>({2, 1}, {1, 3});
  EXPECT_EQ(numbers(run(Op::kGather, {x, i, j})), (Numbers{9, 3}));
  EXPECT_EQ(numbers(run(Op::kGather, {x, Tensor::scalar_of<std::int64_t>(1)})),
            (Numbers{4, 5, 6, 7}));
  EXPECT_THROW(run(Op::kGather, {Tensor(Type{DType::kF64, {0}}), i}), UserError);
  EXPECT_THROW(run(Op::kGather, {x, Tensor::scalar_of(1.0)}), UserError);
}

TEST(IndexOps, ScatterAddIsInOrder) {
  // Three updates meet in one slot: the sum is taken in order, which shows in the bits.
  const Tensor x = Tensor::of<double>({2}, {1e16, 0});
  const Tensor i = Tensor::of<std::int64_t>({4}, {0, 0, 5, 0});
  const Tensor u = Tensor::of<double>({4}, {1, 1, 7, -1e16});
  EXPECT_EQ(numbers(run(Op::kScatterAdd, {x, u, i})), (Numbers{((1e16 + 1) + 1) - 1e16, 7}));
  const Tensor rows = run(Op::kScatterAdd, {counted({2, 2}), counted({3, 2}),
                                            Tensor::of<std::int32_t>({3}, {1, -1, 1})});
  EXPECT_EQ(numbers(rows), (Numbers{0 + 2, 1 + 3, 2 + 0 + 4, 3 + 1 + 5}));
  const Tensor wrap = run(Op::kScatterAdd,
                          {Tensor::of<std::int32_t>({1}, {INT32_MAX}),
                           Tensor::of<std::int32_t>({1}, {1}), Tensor::of<std::int32_t>({1}, {0})});
  EXPECT_EQ(wrap.integer(0), INT32_MIN);
}

TEST(IndexOps, ScatterSetLastWriteWins) {
  const Tensor i = Tensor::of<std::int64_t>({3}, {1, 2, 1});
  EXPECT_EQ(numbers(run(Op::kScatterSet, {counted({4}), Tensor::of<double>({3}, {5, 6, 7}), i})),
            (Numbers{0, 7, 6, 3}));
  const Tensor j = Tensor::of<std::int64_t>({3}, {0, 1, 9});
  EXPECT_EQ(
      numbers(run(Op::kScatterSet, {counted({3, 2}), Tensor::of<double>({3}, {10, 20, 30}), i, j})),
      (Numbers{0, 1, 10, 30, 4, 20}));
}

// --- contraction

template <class T>
void check_matrix_product(std::int64_t n, std::int64_t m, std::int64_t l) {
  const auto x = rough_numbers<T>(n * m, 5), y = rough_numbers<T>(m * l, 6);
  const Tensor got = run(Op::kDotGeneral, {tensor<T>(Shape{n, m}, x), tensor<T>(Shape{m, l}, y)},
                         DotAttr{{}, {}, {1}, {0}});
  ASSERT_EQ(got.type().shape, (Shape{n, l}));
  for (std::int64_t i = 0; i < n; ++i) {
    for (std::int64_t k = 0; k < l; ++k) {
      const auto xy = [&](std::int64_t j) {
        return std::pair{x[static_cast<std::size_t>(i * m + j)],
                         y[static_cast<std::size_t>(j * l + k)]};
      };
      const auto fused = [](T a, T b, T c) {
        if constexpr (std::is_floating_point_v<T>)
          return std::fma(a, b, c);
        else
          return static_cast<T>(std::make_unsigned_t<T>(a) * std::make_unsigned_t<T>(b) +
                                std::make_unsigned_t<T>(c));
      };
      // Partial sums by fma from a rounded first product, then joined like a sum's; short ones of
      // a product of matrices in one chain.
      T want = 0;
      const std::int64_t lanes = m <= 16 ? 1 : 8;
      std::vector<T> part;
      for (std::int64_t j = 0; j < m; ++j) {
        const auto [a, b] = xy(j);
        if (j < lanes)
          part.push_back(static_cast<T>(fused(a, b, T(-0.0))));
        else
          part[static_cast<std::size_t>(j % lanes)] =
              fused(a, b, part[static_cast<std::size_t>(j % lanes)]);
      }
      if (lanes == 1 && m > 0) want = part[0];
      if (lanes == 8) {
        const auto plus = [](T a, T b) { return joined<T>(Op::kReduceSum, a, b); };
        want = plus(plus(plus(part[0], part[4]), plus(part[2], part[6])),
                    plus(plus(part[1], part[5]), plus(part[3], part[7])));
      }
      EXPECT_EQ(got.as<T>()[static_cast<std::size_t>(i * l + k)], want);
    }
  }
}

TEST(DotGeneral, MatrixProduct) {
  for (std::int64_t m : {0, 1, 2, 8, 9, 16, 17, 20, 100}) {
    check_matrix_product<double>(3, m, 2);
    check_matrix_product<float>(2, m, 3);
    check_matrix_product<std::int64_t>(2, m, 2);
    check_matrix_product<std::uint32_t>(2, m, 2);
  }
}

TEST(DotGeneral, WithAVectorHasPartialSums) {
  const auto x = rough_numbers<double>(2 * 16, 5), y = rough_numbers<double>(16, 6);
  double p[8];
  for (std::size_t k = 0; k < 8; ++k) p[k] = std::fma(x[k + 8], y[k + 8], x[k] * y[k]);
  const double want = ((p[0] + p[4]) + (p[2] + p[6])) + ((p[1] + p[5]) + (p[3] + p[7]));
  const Tensor m = tensor<double>({2, 16}, x), v = tensor<double>({16}, y);
  EXPECT_EQ(run(Op::kDotGeneral, {m, v}, DotAttr{{}, {}, {1}, {0}}).real(0), want);
  EXPECT_EQ(run(Op::kDotGeneral, {v, m}, DotAttr{{}, {}, {0}, {1}}).real(0), want);
}

TEST(DotGeneral, BatchAxesFirst) {
  // x [2,3,4] and y [4,2,5], batch over 2, contract over 4: result [2,3,5].
  const Tensor x = counted({2, 3, 4}), y = counted({4, 2, 5});
  const Tensor got = run(Op::kDotGeneral, {x, y}, DotAttr{{0}, {1}, {2}, {0}});
  ASSERT_EQ(got.type().shape, (Shape{2, 3, 5}));
  for (int b = 0; b < 2; ++b) {
    for (int i = 0; i < 3; ++i) {
      for (int k = 0; k < 5; ++k) {
        double want = 0;
        for (int j = 0; j < 4; ++j) want += (12 * b + 4 * i + j) * (10.0 * j + 5 * b + k);
        EXPECT_EQ(got.real(15 * b + 5 * i + k), want);
      }
    }
  }
  // Two contracted axes, named in another order in y, and an outer product.
  const Tensor two =
      run(Op::kDotGeneral, {counted({2, 3}), counted({3, 2})}, DotAttr{{}, {}, {0, 1}, {1, 0}});
  EXPECT_EQ(two.real(0), 0 * 0 + 1 * 2 + 2 * 4 + 3 * 1 + 4 * 3 + 5 * 5);
  EXPECT_EQ(numbers(run(Op::kDotGeneral, {counted({2}), counted({3})}, DotAttr{})),
            (Numbers{0, 0, 0, 0, 1, 2}));
}

TEST(DotGeneral, FirstProductKeepsItsSign) {
  // One product of -0: fma(-1, 0, +0) would give +0.
  const Tensor got =
      run(Op::kDotGeneral, {Tensor::of<double>({1}, {-1}), Tensor::of<double>({1}, {0})},
          DotAttr{{}, {}, {0}, {0}});
  EXPECT_TRUE(std::signbit(got.real(0)));
}

TEST(DotGeneral, BlocksOfALongOne) {
  const std::int64_t n = 10000;
  const auto x = rough_numbers<double>(n, 8), y = rough_numbers<double>(n, 9);
  std::vector<double> blocks;
  for (std::size_t b = 0; b < static_cast<std::size_t>(n); b += 4096) {
    const std::size_t end = std::min<std::size_t>(b + 4096, static_cast<std::size_t>(n));
    double p[8];
    for (std::size_t k = b; k < end; ++k) {
      double& q = p[(k - b) % 8];
      q = k - b < 8 ? x[k] * y[k] : std::fma(x[k], y[k], q);
    }
    blocks.push_back(((p[0] + p[4]) + (p[2] + p[6])) + ((p[1] + p[5]) + (p[3] + p[7])));
  }
  const double want = (blocks[0] + blocks[1]) + blocks[2];
  const Tensor got = run(Op::kDotGeneral, {tensor<double>({n}, x), tensor<double>({n}, y)},
                         DotAttr{{}, {}, {0}, {0}});
  EXPECT_EQ(static_cast<double>(got.real(0)), want);
}

}  // namespace

std::set<Op> structural_ops_tested() {
  return {Op::kReduceSum,  Op::kReduceProd, Op::kReduceMin,  Op::kReduceMax, Op::kReshape,
          Op::kTranspose,  Op::kBroadcast,  Op::kSlice,      Op::kPad,       Op::kConcatenate,
          Op::kReverse,    Op::kIota,       Op::kParameter,  Op::kConstant,  Op::kGather,
          Op::kScatterAdd, Op::kScatterSet, Op::kDotGeneral, Op::kFft};
}

}  // namespace cotangent::ir::testing
