// Fourier transforms of single lines, as array programs: stages over codelets, real lines,
// Bluestein.
#pragma once

#include <map>
#include <tuple>

#include "cotangent/transform/fft_codelets.h"

namespace cotangent::transform {

/// Builds transforms of lines [n] into a builder. Stage bodies are made once and shared.
class FftLines {
 public:
  explicit FftLines(DType t) : t_(t) {}

  /// Complex [n] -> complex [n]; forward, or the inverse with its factor 1/n.
  Pair complex(ir::Builder& b, Pair x, bool inverse);
  /// Two real lines [n] at once -> their n/2 + 1 coefficients each, and back.
  std::pair<Pair, Pair> real_pair(ir::Builder& b, ir::Value x, ir::Value y);
  std::pair<ir::Value, ir::Value> real_pair_inverse(ir::Builder& b, Pair x, Pair y, std::int64_t n);
  /// One real line.
  Pair real(ir::Builder& b, ir::Value x);
  ir::Value real_inverse(ir::Builder& b, Pair x, std::int64_t n);

  /// [n2, n1]: what turns coefficient j of the transform over every n2-th element, from p on,
  /// before those of length n2 over p.
  Pair turns(ir::Builder& b, std::int64_t n1, std::int64_t n2, bool inverse);

 private:
  /// One stage: `columns` transforms of length `radix`, each result turned by its twiddle, then by
  /// `scale` (1: none).
  ir::FunctionPtr stage_body(std::int64_t radix, bool twiddles, double scale);
  Pair forward(ir::Builder& b, Pair x, double scale);
  Pair staged(ir::Builder& b, Pair x, double scale);
  Pair bluestein(ir::Builder& b, Pair x, double scale);

  ir::Value table(ir::Builder& b, Shape shape, const std::vector<long double>& x);
  ir::Value places(ir::Builder& b, const std::vector<std::int64_t>& at);
  Pair gathered(ir::Builder& b, Pair x, ir::Value at);
  Pair scaled(ir::Builder& b, Pair x, double scale);

  DType t_;
  std::map<std::tuple<std::int64_t, bool, double>, ir::FunctionPtr> bodies_;
};

/// The lengths of the codelets that make n, in the order of the stages: as few as possible, then as
/// even as possible. n is smooth.
std::vector<std::int64_t> radices_of(std::int64_t n);

}  // namespace cotangent::transform
