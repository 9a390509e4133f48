#include "cotangent/ir/random_program.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "cotangent/ir/evaluator.h"
#include "cotangent/ir/shrink.h"
#include "cotangent/ir/splitmix.h"
#include "cotangent/ir/text.h"
#include "cotangent/ir/verifier.h"

namespace cotangent::ir {
namespace {

/// What occurs in a program: ops, and the ways second-order ops are used.
void survey(const Function& f, int depth, std::map<std::string, int>& seen) {
  ++seen["depth " + std::to_string(depth)];
  for (std::uint32_t id = 0; id < f.size(); ++id) {
    const Value v{id};
    ++seen[std::string(name_of(f.op(v)))];
    ++seen["type " + std::string(name_of(f.type(v).dtype))];
    if (f.type(v).size() == 0) ++seen["empty array"];
    if (f.type(v).shape.rank() > 0 && f.type(v).shape[0] > 8) ++seen["more than 8 rows"];
    if (info(f.op(v)).kind == OpKind::kReduce && f.type(f.operand(v, 0)).size() > 8) {
      ++seen["reduction of more than 8"];
    }
    if (const auto* a = std::get_if<MapAttr>(&f.attr(v))) {
      for (Role r : a->roles) ++seen[r == Role::kStack ? "map stack" : "map total"];
    }
    if (const auto* a = std::get_if<PairAttr>(&f.attr(v))) {
      ++seen[a->kind == PairKind::kLess ? "pair less" : "pair unequal"];
      for (Role r : a->roles) {
        ++seen[r == Role::kTotal ? "pair total" : r == Role::kAtI ? "pair at i" : "pair at j"];
      }
    }
    if (const auto* a = std::get_if<LoopAttr>(&f.attr(v))) {
      ++seen[a->dynamic ? "loop dynamic" : "loop static"];
      if (a->inputs > 0) ++seen["loop inputs"];
      if (a->invariants > 0) ++seen["loop invariants"];
      for (std::int64_t every : a->every) ++seen[every > 1 ? "loop every" : "loop output"];
      if (a->carries > 0 && a->dynamic && f.op(f.operands(v).back()) != Op::kConstant) {
        ++seen["loop count computed"];
      }
    }
    if (const auto* a = std::get_if<WhileAttr>(&f.attr(v))) {
      ++seen[a->limit > 0 ? "while limited" : "while unlimited"];
      if (a->invariants > 0) ++seen["while invariants"];
    }
    if (f.op(v) == Op::kCheck && f.operands(v).size() == 3) ++seen["check payload"];
    if (f.op(v) == Op::kCheck && depth > 0) ++seen["check in a body"];
    for (const FunctionPtr& body : bodies_of(f.attr(v))) survey(*body, depth + 1, seen);
  }
}

// The published sequence of splitmix64 from the seed 1234567.
TEST(SplitMix, GivesThePublishedNumbers) {
  SplitMix random(1234567);
  for (const std::uint64_t expected :
       {6457827717110365317u, 3203168211198807973u, 9817491932198370423u, 4593380528125082431u,
        16408922859458223821u}) {
    EXPECT_EQ(random.next(), expected);
  }
}

TEST(RandomProgram, EveryOpAndEveryUseIsDrawn) {
  std::map<std::string, int> seen;
  RandomProgramOptions all;
  all.fourier = true;
  for (std::uint64_t seed = 0; seed < 1500; ++seed) survey(*random_program(seed, all), 0, seen);
  for (const OpInfo& op : all_ops()) {
    if (is_far_angle(op.op)) continue;  // come with sin, cos and tan
    EXPECT_GE(seen[std::string(op.name)], 20) << op.name;
  }
  for (const char* use : {"depth 0",          "depth 1",
                          "depth 2",          "type f64",
                          "type f32",         "type i32",
                          "type i64",         "type u32",
                          "type u64",         "type bool",
                          "type u8",          "type i8",
                          "type i16",         "type f16",
                          "type bf16",        "empty array",
                          "more than 8 rows", "reduction of more than 8",
                          "map stack",        "map total",
                          "pair less",        "pair unequal",
                          "pair total",       "pair at i",
                          "pair at j",        "loop dynamic",
                          "loop static",      "loop inputs",
                          "loop invariants",  "loop every",
                          "loop output",      "loop count computed",
                          "while limited",    "while unlimited",
                          "while invariants", "check payload",
                          "check in a body"}) {
    EXPECT_GE(seen[use], 20) << use;
  }
  EXPECT_EQ(seen["depth 3"], 0);
}

TEST(RandomProgram, IsWellFormedAndEvaluates) {
  std::int64_t finite = 0, total = 0;
  for (std::uint64_t seed = 0; seed < 600; ++seed) {
    const FunctionPtr f = random_program(seed);
    ASSERT_NO_THROW(verify(*f)) << seed << "\n" << print(*f);
    for (const bool special : {false, true}) {
      const auto results = evaluate(*f, random_arguments(*f, seed, special));
      ASSERT_EQ(results.size(), f->results().size());
      ASSERT_GE(results.size(), 1u);
      for (std::size_t k = 0; k < results.size(); ++k) {
        EXPECT_EQ(results[k].type(), f->result_type(k));
        if (special || !is_float(results[k].type().dtype)) continue;
        total += results[k].size();
        for (std::int64_t e = 0; e < results[k].size(); ++e) {
          finite += std::isfinite(results[k].real(e)) ? 1 : 0;
        }
      }
    }
  }
  // Mostly finite, or comparisons of bits compare NaN with NaN; but not always.
  EXPECT_GT(finite, total * 8 / 10);
  EXPECT_LT(finite, total);
}

TEST(RandomProgram, SameSeedSameProgram) {
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    EXPECT_EQ(print(*random_program(seed)), print(*random_program(seed)));
  }
  EXPECT_NE(print(*random_program(1)), print(*random_program(2)));
  const FunctionPtr f = random_program(3);
  const auto a = random_arguments(*f, 4), b = random_arguments(*f, 4), c = random_arguments(*f, 5);
  bool differs = false;
  for (std::size_t k = 0; k < a.size(); ++k) {
    EXPECT_TRUE(a[k].same_bits(b[k]));
    differs = differs || !a[k].same_bits(c[k]);
  }
  EXPECT_TRUE(differs);
}

TEST(RandomProgram, DifferentiableOnesAreModerate) {
  for (std::uint64_t seed = 0; seed < 400; ++seed) {
    RandomProgramOptions options;
    options.differentiable = true;
    const FunctionPtr f = random_program(seed, options);
    ASSERT_EQ(f->results().size(), 1u);
    ASSERT_EQ(f->result_type(0), scalar());
    for (std::size_t k = 0; k < f->params().size(); ++k) {
      EXPECT_EQ(f->param_type(k).dtype, DType::kF64);
    }
    const auto result = evaluate(*f, random_arguments(*f, seed));
    ASSERT_TRUE(std::isfinite(result[0].real(0))) << print(*f);
    EXPECT_LT(std::fabs(result[0].real(0)), 1e3L) << print(*f);
  }
}

TEST(RandomProgram, OptionsLeaveOut) {
  std::map<std::string, int> seen;
  RandomProgramOptions options;
  options.transcendental = false;
  options.f32 = false;
  options.depth = 0;
  for (std::uint64_t seed = 0; seed < 300; ++seed) survey(*random_program(seed, options), 0, seen);
  for (const char* absent : {"sin", "exp", "pow", "tanh", "type f32", "map", "loop", "pair_sum"}) {
    EXPECT_EQ(seen[absent], 0) << absent;
  }
}

bool contains(const Function& f, Op wanted) {
  return f.contains_op([wanted](Op op) { return op == wanted; });
}

TEST(Shrink, LeavesTheCause) {
  int tried = 0;
  for (std::uint64_t seed = 0; seed < 400 && tried < 20; ++seed) {
    const FunctionPtr f = random_program(seed);
    if (!contains(*f, Op::kErf)) continue;
    ++tried;
    const FunctionPtr small = shrink(f, [](const Function& g) {
      verify(g);
      return contains(g, Op::kErf);
    });
    EXPECT_TRUE(contains(*small, Op::kErf));
    EXPECT_LE(small->total_size(), 20u) << print(*small);
  }
  EXPECT_EQ(tried, 20);
}

TEST(Shrink, ByValue) {
  // "Fails" when a result is NaN: the shrunk program still gives one and little else.
  int tried = 0;
  const auto gives_nan = [](const Function& g) {
    for (const Tensor& t : evaluate(g, random_arguments(g, 1))) {
      for (std::int64_t k = 0; is_float(t.type().dtype) && k < t.size(); ++k) {
        if (std::isnan(t.real(k))) return true;
      }
    }
    return false;
  };
  for (std::uint64_t seed = 0; seed < 200 && tried < 8; ++seed) {
    const FunctionPtr f = random_program(seed);
    if (!gives_nan(*f)) continue;
    ++tried;
    const FunctionPtr small = shrink(f, gives_nan);
    EXPECT_TRUE(gives_nan(*small));
    EXPECT_LE(small->total_size(), f->total_size());
    EXPECT_LE(small->total_size(), 18u) << print(*small);
  }
  EXPECT_EQ(tried, 8);
}

}  // namespace
}  // namespace cotangent::ir
