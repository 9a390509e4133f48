// Many runs of one system that differ in where they start and in their parameters ([ensemble]).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cotangent/base/span.h"
#include "cotangent/ir/tensor.h"

namespace cotangent::mechanics {

/// How one part of the state, or one parameter, differs between members. x is the file's value, N a
/// standard normal number, drawn anew for each entry and member.
struct Spread {
  enum class Law {
    kNormal,     ///< x + scale N
    kRelative,   ///< x (1 + scale N)
    kLogNormal,  ///< x exp(scale N)
    kUniform,    ///< evenly in [low, high); the file's value does not count
    kValues,     ///< given: `values`
  };
  std::string name;        ///< "q", "p", "v", an array of the state, or a parameter
  bool parameter = false;  ///< the last of these
  /// Row-major entries of `name` that differ: [begin, end).
  std::int64_t begin = 0, end = 0;
  Law law = Law::kNormal;
  ir::Tensor scale;          ///< f64, one number, or one for each entry of [begin, end)
  double low = 0, high = 0;  ///< of kUniform
  ir::Tensor values;         ///< of kValues: f64 [size, end - begin]
  SourceSpan span;
};

struct EnsembleSettings {
  std::int64_t size = 0;
  std::uint64_t seed = 1;
  std::vector<Spread> spreads;          ///< no entry is in two of them
  std::vector<double> quantiles;        ///< of every observable, in (0, 1), ascending
  std::vector<std::string> covariance;  ///< names of observables, each once
  SourceSpan size_span, covariance_span;
};

}  // namespace cotangent::mechanics
