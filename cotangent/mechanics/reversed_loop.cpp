#include "cotangent/mechanics/reversed_loop.h"

namespace cotangent::mechanics {

using ir::Builder;
using ir::Value;

ReversedLoop::ReversedLoop(Builder& outer, std::int64_t trip, Value count)
    : outer(outer),
      iteration(body.param(ir::scalar(DType::kI64), "iteration")),
      in(outer, body),
      count(count) {
  loop.trip = trip;
  loop.dynamic = true;
}

Value ReversedLoop::row(Value rows, const std::string& name) {
  const ir::Type line{DType::kI64, Shape{loop.trip}};
  const Value last = outer.broadcast_to(outer.sub(count, outer.constant_i64(1)), line.shape);
  return in.row(outer.gather(rows, outer.sub(last, outer.iota(line, 0))), name);
}

std::vector<Value> ReversedLoop::finish(const std::vector<Value>& results) {
  loop.body = body.finish(results);
  std::vector<Value> operands = in.operands();
  operands.push_back(outer.constant_i64(0));
  operands.push_back(count);
  return outer.loop(loop, operands);
}

}  // namespace cotangent::mechanics
