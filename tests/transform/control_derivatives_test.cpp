// Derivatives of while, cond, call and check; and what simplify makes of them.
#include "cotangent/ir/text.h"
#include "cotangent/transform/faults.h"
#include "tests/transform/support.h"

namespace cotangent::transform {
namespace {

double real(const Tensor& t) {
  return static_cast<double>(t.real(0));
}

int count(const Function& f, Op op) {
  int n = 0;
  for (std::uint32_t id = 0; id < f.size(); ++id) {
    n += f.op(Value{id}) == op;
    for (const FunctionPtr& body : bodies_of(f.attr(Value{id}))) n += count(*body, op);
  }
  return n;
}

std::string refusal(const std::function<void()>& action) {
  try {
    action();
  } catch (const UserError& e) {
    return e.what();
  }
  return "(accepted)";
}

// --- while

/// x -> x sin(x) c + x/2 until |x| < 0.1; the count beside it.
FunctionPtr shrinking(std::int64_t limit) {
  const Type real = scalar(), whole = scalar(DType::kI64);
  Builder condition("goes_on"), body("step");
  for (Builder* b : {&condition, &body}) b->param(whole), b->param(real), b->param(real);
  const auto p = condition.so_far().params();
  WhileAttr attr;
  attr.invariants = attr.carries = 1;
  attr.limit = limit;
  attr.condition =
      condition.finish({condition.lt(condition.constant(0.1), condition.unary(Op::kAbs, p[2]))});
  const Value c = body.so_far().params()[1], x = body.so_far().params()[2];
  attr.body = body.finish(
      {body.mul(x, body.add(body.constant(0.5), body.mul(c, body.unary(Op::kSin, x))))});
  Builder b("f");
  const Value operands[] = {b.param(real, "c"), b.param(real, "x")};
  return b.finish(b.while_loop(attr, operands));
}

TEST(WhileDerivatives, ForwardIsTheSameWhile) {
  const FunctionPtr f = shrinking(0), forward = jvp(*f, {0, 1});
  EXPECT_EQ(count(*forward, Op::kWhile), 1);
  const Tensors x{number_of(0.2), number_of(3)};
  const Tensor slope = evaluate(*forward, Tensors{x[0], x[1], number_of(1), number_of(0.5)})[2];
  const Tensor expected = difference(*f, x, {0, 1}, {number_of(1), number_of(0.5)}, 0);
  EXPECT_NEAR(real(slope), real(expected), 1e-8);
}

TEST(WhileDerivatives, ReverseWithALimitGoesByABoundedLoop) {
  for (std::int64_t limit : {2, 5, 40}) {
    check_derivatives(*shrinking(limit), {number_of(0.2), number_of(3)}, {0, 1});
  }
  const FunctionPtr g = vjp(*shrinking(40), {0, 1});
  EXPECT_LT(g->total_size(), 150u) << print(*g);
  EXPECT_EQ(refusal([] { vjp(*shrinking(0), {0, 1}); }),
            "[while] has no reverse mode without a limit\n"
            "  to do: give it a limit, use a loop with a bound, or differentiate the equation it "
            "solves (a call with a derivative of its own; of arrays in C++ "
            "Gradient::kOfFinalIterate, find_root, fixed_point)");
}

TEST(WhileDerivatives, WithoutALimitIsFineWhereNothingFlows) {
  Builder b("g");
  const Value c = b.param(scalar(), "c"), x = b.param(scalar(), "x"), y = b.param(scalar(), "y");
  const Value both[] = {c, x};
  const Value steps = b.inline_call(*shrinking(0), both)[1];
  const FunctionPtr f = b.finish({b.mul(b.mul(y, y), b.cast(steps, DType::kF64))});
  const Tensors at{number_of(0), number_of(3), number_of(5)};
  EXPECT_EQ(real(evaluate(*grad(*f, {2}), at)[0]), 2 * 5 * 5);  // 3 -> 0.09375 in five halvings
}

TEST(WhileDerivatives, NestInMapsLoopsAndThemselves) {
  const FunctionPtr inner = shrinking(6);
  Builder row("row");
  row.param(scalar(DType::kI64));
  const Value x = row.param(scalar()), c = row.param(scalar());
  const Value operands[] = {c, x};
  MapAttr map{4, 1, {Role::kTotal}, row.finish({row.inline_call(*inner, operands)[0]})};
  Builder b("f");
  const Value xs = b.param({DType::kF64, {4}}, "xs"), cs = b.param(scalar(), "c");
  const Value of_map[] = {xs, cs};
  const FunctionPtr f = b.finish(b.map(map, of_map));
  check_derivatives(*f, {vector_of({0.01, 0.4, 1, 2}), number_of(0.3)}, {0, 1});
  check_derivatives(*grad(*f, {0, 1}), {vector_of({0.01, 0.4, 1, 2}), number_of(0.3)}, {0, 1});
}

// --- cond

/// p ? f(x) : g(x)
template <class F, class G>
FunctionPtr either(F f, G g, const std::vector<Type>& types) {
  Builder yes("yes"), no("no"), b("f");
  Values in_yes, in_no, operands{b.param(scalar(DType::kBool), "p")};
  for (const Type& t : types) {
    in_yes.push_back(yes.param(t)), in_no.push_back(no.param(t));
    operands.push_back(b.param(t));
  }
  return b.finish(b.cond({yes.finish(f(yes, in_yes)), no.finish(g(no, in_no))}, operands));
}

TEST(CondDerivatives, BothModesOfBothBranches) {
  const Type v{DType::kF64, {3}};
  const FunctionPtr f = either(
      [](Builder& b, const Values& x) {
        return Values{b.mul(x[0], b.broadcast_to(x[1], b.type(x[0]).shape)), x[1]};
      },
      [](Builder& b, const Values& x) {
        return Values{b.unary(Op::kSin, x[0]), b.reduce_sum(x[0])};
      },
      {v, scalar()});
  for (bool p : {true, false}) {
    const Tensors at{Tensor::scalar_of(p), vector_of({1, 2, -0.5}), number_of(0.7)};
    check_derivatives(*f, at, {1, 2});
    check_derivatives(*vjp(*f, {1, 2}),
                      {at[0], at[1], at[2], vector_of({1, -1, 2}), number_of(0.5)}, {1, 2, 3, 4});
  }
}

TEST(CondDerivatives, TheBranchNotTakenLeaksNothing) {
  // u = 1/w and v = sqrt(w) are infinite or have infinite slopes at 0; only one branch reads them.
  Builder yes("yes"), no("no"), b("f");
  const Value u = yes.param(scalar()), v = yes.param(scalar());
  no.param(scalar()), no.param(scalar());
  const CondAttr attr{yes.finish({yes.add(yes.mul(u, u), v)}), no.finish({no.constant(4.0)})};
  const Value p = b.param(scalar(DType::kBool)), w = b.param(scalar());
  const Value operands[] = {p, b.div(b.constant(1.0), w), b.unary(Op::kSqrt, w)};
  const FunctionPtr f = b.finish(b.cond(attr, operands));
  const Tensors at{Tensor::scalar_of(false), number_of(0)};
  for (const FunctionPtr& g : {grad(*f, {1}), grad(*grad(*f, {1}), {1})}) {
    EXPECT_EQ(real(evaluate(*g, at)[0]), 0) << print(*g);
  }
  EXPECT_EQ(real(evaluate(*jvp(*f, {1}), Tensors{at[0], at[1], number_of(1)})[1]), 0);
  check_derivatives(*f, {Tensor::scalar_of(true), number_of(0.5)}, {1});
}

TEST(CondDerivatives, IsStillOneBranch) {
  const FunctionPtr f = either(
      [](Builder& b, const Values& x) { return Values{b.unary(Op::kExp, x[0])}; },
      [](Builder& b, const Values& x) { return Values{b.unary(Op::kLog, x[0])}; }, {scalar()});
  for (const FunctionPtr& g : {jvp(*f, {1}), grad(*f, {1})}) {
    EXPECT_GE(count(*g, Op::kCond), 1);
    EXPECT_EQ(count(*g, Op::kSelect), 0) << print(*g);
  }
  // Linear halves transpose to the same.
  const Linearised halves = linearise(*f, {1});
  const Tensors x{Tensor::scalar_of(false), number_of(2)};
  const Tensors primal = evaluate(*halves.primal, x);
  Tensors back(primal.begin() + 1, primal.end());
  back.push_back(number_of(3));
  const std::size_t d = halves.linear->params().size() - 1;
  EXPECT_EQ(real(evaluate(*transpose(*halves.linear, {d}), back)[0]), 1.5);
}

// --- call

FunctionPtr square() {
  Builder b("square");
  const Value x = b.param(scalar(), "x");
  return b.finish({b.mul(x, x)});
}

/// square(sin(x)) * y with a derivative of its own that is three times too large, so that it shows.
FunctionPtr with_call(bool has_jvp, bool has_vjp) {
  CallAttr attr;
  attr.body = square();
  Builder forward("square_jvp"), backward("square_vjp");
  const Value fx = forward.param(scalar()), fd = forward.param(scalar());
  const FunctionPtr jvp_of = forward.finish(
      {forward.mul(fx, fx), forward.mul(forward.mul(forward.constant(6.0), fx), fd)});
  const Value bx = backward.param(scalar());
  backward.param(scalar());
  const Value ct = backward.param(scalar());
  const FunctionPtr vjp_of =
      backward.finish({backward.mul(backward.mul(backward.constant(6.0), bx), ct)});
  if (has_jvp) attr.jvp = jvp_of;
  if (has_vjp) attr.vjp = vjp_of;
  Builder b("f");
  const Value x = b.param(scalar(), "x"), y = b.param(scalar(), "y");
  const Value s = b.unary(Op::kSin, x);
  return b.finish({b.mul(b.call(attr, std::span(&s, 1))[0], y)});
}

TEST(CallDerivatives, ThroughTheBody) {
  const FunctionPtr f = with_call(false, false);
  check_derivatives(*f, {number_of(0.4), number_of(2)}, {0, 1});
  EXPECT_EQ(count(*simplify(*f), Op::kCall), 0);
}

TEST(CallDerivatives, ByTheirOwn) {
  const double x = 0.4, y = 2;
  const double slope = 6 * std::sin(x) * std::cos(x) * y;
  const Tensors at{number_of(x), number_of(y)};
  for (const auto& [has_jvp, has_vjp] : {std::pair{true, false}, {false, true}, {true, true}}) {
    const FunctionPtr f = with_call(has_jvp, has_vjp);
    EXPECT_EQ(count(*simplify(*f), Op::kCall), 1);
    const Tensors g = evaluate(*grad(*f, {0, 1}), at);
    EXPECT_NEAR(real(g[0]), slope, 1e-15);
    EXPECT_NEAR(real(g[1]), std::sin(x) * std::sin(x), 1e-15);
    // Twice: the derivative of the derivative given.
    const Tensors h = evaluate(*grad(*grad(*f, {0}), {0}), at);
    EXPECT_NEAR(real(h[0]), 6 * std::cos(2 * x) * y, 1e-14);
  }
  const Tensors with_d{at[0], at[1], number_of(1)};
  EXPECT_NEAR(real(evaluate(*jvp(*with_call(true, true), {0}), with_d)[1]), slope, 1e-15);
  EXPECT_EQ(refusal([&] { jvp(*with_call(false, true), {0}); }),
            "[call] the derivative 'square_vjp' is a vjp: forward mode cannot go through it\n"
            "  to do: give the call a jvp, from which reverse mode follows too");
  EXPECT_EQ(refusal([&] { linearise(*with_call(false, true), {0}); }).substr(0, 6), "[call]");
  EXPECT_EQ(refusal([&] { hvp(*with_call(false, true), {0, 1}); }).substr(0, 6), "[call]");
  EXPECT_EQ(refusal([&] { jvp(*with_call(false, true), {1}); }), "(accepted)");
}

TEST(CallDerivatives, OfTheResultFollowAnEquation) {
  // y = cube root of x, by y^3 = x: dy = dx / (3 y^2), in which y is the call's result, whose
  // derivative is the same rule: every order follows.
  CallAttr attr;
  Builder body("cube_root"), rule("cube_root_jvp");
  const Value x = body.param(scalar(), "x");
  attr.body = body.finish({body.binary(Op::kPow, x, body.constant(1.0 / 3))});
  rule.param(scalar());
  const Value y = rule.param(scalar()), dx = rule.param(scalar());
  attr.jvp = rule.finish({rule.div(dx, rule.mul(rule.constant(3.0), rule.mul(y, y)))});
  Builder b("f");
  const Value at = b.param(scalar(), "x");
  FunctionPtr f = b.finish(b.call(attr, std::span(&at, 1)));
  double wanted = 2;  // of 8^(1/3)
  for (int order = 1; order <= 4; ++order) {
    f = grad(*simplify(*f), {0});
    wanted *= (4.0 / 3 - order) / 8;
    EXPECT_NEAR(real(evaluate(*f, Tensors{number_of(8)})[0]) / wanted, 1, 1e-14) << order;
  }
}

TEST(CallDerivatives, OfLinearEquationsAreSolvesAgain) {
  // A(p) x = [x0 + p x1, 3 x1], whose transpose is another matrix.
  const Type pair{DType::kF64, {2}};
  const auto at = [&](Builder& b, Value v, std::int64_t k) {
    return b.reshape(b.slice(v, {k}, {k + 1}, {1}), {});
  };
  const auto both = [](Builder& b, Value x, Value y) {
    const Value parts[] = {b.reshape(x, {1}), b.reshape(y, {1})};
    return b.concatenate(parts, 0);
  };
  using Make = std::function<Value(Builder&, Value, Value, Value)>;
  const auto function = [&](const char* name, const Make& make) {
    Builder b(name);
    const Value p = b.param(scalar()), v = b.param(pair);
    return b.finish({make(b, p, at(b, v, 0), at(b, v, 1))});
  };
  CallAttr attr;
  attr.equation = function("a", [&](Builder& b, Value p, Value x, Value y) {
    return both(b, b.add(x, b.mul(p, y)), b.mul(b.constant(3.0), y));
  });
  attr.body = function("solve", [&](Builder& b, Value p, Value x, Value y) {
    const Value second = b.div(y, b.constant(3.0));
    return both(b, b.sub(x, b.mul(p, second)), second);
  });
  attr.vjp = function("solve_t", [&](Builder& b, Value p, Value x, Value y) {
    return both(b, x, b.div(b.sub(y, b.mul(p, x)), b.constant(3.0)));
  });
  Builder b("f");
  const Value p = b.param(scalar(), "p"), v = b.param(pair, "v");
  const Value operands[] = {b.mul(p, p), v};
  const Value x = b.call(attr, operands)[0];
  const FunctionPtr f = b.finish({b.mul(at(b, x, 0), b.unary(Op::kSin, at(b, x, 1)))});
  EXPECT_EQ(count(*simplify(*f), Op::kCall), 1);
  check_derivatives(*f, {number_of(0.7), vector_of({1.5, -2})}, {0, 1});
  check_derivatives(*grad(*f, {0}), {number_of(0.7), vector_of({1.5, -2})}, {0, 1});
  const FunctionPtr back = simplify(*vjp(*f, {0, 1}));
  EXPECT_EQ(print(*parse(print(*back))), print(*back));
}

TEST(CallDerivatives, OwnOnesInsideAMap) {
  CallAttr attr;
  const FunctionPtr outer = with_call(false, true);
  Builder row("row");
  row.param(scalar(DType::kI64));
  const Value r = row.param(scalar()), y = row.param(scalar());
  const Value both[] = {r, y};
  const FunctionPtr body = row.finish(row.inline_call(*outer, both));
  Builder b("f");
  const Value operands[] = {b.param({DType::kF64, {3}}), b.param(scalar())};
  const FunctionPtr f = b.finish(b.map({3, 1, {Role::kTotal}, body}, operands));
  const Tensors g = evaluate(*grad(*f, {0}), Tensors{vector_of({0.1, 0.2, 0.3}), number_of(2)});
  for (int k = 0; k < 3; ++k) {
    const double x = 0.1 * (k + 1);
    EXPECT_NEAR(static_cast<double>(g[0].real(k)), 6 * std::sin(x) * std::cos(x) * 2, 1e-15);
  }
}

// --- check

TEST(CheckDerivatives, TheTangentPassesAndTheCheckStays) {
  Builder b("f");
  const Value x = b.param(scalar(), "x");
  const Value y = b.check(b.lt(x, b.constant(1.0)), b.mul(x, x), {3, "x is too large"});
  const FunctionPtr f = b.finish({b.mul(y, x)});
  check_derivatives(*f, {number_of(0.5)}, {0});
  check_derivatives(*f, {number_of(2)}, {0});
  for (const FunctionPtr& g :
       {jvp(*f, {0}), grad(*f, {0}), vjp(*f, {0}), hvp(*f, {0}), grad(*grad(*f, {0}), {0})}) {
    EXPECT_TRUE(g->has_checks()) << print(*g);
    EXPECT_EQ(expose_faults(*g).sites.size(), 1u);
  }
}

// --- simplify

TEST(SimplifyControl, AKnownPredicateLeavesOneBranch) {
  const auto with = [](double p) {
    Builder b("g");
    const Value x = b.param(scalar(), "x");
    const FunctionPtr f =
        either([](Builder& in, const Values& v) { return Values{in.unary(Op::kExp, v[0])}; },
               [](Builder& in, const Values& v) { return Values{in.neg(v[0])}; }, {scalar()});
    const Value all[] = {b.splat(p, scalar(DType::kBool)), x};
    return simplify(*b.finish(b.inline_call(*f, all)));
  };
  EXPECT_EQ(with(1)->op(with(1)->results()[0]), Op::kExp);
  EXPECT_EQ(with(0)->op(with(0)->results()[0]), Op::kNeg);
}

TEST(SimplifyControl, CondLosesWhatItDoesNotNeed) {
  // Results: the same in both; passed on in both; a difference; never read. The last operand is
  // unread, the one before a constant.
  Builder b("g");
  const Value p = b.param(scalar(DType::kBool)), x = b.param(scalar()), y = b.param(scalar());
  const FunctionPtr f = either(
      [](Builder&, const Values& v) { return Values{v[0], v[0], v[0]}; },
      [](Builder& in, const Values& v) { return Values{v[0], v[1], in.unary(Op::kExp, v[2])}; },
      {scalar(), scalar(), scalar(), scalar()});
  const Value all[] = {p, x, y, b.constant(2.0), y};
  const Values r = b.inline_call(*f, all);
  const FunctionPtr one = simplify(*b.finish({r[0], r[1]}));
  EXPECT_EQ(count(*one, Op::kCond), 0) << print(*one);  // an operand, and a select
  EXPECT_EQ(one->results()[0], one->params()[1]);
  EXPECT_EQ(one->op(one->results()[1]), Op::kSelect);

  Builder c("h");
  const Value q = c.param(scalar(DType::kBool)), z = c.param(scalar());
  const Value four[] = {q, z, z, c.constant(2.0), z};
  const FunctionPtr two = simplify(*c.finish({c.inline_call(*f, four)[2]}));
  ASSERT_EQ(count(*two, Op::kCond), 1);
  for (std::uint32_t id = 0; id < two->size(); ++id) {
    if (two->op(Value{id}) == Op::kCond) {
      EXPECT_EQ(two->operands(Value{id}).size(), 2u);
    }
  }
}

TEST(SimplifyControl, WhileLosesDeadAndFixedCarries) {
  // Carries: counted down; fixed; never read. Invariants: a constant, an unread one.
  const FunctionPtr f = parse(R"(function f(%0 n: i64, %1 a: f64, %2 b: f64) {
    %3 = constant 3 : i64
    %4 = while %3, %2, %0, %1, %2 {invariants=2, carries=3, limit=0} : (i64, f64, f64, i64)
    condition (%0 k: i64, %1 step: i64, %2 b: f64, %3 n: i64, %4 a: f64, %5 dead: f64) {
      %6 = constant 0 : i64
      %7 = lt %6, %3 : bool
      return %7
    } body (%0 k: i64, %1 step: i64, %2 b: f64, %3 n: i64, %4 a: f64, %5 dead: f64) {
      %6 = sub %3, %1 : i64
      %7 = add %5, %4 : f64
      return %6, %4, %7
    }
    %5 = project %4 {index=0} : i64
    %6 = project %4 {index=1} : f64
    return %5, %6
  })");
  const FunctionPtr g = simplify(*f);
  EXPECT_EQ(g->results()[1], g->params()[1]);
  bool found = false;
  for (std::uint32_t id = 0; id < g->size(); ++id) {
    if (g->op(Value{id}) != Op::kWhile) continue;
    found = true;
    EXPECT_EQ(g->operands(Value{id}).size(), 1u) << print(*g);
  }
  EXPECT_TRUE(found);
  const Tensors x{Tensor::scalar_of<std::int64_t>(7), number_of(1), number_of(2)};
  const Tensors want = evaluate(*f, x), got = evaluate(*g, x);
  for (std::size_t k = 0; k < 2; ++k) EXPECT_TRUE(want[k].same_bits(got[k]));
}

}  // namespace
}  // namespace cotangent::transform
