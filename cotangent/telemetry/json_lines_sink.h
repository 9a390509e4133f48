// Every event as one line of JSON, for another program to follow:
//   {"event":"log","at":0.1,"level":"info","text":"..."}
//   {"event":"span","name":"compile","begin":0.1,"end":0.2,"thread":0}
//   {"event":"counter","at":0.1,"name":"...","value":1.0}
//   {"event":"progress","at":0.1,"step":1,"steps":2,"t":10.0,"seconds":0.1,"energy_error":1e-9}
#pragma once

#include <iosfwd>

#include "cotangent/telemetry/telemetry.h"

namespace cotangent::telemetry {

class JsonLinesSink final : public Sink {
 public:
  /// `out` must outlive the sink; each line is flushed, so a killed run loses at most one.
  explicit JsonLinesSink(std::ostream& out) : out_(out) {}
  void log(const LogEvent& event) override;
  void span(const SpanEvent& event) override;
  void counter(const CounterEvent& event) override;
  void progress(const ProgressEvent& event) override;

 private:
  std::ostream& out_;
};

}  // namespace cotangent::telemetry
