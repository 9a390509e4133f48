#include "cotangent/mechanics/retype.h"

#include "cotangent/ir/builder.h"
#include "cotangent/transform/compensated.h"

namespace cotangent::mechanics {
namespace {

ir::Type single(ir::Type t) {
  return t.dtype == DType::kF64 ? t.with_dtype(DType::kF32) : t;
}

ir::Tensor single(const ir::Tensor& x) {
  if (x.type().dtype != DType::kF64) return x;
  ir::Tensor y(single(x.type()));
  for (std::int64_t k = 0; k < x.size(); ++k) y.set_real(k, x.real(k));
  return y;
}

ir::Attr single(ir::Attr attr) {
  if (auto* literal = std::get_if<ir::LiteralAttr>(&attr)) {
    literal->value = std::make_shared<const ir::Tensor>(single(*literal->value));
  }
  std::vector<ir::FunctionPtr> bodies = ir::bodies_of(attr);
  for (ir::FunctionPtr& body : bodies) body = in_single_precision(*body);
  return ir::with_bodies(std::move(attr), bodies);
}

}  // namespace

ir::FunctionPtr in_single_precision(const ir::Function& f) {
  ir::Builder b(f.name());
  std::vector<ir::Value> image(f.size());
  for (std::size_t k = 0; k < f.params().size(); ++k) {
    image[f.params()[k].id] = b.param(single(f.param_type(k)), f.param_names()[k]);
  }
  for (std::uint32_t id = 0; id < f.size(); ++id) {
    const ir::Value v{id};
    if (f.op(v) == ir::Op::kParameter) continue;
    if (f.op(v) == ir::Op::kBitcast) {
      throw UserError({"this system reads the bits of a number (bitcast)", "",
                       "its program cannot be turned into single precision",
                       "run it with precision = \"f64\""});
    }
    std::vector<ir::Value> operands;
    for (ir::Value o : f.operands(v)) operands.push_back(image[o.id]);
    const auto places = f.spans(v);
    b.set_spans({places.begin(), places.end()});
    image[id] = b.make(f.op(v), operands, single(f.attr(v)), single(f.type(v)));
  }
  std::vector<ir::Value> results;
  for (ir::Value r : f.results()) results.push_back(image[r.id]);
  return b.finish(results);
}

ir::FunctionPtr in_double_single(const ir::Function& f, const System& system,
                                 const std::string& name) {
  try {
    return transform::in_double_single(f,
                                       [&](SourceSpan span) { return place_text(system, span); });
  } catch (const UserError& refusal) {
    ErrorParts parts = refusal.parts();
    parts.what += ", which precision = \"double-single\" asks for in " + name;
    parts.remedy = "write precision = \"compensated\" (the same state, forces in f32), or \"f64\"";
    throw UserError(parts);
  }
}

std::string place_text(const System& system, SourceSpan span) {
  return system.source && !span.empty() ? show_place(*system.source, span) : "";
}

}  // namespace cotangent::mechanics
