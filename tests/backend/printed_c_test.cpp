// Exact identity: printed C, compiled by the system's compilers, has the evaluator's bits on random
// programs, values and derivatives. printed_c_slow_test.cpp runs thousands.
#include "tests/backend/printed_c.h"

#include <gtest/gtest.h>

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

// One instance an iteration, its arrays in memory of its own.
TEST(PrintedC, LanesOfRandomPrograms) {
  int shown = 0;
  PrintedBatch batch;
  batch.program = random_lanes;
  batch.lower.most_in_registers = 0;
  batch.first = 1, batch.count = 15;
  compare_printed(batch, shown);
  batch.cuda = true;
  batch.first = 21, batch.count = 10;
  batch.compiler = "c++";
  batch.flags = "-std=c++20 -O0 -ffp-contract=off -pthread";
  compare_printed(batch, shown);
}

TEST(PrintedCuda, HasTheBitsOnThreadsOfTheCpu) {
  int shown = 0;
  PrintedBatch batch;
  batch.cuda = true;
  batch.program = random_values;
  batch.first = 1, batch.count = 16;
  batch.compiler = "c++";
  batch.flags = "-std=c++20 -O0 -ffp-contract=off -pthread";
  compare_printed(batch, shown);
}

}  // namespace
}  // namespace cotangent::testing
