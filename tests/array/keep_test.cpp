// What reverse mode keeps of loops, from the front end.
#include <gtest/gtest.h>

#include <cmath>

#include "cotangent/array/check.h"
#include "cotangent/array/loops.h"
#include "cotangent/array/transforms.h"
#include "tests/array/support.h"

namespace cotangent::array {
namespace {

struct State {
  Array q, p;
};

/// A row of pendulums, 500 steps.
template <class Loop>
auto energy_after(const Loop& loop) {
  return [loop](Array length, Array q) {
    const Array dt = 0.02, k = 1 / length;
    const auto step = [=](Array, State s) {
      s.p = s.p - dt * k * sin(s.q);
      s.q = s.q + dt * s.p;
      return s;
    };
    const auto back = [=](Array, State s) {
      s.q = s.q - dt * s.p;
      s.p = s.p + dt * k * sin(s.q);
      return s;
    };
    const State last = loop(step, back, State{q, zeros({3})});
    return sum(last.q * last.q + last.p);
  };
}

TEST(Keep, EveryPolicyGivesTheSameGradient) {
  const Array length = 1.3, q = Array::of({0.1, 0.9, -1.7});
  const auto with = [](Keep keep) {
    return energy_after([keep](const auto& step, const auto&, const State& s) {
      return fori_loop(0, 500, step, s, keep);
    });
  };
  const auto [want, slopes] = value_and_grad<0, 1>(with(Keep::all()))(length, q);
  for (const Keep keep : {Keep(), Keep::every(20), Keep::every(7), Keep::every(499), Keep::every(1),
                          Keep::binomial(1), Keep::binomial(5), Keep::budget(2000)}) {
    const auto [value, g] = value_and_grad<0, 1>(with(keep))(length, q);
    EXPECT_EQ(value.item(), want.item());
    EXPECT_EQ(std::get<0>(g).item(), std::get<0>(slopes).item());
    for (int k = 0; k < 3; ++k) EXPECT_EQ(std::get<1>(g)[k].item(), std::get<1>(slopes)[k].item());
  }
}

TEST(Keep, SteppingBack) {
  const Array length = 1.3, q = Array::of({0.1, 0.9, -1.7});
  const auto forward = energy_after(
      [](const auto& step, const auto&, const State& s) { return fori_loop(0, 500, step, s); });
  const auto reversible = energy_after([](const auto& step, const auto& back, const State& s) {
    return reversible_loop(0, 500, step, back, s);
  });
  const auto [want, slopes] = value_and_grad<0, 1>(forward)(length, q);
  const auto [value, g] = value_and_grad<0, 1>(reversible)(length, q);
  EXPECT_EQ(value.item(), want.item());
  EXPECT_NEAR(std::get<0>(g).item(), std::get<0>(slopes).item(), 1e-11);
  for (int k = 0; k < 3; ++k) {
    EXPECT_NEAR(std::get<1>(g)[k].item(), std::get<1>(slopes)[k].item(), 1e-11);
  }
}

TEST(Keep, InLanesAndInScan) {
  const auto f = [](Keep keep) {
    return [keep](Array x) {
      const auto [last, path] = scan(
          [](Array c, Array u) {
            c = c + 0.1 * sin(c) * u;
            return std::pair(c, c * c);
          },
          x, arange(50) * 0.01, -1, keep);
      return last + mean(path);
    };
  };
  const Array xs = Array::of({0.3, 0.7, 1.9});
  const Array want = vmap(grad(f(Keep::all())))(xs);
  for (const Keep keep : {Keep::every(8), Keep::binomial(3)}) {
    const Array got = vmap(grad(f(keep)))(xs);
    for (int k = 0; k < 3; ++k) EXPECT_EQ(got[k].item(), want[k].item());
  }
}

TEST(Keep, AStepWithACheckStepsBack) {
  const auto run = [](Array x) {
    return reversible_loop(
        0, 5, [](Array, Array s) { return check(s * 1.5, s < 1e9, "too big"); },
        [](Array, Array s) { return s / 1.5; }, x);
  };
  EXPECT_EQ(run(2.0).item(), 2 * std::pow(1.5, 5));
  EXPECT_EQ(grad(run)(2.0).item(), std::pow(1.5, 5));
}

TEST(Keep, RefusedNumbers) {
  expect_refused([] { Keep::every(0); }, "keep", "every(0)");
  expect_refused([] { Keep::binomial(-1); }, "keep", "binomial(-1)");
  expect_refused([] { Keep::budget(0); }, "keep", "budget(0)");
  expect_refused(
      [] {
        reversible_loop(
            0, 3, [](Array, Array x) { return x * 2; }, [](Array, Array x) { return x[0]; },
            ones({2}));
      },
      "reversible_loop", "");
}

}  // namespace
}  // namespace cotangent::array
