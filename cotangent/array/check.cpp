#include "cotangent/array/check.h"

#include "cotangent/array/custom.h"
#include "cotangent/array/elementwise.h"
#include "cotangent/array/record.h"
#include "cotangent/ir/check_site.h"

namespace cotangent::array {
namespace {

Array check_with(const Array& x, const Array& holds, const std::string& message,
                 std::vector<NodePtr> payload) {
  if (message.empty()) refuse("check", "there is no message", "say what was to hold");
  if (is_float(holds.dtype())) {
    refuse("check", "what should hold is " + holds.type_text() + ", a number",
           "give the value first, then a comparison: check(x, x > 0, message)");
  }
  const Array truth = is_bool(holds.dtype()) ? holds : holds != scalar_like(0, holds);
  std::vector<NodePtr> operands{truth.node(), x.node()};
  operands.insert(operands.end(), payload.begin(), payload.end());
  return make(Op::kCheck, operands, ir::CheckAttr{ir::site_of(message), message}, {}, x.is_weak());
}

}  // namespace

Array check(const Array& x, const Array& holds, const std::string& message) {
  return check_with(x, holds, message, {});
}

Array check(const Array& x, const Array& holds, const std::string& message, const Array& count,
            const Array& real) {
  if (count.ndim() != 0 || real.ndim() != 0 || !is_integer(count.dtype()) ||
      !is_float(real.dtype())) {
    refuse("check", "its numbers are " + count.type_text() + " and " + real.type_text(),
           "give one integer and one real number");
  }
  // Count and real in one integer, as runtime/fault.h reads them.
  const Array low =
      make(Op::kBitcast, {stop_gradient(real).astype(DType::kF32).node()}, {}, {DType::kU32, {}});
  const Array payload =
      count.astype(DType::kI64) * (std::int64_t{1} << 32) + low.astype(DType::kI64);
  return check_with(x, holds, message, {payload.node()});
}

}  // namespace cotangent::array
