#include "cotangent/apps/expectations.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numeric>

#include "cotangent/apps/text_table.h"
#include "cotangent/base/error.h"
#include "cotangent/base/text.h"

namespace cotangent::apps {
namespace {
using nlohmann::json;

[[noreturn]] void not_there(const std::string& path, const std::string& part) {
  throw UserError("[gallery] there is no '" + part + "' at " + path + " of the answer",
                  "`cotangent run --json` prints the answer whole");
}

void flatten(const json& node, std::vector<double>& values) {
  if (node.is_array()) {
    for (const json& item : node) flatten(item, values);
  } else {
    values.push_back(node.is_number() ? node.get<double>() : NAN);
  }
}

/// What a word makes of samples; nothing where it is no such word.
std::optional<json> reduced(const json& samples, const std::string& word) {
  if (!samples.is_array() || samples.empty()) return std::nullopt;
  if (word == "first") return samples.front();
  if (word == "last") return samples.back();
  std::vector<double> values;
  flatten(samples, values);
  const auto [least, greatest] = std::ranges::minmax_element(values);
  if (word == "least") return *least;
  if (word == "greatest") return *greatest;
  if (word == "span") return *greatest - *least;
  if (word == "mean") {
    return std::reduce(values.begin(), values.end()) / static_cast<double>(values.size());
  }
  return std::nullopt;
}

json step_by_key(const json& node, const std::string& key, const std::string& path) {
  if (node.is_object()) {
    if (node.contains(key)) return node.at(key);
    if (node.contains("value")) {
      if (auto made = reduced(node.at("value"), key)) return *made;
    }
  } else if (node.is_array()) {
    for (const json& item : node) {
      if (item.is_object() && item.value("name", "") == key) return item;
    }
    if (auto made = reduced(node, key)) return *made;
  }
  not_there(path, key);
}

}  // namespace

double value_at(const std::string& answer, const std::string& path) {
  json node = json::parse(answer);
  for (std::size_t at = 0; at < path.size();) {
    if (path[at] == '[') {
      std::size_t index = 0;
      const char* first = path.data() + at + 1;
      const auto [end, error] = std::from_chars(first, path.data() + path.size(), index);
      const std::string part(path, at, static_cast<std::size_t>(end - first) + 2);
      if (error != std::errc() || !part.ends_with(']') || !node.is_array() ||
          index >= node.size()) {
        not_there(path, part);
      }
      node = json(node.at(index));
      at += part.size();
    } else {
      if (path[at] == '.') ++at;
      // Names of statistics have dots of their own: "radius.mean" is an observable.
      std::size_t end = std::min(path.find_first_of(".[", at), path.size());
      std::string key = path.substr(at, end - at);
      const std::size_t longer = std::min(path.find_first_of(".[", end + 1), path.size());
      if (node.is_object() && !node.contains(key) && end < path.size() &&
          node.contains(path.substr(at, longer - at))) {
        end = longer;
        key = path.substr(at, end - at);
      }
      node = step_by_key(node, key, path);
      at = end;
    }
  }
  if (node.is_null()) return NAN;
  if (!node.is_number()) not_there(path, "number");
  return node.get<double>();
}

bool Outcome::met() const {
  if (!std::isfinite(value)) return false;
  if (expected.near && !(std::abs(value - *expected.near) <= *expected.within)) return false;
  if (expected.below && !(value < *expected.below)) return false;
  return !expected.above || value > *expected.above;
}

std::vector<Outcome> outcomes_of(const std::vector<Expectation>& expected,
                                 const std::string& answer) {
  std::vector<Outcome> outcomes;
  for (const Expectation& e : expected) outcomes.push_back({e, value_at(answer, e.value)});
  return outcomes;
}

std::string bound_text(const Expectation& expected) {
  std::vector<std::string> parts;
  if (expected.near) {
    parts.push_back(number_text(*expected.near) + " +- " + number_text(*expected.within));
  }
  if (expected.above) parts.push_back("above " + number_text(*expected.above));
  if (expected.below) parts.push_back("below " + number_text(*expected.below));
  return join(parts, ", ");
}

void write_outcomes_text(std::ostream& out, const std::vector<Outcome>& outcomes) {
  TextTable table;
  for (const Outcome& o : outcomes) {
    table.rows.push_back({o.met() ? "ok" : "MISSED", number_text(o.value), bound_text(o.expected),
                          o.expected.that + " (" + o.expected.since + ")"});
  }
  out << "\nexpected\n" << table;
}

}  // namespace cotangent::apps
