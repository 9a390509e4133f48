// The text form: print -> parse gives the same program, and garbage gives a UserError with a place.
#include "cotangent/ir/text.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include "cotangent/ir/builder.h"
#include "cotangent/ir/random_program.h"
#include "cotangent/ir/splitmix.h"
#include "cotangent/ir/verifier.h"

namespace cotangent::ir {
namespace {

void expect_round_trip(const Function& f) {
  const std::string text = print(f);
  const FunctionPtr again = parse(text);
  ASSERT_TRUE(structurally_equal(f, *again)) << text << "came back as\n" << print(*again);
  EXPECT_EQ(print(*again), text);
}

std::string message_of(const std::string& text) {
  try {
    parse(text);
  } catch (const UserError& e) {
    return e.what();
  }
  return "(accepted)";
}

void expect_refused(const std::string& text, const std::string& place, const std::string& part) {
  const std::string message = message_of(text);
  EXPECT_NE(message.find("program:" + place), std::string::npos) << message;
  EXPECT_NE(message.find(part), std::string::npos) << message;
}

TEST(Text, LooksLikeThis) {
  Builder body("pair");
  body.param(scalar(DType::kI64), "i");
  body.param(scalar(DType::kI64), "j");
  const Value qi = body.param({DType::kF64, {3}}, "at_i");
  const Value qj = body.param({DType::kF64, {3}}, "at_j");
  const Value d = body.sub(qi, qj);
  Builder b("gravity");
  const Value q = b.param({DType::kF64, {6, 3}}, "q");
  const Value q_twice[] = {q, q};
  const auto energy = b.pair_sum(
      {6, PairKind::kLess, 1, 1, {Role::kTotal}, body.finish({body.dot(d, d)})}, q_twice);
  const FunctionPtr f = b.finish({b.mul(energy[0], b.constant(-0.5))});
  EXPECT_EQ(print(*f),
            "function gravity(%0 q: f64[6,3]) {\n"
            "  %1 = pair_sum %0, %0 {count=6, kind=less, rows_i=1, rows_j=1, roles=[total]} : (f64)"
            " body pair(%0 i: i64, %1 j: i64, %2 at_i: f64[3], %3 at_j: f64[3]) {\n"
            "    %4 = sub %2, %3 : f64[3]\n"
            "    %5 = dot_general %4, %4 {batch_x=[], batch_y=[], contract_x=[0], contract_y=[0]}"
            " : f64\n"
            "    return %5\n"
            "  }\n"
            "  %2 = project %1 {index=0} : f64\n"
            "  %3 = constant -0.5 : f64\n"
            "  %4 = mul %2, %3 : f64\n"
            "  return %4\n"
            "}\n");
  expect_round_trip(*f);
}

TEST(Text, TwoThousandRandomProgramsComeBack) {
  for (std::uint64_t seed = 0; seed < 2000; ++seed) {
    RandomProgramOptions options;
    options.depth = static_cast<int>(seed % 4);
    options.differentiable = seed % 5 == 0;
    expect_round_trip(*random_program(seed, options));
    if (HasFatalFailure()) FAIL() << "seed " << seed;
  }
}

template <class T>
void expect_exact(std::initializer_list<T> values) {
  Builder b("");
  b.param({dtype_of_v<T>, {}}, "");
  const FunctionPtr f = b.finish(
      {b.constant(Tensor::of<T>(Shape{static_cast<std::int64_t>(values.size())}, values))});
  const FunctionPtr again = parse(print(*f));
  const Tensor& before = *f->attr_as<LiteralAttr>(Value{1}).value;
  const Tensor& after = *again->attr_as<LiteralAttr>(Value{1}).value;
  ASSERT_EQ(before.bytes(), after.bytes());
  EXPECT_EQ(std::memcmp(before.data(), after.data(), before.bytes()), 0) << print(*f);
}

TEST(Text, ConstantsAreExact) {
  using F64 = std::numeric_limits<double>;
  using F32 = std::numeric_limits<float>;
  expect_exact<double>({0.0, -0.0, 1.0, 0.1, 1.0 / 3, F64::max(), F64::lowest(), F64::min(),
                        F64::denorm_min(), -F64::denorm_min(), F64::epsilon(), F64::infinity(),
                        -F64::infinity(), F64::quiet_NaN(), -F64::quiet_NaN(), 1e22, 5e-324});
  expect_exact<float>({0.0f, -0.0f, 0.1f, F32::max(), F32::denorm_min(), F32::infinity(),
                       -F32::infinity(), F32::quiet_NaN(), -F32::quiet_NaN(), 16777216.0f});
  expect_exact<std::int64_t>({0, -1, INT64_MAX, INT64_MIN});
  expect_exact<std::uint64_t>({0, 1, UINT64_MAX});
  expect_exact<std::int32_t>({0, -1, INT32_MAX, INT32_MIN});
  expect_exact<std::uint32_t>({0, UINT32_MAX});
  expect_exact<bool>({true, false});
  SplitMix random(1);
  for (int k = 0; k < 2000; ++k) {
    expect_exact<double>({std::bit_cast<double>(random.next())});
    expect_exact<float>({std::bit_cast<float>(static_cast<std::uint32_t>(random.next()))});
  }
}

TEST(Text, NamesComeBack) {
  for (const std::string name : {"", "q", "_a.b", "9lives", "two words", "q\"uote\\", "tab\t\n\x01",
                                 "\xc3\xa9nergie", "return", "body"}) {
    Builder b(name);
    const Value x = b.param(scalar(), name);
    const FunctionPtr f = b.finish({b.neg(x)});
    const FunctionPtr again = parse(print(*f));
    EXPECT_EQ(again->name(), name);
    EXPECT_EQ(again->param_names()[0], name);
    expect_round_trip(*f);
  }
}

TEST(Text, LongConstantsAreCutOnRequest) {
  Builder b("f");
  const FunctionPtr f = b.finish({b.constant(Tensor::of<double>(Shape{4}, {1, 2, 3, 4}))});
  EXPECT_NE(print(*f, 2).find("constant [1, 2, ...] : f64[4]"), std::string::npos) << print(*f, 2);
  EXPECT_NE(print(*f, 0).find("constant [...] : f64[4]"), std::string::npos);
  EXPECT_EQ(print(*f, 4), print(*f));
  EXPECT_THROW(parse(print(*f, 2)), UserError);
}

TEST(Text, HandWrittenTextIsRead) {
  // Labels in any order, comments, equal nodes merged, constants folded.
  const FunctionPtr f = parse(R"(
    # twice the same
    function f(%7 x: f64[2], %3: f64[2]) {
      %40 = add %7, %3 : f64[2]   # here
      %41 = add %3, %7 : f64[2]
      %1 = constant 2 : f64  %2 = constant 3 : f64
      %0 = mul %1, %2 : f64
      return %40, %41, %0
    })");
  verify(*f);
  EXPECT_EQ(f->results()[0], f->results()[1]);
  EXPECT_TRUE(f->is_splat(f->results()[2], 6));
  EXPECT_EQ(parse("function f() { return }")->size(), 0u);
}

TEST(Text, ErrorsSayWhere) {
  expect_refused("", "1:1", "too early");
  expect_refused("function f(", "1:12", "too early");
  expect_refused("function f(%0 x: f63) {\n return %0 }", "1:18", "unknown type 'f63'");
  expect_refused("function f(%0: f64) {\n  %1 = tanhh %0 : f64\n  return %1\n}", "2:8",
                 "did you mean 'tanh'");
  expect_refused("function f(%0: f64) {\n  %1 = sin %2 : f64\n  return %1\n}", "2:12",
                 "%2 is not defined here");
  expect_refused("function f(%0: f64) {\n  %0 = sin %0 : f64\n  return %0\n}", "2:3",
                 "defined twice");
  expect_refused("function f(%0: f64[2], %1: f64[3]) {\n  %2 = add %0, %1 : f64[2]\n return %2 }",
                 "2:3", "[add] shapes differ: f64[2] and f64[3]");
  expect_refused("function f(%0: f64[2]) {\n  %2 = sin %0 : f64[3]\n return %2 }", "2:3",
                 "[sin] the type is not what the operands give");
  expect_refused("function f() {\n %0 = constant [1, 2] : f64[3]\n return %0 }", "2:2",
                 "2 elements for f64[3]");
  expect_refused("function f() { %0 = constant 1.5 : i64 return %0 }", "1:30", "'1.5'");
  expect_refused("function f() { %0 = constant 4294967296 : u32 return %0 }", "1:30", "4294967296");
  expect_refused("function f() { %0 = constant 1e999 : f64 return %0 }", "1:30", "1e999");
  expect_refused("function f() { %0 = constant infinity : f64 return %0 }", "1:30", "infinity");
  expect_refused("function f() { %0 = constant nan_0 : f64 return %0 }", "1:30", "nan_0");
  expect_refused("function f() { %0 = parameter {index=0} : f64 return %0 }", "1:21",
                 "unknown op 'parameter'");
  expect_refused("function f(%0: f64[4294967296,4294967296]) { return %0 }", "1:20", "too large");
  expect_refused("function f(%0: f64[65536,65536,2]) { return %0 }", "1:16", "too large");
  expect_refused("function f(%0: f64[1,1,1,1,1,1,1,1,1]) { return %0 }", "1:16", "9 axes");
  expect_refused("function f(%0: f64[]) { return %0 }", "1:16", "0 axes");
  expect_refused("function f(%0: f64) { return %0 } x", "1:35", "after the end");
  expect_refused("function \"f() { return }", "1:10", "closing quote");
  expect_refused("function f(%0: f64[2]) { %1 = project %0 {index=0} : f64 return %1 }", "1:26",
                 "[project]");
  const std::string map =
      "function f() { %0 = map {count=2, rows=0, roles=[stack]} : (f64[2]) body (%0: i64) {"
      " %1 = constant 1 : f64 return %1 } ";
  EXPECT_NO_THROW(parse(map + "%1 = project %0 {index=0} : f64[2] return %1 }"));
  const auto after_map = [&](std::size_t n) { return "1:" + std::to_string(map.size() + n); };
  expect_refused(map + "return %0 }", after_map(7), "returned whole");
  expect_refused(map + "%1 = neg %0 : f64 return %1 }", after_map(1), "read whole");
  expect_refused(map + "%1 = project %0 {index=1} : f64 return %1 }", after_map(1), "[project]");
  expect_refused(map + "%1 = project %0 {index=99999999999999999999} : f64 return %1 }",
                 after_map(24), "too large");
}

TEST(Text, NestingIsLimited) {
  const auto nested = [](int depth) {
    std::string head, tail;
    for (int k = 0; k < depth; ++k) {
      head += "%1 = map {count=1, rows=0, roles=[total]} : (f64) body (%0: i64) {";
      tail += "return %2 } %2 = project %1 {index=0} : f64 ";
    }
    return "function f(%0: i64) { " + head + "%2 = constant 1 : f64 " + tail + "return %2 }";
  };
  EXPECT_NO_THROW(parse(nested(64)));
  EXPECT_NE(message_of(nested(65)).find("nested too deeply"), std::string::npos);
  EXPECT_NE(message_of(nested(20000)).find("nested too deeply"), std::string::npos);
}

/// Random damage to real programs: every text is read or refused, nothing else happens.
TEST(Text, DamagedProgramsAreRefusedCleanly) {
  SplitMix random(7);
  static constexpr std::string_view kPieces[] = {"%",
                                                 "{",
                                                 "}",
                                                 "(",
                                                 ")",
                                                 "[",
                                                 "]",
                                                 ",",
                                                 ":",
                                                 "=",
                                                 "9223372036854775807",
                                                 "-1",
                                                 "0",
                                                 "f64",
                                                 "bool",
                                                 "body",
                                                 "return",
                                                 "nan",
                                                 "\"",
                                                 "\\",
                                                 "\xff",
                                                 "loop",
                                                 "[0]",
                                                 "2147483648",
                                                 "roles",
                                                 "concatenate",
                                                 "#",
                                                 "\n"};
  int accepted = 0;
  for (std::uint64_t seed = 0; seed < 400; ++seed) {
    RandomProgramOptions options;
    options.nodes = 5;
    const std::string text = print(*random_program(seed, options));
    for (int round = 0; round < 25; ++round) {
      std::string damaged = text;
      for (std::int64_t hits = random.between(1, 3); hits > 0; --hits) {
        const auto size = static_cast<std::int64_t>(damaged.size());
        const auto at = static_cast<std::size_t>(random.below(size));
        const auto length = static_cast<std::size_t>(random.below(12));
        const std::string_view piece = kPieces[random.below(std::size(kPieces))];
        switch (random.below(5)) {
          case 0: damaged.erase(at, length); break;
          case 1: damaged.insert(at, piece); break;
          case 2: damaged.replace(at, 1, piece); break;
          case 3: damaged.insert(at, text.substr(at / 2 % text.size(), length * 8)); break;
          default: {  // another digit: the structure stays, the numbers do not
            const std::size_t digit = damaged.find_first_of("0123456789", at);
            if (digit != std::string::npos)
              damaged[digit] = static_cast<char>('0' + random.below(10));
          }
        }
      }
      try {
        verify(*parse(damaged));
        ++accepted;
      } catch (const UserError&) {
      } catch (const InternalError& e) {
        FAIL() << "seed " << seed << ": " << e.what() << "\n" << damaged;
      }
    }
  }
  EXPECT_GT(accepted, 100);  // otherwise the damage never gets past the first lines
}

}  // namespace
}  // namespace cotangent::ir
