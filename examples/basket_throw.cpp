// Throws a ball until it is in the basket: Newton's method on where it is after a million steps,
// with the derivatives of that by the throw. The policy `reverse` undoes the steps one by one on
// the way back, so the memory does not depend on their number.
//
//   basket_throw [examples/basket.toml [steps]] [--picture FILE.svg]
#include <cotangent/cotangent.h>
#include <sys/resource.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>

#include "gallery/picture.h"

using namespace cotangent;
using namespace cotangent::mechanics;

namespace {

/// The way of the ball, sampled, after each of the throws.
void draw(const std::string& picture, const System& system, const Facts& facts, const Plan& plan,
          const std::vector<InitialState>& throws) {
  example::Picture drawn("metres", "metres", -0.2, 7, -0.5, 4);
  const auto flow = Flow::compile(system, facts, plan);
  for (const InitialState& start : throws) {
    const RunResult run = flow->run(start, plan.steps);
    std::vector<double> x, y;
    for (const Series& s : run.observables) {
      if (s.name != "across" && s.name != "above") continue;
      for (std::size_t k = 0; k < s.values.size(); k += 10) {
        (s.name == "across" ? x : y).push_back(s.values[k] + (s.name == "across" ? 6.0 : 1.2));
      }
    }
    drawn.curve(x, y);
  }
  drawn.ticks({0, 1, 2, 3, 4, 5, 6, 7}, {0, 1, 2, 3, 4});
  drawn.points({6.0}, {1.2});
  drawn.save(picture);
}

}  // namespace

int main(int argc, char** argv) try {
  const std::string picture = example::picture_file(argc, argv);
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
  std::vector<InitialState> throws;
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
    throws.push_back(throwing);
    const double distance = std::hypot(f[0], f[1]);
    std::printf(" %.4f, %.4f  %.2e\n", p[0], p[1], distance);
    if (distance < 1e-9) {
      rusage usage{};
      getrusage(RUSAGE_SELF, &usage);
      if (!picture.empty()) draw(picture, file.system, facts, plan, throws);
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
  return 4;
} catch (const std::exception& error) {
  std::fprintf(stderr, "error: %s\n", error.what());
  return 2;
}
