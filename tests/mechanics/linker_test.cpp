// Systems that are added: what each side reads, names, parts with flows of their own, the order at
// the seam.
#include "cotangent/mechanics/linker.h"

#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "cotangent/ir/evaluator.h"
#include "cotangent/mechanics/exact_part.h"
#include "cotangent/mechanics/kepler_flow.h"
#include "cotangent/mechanics/programs.h"
#include "cotangent/mechanics/split_flows.h"
#include "cotangent/mechanics/step_program.h"
#include "tests/mechanics/systems.h"

namespace cotangent::mechanics::test {
namespace {

using ir::Builder;
using ir::Tensor;
using ir::Value;

/// p^2/2 + k q^2/2 with k = 2.
Problem oscillator() {
  Problem problem{empty_system(Shape{1}, {real("k", 2)}), {}};
  add_term(problem.system, "kinetic", [](Builder& b, const TermValues& v) {
    return b.mul(b.constant(0.5), b.reduce_sum(b.mul(v.p, v.p)));
  });
  add_term(problem.system, "spring", [](Builder& b, const TermValues& v) {
    return b.mul(b.mul(b.constant(0.5), v.parameters[0]), b.reduce_sum(b.mul(v.q, v.q)));
  });
  add_observable(problem.system, "place", 0,
                 [](Builder& b, const TermValues& v) { return b.row(v.q, 0); });
  problem.initial.q = tensor(Shape{1}, {0.3});
  problem.initial.p = tensor(Shape{1}, {-0.2});
  return problem;
}

/// strength (x of a - q of b)^2/2, for a [2] or [1] and b [1]; the parameters of a and b are `n`.
Coupling spring(std::int64_t rows_of_a, const std::vector<Parameter>& of_whole) {
  Builder b("spring between");
  const ir::Type first{DType::kF64, Shape{rows_of_a}}, second{DType::kF64, Shape{1}};
  const Value qa = b.param(first, "qa");
  b.param(first, "pa");
  const Value qb = b.param(second, "qb");
  b.param(second, "pb");
  b.param(ir::scalar(), "t");
  Value strength{};
  for (const Parameter& p : of_whole) strength = b.param(p.value.type(), p.name);
  const Value r = b.sub(b.row(qa, 0), b.row(qb, 0));
  return {"between", b.finish({b.mul(b.mul(b.constant(0.5), strength), b.mul(r, r))}), {}};
}

Linked planet_and_oscillator(double strength) {
  const System a = kepler(0.3).system, b = oscillator().system;
  std::vector<Parameter> all = a.parameters;
  all.insert(all.end(), b.parameters.begin(), b.parameters.end());
  all.push_back(real("strength", strength));
  return link(a, b, {spring(2, all)}, {all.back()});
}

ir::FunctionPtr one(const System& s) {
  Builder b("one");
  for (const Parameter& p : s.parameters) b.param(p.value.type(), p.name);
  return b.finish({b.constant(1.0)});
}
std::vector<OwnFlow> own_flows() {
  const System a = kepler(0.3).system, b = oscillator().system;
  return {{0, {}, kepler_part(a, one(a), one(a))}, {1, {}, quadratic_flow(b, split_terms(b))}};
}

double energy_of(const System& s, const std::vector<Tensor>& state) {
  std::vector<Tensor> args = state;
  args.push_back(Tensor::scalar_of<double>(0));
  for (const Parameter& p : s.parameters) args.push_back(p.value);
  return double(ir::evaluate(*total_energy(s), args)[0].real(0));
}

/// The states after each of `steps` steps.
std::vector<std::vector<Tensor>> states(const Integrator& m, const System& s,
                                        const InitialState& initial, double dt, int steps) {
  std::vector<std::vector<Tensor>> all = {{initial.q, *initial.p}};
  for (int k = 0; k < steps; ++k) {
    std::vector<Tensor> args = all.back();
    args.push_back(Tensor::scalar_of<std::int64_t>(k));
    args.push_back(Tensor::scalar_of<double>(0));
    args.push_back(Tensor::scalar_of<double>(dt));
    for (const Parameter& p : s.parameters) args.push_back(p.value);
    all.push_back(ir::evaluate(*m.step, args));
  }
  return all;
}

TEST(Linker, TheWholeHasBothEnergies) {
  const Problem a = kepler(0.3), b = oscillator();
  const Linked whole = planet_and_oscillator(0.5);
  EXPECT_EQ(whole.system.shape, Shape{3});
  const InitialState s = join(whole, a.initial, b.initial);
  const double x = double(a.initial.q.real(0)) - 0.3;
  EXPECT_NEAR(energy_of(whole.system, {s.q, *s.p}),
              energy_of(a.system, {a.initial.q, *a.initial.p}) +
                  energy_of(b.system, {b.initial.q, *b.initial.p}) + 0.25 * x * x,
              1e-15);
  EXPECT_NEAR(energy_of(a.system + b.system, {s.q, *s.p}),
              energy_of(whole.system, {s.q, *s.p}) - 0.25 * x * x, 1e-15);
}

TEST(Linker, NamesThatClashGetAPrefix) {
  const Problem b = oscillator();
  const Linked two = link(b.system, b.system);
  ASSERT_EQ(two.system.parameters.size(), 2u);
  EXPECT_EQ(two.system.parameters[0].name, "a.k");
  EXPECT_EQ(two.system.parameters[1].name, "b.k");
  EXPECT_EQ(two.system.terms[3].name, "b.spring");
  EXPECT_EQ(two.system.observables[1].name, "b.place");
  // Each side reads its own rows and parameters.
  System s = two.system;
  s.parameters[1].value = Tensor::scalar_of<double>(10);
  const Tensor q = tensor(Shape{2}, {1, 3}), p = tensor(Shape{2}, {0, 0});
  EXPECT_DOUBLE_EQ(energy_of(s, {q, p}), 0.5 * 2 * 1 + 0.5 * 10 * 9);
}

TEST(Linker, NamesStayUniqueHoweverOftenSystemsAreLinked) {
  const System b = oscillator().system;
  // (b + b) has a.k and b.k; with b there is k too, and what both have are then all three.
  const System three = (b + b) + b;
  const Linked whole = link(three, three + b);
  std::set<std::string> parameters, terms, observables;
  for (const Parameter& x : whole.system.parameters) parameters.insert(x.name);
  for (const EnergyTerm& x : whole.system.terms) terms.insert(x.name);
  for (const Observable& x : whole.system.observables) observables.insert(x.name);
  EXPECT_EQ(parameters.size(), 7u);
  EXPECT_EQ(terms.size(), 14u);
  EXPECT_EQ(observables.size(), 7u);
  const Linked next = link(three, b);  // k, a.k and b.k meet k
  EXPECT_EQ(next.system.parameters[2].name, "a.a.k");
  EXPECT_EQ(next.system.parameters[3].name, "b.b.k");
  // Flows are still found by the names that the side has.
  const OwnFlow own{1, {"kinetic", "spring"}, quadratic_flow(b, split_terms(b))};
  EXPECT_EQ(linked_parts(next, {own}).size(), 3u);
}

TEST(Linker, WithoutCouplingEachSideMovesAsAlone) {
  const Problem a = kepler(0.3), b = oscillator();
  const Linked whole = planet_and_oscillator(0);
  const auto parts = linked_parts(whole, own_flows());
  ASSERT_EQ(parts.size(), 3u);  // the coupling kicks
  const InitialState s = join(whole, a.initial, b.initial);
  const auto both = states(linked_step(whole, own_flows()), whole.system, s, 0.1, 100);
  const auto left =
      states(compose({own_flows()[0].flow}, state_types(a.system), composition_for(2)), a.system,
             a.initial, 0.1, 100);
  const auto right =
      states(compose({own_flows()[1].flow}, state_types(b.system), composition_for(2)), b.system,
             b.initial, 0.1, 100);
  for (std::size_t k = 0; k < both.size(); ++k) {
    for (std::size_t i = 0; i < 2; ++i) {
      EXPECT_NEAR(double(both[k][i].real(0)), double(left[k][i].real(0)), 1e-12);
      EXPECT_NEAR(double(both[k][i].real(1)), double(left[k][i].real(1)), 1e-12);
      EXPECT_NEAR(double(both[k][i].real(2)), double(right[k][i].real(0)), 1e-13);
    }
  }
}

TEST(Linker, EnergyOfTheWholeIsBounded) {
  const Linked whole = planet_and_oscillator(0.001);
  const InitialState s = join(whole, kepler(0.3).initial, oscillator().initial);
  const auto all = states(linked_step(whole, own_flows()), whole.system, s, 0.1, 1500);
  const double start = energy_of(whole.system, all[0]);
  double most = 0, late = 0;
  for (std::size_t k = 0; k < all.size(); ++k) {
    const double error = std::abs(energy_of(whole.system, all[k]) - start);
    (k < 750 ? most : late) = std::max(k < 750 ? most : late, error);
  }
  EXPECT_LT(most, 2e-5);
  EXPECT_GT(most, 1e-9);      // the seam does something
  EXPECT_LT(late, 2 * most);  // and does not drift
}

TEST(Linker, TheSeamHasOrderTwo) {
  const Linked whole = planet_and_oscillator(0.5);
  const InitialState s = join(whole, kepler(0.3).initial, oscillator().initial);
  for (const auto& own : {own_flows(), std::vector<OwnFlow>{}}) {
    const MeasuredOrder m = measure_order(linked_step(whole, own), whole.system, s, 1.7, 16);
    EXPECT_NEAR(m.order, 2, 0.05) << own.size();
    EXPECT_NEAR(std::log2(m.distance[0] / m.distance[1]), 2, 0.1);
  }
  // A composition of order 4.
  const auto parts = linked_parts(whole, own_flows());
  const Integrator fourth = compose(parts, state_types(whole.system), *splitting_named("yoshida4"));
  EXPECT_NEAR(measure_order(fourth, whole.system, s, 1.7, 16).order, 4, 0.1);
}

template <class F>
std::string refused(const F& f) {
  try {
    f();
  } catch (const UserError& e) {
    return e.what();
  }
  return "";
}

TEST(Linker, RefusesByName) {
  const System a = kepler(0.3).system, b = oscillator().system;
  EXPECT_NE(refused([&] { a + outer_solar_system().system; }).find("cannot be put together"),
            std::string::npos);
  System equations = b;
  equations.form = Form::kEquations;
  EXPECT_NE(refused([&] { a + equations; }).find("without q and p"), std::string::npos);
  EXPECT_NE(refused([&] { link(a, b, {spring(1, {real("strength", 1)})}); }).find("\"between\""),
            std::string::npos);
  const Linked whole = planet_and_oscillator(1);
  std::vector<OwnFlow> own = own_flows();
  own.push_back(own[1]);
  EXPECT_NE(refused([&] { linked_parts(whole, own); }).find("two flows"), std::string::npos);
  own[2].terms = {"wind"};
  EXPECT_NE(refused([&] { linked_parts(whole, own); }).find("\"wind\""), std::string::npos);
  const InitialState sa = kepler(0.3).initial, sb = oscillator().initial;
  EXPECT_NE(refused([&] { join(whole, sb, sa); }).find("q of the first state is f64[1]"),
            std::string::npos);
  InitialState longer = sb;
  longer.p = tensor(Shape{2}, {1, 2});
  EXPECT_NE(refused([&] { join(whole, sa, longer); }).find("p of the second state is f64[2]"),
            std::string::npos);
  Problem mixed = oscillator();
  add_term(mixed.system, "mixed",
           [](Builder& m, const TermValues& v) { return m.reduce_sum(m.mul(v.q, v.p)); });
  EXPECT_NE(refused([&] { linked_parts(link(b, mixed.system)); }).find("\"mixed\""),
            std::string::npos);
}

}  // namespace
}  // namespace cotangent::mechanics::test
