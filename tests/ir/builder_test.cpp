// Building: type inference and its refusals, sharing of equal nodes, dead code, spans, inlining.
#include "cotangent/ir/builder.h"

#include <gtest/gtest.h>

#include <cmath>

#include "cotangent/ir/evaluator.h"
#include "cotangent/ir/text.h"
#include "cotangent/ir/verifier.h"

namespace cotangent::ir {
namespace {

/// The message of the UserError that `build` throws on a builder with some parameters.
struct Bench {
  Builder b{"bench"};
  Value s = b.param(scalar());
  Value v3 = b.param({DType::kF64, {3}});
  Value m63 = b.param({DType::kF64, {6, 3}});
  Value f3 = b.param({DType::kF32, {3}});
  Value i3 = b.param({DType::kI64, {3}});
  Value p3 = b.param({DType::kBool, {3}});
  Value i = b.param(scalar(DType::kI64));
};

template <class Build>
std::string refusal(Build build) {
  Bench bench;
  try {
    build(bench);
  } catch (const UserError& e) {
    return e.what();
  } catch (const InternalError& e) {
    return std::string("INTERNAL ") + e.what();
  }
  return "(accepted)";
}

TEST(Inference, ResultsWithTooManyElementsAreRefusedByName) {
  using B = Bench&;
  const auto starts = [](const std::string& text, const std::string& with) {
    EXPECT_EQ(text.substr(0, with.size()), with);
  };
  const std::int64_t most = INT64_MAX;
  starts(refusal([&](B t) { t.b.pad(t.v3, t.s, {most}, {most}, {0}); }), "[pad] a result of shape");
  starts(refusal([&](B t) { t.b.pad(t.v3, t.s, {0}, {0}, {most}); }), "[pad] a result of shape");
  starts(refusal([&](B t) {
           const Value x = t.b.splat(1.0, {DType::kF64, {1LL << 40}});
           t.b.dot_general(x, x, {});
         }),
         "[dot_general] a result of shape [1099511627776,1099511627776] has more than 2^60 - 1");
  starts(refusal([&](B t) {
           const Value x = t.b.splat(1.0, {DType::kF64, {1LL << 59}});
           const Value parts[] = {x, x, x};
           t.b.concatenate(parts, 0);
         }),
         "[concatenate] a result of shape");
  // A stride beyond the axis takes one element.
  Bench bench;
  EXPECT_EQ(bench.b.type(bench.b.slice(bench.v3, {0}, {3}, {most})).shape, Shape{1});
}

TEST(Inference, RefusalsNameTheOpAndTheShapes) {
  using B = Bench&;
  const auto starts = [](const std::string& message, const std::string& expected) {
    EXPECT_EQ(message.substr(0, expected.size()), expected);
  };
  starts(refusal([](B t) { t.b.add(t.m63, t.v3); }), "[add] shapes differ: f64[6,3] and f64[3]");
  starts(refusal([](B t) { t.b.mul(t.v3, t.f3); }),
         "[mul] element types differ: f64[3] and f32[3]");
  starts(refusal([](B t) { t.b.fma(t.v3, t.v3, t.s); }),
         "[fma] shapes differ: f64[3], f64[3] and f64");
  starts(refusal([](B t) { t.b.unary(Op::kSin, t.i3); }), "[sin] does not take i64[3]");
  starts(refusal([](B t) { t.b.neg(t.p3); }), "[neg] does not take bool[3]");
  starts(refusal([](B t) { t.b.binary(Op::kAnd, t.v3, t.v3); }), "[and] does not take f64[3]");
  starts(refusal([](B t) { t.b.binary(Op::kShl, t.p3, t.p3); }), "[shl] does not take bool[3]");
  starts(refusal([](B t) { t.b.elementwise(Op::kAdd, std::span(&t.s, 1)); }),
         "[add] takes 2 operands, given 1");
  starts(refusal([](B t) { t.b.select(t.v3, t.v3, t.v3); }),
         "[select] the predicate is f64[3], not bool");
  starts(refusal([](B t) { t.b.select(t.p3, t.v3, t.f3); }),
         "[select] branches differ: f64[3] and f32[3]");
  starts(refusal([](B t) { t.b.select(t.p3, t.s, t.s); }),
         "[select] the predicate is bool[3], the branches f64");
  starts(refusal([](B t) { t.b.bitcast(t.v3, DType::kF32); }),
         "[bitcast] sizes differ: f64[3] to f32");
  starts(refusal([](B t) { t.b.reduce_sum(t.m63, {2}); }),
         "[reduce_sum] axis 2 of an array with 2 axes");
  starts(refusal([](B t) { t.b.reduce_sum(t.m63, {1, 1}); }),
         "[reduce_sum] axes are not in ascending order");
  starts(refusal([](B t) { t.b.reduce(Op::kReduceMin, t.p3, {0}); }),
         "[reduce_min] does not take bool[3]");
  starts(refusal([](B t) { t.b.reshape(t.m63, {4, 4}); }),
         "[reshape] sizes differ: f64[6,3] to [4,4]");
  starts(refusal([](B t) { t.b.transpose(t.m63, {0, 0}); }),
         "[transpose] not a permutation of the axes");
  starts(refusal([](B t) { t.b.transpose(t.m63, {0}); }),
         "[transpose] one entry an axis is wanted for f64[6,3]");
  starts(refusal([](B t) { t.b.broadcast(t.v3, {3, 2}, {1}); }),
         "[broadcast] f64[3] does not fit [3,2]");
  starts(refusal([](B t) { t.b.broadcast_to(t.v3, {}); }), "[broadcast] ");
  starts(refusal([](B t) { t.b.slice(t.v3, {1}, {4}, {1}); }),
         "[slice] [1:4:1] on axis 0 of f64[3]");
  starts(refusal([](B t) { t.b.slice(t.v3, {2}, {1}, {1}); }), "[slice] [2:1:1]");
  starts(refusal([](B t) { t.b.slice(t.v3, {0}, {3}, {0}); }), "[slice] [0:3:0]");
  starts(refusal([](B t) { t.b.pad(t.v3, t.s, {-1}, {0}, {0}); }), "[pad] negative padding");
  starts(refusal([](B t) { t.b.pad(t.v3, t.i, {1}, {0}, {0}); }),
         "[pad] the value is i64, the array f64[3]");
  starts(refusal([](B t) {
           const Value parts[] = {t.v3, t.f3};
           t.b.concatenate(parts, 0);
         }),
         "[concatenate] parts differ off the axis: f64[3] and f32[3]");
  starts(refusal([](B t) { t.b.concatenate({}, 0); }), "[concatenate] takes at least one operand");
  starts(refusal([](B t) { t.b.reverse(t.v3, {1}); }), "[reverse] axis 1 of an array with 1 axes");
  starts(refusal([](B t) { t.b.gather(t.v3, t.v3); }),
         "[gather] an index is f64[3], not an integer");
  starts(refusal([](B t) { t.b.gather(t.s, t.i); }), "[gather] 1 index arrays for f64");
  starts(refusal([](B t) { t.b.scatter_add(t.m63, t.v3, std::span(&t.i3, 1)); }),
         "[scatter_add] updates are f64[3], should be f64[3,3]");
  starts(refusal([](B t) { t.b.scatter_add(t.p3, t.p3, std::span(&t.i3, 1)); }),
         "[scatter_add] cannot add bool");
  starts(refusal([](B t) { t.b.dot_general(t.m63, t.v3, {{}, {}, {0}, {0}}); }),
         "[dot_general] paired axes differ in length: f64[6,3] and f64[3]");
  starts(refusal([](B t) { t.b.dot_general(t.v3, t.v3, {{0}, {0}, {0}, {0}}); }),
         "[dot_general] an axis is named twice");
  starts(refusal([](B t) { t.b.dot_general(t.v3, t.v3, {{}, {}, {1}, {0}}); }),
         "[dot_general] axis out of range");
  starts(refusal([](B t) { t.b.dot(t.m63, t.v3); }), "[dot] ");
  starts(refusal([](B t) { t.b.iota({DType::kF64, {}}, 0); }), "[iota] ");
  starts(refusal([](B t) { t.b.constant(0.5, DType::kI32); }), "[constant] ");
}

/// A body (i, x: `in`) -> -x.
FunctionPtr negation(Type in) {
  Builder body("negation");
  body.param(scalar(DType::kI64));
  return body.finish({body.neg(body.param(in))});
}

TEST(Inference, SecondOrderLayouts) {
  using B = Bench&;
  const auto starts = [](const std::string& message, const std::string& expected) {
    EXPECT_EQ(message.substr(0, expected.size()), expected);
  };
  const FunctionPtr of_scalar = negation(scalar()), of_row = negation({DType::kF64, {3}});
  const auto map = [](B t, FunctionPtr body, std::int64_t count, std::int64_t rows,
                      std::vector<Role> roles, Value x) {
    t.b.map({count, rows, std::move(roles), std::move(body)}, std::span(&x, 1));
  };
  EXPECT_EQ(refusal([&](B t) { map(t, of_row, 6, 1, {Role::kStack}, t.m63); }), "(accepted)");
  EXPECT_EQ(refusal([&](B t) { map(t, of_row, 2, 0, {Role::kTotal}, t.v3); }), "(accepted)");
  starts(refusal([&](B t) { map(t, of_row, 5, 1, {Role::kStack}, t.m63); }),
         "[map] a row operand is f64[6,3], its first axis should have length 5");
  starts(refusal([&](B t) { map(t, of_scalar, 6, 1, {Role::kStack}, t.m63); }),
         "[map] body parameter 1 is f64, given f64[3]");
  starts(refusal([&](B t) { map(t, of_row, 6, 1, {}, t.m63); }), "[map] one role a result");
  starts(refusal([&](B t) { map(t, of_row, 6, 1, {Role::kAtI}, t.m63); }), "[map] role is");
  starts(refusal([&](B t) { map(t, of_row, 6, 2, {Role::kStack}, t.m63); }), "[map] bad counts");
  starts(refusal([&](B t) { map(t, of_row, -1, 0, {Role::kStack}, t.v3); }), "[map] bad counts");

  const auto pairs = [](B t, FunctionPtr body, Role role, Value x) {
    t.b.pair_sum({6, PairKind::kLess, 1, 0, {role}, std::move(body)}, std::span(&x, 1));
  };
  starts(refusal([&](B t) { pairs(t, of_row, Role::kTotal, t.m63); }),
         "[pair_sum] the body takes another number of parameters");

  const auto loop = [](B t, FunctionPtr body, LoopAttr attr, std::vector<Value> operands) {
    attr.body = std::move(body);
    t.b.loop(attr, operands);
  };
  EXPECT_EQ(refusal([&](B t) { loop(t, of_row, {4, 0, 1, 0, {}, false, {}}, {t.v3}); }),
            "(accepted)");
  EXPECT_EQ(refusal([&](B t) { loop(t, of_row, {4, 0, 1, 0, {}, true, {}}, {t.v3, t.i, t.i}); }),
            "(accepted)");
  starts(refusal([&](B t) { loop(t, of_row, {4, 0, 1, 0, {}, true, {}}, {t.v3}); }),
         "[loop] another number of operands");
  starts(refusal([&](B t) { loop(t, of_row, {4, 0, 1, 0, {}, true, {}}, {t.v3, t.i, t.s}); }),
         "[loop] first and count are i64 scalars");
  starts(refusal([&](B t) { loop(t, of_row, {4, 0, 1, 0, {2}, false, {}}, {t.v3}); }),
         "[loop] the body gives another number of results");
  starts(refusal([&](B t) { loop(t, of_row, {4, 1, 0, 0, {0}, false, {}}, {t.v3}); }),
         "[loop] every is at least 1");
  starts(refusal([&](B t) { loop(t, of_row, {5, 0, 0, 1, {1}, false, {}}, {t.m63}); }),
         "[loop] a row operand is f64[6,3]");

  // A carry must keep its type.
  Builder body("cast");
  body.param(scalar(DType::kI64));
  const FunctionPtr changes = body.finish({body.cast(body.param(scalar()), DType::kF32)});
  starts(refusal([&](B t) { loop(t, changes, {4, 0, 1, 0, {}, false, {}}, {t.s}); }),
         "[loop] carry 0 is f64 and becomes f32");
  // Bools cannot be summed.
  Builder test("test");
  test.param(scalar(DType::kI64));
  const Value x = test.param(scalar());
  const FunctionPtr compares = test.finish({test.lt(x, x)});
  starts(refusal([&](B t) { map(t, compares, 4, 0, {Role::kTotal}, t.s); }),
         "[map] cannot sum bool");
  EXPECT_EQ(refusal([&](B t) { map(t, compares, 4, 0, {Role::kStack}, t.s); }), "(accepted)");
  // No result at all.
  Builder none("none");
  none.param(scalar(DType::kI64));
  const FunctionPtr nothing = none.finish({});
  starts(refusal([&](B t) { t.b.map({2, 0, {}, nothing}, {}); }), "[map] the body gives no result");
}

TEST(Inference, ResultTypes) {
  Bench t;
  Builder& b = t.b;
  const auto is = [&](Value v, const std::string& text) { EXPECT_EQ(b.type(v).text(), text); };
  is(b.lt(t.v3, t.v3), "bool[3]");
  is(b.unary(Op::kIsFinite, t.f3), "bool[3]");
  is(b.cast(t.p3, DType::kU32), "u32[3]");
  is(b.bitcast(t.v3, DType::kU64), "u64[3]");
  is(b.reduce_sum(t.m63), "f64");
  is(b.reduce_sum(t.m63, {0}), "f64[3]");
  is(b.reshape(t.m63, {2, 9}), "f64[2,9]");
  is(b.transpose(t.m63, {1, 0}), "f64[3,6]");
  is(b.broadcast(t.v3, {3, 5}, {0}), "f64[3,5]");
  is(b.broadcast_to(t.v3, {4, 3}), "f64[4,3]");
  is(b.slice(t.m63, {1, 0}, {6, 3}, {2, 1}), "f64[3,3]");
  is(b.slice_rows(t.m63, 2, 4), "f64[2,3]");
  is(b.row(t.m63, 5), "f64[3]");
  is(b.pad(t.v3, t.s, {1}, {2}, {3}), "f64[12]");
  const Value parts[] = {t.m63, t.m63};
  is(b.concatenate(parts, 1), "f64[6,6]");
  is(b.gather(t.m63, t.i3), "f64[3,3]");
  is(b.gather(t.m63, t.i), "f64[3]");
  const Value both[] = {t.i3, t.i3};
  is(b.gather(t.m63, both), "f64[3]");
  is(b.scatter_set(t.m63, t.v3, both), "f64[6,3]");
  is(b.dot(t.m63, t.m63), "f64[6]");
  is(b.dot_general(t.m63, t.m63, {{1}, {1}, {}, {}}), "f64[3,6,6]");
  is(b.scale(t.s, t.m63), "f64[6,3]");
  is(b.iota({DType::kI32, {4}}, 0), "i32[4]");
  is(b.zeros({DType::kBool, {2, 2}}), "bool[2,2]");
}

TEST(Builder, EqualNodesAreOneNode) {
  Bench t;
  Builder& b = t.b;
  EXPECT_EQ(b.sub(t.v3, t.v3), b.sub(t.v3, t.v3));
  EXPECT_EQ(b.add(t.s, b.neg(t.s)), b.add(b.neg(t.s), t.s));
  EXPECT_EQ(b.mul(t.v3, b.neg(t.v3)), b.mul(b.neg(t.v3), t.v3));
  EXPECT_NE(b.sub(t.s, b.neg(t.s)), b.sub(b.neg(t.s), t.s));
  // min takes its second operand on a tie, so the order matters.
  EXPECT_NE(b.binary(Op::kMin, t.s, b.neg(t.s)), b.binary(Op::kMin, b.neg(t.s), t.s));
  EXPECT_EQ(b.constant(0.1), b.constant(0.1));
  EXPECT_NE(b.constant(0.0), b.constant(-0.0));
  EXPECT_NE(b.constant(1.0), b.constant(1.0, DType::kF32));
  EXPECT_EQ(b.constant(Tensor::scalar_of(0.0)), b.constant(0.0));
  EXPECT_EQ(b.constant(Tensor::scalar_of<double>(NAN)), b.constant(Tensor::scalar_of<double>(NAN)));
  EXPECT_NE(b.reduce_sum(t.m63, {0}), b.reduce_sum(t.m63, {1}));
  EXPECT_EQ(b.reduce_sum(t.m63, {1, 0}), b.reduce_sum(t.m63));
  EXPECT_NE(b.cast(t.s, DType::kF32), b.cast(t.s, DType::kI32));
}

TEST(Builder, FinishKeepsParametersAndWhatIsNeeded) {
  Builder b("f");
  const Value x = b.param(scalar(), "x");
  b.param(scalar(), "unused");
  b.mul(x, x);
  const Value y = b.unary(Op::kSin, x);
  const FunctionPtr f = b.finish({y, y});
  EXPECT_EQ(print(*f),
            "function f(%0 x: f64, %1 unused: f64) {\n  %2 = sin %0 : f64\n  return %2, %2\n}\n");
  verify(*f);
  EXPECT_EQ(f->total_size(), 3u);
}

TEST(Builder, FinishForgetsTheTypesItKnew) {
  Builder b("f");
  const Value x = b.param({DType::kF64, {3}});
  b.finish({b.add(x, x)});
  const Value y = b.param({DType::kF32, {5}});
  EXPECT_EQ(b.type(b.add(y, y)), (Type{DType::kF32, {5}}));
}

TEST(Builder, IntegerConstantsFitTheirType) {
  Builder b("f");
  const auto value = [&](double x, DType t) {
    return b.so_far().attr_as<LiteralAttr>(b.constant(x, t)).value->integer(0);
  };
  EXPECT_EQ(value(-3, DType::kI32), -3);
  EXPECT_EQ(value(0x1p31, DType::kU32), std::int64_t{1} << 31);
  EXPECT_EQ(value(-1, DType::kU32), 4294967295);
  EXPECT_EQ(static_cast<std::uint64_t>(value(0x1p63, DType::kU64)), std::uint64_t{1} << 63);
  EXPECT_EQ(static_cast<std::uint64_t>(value(-1, DType::kU64)), UINT64_MAX);
  EXPECT_EQ(value(1, DType::kBool), 1);
  for (const auto& [x, t] : {std::pair{0.5, DType::kI64},
                             {0x1p31, DType::kI32},
                             {0x1p63, DType::kI64},
                             {0x1p64, DType::kU64},
                             {2.0, DType::kBool},
                             {INFINITY, DType::kI64},
                             {double(NAN), DType::kU32}}) {
    EXPECT_THROW(b.constant(x, t), UserError) << x;
  }
}

TEST(Builder, MisuseIsInternal) {
  Builder b("f");
  const Value x = b.param(scalar());
  const Value y = b.neg(x);
  EXPECT_THROW(b.param(scalar()), InternalError);
  EXPECT_THROW(b.neg(Value{99}), InternalError);
  EXPECT_THROW(b.neg(Value{}), InternalError);
  EXPECT_THROW(b.make(Op::kParameter, {}, IndexAttr{0}, scalar()), InternalError);
  EXPECT_THROW(b.make(Op::kReduceSum, std::span(&x, 1), {}), InternalError);
  EXPECT_THROW(b.project(y, 0), InternalError);
  EXPECT_THROW(b.finish({Value{99}}), InternalError);
}

TEST(Builder, SpansAreGathered) {
  Builder b("f");
  const Value x = b.param(scalar());
  b.set_span({0, 10, 20});
  const Value y = b.neg(x);
  b.set_span({0, 30, 40});
  EXPECT_EQ(b.neg(x), y);
  const FunctionPtr f = b.finish({y});
  ASSERT_EQ(f->spans(f->results()[0]).size(), 2u);
  EXPECT_EQ(f->spans(f->results()[0])[0], (SourceSpan{0, 10, 20}));
  EXPECT_EQ(f->spans(f->results()[0])[1], (SourceSpan{0, 30, 40}));
  EXPECT_TRUE(f->spans(Value{0}).empty());
  // copy() carries them along.
  Builder c("g");
  const Value z = c.param(scalar());
  const FunctionPtr g = c.finish({c.inline_call(*f, std::span(&z, 1))[0]});
  EXPECT_EQ(g->spans(g->results()[0]).size(), 2u);
}

TEST(Builder, InlineCallSubstitutes) {
  Builder inner("inner");
  const Value a = inner.param(scalar()), c = inner.param(scalar());
  const FunctionPtr f = inner.finish({inner.sub(a, inner.mul(c, c)), a});
  Builder outer("outer");
  const Value x = outer.param(scalar());
  const Value arguments[] = {x, outer.constant(3.0)};
  const auto results = outer.inline_call(*f, arguments);
  EXPECT_EQ(results[1], x);
  const FunctionPtr g = outer.finish(results);
  EXPECT_EQ(evaluate(*g, std::vector{Tensor::scalar_of(10.0)})[0].real(0), 1.0L);
  Builder wrong("wrong");
  const Value y = wrong.param(scalar(DType::kF32));
  const Value bad[] = {y, y};
  EXPECT_THROW(wrong.inline_call(*f, bad), InternalError);
}

TEST(Function, StructuralEquality) {
  const auto build = [](const std::string& name, double c, bool twice, Role role) {
    Builder body(name);
    body.param(scalar(DType::kI64));
    const Value x = body.param(scalar());
    const FunctionPtr inner = body.finish({body.mul(x, body.constant(c))});
    Builder b(name);
    const Value v = b.param({DType::kF64, {4}}, name);
    const auto out = b.map({4, 1, {role}, inner}, std::span(&v, 1));
    return twice ? b.finish({out[0], out[0]}) : b.finish({out[0]});
  };
  const FunctionPtr f = build("f", 2, false, Role::kStack);
  EXPECT_TRUE(structurally_equal(*f, *build("g", 2, false, Role::kStack)));
  EXPECT_FALSE(structurally_equal(*f, *build("f", 3, false, Role::kStack)));
  EXPECT_FALSE(structurally_equal(*f, *build("f", 2, true, Role::kStack)));
  EXPECT_FALSE(structurally_equal(*f, *build("f", 2, false, Role::kTotal)));
}

TEST(Function, StructuralEqualityLooksAtEveryPart) {
  const auto text = [](const std::string& op, const std::string& operands, const std::string& axes,
                       const std::string& result) {
    return parse("function f(%0: f64[2,2], %1: f64[2,2]) { %2 = " + op + " " + operands +
                 " : f64[2,2] %3 = reduce_sum %2 {axes=[" + axes + "]} : f64[2] return %" + result +
                 " }");
  };
  const FunctionPtr f = text("sub", "%0, %1", "0", "3");
  EXPECT_TRUE(structurally_equal(*f, *text("sub", "%0, %1", "0", "3")));
  EXPECT_FALSE(structurally_equal(*f, *text("div", "%0, %1", "0", "3")));
  EXPECT_FALSE(structurally_equal(*f, *text("sub", "%1, %0", "0", "3")));
  EXPECT_FALSE(structurally_equal(*f, *text("sub", "%0, %1", "1", "3")));
  EXPECT_FALSE(structurally_equal(*f, *text("sub", "%0, %1", "0", "3, %2")));
  EXPECT_FALSE(structurally_equal(*f, *text("sub", "%0, %1", "0", "2")));
  const auto param = [](const std::string& type) {
    return parse("function f(%0: " + type + ") { return %0 }");
  };
  EXPECT_FALSE(structurally_equal(*param("f64"), *param("f32")));
  EXPECT_FALSE(structurally_equal(*param("f64"), *param("f64[1]")));
}

TEST(Function, SplatsAreSeenThroughBroadcast) {
  Builder b("f");
  const Value x = b.param(scalar());
  const Value two = b.splat(2, {DType::kF64, {2, 3}});
  const Value literal = b.constant(Tensor::of<double>({2}, {2, 2}));
  const Value mixed = b.constant(Tensor::of<double>({2}, {2, 3}));
  const Value minus_zero = b.constant(-0.0);
  const FunctionPtr f =
      b.finish({two, b.reshape(two, {6}), literal, mixed, minus_zero, b.broadcast_to(x, {2})});
  const auto is = [&](std::size_t k, double value) { return f->is_splat(f->results()[k], value); };
  EXPECT_TRUE(is(0, 2) && is(1, 2) && is(2, 2));
  EXPECT_FALSE(is(0, 1) || is(3, 2) || is(3, 3) || is(5, 0));
  EXPECT_TRUE(is(4, -0.0));
  EXPECT_FALSE(is(4, 0.0));
}

}  // namespace
}  // namespace cotangent::ir
