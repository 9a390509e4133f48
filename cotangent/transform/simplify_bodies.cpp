#include "cotangent/transform/simplify_bodies.h"

#include <algorithm>

#include "cotangent/transform/control.h"

namespace cotangent::transform {

using namespace ir;

namespace {

constexpr std::int64_t kMaxForwardedConstant = 16;  // elements of a literal that is copied inside

enum class Kind { kRow, kInvariant, kCarry };

/// Whether a node may run for ever; such a one is not moved to where it would run unasked.
bool may_not_end(const Function& f, Value v) {
  if (!is_second_order(f.op(v))) return false;
  if (f.op(v) == Op::kWhile && f.attr_as<WhileAttr>(v).limit == 0) return true;
  for (const FunctionPtr& body : bodies_of(f.attr(v))) {
    for (std::uint32_t id = 0; id < body->size(); ++id) {
      if (may_not_end(*body, Value{id})) return true;
    }
  }
  return false;
}

/// One operand of the rebuilt op.
struct Slot {
  std::size_t list;
  Value operand;  // outside
  Type inside;
  Values nodes;         // body nodes it stands for
  bool repeat = false;  // inside, broadcast to the node's type along `dims`
  Dims dims;
};

/// A uniform view of the three ops: their operand lists, in order, and their results.
class Surgery {
 public:
  Surgery(Builder& b, const Function& f, Value v, std::span<const Value> operands,
          const Flags& used, std::vector<FunctionPtr>& bodies)
      : b_(b),
        bodies_(bodies),
        op_(f.op(v)),
        attr_(f.attr(v)),
        result_types_(f.result_types(v).begin(), f.result_types(v).end()),
        operands_(operands),
        used_(used),
        body_(simplify_once(*body_of(attr_))),
        out_(used.size()) {
    if (const auto* a = std::get_if<MapAttr>(&attr_)) {
      kinds_ = {Kind::kRow, Kind::kInvariant};
      counts_ = {a->rows, static_cast<std::int64_t>(operands.size()) - a->rows};
      roles_ = a->roles;
      count_ = a->count;
    } else if (const auto* p = std::get_if<PairAttr>(&attr_)) {
      kinds_ = {Kind::kRow, Kind::kRow, Kind::kInvariant};
      counts_ = {p->rows_i, p->rows_j,
                 static_cast<std::int64_t>(operands.size()) - p->rows_i - p->rows_j};
      roles_ = p->roles;
      count_ = p->count;
    } else {
      const auto& l = std::get<LoopAttr>(attr_);
      kinds_ = {Kind::kInvariant, Kind::kCarry, Kind::kRow};
      counts_ = {l.invariants, l.carries, l.inputs};
      count_ = l.trip;
      if (l.inverse) inverse_ = simplify_once(*l.inverse);
    }
    for (std::size_t list = 0; list < kinds_.size(); ++list) {
      for (std::int64_t k = 0; k < counts_[list]; ++k) list_of_.push_back(list);
    }
    invariants_ = static_cast<std::size_t>(
        std::find(kinds_.begin(), kinds_.end(), Kind::kInvariant) - kinds_.begin());
    offset_ = op_ == Op::kPairSum ? 2 : 1;
    constants_.resize(body_->size());
  }

  Values run() {
    if (op_ == Op::kLoop) {
      plan_carries();
      if (count_ == 0 && !dynamic()) {
        for (std::size_t k = 0; k < out_.size(); ++k) {
          out_[k] = k < carries() ? operands_[carry_operand(k)] : b_.zeros(result_types_[k]);
        }
        return out_;
      }
    }
    plan_results();
    find_needed();
    if (std::none_of(keep_.begin(), keep_.end(), [](bool k) { return k; })) return out_;
    plan_operands();
    hoist();
    rebuild();
    return out_;
  }

 private:
  bool dynamic() const {
    const auto* l = std::get_if<LoopAttr>(&attr_);
    return l && l->dynamic;
  }
  std::size_t carries() const {
    return op_ == Op::kLoop ? static_cast<std::size_t>(counts_[1]) : 0;
  }
  std::size_t carry_operand(std::size_t k) const {
    return static_cast<std::size_t>(counts_[0]) + k;
  }
  Value carry_param(std::size_t k) const { return param(carry_operand(k)); }
  Value param(std::size_t operand) const { return body_->params()[operand + offset_]; }

  /// Body nodes that the given results need.
  std::vector<bool> needed_by(const Flags& results) const {
    std::vector<bool> needed(body_->size(), false);
    for (std::size_t k = 0; k < results.size(); ++k) {
      if (results[k]) needed[body_->results()[k].id] = true;
    }
    for (std::size_t id = body_->size(); id-- > 0;) {
      if (!needed[id]) continue;
      for (Value x : body_->operands(Value{static_cast<std::uint32_t>(id)})) needed[x.id] = true;
    }
    return needed;
  }

  /// Parameters of the inverse that the carries it gives back need, by position.
  std::vector<bool> needed_by_inverse() const {
    std::vector<bool> needed(inverse_->size(), false);
    for (std::size_t k = 0; k < carries(); ++k) {
      if (keep_[k]) needed[inverse_->results()[k].id] = true;
    }
    for (std::size_t id = inverse_->size(); id-- > 0;) {
      if (!needed[id]) continue;
      for (Value x : inverse_->operands(Value{static_cast<std::uint32_t>(id)})) needed[x.id] = true;
    }
    std::vector<bool> params;
    for (Value p : inverse_->params()) params.push_back(needed[p.id]);
    return params;
  }

  /// Which carries matter, and which never change (they become invariants).
  void plan_carries() {
    keep_ = used_;
    fixed_.assign(carries(), false);
    for (std::size_t k = 0; k < carries(); ++k) {
      fixed_[k] = body_->results()[k] == carry_param(k);
      if (!fixed_[k]) continue;
      if (used_[k]) out_[k] = operands_[carry_operand(k)];
      keep_[k] = false;
    }
    for (bool grown = true; grown;) {
      grown = false;
      const std::vector<bool> needed = needed_by(keep_);
      for (std::size_t k = 0; k < carries(); ++k) {
        if (!fixed_[k] && !keep_[k] && needed[carry_param(k).id]) keep_[k] = grown = true;
      }
      if (!inverse_) continue;
      const std::vector<bool> before = needed_by_inverse();
      for (std::size_t k = 0; k < carries(); ++k) {
        const bool reads = before[carry_operand(k) + offset_];
        if (!fixed_[k] && !keep_[k] && reads) keep_[k] = grown = true;
      }
    }
  }

  /// Results that are known without running the body, and equal results.
  void plan_results() {
    if (op_ != Op::kLoop) keep_ = used_;
    same_as_.assign(used_.size(), used_.size());
    for (std::size_t k = carries(); k < used_.size(); ++k) {
      if (!keep_[k]) continue;
      if (const Value known = known_result(k); known.valid()) {
        out_[k] = known;
        keep_[k] = false;
        continue;
      }
      for (std::size_t j = carries(); j < k; ++j) {
        if (!keep_[j] || body_->results()[j] != body_->results()[k]) continue;
        const bool alike = op_ == Op::kLoop
                               ? loop().every[j - carries()] == loop().every[k - carries()]
                               : roles_[j] == roles_[k];
        if (!alike) continue;
        same_as_[k] = j;
        keep_[k] = false;
        break;
      }
    }
  }

  const LoopAttr& loop() const { return std::get<LoopAttr>(attr_); }

  Value known_result(std::size_t k) {
    const Value r = body_->results()[k];
    const Type& type = result_types_[k];
    const auto constant = splat_value(*body_, r);
    if (op_ == Op::kLoop) {
      const bool every_step = loop().every[k - carries()] == 1 && !dynamic();
      if (constant && body_->is_splat(r, 0.0)) return b_.zeros(type);
      if (!every_step) return {};
      if (constant) return b_.splat(*constant, type);
      return passed_row(r, type);
    }
    if (roles_[k] == Role::kStack) {
      if (constant) return b_.splat(*constant, type);
      return passed_row(r, type);
    }
    return body_->is_splat(r, 0.0) ? b_.zeros(type) : Value{};
  }

  /// A stacked result that is an operand's row or an invariant.
  Value passed_row(Value r, const Type& type) {
    if (body_->op(r) != Op::kParameter) return {};
    for (std::size_t k = 0; k < operands_.size() && k < list_of_.size(); ++k) {
      if (param(k) != r) continue;
      const Kind kind = kinds_[list_of_[k]];
      if (kind == Kind::kRow) return operands_[k];
      if (kind == Kind::kInvariant) return b_.broadcast_to(operands_[k], type.shape);
    }
    return {};
  }

  void find_needed() {
    needed_ = needed_by(keep_);
    if (!inverse_) return;
    const std::vector<bool> params = needed_by_inverse();
    for (std::size_t p = 0; p < params.size(); ++p) {
      if (params[p]) needed_[body_->params()[p].id] = true;
    }
  }

  /// Decides for each needed operand: constant inside, repeated row, merged with an equal one, or
  /// passed.
  void plan_operands() {
    const Function& outer = b_.so_far();
    for (std::size_t k = 0; k < list_of_.size(); ++k) {
      const Value p = param(k), x = operands_[k];
      std::size_t list = list_of_[k];
      const bool carry = kinds_[list] == Kind::kCarry;
      if (carry && fixed_[k - carry_operand(0)]) list = invariants_;
      if (kinds_[list] == Kind::kCarry) {
        if (keep_[k - carry_operand(0)])
          slots_.push_back({list, x, body_->type(p), {p}, false, {}});
        continue;
      }
      if (!needed_[p.id]) continue;
      if (splat_value(outer, x) || small_constant(outer, x, list)) {
        constants_[p.id] = x;
        continue;
      }
      Slot slot{list, x, body_->type(p), {p}, false, {}};
      if (kinds_[list] == Kind::kRow) unrepeat(slot);
      add(std::move(slot));
    }
  }

  bool small_constant(const Function& outer, Value x, std::size_t list) const {
    return kinds_[list] == Kind::kInvariant && outer.op(x) == Op::kConstant &&
           outer.type(x).size() <= kMaxForwardedConstant;
  }

  /// A row operand that repeats one value along axis 0 is an invariant.
  void unrepeat(Slot& slot) const {
    const Function& outer = b_.so_far();
    if (outer.op(slot.operand) != Op::kBroadcast) return;
    const Dims& dims = outer.attr_as<AxesAttr>(slot.operand).axes;
    if (!dims.empty() && dims[0] == 0) return;
    slot.list = invariants_;
    slot.operand = outer.operand(slot.operand, 0);
    slot.inside = outer.type(slot.operand);
    slot.repeat = true;
    for (std::int64_t d : dims) slot.dims.push_back(d - 1);
  }

  void add(Slot slot) {
    for (Slot& other : slots_) {
      if (other.list == slot.list && other.operand == slot.operand && other.repeat == slot.repeat &&
          other.dims == slot.dims && kinds_[slot.list] != Kind::kCarry &&
          body_->type(other.nodes[0]) == body_->type(slot.nodes[0])) {
        other.nodes.push_back(slot.nodes[0]);
        return;
      }
    }
    slots_.push_back(std::move(slot));
  }

  /// Moves work that needs only invariants out of the body.
  void hoist() {
    std::vector<bool> fixed(body_->size(), false), works(body_->size(), false);
    Values images(body_->size());
    for (const Slot& slot : slots_) {
      if (slot.list != invariants_) continue;
      for (Value p : slot.nodes) {
        if (slot.repeat) continue;
        fixed[p.id] = true;
        images[p.id] = slot.operand;
      }
    }
    for (std::uint32_t id = 0; id < body_->size(); ++id) {
      const Value v{id};
      const Op op = body_->op(v);
      if (op == Op::kParameter) {
        if (constants_[id].valid() && body_->type(v) == b_.type(constants_[id])) {
          fixed[id] = true;
          images[id] = constants_[id];
        } else if (constants_[id].valid()) {
          if (const auto value = splat_value(b_.so_far(), constants_[id])) {
            fixed[id] = true;
            images[id] = b_.splat(*value, body_->type(v));
          }
        }
        continue;
      }
      bool all = op != Op::kIota && !may_not_end(*body_, v), some = false;
      for (Value x : body_->operands(v)) {
        all = all && fixed[x.id];
        some = some || works[x.id] || !is_literal(x);
      }
      fixed[id] = all;
      works[id] = all && some && op != Op::kBroadcast && op != Op::kConstant;
    }
    std::vector<bool> wanted(body_->size(), false);
    const auto want = [&](Value x) {
      if (!fixed[x.id] || is_projected(body_->op(x))) return;
      while (body_->op(x) == Op::kBroadcast) x = body_->operand(x, 0);  // repeat inside
      if (works[x.id]) wanted[x.id] = true;
    };
    for (std::uint32_t id = 0; id < body_->size(); ++id) {
      if (!needed_[id]) continue;
      const Value v{id};
      if (fixed[id] && body_->op(v) != Op::kBroadcast) continue;
      for (Value x : body_->operands(v)) want(x);
    }
    for (std::size_t k = 0; k < keep_.size(); ++k) {
      if (keep_[k]) want(body_->results()[k]);
    }
    for (std::uint32_t id = 0; id < body_->size(); ++id) {
      const Value v{id};
      if (!wanted[id]) continue;
      const Value outside = clone_onto(b_, *body_, images, std::span(&v, 1))[0];
      if (splat_value(b_.so_far(), outside)) {
        constants_[id] = outside;
      } else {
        slots_.push_back({invariants_, outside, body_->type(v), {v}, false, {}});
      }
    }
  }

  /// A constant of the body, or a parameter that has become one.
  bool is_literal(Value x) const {
    return body_->op(x) == Op::kConstant || constants_[x.id].valid();
  }

  void rebuild() {
    Builder nb(body_->name());
    Values images(body_->size());
    Values operands;
    for (std::size_t k = 0; k < offset_; ++k) {
      images[body_->params()[k].id] = nb.param(body_->param_type(k), body_->param_names()[k]);
    }
    std::vector<std::int64_t> counts(kinds_.size(), 0);
    std::vector<std::pair<const Slot*, Value>> passed;
    for (std::size_t list = 0; list < kinds_.size(); ++list) {
      for (const Slot& slot : slots_) {
        if (slot.list != list) continue;
        passed.emplace_back(&slot, nb.param(slot.inside));
        operands.push_back(slot.operand);
        ++counts[list];
      }
    }
    for (const auto& [slot, p] : passed) {
      for (Value node : slot->nodes) {
        images[node.id] = slot->repeat ? nb.broadcast(p, body_->type(node).shape, slot->dims) : p;
      }
    }
    for (std::uint32_t id = 0; id < body_->size(); ++id) {
      const Value x = constants_[id];
      if (!x.valid()) continue;
      if (const auto value = splat_value(b_.so_far(), x)) {
        images[id] = nb.splat(*value, body_->type(Value{id}));
      } else {
        images[id] = nb.constant(*b_.so_far().attr_as<LiteralAttr>(x).value);
      }
    }
    Values wanted;
    for (std::size_t k = 0; k < keep_.size(); ++k) {
      if (keep_[k]) wanted.push_back(body_->results()[k]);
    }
    const FunctionPtr body = shared(nb.finish(clone_onto(nb, *body_, images, wanted)));
    if (inverse_) std::get<LoopAttr>(attr_).inverse = rebuilt_inverse(passed);
    if (dynamic()) operands.insert(operands.end(), operands_.end() - 2, operands_.end());
    emit(counts, body, operands);
  }

  /// The inverse on the parameters that the body is left with.
  FunctionPtr rebuilt_inverse(const std::vector<std::pair<const Slot*, Value>>& passed) {
    Builder nb(inverse_->name());
    Values images(inverse_->size());
    const auto image = [&](Value p) -> Value& {
      const auto position = static_cast<std::size_t>(body_->attr_as<IndexAttr>(p).index);
      return images[inverse_->params()[position].id];
    };
    images[inverse_->params()[0].id] = nb.param(scalar(DType::kI64));
    for (const auto& [slot, unused] : passed) {
      const Value p = nb.param(slot->inside);
      for (Value node : slot->nodes) {
        if (body_->op(node) != Op::kParameter) continue;  // hoisted
        image(node) = slot->repeat ? nb.broadcast(p, body_->type(node).shape, slot->dims) : p;
      }
    }
    for (Value p : body_->params()) {
      const Value x = constants_[p.id];
      if (!x.valid()) continue;
      const auto value = splat_value(b_.so_far(), x);
      image(p) = value ? nb.splat(*value, body_->type(p))
                       : nb.constant(*b_.so_far().attr_as<LiteralAttr>(x).value);
    }
    Values wanted;
    for (std::size_t k = 0; k < carries(); ++k) {
      if (keep_[k]) wanted.push_back(inverse_->results()[k]);
    }
    return nb.finish(clone_onto(nb, *inverse_, images, wanted));
  }

  FunctionPtr shared(FunctionPtr body) {
    for (const FunctionPtr& other : bodies_) {
      if (structurally_equal(*other, *body)) return other;
    }
    bodies_.push_back(body);
    return body;
  }

  void emit(const std::vector<std::int64_t>& counts, const FunctionPtr& body,
            const Values& operands) {
    std::vector<Role> roles;
    for (std::size_t k = 0; k < roles_.size(); ++k) {
      if (keep_[k]) roles.push_back(roles_[k]);
    }
    Values made;
    if (auto* a = std::get_if<MapAttr>(&attr_)) {
      a->rows = counts[0];
      a->roles = roles;
      a->body = body;
      made = b_.map(*a, operands);
    } else if (auto* p = std::get_if<PairAttr>(&attr_)) {
      p->rows_i = counts[0];
      p->rows_j = counts[1];
      p->roles = roles;
      p->body = body;
      made = b_.pair_sum(*p, operands);
    } else {
      auto& l = std::get<LoopAttr>(attr_);
      std::vector<std::int64_t> every;
      for (std::size_t k = 0; k < l.every.size(); ++k) {
        if (keep_[carries() + k]) every.push_back(l.every[k]);
      }
      l.invariants = counts[0];
      l.carries = counts[1];
      l.inputs = counts[2];
      l.every = every;
      l.body = body;
      made = b_.loop(l, operands);
    }
    std::size_t next = 0;
    for (std::size_t k = 0; k < keep_.size(); ++k) {
      if (keep_[k]) out_[k] = made[next++];
    }
    for (std::size_t k = 0; k < same_as_.size(); ++k) {
      if (same_as_[k] < same_as_.size()) out_[k] = out_[same_as_[k]];
    }
  }

  Builder& b_;
  std::vector<FunctionPtr>& bodies_;
  Op op_;
  Attr attr_;
  std::vector<Type> result_types_;
  std::span<const Value> operands_;
  const Flags& used_;
  FunctionPtr body_, inverse_;  ///< of a loop, or null
  Values out_;
  std::vector<Kind> kinds_;
  std::vector<std::int64_t> counts_;
  std::vector<std::size_t> list_of_;  // of each operand (not of a loop's first and count)
  std::vector<Role> roles_;
  std::int64_t count_ = 0;
  std::size_t invariants_ = 0;  // which list holds them
  std::size_t offset_ = 1;      // index parameters of the body
  Flags keep_, fixed_;
  std::vector<std::size_t> same_as_;
  std::vector<bool> needed_;
  std::vector<Slot> slots_;
  Values constants_;  // by body node: the constant outside that it equals
};

}  // namespace

Values simplify_second_order(Builder& b, const Function& f, Value v,
                             std::span<const Value> operands, const Flags& used,
                             std::vector<FunctionPtr>& bodies) {
  if (f.is_kept(v)) {
    // Checks inside: nothing is left out or moved.
    const Value made = b.make(f.op(v), operands, change_bodies(f.attr(v), simplify_once));
    Values out;
    for (std::size_t k = 0; k < used.size(); ++k) {
      out.push_back(b.project(made, static_cast<std::int64_t>(k)));
    }
    return out;
  }
  switch (f.op(v)) {
    case Op::kWhile:
    case Op::kCond:
    case Op::kCall: return simplify_control(b, f, v, operands, used, bodies);
    default: return Surgery(b, f, v, operands, used, bodies).run();
  }
}

}  // namespace cotangent::transform
