#include "cotangent/apps/named_arrays.h"

#include "cotangent/base/error.h"

namespace cotangent::apps {

std::vector<NamedArray> arrays_of(const mechanics::System& system, const ir::Tensor& x) {
  const bool batch = x.type().shape.rank() == 2;
  const std::int64_t members = batch ? x.type().shape[0] : 1, row = x.size() / members;
  std::vector<NamedArray> list;
  std::int64_t begin = 0;
  for (const mechanics::StateArray& a : system.arrays) {
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

std::vector<NamedArray> final_state(const mechanics::System& system,
                                    const mechanics::RunResult& result) {
  if (system.form != mechanics::Form::kCanonical) return arrays_of(system, result.x);
  return {{"q", result.q}, {"p", result.p}, {"v", result.v}};
}

std::vector<NamedArray> final_members(const mechanics::System& system,
                                      const mechanics::RunResult& result) {
  if (result.members.empty()) return {};
  if (system.form != mechanics::Form::kCanonical) return arrays_of(system, result.members[0]);
  return {{"q", result.members[0]}, {"p", result.members[1]}};
}

std::vector<double> doubles_of(const ir::Tensor& tensor) {
  std::vector<double> values;
  for (std::int64_t k = 0; k < tensor.size(); ++k) {
    values.push_back(static_cast<double>(tensor.real(k)));
  }
  return values;
}

}  // namespace cotangent::apps
