// Units in system files: conversion, inference, labels, output units, every refusal; and files
// without units, which nothing touches.
#include "cotangent/formats/units_table.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <fstream>

#include "cotangent/formats/system_file.h"
#include "cotangent/ir/evaluator.h"
#include "cotangent/ir/text.h"
#include "tests/formats/systems.h"

namespace cotangent::formats {
namespace {

using testing::replaced;

/// A mass on a spring, all with units.
const std::string kSpring = R"toml([parameters]
m = "2 lb"
k = "30 N/m"
rest = "4 in"
[energy]
kinetic = "p[0]^2/(2*m)"
spring = "k*(q[0] - rest)^2/2"
[initial]
q = ["1 ft"]
v = ["10 ft/s"]
[run]
dt = "1 ms"
t_end = "1 min"
[observe]
stretch = "q[0] - rest"
impulse = "p[0]"
rate = "sqrt(k/m)"
[observe.speed]
expr = "v[0]"
unit = "mph"
)toml";

const std::string kAstronomy =
    "[units]\nlength = \"AU\"\nmass = \"Msun\"\ntime = \"day\"\n[parameters]";

LoadedFile load(const std::string& text, const std::vector<Override>& overrides = {}) {
  return parse_system_text("units.toml", text, overrides);
}

double parameter(const LoadedFile& file, const std::string& name, std::size_t k = 0) {
  for (const auto& p : file.system.parameters) {
    if (p.name == name) return p.value.as<double>()[k];
  }
  ADD_FAILURE() << name;
  return 0;
}

std::string parameter_unit(const LoadedFile& file, const std::string& name) {
  for (const auto& [known, unit] : file.units.parameters) {
    if (known == name) return unit;
  }
  return "?";
}

double observed(const LoadedFile& file, const std::string& name, double q, double p, double v) {
  for (const auto& o : file.system.observables) {
    if (o.name != name) continue;
    std::vector<ir::Tensor> arguments = {
        ir::Tensor::of<double>({1}, {q}), ir::Tensor::of<double>({1}, {p}),
        ir::Tensor::of<double>({1}, {v}), ir::Tensor::scalar_of(0.0)};
    for (const auto& each : file.system.parameters) arguments.push_back(each.value);
    return ir::evaluate(*o.value, arguments)[0].as<double>()[0];
  }
  ADD_FAILURE() << name;
  return 0;
}

TEST(UnitsInFiles, ImperialBecomesSi) {
  const LoadedFile file = load(kSpring);
  EXPECT_TRUE(file.units.given);
  EXPECT_DOUBLE_EQ(parameter(file, "m"), 2 * 0.45359237);
  EXPECT_EQ(parameter(file, "k"), 30);
  EXPECT_DOUBLE_EQ(parameter(file, "rest"), 4 * 0.0254);
  EXPECT_DOUBLE_EQ(file.initial.q.as<double>()[0], 0.3048);
  EXPECT_DOUBLE_EQ(file.initial.v->as<double>()[0], 3.048);
  EXPECT_DOUBLE_EQ(file.run.dt, 1e-3);
  EXPECT_EQ(file.run.steps, 60000);
  EXPECT_EQ(file.units.t, "s");
  EXPECT_EQ(file.units.energy, "J");
  EXPECT_EQ(file.units.q, std::vector<std::string>{"m"});
  EXPECT_EQ(file.units.p, std::vector<std::string>{"kg m/s"});
  EXPECT_EQ(file.units.of_observable("stretch"), "m");
  EXPECT_EQ(file.units.of_observable("impulse"), "kg m/s");
  EXPECT_EQ(file.units.of_observable("rate"), "1/s");
  EXPECT_EQ(file.units.of_observable("speed"), "mph");
  EXPECT_DOUBLE_EQ(observed(file, "speed", 0, 0, 0.44704), 1);
}

TEST(UnitsInFiles, TheWorkingSystemIsTheFiles) {
  const LoadedFile file =
      load("[units]\nlength = \"ft\"\nmass = \"slug\"\ntime = \"s\"\n" + kSpring);
  EXPECT_EQ(file.initial.q.as<double>()[0], 1);
  EXPECT_EQ(file.initial.v->as<double>()[0], 10);
  EXPECT_DOUBLE_EQ(parameter(file, "m"), 2 / 32.17404855643044);  // pounds in a slug: g in ft/s^2
  EXPECT_DOUBLE_EQ(parameter(file, "k"), 30 / 14.593902937206364);
  EXPECT_EQ(file.units.energy, "slug ft^2/s^2");
  EXPECT_EQ(file.units.q[0], "ft");
  EXPECT_EQ(file.units.v[0], "ft/s");
}

TEST(UnitsInFiles, TheOuterSolarSystemIsConsistentAsItStands) {
  // Bare numbers, and only [units] added: nothing changes but that everything is checked.
  const LoadedFile plain = load(testing::kOuterSolarSystem);
  const LoadedFile file = load(replaced(testing::kOuterSolarSystem, "[parameters]", kAstronomy));
  EXPECT_FALSE(plain.units.given);
  EXPECT_EQ(file.run.dt, plain.run.dt);
  EXPECT_EQ(file.run.steps, plain.run.steps);
  for (std::size_t k = 0; k < plain.system.parameters.size(); ++k) {
    const auto a = plain.system.parameters[k].value.as<double>();
    const auto b = file.system.parameters[k].value.as<double>();
    EXPECT_TRUE(std::equal(a.begin(), a.end(), b.begin(), b.end()));
  }
  for (std::size_t k = 0; k < plain.system.terms.size(); ++k) {
    EXPECT_EQ(ir::print(*plain.system.terms[k].energy), ir::print(*file.system.terms[k].energy));
  }
  EXPECT_EQ(parameter_unit(file, "G"), "AU^3/(Msun day^2)");
  EXPECT_EQ(parameter_unit(file, "m"), "Msun");
  EXPECT_EQ(file.units.of_observable("lz"), "Msun AU^2/day");
  // The same G from SI: 6.6743e-11 is known to 2e-5.
  const LoadedFile si =
      load(replaced(replaced(testing::kOuterSolarSystem, "[parameters]", kAstronomy),
                    "2.95912208286e-4", "\"6.67430e-11 m^3/(kg s^2)\""));
  EXPECT_NEAR(parameter(si, "G") / 2.95912208286e-4, 1, 1e-6);
}

TEST(UnitsInFiles, MolecularUnits) {
  const LoadedFile file = load(R"toml([units]
length = "angstrom"
time = "fs"
energy = "kcal/mol"
charge = "e"
[parameters]
m = {value = [15.9994, 1.008], unit = "u"}
k = "1054.2 kcal/mol/angstrom^2"
r0 = "0.9572 angstrom"
[energy]
kinetic = "sum(i, dot(p[i], p[i])/(2*m[i]))"
bond = "k/2*(norm(q[0] - q[1]) - r0)^2"
[initial]
q = [[0, 0, 0], ["1 angstrom", 0, 0]]
p = [[0, 0, 0], [0, 0, 0]]
[run]
dt = "0.5 fs"
steps = 10
)toml");
  EXPECT_EQ(file.units.energy, "kcal/mol");
  EXPECT_DOUBLE_EQ(parameter(file, "k"), 1054.2);
  // kcal/mol in u angstrom^2/fs^2: 4.184e-4, to the digits of N_A u (CODATA 2018: 1 - 3.5e-10).
  EXPECT_NEAR(parameter(file, "m", 1) / (1.008 / 4.184e-4), 1, 1e-9);
}

TEST(UnitsInFiles, AnglesAreSaidOnce) {
  const std::string pendulum = R"toml([parameters]
g = "9.81 m/s^2"
l = "50 cm"
m = "200 g"
[energy]
kinetic = "p[0]^2/(2*m*l^2)"
gravity = "-m*g*l*cos(q[0])"
[initial]
q = ["30 deg"]
v = ["1 rad/s"]
[run]
dt = "1 ms"
steps = 10
[observe.angle]
expr = "q[0]"
unit = "deg"
)toml";
  const LoadedFile file = load(pendulum);  // q's own unit says it
  EXPECT_DOUBLE_EQ(file.initial.q.as<double>()[0], M_PI / 6);
  EXPECT_EQ(file.units.q[0], "1");
  EXPECT_EQ(file.units.p[0], "J s");
  EXPECT_EQ(file.units.v[0], "1/s");
  EXPECT_DOUBLE_EQ(observed(file, "angle", M_PI / 6, 0, 0), 30);
  const std::string bare =
      replaced(replaced(pendulum, "[\"30 deg\"]", "[0.5]"), "[\"1 rad/s\"]", "[1.0]");
  EXPECT_EQ(load("[units]\nq = \"rad\"\n" + bare).initial.q.as<double>()[0], 0.5);
  try {
    load(bare);
    FAIL();
  } catch (const UserError& e) {
    EXPECT_NE(std::string(e.what()).find("[units] q = \"rad\""), std::string::npos) << e.what();
  }
}

TEST(UnitsInFiles, CoordinatesOfSeveralKinds) {
  const std::string& cart = testing::kCart;
  const LoadedFile file = load(cart);
  EXPECT_EQ(file.units.q, (std::vector<std::string>{"m", "1"}));
  EXPECT_EQ(file.units.p, (std::vector<std::string>{"kg m/s", "J s"}));
  EXPECT_EQ(file.units.v, (std::vector<std::string>{"m/s", "1/s"}));
  EXPECT_DOUBLE_EQ(file.initial.q.as<double>()[0], 0.1);
  EXPECT_THROW(load(replaced(cart, "p[0]^2/(2*M)", "sum(i, p[i]^2)/(2*M)")), UserError);
  EXPECT_THROW(load(replaced(cart, "p = [0, 0]", "p = [\"1 J s\", 0]")), UserError);
  const std::string by_table =
      "[units]\nq = [\"m\", \"rad\"]\n" + replaced(cart, "[\"10 cm\", \"5 deg\"]", "[0.1, 0.2]");
  EXPECT_EQ(load(by_table).units.p, file.units.p);
}

TEST(UnitsInFiles, ComputedValuesHaveTheDimensionOfTheirExpression) {
  const LoadedFile file =
      load(replaced(replaced(kSpring, "rest = \"4 in\"",
                             "f = \"3 Hz\"\nrest = \"= 5.0*g*m/k\"\ng = \"1 gn\"\n"
                             "odd = \"= m/k\"\nw = \"= 2*pi*f\""),
                    "dt = \"1 ms\"", "dt = \"= 1/(1000*f)\""));
  EXPECT_DOUBLE_EQ(parameter(file, "w"), 6 * M_PI);
  EXPECT_EQ(parameter_unit(file, "w"), "1/s");
  EXPECT_EQ(parameter_unit(file, "rest"), "m");
  EXPECT_EQ(parameter_unit(file, "odd"), "s^2") << "used nowhere, so nobody minds";
}

TEST(UnitsInFiles, DataFilesTakeAUnit) {
  const std::filesystem::path folder =
      std::filesystem::temp_directory_path() / ("cotangent_units_" + std::to_string(::getpid()));
  std::filesystem::create_directories(folder);
  std::ofstream(folder / "m.csv") << "1000\n2000\n";
  const LoadedFile file = parse_system_text(
      "units.toml",
      replaced(replaced(replaced(kSpring, "m = \"2 lb\"", "m = {file = \"m.csv\", unit = \"g\"}"),
                        "(2*m)", "(2*m[0])"),
               "sqrt(k/m)", "sqrt(k/m[1])"),
      {}, folder);
  EXPECT_EQ(parameter(file, "m", 1), 2);
  std::filesystem::remove_all(folder);
}

TEST(UnitsInFiles, SetTakesUnits) {
  EXPECT_EQ(parameter(load(kSpring, {parse_override("parameters.m=500 g")}), "m"), 0.5);
  EXPECT_EQ(parameter(load(kSpring, {parse_override("parameters.m=3.0")}), "m"), 3);
  EXPECT_EQ(load(kSpring, {parse_override("run.dt=\"2 ms\"")}).run.dt, 2e-3);
}

TEST(UnitsInFiles, FilesWithoutUnitsAreNotTouched) {
  for (const std::string& text : {testing::kOscillator, testing::kOuterSolarSystem}) {
    EXPECT_FALSE(load(text).units.given);
  }
  // Nonsense by dimension, but nobody gave one.
  EXPECT_NO_THROW(
      load(replaced(testing::kOscillator, "k*q[0]^2/2", "k*q[0]^2/2 + q[0]*sin(q[0])")));
}

struct Bad {
  const char* name;
  std::string from, to;
  std::string at;
  std::vector<std::string> say;
};

TEST(UnitsInFiles, EveryRefusalNamesItsPlaceAndBothDimensions) {
  const std::vector<Bad> cases = {
      {"sum",
       "k*(q[0] - rest)^2/2",
       "k*(q[0] - m)^2/2",
       "7:21",
       {"'-' is given length and mass", "'q[0]' and 'm'"}},
      {"energy",
       "k*(q[0] - rest)^2/2",
       "k*(q[0] - rest)",
       "7:11",
       {"the energy term 'spring' has the dimension force", "expected: energy", "length"}},
      {"kinetic",
       "p[0]^2/(2*m)",
       "p[0]^2/2",
       "6:12",
       {"length^2*mass^2/time^2", "a factor of the dimension 1/mass is missing"}},
      {"function", "\"q[0] - rest\"", "\"sin(q[0])\"", "15:16", {"sin is given length"}},
      {"time", "dt = \"1 ms\"", "dt = \"1 mm\"", "12:6", {"dt is given in mm, length", "time"}},
      {"v",
       "v = [\"10 ft/s\"]",
       "v = [\"10 ft\"]",
       "10:6",
       {"'v' is given in ft, length", "velocity"}},
      {"p", "v = [\"10 ft/s\"]", "p = [\"10 N\"]", "10:6", {"force", "momentum", "kg m/s"}},
      {"unknown_unit", "2 lb", "2 lbx", "2:8", {"unknown unit 'lbx'", "did you mean 'lb"}},
      {"offset", "2 lb", "2 degC", "2:8", {"offset"}},
      {"text", "\"2 lb\"", "\"heavy\"", "2:6", {"the text \"heavy\"", "\"1.5 kg\""}},
      {"no_unit", "\"2 lb\"", "\"2\"", "2:6", {"without a unit"}},
      {"mixed", "\"2 lb\"", "[\"2 lb\", 3]", "2:14", {"and this one without", "{value"}},
      {"mixed_kinds", "\"2 lb\"", "[\"2 lb\", \"3 s\"]", "2:14", {"time", "mass"}},
      {"value_without_unit", "\"2 lb\"", "{value = 2}", "2:5", {"unit"}},
      {"unit_without_value", "\"2 lb\"", "{unit = \"lb\"}", "2:5", {"value"}},
      {"unit_no_text", "\"2 lb\"", "{value = 2, unit = 3}", "2:24", {"a unit in quotes"}},
      {"unit_twice", "\"2 lb\"", "{value = [\"2 lb\"], unit = \"g\"}", "2:15", {"inside"}},
      {"observed",
       "unit = \"mph\"",
       "unit = \"ft\"",
       "20:8",
       {"'speed' has the dimension velocity", "\"ft\" is a unit of length"}},
      {"observed_no_unit", "unit = \"mph\"", "unit = \"mphh\"", "20:9", {"unknown unit"}},
      {"out_of_range", "2 lb", "1e308 Msun", "2:5", {"unit of this file"}},
      {"run_computed", "dt = \"1 ms\"", "dt = \"= m/k\"", "12:6", {"dt is worked out to", "time"}},
      {"table_wrong",
       "[parameters]",
       "[units]\nlength = \"kg\"\n[parameters]",
       "2:10",
       {"\"kg\" is a unit of mass", "a unit of length"}},
      {"table_unknown",
       "[parameters]",
       "[units]\nlenght = \"m\"\n[parameters]",
       "2:1",
       {"'length'"}},
      {"table_number",
       "[parameters]",
       "[units]\nlength = 3\n[parameters]",
       "2:10",
       {"a unit in quotes"}},
      {"table_both",
       "[parameters]",
       "[units]\nmass = \"kg\"\nenergy = \"J\"\n[parameters]",
       "3:1",
       {"mass and energy"}},
      {"table_time",
       "[parameters]",
       "[units]\ntime = \"s\"\nvelocity = \"m/s\"\n[parameters]",
       "3:1",
       {"time and velocity"}},
      {"table_current",
       "[parameters]",
       "[units]\ncharge = \"e\"\ncurrent = \"A\"\n[parameters]",
       "2:1",
       {"current and charge"}},
      {"table_q",
       "[parameters]",
       "[units]\nq = \"km\"\n[parameters]",
       "2:5",
       {"not the unit of length of this file", "\"m\""}},
      {"table_q_empty", "[parameters]", "[units]\nq = []\n[parameters]", "2:5", {"empty"}},
      {"table_q_count",
       "[parameters]",
       "[units]\nq = [\"m\", \"m\"]\n[parameters]",
       "11:5",
       {"1 entries", "2 units"}},
      {"q_disagrees",
       "[parameters]",
       "[units]\nq = \"rad\"\n[parameters]",
       "11:6",
       {"length", "no dimension"}},
      {"tolerance",
       "[run]",
       "[gradient]\ntolerance = \"1 kg\"\n[run]",
       "12:13",
       {"tolerance is the text \"1 kg\""}},
      {"lattice",
       "[run]",
       "[run]\nprecision = \"lattice\"\nlattice = {q = \"1 nm\", p = 1e-9}",
       "13:16",
       {"q is the text"}},
      {"no_table", "[parameters]", "[units.length]\nx = \"m\"\n[parameters]", "", {"a table"}},
  };
  for (const Bad& bad : cases) {
    const std::string text = replaced(kSpring, bad.from, bad.to);
    try {
      load(text);
      ADD_FAILURE() << bad.name << ": no error";
    } catch (const UserError& e) {
      const std::string message = e.what();
      if (!bad.at.empty()) {
        EXPECT_NE(message.find("units.toml:" + bad.at + "\n"), std::string::npos)
            << bad.name << " wanted " << bad.at << "\n"
            << message;
      }
      EXPECT_FALSE(e.parts().remedy.empty()) << message;
      for (const std::string& part : bad.say) {
        EXPECT_NE(message.find(part), std::string::npos) << bad.name << "\n" << message;
      }
    }
  }
}

const std::string kShortRun = "[run]\ndt = 0.01\nsteps = 10\n";

std::string oscillator(const std::string& rate) {
  return "[parameters]\nk = \"30 N/m\"\nm = \"2 kg\"\n[initial]\nx = \"1 cm\"\nu = \"0 m/s\"\n"
         "[equations]\nx = \"u\"\nu = \"" +
         rate + "\"\n" + kShortRun;
}

std::string body(const std::string& energy, const std::string& z, const std::string& structure) {
  return "[parameters]\ninertia = \"2 kg m^2\"\n[structure]\nkind = \"lie_poisson\"\n" + structure +
         "[energy]\nturn = \"" + energy + "\"\n[initial]\nz = " + z + "\n" + kShortRun;
}

std::string refusal_of(const std::string& text) {
  try {
    load(text);
  } catch (const UserError& e) {
    return e.what();
  }
  return "";
}

TEST(UnitsInFiles, RatesAreCheckedByEntry) {
  EXPECT_EQ(refusal_of(oscillator("-k*x/m")), "");
  EXPECT_NE(refusal_of(oscillator("-k*x")).find("the rate of 'u' has the dimension"),
            std::string::npos);
  const LoadedFile file = load(oscillator("-k*x/m"));
  ASSERT_EQ(file.units.arrays.size(), 2u);
  EXPECT_EQ(file.units.arrays[0].second, std::vector<std::string>{"m"});
  EXPECT_EQ(file.units.arrays[1].second, std::vector<std::string>{"m/s"});
  EXPECT_DOUBLE_EQ(file.initial.x.real(0), 0.01);
  const std::string packed =
      "[parameters]\nk = \"30 N/m\"\nm = \"2 kg\"\n[initial]\ny = [\"1 cm\", 0]\n[equations]\n"
      "y = [\"y[1]\", \"-k/m*y[0]\"]\n" +
      kShortRun;
  EXPECT_EQ(refusal_of(packed), "");
  const std::vector<std::string> both{"m", "m/s"};
  EXPECT_EQ(load(packed).units.arrays.at(0).second, both);
}

TEST(UnitsInFiles, MapsGiveWhatTheyTake) {
  const auto map = [](const std::string& rule) {
    return "[parameters]\nlimit = \"3 kg\"\nr = 2.5\n[initial]\nx = \"1 kg\"\n[map]\nx = \"" +
           rule + "\"\n[run]\nsteps = 5\n";
  };
  EXPECT_EQ(refusal_of(map("r*x*(1 - x/limit)")), "");
  EXPECT_EQ(load(map("r*x*(1 - x/limit)")).units.t, "");
  EXPECT_EQ(refusal_of(map("r*x*(1 + t)")), "");
  EXPECT_NE(refusal_of(map("r*x*(1 - x)")).find("'-' is given"), std::string::npos);
  EXPECT_NE(refusal_of(map("x^2/limit^2")).find("the map of 'x'"), std::string::npos);
}

TEST(UnitsInFiles, StructuresAreChecked) {
  const std::string so3 = "algebra = \"so3\"\n";
  const std::string good = "(z[0]^2 + z[1]^2 + 2*z[2]^2)/(2*inertia)";
  EXPECT_EQ(refusal_of(body(good, "[\"1 J s\", 0, \"2 J s\"]", so3)), "");
  EXPECT_EQ(load(body(good, "[1, 0, 2]", so3)).units.arrays.at(0).second.at(0), "J s");
  EXPECT_NE(refusal_of(body(good, "[\"1 m\", 0, \"2 m\"]", so3)).find("an action"),
            std::string::npos);
  EXPECT_NE(refusal_of(body("z[0]^2 + z[1]^2/inertia", "[1, 0, 2]", so3)).find("energy"),
            std::string::npos);
  // q, p by another name: J has no dimension, since z[0] z[1] is an action.
  const auto plane = [](const std::string& j) {
    return "[parameters]\nm = \"2 kg\"\nk = \"8 N/m\"\n[structure]\nkind = \"poisson\"\n"
           "J = [[0, \"" +
           j + "\"], [\"-(" + j +
           ")\", 0]]\n[energy]\nall = \"z[1]^2/(2*m) + "
           "k*z[0]^2/2\"\n[initial]\nz = [\"1 m\", \"0.1 kg m/s\"]\n" +
           kShortRun;
  };
  EXPECT_EQ(refusal_of(plane("1")), "");
  EXPECT_NE(refusal_of(plane("z[0]*1")).find("'J'"), std::string::npos);
}

TEST(UnitsInFiles, ContactStructuresAndSymmetriesAreChecked) {
  const auto damped = [](const std::string& loss) {
    return "[parameters]\nm = \"2 kg\"\nc = \"0.1 1/s\"\n[structure]\nkind = "
           "\"contact\"\n[energy]\n"
           "kinetic = \"p[0]^2/(2*m)\"\nloss = \"" +
           loss + "\"\n[initial]\nq = [\"1 m\"]\np = [\"1 kg m/s\"]\n" + kShortRun;
  };
  EXPECT_EQ(refusal_of(damped("c*s")), "");
  EXPECT_NE(refusal_of(damped("c*c*s")).find("energy"), std::string::npos);
  const auto moved = [](const std::string& dq) {
    return "[parameters]\nm = \"2 kg\"\n[energy]\nkinetic = \"sum(i, dot(p[i], p[i])/(2*m))\"\n"
           "[initial]\nq = [[\"1 m\", 0]]\np = [[0, \"1 kg m/s\"]]\n[symmetries]\nturn = {dq = \"" +
           dq + "\"}\n" + kShortRun;
  };
  EXPECT_EQ(refusal_of(moved("[[-q[0,1], q[0,0]]]")), "")
      << refusal_of(moved("[[-q[0,1], q[0,0]]]"));
}

TEST(UnitsInFiles, ASettledParameterIsNamedWhereItIsUsedAgain) {
  const std::string text = replaced(kSpring, "\"30 N/m\"", "30.0");
  EXPECT_EQ(parameter_unit(load(text), "k"), "N/m");
  try {
    load(replaced(text, "stretch = \"q[0] - rest\"", "stretch = \"q[0] - k\""));
    FAIL();
  } catch (const UserError& e) {
    EXPECT_NE(std::string(e.what()).find("'k' has no unit and was taken for force/length at "
                                         "units.toml:7:11"),
              std::string::npos)
        << e.what();
  }
}

}  // namespace
}  // namespace cotangent::formats
