// Trace events that ui.perfetto.dev and chrome://tracing open: spans as complete events, counters
// and progress as counter tracks, log lines as instants. Times are microseconds.
#pragma once

#include <iosfwd>
#include <string>

#include "cotangent/telemetry/telemetry.h"

namespace cotangent::telemetry {

class PerfettoSink final : public Sink {
 public:
  /// Writes the head at once; the destructor closes the list. `out` must outlive the sink.
  explicit PerfettoSink(std::ostream& out, std::string process = "cotangent");
  ~PerfettoSink() override;
  void log(const LogEvent& event) override;
  void span(const SpanEvent& event) override;
  void counter(const CounterEvent& event) override;
  void progress(const ProgressEvent& event) override;

 private:
  void write(const std::string& event);
  std::ostream& out_;
};

}  // namespace cotangent::telemetry
