#include "cotangent/mechanics/kepler_flow.h"

#include <array>

#include "cotangent/transform/math_terms.h"

namespace cotangent::mechanics {
namespace {

using ir::Builder;
using ir::FunctionPtr;
using ir::Op;
using ir::Type;
using ir::Value;
using transform::fma;
using transform::Num;
using transform::select;

/// What the residual must be below, as a share of s, for the last correction to be exact.
constexpr double kNear = 3e-4;
constexpr double kShort = 1;     ///< |beta s^2| of the plain series
constexpr int kQuarterings = 6;  ///< of beta s^2, where it is not: up to 4,096
constexpr double kLargest = 63;  ///< sqrt(-beta) s of hyperbolas: e^63
constexpr int kMostIterations = 60;

/// (-1)^j/(2j + n)!, enough for |z| <= 1.
std::array<double, 8> stumpff_series(int n) {
  std::array<double, 8> c{};
  double factorial = 1;
  for (int k = 2; k <= n; ++k) factorial *= k;
  for (int j = 0; j < 8; ++j) {
    c[static_cast<std::size_t>(j)] = (j % 2 == 0 ? 1 : -1) / factorial;
    factorial *= (2 * j + n + 1.0) * (2 * j + n + 2.0);
  }
  return c;
}

/// c_2 and c_3, or c_4 and c_5
struct Stumpff {
  Num even, odd;
};
Stumpff fourth_and_fifth(Num z) {
  return {transform::polynomial(stumpff_series(4), z), transform::polynomial(stumpff_series(5), z)};
}
Stumpff second_and_third(Num z) {
  const Stumpff c = fourth_and_fifth(z);
  return {fma(-z, c.even, 0.5), fma(-z, c.odd, 1.0 / 6)};
}

/// For |z| < 4^kQuarterings: c_n(4z) from c_n(z), as often as it takes.
Stumpff second_and_third_of_any(Num z) {
  std::vector<Num> large;
  for (int k = 0; k < kQuarterings; ++k) {
    large.push_back(transform::abs(z) > kShort);
    z = select(large.back(), z * 0.25, z);
  }
  Stumpff c = second_and_third(z);
  for (int k = kQuarterings - 1; k >= 0; --k) {
    const Num& twice = large[static_cast<std::size_t>(k)];
    const Num c0 = fma(-z, c.even, 1.0), c1 = fma(-z, c.odd, 1.0);
    c = {select(twice, 0.5 * (c1 * c1), c.even),
         select(twice, 0.25 * fma(c0, c.odd, c.even), c.odd)};
    z = select(twice, 4.0 * z, z);
  }
  return c;
}

/// What the solution is made of. h: without whole periods.
struct Solution {
  Num s, h, g1, g2, g3;

  std::vector<Value> values() const { return {s.v, h.v, g1.v, g2.v, g3.v}; }
};
constexpr std::size_t kFlowParts = 5;

/// The orbit at the start.
struct Orbit {
  Num r, inverse, eta, zeta, beta, h;
};

/// F and its derivatives at some s.
struct Residual {
  Num f, first, second, third;  ///< the fourth is -beta times the second

  Residual(const Orbit& o, const Solution& x)
      : f(fma(o.zeta, x.g3, fma(o.eta, x.g2, fma(o.r, x.s, -x.h)))),
        first(fma(o.zeta, x.g2, fma(o.eta, x.g1, o.r))),
        second(fma(o.zeta, x.g1, o.eta * g0(o, x))),
        third(fma(o.zeta, g0(o, x), -(o.beta * (o.eta * x.g1)))) {}

  static Num g0(const Orbit& o, const Solution& x) { return fma(-o.beta, x.g2, 1.0); }
};

Solution with_functions(const Orbit& o, Num s, Num h, bool any) {
  const Num s2 = s * s, z = o.beta * s2;
  const Stumpff c = any ? second_and_third_of_any(z) : second_and_third(z);
  const Num g3 = (s2 * s) * c.odd;
  return {s, h, fma(-o.beta, g3, s), s2 * c.even, g3};
}

/// Coefficients of F(s + x)/F' = ... + x + a_2 x^2 + a_3 x^3 + a_4 x^4, and x as a series in what
/// F/F' lacks.
struct Inverse {
  Num a2, a3, a4;

  Num operator()(Num u) const {
    const Num square = a2 * a2;
    const Num third = fma(2.0 * a2, a2, -a3);
    const Num fourth = fma(5.0 * a2, a3 - square, -a4);
    return u * fma(u, fma(u, fma(u, fourth, third), -a2), 1.0);
  }
};

/// A solution near the root, and the root.
struct Corrected {
  Solution at;
  Num good;  ///< bool: it was near enough
};
Corrected corrected(const Orbit& o, const Solution& x) {
  const Residual f(o, x);
  const Num inverse = 1.0 / f.first, u = -(f.f * inverse);
  const Num a2 = (0.5 * f.second) * inverse, a3 = (f.third * inverse) * (1.0 / 6);
  const Num e = Inverse{a2, a3, (o.beta * a2) * (-1.0 / 12)}(u);
  const Num g0 = Residual::g0(o, x), half = 0.5 * e, third = e * (1.0 / 3);
  const Num b1 = o.beta * x.g1, b0 = o.beta * g0;
  const Num g1 = fma(e, fma(half, -fma(third, b0, b1), g0), x.g1);
  const Num g2 = fma(e, fma(half, fma(third, -b1, g0), x.g1), x.g2);
  const Num g3 = fma(e, fma(half, fma(third, g0, x.g1), x.g2), x.g3);
  const Num good = (transform::abs(u) <= kNear * transform::abs(x.s)) &
                   (transform::abs(u * a2) <= kNear) &
                   (transform::abs((u * u) * a3) <= kNear * kNear);
  return {{x.s + e, x.h, g1, g2, g3}, good};
}

/// Parameters of a function of an orbit: r, inverse, eta, zeta, beta, h.
Orbit orbit_parameters(Builder& b, const Type& type) {
  const auto param = [&](const char* name) { return Num{&b, b.param(type, name)}; };
  Orbit o;
  o.r = param("r"), o.inverse = param("inverse"), o.eta = param("eta");
  o.zeta = param("zeta"), o.beta = param("beta"), o.h = param("h");
  return o;
}
std::vector<Value> values_of(const Orbit& o) {
  return {o.r.v, o.inverse.v, o.eta.v, o.zeta.v, o.beta.v, o.h.v};
}
constexpr std::size_t kOrbitParts = 6;

/// 1 where it holds, else 0; and whether that is so of all.
Num as_number(Num holds, Num like) {
  return select(holds, like.with(1), like.with(0));
}
Value all_of(Num numbers) {
  Builder& b = *numbers.b;
  return b.lt(b.constant(0.5), b.reduce(Op::kReduceMin, numbers.v, {0}));
}

/// h without whole periods, and where to look for its s.
struct Start {
  Num s, h, largest;
};
Start global_start(const Orbit& o) {
  const Num k = fma(o.beta, o.r, o.zeta), none = o.h.with(0);
  const Num size = transform::abs(o.beta), ellipse = o.beta > 0.0, hyperbola = o.beta < 0.0;
  const Num safe = select(size > 0.0, size, 1.0), root = transform::sqrt(safe);
  const Num period = (2 * M_PI * k) / (safe * root);
  const Num beyond = ellipse & (period < 2.0 * transform::abs(o.h));
  const Num turns =
      select(beyond, transform::apply(Op::kRound, o.h / select(beyond, period, 1.0)), none);
  const Num h = fma(-select(beyond, period, 1.0), turns, o.h);
  // Of a hyperbola far out: |h| = e^(root |s|) (zeta +- root eta)/(2 root^3).
  const Num sign = transform::apply(Op::kSign, h), length = transform::abs(h);
  const Num growth = fma(sign * root, o.eta, o.zeta);
  const Num ratio = (2.0 * (root * safe) * length) / select(growth > 0.0, growth, 1.0);
  const Num far = transform::apply(Op::kLog1p, select(hyperbola, ratio, none)) / root;
  const Num straight = 2.0 * (length * o.inverse);
  const Num out = sign * select(far < straight, far, straight);
  const Num around = (h * o.beta) / select(k > 0.0, k, 1.0);
  const Num largest =
      select(size > 0.0, select(hyperbola, kLargest, 7.0 * o.r.with(1)) / root, 1e300);
  return {select(hyperbola, out, around), h, largest};
}

/// Laguerre's iteration as if F were of fifth degree.
Num laguerre(const Residual& f) {
  const Num root =
      transform::sqrt(transform::abs(fma(16.0 * f.first, f.first, -(20.0 * (f.f * f.second)))));
  return (-5.0 * f.f) / (f.first + root);
}

/// (orbit...) -> (solution...): for any h.
FunctionPtr search_program(const Type& type) {
  // Invariants: the orbit, h without periods, the largest s.
  const auto make = [&](Builder& body, bool is_condition) {
    body.param(ir::scalar(DType::kI64), "iteration");
    Orbit o = orbit_parameters(body, type);
    const Num h{&body, body.param(type, "h_reduced")};
    const Num largest{&body, body.param(type, "largest")};
    const Num s{&body, body.param(type, "s")}, still{&body, body.param(type, "left")};
    if (is_condition) {
      return body.finish({body.lt(body.constant(0.5), body.reduce(Op::kReduceMax, still.v, {0}))});
    }
    const Solution x = with_functions(o, s, h, true);
    const Num good = corrected(o, x).good | !(still > 0.5);
    const Num next = s + laguerre(Residual(o, x));
    const Num inside = select(largest < next, largest, select(next < -largest, -largest, next));
    return body.finish({select(good, s, inside).v, as_number(!good, s).v});
  };
  Builder goes_on("unsettled"), iterate("laguerre");
  ir::WhileAttr attr;
  attr.invariants = static_cast<std::int64_t>(kOrbitParts) + 2;
  attr.carries = 2;
  attr.limit = kMostIterations;
  attr.condition = make(goes_on, true);
  attr.body = make(iterate, false);

  Builder b("search");
  const Orbit o = orbit_parameters(b, type);
  const Start start = global_start(o);
  std::vector<Value> operands = values_of(o);
  operands.insert(operands.end(), {start.h.v, start.largest.v, start.s.v, b.splat(1, type)});
  const Num s{&b, b.while_loop(attr, operands)[0]};
  return b.finish(corrected(o, with_functions(o, s, start.h, true)).at.values());
}

/// The same, and by the short way where that does.
FunctionPtr solve_program(const Type& type) {
  // Of the searches the results of those that were good already are not taken.
  const auto branch = [&](bool search) {
    Builder b(search ? "search" : "found");
    const Orbit o = orbit_parameters(b, type);
    std::vector<Num> found;
    for (std::size_t k = 0; k < kFlowParts; ++k) found.push_back({&b, b.param(type)});
    const Num good{&b, b.param(type, "good")};
    std::vector<Value> results;
    if (!search) {
      for (const Num& x : found) results.push_back(x.v);
      return b.finish(results);
    }
    const std::vector<Value> other = b.inline_call(*search_program(type), values_of(o));
    for (std::size_t k = 0; k < kFlowParts; ++k) {
      results.push_back(select(good > 0.5, found[k], Num{&b, other[k]}).v);
    }
    return b.finish(results);
  };
  Builder b("kepler_solve");
  const Orbit o = orbit_parameters(b, type);
  const Num a2 = (0.5 * o.eta) * o.inverse, a3 = (o.zeta * o.inverse) * (1.0 / 6);
  const Num s = Inverse{a2, a3, (o.beta * a2) * (-1.0 / 12)}(o.h * o.inverse);
  const Corrected c = corrected(o, with_functions(o, s, o.h, false));
  const Num good = as_number(c.good & (transform::abs(o.beta * (s * s)) <= kShort), s);
  std::vector<Value> operands = {all_of(good)};
  for (const auto& list : {values_of(o), c.at.values()}) {
    operands.insert(operands.end(), list.begin(), list.end());
  }
  operands.push_back(good.v);
  return b.finish(b.cond({branch(false), branch(true)}, operands));
}

/// (orbit..., solution..., tangents of the orbit...) -> (tangents of the solution...)
///
/// dG_n/dbeta = (n G_(n+2) - s G_(n+1))/2 at constant s, dG_n/ds = G_(n-1); ds from F = 0; and of
/// the whole periods that h lost their own change.
FunctionPtr solve_jvp_program(const Type& type) {
  Builder b("kepler_solve_jvp");
  const Orbit o = orbit_parameters(b, type);
  const auto param = [&] { return Num{&b, b.param(type)}; };
  Solution x;
  x.s = param(), x.h = param(), x.g1 = param(), x.g2 = param(), x.g3 = param();
  const Orbit d = orbit_parameters(b, type);

  const Num k = fma(o.beta, o.r, o.zeta), gone = o.h - x.h;
  const Num dk = d.zeta + o.beta * d.r + o.r * d.beta;
  const Num reduced = gone != 0.0;
  const auto over = [&](Num y, Num by) {
    return select(reduced, y / select(reduced, by, 1.0), 0.0);
  };
  const Num dh = d.h - gone * (over(dk, k) - 1.5 * over(d.beta, o.beta));

  const Num s2 = x.s * x.s, z = o.beta * s2, small = transform::abs(z) <= kShort;
  const Num safe = select(small, 1.0, o.beta);
  const Stumpff c = fourth_and_fifth(select(small, z, 0.0));
  const Num g4 = select(small, (s2 * s2) * c.even, (0.5 * s2 - x.g2) / safe);
  const Num g5 = select(small, (s2 * (s2 * x.s)) * c.odd, (s2 * x.s * (1.0 / 6) - x.g3) / safe);
  const Num by1 = 0.5 * (x.g3 - x.s * x.g2), by2 = g4 - 0.5 * (x.s * x.g3);
  const Num by3 = 1.5 * g5 - 0.5 * (x.s * g4);
  const Num after = fma(o.zeta, x.g2, fma(o.eta, x.g1, o.r));
  const Num ds =
      (dh - x.s * d.r - x.g2 * d.eta - x.g3 * d.zeta - (o.eta * by2 + o.zeta * by3) * d.beta) /
      after;
  const Num g0 = Residual::g0(o, x);
  return b.finish({ds.v, dh.v, (g0 * ds + by1 * d.beta).v, (x.g1 * ds + by2 * d.beta).v,
                   (x.g2 * ds + by3 * d.beta).v});
}

}  // namespace

KeplerState kepler_drift(Builder& b, const KeplerState& at, Value k, Value h, Value inverse) {
  const Type type = b.type(k);
  const Shape whole = b.type(at.r).shape;
  const auto num = [&](Value v) { return Num{&b, v}; };
  const auto each = [&](Num x) { return num(b.broadcast(x.v, whole, {0})); };
  const Num r = num(at.r), v = num(at.v), strength = num(k);
  Orbit o;
  const Num square = num(b.dot(at.r, at.r)), speed = num(b.dot(at.v, at.v));
  o.inverse = inverse.valid() ? num(inverse) : transform::apply(Op::kRsqrt, square);
  o.r = square * o.inverse;
  o.eta = num(b.dot(at.r, at.v));
  o.beta = fma(2.0 * strength, o.inverse, -speed);
  o.zeta = fma(speed, o.r, -strength);
  o.h = num(b.broadcast(h, type.shape, {}));
  ir::CallAttr call;
  call.body = solve_program(type);
  call.jvp = solve_jvp_program(type);
  const std::vector<Value> solved = b.call(call, values_of(o));
  const Num hr = num(solved[1]), g1 = num(solved[2]), g2 = num(solved[3]), g3 = num(solved[4]);

  const Num after = 1.0 / fma(o.zeta, g2, fma(o.eta, g1, o.r));
  const Num kg2 = strength * g2, kg1 = strength * g1;
  const Num f = kg2 * o.inverse, g = fma(-strength, g3, hr);
  const Num df = (kg1 * o.inverse) * after, dg = kg2 * after;
  return {(r + (each(g) * v - each(f) * r)).v, (v - (each(df) * r + each(dg) * v)).v};
}

ir::FunctionPtr kepler_flow(std::int64_t bodies, std::int64_t dimensions) {
  Builder b("kepler_flow");
  const Type state{DType::kF64, Shape{bodies, dimensions}}, one{DType::kF64, Shape{bodies}};
  const Value r = b.param(state, "r"), v = b.param(state, "v");
  const Value k = b.param(one, "k"), h = b.param(ir::scalar(), "h");
  const KeplerState end = kepler_drift(b, {r, v}, k, h);
  return b.finish({end.r, end.v});
}

PartFlow kepler_part(const System& system, const FunctionPtr& masses,
                     const FunctionPtr& strengths) {
  const Shape& shape = system.shape;
  if (system.form != Form::kCanonical || shape.rank() < 1 || shape.rank() > 2) {
    throw UserError("[kepler] the flow of two bodies is of q and p with shape [n, d] or [d], not " +
                        shape.text(),
                    "give the bodies as rows of q and p");
  }
  const bool one = shape.rank() == 1;
  const std::int64_t n = one ? 1 : shape[0], d = one ? shape[0] : shape[1];
  for (const FunctionPtr& f : {masses, strengths}) {
    const Type& type = f->result_type(0);
    if (type.dtype != DType::kF64 || type.size() != n) {
      throw UserError("[kepler] masses and strengths are f64, one a body: " + std::to_string(n) +
                          ", not " + type.text(),
                      "give functions of the parameters with one number a body");
    }
  }
  Builder b("kepler");
  const Type state{DType::kF64, shape};
  const Value q = b.param(state, "q"), p = b.param(state, "p");
  b.param(ir::scalar(), "t");
  const Value h = b.param(ir::scalar(), "h");
  std::vector<Value> parameters;
  for (const Parameter& x : system.parameters) {
    parameters.push_back(b.param(x.value.type(), x.name));
  }
  const Shape rows{n, d};
  const auto given = [&](const FunctionPtr& f) {
    return b.reshape(b.inline_call(*f, parameters)[0], Shape{n});
  };
  const Value m = given(masses), whole = b.broadcast(m, rows, {0});
  const Value k = b.div(given(strengths), m);
  const KeplerState end =
      kepler_drift(b, {b.reshape(q, rows), b.div(b.reshape(p, rows), whole)}, k, h);
  PartFlow part;
  part.name = "kepler";
  part.flow = b.finish({b.reshape(end.r, shape), b.reshape(b.mul(end.v, whole), shape)});
  part.cost = 150.0 * static_cast<double>(n);
  return part;
}

}  // namespace cotangent::mechanics
