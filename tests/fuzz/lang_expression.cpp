// Fuzzes the expression language: any text is an observable, an energy term, a constant and the
// body of a definition, or a UserError. Seeds: tests/fuzz/seeds/lang_expression.
#include <cstdint>
#include <string>

#include "cotangent/base/error.h"
#include "cotangent/lang/context.h"
#include "cotangent/lang/parser.h"

namespace {

using cotangent::Shape;
using cotangent::ir::Tensor;

cotangent::lang::Context fresh_names() {
  using namespace cotangent::lang;
  Context names;
  names.set_state(Shape{4, 3});
  names.add_parameter("m", Tensor::of<double>({4}, {1, 2, 3, 4}));
  names.add_parameter("k", Tensor::scalar_of(2.5));
  names.add_parameter("n", Tensor::scalar_of<std::int64_t>(3));
  names.add_parameter("type", Tensor::of<std::int64_t>({4}, {0, 1, 1, 0}));
  names.add_parameter("eps", Tensor::of<double>({2, 2}, {1, 2, 3, 4}));
  names.add_parameter("far", Tensor::of<std::int64_t>({2}, {INT64_MAX, INT64_MIN}));
  names.add_definition(parse_definition(plain_text("r(i,j)"), plain_text("norm(q[i] - q[j])")));
  return names;
}

template <class Attempt>
void attempt(const Attempt& f) {
  try {
    f();
  } catch (const cotangent::UserError& error) {
    if (error.parts().what.empty()) __builtin_trap();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace cotangent::lang;
  const std::string text(reinterpret_cast<const char*>(data), size);
  attempt([&] {
    const ExpressionPtr expression = parse_expression(plain_text(text));
    const Context names = fresh_names();
    attempt([&] { trace_observable(names, "x", *expression); });
    attempt([&] { trace_energy(names, "x", *expression); });
    attempt([&] { evaluate_constant(names, *expression); });
    Context with = fresh_names();
    attempt([&] {
      with.add_definition(parse_definition(plain_text("f(a, b)"), plain_text(text)));
      with.check_definitions();
      trace_observable(with, "x", *parse_expression(plain_text("f(1, q[0]) + sum(i, f(i, p[i]))")));
    });
  });
  attempt([&] { parse_definition(plain_text(text), plain_text("1")); });
  return 0;
}
