#include "tests/mechanics/forms.h"

#include <algorithm>
#include <cmath>

#include "cotangent/ir/evaluator.h"
#include "cotangent/ir/splitmix.h"
#include "cotangent/mechanics/step_program.h"
#include "cotangent/runtime/executable.h"

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

std::vector<Tensor> integrate(const Integrator& method, std::vector<Tensor> state, long double t0,
                              long double dt, std::int64_t steps,
                              const std::vector<Parameter>& parameters, bool extended) {
  ir::EvaluateOptions options;
  options.extended = extended;
  const auto number = [&](long double value) {
    Tensor x = Tensor::scalar_of<double>(0);
    if (extended) x = x.to_extended();
    x.set_real(0, value);
    return x;
  };
  const auto call = [&](const ir::FunctionPtr& f, std::vector<Tensor> args, std::int64_t step) {
    if (step >= 0) args.push_back(Tensor::scalar_of<std::int64_t>(step));
    args.push_back(number(t0));
    args.push_back(number(dt));
    for (const Parameter& p : parameters) args.push_back(p.value);
    return ir::evaluate(*f, args, options);
  };
  std::vector<Tensor> carry = call(method.open, std::move(state), -1);
  for (std::int64_t k = 0; k < steps; ++k) carry = call(method.step, std::move(carry), k);
  return call(method.close, std::move(carry), steps);
}

long double distance(const std::vector<Tensor>& a, const std::vector<Tensor>& b) {
  long double sum = 0;
  for (std::size_t j = 0; j < b.size(); ++j) {
    for (std::int64_t k = 0; k < b[j].size(); ++k) {
      sum += (a[j].real(k) - b[j].real(k)) * (a[j].real(k) - b[j].real(k));
    }
  }
  return std::sqrt(sum);
}

std::vector<double> measured_orders(const Integrator& method, const std::vector<Tensor>& state,
                                    long double t_end, const std::vector<std::int64_t>& steps,
                                    const std::vector<Tensor>& exact,
                                    const std::vector<Parameter>& parameters) {
  std::vector<double> orders;
  long double before = 0;
  for (std::size_t k = 0; k < steps.size(); ++k) {
    const auto n = static_cast<long double>(steps[k]);
    const long double error =
        distance(integrate(method, state, 0, t_end / n, steps[k], parameters, true), exact);
    if (k > 0) {
      orders.push_back(static_cast<double>(std::log(before / error) /
                                           std::log(n / static_cast<long double>(steps[k - 1]))));
    }
    before = error;
  }
  return orders;
}

double reverse_defect(const Integrator& method, const std::vector<Tensor>& carry, std::int64_t step,
                      double t0, double dt, const std::vector<Parameter>& parameters,
                      std::size_t held, double nudge) {
  std::vector<Tensor> args = carry;
  args.push_back(Tensor::scalar_of<std::int64_t>(step));
  args.push_back(Tensor::scalar_of<double>(t0));
  args.push_back(Tensor::scalar_of<double>(dt));
  for (const Parameter& p : parameters) args.push_back(p.value);
  std::vector<Tensor> weights, with_weights = args;
  for (std::size_t j = 0; j < carry.size(); ++j) {
    weights.push_back(random_vector(carry[j].size(), 77 + j).reshaped(carry[j].type().shape));
    if (j + held >= carry.size()) weights.back() = ir::filled(carry[j].type(), 0);
    with_weights.push_back(weights.back());
  }
  const auto reversed = ir::evaluate(*pull_step(method), with_weights);
  ir::EvaluateOptions options;
  options.extended = true;
  const auto weighted = [&](const std::vector<Tensor>& at) {
    const auto end = ir::evaluate(*method.step, at, options);
    long double sum = 0;
    for (std::size_t j = 0; j < end.size(); ++j) {
      for (std::int64_t k = 0; k < end[j].size(); ++k) sum += end[j].real(k) * weights[j].real(k);
    }
    return sum;
  };
  double worst = 0, largest = 0;
  std::size_t place = carry.size();
  for (std::size_t j = 0; j < args.size(); ++j) {
    if (j >= carry.size() && j < carry.size() + 3) continue;
    for (std::int64_t k = 0; k < args[j].size(); ++k) {
      std::vector<Tensor> up = args, down = args;
      up[j] = up[j].to_extended();
      down[j] = down[j].to_extended();
      up[j].set_real(k, args[j].real(k) + nudge);
      down[j].set_real(k, args[j].real(k) - nudge);
      const double slope = static_cast<double>((weighted(up) - weighted(down)) / (2 * nudge));
      const double got = static_cast<double>(reversed[place].real(k));
      worst = std::max(worst, std::abs(got - slope));
      largest = std::max(largest, std::abs(slope));
    }
    ++place;
  }
  return worst / largest;
}

bool compiled_bits_agree(const Integrator& method, const std::vector<Tensor>& carry, double dt,
                         const std::vector<Parameter>& parameters) {
  std::vector<Tensor> args = carry;
  args.push_back(Tensor::scalar_of<std::int64_t>(3));
  args.push_back(Tensor::scalar_of<double>(0.25));
  args.push_back(Tensor::scalar_of<double>(dt));
  for (const Parameter& p : parameters) args.push_back(p.value);
  for (int bits : {128, 512}) {
    runtime::CompileOptions options;
    options.vector_bits = bits;
    const auto executable = runtime::compile(method.step, options);
    const auto expected = ir::evaluate(*executable->program(), args);
    const auto got = executable->call_with_fault(args);
    for (std::size_t k = 0; k < expected.size(); ++k) {
      if (!got[k].same_bits(expected[k])) return false;
    }
  }
  return true;
}

Tensor random_vector(std::int64_t n, std::uint64_t seed) {
  ir::SplitMix random(seed);
  std::vector<double> values;
  for (std::int64_t k = 0; k < n; ++k) values.push_back(2 * random.unit() - 1);
  return vector(values);
}

}  // namespace cotangent::mechanics::test
