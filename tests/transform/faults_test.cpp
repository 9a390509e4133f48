// What a check means: the fault of the exposed program against code written out, op by op.
#include "cotangent/transform/faults.h"

#include "cotangent/ir/random_program.h"
#include "tests/transform/support.h"

namespace cotangent::transform {
namespace {

using Numbers = std::vector<std::int64_t>;

Numbers fault_of(const Function& f, const Tensors& x) {
  const Exposed e = expose_faults(f);
  verify(*e.program);
  EXPECT_FALSE(e.program->has_checks());
  const Tensors all = evaluate(*e.program, x);
  Numbers out;
  for (std::int64_t k = 0; k < 4; ++k) out.push_back(all.back().integer(k));
  // The passes keep it, and all else.
  const Tensors after = evaluate(*run_passes(e.program, {false, false}), x);
  for (std::size_t k = 0; k < all.size(); ++k) EXPECT_TRUE(all[k].same_bits(after[k]));
  return out;
}

const Numbers kNone{-1, -1, kNoFault, 0};

TEST(Faults, TheLeastSiteOfStraightCode) {
  Builder b("f");
  const Value x = b.param(scalar(), "x"), n = b.param(scalar(DType::kI64), "n");
  b.check(b.lt(x, b.constant(3.0)), x, {2, "second"});
  b.check(b.lt(x, b.constant(2.0)), x, {1, "first"}, n);
  const FunctionPtr f = b.finish({x});
  const auto at = [&](double v) {
    return fault_of(*f, {number_of(v), Tensor::scalar_of<std::int64_t>(42)});
  };
  EXPECT_EQ(at(1), kNone);
  EXPECT_EQ(at(2.5), (Numbers{-1, -1, 1, 42}));
  EXPECT_EQ(at(5), (Numbers{-1, -1, 1, 42}));
  EXPECT_EQ(at(NAN), (Numbers{-1, -1, 1, 42}));
  const Exposed e = expose_faults(*f);
  ASSERT_EQ(e.sites.size(), 2u);
  EXPECT_EQ(e.sites[0].message, "first");
  EXPECT_EQ(e.sites[1].message, "second");
}

TEST(Faults, AnArrayPredicateFailsWhereAnyElementDoes) {
  Builder b("f");
  const Value x = b.param({DType::kF64, {3}}, "x");
  const FunctionPtr f = b.finish({b.check(b.unary(Op::kIsFinite, x), x, {9, "not finite"})});
  EXPECT_EQ(fault_of(*f, {vector_of({1, 2, 3})}), kNone);
  EXPECT_EQ(fault_of(*f, {vector_of({1, INFINITY, 3})}), (Numbers{-1, -1, 9, 0}));
}

/// Doubles x each step, with a check that it stays below 100; its steps beside it.
FunctionPtr doubling(bool by_while) {
  const Type whole = scalar(DType::kI64);
  Builder step("step");
  const Value k = step.param(whole), x = step.param(scalar()), n = step.param(whole);
  const Value twice = step.mul(x, step.constant(2.0));
  const Value next =
      step.check(step.lt(twice, step.constant(100.0)), twice, {5, "x is too large"}, k);
  const FunctionPtr body = step.finish({next, step.add(n, step.constant_i64(1))});
  Builder b("run");
  const Value operands[] = {b.param(scalar(), "x"), b.constant_i64(0)};
  if (!by_while) {
    LoopAttr loop;
    loop.trip = 10;
    loop.carries = 2;
    loop.body = body;
    return b.finish(b.loop(loop, operands));
  }
  Builder c("goes_on");
  const Value i = c.param(whole);
  c.param(scalar()), c.param(whole);
  WhileAttr loop;
  loop.carries = 2;
  loop.condition = c.finish({c.lt(i, c.constant_i64(10))});
  loop.body = body;
  return b.finish(b.while_loop(loop, operands));
}

TEST(Faults, ALoopStopsBeforeTheStepThatFails) {
  for (bool by_while : {false, true}) {
    const FunctionPtr f = doubling(by_while);
    for (double x : {0.05, 1.0, 30.0, 1000.0}) {
      double want = x;
      std::int64_t steps = 0;
      while (steps < 10 && 2 * want < 100) want *= 2, ++steps;
      const Numbers fault = steps == 10 ? kNone : Numbers{steps, -1, 5, steps};
      Numbers got = fault_of(*f, {number_of(x)});
      if (steps == 10) got[0] = -1;  // the step of no fault means nothing
      EXPECT_EQ(got, fault) << x;
      const Tensors out = evaluate(*expose_faults(*f).program, Tensors{number_of(x)});
      EXPECT_EQ(out[0].real(0), want);
      EXPECT_EQ(out[1].integer(0), steps);
      if (by_while) {
        EXPECT_EQ(out[2].integer(0), steps);
      }
    }
  }
}

/// As many doublings side by side.
FunctionPtr lanes(bool by_while) {
  const FunctionPtr one = doubling(by_while);
  Builder row("lane");
  row.param(scalar(DType::kI64));
  const Value x = row.param(scalar());
  const Values r = row.inline_call(*one, std::span(&x, 1));
  Builder b("batch");
  const Value xs = b.param({DType::kF64, {5}});
  return b.finish(
      b.map({5, 1, {Role::kStack, Role::kStack}, row.finish({r[0], r[1]})}, std::span(&xs, 1)));
}

TEST(Faults, ALaneFreezesAlone) {
  const Tensor xs = vector_of({0.05, 10, 1, 30, 0.01});
  for (bool by_while : {false, true}) {
    const FunctionPtr f = lanes(by_while);
    // Lane 3 fails at step 1, before lane 1 at step 3.
    EXPECT_EQ(fault_of(*f, {xs}), (Numbers{1, 3, 5, 1}));
    const Tensors out = evaluate(*expose_faults(*f).program, Tensors{xs});
    EXPECT_EQ(out[0].real(0), 0.05 * 1024);
    EXPECT_EQ(out[0].real(1), 80);
    EXPECT_EQ(out[0].real(3), 60);
    EXPECT_EQ(out[1].integer(1), 3);
    EXPECT_EQ(out[1].integer(4), 10);
    // Lanes 1 and 2 are equal: the lesser is told.
    EXPECT_EQ(fault_of(*f, {vector_of({0.05, 30, 30, 1, 0.01})}), (Numbers{1, 1, 5, 1}));
    EXPECT_EQ(fault_of(*f, {vector_of({0.05, 0.05, 0.05, 0.05, 0.05})})[2], kNoFault);
  }
}

TEST(Faults, OfABranchOnlyWhereItIsTaken) {
  Builder yes("yes"), no("no"), b("f");
  const Value x = yes.param(scalar());
  no.param(scalar());
  const CondAttr attr{yes.finish({yes.check(yes.lt(x, yes.constant(1.0)), x, {4, ""})}),
                      no.finish({no.constant(0.0)})};
  const Value operands[] = {b.param(scalar(DType::kBool)), b.param(scalar())};
  const FunctionPtr f = b.finish(b.cond(attr, operands));
  EXPECT_EQ(fault_of(*f, {Tensor::scalar_of(true), number_of(0.5)}), kNone);
  EXPECT_EQ(fault_of(*f, {Tensor::scalar_of(true), number_of(2)}), (Numbers{-1, -1, 4, 0}));
  EXPECT_EQ(fault_of(*f, {Tensor::scalar_of(false), number_of(2)}), kNone);
}

TEST(Faults, OfPairs) {
  for (PairKind kind : {PairKind::kLess, PairKind::kUnequal}) {
    Builder pair("pair");
    const Value i = pair.param(scalar(DType::kI64)), j = pair.param(scalar(DType::kI64));
    const Value x = pair.param(scalar()), y = pair.param(scalar());
    const Value d = pair.sub(x, y);
    const Value apart = pair.lt(pair.constant(0.25), pair.unary(Op::kAbs, d));
    const Value number = pair.add(pair.mul(i, pair.constant_i64(10)), j);
    const FunctionPtr body = pair.finish({pair.check(apart, d, {6, "too near"}, number)});
    Builder b("f");
    const Value xs = b.param({DType::kF64, {4}});
    const Value both[] = {xs, xs};
    const FunctionPtr f = b.finish(b.pair_sum({4, kind, 1, 1, {Role::kTotal}, body}, both));
    EXPECT_EQ(fault_of(*f, {vector_of({1, 2, 3, 4})}), kNone);
    EXPECT_EQ(fault_of(*f, {vector_of({1, 2, 3, 2.1})}), (Numbers{-1, -1, 6, 13}));
  }
}

// Lanes of a map inside a pair come before sites: (-1, 2, 9) is less than (-1, 5, 3).
TEST(Faults, OfPairsWithLanesInside) {
  Builder lane("lane");
  const Value k = lane.param(scalar(DType::kI64)), d = lane.param(scalar());
  const Value low = lane.ne(k, lane.constant_i64(2)), high = lane.ne(k, lane.constant_i64(5));
  const Value is_first = lane.lt(d, lane.constant(0.0));
  // Pairs with x < y fail in lane 5 with site 3, the others in lane 2 with site 9.
  const Value once =
      lane.check(lane.binary(Op::kOr, high, lane.unary(Op::kNot, is_first)), d, {3, "three"});
  const Value twice = lane.check(lane.binary(Op::kOr, low, is_first), once, {9, "nine"});
  MapAttr inside;
  inside.count = 7;
  inside.roles = {Role::kTotal};
  inside.body = lane.finish({twice});
  Builder pair("pair");
  pair.param(scalar(DType::kI64)), pair.param(scalar(DType::kI64));
  const Value x = pair.param(scalar()), y = pair.param(scalar());
  const Value difference = pair.sub(x, y);
  const FunctionPtr body = pair.finish(pair.map(inside, std::span(&difference, 1)));
  Builder b("f");
  const Value xs = b.param({DType::kF64, {3}});
  const Value both[] = {xs, xs};
  const FunctionPtr f =
      b.finish(b.pair_sum({3, PairKind::kUnequal, 1, 1, {Role::kTotal}, body}, both));
  EXPECT_EQ(fault_of(*f, {vector_of({1, 2, 3})}), (Numbers{-1, 2, 9, 0}));
}

TEST(Faults, OneNumberHasOneMessage) {
  Builder b("f");
  const Value x = b.param(scalar());
  const Value once = b.check(b.lt(x, b.constant(3.0)), x, {2, "below three"});
  const FunctionPtr f = b.finish({b.check(b.lt(x, b.constant(2.0)), once, {2, "below two"})});
  try {
    expose_faults(*f);
    FAIL();
  } catch (const UserError& e) {
    EXPECT_NE(std::string(e.what()).find("number 2 has two messages"), std::string::npos);
  }
}

TEST(Faults, NestedLoopsTellTheOuterStep) {
  // for k < 4: for l < 3: x += 1, below 8: fails at x = 8, in step 2, where x is 7 after l = 0.
  Builder inner("inner"), outer("outer"), b("f");
  inner.param(scalar(DType::kI64));
  const Value x = inner.param(scalar());
  const Value next = inner.add(x, inner.constant(1.0));
  LoopAttr attr;
  attr.trip = 3;
  attr.carries = 1;
  attr.body = inner.finish({inner.check(inner.lt(next, inner.constant(8.0)), next, {1, ""})});
  outer.param(scalar(DType::kI64));
  const Value y = outer.param(scalar());
  LoopAttr around = attr;
  around.trip = 4;
  around.body = outer.finish(outer.loop(attr, std::span(&y, 1)));
  const Value start = b.param(scalar());
  const FunctionPtr f = b.finish(b.loop(around, std::span(&start, 1)));
  EXPECT_EQ(fault_of(*f, {number_of(0)}), (Numbers{2, -1, 1, 0}));
  // The whole step is undone.
  EXPECT_EQ(evaluate(*expose_faults(*f).program, Tensors{number_of(0)})[0].real(0), 6);
}

/// In one step of the outermost loop, and in one lane of the outermost map, the sites decide,
/// whichever of the checks are in a loop or a map within.
TEST(Faults, WithinAStepTheLeastSiteIsTold) {
  for (const bool by_map : {false, true}) {
    Builder inner("inner"), outer("outer"), b("f");
    inner.param(scalar(DType::kI64));
    const Value x = inner.param(scalar());
    const Value next = inner.add(x, inner.constant(1.0));
    LoopAttr loop;
    loop.trip = 3;
    loop.carries = 1;
    MapAttr map;
    map.count = 3;
    map.roles = {Role::kTotal};
    loop.body = map.body =
        inner.finish({inner.check(inner.lt(next, inner.constant(8.0)), next, {1, ""})});
    outer.param(scalar(DType::kI64));
    const Value y = outer.param(scalar());
    const auto around = [&](Builder& in, const Value& of) {
      return by_map ? in.map(map, std::span(&of, 1))[0] : in.loop(loop, std::span(&of, 1))[0];
    };
    const Value made = around(outer, y);
    loop.body = map.body =
        outer.finish({outer.check(outer.lt(made, outer.constant(6.5)), made, {5, ""})});
    const Value start = b.param(scalar());
    const FunctionPtr f = b.finish({around(b, start)});
    EXPECT_EQ(fault_of(*f, {number_of(7)}),
              by_map ? (Numbers{-1, 0, 1, 0}) : (Numbers{0, -1, 1, 0}));
  }
}

TEST(Faults, RandomProgramsWithoutFaultKeepTheirValues) {
  int checked = 0, clean = 0;
  for (std::uint64_t seed = 0; seed < 400; ++seed) {
    const FunctionPtr f = random_program(seed);
    if (!f->has_checks()) continue;
    ++checked;
    const Tensors x = random_arguments(*f, seed);
    const Exposed e = expose_faults(*f);
    verify(*e.program);
    const Tensors want = evaluate(*f, x), got = evaluate(*e.program, x);
    ASSERT_EQ(got.size(), want.size() + 1);
    if (got.back().integer(2) != kNoFault) continue;
    ++clean;
    for (std::size_t k = 0; k < want.size(); ++k) {
      EXPECT_TRUE(want[k].same_bits(got[k])) << seed << "\n" << print(*f) << print(*e.program);
    }
  }
  EXPECT_GT(checked, 100);
  EXPECT_GT(clean, 20);
}

}  // namespace
}  // namespace cotangent::transform
