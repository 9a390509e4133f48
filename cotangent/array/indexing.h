// Indexing: numpy's, with round brackets.
//
//   x(0)                      x[0]
//   x(slice(1, -1), 2)        x[1:-1, 2]
//   x(all, slice(_, _, -1))   x[:, ::-1]
//   x(ellipsis, newaxis)      x[..., None]
//   x(rows, columns)          x[rows, columns] with integer arrays
//   x.at(0, all).set(y)       a copy of x with x[0, :] = y; .add(y) adds, repeated indices too
//
// Integer arrays broadcast together; their axes stand where the first of them stood when they are
// neighbours, else in front (numpy's rule; integers among them count as arrays). Integers are
// checked; the elements of index arrays are clamped to the axis, since they are known only later.
// Masks are refused: the size of the result would depend on values.
#pragma once

#include <optional>
#include <variant>
#include <vector>

#include "cotangent/array/reduce.h"

namespace cotangent::array {

/// "Not given" in slice(_, 3), slice(1, _, 2).
struct Missing {};
inline constexpr Missing _{};

struct Bound {
  Bound(Missing) {}
  template <std::integral T>
  Bound(T v) : value(static_cast<std::int64_t>(v)) {}
  std::optional<std::int64_t> value;
};

/// start:stop:step
struct Slice {
  std::optional<std::int64_t> start, stop;
  std::int64_t step = 1;
};
inline Slice slice(Bound stop) {
  return {{}, stop.value, 1};
}
inline Slice slice(Bound start, Bound stop, std::int64_t step = 1) {
  return {start.value, stop.value, step};
}

struct Ellipsis {};
struct NewAxis {};
inline constexpr Ellipsis ellipsis{};
inline constexpr NewAxis newaxis{};

class Index {
 public:
  template <std::integral T>
    requires(!std::same_as<T, bool>)
  Index(T k) : value_(static_cast<std::int64_t>(k)) {}
  Index(Slice s) : value_(s) {}
  Index(Missing) : value_(Slice{}) {}
  /// `all`, the whole axis: the name of the reduction serves as the sign, known by its type.
  Index(Array (*)(const Array&, Axes, bool, WholeAxis)) : value_(Slice{}) {}
  Index(Ellipsis e) : value_(e) {}
  Index(NewAxis n) : value_(n) {}
  Index(Array indices) : value_(std::move(indices)) {}
  using Value = std::variant<std::int64_t, Slice, Ellipsis, NewAxis, Array>;
  const Value& value() const { return value_; }

 private:
  Value value_;
};

Array get_index(const Array& x, const std::vector<Index>& indices);

/// x.at(indices): a place in x.
class IndexedArray {
 public:
  IndexedArray(Array x, std::vector<Index> indices)
      : x_(std::move(x)), indices_(std::move(indices)) {}
  Array get() const { return get_index(x_, indices_); }
  /// x with these elements replaced; `value` broadcasts. Where an index repeats, the last one wins.
  Array set(const Array& value) const;
  /// x with these elements added to; repeated indices all count.
  Array add(const Array& value) const;

 private:
  Array x_;
  std::vector<Index> indices_;
};

template <class... I>
Array Array::operator()(const I&... indices) const {
  return get_index(*this, {Index(indices)...});
}
template <class... I>
IndexedArray Array::at(const I&... indices) const {
  return IndexedArray(*this, {Index(indices)...});
}

}  // namespace cotangent::array
