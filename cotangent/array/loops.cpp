#include "cotangent/array/loops.h"

#include <algorithm>

#include "cotangent/array/check.h"
#include "cotangent/array/closure.h"
#include "cotangent/array/elementwise.h"
#include "cotangent/array/record.h"

namespace cotangent::array {
namespace {

void want_positive(const char* which, std::int64_t number) {
  if (number >= 1) return;
  refuse("keep", std::string(which) + "(" + std::to_string(number) + ")", "give 1 or more");
}

}  // namespace

Keep Keep::every(std::int64_t n) {
  want_positive("every", n);
  return {ir::KeepKind::kEvery, n};
}

Keep Keep::binomial(std::int64_t n) {
  want_positive("binomial", n);
  return {ir::KeepKind::kBinomial, n};
}

Keep Keep::budget(std::int64_t bytes) {
  want_positive("budget", bytes);
  return {ir::KeepKind::kAuto, bytes};
}

namespace loop_detail {
namespace {

void append(std::vector<NodePtr>& to, std::span<const Array> arrays) {
  for (const Array& x : arrays) to.push_back(x.node());
}

}  // namespace

bool settle(const char* op, const PlaceOf& place, std::vector<Array>& init,
            std::vector<Array>& next) {
  if (next.size() != init.size()) {
    refuse(op,
           "the state has " + std::to_string(init.size()) + " arrays and becomes one with " +
               std::to_string(next.size()),
           "the body gives a state of the same structure; vectors keep their length");
  }
  bool settled = true;
  for (std::size_t k = 0; k < init.size(); ++k) {
    if (next[k].shape() != init[k].shape()) {
      refuse(op, place(k) + " is " + init[k].type_text() + " and becomes " + next[k].type_text(),
             "shapes must not change; start from an array of the final shape, with zeros or "
             "broadcast_to");
    }
    if (next[k].element_type() == init[k].element_type()) continue;
    const ElementType both = common_type(op, init[k], next[k]);
    if (both.dtype != init[k].dtype() && !init[k].is_weak()) {
      refuse(op, place(k) + " is " + init[k].type_text() + " and becomes " + next[k].type_text(),
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

std::int64_t trip_of(std::int64_t first, std::int64_t last) {
  if (last <= first) return 0;
  std::int64_t trip = 0;
  if (__builtin_sub_overflow(last, first, &trip)) {
    refuse("fori_loop",
           "from " + std::to_string(first) + " to " + std::to_string(last) +
               " are more passes than a 64-bit number counts",
           "give a smaller range");
  }
  return trip;
}

std::int64_t scan_length(std::span<const Array> inputs, std::int64_t length) {
  if (inputs.empty()) {
    if (length >= 0) return length;
    refuse("scan", "there are no xs, and no length says how many passes there are",
           "give a length of 0 or more after the xs, or xs with rows");
  }
  const std::int64_t rows = common_length("scan", inputs);
  if (length >= 0 && length != rows) {
    refuse("scan",
           "the length is " + std::to_string(length) + ", and the xs have " + std::to_string(rows) +
               " rows",
           "leave out the length: the rows are counted");
  }
  return rows;
}

std::vector<Array> run_loop(const Body& body, std::int64_t trip, std::span<const Array> init,
                            std::span<const Array> inputs) {
  std::vector<NodePtr> results, before{body.iteration.node()}, after;
  append(results, body.next);
  append(results, body.outputs);
  append(after, body.carries);
  append(after, body.inputs);
  const std::uint64_t trace = body.recording->serial();
  const Closure closure = close_over("body", results, before, after, trace, Capture::kFree);
  ir::LoopAttr attr;
  attr.body = closure.function;
  std::vector<NodePtr> captures = closure.captures;
  if (!body.before.empty()) {
    // A body and its inverse have one list of invariants: what either takes from outside.
    std::vector<NodePtr> both = results, back;
    append(both, body.before);
    append(back, body.before);
    captures = close_over("loop", both, before, after, trace, Capture::kFree).captures;
    before.insert(before.end(), captures.begin(), captures.end());
    attr.body = close_over("body", results, before, after, trace, Capture::kFree).function;
    attr.inverse = close_over("back", back, before, after, trace, Capture::kFree).function;
  }
  attr.trip = trip;
  attr.invariants = static_cast<std::int64_t>(captures.size());
  attr.carries = static_cast<std::int64_t>(body.carries.size());
  attr.inputs = static_cast<std::int64_t>(body.inputs.size());
  attr.every.assign(body.outputs.size(), 1);
  attr.keep = body.keep;
  std::vector<NodePtr> operands = captures;
  append(operands, init);
  append(operands, inputs);
  return arrays_of(make_second_order(Op::kLoop, operands, attr));
}

Array checked_predicate(const char* op, const Array& predicate) {
  if (predicate.ndim() != 0) {
    refuse(op, "the condition is " + predicate.type_text() + ", not one bool",
           "reduce it with any or all; where chooses element by element");
  }
  return is_bool(predicate.dtype()) ? predicate : predicate != scalar_like(0, predicate);
}

std::vector<Array> run_while(const Body& body, const Array& proceed, std::span<const Array> init,
                             std::int64_t limit) {
  if (limit < 0) {
    refuse("while_loop", "a limit of " + std::to_string(limit) + " passes",
           "give a number above 0, or leave it out");
  }
  // The condition and the body have one list of invariants: what either takes from outside.
  std::vector<NodePtr> next, both, before{body.iteration.node()}, after;
  append(next, body.next);
  both = next;
  both.push_back(proceed.node());
  append(after, body.carries);
  const std::uint64_t trace = body.recording->serial();
  const std::vector<NodePtr> captures =
      close_over("while", both, before, after, trace, Capture::kFree).captures;
  before.insert(before.end(), captures.begin(), captures.end());
  ir::WhileAttr attr;
  attr.invariants = static_cast<std::int64_t>(captures.size());
  attr.carries = static_cast<std::int64_t>(after.size());
  attr.limit = limit;
  const NodePtr test[] = {proceed.node()};
  attr.condition = close_over("condition", test, before, after, trace, Capture::kFree).function;
  attr.body = close_over("body", next, before, after, trace, Capture::kFree).function;
  std::vector<NodePtr> operands = captures;
  append(operands, init);
  std::vector<Array> results = arrays_of(make_second_order(Op::kWhile, operands, attr));
  const Array count = results.back();
  results.pop_back();
  if (limit == 0) return results;
  // A state that was cut off is not what was asked for, and its gradient is of something else.
  std::vector<NodePtr> last{count.node()};
  last.insert(last.end(), captures.begin(), captures.end());
  append(last, results);
  const Array goes_on(make_call(attr.condition, last)[0]);
  const std::string message = "[while_loop] the condition holds still after " +
                              std::to_string(limit) +
                              " passes, its limit\n"
                              "  to do: give a larger limit, or count passes in the state and end "
                              "by the condition";
  for (Array& x : results) x = check(x, logical_not(goes_on), message);
  return results;
}

std::vector<Array> run_cond(const Array& predicate, const Recording& first,
                            std::vector<Array> on_true, const Recording& second,
                            std::vector<Array> on_false) {
  if (on_true.size() != on_false.size()) {
    refuse("cond",
           "one branch gives " + std::to_string(on_true.size()) + " arrays, the other " +
               std::to_string(on_false.size()),
           "both give trees of the same structure");
  }
  if (on_true.empty()) return {};
  std::vector<NodePtr> yes, no;
  std::vector<bool> weak;
  for (std::size_t k = 0; k < on_true.size(); ++k) {
    if (on_true[k].shape() != on_false[k].shape()) {
      refuse("cond",
             "the branches give " + on_true[k].type_text() + " and " + on_false[k].type_text(),
             "both give the same shapes");
    }
    const ElementType t = common_type("cond", on_true[k], on_false[k]);
    yes.push_back(convert("cond", on_true[k], t).node());
    no.push_back(convert("cond", on_false[k], t).node());
    weak.push_back(t.weak);
  }
  // Both take the same arguments: what either takes from outside, those of the first one first.
  std::vector<NodePtr> captures =
      close_over("cond", yes, {}, {}, first.serial(), Capture::kInside).captures;
  for (const NodePtr& c :
       close_over("cond", no, {}, {}, second.serial(), Capture::kInside).captures) {
    if (std::find(captures.begin(), captures.end(), c) == captures.end()) captures.push_back(c);
  }
  ir::CondAttr attr;
  attr.on_true =
      close_over("on_true", yes, captures, {}, first.serial(), Capture::kInside).function;
  attr.on_false =
      close_over("on_false", no, captures, {}, second.serial(), Capture::kInside).function;
  std::vector<NodePtr> operands{predicate.node()};
  operands.insert(operands.end(), captures.begin(), captures.end());
  std::vector<NodePtr> results = make_second_order(Op::kCond, operands, attr);
  for (std::size_t k = 0; k < results.size(); ++k) results[k] = with_weak(results[k], weak[k]);
  return arrays_of(results);
}

std::int64_t common_length(const char* op, std::span<const Array> inputs) {
  if (inputs.empty()) {
    refuse(op, "no arrays to run over", "give a tree with one array at least");
  }
  for (const Array& x : inputs) {
    if (x.ndim() == 0) {
      refuse(op, "runs over the first axis, given the scalar " + x.type_text(),
             "use it in the function without passing it: it is the same for all rows");
    }
    if (x.shape()[0] != inputs[0].shape()[0]) {
      refuse(op, "first axes differ in length: " + inputs[0].type_text() + " and " + x.type_text(),
             "all have as many rows");
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

}  // namespace loop_detail
}  // namespace cotangent::array
