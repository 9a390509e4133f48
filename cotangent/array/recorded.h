// A function of arrays as a program of its own, with the numbers of what it captured: for what
// looks at programs instead of running them. Internal to the module.
#pragma once

#include <string>
#include <vector>

#include "cotangent/array/transforms.h"
#include "cotangent/ir/function.h"

namespace cotangent::array::recorded_detail {

using jit_detail::Recording;

struct Recorded {
  ir::FunctionPtr function;            ///< (arguments..., captures...) -> results
  std::vector<ir::Tensor> at;          ///< of all parameters
  std::vector<std::string> arguments;  ///< paths of the leaves, captures after them
  std::vector<std::string> results;
};

/// Evaluates arguments and captures. Refused inside another traced function.
Recorded close(const std::string& op, const Recording& recording, std::span<const Array> parameters,
               std::span<const Array> results, std::span<const Array> at);

ir::Tensor tensor_of(const Array& x);
Array array_of(const ir::Tensor& x);

/// f recorded at the arguments.
template <class F, class... A>
Recorded record(const std::string& op, const F& f, const std::tuple<A...>& arguments) {
  Recording recording(op);
  std::vector<Array> parameters, at;
  std::vector<std::string> paths;
  std::size_t position = 0;
  const auto add = [&](const auto& tree) {
    const std::string root =
        sizeof...(A) == 1 ? "argument" : "argument " + std::to_string(position++);
    for (std::string& path : leaf_paths(tree, root)) paths.push_back(std::move(path));
  };
  const auto result = std::apply(
      [&](const auto&... x) {
        transform_detail::append_leaves(at, x...);
        (add(x), ...);
        return transform_detail::record(recording, parameters, f, x...);
      },
      arguments);
  Recorded recorded = close(op, recording, parameters, leaves_of(result), at);
  while (paths.size() < recorded.at.size()) {
    paths.push_back("captured array " + std::to_string(paths.size() - parameters.size()));
  }
  recorded.arguments = std::move(paths);
  recorded.results = leaf_paths(result, "result");
  return recorded;
}

}  // namespace cotangent::array::recorded_detail
