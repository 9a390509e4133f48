// A function of arrays as a program of its own: for what looks at programs instead of running them
// (recorded_detail, internal to the module), and for what makes systems of them.
#pragma once

#include <functional>
#include <string>
#include <utility>
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

namespace cotangent::array {

/// A parameter of a program: never weak.
struct ProgramParameter {
  std::string name;
  ir::Type type;
};
using NamedArrays = std::vector<std::pair<std::string, Array>>;

/// A program (parameters...) -> one array for each result of f, which has its name. Arrays that f
/// takes from outside become constants. UserError where they are traced themselves.
std::vector<ir::FunctionPtr> programs_of(
    std::span<const ProgramParameter> parameters,
    const std::function<NamedArrays(std::span<const Array>)>& f);

}  // namespace cotangent::array
