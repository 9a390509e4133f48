// The table of splittings: rows as tools/solve_splittings.py prints them, and what follows from
// them.
#include "cotangent/mechanics/splitting.h"

#include <cmath>
#include <limits>

#include "cotangent/base/error.h"

namespace cotangent::mechanics {
namespace {

using Variant = Splitting::Variant;

/// A row of the table: the first half of what is a palindrome.
struct Row {
  const char* name;
  int order;
  Variant variant;
  int stages;
  std::vector<double> half;            ///< gamma_1 ..; or kick_0, drift_1, kick_1, ..
  std::vector<double> force_gradient;  ///< c_0 .. of the first half of the kicks; or empty
  std::vector<double> processor;       ///< kick, drift, kick, ...; or empty
  double error, error_quadratic, residual;
  const char* source;
};

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

/// The whole palindrome from its first half (the middle included).
std::vector<double> palindrome(std::vector<double> half, std::size_t size) {
  for (std::size_t k = half.size(); k < size; ++k) half.push_back(half[size - 1 - k]);
  return half;
}

Splitting from_row(const Row& row) {
  Splitting s;
  s.name = row.name;
  s.order = row.order;
  s.variant = row.variant;
  s.error = row.error;
  s.error_quadratic = row.error_quadratic;
  s.residual = row.residual;
  s.source = row.source;
  s.drift.clear();
  s.kick.clear();
  const auto stages = static_cast<std::size_t>(row.stages);
  if (row.variant == Variant::kComposition) {
    s.gamma = palindrome(row.half, stages);
    const std::vector<double>& g = s.gamma;
    s.first_kick = g.front() / 2;
    s.drift = g;
    for (std::size_t k = 0; k < stages; ++k) {
      s.kick.push_back(k + 1 < stages ? (g[k] + g[k + 1]) / 2 : g[k] / 2);
    }
  } else {
    const std::vector<double> all = palindrome(row.half, 2 * stages + 1);
    s.first_kick = all[0];
    for (std::size_t k = 0; k < stages; ++k) {
      s.drift.push_back(all[2 * k + 1]);
      s.kick.push_back(all[2 * k + 2]);
    }
  }
  if (!row.force_gradient.empty()) s.force_gradient = palindrome(row.force_gradient, stages + 1);
  for (std::size_t k = 0; k < row.processor.size(); k += 2) {
    s.processor.push_back(
        {row.processor[k], k + 1 < row.processor.size() ? row.processor[k + 1] : 0});
  }
  return s;
}

std::vector<Splitting> make_table() {
  const std::vector<Row> rows = {
#include "cotangent/mechanics/splitting_table.inc"
  };
  std::vector<Splitting> all;
  for (const Row& row : rows) all.push_back(from_row(row));
  return all;
}

}  // namespace

double Splitting::effective_error(bool quadratic_kinetic) const {
  return stages() * std::pow(quadratic_kinetic ? error_quadratic : error, 1.0 / order);
}

const std::vector<Splitting>& splittings() {
  static const std::vector<Splitting> all = make_table();
  return all;
}

const Splitting* splitting_for(int order, Variant variant) {
  for (const Splitting& s : splittings()) {
    if (s.order == order && s.variant == variant) return &s;
  }
  return nullptr;
}

const Splitting& composition_for(int order) {
  if (const Splitting* s = splitting_for(order, Variant::kComposition)) return *s;
  throw InternalError("no composition of order " + std::to_string(order));
}

const Splitting& best_splitting(int order, bool quadratic_kinetic, bool moving_kinetic) {
  // Of order 2 the shortest: steps may be longest where stability, not accuracy, bounds them.
  if (order == 2) return composition_for(2);
  const Splitting* best = nullptr;
  for (const Splitting& s : splittings()) {
    if (s.order != order || !s.plain()) continue;
    if (s.variant == Variant::kNystroem && !quadratic_kinetic) continue;
    if (s.variant != Variant::kComposition && moving_kinetic) continue;
    if (!best || s.effective_error(quadratic_kinetic) < best->effective_error(quadratic_kinetic)) {
      best = &s;
    }
  }
  if (!best) throw InternalError("no splitting of order " + std::to_string(order));
  return *best;
}

const Splitting* splitting_named(const std::string& name) {
  const std::string wanted = name == "verlet" || name == "stormer_verlet" ? "leapfrog" : name;
  for (const Splitting& s : splittings()) {
    if (s.name == wanted) return &s;
  }
  return nullptr;
}

Coefficients coefficients_of(const Splitting& splitting) {
  Coefficients c;
  c.first_kick = splitting.first_kick;
  c.drift = splitting.drift;
  c.kick = splitting.kick;
  double sum = 0;
  for (std::size_t k = 0; k < c.drift.size(); ++k) {
    c.time_before.push_back(sum);
    sum += c.drift[k];
    if (k + 1 == c.drift.size()) sum = 1;
    c.time_after.push_back(sum);
  }
  return c;
}

}  // namespace cotangent::mechanics
