#include "cotangent/mechanics/linear.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "cotangent/ir/builder.h"
#include "cotangent/ir/evaluator.h"
#include "cotangent/mechanics/bracket.h"
#include "cotangent/mechanics/dependence.h"
#include "cotangent/mechanics/linear_drive.h"
#include "cotangent/mechanics/programs.h"
#include "cotangent/mechanics/scalars.h"
#include "cotangent/runtime/executable.h"
#include "cotangent/transform/derivatives.h"
#include "cotangent/transform/passes.h"

namespace cotangent::mechanics {
namespace {

using ir::Builder;
using ir::FunctionPtr;
using ir::Tensor;
using ir::Value;

constexpr double kProbes = 16;            // products that a block takes at least
constexpr double kEvaluatorBudget = 3e5;  // element operations; from there on it is compiled

/// f's derivative in parameter k, alone: (parameters of f..., dx) -> (dy).
FunctionPtr derivative(const ir::Function& f, std::size_t k) {
  const FunctionPtr both = transform::jvp(f, {k});
  Builder b(f.name() + "'");
  std::vector<Value> args;
  for (std::size_t j = 0; j < both->params().size(); ++j) {
    args.push_back(b.param(both->param_type(j), ""));
  }
  return transform::simplify(*b.finish({b.inline_call(*both, args)[1]}));
}

bool all_finite(const Tensor& x) {
  for (const double e : x.as<double>()) {
    if (!std::isfinite(e)) return false;
  }
  return true;
}

/// A program at the origin, or, where it has no derivatives there (a root of a square), at another
/// point.
class AtOrigin {
 public:
  /// `states` parameters come first, then the time, then those of the system. Without code it runs
  /// on the evaluator.
  AtOrigin(const System& system, FunctionPtr f, std::size_t states, runtime::ExecutablePtr code)
      : f_(std::move(f)), states_(states), compiled_(std::move(code)) {
    for (std::size_t k = 0; k < states; ++k) arguments_.push_back(filled(f_->param_type(k), 0));
    arguments_.push_back(Tensor::scalar_of<double>(0));
    for (const Parameter& x : system.parameters) arguments_.push_back(x.value);
    for (std::size_t k = arguments_.size(); k < f_->params().size(); ++k) {
      arguments_.push_back(filled(f_->param_type(k), 0));
    }
  }

  /// At x = 0.5, 0.61.. and so on, all different.
  void move() {
    moved_ = true;
    std::uint32_t n = 0;
    for (std::size_t k = 0; k < states_; ++k) {
      for (double& x : arguments_[k].as<double>()) {
        x = 0.5 + std::fmod(0.6180339887498949 * static_cast<double>(++n), 1.0);
      }
    }
  }
  bool moved() const { return moved_; }
  const std::vector<Tensor>& arguments() const { return arguments_; }
  std::vector<Tensor>& arguments() { return arguments_; }
  Tensor value() const {
    return compiled_ ? compiled_->call(arguments_)[0] : ir::evaluate(*f_, arguments_)[0];
  }
  Tensor times(std::span<const double> v) {
    const auto to = arguments_.back().as<double>();
    std::copy(v.begin(), v.end(), to.begin());
    return value();
  }

 private:
  FunctionPtr f_;
  std::size_t states_;
  std::vector<Tensor> arguments_;
  runtime::ExecutablePtr compiled_;
  bool moved_ = false;
};

struct Reader {
  const System& system;
  std::size_t states;

  /// Which derivative: of a function by one of its parameters.
  struct Part {
    FunctionPtr f;
    std::size_t parameter;
  };

  /// The matrices of derivatives; their programs are compiled together.
  std::vector<SparseMatrix> blocks(const std::vector<Part>& parts) const {
    std::vector<FunctionPtr> programs, large;
    for (const auto& [f, k] : parts) {
      programs.push_back(depends_on(*f, 0, k) ? derivative(*f, k) : nullptr);
      const bool compiles =
          programs.back() && kProbes * operations_in(*programs.back()) > kEvaluatorBudget;
      if (compiles) large.push_back(programs.back());
    }
    const std::vector<runtime::ExecutablePtr> codes = runtime::compile_all(large);
    std::vector<SparseMatrix> all;
    for (std::size_t k = 0; k < parts.size(); ++k) {
      const auto found = std::find(large.begin(), large.end(), programs[k]);
      const bool compiled = programs[k] && found != large.end();
      all.push_back(
          block(parts[k], programs[k],
                compiled ? codes[static_cast<std::size_t>(found - large.begin())] : nullptr));
    }
    return all;
  }

  SparseMatrix block(const Part& part, const FunctionPtr& d,
                     const runtime::ExecutablePtr& code) const {
    const ir::Function& f = *part.f;
    const std::size_t k = part.parameter;
    const std::int64_t rows = f.result_type(0).size(), columns = f.param_type(k).size();
    if (!d) return sparse_from(rows, columns, {});
    if (depends_on(*d, 0, states)) {
      throw UserError({"the coefficients of the linear equations depend on time", "",
                       "one matrix stands for any number of steps only where they do not",
                       "run it by steps"});
    }
    AtOrigin at_origin(system, d, states, code);
    const Shape& shape = f.param_type(k).shape;
    const std::vector<double> probe(at(columns), 1.0);
    // The derivatives are constant, but roots of squares have none at the origin, or zero by
    // convention.
    bool moves = false;
    for (std::size_t s = 0; s < states; ++s) moves = moves || depends_on(*d, 0, s);
    if (moves || !all_finite(at_origin.times(probe))) at_origin.move();
    const Product product = [&](std::span<const double> v) {
      const Tensor y = at_origin.times(v);
      const auto values = y.as<double>();
      return std::vector<double>(values.begin(), values.end());
    };
    return find_sparse(product, rows, columns, shape.rank() > 1 ? shape.size() / shape[0] : 1);
  }

  /// f at the origin as a function of time.
  std::vector<Drive> drives(const FunctionPtr& f, const std::vector<SparseMatrix>& blocks) const {
    const bool large = operations_in(*f) > kEvaluatorBudget;
    AtOrigin at_origin(system, f, states, large ? runtime::compile(f) : nullptr);
    Tensor b = at_origin.value();
    if (depends_on(*f, 0, states)) return find_drives(*f, at_origin.arguments(), states);
    if (!all_finite(b)) {
      at_origin.move();
      b = at_origin.value();
      for (std::size_t k = 0; k < blocks.size(); ++k) {
        blocks[k].add_product(-1.0, at_origin.arguments()[k].as<double>().data(),
                              b.as<double>().data());
      }
      // What is left of large terms is rounding.
      for (double& x : b.as<double>()) x = std::abs(x) < 1e-12 ? 0 : x;
    }
    Drive d;
    bool any = false;
    for (const double x : b.as<double>()) {
      d.amplitude.push_back(x);
      any |= x != 0;
    }
    return any ? std::vector<Drive>{d} : std::vector<Drive>{};
  }
};

void append(std::vector<Entry>& to, const SparseMatrix& a, double sign, std::int64_t row,
            std::int64_t column) {
  for (std::int64_t i = 0; i < a.rows; ++i) {
    for (std::int64_t k = a.start[at(i)]; k < a.start[at(i + 1)]; ++k) {
      to.push_back({row + i, column + a.column[at(k)], sign * a.value[at(k)]});
    }
  }
}

/// Drives of one half of x, put into all of x.
void append(std::vector<Drive>& to, const std::vector<Drive>& drives, double sign, bool second) {
  for (const Drive& d : drives) {
    Drive whole = d;
    const std::size_t n = d.amplitude.size();
    whole.amplitude.assign(2 * n, 0);
    for (std::size_t k = 0; k < n; ++k) {
      whole.amplitude[(second ? n : 0) + k] = sign * d.amplitude[k];
    }
    to.push_back(std::move(whole));
  }
}

LinearSystem canonical(const System& system) {
  for (const EnergyTerm& term : system.terms) {
    const Degree d = degree_of(*term.energy);
    if (d.joint <= 2) continue;
    throw UserError(
        {"the equations of motion are not linear: the term \"" + term.name + "\" is " + text_of(d),
         "", "H has to be at most quadratic in q and p together",
         "run it by steps, or take its quadratic part exactly and the rest as kicks"});
  }
  const FunctionPtr by_q = energy_gradient(system, 0), by_p = energy_gradient(system, 1);
  const Reader reader{system, 2};
  const std::vector<SparseMatrix> all = reader.blocks({{by_q, 0}, {by_q, 1}, {by_p, 0}, {by_p, 1}});
  const SparseMatrix &qq = all[0], &qp = all[1], &pq = all[2], &pp = all[3];
  LinearSystem s;
  s.shape = system.shape;
  const std::int64_t n = system.shape.size();
  s.n = 2 * n;
  std::vector<Entry> entries;
  append(entries, pq, 1, 0, 0);
  append(entries, pp, 1, 0, n);
  append(entries, qq, -1, n, 0);
  append(entries, qp, -1, n, n);
  s.a = sparse_from(s.n, s.n, std::move(entries));
  append(s.drives, reader.drives(by_p, {pq, pp}), 1, false);
  append(s.drives, reader.drives(by_q, {qq, qp}), -1, true);
  s.separable = qp.entries() == 0 && pq.entries() == 0;
  if (s.separable) {
    s.inverse_mass = pp;
    s.stiffness = qq;
  }
  return s;
}

}  // namespace

LinearSystem linear_system(const System& system) {
  if (system.form == Form::kCanonical) return canonical(system);
  const FunctionPtr rate = system.form == Form::kMap ? system.rate : vector_field(system);
  if (degree_of(*rate).q > 1) {
    throw UserError({"the equations of motion are not linear", "",
                     "the right-hand side has to be of degree 1 in the state", "run it by steps"});
  }
  const Reader reader{system, 1};
  LinearSystem s;
  s.form = system.form;
  s.shape = system.shape;
  s.n = system.shape.size();
  s.a = reader.blocks({{rate, 0}})[0];
  s.drives = reader.drives(rate, {s.a});
  if (system.form == Form::kMap &&
      (s.drives.size() > 1 ||
       (s.drives.size() == 1 &&
        (s.drives[0].power != 0 || s.drives[0].w != 0 || s.drives[0].decay != 0)))) {
    throw UserError("a linear map that depends on the step has no power", "run it by steps");
  }
  return s;
}

}  // namespace cotangent::mechanics
