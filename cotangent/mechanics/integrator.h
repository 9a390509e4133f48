// A method applied to a system: three programs over a carry, which is all a run, a gradient, a
// tangent map or an ensemble needs to know of it.
//
// `open` goes from a state to what is carried (a gradient that is kept, half a step that stays
// open, the variables a processed method runs in), `step` makes one step, `close` gives the state
// that observers see. A run is open, step, step, ..., and a close wherever somebody looks; what
// close gives is never fed back. t0 is where the run started, and step k goes from t0 + k dt to t0
// + (k + 1) dt.
#pragma once

#include <string>
#include <vector>

#include "cotangent/ir/function.h"
#include "cotangent/mechanics/system.h"

namespace cotangent::mechanics {

struct NamedType {
  std::string name;
  ir::Type type;
};

struct Integrator {
  std::string method;
  int order = 0;                 ///< of the error in dt; 0: exact, or a map
  std::vector<NamedType> state;  ///< q and p, or x
  std::vector<NamedType> carry;
  ir::FunctionPtr open;   ///< (state..., t0: f64, dt: f64, parameters...) -> (carry...)
  ir::FunctionPtr step;   ///< (carry..., step: i64, t0, dt, parameters...) -> (carry...)
  ir::FunctionPtr close;  ///< (carry..., step: i64, t0, dt, parameters...) -> (state...)
  bool any_dt = true;     ///< the programs serve any dt; else only that which they were made for
  /// A step with -dt from the carry after a step gives the one before it, but for rounding.
  bool symmetric = false;
  /// Parameters of the system, by their place, for whose values the method was made: it is another
  /// system's with others, and there is no derivative by them.
  std::vector<std::size_t> fixed = {};
};

/// The flow of one part of a system.
struct PartFlow {
  std::string name;
  /// (state..., t: f64, h: f64, parameters...) -> (state...): from t to t + h.
  ir::FunctionPtr flow;
  double cost = 1;    ///< of one evaluation, in element operations
  bool exact = true;  ///< or an approximation of its own
  int order = 0;      ///< of one that is not exact (even: symmetric)
};

}  // namespace cotangent::mechanics
