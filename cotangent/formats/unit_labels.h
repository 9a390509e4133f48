// The units that results are in, as text.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace cotangent::formats {

/// Empty texts where a file has no units, or where nothing says the dimension. Texts are read by
/// lang::parse_unit.
struct UnitLabels {
  bool given = false;
  std::string t, energy, angular_momentum;
  std::vector<std::string> q, p, v;  ///< one for all entries, or one an entry of an array [n]
  /// Of a state that is not q and p: each named array's, as q has them.
  std::vector<std::pair<std::string, std::vector<std::string>>> arrays;
  std::vector<std::pair<std::string, std::string>> parameters, observables;  ///< name, unit

  /// Of "energy", "momentum", "angular_momentum", and of an energy term.
  std::string of_invariant(const std::string& name) const {
    if (name == "energy" || name == "shadow_energy") return energy;
    if (name == "angular_momentum") return angular_momentum;
    return name == "momentum" && p.size() == 1 ? p[0] : "";
  }
  std::string of_observable(const std::string& name) const {
    for (const auto& [known, unit] : observables) {
      if (known == name) return unit;
    }
    return "";
  }
};

}  // namespace cotangent::formats
