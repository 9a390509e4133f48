// Second-order ops of a random program.
#include <algorithm>

#include "cotangent/ir/random_scope.h"

namespace cotangent::ir {
namespace {


bool is_number(const Type& t) {
  return cotangent::is_number(t.dtype);
}

}  // namespace

/// How many times the body runs: the length of a first axis there is, or drawn.
std::int64_t RandomScope::draw_count(bool& from_operand, std::optional<Value>& row) {
  const std::int64_t most = outermost_ ? 20 : 5;
  from_operand = false;
  if (random_.percent(70)) {
    row = pick([&](const Type& t) { return t.shape.rank() >= 1 && t.shape[0] <= most; });
    if (row) {
      from_operand = true;
      return builder_.type(*row).shape[0];
    }
  }
  if (settings_.zero_axes && random_.percent(20)) return 0;
  if (outermost_ && random_.percent(15)) return random_.between(9, 20);
  return random_.between(1, outermost_ ? 6 : 4);
}

/// Row operands with a first axis of `count`, then others of any type.
std::vector<Value> RandomScope::draw_operands(std::int64_t count, std::size_t rows,
                                              std::size_t others, std::optional<Value> first_row) {
  std::vector<Value> operands;
  for (std::size_t k = 0; k < rows; ++k) {
    if (k == 0 && first_row) {
      operands.push_back(*first_row);
      continue;
    }
    auto found = pick([&](const Type& t) { return t.shape.rank() >= 1 && t.shape[0] == count; });
    if (!found || random_.percent(20)) {
      Type row = param_type();
      while (row.size() * std::max<std::int64_t>(count, 1) > 256) row.shape = row.shape.row();
      found = of_type(row.with_shape(row.shape.with_leading(count)));
    }
    operands.push_back(*found);
  }
  for (std::size_t k = 0; k < others; ++k) {
    const auto found = pick(nullptr);
    operands.push_back(found ? *found : constant(param_type()));
  }
  return operands;
}

RandomScope::BodyParam RandomScope::row_param(Value v, const std::string& name) const {
  const Type& t = builder_.type(v);
  return {t.with_shape(t.shape.row()), bound(v), name};
}

void RandomScope::map() {
  bool from_operand = false;
  std::optional<Value> row;
  MapAttr attr;
  attr.count = draw_count(from_operand, row);
  const auto rows = static_cast<std::size_t>(random_.between(from_operand ? 1 : 0, 2));
  const auto others = static_cast<std::size_t>(random_.below(3));
  attr.rows = static_cast<std::int64_t>(rows);
  const std::vector<Value> operands = draw_operands(attr.count, rows, others, row);

  RandomScope body(random_, settings_, depth_ - 1, false, "each");
  body.param(scalar(DType::kI64), "i", static_cast<double>(attr.count));
  for (std::size_t k = 0; k < operands.size(); ++k) {
    const Value v = operands[k];
    const BodyParam p = k < rows ? row_param(v, "row" + std::to_string(k))
                                 : BodyParam{builder_.type(v), bound(v), "all" + std::to_string(k)};
    body.param(p.type, p.name, p.bound);
  }
  body.draw(static_cast<int>(random_.between(2, 7)));
  const std::int64_t copies = std::max<std::int64_t>(attr.count, 1);
  const std::vector<Value> results =
      body.choose_results(static_cast<std::size_t>(random_.between(1, 3)),
                          [&](const Type& t) { return t.size() * copies <= 512; });
  if (results.empty()) return;
  std::vector<double> bounds;
  for (Value r : results) {
    const bool sum = is_number(body.builder().type(r)) && random_.percent(40);
    attr.roles.push_back(sum ? Role::kTotal : Role::kStack);
    bounds.push_back(body.bound(r) * (sum ? static_cast<double>(copies) : 1));
  }
  attr.body = body.builder().finish(results);
  const std::vector<Value> made = builder_.map(std::move(attr), operands);
  for (std::size_t k = 0; k < made.size(); ++k) add(made[k], bounds[k]);
}

void RandomScope::pair_sum() {
  bool from_operand = false;
  std::optional<Value> row;
  PairAttr attr;
  attr.count = std::min<std::int64_t>(draw_count(from_operand, row), 20);
  attr.kind = random_.percent(60) ? PairKind::kLess : PairKind::kUnequal;
  const auto at_i = static_cast<std::size_t>(random_.between(from_operand ? 1 : 0, 2));
  const auto others = static_cast<std::size_t>(random_.below(2));
  std::vector<Value> operands = draw_operands(attr.count, at_i, 0, row);
  // What physics does: the same rows at i and at j.
  std::vector<Value> at_j = operands;
  if (random_.percent(35)) {
    at_j = draw_operands(attr.count, static_cast<std::size_t>(random_.below(3)), 0, std::nullopt);
  }
  attr.rows_i = static_cast<std::int64_t>(at_i);
  attr.rows_j = static_cast<std::int64_t>(at_j.size());
  const std::vector<Value> rest = draw_operands(attr.count, 0, others, std::nullopt);
  operands.insert(operands.end(), at_j.begin(), at_j.end());
  operands.insert(operands.end(), rest.begin(), rest.end());

  RandomScope body(random_, settings_, depth_ - 1, false, "pair");
  body.param(scalar(DType::kI64), "i", static_cast<double>(attr.count));
  body.param(scalar(DType::kI64), "j", static_cast<double>(attr.count));
  for (std::size_t k = 0; k < operands.size(); ++k) {
    const Value v = operands[k];
    const std::string number = std::to_string(k);
    BodyParam p{builder_.type(v), bound(v), "all" + number};
    if (k < at_i)
      p = row_param(v, "at_i" + number);
    else if (k < at_i + at_j.size())
      p = row_param(v, "at_j" + number);
    body.param(p.type, p.name, p.bound);
  }
  body.draw(static_cast<int>(random_.between(2, 6)));
  const std::int64_t copies = std::max<std::int64_t>(attr.count, 1);
  const std::vector<Value> results =
      body.choose_results(static_cast<std::size_t>(random_.between(1, 3)),
                          [&](const Type& t) { return is_number(t) && t.size() * copies <= 512; });
  if (results.empty()) return;
  std::vector<double> bounds;
  for (Value r : results) {
    static constexpr Role kRoles[] = {Role::kTotal, Role::kAtI, Role::kAtJ};
    attr.roles.push_back(kRoles[random_.below(3)]);
    const auto n = static_cast<double>(copies);
    bounds.push_back(body.bound(r) * (attr.roles.back() == Role::kTotal ? n * n : n));
  }
  attr.body = body.builder().finish(results);
  const std::vector<Value> made = builder_.pair_sum(std::move(attr), operands);
  for (std::size_t k = 0; k < made.size(); ++k) add(made[k], bounds[k]);
}

void RandomScope::loop() {
  const bool smooth = settings_.options.differentiable;
  bool from_operand = false;
  std::optional<Value> row;
  LoopAttr attr;
  attr.trip = draw_count(from_operand, row);
  const auto inputs = static_cast<std::size_t>(random_.between(from_operand ? 1 : 0, 2));
  const auto carries = static_cast<std::size_t>(random_.between(from_operand ? 0 : 1, 3));
  const auto invariants = static_cast<std::size_t>(random_.below(3));
  attr.invariants = static_cast<std::int64_t>(invariants);
  attr.carries = static_cast<std::int64_t>(carries);
  attr.inputs = static_cast<std::int64_t>(inputs);
  attr.dynamic = random_.percent(40);
  std::vector<Value> operands = draw_operands(attr.trip, 0, invariants + carries, std::nullopt);
  const std::vector<Value> rows = draw_operands(attr.trip, inputs, 0, row);
  operands.insert(operands.end(), rows.begin(), rows.end());

  // A carry of a tame program never leaves its bound, so any number of steps is harmless.
  std::vector<double> carry_bounds;
  RandomScope body(random_, settings_, depth_ - 1, false, "step");
  body.param(scalar(DType::kI64), "k", static_cast<double>(attr.trip + 8));
  std::vector<Value> carry_params;
  for (std::size_t k = 0; k < operands.size(); ++k) {
    const Value v = operands[k];
    const std::string number = std::to_string(k);
    if (k < invariants) {
      body.param(builder_.type(v), "all" + number, bound(v));
    } else if (k < invariants + carries) {
      carry_bounds.push_back(std::max(
          1.0, is_float(builder_.type(v).dtype) && settings_.tame ? bound(v) : kUnknownBound));
      carry_params.push_back(body.param(builder_.type(v), "carry" + number, carry_bounds.back()));
    } else {
      const BodyParam p = row_param(v, "input" + number);
      body.param(p.type, p.name, p.bound);
    }
  }
  body.draw(static_cast<int>(random_.between(2, 7)));
  std::vector<Value> results;
  Builder& b = body.builder();
  for (std::size_t k = 0; k < carries; ++k) {
    const Type t = b.type(carry_params[k]);
    if (smooth && !is_float(t.dtype)) {  // integers that a loop carries would pick what is read
      results.push_back(carry_params[k]);
      continue;
    }
    Value next = body.of_type(t);
    if (settings_.tame && is_float(t.dtype)) {
      next = body.compress(next, carry_bounds[k]);
      if (smooth || random_.percent(50)) {
        // Leans towards the old value: keeps derivatives through many steps moderate.
        next = b.add(b.mul(carry_params[k], b.splat(0.75, t)), b.mul(next, b.splat(0.25, t)));
      }
    }
    results.push_back(next);
  }
  const std::int64_t copies = std::max<std::int64_t>(attr.trip, 1);
  const std::vector<Value> outputs =
      body.choose_results(static_cast<std::size_t>(random_.between(carries == 0 ? 1 : 0, 2)),
                          [&](const Type& t) { return t.size() * copies <= 512; });
  std::vector<double> bounds = carry_bounds;
  for (Value v : outputs) {
    attr.every.push_back(random_.percent(50) ? 1 : random_.between(2, 4));
    bounds.push_back(body.bound(v));
    results.push_back(v);
  }
  if (results.empty()) return;
  if (attr.dynamic) {
    // Constants, or values of the program brought into range.
    const auto whole = pick([&](const Type& t) { return !smooth && t == scalar(DType::kI64); });
    Value first = builder_.constant_i64(random_.below(8));
    Value count = builder_.constant_i64(random_.below(attr.trip + 1));
    if (whole && random_.percent(50)) {
      first = builder_.binary(Op::kAnd, *whole, builder_.constant_i64(7));
      const Value low = builder_.binary(Op::kMax, *whole, builder_.constant_i64(0));
      count = builder_.binary(Op::kMin, low, builder_.constant_i64(attr.trip));
    }
    operands.push_back(first);
    operands.push_back(count);
  }
  attr.body = b.finish(results);
  const std::vector<Value> made = builder_.loop(std::move(attr), operands);
  for (std::size_t k = 0; k < made.size(); ++k) add(made[k], bounds[k]);
}

}  // namespace cotangent::ir
