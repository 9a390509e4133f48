// Small things that many files of this module say alike.
#pragma once

#include <cstddef>
#include <cstdint>

#include "cotangent/ir/function.h"

namespace cotangent::mechanics {

inline const ir::Type kReal = ir::scalar(DType::kF64);
inline const ir::Type kIndex = ir::scalar(DType::kI64);

/// A count or a place as an index of standard containers.
inline std::size_t at(std::int64_t k) {
  return static_cast<std::size_t>(k);
}

}  // namespace cotangent::mechanics
