// p from v: solves dH/dp(q, p, t) = v, which is M(q)^-1 p + b = v when H is quadratic in p.
#include <cmath>
#include <functional>

#include "cotangent/base/text.h"
#include "cotangent/ir/evaluator.h"
#include "cotangent/mechanics/dependence.h"
#include "cotangent/mechanics/diagnose.h"
#include "cotangent/mechanics/gradient.h"
#include "cotangent/mechanics/programs.h"
#include "cotangent/mechanics/tangent.h"
#include "cotangent/transform/derivatives.h"

namespace cotangent::mechanics {
namespace {

using ir::Tensor;
using Vector = std::vector<double>;
using Map = std::function<Vector(const Vector&)>;

constexpr std::int64_t kDenseLimit = 1024;    // unknowns solved by elimination
constexpr std::int64_t kCompileLimit = 4096;  // unknowns from which programs are compiled

double largest(const Vector& x) {
  double m = 0;
  for (double a : x) m = std::max(m, std::isnan(a) ? INFINITY : std::abs(a));
  return m;
}

/// Solves A x = y by elimination with row pivoting; false when A is singular.
bool eliminate(std::vector<Vector> a, Vector y, Vector& x) {
  const std::size_t n = y.size();
  for (std::size_t k = 0; k < n; ++k) {
    std::size_t best = k;
    for (std::size_t i = k + 1; i < n; ++i) {
      if (std::abs(a[i][k]) > std::abs(a[best][k])) best = i;
    }
    if (a[best][k] == 0 || !std::isfinite(a[best][k])) return false;
    std::swap(a[k], a[best]);
    std::swap(y[k], y[best]);
    for (std::size_t i = k + 1; i < n; ++i) {
      const double factor = a[i][k] / a[k][k];
      if (factor == 0) continue;
      for (std::size_t j = k; j < n; ++j) a[i][j] -= factor * a[k][j];
      y[i] -= factor * y[k];
    }
  }
  x.assign(n, 0);
  for (std::size_t k = n; k-- > 0;) {
    double s = y[k];
    for (std::size_t j = k + 1; j < n; ++j) s -= a[k][j] * x[j];
    x[k] = s / a[k][k];
  }
  return true;
}

/// Conjugate gradients for a symmetric positive definite A.
Vector conjugate_gradients(const Map& a, const Vector& y) {
  const std::size_t n = y.size();
  Vector x(n, 0), r = y, d = y;
  const auto dot = [n](const Vector& u, const Vector& v) {
    double s = 0;
    for (std::size_t k = 0; k < n; ++k) s += u[k] * v[k];
    return s;
  };
  double rr = dot(r, r);
  for (std::size_t round = 0; round < 2 * n + 10 && rr > 0; ++round) {
    const Vector ad = a(d);
    const double alpha = rr / dot(d, ad);
    if (!std::isfinite(alpha)) break;
    for (std::size_t k = 0; k < n; ++k) {
      x[k] += alpha * d[k];
      r[k] -= alpha * ad[k];
    }
    const double next = dot(r, r);
    if (next < 1e-34 * dot(y, y)) break;
    for (std::size_t k = 0; k < n; ++k) d[k] = r[k] + next / rr * d[k];
    rr = next;
  }
  return x;
}

class Hessian {
 public:
  Hessian(const System& system, const InitialState& initial) : system_(system), initial_(initial) {
    const ir::FunctionPtr velocity = energy_gradient(system, 1);
    velocity_ = velocity;
    tangent_ = transform::simplify(*transform::jvp(*velocity, {1}));
    if (system.shape.size() >= kCompileLimit) {
      const ir::FunctionPtr both[] = {velocity_, tangent_};
      compiled_ = runtime::compile_all(both);
    }
  }

  /// dH/dp at momenta p.
  Vector velocity(const Vector& p) const { return values(call(0, arguments(p))[0]); }
  /// The Hessian in p, times u.
  Vector times(const Vector& u) const {
    std::vector<Tensor> args = arguments(Vector(u.size(), 0));
    args.push_back(tensor(u));
    return values(call(1, args)[1]);
  }

 private:
  Tensor tensor(const Vector& x) const {
    return Tensor::of<double>(system_.shape, std::span<const double>(x));
  }
  static Vector values(const Tensor& x) {
    const auto all = x.as<double>();
    return {all.begin(), all.end()};
  }
  std::vector<Tensor> arguments(const Vector& p) const {
    return energy_arguments(system_, initial_.q, tensor(p), initial_.t);
  }
  std::vector<Tensor> call(std::size_t which, const std::vector<Tensor>& args) const {
    if (!compiled_.empty()) return compiled_[which]->call(args);
    return ir::evaluate(which == 0 ? *velocity_ : *tangent_, args);
  }

  const System& system_;
  const InitialState& initial_;
  ir::FunctionPtr velocity_, tangent_;
  std::vector<runtime::ExecutablePtr> compiled_;
};

/// x with A x = y for the Hessian A; false where it is singular.
bool solve(const Hessian& a, const Vector& y, Vector& x) {
  const std::size_t n = y.size();
  // Row sums are the diagonal if the Hessian is diagonal; the residual tells.
  const Vector diagonal = a.times(Vector(n, 1));
  x.assign(n, 0);
  for (std::size_t k = 0; k < n; ++k) x[k] = y[k] == 0 && diagonal[k] == 0 ? 0 : y[k] / diagonal[k];
  const auto residual = [&] {
    Vector r = a.times(x);
    for (std::size_t k = 0; k < n; ++k) r[k] = y[k] - r[k];
    return r;
  };
  const Vector first = residual();
  bool good = true;
  for (std::size_t k = 0; k < n; ++k) good = good && std::abs(first[k]) <= 1e-15 * std::abs(y[k]);
  if (good) return true;
  if (static_cast<std::int64_t>(n) > kDenseLimit) {
    x = conjugate_gradients([&](const Vector& u) { return a.times(u); }, y);
    return true;
  }
  std::vector<Vector> matrix(n, Vector(n));
  for (std::size_t j = 0; j < n; ++j) {
    Vector unit(n, 0);
    unit[j] = 1;
    const Vector column = a.times(unit);
    for (std::size_t i = 0; i < n; ++i) matrix[i][j] = column[i];
  }
  if (!eliminate(matrix, y, x)) return false;
  for (int round = 0; round < 2; ++round) {  // iterative refinement
    Vector step;
    if (!eliminate(matrix, residual(), step)) return false;
    for (std::size_t k = 0; k < n; ++k) x[k] += step[k];
  }
  return true;
}

[[noreturn]] void refuse(const System& system, const EnergyTerm* term, std::string why) {
  ErrorParts parts;
  parts.what = "the initial velocities do not determine the momenta";
  if (term && system.source && !term->span.empty()) {
    parts.where = show_place(*system.source, term->span);
  }
  parts.why = std::move(why);
  parts.remedy = "give p in [initial] instead of v";
  throw UserError(parts);
}

}  // namespace

ir::Tensor momentum_from_velocity(const System& system, const InitialState& initial) {
  if (initial.p) return *initial.p;
  check_state(system, initial.q, "q");
  const auto given = given_velocity(system, initial).as<double>();
  for (const EnergyTerm& term : system.terms) {
    if (const Degree d = degree_of(*term.energy); d.p > 2) {
      refuse(system, &term,
             "dH/dp is not linear in p: the term \"" + term.name + "\" is of degree " + text_of(d));
    }
  }
  const Vector v(given.begin(), given.end());
  const std::size_t n = v.size();
  const Hessian hessian(system, initial);
  const Vector at_rest = hessian.velocity(Vector(n, 0));
  Vector y(n);
  for (std::size_t k = 0; k < n; ++k) y[k] = v[k] - at_rest[k];

  Vector p;
  if (!solve(hessian, y, p)) {
    refuse(system, nullptr, "the Hessian of H in p is singular: some momentum has no velocity");
  }
  const auto residual = [&](const Vector& x) {
    Vector r = hessian.velocity(x);
    for (std::size_t k = 0; k < n; ++k) r[k] = v[k] - r[k];
    return r;
  };
  const double worst = largest(residual(p));
  if (!(worst <= 1e-9 * std::max(largest(v), largest(at_rest)))) {
    refuse(system, nullptr, "solving dH/dp = v for p leaves a residual of " + shortest(worst));
  }
  return Tensor::of<double>(system.shape, std::span<const double>(p));
}

VelocityCotangents pull_velocity(const System& system, const InitialState& initial,
                                 const ir::Tensor& p, const ir::Tensor& cotangent_of_p,
                                 const std::vector<std::size_t>& wrt) {
  // dH/dp(q, p, x) = v:  H_pp dp + H_pq dq + H_px dx = dv, and H_pp is symmetric.
  const auto given = cotangent_of_p.as<double>();
  Vector lambda;
  if (!solve(Hessian(system, initial), Vector(given.begin(), given.end()), lambda)) {
    refuse(system, nullptr, "the Hessian of H in p is singular: some momentum has no velocity");
  }
  VelocityCotangents made;
  made.v = Tensor::of<double>(system.shape, std::span<const double>(lambda));
  transform::Positions positions = {0};
  for (std::size_t k : wrt) positions.push_back(3 + k);
  const ir::FunctionPtr pull = transform::vjp(*energy_gradient(system, 1), positions);
  std::vector<Tensor> args = energy_arguments(system, initial.q, p, initial.t);
  for (double& x : lambda) x = -x;
  args.push_back(Tensor::of<double>(system.shape, std::span<const double>(lambda)));
  const std::vector<Tensor> out = ir::evaluate(*pull, args);
  made.q = out[1];
  made.parameters.assign(out.begin() + 2, out.end());
  return made;
}

ir::Tensor push_velocity(const System& system, const InitialState& initial, const ir::Tensor& p,
                         const ir::Tensor& dq, const ir::Tensor& dv,
                         const std::vector<ir::Tensor>& d_parameters) {
  transform::Positions positions = {0};
  for (std::size_t k = 0; k < d_parameters.size(); ++k) positions.push_back(3 + k);
  const ir::FunctionPtr push = transform::jvp(*energy_gradient(system, 1), positions);
  std::vector<Tensor> args = energy_arguments(system, initial.q, p, initial.t);
  args.push_back(dq);
  args.insert(args.end(), d_parameters.begin(), d_parameters.end());
  const std::vector<Tensor> moved = ir::evaluate(*push, args);
  Vector y(static_cast<std::size_t>(dv.size())), dp;
  for (std::size_t k = 0; k < y.size(); ++k) {
    const auto at = static_cast<std::int64_t>(k);
    y[k] = static_cast<double>(dv.real(at) - moved[1].real(at));
  }
  if (!solve(Hessian(system, initial), y, dp)) {
    refuse(system, nullptr, "the Hessian of H in p is singular: some momentum has no velocity");
  }
  return Tensor::of<double>(system.shape, std::span<const double>(dp));
}

}  // namespace cotangent::mechanics
