// Derivatives of one's own: functions with a given jvp or vjp, and what stops or bends gradients.
//
//   // log(1 + e^x), whose derivative by the rules overflows
//   auto softplus = custom_jvp([](Array x) { return log1p(exp(x)); },
//                              [](Array x, Array dx) {
//                                return std::pair(log1p(exp(x)), dx / (1 + exp(-x)));
//                              });
//
// A function with a jvp has both modes (reverse is the transpose of what jvp does to tangents,
// which has to be linear in them) and derivatives of any order: those of the jvp. With a vjp it has
// reverse mode once; forward mode is refused by name. Arrays of the surroundings are refused: a
// derivative by them would be lost. Make them arguments.
#pragma once

#include <functional>

#include "cotangent/array/transforms.h"

namespace cotangent::array {
namespace custom_detail {

using jit_detail::Recording;

/// A call of the recorded body with a recorded derivative; operands are `at`.
std::vector<Array> call_with_jvp(const Recording& body, std::span<const Array> parameters,
                                 std::span<const Array> results, const Recording& jvp,
                                 std::span<const Array> jvp_parameters,
                                 std::span<const Array> jvp_results, std::span<const Array> at);
std::vector<Array> call_with_vjp(const Recording& body, std::span<const Array> parameters,
                                 std::span<const Array> results, const Recording& vjp,
                                 std::span<const Array> vjp_parameters,
                                 std::span<const Array> vjp_results, std::span<const Array> at);

template <class Tuple>
std::vector<Array> leaves_of_all(const Tuple& trees) {
  std::vector<Array> all;
  const auto add = [&](const auto& tree) {
    const auto mine = leaves_of(tree);
    all.insert(all.end(), mine.begin(), mine.end());
  };
  std::apply([&](const auto&... tree) { (add(tree), ...); }, trees);
  return all;
}

/// Parameters like the leaves of a tree. Appends them.
template <class Tree>
Tree placed(Recording& recording, const Tree& tree, std::vector<Array>& parameters) {
  const auto mine = recording.parameters_like(leaves_of(tree));
  parameters.insert(parameters.end(), mine.begin(), mine.end());
  return with_leaves(tree, mine);
}

/// Parameters like the real leaves of a tree; zeros in the places of the others. Appends them.
template <class Tree>
Tree real_parameters(Recording& recording, const Tree& tree, std::vector<Array>& parameters) {
  std::vector<Array> leaves;
  for (const Array& leaf : leaves_of(tree)) {
    if (is_float(leaf.dtype())) {
      leaves.push_back(recording.parameter(leaf.dtype(), leaf.shape(), false));
      parameters.push_back(leaves.back());
    } else {
      leaves.push_back(zeros(leaf.shape(), leaf.dtype()));
    }
  }
  return with_leaves(tree, leaves);
}

/// The real ones of some leaves.
std::vector<Array> real_ones(std::span<const Array> leaves);

}  // namespace custom_detail

/// f with derivative(x..., dx...) -> (f(x...), its directional derivative along dx...). Tangents
/// have the structure of the arguments, that of the result its structure; those of integers are
/// zero.
template <class F, class Derivative>
auto custom_jvp(F f, Derivative derivative) {
  return [f, derivative](const auto&... given) {
    const auto arguments = transform_detail::lifted_tuple(given...);
    const std::vector<Array> at = custom_detail::leaves_of_all(arguments);
    std::vector<Array> parameters, jvp_parameters;
    custom_detail::Recording body("custom_jvp"), jvp("custom_jvp");
    const auto result = std::apply(
        [&](const auto&... x) { return transform_detail::record(body, parameters, f, x...); },
        arguments);
    const auto both = std::apply(
        [&](const auto&... x) {
          // Parameters for the arguments first, then for their tangents.
          const auto primal = std::tuple<std::decay_t<decltype(x)>...>{
              custom_detail::placed(jvp, x, jvp_parameters)...};
          const auto tangent = std::tuple<std::decay_t<decltype(x)>...>{
              custom_detail::real_parameters(jvp, x, jvp_parameters)...};
          return std::apply(derivative, std::tuple_cat(primal, tangent));
        },
        arguments);
    auto jvp_results = leaves_of(both.first);
    const auto slopes = custom_detail::real_ones(leaves_of(both.second));
    jvp_results.insert(jvp_results.end(), slopes.begin(), slopes.end());
    return with_leaves(result, custom_detail::call_with_jvp(body, parameters, leaves_of(result),
                                                            jvp, jvp_parameters, jvp_results, at));
  };
}

/// f with pull(x..., f(x...), cotangent of the result) -> cotangent of x, a tuple of them where
/// there are several arguments. Those of integers are not read.
template <class F, class Pull>
auto custom_vjp(F f, Pull pull) {
  return [f, pull](const auto&... given) {
    const auto arguments = transform_detail::lifted_tuple(given...);
    const std::vector<Array> at = custom_detail::leaves_of_all(arguments);
    std::vector<Array> parameters, vjp_parameters;
    custom_detail::Recording body("custom_vjp"), vjp("custom_vjp");
    const auto result = std::apply(
        [&](const auto&... x) { return transform_detail::record(body, parameters, f, x...); },
        arguments);
    const auto pulled = std::apply(
        [&](const auto&... x) {
          auto inside = std::tuple<std::decay_t<decltype(x)>...>{
              custom_detail::placed(vjp, x, vjp_parameters)...};
          const auto value = custom_detail::placed(vjp, result, vjp_parameters);
          const auto ct = custom_detail::real_parameters(vjp, result, vjp_parameters);
          return std::apply(pull, std::tuple_cat(std::move(inside), std::tuple(value, ct)));
        },
        arguments);
    return with_leaves(result,
                       custom_detail::call_with_vjp(body, parameters, leaves_of(result), vjp,
                                                    vjp_parameters, leaves_of(pulled), at));
  };
}

/// x, through which no derivative passes, in either mode.
Array stop_gradient(const Array& x);

/// y, with the derivative of x: the straight-through estimator (Bengio et al. 2013) of a step y of
/// x, such as round(x). Both have one shape and one real type.
Array straight_through(const Array& y, const Array& x);

/// x; its cotangent, in reverse mode, is clipped to low .. high, element by element. Forward mode
/// is refused.
Array clip_gradient(const Array& x, double low, double high);

}  // namespace cotangent::array
