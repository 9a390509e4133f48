// What a program says about itself while it works: log lines, timed spans, counters, progress.
//
// The caller owns the sinks and the Telemetry object; nothing here is global. A Telemetry without
// sinks costs a branch a call. Telemetry never changes results. Calls from several threads are
// safe: sinks see one event at a time.
#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace cotangent::telemetry {

enum class Level : std::uint8_t { kDebug, kInfo, kWarning, kError };
std::string_view name_of(Level level);

/// How much of the compiler's inside is told, as debug messages; each includes those before it.
enum class Detail : std::uint8_t {
  kNone,
  kPlan,     ///< 1: what was decided, and why
  kKernels,  ///< 2: kernels with operations, bytes, time and rates
  kSource,   ///< 3: kernel programs
  kCode,     ///< 4: LLVM IR and assembly
  kPasses    ///< 5: every pass, with what it changed
};

/// Seconds since the Telemetry object was made, from a clock that never goes back.
using Seconds = double;

struct LogEvent {
  Seconds at = 0;
  Level level = Level::kInfo;
  std::string_view text;
};

/// A piece of work that has ended.
struct SpanEvent {
  Seconds begin = 0, end = 0;
  std::string_view name;
  std::uint64_t thread = 0;  ///< small number, in order of first appearance
};

struct CounterEvent {
  Seconds at = 0;
  std::string_view name;
  double value = 0;
};

/// State of a long run.
struct ProgressEvent {
  Seconds at = 0;
  std::int64_t step = 0, steps = 0;
  double t = 0;             ///< simulated time
  double seconds = 0;       ///< wall time in the loop so far
  double energy_error = 0;  ///< relative; NaN when energy is not watched
  bool last = false;        ///< nothing follows; a sink shows this one whatever its rate
  double steps_per_second() const { return seconds > 0 ? static_cast<double>(step) / seconds : 0; }
  /// Wall seconds still to go at the mean speed so far; negative when unknown.
  double seconds_left() const;
};

/// Where events go. Every method may be left alone.
class Sink {
 public:
  virtual ~Sink() = default;
  virtual void log(const LogEvent&) {}
  virtual void span(const SpanEvent&) {}
  virtual void counter(const CounterEvent&) {}
  virtual void progress(const ProgressEvent&) {}
};

class Telemetry {
 public:
  Telemetry() : origin_(std::chrono::steady_clock::now()) {}
  Telemetry(const Telemetry&) = delete;
  Telemetry& operator=(const Telemetry&) = delete;

  /// Adds a sink, which must outlive this object. Not while others report.
  void add(Sink& sink) { sinks_.push_back(&sink); }
  bool empty() const { return sinks_.empty(); }
  /// Asks for details; libraries ask back with `wants` before they make a long text. Before use.
  void show(Detail detail) { detail_ = detail; }
  bool wants(Detail detail) const { return detail <= detail_ && !sinks_.empty(); }
  Seconds now() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - origin_).count();
  }

  void log(Level level, std::string_view text);
  void debug(std::string_view text) { log(Level::kDebug, text); }
  void info(std::string_view text) { log(Level::kInfo, text); }
  void warn(std::string_view text) { log(Level::kWarning, text); }
  void counter(std::string_view name, double value);
  void progress(ProgressEvent event);  ///< `at` is filled in
  void span(std::string_view name, Seconds begin, Seconds end);

 private:
  std::uint64_t thread_number();

  std::chrono::steady_clock::time_point origin_;
  std::vector<Sink*> sinks_;
  Detail detail_ = Detail::kNone;
  std::mutex mutex_;
  std::vector<std::uint64_t> threads_;  ///< hashes of thread ids seen, in order
};

/// Times the block it lives in: { Span span(telemetry, "compile"); ... }
class Span {
 public:
  Span(Telemetry& telemetry, std::string name) : Span(&telemetry, std::move(name)) {}
  /// Without a telemetry it does nothing.
  Span(Telemetry* telemetry, std::string name)
      : telemetry_(telemetry),
        name_(std::move(name)),
        begin_(telemetry_ ? telemetry_->now() : 0),
        length_(telemetry_ ? -1 : 0) {}
  ~Span() { close(); }
  Span(const Span&) = delete;
  Span& operator=(const Span&) = delete;
  /// Ends the span early; gives its length. Later calls give the same.
  Seconds close();

 private:
  Telemetry* telemetry_;
  std::string name_;
  Seconds begin_;
  Seconds length_;
};

}  // namespace cotangent::telemetry
