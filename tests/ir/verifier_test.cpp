// The verifier rejects each kind of malformed program. Builder makes none, so well-formed ones are
// damaged behind its back (the objects are not const, only the views of them).
#include "cotangent/ir/verifier.h"

#include <gtest/gtest.h>

#include "cotangent/ir/builder.h"
#include "cotangent/ir/text.h"

namespace cotangent::ir {
namespace {

Node& node(const FunctionPtr& f, std::uint32_t id) {
  return const_cast<Node&>(f->node(Value{id}));
}
Value& operand(const FunctionPtr& f, std::uint32_t id, std::size_t k) {
  return const_cast<Value&>(f->operands(Value{id})[k]);
}
template <class A>
A& attr(const FunctionPtr& f, std::uint32_t id) {
  return const_cast<A&>(f->attr_as<A>(Value{id}));
}

FunctionPtr sample() {
  return parse(R"(
    function sample(%0 x: f64[3], %1 s: f64) {
      %2 = sin %0 : f64[3]
      %3 = map %2, %1 {count=3, rows=1, roles=[stack,total]} : (f64[3], f64)
           body each(%0 i: i64, %1 x: f64, %2 s: f64) {
        %3 = mul %1, %2 : f64
        return %3, %1
      }
      %4 = project %3 {index=0} : f64[3]
      %5 = project %3 {index=1} : f64
      %6 = reduce_sum %4 {axes=[0]} : f64
      %7 = add %5, %6 : f64
      return %7
    })");
}

void expect_broken(const FunctionPtr& f, const std::string& rule) {
  try {
    verify(*f);
    FAIL() << "accepted, should say: " << rule;
  } catch (const InternalError& e) {
    EXPECT_NE(std::string(e.what()).find(rule), std::string::npos) << e.what();
  }
}

TEST(Verifier, AcceptsTheSample) {
  EXPECT_NO_THROW(verify(*sample()));
}

TEST(Verifier, OperandsComeBeforeUsers) {
  const FunctionPtr f = sample();
  operand(f, 2, 0) = Value{6};
  expect_broken(f, "an operand does not come before its user");
  operand(f, 2, 0) = Value{2};
  expect_broken(f, "an operand does not come before its user");
  operand(f, 2, 0) = Value{};
  expect_broken(f, "an operand does not come before its user");
}

TEST(Verifier, TypesAreTheInferredOnes) {
  const FunctionPtr f = sample();
  node(f, 2).type = node(f, 1).type;
  expect_broken(f, "the type differs from the inferred one");
  const FunctionPtr g = sample();
  node(g, 7).op = Op::kLt;
  expect_broken(g, "the type differs from the inferred one");
  const FunctionPtr h = sample();
  node(h, 7).op = Op::kAnd;
  expect_broken(h, "[and] does not take f64");
  const FunctionPtr k = sample();
  operand(k, 7, 0) = Value{0};
  expect_broken(k, "[add] shapes differ");
  const FunctionPtr axes = sample();
  attr<AxesAttr>(axes, 6).axes = {1};
  expect_broken(axes, "[reduce_sum] axis 1");
}

TEST(Verifier, NamesTheFunctionAndTheNode) {
  const FunctionPtr f = sample();
  node(f, 2).type = node(f, 1).type;
  expect_broken(f, "program 'sample', node %2 (sin)");
}

TEST(Verifier, SecondOrderOpsAreReadByProjectOnly) {
  const FunctionPtr f = sample();
  operand(f, 6, 0) = Value{3};
  expect_broken(f, "read by project");
  const FunctionPtr g = sample();
  operand(g, 4, 0) = Value{2};
  expect_broken(g, "read by project");
  const FunctionPtr h = sample();
  attr<IndexAttr>(h, 5).index = 2;
  expect_broken(h, "no such result");
  const FunctionPtr k = sample();
  attr<IndexAttr>(k, 5).index = 0;
  expect_broken(k, "type of the result");
  const FunctionPtr r = sample();
  const_cast<Value&>(r->results()[0]) = Value{3};
  expect_broken(r, "a result is read through project");
}

TEST(Verifier, ParametersComeFirstAndOnce) {
  const FunctionPtr f = sample();
  attr<IndexAttr>(f, 1).index = 0;
  expect_broken(f, "not in the parameter list");
  const FunctionPtr g = sample();
  attr<IndexAttr>(g, 1).index = 7;
  expect_broken(g, "not in the parameter list");
}

TEST(Verifier, ResultsAreNodes) {
  const FunctionPtr f = sample();
  const_cast<Value&>(f->results()[0]) = Value{99};
  expect_broken(f, "a result is no node");
}

TEST(Verifier, BodiesFitTheLayoutAndAreVerified) {
  const FunctionPtr f = sample();
  attr<MapAttr>(f, 3).count = 4;
  expect_broken(f, "[map] a row operand");
  const FunctionPtr g = sample();
  attr<MapAttr>(g, 3).roles.pop_back();
  expect_broken(g, "[map] one role a result");
  const FunctionPtr h = sample();
  attr<MapAttr>(h, 3).body = sample();
  expect_broken(h, "[map]");
  const FunctionPtr k = sample();
  node(attr<MapAttr>(k, 3).body, 3).op = Op::kLt;
  expect_broken(k, "program 'each', node %3 (lt)");
}

}  // namespace
}  // namespace cotangent::ir
