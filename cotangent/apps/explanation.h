// What `explain` says of a prepared file: facts with their proofs, the plan, and what is compiled.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "cotangent/apps/prepared.h"

namespace cotangent::apps {

/// Adds what would be warned of before a run, how a gradient would go, and what became of the
/// symmetries that the file claims. Of a plan that was not refused.
void look_ahead(Prepared& prepared);

std::string facts_text(const Prepared& prepared);

/// "system.toml:4:10", or "" for a fact that no place decides.
std::string place_text(const mechanics::Fact& fact, const SourcePtr& source);

/// The sections to show: facts and plan where none is named. UserError for a name that is none.
std::vector<std::string> explained_sections(const std::vector<std::string>& show);
/// Whether any of them needs the flow: program, kernels, code.
bool is_compiled(const std::vector<std::string>& sections);

using SectionTexts = std::vector<std::pair<std::string, std::string>>;  ///< by section

/// Of the sections that need the flow. Compiles it.
SectionTexts compiled_texts(const Prepared& prepared, const std::vector<std::string>& sections,
                            mechanics::FlowOptions options);

/// The sections that can be had, in the order asked for; `texts` are those of compiled ones.
std::string explanation_text(const Prepared& prepared, const std::vector<std::string>& sections,
                             const SectionTexts& texts);

}  // namespace cotangent::apps
