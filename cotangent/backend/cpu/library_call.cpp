// One matrix at a time is packed by columns, as LAPACK wants it, worked on in place, and unpacked.
// Products of matrices that BLAS can read where they lie are not packed.
#include "cotangent/backend/cpu/library_call.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <mutex>

#include "cotangent/backend/cpu/openblas.h"
#include "cotangent/base/error.h"

namespace cotangent::backend::cpu {
namespace {

// The C interface's constants.
enum Order : int { kRowMajor = 101, kColumnMajor = 102 };
enum Transpose : int { kPlain = 111, kTransposed = 112, kConjugate = 113 };
enum Triangle : int { kUpper = 121, kLower = 122 };
enum Diagonal : int { kGivenDiagonal = 131, kUnitDiagonal = 132 };
enum Side : int { kLeft = 141 };

/// Reads the words that library_words writes.
struct Call {
  explicit Call(const std::int64_t* w) {
    op = static_cast<ir::Op>(*w++);
    single = *w++ != 0;
    lower = *w++ != 0, transposed = *w++ != 0, unit = *w++ != 0, pairs = *w++ != 0;
    batch_rank = static_cast<std::size_t>(*w++);
    batch = w;
    w += batch_rank;
    arrays = static_cast<std::size_t>(*w++);
    first = w;
  }
  struct Array {
    bool written;
    std::int64_t rows, columns;
    const std::int64_t* strides;
    std::int64_t row_stride, column_stride;
  };
  Array array(std::size_t k) const {
    const std::int64_t* w = first + k * (batch_rank + 5);
    return {w[0] != 0, w[1], w[2], w + 3, w[3 + batch_rank], w[4 + batch_rank]};
  }
  std::int64_t count() const {
    std::int64_t n = 1;
    for (std::size_t k = 0; k < batch_rank; ++k) n *= batch[k];
    return n;
  }
  /// Where member `at` of the batch begins in array k.
  std::int64_t offset(std::size_t k, std::int64_t at) const {
    const Array a = array(k);
    std::int64_t offset = 0;
    for (std::size_t axis = batch_rank; axis-- > 0;) {
      offset += at % batch[axis] * a.strides[axis];
      at /= batch[axis];
    }
    return offset;
  }

  ir::Op op;
  bool single, lower, transposed, unit, pairs;
  std::size_t batch_rank = 0, arrays = 0;
  const std::int64_t* batch = nullptr;
  const std::int64_t* first = nullptr;
};

template <class S>
constexpr bool is_complex = !std::is_same_v<S, typename NumberOf<S>::Real>;

template <class S>
const BlasFunctions<S>& functions() {
  const OpenBlas& all = openblas();
  if constexpr (std::is_same_v<S, float>)
    return all.s;
  else if constexpr (std::is_same_v<S, double>)
    return all.d;
  else if constexpr (std::is_same_v<S, std::complex<float>>)
    return all.c;
  else
    return all.z;
}

template <class S>
S conjugate(S x) {
  if constexpr (is_complex<S>)
    return std::conj(x);
  else
    return x;
}

/// x/|x|, 1 for 0.
template <class S>
S phase(S x) {
  const auto size = std::abs(x);
  return size > 0 ? x / size : S(1);
}

/// A matrix by columns.
template <class S>
struct Columns {
  int rows, columns;
  std::vector<S> a;
  Columns(int m, int n) : rows(m), columns(n), a(static_cast<std::size_t>(m) * n) {}
  S& operator()(int i, int j) { return a[static_cast<std::size_t>(j) * rows + i]; }
  int lead() const { return std::max(rows, 1); }
  S* data() { return a.data(); }
};

/// One member of the batch.
template <class S>
class Member {
 public:
  using T = typename NumberOf<S>::Real;
  Member(const Call& call, void* const* arrays, std::int64_t at)
      : call_(call), arrays_(arrays), at_(at) {}

  Columns<S> next() {
    const Call::Array a = call_.array(next_);
    Columns<S> x(static_cast<int>(a.rows), static_cast<int>(a.columns));
    const T* re = place(next_);
    const T* im = is_complex<S> ? place(next_ + 1) : nullptr;
    const Call::Array b = call_.array(is_complex<S> ? next_ + 1 : next_);
    for (int j = 0; j < x.columns; ++j) {
      for (int i = 0; i < x.rows; ++i) {
        if constexpr (is_complex<S>) {
          x(i, j) = {re[i * a.row_stride + j * a.column_stride],
                     im[i * b.row_stride + j * b.column_stride]};
        } else {
          x(i, j) = re[i * a.row_stride + j * a.column_stride];
        }
      }
    }
    next_ += is_complex<S> ? 2 : 1;
    return x;
  }

  void give(Columns<S>& x) {
    const Call::Array a = call_.array(next_);
    T* re = place(next_);
    for (int j = 0; j < x.columns; ++j) {
      for (int i = 0; i < x.rows; ++i) {
        re[i * a.row_stride + j * a.column_stride] = std::real(x(i, j));
      }
    }
    ++next_;
    if constexpr (is_complex<S>) {
      const Call::Array b = call_.array(next_);
      T* im = place(next_++);
      for (int j = 0; j < x.columns; ++j) {
        for (int i = 0; i < x.rows; ++i) {
          im[i * b.row_stride + j * b.column_stride] = x(i, j).imag();
        }
      }
    }
  }

  template <class V>
  void give(const std::vector<V>& values) {
    const Call::Array a = call_.array(next_);
    V* to = static_cast<V*>(arrays_[next_]) + call_.offset(next_, at_);
    for (std::size_t k = 0; k < values.size(); ++k) {
      to[static_cast<std::int64_t>(k) * a.column_stride] = values[k];
    }
    ++next_;
  }

  /// Every result of real numbers becomes NaN, rows become 0, 1, 2, ..
  void give_nan() {
    for (std::size_t k = 0; k < call_.arrays; ++k) {
      const Call::Array a = call_.array(k);
      if (!a.written) continue;
      const bool rows = call_.op == ir::Op::kLu && k + 1 == call_.arrays;
      for (std::int64_t i = 0; i < a.rows; ++i) {
        for (std::int64_t j = 0; j < a.columns; ++j) {
          const std::int64_t at = call_.offset(k, at_) + i * a.row_stride + j * a.column_stride;
          if (rows)
            static_cast<std::int64_t*>(arrays_[k])[at] = j;
          else
            static_cast<T*>(arrays_[k])[at] = std::numeric_limits<T>::quiet_NaN();
        }
      }
    }
  }

  T* place(std::size_t k) const { return static_cast<T*>(arrays_[k]) + call_.offset(k, at_); }
  const Call& call() const { return call_; }

 private:
  const Call& call_;
  void* const* arrays_;
  std::int64_t at_;
  std::size_t next_ = 0;
};

/// Runs a routine twice: first to ask for the size of its work space.
template <class S, class F>
void with_work(F run) {
  S size{};
  run(&size, -1);
  std::vector<S> work(static_cast<std::size_t>(std::real(size)) + 1);
  run(work.data(), static_cast<int>(work.size()));
}

template <class S>
bool all_finite(const Columns<S>& x) {
  return std::all_of(x.a.begin(), x.a.end(), [](S e) {
    return std::isfinite(std::real(e)) && std::isfinite(std::imag(e));
  });
}

/// Multiplies column j of x, and of y if given, by the number that makes the first large component
/// of x's real and positive.
template <class S>
void fix_phases(Columns<S>& x, Columns<S>* y) {
  for (int j = 0; j < x.columns; ++j) {
    typename NumberOf<S>::Real largest = 0;
    for (int i = 0; i < x.rows; ++i) largest = std::max(largest, std::abs(x(i, j)));
    S turn = 1;
    for (int i = 0; i < x.rows; ++i) {
      if (std::abs(x(i, j)) < largest / 2) continue;
      turn = conjugate(phase(x(i, j)));
      break;
    }
    for (int i = 0; i < x.rows; ++i) x(i, j) *= turn;
    for (int i = 0; y && i < y->rows; ++i) (*y)(i, j) *= turn;
  }
}

template <class S>
void triangular_solve(Member<S>& m) {
  Columns<S> a = m.next(), x = m.next();
  const Call& c = m.call();
  const int triangle = c.lower ? kLower : kUpper;
  const int turn = !c.transposed ? kPlain : is_complex<S> ? kConjugate : kTransposed;
  const int diagonal = c.unit ? kUnitDiagonal : kGivenDiagonal;
  const S one = 1;
  if constexpr (is_complex<S>) {
    using F = void(int, int, int, int, int, int, int, const void*, const void*, int, void*, int);
    reinterpret_cast<F*>(functions<S>().trsm)(kColumnMajor, kLeft, triangle, turn, diagonal, x.rows,
                                              x.columns, &one, a.data(), a.lead(), x.data(),
                                              x.lead());
  } else {
    using F = void(int, int, int, int, int, int, int, S, const S*, int, S*, int);
    reinterpret_cast<F*>(functions<S>().trsm)(kColumnMajor, kLeft, triangle, turn, diagonal, x.rows,
                                              x.columns, one, a.data(), a.lead(), x.data(),
                                              x.lead());
  }
  m.give(x);
}

template <class S>
void cholesky(Member<S>& m) {
  Columns<S> a = m.next();
  const int n = a.rows, lead = a.lead();
  for (int j = 0; j < n; ++j) a(j, j) = std::real(a(j, j));
  int info = 0;
  functions<S>().potrf("L", &n, a.data(), &lead, &info);
  for (int j = 0; j < n; ++j) {
    for (int i = 0; i < n; ++i) {
      if (i < j) a(i, j) = 0;
      if (i >= j && info > 0 && j >= info - 1) {
        a(i, j) = std::numeric_limits<typename NumberOf<S>::Real>::quiet_NaN();
      }
    }
  }
  m.give(a);
}

template <class S>
void lu(Member<S>& m) {
  Columns<S> a = m.next();
  const int n = a.rows, lead = a.lead();
  std::vector<int> pivots(static_cast<std::size_t>(n));
  int info = 0;
  functions<S>().getrf(&n, &n, a.data(), &lead, pivots.data(), &info);
  std::vector<std::int64_t> rows(pivots.size());
  for (std::size_t k = 0; k < rows.size(); ++k) rows[k] = static_cast<std::int64_t>(k);
  for (std::size_t k = 0; k < rows.size(); ++k) {
    std::swap(rows[k], rows[static_cast<std::size_t>(pivots[k]) - 1]);
  }
  m.give(a);
  m.give(rows);
}

template <class S>
void qr(Member<S>& m) {
  Columns<S> a = m.next();
  const int rows = a.rows, columns = a.columns, k = std::min(rows, columns), lead = a.lead();
  std::vector<S> tau(static_cast<std::size_t>(k));
  int info = 0;
  with_work<S>([&](S* work, int size) {
    functions<S>().geqrf(&rows, &columns, a.data(), &lead, tau.data(), work, &size, &info);
  });
  Columns<S> q(rows, k), r(k, columns);
  for (int j = 0; j < columns; ++j) {
    for (int i = 0; i < std::min(j + 1, k); ++i) r(i, j) = a(i, j);
  }
  std::copy_n(a.a.begin(), q.a.size(), q.a.begin());
  with_work<S>([&](S* work, int size) {
    functions<S>().orgqr(&rows, &k, &k, q.data(), &lead, tau.data(), work, &size, &info);
  });
  for (int i = 0; i < k; ++i) {
    const S turn = phase(r(i, i));
    for (int j = i; j < columns; ++j) r(i, j) *= conjugate(turn);
    r(i, i) = std::real(r(i, i));
    for (int l = 0; l < rows; ++l) q(l, i) *= turn;
  }
  m.give(q);
  m.give(r);
}

template <class S>
void eigh(Member<S>& m) {
  using T = typename NumberOf<S>::Real;
  Columns<S> a = m.next();
  const int n = a.rows, lead = a.lead();
  for (int j = 0; j < n; ++j) {
    a(j, j) = std::real(a(j, j));
    for (int i = 0; i < j; ++i) a(i, j) = 0;  // not read; might hold NaN
  }
  if (!all_finite(a)) return m.give_nan();
  std::vector<T> w(static_cast<std::size_t>(n));
  int info = 0, whole = 0;
  S size{};
  T real_size{};
  const int ask = -1;
  const auto run = [&](S* work, const int* lwork, T* rwork, const int* lrwork, int* iwork,
                       const int* liwork) {
    if constexpr (is_complex<S>) {
      using F = void(const char*, const char*, const int*, S*, const int*, T*, S*, const int*, T*,
                     const int*, int*, const int*, int*);
      reinterpret_cast<F*>(functions<S>().eigh)("V", "L", &n, a.data(), &lead, w.data(), work,
                                                lwork, rwork, lrwork, iwork, liwork, &info);
    } else {
      using F = void(const char*, const char*, const int*, S*, const int*, T*, S*, const int*, int*,
                     const int*, int*);
      reinterpret_cast<F*>(functions<S>().eigh)("V", "L", &n, a.data(), &lead, w.data(), work,
                                                lwork, iwork, liwork, &info);
    }
  };
  run(&size, &ask, &real_size, &ask, &whole, &ask);
  const int lwork = static_cast<int>(std::real(size)) + 1;
  const int lrwork = static_cast<int>(real_size) + 1;
  std::vector<S> work(static_cast<std::size_t>(lwork));
  std::vector<T> rwork(static_cast<std::size_t>(lrwork));
  std::vector<int> iwork(static_cast<std::size_t>(whole) + 1);
  const int liwork = static_cast<int>(iwork.size());
  run(work.data(), &lwork, rwork.data(), &lrwork, iwork.data(), &liwork);
  if (info != 0) return m.give_nan();
  fix_phases<S>(a, nullptr);
  m.give(w);
  m.give(a);
}

template <class S>
void svd(Member<S>& m) {
  using T = typename NumberOf<S>::Real;
  Columns<S> a = m.next();
  if (!all_finite(a)) return m.give_nan();
  const int rows = a.rows, columns = a.columns, k = std::min(rows, columns), lead = a.lead();
  Columns<S> u(rows, k), vh(k, columns);
  std::vector<T> s(static_cast<std::size_t>(k));
  std::vector<int> iwork(static_cast<std::size_t>(8 * k));
  const int most = std::max(rows, columns);
  std::vector<T> rwork(is_complex<S>
                           ? static_cast<std::size_t>(k) *
                                 static_cast<std::size_t>(std::max(5 * k + 7, 2 * most + 2 * k + 1))
                           : 0);
  int info = 0;
  const int lead_u = u.lead(), lead_v = vh.lead();
  with_work<S>([&](S* work, int size) {
    if constexpr (is_complex<S>) {
      using F = void(const char*, const int*, const int*, S*, const int*, T*, S*, const int*, S*,
                     const int*, S*, const int*, T*, int*, int*);
      reinterpret_cast<F*>(functions<S>().gesdd)("S", &rows, &columns, a.data(), &lead, s.data(),
                                                 u.data(), &lead_u, vh.data(), &lead_v, work, &size,
                                                 rwork.data(), iwork.data(), &info);
    } else {
      using F = void(const char*, const int*, const int*, S*, const int*, T*, S*, const int*, S*,
                     const int*, S*, const int*, int*, int*);
      reinterpret_cast<F*>(functions<S>().gesdd)("S", &rows, &columns, a.data(), &lead, s.data(),
                                                 u.data(), &lead_u, vh.data(), &lead_v, work, &size,
                                                 iwork.data(), &info);
    }
  });
  if (info != 0) return m.give_nan();
  Columns<S> v(columns, k);
  for (int j = 0; j < k; ++j) {
    for (int i = 0; i < columns; ++i) v(i, j) = conjugate(vh(j, i));
  }
  fix_phases(u, &v);
  for (int j = 0; j < k; ++j) {
    for (int i = 0; i < columns; ++i) vh(j, i) = conjugate(v(i, j));
  }
  m.give(u);
  m.give(s);
  m.give(vh);
}

template <class S>
void factor(const Call& call, void* const* arrays) {
  for (std::int64_t at = 0; at < call.count(); ++at) {
    Member<S> m(call, arrays, at);
    try {
      switch (call.op) {
        case ir::Op::kTriangularSolve: triangular_solve(m); break;
        case ir::Op::kCholesky: cholesky(m); break;
        case ir::Op::kLu: lu(m); break;
        case ir::Op::kQr: qr(m); break;
        case ir::Op::kEigh: eigh(m); break;
        default: svd(m); break;
      }
    } catch (const std::bad_alloc&) {
      m.give_nan();
    }
  }
}

/// How BLAS reads a matrix that lies in memory by rows, or by columns (transposed): nothing else.
struct Reading {
  bool possible = false;
  int turn = kPlain, lead = 1;
};

Reading reading(const Call::Array& a) {
  const auto fits = [](std::int64_t lead, std::int64_t least) {
    return lead >= std::max<std::int64_t>(least, 1) && lead <= std::numeric_limits<int>::max();
  };
  const bool one_column = a.columns == 1, one_row = a.rows == 1;
  if ((a.column_stride == 1 || one_column) && (fits(a.row_stride, a.columns) || one_row)) {
    return {true, kPlain, one_row ? static_cast<int>(a.columns) : static_cast<int>(a.row_stride)};
  }
  if ((a.row_stride == 1 || one_row) && (fits(a.column_stride, a.rows) || one_column)) {
    return {true, kTransposed,
            one_column ? static_cast<int>(a.rows) : static_cast<int>(a.column_stride)};
  }
  return {};
}

template <class T>
void gemm(int turn_x, int turn_y, std::int64_t m, std::int64_t n, std::int64_t k, const T* x,
          int lead_x, const T* y, int lead_y, T* z, int lead_z) {
  using F = void(int, int, int, int, int, int, T, const T*, int, const T*, int, T, T*, int);
  reinterpret_cast<F*>(functions<T>().gemm)(kRowMajor, turn_x, turn_y, static_cast<int>(m),
                                            static_cast<int>(n), static_cast<int>(k), T(1), x,
                                            lead_x, y, lead_y, T(0), z, lead_z);
}

/// z = x y for every member; what BLAS cannot read is packed first.
template <class T>
void multiply(const Call& call, void* const* arrays) {
  const Call::Array x = call.array(0), y = call.array(1), z = call.array(2);
  const Reading rx = reading(x), ry = reading(y), rz = reading(z);
  std::vector<T> own_x, own_y, own_z;
  const auto pack = [](const Call::Array& a, const T* from, std::vector<T>& to) {
    to.resize(static_cast<std::size_t>(a.rows * a.columns));
    for (std::int64_t i = 0; i < a.rows; ++i) {
      for (std::int64_t j = 0; j < a.columns; ++j) {
        to[static_cast<std::size_t>(i * a.columns + j)] =
            from[i * a.row_stride + j * a.column_stride];
      }
    }
    return to.data();
  };
  for (std::int64_t at = 0; at < call.count(); ++at) {
    Member<T> m(call, arrays, at);
    const T* px = m.place(0);
    const T* py = m.place(1);
    T* pz = m.place(2);
    int turn_x = rx.turn, lead_x = rx.lead, turn_y = ry.turn, lead_y = ry.lead;
    if (!rx.possible)
      px = pack(x, px, own_x), turn_x = kPlain, lead_x = static_cast<int>(x.columns);
    if (!ry.possible)
      py = pack(y, py, own_y), turn_y = kPlain, lead_y = static_cast<int>(y.columns);
    if (rz.possible && rz.turn == kPlain) {
      gemm(turn_x, turn_y, x.rows, y.columns, x.columns, px, lead_x, py, lead_y, pz, rz.lead);
      continue;
    }
    const auto other = [](int turn) { return turn == kPlain ? kTransposed : kPlain; };
    if (rz.possible) {  // z^T = y^T x^T
      gemm(other(turn_y), other(turn_x), y.columns, x.rows, x.columns, py, lead_y, px, lead_x, pz,
           rz.lead);
      continue;
    }
    own_z.resize(static_cast<std::size_t>(z.rows * z.columns));
    gemm(turn_x, turn_y, x.rows, y.columns, x.columns, px, lead_x, py, lead_y, own_z.data(),
         static_cast<int>(z.columns));
    for (std::int64_t i = 0; i < z.rows; ++i) {
      for (std::int64_t j = 0; j < z.columns; ++j) {
        pz[i * z.row_stride + j * z.column_stride] =
            own_z[static_cast<std::size_t>(i * z.columns + j)];
      }
    }
  }
}

/// OpenBLAS has one number of threads for the process. It is set when it differs, and only where
/// nobody else had loaded the library.
void set_threads(std::int64_t threads) {
  static std::mutex mutex;
  const OpenBlas& library = openblas();
  if (!library.ours) return;
  const std::lock_guard lock(mutex);
  if (library.get_threads() != threads) library.set_threads(static_cast<int>(threads));
}

}  // namespace

std::vector<std::int64_t> library_words(const kernel::LibraryCall& call,
                                        const kernel::Program& program) {
  const DType t = program.buffers[call.arrays[0].buffer].dtype;
  std::vector<std::int64_t> words{static_cast<std::int64_t>(call.op),
                                  t == DType::kF32,
                                  call.lower,
                                  call.transposed,
                                  call.unit_diagonal,
                                  call.pairs};
  words.push_back(static_cast<std::int64_t>(call.batch.size()));
  words.insert(words.end(), call.batch.begin(), call.batch.end());
  words.push_back(static_cast<std::int64_t>(call.arrays.size()));
  for (const kernel::LibraryCall::Array& a : call.arrays) {
    words.push_back(a.written);
    words.push_back(a.rows);
    words.push_back(a.columns);
    words.insert(words.end(), a.strides.begin(), a.strides.end());
  }
  return words;
}

void library_call(const std::int64_t* words, void* const* arrays, std::int64_t threads) noexcept {
  const Call call(words);
  set_threads(threads);
  if (call.op == ir::Op::kDotGeneral)
    call.single ? multiply<float>(call, arrays) : multiply<double>(call, arrays);
  else if (call.pairs)
    call.single ? factor<std::complex<float>>(call, arrays)
                : factor<std::complex<double>>(call, arrays);
  else
    call.single ? factor<float>(call, arrays) : factor<double>(call, arrays);
}

bool library_available() {
  return openblas().why_not.empty();
}

std::string library_text() {
  return library_available() ? openblas().text : "no OpenBLAS: " + openblas().why_not;
}

void want_library(const kernel::Program& program) {
  ir::Op op{};
  if (!kernel::calls_library(program, &op) || library_available()) return;
  throw DeviceError(
      "[" + std::string(ir::name_of(op)) +
          "] matrices beyond 16 x 16 need OpenBLAS, which cannot be loaded: " + openblas().why_not,
      "install the package libopenblas0-pthread");
}

}  // namespace cotangent::backend::cpu
