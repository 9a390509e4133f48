#include "cotangent/mechanics/symplecticity.h"

#include <algorithm>
#include <cmath>

#include "cotangent/ir/evaluator.h"
#include "cotangent/mechanics/tangent_frame.h"
#include "cotangent/transform/passes.h"

namespace cotangent::mechanics {
namespace {

using ir::Builder;
using ir::FunctionPtr;
using ir::Tensor;
using ir::Type;
using ir::Value;

constexpr double kRoundOff = 1e-11;

std::vector<Value> params_like(Builder& b, const ir::Function& f) {
  std::vector<Value> values;
  for (std::size_t k = 0; k < f.params().size(); ++k) {
    values.push_back(b.param(f.param_type(k), f.param_names()[k]));
  }
  return values;
}

Value largest_entry(Builder& b, Value x) {
  return b.reduce(ir::Op::kReduceMax, b.unary(ir::Op::kAbs, x), {0, 1});
}

/// x y^T
Value times_transposed(Builder& b, Value x, Value y) {
  return b.dot_general(x, y, {{}, {}, {1}, {1}});
}

Value one_or(Builder& b, Value x) {
  return b.binary(ir::Op::kMax, b.constant(1.0), x);
}

void check(const ir::Function& step, std::size_t states) {
  integrator_of(std::make_shared<ir::Function>(step), states);
  std::int64_t n = 0;
  for (std::size_t k = 0; k < states; ++k) {
    n += step.param_type(k).size();
    if (step.param_type(k).dtype != DType::kF64) {
      throw UserError("the derivative of a step is taken in f64, and its state is not",
                      "give the step of a plan with precision \"f64\"");
    }
  }
  if (n > kMostDerivativeEntries) {
    throw UserError("the derivative of a step of " + std::to_string(n) + " entries is too large",
                    "check a smaller system of the same kind; up to " +
                        std::to_string(kMostDerivativeEntries) + " entries are taken");
  }
}

}  // namespace

double symplectic_defect(const std::vector<std::vector<double>>& lines) {
  const std::size_t n = lines.size() / 2;
  double worst = 0;
  for (std::size_t a = 0; a < 2 * n; ++a) {
    for (std::size_t b = 0; b < 2 * n; ++b) {
      double w = 0;
      for (std::size_t k = 0; k < n; ++k) {
        w += lines[a][k] * lines[b][n + k] - lines[a][n + k] * lines[b][k];
      }
      const double expected = b == a + n ? 1 : a == b + n ? -1 : 0;
      worst = std::max(worst, std::abs(w - expected));
    }
  }
  return worst;
}

FunctionPtr symplecticity_program(const ir::Function& step) {
  check(step, 2);
  if (step.param_type(0) != step.param_type(1)) {
    throw UserError("q and p of a step have two shapes", "give both the shape of the positions");
  }
  const std::int64_t n = step.param_type(0).size();
  Builder b("symplecticity");
  const std::vector<Value> x = params_like(b, step);
  // Row k of `rows` is the image of unit vector k, q before p: what J does to it swaps the two.
  const Value rows = b.inline_call(*jacobian_rows(step, 2), x)[0];
  const Value q = b.slice(rows, {0, 0}, {2 * n, n}, {1, 1});
  const Value p = b.slice(rows, {0, n}, {2 * n, 2 * n}, {1, 1});
  const Value form = b.sub(times_transposed(b, q, p), times_transposed(b, p, q));
  const Type square{DType::kI64, Shape{2 * n, 2 * n}};
  const Value row = b.iota(square, 0), column = b.iota(square, 1);
  const Value shift = b.broadcast_to(b.constant_i64(n), square.shape);
  const Value plus = b.cast(b.eq(column, b.add(row, shift)), DType::kF64);
  const Value minus = b.cast(b.eq(row, b.add(column, shift)), DType::kF64);
  const Value defect = largest_entry(b, b.sub(form, b.sub(plus, minus)));
  const Value size = largest_entry(b, rows);
  return transform::simplify(*b.finish({b.div(defect, one_or(b, b.mul(size, size)))}));
}

FunctionPtr poisson_program(const ir::Function& step, const ir::Function& structure) {
  check(step, 1);
  constexpr std::size_t kStep = 1, kStart = 2, kDt = 3;
  Builder b("poisson");
  const std::vector<Value> x = params_like(b, step);
  const Value number = b.cast(x[kStep], DType::kF64);
  const auto j_at = [&](Value state, Value steps) {
    const Value t = b.add(x[kStart], b.mul(steps, x[kDt]));
    std::vector<Value> args = {state, t};
    args.insert(args.end(), x.begin() + kDt + 1, x.end());
    return b.inline_call(structure, args)[0];
  };
  const Value before = j_at(x[0], number);
  const Value after = j_at(b.inline_call(step, x)[0], b.add(number, b.constant(1.0)));
  // M = rows^T, and M J M^T = rows^T J rows.
  const Value m = b.transpose(b.inline_call(*jacobian_rows(step, 1), x)[0], {1, 0});
  const Value moved = times_transposed(b, b.dot_general(m, before, {{}, {}, {1}, {0}}), m);
  const Value size = largest_entry(b, m);
  const Value scale =
      b.mul(one_or(b, b.mul(size, size)),
            b.binary(ir::Op::kMax, largest_entry(b, before), largest_entry(b, after)));
  const Value defect = largest_entry(b, b.sub(moved, after));
  return transform::simplify(
      *b.finish({b.div(defect, b.binary(ir::Op::kMax, scale, b.constant(1e-300)))}));
}

Symplecticity check_symplectic(const FunctionPtr& program,
                               const std::vector<std::vector<Tensor>>& states,
                               const std::vector<Tensor>& parameters, double t0, double dt) {
  Symplecticity s;
  for (const std::vector<Tensor>& state : states) {
    std::vector<Tensor> args = state;
    args.push_back(Tensor::scalar_of<std::int64_t>(0));
    args.push_back(Tensor::scalar_of<double>(t0));
    args.push_back(Tensor::scalar_of<double>(dt));
    args.insert(args.end(), parameters.begin(), parameters.end());
    const auto x = static_cast<double>(ir::evaluate(*program, args)[0].real(0));
    s.defect = std::isfinite(x) ? std::max(s.defect, x) : INFINITY;
  }
  s.keeps = s.defect < kRoundOff;
  char number[32];
  std::snprintf(number, sizeof number, "%.2g", s.defect);
  s.text = std::string(s.keeps ? "it keeps" : "it does not keep") +
           " the structure of phase space: the relative defect of its derivative is " + number +
           " over " + std::to_string(states.size()) + " states";
  return s;
}

}  // namespace cotangent::mechanics
