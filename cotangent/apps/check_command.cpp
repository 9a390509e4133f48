#include <algorithm>
#include <cmath>
#include <ostream>

#include "cotangent/apps/answer.h"
#include "cotangent/apps/check_evaluated.h"
#include "cotangent/apps/check_gradients.h"
#include "cotangent/apps/interrupt.h"
#include "cotangent/apps/named_arrays.h"
#include "cotangent/apps/refusals.h"
#include "cotangent/apps/text_table.h"
#include "cotangent/io/json_writer.h"
#include "cotangent/mechanics/runge_kutta.h"
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
  std::string stopped_why;
  std::int64_t steps = 0;
  struct Part {  ///< q, p, or an array of x
    std::string name;
    double distance = 0, size = 0;
  };
  std::vector<Part> parts;
  double relative() const {
    double most = 0;
    for (const Part& part : parts) {
      most = std::max(most, part.size > 0 ? part.distance / part.size : part.distance);
    }
    return most;
  }
};

/// Methods that are no step back when dt is turned round: what they miss is their own error.
bool undoes_its_steps(const mechanics::Plan& plan) {
  return !plan.integrator || !mechanics::tableau_named(plan.integrator->method);
}

/// There with dt, back with -dt. A state that turns non-finite is reported as `run` reports it.
Reversal there_and_back(const Prepared& prepared, const CheckOptions& options,
                        const InterruptFlag& interrupt, Console& console) {
  const mechanics::System& system = prepared.file.system;
  mechanics::Plan plan = prepared.plan;
  plan.watch.settings.lyapunov = 0;  // nobody reads what is measured beside these runs
  plan.watch.settings.megno = plan.watch.settings.symplecticity = false;
  const auto flow = mechanics::Flow::compile(system, prepared.facts, plan,
                                             flow_options(options, console.telemetry));
  mechanics::RunControl control;
  control.interrupted = [&] { return interrupt.raised(); };

  const bool canonical = system.form == mechanics::Form::kCanonical;
  mechanics::InitialState start = prepared.file.initial;
  if (canonical && !start.p) {
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
    reversal.stopped_why = result.stopped_why;
    if (result.fault) {
      console.telemetry.log(telemetry::Level::kError, way + fault_text(result, prepared));
    }
    if (result.status == mechanics::RunStatus::kStopped) {
      console.telemetry.log(telemetry::Level::kError, way + stop_text(result));
    }
    return result.status == mechanics::RunStatus::kFinished;
  };
  const mechanics::RunResult far = flow->run(start, prepared.plan.steps, control);
  if (!finished(far, "")) return reversal;
  console.telemetry.info("there: " + telemetry::grouped(far.steps) + " steps; now back");
  control.reverse = true;
  mechanics::InitialState from;
  from.t = far.t;
  if (canonical) {
    from.q = far.q;
    from.p = far.p;
  } else {
    from.x = far.x;
  }
  from.q_error = far.q_error;
  from.p_error = far.p_error;
  const mechanics::RunResult home = flow->run(from, prepared.plan.steps, control);
  if (!finished(home, "on the way back ")) return reversal;
  reversal.steps = prepared.plan.steps;
  const std::vector<NamedArray> ends =
      canonical ? std::vector<NamedArray>{{"q", home.q}, {"p", home.p}} : arrays_of(system, home.x);
  const std::vector<NamedArray> begins =
      canonical ? std::vector<NamedArray>{{"q", start.q}, {"p", *start.p}}
                : arrays_of(system, start.x);
  for (std::size_t k = 0; k < ends.size(); ++k) {
    reversal.parts.push_back({ends[k].name, largest_row(ends[k].value, &begins[k].value),
                              largest_row(begins[k].value, nullptr)});
  }
  return reversal;
}

/// The answer of a check that could not be made.
void write_stopped_json(std::ostream& out, const Reversal& reversal) {
  io::JsonWriter json(out);
  json.begin_object().field("schema", "cotangent.check/1").field("check", "reverse");
  json.field("status", reversal.fault ? "non-finite" : "stopped").field("ok", false);
  if (reversal.fault) write_fault(json, *reversal.fault);
  if (!reversal.stopped_why.empty()) json.field("stopped_why", reversal.stopped_why);
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
  const Prepared prepared = prepare(options, console.telemetry,
                                    {mechanics::Kinds::kKicksAndDrifts, "a run there and back"});
  refuse_ensemble(prepared, "`cotangent check --reverse`");
  refuse_map(prepared, "`cotangent check --reverse`");
  const Reversal reversal = there_and_back(prepared, options, interrupt, console);
  if (reversal.status == mechanics::RunStatus::kInterrupted) return kInterrupted;
  if (reversal.status != mechanics::RunStatus::kFinished) {
    if (options.json) write_stopped_json(console.out, reversal);
    return kNonFinite;
  }
  const double tolerance = options.tolerance.value_or(1e-9);
  const bool good = reversal.relative() <= tolerance;
  if (options.json) {
    io::JsonWriter json(console.out);
    json.begin_object().field("schema", "cotangent.check/1").field("check", "reverse");
    json.field("steps", reversal.steps);
    for (const Reversal::Part& part : reversal.parts) {
      json.field(part.name + "_distance", part.distance).field(part.name + "_size", part.size);
    }
    json.field("relative", reversal.relative());
    json.field("tolerance", tolerance).field("ok", good).end_object();
    console.out << '\n';
  } else {
    console.out << telemetry::grouped(reversal.steps)
                << " steps of dt = " << number_text(prepared.plan.dt, 15) << " with "
                << prepared.plan.method << ", then as many back\n";
    TextTable table;
    table.right = {1, 2};
    table.rows = {{"", "distance from the start", "of"}};
    for (const Reversal::Part& part : reversal.parts) {
      table.rows.push_back({part.name, error_text(part.distance), number_text(part.size, 6)});
    }
    console.out << table << (good ? "ok" : "FAILED") << ": relative distance "
                << error_text(reversal.relative()) << (good ? ", within " : ", over ")
                << error_text(tolerance) << '\n';
    if (!good && !undoes_its_steps(prepared.plan)) {
      console.out << prepared.plan.method
                  << " does not undo its own steps: the distance is its error there and back; a "
                     "smaller dt, or a smaller tolerance of a method that chooses its step, "
                     "lessens it.\n";
    }
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
