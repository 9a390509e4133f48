// Whether the derivatives of a function are right, and where a number stopped being finite.
//
//   const GradCheck check = check_grad(loss, weights, data);
//   if (!check) std::cerr << check.text();
//
// check_grad compares reverse mode, forward mode, differences of the function itself and the
// dot-product identity (transform/check_grad.h says how, and what "inconclusive" means). Arguments
// and results are trees; what is real in them is checked. By default differences are central ones,
// extrapolated; with complex_step they are Im f(x + i h d) / h with a tiny h, exact but for
// rounding (Squire and Trapp 1998), for functions that take Complex as well as Array.
//
//   check_grad(complex_step([](auto x) { return sum(exp(x) / (1 + x * x)); }), x)
//
// find_non_finite(f, x...) follows a number of f(x...) that is not finite back to the op, the step
// of the loop and the lane that made it (ir/non_finite.h); f may be a gradient:
//
//   if (const auto found = find_non_finite(grad(loss), weights)) std::cerr << found->text();
//
// Both run on the reference evaluator: slow, for small cases, and refused inside traced functions.
#pragma once

#include "cotangent/array/complex.h"
#include "cotangent/array/recorded.h"
#include "cotangent/transform/check_grad.h"

namespace cotangent::array {

using transform::GradCheck;
using transform::GradCheckOptions;

/// Says that f, of arrays (not trees) to an array, takes complex ones as well.
template <class F>
struct ComplexStep {
  F f;
  template <class... A>
  auto operator()(const A&... x) const {
    return f(x...);
  }
};
template <class F>
ComplexStep<F> complex_step(F f) {
  return {std::move(f)};
}

namespace check_grad_detail {

GradCheck check(const recorded_detail::Recorded& recorded, std::size_t arguments,
                const GradCheckOptions& options);

template <class T>
struct IsComplexStep : std::false_type {};
template <class F>
struct IsComplexStep<ComplexStep<F>> : std::true_type {};

/// f at x + i h d, divided by h.
template <class F, class... A>
auto complex_slope(const F& f, const std::tuple<A...>& arguments) {
  return [f, arguments](std::span<const ir::Tensor> directions) {
    constexpr double kStep = 0x1p-300;
    std::size_t next = 0;
    const auto moved = [&](const Array& x) {
      return is_float(x.dtype()) ? Complex(x, kStep * recorded_detail::array_of(directions[next++]))
                                 : Complex(x);
    };
    const Complex y = std::apply(
        [&](const auto&... x) {
          const std::tuple<decltype(moved(x))...> placed{moved(x)...};  // from left to right
          return std::apply(f, placed);
        },
        arguments);
    return std::vector<ir::Tensor>{recorded_detail::tensor_of(y.im / kStep)};
  };
}

template <class F, class... A>
GradCheck run(const F& f, const std::tuple<A...>& arguments, GradCheckOptions options) {
  if constexpr (IsComplexStep<F>::value) {
    static_assert((std::same_as<A, Array> && ...), "complex_step: the arguments are Arrays");
    options.slope = complex_slope(f.f, arguments);
  }
  std::vector<Array> leaves;
  std::apply([&](const auto&... x) { transform_detail::append_leaves(leaves, x...); }, arguments);
  transform_detail::want_real("check_grad", leaves);
  return check(recorded_detail::record("check_grad", f, arguments), leaves.size(), options);
}

}  // namespace check_grad_detail

/// Checks the derivatives of f at the arguments.
template <class F, class... A>
  requires(!(std::same_as<A, GradCheckOptions> || ...))
GradCheck check_grad(const F& f, const A&... arguments) {
  return check_grad_detail::run(f, transform_detail::lifted_tuple(arguments...), {});
}
template <class F, class... A>
GradCheck check_grad(const GradCheckOptions& options, const F& f, const A&... arguments) {
  return check_grad_detail::run(f, transform_detail::lifted_tuple(arguments...), options);
}

/// Where the first number of f(arguments...) that is not finite was made; nothing: all are finite.
/// `argument` counts leaves.
std::optional<ir::NonFinite> non_finite_of(const recorded_detail::Recorded& recorded);
template <class F, class... A>
std::optional<ir::NonFinite> find_non_finite(const F& f, const A&... arguments) {
  return non_finite_of(
      recorded_detail::record("find_non_finite", f, transform_detail::lifted_tuple(arguments...)));
}

}  // namespace cotangent::array
