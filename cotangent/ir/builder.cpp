#include "cotangent/ir/builder.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include "cotangent/base/text.h"
#include "cotangent/ir/verifier.h"

namespace cotangent::ir {
namespace {

constexpr std::size_t kMaxSpansPerNode = 8;

void mix_into(std::size_t& seed, std::size_t value) {
  seed ^= value + 0x9e3779b97f4a7c15ull + (seed << 6) + (seed >> 2);
}

bool commutes(Op op) {
  switch (op) {
    case Op::kAdd:
    case Op::kMul:
    case Op::kAnd:
    case Op::kOr:
    case Op::kXor:
    case Op::kEq:
    case Op::kNe: return true;
    default: return false;
  }
}

/// One order for operands that commute.
void order(Op op, std::span<Value> operands) {
  if ((commutes(op) || op == Op::kFma) && operands[1].id < operands[0].id) {
    std::swap(operands[0], operands[1]);
  }
}

}  // namespace

Builder::Builder(std::string name) : function_(std::make_unique<Function>()) {
  function_->name_ = std::move(name);
  function_->attrs_.emplace_back();
}

Builder::~Builder() = default;

void Builder::Interned::put(const Place& place) {
  std::size_t at = place.low & mask();
  while (places_[at].node != kFree) at = (at + 1) & mask();
  places_[at] = place;
}

void Builder::Interned::resize(std::size_t places) {
  std::vector<Place> old(places);
  old.swap(places_);
  for (const Place& p : old) {
    if (p.node != kFree) put(p);
  }
}

void Builder::Interned::reserve(std::size_t nodes) {
  std::size_t places = 64;
  while (places < 2 * (nodes + 1)) places *= 2;
  if (places > places_.size()) resize(places);
}

void Builder::Interned::insert(std::size_t hash, std::uint32_t node) {
  if (2 * (taken_ + 1) > places_.size()) resize(std::max<std::size_t>(64, 2 * places_.size()));
  put({static_cast<std::uint32_t>(hash >> 32), static_cast<std::uint32_t>(hash), node});
  ++taken_;
}

void Builder::reserve(std::size_t nodes) {
  interned_.reserve(nodes);
  function_->nodes_.reserve(nodes);
  function_->operands_.reserve(2 * nodes);
}

void Builder::note_spans(std::uint32_t id) {
  if (spans_.empty()) return;
  auto& held = function_->spans_[id];
  for (const SourceSpan& s : spans_) {
    if (held.size() < kMaxSpansPerNode && std::find(held.begin(), held.end(), s) == held.end()) {
      held.push_back(s);
    }
  }
}

Value Builder::intern(Op op, std::span<const Value> operands, const Attr& attr,
                      std::span<const Type> types) {
  Function& f = *function_;
  const bool plain = std::holds_alternative<std::monostate>(attr);
  const auto table = [&] {  // where the type of a single result is, or would be
    return types.size() == 1 ? std::find(f.types_.begin(), f.types_.end(), types[0])
                             : f.types_.end();
  }();
  std::size_t key = static_cast<std::size_t>(op);
  for (Value v : operands) mix_into(key, v.id);
  if (!plain) mix_into(key, hash_of(attr));
  if (types.size() == 1) mix_into(key, static_cast<std::size_t>(table - f.types_.begin()));
  key *= 0x9e3779b97f4a7c15ull;
  key ^= key >> 29;
  const auto same = [&](std::uint32_t id) {
    const Value v{id};
    return f.op(v) == op &&
           std::equal(operands.begin(), operands.end(), f.operands(v).begin(),
                      f.operands(v).end()) &&
           std::equal(types.begin(), types.end(), f.result_types(v).begin(),
                      f.result_types(v).end()) &&
           f.attr(v) == attr;
  };
  if (const std::int64_t found = interned_.find(key, same); found >= 0) {
    const Value v{static_cast<std::uint32_t>(found)};
    note_spans(v.id);
    return v;
  }
  Node node{};
  node.op = op;
  node.result_count = static_cast<std::uint32_t>(types.size());
  node.type = static_cast<std::uint32_t>(table - f.types_.begin());
  if (table == f.types_.end()) f.types_.insert(f.types_.end(), types.begin(), types.end());
  if (!plain) {
    node.attr = static_cast<std::uint32_t>(f.attrs_.size());
    f.attrs_.push_back(attr);
  }
  node.first_operand = static_cast<std::uint32_t>(f.operands_.size());
  node.operand_count = static_cast<std::uint32_t>(operands.size());
  f.operands_.insert(f.operands_.end(), operands.begin(), operands.end());
  const auto id = static_cast<std::uint32_t>(f.nodes_.size());
  f.nodes_.push_back(node);
  interned_.insert(key, id);
  note_spans(id);
  return Value{id};
}

Type Builder::type_of_elementwise(Op op, std::span<const Value> operands) {
  Inferred wanted{op, {}, operands.size(), {}};
  std::size_t at = static_cast<std::size_t>(op);
  for (std::size_t k = 0; k < operands.size(); ++k) {
    wanted.in[k] = function_->node(operands[k]).type;
    at = 7 * at + wanted.in[k];
  }
  Inferred& known = inferred_[at % inferred_.size()];
  if (known.op != op || known.in != wanted.in || known.count != wanted.count) {
    std::array<Type, 3> in;
    for (std::size_t k = 0; k < operands.size(); ++k) in[k] = type(operands[k]);
    wanted.out = infer(op, std::span(in).first(operands.size()), {}, {})[0];
    known = wanted;
  }
  return known.out;
}

Value Builder::make(Op op, std::span<const Value> given, Attr attr, Type hint) {
  if (op == Op::kProject) return project(given[0], std::get<IndexAttr>(attr).index);
  if (op == Op::kParameter) throw InternalError("parameters are made by Builder::param");
  for (Value v : given) {
    ensure(v.id < function_->size(), "an operand is not of this function");
    ensure(!is_projected(function_->op(v)), "an op with several results is read through project");
  }
  const bool short_elementwise = is_elementwise(op) && op != Op::kCast && op != Op::kBitcast &&
                                 std::holds_alternative<std::monostate>(attr) && !given.empty() &&
                                 given.size() <= 3;
  if (short_elementwise) {
    std::array<Value, 3> own;
    std::copy(given.begin(), given.end(), own.begin());
    const std::span<Value> operands = std::span(own).first(given.size());
    const Type out = type_of_elementwise(op, operands);
    order(op, operands);  // after inference, whose messages keep the user's order
    if (const Value folded = fold(op, operands, attr, out); folded.valid()) return folded;
    return intern(op, operands, attr, std::span(&out, 1));
  }
  std::vector<Value> operands(given.begin(), given.end());
  std::vector<Type> in;
  for (Value v : operands) in.push_back(type(v));
  const std::vector<Type> out = infer(op, in, attr, hint);
  if (out.empty()) {
    throw UserError("[" + std::string(name_of(op)) + "] the body gives no result");
  }
  order(op, operands);
  if (!is_projected(op)) {
    if (const Value folded = fold(op, operands, attr, out[0]); folded.valid()) return folded;
  }
  return intern(op, operands, attr, out);
}

Value Builder::project(Value node, std::int64_t index) {
  ensure(is_projected(function_->op(node)), "project reads an op with several results");
  const auto types = function_->result_types(node);
  ensure(index >= 0 && index < static_cast<std::int64_t>(types.size()), "project: no such result");
  const Type t = types[static_cast<std::size_t>(index)];
  return intern(Op::kProject, std::span(&node, 1), IndexAttr{index}, std::span(&t, 1));
}

Value Builder::param(Type type, std::string name) {
  Function& f = *function_;
  ensure(f.size() == f.params_.size(), "parameters come first");
  const IndexAttr index{static_cast<std::int64_t>(f.params_.size())};
  const Value v = intern(Op::kParameter, {}, index, std::span(&type, 1));
  f.params_.push_back(v);
  f.param_names_.push_back(std::move(name));
  return v;
}

Value Builder::constant(Tensor value) {
  const Type t = value.type();
  ensure(!value.extended(), "a constant is not extended");
  return intern(Op::kConstant, {}, LiteralAttr{std::make_shared<const Tensor>(std::move(value))},
                std::span(&t, 1));
}

Value Builder::constant(double value, DType t) {
  if (!is_float(t) && !is_storage_float(t)) {
    // Negative values of an unsigned type wrap, as its arithmetic does.
    const int bits = is_bool(t) ? 1 : static_cast<int>(size_of(t)) * 8;
    const double low = is_bool(t) ? 0 : -std::ldexp(1.0, bits - 1);
    const double end = std::ldexp(1.0, is_signed(t) ? bits - 1 : bits);
    if (!(std::nearbyint(value) == value && value >= low && value < end)) {
      throw UserError("[constant] " + shortest(value) + " is no " + std::string(name_of(t)));
    }
  }
  return constant(filled(scalar(t), value));
}

Value Builder::constant_i64(std::int64_t value) {
  return constant(Tensor::scalar_of<std::int64_t>(value));
}

Value Builder::splat(double value, Type type) {
  return broadcast_to(constant(value, type.dtype), type.shape);
}

Value Builder::iota(Type type, std::int64_t axis) {
  return make(Op::kIota, {}, AxesAttr{{axis}}, type);
}

Value Builder::elementwise(Op op, std::span<const Value> operands) {
  ensure(is_elementwise(op) && op != Op::kCast && op != Op::kBitcast, "not a plain elementwise op");
  return make(op, operands, {});
}

Value Builder::fma(Value x, Value y, Value z) {
  const Value all[] = {x, y, z};
  return make(Op::kFma, all, {});
}

Value Builder::select(Value predicate, Value x, Value y) {
  const Value all[] = {predicate, x, y};
  return make(Op::kSelect, all, {});
}

Value Builder::cast(Value x, DType to) {
  return make(Op::kCast, std::span(&x, 1), {}, type(x).with_dtype(to));
}

Value Builder::bitcast(Value x, DType to) {
  return make(Op::kBitcast, std::span(&x, 1), {}, type(x).with_dtype(to));
}

Value Builder::scale(Value s, Value x) {
  return mul(broadcast_to(s, type(x).shape), x);
}

Value Builder::reduce(Op op, Value x, Dims axes) {
  if (axes.empty() && type(x).shape.rank() > 0) {
    axes.resize(static_cast<std::size_t>(type(x).shape.rank()));
    std::iota(axes.begin(), axes.end(), 0);
  }
  std::sort(axes.begin(), axes.end());
  return make(op, std::span(&x, 1), AxesAttr{std::move(axes)});
}

Value Builder::reduce_sum(Value x) {
  return reduce(Op::kReduceSum, x, {});
}

Value Builder::reshape(Value x, Shape shape) {
  return make(Op::kReshape, std::span(&x, 1), {}, type(x).with_shape(shape));
}

Value Builder::transpose(Value x, Dims permutation) {
  return make(Op::kTranspose, std::span(&x, 1), AxesAttr{std::move(permutation)});
}

Value Builder::broadcast(Value x, Shape shape, Dims dims) {
  return make(Op::kBroadcast, std::span(&x, 1), AxesAttr{std::move(dims)},
              type(x).with_shape(shape));
}

Value Builder::broadcast_to(Value x, Shape shape) {
  const int missing = shape.rank() - type(x).shape.rank();
  Dims dims;
  for (int k = 0; k < type(x).shape.rank(); ++k) dims.push_back(k + missing);
  return broadcast(x, shape, std::move(dims));
}

Value Builder::slice(Value x, Dims start, Dims limit, Dims stride) {
  return make(Op::kSlice, std::span(&x, 1),
              SliceAttr{std::move(start), std::move(limit), std::move(stride)});
}

Value Builder::slice_rows(Value x, std::int64_t begin, std::int64_t end) {
  const Shape& s = type(x).shape;
  Dims start(static_cast<std::size_t>(s.rank()), 0), limit(s.begin(), s.end());
  start.at(0) = begin;
  limit.at(0) = end;
  return slice(x, start, limit, Dims(start.size(), 1));
}

Value Builder::row(Value x, std::int64_t k) {
  return reshape(slice_rows(x, k, k + 1), type(x).shape.row());
}

Value Builder::pad(Value x, Value value, Dims low, Dims high, Dims interior) {
  const Value both[] = {x, value};
  return make(Op::kPad, both, PadAttr{std::move(low), std::move(high), std::move(interior)});
}

Value Builder::concatenate(std::span<const Value> parts, std::int64_t axis) {
  return make(Op::kConcatenate, parts, AxesAttr{{axis}});
}

Value Builder::reverse(Value x, Dims axes) {
  std::sort(axes.begin(), axes.end());
  return make(Op::kReverse, std::span(&x, 1), AxesAttr{std::move(axes)});
}

Value Builder::gather(Value x, std::span<const Value> indices) {
  std::vector<Value> all{x};
  all.insert(all.end(), indices.begin(), indices.end());
  return make(Op::kGather, all, {});
}

Value Builder::scatter_add(Value x, Value updates, std::span<const Value> indices) {
  std::vector<Value> all{x, updates};
  all.insert(all.end(), indices.begin(), indices.end());
  return make(Op::kScatterAdd, all, {});
}

Value Builder::scatter_set(Value x, Value updates, std::span<const Value> indices) {
  std::vector<Value> all{x, updates};
  all.insert(all.end(), indices.begin(), indices.end());
  return make(Op::kScatterSet, all, {});
}

Value Builder::sort(Value x, std::int64_t axis) {
  return make(Op::kSort, std::span(&x, 1), AxesAttr{{axis}});
}

Value Builder::argsort(Value x, std::int64_t axis) {
  return make(Op::kArgsort, std::span(&x, 1), AxesAttr{{axis}});
}

Value Builder::cumulative_sum(Value x, std::int64_t axis) {
  return make(Op::kCumSum, std::span(&x, 1), AxesAttr{{axis}});
}

Value Builder::random_bits(Value seed, Value member, Value step, std::int64_t site, Type type) {
  const Value all[] = {seed, member, step};
  return make(Op::kRandomBits, all, RandomAttr{site}, type);
}

Value Builder::dot_general(Value x, Value y, DotAttr attr) {
  const Value both[] = {x, y};
  return make(Op::kDotGeneral, both, std::move(attr));
}

Value Builder::dot(Value x, Value y) {
  const int rank = type(x).shape.rank();
  if (rank == 0 || type(y).shape.rank() != rank) {
    throw UserError("[dot] takes two arrays of the same shape, given " + type(x).text() + " and " +
                    type(y).text());
  }
  Dims batch(static_cast<std::size_t>(rank) - 1);
  std::iota(batch.begin(), batch.end(), 0);
  const Dims last{rank - 1};
  return dot_general(x, y, DotAttr{batch, batch, last, last});
}

namespace {

std::vector<Value> all_results(Builder& b, Value node) {
  std::vector<Value> results;
  const std::size_t n = b.so_far().result_types(node).size();
  for (std::size_t k = 0; k < n; ++k) {
    results.push_back(b.project(node, static_cast<std::int64_t>(k)));
  }
  return results;
}

}  // namespace

std::vector<Value> Builder::triangular_solve(std::span<const Value> operands, SolveAttr attr) {
  return all_results(*this, make(Op::kTriangularSolve, operands, attr));
}

Value Builder::triangular_solve(Value a, Value b, SolveAttr attr) {
  const Value both[] = {a, b};
  return triangular_solve(both, attr)[0];
}

std::vector<Value> Builder::factor(Op op, std::span<const Value> operands, FactorAttr attr) {
  return all_results(*this, make(op, operands, attr));
}

std::vector<Value> Builder::fft(FftAttr attr, std::span<const Value> operands) {
  return all_results(*this, make(Op::kFft, operands, attr));
}

std::vector<Value> Builder::map(MapAttr attr, std::span<const Value> operands) {
  return all_results(*this, make(Op::kMap, operands, std::move(attr)));
}

std::vector<Value> Builder::loop(LoopAttr attr, std::span<const Value> operands) {
  return all_results(*this, make(Op::kLoop, operands, std::move(attr)));
}

std::vector<Value> Builder::pair_sum(PairAttr attr, std::span<const Value> operands) {
  return all_results(*this, make(Op::kPairSum, operands, std::move(attr)));
}

std::vector<Value> Builder::while_loop(WhileAttr attr, std::span<const Value> operands) {
  return all_results(*this, make(Op::kWhile, operands, std::move(attr)));
}

std::vector<Value> Builder::cond(CondAttr attr, std::span<const Value> operands) {
  return all_results(*this, make(Op::kCond, operands, std::move(attr)));
}

std::vector<Value> Builder::call(CallAttr attr, std::span<const Value> operands) {
  return all_results(*this, make(Op::kCall, operands, std::move(attr)));
}

Value Builder::check(Value predicate, Value x, CheckAttr attr, Value payload) {
  std::vector<Value> operands{predicate, x};
  if (payload.valid()) operands.push_back(payload);
  return make(Op::kCheck, operands, std::move(attr));
}

Value Builder::copy(const Function& from, Value v, std::span<const Value> operands) {
  const auto places = from.spans(v);
  const Op op = from.op(v);
  if (places.empty() && !is_projected(op) && op != Op::kProject && info(op).kind != OpKind::kLeaf) {
    // Operands of the same types give the same type: nothing to infer.
    constexpr std::size_t kMost = 8;
    std::array<Value, kMost> own;
    const auto old = from.operands(v);
    bool same = operands.size() == old.size() && operands.size() <= kMost;
    for (std::size_t k = 0; same && k < old.size(); ++k) {
      own[k] = operands[k];
      same = function_->type(operands[k]) == from.type(old[k]);
    }
    if (same) {
      const std::span<Value> ordered = std::span(own).first(old.size());
      const Type type = from.type(v);
      order(op, ordered);
      if (const Value folded = fold(op, ordered, from.attr(v), type); folded.valid()) return folded;
      return intern(op, ordered, from.attr(v), std::span(&type, 1));
    }
  }
  std::vector<SourceSpan> saved = std::move(spans_);
  spans_.assign(places.begin(), places.end());
  if (spans_.empty()) spans_ = saved;
  const Value made = make(from.op(v), operands, from.attr(v), from.type(v));
  spans_ = std::move(saved);
  return made;
}

std::vector<Value> Builder::inline_call(const Function& callee, std::span<const Value> args) {
  ensure(args.size() == callee.params().size(), "inline_call: number of arguments");
  std::vector<Value> image(callee.size());
  std::size_t next = 0;
  for (Value p : callee.params()) {
    ensure(type(args[next]) == callee.type(p), "inline_call: argument type");
    image[p.id] = args[next++];
  }
  for (std::uint32_t id = 0; id < callee.size(); ++id) {
    if (callee.op(Value{id}) == Op::kParameter) continue;
    std::vector<Value> operands;
    for (Value u : callee.operands(Value{id})) operands.push_back(image[u.id]);
    image[id] = copy(callee, Value{id}, operands);
  }
  std::vector<Value> results;
  for (Value r : callee.results()) results.push_back(image[r.id]);
  return results;
}

FunctionPtr Builder::finish(std::span<const Value> results) {
  Function& f = *function_;
  std::vector<bool> live(f.size(), false);
  for (Value p : f.params_) live[p.id] = true;
  for (Value r : results) {
    ensure(r.id < f.size() && !is_projected(f.op(r)), "finish: a result is not a value");
    live[r.id] = true;
  }
  for (std::size_t id = f.size(); id-- > 0;) {
    if (f.is_kept(Value{static_cast<std::uint32_t>(id)})) live[id] = f.has_checks_ = true;
    if (!live[id]) continue;
    for (Value u : f.operands(Value{static_cast<std::uint32_t>(id)})) live[u.id] = true;
  }
  auto kept = std::make_shared<Function>();
  kept->name_ = f.name_;
  kept->has_checks_ = f.has_checks_;
  kept->attrs_.emplace_back();
  kept->param_names_ = f.param_names_;
  std::vector<Value> image(f.size());
  for (std::uint32_t id = 0; id < f.size(); ++id) {
    if (!live[id]) continue;
    Node node = f.nodes_[id];
    const auto types = f.result_types(Value{id});
    const auto at = types.size() == 1
                        ? std::find(kept->types_.begin(), kept->types_.end(), types[0])
                        : kept->types_.end();
    const auto type_index = static_cast<std::uint32_t>(at - kept->types_.begin());
    if (at == kept->types_.end()) {
      kept->types_.insert(kept->types_.end(), types.begin(), types.end());
    }
    const auto first = static_cast<std::uint32_t>(kept->operands_.size());
    for (Value u : f.operands(Value{id})) kept->operands_.push_back(image[u.id]);
    if (node.attr != 0) {
      kept->attrs_.push_back(f.attrs_[node.attr]);
      node.attr = static_cast<std::uint32_t>(kept->attrs_.size() - 1);
    }
    node.type = type_index;
    node.first_operand = first;
    image[id] = Value{static_cast<std::uint32_t>(kept->nodes_.size())};
    kept->nodes_.push_back(node);
    if (auto s = f.spans_.find(id); s != f.spans_.end()) {
      kept->spans_.emplace(image[id].id, std::move(s->second));
    }
  }
  for (Value p : f.params_) kept->params_.push_back(image[p.id]);
  for (Value r : results) kept->results_.push_back(image[r.id]);
  function_ = std::make_unique<Function>();
  function_->attrs_.emplace_back();
  interned_.clear();
  inferred_ = {};
#ifdef COTANGENT_VERIFY_PASSES
  verify(*kept);
#endif
  return kept;
}

}  // namespace cotangent::ir
