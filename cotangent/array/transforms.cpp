#include "cotangent/array/transforms.h"

#include <algorithm>
#include <numeric>

#include "cotangent/array/closure.h"
#include "cotangent/array/record.h"
#include "cotangent/transform/derivatives.h"
#include "cotangent/transform/vmap.h"

namespace cotangent::array::transform_detail {
namespace {

Closure closure_of(const std::string& name, const Recording& recording,
                   std::span<const Array> parameters, std::span<const Array> results) {
  return close_over(name, nodes_of(results), nodes_of(parameters), {}, recording.serial(),
                    Capture::kFree);
}

std::vector<NodePtr> operands_of(std::span<const Array> at, const Closure& closure) {
  std::vector<NodePtr> operands = nodes_of(at);
  operands.insert(operands.end(), closure.captures.begin(), closure.captures.end());
  return operands;
}

transform::Positions real_ones(std::span<const Array> arrays) {
  transform::Positions wrt;
  for (std::size_t k = 0; k < arrays.size(); ++k) {
    if (is_float(arrays[k].dtype())) wrt.push_back(k);
  }
  return wrt;
}

Array zero_like(const Array& x) {
  return Array(zeros(x.shape(), x.dtype()));
}

}  // namespace

std::vector<Array> value_and_gradient(const Recording& recording, std::span<const Array> parameters,
                                      const Array& value, std::span<const Array> at) {
  if (value.ndim() != 0 || !is_float(value.dtype())) {
    refuse("grad", "the function gives " + value.type_text() + ", not one real number",
           "sum or index it; jacobian and vjp take functions with several results");
  }
  for (const Array& x : at) {
    if (!is_float(x.dtype())) {
      refuse("grad", "an argument to differentiate is " + x.type_text() + ", not real",
             "use astype(DType::kF64), write 3.0 instead of 3, or name the other arguments: "
             "grad<1>(f)");
    }
  }
  const Closure closure = closure_of("grad", recording, parameters, std::span(&value, 1));
  transform::Positions wrt(parameters.size());
  std::iota(wrt.begin(), wrt.end(), std::size_t{0});
  return arrays_of(
      make_call(transform::value_and_grad(*closure.function, wrt), operands_of(at, closure)));
}

void want_real(std::string_view op, std::span<const Array> at) {
  std::string given;
  for (const Array& x : at) {
    if (is_float(x.dtype())) return;
    given += (given.empty() ? "" : ", ") + x.type_text();
  }
  refuse(op, "nothing to differentiate is real, given " + (given.empty() ? "no array" : given),
         "use astype(DType::kF64), or write 3.0 instead of 3");
}

std::vector<Array> push_forward(const Recording& recording, std::span<const Array> parameters,
                                std::span<const Array> results, std::span<const Array> at,
                                std::span<const Array> tangents) {
  if (tangents.size() != at.size()) {
    refuse(
        "jvp",
        std::to_string(tangents.size()) + " tangents for " + std::to_string(at.size()) + " arrays",
        "tangents have the structure of the arguments");
  }
  want_real("jvp", at);
  const Closure closure = closure_of("jvp", recording, parameters, results);
  const transform::Positions wrt = real_ones(at);
  std::vector<NodePtr> operands = operands_of(at, closure);
  for (std::size_t k : wrt) {
    const Array t = convert("jvp", tangents[k], {at[k].dtype(), false});
    if (t.shape() != at[k].shape()) {
      refuse("jvp", "a tangent is " + t.type_text() + ", its array " + at[k].type_text(),
             "a tangent has the shape of its array");
    }
    operands.push_back(t.node());
  }
  const auto all = make_call(transform::jvp(*closure.function, wrt), operands);
  std::vector<Array> both = arrays_of(all);
  // Tangents of real results only: integers get zeros in their places.
  std::vector<Array> out(both.begin(), both.begin() + static_cast<std::ptrdiff_t>(results.size()));
  std::size_t next = results.size();
  for (const Array& r : results) out.push_back(is_float(r.dtype()) ? both[next++] : zero_like(r));
  return out;
}

namespace {
struct ReverseFunction {
  ir::FunctionPtr vjp;
  transform::Positions results;  ///< the real ones
};
}  // namespace

Reverse reverse_of(const Recording& recording, std::span<const Array> parameters,
                   std::span<const Array> results, std::span<const Array> at) {
  want_real("vjp", at);
  const Closure closure = closure_of("vjp", recording, parameters, results);
  Reverse reverse;
  reverse.at.assign(at.begin(), at.end());
  reverse.captures = arrays_of(closure.captures);
  for (const Array& x : at) reverse.is_real.push_back(is_float(x.dtype()));
  reverse.values = arrays_of(make_call(closure.function, operands_of(at, closure)));
  auto function = std::make_shared<ReverseFunction>();
  function->vjp = transform::vjp(*closure.function, real_ones(at));
  function->results = real_ones(results);
  reverse.function = function;
  return reverse;
}

std::vector<Array> Reverse::pull(std::span<const Array> cotangents) const {
  const auto& f = *static_cast<const ReverseFunction*>(function.get());
  if (cotangents.size() != values.size()) {
    refuse("vjp",
           std::to_string(cotangents.size()) + " cotangents for " + std::to_string(values.size()) +
               " results",
           "cotangents have the structure of the result");
  }
  std::vector<NodePtr> operands = nodes_of(at);
  for (const Array& c : captures) operands.push_back(c.node());
  for (std::size_t k : f.results) {
    const Array ct = convert("vjp", cotangents[k], {values[k].dtype(), false});
    if (ct.shape() != values[k].shape()) {
      refuse("vjp", "a cotangent is " + ct.type_text() + ", the result " + values[k].type_text(),
             "a cotangent has the shape of its result");
    }
    operands.push_back(ct.node());
  }
  const auto all = make_call(f.vjp, operands);
  std::vector<Array> out;
  std::size_t next = values.size();
  for (std::size_t k = 0; k < at.size(); ++k) {
    out.push_back(is_real[k] ? Array(all[next++]) : zero_like(at[k]));
  }
  return out;
}

namespace {

/// The real ones of some tangents or cotangents, each of the type and shape of its array.
void append_along(std::string_view op, const char* what, std::span<const Array> along,
                  std::span<const Array> at, std::vector<NodePtr>& operands) {
  if (along.size() != at.size()) {
    refuse(op,
           std::to_string(along.size()) + " " + what + "s for " + std::to_string(at.size()) +
               " arrays",
           std::string("give one of the structure of what it belongs to"));
  }
  for (std::size_t k = 0; k < at.size(); ++k) {
    if (!is_float(at[k].dtype())) continue;
    const Array t = convert(op, along[k], {at[k].dtype(), false});
    if (t.shape() != at[k].shape()) {
      refuse(op,
             std::string("a ") + what + " is " + t.type_text() + ", its array " + at[k].type_text(),
             "give it the shape of its array");
    }
    operands.push_back(t.node());
  }
}

struct TangentFunction {
  ir::FunctionPtr linear;
};

}  // namespace

Tangent tangent_of(const Recording& recording, std::span<const Array> parameters,
                   std::span<const Array> results, std::span<const Array> at) {
  want_real("linearise", at);
  const Closure closure = closure_of("linearise", recording, parameters, results);
  const auto split = transform::linearise(*closure.function, real_ones(at));
  const std::vector<Array> all = arrays_of(make_call(split.primal, operands_of(at, closure)));
  const auto values = all.begin() + static_cast<std::ptrdiff_t>(results.size());
  Tangent tangent;
  tangent.values.assign(all.begin(), values);
  tangent.residuals.assign(values, all.end());
  tangent.at.assign(at.begin(), at.end());
  tangent.function = std::make_shared<TangentFunction>(TangentFunction{split.linear});
  return tangent;
}

std::vector<Array> Tangent::push(std::span<const Array> tangents) const {
  std::vector<NodePtr> operands = nodes_of(residuals);
  append_along("linearise", "tangent", tangents, at, operands);
  const auto& linear = static_cast<const TangentFunction*>(function.get())->linear;
  const auto all = make_call(linear, operands);
  std::vector<Array> out;
  std::size_t next = 0;
  for (const Array& y : values) {
    out.push_back(is_float(y.dtype()) ? Array(all[next++]) : zero_like(y));
  }
  return out;
}

std::vector<Array> transposed(const Recording& recording, std::span<const Array> parameters,
                              std::span<const Array> results, std::span<const Array> cotangents) {
  want_real("linear_transpose", parameters);
  for (const Array& y : results) {
    if (is_float(y.dtype())) continue;
    refuse("linear_transpose", "the function gives " + y.type_text() + ", which is not linear",
           "give real results only");
  }
  const Closure closure = closure_of("linear_transpose", recording, parameters, results);
  for (const Array& x : parameters) {
    if (is_float(x.dtype())) continue;
    refuse("linear_transpose", "an argument is " + x.type_text() + ", which is not linear in",
           "capture it in place of giving it as an argument");
  }
  std::vector<NodePtr> operands(closure.captures.begin(), closure.captures.end());
  append_along("linear_transpose", "cotangent", cotangents, results, operands);
  transform::Positions linear(parameters.size());
  std::iota(linear.begin(), linear.end(), std::size_t{0});
  return arrays_of(make_call(transform::transpose(*closure.function, linear), operands));
}

Array lanes_first(const Array& leaf, int axis, std::int64_t& lanes) {
  if (leaf.ndim() == 0) {
    refuse("vmap", "an argument with lanes is a scalar, " + leaf.type_text(),
           "mark it as shared in in_axes");
  }
  const Array x = moveaxis(leaf, normal_axis("vmap", axis, leaf.ndim()), 0);
  if (lanes >= 0 && lanes != x.shape()[0]) {
    refuse("vmap",
           "numbers of lanes differ: " + std::to_string(lanes) + " and " +
               std::to_string(x.shape()[0]) + " (" + leaf.type_text() + ")",
           "in_axes says which axis of each argument holds the lanes");
  }
  lanes = x.shape()[0];
  return x;
}

Array lanes_at(const Array& result, int axis) {
  return moveaxis(result, 0, normal_axis("vmap", axis, result.ndim()));
}

std::vector<Array> map_over(const Recording& recording, std::span<const Array> parameters,
                            std::span<const Array> results, std::span<const Array> rows,
                            std::int64_t lanes) {
  const Closure closure = closure_of("vmap", recording, parameters, results);
  transform::Flags mapped(closure.function->params().size(), false);
  std::fill_n(mapped.begin(), rows.size(), true);
  return arrays_of(
      make_call(transform::vmap(closure.function, lanes, mapped), operands_of(rows, closure)));
}

}  // namespace cotangent::array::transform_detail
