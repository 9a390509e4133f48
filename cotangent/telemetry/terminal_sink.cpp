#include "cotangent/telemetry/terminal_sink.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <ostream>

namespace cotangent::telemetry {
namespace {

template <class... Parts>
std::string format(const char* pattern, Parts... parts) {
  char buffer[160];
  std::snprintf(buffer, sizeof buffer, pattern, parts...);
  return buffer;
}

double fraction_of(const ProgressEvent& event) {
  if (event.steps <= 0) return 1;
  return std::clamp(static_cast<double>(event.step) / static_cast<double>(event.steps), 0.0, 1.0);
}

std::string bar(double fraction, int cells) {
  const int full = static_cast<int>(std::floor(fraction * cells));
  return "[" + std::string(static_cast<std::size_t>(full), '=') +
         std::string(static_cast<std::size_t>(cells - full), ' ') + "]";
}

}  // namespace

std::string grouped(std::int64_t value) {
  std::string digits = std::to_string(value);
  const std::size_t sign = value < 0 ? 1 : 0;
  for (std::size_t k = digits.size(); k > sign + 3; k -= 3) digits.insert(k - 3, ",");
  return digits;
}

std::string duration_text(Seconds seconds) {
  if (!(seconds >= 0)) return "?";
  if (seconds < 0.9995e-3) return format("%.0f us", seconds * 1e6);
  if (seconds < 0.9995) return format("%.3g ms", seconds * 1e3);
  if (seconds < 59.95) return format("%.3g s", seconds);
  const auto whole = static_cast<long long>(std::llround(std::min(seconds, 1e15)));
  if (whole < 3600) return format("%lld min %lld s", whole / 60, whole % 60);
  if (whole < 86400) return format("%lld h %lld min", whole / 3600, whole / 60 % 60);
  return format("%lld d %lld h", whole / 86400, whole / 3600 % 24);
}

std::string rate_text(double per_second) {
  if (!(per_second >= 0)) return "?";
  if (per_second >= 999.5e6) return format("%.3g G", per_second / 1e9);
  if (per_second >= 999.5e3) return format("%.3g M", per_second / 1e6);
  if (per_second >= 9.995e3) return format("%.3g k", per_second / 1e3);
  return per_second >= 100 ? format("%.0f", per_second) : format("%.3g", per_second);
}

std::string progress_text(const ProgressEvent& event) {
  std::string text = format("%3.0f%%", std::floor(100 * fraction_of(event))) + "  step " +
                     grouped(event.step) + " of " + grouped(event.steps) + "  " +
                     rate_text(event.steps_per_second()) + " steps/s";
  if (event.seconds_left() > 0) text += "  " + duration_text(event.seconds_left()) + " left";
  if (!std::isnan(event.energy_error)) text += format("  energy %.1e", event.energy_error);
  return text;
}

TerminalSink::TerminalSink(std::ostream& out, TerminalOptions options)
    : out_(out), options_(options) {}

TerminalSink::~TerminalSink() {
  clear_line();
  out_.flush();
}

void TerminalSink::clear_line() {
  if (line_shown_) out_ << "\r\x1b[K";
  line_shown_ = false;
}

void TerminalSink::log(const LogEvent& event) {
  if (event.level == Level::kDebug && !options_.debug) return;
  if (options_.quiet && event.level == Level::kInfo) return;
  clear_line();
  if (event.level != Level::kInfo) out_ << name_of(event.level) << ": ";
  out_ << event.text << '\n';
  out_.flush();
}

void TerminalSink::progress(const ProgressEvent& event) {
  if (options_.quiet || finished_) return;
  finished_ = event.last;
  if (!options_.terminal) {
    // A run too short for one line stays silent; one that showed a line shows its end too.
    const bool due = event.at - last_shown_ >= options_.line_seconds;
    if (!(event.last ? any_shown_ : due)) return;
    out_ << progress_text(event) << '\n';
    out_.flush();
    any_shown_ = true;
    last_shown_ = event.at;
    return;
  }
  if (event.last) {
    clear_line();
    out_.flush();
    return;
  }
  if (any_shown_ && event.at - last_shown_ < options_.redraw_seconds) return;
  const std::string text = progress_text(event);
  // The bar's length depends on the terminal alone, or it would jump as the numbers grow.
  const int cells = std::min(options_.columns - 90, 24);
  std::string line = cells >= 8 ? bar(fraction_of(event), cells) + " " + text : text;
  line.resize(std::min(line.size(), static_cast<std::size_t>(std::max(options_.columns - 1, 1))));
  clear_line();
  out_ << line;
  out_.flush();
  line_shown_ = true;
  any_shown_ = true;
  last_shown_ = event.at;
}

}  // namespace cotangent::telemetry
