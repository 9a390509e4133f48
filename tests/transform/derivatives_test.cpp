// Derivatives of single ops and of second-order ops, against differences and against each other.
#include "cotangent/transform/jvp.h"
#include "tests/transform/support.h"

namespace cotangent::transform {
namespace {

const Type kVector{DType::kF64, Shape{3}};
const Type kRows{DType::kF64, Shape{5, 3}};

/// Points that stay inside the domain of every function (values in (0.2, 0.8), distinct).
Tensor inside(const Type& type, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  Tensor t(type);
  for (std::int64_t k = 0; k < t.size(); ++k) {
    t.set_real(k, 0.2 + 0.6 * std::ldexp(static_cast<double>(random() >> 11), -53));
  }
  return t;
}

TEST(Derivatives, EveryOpHasItsRules) {
  for (const OpInfo& entry : all_ops()) {
    EXPECT_TRUE(has_jvp_rule(entry.op)) << entry.name;
  }
  // Linear in some operand, hence met on tangents: the rest never are.
  const Op linear[] = {Op::kNeg, Op::kAdd,    Op::kSub,  Op::kMul,      Op::kDiv,
                       Op::kFma, Op::kSelect, Op::kCast, Op::kReduceSum};
  for (Op op : linear) EXPECT_TRUE(has_transpose_rule(op)) << name_of(op);
  for (const OpInfo& entry : all_ops()) {
    const bool structural = entry.kind == OpKind::kShape || entry.kind == OpKind::kIndex ||
                            entry.kind == OpKind::kContract || entry.kind == OpKind::kSecondOrder ||
                            entry.op == Op::kCumSum;  // sort is a gather of tangents
    if (structural) {
      EXPECT_TRUE(has_transpose_rule(entry.op)) << entry.name;
    }
  }
}

TEST(Derivatives, EveryElementwiseOp) {
  for (const OpInfo& entry : all_ops()) {
    if (entry.kind != OpKind::kElementwise || entry.op == Op::kCast || entry.op == Op::kBitcast) {
      continue;
    }
    if (!accepts(entry.op, DType::kF64) || entry.domain == OpDomain::kCompare ||
        entry.domain == OpDomain::kTest) {
      continue;
    }
    SCOPED_TRACE(entry.name);
    Builder b(std::string(entry.name));
    Values x;
    const int arity = entry.op == Op::kSelect ? 2 : entry.arity;
    for (int k = 0; k < arity; ++k) x.push_back(b.param(kVector, "x" + std::to_string(k)));
    Value y;
    if (entry.op == Op::kSelect) {
      y = b.select(b.lt(x[0], x[1]), b.mul(x[0], x[0]), b.unary(Op::kSin, x[1]));
    } else {
      y = b.elementwise(entry.op, x);
    }
    const FunctionPtr f = b.finish({y});
    Tensors at;
    Positions wrt;
    for (int k = 0; k < arity; ++k) {
      at.push_back(inside(kVector, static_cast<std::uint64_t>(k) + 3));
      wrt.push_back(static_cast<std::size_t>(k));
    }
    check_derivatives(*f, at, wrt);
    for (std::size_t k : wrt) check_derivatives(*f, at, {k});
    // Second order: the gradient of <y, y> has its own derivatives right.
    Builder c("square");
    Values z;
    for (int k = 0; k < arity; ++k) z.push_back(c.param(kVector));
    const Value w = c.inline_call(*f, z)[0];
    const FunctionPtr gradient = grad(*c.finish({c.reduce_sum(c.mul(w, w))}), wrt);
    check_derivatives(*gradient, at, wrt);
  }
}

TEST(Derivatives, CastsAndIntegers) {
  Builder b("casts");
  const Value x = b.param(kVector);
  const Value low = b.cast(b.unary(Op::kSin, b.cast(x, DType::kF32)), DType::kF64);
  const Value steps = b.cast(b.cast(x, DType::kI64), DType::kF64);
  const FunctionPtr f = b.finish({b.add(b.mul(x, x), steps), b.cast(x, DType::kI64), low});
  const FunctionPtr forward = jvp(*f, {0});
  const Tensors out =
      evaluate(*forward, Tensors{vector_of({1.5, -2.25, 3.0}), vector_of({1, 1, 1})});
  ASSERT_EQ(out.size(), 5u);  // three values; tangents of the two real ones
  EXPECT_EQ(out[3].real(0), 3.0);
  EXPECT_NEAR(static_cast<double>(out[4].real(1)), std::cos(2.25), 1e-6);
}

/// One structural op over parameter 0 (and 1), with a non-linear op in front so that factors
/// matter.
using Structural = std::function<Value(Builder&, Value, Value)>;

void check_structural(const char* name, Type tx, Type ty, Structural build) {
  SCOPED_TRACE(name);
  Builder b(name);
  const Value x = b.param(tx), y = b.param(ty);
  const FunctionPtr f = b.finish({build(b, b.unary(Op::kSin, x), b.unary(Op::kExp, y))});
  const Tensors at{inside(tx, 11), inside(ty, 12)};
  check_derivatives(*f, at, {0, 1});
  check_derivatives(*f, at, {0});
  check_derivatives(*f, at, {1});
  Builder c("square");
  const Value u = c.param(tx), v = c.param(ty);
  const Value args[] = {u, v};
  const Value w = c.inline_call(*f, args)[0];
  const FunctionPtr gradient = grad(*c.finish({c.reduce_sum(c.mul(w, w))}), {0, 1});
  check_derivatives(*gradient, at, {0, 1});
}

Value integers(Builder& b, std::initializer_list<std::int64_t> values) {
  return b.constant(
      Tensor::of<std::int64_t>(Shape{static_cast<std::int64_t>(values.size())}, values));
}

TEST(Derivatives, StructuralOps) {
  check_structural("reduce_sum", kRows, kVector,
                   [](Builder& b, Value x, Value y) { return b.mul(b.reduce_sum(x, {0}), y); });
  check_structural("reduce_prod", kRows, kVector, [](Builder& b, Value x, Value y) {
    return b.mul(b.reduce(Op::kReduceProd, x, {0}), y);
  });
  check_structural("reduce_max", kRows, kVector, [](Builder& b, Value x, Value y) {
    return b.mul(b.reduce(Op::kReduceMax, x, {0}), y);
  });
  check_structural("reduce_min", kRows, kVector, [](Builder& b, Value x, Value y) {
    return b.mul(b.broadcast_to(b.reduce(Op::kReduceMin, x, {0, 1}), Shape{3}), y);
  });
  check_structural("reshape", kRows, kVector, [](Builder& b, Value x, Value y) {
    return b.mul(b.row(b.reshape(x, Shape{3, 5}), 1), b.broadcast_to(b.row(y, 2), Shape{5}));
  });
  check_structural("transpose", kRows, kVector, [](Builder& b, Value x, Value y) {
    return b.mul(b.transpose(x, {1, 0}), b.broadcast(y, Shape{3, 5}, {0}));
  });
  check_structural("slice", kRows, kVector, [](Builder& b, Value x, Value y) {
    return b.mul(b.slice(x, {1, 0}, {5, 3}, {3, 1}), b.broadcast_to(y, Shape{2, 3}));
  });
  check_structural("pad", kRows, kVector, [](Builder& b, Value x, Value y) {
    return b.pad(x, b.row(y, 0), {1, 0}, {0, 2}, {2, 1});
  });
  check_structural("concatenate", kRows, kVector, [](Builder& b, Value x, Value y) {
    const Value parts[] = {x, b.broadcast_to(y, Shape{1, 3}), x};
    return b.concatenate(parts, 0);
  });
  check_structural("reverse", kRows, kVector, [](Builder& b, Value x, Value y) {
    return b.mul(b.reverse(x, {0, 1}), b.broadcast_to(y, Shape{5, 3}));
  });
  check_structural("gather", kRows, kVector, [](Builder& b, Value x, Value y) {
    return b.mul(b.gather(x, integers(b, {4, 1, 1, 9})), b.broadcast_to(y, Shape{4, 3}));
  });
  check_structural("scatter_add", kRows, Type{DType::kF64, Shape{4, 3}},
                   [](Builder& b, Value x, Value y) {
                     const Value index = integers(b, {4, 1, 1, 9});
                     return b.scatter_add(x, y, std::span(&index, 1));
                   });
  check_structural("scatter_set", kRows, Type{DType::kF64, Shape{4, 3}},
                   [](Builder& b, Value x, Value y) {
                     const Value index = integers(b, {4, 1, 1, 9});
                     return b.scatter_set(x, y, std::span(&index, 1));
                   });
  for (const std::int64_t axis : {0, 1}) {
    check_structural("sort", kRows, kVector, [=](Builder& b, Value x, Value y) {
      return b.mul(b.sort(x, axis), b.broadcast_to(y, Shape{5, 3}));
    });
    check_structural("cumulative_sum", kRows, kVector, [=](Builder& b, Value x, Value y) {
      return b.mul(b.cumulative_sum(x, axis), b.broadcast_to(y, Shape{5, 3}));
    });
  }
  check_structural("dot_general", Type{DType::kF64, Shape{2, 3, 4, 5}},
                   Type{DType::kF64, Shape{5, 6, 2, 3}}, [](Builder& b, Value x, Value y) {
                     return b.dot_general(x, y, DotAttr{{0}, {2}, {3, 1}, {0, 3}});
                   });
}

// Equal elements stand in their order: the first of them takes the first place's cotangent.
TEST(Derivatives, SortTiesAreStable) {
  Builder b("ties");
  const Value x = b.param(kVector);
  const Value weights = b.constant(vector_of({1, 10, 100}));
  const FunctionPtr f = b.finish({b.dot(b.sort(x, 0), weights)});
  const Tensor g = evaluate(*grad(*f, {0}), Tensors{vector_of({2, 1, 2})})[0];
  EXPECT_EQ(g.real(0), 10);
  EXPECT_EQ(g.real(1), 1);
  EXPECT_EQ(g.real(2), 100);
}

TEST(Derivatives, CastsToStorageAreRefused) {
  for (DType t : {DType::kF16, DType::kBF16}) {
    Builder b("f");
    const Value x = b.param(kVector);
    const Value back = b.cast(b.cast(x, t), DType::kF64);
    const FunctionPtr f = b.finish({b.reduce_sum(b.mul(back, x))});
    try {
      grad(*f, {0});
      ADD_FAILURE() << "accepted";
    } catch (const UserError& e) {
      const std::string text = e.what();
      EXPECT_NE(text.find("[cast] to " + std::string(name_of(t)) + " has no derivative"),
                std::string::npos)
          << text;
    }
  }
  // Stored constants have no tangent and are no obstacle.
  Builder b("f");
  const Value x = b.param(kVector), w = b.param(kVector.with_dtype(DType::kF16));
  const FunctionPtr f = b.finish({b.dot(b.cast(w, DType::kF64), x)});
  Tensor weights(kVector.with_dtype(DType::kF16));
  for (std::int64_t k = 0; k < 3; ++k) weights.set_real(k, k + 1);
  const Tensor g = evaluate(*grad(*f, {0}), Tensors{vector_of({2, 1, 2}), weights})[0];
  for (std::int64_t k = 0; k < 3; ++k) EXPECT_EQ(g.real(k), k + 1);
  EXPECT_THROW(grad(*f, {1}), UserError);
}

TEST(Derivatives, ProductOfZeros) {
  Builder b("prod");
  const Value x = b.param(kVector);
  const FunctionPtr g = grad(*b.finish({b.reduce(Op::kReduceProd, x, {0})}), {0});
  const Tensor one = evaluate(*g, Tensors{vector_of({0, 3, 5})})[0];
  EXPECT_EQ(one.real(0), 15);
  EXPECT_EQ(one.real(1), 0);
  const Tensor two = evaluate(*g, Tensors{vector_of({0, 0, 5})})[0];
  for (int k = 0; k < 3; ++k) EXPECT_EQ(two.real(k), 0);
}

TEST(Derivatives, ScatterSetLastWriteWins) {
  Builder b("set");
  const Value x = b.param(kVector), u = b.param(Type{DType::kF64, Shape{2}});
  const Value index = integers(b, {1, 1});
  const FunctionPtr f = b.finish({b.scatter_set(x, u, std::span(&index, 1))});
  const FunctionPtr g = vjp(*f, {0, 1});
  const Tensors out =
      evaluate(*g, Tensors{vector_of({1, 2, 3}), vector_of({7, 8}), vector_of({10, 20, 30})});
  EXPECT_EQ(out[1].real(0), 10);
  EXPECT_EQ(out[1].real(1), 0);
  EXPECT_EQ(out[2].real(0), 0);
  EXPECT_EQ(out[2].real(1), 20);
}

// --- conventions at kinks

double derivative_at(Value (*build)(Builder&, Value), double at, int order) {
  Builder b("f");
  const Value x = b.param(scalar());
  FunctionPtr f = b.finish({build(b, x)});
  for (int k = 0; k < order; ++k) f = grad(*f, {0});
  return static_cast<double>(evaluate(*f, Tensors{number_of(at)})[0].real(0));
}

TEST(Kinks, Conventions) {
  EXPECT_EQ(derivative_at([](Builder& b, Value x) { return b.unary(Op::kAbs, x); }, 0, 1), 0);
  // On a tie the second operand is returned, and its derivative.
  const auto second = [](Builder& b, Value x) {
    return b.binary(Op::kMin, b.mul(b.constant(3), x), b.mul(b.constant(5), x));
  };
  EXPECT_EQ(derivative_at(second, 0, 1), 5);
  Builder b("ties");
  const Value x = b.param(kVector);
  const FunctionPtr g = grad(*b.finish({b.reduce(Op::kReduceMax, x, {0})}), {0});
  const Tensor shares = evaluate(*g, Tensors{vector_of({2, 1, 2})})[0];
  EXPECT_EQ(shares.real(0), 0.5);
  EXPECT_EQ(shares.real(1), 0);
  EXPECT_EQ(shares.real(2), 0.5);
}

FunctionPtr norm_program() {
  Builder b("norm");
  const Value v = b.param(kVector);
  return b.finish({b.unary(Op::kSqrt, b.dot(v, v))});
}

TEST(Kinks, NormAtTheOrigin) {
  const FunctionPtr g = grad(*norm_program(), {0});
  const Tensor zero = vector_of({0, 0, 0});
  for (int k = 0; k < 3; ++k) EXPECT_EQ(evaluate(*g, Tensors{zero})[0].real(k), 0);
  const FunctionPtr h = hvp(*norm_program(), {0});
  const Tensor second = evaluate(*h, Tensors{zero, vector_of({1, 2, 3})})[0];
  for (int k = 0; k < 3; ++k) EXPECT_TRUE(std::isfinite(second.real(k)));
  check_derivatives(*g, Tensors{vector_of({0.3, -0.4, 1.2})}, {0});
  check_derivatives(*grad(*norm_program(), {0}), Tensors{vector_of({3, 4, 12})}, {0});
}

// --- masks: the branch not taken leaks nothing, at any order

void expect_finite(const FunctionPtr& f, const Tensors& x) {
  for (const Tensor& t : evaluate(*f, x)) {
    for (std::int64_t k = 0; k < t.size(); ++k) {
      EXPECT_TRUE(std::isfinite(t.real(k))) << k << "\n" << print(*f);
    }
  }
}

void check_mask(const char* name, Value (*build)(Builder&, Value)) {
  SCOPED_TRACE(name);
  Builder b(name);
  const Value x = b.param(kVector);
  const FunctionPtr f = b.finish({b.reduce_sum(build(b, x))});
  const Tensor at = vector_of({0, 0.5, -1}), d = vector_of({1, 2, 3});
  const FunctionPtr g = grad(*f, {0});
  expect_finite(f, {at});
  expect_finite(jvp(*f, {0}), {at, d});
  expect_finite(g, {at});
  expect_finite(hvp(*f, {0}), {at, d});  // forward over reverse
  expect_finite(vjp(*g, {0}), {at, d});  // reverse over reverse
  expect_finite(vjp(*jvp(*f, {0}), {0, 1}), {at, d, number_of(1), number_of(1)});
  expect_finite(jvp(*jvp(*f, {0}), {0, 1}), {at, d, d, at});
  expect_finite(jvp(*vjp(*g, {0}), {0, 1}), {at, d, d, at});  // three levels
  // At a point where nothing is masked off but one element, derivatives are still right.
  check_derivatives(*g, Tensors{vector_of({0.7, 0.5, -1})}, {0});
}

TEST(Masks, LeakNothing) {
  check_mask("sqrt", [](Builder& b, Value x) {
    const Value zero = b.zeros(kVector);
    return b.select(b.gt(x, zero), b.unary(Op::kSqrt, x), zero);
  });
  check_mask("log of a product", [](Builder& b, Value x) {
    const Value zero = b.zeros(kVector);
    const Value y = b.unary(Op::kLog, b.mul(x, b.unary(Op::kExp, x)));
    return b.select(b.gt(x, zero), b.mul(y, y), x);
  });
  check_mask("division", [](Builder& b, Value x) {
    const Value zero = b.zeros(kVector);
    const Value y = b.unary(Op::kSin, b.div(b.splat(1, kVector), x));
    return b.select(b.gt(x, zero), y, b.mul(x, x));
  });
  check_mask("through a dot product and a gather", [](Builder& b, Value x) {
    const Value r = b.unary(Op::kSqrt, x);
    const Value all = b.reduce_sum(b.slice_rows(r, 0, 1));
    const Value bad = b.unary(Op::kRsqrt, b.sub(all, all));
    const Value zero = b.zeros(kVector);
    const Value picked = b.gather(b.unary(Op::kLog, x), integers(b, {0, 1, 2}));
    return b.select(b.gt(x, zero), picked,
                    b.select(b.lt(x, b.splat(-9, kVector)), b.scale(bad, x), zero));
  });
  check_mask("through a cumulative sum", [](Builder& b, Value x) {
    const Value zero = b.zeros(kVector);
    const Value r = b.unary(Op::kSqrt, b.select(b.gt(x, zero), x, b.splat(-1, kVector)));
    const Value clean = b.select(b.gt(x, zero), r, zero);
    return b.select(b.gt(x, zero), b.cumulative_sum(b.mul(clean, clean), 0), zero);
  });
  check_mask("inside a map", [](Builder& b, Value x) {
    Builder body("body");
    body.param(scalar(DType::kI64));
    const Value e = body.param(scalar());
    const Value zero = body.constant(0.0);
    MapAttr attr{3, 1, {Role::kStack}, nullptr};
    attr.body = body.finish({body.select(body.gt(e, zero), body.unary(Op::kSqrt, e), zero)});
    const Value y = b.unary(Op::kSqrt, x);  // NaN at the masked element, outside the map
    Builder outer("outer");
    outer.param(scalar(DType::kI64));
    const Value u = outer.param(scalar()), w = outer.param(scalar());
    const Value nothing = outer.constant(0.0);
    MapAttr masked{3, 2, {Role::kStack}, nullptr};
    masked.body = outer.finish({outer.select(outer.gt(w, nothing), outer.mul(u, w), nothing)});
    const Value one[] = {x}, two[] = {y, x};
    return b.add(b.map(attr, one)[0], b.map(masked, two)[0]);
  });
  check_mask("around a map", [](Builder& b, Value x) {
    Builder body("body");
    body.param(scalar(DType::kI64));
    const Value e = body.param(scalar());
    MapAttr attr{3, 1, {Role::kStack}, nullptr};
    attr.body = body.finish({body.unary(Op::kLog, e)});
    const Value one[] = {x};
    const Value zero = b.zeros(kVector);
    return b.select(b.gt(x, zero), b.map(attr, one)[0], zero);
  });
}

TEST(Masks, AZeroCotangentKeepsItsDerivative) {
  // (where(x > 0, sqrt(x), 0) - 1)^2 at x = 1: the cotangent vanishes by accident, the second
  // derivative is 1/2 all the same.
  const auto f = [](Builder& b, Value x) {
    const Value root = b.select(b.gt(x, b.constant(0)), b.unary(Op::kSqrt, x), b.constant(0));
    const Value y = b.sub(root, b.constant(1));
    return b.mul(y, y);
  };
  EXPECT_EQ(derivative_at(f, 1, 1), 0);
  EXPECT_DOUBLE_EQ(derivative_at(f, 1, 2), 0.5);
  EXPECT_DOUBLE_EQ(derivative_at(f, 1, 3), -0.75);
}

// --- second order

FunctionPtr gravity(std::int64_t n, PairKind kind = PairKind::kLess) {
  Builder body("pair");
  body.param(scalar(DType::kI64));
  body.param(scalar(DType::kI64));
  const Value qi = body.param(kVector), mi = body.param(scalar());
  const Value qj = body.param(kVector), mj = body.param(scalar());
  const Value G = body.param(scalar());
  const Value d = body.sub(qi, qj);
  const Value r = body.unary(Op::kSqrt, body.dot(d, d));
  const Value e = body.div(body.mul(body.mul(G, mi), mj), r);
  PairAttr attr{n, kind, 2, 2, {Role::kTotal}, nullptr};
  attr.body = body.finish({e});
  Builder b("gravity");
  const Value q = b.param(Type{DType::kF64, Shape{n, 3}}, "q");
  const Value m = b.param(Type{DType::kF64, Shape{n}}, "m");
  const Value g = b.param(scalar(), "G");
  const Value operands[] = {q, m, q, m, g};
  return b.finish({b.neg(b.pair_sum(attr, operands)[0])});
}

Tensors particles(std::int64_t n) {
  return {inside(Type{DType::kF64, Shape{n, 3}}, 5), inside(Type{DType::kF64, Shape{n}}, 6),
          number_of(0.3)};
}

std::int64_t largest_value(const Function& f) {
  std::int64_t largest = 0;
  for (std::uint32_t id = 0; id < f.size(); ++id) {
    const Value v{id};
    for (const Type& t : f.result_types(v)) largest = std::max(largest, t.size());
    if (const FunctionPtr body = body_of(f.attr(v))) {
      largest = std::max(largest, largest_value(*body));
    }
  }
  return largest;
}

int count_ops(const Function& f, Op op) {
  int n = 0;
  for (std::uint32_t id = 0; id < f.size(); ++id) {
    n += f.op(Value{id}) == op;
    if (const FunctionPtr body = body_of(f.attr(Value{id}))) n += count_ops(*body, op);
  }
  return n;
}

TEST(PairSum, Gravity) {
  for (PairKind kind : {PairKind::kLess, PairKind::kUnequal}) {
    const FunctionPtr f = gravity(5, kind);
    check_derivatives(*f, particles(5), {0, 1, 2});
    check_derivatives(*f, particles(5), {0});
    const FunctionPtr g = grad(*f, {0});
    check_derivatives(*g, particles(5), {0, 1, 2}, 2, 1e-5);
  }
}

TEST(PairSum, NoBufferOfTheSizeOfThePairs) {
  const std::int64_t n = 40;
  const FunctionPtr f = gravity(n);
  const FunctionPtr g = grad(*f, {0, 1, 2});
  const FunctionPtr h = vjp(*g, {0});
  for (const FunctionPtr& p : {g, h, hvp(*f, {0})}) {
    EXPECT_GE(count_ops(*p, Op::kPairSum), 1);
    EXPECT_EQ(count_ops(*p, Op::kMap), 0);
    EXPECT_LE(largest_value(*p), n * 3);
  }
}

// A pair reads an array that all share at places of i's, of j's and of both.
TEST(PairSum, GathersBySideAndByBoth) {
  const std::int64_t n = 5;
  Builder body("pair");
  const Value i = body.param(scalar(DType::kI64)), j = body.param(scalar(DType::kI64));
  const Value qi = body.param(kVector), qj = body.param(kVector);
  const Value all = body.param(Type{DType::kF64, Shape{n}});
  const Value table = body.param(Type{DType::kF64, Shape{2, 2}});
  const Value two = body.constant_i64(2);
  const Value kinds[] = {body.binary(Op::kMod, i, two), body.binary(Op::kMod, j, two)};
  const Value next = body.binary(Op::kMod, body.add(j, two), body.constant_i64(n));
  const Value weight = body.mul(body.gather(all, i), body.gather(body.mul(all, all), next));
  const Value d = body.sub(qi, qj);
  PairAttr attr{n, PairKind::kUnequal, 1, 1, {Role::kTotal, Role::kAtI}, nullptr};
  attr.body = body.finish({body.mul(weight, body.mul(body.gather(table, kinds), body.dot(d, d))),
                           body.scale(weight, d)});
  Builder b("f");
  const Value q = b.param(Type{DType::kF64, Shape{n, 3}}), m = b.param(Type{DType::kF64, Shape{n}});
  const Value t = b.param(Type{DType::kF64, Shape{2, 2}});
  const Value in[] = {q, q, m, t};
  const FunctionPtr f = b.finish(b.pair_sum(attr, in));
  const Tensors x{inside(f->param_type(0), 5), inside(f->param_type(1), 6),
                  inside(f->param_type(2), 7)};
  check_derivatives(*f, x, {0, 1, 2});
  const FunctionPtr g = vjp(*f, {0, 1, 2});
  EXPECT_EQ(count_ops(*g, Op::kScatterAdd), 3) << print(*g);  // by i, by j, by both
  check_derivatives(*g, {x[0], x[1], x[2], number_of(0.7), inside(f->result_type(1), 8)},
                    {0, 1, 2, 3, 4}, 2, 1e-5);
}

FunctionPtr chain(std::int64_t n) {
  // sum over i of sin(x[i]) * k, and x[i]^2 kept, with k outside.
  Builder body("site");
  const Value i = body.param(scalar(DType::kI64));
  const Value x = body.param(scalar()), all = body.param(Type{DType::kF64, Shape{n}});
  const Value k = body.param(scalar());
  const Value next = body.gather(all, body.add(i, body.constant_i64(1)));
  const Value d = body.sub(next, x);
  MapAttr attr{n, 1, {Role::kTotal, Role::kStack}, nullptr};
  attr.body = body.finish({body.mul(k, body.unary(Op::kCosh, d)), body.mul(x, body.mul(d, k))});
  Builder b("chain");
  const Value q = b.param(Type{DType::kF64, Shape{n}}), stiffness = b.param(scalar());
  const Value operands[] = {q, q, stiffness};
  const auto out = b.map(attr, operands);
  return b.finish({b.add(out[0], b.reduce_sum(out[1]))});
}

TEST(Map, RowsInvariantsTotalsAndStacks) {
  const Tensors at{inside(Type{DType::kF64, Shape{6}}, 8), number_of(1.7)};
  check_derivatives(*chain(6), at, {0, 1});
  check_derivatives(*grad(*chain(6), {0, 1}), at, {0, 1});
  check_derivatives(*grad(*chain(6), {1}), at, {0});
}

TEST(Map, GathersFromAnInvariantScatterOnce) {
  // No array of the invariant's size is made at every index.
  const std::int64_t n = 50;
  const FunctionPtr g = grad(*chain(n), {0});
  for (std::uint32_t id = 0; id < g->size(); ++id) {
    if (g->op(Value{id}) != Op::kMap) continue;
    for (const Node& node : body_of(g->attr(Value{id}))->nodes())
      EXPECT_NE(node.op, Op::kScatterAdd);
  }
  EXPECT_EQ(count_ops(*g, Op::kScatterAdd), 1) << print(*g);
}

TEST(Nesting, ThreeLevels) {
  const Tensors at{inside(Type{DType::kF64, Shape{6}}, 8), number_of(1.7)};
  const FunctionPtr f = chain(6);
  check_derivatives(*vjp(*jvp(*f, {0}), {0, 2}),
                    Tensors{at[0], at[1], inside(at[0].type(), 9), number_of(0.4), number_of(0.7)},
                    {0, 1, 2});
  check_derivatives(*vjp(*grad(*f, {0}), {0}), Tensors{at[0], at[1], inside(at[0].type(), 9)},
                    {0, 1, 2});
  const FunctionPtr g = gravity(4);
  Tensors x = particles(4);
  x.push_back(inside(x[0].type(), 21));
  check_derivatives(*vjp(*grad(*g, {0}), {0}), x, {0, 1}, 3, 1e-4);
}

/// `steps` leapfrog steps of n bodies (unit masses), each with the force from grad; then sum of
/// q^2.
FunctionPtr rollout(std::int64_t n, std::int64_t steps) {
  const FunctionPtr force = grad(*gravity(n), {0});
  const Type state = force->param_type(0), mass = force->param_type(1);
  Builder body("step");
  body.param(scalar(DType::kI64));
  const Value m = body.param(mass), g = body.param(scalar());
  const Value q = body.param(state), p = body.param(state);
  const Value dt = body.splat(0.05, state), half = body.splat(0.025, state);
  const auto kick = [&](Value momentum, Value at) {
    const Value x[] = {at, m, g};
    return body.sub(momentum, body.mul(half, body.inline_call(*force, x)[0]));
  };
  const Value p_half = kick(p, q);
  const Value q_next = body.add(q, body.mul(dt, p_half));
  LoopAttr attr;
  attr.trip = steps;
  attr.invariants = 2;
  attr.carries = 2;
  attr.body = body.finish({q_next, kick(p_half, q_next)});
  Builder b("rollout");
  const Value x[] = {b.param(mass), b.param(scalar()), b.param(state), b.param(state)};
  const Value end = b.loop(attr, x)[0];
  return b.finish({b.reduce_sum(b.mul(end, end))});
}

TEST(Nesting, ThroughARolloutWhoseForceIsAGradient) {
  const FunctionPtr f = rollout(3, 6);
  const Tensors like = particles(3);
  const Tensors x{like[1], number_of(0.2), like[0], inside(like[0].type(), 31)};
  check_derivatives(*f, x, {0, 1, 2, 3}, 1, 1e-5);
  const FunctionPtr g = grad(*f, {2, 3});
  EXPECT_EQ(count_ops(*g, Op::kLoop), 2);
  EXPECT_LE(largest_value(*g), 6 * 3 * 3);  // the kept carries
  check_derivatives(*g, x, {1, 2}, 2, 1e-4);
  // The passes on the gradient of the run, too.
  const Tensors before = evaluate(*g, x), after = evaluate(*run_passes(g), x);
  for (std::size_t r = 0; r < before.size(); ++r) {
    for (std::int64_t k = 0; k < before[r].size(); ++k) {
      EXPECT_NEAR(after[r].real(k), before[r].real(k), 1e-11 * (1 + norm(before[r])));
    }
  }
}

TEST(Symbolic, TranslationTangentVanishes) {
  // Along (1, 1, 1) for every particle the tangent of q_i - q_j is 1 - 1: absent, and so is all
  // after it.
  const FunctionPtr f = gravity(5);
  Builder b("translate");
  Values primal, tangent(3);
  for (std::size_t k = 0; k < 3; ++k) primal.push_back(b.param(f->param_type(k)));
  tangent[0] = b.splat(1.0, f->param_type(0));
  EXPECT_FALSE(push_forward(b, *f, primal, tangent).tangent[0].valid());
  // Along one axis of one particle it does not.
  Tensor one(f->param_type(0));
  one.set_real(0, 1);
  tangent[0] = b.constant(one);
  EXPECT_TRUE(push_forward(b, *f, primal, tangent).tangent[0].valid());
}

TEST(Symbolic, InactiveOperandsStayOut) {
  // The masses have no tangent: the pushed pair_sum has two operands more (dq at i and at j), not
  // four.
  const FunctionPtr f = gravity(5);
  const FunctionPtr forward = jvp(*f, {0});
  for (std::uint32_t id = 0; id < forward->size(); ++id) {
    if (forward->op(Value{id}) != Op::kPairSum) continue;
    EXPECT_EQ(forward->operands(Value{id}).size(), 7u) << print(*forward);
  }
}

}  // namespace
}  // namespace cotangent::transform
