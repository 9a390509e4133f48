// Each pass alone keeps the evaluator's value: exact passes to the bit, the others within stated
// ulp.
#include "cotangent/ir/random_program.h"
#include "cotangent/transform/faults.h"
#include "cotangent/transform/rebuild.h"
#include "tests/transform/support.h"

namespace cotangent::transform {
namespace {

/// Largest difference over the results, relative to 1 + |value|; infinite where finiteness differs.
double difference_of(const Tensors& x, const Tensors& y) {
  double worst = 0;
  for (std::size_t r = 0; r < x.size(); ++r) {
    for (std::int64_t k = 0; k < x[r].size(); ++k) {
      const auto a = static_cast<double>(x[r].real(k)), b = static_cast<double>(y[r].real(k));
      if (std::isnan(a) && std::isnan(b)) continue;
      if (a == b) continue;
      worst = std::max(worst, std::fabs(a - b) / (1 + std::fabs(a)));
      if (!std::isfinite(a) || !std::isfinite(b)) worst = INFINITY;
    }
  }
  return worst;
}

TEST(Passes, SimplifyKeepsEveryBit) {
  for (std::uint64_t seed = 0; seed < 400; ++seed) {
    RandomProgramOptions options;
    options.nodes = 8 + static_cast<int>(seed % 20);
    options.fourier = true;
    const FunctionPtr f = random_program(seed, options);
    const FunctionPtr g = simplify(*f);
    verify(*g);
    verify(*hoist_rows(*f));
    verify(*fuse_rows(*f));
    verify(*join_rows(*f));
    for (bool special : {false, true}) {
      const Tensors x = random_arguments(*f, seed, special);
      const Tensors before = evaluate(*f, x), after = evaluate(*g, x);
      const Tensors hoisted = evaluate(*hoist_rows(*f), x), fused = evaluate(*fuse_rows(*f), x),
                    joined = evaluate(*join_rows(*f), x);
      for (std::size_t r = 0; r < before.size(); ++r) {
        ASSERT_TRUE(before[r].same_bits(after[r])) << "seed " << seed << "\n"
                                                   << print(*f) << print(*g);
        ASSERT_TRUE(before[r].same_bits(fused[r])) << "fuse_rows, seed " << seed << "\n"
                                                   << print(*f);
        ASSERT_TRUE(before[r].same_bits(joined[r])) << "join_rows, seed " << seed << "\n"
                                                    << print(*f);
        ASSERT_TRUE(before[r].same_bits(hoisted[r])) << "hoist_rows, seed " << seed << "\n"
                                                     << print(*f);
      }
    }
    EXPECT_TRUE(structurally_equal(*simplify(*g), *g)) << print(*g) << print(*simplify(*g));
  }
}

/// map -> cos(transpose(w y)) + c, read by rows along `axis` -> map.
FunctionPtr two_maps(int axis) {
  Builder b("two_maps");
  const Type table{DType::kF64, Shape{5, 3, 4}};
  const Value x = b.param(table), w = b.param(table), again = b.param(table);
  const auto map_of = [&](const Value& rows) {
    Builder body("row");
    body.param(scalar(DType::kI64));
    const Value row = body.param(row_of(b.type(rows)));
    MapAttr attr;
    attr.count = b.type(rows).shape[0];
    attr.rows = 1;
    attr.roles = {Role::kStack};
    attr.body = body.finish({body.mul(row, body.reverse(row, {0}))});
    return b.map(attr, std::array{rows})[0];
  };
  const Value y = b.mul(w, map_of(x));
  const Value turned = b.unary(Op::kCos, b.transpose(y, {2, 0, 1}));
  const Value sum = b.add(turned, b.transpose(again, {2, 0, 1}));
  const Value rows = axis == 0 ? b.transpose(sum, {1, 2, 0}) : sum;
  return b.finish({map_of(rows)});
}

TEST(Passes, FuseRowsMovesWhatStandsBetweenTwoMapsIntoTheSecond) {
  for (int axis : {0, 1}) {
    const FunctionPtr f = two_maps(axis);
    const FunctionPtr g = simplify(*fuse_rows(*f));
    verify(*g);
    int outside = 0;
    for (std::uint32_t id = 0; id < g->size(); ++id) outside += is_elementwise(g->op(Value{id}));
    EXPECT_EQ(outside, axis == 0 ? 0 : 3) << print(*g);  // other rows: nothing moves
    const Tensors x = random_arguments(*f, 7, true);
    EXPECT_TRUE(evaluate(*f, x)[0].same_bits(evaluate(*g, x)[0])) << print(*g);
  }
}

/// Of each row, its elements over their sum at that place, by a map inside the map; a second
/// result.
Values running(Builder& b, Value rows, Value factor) {
  const Type row_type = row_of(b.type(rows));
  Builder inner("element");
  inner.param(scalar(DType::kI64));
  const Value x = inner.param(scalar(DType::kF64)), all = inner.param(row_type);
  MapAttr each;
  each.count = row_type.shape[0];
  each.rows = 1;
  each.roles = {Role::kStack};
  each.body = inner.finish({inner.div(x, inner.add(inner.reduce_sum(all), x))});
  Builder body("row");
  const Value at = body.param(scalar(DType::kI64));
  const Value row = body.param(row_type), scale = body.param(b.type(factor));
  const Value made = body.map(each, std::array{row, row})[0];
  const Value shift = body.broadcast_to(body.cast(at, DType::kF64), row_type.shape);
  MapAttr attr;
  attr.count = b.type(rows).shape[0];
  attr.rows = 1;
  attr.roles = {Role::kStack, Role::kStack};
  attr.body = body.finish({body.mul(made, body.broadcast_to(scale, row_type.shape)), shift});
  return b.map(attr, std::array{rows, factor});
}

int maps_of(const Function& f) {
  int maps = 0;
  for (std::uint32_t id = 0; id < f.size(); ++id) maps += f.op(Value{id}) == Op::kMap;
  return maps;
}

TEST(Passes, JoinRowsMakesOneMapOfThoseOverTheSameRows) {
  enum { kChain, kTurned, kAlsoAResult, kReadWhole };
  for (int form : {kChain, kTurned, kAlsoAResult, kReadWhole}) {
    Builder b("chain");
    const Value x = b.param(Type{DType::kF64, Shape{64, 64}}), u = b.param(scalar(DType::kF64));
    const Values one = running(b, x, u);
    const Value between = form == kTurned ? b.transpose(one[0], {1, 0}) : one[0];
    const Values two = running(b, between, form == kReadWhole ? b.reduce_sum(one[0], {0, 1}) : u);
    Values results{running(b, two[0], u)[0], two[1]};
    if (form == kAlsoAResult) results.push_back(one[1]);
    const FunctionPtr f = b.finish(results);
    const FunctionPtr g = join_rows(*f);
    verify(*g);
    // two[1] is a result, so the second and the third stay apart.
    EXPECT_EQ(maps_of(*g), form == kChain ? 2 : 3) << print(*g);
    const Tensors in = random_arguments(*f, 7, true), want = evaluate(*f, in),
                  got = evaluate(*g, in);
    for (std::size_t r = 0; r < want.size(); ++r) EXPECT_TRUE(want[r].same_bits(got[r])) << r;
  }
  Builder b("three");
  const Value x = b.param(Type{DType::kF64, Shape{5, 70}}), u = b.param(scalar(DType::kF64));
  const Values one = running(b, x, u), two = running(b, one[0], u);
  const FunctionPtr f =
      b.finish({running(b, b.transpose(b.transpose(two[0], {1, 0}), {1, 0}), u)[0]});
  const FunctionPtr g = join_rows(*simplify(*f));
  EXPECT_EQ(maps_of(*g), 1) << print(*g);
  const Tensors in = random_arguments(*f, 9, true);
  EXPECT_TRUE(evaluate(*f, in)[0].same_bits(evaluate(*g, in)[0]));
}

TEST(Passes, SimplifyKeepsEveryBitOfDerivatives) {
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    RandomProgramOptions options;
    options.differentiable = true;
    const FunctionPtr f = random_program(seed, options);
    if (f->params().empty()) continue;
    const FunctionPtr once = grad(*f, {0});
    const Tensors x = random_arguments(*f, seed);
    const Tensors before = evaluate(*once, x), after = evaluate(*simplify(*once), x);
    ASSERT_TRUE(before[0].same_bits(after[0]));
  }
}

/// Programs of one domain where no cancellation hides or blows up the passes' roundings.
FunctionPtr smooth_program(std::uint64_t seed) {
  RandomProgramOptions options;
  options.differentiable = true;
  options.f32 = false;
  return random_program(seed, options);
}

/// As compile() gives it to the passes.
FunctionPtr exposed(const FunctionPtr& f) {
  return f->has_checks() ? expose_faults(*f).program : f;
}

TEST(Passes, InexactPassesStayClose) {
  struct Named {
    const char* name;
    FunctionPtr (*run)(const Function&);
  };
  const Named passes[] = {
      {"reduce_strength", reduce_strength}, {"contract", contract}, {"expand_math", expand_math}};
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    const FunctionPtr f = exposed(smooth_program(seed));
    const Tensors x = random_arguments(*f, seed);
    const Tensors before = evaluate(*f, x);
    EvaluateOptions extended;
    extended.extended = true;
    for (const Named& pass : passes) {
      const FunctionPtr g = pass.run(*f);
      verify(*g);
      EXPECT_LT(difference_of(before, evaluate(*g, x)), 1e-10)
          << pass.name << " seed " << seed << "\n"
          << print(*f) << print(*g);
    }
    std::vector<PassRecord> records;
    const FunctionPtr all = run_passes(f, {}, &records);
    verify(*all);
    EXPECT_EQ(records.size(), standard_passes().size());
    EXPECT_LT(difference_of(before, evaluate(*all, x)), 1e-10) << seed;
  }
}

TEST(Passes, GradientsSurviveThePasses) {
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    const FunctionPtr f = smooth_program(seed);
    if (f->params().empty()) continue;
    const FunctionPtr g = exposed(grad(*f, {0}));
    const Tensors x = random_arguments(*f, seed);
    EXPECT_LT(difference_of(evaluate(*g, x), evaluate(*run_passes(g), x)), 1e-9) << seed;
  }
}

TEST(Contract, OnlyProductsUsedOnce) {
  Builder b("f");
  const Value x = b.param(scalar()), y = b.param(scalar()), z = b.param(scalar());
  const Value once = b.mul(x, y), twice = b.mul(y, z);
  const FunctionPtr f = contract(*b.finish({b.add(once, z), b.sub(x, twice), twice}));
  int fmas = 0, products = 0;
  for (const Node& n : f->nodes()) {
    fmas += n.op == Op::kFma;
    products += n.op == Op::kMul;
  }
  EXPECT_EQ(fmas, 1);
  EXPECT_EQ(products, 1);
}

int count(const Function& f, Op op) {
  int n = 0;
  for (std::uint32_t id = 0; id < f.size(); ++id) {
    n += f.op(Value{id}) == op;
    if (const FunctionPtr body = body_of(f.attr(Value{id}))) n += count(*body, op);
  }
  return n;
}

/// Sum over i<j of e(q_i - q_j, m_i, m_j), its gradient at q.
FunctionPtr pair_gradient(Value (*energy)(Builder&, Value d, Value mi, Value mj)) {
  const Type vector{DType::kF64, Shape{3}};
  Builder body("pair");
  body.param(scalar(DType::kI64));
  body.param(scalar(DType::kI64));
  const Value qi = body.param(vector), mi = body.param(scalar());
  const Value qj = body.param(vector), mj = body.param(scalar());
  const Value d = body.sub(qi, qj);
  PairAttr attr{6, PairKind::kLess, 2, 2, {Role::kTotal}, nullptr};
  attr.body = body.finish({energy(body, d, mi, mj)});
  Builder b("energy");
  const Value q = b.param(Type{DType::kF64, Shape{6, 3}}), m = b.param(Type{DType::kF64, Shape{6}});
  const Value operands[] = {q, m, q, m};
  // A second term, so that the two halves do not stand alone.
  return grad(*b.finish({b.add(b.pair_sum(attr, operands)[0], b.reduce_sum(b.unary(Op::kSin, q)))}),
              {0});
}

TEST(ReduceStrength, PowersOfADistance) {
  // (6 e s^6 / r^7) (x/r) with r = sqrt(x x + y y): one square root, one division.
  Builder b("lj");
  const Value x = b.param(scalar()), y = b.param(scalar()), e = b.param(scalar());
  const Value r2 = b.add(b.mul(x, x), b.mul(y, y));
  const Value r = b.unary(Op::kSqrt, r2);
  const Value power = b.binary(Op::kPow, r, b.constant(7));
  const Value force = b.mul(b.div(b.mul(b.constant(6), e), power), b.div(x, r));
  const FunctionPtr f = b.finish({force});
  const FunctionPtr g = simplify(*reduce_strength(*f));
  EXPECT_EQ(count(*g, Op::kSqrt) + count(*g, Op::kRsqrt), 0) << print(*g);  // r^-8 = r2^-4
  EXPECT_EQ(count(*g, Op::kDiv), 1) << print(*g);
  EXPECT_EQ(count(*g, Op::kPow), 0);
  const Tensors at{number_of(1.25), number_of(-0.5), number_of(0.3)};
  const double before = static_cast<double>(evaluate(*f, at)[0].real(0));
  EXPECT_NEAR(static_cast<double>(evaluate(*g, at)[0].real(0)), before, 1e-14 * std::fabs(before));
}

TEST(ReduceStrength, LennardJonesForceIsMinimal) {
  const FunctionPtr f = pair_gradient([](Builder& b, Value d, Value, Value) {
    const Value r = b.unary(Op::kSqrt, b.dot(d, d)), one = b.constant(1);
    const Value far = b.div(one, b.binary(Op::kPow, r, b.constant(6)));
    const Value near = b.div(one, b.binary(Op::kPow, r, b.constant(12)));
    return b.mul(b.constant(4), b.sub(near, far));
  });
  FunctionPtr g = f;
  for (const Pass& pass : standard_passes()) g = pass.run(*g);
  for (std::uint32_t id = 0; id < g->size(); ++id) {
    if (g->op(Value{id}) != Op::kPairSum) continue;
    const Function& body = *body_of(g->attr(Value{id}));
    EXPECT_EQ(count(body, Op::kDiv), 1) << print(body);
    EXPECT_EQ(count(body, Op::kSqrt) + count(body, Op::kRsqrt) + count(body, Op::kSelect), 0);
    EXPECT_LE(count(body, Op::kMul) + count(body, Op::kFma),
              6);  // w^2, w^3, w^4, c + d w^3, *, times d
  }
  std::mt19937_64 random(4);
  const Tensors x{random_like(f->param_type(0), random), random_like(f->param_type(1), random)};
  const Tensors before = evaluate(*f, x), after = evaluate(*g, x);
  for (std::int64_t k = 0; k < before[0].size(); ++k) {
    EXPECT_NEAR(after[0].real(k) / before[0].real(k), 1, 1e-12);
  }
}

// 4/r^12 - 4/r^6: its second derivative along e is (672/r^16 - 192/r^10) (d.e) d + f'(r) e.
TEST(CollectPowers, DerivativesOfPowersAreFewPowers) {
  const FunctionPtr force = pair_gradient([](Builder& b, Value d, Value, Value) {
    const Value r2 = b.dot(d, d), four = b.constant(4);
    return b.sub(b.div(four, b.binary(Op::kPow, r2, b.constant(6))),
                 b.div(four, b.binary(Op::kPow, r2, b.constant(3))));
  });
  const FunctionPtr f = vjp(*force, {0});
  const FunctionPtr g = run_passes(f);
  int hessians = 0;
  for (std::uint32_t id = 0; id < g->size(); ++id) {
    if (g->op(Value{id}) != Op::kPairSum) continue;
    const Function& body = *body_of(g->attr(Value{id}));
    EXPECT_EQ(count(body, Op::kDiv), 1) << print(body);
    EXPECT_LE(count(body, Op::kMul) + count(body, Op::kFma), 16) << print(body);
    ++hessians;
  }
  EXPECT_EQ(hessians, 2);
  std::mt19937_64 random(4);
  Tensors x;
  for (Value p : f->params()) x.push_back(random_like(f->type(p), random));
  const Tensors before = evaluate(*f, x), after = evaluate(*g, x);
  for (std::size_t r = 0; r < before.size(); ++r) {
    for (std::int64_t k = 0; k < before[r].size(); ++k) {
      const long double size = 1e-3L * norm(before[r]) + std::fabs(before[r].real(k));
      EXPECT_NEAR(after[r].real(k), before[r].real(k), 1e-12 * size) << r;
    }
  }
}

TEST(CollectPowers, EveryRuleKeepsTheValue) {
  const auto energy = [](Builder& b, Value d, Value mi, Value) {
    const Value r2 = b.add(b.dot(d, d), b.constant(0.3)), r = b.unary(Op::kSqrt, r2);
    const Value a = b.div(mi, b.mul(r2, r)), c = b.neg(b.div(mi, b.mul(r2, b.mul(r2, r2))));
    const Value w = b.binary(Op::kPow, b.mul(r2, b.unary(Op::kRsqrt, r2)), b.constant(3));
    const Value twice = b.sub(b.add(a, c), b.add(c, b.sub(c, a)));  // 2a - c
    return b.mul(b.mul(twice, w), b.div(a, b.mul(w, a)));
  };
  Builder body("pair"), b("f");
  body.param(scalar(DType::kI64));
  body.param(scalar(DType::kI64));
  const Type point{DType::kF64, Shape{3}};
  const Value qi = body.param(point), mi = body.param(scalar());
  const Value qj = body.param(point), mj = body.param(scalar());
  PairAttr attr;
  attr.count = 5;
  attr.rows_i = attr.rows_j = 2;
  attr.roles = {Role::kTotal};
  attr.body = body.finish({energy(body, body.sub(qi, qj), mi, mj)});
  const Value q = b.param(point.with_shape(Shape{5, 3})), m = b.param({DType::kF64, Shape{5}});
  const Value operands[] = {q, m, q, m};
  const FunctionPtr f = b.finish(b.pair_sum(attr, operands)), g = collect_powers(*f);
  EXPECT_LT(g->total_size(), f->total_size()) << print(*g);
  std::mt19937_64 random(4);
  const Tensors x{random_like(f->param_type(0), random), random_like(f->param_type(1), random)};
  const Tensors before = evaluate(*f, x), after = evaluate(*g, x);
  EXPECT_NEAR(after[0].real(0), before[0].real(0), 1e-13 * std::fabs(before[0].real(0)));
}

// A ratio near 1 is not made of two powers that no f32 holds.
TEST(CollectPowers, RatiosStayRatios) {
  const FunctionPtr force = pair_gradient([](Builder& b, Value d, Value si, Value sj) {
    const Value s = b.mul(b.constant(0.5), b.add(si, sj)), q = b.div(b.mul(s, s), b.dot(d, d));
    return b.sub(b.binary(Op::kPow, q, b.constant(6)), b.binary(Op::kPow, q, b.constant(3)));
  });
  const FunctionPtr f = vjp(*force, {0}), g = run_passes(f);
  for (double size : {1e-50, 1e-12, 1.0, 1e12, 1e50}) {
    std::mt19937_64 random(4);
    Tensors x;
    for (Value p : f->params()) x.push_back(random_like(f->type(p), random));
    for (std::int64_t k = 0; k < x[0].size(); ++k) x[0].set_real(k, size * x[0].real(k));
    for (std::int64_t k = 0; k < x[1].size(); ++k) x[1].set_real(k, size * (2 + x[1].real(k)));
    const Tensors before = evaluate(*f, x), after = evaluate(*g, x);
    for (std::size_t r = 0; r < before.size(); ++r) {
      const auto norm_of = [](const Tensor& t) {
        long double most = 0;
        for (std::int64_t k = 0; k < t.size(); ++k) most = std::max(most, std::fabs(t.real(k)));
        return most;
      };
      for (std::int64_t k = 0; k < before[r].size(); ++k) {
        EXPECT_NEAR(after[r].real(k) / norm_of(before[r]), before[r].real(k) / norm_of(before[r]),
                    1e-13)
            << size;
      }
    }
  }
}

// The difference of two large numbers is taken first.
TEST(CollectPowers, DifferencesStayDifferences) {
  Builder body("pair"), b("f");
  body.param(scalar(DType::kI64));
  body.param(scalar(DType::kI64));
  const Value xi = body.param(scalar()), xj = body.param(scalar());
  const Value d = body.sub(xi, xj), s = body.add(body.mul(d, d), body.constant(0.3));
  const Value four = body.constant(4);
  PairAttr attr;
  attr.count = 4;
  attr.rows_i = attr.rows_j = 1;
  attr.roles = {Role::kTotal};
  attr.body = body.finish({body.sub(body.div(four, body.binary(Op::kPow, s, body.constant(6))),
                                    body.div(four, body.binary(Op::kPow, s, body.constant(3))))});
  const Value q = b.param({DType::kF64, Shape{4}});
  const Value operands[] = {q, q};
  const FunctionPtr energy = b.finish(b.pair_sum(attr, operands));
  const FunctionPtr f = hvp(*energy, {0}), g = run_passes(f);
  const Tensors x{vector_of({1e6, 1e6 + 1.125, 1e6 + 2.25, 1e6 + 3.5}), vector_of({1, -1, 0.5, 2})};
  const Tensors before = evaluate(*f, x), after = evaluate(*g, x);
  for (std::int64_t k = 0; k < 4; ++k) {
    EXPECT_NEAR(after[0].real(k), before[0].real(k), 1e-12 * (1 + std::fabs(before[0].real(k))));
  }
}

TEST(ReduceStrength, ASoftenedDistanceIsOneRoot) {
  // 1 / (r2 sqrt(r2)), r2 = x^2 + eps^2: visibly positive, so a power of its root.
  Builder b("f");
  const Value x = b.param(scalar());
  const Value r2 = b.add(b.constant(0.01), b.mul(x, x));
  const FunctionPtr f = b.finish({b.div(b.constant(1), b.mul(r2, b.unary(Op::kSqrt, r2)))});
  const FunctionPtr g = simplify(*reduce_strength(*f));
  EXPECT_EQ(count(*g, Op::kDiv) + count(*g, Op::kSqrt), 0) << print(*g);
  EXPECT_EQ(count(*g, Op::kRsqrt), 1) << print(*g);
  for (double at : {0.0, 0.3, -7.0}) {
    const double want = std::pow(0.01 + at * at, -1.5);
    const Tensor got = evaluate(*g, Tensors{number_of(at)})[0];
    EXPECT_NEAR(static_cast<double>(got.real(0)), want, 1e-14 * want);
  }
}

TEST(ReduceStrength, ASumReadTwiceIsNotShifted) {
  // -(s x^-1) is read by two products: the power may not go into s twice.
  Builder b("f");
  const Value x = b.param(scalar()), y = b.param(scalar()), one = b.constant(1);
  const Value s = b.sub(b.div(one, b.mul(x, x)), b.div(one, x));
  const Value t = b.neg(b.div(s, x));
  const FunctionPtr f = b.finish({b.mul(t, y), b.mul(t, b.unary(Op::kSin, y))});
  const Tensors at{number_of(1.7), number_of(0.4)};
  EXPECT_LT(difference_of(evaluate(*f, at), evaluate(*reduce_strength(*f), at)), 1e-15);
}

TEST(ReduceStrength, NegativeNumbersUnderARootStayNaN) {
  Builder b("f");
  const Value x = b.param(scalar());
  const Value r = b.unary(Op::kSqrt, x);
  const FunctionPtr f =
      reduce_strength(*b.finish({b.mul(r, r), b.div(b.constant(1), b.mul(r, r))}));
  for (const Tensor& t : evaluate(*f, Tensors{number_of(-4)})) EXPECT_TRUE(std::isnan(t.real(0)));
  EXPECT_NEAR(static_cast<double>(evaluate(*f, Tensors{number_of(3)})[0].real(0)), 3, 1e-15);
}

bool symmetrised(const FunctionPtr& f) {
  for (std::uint32_t id = 0; id < f->size(); ++id) {
    if (f->op(Value{id}) != Op::kPairSum) continue;
    const auto& a = f->attr_as<PairAttr>(Value{id});
    return a.kind == PairKind::kUnequal && a.roles == std::vector<Role>{Role::kAtI};
  }
  return false;
}

TEST(SymmetrisePairs, NewtonsThirdLaw) {
  const auto gravity = [](Builder& b, Value d, Value mi, Value mj) {
    return b.div(b.mul(mi, mj), b.unary(Op::kSqrt, b.dot(d, d)));
  };
  const auto bond = [](Builder& b, Value d, Value, Value) {
    const Value stretch = b.sub(b.unary(Op::kSqrt, b.dot(d, d)), b.constant(1.1));
    return b.select(b.lt(stretch, b.constant(0.3)), b.mul(stretch, stretch), b.constant(0.09));
  };
  const auto one_sided = [](Builder& b, Value d, Value mi, Value mj) {  // not symmetric in i and j
    return b.mul(b.mul(mi, b.mul(mi, mj)), b.dot(d, d));
  };
  for (const FunctionPtr& f : {pair_gradient(gravity), pair_gradient(bond)}) {
    const FunctionPtr g = simplify(*symmetrise_pairs(*f));
    verify(*g);
    EXPECT_TRUE(symmetrised(g)) << print(*g);
    std::mt19937_64 random(4);
    const Tensors x{random_like(f->param_type(0), random), random_like(f->param_type(1), random)};
    EXPECT_LT(difference_of(evaluate(*f, x), evaluate(*g, x)), 1e-13);
    EXPECT_LT(difference_of(evaluate(*f, x), evaluate(*run_passes(f), x)), 1e-12);
  }
  EXPECT_FALSE(symmetrised(symmetrise_pairs(*pair_gradient(one_sided))));
}

// High powers of a distance, whose polynomials are too long to expand, and signs that pass through
// all sorts of operations.
TEST(SymmetrisePairs, DerivativesOfForces) {
  const auto high = [](Builder& b, Value d, Value mi, Value mj) {
    const Value r2 = b.add(b.dot(d, d), b.constant(0.5));
    return b.div(b.mul(mi, mj), b.binary(Op::kPow, r2, b.constant(9.0)));
  };
  const auto odd = [](Builder& b, Value d, Value, Value) {
    const Value twist = b.mul(b.unary(Op::kSin, d), b.fma(d, b.unary(Op::kCos, d), b.neg(d)));
    const Value x = b.row(d, 0), far = b.gt(b.unary(Op::kAbs, x), b.constant(0.1));
    return b.add(b.reduce_sum(twist), b.mul(x, b.select(far, b.unary(Op::kTanh, x), b.neg(x))));
  };
  for (const FunctionPtr& force : {pair_gradient(high), pair_gradient(odd)}) {
    const FunctionPtr f = vjp(*force, {0});
    const FunctionPtr g = simplify(*symmetrise_pairs(*f));
    int one_sided = 0;
    for (std::uint32_t id = 0; id < g->size(); ++id) {
      if (g->op(Value{id}) != Op::kPairSum) continue;
      const auto& a = g->attr_as<PairAttr>(Value{id});
      EXPECT_EQ(a.kind, PairKind::kUnequal) << print(*g);
      ++one_sided;
    }
    EXPECT_GE(one_sided, 2);
    std::mt19937_64 random(4);
    Tensors x;
    for (Value p : f->params()) x.push_back(random_like(f->type(p), random));
    EXPECT_LT(difference_of(evaluate(*f, x), evaluate(*g, x)), 1e-12);
  }
}

// i - j times something else at i: no mirror image.
TEST(SymmetrisePairs, WhatIsNoMirrorImageStays) {
  const auto one_sided = [](Builder& b, Value d, Value mi, Value) {
    return b.mul(mi, b.dot(d, b.unary(Op::kExp, d)));
  };
  const FunctionPtr f = vjp(*pair_gradient(one_sided), {0});
  EXPECT_FALSE(symmetrised(symmetrise_pairs(*f)));
}

TEST(ReduceStrength, GravityForceIsMinimal) {
  const FunctionPtr f = pair_gradient([](Builder& b, Value d, Value mi, Value mj) {
    return b.neg(b.div(b.mul(mi, mj), b.unary(Op::kSqrt, b.dot(d, d))));
  });
  std::vector<Pass> passes = standard_passes();
  FunctionPtr g = f;
  for (const Pass& pass : passes) g = pass.run(*g);
  for (std::uint32_t id = 0; id < g->size(); ++id) {
    if (g->op(Value{id}) != Op::kPairSum) continue;
    const Function& body = *body_of(g->attr(Value{id}));
    EXPECT_EQ(count(body, Op::kRsqrt), 1) << print(body);
    EXPECT_EQ(count(body, Op::kSqrt) + count(body, Op::kDiv), 0);
    EXPECT_LE(count(body, Op::kMul), 4);  // s s s m_j, times d; m_i is outside
    EXPECT_EQ(count(body, Op::kSelect), 0);
    EXPECT_EQ(count(body, Op::kNeg), 0);
  }
}

TEST(FactorRows, WhatARowSharesIsTakenOut) {
  const FunctionPtr f = pair_gradient([](Builder& b, Value d, Value mi, Value mj) {
    return b.mul(b.mul(mi, mj), b.unary(Op::kTanh, b.dot(d, d)));
  });
  const FunctionPtr before = simplify(*hoist_rows(*simplify(*symmetrise_pairs(*f))));
  const FunctionPtr after = factor_rows(*before);
  verify(*after);
  const auto products_in_pairs = [](const FunctionPtr& g) {
    int n = 0;
    for (std::uint32_t id = 0; id < g->size(); ++id) {
      if (g->op(Value{id}) == Op::kPairSum) n += count(*body_of(g->attr(Value{id})), Op::kMul);
    }
    return n;
  };
  EXPECT_LT(products_in_pairs(after), products_in_pairs(before)) << print(*after);
  std::mt19937_64 random(4);
  const Tensors x{random_like(f->param_type(0), random), random_like(f->param_type(1), random)};
  EXPECT_LT(difference_of(evaluate(*f, x), evaluate(*after, x)), 1e-14);
}

TEST(FactorRows, RandomProgramsKeepTheirValues) {
  int changed = 0;
  for (std::uint64_t seed = 0; seed < 400; ++seed) {
    RandomProgramOptions options;
    options.differentiable = true;
    options.nodes = 8 + static_cast<int>(seed % 20);
    const FunctionPtr f = random_program(seed, options);
    const FunctionPtr g = factor_rows(*hoist_rows(*f));
    verify(*g);
    changed += !structurally_equal(*f, *g);
    const Tensors x = random_arguments(*f, seed);
    EXPECT_LT(difference_of(evaluate(*f, x), evaluate(*g, x)), 1e-9) << seed << print(*f);
  }
  EXPECT_GT(changed, 10);
}

TEST(HoistRows, OneSidedWorkLeavesThePair) {
  const FunctionPtr f = pair_gradient([](Builder& b, Value d, Value mi, Value mj) {
    return b.mul(b.mul(b.unary(Op::kExp, mi), b.unary(Op::kSin, mj)), b.dot(d, d));
  });
  const FunctionPtr g = hoist_rows(*f);
  verify(*g);
  int inside = 0;
  for (std::uint32_t id = 0; id < g->size(); ++id) {
    if (g->op(Value{id}) != Op::kPairSum) continue;
    inside += count(*body_of(g->attr(Value{id})), Op::kExp);
    inside += count(*body_of(g->attr(Value{id})), Op::kSin);
  }
  EXPECT_EQ(inside, 0) << print(*g);
  EXPECT_GE(count(*g, Op::kMap), 2);
  std::mt19937_64 random(4);
  const Tensors x{random_like(f->param_type(0), random), random_like(f->param_type(1), random)};
  EXPECT_TRUE(evaluate(*f, x)[0].same_bits(evaluate(*g, x)[0]));
}

TEST(Simplify, EqualBodiesAreOne) {
  Builder b("f");
  const Value x = b.param(Type{DType::kF64, Shape{5}});
  Values totals;
  for (int k = 0; k < 2; ++k) {
    Builder body("square");
    body.param(scalar(DType::kI64));
    const Value e = body.param(scalar());
    MapAttr attr{5, 1, {Role::kTotal}, nullptr};
    attr.body = body.finish({body.mul(e, e)});
    totals.push_back(b.map(attr, std::span(&x, 1))[0]);
  }
  const FunctionPtr f = b.finish({b.mul(totals[0], totals[1])});
  EXPECT_EQ(count(*f, Op::kMap), 2);
  EXPECT_EQ(count(*simplify(*f), Op::kMap), 1);
}

TEST(Simplify, LoopsLoseWhatNobodyNeeds) {
  // A carry that nobody reads, one that never changes, an invariant computation.
  Builder body("step");
  body.param(scalar(DType::kI64));
  const Value k = body.param(scalar());
  const Value x = body.param(scalar()), unused = body.param(scalar()), same = body.param(scalar());
  const Value factor = body.unary(Op::kExp, k);
  LoopAttr attr;
  attr.trip = 5;
  attr.invariants = 1;
  attr.carries = 3;
  attr.body = body.finish({body.add(body.mul(x, factor), same), body.mul(unused, x), same});
  Builder b("f");
  const Value p[] = {b.param(scalar()), b.param(scalar()), b.param(scalar()), b.param(scalar())};
  const auto out = b.loop(attr, p);
  const FunctionPtr f = b.finish({out[0], out[2]});
  const FunctionPtr g = simplify(*f);
  for (std::uint32_t id = 0; id < g->size(); ++id) {
    if (g->op(Value{id}) != Op::kLoop) continue;
    const auto& a = g->attr_as<LoopAttr>(Value{id});
    EXPECT_EQ(a.carries, 1) << print(*g);
    EXPECT_EQ(a.invariants, 2);
    EXPECT_EQ(count(*a.body, Op::kExp), 0);
  }
  const Tensors at{number_of(0.1), number_of(2), number_of(3), number_of(4)};
  const Tensors before = evaluate(*f, at), after = evaluate(*g, at);
  EXPECT_TRUE(before[0].same_bits(after[0]));
  EXPECT_TRUE(before[1].same_bits(after[1]));
}

}  // namespace
}  // namespace cotangent::transform
