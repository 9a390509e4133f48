// Whether the derivatives of a program are right, by four ways that have to agree.
//
//   const GradCheck check = check_grad(*f, {0}, arguments);
//   if (!check) std::cerr << check.text();
//
//   reverse      J^T u of vjp, element by element, against differences
//   forward      J d of jvp along random directions, against differences
//   differences  f itself: central ones with extrapolation to step 0 (Ridders 1982), each with an
//                estimate of its error; f64 programs are run in 64-bit mantissas for it, f32
//                programs in f64 where they do not look at bits. Or what `slope` gives.
//   dot product  <u, J d> = <J^T u, d>, which needs no differences
//
// The differences from the left and from the right are compared as the step shrinks: at a kink or a
// jump a central difference says nothing, and neither does this: it is counted as no test, and if
// nothing else fails the verdict is "inconclusive". So it is where all digits of a difference are
// lost. A derivative that is not finite fails, with the op that made it so (ir/non_finite.h).
//
// All programs are run by the reference evaluator, a component takes 16 evaluations of f: give
// small cases. Deterministic: the seed fixes directions and the choice of components.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "cotangent/ir/non_finite.h"
#include "cotangent/transform/derivatives.h"

namespace cotangent::transform {

struct GradCheckOptions {
  double tolerance = 0;  ///< of derivatives against differences, relative; 0: 1e-6, with f32 1e-3
  double identity_tolerance = 0;  ///< of the dot products; 0: 1e-12, with f32 1e-5
  double step = 1e-3;             ///< the widest, relative to an argument (to 1 where it is small)
  int directions = 2;             ///< random ones
  std::int64_t components = 64;   ///< of all arguments; a random choice where there are more
  std::uint64_t seed = 1;
  /// The derivative of all real results along directions of the `wrt`, exact but for rounding, in
  /// place of central differences; for the complex step.
  std::function<std::vector<ir::Tensor>(std::span<const ir::Tensor> directions)> slope;
};

/// One of the four ways.
struct GradCheckRow {
  enum class State : std::uint8_t { kAgrees, kDisagrees, kNotFinite, kNothing, kRefused };
  std::string method;
  State state = State::kNothing;  ///< kNothing: there was nothing to compare with
  double worst = 0;               ///< relative; of differences: their own estimate of it
  double tolerance = 0;
  std::int64_t compared = 0;  ///< numbers
  std::string where;          ///< of the worst: "x0[2]: 1.5, differences 1.25"
};

struct GradCheck {
  enum class Verdict : std::uint8_t { kPass, kFail, kInconclusive };
  Verdict verdict = Verdict::kInconclusive;
  std::string reason;  ///< "reverse disagrees at x0[2]", "a kink at x0[2]: ..."; "" when it passes
  GradCheckRow reverse, forward, differences, identity;
  std::int64_t kinks = 0, no_digits = 0;  ///< numbers that could not be compared
  std::optional<ir::NonFinite> non_finite;

  explicit operator bool() const { return verdict == Verdict::kPass; }
  std::string text() const;  ///< the verdict, and a table of the four
};

/// Derivatives of real results by the parameters `wrt`, real ones. `names` are those of the `wrt`
/// and then of all results, for messages; without them: the parameters' own and "result 0".
GradCheck check_grad(const ir::Function& f, const Positions& wrt, std::span<const ir::Tensor> x,
                     const GradCheckOptions& options = {}, std::span<const std::string> names = {});

/// The same of given programs in place of jvp(f, wrt) and vjp(f, wrt); null: not compared.
GradCheck check_grad(const ir::Function& f, const ir::FunctionPtr& forward,
                     const ir::FunctionPtr& reverse, const Positions& wrt,
                     std::span<const ir::Tensor> x, const GradCheckOptions& options = {},
                     std::span<const std::string> names = {});

/// A function that is known by what it does, at one point: of real arrays, to real arrays.
struct GivenDerivatives {
  using Tensors = std::vector<ir::Tensor>;
  Tensors x;
  std::vector<ir::Type> results;
  std::function<Tensors(std::span<const ir::Tensor> x)> value;    ///< anywhere near
  std::function<Tensors(std::span<const ir::Tensor> d)> forward;  ///< J d at x; may be null
  std::function<Tensors(std::span<const ir::Tensor> u)> reverse;  ///< J^T u at x; may be null
  double noise = 1e-15;  ///< of a value, relative to the largest of its array
  bool single = false;   ///< f32 in it: fewer digits are asked for
  /// All arguments are in units of their own sizes: a derivative that is nothing beside the largest
  /// is compared on that one's scale.
  bool own_units = false;
  bool smooth = false;             ///< proved: what looks like a kink is rounding
  std::vector<std::string> names;  ///< of x, then of the results
};
/// Arguments of `value` come with mantissas of 64 bits.
GradCheck check_grad(const GivenDerivatives& given, const GradCheckOptions& options = {});

/// f with f64 in place of f32, bodies included; nothing where it looks at the bits of a number.
ir::FunctionPtr in_double_precision(const ir::Function& f);

}  // namespace cotangent::transform
