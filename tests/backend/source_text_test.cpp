// The printer: what it writes for small kernels, names, numbers, and what it refuses.
#include "cotangent/backend/source/source_text.h"

#include <gtest/gtest.h>

#include <bit>

#include "cotangent/backend/source/dialect.h"
#include "cotangent/base/error.h"
#include "cotangent/ir/builder.h"
#include "cotangent/kernel/kernel_builder.h"
#include "cotangent/kernel/lower.h"
#include "tests/backend/c_library.h"

namespace cotangent::testing {
namespace {

using backend::source::Dialect;
using backend::source::print_source;
using ir::Builder;
using ir::Value;
using kernel::Buffer;
using kernel::BufferKind;
using kernel::ForKind;
using kernel::Id;
using kernel::KernelBuilder;
using ::testing::HasSubstr;
using ::testing::Not;

/// y = a x + y over n elements.
kernel::Program axpy(DType t, std::int64_t n) {
  const ir::Type vector{t, Shape{n}}, scalar{t, {}};
  Builder b("axpy");
  const Value a = b.param(scalar, "a"), x = b.param(vector, "x"), y = b.param(vector, "y");
  return kernel::lower(b.finish({b.fma(b.broadcast_to(a, Shape{n}), x, y)}));
}

std::string body_of(const std::string& text) {
  const std::size_t begin = text.find(") {\n", text.find("void "));
  return text.substr(begin + 4, text.find("\n}\n", begin) - begin - 3);
}

TEST(SourceText, CReadsLikeC) {
  const std::string text =
      print_source(axpy(DType::kF64, 100), Dialect::kC, {"axpy", {"a", "x", "y"}, {"z"}, "", true});
  EXPECT_EQ(body_of(text),
            "  const double a_0 = a[0];\n"
            "  INDEPENDENT\n"
            "  for (int64_t i = 0; i < 100; ++i) {\n"
            "    z[i] = fma(x[i], a_0, y[i]);\n"
            "  }\n");
  EXPECT_THAT(text, HasSubstr("void axpy(\n    const double *restrict a,\n"));
  EXPECT_THAT(text, HasSubstr(" *   x  in   f64[100]\n"));
}

TEST(SourceText, CudaSpreadsRowsOverTheGrid) {
  const std::string text = print_source(axpy(DType::kF64, 100), Dialect::kCuda,
                                        {"axpy", {"a", "x", "y"}, {"z"}, "", true});
  EXPECT_EQ(body_of(text),
            "  const int64_t thread = (int64_t)blockIdx.x * blockDim.x + threadIdx.x;\n"
            "  const int64_t threads = (int64_t)gridDim.x * blockDim.x;\n"
            "  const double a_0 = a[0];\n"
            "  for (int64_t i = thread; i < 100; i += threads) {\n"
            "    z[i] = fma(x[i], a_0, y[i]);\n"
            "  }\n");
  EXPECT_THAT(text, HasSubstr("Form: grid"));
}

TEST(SourceText, WgslHoldsIndicesIn32Bits) {
  const std::string text = print_source(axpy(DType::kF32, 100), Dialect::kWgsl,
                                        {"axpy", {"a", "x", "y"}, {"z"}, "", true});
  EXPECT_THAT(text, HasSubstr("@group(0) @binding(1) var<storage, read> x: array<f32>;"));
  EXPECT_THAT(text, HasSubstr("@group(0) @binding(3) var<storage, read_write> z: array<f32>;"));
  EXPECT_THAT(text, HasSubstr("  let a_0: f32 = a[0];\n"
                              "  for (var i: i32 = thread; i < 100; i += threads) {\n"
                              "    z[i] = fma(x[i], a_0, y[i]);\n"
                              "  }\n"));
}

/// s[i] = x[i]; x_0 = s[0]; out[0] = x_0; out[1 + i] = s[i]: two that depend on each other.
TEST(SourceText, ABlockHasBarriersWhereThreadsMeet) {
  kernel::Program p;
  KernelBuilder b(p);
  const auto buffer = [&](BufferKind kind, std::int64_t count) {
    Buffer made;
    made.kind = kind;
    made.dtype = DType::kF32;
    made.count = count;
    return b.add_buffer(made);
  };
  b.new_version();
  const auto x = buffer(BufferKind::kInput, 8), out = buffer(BufferKind::kOutput, 9),
             s = buffer(BufferKind::kScratch, 8);
  p.inputs = p.outputs = 1;
  auto loop = b.open_for(ForKind::kParallel, b.i64(0), b.i64(8));
  b.store(s, loop.index, b.load(x, 0, loop.index));
  b.close_for();
  const auto version = b.new_version();
  b.store(out, b.i64(0), b.load(s, version, b.i64(0)));
  loop = b.open_for(ForKind::kParallel, b.i64(0), b.i64(8));
  b.store(out, b.add(loop.index, b.i64(1)), b.load(s, version, loop.index));
  b.close_for();
  kernel::verify(p);
  const std::string cuda =
      body_of(print_source(p, Dialect::kCuda, {"k", {"x"}, {"out"}, "", true}));
  EXPECT_EQ(cuda,
            "  float* s0 = scratch->s0;\n"
            "  const int64_t thread = threadIdx.x;\n"
            "  const int64_t threads = blockDim.x;\n"
            "  for (int64_t i = thread; i < 8; i += threads) {\n"
            "    s0[i] = x[i];\n"
            "  }\n"
            "  __syncthreads();\n"
            "  if (thread == 0) {\n"
            "    out[0] = s0[0];\n"
            "  }\n"
            "  __syncthreads();\n"
            "  for (int64_t i = thread; i < 8; i += threads) {\n"
            "    out[i + 1] = s0[i];\n"
            "  }\n");
  EXPECT_THAT(print_source(p, Dialect::kWgsl), HasSubstr("storageBarrier();"));
}

TEST(SourceText, NamesAreMadeIdentifiers) {
  const auto names = backend::source::identifiers(
      Dialect::kC, {"double", "q", "q", "2x", "a b", "sqrt", "min_i64", "", "__x"});
  EXPECT_EQ(names, (std::vector<std::string>{"double_", "q", "q_", "x2x", "a_b", "sqrt_",
                                             "my_min_i64", "x", "x_"}));
  EXPECT_EQ(backend::source::identifiers(Dialect::kWgsl, {"step", "array", "fn"}),
            (std::vector<std::string>{"step_", "array_", "fn_"}));
}

TEST(SourceText, NothingEndsACommentEarly) {
  EXPECT_EQ(backend::source::comment(Dialect::kC, "a */ b\nc"), "/* a * / b\n * c */\n");
  EXPECT_EQ(backend::source::comment(Dialect::kWgsl, "a\nb"), "// a\n// b\n");
}

// Exact: numbers are read back by the C compilers as the same bits.
TEST(SourceText, NumbersReadBack) {
  using Limits = std::numeric_limits<double>;
  using Single = std::numeric_limits<float>;
  const std::vector<double> doubles = {0.0,
                                       -0.0,
                                       0.1,
                                       -1.0 / 3,
                                       1e300,
                                       Limits::denorm_min(),
                                       Limits::min(),
                                       Limits::max(),
                                       Limits::infinity(),
                                       -Limits::infinity(),
                                       123456789012345680.0};
  const std::vector<float> singles = {0.0f,
                                      -0.0f,
                                      0.1f,
                                      -1.0f / 3,
                                      Single::denorm_min(),
                                      Single::min(),
                                      Single::max(),
                                      Single::infinity(),
                                      -Single::infinity(),
                                      16777216.0f};
  const std::vector<std::int64_t> longs = {0, -1, INT64_MIN, INT64_MAX, INT32_MIN};
  const std::vector<std::int32_t> ints = {0, -1, INT32_MIN, INT32_MAX};
  std::string text = "#include <math.h>\n#include <stdint.h>\n#include <float.h>\n";
  const auto table = [&](const char* type, const char* name, DType t, const auto& values) {
    text += std::string("const ") + type + " " + name + "[] = {";
    for (auto x : values) {
      std::uint64_t bits = 0;
      std::memcpy(&bits, &x, sizeof x);
      text += backend::source::number_text(Dialect::kC, t, bits) + ", ";
    }
    text += "};\n";
  };
  table("double", "doubles", DType::kF64, doubles);
  table("float", "singles", DType::kF32, singles);
  table("int64_t", "longs", DType::kI64, longs);
  table("int32_t", "ints", DType::kI32, ints);
  for (const std::string& compiler : c_compilers()) {
    const CLibrary library(text, compiler, "-std=c99");
    const auto same = [&](const char* name, const auto& values) {
      const auto* got = library.function<const char>(name);
      EXPECT_EQ(std::memcmp(got, values.data(), values.size() * sizeof values[0]), 0) << name;
    };
    same("doubles", doubles);
    same("singles", singles);
    same("longs", longs);
    same("ints", ints);
  }
}

/// One op of one parameter.
kernel::Program one_op(ir::Op op, DType t) {
  Builder b("one");
  return kernel::lower(b.finish({b.unary(op, b.param({t, Shape{4}}, "x"))}));
}

void expect_refused(const kernel::Program& p, Dialect dialect, const std::string& what,
                    const std::string& remedy) {
  try {
    print_source(p, dialect, {"k", {"x"}, {}, "", true});
    ADD_FAILURE() << "printed";
  } catch (const UserError& e) {
    EXPECT_THAT(e.what(), HasSubstr(what));
    EXPECT_THAT(e.what(), HasSubstr(remedy));
  }
}

TEST(SourceText, WhatWgslLacksIsRefusedByName) {
  expect_refused(one_op(ir::Op::kNeg, DType::kF64), Dialect::kWgsl, "no f64, the type of 'x'",
                 "precision = \"f32\"");
  expect_refused(one_op(ir::Op::kNeg, DType::kI64), Dialect::kWgsl, "no i64, the type of 'x'",
                 "32-bit");
  expect_refused(one_op(ir::Op::kErf, DType::kF32), Dialect::kWgsl, "no 'erf' of f32",
                 "run the passes first");
  Builder b("wide");
  const Value x = b.param({DType::kI32, Shape{4}}, "x");
  const Value wide = b.cast(x, DType::kI64);
  expect_refused(kernel::lower(b.finish({b.cast(b.mul(wide, wide), DType::kI32)})), Dialect::kWgsl,
                 "a result of 'mul' is not known to fit in 32 bits", "clamp");
}

// Every elementwise op has a row of C for each type that it takes; WGSL lacks what it says here.
TEST(SourceText, TablesCoverTheOps) {
  namespace source = backend::source;
  std::string lacks;
  for (const ir::OpInfo& info : ir::all_ops()) {
    if (info.kind != ir::OpKind::kElementwise || info.op == ir::Op::kCast ||
        info.op == ir::Op::kBitcast || ir::is_far_angle(info.op)) {
      continue;
    }
    for (DType t : {DType::kF32, DType::kF64, DType::kI32, DType::kI64, DType::kU32, DType::kU64,
                    DType::kBool}) {
      if (!ir::accepts(info.op, t)) continue;
      EXPECT_TRUE(source::find_op(source::c_table(), info.op, t))
          << info.name << " of " << name_of(t);
      const bool held = source::wgsl_table().types[static_cast<std::size_t>(t)] != nullptr;
      if (held && !source::find_op(source::wgsl_table(), info.op, t)) {
        lacks += std::string(info.name) + " ";
      }
    }
  }
  EXPECT_EQ(lacks, "erf erfc ");
}

TEST(SourceText, NineBuffersAreBoundTogether) {
  Builder b("many");
  std::vector<Value> x;
  for (int k = 0; k < 9; ++k)
    x.push_back(b.param({DType::kF32, Shape{3}}, "x" + std::to_string(k)));
  Value sum = x[0];
  for (int k = 1; k < 9; ++k) sum = b.add(sum, x[static_cast<std::size_t>(k)]);
  backend::source::SourceFile file(Dialect::kWgsl);
  const auto& k = file.add(kernel::lower(b.finish({sum})), {"many", {}, {}, "", true});
  ASSERT_EQ(k.bindings.size(), 2u);
  EXPECT_EQ(k.bindings[0].name, "inputs_f32");
  EXPECT_EQ(k.bindings[0].count, 27);
  EXPECT_EQ(k.bindings[0].parts[8].at, 24);
  EXPECT_THAT(k.text, HasSubstr("inputs_f32[in8_at + 1]"));
}

// C++ picks fma by the types of all its arguments, and NAN is a float.
TEST(SourceText, CudaHasInfinitiesAndNanOfTheirType) {
  const auto text = [](DType t, std::uint64_t bits) {
    return backend::source::number_text(Dialect::kCuda, t, bits);
  };
  EXPECT_EQ(text(DType::kF64, 0x7ff8000000000000), "double(NAN)");
  EXPECT_EQ(text(DType::kF64, 0xfff0000000000000), "-double(INFINITY)");
  EXPECT_EQ(text(DType::kF32, 0x7f800000), "INFINITY");
}

}  // namespace
}  // namespace cotangent::testing
