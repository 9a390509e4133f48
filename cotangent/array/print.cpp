// Arrays as numpy prints them: shortest digits that read back the same, at most eight after the
// point, one width for all elements, lines of 75 characters, "..." from 1000 elements on.
#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <ostream>

#include "cotangent/array/array.h"
#include "cotangent/array/evaluate.h"

namespace cotangent::array {
namespace {

constexpr std::int64_t kSummaryFrom = 1000, kEdge = 3;
constexpr std::size_t kLineWidth = 75;
constexpr int kPrecision = 8;

std::string shortest_digits(double x, bool single, std::chars_format format) {
  char text[400];
  const auto done = single ? std::to_chars(text, text + sizeof text, static_cast<float>(x), format)
                           : std::to_chars(text, text + sizeof text, x, format);
  return {text, done.ptr};
}

/// "12.5", "3.", "-0.33333333": no trailing zeros, always a point.
std::string positional(double x, bool single) {
  std::string s = shortest_digits(x, single, std::chars_format::fixed);
  std::size_t point = s.find('.');
  if (point == std::string::npos) return s + ".";
  if (s.size() - point - 1 > kPrecision) {
    char text[400];
    std::snprintf(text, sizeof text, "%.*f", kPrecision, x);
    s = text;
    while (s.back() == '0') s.pop_back();
  }
  return s;
}

struct Scientific {
  std::string mantissa;  ///< "-1.25", "3."
  std::string exponent;  ///< "e+10"
};

Scientific scientific(double x, bool single) {
  std::string s = shortest_digits(x, single, std::chars_format::scientific);
  std::size_t e = s.find('e');
  const std::size_t point = s.find('.');
  if (point != std::string::npos && e - point - 1 > kPrecision) {
    char text[64];
    std::snprintf(text, sizeof text, "%.*e", kPrecision, x);
    s = text;
    e = s.find('e');
  }
  std::string mantissa = s.substr(0, e);
  if (mantissa.find('.') == std::string::npos) {
    mantissa += '.';
  } else {
    while (mantissa.back() == '0') mantissa.pop_back();
  }
  return {mantissa, s.substr(e)};
}

std::string not_finite(double x) {
  return std::isnan(x) ? "nan" : x < 0 ? "-inf" : "inf";
}

std::string padded_left(const std::string& s, std::size_t width) {
  return s.size() >= width ? s : std::string(width - s.size(), ' ') + s;
}

std::vector<std::string> align_right(std::vector<std::string> words) {
  std::size_t width = 0;
  for (const std::string& w : words) width = std::max(width, w.size());
  for (std::string& w : words) w = padded_left(w, width);
  return words;
}

std::vector<std::string> real_words(const std::vector<double>& values, bool single) {
  double largest = 0, least = HUGE_VAL;
  for (double v : values) {
    if (!std::isfinite(v) || v == 0) continue;
    largest = std::max(largest, std::fabs(v));
    least = std::min(least, std::fabs(v));
  }
  const bool exponents =
      largest > 0 && (largest >= 1e8 || least < 1e-4 || largest / least > 1000.0);
  std::vector<std::string> words;
  std::size_t before = 0, after = 0;  // widths left and right of the point
  for (double v : values) {
    if (!std::isfinite(v)) continue;
    const std::string s = exponents ? scientific(v, single).mantissa : positional(v, single);
    before = std::max(before, s.find('.'));
    after = std::max(after, s.size() - s.find('.') - 1);
  }
  for (double v : values) {
    if (!std::isfinite(v)) {
      words.push_back(not_finite(v));
      continue;
    }
    if (exponents) {
      Scientific s = scientific(v, single);
      s.mantissa.resize(s.mantissa.find('.') + 1 + after, '0');
      words.push_back(s.mantissa + s.exponent);
      continue;
    }
    std::string s = positional(v, single);
    s.resize(s.find('.') + 1 + after, ' ');
    words.push_back(s);
  }
  return align_right(std::move(words));
}

/// A number alone, as Python writes it.
std::string one_real(double x, bool single) {
  if (!std::isfinite(x)) return not_finite(x);
  const double a = std::fabs(x);
  if (a != 0 && (a < 1e-4 || a >= 1e16)) {
    std::string s = shortest_digits(x, single, std::chars_format::scientific);
    return s;
  }
  std::string s = shortest_digits(x, single, std::chars_format::fixed);
  return s.find('.') == std::string::npos ? s + ".0" : s;
}

/// Lays words out in brackets; `next` gives the words in the order they are shown.
class Layout {
 public:
  Layout(const Shape& shape, bool summary, const std::vector<std::string>& words)
      : shape_(shape), summary_(summary), words_(words) {}

  std::string text() { return level(0, " ", kLineWidth); }

 private:
  std::string level(int axis, const std::string& indent, std::size_t width) {
    const std::int64_t n = shape_[axis];
    const bool cut = summary_ && 2 * kEdge < n;
    const std::int64_t items = cut ? 2 * kEdge + 1 : n;  // the dots are an item
    const bool last_axis = axis == shape_.rank() - 1;
    std::string all, line = indent;
    for (std::int64_t k = 0; k < items; ++k) {
      const bool dots = cut && k == kEdge;
      if (last_axis) {
        const std::string word = dots ? "..." : words_[next_++];
        if (line.size() > indent.size() && line.size() + word.size() > width - 1) {
          line.erase(line.find_last_not_of(' ') + 1);
          all += line + "\n";
          line = indent;
        }
        line += word;
        if (k + 1 < items) line += ' ';
      } else {
        all += indent + (dots ? "..." : level(axis + 1, indent + " ", width - 1));
        if (k + 1 < items) {
          all += std::string(static_cast<std::size_t>(shape_.rank() - 1 - axis), '\n');
        }
      }
    }
    if (last_axis) all += line;
    return "[" + all.substr(indent.size()) + "]";
  }

  const Shape& shape_;
  bool summary_;
  const std::vector<std::string>& words_;
  std::size_t next_ = 0;
};

/// The number with the fewest digits that rounds to x, which is one of the 16-bit type H.
template <class H>
double fewest_digits(double x) {
  char text[32];
  for (int digits = 1; std::isfinite(x) && digits < 9; ++digits) {
    std::snprintf(text, sizeof text, "%.*e", digits - 1, x);
    const double short_one = std::strtod(text, nullptr);
    if (H(short_one).bits == H(x).bits) return short_one;
  }
  return x;
}

double shown_real(double x, DType t) {
  if (t == DType::kF16) return fewest_digits<Float16>(x);
  if (t == DType::kBF16) return fewest_digits<BFloat16>(x);
  return x;
}

/// Row-major places of the elements that are shown.
void shown_places(const Shape& shape, bool summary, int axis, std::int64_t base,
                  std::vector<std::int64_t>& places) {
  if (axis == shape.rank()) {
    places.push_back(base);
    return;
  }
  const std::int64_t n = shape[axis];
  for (std::int64_t k = 0; k < n; ++k) {
    if (summary && 2 * kEdge < n && k == kEdge) k = n - kEdge;
    shown_places(shape, summary, axis + 1, base * n + k, places);
  }
}

}  // namespace

std::string Array::text() const {
  if (is_traced()) return "Array<" + type_text() + ", traced>";
  eval();
  const bool single = dtype() == DType::kF32;
  if (ndim() == 0) {
    if (is_float(dtype()) || is_storage_float(dtype())) {
      return one_real(shown_real(real_at(0), dtype()), single);
    }
    if (is_bool(dtype())) return integer_at(0) ? "True" : "False";
    return dtype() == DType::kU64 ? std::to_string(item<std::uint64_t>())
                                  : std::to_string(integer_at(0));
  }
  if (size() == 0) return "[]";
  const bool summary = size() > kSummaryFrom;
  std::vector<std::int64_t> places;
  shown_places(shape(), summary, 0, 0, places);
  std::vector<std::string> words;
  if (is_float(dtype()) || is_storage_float(dtype())) {
    std::vector<double> values;
    for (std::int64_t k : places) values.push_back(shown_real(real_at(k), dtype()));
    words = real_words(values, single);
  } else {
    for (std::int64_t k : places) {
      if (is_bool(dtype())) {
        words.push_back(integer_at(k) ? "True" : "False");
      } else if (dtype() == DType::kU64) {
        words.push_back(std::to_string(static_cast<std::uint64_t>(integer_at(k))));
      } else {
        words.push_back(std::to_string(integer_at(k)));
      }
    }
    words = align_right(std::move(words));
  }
  return Layout(shape(), summary, words).text();
}

std::ostream& operator<<(std::ostream& out, const Array& x) {
  return out << x.text();
}

}  // namespace cotangent::array
