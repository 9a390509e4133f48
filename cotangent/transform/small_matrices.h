// What the expansion of small factorisations is written with: arrays of real or complex numbers
// (an absent imaginary part is zero), and an iteration that is a `loop` or is written out.
//
// Every index is static. A step works on row and column 0, or on the first and the last ones as
// pairs, and then moves the array along: so a matrix can live in registers, and code has the size
// of one step.
#pragma once

#include "cotangent/transform/matrices.h"

namespace cotangent::transform {

class SmallMatrices {
 public:
  explicit SmallMatrices(ir::Builder& builder) : b(builder) {}

  // --- elementwise
  Matrix add(Matrix x, Matrix y);
  Matrix sub(Matrix x, Matrix y);
  Matrix mul(Matrix x, Matrix y);
  Matrix scaled(Matrix x, ir::Value real);  ///< each part times a real array of the same shape
  Matrix over(Matrix x, ir::Value real);
  Matrix div(Matrix x, Matrix y);
  Matrix conjugate(Matrix x);
  Matrix select(ir::Value where, Matrix x, Matrix y);
  ir::Value square(Matrix x);  ///< |x|^2
  ir::Value size(Matrix x);    ///< |x|
  Matrix phase(Matrix x);      ///< x/|x|, 1 for 0

  /// Powers of two: `up` brings numbers of which `most` is the largest to 2 .. 4 (or below, for the
  /// smallest of all), `down` is 1/up. What they multiply stays exact. Infinity becomes NaN by
  /// them.
  struct Powers {
    ir::Value up, down;
  };
  Powers powers(ir::Value most);
  /// max(|re|, |im|): where squares would vanish or overflow, this does not.
  ir::Value largest_part(Matrix x);

  // --- structure
  ir::Value slice(ir::Value x, int axis, std::int64_t begin, std::int64_t end,
                  std::int64_t stride = 1);
  ir::Value take(ir::Value x, int axis, std::int64_t at);            ///< the axis is gone
  ir::Value join(std::initializer_list<ir::Value> parts, int axis);  ///< empty parts left out
  ir::Value with_axis(ir::Value x, int axis);                        ///< a new axis of length 1
  ir::Value roll(ir::Value x, int axis, std::int64_t by);            ///< element i is now at i - by
  ir::Value spread(ir::Value x, const Shape& shape, int axis);       ///< a vector along one axis
  ir::Value fill(ir::Value x, const Shape& shape);                   ///< a scalar
  ir::Value lower_corner(ir::Value x, bool pad);  ///< x[1:, 1:], zeros at the end if padded
  ir::Value transposed(ir::Value x);
  /// Row k of x [n, n] shifted right by k.
  ir::Value skewed(ir::Value x);
  ir::Value index(std::int64_t n) { return b.iota({DType::kI64, ir_shape(n)}, 0); }
  ir::Value below(std::int64_t n, ir::Value count);  ///< index < count, bool [n]
  ir::Value type_like(ir::Value x, double value) { return b.splat(value, b.type(x)); }
  Matrix outer(Matrix column, Matrix row);

  template <class F>
  Matrix each(Matrix x, F change) {
    return {change(x.re), x.im.valid() ? change(x.im) : ir::Value{}};
  }
  Matrix join(std::initializer_list<Matrix> parts, int axis);

  struct Step {
    std::vector<Matrix> carries;
    std::vector<ir::Value> plain;  ///< carries that are no matrices
    std::vector<Matrix> outputs;
  };
  /// `count` times step(kit, number of the iteration as a scalar, state). Outputs are stacked. When
  /// `unrolled` the program holds every step, and carries may change their shape.
  using StepFunction = std::function<Step(SmallMatrices& kit, ir::Value number, const Step& state)>;
  Step iterate(std::int64_t count, bool unrolled, Step state, const StepFunction& step);

  ir::Builder& b;

 private:
  ir::Value divisor(Matrix x);
  static Shape ir_shape(std::int64_t n) { return Shape{n}; }
};

/// Expansions of one matrix; results in the order of the op's results.
struct SmallFactors {
  std::vector<Matrix> matrices;
  std::vector<ir::Value> values;  ///< of lu: rows; of eigh and svd: w, s
};
SmallFactors small_qr(SmallMatrices& kit, Matrix a);
SmallFactors small_eigh(SmallMatrices& kit, Matrix a);
SmallFactors small_svd(SmallMatrices& kit, Matrix a);

/// Up to this size of a matrix steps are written out.
inline constexpr std::int64_t kUnrolledMatrix = 4;

}  // namespace cotangent::transform
