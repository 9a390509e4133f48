// Loops that stay loops: one body, recorded once, however often it runs.
//
//   Array x = fori_loop(0, 1000, [&](Array i, Array x) { return 3.7 * x * (1 - x); }, x0);
//   auto [last, path] = scan([&](State s, Array u) { s = step(s, u); return std::pair(s, s.q); },
//   s0, us);
//
// State is a tree (tree.h) whose types and shapes must not change from one pass to the next. Arrays
// of the surroundings may be used in the body: they are its invariants. Everything here can be
// differentiated, mapped and jitted.
#pragma once

#include <functional>

#include "cotangent/array/elementwise.h"
#include "cotangent/array/jit.h"
#include "cotangent/ir/attr.h"

namespace cotangent::array {

/// What reverse mode keeps of a loop's state, which is what its memory is spent on. Forward mode
/// keeps nothing. All give the same bits, but where one array comes into the loop by several ways
/// (twice among the xs, or broadcast): what comes back to it is then added in another order.
class Keep {
 public:
  /// All, or as many as fit into 256 MiB.
  Keep() = default;
  static Keep all() { return {ir::KeepKind::kAll, 0}; }
  /// That of every n-th step; the n steps from there are run again. Best for n near the root of the
  /// number of steps.
  static Keep every(std::int64_t n);
  /// n states, where they cost least: for few of them, at the price of more steps.
  static Keep binomial(std::int64_t n);
  /// The cheapest of the above within so many bytes.
  static Keep budget(std::int64_t bytes);

  ir::Keep attribute() const { return keep_; }

 private:
  Keep(ir::KeepKind kind, std::int64_t number) : keep_{kind, number} {}
  ir::Keep keep_;
};

namespace loop_detail {

using jit_detail::Recording;

/// What one recording of a body gave.
struct Body {
  std::shared_ptr<Recording> recording;
  Array iteration;
  std::vector<Array> carries, inputs;  ///< parameters
  std::vector<Array> next, outputs;    ///< results
  std::vector<Array> before;           ///< the step back from the carries as parameters, or none
  ir::Keep keep;
};

/// Makes the types of the next state those of the state. False: `init` was changed (a literal took
/// the type that the body gives it) and the body is to be recorded again. `place` names an array.
using PlaceOf = std::function<std::string(std::size_t)>;
bool settle(const char* op, const PlaceOf& place, std::vector<Array>& init,
            std::vector<Array>& next);
template <class Tree>
bool settle(const char* op, const Tree& state, std::vector<Array>& init, std::vector<Array>& next) {
  const PlaceOf place = [&](std::size_t k) { return leaf_paths(state, "the state")[k]; };
  return settle(op, place, init, next);
}

/// last - first, or 0; refused where no i64 holds it.
std::int64_t trip_of(std::int64_t first, std::int64_t last);
/// A number of passes of scan: that of the rows, which `length` has to agree with when it is given.
std::int64_t scan_length(std::span<const Array> inputs, std::int64_t length);

/// Final carries, then outputs. `before` and `next` share what they take from outside.
std::vector<Array> run_loop(const Body& body, std::int64_t trip, std::span<const Array> init,
                            std::span<const Array> inputs);

/// Final carries. `proceed` is what the condition gave on the body's parameters.
std::vector<Array> run_while(const Body& body, const Array& proceed, std::span<const Array> init,
                             std::int64_t limit);

/// One of two recorded branches; their results are brought to common types.
std::vector<Array> run_cond(const Array& predicate, const Recording& first,
                            std::vector<Array> on_true, const Recording& second,
                            std::vector<Array> on_false);
Array checked_predicate(const char* op, const Array& predicate);

std::int64_t common_length(const char* op, std::span<const Array> inputs);

enum class Place { kTotal, kAtI, kAtJ };
std::vector<Array> run_pairs(const Recording& recording, std::span<const Array> first,
                             std::span<const Array> second, std::span<const Array> results,
                             std::span<const Array> rows, std::span<const Array> indices,
                             std::int64_t count, bool unequal, Place place);

}  // namespace loop_detail

namespace loop_detail {

/// `back` is a function like `body`, or nullptr.
template <class Body, class Back, class State>
auto fori_loop(const char* op, std::int64_t first, std::int64_t last, const Body& body,
               const Back& back, const State& given, ir::Keep keep) {
  using Tree = lifted_t<State>;
  const Tree state(given);
  std::vector<Array> init = leaves_of(state);
  const std::int64_t trip = loop_detail::trip_of(first, last);
  for (;;) {
    loop_detail::Body made;
    made.recording = std::make_shared<jit_detail::Recording>("fori_loop");
    made.iteration = made.recording->parameter(DType::kI64, Shape{}, false);
    made.carries = made.recording->parameters_like(init);
    const Array i = first == 0 ? made.iteration : made.iteration + first;
    const Tree next = std::invoke(body, i, with_leaves(state, made.carries));
    made.next = leaves_of(next);
    made.keep = keep;
    if (!settle(op, state, init, made.next)) continue;
    if constexpr (!std::is_null_pointer_v<Back>) {
      const Tree before = std::invoke(back, i, with_leaves(state, made.carries));
      made.before = leaves_of(before);
      if (!settle(op, state, init, made.before)) continue;
    }
    return with_leaves(state, run_loop(made, trip, init, {}));
  }
}

}  // namespace loop_detail

/// state = body(i, state) for i = first .. last-1. i is an i64 scalar.
template <class Body, class State>
auto fori_loop(std::int64_t first, std::int64_t last, const Body& body, const State& given,
               Keep keep = {}) {
  return loop_detail::fori_loop("fori_loop", first, last, body, nullptr, given, keep.attribute());
}

/// The same for a step that can be undone: back(i, state after step i) gives the state before it.
/// Reverse mode then keeps nothing: it runs the loop backwards from the last state, in memory that
/// does not depend on the number of steps. Where `back` undoes the step up to rounding only, the
/// gradient belongs to a trajectory that comes apart from the one that was run, as fast as
/// neighbouring trajectories do: for chaotic systems use `fori_loop`, or exact arithmetic.
template <class Body, class Back, class State>
auto reversible_loop(std::int64_t first, std::int64_t last, const Body& body, const Back& back,
                     const State& given) {
  return loop_detail::fori_loop("reversible_loop", first, last, body, back, given,
                                {ir::KeepKind::kReverse, 0});
}

/// (carry, y) = body(carry, x) for every row x of the leaves of xs; gives (last carry, all ys
/// stacked). With no xs, `length` passes: body(carry, std::tuple<>{}).
template <class Body, class Carry, class Xs>
auto scan(const Body& body, const Carry& given, const Xs& xs, std::int64_t length = -1,
          Keep keep = {}) {
  using Tree = lifted_t<Carry>;
  const Tree carry(given);
  std::vector<Array> init = leaves_of(carry);
  const std::vector<Array> inputs = leaves_of(xs);
  length = loop_detail::scan_length(inputs, length);
  for (;;) {
    loop_detail::Body made;
    made.recording = std::make_shared<jit_detail::Recording>("scan");
    made.iteration = made.recording->parameter(DType::kI64, Shape{}, false);
    made.carries = made.recording->parameters_like(init);
    for (const Array& x : inputs) {
      made.inputs.push_back(made.recording->parameter(x.dtype(), x.shape().row(), x.is_weak()));
    }
    const auto both =
        std::invoke(body, with_leaves(carry, made.carries), with_leaves(xs, made.inputs));
    const Tree next = both.first;
    using Y = lifted_t<std::decay_t<decltype(both.second)>>;
    const Y y(both.second);
    made.next = leaves_of(next);
    made.outputs = leaves_of(y);
    made.keep = keep.attribute();
    if (!loop_detail::settle("scan", carry, init, made.next)) continue;
    const auto all = loop_detail::run_loop(made, length, init, inputs);
    const std::span<const Array> results(all);
    return std::pair(with_leaves(carry, results.first(init.size())),
                     with_leaves(y, results.subspan(init.size())));
  }
}

/// state = body(state) as long as proceed(state) holds. A derivative in reverse needs a `limit` of
/// passes; where the condition still holds after so many the call that runs it throws a UserError.
/// (Where the last state solves an equation there is another way: Gradient, implicit.h.)
template <class Proceed, class Body, class State>
auto while_loop(const Proceed& proceed, const Body& body, const State& given,
                std::int64_t limit = 0) {
  using Tree = lifted_t<State>;
  const Tree state(given);
  std::vector<Array> init = leaves_of(state);
  for (;;) {
    loop_detail::Body made;
    made.recording = std::make_shared<jit_detail::Recording>("while_loop");
    made.iteration = made.recording->parameter(DType::kI64, Shape{}, false);
    made.carries = made.recording->parameters_like(init);
    const Tree inside = with_leaves(state, made.carries);
    const Array go_on = loop_detail::checked_predicate("while_loop", std::invoke(proceed, inside));
    const Tree next = std::invoke(body, inside);
    made.next = leaves_of(next);
    if (!loop_detail::settle("while_loop", state, init, made.next)) continue;
    return with_leaves(state, loop_detail::run_while(made, go_on, init, limit));
  }
}

/// on_true(arguments...) where the predicate, one bool, holds, else on_false(arguments...). Only
/// that one is run; both give trees of the same structure and shapes. Of a predicate whose value is
/// known the other function is not called at all, so shapes that differ are found in a traced
/// function only, and a function may call itself.
template <class OnTrue, class OnFalse, class... A>
auto cond(const Array& predicate, const OnTrue& on_true, const OnFalse& on_false,
          const A&... arguments) {
  using Result = std::decay_t<std::invoke_result_t<const OnTrue&, const lifted_t<A>&...>>;
  using Tree = lifted_t<Result>;
  const Array chosen = loop_detail::checked_predicate("cond", predicate);
  if (chosen.is_evaluated()) {
    if (chosen) return Tree(std::invoke(on_true, lifted_t<A>(arguments)...));
    return Tree(std::invoke(on_false, lifted_t<A>(arguments)...));
  }
  jit_detail::Recording first("cond");
  const Tree yes(std::invoke(on_true, lifted_t<A>(arguments)...));
  const std::vector<Array> results_yes = leaves_of(yes);
  jit_detail::Recording second("cond");
  const Tree no(std::invoke(on_false, lifted_t<A>(arguments)...));
  return with_leaves(yes, loop_detail::run_cond(chosen, first, results_yes, second, leaves_of(no)));
}

/// Which pairs: each once (i < j), or each both ways (i != j).
enum class Pairs { kLess, kUnequal };

/// The sum of f(row i, row j) over all pairs of rows of the leaves of `rows`.
template <class F, class Tree>
auto pair_sum(const F& f, const Tree& rows, Pairs pairs = Pairs::kLess,
              loop_detail::Place place = loop_detail::Place::kTotal) {
  const std::vector<Array> leaves = leaves_of(rows);
  const std::int64_t count = loop_detail::common_length("pair_sum", leaves);
  jit_detail::Recording recording("pair_sum");
  const std::vector<Array> indices{recording.parameter(DType::kI64, Shape{}, false),
                                   recording.parameter(DType::kI64, Shape{}, false)};
  std::vector<Array> first, second;
  for (const Array& x : leaves) {
    first.push_back(recording.parameter(x.dtype(), x.shape().row(), x.is_weak()));
    second.push_back(recording.parameter(x.dtype(), x.shape().row(), x.is_weak()));
  }
  auto result = std::invoke(f, with_leaves(rows, first), with_leaves(rows, second));
  const auto all = loop_detail::run_pairs(recording, first, second, leaves_of(result), leaves,
                                          indices, count, pairs == Pairs::kUnequal, place);
  return with_leaves(std::move(result), all);
}

/// For each row i, the sum of f(row i, row j) over all j != i: [N] + shape of f.
template <class F, class Tree>
auto pair_sum_rows(const F& f, const Tree& rows) {
  return pair_sum(f, rows, Pairs::kUnequal, loop_detail::Place::kAtI);
}

}  // namespace cotangent::array
