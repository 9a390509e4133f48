// jit: what is recorded, when it is compiled again, trees, captures, and what it refuses.
#include "cotangent/array/jit.h"

#include <thread>

#include "cotangent/array/complex.h"
#include "cotangent/array/evaluate.h"
#include "cotangent/array/loops.h"
#include "cotangent/array/transforms.h"
#include "cotangent/ir/builder.h"
#include "tests/array/support.h"

namespace cotangent::array {
namespace {

struct State {
  Array q, p;
  std::vector<Array> history;
  int steps = 0;
};

TEST(Jit, GivesWhatTheFunctionGives) {
  const auto f = [](Array x, Array y) { return std::pair(sin(x) * y, sum(x)); };
  const auto compiled = jit(f);
  const Array x = linspace(0, 1, 7), y = Array(3.0);
  const auto [a, b] = f(x, y);
  const auto [c, d] = compiled(x, y);
  EXPECT_TRUE(allclose(a, c, 1e-15));
  EXPECT_EQ(d.item(), b.item());
  EXPECT_TRUE(c.is_evaluated());
}

TEST(Jit, RecordsOnceForEachStructure) {
  int recorded = 0;
  const auto f = jit([&](Array x, int power) {
    ++recorded;
    Array y = x;
    for (int k = 1; k < power; ++k) y = y * x;
    return y;
  });
  // A number becomes an array where the function takes one; here `power` is wanted as an int.
  const Array x = Array::of({1.0, 2.0});
  const auto cube = jit([&](Array x) {
    ++recorded;
    return x * x * x;
  });
  EXPECT_EQ(reals(cube(x)), (std::vector<double>{1, 8}));
  EXPECT_EQ(reals(cube(x + 1)), (std::vector<double>{8, 27}));
  EXPECT_EQ(recorded, 1);
  EXPECT_EQ(cube(2.0).item(), 8);  // a scalar, and weak
  EXPECT_EQ(recorded, 2);
  EXPECT_EQ(cube(Array::of({1, 2})).dtype(), DType::kI64);
  EXPECT_EQ(recorded, 3);
  EXPECT_EQ(cube.programs(), 3u);
  // A number takes the type of its partner, an array of no axes keeps its own.
  const Array single = Array::of({1.0}, DType::kF32);
  const auto scaled = jit([&](Array s) { return s * single; });
  EXPECT_EQ(scaled(2.0).dtype(), DType::kF32);
  EXPECT_EQ(scaled(Array::of({2.0})(0)).dtype(), DType::kF64);
  EXPECT_EQ(reals(f(x, 3)), (std::vector<double>{1, 8}));
  EXPECT_EQ(reals(f(x, 2)), (std::vector<double>{1, 4}));
  EXPECT_EQ(recorded, 5);
}

TEST(Jit, TakesAndGivesTrees) {
  const auto step = jit([](State s, std::tuple<Array, double> kick) {
    s.p = s.p - std::get<1>(kick) * s.q + std::get<0>(kick);
    s.q = s.q + std::get<1>(kick) * s.p;
    s.history.push_back(s.q);
    s.steps += 1;
    return s;
  });
  State s{Array::of({1.0}), Array::of({0.0}), {}, 0};
  for (int k = 0; k < 3; ++k) s = step(s, std::tuple(Array(0.0), 0.5));
  EXPECT_EQ(s.steps, 3);
  EXPECT_EQ(s.history.size(), 3u);
  EXPECT_EQ(reals(s.q), (std::vector<double>{-0.203125}));
  EXPECT_EQ(step.programs(), 3u) << "the fixed parts, steps and the length, are structure";
}

TEST(Jit, CapturesAreReadOnce) {
  Array a = Array::of({1.0, 2.0});
  const Array large = arange(1000.0, 2000.0, 1.0);
  const auto f = jit([&](Array x) { return sum(a * x) + large(-1); });
  EXPECT_EQ(f(Array(2.0)).item(), 6 + 1999);
  a = Array::of({100.0, 100.0});
  EXPECT_EQ(f(Array(2.0)).item(), 6 + 1999);
}

TEST(Jit, PendingArgumentsAndResultsThatDoNotDependOnThem) {
  const auto f = jit([](Array x) { return std::tuple(x, Array(7), ones({2}), x + x); });
  const Array x = sin(Array::of({0.0, 1.0})) + 1;
  const auto [a, b, c, d] = f(x);
  EXPECT_EQ(reals(a), reals(x));
  EXPECT_EQ(b.item<int>(), 7);
  EXPECT_TRUE(b.is_weak());
  EXPECT_EQ(reals(c), (std::vector<double>{1, 1}));
  EXPECT_EQ(reals(d), reals(2 * x));
  EXPECT_NO_THROW(jit([](Array) { return std::tuple<>(); })(x));
}

TEST(Jit, InsideOneAnother) {
  const auto inner = jit([](Array x) { return x * x; });
  const auto outer = jit([&](Array x) { return inner(x) + inner(x + 1); });
  EXPECT_EQ(outer(3.0).item(), 25);
  EXPECT_EQ(inner.programs(), 0u) << "a part of the outer program";
  // A function over a traced array of its surroundings has no program of its own.
  const auto closes = jit([](Array x) { return jit([&](Array y) { return x * y; })(Array(5.0)); });
  EXPECT_EQ(closes(3.0).item(), 15);
}

TEST(Jit, AMappedLoopIsOneMapWithTheLoopInside) {
  const auto rollout = [](std::int64_t steps) {
    return jit(vmap([steps](Array x) {
      return fori_loop(0, steps, [](Array, Array x) { return 3.7 * x * (1 - x); }, x);
    }));
  };
  const auto program = [&](std::int64_t steps, std::int64_t lanes) {
    return rollout(steps).executable(linspace(0.1, 0.9, lanes))->program();
  };
  const ir::FunctionPtr f = program(10, 8);
  int maps = 0;
  for (std::uint32_t id = 0; id < f->size(); ++id) {
    if (f->op(ir::Value{id}) != ir::Op::kMap) continue;
    ++maps;
    const ir::Function& body = *f->attr_as<ir::MapAttr>(ir::Value{id}).body;
    EXPECT_TRUE(std::any_of(body.nodes().begin(), body.nodes().end(),
                            [](const ir::Node& n) { return n.op == ir::Op::kLoop; }));
  }
  EXPECT_EQ(maps, 1);
  EXPECT_EQ(program(100000, 4096)->total_size(), f->total_size());
}

TEST(Jit, ManyCallsFromSeveralThreads) {
  const auto f = jit([](Array x) { return sum(cos(x)); });
  const Array x = linspace(0, 1, 100);
  const double expected = f(x).item();
  std::vector<std::thread> threads;
  std::vector<int> wrong(4, 0);
  for (std::size_t t = 0; t < wrong.size(); ++t) {
    threads.emplace_back([&, t] {
      for (int k = 0; k < 200; ++k) wrong[t] += f(x).item() != expected;
    });
  }
  for (std::thread& t : threads) t.join();
  EXPECT_EQ(wrong, std::vector<int>(4, 0));
}

TEST(Jit, TheValueOfATracedArrayIsRefused) {
  const Array x = Array::of({1.0, 2.0});
  const auto branch = [](Array x) {
    if (sum(x) > 0) return x;
    return -x;
  };
  EXPECT_THAT(error_of([&] { jit(branch)(x); }),
              testing::AllOf(testing::HasSubstr("[if] the value of bool, made by lt"),
                             testing::HasSubstr("where(condition, x, y)"),
                             testing::HasSubstr("fori_loop")));
  EXPECT_THAT(error_of([&] { jit([](Array x) { return x * x(0).item(); })(x); }),
              testing::HasSubstr("[item] the value of f64, made by"));
  EXPECT_THAT(error_of([&] { jit([](Array x) { return Array(x.values()[0]); })(x); }),
              testing::HasSubstr("[eval] f64[2], made by a parameter of jit"));
  EXPECT_EQ(jit([](Array x) { return Array(static_cast<double>(x.text().size())); })(x).item(),
            std::string("Array<f64[2], traced>").size());
}

TEST(Jit, TracedArraysMustNotEscape) {
  Array kept;
  const auto f = jit([&](Array x) {
    kept = x + 1;
    return x;
  });
  f(1.0);
  EXPECT_THAT(error_of([&] { kept.item(); }), testing::HasSubstr("made by add"));
  EXPECT_THAT(error_of([&] { jit([&](Array x) { return x + kept; })(1.0); }),
              testing::HasSubstr("used after the function returned"));
}

TEST(Tree, Leaves) {
  struct Inner {
    Array a;
    double number = 0;
  };
  struct Outer {
    Inner inner;
    std::array<Array, 2> pair;
    std::optional<Array> maybe;
    std::string name;
    Complex z;
  };
  const Outer x{{Array(1), 2.0}, {Array(2), Array(3)}, Array(4), "x", Complex(5.0)};
  const auto leaves = leaves_of(x);
  ASSERT_EQ(leaves.size(), 6u);
  for (int k = 0; k < 5; ++k) EXPECT_EQ(leaves[static_cast<std::size_t>(k)].item<int>(), k + 1);
  const Outer y = with_leaves(x, std::vector<Array>(6, Array(9)));
  EXPECT_EQ(y.pair[1].item<int>(), 9);
  EXPECT_EQ(y.maybe->item<int>(), 9);
  EXPECT_EQ(y.name, "x");
}

TEST(Jit, ThreadsAreCounted) {
  for (int threads : {-1, 1025, 100000}) {
    EXPECT_THROW(Context({.threads = threads}), UserError) << threads;
  }
  const Context fine({.threads = 3});
  EXPECT_EQ(fine.options().threads, 3);
}

TEST(Jit, TellsOfPassesKernelsAndCalls) {
  struct Heard : telemetry::Sink {
    std::string text;
    void log(const telemetry::LogEvent& event) override { text += std::string(event.text) + "\n"; }
  };
  Heard sink;
  telemetry::Telemetry telemetry;
  telemetry.add(sink);
  telemetry.show(telemetry::Detail::kPasses);
  {
    Context context({.telemetry = &telemetry});
    ir::Builder b("twice");
    const ir::Value x = b.param({DType::kF64, Shape{3}});
    const auto code = context.compile(b.finish({b.add(x, x)}));
    const ir::Tensor in({DType::kF64, Shape{3}});
    code->call(std::span(&in, 1));
  }
  for (const char* part : {"pass simplify of twice", "kernel twice: 3 flops", "# kind: solo",
                           "define", "kernel twice: 1 call,"}) {
    EXPECT_NE(sink.text.find(part), std::string::npos) << part << "\n" << sink.text;
  }
}

}  // namespace
}  // namespace cotangent::array
