#include "cotangent/lang/unit_names.h"

#include <algorithm>
#include <span>

namespace cotangent::lang {
namespace {

struct Entry {
  std::string_view name;
  long double factor;
  std::int8_t length, mass, time, current, temperature;
  bool prefixed;  ///< takes k, M, m, ...
};

constexpr long double kPi = 3.141592653589793238462643383279502884L;
// CODATA 2018. e, h, k, c and N_A are exact.
constexpr long double kElementaryCharge = 1.602176634e-19L;
constexpr long double kPlanck = 6.62607015e-34L;
constexpr long double kBoltzmann = 1.380649e-23L;
constexpr long double kAvogadro = 6.02214076e23L;
constexpr long double kLight = 299792458.0L;
constexpr long double kDalton = 1.66053906660e-27L;
constexpr long double kNewtonian = 6.67430e-11L;
// IAU 2012 B2 and 2015 B2 (au and parsec), 2015 B3 (nominal values; masses from GM and CODATA's G).
constexpr long double kAu = 149597870700.0L;
constexpr long double kDay = 86400.0L;
// International yard and pound, 1959; standard gravity, 3rd CGPM 1901.
constexpr long double kInch = 0.0254L;
constexpr long double kFoot = 12 * kInch;
constexpr long double kPound = 0.45359237L;
constexpr long double kGravity = 9.80665L;
constexpr long double kPoundForce = kPound * kGravity;
constexpr long double kCalorie = 4.184L;  // thermochemical, ISO 80000-5

constexpr Entry kUnits[] = {
    // SI: base
    {"m", 1, 1, 0, 0, 0, 0, true},
    {"g", 1e-3L, 0, 1, 0, 0, 0, true},
    {"s", 1, 0, 0, 1, 0, 0, true},
    {"A", 1, 0, 0, 0, 1, 0, true},
    {"K", 1, 0, 0, 0, 0, 1, true},
    {"mol", kAvogadro, 0, 0, 0, 0, 0, true},
    // SI: derived
    {"N", 1, 1, 1, -2, 0, 0, true},
    {"J", 1, 2, 1, -2, 0, 0, true},
    {"W", 1, 2, 1, -3, 0, 0, true},
    {"Pa", 1, -1, 1, -2, 0, 0, true},
    {"Hz", 1, 0, 0, -1, 0, 0, true},
    {"C", 1, 0, 0, 1, 1, 0, true},
    {"V", 1, 2, 1, -3, -1, 0, true},
    {"F", 1, -2, -1, 4, 2, 0, true},
    {"ohm", 1, 2, 1, -3, -2, 0, true},
    {"S", 1, -2, -1, 3, 2, 0, true},
    {"Wb", 1, 2, 1, -2, -1, 0, true},
    {"T", 1, 0, 1, -2, -1, 0, true},
    {"H", 1, 2, 1, -2, -2, 0, true},
    // angles are numbers
    {"rad", 1, 0, 0, 0, 0, 0, true},
    {"sr", 1, 0, 0, 0, 0, 0, false},
    {"deg", kPi / 180, 0, 0, 0, 0, 0, false},
    {"degree", kPi / 180, 0, 0, 0, 0, 0, false},
    {"degrees", kPi / 180, 0, 0, 0, 0, 0, false},
    {"arcmin", kPi / 10800, 0, 0, 0, 0, 0, false},
    {"arcsec", kPi / 648000, 0, 0, 0, 0, 0, false},
    {"mas", kPi / 648000000, 0, 0, 0, 0, 0, false},
    {"rev", 2 * kPi, 0, 0, 0, 0, 0, false},
    {"turn", 2 * kPi, 0, 0, 0, 0, 0, false},
    {"rpm", 2 * kPi / 60, 0, 0, -1, 0, 0, false},
    {"percent", 0.01L, 0, 0, 0, 0, 0, false},
    // time
    {"min", 60, 0, 0, 1, 0, 0, false},
    {"h", 3600, 0, 0, 1, 0, 0, false},
    {"hr", 3600, 0, 0, 1, 0, 0, false},
    {"hour", 3600, 0, 0, 1, 0, 0, false},
    {"hours", 3600, 0, 0, 1, 0, 0, false},
    {"d", kDay, 0, 0, 1, 0, 0, false},
    {"day", kDay, 0, 0, 1, 0, 0, false},
    {"days", kDay, 0, 0, 1, 0, 0, false},
    {"week", 7 * kDay, 0, 0, 1, 0, 0, false},
    {"yr", 365.25L * kDay, 0, 0, 1, 0, 0, true},
    {"year", 365.25L * kDay, 0, 0, 1, 0, 0, false},
    {"years", 365.25L * kDay, 0, 0, 1, 0, 0, false},
    {"second", 1, 0, 0, 1, 0, 0, false},
    {"seconds", 1, 0, 0, 1, 0, 0, false},
    {"minute", 60, 0, 0, 1, 0, 0, false},
    {"minutes", 60, 0, 0, 1, 0, 0, false},
    // length, area, volume
    {"metre", 1, 1, 0, 0, 0, 0, false},
    {"meter", 1, 1, 0, 0, 0, 0, false},
    {"metres", 1, 1, 0, 0, 0, 0, false},
    {"meters", 1, 1, 0, 0, 0, 0, false},
    {"micron", 1e-6L, 1, 0, 0, 0, 0, false},
    {"angstrom", 1e-10L, 1, 0, 0, 0, 0, false},
    {"Angstrom", 1e-10L, 1, 0, 0, 0, 0, false},
    {"bohr", 5.29177210903e-11L, 1, 0, 0, 0, 0, false},
    {"L", 1e-3L, 3, 0, 0, 0, 0, true},
    {"l", 1e-3L, 3, 0, 0, 0, 0, true},
    {"ha", 1e4L, 2, 0, 0, 0, 0, false},
    {"b", 1e-28L, 2, 0, 0, 0, 0, true},
    // mass
    {"gram", 1e-3L, 0, 1, 0, 0, 0, false},
    {"kilogram", 1, 0, 1, 0, 0, 0, false},
    {"t", 1000, 0, 1, 0, 0, 0, true},
    {"u", kDalton, 0, 1, 0, 0, 0, false},
    {"amu", kDalton, 0, 1, 0, 0, 0, false},
    {"Da", kDalton, 0, 1, 0, 0, 0, true},
    {"m_e", 9.1093837015e-31L, 0, 1, 0, 0, 0, false},
    {"m_p", 1.67262192369e-27L, 0, 1, 0, 0, 0, false},
    {"m_n", 1.67492749804e-27L, 0, 1, 0, 0, 0, false},
    // force, pressure, energy, power
    {"dyn", 1e-5L, 1, 1, -2, 0, 0, true},
    {"erg", 1e-7L, 2, 1, -2, 0, 0, true},
    {"kgf", kGravity, 1, 1, -2, 0, 0, false},
    {"bar", 1e5L, -1, 1, -2, 0, 0, true},
    {"atm", 101325, -1, 1, -2, 0, 0, false},
    {"Torr", 101325.0L / 760, -1, 1, -2, 0, 0, true},
    {"mmHg", 133.322387415L, -1, 1, -2, 0, 0, false},
    {"eV", kElementaryCharge, 2, 1, -2, 0, 0, true},
    {"cal", kCalorie, 2, 1, -2, 0, 0, true},
    {"Wh", 3600, 2, 1, -2, 0, 0, true},
    {"hartree", 4.3597447222071e-18L, 2, 1, -2, 0, 0, false},
    {"Hartree", 4.3597447222071e-18L, 2, 1, -2, 0, 0, false},
    {"Ry", 2.1798723611035e-18L, 2, 1, -2, 0, 0, false},
    // constants
    {"c", kLight, 1, 0, -1, 0, 0, false},
    {"e", kElementaryCharge, 0, 0, 1, 1, 0, false},
    {"hbar", kPlanck / (2 * kPi), 2, 1, -1, 0, 0, false},
    {"k_B", kBoltzmann, 2, 1, -2, 0, -1, false},
    {"gn", kGravity, 1, 0, -2, 0, 0, false},
    // electricity and magnetism outside SI
    {"G", 1e-4L, 0, 1, -2, -1, 0, true},
    {"D", 1e-21L / kLight, 1, 0, 1, 1, 0, false},  // debye
    // astronomy
    {"au", kAu, 1, 0, 0, 0, 0, false},
    {"AU", kAu, 1, 0, 0, 0, 0, false},
    {"pc", kAu * 648000 / kPi, 1, 0, 0, 0, 0, true},
    {"ly", kLight * 365.25L * kDay, 1, 0, 0, 0, 0, true},
    {"Rsun", 6.957e8L, 1, 0, 0, 0, 0, false},
    {"Rearth", 6.3781e6L, 1, 0, 0, 0, 0, false},
    {"Rjup", 7.1492e7L, 1, 0, 0, 0, 0, false},
    {"Msun", 1.3271244e20L / kNewtonian, 0, 1, 0, 0, 0, false},
    {"Mearth", 3.986004e14L / kNewtonian, 0, 1, 0, 0, 0, false},
    {"Mjup", 1.2668653e17L / kNewtonian, 0, 1, 0, 0, 0, false},
    {"Lsun", 3.828e26L, 2, 1, -3, 0, 0, false},
    // imperial and US customary
    {"in", kInch, 1, 0, 0, 0, 0, false},
    {"inch", kInch, 1, 0, 0, 0, 0, false},
    {"inches", kInch, 1, 0, 0, 0, 0, false},
    {"ft", kFoot, 1, 0, 0, 0, 0, false},
    {"foot", kFoot, 1, 0, 0, 0, 0, false},
    {"feet", kFoot, 1, 0, 0, 0, 0, false},
    {"yd", 3 * kFoot, 1, 0, 0, 0, 0, false},
    {"yard", 3 * kFoot, 1, 0, 0, 0, 0, false},
    {"mi", 5280 * kFoot, 1, 0, 0, 0, 0, false},
    {"mile", 5280 * kFoot, 1, 0, 0, 0, 0, false},
    {"miles", 5280 * kFoot, 1, 0, 0, 0, 0, false},
    {"nmi", 1852, 1, 0, 0, 0, 0, false},
    {"acre", 4840 * 9 * kFoot* kFoot, 2, 0, 0, 0, 0, false},
    {"gallon", 231 * kInch* kInch* kInch, 3, 0, 0, 0, 0, false},
    {"lb", kPound, 0, 1, 0, 0, 0, false},
    {"lbs", kPound, 0, 1, 0, 0, 0, false},
    {"lbm", kPound, 0, 1, 0, 0, 0, false},
    {"oz", kPound / 16, 0, 1, 0, 0, 0, false},
    {"slug", kPoundForce / kFoot, 0, 1, 0, 0, 0, false},
    {"slugs", kPoundForce / kFoot, 0, 1, 0, 0, 0, false},
    {"lbf", kPoundForce, 1, 1, -2, 0, 0, false},
    {"kip", 1000 * kPoundForce, 1, 1, -2, 0, 0, false},
    {"pdl", kPound* kFoot, 1, 1, -2, 0, 0, false},
    {"psi", kPoundForce / (kInch * kInch), -1, 1, -2, 0, 0, false},
    {"ksi", 1000 * kPoundForce / (kInch * kInch), -1, 1, -2, 0, 0, false},
    {"Btu", 1055.05585262L, 2, 1, -2, 0, 0, false},  // International Table
    {"BTU", 1055.05585262L, 2, 1, -2, 0, 0, false},
    {"hp", 550 * kFoot* kPoundForce, 2, 1, -3, 0, 0, false},
    {"mph", 5280 * kFoot / 3600, 1, 0, -1, 0, 0, false},
    {"kph", 1000.0L / 3600, 1, 0, -1, 0, 0, false},
    {"kn", 1852.0L / 3600, 1, 0, -1, 0, 0, false},
    {"knot", 1852.0L / 3600, 1, 0, -1, 0, 0, false},
    {"knots", 1852.0L / 3600, 1, 0, -1, 0, 0, false},
    {"degR", 5.0L / 9, 0, 0, 0, 0, 1, false},
};

struct Prefix {
  std::string_view name;
  long double factor;
};
constexpr Prefix kPrefixes[] = {
    {"da", 1e1L},  {"y", 1e-24L}, {"z", 1e-21L}, {"a", 1e-18L}, {"f", 1e-15L},
    {"p", 1e-12L}, {"n", 1e-9L},  {"u", 1e-6L},  {"m", 1e-3L},  {"c", 1e-2L},
    {"d", 1e-1L},  {"h", 1e2L},   {"k", 1e3L},   {"M", 1e6L},   {"G", 1e9L},
    {"T", 1e12L},  {"P", 1e15L},  {"E", 1e18L},  {"Z", 1e21L},  {"Y", 1e24L},
};

constexpr std::string_view kOffset = "its scale has an offset: no factor turns it into kelvin";
constexpr std::string_view kKelvin = "write kelvin: K = degC + 273.15 = (degF + 459.67) * 5/9";
constexpr RefusedUnit kRefused[] = {
    {"degC", kOffset, kKelvin},
    {"celsius", kOffset, kKelvin},
    {"Celsius", kOffset, kKelvin},
    {"degF", kOffset, kKelvin},
    {"fahrenheit", kOffset, kKelvin},
    {"Fahrenheit", kOffset, kKelvin},
    {"ton", "there are three: 1000 kg, 2000 lb and 2240 lb",
     "write t for the metric one, or pounds (lb)"},
    {"tons", "there are three: 1000 kg, 2000 lb and 2240 lb",
     "write t for the metric one, or pounds (lb)"},
    {"pound", "it may be a mass or a force", "write lb for the mass, lbf for the force"},
    {"pounds", "it may be a mass or a force", "write lb for the mass, lbf for the force"},
    {"kt", "it may be a knot or a kilotonne", "write kn for the speed, Gg for the mass"},
    {"Cal", "it may be a calorie or a thousand of them", "write cal or kcal"},
    {"dB", "a logarithm is no factor", "write the ratio as a number"},
    {"cd", "light as seen by an eye is no matter of mechanics", "write watts per steradian: W/sr"},
    {"lm", "light as seen by an eye is no matter of mechanics", "write watts: W"},
};

const Entry* entry_named(std::string_view name) {
  const auto found =
      std::find_if(std::begin(kUnits), std::end(kUnits), [&](auto& u) { return u.name == name; });
  return found == std::end(kUnits) ? nullptr : found;
}

Unit unit_of(const Entry& e, long double prefix) {
  return {e.factor * prefix, dimension(e.length, e.mass, e.time, e.current, e.temperature)};
}

}  // namespace

std::optional<Unit> unit_named(std::string_view name) {
  if (const Entry* e = entry_named(name)) return unit_of(*e, 1);
  for (const Prefix& p : kPrefixes) {
    if (!name.starts_with(p.name)) continue;
    const Entry* e = entry_named(name.substr(p.name.size()));
    // (kg is exactly 1: the product of 1e3 and 1e-3 need not be.)
    if (e && e->prefixed)
      return e->name == "g" && p.name == "k" ? Unit{1, mass_dimension()} : unit_of(*e, p.factor);
  }
  return std::nullopt;
}

const RefusedUnit* refused_unit(std::string_view name) {
  for (const RefusedUnit& r : kRefused) {
    if (r.name == name) return &r;
  }
  return nullptr;
}

std::vector<std::string> unit_names() {
  std::vector<std::string> names;
  for (const Entry& e : kUnits) names.emplace_back(e.name);
  return names;
}

}  // namespace cotangent::lang
