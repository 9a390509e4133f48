#include "cotangent/base/span.h"

#include <algorithm>

namespace cotangent {

LineColumn line_column(const SourceFile& file, std::uint32_t offset) {
  LineColumn place;
  const std::size_t stop = std::min<std::size_t>(offset, file.text.size());
  for (std::size_t k = 0; k < stop; ++k) {
    if (file.text[k] == '\n') {
      ++place.line;
      place.column = 1;
    } else {
      ++place.column;
    }
  }
  return place;
}

std::string show_place(const SourceFile& file, SourceSpan span) {
  constexpr std::size_t kWidth = 90;
  const LineColumn at = line_column(file, span.begin);
  std::string text = file.name + ":" + std::to_string(at.line) + ":" + std::to_string(at.column);
  if (span.begin > file.text.size()) return text;
  std::size_t first = span.begin;
  while (first > 0 && file.text[first - 1] != '\n') --first;
  std::size_t last = std::min(file.text.find('\n', span.begin), file.text.size());
  const std::size_t offset = span.begin - first;
  const std::size_t clip = offset > kWidth - 30 ? offset - (kWidth - 30) : 0;
  std::string line = file.text.substr(first + clip, std::min(kWidth, last - first - clip));
  std::replace_if(
      line.begin(), line.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20; }, ' ');
  const std::string number = std::to_string(at.line);
  const std::size_t marked = std::max<std::size_t>(
      1, std::min<std::size_t>(span.end > span.begin ? span.end - span.begin : 1,
                               line.size() > offset - clip ? line.size() - (offset - clip) : 1));
  text += "\n    " + number + " | " + line;
  text += "\n    " + std::string(number.size(), ' ') + " | " + std::string(offset - clip, ' ') +
          "^" + std::string(marked - 1, '~');
  return text;
}

}  // namespace cotangent
