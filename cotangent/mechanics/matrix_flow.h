// exp(sum_j t_j A_j) x for constant matrices A_j and numbers t_j known when it runs.
#pragma once

#include <vector>

#include "cotangent/ir/builder.h"

namespace cotangent::mechanics {

class MatrixFlow {
 public:
  /// Row-major matrices [n, n].
  MatrixFlow(std::int64_t n, std::vector<std::vector<double>> generators);

  enum class Kind {
    kStill,       ///< A = 0
    kShear,       ///< A^2 = 0: x + A x
    kCubicShear,  ///< A^3 = 0: x + A x + A^2 x / 2
    kTurn,        ///< one A with A^3 = -w^2 A: sin and cos of w t (Rodrigues 1840)
    kStretch,     ///< one A with A^3 = w^2 A: sinh and cosh
    kGeneral      ///< scaling, Taylor's polynomial of degree 18, squaring
  };
  Kind kind() const { return kind_; }
  bool still() const { return kind_ == Kind::kStill; }

  /// `times` one a generator. What no generator moves keeps its bits.
  ir::Value apply(ir::Builder& b, ir::Value x, const std::vector<ir::Value>& times) const;

 private:
  using Matrix = std::vector<double>;
  void classify();
  ir::Value image(ir::Builder& b, ir::Value x, const std::vector<ir::Value>& times) const;
  ir::Value turned(ir::Builder& b, ir::Value x, ir::Value time) const;
  ir::Value general(ir::Builder& b, ir::Value x, const std::vector<ir::Value>& times) const;

  std::int64_t n_;
  std::vector<Matrix> generators_;
  Kind kind_ = Kind::kGeneral;
  double rate_ = 0;  ///< w
};

/// (exp(a) - 1) for a [n, n], entries f64, by scaling, Taylor and squaring of exp - 1, which keeps
/// digits where a is small; within a few rounding errors times the norm of exp(a).
ir::Value expm1_of_matrix(ir::Builder& b, ir::Value a);

}  // namespace cotangent::mechanics
