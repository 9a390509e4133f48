#include "cotangent/telemetry/json_lines_sink.h"

#include <ostream>

#include "cotangent/base/json_text.h"

namespace cotangent::telemetry {

void JsonLinesSink::log(const LogEvent& event) {
  out_ << "{\"event\":\"log\",\"at\":" << json_number(event.at) << ",\"level\":\""
       << name_of(event.level) << "\",\"text\":" << json_quote(event.text) << "}\n";
  out_.flush();
}

void JsonLinesSink::span(const SpanEvent& event) {
  out_ << "{\"event\":\"span\",\"name\":" << json_quote(event.name)
       << ",\"begin\":" << json_number(event.begin) << ",\"end\":" << json_number(event.end)
       << ",\"thread\":" << event.thread << "}\n";
  out_.flush();
}

void JsonLinesSink::counter(const CounterEvent& event) {
  out_ << "{\"event\":\"counter\",\"at\":" << json_number(event.at)
       << ",\"name\":" << json_quote(event.name) << ",\"value\":" << json_number(event.value)
       << "}\n";
  out_.flush();
}

void JsonLinesSink::progress(const ProgressEvent& event) {
  out_ << "{\"event\":\"progress\",\"at\":" << json_number(event.at) << ",\"step\":" << event.step
       << ",\"steps\":" << event.steps << ",\"t\":" << json_number(event.t)
       << ",\"seconds\":" << json_number(event.seconds)
       << ",\"energy_error\":" << json_number(event.energy_error) << "}\n";
  out_.flush();
}

}  // namespace cotangent::telemetry
