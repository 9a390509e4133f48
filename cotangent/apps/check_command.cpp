#include <algorithm>
#include <cmath>
#include <ostream>

#include "cotangent/apps/interrupt.h"
#include "cotangent/apps/prepared.h"
#include "cotangent/apps/text_table.h"
#include "cotangent/io/json_writer.h"
#include "cotangent/telemetry/terminal_sink.h"

namespace cotangent::apps {
namespace {

/// Largest |a_i - b_i| over rows (particles), or |a_i| when b is null. Infinite when not finite.
double largest_row(const ir::Tensor& a, const ir::Tensor* b) {
  const Shape& shape = a.type().shape;
  const std::int64_t width = shape.rank() == 2 ? shape[1] : 1;
  double largest = 0;
  for (std::int64_t i = 0; i < a.size() / width; ++i) {
    double square = 0;
    for (std::int64_t c = i * width; c < (i + 1) * width; ++c) {
      const double d = static_cast<double>(a.real(c) - (b ? b->real(c) : 0.0L));
      square += d * d;
    }
    if (!std::isfinite(square)) return INFINITY;
    largest = std::max(largest, std::sqrt(square));
  }
  return largest;
}

struct Reversal {
  std::int64_t steps = 0;
  double q_distance = 0, p_distance = 0;
  double q_size = 0, p_size = 0;
  double relative() const {
    return std::max(q_size > 0 ? q_distance / q_size : q_distance,
                    p_size > 0 ? p_distance / p_size : p_distance);
  }
};

/// There with dt, back with -dt. nullopt when interrupted.
std::optional<Reversal> there_and_back(const Prepared& prepared, const CheckOptions& options,
                                       const InterruptFlag& interrupt, Console& console) {
  const mechanics::System& system = prepared.file.system;
  const auto flow =
      mechanics::Flow::compile(system, prepared.facts, prepared.plan, {.threads = options.threads});
  mechanics::RunControl control;
  control.interrupted = [&] { return interrupt.raised(); };

  mechanics::InitialState start = prepared.file.initial;
  if (!start.p) {
    start.p = mechanics::momentum_from_velocity(system, start);
    start.v.reset();
  }
  const auto require_finite = [&](const mechanics::RunResult& result) {
    if (!result.fault) return;
    throw UserError("the run turned non-finite at step " + std::to_string(result.fault->step) +
                        " in " + result.fault->component,
                    "try a smaller dt");
  };
  const mechanics::RunResult far = flow->run(start, prepared.plan.steps, control);
  if (far.status == mechanics::RunStatus::kInterrupted) return std::nullopt;
  require_finite(far);
  console.telemetry.info("there: " + telemetry::grouped(far.steps) + " steps; now back");
  control.reverse = true;
  const mechanics::RunResult home = flow->run(
      {.q = far.q, .p = far.p, .v = std::nullopt, .t = far.t}, prepared.plan.steps, control);
  if (home.status == mechanics::RunStatus::kInterrupted) return std::nullopt;
  require_finite(home);
  return Reversal{prepared.plan.steps, largest_row(home.q, &start.q),
                  largest_row(home.p, &*start.p), largest_row(start.q, nullptr),
                  largest_row(*start.p, nullptr)};
}

}  // namespace

int check_command(const CheckOptions& options, Console& console) {
  if (!options.reverse) {
    throw UserError("check: no check was named", "say which: --reverse runs there and back");
  }
  const InterruptFlag interrupt;
  const Prepared prepared = prepare(options, console.telemetry);
  const auto reversal = there_and_back(prepared, options, interrupt, console);
  if (!reversal) return kInterrupted;
  const bool good = reversal->relative() <= options.tolerance;
  if (options.json) {
    io::JsonWriter json(console.out);
    json.begin_object().field("schema", "cotangent.check/1").field("check", "reverse");
    json.field("steps", reversal->steps).field("q_distance", reversal->q_distance);
    json.field("p_distance", reversal->p_distance).field("q_size", reversal->q_size);
    json.field("p_size", reversal->p_size).field("relative", reversal->relative());
    json.field("tolerance", options.tolerance).field("ok", good).end_object();
    console.out << '\n';
  } else {
    console.out << telemetry::grouped(reversal->steps)
                << " steps of dt = " << number_text(prepared.plan.dt, 15) << " with "
                << prepared.plan.method << ", then as many back\n";
    TextTable table;
    table.right = {1, 2};
    table.rows = {{"", "distance from the start", "of"},
                  {"q", error_text(reversal->q_distance), number_text(reversal->q_size, 6)},
                  {"p", error_text(reversal->p_distance), number_text(reversal->p_size, 6)}};
    console.out << table << (good ? "ok" : "FAILED") << ": relative distance "
                << error_text(reversal->relative()) << (good ? ", within " : ", over ")
                << error_text(options.tolerance) << '\n';
    if (!good) {
      console.out << "A chaotic system amplifies round-off exponentially: try a shorter run.\n";
    }
  }
  return good ? kOk : kCheckFailed;
}

}  // namespace cotangent::apps
