// Compiled casts to and from storage types give the evaluator's values: every f16 and bf16, and
// reals on, beside and between them, at every vector width and in the kernel interpreter.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "cotangent/ir/builder.h"
#include "cotangent/ir/evaluator.h"
#include "cotangent/kernel/interpreter.h"
#include "cotangent/kernel/lower.h"
#include "cotangent/runtime/executable.h"

namespace cotangent {
namespace {

using ir::Builder;
using ir::Tensor;
using ir::Type;
using ir::Value;

constexpr DType kAll[] = {DType::kF32, DType::kF64, DType::kI32,  DType::kI64,
                          DType::kU32, DType::kU64, DType::kBool, DType::kU8,
                          DType::kI8,  DType::kI16, DType::kF16,  DType::kBF16};

void expect_same(const ir::FunctionPtr& f, const std::vector<Tensor>& arguments,
                 const std::string& what) {
  const auto want = ir::evaluate(*f, arguments);
  const auto compare = [&](const std::vector<Tensor>& got, const std::string& how) {
    for (std::size_t r = 0; r < want.size(); ++r) {
      if (want[r].same_bits(got[r])) continue;
      for (std::int64_t k = 0; k < want[r].size(); ++k) {
        const long double x = want[r].real(k), y = got[r].real(k);
        if (x == y || (x != x && y != y)) continue;
        ADD_FAILURE() << what << ", " << how << ", result " << r << ", element " << k << " of "
                      << static_cast<double>(arguments[0].real(k)) << ": want "
                      << static_cast<double>(x) << ", got " << static_cast<double>(y);
        return;
      }
      ADD_FAILURE() << what << ", " << how << ", result " << r << ": the sign of a zero";
    }
  };
  for (int bits : {128, 256, 512}) {
    if (bits > runtime::host_vector_bits()) continue;
    runtime::CompileOptions options;
    options.vector_bits = bits;
    compare(runtime::compile(f, options)->call(arguments), std::to_string(bits) + " bits");
  }
  std::vector<Tensor> results;
  for (std::size_t r = 0; r < f->results().size(); ++r) results.emplace_back(f->result_type(r));
  std::vector<const void*> in;
  std::vector<void*> out;
  for (const Tensor& t : arguments) in.push_back(t.data());
  for (Tensor& t : results) out.push_back(t.data());
  kernel::interpret(kernel::lower(f), in, out);
  compare(results, "interpreted");
}

/// One function that casts its argument to every type.
ir::FunctionPtr all_casts(const Type& from) {
  Builder b("casts");
  const Value x = b.param(from);
  std::vector<Value> results;
  for (DType to : kAll) results.push_back(b.cast(x, to));
  return b.finish(results);
}

template <class H>
std::vector<double> around_every_half() {
  std::vector<double> values;
  for (int k = 0; k < 0x8000; k += k < 0x0500 || k > 0x7a00 ? 1 : 7) {
    H h, next;
    h.bits = static_cast<std::uint16_t>(k);
    next.bits = static_cast<std::uint16_t>(k + 1);
    const double x = static_cast<double>(h), y = static_cast<double>(next);
    values.push_back(x);
    if (!std::isfinite(x)) continue;
    const double middle = std::isfinite(y) ? (x + y) / 2 : x + (x - x * 0.99);
    for (double m : {middle, std::nextafter(middle, 0), std::nextafter(middle, y), -middle,
                     static_cast<double>(std::nextafter(static_cast<float>(middle), 1e30f))}) {
      values.push_back(m);
    }
  }
  for (double x : {65519.99, 65520.0, 65536.0, 1e5, 3.39e38, 3.3961775292304600e38, 1e39, 1e300,
                   0x1p-25, 0x1.000001p-25, 0x1p-134, 0x1.0001p-134, 0x1p-149, 1e-310}) {
    values.push_back(x), values.push_back(-x);
  }
  for (double x : {0.0, 127.5, 128.0, 255.0, 255.9, 256.0, 32767.9, 32768.0, 3e9, 9.3e18, 2e19}) {
    values.push_back(x), values.push_back(-x);
  }
  values.push_back(std::nan(""));
  return values;
}

template <class H>
void reals_around() {
  const std::vector<double> values = around_every_half<H>();
  const auto n = static_cast<std::int64_t>(values.size());
  for (DType from : {DType::kF64, DType::kF32}) {
    Tensor x(Type{from, {n}});
    for (std::int64_t k = 0; k < n; ++k) x.set_real(k, values[static_cast<std::size_t>(k)]);
    expect_same(all_casts(x.type()), {x}, std::string(name_of(from)));
  }
}
TEST(StorageCasts, RealsAroundEveryF16) {
  reals_around<Float16>();
}
TEST(StorageCasts, RealsAroundEveryBF16) {
  reals_around<BFloat16>();
}

TEST(StorageCasts, EveryNarrowNumber) {
  for (DType from : {DType::kU8, DType::kI8, DType::kI16, DType::kF16, DType::kBF16}) {
    const std::int64_t n = size_of(from) == 1 ? 256 : 65536;
    Tensor x(Type{from, {n}});
    for (std::int64_t k = 0; k < n; ++k) {
      const auto bits = static_cast<std::uint16_t>(k);
      std::memcpy(x.data() + static_cast<std::size_t>(k) * size_of(from), &bits, size_of(from));
    }
    expect_same(all_casts(x.type()), {x}, std::string(name_of(from)));
  }
}

TEST(StorageCasts, Integers) {
  for (DType from : {DType::kI32, DType::kI64, DType::kU32, DType::kU64, DType::kBool}) {
    std::vector<std::int64_t> values;
    for (int k = 0; k < 64; ++k) {
      const std::uint64_t p = std::uint64_t{1} << k;
      for (std::uint64_t d : {UINT64_MAX, std::uint64_t{0}, std::uint64_t{1}}) {
        values.push_back(static_cast<std::int64_t>(p + d));
        values.push_back(static_cast<std::int64_t>(0 - p + d));
      }
    }
    Tensor x(Type{from, {static_cast<std::int64_t>(values.size())}});
    for (std::size_t k = 0; k < values.size(); ++k) {
      x.set_integer(static_cast<std::int64_t>(k), values[k]);
    }
    expect_same(all_casts(x.type()), {x}, std::string(name_of(from)));
  }
}

// Rows of odd lengths, gathers, scatters and carries: what moves elements moves narrow ones too.
TEST(StorageMoves, OddShapes) {
  for (DType t : {DType::kU8, DType::kI8, DType::kI16, DType::kF16, DType::kBF16}) {
    Builder b("moves");
    const Value x = b.param({t, {13, 5}});
    const Value index = b.param({DType::kI32, {29}});
    const Value rows = b.gather(x, index);
    const Value flat = b.reshape(b.reverse(rows, {0, 1}), Shape{145});
    const Value set = b.scatter_set(x, rows, std::span(&index, 1));
    const Value half = b.cast(b.constant(0.5), t);
    const Value padded = b.pad(set, half, {1, 2}, {3, 0}, {0, 1});
    const Value chosen = b.select(b.lt(index, b.splat(6, {DType::kI32, {29}})),
                                  b.slice(flat, {0}, {29}, {1}), b.slice(flat, {1}, {144}, {5}));
    const ir::FunctionPtr f = b.finish({flat, set, padded, chosen, b.transpose(x, {1, 0})});
    Tensor in(Type{t, {13, 5}}), at(Type{DType::kI32, {29}});
    for (std::int64_t k = 0; k < 65; ++k) in.set_real(k, k - (is_signed(t) ? 30 : 0));
    for (std::int64_t k = 0; k < 29; ++k) at.set_integer(k, (k * 7) % 13);
    expect_same(f, {in, at}, std::string(name_of(t)));
  }
}

}  // namespace
}  // namespace cotangent
