#include "tests/mechanics/forms.h"

#include "cotangent/ir/evaluator.h"
#include "cotangent/ir/splitmix.h"

namespace cotangent::mechanics::test {

using ir::Tensor;
using ir::Type;
using ir::Value;

Value Of::stack(const std::vector<Value>& parts, Shape shape) const {
  std::vector<Value> rows;
  for (Value p : parts) rows.push_back(b.reshape(p, Shape{1}));
  return b.reshape(b.concatenate(rows, 0), shape);
}

ir::FunctionPtr program(std::int64_t n, const std::vector<Parameter>& parameters, const Body& body,
                        const std::string& name) {
  ir::Builder b(name);
  Of of{b, b.param({DType::kF64, Shape{n}}, "x"), b.param(ir::scalar(), "t"), {}};
  for (const Parameter& p : parameters) of.parameters.push_back(b.param(p.value.type(), p.name));
  return b.finish({body(of)});
}

System plain_system(Form form, std::int64_t n, std::vector<Parameter> parameters) {
  System s = empty_system(Shape{n}, std::move(parameters));
  s.form = form;
  s.arrays = {{"x", Shape{n}, {}}};
  return s;
}

void add_energy(System& system, const std::string& name, const Body& body) {
  system.terms.push_back({name, program(system.shape[0], system.parameters, body, name), {}});
}

Body so3_matrix() {
  return [](const Of& o) {
    const Value zero = o.number(0);
    return o.stack(
        {zero, o.b.neg(o[2]), o[1], o[2], zero, o.b.neg(o[0]), o.b.neg(o[1]), o[0], zero},
        Shape{3, 3});
  };
}

std::vector<Tensor> at(const ir::Function& f, std::vector<Tensor> state, double t,
                       const std::vector<Parameter>& parameters, bool extended) {
  state.push_back(Tensor::scalar_of<double>(t));
  for (const Parameter& p : parameters) state.push_back(p.value);
  ir::EvaluateOptions options;
  options.extended = extended;
  return ir::evaluate(f, state, options);
}

double value_at(const ir::Function& f, const Tensor& x, double t,
                const std::vector<Parameter>& parameters) {
  return static_cast<double>(at(f, {x}, t, parameters)[0].real(0));
}

Tensor vector(std::vector<double> values) {
  const auto n = static_cast<std::int64_t>(values.size());
  return tensor(Shape{n}, std::move(values));
}

Tensor random_vector(std::int64_t n, std::uint64_t seed) {
  ir::SplitMix random(seed);
  std::vector<double> values;
  for (std::int64_t k = 0; k < n; ++k) values.push_back(2 * random.unit() - 1);
  return vector(values);
}

}  // namespace cotangent::mechanics::test
