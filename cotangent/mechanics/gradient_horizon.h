// How far a gradient can be known: how a small change of the state grows beside a run.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "cotangent/mechanics/gradient.h"
#include "cotangent/mechanics/machine.h"

namespace cotangent::mechanics {

struct GradientContext;

/// Distances between states, relative to the largest that each of its arrays has been so far: what
/// grows with the state loses no digits. Arrays are f64.
class Gauge {
 public:
  void see(const Arrays& state);
  /// The largest that array k has been.
  double scale(std::size_t k) const { return scales_[k]; }
  bool all_moved() const;  ///< no scale is zero
  bool any_moved() const;
  /// Of a difference of two states; an array that was never but zero has the largest scale of all.
  double length(const Arrays& difference) const;

 private:
  std::vector<double> scales_;
};

/// Of each entry of x, f64, the largest magnitude of its particle: momenta go by mass.
ir::Tensor sizes_by_particle(const ir::Tensor& x);

/// What goes beside a run. A fresh one for each run.
class Neighbour {
 public:
  virtual ~Neighbour() = default;
  /// The run went from one carry to another in these steps: the logarithm of what the distance grew
  /// by. Nothing while the state is at rest.
  virtual std::optional<double> follow(const Arrays& from, const Arrays& to, std::int64_t first,
                                       std::int64_t count, const GradientContext& c) = 0;
};

/// A small change of the state has grown by exp(log) until after this step.
struct Growth {
  std::int64_t step = 0;
  double log = 0;
};
/// Nothing where nothing has moved. `roundings`: how often a step rounds.
std::optional<Horizon> horizon_of(const std::vector<Growth>& growth, double epsilon,
                                  double roundings, const RunClock& clock);

}  // namespace cotangent::mechanics
