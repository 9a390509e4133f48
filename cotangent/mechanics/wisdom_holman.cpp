#include "cotangent/mechanics/wisdom_holman.h"

#include <algorithm>
#include <cmath>
#include <random>

#include "cotangent/ir/builder.h"
#include "cotangent/ir/evaluator.h"
#include "cotangent/mechanics/fixed_parameters.h"
#include "cotangent/mechanics/kepler_flow.h"
#include "cotangent/mechanics/programs.h"
#include "cotangent/mechanics/scalars.h"
#include "cotangent/mechanics/step_program.h"
#include "cotangent/transform/passes.h"

namespace cotangent::mechanics {
namespace {

using ir::Builder;
using ir::FunctionPtr;
using ir::Op;
using ir::Type;
using ir::Value;

/// So many planets have their forces written out, one pair after the other.
constexpr std::int64_t kWrittenOut = 8;

/// The planets' coordinates inside a program, [m, d].
struct Planets {
  Value r, v;
};
/// The others in their coordinates, and the centre of mass.
struct Carry {
  Planets planets;
  Value centre, velocity;  ///< [d], of the centre of mass at the start
};

/// What depends on the masses only; loops move it out of their steps.
struct Masses {
  Value of_star;        ///< scalar
  Value all;            ///< [n], the star first
  Value planets;        ///< [m]
  Value up_to, before;  ///< [m]: eta_i, eta_(i-1)
  Value gravity;        ///< G
};

/// Programs on the planets of one system.
class Map {
 public:
  Map(Builder& b, const System& system, const NearIntegrable& near, PlanetCoordinates coordinates,
      const std::vector<Value>& parameters)
      : b_(b),
        n_(system.shape[0]),
        m_(n_ - 1),
        d_(system.shape[1]),
        star_(near.star),
        jacobi_(coordinates == PlanetCoordinates::kJacobi) {
    const Value all = b.inline_call(*near.masses, parameters)[0];
    masses_.all = star_first(all);
    masses_.of_star = b.row(masses_.all, 0);
    masses_.planets = b.slice_rows(masses_.all, 1, n_);
    const Value sums = b.cumulative_sum(masses_.all, 0);
    masses_.up_to = b.slice_rows(sums, 1, n_);
    masses_.before = b.slice_rows(sums, 0, m_);
    masses_.gravity = b.inline_call(*near.gravity, parameters)[0];
  }

  /// q and p -> the planets and the centre.
  Carry enter(Value q, Value p) {
    const Value x = star_first(q), v = b_.div(star_first(p), each(masses_.all, n_));
    Carry c;
    c.centre = mean(x), c.velocity = mean(v);
    if (jacobi_) {
      c.planets = {relative_to_those_before(x), relative_to_those_before(v)};
    } else {
      c.planets = {b_.sub(b_.slice_rows(x, 1, n_), repeated(b_.row(x, 0))),
                   b_.sub(b_.slice_rows(v, 1, n_), repeated(c.velocity))};
    }
    return c;
  }

  /// And back: q and p.
  std::vector<Value> leave(const Carry& c, Value centre) {
    const auto body = [&](Value star, Value planets) {
      const Value parts[] = {b_.reshape(star, Shape{1, d_}), planets};
      return b_.concatenate(parts, 0);
    };
    Value x, v;
    if (jacobi_) {
      const auto from = [&](Value relative, Value middle) {
        const Value star = b_.sub(middle, total(b_.div(masses_.planets, masses_.up_to), relative));
        return body(star, b_.add(shifted(relative), repeated(star)));
      };
      x = from(c.planets.r, centre), v = from(c.planets.v, c.velocity);
    } else {
      const Value whole = b_.reduce_sum(masses_.all);
      const Value share = b_.div(masses_.planets, b_.broadcast_to(whole, Shape{m_}));
      const Value star = b_.sub(centre, total(share, c.planets.r));
      const Value recoil = b_.div(masses_.planets, b_.broadcast_to(masses_.of_star, Shape{m_}));
      x = body(star, b_.add(c.planets.r, repeated(star)));
      v = body(b_.sub(c.velocity, total(recoil, c.planets.v)),
               b_.add(c.planets.v, repeated(c.velocity)));
    }
    return {star_back(x), star_back(b_.mul(v, each(masses_.all, n_)))};
  }

  /// The flow of A.
  Planets drift(const Planets& at, Value h, Value inverse = {}) {
    const Value m = jacobi_ ? masses_.up_to : b_.broadcast_to(masses_.of_star, Shape{m_});
    const Value k = b_.mul(m, b_.broadcast_to(masses_.gravity, Shape{m_}));
    const KeplerState end = kepler_drift(b_, {at.r, at.v}, k, h, inverse);
    return {end.r, end.v};
  }

  /// The flow of B; `inverse` is 1/|r|.
  Planets kick(const Planets& at, Value h, Value inverse) {
    if (!jacobi_) {
      const Value half = b_.mul(h, b_.constant(0.5));
      const Planets moved = jump(at, half);
      const Value a = pull(moved.r, {});
      return jump({moved.r, pushed(moved.v, h, a)}, half);
    }
    return {at.r, pushed(at.v, h, jacobi_pull(at.r, inverse))};
  }

  Value inverse_distance(Value r) { return b_.unary(Op::kRsqrt, b_.dot(r, r)); }

 private:
  // --- order of bodies

  Value star_first(Value x) {
    if (star_ == 0) return x;
    const Value parts[] = {b_.slice_rows(x, star_, star_ + 1), b_.slice_rows(x, 0, star_),
                           b_.slice_rows(x, star_ + 1, n_)};
    return b_.concatenate(std::span(parts, star_ + 1 < n_ ? 3 : 2), 0);
  }
  Value star_back(Value x) {
    if (star_ == 0) return x;
    const Value parts[] = {b_.slice_rows(x, 1, star_ + 1), b_.slice_rows(x, 0, 1),
                           b_.slice_rows(x, star_ + 1, n_)};
    return b_.concatenate(std::span(parts, star_ + 1 < n_ ? 3 : 2), 0);
  }

  // --- sums over bodies

  Value each(Value x, std::int64_t rows) { return b_.broadcast(x, Shape{rows, d_}, {0}); }
  Value repeated(Value x) { return b_.broadcast(x, Shape{m_, d_}, {1}); }
  /// sum over planets of weight times x
  Value total(Value weight, Value x) { return b_.reduce_sum(b_.mul(each(weight, m_), x), {0}); }
  Value mean(Value x) {
    const Value whole = b_.reduce_sum(masses_.all);
    const Value share = b_.div(masses_.all, b_.broadcast_to(whole, Shape{n_}));
    return b_.reduce_sum(b_.mul(each(share, n_), x), {0});
  }
  Value relative_to_those_before(Value x) {
    const Value sums = b_.cumulative_sum(b_.mul(each(masses_.all, n_), x), 0);
    return b_.sub(b_.slice_rows(x, 1, n_),
                  b_.div(b_.slice_rows(sums, 0, m_), each(masses_.before, m_)));
  }
  /// Jacobi coordinates -> places relative to the star: r_i + sum over j<i of m_j/eta_j r_j.
  Value shifted(Value r) {
    const Value share = b_.div(masses_.planets, masses_.up_to);
    if (m_ == 1) return r;
    std::vector<Value> rows = {b_.row(r, 0)};
    if (m_ <= kWrittenOut) {
      Value sum = b_.scale(b_.row(share, 0), rows[0]);
      for (std::int64_t k = 1; k < m_; ++k) {
        const Value here = b_.row(r, k);
        rows.push_back(b_.add(here, sum));
        sum = b_.add(sum, b_.scale(b_.row(share, k), here));
      }
      return stacked(rows);
    }
    const Value sums = b_.cumulative_sum(b_.mul(each(share, m_), r), 0);
    const Value rest = b_.add(b_.slice_rows(r, 1, m_), b_.slice_rows(sums, 0, m_ - 1));
    const Value parts[] = {b_.slice_rows(r, 0, 1), rest};
    return b_.concatenate(parts, 0);
  }
  Value stacked(const std::vector<Value>& rows) {
    std::vector<Value> parts;
    for (Value x : rows) parts.push_back(b_.reshape(x, Shape{1, d_}));
    return b_.concatenate(parts, 0);
  }

  // --- forces

  Value pushed(Value v, Value h, Value a) {
    return b_.add(v, b_.scale(b_.mul(h, masses_.gravity), a));
  }
  Planets jump(const Planets& at, Value h) {
    const Value share = b_.div(masses_.planets, b_.broadcast_to(masses_.of_star, Shape{m_}));
    return {b_.add(at.r, repeated(b_.scale(h, total(share, at.v)))), at.v};
  }

  /// 1/|x|^3 of rows
  Value cubed(Value inverse) { return b_.mul(inverse, b_.mul(inverse, inverse)); }

  /// Of the planets on each other, over G: `x` relative to anything. With `star`, that of the star
  /// at the origin on all but the first.
  Value pull(Value x, Value star) {
    Value a = m_ <= kWrittenOut ? pull_written_out(x) : pull_of_rows(x);
    if (!star.valid() || m_ == 1) return a;
    const Value rest = b_.slice_rows(x, 1, m_);
    const Value w = b_.mul(cubed(inverse_distance(rest)), b_.broadcast_to(star, Shape{m_ - 1}));
    const Value more = b_.mul(b_.broadcast(w, Shape{m_ - 1, d_}, {0}), rest);
    const Value parts[] = {b_.slice_rows(a, 0, 1), b_.sub(b_.slice_rows(a, 1, m_), more)};
    return b_.concatenate(parts, 0);
  }
  Value pull_written_out(Value x) {
    std::vector<Value> at, mass,
        a(static_cast<std::size_t>(m_), b_.zeros({DType::kF64, Shape{d_}}));
    for (std::int64_t k = 0; k < m_; ++k) {
      at.push_back(b_.row(x, k)), mass.push_back(b_.row(masses_.planets, k));
    }
    for (std::size_t i = 0; i < at.size(); ++i) {
      for (std::size_t j = i + 1; j < at.size(); ++j) {
        const Value away = b_.sub(at[j], at[i]);
        const Value w = cubed(inverse_distance(away));
        a[i] = b_.add(a[i], b_.scale(b_.mul(mass[j], w), away));
        a[j] = b_.sub(a[j], b_.scale(b_.mul(mass[i], w), away));
      }
    }
    return stacked(a);
  }
  Value pull_of_rows(Value x) {
    Builder body("pull");
    body.param(kIndex, "i"), body.param(kIndex, "j");
    const Type point{DType::kF64, Shape{d_}};
    const Value at = body.param(point, "at"), other = body.param(point, "other");
    const Value mass = body.param(kReal, "mass");
    const Value away = body.sub(other, at);
    const Value w = body.unary(Op::kRsqrt, body.dot(away, away));
    ir::PairAttr attr;
    attr.count = m_;
    attr.kind = ir::PairKind::kUnequal;
    attr.rows_i = 1, attr.rows_j = 2;
    attr.roles = {ir::Role::kAtI};
    attr.body = body.finish({body.scale(body.mul(mass, body.mul(w, body.mul(w, w))), away)});
    const Value operands[] = {x, x, masses_.planets};
    return b_.pair_sum(attr, operands)[0];
  }

  /// -(1/m'_i) dB/dQ_i over G, m'_i = m_i eta_(i-1)/eta_i: with a the pull on each body,
  ///   eta_i/eta_(i-1) a_i + (sum over j>i of m_j a_j)/eta_(i-1) + (i > 1) eta_i Q_i/|Q_i|^3
  Value jacobi_pull(Value r, Value inverse) {
    const Value a = pull(shifted(r), masses_.of_star);
    const Value later = sum_of_later(b_.mul(each(masses_.planets, m_), a));
    const Value all = b_.add(b_.mul(each(b_.div(masses_.up_to, masses_.before), m_), a),
                             b_.div(later, each(masses_.before, m_)));
    if (m_ == 1) return all;
    const Value rest = b_.slice_rows(r, 1, m_);
    const Value w =
        b_.mul(cubed(b_.slice_rows(inverse, 1, m_)), b_.slice_rows(masses_.up_to, 1, m_));
    const Value kepler = b_.mul(b_.broadcast(w, Shape{m_ - 1, d_}, {0}), rest);
    const Value parts[] = {b_.slice_rows(all, 0, 1), b_.add(b_.slice_rows(all, 1, m_), kepler)};
    return b_.concatenate(parts, 0);
  }
  /// Row i: the sum of the rows after it.
  Value sum_of_later(Value x) {
    std::vector<Value> rows = {b_.zeros({DType::kF64, Shape{d_}})};
    if (m_ <= kWrittenOut) {
      for (std::int64_t k = m_ - 1; k > 0; --k) {
        rows.push_back(b_.add(rows.back(), b_.row(x, k)));
      }
      std::reverse(rows.begin(), rows.end());
      return stacked(rows);
    }
    const Value sums = b_.reverse(b_.cumulative_sum(b_.reverse(x, {0}), 0), {0});
    const Value parts[] = {b_.slice_rows(sums, 1, m_), b_.reshape(rows[0], Shape{1, d_})};
    return b_.concatenate(parts, 0);
  }

  Builder& b_;
  std::int64_t n_, m_, d_, star_;
  bool jacobi_;
  Masses masses_;
};

/// Parameters and shared parts of the three programs.
struct Programs {
  const System& system;
  const NearIntegrable& near;
  WisdomHolmanOptions options;
  std::vector<NamedType> carry;

  /// The corrector, forwards or back, as a loop over its stages: drifts between them are one.
  Planets corrected(Builder& b, const std::vector<Value>& parameters, const Planets& at, Value dt,
                    bool back) const {
    std::vector<CorrectorStage> stages = corrector_stages(options.corrector);
    if (stages.empty()) return at;
    if (back) {
      std::reverse(stages.begin(), stages.end());
      for (CorrectorStage& s : stages) s.b = -s.b;
    }
    const auto count = static_cast<std::int64_t>(stages.size());
    std::vector<double> drifts, kicks;
    double before = 0;
    for (const CorrectorStage& s : stages) {
      drifts.push_back(before - s.a), kicks.push_back(s.b);
      before = s.a;
    }
    Builder body("corrector");
    body.param(kIndex, "stage");
    const Value h = body.param(kReal, "dt");
    std::vector<Value> inner;
    for (const Parameter& p : system.parameters)
      inner.push_back(body.param(p.value.type(), p.name));
    const Value r = body.param(b.type(at.r), "r"), v = body.param(b.type(at.v), "v");
    const Value drift = body.param(kReal, "drift"), kick = body.param(kReal, "kick");
    Map map(body, system, near, options.coordinates, inner);
    Planets x = map.drift({r, v}, body.mul(drift, h));
    x = map.kick(x, body.mul(kick, h), map.inverse_distance(x.r));
    ir::LoopAttr loop;
    loop.trip = count;
    loop.invariants = 1 + static_cast<std::int64_t>(inner.size());
    loop.carries = 2, loop.inputs = 2;
    loop.body = body.finish({x.r, x.v});
    const auto constant = [&](const std::vector<double>& values) {
      return b.constant(ir::Tensor::of<double>(Shape{count}, values));
    };
    std::vector<Value> operands = {dt};
    operands.insert(operands.end(), parameters.begin(), parameters.end());
    operands.insert(operands.end(), {at.r, at.v, constant(drifts), constant(kicks)});
    const std::vector<Value> end = b.loop(loop, operands);
    Map outer(b, system, near, options.coordinates, parameters);
    return outer.drift({end[0], end[1]}, b.mul(b.constant(before), dt));
  }

  FunctionPtr open() const {
    StepProgram s("open", state_types(system), system.parameters, false);
    Map map(s.b, system, near, options.coordinates, s.parameters);
    Carry c = map.enter(s.carry[0], s.carry[1]);
    c.planets = corrected(s.b, s.parameters, c.planets, s.dt, false);
    c.planets = map.drift(c.planets, s.b.mul(s.b.constant(0.5), s.dt));
    return s.finish({c.planets.r, c.planets.v, c.centre, c.velocity, s.b.constant(0.0)});
  }

  FunctionPtr step() const {
    StepProgram s("step", carry, system.parameters);
    Map map(s.b, system, near, options.coordinates, s.parameters);
    Planets x{s.carry[0], s.carry[1]};
    if (options.coordinates == PlanetCoordinates::kJacobi) {
      // The kick leaves places, and so distances, as they are.
      const Value inverse = map.inverse_distance(x.r);
      x = map.drift(map.kick(x, s.dt, inverse), s.dt, inverse);
    } else {
      x = map.drift(map.kick(x, s.dt, {}), s.dt);
    }
    const Value steps = s.b.add(s.carry[4], s.b.constant(1.0));
    return s.finish({x.r, x.v, s.carry[2], s.carry[3], steps});
  }

  FunctionPtr close() const {
    StepProgram s("close", carry, system.parameters);
    Map map(s.b, system, near, options.coordinates, s.parameters);
    Carry c{{s.carry[0], s.carry[1]}, s.carry[2], s.carry[3]};
    c.planets = map.drift(c.planets, s.b.mul(s.b.constant(-0.5), s.dt));
    c.planets = corrected(s.b, s.parameters, c.planets, s.dt, true);
    const Value moved = s.b.scale(s.b.mul(s.carry[4], s.dt), c.velocity);
    return s.finish(map.leave(c, s.b.add(c.centre, moved)));
  }
};

void check(const System& system, const NearIntegrable& near, const WisdomHolmanOptions& options) {
  const Shape& s = system.shape;
  if (system.form != Form::kCanonical || s.rank() != 2 || s[0] < 2 || s[1] < 2 || s[1] > 3) {
    throw UserError(
        "[wisdom_holman] a heavy body and others about it are rows of q and p, [n, 2] "
        "or [n, 3]; this state is " +
            s.text(),
        "choose another method");
  }
  if (near.star < 0 || near.star >= s[0]) {
    throw UserError("[wisdom_holman] there is no body " + std::to_string(near.star) + " of " +
                        std::to_string(s[0]),
                    "name the row of the heavy body");
  }
  const Type masses{DType::kF64, Shape{s[0]}};
  if (!near.masses || near.masses->result_type(0) != masses || !near.gravity ||
      near.gravity->result_type(0) != kReal) {
    throw UserError("[wisdom_holman] needs the masses, " + masses.text() + ", and G, f64",
                    "say which parameters they are");
  }
  const std::vector<int> orders = corrector_orders();
  if (std::find(orders.begin(), orders.end(), options.corrector) == orders.end()) {
    throw UserError(
        "[wisdom_holman] there is no corrector of order " + std::to_string(options.corrector),
        "use 0 (none), 3, 5, 7, 11 or 17");
  }
}

/// Whether dH/dq and dH/dp of each body are those of masses under their mutual gravity, to 1e-12 of
/// the sum of what acts on it.
bool gravity_alone(const ir::Tensor& by_q, const ir::Tensor& by_p, const ir::Tensor& q,
                   const ir::Tensor& p, const ir::Tensor& masses, long double gravity) {
  constexpr long double kClose = 1e-12L;
  const std::int64_t n = q.type().shape[0], d = q.type().shape[1];
  for (std::int64_t i = 0; i < n; ++i) {
    std::vector<long double> pull(static_cast<std::size_t>(d), 0);
    long double acting = 0;
    for (std::int64_t j = 0; j < n; ++j) {
      if (j == i) continue;
      long double square = 0;
      for (std::int64_t c = 0; c < d; ++c) {
        const long double x = q.real(i * d + c) - q.real(j * d + c);
        square += x * x;
      }
      const long double of_pair = gravity * masses.real(i) * masses.real(j) / square;
      acting += of_pair;
      for (std::int64_t c = 0; c < d; ++c) {
        pull[static_cast<std::size_t>(c)] +=
            of_pair * (q.real(i * d + c) - q.real(j * d + c)) / std::sqrt(square);
      }
    }
    long double speed = 0, off = 0, aside = 0;
    for (std::int64_t c = 0; c < d; ++c) {
      const long double v = p.real(i * d + c) / masses.real(i);
      speed = std::max(speed, std::fabs(v));
      off = std::max(off, std::fabs(by_q.real(i * d + c) - pull[static_cast<std::size_t>(c)]));
      aside = std::max(aside, std::fabs(by_p.real(i * d + c) - v));
    }
    if (!(off <= kClose * acting) || !(aside <= kClose * speed)) return false;
  }
  return true;
}

}  // namespace

std::vector<int> corrector_orders() {
  return {0, 3, 5, 7, 11, 17};
}

std::vector<CorrectorStage> corrector_stages(int order) {
  const int pairs = order > 0 ? (order - 1) / 2 : 0;
  if (pairs == 0) return {};
  // 2 sum over k of b_k a_k^(2j+1)/(2j+1)! = the coefficient of x^(2j+1) in g, j < pairs.
  const auto count = static_cast<std::size_t>(pairs);
  std::vector<long double> half_sinh(count + 1), g(count + 1);  // sinh(x/2)/(x/2), its inverse
  long double term = 1;
  for (std::size_t j = 0; j <= count; ++j) {
    half_sinh[j] = term;
    term /= 4 * (2.0L * static_cast<long double>(j) + 2) * (2.0L * static_cast<long double>(j) + 3);
    g[j] = j == 0 ? 1 : 0;
    for (std::size_t i = 1; i <= j; ++i) g[j] -= half_sinh[i] * g[j - i];
  }
  std::vector<std::vector<long double>> rows(count, std::vector<long double>(count + 1));
  const long double unit = std::sqrt(7 / 40.0L);
  for (std::size_t k = 0; k < count; ++k) {
    const long double a = unit * static_cast<long double>(k + 1);
    long double power = 2 * a;
    for (std::size_t j = 0; j < count; ++j) {
      rows[j][k] = power;
      power *=
          a * a /
          ((2.0L * static_cast<long double>(j) + 2) * (2.0L * static_cast<long double>(j) + 3));
    }
  }
  for (std::size_t j = 0; j < count; ++j) rows[j][count] = g[j + 1];
  for (std::size_t k = 0; k < count; ++k) {
    std::size_t best = k;
    for (std::size_t j = k; j < count; ++j) {
      if (std::fabs(rows[j][k]) > std::fabs(rows[best][k])) best = j;
    }
    std::swap(rows[k], rows[best]);
    for (std::size_t j = 0; j < count; ++j) {
      if (j == k) continue;
      const long double factor = rows[j][k] / rows[k][k];
      for (std::size_t i = k; i <= count; ++i) rows[j][i] -= factor * rows[k][i];
    }
  }
  std::vector<CorrectorStage> stages;
  for (std::size_t k = count; k-- > 0;) {
    const auto a = static_cast<double>(unit * static_cast<long double>(k + 1));
    const auto b = static_cast<double>(rows[k][count] / rows[k][k]);
    stages.push_back({a, -b}), stages.push_back({-a, b});
  }
  return stages;
}

NearIntegrable near_integrable(const System& system, const std::string& masses,
                               const std::string& gravity, std::int64_t star) {
  NearIntegrable near;
  near.star = star;
  const auto program = [&](const std::string& name) {
    Builder b(name.empty() ? "one" : name);
    Value found;
    for (const Parameter& p : system.parameters) {
      const Value x = b.param(p.value.type(), p.name);
      if (p.name == name) found = x;
    }
    if (name.empty()) found = b.constant(1.0);
    if (!found.valid()) {
      throw UserError("[wisdom_holman] the system has no parameter '" + name + "'",
                      "name one of its parameters");
    }
    return b.finish({found});
  };
  near.masses = program(masses);
  near.gravity = program(gravity);
  check(system, near, {});
  return near;
}

/// Whether the bodies move by their mutual gravity, at samples and times and with these values of
/// the parameters.
static bool moves_by_gravity(const System& system, const NearIntegrable& near,
                             const std::vector<ir::Tensor>& values, const ir::Tensor* at,
                             int samples) {
  const Shape& shape = system.shape;
  const std::int64_t n = shape[0], d = shape[1];
  const ir::Tensor masses = ir::evaluate(*near.masses, values)[0];
  const long double gravity = ir::evaluate(*near.gravity, values)[0].real(0);
  if (!(gravity > 0)) return false;
  long double total = 0, size = 0;  // of masses, of the orbits
  for (std::int64_t i = 0; i < n; ++i) {
    if (!(masses.real(i) > 0)) return false;
    total += masses.real(i);
    for (std::int64_t c = 0; at && c < d; ++c) {
      size = std::max(size, std::fabs(at->real(i * d + c) - at->real(near.star * d + c)));
    }
  }
  const FunctionPtr by_q = energy_gradient(system, 0), by_p = energy_gradient(system, 1);
  std::mt19937_64 random(1);
  std::uniform_real_distribution<double> unit(-1, 1);
  for (int s = 0; s < 2 * samples; ++s) {
    const long double extent = s % 2 == 1 && size > 0 ? size : 1;
    const long double speed = std::sqrt(gravity * total / extent);
    ir::Tensor q(Type{DType::kF64, shape}), p = q;
    for (std::int64_t k = 0; k < q.size(); ++k) {
      q.set_real(k, unit(random) * extent);
      p.set_real(k, unit(random) * speed * masses.real(k / d));
    }
    std::vector<ir::Tensor> args = {q, p, ir::Tensor::scalar_of(1.7 * s)};
    args.insert(args.end(), values.begin(), values.end());
    const ir::Tensor force = ir::evaluate(*by_q, args)[0], moved = ir::evaluate(*by_p, args)[0];
    if (!gravity_alone(force, moved, q, p, masses, gravity)) return false;
  }
  return true;
}

std::optional<NearIntegrable> find_near_integrable(const System& system, std::int64_t star,
                                                   const ir::Tensor* at, int samples) {
  const Shape& shape = system.shape;
  if (system.form != Form::kCanonical || shape.rank() != 2 || shape[0] < 2 || shape[1] < 2 ||
      shape[1] > 3 || star < 0 || star >= shape[0]) {
    return std::nullopt;
  }
  const std::int64_t n = shape[0], d = shape[1];
  // Bodies 0 and 1 at distance 1, the others so far off that their energies are nothing.
  ir::Tensor places(Type{DType::kF64, shape});
  for (std::int64_t i = 1; i < n; ++i) places.set_real(i * d, i == 1 ? 1 : 1e150L * i);
  const auto program = [&](bool of_masses) {
    Builder b(of_masses ? "masses" : "gravity");
    std::vector<Value> parameters;
    for (const Parameter& p : system.parameters) {
      parameters.push_back(b.param(p.value.type(), p.name));
    }
    const auto at = [&](const ir::Function& f, double momentum) {
      std::vector<Value> args = {b.constant(places), b.splat(momentum, {DType::kF64, shape}),
                                 b.constant(0.0)};
      args.insert(args.end(), parameters.begin(), parameters.end());
      return b.inline_call(f, args)[0];
    };
    const Value v = b.slice(at(*energy_gradient(system, 1), 1), {0, 0}, {n, 1}, {1, 1});
    const Value m = b.div(b.splat(1, {DType::kF64, Shape{n}}), b.reshape(v, Shape{n}));
    if (of_masses) return transform::simplify(*b.finish({m}));
    const Value both = b.mul(b.row(m, 0), b.row(m, 1));
    return transform::simplify(*b.finish({b.neg(b.div(at(*total_energy(system), 0), both))}));
  };
  NearIntegrable near{star, program(true), program(false)};
  std::vector<ir::Tensor> values;
  for (const Parameter& p : system.parameters) values.push_back(p.value);
  if (!moves_by_gravity(system, near, values, at, samples)) return std::nullopt;
  near.fixed = fixed_parameters(system, [&](const std::vector<ir::Tensor>& others) {
    return moves_by_gravity(system, near, others, at, 1);
  });
  return near;
}

Integrator wisdom_holman(const System& system, const NearIntegrable& near,
                         const WisdomHolmanOptions& options) {
  check(system, near, options);
  const std::int64_t m = system.shape[0] - 1, d = system.shape[1];
  const Type planets{DType::kF64, Shape{m, d}}, point{DType::kF64, Shape{d}};
  Integrator method;
  method.method = "wisdom_holman";
  method.order = 2;
  method.fixed = near.fixed;
  method.state = state_types(system);
  method.carry = {
      {"r", planets}, {"v", planets}, {"centre", point}, {"velocity", point}, {"steps", kReal}};
  const Programs programs{system, near, options, method.carry};
  method.open = programs.open();
  method.step = programs.step();
  method.close = programs.close();
  return method;
}

}  // namespace cotangent::mechanics
