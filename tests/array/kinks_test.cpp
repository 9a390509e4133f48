// Conventions at kinks: docs/derivatives.md has the table, and every row of it has a test here,
// forward and in reverse.
#include <cstdlib>
#include <fstream>
#include <functional>
#include <map>

#include "cotangent/array/arrays.h"
#include "cotangent/ir/builder.h"
#include "cotangent/transform/derivatives.h"
#include "tests/array/support.h"

namespace cotangent::array {
namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();
const double kNan = std::nan("");
using Scalar = std::function<Array(Array)>;

/// The gradient of f at x, both ways.
void expect_slopes(const Scalar& f, const std::vector<double>& at,
                   const std::vector<double>& expected) {
  const Array x = Array::from(at, Shape{static_cast<std::int64_t>(at.size())});
  const auto reverse = reals(grad(f)(x));
  std::vector<double> forward;
  for (std::int64_t k = 0; k < x.size(); ++k) {
    forward.push_back(jvp(f, x, (arange(x.size()) == k).astype(DType::kF64)).second.item());
  }
  for (std::size_t k = 0; k < expected.size(); ++k) {
    SCOPED_TRACE(k);
    if (std::isnan(expected[k])) {
      EXPECT_TRUE(std::isnan(reverse[k])) << reverse[k];
      EXPECT_TRUE(std::isnan(forward[k])) << forward[k];
    } else {
      EXPECT_EQ(reverse[k], expected[k]);
      EXPECT_EQ(forward[k], expected[k]);
    }
  }
}

/// Neither way gives finite numbers only.
void expect_not_finite(const Scalar& f, const Array& x, const Array& d) {
  const Array reverse = grad(f)(x), forward = jvp(f, x, d).second;
  EXPECT_FALSE(all(isfinite(reverse)).item<bool>()) << reverse;
  EXPECT_FALSE(all(isfinite(forward)).item<bool>()) << forward;
}

Array real(const Array& x) {
  return x.astype(DType::kF64);
}

const std::map<std::string, std::function<void()>> kRows = {
    {"`abs` at 0", [] { expect_slopes([](Array x) { return abs(x(0)); }, {0}, {0}); }},
    {"`sign`, `floor`, `ceil`, `round`, `trunc`, casts to integers, comparisons",
     [] {
       for (double at : {0.0, 1.0, 0.5}) {
         expect_slopes(
             [](Array x) {
               const Array y = x(0);
               return sign(y) + floor(y) + ceil(y) + round(y) + trunc(y) +
                      real(y.astype(DType::kI64)) + real(y > 0.0) + real(y == 0.0);
             },
             {at}, {0});
       }
     }},
    {"`min`, `max` (`minimum`, `maximum`) on a tie",
     [] {
       expect_slopes([](Array x) { return minimum(3 * x(0), 5 * x(1)); }, {0, 0}, {0, 5});
       expect_slopes([](Array x) { return maximum(3 * x(0), 5 * x(1)); }, {0, 0}, {0, 5});
     }},
    {"`clip` at a bound",
     [] {
       const auto f = [](Array x) { return clip(x(0), x(1), x(2)); };
       expect_slopes(f, {1, 1, 2}, {0, 1, 0});
       expect_slopes(f, {2, 1, 2}, {0, 0, 1});
       expect_slopes(f, {1.5, 1, 2}, {1, 0, 0});
     }},
    {"`reduce_min`, `reduce_max` (`min`, `max` over axes) on a tie",
     [] {
       expect_slopes([](Array x) { return max(x); }, {2, 1, 2}, {0.5, 0, 0.5});
       expect_slopes([](Array x) { return min(x); }, {1, 1, 1, 1, 3}, {0.25, 0.25, 0.25, 0.25, 0});
     }},
    {"`select`, `where` at the boundary",
     [] {
       expect_slopes([](Array x) { return where(x(0) > 0.0, 3 * x(0), 5 * x(0)); }, {0}, {5});
       expect_slopes([](Array x) { return where(x(0) >= 0.0, 3 * x(0), 5 * x(0)); }, {0}, {3});
     }},
    {"`mod` where x/y is whole",
     [] { expect_slopes([](Array x) { return mod(x(0), x(1)); }, {6, 2}, {1, -3}); }},
    {"`sqrt(u)`, `u^a` with 0 < a < 1, where u is visibly a sum of squares, at u = 0",
     [] {
       expect_slopes([](Array x) { return sqrt(sum(x * x)); }, {0, 0}, {0, 0});
       expect_slopes([](Array x) { return sqrt(2 * square(x(0)) + dot(x, x)); }, {0, 0}, {0, 0});
       expect_slopes([](Array x) { return power(sum(square(x)), 0.75); }, {0, 0}, {0, 0});
     }},
    {"`norm`, `hypot`, `abs` of a complex number, at 0",
     [] {
       expect_slopes([](Array x) { return norm(x); }, {0, 0, 0}, {0, 0, 0});
       expect_slopes([](Array x) { return hypot(x(0), x(1)); }, {0, 0}, {0, 0});
       expect_slopes([](Array x) { return abs(Complex(x(0), x(1))); }, {0, 0}, {0, 0});
     }},
    {"`sqrt(u)` and `u^a` otherwise, `cbrt`, at 0",
     [] {
       expect_slopes([](Array x) { return sqrt(x(0)); }, {0}, {kInf});
       expect_slopes([](Array x) { return power(x(0), 0.5); }, {0}, {kInf});
       expect_slopes([](Array x) { return cbrt(x(0)); }, {0}, {kInf});
     }},
    {"`log` at 0, `asin` and `acos` at 1 and -1, `acosh` at 1",
     [] {
       expect_slopes([](Array x) { return log(x(0)); }, {0}, {kInf});
       for (double at : {1.0, -1.0}) {
         expect_slopes([](Array x) { return asin(x(0)); }, {at}, {kInf});
         expect_slopes([](Array x) { return acos(x(0)); }, {at}, {-kInf});
       }
       expect_slopes([](Array x) { return acosh(x(0)); }, {1}, {kInf});
     }},
    {"`atan2` at (0, 0)",
     [] {
       expect_slopes([](Array x) { return atan2(x(0), x(1)); }, {0, 0}, {kNan, kNan});
       expect_slopes([](Array x) { return atan2(x(0), x(1)); }, {0, -2}, {-0.5, 0});
     }},
    {"`x^y` at x = 0, with respect to y",
     [] { expect_slopes([](Array x) { return power(x(0), x(1)); }, {0, 2}, {0, 0}); }},
    {"`x^y` at y = 0, with respect to x",
     [] {
       expect_slopes([](Array x) { return power(x(0), x(1)); }, {0, 0}, {0, 0});
       expect_slopes([](Array x) { return power(x(0), 0.0); }, {0}, {0});
       expect_slopes([](Array x) { return power(x(0), x(1)); }, {1, 0}, {0, 0});
     }},
    {"`reduce_prod` with factors of 0",
     [] {
       expect_slopes([](Array x) { return prod(x); }, {0, 3, 5}, {15, 0, 0});
       expect_slopes([](Array x) { return prod(x); }, {0, 0, 5}, {0, 0, 0});
     }},
    {"gather, scatter",
     [] {
       // An index array beyond the end.
       const Array i = Array::of({1, 9});
       expect_slopes([=](Array x) { return sum(x(i) * Array::of({1.0, 10.0})); }, {1, 2, 3},
                     {0, 1, 10});
       expect_slopes(
           [=](Array x) { return sum(zeros({3}).at(i).add(x) * Array::of({1.0, 2.0, 3.0})); },
           {1, 2}, {2, 3});
     }},
    {"`scatter_set` where places repeat",
     [] {
       const Array i = Array::of({1, 1});
       expect_slopes([=](Array x) { return sum(zeros({3}).at(i).set(x)); }, {7, 8}, {0, 1});
     }},
    {"`sort` of equal elements",
     [] {
       expect_slopes([](Array x) { return sum(sort(x) * Array::of({1.0, 10.0, 100.0})); },
                     {2, 1, 2}, {10, 1, 100});
     }},
    {"`argsort`, `argmin`, `argmax`, `random_bits`",
     [] {
       expect_slopes(
           [](Array x) { return sum(real(argsort(x))) + real(argmin(x)) + real(argmax(x)); },
           {2, 1, 2}, {0, 0, 0});
       expect_slopes([](Array x) { return real(random_bits(Key(1), {1}))(0) * 0x1p-64 + x(0); },
                     {2}, {1});
     }},
    {"values of `eigh`, `svd` where two are equal",
     [] {
       // The trace and the product, at a multiple of 1.
       const Array twice = 2.0 * eye(3);
       expect_equal(grad([](Array a) { return sum(eigvalsh(a)); })(twice), eye(3), 1e-15);
       expect_equal(grad([](Array a) { return prod(eigvalsh(a)); })(twice), 4.0 * eye(3), 1e-14);
       expect_equal(grad([](Array a) { return sum(svd(a).s * svd(a).s); })(twice), 2.0 * twice,
                    1e-14);
     }},
    {"vectors of `eigh`, `svd` where two values are equal, and second derivatives of the values",
     [] {
       const Array one = eye(3), w = Array::of({{1.0, 2.0, 3.0}, {0.5, 4.0, 1.0}, {2.0, 1.0, 5.0}});
       const auto refused = [&](const auto& f) { return error_of([&] { grad(f)(one).eval(); }); };
       EXPECT_THAT(refused([=](Array a) { return sum(eigh(a).v * w); }),
                   testing::HasSubstr("two eigenvalues are equal"));
       EXPECT_THAT(refused([=](Array a) { return sum(svd(a).u * w); }),
                   testing::HasSubstr("two singular values are equal"));
       const auto values = [=](Array a) { return sum(eigvalsh(a) * w(0)); };
       EXPECT_THAT(refused([=](Array a) { return sum(grad(values)(a) * w); }),
                   testing::HasSubstr("two eigenvalues are equal"));
     }},
    {"`qr` and `lu` of singular matrices",
     [] {
       const Array singular = ones({3, 3}),
                   w = Array::of({{1.0, 2.0, 3.0}, {0.5, 4.0, 1.0}, {2.0, 1.0, 5.0}});
       expect_not_finite([=](Array a) { return sum(qr(a).q * w); }, singular, w);
       expect_not_finite([=](Array a) { return sum(lu(a).lu * w); }, singular, w);
     }},
    {"`bitcast` of a real, a cast to `f16` or `bf16`",
     [] {
       for (DType t : {DType::kF16, DType::kBF16}) {
         const auto f = [=](Array x) { return real(x.astype(t)); };
         EXPECT_THAT(error_of([&] { grad(f)(1.0).eval(); }), testing::HasSubstr("[cast] to "));
         EXPECT_THAT(error_of([&] { jvp(f, Array(1.0), Array(1.0)).second.eval(); }),
                     testing::HasSubstr("[cast] to "));
       }
       ir::Builder b("f");
       const ir::Value x = b.param(ir::scalar());
       const ir::FunctionPtr f = b.finish({b.bitcast(b.bitcast(x, DType::kI64), DType::kF64)});
       for (const auto& differentiate : {transform::grad, transform::jvp}) {
         EXPECT_THAT(error_of([&] { differentiate(*f, {0}); }),
                     testing::HasSubstr("[bitcast] has no derivative"));
       }
     }},
};

/// First cells of the table under "## Conventions at kinks".
std::vector<std::string> rows_on_the_page() {
  const char* root = std::getenv("COTANGENT_SOURCE_DIR");
  std::ifstream page(std::string(root ? root : ".") + "/docs/derivatives.md");
  EXPECT_TRUE(page) << "run from the top of the repository, or set COTANGENT_SOURCE_DIR";
  std::vector<std::string> rows;
  bool here = false;
  for (std::string line; std::getline(page, line);) {
    if (line.starts_with("## ")) here = line == "## Conventions at kinks";
    if (!here || !line.starts_with("| ") || line.starts_with("| where |")) continue;
    rows.push_back(line.substr(2, line.find(" | ", 2) - 2));
  }
  return rows;
}

TEST(Kinks, EveryRowOfTheTable) {
  const std::vector<std::string> rows = rows_on_the_page();
  EXPECT_EQ(rows.size(), kRows.size());
  for (const std::string& row : rows) {
    SCOPED_TRACE(row);
    const auto test = kRows.find(row);
    if (test == kRows.end()) {
      ADD_FAILURE() << "no test";
      continue;
    }
    test->second();
  }
}

}  // namespace
}  // namespace cotangent::array
