#include "cotangent/apps/explanation.h"

#include <algorithm>
#include <sstream>

#include "cotangent/apps/text_table.h"
#include "cotangent/base/text.h"
#include "cotangent/mechanics/gradient_plan.h"

namespace cotangent::apps {
namespace {

const std::vector<std::string> kSections = {"facts", "plan", "program", "kernels", "code"};

}  // namespace

std::vector<std::string> explained_sections(const std::vector<std::string>& show) {
  if (show.empty()) return {"facts", "plan"};
  for (const std::string& name : show) {
    if (std::ranges::find(kSections, name) != kSections.end()) continue;
    const std::string near = nearest_name(name, kSections);
    throw UserError("--show does not know '" + name + "'" +
                        (near.empty() ? "" : "; did you mean '" + near + "'?"),
                    "choose from " + join(kSections, ", "));
  }
  return show;
}

std::string place_text(const mechanics::Fact& fact, const SourcePtr& source) {
  if (!source || !std::holds_alternative<bool>(fact.value) || fact.place.empty()) return "";
  const LineColumn at = line_column(*source, fact.place.begin);
  return source->name + ':' + std::to_string(at.line) + ':' + std::to_string(at.column);
}

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

std::string facts_text(const Prepared& prepared) {
  std::ostringstream out;
  out << "facts\n";
  for (const mechanics::Fact& fact : prepared.facts.all) {
    out << "  " << title_text(fact) << ": " << value_text(fact) << "  (" << how_text(fact.how)
        << ")\n";
    if (!fact.detail.empty()) {
      for (const std::string& line : wrapped(fact.detail, 90)) out << "      " << line << '\n';
    }
    for (const std::string& step : fact.derivation) out << "      - " << step << '\n';
    if (!place_text(fact, prepared.file.source).empty()) {
      out << "    " << show_place(*prepared.file.source, fact.place) << '\n';
    }
  }
  return out.str();
}

bool is_compiled(const std::vector<std::string>& sections) {
  return std::ranges::any_of(sections,
                             [](const auto& name) { return name != "facts" && name != "plan"; });
}

SectionTexts compiled_texts(const Prepared& prepared, const std::vector<std::string>& sections,
                            mechanics::FlowOptions options) {
  const telemetry::Span span(options.telemetry, "compile");
  options.keep_code = std::ranges::find(sections, "code") != sections.end();
  const auto flow =
      mechanics::Flow::compile(prepared.file.system, prepared.facts, prepared.plan, options);
  SectionTexts texts;
  for (const std::string& name : sections) {
    if (name == "program") texts.emplace_back(name, flow->program_text());
    if (name == "kernels") texts.emplace_back(name, flow->kernels_text());
    if (name == "code") texts.emplace_back(name, flow->code_text());
  }
  return texts;
}

std::string explanation_text(const Prepared& prepared, const std::vector<std::string>& sections,
                             const SectionTexts& texts) {
  std::ostringstream out;
  const char* before = "";
  for (const std::string& name : sections) {
    const auto found = std::ranges::find(texts, name, &SectionTexts::value_type::first);
    const bool compiled = name != "facts" && name != "plan";
    if (compiled && found == texts.end()) continue;
    out << before;
    before = "\n";
    if (name == "facts")
      out << facts_text(prepared);
    else if (name == "plan")
      out << plan_text(prepared);
    else
      out << name << '\n' << found->second << (found->second.ends_with('\n') ? "" : "\n");
  }
  return out.str();
}

}  // namespace cotangent::apps
