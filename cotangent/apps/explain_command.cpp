#include <algorithm>
#include <ostream>
#include <sstream>

#include "cotangent/apps/prepared.h"
#include "cotangent/apps/text_table.h"
#include "cotangent/base/text.h"
#include "cotangent/io/json_writer.h"
#include "cotangent/mechanics/gradient_plan.h"

namespace cotangent::apps {
namespace {

const std::vector<std::string> kSections = {"facts", "plan", "program", "kernels", "code"};

std::vector<std::string> sections_of(const ExplainOptions& options) {
  if (options.show.empty()) return {"facts", "plan"};
  for (const std::string& name : options.show) {
    if (std::ranges::find(kSections, name) != kSections.end()) continue;
    const std::string near = nearest_name(name, kSections);
    throw UserError("--show does not know '" + name + "'" +
                        (near.empty() ? "" : "; did you mean '" + near + "'?"),
                    "choose from " + join(kSections, ", "));
  }
  return options.show;
}

/// "system.toml:4:10", or "" for a fact that no place decides.
std::string place_of(const mechanics::Fact& fact, const SourcePtr& source) {
  if (!source || !std::holds_alternative<bool>(fact.value) || fact.place.empty()) return "";
  const LineColumn at = line_column(*source, fact.place.begin);
  return source->name + ':' + std::to_string(at.line) + ':' + std::to_string(at.column);
}

/// What would be warned of before a run, and what became of the symmetries that the file claims.
void look_ahead(Prepared& prepared) {
  for (const mechanics::Fact& claim : prepared.plan.watch.claims) {
    prepared.facts.all.push_back(claim);
  }
  std::vector<mechanics::Decision>& decisions = prepared.plan.decisions;
  if (!prepared.plan.ensemble &&
      std::ranges::find(decisions, "gradients", &mechanics::Decision::decision) ==
          decisions.end()) {
    decisions.push_back(mechanics::gradients_by_another(prepared.file.system, prepared.facts,
                                                        prepared.file.run, &prepared.file.initial,
                                                        prepared.plan));
  }
  for (std::string& text :
       mechanics::warnings_before(prepared.file.system, prepared.plan, prepared.file.initial)) {
    prepared.plan.decisions.push_back({"warning", "before the run", std::move(text)});
  }
}

void write_facts_text(std::ostream& out, const Prepared& prepared) {
  out << "facts\n";
  for (const mechanics::Fact& fact : prepared.facts.all) {
    out << "  " << title_text(fact) << ": " << value_text(fact) << "  (" << how_text(fact.how)
        << ")\n";
    if (!fact.detail.empty()) {
      for (const std::string& line : wrapped(fact.detail, 90)) out << "      " << line << '\n';
    }
    for (const std::string& step : fact.derivation) out << "      - " << step << '\n';
    if (!place_of(fact, prepared.file.source).empty()) {
      out << "    " << show_place(*prepared.file.source, fact.place) << '\n';
    }
  }
}

using Texts = std::vector<std::pair<std::string, std::string>>;  // by section

/// The sections that can be had, in the order asked for.
void write_text(std::ostream& out, const Prepared& prepared,
                const std::vector<std::string>& sections, const Texts& texts) {
  const char* before = "";
  for (const std::string& name : sections) {
    const auto found = std::ranges::find(texts, name, &Texts::value_type::first);
    const bool compiled = name != "facts" && name != "plan";
    if (compiled && found == texts.end()) continue;
    out << before;
    before = "\n";
    if (name == "facts")
      write_facts_text(out, prepared);
    else if (name == "plan")
      out << plan_text(prepared);
    else
      out << name << '\n' << found->second << (found->second.ends_with('\n') ? "" : "\n");
  }
}

void write_json(std::ostream& out, const Prepared& prepared, const Texts& texts) {
  io::JsonWriter json(out);
  json.begin_object().key("facts").begin_array();
  for (const mechanics::Fact& fact : prepared.facts.all) {
    json.begin_object().field("name", fact.name).key("value");
    std::visit([&](const auto& value) { json.value(value); }, fact.value);
    json.field("how", how_text(fact.how)).field("detail", fact.detail);
    if (!fact.term.empty()) json.field("term", fact.term);
    const std::string place = place_of(fact, prepared.file.source);
    if (!place.empty()) json.field("place", place);
    json.key("derivation").value(std::span<const std::string>(fact.derivation)).end_object();
  }
  json.end_array().key("plan").begin_array();
  for (const mechanics::Decision& d : prepared.plan.decisions) {
    json.begin_object().field("decision", d.decision).field("choice", d.choice);
    json.field("reason", d.reason).end_object();
  }
  json.end_array();
  if (prepared.refused) {
    json.key("refused").begin_object().field("message", prepared.refused->what()).end_object();
  }
  for (const auto& [name, text] : texts) json.field(name, text);
  json.end_object();
  out << '\n';
}

}  // namespace

int explain_command(const ExplainOptions& options, Console& console) {
  const std::vector<std::string> sections = sections_of(options);
  const auto shown = [&](const char* name) {
    return std::ranges::find(sections, name) != sections.end();
  };
  const bool compiles = shown("program") || shown("kernels") || shown("code");
  runtime::why_not_run(options.cpu);  // refuses a name that is not known
  Prepared prepared = prepare_to_explain(options, console.telemetry);
  if (!prepared.refused) look_ahead(prepared);
  // What there is is printed, then the refusal is an error, as it is of `run`.
  const bool fails = prepared.refused && (compiles || shown("plan"));
  Texts texts;
  if (compiles && !prepared.refused) {
    const telemetry::Span span(console.telemetry, "compile");
    mechanics::FlowOptions how = flow_options(options, console.telemetry);
    how.keep_code = shown("code");
    const auto flow =
        mechanics::Flow::compile(prepared.file.system, prepared.facts, prepared.plan, how);
    for (const std::string& name : sections) {
      if (name == "program") texts.emplace_back(name, flow->program_text());
      if (name == "kernels") texts.emplace_back(name, flow->kernels_text());
      if (name == "code") texts.emplace_back(name, flow->code_text());
    }
  }
  if (options.json) {
    write_json(console.out, prepared, texts);
  } else {
    write_text(console.out, prepared, sections, texts);
  }
  if (fails) {
    console.out.flush();
    throw *prepared.refused;
  }
  return kOk;
}

}  // namespace cotangent::apps
