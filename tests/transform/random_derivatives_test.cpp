// Derivatives of random programs: reverse = forward = reverse over forward = difference.
#include "tests/transform/random_derivatives.h"

namespace cotangent::transform {
namespace {

TEST(RandomDerivatives, AllModesAgree) {
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    check_random(*random_differentiable(seed), seed);
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
