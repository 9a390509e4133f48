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

/// A copy shares the bound on work with the original.
class Context {
 public:
  Context();

  /// q, p and v have this shape. Without it they are no names.
  void set_state(Shape shape) { state_ = shape; }
  const std::optional<Shape>& state() const { return state_; }

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
  std::vector<NamedTensor> parameters_;
  std::unordered_map<std::string, std::size_t> parameter_index_;
  std::vector<std::string> mentioned_;
  std::vector<Definition> definitions_;
  std::unordered_map<std::string, std::size_t> definition_index_;
  std::shared_ptr<std::int64_t> budget_;
};

/// The head "r(i,j)" or "mu" of a definition; its body is parsed.
Definition parse_definition(const SourceText& head, SourceText body);

/// (q, p: f64 shape, t: f64, real parameters...) -> f64
ir::FunctionPtr trace_energy(const Context& names, const std::string& name,
                             const Expression& expression);
/// (q, p, v: f64 shape, t: f64, real parameters...) -> f64 scalar or array
ir::FunctionPtr trace_observable(const Context& names, const std::string& name,
                                 const Expression& expression);
/// The value of an expression in parameters alone: i64 or f64, any shape.
ir::Tensor evaluate_constant(const Context& names, const Expression& expression);

/// Names that occur in an expression and are not bound in it, each once, in order; those in the
/// definitions it uses included. (For the order in which computed parameters are evaluated.)
std::vector<std::string> free_names(const Context& names, const Expression& expression);

}  // namespace cotangent::lang
