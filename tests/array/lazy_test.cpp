// Lazy evaluation: when and how something is computed never changes what comes out.
#include <thread>

#include "cotangent/array/closure.h"
#include "tests/array/support.h"

namespace cotangent::array {
namespace {

/// Options of the default context for one test.
class WithOptions {
 public:
  explicit WithOptions(Context::Options options) : before_(default_context().options()) {
    default_context().set_options(options);
  }
  ~WithOptions() { default_context().set_options(before_); }

 private:
  Context::Options before_;
};

Context::Options always_compile() {
  Context::Options o;
  o.interpret_below = 0;
  return o;
}

Context::Options never_compile() {
  Context::Options o;
  o.interpret_below = 1e12;
  o.compile_at_use = 1 << 30;
  return o;
}

/// A random program over a growing pool of f64 arrays; `after` is called with every new array.
template <class After>
std::vector<Array> random_program(std::uint64_t seed, After after) {
  std::mt19937_64 random(seed);
  const auto pick = [&](std::size_t n) { return static_cast<std::size_t>(random() % n); };
  const Shape shapes[] = {{3, 4}, {4}, {3, 1}, {}};
  std::vector<Array> pool;
  for (const Shape& s : shapes) {
    std::vector<double> values(static_cast<std::size_t>(s.size()));
    for (double& v : values) v = std::ldexp(static_cast<double>(random() >> 12), -50) - 2;
    pool.push_back(Array::from(values, s));
  }
  for (int step = 0; step < 24; ++step) {
    const Array &x = pool[pick(pool.size())], &y = pool[pick(pool.size())];
    Array made;
    switch (pick(12)) {
      case 0: made = x + y; break;
      case 1: made = x * y; break;
      case 2: made = x - 0.75 * y; break;
      case 3: made = x / (1.5 + y * y); break;
      case 4: made = sin(x); break;
      case 5: made = exp(-x * x); break;
      case 6: made = where(x < y, x, y * 0.5); break;
      case 7: made = sqrt(abs(x)); break;
      case 8: made = x.ndim() ? sum(x, 0, true) : x; break;
      case 9: made = maximum(x, 0.25); break;
      case 10: made = x.ndim() ? flip(x, 0) : x; break;
      default: made = x.ndim() == 2 ? matmul(x, x.T()).operator()(all, slice(1)) : x; break;
    }
    // Everything broadcasts with everything.
    pool.push_back(made);
    after(pool.back());
  }
  return pool;
}

std::vector<std::vector<double>> bits(const std::vector<Array>& arrays) {
  std::vector<std::vector<double>> all;
  for (const Array& x : arrays) all.push_back(reals(x));
  return all;
}

bool same(const std::vector<std::vector<double>>& a, const std::vector<std::vector<double>>& b) {
  for (std::size_t k = 0; k < a.size(); ++k) {
    if (std::memcmp(a[k].data(), b[k].data(), a[k].size() * sizeof(double)) != 0) return false;
  }
  return a.size() == b.size();
}

TEST(Lazy, WhenIsNoMatter) {
  for (std::uint64_t seed = 0; seed < 8; ++seed) {
    const auto at_once = [](const Array& x) { x.eval(); };
    const auto never = [](const Array&) {};
    std::vector<std::vector<double>> compiled, reference;
    {
      const WithOptions options(always_compile());
      auto pool = random_program(seed, never);
      eval(pool);
      compiled = bits(pool);
    }
    const WithOptions options(never_compile());
    reference = bits(random_program(seed, at_once));
    EXPECT_TRUE(same(compiled, reference)) << "compiled together against one by one, seed " << seed;
    EXPECT_TRUE(same(bits(random_program(seed, never)), reference))
        << "from first to last " << seed;
    auto pool = random_program(seed, never);
    for (std::size_t k = pool.size(); k-- > 0;) pool[k].eval();
    EXPECT_TRUE(same(bits(pool), reference)) << "from last to first, seed " << seed;
  }
}

TEST(Lazy, NothingHappensUntilAValueIsWanted) {
  const auto before = default_context().statistics().evaluations;
  const Array x = Array::of({1.0, 2.0});
  const Array y = sum(exp(x) * 3);
  EXPECT_FALSE(y.is_evaluated());
  EXPECT_EQ(default_context().statistics().evaluations, before);
  EXPECT_NEAR(y.item(), 3 * (std::exp(1.0) + std::exp(2.0)), 1e-13);
  EXPECT_TRUE(y.is_evaluated());
  EXPECT_EQ(default_context().statistics().evaluations, before + 1);
  y.item();
  EXPECT_EQ(default_context().statistics().evaluations, before + 1);
}

TEST(Lazy, WhatIsHeldIsKept) {
  const Array x = Array::of({1.0, 2.0});
  const Array held = exp(x);
  const Array y = held + 1, z = held + 2;
  y.eval();
  EXPECT_TRUE(held.is_evaluated());
  EXPECT_FALSE(z.is_evaluated());
}

TEST(Lazy, SeveralTogetherAreOneProgram) {
  const Array x = Array::of({1.0, 2.0});
  const Array y = x + 1, z = x * y;
  const auto before = default_context().statistics().evaluations;
  eval(y, z);
  EXPECT_EQ(default_context().statistics().evaluations, before + 1);
  EXPECT_EQ(reals(z), (std::vector<double>{2, 6}));
}

TEST(Lazy, OtherValuesAreTheSameStructure) {
  const WithOptions options(always_compile());
  double total = 0;
  const auto before = default_context().statistics();
  for (int k = 0; k < 5; ++k) total += sum(Array::of({1.0, 2.0}) * static_cast<double>(k)).item();
  const auto after = default_context().statistics();
  EXPECT_EQ(total, 30);
  EXPECT_EQ(after.compilations, before.compilations + 1);
  EXPECT_EQ(after.cache_hits, before.cache_hits + 4);
}

TEST(Lazy, SmallAndNewIsInterpretedThenCompiled) {
  Context::Options o;
  o.compile_at_use = 3;
  const WithOptions options(o);
  const auto before = default_context().statistics();
  std::vector<double> results;
  for (int k = 0; k < 4; ++k) results.push_back(sum(sin(linspace(0, 1, 33))).item());
  const auto after = default_context().statistics();
  EXPECT_EQ(after.interpreted, before.interpreted + 2);
  EXPECT_EQ(after.compilations, before.compilations + 1);
  EXPECT_EQ(results, std::vector<double>(4, results[0])) << "the same bits";
}

TEST(Lazy, TheCacheIsBounded) {
  Context::Options o = never_compile();
  o.max_programs = 2;
  const WithOptions options(o);
  const auto hits = [] { return default_context().statistics().cache_hits; };
  const auto run = [](std::int64_t n) { sum(ones({n}) + 1).item(); };
  run(1), run(2), run(3);
  const auto before = hits();
  run(3), run(2);
  EXPECT_EQ(hits(), before + 2);
  run(1);
  EXPECT_EQ(hits(), before + 2);
}

TEST(Lazy, LongChains) {
  // Evaluated on the way: a program is never longer than a few hundred operations.
  Array x = zeros({3});
  for (int k = 0; k < 4000; ++k) x = x + 1;
  EXPECT_EQ(reals(x), (std::vector<double>(3, 4000)));
  // Two that feed one another: what is shared is computed once.
  const auto before = default_context().statistics().evaluations;
  Array q = ones({2}), p = zeros({2});
  double c_q = 1, c_p = 0;
  for (int k = 0; k < 1000; ++k) {
    p = p - 0.01 * q;
    q = q + 0.01 * p;
    c_p = c_p - 0.01 * c_q;
    c_q = c_q + 0.01 * c_p;
  }
  EXPECT_EQ(reals(q), (std::vector<double>(2, c_q)));
  EXPECT_LT(default_context().statistics().evaluations - before, 20);
}

TEST(Lazy, ThreadsMayShareArrays) {
  const Array x = linspace(0, 1, 1000);
  const Array shared_part = sin(x) + cos(x);
  const Array left = sum(shared_part * 2), right = sum(shared_part * 3);
  std::vector<double> results(8);
  std::vector<std::thread> threads;
  for (std::size_t k = 0; k < results.size(); ++k) {
    threads.emplace_back([&, k] { results[k] = (k % 2 ? left : right).item(); });
  }
  for (std::thread& t : threads) t.join();
  for (std::size_t k = 2; k < results.size(); ++k) EXPECT_EQ(results[k], results[k % 2]);
}

TEST(Lazy, TheHashIsOfTheStructure) {
  const auto hash = [](const Array& x) {
    const NodePtr node = x.node();
    return structural_hash(*pending_program(std::span(&node, 1)).function);
  };
  const Array x = Array::of({1.0, 2.0}), y = Array::of({5.0, 7.0});
  EXPECT_EQ(hash(sin(x) * 2), hash(sin(y) * 3));
  EXPECT_NE(hash(sin(x) * 2), hash(cos(x) * 2));
  EXPECT_NE(hash(sum(x)), hash(sum(Array::of({1.0, 2.0, 3.0}))));
}

}  // namespace
}  // namespace cotangent::array
