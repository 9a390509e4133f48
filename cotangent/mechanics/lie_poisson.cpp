#include "cotangent/mechanics/lie_poisson.h"

#include <algorithm>
#include <cmath>

#include "cotangent/ir/builder.h"
#include "cotangent/ir/evaluator.h"
#include "cotangent/mechanics/bracket.h"
#include "cotangent/mechanics/dependence.h"
#include "cotangent/mechanics/implicit_midpoint.h"
#include "cotangent/mechanics/lie_algebra.h"
#include "cotangent/mechanics/matrix_flow.h"
#include "cotangent/mechanics/retype.h"
#include "cotangent/mechanics/step_program.h"
#include "cotangent/mechanics/unroll.h"
#include "cotangent/transform/algebra.h"
#include "cotangent/transform/derivatives.h"
#include "cotangent/transform/passes.h"

namespace cotangent::mechanics {
namespace {

using ir::Builder;
using ir::FunctionPtr;
using ir::Tensor;
using ir::Value;
using transform::Algebra;
using Coordinates = std::vector<std::int64_t>;

constexpr std::int64_t kMostCoordinates = 64;  // of a state that is taken apart

/// J(x) = constant + sum_k x_k (..): one of the two is zero.
struct AffineStructure {
  std::int64_t n = 0;
  std::vector<double> constant;              ///< [n, n]
  std::vector<StructureConstant> constants;  ///< J_ij = -sum c_ij^k x_k

  bool linear() const { return constant.empty(); }
  bool commute(std::int64_t i, std::int64_t j) const {
    if (!linear()) return constant[static_cast<std::size_t>(i * n + j)] == 0;
    return std::none_of(constants.begin(), constants.end(),
                        [&](const StructureConstant& c) { return c.i == i && c.j == j; });
  }
  /// Row-major A_j with A_j x = J(x) e_j.
  std::vector<double> generator(std::int64_t j) const {
    std::vector<double> a(static_cast<std::size_t>(n * n), 0);
    for (const StructureConstant& c : constants) {
      if (c.j == j) a[static_cast<std::size_t>(c.i * n + c.k)] -= c.value;
    }
    return a;
  }
  /// J e_j of a constant J.
  std::vector<double> column(std::int64_t j) const {
    std::vector<double> v;
    for (std::int64_t i = 0; i < n; ++i) {
      v.push_back(constant[static_cast<std::size_t>(i * n + j)]);
    }
    return v;
  }
};

AffineStructure structure_of(const System& system) {
  const Structure& s = system.structure;
  const auto refuse = [&](std::string what, std::string why) {
    throw UserError({std::move(what), place_text(system, s.span), std::move(why),
                     "use method = \"implicit_midpoint\", which takes any structure"});
  };
  if (system.form != Form::kBracket || s.kind != Structure::Kind::kPoisson) {
    refuse("[splitting] only a Poisson structure is split into flows of parts",
           "this system has another form");
  }
  AffineStructure a;
  a.n = system.shape[0];
  if (const auto read = linear_structure(*s.poisson)) {
    a.constants = read->constants;
    return a;
  }
  for (std::size_t k = 0; k < s.poisson->params().size(); ++k) {
    if (!depends_on(*s.poisson, 0, k)) continue;
    refuse(
        "[splitting] flows of parts want a J that is linear in x, or constant, with numbers as "
        "coefficients",
        "J is not proved to be so: it depends on '" + s.poisson->param_names()[k] + "'");
  }
  std::vector<Tensor> args;
  for (std::size_t k = 0; k < s.poisson->params().size(); ++k) {
    args.push_back(ir::filled(s.poisson->param_type(k), 0));
  }
  const Tensor j = ir::evaluate(*s.poisson, args)[0];
  for (std::int64_t e = 0; e < a.n * a.n; ++e) a.constant.push_back(static_cast<double>(j.real(e)));
  return a;
}

/// Which parts of a term's gradient there are, and what each reads.
struct Separation {
  std::vector<char> present;               ///< dE/dx_i is not proved to be zero
  std::vector<std::vector<char>> coupled;  ///< d2E/dx_i dx_j is not proved to be zero
};

Separation separate(const ir::Function& gradient) {
  const std::int64_t n = gradient.param_type(0).shape[0];
  const auto size = static_cast<std::size_t>(n);
  Separation s{std::vector<char>(size, 1), std::vector(size, std::vector<char>(size, 1))};
  Algebra algebra;
  std::vector<Algebra::Elements> args;
  for (std::size_t k = 0; k < gradient.params().size(); ++k) {
    args.emplace_back();
    for (std::int64_t e = 0; e < gradient.param_type(k).size(); ++e) {
      args.back().push_back(algebra.atom("x" + std::to_string(k) + "_" + std::to_string(e)));
    }
  }
  const auto values = algebra.interpret(gradient, args);
  const FunctionPtr slope = transform::simplify(*transform::jvp(gradient, {0}));
  for (std::size_t j = 0; j < size; ++j) {
    if (values) s.present[j] = !algebra.is_zero((*values)[0][j]);
    std::vector<Algebra::Elements> with = args;
    with.emplace_back();
    for (std::size_t k = 0; k < size; ++k) with.back().push_back(algebra.number(k == j ? 1 : 0));
    const auto column = algebra.interpret(*slope, with);
    if (!column) continue;
    for (std::size_t i = 0; i < size; ++i) s.coupled[i][j] = !algebra.is_zero((*column)[1][i]);
  }
  return s;
}

/// Sets of coordinates that the term reads together.
std::vector<Coordinates> components(const Separation& s) {
  std::vector<Coordinates> all;
  std::vector<char> seen(s.present.size(), 0);
  for (std::size_t first = 0; first < seen.size(); ++first) {
    if (!s.present[first] || seen[first]) continue;
    Coordinates set = {static_cast<std::int64_t>(first)};
    seen[first] = 1;
    for (std::size_t at = 0; at < set.size(); ++at) {
      const auto i = static_cast<std::size_t>(set[at]);
      for (std::size_t j = 0; j < seen.size(); ++j) {
        if (seen[j] || !s.present[j] || !(s.coupled[i][j] || s.coupled[j][i])) continue;
        seen[j] = 1;
        set.push_back(static_cast<std::int64_t>(j));
      }
    }
    std::sort(set.begin(), set.end());
    all.push_back(std::move(set));
  }
  return all;
}

bool all_commute(const AffineStructure& a, const Coordinates& x, const Coordinates& y) {
  for (std::int64_t i : x) {
    for (std::int64_t j : y) {
      if (!a.commute(i, j)) return false;
    }
  }
  return true;
}

std::string names_of(const Coordinates& set) {
  std::string s;
  for (std::int64_t k : set) s += (s.empty() ? "x[" : ", x[") + std::to_string(k) + "]";
  return s;
}

/// The parts of one term.
class TermParts {
 public:
  TermParts(const System& system, const AffineStructure& structure, const EnergyTerm& term)
      : system_(system),
        structure_(structure),
        term_(term),
        gradient_(transform::simplify(
            *transform::grad(*unroll_small(*term.energy, kMostCoordinates), {0}))) {}

  void add_to(std::vector<PartFlow>& parts, NoFlow otherwise) const {
    std::vector<Coordinates> exact;
    Coordinates rest;
    for (const Coordinates& set : components(separate(*gradient_))) {
      if (!all_commute(structure_, set, set)) {
        if (otherwise == NoFlow::kRefuse) refuse(set);
        rest.insert(rest.end(), set.begin(), set.end());
        continue;
      }
      const auto with = std::find_if(exact.begin(), exact.end(), [&](const Coordinates& other) {
        return all_commute(structure_, set, other);
      });
      if (with == exact.end()) {
        exact.push_back(set);
      } else {
        with->insert(with->end(), set.begin(), set.end());
      }
    }
    const bool alone = exact.size() + !rest.empty() == 1;
    for (const Coordinates& set : exact) {
      if (auto part = exact_flow(set, alone)) parts.push_back(std::move(*part));
    }
    if (!rest.empty()) parts.push_back(midpoint(rest, alone));
  }

 private:
  [[noreturn]] void refuse(const Coordinates& set) const {
    std::string clash;
    for (std::int64_t i : set) {
      for (std::int64_t j : set) {
        if (clash.empty() && !structure_.commute(i, j)) {
          clash = "{x[" + std::to_string(i) + "], x[" + std::to_string(j) + "]} is not zero";
        }
      }
    }
    throw UserError({"[splitting] the term '" + term_.name + "' has no exact flow: it reads " +
                         names_of(set) + " together",
                     place_text(system_, term_.span), clash + ", so they move while the term acts",
                     "write it as terms of one coordinate each, or of coordinates that commute; or "
                     "use method = \"implicit_midpoint\""});
  }

  std::string name(const Coordinates& set, bool alone) const {
    return alone ? term_.name : term_.name + " in " + names_of(set);
  }

  /// Parameters (x, t, h, parameters...) of `b`, and the gradient at t (a term that reads the time
  /// is taken in the middle).
  struct Inputs {
    Value x, h, gradient;
  };
  Inputs inputs(Builder& b) const {
    Inputs in;
    in.x = b.param({DType::kF64, system_.shape}, "x");
    const Value t = b.param(ir::scalar(), "t");
    in.h = b.param(ir::scalar(), "h");
    std::vector<Value> args = {in.x, t};
    for (const Parameter& p : system_.parameters) args.push_back(b.param(p.value.type(), p.name));
    args[1] = b.add(t, b.mul(b.constant(0.5), in.h));
    in.gradient = b.inline_call(*gradient_, args)[0];
    return in;
  }

  /// Nothing where the part moves nothing.
  std::optional<PartFlow> exact_flow(const Coordinates& set, bool alone) const {
    Builder b("flow_of_" + term_.name);
    const Inputs in = inputs(b);
    std::vector<Value> times;  // h df/dx_j
    for (std::int64_t j : set) times.push_back(b.mul(in.h, b.row(in.gradient, j)));
    Value moved = in.x;
    PartFlow part;
    if (structure_.linear()) {
      std::vector<std::vector<double>> generators;
      for (std::int64_t j : set) generators.push_back(structure_.generator(j));
      const MatrixFlow flow(structure_.n, generators);
      if (flow.still()) return {};
      moved = flow.apply(b, in.x, times);
    } else {
      for (std::size_t k = 0; k < set.size(); ++k) {
        const std::vector<double> column = structure_.column(set[k]);
        const Value v = b.constant(Tensor::of<double>(system_.shape, std::span(column)));
        moved = b.add(moved, b.scale(times[k], v));
      }
    }
    part.name = name(set, alone);
    part.flow = transform::simplify(*b.finish({moved}));
    part.cost = operations_in(*part.flow);
    part.exact = !depends_on(*gradient_, 0, 1);
    part.order = part.exact ? 0 : 2;
    return part;
  }

  PartFlow midpoint(const Coordinates& set, bool alone) const {
    Builder b("field");
    std::vector<Value> args = {b.param({DType::kF64, system_.shape}, "x"),
                               b.param(ir::scalar(), "t")};
    for (const Parameter& p : system_.parameters) args.push_back(b.param(p.value.type(), p.name));
    const Value g = b.inline_call(*gradient_, args)[0];
    std::vector<double> keep(static_cast<std::size_t>(structure_.n), 0);
    for (std::int64_t k : set) keep[static_cast<std::size_t>(k)] = 1;
    const Value mask =
        b.constant(Tensor::of<double>(system_.shape, std::span(std::as_const(keep))));
    ir::DotAttr attr;
    attr.contract_x = {1};
    attr.contract_y = {0};
    const Value j = b.inline_call(*system_.structure.poisson, args)[0];
    return midpoint_flow(system_, name(set, alone),
                         b.finish({b.dot_general(j, b.mul(mask, g), attr)}));
  }

  const System& system_;
  const AffineStructure& structure_;
  const EnergyTerm& term_;
  FunctionPtr gradient_;
};

}  // namespace

std::vector<PartFlow> lie_poisson_flows(const System& system, NoFlow otherwise) {
  const AffineStructure structure = structure_of(system);
  if (structure.n > kMostCoordinates) {
    throw UserError("[splitting] a state of " + std::to_string(structure.n) +
                        " coordinates is not taken apart; at most " +
                        std::to_string(kMostCoordinates),
                    "use method = \"implicit_midpoint\"");
  }
  std::vector<PartFlow> parts;
  for (const EnergyTerm& term : system.terms) {
    TermParts(system, structure, term).add_to(parts, otherwise);
  }
  if (parts.empty()) throw UserError("[splitting] no term of the energy moves anything");
  return parts;
}

}  // namespace cotangent::mechanics
