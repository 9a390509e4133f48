#include "cotangent/mechanics/implicit_midpoint.h"

#include "cotangent/ir/check_site.h"
#include "cotangent/mechanics/bracket.h"
#include "cotangent/mechanics/dependence.h"
#include "cotangent/mechanics/integrator_programs.h"
#include "cotangent/mechanics/step_program.h"
#include "cotangent/transform/derivatives.h"
#include "cotangent/transform/passes.h"

namespace cotangent::mechanics {
namespace {

using ir::Builder;
using ir::FunctionPtr;
using ir::Op;
using ir::Type;
using ir::Value;
using Values = std::vector<Value>;

constexpr std::int64_t kMostByNewton = 16;
constexpr double kConverged = 1e-11;  // a last change of this relative size is a solution

Values part_of(const Values& all, std::size_t begin, std::size_t count) {
  const auto at = all.begin() + static_cast<std::ptrdiff_t>(begin);
  return Values(at, at + static_cast<std::ptrdiff_t>(count));
}

class Midpoint {
 public:
  Midpoint(const System& system, FunctionPtr field, const MidpointOptions& options)
      : system_(system), field_(std::move(field)), options_(options), state_(state_types(system)) {
    for (const NamedType& s : state_) unknowns_ += s.type.size();
  }

  /// Results of the call, in `b`: (state..., t at the middle, h, parameters...) -> state...
  Values solve(Builder& b, const Values& args) const {
    ir::CallAttr attr;
    attr.body = solver();
    attr.jvp = pushed();
    attr.vjp = pulled();
    return b.call(attr, args);
  }

 private:
  std::size_t states() const { return state_.size(); }

  Values state_params(Builder& b) const {
    Values x;
    for (const NamedType& s : state_) x.push_back(b.param(s.type, s.name));
    return x;
  }
  /// t, h, parameters...
  Values other_params(Builder& b) const {
    Values all = {b.param(ir::scalar(), "t"), b.param(ir::scalar(), "h")};
    for (const Parameter& p : system_.parameters) {
      all.push_back(b.param(p.value.type(), p.name));
    }
    return all;
  }

  /// x + h f((x + y)/2, t)
  Values image(Builder& b, const Values& x, const Values& y, const Values& others) const {
    Values args;
    for (std::size_t k = 0; k < states(); ++k) {
      args.push_back(b.scale(b.constant(0.5), b.add(x[k], y[k])));
    }
    args.push_back(others[0]);
    args.insert(args.end(), others.begin() + 2, others.end());
    const Values rate = b.inline_call(*field_, args);
    Values out;
    for (std::size_t k = 0; k < states(); ++k) {
      out.push_back(b.add(x[k], b.scale(others[1], rate[k])));
    }
    return out;
  }

  /// The same as a program of (y..., x..., t, h, parameters...).
  FunctionPtr image_program() const {
    Builder b("image");
    const Values y = state_params(b), x = state_params(b), others = other_params(b);
    return b.finish(image(b, x, y, others));
  }

  Value flat(Builder& b, const Values& x) const {
    Values parts;
    for (Value v : x) parts.push_back(b.reshape(v, Shape{b.type(v).size()}));
    return parts.size() == 1 ? parts[0] : b.concatenate(parts, 0);
  }
  Values shaped(Builder& b, Value v) const {
    Values out;
    std::int64_t begin = 0;
    for (const NamedType& s : state_) {
      const std::int64_t end = begin + s.type.size();
      out.push_back(b.reshape(b.slice_rows(v, begin, end), s.type.shape));
      begin = end;
    }
    return out;
  }

  /// The transpose of I - d(image)/dy at y: row k is how the image moves with y_k.
  Value transposed_matrix(Builder& b, const Values& at) const {
    Builder body("column");
    body.param(ir::scalar(DType::kI64), "index");
    const Value unit = body.param({DType::kF64, Shape{unknowns_}}, "unit");
    Values args;
    for (Value v : at) args.push_back(body.param(b.type(v)));
    transform::Positions wrt;
    for (std::size_t k = 0; k < states(); ++k) wrt.push_back(k);
    const FunctionPtr push = transform::jvp(*image_program(), wrt);
    const Values both = body.inline_call(*push, joined(args, shaped(body, unit)));
    ir::MapAttr attr;
    attr.count = unknowns_;
    attr.rows = 1;
    attr.roles = {ir::Role::kStack};
    attr.body = transform::simplify(
        *body.finish({body.sub(unit, flat(body, part_of(both, states(), states())))}));
    ir::Tensor identity(Type{DType::kF64, Shape{unknowns_, unknowns_}});
    for (std::int64_t k = 0; k < unknowns_; ++k) identity.set_real(k * unknowns_ + k, 1);
    return b.map(attr, joined({b.constant(identity)}, at))[0];
  }

  /// The x with a x = v.
  static Value linear_solve(Builder& b, Value a, Value v) {
    const std::int64_t n = b.type(v).size();
    const auto lu = b.factor(Op::kLu, a);
    const Value rhs = b.reshape(b.gather(v, lu[1]), Shape{n, 1});
    const Value half = b.triangular_solve(lu[0], rhs, {.lower = true, .unit_diagonal = true});
    return b.reshape(b.triangular_solve(lu[0], half, {.lower = false}), Shape{n});
  }

  Value largest(Builder& b, const Values& x) const {
    Value most;
    for (Value v : x) {
      const Value size = b.reduce(Op::kReduceMax, b.unary(Op::kAbs, v), {});
      most = most.valid() ? b.binary(Op::kMax, most, size) : size;
    }
    return most;
  }

  bool newton() const {
    if (options_.solver == MidpointSolver::kAuto) return unknowns_ <= kMostByNewton;
    return options_.solver == MidpointSolver::kNewton;
  }

  /// (state..., t, h, parameters...) -> state..., by iterating from an explicit step.
  FunctionPtr solver() const {
    Builder b("implicit_midpoint");
    const Values x = state_params(b), others = other_params(b);
    Values operands = joined(x, others);
    ir::WhileAttr attr;
    attr.invariants = static_cast<std::int64_t>(operands.size());
    attr.carries = static_cast<std::int64_t>(states() + 2);
    attr.limit = options_.max_iterations;
    operands = joined(operands, image(b, x, x, others));
    operands.push_back(b.constant(1.0));  // the last change, and the one before
    operands.push_back(b.constant(2.0));
    std::vector<Type> types;
    for (Value v : operands) types.push_back(b.type(v));
    attr.condition = goes_on(types);
    attr.body = iteration(types);
    const Values end = b.while_loop(attr, operands);
    // What is not finite is found by those that look for it.
    const Value wrong = b.gt(end[states()], b.constant(kConverged));
    ir::CheckAttr check;
    check.message = "[implicit_midpoint] the equation of a step is not solved in " +
                    std::to_string(options_.max_iterations) +
                    (newton() ? " iterations of Newton's method\n  to do: take a smaller dt"
                              : " iterations\n  to do: take a smaller dt, or Newton's method");
    check.site = ir::late_site_of(check.message);
    Values out = part_of(end, 0, states());
    out[0] = b.check(b.unary(Op::kNot, wrong), out[0], check);
    return b.finish(out);
  }

  /// As long as it comes nearer: once converged, no more than the last bits move.
  FunctionPtr goes_on(const std::vector<Type>& types) const {
    Builder b("goes_on");
    b.param(ir::scalar(DType::kI64), "iteration");
    Values in;
    for (const Type& t : types) in.push_back(b.param(t));
    const Value before = in.back(), last = in[in.size() - 2];
    const Value nearer = b.lt(last, before);
    const Value far = b.gt(last, b.constant(kConverged));
    const Value moves = b.gt(last, b.constant(0.0));
    return b.finish({b.binary(Op::kAnd, moves, b.binary(Op::kOr, nearer, far))});
  }

  FunctionPtr iteration(const std::vector<Type>& types) const {
    Builder b("iteration");
    b.param(ir::scalar(DType::kI64), "iteration");
    Values in;
    for (const Type& t : types) in.push_back(b.param(t));
    const std::size_t given = states() + 2 + system_.parameters.size();
    const Values x = part_of(in, 0, states());
    const Values others = part_of(in, states(), given - states());
    const Values y = part_of(in, given, states());
    Values next = image(b, x, y, others);
    if (newton()) {
      Values residual;
      for (std::size_t k = 0; k < states(); ++k) residual.push_back(b.sub(next[k], y[k]));
      const Value m = b.transpose(transposed_matrix(b, joined(joined(y, x), others)), {1, 0});
      const Values correction = shaped(b, linear_solve(b, m, flat(b, residual)));
      for (std::size_t k = 0; k < states(); ++k) next[k] = b.add(y[k], correction[k]);
    }
    Values change;
    for (std::size_t k = 0; k < states(); ++k) change.push_back(b.sub(next[k], y[k]));
    // Relative to what is solved for; of a state that is all zeros the change itself.
    const Value size = largest(b, next);
    const Value by = b.select(b.gt(size, b.constant(0.0)), size, b.constant(1.0));
    next.push_back(b.div(largest(b, change), by));
    next.push_back(in[given + states()]);
    return b.finish(next);
  }

  /// (state..., t, h, parameters..., state after..., tangents...) -> tangents of the state after:
  /// with y = image(y, x, ..), (1 - image_y) dy = image_x dx + ..
  FunctionPtr pushed() const {
    Builder b("midpoint_pushed");
    const Values x = state_params(b), others = other_params(b), y = state_params(b);
    const Values args = joined(x, others);
    Values with = joined(joined(y, x), others);
    const Values at = with;
    for (Value v : args) with.push_back(b.param(b.type(v)));
    transform::Positions wrt;
    for (std::size_t k = 0; k < args.size(); ++k) wrt.push_back(states() + k);
    const Values both = b.inline_call(*transform::jvp(*image_program(), wrt), with);
    const Value m = b.transpose(transposed_matrix(b, at), {1, 0});
    return b.finish(shaped(b, linear_solve(b, m, flat(b, part_of(both, states(), states())))));
  }

  /// (state..., t, h, parameters..., state after..., cotangents...) -> cotangents of the arguments
  FunctionPtr pulled() const {
    Builder b("midpoint_pulled");
    const Values x = state_params(b), others = other_params(b), y = state_params(b);
    Values cotangents;
    for (const NamedType& s : state_) cotangents.push_back(b.param(s.type));
    const Values at = joined(joined(y, x), others);
    const Values lambda = shaped(b, linear_solve(b, transposed_matrix(b, at), flat(b, cotangents)));
    transform::Positions wrt;
    for (std::size_t k = states(); k < at.size(); ++k) wrt.push_back(k);
    const Values all = b.inline_call(*transform::vjp(*image_program(), wrt), joined(at, lambda));
    return b.finish(part_of(all, states(), all.size() - states()));
  }

  const System& system_;
  FunctionPtr field_;
  MidpointOptions options_;
  std::vector<NamedType> state_;
  std::int64_t unknowns_ = 0;
};

}  // namespace

Integrator implicit_midpoint(const System& system, const MidpointOptions& options) {
  const Midpoint rule(system, vector_field(system), options);
  Integrator m = plain_integrator(system, "implicit_midpoint", 2, [&](StepProgram& s) {
    Values args = s.carry;
    args.push_back(s.b.add(s.time(), s.b.mul(s.b.constant(0.5), s.dt)));
    args.push_back(s.dt);
    return rule.solve(s.b, joined(args, s.parameters));
  });
  m.symmetric = true;
  return m;
}

PartFlow midpoint_flow(const System& system, const std::string& name, const FunctionPtr& field,
                       const MidpointOptions& options) {
  const Midpoint rule(system, field, options);
  Builder b("flow_of_" + name);
  Values args;
  for (const NamedType& s : state_types(system)) args.push_back(b.param(s.type, s.name));
  const Value t = b.param(ir::scalar(), "t"), h = b.param(ir::scalar(), "h");
  const std::size_t middle = args.size();
  for (Value v : {t, h}) args.push_back(v);
  for (const Parameter& p : system.parameters) args.push_back(b.param(p.value.type(), p.name));
  args[middle] = b.add(t, b.mul(b.constant(0.5), h));
  PartFlow part;
  part.name = name;
  part.flow = transform::simplify(*b.finish(rule.solve(b, args)));
  part.cost = 10 * operations_in(*field);
  part.exact = false;
  part.order = 2;
  return part;
}

}  // namespace cotangent::mechanics
