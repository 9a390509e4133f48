// Textbook algorithms on one matrix at a time, for real and complex numbers alike.
#include <algorithm>
#include <cmath>
#include <complex>
#include <limits>
#include <numeric>

#include "cotangent/ir/linear_algebra.h"

namespace cotangent::ir {
namespace {

template <class S>
struct Numbers {
  using Real = S;
  static constexpr bool complex = false;
};
template <class T>
struct Numbers<std::complex<T>> {
  using Real = T;
  static constexpr bool complex = true;
};
template <class S>
using Real = typename Numbers<S>::Real;

template <class S>
S conjugate(S x) {
  if constexpr (Numbers<S>::complex)
    return std::conj(x);
  else
    return x;
}
template <class S>
Real<S> real_part(S x) {
  if constexpr (Numbers<S>::complex)
    return x.real();
  else
    return x;
}
template <class S>
Real<S> square(S x) {
  return real_part(conjugate(x) * x);
}
/// x/|x|, or 1 for 0.
template <class S>
S phase(S x) {
  const Real<S> size = std::abs(x);
  return size > 0 ? x / size : S(1);
}
/// What pivots are compared by, as LAPACK does it.
template <class S>
Real<S> pivot_size(S x) {
  if constexpr (Numbers<S>::complex)
    return std::abs(x.real()) + std::abs(x.imag());
  else
    return std::abs(x);
}

template <class S>
struct Matrix {
  std::size_t rows, columns;
  std::vector<S> elements;

  Matrix(std::size_t m, std::size_t n) : rows(m), columns(n), elements(m * n, S(0)) {}
  static Matrix identity(std::size_t n) {
    Matrix out(n, n);
    for (std::size_t k = 0; k < n; ++k) out(k, k) = S(1);
    return out;
  }
  S& operator()(std::size_t i, std::size_t j) { return elements[i * columns + j]; }
  const S& operator()(std::size_t i, std::size_t j) const { return elements[i * columns + j]; }

  Matrix adjoint() const {
    Matrix out(columns, rows);
    for (std::size_t i = 0; i < rows; ++i) {
      for (std::size_t j = 0; j < columns; ++j) out(j, i) = conjugate((*this)(i, j));
    }
    return out;
  }
};

template <class S>
Matrix<S> solve(const Matrix<S>& given, Matrix<S> x, const SolveAttr& attr) {
  const Matrix<S> a = attr.transposed ? given.adjoint() : given;
  const bool forward = attr.lower != attr.transposed;
  const std::size_t n = a.rows;
  for (std::size_t c = 0; c < x.columns; ++c) {
    for (std::size_t step = 0; step < n; ++step) {
      const std::size_t i = forward ? step : n - 1 - step;
      for (std::size_t done = 0; done < step; ++done) {
        const std::size_t j = forward ? done : n - 1 - done;
        x(i, c) -= a(i, j) * x(j, c);
      }
      if (!attr.unit_diagonal) x(i, c) /= a(i, i);
    }
  }
  return x;
}

template <class S>
Matrix<S> cholesky(const Matrix<S>& a) {
  const std::size_t n = a.rows;
  Matrix<S> l(n, n);
  for (std::size_t j = 0; j < n; ++j) {
    Real<S> d = real_part(a(j, j));
    for (std::size_t k = 0; k < j; ++k) d -= square(l(j, k));
    const Real<S> root = d > 0 ? std::sqrt(d) : std::numeric_limits<Real<S>>::quiet_NaN();
    l(j, j) = root;
    for (std::size_t i = j + 1; i < n; ++i) {
      S sum = a(i, j);
      for (std::size_t k = 0; k < j; ++k) sum -= l(i, k) * conjugate(l(j, k));
      l(i, j) = sum / root;
    }
  }
  return l;
}

/// L and U in one; `rows[i]` is the row of the original that is now row i.
template <class S>
Matrix<S> lu(Matrix<S> a, std::vector<std::size_t>& rows) {
  const std::size_t n = a.rows;
  rows.resize(n);
  std::iota(rows.begin(), rows.end(), 0);
  for (std::size_t k = 0; k < n; ++k) {
    std::size_t pivot = k;
    for (std::size_t i = k + 1; i < n; ++i) {
      if (pivot_size(a(i, k)) > pivot_size(a(pivot, k))) pivot = i;
    }
    for (std::size_t j = 0; j < n && pivot != k; ++j) std::swap(a(k, j), a(pivot, j));
    std::swap(rows[k], rows[pivot]);
    if (a(k, k) == S(0)) continue;  // the rest of the column is zero as well
    for (std::size_t i = k + 1; i < n; ++i) {
      a(i, k) /= a(k, k);
      for (std::size_t j = k + 1; j < n; ++j) a(i, j) -= a(i, k) * a(k, j);
    }
  }
  return a;
}

/// Powers of two: `up` brings numbers of which `most` is the largest to about 1, `down` is 1/up.
/// What they multiply stays exact. Infinity becomes NaN by them.
template <class T>
struct Powers {
  explicit Powers(T most) {
    if (!std::isfinite(most)) {
      up = 0;
      return;
    }
    const int low = std::numeric_limits<T>::min_exponent + 24;
    const int exponent = std::max(most > 0 ? std::ilogb(most) : low, low);
    up = std::ldexp(T(1), 1 - exponent);
    down = std::ldexp(T(1), exponent - 1);
  }
  T up = 1, down = 1;
};

template <class S>
Real<S> largest_part(S x) {
  if constexpr (Numbers<S>::complex)
    return std::max(std::abs(x.real()), std::abs(x.imag()));
  else
    return std::abs(x);
}

/// Brings the largest element to about 1, so that no square vanishes or overflows.
template <class S>
Powers<Real<S>> scale(Matrix<S>& a) {
  Real<S> most = 0;
  for (const S& e : a.elements) {
    // NaN stays the largest.
    if (!(largest_part(e) <= most)) most = largest_part(e);
  }
  const Powers<Real<S>> powers(most);
  for (S& e : a.elements) e *= powers.up;
  return powers;
}

/// Householder reflections (Golub and Van Loan, algorithm 5.1.1), each followed by a phase that
/// makes the diagonal of R real and not negative. Q is m x k, R k x n. What a column is reflected
/// by is made of the column times a power of two, so that no square of it is lost.
template <class S>
void qr(Matrix<S> a, Matrix<S>& q, Matrix<S>& r) {
  const std::size_t m = a.rows, n = a.columns, k = std::min(m, n);
  Matrix<S> adjoint = Matrix<S>::identity(m);  // of the square Q
  for (std::size_t p = 0; p < k; ++p) {
    Real<S> most = 0, below = 0;
    for (std::size_t i = p; i < m; ++i) most = std::max(most, largest_part(a(i, p)));
    const Powers<Real<S>> powers(most);
    std::vector<S> v(m, S(0)), w(m, S(0));
    for (std::size_t i = p; i < m; ++i) v[i] = a(i, p) * powers.up;
    for (std::size_t i = p + 1; i < m; ++i) below += square(v[i]);
    const S turn = phase(v[p]);
    const Real<S> head = real_part(conjugate(turn) * v[p]);
    const Real<S> length = std::sqrt(head * head + below);
    // v = x + turn*length*e1 cancels nothing, and gives -turn*length.
    v[p] = turn * (head + length);
    const Real<S> size = square(v[p]) + below;
    const bool done = below == 0 && head == head;  // nothing to reflect; NaN is not nothing
    for (std::size_t i = p; i < m; ++i) w[i] = done ? S(0) : v[i] * (2 / size);
    const auto reflect = [&](Matrix<S>& x) {
      for (std::size_t j = 0; j < x.columns; ++j) {
        S along = 0;
        for (std::size_t i = p; i < m && !done; ++i) along += conjugate(w[i]) * x(i, j);
        for (std::size_t i = p; i < m && !done; ++i) x(i, j) -= v[i] * along;
        x(p, j) *= done ? conjugate(turn) : -conjugate(turn);
      }
    };
    reflect(a);
    reflect(adjoint);
    a(p, p) = length * powers.down;
  }
  q = Matrix<S>(m, k);
  r = Matrix<S>(k, n);
  for (std::size_t j = 0; j < k; ++j) {
    for (std::size_t i = 0; i < m; ++i) q(i, j) = conjugate(adjoint(j, i));
    for (std::size_t i = 0; i <= j; ++i) r(i, j) = a(i, j);
    for (std::size_t c = k; c < n; ++c) r(j, c) = a(j, c);
  }
}

/// Columns p and q of x turned by (c, s) after column q was multiplied by `turn`.
template <class S>
void rotate(Matrix<S>& x, std::size_t p, std::size_t q, Real<S> c, Real<S> s, S turn) {
  for (std::size_t i = 0; i < x.rows; ++i) {
    const S left = x(i, p), right = x(i, q) * turn;
    x(i, p) = c * left - s * right;
    x(i, q) = s * left + c * right;
  }
}

/// The rotation that makes [a, b; b, d] diagonal, by the smaller angle.
template <class T>
void rotation(T a, T b, T d, T& c, T& s) {
  const T slope = (d - a) / (2 * b);
  const T t = (slope < 0 ? T(-1) : T(1)) / (std::abs(slope) + std::sqrt(slope * slope + 1));
  c = 1 / std::sqrt(t * t + 1);
  s = t * c;
}

constexpr int kMaxSweeps = 30;

/// The factor of size 1 that makes the first large component of column j real and positive.
template <class S>
S leading_phase(const Matrix<S>& v, std::size_t j) {
  Real<S> largest = 0;
  for (std::size_t i = 0; i < v.rows; ++i) largest = std::max(largest, std::abs(v(i, j)));
  for (std::size_t i = 0; i < v.rows; ++i) {
    if (std::abs(v(i, j)) >= largest / 2) return conjugate(phase(v(i, j)));
  }
  return S(1);
}

template <class S>
std::vector<Real<S>> eigh(const Matrix<S>& given, Matrix<S>& vectors) {
  using T = Real<S>;
  const std::size_t n = given.rows;
  Matrix<S> a = given;
  for (std::size_t i = 0; i < n; ++i) {
    a(i, i) = real_part(a(i, i));
    for (std::size_t j = i + 1; j < n; ++j) a(i, j) = conjugate(a(j, i));
  }
  const Powers<T> powers = scale(a);
  Matrix<S> v = Matrix<S>::identity(n);
  for (int sweep = 0; sweep < kMaxSweeps; ++sweep) {
    bool changed = false;
    for (std::size_t p = 0; p + 1 < n; ++p) {
      for (std::size_t q = p + 1; q < n; ++q) {
        const T size = std::abs(a(p, q)), d = real_part(a(p, p)), e = real_part(a(q, q));
        const T rest =
            std::numeric_limits<T>::epsilon() * std::sqrt(std::abs(d)) * std::sqrt(std::abs(e)) / 8;
        // NaN goes on and spreads.
        if (size <= rest || size < std::numeric_limits<T>::min()) continue;
        changed = true;
        T c, s;
        rotation(d, size, e, c, s);
        const S turn = conjugate(phase(a(p, q)));
        rotate(a, p, q, c, s, turn);
        for (std::size_t j = 0; j < n; ++j) {
          const S up = a(p, j), low = a(q, j) * conjugate(turn);
          a(p, j) = c * up - s * low;
          a(q, j) = s * up + c * low;
        }
        a(p, q) = a(q, p) = 0;
        rotate(v, p, q, c, s, turn);
      }
    }
    if (!changed) break;
  }
  std::vector<std::size_t> order(n);
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](std::size_t x, std::size_t y) {
    return real_part(a(x, x)) < real_part(a(y, y));
  });
  std::vector<T> values;
  vectors = Matrix<S>(n, n);
  for (std::size_t k = 0; k < n; ++k) {
    values.push_back(real_part(a(order[k], order[k])) * powers.down);
    const S turn = leading_phase(v, order[k]);
    for (std::size_t i = 0; i < n; ++i) vectors(i, k) = v(i, order[k]) * turn;
  }
  return values;
}

/// One-sided Jacobi (Hestenes 1958): columns are turned until they are orthogonal. A QR of the
/// turned columns, largest first, gives U even where singular values are zero. m >= n.
template <class S>
std::vector<Real<S>> tall_svd(Matrix<S> b, Matrix<S>& u, Matrix<S>& v) {
  using T = Real<S>;
  const std::size_t m = b.rows, n = b.columns;
  Matrix<S> turned = Matrix<S>::identity(n);
  const T noise = std::numeric_limits<T>::epsilon() * std::sqrt(static_cast<T>(m));
  for (int sweep = 0; sweep < kMaxSweeps; ++sweep) {
    bool changed = false;
    for (std::size_t p = 0; p + 1 < n; ++p) {
      for (std::size_t q = p + 1; q < n; ++q) {
        T alpha = 0, beta = 0;
        S gamma = 0;
        for (std::size_t i = 0; i < m; ++i) {
          alpha += square(b(i, p));
          beta += square(b(i, q));
          gamma += conjugate(b(i, p)) * b(i, q);
        }
        const T size = std::abs(gamma);
        const T rest = noise * std::sqrt(alpha) * std::sqrt(beta);
        if (size <= rest || size < std::numeric_limits<T>::min()) continue;
        changed = true;
        T c, s;
        rotation(alpha, size, beta, c, s);
        const S turn = conjugate(phase(gamma));
        rotate(b, p, q, c, s, turn);
        rotate(turned, p, q, c, s, turn);
      }
    }
    if (!changed) break;
  }
  std::vector<T> length(n, T(0));
  for (std::size_t j = 0; j < n; ++j) {
    for (std::size_t i = 0; i < m; ++i) length[j] += square(b(i, j));
    length[j] = std::sqrt(length[j]);
  }
  std::vector<std::size_t> order(n);
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t x, std::size_t y) { return length[x] > length[y]; });
  Matrix<S> sorted(m, n), r(n, n);
  v = Matrix<S>(n, n);
  std::vector<T> values;
  for (std::size_t k = 0; k < n; ++k) {
    values.push_back(length[order[k]]);
    for (std::size_t i = 0; i < m; ++i) sorted(i, k) = b(i, order[k]);
    for (std::size_t i = 0; i < n; ++i) v(i, k) = turned(i, order[k]);
  }
  qr(sorted, u, r);
  return values;
}

template <class S>
std::vector<Real<S>> svd(Matrix<S> a, Matrix<S>& u, Matrix<S>& vh) {
  const Powers<Real<S>> powers = scale(a);
  Matrix<S> v(0, 0);
  std::vector<Real<S>> values;
  if (a.rows >= a.columns) {
    values = tall_svd(a, u, v);
  } else {
    values = tall_svd(a.adjoint(), v, u);
  }
  for (std::size_t j = 0; j < u.columns; ++j) {
    const S turn = leading_phase(u, j);
    for (std::size_t i = 0; i < u.rows; ++i) u(i, j) *= turn;
    for (std::size_t i = 0; i < v.rows; ++i) v(i, j) *= turn;
  }
  for (Real<S>& value : values) value *= powers.down;
  vh = v.adjoint();
  return values;
}

// --- one matrix of a batch in and out of tensors

template <class S>
class Batch {
 public:
  Batch(Operands in, std::vector<Tensor>& out, std::int64_t at) : in_(in), out_(out), at_(at) {}

  Matrix<S> matrix() {
    const Shape& shape = in_[next_in_].type().shape;
    const auto m = static_cast<std::size_t>(shape[shape.rank() - 2]);
    const auto n = static_cast<std::size_t>(shape[shape.rank() - 1]);
    Matrix<S> a(m, n);
    const std::size_t begin = static_cast<std::size_t>(at_) * m * n;
    for (std::size_t k = 0; k < m * n; ++k) {
      if constexpr (Numbers<S>::complex) {
        a.elements[k] = {in_[next_in_].as<Real<S>>()[begin + k],
                         in_[next_in_ + 1].as<Real<S>>()[begin + k]};
      } else {
        a.elements[k] = in_[next_in_].as<S>()[begin + k];
      }
    }
    next_in_ += Numbers<S>::complex ? 2 : 1;
    return a;
  }

  void give(const Matrix<S>& a) {
    const std::size_t size = a.rows * a.columns, begin = static_cast<std::size_t>(at_) * size;
    for (std::size_t k = 0; k < size; ++k) {
      out_[next_out_].template as<Real<S>>()[begin + k] = real_part(a.elements[k]);
      if constexpr (Numbers<S>::complex) {
        out_[next_out_ + 1].template as<Real<S>>()[begin + k] = a.elements[k].imag();
      }
    }
    next_out_ += Numbers<S>::complex ? 2 : 1;
  }

  void give(const std::vector<Real<S>>& values) {
    const std::size_t begin = static_cast<std::size_t>(at_) * values.size();
    for (std::size_t k = 0; k < values.size(); ++k) {
      out_[next_out_].template as<Real<S>>()[begin + k] = values[k];
    }
    ++next_out_;
  }

  void give_rows(const std::vector<std::size_t>& rows) {
    const std::int64_t begin = at_ * static_cast<std::int64_t>(rows.size());
    for (std::size_t k = 0; k < rows.size(); ++k) {
      out_[next_out_].set_integer(begin + static_cast<std::int64_t>(k),
                                  static_cast<std::int64_t>(rows[k]));
    }
    ++next_out_;
  }

 private:
  Operands in_;
  std::vector<Tensor>& out_;
  std::int64_t at_;
  std::size_t next_in_ = 0, next_out_ = 0;
};

template <class S>
void evaluate_one(Op op, const Attr& attr, Batch<S> batch) {
  const Matrix<S> a = batch.matrix();
  Matrix<S> first(0, 0), second(0, 0);
  switch (op) {
    case Op::kTriangularSolve:
      return batch.give(solve(a, batch.matrix(), std::get<SolveAttr>(attr)));
    case Op::kCholesky: return batch.give(cholesky(a));
    case Op::kLu: {
      std::vector<std::size_t> rows;
      batch.give(lu(a, rows));
      return batch.give_rows(rows);
    }
    case Op::kQr:
      qr(a, first, second);
      batch.give(first);
      return batch.give(second);
    case Op::kEigh: batch.give(eigh(a, first)); return batch.give(first);
    case Op::kSvd: {
      const std::vector<Real<S>> values = svd(a, first, second);
      batch.give(first);
      batch.give(values);
      return batch.give(second);
    }
    default: throw InternalError("not an op of linear algebra");
  }
}

}  // namespace

std::vector<Tensor> evaluate_linear_algebra(Op op, Operands in, const Attr& attr,
                                            std::span<const Type> types, bool extended) {
  std::vector<Tensor> out;
  for (const Type& t : types) out.emplace_back(t, extended);
  const Shape& shape = in[0].type().shape;
  std::int64_t count = 1;
  for (int k = 0; k < shape.rank() - 2; ++k) count *= shape[k];
  const auto each = [&](auto zero) {
    using T = decltype(zero);
    for (std::int64_t at = 0; at < count; ++at) {
      if (has_pairs(attr))
        evaluate_one<std::complex<T>>(op, attr, {in, out, at});
      else
        evaluate_one<T>(op, attr, {in, out, at});
    }
  };
  if (in[0].type().dtype == DType::kF32)
    each(0.0f);
  else if (in[0].extended())
    each(0.0L);
  else
    each(0.0);
  return out;
}

}  // namespace cotangent::ir
