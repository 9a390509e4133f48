// What the tests of check_gradient share: a system against its four derivatives.
#pragma once

#include <gtest/gtest.h>

#include "cotangent/mechanics/check_gradient.h"
#include "tests/mechanics/systems.h"

namespace cotangent::mechanics::test {

inline std::vector<std::string> everything(const Problem& problem) {
  std::vector<std::string> wrt = {"q", problem.initial.v ? "v" : "p"};
  for (const Parameter& x : problem.system.parameters) wrt.push_back(x.name);
  return wrt;
}

inline Objective norm_of_all(const Problem& problem, std::int64_t every) {
  System system = problem.system;
  add_observable(system, "size", every, [](ir::Builder& b, const TermValues& x) {
    return b.add(b.reduce_sum(b.mul(x.q, x.q)), b.reduce_sum(b.mul(x.p, x.p)));
  });
  return {"size", system.observables.back().value, every};
}

/// Without an objective, with one at the end, and with the mean over every seventh step.
inline void expect_passes(const Problem& problem, const std::string& precision, int components) {
  RunSettings run = settings(problem.system.shape.size() == 18 ? 50.0 : 0.05, 60);
  run.kinds = Kinds::kKicksAndDrifts;
  run.precision = precision;
  const Facts facts = find_facts(problem.system, problem.initial);
  const Plan plan = make_plan(problem.system, facts, run, &problem.initial);
  for (const std::optional<Objective>& objective :
       {std::optional<Objective>(), std::optional<Objective>(norm_of_all(problem, 0)),
        std::optional<Objective>(norm_of_all(problem, 7))}) {
    transform::GradCheckOptions how;
    how.components = components;
    const transform::GradCheck check = check_gradient(problem.system, facts, plan, problem.initial,
                                                      objective, everything(problem), {}, how);
    EXPECT_EQ(check.verdict, transform::GradCheck::Verdict::kPass)
        << precision << ' ' << problem.system.shape.text() << '\n'
        << check.text();
  }
}

}  // namespace cotangent::mechanics::test
