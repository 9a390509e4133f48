// Random numbers on top of random_bits, in the program's own ops, so that they vectorise, fuse and
// agree on every back end. Nothing is rejected and redrawn: a draw has a fixed cost and its place
// in the stream depends on nothing but (seed, member, step, site, element).
#pragma once

#include "cotangent/ir/builder.h"

namespace cotangent::transform {

/// The draws of a program, numbered as they are traced: each call takes the next site, so that no
/// two share bits. Copies of a site made by passes stay that site.
class RandomStream {
 public:
  /// seed, member and step are scalars of u32 or u64 (ir/philox.h).
  RandomStream(ir::Builder& builder, ir::Value seed, ir::Value member, ir::Value step,
               std::int64_t first_site = 0)
      : b_(builder), seed_(seed), member_(member), step_(step), site_(first_site) {}

  /// u32 or u64.
  ir::Value bits(const ir::Type& type);

  /// Real, uniform on multiples of 2^-53 (f64) or 2^-24 (f32) in [0, 1).
  ir::Value uniform(const ir::Type& type);

  /// Real, mean 0, variance 1: G. E. P. Box and M. E. Muller, Ann. Math. Stat. 29, 610 (1958). At
  /// most 8.7 (f64) or 6.8 (f32) in size: of a true normal one number in 10^17 (10^11) lies beyond.
  ir::Value normal(const ir::Type& type);

  /// true with the probability `p` (real, of any shape).
  ir::Value bernoulli(ir::Value p);

  /// low <= k < high, of type i32, i64, u32 or u64; 0 < high - low <= 2^32, each of them equally
  /// likely to (high - low) / 2^53. Goes by way of u64, which WGSL has not.
  ir::Value integers(const ir::Type& type, std::int64_t low, std::int64_t high);

  ir::Builder& builder() { return b_; }
  /// The site the next draw will take; where another stream may go on.
  std::int64_t next_site() const { return site_; }

 private:
  ir::Builder& b_;
  ir::Value seed_, member_, step_;
  std::int64_t site_;
};

}  // namespace cotangent::transform
