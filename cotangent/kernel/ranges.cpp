#include "cotangent/kernel/ranges.h"

#include <algorithm>
#include <optional>

#include "cotangent/kernel/scalar.h"

namespace cotangent::kernel {
namespace {

using ir::Op;
using Number = std::optional<std::int64_t>;  // none: beyond 64 bits

Number add(std::int64_t x, std::int64_t y) {
  std::int64_t z = 0;
  return __builtin_add_overflow(x, y, &z) ? Number() : z;
}
Number sub(std::int64_t x, std::int64_t y) {
  std::int64_t z = 0;
  return __builtin_sub_overflow(x, y, &z) ? Number() : z;
}
Number mul(std::int64_t x, std::int64_t y) {
  std::int64_t z = 0;
  return __builtin_mul_overflow(x, y, &z) ? Number() : z;
}

/// All values of a type. u64 is left at "says nothing".
Range all_of(DType t) {
  switch (t) {
    case DType::kI32: return {INT32_MIN, INT32_MAX};
    case DType::kU32: return {0, UINT32_MAX};
    default: return {};
  }
}

std::int64_t bits_in(DType t) {
  return static_cast<std::int64_t>(size_of(t)) * 8;
}

class Finder {
 public:
  explicit Finder(const Program& p) : program_(p) {
    result_.of.resize(p.types.size());
    result_.plain.assign(p.types.size(), 0);
    definition_.assign(p.types.size(), nullptr);
    define(p.body);
  }
  Ranges run() {
    block(program_.body);
    return std::move(result_);
  }

 private:
  Range& of(Id id) { return result_.of[id]; }
  DType type(Id id) const { return program_.types[id]; }

  void define(const Block& b) {
    for (const Instr& i : b.instrs) {
      if (i.result != kNoId) definition_[i.result] = &i;
      if (i.body) define(*i.body);
      if (i.other) define(*i.other);
    }
  }

  void block(const Block& b) {
    for (const Instr& i : b.instrs) instr(i);
  }

  void instr(const Instr& i) {
    switch (i.code) {
      case Code::kConst:
        if (is_integer(i.dtype) && (i.dtype != DType::kU64 || i.bits <= INT64_MAX)) {
          of(i.result).lo = of(i.result).hi = i64_of(i.bits, i.dtype);
        }
        break;
      case Code::kOp:
        if (is_integer(i.dtype)) op(i);
        break;
      case Code::kLoad: load(i); break;
      case Code::kStore: break;
      case Code::kFor: {
        const Range lo = of(i.operands[0]), hi = of(i.operands[1]);
        // Inside, lo <= index < hi.
        of(i.index) = {lo.lo, hi.hi == INT64_MIN ? hi.hi : std::max(lo.lo, hi.hi - 1)};
        for (Id x : i.args) of(x) = all_of(type(x));
        for (Id x : i.results) of(x) = all_of(type(x));
        block(*i.body);
        break;
      }
      default:
        for (Id x : i.args) of(x) = all_of(type(x));
        for (Id x : i.results) of(x) = all_of(type(x));
        if (i.code == Code::kWhile) {
          for (std::size_t k = 0; k < i.args.size(); ++k) count(i, k);
        }
        if (i.body) block(*i.body);
        if (i.other) block(*i.other);
        break;
    }
  }

  const Instr* op_of(Id id, Op op) const {
    const Instr* i = definition_[id];
    return i && i->code == Code::kOp && i->op == op ? i : nullptr;
  }
  std::optional<std::int64_t> constant(Id id) const {
    const Instr* i = definition_[id];
    if (!i || i->code != Code::kConst || !is_integer(i->dtype)) return std::nullopt;
    return i64_of(i->bits, i->dtype);
  }
  /// The least L with a term `x < L` in the conjunction p.
  std::optional<std::int64_t> bound(Id p, Id x) const {
    if (const Instr* both = op_of(p, Op::kAnd)) {
      const auto left = bound(both->operands[0], x), right = bound(both->operands[1], x);
      return left && right ? std::min(left, right) : left ? left : right;
    }
    const Instr* less = op_of(p, Op::kLt);
    return less && less->operands[0] == x ? constant(less->operands[1]) : std::nullopt;
  }

  /// Carry k of a while that goes on only while the carry, counting up, is below a limit.
  void count(const Instr& i, std::size_t k) {
    const Id next = i.body->yields[k + 1];
    if (type(next) != DType::kI64 && type(next) != DType::kI32) return;
    const Instr* sum = op_of(next, Op::kAdd);
    if (!sum) return;
    const bool first = sum->operands[0] == i.args[k];
    const auto step = constant(sum->operands[first ? 1 : 0]);
    const auto limit = bound(i.body->yields[0], next);
    const Range start = of(i.operands[k + 1]);
    if (!first && sum->operands[1] != i.args[k]) return;
    if (!step || *step < 0 || !limit || start.hi >= *limit) return;
    const Number most = add(*limit - 1, *step);
    if (!most || *most > all_of(type(next)).hi) return;
    of(i.args[k]) = {start.lo, *limit - 1};
    of(i.results[k]) = {start.lo, *most};
  }

  /// Integers of a constant are known; what a predicate leaves out reads as 0.
  void load(const Instr& i) {
    Range& r = of(i.result);
    r = all_of(i.dtype);
    const Buffer& b = program_.buffers[i.buffer];
    if (!is_integer(i.dtype) || b.kind != BufferKind::kConstant || b.count == 0) return;
    Range data{INT64_MAX, INT64_MIN};
    for (std::int64_t k = 0; k < b.count; ++k) {
      const Bits bits = read_element(b.data.data(), k, b.dtype);
      if (b.dtype == DType::kU64 && bits > INT64_MAX) return;
      const std::int64_t value = i64_of(bits, b.dtype);
      data.lo = std::min(data.lo, value), data.hi = std::max(data.hi, value);
    }
    if (i.operands[1] != kNoId)
      data.lo = std::min<std::int64_t>(data.lo, 0), data.hi = std::max<std::int64_t>(data.hi, 0);
    r = data;
  }

  /// Takes lo..hi if it is in the type's own range, and then the op did not wrap.
  void settle(Id id, Number lo, Number hi) {
    Range& r = of(id);
    const Range all = all_of(type(id));
    r = all;
    if (!lo || !hi || *lo < all.lo || *hi > all.hi) return;
    if (type(id) == DType::kU64 && *lo < 0) return;
    r = {*lo, *hi};
    result_.plain[id] = 1;
  }

  void op(const Instr& i) {
    const Id id = i.result;
    const Range x = of(i.operands[0]);
    const Range y = i.operands.size() > 1 ? of(i.operands[1]) : Range{};
    const bool unknown_u64 = i.dtype == DType::kU64 && (x.lo < 0 || y.lo < 0);
    of(id) = all_of(i.dtype);
    switch (i.op) {
      case Op::kNeg: return settle(id, sub(0, x.hi), sub(0, x.lo));
      case Op::kAbs:
        if (x.lo >= 0) return settle(id, x.lo, x.hi);
        return settle(id, x.hi <= 0 ? sub(0, x.hi) : 0,
                      x.hi <= 0 ? sub(0, x.lo) : larger(sub(0, x.lo), x.hi));
      case Op::kSign: of(id) = {is_signed(i.dtype) ? -1 : 0, 1}; return;
      case Op::kAdd:
        if (!unknown_u64) settle(id, add(x.lo, y.lo), add(x.hi, y.hi));
        return;
      case Op::kSub:
        if (!unknown_u64) settle(id, sub(x.lo, y.hi), sub(x.hi, y.lo));
        return;
      case Op::kMul:
        if (!unknown_u64) product(id, x, y);
        return;
      case Op::kDiv: return quotient(i, x, y);
      case Op::kMod: return remainder(i, x, y);
      case Op::kMin:
        if (!unknown_u64) of(id) = {std::min(x.lo, y.lo), std::min(x.hi, y.hi)};
        return;
      case Op::kMax:
        if (!unknown_u64) of(id) = {std::max(x.lo, y.lo), std::max(x.hi, y.hi)};
        return;
      case Op::kAnd:
        // Neither sign bit: no more than the smaller of the two.
        if (x.lo >= 0 && y.lo >= 0) of(id) = {0, std::min(x.hi, y.hi)};
        return;
      case Op::kShl:
        if (x.lo >= 0 && y.within(0, std::min<std::int64_t>(bits_in(i.dtype) - 1, 62))) {
          settle(id, mul(x.lo, std::int64_t{1} << y.lo), mul(x.hi, std::int64_t{1} << y.hi));
        }
        return;
      case Op::kShr:
        if (!y.within(0, bits_in(i.dtype) - 1)) return;
        if (i.dtype == DType::kU64 && x.lo < 0) {
          result_.plain[id] = 1;
          return;
        }
        settle(id, x.lo >> (x.lo < 0 ? y.lo : y.hi), x.hi >> (x.hi < 0 ? y.hi : y.lo));
        return;
      case Op::kSelect: {
        const Range z = of(i.operands[2]);
        of(id) = {std::min(y.lo, z.lo), std::max(y.hi, z.hi)};
        return;
      }
      case Op::kCast: return cast(i, x);
      default: return;
    }
  }

  static Number larger(Number x, std::int64_t y) { return x ? Number(std::max(*x, y)) : x; }

  void product(Id id, Range x, Range y) {
    const Number corners[] = {mul(x.lo, y.lo), mul(x.lo, y.hi), mul(x.hi, y.lo), mul(x.hi, y.hi)};
    for (const Number& c : corners) {
      if (!c) return;
    }
    const auto [least, most] =
        std::minmax_element(std::begin(corners), std::end(corners),
                            [](const Number& a, const Number& b) { return *a < *b; });
    settle(id, *least, *most);
  }

  void quotient(const Instr& i, Range x, Range y) {
    const Id id = i.result;
    if (i.dtype == DType::kU64) {  // of a range that may say nothing
      result_.plain[id] = y.lo > 0;
      if (x.lo >= 0 && y.lo > 0) of(id) = {x.lo / y.hi, x.hi / y.lo};
      return;
    }
    if (y.lo > 0) {
      const std::int64_t corners[] = {x.lo / y.lo, x.lo / y.hi, x.hi / y.lo, x.hi / y.hi};
      settle(id, *std::min_element(corners, corners + 4), *std::max_element(corners, corners + 4));
    } else if (y.hi < -1) {
      result_.plain[id] = 1;
    }
  }

  void remainder(const Instr& i, Range x, Range y) {
    if (y.lo <= 0) return;
    const bool unsigned_unknown = i.dtype == DType::kU64 && x.lo < 0;
    result_.plain[i.result] = x.lo >= 0 || unsigned_unknown;
    of(i.result) = {0, unsigned_unknown || x.lo < 0 ? y.hi - 1 : std::min(x.hi, y.hi - 1)};
  }

  void cast(const Instr& i, Range x) {
    const DType from = type(i.operands[0]);
    const Range all = all_of(i.dtype);
    if (is_bool(from)) {
      of(i.result) = {0, 1};
    } else if (is_integer(from) && !(from == DType::kU64 && x.lo < 0) && x.lo >= all.lo &&
               x.hi <= all.hi && (i.dtype != DType::kU64 || x.lo >= 0)) {
      of(i.result) = x;
    }
  }

  const Program& program_;
  std::vector<const Instr*> definition_;  ///< of each value that an instruction gives
  Ranges result_;
};

}  // namespace

Ranges find_ranges(const Program& program) {
  return Finder(program).run();
}

}  // namespace cotangent::kernel
