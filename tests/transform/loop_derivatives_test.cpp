// Derivatives through loops: invariants, carries, inputs, outputs at a cadence, dynamic counts; and
// linearise, whose halves together are the jvp.
#include "cotangent/ir/random_program.h"
#include "tests/transform/support.h"

namespace cotangent::transform {
namespace {

const Type kPair{DType::kF64, Shape{2}};

/// x <- x + h*sin(k*x) + u_t, with the energy emitted every `every` steps.
FunctionPtr walk(std::int64_t trip, std::int64_t every, bool dynamic) {
  Builder body("step");
  const Value t = body.param(scalar(DType::kI64));
  const Value k = body.param(scalar());
  const Value x = body.param(kPair), s = body.param(scalar());
  const Value u = body.param(kPair);
  const Value time = body.mul(body.constant(0.1), body.cast(t, DType::kF64));
  const Value force =
      body.unary(Op::kSin, body.add(body.scale(k, x), body.broadcast_to(time, Shape{2})));
  const Value next = body.add(body.add(x, body.mul(body.splat(0.3, kPair), force)), u);
  const Value energy = body.mul(k, body.dot(next, next));
  LoopAttr attr;
  attr.trip = trip;
  attr.invariants = 1;
  attr.carries = 2;
  attr.inputs = 1;
  attr.every = {every, 1};
  attr.dynamic = dynamic;
  attr.body = body.finish({next, body.add(s, body.mul(s, energy)), energy, body.mul(u, x)});
  Builder b("walk");
  const Value pk = b.param(scalar()), px = b.param(kPair), ps = b.param(scalar());
  const Value pu = b.param(Type{DType::kF64, Shape{trip, 2}});
  Values operands{pk, px, ps, pu};
  if (dynamic) {
    operands.push_back(b.param(scalar(DType::kI64)));
    operands.push_back(b.param(scalar(DType::kI64)));
  }
  return b.finish(b.loop(attr, operands));
}

Tensors at(std::int64_t trip) {
  std::mt19937_64 random(3);
  const Tensor u = random_like(Type{DType::kF64, Shape{trip, 2}}, random);
  return {number_of(0.7), vector_of({0.3, -0.2}), number_of(0.01),
          shifted(Tensor(u.type()), 0.1, u)};
}

TEST(Loop, StaticCount) {
  for (std::int64_t every : {1, 2, 3}) {
    const FunctionPtr f = walk(7, every, false);
    check_derivatives(*f, at(7), {0, 1, 2, 3});
    check_derivatives(*f, at(7), {0});
    check_derivatives(*f, at(7), {1});
    check_derivatives(*f, at(7), {3});
  }
}

TEST(Loop, DynamicCount) {
  for (std::int64_t first : {0, 1, 5}) {
    for (std::int64_t count : {0, 1, 4, 7}) {
      const FunctionPtr f = walk(7, 2, true);
      Tensors x = at(7);
      x.push_back(Tensor::scalar_of<std::int64_t>(first));
      x.push_back(Tensor::scalar_of<std::int64_t>(count));
      SCOPED_TRACE(testing::Message() << first << " " << count);
      check_derivatives(*f, x, {0, 1, 2, 3});
      check_derivatives(*f, x, {1});
    }
  }
}

TEST(Loop, SecondAndThirdOrder) {
  const FunctionPtr f = walk(4, 2, false);
  Builder b("loss");
  Values p;
  for (std::size_t k = 0; k < 4; ++k) p.push_back(b.param(f->param_type(k)));
  const auto out = b.inline_call(*f, p);
  const FunctionPtr loss =
      b.finish({b.add(b.reduce_sum(b.mul(out[0], out[0])), b.add(b.reduce_sum(out[2]), out[1]))});
  const FunctionPtr g = grad(*loss, {0, 1});
  check_derivatives(*g, at(4), {0, 1, 3});
  Tensors x = at(4);
  x.push_back(number_of(0.2));
  x.push_back(vector_of({0.5, -0.4}));
  check_derivatives(*vjp(*g, {1}), x, {0, 1}, 5,
                    1e-5);  // reverse over reverse, differentiated again
  const FunctionPtr dynamic = walk(4, 3, true);
  Tensors y = at(4);
  y.push_back(Tensor::scalar_of<std::int64_t>(2));
  y.push_back(Tensor::scalar_of<std::int64_t>(3));
  for (std::size_t k = 0; k < 4; ++k) {
    std::mt19937_64 random(k);
    y.push_back(random_like(dynamic->result_type(k), random));
  }
  check_derivatives(*vjp(*dynamic, {0, 1}), y, {0, 1, 3}, 6, 1e-5);
}

TEST(Loop, ReverseIsALoopAndKeepsOnlyCarries) {
  const FunctionPtr f = walk(50, 1, false);
  const FunctionPtr g = vjp(*f, {1});
  int loops = 0;
  for (const Node& n : g->nodes()) loops += n.op == Op::kLoop;
  EXPECT_EQ(loops, 2) << print(*g);
  EXPECT_LT(g->total_size(), 250u);  // nothing is unrolled
}

// --- linearise

void check_linearise(const Function& f, const Tensors& x, const Positions& wrt) {
  std::mt19937_64 random(9);
  Tensors d, with_d = x;
  for (std::size_t k : wrt) {
    d.push_back(random_like(f.param_type(k), random));
    with_d.push_back(d.back());
  }
  const Linearised halves = linearise(f, wrt);
  verify(*halves.primal);
  verify(*halves.linear);
  const Tensors whole = evaluate(*jvp(f, wrt), with_d);
  const Tensors primal = evaluate(*halves.primal, x);
  const std::size_t m = f.results().size();
  Tensors arguments(primal.begin() + static_cast<long>(m), primal.end());
  arguments.insert(arguments.end(), d.begin(), d.end());
  const Tensors linear = evaluate(*halves.linear, arguments);
  for (std::size_t k = 0; k < m; ++k) EXPECT_TRUE(primal[k].same_bits(whole[k]));
  ASSERT_EQ(linear.size() + m, whole.size());
  for (std::size_t k = 0; k < linear.size(); ++k) {
    EXPECT_TRUE(linear[k].same_bits(whole[m + k])) << print(*halves.linear);
  }
  // The linear half is linear: it transposes, and to the vjp.
  Positions directions;
  for (std::size_t k = 0; k < wrt.size(); ++k) {
    directions.push_back(halves.linear->params().size() - wrt.size() + k);
  }
  Tensors back(primal.begin() + static_cast<long>(m), primal.end()), with_ct = x;
  for (std::size_t k = 0; k < m; ++k) {
    if (!is_float(f.result_type(k).dtype)) continue;
    const Tensor ct = random_like(f.result_type(k), random);
    back.push_back(ct);
    with_ct.push_back(ct);
  }
  const Tensors one = evaluate(*transpose(*halves.linear, directions), back);
  const Tensors two = evaluate(*vjp(f, wrt), with_ct);
  for (std::size_t k = 0; k < wrt.size(); ++k) {
    for (std::int64_t e = 0; e < one[k].size(); ++e) {
      EXPECT_NEAR(one[k].real(e), two[m + k].real(e), 1e-12 * (1 + norm(two[m + k])));
    }
  }
}

/// A map of n lanes with a loop in each that reads rows of an array all lanes share; with `twice`
/// a second loop reads it after the first.
FunctionPtr neighbours(std::int64_t n, bool dynamic, Keep keep, bool twice) {
  Builder step("neighbour");
  const Value k = step.param(scalar(DType::kI64));
  const Value all = step.param(Type{DType::kF64, Shape{n, 3}});
  const Value from = step.param(scalar(DType::kI64)), sum = step.param(scalar());
  const Value at = step.binary(Op::kMod, step.add(from, k), step.constant_i64(n));
  const Value y = step.gather(all, at);
  LoopAttr loop;
  loop.trip = 4;
  loop.invariants = 2;
  loop.carries = 1;
  loop.dynamic = dynamic;
  loop.keep = keep;
  loop.body = step.finish({step.add(step.unary(Op::kSin, sum), step.dot(y, y))});
  Builder lane("lane");
  const Value i = lane.param(scalar(DType::kI64));
  const Value x = lane.param(scalar()), q = lane.param(Type{DType::kF64, Shape{n, 3}});
  Value result = x;
  for (int again = 0; again < (twice ? 2 : 1); ++again) {
    Values in{q, i, result};
    if (dynamic) {
      in.push_back(lane.constant_i64(2));
      in.push_back(lane.binary(Op::kMin, i, lane.constant_i64(4)));
    }
    result = lane.loop(loop, in)[0];
  }
  MapAttr map{n, 1, {Role::kStack}, nullptr};
  map.body = lane.finish({result});
  Builder b("f");
  const Value in[] = {b.param(Type{DType::kF64, Shape{n}}),
                      b.param(Type{DType::kF64, Shape{n, 3}})};
  return b.finish({b.map(map, in)[0]});
}

// What a loop in a lane adds to a shared array is scattered once, outside of all lanes.
TEST(Loop, InALaneScattersOutside) {
  std::mt19937_64 random(3);
  const Tensors x{random_like(Type{DType::kF64, Shape{6}}, random),
                  random_like(Type{DType::kF64, Shape{6, 3}}, random)};
  for (const bool dynamic : {false, true}) {
    for (const bool twice : {false, true}) {
      for (const Keep keep : {Keep{}, Keep{KeepKind::kEvery, 2}, Keep{KeepKind::kBinomial, 2}}) {
        SCOPED_TRACE(testing::Message() << dynamic << twice << static_cast<int>(keep.kind));
        const FunctionPtr f = neighbours(6, dynamic, keep, twice);
        check_derivatives(*f, x, {0, 1});
        const FunctionPtr g = vjp(*f, {0, 1});
        for (std::uint32_t id = 0; id < g->size(); ++id) {
          const Value v{id};
          if (g->op(v) != Op::kMap) continue;
          EXPECT_FALSE(body_of(g->attr(v))->contains_op([](Op op) {
            return op == Op::kScatterAdd;
          })) << print(*g);
        }
        check_derivatives(*vjp(*f, {0, 1}), {x[0], x[1], x[0]}, {0, 1, 2}, 2, 1e-5);
      }
    }
  }
}

TEST(Linearise, Loops) {
  check_linearise(*walk(5, 2, false), at(5), {0, 1, 2, 3});
  check_linearise(*walk(5, 2, false), at(5), {1});
  Tensors x = at(5);
  x.push_back(Tensor::scalar_of<std::int64_t>(1));
  x.push_back(Tensor::scalar_of<std::int64_t>(3));
  check_linearise(*walk(5, 2, true), x, {0, 1, 2, 3});
}

TEST(Linearise, RandomPrograms) {
  for (std::uint64_t seed = 0; seed < 150; ++seed) {
    SCOPED_TRACE(seed);
    RandomProgramOptions options;
    options.differentiable = true;
    const FunctionPtr f = random_program(seed, options);
    if (f->params().empty() || !is_float(f->param_type(0).dtype)) continue;
    check_linearise(*f, random_arguments(*f, seed), {0});
  }
}

TEST(Transpose, RefusesWhatIsNotLinear) {
  const auto refused = [](Value (*build)(Builder&, Value)) {
    Builder b("f");
    const Value x = b.param(scalar(), "x");
    const FunctionPtr f = b.finish({build(b, x)});
    try {
      transpose(*f, {0});
    } catch (const UserError& e) {
      return std::string(e.what());
    }
    return std::string("accepted");
  };
  EXPECT_NE(refused([](Builder& b, Value x) { return b.unary(Op::kSin, x); }).find("[sin]"),
            std::string::npos);
  EXPECT_NE(refused([](Builder& b, Value x) { return b.mul(x, x); }).find("[mul]"),
            std::string::npos);
  EXPECT_NE(refused([](Builder& b, Value x) { return b.add(x, b.constant(1)); }).find("[add]"),
            std::string::npos);
  EXPECT_EQ(refused([](Builder& b, Value x) { return b.mul(b.constant(3), x); }), "accepted");
}

TEST(Derivatives, RefusalsByName) {
  Builder b("f");
  const Value x = b.param(scalar(), "x"), n = b.param(scalar(DType::kI64), "n");
  const Value hidden = b.bitcast(b.add(b.bitcast(x, DType::kI64), n), DType::kF64);
  const FunctionPtr f = b.finish({b.mul(hidden, x)});
  EXPECT_THROW(jvp(*f, {1}), UserError);                   // an integer has no tangent
  EXPECT_THROW(jvp(*f, {7}), UserError);                   // no such parameter
  EXPECT_THROW(jvp(*f, {0, 0}), UserError);                // twice
  EXPECT_THROW(grad(*walk(3, 1, false), {0}), UserError);  // not a scalar
  EXPECT_THROW(jvp(*f, {0}), UserError);                   // through bits
}

}  // namespace
}  // namespace cotangent::transform
