#include "cotangent/apps/named_arrays.h"

namespace cotangent::apps {

std::vector<NamedArray> final_state(const mechanics::System& system,
                                    const mechanics::RunResult& result) {
  if (system.form != mechanics::Form::kCanonical) return arrays_of(system, result.x);
  return {{"q", result.q}, {"p", result.p}, {"v", result.v}};
}

std::vector<NamedArray> final_members(const mechanics::System& system,
                                      const mechanics::RunResult& result) {
  if (result.members.empty()) return {};
  if (system.form != mechanics::Form::kCanonical) return arrays_of(system, result.members[0]);
  return {{"q", result.members[0]}, {"p", result.members[1]}};
}

std::vector<double> doubles_of(const ir::Tensor& tensor) {
  std::vector<double> values;
  for (std::int64_t k = 0; k < tensor.size(); ++k) {
    values.push_back(static_cast<double>(tensor.real(k)));
  }
  return values;
}

}  // namespace cotangent::apps
