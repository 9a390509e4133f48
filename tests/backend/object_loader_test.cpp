// Our loader of object code: calls what a C compiler made, refuses what it does not know, and is
// not led out of bounds by anything in the object.
#include "cotangent/backend/cpu/object_loader.h"

#include <elf.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "cotangent/backend/cpu/cpu_code.h"
#include "cotangent/ir/builder.h"
#include "cotangent/kernel/lower.h"

namespace cotangent::backend::cpu {
namespace {

namespace fs = std::filesystem;
using Bytes = std::vector<std::byte>;

/// The object a kernel's code was loaded from, through the store that keeps it.
Bytes object_of(const ir::FunctionPtr& f) {
  std::string name = (fs::temp_directory_path() / "cotangent-loader-XXXXXX").string();
  const fs::path folder = ::mkdtemp(name.data());
  PrivateStore::Trouble trouble;
  const auto store = PrivateStore::open(folder, 1 << 24, trouble);
  EXPECT_TRUE(store) << trouble.text;
  const kernel::Program program = kernel::lower(f);
  const KernelRequest request{&program, false};
  CodeOptions options;
  options.store = store.get();
  compile_kernels(std::span(&request, 1), options);
  Bytes object;
  for (const auto& e : fs::directory_iterator(folder)) {
    if (e.path().extension() != ".entry") continue;
    std::ifstream file(e.path(), std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    const auto bytes = std::as_bytes(std::span(text.data(), text.size())).subspan(56);
    object.assign(bytes.begin(), bytes.end());
  }
  fs::remove_all(folder);
  return object;
}

/// exp(x) + 0.1 y: a call outside and a constant in memory.
ir::FunctionPtr small_program() {
  ir::Builder b("small");
  const ir::Type type{DType::kF64, Shape{11}};
  const ir::Value x = b.param(type), y = b.param(type);
  const ir::Value exp = b.elementwise(ir::Op::kExp, std::span(&x, 1));
  return b.finish({b.add(exp, b.mul(b.splat(0.1, type), y))});
}

const void* outside(const std::string& name) {
  return address_of_function(name);
}

/// Runs the kernel of small_program and compares.
void expect_exp_and_sum(KernelFunction kernel) {
  std::vector<double> x(11), y(11), out(11);
  for (std::size_t k = 0; k < 11; ++k) {
    x[k] = 0.3 * static_cast<double>(k) - 1;
    y[k] = static_cast<double>(k);
  }
  const void* in[] = {x.data(), y.data()};
  void* results[] = {out.data()};
  kernel(in, results, nullptr, nullptr, nullptr, 0, 1);
  for (std::size_t k = 0; k < 11; ++k) EXPECT_EQ(out[k], std::exp(x[k]) + 0.1 * y[k]);
}

TEST(ObjectLoader, CodeItLoadsRuns) {
  const Bytes object = object_of(small_program());
  ASSERT_GT(object.size(), 500u);
  std::string why_not;
  const auto loaded = LoadedObject::load(object, outside, why_not);
  ASSERT_TRUE(loaded) << why_not;
  EXPECT_EQ(loaded->find("kernel_1"), nullptr);
  const void* kernel = loaded->find("kernel_0");
  ASSERT_NE(kernel, nullptr);
  // A caller compiled with the function sanitizer reads these.
  std::uint64_t before_it = 1;
  std::memcpy(&before_it, static_cast<const std::byte*>(kernel) - 8, sizeof before_it);
  EXPECT_EQ(before_it, 0u);
  expect_exp_and_sum(reinterpret_cast<KernelFunction>(const_cast<void*>(kernel)));
}

TEST(ObjectLoader, WhatItRefusesLlvmLoads) {
  const kernel::Program program = kernel::lower(small_program());
  const KernelRequest request{&program, false};
  CodeOptions options;
  options.own_loader = false;
  const auto code = compile_kernels(std::span(&request, 1), options);
  expect_exp_and_sum(code->kernels()[0].run);
}

TEST(ObjectLoader, WhatNobodyDefinesIsNamed) {
  const Bytes object = object_of(small_program());
  std::string why_not;
  EXPECT_FALSE(LoadedObject::load(object, [](const std::string&) { return nullptr; }, why_not));
  EXPECT_NE(why_not.find("cotangent.exp.f64"), std::string::npos) << why_not;
}

TEST(ObjectLoader, AnotherProcessorIsRefused) {
  Bytes object = object_of(small_program());
  object[offsetof(Elf64_Ehdr, e_machine)] = std::byte{EM_AARCH64};
  std::string why_not;
  EXPECT_FALSE(LoadedObject::load(object, outside, why_not));
  EXPECT_EQ(why_not, "an object of another processor");
}

TEST(ObjectLoader, EveryTruncationIsRefusedOrWhole) {
  const Bytes object = object_of(small_program());
  std::string why_not;
  for (std::size_t size = 0; size < object.size(); ++size) {
    LoadedObject::load(std::span(object.data(), size), outside, why_not);
  }
  why_not.clear();
  EXPECT_FALSE(LoadedObject::load(std::span(object.data(), object.size() / 2), outside, why_not));
  EXPECT_NE(why_not, "");
}

// With the address sanitizer this shows every access outside the object or the memory made for it.
TEST(ObjectLoader, DamageLeadsNowhere) {
  const Bytes object = object_of(small_program());
  std::string why_not;
  int refused = 0;
  for (std::size_t at = 0; at < object.size(); ++at) {
    for (const std::uint8_t to : {0x00, 0x01, 0x7f, 0x80, 0xff}) {
      Bytes damaged = object;
      damaged[at] = std::byte{to};
      refused += LoadedObject::load(damaged, outside, why_not) == nullptr;
    }
  }
  EXPECT_GT(refused, 100);
}

}  // namespace
}  // namespace cotangent::backend::cpu
