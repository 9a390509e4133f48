// The walk over the tree, names, and how values are noted and moved between scopes.
#include "cotangent/lang/tracer.h"

#include <algorithm>
#include <numbers>
#include <stdexcept>

#include "cotangent/base/text.h"
#include "cotangent/ir/evaluator.h"
#include "cotangent/lang/names.h"

namespace cotangent::lang {
namespace {

constexpr int kMaxTraceDepth =
    2000;  // of nodes, definitions inlined; a plain expression has < 1600
constexpr std::int64_t kMaxConstantOps = 500'000;
constexpr std::int64_t kMaxCopiedConstant = 64;

/// Operations the evaluator would do, at most (second-order bodies times their counts).
double evaluator_cost(const ir::Function& f) {
  double cost = 0;
  for (std::uint32_t id = 0; id < f.size(); ++id) {
    const ir::Value v{id};
    const ir::FunctionPtr body = ir::body_of(f.attr(v));
    if (!body) {
      cost += 1 + static_cast<double>(f.type(v).size()) / 64;
      continue;
    }
    double count = 1;
    if (const auto* map = std::get_if<ir::MapAttr>(&f.attr(v))) {
      count = static_cast<double>(map->count);
    } else if (const auto* pair = std::get_if<ir::PairAttr>(&f.attr(v))) {
      count = static_cast<double>(pair->count) * static_cast<double>(pair->count);
    }
    cost += 1 + count * evaluator_cost(*body);
  }
  return cost;
}

}  // namespace

std::string describe(const TracedValue& v) {
  switch (v.kind) {
    case ValueKind::kInteger: return "an integer";
    case ValueKind::kBoolean: return "a boolean";
    case ValueKind::kTable: return "an integer array " + v.shape.text();
    case ValueKind::kReal: break;
  }
  if (v.shape.rank() == 0) return "a real";
  if (v.shape.rank() == 1) return "a vector(" + std::to_string(v.shape[0]) + ")";
  return "an array " + v.shape.text();
}

Tracer::Tracer(const Context& names, Purpose purpose, const std::string& name,
               const Expression& expression)
    : names_(names), purpose_(purpose), expression_(expression), here_(&expression.root()) {
  scopes_.push_back({Scope(name, 0), std::nullopt});
  frames_.push_back({&expression, {}});
  if (purpose == Purpose::kConstant) return;
  Scope& root = scope(0);
  if (!names.arrays().empty()) {
    root.leaf(LeafKind::kParameter, kLeafX, {DType::kF64, Shape{names.packed_size()}}, "x");
  } else {
    ensure(names.state().has_value(), "a term needs the state's shape");
    const ir::Type state{DType::kF64, *names.state()};
    root.leaf(LeafKind::kParameter, kLeafQ, state, "q");
    root.leaf(LeafKind::kParameter, kLeafP, state, "p");
    if (purpose == Purpose::kObservable) root.leaf(LeafKind::kParameter, kLeafV, state, "v");
  }
  root.leaf(LeafKind::kParameter, kLeafT, ir::scalar(), "t");
  std::uint32_t number = kLeafParameter;
  for (const NamedTensor& p : names.parameters()) {
    if (p.value.type().dtype == DType::kF64) {
      root.leaf(LeafKind::kParameter, number, p.value.type(), p.name);
    }
    ++number;
  }
}

ir::FunctionPtr Tracer::trace_real(const std::string& scalar) {
  const Expr& root = expression_.root();
  const TracedValue v = eval(root);
  if (v.kind == ValueKind::kBoolean) {
    refuse(root, "the value is a boolean",
           !scalar.empty() ? "a real" : "a real, a vector or an array",
           "where(c, 1, 0) makes it a number");
  }
  const TracedValue x = to_real(v);
  if (!scalar.empty() && x.shape.rank() != 0) {
    refuse(root, scalar + " is " + describe(v), "a real: one number",
           x.shape.rank() == 1 && x.shape[0] <= 3
               ? "use dot(a, b) for a product of vectors, norm(a) for a length"
               : "add the entries up with sum(i, ...)");
  }
  const std::uint32_t result = import(x.noted, 0).id;
  return scope(0).close_function({&result, 1});
}

ir::Tensor Tracer::trace_constant() {
  const Expr& root = expression_.root();
  const TracedValue v = eval(root);
  if (v.kind == ValueKind::kBoolean) {
    refuse(root, "the value is a boolean", "a number", "where(c, 1, 0) makes it a number");
  }
  if (v.kind == ValueKind::kInteger) {
    return ir::Tensor::scalar_of<std::int64_t>(*integers_.constant_value(v.integer));
  }
  if (v.kind == ValueKind::kTable && v.indices.empty()) return integers_.table(v.table);
  const std::uint32_t result = to_real(v).noted.id;
  const ir::FunctionPtr f = scope(0).close_function({&result, 1});
  const double cost = evaluator_cost(*f);
  if (cost > static_cast<double>(kMaxConstantOps)) {
    refuse(root, "this constant takes too long to work out",
           "at most " + std::to_string(kMaxConstantOps) + " operations",
           "compute it elsewhere and give the number, or a data file");
  }
  spend(root, 2 * static_cast<std::int64_t>(cost));
  std::vector<ir::Tensor> arguments;
  for (const std::string& name : f->param_names()) {
    arguments.push_back(names_.parameter(name)->value);
  }
  return ir::evaluate(*f, arguments)[0];
}

// --- errors

void Tracer::refuse(const Expr& e, std::string what, std::string why, std::string remedy) const {
  fail(text(), e.begin, e.end, std::move(what), std::move(why), std::move(remedy));
}

std::string Tracer::text_of(const Expr& e) const {
  constexpr std::size_t kShown = 40;
  std::string s = text().text.substr(e.begin, e.end - e.begin);
  if (s.size() > kShown) s = s.substr(0, kShown - 3) + "...";
  return s;
}

void Tracer::spend(const Expr& e, std::int64_t work) {
  if (names_.spend(work)) return;
  refuse(e, "tracing this file takes too much work",
         "fewer uses of large [define]s inside each other and smaller tables of indices",
         "write long sums with sum(i, ...)");
}

void Tracer::unknown_name(const Expr& e, bool called) const {
  const auto refuse_name = [&](std::string what, std::string why, std::string remedy) {
    fail(text(), e.begin, e.name_end, std::move(what), std::move(why), std::move(remedy));
  };
  const std::string quoted = "'" + e.name + "'";
  if (called) {
    if (find_local(e.name) || names_.parameter(e.name) || is_state(e.name) || e.name == "t" ||
        e.name == "pi") {
      refuse_name(quoted + " is no function", "an operator between a name and '('",
                  "write " + e.name + "*(...) for a product, " + e.name + "[...] for an entry");
    }
    std::vector<std::string> known = reserved_names();
    for (const Definition& d : names_.definitions()) known.push_back(d.name);
    const std::string near = nearest_name(e.name, known);
    refuse_name("unknown function " + quoted, "a function of the language or one from [define]",
                near.empty() ? "define it in [define]" : "did you mean '" + near + "'?");
  }
  if (function_named(e.name) || is_reduction(e.name)) {
    refuse_name(
        quoted + " is a function and wants arguments", "'('",
        is_reduction(e.name) ? "write " + e.name + "(i, ...)" : "write " + e.name + "(...)");
  }
  const bool named_arrays = !names_.arrays().empty();
  if (e.name == "z" && !named_arrays) {
    refuse_name("'z' is reserved for the state of a [structure], and is nothing here",
                "another name", "choose another name");
  }
  if (names_.state_shape(e.name) || e.name == "t" ||
      (!named_arrays && (e.name == "q" || e.name == "p" || e.name == "v"))) {
    if (purpose_ == Purpose::kConstant) {
      refuse_name(quoted + " has no value here",
                  "an expression in parameters alone: it is worked out before the run",
                  "write a number, or use names from [parameters]");
    }
    refuse_name("'v' is not available here: what makes the system move goes by q, p and t",
                "a function of q, p and t", "write it with p; v is available in [observe]");
  }
  std::vector<std::string> known = names_.known_names();
  for (const auto& [name, value] : frames_.back().locals) known.push_back(name);
  if (purpose_ != Purpose::kConstant) {
    for (std::string& name : names_.state_names()) {
      if (named_arrays || name != "v" || purpose_ == Purpose::kObservable) {
        known.push_back(std::move(name));
      }
    }
    known.push_back("t");
  }
  known.push_back("pi");
  const std::string near = nearest_name(e.name, known);
  std::sort(known.begin(), known.end());
  if (known.size() > 20) known.resize(20), known.push_back("...");
  refuse_name("unknown name " + quoted, "one of " + join(known, ", "),
              near.empty()
                  ? "add it to [parameters], or bind it as an index with sum(" + e.name + ", ...)"
                  : "did you mean '" + near + "'?");
  throw InternalError("unknown_name");
}

// --- the walk

TracedValue Tracer::eval(const Expr& e) {
  struct Deeper {
    int& depth;
    explicit Deeper(int& d) : depth(d) { ++depth; }
    ~Deeper() { --depth; }
  } deeper(depth_);
  if (depth_ > kMaxTraceDepth) {
    refuse(e, "the expression is nested too deeply once definitions are written out",
           "at most " + std::to_string(kMaxTraceDepth) + " levels",
           "use fewer definitions inside each other");
  }
  spend(e, 1);
  switch (e.kind) {
    case ExprKind::kInteger: return integer(integers_.constant(e.integer));
    case ExprKind::kReal: at(e); return real_constant(e.real);
    case ExprKind::kName: return eval_name(e);
    case ExprKind::kCall: return eval_call(e);
    case ExprKind::kVector: return eval_vector(e);
    case ExprKind::kSubscript: return eval_subscript(e);
    case ExprKind::kNegate: return eval_negate(e);
    case ExprKind::kNot: return eval_not(e);
    case ExprKind::kPower: return eval_power(e);
    case ExprKind::kChain: return eval_chain(e);
    case ExprKind::kReduce: return eval_reduce(e);
  }
  throw InternalError("expression kind");
}

const TracedValue* Tracer::find_local(const std::string& name) const {
  for (const auto& [local, value] : frames_.back().locals) {
    if (local == name) return &value;
  }
  return nullptr;
}

TracedValue Tracer::eval_name(const Expr& e) {
  if (const TracedValue* local = find_local(e.name)) return *local;
  at(e);
  if (e.name == "pi") return real_constant(std::numbers::pi);
  if (purpose_ != Purpose::kConstant) {
    if (auto part = state_value(e.name)) return *std::move(part);
  }
  if (const NamedTensor* p = names_.parameter(e.name)) {
    if (p->value.type().dtype == DType::kF64) {
      const auto number = static_cast<std::uint32_t>(p - names_.parameters().data());
      return real({0, scope(0).leaf(LeafKind::kParameter, kLeafParameter + number, p->value.type(),
                                    p->name)});
    }
    if (p->value.type().is_scalar()) {
      return integer(integers_.constant(p->value.integer(0)));
    }
    auto [found, fresh] = tables_.try_emplace(e.name, 0);
    if (fresh) found->second = integers_.add_table(std::make_shared<const ir::Tensor>(p->value));
    TracedValue v;
    v.kind = ValueKind::kTable;
    v.table = found->second;
    v.shape = p->value.type().shape;
    return v;
  }
  if (const Definition* d = names_.definition(e.name)) return inline_definition(e, *d);
  unknown_name(e, false);
}

// --- notes

Noted Tracer::constant(ir::Tensor value) {
  return {0, scope(0).constant(std::move(value), span_)};
}

Noted Tracer::import(Noted x, int level) {
  ensure(x.level <= level, "a value is used outside its reduction");
  if (x.level == level) return x;
  if (const ir::Tensor* value = scope(x.level).constant_value(x.id);
      value && value->size() <= kMaxCopiedConstant) {
    return {level, scope(level).constant(*value, span_)};
  }
  while (x.level < level) {
    const ir::Type outer_type = type(x);
    x = {x.level + 1, scope(x.level + 1).leaf(LeafKind::kInvariant, x.id, outer_type)};
  }
  return x;
}

Noted Tracer::emit(ir::Op op, std::vector<Noted> operands, ir::Attr attr, ir::Type hint) {
  spend(*here_, 2);
  int level = 0;
  for (const Noted& x : operands) level = std::max(level, x.level);
  std::vector<std::uint32_t> ids;
  for (const Noted& x : operands) ids.push_back(import(x, level).id);
  return {level, scope(level).note(op, std::move(ids), std::move(attr), hint, span_)};
}

Noted Tracer::row(Noted x, std::int64_t k) {
  const Shape shape = type(x).shape;
  ir::SliceAttr slice;
  for (int axis = 0; axis < shape.rank(); ++axis) {
    slice.start.push_back(axis == 0 ? k : 0);
    slice.limit.push_back(axis == 0 ? k + 1 : shape[axis]);
    slice.stride.push_back(1);
  }
  const Noted one = emit(ir::Op::kSlice, {x}, std::move(slice));
  return emit(ir::Op::kReshape, {one}, {}, type(one).with_shape(shape.row()));
}

Noted Tracer::broadcast(Noted x, const Shape& shape) {
  if (type(x).shape == shape) return x;
  return emit(ir::Op::kBroadcast, {x}, ir::AxesAttr{}, type(x).with_shape(shape));
}

TracedValue Tracer::real(Noted x) {
  TracedValue v;
  v.noted = x;
  v.shape = type(x).shape;
  return v;
}

TracedValue Tracer::real_constant(double value) {
  TracedValue v = real(constant(ir::Tensor::scalar_of(value)));
  v.constant = value;
  return v;
}

TracedValue Tracer::integer(IntegerId id) const {
  TracedValue v;
  v.kind = ValueKind::kInteger;
  v.integer = id;
  return v;
}

TracedValue Tracer::boolean(IntegerId id) const {
  TracedValue v;
  v.kind = ValueKind::kBoolean;
  v.integer = id;
  return v;
}

TracedValue Tracer::boolean(Noted x) const {
  TracedValue v;
  v.kind = ValueKind::kBoolean;
  v.noted = x;
  return v;
}

IntegerId Tracer::make_integer(const Expr& e, IntegerOp op, std::span<const IntegerId> operands) {
  try {
    return integers_.make(op, operands);
  } catch (const std::overflow_error&) {
    refuse(e, "the integer '" + text_of(e) + "' may not fit in 64 bits", "a smaller integer",
           "make it a real: write 1.0*... or 10.0^30");
  } catch (const std::domain_error&) {
    refuse(e, "the divisor of % may be zero", "an integer that is never 0",
           "divide by len(x) or by a number above 0");
  }
}

// --- integers and booleans as notes

TracedValue Tracer::to_real(const TracedValue& v) {
  switch (v.kind) {
    case ValueKind::kReal: return v;
    case ValueKind::kBoolean: throw InternalError("a boolean taken for a number");
    case ValueKind::kTable: {
      const ir::Tensor& table = integers_.table(v.table);
      ir::Tensor values(table.type().with_dtype(DType::kF64));
      for (std::int64_t k = 0; k < table.size(); ++k) {
        values.as<double>()[static_cast<std::size_t>(k)] = static_cast<double>(table.integer(k));
      }
      return access_real(real(constant(std::move(values))), v.indices);
    }
    case ValueKind::kInteger: break;
  }
  if (const auto value = integers_.constant_value(v.integer)) {
    return real_constant(static_cast<double>(*value));
  }
  const IntegerNode& n = integers_.node(v.integer);
  if (n.op == IntegerOp::kTable) {
    if (const auto group = group_of(n.slots)) return real(constant_row(v.integer, *group, true));
  }
  const Noted x = lower(v.integer);
  return real(emit(ir::Op::kCast, {x}, {}, ir::scalar()));
}

Noted Tracer::to_bool(const TracedValue& v) {
  ensure(v.kind == ValueKind::kBoolean, "a boolean is wanted");
  if (!v.is_integer_only()) return v.noted;
  if (const auto value = integers_.constant_value(v.integer)) {
    return constant(ir::filled(ir::scalar(DType::kBool), static_cast<long double>(*value != 0)));
  }
  return lower(v.integer);
}

Noted Tracer::constant_row(IntegerId id, Group group, bool as_real) {
  const std::vector<std::int64_t> values = values_over(id, group);
  const Shape shape{static_cast<std::int64_t>(values.size())};
  Noted stacked;
  if (as_real) {
    const std::vector<double> reals(values.begin(), values.end());
    stacked = constant(ir::Tensor::of<double>(shape, reals));
  } else {
    stacked = constant(ir::Tensor::of<std::int64_t>(shape, values));
  }
  return row_leaf(stacked, group);
}

Noted Tracer::lower_index(int slot_number) {
  const Slot& slot = slots_[static_cast<std::size_t>(slot_number)];
  const LeafKind kind = slot.second ? LeafKind::kIndexJ : LeafKind::kIndexI;
  const Noted k{slot.level, scope(slot.level).leaf(kind, 0, ir::scalar(DType::kI64))};
  Noted value = k;
  if (slot.domain.step != 1) {
    value = emit(ir::Op::kMul,
                 {value, constant(ir::Tensor::scalar_of<std::int64_t>(slot.domain.step))});
  }
  if (slot.domain.start != 0) {
    value = emit(ir::Op::kAdd, {value, constant(ir::Tensor::scalar_of(slot.domain.start))});
  }
  return value;
}

/// Conditions are bool notes, other integers i64 notes.
Noted Tracer::lower(IntegerId id) {
  // What a constant row stands for is not lowered itself.
  const auto as_row = [&](const IntegerNode& n) -> std::optional<Group> {
    const bool list = n.op == IntegerOp::kIndex &&
                      slots_[static_cast<std::size_t>(n.value)].domain.list != nullptr;
    if (n.op != IntegerOp::kTable && n.op != IntegerOp::kMod && !list) return std::nullopt;
    return group_of(n.slots);
  };
  const std::vector<IntegerId> order = integers_.needed_by(id);
  std::vector<bool> needed(static_cast<std::size_t>(id) + 1, false);
  needed[static_cast<std::size_t>(id)] = true;
  for (std::size_t k = order.size(); k-- > 0;) {
    const IntegerNode& n = integers_.node(order[k]);
    if (!needed[static_cast<std::size_t>(order[k])] || as_row(n)) continue;
    for (IntegerId x : n.operands) needed[static_cast<std::size_t>(x)] = true;
  }
  std::unordered_map<IntegerId, Noted> done;
  for (IntegerId at : order) {
    if (!needed[static_cast<std::size_t>(at)]) continue;
    const auto group = as_row(integers_.node(at));
    done[at] = group ? constant_row(at, *group, false) : lower_node(at, done);
  }
  return done[id];
}

Noted Tracer::lower_node(IntegerId id, const std::unordered_map<IntegerId, Noted>& done) {
  const IntegerNode n = integers_.node(id);
  if (n.op == IntegerOp::kIndex) return lower_index(static_cast<int>(n.value));
  if (n.op == IntegerOp::kConstant) return constant(ir::Tensor::scalar_of(n.value));
  std::vector<Noted> in;
  // A constant condition (0 or 1) among conditions becomes a bool.
  const bool of_bools =
      n.op == IntegerOp::kAnd || n.op == IntegerOp::kOr || n.op == IntegerOp::kNot;
  for (std::size_t k = 0; k < n.operands.size(); ++k) {
    Noted x = done.at(n.operands[k]);
    if ((of_bools || (n.op == IntegerOp::kWhere && k == 0)) && !is_bool(type(x).dtype)) {
      x = emit(ir::Op::kNe, {x, constant(ir::Tensor::scalar_of<std::int64_t>(0))});
    }
    in.push_back(x);
  }
  switch (n.op) {
    case IntegerOp::kNeg: return emit(ir::Op::kNeg, in);
    case IntegerOp::kAbs: return emit(ir::Op::kAbs, in);
    case IntegerOp::kSign: return emit(ir::Op::kSign, in);
    case IntegerOp::kAdd: return emit(ir::Op::kAdd, in);
    case IntegerOp::kSub: return emit(ir::Op::kSub, in);
    case IntegerOp::kMul: return emit(ir::Op::kMul, in);
    case IntegerOp::kMod: return emit(ir::Op::kMod, in);
    case IntegerOp::kMin: return emit(ir::Op::kMin, in);
    case IntegerOp::kMax: return emit(ir::Op::kMax, in);
    case IntegerOp::kLess: return emit(ir::Op::kLt, in);
    case IntegerOp::kLessEqual: return emit(ir::Op::kLe, in);
    case IntegerOp::kEqual: return emit(ir::Op::kEq, in);
    case IntegerOp::kUnequal: return emit(ir::Op::kNe, in);
    case IntegerOp::kAnd: return emit(ir::Op::kAnd, in);
    case IntegerOp::kOr: return emit(ir::Op::kOr, in);
    case IntegerOp::kNot: return emit(ir::Op::kNot, in);
    case IntegerOp::kWhere: return emit(ir::Op::kSelect, in);
    case IntegerOp::kTable: {
      in.insert(in.begin(), constant(integers_.table(static_cast<int>(n.value))));
      return emit(ir::Op::kGather, in);
    }
    case IntegerOp::kConstant:
    case IntegerOp::kIndex: break;
  }
  throw InternalError("integer node");
}

}  // namespace cotangent::lang
