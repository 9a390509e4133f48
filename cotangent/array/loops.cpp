#include "cotangent/array/loops.h"

#include "cotangent/array/closure.h"
#include "cotangent/array/elementwise.h"
#include "cotangent/array/record.h"

namespace cotangent::array::loop_detail {
namespace {

void append(std::vector<NodePtr>& to, std::span<const Array> arrays) {
  for (const Array& x : arrays) to.push_back(x.node());
}

std::vector<Array> arrays_of(std::span<const NodePtr> nodes) {
  std::vector<Array> arrays;
  for (const NodePtr& n : nodes) arrays.push_back(Array(n));
  return arrays;
}

}  // namespace

bool settle(const char* op, std::vector<Array>& init, std::vector<Array>& next) {
  if (next.size() != init.size()) {
    refuse(op, "the state has " + std::to_string(init.size()) + " arrays and becomes one with " +
                   std::to_string(next.size()));
  }
  bool settled = true;
  for (std::size_t k = 0; k < init.size(); ++k) {
    const std::string name =
        init.size() == 1 ? "the state" : "array " + std::to_string(k) + " of the state";
    if (next[k].shape() != init[k].shape()) {
      refuse(op, name + " is " + init[k].type_text() + " and becomes " + next[k].type_text(),
             "shapes must not change; start from an array of the final shape, with zeros or "
             "broadcast_to");
    }
    if (next[k].element_type() == init[k].element_type()) continue;
    const ElementType both = promote(init[k].element_type(), next[k].element_type());
    if (both.dtype != init[k].dtype() && !init[k].is_weak()) {
      refuse(op, name + " is " + init[k].type_text() + " and becomes " + next[k].type_text(),
             "convert one with astype");
    }
    if (init[k].element_type() == both || both.dtype == init[k].dtype()) {
      next[k] = convert(op, next[k], init[k].element_type());
    } else {
      init[k] = convert(op, init[k], both);
      settled = false;
    }
  }
  return settled;
}

std::vector<Array> run_loop(const Body& body, std::int64_t trip, std::span<const Array> init,
                            std::span<const Array> inputs) {
  std::vector<NodePtr> results, before{body.iteration.node()}, after;
  append(results, body.next);
  append(results, body.outputs);
  append(after, body.carries);
  append(after, body.inputs);
  const Closure closure =
      close_over("body", results, before, after, body.recording->serial(), Capture::kFree);
  ir::LoopAttr attr;
  attr.trip = trip;
  attr.invariants = static_cast<std::int64_t>(closure.captures.size());
  attr.carries = static_cast<std::int64_t>(body.carries.size());
  attr.inputs = static_cast<std::int64_t>(body.inputs.size());
  attr.every.assign(body.outputs.size(), 1);
  attr.body = closure.function;
  std::vector<NodePtr> operands = closure.captures;
  append(operands, init);
  append(operands, inputs);
  return arrays_of(make_second_order(Op::kLoop, operands, attr));
}

std::int64_t common_length(const char* op, std::span<const Array> inputs) {
  if (inputs.empty()) refuse(op, "no arrays to run over");
  for (const Array& x : inputs) {
    if (x.ndim() == 0) refuse(op, "runs over the first axis, given the scalar " + x.type_text());
    if (x.shape()[0] != inputs[0].shape()[0]) {
      refuse(op, "first axes differ in length: " + inputs[0].type_text() + " and " + x.type_text());
    }
  }
  return inputs[0].shape()[0];
}

std::vector<Array> run_pairs(const Recording& recording, std::span<const Array> first,
                             std::span<const Array> second, std::span<const Array> results,
                             std::span<const Array> rows, std::span<const Array> indices,
                             std::int64_t count, bool unequal, Place place) {
  for (const Array& r : results) {
    if (is_bool(r.dtype())) refuse("pair_sum", "cannot sum bool", "use astype(DType::kI64)");
  }
  std::vector<NodePtr> before, ends, operands;
  append(before, indices);
  append(before, first);
  append(before, second);
  append(ends, results);
  const Closure closure = close_over("pair", ends, before, {}, recording.serial(), Capture::kFree);
  ir::PairAttr attr;
  attr.count = count;
  attr.kind = unequal ? ir::PairKind::kUnequal : ir::PairKind::kLess;
  attr.rows_i = attr.rows_j = static_cast<std::int64_t>(rows.size());
  attr.roles.assign(results.size(), place == Place::kTotal ? ir::Role::kTotal
                                    : place == Place::kAtI ? ir::Role::kAtI
                                                           : ir::Role::kAtJ);
  attr.body = closure.function;
  append(operands, rows);
  append(operands, rows);
  operands.insert(operands.end(), closure.captures.begin(), closure.captures.end());
  return arrays_of(make_second_order(Op::kPairSum, operands, attr));
}

}  // namespace cotangent::array::loop_detail
