#include "cotangent/formats/control_tables.h"

#include <algorithm>

#include "cotangent/base/text.h"
#include "cotangent/formats/table_reader.h"

namespace cotangent::formats {
namespace {

constexpr std::int64_t kMaxInner = 1'000'000;

/// The names of energy terms in a list. `seen` are those that stood before.
std::vector<std::string> read_terms(const SourcePtr& file, const Node& node,
                                    const std::vector<std::string>& known,
                                    std::vector<std::string>& seen) {
  const std::string example = "a list of energy terms, such as [\"bonds\"]";
  if (node.kind != NodeKind::kArray || node.items.empty()) {
    fail_at(file, node.span,
            "a level is " + (node.kind == NodeKind::kArray ? "empty" : describe(node)), example,
            "name its terms");
  }
  std::vector<std::string> terms;
  for (const Node& item : node.items) {
    const bool text = item.kind == NodeKind::kString;
    if (!text || std::find(known.begin(), known.end(), *item.string) == known.end()) {
      const std::string near = text ? nearest_name(*item.string, known) : std::string();
      fail_at(file, item.span,
              (text ? "\"" + *item.string + "\"" : describe(item)) + " is no energy term",
              "one of " + join(known, ", "),
              near.empty() ? "name a term of [energy]" : "did you mean \"" + near + "\"?");
    }
    if (std::find(seen.begin(), seen.end(), *item.string) != seen.end()) {
      fail_at(file, item.span, "\"" + *item.string + "\" is in two levels", "each term in one",
              "remove one");
    }
    seen.push_back(*item.string);
    terms.push_back(*item.string);
  }
  return terms;
}

bool read_flag(const SourcePtr& file, const Entry& entry) {
  if (entry.value.kind != NodeKind::kBoolean) {
    fail_at(file, entry.value.span, entry.key + " is " + describe(entry.value), "true or false",
            "write " + entry.key + " = true, or leave it out");
  }
  return entry.value.integer != 0;
}

}  // namespace

mechanics::MultirateSettings read_multirate(const ValueSource& source, const Entry& entry,
                                            const lang::Context& names,
                                            const std::vector<mechanics::EnergyTerm>& terms) {
  mechanics::MultirateSettings settings;
  TableReader table(source.file, entry.value, "[multirate]", {"fast", "levels", "inner"});
  const Entry* fast = table.get("fast");
  const Entry* levels = table.get("levels");
  const Entry& inner = *table.need("inner", "inner = 10");
  table.finish();
  if ((fast == nullptr) == (levels == nullptr)) {
    fail_at(
        source.file, fast ? levels->key_span : entry.value.span,
        fast ? "[multirate] has both fast and levels" : "[multirate] has neither fast nor levels",
        "fast = [\"bonds\"], or levels = [[\"slow\"], [\"mid\"], [\"fast\"]]",
        fast ? "remove one" : "say which terms are fast");
  }
  std::vector<std::string> known, seen;
  for (const mechanics::EnergyTerm& t : terms) known.push_back(t.name);
  if (fast) {
    settings.levels = {{}, read_terms(source.file, fast->value, known, seen)};
    settings.levels_span = fast->value.span;
  } else {
    settings.levels_span = levels->value.span;
    if (levels->value.kind != NodeKind::kArray || levels->value.items.size() < 2) {
      fail_at(source.file, levels->value.span,
              "levels is " + describe(levels->value) +
                  (levels->value.kind == NodeKind::kArray ? " of fewer than two" : ""),
              "two or more lists of energy terms, the slowest first",
              "write levels = [[\"slow\"], [\"fast\"]]");
    }
    for (const Node& level : levels->value.items) {
      settings.levels.push_back(read_terms(source.file, level, known, seen));
    }
  }
  const ir::Tensor counts = read_numbers(source, inner.value, "inner", names);
  settings.inner_span = inner.value.span;
  const auto wanted = static_cast<std::int64_t>(settings.levels.size()) - 1;
  const bool fits = counts.type().dtype == DType::kI64 && counts.type().shape.rank() <= 1 &&
                    counts.size() == wanted;
  if (!fits) {
    fail_at(source.file, inner.value.span,
            "inner is " + describe(inner.value) + ", for " +
                std::to_string(settings.levels.size()) + " levels",
            wanted == 1 ? "one whole number" : std::to_string(wanted) + " whole numbers",
            "say how many steps of each level are in one of the level before");
  }
  for (std::int64_t k = 0; k < counts.size(); ++k) {
    const std::int64_t n = counts.integer(k);
    if (n < 1 || n > kMaxInner) {
      fail_at(source.file, inner.value.span, "inner is " + std::to_string(n),
              "a whole number from 1 to " + std::to_string(kMaxInner), "write inner = 10");
    }
    settings.inner.push_back(n);
  }
  return settings;
}

mechanics::MonitorSettings read_monitor(const ValueSource& source, const Entry& entry,
                                        const lang::Context& names, std::int64_t dimension) {
  mechanics::MonitorSettings settings;
  TableReader table(source.file, entry.value, "[monitor]",
                    {"shadow", "lyapunov", "megno", "symplecticity", "every", "stop"});
  const struct {
    const char* key;
    bool& value;
    SourceSpan& span;
  } flags[] = {{"shadow", settings.shadow, settings.shadow_span},
               {"megno", settings.megno, settings.megno_span},
               {"symplecticity", settings.symplecticity, settings.symplecticity_span},
               {"stop", settings.stop, settings.stop_span}};
  for (const auto& flag : flags) {
    if (const Entry* given = table.get(flag.key)) {
      flag.value = read_flag(source.file, *given);
      flag.span = given->value.span;
    }
  }
  if (const Entry* lyapunov = table.get("lyapunov")) {
    const Node& value = lyapunov->value;
    settings.lyapunov_span = value.span;
    const bool all = value.kind == NodeKind::kString && *value.string == "all";
    if (!all && (value.kind == NodeKind::kBoolean ||
                 (value.kind == NodeKind::kString && !value.string->starts_with("=")))) {
      fail_at(source.file, value.span, "lyapunov is " + describe(value),
              "how many exponents, or \"all\"", "write lyapunov = 1 for the largest");
    }
    settings.lyapunov = all ? dimension : read_integer(source, value, "lyapunov", names);
    if (settings.lyapunov < 0 || settings.lyapunov > dimension) {
      fail_at(source.file, value.span, "lyapunov is " + std::to_string(settings.lyapunov),
              "from 0 to " + std::to_string(dimension) + ", the numbers of the state, or \"all\"",
              "write lyapunov = 1 for the largest exponent");
    }
  }
  if (const Entry* every = table.get("every")) {
    settings.every = read_integer(source, every->value, "'every'", names);
    settings.every_span = every->value.span;
    if (settings.every < 1) {
      fail_at(source.file, every->value.span, "'every' is " + std::to_string(settings.every),
              "a number of steps, at least 1", "write every = 1 for each step");
    }
  }
  table.finish();
  return settings;
}

}  // namespace cotangent::formats
