// Systems that are not canonical, and small programs for them.
#pragma once

#include <functional>

#include "cotangent/ir/builder.h"
#include "cotangent/mechanics/integrator.h"
#include "tests/mechanics/systems.h"

namespace cotangent::mechanics::test {

/// What a program of a state x is built from: x, its elements, t, the parameters.
struct Of {
  ir::Builder& b;
  ir::Value x, t;
  std::vector<ir::Value> parameters;
  ir::Value operator[](std::int64_t k) const { return b.row(x, k); }
  ir::Value number(double v) const { return b.constant(v); }
  ir::Value add(ir::Value u, ir::Value v) const { return b.add(u, v); }
  ir::Value mul(ir::Value u, ir::Value v) const { return b.mul(u, v); }
  ir::Value times(double c, ir::Value v) const { return b.mul(b.constant(c), v); }
  /// Scalars as an array of this shape.
  ir::Value stack(const std::vector<ir::Value>& parts, Shape shape) const;
  ir::Value stack(const std::vector<ir::Value>& parts) const {
    return stack(parts, Shape{static_cast<std::int64_t>(parts.size())});
  }
};
using Body = std::function<ir::Value(const Of&)>;

/// (x [n], t, parameters...) -> what the body gives.
ir::FunctionPtr program(std::int64_t n, const std::vector<Parameter>& parameters, const Body& body,
                        const std::string& name = "f");
inline ir::FunctionPtr program(std::int64_t n, const Body& body, const std::string& name = "f") {
  return program(n, {}, body, name);
}

/// A system of this form with a state [n] and no functions yet.
System plain_system(Form form, std::int64_t n, std::vector<Parameter> parameters = {});
void add_energy(System& system, const std::string& name, const Body& body);

/// x . J = the vector product: J = [[0, -x2, x1], [x2, 0, -x0], [-x1, x0, 0]].
Body so3_matrix();

/// Values of a program's results at x, t = `t` and the parameters.
std::vector<ir::Tensor> at(const ir::Function& f, std::vector<ir::Tensor> state, double t = 0,
                           const std::vector<Parameter>& parameters = {}, bool extended = false);
/// The first number of the first result.
double value_at(const ir::Function& f, const ir::Tensor& x, double t = 0,
                const std::vector<Parameter>& parameters = {});
ir::Tensor vector(std::vector<double> values);
/// n steps of a method on the reference evaluator, from t0: the state that close gives.
std::vector<ir::Tensor> integrate(const Integrator& method, std::vector<ir::Tensor> state,
                                  long double t0, long double dt, std::int64_t steps,
                                  const std::vector<Parameter>& parameters = {},
                                  bool extended = false);
/// Slopes of log(error) over log(dt) between neighbours: errors at t_end against `exact`, in long
/// double, with these numbers of steps.
std::vector<double> measured_orders(const Integrator& method, const std::vector<ir::Tensor>& state,
                                    long double t_end, const std::vector<std::int64_t>& steps,
                                    const std::vector<ir::Tensor>& exact,
                                    const std::vector<Parameter>& parameters = {});
long double distance(const std::vector<ir::Tensor>& a, const std::vector<ir::Tensor>& b);
/// Largest difference between the reverse of a step, contracted with random cotangents, and
/// central differences of the step in every number of the carry and the parameters; relative to the
/// largest derivative. The last `held` of the carry have no derivative.
double reverse_defect(const Integrator& method, const std::vector<ir::Tensor>& carry,
                      std::int64_t step, double t0, double dt,
                      const std::vector<Parameter>& parameters = {}, std::size_t held = 0,
                      double nudge = 1e-5);
/// Whether step compiled has the bits of the evaluator on the same program after passes, at every
/// vector width asked.
bool compiled_bits_agree(const Integrator& method, const std::vector<ir::Tensor>& carry, double dt,
                         const std::vector<Parameter>& parameters = {});

/// n numbers in -1 .. 1, the same for one seed.
ir::Tensor random_vector(std::int64_t n, std::uint64_t seed);

}  // namespace cotangent::mechanics::test
