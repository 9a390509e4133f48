#include "cotangent/ir/verifier.h"

#include "cotangent/ir/builder.h"

namespace cotangent::ir {
namespace {

[[noreturn]] void broken(const Function& f, std::uint32_t id, const std::string& rule) {
  throw InternalError("program '" + f.name() + "', node %" + std::to_string(id) + " (" +
                      std::string(name_of(f.op(Value{id}))) + "): " + rule);
}

void verify_node(const Function& f, std::uint32_t id) {
  const Value v{id};
  const Op op = f.op(v);
  for (Value u : f.operands(v)) {
    if (!(u.id < id)) broken(f, id, "an operand does not come before its user");
    if (is_projected(f.op(u)) != (op == Op::kProject)) {
      broken(f, id,
             "an op with several results is read by project, and project reads nothing else");
    }
  }
  if (op == Op::kParameter) {
    const auto index = static_cast<std::size_t>(f.attr_as<IndexAttr>(v).index);
    if (index >= f.params().size() || f.params()[index] != v) {
      broken(f, id, "the parameter is not in the parameter list at its place");
    }
    if (id >= f.params().size()) broken(f, id, "parameters come first");
    return;
  }
  if (op == Op::kProject) {
    const auto index = f.attr_as<IndexAttr>(v).index;
    const auto types = f.result_types(f.operand(v, 0));
    if (index < 0 || index >= static_cast<std::int64_t>(types.size())) {
      broken(f, id, "no such result");
    }
    if (f.type(v) != types[static_cast<std::size_t>(index)]) broken(f, id, "type of the result");
    return;
  }
  std::vector<Type> in;
  for (Value u : f.operands(v)) in.push_back(f.type(u));
  std::vector<Type> out;
  try {
    out = infer(op, in, f.attr(v), f.type(v));
  } catch (const UserError& error) {
    broken(f, id, error.what());
  }
  const auto types = f.result_types(v);
  if (!std::equal(out.begin(), out.end(), types.begin(), types.end())) {
    broken(f, id, "the type differs from the inferred one");
  }
  for (const FunctionPtr& body : bodies_of(f.attr(v))) verify(*body);
}

}  // namespace

void verify(const Function& f) {
  for (std::uint32_t id = 0; id < f.size(); ++id) verify_node(f, id);
  for (Value r : f.results()) {
    if (!(r.id < f.size())) throw InternalError("program '" + f.name() + "': a result is no node");
    if (is_projected(f.op(r))) broken(f, r.id, "a result is read through project");
  }
}

}  // namespace cotangent::ir
