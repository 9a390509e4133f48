// Programs over polynomials, one element at a time. Integers are taken as whole numbers that do not
// wrap, floats as reals that do not round.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "cotangent/base/row_major.h"
#include "cotangent/transform/algebra_impl.h"
#include "cotangent/transform/rebuild.h"

namespace cotangent::transform {

using namespace ir;

namespace {

using Element = Algebra::Element;
using Elements = Algebra::Elements;

constexpr std::int64_t kMaxElements = 4096;  // of one value

std::size_t at(const Dims& strides, const Dims& index) {
  return static_cast<std::size_t>(
      std::inner_product(strides.begin(), strides.end(), index.begin(), std::int64_t{0}));
}

class Interpreter {
 public:
  Interpreter(Algebra::Impl& a, const Function& f) : a_(a), f_(f), values_(f.size()) {}

  std::vector<Elements> run(std::span<const Elements> arguments) {
    for (std::size_t k = 0; k < arguments.size(); ++k) {
      ensure(static_cast<std::int64_t>(arguments[k].size()) == f_.param_type(k).size(),
             "Algebra::interpret: number of elements");
      values_[f_.params()[k].id] = arguments[k];
    }
    for (std::uint32_t id = 0; id < f_.size(); ++id) {
      const Value v{id};
      if (f_.op(v) == Op::kParameter || is_projected(f_.op(v))) continue;
      if (f_.type(v).size() > kMaxElements) throw GaveUp{};
      values_[id] = node(v);
    }
    std::vector<Elements> out;
    for (Value r : f_.results()) out.push_back(values_[r.id]);
    return out;
  }

 private:
  const Elements& of(Value v) const { return values_[v.id]; }
  const Elements& arg(Value v, std::size_t k) const { return of(f_.operand(v, k)); }
  const Shape& shape(Value v) const { return f_.type(v).shape; }
  Value operand(Value v, std::size_t k) const { return f_.operand(v, k); }

  std::optional<std::int64_t> whole(Element e) const {
    const Polynomial& p = *a_.polynomials[e];
    if (p.terms.empty()) return 0;
    if (p.terms.size() > 1 || !p.terms.begin()->first.empty()) return std::nullopt;
    const double value = p.terms.begin()->second.value();
    if (std::floor(value) != value || std::fabs(value) > 1e15) return std::nullopt;
    return static_cast<std::int64_t>(value);
  }
  std::optional<double> constant(Element e) const {
    const Polynomial& p = *a_.polynomials[e];
    if (p.terms.empty()) return 0;
    if (p.terms.size() > 1 || !p.terms.begin()->first.empty()) return std::nullopt;
    return p.terms.begin()->second.value();
  }

  Elements node(Value v) {
    const Op op = f_.op(v);
    if (is_elementwise(op)) {
      Elements out;
      const auto n = static_cast<std::size_t>(f_.type(v).size());
      for (std::size_t k = 0; k < n; ++k) {
        Elements x;
        for (Value u : f_.operands(v)) x.push_back(of(u)[k]);
        out.push_back(elementwise(v, x));
      }
      return out;
    }
    switch (info(op).kind) {
      case OpKind::kReduce: return reduce(v);
      case OpKind::kShape: return rearrange(v);
      case OpKind::kIndex: return indexed(v);
      case OpKind::kContract: return contract(v);
      case OpKind::kCheck: return arg(v, 1);
      default: break;
    }
    if (op == Op::kConstant) {
      const Tensor& t = *f_.attr_as<LiteralAttr>(v).value;
      Elements out;
      for (std::int64_t k = 0; k < t.size(); ++k) {
        out.push_back(a_.number(static_cast<double>(t.real(k))));
      }
      return out;
    }
    if (op == Op::kIota) {
      const auto axis = static_cast<std::size_t>(f_.attr_as<AxesAttr>(v).axes[0]);
      Elements out;
      for_each_index(shape(v), [&](std::int64_t, const Dims& index) {
        out.push_back(a_.number(static_cast<double>(index[axis])));
      });
      return out;
    }
    if (op != Op::kProject) throw GaveUp{};
    return project(v);
  }

  // --- elementwise

  Element one() { return a_.number(1); }
  Element sub(Element x, Element y) { return a_.add(x, a_.neg(y)); }

  /// f(-u) = f(u) or -f(u): the argument's sign is made canonical.
  Element even(Op op, Element u) {
    return a_.function_atom(op, {a_.leads_negative(u) ? a_.neg(u) : u});
  }
  Element odd(Op op, Element u) {
    if (a_.polynomials[u]->terms.empty()) return u;
    if (!a_.leads_negative(u)) return a_.function_atom(op, {u});
    return a_.neg(a_.function_atom(op, {a_.neg(u)}));
  }

  /// Truth of u < 0 and u == 0, as 0 and 1.
  Element below_zero(Element u) {
    if (const auto c = constant(u)) return a_.number(*c < 0 ? 1 : 0);
    return a_.function_atom(Op::kLt, {u});
  }
  Element equals_zero(Element u) {
    if (const auto c = constant(u)) return a_.number(*c == 0 ? 1 : 0);
    return even(Op::kEq, u);
  }

  Element elementwise(Value v, const Elements& x) {
    const bool truth = is_bool(f_.type(operand(v, 0)).dtype);
    const bool real = is_float(f_.type(v).dtype);
    switch (const Op op = f_.op(v)) {
      case Op::kNeg: return a_.neg(x[0]);
      case Op::kAdd: return a_.add(x[0], x[1]);
      case Op::kSub: return sub(x[0], x[1]);
      case Op::kMul: return a_.mul(x[0], x[1]);
      case Op::kFma: return a_.add(a_.mul(x[0], x[1]), x[2]);
      case Op::kDiv: return real ? a_.mul(x[0], a_.inverse(x[1])) : a_.function_atom(op, x, 0, 1);
      case Op::kSqrt: return a_.root(x[0]);
      case Op::kRsqrt: return a_.inverse(a_.root(x[0]));
      case Op::kPow: return a_.power(x[0], x[1]);
      case Op::kAbs:
        if (const auto c = constant(x[0])) return a_.number(std::fabs(*c));
        return even(op, x[0]);
      case Op::kCos:
      case Op::kCosh: return even(op, x[0]);
      case Op::kSign:
      case Op::kSin:
      case Op::kTan:
      case Op::kAsin:
      case Op::kAtan:
      case Op::kSinh:
      case Op::kTanh:
      case Op::kErf:
      case Op::kCbrt: return odd(op, x[0]);
      case Op::kMin:
      case Op::kMax: {
        if (x[0] == x[1]) return x[0];
        return a_.function_atom(op, {std::min(x[0], x[1]), std::max(x[0], x[1])});
      }
      case Op::kLt: return below_zero(sub(x[0], x[1]));
      case Op::kLe: return sub(one(), below_zero(sub(x[1], x[0])));
      case Op::kEq: return equals_zero(sub(x[0], x[1]));
      case Op::kNe: return sub(one(), equals_zero(sub(x[0], x[1])));
      case Op::kSelect: return a_.add(a_.mul(x[0], sub(x[1], x[2])), x[2]);
      case Op::kNot:
        if (truth) return sub(one(), x[0]);
        break;
      case Op::kAnd:
        if (truth) return a_.mul(x[0], x[1]);
        break;
      case Op::kOr:
        if (truth) return sub(a_.add(x[0], x[1]), a_.mul(x[0], x[1]));
        break;
      case Op::kXor:
        if (truth) return sub(a_.add(x[0], x[1]), a_.mul(a_.number(2), a_.mul(x[0], x[1])));
        break;
      case Op::kCast: {
        const DType from = f_.type(operand(v, 0)).dtype, to = f_.type(v).dtype;
        if (is_float(to) || (!is_float(from) && !is_bool(to))) return x[0];
        if (is_bool(to)) return sub(one(), equals_zero(x[0]));
        if (whole(x[0])) return x[0];
        break;
      }
      default: break;
    }
    // Opaque: the same op on the same arguments is the same value.
    return a_.function_atom(f_.op(v), x, 0, static_cast<std::uint32_t>(f_.type(v).dtype));
  }

  // --- structure

  Elements reduce(Value v) {
    const Op op = f_.op(v);
    const Value x = operand(v, 0);
    const Dims kept = other_axes(shape(x).rank(), f_.attr_as<AxesAttr>(v).axes);
    const Dims strides = row_major(shape(v));
    std::vector<Elements> parts(static_cast<std::size_t>(shape(v).size()));
    for_each_index(shape(x), [&](std::int64_t linear, const Dims& index) {
      Dims out;
      for (std::int64_t axis : kept) out.push_back(index[static_cast<std::size_t>(axis)]);
      parts[at(strides, out)].push_back(of(x)[static_cast<std::size_t>(linear)]);
    });
    Elements out;
    for (Elements& part : parts) {
      if (op == Op::kReduceSum || op == Op::kReduceProd) {
        Element total = a_.number(op == Op::kReduceSum ? 0 : 1);
        for (Element e : part) total = op == Op::kReduceSum ? a_.add(total, e) : a_.mul(total, e);
        out.push_back(total);
        continue;
      }
      std::sort(part.begin(), part.end());
      part.erase(std::unique(part.begin(), part.end()), part.end());
      out.push_back(part.size() == 1 ? part[0] : a_.function_atom(op, part));
    }
    return out;
  }

  Elements rearrange(Value v) {
    const Op op = f_.op(v);
    const Value x = operand(v, 0);
    if (op == Op::kReshape) return of(x);
    const Dims in = row_major(shape(x));
    Elements out(static_cast<std::size_t>(shape(v).size()));
    if (op == Op::kPad) {
      const auto& p = f_.attr_as<PadAttr>(v);
      std::fill(out.begin(), out.end(), arg(v, 1)[0]);
      const Dims strides = row_major(shape(v));
      for_each_index(shape(x), [&](std::int64_t linear, const Dims& index) {
        Dims to;
        for (std::size_t k = 0; k < index.size(); ++k) {
          to.push_back(p.low[k] + index[k] * (p.interior[k] + 1));
        }
        out[at(strides, to)] = of(x)[static_cast<std::size_t>(linear)];
      });
      return out;
    }
    for_each_index(shape(v), [&](std::int64_t linear, const Dims& index) {
      Dims from = index;
      Value source = x;
      Dims strides = in;
      switch (op) {
        case Op::kTranspose: {
          const Dims& perm = f_.attr_as<AxesAttr>(v).axes;
          for (std::size_t k = 0; k < perm.size(); ++k)
            from[static_cast<std::size_t>(perm[k])] = index[k];
          break;
        }
        case Op::kBroadcast: {
          from.clear();
          for (std::int64_t d : f_.attr_as<AxesAttr>(v).axes) {
            from.push_back(index[static_cast<std::size_t>(d)]);
          }
          break;
        }
        case Op::kSlice: {
          const auto& s = f_.attr_as<SliceAttr>(v);
          for (std::size_t k = 0; k < from.size(); ++k)
            from[k] = s.start[k] + index[k] * s.stride[k];
          break;
        }
        case Op::kReverse:
          for (std::int64_t d : f_.attr_as<AxesAttr>(v).axes) {
            const auto k = static_cast<std::size_t>(d);
            from[k] = shape(x)[static_cast<int>(d)] - 1 - index[k];
          }
          break;
        default: {  // concatenate
          const auto axis = static_cast<std::size_t>(f_.attr_as<AxesAttr>(v).axes[0]);
          for (Value part : f_.operands(v)) {
            const std::int64_t n = shape(part)[static_cast<int>(axis)];
            if (from[axis] < n) {
              source = part;
              break;
            }
            from[axis] -= n;
          }
          strides = row_major(shape(source));
          break;
        }
      }
      out[static_cast<std::size_t>(linear)] = of(source)[at(strides, from)];
    });
    return out;
  }

  Elements indexed(Value v) {
    const Op op = f_.op(v);
    const std::size_t first = op == Op::kGather ? 1 : 2;
    const Value x = operand(v, 0);
    const std::size_t r = f_.operands(v).size() - first;
    const std::int64_t places = f_.type(operand(v, first)).size();
    std::int64_t rest = 1;
    for (int k = static_cast<int>(r); k < shape(x).rank(); ++k) rest *= shape(x)[k];
    const Dims strides = row_major(shape(x));
    Elements out = op == Op::kGather ? Elements{} : of(x);
    for (std::int64_t s = 0; s < places; ++s) {
      std::int64_t base = 0;
      bool known = true;
      Elements indices;
      for (std::size_t k = 0; k < r; ++k) {
        const Element e = arg(v, first + k)[static_cast<std::size_t>(s)];
        indices.push_back(e);
        const auto i = whole(e);
        known = known && i;
        if (!known) continue;
        const std::int64_t last = shape(x)[static_cast<int>(k)] - 1;
        base += std::clamp<std::int64_t>(*i, 0, std::max<std::int64_t>(last, 0)) * strides[k];
      }
      if (!known && op != Op::kGather) throw GaveUp{};
      for (std::int64_t e = 0; e < rest; ++e) {
        if (op == Op::kGather) {
          if (known) {
            out.push_back(of(x)[static_cast<std::size_t>(base + e)]);
            continue;
          }
          Elements key = of(x);
          key.insert(key.end(), indices.begin(), indices.end());
          out.push_back(a_.function_atom(op, key, 0, static_cast<std::uint32_t>(e)));
          continue;
        }
        Element& target = out[static_cast<std::size_t>(base + e)];
        const Element update = arg(v, 1)[static_cast<std::size_t>(s * rest + e)];
        target = op == Op::kScatterAdd ? a_.add(target, update) : update;
      }
    }
    return out;
  }

  Elements contract(Value v) {
    const auto& d = f_.attr_as<DotAttr>(v);
    const Value x = operand(v, 0), y = operand(v, 1);
    const auto free_of = [&](Value u, Dims used, const Dims& more) {
      used.insert(used.end(), more.begin(), more.end());
      return other_axes(shape(u).rank(), used);
    };
    const Dims free_x = free_of(x, d.batch_x, d.contract_x),
               free_y = free_of(y, d.batch_y, d.contract_y);
    Dims inner;
    for (std::int64_t axis : d.contract_x) inner.push_back(shape(x)[static_cast<int>(axis)]);
    const Dims sx = row_major(shape(x)), sy = row_major(shape(y));
    Elements out;
    for_each_index(shape(v), [&](std::int64_t, const Dims& index) {
      Element total = a_.number(0);
      for_each_index(Shape(inner), [&](std::int64_t, const Dims& k) {
        Dims ix(sx.size()), iy(sy.size());
        std::size_t p = 0;
        for (std::size_t b = 0; b < d.batch_x.size(); ++b, ++p) {
          ix[static_cast<std::size_t>(d.batch_x[b])] = iy[static_cast<std::size_t>(d.batch_y[b])] =
              index[p];
        }
        for (std::int64_t axis : free_x) ix[static_cast<std::size_t>(axis)] = index[p++];
        for (std::int64_t axis : free_y) iy[static_cast<std::size_t>(axis)] = index[p++];
        for (std::size_t c = 0; c < k.size(); ++c) {
          ix[static_cast<std::size_t>(d.contract_x[c])] =
              iy[static_cast<std::size_t>(d.contract_y[c])] = k[c];
        }
        total = a_.add(total, a_.mul(of(x)[at(sx, ix)], of(y)[at(sy, iy)]));
      });
      out.push_back(total);
    });
    return out;
  }

  /// A result of a second-order op: opaque, named by the op, its arguments and the element.
  Elements project(Value v) {
    const Value node = operand(v, 0);
    const Attr& attr = f_.attr(node);
    std::uint32_t serial = 0;
    for (; serial < a_.opaque.size(); ++serial) {
      if (same(a_.opaque[serial], attr)) break;
    }
    if (serial == a_.opaque.size()) a_.opaque.push_back(attr);
    Elements key;
    for (Value u : f_.operands(node)) key.insert(key.end(), of(u).begin(), of(u).end());
    if (key.size() > kMaxElements) throw GaveUp{};
    Elements out;
    const std::int64_t result = f_.attr_as<IndexAttr>(v).index;
    for (std::int64_t k = 0; k < f_.type(v).size(); ++k) {
      Elements full = key;
      full.push_back(a_.number(static_cast<double>(result)));
      full.push_back(a_.number(static_cast<double>(k)));
      out.push_back(a_.function_atom(f_.op(node), std::move(full), 0, serial));
    }
    return out;
  }

  static bool same(const Attr& x, const Attr& y) {
    if (x.index() != y.index()) return false;
    const std::vector<FunctionPtr> bx = bodies_of(x), by = bodies_of(y);
    if (bx.size() != by.size()) return false;
    for (std::size_t k = 0; k < bx.size(); ++k) {
      if (!structurally_equal(*bx[k], *by[k])) return false;
    }
    return with_bodies(y, bx) == x;
  }

  Algebra::Impl& a_;
  const Function& f_;
  std::vector<Elements> values_;
};

}  // namespace

std::optional<std::vector<Algebra::Elements>> Algebra::interpret(
    const Function& f, std::span<const Elements> arguments) {
  try {
    return Interpreter(*impl_, f).run(arguments);
  } catch (const GaveUp&) {
    return std::nullopt;
  }
}

}  // namespace cotangent::transform
