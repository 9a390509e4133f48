// The period of an energy that depends on time: found by following t through the program.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cotangent/base/span.h"
#include "cotangent/ir/function.h"

namespace cotangent::mechanics {

struct TimeOf {
  /// How t enters: not at all; only through sin, cos or tan of constants times t; or otherwise.
  enum class Kind { kStill, kPeriodic, kOther };
  Kind kind = Kind::kStill;
  /// Of kPeriodic: angular frequencies, each once; `exact` where no product was rounded on the way.
  std::vector<long double> frequencies;
  bool exact = true;
  SourceSpan place;  ///< of kOther: the op by which it is not periodic
  std::string op;
};

/// Of result 0 of f, where parameter `time` is t and the others have these values. Parameters that
/// are the state (`moving`) have none.
TimeOf time_of(const ir::Function& f, std::size_t time, const std::vector<std::size_t>& moving,
               const std::vector<ir::Tensor>& values);

/// The common period of oscillations with these frequencies, with whether it is exact (all ratios
/// are ratios of whole numbers up to 1000, in exact arithmetic) or to 1e-12. Nothing when there is
/// none.
struct Period {
  double period = 0;
  bool exact = false;
};
std::optional<Period> common_period(const std::vector<long double>& frequencies, bool exact);

}  // namespace cotangent::mechanics
