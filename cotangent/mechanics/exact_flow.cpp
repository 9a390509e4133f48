#include "cotangent/mechanics/exact_flow.h"

#include <cmath>

#include "cotangent/ir/evaluator.h"
#include "cotangent/mechanics/linear.h"
#include "cotangent/mechanics/matrix_flow.h"
#include "cotangent/mechanics/programs.h"
#include "cotangent/mechanics/scalars.h"
#include "cotangent/transform/derivatives.h"
#include "cotangent/transform/passes.h"
#include "cotangent/transform/vmap.h"

namespace cotangent::mechanics {
namespace {

using ir::Builder;
using ir::FunctionPtr;
using ir::Op;
using ir::Tensor;
using ir::Type;
using ir::Value;

using Values = std::vector<Value>;

/// A constant vector of n ones, or a unit matrix.
Value unit_matrix(Builder& b, std::int64_t n) {
  Tensor t(Type{DType::kF64, Shape{n, n}});
  for (std::int64_t k = 0; k < n; ++k) t.set_real(k * n + k, 1);
  return b.constant(t);
}

/// cos w, sin w / w, (1 - cos w)/w^2 for w^2 = x of any sign and size, x = square times h^2; the
/// filter of mollified kicks, sinc(w) (4 - cos w)/3, and (1 - filter)/w^2.
struct Stumpff {
  Value c0, c1, c2, filter, filtered_off;
};
Stumpff stumpff(Builder& b, Value square, Value h) {
  const Type type = b.type(square);
  const auto number = [&](double x) { return b.splat(x, type); };
  const Value spread_h = b.broadcast_to(b.unary(Op::kAbs, h), type.shape);
  const Value x = b.mul(square, b.mul(spread_h, spread_h));
  const Value one = number(1), turns = b.gt(x, number(0.5)), grows = b.lt(x, number(-0.5));
  const auto choose = [&](Value turning, Value growing, Value near) {
    return b.select(turns, turning, b.select(grows, growing, near));
  };
  // sqrt(square) h, not sqrt(x): one rounding less of a phase that may be large.
  const Value w = b.mul(b.unary(Op::kSqrt, b.select(turns, square, one)), spread_h);
  const Value u = b.unary(Op::kSqrt, b.select(grows, b.neg(x), one));
  const Value safe = b.select(b.elementwise(Op::kOr, Values{turns, grows}), x, one);
  const Value half_sine = b.unary(Op::kSin, b.mul(number(0.5), w));
  const auto series = [&](int m) {  // sum (-x)^j / (2j + m)!, by Horner
    double factorial = 1;
    constexpr int kTerms = 8;
    for (int k = 2; k <= 2 * kTerms + m; ++k) factorial *= k;
    const Value small = b.select(b.elementwise(Op::kOr, Values{turns, grows}), number(0), x);
    Value sum = number(1 / factorial);
    for (int j = kTerms; j-- > 0;) {
      factorial /= (2 * j + m + 2) * (2 * j + m + 1);
      sum = b.sub(number(1 / factorial), b.mul(small, sum));
    }
    return sum;
  };
  Stumpff s;
  s.c0 = choose(b.unary(Op::kCos, w), b.unary(Op::kCosh, u), series(0));
  s.c1 = choose(b.div(b.unary(Op::kSin, w), w), b.div(b.unary(Op::kSinh, u), u), series(1));
  s.c2 = choose(b.div(b.mul(number(2), b.mul(half_sine, half_sine)), safe),
                b.div(b.sub(one, s.c0), safe), series(2));
  const Value third = b.div(b.sub(one, s.c1), safe);
  const Value c3 = choose(third, third, series(3));
  s.filter = b.mul(s.c1, b.div(b.sub(number(4), s.c0), number(3)));
  s.filtered_off = b.sub(c3, b.div(b.mul(s.c1, s.c2), number(3)));
  return s;
}

/// The second derivatives of the quadratic part, and its first ones at the origin.
struct Derivatives {
  FunctionPtr tangent;   // (q, p, t, parameters..., dq, dp) -> (d dH/dq, d dH/dp)
  FunctionPtr gradient;  // (q, p, t, parameters...) -> (dH/dq, dH/dp)
  Shape shape;
  bool at_origin = true;  // where they are taken; elsewhere if they are not finite there
  bool linear_terms = false;

  /// q and p at which derivatives are taken.
  std::pair<Value, Value> point(Builder& b) const {
    const Type type{DType::kF64, shape};
    if (at_origin) return {b.zeros(type), b.zeros(type)};
    Tensor q(type), p(type);
    for (std::int64_t k = 0; k < shape.size(); ++k) {
      q.set_real(k, 0.5 + std::fmod(0.6180339887498949 * static_cast<double>(k + 1), 1.0));
      p.set_real(k, 0.5 + std::fmod(0.7548776662466927 * static_cast<double>(k + 1), 1.0));
    }
    return {b.constant(q), b.constant(p)};
  }
  std::pair<Value, Value> times(Builder& b, std::span<const Value> parameters, Value dq,
                                Value dp) const {
    const auto [q, p] = point(b);
    Values args = {q, p, b.constant(0.0)};
    args.insert(args.end(), parameters.begin(), parameters.end());
    args.push_back(dq);
    args.push_back(dp);
    const Values d = b.inline_call(*tangent, args);
    return {d[0], d[1]};
  }
  /// dH/dq and dH/dp at the origin.
  std::pair<Value, Value> slopes(Builder& b, std::span<const Value> parameters) const {
    const auto [q, p] = point(b);
    Values args = {q, p, b.constant(0.0)};
    args.insert(args.end(), parameters.begin(), parameters.end());
    const Values g = b.inline_call(*gradient, args);
    if (at_origin) return {g[0], g[1]};
    const auto [by_q, by_p] = times(b, parameters, q, p);
    return {b.sub(g[0], by_q), b.sub(g[1], by_p)};
  }
};

Derivatives derivatives_of(const System& system, const ExactSplit& split) {
  Derivatives d;
  d.shape = system.shape;
  d.gradient = transform::simplify(*transform::grad(*split.quadratic, {0, 1}));
  const FunctionPtr both = transform::jvp(*d.gradient, {0, 1});
  Builder b("tangent");
  Values args;
  for (std::size_t k = 0; k < both->params().size(); ++k) {
    args.push_back(b.param(both->param_type(k), ""));
  }
  const Values results = b.inline_call(*both, args);
  d.tangent = transform::simplify(*b.finish({results[2], results[3]}));
  return d;
}

/// q' = c0 q + (W h c1) p + .., p' = -(K h c1) q + c0 p + .., element by element.
class DiagonalFlow final : public ExactFlow {
 public:
  explicit DiagonalFlow(Derivatives d) : d_(std::move(d)) {}

  std::vector<NamedType> carried(bool filter) const override {
    const Type type{DType::kF64, d_.shape};
    std::vector<NamedType> all = {{"cosine", type}, {"p_to_q", type}, {"q_to_p", type}};
    if (d_.linear_terms) all.insert(all.end(), {{"q_shift", type}, {"p_shift", type}});
    if (filter) all.push_back({"filter", type});
    if (filter && d_.linear_terms) all.push_back({"filter_shift", type});
    return all;
  }

  Values coefficients(Builder& b, Value h, std::span<const Value> parameters,
                      bool filter) const override {
    const Type type{DType::kF64, d_.shape};
    const Value ones = b.splat(1, type), none = b.zeros(type);
    const Value k = d_.times(b, parameters, ones, none).first;
    const Value w = d_.times(b, parameters, none, ones).second;
    const Stumpff s = stumpff(b, b.mul(k, w), h);
    const Value h1 = b.mul(b.broadcast_to(h, type.shape), s.c1);
    Values all = {s.c0, b.mul(w, h1), b.neg(b.mul(k, h1))};
    if (!d_.linear_terms) {
      if (filter) all.push_back(s.filter);
      return all;
    }
    const auto [by_q, by_p] = d_.slopes(b, parameters);
    const Value hh = b.broadcast_to(b.mul(h, h), type.shape);
    const Value h2 = b.mul(hh, s.c2);
    all.push_back(b.sub(b.mul(by_p, h1), b.mul(b.mul(w, by_q), h2)));
    all.push_back(b.neg(b.add(b.mul(by_q, h1), b.mul(b.mul(k, by_p), h2))));
    if (filter) {
      all.push_back(s.filter);
      all.push_back(b.neg(b.mul(b.mul(w, by_q), b.mul(hh, s.filtered_off))));
    }
    return all;
  }

  std::pair<Value, Value> move(Builder& b, std::span<const Value> c, Value q,
                               Value p) const override {
    Value q_next = b.add(b.mul(c[0], q), b.mul(c[1], p));
    Value p_next = b.add(b.mul(c[2], q), b.mul(c[0], p));
    if (d_.linear_terms) q_next = b.add(q_next, c[3]), p_next = b.add(p_next, c[4]);
    return {q_next, p_next};
  }
  Value average(Builder& b, std::span<const Value> c, Value q) const override {
    if (!d_.linear_terms) return b.mul(c[3], q);
    return b.add(b.mul(c[5], q), c[6]);
  }
  Value carry_back(Builder& b, std::span<const Value> c, Value gradient) const override {
    return b.mul(c[d_.linear_terms ? 5 : 3], gradient);
  }
  double cost() const override { return 6 * static_cast<double>(d_.shape.size()); }
  std::string text() const override { return "cosines and sines, each coordinate by itself"; }

 private:
  Derivatives d_;
};

/// What the flows by matrices share.
class MatrixExactFlow : public ExactFlow {
 public:
  explicit MatrixExactFlow(Derivatives d) : d_(std::move(d)), n_(d_.shape.size()) {}

 protected:
  /// The Hessian in (q, p), [2n, 2n].
  Value hessian(Builder& b, std::span<const Value> parameters) const {
    Builder column("column");
    Values args;
    for (const Value x : parameters) args.push_back(column.param(b.type(x), ""));
    const Type type{DType::kF64, d_.shape};
    const Value dq = column.param(type, "dq"), dp = column.param(type, "dp");
    const auto [by_q, by_p] = d_.times(column, args, dq, dp);
    const FunctionPtr one = column.finish({by_q, by_p});
    transform::Flags mapped(parameters.size() + 2, false);
    mapped[parameters.size()] = mapped[parameters.size() + 1] = true;
    const FunctionPtr all = transform::vmap(one, 2 * n_, mapped);
    const Value unit = unit_matrix(b, 2 * n_);
    std::vector<std::int64_t> dims = {2 * n_};
    for (int k = 0; k < d_.shape.rank(); ++k) dims.push_back(d_.shape[k]);
    const Shape rows_of_states{std::span<const std::int64_t>(dims)};
    const auto half = [&](std::int64_t first) {
      return b.reshape(b.slice(unit, {0, first}, {2 * n_, first + n_}, {1, 1}), rows_of_states);
    };
    Values operands(parameters.begin(), parameters.end());
    operands.push_back(half(0));
    operands.push_back(half(n_));
    const Values rows = b.inline_call(*all, operands);
    const Shape flat{2 * n_, n_};
    const Value parts[] = {b.reshape(rows[0], flat), b.reshape(rows[1], flat)};
    return b.concatenate(parts, 1);
  }
  Value product(Builder& b, Value x, Value y) const {
    const std::int64_t inner = b.type(x).shape.rank() - 1;
    return b.dot_general(x, y, {{}, {}, {inner}, {0}});
  }
  Value flat(Builder& b, Value x) const { return b.reshape(x, Shape{n_}); }
  Value shaped(Builder& b, Value x) const { return b.reshape(x, d_.shape); }

  Derivatives d_;
  std::int64_t n_;
};

/// K full, W diagonal: with R = sqrt(W) and R K R = V diag(lambda) V^T, q = R V xi and
/// p = R^-1 V eta.
class SpectralFlow final : public MatrixExactFlow {
 public:
  using MatrixExactFlow::MatrixExactFlow;

  std::vector<NamedType> carried(bool filter) const override {
    const Type matrix{DType::kF64, Shape{n_, n_}}, vector{DType::kF64, Shape{n_}};
    std::vector<NamedType> all = {{"q_to_q", matrix}, {"p_to_q", matrix}, {"q_to_p", matrix}};
    if (d_.linear_terms) all.insert(all.end(), {{"q_shift", vector}, {"p_shift", vector}});
    if (filter) all.push_back({"filter", matrix});
    if (filter && d_.linear_terms) all.push_back({"filter_shift", vector});
    return all;
  }

  Values coefficients(Builder& b, Value h, std::span<const Value> parameters,
                      bool filter) const override {
    const Value all = hessian(b, parameters);
    const Value k = b.slice(all, {0, 0}, {n_, n_}, {1, 1});
    const Value w = b.reduce_sum(b.slice(all, {n_, n_}, {2 * n_, 2 * n_}, {1, 1}), {1});
    const Value root = b.unary(Op::kSqrt, w);
    const Shape square{n_, n_};
    const auto rows = [&](Value x) { return b.broadcast(x, square, {0}); };
    const auto columns = [&](Value x) { return b.broadcast(x, square, {1}); };
    const Value s = b.mul(rows(root), b.mul(k, columns(root)));
    const Values found = b.factor(Op::kEigh, s);
    const Value lambda = found[0], v = found[1], vt = b.transpose(v, {1, 0});
    const Stumpff f = stumpff(b, lambda, h);
    const Value spread = b.broadcast_to(h, Shape{n_});
    const auto function = [&](Value of) { return product(b, b.mul(v, columns(of)), vt); };
    const Value h1 = b.mul(spread, f.c1);
    const Value turn = function(f.c0), sine = function(h1), back = function(b.mul(lambda, h1));
    Values result = {b.div(b.mul(rows(root), turn), columns(root)),
                     b.mul(rows(root), b.mul(sine, columns(root))),
                     b.neg(b.div(b.div(back, rows(root)), columns(root)))};
    const Value average = filter ? function(f.filter) : Value{};
    const Value filter_matrix = filter ? b.div(b.mul(rows(root), average), columns(root)) : Value{};
    if (!d_.linear_terms) {
      if (filter) result.push_back(filter_matrix);
      return result;
    }
    const auto [by_q, by_p] = d_.slopes(b, parameters);
    const Value pull = b.neg(product(b, vt, b.mul(root, flat(b, by_q))));  // of eta'
    const Value drift = product(b, vt, b.div(flat(b, by_p), root));        // of xi'
    const Value hh = b.mul(spread, spread), h2 = b.mul(hh, f.c2);
    const Value xi = b.add(b.mul(h1, drift), b.mul(h2, pull));
    const Value eta = b.sub(b.mul(h1, pull), b.mul(lambda, b.mul(h2, drift)));
    result.push_back(b.mul(root, product(b, v, xi)));
    result.push_back(b.div(product(b, v, eta), root));
    if (filter) {
      result.push_back(filter_matrix);
      result.push_back(b.mul(root, product(b, v, b.mul(b.mul(hh, f.filtered_off), pull))));
    }
    return result;
  }

  std::pair<Value, Value> move(Builder& b, std::span<const Value> c, Value q,
                               Value p) const override {
    const Value x = flat(b, q), y = flat(b, p);
    Value q_next = b.add(product(b, c[0], x), product(b, c[1], y));
    Value p_next = b.add(product(b, c[2], x), product(b, b.transpose(c[0], {1, 0}), y));
    if (d_.linear_terms) q_next = b.add(q_next, c[3]), p_next = b.add(p_next, c[4]);
    return {shaped(b, q_next), shaped(b, p_next)};
  }
  Value average(Builder& b, std::span<const Value> c, Value q) const override {
    const Value x = product(b, c[d_.linear_terms ? 5 : 3], flat(b, q));
    return shaped(b, d_.linear_terms ? b.add(x, c[6]) : x);
  }
  Value carry_back(Builder& b, std::span<const Value> c, Value gradient) const override {
    const Value turned = b.transpose(c[d_.linear_terms ? 5 : 3], {1, 0});
    return shaped(b, product(b, turned, flat(b, gradient)));
  }
  double cost() const override { return 8 * static_cast<double>(n_ * n_); }
  std::string text() const override {
    return "the normal modes of " + std::to_string(n_) + " coordinates";
  }
};

/// Any quadratic H: exp(h A) by scaling and squaring as often as A needs when it is made, with p
/// counted in units that make the two halves of A about equal.
class ExponentialFlow final : public MatrixExactFlow {
 public:
  ExponentialFlow(Derivatives d, double unit) : MatrixExactFlow(std::move(d)), unit_(unit) {}

  std::vector<NamedType> carried(bool) const override {
    std::vector<NamedType> all = {{"matrix", {DType::kF64, Shape{2 * n_, 2 * n_}}}};
    if (d_.linear_terms) all.push_back({"shift", {DType::kF64, Shape{2 * n_}}});
    return all;
  }

  Values coefficients(Builder& b, Value h, std::span<const Value> parameters, bool) const override {
    const Value all = hessian(b, parameters);
    const std::int64_t m = 2 * n_;
    const Value halves[] = {b.slice(all, {n_, 0}, {m, m}, {1, 1}),
                            b.neg(b.slice(all, {0, 0}, {n_, m}, {1, 1}))};
    Value a = b.concatenate(halves, 0);
    Tensor scale(Type{DType::kF64, Shape{m, m}});
    for (std::int64_t i = 0; i < m; ++i) {
      for (std::int64_t j = 0; j < m; ++j) {
        const double up = i < n_ ? 1 : 1 / unit_, down = j < n_ ? 1 : unit_;
        scale.set_real(i * m + j, up * down);
      }
    }
    a = b.mul(b.mul(a, b.constant(scale)), b.broadcast_to(h, Shape{m, m}));
    if (d_.linear_terms) {
      const auto [by_q, by_p] = d_.slopes(b, parameters);
      const Value step = b.broadcast_to(h, Shape{n_});
      const Value down[] = {b.mul(flat(b, by_p), step),
                            b.mul(b.mul(flat(b, by_q), step), b.splat(-1 / unit_, b.type(step)))};
      const Value column[] = {a, b.reshape(b.concatenate(down, 0), Shape{m, 1})};
      const Value rows[] = {b.concatenate(column, 1), b.zeros({DType::kF64, Shape{1, m + 1}})};
      a = b.concatenate(rows, 0);
    }
    const Value d = expm1_of_matrix(b, a);
    Tensor back(Type{DType::kF64, Shape{m, m}});
    for (std::int64_t i = 0; i < m; ++i) {
      for (std::int64_t j = 0; j < m; ++j) {
        back.set_real(i * m + j, (i < n_ ? 1 : unit_) / (j < n_ ? 1 : unit_));
      }
    }
    const Value whole = b.slice(d, {0, 0}, {m, m}, {1, 1});
    Values result = {b.add(unit_matrix(b, m), b.mul(whole, b.constant(back)))};
    if (d_.linear_terms) {
      Tensor units(Type{DType::kF64, Shape{m}});
      for (std::int64_t i = 0; i < m; ++i) units.set_real(i, i < n_ ? 1 : unit_);
      result.push_back(
          b.mul(b.reshape(b.slice(d, {0, m}, {m, m + 1}, {1, 1}), Shape{m}), b.constant(units)));
    }
    return result;
  }

  std::pair<Value, Value> move(Builder& b, std::span<const Value> c, Value q,
                               Value p) const override {
    const Value both[] = {flat(b, q), flat(b, p)};
    Value x = product(b, c[0], b.concatenate(both, 0));
    if (d_.linear_terms) x = b.add(x, c[1]);
    return {shaped(b, b.slice_rows(x, 0, n_)), shaped(b, b.slice_rows(x, n_, 2 * n_))};
  }
  Value average(Builder&, std::span<const Value>, Value q) const override { return q; }
  Value carry_back(Builder&, std::span<const Value>, Value gradient) const override {
    return gradient;
  }
  bool can_filter() const override { return false; }
  double cost() const override { return 8 * static_cast<double>(n_ * n_); }
  std::string text() const override {
    return "the exponential of a matrix of " + std::to_string(2 * n_) + " rows";
  }

 private:
  double unit_;
};

/// The largest row sum of a block of A.
double block_size(const SparseMatrix& a, std::int64_t row, std::int64_t column, std::int64_t n) {
  double most = 0;
  for (std::int64_t i = row; i < row + n; ++i) {
    double sum = 0;
    for (std::int64_t k = a.start[at(i)]; k < a.start[at(i) + 1]; ++k) {
      const std::int64_t j = a.column[at(k)];
      if (j >= column && j < column + n) sum += std::abs(a.value[at(k)]);
    }
    most = std::max(most, sum);
  }
  return most;
}

System only_quadratic(const System& system, const ExactSplit& split, bool generic) {
  System s = with_terms(system, {{"quadratic part", split.quadratic, {}}});
  std::uint32_t n = 0;
  for (Parameter& p : s.parameters) {
    if (!generic) break;
    for (double& x : p.value.as<double>()) {
      const double off =
          0.01 + 0.01 * std::fmod(0.6180339887498949 * static_cast<double>(++n), 1.0);
      x = x == 0 ? off : x * (1 + off);
    }
  }
  return s;
}

}  // namespace

std::unique_ptr<const ExactFlow> ExactFlow::of(const System& system, const ExactSplit& split) {
  const LinearSystem generic = linear_system(only_quadratic(system, split, true));
  const LinearSystem s = linear_system(only_quadratic(system, split, false));
  Derivatives d = derivatives_of(system, split);
  d.linear_terms = !generic.drives.empty();
  {
    // Whether the derivatives are finite at the origin.
    Builder b("probe");
    Values parameters;
    for (const Parameter& p : system.parameters) parameters.push_back(b.param(p.value.type(), ""));
    const Value ones = b.splat(1, {DType::kF64, system.shape});
    const auto [by_q, by_p] = d.times(b, parameters, ones, ones);
    const auto [slope_q, slope_p] = d.slopes(b, parameters);
    const FunctionPtr probe = b.finish({by_q, by_p, slope_q, slope_p});
    std::vector<Tensor> args;
    for (const Parameter& p : system.parameters) args.push_back(p.value);
    for (const Tensor& x : ir::evaluate(*probe, args)) {
      for (const double e : x.as<double>()) d.at_origin &= std::isfinite(e);
    }
  }
  const std::int64_t n = system.shape.size();
  if (generic.separable && generic.stiffness.is_diagonal() && generic.inverse_mass.is_diagonal()) {
    return std::make_unique<DiagonalFlow>(std::move(d));
  }
  if (n > kDenseExact) {
    throw UserError(
        {"the quadratic part couples " + std::to_string(n) +
             " coordinates, too many to be flowed exactly",
         "",
         "its flow is a full matrix; " + std::to_string(kDenseExact) + " coordinates are the limit",
         "run it by a splitting of kinetic and potential energy"});
  }
  bool masses = generic.separable && generic.inverse_mass.is_diagonal();
  for (std::int64_t i = 0; i < n && masses; ++i) masses = s.inverse_mass.at(i, i) > 0;
  if (masses) return std::make_unique<SpectralFlow>(std::move(d));
  const double up = block_size(s.a, 0, n, n), down = block_size(s.a, n, 0, n);
  const double unit = up > 0 && down > 0
                          ? std::ldexp(1.0, static_cast<int>(std::lround(std::log2(down / up) / 2)))
                          : 1;
  return std::make_unique<ExponentialFlow>(std::move(d), unit);
}

}  // namespace cotangent::mechanics
