#include "tests/mechanics/systems.h"

#include <algorithm>
#include <cmath>

namespace cotangent::mechanics::test {

using ir::Builder;
using ir::Tensor;
using ir::Type;
using ir::Value;

namespace {
Type real_type(Shape s = {}) {
  return {DType::kF64, s};
}

Value half_square(Builder& b, Value x) {
  return b.mul(b.constant(0.5), b.mul(x, x));
}
Value component(Builder& b, Value x, std::int64_t k) {
  return b.row(x, k);
}
Value sum_of_squares(Builder& b, Value x) {
  return b.reduce_sum(b.mul(x, x));
}
}  // namespace

System empty_system(Shape shape, std::vector<Parameter> parameters) {
  System s;
  s.title = "test";
  s.shape = shape;
  s.parameters = std::move(parameters);
  return s;
}

void add_term(System& system, const std::string& name, const TermBody& body, SourceSpan span) {
  Builder b(name);
  TermValues v;
  v.q = b.param(real_type(system.shape), "q");
  v.p = b.param(real_type(system.shape), "p");
  v.t = b.param(real_type(), "t");
  for (const Parameter& p : system.parameters)
    v.parameters.push_back(b.param(p.value.type(), p.name));
  if (!span.empty()) b.set_span(span);
  system.terms.push_back({name, b.finish({body(b, v)}), span});
}

void add_observable(System& system, const std::string& name, std::int64_t every,
                    const TermBody& body) {
  Builder b(name);
  TermValues v;
  v.q = b.param(real_type(system.shape), "q");
  v.p = b.param(real_type(system.shape), "p");
  v.parameters.push_back(b.param(real_type(system.shape), "v"));
  v.t = b.param(real_type(), "t");
  for (const Parameter& p : system.parameters)
    v.parameters.push_back(b.param(p.value.type(), p.name));
  system.observables.push_back({name, b.finish({body(b, v)}), every, {}});
}

Tensor tensor(Shape shape, std::vector<double> values) {
  return Tensor::of<double>(shape, std::span<const double>(values));
}
Parameter real(const std::string& name, double value) {
  return {name, Tensor::scalar_of<double>(value), {}};
}
Parameter reals(const std::string& name, std::vector<double> values) {
  const auto n = static_cast<std::int64_t>(values.size());
  return {name, tensor(Shape{n}, std::move(values)), {}};
}

TermBody kinetic(std::size_t k) {
  return [k](Builder& b, const TermValues& v) {
    const Shape s = b.type(v.p).shape;
    Builder body("kinetic_i");
    body.param(ir::scalar(DType::kI64), "i");
    const Value p = body.param(real_type(s.row()), "p");
    const Value m = body.param(real_type(), "m");
    const Value square = s.rank() == 1 ? body.mul(p, p) : body.dot(p, p);
    ir::MapAttr attr;
    attr.count = s[0];
    attr.rows = 2;
    attr.roles = {ir::Role::kTotal};
    attr.body = body.finish({body.div(square, body.mul(body.constant(2.0), m))});
    const Value operands[] = {v.p, v.parameters[k]};
    return b.map(attr, operands)[0];
  };
}

TermBody sum_term(const std::function<Value(Builder&, Value, Value)>& f) {
  return [f](Builder& b, const TermValues& v) {
    const Shape s = b.type(v.q).shape;
    Builder body("sum_i");
    body.param(ir::scalar(DType::kI64), "i");
    const Value q = body.param(real_type(s.row()), "q");
    const Value p = body.param(real_type(s.row()), "p");
    ir::MapAttr attr;
    attr.count = s[0];
    attr.rows = 2;
    attr.roles = {ir::Role::kTotal};
    attr.body = body.finish({f(body, q, p)});
    const Value operands[] = {v.q, v.p};
    return b.map(attr, operands)[0];
  };
}

TermBody pair_term(std::vector<std::size_t> rows, std::vector<std::size_t> invariants,
                   const PairBody& f, ir::PairKind kind) {
  return [=](Builder& b, const TermValues& v) {
    const Shape s = b.type(v.q).shape;
    Builder body("pair");
    body.param(ir::scalar(DType::kI64), "i");
    body.param(ir::scalar(DType::kI64), "j");
    ir::PairAttr attr;
    attr.count = s[0];
    attr.kind = kind;
    attr.rows_i = attr.rows_j = static_cast<std::int64_t>(rows.size()) + 1;
    attr.roles = {ir::Role::kTotal};
    std::vector<Value> operands, row_values, invariant_values;
    const auto row_param = [&](Value x) {
      operands.push_back(x);
      return body.param(real_type(b.type(x).shape.row()), "");
    };
    const Value qi = row_param(v.q);
    for (std::size_t k : rows) row_values.push_back(row_param(v.parameters[k]));
    const Value qj = row_param(v.q);
    for (std::size_t k : rows) row_values.push_back(row_param(v.parameters[k]));
    for (std::size_t k : invariants) {
      operands.push_back(v.parameters[k]);
      invariant_values.push_back(body.param(b.type(v.parameters[k]), ""));
    }
    body.set_spans(b.spans());
    attr.body = body.finish({f(body, qi, qj, row_values, invariant_values)});
    return b.pair_sum(attr, operands)[0];
  };
}

Problem harmonic(double w) {
  Problem problem{empty_system(Shape{1}, {real("w", w)}), {}};
  add_term(problem.system, "kinetic", [](Builder& b, const TermValues& v) {
    return b.mul(b.constant(0.5), sum_of_squares(b, v.p));
  });
  add_term(problem.system, "spring", [](Builder& b, const TermValues& v) {
    const Value w = v.parameters[0];
    return b.mul(b.mul(b.constant(0.5), b.mul(w, w)), sum_of_squares(b, v.q));
  });
  problem.initial.q = tensor(Shape{1}, {1.0});
  problem.initial.p = tensor(Shape{1}, {0.0});
  return problem;
}

Problem kepler(double e) {
  Problem problem{empty_system(Shape{2}), {}};
  add_term(problem.system, "kinetic", [](Builder& b, const TermValues& v) {
    return b.mul(b.constant(0.5), sum_of_squares(b, v.p));
  });
  add_term(problem.system, "gravity", [](Builder& b, const TermValues& v) {
    return b.neg(b.div(b.constant(1.0), b.unary(ir::Op::kSqrt, sum_of_squares(b, v.q))));
  });
  problem.initial.q = tensor(Shape{2}, {1 - e, 0});
  problem.initial.p = tensor(Shape{2}, {0, std::sqrt((1 + e) / (1 - e))});
  return problem;
}

Problem henon_heiles() {
  Problem problem{empty_system(Shape{2}), {}};
  add_term(problem.system, "kinetic", [](Builder& b, const TermValues& v) {
    return b.mul(b.constant(0.5), sum_of_squares(b, v.p));
  });
  add_term(problem.system, "potential", [](Builder& b, const TermValues& v) {
    const Value x = component(b, v.q, 0), y = component(b, v.q, 1);
    const Value cubic = b.sub(b.mul(b.mul(x, x), y), b.div(b.mul(b.mul(y, y), y), b.constant(3.0)));
    return b.add(b.add(half_square(b, x), half_square(b, y)), cubic);
  });
  problem.initial.q = tensor(Shape{2}, {0.1, -0.2});
  problem.initial.p = tensor(Shape{2}, {0.35, 0.2});
  return problem;
}

Problem outer_solar_system() {
  // Hairer, Lubich, Wanner, Geometric Numerical Integration, I.2.3; AU, days, solar masses.
  const std::vector<double> m = {1.00000597682,      0.000954786104043,  0.000285583733151,
                                 0.0000437273164546, 0.0000517759138449, 1 / 1.3e8};
  const std::vector<double> q = {0,           0,           0,          -3.5023653,  -3.8169847,
                                 -1.5507963,  9.0755314,   -3.0458353, -1.6483708,  8.3101420,
                                 -16.2901086, -7.2521278,  11.4707666, -25.7294829, -10.8169456,
                                 -15.5387357, -25.2225594, -3.1902382};
  const std::vector<double> v = {0,           0,           0,          0.00565429, -0.00412490,
                                 -0.00190589, 0.00168318,  0.00483525, 0.00192462, 0.00354178,
                                 0.00137102,  0.00055029,  0.00288930, 0.00114527, 0.00039677,
                                 0.00276725,  -0.00170702, -0.00136504};
  Problem problem{empty_system(Shape{6, 3}, {real("G", 2.95912208286e-4), reals("m", m)}), {}};
  add_term(problem.system, "kinetic", kinetic(1));
  add_term(problem.system, "gravity", [](Builder& b, const TermValues& v) {
    const TermBody pairs =
        pair_term({1}, {0},
                  [](Builder& b, Value qi, Value qj, const std::vector<Value>& rows,
                     const std::vector<Value>& invariants) {
                    const Value r = b.sub(qi, qj);
                    return b.div(b.mul(b.mul(invariants[0], rows[0]), rows[1]),
                                 b.unary(ir::Op::kSqrt, b.dot(r, r)));
                  });
    return b.neg(pairs(b, v));
  });
  problem.initial.q = tensor(Shape{6, 3}, q);
  problem.initial.v = tensor(Shape{6, 3}, v);
  return problem;
}

Problem fput(std::int64_t n, double alpha) {
  Problem problem{empty_system(Shape{n}, {real("alpha", alpha)}), {}};
  add_term(problem.system, "kinetic", [](Builder& b, const TermValues& v) {
    return b.mul(b.constant(0.5), sum_of_squares(b, v.p));
  });
  add_term(problem.system, "chain", [n](Builder& b, const TermValues& v) {
    Builder body("spring");
    body.param(ir::scalar(DType::kI64), "i");
    const Value right = body.param(real_type(), "right"), left = body.param(real_type(), "left");
    const Value alpha = body.param(real_type(), "alpha");
    const Value r = body.sub(right, left);
    const Value cubic = body.div(body.mul(alpha, body.mul(body.mul(r, r), r)), body.constant(3.0));
    ir::MapAttr attr;
    attr.count = n - 1;
    attr.rows = 2;
    attr.roles = {ir::Role::kTotal};
    attr.body = body.finish({body.add(half_square(body, r), cubic)});
    const Value operands[] = {b.slice_rows(v.q, 1, n), b.slice_rows(v.q, 0, n - 1),
                              v.parameters[0]};
    return b.map(attr, operands)[0];
  });
  std::vector<double> q(static_cast<std::size_t>(n)), p(static_cast<std::size_t>(n), 0.0);
  for (std::size_t k = 0; k < q.size(); ++k) {
    q[k] = std::sin(M_PI * static_cast<double>(k) / static_cast<double>(n - 1));
  }
  problem.initial.q = tensor(Shape{n}, q);
  problem.initial.p = tensor(Shape{n}, p);
  return problem;
}

Problem driven_oscillator() {
  Problem problem = harmonic(1.0);
  add_term(problem.system, "drive", [](Builder& b, const TermValues& v) {
    return b.neg(b.mul(b.reduce_sum(v.q), b.unary(ir::Op::kCos, b.mul(b.constant(0.7), v.t))));
  });
  return problem;
}

Problem swinging_mass() {
  Problem problem = harmonic(1.0);
  problem.system.terms.erase(problem.system.terms.begin());
  add_term(problem.system, "kinetic", [](Builder& b, const TermValues& v) {
    const Value rate = b.add(b.constant(1.0), b.mul(b.constant(0.3), b.unary(ir::Op::kSin, v.t)));
    return b.mul(b.mul(b.constant(0.5), rate), sum_of_squares(b, v.p));
  });
  return problem;
}

RunSettings settings(double dt, std::int64_t steps, const std::string& method, std::int64_t every) {
  RunSettings s;
  s.dt = dt;
  s.steps = steps;
  s.method = method;
  s.every = every;
  return s;
}

Ready ready(const Problem& problem, const RunSettings& settings, const FlowOptions& options) {
  Ready r;
  r.facts = find_facts(problem.system, problem.initial);
  r.plan = make_plan(problem.system, r.facts, settings);
  r.flow = Flow::compile(problem.system, r.facts, r.plan, options);
  return r;
}

}  // namespace cotangent::mechanics::test
