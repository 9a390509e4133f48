// Conditions that a computation relies on, tested where it runs: in compiled code, in loops, in
// lanes.
#pragma once

#include <string>

#include "cotangent/array/array.h"

namespace cotangent::array {

/// x, whatever it is; but where `holds` (bools, or one, of any shape) is not true everywhere, the
/// call of the jitted function, or the evaluation, that computes it throws a UserError with the
/// message, the iteration of the outermost loop and the lane of the outermost vmap around it. The
/// result must be used for the check to be made. Derivatives pass through.
///
/// What a loop carries stays as it was before the iteration that failed, and under vmap the other
/// lanes go on; of several failures the one of the least (iteration, lane) is told.
Array check(const Array& x, const Array& holds, const std::string& message);

/// The same; in the message {count} and {real} stand for these two numbers, the count up to 2^31,
/// the real rounded to f32. What follows "\n  to do: " in a message is the remedy of the error.
Array check(const Array& x, const Array& holds, const std::string& message, const Array& count,
            const Array& real);

}  // namespace cotangent::array
