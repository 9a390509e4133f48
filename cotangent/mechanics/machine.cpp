#include "cotangent/mechanics/machine.h"

#include <algorithm>
#include <cmath>
#include <future>

#include "cotangent/mechanics/diagnose.h"

namespace cotangent::mechanics {
namespace {

constexpr std::int64_t kMaxTrip = std::int64_t{1} << 20;
// Room for the samples of one chunk: it is cleared at every call, so it stays small beside ~50 ms.
constexpr std::int64_t kOutputBytes = std::int64_t{1} << 20;
// Programs that are called twice a run: for a state of so few numbers, code that is quickly made.
constexpr std::int64_t kHasty = 1000;

}  // namespace

double RunClock::time(std::int64_t step) const {
  return std::fma(static_cast<double>(step), dt, t0);
}

Arrays Machine::room_for_outputs() const {
  Arrays room;
  for (const Output& o : outputs_) room.emplace_back(o.type);
  return room;
}

Arrays Machine::room_for_samples() const {
  Arrays room;
  for (const Output& o : outputs_) {
    const std::int64_t rows = (trip_ + o.every - 1) / o.every;
    room.emplace_back(o.type.with_shape(o.type.shape.with_leading(rows)));
  }
  return room;
}

Arrays initial_arrays(const System& system, const InitialState& initial) {
  if (system.form != Form::kCanonical) {
    check_state(system, initial.x, "x");
    return {initial.x};
  }
  check_state(system, initial.q, "q");
  Arrays state = {initial.q, momentum_from_velocity(system, initial)};
  check_state(system, state[1], "p");
  return state;
}

std::int64_t trip_for(const std::vector<Output>& outputs, std::int64_t steps) {
  std::int64_t trip = std::clamp<std::int64_t>(steps, 1, kMaxTrip);
  const auto bytes = [&](std::int64_t n) {
    std::int64_t sum = 0;
    for (const Output& o : outputs) sum += (n + o.every - 1) / o.every * o.type.bytes();
    return sum;
  };
  while (trip > 1 && bytes(trip) > std::max(kOutputBytes, bytes(1))) trip = (trip + 1) / 2;
  return trip;
}

runtime::CompileOptions compile_options(const FlowOptions& options) {
  runtime::CompileOptions o;
  o.threads = options.threads > 0 ? options.threads : runtime::host_threads();
  o.vector_bits = options.vector_bits;
  o.cpu = options.cpu;
  o.keep_code = options.keep_code;
  o.cache = options.cache;
  o.telemetry = options.telemetry;
  return o;
}

std::vector<Callable> compile_run(std::vector<ir::FunctionPtr> programs, std::int64_t state_size,
                                  const FlowOptions& options) {
  std::vector<runtime::ExecutablePtr> made(programs.size());
  if (!options.reference) {
    runtime::CompileOptions careful = compile_options(options);
    careful.passes = false;  // their pieces went through them, each once (programs.h)
    for (const ir::FunctionPtr& f : programs) careful.passes = careful.passes || f->has_checks();
    runtime::CompileOptions hasty = careful;
    hasty.keep_code = false;
    if (state_size <= kHasty) hasty.optimize = 0;
    // Side by side, each by one thread.
    auto others = std::async(careful.threads > 1 ? std::launch::async : std::launch::deferred, [&] {
      for (std::size_t k = 0; k + 1 < programs.size(); ++k) {
        made[k] = runtime::compile(programs[k], hasty);
      }
    });
    made.back() = runtime::compile(programs.back(), careful);
    others.get();
  }
  std::vector<Callable> callables;
  for (std::size_t k = 0; k < programs.size(); ++k) {
    callables.emplace_back(std::move(programs[k]), std::move(made[k]));
  }
  return callables;
}

}  // namespace cotangent::mechanics
