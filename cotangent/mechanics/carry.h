// What one chunk of a run hands to the next: q, p, the kept gradient dH/dq, and where the plan says
// so their error terms. One list fixes their order everywhere: in the parameters and results of the
// programs, in the state hash, in printed source.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "cotangent/mechanics/plan.h"

namespace cotangent::mechanics {

enum class Part : std::uint8_t { kQ, kP, kGradient, kQError, kPError, kGradientError };
inline constexpr std::size_t kParts = 6;

const char* name_of(Part part);  ///< "q", "p", "gradient", "q_error", ...
Part error_of(Part part);        ///< kQ -> kQError

/// What is carried, in order: q, p, gradient, then the error terms there are.
std::vector<Part> carried_parts(const Arithmetic& arithmetic);
/// The same without the gradients: where a step begins, and what is observed.
std::vector<Part> state_parts(const Arithmetic& arithmetic);

/// The type of a carried part.
ir::Type part_type(const Arithmetic& arithmetic, Part part, const Shape& shape);
/// The lattice's spacings of q or p; empty for what is carried as reals.
const Units& units_of(const Arithmetic& arithmetic, Part part);
/// Bytes of all of it.
std::int64_t carry_bytes(const Arithmetic& arithmetic, const Shape& shape);

/// The parts as arrays of the state's type.
class Carry {
 public:
  Carry() = default;
  /// Room for what is carried.
  Carry(const Arithmetic& arithmetic, const Shape& shape);
  /// The initial state; p is given apart since it may come from velocities. Gradients are room.
  /// UserError where a number is beyond the range of the state's type.
  Carry(const Arithmetic& arithmetic, const InitialState& initial, const ir::Tensor& p);

  ir::Tensor& operator[](Part part) { return parts_[static_cast<std::size_t>(part)]; }
  const ir::Tensor& operator[](Part part) const { return parts_[static_cast<std::size_t>(part)]; }

  bool has(Part part) const { return (*this)[part].type().shape == (*this)[Part::kQ].type().shape; }
  /// q or p in f64, with its error term where it has one.
  ir::Tensor whole(Part part) const;
  /// What is to be added to the f64 of a run that goes on: the error term of q or p, or what f64
  /// does not hold of a number on a lattice. Nothing: `whole` is all of it.
  std::optional<ir::Tensor> error(Part part) const;
  /// The first element that is not finite, or not on the lattice any more.
  std::optional<std::int64_t> first_non_finite(Part part) const;
  /// The first of q and p that holds a number that is not finite.
  const Part* non_finite() const;

 private:
  const Units& units(Part part) const;

  std::array<ir::Tensor, kParts> parts_;
  Units q_units_, p_units_;
};

/// A carry as the list of its parts, in the order of carried_parts(), and back.
std::vector<ir::Tensor> parts_of(const Carry& carry, const Arithmetic& arithmetic);
Carry carry_of(const std::vector<ir::Tensor>& parts, const Arithmetic& arithmetic,
               const Shape& shape);

/// The largest magnitude of x; NaN where it holds one.
double largest(const ir::Tensor& x);

/// x in another type of reals, rounded.
ir::Tensor converted(const ir::Tensor& x, DType dtype);

/// The first finite element that is infinite in f32.
std::optional<std::int64_t> beyond_single(const ir::Tensor& x);
/// What to do about it.
inline constexpr const char* kNoSingle =
    "write precision = \"f64\", or choose units in which it is smaller";

}  // namespace cotangent::mechanics
