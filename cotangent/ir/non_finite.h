// Where a number of a program first stopped being finite: the op, the step of the loop, the lane.
//
//   const auto found = ir::find_non_finite(*gradient, arguments);
//   if (found) report(found->text());
//
// The program is run by the reference evaluator, and the number that is not finite is followed
// back from the result to the op that made it of finite ones, element by element: into the branch
// that `select` took and no other, into the lane of a `map`, the pair of a `pair_sum`, the step of
// a loop at which the carry turned. So an infinity that a mask keeps out of the results is not
// reported. Infinities written as constants are no origin; the op that makes a NaN of one is. In
// sort, factorisations and Fourier transforms the elements of one operand are not told apart.
//
// Slow: a body is evaluated again for each level of nesting. Deterministic.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "cotangent/ir/function.h"

namespace cotangent::ir {

/// One body that the way back led into, outermost first.
struct NonFiniteLevel {
  Op op;                     ///< map, loop, pair_sum, while, cond or call
  Value node;                ///< in the function around it
  std::string body;          ///< its name
  std::int64_t index = 0;    ///< lane, iteration, i of the pair; of cond: which branch, 1 or 0
  std::int64_t other = 0;    ///< j of the pair
  std::string text() const;  ///< "step 3 of loop %7"
};

struct NonFinite {
  // Where it shows.
  std::size_t result = 0;
  std::int64_t element = 0;  ///< row-major
  double value = 0;          ///< inf, -inf or nan
  std::string shows;         ///< "result 1, element [2,0]"

  // Where it was made.
  std::optional<std::size_t> argument;  ///< it came in with this one; `at` is its element
  std::vector<NonFiniteLevel> levels;   ///< empty: in the function itself
  Op op = Op::kParameter;
  Value node;
  std::string function;    ///< the body it is in
  std::int64_t at = 0;     ///< element of the node's value
  double made = 0;         ///< what the op gave there
  std::string line;        ///< "%16 : f64[3], element [1] = div(%3 = 1, %4 = 0)"
  std::string became_nan;  ///< the line of the op that made a NaN of it, or ""
  SourceSpan place;        ///< what the op came from; may be empty

  /// Some lines for a person, each indented by two but the first.
  std::string text() const;
};

/// Follows the first element that is not finite of result `result`, or of the first result that
/// has one. Nothing: all are finite. Arguments as in `evaluate`.
std::optional<NonFinite> find_non_finite(const Function& f, std::span<const Tensor> arguments,
                                         std::optional<std::size_t> result = {});

/// The first element that is not finite, row-major; of integers none.
std::optional<std::int64_t> first_non_finite(const Tensor& x);

/// "[2,0]": an element of an array by its indices; "" of a scalar.
std::string element_text(const Shape& shape, std::int64_t element);

}  // namespace cotangent::ir
