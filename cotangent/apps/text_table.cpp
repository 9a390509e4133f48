#include "cotangent/apps/text_table.h"

#include <algorithm>
#include <cstdio>
#include <ostream>
#include <sstream>

namespace cotangent::apps {

std::vector<std::string> wrapped(const std::string& text, std::size_t width) {
  std::vector<std::string> lines{""};
  std::istringstream words(text);
  for (std::string word; words >> word;) {
    std::string& line = lines.back();
    if (line.empty())
      line = word;
    else if (line.size() + 1 + word.size() <= width)
      line += ' ' + word;
    else
      lines.push_back(word);
  }
  return lines;
}

std::ostream& operator<<(std::ostream& out, const TextTable& table) {
  std::vector<std::size_t> widths;
  for (const auto& row : table.rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t k = 0; k < row.size(); ++k) widths[k] = std::max(widths[k], row[k].size());
  }
  std::size_t before_last = table.indent;
  for (std::size_t k = 0; k + 1 < widths.size(); ++k) before_last += widths[k] + 2;
  for (const auto& row : table.rows) {
    std::string line(table.indent, ' ');
    for (std::size_t k = 0; k < row.size(); ++k) {
      const std::string pad(widths[k] - row[k].size(), ' ');
      const bool right = std::ranges::find(table.right, k) != table.right.end();
      const bool last = k + 1 == widths.size();
      if (!last) {
        line += (right ? pad + row[k] : row[k] + pad) + "  ";
        continue;
      }
      const std::size_t room = std::max<std::size_t>(table.width, before_last + 30) - before_last;
      const auto lines = right ? std::vector<std::string>{pad + row[k]} : wrapped(row[k], room);
      for (std::size_t n = 0; n < lines.size(); ++n) {
        if (n) line += '\n' + std::string(before_last, ' ');
        line += lines[n];
      }
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out << line << '\n';
  }
  return out;
}

std::string number_text(double value, int digits) {
  if (value == 0) return "0";  // whatever its sign
  char buffer[64];
  std::snprintf(buffer, sizeof buffer, "%.*g", digits, value);
  return buffer;
}

std::string error_text(double value) {
  if (value == 0) return "0";
  char buffer[64];
  std::snprintf(buffer, sizeof buffer, "%.1e", value);
  return buffer;
}

}  // namespace cotangent::apps
