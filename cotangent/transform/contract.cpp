// Contraction to fma: the only one there is, so that every back end rounds alike.
#include "cotangent/transform/passes.h"
#include "cotangent/transform/rebuild.h"

namespace cotangent::transform {

using namespace ir;

FunctionPtr contract(const Function& f) {
  const std::vector<int> uses = use_counts(f);
  const auto product = [&](Value v) { return f.op(v) == Op::kMul && uses[v.id] == 1; };
  const RewriteRule rule = [&](Builder& b, Value v, std::span<const Value> x) -> Value {
    const Op op = f.op(v);
    if ((op != Op::kAdd && op != Op::kSub) || !is_float(f.type(v).dtype)) return {};
    // The later operand first: in a sum built left to right that is the newest product.
    for (std::size_t k : {std::size_t{1}, std::size_t{0}}) {
      if (!product(f.operand(v, k)) || f.operand(v, 0) == f.operand(v, 1)) continue;
      const Function& made = b.so_far();
      if (made.op(x[k]) != Op::kMul) continue;  // folded on the way
      Value left = made.operand(x[k], 0);
      const Value right = made.operand(x[k], 1);
      Value rest = x[1 - k];
      if (op == Op::kSub && k == 1) left = b.neg(left);
      if (op == Op::kSub && k == 0) rest = b.neg(rest);
      return b.fma(left, right, rest);
    }
    return {};
  };
  return rewrite(f, rule, contract);
}

}  // namespace cotangent::transform
