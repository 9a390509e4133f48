// The discrete adjoint of a symplectic step, and of a run of them: the transpose of its tangent map
// to round-off, whatever the loop keeps, and symplectic as that is.
#include <gtest/gtest.h>

#include <cmath>

#include "cotangent/ir/evaluator.h"
#include "cotangent/mechanics/programs.h"
#include "cotangent/transform/derivatives.h"
#include "cotangent/transform/rebuild.h"
#include "tests/mechanics/systems.h"

namespace cotangent::mechanics::test {
namespace {

using ir::FunctionPtr;
using ir::Tensor;
using Matrix = std::vector<std::vector<double>>;

/// (q, p, parameters...) -> (q, p) after n steps; its outer loop keeps what `keep` says.
FunctionPtr run_of(const Problem& problem, int order, double dt, std::int64_t n, ir::Keep keep) {
  const Pieces pieces = make_pieces(problem.system, Arithmetic{}, false);
  const FunctionPtr chunk = chunk_program(pieces, composition_for(order), {}, n);
  const FunctionPtr keeping = transform::rewrite(
      *chunk, {}, nullptr,
      [&](ir::Builder& b, ir::Value v, std::span<const ir::Value> x, const transform::Values&) {
        if (chunk->op(v) != ir::Op::kLoop) return transform::Values{};
        ir::LoopAttr a = chunk->attr_as<ir::LoopAttr>(v);
        a.keep = keep;
        return transform::Values(b.loop(a, x));
      });
  ir::Builder b("run");
  const ir::Type state{DType::kF64, problem.system.shape};
  const ir::Value q = b.param(state), p = b.param(state);
  std::vector<ir::Value> parameters;
  for (const ir::Type& type : pieces.parameters) parameters.push_back(b.param(type));
  const ir::Value t = b.constant(0.0);
  std::vector<ir::Value> at = {q, p, t};
  at.insert(at.end(), parameters.begin(), parameters.end());
  const ir::Value gradient = b.inline_call(*pieces.gradient, at)[0];
  std::vector<ir::Value> x = {
      q, p, gradient, b.constant_i64(0), b.constant_i64(n), t, b.constant(dt)};
  x.insert(x.end(), parameters.begin(), parameters.end());
  const std::vector<ir::Value> end = b.inline_call(*keeping, x);
  return b.finish({end[0], end[1]});
}

/// With `f` (q, p, ...) -> (q, p): columns of its derivative by jvp, or rows by vjp.
Matrix derivative(const ir::Function& f, const Problem& problem, bool reverse) {
  const std::int64_t n = problem.initial.q.size();
  const FunctionPtr d = reverse ? transform::vjp(f, {0, 1}) : transform::jvp(f, {0, 1});
  std::vector<Tensor> base = {problem.initial.q, *problem.initial.p};
  for (const Parameter& x : problem.system.parameters) base.push_back(x.value);
  Matrix lines(static_cast<std::size_t>(2 * n));
  for (std::int64_t line = 0; line < 2 * n; ++line) {
    std::vector<Tensor> args = base;
    Tensor dq(problem.initial.q.type()), dp = dq;
    (line < n ? dq : dp).set_real(line % n, 1);
    args.push_back(dq);
    args.push_back(dp);
    const std::vector<Tensor> out = ir::evaluate(*d, args);
    for (std::int64_t k = 0; k < 2 * n; ++k) {
      const Tensor& x = out[k < n ? 2 : 3];
      lines[static_cast<std::size_t>(line)].push_back(static_cast<double>(x.real(k % n)));
    }
  }
  return lines;
}

TEST(Adjoint, IsTheTransposeOfTheTangentMapAndSymplectic) {
  for (const Problem& problem :
       {kepler(0.3), henon_heiles(), driven_oscillator(), swinging_mass(), fput(8, 0.25)}) {
    for (int order : {2, 4, 8}) {
      for (ir::Keep keep : {ir::Keep{ir::KeepKind::kAll, 0}, ir::Keep{ir::KeepKind::kEvery, 4},
                            ir::Keep{ir::KeepKind::kBinomial, 3}}) {
        const FunctionPtr run = run_of(problem, order, 0.1, 15, keep);
        const Matrix columns = derivative(*run, problem, false);
        const Matrix rows = derivative(*run, problem, true);
        double size = 1;
        for (const auto& column : columns) {
          for (double x : column) size = std::max(size, std::abs(x));
        }
        for (std::size_t a = 0; a < rows.size(); ++a) {
          for (std::size_t b = 0; b < rows.size(); ++b) {
            EXPECT_NEAR(rows[a][b], columns[b][a], 1e-14 * size) << order;
          }
        }
        EXPECT_LT(symplectic_defect(columns), 1e-13 * size * size) << order;
        EXPECT_LT(symplectic_defect(rows), 1e-13 * size * size) << order;
      }
    }
  }
}

// A method that is not symplectic shows: the measure can fail.
TEST(Adjoint, OfExplicitEulerIsNotSymplectic) {
  const Problem problem = kepler(0.3);
  ir::Builder b("euler");
  const ir::Type state{DType::kF64, problem.system.shape};
  const ir::Value q = b.param(state), p = b.param(state);
  const std::vector<ir::Value> at = {q, p, b.constant(0.0)};  // it has no parameters
  const ir::Value h = b.constant(0.02);
  const ir::Value dq = b.inline_call(*energy_gradient(problem.system, 1), at)[0];
  const ir::Value dp = b.inline_call(*energy_gradient(problem.system, 0), at)[0];
  const FunctionPtr euler = b.finish({b.add(q, b.scale(h, dq)), b.sub(p, b.scale(h, dp))});
  EXPECT_GT(symplectic_defect(derivative(*euler, problem, true)), 1e-5);
}

}  // namespace
}  // namespace cotangent::mechanics::test
