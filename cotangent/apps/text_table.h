// Text for people: aligned columns and wrapped paragraphs.
#pragma once

#include <iosfwd>
#include <string>
#include <vector>

namespace cotangent::apps {

/// Columns padded to their widest cell, two spaces between, `indent` spaces in front. Columns in
/// `right` are flushed right. The last column is wrapped to `width`.
struct TextTable {
  std::vector<std::vector<std::string>> rows;
  std::vector<std::size_t> right;
  std::size_t indent = 2;
  std::size_t width = 96;
};
std::ostream& operator<<(std::ostream& out, const TextTable& table);

/// Breaks at spaces into lines of at most `width` bytes (longer words stay whole).
std::vector<std::string> wrapped(const std::string& text, std::size_t width);

std::string number_text(double value, int digits = 8);  ///< "%.*g"
std::string error_text(double value);                   ///< "2.8e-11", "0"

}  // namespace cotangent::apps
