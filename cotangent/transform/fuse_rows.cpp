// What is computed element by element between two maps over the same rows moves into the second:
// the array between them then lies as the second map reads it, and is written and read once.
#include "cotangent/transform/passes.h"
#include "cotangent/transform/rebuild.h"

namespace cotangent::transform {

using namespace ir;

namespace {

constexpr int kMostOps = 16;  // between two maps

/// The row operands of one map, with what leads to them.
class RowFuser {
 public:
  RowFuser(Builder& b, const Function& f, Value map, const std::vector<int>& uses,
           const Values& images)
      : b_(b), f_(f), map_(map), attr_(f.attr_as<MapAttr>(map)), uses_(uses), images_(images) {}

  /// Its results over `body`, or none when nothing moves.
  Values run(const Function& body) {
    std::vector<bool> moves;
    const auto operands = f_.operands(map_);
    const auto rows = static_cast<std::size_t>(attr_.rows);
    bool any = false;
    for (std::size_t k = 0; k < rows; ++k) {
      ops_ = 0;
      from_map_ = false;
      const bool whole = follow(operands[k], 0);
      moves.push_back(whole && ops_ > 0 && ops_ <= kMostOps && from_map_);
      any = any || moves.back();
    }
    if (!any) return {};
    Builder inner(body.name());
    inner_ = &inner;
    const Value index = inner.param(scalar(DType::kI64));
    for (std::size_t k = 0; k < rows; ++k) {
      if (moves[k])
        take_leaves(operands[k], 0);
      else
        leaf(operands[k], 0);
    }
    Values params{index};
    params.resize(body.params().size());
    MapAttr attr = attr_;
    attr.rows = static_cast<std::int64_t>(leaves_.size());
    for (std::size_t k = rows; k < operands.size(); ++k)
      params[k + 1] = inner.param(body.param_type(k + 1));
    for (std::size_t k = 0; k < rows; ++k)
      params[k + 1] = moves[k] ? row(operands[k], 0) : leaf(operands[k], 0);
    attr.body = inner.finish(clone(inner, body, params, body.results()));
    Values outer;
    for (const Leaf& l : leaves_) outer.push_back(l.operand);
    for (std::size_t k = rows; k < operands.size(); ++k) outer.push_back(images_[operands[k].id]);
    return b_.map(attr, outer);
  }

 private:
  struct Leaf {
    Value value;
    int axis;
    Value operand, param;
  };

  /// Whether v is computed by ops that a row goes through, for this map alone as far as they
  /// compute; counts them. A row of v is one index of its `axis`.
  bool follow(Value v, int axis) {
    const Op op = f_.op(v);
    if (op == Op::kTranspose) return follow(f_.operand(v, 0), under(v, axis));
    if (is_inner(v)) {
      ++ops_;
      if (ops_ > kMostOps) return false;
      for (Value u : f_.operands(v)) {
        if (!follow(u, axis)) return false;
      }
      return true;
    }
    const bool stack = op == Op::kProject && f_.op(f_.operand(v, 0)) == Op::kMap && axis == 0;
    from_map_ = from_map_ || (stack && uses_[v.id] == 1);
    return true;
  }

  bool is_inner(Value v) const { return is_elementwise(f_.op(v)) && uses_[v.id] == 1; }

  int under(Value transpose, int axis) const {
    return static_cast<int>(f_.attr_as<AxesAttr>(transpose).axes[static_cast<std::size_t>(axis)]);
  }

  void take_leaves(Value v, int axis) {
    if (f_.op(v) == Op::kTranspose) return take_leaves(f_.operand(v, 0), under(v, axis));
    if (!is_inner(v)) return void(leaf(v, axis));
    for (Value u : f_.operands(v)) take_leaves(u, axis);
  }

  /// The body's parameter for rows of v.
  Value leaf(Value v, int axis) {
    for (const Leaf& known : leaves_) {
      if (known.value == v && known.axis == axis) return known.param;
    }
    Value operand = images_[v.id];
    const int rank = f_.type(v).shape.rank();
    if (axis != 0) {
      Dims first{axis};
      for (int k = 0; k < rank; ++k) {
        if (k != axis) first.push_back(k);
      }
      operand = b_.transpose(operand, first);
    }
    leaves_.push_back({v, axis, operand, inner_->param(row_of(b_.type(operand)))});
    return leaves_.back().param;
  }

  Type row_type(Value v, int axis) const {
    Dims lengths;
    for (int k = 0; k < f_.type(v).shape.rank(); ++k) {
      if (k != axis) lengths.push_back(f_.type(v).shape[k]);
    }
    return f_.type(v).with_shape(Shape(lengths));
  }

  /// The row inside the body.
  Value row(Value v, int axis) {
    if (f_.op(v) == Op::kTranspose) {
      const Value of = row(f_.operand(v, 0), under(v, axis));
      Dims axes;
      for (std::int64_t a : f_.attr_as<AxesAttr>(v).axes) {
        if (a != under(v, axis)) axes.push_back(a - (a > under(v, axis)));
      }
      return inner_->transpose(of, axes);
    }
    if (!is_inner(v)) return leaf(v, axis);
    Values x;
    for (Value u : f_.operands(v)) x.push_back(row(u, axis));
    return inner_->make(f_.op(v), x, f_.attr(v), row_type(v, axis));
  }

  Builder& b_;
  const Function& f_;
  Value map_;
  const MapAttr& attr_;
  const std::vector<int>& uses_;
  const Values& images_;
  Builder* inner_ = nullptr;
  std::vector<Leaf> leaves_;
  int ops_ = 0;
  bool from_map_ = false;
};

}  // namespace

FunctionPtr fuse_rows(const Function& f) {
  const std::vector<int> uses = use_counts(f);
  return rewrite(
      f, {}, fuse_rows,
      [&](Builder& b, Value v, std::span<const Value> x, const Values& images) -> Values {
        if (f.op(v) != Op::kMap) return {};
        const Attr attr = change_bodies(f.attr(v), fuse_rows);
        const auto& map = std::get<MapAttr>(attr);
        const Values made = RowFuser(b, f, v, uses, images).run(*map.body);
        return made.empty() ? b.map(map, x) : made;
      });
}

}  // namespace cotangent::transform
