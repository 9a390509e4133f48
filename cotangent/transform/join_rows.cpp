// Two maps over the same rows, the second reading what the first makes of each, become one: the
// array between them is never whole in memory.
#include "cotangent/transform/passes.h"
#include "cotangent/transform/rebuild.h"

namespace cotangent::transform {

using namespace ir;

namespace {

/// Shorter rows may stay in registers, and kernels run such maps in one loop anyway.
constexpr std::int64_t kLeastRow = 64;

/// Loops inside, and nothing that the library may be called for: instances are then lanes.
bool has_inner_loops(const Function& f) {
  const auto is_library = [](Op op) {
    return info(op).kind == OpKind::kLinearAlgebra || info(op).kind == OpKind::kContract;
  };
  return f.contains_op([](Op op) { return is_second_order(op); }) && !f.contains_op(is_library);
}

class RowJoiner {
 public:
  RowJoiner(const Function& f, Value second) : f_(f), second_(second) {}

  /// A map whose results all go into rows of the second, row for row; invalid: there is none.
  Value first() const {
    const auto& attr = f_.attr_as<MapAttr>(second_);
    if (!has_inner_loops(*attr.body)) return {};
    for (std::size_t k = 0; k < static_cast<std::size_t>(attr.rows); ++k) {
      const Value v = f_.operand(second_, k), map = maker(v);
      if (map.valid() && row_of(f_.type(v)).size() >= kLeastRow && joins(map)) return map;
    }
    return {};
  }

  Values joined(Builder& b, Value first, const Values& images) const {
    const auto& one = f_.attr_as<MapAttr>(first);
    const auto& two = f_.attr_as<MapAttr>(second_);
    Builder inner(two.body->name());
    const Value index = inner.param(scalar(DType::kI64));
    Values rows, rest, one_params{index}, two_params{index};
    one_params.resize(one.body->params().size());
    two_params.resize(two.body->params().size());
    const auto take = [&](Value map, const MapAttr& a, Values& params, bool row) {
      const auto own = static_cast<std::size_t>(a.rows);
      const std::size_t begin = row ? 0 : own, end = row ? own : f_.operands(map).size();
      for (std::size_t k = begin; k < end; ++k) {
        if (row && maker(f_.operand(map, k)) == first) continue;
        (row ? rows : rest).push_back(images[f_.operand(map, k).id]);
        params[k + 1] = inner.param(a.body->param_type(k + 1));
      }
    };
    for (bool row : {true, false}) {
      take(first, one, one_params, row);
      take(second_, two, two_params, row);
    }
    const Values made = clone(inner, *one.body, one_params, one.body->results());
    for (std::size_t k = 0; k < static_cast<std::size_t>(two.rows); ++k) {
      const Value v = f_.operand(second_, k);
      if (maker(v) != first) continue;
      two_params[k + 1] = made[static_cast<std::size_t>(f_.attr_as<IndexAttr>(v).index)];
    }
    MapAttr attr = two;
    attr.rows = static_cast<std::int64_t>(rows.size());
    attr.body = inner.finish(clone(inner, *two.body, two_params, two.body->results()));
    rows.insert(rows.end(), rest.begin(), rest.end());
    return b.map(attr, rows);
  }

 private:
  Value maker(Value v) const {
    if (f_.op(v) != Op::kProject || f_.op(f_.operand(v, 0)) != Op::kMap) return {};
    return f_.operand(v, 0);
  }

  bool joins(Value map) const {
    const auto& one = f_.attr_as<MapAttr>(map);
    const auto& two = f_.attr_as<MapAttr>(second_);
    if (one.count != two.count || !has_inner_loops(*one.body)) return false;
    for (Role role : one.roles) {
      if (role != Role::kStack) return false;
    }
    // Nothing but rows of the second reads any of its results.
    const auto is_made = [&](Value v) { return maker(v) == map; };
    for (Value v : f_.results()) {
      if (is_made(v)) return false;
    }
    for (std::uint32_t id = 0; id < f_.size(); ++id) {
      const auto operands = f_.operands(Value{id});
      for (std::size_t k = 0; k < operands.size(); ++k) {
        const bool row = Value{id} == second_ && k < static_cast<std::size_t>(two.rows);
        if (is_made(operands[k]) && !row) return false;
      }
    }
    return true;
  }

  const Function& f_;
  Value second_;
};

FunctionPtr without_unused(const Function& f) {
  return restrict_to(f, Flags(f.params().size(), true), Flags(f.results().size(), true));
}

}  // namespace

FunctionPtr join_rows(const Function& whole) {
  FunctionPtr f = without_unused(*rewrite(whole, {}, join_rows));
  for (;;) {
    Value second, first;
    for (std::uint32_t id = 0; id < f->size() && !first.valid(); ++id) {
      second = Value{id};
      if (f->op(second) == Op::kMap) first = RowJoiner(*f, second).first();
    }
    if (!first.valid()) return f;
    f = without_unused(*rewrite(
        *f, {}, {}, [&](Builder& b, Value v, std::span<const Value>, const Values& images) {
          return v == second ? RowJoiner(*f, v).joined(b, first, images) : Values{};
        }));
  }
}

}  // namespace cotangent::transform
