// linearise: the forward program split in two. The primal half computes everything that does not
// depend on tangents and hands over, as residuals, what the linear half reads: values at the top
// level, operands of map and pair_sum (whose bodies recompute the rest), and the carries of a loop
// at the start of each step.
#include <algorithm>
#include <unordered_map>

#include "cotangent/transform/derivatives.h"
#include "cotangent/transform/passes.h"
#include "cotangent/transform/pull.h"

namespace cotangent::transform {

using namespace ir;

namespace {

class Splitter {
 public:
  Splitter(const Function& forward, std::size_t inputs, std::size_t outputs)
      : f_(forward),
        inputs_(inputs),
        outputs_(outputs),
        primal_(forward.name() + "_primal"),
        linear_(forward.name() + "_linear"),
        on_(forward.size(), false),
        copies_(forward.size()),
        images_(forward.size()) {}

  Linearised run() {
    for (std::size_t k = 0; k < f_.params().size(); ++k) {
      const Value p = f_.params()[k];
      on_[p.id] = k >= inputs_;
      if (k < inputs_) copies_[p.id] = primal_.param(f_.param_type(k), f_.param_names()[k]);
    }
    for (std::uint32_t id = 0; id < f_.size(); ++id) copy_primal(Value{id});
    collect_residuals();
    for (std::size_t k = inputs_; k < f_.params().size(); ++k) {
      images_[f_.params()[k].id] = linear_.param(f_.param_type(k), f_.param_names()[k]);
    }
    for (std::uint32_t id = 0; id < f_.size(); ++id) copy_linear(Value{id});

    Values primal, linear;
    for (std::size_t k = 0; k < outputs_; ++k) primal.push_back(copies_[f_.results()[k].id]);
    primal.insert(primal.end(), residuals_.begin(), residuals_.end());
    for (std::size_t k = outputs_; k < f_.results().size(); ++k)
      linear.push_back(image(f_.results()[k]));
    return {primal_.finish(primal), linear_.finish(linear)};
  }

 private:
  void copy_primal(Value v) {
    const Op op = f_.op(v);
    if (op == Op::kParameter) return;
    if (op == Op::kProject) {
      const Value node = f_.operand(v, 0);
      const auto k = static_cast<std::size_t>(f_.attr_as<IndexAttr>(v).index);
      on_[v.id] = on_results_[node.id][k];
      if (!on_[v.id]) copies_[v.id] = copied_results_[node.id][k];
      return;
    }
    Values x;
    Flags flags;
    bool any = false;
    for (Value u : f_.operands(v)) {
      x.push_back(on_[u.id] ? Value{} : copies_[u.id]);
      flags.push_back(on_[u.id]);
      any = any || on_[u.id];
    }
    on_[v.id] = any;
    if (!is_projected(op)) {
      if (!any) copies_[v.id] = primal_.copy(f_, v, x);
      return;
    }
    Flags results(f_.result_types(v).size(), false);
    if (any) results = flow_through(f_, v, flags, Through::kDependence);
    Flags rest = results;
    rest.flip();
    Values* carries = any && op == Op::kLoop ? &kept_[v.id] : nullptr;
    copied_results_[v.id] = copy_part(primal_, f_, v, x, rest, carries);
    on_results_[v.id] = std::move(results);
  }

  /// Everything the linear half reads becomes a parameter of it, in order of first use.
  void collect_residuals() {
    for (std::uint32_t id = 0; id < f_.size(); ++id) {
      const Value v{id};
      if (!on_[id] || f_.op(v) == Op::kParameter || f_.op(v) == Op::kProject) continue;
      for (Value u : f_.operands(v)) {
        if (!on_[u.id]) want(u);
      }
      if (const auto kept = kept_.find(id); kept != kept_.end()) {
        for (Value c : kept->second) {
          if (c.valid()) kept_params_.emplace(c.id, residual(c));
        }
      }
    }
    for (std::size_t k = outputs_; k < f_.results().size(); ++k) {
      if (!on_[f_.results()[k].id]) want(f_.results()[k]);
    }
  }

  void want(Value u) {
    if (images_[u.id].valid() || splat_value(f_, u)) return;
    images_[u.id] = residual(copies_[u.id]);
  }

  Value residual(Value in_primal) {
    residuals_.push_back(in_primal);
    return linear_.param(primal_.type(in_primal), "r" + std::to_string(residuals_.size() - 1));
  }

  /// The value in the linear half; constants are made there.
  Value image(Value u) {
    if (images_[u.id].valid()) return images_[u.id];
    const auto value = splat_value(f_, u);
    ensure(value.has_value(), "linearise: a value is missing");
    return images_[u.id] = linear_.splat(*value, f_.type(u));
  }

  void copy_linear(Value v) {
    const Op op = f_.op(v);
    if (!on_[v.id] || op == Op::kParameter) return;
    if (op == Op::kProject) {
      const auto k = static_cast<std::size_t>(f_.attr_as<IndexAttr>(v).index);
      images_[v.id] = linear_results_[f_.operand(v, 0).id][k];
      return;
    }
    if (is_projected(op)) {
      const Flags& on = on_results_[v.id];
      if (std::find(on.begin(), on.end(), true) == on.end()) return;
    }
    Values x;
    for (Value u : f_.operands(v)) x.push_back(image(u));
    if (op == Op::kLoop) return linear_loop(v, x);
    if (!is_projected(op)) {
      images_[v.id] = linear_.copy(f_, v, x);
      return;
    }
    if (!is_second_order(op)) return place_results(v, linear_.copy(f_, v, x), on_results_[v.id]);
    if (op == Op::kCond || op == Op::kWhile) {
      // Whole, all that it needs recomputed inside; simplify drops what is not read.
      const Value made = linear_.copy(f_, v, x);
      const Flags& flags = on_results_[v.id];
      Values& out = linear_results_[v.id];
      out.resize(flags.size());
      for (std::size_t k = 0; k < flags.size(); ++k) {
        if (flags[k]) out[k] = linear_.project(made, static_cast<std::int64_t>(k));
      }
      return;
    }
    // map and pair_sum: the linear results, what they need recomputed inside.
    const Flags& on = on_results_[v.id];
    Attr attr = f_.attr(v);
    const FunctionPtr body = body_of(attr);
    attr = with_body(attr, restrict_to(*body, Flags(body->params().size(), true), on));
    auto& roles = op == Op::kMap ? std::get<MapAttr>(attr).roles : std::get<PairAttr>(attr).roles;
    std::vector<Role> kept;
    for (std::size_t k = 0; k < on.size(); ++k) {
      if (on[k]) kept.push_back(roles[k]);
    }
    roles = kept;
    place_results(v, linear_.make(op, x, attr), on);
  }

  void place_results(Value v, Value made, const Flags& on) {
    Values& out = linear_results_[v.id];
    out.resize(on.size());
    std::int64_t next = 0;
    for (std::size_t k = 0; k < on.size(); ++k) {
      if (on[k]) out[k] = linear_.project(made, next++);
    }
  }

  /// The loop over the linear carries; the others come in as per-step inputs.
  void linear_loop(Value v, const Values& x) {
    const auto& a = f_.attr_as<LoopAttr>(v);
    const Flags& on = on_results_[v.id];
    const Values& kept = kept_[v.id];
    const auto invariants = static_cast<std::size_t>(a.invariants);
    const auto carries = static_cast<std::size_t>(a.carries);
    const auto n = invariants + carries + static_cast<std::size_t>(a.inputs);
    LoopAttr attr;
    attr.trip = a.trip;
    attr.dynamic = a.dynamic;
    attr.invariants = a.invariants;
    Builder body(a.body->name());
    Values params(n + 1), operands;
    const auto pass = [&](std::size_t k, Value operand) {
      params[k] = body.param(a.body->param_type(k));
      if (operand.valid()) operands.push_back(operand);
    };
    pass(0, {});
    for (std::size_t k = 0; k < invariants; ++k) pass(k + 1, x[k]);
    for (std::size_t k = 0; k < carries; ++k) {
      if (!on[k]) continue;
      pass(invariants + k + 1, x[invariants + k]);
      ++attr.carries;
    }
    for (std::size_t k = 0; k < carries; ++k) {
      if (on[k]) continue;
      pass(invariants + k + 1, kept_params_.at(kept[k].id));
      ++attr.inputs;
    }
    for (std::size_t k = invariants + carries; k < n; ++k) {
      pass(k + 1, x[k]);
      ++attr.inputs;
    }
    Values wanted;
    for (std::size_t k = 0; k < on.size(); ++k) {
      if (!on[k]) continue;
      wanted.push_back(a.body->results()[k]);
      if (k >= carries) attr.every.push_back(a.every[k - carries]);
    }
    attr.body = body.finish(clone(body, *a.body, params, wanted));
    if (a.dynamic) operands.insert(operands.end(), x.end() - 2, x.end());
    place_results(v, linear_.make(Op::kLoop, operands, attr), on);
  }

  const Function& f_;
  std::size_t inputs_, outputs_;
  Builder primal_, linear_;
  Flags on_;                // depends on tangents
  Values copies_, images_;  // by node, in the primal and in the linear half
  Values residuals_;        // in the primal half
  std::unordered_map<std::uint32_t, Flags> on_results_;
  std::unordered_map<std::uint32_t, Values> copied_results_, linear_results_, kept_;
  std::unordered_map<std::uint32_t, Value> kept_params_;  // by the carry's value in the primal half
};

}  // namespace

Linearised linearise(const Function& f, const Positions& wrt) {
  const FunctionPtr forward = jvp(f, wrt);
  return Splitter(*forward, f.params().size(), f.results().size()).run();
}

}  // namespace cotangent::transform
