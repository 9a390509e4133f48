// A program of a run that can be called: compiled, or on the reference evaluator.
#pragma once

#include <span>
#include <vector>

#include "cotangent/ir/evaluator.h"
#include "cotangent/runtime/executable.h"

namespace cotangent::mechanics {

class Callable {
 public:
  Callable() = default;
  /// Without an executable: on the reference evaluator.
  Callable(ir::FunctionPtr f, runtime::ExecutablePtr executable)
      : f_(std::move(f)), executable_(std::move(executable)) {}

  const ir::FunctionPtr& function() const { return f_; }
  const runtime::ExecutablePtr& executable() const { return executable_; }

  void call(std::span<const ir::Tensor* const> arguments,
            std::span<ir::Tensor* const> results) const {
    if (!executable_) {
      std::vector<ir::Tensor> args;
      for (const ir::Tensor* a : arguments) args.push_back(*a);
      std::vector<ir::Tensor> values = ir::evaluate(*f_, args);
      for (std::size_t k = 0; k < results.size(); ++k) *results[k] = std::move(values[k]);
      return;
    }
    std::vector<const void*> in;
    std::vector<void*> out;
    for (const ir::Tensor* a : arguments) in.push_back(a->data());
    for (ir::Tensor* r : results) out.push_back(r->data());
    executable_->call_raw(in, out);
  }

 private:
  ir::FunctionPtr f_;
  runtime::ExecutablePtr executable_;
};

}  // namespace cotangent::mechanics
