// The user's array: numpy's rules in C++, evaluated lazily.
//
//   Array x = linspace(0, 1, 5);
//   Array y = sum(sin(x) * 2, 0);     // nothing is computed yet
//   std::cout << y;                   // now it is, as one program
//
// An Array is a handle: cheap to copy, and its value never changes. It is a buffer on a device, or
// an operation still to be done, or a value inside a function that is being traced (jit, grad,
// vmap, loops), which has a type and no numbers.
//
// Pending operations are done when a value is looked at (item, data, values, printing, eval). They
// become one program, compiled once for its structure. Evaluating earlier or later, alone or
// together, never changes a bit: every operation rounds as if it were done alone. Only what a
// library computes once it is compiled (docs/arrays.md) may differ in the last bits.
//
// Element types: f64 for real numbers and i64 for integers unless said otherwise; promote.h has the
// table for mixed operands. A number written in C++ code takes the type of its partner. Sizes and
// axes are int64; negative axes count from the end. Reading from several threads is safe.
#pragma once

#include <concepts>
#include <initializer_list>
#include <iosfwd>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "cotangent/array/promote.h"
#include "cotangent/base/error.h"
#include "cotangent/base/shape.h"
#include "cotangent/runtime/buffer.h"

namespace cotangent::array {

struct Node;
using NodePtr = std::shared_ptr<const Node>;
class Index;
class IndexedArray;

template <class T>
concept Number = std::is_arithmetic_v<T>;

/// The element type an Array of C++ numbers of type T has; other widths widen to 64 bits.
template <Number T>
constexpr DType dtype_for() {
  if constexpr (std::same_as<T, bool>) {
    return DType::kBool;
  } else if constexpr (std::same_as<T, float>) {
    return DType::kF32;
  } else if constexpr (std::is_floating_point_v<T>) {
    return DType::kF64;
  } else if constexpr (std::is_signed_v<T>) {
    return sizeof(T) == 4 ? DType::kI32 : DType::kI64;
  } else {
    return sizeof(T) == 4 ? DType::kU32 : DType::kU64;
  }
}

/// Numbers written in C++ code: int and double mean "an integer", "a real number".
template <Number T>
constexpr DType literal_dtype() {
  if constexpr (std::same_as<T, bool>) return DType::kBool;
  return std::is_floating_point_v<T>            ? DType::kF64
         : std::is_signed_v<T> || sizeof(T) < 8 ? DType::kI64
                                                : DType::kU64;
}

/// One number of a list that has several kinds of them: {1, 2.5}.
struct AnyNumber {
  template <Number T>
  AnyNumber(T value) : dtype(literal_dtype<T>()), real(static_cast<double>(value)) {
    if constexpr (!std::is_floating_point_v<T>) integer = static_cast<std::uint64_t>(value);
  }
  DType dtype;
  double real;
  std::uint64_t integer = 0;
};

class Array {
 public:
  Array();  ///< 0.0

  /// A number of C++ code: weakly typed (promote.h).
  template <Number T>
  Array(T value)
      : Array(literal(static_cast<double>(value), integer_bits(value), literal_dtype<T>())) {}

  /// Copies values; one axis, or `shape` in row-major order.
  template <Number T>
  static Array from(std::span<const T> values) {
    return from(values, Shape{static_cast<std::int64_t>(values.size())});
  }
  template <Number T>
  static Array from(std::span<const T> values, Shape shape) {
    constexpr DType t = dtype_for<T>();
    if constexpr (sizeof(T) == size_of(t)) {
      return from_memory(values.data(), values.size(), shape, t);
    } else {
      using Wide =
          std::conditional_t<std::is_floating_point_v<T>, double,
                             std::conditional_t<std::is_signed_v<T>, std::int64_t, std::uint64_t>>;
      const std::vector<Wide> wide(values.begin(), values.end());
      return from_memory(wide.data(), wide.size(), shape, t);
    }
  }
  template <Number T>
    requires(!std::same_as<T, bool>)
  static Array from(const std::vector<T>& values) {
    return from(std::span<const T>(values));
  }
  template <Number T>
    requires(!std::same_as<T, bool>)
  static Array from(const std::vector<T>& values, Shape shape) {
    return from(std::span<const T>(values), shape);
  }
  /// Raw memory of `shape.size()` elements of type `dtype`; copied.
  static Array from(const void* memory, Shape shape, DType dtype);
  static Array from(runtime::BufferPtr buffer, Shape shape, DType dtype);  ///< shared, not copied

  /// Array::of({1.0, 2.0}), Array::of({{1, 2}, {3, 4}}), as numpy.array: f64, i64 or bool. Integers
  /// that an integer type asked for does not hold are refused.
  template <Number T>
  static Array of(std::initializer_list<T> values, DType dtype = literal_dtype<T>());
  template <Number T>
  static Array of(std::initializer_list<std::initializer_list<T>> rows,
                  DType dtype = literal_dtype<T>());
  template <Number T>
  static Array of(std::initializer_list<std::initializer_list<std::initializer_list<T>>> blocks,
                  DType dtype = literal_dtype<T>());
  /// Of several kinds of number: of the highest one, as numpy.array({1, 2.5}).
  static Array of(std::initializer_list<AnyNumber> values, std::optional<DType> dtype = {});
  static Array of(std::initializer_list<std::initializer_list<AnyNumber>> rows,
                  std::optional<DType> dtype = {});

  const Shape& shape() const;
  DType dtype() const;
  int ndim() const { return shape().rank(); }
  std::int64_t size() const { return shape().size(); }
  /// Length of an axis; negative axes count from the end.
  std::int64_t shape(int axis) const;
  bool is_weak() const;       ///< takes the element type of its partners
  bool is_traced() const;     ///< inside jit, grad, vmap or a loop: there are no numbers yet
  bool is_evaluated() const;  ///< the numbers are in memory
  runtime::Device device() const { return runtime::Device::kCpu; }
  std::string type_text() const;  ///< "f64[6,3]"

  /// Computes the numbers now. UserError inside a traced function.
  const Array& eval() const;
  /// The elements in row-major order, valid as long as any copy of this Array. T must be exactly
  /// the element type.
  template <Number T>
  std::span<const T> data() const {
    return {static_cast<const T*>(data_as(dtype_of_v<T>)), static_cast<std::size_t>(size())};
  }
  /// The elements, converted: of reals to integers as astype, which saturates.
  template <Number T = double>
  std::vector<T> values() const;
  /// The number of an array with one element.
  template <Number T = double>
  T item() const;
  /// As a condition of a C++ `if`: an array with one element, and not while tracing.
  explicit operator bool() const;
  template <Number T>
    requires(!std::same_as<T, bool>)
  explicit operator T() const {
    return item<T>();
  }

  Array astype(DType dtype) const;
  std::string text() const;  ///< as numpy prints it

  // Indexing (indexing.h)
  template <class... I>
  Array operator()(const I&... indices) const;
  template <class... I>
  IndexedArray at(const I&... indices) const;
  Array operator[](std::int64_t k) const;  ///< row k; a negative k counts from the end

  // The same as the free functions.
  Array reshape(std::initializer_list<std::int64_t> shape) const;
  Array T() const;  ///< all axes reversed

  Array& operator+=(const Array& y);
  Array& operator-=(const Array& y);
  Array& operator*=(const Array& y);
  Array& operator/=(const Array& y);

  // For the rest of this module.
  explicit Array(NodePtr node) : node_(std::move(node)) {}
  const NodePtr& node() const { return node_; }
  ElementType element_type() const { return {dtype(), is_weak()}; }

 private:
  template <Number T>
  static constexpr std::uint64_t integer_bits(T value) {
    if constexpr (std::is_floating_point_v<T>) {
      return 0;
    } else {
      return static_cast<std::uint64_t>(static_cast<std::int64_t>(value));
    }
  }
  static Array literal(double real, std::uint64_t integer, DType dtype);
  template <class T>
  using Cell = std::conditional_t<std::same_as<T, bool>, std::uint8_t, T>;
  template <Number T, class C>
  static Array from_numbers(Shape shape, std::span<const C> cells, DType dtype);
  Array converted(DType dtype) const;  ///< astype, computed at once; integers have to fit
  static Array from_any(Shape shape, std::span<const AnyNumber> cells, std::optional<DType> dtype);
  [[noreturn]] static void refuse_ragged(const char* what);
  static Array from_memory(const void* memory, std::size_t count, Shape shape, DType dtype);
  const void* data_as(DType dtype) const;
  double real_at(std::int64_t k) const;
  std::int64_t integer_at(std::int64_t k) const;
  template <Number T>
  T number_at(std::int64_t k) const {
    if (is_float(dtype()) || is_storage_float(dtype())) return from_real<T>(real_at(k));
    if (dtype() == DType::kU64) return static_cast<T>(static_cast<std::uint64_t>(integer_at(k)));
    return static_cast<T>(integer_at(k));
  }
  /// As astype: truncates and saturates, NaN gives 0.
  template <Number T>
  static T from_real(double x) {
    if constexpr (std::is_floating_point_v<T> || std::same_as<T, bool>) {
      return static_cast<T>(x);
    } else {
      using Limits = std::numeric_limits<T>;
      constexpr double kAbove = static_cast<double>(Limits::max() / 2 + 1) * 2;
      if (x != x) return T(0);
      if (x < static_cast<double>(Limits::min())) return Limits::min();
      return x >= kAbove ? Limits::max() : static_cast<T>(x);
    }
  }
  /// Evaluates; throws unless there is exactly one element.
  void need_one_element(const char* what) const;

  NodePtr node_;
};

/// Computes several together: what they share is computed once.
void eval(std::span<const Array> arrays);
template <std::same_as<Array>... A>
void eval(const Array& first, const A&... rest) {
  const Array all[] = {first, rest...};
  eval(std::span<const Array>(all));
}

std::ostream& operator<<(std::ostream& out, const Array& x);

// --- details of templates

template <Number E>
std::vector<E> Array::values() const {
  eval();
  std::vector<E> result;
  result.reserve(static_cast<std::size_t>(size()));
  for (std::int64_t k = 0; k < size(); ++k) {
    result.push_back(number_at<E>(k));
  }
  return result;
}

template <Number E>
E Array::item() const {
  need_one_element("item");
  return number_at<E>(0);
}

template <Number E>
Array Array::of(std::initializer_list<E> values, DType dtype) {
  return from_numbers<E>(Shape{static_cast<std::int64_t>(values.size())},
                         std::span<const E>(values.begin(), values.size()), dtype);
}

template <Number E>
Array Array::of(std::initializer_list<std::initializer_list<E>> rows, DType dtype) {
  std::vector<Cell<E>> all;
  const std::size_t m = rows.size() ? rows.begin()->size() : 0;
  for (const auto& row : rows) {
    if (row.size() != m) refuse_ragged("rows");
    all.insert(all.end(), row.begin(), row.end());
  }
  return from_numbers<E>(
      Shape{static_cast<std::int64_t>(rows.size()), static_cast<std::int64_t>(m)},
      std::span<const Cell<E>>(all), dtype);
}

template <Number E>
Array Array::of(std::initializer_list<std::initializer_list<std::initializer_list<E>>> blocks,
                DType dtype) {
  std::vector<Cell<E>> all;
  const std::size_t m = blocks.size() ? blocks.begin()->size() : 0;
  const std::size_t l = m ? blocks.begin()->begin()->size() : 0;
  for (const auto& block : blocks) {
    if (block.size() != m) refuse_ragged("blocks");
    for (const auto& row : block) {
      if (row.size() != l) refuse_ragged("rows");
      all.insert(all.end(), row.begin(), row.end());
    }
  }
  // Empty braces say nothing of axes inside them: of({}) is [0], of({{}, {}}) is [2,0].
  const auto n = static_cast<std::int64_t>(blocks.size());
  const Shape shape = n == 0 ? Shape{0}
                      : m == 0
                          ? Shape{n, 0}
                          : Shape{n, static_cast<std::int64_t>(m), static_cast<std::int64_t>(l)};
  return from_numbers<E>(shape, std::span<const Cell<E>>(all), dtype);
}

template <Number E, class C>
Array Array::from_numbers(Shape shape, std::span<const C> cells, DType dtype) {
  if constexpr (std::is_floating_point_v<E>) {
    const std::vector<double> wide(cells.begin(), cells.end());
    return from_memory(wide.data(), wide.size(), shape, DType::kF64).converted(dtype);
  } else if constexpr (std::same_as<E, bool>) {
    const std::vector<std::uint8_t> bytes(cells.begin(), cells.end());
    return from_memory(bytes.data(), bytes.size(), shape, DType::kBool).converted(dtype);
  } else {
    constexpr DType widest = literal_dtype<E>();
    using Wide = std::conditional_t<widest == DType::kU64, std::uint64_t, std::int64_t>;
    const std::vector<Wide> wide(cells.begin(), cells.end());
    return from_memory(wide.data(), wide.size(), shape, widest).converted(dtype);
  }
}

}  // namespace cotangent::array
