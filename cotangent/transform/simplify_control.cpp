// The part of `simplify` that works on while, cond and call. Nothing is moved out of their bodies:
// what a body would not have run is not run.
#include <algorithm>

#include "cotangent/transform/control.h"
#include "cotangent/transform/simplify_bodies.h"

namespace cotangent::transform {

using namespace ir;

namespace {

/// Body nodes that the wanted values need.
Flags needed_by(const Function& f, std::span<const Value> wanted) {
  Flags needed(f.size(), false);
  for (Value v : wanted) needed[v.id] = true;
  for (std::size_t id = f.size(); id-- > 0;) {
    if (!needed[id]) continue;
    for (Value x : f.operands(Value{static_cast<std::uint32_t>(id)})) needed[x.id] = true;
  }
  return needed;
}

FunctionPtr shared(std::vector<FunctionPtr>& bodies, FunctionPtr body) {
  for (const FunctionPtr& other : bodies) {
    if (structurally_equal(*other, *body)) return other;
  }
  bodies.push_back(body);
  return body;
}

/// Operands of an op with two bodies, as they are after constants have moved inside and equal ones
/// are merged. Parameter p of both bodies stands for operand p.
class Operands {
 public:
  /// `keep`: a carry, which is passed whatever it is.
  void add(const Builder& b, std::size_t param, Value operand, bool keep) {
    if (!keep) {
      if (const auto value = splat_value(b.so_far(), operand)) {
        constants_.push_back({param, *value});
        return;
      }
      for (Slot& slot : slots_) {
        if (!slot.keep && slot.operand == operand) return slot.params.push_back(param);
      }
    }
    slots_.push_back({operand, {param}, keep});
  }
  Values values() const {
    Values out;
    for (const Slot& slot : slots_) out.push_back(slot.operand);
    return out;
  }
  std::int64_t count(bool keep) const {
    return std::count_if(slots_.begin(), slots_.end(),
                         [&](const Slot& s) { return s.keep == keep; });
  }

  /// `body` with these operands and with the results `wanted`; its first `indices` parameters stay.
  FunctionPtr rebuild(const Function& body, std::size_t indices,
                      std::span<const Value> wanted) const {
    Builder b(body.name());
    Values images(body.size());
    for (std::size_t k = 0; k < indices; ++k) {
      images[body.params()[k].id] = b.param(body.param_type(k), body.param_names()[k]);
    }
    for (const Slot& slot : slots_) {
      const Value p = b.param(body.param_type(slot.params[0]), body.param_names()[slot.params[0]]);
      for (std::size_t k : slot.params) images[body.params()[k].id] = p;
    }
    for (const auto& [param, value] : constants_) {
      images[body.params()[param].id] = b.splat(value, body.param_type(param));
    }
    return b.finish(clone_onto(b, body, images, wanted));
  }

 private:
  struct Slot {
    Value operand;
    std::vector<std::size_t> params;
    bool keep;
  };
  std::vector<Slot> slots_;
  std::vector<std::pair<std::size_t, double>> constants_;
};

class CondSurgery {
 public:
  CondSurgery(Builder& b, const CondAttr& a, std::span<const Value> operands, const Flags& used)
      : b_(b),
        operands_(operands),
        used_(used),
        yes_(simplify_once(*a.on_true)),
        no_(simplify_once(*a.on_false)),
        out_(used.size()) {}

  Values run(std::vector<FunctionPtr>& bodies) {
    const auto known = splat_value(b_.so_far(), operands_[0]);
    if (known || structurally_equal(*yes_, *no_)) {
      const Function& taken = !known || *known != 0 ? *yes_ : *no_;
      return b_.inline_call(taken, operands_.subspan(1));
    }
    std::vector<std::size_t> kept, same_as(used_.size(), SIZE_MAX);
    for (std::size_t k = 0; k < used_.size(); ++k) {
      if (!used_[k]) continue;
      out_[k] = without_branching(k);
      if (out_[k].valid()) continue;
      const auto same = std::find_if(kept.begin(), kept.end(), [&](std::size_t j) {
        return yes_->results()[j] == yes_->results()[k] && no_->results()[j] == no_->results()[k];
      });
      if (same == kept.end())
        kept.push_back(k);
      else
        same_as[k] = *same;
    }
    if (kept.empty()) return out_;
    Values wanted_yes, wanted_no;
    for (std::size_t k : kept) {
      wanted_yes.push_back(yes_->results()[k]);
      wanted_no.push_back(no_->results()[k]);
    }
    const Flags in_yes = needed_by(*yes_, wanted_yes), in_no = needed_by(*no_, wanted_no);
    Operands operands;
    for (std::size_t k = 0; k + 1 < operands_.size(); ++k) {
      if (in_yes[yes_->params()[k].id] || in_no[no_->params()[k].id]) {
        operands.add(b_, k, operands_[k + 1], false);
      }
    }
    Values all{operands_[0]};
    const Values passed = operands.values();
    all.insert(all.end(), passed.begin(), passed.end());
    const Values made = b_.cond({shared(bodies, operands.rebuild(*yes_, 0, wanted_yes)),
                                 shared(bodies, operands.rebuild(*no_, 0, wanted_no))},
                                all);
    for (std::size_t k = 0; k < kept.size(); ++k) out_[kept[k]] = made[k];
    for (std::size_t k = 0; k < same_as.size(); ++k) {
      if (same_as[k] != SIZE_MAX) out_[k] = out_[same_as[k]];
    }
    return out_;
  }

 private:
  /// A result of which both branches only pass on what they are given: a select, or less.
  Value without_branching(std::size_t k) {
    const Value x = given(*yes_, yes_->results()[k]), y = given(*no_, no_->results()[k]);
    if (!x.valid() || !y.valid()) return {};
    return b_.select(b_.broadcast_to(operands_[0], b_.type(x).shape), x, y);
  }

  /// The operand or constant that a result of a branch is, or an invalid value.
  Value given(const Function& branch, Value r) {
    if (branch.op(r) == Op::kParameter) {
      return operands_[static_cast<std::size_t>(branch.attr_as<IndexAttr>(r).index) + 1];
    }
    const auto value = splat_value(branch, r);
    return value ? b_.splat(*value, branch.type(r)) : Value{};
  }

  Builder& b_;
  std::span<const Value> operands_;
  const Flags& used_;
  FunctionPtr yes_, no_;
  Values out_;
};

class WhileSurgery {
 public:
  WhileSurgery(Builder& b, const WhileAttr& a, std::span<const Value> operands, const Flags& used)
      : b_(b),
        attr_(a),
        operands_(operands),
        used_(used),
        condition_(simplify_once(*a.condition)),
        body_(simplify_once(*a.body)),
        carries_(static_cast<std::size_t>(a.carries)),
        first_(static_cast<std::size_t>(a.invariants)),
        out_(used.size()) {}

  Values run(std::vector<FunctionPtr>& bodies) {
    if (condition_->is_splat(condition_->results()[0], 0)) {
      for (std::size_t k = 0; k < carries_; ++k) out_[k] = operands_[first_ + k];
      out_[carries_] = b_.constant_i64(0);
      return out_;
    }
    if (std::none_of(used_.begin(), used_.end(), [](bool u) { return u; })) return out_;
    plan_carries();
    Values wanted;
    for (std::size_t k = 0; k < carries_; ++k) {
      if (keep_[k]) wanted.push_back(body_->results()[k]);
    }
    const Flags in_condition = needed_by(*condition_, condition_->results());
    const Flags in_body = needed_by(*body_, wanted);
    Operands operands;
    for (std::size_t k = 0; k < operands_.size(); ++k) {
      const bool carry = k >= first_ && !fixed_[k - first_];
      if (carry ||
          !(in_condition[condition_->params()[k + 1].id] || in_body[body_->params()[k + 1].id])) {
        continue;
      }
      operands.add(b_, k + 1, operands_[k], false);
    }
    for (std::size_t k = 0; k < carries_; ++k) {
      if (keep_[k]) operands.add(b_, first_ + k + 1, operands_[first_ + k], true);
    }
    attr_.invariants = operands.count(false);
    attr_.carries = operands.count(true);
    attr_.condition = shared(bodies, operands.rebuild(*condition_, 1, condition_->results()));
    attr_.body = shared(bodies, operands.rebuild(*body_, 1, wanted));
    const Values made = b_.while_loop(attr_, operands.values());
    std::size_t next = 0;
    for (std::size_t k = 0; k < carries_; ++k) {
      if (keep_[k]) out_[k] = made[next++];
    }
    out_[carries_] = made[next];
    return out_;
  }

 private:
  /// Which carries matter, and which never change (they become invariants).
  void plan_carries() {
    keep_.assign(used_.begin(), used_.end() - 1);
    fixed_.assign(carries_, false);
    for (std::size_t k = 0; k < carries_; ++k) {
      fixed_[k] = body_->results()[k] == body_->params()[first_ + k + 1];
      if (!fixed_[k]) continue;
      out_[k] = operands_[first_ + k];
      keep_[k] = false;
    }
    const Flags in_condition = needed_by(*condition_, condition_->results());
    for (bool grown = true; grown;) {
      grown = false;
      Values wanted;
      for (std::size_t k = 0; k < carries_; ++k) {
        if (keep_[k]) wanted.push_back(body_->results()[k]);
      }
      const Flags needed = needed_by(*body_, wanted);
      for (std::size_t k = 0; k < carries_; ++k) {
        const std::size_t p = first_ + k + 1;
        const bool read = needed[body_->params()[p].id] || in_condition[condition_->params()[p].id];
        if (!fixed_[k] && !keep_[k] && read) keep_[k] = grown = true;
      }
    }
  }

  Builder& b_;
  WhileAttr attr_;
  std::span<const Value> operands_;
  const Flags& used_;
  FunctionPtr condition_, body_;
  std::size_t carries_, first_;
  Values out_;
  Flags keep_, fixed_;
};

}  // namespace

Values simplify_control(Builder& b, const Function& f, Value v, std::span<const Value> operands,
                        const Flags& used, std::vector<FunctionPtr>& bodies) {
  if (const auto* a = std::get_if<CondAttr>(&f.attr(v))) {
    return CondSurgery(b, *a, operands, used).run(bodies);
  }
  if (const auto* a = std::get_if<WhileAttr>(&f.attr(v))) {
    return WhileSurgery(b, *a, operands, used).run(bodies);
  }
  const auto& a = f.attr_as<CallAttr>(v);
  if (!a.jvp && !a.vjp) return b.inline_call(*a.body, operands);
  if (std::none_of(used.begin(), used.end(), [](bool u) { return u; })) return Values(used.size());
  return b.call(a, operands);
}

}  // namespace cotangent::transform
