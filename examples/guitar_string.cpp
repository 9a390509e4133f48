// A plucked string: a corner that runs both ways, is turned over at the ends, and comes back.
//
// In steps that take a wave from one point to the next, the simplest scheme for the wave equation
// has no error at all (d'Alembert 1747): u(x, t + h) = u(x + h, t) + u(x - h, t) - u(x, t - h). So
// after a period the string is as it was plucked, to round-off. How loud each overtone is depends
// on where it is plucked; the derivative of that goes through all steps of a period, for forty
// places at once.
//
//   guitar_string [--picture FILE.svg]
#include <cotangent/cotangent.h>

#include <cmath>
#include <cstdio>
#include <numbers>

#include "gallery/picture.h"

using namespace cotangent::array;
using std::numbers::pi;

namespace {

constexpr int kPoints = 240;          // between the ends, and one
constexpr int kPeriod = 2 * kPoints;  // steps: there and back
const Array kPlace = linspace(0, 1, kPoints + 1);

struct String {
  Array now, before;
};

/// Drawn aside to 1 at `a`, and held.
Array plucked(Array a) {
  return minimum(kPlace / a, (1 - kPlace) / (1 - a));
}

Array held_at_ends(Array inside) {
  return concatenate({zeros({1}), inside, zeros({1})});
}

/// The string some steps after it was let go.
Array swing(Array u, int steps) {
  // At rest: one step on it is what it was one step before.
  const Array first = held_at_ends((u(slice(2, _)) + u(slice(_, -2))) / 2);
  const auto step = [](Array, String s) {
    return String{held_at_ends(s.now(slice(2, _)) + s.now(slice(_, -2)) - s.before(slice(1, -1))),
                  s.now};
  };
  return fori_loop(0, steps, step, String{u, first}).now;
}

/// How much of the overtone `k` is in it.
Array overtone(Array u, int k) {
  return 2.0 / kPoints * sum(u * sin(k * pi * kPlace));
}

double largest(Array x) {
  return max(abs(x)).item();
}

bool check(const char* that, double value, double bound, const char* since) {
  std::printf("%s  %s: %.3g, below %g (%s)\n", value < bound ? "ok    " : "MISSED", that, value,
              bound, since);
  return value < bound;
}

std::vector<double> numbers(Array x) {
  std::vector<double> made;
  for (int k = 0; k <= kPoints; ++k) made.push_back(x(k).item());
  return made;
}

}  // namespace

int main(int argc, char** argv) try {
  const std::string picture = example::picture_file(argc, argv);
  const auto after = [](int steps) { return jit([steps](Array u) { return swing(u, steps); }); };
  const Array u = plucked(0.3);
  bool good = check("off its shape after a period", largest(after(kPeriod)(u) - u), 1e-11,
                    "d'Alembert: two waves, each back where it began");
  good &= check("off its mirror image after half of it", largest(after(kPoints)(u) + flip(u)),
                1e-11, "each end turns a wave over");

  // The third overtone after a period, and its derivative by the place of the pluck.
  const auto loudness = [](Array a) { return overtone(swing(plucked(a), kPeriod), 3); };
  const Array places = linspace(0.1, 0.9, 40);
  const Array a = places, s = sin(3 * pi * a), c = cos(3 * pi * a), w = a * (1 - a);
  const double scale = 2 / (9 * pi * pi);
  good &=
      check("the third overtone, off theory", largest(jit(vmap(loudness))(places) - scale * s / w),
            1e-3, "2 sin(k pi a) / (k^2 pi^2 a (1 - a)), up to the size of a corner");
  good &= check("its derivative by the place, off that of theory",
                largest(jit(vmap(grad(loudness)))(places) -
                        scale * (3 * pi * c / w - s * (1 - 2 * a) / square(w))),
                0.05, "the same; the corner's jump, 11 at most, over 240 points");

  if (!picture.empty()) {
    example::Picture drawn("along the string", "aside", 0, 1, -1.15, 1.15);
    drawn.ticks({0, 0.25, 0.5, 0.75, 1}, {-1, 0, 1});
    for (int eighth : {0, 1, 2, 3, 4}) {
      drawn.curve(numbers(kPlace), numbers(after(eighth * kPeriod / 8)(u)));
    }
    drawn.save(picture);
  }
  return good ? 0 : 4;
} catch (const std::exception& error) {
  std::fprintf(stderr, "error: %s\n", error.what());
  return 2;
}
