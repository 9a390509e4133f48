// A program of a run that can be called: compiled, or on the reference evaluator.
#pragma once

#include <span>
#include <vector>

#include "cotangent/ir/evaluator.h"
#include "cotangent/runtime/executable.h"
#include "cotangent/runtime/fault.h"
#include "cotangent/transform/passes.h"

namespace cotangent::mechanics {

class Callable {
 public:
  Callable() = default;
  /// Without an executable: on the reference evaluator.
  Callable(ir::FunctionPtr f, runtime::ExecutablePtr executable)
      : f_(std::move(f)), executable_(std::move(executable)) {
    if (executable_ || !f_->has_checks()) return;
    transform::Exposed exposed = transform::expose_faults(*f_);
    // As runtime::compile does: checks want the passes after them.
    f_ = transform::run_passes(std::move(exposed.program));
    sites_ = std::move(exposed.sites);
  }

  const ir::FunctionPtr& function() const { return f_; }
  const runtime::ExecutablePtr& executable() const { return executable_; }
  /// Arrays for the results.
  std::vector<ir::Tensor> room() const {
    std::vector<ir::Tensor> list;
    const std::size_t n = f_->results().size() - (sites_.empty() ? 0 : 1);
    for (std::size_t k = 0; k < n; ++k) list.emplace_back(f_->result_type(k));
    return list;
  }

  /// UserError where a check of the program fails.
  void call(std::span<const ir::Tensor* const> arguments,
            std::span<ir::Tensor* const> results) const {
    std::vector<std::int64_t> fault(4);
    if (!executable_) {
      std::vector<ir::Tensor> args;
      for (const ir::Tensor* a : arguments) args.push_back(*a);
      std::vector<ir::Tensor> values = ir::evaluate(*f_, args);
      for (std::size_t k = 0; k < results.size(); ++k) *results[k] = std::move(values[k]);
      if (sites_.empty()) return;
      const auto record = values.back().as<std::int64_t>();
      fault.assign(record.begin(), record.end());
    } else {
      std::vector<const void*> in;
      std::vector<void*> out;
      for (const ir::Tensor* a : arguments) in.push_back(a->data());
      for (ir::Tensor* r : results) out.push_back(r->data());
      if (executable_->checks().empty()) return executable_->call_raw(in, out);
      out.push_back(fault.data());
      executable_->call_raw(in, out);
    }
    if (const auto found = runtime::read_fault(fault)) {
      runtime::throw_fault(*found, executable_ ? executable_->checks() : sites_, f_->name());
    }
  }

 private:
  ir::FunctionPtr f_;
  runtime::ExecutablePtr executable_;
  std::vector<transform::FaultSite> sites_;  ///< of an evaluated program with checks
};

}  // namespace cotangent::mechanics
