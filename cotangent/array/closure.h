// Graphs of nodes -> ir functions.
#pragma once

#include <span>
#include <vector>

#include "cotangent/array/node.h"

namespace cotangent::array {

/// What becomes of nodes that do not depend on the parameters.
enum class Capture {
  kProgram,  ///< everything pending is part of the function; buffers and literals are parameters
  kFrozen,   ///< (jit) what was made before the trace is evaluated; small buffers are constants
  kFree,     ///< (bodies, derivatives) they are captures; constants are copied
  kInside,   ///< (branches) what was made since the trace began is part of the function
};

struct Closure {
  ir::FunctionPtr function;  ///< (before..., captures..., after...) -> results
  std::vector<NodePtr> captures;
};

/// The function from parameters to results. `trace` is the serial of the parameters' trace.
/// UserError when a result depends on a trace that is over. With kFrozen `function` is null when
/// a result depends on another trace that is running.
Closure close_over(const std::string& name, std::span<const NodePtr> results,
                   std::span<const NodePtr> before, std::span<const NodePtr> after,
                   std::uint64_t trace, Capture mode);

/// The pending program of these nodes: parameters are its captures. `results` of the function are
/// those of `kept`: the nodes asked for and, of what is computed on the way, what is held
/// elsewhere.
struct Pending {
  ir::FunctionPtr function;
  std::vector<NodePtr> captures;
  std::vector<NodePtr> kept;
};
Pending pending_program(std::span<const NodePtr> nodes);

}  // namespace cotangent::array
