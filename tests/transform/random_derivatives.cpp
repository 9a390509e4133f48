#include "tests/transform/random_derivatives.h"

#include "cotangent/ir/splitmix.h"
#include "cotangent/transform/rebuild.h"

namespace cotangent::transform {
namespace {

Keep draw_keep(SplitMix& random) {
  switch (random.below(4)) {
    case 0: return {KeepKind::kAll, 0};
    case 1: return {KeepKind::kEvery, random.between(1, 5)};
    case 2: return {KeepKind::kBinomial, random.between(1, 3)};
    default: return {};
  }
}

/// f with a keep drawn for each of its loops, those in bodies too.
FunctionPtr keeping(const Function& f, SplitMix& random) {
  const auto inside = [&](const Function& g) { return keeping(g, random); };
  return rewrite(f, {}, inside, [&](Builder& b, Value v, std::span<const Value> x, const Values&) {
    if (f.op(v) != Op::kLoop) return Values{};
    LoopAttr a = f.attr_as<LoopAttr>(v);
    a.keep = draw_keep(random);
    a.body = inside(*a.body);
    return b.loop(a, x);
  });
}

}  // namespace

Positions real_params(const Function& f) {
  Positions wrt;
  for (std::size_t k = 0; k < f.params().size(); ++k) {
    if (is_float(f.param_type(k).dtype)) wrt.push_back(k);
  }
  return wrt;
}

FunctionPtr random_differentiable(std::uint64_t seed) {
  RandomProgramOptions options;
  options.differentiable = true;
  options.f32 = false;
  options.nodes = 6 + static_cast<int>(seed % 12);
  const FunctionPtr f = random_program(seed, options);
  SplitMix random(seed);
  return keeping(*f, random);
}

bool check_random(const Function& f, std::uint64_t seed) {
  SCOPED_TRACE("seed " + std::to_string(seed));
  const Positions wrt = real_params(f);
  if (wrt.empty()) return false;
  const Tensors x = random_arguments(f, seed);
  std::mt19937_64 random(seed);
  Tensors d, with_d = x;
  for (std::size_t k : wrt) {
    d.push_back(random_like(f.param_type(k), random));
    with_d.push_back(d.back());
  }
  const FunctionPtr forward_program = jvp(f, wrt), reverse_program = grad(f, wrt);
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
    return evaluate(f, moved(x, wrt, d, h), extended)[0].real(0);
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
    EXPECT_GT(forward, std::min(near.left, near.right) - 1e-5 * scale) << print(f);
    EXPECT_LT(forward, std::max(near.left, near.right) + 1e-5 * scale) << print(f);
  } else {
    EXPECT_NEAR(forward, (near.left + near.right) / 2, 1e-6 * scale) << print(f);
  }
  // Reverse over forward: the tangent is linear in d, so its gradient with respect to d is the
  // gradient.
  Positions directions;
  for (std::size_t k = 0; k < wrt.size(); ++k) directions.push_back(f.params().size() + k);
  Tensors ct = with_d;
  ct.push_back(number_of(0));
  ct.push_back(number_of(1));
  const Tensors again = evaluate(*vjp(*forward_program, directions), ct);
  for (std::size_t k = 0; k < wrt.size(); ++k) {
    for (std::int64_t e = 0; e < gradient[k].size(); ++e) {
      EXPECT_NEAR(again[2 + k].real(e), gradient[k].real(e), 1e-12 * (1 + norm(gradient[k])));
    }
  }
  return true;
}

}  // namespace cotangent::transform
