#include "cotangent/mechanics/tangent_frame.h"

#include "cotangent/transform/derivatives.h"
#include "cotangent/transform/passes.h"

namespace cotangent::mechanics {
namespace {

using ir::Builder;
using ir::FunctionPtr;
using ir::Type;
using ir::Value;

Type with_rows(std::int64_t m, const Type& t) {
  std::vector<std::int64_t> dims = {m};
  for (int k = 0; k < t.shape.rank(); ++k) dims.push_back(t.shape[k]);
  return {t.dtype, Shape(dims)};
}

/// All rows of the frames through the tangent map of f at `arguments`.
std::vector<Value> push_frames(Builder& b, const ir::Function& f,
                               const std::vector<std::size_t>& wrt,
                               const std::vector<Value>& arguments,
                               const std::vector<Value>& frames, std::int64_t m) {
  const FunctionPtr jvp = transform::simplify(*transform::jvp(f, wrt));
  Builder body("tangent");
  body.param(ir::scalar(DType::kI64), "k");
  std::vector<Value> tangents, primal;
  for (std::size_t w : wrt) tangents.push_back(body.param(f.param_type(w)));
  for (std::size_t k = 0; k < arguments.size(); ++k) {
    primal.push_back(body.param(f.param_type(k), f.param_names()[k]));
  }
  primal.insert(primal.end(), tangents.begin(), tangents.end());
  const std::vector<Value> out = body.inline_call(*jvp, primal);
  // After the results come the tangents of the float ones, in order.
  std::vector<Value> moved;
  std::size_t at = f.results().size();
  for (std::size_t k = 0; k < f.results().size(); ++k) {
    if (!is_float(f.result_type(k).dtype)) continue;
    if (f.result_type(k).dtype == DType::kF64) moved.push_back(out[at]);
    ++at;
  }
  ir::MapAttr map;
  map.count = m;
  map.rows = static_cast<std::int64_t>(frames.size());
  map.roles.assign(moved.size(), ir::Role::kStack);
  map.body = body.finish(moved);
  std::vector<Value> operands = frames;
  operands.insert(operands.end(), arguments.begin(), arguments.end());
  return b.map(map, operands);
}

std::vector<Value> params_like(Builder& b, const ir::Function& f, std::size_t from,
                               std::size_t to) {
  std::vector<Value> values;
  for (std::size_t k = from; k < to; ++k) {
    values.push_back(b.param(f.param_type(k), f.param_names()[k]));
  }
  return values;
}

FunctionPtr identity(const ir::Function& step, std::size_t states, bool with_step) {
  Builder b(with_step ? "close" : "open");
  const std::vector<Value> state = params_like(b, step, 0, states);
  params_like(b, step, with_step ? states : states + 1, step.params().size());
  return b.finish(state);
}

}  // namespace

Integrator integrator_of(const FunctionPtr& step, std::size_t states, const std::string& name) {
  bool fits = step->params().size() >= states + 3 && step->results().size() == states;
  for (std::size_t k = 0; fits && k < states; ++k) {
    fits = step->param_type(k) == step->result_type(k);
  }
  fits = fits && step->param_type(states) == ir::scalar(DType::kI64);
  if (!fits) {
    throw UserError("a step does not go from a state to a state",
                    "give (state..., step: i64, t0, dt: f64, parameters...) -> (state...)");
  }
  Integrator i;
  i.method = name;
  for (std::size_t k = 0; k < states; ++k) {
    i.state.push_back({step->param_names()[k], step->param_type(k)});
  }
  i.carry = i.state;
  i.open = identity(*step, states, false);
  i.step = step;
  i.close = identity(*step, states, true);
  return i;
}

std::vector<std::size_t> moving(const ir::Function& f, std::size_t count) {
  std::vector<std::size_t> wrt;
  for (std::size_t k = 0; k < count; ++k) {
    if (f.param_type(k).dtype == DType::kF64) wrt.push_back(k);
  }
  return wrt;
}

FunctionPtr tangent_step(const ir::Function& f, std::size_t carries, std::int64_t m) {
  const std::vector<std::size_t> wrt = moving(f, carries);
  Builder b("tangent_step");
  std::vector<Value> x = params_like(b, f, 0, carries);
  std::vector<Value> frames;
  for (std::size_t w : wrt) {
    frames.push_back(b.param(with_rows(m, f.param_type(w)), "d_" + f.param_names()[w]));
  }
  const std::vector<Value> rest = params_like(b, f, carries, f.params().size());
  x.insert(x.end(), rest.begin(), rest.end());
  std::vector<Value> results = b.inline_call(f, x);
  const std::vector<Value> moved = push_frames(b, f, wrt, x, frames, m);
  results.insert(results.end(), moved.begin(), moved.end());
  return transform::simplify(*b.finish(results));
}

FunctionPtr jacobian_rows(const ir::Function& f, std::size_t states) {
  const std::vector<std::size_t> wrt = moving(f, states);
  ensure(wrt.size() == states, "jacobian_rows: a state that is not f64");
  std::int64_t n = 0;
  for (std::size_t k = 0; k < states; ++k) n += f.param_type(k).size();
  Builder b("jacobian");
  const std::vector<Value> x = params_like(b, f, 0, f.params().size());
  const Type square{DType::kI64, Shape{n, n}};
  const Value unit = b.cast(b.eq(b.iota(square, 0), b.iota(square, 1)), DType::kF64);
  std::vector<Value> frames;
  std::int64_t at = 0;
  for (std::size_t k = 0; k < states; ++k) {
    const Type& type = f.param_type(k);
    const Value part = b.slice(unit, {0, at}, {n, at + type.size()}, {1, 1});
    frames.push_back(b.reshape(part, with_rows(n, type).shape));
    at += type.size();
  }
  std::vector<Value> moved = push_frames(b, f, wrt, x, frames, n);
  for (std::size_t k = 0; k < moved.size(); ++k) {
    moved[k] = b.reshape(moved[k], Shape{n, f.param_type(k).size()});
  }
  return transform::simplify(*b.finish({b.concatenate(moved, 1)}));
}

Orthonormal orthonormalise(Builder& b, Value frame, std::int64_t normed) {
  const Shape shape = b.type(frame).shape;
  const std::int64_t m = shape[0], n = shape[1];
  const auto counted = [&](Value x) {
    const Shape s = b.type(x).shape;
    if (normed == n) return x;
    return s.rank() == 1 ? b.slice(x, {0}, {normed}, {1})
                         : b.slice(x, {0, 0}, {s[0], normed}, {1, 1});
  };
  std::vector<Value> rows, lengths;
  Value rest = frame;
  for (std::int64_t k = 0; k < m; ++k) {
    const Value first = b.row(rest, 0);
    const Value part = counted(first);
    const Value length = b.unary(ir::Op::kSqrt, b.reduce_sum(b.mul(part, part)));
    const Value unit = b.div(first, b.broadcast_to(length, Shape{n}));
    rows.push_back(b.reshape(unit, Shape{1, n}));
    lengths.push_back(b.reshape(length, Shape{1}));
    if (k + 1 == m) break;
    rest = b.slice_rows(rest, 1, m - k);
    const Shape left{m - k - 1, n};
    const Value both = b.mul(counted(rest), b.broadcast_to(counted(unit), Shape{left[0], normed}));
    const Value along = b.broadcast(b.reduce_sum(both, {1}), left, {0});
    rest = b.sub(rest, b.mul(along, b.broadcast_to(unit, left)));
  }
  return {b.concatenate(rows, 0), b.unary(ir::Op::kLog, b.concatenate(lengths, 0))};
}

}  // namespace cotangent::mechanics
