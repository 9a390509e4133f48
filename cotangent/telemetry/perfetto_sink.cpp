#include "cotangent/telemetry/perfetto_sink.h"

#include <cmath>
#include <ostream>

#include "cotangent/base/json_text.h"

namespace cotangent::telemetry {
namespace {

std::string microseconds(Seconds seconds) {
  return json_number(seconds * 1e6);
}

}  // namespace

PerfettoSink::PerfettoSink(std::ostream& out, std::string process) : out_(out) {
  out_ << "{\"displayTimeUnit\":\"ms\",\"traceEvents\":[\n"
       << R"({"name":"process_name","ph":"M","pid":1,"tid":0,"args":{"name":)"
       << json_quote(process) << "}}";
}

PerfettoSink::~PerfettoSink() {
  out_ << "\n]}\n";
  out_.flush();
}

void PerfettoSink::write(const std::string& event) {
  out_ << ",\n" << event;
}

void PerfettoSink::log(const LogEvent& event) {
  write("{\"name\":" + json_quote(event.text) + R"(,"ph":"i","s":"p","pid":1,"tid":0,"ts":)" +
        microseconds(event.at) + "}");
}

void PerfettoSink::span(const SpanEvent& event) {
  write("{\"name\":" + json_quote(event.name) + R"(,"ph":"X","pid":1,"tid":)" +
        std::to_string(event.thread) + ",\"ts\":" + microseconds(event.begin) +
        ",\"dur\":" + microseconds(event.end - event.begin) + "}");
}

void PerfettoSink::counter(const CounterEvent& event) {
  if (!std::isfinite(event.value)) return;  // the format has no way to say so
  write("{\"name\":" + json_quote(event.name) + R"(,"ph":"C","pid":1,"ts":)" +
        microseconds(event.at) + ",\"args\":{\"value\":" + json_number(event.value) + "}}");
}

void PerfettoSink::progress(const ProgressEvent& event) {
  counter({event.at, "steps/s", event.steps_per_second()});
  counter({event.at, "energy error", event.energy_error});
}

}  // namespace cotangent::telemetry
