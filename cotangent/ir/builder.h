// Builds a Function: infers types, folds exactly (IEEE, no reassociation), hash-conses.
//
// A method that is given operands an op does not take throws UserError with the op in brackets:
// "[add] shapes differ: f64[6,3] and f64[3]".
#pragma once

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "cotangent/ir/function.h"

namespace cotangent::ir {

class Builder {
 public:
  explicit Builder(std::string name);
  ~Builder();
  Builder(const Builder&) = delete;
  Builder& operator=(const Builder&) = delete;

  // --- leaves
  Value param(Type type, std::string name = "");  ///< parameters come first, in order
  Value constant(Tensor value);
  Value constant(double value,
                 DType t = DType::kF64);  ///< scalar; an integer type wants a whole value
  Value constant_i64(std::int64_t value);
  Value splat(double value, Type type);  ///< scalar constant broadcast to `type`
  Value zeros(Type type) { return splat(0.0, type); }
  Value iota(Type type, std::int64_t axis);

  // --- elementwise: the general form, and names for the common ones
  Value elementwise(Op op, std::span<const Value> operands);
  Value unary(Op op, Value x) { return elementwise(op, std::span(&x, 1)); }
  Value binary(Op op, Value x, Value y) {
    const Value both[] = {x, y};
    return elementwise(op, both);
  }
  Value neg(Value x) { return unary(Op::kNeg, x); }
  Value add(Value x, Value y) { return binary(Op::kAdd, x, y); }
  Value sub(Value x, Value y) { return binary(Op::kSub, x, y); }
  Value mul(Value x, Value y) { return binary(Op::kMul, x, y); }
  Value div(Value x, Value y) { return binary(Op::kDiv, x, y); }
  Value lt(Value x, Value y) { return binary(Op::kLt, x, y); }
  Value le(Value x, Value y) { return binary(Op::kLe, x, y); }
  Value gt(Value x, Value y) { return binary(Op::kLt, y, x); }
  Value ge(Value x, Value y) { return binary(Op::kLe, y, x); }
  Value eq(Value x, Value y) { return binary(Op::kEq, x, y); }
  Value ne(Value x, Value y) { return binary(Op::kNe, x, y); }
  Value fma(Value x, Value y, Value z);
  Value select(Value predicate, Value x, Value y);
  Value cast(Value x, DType to);
  Value bitcast(Value x, DType to);
  /// Multiplies an array by a scalar value (broadcast of `s`, then mul).
  Value scale(Value s, Value x);

  // --- reductions; axes in any order, none = all axes
  Value reduce(Op op, Value x, Dims axes);
  Value reduce_sum(Value x, Dims axes) { return reduce(Op::kReduceSum, x, std::move(axes)); }
  Value reduce_sum(Value x);

  // --- shape
  Value reshape(Value x, Shape shape);
  Value transpose(Value x, Dims permutation);
  Value broadcast(Value x, Shape shape, Dims dims);
  /// numpy's rule for a scalar or for missing leading axes.
  Value broadcast_to(Value x, Shape shape);
  Value slice(Value x, Dims start, Dims limit, Dims stride);
  /// x[begin:end] on axis 0.
  Value slice_rows(Value x, std::int64_t begin, std::int64_t end);
  /// x[k] with the axis removed.
  Value row(Value x, std::int64_t k);
  Value pad(Value x, Value value, Dims low, Dims high, Dims interior);
  Value concatenate(std::span<const Value> parts, std::int64_t axis);
  Value reverse(Value x, Dims axes);

  // --- indexed
  Value gather(Value x, std::span<const Value> indices);
  Value gather(Value x, Value index) { return gather(x, std::span(&index, 1)); }
  Value scatter_add(Value x, Value updates, std::span<const Value> indices);
  Value scatter_set(Value x, Value updates, std::span<const Value> indices);

  // --- along one axis
  Value sort(Value x, std::int64_t axis);
  Value argsort(Value x, std::int64_t axis);  ///< i64, stable
  Value cumulative_sum(Value x, std::int64_t axis);

  /// Bits of element type u32 or u64 (of `type`), the Philox stream number `site` of (seed, member,
  /// step), which are scalars, each u32 or u64. See ir/philox.h.
  Value random_bits(Value seed, Value member, Value step, std::int64_t site, Type type);

  // --- contraction
  Value dot_general(Value x, Value y, DotAttr attr);
  /// Sum over the last axis of x*y: [.., d] . [.., d] -> [..].
  Value dot(Value x, Value y);

  // --- linear algebra on the last two axes, batched over the others; each returns all results.
  // With `pairs` a complex matrix is given and returned as two, its real part first.
  std::vector<Value> triangular_solve(std::span<const Value> operands, SolveAttr attr);
  Value triangular_solve(Value a, Value b, SolveAttr attr);  ///< real
  /// cholesky, lu, qr, eigh, svd
  std::vector<Value> factor(Op op, std::span<const Value> operands, FactorAttr attr = {});
  std::vector<Value> factor(Op op, Value a) { return factor(op, std::span(&a, 1)); }
  /// Operands (re, im), or x alone for kRealForward; results (re, im), or x alone for kRealInverse.
  std::vector<Value> fft(FftAttr attr, std::span<const Value> operands);

  // --- second order; each returns all results (already projected)
  std::vector<Value> map(MapAttr attr, std::span<const Value> operands);
  std::vector<Value> loop(LoopAttr attr, std::span<const Value> operands);
  std::vector<Value> pair_sum(PairAttr attr, std::span<const Value> operands);
  std::vector<Value> while_loop(WhileAttr attr, std::span<const Value> operands);
  std::vector<Value> cond(CondAttr attr, std::span<const Value> operands);
  std::vector<Value> call(CallAttr attr, std::span<const Value> operands);

  /// `x`, with a fault at `site` where an element of `predicate` is false.
  Value check(Value predicate, Value x, CheckAttr attr, Value payload = {});

  /// Room for so many nodes, where a pass knows about how many there will be.
  void reserve(std::size_t nodes);

  /// Any op by its parts (parser, generic copies, random programs). Types are inferred. For a
  /// second-order op the value is the node itself; read it through project().
  Value make(Op op, std::span<const Value> operands, Attr attr, Type hint = {});
  Value project(Value node, std::int64_t index);

  /// Copies node `v` of `from` onto new operands, spans included.
  Value copy(const Function& from, Value v, std::span<const Value> operands);

  /// Inlines all of `callee` on `args`; returns its results.
  std::vector<Value> inline_call(const Function& callee, std::span<const Value> args);

  // --- reading what is built so far
  /// By value: the table behind it moves as nodes are added.
  Type type(Value v) const { return function_->type(v); }
  const Function& so_far() const { return *function_; }

  /// Source places given to every node made from now on (until changed).
  void set_spans(std::vector<SourceSpan> spans) { spans_ = std::move(spans); }
  void set_span(SourceSpan span) { spans_ = {span}; }
  const std::vector<SourceSpan>& spans() const { return spans_; }

  /// Closes the function: drops what no result and no check needs (parameters stay), verifies in
  /// debug builds.
  FunctionPtr finish(std::span<const Value> results);
  FunctionPtr finish(std::initializer_list<Value> results) {
    return finish(std::span<const Value>(results.begin(), results.size()));
  }

 private:
  /// Nodes by what they are: open addressing, a power of two places, at most half of them taken.
  class Interned {
   public:
    /// The first node of this hash that `same` holds for, or -1.
    template <class F>
    std::int64_t find(std::size_t hash, F same) const {
      if (places_.empty()) return -1;
      for (std::size_t at = hash & mask();; at = (at + 1) & mask()) {
        const Place& place = places_[at];
        if (place.node == kFree) return -1;
        if (place.hash == static_cast<std::uint32_t>(hash >> 32) && same(place.node)) {
          return place.node;
        }
      }
    }
    void insert(std::size_t hash, std::uint32_t node);
    void reserve(std::size_t nodes);
    void clear() { places_.clear(), taken_ = 0; }

   private:
    static constexpr std::uint32_t kFree = UINT32_MAX;
    struct Place {
      std::uint32_t hash = 0, low = 0;  ///< upper and lower half
      std::uint32_t node = kFree;
    };
    std::size_t mask() const { return places_.size() - 1; }
    void put(const Place& place);
    void resize(std::size_t places);

    std::vector<Place> places_;
    std::size_t taken_ = 0;
  };

  Value intern(Op op, std::span<const Value> operands, const Attr& attr,
               std::span<const Type> types);
  void note_spans(std::uint32_t id);
  Type type_of_elementwise(Op op, std::span<const Value> operands);
  Value fold(Op op, std::span<const Value> operands, const Attr& attr, const Type& type);

  std::unique_ptr<Function> function_;
  Interned interned_;
  /// Types of elementwise ops inferred before, by op and the operands' places in the type table.
  struct Inferred {
    Op op{};
    std::array<std::uint32_t, 3> in{};
    std::size_t count = 0;  ///< of operands; 0: nothing here
    Type out;
  };
  std::array<Inferred, 32> inferred_;
  std::vector<SourceSpan> spans_;
};

/// Result types of an op on operand types; throws UserError "[op] ..." when they do not fit. `hint`
/// is the type of a leaf, the target of cast, bitcast, reshape and broadcast, else unused.
std::vector<Type> infer(Op op, std::span<const Type> operands, const Attr& attr, const Type& hint);

}  // namespace cotangent::ir
