#include "cotangent/array/random.h"

#include "cotangent/array/record.h"
#include "cotangent/array/sorting.h"
#include "cotangent/transform/random.h"

namespace cotangent::array {
namespace {

/// Each function has its place, so that two of them share no bits of a key.
enum Site : std::int64_t { kBits, kUniform, kNormal, kBernoulli, kIntegers, kOrder, kSplit };

Array counter(std::string_view op, const Array& x) {
  if (is_float(x.dtype()) || is_bool(x.dtype()) || is_storage(x.dtype())) {
    refuse(op, "takes integers, not " + x.type_text(), "use astype(DType::kU64)");
  }
  return convert(op, x, {DType::kU64, false});
}

Array& at_shape(Array& x, const Shape& shape) {
  x = broadcast_to(x, shape);
  return x;
}

/// Refuses what does not fit so many bits; numbers of a traced function are not known.
void want_below(std::string_view op, const Array& x, int bits) {
  if (!x.is_evaluated()) return;
  for (const std::int64_t n : x.values<std::int64_t>()) {
    if (n >= 0 && n < std::int64_t{1} << bits) continue;
    refuse(op,
           "counter " + (x.dtype() == DType::kU64 ? std::to_string(static_cast<std::uint64_t>(n))
                                                  : std::to_string(n)),
           "give a number from 0 up to, not including, 2^" + std::to_string(bits));
  }
}

Key with(std::string_view op, Key key, Array Key::* field, const Array& value, int bits) {
  const Array words = counter(op, value);
  want_below(op, value, bits);
  key.*field = words;
  const Array all[] = {key.seed, key.member, key.step};
  const Shape shape = broadcast_shapes(op, all);
  at_shape(key.seed, shape);
  at_shape(key.member, shape);
  at_shape(key.step, shape);
  return key;
}

/// What `draw` makes of the key's stream at this place.
template <class F>
Array draw_with(std::string_view op, const Key& key, Site site, const F& draw) {
  if (key.shape().rank() != 0) {
    refuse(op, "the key is an array of keys: " + key.seed.type_text(),
           "index one of them, or vmap the function that draws");
  }
  ir::Builder b{std::string(op)};
  const ir::Type word = ir::scalar(DType::kU64);
  const ir::Value seed = b.param(word, "seed"), member = b.param(word, "member"),
                  step = b.param(word, "step");
  transform::RandomStream stream(b, seed, member, step, site);
  const ir::Value made = draw(stream);
  return Array(
      make_call(b.finish({made}), {key.seed.node(), key.member.node(), key.step.node()})[0]);
}

void want(std::string_view op, bool holds, DType dtype, const char* remedy) {
  if (!holds) refuse(op, "gives no " + std::string(name_of(dtype)), remedy);
}

}  // namespace

Key::Key(const Array& given)
    : seed(counter("Key", given)), member(zeros_like(seed)), step(zeros_like(seed)) {}

Key Key::with_member(const Array& k) const {
  return with("with_member", *this, &Key::member, k, 32);
}
Key Key::with_step(const Array& k) const {
  return with("with_step", *this, &Key::step, k, 48);
}

Key split(const Key& key, std::int64_t count) {
  if (count < 0) refuse("split", std::to_string(count) + " keys", "give a number of 0 or more");
  return Key(draw_with("split", key, kSplit, [&](transform::RandomStream& s) {
    return s.bits({DType::kU64, Shape{count}});
  }));
}

Array random_bits(const Key& key, Shape shape, DType dtype) {
  want("random_bits", dtype == DType::kU32 || dtype == DType::kU64, dtype, "take u32 or u64");
  return draw_with("random_bits", key, kBits,
                   [&](transform::RandomStream& s) { return s.bits({dtype, shape}); });
}

Array uniform(const Key& key, Shape shape, DType dtype) {
  want("uniform", is_float(dtype), dtype, "take f64 or f32");
  return draw_with("uniform", key, kUniform,
                   [&](transform::RandomStream& s) { return s.uniform({dtype, shape}); });
}

Array uniform(const Key& key, Shape shape, DType dtype, const Array& low, const Array& high) {
  const Array u = uniform(key, shape, dtype);
  const Array from = broadcast_to(low.astype(dtype), shape);
  const Array to = broadcast_to(high.astype(dtype), shape);
  return from + (to - from) * u;
}

Array normal(const Key& key, Shape shape, DType dtype) {
  want("normal", is_float(dtype), dtype, "take f64 or f32");
  return draw_with("normal", key, kNormal,
                   [&](transform::RandomStream& s) { return s.normal({dtype, shape}); });
}

Array bernoulli(const Key& key, const Array& p, Shape shape) {
  const Array real = convert("bernoulli", p, to_real(p.element_type()));
  const Array u = draw_with("bernoulli", key, kBernoulli, [&](transform::RandomStream& s) {
    return s.uniform({real.dtype(), shape});
  });
  return u < broadcast_to(real, shape);
}

Array randint(const Key& key, Shape shape, std::int64_t low, std::int64_t high, DType dtype) {
  want("randint", is_integer(dtype), dtype, "take i32, i64, u32 or u64");
  const std::string range = "from " + std::to_string(low) + " below " + std::to_string(high);
  const std::uint64_t count = static_cast<std::uint64_t>(high) - static_cast<std::uint64_t>(low);
  if (high <= low || count > std::uint64_t{1} << 32) {
    refuse("randint", range, "give a range of 1 to 2^32 numbers; high itself is not among them");
  }
  if (!holds(dtype, low, false) || !holds(dtype, high - 1, false)) {
    refuse("randint", range + " is more than " + std::string(name_of(dtype)) + " holds",
           "ask for i64, or move the range");
  }
  return draw_with("randint", key, kIntegers, [&](transform::RandomStream& s) {
    return s.integers({dtype, shape}, low, high);
  });
}

Array permutation(const Key& key, std::int64_t n) {
  if (n < 0) {
    refuse("permutation", "of " + std::to_string(n) + " numbers", "give a number of 0 or more");
  }
  return argsort(draw_with("permutation", key, kOrder, [&](transform::RandomStream& s) {
    return s.bits({DType::kU64, Shape{n}});
  }));
}

Array permutation(const Key& key, const Array& x, int axis) {
  const int k = normal_axis("permutation", axis, x.ndim());
  return take(x, permutation(key, x.shape()[k]), k);
}

}  // namespace cotangent::array
