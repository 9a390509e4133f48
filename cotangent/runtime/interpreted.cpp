#include "cotangent/runtime/interpreted.h"

#include <cstring>
#include <utility>

#include "cotangent/kernel/interpreter.h"
#include "cotangent/kernel/lower.h"

namespace cotangent::runtime {
namespace {

class Interpreted final : public Executable {
 public:
  Interpreted(ir::FunctionPtr program, std::vector<transform::FaultSite> checks)
      : program_(std::move(program)),
        checks_(std::move(checks)),
        kernel_(kernel::lower(program_)) {}

  const ir::FunctionPtr& program() const override { return program_; }
  std::span<const transform::FaultSite> checks() const override { return checks_; }

  void call_raw(std::span<const void* const> arguments,
                std::span<void* const> results) const override {
    // Aside, for a result may be the memory of an argument.
    std::vector<ir::Tensor> made;
    std::vector<void*> out;
    for (std::size_t k = 0; k < results.size(); ++k) made.emplace_back(program_->result_type(k));
    for (ir::Tensor& t : made) out.push_back(t.data());
    kernel::interpret(kernel_, arguments, out);
    for (std::size_t k = 0; k < results.size(); ++k) {
      std::memcpy(results[k], made[k].data(), static_cast<std::size_t>(made[k].bytes()));
    }
  }

  std::string kernels_text() const override { return kernel::print(kernel_); }
  std::string code_text() const override { return ""; }
  CompileTimes times() const override { return {}; }
  kernel::Cost cost() const override { return kernel::cost_of(kernel_); }

 private:
  ir::FunctionPtr program_;
  std::vector<transform::FaultSite> checks_;
  kernel::Program kernel_;
};

}  // namespace

ExecutablePtr interpreted(const ir::FunctionPtr& f) {
  if (!f->has_checks())
    return std::make_shared<Interpreted>(transform::run_passes(f, {}),
                                         std::vector<transform::FaultSite>{});
  transform::Exposed exposed = transform::expose_faults(*f);
  return std::make_shared<Interpreted>(transform::run_passes(exposed.program, {}),
                                       std::move(exposed.sites));
}

}  // namespace cotangent::runtime
