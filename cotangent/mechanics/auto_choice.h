// What method = "auto" takes besides kicks and drifts, by what the facts say of a system: a flow of
// all steps at once where the motion is linear, Kepler motion and the rest, a quadratic part and
// the rest, several rates.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cotangent/mechanics/facts.h"

namespace cotangent::mechanics {

struct AutoChoice {
  std::string method;  ///< by the name that [run] method takes
  std::string reason;
  std::optional<MultirateSettings> levels;  ///< of "multirate"
  /// It would be taken, but not for what the plan is asked for (RunSettings::kinds): why.
  std::string withheld;
};

/// Nothing: kicks and drifts, or what the form of the system leaves. `without`: methods that have
/// been tried and do not fit. Never a method that does not read a key that the settings give, and
/// nothing where they name an order, a splitting or a method.
std::optional<AutoChoice> choose_by_facts(const System& system, const Facts& facts,
                                          const RunSettings& settings, const InitialState* initial,
                                          const std::vector<std::string>& without = {});

}  // namespace cotangent::mechanics
