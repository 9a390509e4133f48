// The tracer's inside; what others use is in context.h.
#pragma once

#include <functional>
#include <list>

#include "cotangent/lang/context.h"
#include "cotangent/lang/integers.h"
#include "cotangent/lang/recorder.h"

namespace cotangent::lang {

enum class ValueKind : std::uint8_t {
  kInteger,  ///< `integer`
  kBoolean,  ///< `integer` (0 or 1) when it is made of integers, else `noted`
  kReal,     ///< f64 of `shape`; `constant` when it is a scalar known at trace
  kTable,    ///< an integer array, its first axes indexed by `indices`; `shape` is what remains
};

struct TracedValue {
  ValueKind kind = ValueKind::kReal;
  IntegerId integer = -1;
  Noted noted;
  Shape shape;
  std::optional<double> constant;
  int table = -1;
  std::vector<IntegerId> indices;
  std::shared_ptr<const std::vector<TracedValue>> parts;  ///< elements of a vector written out

  bool is_scalar_number() const {
    return kind == ValueKind::kInteger || (kind == ValueKind::kReal && shape.rank() == 0);
  }
  bool is_integer_only() const { return integer >= 0; }
};

/// "a vector(3)", "an integer", ...
std::string describe(const TracedValue& value);

// Leaves of the outermost function: what `outer` means there.
inline constexpr std::uint32_t kLeafQ = 0, kLeafP = 1, kLeafV = 2, kLeafT = 3, kLeafX = 4,
                               kLeafParameter = 16;

enum class Purpose : std::uint8_t { kEnergy, kObservable, kConstant };

class Tracer {
 public:
  Tracer(const Context& names, Purpose purpose, const std::string& name,
         const Expression& expression);
  /// One number, which `scalar` names in messages; where that is empty, a number or an array.
  ir::FunctionPtr trace_real(const std::string& scalar);
  ir::FunctionPtr trace_arrays(std::span<const ArrayText> arrays, bool packed);
  ir::Tensor trace_constant();

 private:
  /// Where names are looked up: the expression itself, or the body of a definition.
  struct Frame {
    const Expression* text = nullptr;
    std::vector<std::pair<std::string, TracedValue>> locals;
  };
  /// An index that is bound. Slots of one level and side change together.
  struct Slot {
    IndexDomain domain;
    int level = 0;
    bool second = false;  ///< the second index of a pair
    std::string name;
  };
  struct Group {
    int level = 0;
    bool second = false;
    bool operator==(const Group&) const = default;
  };
  struct OpenScope {
    Scope scope;
    std::optional<ir::PairKind> pair;
  };

  // --- tracer.cpp: the walk, names, notes
  TracedValue eval(const Expr& e);
  TracedValue eval_name(const Expr& e);
  const TracedValue* find_local(const std::string& name) const;
  [[noreturn]] void refuse(const Expr& e, std::string what, std::string why = "",
                           std::string remedy = "") const;
  [[noreturn]] void unknown_name(const Expr& e, bool called) const;
  void refuse_unknown_names(const Expr& e, std::vector<std::string>& bound) const;
  void spend(const Expr& e, std::int64_t work);
  void at(const Expr& e) {
    here_ = &e;
    span_ = text().span(e.begin, e.end);
  }
  const SourceText& text() const { return frames_.back().text->source(); }
  std::string text_of(const Expr& e) const;

  Scope& scope(int level) { return scopes_[static_cast<std::size_t>(level)].scope; }
  int innermost() const { return static_cast<int>(scopes_.size()) - 1; }
  const ir::Type& type(Noted x) { return scope(x.level).type(x.id); }
  Noted constant(ir::Tensor value);
  Noted import(Noted x, int level);
  Noted emit(ir::Op op, std::vector<Noted> operands, ir::Attr attr = {}, ir::Type hint = {});
  Noted row(Noted x, std::int64_t k);
  Noted broadcast(Noted x, const Shape& shape);

  TracedValue real(Noted x);
  TracedValue real_constant(double value);
  TracedValue integer(IntegerId id) const;
  TracedValue boolean(IntegerId id) const;
  TracedValue boolean(Noted x) const;
  IntegerId make_integer(const Expr& e, IntegerOp op, std::span<const IntegerId> operands);

  TracedValue to_real(const TracedValue& v);
  Noted to_bool(const TracedValue& v);
  Noted lower(IntegerId id);
  Noted lower_node(IntegerId id, const std::unordered_map<IntegerId, Noted>& done);
  Noted lower_index(int slot);
  Noted constant_row(IntegerId id, Group group, bool as_real);

  // --- trace_arrays.cpp
  std::optional<TracedValue> state_value(const std::string& name);
  bool is_state(const std::string& name) const;
  Noted array_value(const ArrayText& array);
  Noted part_value(const ArrayText& array, const Expression& part, const Shape& shape);
  Noted rows_value(const ArrayText& array, std::size_t axis);
  Noted reshaped(Noted x, const Shape& shape);

  // --- trace_operators.cpp
  TracedValue eval_chain(const Expr& e);
  TracedValue eval_negate(const Expr& e);
  TracedValue eval_not(const Expr& e);
  TracedValue eval_power(const Expr& e);
  TracedValue add_or_sub(const Expr& e, Operator op, const TracedValue& x, const TracedValue& y);
  TracedValue multiply(const Expr& e, const TracedValue& x, const TracedValue& y);
  TracedValue divide(const Expr& e, const TracedValue& x, const TracedValue& y);
  TracedValue modulo(const Expr& e, const TracedValue& x, const TracedValue& y);
  TracedValue compare(const Expr& e, Operator op, const TracedValue& x, const TracedValue& y);
  TracedValue logic(const Expr& e, Operator op, const TracedValue& x, const TracedValue& y);
  TracedValue scalar_binary(ir::Op op, const TracedValue& x, const TracedValue& y);
  TracedValue whole_power(TracedValue x, std::int64_t n);
  IntegerId whole_power(const Expr& e, IntegerId x, std::int64_t n);
  TracedValue select(const Expr& e, const TracedValue& c, const TracedValue& x,
                     const TracedValue& y);

  // --- trace_calls.cpp
  TracedValue eval_call(const Expr& e);
  TracedValue eval_vector(const Expr& e);
  TracedValue call_function(const Expr& e, std::string_view name);
  TracedValue call_elementwise(const Expr& e, ir::Op op, std::vector<TracedValue> arguments);
  TracedValue call_dot(const Expr& e, const TracedValue& x, const TracedValue& y);
  TracedValue call_cross(const Expr& e, const TracedValue& x, const TracedValue& y);
  TracedValue call_where(const Expr& e);
  TracedValue inline_definition(const Expr& e, const Definition& definition);
  TracedValue make_vector(std::vector<TracedValue> parts);
  TracedValue element(const TracedValue& x, std::int64_t k);

  // --- trace_access.cpp
  TracedValue eval_subscript(const Expr& e);
  TracedValue access(const Expr& e, TracedValue x, std::vector<IntegerId> indices,
                     std::vector<const Expr*> places);
  TracedValue access_real(TracedValue x, std::vector<IntegerId> indices);
  void check_index(const Expr& whole, const Expr& place, IntegerId index, std::int64_t length);
  std::optional<Group> group_of(std::uint64_t slots) const;
  std::int64_t count_of(Group group) const;
  Noted gather_here(Noted x, std::span<const IntegerId> indices);
  Noted rows(Noted x, IntegerId index, Group group);
  Noted rows_from(Noted x, std::span<const std::int64_t> values);
  Noted strided(Noted x, std::int64_t start, std::int64_t step, std::int64_t count);
  Noted row_leaf(Noted stacked, Group group);
  std::vector<std::int64_t> values_over(IntegerId id, Group group);

  /// All combinations of the values of some slots, with those left out that cannot meet.
  struct Combinations {
    std::vector<int> slots;
    std::vector<std::vector<std::int64_t>> columns;
    std::vector<bool> possible;  ///< passes i<j or i!=j and the guards
    std::size_t rows = 0;
  };
  std::optional<Combinations> combinations(std::uint64_t slots);
  std::vector<std::int64_t> values_over(IntegerId id, const Combinations& all);

  // --- trace_reduce.cpp
  TracedValue eval_reduce(const Expr& e);
  void check_index_names(const SourceText& text, const std::vector<IndexName>& indices) const;
  TracedValue reduce_pairs(const Expr& e);
  TracedValue reduce_nested_pairs(const Expr& e, std::int64_t count);
  TracedValue reduce_triples(const Expr& e);

  struct Reduction {
    const Expr* e = nullptr;
    std::vector<std::string> names;
    std::vector<IndexDomain> domains;  ///< one a name, all of one count, running together
    std::vector<const Expr*> filters;
    /// Conditions on the indices besides the filters; asked with the indices bound.
    std::function<std::vector<IntegerId>()> conditions;
    std::function<TracedValue()> body;
  };
  TracedValue reduce_map(Reduction reduction);
  void decide_filters(Reduction& reduction, std::vector<const Expr*>& undecided);
  void open_map(const Reduction& reduction);
  void close_scope(std::size_t bound);
  std::vector<const Expr*> conjuncts(const Expr* filter) const;
  TracedValue filtered(const Expr& e, const std::vector<const Expr*>& filters,
                       const std::vector<IntegerId>& conditions,
                       const std::function<TracedValue()>& body);
  TracedValue reduced_integers(const Reduction& r, const TracedValue& body);
  Noted note_outside(const Scope::Closed& closed, int level, ir::Op op, ir::Attr attr);
  int bind(const std::string& name, IndexDomain domain, int level, bool second);

  // --- trace_ranges.cpp
  struct WalkEnv;
  struct AxisUse {
    std::int64_t length = 0;
    const Expression* text = nullptr;
    std::uint32_t begin = 0, end = 0;
    std::string index;
  };
  std::int64_t infer_range(const Expr& e);
  void collect_uses(const Expr& e, const WalkEnv& env, const std::vector<IndexName>& indices,
                    std::vector<AxisUse>& uses, int depth);
  std::optional<Shape> shape_of(const Expr& e, const WalkEnv& env, int depth);

  const Context& names_;
  Purpose purpose_;
  const Expression& expression_;
  std::vector<Frame> frames_;
  std::vector<OpenScope> scopes_;
  std::vector<Slot> slots_;
  std::vector<IntegerId> guards_;  ///< integer conditions that hold where we are
  Integers integers_;
  std::unordered_map<std::string, int> tables_;  ///< integer parameters
  const Expr* here_;                             ///< what is being noted, and its place
  SourceSpan span_;
  int depth_ = 0;
};

}  // namespace cotangent::lang
