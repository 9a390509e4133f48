#include "cotangent/mechanics/short_run.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tests/mechanics/forms.h"
#include "tests/mechanics/planned.h"

namespace cotangent::mechanics {
namespace {

using namespace test;  // NOLINT

/// The last state of a run and of as many short runs as the split says, which must be one.
void expect_the_bits_of_a_run(const Problem& problem, const RunSettings& s,
                              const FlowOptions& options = {}) {
  SCOPED_TRACE(s.method + " " + s.precision);
  const Ready r = ready(problem, s, options);
  InitialState start = problem.initial;
  start.t = 0.25;
  const RunResult run = r.flow->run(start, 23);
  ASSERT_EQ(run.status, RunStatus::kFinished);
  const auto steps = ShortRun::compile(problem.system, r.plan, options);
  const bool canonical = problem.system.form == Form::kCanonical;
  std::vector<ir::Tensor> from, to;
  if (canonical) {
    from = {start.q, momentum_from_velocity(problem.system, start)};
    to = {ir::Tensor(run.q.type()), ir::Tensor(run.p.type())};
  } else {
    from = {start.x};
    to = {ir::Tensor(run.x.type())};
  }
  std::vector<const double*> in;
  std::vector<double*> out;
  for (const ir::Tensor& x : from) in.push_back(x.as<double>().data());
  for (ir::Tensor& x : to) out.push_back(x.as<double>().data());
  steps->run(in, out, start.t, 23);
  if (canonical) {
    EXPECT_TRUE(to[0].same_bits(run.q));
    EXPECT_TRUE(to[1].same_bits(run.p));
  } else {
    EXPECT_TRUE(to[0].same_bits(run.x));
  }
}

TEST(ShortRun, HasTheBitsOfARun) {
  for (const char* method : {"leapfrog", "rkn4", "blanesmoan6", "implicit_midpoint", "dopri5",
                             "rk4", "processed4", "exact_kicks"}) {
    expect_the_bits_of_a_run(henon_heiles(), settings(0.1, 40, method));
  }
  expect_the_bits_of_a_run(driven_oscillator(), settings(0.1, 40, "leapfrog"));
  expect_the_bits_of_a_run(swinging_mass(), settings(0.1, 40, "yoshida4"));
  expect_the_bits_of_a_run(outer_solar_system(), settings(10, 40, "wisdom_holman"));
  expect_the_bits_of_a_run(harmonic(2), settings(0.1, 40, "exact"));
  RunSettings reference = settings(0.1, 40, "leapfrog");
  FlowOptions evaluated;
  evaluated.reference = true;
  expect_the_bits_of_a_run(henon_heiles(), reference, evaluated);
}

TEST(ShortRun, WhatIsCarriedAsSomethingElse) {
  for (const char* precision : {"f32", "compensated", "double-single", "lattice"}) {
    RunSettings s = settings(0.1, 40, "leapfrog");
    s.precision = precision;
    s.q_spacing = s.p_spacing = 1e-12;  // of the lattice
    expect_the_bits_of_a_run(henon_heiles(), s);
  }
}

TEST(ShortRun, AStateThatIsNotFiniteIsAnError) {
  const Ready r = ready(kepler(0.5), settings(0.1, 40, "leapfrog"));
  const auto steps = ShortRun::compile(kepler(0.5).system, r.plan);
  const double q[] = {0, 0}, p[] = {1, 0};
  double q1[2], p1[2];
  const double* in[] = {q, p};
  double* out[] = {q1, p1};
  EXPECT_THROW(steps->run(in, out, 0, 3), UserError);
  EXPECT_THROW(steps->run(in, out, 0, -1), UserError);
}

}  // namespace
}  // namespace cotangent::mechanics
