// What split_flows.h makes: n-way compositions, integrators of splittings, and order 10 over a
// thousand periods. The order of every splitting is measured in splitting_order_slow_test.cpp.
#include "cotangent/mechanics/split_flows.h"

#include <gtest/gtest.h>

#include <functional>

#include "cotangent/ir/builder.h"
#include "cotangent/runtime/executable.h"
#include "tests/mechanics/orders.h"

namespace cotangent::mechanics::test {
namespace {

using ir::Builder;
using ir::Tensor;
using ir::Value;

/// The flow of one energy, of q or of p alone.
PartFlow part(const Problem& problem, const std::string& name, bool kick) {
  System one = problem.system;
  std::erase_if(one.terms, [&](const EnergyTerm& t) { return t.name != name; });
  Builder b(name);
  const ir::Type state{DType::kF64, one.shape};
  const Value q = b.param(state, "q"), p = b.param(state, "p");
  const Value t = b.param(ir::scalar(), "t"), h = b.param(ir::scalar(), "h");
  std::vector<Value> args = {q, p, t};
  for (const Parameter& x : one.parameters) args.push_back(b.param(x.value.type(), x.name));
  const Value slope = b.inline_call(*energy_gradient(one, kick ? 0 : 1), args)[0];
  const Value move = b.scale(h, slope);
  return {name, b.finish({kick ? q : b.add(q, move), kick ? b.sub(p, move) : p})};
}

/// p^2/2 + q^2/2 | q_0^2 q_1 | -q_1^3/3 of Henon and Heiles, as three flows.
struct ThreeWay {
  Problem problem{empty_system(Shape{2}), {}};
  std::vector<PartFlow> parts;
  std::vector<NamedType> state{{"q", {DType::kF64, Shape{2}}}, {"p", {DType::kF64, Shape{2}}}};

  ThreeWay() {
    const auto at = [](Builder& b, Value x, std::int64_t k) { return b.row(x, k); };
    add_term(problem.system, "kinetic", [](Builder& b, const TermValues& v) {
      return b.mul(b.constant(0.5), b.reduce_sum(b.mul(v.p, v.p)));
    });
    add_term(problem.system, "springs", [](Builder& b, const TermValues& v) {
      return b.mul(b.constant(0.5), b.reduce_sum(b.mul(v.q, v.q)));
    });
    add_term(problem.system, "cubic", [at](Builder& b, const TermValues& v) {
      const Value x = at(b, v.q, 0), y = at(b, v.q, 1);
      return b.sub(b.mul(b.mul(x, x), y), b.mul(b.constant(1.0 / 3), b.mul(y, b.mul(y, y))));
    });
    problem.initial = henon_heiles().initial;
    parts = {part(problem, "springs", true), part(problem, "kinetic", false),
             part(problem, "cubic", true)};
  }
  std::vector<Tensor> start() const { return {problem.initial.q, *problem.initial.p}; }
};

TEST(Compose, AThreeWaySplitHasTheOrderOfItsComposition) {
  const ThreeWay split;
  const long double t = 1.3L * kPeriod;
  const Tensor exact = integrate(split.problem, composition_for(10), t, 400, true).q;
  for (const auto& [name, n] :
       std::vector<std::pair<std::string, std::int64_t>>{{"leapfrog", 400},
                                                         {"suzuki4", 200},
                                                         {"kahanli6", 120},
                                                         {"kahanli8", 48},
                                                         {"sofroniou10", 20}}) {
    const Splitting& s = *splitting_named(name);
    const Integrator method = compose(split.parts, split.state, s);
    EXPECT_EQ(method.order, s.order);
    const auto error = [&](std::int64_t steps) {
      return distance(integrate(method, split.start(), {}, t, steps, true)[0], exact);
    };
    const long double slope = std::log(error(n) / error(n * 5 / 4)) / std::log(1.25L);
    EXPECT_NEAR(static_cast<double>(slope), s.order, 0.1) << name << " error " << error(n);
  }
}

TEST(Compose, OfTwoPartsIsTheCompositionOfLeapfrogs) {
  const ThreeWay split;
  Problem problem = split.problem;
  std::erase_if(problem.system.terms, [](const EnergyTerm& t) { return t.name == "cubic"; });
  const std::vector<PartFlow> two = {split.parts[0], split.parts[1]};
  for (const char* name : {"leapfrog", "kahanli6"}) {
    const Splitting& s = *splitting_named(name);
    const auto end = integrate(compose(two, split.state, s), split.start(), {}, 3, 30, false);
    const Phase same = integrate(problem, s, 3, 30, false);
    EXPECT_LT(distance(end[0], same.q), 1e-14) << name;
    EXPECT_LT(distance(end[1], same.p), 1e-14) << name;
  }
}

TEST(Compose, RunsBackToWhereItCameFromAndKeepsItsSizeOverOrders) {
  const ThreeWay split;
  std::int64_t size = 0;
  for (const char* name : {"suzuki4", "sofroniou10"}) {
    const Integrator method = compose(split.parts, split.state, *splitting_named(name));
    const auto there = integrate(method, split.start(), {}, 2, 20, false);
    const auto back = integrate(method, there, {}, -2, 20, false);
    EXPECT_LT(distance(back[0], split.problem.initial.q), 1e-13);
    const auto ops = static_cast<std::int64_t>(method.step->size());
    EXPECT_TRUE(size == 0 || ops == size);
    size = ops;
  }
}

TEST(Compose, RefusesByName) {
  const ThreeWay split;
  const auto what = [&](std::vector<PartFlow> parts, const char* name) -> std::string {
    try {
      compose(parts, split.state, *splitting_named(name));
    } catch (const UserError& e) {
      return e.parts().what;
    }
    return "";
  };
  EXPECT_NE(what({}, "suzuki4").find("no part"), std::string::npos);
  EXPECT_NE(what(split.parts, "rkn4").find("\"rkn4\""), std::string::npos);
  std::vector<PartFlow> parts = split.parts;
  parts[1].exact = false;
  parts[1].order = 1;
  EXPECT_NE(what(parts, "suzuki4").find("\"kinetic\" is of order 1"), std::string::npos);
  parts = split.parts;
  parts[2].flow = total_energy(split.problem.system);
  EXPECT_NE(what(parts, "suzuki4").find("\"cubic\""), std::string::npos);
}

TEST(SplittingIntegrator, OfAPlainSplittingIsTheStepProgram) {
  const Problem problem = driven_oscillator();
  const Splitting& s = *splitting_named("rkn4");
  const auto end =
      integrate(splitting_integrator(problem.system, s), {problem.initial.q, *problem.initial.p},
                problem.system.parameters, 3, 30, false);
  EXPECT_LT(distance(end[0], integrate(problem, s, 3, 30, false).q), 1e-14);
}

TEST(SplittingIntegrator, CompiledCodeHasTheEvaluatorsBits) {
  const Problem problem = kepler(0.3);
  for (const char* name : {"gradient4", "processed4"}) {
    const Integrator method = splitting_integrator(problem.system, *splitting_named(name));
    std::vector<Tensor> args = {problem.initial.q, *problem.initial.p, Tensor::scalar_of<double>(0),
                                Tensor::scalar_of<double>(0.1)};
    const std::vector<Tensor> carry = ir::evaluate(*method.open, args);
    args = carry;
    args.push_back(Tensor::scalar_of<std::int64_t>(0));
    args.insert(args.end(), {Tensor::scalar_of<double>(0), Tensor::scalar_of<double>(0.1)});
    const auto compiled = runtime::compile(method.step);
    const std::vector<Tensor> expected = ir::evaluate(*compiled->program(), args);
    const std::vector<Tensor> got = compiled->call(args);
    for (std::size_t k = 0; k < got.size(); ++k)
      EXPECT_TRUE(got[k].same_bits(expected[k])) << name << k;
  }
}

TEST(SplittingIntegrator, RefusesAKineticEnergyThatDependsOnTime) {
  EXPECT_THROW(splitting_integrator(swinging_mass().system, *splitting_named("gradient4")),
               UserError);
}

/// Largest relative energy error of `periods` periods at dt = T/100, after each decade of them.
std::vector<double> kepler_energy_errors(const char* method, std::int64_t periods) {
  const Problem problem = kepler(0.6);
  const double dt = static_cast<double>(kPeriod) / 100;
  std::vector<double> errors;
  for (std::int64_t n = 10; n <= periods; n *= 10) {
    const Ready r = ready(problem, settings(dt, 100 * n, method, 1));
    errors.push_back(r.flow->run(problem.initial, 100 * n).invariants.at(0).max_rel_error);
  }
  return errors;
}

TEST(OrderTen, KeplerKeepsElevenDigitsForAThousandPeriods) {
  const std::vector<double> ten = kepler_energy_errors("sofroniou10", 1000);
  EXPECT_LT(ten.back(), 1e-11);
  for (std::size_t k = 1; k < ten.size(); ++k) EXPECT_LT(ten[k] / ten[k - 1], std::sqrt(10.0));
  // The control: order 8 at the same step is a hundred times over the bar.
  EXPECT_GT(kepler_energy_errors("kahanli8", 100).back(), 1e-10);
}

}  // namespace
}  // namespace cotangent::mechanics::test
