#include "cotangent/base/shape.h"

#include <algorithm>

namespace cotangent {

void Shape::refuse(std::span<const std::int64_t> axes) {
  std::string text = "[";
  for (const std::int64_t n : axes) text += (text.size() > 1 ? "," : "") + std::to_string(n);
  text += "]";
  if (axes.size() > kMaxRank) {
    throw ShapeError(text + " has " + std::to_string(axes.size()) + " axes; there are at most 8",
                     "merge axes with reshape, or keep some of them in separate arrays");
  }
  if (std::any_of(axes.begin(), axes.end(), [](std::int64_t n) { return n < 0; })) {
    throw ShapeError(text + " has an axis of negative length",
                     "give lengths of 0 or more; only reshape takes a -1");
  }
  throw ShapeError(text + " has more than 2^60 - 1 elements",
                   "give smaller lengths: sizes in bytes are 64-bit numbers");
}

}  // namespace cotangent
