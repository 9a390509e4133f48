#include "cotangent/mechanics/modes.h"

#include <cmath>

#include "cotangent/ir/builder.h"
#include "cotangent/mechanics/scalars.h"
#include "cotangent/mechanics/site_modes.h"
#include "cotangent/runtime/executable.h"

namespace cotangent::mechanics {
namespace {

using ir::Tensor;

constexpr double kRefinement = 3e8;  // operations in long double that better eigenvalues may take

/// Modes by eigh. W = L L^T with L lower; mostly diagonal.
class DenseModes final : public Modes {
 public:
  static std::shared_ptr<const Modes> make(const LinearSystem& s) {
    auto modes = std::make_shared<DenseModes>();
    if (!modes->take_root(s.inverse_mass)) return nullptr;
    modes->solve(s.stiffness);
    return modes;
  }

  void to_xi(const double* q, double* xi) const override {
    std::vector<double> x(q, q + n_);
    solve_lower(x);
    rotate(x, xi, true);
  }
  void to_eta(const double* p, double* eta) const override {
    std::vector<double> x(at(n_), 0.0);
    for (std::int64_t i = 0; i < n_; ++i) {
      for (std::int64_t j = first_of(i); j <= i; ++j) x[at(j)] += root(i, j) * p[i];
    }
    rotate(x, eta, true);
  }
  void to_q(const double* xi, double* q) const override {
    std::vector<double> x(at(n_));
    rotate(std::vector<double>(xi, xi + n_), x.data(), false);
    for (std::int64_t i = 0; i < n_; ++i) {
      double sum = 0;
      for (std::int64_t j = first_of(i); j <= i; ++j) sum += root(i, j) * x[at(j)];
      q[i] = sum;
    }
  }
  void to_p(const double* eta, double* p) const override {
    std::vector<double> x(at(n_));
    rotate(std::vector<double>(eta, eta + n_), x.data(), false);
    for (std::int64_t i = n_; i-- > 0;) {  // L^T p = x
      p[i] = x[at(i)] / root(i, i);
      for (std::int64_t j = first_of(i); j < i; ++j) x[at(j)] -= root(i, j) * p[i];
    }
  }

 private:
  double root(std::int64_t i, std::int64_t j) const {
    return diagonal_ ? root_[at(i)] : root_[at(i * n_ + j)];
  }
  std::int64_t first_of(std::int64_t row) const { return diagonal_ ? row : 0; }

  bool take_root(const SparseMatrix& w) {
    n_ = w.rows;
    diagonal_ = w.is_diagonal();
    if (diagonal_) {
      for (std::int64_t i = 0; i < n_; ++i) {
        if (!(w.at(i, i) > 0)) return false;
        root_.push_back(std::sqrt(w.at(i, i)));
      }
      return true;
    }
    root_.assign(at(n_ * n_), 0.0);
    for (std::int64_t i = 0; i < n_; ++i) {
      for (std::int64_t j = 0; j <= i; ++j) {
        double sum = w.at(i, j);
        for (std::int64_t k = 0; k < j; ++k) sum -= root_[at(i * n_ + k)] * root_[at(j * n_ + k)];
        if (i == j && !(sum > 0)) return false;
        root_[at(i * n_ + j)] = i == j ? std::sqrt(sum) : sum / root_[at(j * n_ + j)];
      }
    }
    return true;
  }

  void solve_lower(std::vector<double>& x) const {
    for (std::int64_t i = 0; i < n_; ++i) {
      for (std::int64_t j = first_of(i); j < i; ++j) x[at(i)] -= root(i, j) * x[at(j)];
      x[at(i)] /= root(i, i);
    }
  }

  /// V^T x, or V x.
  void rotate(const std::vector<double>& x, double* y, bool transposed) const {
    std::fill(y, y + n_, 0.0);
    for (std::int64_t i = 0; i < n_; ++i) {
      const double* row = vectors_.data() + i * n_;
      double sum = 0;
      for (std::int64_t j = 0; j < n_; ++j) {
        if (transposed)
          y[j] += row[j] * x[at(i)];
        else
          sum += row[j] * x[at(j)];
      }
      if (!transposed) y[i] = sum;
    }
  }

  void solve(const SparseMatrix& k) {
    // S = L^T K L, by columns of L.
    Tensor s(ir::Type{DType::kF64, Shape{n_, n_}});
    const auto to = s.as<double>();
    if (diagonal_) {
      for (std::int64_t i = 0; i < n_; ++i) {
        for (std::int64_t e = k.start[at(i)]; e < k.start[at(i) + 1]; ++e) {
          const std::int64_t j = k.column[at(e)];
          to[at(i * n_ + j)] = root_[at(i)] * k.value[at(e)] * root_[at(j)];
        }
      }
    } else {
      std::vector<double> column(at(n_)), product(at(n_));
      for (std::int64_t j = 0; j < n_; ++j) {
        for (std::int64_t i = 0; i < n_; ++i) column[at(i)] = i < j ? 0 : root(i, j);
        std::fill(product.begin(), product.end(), 0.0);
        k.add_product(1.0, column.data(), product.data());
        for (std::int64_t i = 0; i < n_; ++i) {
          for (std::int64_t l = 0; l <= i; ++l) to[at(l * n_ + j)] += root(i, l) * product[at(i)];
        }
      }
    }
    ir::Builder b("modes");
    const ir::Value x = b.param(s.type(), "s");
    const auto program = b.finish(b.factor(ir::Op::kEigh, x));
    const std::vector<Tensor> found = runtime::compile(program)->call(std::span(&s, 1));
    const auto w = found[0].as<double>();
    lambda_.assign(w.begin(), w.end());
    const auto v = found[1].as<double>();
    vectors_.assign(v.begin(), v.end());
    refine(k);
    kind_ = "modes of " + std::to_string(n_) + " coordinates";
  }

  /// lambda = u^T K u / u^T u, with u = L v and W = 1 in its own norm: v^T S v / v^T v.
  void refine(const SparseMatrix& k) {
    const double work = static_cast<double>(n_) * static_cast<double>(k.entries() + n_);
    if (!diagonal_ || work > kRefinement) return;
    double largest = 0;
    for (const long double l : lambda_)
      largest = std::max(largest, std::abs(static_cast<double>(l)));
    std::vector<long double> u(at(n_)), product(at(n_));
    for (std::int64_t j = 0; j < n_; ++j) {
      long double size = 0;
      for (std::int64_t i = 0; i < n_; ++i) {
        const long double v = vectors_[at(i * n_ + j)];
        size += v * v;
        u[at(i)] = static_cast<long double>(root_[at(i)]) * v;
      }
      std::fill(product.begin(), product.end(), 0.0L);
      k.add_product(1.0L, u.data(), product.data());
      long double sum = 0;
      for (std::int64_t i = 0; i < n_; ++i) sum += u[at(i)] * product[at(i)];
      lambda_[at(j)] = sum / size;
      // Far below the largest nothing is left but rounding: a motion without a force.
      if (std::abs(lambda_[at(j)]) < 1e-15L * largest) lambda_[at(j)] = 0;
    }
  }

  std::int64_t n_ = 0;
  bool diagonal_ = true;
  std::vector<double> root_;     // L: its diagonal, or all of it by rows
  std::vector<double> vectors_;  // V by rows
};

}  // namespace

std::shared_ptr<const Modes> Modes::of(const LinearSystem& system) {
  if (system.form != Form::kCanonical || !system.separable) return nullptr;
  if (auto modes = site_modes(system)) return modes;
  if (system.n / 2 > kDenseModes) return nullptr;
  return DenseModes::make(system);
}

}  // namespace cotangent::mechanics
