// Exact identity: code for every processor this host can stand for has the evaluator's bits. Code
// for another kind of processor is assembled, and holds that processor's instructions.
#include <elf.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "cotangent/backend/cpu/cpu_code.h"
#include "cotangent/base/error.h"
#include "cotangent/ir/builder.h"
#include "cotangent/ir/evaluator.h"
#include "cotangent/ir/random_program.h"
#include "cotangent/kernel/lower.h"
#include "cotangent/runtime/executable.h"
#include "cotangent/transform/derivatives.h"
#include "tests/runtime/differential.h"

namespace cotangent {
namespace {

using differential::Batch;

std::vector<std::string> runnable() {
  std::vector<std::string> names;
  for (const std::string& name : runtime::machine_names()) {
    if (runtime::why_not_run(name).empty()) names.push_back(name);
  }
  return names;
}

/// fma, sqrt, 1/sqrt, comparisons, a reduction; long enough to have whole vectors and a tail.
ir::FunctionPtr sample(DType t) {
  ir::Builder b("sample");
  const ir::Type type{t, Shape{37}};
  const ir::Value x = b.param(type), y = b.param(type), z = b.param(type);
  const ir::Value three[] = {x, y, z};
  const ir::Value f = b.elementwise(ir::Op::kFma, three);
  const ir::Value r = b.unary(ir::Op::kRsqrt, b.unary(ir::Op::kAbs, y));
  const ir::Value s = b.unary(ir::Op::kFloor, b.mul(r, x));
  return b.finish({f, r, s, b.reduce_sum(b.mul(f, x))});
}

TEST(Machines, NativeIsFirstAndRuns) {
  ASSERT_FALSE(runtime::machine_names().empty());
  EXPECT_EQ(runtime::machine_names()[0], "native");
  EXPECT_EQ(runtime::why_not_run("native"), "");
  EXPECT_EQ(runtime::why_not_run(""), "");
#if defined(__x86_64__)
  EXPECT_GE(runnable().size(), 2u) << "every x86-64 of the last 15 years has SSE4.2";
  EXPECT_NE(runtime::why_not_run("aarch64"), "");
#endif
}

TEST(Machines, AnUnknownNameIsRefusedWithTheKnownOnes) {
  try {
    runtime::why_not_run("x86-64-v5");
    FAIL();
  } catch (const UserError& error) {
    EXPECT_NE(error.parts().what.find("x86-64-v5"), std::string::npos);
    EXPECT_NE(error.parts().what.find("did you mean"), std::string::npos);
    for (const std::string& name : runtime::machine_names()) {
      EXPECT_NE(error.parts().remedy.find(name), std::string::npos) << name;
    }
  }
}

TEST(Machines, RandomProgramsHaveTheEvaluatorsBitsOnEach) {
  int shown = 0;
  std::uint64_t first = 5001;
  for (const std::string& cpu : runnable()) {
    for (const int bits : {0, 128, 512}) {
      Batch batch;
      batch.first = first;
      batch.count = 15;
      first += 15;
      batch.options.cpu = cpu;
      batch.options.vector_bits = bits;
      batch.options.optimize = bits == 0 ? 2 : 0;
      batch.options.passes = bits != 128;
      batch.program = [](std::uint64_t seed) {
        ir::RandomProgramOptions options;
        options.nodes = 4 + static_cast<int>(seed % 24);
        options.depth = static_cast<int>(seed % 4);
        return ir::random_program(seed, options);
      };
      differential::compare(batch, shown);
    }
  }
}

// Where a processor has no fma, the C library's is called: a product and a sum would round twice.
TEST(Machines, FmaRoundsOnceOnEach) {
  for (const DType t : {DType::kF64, DType::kF32}) {
    const ir::FunctionPtr f = sample(t);
    for (const std::string& cpu : runnable()) {
      runtime::CompileOptions options;
      options.cpu = cpu;
      options.passes = false;
      const auto e = runtime::compile(f, options);
      for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        const auto arguments = ir::random_arguments(*f, seed, seed % 2 == 0);
        const auto want = ir::evaluate(*f, arguments), got = e->call(arguments);
        for (std::size_t r = 0; r < want.size(); ++r) {
          EXPECT_TRUE(want[r].same_bits(got[r])) << cpu << ", seed " << seed << ", result " << r;
        }
      }
      // (1 + u)^2 - (1 + 2u) = u^2: lost where the product is rounded first.
      std::vector<ir::Tensor> one;
      const double u = t == DType::kF64 ? 0x1p-40 : 0x1p-20;
      for (const double value : {1 + u, 1 + u, -(1 + 2 * u)}) {
        one.push_back(ir::filled({t, Shape{37}}, value));
      }
      EXPECT_EQ(e->call(one)[0].real(5), u * u) << cpu;
    }
  }
}

std::string code_for(const std::string& cpu) {
  runtime::CompileOptions options;
  options.cpu = cpu;
  options.passes = false;
  options.keep_code = true;
  return runtime::compile(sample(DType::kF64), options)->code_text();
}

/// The assembly, without the IR before it.
std::string assembly_for(const std::string& cpu) {
  const std::string text = code_for(cpu);
  return text.substr(text.find("\t.text"));
}

TEST(Machines, EachGetsItsOwnInstructions) {
  const auto has = [](const std::string& text, const char* what) {
    return text.find(what) != std::string::npos;
  };
  const std::string v2 = assembly_for("x86-64-v2"), v3 = assembly_for("x86-64-v3"),
                    v4 = assembly_for("x86-64-v4");
  EXPECT_TRUE(has(v2, "%xmm") && has(v2, "fma@PLT"));
  EXPECT_FALSE(has(v2, "%ymm") || has(v2, "vfmadd"));
  EXPECT_TRUE(has(v3, "%ymm") && has(v3, "vfmadd"));
  EXPECT_FALSE(has(v3, "%zmm") || has(v3, "fma@PLT") || has(v3, "vrsqrt14"));
  EXPECT_TRUE(has(v4, "%zmm") && has(v4, "vfmadd") && has(v4, "vrsqrt14pd"));
  for (const char* cpu : {"aarch64", "neoverse-n1", "neoverse-v2"}) {
    const std::string arm = assembly_for(cpu);
    EXPECT_TRUE(has(arm, "fmla\tv") || has(arm, "fmla\tz")) << cpu;
    EXPECT_TRUE(has(arm, "fsqrt\tv") && has(arm, ".2d") && has(arm, "frintm")) << cpu;
    EXPECT_FALSE(has(arm, "mm0") || has(arm, "bl\tfma")) << cpu;
  }
}

TEST(Machines, AForeignObjectIsAnObjectOfThatProcessor) {
  const kernel::Program program = kernel::lower(sample(DType::kF64));
  const backend::cpu::KernelRequest request{&program, false};
  backend::cpu::CodeOptions options;
  options.cpu = "aarch64";
  options.keep_text = true;
  const auto code = backend::cpu::compile_kernels(std::span(&request, 1), options);
  ASSERT_GE(code->object().size(), sizeof(Elf64_Ehdr));
  Elf64_Ehdr head;
  std::memcpy(&head, code->object().data(), sizeof head);
  EXPECT_EQ(std::memcmp(head.e_ident, ELFMAG, SELFMAG), 0);
  EXPECT_EQ(head.e_machine, EM_AARCH64);
  EXPECT_EQ(head.e_type, ET_REL);
#if !defined(__aarch64__)
  EXPECT_EQ(code->kernels()[0].run, nullptr);
#endif
}

#if defined(__x86_64__)
TEST(Machines, ForeignCodeRefusesToRun) {
  runtime::CompileOptions options;
  options.cpu = "aarch64";
  const auto e = runtime::compile(sample(DType::kF64), options);
  try {
    e->call(ir::random_arguments(*e->program(), 1, false));
    FAIL();
  } catch (const UserError& error) {
    EXPECT_NE(error.parts().what.find("'aarch64' cannot run here: this host is x86_64"),
              std::string::npos)
        << error.what();
  }
}
#endif

}  // namespace
}  // namespace cotangent
