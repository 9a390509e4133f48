// Compiled code against the reference evaluator on the same post-pass program.
#pragma once

#include <functional>

#include "cotangent/ir/function.h"
#include "cotangent/runtime/executable.h"

namespace cotangent::differential {

struct Batch {
  std::uint64_t first = 1;  ///< seeds first .. first + count - 1
  std::uint64_t count = 50;
  runtime::CompileOptions options;
  std::function<ir::FunctionPtr(std::uint64_t seed)> program;
};

/// Compiles the programs of a batch into one module, runs each on random arguments (special values
/// for even seeds), and wants the evaluator's bits. Failing programs are shrunk and printed with
/// their seed; at most `shown` reaches 3.
void compare(const Batch& batch, int& shown);

/// `lanes` instances of a random program with FFTs, one a row: some parameters have a row a lane,
/// the others are shared.
ir::FunctionPtr random_mapped(std::uint64_t seed, std::int64_t lanes);

/// An environment variable as a number: COTANGENT_SEED, COTANGENT_PROGRAMS.
std::uint64_t number_from(const char* name, std::uint64_t otherwise);

}  // namespace cotangent::differential
