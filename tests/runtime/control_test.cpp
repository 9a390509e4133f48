// while and cond as kernels: masks where lanes differ, plain branches where they do not, large
// carries in buffers, teams. Exact identity: the bits of the evaluator, at any width and any number
// of threads.
#include <gtest/gtest.h>

#include "cotangent/ir/evaluator.h"
#include "cotangent/ir/text.h"
#include "cotangent/runtime/executable.h"

namespace cotangent {
namespace {

using ir::Tensor;

void check(const std::string& text, const std::vector<Tensor>& arguments) {
  const ir::FunctionPtr f = ir::parse(text);
  for (int bits : {128, 256, 512}) {
    for (int threads : {1, 3}) {
      if (bits > runtime::host_vector_bits() && bits > 128) continue;
      runtime::CompileOptions options;
      options.vector_bits = bits;
      options.threads = threads;
      options.team_from = 0;
      const auto e = runtime::compile(f, options);
      const auto want = ir::evaluate(*e->program(), arguments);
      const auto got = e->call(arguments);
      for (std::size_t k = 0; k < want.size(); ++k) {
        EXPECT_TRUE(want[k].same_bits(got[k]))
            << "result " << k << ", width " << bits << ", threads " << threads << "\n"
            << e->kernels_text();
      }
    }
  }
}

Tensor ramp(std::int64_t n, double from, double step) {
  std::vector<double> x;
  for (std::int64_t k = 0; k < n; ++k) x.push_back(from + step * static_cast<double>(k));
  return Tensor::of<double>(Shape{n}, std::span<const double>(x));
}

// Newton's square root until it does not move; lanes take different numbers of steps, and the last
// vector is not full.
TEST(Control, WhileThatDiffersByLane) {
  check(R"(function roots(%0 a: f64[67]) {
    %1 = map %0 {count=67, rows=1, roles=[stack,stack]} : (f64[67], i64[67]) body (%0 i: i64, %1 a: f64) {
      %2 = constant 0 : f64
      %3 = while %1, %1, %2 {invariants=1, carries=2, limit=60} : (f64, f64, i64)
      condition (%0 k: i64, %1 a: f64, %2 x: f64, %3 old: f64) {
        %4 = ne %2, %3 : bool
        return %4
      } body (%0 k: i64, %1 a: f64, %2 x: f64, %3 old: f64) {
        %4 = div %1, %2 : f64
        %5 = add %2, %4 : f64
        %6 = constant 0.5 : f64
        %7 = mul %5, %6 : f64
        return %7, %2
      }
      %4 = project %3 {index=0} : f64
      %5 = project %3 {index=2} : i64
      return %4, %5
    }
    %2 = project %1 {index=0} : f64[67]
    %3 = project %1 {index=1} : i64[67]
    return %2, %3
  })",
        {ramp(67, 1e-3, 3.7)});
}

// Which branch differs by lane; the branches read memory at a running index and hold a while.
TEST(Control, CondThatDiffersByLane) {
  const std::string text = R"(function f(%0 x: f64[67], %1 table: f64[30]) {
    %2 = map %0, %1 {count=67, rows=1, roles=[stack,stack]} : (f64[67], i64[67])
    body (%0 i: i64, %1 x: f64, %2 t: f64[30]) {
      %3 = constant 20 : f64
      %4 = lt %1, %3 : bool
      %5 = cond %4, %1, %2, %0 : (f64, i64) then (%0 x: f64, %1 t: f64[30], %2 i: i64) {
        %3 = gather %1, %2 : f64
        %4 = constant 0 : f64
        %5 = while %0, %4 {invariants=0, carries=2, limit=0} : (f64, f64, i64)
        condition (%0 k: i64, %1 x: f64, %2 s: f64) {
          %3 = constant 0.01 : f64
          %4 = lt %3, %1 : bool
          return %4
        } body (%0 k: i64, %1 x: f64, %2 s: f64) {
          %3 = constant 0.5 : f64
          %4 = mul %1, %3 : f64
          %5 = add %2, %4 : f64
          return %4, %5
        }
        %6 = project %5 {index=1} : f64
        %7 = project %5 {index=2} : i64
        %8 = mul %6, %3 : f64
        return %8, %7
      } else (%0 x: f64, %1 t: f64[30], %2 i: i64) {
        %3 = sqrt %0 : f64
        %4 = div %3, %0 : f64
        return %4, %2
      }
      %6 = project %5 {index=0} : f64
      %7 = project %5 {index=1} : i64
      return %6, %7
    }
    %3 = project %2 {index=0} : f64[67]
    %4 = project %2 {index=1} : i64[67]
    return %3, %4
  })";
  const Tensor table = ramp(30, 0.25, 0.5);
  check(text, {ramp(67, 0, 0.5), table});   // both in one vector
  check(text, {ramp(67, 0, 0.1), table});   // no lane takes the second
  check(text, {ramp(67, 20, 0.1), table});  // no lane takes the first
}

// Carries too large for registers, a reduction in the condition, inside a time loop.
TEST(Control, WhileOverArrays) {
  check(R"(function f(%0 x: f64[500], %1 y: f64[40,3]) {
    %2 = loop %0, %1 {trip=3, invariants=0, carries=2, inputs=0, every=[], dynamic=false} : (f64[500], f64[40,3])
    body (%0 step: i64, %1 x: f64[500], %2 y: f64[40,3]) {
      %3 = while %1, %2 {invariants=0, carries=2, limit=7} : (f64[500], f64[40,3], i64)
      condition (%0 k: i64, %1 x: f64[500], %2 y: f64[40,3]) {
        %3 = reduce_sum %1 {axes=[0]} : f64
        %4 = constant 60 : f64
        %5 = lt %4, %3 : bool
        return %5
      } body (%0 k: i64, %1 x: f64[500], %2 y: f64[40,3]) {
        %3 = reverse %1 {axes=[0]} : f64[500]
        %4 = constant 0.4 : f64
        %5 = broadcast %4 {axes=[]} : f64[500]
        %6 = mul %3, %5 : f64[500]
        %7 = reduce_sum %1 {axes=[0]} : f64
        %8 = broadcast %7 {axes=[]} : f64[40,3]
        %9 = add %2, %8 : f64[40,3]
        return %6, %9
      }
      %4 = project %3 {index=0} : f64[500]
      %5 = project %3 {index=1} : f64[40,3]
      %6 = constant 100 : f64
      %7 = broadcast %6 {axes=[]} : f64[500]
      %8 = add %4, %7 : f64[500]
      return %8, %5
    }
    %3 = project %2 {index=0} : f64[500]
    %4 = project %2 {index=1} : f64[40,3]
    return %3, %4
  })",
        {ramp(500, 0, 0.01), Tensor(ir::Type{DType::kF64, {40, 3}})});
}

// Arrays by branch, and the branch by a carried value.
TEST(Control, CondOverArrays) {
  check(R"(function f(%0 x: f64[300], %1 c: f64) {
    %2 = loop %1, %0 {trip=5, invariants=1, carries=1, inputs=0, every=[], dynamic=false} : (f64[300])
    body (%0 step: i64, %1 c: f64, %2 x: f64[300]) {
      %3 = reduce_max %2 {axes=[0]} : f64
      %4 = lt %3, %1 : bool
      %5 = cond %4, %2, %3 : (f64[300]) then (%0 x: f64[300], %1 m: f64) {
        %2 = broadcast %1 {axes=[]} : f64[300]
        %3 = add %0, %2 : f64[300]
        return %3
      } else (%0 x: f64[300], %1 m: f64) {
        %2 = reverse %0 {axes=[0]} : f64[300]
        %3 = constant 0.25 : f64
        %4 = broadcast %3 {axes=[]} : f64[300]
        %5 = mul %2, %4 : f64[300]
        return %5
      }
      %6 = project %5 {index=0} : f64[300]
      return %6
    }
    %3 = project %2 {index=0} : f64[300]
    return %3
  })",
        {ramp(300, 0, 0.01), Tensor::scalar_of(5.0)});
}

// What a branch that is not taken would read is out of the way: an endless loop there ends nobody.
TEST(Control, TheBranchNotTakenDoesNotRun) {
  check(R"(function f(%0 x: f64[20]) {
    %1 = map %0 {count=20, rows=1, roles=[stack]} : (f64[20]) body (%0 i: i64, %1 x: f64) {
      %2 = constant 1000 : f64
      %3 = lt %1, %2 : bool
      %4 = cond %3, %1 : (f64) then (%0 x: f64) {
        return %0
      } else (%0 x: f64) {
        %1 = while %0 {invariants=0, carries=1, limit=0} : (f64, i64)
        condition (%0 k: i64, %1 x: f64) {
          %2 = constant true : bool
          return %2
        } body (%0 k: i64, %1 x: f64) {
          %2 = sqrt %1 : f64
          return %2
        }
        %2 = project %1 {index=0} : f64
        return %2
      }
      %5 = project %4 {index=0} : f64
      return %5
    }
    %2 = project %1 {index=0} : f64[20]
    return %2
  })",
        {ramp(20, 0, 1)});
}

}  // namespace
}  // namespace cotangent
