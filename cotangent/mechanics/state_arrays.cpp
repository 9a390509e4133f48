#include "cotangent/mechanics/state_arrays.h"

#include <algorithm>

#include "cotangent/base/error.h"

namespace cotangent::mechanics {

std::vector<NamedArray> arrays_of(const System& system, const ir::Tensor& x) {
  const bool batch = x.type().shape.rank() == 2;
  const std::int64_t members = batch ? x.type().shape[0] : 1, row = x.size() / members;
  std::vector<NamedArray> list;
  std::int64_t begin = 0;
  for (const StateArray& a : system.arrays) {
    ir::Tensor part(x.type().with_shape(batch ? a.shape.with_leading(members) : a.shape));
    const std::int64_t size = a.shape.size();
    ensure(begin + size <= row, "the arrays of the state are longer than it");
    for (std::int64_t m = 0; m < members; ++m) {
      const auto from = x.as<double>().begin() + m * row + begin;
      std::copy(from, from + size, part.as<double>().begin() + m * size);
    }
    list.push_back({a.name, std::move(part)});
    begin += size;
  }
  return list;
}

ir::Tensor joined(const System& system, const std::vector<ir::Tensor>& arrays) {
  ir::Tensor x({DType::kF64, system.shape});
  auto to = x.as<double>().begin();
  for (const ir::Tensor& a : arrays) to = std::ranges::copy(a.as<double>(), to).out;
  return x;
}

}  // namespace cotangent::mechanics
