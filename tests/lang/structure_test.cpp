// What traced programs look like: places, parameters, rows, sizes.
#include <gtest/gtest.h>

#include "cotangent/ir/verifier.h"
#include "tests/lang/support.h"

namespace cotangent::lang::testing {
namespace {

World particles() {
  World w({4, 3});
  w.real("m", {4}, {1.5, 2.5, 0.75, 3.25})
      .real("k", 2.25)
      .whole("n", 3)
      .whole("type", {4}, {0, 1, 1, 0})
      .real("eps", {2, 2}, {1.0, 0.5, 0.25, 2.0});
  return w;
}

const char* const kExpressions[] = {
    "2.5*k + pi",
    "sum(i, dot(p[i], p[i]) / (2*m[i]))",
    "sum(i<j if norm(q[i] - q[j]) < 2.5, eps[type[i], type[j]] / norm(q[i] - q[j])^6)",
    "sum(i, sum(j in 0..i, q[i,0]*(j + 0.5)))",
    "min_over(i<j, norm(q[i] - q[j])) + prod(i, m[i])",
    "sum(i in 0..len(q)-1, where(i % 2 == 0, (q[i+1,0] - q[i,0])^2, 0.25))",
    "sum(i<j<l, q[i,0]*q[j,1]*q[l,2])",
    "cross(q[0], p[1])[2]*atan2(t, k)",
};

void expect_spans(const ir::Function& f, const std::string& text) {
  for (std::uint32_t id = 0; id < f.size(); ++id) {
    const ir::Value v{id};
    if (f.op(v) == ir::Op::kParameter || f.op(v) == ir::Op::kProject) continue;
    ASSERT_FALSE(f.spans(v).empty()) << ir::name_of(f.op(v)) << " in " << text;
    for (const SourceSpan& s : f.spans(v)) {
      EXPECT_LT(s.begin, s.end);
      EXPECT_LE(s.end, text.size());
    }
    if (const ir::FunctionPtr body = ir::body_of(f.attr(v))) expect_spans(*body, text);
  }
}

TEST(Structure, EveryNodeHasItsPlace) {
  const World w = particles();
  for (const char* text : kExpressions) expect_spans(*w.observable(text), text);
}

TEST(Structure, EveryProgramIsValid) {
  const World w = particles();
  for (const char* text : kExpressions) EXPECT_NO_THROW(ir::verify(*w.observable(text))) << text;
}

TEST(Structure, TracingIsDeterministic) {
  const World w = particles();
  for (const char* text : kExpressions) {
    EXPECT_TRUE(ir::structurally_equal(*w.observable(text), *w.observable(text))) << text;
  }
}

TEST(Structure, ParametersInOrder) {
  const World w = particles();
  const auto energy = trace_energy(w.names, "h", *parse_expression(plain_text("k")));
  EXPECT_EQ(energy->name(), "h");
  ASSERT_EQ(energy->params().size(), 6u);  // q p t m k eps; integers are baked in
  const char* const names[] = {"q", "p", "t", "m", "k", "eps"};
  for (std::size_t k = 0; k < 6; ++k) EXPECT_EQ(energy->param_names()[k], names[k]);
  EXPECT_EQ(energy->param_type(0).text(), "f64[4,3]");
  EXPECT_EQ(energy->param_type(2).text(), "f64");
  EXPECT_EQ(energy->param_type(5).text(), "f64[2,2]");
  const auto observable = w.observable("q");
  ASSERT_EQ(observable->params().size(), 7u);
  EXPECT_EQ(observable->param_names()[2], "v");
  EXPECT_EQ(observable->result_type(0).text(), "f64[4,3]");
}

TEST(Structure, NothingIsUnrolled) {
  World large({1000, 3});
  const auto size = [&](const char* text) { return large.observable(text)->total_size(); };
  EXPECT_LT(size("sum(i, dot(p[i], p[i])/2)"), 20u);
  EXPECT_LT(size("sum(i<j, 1/norm(q[i] - q[j]))"), 20u);
  EXPECT_LT(size("sum(i, (q[(i+1) % len(q),0] - q[i,0])^2)"), 40u);
  EXPECT_LT(size("sum(i, sum(k, q[i,k]^4))"), 20u);
}

TEST(Structure, NoAccessByOneIndexGathersInABody) {
  World w({6});
  w.whole("next", {6}, {3, 1, 4, 0, 5, 2});
  for (const char* text : {"sum(i, q[next[i]]*p[i])", "sum(i in 0..6, q[i*i % 6])",
                           "sum(i<j, q[next[i]]*q[j])", "sum(i if next[i] != 1, q[next[i]])"}) {
    const auto f = w.observable(text);
    EXPECT_EQ(count_ops_outside(*f, ir::Op::kGather), count_ops(*f, ir::Op::kGather)) << text;
    EXPECT_GE(count_ops_outside(*f, ir::Op::kGather), 1) << text;
  }
}

TEST(Structure, LargeSumsOfAHugeRangeAreCheap) {
  World w({3});
  EXPECT_LT(w.observable("sum(i in 0..1000000000, 1.0/(i+1))")->total_size(), 20u);
  EXPECT_NE(w.error("sum(i in 0..1000000000 if i % 3 == 1 and q[i % 3] > 0, 1.0)"), "");
}

}  // namespace
}  // namespace cotangent::lang::testing
