// Momentum maps of symmetries: known formulas, {J, H} = 0, constant along runs.
#include "cotangent/mechanics/noether.h"

#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "cotangent/ir/evaluator.h"
#include "cotangent/mechanics/bracket.h"
#include "cotangent/mechanics/programs.h"
#include "cotangent/runtime/executable.h"
#include "tests/mechanics/systems.h"

namespace cotangent::mechanics::test {
namespace {

using ir::Builder;
using ir::Tensor;
using ir::Value;
using Samples = std::vector<std::pair<Tensor, Tensor>>;

/// A few states around the initial one, with no symmetry of their own.
Samples samples_of(const Problem& problem) {
  const Tensor p = momentum_from_velocity(problem.system, problem.initial);
  Samples all;
  for (int n = 0; n < 3; ++n) {
    Tensor q1 = problem.initial.q, p1 = p;
    for (std::int64_t k = 0; k < q1.size(); ++k) {
      q1.set_real(k, q1.real(k) * (1 + 0.1L * std::sin(k + n)) + 0.05L * std::cos(3 * k + n));
      p1.set_real(k, p1.real(k) * (1 + 0.1L * std::cos(2 * k + n)));
    }
    all.emplace_back(q1, p1);
  }
  return all;
}

double value(const Problem& problem, const ir::FunctionPtr& f, const Tensor& q, const Tensor& p,
             double t) {
  std::vector<Tensor> args = {q, p, Tensor::scalar_of<double>(t)};
  for (const Parameter& x : problem.system.parameters) args.push_back(x.value);
  return static_cast<double>(ir::evaluate(*f, args)[0].real(0));
}

std::set<std::string> names(const Problem& problem) {
  std::set<std::string> all;
  for (const MomentumMap& m : conserved_momenta(problem.system, samples_of(problem), 0.7)) {
    all.insert(m.name);
  }
  return all;
}

/// p^2/2 + 1/(2 q^2) in one dimension: scale invariant.
Problem inverse_square() {
  Problem problem{empty_system(Shape{1}), {}};
  add_term(problem.system, "kinetic", [](Builder& b, const TermValues& v) {
    return b.mul(b.constant(0.5), b.reduce_sum(b.mul(v.p, v.p)));
  });
  add_term(problem.system, "potential", [](Builder& b, const TermValues& v) {
    return b.div(b.constant(0.5), b.reduce_sum(b.mul(v.q, v.q)));
  });
  problem.initial.q = tensor(Shape{1}, {1.3});
  problem.initial.p = tensor(Shape{1}, {-0.4});
  return problem;
}

TEST(Noether, FindsWhatIsKept) {
  const std::set<std::string> all = {"momentum_0",
                                     "momentum_1",
                                     "momentum_2",
                                     "angular_momentum_01",
                                     "angular_momentum_02",
                                     "angular_momentum_12",
                                     "boost_0",
                                     "boost_1",
                                     "boost_2",
                                     "energy"};
  std::set<std::string> solar = names(outer_solar_system());
  // The planes may be named either way round.
  EXPECT_EQ(solar.size(), all.size());
  for (const char* name : {"momentum_0", "momentum_2", "boost_0", "boost_2", "energy"}) {
    EXPECT_TRUE(solar.contains(name)) << name;
  }
  EXPECT_EQ(names(kepler(0.6)), (std::set<std::string>{"angular_momentum_01", "energy"}));
  EXPECT_EQ(names(henon_heiles()), (std::set<std::string>{"energy"}));
  EXPECT_EQ(names(driven_oscillator()), (std::set<std::string>{}));
  EXPECT_EQ(names(fput(8, 0.25)), (std::set<std::string>{"momentum_0", "energy"}));
  EXPECT_EQ(names(inverse_square()), (std::set<std::string>{"dilation", "energy"}));
}

TEST(Noether, MomentaAreTheKnownOnes) {
  const Problem problem = outer_solar_system();
  const auto [q, p] = samples_of(problem)[0];
  const Tensor& m = problem.system.parameters[1].value;
  const double t = 3.5;
  double momentum = 0, turn = 0, boost = 0;
  for (std::int64_t i = 0; i < 6; ++i) {
    const auto at = [&](const Tensor& x, std::int64_t k) {
      return static_cast<double>(x.real(3 * i + k));
    };
    momentum += at(p, 1);
    turn += at(q, 0) * at(p, 1) - at(q, 1) * at(p, 0);
    boost += static_cast<double>(m.real(i)) * at(q, 1) - t * at(p, 1);
  }
  const System& s = problem.system;
  const auto of = [&](const Generator& g) {
    return value(problem, momentum_map(s, field_of_generator(s, g), {}, t), q, p, t);
  };
  EXPECT_NEAR(of({Generator::Kind::kTranslation, 1}), momentum, 1e-16);
  EXPECT_NEAR(of({Generator::Kind::kRotation, 0, 1}), turn, 1e-15);
  EXPECT_NEAR(value(problem, boost_momentum(s, 1), q, p, t), boost, 1e-14);
}

TEST(Noether, MomentaAreConstantAlongRuns) {
  for (const Problem& problem : {outer_solar_system(), kepler(0.6), fput(8, 0.25)}) {
    const double dt = problem.system.shape[0] == 6 ? 10 : 0.05;
    const Ready r = ready(problem, settings(dt, 200, "leapfrog"));
    const RunResult run = r.flow->run(problem.initial, 200);
    const Tensor p = momentum_from_velocity(problem.system, problem.initial);
    for (const MomentumMap& m : conserved_momenta(problem.system, samples_of(problem), 0.7)) {
      if (m.name == "energy") continue;  // the method keeps that of its shadow
      const double before = value(problem, m.value, problem.initial.q, p, 0);
      const double after = value(problem, m.value, run.q, run.p, run.t);
      EXPECT_NEAR(after, before, 2e-13 * (1 + std::abs(before))) << m.name;
    }
  }
}

TEST(Noether, FieldsOfUsers) {
  // The isotropic oscillator keeps q_x q_y + p_x p_y: dq = (p_y, p_x), dp = -(q_y, q_x).
  Problem problem{empty_system(Shape{2}), {}};
  add_term(problem.system, "energy", [](Builder& b, const TermValues& v) {
    const Value both = b.add(b.reduce_sum(b.mul(v.q, v.q)), b.reduce_sum(b.mul(v.p, v.p)));
    return b.mul(b.constant(0.5), both);
  });
  problem.initial.q = tensor(Shape{2}, {0.3, -0.7});
  problem.initial.p = tensor(Shape{2}, {1.1, 0.4});
  const auto field = [&](bool of_q, double sign) {
    Builder b("field");
    const Value q = b.param({DType::kF64, Shape{2}}), p = b.param({DType::kF64, Shape{2}});
    b.param(ir::scalar());
    const Value x = b.reverse(of_q ? q : p, {0});
    return b.finish({sign < 0 ? b.neg(x) : x});
  };
  const Samples samples = samples_of(problem);
  const auto j =
      momentum_map(problem.system, {"fradkin", field(false, 1), field(true, -1)}, samples, 0);
  EXPECT_NEAR(value(problem, j, problem.initial.q, *problem.initial.p, 0), 0.3 * -0.7 + 1.1 * 0.4,
              1e-14);
  EXPECT_LT(conservation_defect(problem.system, *j, samples, 0), 1e-14);
  // With dp = dq the field is not Hamiltonian; dq alone reads p.
  EXPECT_THROW(
      momentum_map(problem.system, {"wrong", field(false, 1), field(false, 1)}, samples, 0),
      UserError);
  EXPECT_THROW(momentum_map(problem.system, {"half", field(false, 1), nullptr}, samples, 0),
               UserError);
}

// J = p / q is as good a momentum as any, but from the origin nobody gets there: the message says
// so, and does not call the field something it is not.
TEST(Noether, AcrossAPoleNothingIsIntegrated) {
  Problem problem{empty_system(Shape{1}), {}};
  add_term(problem.system, "kinetic",
           [](Builder& b, const TermValues& v) { return b.mul(b.constant(0.5), b.dot(v.p, v.p)); });
  const auto field = [&](bool of_q) {
    Builder b("field");
    const Value q = b.param({DType::kF64, Shape{1}}), p = b.param({DType::kF64, Shape{1}});
    b.param(ir::scalar());
    const Value inverse = b.div(b.constant(tensor(Shape{1}, {1})), q);
    return b.finish({of_q ? inverse : b.mul(p, b.mul(inverse, inverse))});
  };
  const Samples samples = {{tensor(Shape{1}, {0.7}), tensor(Shape{1}, {0.4})}};
  try {
    momentum_map(problem.system, {"ratio", field(true), field(false)}, samples, 0);
    FAIL() << "no error";
  } catch (const UserError& e) {
    EXPECT_NE(std::string(e.what()).find("cannot be integrated here"), std::string::npos)
        << e.what();
  }
}

}  // namespace
}  // namespace cotangent::mechanics::test
