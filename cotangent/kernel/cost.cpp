#include "cotangent/kernel/cost.h"

#include <algorithm>
#include <optional>

namespace cotangent::kernel {
namespace {

class Counter {
 public:
  explicit Counter(const Program& program) : program_(program), mean_(program.types.size()) {}

  Cost run() {
    const Cost all = block(program_.body);
    return steps_.per_step ? steps_ : all;
  }

 private:
  Cost block(const Block& b) {
    ++depth_;
    Cost sum;
    for (const Instr& i : b.instrs) add(sum, i);
    --depth_;
    return sum;
  }

  void add(Cost& sum, const Instr& i) {
    switch (i.code) {
      case Code::kConst:
        if (i.dtype == DType::kI64) {
          mean_[i.result] = static_cast<double>(static_cast<std::int64_t>(i.bits));
        }
        break;
      case Code::kOp:
        if (ir::is_far_angle(i.op)) break;  // hardly ever runs
        if (is_float(program_.types[i.operands.back()])) {
          sum.flops += i.op == ir::Op::kFma ? 2 : 1;
        } else if (i.op == ir::Op::kAdd || i.op == ir::Op::kSub) {
          const auto x = mean_[i.operands[0]], y = mean_[i.operands[1]];
          if (x && y) mean_[i.result] = i.op == ir::Op::kAdd ? *x + *y : *x - *y;
        }
        break;
      case Code::kLoad:
      case Code::kStore: sum.bytes += static_cast<double>(size_of(i.dtype)); break;
      case Code::kCall: break;  // the library's, which has no instructions here
      case Code::kFor: loop(sum, i); break;
      case Code::kWhile: once(sum, block(*i.body)); break;  // how often nobody knows
      case Code::kIf: {
        if (!i.other) break;  // an output at a cadence
        const Cost yes = block(*i.body), no = block(*i.other);
        once(sum, yes.flops > no.flops ? yes : no);
        break;
      }
    }
  }

  static void once(Cost& sum, const Cost& inside) {
    sum.flops += inside.flops;
    sum.bytes += inside.bytes;
  }

  /// Bounds that other loops give, as in a triangle, count with their mean.
  void loop(Cost& sum, const Instr& i) {
    const auto lo = mean_[i.operands[0]], hi = mean_[i.operands[1]];
    if (lo && hi) mean_[i.index] = (*lo + *hi - 1) / 2;
    const Cost inside = block(*i.body);
    if (!hi && depth_ == 1) {
      steps_.flops += inside.flops;
      steps_.bytes += inside.bytes;
      steps_.per_step = true;
    }
    const double trip = lo && hi ? std::max(*hi - *lo, 0.0) : 1;
    sum.flops += trip * inside.flops;
    sum.bytes += trip * inside.bytes;
  }

  const Program& program_;
  std::vector<std::optional<double>> mean_;  ///< of integers, where known
  Cost steps_;
  int depth_ = 0;
};

}  // namespace

Cost cost_of(const Program& program) {
  return Counter(program).run();
}

}  // namespace cotangent::kernel
