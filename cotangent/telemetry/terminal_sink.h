// Log lines and progress for a person.
//
// On a terminal progress is one line, redrawn in place: bar, step, speed, time left, energy error.
// Elsewhere (a file, a pipe, CI) it is plain lines, at most one every few seconds, and none at all
// for a run that ends before the first is due.
#pragma once

#include <functional>
#include <iosfwd>
#include <string>

#include "cotangent/telemetry/telemetry.h"

namespace cotangent::telemetry {

struct TerminalOptions {
  bool terminal = false;         ///< whether the stream is one a line can be redrawn on
  bool quiet = false;            ///< warnings and errors only
  bool debug = false;            ///< debug messages too, also when quiet
  int columns = 80;              ///< width a redrawn line is kept below
  Seconds line_seconds = 5;      ///< least time between plain progress lines
  Seconds redraw_seconds = 0.1;  ///< least time between redraws
};

class TerminalSink final : public Sink {
 public:
  /// `out` must outlive the sink; it is flushed after every event shown.
  explicit TerminalSink(std::ostream& out, TerminalOptions options = {});
  ~TerminalSink() override;

  void log(const LogEvent& event) override;
  void progress(const ProgressEvent& event) override;

 private:
  void clear_line();

  std::ostream& out_;
  TerminalOptions options_;
  bool line_shown_ = false;
  Seconds last_shown_ = 0;
  bool any_shown_ = false;
  bool finished_ = false;
};

/// The text of one progress line, without bar: "12,300 of 20,000 steps  ...".
std::string progress_text(const ProgressEvent& event);

/// 1234567 -> "1,234,567".
std::string grouped(std::int64_t value);
/// 0.00042 -> "420 us"; 75 -> "1 min 15 s".
std::string duration_text(Seconds seconds);
/// 5300000 -> "5.3 M"; 940 -> "940".
std::string rate_text(double per_second);

}  // namespace cotangent::telemetry
