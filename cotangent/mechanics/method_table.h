// Methods by name: what [run] method may say, for which systems each is, and which keys of a file
// it reads. One row a method; all compositions and splittings of kicks and drifts share two.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cotangent/mechanics/system.h"

namespace cotangent::mechanics {

struct Plan;

/// Keys of a file that not every method reads.
enum class MethodKey {
  kPrecision,
  kCompensated,
  kTolerance,
  kSplitting,
  kCoordinates,
  kCorrector,
  kModes,
  kMatrix,
  kMultirate,
  kOrder  ///< that of one that has a fixed order is none to choose
};

struct MethodRow {
  std::string name;                  ///< as plans print it
  std::vector<std::string> aliases;  ///< other names people know it by
  std::vector<Form> forms;           ///< of the systems it can take
  std::vector<MethodKey> keys;       ///< those it reads
  std::string is_for;                ///< "maps": what to say to somebody whose system is not one

  bool takes(Form form) const;
  bool reads(MethodKey key) const;
};

/// The row of a method by any of its names, those of splittings among them; null when unknown.
const MethodRow* method_row(const std::string& name);
/// The name that plans print: "whfast" is "wisdom_holman", "verlet" is "leapfrog". A name that is
/// unknown stays.
std::string plain_method_name(const std::string& name);
/// "auto" and the names of all methods that take systems of a form, splittings first.
std::vector<std::string> method_names(Form form);
/// The same of all forms.
std::vector<std::string> method_names();

/// The name of the first key that is given and that the method does not read: "corrector".
std::optional<std::string> unread_key(const RunSettings& settings, const std::string& method);

/// UserError with the place, the key, the method and the methods that read the key, for a key that
/// the plan's method does not read.
void check_method_keys(const System& system, const RunSettings& settings, const Plan& plan);

}  // namespace cotangent::mechanics
