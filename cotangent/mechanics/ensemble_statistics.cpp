#include "cotangent/mechanics/ensemble_statistics.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <numeric>

#include "cotangent/base/text.h"
#include "cotangent/mechanics/retype.h"
#include "cotangent/runtime/team.h"

namespace cotangent::mechanics {
namespace {

// Numbers to look at from which other threads are woken for it.
constexpr std::int64_t kWorthATeam = 100'000;
// Numbers of a member that are read together: they are neighbours in memory, and the same of the
// next member are far away.
constexpr std::int64_t kReadTogether = 16;

/// "q05", "q2.5"
std::string quantile_name(double q) {
  const double percent = std::round(q * 1e14) / 1e12;  // 100 * 0.07 is not 7
  const std::string digits = shortest(percent);
  return "q" + (digits.size() == 1 ? "0" + digits : digits);
}

/// The value below which a part q of the numbers lies; puts them into another order.
double quantile_of(std::vector<double>& x, double q) {
  const double place = q * static_cast<double>(x.size() - 1);
  const auto low = static_cast<std::size_t>(place);
  std::nth_element(x.begin(), x.begin() + static_cast<std::ptrdiff_t>(low), x.end());
  const double below = x[low];
  if (low + 1 >= x.size()) return below;
  const double above = *std::min_element(x.begin() + static_cast<std::ptrdiff_t>(low) + 1, x.end());
  return below + (place - static_cast<double>(low)) * (above - below);
}

double mean_of(const std::vector<double>& x) {
  if (x.empty()) return NAN;
  // About the first number: the sum of what is left rounds less.
  double sum = 0;
  for (double y : x) sum += y - x[0];
  return x[0] + sum / static_cast<double>(x.size());
}

/// Of a sample: over n - 1.
double deviation_of(const std::vector<double>& x) {
  const double mean = mean_of(x);
  double square = 0;
  for (double y : x) square += (y - mean) * (y - mean);
  return x.size() > 1 ? std::sqrt(square / static_cast<double>(x.size() - 1)) : 0.0;
}

/// |H - H(0)| / |H(0)|; |H - H(0)| where that is zero.
double energy_error(double now, double start) {
  const double error = std::abs(now - start);
  return start != 0 ? error / std::abs(start) : error;
}

void keep_finite(double x, std::vector<double>& numbers) {
  if (std::isfinite(x)) numbers.push_back(x);
}

}  // namespace

void member_means(const MemberRows& rows, std::int64_t members, double* to) {
  std::vector<double> numbers;
  for (std::int64_t k = 0; k < rows.size; ++k) {
    numbers.clear();
    for (std::int64_t m = 0; m < members; ++m) keep_finite(rows.at(m, 0, k), numbers);
    to[k] = mean_of(numbers);
  }
}

/// Some samples of one output.
struct EnsembleStatistics::Block {
  std::size_t of;
  std::int64_t row, rows;
};

EnsembleStatistics::EnsembleStatistics(const System& system, const EnsembleSettings& settings,
                                       std::vector<Output> observed)
    : members_(settings.size), observed_(std::move(observed)), columns_(observed_.size()) {
  const auto seen = Output::Kind::kObservable;
  for (std::size_t k = 0; k < observed_.size(); ++k) {
    const Output& o = observed_[k];
    if (k + 1 == observed_.size()) {
      add(k, seen, "finite_members", Kind::kFinite);
    } else if (o.kind == Output::Kind::kState) {
      add(k, o.kind, o.name, Kind::kMean);
    } else if (o.kind == Output::Kind::kEnergy) {
      add(k, seen, "energy_error.max", Kind::kMax);
      add(k, seen, "energy_error.median", Kind::kQuantile, 0.5);
    } else {
      add(k, seen, o.name + ".mean", Kind::kMean);
      add(k, seen, o.name + ".std", Kind::kStd);
      add(k, seen, o.name + ".min", Kind::kMin);
      add(k, seen, o.name + ".max", Kind::kMax);
      for (double q : settings.quantiles) {
        add(k, seen, o.name + "." + quantile_name(q), Kind::kQuantile, q);
      }
    }
  }
  if (!settings.covariance.empty()) add_covariance(system, settings);
}

void EnsembleStatistics::add(std::size_t of, Output::Kind as, const std::string& name, Kind kind,
                             double quantile) {
  const Output& o = observed_[of];
  const Shape shape = o.kind == Output::Kind::kEnergy ? Shape{} : o.type.shape;
  columns_[of].push_back({kind, quantile, outputs_.size()});
  outputs_.push_back({as, name, nullptr, o.type.with_shape(shape), o.every, o.how});
}

void EnsembleStatistics::add_covariance(const System& system, const EnsembleSettings& settings) {
  std::int64_t entries = 0;
  for (const std::string& name : settings.covariance) {
    const auto found = std::ranges::find_if(observed_, [&](const Output& o) {
      return o.kind == Output::Kind::kObservable && o.name == name;
    });
    const auto refuse = [&](const std::string& why) {
      throw UserError({"[ensemble] covariance names \"" + name + "\"",
                       place_text(system, settings.covariance_span), why,
                       "name observables of [observe] that are sampled at the same steps"});
    };
    if (found == observed_.end()) refuse("no observable has that name");
    among_.push_back(static_cast<std::size_t>(found - observed_.begin()));
    if (found->every != observed_[among_[0]].every) refuse("it has another cadence");
    entries += found->type.size();
  }
  const Output& first = observed_[among_[0]];
  covariance_ = outputs_.size();
  outputs_.push_back({Output::Kind::kObservable, "covariance", nullptr,
                      first.type.with_shape(Shape{entries, entries}), first.every, first.how});
}

void EnsembleStatistics::reduce(std::span<const MemberRows> observed,
                                std::span<const double> energies, std::span<double* const> to,
                                int threads) const {
  std::vector<Block> blocks;
  std::int64_t numbers = 0;
  for (std::size_t k = 0; k < observed.size(); ++k) {
    const std::int64_t size = observed[k].size, rows = columns_[k].empty() ? 0 : observed[k].rows;
    const std::int64_t together =
        std::max<std::int64_t>(kReadTogether / std::max<std::int64_t>(size, 1), 1);
    for (std::int64_t row = 0; row < rows; row += together) {
      blocks.push_back({k, row, std::min(together, rows - row)});
      numbers += blocks.back().rows * size * members_;
    }
  }
  const std::size_t matrices =
      among_.empty() ? 0 : static_cast<std::size_t>(observed[among_[0]].rows);
  // One job after the other to whoever is free: a job's result is its own.
  std::atomic<std::size_t> next = 0;
  const auto work = [&] {
    std::vector<std::vector<double>> columns;
    for (std::size_t job = next++; job < blocks.size() + matrices; job = next++) {
      if (job < blocks.size()) {
        reduce_block(blocks[job], observed, energies, to, columns);
        continue;
      }
      const auto row = static_cast<std::int64_t>(job - blocks.size());
      covariance(row, observed, to[covariance_] + row * outputs_[covariance_].type.size());
    }
  };
  numbers += static_cast<std::int64_t>(matrices) * members_;
  if (threads < 2 || numbers < kWorthATeam) return work();
  runtime::run_team(threads, [&](backend::cpu::TeamContext*, std::int64_t, std::int64_t) { work(); });
}

void EnsembleStatistics::reduce_block(const Block& block, std::span<const MemberRows> observed,
                                      std::span<const double> energies, std::span<double* const> to,
                                      std::vector<std::vector<double>>& columns) const {
  const MemberRows& rows = observed[block.of];
  const bool energy = observed_[block.of].kind == Output::Kind::kEnergy;
  const std::int64_t first = energy ? rows.size - 1 : 0;  // the total is its last entry
  const std::int64_t entries = rows.size - first;
  columns.resize(std::max(columns.size(), static_cast<std::size_t>(block.rows * entries)));
  for (std::vector<double>& column : columns) column.clear();
  for (std::int64_t m = 0; m < members_; ++m) {
    std::size_t column = 0;
    for (std::int64_t r = 0; r < block.rows; ++r) {
      for (std::int64_t e = first; e < rows.size; ++e) {
        const double x = rows.at(m, block.row + r, e);
        keep_finite(energy ? energy_error(x, energies[static_cast<std::size_t>(m)]) : x,
                    columns[column++]);
      }
    }
  }
  for (std::int64_t r = 0; r < block.rows; ++r) {
    for (std::int64_t e = 0; e < entries; ++e) {
      reduce_column(block.of, block.row + r, e, columns[static_cast<std::size_t>(r * entries + e)],
                    to);
    }
  }
}

void EnsembleStatistics::reduce_column(std::size_t of, std::int64_t row, std::int64_t entry,
                                       std::vector<double>& numbers,
                                       std::span<double* const> to) const {
  for (const OfColumn& s : columns_[of]) {
    double& result = to[s.output][row * outputs_[s.output].type.size() + entry];
    if (s.kind == Kind::kFinite) {
      result = static_cast<double>(numbers.size());
    } else if (numbers.empty()) {
      result = NAN;
    } else {
      switch (s.kind) {
        case Kind::kMean: result = mean_of(numbers); break;
        case Kind::kStd: result = deviation_of(numbers); break;
        case Kind::kMin: result = *std::ranges::min_element(numbers); break;
        case Kind::kMax: result = *std::ranges::max_element(numbers); break;
        default: result = quantile_of(numbers, s.quantile); break;
      }
    }
  }
}

/// Over the members for which all that is asked of is finite.
void EnsembleStatistics::covariance(std::int64_t row, std::span<const MemberRows> observed,
                                    double* to) const {
  std::vector<std::int64_t> members;
  const auto finite = [&](std::int64_t m) {
    return std::ranges::all_of(among_, [&](std::size_t j) {
      for (std::int64_t k = 0; k < observed[j].size; ++k) {
        if (!std::isfinite(observed[j].at(m, row, k))) return false;
      }
      return true;
    });
  };
  for (std::int64_t m = 0; m < members_; ++m) {
    if (finite(m)) members.push_back(m);
  }
  std::vector<std::vector<double>> entries;  // by entry, then member
  for (std::size_t j : among_) {
    for (std::int64_t k = 0; k < observed[j].size; ++k) {
      std::vector<double>& x = entries.emplace_back();
      for (std::int64_t m : members) x.push_back(observed[j].at(m, row, k));
      const double mean = mean_of(x);
      for (double& y : x) y -= mean;
    }
  }
  // As of a deviation: of one member 0, of none not known.
  const double alone = members.empty() ? NAN : 0;
  const double free = static_cast<double>(members.size()) - 1;
  for (const auto& x : entries) {
    for (const auto& y : entries) {
      *to++ = free > 0 ? std::inner_product(x.begin(), x.end(), y.begin(), 0.0) / free : alone;
    }
  }
}

}  // namespace cotangent::mechanics
