// Every op of the table, forward and in reverse: the dot-product identity, f64 against differences,
// f32 against the f64 derivative. An op that is new in ops.def fails until it has a case here, or
// stands among those without a derivative.
#include <map>
#include <set>

#include "cotangent/transform/check_grad.h"
#include "tests/transform/support.h"

namespace cotangent::transform {
namespace {

struct Case {
  std::vector<Shape> shapes;  // of the parameters
  std::function<Values(Builder&, const Values&, DType)> build;
};

/// Nothing flows through these, or they are refused where it would.
const std::set<Op> kWithout = {
    Op::kParameter, Op::kConstant, Op::kIota,    Op::kNot,     Op::kAnd,       Op::kOr,
    Op::kXor,       Op::kShl,      Op::kShr,     Op::kLt,      Op::kLe,        Op::kEq,
    Op::kNe,        Op::kIsFinite, Op::kBitcast, Op::kArgsort, Op::kRandomBits};

const Shape kVector{3}, kRows{4, 3}, kMatrix{3, 3};

Value whole_numbers(Builder& b, std::initializer_list<std::int64_t> x) {
  return b.constant(Tensor::of<std::int64_t>(Shape{static_cast<std::int64_t>(x.size())}, x));
}

/// A well-conditioned matrix: 2 I + a.
Value shifted(Builder& b, Value a, DType t) {
  Tensor eye(Type{t, kMatrix});
  for (std::int64_t k = 0; k < 3; ++k) eye.set_real(4 * k, 2 + 0.5 * static_cast<double>(k));
  return b.add(a, b.constant(eye));
}
Value symmetric(Builder& b, Value a, DType t) {
  return shifted(b, b.add(a, b.transpose(a, {1, 0})), t);
}

Case elementwise(Op op, int arity) {
  return {std::vector<Shape>(static_cast<std::size_t>(arity), kVector),
          [=](Builder& b, const Values& x, DType) { return Values{b.elementwise(op, x)}; }};
}
Case reduction(Op op) {
  return {{kRows}, [=](Builder& b, const Values& x, DType) {
            return Values{b.reduce(op, x[0], {0}), b.reduce(op, x[0], {0, 1})};
          }};
}
Case one(Shape shape, Value (*build)(Builder&, Value)) {
  return {{shape}, [=](Builder& b, const Values& x, DType) { return Values{build(b, x[0])}; }};
}
Case factorisation(Op op, bool is_symmetric) {
  return {{kMatrix}, [=](Builder& b, const Values& x, DType t) {
            Values all = b.factor(op, is_symmetric ? symmetric(b, x[0], t) : shifted(b, x[0], t));
            if (op == Op::kLu) all.resize(1);  // the other is integers
            return all;
          }};
}

/// `body` with an index and the parameters.
FunctionPtr body_of_rows(const char* name, int indices, const std::vector<Type>& types,
                         const std::function<Values(Builder&, const Values&)>& build) {
  Builder b(name);
  Values x;
  for (int k = 0; k < indices; ++k) b.param(scalar(DType::kI64));
  for (const Type& t : types) x.push_back(b.param(t));
  return b.finish(build(b, x));
}

std::map<Op, Case> cases() {
  std::map<Op, Case> all;
  for (const OpInfo& entry : all_ops()) {
    if (entry.kind == OpKind::kElementwise && entry.arity > 0 && accepts(entry.op, DType::kF64) &&
        !kWithout.contains(entry.op)) {
      all[entry.op] = elementwise(entry.op, entry.arity);
    }
    if (entry.kind == OpKind::kReduce) all[entry.op] = reduction(entry.op);
  }
  all[Op::kSelect] = {{kVector, kVector}, [](Builder& b, const Values& x, DType) {
                        return Values{b.select(b.lt(x[0], x[1]), b.mul(x[0], x[0]), x[1])};
                      }};
  all[Op::kCast] = one(kVector, [](Builder& b, Value x) {
    const DType other = b.type(x).dtype == DType::kF64 ? DType::kF32 : DType::kF64;
    return b.cast(b.cast(b.mul(x, x), other), b.type(x).dtype);
  });
  all[Op::kReshape] = one(kRows, [](Builder& b, Value x) { return b.reshape(x, Shape{2, 6}); });
  all[Op::kTranspose] = one(kRows, [](Builder& b, Value x) { return b.transpose(x, {1, 0}); });
  all[Op::kBroadcast] =
      one(kVector, [](Builder& b, Value x) { return b.broadcast(x, Shape{3, 4}, {0}); });
  all[Op::kSlice] =
      one(kRows, [](Builder& b, Value x) { return b.slice(x, {1, 0}, {4, 3}, {2, 1}); });
  all[Op::kPad] = {{kRows, Shape{}}, [](Builder& b, const Values& x, DType) {
                     return Values{b.pad(x[0], x[1], {1, 0}, {0, 2}, {2, 1})};
                   }};
  all[Op::kConcatenate] = {{kRows, Shape{2, 3}}, [](Builder& b, const Values& x, DType) {
                             const Value parts[] = {x[0], x[1], x[0]};
                             return Values{b.concatenate(parts, 0)};
                           }};
  all[Op::kReverse] = one(kRows, [](Builder& b, Value x) { return b.reverse(x, {0, 1}); });
  all[Op::kGather] =
      one(kRows, [](Builder& b, Value x) { return b.gather(x, whole_numbers(b, {3, 1, 1, 9})); });
  all[Op::kScatterAdd] = {{kRows, kRows}, [](Builder& b, const Values& x, DType) {
                            const Value index = whole_numbers(b, {3, 1, 1, 9});
                            return Values{b.scatter_add(x[0], x[1], std::span(&index, 1))};
                          }};
  all[Op::kScatterSet] = {{kRows, kRows}, [](Builder& b, const Values& x, DType) {
                            const Value index = whole_numbers(b, {3, 1, 1, 9});
                            return Values{b.scatter_set(x[0], x[1], std::span(&index, 1))};
                          }};
  all[Op::kDotGeneral] = {{Shape{2, 3, 4}, Shape{4, 5, 2}}, [](Builder& b, const Values& x, DType) {
                            return Values{b.dot_general(x[0], x[1], DotAttr{{0}, {2}, {2}, {0}})};
                          }};
  all[Op::kSort] = one(kRows, [](Builder& b, Value x) { return b.sort(x, 0); });
  all[Op::kCumSum] = one(kRows, [](Builder& b, Value x) { return b.cumulative_sum(x, 1); });
  all[Op::kCheck] = {{kVector}, [](Builder& b, const Values& x, DType) {
                       const Value holds = b.lt(b.zeros(b.type(x[0])), x[0]);
                       return Values{b.check(holds, x[0], CheckAttr{1, "positive"})};
                     }};
  all[Op::kTriangularSolve] = {{kMatrix, kMatrix}, [](Builder& b, const Values& x, DType t) {
                                 const Value a = shifted(b, x[0], t);
                                 return Values{b.triangular_solve(a, x[1], SolveAttr{}),
                                               b.triangular_solve(a, x[1], SolveAttr{false, true})};
                               }};
  all[Op::kCholesky] = factorisation(Op::kCholesky, true);
  all[Op::kLu] = factorisation(Op::kLu, false);
  all[Op::kQr] = factorisation(Op::kQr, false);
  all[Op::kEigh] = factorisation(Op::kEigh, true);
  all[Op::kSvd] = factorisation(Op::kSvd, false);
  all[Op::kFft] = {{Shape{2, 6}, Shape{2, 6}}, [](Builder& b, const Values& x, DType) {
                     Values all = b.fft(FftAttr{FftKind::kForward, 1, 0}, x);
                     const Values back = b.fft(FftAttr{FftKind::kInverse, 2, 0}, x);
                     const Value half =
                         b.fft(FftAttr{FftKind::kRealForward, 1, 0}, std::span(x.data(), 1))[0];
                     all.insert(all.end(), back.begin(), back.end());
                     all.push_back(half);
                     return all;
                   }};

  // Rows, an invariant; a stack and a total.
  all[Op::kMap] = {{kRows, kVector}, [](Builder& b, const Values& x, DType t) {
                     const Type row{t, kVector};
                     MapAttr attr{4, 1, {Role::kStack, Role::kTotal}, nullptr};
                     attr.body =
                         body_of_rows("lane", 1, {row, row}, [](Builder& c, const Values& y) {
                           return Values{c.mul(y[0], y[1]), c.dot(y[0], c.mul(y[0], y[1]))};
                         });
                     return b.map(attr, x);
                   }};
  // An invariant, a carry, inputs; outputs at every second step.
  all[Op::kLoop] = {
      {kVector, kVector, kRows}, [](Builder& b, const Values& x, DType t) {
        const Type row{t, kVector};
        LoopAttr attr;
        attr.trip = 4;
        attr.invariants = attr.carries = attr.inputs = 1;
        attr.every = {2};
        attr.body = body_of_rows("step", 1, {row, row, row}, [&](Builder& c, const Values& y) {
          const Value next = c.add(c.mul(y[0], c.unary(Op::kSin, y[1])), c.mul(y[1], y[2]));
          return Values{next, c.mul(next, y[2])};
        });
        return b.loop(attr, x);
      }};
  all[Op::kPairSum] = {
      {kRows, Shape{4}, Shape{}}, [](Builder& b, const Values& x, DType t) {
        const Type row{t, kVector}, one{t, Shape{}};
        PairAttr attr{4, PairKind::kUnequal, 1, 2, {Role::kTotal, Role::kAtI, Role::kAtJ}, nullptr};
        attr.body = body_of_rows("pair", 2, {row, row, one, one}, [](Builder& c, const Values& y) {
          const Value d = c.sub(y[0], y[1]);
          const Value e = c.mul(y[2], c.mul(y[3], c.dot(d, d)));
          return Values{e, c.scale(e, d), c.mul(e, e)};
        });
        const Value operands[] = {x[0], x[0], x[1], x[2]};
        return b.pair_sum(attr, operands);
      }};
  all[Op::kWhile] = {
      {kVector, kVector}, [](Builder& b, const Values& x, DType t) {
        const Type row{t, kVector};
        WhileAttr attr;
        attr.invariants = attr.carries = 1;
        attr.limit = 9;
        attr.condition = body_of_rows("goes_on", 1, {row, row}, [&](Builder& c, const Values& y) {
          return Values{c.lt(c.reduce_sum(y[1]), c.splat(20, Type{t, Shape{}}))};
        });
        attr.body = body_of_rows("grow", 1, {row, row}, [&](Builder& c, const Values& y) {
          return Values{c.add(c.mul(y[1], c.splat(2, row)), c.mul(y[0], y[1]))};
        });
        return Values{b.while_loop(attr, x)[0]};
      }};
  all[Op::kCond] = {
      {kVector, kVector}, [](Builder& b, const Values& x, DType t) {
        const Type row{t, kVector};
        CondAttr attr;
        attr.on_true = body_of_rows("yes", 0, {row, row}, [](Builder& c, const Values& y) {
          return Values{c.mul(y[0], c.mul(y[1], y[1]))};
        });
        attr.on_false = body_of_rows("no", 0, {row, row}, [](Builder& c, const Values& y) {
          return Values{c.unary(Op::kLog, y[0])};
        });
        const Value p = b.lt(b.zeros(Type{t, Shape{}}), b.reduce_sum(x[0]));
        Values out;
        for (const Value predicate : {p, b.unary(Op::kNot, p)}) {
          const Value operands[] = {predicate, x[0], x[1]};
          out.push_back(b.cond(attr, operands)[0]);
        }
        return out;
      }};
  all[Op::kCall] = {{kVector, kVector}, [](Builder& b, const Values& x, DType t) {
                      const Type row{t, kVector};
                      CallAttr attr;
                      attr.body =
                          body_of_rows("called", 0, {row, row}, [](Builder& c, const Values& y) {
                            return Values{c.div(y[0], y[1]), c.dot(y[0], y[1])};
                          });
                      return b.call(attr, x);
                    }};
  all[Op::kProject] = all[Op::kMap];
  return all;
}

/// The case with a non-linear op before and after, so that factors matter, in f64 or f32.
FunctionPtr program(const Case& c, DType t) {
  Builder b("f");
  Values x;
  for (std::size_t k = 0; k < c.shapes.size(); ++k) {
    x.push_back(b.param(Type{t, c.shapes[k]}, "x" + std::to_string(k)));
  }
  for (Value& p : x) p = b.mul(p, b.add(p, b.splat(0.25, b.type(p))));
  Values out;
  for (Value y : c.build(b, x, t)) out.push_back(b.add(y, b.unary(Op::kSin, y)));
  return b.finish(out);
}

Tensors arguments(const Function& f, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  Tensors x;
  for (std::size_t k = 0; k < f.params().size(); ++k) {
    Tensor t(f.param_type(k));
    for (std::int64_t e = 0; e < t.size(); ++e) {
      t.set_real(
          e, static_cast<float>(0.2 + 0.6 * std::ldexp(static_cast<double>(random() >> 11), -53)));
    }
    x.push_back(t);
  }
  return x;
}

/// Results of a derivative program in f32 against those of the same program in f64.
void expect_near_double(const Function& single, const Tensors& x) {
  const FunctionPtr wide = in_double_precision(single);
  ASSERT_TRUE(wide);
  Tensors at;
  for (const Tensor& t : x) {
    Tensor w(t.type().dtype == DType::kF32 ? t.type().with_dtype(DType::kF64) : t.type());
    for (std::int64_t e = 0; e < t.size(); ++e) w.set_real(e, t.real(e));
    at.push_back(w);
  }
  const Tensors narrow = evaluate(single, x), exact = evaluate(*wide, at);
  double condition = 1;
  for (const Tensor& t : x) condition = std::max(condition, norm(t));
  for (std::size_t r = 0; r < exact.size(); ++r) {
    for (std::int64_t e = 0; e < exact[r].size(); ++e) {
      EXPECT_NEAR(static_cast<double>(narrow[r].real(e)), static_cast<double>(exact[r].real(e)),
                  1e-5 * condition * (1 + norm(exact[r])))
          << "result " << r << " element " << e;
    }
  }
}

TEST(OpTable, EveryOpForwardAndInReverse) {
  const std::map<Op, Case> all = cases();
  int tested = 0;
  for (const OpInfo& entry : all_ops()) {
    SCOPED_TRACE(entry.name);
    const auto found = all.find(entry.op);
    EXPECT_EQ(found == all.end(), kWithout.contains(entry.op)) << "needs a case here, or none";
    if (found == all.end()) continue;
    ++tested;
    const FunctionPtr f = program(found->second, DType::kF64);
    Positions wrt;
    for (std::size_t k = 0; k < f->params().size(); ++k) wrt.push_back(k);
    GradCheckOptions options;
    options.tolerance = 1e-6;
    options.identity_tolerance = 1e-12;
    // The one op that works in f32 and f64 at once.
    if (entry.op == Op::kCast) options.identity_tolerance = 1e-6;
    for (std::uint64_t seed : {1u, 2u}) {
      options.seed = seed;
      const GradCheck check = check_grad(*f, wrt, arguments(*f, seed), options);
      EXPECT_TRUE(check) << check.text() << "\n" << print(*f);
      EXPECT_EQ(check.kinks + check.no_digits, 0) << check.text();
    }
    const FunctionPtr single = program(found->second, DType::kF32);
    for (const FunctionPtr& derivative : {jvp(*single, wrt), vjp(*single, wrt)}) {
      expect_near_double(*derivative, arguments(*derivative, 3));
    }
  }
  EXPECT_EQ(tested + static_cast<int>(kWithout.size()), static_cast<int>(all_ops().size()));
}

// Where nothing flows the derivative is zero, and where it would be a lie it is refused.
TEST(OpTable, OpsWithoutADerivative) {
  for (const Op op : kWithout) {
    SCOPED_TRACE(name_of(op));
    EXPECT_TRUE(has_jvp_rule(op) || op == Op::kBitcast);
    if (info(op).kind != OpKind::kElementwise || op == Op::kBitcast) continue;
    Builder b("f");
    const Value x = b.param(Type{DType::kF64, kVector});
    const Type type = b.type(x);
    Value y = x;
    if (accepts(op, DType::kF64)) {
      y = info(op).arity == 1 ? b.unary(op, x) : b.binary(op, x, b.splat(0.5, type));
    } else {
      const Value whole = b.cast(x, DType::kI64);
      y = info(op).arity == 1 ? b.unary(op, whole) : b.binary(op, whole, whole);
    }
    const FunctionPtr g = grad(*b.finish({b.reduce_sum(b.cast(y, DType::kF64))}), {0});
    const Tensor slope = evaluate(*g, Tensors{vector_of({0.5, 1.5, 3})})[0];
    for (std::int64_t k = 0; k < 3; ++k) EXPECT_EQ(slope.real(k), 0);
  }
}

}  // namespace
}  // namespace cotangent::transform
