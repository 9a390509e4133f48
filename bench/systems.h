// The programs of bench/suite.cpp.
#pragma once

#include <vector>

#include "cotangent/ir/builder.h"
#include "cotangent/transform/compensated.h"
#include "cotangent/transform/passes.h"

namespace bench {

using namespace cotangent;
using ir::Builder;
using ir::Op;
using ir::Value;

/// One step of a small system on scalars of one type.
using Step = std::vector<Value> (*)(Builder&, const std::vector<Value>&, DType);

inline std::vector<Value> logistic_step(Builder& b, const std::vector<Value>& s, DType t) {
  return {b.mul(b.mul(b.constant(3.9, t), s[0]), b.sub(b.constant(1, t), s[0]))};
}

/// Lorenz 96 with 60 sites, each a carry of its own.
inline std::vector<Value> carries60_step(Builder& b, const std::vector<Value>& s, DType t) {
  std::vector<Value> next;
  for (std::size_t k = 0; k < 60; ++k) {
    const Value left = s[(k + 59) % 60], right = s[(k + 1) % 60], far = s[(k + 58) % 60];
    const Value rate = b.add(b.sub(b.mul(b.sub(right, far), left), s[k]), b.constant(8, t));
    next.push_back(b.add(s[k], b.mul(b.constant(0.001, t), rate)));
  }
  return next;
}

inline std::vector<Value> lorenz_step(Builder& b, const std::vector<Value>& s, DType t) {
  const auto c = [&](double x) { return b.constant(x, t); };
  const Value dx = b.mul(c(10), b.sub(s[1], s[0]));
  const Value dy = b.sub(b.mul(s[0], b.sub(c(28), s[2])), s[1]);
  const Value dz = b.sub(b.mul(s[0], s[1]), b.mul(c(8.0 / 3), s[2]));
  const Value h = c(0.005);
  return {b.add(s[0], b.mul(h, dx)), b.add(s[1], b.mul(h, dy)), b.add(s[2], b.mul(h, dz))};
}

/// Two equal rods and masses; angles and angular velocities, symplectic Euler.
inline std::vector<Value> double_pendulum_step(Builder& b, const std::vector<Value>& s, DType t) {
  const auto c = [&](double x) { return b.constant(x, t); };
  const Value a1 = s[0], a2 = s[1], w1 = s[2], w2 = s[3], g = c(9.81);
  const Value d = b.sub(a1, a2);
  const Value sd = b.unary(Op::kSin, d), cd = b.unary(Op::kCos, d);
  const Value den = b.sub(c(3), b.unary(Op::kCos, b.add(d, d)));
  const Value w1s = b.mul(w1, w1), w2s = b.mul(w2, w2);
  const Value lean = b.unary(Op::kSin, b.sub(a1, b.add(a2, a2)));
  const Value n1 = b.sub(b.sub(b.mul(b.mul(c(-3), g), b.unary(Op::kSin, a1)), b.mul(g, lean)),
                         b.mul(b.mul(c(2), sd), b.add(w2s, b.mul(w1s, cd))));
  const Value weight = b.mul(b.mul(c(2), g), b.unary(Op::kCos, a1));
  const Value n2 = b.mul(b.mul(c(2), sd), b.add(b.add(b.mul(c(2), w1s), weight), b.mul(w2s, cd)));
  const Value h = c(0.001);
  const Value w1n = b.add(w1, b.mul(h, b.div(n1, den)));
  const Value w2n = b.add(w2, b.mul(h, b.div(n2, den)));
  return {b.add(a1, b.mul(h, w1n)), b.add(a2, b.mul(h, w2n)), w1n, w2n};
}

/// Barto, Sutton, Anderson (1983), held up by a force in proportion to the angle.
inline std::vector<Value> cartpole_step(Builder& b, const std::vector<Value>& s, DType t) {
  const auto c = [&](double x) { return b.constant(x, t); };
  const Value v = s[1], a = s[2], w = s[3];
  const Value sn = b.unary(Op::kSin, a), cs = b.unary(Op::kCos, a);
  const Value force = b.mul(c(-2), a);
  const Value push = b.add(force, b.mul(c(0.05), b.mul(b.mul(w, w), sn)));
  const Value temp = b.div(push, c(1.1));
  const Value inertia = b.sub(c(4.0 / 3), b.div(b.mul(c(0.1), b.mul(cs, cs)), c(1.1)));
  const Value acc = b.div(b.sub(b.mul(c(9.8), sn), b.mul(cs, temp)), b.mul(c(0.5), inertia));
  const Value xacc = b.sub(temp, b.mul(c(0.05 / 1.1), b.mul(acc, cs)));
  const Value h = c(0.02);
  return {b.add(s[0], b.mul(h, v)), b.add(v, b.mul(h, xacc)), b.add(a, b.mul(h, w)),
          b.add(w, b.mul(h, acc))};
}

enum class Precision { kF64, kF32, kCompensated, kDoubleSingle };

/// Kepler's problem by leapfrog (drift, kick, drift with the drifts joined between samples), unit
/// mass and constant.
/// Carries: q [2], p [2], and for the last two kinds the error terms of both. In f64: energy.
/// (q, p) in f64 -> the largest |relative energy error| over `samples` samples, and the last q.
inline ir::FunctionPtr kepler(Precision precision, double dt, std::int64_t steps,
                              std::int64_t samples) {
  const bool wide = precision == Precision::kF64;
  const bool errors = precision == Precision::kCompensated || precision == Precision::kDoubleSingle;
  const ir::Type point{wide ? DType::kF64 : DType::kF32, Shape{2}}, real{DType::kF64, Shape{2}};
  Builder force("force");
  const Value x = force.param(real);
  const Value r2 = force.dot(x, x);
  const Value w = force.div(force.constant(-1.0), force.mul(r2, force.unary(Op::kSqrt, r2)));
  ir::FunctionPtr f = transform::run_passes(force.finish({force.scale(w, x)}));
  if (precision == Precision::kDoubleSingle) {
    f = transform::run_passes(transform::in_double_single(*f));
  } else if (!wide) {
    Builder narrow("force");
    const Value y = narrow.param(point);
    const Value s2 = narrow.dot(y, y);
    const Value v =
        narrow.div(narrow.constant(-1.0, DType::kF32), narrow.mul(s2, narrow.unary(Op::kSqrt, s2)));
    f = transform::run_passes(narrow.finish({narrow.scale(v, y)}));
  }
  const bool fine = precision == Precision::kDoubleSingle;
  struct State {
    transform::Compensated q, p;
  };
  const auto update = [&](Builder& b, transform::Compensated x, double scale,
                          transform::Compensated rate) {
    const Value h = b.splat(scale, point);
    if (!errors) return transform::Compensated{b.fma(h, rate.value, x.value), {}};
    return fine ? transform::compensated_update(b, x, h, rate)
                : transform::compensated_update(b, x, h, rate.value);
  };
  const auto kick = [&](Builder& b, State& s) {
    std::vector<Value> at = {s.q.value};
    if (fine) at.push_back(s.q.error);
    const std::vector<Value> pull = b.inline_call(*f, at);
    s.p = update(b, s.p, dt, {pull[0], fine ? pull[1] : Value{}});
  };
  const auto state_of = [&](std::span<const Value> v) {
    return errors ? State{{v[0], v[2]}, {v[1], v[3]}} : State{{v[0], {}}, {v[1], {}}};
  };
  const auto values_of = [&](const State& s) {
    std::vector<Value> v = {s.q.value, s.p.value};
    if (errors) v.push_back(s.q.error), v.push_back(s.p.error);
    return v;
  };
  const std::size_t parts = errors ? 4 : 2;
  Builder body("step");
  body.param(ir::scalar(DType::kI64), "step");
  std::vector<Value> held;
  for (std::size_t k = 0; k < parts; ++k) held.push_back(body.param(point));
  State s = state_of(held);
  kick(body, s);
  s.q = update(body, s.q, dt, s.p);
  ir::LoopAttr inner;
  inner.trip = steps / samples - 1;
  inner.carries = static_cast<std::int64_t>(parts);
  inner.body = body.finish(values_of(s));

  Builder outer("sample");
  outer.param(ir::scalar(DType::kI64), "sample");
  const Value start = outer.param(ir::scalar(), "energy");
  const Value worst = outer.param(ir::scalar(), "worst");
  std::vector<Value> state;
  for (std::size_t k = 0; k < parts; ++k) state.push_back(outer.param(point));
  State at = state_of(state);
  at.q = update(outer, at.q, dt / 2, at.p);
  at = state_of(outer.loop(inner, values_of(at)));
  kick(outer, at);
  at.q = update(outer, at.q, dt / 2, at.p);
  const std::vector<Value> after = values_of(at);
  const auto f64 = [&](std::size_t k) {
    const Value high = outer.cast(after[k], DType::kF64);
    return errors ? outer.add(high, outer.cast(after[k + 2], DType::kF64)) : high;
  };
  // What the method conserves to dt^4: H + dt^2 (|V'|^2 / 12 - p V'' p / 24), V = -1/r (Hairer,
  // Lubich and Wanner, Geometric Numerical Integration, IX.1). H itself swings by dt^2.
  const auto energy = [dt](Builder& b, Value x, Value v) {
    const Value v2 = b.dot(v, v), xv = b.dot(x, v);
    const Value w = b.unary(Op::kRsqrt, b.dot(x, x)), w2 = b.mul(w, w), w3 = b.mul(w, w2);
    const Value bent =  // p V'' p
        b.mul(w3, b.sub(v2, b.mul(b.constant(3.0), b.mul(w2, b.mul(xv, xv)))));
    const Value swing =
        b.sub(b.mul(b.constant(1.0 / 12), b.mul(w2, w2)), b.mul(b.constant(1.0 / 24), bent));
    return b.add(b.sub(b.mul(b.constant(0.5), v2), w), b.mul(b.constant(dt * dt), swing));
  };
  const Value e = energy(outer, f64(0), f64(1));
  const Value off = outer.unary(Op::kAbs, outer.div(outer.sub(e, start), start));
  std::vector<Value> results = {outer.binary(Op::kMax, worst, off)};
  results.insert(results.end(), after.begin(), after.end());
  ir::LoopAttr loop;
  loop.trip = samples;
  loop.invariants = 1;
  loop.carries = static_cast<std::int64_t>(results.size());
  loop.body = outer.finish(results);
  Builder b("kepler");
  const Value q0 = b.param(real, "q"), p0 = b.param(real, "p");
  std::vector<Value> init = {b.zeros(ir::scalar())};
  const auto narrow = [&](Value v) { return wide ? v : b.cast(v, DType::kF32); };
  const Value qh = narrow(q0), ph = narrow(p0);
  init.push_back(qh), init.push_back(ph);
  if (errors) {
    init.push_back(narrow(b.sub(q0, b.cast(qh, DType::kF64))));
    init.push_back(narrow(b.sub(p0, b.cast(ph, DType::kF64))));
  }
  init.insert(init.begin(), energy(b, q0, p0));
  const std::vector<Value> out = b.loop(loop, init);
  return b.finish({out[0], out[1]});
}

inline ir::FunctionPtr rollout(Step step, std::int64_t state, DType t, std::int64_t steps) {
  Builder body("step");
  body.param(ir::scalar(DType::kI64), "step");
  std::vector<Value> s;
  for (std::int64_t k = 0; k < state; ++k) s.push_back(body.param(ir::scalar(t)));
  ir::LoopAttr attr;
  attr.trip = steps;
  attr.carries = state;
  attr.body = body.finish(step(body, s, t));
  Builder b("rollout");
  std::vector<Value> init;
  for (std::int64_t k = 0; k < state; ++k) init.push_back(b.param(ir::scalar(t)));
  return b.finish(b.loop(attr, init));
}

/// Accelerations of n unit masses, softened: x [n, 3] -> a [n, 3].
inline ir::FunctionPtr gravity(std::int64_t n, DType t, double eps2) {
  Builder body("pair");
  body.param(ir::scalar(DType::kI64), "i"), body.param(ir::scalar(DType::kI64), "j");
  const ir::Type point{t, Shape{3}};
  const Value xi = body.param(point, "xi"), xj = body.param(point, "xj");
  const Value d = body.sub(xj, xi);
  const Value r2 = body.add(body.dot(d, d), body.constant(eps2, t));
  const Value w = body.div(body.constant(1, t), body.mul(r2, body.unary(Op::kSqrt, r2)));
  ir::PairAttr attr;
  attr.count = n;
  attr.kind = ir::PairKind::kUnequal;
  attr.rows_i = attr.rows_j = 1;
  attr.roles = {ir::Role::kAtI};
  attr.body = body.finish({body.scale(w, d)});
  Builder b("gravity");
  const Value x = b.param({t, Shape{n, 3}}, "x");
  const Value operands[] = {x, x};
  return b.finish(b.pair_sum(attr, operands));
}

inline ir::FunctionPtr triad(std::int64_t n) {
  Builder b("triad");
  const ir::Type t{DType::kF64, Shape{n}};
  const Value x = b.param(t), y = b.param(t), s = b.param(ir::scalar());
  return b.finish({b.add(x, b.scale(s, y))});
}

/// A chain of ten elementwise operations on one array.
inline ir::FunctionPtr chain(std::int64_t n) {
  Builder b("chain");
  const ir::Type t{DType::kF64, Shape{n}};
  const Value x = b.param(t), one = b.splat(1, t), half = b.splat(0.5, t);
  Value y = b.mul(x, x);
  y = b.add(y, one), y = b.unary(Op::kSqrt, y), y = b.sub(y, x), y = b.mul(y, half);
  y = b.binary(Op::kMax, y, half), y = b.add(y, x), y = b.mul(y, y), y = b.sub(y, one);
  return b.finish({b.unary(Op::kAbs, y)});
}

inline ir::FunctionPtr stencil5(std::int64_t rows, std::int64_t columns) {
  Builder b("stencil5");
  const Value x = b.param({DType::kF64, Shape{rows, columns}});
  const auto at = [&](std::int64_t i, std::int64_t j) {
    return b.slice(x, {1 + i, 1 + j}, {rows - 1 + i, columns - 1 + j}, {1, 1});
  };
  const Value around = b.add(b.add(at(0, -1), at(0, 1)), b.add(at(-1, 0), at(1, 0)));
  const Value quarter = b.splat(0.25, b.type(around));
  return b.finish({b.sub(b.mul(quarter, around), at(0, 0))});
}

inline ir::FunctionPtr stencil27(std::int64_t n) {
  Builder b("stencil27");
  const Value x = b.param({DType::kF64, Shape{n, n, n}});
  Value sum;
  for (std::int64_t i = 0; i < 3; ++i) {
    for (std::int64_t j = 0; j < 3; ++j) {
      for (std::int64_t k = 0; k < 3; ++k) {
        const Value part = b.slice(x, {i, j, k}, {n - 2 + i, n - 2 + j, n - 2 + k}, {1, 1, 1});
        sum = sum.valid() ? b.add(sum, part) : part;
      }
    }
  }
  return b.finish({b.mul(sum, b.splat(1.0 / 27, b.type(sum)))});
}

inline ir::FunctionPtr matmul(std::int64_t n, DType t) {
  Builder b("matmul");
  const ir::Type type{t, Shape{n, n}};
  ir::DotAttr dot;
  dot.contract_x = {1}, dot.contract_y = {0};
  const Value x = b.param(type), y = b.param(type);
  return b.finish({b.dot_general(x, y, dot)});
}

/// A step of about 20,000 operations: a chain of coupled scalars, no two alike.
inline std::vector<Value> large_step(Builder& b, const std::vector<Value>& s, DType t) {
  std::vector<Value> x = s;
  for (int round = 0; round < 100; ++round) {
    for (std::size_t k = 0; k < x.size(); ++k) {
      const double weight = 1e-4 * (1 + 0.37 * round + 0.11 * static_cast<double>(k));
      const Value push = b.mul(b.constant(weight, t), x[(k + 1) % x.size()]);
      x[k] = b.add(b.mul(x[k], b.constant(1 - weight, t)), push);
    }
  }
  return x;
}

inline std::vector<Value> pendulum_step(Builder& b, const std::vector<Value>& s, DType t) {
  const Value h = b.constant(0.01, t);
  const Value w = b.sub(s[1], b.mul(h, b.unary(Op::kSin, s[0])));
  return {b.add(s[0], b.mul(h, w)), w};
}

/// A cartpole for `steps` steps, each with a push of its own: (4 numbers, pushes [steps]) -> the
/// sum of the squares at the end.
inline ir::FunctionPtr pushed_cartpole(std::int64_t steps, ir::Keep keep = {},
                                       DType t = DType::kF64) {
  const ir::Type scalar = ir::scalar(t);
  Builder step("step");
  step.param(ir::scalar(DType::kI64));
  std::vector<Value> s;
  for (int k = 0; k < 4; ++k) s.push_back(step.param(scalar));
  const Value u = step.param(scalar);
  std::vector<Value> next = cartpole_step(step, s, t);
  next[1] = step.add(next[1], step.mul(step.constant(0.02, t), u));
  ir::LoopAttr loop;
  loop.trip = steps;
  loop.carries = 4;
  loop.inputs = 1;
  loop.keep = keep;
  loop.body = step.finish(next);
  Builder b("cartpole");
  std::vector<Value> start;
  for (int k = 0; k < 4; ++k) start.push_back(b.param(scalar));
  start.push_back(b.param({t, Shape{steps}}));
  Value sum = b.constant(0.0, t);
  for (Value x : b.loop(loop, start)) sum = b.fma(x, x, sum);
  return b.finish({sum});
}

/// 60 scalar carries, 614 steps -> the sum of the squares at the end.
inline ir::FunctionPtr carries60_end(ir::Keep keep = {}) {
  const ir::Type scalar = ir::scalar(DType::kF64);
  Builder step("step"), b("carries");
  step.param(ir::scalar(DType::kI64));
  std::vector<Value> s, start;
  for (int k = 0; k < 60; ++k) {
    s.push_back(step.param(scalar));
    start.push_back(b.param(scalar));
  }
  ir::LoopAttr loop;
  loop.trip = 614;
  loop.carries = 60;
  loop.keep = keep;
  loop.body = step.finish(carries60_step(step, s, DType::kF64));
  Value sum = b.constant(0.0);
  for (Value x : b.loop(loop, start)) sum = b.fma(x, x, sum);
  return b.finish({sum});
}

}  // namespace bench
