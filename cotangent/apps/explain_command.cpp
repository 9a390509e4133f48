#include <algorithm>
#include <ostream>

#include "cotangent/apps/explanation.h"
#include "cotangent/apps/text_table.h"
#include "cotangent/base/text.h"
#include "cotangent/io/json_writer.h"

namespace cotangent::apps {
namespace {

void write_json(std::ostream& out, const Prepared& prepared, const SectionTexts& texts) {
  io::JsonWriter json(out);
  json.begin_object().key("facts").begin_array();
  for (const mechanics::Fact& fact : prepared.facts.all) {
    json.begin_object().field("name", fact.name).key("value");
    std::visit([&](const auto& value) { json.value(value); }, fact.value);
    json.field("how", how_text(fact.how)).field("detail", fact.detail);
    if (!fact.term.empty()) json.field("term", fact.term);
    const std::string place = place_text(fact, prepared.file.source);
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
  const std::vector<std::string> sections = explained_sections(options.show);
  const auto shown = [&](const char* name) {
    return std::ranges::find(sections, name) != sections.end();
  };
  const bool compiles = is_compiled(sections);
  runtime::why_not_run(options.cpu);  // refuses a name that is not known
  Prepared prepared = prepare_to_explain(options, console.telemetry);
  if (!prepared.refused) look_ahead(prepared);
  // What there is is printed, then the refusal is an error, as it is of `run`.
  const bool fails = prepared.refused && (compiles || shown("plan"));
  SectionTexts texts;
  if (compiles && !prepared.refused) {
    texts = compiled_texts(prepared, sections, flow_options(options, console.telemetry));
  }
  if (options.json) {
    write_json(console.out, prepared, texts);
  } else {
    console.out << explanation_text(prepared, sections, texts);
  }
  if (fails) {
    console.out.flush();
    throw *prepared.refused;
  }
  return kOk;
}

}  // namespace cotangent::apps
