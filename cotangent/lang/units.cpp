#include "cotangent/lang/units.h"

#include <cmath>
#include <limits>
#include <numeric>
#include <stdexcept>

namespace cotangent::lang {
namespace {

Rational reduced(std::int64_t num, std::int64_t den) {
  ensure(den != 0, "a fraction over 0");
  const std::int64_t common = std::gcd(num, den);
  num /= common, den /= common;
  if (den < 0) num = -num, den = -den;
  if (std::abs(num) > Rational::kMost || den > Rational::kMost) {
    throw std::overflow_error("fraction");
  }
  Rational r;
  r.num = num, r.den = den;
  return r;
}

}  // namespace

Rational::Rational(std::int64_t numerator, std::int64_t denominator)
    : Rational(reduced(numerator, denominator)) {}

// (Products of numbers up to 1e6 stay far inside 64 bits.)
Rational operator+(const Rational& a, const Rational& b) {
  return reduced(a.num * b.den + b.num * a.den, a.den * b.den);
}
Rational operator-(const Rational& a, const Rational& b) {
  return reduced(a.num * b.den - b.num * a.den, a.den * b.den);
}
Rational operator*(const Rational& a, const Rational& b) {
  return reduced(a.num * b.num, a.den * b.den);
}
Rational operator/(const Rational& a, const Rational& b) {
  return reduced(a.num * b.den, a.den * b.num);
}

std::optional<Rational> rational_of(double value) {
  if (!(std::fabs(value) <= 1000)) return std::nullopt;
  for (int den = 1; den <= 64; ++den) {
    const double num = std::nearbyint(value * den);
    if (std::fabs(num / den - value) <=
        4 * std::numeric_limits<double>::epsilon() * std::fabs(value)) {
      return Rational(static_cast<std::int64_t>(num), den);
    }
  }
  return std::nullopt;
}

Dimension operator*(const Dimension& a, const Dimension& b) {
  Dimension r;
  for (std::size_t k = 0; k < kBases; ++k) r.power[k] = a.power[k] + b.power[k];
  return r;
}
Dimension operator/(const Dimension& a, const Dimension& b) {
  Dimension r;
  for (std::size_t k = 0; k < kBases; ++k) r.power[k] = a.power[k] - b.power[k];
  return r;
}
Dimension power(const Dimension& a, const Rational& n) {
  Dimension r;
  for (std::size_t k = 0; k < kBases; ++k) r.power[k] = a.power[k] * n;
  return r;
}

Dimension dimension(int length, int mass, int time, int current, int temperature) {
  return {
      {Rational(length), Rational(mass), Rational(time), Rational(current), Rational(temperature)}};
}
Dimension length_dimension() {
  return dimension(1, 0, 0);
}
Dimension mass_dimension() {
  return dimension(0, 1, 0);
}
Dimension time_dimension() {
  return dimension(0, 0, 1);
}
Dimension velocity_dimension() {
  return dimension(1, 0, -1);
}
Dimension energy_dimension() {
  return dimension(2, 1, -2);
}
Dimension action_dimension() {
  return dimension(2, 1, -1);
}

// --- words and labels

namespace {

struct Named {
  Dimension dimension;
  const char* words;
  const char* symbol;  ///< in SI, or null
};

const std::vector<Named>& named_dimensions() {
  static const std::vector<Named> all = {
      {dimension(0, 0, 0), "no dimension", nullptr},
      {dimension(1, 0, 0), "length", nullptr},
      {dimension(0, 1, 0), "mass", nullptr},
      {dimension(0, 0, 1), "time", nullptr},
      {dimension(0, 0, 0, 1), "current", nullptr},
      {dimension(0, 0, 0, 0, 1), "temperature", nullptr},
      {dimension(0, 0, -1), "1/time", nullptr},
      {dimension(1, 0, -1), "velocity", nullptr},
      {dimension(1, 0, -2), "acceleration", nullptr},
      {dimension(1, 1, -1), "momentum", nullptr},
      {dimension(1, 1, -2), "force", "N"},
      {dimension(2, 1, -2), "energy", "J"},
      {dimension(2, 1, -1), "angular momentum (energy*time)", "J s"},
      {dimension(2, 1, -3), "power", "W"},
      {dimension(-1, 1, -2), "pressure", "Pa"},
      {dimension(0, 1, -2), "force/length", "N/m"},
      {dimension(2, 1, 0), "moment of inertia", nullptr},
      {dimension(2, 0, 0), "area", nullptr},
      {dimension(3, 0, 0), "volume", nullptr},
      {dimension(-3, 1, 0), "density", nullptr},
      {dimension(0, 0, 1, 1), "charge", "C"},
      {dimension(2, 1, -3, -1), "voltage", "V"},
      {dimension(1, 1, -3, -1), "electric field", "V/m"},
      {dimension(0, 1, -2, -1), "magnetic field", "T"},
      {dimension(-2, -1, 4, 2), "capacitance", "F"},
      {dimension(2, 1, -3, -2), "resistance", "ohm"},
  };
  return all;
}

std::string power_text(const Rational& n) {
  if (n == Rational(1)) return "";
  if (n.den == 1) return "^" + std::to_string(n.num);
  return "^(" + std::to_string(n.num) + "/" + std::to_string(n.den) + ")";
}

/// names^powers as "a b^2/(c d)".
std::string product_text(const std::array<std::string, kBases>& names,
                         const std::array<Rational, kBases>& powers, const char* times) {
  std::string above, below;
  int count = 0;
  for (std::size_t k = 0; k < kBases; ++k) {
    const Rational& n = powers[k];
    if (n.num > 0) above += (above.empty() ? "" : times) + names[k] + power_text(n);
    if (n.num < 0) {
      below += (below.empty() ? "" : times) + names[k] + power_text(Rational(0) - n);
      ++count;
    }
  }
  if (below.empty()) return above.empty() ? "1" : above;
  return (above.empty() ? "1" : above) + "/" + (count > 1 ? "(" + below + ")" : below);
}

}  // namespace

std::string words(const Dimension& d) {
  for (const Named& n : named_dimensions()) {
    if (n.dimension == d) return n.words;
  }
  return product_text({"length", "mass", "time", "current", "temperature"}, d.power, "*");
}

// --- systems of units

WorkingUnits::WorkingUnits() {
  const char* const si[] = {"m", "kg", "s", "A", "K"};
  for (std::size_t k = 0; k < kBases; ++k) {
    bases_[k][k] = 1;
    factors_[k] = 1;
    generators_[k] = {si[k], true};
  }
}

void WorkingUnits::set(Base base, const Unit& unit, std::string label) {
  const auto k = static_cast<std::size_t>(base);
  generators_[k].si = label == generators_[k].label;
  generators_[k].label = std::move(label);
  factors_[k] = unit.factor;
}

namespace {

using Powers = std::array<Rational, kBases>;
Powers combined(const Powers& a, const Powers& b, int n) {
  Powers r;
  for (std::size_t k = 0; k < kBases; ++k) r[k] = a[k] + b[k] * Rational(n);
  return r;
}
constexpr auto kL = static_cast<std::size_t>(Base::kLength);
constexpr auto kM = static_cast<std::size_t>(Base::kMass);
constexpr auto kT = static_cast<std::size_t>(Base::kTime);
constexpr auto kI = static_cast<std::size_t>(Base::kCurrent);

}  // namespace

void WorkingUnits::set_charge(const Unit& unit, std::string label) {
  generators_[kI] = {std::move(label), false};
  factors_[kI] = unit.factor / factors_[kT];  // current = charge/time
  bases_[kI] = {};
  bases_[kI][kI] = 1;
  bases_[kI] = combined(bases_[kI], bases_[kT], -1);
}

void WorkingUnits::set_velocity(const Unit& unit, std::string label) {
  generators_[kT] = {std::move(label), false};
  factors_[kT] = factors_[kL] / unit.factor;  // time = length/velocity
  bases_[kT] = {};
  bases_[kT][kT] = -1;
  bases_[kT] = combined(bases_[kT], bases_[kL], 1);
}

void WorkingUnits::set_energy(const Unit& unit, std::string label) {
  generators_[kM] = {std::move(label), false};
  const long double v = factors_[kL] / factors_[kT];
  factors_[kM] = unit.factor / (v * v);  // mass = energy/velocity^2
  bases_[kM] = {};
  bases_[kM][kM] = 1;
  bases_[kM] = combined(combined(bases_[kM], bases_[kL], -2), bases_[kT], 2);
}

long double WorkingUnits::factor(const Dimension& d) const {
  long double f = 1;
  for (std::size_t k = 0; k < kBases; ++k) {
    if (d.power[k].is_zero() || factors_[k] == 1) continue;
    f *= std::pow(factors_[k], static_cast<long double>(d.power[k].num) / d.power[k].den);
  }
  return f;
}

double WorkingUnits::convert(double number, const Unit& unit) const {
  const long double own = factor(unit.dimension);
  return static_cast<double>(own == 1 ? number * unit.factor : number * (unit.factor / own));
}

std::string WorkingUnits::label(const Dimension& d) const {
  Powers powers;
  for (std::size_t k = 0; k < kBases; ++k) {
    for (std::size_t g = 0; g < kBases; ++g) powers[g] = powers[g] + bases_[k][g] * d.power[k];
  }
  bool si = true;
  int factors = 0;
  std::array<std::string, kBases> names;
  for (std::size_t g = 0; g < kBases; ++g) {
    if (powers[g].is_zero()) continue;
    ++factors;
    si = si && generators_[g].si;
  }
  if (si) {
    for (const Named& n : named_dimensions()) {
      if (n.dimension == d && n.symbol) return n.symbol;
    }
  }
  for (std::size_t g = 0; g < kBases; ++g) {
    const std::string& name = generators_[g].label;
    const bool simple = name.find_first_of(" /*^(") == std::string::npos;
    const bool alone = factors == 1 && powers[g] == Rational(1);
    names[g] = simple || alone ? name : "(" + name + ")";
  }
  return product_text({names[1], names[0], names[2], names[3], names[4]},
                      {powers[1], powers[0], powers[2], powers[3], powers[4]}, " ");
}

}  // namespace cotangent::lang
