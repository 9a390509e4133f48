#include "cotangent/transform/passes.h"

#include <chrono>

#include "cotangent/ir/verifier.h"

namespace cotangent::transform {

using namespace ir;

std::vector<Pass> standard_passes(const PassOptions& options) {
  std::vector<Pass> passes;
  passes.push_back({"simplify", simplify});
  passes.push_back({"symmetrise_pairs", symmetrise_pairs});
  if (options.reduce_strength) {
    passes.push_back({"reduce_strength", reduce_strength});
    passes.push_back({"simplify", simplify});
  }
  passes.push_back({"hoist_rows", hoist_rows});
  if (options.reduce_strength) passes.push_back({"factor_rows", factor_rows});
  passes.push_back({"simplify", simplify});
  if (options.contract) passes.push_back({"contract", contract});
  if (options.expand_math) passes.push_back({"expand_math", expand_math});
  passes.push_back({"simplify", simplify});
  return passes;
}

FunctionPtr run_passes(FunctionPtr f, const PassOptions& options,
                       std::vector<PassRecord>* records) {
  for (const Pass& pass : standard_passes(options)) {
    PassRecord record{pass.name, 0, f->total_size(), 0};
    const auto start = std::chrono::steady_clock::now();
    f = pass.run(*f);
    record.seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    record.nodes_after = f->total_size();
#ifdef COTANGENT_VERIFY_PASSES
    verify(*f);
#endif
    if (records) records->push_back(record);
  }
  return f;
}

}  // namespace cotangent::transform
