// Faults of compiled programs: told by call, data of a raw call, the evaluator's bits in lanes.
#include "cotangent/runtime/fault.h"

#include <gtest/gtest.h>

#include "cotangent/base/error.h"
#include "cotangent/ir/builder.h"
#include "cotangent/ir/evaluator.h"
#include "cotangent/runtime/executable.h"

namespace cotangent {
namespace {

using ir::Builder;
using ir::Tensor;
using ir::Value;

constexpr std::int64_t kLanes = 37;

/// Logistic maps side by side, with a check that x stays within [0, 1].
ir::FunctionPtr maps() {
  const ir::Type whole = ir::scalar(DType::kI64);
  Builder step("step"), lane("lane"), b("maps");
  step.param(whole);
  const Value r = step.param(ir::scalar()), x = step.param(ir::scalar());
  const Value next = step.mul(step.mul(r, x), step.sub(step.constant(1.0), x));
  step.set_span({0, 4, 9});
  const Value inside = step.le(step.unary(ir::Op::kAbs, next), step.constant(1.0));
  ir::LoopAttr loop;
  loop.trip = 1000;
  loop.invariants = loop.carries = 1;
  loop.body = step.finish({step.check(inside, next, {3, "x left [0, 1]"})});
  lane.param(whole);
  const Value own = lane.param(ir::scalar());
  const Value operands[] = {own, lane.constant(0.3)};
  const ir::FunctionPtr body = lane.finish(lane.loop(loop, operands));
  const Value rates = b.param({DType::kF64, {kLanes}}, "r");
  return b.finish(b.map({kLanes, 1, {ir::Role::kStack}, body}, std::span(&rates, 1)));
}

Tensor rates(std::int64_t bad) {
  Tensor r(ir::Type{DType::kF64, {kLanes}});
  for (std::int64_t k = 0; k < kLanes; ++k) r.set_real(k, 3.0L + 0.02L * k);
  if (bad >= 0) r.set_real(bad, 6);
  return r;
}

TEST(Fault, IsToldWithStepLaneAndPlace) {
  const auto e = runtime::compile(maps());
  ASSERT_EQ(e->checks().size(), 1u);
  const Tensor good = rates(-1), bad = rates(29);
  EXPECT_EQ(e->call(std::span(&good, 1)).size(), 1u);
  try {
    e->call(std::span(&bad, 1));
    FAIL() << "no fault";
  } catch (const UserError& error) {
    EXPECT_EQ(error.parts().what, "x left [0, 1], step 0, lane 29");
    EXPECT_EQ(error.parts().where, "program 'maps', source 0, bytes 4 to 9");
  }
  const SourcePtr source = std::make_shared<SourceFile>(SourceFile{"maps.toml", "x = r*x*(1-x)"});
  try {
    runtime::throw_fault({0, 29, 3, 0}, e->checks(), "maps", std::span(&source, 1));
  } catch (const UserError& error) {
    EXPECT_EQ(error.parts().where.substr(0, 13), "maps.toml:1:5");
  }
}

TEST(Fault, IsDataOfARawCall) {
  const auto e = runtime::compile(maps());
  const Tensor bad = rates(29);
  Tensor x(e->program()->result_type(0)), record(e->program()->result_type(1));
  const void* in[] = {bad.data()};
  void* out[] = {x.data(), record.data()};
  e->call_raw(in, out);
  const auto fault = runtime::read_fault(record.as<std::int64_t>());
  ASSERT_TRUE(fault);
  EXPECT_EQ(fault->step, 0);
  EXPECT_EQ(fault->lane, 29);
  EXPECT_EQ(fault->site, 3);
  EXPECT_EQ(x.as<double>()[29], 0.3);  // frozen where it was
}

TEST(Fault, OtherLanesHaveTheBitsTheyWouldHaveHad) {
  for (int bits : {128, 256, 512}) {
    if (bits > runtime::host_vector_bits() && bits > 128) continue;
    runtime::CompileOptions options;
    options.vector_bits = bits;
    const auto e = runtime::compile(maps(), options);
    const Tensor good = rates(-1), bad = rates(29);
    const auto clean = e->call_with_fault(std::span(&good, 1));
    const auto faulty = e->call_with_fault(std::span(&bad, 1));
    const auto want = ir::evaluate(*e->program(), std::span(&bad, 1));
    for (std::size_t k = 0; k < want.size(); ++k) EXPECT_TRUE(want[k].same_bits(faulty[k]));
    for (std::int64_t k = 0; k < kLanes; ++k) {
      if (k != 29) {
        EXPECT_EQ(clean[0].real(k), faulty[0].real(k));
      }
    }
  }
}

}  // namespace
}  // namespace cotangent
