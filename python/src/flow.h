// A compiled flow as Python holds it, and what a run of it needs of the interpreter.
#pragma once

#include <chrono>
#include <exception>

#include "cotangent/mechanics/short_run.h"
#include "python/src/system.h"

namespace cotangent::python {

/// Warnings that a library reports while it works, to be told by Python.
class Warnings final : public telemetry::Sink {
 public:
  void log(const telemetry::LogEvent& event) override {
    if (event.level < telemetry::Level::kWarning) return;
    texts_.emplace_back(event.text);
  }
  const std::vector<std::string>& texts() const { return texts_; }

 private:
  std::vector<std::string> texts_;
};

/// A telemetry with its sink.
struct Listening {
  Warnings warnings;
  telemetry::Telemetry telemetry;
  Listening() { telemetry.add(warnings); }
};

struct FlowBox {
  std::shared_ptr<const SystemBox> system;
  apps::Prepared prepared;
  std::unique_ptr<Listening> listening = std::make_unique<Listening>();
  mechanics::FlowOptions options;
  std::shared_ptr<const mechanics::Flow> flow;
  mutable std::mutex mutex;
  mutable std::shared_ptr<const mechanics::ShortRun> short_run;  ///< made when it is asked for

  const mechanics::ShortRun& steps() const {
    const std::lock_guard lock(mutex);
    if (!short_run) {
      short_run = mechanics::ShortRun::compile(prepared.file.system, prepared.plan, options);
    }
    return *short_run;
  }
};

/// `given` as an f64 of this shape, for what is called `name`; UserError of `op` for another shape.
ir::Tensor tensor_of_shape(nanobind::handle given, const std::string& name, const Shape& shape,
                           const char* op);

/// While a computation runs without the interpreter's lock: asks for Ctrl-C, hands on progress.
/// What is raised in between stops the computation, and is raised again after it.
class Attended {
 public:
  /// `progress`: called with (step, steps, t, seconds, energy_error, text), or None.
  explicit Attended(nanobind::object progress) : progress_(std::move(progress)) {}
  ~Attended();
  Attended(const Attended&) = delete;
  Attended& operator=(const Attended&) = delete;

  std::function<bool()> interrupted();
  std::function<void(const mechanics::Progress&)> progress();
  /// With the lock: raises what was raised.
  void rethrow() const;

 private:
  using Clock = std::chrono::steady_clock;
  bool ask();

  nanobind::object progress_;
  std::exception_ptr raised_;
  bool stop_ = false;
  Clock::time_point asked_{};
};

}  // namespace cotangent::python
