#include "cotangent/mechanics/elements.h"

#include <algorithm>
#include <bitset>
#include <memory>
#include <numeric>

#include "cotangent/base/row_major.h"
#include "cotangent/mechanics/abstract.h"

namespace cotangent::mechanics {
namespace {

using ir::Dims;
using ir::Function;
using ir::Op;

using Mask = std::bitset<kMaxTracedEntries>;
constexpr std::int64_t kMaxElements = 4 * kMaxTracedEntries;  // of a value that is told apart

/// What each element of a value depends on, or all of them together (`each` empty); and the
/// integers it holds, when they are known.
struct Elements {
  Mask all;
  std::vector<Mask> each{};
  std::shared_ptr<const std::vector<std::int64_t>> integers{};
  Mask of(std::int64_t k) const { return each.empty() ? all : each[static_cast<std::size_t>(k)]; }
  bool operator==(const Elements& other) const {
    return all == other.all && each == other.each && integers == other.integers;
  }
};

Elements together(const Mask& all) {
  return Elements{all};
}

Elements from_each(std::vector<Mask> each) {
  Elements made;
  for (const Mask& m : each) made.all |= m;
  made.each = std::move(each);
  return made;
}

struct ElementDomain {
  using Value = Elements;

  Value index() { return {}; }
  Value join(const Value& a, const Value& b) {
    if (a == b) return a;
    if (a.each.empty() || a.each.size() != b.each.size()) return together(a.all | b.all);
    std::vector<Mask> each = a.each;
    for (std::size_t k = 0; k < each.size(); ++k) each[k] |= b.each[k];
    return from_each(std::move(each));
  }
  Value widen(const Value& a) { return together(a.all); }
  Value chosen(const Value& a, const Value& by) { return together(a.all | by.all); }
  /// Any row, of `count`: each of its elements may be that of any.
  Value row(const Value& operand, const Value&, std::int64_t count) {
    const auto n = static_cast<std::size_t>(std::max<std::int64_t>(1, count));
    if (operand.each.empty() || operand.each.size() % n != 0) return together(operand.all);
    std::vector<Mask> each(operand.each.size() / n);
    for (std::size_t k = 0; k < operand.each.size(); ++k) each[k % each.size()] |= operand.each[k];
    return from_each(std::move(each));
  }
  Value looped(const Value& a) { return together(a.all); }
  Value total(ir::Role, const Value& result, const std::vector<Value>&) {
    return together(result.all);
  }

  Value apply(const Function& f, ir::Value v, const std::vector<Value>& x) {
    const Shape& shape = f.type(v).shape;
    if (f.op(v) == Op::kConstant) return constant(*f.attr_as<ir::LiteralAttr>(v).value);
    Mask all;
    for (const Value& o : x) all |= o.all;
    if (all.none()) return known_integers(f, v, x);
    if (shape.size() > kMaxElements || shape.size() == 0) return together(all);
    if (ir::is_elementwise(f.op(v))) return elementwise(shape.size(), x);
    switch (f.op(v)) {
      case Op::kReshape:
      case Op::kTranspose:
      case Op::kBroadcast:
      case Op::kSlice:
      case Op::kReverse: return moved(f, v, x[0]);
      case Op::kConcatenate: return joined(f, v, x);
      case Op::kPad: return padded(f, v, x);
      case Op::kGather: return gathered(f, v, x, all);
      case Op::kScatterAdd:
      case Op::kScatterSet: return scattered(f, v, x, all);
      case Op::kReduceSum:
      case Op::kReduceProd:
      case Op::kReduceMin:
      case Op::kReduceMax: return reduced(f, v, x[0]);
      default: return together(all);
    }
  }

 private:
  static Value constant(const ir::Tensor& value) {
    Value made;
    if (is_float(value.type().dtype) || value.size() > kMaxElements) return made;
    std::vector<std::int64_t> integers;
    for (std::int64_t k = 0; k < value.size(); ++k) integers.push_back(value.integer(k));
    made.integers = std::make_shared<const std::vector<std::int64_t>>(std::move(integers));
    return made;
  }

  /// Integers through the ops that indices go through; anything else is just a constant.
  static Value known_integers(const Function& f, ir::Value v, const std::vector<Value>& x) {
    Value made;
    if (is_float(f.type(v).dtype) || f.type(v).size() > kMaxElements) return made;
    std::vector<std::int64_t> out;
    if (f.op(v) == Op::kIota) {
      const auto axis = static_cast<std::size_t>(f.attr_as<ir::AxesAttr>(v).axes[0]);
      for_each_index(f.type(v).shape,
                     [&](std::int64_t, const Dims& at) { out.push_back(at[axis]); });
    } else if (f.op(v) == Op::kReshape && x[0].integers) {
      return x[0];
    } else if (f.op(v) == Op::kBroadcast && x[0].integers && x[0].integers->size() == 1) {
      out.assign(static_cast<std::size_t>(f.type(v).size()), x[0].integers->front());
    } else {
      return made;
    }
    made.integers = std::make_shared<const std::vector<std::int64_t>>(std::move(out));
    return made;
  }

  static Value elementwise(std::int64_t size, const std::vector<Value>& x) {
    std::vector<Mask> each(static_cast<std::size_t>(size));
    for (const Value& o : x) {
      for (std::int64_t k = 0; k < size; ++k) each[static_cast<std::size_t>(k)] |= o.of(k);
    }
    return from_each(std::move(each));
  }

  static Value moved(const Function& f, ir::Value v, const Value& x) {
    const Shape& from = f.type(f.operand(v, 0)).shape;
    const Dims in = row_major(from);
    std::vector<Mask> each(static_cast<std::size_t>(f.type(v).size()));
    for_each_index(f.type(v).shape, [&](std::int64_t linear, const Dims& index) {
      Dims at(in.size(), 0);
      switch (f.op(v)) {
        case Op::kReshape: each[static_cast<std::size_t>(linear)] = x.of(linear); return;
        case Op::kTranspose: {
          const Dims& axes = f.attr_as<ir::AxesAttr>(v).axes;
          for (std::size_t k = 0; k < axes.size(); ++k)
            at[static_cast<std::size_t>(axes[k])] = index[k];
          break;
        }
        case Op::kBroadcast: {
          const Dims& axes = f.attr_as<ir::AxesAttr>(v).axes;
          for (std::size_t k = 0; k < axes.size(); ++k)
            at[k] = index[static_cast<std::size_t>(axes[k])];
          break;
        }
        case Op::kSlice: {
          const auto& s = f.attr_as<ir::SliceAttr>(v);
          for (std::size_t k = 0; k < at.size(); ++k) at[k] = s.start[k] + index[k] * s.stride[k];
          break;
        }
        default: {  // reverse
          at = index;
          for (std::int64_t axis : f.attr_as<ir::AxesAttr>(v).axes) {
            const auto k = static_cast<std::size_t>(axis);
            at[k] = from[static_cast<int>(axis)] - 1 - index[k];
          }
        }
      }
      each[static_cast<std::size_t>(linear)] =
          x.of(std::inner_product(in.begin(), in.end(), at.begin(), std::int64_t{0}));
    });
    return from_each(std::move(each));
  }

  static Value joined(const Function& f, ir::Value v, const std::vector<Value>& x) {
    const auto axis = static_cast<std::size_t>(f.attr_as<ir::AxesAttr>(v).axes[0]);
    std::vector<Mask> each(static_cast<std::size_t>(f.type(v).size()));
    for_each_index(f.type(v).shape, [&](std::int64_t linear, const Dims& index) {
      Dims at = index;
      std::size_t part = 0;
      for (; part + 1 < x.size(); ++part) {
        const std::int64_t n = f.type(f.operand(v, part)).shape[static_cast<int>(axis)];
        if (at[axis] < n) break;
        at[axis] -= n;
      }
      const Dims in = row_major(f.type(f.operand(v, part)).shape);
      each[static_cast<std::size_t>(linear)] =
          x[part].of(std::inner_product(in.begin(), in.end(), at.begin(), std::int64_t{0}));
    });
    return from_each(std::move(each));
  }

  static Value gathered(const Function& f, ir::Value v, const std::vector<Value>& x,
                        const Mask& all) {
    for (std::size_t k = 1; k < x.size(); ++k) {
      if (!x[k].integers || x[k].all.any()) return together(all);
    }
    const Shape& from = f.type(f.operand(v, 0)).shape;
    const Dims in = row_major(from);
    const auto r = x.size() - 1;
    const std::int64_t places = f.type(f.operand(v, 1)).size();
    const std::int64_t rest = f.type(v).size() / std::max<std::int64_t>(1, places);
    std::vector<Mask> each;
    for (std::int64_t s = 0; s < places; ++s) {
      std::int64_t base = 0;
      for (std::size_t k = 0; k < r; ++k) {
        const std::int64_t last = from[static_cast<int>(k)] - 1;
        base += in[k] * std::clamp<std::int64_t>((*x[k + 1].integers)[static_cast<std::size_t>(s)],
                                                 0, std::max<std::int64_t>(last, 0));
      }
      for (std::int64_t e = 0; e < rest; ++e) each.push_back(x[0].of(base + e));
    }
    return from_each(std::move(each));
  }

  static Value padded(const Function& f, ir::Value v, const std::vector<Value>& x) {
    const auto& a = f.attr_as<ir::PadAttr>(v);
    const Shape& shape = f.type(v).shape;
    const Dims out = row_major(shape);
    std::vector<Mask> each(static_cast<std::size_t>(shape.size()), x[1].all);
    for_each_index(f.type(f.operand(v, 0)).shape, [&](std::int64_t linear, const Dims& index) {
      std::int64_t at = 0;
      for (std::size_t k = 0; k < index.size(); ++k) {
        at += out[k] * (a.low[k] + index[k] * (1 + a.interior[k]));
      }
      each[static_cast<std::size_t>(at)] = x[0].of(linear);
    });
    return from_each(std::move(each));
  }

  /// What a place had is counted in also where it is written over.
  static Value scattered(const Function& f, ir::Value v, const std::vector<Value>& x,
                         const Mask& all) {
    for (std::size_t k = 2; k < x.size(); ++k) {
      if (!x[k].integers || x[k].all.any()) return together(all);
    }
    const Shape& shape = f.type(v).shape;
    const Dims in = row_major(shape);
    const auto r = x.size() - 2;
    if (r == 0) return together(all);
    const std::int64_t places = f.type(f.operand(v, 2)).size();
    const std::int64_t rest = f.type(f.operand(v, 1)).size() / std::max<std::int64_t>(1, places);
    std::vector<Mask> each(static_cast<std::size_t>(shape.size()));
    for (std::int64_t k = 0; k < shape.size(); ++k) each[static_cast<std::size_t>(k)] = x[0].of(k);
    for (std::int64_t s = 0; s < places; ++s) {
      std::int64_t base = 0;
      for (std::size_t k = 0; k < r; ++k) {
        const std::int64_t at = (*x[k + 2].integers)[static_cast<std::size_t>(s)];
        if (at < 0 || at >= shape[static_cast<int>(k)]) return together(all);
        base += in[k] * at;
      }
      for (std::int64_t e = 0; e < rest; ++e) {
        each[static_cast<std::size_t>(base + e)] |= x[1].of(s * rest + e);
      }
    }
    return from_each(std::move(each));
  }

  static Value reduced(const Function& f, ir::Value v, const Value& x) {
    const Shape& from = f.type(f.operand(v, 0)).shape;
    const Dims out = row_major(f.type(v).shape);
    const Dims& axes = f.attr_as<ir::AxesAttr>(v).axes;
    std::vector<Mask> each(static_cast<std::size_t>(f.type(v).size()));
    for_each_index(from, [&](std::int64_t linear, const Dims& index) {
      std::int64_t at = 0;
      std::size_t kept = 0;
      for (std::size_t k = 0; k < index.size(); ++k) {
        if (std::find(axes.begin(), axes.end(), static_cast<std::int64_t>(k)) != axes.end())
          continue;
        at += out[kept++] * index[k];
      }
      each[static_cast<std::size_t>(at)] |= x.of(linear);
    });
    return from_each(std::move(each));
  }
};

}  // namespace

std::optional<std::vector<bool>> entries_read(const ir::Function& f, std::size_t k) {
  const std::int64_t n = f.param_type(k).size();
  if (n > kMaxTracedEntries) return {};
  ElementDomain domain;
  std::vector<Elements> arguments(f.params().size());
  std::vector<Mask> own(static_cast<std::size_t>(n));
  for (std::size_t e = 0; e < own.size(); ++e) own[e].set(e);
  arguments[k] = from_each(std::move(own));
  const Elements read = Interpreter(domain).run(f, arguments)[0];
  std::vector<bool> out;
  for (std::size_t e = 0; e < static_cast<std::size_t>(n); ++e) out.push_back(read.all.test(e));
  return out;
}

}  // namespace cotangent::mechanics
