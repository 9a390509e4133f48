// Random well-typed programs, drawn from the op table. For differential tests and fuzzing.
#pragma once

#include <cstdint>

#include "cotangent/ir/function.h"

namespace cotangent::ir {

struct RandomProgramOptions {
  int nodes = 12;               ///< about how many nodes in the outer function
  int depth = 2;                ///< nesting of second-order ops
  bool differentiable = false;  ///< f64 in and out; smooth where drawn; scalar f64 result
  bool transcendental = true;   ///< include sin, exp, ...
  bool fourier = false;         ///< include fft, which kernels want expanded (expand_fft)
  bool f32 = true;              ///< include f32 arithmetic
};

/// The same seed gives the same program on every platform.
FunctionPtr random_program(std::uint64_t seed, const RandomProgramOptions& options = {});

/// Arguments for it: mostly moderate values; when `special` also 0, -0, infinities, NaN, denormals.
std::vector<Tensor> random_arguments(const Function& f, std::uint64_t seed, bool special = false);

}  // namespace cotangent::ir
