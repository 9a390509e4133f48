// The state x of a system without q and p as the arrays that people name, and back.
#pragma once

#include <string>
#include <vector>

#include "cotangent/mechanics/system.h"

namespace cotangent::mechanics {

struct NamedArray {
  std::string name;
  ir::Tensor value;
};

/// x, f64, as the system's arrays; of a batch [size, n] each is [size, ...].
std::vector<NamedArray> arrays_of(const System& system, const ir::Tensor& x);

/// The other way round, of one state.
ir::Tensor joined(const System& system, const std::vector<ir::Tensor>& arrays);

}  // namespace cotangent::mechanics
