// Random numbers by key, as JAX has them: nothing remembers where it was, the same key gives the
// same numbers.
//
//   Key key(42);
//   Array x = normal(key, {1000});
//   Key keys = split(key, 2);          // for what is drawn next: keys(0), keys(1)
//   vmap([](Key k) { return normal(k, {3}); })(split(key, 64));
//
// The bits are Philox4x32-10's for (seed; member, step) of the key, the function that draws, and
// the element's place in the array (ir/philox.h). They are the same on every device, in any batch,
// and whether a loop is jitted or not. A key is for one draw of each kind: what is drawn twice with
// it is the same twice.
#pragma once

#include "cotangent/array/elementwise.h"
#include "cotangent/array/shaping.h"

namespace cotangent::array {

/// One key, or an array of keys: three u64 arrays of one shape.
class Key {
 public:
  Key() : Key(0) {}
  /// Keys for these seeds: integers, of any shape.
  explicit Key(const Array& seed);

  /// The key of member k of an ensemble (k < 2^32), of step k of a run (k < 2^48): as cheap as a
  /// number, where `split` draws. Numbers beyond are refused where they are known, and taken modulo
  /// that in a traced function. Integers; an array of them makes as many keys.
  Key with_member(const Array& k) const;
  Key with_step(const Array& k) const;

  const Shape& shape() const { return seed.shape(); }
  template <class... I>
  Key operator()(const I&... indices) const {
    Key chosen;
    chosen.seed = seed(indices...);
    chosen.member = member(indices...);
    chosen.step = step(indices...);
    return chosen;
  }

  auto tree_fields() { return std::tie(seed, member, step); }
  auto tree_fields() const { return std::tie(seed, member, step); }

  Array seed, member, step;
};

/// `count` new keys, made of the key's own bits.
Key split(const Key& key, std::int64_t count = 2);

/// Bits, u64 or u32.
Array random_bits(const Key& key, Shape shape = {}, DType dtype = DType::kU64);
/// Reals in [0, 1), multiples of 2^-53 (f64) or 2^-24 (f32).
Array uniform(const Key& key, Shape shape = {}, DType dtype = DType::kF64);
/// low + (high - low) u for u in [0, 1); low and high broadcast to the shape. Where that rounds up,
/// it can be high.
Array uniform(const Key& key, Shape shape, DType dtype, const Array& low, const Array& high);
/// Mean 0, variance 1, by Box and Muller.
Array normal(const Key& key, Shape shape = {}, DType dtype = DType::kF64);
/// true with probability p, which broadcasts to the shape.
Array bernoulli(const Key& key, const Array& p, Shape shape);
inline Array bernoulli(const Key& key, const Array& p) {
  return bernoulli(key, p, p.shape());
}
/// Integers low <= k < high, at most 2^32 of them; of type i32, i64, u32 or u64.
Array randint(const Key& key, Shape shape, std::int64_t low, std::int64_t high,
              DType dtype = DType::kI64);
/// 0 .. n-1 in random order; the slices of x along an axis in random order.
Array permutation(const Key& key, std::int64_t n);
Array permutation(const Key& key, const Array& x, int axis = 0);

}  // namespace cotangent::array
