// Systems that are not canonical: what moves them is the program that the file says.
#include <gtest/gtest.h>

#include <cmath>

#include "cotangent/formats/system_file.h"
#include "cotangent/ir/evaluator.h"
#include "cotangent/mechanics/bracket.h"

namespace cotangent::formats {
namespace {

LoadedFile parse(const std::string& text, std::vector<Override> overrides = {}) {
  return parse_system_text("motion.toml", text, overrides);
}

std::vector<double> flat(const ir::Tensor& x) {
  const auto all = x.as<double>();
  return {all.begin(), all.end()};
}

/// f at the start (x, or q and p), time t, with the file's parameters.
std::vector<ir::Tensor> at_start(const LoadedFile& f, const ir::Function& function, double t = 0) {
  std::vector<ir::Tensor> arguments;
  if (f.system.form != mechanics::Form::kCanonical) {
    arguments = {f.initial.x};
  } else {
    arguments = {f.initial.q, *f.initial.p};
  }
  arguments.push_back(ir::Tensor::scalar_of(t));
  for (const mechanics::Parameter& p : f.system.parameters) arguments.push_back(p.value);
  return ir::evaluate(function, arguments);
}

const std::string kLorenz = R"toml([parameters]
sigma = 10.0
rho = 28.0
beta = "= 8/3"
[equations]
x = "sigma*(y - x)"
y = "x*(rho - z) - y"
z = "x*y - beta*z"
[initial]
x = 1.0
y = 2.0
z = 20.0
[run]
dt = 0.01
steps = 100
[observe]
r = "sqrt(x^2 + y^2 + z^2)"
)toml";

TEST(Motion, LorenzFromThreeScalars) {
  const LoadedFile f = parse(kLorenz);
  EXPECT_EQ(f.system.form, mechanics::Form::kEquations);
  EXPECT_EQ(f.system.shape, Shape{3});
  ASSERT_EQ(f.system.arrays.size(), 3u);
  EXPECT_EQ(f.system.arrays[2].name, "z");
  EXPECT_EQ(f.system.arrays[2].shape, Shape{});
  EXPECT_EQ(flat(f.initial.x), (std::vector<double>{1, 2, 20}));
  EXPECT_EQ(flat(at_start(f, *f.system.rate)[0]), (std::vector<double>{10, 6, 2 - 8.0 / 3 * 20}));
  EXPECT_EQ(flat(at_start(f, *f.system.observables[0].value)[0])[0], std::sqrt(405.0));
  EXPECT_TRUE(f.system.terms.empty());
}

TEST(Motion, OneArrayAndThreeWaysToSayIt) {
  const std::string rest =
      "[parameters]\ns = 10.0\n[initial]\nx = [1.0, 2.0, 4.0]\n[run]\ndt = 0.1\n"
      "steps = 3\n[equations]\n";
  const std::vector<double> wanted = {10 * (2 - 1), 0, 2 - 10 * 4};
  for (const char* rule : {"x = [\"s*(x[1] - x[0])\", 0, \"x[0]*x[1] - s*x[2]\"]",
                           "x = \"[s*(x[1] - x[0]), 0, x[0]*x[1] - s*x[2]]\"",
                           "\"x[i]\" = \"where(i == 0, s*(x[1] - x[0]), where(i == 1, 0, "
                           "x[0]*x[1] - s*x[2]))\""}) {
    const LoadedFile f = parse(rest + rule);
    EXPECT_EQ(flat(at_start(f, *f.system.rate)[0]), wanted) << rule;
  }
}

/// Particles x and v [3,2]: by whole arrays, by rows, by entries.
TEST(Motion, ArraysOfParticles) {
  const std::string rest = R"toml([parameters]
k = 2.0
m = [1.0, 2.0, 4.0]
[initial]
x = [[1.0, 2.0], [3.0, 5.0], [8.0, 13.0]]
v = [[0.1, 0.2], [0.3, 0.4], [0.5, 0.6]]
[run]
dt = 0.1
steps = 3
[equations]
)toml";
  const std::vector<double> x = {1, 2, 3, 5, 8, 13}, v = {0.1, 0.2, 0.3, 0.4, 0.5, 0.6};
  std::vector<double> wanted = v;
  for (std::size_t k = 0; k < 6; ++k) wanted.push_back(-(2.0 * x[k]) / std::pow(2.0, k / 2));
  for (const char* rule : {"x = \"v\"\n\"v[i]\" = \"-(k*x[i]) / m[i]\"",
                           "\"x[i]\" = \"v[i]\"\n\"v[i,c]\" = \"-(k*x[i,c]) / m[i]\"",
                           "x = [\"v[0]\", \"v[1]\", \"v[2]\"]\n\"v[i]\" = \"[-(k*x[i,0]) / m[i], "
                           "-(k*x[i,1]) / m[i]]\"",
                           "\"v[a]\" = \"-(k*x[a]) / m[a]\"\n\"x[a,b]\" = \"v[a,b]\""}) {
    const LoadedFile f = parse(rest + rule);
    EXPECT_EQ(flat(at_start(f, *f.system.rate)[0]), wanted) << rule;
  }
}

/// A row may read the others: dx_i/dt = sum_j sin(x_j - x_i), Kuramoto's oscillators.
TEST(Motion, RowsThatReadTheOthers) {
  const LoadedFile f = parse(
      "[initial]\nx = [0.1, 0.7, 2.0]\n[run]\ndt = 0.1\nsteps = 3\n[equations]\n"
      "\"x[i]\" = \"t + sum(j, sin(x[j] - x[i])) + x[(i+1) % len(x)]\"\n");
  const double x[] = {0.1, 0.7, 2.0};
  const auto got = flat(at_start(f, *f.system.rate, 0.5)[0]);
  for (std::size_t i = 0; i < 3; ++i) {
    double wanted = 0.5 + x[(i + 1) % 3];
    for (double y : x) wanted += std::sin(y - x[i]);
    EXPECT_NEAR(got[i], wanted, 1e-15);
  }
}

TEST(Motion, NamesOfTheStateAreFree) {
  const LoadedFile f = parse(
      "[define]\nspeed = \"v*v\"\n[initial]\nq = 1.5\nv = 2.0\n[run]\ndt = 0.1\nsteps = 3\n"
      "[equations]\nv = \"-q\"\nq = \"speed\"\n[observe]\nspeed_now = \"speed\"\n");
  EXPECT_EQ(flat(at_start(f, *f.system.rate)[0]), (std::vector<double>{4, -1.5}));
}

TEST(Motion, LogisticMap) {
  const LoadedFile f = parse(
      "[parameters]\nr = 4.0\n[map]\nx = \"r*x*(1 - x) + 0*t\"\n[initial]\nx = 0.25\n[run]\n"
      "steps = 10\n",
      {{"initial.x", "0.5"}});
  EXPECT_EQ(f.system.form, mechanics::Form::kMap);
  EXPECT_EQ(f.run.steps, 10);
  EXPECT_EQ(f.run.dt, 1);
  EXPECT_EQ(flat(at_start(f, *f.system.rate)[0]), std::vector<double>{1});
}

const std::string kTop = R"toml([parameters]
I = [1.0, 2.0, 3.0]
[structure]
kind = "lie_poisson"
J = [[0, "-z[2]", "z[1]"], ["z[2]", "0", "-z[0]"], ["-z[1]", "z[0]", "0"]]
[energy]
spin = "z[0]^2/(2*I[0]) + z[1]^2/(2*I[1]) + z[2]^2/(2*I[2])"
[initial]
z = [1.0, 0.1, 0.5]
[run]
dt = 0.01
steps = 10
[observe]
size = "norm(z)"
)toml";

/// Euler's equations of a free rigid body, dz/dt = z x (z/I).
TEST(Motion, FreeTopByItsMatrix) {
  const LoadedFile f = parse(kTop);
  EXPECT_EQ(f.system.form, mechanics::Form::kBracket);
  EXPECT_EQ(f.system.structure.kind, mechanics::Structure::Kind::kPoisson);
  EXPECT_EQ(flat(at_start(f, *f.system.structure.poisson)[0]),
            (std::vector<double>{0, -0.5, 0.1, 0.5, 0, -1, -0.1, 1, 0}));
  const double z[] = {1.0, 0.1, 0.5}, w[] = {1.0, 0.1 / 2, 0.5 / 3};
  const auto got = flat(at_start(f, *mechanics::vector_field(f.system))[0]);
  for (std::size_t k = 0; k < 3; ++k) {
    const std::size_t a = (k + 1) % 3, b = (k + 2) % 3;
    EXPECT_NEAR(got[k], z[a] * w[b] - z[b] * w[a], 1e-16);
  }
}

/// The algebra's name in place of its matrix: the same J.
TEST(Motion, FreeTopByItsAlgebra) {
  std::string text = kTop;
  const std::size_t begin = text.find("J = "), end = text.find('\n', begin);
  text.replace(begin, end - begin, "algebra = \"so3\"");
  const LoadedFile f = parse(text);
  EXPECT_EQ(f.system.structure.algebra, "so3");
  EXPECT_EQ(flat(at_start(f, *f.system.structure.poisson)[0]),
            flat(at_start(f, *parse(kTop).system.structure.poisson)[0]));
}

TEST(Motion, Metriplectic) {
  const LoadedFile f = parse(R"toml([parameters]
g = 0.5
[structure]
kind = "metriplectic"
J = [["0", "1", "0"], ["-1", "0", "0"], ["0", "0", "0"]]
metric = [["0", "0", "0"], ["0", "g", "-g*z[1]"], ["0", "-g*z[1]", "g*z[1]^2"]]
entropy = "z[2]"
[energy]
mechanical = "z[1]^2/2 + z[0]^2/2"
heat = "z[2]"
[initial]
z = [1.0, 0.5, 0.0]
[run]
dt = 0.01
steps = 10
)toml");
  EXPECT_EQ(f.system.structure.kind, mechanics::Structure::Kind::kMetriplectic);
  // A damped oscillator whose heat is counted: dp/dt = -q - g p, dheat/dt = g p^2.
  const auto got = flat(at_start(f, *mechanics::vector_field(f.system))[0]);
  EXPECT_EQ(got, (std::vector<double>{0.5, -1 - 0.5 * 0.5, 0.5 * 0.25}));
}

/// A damped oscillator: dp/dt = -q - g p (Bravetti, Cruz and Tapias 2017, section 2).
TEST(Motion, Contact) {
  const LoadedFile f = parse(R"toml([parameters]
g = 0.25
[structure]
kind = "contact"
[energy]
kinetic = "p[0]^2/2"
spring = "q[0]^2/2"
friction = "g*s"
[initial]
q = [1.0]
p = [0.5]
s = 2.0
[run]
dt = 0.01
steps = 10
)toml");
  EXPECT_EQ(f.system.arrays.size(), 3u);
  EXPECT_EQ(flat(f.initial.x), (std::vector<double>{1, 0.5, 2}));
  const auto got = flat(at_start(f, *mechanics::vector_field(f.system))[0]);
  EXPECT_EQ(got[0], 0.5);
  EXPECT_EQ(got[1], -1 - 0.25 * 0.5);
  EXPECT_EQ(got[2], 0.25 - (0.125 + 0.5 + 0.5));
}

TEST(Motion, CanonicalIsTheDefault) {
  const std::string text =
      "[energy]\nT = \"p[0]^2/2\"\n[initial]\nq = [1.0]\np = [0.5]\n"
      "[run]\ndt = 0.1\nsteps = 3\n";
  const LoadedFile f = parse(text + "[structure]\nkind = \"canonical\"\n");
  EXPECT_EQ(f.system.form, mechanics::Form::kCanonical);
  EXPECT_EQ(f.system.shape, Shape{1});
}

/// A screw about the z axis: q turns and climbs; what it does to p is to turn it.
TEST(Motion, SymmetryOfGivenAndLiftedMomenta) {
  const std::string text = R"toml([parameters]
pitch = 0.5
[energy]
T = "dot(p[0], p[0])/2"
[initial]
q = [[1.0, 2.0, 3.0]]
p = [[0.1, 0.2, 0.3]]
[run]
dt = 0.1
steps = 3
[symmetries]
lifted = {"dq[i]" = "[-q[i,1], q[i,0], pitch]"}
given = {"dq[i]" = "[-q[i,1], q[i,0], pitch]", dp = "[[-p[0,1], p[0,0], 0]]"}
)toml";
  const LoadedFile f = parse(text);
  ASSERT_EQ(f.system.symmetries.size(), 2u);
  EXPECT_TRUE(f.system.symmetries[0].lifted);
  EXPECT_FALSE(f.system.symmetries[1].lifted);
  for (const mechanics::Symmetry& s : f.system.symmetries) {
    const auto d = at_start(f, *s.generator);
    ASSERT_EQ(d.size(), 2u);
    EXPECT_EQ(d[0].type().shape, (Shape{1, 3}));
    EXPECT_EQ(flat(d[0]), (std::vector<double>{-2, 1, 0.5})) << s.name;
    EXPECT_EQ(flat(d[1]), (std::vector<double>{-0.2, 0.1, 0})) << s.name;
  }
}

TEST(Motion, SymmetryOfEquations) {
  const LoadedFile f = parse(kLorenz + "[symmetries]\nturn = {dx = \"-x\", dy = \"-y\"}\n");
  ASSERT_EQ(f.system.symmetries.size(), 1u);
  EXPECT_EQ(flat(at_start(f, *f.system.symmetries[0].generator)[0]),
            (std::vector<double>{-1, -2, 0}));
}

}  // namespace
}  // namespace cotangent::formats
