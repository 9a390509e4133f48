#include "cotangent/transform/compensated.h"

namespace cotangent::transform {

using namespace ir;

Compensated two_sum(Builder& b, Value x, Value y) {
  const Value sum = b.add(x, y);
  const Value y_there = b.sub(sum, x);
  const Value x_there = b.sub(sum, y_there);
  return {sum, b.add(b.sub(x, x_there), b.sub(y, y_there))};
}

Compensated fast_two_sum(Builder& b, Value x, Value y) {
  const Value sum = b.add(x, y);
  return {sum, b.sub(y, b.sub(sum, x))};
}

Compensated two_product(Builder& b, Value x, Value y) {
  const Value product = b.mul(x, y);
  return {product, b.fma(x, y, b.neg(product))};
}

namespace {

/// state + (scale * rate + rest), where `rest` is what is small beside scale * rate.
Compensated update_by_pair(Builder& b, Compensated state, Value scale, Value rate, Value rest) {
  const Value step = b.fma(scale, rate, rest);
  // What the sum of step and rest rounded away: scale * rate + rest - step, as one fma sees it.
  const Value lost = b.add(b.fma(scale, rate, b.neg(step)), rest);
  const Compensated sum = two_sum(b, state.value, step);
  return {sum.value, b.add(sum.error, lost)};
}

}  // namespace

Compensated compensated_update(Builder& b, Compensated state, Value scale, Value rate) {
  return fast_two_sum(b, state.value, b.fma(scale, rate, state.error));
}

Compensated compensated_update(Builder& b, Compensated state, Value scale, Compensated rate) {
  return update_by_pair(b, state, scale, rate.value, b.fma(scale, rate.error, state.error));
}

Compensated compensated_update(Builder& b, Compensated state, Compensated scale, Compensated rate) {
  const Value rest = b.fma(scale.value, rate.error, b.fma(scale.error, rate.value, state.error));
  return update_by_pair(b, state, scale.value, rate.value, rest);
}

}  // namespace cotangent::transform
