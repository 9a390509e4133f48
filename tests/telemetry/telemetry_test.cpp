#include "cotangent/telemetry/telemetry.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <nlohmann/json.hpp>
#include <sstream>
#include <thread>

#include "cotangent/base/error.h"
#include "cotangent/telemetry/environment.h"
#include "cotangent/telemetry/json_lines_sink.h"
#include "cotangent/telemetry/perfetto_sink.h"
#include "cotangent/telemetry/terminal_sink.h"

namespace cotangent::telemetry {
namespace {

ProgressEvent progress_at(Seconds at, std::int64_t step, bool last = false) {
  ProgressEvent event;
  event.at = at;
  event.step = step;
  event.steps = 20000;
  event.t = 10.0 * static_cast<double>(step);
  event.seconds = at;
  event.energy_error = 2.5e-10;
  event.last = last;
  return event;
}

std::size_t lines_in(const std::string& text) {
  return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

TEST(Telemetry, NumbersForPeople) {
  EXPECT_EQ(grouped(0), "0");
  EXPECT_EQ(grouped(999), "999");
  EXPECT_EQ(grouped(1000), "1,000");
  EXPECT_EQ(grouped(-1234567), "-1,234,567");
  EXPECT_EQ(duration_text(0.00042), "420 us");
  EXPECT_EQ(duration_text(0.25), "250 ms");
  EXPECT_EQ(duration_text(12.34), "12.3 s");
  EXPECT_EQ(duration_text(75), "1 min 15 s");
  EXPECT_EQ(duration_text(7260), "2 h 1 min");
  EXPECT_EQ(rate_text(940), "940");
  EXPECT_EQ(rate_text(2470.4), "2470");
  EXPECT_EQ(rate_text(5.3e6), "5.3 M");
}

TEST(Telemetry, SecondsLeftFollowsTheMeanSpeed) {
  EXPECT_DOUBLE_EQ(progress_at(2, 5000).seconds_left(), 6.0);
  EXPECT_LT(ProgressEvent{}.seconds_left(), 0);
}

TEST(TerminalSink, PlainLinesAreFarApart) {
  std::ostringstream out;
  {
    TerminalSink sink(out, {.terminal = false, .line_seconds = 5});
    for (int k = 0; k <= 120; ++k) sink.progress(progress_at(0.1 * k, 100 * k));
    sink.progress(progress_at(12.05, 20000, true));
    sink.progress(progress_at(12.06, 20000, true));  // after the end nothing is shown
  }
  EXPECT_EQ(lines_in(out.str()), 3u) << out.str();
  EXPECT_NE(out.str().find("step 20,000 of 20,000"), std::string::npos);
  EXPECT_EQ(out.str().find('\r'), std::string::npos);
  EXPECT_EQ(out.str().find('\x1b'), std::string::npos);
}

TEST(TerminalSink, AShortRunElsewhereIsSilent) {
  std::ostringstream out;
  TerminalSink sink(out, {.terminal = false, .line_seconds = 5});
  sink.progress(progress_at(0.1, 100));
  sink.progress(progress_at(0.2, 20000, true));
  EXPECT_EQ(out.str(), "");
}

TEST(TerminalSink, OneLineRedrawnWithinTheWidth) {
  std::ostringstream out;
  {
    TerminalSink sink(out, {.terminal = true, .columns = 60, .redraw_seconds = 0.1});
    for (int k = 1; k <= 50; ++k) sink.progress(progress_at(0.02 * k, 400 * k));
    sink.log({1.0, Level::kWarning, "something"});
    sink.progress(progress_at(1.2, 20000, true));
  }
  const std::string text = out.str();
  EXPECT_EQ(lines_in(text), 1u);  // the warning; progress leaves nothing behind
  EXPECT_NE(text.find("warning: something\n"), std::string::npos);
  std::size_t shown = 0;
  std::istringstream redraws(text);
  for (std::string piece; std::getline(redraws, piece, '\r');) {
    EXPECT_LT(piece.size(), 64u) << piece;
    shown += piece.find("steps/s") != std::string::npos;
  }
  EXPECT_GE(shown, 8u);
  EXPECT_LE(shown, 11u);
}

TEST(TerminalSink, QuietKeepsWarnings) {
  std::ostringstream out;
  TerminalSink sink(out, {.quiet = true});
  sink.log({0, Level::kInfo, "chatter"});
  sink.log({0, Level::kWarning, "trouble"});
  sink.progress(progress_at(100, 100));
  EXPECT_EQ(out.str(), "warning: trouble\n");
}

TEST(JsonLinesSink, EveryLineParses) {
  std::ostringstream out;
  Telemetry telemetry;
  JsonLinesSink sink(out);
  telemetry.add(sink);
  telemetry.info("a \"quoted\"\nline \xff");
  {
    Span span(telemetry, "compile");
  }
  telemetry.counter("nodes", 12);
  ProgressEvent event = progress_at(0, 10);
  event.energy_error = std::numeric_limits<double>::quiet_NaN();
  telemetry.progress(event);
  std::istringstream lines(out.str());
  std::vector<std::string> kinds;
  for (std::string line; std::getline(lines, line);) {
    const auto object = nlohmann::json::parse(line);
    kinds.push_back(object.at("event"));
    if (kinds.back() == "progress") {
      EXPECT_TRUE(object.at("energy_error").is_null());
    }
    if (kinds.back() == "span") {
      EXPECT_GE(object.at("end"), object.at("begin"));
    }
  }
  EXPECT_EQ(kinds, (std::vector<std::string>{"log", "span", "counter", "progress"}));
}

TEST(PerfettoSink, IsOneValidDocument) {
  std::ostringstream out;
  {
    Telemetry telemetry;
    PerfettoSink sink(out);
    telemetry.add(sink);
    {
      Span outer(telemetry, "front");
      Span inner(telemetry, "parse");
    }
    std::thread([&] { Span span(telemetry, "elsewhere"); }).join();
    telemetry.counter("bad", std::numeric_limits<double>::infinity());
    telemetry.progress(progress_at(1, 100));
  }
  const auto trace = nlohmann::json::parse(out.str());
  std::vector<std::string> spans;
  for (const auto& event : trace.at("traceEvents")) {
    if (event.at("ph") == "C") {
      EXPECT_TRUE(event.at("args").at("value").is_number()) << event;
    }
    if (event.at("ph") != "X") continue;
    EXPECT_GE(event.at("dur").get<double>(), 0);
    spans.push_back(event.at("name").get<std::string>() + event.at("tid").dump());
  }
  EXPECT_EQ(spans, (std::vector<std::string>{"parse0", "front0", "elsewhere1"}));
}

TEST(Telemetry, SpanClosesOnce) {
  std::ostringstream out;
  Telemetry telemetry;
  JsonLinesSink sink(out);
  telemetry.add(sink);
  {
    Span span(telemetry, "work");
    const Seconds length = span.close();
    EXPECT_EQ(span.close(), length);
  }
  EXPECT_EQ(lines_in(out.str()), 1u);
}

TEST(Telemetry, DetailsAreWantedUpToTheLevelAskedForAndByAListenerOnly) {
  std::ostringstream out;
  TerminalOptions options;
  options.debug = true;
  options.quiet = true;
  TerminalSink sink(out, options);
  Telemetry telemetry;
  telemetry.show(Detail::kKernels);
  EXPECT_FALSE(telemetry.wants(Detail::kPlan)) << "nobody listens";
  telemetry.add(sink);
  EXPECT_TRUE(telemetry.wants(Detail::kPlan));
  EXPECT_TRUE(telemetry.wants(Detail::kKernels));
  EXPECT_FALSE(telemetry.wants(Detail::kSource));
  telemetry.debug("inside");
  telemetry.info("outside");
  EXPECT_EQ(out.str(), "debug: inside\n");
}

TEST(Span, WithoutATelemetryDoesNothing) {
  Span span(nullptr, "nobody");
  EXPECT_EQ(span.close(), 0);
}

TEST(Environment, CotangentDebugIsALevel) {
  const char* before = std::getenv("COTANGENT_DEBUG");
  const std::string kept = before ? before : "";
  unsetenv("COTANGENT_DEBUG");
  EXPECT_EQ(detail_from_environment(), Detail::kNone);
  setenv("COTANGENT_DEBUG", "3", 1);
  EXPECT_EQ(detail_from_environment(), Detail::kSource);
  for (const char* bad : {"6", "x", "-1", "33"}) {
    setenv("COTANGENT_DEBUG", bad, 1);
    EXPECT_THROW(detail_from_environment(), UserError) << bad;
  }
  if (before) {
    setenv("COTANGENT_DEBUG", kept.c_str(), 1);
  } else {
    unsetenv("COTANGENT_DEBUG");
  }
}

}  // namespace
}  // namespace cotangent::telemetry
