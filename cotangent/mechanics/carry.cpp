#include "cotangent/mechanics/carry.h"

#include <cmath>

#include "cotangent/base/text.h"
#include "cotangent/mechanics/diagnose.h"
#include "cotangent/mechanics/lattice.h"

namespace cotangent::mechanics {

using ir::Tensor;

const char* name_of(Part part) {
  constexpr const char* kNames[kParts] = {"q",       "p",       "gradient",
                                          "q_error", "p_error", "gradient_error"};
  return kNames[static_cast<std::size_t>(part)];
}

Part error_of(Part part) {
  return static_cast<Part>(static_cast<std::size_t>(part) + 3);
}

std::vector<Part> carried_parts(const Arithmetic& arithmetic) {
  std::vector<Part> parts = {Part::kQ, Part::kP, Part::kGradient};
  if (arithmetic.q_error) parts.push_back(Part::kQError);
  if (arithmetic.p_error) parts.push_back(Part::kPError);
  if (arithmetic.pairs) parts.push_back(Part::kGradientError);
  return parts;
}

std::vector<Part> state_parts(const Arithmetic& arithmetic) {
  std::vector<Part> parts = carried_parts(arithmetic);
  std::erase(parts, Part::kGradient);
  std::erase(parts, Part::kGradientError);
  return parts;
}

const Units& units_of(const Arithmetic& arithmetic, Part part) {
  static const Units none;
  return part == Part::kQ ? arithmetic.q_units : part == Part::kP ? arithmetic.p_units : none;
}

ir::Type part_type(const Arithmetic& arithmetic, Part part, const Shape& shape) {
  return {!units_of(arithmetic, part).empty() ? DType::kI64 : arithmetic.state, shape};
}

std::int64_t carry_bytes(const Arithmetic& arithmetic, const Shape& shape) {
  std::int64_t bytes = 0;
  for (Part part : carried_parts(arithmetic)) bytes += part_type(arithmetic, part, shape).bytes();
  return bytes;
}

std::vector<ir::Tensor> parts_of(const Carry& carry, const Arithmetic& arithmetic) {
  std::vector<ir::Tensor> list;
  for (Part part : carried_parts(arithmetic)) list.push_back(carry[part]);
  return list;
}

Carry carry_of(const std::vector<ir::Tensor>& parts, const Arithmetic& arithmetic,
               const Shape& shape) {
  Carry made(arithmetic, shape);
  const std::vector<Part> names = carried_parts(arithmetic);
  for (std::size_t k = 0; k < names.size(); ++k) made[names[k]] = parts[k];
  return made;
}

double largest(const Tensor& x) {
  double m = 0;
  const auto add = [&](double a) { m = std::isnan(a) || std::isnan(m) ? NAN : std::max(m, a); };
  if (x.type().dtype == DType::kF64 && !x.extended()) {
    for (double a : x.as<double>()) add(std::abs(a));
  } else {
    for (std::int64_t k = 0; k < x.size(); ++k) add(std::abs(static_cast<double>(x.real(k))));
  }
  return m;
}

Tensor converted(const Tensor& x, DType dtype) {
  if (x.type().dtype == dtype) return x;
  Tensor y(x.type().with_dtype(dtype));
  for (std::int64_t k = 0; k < x.size(); ++k) y.set_real(k, x.real(k));
  return y;
}

std::optional<std::int64_t> beyond_single(const Tensor& x) {
  for (std::int64_t k = 0; k < x.size(); ++k) {
    if (std::isfinite(x.real(k)) && !std::isfinite(static_cast<float>(x.real(k)))) return k;
  }
  return {};
}

Carry::Carry(const Arithmetic& arithmetic, const Shape& shape)
    : q_units_(arithmetic.q_units), p_units_(arithmetic.p_units) {
  for (Part part : carried_parts(arithmetic)) {
    (*this)[part] = Tensor(part_type(arithmetic, part, shape));
  }
}

Carry::Carry(const Arithmetic& arithmetic, const InitialState& initial, const Tensor& p)
    : Carry(arithmetic, initial.q.type().shape) {
  const auto fill = [&](Part part, const Tensor& x, const std::optional<Tensor>& given) {
    const auto bad = arithmetic.state == DType::kF32 ? beyond_single(x) : std::nullopt;
    if (bad) {
      throw UserError({"the initial " + component_name(name_of(part), x.type().shape, *bad) +
                           " is " + shortest(static_cast<double>(x.real(*bad))),
                       "", "the state is f32, which ends at 3.4e38", kNoSingle});
    }
    Tensor& value = (*this)[part];
    if (const auto& units = units_of(arithmetic, part); !units.empty()) {
      value = on_lattice(x, given, units);
      return;
    }
    value = converted(x, arithmetic.state);
    if (!has(error_of(part))) return;
    // Without an error term from before, it is what the state's type cannot hold of x.
    Tensor& error = (*this)[error_of(part)];
    for (std::int64_t k = 0; k < x.size(); ++k) {
      if (given) value.set_real(k, x.real(k) - given->real(k));
      error.set_real(k, given ? given->real(k) : x.real(k) - value.real(k));
    }
  };
  fill(Part::kQ, initial.q, initial.q_error);
  fill(Part::kP, p, initial.p_error);
}

const std::vector<double>& Carry::units(Part part) const {
  static const Units none;
  return part == Part::kQ ? q_units_ : part == Part::kP ? p_units_ : none;
}

Tensor Carry::whole(Part part) const {
  if (!units(part).empty()) return off_lattice((*this)[part], units(part));
  Tensor x = converted((*this)[part], DType::kF64);
  if (!has(error_of(part))) return x;
  const Tensor error = converted((*this)[error_of(part)], DType::kF64);
  for (std::size_t k = 0; k < x.as<double>().size(); ++k) {
    x.as<double>()[k] += error.as<double>()[k];
  }
  return x;
}

std::optional<Tensor> Carry::error(Part part) const {
  if (!units(part).empty()) return off_lattice_rest((*this)[part], units(part));
  if (!has(error_of(part))) return {};
  return converted((*this)[error_of(part)], DType::kF64);
}

std::optional<std::int64_t> Carry::first_non_finite(Part part) const {
  return !units(part).empty() ? first_off_lattice((*this)[part])
                              : ir::first_non_finite((*this)[part]);
}

const Part* Carry::non_finite() const {
  static constexpr Part kState[] = {Part::kQ, Part::kP};
  for (const Part& part : kState) {
    if (first_non_finite(part)) return &part;
    if (has(error_of(part)) && first_non_finite(error_of(part))) return &part;
  }
  return nullptr;
}

}  // namespace cotangent::mechanics
