#include "cotangent/mechanics/adjoint.h"

#include <functional>

#include "cotangent/ir/builder.h"
#include "cotangent/mechanics/retype.h"
#include "cotangent/mechanics/reversed_loop.h"
#include "cotangent/mechanics/scalars.h"
#include "cotangent/mechanics/step_builder.h"
#include "cotangent/transform/derivatives.h"
#include "cotangent/transform/passes.h"

namespace cotangent::mechanics {
namespace {

using ir::Builder;
using ir::FunctionPtr;
using ir::Type;
using ir::Value;
using transform::Compensated;
using transform::Positions;

constexpr std::size_t kFirstParameter = 3;  // after q, p, t

using Passed = std::function<FunctionPtr(const FunctionPtr&)>;

/// Cotangents inside a program.
struct Cotangents {
  Value q, p, gradient;
  std::vector<Value> parameters;

  std::vector<Value> values() const {
    std::vector<Value> all = {q, p, gradient};
    all.insert(all.end(), parameters.begin(), parameters.end());
    return all;
  }
};

/// What the adjoint of a step reads; arrays have one entry a stage, the last stage first. Times dt.
struct AdjointContext {
  Value t0, dt;
  std::vector<Value> parameters;  ///< f64
  Value weight;                   ///< of a sample
  Value first_kick, drift, kick;  ///< `real`
  Value before, after;            ///< f64, c_{k-1} and c_k
};

/// One stage of it.
struct AdjointStage {
  Value drift, kick, before, after;
};

class AdjointBuilder {
 public:
  AdjointBuilder(const AdjointPieces& a, const Splitting& splitting)
      : a_(a),
        step_(a.pieces, splitting),
        stages_(splitting.stages()),
        coefficients_(coefficients_of(splitting)) {}

  std::int64_t stages() const { return stages_; }
  const StepBuilder& step() const { return step_; }
  Type state() const { return {a_.real, a_.pieces.shape}; }
  bool sampled() const { return a_.every > 0; }

  Cotangents params(Builder& b) const {
    Cotangents ct{
        b.param(state(), "ct_q"), b.param(state(), "ct_p"), b.param(state(), "ct_gradient"), {}};
    for (std::size_t k : a_.wrt) {
      ct.parameters.push_back(
          b.param(a_.pieces.parameters[k], "ct_" + a_.pieces.parameter_names[k]));
    }
    return ct;
  }
  Cotangents hand_in(BodyInputs& in, const Cotangents& ct) const {
    Cotangents held{
        in.whole(ct.q, "ct_q"), in.whole(ct.p, "ct_p"), in.whole(ct.gradient, "ct_gradient"), {}};
    for (std::size_t k = 0; k < ct.parameters.size(); ++k) {
      held.parameters.push_back(
          in.whole(ct.parameters[k], "ct_" + a_.pieces.parameter_names[a_.wrt[k]]));
    }
    return held;
  }
  Cotangents from(std::span<const Value> values) const {
    Cotangents ct{values[0], values[1], values[2], {}};
    ct.parameters.assign(values.begin() + 3,
                         values.begin() + 3 + static_cast<std::ptrdiff_t>(a_.wrt.size()));
    return ct;
  }

  AdjointContext context(Builder& b, Value t0, Value dt, std::vector<Value> parameters,
                         Value weight) const {
    AdjointContext c;
    c.t0 = t0;
    c.dt = dt;
    c.parameters = std::move(parameters);
    c.weight = weight;
    const double halved = a_.pieces.velocity_moves ? 0.5 : 1;
    c.first_kick = in_state(b, b.mul(b.constant(-coefficients_.first_kick), dt));
    c.drift = in_state(b, b.scale(dt, array(b, coefficients_.drift, halved)));
    c.kick = in_state(b, b.scale(dt, array(b, coefficients_.kick, -1)));
    c.before = array(b, coefficients_.time_before, 1);
    c.after = array(b, coefficients_.time_after, 1);
    return c;
  }
  /// The context as invariants of a loop's body.
  AdjointContext hand_in(BodyInputs& in, const AdjointContext& c) const {
    AdjointContext held;
    held.t0 = in.whole(c.t0, "t0");
    held.dt = in.whole(c.dt, "dt");
    for (std::size_t k = 0; k < c.parameters.size(); ++k) {
      held.parameters.push_back(in.whole(c.parameters[k], a_.pieces.parameter_names[k]));
    }
    if (c.weight.valid()) held.weight = in.whole(c.weight, "weight");
    held.first_kick = in.whole(c.first_kick, "first_kick");
    held.drift = in.whole(c.drift, "drift");
    held.kick = in.whole(c.kick, "kick");
    held.before = in.whole(c.before, "time_before");
    held.after = in.whole(c.after, "time_after");
    return held;
  }
  AdjointStage only_stage(Builder& b, const AdjointContext& c) const {
    return {b.row(c.drift, 0), b.row(c.kick, 0), b.row(c.before, 0), b.row(c.after, 0)};
  }

  /// One stage after the other, as inputs of a loop.
  AdjointStage each_stage(BodyInputs& in, const AdjointContext& c) const {
    AdjointStage s;
    s.drift = in.entry(c.drift, "drift");
    s.kick = in.entry(c.kick, "kick");
    s.before = in.entry(c.before, "time_before");
    s.after = in.entry(c.after, "time_after");
    return s;
  }

  /// The adjoint of a stage with its drift at momenta p and its kick at positions q, both `real`.
  Cotangents stage(Builder& b, const AdjointContext& c, Cotangents ct, Value q, Value p,
                   Value index, const AdjointStage& s) const {
    ct.gradient = fma(b, s.kick, ct.p, ct.gradient);
    ct.q = pull(b, *a_.gradient_pull, c, ct, q, p, time(b, c, index, s.after), ct.gradient, ct.q);
    ct.gradient = b.zeros(state());
    const Value rate = b.mul(b.broadcast_to(s.drift, a_.pieces.shape), ct.q);
    if (a_.pieces.velocity_moves) {
      ct.p = pull(b, *a_.velocity_pull, c, ct, q, p, time(b, c, index, s.before), rate, ct.p);
    }
    ct.p = pull(b, *a_.velocity_pull, c, ct, q, p, time(b, c, index, s.after), rate, ct.p);
    return ct;
  }

  /// What remains of a step's adjoint when its stages are done.
  Cotangents first_kick(Builder& b, const AdjointContext& c, Cotangents ct) const {
    ct.gradient = fma(b, c.first_kick, ct.p, ct.gradient);
    return ct;
  }

  /// Adds what a sample at the end of step `index` contributes, where there is one.
  Cotangents sample(Builder& b, const AdjointContext& c, const Cotangents& ct, Value q, Value p,
                    Value index) const {
    if (!sampled()) return ct;
    const Value next = b.add(index, b.constant_i64(1));
    const Value taken =
        b.eq(b.binary(ir::Op::kMod, next, b.constant_i64(a_.every)), b.constant_i64(0));
    const auto branch = [&](bool add) {
      Builder inner(add ? "sample" : "no_sample");
      BodyInputs in(b, inner);
      Cotangents held = hand_in(in, ct);
      const AdjointContext at = hand_in(in, c);
      const Value q_in = in.whole(q, "q"), p_in = in.whole(p, "p");
      const Value index_in = in.whole(index, "step");
      if (add) {
        std::vector<Value> args = {in_f64(inner, q_in), in_f64(inner, p_in),
                                   time(inner, at, index_in, inner.constant(1.0))};
        args.insert(args.end(), at.parameters.begin(), at.parameters.end());
        const std::vector<Value> slope = inner.inline_call(*a_.objective, args);
        const auto weighed = [&](Value x) {
          const Shape& shape = inner.type(x).shape;
          return inner.mul(shape.rank() == 0 ? at.weight : inner.broadcast_to(at.weight, shape), x);
        };
        held.q = inner.add(held.q, in_state(inner, weighed(slope[1])));
        held.p = inner.add(held.p, in_state(inner, weighed(slope[2])));
        for (std::size_t k = 0; k < held.parameters.size(); ++k) {
          held.parameters[k] = inner.add(held.parameters[k], weighed(slope[3 + k]));
        }
      }
      return std::pair(inner.finish(held.values()), in.operands());
    };
    const auto [on_true, operands] = branch(true);
    const auto [on_false, same] = branch(false);
    std::vector<Value> all = {taken};
    all.insert(all.end(), operands.begin(), operands.end());
    return from(b.cond({on_true, on_false}, all));
  }

  Value in_state(Builder& b, Value x) const {
    return b.type(x).dtype == a_.real ? x : b.cast(x, a_.real);
  }
  /// A part of a run's state as the adjoint has it.
  Value seen(Builder& b, const Compensated& x, Part part) const {
    return in_state(b, step_.whole(b, x, part));
  }

  Value time(Builder& b, const AdjointContext& c, Value index, Value offset) const {
    return b.fma(b.add(b.cast(index, DType::kF64), offset), c.dt, c.t0);
  }

  /// Calls dH/dq's or dH/dp's pull; gives `onto` + the cotangent of q or p, and adds the others.
  Value pull(Builder& b, const ir::Function& f, const AdjointContext& c, Cotangents& ct, Value q,
             Value p, Value t, Value cotangent, Value onto) const {
    std::vector<Value> args = {q, p, in_state(b, t)};
    for (Value x : c.parameters) args.push_back(in_state(b, x));
    args.push_back(cotangent);
    const std::vector<Value> made = b.inline_call(f, args);
    for (std::size_t k = 0; k < ct.parameters.size(); ++k) {
      ct.parameters[k] = b.add(ct.parameters[k], in_f64(b, made[1 + k]));
    }
    return b.add(onto, made[0]);
  }

 private:
  static Value in_f64(Builder& b, Value x) {
    return b.type(x).dtype == DType::kF64 ? x : b.cast(x, DType::kF64);
  }
  Value fma(Builder& b, Value scale, Value x, Value onto) const {
    return b.fma(b.broadcast_to(scale, a_.pieces.shape), x, onto);
  }
  /// The last stage first.
  Value array(Builder& b, std::vector<double> values, double factor) const {
    std::vector<double> turned(values.rbegin(), values.rend());
    for (double& x : turned) x *= factor;
    return b.constant(ir::Tensor::of<double>(Shape{stages_}, std::span<const double>(turned)));
  }

  const AdjointPieces& a_;
  StepBuilder step_;
  std::int64_t stages_;
  Coefficients coefficients_;
};

/// The cotangents that `f` (q, p, t, parameters...) -> array takes back to parameter `to` and the
/// parameters in wrt.
FunctionPtr pull_of(const FunctionPtr& f, std::size_t to, const AdjointPieces& a,
                    const Passed& passed) {
  Positions wrt = {to};
  for (std::size_t k : a.wrt) wrt.push_back(kFirstParameter + k);
  const FunctionPtr both = transform::vjp(*f, wrt);
  Builder b(f->name() + "_pull");
  std::vector<Value> args;
  for (std::size_t k = 0; k < both->params().size(); ++k) {
    args.push_back(b.param(both->param_type(k), both->param_names()[k]));
  }
  const std::vector<Value> all = b.inline_call(*both, args);  // f's own value is not asked for
  FunctionPtr pull = transform::simplify(*b.finish(std::span(all).subspan(1)));
  if (a.real == DType::kF32) pull = in_single_precision(*pull);
  return passed(pull);
}

/// The samples of the objective, as an output of the chunk.
std::vector<Output> sampled_objective(const AdjointPieces& a) {
  if (a.every == 0) return {};
  Builder b("objective");
  const Type state{DType::kF64, a.pieces.shape};
  const Value q = b.param(state, "q"), p = b.param(state, "p");
  b.param(state, "v");
  std::vector<Value> args = {q, p, b.param(kReal, "t")};
  for (Value x : parameter_values(b, a.pieces)) args.push_back(x);
  const Value value = b.inline_call(*a.objective, args)[0];
  return {{Output::Kind::kObservable, "objective", b.finish({value}), kReal, a.every}};
}

/// The parameters that all programs of a chunk have last.
struct ChunkParams {
  Value weight, first, count, t0, dt;
  std::vector<Value> parameters;

  ChunkParams(Builder& b, const AdjointPieces& a) {
    if (a.every > 0) weight = b.param(kReal, "weight");
    first = b.param(kIndex, "first");
    count = b.param(kIndex, "count");
    t0 = b.param(kReal, "t0");
    dt = b.param(kReal, "dt");
    parameters = parameter_values(b, a.pieces);
  }
};

}  // namespace

FunctionPtr objective_at_state(const System& system, const Objective& objective) {
  Builder b("objective");
  const Type state{DType::kF64, system.shape};
  std::vector<Value> args = {b.param(state, "q"), b.param(state, "p"), b.param(kReal, "t")};
  for (const Parameter& x : system.parameters) args.push_back(b.param(x.value.type(), x.name));
  const Value v = b.inline_call(*energy_gradient(system, 1), args)[0];
  args.insert(args.begin() + 2, v);
  return b.finish(b.inline_call(*objective.value, args));
}

AdjointPieces make_adjoint_pieces(const System& system, const Pieces& pieces,
                                  const Objective& objective, std::vector<std::size_t> wrt,
                                  telemetry::Telemetry* telemetry, bool passes) {
  transform::PassOptions options;
  options.telemetry = telemetry;
  const Passed passed = [&](const FunctionPtr& f) {
    return passes ? through_passes(f, options) : f;
  };
  AdjointPieces a;
  a.pieces = pieces;
  const Arithmetic& arithmetic = pieces.arithmetic;
  const bool single = arithmetic.state == DType::kF32 && !arithmetic.errors() && !arithmetic.pairs;
  a.real = single ? DType::kF32 : DType::kF64;
  a.wrt = std::move(wrt);
  a.every = objective.every;
  a.gradient_pull = pull_of(energy_gradient(system, 0), 0, a, passed);
  a.velocity_pull = pull_of(energy_gradient(system, 1), 1, a, passed);
  Positions positions = {0, 1};
  for (std::size_t k : a.wrt) positions.push_back(kFirstParameter + k);
  a.objective =
      passed(transform::value_and_grad(*objective_at_state(system, objective), positions));
  return a;
}

std::int64_t tape_bytes(const AdjointPieces& a, const Splitting& splitting) {
  const std::int64_t arrays = 2 * splitting.stages();
  return (arrays + (a.every > 0 ? 1 : 0)) * Type{a.real, a.pieces.shape}.bytes();
}

FunctionPtr tape_program(const AdjointPieces& a, const Splitting& splitting, std::int64_t trip) {
  const Tape tape{a.real, a.every > 0};
  return chunk_program(a.pieces, splitting, sampled_objective(a), trip, tape);
}

FunctionPtr advance_program(const AdjointPieces& a, const Splitting& splitting, std::int64_t trip) {
  return chunk_program(a.pieces, splitting, sampled_objective(a), trip);
}

FunctionPtr reverse_program(const AdjointPieces& a, const Splitting& splitting, std::int64_t trip) {
  const AdjointBuilder adjoint(a, splitting);
  const std::int64_t stages = adjoint.stages();
  Builder b("reverse");
  const Type row = adjoint.state();
  Type tape = row;
  if (stages > 1) tape = row.with_shape(row.shape.with_leading(stages));
  tape = tape.with_shape(tape.shape.with_leading(trip));
  const Value qs = b.param(tape, "tape_q"), ps = b.param(tape, "tape_p");
  Value ends;
  if (adjoint.sampled()) ends = b.param(row.with_shape(row.shape.with_leading(trip)), "tape_end");
  const Cotangents given = adjoint.params(b);
  const ChunkParams chunk(b, a);
  const AdjointContext outer =
      adjoint.context(b, chunk.t0, chunk.dt, chunk.parameters, chunk.weight);

  ReversedLoop loop(b, trip, chunk.count);
  Builder& body = loop.body;
  const AdjointContext c = adjoint.hand_in(loop.in, outer);
  const Value last =
      loop.in.whole(b.sub(b.add(chunk.first, chunk.count), b.constant_i64(1)), "last");
  loop.end_invariants();
  Cotangents ct = adjoint.hand_in(loop.in, given);
  loop.end_carries();
  const Value q = loop.row(qs, "q"), p = loop.row(ps, "p");
  Value end;
  if (ends.valid()) end = loop.row(ends, "end");
  loop.end_inputs();

  const Value index = body.sub(last, loop.iteration);
  if (end.valid()) {
    const Value q_end = stages > 1 ? body.row(q, stages - 1) : q;
    ct = adjoint.sample(body, c, ct, q_end, end, index);
  }
  if (stages == 1) {
    ct = adjoint.stage(body, c, ct, q, p, index, adjoint.only_stage(body, c));
  } else {
    Builder inner("stage_reversed");
    inner.param(kIndex, "stage");
    BodyInputs in(body, inner);
    ir::LoopAttr over;
    over.trip = stages;
    const AdjointContext ci = adjoint.hand_in(in, c);
    const Value index_in = in.whole(index, "step");
    over.invariants = in.count();
    Cotangents held = adjoint.hand_in(in, ct);
    over.carries = in.count() - over.invariants;
    const AdjointStage s = adjoint.each_stage(in, c);
    const Value q_in = in.row(body.reverse(q, {0}), "q");
    const Value p_in = in.row(body.reverse(p, {0}), "p");
    over.inputs = in.count() - over.invariants - over.carries;
    held = adjoint.stage(inner, ci, held, q_in, p_in, index_in, s);
    over.body = inner.finish(held.values());
    ct = adjoint.from(body.loop(over, in.operands()));
  }
  ct = adjoint.first_kick(body, c, ct);
  return transform::simplify(*b.finish(loop.finish(ct.values())));
}

FunctionPtr undo_program(const AdjointPieces& a, const Splitting& splitting, std::int64_t trip) {
  const AdjointBuilder adjoint(a, splitting);
  const StepBuilder& step = adjoint.step();
  const std::int64_t stages = adjoint.stages();
  Builder b("undo");
  SymbolicCarry start;
  for (Part part : carried_parts(a.pieces.arithmetic)) {
    start[part] = b.param(part_type(a.pieces.arithmetic, part, a.pieces.shape), name_of(part));
  }
  const Cotangents given = adjoint.params(b);
  const ChunkParams chunk(b, a);
  const AdjointContext outer =
      adjoint.context(b, chunk.t0, chunk.dt, chunk.parameters, chunk.weight);
  StepContext back_outer = step.context(b, chunk.t0, b.neg(chunk.dt), chunk.parameters);
  const auto turn = [&](Compensated x) {
    return Compensated{b.reverse(x.value, {0}),
                       x.error.valid() ? b.reverse(x.error, {0}) : Value{}};
  };
  back_outer.drift = turn(back_outer.drift);
  back_outer.kick = turn(back_outer.kick);

  ReversedLoop loop(b, trip, chunk.count);
  Builder& body = loop.body;
  const AdjointContext c = adjoint.hand_in(loop.in, outer);
  const Value last =
      loop.in.whole(b.sub(b.add(chunk.first, chunk.count), b.constant_i64(1)), "last");
  StepContext back;
  back.t0 = c.t0;
  back.dt = c.dt;  // the times are those of the steps there
  back.parameters = c.parameters;
  back.first_kick = loop.in.whole(back_outer.first_kick, "undo_first_kick");
  back.drift = loop.in.whole(back_outer.drift, "undo_drift");
  back.kick = loop.in.whole(back_outer.kick, "undo_kick");
  loop.end_invariants();
  SymbolicCarry s = step.hand_in(loop.in, start);
  Cotangents ct = adjoint.hand_in(loop.in, given);
  loop.end_carries();
  loop.end_inputs();

  const Value index = body.sub(last, loop.iteration);
  ct = adjoint.sample(body, c, ct, adjoint.seen(body, s.q, Part::kQ),
                      adjoint.seen(body, s.p, Part::kP), index);
  const auto one = [&](Builder& at, const AdjointContext& ac, const StepContext& bc,
                       const AdjointStage& stage, Compensated drift, Compensated kick,
                       Value index_in) {
    s.p = step.update(at, Part::kP, s.p, kick, s.gradient);
    ct = adjoint.stage(at, ac, ct, adjoint.seen(at, s.q, Part::kQ), adjoint.seen(at, s.p, Part::kP),
                       index_in, stage);
    s = step.undo_drift(at, bc, s, index_in, drift, stage.before, stage.after);
  };
  if (stages == 1) {
    const auto first = [&](Compensated x) {
      return Compensated{body.row(x.value, 0), x.error.valid() ? body.row(x.error, 0) : Value{}};
    };
    one(body, c, back, adjoint.only_stage(body, c), first(back.drift), first(back.kick), index);
  } else {
    Builder inner("stage_undone");
    inner.param(kIndex, "stage");
    BodyInputs in(body, inner);
    ir::LoopAttr over;
    over.trip = stages;
    const AdjointContext ci = adjoint.hand_in(in, c);
    StepContext bi;
    bi.t0 = ci.t0;
    bi.dt = ci.dt;
    bi.parameters = ci.parameters;
    const Value index_in = in.whole(index, "step");
    over.invariants = in.count();
    s = step.hand_in(in, s);
    ct = adjoint.hand_in(in, ct);
    over.carries = in.count() - over.invariants;
    const AdjointStage stage = adjoint.each_stage(in, c);
    const Compensated drift = in.entry(back.drift, "undo_drift");
    const Compensated kick = in.entry(back.kick, "undo_kick");
    over.inputs = in.count() - over.invariants - over.carries;
    one(inner, ci, bi, stage, drift, kick, index_in);
    std::vector<Value> results = step.values(s);
    const std::vector<Value> cts = ct.values();
    results.insert(results.end(), cts.begin(), cts.end());
    over.body = inner.finish(results);
    const std::vector<Value> made = body.loop(over, in.operands());
    const std::size_t parts = carried_parts(a.pieces.arithmetic).size();
    s = step.carry(std::span(made).first(parts));
    ct = adjoint.from(std::span(made).subspan(parts));
  }
  s.p = step.update(body, Part::kP, s.p, back.first_kick, s.gradient);
  ct = adjoint.first_kick(body, c, ct);
  std::vector<Value> results = step.values(s);
  const std::vector<Value> cts = ct.values();
  results.insert(results.end(), cts.begin(), cts.end());
  return transform::simplify(*b.finish(loop.finish(results)));
}

FunctionPtr begin_program(const AdjointPieces& a) {
  const AdjointBuilder adjoint(a, composition_for(2));
  Builder b("begin");
  const Value q = b.param(adjoint.state(), "q"), p = b.param(adjoint.state(), "p");
  const Value t = b.param(kReal, "t");
  AdjointContext c;
  c.parameters = parameter_values(b, a.pieces);
  Cotangents ct = adjoint.params(b);
  ct.q = adjoint.pull(b, *a.gradient_pull, c, ct, q, p, t, ct.gradient, ct.q);
  std::vector<Value> results = {ct.q, ct.p};
  results.insert(results.end(), ct.parameters.begin(), ct.parameters.end());
  return transform::simplify(*b.finish(results));
}

}  // namespace cotangent::mechanics
