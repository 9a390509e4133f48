// expand_math on whole programs: what is left, and what the values become.
#include "cotangent/ir/random_program.h"
#include "tests/transform/function_cases.h"

namespace cotangent::transform {
namespace {

int count_transcendental(const Function& f) {
  int count = 0;
  for (std::uint32_t id = 0; id < f.size(); ++id) {
    if (is_transcendental(f.op(Value{id}))) ++count;
    if (const FunctionPtr body = body_of(f.attr(Value{id}))) count += count_transcendental(*body);
  }
  return count;
}

TEST(ExpandMath, LeavesNothingTranscendentalInAnyBody) {
  int before = 0;
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    RandomProgramOptions options;
    options.nodes = 20;
    const FunctionPtr f = random_program(seed, options);
    before += count_transcendental(*f);
    const FunctionPtr g = expand_math(*f);
    verify(*g);
    EXPECT_EQ(count_transcendental(*g), 0) << seed << "\n" << print(*f);
  }
  EXPECT_GT(before, 300);  // the programs do hold some, in bodies too
}

/// Smooth programs, against the same program in long double. What the last places of a function are
/// worth at the end depends on the program: a few times what the C library's own rounding does to
/// it.
TEST(ExpandMath, KeepsTheValuesOfRandomPrograms) {
  int compared = 0, with_functions = 0;
  for (std::uint64_t seed = 0; seed < 400; ++seed) {
    RandomProgramOptions options;
    options.nodes = 15;
    options.differentiable = true;
    const FunctionPtr f = random_program(seed, options);
    const FunctionPtr g = expand_math(*f);
    const std::vector<Tensor> arguments = random_arguments(*f, seed);
    std::vector<Tensor> wide;
    for (const Tensor& t : arguments) wide.push_back(t.to_extended());
    EvaluateOptions extended;
    extended.extended = true;
    const long double exact = evaluate(*f, wide, extended)[0].real(0);
    const long double plain = evaluate(*f, arguments)[0].real(0);
    const long double ours = evaluate(*g, arguments)[0].real(0);
    if (!std::isfinite(static_cast<double>(exact)) || !std::isfinite(static_cast<double>(plain)))
      continue;
    ++compared;
    if (count_transcendental(*f) > 0) ++with_functions;
    const long double allowed = 1e-12L * (1 + std::fabs(exact)) + 100 * std::fabs(plain - exact);
    EXPECT_LE(std::fabs(ours - exact), allowed) << seed << "\n" << print(*f);
  }
  EXPECT_GT(compared, 300);
  EXPECT_GT(with_functions, 100);
}

TEST(ExpandMath, ArraysOfAnyShapeGiveTheBitsOfScalars) {
  std::mt19937_64 random(3);
  for (const OpInfo& entry : all_ops()) {
    if (!is_transcendental(entry.op)) continue;
    for (DType t : {DType::kF64, DType::kF32}) {
      const Type type{t, Shape{2, 3, 2}};
      Tensors arrays;
      for (int k = 0; k < entry.arity; ++k) arrays.push_back(random_like(type, random));
      const Tensor all = evaluate(*expanded(entry.op, type), arrays)[0];
      const FunctionPtr one = expanded(entry.op, scalar(t));
      for (std::int64_t i = 0; i < all.size(); ++i) {
        Tensors elements(arrays.size(), Tensor(scalar(t)));
        for (std::size_t k = 0; k < arrays.size(); ++k) elements[k].set_real(0, arrays[k].real(i));
        const Tensor got = evaluate(*one, elements)[0];
        Tensor expected(scalar(t));
        expected.set_real(0, all.real(i));
        EXPECT_TRUE(got.same_bits(expected)) << entry.name;
      }
    }
  }
}

TEST(ExpandMath, KeepsPlaces) {
  Builder b("f");
  const Value x = b.param(scalar());
  b.set_span({0, 3, 9});
  const FunctionPtr f = b.finish({b.unary(Op::kSin, x)});
  const FunctionPtr g = expand_math(*f);
  const auto spans = g->spans(g->results()[0]);
  ASSERT_EQ(spans.size(), 1u);
  EXPECT_EQ(spans[0], (SourceSpan{0, 3, 9}));
}

/// sin and cos of one value share the reduction and the square.
TEST(ExpandMath, SineAndCosineShareTheirWork) {
  Builder b("f");
  const Value x = b.param(scalar());
  const FunctionPtr both = expand_math(*b.finish({b.unary(Op::kSin, x), b.unary(Op::kCos, x)}));
  const std::size_t sine = expanded(Op::kSin, scalar())->size();
  EXPECT_LT(both->size(), sine + 12);
}

}  // namespace
}  // namespace cotangent::transform
