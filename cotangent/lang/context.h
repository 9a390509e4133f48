// Tracing: an expression and the names it may use -> a function of the array program.
//
//   Context names;
//   names.set_state(Shape{6, 3});
//   names.add_parameter("m", masses);                   // f64: an argument of every traced
//   function names.add_definition(parse_definition("r(i,j)", text)); ir::FunctionPtr kinetic =
//   trace_energy(names, "kinetic", parse_expression(text));
//
// The language is section 6 of the design. Choices made where it is silent:
//   - an integer is always known at trace, up to the indices around it; integer parameters are
//   baked
//     in, real ones are arguments. integer^integer with an exponent >= 0 is an integer, "/" is
//     real,
//     "%" is floored. Integer arithmetic that may leave 64 bits is refused;
//   - x^n for a whole constant |n| <= 64 is multiplication, x^0.5 and x^-0.5 use sqrt, x^(-n-0.5)
//   is
//     1/(x^n sqrt(x)), anything else is pow;
//   - sum(i, e) is a `map` with a total, sum(i<j, e) and sum(i!=j, e) a `pair_sum`; i<j<k and the
//     other reductions over pairs run over lists and nested maps;
//   - a filter made of integers is decided at trace where it depends on the reduction's own index
//     alone; otherwise it selects between the value and 0 (1, +inf, -inf). Indices are checked
//     for those values only that pass integer filters and the integer conditions of where();
//   - what does not depend on an index is computed outside its reduction.
//
// Everything throws UserError pointing into the text. Tracing is deterministic and does not touch
// the context (but for a counter that bounds the work spent on one file).
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "cotangent/ir/function.h"
#include "cotangent/lang/ast.h"

namespace cotangent::lang {

/// `name(parameters...) = body`, inlined where it is used.
struct Definition {
  std::string name;
  std::vector<std::string> parameters;
  ExpressionPtr body;
  SourceSpan span;  ///< of the head
};

struct NamedTensor {
  std::string name;
  ir::Tensor value;  ///< f64 or i64
};

struct NamedShape {
  std::string name;
  Shape shape;
};

/// What one array is, said in text: by one expression for all of it, by an expression for each row
/// of its first axes (all of its axes: each entry), or by one for every value of indices.
struct ArrayText {
  std::string name;  ///< in messages: "x", "J"
  Shape shape;
  int axes = 0;  ///< how many leading axes `parts` run over, row-major; 0: one part, the array
  std::vector<ExpressionPtr> parts;  ///< none: all zero
  /// "x[i,k]" = "...": its indices, in the text `head`; they run over the first axes. One part.
  std::vector<IndexName> indices;
  SourceText head;
};

/// A copy shares the bound on work with the original.
class Context {
 public:
  Context();

  /// q, p and v have this shape. Without it they are no names.
  void set_state(Shape shape) { state_ = shape; }
  const std::optional<Shape>& state() const { return state_; }

  /// The state is one x, f64 [n]: these arrays one after the other, each row-major; their names are
  /// what expressions may use, in place of q, p and v.
  void set_arrays(std::vector<NamedShape> arrays) { arrays_ = std::move(arrays); }
  const std::vector<NamedShape>& arrays() const { return arrays_; }
  std::int64_t packed_size() const;
  /// The shape of what `name` means as a part of the state; nothing when it is none.
  std::optional<Shape> state_shape(const std::string& name) const;
  /// q, p and v, or the names of the arrays.
  std::vector<std::string> state_names() const;

  /// f64 (an argument of traced functions) or i64 (baked in).
  void add_parameter(std::string name, ir::Tensor value);
  const NamedTensor* parameter(const std::string& name) const;
  std::span<const NamedTensor> parameters() const { return parameters_; }

  /// A name that messages may suggest although it has no value here (yet).
  void mention(std::string name) { mentioned_.push_back(std::move(name)); }

  void add_definition(Definition definition);
  const Definition* definition(const std::string& name) const;
  const std::vector<Definition>& definitions() const { return definitions_; }
  /// Throws UserError when definitions use each other in a circle, and shows it.
  void check_definitions() const;
  /// Throws UserError for a name in a definition, used or not, that is nothing. All parameters are
  /// there.
  void check_names_in_definitions() const;

  std::vector<std::string> known_names() const;

  /// Counts `work` towards the bound on what one context may spend; false when it is used up.
  bool spend(std::int64_t work) const;

 private:
  std::optional<Shape> state_;
  std::vector<NamedShape> arrays_;
  std::vector<NamedTensor> parameters_;
  std::unordered_map<std::string, std::size_t> parameter_index_;
  std::vector<std::string> mentioned_;
  std::vector<Definition> definitions_;
  std::unordered_map<std::string, std::size_t> definition_index_;
  std::shared_ptr<std::int64_t> budget_;
};

/// The head "r(i,j)" or "mu" of a definition; its body is parsed.
Definition parse_definition(const SourceText& head, SourceText body);

/// The key "x" or "x[i,k]" of a rule for an array: its name, and its indices.
struct ArrayHead {
  std::string name;
  std::vector<IndexName> indices;
};
ArrayHead parse_array_head(const SourceText& head);

// Functions of the state are (q, p: f64 shape, t: f64, real parameters...), or, where the context
// has arrays, (x: f64 [n], t: f64, real parameters...).

/// -> f64. `what` names the expression in messages.
ir::FunctionPtr trace_energy(const Context& names, const std::string& name,
                             const Expression& expression,
                             const std::string& what = "an energy term");
/// -> f64 [n]: all arrays, one after the other, each row-major.
ir::FunctionPtr trace_packed(const Context& names, const std::string& name,
                             std::span<const ArrayText> arrays);
/// -> a result for each array, in its shape.
ir::FunctionPtr trace_arrays(const Context& names, const std::string& name,
                             std::span<const ArrayText> arrays);
/// (q, p, v: f64 shape, t: f64, real parameters...), or of x as above, -> f64 scalar or array
ir::FunctionPtr trace_observable(const Context& names, const std::string& name,
                                 const Expression& expression);
/// The value of an expression in parameters alone: i64 or f64, any shape.
ir::Tensor evaluate_constant(const Context& names, const Expression& expression);

/// Names that occur in an expression and are not bound in it, each once, in order; those in the
/// definitions it uses included. (For the order in which computed parameters are evaluated.)
std::vector<std::string> free_names(const Context& names, const Expression& expression);

}  // namespace cotangent::lang
