// What the facts of a system should be, as it is written beside it:
//   separable yes!, linear no, ..., period=6.28, pair_range=up to 2.5
// `!` means that it must be proved; without it the value alone counts. `~` means that it must not
// be. A `;` in a value stands for a comma.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>
#include <string>
#include <vector>

#include "cotangent/mechanics/facts.h"

namespace cotangent::mechanics {

struct Expected {
  std::string name, value;
  bool boolean = false, proved = false, tested = false;
};

inline std::vector<Expected> expected_of(const std::string& all) {
  std::vector<Expected> out;
  std::istringstream parts(all);
  for (std::string part; std::getline(parts, part, ',');) {
    part = part.substr(part.find_first_not_of(' '));
    Expected e;
    const std::size_t equals = part.find('=');
    const std::size_t cut = equals != std::string::npos ? equals : part.find(' ');
    e.name = part.substr(0, cut);
    e.value = part.substr(cut + 1);
    std::replace(e.value.begin(), e.value.end(), ';', ',');
    e.boolean = equals == std::string::npos;
    if (e.boolean && e.value.ends_with('!')) {
      e.proved = true;
      e.value.pop_back();
    }
    if (e.boolean && e.value.ends_with('~')) {
      e.tested = true;
      e.value.pop_back();
    }
    out.push_back(e);
  }
  return out;
}

inline void expect_boolean(const Facts& facts, const Expected& e) {
  const Fact& f = facts.find(e.name);
  const bool value = std::get<bool>(f.value);
  const std::string about = e.name + ": " + f.detail;
  ASSERT_TRUE(e.value == "yes" || e.value == "no") << e.name << " " << e.value;
  EXPECT_EQ(value, e.value == "yes") << (f.how == How::kProved ? "a wrong proof of " : "") << about;
  if (e.proved) {
    EXPECT_EQ(f.how, How::kProved) << about;
  }
  if (e.tested) {
    EXPECT_EQ(f.how, How::kTested) << about;
  }
  if (f.how == How::kTested) {
    EXPECT_TRUE(f.derivation.empty()) << about;
  }
}

inline void expect_value(const Facts& facts, const Expected& e) {
  if (e.name == "period") {
    ASSERT_TRUE(facts.period.has_value());
    EXPECT_NEAR(*facts.period, std::stod(e.value), 1e-12 * *facts.period);
  } else if (e.name == "cyclic_entries") {
    std::string all;
    for (const std::string& name : facts.cyclic) all += (all.empty() ? "" : " ") + name;
    EXPECT_EQ(all, e.value);
  } else {
    std::string seen;  // one of the terms has it
    for (const Fact& f : facts.all) {
      if (f.name == e.name) seen += "[" + std::get<std::string>(f.value) + "]";
    }
    EXPECT_NE(seen.find("[" + e.value + "]"), std::string::npos) << e.name << ": " << seen;
  }
}

inline void expect_facts(const Facts& facts, const std::vector<Expected>& expected) {
  for (const Expected& e : expected) {
    e.boolean ? expect_boolean(facts, e) : expect_value(facts, e);
  }
}

}  // namespace cotangent::mechanics
