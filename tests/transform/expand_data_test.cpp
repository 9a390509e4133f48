// What random_bits, sort, argsort and cumulative_sum become computes what they do, bit for bit.
#include "cotangent/ir/philox.h"
#include "tests/transform/support.h"

namespace cotangent::transform {
namespace {

bool holds(const Function& f, OpKind kind) {
  return f.contains_op([kind](Op op) { return info(op).kind == kind; });
}

void expect_same(const Function& f, const Function& g, const Tensors& arguments,
                 const std::string& what) {
  const Tensors want = evaluate(f, arguments), got = evaluate(g, arguments);
  for (std::size_t r = 0; r < want.size(); ++r) {
    EXPECT_TRUE(want[r].same_bits(got[r])) << what << ", result " << r;
  }
}

TEST(ExpandRandom, GivesTheBits) {
  for (const Shape& shape : {Shape{}, Shape{1}, Shape{2}, Shape{3}, Shape{4}, Shape{5}, Shape{2, 7},
                             Shape{129}, Shape{3, 0}}) {
    for (DType t : {DType::kU32, DType::kU64}) {
      for (DType operands : {DType::kU32, DType::kU64}) {
        Builder b("f");
        const Value seed = b.param(scalar(operands)), member = b.param(scalar(operands));
        const Value step = b.param(scalar(operands));
        const FunctionPtr f = b.finish({b.random_bits(seed, member, step, 13, {t, shape})});
        Tensors arguments(3, Tensor(scalar(operands)));
        const std::uint64_t numbers[] = {0xfedcba9876543210, 0xabcdef0123456789, 0x1234567fffffff};
        for (std::size_t k = 0; k < 3; ++k) {
          arguments[k].set_integer(0, static_cast<std::int64_t>(numbers[k]));
        }
        for (const bool wide : {true, false}) {
          const FunctionPtr g = expand_random(*f, wide);
          verify(*g);
          EXPECT_FALSE(holds(*g, OpKind::kRandom));
          expect_same(*f, *g, arguments, f->result_type(0).text());
        }
      }
    }
  }
}

TEST(ExpandRandom, NarrowNeedsNoWideIntegers) {
  Builder b("f");
  const Value s = b.param(scalar(DType::kU32));
  const FunctionPtr f = b.finish({b.random_bits(s, s, s, 0, {DType::kU32, {9}})});
  const FunctionPtr g = expand_random(*f, false);
  for (std::uint32_t id = 0; id < g->size(); ++id) {
    EXPECT_NE(size_of(g->type(Value{id}).dtype), 8u) << print(*g);
  }
}

Tensor rough(const Type& type, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  Tensor t(type);
  const double special[] = {0.0, -0.0, HUGE_VAL, -HUGE_VAL, NAN, 1, -1, 1e-320};
  for (std::int64_t k = 0; k < t.size(); ++k) {
    if (!is_float(type.dtype)) {
      // Few different values, so that there are ties; and the ends of the range.
      const auto top = static_cast<std::int64_t>(random());
      t.set_integer(k, random() % 4 == 0 ? top : static_cast<std::int64_t>(random() % 9) - 4);
    } else if (random() % 4 == 0) {
      t.set_real(k, special[random() % 8]);
    } else {
      t.set_real(k, static_cast<double>(random() % 64) / 8 - 4);
    }
  }
  return t;
}

void check_scans(const Type& type, std::int64_t axis, std::uint64_t seed) {
  const Tensors x{rough(type, seed)};
  for (int which = 0; which < 4; ++which) {
    Builder b("f");
    const Value v = b.param(type);
    std::vector<Value> results;
    if (which == 0 || which == 2) results.push_back(b.sort(v, axis));
    if (which == 1 || which == 2) results.push_back(b.argsort(v, axis));
    if (which == 3) results.push_back(b.cumulative_sum(v, axis));
    const FunctionPtr f = b.finish(results);
    for (const bool wide : {true, false}) {
      const FunctionPtr g = expand_scans(*f, wide);
      verify(*g);
      EXPECT_FALSE(holds(*g, OpKind::kScan));
      expect_same(*f, *g, x,
                  type.text() + " axis " + std::to_string(axis) + " case " + std::to_string(which));
    }
  }
}

TEST(ExpandScans, EveryLength) {
  for (std::int64_t n = 0; n <= 40; ++n) check_scans({DType::kF64, {n}}, 0, 1);
  for (std::int64_t n : {63, 64, 65, 100, 127, 128, 129, 500}) {
    check_scans({DType::kF64, {n}}, 0, static_cast<std::uint64_t>(n));
  }
}

TEST(ExpandScans, EveryType) {
  for (DType t : {DType::kF32, DType::kF64, DType::kI32, DType::kI64, DType::kU32, DType::kU64}) {
    for (std::int64_t n : {7, 32, 70, 200}) check_scans({t, {n}}, 0, 5);
  }
}

TEST(ExpandScans, EveryAxis) {
  for (std::int64_t axis : {0, 1, 2}) {
    check_scans({DType::kF64, {3, 5, 2}}, axis, 7);
    check_scans({DType::kF32, {1, 7, 1}}, axis, 8);
    check_scans({DType::kI64, {3, 0, 2}}, axis, 9);
  }
  for (std::int64_t axis : {0, 1}) check_scans({DType::kF64, {3, 70}}, axis, 10);
  for (std::int64_t axis : {0, 1}) check_scans({DType::kF32, {40, 3}}, axis, 11);
}

// The running sum of a long array begins with the first element, whatever zero that is.
TEST(ExpandScans, ALongSumKeepsTheSignOfZero) {
  Builder b("f");
  const FunctionPtr f = b.finish({b.cumulative_sum(b.param({DType::kF64, {40}}), 0)});
  const Tensors x{filled({DType::kF64, {40}}, -0.0)};
  expect_same(*f, *expand_scans(*f), x, "-0");
  EXPECT_TRUE(std::signbit(evaluate(*f, x)[0].real(39)));
}

// 0-1 principle (Knuth, 5.3.4, theorem Z): a network that sorts all inputs of zeros and ones sorts.
TEST(ExpandScans, TheNetworkSortsZerosAndOnes) {
  for (std::int64_t n = 2; n <= 12; ++n) {
    const std::int64_t rows = std::int64_t{1} << n;
    Tensor x(Type{DType::kI32, {rows, n}});
    for (std::int64_t r = 0; r < rows; ++r) {
      for (std::int64_t k = 0; k < n; ++k) x.set_integer(r * n + k, (r >> k) & 1);
    }
    Builder b("f");
    const FunctionPtr f = b.finish({b.sort(b.param(x.type()), 1)});
    const Tensor y = evaluate(*expand_scans(*f), Tensors{x})[0];
    for (std::int64_t k = 1; k < y.size(); ++k) {
      if (k % n != 0) {
        EXPECT_LE(y.integer(k - 1), y.integer(k)) << n;
      }
    }
  }
}

// A pass over a long array is a loop: the program does not grow with the array.
TEST(ExpandScans, TheProgramStaysSmall) {
  const auto size = [](std::int64_t n) {
    Builder b("f");
    return expand_scans(*b.finish({b.argsort(b.param({DType::kF64, {n}}), 0)}))->total_size();
  };
  EXPECT_EQ(size((1 << 20) - 3), size(1000));
  EXPECT_LT(size(1000), 500u);
}

TEST(ExpandData, InsideBodiesAndInTheStandardList) {
  Builder body("row");
  body.param(scalar(DType::kI64));
  const Value x = body.param({DType::kF64, {9}});
  const Value s = body.constant(3, DType::kU64);
  const Value r = body.random_bits(s, s, s, 2, {DType::kU32, {9}});
  MapAttr attr{4, 1, {Role::kStack, Role::kStack, Role::kStack}, nullptr};
  attr.body = body.finish({body.sort(x, 0), body.cumulative_sum(x, 0), r});
  Builder b("f");
  const Value all[] = {b.param({DType::kF64, {4, 9}})};
  const FunctionPtr f = b.finish(b.map(attr, all));
  const FunctionPtr g = run_passes(f);
  EXPECT_FALSE(holds(*g, OpKind::kScan) || holds(*g, OpKind::kRandom)) << print(*g);
  expect_same(*f, *g, {rough({DType::kF64, {4, 9}}, 3)}, "map");
}

// Simplification, and everything else before the expansion, leaves a draw its site.
TEST(ExpandData, SitesSurvivePasses) {
  Builder b("f");
  const Value seed = b.param(scalar(DType::kU64)), zero = b.constant(0, DType::kU64);
  const Type type{DType::kU32, {4}};
  const Value first = b.random_bits(seed, zero, zero, 5, type);
  const Value second = b.random_bits(seed, zero, zero, 6, type);
  const Value third = b.random_bits(seed, zero, zero, 5, type);
  const FunctionPtr f =
      b.finish({b.binary(Op::kXor, first, second), b.sub(b.add(first, second), third)});
  const FunctionPtr g = run_passes(f);
  const Tensors arguments{Tensor::scalar_of<std::uint64_t>(42)};
  expect_same(*f, *g, arguments, "two sites");
  const auto want = philox4x32({0, 0, 0, 6}, {42, 0});
  const Tensors got = evaluate(*g, arguments);
  for (std::size_t k = 0; k < 4; ++k) EXPECT_EQ(got[1].as<std::uint32_t>()[k], want[k]);
}

}  // namespace
}  // namespace cotangent::transform
