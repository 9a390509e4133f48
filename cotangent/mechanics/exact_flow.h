// The exact flow of a quadratic energy as a program: a private part of exact_part.cpp.
#pragma once

#include <memory>

#include "cotangent/ir/builder.h"
#include "cotangent/mechanics/exact_part.h"

namespace cotangent::mechanics {

/// What a step of h needs, and how it is used.
class ExactFlow {
 public:
  /// Chooses the form by the pattern of the second derivatives, at parameters a little off the
  /// system's, so that an entry that is zero by chance counts.
  static std::unique_ptr<const ExactFlow> of(const System& system, const ExactSplit& split);
  virtual ~ExactFlow() = default;

  /// The types of what `coefficients` gives.
  virtual std::vector<NamedType> carried(bool filter) const = 0;
  virtual std::vector<ir::Value> coefficients(ir::Builder& b, ir::Value h,
                                              std::span<const ir::Value> parameters,
                                              bool filter) const = 0;
  /// q and p after the step.
  virtual std::pair<ir::Value, ir::Value> move(ir::Builder& b, std::span<const ir::Value> c,
                                               ir::Value q, ir::Value p) const = 0;
  /// The averaged position, and a gradient there carried back to q. Only with `filter`.
  virtual ir::Value average(ir::Builder& b, std::span<const ir::Value> c, ir::Value q) const = 0;
  virtual ir::Value carry_back(ir::Builder& b, std::span<const ir::Value> c,
                               ir::Value gradient) const = 0;
  virtual bool can_filter() const { return true; }
  virtual double cost() const = 0;
  virtual std::string text() const = 0;
};

}  // namespace cotangent::mechanics
