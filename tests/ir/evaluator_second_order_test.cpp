// map, loop and pair_sum against loops written out; extended precision; observation; refusals.
#include <gtest/gtest.h>

#include <cmath>

#include "cotangent/ir/text.h"
#include "tests/ir/helpers.h"

namespace cotangent::ir::testing {
namespace {

using Numbers = std::vector<double>;

Numbers numbers(const Tensor& t) {
  Numbers out;
  for (std::int64_t k = 0; k < t.size(); ++k) out.push_back(static_cast<double>(t.real(k)));
  return out;
}

Tensor f64(Shape shape, const Numbers& x) {
  return Tensor::of<double>(shape, std::span(x));
}
Tensor i64(std::int64_t value) {
  return Tensor::scalar_of<std::int64_t>(value);
}

const EvaluateOptions kExtended{true, nullptr};

double plus(double a, double b) {
  return a + b;
}

// --- map

TEST(Map, RowsInvariantsStackAndTotal) {
  // (i, x[i], c) -> i*x[i] + c stacked, and its sum.
  const FunctionPtr f = parse(R"(
    function f(%0 x: f64[20], %1 c: f64) {
      %2 = map %0, %1 {count=20, rows=1, roles=[stack,total]} : (f64[20], f64)
           body (%0 i: i64, %1 x: f64, %2 c: f64) {
        %3 = cast %0 : f64
        %4 = mul %3, %1 : f64
        %5 = add %4, %2 : f64
        return %5, %5
      }
      %3 = project %2 {index=0} : f64[20]
      %4 = project %2 {index=1} : f64
      return %3, %4
    })");
  const auto x = rough_numbers<double>(20, 1);
  const auto out = evaluate(*f, std::vector{f64({20}, x), Tensor::scalar_of(0.1)});
  Numbers want;
  for (std::size_t i = 0; i < 20; ++i) want.push_back(static_cast<double>(i) * x[i] + 0.1);
  EXPECT_EQ(numbers(out[0]), want);
  EXPECT_EQ(numbers(out[1])[0], in_fixed_order<double>(want, plus));
}

TEST(Map, TotalOfArraysIsElementByElement) {
  const FunctionPtr f = parse(R"(
    function f(%0 x: f64[11,2]) {
      %1 = map %0 {count=11, rows=1, roles=[total]} : (f64[2]) body (%0 i: i64, %1 x: f64[2]) {
        %2 = mul %1, %1 : f64[2]
        return %2
      }
      %2 = project %1 {index=0} : f64[2]
      return %2
    })");
  const auto x = rough_numbers<double>(22, 2);
  Numbers even, odd;
  for (std::size_t k = 0; k < 22; ++k) (k % 2 ? odd : even).push_back(x[k] * x[k]);
  EXPECT_EQ(numbers(evaluate(*f, std::vector{f64({11, 2}, x)})[0]),
            (Numbers{in_fixed_order<double>(even, plus), in_fixed_order<double>(odd, plus)}));
}

TEST(Map, OfNothing) {
  const FunctionPtr f = parse(R"(
    function f() {
      %0 = map {count=0, rows=0, roles=[stack,total]} : (f64[0], f64) body (%0: i64) {
        %1 = cast %0 : f64
        return %1, %1
      }
      %1 = project %0 {index=0} : f64[0]
      %2 = project %0 {index=1} : f64
      return %1, %2
    })");
  const auto out = evaluate(*f, {});
  EXPECT_EQ(out[0].size(), 0);
  EXPECT_TRUE(out[1].same_bits(Tensor::scalar_of(0.0)));
}

// --- pair_sum

/// All roles at once: w(i, j) = (x[i] - y[j]) * c + i - 2 j.
std::string pair_text(const std::string& kind) {
  return R"(
    function f(%0 x: f64[12], %1 y: f64[12], %2 c: f64) {
      %3 = pair_sum %0, %1, %2 {count=12, kind=)" +
         kind + R"(, rows_i=1, rows_j=1, roles=[total,at_i,at_j]} : (f64, f64[12], f64[12])
           body (%0 i: i64, %1 j: i64, %2 x: f64, %3 y: f64, %4 c: f64) {
        %5 = sub %2, %3 : f64
        %6 = mul %4, %5 : f64
        %7 = add %1, %1 : i64
        %8 = sub %0, %7 : i64
        %9 = cast %8 : f64
        %10 = add %6, %9 : f64
        return %10, %10, %10
      }
      %4 = project %3 {index=0} : f64
      %5 = project %3 {index=1} : f64[12]
      %6 = project %3 {index=2} : f64[12]
      return %4, %5, %6
    })";
}

TEST(PairSum, EveryRoleAndKind) {
  const auto x = rough_numbers<double>(12, 3), y = rough_numbers<double>(12, 4);
  for (const bool less : {true, false}) {
    const FunctionPtr f = parse(pair_text(less ? "less" : "unequal"));
    const auto out = evaluate(*f, std::vector{f64({12}, x), f64({12}, y), Tensor::scalar_of(0.7)});
    const auto w = [&](std::size_t i, std::size_t j) {
      return 0.7 * (x[i] - y[j]) + (static_cast<double>(i) - 2.0 * static_cast<double>(j));
    };
    const auto met = [&](std::size_t i, std::size_t j) { return less ? i < j : i != j; };
    Numbers at_i(12, 0.0), at_j(12, 0.0);
    for (std::size_t i = 0; i < 12; ++i) {
      for (std::size_t j = 0; j < 12; ++j) {
        if (met(i, j)) at_i[i] += w(i, j);
        if (met(j, i)) at_j[i] += w(j, i);
      }
    }
    EXPECT_EQ(numbers(out[1]), at_i);
    EXPECT_EQ(numbers(out[2]), at_j);
    EXPECT_EQ(numbers(out[0])[0], in_fixed_order<double>(at_i, plus));
  }
}

TEST(PairSum, RowsStartAtPlusZero) {
  // The only term is -0; +0 + -0 = +0. A row without pairs is +0.
  const FunctionPtr f = parse(R"(
    function f() {
      %0 = pair_sum {count=2, kind=less, rows_i=0, rows_j=0, roles=[at_i]} : (f64[2])
           body (%0: i64, %1: i64) { %2 = constant -0 : f64 return %2 }
      %1 = project %0 {index=0} : f64[2]
      return %1
    })");
  const Tensor out = evaluate(*f, {})[0];
  EXPECT_TRUE(out.same_bits(f64({2}, {0.0, 0.0})));
}

TEST(PairSum, OfNoneOrOne) {
  for (const std::string n : {"0", "1"}) {
    const FunctionPtr f = parse("function f() { %0 = pair_sum {count=" + n +
                                ", kind=unequal, rows_i=0, rows_j=0, roles=[total,at_j]} : "
                                "(i64, i64[" +
                                n +
                                "]) body (%0: i64, %1: i64) { return %0, %1 } "
                                "%1 = project %0 {index=0} : i64 %2 = project %0 {index=1} : i64[" +
                                n + "] return %1, %2 }");
    const auto out = evaluate(*f, {});
    EXPECT_EQ(out[0].integer(0), 0);
    for (std::int64_t k = 0; k < out[1].size(); ++k) EXPECT_EQ(out[1].integer(k), 0);
  }
}

// --- loop

/// carries (a, n): a <- a*r + u[k], n <- n + iteration; outputs a each `every`, and the iteration.
std::string loop_text(std::int64_t trip, std::int64_t every, bool dynamic) {
  const std::string t = std::to_string(trip), e = std::to_string(every);
  const std::string slots = std::to_string((trip + every - 1) / every);
  return "function f(%0 r: f64, %1 a: f64, %2 n: i64, %3 u: f64[" + t +
         "], %4 first: i64, %5 count: i64) { %6 = loop %0, %1, %2, %3" +
         (dynamic ? ", %4, %5" : "") + " {trip=" + t +
         ", invariants=1, carries=2, inputs=1, every=[" + e +
         ",1], dynamic=" + (dynamic ? "true" : "false") + "} : (f64, i64, f64[" + slots +
         "], i64[" + t + R"(]) body (%0 k: i64, %1 r: f64, %2 a: f64, %3 n: i64, %4 u: f64) {
           %5 = mul %2, %1 : f64
           %6 = add %5, %4 : f64
           %7 = add %3, %0 : i64
           return %6, %7, %6, %0
         }
         %7 = project %6 {index=0} : f64
         %8 = project %6 {index=1} : i64
         %9 = project %6 {index=2} : f64[)" +
         slots + "] %10 = project %6 {index=3} : i64[" + t + "] return %7, %8, %9, %10 }";
}

void check_loop(std::int64_t trip, std::int64_t every, bool dynamic, std::int64_t first,
                std::int64_t count) {
  const FunctionPtr f = parse(loop_text(trip, every, dynamic));
  const auto u = rough_numbers<double>(trip, 5);
  const auto out = evaluate(*f, std::vector{Tensor::scalar_of(0.9), Tensor::scalar_of(1.5), i64(3),
                                            f64({trip}, u), i64(first), i64(count)});
  if (!dynamic) first = 0, count = trip;
  double a = 1.5;
  std::int64_t n = 3;
  Numbers sampled, iterations;
  for (std::int64_t k = 0; k < count; ++k) {
    a = a * 0.9 + u[static_cast<std::size_t>(k)];
    n += first + k;
    if ((first + k + 1) % every == 0) sampled.push_back(a);
    iterations.push_back(static_cast<double>(first + k));
  }
  sampled.resize(static_cast<std::size_t>((trip + every - 1) / every), 0.0);
  iterations.resize(static_cast<std::size_t>(trip), 0.0);
  EXPECT_EQ(numbers(out[0]), (Numbers{a}));
  EXPECT_EQ(out[1].integer(0), n);
  EXPECT_EQ(numbers(out[2]), sampled);
  EXPECT_EQ(numbers(out[3]), iterations);
}

TEST(Loop, StaticAndDynamic) {
  for (std::int64_t every : {1, 2, 3, 5, 20}) {
    check_loop(10, every, false, 0, 0);
    check_loop(0, every, false, 0, 0);
    for (std::int64_t first : {0, 1, 2, 3, 7, 19}) {
      for (std::int64_t count : {0, 1, 4, 9, 10}) check_loop(10, every, true, first, count);
    }
  }
}

TEST(Loop, ChunksGiveTheBitsOfTheWhole) {
  // 30 steps at once, and as 10 + 1 + 10 + 9 with the carry handed on.
  const FunctionPtr whole = parse(R"(
    function f(%0 a: f64, %1 first: i64, %2 count: i64) {
      %3 = loop %0, %1, %2 {trip=30, invariants=0, carries=1, inputs=0, every=[4], dynamic=true}
           : (f64, f64[8]) body (%0 k: i64, %1 a: f64) {
        %2 = cast %0 : f64
        %3 = sin %2 : f64
        %4 = fma %1, %3, %1 : f64
        %5 = cos %4 : f64
        return %5, %5
      }
      %4 = project %3 {index=0} : f64
      %5 = project %3 {index=1} : f64[8]
      return %4, %5
    })");
  const auto once = evaluate(*whole, std::vector{Tensor::scalar_of(0.3), i64(0), i64(30)});
  Tensor a = Tensor::scalar_of(0.3);
  Numbers samples;
  std::int64_t first = 0;
  for (std::int64_t count : {10, 1, 10, 9}) {
    const auto out = evaluate(*whole, std::vector{a, i64(first), i64(count)});
    a = out[0];
    const std::int64_t emitted = (first + count) / 4 - first / 4;
    for (std::int64_t k = 0; k < emitted; ++k)
      samples.push_back(static_cast<double>(out[1].real(k)));
    first += count;
  }
  EXPECT_TRUE(a.same_bits(once[0]));
  samples.resize(8, 0.0);
  EXPECT_EQ(samples, numbers(once[1]));
}

TEST(Loop, CarriesMoveTogether) {
  // (a, b) <- (b, a + b): Fibonacci; a carry updated too early would show.
  const FunctionPtr f = parse(R"(
    function f() {
      %0 = constant 0 : i64
      %1 = constant 1 : i64
      %2 = loop %0, %1 {trip=10, invariants=0, carries=2, inputs=0, every=[], dynamic=false}
           : (i64, i64) body (%0: i64, %1: i64, %2: i64) {
        %3 = add %1, %2 : i64
        return %2, %3
      }
      %3 = project %2 {index=0} : i64
      %4 = project %2 {index=1} : i64
      return %3, %4
    })");
  const auto out = evaluate(*f, {});
  EXPECT_EQ(out[0].integer(0), 55);
  EXPECT_EQ(out[1].integer(0), 89);
}

TEST(SecondOrder, Nests) {
  // A loop around pair_sum around map: sum over steps of sum over i<j of sum over d of (xi-xj)^2.
  const FunctionPtr f = parse(R"(
    function f(%0 x: f64[4,3]) {
      %1 = constant 0 : f64
      %2 = loop %0, %1 {trip=3, invariants=1, carries=1, inputs=0, every=[], dynamic=false} : (f64)
           body step(%0 k: i64, %1 x: f64[4,3], %2 total: f64) {
        %3 = pair_sum %1, %1 {count=4, kind=less, rows_i=1, rows_j=1, roles=[total]} : (f64)
             body pair(%0 i: i64, %1 j: i64, %2 xi: f64[3], %3 xj: f64[3]) {
          %4 = map %2, %3 {count=3, rows=2, roles=[total]} : (f64)
               body each(%0 d: i64, %1 a: f64, %2 b: f64) {
            %3 = sub %1, %2 : f64
            %4 = mul %3, %3 : f64
            return %4
          }
          %5 = project %4 {index=0} : f64
          return %5
        }
        %4 = project %3 {index=0} : f64
        %5 = add %2, %4 : f64
        return %5
      }
      %3 = project %2 {index=0} : f64
      return %3
    })");
  Numbers x;
  for (int k = 0; k < 12; ++k) x.push_back(k * k % 7);  // small whole numbers: exact in any order
  double once = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    for (std::size_t j = i + 1; j < 4; ++j) {
      for (std::size_t d = 0; d < 3; ++d) once += std::pow(x[3 * i + d] - x[3 * j + d], 2);
    }
  }
  EXPECT_EQ(numbers(evaluate(*f, std::vector{f64({4, 3}, x)})[0]), (Numbers{3 * once}));
}

// --- extended precision

TEST(Extended, CarriesSixtyFourBits) {
  const FunctionPtr f = parse(R"(
    function f(%0 x: f64, %1 y: f64[9], %2 z: f32) {
      %3 = constant 1 : f64
      %4 = add %0, %3 : f64
      %5 = sub %4, %3 : f64
      %6 = reduce_sum %1 {axes=[0]} : f64
      %7 = sin %0 : f64
      %8 = constant 1 : f32
      %9 = add %2, %8 : f32
      %10 = sub %9, %8 : f32
      %11 = dot_general %1, %1 {batch_x=[], batch_y=[], contract_x=[0], contract_y=[0]} : f64
      return %5, %6, %7, %10, %11
    })");
  const double tiny = 0x1p-60;
  Numbers y(9, 0x1p-60);
  y[0] = 1;
  const std::vector arguments{Tensor::scalar_of(tiny), f64({9}, y), Tensor::scalar_of(0x1p-30f)};
  const auto narrow = evaluate(*f, arguments);
  EXPECT_EQ(narrow[0].real(0), 0.0L);
  EXPECT_EQ(narrow[1].real(0), 1.0L);
  const auto wide = evaluate(*f, arguments, kExtended);
  EXPECT_TRUE(wide[0].extended());
  EXPECT_EQ(wide[0].real(0), static_cast<long double>(tiny));
  EXPECT_EQ(wide[1].real(0), 1.0L + 8 * 0x1p-60L);
  EXPECT_EQ(wide[2].real(0), std::sin(static_cast<long double>(tiny)));
  EXPECT_FALSE(wide[3].extended());
  EXPECT_EQ(wide[3].real(0), 0.0L);  // f32 stays f32
  EXPECT_EQ(wide[4].real(0), 1.0L);  // 2^-120 is below it even so
  // Extended arguments are taken as they are; ordinary mode rounds them.
  Tensor x = arguments[0].to_extended();
  x.set_real(0, 1.0L + 0x1p-60L);
  const std::vector more{x, arguments[1], arguments[2]};
  EXPECT_EQ(evaluate(*f, more, kExtended)[0].real(0), 1.0L + 0x1p-60L);
  EXPECT_EQ(evaluate(*f, more)[0].real(0), 1.0L);
}

TEST(Extended, ThroughSecondOrderOps) {
  const FunctionPtr f = parse(R"(
    function f(%0 x: f64[3], %1 c: f64) {
      %2 = loop %1, %1, %0 {trip=3, invariants=1, carries=1, inputs=1, every=[1], dynamic=false}
           : (f64, f64[3]) body (%0: i64, %1: f64, %2: f64, %3: f64) {
        %4 = add %2, %3 : f64
        return %4, %4
      }
      %3 = project %2 {index=0} : f64
      %4 = project %2 {index=1} : f64[3]
      %5 = pair_sum %0, %0 {count=3, kind=unequal, rows_i=1, rows_j=1, roles=[at_i,total]}
           : (f64[3], f64) body (%0: i64, %1: i64, %2: f64, %3: f64) {
        %4 = mul %2, %3 : f64
        return %4, %4
      }
      %6 = project %5 {index=0} : f64[3]
      %7 = project %5 {index=1} : f64
      %8 = map %0 {count=3, rows=1, roles=[stack,total]} : (f64[3], f64) body (%0: i64, %1: f64) {
        %2 = constant 1 : f64
        %3 = add %1, %2 : f64
        return %3, %3
      }
      %9 = project %8 {index=0} : f64[3]
      %10 = project %8 {index=1} : f64
      return %3, %4, %6, %7, %9, %10
    })");
  const long double t = 0x1p-60L;
  const std::vector arguments{f64({3}, {0x1p-60, 0x1p-60, 1}), Tensor::scalar_of(1.0)};
  const auto out = evaluate(*f, arguments, kExtended);
  EXPECT_EQ(out[0].real(0), 2 + 2 * t);
  EXPECT_EQ(out[1].real(1), 1 + 2 * t);
  EXPECT_EQ(out[2].real(0), t * t + t);
  EXPECT_EQ(out[2].real(2), t + t);
  EXPECT_EQ(out[3].real(0), (t * t + t) + (t * t + t) + (t + t));
  EXPECT_EQ(out[4].real(0), 1 + t);
  EXPECT_EQ(out[5].real(0), (1 + t) + (1 + t) + 2);
}

// --- observation and refusals

TEST(Evaluate, ObservesEveryNodeBodiesIncluded) {
  const FunctionPtr f = parse(R"(
    function f(%0 x: f64[2]) {
      %1 = map %0 {count=2, rows=1, roles=[stack]} : (f64[2]) body each(%0: i64, %1: f64) {
        %2 = log %1 : f64
        %3 = neg %2 : f64
        return %3
      }
      %2 = project %1 {index=0} : f64[2]
      %3 = abs %2 : f64[2]
      return %3
    })");
  std::vector<std::string> seen;
  std::string first_bad;
  EvaluateOptions options;
  options.observe = [&](const Function& g, Value v, const Tensor& t) {
    seen.push_back(std::string(name_of(g.op(v))));
    for (std::int64_t k = 0; first_bad.empty() && k < t.size(); ++k) {
      if (!std::isfinite(t.real(k))) first_bad = g.name() + "." + seen.back();
    }
  };
  evaluate(*f, std::vector{f64({2}, {1, 0})}, options);
  EXPECT_EQ(std::count(seen.begin(), seen.end(), "log"), 2);
  EXPECT_EQ(std::count(seen.begin(), seen.end(), "project"), 1);
  EXPECT_EQ(std::count(seen.begin(), seen.end(), "abs"), 1);
  EXPECT_EQ(std::count(seen.begin(), seen.end(), "map"), 0);
  EXPECT_EQ(first_bad, "each.log");
}

TEST(Evaluate, RefusesArgumentsThatDoNotFit) {
  const FunctionPtr f = parse("function f(%0 x: f64[2]) { return %0 }");
  EXPECT_THROW(evaluate(*f, {}), UserError);
  EXPECT_THROW(evaluate(*f, std::vector{f64({3}, {1, 2, 3})}), UserError);
  EXPECT_THROW(evaluate(*f, std::vector{Tensor::of<float>({2}, {1, 2})}), UserError);
}

// --- the table

TEST(Evaluate, EveryOpOfTheTableHasATest) {
  std::set<Op> tested = elementwise_ops_tested();
  tested.merge(structural_ops_tested());
  tested.merge(second_order_ops_tested());
  tested.merge(linear_algebra_ops_tested());
  tested.merge(control_ops_tested());
  tested.merge(data_ops_tested());
  for (const OpInfo& op : all_ops()) {
    EXPECT_TRUE(tested.contains(op.op)) << "no test says what '" << op.name << "' computes";
  }
  EXPECT_EQ(tested.size(), all_ops().size());
}

}  // namespace

std::set<Op> second_order_ops_tested() {
  return {Op::kMap, Op::kLoop, Op::kPairSum, Op::kProject};
}

}  // namespace cotangent::ir::testing
