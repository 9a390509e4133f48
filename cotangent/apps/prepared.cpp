#include "cotangent/apps/prepared.h"

#include <algorithm>
#include <sstream>

#include "cotangent/apps/text_table.h"
#include "cotangent/base/text.h"
#include "cotangent/mechanics/ensemble.h"

namespace cotangent::apps {

Prepared prepare_loaded(formats::LoadedFile file, telemetry::Telemetry& telemetry,
                        const Wanted& wanted) {
  const double begin = telemetry.now();
  Prepared prepared;
  prepared.file = std::move(file);
  prepared.file.run.kinds = wanted.kinds;
  prepared.file.run.kinds_for = wanted.by;
  if (prepared.file.ensemble && wanted.kinds == mechanics::Kinds::kAll) {
    prepared.file.run.kinds = mechanics::Kinds::kSteps;
    prepared.file.run.kinds_for = "an ensemble";
  }
  {
    const telemetry::Span span(telemetry, "facts");
    prepared.facts = mechanics::find_facts(prepared.file.system, prepared.file.initial);
  }
  {
    const telemetry::Span span(telemetry, "plan");
    try {
      prepared.plan = mechanics::make_plan(prepared.file.system, prepared.facts, prepared.file.run,
                                           &prepared.file.initial);
      if (prepared.file.ensemble) {
        mechanics::plan_ensemble(prepared.file.system, prepared.file.run, *prepared.file.ensemble,
                                 prepared.plan);
      }
    } catch (const UserError& refusal) {
      prepared.refused = refusal;
    }
  }
  prepared.front_s = telemetry.now() - begin;
  if (telemetry.wants(telemetry::Detail::kPlan)) telemetry.debug(plan_text(prepared));
  return prepared;
}

Prepared prepare_to_explain(const FileOptions& options, telemetry::Telemetry& telemetry,
                            const Wanted& wanted) {
  std::vector<formats::Override> overrides;
  for (const std::string& text : options.set) overrides.push_back(formats::parse_override(text));
  telemetry::Span reading(telemetry, "parse and trace");
  formats::LoadedFile file = formats::load_system_file(options.file, overrides, {}, wanted.of);
  const double seconds = reading.close();
  Prepared prepared = prepare_loaded(std::move(file), telemetry, wanted);
  prepared.front_s += seconds;
  return prepared;
}

Prepared prepare(const FileOptions& options, telemetry::Telemetry& telemetry,
                 const Wanted& wanted) {
  Prepared prepared = prepare_to_explain(options, telemetry, wanted);
  if (prepared.refused) throw *prepared.refused;
  return prepared;
}

PreparedObjective prepare_objective(const FileOptions& options, const std::string& of,
                                    telemetry::Telemetry& telemetry) {
  return with_objective(
      prepare(options, telemetry, {mechanics::Kinds::kKicksAndDrifts, "a gradient", of}), of);
}

PreparedObjective with_objective(Prepared given, const std::string& of) {
  PreparedObjective prepared;
  static_cast<Prepared&>(prepared) = std::move(given);
  for (const mechanics::Observable& o : prepared.file.system.observables) {
    if (o.name == of) prepared.objective = {of, o.value, o.every};
  }
  if (prepared.objective.value) return prepared;
  if (const auto value = mechanics::energy_objective(prepared.file.system, of)) {
    prepared.objective = {of, *value, 0};
  } else {
    prepared.objective = {of, prepared.file.asked->value, 0};
  }
  return prepared;
}

mechanics::FlowOptions flow_options(const FileOptions& options, telemetry::Telemetry& telemetry) {
  mechanics::FlowOptions flow;
  flow.threads = options.threads;
  flow.cpu = options.cpu;
  flow.telemetry = &telemetry;
  return flow;
}

std::string plan_text(const Prepared& prepared) {
  std::ostringstream out;
  out << "plan\n";
  if (prepared.refused) {
    std::istringstream lines(prepared.refused->what());
    const char* before = "  refused: ";
    for (std::string line; std::getline(lines, line); before = "  ") out << before << line << '\n';
    return out.str();
  }
  TextTable table;
  for (const mechanics::Decision& d : prepared.plan.decisions) {
    table.rows.push_back({d.decision, d.choice, d.reason});
  }
  out << table;
  if (prepared.plan.integrator || prepared.plan.linear) return out.str();
  const mechanics::Splitting& composition = prepared.plan.composition;
  const bool gammas = !composition.gamma.empty();
  out << (gammas ? "  composition " : "  splitting ") << composition.name << " of order "
      << composition.order << (gammas ? ", gamma =" : ", kick, drift, kick, .. =");
  for (double gamma : composition.gamma) out << ' ' << shortest(gamma);
  if (!gammas) {
    out << ' ' << shortest(composition.first_kick);
    for (std::size_t k = 0; k < composition.drift.size(); ++k) {
      out << ' ' << shortest(composition.drift[k]) << ' ' << shortest(composition.kick[k]);
    }
  }
  out << (composition.source.empty() ? "" : "\n  source: " + composition.source) << '\n';
  return out.str();
}

int order_of(const mechanics::Plan& plan) {
  if (plan.linear) return 0;
  return plan.integrator ? plan.integrator->order : plan.composition.order;
}

std::string method_text(const mechanics::Plan& plan) {
  const int order = order_of(plan);
  return plan.method + (order ? " of order " + std::to_string(order) : "");
}

void refuse_foreign_cpu(const FileOptions& options) {
  const std::string why = runtime::why_not_run(options.cpu);
  if (why.empty()) return;
  std::vector<std::string> can;
  for (const std::string& name : runtime::machine_names()) {
    if (runtime::why_not_run(name).empty()) can.push_back(name);
  }
  throw UserError("--cpu: code for '" + options.cpu + "' cannot run here: " + why,
                  "choose from " + join(can, ", ") +
                      ", or look at the code with `cotangent explain --show=code`");
}

std::string title_text(const mechanics::Fact& fact) {
  const bool about_term = !fact.term.empty() && !std::holds_alternative<bool>(fact.value);
  return about_term ? fact.name + " of " + fact.term : fact.name;
}

std::string value_text(const mechanics::Fact& fact) {
  if (const bool* truth = std::get_if<bool>(&fact.value)) return *truth ? "yes" : "no";
  if (const auto* number = std::get_if<std::int64_t>(&fact.value)) return std::to_string(*number);
  return std::get<std::string>(fact.value);
}

const char* how_text(mechanics::How how) {
  return how == mechanics::How::kProved ? "proved" : "tested";
}

}  // namespace cotangent::apps
