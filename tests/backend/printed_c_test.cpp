// Exact identity: printed C, compiled by the system's compilers, has the evaluator's bits on random
// programs, values and derivatives. printed_c_slow_test.cpp runs many more.
#include "tests/backend/printed_c.h"

#include <gtest/gtest.h>

#include "cotangent/ir/text.h"
#include "tests/backend/c_library.h"

namespace cotangent::testing {
namespace {

TEST(PrintedC, ValuesOfRandomPrograms) {
  int shown = 0;
  PrintedBatch batch;
  batch.program = random_values;
  batch.first = 1, batch.count = 40;
  compare_printed(batch, shown);
  batch.first = 101, batch.count = 20;
  batch.compiler = c_compilers().back();
  batch.flags = "-std=c11 -O2 -march=native";
  compare_printed(batch, shown);
}

// gnu11 lets the compiler contract x*y + z; the file says no.
TEST(PrintedC, DerivativesOfRandomPrograms) {
  int shown = 0;
  PrintedBatch batch;
  batch.program = random_derivatives;
  batch.first = 1, batch.count = 25;
  batch.flags = "-std=gnu11 -O1 -march=native";
  compare_printed(batch, shown);
}

// What the printer writes as plain arithmetic does not overflow: the sanitizer would stop.
TEST(PrintedC, DoesNothingUndefined) {
  int shown = 0;
  PrintedBatch batch;
  batch.program = random_values;
  batch.first = 201, batch.count = 20;
  batch.flags =
      "-std=c99 -O0 -fsanitize=undefined,float-cast-overflow -fsanitize-undefined-trap-on-error";
  compare_printed(batch, shown);
}

// gcc 12 reads (double)(int64_t)x as trunc(x), which is -0 between -1 and 0, where trapping
// mathematics is off.
TEST(PrintedC, ANumberCastToAnIntegerAndBackIsNoNegativeZero) {
  const ir::FunctionPtr f = ir::parse(R"(function random_5125(%0 b: f64[7]) {
      %1 = constant 0 : f64
      %2 = broadcast %1 {axes=[]} : f64[5]
      %3 = map %0, %2 {count=7, rows=1, roles=[stack]} : (f64[7,12]) body random_5125(%0 instance: i64, %1: f64, %2: f64[5]) {
        %3 = broadcast %1 {axes=[]} : f64[12]
        %4 = pad %3, %1 {low=[2], high=[2], interior=[1]} : f64[27]
        %5 = cast %4 : i64[27]
        %6 = broadcast %0 {axes=[]} : i64[3]
        %7 = gather %5, %6 : i64[3]
        %8 = loop %2, %7, %0, %0 {trip=3, invariants=0, carries=1, inputs=1, every=[], dynamic=true} : (f64[5]) body step(%0 k: i64, %1: f64[5], %2: i64) {
          %3 = cast %2 : f64
          %4 = broadcast %3 {axes=[]} : f64[5]
          return %4
        }
        %9 = project %8 {index=0} : f64[5]
        %10 = broadcast %0 {axes=[]} : i64[12]
        %11 = gather %9, %10 : f64[12]
        return %11
      }
      %4 = project %3 {index=0} : f64[7,12]
      return %4
  })");
  int shown = 0;
  PrintedBatch batch;
  batch.program = [&](std::uint64_t) { return f; };
  batch.first = 5125, batch.count = 1;  // arguments between -1 and 0
  batch.flags = "-std=gnu11 -O2 -march=native";
  compare_printed(batch, shown);
}

// One instance an iteration, its arrays in memory of its own.
TEST(PrintedC, LanesOfRandomPrograms) {
  int shown = 0;
  PrintedBatch batch;
  batch.program = random_lanes;
  batch.lower.most_in_registers = 0;
  batch.first = 1, batch.count = 15;
  compare_printed(batch, shown);
  batch.on = PrintedOn::kCudaThreads;
  batch.first = 21, batch.count = 10;
  batch.compiler = "c++";
  batch.flags = "-std=c++20 -O0 -ffp-contract=off -pthread";
  compare_printed(batch, shown);
}

TEST(PrintedCuda, HasTheBitsOnThreadsOfTheCpu) {
  int shown = 0;
  PrintedBatch batch;
  batch.on = PrintedOn::kCudaThreads;
  batch.program = random_values;
  batch.first = 1, batch.count = 16;
  batch.compiler = "c++";
  batch.flags = "-std=c++20 -O0 -ffp-contract=off -pthread";
  compare_printed(batch, shown);
}

}  // namespace
}  // namespace cotangent::testing
