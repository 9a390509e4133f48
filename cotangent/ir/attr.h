// Attributes: what an op needs beyond its operands. One struct a family of ops; a node holds an
// index into its function's attribute table.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "cotangent/ir/tensor.h"

namespace cotangent::ir {

class Function;
using FunctionPtr = std::shared_ptr<const Function>;
using Dims = std::vector<std::int64_t>;

/// parameter: its position. project: which result.
struct IndexAttr {
  std::int64_t index = 0;
  bool operator==(const IndexAttr&) const = default;
};

/// constant
struct LiteralAttr {
  std::shared_ptr<const Tensor> value;
  bool operator==(const LiteralAttr& other) const;
};

/// iota (one axis), reductions and reverse (sorted axes), transpose (the permutation),
/// broadcast (dims, ascending), concatenate (one axis).
struct AxesAttr {
  Dims axes;
  bool operator==(const AxesAttr&) const = default;
};

/// slice; one entry an axis.
struct SliceAttr {
  Dims start, limit, stride;
  bool operator==(const SliceAttr&) const = default;
};

/// pad; one entry an axis, all >= 0.
struct PadAttr {
  Dims low, high, interior;
  bool operator==(const PadAttr&) const = default;
};

/// dot_general. Result axes: batch, free axes of x, free axes of y.
struct DotAttr {
  Dims batch_x, batch_y, contract_x, contract_y;
  bool operator==(const DotAttr&) const = default;
};

/// What becomes of a result of the body.
///   map:      kStack -> [count] + shape;  kTotal -> sum over the index
///   pair_sum: kTotal -> sum over all pairs;  kAtI, kAtJ -> [count] + shape, row i (j) holding the
///             sum over the pairs whose first (second) member is i (j)
enum class Role : std::uint8_t { kStack, kTotal, kAtI, kAtJ };

/// map: operands  rows..., invariants...            (a row operand has a leading axis of `count`)
///      body      (index: i64, row slices..., invariants...) -> results
/// kTotal equals reduce_sum over axis 0 of the stacked results, in that fixed order.
struct MapAttr {
  std::int64_t count = 0;
  std::int64_t rows = 0;  ///< how many of the operands are row operands; the rest are invariants
  std::vector<Role> roles;
  FunctionPtr body;
  bool operator==(const MapAttr&) const = default;
};

/// How reverse mode comes by the carries at the start of each step of a loop (docs/derivatives.md).
enum class KeepKind : std::uint8_t {
  kAuto,      ///< chosen from a budget: `number` bytes, or the default where it is 0
  kAll,       ///< those of every step are kept, also of loops inside where there is room
  kEvery,     ///< those of every `number`-th step; of one block between two at a time, all
  kBinomial,  ///< `number` of them, at the places that cost least (Griewank and Walther 2000)
  kReverse    ///< none: `inverse` steps back from the last
};
struct Keep {
  KeepKind kind = KeepKind::kAuto;
  std::int64_t number = 0;
  bool operator==(const Keep&) const = default;
};

/// loop: operands  invariants..., carries..., inputs..., and if `dynamic`: first, count (i64)
///       body      (iteration: i64, invariants..., carries..., input slices...) -> (carries...,
///       outputs...) results   final carries..., outputs...
///       inverse   null, or (iteration: i64, invariants..., carries after the step..., input
///                 slices...) -> carries before it...; only reverse mode runs it
/// Runs k = 0 .. count-1 (count <= trip; trip itself when not dynamic) with iteration = first + k
/// (first = 0 when not dynamic). Inputs have a leading axis of `trip` and are sliced at k.
/// Output o is emitted at the iterations where (iteration + 1) % every[o] == 0, into slot
/// (iteration + 1)/every - first/every - 1 of an array with a leading axis of ceil(trip/every);
/// slots not reached hold zero. A body result that is not emitted need not be computed.
struct LoopAttr {
  std::int64_t trip = 0;
  std::int64_t invariants = 0;
  std::int64_t carries = 0;
  std::int64_t inputs = 0;
  std::vector<std::int64_t> every;  ///< one an output
  bool dynamic = false;
  Keep keep;
  FunctionPtr body = nullptr, inverse = nullptr;
  bool operator==(const LoopAttr&) const = default;
};

enum class PairKind : std::uint8_t { kLess, kUnequal };  ///< i<j; i!=j

/// pair_sum: operands  rows at i..., rows at j..., invariants...
///           body      (i: i64, j: i64, slices at i..., slices at j..., invariants...) -> results
/// Row sums start at +0 and add in ascending order of the other index; kTotal is the row sums at
/// i, summed by reduce_sum's order.
struct PairAttr {
  std::int64_t count = 0;
  PairKind kind = PairKind::kLess;
  std::int64_t rows_i = 0;
  std::int64_t rows_j = 0;
  std::vector<Role> roles;
  FunctionPtr body;
  bool operator==(const PairAttr&) const = default;
};

/// while: operands   invariants..., carries...
///        condition  (iteration: i64, invariants..., carries...) -> bool
///        body       (iteration: i64, invariants..., carries...) -> carries...
///        results    final carries..., count: i64 (iterations done)
/// Stops after `limit` iterations at the latest (0: no limit).
struct WhileAttr {
  std::int64_t invariants = 0;
  std::int64_t carries = 0;
  std::int64_t limit = 0;
  FunctionPtr condition, body;
  bool operator==(const WhileAttr&) const = default;
};

/// cond: operands  predicate (bool scalar), arguments...
///       bodies    (arguments...) -> results, both with the same types
struct CondAttr {
  FunctionPtr on_true, on_false;
  bool operator==(const CondAttr&) const = default;
};

/// call: operands  arguments...;  body (arguments...) -> results
///       jvp       null, or (arguments..., tangents of the real arguments...) ->
///                 (results..., tangents of the real results...); or, told by its number of
///                 parameters, (arguments..., results..., tangents of the real arguments...) ->
///                 tangents of the real results: for what defines its results by an equation
///       vjp       null, or (arguments..., results..., cotangents of the real results...) ->
///                 cotangents of the real arguments...
/// With `linear`, what reverse mode makes on its way of a call that has a vjp only: operands
/// (arguments..., results..., tangents of the real arguments...), results the tangents of the real
/// results; linear in the tangents, and known by its transpose alone, which is vjp (its body gives
/// NaN). It is transposed before anybody sees it.
/// With an `equation` the call solves linear equations: (arguments..., x) -> A x, and the call's
/// operands are (arguments..., b), its one result the x with A x = b. vjp is then (arguments..., c)
/// -> the x with A^T x = c (the body itself: A is symmetric), and there is no jvp. Derivatives are
/// calls of this kind again.
struct CallAttr {
  bool linear = false;
  FunctionPtr body, jvp, vjp, equation;
  bool operator==(const CallAttr&) const = default;
};

/// check: operands  predicate (bool, any shape), x, and maybe payload (i64 scalar)
///        result    x
/// Its number, and what to say when an element of the predicate is false. A check is kept as long
/// as the code around it is, used or not. What a program with checks does when one fails is what
/// transform/faults.h makes of it; taken by itself a check is the identity on x.
struct CheckAttr {
  std::int64_t site = 0;
  std::string message;
  bool operator==(const CheckAttr&) const = default;
};

/// random_bits: which of a program's places that draw numbers.
struct RandomAttr {
  std::int64_t site = 0;
  bool operator==(const RandomAttr&) const = default;
};

/// triangular_solve. Transposed means conjugate-transposed for pairs.
struct SolveAttr {
  bool lower = true, transposed = false, unit_diagonal = false, pairs = false;
  bool operator==(const SolveAttr&) const = default;
};

/// cholesky, lu, qr, eigh, svd
struct FactorAttr {
  bool pairs = false;
  bool operator==(const FactorAttr&) const = default;
};

/// kForward: (re, im) -> (re, im), e^(-2 pi i k n / N).  kInverse: e^(+...), divided by N.
/// kRealForward: x -> (re, im) with N/2 + 1 on the last axis.  kRealInverse: (re, im) -> x, divided
/// by N, with `length` on the last axis.
enum class FftKind : std::uint8_t { kForward, kInverse, kRealForward, kRealInverse };
struct FftAttr {
  FftKind kind = FftKind::kForward;
  std::int64_t axes = 1;    ///< how many trailing axes: 1, 2, 3
  std::int64_t length = 0;  ///< of the last axis of a real inverse; else 0
  bool operator==(const FftAttr&) const = default;
};

using Attr = std::variant<std::monostate, IndexAttr, LiteralAttr, AxesAttr, SliceAttr, PadAttr,
                          DotAttr, MapAttr, LoopAttr, PairAttr, WhileAttr, CondAttr, CallAttr,
                          CheckAttr, RandomAttr, SolveAttr, FactorAttr, FftAttr>;

std::size_t hash_of(const Attr& attr);

/// The body of map, loop, pair_sum, while or call (not the condition or derivatives); else null.
FunctionPtr body_of(const Attr& attr);

/// All closed functions an attribute owns, in the order of the text form; null ones left out.
std::vector<FunctionPtr> bodies_of(const Attr& attr);
/// The same attribute with `bodies` (as many as bodies_of gives, in that order) in their places.
Attr with_bodies(Attr attr, const std::vector<FunctionPtr>& bodies);

}  // namespace cotangent::ir
