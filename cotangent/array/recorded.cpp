#include "cotangent/array/recorded.h"

#include <cstring>

#include "cotangent/array/closure.h"
#include "cotangent/array/evaluate.h"
#include "cotangent/array/record.h"
#include "cotangent/ir/builder.h"

namespace cotangent::array::recorded_detail {

ir::Tensor tensor_of(const Array& x) {
  ir::Tensor t(ir::Type{x.dtype(), x.shape()});
  if (t.bytes() > 0) std::memcpy(t.data(), buffer_of(x.node())->data(), t.bytes());
  return t;
}

Array array_of(const ir::Tensor& x) {
  auto buffer = std::make_shared<runtime::Buffer>(x.bytes());
  if (x.bytes() > 0) std::memcpy(buffer->data(), x.data(), x.bytes());
  return Array(make_buffer(x.type(), std::move(buffer), false));
}

Recorded close(const std::string& op, const Recording& recording, std::span<const Array> parameters,
               std::span<const Array> results, std::span<const Array> at) {
  std::vector<NodePtr> before, ends;
  for (const Array& p : parameters) before.push_back(p.node());
  for (const Array& r : results) ends.push_back(r.node());
  const Closure closure = close_over(op, ends, before, {}, recording.serial(), Capture::kFree);
  Recorded recorded;
  recorded.function = closure.function;
  std::vector<Array> all(at.begin(), at.end());
  for (const NodePtr& c : closure.captures) all.push_back(Array(c));
  for (const Array& x : all) {
    if (x.is_traced()) {
      refuse(op, "there are no numbers inside a traced function",
             "call it outside of jit, grad, vmap and loops");
    }
    recorded.at.push_back(tensor_of(x));
  }
  return recorded;
}

}  // namespace cotangent::array::recorded_detail

namespace cotangent::array {

std::vector<ir::FunctionPtr> programs_of(
    std::span<const ProgramParameter> parameters,
    const std::function<NamedArrays(std::span<const Array>)>& f) {
  jit_detail::Recording recording("system");
  std::vector<Array> inside;
  for (const ProgramParameter& p : parameters) {
    inside.push_back(recording.parameter(p.type.dtype, p.type.shape, false));
  }
  std::vector<ir::FunctionPtr> programs;
  for (const auto& [name, result] : f(inside)) {
    const auto closed = recorded_detail::close(name, recording, inside, std::span(&result, 1), {});
    ir::Builder b(name);
    std::vector<ir::Value> operands;
    for (const ProgramParameter& p : parameters) operands.push_back(b.param(p.type, p.name));
    for (const ir::Tensor& captured : closed.at) operands.push_back(b.constant(captured));
    programs.push_back(b.finish(b.inline_call(*closed.function, operands)));
  }
  return programs;
}

}  // namespace cotangent::array
