// Throws a ball until it is in the basket: Newton's method on where it is after a million steps,
// with the derivatives of that by the throw. The policy `reverse` undoes the steps one by one on
// the way back, so the memory does not depend on their number.
//
//   basket [examples/basket.toml [steps]]
#include <cotangent/cotangent.h>
#include <sys/resource.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>

using namespace cotangent;
using namespace cotangent::mechanics;

int main(int argc, char** argv) try {
  const char* path = argc > 1 ? argv[1] : "examples/basket.toml";
  auto file = formats::load_system_file(path);
  if (argc > 2) {  // as many steps for the same time
    file.run.dt *= static_cast<double>(file.run.steps) / std::atof(argv[2]);
    file.run.steps = std::atoll(argv[2]);
  }
  const Facts facts = find_facts(file.system, file.initial);
  const Plan plan = make_plan(file.system, facts, file.run);

  // How far the ball is across and above the ring, each with its gradient by the throw.
  std::shared_ptr<const Gradient> miss[2];
  for (const Observable& o : file.system.observables) {
    if (o.name != "across" && o.name != "above") continue;
    miss[o.name == "above"] =
        Gradient::compile(file.system, facts, plan, {o.name, o.value, 0}, {"p"}, file.run.gradient);
  }
  InitialState throwing = file.initial;
  std::printf("%lld steps\n throw          miss, m\n", static_cast<long long>(plan.steps));
  for (int round = 0; round < 20; ++round) {
    double f[2], j[2][2];
    std::int64_t kept = 0;
    for (int k = 0; k < 2; ++k) {
      const GradientResult r = miss[k]->run(throwing, plan.steps);
      f[k] = r.value;
      for (int i = 0; i < 2; ++i) j[k][i] = r.gradient[0].second.as<double>()[i];
      kept = r.kept_bytes;
    }
    const auto p = throwing.p->as<double>();
    const double distance = std::hypot(f[0], f[1]);
    std::printf(" %.4f, %.4f  %.2e\n", p[0], p[1], distance);
    if (distance < 1e-9) {
      rusage usage{};
      getrusage(RUSAGE_SELF, &usage);
      std::printf("in. Kept of the run: %lld bytes; the process had %ld MiB at most\n",
                  static_cast<long long>(kept), usage.ru_maxrss / 1024);
      return 0;
    }
    // Newton's step, no longer than half a metre a second.
    const double det = j[0][0] * j[1][1] - j[0][1] * j[1][0];
    const double dx = (f[0] * j[1][1] - f[1] * j[0][1]) / det;
    const double dy = (f[1] * j[0][0] - f[0] * j[1][0]) / det;
    const double most = std::min(1.0, 0.5 / std::hypot(dx, dy));
    p[0] -= most * dx;
    p[1] -= most * dy;
  }
  std::printf("missed\n");
  return 1;
} catch (const UserError& error) {
  std::fprintf(stderr, "error: %s\n", error.what());
  return 2;
}
