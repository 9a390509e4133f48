#include "cotangent/mechanics/fixed_parameters.h"

#include <random>

namespace cotangent::mechanics {

std::vector<std::size_t> fixed_parameters(
    const System& system, const std::function<bool(const std::vector<ir::Tensor>&)>& fits) {
  std::vector<ir::Tensor> values;
  for (const Parameter& p : system.parameters) values.push_back(p.value);
  std::mt19937_64 random(2);
  std::uniform_real_distribution<double> percent(-0.01, 0.01);
  std::vector<std::size_t> fixed;
  for (std::size_t k = 0; k < values.size(); ++k) {
    std::vector<ir::Tensor> others = values;
    for (std::int64_t i = 0; i < others[k].size(); ++i) {
      const long double x = others[k].real(i);
      others[k].set_real(i, x + (x == 0 ? 1 : x) * percent(random));
    }
    if (!fits(others)) fixed.push_back(k);
  }
  return fixed;
}

}  // namespace cotangent::mechanics
