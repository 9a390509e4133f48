// NumPy arrays of C++ memory: views that keep their owner alive and cannot be written to, and
// arrays that own what they show.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "cotangent/base/shape.h"
#include "cotangent/ir/tensor.h"

namespace cotangent::python {

using View = nanobind::ndarray<nanobind::numpy, const double>;
using StepView = nanobind::ndarray<nanobind::numpy, const std::int64_t>;
using Owned = nanobind::ndarray<nanobind::numpy, double>;
/// Arrays by name.
using Views = nanobind::typed<nanobind::dict, nanobind::str, View>;
using OwnedArrays = nanobind::typed<nanobind::dict, nanobind::str, Owned>;
/// What arrays come in as: f64, row-major, in memory of the processor.
using Given = nanobind::ndarray<const double, nanobind::c_contig, nanobind::device::cpu>;

/// `values` [leading] + shape, or shape where there is no leading axis; `owner` keeps them.
template <class T>
nanobind::ndarray<nanobind::numpy, const T> view_of_values(std::span<const T> values,
                                                           const Shape& shape,
                                                           nanobind::handle owner) {
  std::vector<std::size_t> axes;
  for (std::int64_t n : shape) axes.push_back(static_cast<std::size_t>(n));
  static const T nothing{};
  const T* data = values.empty() ? &nothing : values.data();
  return nanobind::ndarray<nanobind::numpy, const T>(data, axes.size(), axes.data(), owner);
}

/// A tensor of doubles as a new array that owns it.
inline Owned owned(ir::Tensor tensor) {
  auto* kept = new ir::Tensor(std::move(tensor));
  const nanobind::capsule owner(kept, [](void* p) noexcept { delete static_cast<ir::Tensor*>(p); });
  std::size_t axes[Shape::kMaxRank];
  const Shape& shape = kept->type().shape;
  for (int k = 0; k < shape.rank(); ++k) axes[k] = static_cast<std::size_t>(shape[k]);
  return Owned(kept->as<double>().data(), static_cast<std::size_t>(shape.rank()), axes, owner);
}

inline Shape shape_of(const Given& array) {
  std::vector<std::int64_t> axes;
  for (std::size_t k = 0; k < array.ndim(); ++k) {
    axes.push_back(static_cast<std::int64_t>(array.shape(k)));
  }
  return Shape(axes);
}

inline ir::Tensor tensor_of(const Given& array) {
  return ir::Tensor::of<double>(shape_of(array), std::span(array.data(), array.size()));
}

}  // namespace cotangent::python
