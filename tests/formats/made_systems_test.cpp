// Systems of functions as files: programs in place of expressions, to the same bits.
#include <gtest/gtest.h>

#include "cotangent/array/check.h"
#include "cotangent/array/implicit.h"
#include "cotangent/array/linear_algebra.h"
#include "cotangent/array/products.h"
#include "cotangent/base/error.h"
#include "cotangent/formats/system_file.h"
#include "cotangent/mechanics/flow.h"
#include "cotangent/mechanics/traced_system.h"

namespace cotangent::formats {
namespace {

using array::dot;
using mechanics::NamedArrays;
using mechanics::Traced;

const std::vector<Override> kRun = {{"run.dt", "0.05"}, {"run.steps", "200"}};

mechanics::System springs() {
  const array::Array m = array::Array::of({1.0, 0.1, 3e-7});
  mechanics::System system = mechanics::hamiltonian(
      Shape{3}, {mechanics::parameter("m", m), mechanics::parameter("k", 1.7)},
      [](const Traced& at) {
        return NamedArrays{{"kinetic", dot(at.p(), at.p() / at["m"]) / 2},
                           {"potential", at["k"] * dot(sin(at.q()), sin(at.q()))}};
      },
      {"springs", std::make_shared<const SourceFile>(SourceFile{"springs.py", "def f"})});
  mechanics::observe(system, [](const Traced& at) { return NamedArrays{{"speed", at.v()}}; }, 4);
  return system;
}

mechanics::InitialState start() {
  mechanics::InitialState initial;
  initial.q = ir::Tensor::of<double>({3}, std::vector<double>{0.1, 1.0 / 3, -2e-9});
  initial.v = ir::Tensor::of<double>({3}, std::vector<double>{0, 1, 1e5});
  return initial;
}

std::string refusal(const std::string& text) {
  try {
    parse_system_text("a.toml", text);
  } catch (const UserError& e) {
    return e.what();
  }
  return "";
}

/// The state a run of it ends in.
std::string end_of(const LoadedFile& file) {
  const mechanics::Facts facts = mechanics::find_facts(file.system, file.initial);
  const mechanics::Plan plan = mechanics::make_plan(file.system, facts, file.run, &file.initial);
  return mechanics::Flow::compile(file.system, facts, plan)
      ->run(file.initial, plan.steps)
      .state_hash;
}

TEST(MadeSystems, AreFilesOfTheSameBits) {
  const LoadedFile made = settle(springs(), start(), kRun);
  const std::string text = system_text(made);
  EXPECT_NE(text.find("[energy.kinetic]\nprogram = '''\nfunction kinetic("), std::string::npos)
      << text;
  const LoadedFile read = parse_system_text("a.toml", text);
  EXPECT_EQ(read.system.title, "springs");
  ASSERT_EQ(read.system.terms.size(), 2u);
  for (std::size_t k = 0; k < 2; ++k) {
    EXPECT_EQ(read.system.terms[k].name, made.system.terms[k].name);
    EXPECT_TRUE(structurally_equal(*read.system.terms[k].energy, *made.system.terms[k].energy));
  }
  ASSERT_EQ(read.system.observables.size(), 1u);
  EXPECT_EQ(read.system.observables[0].every, 4);
  EXPECT_TRUE(
      structurally_equal(*read.system.observables[0].value, *made.system.observables[0].value));
  EXPECT_TRUE(read.system.parameters[0].value.same_bits(made.system.parameters[0].value));
  EXPECT_TRUE(read.initial.v->same_bits(*made.initial.v));
  EXPECT_EQ(end_of(read), end_of(made));
  EXPECT_EQ(system_text(read), text);
}

TEST(MadeSystems, SetParametersAndSettingsAreInTheText) {
  std::vector<Override> overrides = kRun;
  overrides.insert(
      overrides.end(),
      {{"parameters.k", "2.5"}, {"observe.first", "\"q[0]\""}, {"run.method", "\"leapfrog\""}});
  const LoadedFile read =
      parse_system_text("a.toml", system_text(settle(springs(), start(), overrides)));
  EXPECT_EQ(read.system.parameters[1].value.real(0), 2.5);
  EXPECT_EQ(read.run.method, "leapfrog");
  ASSERT_EQ(read.system.observables.size(), 2u);
  EXPECT_EQ(read.system.observables[1].name, "first");
}

TEST(MadeSystems, ChecksAndRootsAreInThem) {
  const auto system = mechanics::hamiltonian(Shape{1}, {}, [](const Traced& at) {
    const auto of = [](const array::Array& x, const array::Array& r) { return x * x - r - 1.0; };
    const array::Array r = array::check(dot(at.q(), at.q()), at.q()(0) < 4.0, "too far");
    return NamedArrays{{"kinetic", dot(at.p(), at.p()) / 2},
                       {"potential", array::find_root(of, array::Array(1.1), {}, r)}};
  });
  mechanics::InitialState initial;
  initial.q = initial.p.emplace(ir::Tensor::of<double>({1}, std::vector<double>{0.5}));
  const LoadedFile made = settle(system, initial, kRun);
  EXPECT_EQ(end_of(parse_system_text("a.toml", system_text(made))), end_of(made));
}

TEST(MadeSystems, EquationsAreOneProgram) {
  const auto decay = mechanics::equations({{"x", Shape{2}, {}}, {"y", Shape{}, {}}},
                                          {mechanics::parameter("r", 0.3)}, [](const Traced& at) {
                                            return NamedArrays{{"y", -at["y"] * at["r"]},
                                                               {"x", at["x"] * at["y"]}};
                                          });
  mechanics::InitialState initial;
  initial.x = ir::Tensor::of<double>({3}, std::vector<double>{1, 2, 3});
  const LoadedFile made = settle(decay, initial, kRun);
  const LoadedFile read = parse_system_text("a.toml", system_text(made));
  EXPECT_TRUE(structurally_equal(*read.system.rate, *made.system.rate));
  EXPECT_EQ(read.system.arrays[1].name, "y");
  EXPECT_EQ(end_of(read), end_of(made));
}

TEST(MadeSystems, LiePoissonNamesItsAlgebra) {
  const auto top = mechanics::lie_poisson_system("so3", {}, [](const Traced& at) {
    return NamedArrays{{"spin", dot(at["z"], at["z"] * at["z"])}};
  });
  mechanics::InitialState initial;
  initial.x = ir::Tensor::of<double>({3}, std::vector<double>{1, 0.1, 0.2});
  const LoadedFile made = settle(top, initial, kRun);
  const std::string text = system_text(made);
  EXPECT_NE(text.find("algebra = \"so3\""), std::string::npos) << text;
  EXPECT_EQ(end_of(parse_system_text("a.toml", text)), end_of(made));
}

/// What nothing set is open: a file that is told how to run, or a Python program's system.
TEST(MadeSystems, TimesMayBeOpen) {
  const LoadedFile made = settle(springs(), start(), {}, {}, Times::kOpen);
  EXPECT_EQ(made.run.dt, 0);
  const std::string text = system_text(made);
  EXPECT_EQ(text.find("dt ="), std::string::npos) << text;
  EXPECT_NE(refusal(text).find("'dt' is missing in [run]"), std::string::npos) << refusal(text);
  const LoadedFile open = parse_system_text("a.toml", text, {}, {}, {}, {}, Times::kOpen);
  EXPECT_EQ(open.run.dt, 0);
  EXPECT_EQ(open.run.steps, 1000);
  EXPECT_EQ(parse_system_text("a.toml", text, kRun).run.dt, 0.05);
}

TEST(MadeSystems, StartElsewhere) {
  mechanics::InitialState other = start();
  other.v.reset();
  other.p = ir::Tensor::of<double>({3}, std::vector<double>{5, 6, 7});
  const LoadedFile made = settle(springs(), start(), kRun);
  const LoadedFile read = parse_system_text("a.toml", system_text(made, &other));
  EXPECT_FALSE(read.initial.v);
  EXPECT_TRUE(read.initial.p->same_bits(*other.p));
}

TEST(MadeSystems, StartsAreSetAsParametersAre) {
  std::vector<Override> overrides = kRun;
  overrides.push_back({"initial.p", "[5, 6.5, 7]"});
  const LoadedFile made = settle(springs(), start(), overrides);
  EXPECT_FALSE(made.initial.v);
  EXPECT_EQ(made.initial.p->real(1), 6.5);
  EXPECT_TRUE(parse_system_text("a.toml", system_text(made)).initial.p->same_bits(*made.initial.p));
  const auto refused = [&](const std::string& key, const std::string& value) -> std::string {
    try {
      settle(springs(), start(), {{"run.dt", "1"}, {"run.steps", "2"}, {key, value}});
    } catch (const UserError& e) {
      return e.what();
    }
    return "";
  };
  EXPECT_NE(refused("initial.q", "[1.0]").find("[3], as the system was made for"),
            std::string::npos);
  EXPECT_NE(refused("initial.x", "[1.0]").find("unknown key 'x'"), std::string::npos);
}

TEST(MadeSystems, WhatAFileCannotNameIsRefused) {
  const auto named = mechanics::hamiltonian(
      Shape{1}, {mechanics::parameter("\xCF\x89", 2.0)},
      [](const Traced& at) { return NamedArrays{{"h", dot(at.p(), at.p()) * at["\xCF\x89"]}}; });
  mechanics::InitialState initial;
  initial.q = initial.p.emplace(ir::Tensor::of<double>({1}, std::vector<double>{1}));
  try {
    system_text(settle(named, initial, kRun));
    FAIL();
  } catch (const UserError& e) {
    EXPECT_NE(std::string(e.what()).find("cannot name a parameter"), std::string::npos) << e.what();
  }
}

class BadPrograms : public ::testing::Test {
 protected:
  static std::string with(const std::string& program, const std::string& head = "") {
    return refusal(head +
                   "[parameters]\nk = 1.0\n[initial]\nq = [1.0]\np = [0.0]\n[run]\ndt = 0.1\n"
                   "steps = 3\n[energy.h]\nprogram = '''\n" +
                   program + "'''\n");
  }
  static constexpr const char* kGood =
      "function h(%0 q: f64[1], %1 p: f64[1], %2 t: f64, %3 k: f64) {\n"
      "  %4 = mul %1, %1 : f64[1]\n  %5 = reshape %4 : f64\n  return %5\n}\n";
};

TEST_F(BadPrograms, GoodOne) {
  EXPECT_EQ(with(kGood), "");
}

TEST_F(BadPrograms, ArePlacedInTheFile) {
  std::string text = kGood;
  text.replace(text.find("mul"), 3, "mol");
  const std::string said = with(text);
  EXPECT_NE(said.find("a.toml:12:8"), std::string::npos) << said;
  EXPECT_NE(said.find("unknown op 'mol'"), std::string::npos) << said;
}

TEST_F(BadPrograms, WantTheSystemsArguments) {
  std::string swapped = kGood;
  swapped.replace(swapped.find(" k: f64"), 7, " K: f64");
  EXPECT_NE(with(swapped).find("takes other arguments than the system has"), std::string::npos);
  std::string shaped = kGood;
  shaped.replace(shaped.find("f64[1]"), 6, "f64[2]");
  EXPECT_NE(with(shaped).find("q: f64[1], p: f64[1], t: f64, k: f64"), std::string::npos)
      << with(shaped);
}

TEST_F(BadPrograms, WantOneNumber) {
  std::string two = kGood;
  two.replace(two.find("return %5"), 9, "return %4");
  EXPECT_NE(with(two).find("gives other results"), std::string::npos) << with(two);
}

TEST_F(BadPrograms, HaveNoUnits) {
  EXPECT_NE(with(kGood, "[units]\nlength = \"m\"\n").find("this file has units"),
            std::string::npos);
}

TEST_F(BadPrograms, KeepToMemory) {
  const std::string large =
      "function h(%0 q: f64[1], %1 p: f64[1], %2 t: f64, %3 k: f64) {\n"
      "  %4 = broadcast %3 {axes=[]} : f64[1000000000]\n"
      "  %5 = reduce_sum %4 {axes=[0]} : f64\n  return %5\n}\n";
  EXPECT_NE(with(large).find("has a value f64[1000000000]"), std::string::npos) << with(large);
}

}  // namespace
}  // namespace cotangent::formats
