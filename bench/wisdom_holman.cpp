// The outer solar system by Wisdom and Holman's map, one and eight at a time; prints a JSON line a
// measurement. bench/run calls it with the peer, REBOUND's WHFast, beside it
// (peers/rebound_whfast.py).
//
//   bench_wisdom_holman [STEPS]
//
// Processor time of one thread, least of several calls. dt is that of REBOUND's own test of the
// outer solar system: 0.005 * 12 * 2 * 3.1415 in units of a year/(2 pi).
#include "cotangent/mechanics/wisdom_holman.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <vector>

#include "cotangent/mechanics/run_program.h"
#include "cotangent/runtime/executable.h"
#include "cotangent/transform/vmap.h"

namespace {

using namespace cotangent;
using namespace cotangent::mechanics;
using ir::Tensor;

constexpr double kStep = 0.005 * 12 * 2 * 3.1415 * 365.25 / (2 * M_PI);  // days

/// Hairer, Lubich, Wanner, Geometric Numerical Integration, I.2.3; AU, days, solar masses.
const std::vector<double> kMasses = {1.00000597682,      0.000954786104043,  0.000285583733151,
                                     0.0000437273164546, 0.0000517759138449, 1 / 1.3e8};
const std::vector<double> kPlaces = {0,           0,           0,          -3.5023653,  -3.8169847,
                                     -1.5507963,  9.0755314,   -3.0458353, -1.6483708,  8.3101420,
                                     -16.2901086, -7.2521278,  11.4707666, -25.7294829, -10.8169456,
                                     -15.5387357, -25.2225594, -3.1902382};
const std::vector<double> kVelocities = {
    0,          0,          0,          0.00565429, -0.00412490, -0.00190589,
    0.00168318, 0.00483525, 0.00192462, 0.00354178, 0.00137102,  0.00055029,
    0.00288930, 0.00114527, 0.00039677, 0.00276725, -0.00170702, -0.00136504};

System outer_solar_system() {
  System s;
  s.shape = Shape{6, 3};
  s.parameters.push_back({"G", Tensor::scalar_of(2.95912208286e-4), {}});
  s.parameters.push_back({"m", Tensor::of<double>(Shape{6}, kMasses), {}});
  return s;
}

double energy(const double* q, const double* p) {
  double e = 0;
  for (std::size_t i = 0; i < 6; ++i) {
    for (std::size_t c = 0; c < 3; ++c) e += p[3 * i + c] * p[3 * i + c] / (2 * kMasses[i]);
    for (std::size_t j = 0; j < i; ++j) {
      double r2 = 0;
      for (std::size_t c = 0; c < 3; ++c) {
        r2 += (q[3 * i + c] - q[3 * j + c]) * (q[3 * i + c] - q[3 * j + c]);
      }
      e -= 2.95912208286e-4 * kMasses[i] * kMasses[j] / std::sqrt(r2);
    }
  }
  return e;
}

double now() {
  timespec t{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

void measure(const char* name, const WisdomHolmanOptions& options, std::int64_t steps,
             std::int64_t lanes, int repeats) {
  const System system = outer_solar_system();
  const Integrator method = wisdom_holman(system, near_integrable(system, "m", "G"), options);
  ir::FunctionPtr f = run_program(method, system, steps);
  if (lanes > 1) f = transform::vmap(f, lanes, {true, true, false, false, false, true});
  const auto program = runtime::compile(f);
  std::vector<Tensor> args;
  for (const ir::Value v : f->params()) args.emplace_back(f->type(v));
  for (std::int64_t l = 0; l < lanes; ++l) {
    for (std::size_t k = 0; k < 18; ++k) {
      const auto at = static_cast<std::size_t>(l) * 18 + k;
      args[0].as<double>()[at] = kPlaces[k];
      args[1].as<double>()[at] =
          kMasses[k / 3] * kVelocities[k] * (1 + 1e-6 * static_cast<double>(l));
    }
    for (std::size_t k = 0; k < 6; ++k) {
      args[5].as<double>()[static_cast<std::size_t>(l) * 6 + k] = kMasses[k];
    }
  }
  args[3].as<double>()[0] = kStep, args[4].as<double>()[0] = 2.95912208286e-4;
  std::vector<Tensor> end;
  double best = 1e30;
  for (int r = 0; r < repeats; ++r) {
    const double start = now();
    end = program->call(args);
    best = std::min(best, now() - start);
  }
  const double before = energy(args[0].as<double>().data(), args[1].as<double>().data());
  const double after = energy(end[0].as<double>().data(), end[1].as<double>().data());
  const double each = best / static_cast<double>(steps * lanes);
  std::printf(
      "{\"case\": \"%s\", \"who\": \"cotangent\", \"systems\": %lld, \"ns_a_step\": %.1f, "
      "\"energy_error\": %.3g}\n",
      name, static_cast<long long>(lanes), 1e9 * each, (after - before) / before);
  std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
  setenv("COTANGENT_CACHE", "off", 1);
  const std::int64_t steps = argc > 1 ? std::atoll(argv[1]) : 200000;
  const auto jacobi = PlanetCoordinates::kJacobi;
  const auto democratic = PlanetCoordinates::kDemocraticHeliocentric;
  for (const std::int64_t lanes : {1, 8}) {
    measure("wisdom_holman", {jacobi, 0}, steps, lanes, 5);
    measure("wisdom_holman-corrector", {jacobi, 17}, steps, lanes, 5);
    measure("wisdom_holman-heliocentric", {democratic, 0}, steps, lanes, 5);
  }
}
