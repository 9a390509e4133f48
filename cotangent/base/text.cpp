#include "cotangent/base/text.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>

namespace cotangent {
namespace {

template <class T>
std::string shortest_of(T value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  char buffer[64];
  const auto done = std::to_chars(buffer, buffer + sizeof buffer, value);
  return std::string(buffer, done.ptr);
}

/// Letters changed, left out, added, or two neighbours swapped (the commonest slip).
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before, above, row(b.size() + 1);  // rows i-2, i-1, i
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    before = std::move(above);
    above = row;
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      row[j] =
          std::min({above[j] + 1, row[j - 1] + 1, above[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1)});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        row[j] = std::min(row[j], before[j - 2] + 1);
      }
    }
  }
  return row[b.size()];
}

}  // namespace

std::string bytes_text(std::int64_t bytes) {
  static constexpr const char* kUnits[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  auto value = static_cast<double>(bytes);
  std::size_t unit = 0;
  while (std::abs(value) >= 999.5 && unit + 1 < std::size(kUnits)) value /= 1024, ++unit;
  char buffer[32];
  const double size = std::abs(value);
  const int digits = unit == 0 || size >= 99.95 ? 0 : size >= 9.995 ? 1 : 2;
  std::snprintf(buffer, sizeof buffer, "%.*f", digits, value);
  return std::string(buffer) + " " + kUnits[unit];
}

std::string shortest(double value) {
  return shortest_of(value);
}
std::string shortest(float value) {
  return shortest_of(value);
}

std::string join(std::span<const std::string> parts, std::string_view separator) {
  std::string text;
  for (std::size_t k = 0; k < parts.size(); ++k) {
    if (k) text += separator;
    text += parts[k];
  }
  return text;
}

std::string join(std::span<const std::int64_t> parts, std::string_view separator) {
  std::string text;
  for (std::size_t k = 0; k < parts.size(); ++k) {
    if (k) text += separator;
    text += std::to_string(parts[k]);
  }
  return text;
}

std::string nearest_name(std::string_view name, std::span<const std::string> known) {
  if (name.size() > 64) return "";
  std::string best;
  std::size_t best_distance = name.size() / 3 + 2;
  for (const std::string& candidate : known) {
    if (candidate.size() > 64) continue;
    const std::size_t d = edit_distance(name, candidate);
    if (d < best_distance) {
      best_distance = d;
      best = candidate;
    }
  }
  return best;
}

}  // namespace cotangent
