#include "cotangent/mechanics/step_builder.h"

#include "cotangent/mechanics/lattice.h"

namespace cotangent::mechanics {

using ir::Builder;
using ir::Type;
using ir::Value;
using transform::Compensated;

Value BodyInputs::whole(Value value, const std::string& name) {
  operands_.push_back(value);
  return body_.param(outer_.type(value), name);
}

Compensated BodyInputs::whole(Compensated x, const std::string& name) {
  const Value value = whole(x.value, name);
  return {value, x.error.valid() ? whole(x.error, name + "_low") : Value{}};
}

Value BodyInputs::entry(Value array, const std::string& name) {
  operands_.push_back(array);
  return body_.param(outer_.type(array).with_shape({}), name);
}

Compensated BodyInputs::entry(Compensated array, const std::string& name) {
  const Value value = entry(array.value, name);
  return {value, array.error.valid() ? entry(array.error, name + "_low") : Value{}};
}

Value BodyInputs::row(Value array, const std::string& name) {
  operands_.push_back(array);
  const Type type = outer_.type(array);
  return body_.param(type.with_shape(type.shape.row()), name);
}

std::vector<Value> parameter_values(Builder& b, const Pieces& pieces) {
  std::vector<Value> values;
  for (std::size_t k = 0; k < pieces.parameters.size(); ++k) {
    values.push_back(b.param(pieces.parameters[k], pieces.parameter_names[k]));
  }
  return values;
}

StepBuilder::StepBuilder(const Pieces& pieces, const Splitting& splitting)
    : pieces_(pieces),
      parts_(carried_parts(pieces.arithmetic)),
      stages_(splitting.stages()),
      coefficients_(coefficients_of(splitting)) {}

StepContext StepBuilder::context(Builder& b, Value t0, Value dt,
                                 std::vector<Value> parameters) const {
  StepContext c;
  c.t0 = t0;
  c.dt = dt;
  c.parameters = std::move(parameters);
  const Value minus_dt = b.neg(dt);
  const Value first = b.mul(b.constant(coefficients_.first_kick, pieces_.real), minus_dt);
  c.first_kick = coefficient(b, first, Part::kP);
  c.drift = coefficient(b, b.scale(dt, array(b, halved_drift())), Part::kQ);
  c.kick = coefficient(b, b.scale(minus_dt, array(b, coefficients_.kick)), Part::kP);
  c.time_before = array(b, coefficients_.time_before);
  c.time_after = array(b, coefficients_.time_after);
  return c;
}

Compensated StepBuilder::gradient(Builder& b, const StepContext& c, const SymbolicCarry& s,
                                  Value t) const {
  return call(b, *pieces_.gradient, c, s, t);
}

Value StepBuilder::time(Builder& b, const StepContext& c, Value step, Value offset) const {
  return b.fma(b.add(in_real(b, step), in_real(b, offset)), c.dt, c.t0);
}

SymbolicCarry StepBuilder::step(Builder& b, const StepContext& c, SymbolicCarry s, Value index,
                                StageRecord* record) const {
  s.p = update(b, Part::kP, s.p, c.first_kick, s.gradient);
  if (stages_ == 1) {
    const auto first = [&](Value array) { return array.valid() ? b.row(array, 0) : array; };
    const auto entry = [&](Compensated x) { return Compensated{first(x.value), first(x.error)}; };
    return stage(b, c, s, index, entry(c.drift), entry(c.kick), first(c.time_before),
                 first(c.time_after), record);
  }
  // One loop over the stages, so the program's size does not depend on the order.
  const bool timed = moves();
  Builder body("stage");
  body.param(ir::scalar(DType::kI64), "stage");
  StepContext inner;
  BodyInputs in(b, body);
  for (std::size_t k = 0; k < c.parameters.size(); ++k) {
    inner.parameters.push_back(in.whole(c.parameters[k], pieces_.parameter_names[k]));
  }
  Value inner_step;
  if (timed) {
    inner.t0 = in.whole(c.t0, "t0");
    inner.dt = in.whole(c.dt, "dt");
    inner_step = in.whole(index, "step");
  }
  ir::LoopAttr loop;
  loop.trip = stages_;
  loop.invariants = in.count();
  SymbolicCarry held = hand_in(in, s);
  loop.carries = in.count() - loop.invariants;
  const Compensated drift = in.entry(c.drift, "drift"), kick = in.entry(c.kick, "kick");
  Value before, after;
  if (timed) {
    before = in.entry(c.time_before, "time_before");
    after = in.entry(c.time_after, "time_after");
  }
  loop.inputs = in.count() - loop.invariants - loop.carries;
  std::vector<Value> results =
      values(stage(body, inner, held, inner_step, drift, kick, before, after, record));
  if (record) {
    results.insert(results.end(), {record->q, record->p});
    loop.every = {1, 1};
  }
  loop.body = body.finish(results);
  const std::vector<Value> made = b.loop(loop, in.operands());
  if (record) record->q = made[parts_.size()], record->p = made[parts_.size() + 1];
  return carry(made);
}

Compensated StepBuilder::update(Builder& b, Part part, Compensated x, Compensated scale,
                                Compensated rate) const {
  const auto spread = [&](Value v) { return v.valid() ? b.broadcast_to(v, pieces_.shape) : v; };
  const Compensated h{spread(scale.value), spread(scale.error)};
  if (const Units& units = units_of(pieces_.arithmetic, part); !units.empty()) {
    return {lattice_sum(b, x.value, b.mul(h.value, rate.value), units), {}};
  }
  if (!x.error.valid()) return {b.fma(h.value, rate.value, x.value), {}};
  return rate.error.valid() ? transform::compensated_update(b, x, h, rate)
                            : transform::compensated_update(b, x, h.value, rate.value);
}

Compensated StepBuilder::coefficient(Builder& b, Value x, Part part) const {
  const Arithmetic& a = pieces_.arithmetic;
  const bool error = part == Part::kQ ? a.q_error : a.p_error;
  return a.pairs && error ? split(b, x) : Compensated{to_state(b, x), {}};
}

SymbolicCarry StepBuilder::hand_in(BodyInputs& in, SymbolicCarry s) const {
  SymbolicCarry held;
  for (Part part : parts_) held[part] = in.whole(s[part], name_of(part));
  return held;
}

std::vector<Value> StepBuilder::values(SymbolicCarry s) const {
  std::vector<Value> v;
  for (Part part : parts_) v.push_back(s[part]);
  return v;
}

SymbolicCarry StepBuilder::carry(std::span<const Value> values) const {
  SymbolicCarry s;
  for (std::size_t k = 0; k < parts_.size(); ++k) s[parts_[k]] = values[k];
  return s;
}

Value StepBuilder::to_state(Builder& b, Value x) const {
  const DType dtype = pieces_.arithmetic.state;
  return b.type(x).dtype == dtype ? x : b.cast(x, dtype);
}

Value StepBuilder::in_real(Builder& b, Value x) const {
  return b.type(x).dtype == pieces_.real ? x : b.cast(x, pieces_.real);
}

/// x in f64 as a pair.
Compensated StepBuilder::split(Builder& b, Value x) const {
  const Value high = to_state(b, x);
  return {high, to_state(b, b.sub(x, b.cast(high, DType::kF64)))};
}

Value StepBuilder::array(Builder& b, const std::vector<double>& values) const {
  return in_real(
      b, b.constant(ir::Tensor::of<double>(Shape{stages_}, std::span<const double>(values))));
}

std::vector<double> StepBuilder::halved_drift() const {
  std::vector<double> d = coefficients_.drift;
  if (pieces_.velocity_moves) {
    for (double& x : d) x *= 0.5;
  }
  return d;
}

/// dH/dq or dH/dp. As pairs, every argument has a low part, zero where nothing is known of it.
Compensated StepBuilder::call(Builder& b, const ir::Function& f, const StepContext& c,
                              const SymbolicCarry& s, Value t) const {
  const bool pairs = pieces_.arithmetic.pairs;
  std::vector<Value> args;
  const auto push = [&](Compensated x) {
    args.push_back(x.value);
    if (pairs) args.push_back(x.error.valid() ? x.error : b.zeros(b.type(x.value)));
  };
  const auto push_real = [&](Value x) {
    push(pairs ? split(b, x) : Compensated{to_state(b, x), {}});
  };
  const bool lattice = pieces_.arithmetic.lattice();
  push(lattice ? Compensated{whole(b, s.q, Part::kQ), {}} : s.q);
  push(lattice ? Compensated{whole(b, s.p, Part::kP), {}} : s.p);
  if (t.valid()) {
    push_real(t);
  } else {
    push({b.constant(0.0, pieces_.arithmetic.state), {}});
  }
  for (Value x : c.parameters) push_real(x);
  const std::vector<Value> result = b.inline_call(f, args);
  return {result[0], pairs ? result[1] : Value{}};
}

/// q after a drift, in two halves at two times where dH/dp depends on time.
Compensated StepBuilder::drifted(Builder& b, const StepContext& c, SymbolicCarry s, Value index,
                                 Compensated drift, Value first, Value second) const {
  const auto by = [&](Value t) {
    return update(b, Part::kQ, s.q, drift, call(b, *pieces_.velocity, c, s, t));
  };
  if (!pieces_.velocity_moves) return by({});
  s.q = by(time(b, c, index, first));
  return by(time(b, c, index, second));
}

SymbolicCarry StepBuilder::stage(Builder& b, const StepContext& c, SymbolicCarry s, Value index,
                                 Compensated drift, Compensated kick, Value before, Value after,
                                 StageRecord* record) const {
  const auto recorded = [&](const Compensated& x, Part part) {
    const Value value = whole(b, x, part);
    return record->real == DType::kF64 ? value : b.cast(value, record->real);
  };
  if (record) record->p = recorded(s.p, Part::kP);
  Value t_after;
  if (moves()) t_after = time(b, c, index, after);
  s.q = drifted(b, c, s, index, drift, before, after);
  if (record) record->q = recorded(s.q, Part::kQ);
  s.gradient = gradient(b, c, s, t_after);
  s.p = update(b, Part::kP, s.p, kick, s.gradient);
  return s;
}

SymbolicCarry StepBuilder::undo_drift(Builder& b, const StepContext& c, SymbolicCarry s,
                                      Value index, Compensated drift, Value before,
                                      Value after) const {
  Value t_before;
  if (moves()) t_before = time(b, c, index, before);
  s.q = drifted(b, c, s, index, drift, after, before);
  s.gradient = gradient(b, c, s, t_before);
  return s;
}

Value StepBuilder::whole(Builder& b, const Compensated& x, Part part) const {
  if (const Units& units = units_of(pieces_.arithmetic, part); !units.empty()) {
    return lattice_real(b, x.value, units);
  }
  const Value value = b.type(x.value).dtype == DType::kF64 ? x.value : b.cast(x.value, DType::kF64);
  return x.error.valid() ? b.add(value, b.cast(x.error, DType::kF64)) : value;
}

}  // namespace cotangent::mechanics
