// Units of measurement: the text "kg m^2/s^2" -> a factor to SI and a dimension.
//
//   unit     := "1" | ["/"] factor (("*" | blank | "/") factor)*
//   factor   := (name | "1" | "(" unit ")") ["^" power]
//   power    := ["-"] digits ["." digits] | "(" ["-"] digits "/" digits ")"
//
// Blank-separated factors after a '/' can be read in two ways ("J/kg K") and are refused. Prefixes
// from y to Y go before the names that take them (km, MeV, kcal). Also read: "**" for '^', "·",
// superscripts, "µ", "Å", "°", "Ω".
//
// Factors are exact where the definition is: SI brochure (9th ed., 2019), CODATA 2018 (Tiesinga et
// al., Rev. Mod. Phys. 93, 025010), IAU 2012 B2 and 2015 B2, B3, international yard and pound
// (1959). An angle is a number (rad = 1), and so is a mole (6.02214076e23): kcal/mol is an energy.
// Scales with an offset (celsius) are refused by name.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cotangent/lang/source_text.h"

namespace cotangent::lang {

/// A fraction in lowest terms, den > 0. What would leave +-kMost throws std::overflow_error.
struct Rational {
  std::int64_t num = 0, den = 1;
  static constexpr std::int64_t kMost = 1'000'000;

  Rational(std::int64_t whole = 0) : num(whole) {}  // NOLINT: a whole number is a fraction
  Rational(std::int64_t numerator, std::int64_t denominator);
  friend bool operator==(const Rational&, const Rational&) = default;
  bool is_zero() const { return num == 0; }
};
Rational operator+(const Rational& a, const Rational& b);
Rational operator-(const Rational& a, const Rational& b);
Rational operator*(const Rational& a, const Rational& b);
Rational operator/(const Rational& a, const Rational& b);  ///< b is not 0
/// The fraction with a denominator up to 64 that is this number exactly to round-off, if any.
std::optional<Rational> rational_of(double value);

enum class Base : std::uint8_t { kLength, kMass, kTime, kCurrent, kTemperature };
inline constexpr std::size_t kBases = 5;

/// Powers of the base dimensions, in the order of Base.
struct Dimension {
  std::array<Rational, kBases> power{};

  friend bool operator==(const Dimension&, const Dimension&) = default;
  bool is_none() const { return *this == Dimension{}; }
};
Dimension operator*(const Dimension& a, const Dimension& b);
Dimension operator/(const Dimension& a, const Dimension& b);
Dimension power(const Dimension& a, const Rational& n);

/// length^l mass^m time^t current^i temperature^k.
Dimension dimension(int length, int mass, int time, int current = 0, int temperature = 0);
Dimension length_dimension();
Dimension mass_dimension();
Dimension time_dimension();
Dimension velocity_dimension();
Dimension energy_dimension();
Dimension action_dimension();  ///< energy * time: of q times p

/// "energy", "force/length", "no dimension", or powers of the base: "mass^2*length/time".
std::string words(const Dimension& d);

/// One of it is `factor` of the coherent SI unit of its dimension.
struct Unit {
  long double factor = 1;
  Dimension dimension;
};

inline constexpr std::size_t kMaxUnitBytes = 256;
inline constexpr int kMaxUnitPower = 32;

/// text[begin, end) as a unit. Throws UserError with the place.
Unit parse_unit(const SourceText& text, std::uint32_t begin, std::uint32_t end);
Unit parse_unit(const SourceText& text);

/// "1.5 kg". `unit_begin` is where the unit begins in the text.
struct Quantity {
  double number = 0;
  Unit unit;
  std::uint32_t unit_begin = 0;
};
/// Whether a text begins as a quantity does: with a number.
bool begins_with_number(std::string_view text);
/// Throws UserError with the place; `what` names the value in messages ("parameter 'm'").
Quantity parse_quantity(const SourceText& text, const std::string& what);

/// All names of units without prefixes, for docs and suggestions.
std::vector<std::string> unit_names();

/// A coherent system of units: one unit a base dimension, the others are their products. SI
/// unless set.
class WorkingUnits {
 public:
  WorkingUnits();

  /// Names the unit of a base: "AU" for length.
  void set(Base base, const Unit& unit, std::string label);
  // Units that fix a base together with others; those must be set before. The dimension of `unit`
  // is that of the name.
  void set_charge(const Unit& unit, std::string label);    ///< instead of current
  void set_velocity(const Unit& unit, std::string label);  ///< instead of time
  void set_energy(const Unit& unit, std::string label);    ///< instead of mass

  /// What one of the system's own unit of this dimension is in SI.
  long double factor(const Dimension& d) const;
  /// number * unit, in the system's own unit.
  double convert(double number, const Unit& unit) const;
  /// The name of the system's own unit, which parse_unit reads: "AU/day", "J", "1" for a number.
  std::string label(const Dimension& d) const;

 private:
  struct Generator {
    std::string label;
    bool si = true;
  };
  /// Each base is a product of powers of the generators: the units that were named.
  std::array<std::array<Rational, kBases>, kBases> bases_;
  std::array<long double, kBases> factors_;
  std::array<Generator, kBases> generators_;
};

}  // namespace cotangent::lang
