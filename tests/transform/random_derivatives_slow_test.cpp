// The many: 10,000 random programs, loops that keep little, maps, pair sums, branches among them.
#include <map>

#include "tests/transform/random_derivatives.h"

namespace cotangent::transform {
namespace {

/// How many of a program's loops keep what.
void count_keeps(const Function& f, std::map<KeepKind, int>& keeps) {
  for (std::uint32_t id = 0; id < f.size(); ++id) {
    const Value v{id};
    if (f.op(v) == Op::kLoop) ++keeps[f.attr_as<LoopAttr>(v).keep.kind];
    for (const FunctionPtr& body : bodies_of(f.attr(v))) count_keeps(*body, keeps);
  }
}

TEST(RandomDerivatives, TenThousandPrograms) {
  std::map<Op, int> with;
  std::map<KeepKind, int> keeps;
  std::uint64_t seed = 100000;
  for (int checked = 0; checked < 10000 && !HasFailure(); ++seed) {
    const FunctionPtr f = random_differentiable(seed);
    if (!check_random(*f, seed)) continue;
    ++checked;
    count_keeps(*f, keeps);
    for (const Op op : {Op::kLoop, Op::kMap, Op::kPairSum, Op::kCond, Op::kWhile, Op::kCall}) {
      with[op] += f->contains_op([op](Op there) { return there == op; });
    }
  }
  for (const auto& [op, count] : with) EXPECT_GT(count, 1000) << name_of(op);
  for (const KeepKind kind :
       {KeepKind::kAll, KeepKind::kEvery, KeepKind::kBinomial, KeepKind::kAuto}) {
    EXPECT_GT(keeps[kind], 500) << static_cast<int>(kind);
  }
  std::string counts;
  for (const auto& [op, count] : with)
    counts += std::string(name_of(op)) + "=" + std::to_string(count) + " ";
  RecordProperty("programs_with", counts);
}

}  // namespace
}  // namespace cotangent::transform
