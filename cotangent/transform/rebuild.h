// Small tools that every transform leans on: copying parts of a function, reading constants,
// making the closed body of a second-order op parameter by parameter.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "cotangent/ir/builder.h"

namespace cotangent::transform {

/// A value that may be absent: Value{} (not valid()) stands for "none" or "symbolic zero".
using Values = std::vector<ir::Value>;
using Flags = std::vector<bool>;

/// Copies the nodes of `f` that `wanted` needs into `b`, with parameter k replaced by `params[k]`
/// (entries that are not needed may be invalid). Returns the copies of `wanted`.
Values clone(ir::Builder& b, const ir::Function& f, std::span<const ir::Value> params,
             std::span<const ir::Value> wanted);

/// The same, with images of some nodes (by node id; invalid: none) given beforehand in `images`,
/// which receives the others that were needed.
Values clone_onto(ir::Builder& b, const ir::Function& f, Values& images,
                  std::span<const ir::Value> wanted);

/// `f` with only the flagged parameters and results. No kept result may need a dropped parameter.
/// Checks stay that need none.
ir::FunctionPtr restrict_to(const ir::Function& f, const Flags& params, const Flags& results);

/// The one number all elements of a constant equal, seen through broadcast and reshape; signed
/// zeros must agree. Integers count when they are exact in a double.
std::optional<double> splat_value(const ir::Function& f, ir::Value v);

/// Whether `v` is a constant, all of whose elements are +0 or -0.
bool is_zero(const ir::Function& f, ir::Value v);

/// Whether `v` is a floating-point constant without infinities and NaNs.
bool is_finite_constant(const ir::Function& f, ir::Value v);

/// The type of one row of a row operand.
inline ir::Type row_of(const ir::Type& t) {
  return t.with_shape(t.shape.row());
}

/// x's elements along `axis` in the order that `order` (integers, x's shape) gives: numpy's
/// take_along_axis.
ir::Value take_along(ir::Builder& b, ir::Value x, ir::Value order, std::int64_t axis);

/// Axes of a rank-`rank` array that are not in `used`, ascending.
ir::Dims other_axes(int rank, const ir::Dims& used);

/// Builds the body of a second-order op together with the op's operand list. Operands are added
/// list by list in the order of attr.h; each target receives the body's parameter for its operand.
/// A splat constant is not passed but rebuilt inside; as parameters come first in a function, such
/// targets (which must stay where they are) are filled by open().
class BodyBuilder {
 public:
  BodyBuilder(ir::Builder& outer, std::string name) : outer_(outer), body_(std::move(name)) {}

  void index(ir::Value& target) { target = body_.param(ir::scalar(DType::kI64)); }
  void row(ir::Value operand, ir::Value& target);        ///< a row operand; the body sees one row
  void invariant(ir::Value operand, ir::Value& target);  ///< seen whole
  void carry(ir::Value operand, ir::Value& target);      ///< like invariant, but always passed
  const Values& operands() const { return operands_; }
  /// Operands added since the last call (the length of the list just finished).
  std::int64_t take_count();

  /// All parameters are there: fills constant targets and gives the builder of the body.
  ir::Builder& open();

 private:
  void pass(ir::Value operand, const ir::Type& inside, ir::Value& target);
  struct Pending {
    ir::Value* target;
    double value;
    ir::Type type;
  };
  ir::Builder& outer_;
  ir::Builder body_;
  Values operands_;
  std::vector<Pending> pending_;
  std::size_t counted_ = 0;
};

/// Which results can change (kDependence) or can have a non-zero tangent (kTangent: nothing flows
/// through integers, comparisons and piecewise-constant ops) when the flagged parameters do.
enum class Through { kDependence, kTangent };
Flags flow(const ir::Function& f, const Flags& params, Through through);
/// The same for every node (a second-order one: whether any operand is flagged).
Flags flow_nodes(const ir::Function& f, const Flags& params, Through through);
/// The same for the results of one node with several, from flags on its operands. For a loop,
/// `carries` (if given) receives the fixpoint over its carries.
Flags flow_through(const ir::Function& f, ir::Value node, const Flags& operands, Through through,
                   Flags* carries = nullptr);

/// How often each node is used (results count).
std::vector<int> use_counts(const ir::Function& f);

/// Rebuilds `f` node by node. `rule` is given a node of one result and the images of its operands
/// and returns its replacement, or an invalid value for a plain copy. Of an op with several
/// results, second-order ones among them, `projected` gives all results, or none for a copy whose
/// bodies are replaced by `body(old)` (or stay, without `body`); it also sees the images of all
/// nodes before.
using RewriteRule =
    std::function<ir::Value(ir::Builder& b, ir::Value v, std::span<const ir::Value> operands)>;
using ProjectedRule = std::function<Values(
    ir::Builder& b, ir::Value v, std::span<const ir::Value> operands, const Values& images)>;
ir::FunctionPtr rewrite(const ir::Function& f, const RewriteRule& rule,
                        const std::function<ir::FunctionPtr(const ir::Function&)>& body,
                        const ProjectedRule& projected = {});

/// The attribute of a second-order op with `change` applied to all its bodies.
ir::Attr change_bodies(const ir::Attr& attr,
                       const std::function<ir::FunctionPtr(const ir::Function&)>& change);

/// The attribute of a second-order op that has one body, with another.
ir::Attr with_body(ir::Attr attr, ir::FunctionPtr body);

/// How many parameters of its bodies come before those for operands, and how many operands before
/// those that its bodies see.
struct Layout {
  std::size_t indices, head;
};
Layout layout_of(ir::Op op);

/// Whether an elementwise op (or reduction) of float type has derivative zero everywhere it has
/// one.
bool piecewise_constant(ir::Op op);

}  // namespace cotangent::transform
