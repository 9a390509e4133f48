// Exact identity: a result larger than the caches is stored past them, wherever the caller's memory
// begins in a line; nothing beside it is touched.
#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>
#include <memory>

#include "cotangent/backend/cpu/cpu_code.h"
#include "cotangent/ir/builder.h"
#include "cotangent/kernel/lower.h"
#include "cotangent/runtime/executable.h"

namespace cotangent {
namespace {

constexpr std::int64_t kLarge = (std::int64_t{128} << 20) / 8 + 5;  ///< elements of f64

ir::FunctionPtr scaled(Shape shape, DType t) {
  ir::Builder b("scaled");
  const ir::Type type{t, shape};
  const ir::Value x = b.param(type);
  return b.finish({b.mul(x, b.splat(3, type))});
}

/// The rows of an array but for their first and last elements.
ir::FunctionPtr inner(std::int64_t rows, std::int64_t columns) {
  ir::Builder b("inner");
  const ir::Value x = b.param({DType::kF64, Shape{rows, columns}});
  const ir::Value left = b.slice(x, {0, 0}, {rows, columns - 2}, {1, 1});
  const ir::Value right = b.slice(x, {0, 2}, {rows, columns}, {1, 1});
  return b.finish({b.sub(right, left)});
}

ir::FunctionPtr cube27(std::int64_t n) {
  ir::Builder b("cube27");
  const ir::Value x = b.param({DType::kF64, Shape{n, n, n}});
  ir::Value sum;
  for (std::int64_t k = 0; k < 27; ++k) {
    const std::int64_t i = k / 9, j = k / 3 % 3, l = k % 3;
    const ir::Value part = b.slice(x, {i, j, l}, {n - 2 + i, n - 2 + j, n - 2 + l}, {1, 1, 1});
    sum = sum.valid() ? b.add(sum, part) : part;
  }
  return b.finish({sum});
}

runtime::CompileOptions options_for(const std::string& cpu, int threads) {
  runtime::CompileOptions options;
  options.cpu = cpu;
  options.threads = threads;
  options.keep_code = true;
  return options;
}

bool runs(const std::string& cpu) {
  return runtime::why_not_run(cpu).empty();
}

/// Calls `f` with a result `shift` bytes behind the beginning of a line, and compares it with
/// `expected` bit by bit; what lies before and behind must stay.
template <class T, class Expected>
void check(const runtime::Executable& f, const std::vector<T>& in, std::size_t count,
           std::size_t shift, Expected expected) {
  constexpr std::size_t kGuard = 1024;
  const std::size_t bytes = count * sizeof(T);
  const std::size_t whole = (bytes + 2 * kGuard + 63) / 64 * 64;
  const std::unique_ptr<std::byte, void (*)(void*)> memory(
      static_cast<std::byte*>(std::aligned_alloc(64, whole)), std::free);
  std::memset(memory.get(), 0x5a, whole);
  std::byte* out = memory.get() + kGuard / 2 + shift;
  const void* arguments[] = {in.data()};
  void* results[] = {out};
  f.call_raw(arguments, results);
  std::size_t wrong = 0;
  for (std::size_t k = 0; k < count; ++k) {
    T x;
    std::memcpy(&x, out + k * sizeof(T), sizeof x);
    wrong += x != expected(k);
  }
  EXPECT_EQ(wrong, 0u) << "shift " << shift;
  std::size_t touched = 0;
  for (const std::byte* p = memory.get(); p < memory.get() + whole; ++p) {
    touched += (p < out || p >= out + bytes) && *p != std::byte{0x5a};
  }
  EXPECT_EQ(touched, 0u) << "shift " << shift;
}

template <class T>
std::vector<T> numbers(std::size_t count) {
  std::vector<T> all(count);
  for (std::size_t k = 0; k < count; ++k) all[k] = static_cast<T>(k % 1013);
  return all;
}

TEST(Streams, LinesAreWrittenWholeWhereverTheResultBegins) {
  const auto in = numbers<double>(kLarge);
  for (const std::string cpu : {"native", "x86-64-v3"}) {
    if (!runs(cpu)) continue;
    for (int threads : {1, 2, 3}) {
      const auto f =
          runtime::compile(scaled(Shape{kLarge}, DType::kF64), options_for(cpu, threads));
      for (std::size_t shift : {0, 8, 16, 56, 4}) {
        if (threads > 1 && shift != 16) continue;
        check<double>(*f, in, in.size(), shift, [&](std::size_t k) { return 3 * in[k]; });
      }
    }
  }
}

TEST(Streams, SingleNumbersToo) {
  const auto in = numbers<float>(2 * kLarge);
  const auto f = runtime::compile(scaled(Shape{2 * kLarge}, DType::kF32), options_for("", 2));
  for (std::size_t shift : {0, 4, 60}) {
    check<float>(*f, in, in.size(), shift, [&](std::size_t k) { return 3 * in[k]; });
  }
}

TEST(Streams, EachRowHasItsOwnBeginning) {
  for (const std::int64_t columns : {11, 405}) {
    const std::int64_t rows = kLarge / (columns - 2) + 1;
    const auto in = numbers<double>(static_cast<std::size_t>(rows * columns));
    for (int threads : {1, 2}) {
      const auto f = runtime::compile(inner(rows, columns), options_for("", threads));
      check<double>(*f, in, static_cast<std::size_t>(rows * (columns - 2)), 16, [&](std::size_t k) {
        const auto width = static_cast<std::size_t>(columns);
        const std::size_t at = k / (width - 2) * width + k % (width - 2);
        return in[at + 2] - in[at];
      });
    }
  }
}

#if defined(__x86_64__)
std::string code_of(const ir::FunctionPtr& f, int threads) {
  return runtime::compile(f, options_for("x86-64-v4", threads))->code_text();
}
bool has(const std::string& text, const char* what) {
  return text.find(what) != std::string::npos;
}

TEST(Streams, OnlyResultsLargerThanTheCaches) {
  for (int threads : {1, 2}) {
    const std::string large = code_of(scaled(Shape{kLarge}, DType::kF64), threads);
    EXPECT_TRUE(has(large, "vmovntp") && has(large, "sfence")) << threads;
    const std::string small = code_of(scaled(Shape{kLarge / 2}, DType::kF64), threads);
    EXPECT_FALSE(has(small, "vmovntp") || has(small, "sfence")) << threads;
  }
}

/// All loads from a buffer go to another.
void redirect(kernel::Block& b, std::uint32_t from, std::uint32_t to) {
  for (kernel::Instr& i : b.instrs) {
    if (i.code == kernel::Code::kLoad && i.buffer == from) i.buffer = to;
    if (i.body) redirect(*i.body, from, to);
  }
}

TEST(Streams, NotAResultThatIsReadAgain) {
  for (bool again : {false, true}) {
    kernel::Program program = kernel::lower(scaled(Shape{kLarge}, DType::kF64));
    ASSERT_EQ(program.buffers[1].kind, kernel::BufferKind::kOutput);
    if (again) redirect(program.body, 0, 1);
    const backend::cpu::KernelRequest request{&program, false};
    backend::cpu::CodeOptions options;
    options.cpu = "x86-64-v4";
    options.keep_text = true;
    const auto code = backend::cpu::compile_kernels(std::span(&request, 1), options);
    EXPECT_NE(has(code->text(), "vmovntp"), again);
  }
}

TEST(Streams, AStencilAsksAhead) {
  EXPECT_TRUE(has(code_of(cube27(130), 1), "prefetcht0"));
  EXPECT_FALSE(has(code_of(cube27(30), 1), "prefetcht0")) << "it fits in a core's own cache";
  EXPECT_FALSE(has(code_of(scaled(Shape{kLarge}, DType::kF64), 1), "prefetcht0"));
}

TEST(Streams, ColumnsAskForTheNextPlacesOfTheirRows) {
  const auto columns = [](std::int64_t lines) {
    ir::Builder b("columns");
    const ir::Type type{DType::kF64, Shape{128, lines}};
    const ir::Value re = b.param(type), im = b.param(type);
    const ir::Value x[] = {b.transpose(re, {1, 0}), b.transpose(im, {1, 0})};
    const auto z = b.fft({ir::FftKind::kForward, 1, 0}, x);
    return b.finish({b.transpose(z[0], {1, 0}), b.transpose(z[1], {1, 0})});
  };
  EXPECT_TRUE(has(code_of(columns(8192), 1), "prefetcht0"));
  EXPECT_FALSE(has(code_of(columns(256), 1), "prefetcht0")) << "it fits in a core's own cache";
}
#endif

}  // namespace
}  // namespace cotangent
