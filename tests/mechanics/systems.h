// Small systems with known answers, built with ir::Builder.
#pragma once

#include <functional>

#include "cotangent/ir/builder.h"
#include "cotangent/mechanics/flow.h"
#include "cotangent/mechanics/symplecticity.h"

namespace cotangent::mechanics::test {

struct Problem {
  System system;
  InitialState initial;
};

/// The values a term is built from.
struct TermValues {
  ir::Value q, p, t;
  std::vector<ir::Value> parameters;
};
using TermBody = std::function<ir::Value(ir::Builder&, const TermValues&)>;

/// A system with no terms yet; the parameters are (name, value) in order.
System empty_system(Shape shape, std::vector<Parameter> parameters = {});
void add_term(System& system, const std::string& name, const TermBody& body, SourceSpan span = {});
/// An observable of (q, p, v, t, parameters...); TermValues::p is p, and `v` comes first among the
/// parameters.
void add_observable(System& system, const std::string& name, std::int64_t every,
                    const TermBody& body);

Parameter real(const std::string& name, double value);
Parameter reals(const std::string& name, std::vector<double> values);
ir::Tensor tensor(Shape shape, std::vector<double> values);

/// sum over i of |p_i|^2 / (2 m_i), as a map over rows; parameter `m` is the one at position k.
TermBody kinetic(std::size_t k);
/// Sum over pairs i<j of body(b, q_i, q_j, weight_i, weight_j, invariants); `rows` and `invariants`
/// are positions of parameters.
using PairBody = std::function<ir::Value(ir::Builder&, ir::Value qi, ir::Value qj,
                                         const std::vector<ir::Value>& rows,  // at i, then at j
                                         const std::vector<ir::Value>& invariants)>;
TermBody pair_term(std::vector<std::size_t> rows, std::vector<std::size_t> invariants,
                   const PairBody& body, ir::PairKind kind = ir::PairKind::kLess);
/// Sum over i of body(b, row of q, row of p).
TermBody sum_term(const std::function<ir::Value(ir::Builder&, ir::Value qi, ir::Value pi)>& body);

Problem harmonic(double w);                  ///< [1]: p^2/2 + w^2 q^2/2, at q = 1
Problem kepler(double e);                    ///< [2], from the pericentre
Problem henon_heiles();                      ///< [2], E = 1/8 or so
Problem outer_solar_system();                ///< [6,3], Hairer, Lubich, Wanner
Problem fput(std::int64_t n, double alpha);  ///< [n], free ends, neighbours by slices
Problem driven_oscillator();                 ///< [1]: p^2/2 + q^2/2 - q cos(0.7 t)
Problem swinging_mass();                     ///< [1]: p^2 (1 + 0.3 sin t)/2 + q^2/2

/// Facts, plan and a flow on the reference evaluator or compiled.
struct Ready {
  Facts facts;
  Plan plan;
  std::shared_ptr<const Flow> flow;
};
Ready ready(const Problem& problem, const RunSettings& settings, const FlowOptions& options = {});
RunSettings settings(double dt, std::int64_t steps, const std::string& method = "auto",
                     std::int64_t every = 0);

}  // namespace cotangent::mechanics::test
