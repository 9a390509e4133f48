// vmap: a function of one instance becomes a function of a batch, by wrapping it in `map`.
#pragma once

#include <cstdint>

#include "cotangent/ir/function.h"
#include "cotangent/transform/rebuild.h"

namespace cotangent::transform {

/// f over `count` instances. Parameter k gets a leading axis of `count` where mapped[k], and is
/// shared by all instances elsewhere; every result gets the leading axis. Nothing is unrolled or
/// materialised: the program holds one copy of f, and kernels run one instance a SIMD lane.
/// Random numbers and checks inside know their instance. Throws UserError when the number of flags
/// is not that of the parameters, or f has no results.
ir::FunctionPtr vmap(const ir::FunctionPtr& f, std::int64_t count, const Flags& mapped);

/// The same with every parameter mapped.
ir::FunctionPtr vmap(const ir::FunctionPtr& f, std::int64_t count);

}  // namespace cotangent::transform
