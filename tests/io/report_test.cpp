// The report's data: thinned honestly, embedded safely. How the page looks is tested in a browser
// (tests/apps/report_test.sh).
#include "cotangent/io/report.h"

#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <sstream>

namespace cotangent::io {
namespace {

struct Samples1 {
  std::vector<std::int64_t> step;
  std::vector<double> t, value;
  SampleView view(std::string name, Shape shape = {}) const {
    return {std::move(name), shape, 1, step, t, value};
  }
};

Samples1 samples_of(std::size_t count, std::size_t width, double (*f)(std::size_t, std::size_t)) {
  Samples1 samples;
  for (std::size_t k = 0; k < count; ++k) {
    samples.step.push_back(static_cast<std::int64_t>(k));
    samples.t.push_back(0.5 * static_cast<double>(k));
    for (std::size_t c = 0; c < width; ++c) samples.value.push_back(f(k, c));
  }
  return samples;
}

nlohmann::json data_of(const std::string& html) {
  const std::string open = "id=\"data\">";
  const std::size_t begin = html.find(open) + open.size();
  return nlohmann::json::parse(html.substr(begin, html.find("</script>", begin) - begin));
}

std::string page_of(const Report& report, const ReportLimits& limits = {}) {
  std::ostringstream out;
  write_report(out, report, limits);
  return out.str();
}

TEST(Report, ThinningAnErrorHidesNoPeak) {
  const Samples1 energy = samples_of(10001, 1, [](std::size_t k, std::size_t) {
    return k == 7777 ? -0.5 - 3e-5 : -0.5 + 1e-9 * std::sin(static_cast<double>(k));
  });
  Report report;
  report.invariants.push_back({"energy", "proved", 0.5, 3e-5, 6e-5, energy.view("energy")});
  const auto data = data_of(page_of(report, {.samples = 500}))["invariants"][0];
  EXPECT_LE(data["t"].size(), 500u);
  double worst = 0, at = 0;
  for (std::size_t k = 0; k < data["t"].size(); ++k) {
    if (data["error"][k].get<double>() > worst) {
      worst = data["error"][k];
      at = data["t"][k];
    }
  }
  EXPECT_NEAR(worst, 6e-5, 1e-9);
  EXPECT_EQ(at, 0.5 * 7777);
  EXPECT_NE(data["note"].get<std::string>().find("largest error of 21 samples"), std::string::npos);
}

TEST(Report, ThinningAnObservableKeepsBothExtremes) {
  const Samples1 x = samples_of(5000, 2, [](std::size_t k, std::size_t c) {
    return k == 1234 ? 10.0 : k == 1235 ? -10.0 : static_cast<double>(c);
  });
  Report report;
  report.observables.push_back(x.view("x", Shape{2}));
  const auto data = data_of(page_of(report, {.samples = 400}))["observables"][0];
  ASSERT_EQ(data["curves"].size(), 2u);
  for (const auto& curve : data["curves"]) {
    EXPECT_LE(curve["t"].size(), 402u);
    const auto values = curve["value"].get<std::vector<double>>();
    EXPECT_EQ(*std::ranges::max_element(values), 10);
    EXPECT_EQ(*std::ranges::min_element(values), -10);
    const auto t = curve["t"].get<std::vector<double>>();
    EXPECT_TRUE(std::ranges::is_sorted(t));
  }
  EXPECT_EQ(data["curves"][1]["name"], "x[1]");
}

TEST(Report, AShortCurveIsWhole) {
  const Samples1 x = samples_of(
      100, 1, [](std::size_t k, std::size_t) { return 1.0 / (1.0 + static_cast<double>(k)); });
  Report report;
  report.observables.push_back(x.view("x"));
  const auto curve = data_of(page_of(report))["observables"][0]["curves"][0];
  ASSERT_EQ(curve["t"].size(), 100u);
  for (std::size_t k = 0; k < 100; ++k) {
    EXPECT_NEAR(curve["value"][k].get<double>(), x.value[k], 1e-8);
  }
}

TEST(Report, ATrajectoryIsThinnedAndKeepsItsEnd) {
  const Samples1 q = samples_of(9000, 6, [](std::size_t k, std::size_t c) {
    return static_cast<double>(k) + 0.1 * static_cast<double>(c);
  });
  Report report;
  report.q = q.view("q", Shape{2, 3});
  const auto data =
      data_of(page_of(report, {.samples = 100, .trajectory_numbers = 600}))["trajectory"];
  EXPECT_EQ(data["shape"], nlohmann::json::array({2, 3}));
  EXPECT_LE(data["t"].size(), 102u);
  EXPECT_EQ(data["t"].back(), 0.5 * 8999);
  EXPECT_EQ(data["q"].size(), data["t"].size());
  EXPECT_NEAR(data["q"].back()[5].get<double>(), 8999.5, 0.05);
  EXPECT_NE(data["note"].get<std::string>().find("of 9000"), std::string::npos);
}

TEST(Report, TextCannotBreakOut) {
  Report report;
  report.title = "</title><script>alert(1)</script>";
  report.system_text = "# </script><script>alert(2)</script> \xff";
  const std::string page = page_of(report);
  EXPECT_EQ(page.find("<script>alert"), std::string::npos);
  EXPECT_EQ(data_of(page)["title"], report.title);
  EXPECT_TRUE(data_of(page)["trajectory"].is_null());
}

TEST(Report, NeedsNoNetwork) {
  const std::string page = page_of({});
  EXPECT_NE(page.find("default-src 'none'"), std::string::npos);
  for (const char* word : {" src=", "@import", "url(", "fetch(", "XMLHttpRequest", "import("}) {
    EXPECT_EQ(page.find(word), std::string::npos) << word;
  }
}

}  // namespace
}  // namespace cotangent::io
