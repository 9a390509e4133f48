#include "cotangent/mechanics/resonance.h"

#include <algorithm>
#include <cmath>

#include "cotangent/base/text.h"
#include "cotangent/ir/evaluator.h"
#include "cotangent/mechanics/dependence.h"
#include "cotangent/mechanics/modes.h"
#include "cotangent/transform/derivatives.h"
#include "cotangent/transform/passes.h"

namespace cotangent::mechanics {
namespace {

using ir::Tensor;

constexpr double kPi = 3.141592653589793;
constexpr std::size_t kNearest = 64;  // modes whose coupling is looked at

/// A mode that dt does not resolve.
struct Fast {
  double w = 0;
  std::int64_t index = 0;
  double coupling = 0;  // |V''| along it
};

struct Place {
  std::int64_t multiple = 0;
  double distance = 0, width = 0;
};

Place place_of(const Fast& mode, double slow, double dt) {
  Place p;
  p.multiple = std::max<std::int64_t>(1, std::llround(dt * mode.w / kPi));
  // The phase in long double: it may be many turns.
  const long double off =
      static_cast<long double>(dt) * mode.w -
      static_cast<long double>(p.multiple) * 3.14159265358979323846264338327950288L;
  p.distance = static_cast<double>(std::abs(off));
  p.width = std::max({4 * dt * slow, 4 * dt * mode.coupling / mode.w, 1e-6 * dt * mode.w});
  // A phase of very many turns is known to this only.
  p.width = std::min(p.width, 0.3);
  return p;
}

/// The rest's second derivatives along directions, near the initial state.
class Curvature {
 public:
  Curvature(const System& system, const ExactSplit& split, const InitialState& initial)
      : shape_(system.shape) {
    const ir::FunctionPtr gradient = transform::simplify(*transform::grad(*split.rest, {0}));
    tangent_ = transform::simplify(*transform::jvp(*gradient, {0}));
    gradient_ = gradient;
    double size = 0;
    for (const double x : initial.q.as<double>()) size = std::max(size, std::abs(x));
    Tensor q = initial.q;
    std::uint32_t n = 0;
    for (double& x : q.as<double>()) {
      x += 0.3 * (size > 0 ? size : 1) *
           (std::fmod(0.6180339887498949 * static_cast<double>(++n), 1.0) - 0.5);
    }
    for (const Tensor& at : {initial.q, q}) {
      points_.push_back(
          {at, initial.p ? *initial.p : *initial.v, Tensor::scalar_of<double>(initial.t)});
      for (const Parameter& p : system.parameters) points_.back().push_back(p.value);
    }
  }

  /// |u V'' u|, and whether the rest's force has a part along u at all.
  std::pair<double, bool> along(const std::vector<double>& u) const {
    double most = 0;
    bool reads = false;
    for (std::vector<Tensor> args : points_) {
      args.push_back(Tensor::of<double>(shape_, std::span<const double>(u)));
      const std::vector<Tensor> y = ir::evaluate(*tangent_, args);
      double second = 0, force = 0;
      for (std::size_t k = 0; k < u.size(); ++k) {
        force += u[k] * y[0].as<double>()[k];
        second += u[k] * y[1].as<double>()[k];
        reads |= y[1].as<double>()[k] != 0;
      }
      most = std::max(most, std::abs(second));
      reads |= force != 0;
    }
    return {most, reads};
  }

 private:
  Shape shape_;
  ir::FunctionPtr tangent_, gradient_;
  std::vector<std::vector<Tensor>> points_;
};

std::string text_of(const ResonanceWarning& w, double dt) {
  std::string s = "dt = " + shortest(dt) + " is in resonance with the mode of angular frequency " +
                  shortest(w.w) + ": dt w is " + shortest(w.distance) + " from " +
                  std::to_string(w.multiple) + " pi. ";
  return s + (w.dt ? "Take dt = " + shortest(*w.dt) + ", or mollified kicks."
                   : "Take mollified kicks: no step near this one is clear of all modes.");
}

}  // namespace

std::optional<ResonanceWarning> resonance(const System& system, const ExactSplit& split,
                                          const InitialState& initial, double dt) {
  if (!split.rest) return {};
  dt = std::abs(dt);
  System quadratic = system;
  quadratic.observables.clear();
  quadratic.terms = {{"quadratic part", split.quadratic, {}}};
  const auto modes = Modes::of(linear_system(quadratic));
  if (!modes) return {};
  const Curvature curvature(system, split, initial);
  const std::size_t n = static_cast<std::size_t>(modes->count());
  const auto direction = [&](std::size_t k) {
    std::vector<double> xi(n, 0.0), u(n);
    xi[k] = 1;
    modes->to_q(xi.data(), u.data());
    return u;
  };
  double slow = 0;
  std::vector<Fast> fast;
  for (std::size_t k = 0; k < n; ++k) {
    const double w = std::sqrt(std::max(0.0, static_cast<double>(modes->lambda()[k])));
    if (dt * w > kPi / 2)
      fast.push_back({w, static_cast<std::int64_t>(k), 0});
    else
      slow = std::max(slow, w);
  }
  if (fast.empty()) return {};
  // Of what no spring holds the frequency is that of the rest.
  for (std::size_t k = 0; k < n && n <= kNearest; ++k) {
    const double lambda = static_cast<double>(modes->lambda()[k]);
    if (dt * std::sqrt(std::max(0.0, lambda)) > kPi / 2) continue;
    slow = std::max(slow, std::sqrt(std::max(0.0, lambda) + curvature.along(direction(k)).first));
  }
  slow = std::min(slow, kPi / 8 / dt);
  std::sort(fast.begin(), fast.end(), [&](const Fast& a, const Fast& b) {
    return place_of(a, slow, dt).distance < place_of(b, slow, dt).distance;
  });
  std::vector<Fast> coupled;
  for (std::size_t k = 0; k < fast.size() && k < kNearest; ++k) {
    const auto [second, reads] =
        curvature.along(direction(static_cast<std::size_t>(fast[k].index)));
    if (!reads) continue;
    fast[k].coupling = second;
    coupled.push_back(fast[k]);
  }
  std::optional<ResonanceWarning> worst;
  double least = 1;
  for (const Fast& mode : coupled) {
    const Place p = place_of(mode, slow, dt);
    if (p.distance >= p.width * least) continue;
    least = p.distance / p.width;
    worst = ResonanceWarning{mode.w, p.multiple, p.distance, p.width, {}, ""};
  }
  if (!worst) return {};
  for (int k = 1; k <= 1000 && !worst->dt; ++k) {
    const double other = dt * (1 - 1e-4 * k);
    const bool clear = std::all_of(coupled.begin(), coupled.end(), [&](const Fast& mode) {
      const Place p = place_of(mode, slow, other);
      return p.distance > 2 * p.width;
    });
    if (clear) worst->dt = other;
  }
  worst->text = text_of(*worst, dt);
  return worst;
}

}  // namespace cotangent::mechanics
