// The linker: two canonical systems as one, a + b, with what couples them.
//
// The state of the whole is that of a, then that of b, along the leading axis. Terms of each side
// read their own rows and parameters. Names that both have are given a prefix, "a.k" and "b.k", and
// once more where that is taken too: "a.a.k".
// A step of the whole is a symmetric composition of flows, which a side may bring along (a Kepler
// drift, a quadratic part); what has none is put together into one kick and one drift.
#pragma once

#include <array>

#include "cotangent/mechanics/integrator.h"

namespace cotangent::mechanics {

/// A term that reads both: (qa, pa: f64 shape of a, qb, pb: of b, t, parameters of the whole...) ->
/// f64. Parameters of the whole are those of a, of b, then the coupling's own.
struct Coupling {
  std::string name;
  ir::FunctionPtr energy;
  SourceSpan span;
};

/// Where a side is in the whole.
struct Side {
  Shape shape;
  std::int64_t first_row = 0;
  std::size_t first_parameter = 0, parameters = 0;
  std::vector<std::string> terms;      ///< names in the whole, in the side's order
  std::vector<std::string> own_terms;  ///< the same as the side names them
};

struct Linked {
  System system;
  std::array<Side, 2> sides;
};

/// [Na, d] and [Nb, d] give [Na + Nb, d], [n] and [m] give [n + m]. Symmetries that are claimed of
/// a side are not claimed of the whole. Throws UserError for systems that are not canonical, states
/// that do not fit and functions of a coupling with other parameters.
Linked link(const System& a, const System& b, std::vector<Coupling> couplings = {},
            std::vector<Parameter> of_couplings = {});
/// Without a coupling.
System operator+(const System& a, const System& b);

/// The initial states of the two (q, and p or v of both) put together; they start at the same time.
/// UserError for states that are not of the two sides' shapes.
InitialState join(const Linked& whole, const InitialState& a, const InitialState& b);

/// Terms of one side that have a flow of their own, a function of that side's state and parameters.
struct OwnFlow {
  std::size_t side = 0;            ///< 0: a, 1: b
  std::vector<std::string> terms;  ///< as the side names them; none: all of the side's
  PartFlow flow;
};

/// The parts of a step of the whole, the cheapest first: the flows given, then all other terms that
/// do not read p as one kick and all that do not read q as one drift. UserError, naming it, for a
/// term that reads both and has no flow, and for one that has two.
std::vector<PartFlow> linked_parts(const Linked& whole, const std::vector<OwnFlow>& own = {});

/// The symmetric composition of the parts (compose, split_flows.h), the costliest once a step.
Integrator linked_step(const Linked& whole, const std::vector<OwnFlow>& own = {});

/// The order of a step as it is measured: distances of the states at the end of runs of `steps`,
/// twice, four times, eight times as many steps over the same time, and the slopes between them.
struct MeasuredOrder {
  std::vector<double> dt, distance;  ///< of runs with dt and dt/2
  double order = 0;                  ///< the last slope
};
MeasuredOrder measure_order(const Integrator& method, const System& system,
                            const InitialState& initial, double time, std::int64_t steps);

}  // namespace cotangent::mechanics
