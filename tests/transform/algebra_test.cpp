// Proofs by algebra: what is equal over the reals has the same normal form; what is not, has not.
#include "cotangent/transform/algebra.h"

#include "tests/transform/support.h"

namespace cotangent::transform {
namespace {

using Build = Value (*)(Builder&, Value x, Value y, Value z);

bool equal(Build left, Build right) {
  Algebra algebra;
  std::vector<Algebra::Elements> variables = {
      {algebra.atom("x")}, {algebra.atom("y")}, {algebra.atom("z")}};
  const auto value = [&](Build build) {
    Builder b("f");
    const Value x = b.param(scalar()), y = b.param(scalar()), z = b.param(scalar());
    return (*algebra.interpret(*b.finish({build(b, x, y, z)}), variables))[0][0];
  };
  return algebra.is_zero(algebra.sub(value(left), value(right)));
}

TEST(Algebra, Identities) {
  EXPECT_TRUE(
      equal([](Builder& b, Value x, Value y, Value) { return b.mul(b.add(x, y), b.sub(x, y)); },
            [](Builder& b, Value x, Value y, Value) { return b.sub(b.mul(x, x), b.mul(y, y)); }));
  EXPECT_TRUE(equal(
      [](Builder& b, Value x, Value y, Value) {
        const Value r = b.unary(Op::kSqrt, b.add(b.mul(x, x), b.mul(y, y)));
        return b.div(b.constant(1), b.mul(r, r));
      },
      [](Builder& b, Value x, Value y, Value) {
        return b.div(b.constant(1), b.add(b.mul(x, x), b.mul(y, y)));
      }));
  EXPECT_TRUE(equal([](Builder& b, Value x, Value y,
                       Value z) { return b.mul(z, b.unary(Op::kCos, b.sub(x, y))); },
                    [](Builder& b, Value x, Value y, Value z) {
                      return b.mul(b.unary(Op::kCos, b.sub(y, x)), z);
                    }));
  EXPECT_TRUE(equal(
      [](Builder& b, Value x, Value y, Value) { return b.unary(Op::kSin, b.sub(x, y)); },
      [](Builder& b, Value x, Value y, Value) { return b.neg(b.unary(Op::kSin, b.sub(y, x))); }));
  EXPECT_TRUE(equal(
      [](Builder& b, Value x, Value y, Value z) { return b.select(b.lt(x, y), z, b.constant(0)); },
      [](Builder& b, Value x, Value y, Value z) {
        return b.select(b.ge(x, y), b.constant(0), z);
      }));
  EXPECT_TRUE(equal(
      [](Builder& b, Value x, Value y, Value) { return b.mul(b.constant(0.1), b.mul(x, y)); },
      [](Builder& b, Value x, Value y, Value) { return b.mul(y, b.mul(x, b.constant(0.1))); }));
  EXPECT_TRUE(
      equal([](Builder& b, Value x, Value, Value) { return b.binary(Op::kPow, x, b.constant(-3)); },
            [](Builder& b, Value x, Value, Value) {
              return b.div(b.div(b.constant(1), x), b.mul(x, x));
            }));
  EXPECT_TRUE(equal([](Builder& b, Value x, Value y,
                       Value) { return b.div(b.mul(x, y), b.mul(b.constant(2), y)); },
                    [](Builder& b, Value x, Value, Value) { return b.mul(b.constant(0.5), x); }));
}

TEST(Algebra, DifferencesStay) {
  EXPECT_FALSE(equal([](Builder& b, Value x, Value y, Value) { return b.sub(x, y); },
                     [](Builder& b, Value x, Value y, Value) { return b.sub(y, x); }));
  EXPECT_FALSE(
      equal([](Builder& b, Value x, Value y, Value) { return b.unary(Op::kExp, b.sub(x, y)); },
            [](Builder& b, Value x, Value y, Value) { return b.unary(Op::kExp, b.sub(y, x)); }));
  EXPECT_FALSE(equal([](Builder& b, Value x, Value, Value) { return b.unary(Op::kAbs, x); },
                     [](Builder&, Value x, Value, Value) { return x; }));
  EXPECT_FALSE(equal([](Builder& b, Value x, Value, Value) { return b.mul(x, b.constant(0.1)); },
                     [](Builder& b, Value x, Value, Value) { return b.mul(x, b.constant(0.2)); }));
  // Infinities are nothing to calculate with.
  EXPECT_FALSE(
      equal([](Builder& b, Value x, Value, Value) { return b.add(x, b.constant(INFINITY)); },
            [](Builder& b, Value x, Value, Value) { return b.add(x, b.constant(INFINITY)); }));
}

TEST(Algebra, GivesUpInsteadOfHanging) {
  Builder b("power");
  const Value x = b.param(Type{DType::kF64, Shape{12}});
  Value s = b.reduce_sum(x);
  for (int k = 0; k < 6; ++k) s = b.mul(s, s);  // 12 variables to the power 64
  const FunctionPtr f = b.finish({s});
  Algebra algebra;
  Algebra::Elements atoms;
  for (int k = 0; k < 12; ++k) atoms.push_back(algebra.atom("x" + std::to_string(k)));
  const std::vector<Algebra::Elements> arguments{atoms};
  EXPECT_FALSE(algebra.interpret(*f, arguments).has_value());
}

TEST(Algebra, Text) {
  Algebra algebra;
  const auto x = algebra.atom("x"), y = algebra.atom("y");
  const auto e = algebra.sub(algebra.mul(x, algebra.mul(x, y)), algebra.number(2));
  EXPECT_EQ(algebra.text(e), "-2 + x^2*y");
  EXPECT_EQ(algebra.text(algebra.sub(x, x)), "0");
}

TEST(Algebra, InterpretsStructure) {
  // Shapes, reductions, gathers and products of random small arrays, against the evaluator: every
  // element is a polynomial in the inputs, so interpreting at numbers must give numbers.
  Builder b("f");
  const Value x = b.param(Type{DType::kF64, Shape{3, 4}}),
              y = b.param(Type{DType::kF64, Shape{4, 2}});
  const Value p = b.dot_general(x, y, DotAttr{{}, {}, {1}, {0}});
  const Value t = b.transpose(x, {1, 0});
  const Value index = b.constant(Tensor::of<std::int64_t>(Shape{3}, {3, 0, 7}));
  const Value parts[] = {b.gather(t, index), b.reverse(b.slice(t, {0, 0}, {3, 3}, {2, 1}), {1})};
  const Value joined = b.concatenate(parts, 0);
  const Value padded = b.pad(p, b.constant(0.5), {1, 0}, {0, 1}, {0, 1});
  const Value twice = b.constant(Tensor::of<std::int64_t>(Shape{2}, {0, 0}));
  const Value set = b.scatter_set(padded, b.slice_rows(padded, 1, 3), std::span(&twice, 1));
  const FunctionPtr f = b.finish({p, joined, set, b.reduce_sum(joined, {0})});
  Tensors numbers;
  std::vector<Algebra::Elements> arguments;
  Algebra algebra;
  for (std::size_t k = 0; k < 2; ++k) {
    Tensor tensor(f->param_type(k));
    Algebra::Elements elements;
    for (std::int64_t e = 0; e < tensor.size(); ++e) {
      const double value = static_cast<double>((e * 7 + 3) % 11) / 4 - 1;
      tensor.set_real(e, value);
      elements.push_back(algebra.number(value));
    }
    numbers.push_back(tensor);
    arguments.push_back(elements);
  }
  const Tensors expected = evaluate(*f, numbers);
  const auto got = *algebra.interpret(*f, arguments);
  for (std::size_t r = 0; r < expected.size(); ++r) {
    for (std::int64_t e = 0; e < expected[r].size(); ++e) {
      const auto value = algebra.number(static_cast<double>(expected[r].real(e)));
      EXPECT_TRUE(algebra.is_zero(algebra.sub(got[r][static_cast<std::size_t>(e)], value)))
          << r << " " << e << ": " << algebra.text(got[r][static_cast<std::size_t>(e)]);
    }
  }
}

// A polynomial in free variables is zero everywhere or nearly nowhere.
TEST(Algebra, WhatIsSurelyNotZero) {
  const auto surely = [](Build build) {
    Algebra algebra;
    const std::vector<Algebra::Elements> variables = {
        {algebra.atom("x")}, {algebra.atom("y")}, {algebra.atom("z")}};
    Builder b("f");
    const Value x = b.param(scalar()), y = b.param(scalar()), z = b.param(scalar());
    const auto f = b.finish({build(b, x, y, z)});
    return algebra.surely_not_zero((*algebra.interpret(*f, variables))[0][0]);
  };
  // (x + 1e-20 z) - x
  EXPECT_TRUE(surely([](Builder& b, Value x, Value, Value z) {
    return b.sub(b.add(x, b.mul(b.constant(1e-20), z)), x);
  }));
  EXPECT_FALSE(surely([](Builder& b, Value x, Value y, Value) {
    return b.sub(b.mul(b.add(x, y), b.add(x, y)),
                 b.add(b.mul(x, b.add(x, y)), b.mul(b.add(x, y), y)));
  }));
  // Three tenths are as the constants are rounded.
  EXPECT_FALSE(surely([](Builder& b, Value x, Value, Value) {
    return b.sub(b.add(b.mul(b.constant(0.1), x), b.mul(b.constant(0.2), x)),
                 b.mul(b.constant(0.3), x));
  }));
  // Identities of functions are not all known.
  EXPECT_FALSE(surely([](Builder& b, Value x, Value, Value) {
    const Value s = b.unary(Op::kSin, x), c = b.unary(Op::kCos, x);
    return b.sub(b.add(b.mul(s, s), b.mul(c, c)), b.constant(1));
  }));
  EXPECT_TRUE(surely([](Builder& b, Value x, Value, Value) {
    return b.sub(b.div(x, b.constant(3)), b.mul(x, b.constant(0.25)));
  }));
}

}  // namespace
}  // namespace cotangent::transform
