#include "cotangent/array/custom.h"

#include "cotangent/array/closure.h"
#include "cotangent/array/record.h"
#include "cotangent/ir/builder.h"

namespace cotangent::array {
namespace {

/// What was recorded as a function of the parameters alone.
ir::FunctionPtr closed(const char* op, const char* which, const jit_detail::Recording& recording,
                       std::span<const Array> parameters, std::span<const Array> results) {
  const Closure closure = close_over(op, nodes_of(results), nodes_of(parameters), {},
                                     recording.serial(), Capture::kFree);
  if (!closure.captures.empty()) {
    refuse(op,
           std::string("the ") + which + " reads an array of its surroundings, " +
               closure.captures[0]->type.text() + ", by which it would have no derivative",
           "make it an argument");
  }
  return closure.function;
}

std::vector<Array> call(std::span<const Array> at, ir::CallAttr attr) {
  std::vector<Array> out;
  for (const NodePtr& n : make_second_order(Op::kCall, nodes_of(at), std::move(attr))) {
    out.push_back(Array(n));
  }
  return out;
}

void want_real(const char* op, const Array& x) {
  if (is_float(x.dtype())) return;
  refuse(op, "given " + x.type_text() + ", which has no derivative", "use it as it is");
}

/// A body for calls on arrays of one type.
using Body = std::function<std::vector<ir::Value>(ir::Builder&, std::span<const ir::Value>)>;
ir::FunctionPtr function_of(const char* name, const ir::Type& type, std::size_t parameters,
                            const Body& body) {
  ir::Builder b(name);
  std::vector<ir::Value> x;
  for (std::size_t k = 0; k < parameters; ++k) x.push_back(b.param(type));
  return b.finish(body(b, x));
}

}  // namespace

namespace custom_detail {

std::vector<Array> real_ones(std::span<const Array> leaves) {
  std::vector<Array> real;
  for (const Array& leaf : leaves) {
    if (is_float(leaf.dtype())) real.push_back(leaf);
  }
  return real;
}

std::vector<Array> call_with_jvp(const Recording& body, std::span<const Array> parameters,
                                 std::span<const Array> results, const Recording& jvp,
                                 std::span<const Array> jvp_parameters,
                                 std::span<const Array> jvp_results, std::span<const Array> at) {
  ir::CallAttr attr;
  attr.body = closed("custom_jvp", "function", body, parameters, results);
  attr.jvp = closed("custom_jvp", "derivative", jvp, jvp_parameters, jvp_results);
  return call(at, std::move(attr));
}

std::vector<Array> call_with_vjp(const Recording& body, std::span<const Array> parameters,
                                 std::span<const Array> results, const Recording& vjp,
                                 std::span<const Array> vjp_parameters,
                                 std::span<const Array> vjp_results, std::span<const Array> at) {
  if (vjp_results.size() != at.size()) {
    refuse("custom_vjp",
           std::to_string(vjp_results.size()) + " cotangents for " + std::to_string(at.size()) +
               " arrays",
           "give one for each array of the arguments, in their order");
  }
  std::vector<Array> real;
  for (std::size_t k = 0; k < at.size(); ++k) {
    if (is_float(at[k].dtype())) real.push_back(vjp_results[k]);
  }
  ir::CallAttr attr;
  attr.body = closed("custom_vjp", "function", body, parameters, results);
  attr.vjp = closed("custom_vjp", "derivative", vjp, vjp_parameters, real);
  return call(at, std::move(attr));
}

}  // namespace custom_detail

Array stop_gradient(const Array& x) {
  if (!is_float(x.dtype())) return x;
  const ir::Type type{x.dtype(), x.shape()};
  ir::CallAttr attr;
  attr.body = function_of("stop_gradient", type, 1,
                          [](ir::Builder&, auto in) { return std::vector<ir::Value>{in[0]}; });
  attr.jvp = function_of("stop_gradient", type, 2, [&](ir::Builder& b, auto in) {
    return std::vector<ir::Value>{in[0], b.zeros(type)};
  });
  return call(std::span(&x, 1), std::move(attr))[0];
}

Array straight_through(const Array& y, const Array& x) {
  want_real("straight_through", x);
  if (y.dtype() != x.dtype() || y.shape() != x.shape()) {
    refuse("straight_through", "given " + y.type_text() + " and " + x.type_text(),
           "give both one type and one shape");
  }
  const ir::Type type{x.dtype(), x.shape()};
  ir::CallAttr attr;
  attr.body = function_of("straight_through", type, 2,
                          [](ir::Builder&, auto in) { return std::vector<ir::Value>{in[0]}; });
  attr.jvp = function_of("straight_through", type, 4, [](ir::Builder&, auto in) {
    return std::vector<ir::Value>{in[0], in[3]};
  });
  const Array both[] = {y, x};
  return call(both, std::move(attr))[0];
}

Array clip_gradient(const Array& x, double low, double high) {
  want_real("clip_gradient", x);
  if (!(low <= high)) {
    refuse("clip_gradient", "from " + std::to_string(low) + " to " + std::to_string(high),
           "give the lower bound first");
  }
  const ir::Type type{x.dtype(), x.shape()};
  ir::CallAttr attr;
  attr.body = function_of("clip_gradient", type, 1,
                          [](ir::Builder&, auto in) { return std::vector<ir::Value>{in[0]}; });
  attr.vjp = function_of("clip_gradient", type, 3, [&](ir::Builder& b, auto in) {
    const ir::Value above = b.binary(Op::kMax, in[2], b.splat(low, type));
    return std::vector<ir::Value>{b.binary(Op::kMin, above, b.splat(high, type))};
  });
  return call(std::span(&x, 1), std::move(attr))[0];
}

}  // namespace cotangent::array
