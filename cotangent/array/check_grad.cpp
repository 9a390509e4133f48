#include "cotangent/array/check_grad.h"

namespace cotangent::array {
namespace check_grad_detail {

GradCheck check(const recorded_detail::Recorded& recorded, std::size_t arguments,
                const GradCheckOptions& options) {
  transform::Positions wrt;
  std::vector<std::string> names;
  for (std::size_t k = 0; k < arguments; ++k) {
    if (!is_float(recorded.at[k].type().dtype)) continue;
    wrt.push_back(k);
    names.push_back(recorded.arguments[k]);
  }
  names.insert(names.end(), recorded.results.begin(), recorded.results.end());
  return transform::check_grad(*recorded.function, wrt, recorded.at, options, names);
}

}  // namespace check_grad_detail

std::optional<ir::NonFinite> non_finite_of(const recorded_detail::Recorded& recorded) {
  auto found = ir::find_non_finite(*recorded.function, recorded.at);
  if (!found) return found;
  // The leaves by their places in the trees.
  const std::string number = "result " + std::to_string(found->result);
  found->shows.replace(0, number.size(), recorded.results[found->result]);
  if (found->argument) {
    const std::string& name = recorded.function->param_names()[*found->argument];
    found->line.replace(0, name.size(), recorded.arguments[*found->argument]);
  }
  return found;
}

}  // namespace cotangent::array
