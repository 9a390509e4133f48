// while, cond and call: what jvp, transpose and simplify have of them.
#pragma once

#include "cotangent/transform/jvp.h"

namespace cotangent::transform {

// Forward mode of one node on operands `x` with tangents `t` (invalid: symbolic zero), at least one
// of them there. A cond's branches are pushed forward each; a while carries tangents of its active
// carries along, its condition reads none. A call follows its jvp, else its vjp (as a linear call,
// see attr.h), else its body, inlined.
Pushed push_while(ir::Builder& b, const ir::Function& f, ir::Value v, const Values& x,
                  const Values& t);
Pushed push_cond(ir::Builder& b, const ir::Function& f, ir::Value v, const Values& x,
                 const Values& t);
Pushed push_call(ir::Builder& b, const ir::CallAttr& a, const Values& x, const Values& t);

/// Whether a call stands in `f` or in one of its bodies.
bool has_calls(const ir::Function& f);

/// `f` with every call replaced by its body; derivatives of their own are gone then. A linear call
/// stays.
ir::FunctionPtr inline_calls(const ir::Function& f);

/// The first linear call in `f` or its bodies: the name of its vjp, or empty.
std::string linear_call(const ir::Function& f);

/// `f` with each while that has a limit and reads something that depends on the flagged parameters
/// (at the top level, not in bodies) as a loop of `limit` steps that changes nothing once the
/// condition has failed; null when there is none. Reverse mode goes through the loop.
ir::FunctionPtr bound_whiles(const ir::Function& f, const Flags& params);

/// As simplify_second_order (simplify_bodies.h), for a while, a cond or a call.
Values simplify_control(ir::Builder& b, const ir::Function& f, ir::Value v,
                        std::span<const ir::Value> operands, const Flags& used,
                        std::vector<ir::FunctionPtr>& bodies);

}  // namespace cotangent::transform
