// First-order ops of a random program: operands are found or made to fit, results join the pool.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "cotangent/ir/random_scope.h"

namespace cotangent::ir {
void RandomScope::leaf(Op op) {
  if (op == Op::kIota) {
    const DType t = draw_dtype(is_number);
    Shape shape = draw_shape();
    if (shape.rank() == 0) shape = Shape{random_.between(1, 6)};
    const std::int64_t axis = random_.below(shape.rank());
    const auto length = static_cast<double>(shape[static_cast<int>(axis)]);
    add(builder_.iota({t, shape}, axis), length);
    return;
  }
  const bool differentiable = settings_.options.differentiable;
  const DType t = draw_dtype([&](DType d) { return !differentiable || is_float(d); });
  const Value v = constant({t, draw_shape()});
  add(v, bound(v));
}

/// v*v + c, at least `at_least` and never near 0.
Value RandomScope::shifted_square(Value v, double at_least) {
  const double limit = bound(v);
  Builder& b = builder_;
  const Value square = b.mul(v, v);
  return note(b.add(square, b.splat(at_least, b.type(v))), limit * limit + at_least);
}

/// Changes the operands so that a tame program stays in the op's smooth domain; the bound of the
/// result. Ops that are not named get operands in [-1, 1].
double RandomScope::guard(Op op, std::vector<Value>& x) {
  const auto b = [&](std::size_t k) { return bound(x[k]); };
  const bool tame = settings_.tame && is_float(builder_.type(x.back()).dtype);
  switch (op) {
    case Op::kNeg:
    case Op::kAbs: return b(0);
    case Op::kSign:
    case Op::kSin:
    case Op::kCos:
    case Op::kTanh:
    case Op::kErf: return 1;
    case Op::kErfc: return 2;
    case Op::kFloor:
    case Op::kCeil:
    case Op::kRound: return b(0) + 1;
    case Op::kAtan: return 2;
    case Op::kAdd:
    case Op::kSub: return b(0) + b(1);
    case Op::kMul: return b(0) * b(1);
    case Op::kMin:
    case Op::kMax: return std::max(b(0), b(1));
    case Op::kFma: return b(0) * b(1) + b(2);
    case Op::kSelect: return std::max(b(1), b(2));
    case Op::kLt:
    case Op::kLe:
    case Op::kEq:
    case Op::kNe:
    case Op::kIsFinite: return 1;
    default: break;
  }
  if (!tame) return 1e30;
  switch (op) {
    case Op::kSqrt:
    case Op::kCbrt:
    case Op::kLog:
    case Op::kRsqrt: {
      x[0] = shifted_square(x[0], 0.25);
      return std::max(2.0, b(0));
    }
    case Op::kLog1p: x[0] = shifted_square(x[0], 0.25); return b(0);
    case Op::kExp:
    case Op::kExpm1:
    case Op::kSinh:
    case Op::kCosh: x[0] = compress(x[0], 2); return 7.4;
    case Op::kTan: x[0] = compress(x[0], 1); return 1.6;
    case Op::kAsin:
    case Op::kAcos: x[0] = compress(x[0], 0.9); return 3.2;
    case Op::kDiv: x[1] = shifted_square(x[1], 0.5); return 2 * b(0);
    case Op::kMod: x[1] = shifted_square(x[1], 0.5); return b(1);
    case Op::kPow:
      x[0] = shifted_square(compress(x[0], 1), 0.25);
      x[1] = compress(x[1], 2);
      return 16;
    case Op::kAtan2: x[0] = shifted_square(x[0], 0.25); return 3.2;
    default: break;
  }
  for (Value& v : x) {
    if (is_float(builder_.type(v).dtype)) v = compress(v, 1);
  }
  return 1e30;
}

void RandomScope::elementwise(Op op) {
  const bool differentiable = settings_.options.differentiable;
  const auto fits = [&](DType t) {
    return accepts(op, t) && (!differentiable || is_float(t) || info(op).domain == OpDomain::kBits);
  };
  const DType t = draw_dtype(fits);
  if (!fits(t)) return;
  Type type{t, {}};
  if (const auto like = pick([&](const Type& u) { return u.dtype == t; })) {
    type = builder_.type(*like);
  } else {
    type.shape = draw_shape();
  }
  std::vector<Value> x;
  for (int k = 0; k < info(op).arity; ++k) {
    const bool predicate = op == Op::kSelect && k == 0;
    x.push_back(of_type(predicate ? type.with_dtype(DType::kBool) : type));
  }
  const double limit = guard(op, x);
  add(builder_.elementwise(op, x), limit);
}

void RandomScope::cast() {
  const bool differentiable = settings_.options.differentiable;
  const auto found = pick([&](const Type& t) { return !differentiable || is_integer(t.dtype); });
  if (!found) return;
  const DType from = builder_.type(*found).dtype;
  const DType to = draw_dtype([&](DType d) { return !differentiable || is_float(d); });
  double limit = is_bool(from) ? 1 : bound(*found);
  if (!is_float(from)) limit = std::min(limit, 2e19);
  add(builder_.cast(*found, to), limit);
}

void RandomScope::bitcast() {
  const auto found = pick([&](const Type& t) {
    return is_number(t.dtype) && !(settings_.tame && is_integer(t.dtype) && random_.percent(50));
  });
  if (!found) return;
  Value v = *found;
  Builder& b = builder_;
  const Type t = b.type(v);
  const DType to = draw_dtype([&](DType d) {
    return size_of(d) == size_of(t.dtype) && is_number(d) &&
           !(settings_.tame && is_float(d) && !is_float(t.dtype));
  });
  if (size_of(to) != size_of(t.dtype)) return;
  // The bits of a NaN are nobody's promise.
  if (is_float(t.dtype) && !is_float(to)) v = b.select(b.eq(v, v), v, b.zeros(t));
  add(b.bitcast(v, to), is_float(to) ? 1e30 : 2e19);
}

void RandomScope::reduce(Op op) {
  const bool smooth = settings_.options.differentiable;
  const auto found = pick([&](const Type& t) {
    return accepts(op, t.dtype) && (!smooth || (is_float(t.dtype) && t.size() > 0));
  });
  if (!found) return;
  Value v = *found;
  const Shape shape = builder_.type(v).shape;
  Dims axes;
  std::int64_t n = 1;
  for (int k = 0; k < shape.rank(); ++k) {
    if (shape.rank() > 1 && random_.percent(40)) continue;
    axes.push_back(k);
    n *= shape[k];
  }
  if (axes.empty() && shape.rank() > 0) return;  // Builder::reduce takes that for all axes
  double limit = bound(v);
  if (op == Op::kReduceSum) {
    limit *= static_cast<double>(n);
  } else if (op == Op::kReduceProd) {
    if (is_float(builder_.type(v).dtype)) v = moderate(v, 1);
    limit = settings_.tame ? 1 : 1e30;
  } else if (n == 0) {
    limit = 1e30;
  }
  add(builder_.reduce(op, v, axes), limit);
}

void RandomScope::shape_op(Op op) {
  const auto found = pick(nullptr);
  if (!found) return;
  const Value v = *found;
  Builder& b = builder_;
  const Type type = b.type(v);
  const Shape shape = type.shape;
  const int rank = shape.rank();
  const double limit = bound(v);
  Dims axes(shape.begin(), shape.end());
  switch (op) {
    case Op::kReshape: {
      const std::int64_t n = shape.size();
      if (n == 0) return;
      // Peels factors off; what is left is the last axis.
      Dims to;
      std::int64_t left = n;
      while (to.size() < 3 && random_.percent(60)) {
        std::int64_t factor = random_.between(1, 4);
        if (left % factor != 0) factor = 1;
        to.push_back(factor);
        left /= factor;
      }
      if (left > 1 || random_.percent(50)) to.push_back(left);
      add(b.reshape(v, Shape(to)), limit);
      return;
    }
    case Op::kTranspose: {
      Dims perm(static_cast<std::size_t>(rank));
      std::iota(perm.begin(), perm.end(), 0);
      for (std::size_t k = perm.size(); k > 1; --k) {
        std::swap(perm[k - 1],
                  perm[static_cast<std::size_t>(random_.below(static_cast<std::int64_t>(k)))]);
      }
      add(b.transpose(v, perm), limit);
      return;
    }
    case Op::kBroadcast: {
      Dims to, dims;
      std::int64_t size = std::max<std::int64_t>(shape.size(), 1);
      for (int k = 0; k <= rank; ++k) {
        while (to.size() + static_cast<std::size_t>(rank - k) < 4 && random_.percent(35)) {
          const std::int64_t n = random_.between(1, 4);
          if (size * n > kMostElements) break;
          size *= n;
          to.push_back(n);
        }
        if (k == rank) break;
        dims.push_back(static_cast<std::int64_t>(to.size()));
        to.push_back(shape[k]);
      }
      add(b.broadcast(v, Shape(to), dims), limit);
      return;
    }
    case Op::kSlice: {
      Dims start, stop, stride;
      for (std::int64_t n : axes) {
        start.push_back(random_.below(n + 1) / 2);
        stop.push_back(n - random_.below(n - start.back() + 1) / 2);
        if (!settings_.zero_axes && start.back() == stop.back() && n > 0) stop.back() += 1;
        stride.push_back(random_.percent(70) ? 1 : random_.between(1, 3));
      }
      add(b.slice(v, start, stop, stride), limit);
      return;
    }
    case Op::kPad: {
      Dims low, high, interior;
      std::int64_t size = 1;
      for (std::int64_t n : axes) {
        low.push_back(random_.below(3)), high.push_back(random_.below(3));
        interior.push_back(random_.percent(70) ? 0 : random_.between(1, 2));
        size *= low.back() + high.back() + n + std::max<std::int64_t>(n - 1, 0) * interior.back();
      }
      if (size > kMostElements) return;
      const Value value = of_type(type.with_shape({}));
      add(b.pad(v, value, low, high, interior), std::max(limit, bound(value)));
      return;
    }
    case Op::kConcatenate: {
      if (rank == 0) return;
      const int axis = static_cast<int>(random_.below(rank));
      std::vector<Value> parts{v};
      double largest = limit;
      for (std::int64_t k = random_.below(3); k > 0; --k) {
        Dims other = axes;
        if (random_.percent(50)) other[static_cast<std::size_t>(axis)] = random_.between(1, 4);
        parts.push_back(of_type(type.with_shape(Shape(other))));
        largest = std::max(largest, bound(parts.back()));
      }
      add(b.concatenate(parts, axis), largest);
      return;
    }
    case Op::kReverse: {
      Dims flipped;
      for (int k = 0; k < rank; ++k) {
        if (random_.percent(60)) flipped.push_back(k);
      }
      add(b.reverse(v, flipped), limit);
      return;
    }
    default:
      throw InternalError("random_program does not know the op '" + std::string(name_of(op)) + "'");
  }
}

/// Whole numbers to index an axis of this length with; some lie outside and are clamped.
Value RandomScope::index_array(const Shape& shape, std::int64_t length) {
  if (random_.percent(40)) {
    const auto found = pick([&](const Type& t) { return is_integer(t.dtype) && t.shape == shape; });
    if (found) return *found;
  }
  const DType t = draw_dtype([](DType d) { return is_integer(d); });
  if (shape.rank() > 0 && random_.percent(30)) {
    return builder_.iota({t, shape}, random_.below(shape.rank()));
  }
  Tensor index(Type{t, shape});
  for (std::int64_t k = 0; k < index.size(); ++k) {
    const std::int64_t value = random_.between(-2, length + 1);
    index.set_integer(k, is_signed(t) ? value : std::max<std::int64_t>(value, 0));
  }
  return builder_.constant(std::move(index));
}

void RandomScope::index_op(Op op) {
  const bool smooth = settings_.options.differentiable;
  const auto found = pick([&](const Type& t) {
    return t.shape.rank() >= 1 && t.size() > 0 && (op != Op::kScatterAdd || is_number(t.dtype)) &&
           (!smooth || is_float(t.dtype));
  });
  if (!found) return;
  const Value v = *found;
  const Type type = builder_.type(v);
  const std::int64_t indexed = random_.between(1, std::min(type.shape.rank(), 3));
  Shape places;
  if (random_.percent(75)) places = Shape{random_.between(1, 6)};
  if (random_.percent(20)) places = Shape{random_.between(1, 3), random_.between(1, 4)};
  if (random_.percent(5)) places = Shape{random_.between(9, 20)};
  Dims rest(places.begin(), places.end());
  for (int k = static_cast<int>(indexed); k < type.shape.rank(); ++k) rest.push_back(type.shape[k]);
  const Shape picked(rest);
  if (picked.size() > kMostElements) return;
  std::vector<Value> indices;
  for (int k = 0; k < static_cast<int>(indexed); ++k) {
    indices.push_back(index_array(places, type.shape[k]));
  }
  if (op == Op::kGather) {
    add(builder_.gather(v, indices), bound(v));
    return;
  }
  const Value updates = of_type(type.with_shape(picked));
  if (op == Op::kScatterAdd) {
    const double limit = bound(v) + static_cast<double>(places.size()) * bound(updates);
    add(builder_.scatter_add(v, updates, indices), limit);
  } else if (op == Op::kScatterSet) {
    add(builder_.scatter_set(v, updates, indices), std::max(bound(v), bound(updates)));
  } else {
    throw InternalError("random_program does not know the op '" + std::string(name_of(op)) + "'");
  }
}

void RandomScope::dot_general() {
  const bool smooth = settings_.options.differentiable;
  const auto found = pick([&](const Type& t) {
    return is_number(t.dtype) && t.shape.rank() >= 1 && (!smooth || is_float(t.dtype));
  });
  if (!found) return;
  const Value x = *found;
  const Type type = builder_.type(x);
  DotAttr attr;
  Dims axes;  // of y
  std::int64_t result = 1, run = 1;
  for (int k = 0; k < type.shape.rank(); ++k) {
    const std::int64_t n = type.shape[k], use = random_.below(10);
    (use < 6 ? run : result) *= n;
    if (use >= 8) continue;  // free
    (use < 6 ? attr.contract_x : attr.batch_x).push_back(k);
    (use < 6 ? attr.contract_y : attr.batch_y).push_back(static_cast<std::int64_t>(axes.size()));
    axes.push_back(n);
  }
  if (random_.percent(50)) {
    axes.push_back(random_.between(1, 5));
    result *= axes.back();
  }
  if (result > kMostElements) return;
  // The axes of y in another order.
  Dims order(axes.size());
  std::iota(order.begin(), order.end(), 0);
  for (std::size_t k = order.size(); k > 1; --k) {
    std::swap(order[k - 1],
              order[static_cast<std::size_t>(random_.below(static_cast<std::int64_t>(k)))]);
  }
  Dims shuffled(axes.size());
  for (std::size_t k = 0; k < axes.size(); ++k) {
    shuffled[static_cast<std::size_t>(order[k])] = axes[k];
  }
  for (std::int64_t& k : attr.batch_y) k = order[static_cast<std::size_t>(k)];
  for (std::int64_t& k : attr.contract_y) k = order[static_cast<std::size_t>(k)];
  const Value y = of_type(type.with_shape(Shape(shuffled)));
  const double limit = bound(x) * bound(y) * static_cast<double>(run);
  add(builder_.dot_general(x, y, attr), limit);
}

/// Of any kind; a real inverse of either length that fits.
void RandomScope::fft() {
  const auto found = pick([&](const Type& t) {
    if (!is_float(t.dtype) || t.shape.rank() == 0) return false;
    return std::all_of(t.shape.begin(), t.shape.end(), [](std::int64_t n) { return n > 0; });
  });
  if (!found) return;
  const Value v = *found;
  const Type type = builder_.type(v);
  const int rank = type.shape.rank();
  FftAttr attr;
  attr.axes = random_.between(1, std::min(rank, 3));
  attr.kind = static_cast<FftKind>(random_.below(4));
  const std::int64_t last = type.shape[rank - 1];
  if (attr.kind == FftKind::kRealInverse) {
    attr.length = std::max<std::int64_t>(2 * (last - 1) + random_.below(2), 1);
    if (attr.length / 2 + 1 != last) attr.length = 2 * last - 1;
  }
  std::vector<Value> x{v};
  double limit = bound(v);
  if (attr.kind != FftKind::kRealForward) {
    x.push_back(of_type(type));
    limit += bound(x.back());
  }
  if (attr.kind == FftKind::kRealInverse) limit *= 2;
  if (attr.kind == FftKind::kForward || attr.kind == FftKind::kRealForward) {
    for (int k = rank - static_cast<int>(attr.axes); k < rank; ++k) {
      limit *= static_cast<double>(type.shape[k]);
    }
  }
  for (Value y : builder_.fft(attr, x)) add(y, limit);
}

void RandomScope::scan(Op op) {
  const bool smooth = settings_.options.differentiable;
  const auto found = pick([&](const Type& t) {
    return is_number(t.dtype) && t.shape.rank() >= 1 && (!smooth || is_float(t.dtype));
  });
  if (!found) return;
  Builder& b = builder_;
  Value x = *found;
  const Type type = b.type(x);
  const std::int64_t axis = random_.below(type.shape.rank());
  const auto n = static_cast<double>(type.shape[static_cast<int>(axis)]);
  double limit = bound(x);
  if (op == Op::kSort && smooth) {
    // Elements that are equal by construction are told apart: their order has no slope.
    x = b.add(x, b.mul(b.iota(type, axis), b.splat(0.375, type)));
    limit += n;
  }
  if (op == Op::kSort) return add(b.sort(x, axis), limit);
  if (op == Op::kArgsort) return add(b.argsort(x, axis), n);
  add(b.cumulative_sum(x, axis), limit * n);
}

void RandomScope::random_bits() {
  const auto number = [&] {
    return of_type(scalar(random_.percent(50) ? DType::kU64 : DType::kU32));
  };
  const Value seed = number(), member = number(), step = number();
  const Type type{random_.percent(50) ? DType::kU64 : DType::kU32, draw_shape()};
  add(builder_.random_bits(seed, member, step, random_.below(4), type), 2e19);
}

}  // namespace cotangent::ir
