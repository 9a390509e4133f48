#include "cotangent/transform/linear_algebra.h"

#include "cotangent/ir/linear_algebra.h"
#include "cotangent/transform/matrices.h"

namespace cotangent::transform {

using namespace ir;

namespace {

using Part = Matrices::Part;

class LinearPusher {
 public:
  LinearPusher(Builder& b, const Function& f, Value v, const Values& x, const Values& t)
      : b_(b),
        m_(b),
        f_(f),
        v_(v),
        pairs_(has_pairs(f.attr(v))),
        a_(matrix(x, 0)),
        da_(matrix(t, 0)) {
    if (f.op(v) == Op::kTriangularSolve) db_ = matrix(t, 1);
  }

  Pushed run(const Values& x) {
    const Value node = b_.copy(f_, v_, x);
    for (std::size_t k = 0; k < f_.result_types(v_).size(); ++k) {
      out_.primal.push_back(b_.project(node, static_cast<std::int64_t>(k)));
    }
    switch (f_.op(v_)) {
      case Op::kTriangularSolve: solve(); break;
      case Op::kCholesky: cholesky(); break;
      case Op::kLu: lu(); break;
      case Op::kQr: qr(); break;
      case Op::kEigh: eigh(); break;
      case Op::kSvd: svd(); break;
      default: throw InternalError("not an op of linear algebra");
    }
    return out_;
  }

 private:
  Matrix matrix(const Values& list, std::size_t k) const {
    return pairs_ ? Matrix{list[2 * k], list[2 * k + 1]} : Matrix{list[k], {}};
  }
  void give(Matrix d) {
    out_.tangent.push_back(d.re);
    if (pairs_) out_.tangent.push_back(d.im);
  }

  /// d(op(A)^-1 b) = op(A)^-1 (db - op(dA) x)
  void solve() {
    const auto& attr = f_.attr_as<SolveAttr>(v_);
    const Part part = attr.unit_diagonal
                          ? (attr.lower ? Part::kStrictlyLower : Part::kStrictlyUpper)
                          : (attr.lower ? Part::kLower : Part::kUpper);
    Matrix change = m_.part(da_, part);
    if (attr.transposed) change = m_.adjoint(change);
    give(m_.solve(a_, m_.sub(db_, m_.mul(change, matrix(out_.primal, 0))), attr));
  }

  /// dL = L phi(L^-1 dA L^-H), phi: the lower triangle with half the diagonal.
  void cholesky() {
    const Matrix l = matrix(out_.primal, 0);
    const SolveAttr lower;
    const Matrix w = m_.solve_right(l, m_.solve(l, m_.from_lower(da_), lower),
                                    {.lower = true, .transposed = true});
    const Matrix strict = m_.part(w, Part::kStrictlyLower);
    const Matrix phi = m_.add(strict, m_.half({m_.part(w.re, Part::kDiagonal), {}}));
    give(m_.part(m_.mul(l, phi), Part::kLower));
  }

  /// P A = L U with P fixed: F = L^-1 P dA U^-1, dL = L tril(F, -1), dU = triu(F) U.
  void lu() {
    const Matrix both = matrix(out_.primal, 0);
    const Matrix right = m_.permute_rows(da_, out_.primal.back());
    const SolveAttr lower{.lower = true, .unit_diagonal = true}, upper{.lower = false};
    const Matrix f = m_.solve_right(both, m_.solve(both, right, lower), upper);
    const Matrix l = m_.add(m_.part(both, Part::kStrictlyLower), m_.identity(b_.type(both.re)));
    give(m_.add(m_.mul(l, m_.part(f, Part::kStrictlyLower)),
                m_.mul(m_.part(f, Part::kUpper), m_.part(both, Part::kUpper))));
    out_.tangent.push_back({});
  }

  /// With A = Q R (its first k columns): C = dA R^-1, M = Q^H C, and W = Q^H dQ is skew, with M's
  /// strictly lower part: dQ = C - Q (M - W), dR = (M - W) R.
  void qr() {
    const Matrix q = matrix(out_.primal, 0), r = matrix(out_.primal, 1);
    const std::int64_t m = rows_of(b_.type(q.re)), k = columns_of(b_.type(q.re));
    const std::int64_t n = columns_of(b_.type(r.re));
    const Matrix r1 = n > k ? m_.columns_of(r, 0, k) : r;
    const Matrix da1 = n > k ? m_.columns_of(da_, 0, k) : da_;
    const Matrix c = m_.solve_right(r1, da1, {.lower = false});
    const Matrix all = m_.mul(m_.adjoint(q), c);
    const Matrix strict = m_.part(all, Part::kStrictlyLower);
    Matrix w = m_.sub(strict, m_.adjoint(strict));
    w = m_.add(w, {{}, m_.part(all.im, Part::kDiagonal)});
    const Matrix rest = m_.sub(all, w);
    give(m > k ? m_.sub(c, m_.mul(q, rest)) : m_.mul(q, w));
    Matrix dr = m_.part(m_.mul(rest, r1), Part::kUpper);
    if (n > k) {
      const Matrix r2 = m_.columns_of(r, k, n), da2 = m_.columns_of(da_, k, n);
      dr = m_.beside(dr, m_.sub(m_.mul(m_.adjoint(q), da2), m_.mul(w, r2)));
    }
    give(dr);
  }

  /// 1 on the diagonal and `x` elsewhere.
  Value off_diagonal(Value x) {
    return b_.select(m_.where(b_.type(x), Part::kDiagonal), b_.splat(1, b_.type(x)), x);
  }

  /// x, checked to have no zero, where vectors are read: those of equal values have no derivative.
  /// `values` is the result that holds the values.
  Value apart(Value x, std::int64_t values) {
    bool read = false;
    for (std::uint32_t id = 0; id < f_.size() && !read; ++id) {
      read = f_.op(Value{id}) == Op::kProject && f_.operand(Value{id}, 0) == v_ &&
             f_.attr_as<IndexAttr>(Value{id}).index != values;
    }
    if (!read) return x;
    const std::string name(name_of(f_.op(v_)));
    const bool eigen = f_.op(v_) == Op::kEigh;
    const CheckAttr attr{eigen ? 0x65696768 : 0x737664,
                         "[" + name + "] two " + (eigen ? "eigenvalues" : "singular values") +
                             " are equal, where the vectors have no derivative\n"
                             "  to do: differentiate the values alone (" +
                             (eigen ? "eigvalsh" : "svd(a).s") +
                             "), or take the vectors of stop_gradient(a)"};
    return b_.check(b_.binary(Op::kNe, x, b_.zeros(b_.type(x))), x, attr);
  }

  /// M = V^H dA V: dw = diag M, dV = V (M_ij / (w_j - w_i), 0 on the diagonal).
  void eigh() {
    const Value w = out_.primal[0];
    const Matrix v{out_.primal[1], pairs_ ? out_.primal[2] : Value{}};
    const Matrix m = m_.mul(m_.adjoint(v), m_.mul(m_.from_lower(da_), v));
    out_.tangent.push_back(m_.diagonal(m.re));
    const Type& t = b_.type(v.re);
    const Value gap = apart(off_diagonal(b_.sub(m_.columns(w, t), m_.rows(w, t))), 0);
    const Matrix mixed = m_.part(m_.over(m, gap), Part::kOffDiagonal);
    Matrix dv = m_.mul(v, mixed);
    if (pairs_) dv = m_.add(dv, m_.times_columns(m_.rotate(v), turn(v, dv)));
    give(dv);
  }

  /// The angle that keeps the leading component of each column real: -Im(dV_pj) / V_pj.
  Value turn(Matrix v, Matrix dv) {
    const Type& t = b_.type(v.re);
    const int axis = t.shape.rank() - 2;
    const Value size = b_.add(b_.mul(v.re, v.re), b_.mul(v.im, v.im));
    const Value largest = b_.reduce(Op::kReduceMax, size, {axis});
    const Value large = b_.ge(size, b_.mul(b_.splat(0.25, t), m_.columns(largest, t)));
    const Type index{DType::kI64, t.shape};
    const Value row = b_.iota(index, axis);
    const Value first =
        b_.reduce(Op::kReduceMin,
                  b_.select(large, row, b_.splat(static_cast<double>(rows_of(t)), index)), {axis});
    const Value here = b_.eq(row, m_.columns(first, index));
    const auto lead = [&](Value x) {
      return b_.reduce_sum(b_.select(here, x, b_.zeros(t)), {axis});
    };
    return b_.neg(b_.div(lead(dv.im), lead(v.re)));
  }

  /// P = U^H dA V: ds = Re diag P; with F_ij = 1/(s_j^2 - s_i^2) off the diagonal,
  /// dU = U (F (P S + S P^H)) + (1 - U U^H) dA V S^-1, dV = V (F (S P + P^H S)) + ...
  void svd() {
    const Matrix u = pairs_ ? Matrix{out_.primal[0], out_.primal[1]} : Matrix{out_.primal[0], {}};
    const Value s = out_.primal[pairs_ ? 2 : 1];
    const Matrix vh = pairs_ ? Matrix{out_.primal[3], out_.primal[4]} : Matrix{out_.primal[2], {}};
    const Matrix v = m_.adjoint(vh), uh = m_.adjoint(u);
    const std::int64_t m = rows_of(b_.type(u.re)), n = rows_of(b_.type(v.re));
    const Matrix av = m_.mul(da_, v), p = m_.mul(uh, av), ph = m_.adjoint(p);
    const Type& t = b_.type(p.re);
    const Value left = m_.rows(s, t), right = m_.columns(s, t);
    // Shares of sums of two singular values: their products may leave the range.
    const Value gap = apart(off_diagonal(b_.sub(right, left)), pairs_ ? 2 : 1);
    const Value sum = off_diagonal(b_.add(right, left));
    const Value of_right = b_.div(right, sum), of_left = b_.div(left, sum);
    const auto mixed = [&](Value p_share, Value ph_share) {
      const auto share = [&](Matrix x, Value by) {
        return m_.each(x, [&](Value e) { return b_.mul(e, by); });
      };
      const Matrix both = m_.add(share(p, p_share), share(ph, ph_share));
      return m_.part(m_.over(both, gap), Part::kOffDiagonal);
    };
    Matrix wu = mixed(of_right, of_left);
    const Matrix wv = mixed(of_left, of_right);
    if (pairs_) {
      // The phases of u_k and v_k together are fixed by P_kk, their sum by the convention.
      wu = m_.add(wu, {{}, m_.part(b_.div(p.im, right), Part::kDiagonal)});
    }
    Matrix du = m_.mul(u, wu), dv = m_.mul(v, wv);
    const std::int64_t k = columns_of(b_.type(u.re));
    const auto over_s = [&](Matrix x) {
      return m_.each(x, [&](Value e) { return b_.div(e, m_.columns(s, b_.type(e))); });
    };
    if (m > k) du = m_.add(du, over_s(m_.sub(av, m_.mul(u, p))));
    if (n > k) {
      const Matrix au = m_.mul(m_.adjoint(da_), u);
      dv = m_.add(dv, over_s(m_.sub(au, m_.mul(v, ph))));
    }
    if (pairs_) {
      const Value angle = turn(u, du);
      du = m_.add(du, m_.times_columns(m_.rotate(u), angle));
      dv = m_.add(dv, m_.times_columns(m_.rotate(v), angle));
    }
    give(du);
    out_.tangent.push_back(m_.diagonal(p.re));
    give(m_.adjoint(dv));
  }

  Builder& b_;
  Matrices m_;
  const Function& f_;
  Value v_;
  bool pairs_;
  Matrix a_, da_, db_;
  Pushed out_;
};

}  // namespace

Pushed push_linear_algebra(Builder& b, const Function& f, Value v, const Values& x,
                           const Values& t) {
  return LinearPusher(b, f, v, x, t).run(x);
}

}  // namespace cotangent::transform
