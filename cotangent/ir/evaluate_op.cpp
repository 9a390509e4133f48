#include "cotangent/ir/evaluate_op.h"

#include <algorithm>
#include <cmath>
#include <type_traits>

#include "cotangent/base/row_major.h"
#include "cotangent/ir/fft.h"
#include "cotangent/ir/linear_algebra.h"
#include "cotangent/ir/reduction_order.h"
#include "cotangent/ir/scalar_ops.h"

namespace cotangent::ir {
namespace {

/// Calls visit(T{}) with the C++ type that holds elements of `t`. bool is held in a uint8_t.
template <class Visitor>
decltype(auto) with_element(DType t, bool extended, Visitor visit) {
  switch (t) {
    case DType::kF64:
      if (extended) return visit(0.0L);
      return visit(0.0);
    case DType::kF32: return visit(0.0f);
    case DType::kI32: return visit(std::int32_t{});
    case DType::kI64: return visit(std::int64_t{});
    case DType::kU32: return visit(std::uint32_t{});
    case DType::kU64: return visit(std::uint64_t{});
    default: break;
  }
  if (is_storage(t)) throw InternalError("arithmetic on a storage type");
  return visit(std::uint8_t{});
}

/// The same for every type there is.
template <class Visitor>
void with_stored(DType t, bool extended, Visitor visit) {
  switch (t) {
    case DType::kU8: return visit(std::uint8_t{});
    case DType::kI8: return visit(std::int8_t{});
    case DType::kI16: return visit(std::int16_t{});
    case DType::kF16: return visit(Float16{});
    case DType::kBF16: return visit(BFloat16{});
    default: return with_element(t, extended, visit);
  }
}

using Index = std::vector<std::int64_t>;

std::int64_t offset_of(std::span<const std::int64_t> index, const Shape& shape) {
  std::int64_t offset = 0;
  for (int k = 0; k < shape.rank(); ++k)
    offset = offset * shape[k] + index[static_cast<std::size_t>(k)];
  return offset;
}

void copy_element(Tensor& to, std::int64_t at, const Tensor& from, std::int64_t source) {
  const std::size_t n = to.element_bytes();
  std::memcpy(to.data() + static_cast<std::size_t>(at) * n,
              from.data() + static_cast<std::size_t>(source) * n, n);
}

template <class T>
T apply_arithmetic(Op op, std::span<const T> x, bool is_bool_type) {
  if constexpr (std::is_floating_point_v<T>) {
    if (x.size() == 3) return std::fma(x[0], x[1], x[2]);  // fma is the only one
    return x.size() == 1 ? apply_float_unary(op, x[0]) : apply_float_binary(op, x[0], x[1]);
  } else {
    return x.size() == 1 ? apply_int_unary(op, x[0], is_bool_type)
                         : apply_int_binary(op, x[0], x[1]);
  }
}

void elementwise(Op op, Operands in, Tensor& out) {
  const Type& type = in[0].type();
  with_element(type.dtype, in[0].extended(), [&](auto zero) {
    using T = decltype(zero);
    const auto n = static_cast<std::size_t>(out.size());
    const std::size_t arity = in.size();
    std::span<const T> from[3];
    for (std::size_t a = 0; a < arity; ++a) from[a] = in[a].as<T>();
    T x[3] = {};
    const auto each = [&](auto to, auto value) {
      for (std::size_t k = 0; k < n; ++k) {
        for (std::size_t a = 0; a < arity; ++a) x[a] = from[a][k];
        to[k] = value();
      }
    };
    if (info(op).domain == OpDomain::kCompare) {
      each(out.as<std::uint8_t>(), [&] { return apply_compare(op, x[0], x[1]); });
    } else if (op == Op::kIsFinite) {
      if constexpr (std::is_floating_point_v<T>) {
        each(out.as<std::uint8_t>(), [&] { return std::isfinite(x[0]); });
      }
    } else {
      const bool of_bools = is_bool(type.dtype);
      each(out.as<T>(),
           [&] { return apply_arithmetic<T>(op, std::span<const T>(x, arity), of_bools); });
    }
  });
}

void cast(const Tensor& in, Tensor& out) {
  with_stored(in.type().dtype, in.extended(), [&](auto from) {
    with_stored(out.type().dtype, out.extended(), [&](auto to) {
      using From = decltype(from);
      using To = decltype(to);
      for (std::size_t k = 0; k < static_cast<std::size_t>(in.size()); ++k) {
        const From x = in.as<From>()[k];
        if (is_bool(out.type().dtype))
          out.set_integer(static_cast<std::int64_t>(k), is_nonzero(x));
        else
          out.as<To>()[k] = convert<To>(x);
      }
    });
  });
}

void reduce(Op op, const Tensor& in, const Dims& axes, Tensor& out) {
  const Shape& shape = in.type().shape;
  std::vector<bool> reduced(static_cast<std::size_t>(shape.rank()), false);
  for (std::int64_t k : axes) reduced[static_cast<std::size_t>(k)] = true;
  Dims run;
  for (std::int64_t k : axes) run.push_back(shape[static_cast<int>(k)]);
  const Shape run_shape{std::span<const std::int64_t>(run)};
  const Op step = op == Op::kReduceSum    ? Op::kAdd
                  : op == Op::kReduceProd ? Op::kMul
                  : op == Op::kReduceMin  ? Op::kMin
                                          : Op::kMax;
  with_element(in.type().dtype, in.extended(), [&](auto zero) {
    using T = decltype(zero);
    T empty = op == Op::kReduceSum ? T(0) : T(1);
    if (op == Op::kReduceMin) {
      empty = std::numeric_limits<T>::has_infinity ? std::numeric_limits<T>::infinity()
                                                   : std::numeric_limits<T>::max();
    } else if (op == Op::kReduceMax) {
      empty = std::numeric_limits<T>::has_infinity ? -std::numeric_limits<T>::infinity()
                                                   : std::numeric_limits<T>::lowest();
    }
    const auto join = [&](T a, T b) {
      const T both[2] = {a, b};
      return apply_arithmetic<T>(step, both, false);
    };
    for_each_index(out.type().shape, [&](std::int64_t at, const Index& kept) {
      std::vector<T> elements;
      elements.reserve(static_cast<std::size_t>(run_shape.size()));
      for_each_index(run_shape, [&](std::int64_t, const Index& moving) {
        Index full(reduced.size());
        std::size_t from_kept = 0, from_run = 0;
        for (std::size_t k = 0; k < full.size(); ++k) {
          full[k] = reduced[k] ? moving[from_run++] : kept[from_kept++];
        }
        elements.push_back(in.as<T>()[static_cast<std::size_t>(offset_of(full, shape))]);
      });
      const auto n = static_cast<std::int64_t>(elements.size());
      const auto get = [&](std::int64_t k) { return elements[static_cast<std::size_t>(k)]; };
      out.as<T>()[static_cast<std::size_t>(at)] =
          n == 0
              ? empty
              : ordered_reduce<T>(
                    0, n, get, [&](T total, std::int64_t k) { return join(total, get(k)); }, join);
    });
  });
}

void shape_op(Op op, Operands in, const Attr& attr, Tensor& out) {
  const Tensor& x = in[0];
  const Shape& from = x.type().shape;
  const Shape& to = out.type().shape;
  const auto rank = static_cast<std::size_t>(from.rank());
  Index source(rank);
  if (op == Op::kReshape) {
    std::copy_n(x.data(), x.bytes(), out.data());
    return;
  }
  if (op == Op::kPad) {
    for (std::int64_t k = 0; k < out.size(); ++k) copy_element(out, k, in[1], 0);
    const auto& a = std::get<PadAttr>(attr);
    for_each_index(from, [&](std::int64_t linear, const Index& index) {
      Index target(rank);
      for (std::size_t k = 0; k < rank; ++k) target[k] = a.low[k] + index[k] * (a.interior[k] + 1);
      copy_element(out, offset_of(target, to), x, linear);
    });
    return;
  }
  if (op == Op::kConcatenate) {
    const auto axis = static_cast<std::size_t>(std::get<AxesAttr>(attr).axes[0]);
    std::int64_t begin = 0;
    for (std::size_t p = 0; p < in.size(); ++p) {
      const Tensor& part = in[p];
      for_each_index(part.type().shape, [&](std::int64_t linear, const Index& index) {
        Index target = index;
        target[axis] += begin;
        copy_element(out, offset_of(target, to), part, linear);
      });
      begin += part.type().shape[static_cast<int>(axis)];
    }
    return;
  }
  for_each_index(to, [&](std::int64_t linear, const Index& index) {
    for (std::size_t k = 0; k < rank; ++k) {
      switch (op) {
        case Op::kTranspose:
          source[static_cast<std::size_t>(std::get<AxesAttr>(attr).axes[k])] = index[k];
          break;
        case Op::kBroadcast:
          source[k] = index[static_cast<std::size_t>(std::get<AxesAttr>(attr).axes[k])];
          break;
        case Op::kSlice: {
          const auto& a = std::get<SliceAttr>(attr);
          source[k] = a.start[k] + index[k] * a.stride[k];
          break;
        }
        case Op::kReverse: {
          const Dims& axes = std::get<AxesAttr>(attr).axes;
          const bool flip =
              std::find(axes.begin(), axes.end(), static_cast<std::int64_t>(k)) != axes.end();
          source[k] = flip ? from[static_cast<int>(k)] - 1 - index[k] : index[k];
          break;
        }
        default: throw InternalError("not a shape op");
      }
    }
    copy_element(out, linear, x, offset_of(source, from));
  });
}

/// Position of the first element of the row that index arrays select at place `k`; clamped.
std::int64_t indexed_row(const Shape& shape, Operands indices, std::int64_t k) {
  std::int64_t row = 0;
  for (std::size_t a = 0; a < indices.size(); ++a) {
    const std::int64_t n = shape[static_cast<int>(a)];
    std::int64_t i = indices[a].integer(k);
    // A u64 index beyond the signed range is too large, not negative.
    if (indices[a].type().dtype == DType::kU64 && i < 0) i = n - 1;
    row = row * n + std::clamp<std::int64_t>(i, 0, n - 1);
  }
  return row;
}

void index_op(Op op, Operands in, Tensor& out) {
  const auto indices = in.subspan(op == Op::kGather ? 1 : 2);
  const Shape& shape = in[0].type().shape;
  const std::int64_t places = indices[0].size();
  std::int64_t rest = 1;
  for (int k = static_cast<int>(indices.size()); k < shape.rank(); ++k) rest *= shape[k];
  if (op != Op::kGather) out = in[0];
  for (std::int64_t place = 0; place < places; ++place) {
    const std::int64_t row = indexed_row(shape, indices, place);
    for (std::int64_t k = 0; k < rest; ++k) {
      const std::int64_t far = row * rest + k, near = place * rest + k;
      if (op == Op::kGather) {
        copy_element(out, near, in[0], far);
      } else if (op == Op::kScatterSet) {
        copy_element(out, far, in[1], near);
      } else {
        with_element(out.type().dtype, out.extended(), [&](auto zero) {
          using T = decltype(zero);
          T& slot = out.as<T>()[static_cast<std::size_t>(far)];
          const T both[2] = {slot, in[1].as<T>()[static_cast<std::size_t>(near)]};
          slot = apply_arithmetic<T>(Op::kAdd, both, false);
        });
      }
    }
  }
}

void dot_general(Operands in, const DotAttr& a, Tensor& out) {
  const Shape &xs = in[0].type().shape, &ys = in[1].type().shape;
  const auto free_axes = [](const Shape& s, const Dims& batch, const Dims& contract) {
    Dims axes;
    for (int k = 0; k < s.rank(); ++k) {
      const bool used = std::find(batch.begin(), batch.end(), k) != batch.end() ||
                        std::find(contract.begin(), contract.end(), k) != contract.end();
      if (!used) axes.push_back(k);
    }
    return axes;
  };
  const Dims free_x = free_axes(xs, a.batch_x, a.contract_x);
  const Dims free_y = free_axes(ys, a.batch_y, a.contract_y);
  Dims run;
  for (std::int64_t k : a.contract_x) run.push_back(xs[static_cast<int>(k)]);
  const Shape run_shape{std::span<const std::int64_t>(run)};
  with_element(out.type().dtype, out.extended(), [&](auto zero) {
    using T = decltype(zero);
    for_each_index(out.type().shape, [&](std::int64_t at, const Index& index) {
      Index xi(static_cast<std::size_t>(xs.rank())), yi(static_cast<std::size_t>(ys.rank()));
      std::size_t next = 0;
      for (std::size_t k = 0; k < a.batch_x.size(); ++k, ++next) {
        xi[static_cast<std::size_t>(a.batch_x[k])] = index[next];
        yi[static_cast<std::size_t>(a.batch_y[k])] = index[next];
      }
      for (std::int64_t k : free_x) xi[static_cast<std::size_t>(k)] = index[next++];
      for (std::int64_t k : free_y) yi[static_cast<std::size_t>(k)] = index[next++];
      std::vector<T> x, y;
      for_each_index(run_shape, [&](std::int64_t, const Index& moving) {
        for (std::size_t k = 0; k < a.contract_x.size(); ++k) {
          xi[static_cast<std::size_t>(a.contract_x[k])] = moving[k];
          yi[static_cast<std::size_t>(a.contract_y[k])] = moving[k];
        }
        x.push_back(in[0].as<T>()[static_cast<std::size_t>(offset_of(xi, xs))]);
        y.push_back(in[1].as<T>()[static_cast<std::size_t>(offset_of(yi, ys))]);
      });
      const auto product = [&](std::int64_t k) {
        const T both[2] = {x[static_cast<std::size_t>(k)], y[static_cast<std::size_t>(k)]};
        return apply_arithmetic<T>(Op::kMul, both, false);
      };
      const auto plus = [](T u, T v) {
        const T both[2] = {u, v};
        return apply_arithmetic<T>(Op::kAdd, both, false);
      };
      const auto accumulate = [&](T total, std::int64_t k) {
        if constexpr (std::is_floating_point_v<T>) {
          return std::fma(x[static_cast<std::size_t>(k)], y[static_cast<std::size_t>(k)], total);
        } else {
          return plus(total, product(k));
        }
      };
      const auto n = static_cast<std::int64_t>(x.size());
      out.as<T>()[static_cast<std::size_t>(at)] =
          n == 0 ? T(0)
          : dot_in_one_chain(n, free_x.size(), free_y.size())
              ? chained<T>(n, product, accumulate)
              : ordered_reduce<T>(0, n, product, accumulate, plus);
    });
  });
}

}  // namespace

Tensor evaluate_op(Op op, Operands in, const Attr& attr, const Type& type, bool extended) {
  Tensor out(type, extended);
  switch (info(op).kind) {
    case OpKind::kElementwise:
      if (op == Op::kSelect) {
        for (std::int64_t k = 0; k < out.size(); ++k) {
          copy_element(out, k, in[0].integer(k) ? in[1] : in[2], k);
        }
      } else if (op == Op::kCast) {
        cast(in[0], out);
      } else if (op == Op::kBitcast) {
        const Tensor narrow = in[0].to_double();
        Tensor bits(type);
        std::copy_n(narrow.data(), narrow.bytes(), bits.data());
        out = extended ? bits.to_extended() : bits;
      } else {
        elementwise(op, in, out);
      }
      break;
    case OpKind::kReduce: reduce(op, in[0], std::get<AxesAttr>(attr).axes, out); break;
    case OpKind::kShape: shape_op(op, in, attr, out); break;
    case OpKind::kIndex: index_op(op, in, out); break;
    case OpKind::kContract: dot_general(in, std::get<DotAttr>(attr), out); break;
    case OpKind::kLeaf:
      if (op == Op::kConstant) {
        const Tensor& value = *std::get<LiteralAttr>(attr).value;
        out = extended ? value.to_extended() : value;
      } else if (op == Op::kIota) {
        const auto axis = static_cast<std::size_t>(std::get<AxesAttr>(attr).axes[0]);
        for_each_index(type.shape, [&](std::int64_t at, const Index& index) {
          if (is_float(type.dtype))
            out.set_real(at, static_cast<long double>(index[axis]));
          else
            out.set_integer(at, index[axis]);
        });
      } else {
        throw InternalError("a parameter has no value of its own");
      }
      break;
    case OpKind::kCheck: out = in[1]; break;
    case OpKind::kScan: evaluate_scan(op, in[0], std::get<AxesAttr>(attr).axes[0], out); break;
    case OpKind::kRandom: evaluate_random_bits(in, std::get<RandomAttr>(attr).site, out); break;
    case OpKind::kLinearAlgebra:
    case OpKind::kFourier:
    case OpKind::kSecondOrder: throw InternalError("not a first-order op of one result");
  }
  return out;
}

std::vector<Tensor> evaluate_results(Op op, Operands in, const Attr& attr,
                                     std::span<const Type> types, bool extended) {
  if (info(op).kind == OpKind::kLinearAlgebra) {
    return evaluate_linear_algebra(op, in, attr, types, extended);
  }
  if (op == Op::kFft) return evaluate_fft(in, std::get<FftAttr>(attr), extended);
  throw InternalError("[" + std::string(name_of(op)) + "] has no evaluation");
}

std::vector<const Tensor*> addresses(std::span<const Tensor> tensors) {
  std::vector<const Tensor*> out;
  for (const Tensor& t : tensors) out.push_back(&t);
  return out;
}

Tensor sum_rows(const Tensor& rows) {
  const Type type = rows.type().with_shape(rows.type().shape.row());
  Tensor out(type, rows.extended());
  reduce(Op::kReduceSum, rows, {0}, out);
  return out;
}

}  // namespace cotangent::ir
