#include "cotangent/ir/non_finite.h"

#include <algorithm>
#include <cmath>
#include <memory>

#include "cotangent/base/text.h"
#include "cotangent/ir/evaluate_op.h"
#include "cotangent/ir/evaluator.h"

namespace cotangent::ir {
namespace {

using Tensors = std::vector<Tensor>;

bool has_infinities(const Tensor& x) {
  return is_float(x.type().dtype) || is_storage_float(x.type().dtype);
}

bool is_nan_at(const Tensor& x, std::int64_t k) {
  return has_infinities(x) && std::isnan(x.real(k));
}
bool is_bad_at(const Tensor& x, std::int64_t k) {
  return has_infinities(x) && !std::isfinite(x.real(k));
}

/// 0: all finite. 1: infinities. 2: NaN among them.
int worst_of(const Tensor& x) {
  int worst = 0;
  if (!has_infinities(x)) return 0;
  for (std::int64_t k = 0; k < x.size() && worst < 2; ++k) {
    if (!std::isfinite(x.real(k))) worst = std::isnan(x.real(k)) ? 2 : 1;
  }
  return worst;
}

/// The first NaN, or where there is none the first infinity.
std::int64_t worst_element(const Tensor& x) {
  for (std::int64_t k = 0; k < x.size(); ++k) {
    if (is_nan_at(x, k)) return k;
  }
  return *first_non_finite(x);
}

Tensor row_of(const Tensor& array, std::int64_t k) {
  Tensor row(array.type().with_shape(array.type().shape.row()));
  std::copy_n(array.data() + static_cast<std::size_t>(k) * row.bytes(), row.bytes(), row.data());
  return row;
}

Tensor index_tensor(std::int64_t k) {
  return Tensor::scalar_of<std::int64_t>(k);
}

/// An element of one of several arrays: parameters of a body, or operands of a node.
struct Source {
  std::size_t array;
  std::int64_t element;
};

/// A function under evaluation: what each of its nodes gave.
struct Level {
  const Function& f;
  Tensors values;  ///< by node; of nodes read through project: nothing

  Level(const Function& function, const Tensors& arguments) : f(function), values(function.size()) {
    for (std::size_t k = 0; k < arguments.size(); ++k) values[f.params()[k].id] = arguments[k];
    EvaluateOptions options;
    options.observe = [&](const Function& at, Value v, const Tensor& x) {
      if (&at == &f) values[v.id] = x;
    };
    evaluate(f, arguments, options);
  }
  const Tensor& operator[](Value v) const { return values[v.id]; }
  Tensors operands(Value v) const {
    Tensors in;
    for (Value o : f.operands(v)) in.push_back(values[o.id]);
    return in;
  }
};

/// Which operand, and which of its elements, an element of an op that only moves them came from:
/// the op is done on their numbers.
Source moved_from(const Level& at, Value v, std::int64_t element) {
  const Op op = at.f.op(v);
  std::size_t moved = at.f.operands(v).size();  // the rest are indices
  if (op == Op::kGather) moved = 1;
  if (op == Op::kScatterSet) moved = 2;
  Tensors in = at.operands(v);
  std::vector<std::int64_t> first;
  std::int64_t next = 0;
  for (std::size_t o = 0; o < moved; ++o) {
    first.push_back(next);
    Tensor numbers(in[o].type().with_dtype(DType::kI64));
    for (std::int64_t& x : numbers.as<std::int64_t>()) x = next++;
    in[o] = std::move(numbers);
  }
  const Type type = at.f.type(v).with_dtype(DType::kI64);
  const std::int64_t from =
      evaluate_op(op, addresses(in), at.f.attr(v), type, false).integer(element);
  std::size_t array = moved - 1;
  while (first[array] > from) --array;
  return {array, from - first[array]};
}

/// Of an op that sums (reductions, dot_general, cumulative_sum, scatter_add): the first element of
/// operand o that is not finite and that the element of the result depends on.
std::optional<std::int64_t> summed_from(const Level& at, Value v, std::size_t o,
                                        std::int64_t element, bool only_nan) {
  const Op op = at.f.op(v);
  const bool is_dot = op == Op::kDotGeneral;
  const Op sum = info(op).kind == OpKind::kReduce ? Op::kReduceSum : op;
  const Tensors given = at.operands(v);
  std::vector<std::int64_t> bad;
  for (std::int64_t k = 0; k < given[o].size(); ++k) {
    if (only_nan ? is_nan_at(given[o], k) : is_bad_at(given[o], k)) bad.push_back(k);
  }
  // Ones at the first n of them and zeros elsewhere: does the result see them?
  const auto reaches = [&](std::size_t n) {
    Tensors in = given;
    for (std::size_t k = 0; k < in.size(); ++k) {
      if (!is_float(in[k].type().dtype)) continue;  // indices
      in[k] = filled(in[k].type().with_dtype(DType::kF64), is_dot && k != o ? 1 : 0);
    }
    for (std::size_t k = 0; k < n; ++k) in[o].set_real(bad[k], 1);
    const Type type = at.f.type(v).with_dtype(DType::kF64);
    return evaluate_op(sum, addresses(in), at.f.attr(v), type, false).real(element) != 0;
  };
  if (bad.empty() || !reaches(bad.size())) return {};
  std::size_t low = 0, high = bad.size();
  while (high - low > 1) {
    const std::size_t middle = (low + high) / 2;
    (reaches(middle) ? high : low) = middle;
  }
  return bad[high - 1];
}

/// The operand of a first-order op that its element's being not finite came from; none: the op
/// made it.
std::optional<Source> source_of(const Level& at, Value v, std::int64_t element, bool nan) {
  const Function& f = at.f;
  const auto operands = f.operands(v);
  const Op op = f.op(v);
  const OpKind kind = info(op).kind;
  const auto counts = [&](std::size_t o, std::int64_t k, bool only_nan) {
    const Tensor& x = at[operands[o]];
    return f.op(operands[o]) != Op::kConstant && (only_nan ? is_nan_at(x, k) : is_bad_at(x, k));
  };
  for (const bool only_nan : {true, false}) {  // a NaN comes of a NaN, where there is one
    if (only_nan && !nan) continue;
    if (op == Op::kSelect || op == Op::kCheck) {
      const std::size_t taken = op == Op::kCheck || at[operands[0]].integer(element) != 0 ? 1 : 2;
      if (counts(taken, element, only_nan)) return Source{taken, element};
    } else if (kind == OpKind::kElementwise) {
      for (std::size_t o = 0; o < operands.size(); ++o) {
        if (counts(o, element, only_nan)) return Source{o, element};
      }
    } else if (kind == OpKind::kShape || op == Op::kGather || op == Op::kScatterSet) {
      const Source from = moved_from(at, v, element);
      if (counts(from.array, from.element, only_nan)) return from;
    } else {
      const bool sums = kind == OpKind::kReduce || kind == OpKind::kContract || op == Op::kCumSum ||
                        op == Op::kScatterAdd;
      for (std::size_t o = 0; o < operands.size(); ++o) {
        const Tensor& x = at[operands[o]];
        if (worst_of(x) < (only_nan ? 2 : 1) || f.op(operands[o]) == Op::kConstant) continue;
        if (!sums) return Source{o, worst_element(x)};
        if (const auto k = summed_from(at, v, o, element, only_nan)) return Source{o, *k};
      }
    }
  }
  return {};
}

class Tracer {
 public:
  NonFinite found;

  /// Follows an element of result r of f back: to where it was made, which is then in `found`, or
  /// out of f through a parameter.
  std::optional<Source> follow(const Function& f, const Tensors& arguments, std::size_t r,
                               std::int64_t element) {
    const Level at(f, arguments);
    return follow(at, f.results()[r], element);
  }

  static std::string line_of(const Level& at, Value v, std::int64_t element) {
    const Tensor& x = at[v];
    const Value made = maker_of(at.f, v);
    std::string text = "%" + std::to_string(v.id) + " : " + x.type().text();
    if (x.type().shape.rank() > 0) text += ", element " + element_text(x.type().shape, element);
    text += " = " + std::string(name_of(at.f.op(made)));
    std::vector<std::string> operands;
    for (Value o : at.f.operands(made)) operands.push_back(operand_text(at, o, x, element));
    return text + "(" + join(operands, ", ") + ")";
  }

 private:
  /// The op behind a projection.
  static Value maker_of(const Function& f, Value v) {
    return f.op(v) == Op::kProject ? f.operand(v, 0) : v;
  }

  static std::string operand_text(const Level& at, Value o, const Tensor& x, std::int64_t element) {
    const Tensor& y = at[o];
    std::string text = "%" + std::to_string(o.id);
    if (y.size() != 1 && y.type().shape != x.type().shape) return text + " : " + y.type().text();
    const std::int64_t k = y.size() == 1 ? 0 : element;
    if (is_bool(y.type().dtype)) return text + (y.integer(k) ? " = true" : " = false");
    return text + " = " +
           (has_infinities(y) ? shortest(static_cast<double>(y.real(k)))
                              : std::to_string(y.integer(k)));
  }

  std::optional<Source> follow(const Level& at, Value v, std::int64_t element) {
    const Function& f = at.f;
    while (f.op(v) != Op::kParameter) {
      const bool nan = is_nan_at(at[v], element);
      const Value made = maker_of(f, v);
      std::optional<Source> from;
      if (is_second_order(f.op(made))) {
        const std::size_t levels = found.levels.size();
        from = enter(at, made, static_cast<std::size_t>(f.attr_as<IndexAttr>(v).index), element);
        if (!from && found.node.valid()) return {};
        found.levels.resize(levels);
      } else if (f.op(v) != Op::kConstant) {
        from = source_of(at, made, element, nan);
      }
      if (!from) {
        made_here(at, v, made, element);
        return {};
      }
      const Value operand = f.operand(made, from->array);
      if (nan && !is_nan_at(at[operand], from->element)) {
        found.became_nan = line_of(at, v, element) + ", in " + f.name();
      }
      v = operand;
      element = from->element;
    }
    return Source{static_cast<std::size_t>(f.attr_as<IndexAttr>(v).index), element};
  }

  void made_here(const Level& at, Value v, Value made, std::int64_t element) {
    found.op = at.f.op(made);
    found.node = v;
    found.function = at.f.name();
    found.at = element;
    found.made = static_cast<double>(at[v].real(element));
    found.line = line_of(at, v, element);
    if (std::isnan(found.made)) found.became_nan.clear();
    for (const SourceSpan& s : at.f.spans(made)) {
      const bool shorter = s.end - s.begin < found.place.end - found.place.begin;
      if (found.place.empty() || (!s.empty() && shorter)) found.place = s;
    }
  }

  /// Into the body of v, for an element of its result r. The operand of v it came from; or nothing
  /// and the op found; or nothing and no op found: v itself made it, by summing.
  std::optional<Source> enter(const Level& at, Value v, std::size_t r, std::int64_t element) {
    switch (at.f.op(v)) {
      case Op::kMap: return enter_map(at, v, r, element);
      case Op::kPairSum: return enter_pairs(at, v, r, element);
      case Op::kLoop: return enter_loop(at, v, r, element);
      case Op::kWhile: return enter_while(at, v, r);
      case Op::kCond: {
        const auto& a = at.f.attr_as<CondAttr>(v);
        Tensors in = at.operands(v);
        const bool taken = in[0].integer(0) != 0;
        in.erase(in.begin());
        auto from = inside(at, v, taken ? *a.on_true : *a.on_false, in, r, element, taken);
        if (from) ++from->array;
        return from;
      }
      default: {
        const FunctionPtr body = body_of(at.f.attr(v));
        return inside(at, v, *body, at.operands(v), r, element);
      }
    }
  }

  std::optional<Source> inside(const Level& at, Value v, const Function& body,
                               const Tensors& arguments, std::size_t r, std::int64_t element,
                               std::int64_t index = 0, std::int64_t other = 0) {
    found.levels.push_back({at.f.op(v), v, body.name(), index, other});
    return follow(body, arguments, r, element);
  }

  std::optional<Source> enter_map(const Level& at, Value v, std::size_t r, std::int64_t element) {
    const auto& a = at.f.attr_as<MapAttr>(v);
    const Tensors in = at.operands(v);
    const auto rows = static_cast<std::size_t>(a.rows);
    const std::int64_t size = a.body->result_type(r).size();
    const bool total = a.roles[r] == Role::kTotal;
    const std::int64_t only = total ? 0 : element / size, end = total ? a.count : only + 1;
    for (std::int64_t i = only; i < end; ++i) {
      Tensors arguments{index_tensor(i)};
      for (std::size_t k = 0; k < in.size(); ++k) {
        arguments.push_back(k < rows ? row_of(in[k], i) : in[k]);
      }
      if (total && !is_bad_at(evaluate(*a.body, arguments)[r], element)) continue;
      auto from = inside(at, v, *a.body, arguments, r, total ? element : element % size, i);
      if (from) {
        --from->array;  // behind the index
        if (from->array < rows) from->element += i * arguments[from->array + 1].size();
      }
      return from;
    }
    return {};
  }

  std::optional<Source> enter_pairs(const Level& at, Value v, std::size_t r, std::int64_t element) {
    const auto& a = at.f.attr_as<PairAttr>(v);
    const Tensors in = at.operands(v);
    const auto at_i = static_cast<std::size_t>(a.rows_i);
    const std::size_t at_j = at_i + static_cast<std::size_t>(a.rows_j);
    const std::int64_t size = a.body->result_type(r).size();
    const Role role = a.roles[r];
    const std::int64_t row = element / size,
                       inner = role == Role::kTotal ? element : element % size;
    for (std::int64_t i = 0; i < a.count; ++i) {
      if (role == Role::kAtI && i != row) continue;
      for (std::int64_t j = a.kind == PairKind::kLess ? i + 1 : 0; j < a.count; ++j) {
        if (i == j || (role == Role::kAtJ && j != row)) continue;
        Tensors arguments{index_tensor(i), index_tensor(j)};
        for (std::size_t k = 0; k < in.size(); ++k) {
          arguments.push_back(k < at_i ? row_of(in[k], i) : k < at_j ? row_of(in[k], j) : in[k]);
        }
        if (!is_bad_at(evaluate(*a.body, arguments)[r], inner)) continue;
        auto from = inside(at, v, *a.body, arguments, r, inner, i, j);
        if (from) {
          from->array -= 2;
          if (from->array < at_j) {
            from->element += (from->array < at_i ? i : j) * arguments[from->array + 2].size();
          }
        }
        return from;
      }
    }
    return {};
  }

  /// A step after which a carry was worse than before it, and what it was given.
  struct Turn {
    std::int64_t step;
    std::shared_ptr<const Tensors> before;  ///< the arguments of the body
  };
  /// By carry, the steps at which it turned.
  using Turns = std::vector<std::vector<Turn>>;

  static void note_turns(Turns& turns, std::int64_t step, const Tensors& before, std::size_t first,
                         const Tensors& after) {
    std::shared_ptr<const Tensors> kept;
    for (std::size_t c = 0; c < turns.size(); ++c) {
      if (worst_of(after[c]) <= worst_of(before[first + c])) continue;
      if (!kept) kept = std::make_shared<const Tensors>(before);
      turns[c].push_back({step, kept});
    }
  }

  /// Follows carry c, as it was before step `end`, back over the steps at which carries turned. The
  /// parameter of the body it came in by, invariant or first carry; with the step for an input.
  struct Entered {
    Source parameter;
    std::int64_t step;
  };
  std::optional<Entered> follow_carry(const Level& at, Value v, const Function& body,
                                      const Turns& turns, std::size_t first, std::size_t c,
                                      std::int64_t end, std::int64_t element,
                                      std::int64_t first_step) {
    while (true) {
      const Turn* last = nullptr;
      for (const Turn& t : turns[c]) {
        if (t.step < end) last = &t;
      }
      if (!last) return Entered{{first + c, element}, 0};
      const std::int64_t at_step = worst_element(evaluate(body, *last->before)[c]);
      const std::size_t levels = found.levels.size();
      const auto from = inside(at, v, body, *last->before, c, at_step, first_step + last->step);
      if (!from) return {};
      if (from->array < first || from->array >= first + turns.size()) {
        return Entered{*from, last->step};
      }
      found.levels.resize(levels);
      c = from->array - first;
      end = last->step;
      element = from->element;
    }
  }

  std::optional<Source> enter_loop(const Level& at, Value v, std::size_t r, std::int64_t element) {
    const auto& a = at.f.attr_as<LoopAttr>(v);
    const Tensors in = at.operands(v);
    const auto invariants = static_cast<std::size_t>(a.invariants);
    const auto carries = static_cast<std::size_t>(a.carries);
    const std::size_t inputs = static_cast<std::size_t>(a.inputs), all = invariants + carries;
    std::int64_t begin = 0, count = a.trip;
    if (a.dynamic) {
      begin = in[all + inputs].integer(0);
      count = std::clamp<std::int64_t>(in[all + inputs + 1].integer(0), 0, a.trip);
    }
    // An output is of one step; a carry is what the last one left.
    std::int64_t stop = count;
    if (r >= carries) {
      const std::int64_t every = a.every[r - carries];
      const std::int64_t size = a.body->result_type(r).size();
      stop = (element / size + 1 + begin / every) * every - 1 - begin;
      element %= size;
    }
    const std::size_t first = invariants + 1;  // carries among the parameters
    Tensors arguments{index_tensor(0)};
    arguments.insert(arguments.end(), in.begin(), in.begin() + static_cast<std::ptrdiff_t>(all));
    arguments.resize(1 + all + inputs);
    const auto place = [&](std::int64_t k) {
      arguments[0] = index_tensor(begin + k);
      for (std::size_t n = 0; n < inputs; ++n) arguments[1 + all + n] = row_of(in[all + n], k);
    };
    Turns turns(carries);
    for (std::int64_t k = 0; k < stop; ++k) {
      place(k);
      Tensors out = evaluate(*a.body, arguments);
      note_turns(turns, k, arguments, first, out);
      for (std::size_t c = 0; c < carries; ++c) arguments[first + c] = std::move(out[c]);
    }
    std::optional<Entered> from;
    if (r < carries) {
      from = follow_carry(at, v, *a.body, turns, first, r, stop, element, begin);
    } else {
      place(stop);
      const std::size_t levels = found.levels.size();
      const auto entered = inside(at, v, *a.body, arguments, r, element, begin + stop);
      if (!entered) return {};
      from = Entered{*entered, stop};
      if (entered->array >= first && entered->array < first + carries) {
        found.levels.resize(levels);
        from = follow_carry(at, v, *a.body, turns, first, entered->array - first, stop,
                            entered->element, begin);
      }
    }
    if (!from) return {};
    Source operand{from->parameter.array - 1, from->parameter.element};
    if (operand.array >= all) operand.element += from->step * arguments[operand.array + 1].size();
    return operand;
  }

  std::optional<Source> enter_while(const Level& at, Value v, std::size_t r) {
    const auto& a = at.f.attr_as<WhileAttr>(v);
    const Tensors in = at.operands(v);
    const std::size_t first = static_cast<std::size_t>(a.invariants) + 1;
    Tensors arguments{index_tensor(0)};
    arguments.insert(arguments.end(), in.begin(), in.end());
    Turns turns(static_cast<std::size_t>(a.carries));
    std::int64_t k = 0;
    for (; a.limit == 0 || k < a.limit; ++k) {
      arguments[0] = index_tensor(k);
      if (evaluate(*a.condition, arguments)[0].integer(0) == 0) break;
      Tensors out = evaluate(*a.body, arguments);
      note_turns(turns, k, arguments, first, out);
      for (std::size_t c = 0; c < out.size(); ++c) arguments[first + c] = std::move(out[c]);
    }
    const std::int64_t element = worst_element(arguments[first + r]);
    const auto from = follow_carry(at, v, *a.body, turns, first, r, k, element, 0);
    if (!from) return {};
    return Source{from->parameter.array - 1, from->parameter.element};
  }
};

}  // namespace

std::optional<std::int64_t> first_non_finite(const Tensor& x) {
  if (!has_infinities(x)) return {};
  if (x.type().dtype == DType::kF64 && !x.extended()) {  // states are looked at after every chunk
    const auto values = x.as<double>();
    const auto bad = std::find_if(values.begin(), values.end(),
                                  [](double value) { return !std::isfinite(value); });
    if (bad == values.end()) return {};
    return bad - values.begin();
  }
  for (std::int64_t k = 0; k < x.size(); ++k) {
    if (!std::isfinite(x.real(k))) return k;
  }
  return {};
}

std::string element_text(const Shape& shape, std::int64_t element) {
  std::string text;
  for (int axis = shape.rank(); axis-- > 0;) {
    text = std::to_string(element % shape[axis]) + (text.empty() ? "" : ",") + text;
    element /= shape[axis];
  }
  return text.empty() ? text : "[" + text + "]";
}

std::string NonFiniteLevel::text() const {
  const std::string node_text = std::string(name_of(op)) + " %" + std::to_string(node.id);
  switch (op) {
    case Op::kMap: return "lane " + std::to_string(index) + " of " + node_text;
    case Op::kLoop: return "step " + std::to_string(index) + " of " + node_text;
    case Op::kWhile: return "iteration " + std::to_string(index) + " of " + node_text;
    case Op::kPairSum:
      return "pair (" + std::to_string(index) + ", " + std::to_string(other) + ") of " + node_text;
    case Op::kCond:
      return std::string("the branch taken where the predicate of ") + node_text + " is " +
             (index ? "true" : "false");
    default: return node_text + " of " + body;
  }
}

std::string NonFinite::text() const {
  std::string text = shows + " is " + shortest(value);
  if (argument) {
    text += "\n  it came with argument " + std::to_string(*argument) + ": " + line;
  } else {
    text += "\n  " + std::string(name_of(op)) + " gave " + shortest(made) + ": " + line + ", in " +
            function;
    for (const NonFiniteLevel& level : levels) text += "\n  in " + level.text();
  }
  if (!became_nan.empty()) text += "\n  and it became nan: " + became_nan;
  return text;
}

std::optional<NonFinite> find_non_finite(const Function& f, std::span<const Tensor> arguments,
                                         std::optional<std::size_t> result) {
  Tensors given;
  for (const Tensor& x : arguments) given.push_back(x.to_double());
  const Tensors out = evaluate(f, given);
  for (std::size_t r = 0; r < out.size(); ++r) {
    if (result && *result != r) continue;
    const auto bad = first_non_finite(out[r]);
    if (!bad) continue;
    Tracer tracer;
    const auto from = tracer.follow(f, given, r, *bad);
    NonFinite& found = tracer.found;
    found.result = r;
    found.element = *bad;
    found.value = static_cast<double>(out[r].real(*bad));
    found.shows = "result " + std::to_string(r);
    const Shape& shape = out[r].type().shape;
    if (shape.rank() > 0) found.shows += ", element " + element_text(shape, *bad);
    if (from) {
      const Tensor& x = given[from->array];
      found.argument = from->array;
      found.node = f.params()[from->array];
      found.at = from->element;
      found.made = static_cast<double>(x.real(from->element));
      found.function = f.name();
      found.line = f.param_names()[from->array] + " : " + x.type().text();
      if (x.type().shape.rank() > 0) {
        found.line += ", element " + element_text(x.type().shape, from->element);
      }
      found.line += " = " + shortest(found.made);
    }
    return found;
  }
  return {};
}

}  // namespace cotangent::ir
