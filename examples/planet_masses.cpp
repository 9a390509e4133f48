// Weighs the planets: the masses of Jupiter, Saturn, Uranus and Neptune from where they were seen
// over 100 years, by Gauss-Newton with derivatives of the orbits by the masses.
//
// The track is that of the outer solar system (examples/outer_solar_system.toml), every 100 days,
// each coordinate from the Sun with an error of 1e-5 AU (about a third of an arc second at Uranus).
// The fit starts from masses 10 to 30% off. The Sun's mass is fixed and Pluto's left out: it moves
// nobody. What it finds has to lie within three standard deviations, as the Fisher matrix has them;
// the program says so and fails where it does not. The picture is of the residuals.
//
//   planet_masses [examples/outer_solar_system.toml] [--picture FILE.svg]
#include <cotangent/cotangent.h>

#include <cmath>
#include <cstdio>

#include "gallery/picture.h"

using namespace cotangent;
using namespace cotangent::mechanics;

namespace {

constexpr int kPlanets = 5;          // in the track: Jupiter to Pluto
constexpr int kMasses = 4;           // to be found: Jupiter to Neptune
constexpr std::int64_t kEpoch = 10;  // steps between sightings: 100 days
constexpr int kEpochs = 365;         // 100 years
constexpr double kError = 1e-5;      // AU

/// Where the planets are seen from the Sun, and how that moves with each mass: epoch by epoch.
struct Track {
  std::vector<double> seen;                  // [epochs, planets, 3]
  std::vector<std::vector<double>> by_mass;  // the same for each of the masses
};

class Orbits {
 public:
  explicit Orbits(const formats::LoadedFile& file) : file_(file) {
    const Facts facts = find_facts(file.system, file.initial);
    plan_ = make_plan(file.system, facts, file.run);
    plan_.steps = kEpoch;
    tangent_ = Tangent::compile(file.system, plan_, {});
  }

  /// Velocities are what is known at the start, so momenta move with the masses.
  Track track(const std::vector<double>& masses) const {
    System system = file_.system;
    std::vector<ir::Tensor> parameters;
    std::size_t m = 0;
    for (std::size_t k = 0; k < system.parameters.size(); ++k) {
      ir::Tensor& x = system.parameters[k].value;
      if (system.parameters[k].name == "m") {
        m = k;
        for (int i = 0; i < kMasses; ++i) x.as<double>()[i + 1] = masses[i];
      }
      parameters.push_back(x);
    }
    Track made;
    made.by_mass.resize(kMasses);
    const ir::Tensor p = momentum_from_velocity(system, file_.initial);
    const ir::Type state = p.type();
    for (int mass = 0; mass < kMasses; ++mass) {
      Direction along{ir::Tensor(state), ir::Tensor(state), {}};
      for (const ir::Tensor& x : parameters) along.parameters.emplace_back(x.type());
      along.parameters[m].as<double>()[mass + 1] = 1;
      along.p =
          push_velocity(system, file_.initial, p, along.q, ir::Tensor(state), along.parameters);
      InitialState at{.q = file_.initial.q, .p = p, .v = std::nullopt};
      for (int epoch = 0; epoch < kEpochs; ++epoch) {
        const TangentResult r = tangent_->run(at, parameters, kEpoch, along);
        at.q = r.q, at.p = r.p;
        along.q = r.dq, along.p = r.dp;
        for (int i = 3; i < 3 * (kPlanets + 1); ++i) {
          if (mass == 0) made.seen.push_back(from_sun(r.q, i));
          made.by_mass[mass].push_back(from_sun(r.dq, i));
        }
      }
    }
    return made;
  }

 private:
  static double from_sun(const ir::Tensor& q, int i) {
    return q.as<double>()[i] - q.as<double>()[i % 3];
  }

  const formats::LoadedFile& file_;
  Plan plan_;
  std::shared_ptr<const Tangent> tangent_;
};

/// Root mean square of the residuals of each epoch, as a power of ten.
std::vector<double> by_epoch(const std::vector<double>& residuals) {
  std::vector<double> sizes;
  const std::size_t width = 3 * kPlanets;
  for (std::size_t at = 0; at < residuals.size(); at += width) {
    double sum = 0;
    for (std::size_t k = at; k < at + width; ++k) sum += residuals[k] * residuals[k];
    sizes.push_back(std::log10(std::sqrt(sum / static_cast<double>(width))));
  }
  return sizes;
}

void draw(const std::string& picture, const std::vector<double>& before,
          const std::vector<double>& after) {
  example::Picture drawn("years", "off the track, AU", 0, 100, -6, 0.5);
  drawn.ticks({0, 20, 40, 60, 80, 100}, {-6, -5, -4, -3, -2, -1, 0}, true);
  std::vector<double> years;
  for (int k = 1; k <= kEpochs; ++k) years.push_back(100.0 * k / kEpochs);
  drawn.curve(years, by_epoch(before), "first masses");
  drawn.curve(years, by_epoch(after), "fitted masses");
  drawn.save(picture);
}

}  // namespace

int main(int argc, char** argv) try {
  const std::string picture = example::picture_file(argc, argv);
  const auto file =
      formats::load_system_file(argc > 1 ? argv[1] : "examples/outer_solar_system.toml");
  const Orbits orbits(file);
  const char* names[] = {"Jupiter", "Saturn", "Uranus", "Neptune"};
  std::vector<double> truth;
  for (const Parameter& x : file.system.parameters) {
    for (int k = 1; x.name == "m" && k <= kMasses; ++k) truth.push_back(x.value.as<double>()[k]);
  }
  std::vector<double> track = orbits.track(truth).seen;
  const auto n = static_cast<std::int64_t>(track.size());
  const array::Array noise = array::normal(array::Key(7), {n});
  for (std::int64_t k = 0; k < n; ++k) track[k] += kError * noise(k).item();

  std::vector<double> masses = {truth[0] * 0.9, truth[1] * 1.1, truth[2] * 1.3, truth[3] * 0.8};
  std::vector<double> first, residuals(track.size()), deviation(kMasses);
  double chi = 0;
  for (int round = 0; round < 8; ++round) {
    const Track model = orbits.track(masses);
    chi = 0;
    for (std::size_t k = 0; k < track.size(); ++k) {
      residuals[k] = track[k] - model.seen[k];
      chi += residuals[k] * residuals[k] / (kError * kError);
    }
    if (round == 0) first = residuals;
    std::printf("round %d: chi^2 / n = %.6g\n", round, chi / static_cast<double>(n - kMasses));
    // Normal equations, in units of the masses: the Fisher matrix is that of their relative errors.
    std::vector<double> f(kMasses * kMasses), r(kMasses);
    for (std::size_t k = 0; k < track.size(); ++k) {
      for (int a = 0; a < kMasses; ++a) {
        const double slope = model.by_mass[a][k] * masses[a] / kError;
        r[a] += slope * residuals[k] / kError;
        for (int b = 0; b < kMasses; ++b) {
          f[a * kMasses + b] += slope * model.by_mass[b][k] * masses[b] / kError;
        }
      }
    }
    const array::Array fisher = array::Array::from(f, Shape{kMasses, kMasses});
    const array::Array step = array::solve(fisher, array::Array::from(r));
    const array::Array covariance = array::inv(fisher);
    double moved = 0;
    for (int a = 0; a < kMasses; ++a) {
      deviation[a] = std::sqrt(covariance(a, a).item());
      moved = std::max(moved, std::abs(step(a).item()) / deviation[a]);
      masses[a] *= 1 + step(a).item();
    }
    if (moved < 1e-3) break;
  }
  bool good = chi / static_cast<double>(n) < 1.1;
  std::printf("%-8s %14s %14s %14s  %s\n", "", "found", "true", "relative dev.",
              "off by deviations");
  for (int a = 0; a < kMasses; ++a) {
    const double off = (masses[a] - truth[a]) / (truth[a] * deviation[a]);
    good = good && std::abs(off) < 3;
    std::printf("%-8s %14.6e %14.6e %14.1e  %.2f\n", names[a], masses[a], truth[a], deviation[a],
                off);
  }
  if (!picture.empty()) draw(picture, first, residuals);
  std::printf(good ? "within three standard deviations\n"
                   : "NOT within three standard deviations\n");
  return good ? 0 : 4;
} catch (const std::exception& error) {
  std::fprintf(stderr, "error: %s\n", error.what());
  return 2;
}
