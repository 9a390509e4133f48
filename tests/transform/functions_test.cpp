// Our elementary functions: reference numbers from MPFR (few points here, many in
// functions_slow_test.cpp), and exact values at the special points.
#include "tests/transform/function_cases.h"

namespace cotangent::transform {
namespace {

TEST(Functions, AgreeWithMpfrInF64) {
  check_functions(false, 3000);
}
TEST(Functions, AgreeWithMpfrInF32) {
  check_functions(true, 3000);
}

TEST(Functions, AgreeWithMpfrAtCornersInF64) {
  check_corners(false, 200);
}
TEST(Functions, AgreeWithMpfrAtCornersInF32) {
  check_corners(true, 200);
}

/// The C library follows IEEE 754 and C's annex F at the special values.
TEST(Functions, SpecialValues) {
  const double inf = INFINITY, nan = NAN;
  const std::vector<double> special = {
      0.0,   -0.0,  1,      -1,    inf,    -inf,   nan,     0.5,     -0.5,      2,
      -2,    3,     -3,     1e300, -1e300, 5e-324, -5e-324, 1e-310,  0x1p-1022, 0x1p1023,
      709.5, 710.5, -744.4, -746,  2.5,    -2.5,   0x1p53,  1e15 + 1};
  const auto n = static_cast<std::int64_t>(special.size());
  for (const OpInfo& entry : all_ops()) {
    const bool takes_floats = entry.domain == OpDomain::kFloat || is_transcendental(entry.op);
    if (!takes_floats || entry.arity > 2) continue;
    for (DType t : {DType::kF64, DType::kF32}) {
      SCOPED_TRACE(std::string(entry.name) + " " + std::string(name_of(t)));
      const std::int64_t size = entry.arity == 1 ? n : n * n;
      const Type type{t, Shape{size}};
      Tensors points(static_cast<std::size_t>(entry.arity), Tensor(type));
      for (std::int64_t i = 0; i < size; ++i) {
        for (std::size_t k = 0; k < points.size(); ++k) {
          points[k].set_real(i, special[static_cast<std::size_t>(k == 0 ? i % n : i / n)]);
        }
      }
      Builder b("f");
      Values x;
      for (int k = 0; k < entry.arity; ++k) x.push_back(b.param(type));
      const Tensor expected = evaluate(*b.finish({b.elementwise(entry.op, x)}), points)[0];
      const Tensor got = evaluate(*expanded(entry.op, type), points)[0];
      for (std::int64_t i = 0; i < size; ++i) {
        const auto e = static_cast<double>(expected.real(i)), g = static_cast<double>(got.real(i));
        const auto at = static_cast<double>(points[0].real(i));
        if (std::isnan(e)) {
          EXPECT_TRUE(std::isnan(g)) << at << " gives " << g;
        } else if (std::isinf(e) || e == 0) {
          EXPECT_EQ(g, e) << at << (points.size() > 1 ? static_cast<double>(points[1].real(i)) : 0);
          EXPECT_EQ(std::signbit(g), std::signbit(e)) << at;
        } else {
          const double bound =
              std::max(4e-16 * std::fabs(e), 5e-324) * (t == DType::kF32 ? 1e9 : 1);
          EXPECT_NEAR(g, e, t == DType::kF32 ? std::max(bound, 3e-45) : bound)
              << at << " " << (points.size() > 1 ? static_cast<double>(points[1].real(i)) : 0);
        }
      }
    }
  }
}

TEST(Functions, NothingTranscendentalIsLeft) {
  for (const OpInfo& entry : all_ops()) {
    if (!is_transcendental(entry.op)) continue;
    const FunctionPtr f = expanded(entry.op, scalar());
    for (const Node& node : f->nodes()) {
      EXPECT_FALSE(is_transcendental(node.op)) << entry.name;
    }
  }
}

/// A formula in f32 holds no number of 64 bits: one would halve the lanes of the whole loop.
TEST(Functions, F32StaysIn32Bits) {
  for (const OpInfo& entry : all_ops()) {
    if (!is_transcendental(entry.op)) continue;
    const FunctionPtr f = expanded(entry.op, scalar(DType::kF32));
    for (std::uint32_t id = 0; id < f->size(); ++id) {
      EXPECT_LE(size_of(f->type(Value{id}).dtype), 4u) << entry.name << "\n" << print(*f);
    }
  }
}

}  // namespace
}  // namespace cotangent::transform
