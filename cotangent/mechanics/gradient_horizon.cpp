#include "cotangent/mechanics/gradient_horizon.h"

#include <algorithm>
#include <cmath>

#include "cotangent/mechanics/carry.h"

namespace cotangent::mechanics {

void Gauge::see(const Arrays& state) {
  scales_.resize(state.size());
  for (std::size_t k = 0; k < state.size(); ++k) {
    scales_[k] = std::max(scales_[k], largest(state[k]));
  }
}

bool Gauge::all_moved() const {
  return !scales_.empty() && std::ranges::all_of(scales_, [](double x) { return x > 0; });
}

bool Gauge::any_moved() const {
  return std::ranges::any_of(scales_, [](double x) { return x > 0; });
}

double Gauge::length(const Arrays& difference) const {
  const double most = *std::ranges::max_element(scales_);
  double square = 0;
  for (std::size_t a = 0; a < difference.size(); ++a) {
    const double scale = scales_[a] > 0 ? scales_[a] : most;
    for (double x : difference[a].as<double>()) square += (x / scale) * (x / scale);
  }
  return std::sqrt(square);
}

ir::Tensor sizes_by_particle(const ir::Tensor& x) {
  const Shape& shape = x.type().shape;
  const std::int64_t d = shape.rank() == 2 ? shape[1] : 1;
  ir::Tensor sizes(x.type());
  for (std::int64_t k = 0; k < x.size(); k += d) {
    double most = 0;
    for (std::int64_t j = k; j < k + d; ++j) {
      most = std::max(most, std::abs(static_cast<double>(x.real(j))));
    }
    for (std::int64_t j = k; j < k + d; ++j) sizes.set_real(j, most);
  }
  return sizes;
}

std::optional<Horizon> horizon_of(const std::vector<Growth>& growth, double epsilon,
                                  double roundings, const RunClock& clock) {
  if (growth.size() < 2) return {};
  const double log_epsilon = std::log(epsilon);
  // What rounding has done to the state after a step, relative to it, as a logarithm.
  const auto rounding = [&](const Growth& at) {
    return log_epsilon + 0.5 * std::log(std::max(1.0, roundings * static_cast<double>(at.step))) +
           at.log;
  };
  Horizon h;
  const double span = std::abs(clock.time(growth.back().step) - clock.t0);
  h.growth = std::exp(growth.back().log);
  h.lyapunov = std::max(0.0, growth.back().log / span);
  h.digits =
      std::clamp(-rounding(growth.back()) / std::log(10.0), 0.0, -log_epsilon / std::log(10.0));
  for (std::size_t k = 1; k < growth.size(); ++k) {
    const double before = rounding(growth[k - 1]), after = rounding(growth[k]);
    if (after < 0) continue;
    const double part = after > before ? std::clamp(-before / (after - before), 0.0, 1.0) : 0.0;
    const double step = static_cast<double>(growth[k - 1].step) +
                        part * static_cast<double>(growth[k].step - growth[k - 1].step);
    h.lost_at = std::fma(step, clock.dt, clock.t0);
    break;
  }
  return h;
}

}  // namespace cotangent::mechanics
