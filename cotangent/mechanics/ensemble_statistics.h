// What an ensemble keeps of what its members observe. A private tool of ensemble.cpp.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "cotangent/mechanics/ensemble_settings.h"
#include "cotangent/mechanics/outputs.h"

namespace cotangent::mechanics {

/// Samples of one output of every member: sample r of member m is the `size` numbers from
/// first + m * stride + r * size on.
struct MemberRows {
  const double* first = nullptr;
  std::int64_t stride = 0;  ///< from one member to the next
  std::int64_t size = 0;    ///< of a sample
  std::int64_t rows = 1;    ///< how many samples
  double at(std::int64_t member, std::int64_t row, std::int64_t entry) const {
    return first[member * stride + row * size + entry];
  }
};

/// The mean of each entry over the members for which it is finite, of the first sample.
void member_means(const MemberRows& rows, std::int64_t members, double* to);

class EnsembleStatistics {
 public:
  /// `observed`: what each member observes, the last of them finite_output. UserError, with the
  /// place, for a covariance of what is not there or sampled at other steps.
  EnsembleStatistics(const System& system, const EnsembleSettings& settings,
                     std::vector<Output> observed);

  const std::vector<Output>& observed() const { return observed_; }
  /// The outputs of the ensemble, each at the cadence of what it is made from.
  const std::vector<Output>& outputs() const { return outputs_; }

  /// `observed`: a chunk's (or one look's) samples of each of the observed outputs. `energies`:
  /// what each member's total was at the start; empty where there is none. `to`: for each of the
  /// outputs where its samples go, one after the other. Whatever the threads, the same bits.
  void reduce(std::span<const MemberRows> observed, std::span<const double> energies,
              std::span<double* const> to, int threads) const;

 private:
  enum class Kind { kMean, kStd, kMin, kMax, kQuantile, kFinite };
  /// A number from a column: one entry of one sample, of every member for which it is finite.
  struct OfColumn {
    Kind kind;
    double quantile;
    std::size_t output;  ///< which of outputs_
  };
  struct Block;

  void add(std::size_t of, Output::Kind as, const std::string& name, Kind kind,
           double quantile = 0);
  void add_covariance(const System& system, const EnsembleSettings& settings);
  void reduce_block(const Block& block, std::span<const MemberRows> observed,
                    std::span<const double> energies, std::span<double* const> to,
                    std::vector<std::vector<double>>& columns) const;
  /// `numbers`: the entry of that sample, of every member for which it is finite; put into another
  /// order.
  void reduce_column(std::size_t of, std::int64_t row, std::int64_t entry,
                     std::vector<double>& numbers, std::span<double* const> to) const;
  void covariance(std::int64_t row, std::span<const MemberRows> observed, double* to) const;

  std::int64_t members_;
  std::vector<Output> observed_;
  std::vector<Output> outputs_;
  std::vector<std::vector<OfColumn>> columns_;  ///< for each of the observed; quantiles last
  std::vector<std::size_t> among_;              ///< of the covariance
  std::size_t covariance_ = 0;                  ///< which output that is
};

}  // namespace cotangent::mechanics
