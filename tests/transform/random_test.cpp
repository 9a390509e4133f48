// Random numbers: exact facts about their range and place, and statistics. The seeds are fixed, so
// that a test passes or fails for good; bounds are those that chance passes once in 10^4 or less.
#include "cotangent/transform/random.h"

#include <algorithm>

#include "cotangent/transform/rebuild.h"
#include "tests/transform/support.h"

namespace cotangent::transform {
namespace {

using Draw = std::function<Value(RandomStream&)>;

FunctionPtr program(const std::vector<Draw>& draws) {
  Builder b("draws");
  const Value seed = b.param(scalar(DType::kU64)), member = b.param(scalar(DType::kU64));
  const Value step = b.param(scalar(DType::kU64));
  RandomStream stream(b, seed, member, step);
  Values results;
  for (const Draw& draw : draws) results.push_back(draw(stream));
  return b.finish(results);
}

Tensors drawn(const std::vector<Draw>& draws, std::uint64_t seed = 1, std::uint64_t member = 0,
              std::uint64_t step = 0) {
  Tensors arguments;
  for (std::uint64_t x : {seed, member, step}) {
    arguments.push_back(Tensor::scalar_of<std::uint64_t>(x));
  }
  return evaluate(*program(draws), arguments);
}

std::vector<double> numbers(const Tensor& t) {
  std::vector<double> out;
  for (std::int64_t k = 0; k < t.size(); ++k) out.push_back(static_cast<double>(t.real(k)));
  return out;
}

double mean(const std::vector<double>& x, int power = 1) {
  long double sum = 0;
  for (double v : x) sum += std::pow(v, power);
  return static_cast<double>(sum / static_cast<long double>(x.size()));
}

double correlation(const std::vector<double>& x, const std::vector<double>& y) {
  long double xy = 0, xx = 0, yy = 0;
  const double mx = mean(x), my = mean(y);
  for (std::size_t k = 0; k < x.size(); ++k) {
    xy += (x[k] - mx) * (y[k] - my), xx += (x[k] - mx) * (x[k] - mx);
    yy += (y[k] - my) * (y[k] - my);
  }
  return static_cast<double>(xy / std::sqrt(xx * yy));
}

/// Kolmogorov's sqrt(n) sup |F_n - F|; above 2.23 once in 10^4 (2 exp(-2 D^2)).
double kolmogorov(std::vector<double> x, double (*distribution)(double)) {
  std::sort(x.begin(), x.end());
  const auto n = static_cast<double>(x.size());
  double largest = 0;
  for (std::size_t k = 0; k < x.size(); ++k) {
    const double f = distribution(x[k]);
    const auto i = static_cast<double>(k);
    largest = std::max({largest, f - i / n, (i + 1) / n - f});
  }
  return std::sqrt(n) * largest;
}
constexpr double kKolmogorov = 2.23;

constexpr std::int64_t kMany = 200000;
const double kRoot = std::sqrt(static_cast<double>(kMany));

TEST(Uniform, IsAMultipleOfTheUnitBelowOne) {
  const Tensors x = drawn({[](RandomStream& s) { return s.uniform({DType::kF64, {1000}}); },
                           [](RandomStream& s) { return s.uniform({DType::kF32, {1000}}); }});
  for (std::size_t r = 0; r < 2; ++r) {
    const double unit = r == 0 ? 0x1p53 : 0x1p24;
    for (double u : numbers(x[r])) {
      EXPECT_TRUE(u >= 0 && u < 1);
      EXPECT_EQ(u * unit, std::floor(u * unit));
    }
  }
}

TEST(Uniform, Statistics) {
  for (DType t : {DType::kF64, DType::kF32}) {
    const auto x = numbers(drawn({[=](RandomStream& s) { return s.uniform({t, {kMany}}); }})[0]);
    // Mean 1/2 with deviation sqrt(1/12); second moment 1/3 with sqrt(4/45).
    EXPECT_NEAR(mean(x), 0.5, 4 * std::sqrt(1.0 / 12) / kRoot);
    EXPECT_NEAR(mean(x, 2), 1.0 / 3, 4 * std::sqrt(4.0 / 45) / kRoot);
    EXPECT_LT(kolmogorov(x, [](double u) { return u; }), kKolmogorov);
  }
}

TEST(Normal, Statistics) {
  for (DType t : {DType::kF64, DType::kF32}) {
    const auto x = numbers(drawn({[=](RandomStream& s) { return s.normal({t, {kMany}}); }})[0]);
    // Moments 0, 1, 0, 3; the variances of their means are 1, 2, 15, 96.
    EXPECT_NEAR(mean(x), 0, 4 / kRoot);
    EXPECT_NEAR(mean(x, 2), 1, 4 * std::sqrt(2.0) / kRoot);
    EXPECT_NEAR(mean(x, 3), 0, 4 * std::sqrt(15.0) / kRoot);
    EXPECT_NEAR(mean(x, 4), 3, 4 * std::sqrt(96.0) / kRoot);
    EXPECT_LT(kolmogorov(x, [](double z) { return std::erfc(-z / std::sqrt(2.0)) / 2; }),
              kKolmogorov);
    // Of 200,000, 540 (+- 93) lie beyond 3 standard deviations.
    const auto far = std::count_if(x.begin(), x.end(), [](double z) { return std::fabs(z) > 3; });
    EXPECT_NEAR(static_cast<double>(far), 540, 93);
  }
}

// What differs in one of element, site, member, step or seed has nothing to do with each other.
TEST(Streams, AreUncorrelated) {
  const Draw normal = [](RandomStream& s) { return s.normal({DType::kF64, {kMany}}); };
  const auto x = numbers(drawn({normal})[0]);
  const Tensors sites = drawn({normal, normal});
  EXPECT_EQ(numbers(sites[0]), x);
  const double bound = 4 / kRoot;
  EXPECT_LT(std::fabs(correlation(x, numbers(sites[1]))), bound);
  EXPECT_LT(std::fabs(correlation(x, numbers(drawn({normal}, 2)[0]))), bound);
  EXPECT_LT(std::fabs(correlation(x, numbers(drawn({normal}, 1, 1)[0]))), bound);
  EXPECT_LT(std::fabs(correlation(x, numbers(drawn({normal}, 1, 0, 1)[0]))), bound);
  for (const std::size_t lag : {1, 2, 3, 4}) {
    const std::vector<double> early(x.begin(), x.end() - static_cast<long>(lag));
    EXPECT_LT(std::fabs(correlation(early, {x.begin() + static_cast<long>(lag), x.end()})), bound)
        << lag;
  }
  // The radius and the angle of a pair: squares correlate where the two are not independent.
  std::vector<double> even, odd;
  for (std::size_t k = 0; k + 1 < x.size(); k += 2) {
    even.push_back(x[k] * x[k]), odd.push_back(x[k + 1] * x[k + 1]);
  }
  EXPECT_LT(std::fabs(correlation(even, odd)), bound * std::sqrt(2.0));
}

/// `f` with words of all ones, or all zeros, in place of what random_bits draws.
FunctionPtr with_words(const Function& f, bool ones) {
  const auto rule = [&](Builder& b, Value v, std::span<const Value>) {
    if (f.op(v) != Op::kRandomBits) return Value{};
    const int bits = 8 * static_cast<int>(size_of(f.type(v).dtype));
    return b.constant(filled(f.type(v), ones ? std::ldexp(1.0L, bits) - 1 : 0.0L));
  };
  return rewrite(f, rule, {});
}

TEST(Normal, IsFiniteWhateverTheBits) {
  for (const auto& [real, most] : {std::pair{DType::kF64, 8.65}, {DType::kF32, 6.76}}) {
    const FunctionPtr f = program({[&](RandomStream& s) { return s.normal({real, {2}}); }});
    const Tensors none(3, Tensor::scalar_of<std::uint64_t>(0));
    // All zeros: the least logarithm, at the angle 0.
    const auto far = numbers(evaluate(*with_words(*f, false), none)[0]);
    EXPECT_NEAR(far[0], most, 0.01);
    EXPECT_EQ(far[1], 0);
    // All ones: the logarithm of what is next to 1, or of 1 itself.
    const auto near = numbers(evaluate(*with_words(*f, true), none)[0]);
    for (double z : near) EXPECT_LT(std::fabs(z), 1e-3);
  }
}

TEST(Normal, OfAnyLength) {
  for (std::int64_t n : {0, 1, 2, 3, 5}) {
    const Tensor x = drawn({[=](RandomStream& s) { return s.normal({DType::kF64, {n}}); }})[0];
    EXPECT_EQ(x.size(), n);
    for (double z : numbers(x)) EXPECT_TRUE(std::isfinite(z));
  }
}

// A longer array begins with the shorter one; the shape does not matter.
TEST(Normal, ElementsKeepTheirPlace) {
  const auto draw = [](const Shape& shape) {
    return numbers(drawn({[=](RandomStream& s) { return s.normal({DType::kF32, shape}); }})[0]);
  };
  const auto longer = draw({12});
  EXPECT_EQ(draw({3, 4}), longer);
  const auto shorter = draw({5});
  EXPECT_TRUE(std::equal(shorter.begin(), shorter.end(), longer.begin()));
}

TEST(Bernoulli, HasTheProbability) {
  const auto x = numbers(drawn({[](RandomStream& s) {
    Builder& b = s.builder();
    return s.bernoulli(b.splat(0.3, {DType::kF64, {kMany}}));
  }})[0]);
  EXPECT_NEAR(mean(x), 0.3, 4 * std::sqrt(0.21) / kRoot);
  for (double p : {0.0, 1.0}) {
    const auto all = numbers(drawn({[=](RandomStream& s) {
      return s.bernoulli(s.builder().splat(p, {DType::kF32, {1000}}));
    }})[0]);
    EXPECT_EQ(mean(all), p);
  }
}

TEST(Integers, AreEquallyLikely) {
  for (DType t : {DType::kI32, DType::kI64, DType::kU32, DType::kU64}) {
    const std::int64_t low = is_signed(t) ? -2 : 3;
    const auto x = numbers(
        drawn({[=](RandomStream& s) { return s.integers({t, {kMany}}, low, low + 5); }})[0]);
    double chi_squared = 0;
    for (int k = 0; k < 5; ++k) {
      const auto n = static_cast<double>(std::count(x.begin(), x.end(), low + k));
      chi_squared += (n - kMany / 5.0) * (n - kMany / 5.0) / (kMany / 5.0);
    }
    EXPECT_LT(chi_squared, 23.5);  // 4 degrees of freedom, once in 10^4
    EXPECT_EQ(std::count_if(x.begin(), x.end(), [=](double k) { return k >= low && k < low + 5; }),
              kMany);
  }
  Builder b("f");
  const Value s = b.param(scalar(DType::kU64));
  RandomStream stream(b, s, s, s);
  EXPECT_THROW(stream.integers({DType::kI64, {3}}, 2, 2), UserError);
  EXPECT_THROW(stream.integers({DType::kF64, {3}}, 0, 2), UserError);
  EXPECT_THROW(stream.uniform({DType::kI64, {3}}), UserError);
}

}  // namespace
}  // namespace cotangent::transform
