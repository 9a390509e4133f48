// The tables that say how the state moves where it is not canonical, and what it should keep:
// [equations], [map], [structure], [symmetries].
#pragma once

#include "cotangent/formats/values.h"

namespace cotangent::formats {

/// What kind of motion a file is about, known before its state is read.
struct MotionKind {
  mechanics::Form form = mechanics::Form::kCanonical;
  mechanics::Structure::Kind structure = mechanics::Structure::Kind::kPoisson;  ///< of kBracket
  std::string table;  ///< what says so: "[energy]", "[equations]", "[map]"
};

/// Reads it off the tables there are. Throws UserError where two of them contradict, or there is
/// none.
MotionKind read_motion_kind(const SourcePtr& file, const Node& root);

/// The state of a system that is not canonical: its arrays, in the order in which x holds them, and
/// x itself. Throws UserError.
struct PackedState {
  std::vector<mechanics::StateArray> arrays;
  ir::Tensor x;
};
PackedState read_packed_state(const ValueSource& source, const Node& initial,
                              const lang::Context& names, const MotionKind& kind);

/// [equations] or [map]: (x, t, parameters...) -> f64 [n], of the rules for its arrays or of one
/// program for all. `names` has the state. Here and below the source's units check dimensions,
/// where the file has them.
ir::FunctionPtr read_rate(const ValueSource& source, const Entry& table,
                          const lang::Context& names);

/// [structure] of Form::kBracket, with the real parameters of the file.
mechanics::Structure read_structure(const ValueSource& source, const Entry& table,
                                    const lang::Context& names, const MotionKind& kind,
                                    const std::vector<mechanics::Parameter>& parameters);

/// [symmetries].
std::vector<mechanics::Symmetry> read_symmetries(const SourcePtr& file, const Node& table,
                                                 const lang::Context& names, FileUnits* units);

}  // namespace cotangent::formats
