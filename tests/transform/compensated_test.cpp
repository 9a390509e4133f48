// Error-free transformations are exact identities; double-single arithmetic is held to its stated
// error against f64.
#include "cotangent/transform/compensated.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>

#include "cotangent/ir/evaluator.h"
#include "cotangent/ir/splitmix.h"
#include "cotangent/transform/derivatives.h"
#include "cotangent/transform/passes.h"

namespace cotangent::transform {
namespace {

using namespace ir;

const Type kSingle = scalar(DType::kF32);

/// Random numbers of very different sizes.
float any(SplitMix& random) {
  const double x = std::ldexp(random.unit() - 0.5, static_cast<int>(random.between(-12, 12)));
  return static_cast<float>(x);
}

TEST(Compensated, SumsAndProductsComeWithTheirExactErrors) {
  Builder b("f");
  const Value x = b.param(kSingle), y = b.param(kSingle);
  const Compensated sum = two_sum(b, x, y), product = two_product(b, x, y);
  const FunctionPtr f = run_passes(b.finish({sum.value, sum.error, product.value, product.error}));
  SplitMix random(3);
  for (int n = 0; n < 2000; ++n) {
    const float p = any(random), q = any(random);
    const auto r = evaluate(*f, std::array{Tensor::scalar_of(p), Tensor::scalar_of(q)});
    const auto at = [&](int k) {
      return static_cast<double>(r[static_cast<std::size_t>(k)].real(0));
    };
    EXPECT_EQ(at(0) + at(1), static_cast<double>(p) + q);
    EXPECT_EQ(at(2) + at(3), static_cast<double>(p) * q);
  }
}

/// n times x += h r from x = 1, h r an exact product: plainly and compensated.
struct Drift {
  double plain, compensated;
};
Drift drift_of_sums(std::int64_t n) {
  Builder body("step");
  body.param(scalar(DType::kI64));
  const Value x = body.param(kSingle), e = body.param(kSingle), y = body.param(kSingle);
  const Value h = body.constant(1.0 / 1024, DType::kF32), rate = body.constant(0.7, DType::kF32);
  const Compensated next = compensated_update(body, {x, e}, h, rate);
  LoopAttr loop;
  loop.trip = n;
  loop.carries = 3;
  loop.body = body.finish({next.value, next.error, body.fma(h, rate, y)});
  Builder b("sums");
  const Value one = b.constant(1, DType::kF32), zero = b.constant(0, DType::kF32);
  const auto r = evaluate(*run_passes(b.finish(b.loop(loop, std::array{one, zero, one}))), {});
  const double right = 1 + static_cast<double>(n) / 1024 * static_cast<double>(0.7f);
  return {std::fabs(static_cast<double>(r[2].real(0)) - right) / right,
          std::fabs(static_cast<double>(r[0].real(0) + r[1].real(0)) - right) / right};
}

TEST(Compensated, ALongSumKeepsItsDigits) {
  const Drift d = drift_of_sums(200000);
  EXPECT_GT(d.plain, 1e-5);        // the control
  EXPECT_LT(d.compensated, 1e-9);  // each increment is rounded to 24 bits once
}

/// One update of random states by random steps, many of them longer than the state, against the
/// exact sum in long double (64 bits hold it: all numbers are f32 of sizes near 1).
TEST(Compensated, AScaleThatIsAPairIsUsedWhole) {
  Builder b("f");
  const Value x = b.param(kSingle), e = b.param(kSingle), h = b.param(kSingle),
              l = b.param(kSingle);
  const Value r = b.param(kSingle), s = b.param(kSingle);
  const Compensated pair = compensated_update(b, {x, e}, Compensated{h, l}, Compensated{r, s});
  const FunctionPtr f = run_passes(b.finish({pair.value, pair.error}));
  SplitMix random(11);
  for (int n = 0; n < 2000; ++n) {
    const auto split = [&](double size) {
      const double v = (random.unit() - 0.5) * size;
      const auto high = static_cast<float>(v);
      return std::array{high, static_cast<float>(v - static_cast<double>(high))};
    };
    const auto state = split(n % 2 == 0 ? 2.0 : 1e-3), scale = split(0.02), rate = split(4.0);
    const auto out =
        evaluate(*f, std::array{Tensor::scalar_of(state[0]), Tensor::scalar_of(state[1]),
                                Tensor::scalar_of(scale[0]), Tensor::scalar_of(scale[1]),
                                Tensor::scalar_of(rate[0]), Tensor::scalar_of(rate[1])});
    const auto whole = [](const std::array<float, 2>& v) {
      return static_cast<long double>(v[0]) + static_cast<long double>(v[1]);
    };
    const long double step = whole(scale) * whole(rate), want = whole(state) + step;
    EXPECT_LE(std::fabs(out[0].real(0) + out[1].real(0) - want),
              std::ldexp(std::fabs(whole(state)) + std::fabs(step), -45))
        << n;
  }
}

/// A function of f64, and the same in pairs of f32, on the same numbers.
double worst_error(const FunctionPtr& f, std::uint64_t seed) {
  const FunctionPtr g = run_passes(in_double_single(*f));
  SplitMix random(seed);
  std::vector<Tensor> wide, narrow;
  for (std::size_t k = 0; k < f->params().size(); ++k) {
    const Type t = f->param_type(k);
    Tensor x(t), high(t.with_dtype(DType::kF32)), low(t.with_dtype(DType::kF32));
    for (std::int64_t n = 0; n < t.size(); ++n) {
      const double v = random.unit() * 2 - 0.8;
      const auto h = static_cast<float>(v);
      const auto l = static_cast<float>(v - static_cast<double>(h));
      high.set_real(n, h), low.set_real(n, l);
      x.set_real(n, static_cast<double>(h) + static_cast<double>(l));
    }
    wide.push_back(x), narrow.push_back(high), narrow.push_back(low);
  }
  const auto want = evaluate(*f, wide);
  const auto got = evaluate(*g, narrow);
  double worst = 0;
  for (std::size_t r = 0; r < want.size(); ++r) {
    double scale = 1e-300;
    for (std::int64_t n = 0; n < want[r].size(); ++n)
      scale = std::max(scale, std::fabs(static_cast<double>(want[r].real(n))));
    for (std::int64_t n = 0; n < want[r].size(); ++n) {
      const long double pair = got[2 * r].real(n) + got[2 * r + 1].real(n);
      worst = std::max(worst, static_cast<double>(std::fabs(pair - want[r].real(n))) / scale);
    }
  }
  return worst;
}

TEST(DoubleSingle, ArithmeticHolds45Bits) {
  for (std::uint64_t seed = 1; seed < 20; ++seed) {
    Builder b("f");
    const Type t{DType::kF64, Shape{13}};
    const Value x = b.param(t), y = b.param(t);
    const Value far = b.add(b.mul(y, y), b.splat(1.0 / 3, t));
    const Value root = b.unary(Op::kSqrt, far);
    EXPECT_LT(worst_error(b.finish({b.add(x, y), b.sub(x, y), b.mul(x, y), b.div(x, far), root,
                                    b.unary(Op::kRsqrt, far), b.fma(x, y, far),
                                    b.unary(Op::kAbs, x), b.binary(Op::kMax, x, y)}),
                          seed),
              3e-14);
  }
}

TEST(DoubleSingle, ReductionsAndProductsOfMatrices) {
  Builder b("f");
  const Value x = b.param({DType::kF64, Shape{5, 7}}), y = b.param({DType::kF64, Shape{7, 3}});
  DotAttr dot;
  dot.contract_x = {1}, dot.contract_y = {0};
  EXPECT_LT(worst_error(b.finish({b.reduce_sum(x), b.reduce_sum(x, {0}), b.dot_general(x, y, dot),
                                  b.reduce(Op::kReduceMax, x, {1}),
                                  b.reverse(b.transpose(x, {1, 0}), {0})}),
                        5),
            3e-14);
}

/// Gravity of a few bodies: the gradient of a pair sum, as mechanics makes it.
TEST(DoubleSingle, ForcesOfPairs) {
  for (PairKind kind : {PairKind::kLess, PairKind::kUnequal}) {
    Builder pair("pair");
    pair.param(scalar(DType::kI64)), pair.param(scalar(DType::kI64));
    const Type point{DType::kF64, Shape{3}};
    const Value p = pair.param(point), q = pair.param(point);
    const Value d = pair.sub(p, q);
    const Value r2 = pair.add(pair.dot(d, d), pair.constant(0.05));
    PairAttr attr;
    attr.count = 5;
    attr.kind = kind;
    attr.rows_i = attr.rows_j = 1;
    attr.roles = {Role::kTotal};
    attr.body = pair.finish({pair.div(pair.constant(-1), pair.unary(Op::kSqrt, r2))});
    Builder b("energy");
    const Value x = b.param({DType::kF64, Shape{5, 3}});
    const FunctionPtr energy = b.finish(b.pair_sum(attr, std::array{x, x}));
    EXPECT_LT(worst_error(energy, 7), 1e-13);
    EXPECT_LT(worst_error(simplify(*grad(*energy, {0})), 8), 1e-13);
  }
}

TEST(DoubleSingle, LoopsAndMapsCarryBothParts) {
  Builder body("step");
  body.param(scalar(DType::kI64));
  const Value x = body.param(scalar()), v = body.param(scalar());
  const Value h = body.constant(0.1);
  const Value w = body.sub(v, body.mul(h, x));
  LoopAttr loop;
  loop.trip = 50;
  loop.carries = 2;
  loop.every = {5};
  loop.body = body.finish({body.add(x, body.mul(h, w)), w, x});
  Builder one("one");
  one.param(scalar(DType::kI64));
  const Value x0 = one.param(scalar()), v0 = one.param(scalar());
  const auto out = one.loop(loop, std::array{x0, v0});
  MapAttr map;
  map.count = 4;
  map.rows = 2;
  map.roles = {Role::kStack, Role::kTotal, Role::kStack};
  map.body = one.finish(out);
  Builder b("batch");
  const Type t{DType::kF64, Shape{4}};
  const Value rows[] = {b.param(t), b.param(t)};
  EXPECT_LT(worst_error(b.finish(b.map(map, rows)), 9), 1e-13);
}

TEST(DoubleSingle, RefusesByName) {
  const auto refused = [](const char* name, const std::function<Value(Builder&)>& make) {
    Builder b("f");
    const FunctionPtr f = b.finish({make(b)});
    try {
      in_double_single(*f);
      ADD_FAILURE() << name;
    } catch (const UserError& error) {
      EXPECT_NE(std::string(error.what()).find("[" + std::string(name) + "]"), std::string::npos)
          << error.what();
    }
  };
  refused("sin", [](Builder& b) { return b.unary(Op::kSin, b.param(scalar())); });
  refused("cholesky", [](Builder& b) {
    const Value a = b.param({DType::kF64, Shape{3, 3}});
    return b.project(b.make(Op::kCholesky, std::array{a}, FactorAttr{}), 0);
  });
  refused("scatter_add", [](Builder& b) {
    const Value x = b.param({DType::kF64, Shape{4}}), u = b.param({DType::kF64, Shape{2}});
    const Value at[] = {b.iota({DType::kI64, Shape{2}}, 0)};
    return b.scatter_add(x, u, at);
  });
  refused("dot_general", [](Builder& b) {
    const Value x = b.param({DType::kF64, Shape{40, 40}});
    DotAttr dot;
    dot.contract_x = {1}, dot.contract_y = {0};
    return b.dot_general(x, x, dot);
  });
  refused("cast", [](Builder& b) { return b.cast(b.param(scalar()), DType::kI64); });
}

TEST(DoubleSingle, ARefusalShowsThePlace) {
  Builder row("row");
  row.param(scalar(DType::kI64));
  const Value x = row.param(scalar());
  row.set_span({0, 12, 18});
  MapAttr map;
  map.count = 3;
  map.rows = 1;
  map.roles = {Role::kTotal};
  map.body = row.finish({row.unary(Op::kCos, x)});
  Builder b("f");
  const FunctionPtr f = b.finish(b.map(map, std::array{b.param({DType::kF64, Shape{3}})}));
  try {
    in_double_single(*f, [](SourceSpan span) { return "at " + std::to_string(span.begin); });
    FAIL();
  } catch (const UserError& error) {
    EXPECT_EQ(error.parts().where, "at 12");
  }
}

}  // namespace
}  // namespace cotangent::transform
