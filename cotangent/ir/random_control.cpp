// while, cond, call and check of a random program.
#include <algorithm>

#include "cotangent/ir/random_scope.h"

namespace cotangent::ir {
namespace {

constexpr std::int64_t kSites = 40;

}  // namespace

/// A bool scalar: one there is, or a comparison.
Value RandomScope::truth() {
  const auto found = pick([](const Type& t) { return t == scalar(DType::kBool); });
  if (found && random_.percent(60)) return *found;
  const Type number = scalar(DType::kF64);
  return builder_.lt(of_type(number), of_type(number));
}

void RandomScope::while_loop() {
  const bool smooth = settings_.options.differentiable;
  WhileAttr attr;
  const auto invariants = static_cast<std::size_t>(random_.below(3));
  const auto carries = static_cast<std::size_t>(random_.between(1, 3));
  attr.invariants = static_cast<std::int64_t>(invariants);
  attr.carries = static_cast<std::int64_t>(carries);
  // The condition is anything, so something else has to end it.
  const std::int64_t most = random_.between(0, outermost_ ? 9 : 4);
  const bool limited = smooth || random_.percent(60);
  attr.limit = limited ? std::max<std::int64_t>(most, 1) : 0;
  const std::vector<Value> operands = draw_operands(0, 0, invariants + carries, std::nullopt);

  RandomScope condition(random_, settings_, 0, false, "goes_on");
  condition.without_checks();
  RandomScope body(random_, settings_, depth_ - 1, false, "step");
  std::vector<double> bounds;
  std::vector<Value> carry_params;
  const auto param = [&](const Type& t, const std::string& name, double bound) {
    condition.param(t, name, bound);
    return body.param(t, name, bound);
  };
  param(scalar(DType::kI64), "k", static_cast<double>(most + 1));
  for (std::size_t k = 0; k < operands.size(); ++k) {
    const Type t = builder_.type(operands[k]);
    if (k < invariants) {
      param(t, "all" + std::to_string(k), bound(operands[k]));
      continue;
    }
    bounds.push_back(
        std::max(1.0, is_float(t.dtype) && settings_.tame ? bound(operands[k]) : kUnknownBound));
    carry_params.push_back(param(t, "carry" + std::to_string(k), bounds.back()));
  }
  condition.draw(static_cast<int>(random_.between(1, 4)));
  Builder& c = condition.builder();
  Value goes_on = condition.truth();
  if (random_.percent(30)) goes_on = c.splat(1, scalar(DType::kBool));
  if (!limited) {
    const Value early = c.lt(c.so_far().params()[0], c.constant_i64(most));
    goes_on = c.binary(Op::kAnd, goes_on, early);
  }
  attr.condition = c.finish({goes_on});

  body.draw(static_cast<int>(random_.between(2, 6)));
  Builder& b = body.builder();
  std::vector<Value> results;
  for (std::size_t k = 0; k < carries; ++k) {
    const Type t = b.type(carry_params[k]);
    if (smooth && !is_float(t.dtype)) {  // as in a loop
      results.push_back(carry_params[k]);
      continue;
    }
    Value next = body.of_type(t);
    if (settings_.tame && is_float(t.dtype)) {
      next = body.compress(next, bounds[k]);
      if (smooth || random_.percent(50)) {
        next = b.add(b.mul(carry_params[k], b.splat(0.75, t)), b.mul(next, b.splat(0.25, t)));
      }
    }
    results.push_back(next);
  }
  attr.body = b.finish(results);
  const std::vector<Value> made = builder_.while_loop(std::move(attr), operands);
  for (std::size_t k = 0; k < carries; ++k) add(made[k], bounds[k]);
  if (!smooth) add(made[carries], static_cast<double>(most) + 1);
}

void RandomScope::cond() {
  const Value predicate = truth();
  std::vector<Value> operands =
      draw_operands(0, 0, static_cast<std::size_t>(random_.between(1, 4)), std::nullopt);
  RandomScope yes(random_, settings_, depth_ - 1, false, "yes");
  RandomScope no(random_, settings_, depth_ - 1, false, "no");
  for (std::size_t k = 0; k < operands.size(); ++k) {
    const std::string name = "x" + std::to_string(k);
    yes.param(builder_.type(operands[k]), name, bound(operands[k]));
    no.param(builder_.type(operands[k]), name, bound(operands[k]));
  }
  yes.draw(static_cast<int>(random_.between(2, 6)));
  no.draw(static_cast<int>(random_.between(1, 5)));
  const std::vector<Value> ones =
      yes.choose_results(static_cast<std::size_t>(random_.between(1, 3)),
                         [](const Type& t) { return t.size() <= 512; });
  if (ones.empty()) return;
  std::vector<Value> others;
  std::vector<double> bounds;
  for (Value v : ones) {
    others.push_back(no.of_type(yes.builder().type(v)));
    bounds.push_back(std::max(yes.bound(v), no.bound(others.back())));
  }
  CondAttr attr{yes.builder().finish(ones), no.builder().finish(others)};
  operands.insert(operands.begin(), predicate);
  const std::vector<Value> made = builder_.cond(std::move(attr), operands);
  for (std::size_t k = 0; k < made.size(); ++k) add(made[k], bounds[k]);
}

void RandomScope::call() {
  const std::vector<Value> operands =
      draw_operands(0, 0, static_cast<std::size_t>(random_.between(1, 3)), std::nullopt);
  RandomScope body(random_, settings_, depth_ - 1, false, "called");
  for (std::size_t k = 0; k < operands.size(); ++k) {
    body.param(builder_.type(operands[k]), "x" + std::to_string(k), bound(operands[k]));
  }
  body.draw(static_cast<int>(random_.between(2, 6)));
  const std::vector<Value> results =
      body.choose_results(static_cast<std::size_t>(random_.between(1, 3)),
                          [](const Type& t) { return t.size() <= 512; });
  if (results.empty()) return;
  std::vector<double> bounds;
  for (Value v : results) bounds.push_back(body.bound(v));
  CallAttr attr;
  attr.body = body.builder().finish(results);
  const std::vector<Value> made = builder_.call(std::move(attr), operands);
  for (std::size_t k = 0; k < made.size(); ++k) add(made[k], bounds[k]);
}

void RandomScope::check() {
  const auto found = pick(nullptr);
  if (!found) return;
  const auto many = pick([](const Type& t) { return is_bool(t.dtype); });
  const Value predicate = many && random_.percent(50) ? *many : truth();
  CheckAttr attr;
  attr.site = random_.below(kSites);
  attr.message = "check " + std::to_string(attr.site);
  Value payload;
  if (random_.percent(30)) payload = of_type(scalar(DType::kI64));
  add(builder_.check(predicate, *found, std::move(attr), payload), bound(*found));
}

}  // namespace cotangent::ir
