// The four ways to a gradient agree on every system in every precision.
#include "tests/mechanics/gradient_cases.h"

namespace cotangent::mechanics::test {
namespace {

TEST(CheckGradientSlow, EverySystemPasses) {
  for (const Problem& problem :
       {kepler(0.3), henon_heiles(), outer_solar_system(), fput(8, 0.25)}) {
    for (const char* precision : {"f64", "f32", "double-single", "lattice"}) {
      expect_passes(problem, precision, 10);
    }
  }
  // Times and a sine in H have no double-single form; the lattice has no size to go by.
  for (const Problem& problem : {driven_oscillator(), swinging_mass()}) {
    expect_passes(problem, "f64", 10);
  }
}

}  // namespace
}  // namespace cotangent::mechanics::test
