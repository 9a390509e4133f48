// Smooth stand-ins for what jumps or has kinks, and gradients through events that a derivative does
// not see.
//
// A derivative of a program with steps in it is right almost everywhere and useless: a contact that
// comes earlier, a threshold that is passed, contribute nothing (Suh, Simchowitz, Zhang, Tedrake,
// "Do differentiable simulators give better policy gradients?", 2022). What has a useful gradient
// is the average over a little Gaussian noise of width w,
//
//     F_w(x) = E f(x + w xi),   xi standard normal.
//
// 1. Functions in closed form: smooth_step, smooth_abs, ... are F_w of the step, of |x|, ...
// exactly,
//    so they are smooth to any order, and from a distance of some widths they are f itself (the
//    difference falls like exp(-x^2 / 2 w^2)). At the kink they differ by O(w).
//    Where an integral or a mean over many states is wanted, or f is smooth, the bias of F_w is of
//    second order: w^2/2 trace f'' + O(w^4).
// 2. The same with `exact`: the value is that of f, only the derivatives are F_w's (a straight-
//    through estimator, Bengio, Leonard and Courville 2013). The run then is the real run.
// 3. reduce_bias(g, w): (4 g(w/2) - g(w)) / 3, Richardson's extrapolation (1911) in the width: the
//    bias of second order cancels, O(w^4) is left.
// 4. smoothed_grad: the gradient of F_w of any f, by sampling; f is only evaluated, so its jumps
//    count (Nesterov and Spokoiny 2017). Unbiased for grad F_w.
#pragma once

#include "cotangent/array/custom.h"
#include "cotangent/array/random.h"
#include "cotangent/array/reduce.h"

namespace cotangent::array {

/// How wide, in units of the argument; positive.
struct Smoothing {
  template <Number T>
  Smoothing(T w, bool exact_value = false) : width(w), exact(exact_value) {}
  Smoothing(Array w, bool exact_value = false) : width(std::move(w)), exact(exact_value) {}
  Array width;  ///< may be traced: anneal it
  bool exact;   ///< the value is that of the function itself, the derivatives are smoothed
};

Array smooth_step(const Array& x, const Smoothing& s);  ///< 1 where x > 0, else 0
Array smooth_sign(const Array& x, const Smoothing& s);
Array smooth_abs(const Array& x, const Smoothing& s);
Array smooth_relu(const Array& x, const Smoothing& s);  ///< max(x, 0)
/// In x - y, which has the width.
Array smooth_maximum(const Array& x, const Array& y, const Smoothing& s);
Array smooth_minimum(const Array& x, const Array& y, const Smoothing& s);
Array smooth_clip(const Array& x, const Array& low, const Array& high, const Smoothing& s);
/// where(d > 0, x, y), smooth in d. Both x and y count near d = 0, so both have to be finite.
Array smooth_where(const Array& d, const Array& x, const Array& y, const Smoothing& s);

/// (4 g(width/2) - g(width)) / 3 of a tree: what is left of a bias c2 w^2 + c4 w^4 + ... is O(w^4).
template <class G>
auto reduce_bias(const G& g, const Array& width) {
  const auto wide = g(width), narrow = g(width / 2);
  auto leaves = leaves_of(narrow);
  const auto others = leaves_of(wide);
  for (std::size_t k = 0; k < leaves.size(); ++k) leaves[k] = (4 * leaves[k] - others[k]) / 3;
  return with_leaves(narrow, leaves);
}

struct SmoothedOptions {
  double width = 0.1;          ///< of the noise, the same for all elements: scale the arguments
  std::int64_t samples = 256;  ///< pairs x + w xi, x - w xi; at least 2
  /// Takes grad(f)(x) . xi off each term and grad(f)(x) back in: no bias whatever it is, and where
  /// f is smooth the noise falls from O(1) to O(w^2). Only where f has a derivative at x.
  bool control_variate = true;
  bool reduce_bias = false;  ///< at w and w/2 with the same xi: bias O(w^4) in place of O(w^2)
};

/// Estimates and their standard errors, of the sample (zero where all terms agree).
template <class X>
struct SmoothedGradient {
  Array value, value_error;  ///< of F_w(x)
  X gradient, error;         ///< of its gradient; of the structure of x
};

namespace smoothing_detail {

void check_options(const SmoothedOptions& options, std::span<const Array> leaves);
/// Mean over the first axis, and its standard error.
std::pair<Array, Array> mean_and_error(const Array& terms);
/// Standard normal numbers, one array [samples] + shape a leaf.
std::vector<Array> draws(const Key& key, std::int64_t samples, std::span<const Array> leaves);

}  // namespace smoothing_detail

/// The gradient of E f(x + w xi) for a function with one real result, all leaves of x real:
///
///     mean over xi of  xi (f(x + w xi) - f(x - w xi)) / (2 w).
///
/// Both of a pair together (antithetic): what is even in xi, the constant f(x) above all, drops
/// out. With n = samples the variance of an element is about (|f'|^2 + f'_k^2) / n without and
/// O(w^4) / n with the control variate where f is smooth, and of the order of J^2 / (w n) where it
/// jumps by J within reach. The derivative of the estimate itself is that of its terms, which again
/// misses the jumps.
template <class F, class X>
SmoothedGradient<X> smoothed_grad(const F& f, const X& x, const Key& key,
                                  const SmoothedOptions& options = {}) {
  const std::vector<Array> at = leaves_of(x);
  smoothing_detail::check_options(options, at);
  const std::vector<Array> xi = smoothing_detail::draws(key, options.samples, at);
  std::vector<Array> slope;
  if (options.control_variate) slope = leaves_of(grad(f)(x));
  // The value, then the gradient's leaves: the terms of one pair.
  const auto terms = [&](const std::vector<Array>& xi, double width) {
    std::vector<Array> up = at, down = at;
    Array guess = 0.0;
    for (std::size_t k = 0; k < at.size(); ++k) {
      up[k] = at[k] + width * xi[k];
      down[k] = at[k] - width * xi[k];
      if (options.control_variate) guess = guess + sum(slope[k] * xi[k]);
    }
    const Array above = f(with_leaves(x, up)), below = f(with_leaves(x, down));
    const Array rest = (above - below) / (2 * width) - guess;
    std::vector<Array> all = {(above + below) / 2};
    for (std::size_t k = 0; k < at.size(); ++k) {
      all.push_back(options.control_variate ? slope[k] + rest * xi[k] : rest * xi[k]);
    }
    return all;
  };
  const auto pair = [&](const std::vector<Array>& xi) {
    std::vector<Array> all = terms(xi, options.width);
    if (!options.reduce_bias) return all;
    const std::vector<Array> narrow = terms(xi, options.width / 2);
    for (std::size_t k = 0; k < all.size(); ++k) all[k] = (4 * narrow[k] - all[k]) / 3;
    return all;
  };
  const std::vector<Array> all = vmap(pair)(xi);
  std::vector<Array> gradient, error;
  for (std::size_t k = 0; k < at.size(); ++k) {
    const auto [mean, deviation] = smoothing_detail::mean_and_error(all[k + 1]);
    gradient.push_back(mean);
    error.push_back(deviation);
  }
  const auto [value, value_error] = smoothing_detail::mean_and_error(all[0]);
  return {value, value_error, with_leaves(x, gradient), with_leaves(x, error)};
}

}  // namespace cotangent::array
