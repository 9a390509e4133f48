// The quadratic part flowed exactly and the rest as kicks: against the linear flow, order,
// symplecticity, a spring of any stiffness, resonance, derivatives by the springs' parameters.
#include "cotangent/mechanics/exact_part.h"

#include <gtest/gtest.h>

#include <cmath>

#include "cotangent/ir/evaluator.h"
#include "cotangent/mechanics/linear_flow.h"
#include "cotangent/mechanics/resonance.h"
#include "cotangent/mechanics/runge_kutta.h"
#include "cotangent/runtime/executable.h"
#include "cotangent/transform/derivatives.h"
#include "cotangent/transform/vmap.h"
#include "tests/mechanics/systems.h"

namespace cotangent::mechanics::test {
namespace {

using ir::Builder;
using ir::FunctionPtr;
using ir::Op;
using ir::Tensor;
using ir::Value;

Value half_squares(Builder& b, Value x) {
  return b.mul(b.constant(0.5), b.reduce_sum(b.mul(x, x)));
}

std::vector<Tensor> parameters_of(const System& system) {
  std::vector<Tensor> all;
  for (const Parameter& p : system.parameters) all.push_back(p.value);
  return all;
}

std::vector<Tensor> with(std::vector<Tensor> first, const std::vector<Tensor>& then) {
  first.insert(first.end(), then.begin(), then.end());
  return first;
}

Tensor number(double x) {
  return Tensor::scalar_of<double>(x);
}

/// The state after steps, on the evaluator.
std::vector<Tensor> run(const Integrator& m, const System& system, const InitialState& initial,
                        double dt, std::int64_t steps, double t0 = 0) {
  const std::vector<Tensor> parameters = parameters_of(system);
  std::vector<Tensor> carry =
      ir::evaluate(*m.open, with({initial.q, *initial.p, number(t0), number(dt)}, parameters));
  for (std::int64_t k = 0; k < steps; ++k) {
    carry = ir::evaluate(
        *m.step, with(with(carry, {Tensor::scalar_of<std::int64_t>(k), number(t0), number(dt)}),
                      parameters));
  }
  return ir::evaluate(
      *m.close, with(with(carry, {Tensor::scalar_of<std::int64_t>(steps), number(t0), number(dt)}),
                     parameters));
}

/// Systems whose exact part takes each of the three forms, with linear terms, and the same with a
/// quartic rest.
Problem with_form(int form, double rest) {
  Problem problem{empty_system(Shape{3}, {real("k", 2.0), real("g", 0.3), real("rest", rest)}), {}};
  add_term(problem.system, "kinetic", [=](Builder& b, const TermValues& v) {
    Value sum = half_squares(b, v.p);
    if (form == 2) {  // a magnetic field and a mass matrix that is full
      sum = b.add(sum, b.mul(b.constant(0.3), b.mul(b.row(v.p, 0), b.row(v.q, 1))));
      sum = b.add(sum, b.mul(b.constant(0.2), b.mul(b.row(v.p, 0), b.row(v.p, 2))));
    }
    return sum;
  });
  add_term(problem.system, "springs", [=](Builder& b, const TermValues& v) {
    const Value each = b.constant(tensor(Shape{3}, {1, 0, -0.2}));
    Value sum = b.mul(b.constant(0.5), b.reduce_sum(b.mul(each, b.mul(v.q, v.q))));
    if (form > 0) {
      const Value r = b.sub(b.slice_rows(v.q, 1, 3), b.slice_rows(v.q, 0, 2));
      sum = b.add(sum, half_squares(b, r));
    }
    return b.mul(v.parameters[0], sum);
  });
  add_term(problem.system, "weight", [](Builder& b, const TermValues& v) {
    return b.mul(v.parameters[1], b.sub(b.reduce_sum(v.q), b.row(v.p, 1)));
  });
  if (rest != 0) {
    add_term(problem.system, "quartic", [](Builder& b, const TermValues& v) {
      const Value s = b.reduce_sum(v.q), ss = b.mul(s, s);
      return b.mul(v.parameters[2], b.mul(b.mul(ss, ss), b.unary(Op::kCos, v.t)));
    });
  }
  problem.initial.q = tensor(Shape{3}, {0.4, -0.3, 0.8});
  problem.initial.p = tensor(Shape{3}, {0.1, 0.7, -0.5});
  return problem;
}

double distance(const std::vector<Tensor>& state, std::span<const double> x) {
  double most = 0;
  std::size_t k = 0;
  for (const Tensor& half : state) {
    for (const double e : half.as<double>()) {
      most = std::max(most, std::isnan(e) ? INFINITY : std::abs(e - x[k]));
      ++k;
    }
  }
  return most;
}

TEST(ExactPart, IsTheLinearFlowWhereThereIsNoRest) {
  for (const int form : {0, 1, 2}) {
    const Problem problem = with_form(form, 0);
    const ExactSplit split = split_terms(problem.system);
    EXPECT_EQ(split.rest_terms.size(), 0u);
    ExactSplit none = split;
    none.rest = nullptr;
    const auto flow = LinearFlow::make(linear_system(problem.system));
    for (const double dt : {0.8, -0.8, 1e-4}) {
      std::vector<double> x = {0.4, -0.3, 0.8, 0.1, 0.7, -0.5};
      flow->advance(x, 5, dt);
      const Integrator m = exact_and_kicks(problem.system, split);
      EXPECT_LT(distance(run(m, problem.system, problem.initial, dt, 5), x), 2e-14)
          << form << " " << dt;
      const Integrator same = exact_and_kicks(problem.system, none);
      EXPECT_LT(distance(run(same, problem.system, problem.initial, dt, 5), x), 2e-14);
      EXPECT_FALSE(resonance(problem.system, none, problem.initial, dt));
      const PartFlow part = quadratic_flow(problem.system, split);
      const auto one = ir::evaluate(
          *part.flow, with({problem.initial.q, *problem.initial.p, number(0), number(5 * dt)},
                           parameters_of(problem.system)));
      EXPECT_LT(distance(one, x), 2e-14) << form << " " << dt;
    }
  }
}

TEST(ExactPart, OrderTwoWithARestThatMoves) {
  for (const int form : {0, 1, 2}) {
    const Problem problem = with_form(form, 0.05);
    const ExactSplit split = split_terms(problem.system);
    EXPECT_EQ(split.rest_terms, std::vector<std::string>{"quartic"});
    for (const Kicks kicks : {Kicks::kPlain, Kicks::kMollified}) {
      if (form == 2 && kicks == Kicks::kMollified) {
        EXPECT_THROW(exact_and_kicks(problem.system, split, kicks), UserError);
        continue;
      }
      const auto end = [&](std::int64_t steps) {
        const double dt = 2.7 / static_cast<double>(steps);
        const auto s = run(exact_and_kicks(problem.system, split, kicks), problem.system,
                           problem.initial, dt, steps, 0.2);
        std::vector<double> x;
        for (const Tensor& half : s) {
          for (const double e : half.as<double>()) x.push_back(e);
        }
        return x;
      };
      // Errors by Richardson: differences of neighbouring halvings fall by four.
      const auto a = end(80), b = end(160), c = end(320), d = end(640);
      double first = 0, second = 0, third = 0;
      for (std::size_t k = 0; k < a.size(); ++k) {
        first += (a[k] - b[k]) * (a[k] - b[k]);
        second += (b[k] - c[k]) * (b[k] - c[k]);
        third += (c[k] - d[k]) * (c[k] - d[k]);
      }
      EXPECT_NEAR(std::log2(first / second) / 2, 2, 0.1) << form;
      EXPECT_NEAR(std::log2(second / third) / 2, 2, 0.1) << form;
      // And it is this system that they solve.
      std::vector<double> limit;
      for (std::size_t k = 0; k < d.size(); ++k) limit.push_back(d[k] + (d[k] - c[k]) / 3);
      EXPECT_LT(distance(run(runge_kutta(problem.system, *tableau_named("rk4")), problem.system,
                             problem.initial, 2.7 / 200, 200, 0.2),
                         limit),
                1e-6)
          << form;
    }
  }
}

TEST(ExactPart, StepsAreSymplectic) {
  for (const int form : {0, 1, 2}) {
    const Problem problem = with_form(form, 0.05);
    const ExactSplit split = split_terms(problem.system);
    for (const Kicks kicks : {Kicks::kPlain, Kicks::kMollified}) {
      if (form == 2 && kicks == Kicks::kMollified) continue;
      const double dt = 0.9;
      const Integrator m = exact_and_kicks(problem.system, split, kicks);
      // open, two steps and close as one function of q and p.
      Builder b("whole");
      const Value q = b.param(problem.initial.q.type(), "q"), p = b.param(b.type(q), "p");
      std::vector<Value> parameters;
      for (const Parameter& x : problem.system.parameters) {
        parameters.push_back(b.constant(x.value));
      }
      const auto call = [&](const ir::Function& f, std::vector<Value> args,
                            std::vector<Value> then) {
        args.insert(args.end(), then.begin(), then.end());
        args.insert(args.end(), parameters.begin(), parameters.end());
        return b.inline_call(f, args);
      };
      const Value t0 = b.constant(0.3), h = b.constant(dt);
      std::vector<Value> carry = call(*m.open, {q, p}, {t0, h});
      carry = call(*m.step, carry, {b.constant_i64(0), t0, h});
      carry = call(*m.step, carry, {b.constant_i64(1), t0, h});
      const FunctionPtr tangent =
          transform::jvp(*b.finish(call(*m.close, carry, {b.constant_i64(2), t0, h})), {0, 1});
      std::vector<std::vector<double>> lines;
      for (int k = 0; k < 6; ++k) {
        Tensor dq = filled(problem.initial.q.type(), 0), dp = dq;
        (k < 3 ? dq : dp).set_real(k % 3, 1);
        const auto y = ir::evaluate(
            *tangent, std::vector<Tensor>{problem.initial.q, *problem.initial.p, dq, dp});
        lines.emplace_back();
        for (const std::size_t r : {2u, 3u}) {
          for (const double e : y[r].as<double>()) lines.back().push_back(e);
        }
      }
      EXPECT_LT(symplectic_defect(lines), 1e-13) << form;
    }
  }
}

/// Members of an ensemble and runs with other parameters use the programs of the file's.
TEST(ExactPart, SpringsFarStifferThanTheFileSays) {
  for (const int form : {0, 1, 2}) {
    const Problem problem = with_form(form, 0);
    Problem other = problem;
    other.system.parameters[0].value = number(4000);
    std::vector<double> x = {0.4, -0.3, 0.8, 0.1, 0.7, -0.5};
    LinearFlow::make(linear_system(other.system))->advance(x, 3, 0.8);
    const Integrator m = exact_and_kicks(problem.system, split_terms(problem.system));
    double size = 0;
    for (const double e : x) size = std::max(size, std::abs(e));
    EXPECT_LT(distance(run(m, other.system, other.initial, 0.8, 3), x), 1e-11 * size) << form;
  }
}

TEST(ExactPart, DerivativesBySpringsAndMasses) {
  // d q / d k through open and steps, against differences.
  const Problem problem = with_form(1, 0.05);
  const double dt = 0.9;
  const ExactSplit split = split_terms(problem.system);
  const Integrator m = exact_and_kicks(problem.system, split);
  const auto parameters = parameters_of(problem.system);
  const auto end = [&](double k) {
    System other = problem.system;
    other.parameters[0].value = number(k);
    return run(m, other, problem.initial, dt, 1)[0].as<double>()[1];
  };
  const FunctionPtr open = transform::jvp(*m.open, {4});
  const FunctionPtr step = transform::jvp(*m.step, {0, 1, 2, 3, 4, 5, 6, 7, 11});
  ASSERT_EQ(m.carry.size(), 8u);
  auto first = ir::evaluate(
      *open, with(with({problem.initial.q, *problem.initial.p, number(0), number(dt)}, parameters),
                  {number(1)}));
  const std::vector<Tensor> carry(first.begin(), first.begin() + 8),
      moved(first.begin() + 8, first.end());
  const auto y = ir::evaluate(
      *step,
      with(with(with(with(carry, {Tensor::scalar_of<std::int64_t>(0), number(0), number(dt)}),
                     parameters),
                moved),
           {number(1)}));
  const double e = 1e-5;
  EXPECT_NEAR(y[8].as<double>()[1], (end(2 + e) - end(2 - e)) / (2 * e), 1e-8);
}

TEST(ExactPart, CompiledCodeHasTheEvaluatorsBits) {
  for (const int form : {0, 1, 2}) {
    const Problem problem = with_form(form, 0.05);
    const Integrator m = exact_and_kicks(problem.system, split_terms(problem.system),
                                         form == 2 ? Kicks::kPlain : Kicks::kMollified);
    const auto same = [&](const FunctionPtr& f, const std::vector<Tensor>& args) {
      const auto code = runtime::compile(f);
      const auto x = code->call(args), y = ir::evaluate(*code->program(), args);
      for (std::size_t k = 0; k < x.size(); ++k) EXPECT_TRUE(x[k].same_bits(y[k])) << form << k;
      return x;
    };
    const auto parameters = parameters_of(problem.system);
    const auto carry =
        same(m.open,
             with({problem.initial.q, *problem.initial.p, number(0.1), number(0.9)}, parameters));
    same(m.step, with(with(carry, {Tensor::scalar_of<std::int64_t>(3), number(0.1), number(0.9)}),
                      parameters));
  }
}

TEST(ExactPart, FilteringIsAboutTheRestPosition) {
  // Springs at rest at (1, -2): there the filtered position is the position, for matrices too.
  for (const double coupling : {0.0, 0.7}) {
    Problem problem{empty_system(Shape{2}), {}};
    add_term(problem.system, "kinetic",
             [](Builder& b, const TermValues& v) { return half_squares(b, v.p); });
    add_term(problem.system, "springs", [=](Builder& b, const TermValues& v) {
      const Value r = b.sub(v.q, b.constant(tensor(Shape{2}, {1, -2})));
      return b.add(half_squares(b, b.mul(b.constant(tensor(Shape{2}, {1.5, 40})), r)),
                   b.mul(b.constant(coupling), b.mul(b.row(r, 0), b.row(r, 1))));
    });
    add_term(problem.system, "quartic", [](Builder& b, const TermValues& v) {
      const Value s = b.reduce_sum(v.q), ss = b.mul(s, s);
      return b.mul(ss, ss);
    });
    const Integrator m =
        exact_and_kicks(problem.system, split_terms(problem.system), Kicks::kMollified);
    const auto carry = ir::evaluate(
        *m.open, std::vector<Tensor>{tensor(Shape{2}, {1, -2}), tensor(Shape{2}, {0, 0}), number(0),
                                     number(0.8)});
    ASSERT_EQ(m.carry[8].name, "filter");
    const auto kick = carry[2].as<double>(), filter = carry[8].as<double>();
    for (std::size_t k = 0; k < 2; ++k) {
      const double sum = coupling == 0 ? filter[k] : filter[k] + filter[2 + k];  // columns
      EXPECT_NEAR(kick[k], -4 * sum, 1e-14);
      EXPECT_GT(std::abs(sum), 1e-4);
    }
    // A filter for x = dt w: sinc(x) (1 + 2/3 sin^2(x/2)).
    const double x = 1.5 * 0.8, s = std::sin(x / 2);
    if (coupling == 0) {
      EXPECT_NEAR(filter[0], std::sin(x) / x * (1 + 2.0 / 3 * s * s), 1e-15);
    }
  }
}

TEST(ExactPart, RefusesByName) {
  Problem problem = with_form(0, 0.05);
  add_term(problem.system, "drag", [](Builder& b, const TermValues& v) {
    return b.reduce_sum(b.mul(b.mul(v.q, v.q), b.mul(v.p, v.p)));
  });
  try {
    split_terms(problem.system);
    FAIL();
  } catch (const UserError& e) {
    EXPECT_NE(std::string(e.what()).find("\"drag\""), std::string::npos);
  }
  problem.system.terms.clear();
  add_term(problem.system, "quartic", [](Builder& b, const TermValues& v) {
    return b.reduce_sum(b.mul(b.mul(v.q, v.q), b.mul(v.q, v.q)));
  });
  EXPECT_THROW(split_terms(problem.system), UserError);
}

// --- a stiff spring, a weak anharmonic term, and a slow oscillator

constexpr double kSlow = 0.02, kWeak = 1e-6;

/// p0^2/2 + p1^2/2 + k q0^2/2 + (0.02 q1)^2/2 + 1e-6 (q0 + q1)^4/4: the stiff one starts with
/// p0 = 1, the slow one at q1 = 1.
Problem stiff(double k) {
  Problem problem{
      empty_system(Shape{2}, {real("k", k), real("slow", kSlow * kSlow), real("weak", kWeak)}), {}};
  add_term(problem.system, "kinetic",
           [](Builder& b, const TermValues& v) { return half_squares(b, v.p); });
  add_term(problem.system, "springs", [](Builder& b, const TermValues& v) {
    const Value x = b.row(v.q, 0), y = b.row(v.q, 1);
    return b.mul(b.constant(0.5),
                 b.add(b.mul(v.parameters[0], b.mul(x, x)), b.mul(v.parameters[1], b.mul(y, y))));
  });
  add_term(problem.system, "weak", [](Builder& b, const TermValues& v) {
    const Value s = b.reduce_sum(v.q), ss = b.mul(s, s);
    return b.mul(b.constant(0.25), b.mul(v.parameters[2], b.mul(ss, ss)));
  });
  problem.initial.q = tensor(Shape{2}, {0, 1});
  problem.initial.p = tensor(Shape{2}, {1, 0});
  return problem;
}

/// The slow oscillator with the fast motion averaged: q0^2 is 1/(2 k) in the mean (its action is
/// kept), so y'' = -A y - c y^3 with A = w^2 + 3 c/(2 k): y = cn(u t, m), u^2 = A + c, m = c/(2
/// u^2), by the arithmetic-geometric mean (Abramowitz and Stegun 16.4). What is left out is of
/// relative size c/k and c^2. Gives y and its rate.
std::pair<double, double> averaged(long double k, long double t) {
  const long double weak = kWeak, slow = kSlow;
  const long double u2 = slow * slow + 1.5L * weak / k + weak, m = weak / (2 * u2);
  long double a[8] = {1}, c[8] = {std::sqrt(m)}, b = std::sqrt(1 - m), power = 1;
  for (int n = 1; n < 8; ++n) {
    a[n] = (a[n - 1] + b) / 2;
    c[n] = (a[n - 1] - b) / 2;
    b = std::sqrt(a[n - 1] * b);
    power *= 2;
  }
  const long double u = std::sqrt(u2);
  long double phi = power * a[7] * u * t;
  for (int n = 7; n > 0; --n) phi = (phi + std::asin(c[n] / a[n] * std::sin(phi))) / 2;
  const long double sn = std::sin(phi);
  return {static_cast<double>(std::cos(phi)),
          static_cast<double>(-u * sn * std::sqrt(1 - m * sn * sn))};
}

/// All steps in one program, over many values of k.
std::vector<std::vector<double>> ends(const std::vector<double>& ks, Kicks kicks, double dt,
                                      std::int64_t steps) {
  const Problem problem = stiff(100);
  const Integrator m = exact_and_kicks(problem.system, split_terms(problem.system), kicks);
  const auto carries = static_cast<std::int64_t>(m.carry.size());
  Builder body("step");
  const Value index = body.param(ir::scalar(DType::kI64), "step");
  std::vector<Value> fixed = {body.param(ir::scalar(), "t0"), body.param(ir::scalar(), "dt")};
  for (int k = 0; k < 3; ++k) fixed.push_back(body.param(ir::scalar(), ""));
  std::vector<Value> args;
  for (const NamedType& c : m.carry) args.push_back(body.param(c.type, c.name));
  args.push_back(index);
  args.insert(args.end(), fixed.begin(), fixed.end());
  ir::LoopAttr loop;
  loop.trip = steps;
  loop.invariants = 5;
  loop.carries = carries;
  loop.body = body.finish(body.inline_call(*m.step, args));
  Builder b("run");
  const Value k = b.param(ir::scalar(), "k");
  const std::vector<Value> rest = {k, b.constant(kSlow * kSlow), b.constant(kWeak)};
  std::vector<Value> start = {b.constant(problem.initial.q), b.constant(*problem.initial.p),
                              b.constant(0.0), b.constant(dt)};
  start.insert(start.end(), rest.begin(), rest.end());
  std::vector<Value> operands = {b.constant(0.0), b.constant(dt)};
  operands.insert(operands.end(), rest.begin(), rest.end());
  const auto opened = b.inline_call(*m.open, start);
  operands.insert(operands.end(), opened.begin(), opened.end());
  const auto end = b.loop(loop, operands);
  const FunctionPtr one = b.finish({end[0], end[1]});
  const auto n = static_cast<std::int64_t>(ks.size());
  runtime::CompileOptions options;
  const auto code = runtime::compile(transform::vmap(one, n), options);
  const Tensor all = Tensor::of<double>(Shape{n}, std::span<const double>(ks));
  const auto y = code->call(std::span(&all, 1));
  std::vector<std::vector<double>> result;
  for (std::int64_t i = 0; i < n; ++i) {
    result.push_back(
        {static_cast<double>(y[0].real(2 * i)), static_cast<double>(y[0].real(2 * i + 1)),
         static_cast<double>(y[1].real(2 * i)), static_cast<double>(y[1].real(2 * i + 1))});
  }
  return result;
}

std::vector<double> hundred() {  // 10^2 .. 10^12, evenly in the logarithm
  std::vector<double> ks;
  for (int n = 0; n < 100; ++n) ks.push_back(std::pow(10.0, 2 + 10.0 * n / 99));
  return ks;
}

TEST(StiffSpring, TheAveragedMotionIsTheTrueOne) {
  // The reference of the next test, itself against leapfrog with steps of 0.02/w.
  const double k = 400, t = 3000, w = 20;
  const auto steps = static_cast<std::int64_t>(t * w / 0.02);
  const double h = t / static_cast<double>(steps);
  double x = 0, y = 1, u = 1, v = 0;
  const auto cube = [&] { return kWeak * (x + y) * (x + y) * (x + y); };
  u -= h / 2 * (k * x + cube());
  v -= h / 2 * (kSlow * kSlow * y + cube());
  for (std::int64_t n = 0; n < steps; ++n) {
    x += h * u;
    y += h * v;
    const double c = cube(), part = n + 1 == steps ? h / 2 : h;
    u -= part * (k * x + c);
    v -= part * (kSlow * kSlow * y + c);
  }
  const auto [ry, rv] = averaged(k, t);
  EXPECT_NEAR(y, ry, 1e-6);
  EXPECT_NEAR(v / kSlow, rv / kSlow, 1e-6);
}

TEST(StiffSpring, AHundredStiffnessesForAMillionSteps) {
  const double dt = 1;
  const std::int64_t steps = 1000000;
  const std::vector<double> ks = hundred();
  const auto plain = ends(ks, Kicks::kPlain, dt, steps);
  const auto mollified = ends(ks, Kicks::kMollified, dt, steps);
  int warned = 0;
  for (std::size_t n = 0; n < ks.size(); ++n) {
    const Problem problem = stiff(ks[n]);
    const auto warning =
        resonance(problem.system, split_terms(problem.system), problem.initial, dt);
    warned += warning ? 1 : 0;
    const auto [y, v] = averaged(ks[n], static_cast<long double>(steps) * dt);
    const auto check = [&](const std::vector<double>& end, double tolerance, const char* kicks) {
      EXPECT_NEAR(end[1], y, tolerance) << ks[n] << kicks;
      EXPECT_NEAR(end[3] / kSlow, v / kSlow, tolerance) << ks[n] << kicks;
      // The stiff spring keeps its energy.
      EXPECT_NEAR(end[2] * end[2] + ks[n] * end[0] * end[0], 1, tolerance) << ks[n] << kicks;
    };
    if (!warning) check(plain[n], 1e-4, " plain");
    // Mollified kicks do not see the 3 c/(2 k) of the mean square: a phase of that/(2 w) a time.
    const double unseen = 1.5 * kWeak / ks[n] / (2 * kSlow) * static_cast<double>(steps) * dt;
    check(mollified[n], 1e-3 + unseen, " mollified");
  }
  EXPECT_LT(warned, 15);
}

TEST(StiffSpring, RunsByTheDriver) {
  const Problem problem = stiff(1e12);
  const Facts facts = find_facts(problem.system, problem.initial);
  Plan plan = make_plan(problem.system, facts, settings(1, 2000, "auto", 100));
  plan.integrator =
      std::make_shared<Integrator>(exact_and_kicks(problem.system, split_terms(problem.system)));
  const RunResult r = Flow::compile(problem.system, facts, plan)->run(problem.initial, plan.steps);
  EXPECT_EQ(r.status, RunStatus::kFinished);
  EXPECT_EQ(r.invariants[0].name, "energy");
  EXPECT_LT(r.invariants[0].max_rel_error, 1e-5);  // a kick is 1e-6 of p0
  EXPECT_NEAR(r.q.as<double>()[1], averaged(1e12L, 2000).first, 1e-6);
}

TEST(StiffSpring, ResonanceIsWarnedOfAndReal) {
  // w a slow frequency above 100 pi: the cube of q1, seen at dt = 1, pulls the spring in its time.
  const double slow = kSlow + 3 * kWeak / (8 * kSlow), w = 100 * M_PI + slow, k = w * w;
  const auto energy = [&](Kicks kicks) {
    const std::vector<double> end = ends({k}, kicks, 1, 1000000)[0];
    return end[2] * end[2] + k * end[0] * end[0];
  };
  EXPECT_GT(std::abs(energy(Kicks::kPlain) - 1), 0.1);
  EXPECT_NEAR(energy(Kicks::kMollified), 1, 1e-3);
  const Problem problem = stiff(k);
  const ExactSplit split = split_terms(problem.system);
  const auto warning = resonance(problem.system, split, problem.initial, 1);
  ASSERT_TRUE(warning.has_value());
  EXPECT_EQ(warning->multiple, 100);
  EXPECT_NEAR(warning->w, w, 1e-9);
  ASSERT_TRUE(warning->dt.has_value());
  EXPECT_LT(*warning->dt, 1);
  EXPECT_FALSE(resonance(problem.system, split, problem.initial, *warning->dt));
  EXPECT_NE(warning->text.find("mollified"), std::string::npos);
  // Not where dt resolves all modes, nor where the rest does not read the stiff one.
  EXPECT_FALSE(resonance(problem.system, split, problem.initial, 1e-3));
  Problem other = stiff(k);
  other.system.terms.pop_back();
  add_term(other.system, "weak", [](Builder& b, const TermValues& v) {
    const Value y = b.row(v.q, 1), yy = b.mul(y, y);
    return b.mul(v.parameters[2], b.mul(yy, yy));
  });
  EXPECT_FALSE(resonance(other.system, split_terms(other.system), other.initial, 1));
}

}  // namespace
}  // namespace cotangent::mechanics::test
