// Keys: the stream is RandomStream's (tests/transform/random_test.cpp has its statistics); here,
// what depends on what.
#include "cotangent/array/random.h"

#include <map>
#include <set>

#include "cotangent/array/jit.h"
#include "cotangent/array/loops.h"
#include "cotangent/array/sorting.h"
#include "cotangent/array/transforms.h"
#include "cotangent/ir/philox.h"
#include "tests/array/support.h"

namespace cotangent::array {
namespace {

TEST(Key, BitsAreThoseOfTheCounter) {
  const Key key = Key(0x123456789abcdef0).with_member(7).with_step(0x1'0000'0005);
  const auto bits = random_bits(key, {6}, DType::kU32).values<std::uint32_t>();
  for (std::uint32_t k = 0; k < 6; ++k) {
    // Site 0 and the step's higher bits share the last word.
    const auto words = ir::philox4x32({k / 4, 5, 7, 1u << 16}, {0x9abcdef0, 0x12345678});
    EXPECT_EQ(bits[k], words[k % 4]) << k;
  }
}

TEST(Key, TheSameKeyGivesTheSameNumbers) {
  const Key key(42);
  EXPECT_EQ(reals(normal(key, {5})), reals(normal(Key(42), {5})));
  EXPECT_NE(reals(normal(key, {5})), reals(normal(Key(43), {5})));
  EXPECT_NE(reals(normal(key, {5})), reals(normal(key.with_step(1), {5})));
  EXPECT_NE(reals(normal(key, {5})), reals(normal(key.with_member(1), {5})));
  // A longer array begins with the shorter one.
  EXPECT_EQ(reals(uniform(key, {3, 4})(0)), reals(uniform(key, {4})));
}

TEST(Key, SplitKeysDrawTheirOwn) {
  const Key keys = split(Key(1), 100);
  EXPECT_EQ(keys.shape(), Shape{100});
  std::set<std::uint64_t> seen;
  for (int k = 0; k < 100; ++k) seen.insert(random_bits(keys(k)).item<std::uint64_t>());
  seen.insert(random_bits(Key(1)).item<std::uint64_t>());
  EXPECT_EQ(seen.size(), 101u);
  EXPECT_THAT(error_of([&] { normal(keys, {3}); }),
              testing::HasSubstr("[normal] the key is an array of keys"));
  EXPECT_THAT(error_of([&] { Key(1.5); }), testing::HasSubstr("takes integers"));
}

TEST(Key, LanesAndLoopsDrawWhatOneAloneDraws) {
  const Key keys = split(Key(3), 4);
  const Array together = vmap([](Key k) { return normal(k, {3}); })(keys);
  for (int k = 0; k < 4; ++k) {
    EXPECT_EQ(reals(together[k]), reals(normal(keys(k), {3}))) << k;
  }
  const Array members =
      vmap([](Array m) { return uniform(Key(9).with_member(m)); })(whole_range(0, 5));
  EXPECT_EQ(members(3).item(), uniform(Key(9).with_member(3)).item());
  const Array walk = fori_loop(
      0, 10, [](Array i, Array x) { return x + normal(Key(5).with_step(i)); }, Array(0.0));
  double sum = 0;
  for (int k = 0; k < 10; ++k) sum += normal(Key(5).with_step(k)).item();
  EXPECT_EQ(walk.item(), sum);
  const auto draw = jit([](Key k) { return uniform(k, {7}, DType::kF32); });
  EXPECT_EQ(reals(draw(Key(8))), reals(uniform(Key(8), {7}, DType::kF32)));
}

TEST(Key, WhileDrawsOncePerStepWhateverOtherLanesDo) {
  struct Walk {
    Array step, x;
  };
  // From 0 until it leaves (-2, 2).
  const auto leave = [](Key key) {
    return while_loop([](Walk w) { return abs(w.x) < 2.0; },
                      [&](Walk w) { return Walk{w.step + 1, w.x + normal(key.with_step(w.step))}; },
                      Walk{0, 0.0});
  };
  const Key keys = split(Key(12), 8);
  const Walk lanes = vmap(leave)(keys);
  std::set<int> lengths;
  for (int k = 0; k < 8; ++k) {
    double x = 0;
    int n = 0;
    while (std::fabs(x) < 2) x += normal(keys(k).with_step(n++)).item();
    EXPECT_EQ(lanes.step(k).item<int>(), n) << k;
    EXPECT_EQ(lanes.x(k).item(), x) << k;
    lengths.insert(n);
  }
  EXPECT_GT(lengths.size(), 1u);
}

TEST(Key, SeedsAndCountersAreData) {
  const auto draw = [](const Key& key) { return uniform(key, {3000, 7}).eval(); };
  draw(Key(1).with_step(0));
  const auto before = default_context().statistics();
  for (int k = 1; k < 6; ++k) draw(Key(k).with_step(10 * k));
  const auto after = default_context().statistics();
  EXPECT_EQ(after.cache_hits - before.cache_hits, 5);
  EXPECT_LE(after.compilations - before.compilations, 1);  // the second use may compile
}

TEST(Uniform, LiesBetweenItsBounds) {
  const Array x = uniform(Key(4), {20000}, DType::kF64, -2.0, Array(3.0));
  EXPECT_GE(min(x).item(), -2);
  EXPECT_LE(max(x).item(), 3);
  EXPECT_NEAR(mean(x).item(), 0.5, 4 * 5 / std::sqrt(12.0 * 20000));
  EXPECT_EQ(show(uniform(Key(4), {0}, DType::kF32)), "f32[0]");
  const Array rows = uniform(Key(4), {2, 1000}, DType::kF64, 0.0, Array::of({{1.0}, {100.0}}));
  EXPECT_LE(max(rows[0]).item(), 1);
  EXPECT_NEAR(max(rows[1]).item(), 100, 1);
  EXPECT_THAT(error_of([] { uniform(Key(0), {3}, DType::kI64); }),
              testing::HasSubstr("[uniform] gives no i64"));
}

TEST(Draws, HaveTheirMeans) {
  const double root = std::sqrt(20000.0);
  const Array z = normal(Key(6), {20000}, DType::kF32);
  EXPECT_EQ(z.dtype(), DType::kF32);
  EXPECT_NEAR(mean(z).item(), 0, 4 / root);
  EXPECT_NEAR(var(z).item(), 1, 4 * std::sqrt(2.0) / root);
  EXPECT_NEAR(mean(bernoulli(Key(6), 0.25, {20000})).item(), 0.25, 4 * std::sqrt(3.0 / 16) / root);
  EXPECT_EQ(show(bernoulli(Key(6), Array::of({0.0, 1.0}))), "bool[2] 0 1");
  const Array k = randint(Key(6), {20000}, -3, 4, DType::kI32);
  EXPECT_EQ(k.dtype(), DType::kI32);
  EXPECT_EQ(min(k).item(), -3);
  EXPECT_EQ(max(k).item(), 3);
  EXPECT_NEAR(mean(k).item(), 0, 4 * 2 / root);  // variance (49 - 1) / 12
}

TEST(Permutation, HasEveryElementOnce) {
  const Array order = permutation(Key(2), 50);
  EXPECT_EQ(reals(sort(order)), reals(whole_range(0, 50)));
  EXPECT_NE(reals(order), reals(whole_range(0, 50)));
  const Array x = Array::of({{1, 2, 3}, {4, 5, 6}});
  const Array columns = permutation(Key(2), x, 1);
  EXPECT_EQ(reals(columns), reals(take(x, permutation(Key(2), 3), 1)));
  // All six orders of three, equally often: chi squared of 5 degrees of freedom, once in 10^4.
  std::map<std::vector<double>, int> count;
  const auto orders = vmap([](Key k) { return permutation(k, 3); })(split(Key(11), 6000));
  const auto all_orders = reals(orders);
  for (std::size_t k = 0; k < 6000; ++k) ++count[{&all_orders[3 * k], &all_orders[3 * k] + 3}];
  double chi_squared = 0;
  for (const auto& [o, n] : count) chi_squared += (n - 1000.0) * (n - 1000.0) / 1000.0;
  EXPECT_EQ(count.size(), 6u);
  EXPECT_LT(chi_squared, 25.7);
}

TEST(Random, RangesAndCountersThatDoNotFit) {
  const Key key(1);
  expect_refused([&] { randint(key, {4}, INT64_MIN, INT64_MAX); }, "randint", "1 to 2^32 numbers");
  expect_refused([&] { randint(key, {4}, 5, 5); }, "randint", "from 5 below 5");
  expect_refused([&] { randint(key, {4}, -5, 5, DType::kU32); }, "randint", "u32");
  expect_refused([&] { randint(key, {4}, -1, 5, DType::kU64); }, "randint", "u64");
  expect_refused([&] { randint(key, {4}, 1LL << 33, (1LL << 33) + 5, DType::kI32); }, "randint",
                 "i32");
  EXPECT_GE(min(randint(key, {64}, 0, 1LL << 32, DType::kU32)).item<std::int64_t>(), 0);
  EXPECT_GE(min(randint(key, {64}, INT64_MAX - 3, INT64_MAX)).item<std::int64_t>(), INT64_MAX - 3);
  expect_refused([&] { key.with_member(1LL << 32); }, "with_member", "4294967296");
  expect_refused([&] { key.with_member(-1); }, "with_member", "-1");
  expect_refused([&] { key.with_member(Array::of({0LL, 1LL << 32})); }, "with_member", "2^32");
  expect_refused([&] { key.with_step(1LL << 48); }, "with_step", "2^48");
  EXPECT_EQ(key.with_step((1LL << 48) - 1).step.item<std::int64_t>(), (1LL << 48) - 1);
  EXPECT_EQ(key.with_member((1LL << 32) - 1).member.item<std::int64_t>(), (1LL << 32) - 1);
}

}  // namespace
}  // namespace cotangent::array
