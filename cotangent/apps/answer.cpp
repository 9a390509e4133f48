#include "cotangent/apps/answer.h"

#include <algorithm>
#include <cmath>
#include <ostream>

#include "cotangent/apps/named_arrays.h"
#include "cotangent/apps/statistics.h"
#include "cotangent/apps/text_table.h"
#include "cotangent/base/text.h"
#include "cotangent/io/json_writer.h"
#include "cotangent/telemetry/terminal_sink.h"

namespace cotangent::apps {
namespace {
using telemetry::duration_text;
using telemetry::grouped;
using telemetry::rate_text;

void write_tensor(io::JsonWriter& json, const ir::Tensor& tensor) {
  json.array(tensor.type().shape, doubles_of(tensor));
}

/// The sample `k` (from the front, or from the back when negative) of a series, or null.
void write_sample(io::JsonWriter& json, const mechanics::Series& series, bool last) {
  const io::SampleView view = view_of(series);
  if (view.t.empty()) {
    json.null();
    return;
  }
  json.array(view.shape, view.row(last ? view.t.size() - 1 : 0));
}

std::string vector_text(std::span<const double> values, int digits) {
  if (values.size() == 1) return number_text(values[0], digits);
  std::string text;
  for (std::size_t k = 0; k < values.size() && k < 4; ++k) {
    text += (k ? ", " : "") + number_text(values[k], digits);
  }
  return "[" + text + (values.size() > 4 ? ", ..." : "") + "]";
}

/// The first clause of a reason; `explain` prints it whole.
std::string first_clause(const std::string& reason) {
  return reason.substr(0, reason.find("; "));
}

void write_plan_text(std::ostream& out, const Answer& answer) {
  const mechanics::Plan& plan = answer.prepared.plan;
  out << "plan\n";
  TextTable table;
  for (const mechanics::Decision& d : plan.decisions) {
    if (d.decision == "gradients") continue;  // not of this run; explain has it
    table.rows.push_back({d.decision, d.choice, first_clause(d.reason)});
  }
  out << table;
}

/// " AU" after a number, or nothing.
std::string after(const std::string& unit) {
  return unit.empty() || unit == "1" ? "" : " " + unit;
}

/// Adds a last column with the unit of each row.
void add_units(TextTable& table, const std::vector<std::string>& units) {
  for (std::size_t k = 0; k < table.rows.size(); ++k) {
    table.rows[k].push_back(k == 0 ? "unit" : units[k - 1]);
  }
}

void write_invariants_text(std::ostream& out, const Answer& answer) {
  if (answer.result.invariants.empty()) {
    // Nothing can be kept where there is no energy; of an ensemble the energies are observables.
    if (answer.prepared.plan.ensemble || answer.prepared.file.system.terms.empty()) return;
    out << "\ninvariants  none\n";
    return;
  }
  out << "\ninvariants\n";
  TextTable table;
  table.width = 200;
  table.rows.push_back({"", "known", "largest error", "relative", "initial value"});
  table.right = {2, 3};
  std::vector<std::string> units;
  for (const mechanics::Invariant& invariant : answer.result.invariants) {
    const io::SampleView view = view_of(invariant.series);
    table.rows.push_back({invariant.name, how_text(invariant.how),
                          error_text(invariant.max_abs_error), error_text(invariant.max_rel_error),
                          view.t.empty() ? "-" : vector_text(view.row(0), 6)});
    units.push_back(answer.prepared.file.units.of_invariant(invariant.name));
  }
  if (answer.prepared.file.units.given) add_units(table, units);
  out << table;
}

void write_observables_text(std::ostream& out, const Answer& answer) {
  // Statistics of observables have a table of their own.
  const auto plain = [&](const mechanics::Series& s) {
    return observable_of(answer.prepared, s.name).empty();
  };
  if (std::ranges::none_of(answer.result.observables, plain)) return;
  out << "\nobservables\n";
  TextTable table;
  table.width = 200;
  table.rows.push_back({"", "samples", "first", "last", "least", "greatest"});
  table.right = {1};
  std::vector<std::string> units;
  for (const mechanics::Series& series : answer.result.observables) {
    const io::SampleView view = view_of(series);
    if (view.t.empty() || !plain(series)) continue;
    const auto [low, high] = std::ranges::minmax(view.values);
    table.rows.push_back({series.name, grouped(static_cast<std::int64_t>(view.t.size())),
                          vector_text(view.row(0), 6), vector_text(view.row(view.t.size() - 1), 6),
                          number_text(low, 6), number_text(high, 6)});
    units.push_back(unit_of(answer.prepared, series.name));
  }
  if (answer.prepared.file.units.given) add_units(table, units);
  out << table;
}

/// One row a number of the arrays of a state without q and p.
void write_arrays_text(std::ostream& out, const Answer& answer) {
  const mechanics::RunResult& result = answer.result;
  if (result.x.size() > 16) {
    out << "  " << grouped(result.x.size()) << " numbers; --json or --out DIR gives them\n";
    return;
  }
  TextTable table;
  table.right = {1};
  for (const NamedArray& a : final_state(answer.prepared.file.system, result)) {
    const std::vector<std::string> names = io::column_names(a.name, a.value.type().shape);
    const std::vector<double> values = doubles_of(a.value);
    for (std::size_t k = 0; k < names.size(); ++k) {
      table.rows.push_back({names[k], number_text(values[k], 15)});
    }
  }
  out << table;
}

void write_state_text(std::ostream& out, const Answer& answer) {
  const mechanics::RunResult& result = answer.result;
  const bool canonical = answer.prepared.file.system.form == mechanics::Form::kCanonical;
  const Shape& shape = result.q.type().shape;
  const std::int64_t rows = shape.rank() ? shape[0] : 1;
  const formats::UnitLabels& units = answer.prepared.file.units;
  out << (answer.prepared.plan.ensemble ? "\nmean of the members at t = " : "\nfinal state at t = ")
      << number_text(result.t, 15) << after(units.t);
  if (units.given && canonical) {
    out << ", q in " << join(units.q, ", ") << ", v in " << join(units.v, ", ");
  }
  for (const auto& [name, labels] : units.arrays) {
    const bool known = std::ranges::none_of(labels, [](const auto& text) { return text.empty(); });
    if (known) out << ", " << name << " in " << join(labels, ", ");
  }
  out << '\n';
  if (!canonical) return write_arrays_text(out, answer);
  if (rows > 16) {
    out << "  " << grouped(rows) << (shape.rank() > 1 ? " particles" : " coordinates")
        << "; --json or --out DIR gives them\n";
    return;
  }
  const std::vector<double> q = doubles_of(result.q), v = doubles_of(result.v);
  const auto width = static_cast<std::size_t>(result.q.size() / std::max<std::int64_t>(rows, 1));
  TextTable table;
  table.width = 400;
  std::vector<std::string> head{""};
  for (const char* name : {"q", "v"}) {
    for (std::size_t c = 0; c < width; ++c) {
      head.push_back(shape.rank() > 1 ? std::string(name) + "[i," + std::to_string(c) + "]" : name);
      table.right.push_back(table.right.size() + 1);
    }
  }
  table.rows.push_back(head);
  for (std::int64_t i = 0; i < rows; ++i) {
    std::vector<std::string> row{std::to_string(i)};
    for (const std::vector<double>* values : {&q, &v}) {
      for (std::size_t c = 0; c < width; ++c) {
        row.push_back(number_text((*values)[static_cast<std::size_t>(i) * width + c], 9));
      }
    }
    table.rows.push_back(row);
  }
  out << table;
}

}  // namespace

io::SampleView view_of(const mechanics::Series& series) {
  return {series.name, series.shape, series.every, series.step, series.t, series.values};
}

double Answer::steps_per_second() const {
  return result.run_s > 0 ? static_cast<double>(result.steps) / result.run_s : 0;
}

std::string status_text(mechanics::RunStatus status) {
  switch (status) {
    case mechanics::RunStatus::kFinished: return "finished";
    case mechanics::RunStatus::kInterrupted: return "interrupted";
    case mechanics::RunStatus::kNonFinite: return "non-finite";
    case mechanics::RunStatus::kStopped: return "stopped";
  }
  return "?";
}

std::string Answer::status() const {
  return status_text(result.status);
}

std::string fault_text(const mechanics::RunResult& result, const Prepared& prepared) {
  const SourcePtr& source = prepared.file.source;
  const mechanics::NonFinite& fault = *result.fault;
  const std::string time = "(t = " + shortest(fault.t) + "): ";
  const std::string when =
      fault.step == 0 ? "the energy is not finite at the start " + time
                      : "the state is not finite after step " + grouped(fault.step) + " " + time;
  std::string text = when + fault.component;
  if (!fault.expression.empty()) text += ", first made by " + fault.expression;
  if (source && !fault.place.empty()) text += "\n" + show_place(*source, fault.place);
  if (fault.step == 0)
    return text + "\nNo step is made: change the initial state or the parameters.";
  text += "\nThe last good state is the one after step " + std::to_string(result.steps) + ". ";
  if (prepared.file.system.form == mechanics::Form::kMap) {
    return text + "A map has no dt: start elsewhere, or take fewer steps.";
  }
  if (!fault.dt_may_help) {
    return text +
           "The motion is not finite where it starts: change the initial state or the parameters.";
  }
  return text + "A smaller dt may help" +
         (prepared.plan.arithmetic.state == DType::kF32
              ? ", or run.precision = \"f64\": numbers below 1e-38 or above 3e38 leave f32."
              : ".");
}

void write_fault(io::JsonWriter& json, const mechanics::NonFinite& fault) {
  json.key("fault").begin_object().field("step", fault.step).field("t", fault.t);
  json.field("component", fault.component).field("expression", fault.expression).end_object();
}

std::string stop_text(const mechanics::RunResult& result) {
  return "stopped after step " + grouped(result.steps) + " (t = " + shortest(result.t) +
         "): " + result.stopped_why;
}

static void write_unit(io::JsonWriter& json, const std::string& unit) {
  if (!unit.empty()) json.field("unit", unit);
}

/// The units of what follows, where the file has them: of q, p and v one for all, or one an entry.
static void write_units(io::JsonWriter& json, const formats::UnitLabels& units) {
  if (!units.given) return;
  json.key("units").begin_object().field("t", units.t);
  const auto state = [&](const char* name, const std::vector<std::string>& labels) {
    if (labels.size() == 1) return void(json.field(name, labels[0]));
    json.key(name).value(std::span<const std::string>(labels));
  };
  if (units.arrays.empty()) state("q", units.q), state("p", units.p), state("v", units.v);
  for (const auto& [name, labels] : units.arrays) state(name.c_str(), labels);
  json.field("energy", units.energy).field("angular_momentum", units.angular_momentum);
  json.key("parameters").begin_object();
  for (const auto& [name, unit] : units.parameters) {
    if (!unit.empty()) json.field(name, unit);
  }
  json.end_object().end_object();
}

/// Growth rates and symplecticity, where they were asked for.
static void write_tangent_json(io::JsonWriter& json, const mechanics::RunResult& result) {
  if (const auto& l = result.lyapunov) {
    json.key("lyapunov")
        .begin_object()
        .key("exponents")
        .value(std::span<const double>(l->exponents));
    json.key("errors").value(std::span<const double>(l->errors));
    json.field("sum", l->sum);
    if (std::isfinite(l->pairing)) json.field("pairing", l->pairing);
    json.end_object();
  }
  if (const auto& m = result.megno) {
    json.key("megno").begin_object().field("megno", m->megno).field("mean", m->mean);
    json.field("lyapunov", m->lyapunov).field("chaotic", m->chaotic).end_object();
  }
  if (const auto& s = result.symplecticity) {
    json.key("symplecticity").begin_object().field("defect", s->defect);
    json.field("keeps", s->keeps).end_object();
  }
}

static void write_tangent_text(std::ostream& out, const mechanics::RunResult& result) {
  if (!result.lyapunov && !result.megno && !result.symplecticity) return;
  out << "\nbeside the run\n";
  TextTable table;
  table.width = 200;
  if (const auto& l = result.lyapunov) {
    for (std::size_t k = 0; k < l->exponents.size(); ++k) {
      table.rows.push_back({k == 0 ? "Lyapunov exponents" : "", number_text(l->exponents[k], 6),
                            "+- " + number_text(l->errors[k], 2)});
    }
  }
  if (const auto& m = result.megno) {
    table.rows.push_back({"MEGNO", number_text(m->mean, 6),
                          m->chaotic ? "the mean, still rising: chaotic" : "the mean"});
  }
  if (const auto& s = result.symplecticity) {
    table.rows.push_back({"symplecticity", number_text(s->defect, 2), s->text});
  }
  out << table;
}

void write_answer_json(std::ostream& out, const Answer& answer, int indent) {
  const mechanics::Plan& plan = answer.prepared.plan;
  const mechanics::RunResult& result = answer.result;
  const formats::UnitLabels& units = answer.prepared.file.units;
  io::JsonWriter json(out, indent);
  json.begin_object().field("schema", "cotangent.run/1");
  json.field("title", answer.prepared.file.system.title);
  json.key("plan").begin_object().field("method", plan.method);
  if (const int order = order_of(plan)) json.field("order", static_cast<std::int64_t>(order));
  std::vector<std::string> reasons;
  for (const mechanics::Decision& d : plan.decisions) {
    reasons.push_back(d.decision + " = " + d.choice + ": " + d.reason);
  }
  json.key("reasons").value(std::span<const std::string>(reasons)).end_object();
  json.field("dt", plan.dt).field("steps", result.steps).field("t", result.t);
  write_units(json, units);
  json.key("final").begin_object();
  for (const NamedArray& a : final_state(answer.prepared.file.system, result)) {
    json.key(a.name);
    write_tensor(json, a.value);
  }
  json.end_object();
  if (plan.ensemble) {
    json.key("ensemble").begin_object().field("size", plan.ensemble->size);
    json.field("seed", static_cast<std::int64_t>(plan.ensemble->seed));
    json.field("finite_members", finite_members(result)).end_object();
  }
  json.key("invariants").begin_array();
  for (const mechanics::Invariant& invariant : result.invariants) {
    json.begin_object().field("name", invariant.name).field("how", how_text(invariant.how));
    write_unit(json, units.of_invariant(invariant.name));
    json.key("initial");
    write_sample(json, invariant.series, false);
    json.key("final");
    write_sample(json, invariant.series, true);
    json.field("max_abs_error", invariant.max_abs_error);
    json.field("max_rel_error", invariant.max_rel_error).end_object();
  }
  json.end_array().key("observables").begin_object();
  for (const mechanics::Series& series : result.observables) {
    const io::SampleView view = view_of(series);
    json.key(series.name).begin_object();
    write_unit(json, unit_of(answer.prepared, series.name));
    if (units.given && plan.ensemble && series.name == "covariance") {
      const std::vector<std::string> rows = units_of_covariance(answer.prepared);
      json.key("units").value(std::span<const std::string>(rows));
    }
    json.key("t").value(view.t).key("value").begin_array();
    for (std::size_t k = 0; k < view.t.size(); ++k) json.array(view.shape, view.row(k));
    json.end_array().end_object();
  }
  json.end_object();
  write_tangent_json(json, result);
  json.field("state_hash", result.state_hash);
  json.key("timing").begin_object().field("front_s", answer.prepared.front_s);
  json.field("compile_s", result.compile_s).field("run_s", result.run_s);
  json.field("steps_per_s", answer.steps_per_second()).end_object();
  json.key("outputs").value(std::span<const std::string>(answer.outputs));
  json.field("status", answer.status());
  if (!result.stopped_why.empty()) json.field("stopped_why", result.stopped_why);
  if (result.fault) write_fault(json, *result.fault);
  if (!result.warnings.empty()) {
    json.key("warnings").value(std::span<const std::string>(result.warnings));
  }
  json.end_object();
  out << '\n';
}

void write_answer_text(std::ostream& out, const Answer& answer) {
  const mechanics::RunResult& result = answer.result;
  const std::string& title = answer.prepared.file.system.title;
  out << (title.empty() ? answer.prepared.file.source->name : title) << "\n"
      << grouped(result.steps) << " of " << grouped(answer.prepared.plan.steps)
      << " steps of dt = " << number_text(answer.prepared.plan.dt, 15)
      << after(answer.prepared.file.units.t) << ", " << answer.status() << "\n\n";
  write_plan_text(out, answer);
  write_invariants_text(out, answer);
  if (answer.prepared.plan.ensemble) write_statistics_text(out, answer);
  write_observables_text(out, answer);
  write_tangent_text(out, result);
  write_state_text(out, answer);
  out << "\ntiming      front " << duration_text(answer.prepared.front_s) << ", compile "
      << duration_text(result.compile_s) << ", run " << duration_text(result.run_s) << " ("
      << rate_text(answer.steps_per_second())
      << (answer.prepared.plan.ensemble ? " steps of every member/s)\n" : " steps/s)\n")
      << "state hash  " << result.state_hash << '\n';
  for (std::size_t k = 0; k < answer.outputs.size(); ++k) {
    out << (k == 0 ? "written     " : "            ") << answer.outputs[k] << '\n';
  }
}

}  // namespace cotangent::apps
