// The state as values of expressions, and arrays that are said in text: dx/dt, x -> f(x), J(z).
#include "cotangent/lang/tracer.h"

namespace cotangent::lang {

bool Tracer::is_state(const std::string& name) const {
  return names_.state_shape(name).has_value() || (names_.arrays().empty() && name == "v");
}

std::optional<TracedValue> Tracer::state_value(const std::string& name) {
  const auto leaf = [&](std::uint32_t number, const ir::Type& type) {
    return real({0, scope(0).leaf(LeafKind::kParameter, number, type)});
  };
  if (name == "t") return leaf(kLeafT, ir::scalar());
  if (names_.arrays().empty()) {
    const ir::Type state{DType::kF64, *names_.state()};
    if (name == "q") return leaf(kLeafQ, state);
    if (name == "p") return leaf(kLeafP, state);
    if (name == "v" && purpose_ == Purpose::kObservable) return leaf(kLeafV, state);
    return std::nullopt;
  }
  const std::int64_t size = names_.packed_size();
  std::int64_t begin = 0;
  for (const NamedShape& array : names_.arrays()) {
    const std::int64_t end = begin + array.shape.size();
    if (array.name == name) {
      Noted x = leaf(kLeafX, {DType::kF64, Shape{size}}).noted;
      if (begin != 0 || end != size) {
        x = emit(ir::Op::kSlice, {x}, ir::SliceAttr{{begin}, {end}, {1}});
      }
      return real(reshaped(x, array.shape));
    }
    begin = end;
  }
  return std::nullopt;
}

Noted Tracer::reshaped(Noted x, const Shape& shape) {
  if (type(x).shape == shape) return x;
  return emit(ir::Op::kReshape, {x}, {}, type(x).with_shape(shape));
}

ir::FunctionPtr Tracer::trace_arrays(std::span<const ArrayText> arrays, bool packed) {
  std::vector<Noted> values;
  std::vector<std::uint32_t> results;
  for (const ArrayText& array : arrays) {
    const Noted x = import(array_value(array), 0);
    values.push_back(packed ? reshaped(x, Shape{array.shape.size()}) : x);
    results.push_back(values.back().id);
  }
  if (packed && values.size() > 1) {
    results = {emit(ir::Op::kConcatenate, values, ir::AxesAttr{{0}}).id};
  }
  return scope(0).close_function(results);
}

Noted Tracer::array_value(const ArrayText& array) {
  if (array.parts.empty()) return broadcast(constant(ir::Tensor::scalar_of(0.0)), array.shape);
  frames_[0] = {array.parts[0].get(), {}};
  if (!array.indices.empty()) {
    check_index_names(array.head, array.indices);
    return rows_value(array, 0);
  }
  Shape part = array.shape;
  for (int axis = 0; axis < array.axes; ++axis) part = part.row();
  std::vector<Noted> parts;
  for (const ExpressionPtr& text : array.parts) {
    parts.push_back(reshaped(part_value(array, *text, part), Shape{part.size()}));
  }
  const Noted all =
      parts.size() == 1 ? parts[0] : emit(ir::Op::kConcatenate, parts, ir::AxesAttr{{0}});
  return reshaped(all, array.shape);
}

Noted Tracer::part_value(const ArrayText& array, const Expression& part, const Shape& shape) {
  frames_[0].text = &part;
  const Expr& root = part.root();
  at(root);
  const TracedValue v = eval(root);
  TracedValue wanted;
  wanted.shape = shape;
  if (v.kind == ValueKind::kBoolean) {
    refuse(root, "the value is a boolean", describe(wanted), "where(c, 1, 0) makes it a number");
  }
  const TracedValue x = to_real(v);
  at(root);
  if (x.shape != shape) {
    refuse(root,
           "'" + array.name + "' is given " + describe(v) + " where it has " + describe(wanted),
           describe(wanted) + ", as in [initial]",
           x.shape.rank() > shape.rank() ? "index it, or add its entries up with sum(i, ...)"
           : x.shape.rank() == 0         ? "write a list of expressions, one an entry, or "
                                           "\"" +
                                       array.name + "[i]\" = \"...\" for every row"
                                 : "give it as many entries");
  }
  return x.noted;
}

/// A map over the values of one index, inside those of the indices before it.
Noted Tracer::rows_value(const ArrayText& array, std::size_t axis) {
  const IndexName& index = array.indices[axis];
  const std::int64_t count = array.shape[static_cast<int>(axis)];
  const int level = innermost() + 1;
  scopes_.push_back({Scope("rows", level), std::nullopt});
  scope(level).leaf(LeafKind::kIndexI, 0, ir::scalar(DType::kI64));
  bind(index.name, IndexDomain::range(0, count), level, false);
  Noted row;
  if (axis + 1 < array.indices.size()) {
    row = rows_value(array, axis + 1);
  } else {
    Shape part = array.shape;
    for (std::size_t k = 0; k <= axis; ++k) part = part.row();
    row = part_value(array, *array.parts[0], part);
  }
  const Scope::Closed closed = scope(level).close_body(import(row, level).id);
  close_scope(1);
  ir::MapAttr attr;
  attr.count = count;
  attr.rows = closed.rows_i;
  attr.roles = {ir::Role::kStack};
  attr.body = closed.body;
  return note_outside(closed, level, ir::Op::kMap, std::move(attr));
}

}  // namespace cotangent::lang
