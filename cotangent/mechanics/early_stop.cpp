#include "cotangent/mechanics/early_stop.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

namespace cotangent::mechanics {
namespace {

constexpr std::size_t kStretches = 8;

std::string number(double x) {
  char text[32];
  std::snprintf(text, sizeof text, "%.3g", x);
  return text;
}

/// The last entry of each sample.
std::vector<double> last_entries(const Series& s) {
  const auto width = static_cast<std::size_t>(std::max<std::int64_t>(1, s.shape.size()));
  std::vector<double> values;
  for (std::size_t k = width - 1; k < s.values.size(); k += width) values.push_back(s.values[k]);
  return values;
}

std::string when(const Series& s, std::size_t k) {
  std::string text;
  if (k < s.step.size()) text = " at step " + std::to_string(s.step[k]);
  if (k < s.t.size()) text += " (t = " + number(s.t[k]) + ")";
  return text;
}

/// Of an eighth of the run.
struct Stretch {
  double mean = 0, low = 0, high = 0, largest = 0;
};

std::array<Stretch, kStretches> stretches_of(const std::vector<double>& error) {
  std::array<Stretch, kStretches> all;
  for (std::size_t s = 0; s < kStretches; ++s) {
    const std::size_t begin = error.size() * s / kStretches;
    const std::size_t end = error.size() * (s + 1) / kStretches;
    Stretch& x = all[s];
    x.low = x.high = error[begin];
    for (std::size_t k = begin; k < end; ++k) {
      x.mean += error[k] / static_cast<double>(end - begin);
      x.low = std::min(x.low, error[k]);
      x.high = std::max(x.high, error[k]);
      x.largest = std::max(x.largest, std::abs(error[k]));
    }
  }
  return all;
}

/// Every stretch of the second half is a factor above the one before, and about the same one: what
/// an encounter of two bodies does to the energy rises and falls unevenly.
bool grows(const std::array<Stretch, kStretches>& all, double factor) {
  double least = INFINITY, most = 0;
  for (std::size_t s = kStretches / 2; s < kStretches; ++s) {
    if (all[s].largest < factor * all[s - 1].largest || all[s - 1].largest == 0) return false;
    const double rate = std::log(all[s].largest / all[s - 1].largest);
    least = std::min(least, rate);
    most = std::max(most, rate);
  }
  return most < 4 * least;
}

/// Every stretch lies beyond the one before, on the same side, and the way is long against what
/// they swing by: a swing that happens to be slow is not that straight.
bool drifts(const std::array<Stretch, kStretches>& all) {
  const double way = all.back().mean - all.front().mean;
  double widest = 0;
  for (std::size_t s = 0; s < kStretches; ++s) {
    widest = std::max(widest, all[s].high - all[s].low);
    if (s == 0) continue;
    const double step = (all[s].mean - all[s - 1].mean) * (way < 0 ? -1 : 1);
    if (step < std::abs(way) / static_cast<double>(4 * (kStretches - 1))) return false;
  }
  return std::abs(way) > 2 * widest;
}

/// The sample at which the error leaves a level for another and stays there, both levels narrow
/// against the way between them and one after the other long; 0 where there is none.
std::size_t leap(const std::vector<double>& error, double least) {
  std::size_t at = 0;
  double most = least;
  for (std::size_t k = 1; k < error.size(); ++k) {
    if (std::abs(error[k] - error[k - 1]) < most) continue;
    most = std::abs(error[k] - error[k - 1]);
    at = k;
  }
  constexpr std::size_t kLong = 8;
  if (at < 2 || error.size() - at < kLong) return 0;
  const auto narrow = [&](std::size_t begin, std::size_t end) {
    const auto [low, high] = std::minmax_element(error.begin() + static_cast<std::ptrdiff_t>(begin),
                                                 error.begin() + static_cast<std::ptrdiff_t>(end));
    return *high - *low < 0.1 * most;
  };
  return narrow(0, at) && narrow(at, error.size()) ? at : 0;
}

}  // namespace

std::optional<std::string> goes_wrong(const Series& energy, double scale, const StopRules& rules,
                                      bool dissipates) {
  std::vector<double> error = last_entries(energy);
  if (error.empty()) return std::nullopt;
  const double start = error.front();
  const double over = scale > 0 ? scale : std::abs(start) > 0 ? std::abs(start) : 1;
  for (std::size_t k = 0; k < error.size(); ++k) {
    if (!std::isfinite(error[k])) return "the energy is no number" + when(energy, k);
    error[k] = (error[k] - start) / over;
    if (dissipates) error[k] = std::max(error[k], 0.0);
    if (std::abs(error[k]) > rules.explosion) {
      return "the energy error is " + number(std::abs(error[k])) + " times the energy" +
             when(energy, k) + ": the step is too large, or the method is unstable here";
    }
  }
  if (static_cast<std::int64_t>(error.size()) < rules.samples) return std::nullopt;
  const std::array<Stretch, kStretches> all = stretches_of(error);
  const double now = all.back().largest;
  const std::string size = number(100 * now) + "%" + when(energy, error.size() - 1);
  if (now > rules.growth && grows(all, rules.factor)) {
    return "the energy error grows exponentially, and is " + size +
           ": the step is too large, or the method is unstable here";
  }
  if (now > rules.drift && drifts(all)) {
    return "the energy drifts, and is off by " + size +
           (rules.jumps ? ": it may jump, and no method keeps it across a jump"
                        : ": a method that keeps it would only let it swing; take a smaller step");
  }
  if (const std::size_t k = leap(error, rules.drift)) {
    return "the energy changes by " + number(100 * std::abs(error[k] - error[k - 1])) + "%" +
           when(energy, k) +
           " and stays there: it jumps at a place that the steps pass, or has a " +
           "singularity there that they do not resolve";
  }
  return std::nullopt;
}

std::optional<std::string> explodes(const Series& extent, const StopRules& rules) {
  const std::vector<double> values = last_entries(extent);
  double start = 0;
  for (std::size_t k = 0; k < values.size(); ++k) {
    if (!std::isfinite(values[k])) return "the state is no number" + when(extent, k);
    if (start == 0) start = std::abs(values[k]);
    if (start > 0 && std::abs(values[k]) > rules.extent * start) {
      return "the largest entry of the state has grown by " + number(std::abs(values[k]) / start) +
             when(extent, k);
    }
  }
  return std::nullopt;
}

}  // namespace cotangent::mechanics
