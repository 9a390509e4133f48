// The measure of symplecticity: round-off for methods that keep the form, a power of dt for others.
#include "cotangent/mechanics/symplecticity.h"

#include <gtest/gtest.h>

#include <cmath>

#include "cotangent/ir/evaluator.h"
#include "cotangent/mechanics/programs.h"
#include "cotangent/mechanics/runge_kutta.h"
#include "cotangent/mechanics/tangent_frame.h"
#include "cotangent/runtime/executable.h"
#include "cotangent/transform/derivatives.h"
#include "tests/mechanics/systems.h"

namespace cotangent::mechanics::test {
namespace {

using ir::Builder;
using ir::Tensor;
using ir::Value;

std::vector<Tensor> values_of(const System& system) {
  std::vector<Tensor> x;
  for (const Parameter& p : system.parameters) x.push_back(p.value);
  return x;
}

double defect(const ir::Function& step, const Problem& problem, double dt) {
  return check_symplectic(symplecticity_program(step), {{problem.initial.q, *problem.initial.p}},
                          values_of(problem.system), 0.3, dt)
      .defect;
}

TEST(Symplecticity, OfCompositionsIsRoundOff) {
  for (const Problem& problem :
       {kepler(0.3), henon_heiles(), driven_oscillator(), swinging_mass(), fput(8, 0.25)}) {
    const Pieces pieces = make_pieces(problem.system, Arithmetic{});
    for (int order : {2, 4, 8}) {
      const auto program = symplecticity_program(*step_program(pieces, composition_for(order)));
      const Symplecticity s = check_symplectic(program, {{problem.initial.q, *problem.initial.p}},
                                               values_of(problem.system), 0, 0.2);
      EXPECT_LT(s.defect, 1e-14) << order;
      EXPECT_TRUE(s.keeps);
      EXPECT_NE(s.text.find("it keeps"), std::string::npos);
    }
  }
}

TEST(Symplecticity, OfRungeKuttaGoesWithItsOrder) {
  const Problem problem = henon_heiles();
  for (const auto& [name, power] :
       std::vector<std::pair<const char*, double>>{{"explicit_euler", 2}, {"rk4", 5}}) {
    const Integrator i = runge_kutta(problem.system, *tableau_named(name));
    ASSERT_EQ(i.carry.size(), 2u);
    const double coarse = defect(*i.step, problem, 0.04), fine = defect(*i.step, problem, 0.02);
    EXPECT_NEAR(std::log2(coarse / fine), power, 0.4) << name;  // the next power is not far below
    EXPECT_GT(fine, 1e-12);
  }
}

TEST(Symplecticity, OfExplicitEulerOnTheOscillatorIsKnown) {
  // M = [[1, h], [-h, 1]], M^T J M = (1 + h^2) J.
  const Problem problem = harmonic(1);
  const Integrator euler = runge_kutta(problem.system, *tableau_named("explicit_euler"));
  for (double h : {0.1, 0.5}) EXPECT_NEAR(defect(*euler.step, problem, h), h * h, 1e-15);
}

/// The free rigid body, y' = y x (y / I), as a Lie-Poisson system: J(y) v = y x v ... by its signs.
System rigid_body() {
  System s;
  s.form = Form::kBracket;
  s.arrays = {{"y", Shape{3}, {}}};
  s.shape = Shape{3};
  const auto start = [](Builder& b) {
    const Value y = b.param({DType::kF64, Shape{3}}, "y");
    b.param(ir::scalar(), "t");
    return y;
  };
  {
    Builder b("J");
    const Value y = start(b);
    const Value zero = b.constant(0.0);
    const auto at = [&](std::int64_t k) { return b.row(y, k); };
    const std::vector<Value> all = {zero,         b.neg(at(2)), at(1), at(2), zero,
                                    b.neg(at(0)), b.neg(at(1)), at(0), zero};
    std::vector<Value> parts;
    for (Value v : all) parts.push_back(b.reshape(v, Shape{1}));
    s.structure.poisson = b.finish({b.reshape(b.concatenate(parts, 0), Shape{3, 3})});
  }
  {
    Builder b("energy");
    const Value y = start(b);
    const Value inverse = b.constant(tensor(Shape{3}, {0.25, 0.5, 0.75}));  // 1/(2 I)
    s.terms.push_back({"kinetic", b.finish({b.reduce_sum(b.mul(inverse, b.mul(y, y)))}), {}});
  }
  return s;
}

/// y turned about axis k by the angle h c y_k: the exact flow of c y_k^2 / 2.
Value turned(Builder& b, Value y, std::int64_t k, Value angle) {
  const std::int64_t i = (k + 1) % 3, j = (k + 2) % 3;
  const Value c = b.unary(ir::Op::kCos, angle), s = b.unary(ir::Op::kSin, angle);
  std::vector<Value> parts(3);
  const Value a = b.row(y, i), d = b.row(y, j);
  parts[static_cast<std::size_t>(k)] = b.row(y, k);
  parts[static_cast<std::size_t>(i)] = b.add(b.mul(c, a), b.mul(s, d));
  parts[static_cast<std::size_t>(j)] = b.sub(b.mul(c, d), b.mul(s, a));
  for (Value& v : parts) v = b.reshape(v, Shape{1});
  return b.concatenate(parts, 0);
}

TEST(Symplecticity, OfLiePoissonSteps) {
  const System body = rigid_body();
  Builder b("rotations");  // three exact flows: a Poisson map
  Value y = b.param({DType::kF64, Shape{3}}, "y");
  b.param(ir::scalar(DType::kI64), "step");
  b.param(ir::scalar(), "t0");
  const Value dt = b.param(ir::scalar(), "dt");
  const double rate[] = {0.5, 1, 1.5};
  for (std::int64_t k = 0; k < 3; ++k) {
    y = turned(b, y, k, b.mul(b.mul(dt, b.constant(rate[k])), b.row(y, k)));
  }
  const ir::FunctionPtr rotations = b.finish({y});
  const Tensor start = tensor(Shape{3}, {std::cos(1.1), 0.2, std::sin(1.1)});
  const ir::Function& j = *body.structure.poisson;
  EXPECT_LT(check_symplectic(poisson_program(*rotations, j), {{start}}, {}, 0, 0.3).defect, 1e-15);
  const Integrator rk4 = runge_kutta(body, *tableau_named("rk4"));
  const auto of = [&](double h) {
    return check_symplectic(poisson_program(*rk4.step, j), {{start}}, {}, 0, h).defect;
  };
  EXPECT_GT(of(0.3), 1e-6);
  EXPECT_NEAR(std::log2(of(0.2) / of(0.1)), 5, 0.5);
}

TEST(Symplecticity, CompiledEqualsTheEvaluator) {
  const Problem problem = henon_heiles();
  const Integrator rk4 = runge_kutta(problem.system, *tableau_named("rk4"));
  const runtime::ExecutablePtr compiled = runtime::compile(symplecticity_program(*rk4.step));
  const std::vector<Tensor> args = {problem.initial.q, *problem.initial.p,
                                    Tensor::scalar_of<std::int64_t>(0),
                                    Tensor::scalar_of<double>(0), Tensor::scalar_of<double>(0.1)};
  EXPECT_TRUE(compiled->call(args)[0].same_bits(ir::evaluate(*compiled->program(), args)[0]));
}

TEST(Symplecticity, RefusesByName) {
  const Problem problem = henon_heiles();
  EXPECT_THROW(symplecticity_program(*energy_gradient(problem.system, 0)), UserError);
}

}  // namespace
}  // namespace cotangent::mechanics::test
