// Derivatives of random programs: reverse = forward = reverse over forward = difference.
#include "cotangent/ir/random_program.h"
#include "tests/transform/support.h"

namespace cotangent::transform {
namespace {

/// Real parameters of f.
Positions real_params(const Function& f) {
  Positions wrt;
  for (std::size_t k = 0; k < f.params().size(); ++k) {
    if (is_float(f.param_type(k).dtype)) wrt.push_back(k);
  }
  return wrt;
}

void check_random(std::uint64_t seed, const RandomProgramOptions& options) {
  SCOPED_TRACE("seed " + std::to_string(seed));
  const FunctionPtr f = random_program(seed, options);
  const Positions wrt = real_params(*f);
  if (wrt.empty()) return;
  const Tensors x = random_arguments(*f, seed);
  std::mt19937_64 random(seed);
  Tensors d, with_d = x;
  for (std::size_t k : wrt) {
    d.push_back(random_like(f->param_type(k), random));
    with_d.push_back(d.back());
  }
  const FunctionPtr forward_program = jvp(*f, wrt), reverse_program = grad(*f, wrt);
  verify(*forward_program);
  verify(*reverse_program);
  const auto forward = static_cast<double>(evaluate(*forward_program, with_d)[1].real(0));
  const Tensors gradient = evaluate(*reverse_program, x);
  double reverse = 0, scale = 1e-3;
  for (std::size_t k = 0; k < wrt.size(); ++k) {
    reverse += dot(gradient[k], d[k]);
    scale += norm(gradient[k]) * norm(d[k]);
  }
  EXPECT_NEAR(reverse, forward, 1e-12 * scale);
  // At a kink (drawn arguments can tie in min and max) the derivative is between the one-sided
  // ones.
  EvaluateOptions extended;
  extended.extended = true;
  const auto value = [&](long double h) {
    return evaluate(*f, moved(x, wrt, d, h), extended)[0].real(0);
  };
  const long double middle = value(0);
  struct Sides {
    double left, right;
    double gap() const { return std::fabs(left - right); }
  };
  const auto sides = [&](long double h) {
    return Sides{static_cast<double>((middle - value(-h)) / h),
                 static_cast<double>((value(h) - middle) / h)};
  };
  // Without a kink the sides come together as h does.
  const Sides wide = sides(1e-6L), near = sides(1e-6L / 16);
  if (near.gap() > 1e-6 * scale && near.gap() > wide.gap() / 4) {
    EXPECT_GT(forward, std::min(near.left, near.right) - 1e-5 * scale) << print(*f);
    EXPECT_LT(forward, std::max(near.left, near.right) + 1e-5 * scale) << print(*f);
  } else {
    EXPECT_NEAR(forward, (near.left + near.right) / 2, 1e-6 * scale) << print(*f);
  }
  // Reverse over forward: the tangent is linear in d, so its gradient with respect to d is the
  // gradient.
  Positions directions;
  for (std::size_t k = 0; k < wrt.size(); ++k) directions.push_back(f->params().size() + k);
  Tensors ct = with_d;
  ct.push_back(number_of(0));
  ct.push_back(number_of(1));
  const Tensors again = evaluate(*vjp(*forward_program, directions), ct);
  for (std::size_t k = 0; k < wrt.size(); ++k) {
    for (std::int64_t e = 0; e < gradient[k].size(); ++e) {
      EXPECT_NEAR(again[2 + k].real(e), gradient[k].real(e), 1e-12 * (1 + norm(gradient[k])));
    }
  }
}

TEST(RandomDerivatives, AllModesAgree) {
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    RandomProgramOptions options;
    options.differentiable = true;
    options.f32 = false;
    options.nodes = 6 + static_cast<int>(seed % 12);
    check_random(seed, options);
  }
}

TEST(RandomDerivatives, SecondOrderIsSymmetric) {
  // <u, H v> = <v, H u>, forward over reverse and reverse over reverse alike.
  for (std::uint64_t seed = 1000; seed < 1080; ++seed) {
    SCOPED_TRACE(seed);
    RandomProgramOptions options;
    options.differentiable = true;
    options.f32 = false;
    options.nodes = 8;
    options.fourier = true;
    const FunctionPtr f = random_program(seed, options);
    const Positions wrt = real_params(*f);
    if (wrt.empty()) continue;
    const Tensors x = random_arguments(*f, seed);
    std::mt19937_64 random(seed);
    Tensors u, v;
    Tensors with_u = x, with_v = x;
    for (std::size_t k : wrt) {
      u.push_back(random_like(f->param_type(k), random));
      v.push_back(random_like(f->param_type(k), random));
      with_u.push_back(u.back());
      with_v.push_back(v.back());
    }
    const FunctionPtr h = hvp(*f, wrt);
    verify(*h);
    const FunctionPtr twice = vjp(*grad(*f, wrt), wrt);
    verify(*twice);
    const Tensors hu = evaluate(*h, with_u), hv = evaluate(*h, with_v);
    const Tensors reverse = evaluate(*twice, with_v);
    double uhv = 0, vhu = 0, scale = 1e-3;
    for (std::size_t k = 0; k < wrt.size(); ++k) {
      uhv += dot(u[k], hv[k]);
      vhu += dot(v[k], hu[k]);
      scale += norm(u[k]) * norm(hv[k]) + norm(v[k]) * norm(hu[k]);
      for (std::int64_t e = 0; e < hv[k].size(); ++e) {
        EXPECT_NEAR(reverse[wrt.size() + k].real(e), hv[k].real(e), 1e-10 * (1 + norm(hv[k])));
      }
    }
    EXPECT_NEAR(uhv, vhu, 1e-10 * scale) << print(*f);
  }
}

}  // namespace
}  // namespace cotangent::transform
