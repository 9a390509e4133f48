#include "cotangent/mechanics/short_use.h"

#include "cotangent/mechanics/dependence.h"
#include "cotangent/runtime/interpreted.h"

namespace cotangent::mechanics {
namespace {

// Six bodies with their second derivatives: 4 ms to be interpreted, 50 to be compiled, 105 to be
// compiled well; then 12 ns, some 2 ns and below 1 ns an operation.
constexpr double kInterpreted = 3e6, kHasty = 3e7;

}  // namespace

runtime::ExecutablePtr code_for(const ir::FunctionPtr& f, double calls) {
  const double operations = calls * operations_in(*f);
  if (operations <= kInterpreted) return runtime::interpreted(f);
  runtime::CompileOptions options;
  if (operations <= kHasty) options.optimize = 0;
  return runtime::compile(f, options);
}

}  // namespace cotangent::mechanics
