// Runs by every method that makes steps but is no composition of kicks and drifts, and a number
// that each ends in.
#pragma once

#include "cotangent/mechanics/gradient.h"
#include "tests/mechanics/forms.h"

namespace cotangent::mechanics::test {

struct Case {
  std::string name;
  Problem problem;
  RunSettings run;
};

Problem lorenz();            ///< [3], as x and yz
Problem driven();            ///< x' = -x + a cos(3 t), from t = 0.3
Problem logistic(double r);  ///< x -> r x (1 - x)
Problem rigid_body();        ///< so(3), moments I
std::vector<Case> cases();
std::vector<Case> few_cases();  ///< small ones, each of the methods that differ once

bool canonical(const Problem& p);
/// Squares of the state, a product of sums, and for a system without q and p the first parameter in
/// all of it.
Objective objective_of(const Problem& problem, std::int64_t every = 0);
/// The names of all of its variables.
std::vector<std::string> all_variables(const Problem& problem);

struct Planned {
  Facts facts;
  Plan plan;
};
Planned planned(const Case& c);
GradientResult gradient(const Case& c, const Objective& o, const std::vector<std::string>& wrt,
                        const GradientSettings& how = {}, const FlowOptions& options = {});
std::string text_of(const Case& c);

// Each of the gradient by all variables, of objective_of the case.
void expect_transpose(const Case& c, std::int64_t every);    ///< of the tangent map, to round-off
void expect_differences(const Case& c, std::int64_t every);  ///< of the value, and Flow's value
void expect_same_whatever_is_kept(const Case& c, std::int64_t every);
void expect_bits_of_run_and_evaluator(const Case& c);

}  // namespace cotangent::mechanics::test
