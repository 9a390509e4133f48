#include <algorithm>
#include <cmath>
#include <ostream>

#include "cotangent/apps/answer.h"
#include "cotangent/apps/check_evaluated.h"
#include "cotangent/apps/check_gradients.h"
#include "cotangent/apps/interrupt.h"
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
  mechanics::RunStatus status = mechanics::RunStatus::kFinished;  ///< the rest is of a finished one
  std::optional<mechanics::NonFinite> fault;
  std::int64_t steps = 0;
  double q_distance = 0, p_distance = 0;
  double q_size = 0, p_size = 0;
  double relative() const {
    return std::max(q_size > 0 ? q_distance / q_size : q_distance,
                    p_size > 0 ? p_distance / p_size : p_distance);
  }
};

/// There with dt, back with -dt. A state that turns non-finite is reported as `run` reports it.
Reversal there_and_back(const Prepared& prepared, const CheckOptions& options,
                        const InterruptFlag& interrupt, Console& console) {
  const mechanics::System& system = prepared.file.system;
  const auto flow = mechanics::Flow::compile(system, prepared.facts, prepared.plan,
                                             flow_options(options, console.telemetry));
  mechanics::RunControl control;
  control.interrupted = [&] { return interrupt.raised(); };

  mechanics::InitialState start = prepared.file.initial;
  if (!start.p) {
    start.p = mechanics::momentum_from_velocity(system, start);
    start.v.reset();
  }
  if (prepared.plan.arithmetic.lattice()) {  // the start is where the lattice has it
    const mechanics::RunResult here = flow->run(start, 0);
    start.q = here.q;
    start.p = here.p;
  }
  Reversal reversal;
  const auto finished = [&](const mechanics::RunResult& result, const char* way) {
    reversal.status = result.status;
    reversal.fault = result.fault;
    if (result.fault) {
      console.telemetry.log(telemetry::Level::kError, way + fault_text(result, prepared));
    }
    return result.status == mechanics::RunStatus::kFinished;
  };
  const mechanics::RunResult far = flow->run(start, prepared.plan.steps, control);
  if (!finished(far, "")) return reversal;
  console.telemetry.info("there: " + telemetry::grouped(far.steps) + " steps; now back");
  control.reverse = true;
  mechanics::InitialState from{.q = far.q, .p = far.p, .v = std::nullopt, .t = far.t};
  from.q_error = far.q_error;
  from.p_error = far.p_error;
  const mechanics::RunResult home = flow->run(from, prepared.plan.steps, control);
  if (!finished(home, "on the way back ")) return reversal;
  reversal.steps = prepared.plan.steps;
  reversal.q_distance = largest_row(home.q, &start.q);
  reversal.p_distance = largest_row(home.p, &*start.p);
  reversal.q_size = largest_row(start.q, nullptr);
  reversal.p_size = largest_row(*start.p, nullptr);
  return reversal;
}

/// The answer of a check that could not be made.
void write_stopped_json(std::ostream& out, const mechanics::NonFinite& fault) {
  io::JsonWriter json(out);
  json.begin_object().field("schema", "cotangent.check/1").field("check", "reverse");
  json.field("status", "non-finite").field("ok", false);
  write_fault(json, fault);
  json.end_object();
  out << '\n';
}

}  // namespace

int check_command(const CheckOptions& options, Console& console) {
  const int named = options.reverse + options.evaluate + options.grad;
  if (named != 1) {
    throw UserError(named > 1 ? "check: several checks were named" : "check: no check was named",
                    "say which: --reverse runs there and back, --grad compares the gradient with "
                    "differences, --evaluate runs op by op and names the first value that is not "
                    "finite");
  }
  if (options.evaluate) return check_evaluated(options, console);
  if (options.grad) return check_gradients(options, console);
  const InterruptFlag interrupt;
  refuse_foreign_cpu(options);
  const Prepared prepared = prepare(options, console.telemetry);
  const Reversal reversal = there_and_back(prepared, options, interrupt, console);
  if (reversal.status == mechanics::RunStatus::kInterrupted) return kInterrupted;
  if (reversal.fault) {
    if (options.json) write_stopped_json(console.out, *reversal.fault);
    return kNonFinite;
  }
  const double tolerance = options.tolerance.value_or(1e-9);
  const bool good = reversal.relative() <= tolerance;
  if (options.json) {
    io::JsonWriter json(console.out);
    json.begin_object().field("schema", "cotangent.check/1").field("check", "reverse");
    json.field("steps", reversal.steps).field("q_distance", reversal.q_distance);
    json.field("p_distance", reversal.p_distance).field("q_size", reversal.q_size);
    json.field("p_size", reversal.p_size).field("relative", reversal.relative());
    json.field("tolerance", tolerance).field("ok", good).end_object();
    console.out << '\n';
  } else {
    console.out << telemetry::grouped(reversal.steps)
                << " steps of dt = " << number_text(prepared.plan.dt, 15) << " with "
                << prepared.plan.method << ", then as many back\n";
    TextTable table;
    table.right = {1, 2};
    table.rows = {{"", "distance from the start", "of"},
                  {"q", error_text(reversal.q_distance), number_text(reversal.q_size, 6)},
                  {"p", error_text(reversal.p_distance), number_text(reversal.p_size, 6)}};
    console.out << table << (good ? "ok" : "FAILED") << ": relative distance "
                << error_text(reversal.relative()) << (good ? ", within " : ", over ")
                << error_text(tolerance) << '\n';
    if (!good) {
      const mechanics::Arithmetic& a = prepared.plan.arithmetic;
      if (a.state == DType::kF32 && !a.pairs) {
        console.out << "Forces in f32 round by 6e-8 each: give a --tolerance that allows for it.\n";
      }
      console.out << "A chaotic system amplifies round-off exponentially: try a shorter run.\n";
    }
  }
  return good ? kOk : kCheckFailed;
}

}  // namespace cotangent::apps
