#include "cotangent/telemetry/telemetry.h"

#include <algorithm>
#include <functional>
#include <thread>

namespace cotangent::telemetry {

std::string_view name_of(Level level) {
  switch (level) {
    case Level::kDebug: return "debug";
    case Level::kInfo: return "info";
    case Level::kWarning: return "warning";
    case Level::kError: return "error";
  }
  return "?";
}

double ProgressEvent::seconds_left() const {
  if (step <= 0 || steps <= 0 || seconds <= 0) return -1;
  return seconds * static_cast<double>(steps - step) / static_cast<double>(step);
}

void Telemetry::log(Level level, std::string_view text) {
  if (sinks_.empty()) return;
  const std::scoped_lock lock(mutex_);
  const LogEvent event{now(), level, text};
  for (Sink* sink : sinks_) sink->log(event);
}

void Telemetry::counter(std::string_view name, double value) {
  if (sinks_.empty()) return;
  const std::scoped_lock lock(mutex_);
  const CounterEvent event{now(), name, value};
  for (Sink* sink : sinks_) sink->counter(event);
}

void Telemetry::progress(ProgressEvent event) {
  if (sinks_.empty()) return;
  const std::scoped_lock lock(mutex_);
  event.at = now();
  for (Sink* sink : sinks_) sink->progress(event);
}

void Telemetry::span(std::string_view name, Seconds begin, Seconds end) {
  if (sinks_.empty()) return;
  const std::scoped_lock lock(mutex_);
  const SpanEvent event{begin, end, name, thread_number()};
  for (Sink* sink : sinks_) sink->span(event);
}

std::uint64_t Telemetry::thread_number() {
  const std::uint64_t id = std::hash<std::thread::id>{}(std::this_thread::get_id());
  const auto found = std::find(threads_.begin(), threads_.end(), id);
  if (found != threads_.end()) return static_cast<std::uint64_t>(found - threads_.begin());
  threads_.push_back(id);
  return threads_.size() - 1;
}

Seconds Span::close() {
  if (length_ < 0) {
    const Seconds end = telemetry_->now();
    length_ = end - begin_;
    telemetry_->span(name_, begin_, end);
  }
  return length_;
}

}  // namespace cotangent::telemetry
