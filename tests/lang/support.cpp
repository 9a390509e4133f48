#include "tests/lang/support.h"

#include <cmath>

namespace cotangent::lang::testing {
namespace {

ir::Tensor unpatterned(Shape shape, double seed) {
  ir::Tensor t(ir::Type{DType::kF64, shape});
  double x = seed;
  for (double& value : t.as<double>()) {
    x = std::fmod(x * 1.6180339887 + 0.7320508, 3.0);
    value = x - 1.3;
  }
  return t;
}

}  // namespace

World::World(Shape shape)
    : q_(unpatterned(shape, 0.1)), p_(unpatterned(shape, 0.7)), v_(unpatterned(shape, 1.9)) {
  names.set_state(shape);
}

World& World::real(const std::string& name, Shape shape, std::initializer_list<double> values) {
  names.add_parameter(name, ir::Tensor::of<double>(shape, values));
  return *this;
}

World& World::whole(const std::string& name, Shape shape,
                    std::initializer_list<std::int64_t> values) {
  names.add_parameter(name, ir::Tensor::of<std::int64_t>(shape, values));
  return *this;
}

World& World::define(const std::string& head, const std::string& body) {
  names.add_definition(parse_definition(plain_text(head, "head"), plain_text(body, "body")));
  return *this;
}

ir::FunctionPtr World::observable(const std::string& text) const {
  return trace_observable(names, "x", *parse_expression(plain_text(text)));
}

std::vector<double> World::values(const std::string& text) const {
  const ir::FunctionPtr f = observable(text);
  std::vector<ir::Tensor> arguments{q_, p_, v_, ir::Tensor::scalar_of(t)};
  for (const NamedTensor& parameter : names.parameters()) {
    if (is_float(parameter.value.type().dtype)) arguments.push_back(parameter.value);
  }
  const ir::Tensor result = ir::evaluate(*f, arguments)[0];
  const auto all = result.as<double>();
  return {all.begin(), all.end()};
}

double World::value(const std::string& text) const {
  const std::vector<double> all = values(text);
  return all.size() == 1 ? all[0] : std::nan("");
}

ErrorParts World::error_parts(const std::string& text) const {
  try {
    observable(text);
  } catch (const UserError& error) {
    return error.parts();
  }
  return {};
}

std::string World::error(const std::string& text) const {
  try {
    observable(text);
  } catch (const UserError& error) {
    return error.what();
  }
  return "";
}

int count_ops_outside(const ir::Function& f, ir::Op op) {
  int n = 0;
  for (std::uint32_t id = 0; id < f.size(); ++id) n += f.op(ir::Value{id}) == op;
  return n;
}

int count_ops(const ir::Function& f, ir::Op op) {
  int n = count_ops_outside(f, op);
  for (std::uint32_t id = 0; id < f.size(); ++id) {
    if (const ir::FunctionPtr body = ir::body_of(f.attr(ir::Value{id}))) n += count_ops(*body, op);
  }
  return n;
}

}  // namespace cotangent::lang::testing
