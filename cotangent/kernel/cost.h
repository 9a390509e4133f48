// What a kernel does, counted in its program: for rates, not for decisions.
#pragma once

#include "cotangent/kernel/kernel_program.h"

namespace cotangent::kernel {

struct Cost {
  double flops = 0;  ///< operations on reals; an fma is two
  double bytes = 0;  ///< moved by loads and stores, caches included
  /// The kernel has a loop whose count is known at run time only: the numbers are for one turn of
  /// it, a step of a run. Otherwise they are for one call.
  bool per_step = false;
};

Cost cost_of(const Program& program);

}  // namespace cotangent::kernel
