// The two-body flow: against 60 digits, its structure, its derivative, compiled code.
#include "cotangent/mechanics/kepler_flow.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <random>

#include "cotangent/ir/evaluator.h"
#include "cotangent/mechanics/programs.h"
#include "cotangent/runtime/executable.h"
#include "cotangent/transform/derivatives.h"
#include "cotangent/transform/passes.h"
#include "cotangent/transform/vmap.h"
#include "tests/mechanics/kepler_reference.h"
#include "tests/mechanics/systems.h"

namespace cotangent::mechanics::test {
namespace {

using ir::Tensor;

constexpr double kEps = 0x1p-52;

double norm(const double* x) {
  return std::sqrt(x[0] * x[0] + x[1] * x[1] + x[2] * x[2]);
}
double distance(const double* x, const double* y) {
  const double d[3] = {x[0] - y[0], x[1] - y[1], x[2] - y[2]};
  return norm(d);
}

/// All cases of the table as bodies with steps of their own.
std::vector<Tensor> arguments(const std::vector<KeplerCase>& cases) {
  std::vector<double> r, v, k, h;
  for (const KeplerCase& c : cases) {
    r.insert(r.end(), c.start.begin(), c.start.begin() + 3);
    v.insert(v.end(), c.start.begin() + 3, c.start.end());
    k.push_back(c.k), h.push_back(c.h);
  }
  const auto n = static_cast<std::int64_t>(cases.size());
  return {tensor(Shape{n, 1, 3}, r), tensor(Shape{n, 1, 3}, v), tensor(Shape{n, 1}, k),
          tensor(Shape{n}, h)};
}

/// In units in the last place times (1 + condition): the worst of r and of v.
double worst_of_table(const std::vector<Tensor>& end, const std::vector<KeplerCase>& cases) {
  double worst = 0;
  for (std::size_t n = 0; n < cases.size(); ++n) {
    const KeplerCase& c = cases[n];
    const double r = distance(&end[0].as<double>()[3 * n], &c.end[0]) / norm(&c.end[0]);
    const double v = distance(&end[1].as<double>()[3 * n], &c.end[3]) / norm(&c.end[3]);
    const double here = std::max(r / (1 + c.r_condition), v / (1 + c.v_condition)) / kEps;
    if (!(here <= 4)) {
      ADD_FAILURE() << "e = " << c.e << ", h of a period " << c.share << ": r " << r << " v " << v
                    << " in ulp and condition " << here;
    }
    worst = std::max(worst, here);
  }
  return worst;
}

TEST(KeplerFlow, SixtyDigits) {
  const auto n = static_cast<std::int64_t>(kKeplerCases.size());
  const ir::FunctionPtr many = transform::vmap(kepler_flow(1, 3), n);
  const std::vector<Tensor> args = arguments(kKeplerCases);
  EXPECT_LT(worst_of_table(ir::evaluate(*many, args), kKeplerCases), 2);
  for (const int bits : {128, 512}) {
    runtime::CompileOptions options;
    options.vector_bits = std::min(bits, runtime::host_vector_bits());
    const auto compiled = runtime::compile(many, options);
    const std::vector<Tensor> end = compiled->call(args);
    EXPECT_LT(worst_of_table(end, kKeplerCases), 2);
    const std::vector<Tensor> same = ir::evaluate(*compiled->program(), args);
    EXPECT_TRUE(end[0].same_bits(same[0]) && end[1].same_bits(same[1])) << bits;
  }
}

/// All sorts of orbits: near and far, e from 0 to 1e3 and both sides of 1, any place, any h.
struct Sample {
  std::vector<double> r, v, k, h;
};
Sample samples(int n, unsigned seed) {
  std::mt19937_64 random(seed);
  std::uniform_real_distribution<double> unit(0, 1);
  Sample s;
  for (int i = 0; i < n; ++i) {
    const double kind = unit(random), tiny = std::pow(10.0, -8 * unit(random));
    const double e = kind < 0.3    ? unit(random)
                     : kind < 0.55 ? 1 - tiny
                     : kind < 0.8  ? 1 + tiny
                                   : 1 + std::pow(10.0, 5 * unit(random) - 2);
    const double q = std::pow(10.0, 4 * unit(random) - 2), k = std::pow(10.0, 4 * unit(random) - 2);
    const double widest = e < 1 ? M_PI : std::acos(-1 / e);
    const double f = (2 * unit(random) - 1) * 0.95 * widest, p = q * (1 + e);
    const double distance = p / (1 + e * std::cos(f)), speed = std::sqrt(k / p);
    s.r.insert(s.r.end(), {distance * std::cos(f), distance * std::sin(f)});
    s.v.insert(s.v.end(), {-speed * std::sin(f), speed * (e + std::cos(f))});
    s.k.push_back(k);
    const double sign = unit(random) < 0.5 ? -1 : 1;
    s.h.push_back(sign * std::sqrt(q * q * q / k) * std::pow(10.0, 7 * unit(random) - 4));
  }
  return s;
}

double energy(double k, const double* r, const double* v) {
  return (v[0] * v[0] + v[1] * v[1]) / 2 - k / std::hypot(r[0], r[1]);
}

TEST(KeplerFlow, AnyOrbitKeepsEnergyAndAngularMomentum) {
  constexpr int kCount = 20000;
  const Sample s = samples(kCount, 5);
  const auto program = runtime::compile(transform::vmap(kepler_flow(1, 2), kCount));
  const Tensor args[] = {tensor(Shape{kCount, 1, 2}, s.r), tensor(Shape{kCount, 1, 2}, s.v),
                         tensor(Shape{kCount, 1}, s.k), tensor(Shape{kCount}, s.h)};
  const std::vector<Tensor> end = program->call(args);
  double worst = 0;
  int far_off = 0;
  for (std::size_t i = 0; i < kCount; ++i) {
    const double* const r0 = &s.r[2 * i];
    const double* const v0 = &s.v[2 * i];
    const double* const r = &end[0].as<double>()[2 * i];
    const double* const v = &end[1].as<double>()[2 * i];
    const auto spin = [](const double* x, const double* y) { return x[0] * y[1] - x[1] * y[0]; };
    // The size of what each is the difference of, at either end.
    const auto scale = [&](const double* x, const double* y) {
      return s.k[i] / std::hypot(x[0], x[1]) + (y[0] * y[0] + y[1] * y[1]) / 2;
    };
    const double e = std::fabs(energy(s.k[i], r, v) - energy(s.k[i], r0, v0)) /
                     std::max(scale(r0, v0), scale(r, v));
    const double size = std::max(std::hypot(r0[0], r0[1]) * std::hypot(v0[0], v0[1]),
                                 std::hypot(r[0], r[1]) * std::hypot(v[0], v[1]));
    const double l = std::fabs(spin(r, v) - spin(r0, v0)) / size;
    const double here = std::isnan(e + l) ? 1 : std::max(e, l);
    worst = std::max(worst, here);
    if (here > 20 * kEps) ++far_off;
  }
  // A pass from far through a narrow pericentre multiplies round-off: f and g are large there.
  EXPECT_LT(worst, 500 * kEps);
  EXPECT_LT(far_off, kCount / 100);
}

TEST(KeplerFlow, NeighboursDoNotMatter) {
  // Body 0 needs no search; its neighbour does at 0.01 and does not at 1.5.
  const ir::FunctionPtr two = kepler_flow(2, 2);
  for (int k = 0; k < 40; ++k) {
    const auto first = [&](double x) {
      const Tensor args[] = {tensor(Shape{2, 2}, {1, 0, x, 0}),
                             tensor(Shape{2, 2}, {0.01 * k, 1.1, 0, std::sqrt(1.9 / x)}),
                             tensor(Shape{2}, {1, 1}), Tensor::scalar_of(0.3)};
      const std::vector<Tensor> end = ir::evaluate(*two, args);
      return std::array{end[0].as<double>()[0], end[0].as<double>()[1], end[1].as<double>()[0],
                        end[1].as<double>()[1]};
    };
    EXPECT_EQ(first(1e-2), first(1.5)) << k;
  }
}

TEST(KeplerFlow, ThereAndBackAndWholePeriods) {
  const double e = 0.7, p = std::sqrt((1 + e) / (1 - e));
  const ir::FunctionPtr flow = kepler_flow(1, 2);
  const auto at = [&](const Tensor& r, const Tensor& v, double h) {
    const Tensor args[] = {r, v, tensor(Shape{1}, {1}), Tensor::scalar_of(h)};
    return ir::evaluate(*flow, args);
  };
  const Tensor r = tensor(Shape{1, 2}, {1 - e, 0}), v = tensor(Shape{1, 2}, {0, p});
  for (const double h : {0.01, 2.0, 2 * M_PI, 200 * M_PI}) {
    const std::vector<Tensor> there = at(r, v, h), back = at(there[0], there[1], -h);
    for (std::size_t k = 0; k < 2; ++k) {
      EXPECT_NEAR(back[0].as<double>()[k], r.as<double>()[k], 2e-15 * (1 + 10 * h));
      EXPECT_NEAR(back[1].as<double>()[k], v.as<double>()[k], 2e-14 * (1 + 10 * h));
    }
  }
  // 2 pi is a period, to round-off of h.
  EXPECT_NEAR(at(r, v, 2 * M_PI)[0].as<double>()[0], 1 - e, 1e-14);
  EXPECT_NEAR(at(r, v, 200 * M_PI)[0].as<double>()[1], 0, 5e-12);
}

TEST(KeplerFlow, NoPullIsFreeMotion) {
  const Tensor args[] = {tensor(Shape{1, 3}, {1, 2, 3}), tensor(Shape{1, 3}, {0.5, -1, 0.25}),
                         tensor(Shape{1}, {0}), Tensor::scalar_of(3.0)};
  const std::vector<Tensor> end = ir::evaluate(*kepler_flow(1, 3), args);
  const double expected[] = {2.5, -1, 3.75};
  for (std::size_t k = 0; k < 3; ++k) {
    EXPECT_NEAR(end[0].as<double>()[k], expected[k], 1e-14);
    EXPECT_NEAR(end[1].as<double>()[k], args[1].as<double>()[k], 1e-15);
  }
}

/// The matrix of the derivative of (r, v) by (r, v), and the columns by k and h.
std::vector<std::vector<double>> columns(const std::vector<Tensor>& args) {
  const ir::FunctionPtr pushed = transform::jvp(*kepler_flow(1, 2), {0, 1, 2, 3});
  std::vector<std::vector<double>> all;
  for (std::size_t c = 0; c < 6; ++c) {
    std::vector<Tensor> in = args;
    for (const Shape& shape : {Shape{1, 2}, Shape{1, 2}, Shape{1}, Shape{}}) {
      in.push_back(tensor(shape, std::vector<double>(static_cast<std::size_t>(shape.size()), 0)));
    }
    in[c < 4 ? 4 + c / 2 : 2 + c].as<double>()[c < 4 ? c % 2 : 0] = 1;
    const std::vector<Tensor> out = ir::evaluate(*pushed, in);
    const auto r = out[2].as<double>(), v = out[3].as<double>();
    all.push_back({r[0], r[1], v[0], v[1]});
  }
  return all;
}

TEST(KeplerFlow, ItsDerivativeIsThatOfTheExactFlow) {
  // Short, long, several periods, a hyperbola, a parabola; against differences of the flow itself
  // in long double, and the structure of a Hamiltonian flow.
  const ir::FunctionPtr flow = kepler_flow(1, 2);
  ir::EvaluateOptions extended;
  extended.extended = true;
  for (const auto& [speed, h] : std::vector<std::pair<double, double>>{
           {1.2, 0.05}, {1.2, 9.0}, {1.2, 400.0}, {1.9, -2.0}, {M_SQRT2, 0.7}, {0.3, 1.1}}) {
    const std::vector<Tensor> args = {tensor(Shape{1, 2}, {0.9, 0.3}),
                                      tensor(Shape{1, 2}, {-0.2, speed}), tensor(Shape{1}, {1.1}),
                                      Tensor::scalar_of(h)};
    const auto m = columns(args);
    double size = 0;
    for (const auto& column : m) {
      for (double x : column) size = std::max(size, std::fabs(x));
    }
    for (std::size_t c = 0; c < 6; ++c) {
      std::vector<std::vector<Tensor>> ends;
      for (const long double e : {1e-6L, -1e-6L}) {
        std::vector<Tensor> in = args;
        Tensor& x = in[c < 4 ? c / 2 : c - 2];
        x = x.to_extended();
        const auto at = static_cast<std::int64_t>(c < 4 ? c % 2 : 0);
        x.set_real(at, x.real(at) + e);
        ends.push_back(ir::evaluate(*flow, in, extended));
      }
      for (std::size_t k = 0; k < 4; ++k) {
        const auto element = static_cast<std::int64_t>(k % 2);
        const long double d = (ends[0][k / 2].real(element) - ends[1][k / 2].real(element)) / 2e-6L;
        EXPECT_NEAR(m[c][k], static_cast<double>(d), 1e-9 * size * size) << speed << " " << h;
      }
    }
    const std::vector<std::vector<double>> state(m.begin(), m.begin() + 4);
    EXPECT_LT(symplectic_defect(state), 4e-15 * size * size) << speed << " " << h;
  }
}

TEST(KeplerFlow, SecondDerivativesAndReverse) {
  // h in the middle of the short branch and of the search; the gradient of |r|^2 by r, v, k, h, and
  // its own derivative along a direction, against differences.
  ir::Builder b("size");
  const ir::Type pair{DType::kF64, Shape{1, 2}}, one{DType::kF64, Shape{1}};
  const std::vector<ir::Value> in = {b.param(pair), b.param(pair), b.param(one),
                                     b.param(ir::scalar())};
  const std::vector<ir::Value> end = b.inline_call(*kepler_flow(1, 2), in);
  const ir::FunctionPtr size = b.finish({b.reduce_sum(b.mul(end[0], end[0]))});
  const ir::FunctionPtr gradient = transform::grad(*size, {0, 1, 2, 3});
  const ir::FunctionPtr second = transform::hvp(*size, {0});
  for (const double h : {0.05, 3.0}) {
    const std::vector<Tensor> args = {tensor(Shape{1, 2}, {0.9, 0.3}),
                                      tensor(Shape{1, 2}, {-0.2, 1.1}), tensor(Shape{1}, {1.1}),
                                      Tensor::scalar_of(h)};
    const auto moved = [&](std::size_t which, double by) {
      std::vector<Tensor> x = args;
      x[which].as<double>()[0] += by;
      return x;
    };
    const std::vector<Tensor> g = ir::evaluate(*gradient, args);
    for (std::size_t k = 0; k < 4; ++k) {
      const double d = (ir::evaluate(*size, moved(k, 1e-5))[0].as<double>()[0] -
                        ir::evaluate(*size, moved(k, -1e-5))[0].as<double>()[0]) /
                       2e-5;
      EXPECT_NEAR(g[k].as<double>()[0], d, 1e-7 * std::fabs(d)) << h << " " << k;
    }
    std::vector<Tensor> with = args;
    with.push_back(tensor(Shape{1, 2}, {1, 0}));
    const double d = (ir::evaluate(*gradient, moved(0, 1e-5))[0].as<double>()[1] -
                      ir::evaluate(*gradient, moved(0, -1e-5))[0].as<double>()[1]) /
                     2e-5;
    EXPECT_NEAR(ir::evaluate(*second, with)[0].as<double>()[1], d, 1e-6 * std::fabs(d)) << h;
  }
}

TEST(KeplerFlow, PartOfASystem) {
  // Two bodies with masses 2 and 0.5, strengths 3 and 1: momenta in and out.
  System s = empty_system(Shape{2, 2}, {reals("m", {2, 0.5}), reals("c", {3, 1})});
  const auto parameter = [&](std::size_t which) {
    ir::Builder b("p");
    std::vector<ir::Value> all;
    for (const Parameter& p : s.parameters) all.push_back(b.param(p.value.type(), p.name));
    return b.finish({all[which]});
  };
  const PartFlow part = kepler_part(s, parameter(0), parameter(1));
  EXPECT_TRUE(part.exact);
  const Tensor q = tensor(Shape{2, 2}, {1, 0, 0, 2}), p = tensor(Shape{2, 2}, {0, 2.5, -0.4, 0.1});
  const Tensor zero = Tensor::scalar_of(0.0), h = Tensor::scalar_of(0.3);
  const std::vector<Tensor> args = {q, p, zero, h, s.parameters[0].value, s.parameters[1].value};
  const std::vector<Tensor> end = ir::evaluate(*part.flow, args);
  const Tensor direct[] = {q, tensor(Shape{2, 2}, {0, 1.25, -0.8, 0.2}), tensor(Shape{2}, {1.5, 2}),
                           h};
  const std::vector<Tensor> expected = ir::evaluate(*kepler_flow(2, 2), direct);
  EXPECT_TRUE(end[0].same_bits(expected[0]));
  EXPECT_DOUBLE_EQ(end[1].as<double>()[0], 2 * expected[1].as<double>()[0]);
  EXPECT_DOUBLE_EQ(end[1].as<double>()[3], 0.5 * expected[1].as<double>()[3]);
  EXPECT_THROW(kepler_part(s, parameter(0), total_energy(kepler(0.1).system)), UserError);
  s.shape = Shape{};
  EXPECT_THROW(kepler_part(s, parameter(0), parameter(1)), UserError);
}

}  // namespace
}  // namespace cotangent::mechanics::test
