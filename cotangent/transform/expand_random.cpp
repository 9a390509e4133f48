// random_bits -> the rounds of Philox4x32-10 in the program's ops: both halves of products of
// 32-bit integers, exclusive ors and additions. The meaning is in ir/philox.h.
#include "cotangent/ir/philox.h"
#include "cotangent/transform/math_terms.h"
#include "cotangent/transform/passes.h"
#include "cotangent/transform/rebuild.h"

namespace cotangent::transform {

using namespace ir;

namespace {

class Philox {
 public:
  /// One block of bits an element of `shape`.
  Philox(Builder& b, bool wide, Shape shape) : b_(b), wide_(wide), word_{DType::kU32, shape} {}

  Num spread(Value x) { return {&b_, b_.broadcast_to(x, word_.shape)}; }
  Num number(std::int64_t value) { return {&b_, b_.splat(static_cast<double>(value), word_)}; }
  Num low(Value x) { return spread(b_.cast(x, DType::kU32)); }
  Num high(Value x) {
    if (b_.type(x).dtype == DType::kU32) return number(0);
    return low(b_.binary(Op::kShr, x, b_.constant(32, DType::kU64)));
  }

  /// What is the same for all blocks stays a scalar as long as it can: the builder sees to that.
  std::vector<Num> rounds(std::vector<Num> x, std::vector<Num> key) {
    for (int round = 0; round < kPhiloxRounds; ++round) {
      if (round > 0) {
        for (std::size_t k = 0; k < 2; ++k) key[k] = key[k] + double(kPhiloxWeyl[k]);
      }
      const auto [p_high, p_low] = product(kPhiloxMultiplier[0], x[0]);
      const auto [q_high, q_low] = product(kPhiloxMultiplier[1], x[2]);
      x = {q_high ^ x[1] ^ key[0], q_low, p_high ^ x[3] ^ key[1], p_low};
    }
    return x;
  }

 private:
  /// High and low half of m * x.
  std::pair<Num, Num> product(std::uint32_t m, Num x) {
    const Num low_half = x * double(m);
    if (wide_) {
      const Num p = cast(x, DType::kU64) * double(m);
      return {cast(apply(Op::kShr, p, p.with(32)), DType::kU32), low_half};
    }
    // By halves of 16 bits; no sum below passes 32 bits.
    const auto upper = [&](Num y) { return apply(Op::kShr, y, number(16)); };
    const auto lower = [&](Num y) { return y & number(0xffff); };
    const Num x0 = lower(x), x1 = upper(x), m0 = number(m & 0xffff), m1 = number(m >> 16);
    const Num middle = m1 * x0 + upper(m0 * x0);
    const Num carry = upper(m0 * x1 + lower(middle));
    return {m1 * x1 + upper(middle) + carry, low_half};
  }

  Builder& b_;
  bool wide_;
  Type word_;
};

/// words[k] is element k of each block: [blocks, words], flat, without what is left over.
Value interleaved(Builder& b, const std::vector<Num>& words, const Type& type) {
  const Shape blocks = words[0].type().shape;
  if (type.size() == 1) return b.reshape(words[0].v, type.shape);
  const Shape column = blocks.rank() == 0 ? Shape{1, 1} : Shape{blocks[0], 1};
  Values columns;
  for (Num w : words) columns.push_back(b.reshape(w.v, column));
  const Value table = b.concatenate(columns, 1);
  const Value flat = b.reshape(table, Shape{b.type(table).size()});
  return b.reshape(b.slice_rows(flat, 0, type.size()), type.shape);
}

Value philox_bits(Builder& b, std::span<const Value> x, std::int64_t site, const Type& type,
                  bool wide) {
  if (type.size() == 0) return b.zeros(type);
  const bool narrow = type.dtype == DType::kU32;
  const std::int64_t elements = narrow ? 4 : 2;  // of a block
  const std::int64_t blocks = (type.size() + elements - 1) / elements;
  const Shape shape = blocks == 1 ? Shape{} : Shape{blocks};
  Philox philox(b, wide, shape);
  const Num block = blocks == 1 ? philox.number(0) : Num{&b, b.iota({DType::kU32, shape}, 0)};
  const Value seed = x[0], member = x[1], step = x[2];
  const Num fields = philox.number(site) | apply(Op::kShl, philox.high(step), philox.number(16));
  std::vector<Num> words = philox.rounds({block, philox.low(step), philox.low(member), fields},
                                         {philox.low(seed), philox.high(seed)});
  if (!narrow) {
    const auto joined = [](Num low, Num high) {
      const Num up = cast(high, DType::kU64);
      return cast(low, DType::kU64) | apply(Op::kShl, up, up.with(32));
    };
    words = {joined(words[0], words[1]), joined(words[2], words[3])};
  }
  return interleaved(b, words, type);
}

}  // namespace

FunctionPtr expand_random(const Function& f, bool wide_integers) {
  const RewriteRule rule = [&](Builder& b, Value v, std::span<const Value> x) -> Value {
    if (f.op(v) != Op::kRandomBits) return {};
    return philox_bits(b, x, f.attr_as<RandomAttr>(v).site, f.type(v), wide_integers);
  };
  return rewrite(f, rule, [&](const Function& body) { return expand_random(body, wide_integers); });
}

}  // namespace cotangent::transform
