// Units: factors against their definitions, the grammar, every refusal, labels that read back.
#include "cotangent/lang/units.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "cotangent/base/error.h"

namespace cotangent::lang {
namespace {

Unit unit(const std::string& text) {
  return parse_unit(plain_text(text, "unit"));
}
double factor(const std::string& text) {
  return static_cast<double>(unit(text).factor);
}
std::string error(const std::string& text) {
  try {
    unit(text);
  } catch (const UserError& e) {
    return e.what();
  }
  return "";
}

TEST(Units, FactorsAreTheDefinitions) {
  const struct {
    const char* text;
    double factor;
    Dimension dimension;
  } cases[] = {
      {"m", 1, dimension(1, 0, 0)},
      {"kg", 1, dimension(0, 1, 0)},
      {"g", 1e-3, dimension(0, 1, 0)},
      {"s", 1, dimension(0, 0, 1)},
      {"ms", 1e-3, dimension(0, 0, 1)},
      {"min", 60, dimension(0, 0, 1)},
      {"Mm", 1e6, dimension(1, 0, 0)},
      {"dam", 10, dimension(1, 0, 0)},
      {"kg m^2/s^2", 1, energy_dimension()},
      {"kg*m**2/s^2", 1, energy_dimension()},
      {"kg m^2 s^-2", 1, energy_dimension()},
      {"km^-2", 1e-6, dimension(-2, 0, 0)},
      {"N m", 1, energy_dimension()},
      {"kJ", 1000, energy_dimension()},
      {"eV", 1.602176634e-19, energy_dimension()},  // CODATA 2018
      {"MeV/c^2", 1.602176634e-13 / (299792458.0 * 299792458.0), mass_dimension()},
      {"u", 1.66053906660e-27, mass_dimension()},              // CODATA 2018
      {"kcal/mol", 4184 / 6.02214076e23, energy_dimension()},  // an energy: mol is a number
      {"kcal/mol/angstrom^2", 4184e20 / 6.02214076e23, dimension(0, 1, -2)},
      {"hbar", 1.054571817646156e-34, action_dimension()},  // CODATA 2018
      {"AU", 149597870700.0, length_dimension()},           // IAU 2012 B2
      {"AU/day", 149597870700.0 / 86400, velocity_dimension()},
      {"pc", 3.0856775814913673e16, length_dimension()},  // IAU 2015 B2
      {"kpc", 3.0856775814913673e19, length_dimension()},
      {"Msun", 1.98840987069805e30, mass_dimension()},  // 1.3271244e20/6.67430e-11
      {"yr", 31557600, time_dimension()},
      {"Myr", 31557600e6, time_dimension()},
      {"ft", 0.3048, length_dimension()},
      {"in", 0.0254, length_dimension()},
      {"mi", 1609.344, length_dimension()},
      {"lb", 0.45359237, mass_dimension()},
      {"lbf", 4.4482216152605, dimension(1, 1, -2)},
      {"slug", 14.593902937206364, mass_dimension()},
      {"lbf s^2/ft", 14.593902937206364, mass_dimension()},
      {"psi", 6894.757293168361, dimension(-1, 1, -2)},
      {"ft lbf", 1.3558179483314003, energy_dimension()},
      {"hp", 745.6998715822702, dimension(2, 1, -3)},
      {"mph", 0.44704, velocity_dimension()},
      {"kn", 1852.0 / 3600, velocity_dimension()},
      {"deg", M_PI / 180, {}},
      {"rad", 1, {}},
      {"rev/min", 2 * M_PI / 60, dimension(0, 0, -1)},
      {"V/m", 1, dimension(1, 1, -3, -1)},
      {"uF", 1e-6, dimension(-2, -1, 4, 2)},
      {"1/s", 1, dimension(0, 0, -1)},
      {"/s", 1, dimension(0, 0, -1)},
      {"J/(kg K)", 1, dimension(2, 0, -2, 0, -1)},
      {"m^(1/2)", 1, power(length_dimension(), Rational(1, 2))},
      {"m^0.5", 1, power(length_dimension(), Rational(1, 2))},
      {"km^(3/2)", std::pow(1000, 1.5), power(length_dimension(), Rational(3, 2))},
      {"(km/s)^2", 1e6, dimension(2, 0, -2)},
      {"\xC2\xB5m", 1e-6, length_dimension()},
      {"\xC3\x85", 1e-10, length_dimension()},
      {"kg\xC2\xB7m\xC2\xB2/s\xC2\xB2", 1, energy_dimension()},
      {"m s\xE2\x81\xBB\xC2\xB9", 1, velocity_dimension()},
      {"\xC2\xB0", M_PI / 180, {}},
      {"%", 0.01, {}},
      {"1", 1, {}},
  };
  for (const auto& c : cases) {
    EXPECT_DOUBLE_EQ(factor(c.text), c.factor) << c.text;
    EXPECT_TRUE(unit(c.text).dimension == c.dimension)
        << c.text << ": " << words(unit(c.text).dimension);
  }
}

TEST(Units, EveryRefusalSaysWhatToDo) {
  const struct {
    std::string text;
    std::vector<std::string> say;
  } cases[] = {
      {"", {"empty"}},
      {"  ", {"empty"}},
      {"slugg", {"unknown unit 'slugg'", "did you mean 'slug'"}},
      {"Kg", {"unknown unit 'Kg'", "did you mean 'kg'"}},
      {"SLUG", {"did you mean 'slug'"}},
      {"angstroms", {"did you mean 'angstrom'"}},
      {"m2", {"did you mean m^2?"}},
      {"degC", {"offset", "kelvin"}},
      {"\xC2\xB0"
       "C",
       {"offset", "kelvin"}},
      {"fahrenheit", {"offset", "kelvin"}},
      {"ton", {"three", "write t"}},
      {"pounds", {"mass or a force", "lbf"}},
      {"kt", {"knot"}},
      {"dB", {"logarithm"}},
      {"J/kg K", {"two ways", "J/(kg K)"}},
      {"m^1/2", {"a number stands in a unit", "m^(1/2)"}},
      {"2 m", {"a number stands in a unit"}},
      {"m/", {"ends too early"}},
      {"(m", {"not closed"}},
      {"m)", {"')' stands", "missing '('"}},
      {"m^", {"no power"}},
      {"m^x", {"no power"}},
      {"m^(1/0)", {"divided by 0"}},
      {"m^(1/2", {"not closed"}},
      {"m^99", {"out of range", "-32 to 32"}},
      {"m^99999999999", {"no power"}},
      {"m^0.123456", {"no power"}},
      {"Ym^20", {"leaves the range"}},
      {"m$", {"'$'"}},
      {"\xE4\xBD\xA0", {"stands in a unit"}},
      {std::string(300, 'm'), {"300 characters"}},
      {"((((((((((((((((((((m))))))))))))))))))))", {"too many brackets"}},
  };
  for (const auto& c : cases) {
    const std::string message = error(c.text);
    EXPECT_NE(message, "") << c.text;
    for (const std::string& part : c.say) {
      EXPECT_NE(message.find(part), std::string::npos) << c.text << "\n" << message;
    }
  }
}

TEST(Units, PrefixesOnlyWhereTheyBelong) {
  for (const char* text : {"kft", "kmin", "mAU", "kdeg", "kkg", "klb", "MMsun", "krad2", "mmm"}) {
    EXPECT_NE(error(text), "") << text;
  }
}

TEST(Units, NamesAreUnambiguousUnderPrefixes) {
  // A name of the table is that unit even where a prefix and another would give it: min, cd, ft.
  EXPECT_EQ(factor("min"), 60);
  EXPECT_DOUBLE_EQ(factor("ft"), 0.3048);
  EXPECT_DOUBLE_EQ(factor("pc"), 3.0856775814913673e16);
  EXPECT_TRUE(unit("Pa").dimension == dimension(-1, 1, -2));
}

TEST(Quantities, NumberAndUnit) {
  const auto read = [](const std::string& text) { return parse_quantity(plain_text(text), "x"); };
  EXPECT_EQ(read("1.5 kg").number, 1.5);
  EXPECT_EQ(read("-3e2km/s").number, -300);
  EXPECT_EQ(read(" 1_000 m ").number, 1000);
  EXPECT_EQ(read("1eV").number, 1);
  EXPECT_EQ(read("1e3eV").number, 1000);
  EXPECT_EQ(read("+.5 m").number, 0.5);
  EXPECT_EQ(static_cast<double>(read("5 /s").unit.factor), 1);
  const auto refused = [&](const std::string& text) -> std::string {
    try {
      read(text);
    } catch (const UserError& e) {
      return e.what();
    }
    return "";
  };
  EXPECT_NE(refused("kg").find("the text \"kg\""), std::string::npos);
  EXPECT_NE(refused("1.5").find("without a unit"), std::string::npos);
  EXPECT_NE(refused("inf m").find("text"), std::string::npos);
  EXPECT_NE(refused("1e999 m").find("out of range"), std::string::npos);
  EXPECT_NE(refused("1 x 2").find("unknown unit 'x'"), std::string::npos);
  EXPECT_NE(refused("1/2 kg").find("number stands"), std::string::npos);
}

TEST(WorkingUnits, OwnUnitsAreExactlyOne) {
  WorkingUnits w;
  w.set(Base::kLength, unit("AU"), "AU");
  w.set(Base::kMass, unit("Msun"), "Msun");
  w.set(Base::kTime, unit("day"), "day");
  for (const char* text : {"AU", "Msun", "day", "AU/day", "Msun AU^2/day^2", "AU^3/(Msun day^2)"}) {
    EXPECT_EQ(w.convert(1, unit(text)), 1) << text;
  }
  // Gauss's constant squared: G in these units (IAU 1976: k = 0.01720209895), to the digits of G
  // Msun.
  EXPECT_NEAR(w.convert(6.67430e-11, unit("m^3/(kg s^2)")), 2.95912208e-4, 3e-12);
  EXPECT_EQ(w.label(energy_dimension()), "Msun AU^2/day^2");
  EXPECT_EQ(w.label(velocity_dimension()), "AU/day");
  EXPECT_EQ(w.label({}), "1");
}

TEST(WorkingUnits, LabelsReadBack) {
  std::vector<WorkingUnits> systems(5);
  systems[1].set(Base::kLength, unit("cm"), "cm");
  systems[1].set(Base::kMass, unit("g"), "g");
  systems[2].set(Base::kLength, unit("angstrom"), "angstrom");
  systems[2].set(Base::kTime, unit("fs"), "fs");
  systems[2].set_energy(unit("kcal/mol"), "kcal/mol");
  systems[2].set_charge(unit("e"), "e");
  systems[3].set(Base::kLength, unit("kpc"), "kpc");
  systems[3].set(Base::kMass, unit("Msun"), "Msun");
  systems[3].set_velocity(unit("km/s"), "km/s");
  systems[4].set(Base::kLength, unit("ft"), "ft");
  systems[4].set(Base::kMass, unit("slug"), "slug");
  for (std::size_t k = 0; k < systems.size(); ++k) {
    for (const Dimension& d :
         {dimension(0, 0, 0), dimension(1, 0, 0), dimension(0, 1, 0), dimension(0, 0, 1),
          dimension(1, 0, -1), dimension(1, 1, -1), dimension(2, 1, -2), dimension(2, 1, -1),
          dimension(1, 1, -2), dimension(0, 1, -2), dimension(0, 0, 1, 1), dimension(-3, 1, 0),
          dimension(2, 1, -3, -1), dimension(0, 0, 0, 0, 1), dimension(-5, 2, -4, -3, 1),
          power(dimension(1, -1, 1), Rational(1, 2))}) {
      const Unit back = unit(systems[k].label(d));
      EXPECT_TRUE(back.dimension == d) << systems[k].label(d);
      EXPECT_NEAR(static_cast<double>(back.factor / systems[k].factor(d)), 1, 1e-15)
          << systems[k].label(d);
    }
  }
  EXPECT_EQ(systems[0].label(energy_dimension()), "J");
  EXPECT_EQ(systems[0].label(dimension(1, 1, -1)), "kg m/s");
  EXPECT_EQ(systems[2].label(energy_dimension()), "kcal/mol");
  EXPECT_EQ(systems[2].label(dimension(0, 0, 1, 1)), "e");
  EXPECT_EQ(systems[3].label(velocity_dimension()), "km/s");
  EXPECT_EQ(systems[4].label(dimension(0, 1, 0)), "slug");
}

TEST(Units, MutatedTextsAreUnitsOrRefused) {
  const std::vector<std::string> words = {"kg",       "m",        "/",   "^", "(",     ")",
                                          "-2",       "1",        ".",   "*", " ",     "deg",
                                          "\xC2\xB5", "\xC2\xB2", "1/2", "e", "^(1/2)"};
  std::mt19937_64 random(7);
  int read = 0;
  for (int k = 0; k < 10000; ++k) {
    std::string text;
    for (int n = static_cast<int>(random() % 12); n >= 0; --n)
      text += words[random() % words.size()];
    if (random() % 4 == 0) text[random() % text.size()] = static_cast<char>(random() % 256);
    try {
      const Unit u = unit(text);
      EXPECT_TRUE(std::isfinite(static_cast<double>(u.factor)) && u.factor > 0) << text;
      ++read;
    } catch (const UserError& e) {
      EXPECT_FALSE(e.parts().what.empty() || e.parts().remedy.empty()) << text;
    }
    try {
      parse_quantity(plain_text(text), "x");
    } catch (const UserError&) {
    }
  }
  EXPECT_GT(read, 250);
}

}  // namespace
}  // namespace cotangent::lang
