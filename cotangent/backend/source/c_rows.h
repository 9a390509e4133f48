// The rows of C, which CUDA C++ shares.
#pragma once

#include "cotangent/backend/source/dialect.h"

namespace cotangent::backend::source {

extern const std::span<const OpRow> c_ops;
extern const std::span<const CastRow> c_casts;
extern const std::span<const HelperRow> c_helpers;

}  // namespace cotangent::backend::source
