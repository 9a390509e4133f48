// while and cond, in lane mode (values in registers) and in block mode (large ones in buffers).
#include "cotangent/kernel/schedule.h"

namespace cotangent::kernel {

using ir::Op;

// --- lane mode

std::vector<Lowering::Elements> Lowering::lane_while(Frame& fr, Value node) {
  const ir::WhileAttr a = fr.f->attr_as<ir::WhileAttr>(node);
  const auto operands = fr.f->operands(node);
  const auto invariants = static_cast<std::size_t>(a.invariants);
  const auto carries = static_cast<std::size_t>(a.carries);
  const auto bind = [&](const ir::FunctionPtr& f, const Elements& values) -> Frame& {
    // values: the iteration, then the elements of the carries
    Frame& inner = new_frame(f, true);
    bind_registers(inner, 0, {values[0]});
    for (std::size_t k = 0; k < invariants; ++k) bind_outer(inner, k + 1, fr, operands[k], {});
    auto at = values.begin() + 1;
    for (std::size_t c = 0; c < carries; ++c) {
      const auto n = static_cast<std::ptrdiff_t>(fr.f->type(operands[invariants + c]).size());
      bind_registers(inner, invariants + c + 1, {at, at + n});
      at += n;
    }
    return inner;
  };
  const auto goes_on = [&](const Elements& values) {
    Id holds = body_results(bind(a.condition, values), {0})[0];
    if (a.limit > 0) holds = b.both(holds, b.op(Op::kLt, {values[0], b.i64(a.limit)}));
    return holds;
  };
  Elements inits{b.i64(0)};
  for (std::size_t c = 0; c < carries; ++c) {
    const Elements init = all_elements(fr, operands[invariants + c]);
    inits.insert(inits.end(), init.begin(), init.end());
  }
  make_before(fr, operands.first(invariants));
  const Id first = goes_on(inits);
  const Elements args = b.open_while(first, inits);
  Frame& body = bind(a.body, args);
  force(body);
  Elements next{b.add(args[0], b.i64(1))};
  for (std::size_t c = 0; c < carries; ++c) {
    const Elements values = all_elements(body, a.body->results()[c]);
    next.insert(next.end(), values.begin(), values.end());
  }
  const Id again = goes_on(next);
  const Elements all = b.close_while(again, next);
  std::vector<Elements> results;
  auto at = all.begin() + 1;
  for (std::size_t c = 0; c < carries; ++c) {
    const auto n = static_cast<std::ptrdiff_t>(fr.f->type(operands[invariants + c]).size());
    results.emplace_back(at, at + n);
    at += n;
  }
  results.push_back({all[0]});
  return results;
}

std::vector<Lowering::Elements> Lowering::lane_cond(Frame& fr, Value node) {
  const ir::CondAttr a = fr.f->attr_as<ir::CondAttr>(node);
  const auto operands = fr.f->operands(node);
  // Values made in one branch cannot be seen in the other: what both may want is made before.
  constexpr std::int64_t kMadeBefore = 64;
  for (Value u : operands) {
    if (fr.f->type(u).size() <= kMadeBefore) all_elements(fr, u);
  }
  const auto branch = [&](const ir::FunctionPtr& f) {
    Frame& inner = new_frame(f, true);
    for (std::size_t k = 1; k < operands.size(); ++k) {
      bind_outer(inner, k - 1, fr, operands[k], {});
    }
    std::vector<std::size_t> which;
    for (std::size_t r = 0; r < f->results().size(); ++r) which.push_back(r);
    return body_results(inner, which);
  };
  b.open_if(element(fr, operands[0], {}));
  b.open_else(branch(a.on_true));
  const Elements all = b.close_if(branch(a.on_false));
  std::vector<Elements> results;
  auto at = all.begin();
  for (const ir::Type& t : fr.f->result_types(node)) {
    const auto n = static_cast<std::ptrdiff_t>(t.size());
    results.emplace_back(at, at + n);
    at += n;
  }
  return results;
}

// --- block mode

void Scheduler::emit_while(Node& n) {
  const ir::WhileAttr a = f_.attr_as<ir::WhileAttr>(n.value);
  const ir::FunctionPtr body = split_totals(a.body), condition = split_totals(a.condition);
  const std::vector<Value> operands(f_.operands(n.value).begin(), f_.operands(n.value).end());
  const auto invariants = static_cast<std::size_t>(a.invariants);
  const auto carries = static_cast<std::size_t>(a.carries);
  const auto small = [&](std::size_t c) {
    return in_registers(type(operands[invariants + c]).shape);
  };
  // Carries: small ones in registers, the others in a buffer that every iteration updates.
  std::vector<Ref> carry(carries);
  std::vector<Id> inits{b_.i64(0)};
  for (std::size_t c = 0; c < carries; ++c) {
    const Value init = operands[invariants + c];
    if (small(c)) {
      const std::vector<Id> values = l_.all_elements(fr_, init);
      inits.insert(inits.end(), values.begin(), values.end());
    } else {
      carry[c] = l_.new_buffer(type(init), "carry");
      l_.copy_into(fr_, init, carry[c]);
    }
  }
  // A body (or the condition) on the iteration and the small carries in `values`, and on what the
  // buffers hold now.
  const auto bind = [&](const ir::FunctionPtr& f, const std::vector<Id>& values) -> Frame& {
    Frame& inner = l_.new_frame(f, false);
    l_.bind_registers(inner, 0, {values[0]});
    for (std::size_t k = 0; k < invariants; ++k) l_.bind_outer(inner, k + 1, fr_, operands[k], {});
    auto at = values.begin() + 1;
    for (std::size_t c = 0; c < carries; ++c) {
      if (small(c)) {
        const auto size = static_cast<std::ptrdiff_t>(type(operands[invariants + c]).size());
        l_.bind_registers(inner, invariants + c + 1, {at, at + size});
        at += size;
      } else {
        l_.touch(carry[c]);
        inner.refs[f->params()[invariants + c + 1].id] = carry[c];
      }
    }
    return inner;
  };
  const auto goes_on = [&](const std::vector<Id>& values) {
    Frame& inner = bind(condition, values);
    Want want;
    want.value = condition->results()[0];
    l_.schedule(inner, {want});
    Id holds = l_.all_elements(inner, want.value)[0];
    if (a.limit > 0) holds = b_.both(holds, b_.op(Op::kLt, {values[0], b_.i64(a.limit)}));
    return holds;
  };
  const Id first = goes_on(inits);
  const std::vector<Id> args = b_.open_while(first, inits);
  Frame& inner = bind(body, args);
  std::vector<Want> wants;
  for (std::size_t c = 0; c < carries; ++c) {
    const Value param = body->params()[invariants + c + 1];
    Want w;
    w.value = body->results()[c];
    if (!small(c)) {
      if (w.value == param) continue;
      w.has_dest = true;
      w.dest = carry[c];
      w.carry = static_cast<int>(c);
      w.carry_param = param;
    }
    wants.push_back(std::move(w));
  }
  l_.schedule(inner, std::move(wants));
  std::vector<Id> next{b_.add(args[0], b_.i64(1))};
  for (std::size_t c = 0; c < carries; ++c) {
    if (!small(c)) continue;
    const std::vector<Id> values = l_.all_elements(inner, body->results()[c]);
    next.insert(next.end(), values.begin(), values.end());
  }
  const Id again = goes_on(next);
  const std::vector<Id> finals = b_.close_while(again, next);

  auto at = finals.begin() + 1;
  const auto in_place = [&](Out* out, std::vector<Id> values) {
    if (!out) return;
    Ref& ref = fr_.refs[out->value.id];
    ref.kind = Ref::Kind::kRegisters;
    ref.registers = std::move(values);
  };
  for (std::size_t c = 0; c < carries; ++c) {
    Out* out = out_of(n, c);
    if (small(c)) {
      const auto size = static_cast<std::ptrdiff_t>(type(operands[invariants + c]).size());
      in_place(out, {at, at + size});
      at += size;
    } else {
      l_.touch(carry[c]);
      if (out) fr_.refs[out->value.id] = out->ref = carry[c];
    }
  }
  in_place(out_of(n, carries), {finals[0]});
}

void Scheduler::emit_cond(Node& n) {
  const ir::CondAttr a = f_.attr_as<ir::CondAttr>(n.value);
  const std::vector<Value> operands(f_.operands(n.value).begin(), f_.operands(n.value).end());
  const auto small = [&](const Out& out) { return in_registers(type(out.value).shape); };
  for (Out& out : n.outs) {
    out.memory = !small(out);
    if (out.memory) out.ref = l_.new_buffer(type(out.value), "");
  }
  const auto branch = [&](const ir::FunctionPtr& given) {
    const ir::FunctionPtr f = split_totals(given);
    Frame& inner = l_.new_frame(f, false);
    for (std::size_t k = 1; k < operands.size(); ++k) {
      l_.bind_outer(inner, k - 1, fr_, operands[k], {});
    }
    std::vector<Want> wants;
    std::vector<Value> in_register;
    for (const Out& out : n.outs) {
      Want w;
      w.value = f->results()[static_cast<std::size_t>(f_.attr_as<ir::IndexAttr>(out.value).index)];
      if (out.memory) {
        w.has_dest = true;
        w.dest = out.ref;
      } else {
        in_register.push_back(w.value);
      }
      wants.push_back(std::move(w));
    }
    l_.schedule(inner, std::move(wants));
    std::vector<Id> yields;
    for (Value v : in_register) {
      const std::vector<Id> values = l_.all_elements(inner, v);
      yields.insert(yields.end(), values.begin(), values.end());
    }
    return yields;
  };
  const Id predicate = l_.element(fr_, operands[0], {});
  b_.open_if(predicate);
  b_.open_else(branch(a.on_true));
  const std::vector<Id> all = b_.close_if(branch(a.on_false));
  auto at = all.begin();
  for (Out& out : n.outs) {
    if (out.memory) {
      finish(out);
      continue;
    }
    const auto size = static_cast<std::ptrdiff_t>(type(out.value).size());
    Ref& ref = fr_.refs[out.value.id];
    ref.kind = Ref::Kind::kRegisters;
    ref.registers.assign(at, at + size);
    at += size;
  }
}

}  // namespace cotangent::kernel
