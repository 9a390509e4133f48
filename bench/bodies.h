// 64 softened bodies, for the benchmarks of gradients.
#pragma once

#include <string>

#include "cotangent/formats/system_file.h"

namespace bench {

using namespace cotangent;

/// 64 softened bodies in a cube.
inline formats::LoadedFile bodies() {
  std::string q, p;
  std::uint64_t seed = 1;
  const auto next = [&] {
    seed = seed * 6364136223846793005ull + 1442695040888963407ull;
    return std::to_string(static_cast<double>(seed >> 40) / double(1 << 24) * 2 - 1);
  };
  for (int k = 0; k < 64; ++k) {
    q += "[" + next() + ", " + next() + ", " + next() + "],";
    p += "[" + next() + ", " + next() + ", " + next() + "],";
  }
  return formats::parse_system_text(
      "bodies",
      "[parameters]\nG = 0.01\n[energy]\n"
      "kinetic = \"sum(i, dot(p[i], p[i])/2)\"\n"
      "gravity = \"-sum(i<j, G/sqrt(dot(q[i]-q[j], q[i]-q[j]) + 0.01))\"\n"
      "[initial]\nq = [" +
          q + "]\np = [" + p + "]\n[run]\ndt = 0.001\nsteps = 1000\norder = 2\n");
}

}  // namespace bench
