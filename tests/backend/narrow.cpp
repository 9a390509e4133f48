#include "tests/backend/narrow.h"

#include "cotangent/ir/builder.h"

namespace cotangent::testing {
namespace {

DType narrow(DType t) {
  return t == DType::kF64        ? DType::kF32
         : t == DType::kI64      ? DType::kI32
         : t == DType::kU64      ? DType::kU32
         : is_storage_float(t)   ? DType::kF32
         : is_storage_integer(t) ? DType::kI32
                                 : t;
}

ir::Type narrow(ir::Type t) {
  return t.with_dtype(narrow(t.dtype));
}

ir::Tensor narrow(const ir::Tensor& x) {
  if (narrow(x.type()) == x.type()) return x;
  ir::Tensor y(narrow(x.type()));
  for (std::int64_t k = 0; k < x.size(); ++k) {
    if (is_float(y.type().dtype))
      y.set_real(k, x.real(k));
    else
      y.set_integer(k, x.integer(k));
  }
  return y;
}

ir::Attr narrow(ir::Attr attr) {
  if (auto* literal = std::get_if<ir::LiteralAttr>(&attr)) {
    literal->value = std::make_shared<const ir::Tensor>(narrow(*literal->value));
  }
  if (auto* m = std::get_if<ir::MapAttr>(&attr)) m->body = in_32_bits(*m->body, 1);
  if (auto* l = std::get_if<ir::LoopAttr>(&attr)) l->body = in_32_bits(*l->body, 1);
  if (auto* p = std::get_if<ir::PairAttr>(&attr)) p->body = in_32_bits(*p->body, 2);
  if (auto* w = std::get_if<ir::WhileAttr>(&attr)) {
    w->condition = in_32_bits(*w->condition, 1), w->body = in_32_bits(*w->body, 1);
  }
  if (auto* c = std::get_if<ir::CondAttr>(&attr)) {
    c->on_true = in_32_bits(*c->on_true, 0), c->on_false = in_32_bits(*c->on_false, 0);
  }
  if (auto* c = std::get_if<ir::CallAttr>(&attr)) c->body = in_32_bits(*c->body, 0);
  return attr;
}

}  // namespace

ir::FunctionPtr in_32_bits(const ir::Function& f, int indices) {
  ir::Builder b(f.name());
  std::vector<ir::Value> image(f.size());
  for (std::size_t k = 0; k < f.params().size(); ++k) {
    const bool index = static_cast<int>(k) < indices;
    image[f.params()[k].id] = b.param(index ? f.param_type(k) : narrow(f.param_type(k)));
  }
  for (int k = 0; k < indices; ++k) {
    ir::Value& index = image[f.params()[static_cast<std::size_t>(k)].id];
    index = b.cast(index, DType::kI32);
  }
  for (std::uint32_t id = 0; id < f.size(); ++id) {
    const ir::Value v{id};
    if (f.op(v) == ir::Op::kParameter) continue;
    std::vector<ir::Value> operands;
    for (ir::Value o : f.operands(v)) operands.push_back(image[o.id]);
    if (f.op(v) == ir::Op::kLoop && f.attr_as<ir::LoopAttr>(v).dynamic) {
      for (std::size_t k = operands.size() - 2; k < operands.size(); ++k) {
        operands[k] = b.cast(operands[k], DType::kI64);
      }
    }
    image[id] = b.make(f.op(v), operands, narrow(f.attr(v)), narrow(f.type(v)));
    if (!ir::is_second_order(f.op(v))) {
      image[id] = b.type(image[id]) == narrow(b.type(image[id]))
                      ? image[id]
                      : b.cast(image[id], narrow(b.type(image[id]).dtype));
    }
  }
  std::vector<ir::Value> results;
  for (ir::Value r : f.results()) results.push_back(image[r.id]);
  return b.finish(results);
}

}  // namespace cotangent::testing
