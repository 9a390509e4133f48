// grad, value_and_grad, jvp, vjp, linearise, linear_transpose, jacobian, jacfwd, jacrev, hessian,
// hvp, vmap: functions of arrays to functions of arrays.
//
//   auto slope = grad([](Array x) { return exp(sin(x * x)); });
//   Array d = slope(0.5);
//   auto all_slopes = jit(vmap(slope));
//
// They compose in any order, with jit and with loops. Arguments and results are trees (tree.h).
// Arrays of the surroundings may be used inside; they are constants of the derivative, lanes share
// them. f is recorded at every call: wrap the result in jit to record it once.
//
// Rules and conventions of derivatives: docs/derivatives.md. vmap keeps f as the body of a `map`:
// every lane gives the bits that f alone would give.
#pragma once

#include <optional>

#include "cotangent/array/elementwise.h"
#include "cotangent/array/jit.h"
#include "cotangent/array/shaping.h"

namespace cotangent::array {
namespace transform_detail {

using jit_detail::Recording;

/// Records f on parameters; the leaves of what it gives.
template <class F, class... A>
auto record(Recording& recording, std::vector<Array>& parameters, const F& f, const A&... trees) {
  const auto inside = [&](const auto& tree) {
    const auto mine = recording.parameters_like(leaves_of(tree));
    parameters.insert(parameters.end(), mine.begin(), mine.end());
    return with_leaves(tree, mine);
  };
  const std::tuple<A...> placed{inside(trees)...};
  return std::apply(f, placed);
}

/// value, then the gradient for each parameter, at `at`. The value is a real scalar.
std::vector<Array> value_and_gradient(const Recording& recording, std::span<const Array> parameters,
                                      const Array& value, std::span<const Array> at);

/// Refuses to differentiate with respect to arrays none of which is real.
void want_real(std::string_view op, std::span<const Array> at);

/// Values, then tangents, for each result.
std::vector<Array> push_forward(const Recording& recording, std::span<const Array> parameters,
                                std::span<const Array> results, std::span<const Array> at,
                                std::span<const Array> tangents);

/// A recorded function with its reverse.
struct Reverse {
  std::vector<Array> values;
  std::vector<Array> at, captures;
  std::vector<bool> is_real;  ///< parameters with a derivative
  std::shared_ptr<const void> function;
  std::vector<Array> pull(std::span<const Array> cotangents) const;
};
Reverse reverse_of(const Recording& recording, std::span<const Array> parameters,
                   std::span<const Array> results, std::span<const Array> at);

/// A recorded function, evaluated once, with the linear map that its derivative is there.
struct Tangent {
  std::vector<Array> values, residuals;
  std::vector<Array> at;
  std::shared_ptr<const void> function;
  std::vector<Array> push(std::span<const Array> tangents) const;
};
Tangent tangent_of(const Recording& recording, std::span<const Array> parameters,
                   std::span<const Array> results, std::span<const Array> at);

/// The transpose of a recorded linear function: cotangents of the parameters, zeros for integers.
std::vector<Array> transposed(const Recording& recording, std::span<const Array> parameters,
                              std::span<const Array> results, std::span<const Array> cotangents);

/// The leaf with its lanes in front; the number of lanes is checked.
Array lanes_first(const Array& leaf, int axis, std::int64_t& lanes);
/// The result, lanes in front, with its lanes along an axis.
Array lanes_at(const Array& result, int axis);
std::vector<Array> map_over(const Recording& recording, std::span<const Array> parameters,
                            std::span<const Array> results, std::span<const Array> rows,
                            std::int64_t lanes);

template <class T>
struct IsPairOfArray : std::false_type {};
template <class Aux>
struct IsPairOfArray<std::pair<Array, Aux>> : std::true_type {};

template <std::size_t K, class Tuple>
decltype(auto) nth(const Tuple& t) {
  return std::get<K>(t);
}

/// Appends the leaves of some trees.
template <class... T>
void append_leaves(std::vector<Array>& to, const T&... trees) {
  const auto one = [&](const auto& tree) {
    const auto mine = leaves_of(tree);
    to.insert(to.end(), mine.begin(), mine.end());
  };
  (one(trees), ...);
}

/// One tree, or a tuple of them when several are asked for.
template <class... T>
auto one_or_tuple(std::tuple<T...> trees) {
  if constexpr (sizeof...(T) == 1) {
    return std::get<0>(std::move(trees));
  } else {
    return trees;
  }
}

/// `all` as trees like the arguments, one after the other.
template <class Tuple>
auto shared_out(std::span<const Array> all, const Tuple& arguments) {
  std::size_t next = 0;
  const auto of = [&](const auto& tree) {
    const std::size_t n = leaves_of(tree).size();
    const std::span<const Array> mine = all.subspan(next, n);
    next += n;
    return with_leaves(tree, mine);
  };
  return std::apply(
      [&](const auto&... x) {
        return one_or_tuple(std::tuple<std::decay_t<decltype(x)>...>{of(x)...});
      },
      arguments);
}

template <class F, std::size_t... K>
auto value_and_grad(const F& f, std::index_sequence<K...>, const auto& arguments) {
  Recording recording("grad");
  std::vector<Array> parameters, at;
  auto placed = arguments;
  const auto place = [&](auto& tree) {
    const auto mine = leaves_of(tree);
    at.insert(at.end(), mine.begin(), mine.end());
    const auto holders = recording.parameters_like(mine);
    parameters.insert(parameters.end(), holders.begin(), holders.end());
    tree = with_leaves(std::move(tree), holders);
  };
  (place(std::get<K>(placed)), ...);
  const Array value = std::apply(f, placed);
  const std::vector<Array> all = value_and_gradient(recording, parameters, value, at);
  std::size_t next = 1;
  const auto gradient_of = [&](const auto& tree) {
    const std::size_t n = leaves_of(tree).size();
    const std::span<const Array> mine(all.data() + next, n);
    next += n;
    return with_leaves(tree, mine);
  };
  std::tuple gradients{gradient_of(std::get<K>(arguments))...};
  return std::pair(all[0], one_or_tuple(std::move(gradients)));
}

template <std::size_t... K>
using positions_t =
    std::conditional_t<sizeof...(K) == 0, std::index_sequence<0>, std::index_sequence<K...>>;

template <class... A>
auto lifted_tuple(const A&... arguments) {
  return std::tuple<lifted_t<A>...>(lifted_t<A>(arguments)...);
}

}  // namespace transform_detail

/// (value, gradient) of a function whose result is one real number, with respect to argument 0 or
/// those named, all of them real: value_and_grad<0, 2>(f) gives a tuple of gradients.
template <std::size_t... K, class F>
auto value_and_grad(F f) {
  return [f](const auto&... arguments) {
    return transform_detail::value_and_grad(f, transform_detail::positions_t<K...>{},
                                            transform_detail::lifted_tuple(arguments...));
  };
}

template <std::size_t... K, class F>
auto grad(F f) {
  return [both = value_and_grad<K...>(std::move(f))](const auto&... arguments) {
    return both(arguments...).second;
  };
}

/// (f(x), its directional derivative along the tangents). Tangents have the structure of x; those
/// of integers are not read, and those of integer results are zero. An argument is real.
template <class F, class... A, class... T>
auto jvp(const F& f, const std::tuple<A...>& primals, const std::tuple<T...>& tangents) {
  static_assert(sizeof...(A) == sizeof...(T), "jvp: a tangent for each argument");
  transform_detail::Recording recording("jvp");
  std::vector<Array> parameters, at, along;
  const auto add_leaves = [](std::vector<Array>& to, const auto&... trees) {
    const auto one = [&](const auto& tree) {
      const auto mine = leaves_of(tree);
      to.insert(to.end(), mine.begin(), mine.end());
    };
    (one(trees), ...);
  };
  std::apply([&](const auto&... x) { add_leaves(at, lifted_t<std::decay_t<decltype(x)>>(x)...); },
             primals);
  std::apply(
      [&](const auto&... x) { add_leaves(along, lifted_t<std::decay_t<decltype(x)>>(x)...); },
      tangents);
  auto result = std::apply(
      [&](const auto&... x) {
        return transform_detail::record(recording, parameters, f,
                                        lifted_t<std::decay_t<decltype(x)>>(x)...);
      },
      primals);
  const auto leaves = leaves_of(result);
  const auto all = transform_detail::push_forward(recording, parameters, leaves, at, along);
  const std::span<const Array> both(all);
  return std::pair(with_leaves(result, both.first(leaves.size())),
                   with_leaves(result, both.subspan(leaves.size())));
}
template <class F>
auto jvp(const F& f, const Array& x, const Array& tangent) {
  return jvp(f, std::tuple(x), std::tuple(tangent));
}

/// (f(x...), pull): pull(cotangents of the result) gives those of the arguments, a tuple when there
/// are several. What is real has a cotangent; those of integers are zero.
template <class F, class... A>
auto vjp(const F& f, const A&... given) {
  const auto arguments = transform_detail::lifted_tuple(given...);
  transform_detail::Recording recording("vjp");
  std::vector<Array> parameters, at;
  auto result = std::apply(
      [&](const auto&... x) {
        const auto one = [&](const auto& tree) {
          const auto mine = leaves_of(tree);
          at.insert(at.end(), mine.begin(), mine.end());
        };
        (one(x), ...);
        return transform_detail::record(recording, parameters, f, x...);
      },
      arguments);
  auto reverse = std::make_shared<const transform_detail::Reverse>(
      transform_detail::reverse_of(recording, parameters, leaves_of(result), at));
  result = with_leaves(std::move(result), reverse->values);
  const auto pull = [reverse, arguments](const auto& cotangents) {
    const std::vector<Array> all =
        reverse->pull(leaves_of(lifted_t<std::decay_t<decltype(cotangents)>>(cotangents)));
    return transform_detail::shared_out(all, arguments);
  };
  return std::pair(std::move(result), pull);
}

/// (f(x...), push): push(dx...) gives the derivative of f at x along dx, one tangent tree for each
/// argument; all that does not depend on tangents is done once. jvp does both at a time.
template <class F, class... A>
auto linearise(const F& f, const A&... given) {
  const auto arguments = transform_detail::lifted_tuple(given...);
  transform_detail::Recording recording("linearise");
  std::vector<Array> parameters, at;
  auto result = std::apply(
      [&](const auto&... x) {
        transform_detail::append_leaves(at, x...);
        return transform_detail::record(recording, parameters, f, x...);
      },
      arguments);
  auto tangent = std::make_shared<const transform_detail::Tangent>(
      transform_detail::tangent_of(recording, parameters, leaves_of(result), at));
  result = with_leaves(std::move(result), tangent->values);
  const auto push = [tangent, result](const auto&... tangents) {
    static_assert(sizeof...(tangents) == sizeof...(A), "linearise: a tangent for each argument");
    std::vector<Array> along;
    transform_detail::append_leaves(along, lifted_t<std::decay_t<decltype(tangents)>>(tangents)...);
    return with_leaves(result, tangent->push(along));
  };
  return std::pair(std::move(result), push);
}

/// The transpose of a linear function of arguments like x (their values are not read): from
/// cotangents of its result to those of the arguments, a tuple when there are several. Refused,
/// with the op, where f is not linear in all of them.
template <class F, class... A>
auto linear_transpose(const F& f, const A&... like) {
  return [f, arguments = transform_detail::lifted_tuple(like...)](const auto& cotangents) {
    transform_detail::Recording recording("linear_transpose");
    std::vector<Array> parameters, along;
    const auto result = std::apply(
        [&](const auto&... x) { return transform_detail::record(recording, parameters, f, x...); },
        arguments);
    transform_detail::append_leaves(along,
                                    lifted_t<std::decay_t<decltype(cotangents)>>(cotangents));
    const auto all = transform_detail::transposed(recording, parameters, leaves_of(result), along);
    return transform_detail::shared_out(all, arguments);
  };
}

/// Which axis of an argument holds the lanes; nothing: all lanes share the argument.
using LaneAxis = std::optional<int>;
inline constexpr LaneAxis shared{};

/// f for every lane at once: lanes run along axis `in_axes[k]` of all leaves of argument k (axis 0
/// when none are given), and along `out_axis` of all results.
template <class F>
auto vmap(F f, std::vector<LaneAxis> in_axes = {}, int out_axis = 0) {
  return [f, in_axes, out_axis](const auto&... given) {
    auto arguments = transform_detail::lifted_tuple(given...);
    if (!in_axes.empty() && in_axes.size() != sizeof...(given)) {
      throw UserError("[vmap] " + std::to_string(in_axes.size()) + " in_axes for " +
                          std::to_string(sizeof...(given)) + " arguments",
                      "give one entry an argument, or none");
    }
    transform_detail::Recording recording("vmap");
    std::vector<Array> parameters, rows;
    std::int64_t lanes = -1;
    std::size_t k = 0;
    const auto place = [&](auto& tree) {
      const LaneAxis axis = in_axes.empty() ? LaneAxis(0) : in_axes[k];
      ++k;
      if (!axis) return;
      std::vector<Array> mine;
      for (const Array& leaf : leaves_of(tree)) {
        rows.push_back(transform_detail::lanes_first(leaf, *axis, lanes));
        mine.push_back(
            recording.parameter(leaf.dtype(), rows.back().shape().row(), leaf.is_weak()));
        parameters.push_back(mine.back());
      }
      tree = with_leaves(std::move(tree), mine);
    };
    std::apply([&](auto&... tree) { (place(tree), ...); }, arguments);
    if (lanes < 0) {
      throw UserError("[vmap] no argument has lanes", "give in_axes an axis, or call f itself");
    }
    auto result = std::apply(f, arguments);
    auto all = transform_detail::map_over(recording, parameters, leaves_of(result), rows, lanes);
    for (Array& x : all) x = transform_detail::lanes_at(x, out_axis);
    return with_leaves(std::move(result), all);
  };
}

namespace transform_detail {

/// All partial derivatives of f at x, whose value is y: shape of y, then shape of x. By columns:
/// with jvp; by rows: with vjp.
template <class F>
Array partials_of(const F& f, const Array& x, const Array& y, bool by_columns) {
  const std::int64_t n = by_columns ? x.size() : y.size();
  const Array& from = by_columns ? x : y;
  const auto unit = [&](const Array& k) {
    return reshape((arange(n) == k).astype(from.dtype()), from.shape());
  };
  const auto one = [&](const Array& k) {
    if (by_columns) return jvp(f, x, unit(k)).second;
    return vjp(f, x).second(unit(k));
  };
  const Array lines = vmap(one)(arange(n));
  std::vector<std::int64_t> shape(y.shape().begin(), y.shape().end());
  shape.insert(shape.end(), x.shape().begin(), x.shape().end());
  const Array flat = reshape(lines, Shape{n, lines.size() / (n ? n : 1)});
  return reshape(by_columns ? transpose(flat) : flat, Shape(shape));
}

}  // namespace transform_detail

/// All partial derivatives of an Array with respect to an Array: shape of f(x), then shape of x. By
/// columns (forward) or by rows (reverse), whichever are fewer, all at once with vmap.
template <class F>
auto jacobian(F f) {
  return [f](const Array& x) {
    transform_detail::want_real("jacobian", std::span(&x, 1));
    const Array y = f(x);
    return transform_detail::partials_of(f, x, y, x.size() <= y.size());
  };
}
/// The same, forward: a column for each element of x.
template <class F>
auto jacfwd(F f) {
  return [f](const Array& x) {
    transform_detail::want_real("jacfwd", std::span(&x, 1));
    return transform_detail::partials_of(f, x, f(x), true);
  };
}
/// The same, in reverse: a row for each element of f(x).
template <class F>
auto jacrev(F f) {
  return [f](const Array& x) {
    transform_detail::want_real("jacrev", std::span(&x, 1));
    return transform_detail::partials_of(f, x, f(x), false);
  };
}

/// Second derivatives of a function with one real result: shape of x twice. Forward over reverse.
template <class F>
auto hessian(F f) {
  return [rows = jacobian(grad(std::move(f)))](const Array& x) {
    transform_detail::want_real("hessian", std::span(&x, 1));
    return rows(x);
  };
}

/// The second derivative of a function with one real result, times v (of the structure of x):
/// forward over reverse, without the matrix. Of the structure of x.
template <class F, class X, class V>
auto hvp(const F& f, const X& x, const V& v) {
  return jvp(grad(f), std::tuple(x), std::tuple(v)).second;
}

}  // namespace cotangent::array
