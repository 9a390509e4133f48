#include "cotangent/ir/random_program.h"

#include <cmath>
#include <limits>

#include "cotangent/ir/random_scope.h"

namespace cotangent::ir {
namespace {

/// Half the ordinary bound the scopes keep, so that sums of two need no compression.
constexpr double kParamBound = 2;

double moderate_value(SplitMix& random) {
  if (random.percent(10)) {
    static constexpr double kSimple[] = {0.5, 1, -1, 2, -0.25};
    return kSimple[random.below(5)];
  }
  return (random.unit() * 2 - 1) * kParamBound;
}

template <class T>
double special_value(SplitMix& random) {
  using Limits = std::numeric_limits<T>;
  const double kSpecial[] = {0.0,
                             -0.0,
                             double(Limits::infinity()),
                             -double(Limits::infinity()),
                             double(Limits::quiet_NaN()),
                             double(Limits::denorm_min()),
                             -double(Limits::min()) / 4,
                             double(Limits::max()),
                             double(Limits::lowest()),
                             1e18,
                             -1e18,
                             709.0,
                             -0.5};
  return kSpecial[random.below(std::size(kSpecial))];
}

std::int64_t special_integer(SplitMix& random, DType t) {
  const std::int64_t bits = static_cast<std::int64_t>(size_of(t)) * 8;
  switch (random.below(4)) {
    case 0: return 0;
    case 1: return -1;  // the largest of an unsigned type
    case 2: return static_cast<std::int64_t>(std::uint64_t{1} << (bits - 1));
    default: return static_cast<std::int64_t>(random.next());
  }
}

}  // namespace

FunctionPtr random_program(std::uint64_t seed, const RandomProgramOptions& options) {
  SplitMix random(seed ^ 0x636f74616e67656eu);
  RandomSettings settings;
  settings.options = options;
  settings.tame = options.differentiable || random.percent(60);
  settings.zero_axes = random.percent(8);
  RandomScope scope(random, settings, options.depth, true, "random_" + std::to_string(seed));
  const std::int64_t params = random.between(1, options.differentiable ? 3 : 4);
  static constexpr const char* kNames[] = {"a", "b", "c", "d"};
  for (std::int64_t k = 0; k < params; ++k) {
    const Type type = scope.param_type();
    scope.param(type, kNames[k],
                is_float(type.dtype) || is_storage_float(type.dtype) ? kParamBound : 2e19);
  }
  scope.draw(options.nodes);
  if (options.differentiable) return scope.builder().finish({scope.total()});
  return scope.builder().finish(
      scope.choose_results(static_cast<std::size_t>(random.between(1, 5)), nullptr));
}

std::vector<Tensor> random_arguments(const Function& f, std::uint64_t seed, bool special) {
  std::vector<Tensor> arguments;
  for (std::size_t k = 0; k < f.params().size(); ++k) {
    const Type type = f.param_type(k);
    // A stream of its own for every parameter, so dropping one leaves the others' values.
    SplitMix random(seed * 0x9e3779b97f4a7c15u + k);
    Tensor t(type);
    for (std::int64_t e = 0; e < t.size(); ++e) {
      const bool odd = special && random.percent(25);
      if (is_bool(type.dtype)) {
        t.set_integer(e, random.below(2));
      } else if (is_integer(type.dtype) || is_storage_integer(type.dtype)) {
        const std::int64_t low = is_signed(type.dtype) ? -8 : 0;
        t.set_integer(e, odd ? special_integer(random, type.dtype) : random.between(low, 12));
      } else if (type.dtype != DType::kF64) {
        t.set_real(e,
                   static_cast<float>(odd ? special_value<float>(random) : moderate_value(random)));
      } else {
        t.as<double>()[static_cast<std::size_t>(e)] =
            odd ? special_value<double>(random) : moderate_value(random);
      }
    }
    arguments.push_back(std::move(t));
  }
  return arguments;
}

}  // namespace cotangent::ir
