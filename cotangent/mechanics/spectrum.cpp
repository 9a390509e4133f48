#include "cotangent/mechanics/spectrum.h"

#include <algorithm>
#include <cmath>

namespace cotangent::mechanics {
namespace {

using Matrix = std::vector<Vector>;

/// Cyclic Jacobi (Golub and Van Loan, algorithm 8.5.3); a matrix that is not finite gives NaN.
std::vector<double> jacobi(Matrix a) {
  const std::size_t n = a.size();
  for (int sweep = 0; sweep < 30; ++sweep) {
    double off = 0, diagonal = 0;
    for (std::size_t i = 0; i < n; ++i) {
      diagonal += a[i][i] * a[i][i];
      for (std::size_t j = 0; j < i; ++j) off += a[i][j] * a[i][j];
    }
    if (!(off > 1e-30 * diagonal)) break;
    for (std::size_t p = 0; p + 1 < n; ++p) {
      for (std::size_t q = p + 1; q < n; ++q) {
        if (a[p][q] == 0) continue;
        const double theta = (a[q][q] - a[p][p]) / (2 * a[p][q]);
        const double t = (theta >= 0 ? 1 : -1) / (std::abs(theta) + std::hypot(1, theta));
        const double c = 1 / std::hypot(1, t), s = t * c;
        for (std::size_t k = 0; k < n; ++k) {
          const double x = a[k][p], y = a[k][q];
          a[k][p] = c * x - s * y;
          a[k][q] = s * x + c * y;
        }
        for (std::size_t k = 0; k < n; ++k) {
          const double x = a[p][k], y = a[q][k];
          a[p][k] = c * x - s * y;
          a[q][k] = s * x + c * y;
        }
      }
    }
  }
  std::vector<double> out;
  for (std::size_t k = 0; k < n; ++k) out.push_back(a[k][k]);
  return out;
}

double dot(const Vector& x, const Vector& y) {
  double sum = 0;
  for (std::size_t k = 0; k < x.size(); ++k) sum += x[k] * y[k];
  return sum;
}

}  // namespace

std::vector<double> all_eigenvalues(const Apply& apply, std::size_t n) {
  Matrix a(n, Vector(n));
  for (std::size_t j = 0; j < n; ++j) {
    Vector unit(n, 0);
    unit[j] = 1;
    const Vector column = apply(unit);
    for (std::size_t i = 0; i < n; ++i) a[i][j] = column[i];
  }
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < i; ++j) a[i][j] = a[j][i] = 0.5 * (a[i][j] + a[j][i]);
  }
  return jacobi(std::move(a));
}

std::vector<double> lanczos(const Apply& apply, std::size_t n, int steps) {
  std::vector<Vector> basis;
  Vector v(n);
  // A start with every frequency in it, the same on every machine (golden-ratio sequence).
  for (std::size_t k = 0; k < n; ++k) {
    const double x = 0.6180339887498949 * static_cast<double>(k + 1);
    v[k] = x - std::floor(x) - 0.5 + 1e-3;
  }
  Vector alpha, beta;
  double norm = std::sqrt(dot(v, v));
  while (static_cast<int>(alpha.size()) < std::min<int>(steps, static_cast<int>(n))) {
    for (double& x : v) x /= norm;
    basis.push_back(v);
    Vector w = apply(v);
    alpha.push_back(dot(w, v));
    double before = std::sqrt(dot(w, w));
    if (!std::isfinite(before)) return {before};
    for (int round = 0; round < 2; ++round) {
      for (const Vector& u : basis) {
        const double along = dot(w, u);
        for (std::size_t k = 0; k < n; ++k) w[k] -= along * u[k];
      }
    }
    norm = std::sqrt(dot(w, w));
    if (!(norm > 1e-12 * before)) break;  // an invariant space: all its eigenvalues are there
    beta.push_back(norm);
    v = std::move(w);
  }
  const std::size_t m = alpha.size();
  Matrix t(m, Vector(m, 0));
  for (std::size_t k = 0; k < m; ++k) {
    t[k][k] = alpha[k];
    if (k + 1 < m) t[k][k + 1] = t[k + 1][k] = beta[k];
  }
  return jacobi(std::move(t));
}

}  // namespace cotangent::mechanics
