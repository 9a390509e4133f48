#include "cotangent/runtime/capacity.h"

#include <algorithm>

#include "cotangent/base/error.h"
#include "cotangent/ir/evaluate_op.h"

namespace cotangent::runtime {

GrowingProgram::GrowingProgram(Make make, std::vector<std::int64_t> sites, std::int64_t capacity,
                               std::int64_t most)
    : make_(std::move(make)),
      sites_(std::move(sites)),
      capacity_(capacity),
      most_(most),
      executable_(make_(capacity)) {}

std::vector<ir::Tensor> GrowingProgram::call(std::vector<ir::Tensor> arguments) {
  for (;;) {
    pad(arguments);
    std::vector<ir::Tensor> results = executable_->call_with_fault(arguments);
    if (executable_->checks().empty()) return results;
    const auto fault = read_fault(results.back().as<std::int64_t>());
    results.pop_back();
    if (!fault) return results;
    if (std::find(sites_.begin(), sites_.end(), fault->site) == sites_.end()) {
      throw_fault(*fault, executable_->checks(), executable_->program()->name());
    }
    grow(*fault);
  }
}

void GrowingProgram::grow(const Fault& fault) {
  const std::string program = "program '" + executable_->program()->name() + "'";
  if (fault.payload <= capacity_) {
    throw UserError(
        {"capacity check " + std::to_string(fault.site) + " fails with room for " +
             std::to_string(capacity_) + " entries and wants " + std::to_string(fault.payload),
         program, "the payload of a capacity check is the number of entries wanted", ""});
  }
  if (fault.payload > most_) {
    throw UserError({"a list wants " + std::to_string(fault.payload) + " entries", program,
                     "at most " + std::to_string(most_) + " are allowed", "raise the limit"});
  }
  capacity_ = std::min(std::max(fault.payload, 2 * capacity_), most_);
  executable_ = make_(capacity_);
  ++times_grown_;
}

void GrowingProgram::pad(std::vector<ir::Tensor>& arguments) const {
  const ir::Function& f = *executable_->program();
  for (std::size_t k = 0; k < arguments.size() && k < f.params().size(); ++k) {
    const ir::Type from = arguments[k].type(), to = f.param_type(k);
    if (from == to || from.dtype != to.dtype || from.shape.rank() != to.shape.rank()) continue;
    ir::PadAttr attr;
    bool fits = true;
    for (int axis = 0; axis < to.shape.rank(); ++axis) {
      attr.low.push_back(0), attr.interior.push_back(0);
      attr.high.push_back(to.shape[axis] - from.shape[axis]);
      fits = fits && attr.high.back() >= 0;
    }
    if (!fits) continue;  // the call says what is wrong
    const ir::Tensor zero = ir::filled(ir::scalar(from.dtype), 0);
    const ir::Tensor* const operands[] = {&arguments[k], &zero};
    arguments[k] = ir::evaluate_op(ir::Op::kPad, ir::Operands(operands), attr, to, false);
  }
}

}  // namespace cotangent::runtime
