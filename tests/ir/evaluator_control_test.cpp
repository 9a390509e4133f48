// while, cond, call and check against code written out; what is refused; what folding and finish
// leave alone.
#include <gtest/gtest.h>

#include <cmath>

#include "cotangent/ir/text.h"
#include "tests/ir/helpers.h"

namespace cotangent::ir::testing {
namespace {

const EvaluateOptions kExtended{true, nullptr};

Tensor f64(double x) {
  return Tensor::scalar_of(x);
}
double real(const Tensor& t) {
  return static_cast<double>(t.real(0));
}

// Halves x until it is below c, at most `limit` times.
std::string halving(const std::string& limit) {
  return R"(function f(%0 x: f64, %1 c: f64) {
    %2 = while %1, %0 {invariants=1, carries=1, limit=)" +
         limit + R"(} : (f64, i64) condition (%0 k: i64, %1 c: f64, %2 x: f64) {
      %3 = le %1, %2 : bool
      return %3
    } body (%0 k: i64, %1 c: f64, %2 x: f64) {
      %3 = constant 0.5 : f64
      %4 = mul %2, %3 : f64
      return %4
    }
    %3 = project %2 {index=0} : f64
    %4 = project %2 {index=1} : i64
    return %3, %4
  })";
}

TEST(While, RunsAsLongAsTheConditionHolds) {
  const FunctionPtr f = parse(halving("0"));
  for (double x : {0.5, 1.0, 3.0, 1e6}) {
    const auto out = evaluate(*f, std::vector{f64(x), f64(1)});
    double want = x;
    std::int64_t count = 0;
    while (want >= 1) want *= 0.5, ++count;
    EXPECT_EQ(real(out[0]), want);
    EXPECT_EQ(out[1].integer(0), count);
  }
  const auto limited = evaluate(*parse(halving("3")), std::vector{f64(1e6), f64(1)});
  EXPECT_EQ(real(limited[0]), 1e6 / 8);
  EXPECT_EQ(limited[1].integer(0), 3);
}

TEST(While, KeepsExtendedPrecision) {
  // The sum of 1/3 + 1/9 + ..., until the term is below 1e-18.
  const FunctionPtr f = parse(R"(function f(%0 t: f64, %1 s: f64) {
    %2 = while %0, %1 {invariants=0, carries=2, limit=0} : (f64, f64, i64)
    condition (%0 k: i64, %1 t: f64, %2 s: f64) {
      %3 = constant 1e-18 : f64
      %4 = lt %3, %1 : bool
      return %4
    } body (%0 k: i64, %1 t: f64, %2 s: f64) {
      %3 = constant 3 : f64
      %4 = div %1, %3 : f64
      %5 = add %2, %4 : f64
      return %4, %5
    }
    %3 = project %2 {index=1} : f64
    return %3
  })");
  long double t = 1, s = 0;
  while (t > 1e-18) t /= 3, s += t;
  EXPECT_EQ(evaluate(*f, std::vector{f64(1), f64(0)}, kExtended)[0].real(0), s);
  EXPECT_NE(evaluate(*f, std::vector{f64(1), f64(0)})[0].real(0), s);
}

TEST(Cond, RunsOneBranchOnly) {
  const FunctionPtr f = parse(R"(function f(%0 p: bool, %1 x: f64) {
    %2 = cond %0, %1 : (f64) then (%0 x: f64) {
      %1 = sqrt %0 : f64
      return %1
    } else (%0 x: f64) {
      %1 = neg %0 : f64
      return %1
    }
    %3 = project %2 {index=0} : f64
    return %3
  })");
  std::vector<Op> seen;
  EvaluateOptions watching;
  watching.observe = [&](const Function& g, Value v, const Tensor&) { seen.push_back(g.op(v)); };
  const auto at = [&](bool p, double x) {
    seen.clear();
    return real(evaluate(*f, std::vector{Tensor::scalar_of(p), f64(x)}, watching)[0]);
  };
  EXPECT_EQ(at(true, 9), 3);
  EXPECT_EQ(std::count(seen.begin(), seen.end(), Op::kNeg), 0);
  EXPECT_EQ(at(false, -9), 9);
  EXPECT_EQ(std::count(seen.begin(), seen.end(), Op::kSqrt), 0);
}

TEST(Call, RunsItsBody) {
  Builder square("square");
  const Value s = square.param(scalar(), "x");
  CallAttr attr;
  attr.body = square.finish({square.mul(s, s)});
  Builder b("f");
  const Value x = b.param(scalar(), "x");
  const FunctionPtr f = b.finish(b.call(attr, std::span(&x, 1)));
  EXPECT_EQ(real(evaluate(*f, std::vector{f64(3)})[0]), 9);
  EXPECT_TRUE(structurally_equal(*f, *parse(print(*f)))) << print(*f);
}

FunctionPtr checked(bool used) {
  Builder b("f");
  const Value x = b.param(scalar(), "x");
  const Value positive = b.lt(b.constant(0.0), x);
  const Value y = b.check(positive, x, {7, "x is \"not\" positive"}, b.constant_i64(3));
  return b.finish({used ? y : x});
}

TEST(Check, IsTheIdentityAndStays) {
  for (bool used : {true, false}) {
    const FunctionPtr f = checked(used);
    EXPECT_TRUE(f->has_checks());
    EXPECT_EQ(f->size(), checked(true)->size());
    EXPECT_EQ(real(evaluate(*f, std::vector{f64(-2)})[0]), -2);
    EXPECT_TRUE(structurally_equal(*f, *parse(print(*f)))) << print(*f);
  }
}

TEST(Check, StaysInABodyThatNobodyReads) {
  Builder body("row");
  body.param(scalar(DType::kI64));
  const Value x = body.param(scalar());
  body.check(body.lt(x, body.constant(1.0)), x, {1, ""});
  Builder b("f");
  const Value rows = b.param({DType::kF64, {4}});
  b.map({4, 1, {Role::kStack}, body.finish({x})}, std::span(&rows, 1));
  const FunctionPtr f = b.finish({rows});
  EXPECT_TRUE(f->has_checks());
  EXPECT_EQ(f->op(Value{1}), Op::kMap);
}

TEST(Check, FoldsWhereItCannotFail) {
  Builder b("f");
  const Value x = b.param(scalar(), "x");
  EXPECT_EQ(b.check(b.splat(1, scalar(DType::kBool)), x, {0, ""}), x);
  EXPECT_NE(b.check(b.splat(0, scalar(DType::kBool)), x, {0, ""}), x);
  const Value constant = b.constant(1.0);
  EXPECT_NE(b.check(b.splat(0, scalar(DType::kBool)), constant, {0, ""}), constant);
}

std::string refusal(const std::function<void(Builder&, Value x)>& build) {
  Builder b("f");
  const Value x = b.param(scalar(), "x");
  try {
    build(b, x);
  } catch (const UserError& e) {
    return e.what();
  }
  return "(accepted)";
}

FunctionPtr identity(std::vector<Type> params, std::vector<std::size_t> results) {
  Builder b("g");
  std::vector<Value> all, out;
  for (const Type& t : params) all.push_back(b.param(t));
  for (std::size_t k : results) out.push_back(all[k]);
  return b.finish(out);
}

TEST(Control, RefusalsNameTheOp) {
  const Type real = scalar(), whole = scalar(DType::kI64), truth = scalar(DType::kBool);
  const auto starts = [](const std::string& message, const std::string& expected) {
    EXPECT_EQ(message.substr(0, expected.size()), expected);
  };
  const auto loop = [&](FunctionPtr condition, FunctionPtr body) {
    return refusal(
        [=](Builder& b, Value x) { b.while_loop({0, 1, 0, condition, body}, std::span(&x, 1)); });
  };
  Builder yes("yes");
  yes.param(whole), yes.param(real);
  const FunctionPtr always = yes.finish({yes.splat(1, truth)});
  const FunctionPtr same = identity({whole, real}, {1});
  EXPECT_EQ(loop(always, same), "(accepted)");
  starts(loop(same, same), "[while] the condition gives f64, wanted is bool");
  starts(loop(always, identity({whole, real}, {0})), "[while] the body gives i64, wanted is f64");
  starts(loop(always, identity({whole}, {0})), "[while] the body takes 1 parameters, given 2");
  Builder checks("checks");
  checks.param(whole);
  const Value y = checks.param(real);
  const Value small = checks.lt(y, checks.constant(1.0));
  checks.check(small, y, {0, ""});
  starts(loop(checks.finish({small}), same), "[while] the condition holds a check");

  const FunctionPtr one = identity({real}, {0});
  const auto cond = [&](bool bool_predicate, FunctionPtr other) {
    return refusal([=](Builder& b, Value x) {
      const Value both[] = {bool_predicate ? b.lt(x, x) : x, x};
      b.cond({one, other}, both);
    });
  };
  EXPECT_EQ(cond(true, one), "(accepted)");
  starts(cond(false, one), "[cond] the predicate is f64, not one bool");
  starts(cond(true, identity({real}, {0, 0})), "[cond] the branch taken where it is false gives");
  starts(cond(true, identity({real, real}, {0})),
         "[cond] the branch taken where it is false takes");

  const auto call = [&](FunctionPtr jvp, FunctionPtr vjp) {
    return refusal([=](Builder& b, Value x) {
      CallAttr attr;
      attr.body = one, attr.jvp = jvp, attr.vjp = vjp;
      b.call(attr, std::span(&x, 1));
    });
  };
  EXPECT_EQ(call(identity({real, real}, {0, 1}), identity({real, real, real}, {2})), "(accepted)");
  starts(call(one, nullptr), "[call] the jvp takes 1 parameters, given 2");
  starts(call(nullptr, identity({real, real}, {1})), "[call] the vjp takes 2 parameters, given 3");
  starts(call(identity({real, real}, {0}), nullptr), "[call] the jvp gives f64, wanted is f64 and");

  starts(refusal([](Builder& b, Value x) { b.check(x, x, {}); }), "[check] the predicate is f64");
  starts(refusal([](Builder& b, Value x) { b.check(b.lt(x, x), x, {}, x); }),
         "[check] the payload is f64, not one i64");
  starts(refusal([](Builder& b, Value x) { b.check(b.lt(x, x), x, {-1, ""}); }),
         "[check] a site is not negative");
}

}  // namespace

std::set<Op> control_ops_tested() {
  return {Op::kWhile, Op::kCond, Op::kCall, Op::kCheck};
}

}  // namespace cotangent::ir::testing
