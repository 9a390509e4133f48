#include "cotangent/formats/system_file.h"

#include <gtest/gtest.h>

#include <cmath>
#include <ctime>
#include <filesystem>
#include <fstream>

#include "cotangent/ir/evaluator.h"
#include "tests/formats/systems.h"

namespace cotangent::formats {
namespace {

/// Of processor time: the machine may be busy with something else.
double seconds_since(std::clock_t start) {
  return static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
}

using testing::kOscillator;
using testing::kOuterSolarSystem;

LoadedFile parse(const std::string& text, std::vector<Override> overrides = {}) {
  return parse_system_text("system.toml", text, overrides);
}

double energy(const LoadedFile& f, const std::string& term, const ir::Tensor& p) {
  for (const mechanics::EnergyTerm& t : f.system.terms) {
    if (t.name != term) continue;
    std::vector<ir::Tensor> arguments{f.initial.q, p, ir::Tensor::scalar_of(0.0)};
    for (const mechanics::Parameter& parameter : f.system.parameters) {
      arguments.push_back(parameter.value);
    }
    return ir::evaluate(*t.energy, arguments)[0].as<double>()[0];
  }
  return NAN;
}

TEST(SystemFile, OuterSolarSystem) {
  const LoadedFile f = parse(kOuterSolarSystem);
  EXPECT_EQ(f.system.title, "Outer solar system");
  EXPECT_EQ(f.system.shape, (Shape{6, 3}));
  ASSERT_EQ(f.system.parameters.size(), 2u);
  EXPECT_EQ(f.system.parameters[0].name, "G");
  EXPECT_EQ(f.system.parameters[1].value.as<double>()[5], 1 / 1.3e8);
  ASSERT_EQ(f.system.terms.size(), 2u);
  EXPECT_EQ(f.system.terms[0].name, "kinetic");
  EXPECT_EQ(f.system.terms[1].name, "gravity");
  EXPECT_EQ(f.run.dt, 10);
  EXPECT_EQ(f.run.steps, 20000);
  EXPECT_EQ(f.run.every, 100);
  EXPECT_EQ(f.run.method, "auto");
  EXPECT_FALSE(f.run.order.has_value());
  EXPECT_FALSE(f.initial.p.has_value());
  ASSERT_TRUE(f.initial.v.has_value());
  EXPECT_EQ(f.initial.q.as<double>()[3], -3.5023653);
  EXPECT_EQ(f.initial.v->as<double>()[17], -0.00136504);
  ASSERT_EQ(f.system.observables.size(), 2u);
  EXPECT_EQ(f.system.observables[0].name, "pair_distance");
  EXPECT_EQ(f.system.observables[0].every, 0);
  EXPECT_EQ(f.system.observables[1].name, "lz");
  EXPECT_EQ(f.system.observables[1].every, 1000);
  // The reference energy, with p = m v worked out here (tests of p from v are in mechanics).
  ir::Tensor p = *f.initial.v;
  for (std::int64_t i = 0; i < 6; ++i) {
    for (std::int64_t k = 0; k < 3; ++k) {
      p.as<double>()[static_cast<std::size_t>(3 * i + k)] *=
          f.system.parameters[1].value.as<double>()[static_cast<std::size_t>(i)];
    }
  }
  const double h = energy(f, "kinetic", p) + energy(f, "gravity", p);
  EXPECT_NEAR(h, -3.215453183208163e-08, 1e-21);
}

TEST(SystemFile, OuterSolarSystemLoadsFast) {
  parse(kOuterSolarSystem);
  const std::clock_t start = std::clock();
  for (int k = 0; k < 10; ++k) parse(kOuterSolarSystem);
  const double took = seconds_since(start);
  RecordProperty("milliseconds", std::to_string(took * 100));
  EXPECT_LT(took / 10, 0.02);
}

TEST(SystemFile, SpansPointIntoTheFile) {
  const LoadedFile f = parse(kOuterSolarSystem);
  const std::string& text = f.source->text;
  const auto shown = [&](SourceSpan s) { return text.substr(s.begin, s.end - s.begin); };
  EXPECT_EQ(shown(f.system.terms[0].span), "sum(i, dot(p[i], p[i]) / (2*m[i]))");
  const ir::Function& kinetic = *f.system.terms[0].energy;
  bool found_map = false;
  for (std::uint32_t id = 0; id < kinetic.size(); ++id) {
    if (kinetic.op(ir::Value{id}) != ir::Op::kMap) continue;
    found_map = true;
    const ir::Function& body = *ir::body_of(kinetic.attr(ir::Value{id}));
    for (std::uint32_t n = 0; n < body.size(); ++n) {
      if (body.op(ir::Value{n}) != ir::Op::kDotGeneral) continue;
      ASSERT_EQ(body.spans(ir::Value{n}).size(), 1u);
      EXPECT_EQ(shown(body.spans(ir::Value{n})[0]), "dot(p[i], p[i])");
    }
  }
  EXPECT_TRUE(found_map);
}

TEST(SystemFile, SpansThroughEscapesAndLines) {
  const std::string text = R"toml(
[energy]
kinetic = """
  p[0]^2/2 \
     + \u0071[0]"""
[initial]
q = [1.0]
p = [0.0]
[run]
dt = 1
steps = 2
)toml";
  const LoadedFile f = parse(text);
  const ir::Function& h = *f.system.terms[0].energy;
  const std::span<const SourceSpan> spans = h.spans(h.results()[0]);
  ASSERT_EQ(spans.size(), 1u);
  EXPECT_EQ(f.source->text.substr(spans[0].begin, spans[0].end - spans[0].begin),
            "p[0]^2/2 \\\n     + \\u0071[0]");
}

TEST(SystemFile, SpansThatEndInAnEscape) {
  std::string text = kOscillator;
  text.replace(text.find("\"q[0]\""), 6, "\"q\\u005B0\\u005D\"");
  const LoadedFile f = parse(text);
  const SourceSpan s = f.system.observables[0].span;
  EXPECT_EQ(f.source->text.substr(s.begin, s.end - s.begin), "q\\u005B0\\u005D");
}

TEST(SystemFile, SpansThroughCarriageReturns) {
  std::string text = kOscillator;
  text.replace(text.find("\"q[0]\""), 6, "\"\"\"\r\n1 +\r\n  sin(q[0])\"\"\"");
  const LoadedFile f = parse(text);
  const ir::Function& x = *f.system.observables[0].value;
  const std::span<const SourceSpan> spans = x.spans(x.results()[0]);
  ASSERT_EQ(spans.size(), 1u);
  EXPECT_EQ(f.source->text.substr(spans[0].begin, spans[0].end - spans[0].begin),
            "1 +\r\n  sin(q[0])");
}

TEST(SystemFile, Overrides) {
  EXPECT_EQ(parse(kOscillator, {{"run.dt", "0.5"}}).run.dt, 0.5);
  EXPECT_EQ(parse(kOscillator, {{"run.dt", "0.5"}}).run.steps, 20);
  EXPECT_EQ(parse(kOscillator, {{"run.dt", "0.5"}, {"run.dt", "0.25"}}).run.dt, 0.25);
  EXPECT_EQ(parse(kOscillator, {{"run.steps", "7"}}).run.steps, 7);  // wins over the file's t_end
  EXPECT_EQ(parse(kOscillator, {{"run.method", "\"leapfrog\""}}).run.method, "leapfrog");
  EXPECT_EQ(parse(kOscillator, {{"run.method", "leapfrog"}}).run.method, "leapfrog");
  EXPECT_EQ(parse(kOscillator, {{"run.order", "6"}}).run.order, 6);
  EXPECT_EQ(parse(kOscillator, {{"parameters.k", "9.5"}}).system.parameters[0].value.real(0), 9.5);
  // An integer in place of a real parameter leaves it a real one.
  EXPECT_EQ(parse(kOscillator, {{"parameters.k", "9"}}).system.parameters.at(0).value.real(0), 9);
  EXPECT_EQ(parse(kOscillator, {{"initial.q", "[2.5]"}}).initial.q.as<double>()[0], 2.5);
  EXPECT_EQ(parse(kOscillator, {{"energy.spring", "\"q[0]\""}}).system.terms.size(), 2u);
  EXPECT_EQ(parse(kOscillator, {{"title", "\"x = #1\""}}).system.title, "x = #1");
  EXPECT_EQ(parse(kOscillator, {{"observe.y", "\"p[0]\""}}).system.observables.size(), 2u);
  const Override o = parse_override(" run.dt = 5 ");
  EXPECT_EQ(o.key, "run.dt");
  EXPECT_EQ(o.value, "5");
  EXPECT_THROW(parse_override("run.dt"), UserError);
  EXPECT_THROW(parse_override("=5"), UserError);
  EXPECT_THROW(parse(kOscillator, {{"run.dtt", "5"}}), UserError);
  EXPECT_THROW(parse(kOscillator, {{"parameters.kk", "5"}}), UserError);
  EXPECT_THROW(parse(kOscillator, {{"run", "5"}}), UserError);
  EXPECT_THROW(parse(kOscillator, {{"run.dt", "five six"}}), UserError);
}

TEST(SystemFile, ComputedParameters) {
  const LoadedFile f = parse(R"toml(
[parameters]
w = "= 2*pi*f"
f = 0.5
n = "= len(m)"
m = [1.0, "= f*4", 3]
half = "= n/2"
[energy]
h = "sum(i, p[i]^2/(2*m[i])) + w^2*q[n-1]^2/2"
[initial]
q = [0.5, "= half"]
p = ["= -w", 0]
[run]
dt = "= 1/n"
t_end = 6
)toml" + std::string(),
                             {{"parameters.m", "[1.0, 2.0]"}});
  ASSERT_EQ(f.system.parameters.size(), 4u);  // n is an integer
  EXPECT_EQ(f.system.parameters[0].name, "w");
  EXPECT_DOUBLE_EQ(f.system.parameters[0].value.as<double>()[0], 3.14159265358979323846);
  EXPECT_EQ(f.system.parameters[3].name, "half");
  EXPECT_EQ(f.system.parameters[3].value.as<double>()[0], 1);
  EXPECT_EQ(f.initial.q.as<double>()[1], 1);
  EXPECT_EQ(f.run.dt, 0.5);
  EXPECT_EQ(f.run.steps, 12);
}

TEST(SystemFile, Definitions) {
  const LoadedFile f = parse(R"toml(
[define]
r(i,j) = "norm(q[i] - q[j])"
"r2(i, j)" = "r(i,j)^2"
total( a ) = "a + mu"
mu = "3.5"
[energy]
h = "sum(i<j, r2(i,j)) + total(1)"
[initial]
q = [[0, 0], [3, 4], [0, 1]]
p = [[0, 0], [0, 0], [0, 0]]
[run]
dt = 1
steps = 1
)toml");
  EXPECT_DOUBLE_EQ(energy(f, "h", *f.initial.p), 25 + 1 + (9 + 9) + 4.5);
}

TEST(SystemFile, ByteOrderMarkAndLineEnds) {
  EXPECT_EQ(parse("\xEF\xBB\xBF" + kOscillator).run.steps, 100);
  std::string crlf;
  for (char c : kOscillator) {
    if (c == '\n') crlf += '\r';
    crlf += c;
  }
  EXPECT_EQ(parse(crlf).run.steps, 100);
  EXPECT_EQ(parse("# \xC3\xA9t\xC3\xA9\n" + kOscillator).system.terms.size(), 2u);
}

TEST(SystemFile, TextBeyondAscii) {
  std::string text = kOscillator;
  text.replace(text.find("\"Oscillator\""), 12,
               "\"\"\"\xC3\xA9 \\\n   \xE2\x82\xAC\\u00e9\"\"\" # \xC3\xA9");
  EXPECT_EQ(parse(text).system.title, "\xC3\xA9 \xE2\x82\xAC\xC3\xA9");
}

TEST(SystemFile, TitleDefaultsToTheName) {
  std::string text = kOscillator.substr(kOscillator.find("[parameters]"));
  EXPECT_EQ(parse(text).system.title, "system");
}

// --- the eight systems of the examples

std::string with_run(const std::string& text) {
  return text + "\n[run]\ndt = 0.01\nsteps = 10\n";
}

TEST(SystemFile, KeplerAndTrap) {
  const LoadedFile kepler = parse(with_run(R"toml(
[parameters]
e = 0.6
[energy]
kinetic = "dot(p[0], p[0])/2"
gravity = "-1/norm(q[0])"
[initial]
q = [["= 1 - e", 0]]
p = [[0, "= sqrt((1 + e)/(1 - e))"]]
)toml"));
  EXPECT_NEAR(
      energy(kepler, "kinetic", *kepler.initial.p) + energy(kepler, "gravity", *kepler.initial.p),
      -0.5, 1e-15);
  const LoadedFile trap = parse(with_run(R"toml(
[parameters]
charge = [1.0, 1.0, 2.0]
w = [1.0, 1.5, 2.0]
[energy]
kinetic = "sum(i, dot(p[i], p[i])/2)"
trap = "sum(i, sum(k, w[k]^2*q[i,k]^2)/2)"
coulomb = "sum(i<j, charge[i]*charge[j]/norm(q[i] - q[j]))"
[initial]
q = [[1, 0, 0], [-1, 0, 0.5], [0, 1, 0]]
v = [[0, 0, 0], [0, 0, 0], [0, 0, 0]]
)toml"));
  EXPECT_NEAR(energy(trap, "trap", *trap.initial.v), (1 + (1 + 4 * 0.25) + 2.25) / 2, 1e-15);
  const double r01 = std::sqrt(4 + 0.25), r02 = std::sqrt(2), r12 = std::sqrt(2.25);
  EXPECT_NEAR(energy(trap, "coulomb", *trap.initial.v), 1 / r01 + 2 / r02 + 2 / r12, 1e-15);
}

TEST(SystemFile, FigureEightAndHenonHeiles) {
  const LoadedFile eight = parse(with_run(R"toml(
[energy]
kinetic = "sum(i, dot(p[i], p[i])/2)"
gravity = "-sum(i<j, 1/norm(q[i] - q[j]))"
[initial]
q = [[0.97000436, -0.24308753], [-0.97000436, 0.24308753], [0, 0]]
v = [[0.466203685, 0.43236573], [0.466203685, 0.43236573], [-0.93240737, -0.86473146]]
)toml"));
  EXPECT_EQ(eight.system.shape, (Shape{3, 2}));
  const LoadedFile henon = parse(with_run(R"toml(
[energy]
kinetic = "(p[0]^2 + p[1]^2)/2"
potential = "(q[0]^2 + q[1]^2)/2 + q[0]^2*q[1] - q[1]^3/3"
[initial]
q = [0.1, 0.2]
p = [0.3, 0.4]
)toml"));
  EXPECT_NEAR(energy(henon, "potential", *henon.initial.p), 0.05 / 2 + 0.01 * 0.2 - 0.008 / 3,
              1e-16);
}

TEST(SystemFile, ChainClusterAndPendulums) {
  const LoadedFile chain = parse(with_run(R"toml(
[parameters]
alpha = 0.25
[define]
bond(x) = "x^2/2 + alpha*x^3/3"
[energy]
kinetic = "sum(i, p[i]^2/2)"
links = "sum(i in 0..len(q)-1, bond(q[i+1] - q[i]))"
ends = "bond(q[0]) + bond(-q[len(q)-1])"
[initial]
q = [0.5, 0.25, -0.5, 1]
p = [0, 0, 0, 0]
)toml"));
  const auto bond = [](double x) { return x * x / 2 + 0.25 * x * x * x / 3; };
  EXPECT_NEAR(energy(chain, "links", *chain.initial.p), bond(-0.25) + bond(-0.75) + bond(1.5),
              1e-15);
  EXPECT_NEAR(energy(chain, "ends", *chain.initial.p), bond(0.5) + bond(-1), 1e-15);
  const LoadedFile cluster = parse(with_run(R"toml(
[parameters]
epsilon = 1.0
sigma = 1.0
[energy]
kinetic = "sum(i, dot(p[i], p[i])/2)"
lennard_jones = "sum(i<j, 4*epsilon*((sigma/norm(q[i]-q[j]))^12 - (sigma/norm(q[i]-q[j]))^6))"
[initial]
q = [[0, 0, 0], [1.5, 0, 0], [0, 1.25, 0]]
p = [[0, 0, 0], [0, 0, 0], [0, 0, 0]]
)toml"));
  const auto lj = [](double r) { return 4 * (std::pow(r, -12) - std::pow(r, -6)); };
  const double expected = lj(1.5) + lj(1.25) + lj(std::hypot(1.5, 1.25));
  EXPECT_NEAR(energy(cluster, "lennard_jones", *cluster.initial.p), expected, 1e-13);
  const LoadedFile pendulums = parse(with_run(R"toml(
[parameters]
k = 0.1
[energy]
kinetic = "sum(i, p[i]^2/2)"
gravity = "sum(i, 1 - cos(q[i]))"
coupling = "k*(q[0] - q[1])^2/2"
[initial]
q = [0.5, -0.1]
p = [0, 0]
[observe]
angles = "q"
swapped = "where(q[0] > q[1], 1, -1)"
)toml"));
  EXPECT_NEAR(energy(pendulums, "gravity", *pendulums.initial.p), 2 - std::cos(0.5) - std::cos(0.1),
              1e-15);
  EXPECT_EQ(pendulums.system.observables[0].value->result_type(0).shape, Shape{2});
}

TEST(SystemFile, DataFiles) {
  namespace fs = std::filesystem;
  const fs::path folder = fs::path(::testing::TempDir()) / "cotangent_data_files";
  fs::remove_all(folder);
  fs::create_directories(folder / "data");
  std::ofstream(folder / "data/q.csv") << "# positions\nx, y\n0.5, 1\n2 , 3 # here\n\n";
  std::ofstream(folder / "type.txt") << "0\n1\n";
  std::ofstream(folder / "system.toml") << with_run(R"toml(
[parameters]
type = {file = "type.txt"}
[energy]
h = "sum(i, dot(p[i], p[i])*type[i]) + dot(q[type[1]], q[1])"
[initial]
q = {file = "data/q.csv"}
p = [[0, 0], [1, 0]]
)toml");
  const LoadedFile f = load_system_file(folder / "system.toml");
  EXPECT_EQ(f.system.shape, (Shape{2, 2}));
  EXPECT_EQ(f.initial.q.as<double>()[2], 2);
  EXPECT_EQ(f.system.parameters.size(), 0u);
  EXPECT_EQ(f.files.size(), 3u);
  EXPECT_DOUBLE_EQ(energy(f, "h", *f.initial.p), 1 + 13);
  fs::remove_all(folder);
}

TEST(SystemFile, AMillionSitesFromADataFile) {
  namespace fs = std::filesystem;
  const fs::path folder = fs::path(::testing::TempDir()) / "cotangent_million";
  fs::remove_all(folder);
  fs::create_directories(folder);
  constexpr int kSites = 1'000'000;
  {
    std::ofstream q(folder / "q.csv");
    for (int i = 0; i < kSites; ++i) q << std::to_string(std::sin(i * 1e-3)) << "\n";
  }
  std::ofstream(folder / "chain.toml") << with_run(R"toml(
[parameters]
q0 = {file = "q.csv"}
[energy]
kinetic = "sum(i, p[i]^2/2)"
links = "sum(i in 0..len(q)-1, (q[i+1] - q[i])^2/2 + (q[i+1] - q[i])^4/4)"
ring = "sum(i, (q[(i+1) % len(q)] - q[i])^2/2)"
[initial]
q = "= q0"
p = "= 0*q0"
)toml");
  const std::clock_t start = std::clock();
  const LoadedFile f = load_system_file(folder / "chain.toml");
  const double took = seconds_since(start);
  EXPECT_EQ(f.system.shape, Shape{kSites});
  EXPECT_LT(took, 5) << "seconds to load";
  RecordProperty("seconds", std::to_string(took));
  EXPECT_LT(f.system.terms[1].energy->total_size(), 60u);
  fs::remove_all(folder);
}

}  // namespace
}  // namespace cotangent::formats
