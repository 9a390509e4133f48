#include "cotangent/ir/diff.h"

#include <algorithm>
#include <cctype>
#include <functional>
#include <map>
#include <string_view>
#include <vector>

#include "cotangent/ir/text.h"

namespace cotangent::ir {
namespace {

constexpr std::size_t kMostDifferences = 1500;  // beyond, the two have little in common

struct Meaning {
  std::size_t whole = 0;     ///< equal for lines that compute the same from the same
  std::size_t likeness = 0;  ///< equal for lines that do the same to values made by like ops
};

struct Line {
  std::string text;
  Meaning meaning;
};

/// What is known of each value by its name: its meaning, and its op with operands left out.
struct Known {
  std::size_t whole = 0, op = 0;
};
using Scope = std::map<std::string, Known, std::less<>>;

bool is_name(char c) {
  return std::isdigit(static_cast<unsigned char>(c)) != 0;
}

/// From the line's text with the name of a value that it defines left out, and of a value that it
/// uses replaced by what that is. Defines them in `scopes`; opens and closes scopes.
Meaning meaning_of(std::string_view line, std::vector<Scope>& scopes) {
  const bool opens = line.ends_with("{");
  // Of a line that opens a body: where the body's own parameters begin.
  std::size_t parameters = line.size();
  if (opens) {
    const std::size_t body = line.find(" body ");
    parameters = body == std::string_view::npos ? 0 : body;
  }
  std::string whole, like, alone;
  const auto add = [&](const std::string& to_whole, const std::string& to_like) {
    whole += to_whole;
    like += to_like;
  };
  std::string defined;
  std::vector<std::string> given;
  for (std::size_t k = 0; k < line.size(); ++k) {
    if (line[k] != '%' || k + 1 >= line.size() || !is_name(line[k + 1])) {
      add({line[k]}, {line[k]});
      alone += line[k];
      continue;
    }
    std::size_t end = k + 1;
    while (end < line.size() && is_name(line[end])) ++end;
    const std::string name(line.substr(k, end - k));
    if (k >= parameters) {
      given.push_back(name);
    } else if (line.substr(end).starts_with(" = ")) {
      defined = name;
    } else {
      const auto known = scopes.back().find(name);
      const Known value = known == scopes.back().end() ? Known{} : known->second;
      add("%" + std::to_string(value.whole), "%" + std::to_string(value.op));
    }
    k = end - 1;
  }
  const std::hash<std::string> hash;
  const Meaning meaning{hash(whole), hash(like)};
  if (!defined.empty()) scopes.back()[defined] = {meaning.whole, hash(alone)};
  if (opens) {
    scopes.emplace_back();
    for (std::size_t k = 0; k < given.size(); ++k) scopes.back()[given[k]] = {k, k};
  }
  if (line.ends_with("}") && !opens && line.find_first_not_of(" }") == std::string_view::npos &&
      scopes.size() > 1) {
    scopes.pop_back();
  }
  return meaning;
}

std::vector<Line> lines_of(const Function& f) {
  const std::string text = print(f, 8);
  std::vector<Line> lines;
  std::vector<Scope> scopes(1);
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    Line line;
    line.text = text.substr(at, end - at);
    line.meaning = meaning_of(line.text, scopes);
    lines.push_back(std::move(line));
    at = end + 1;
  }
  return lines;
}

enum class Edit : char { kKeep = ' ', kRemove = '-', kAdd = '+' };

/// A shortest edit script (E. Myers, "An O(ND) difference algorithm", Algorithmica 1, 1986); empty
/// where it is longer than kMostDifferences.
std::vector<Edit> script(const std::vector<Line>& a, const std::vector<Line>& b,
                         std::size_t Meaning::* what) {
  const auto n = static_cast<std::ptrdiff_t>(a.size()), m = static_cast<std::ptrdiff_t>(b.size());
  const auto most = std::min<std::ptrdiff_t>(n + m, kMostDifferences);
  const auto same = [&](std::ptrdiff_t x, std::ptrdiff_t y) {
    return a[static_cast<std::size_t>(x)].meaning.*what ==
           b[static_cast<std::size_t>(y)].meaning.*what;
  };
  // furthest[most + k]: how far along a one gets on diagonal k with d edits.
  std::vector<std::ptrdiff_t> furthest(static_cast<std::size_t>(2 * most + 3), 0);
  const auto at = [&](std::ptrdiff_t k) -> std::ptrdiff_t& {
    return furthest[static_cast<std::size_t>(most + 1 + k)];
  };
  std::vector<std::vector<std::ptrdiff_t>> history;
  std::ptrdiff_t d = 0;
  for (bool found = false; !found; ++d) {
    if (d > most) return {};
    history.push_back(furthest);
    for (std::ptrdiff_t k = -d; k <= d && !found; k += 2) {
      std::ptrdiff_t x = k == -d || (k != d && at(k - 1) < at(k + 1)) ? at(k + 1) : at(k - 1) + 1;
      while (x < n && x - k < m && same(x, x - k)) ++x;
      at(k) = x;
      found = x >= n && x - k >= m;
    }
  }
  std::vector<Edit> edits;
  std::ptrdiff_t x = n, y = m;
  while (--d >= 0) {
    furthest = history[static_cast<std::size_t>(d)];
    const std::ptrdiff_t k = x - y;
    const bool down = k == -d || (k != d && at(k - 1) < at(k + 1));
    const std::ptrdiff_t from = d == 0 ? 0 : down ? at(k + 1) : at(k - 1);
    const std::ptrdiff_t start = d == 0 ? 0 : down ? from : from + 1;
    for (; x > start; --x, --y) edits.push_back(Edit::kKeep);
    if (d == 0) break;
    edits.push_back(down ? Edit::kAdd : Edit::kRemove);
    x = from;
    y = x - (down ? k + 1 : k - 1);
  }
  std::ranges::reverse(edits);
  return edits;
}

}  // namespace

std::string diff(const Function& before, const Function& after, std::size_t context) {
  const std::vector<Line> a = lines_of(before), b = lines_of(after);
  const auto whole = [](const Line& line) { return line.meaning.whole; };
  if (std::ranges::equal(a, b, {}, whole, whole)) return "";
  std::vector<Edit> edits = script(a, b, &Meaning::likeness);
  if (!edits.empty() && std::ranges::count(edits, Edit::kKeep) == std::ssize(edits)) {
    edits = script(a, b, &Meaning::whole);  // alike all along, but not the same
  }
  std::string text;
  if (edits.empty()) {
    text = "little is left of " + std::to_string(a.size()) + " lines:\n";
    for (const Line& line : b) text += "+ " + line.text + "\n";
    return text;
  }
  std::vector<char> shown(edits.size(), 0);
  for (std::size_t k = 0; k < edits.size(); ++k) {
    if (edits[k] == Edit::kKeep) continue;
    const std::size_t end = std::min(edits.size(), k + context + 1);
    for (std::size_t j = k - std::min(k, context); j < end; ++j) shown[j] = 1;
  }
  bool gap = false;
  for (std::size_t k = 0, i = 0, j = 0; k < edits.size(); ++k) {
    const Line& line = edits[k] == Edit::kRemove ? a[i] : b[j];
    i += edits[k] != Edit::kAdd;
    j += edits[k] != Edit::kRemove;
    if (!shown[k]) {
      gap = true;
      continue;
    }
    if (gap) text += "  ...\n";
    gap = false;
    text += std::string(1, static_cast<char>(edits[k])) + " " + line.text + "\n";
  }
  return text;
}

}  // namespace cotangent::ir
