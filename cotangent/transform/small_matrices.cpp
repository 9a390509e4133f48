#include "cotangent/transform/small_matrices.h"

#include "cotangent/transform/math_terms.h"

namespace cotangent::transform {

using namespace ir;

// --- elementwise

namespace {

Value combine(Builder& b, Op op, Value x, Value y) {
  if (!y.valid()) return x;
  if (!x.valid()) return op == Op::kSub ? b.neg(y) : y;
  return b.binary(op, x, y);
}

}  // namespace

Matrix SmallMatrices::add(Matrix x, Matrix y) {
  return {b.add(x.re, y.re), combine(b, Op::kAdd, x.im, y.im)};
}

Matrix SmallMatrices::sub(Matrix x, Matrix y) {
  return {b.sub(x.re, y.re), combine(b, Op::kSub, x.im, y.im)};
}

Matrix SmallMatrices::mul(Matrix x, Matrix y) {
  const auto product = [&](Value u, Value v) {
    return u.valid() && v.valid() ? b.mul(u, v) : Value{};
  };
  return {combine(b, Op::kSub, product(x.re, y.re), product(x.im, y.im)),
          combine(b, Op::kAdd, product(x.re, y.im), product(x.im, y.re))};
}

Matrix SmallMatrices::scaled(Matrix x, Value real) {
  return each(x, [&](Value e) { return b.mul(e, real); });
}

Matrix SmallMatrices::over(Matrix x, Value real) {
  return each(x, [&](Value e) { return b.div(e, real); });
}

Matrix SmallMatrices::div(Matrix x, Matrix y) {
  if (!y.im.valid()) return over(x, y.re);
  const Value up = powers(largest_part(y)).up;
  const Matrix scaled_y = scaled(y, up);
  return scaled(over(mul(x, conjugate(scaled_y)), square(scaled_y)), up);
}

Matrix SmallMatrices::conjugate(Matrix x) {
  return {x.re, x.im.valid() ? b.neg(x.im) : Value{}};
}

Matrix SmallMatrices::select(Value where, Matrix x, Matrix y) {
  return {b.select(where, x.re, y.re), x.im.valid() ? b.select(where, x.im, y.im) : Value{}};
}

Value SmallMatrices::square(Matrix x) {
  const Value re = b.mul(x.re, x.re);
  return x.im.valid() ? b.add(re, b.mul(x.im, x.im)) : re;
}

Value SmallMatrices::largest_part(Matrix x) {
  const Value re = b.unary(Op::kAbs, x.re);
  return x.im.valid() ? b.binary(Op::kMax, re, b.unary(Op::kAbs, x.im)) : re;
}

/// The largest part, 1 for 0: squares of what is divided by it neither vanish nor overflow.
Value SmallMatrices::divisor(Matrix x) {
  const Value most = largest_part(x);
  return b.select(b.eq(most, type_like(most, 0)), type_like(most, 1), most);
}

SmallMatrices::Powers SmallMatrices::powers(Value most) {
  // The exponent's bits alone are 2^e; all of them less those are 2^(1-e), and 0 for infinity. Of
  // the smallest numbers it is enough that their squares are normal.
  const bool narrow = b.type(most).dtype == DType::kF32;
  const Num i = bits(at_least({&b, most}, narrow ? 0x1p-100 : 0x1p-1000));
  const Num mask = integer(i, narrow ? 0x7f800000 : 0x7ff0000000000000);
  return {from_bits((i ^ mask) & mask).v, (from_bits(i & mask) * 0.5).v};
}

Value SmallMatrices::size(Matrix x) {
  if (!x.im.valid()) return b.unary(Op::kAbs, x.re);
  const Value most = divisor(x);
  return b.mul(most, b.unary(Op::kSqrt, square(over(x, most))));
}

Matrix SmallMatrices::phase(Matrix x) {
  const Value one = type_like(x.re, 1), zero = type_like(x.re, 0);
  if (!x.im.valid()) return {b.select(b.lt(x.re, zero), b.neg(one), one), {}};
  const Matrix part = over(x, divisor(x));
  const Value length = b.unary(Op::kSqrt, square(part)), none = b.eq(length, zero);
  return {b.select(none, one, b.div(part.re, length)),
          b.select(none, zero, b.div(part.im, length))};
}

// --- structure

Value SmallMatrices::slice(Value x, int axis, std::int64_t begin, std::int64_t end,
                           std::int64_t stride) {
  const Shape s = b.type(x).shape;
  if (begin == 0 && end == s[axis] && stride == 1) return x;
  Dims start(static_cast<std::size_t>(s.rank()), 0), limit(s.begin(), s.end()),
      strides(start.size(), 1);
  start[static_cast<std::size_t>(axis)] = begin;
  limit[static_cast<std::size_t>(axis)] = end;
  strides[static_cast<std::size_t>(axis)] = stride;
  return b.slice(x, start, limit, strides);
}

Value SmallMatrices::take(Value x, int axis, std::int64_t at) {
  const Shape s = b.type(x).shape;
  Dims rest(s.begin(), s.end());
  rest.erase(rest.begin() + axis);
  return b.reshape(slice(x, axis, at, at + 1), Shape(rest));
}

Value SmallMatrices::join(std::initializer_list<Value> parts, int axis) {
  Values some;
  for (Value p : parts) {
    if (p.valid() && b.type(p).size() > 0) some.push_back(p);
  }
  return some.size() == 1 ? some[0] : b.concatenate(some, axis);
}

Matrix SmallMatrices::join(std::initializer_list<Matrix> parts, int axis) {
  Values re, im;
  for (const Matrix& p : parts) {
    if (!p.re.valid() || b.type(p.re).size() == 0) continue;
    re.push_back(p.re);
    if (p.im.valid()) im.push_back(p.im);
  }
  const auto one = [&](const Values& list) {
    return list.size() == 1 ? list[0] : b.concatenate(list, axis);
  };
  return {one(re), im.empty() ? Value{} : one(im)};
}

Value SmallMatrices::with_axis(Value x, int axis) {
  const Shape s = b.type(x).shape;
  Dims dims(s.begin(), s.end());
  dims.insert(dims.begin() + axis, 1);
  return b.reshape(x, Shape(dims));
}

Value SmallMatrices::roll(Value x, int axis, std::int64_t by) {
  const std::int64_t n = b.type(x).shape[axis];
  if (n == 0 || by % n == 0) return x;
  return join({slice(x, axis, by % n, n), slice(x, axis, 0, by % n)}, axis);
}

Value SmallMatrices::spread(Value x, const Shape& shape, int axis) {
  return b.broadcast(x, shape, {axis});
}

Value SmallMatrices::fill(Value x, const Shape& shape) {
  return b.broadcast(x, shape, {});
}

Value SmallMatrices::lower_corner(Value x, bool pad) {
  const Shape s = b.type(x).shape;
  const Value corner = b.slice(x, {1, 1}, {s[0], s[1]}, {1, 1});
  return pad ? b.pad(corner, b.constant(0.0, b.type(x).dtype), {0, 0}, {1, 1}, {0, 0}) : corner;
}

Value SmallMatrices::transposed(Value x) {
  return b.transpose(x, {1, 0});
}

Value SmallMatrices::skewed(Value x) {
  // With one more column, element (k, r) lies at k (n + 1) + r = k n + (k + r).
  const std::int64_t n = b.type(x).shape[0];
  const Value wide = b.pad(x, b.constant(0.0, b.type(x).dtype), {0, 0}, {0, 1}, {0, 0});
  const Value flat = b.reshape(wide, Shape{n * (n + 1)});
  return b.reshape(slice(flat, 0, 0, n * n), Shape{n, n});
}

Value SmallMatrices::below(std::int64_t n, Value count) {
  return b.lt(index(n), fill(count, Shape{n}));
}

Matrix SmallMatrices::outer(Matrix column, Matrix row) {
  const Shape shape{b.type(column.re).shape[0], b.type(row.re).shape[0]};
  return mul(each(column, [&](Value e) { return spread(e, shape, 0); }),
             each(row, [&](Value e) { return spread(e, shape, 1); }));
}

// --- iteration

namespace {

/// The values of a state in one list, and back.
Values flat(const std::vector<Matrix>& matrices, const std::vector<Value>& plain) {
  Values all;
  for (const Matrix& m : matrices) {
    all.push_back(m.re);
    if (m.im.valid()) all.push_back(m.im);
  }
  all.insert(all.end(), plain.begin(), plain.end());
  return all;
}

void refill(std::vector<Matrix>& matrices, std::vector<Value>& plain, const Value*& next) {
  for (Matrix& m : matrices) {
    m.re = *next++;
    if (m.im.valid()) m.im = *next++;
  }
  for (Value& v : plain) v = *next++;
}

}  // namespace

SmallMatrices::Step SmallMatrices::iterate(std::int64_t count, bool unrolled, Step state,
                                           const StepFunction& step) {
  if (unrolled) {
    std::vector<std::vector<Matrix>> made;
    for (std::int64_t k = 0; k < count; ++k) {
      state = step(*this, b.constant_i64(k), state);
      made.push_back(state.outputs);
    }
    for (std::size_t o = 0; o < state.outputs.size(); ++o) {
      Values re, im;
      for (const auto& outputs : made) {
        re.push_back(with_axis(outputs[o].re, 0));
        if (outputs[o].im.valid()) im.push_back(with_axis(outputs[o].im, 0));
      }
      state.outputs[o] = {b.concatenate(re, 0), im.empty() ? Value{} : b.concatenate(im, 0)};
    }
    return state;
  }
  Builder body("step");
  SmallMatrices inner(body);
  const Value number = body.param(scalar(DType::kI64), "k");
  const Values operands = flat(state.carries, state.plain);
  Values params;
  for (Value v : operands) params.push_back(body.param(b.type(v)));
  Step inside = state;
  const Value* next = params.data();
  refill(inside.carries, inside.plain, next);
  inside = step(inner, number, inside);
  Values results = flat(inside.carries, inside.plain);
  const Values outputs = flat(inside.outputs, {});
  results.insert(results.end(), outputs.begin(), outputs.end());
  LoopAttr attr;
  attr.trip = count;
  attr.carries = static_cast<std::int64_t>(operands.size());
  attr.every.assign(outputs.size(), 1);
  attr.body = body.finish(results);
  const Values made = b.loop(attr, operands);
  next = made.data();
  refill(inside.carries, inside.plain, next);
  std::vector<Value> none;
  refill(inside.outputs, none, next);
  return inside;
}

}  // namespace cotangent::transform
