// Storage types in the array program: what takes them, what refuses them, casts, the text form.
#include <gtest/gtest.h>

#include <cmath>

#include "cotangent/ir/random_program.h"
#include "cotangent/ir/text.h"
#include "tests/ir/helpers.h"

namespace cotangent::ir {
namespace {

constexpr DType kStorage[] = {DType::kU8, DType::kI8, DType::kI16, DType::kF16, DType::kBF16};

std::string refusal(const std::function<void(Builder&)>& make) {
  Builder b("f");
  try {
    make(b);
  } catch (const UserError& e) {
    return e.what();
  }
  return "(accepted)";
}

// Every op of the table either moves elements or refuses storage types by name, with the remedy.
TEST(Storage, ArithmeticIsRefusedByName) {
  for (const OpInfo& entry : all_ops()) {
    if (moves_elements(entry.op) || entry.op == Op::kIota) continue;
    for (DType t : kStorage) {
      const std::vector<Type> in(entry.arity < 0 ? 2 : static_cast<std::size_t>(entry.arity),
                                 Type{t, {4}});
      if (in.empty()) continue;
      try {
        infer(entry.op, in, {}, {});
        ADD_FAILURE() << entry.name << " takes " << name_of(t);
      } catch (const UserError& e) {
        const std::string text = e.what();
        EXPECT_NE(text.find("[" + std::string(entry.name) + "]"), std::string::npos) << text;
        EXPECT_NE(text.find(std::string(name_of(t)) + " is a storage type"), std::string::npos)
            << text;
        EXPECT_NE(text.find(is_storage_float(t) ? "cast to f32 first" : "cast to i32 first"),
                  std::string::npos)
            << text;
      }
    }
  }
}

TEST(Storage, IndicesAndSumsAreRefused) {
  const auto gather = refusal(
      [](Builder& b) { b.gather(b.param({DType::kF64, {4}}), b.param({DType::kU8, {2}})); });
  EXPECT_NE(gather.find("[gather] does not compute with u8[2]"), std::string::npos) << gather;
  const auto total = refusal([](Builder& b) {
    Builder body("row");
    body.param(scalar(DType::kI64));
    MapAttr attr;
    attr.count = 4;
    attr.rows = 1;
    attr.roles = {Role::kTotal};
    attr.body = body.finish({body.param(scalar(DType::kF16))});
    const Value operands[] = {b.param({DType::kF16, {4}})};
    b.map(attr, operands);
  });
  EXPECT_NE(total.find("cannot sum f16"), std::string::npos) << total;
  const auto iota = refusal([](Builder& b) { b.iota({DType::kI8, {4}}, 0); });
  EXPECT_NE(iota.find("[iota]"), std::string::npos) << iota;
}

TEST(Storage, MovesLikeAnyOther) {
  for (DType t : kStorage) {
    Builder b("f");
    const Value x = b.param({t, {2, 3}});
    const Value parts[] = {x, b.reverse(x, {1})};
    const Value both = b.concatenate(parts, 0);
    const Value index = b.constant(Tensor::of<std::int64_t>(Shape{2}, {3, 0}));
    const Value rows = b.gather(both, index);
    const Value set = b.scatter_set(both, rows, std::span(&index, 1));
    const FunctionPtr f = b.finish({b.transpose(b.slice(set, {0, 0}, {4, 3}, {1, 2}), {1, 0})});
    Tensor in(Type{t, {2, 3}});
    for (std::int64_t k = 0; k < 6; ++k) in.set_real(k, k + 1);
    const Tensor out = evaluate(*f, std::vector<Tensor>{in})[0];
    // both = 123 456 321 654; row 3 = 654 goes to 3, row 0 to 0; then columns 0 and 2, transposed.
    const double want[] = {1, 4, 3, 6, 3, 6, 1, 4};
    ASSERT_EQ(out.type(), (Type{t, {2, 4}}));
    for (std::int64_t k = 0; k < 8; ++k) EXPECT_EQ(out.real(k), want[k]) << name_of(t) << k;
  }
}

double cast(double x, DType from, DType to) {
  const Tensor in = testing::run(Op::kCast, {filled(scalar(DType::kF64), x)}, {}, scalar(from));
  return static_cast<double>(testing::run(Op::kCast, {in}, {}, scalar(to)).real(0));
}

TEST(Storage, Casts) {
  const double inf = std::numeric_limits<double>::infinity();
  // Reals to integers truncate and saturate at the ends of the narrow type.
  EXPECT_EQ(cast(-1.9, DType::kF64, DType::kI8), -1);
  EXPECT_EQ(cast(300, DType::kF64, DType::kU8), 255);
  EXPECT_EQ(cast(-300, DType::kF32, DType::kI8), -128);
  EXPECT_EQ(cast(-0.5, DType::kF32, DType::kU8), 0);
  EXPECT_EQ(cast(1e300, DType::kF64, DType::kI16), 32767);
  EXPECT_EQ(cast(-inf, DType::kF64, DType::kI16), -32768);
  EXPECT_EQ(cast(std::nan(""), DType::kF16, DType::kI16), 0);
  EXPECT_EQ(cast(inf, DType::kBF16, DType::kU8), 255);
  // Integers wrap.
  EXPECT_EQ(cast(300, DType::kI32, DType::kU8), 44);
  EXPECT_EQ(cast(200, DType::kI64, DType::kI8), -56);
  EXPECT_EQ(cast(-1, DType::kI16, DType::kU8), 255);
  EXPECT_EQ(cast(200, DType::kU8, DType::kI8), -56);
  EXPECT_EQ(cast(-1, DType::kI8, DType::kU32), 4294967295.0);
  EXPECT_EQ(cast(255, DType::kU8, DType::kI64), 255);
  // Rounding to 16 bits happens once, from f64 and from integers alike.
  EXPECT_EQ(cast(1 + 0x1p-11 + 0x1p-50, DType::kF64, DType::kF16), 1 + 0x1p-10);
  EXPECT_EQ(cast(2049, DType::kI32, DType::kF16), 2048);
  EXPECT_EQ(cast(2051, DType::kI32, DType::kF16), 2052);
  EXPECT_EQ(cast(65520, DType::kI64, DType::kF16), inf);
  EXPECT_EQ(cast(257, DType::kU32, DType::kBF16), 256);
  EXPECT_EQ(cast(0.1, DType::kF16, DType::kF64), 0.0999755859375);
  EXPECT_EQ(cast(0.1, DType::kBF16, DType::kF16), 0.10009765625);
  // To bool: not zero.
  EXPECT_EQ(cast(0x1p-24, DType::kF16, DType::kBool), 1);
  EXPECT_EQ(cast(-0.0, DType::kF16, DType::kBool), 0);
  EXPECT_EQ(cast(std::nan(""), DType::kBF16, DType::kBool), 1);
  EXPECT_EQ(cast(3, DType::kBool, DType::kF16), 1);
  EXPECT_EQ(cast(-128, DType::kI8, DType::kBool), 1);
}

TEST(Storage, EveryConstantComesBackFromText) {
  for (DType t : kStorage) {
    const std::int64_t n = size_of(t) == 1 ? 256 : 65536;
    Tensor all(Type{t, {n}});
    for (std::int64_t k = 0; k < n; ++k) {
      const auto bits = static_cast<std::uint16_t>(k);
      std::memcpy(all.data() + static_cast<std::size_t>(k) * size_of(t), &bits, size_of(t));
    }
    Builder b("f");
    const FunctionPtr f = b.finish({b.constant(all)});
    const FunctionPtr again = parse(print(*f));
    EXPECT_TRUE(structurally_equal(*f, *again)) << name_of(t);
  }
}

TEST(Storage, ConstantsFold) {
  Builder b("f");
  const Value c = b.cast(b.constant(1.0 / 3), DType::kBF16);
  EXPECT_EQ(b.so_far().op(c), Op::kConstant);
  EXPECT_TRUE(b.so_far().is_splat(b.cast(c, DType::kF64), 0.333984375));
  EXPECT_EQ(b.constant(0.1, DType::kF16), b.cast(b.constant(0.1), DType::kF16));
  EXPECT_THROW(b.constant(256, DType::kU8), UserError);
  EXPECT_THROW(b.constant(-129, DType::kI8), UserError);
}

}  // namespace
}  // namespace cotangent::ir
