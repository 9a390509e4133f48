#include "cotangent/mechanics/lie_algebra.h"

#include <algorithm>
#include <cmath>

#include "cotangent/ir/builder.h"
#include "cotangent/ir/evaluator.h"
#include "cotangent/mechanics/dependence.h"
#include "cotangent/transform/algebra.h"

namespace cotangent::mechanics {
namespace {

using ir::Builder;
using ir::FunctionPtr;
using ir::Tensor;
using ir::Type;
using ir::Value;
using Matrix = std::vector<double>;  // square, row-major
using Rows = std::vector<std::vector<long double>>;

constexpr long double kZero = 1e-12L;  // structure constants are numbers of the size of one

Matrix commutator(const Matrix& x, const Matrix& y, std::size_t n) {
  Matrix z(n * n, 0);
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < n; ++j) {
      for (std::size_t k = 0; k < n; ++k) {
        z[i * n + j] += x[i * n + k] * y[k * n + j] - y[i * n + k] * x[k * n + j];
      }
    }
  }
  return z;
}

/// Reduces to echelon form with leading ones; gives the column of each leading one.
std::vector<std::size_t> reduce(Rows& rows, std::size_t columns) {
  std::vector<std::size_t> leading;
  std::size_t r = 0;
  for (std::size_t c = 0; c < columns && r < rows.size(); ++c) {
    std::size_t best = r;
    for (std::size_t k = r; k < rows.size(); ++k) {
      if (std::abs(rows[k][c]) > std::abs(rows[best][c])) best = k;
    }
    if (std::abs(rows[best][c]) < kZero) continue;
    std::swap(rows[r], rows[best]);
    const long double pivot = rows[r][c];
    for (long double& x : rows[r]) x /= pivot;
    for (std::size_t k = 0; k < rows.size(); ++k) {
      const long double by = rows[k][c];
      if (k == r || by == 0) continue;
      for (std::size_t j = c; j < rows[k].size(); ++j) rows[k][j] -= by * rows[r][j];
    }
    leading.push_back(c);
    ++r;
  }
  rows.resize(r);
  return leading;
}

long double whole(long double x) {
  const long double near = std::round(x);
  return std::abs(x - near) < kZero ? near : x;
}

/// The smallest multiple that is whole, where there is one: exact algebra knows no thirds.
std::vector<long double> in_whole_numbers(std::vector<long double> v) {
  for (long double by = 1; by <= 24; ++by) {
    const auto is_whole = [&](long double x) { return whole(by * x) == std::round(by * x); };
    if (!std::all_of(v.begin(), v.end(), is_whole)) continue;
    for (long double& x : v) x = std::round(by * x);
    break;
  }
  return v;
}

/// Vectors that all rows send to zero.
Rows null_space(Rows rows, std::size_t columns) {
  const std::vector<std::size_t> leading = reduce(rows, columns);
  Rows basis;
  for (std::size_t c = 0; c < columns; ++c) {
    if (std::find(leading.begin(), leading.end(), c) != leading.end()) continue;
    std::vector<long double> v(columns, 0);
    v[c] = 1;
    for (std::size_t r = 0; r < leading.size(); ++r) v[leading[r]] = -rows[r][c];
    basis.push_back(in_whole_numbers(std::move(v)));
  }
  return basis;
}

Matrix unit(std::size_t n, std::size_t i, std::size_t j) {
  Matrix m(n * n, 0);
  m[i * n + j] = 1;
  return m;
}

Matrix turn(std::size_t n, std::size_t i, std::size_t j) {  // E_ij - E_ji
  Matrix m = unit(n, i, j);
  m[j * n + i] = -1;
  return m;
}

LieAlgebra special_linear(std::size_t n) {
  std::vector<std::string> names;
  std::vector<Matrix> basis;
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < n; ++j) {
      if (i == j) continue;
      names.push_back("E" + std::to_string(i) + std::to_string(j));
      basis.push_back(unit(n, i, j));
    }
  }
  for (std::size_t i = 0; i + 1 < n; ++i) {
    Matrix h = unit(n, i, i);
    h[(i + 1) * n + i + 1] = -1;
    names.push_back("H" + std::to_string(i));
    basis.push_back(std::move(h));
  }
  return algebra_of_matrices("sl" + std::to_string(n), names, basis);
}

std::vector<LieAlgebra> make_algebras() {
  std::vector<LieAlgebra> all;
  // e_k turns about axis k: (e_k)_ij = -epsilon_kij.
  const std::vector<Matrix> turns = {turn(3, 2, 1), turn(3, 0, 2), turn(3, 1, 0)};
  all.push_back(algebra_of_matrices("so3", {"x", "y", "z"}, turns));
  std::vector<Matrix> basis;
  std::vector<std::string> names;
  for (std::size_t i = 0; i < 4; ++i) {
    for (std::size_t j = i + 1; j < 4; ++j) {
      basis.push_back(turn(4, i, j));
      names.push_back("L" + std::to_string(i) + std::to_string(j));
    }
  }
  all.push_back(algebra_of_matrices("so4", names, basis));
  all.push_back(algebra_of_matrices("se2", {"turn", "x", "y"},
                                    {turn(3, 1, 0), unit(3, 0, 2), unit(3, 1, 2)}));
  all.push_back(algebra_of_matrices(
      "se3", {"Pi0", "Pi1", "Pi2", "Gamma0", "Gamma1", "Gamma2"},
      {turn(4, 2, 1), turn(4, 0, 2), turn(4, 1, 0), unit(4, 0, 3), unit(4, 1, 3), unit(4, 2, 3)}));
  for (std::size_t n : {2, 3, 4}) all.push_back(special_linear(n));
  all.push_back(algebra_of_matrices("heisenberg", {"x", "y", "z"},
                                    {unit(3, 0, 1), unit(3, 1, 2), unit(3, 0, 2)}));
  return all;
}

const std::vector<LieAlgebra>& algebras() {
  static const std::vector<LieAlgebra> all = make_algebras();
  return all;
}

Value state_param(Builder& b, std::int64_t n, const std::vector<Parameter>& parameters) {
  const Value x = b.param({DType::kF64, Shape{n}}, "x");
  b.param(ir::scalar(), "t");
  for (const Parameter& p : parameters) b.param(p.value.type(), p.name);
  return x;
}

// --- Casimirs

/// The place of x_i x_j, i <= j, among the monomials of degree two.
std::size_t monomial(std::size_t n, std::size_t i, std::size_t j) {
  if (i > j) std::swap(i, j);
  return i * n - i * (i + 1) / 2 + j;
}

/// The coefficients of C with sum_j c_ij^k x_k dC/dx_j = 0 for every i.
Rows linear_casimirs(const LieAlgebra& a) {
  const auto n = static_cast<std::size_t>(a.dimension());
  Rows rows(n * n, std::vector<long double>(n, 0));  // of (i, k)
  for (const StructureConstant& c : a.constants) {
    rows[static_cast<std::size_t>(c.i) * n + static_cast<std::size_t>(c.k)]
        [static_cast<std::size_t>(c.j)] += c.value;
  }
  return null_space(rows, n);
}

Rows quadratic_casimirs(const LieAlgebra& a, const Rows& linear) {
  const auto n = static_cast<std::size_t>(a.dimension());
  const std::size_t columns = n * (n + 1) / 2;
  Rows rows(n * columns, std::vector<long double>(columns, 0));  // of (i, monomial)
  for (const StructureConstant& c : a.constants) {
    const auto i = static_cast<std::size_t>(c.i), j = static_cast<std::size_t>(c.j),
               k = static_cast<std::size_t>(c.k);
    for (std::size_t l = 0; l < n; ++l) {  // d(x_j x_l)/dx_j = x_l, or 2 x_j
      rows[i * columns + monomial(n, k, l)][monomial(n, j, l)] += (l == j ? 2 : 1) * c.value;
    }
  }
  const Rows all = null_space(rows, columns);
  Rows known;  // products of linear ones are nothing new
  for (std::size_t u = 0; u < linear.size(); ++u) {
    for (std::size_t v = u; v < linear.size(); ++v) {
      std::vector<long double> product(columns, 0);
      for (std::size_t i = 0; i < n; ++i) {
        for (std::size_t j = 0; j < n; ++j) {
          product[monomial(n, i, j)] += linear[u][i] * linear[v][j];
        }
      }
      known.push_back(std::move(product));
    }
  }
  Rows fresh;
  for (const auto& candidate : all) {
    Rows with = known;
    with.push_back(candidate);
    Rows reduced = with;
    if (reduce(reduced, columns).size() < with.size()) continue;
    known = std::move(with);
    fresh.push_back(candidate);
  }
  return fresh;
}

std::string number_text(long double c) {
  std::string s = std::to_string(static_cast<double>(c));
  while (s.back() == '0') s.pop_back();
  if (s.back() == '.') s.pop_back();
  return s;
}

std::string polynomial_text(const std::vector<long double>& c,
                            const std::vector<std::string>& monomials) {
  std::string s;
  for (std::size_t k = 0; k < c.size(); ++k) {
    if (c[k] == 0) continue;
    s += s.empty() ? (c[k] < 0 ? "-" : "") : (c[k] < 0 ? " - " : " + ");
    if (std::abs(c[k]) != 1) s += number_text(std::abs(c[k])) + " ";
    s += monomials[k];
  }
  return s;
}

Value matrix_constant(Builder& b, const std::vector<double>& values, Shape shape) {
  return b.constant(Tensor::of<double>(shape, std::span<const double>(values)));
}

Value dot(Builder& b, Value x, Value y, std::int64_t axis_x) {
  ir::DotAttr attr;
  attr.contract_x = {axis_x};
  attr.contract_y = {0};
  return b.dot_general(x, y, attr);
}

Casimir linear_casimir(const std::vector<long double>& c,
                       const std::vector<Parameter>& parameters) {
  Builder b("casimir");
  const auto n = static_cast<std::int64_t>(c.size());
  const Value x = state_param(b, n, parameters);
  std::vector<double> weights(c.begin(), c.end());
  std::vector<std::string> names;
  for (std::int64_t k = 0; k < n; ++k) names.push_back("x[" + std::to_string(k) + "]");
  return {polynomial_text(c, names),
          b.finish({b.reduce_sum(b.mul(matrix_constant(b, weights, Shape{n}), x))})};
}

Casimir quadratic_casimir(std::size_t n, const std::vector<long double>& c,
                          const std::vector<Parameter>& parameters) {
  Builder b("casimir");
  const auto size = static_cast<std::int64_t>(n);
  const Value x = state_param(b, size, parameters);
  std::vector<double> matrix(n * n, 0);
  std::vector<std::string> names;
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = i; j < n; ++j) {
      matrix[i * n + j] = static_cast<double>(c[monomial(n, i, j)]);
      const std::string xi = "x[" + std::to_string(i) + "]";
      names.push_back(i == j ? xi + "^2" : xi + " x[" + std::to_string(j) + "]");
    }
  }
  const Value ax = dot(b, matrix_constant(b, matrix, Shape{size, size}), x, 1);
  return {polynomial_text(c, names), b.finish({b.reduce_sum(b.mul(x, ax))})};
}

/// tr X^p of sl(n): X_ji is n times the coordinate of E_ij, and X_ii - X_(i+1)(i+1) n times that of
/// H_i; so X has whole entries.
Casimir trace_casimir(std::int64_t n, int power, const std::vector<Parameter>& parameters) {
  const std::int64_t dimension = n * n - 1;
  std::vector<double> spread(static_cast<std::size_t>(n * n * dimension), 0);
  const auto at = [&](std::int64_t i, std::int64_t j, std::int64_t k) -> double& {
    return spread[static_cast<std::size_t>((i * n + j) * dimension + k)];
  };
  std::int64_t place = 0;
  for (std::int64_t i = 0; i < n; ++i) {
    for (std::int64_t j = 0; j < n; ++j) {
      if (i != j) at(j, i, place++) = static_cast<double>(n);
    }
  }
  for (std::int64_t h = 0; h + 1 < n; ++h, ++place) {  // the trace is zero
    for (std::int64_t i = 0; i < n; ++i) {
      at(i, i, place) = static_cast<double>(i <= h ? n - h - 1 : -h - 1);
    }
  }
  Builder b("casimir");
  const Value v = state_param(b, dimension, parameters);
  const Value x = dot(b, matrix_constant(b, spread, Shape{n, n, dimension}), v, 2);
  Value y = x;
  for (int k = 2; k < power; ++k) y = dot(b, y, x, 1);
  return {"tr X^" + std::to_string(power),
          b.finish({b.reduce_sum(b.mul(y, b.transpose(x, {1, 0})))})};
}

}  // namespace

LieAlgebra algebra_of_matrices(const std::string& name, std::vector<std::string> basis,
                               const std::vector<Matrix>& matrices) {
  const std::size_t count = matrices.size();
  ensure(count > 0 && basis.size() == count, "an algebra with a name for each of its matrices");
  const std::size_t entries = matrices[0].size();
  const auto n = static_cast<std::size_t>(std::lround(std::sqrt(static_cast<double>(entries))));
  LieAlgebra a{name, std::move(basis), {}};
  for (std::size_t i = 0; i < count; ++i) {
    for (std::size_t j = 0; j < count; ++j) {
      const Matrix z = commutator(matrices[i], matrices[j], n);
      Rows rows(entries, std::vector<long double>(count + 1, 0));  // sum_k c_k e_k = z
      for (std::size_t e = 0; e < entries; ++e) {
        for (std::size_t k = 0; k < count; ++k) rows[e][k] = matrices[k][e];
        rows[e][count] = z[e];
      }
      const std::vector<std::size_t> leading = reduce(rows, count + 1);
      if (!leading.empty() && leading.back() == count) {
        throw UserError("[algebra] the commutator of " + a.basis[i] + " and " + a.basis[j] +
                            " is no combination of the basis of " + name,
                        "give a basis that is closed under commutators");
      }
      if (leading.size() < count) {
        throw UserError("[algebra] the basis of " + name + " is linearly dependent");
      }
      for (std::size_t k = 0; k < count; ++k) {
        const long double c = whole(rows[k][count]);
        if (c == 0) continue;
        a.constants.push_back({static_cast<std::int64_t>(i), static_cast<std::int64_t>(j),
                               static_cast<std::int64_t>(k), static_cast<double>(c)});
      }
    }
  }
  return a;
}

std::vector<std::string> algebra_names() {
  std::vector<std::string> names;
  for (const LieAlgebra& a : algebras()) names.push_back(a.name);
  return names;
}

const LieAlgebra* algebra_named(const std::string& name) {
  std::string plain;
  for (char c : name) {
    if (c != '(' && c != ')') plain += c;
  }
  for (const LieAlgebra& a : algebras()) {
    if (a.name == plain) return &a;
  }
  return nullptr;
}

FunctionPtr lie_poisson_matrix(const LieAlgebra& algebra,
                               const std::vector<Parameter>& parameters) {
  const std::int64_t n = algebra.dimension();
  const Shape square{n, n};
  // J as layers: in each an entry is one coordinate times one number.
  std::vector<std::vector<std::int64_t>> places;
  std::vector<std::vector<double>> factors;
  std::vector<std::size_t> depth(static_cast<std::size_t>(n * n), 0);
  for (const StructureConstant& c : algebra.constants) {
    const auto e = static_cast<std::size_t>(c.i * n + c.j);
    const std::size_t layer = depth[e]++;
    if (layer == places.size()) {
      places.emplace_back(static_cast<std::size_t>(n * n), 0);
      factors.emplace_back(static_cast<std::size_t>(n * n), 0.0);
    }
    places[layer][e] = c.k;
    factors[layer][e] = -c.value;
  }
  Builder b("J_" + algebra.name);
  const Value x = state_param(b, n, parameters);
  Value j;
  for (std::size_t k = 0; k < places.size(); ++k) {
    const Value at =
        b.constant(Tensor::of<std::int64_t>(square, std::span<const std::int64_t>(places[k])));
    const Value part = b.mul(matrix_constant(b, factors[k], square), b.gather(x, at));
    j = j.valid() ? b.add(j, part) : part;
  }
  if (!j.valid()) j = b.zeros({DType::kF64, square});
  return b.finish({j});
}

Structure lie_poisson(const std::string& name, const std::vector<Parameter>& parameters) {
  const LieAlgebra* a = algebra_named(name);
  if (!a) {
    std::string known;
    for (const std::string& k : algebra_names()) known += (known.empty() ? "" : ", ") + k;
    throw UserError("the Lie algebra '" + name + "' is not known",
                    "one of " + known + ", or give the matrix J");
  }
  Structure s;
  s.algebra = a->name;
  s.poisson = lie_poisson_matrix(*a, parameters);
  return s;
}

std::optional<LieAlgebra> linear_structure(const ir::Function& poisson) {
  const Type type = poisson.param_type(0);
  const std::int64_t n = type.shape[0];
  for (std::size_t k = 1; k < poisson.params().size(); ++k) {
    if (depends_on(poisson, 0, k)) return {};
  }
  LieAlgebra a{"", {}, {}};
  std::vector<std::vector<double>> columns;  // J(e_k)
  for (std::int64_t k = 0; k < n; ++k) {
    a.basis.push_back("x" + std::to_string(k));
    std::vector<Tensor> args;
    for (std::size_t p = 0; p < poisson.params().size(); ++p) {
      args.push_back(ir::filled(poisson.param_type(p), 0));
    }
    args[0].set_real(k, 1);
    const Tensor j = ir::evaluate(poisson, args)[0];
    columns.emplace_back();
    for (std::int64_t e = 0; e < n * n; ++e) {
      const auto value = static_cast<double>(j.real(e));
      if (!std::isfinite(value)) return {};
      columns.back().push_back(value);
      if (value != 0) a.constants.push_back({e / n, e % n, k, -value});
    }
  }
  transform::Algebra algebra;
  std::vector<transform::Algebra::Elements> args;
  for (std::size_t p = 0; p < poisson.params().size(); ++p) {
    args.emplace_back();
    for (std::int64_t e = 0; e < poisson.param_type(p).size(); ++e) {
      args.back().push_back(algebra.atom("x" + std::to_string(p) + "_" + std::to_string(e)));
    }
  }
  const auto values = algebra.interpret(poisson, args);
  if (!values) return {};
  for (std::int64_t e = 0; e < n * n; ++e) {
    auto rest = (*values)[0][static_cast<std::size_t>(e)];
    for (std::size_t k = 0; k < columns.size(); ++k) {
      const double c = columns[k][static_cast<std::size_t>(e)];
      if (c != 0) rest = algebra.sub(rest, algebra.mul(algebra.number(c), args[0][k]));
    }
    if (!algebra.is_zero(rest)) return {};
  }
  return a;
}

std::vector<Casimir> casimirs_of(const LieAlgebra& algebra,
                                 const std::vector<Parameter>& parameters) {
  std::vector<Casimir> all;
  const Rows linear = linear_casimirs(algebra);
  for (const auto& c : linear) all.push_back(linear_casimir(c, parameters));
  for (const auto& c : quadratic_casimirs(algebra, linear)) {
    all.push_back(quadratic_casimir(static_cast<std::size_t>(algebra.dimension()), c, parameters));
  }
  if (algebra.name.substr(0, 2) == "sl") {
    const std::int64_t n = std::stoll(algebra.name.substr(2));
    for (int power = 3; power <= n; ++power) {
      all.push_back(trace_casimir(n, power, parameters));
    }
  }
  return all;
}

}  // namespace cotangent::mechanics
