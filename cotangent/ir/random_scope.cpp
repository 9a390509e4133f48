#include "cotangent/ir/random_scope.h"

#include <algorithm>
#include <cmath>

namespace cotangent::ir {
namespace {

constexpr std::int64_t kMaxLiteral = 48;

/// Ops that jump, or that only integers and bits have; none of them in a differentiable program.
bool jumps(Op op) {
  switch (op) {
    case Op::kSign:
    case Op::kFloor:
    case Op::kCeil:
    case Op::kRound:
    case Op::kMod:
    case Op::kEq:
    case Op::kNe:
    case Op::kShl:
    case Op::kShr:
    case Op::kArgsort:
    case Op::kRandomBits:
    case Op::kBitcast: return true;
    default: return false;
  }
}

int weight(DType t) {
  switch (t) {
    case DType::kF64: return 20;
    case DType::kF32: return 6;
    case DType::kI64: return 4;
    case DType::kBool: return 3;
    default: return is_storage(t) ? 1 : 2;
  }
}

}  // namespace

RandomScope::RandomScope(SplitMix& random, const RandomSettings& settings, int depth,
                         bool outermost, std::string name)
    : random_(random),
      settings_(settings),
      depth_(depth),
      outermost_(outermost),
      builder_(std::move(name)) {}

Value RandomScope::note(Value v, double bound) {
  if (bounds_.size() <= v.id) bounds_.resize(v.id + std::size_t{1}, kUnknownBound);
  bounds_[v.id] = std::min(bounds_[v.id], bound);
  return v;
}

double RandomScope::bound(Value v) const {
  return v.id < bounds_.size() ? bounds_[v.id] : kUnknownBound;
}

void RandomScope::add(Value v, double bound) {
  if (builder_.type(v).size() > kMostElements) return;
  note(v, bound);
  if (is_float(builder_.type(v).dtype)) v = moderate(v, 8);
  if (std::find(pool_.begin(), pool_.end(), v) == pool_.end()) pool_.push_back(v);
}

Value RandomScope::param(Type type, std::string name, double bound) {
  const Value v = builder_.param(type, std::move(name));
  note(v, bound);
  pool_.push_back(v);
  return v;
}

Type RandomScope::param_type() {
  const DType t = settings_.options.differentiable ? DType::kF64 : draw_dtype(nullptr);
  return {t, draw_shape()};
}

DType RandomScope::draw_dtype(const std::function<bool(DType)>& fits) {
  int total = 0;
  const auto allowed = [&](DType t) {
    if (t == DType::kF32 && (!settings_.options.f32 || settings_.options.differentiable)) {
      return false;
    }
    return !fits || fits(t);
  };
  for (int k = 0; k < kDTypeCount; ++k) {
    if (allowed(static_cast<DType>(k))) total += weight(static_cast<DType>(k));
  }
  std::int64_t left = random_.below(std::max(total, 1));
  for (int k = 0; k < kDTypeCount; ++k) {
    const auto t = static_cast<DType>(k);
    if (!allowed(t)) continue;
    left -= weight(t);
    if (left < 0) return t;
  }
  return DType::kF64;
}

Shape RandomScope::draw_shape() {
  static constexpr int kRanks[] = {0, 0, 0, 1, 1, 1, 1, 2, 2, 3};
  Dims axes;
  const int rank = kRanks[random_.below(10)];
  std::int64_t size = 1;
  for (int k = 0; k < rank; ++k) {
    std::int64_t n = random_.between(1, 6);
    if (random_.percent(12)) n = random_.between(9, 20);
    if (settings_.zero_axes && random_.percent(15)) n = 0;
    if (size * n > kMostElements / 2) n = 1;
    size *= n;
    axes.push_back(n);
  }
  return Shape(axes);
}

std::optional<Value> RandomScope::pick(const std::function<bool(const Type&)>& fits) {
  std::vector<Value> found;
  for (Value v : pool_) {
    if (!fits || fits(builder_.type(v))) found.push_back(v);
  }
  if (found.empty()) return std::nullopt;
  // Half of the time the later of two, so that programs grow deep.
  const auto n = static_cast<std::int64_t>(found.size());
  std::int64_t at = random_.below(n);
  if (random_.percent(50)) at = std::max(at, random_.below(n));
  return found[static_cast<std::size_t>(at)];
}

std::optional<Value> RandomScope::pick_type(const Type& type) {
  return pick([&](const Type& t) { return t == type; });
}

Value RandomScope::constant(const Type& type) {
  const auto element = [&](Tensor& t, std::int64_t k) {
    if (is_bool(type.dtype)) {
      t.set_integer(k, random_.below(2));
    } else if (is_integer(type.dtype) || is_storage_integer(type.dtype)) {
      std::int64_t value = is_signed(type.dtype) ? random_.between(-3, 6) : random_.below(8);
      if (random_.percent(6)) value = static_cast<std::int64_t>(random_.next());
      t.set_integer(k, value);
    } else {
      double value = static_cast<double>(random_.between(-128, 128)) / 64;
      if (!settings_.tame && random_.percent(10)) {
        static constexpr double kSpecial[] = {0.0,       -0.0,   1.0,   -1.0, INFINITY,
                                              -INFINITY, 1e-310, 1e300, NAN,  0.1};
        value = kSpecial[random_.below(10)];
      }
      t.set_real(k, static_cast<long double>(value));
    }
  };
  const bool repeat = type.size() > kMaxLiteral || random_.percent(30);
  Tensor t(repeat ? type.with_shape({}) : type);
  for (std::int64_t k = 0; k < t.size(); ++k) element(t, k);
  Value v = builder_.constant(std::move(t));
  const double limit = settings_.tame && is_float(type.dtype) ? 2 : kUnknownBound;
  note(v, limit);
  if (repeat) v = note(builder_.broadcast_to(v, type.shape), limit);
  return v;
}

Value RandomScope::adapt(Value v, const Type& type) {
  Builder& b = builder_;
  double limit = bound(v);
  if (b.type(v).dtype != type.dtype) {
    if (!is_float(b.type(v).dtype) && limit > 1e3) limit = 2e19;
    if (is_bool(b.type(v).dtype)) limit = 1;
    v = note(b.cast(v, type.dtype), limit);
    if (is_float(type.dtype)) v = moderate(v, 8);
    limit = bound(v);
  }
  const Shape from = b.type(v).shape;
  const Shape& to = type.shape;
  if (from == to) return v;
  if (from.size() == to.size()) return note(b.reshape(v, to), limit);
  if (from.size() == 0) return constant(type);
  if (from.rank() <= to.rank() &&
      std::equal(from.begin(), from.end(), to.begin() + (to.rank() - from.rank()))) {
    return note(b.broadcast_to(v, to), limit);
  }
  if (to.rank() == 0 && is_number(type.dtype) && random_.percent(50)) {
    v = note(b.reduce_sum(v), limit * static_cast<double>(from.size()));
    return is_float(type.dtype) ? moderate(v, 8) : v;
  }
  // Elements 0, 1, 2, ... along one axis; indices past the end are clamped.
  const Value flat = b.reshape(v, Shape{from.size()});
  Value index = b.constant_i64(random_.below(from.size()));
  if (to.rank() > 0) index = b.iota({DType::kI64, to}, random_.below(to.rank()));
  return note(b.gather(flat, index), limit);
}

Value RandomScope::of_type(const Type& type) {
  if (random_.percent(75)) {
    if (const auto found = pick_type(type)) return *found;
  }
  // Integers are constants in differentiable programs; floats come from floats there.
  const bool differentiable = settings_.options.differentiable;
  if (random_.percent(75) && !(differentiable && is_integer(type.dtype))) {
    const auto similar = [&](const Type& t) {
      const bool widens = is_float(type.dtype) && is_integer(t.dtype);
      if (differentiable) return t.dtype == type.dtype || widens;
      if (settings_.tame && is_float(type.dtype) && !is_float(t.dtype)) return random_.percent(20);
      return t.dtype == type.dtype || random_.percent(40);
    };
    if (const auto found = pick(similar)) return adapt(*found, type);
  }
  return constant(type);
}

Value RandomScope::compress(Value v, double limit) {
  const double from = bound(v);
  if (from <= limit) return v;
  Builder& b = builder_;
  const Type t = b.type(v);
  if (from < 1e4 && random_.percent(40)) {
    // The factor is a power of two, so the program text stays short.
    int exponent = 0;
    std::frexp(limit / from, &exponent);
    const double factor = std::ldexp(0.5, exponent);
    return note(b.mul(v, b.splat(factor, t)), from * factor);
  }
  if (settings_.options.transcendental && from < 50 && limit >= 1) {
    return note(b.unary(random_.percent(50) ? Op::kSin : Op::kTanh, v), 1);
  }
  const Value one = b.splat(1, t);
  const Value squared = b.mul(v, v);
  Value out = note(b.mul(v, b.unary(Op::kRsqrt, b.add(one, squared))), 1);
  if (limit < 1) out = note(b.mul(out, b.splat(limit, t)), limit);
  return out;
}

Value RandomScope::moderate(Value v, double limit) {
  if (!settings_.tame || bound(v) <= limit) return v;
  return compress(v, limit);
}

bool RandomScope::usable(Op op) const {
  if (op == Op::kParameter || op == Op::kProject) return false;
  if (is_far_angle(op)) return false;  // comes with sin, cos and tan
  if (!settings_.options.transcendental && is_transcendental(op)) return false;
  if (!settings_.options.differentiable) return true;
  return !jumps(op) && info(op).domain != OpDomain::kInt && info(op).domain != OpDomain::kTest;
}

Op RandomScope::draw_op(OpKind kind) {
  std::vector<Op> choices;
  for (const OpInfo& entry : all_ops()) {
    if (entry.kind == kind && usable(entry.op)) choices.push_back(entry.op);
  }
  return choices[static_cast<std::size_t>(
      random_.below(static_cast<std::int64_t>(choices.size())))];
}

void RandomScope::one_node() {
  struct Share {
    OpKind kind;
    int percent;
  };
  // What is left over, and second order at depth 0, goes to elementwise.
  static constexpr Share kShares[] = {
      {OpKind::kLeaf, 5},         {OpKind::kReduce, 9},   {OpKind::kShape, 15},
      {OpKind::kIndex, 9},        {OpKind::kContract, 6}, {OpKind::kLinearAlgebra, 3},
      {OpKind::kFourier, 4},      {OpKind::kScan, 4},     {OpKind::kRandom, 1},
      {OpKind::kSecondOrder, 17}, {OpKind::kCheck, 2}};
  std::int64_t left = random_.below(100);
  OpKind kind = OpKind::kElementwise;
  for (const Share& share : kShares) {
    left -= share.percent;
    if (left < 0) {
      kind = share.kind;
      break;
    }
  }
  if (kind == OpKind::kSecondOrder && depth_ == 0) kind = OpKind::kElementwise;
  if (kind == OpKind::kFourier && !settings_.options.fourier) kind = OpKind::kElementwise;
  if (kind == OpKind::kCheck && !checks_) kind = OpKind::kElementwise;
  if (kind == OpKind::kRandom && settings_.options.differentiable) kind = OpKind::kElementwise;
  const Op op = draw_op(kind);
  switch (kind) {
    case OpKind::kLeaf: return leaf(op);
    case OpKind::kElementwise:
      if (op == Op::kCast) return cast();
      if (op == Op::kBitcast) return bitcast();
      return elementwise(op);
    case OpKind::kReduce: return reduce(op);
    case OpKind::kShape: return shape_op(op);
    case OpKind::kIndex: return index_op(op);
    case OpKind::kContract: return dot_general();
    case OpKind::kFourier: return fft();
    case OpKind::kLinearAlgebra: return linear_algebra(op);
    case OpKind::kScan: return scan(op);
    case OpKind::kRandom: return random_bits();
    case OpKind::kSecondOrder:
      if (op == Op::kMap) return map();
      if (op == Op::kLoop) return loop();
      if (op == Op::kPairSum) return pair_sum();
      if (op == Op::kWhile) return while_loop();
      if (op == Op::kCond) return cond();
      if (op == Op::kCall) return call();
      break;
    case OpKind::kCheck: return check();
    default: break;
  }
  throw InternalError("random_program does not know the op '" + std::string(name_of(op)) + "'");
}

void RandomScope::draw(int nodes) {
  for (int k = 0; k < nodes; ++k) one_node();
}

std::vector<Value> RandomScope::choose_results(std::size_t count,
                                               const std::function<bool(const Type&)>& fits) {
  const Function& f = builder_.so_far();
  std::vector<bool> used(f.size(), false);
  for (std::uint32_t id = 0; id < f.size(); ++id) {
    for (Value u : f.operands(Value{id})) used[u.id] = true;
  }
  std::vector<Value> first, second;
  for (std::size_t k = pool_.size(); k-- > 0;) {
    const Value v = pool_[k];
    if (fits && !fits(f.type(v))) continue;
    (used[v.id] || f.op(v) == Op::kParameter ? second : first).push_back(v);
  }
  first.insert(first.end(), second.begin(), second.end());
  if (first.size() > count) first.resize(count);
  return first;
}

Value RandomScope::total() {
  const auto is_f64 = [](const Type& t) { return t.dtype == DType::kF64 && t.size() > 0; };
  const Function& f = builder_.so_far();
  std::vector<bool> used(f.size(), false);
  for (std::uint32_t id = 0; id < f.size(); ++id) {
    for (Value u : f.operands(Value{id})) used[u.id] = true;
  }
  std::vector<Value> parts;
  for (Value v : pool_) {
    if (!used[v.id] && is_f64(f.type(v))) parts.push_back(v);
  }
  if (parts.empty()) {
    if (const auto found = pick(is_f64)) parts.push_back(*found);
  }
  Builder& b = builder_;
  Value sum = b.constant(0.0);
  for (std::size_t k = 0; k < parts.size(); ++k) {
    const double share = 1.0 / static_cast<double>(b.type(parts[k]).size());
    const double factor = share * (1.0 + 0.25 * static_cast<double>(k % 5));
    const Value part = b.mul(b.reduce_sum(parts[k]), b.constant(factor));
    sum = k == 0 ? part : b.add(sum, part);
  }
  return sum;
}

}  // namespace cotangent::ir
