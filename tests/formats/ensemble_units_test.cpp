// Units in [ensemble.spread]: those of what is spread, converted to the file's own.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <fstream>

#include "cotangent/formats/system_file.h"
#include "tests/formats/systems.h"

namespace cotangent::formats {
namespace {

using mechanics::Spread;

/// A mass without a unit gets one from its uses.
std::string cart() {
  return testing::replaced(testing::replaced(testing::kCart, "m = \"0.1 kg\"", "m = 0.1"),
                           "p = [0, 0]", "v = [0, 0]") +
         "[ensemble]\nsize = 2\n[ensemble.spread]\n";
}

LoadedFile load(const std::string& spread,
                const std::optional<std::filesystem::path>& folder = std::nullopt) {
  return parse_system_text("cart.toml", cart() + spread + "\n", {}, folder);
}
Spread spread(const std::string& text) {
  return load(text).ensemble->spreads.at(0);
}
std::vector<double> numbers(const ir::Tensor& x) {
  const auto all = x.as<double>();
  return {all.begin(), all.end()};
}
std::string refusal(const std::string& text) {
  try {
    load(text);
  } catch (const UserError& e) {
    return e.what();
  }
  return "";
}

TEST(EnsembleUnits, AreConvertedToTheFilesOwn) {
  EXPECT_DOUBLE_EQ(spread("M = {normal = \"1 lb\"}").scale.as<double>()[0], 0.45359237);
  EXPECT_DOUBLE_EQ(spread("\"q[0]\" = {normal = \"1 in\"}").scale.as<double>()[0], 0.0254);
  EXPECT_DOUBLE_EQ(spread("\"q[1]\" = {normal = \"1 deg\"}").scale.as<double>()[0], M_PI / 180);
  EXPECT_DOUBLE_EQ(spread("\"v[0]\" = {normal = \"1 ft/s\"}").scale.as<double>()[0], 0.3048);
  EXPECT_DOUBLE_EQ(spread("l = {normal = 0.01}").scale.as<double>()[0], 0.01);
  const Spread range = spread("l = {uniform = [\"1 ft\", \"1 yd\"]}");
  EXPECT_DOUBLE_EQ(range.low, 0.3048);
  EXPECT_DOUBLE_EQ(range.high, 0.9144);
  const Spread wide = spread("l = {uniform = {value = [40, 60], unit = \"cm\"}}");
  EXPECT_DOUBLE_EQ(wide.low, 0.4);
  const Spread given = spread("l = {values = [\"1 ft\", \"50 cm\"]}");
  EXPECT_EQ(numbers(given.values), (std::vector<double>{0.3048, 0.5}));
}

TEST(EnsembleUnits, OfEachCoordinateItsOwn) {
  const Spread both = spread("q = {normal = [\"1 cm\", \"2 deg\"]}");
  EXPECT_DOUBLE_EQ(both.scale.as<double>()[0], 0.01);
  EXPECT_DOUBLE_EQ(both.scale.as<double>()[1], M_PI / 90);
  const Spread given = spread("q = {values = [[\"1 cm\", \"1 deg\"], [\"2 cm\", 0]]}");
  EXPECT_DOUBLE_EQ(given.values.as<double>()[1], M_PI / 180);
  EXPECT_DOUBLE_EQ(given.values.as<double>()[2], 0.02);
  EXPECT_NE(refusal("q = {normal = \"1 cm\"}").find("'normal' of 'q[1]'"), std::string::npos);
  const std::string turned = refusal("q = {values = [[\"1 cm\", \"1 deg\"], [\"2 deg\", 0]]}");
  EXPECT_NE(turned.find("'values' of 'q[0]' is given in deg"), std::string::npos) << turned;
}

TEST(EnsembleUnits, FactorsHaveNone) {
  EXPECT_DOUBLE_EQ(spread("M = {relative = \"5 %\"}").scale.as<double>()[0], 0.05);
  EXPECT_DOUBLE_EQ(spread("q = {lognormal = [\"1 %\", \"2 %\"]}").scale.as<double>()[1], 0.02);
  for (const char* law : {"relative", "lognormal"}) {
    const std::string text = refusal("M = {" + std::string(law) + " = \"5 g\"}");
    EXPECT_NE(text.find("'" + std::string(law) + "' of 'M' is given in g, mass"), std::string::npos)
        << text;
    EXPECT_NE(text.find("\"5 %\""), std::string::npos) << text;
    EXPECT_NE(text.find("cart.toml:19:"), std::string::npos) << text;
  }
}

TEST(EnsembleUnits, OfAnotherKindAreRefusedWithPlaceAndRemedy) {
  const struct {
    const char *text, *at, *says, *remedy;
  } all[] = {
      {"M = {normal = \"1 cm\"}", "19:15", "'normal' of 'M' is given in cm, length", "such as kg"},
      {"l = {uniform = [\"1 cm\", \"1 s\"]}", "19:25", "'uniform' of 'l' is given in s, time",
       "such as m"},
      {"\"v[0]\" = {normal = \"1 cm\"}", "19:20", "'normal' of 'v' is given in cm, length",
       "such as m/s"},
      {"l = {values = [\"1 m\", 2]}", "19:23", "numbers with a unit and this one without",
       "give it its unit"},
      {"l = {normal = \"= M/10\"}", "19:15", "'normal' of 'l' is worked out to mass", "such as m"},
      {"m = {normal = \"1 m\"}", "19:15", "'normal' of 'm' is given in m, length", "such as kg"},
  };
  for (const auto& x : all) {
    const std::string text = refusal(x.text);
    EXPECT_NE(text.find("cart.toml:" + std::string(x.at) + "\n"), std::string::npos) << text;
    EXPECT_NE(text.find(x.says), std::string::npos) << text;
    EXPECT_NE(text.find(x.remedy), std::string::npos) << text;
  }
}

TEST(EnsembleUnits, OfDataFilesToo) {
  const std::filesystem::path folder =
      std::filesystem::temp_directory_path() / ("cotangent_spread_" + std::to_string(::getpid()));
  std::filesystem::create_directories(folder);
  std::ofstream(folder / "l.csv") << "40\n60\n";
  const LoadedFile file = load("l = {values = {file = \"l.csv\", unit = \"cm\"}}", folder);
  EXPECT_EQ(numbers(file.ensemble->spreads[0].values), (std::vector<double>{0.4, 0.6}));
  std::filesystem::remove_all(folder);
}

/// A file whose only unit is that of a spread is checked as any other.
TEST(EnsembleUnits, OneIsEnoughForTheFileToBeChecked) {
  const std::string plain =
      "[parameters]\nk = 2.0\n[energy]\nkinetic = \"p[0]^2/2\"\nspring = \"k*q[0]^2/2\"\n"
      "[initial]\nq = [1.0]\np = [0.0]\n[run]\ndt = 0.1\nsteps = 5\n[ensemble]\nsize = 3\n"
      "[ensemble.spread]\nq = {normal = ";
  EXPECT_FALSE(parse_system_text("a.toml", plain + "0.1}\n").units.given);
  try {
    parse_system_text("a.toml", plain + "\"1 cm\"}\n");
    FAIL() << "p^2/2 is no energy";
  } catch (const UserError& e) {
    EXPECT_NE(std::string(e.what()).find("a factor of the dimension 1/mass"), std::string::npos)
        << e.what();
  }
}

/// An array of which nothing else says what it is has the dimension of its spread.
TEST(EnsembleUnits, OfNamedArrays) {
  const auto decay = [](const std::string& spread) {
    return parse_system_text("decay.toml",
                             "[parameters]\nrate = \"2 1/s\"\n[equations]\nx = \"-rate*x\"\n"
                             "[initial]\nx = [1.0, 2.0]\n[run]\ndt = 0.1\nsteps = 5\n[ensemble]\n"
                             "size = 3\n[ensemble.spread]\nx = " +
                                 spread + "\n");
  };
  const LoadedFile file = decay("{normal = \"5 g\"}");
  EXPECT_DOUBLE_EQ(file.ensemble->spreads[0].scale.as<double>()[0], 0.005);
  EXPECT_EQ(file.units.arrays.at(0).second.at(0), "kg");
}

}  // namespace
}  // namespace cotangent::formats
