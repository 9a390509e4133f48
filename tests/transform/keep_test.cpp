// What reverse mode keeps of loops: every policy gives the same bits, keeps what it says, and later
// passes leave it so.
#include "cotangent/transform/keep.h"

#include "cotangent/ir/random_program.h"
#include "cotangent/ir/text.h"
#include "cotangent/transform/checkpoints.h"
#include "cotangent/transform/passes.h"
#include "tests/transform/support.h"

namespace cotangent::transform {
namespace {

/// f with all its loops, those in bodies too, keeping what `keep` says.
FunctionPtr keeping(const Function& f, Keep keep) {
  const auto inside = [&](const Function& g) { return keeping(g, keep); };
  return rewrite(f, {}, inside, [&](Builder& b, Value v, std::span<const Value> x, const Values&) {
    if (f.op(v) != Op::kLoop) return Values{};
    LoopAttr a = f.attr_as<LoopAttr>(v);
    a.keep = keep;
    a.body = inside(*a.body);
    return b.loop(a, x);
  });
}

const std::vector<Keep> kPolicies = {
    {KeepKind::kEvery, 2},    {KeepKind::kEvery, 3},    {KeepKind::kEvery, 5},
    {KeepKind::kEvery, 1000}, {KeepKind::kBinomial, 1}, {KeepKind::kBinomial, 2},
    {KeepKind::kBinomial, 3}, {KeepKind::kAuto, 1},     {KeepKind::kAuto, 0}};

/// The vjp under each policy against the one that keeps all, bit by bit.
void same_bits(const Function& f, const Positions& wrt, const Tensors& x) {
  const FunctionPtr all = vjp(*keeping(f, {KeepKind::kAll, 0}), wrt);
  const Tensors want = evaluate(*all, x);
  for (const Keep& keep : kPolicies) {
    const FunctionPtr reverse = vjp(*keeping(f, keep), wrt);
    verify(*reverse);
    const Tensors got = evaluate(*reverse, x);
    ASSERT_EQ(got.size(), want.size());
    for (std::size_t k = 0; k < got.size(); ++k) {
      EXPECT_TRUE(got[k].same_bits(want[k])) << "keep " << static_cast<int>(keep.kind) << "("
                                             << keep.number << "), result " << k << "\n"
                                             << print(f);
    }
  }
}

/// f's arguments, then cotangents for its real results.
Tensors with_cotangents(const Function& f, std::uint64_t seed) {
  Tensors x = random_arguments(f, seed);
  std::mt19937_64 random(seed);
  for (std::size_t k = 0; k < f.results().size(); ++k) {
    if (is_float(f.result_type(k).dtype)) x.push_back(random_like(f.result_type(k), random));
  }
  return x;
}

/// Whether a loop reads one array as two of its inputs, whose cotangents blocks add in pairs.
bool repeats_an_input(const Function& f) {
  for (std::uint32_t id = 0; id < f.size(); ++id) {
    const Value v{id};
    if (!is_second_order(f.op(v))) continue;
    for (const FunctionPtr& body : bodies_of(f.attr(v))) {
      if (repeats_an_input(*body)) return true;
    }
    if (f.op(v) != Op::kLoop) continue;
    const auto& a = f.attr_as<LoopAttr>(v);
    const auto begin = f.operands(v).begin() + a.invariants + a.carries;
    std::vector<std::uint32_t> inputs;
    for (auto x = begin; x != begin + a.inputs; ++x) inputs.push_back(x->id);
    std::sort(inputs.begin(), inputs.end());
    if (std::adjacent_find(inputs.begin(), inputs.end()) != inputs.end()) return true;
  }
  return false;
}

TEST(Keep, EveryPolicyHasTheSameBitsOnRandomPrograms) {
  int loops = 0;
  for (std::uint64_t seed = 1; seed <= 400; ++seed) {
    SCOPED_TRACE(seed);
    RandomProgramOptions options;
    options.differentiable = true;
    options.nodes = 6 + static_cast<int>(seed % 12);
    const FunctionPtr f = random_program(seed, options);
    if (!f->contains_op([](Op op) { return op == Op::kLoop; }) || repeats_an_input(*f)) continue;
    ++loops;
    Positions wrt;
    for (std::size_t k = 0; k < f->params().size(); ++k) {
      if (is_float(f->param_type(k).dtype)) wrt.push_back(k);
    }
    if (!wrt.empty()) same_bits(*f, wrt, with_cotangents(*f, seed));
  }
  EXPECT_GT(loops, 30);
}

/// Bytes of all that loops of f and of their bodies emit, the largest of those inside.
std::int64_t emitted(const Function& f) {
  std::int64_t here = 0, inside = 0;
  for (std::uint32_t id = 0; id < f.size(); ++id) {
    const Value v{id};
    if (!is_second_order(f.op(v))) continue;
    for (const FunctionPtr& body : bodies_of(f.attr(v))) inside = std::max(inside, emitted(*body));
    if (f.op(v) != Op::kLoop) continue;
    const auto types = f.result_types(v);
    for (std::size_t k = static_cast<std::size_t>(f.attr_as<LoopAttr>(v).carries); k < types.size();
         ++k) {
      here += types[k].size() * static_cast<std::int64_t>(size_of(types[k].dtype));
    }
  }
  return here + inside;
}

/// A pendulum: q' = p, p' = -k sin q, by kicks and drifts, `trip` steps; with the step back.
FunctionPtr pendulum(std::int64_t trip, Keep keep) {
  LoopAttr a;
  const auto step = [&](bool back) {
    Builder b(back ? "back" : "step");
    b.param(scalar(DType::kI64));
    const Value k = b.param(scalar(), "k");
    Value q = b.param(scalar(), "q"), p = b.param(scalar(), "p");
    const Value dt = b.constant(back ? -0.01 : 0.01);
    const auto kick = [&] { p = b.sub(p, b.mul(dt, b.mul(k, b.unary(Op::kSin, q)))); };
    const auto drift = [&] { q = b.add(q, b.mul(dt, p)); };
    if (back) {
      drift();
      kick();
    } else {
      kick();
      drift();
    }
    return b.finish({q, p});
  };
  a.trip = trip;
  a.invariants = 1;
  a.carries = 2;
  a.body = step(false);
  a.inverse = step(true);
  a.keep = keep;
  Builder b("pendulum");
  const Value operands[] = {b.param(scalar(), "k"), b.param(scalar(), "q"), b.param(scalar(), "p")};
  const Values last = b.loop(a, operands);
  return b.finish({b.add(b.mul(last[0], last[0]), last[1])});
}

const Tensors kStart = {number_of(1.3), number_of(0.4), number_of(0.2)};

TEST(Keep, LaterPassesLeaveWhatIsKept) {
  constexpr std::int64_t kTrip = 10000;
  const auto bytes = [&](Keep keep) {
    return emitted(*run_passes(value_and_grad(*pendulum(kTrip, keep), {0, 1, 2})));
  };
  // q alone: p is only added to. To run a block again takes both.
  EXPECT_EQ(bytes({KeepKind::kAll, 0}), kTrip * 8);
  EXPECT_EQ(bytes({KeepKind::kEvery, 100}), 100 * 16 + 100 * 8);
  EXPECT_EQ(bytes({KeepKind::kEvery, 10}), 1000 * 16 + 10 * 8);
  EXPECT_EQ(bytes({KeepKind::kAuto, 20000}), 100 * 16 + 100 * 8);
  EXPECT_EQ(bytes({KeepKind::kBinomial, 10}), 0);  // its stack is a carry
  EXPECT_EQ(bytes({KeepKind::kReverse, 0}), 0);
}

TEST(Keep, SteppingBackGivesTheGradient) {
  const FunctionPtr all = value_and_grad(*pendulum(1000, {KeepKind::kAll, 0}), {0, 1, 2});
  const FunctionPtr back = value_and_grad(*pendulum(1000, {KeepKind::kReverse, 0}), {0, 1, 2});
  const Tensors want = evaluate(*all, kStart), got = evaluate(*back, kStart);
  EXPECT_TRUE(got[0].same_bits(want[0]));
  for (std::size_t k = 1; k < want.size(); ++k) {
    const auto w = static_cast<double>(want[k].real(0));
    EXPECT_NEAR(static_cast<double>(got[k].real(0)), w, 1e-12 * (1 + std::fabs(w))) << k;
  }
}

// Forward over reverse and reverse over forward: the pushed loop has an inverse too.
TEST(Keep, SteppingBackAtSecondOrder) {
  Tensors x = kStart;
  for (double v : {0.3, -0.2, 0.5}) x.push_back(number_of(v));
  const Tensors want = evaluate(*hvp(*pendulum(300, {KeepKind::kAll, 0}), {0, 1, 2}), x);
  const FunctionPtr back = pendulum(300, {KeepKind::kReverse, 0});
  const Tensors over_reverse = evaluate(*hvp(*back, {0, 1, 2}), x);
  const FunctionPtr forward = jvp(*back, {0, 1, 2});
  EXPECT_TRUE(has_inverses(*forward));
  Tensors with_ct = x;
  with_ct.push_back(number_of(0));
  with_ct.push_back(number_of(1));
  const FunctionPtr reverse = vjp(*forward, {0, 1, 2});
  EXPECT_EQ(emitted(*run_passes(reverse)), 0);
  const Tensors over_forward = evaluate(*reverse, with_ct);
  for (std::size_t k = 0; k < 3; ++k) {
    const auto w = static_cast<double>(want[k].real(0));
    EXPECT_NEAR(static_cast<double>(over_reverse[k].real(0)), w, 1e-10 * (1 + std::fabs(w)));
    EXPECT_NEAR(static_cast<double>(over_forward[2 + k].real(0)), w, 1e-10 * (1 + std::fabs(w)));
  }
}

TEST(Keep, SecondOrderThroughCheckpoints) {
  Tensors x = kStart;
  for (double v : {0.3, -0.2, 0.5}) x.push_back(number_of(v));
  const Tensors want = evaluate(*hvp(*pendulum(40, {KeepKind::kAll, 0}), {0, 1, 2}), x);
  for (const Keep& keep : kPolicies) {
    const FunctionPtr f = pendulum(40, keep);
    const Tensors forward = evaluate(*hvp(*f, {0, 1, 2}), x);
    const Tensors reverse = evaluate(*vjp(*grad(*f, {0, 1, 2}), {0, 1, 2}), x);
    for (std::size_t k = 0; k < 3; ++k) {
      const auto w = static_cast<double>(want[k].real(0));
      EXPECT_NEAR(static_cast<double>(forward[k].real(0)), w, 1e-12 * (1 + std::fabs(w)));
      EXPECT_NEAR(static_cast<double>(reverse[3 + k].real(0)), w, 1e-12 * (1 + std::fabs(w)));
    }
  }
}

/// Steps advanced again to reverse n steps by d places, by the rule of checkpoints.h and by the
/// best of all rules.
TEST(Keep, CheckpointsAreWhereTheyCostLeast) {
  constexpr std::int64_t kMost = 40, kPlaces = 5;
  Builder b("f");
  const Value n = b.param(scalar(DType::kI64)), d = b.param(scalar(DType::kI64));
  const FunctionPtr rule = b.finish({steps_to_advance(b, n, d)});
  std::vector<std::vector<std::int64_t>> taken(kPlaces + 1), best(kPlaces + 1);
  for (std::int64_t places = 1; places <= kPlaces; ++places) {
    auto& t = taken[static_cast<std::size_t>(places)];
    auto& least = best[static_cast<std::size_t>(places)];
    t = least = {0, 0};
    for (std::int64_t steps = 2; steps <= kMost; ++steps) {
      const auto cost = [&](const auto& costs, std::int64_t l) {
        const auto at = [](std::int64_t k) { return static_cast<std::size_t>(k); };
        return l + costs[at(places - 1)][at(steps - l)] + costs[at(places)][at(l)];
      };
      if (places == 1) {
        t.push_back(steps * (steps - 1) / 2);
        least.push_back(t.back());
        continue;
      }
      std::int64_t fewest = INT64_MAX;
      for (std::int64_t l = 1; l < steps; ++l) fewest = std::min(fewest, cost(best, l));
      least.push_back(fewest);
      const Tensors given = {Tensor::scalar_of(steps), Tensor::scalar_of(places)};
      const Tensors l = evaluate(*rule, given);
      t.push_back(cost(taken, l[0].as<std::int64_t>()[0]));
      EXPECT_EQ(t.back(), fewest) << steps << " steps, " << places << " places";
    }
  }
}

// A budget bounds what loops inside keep, too.
TEST(Keep, ABudgetHoldsForLoopsInside) {
  Builder inner("inner"), outer("outer"), b("f");
  inner.param(scalar(DType::kI64));
  const Value x = inner.param(scalar());
  LoopAttr in;
  in.trip = 1000;
  in.carries = 1;
  in.body = inner.finish({inner.unary(Op::kSin, x)});
  outer.param(scalar(DType::kI64));
  const Value y[] = {outer.param(scalar())};
  LoopAttr out;
  out.trip = 100;
  out.carries = 1;
  out.keep = {KeepKind::kAuto, 1000};
  out.body = outer.finish(outer.loop(in, y));
  const Value start[] = {b.param(scalar())};
  const FunctionPtr f = b.finish(b.loop(out, start));
  EXPECT_LE(emitted(*run_passes(grad(*f, {0}))), 1000 + 8000);  // one inner loop's at a time
  LoopAttr tight = out;                                         // in blocks
  tight.keep = {KeepKind::kAuto, 400};
  Builder c("g");
  const Value from[] = {c.param(scalar())};
  const FunctionPtr g = c.finish(c.loop(tight, from));
  EXPECT_LE(emitted(*run_passes(grad(*g, {0}))), 400 + 8000);
  EXPECT_EQ(emitted(*run_passes(grad(*keeping(*f, {KeepKind::kAll, 0}), {0}))),
            800000 + 8000);  // and those of the step that is run
}

TEST(Keep, ReadsBackFromText) {
  for (Keep keep : {Keep{}, Keep{KeepKind::kAll, 0}, Keep{KeepKind::kEvery, 32},
                    Keep{KeepKind::kAuto, 1 << 20}, Keep{KeepKind::kReverse, 0}}) {
    const FunctionPtr f = pendulum(7, keep);
    const FunctionPtr again = parse(print(*f));
    EXPECT_EQ(print(*again), print(*f));
    EXPECT_TRUE(structurally_equal(*f, *again));
  }
}

TEST(Keep, SteppingBackWantsAnInverse) {
  const FunctionPtr f = pendulum(7, {});
  Builder b("f");
  LoopAttr a;
  for (std::uint32_t id = 0; id < f->size(); ++id) {
    if (f->op(Value{id}) == Op::kLoop) a = f->attr_as<LoopAttr>(Value{id});
  }
  a.inverse = nullptr;
  a.keep = {KeepKind::kReverse, 0};
  const Value operands[] = {b.param(scalar()), b.param(scalar()), b.param(scalar())};
  EXPECT_THROW(b.loop(a, operands), UserError);
  a.keep = {KeepKind::kAll, 3};
  EXPECT_THROW(b.loop(a, operands), UserError);
  a.keep = {KeepKind::kEvery, 0};
  EXPECT_THROW(b.loop(a, operands), UserError);
}

TEST(Keep, TheChoiceFollowsTheBudget) {
  const auto kind = [](KeepChoice c) { return c.keep.kind; };
  EXPECT_EQ(kind(choose_keep({}, 1000, 8)), KeepKind::kAll);
  const KeepChoice small = choose_keep({KeepKind::kAuto, 10000}, 10000, 8);
  EXPECT_EQ(kind(small), KeepKind::kEvery);
  EXPECT_EQ(small.keep.number, 100);
  EXPECT_EQ(small.bytes, 1600);
  const KeepChoice tight = choose_keep({KeepKind::kAuto, 400}, 10000, 8);
  EXPECT_EQ(kind(tight), KeepKind::kBinomial);
  EXPECT_EQ(tight.keep.number, 50);
  EXPECT_EQ(tight.bytes, 400);
  EXPECT_EQ(choose_keep({KeepKind::kEvery, 10}, 1000, 8, 7).keep.number, 14);
  EXPECT_EQ(kind(choose_keep({KeepKind::kEvery, 10}, 1000, 8, 1001)), KeepKind::kAll);
}

}  // namespace
}  // namespace cotangent::transform
