#include "cotangent/formats/definitions.h"

#include <algorithm>
#include <unordered_map>

#include "cotangent/base/text.h"
#include "cotangent/formats/units_table.h"
#include "cotangent/lang/names.h"
#include "cotangent/lang/parser.h"

namespace cotangent::formats {

void check_name(const SourcePtr& file, const Entry& entry, const std::string& what,
                bool reserved_too) {
  if (!lang::is_name(entry.key)) {
    fail_at(file, entry.key_span, "'" + entry.key + "' cannot name " + what,
            "ASCII letters, digits and '_', not beginning with a digit, at most 64", "rename it");
  }
  if (reserved_too && lang::is_reserved(entry.key)) {
    fail_at(file, entry.key_span, "'" + entry.key + "' is reserved and cannot name " + what,
            "a name of your own", "choose another name");
  }
}

void read_definitions(const SourcePtr& file, const Node& define, const Node& parameters,
                      lang::Context& names) {
  for (const Entry& entry : define.entries) {
    const lang::SourceText head = key_text(file, entry);
    if (entry.value.kind != NodeKind::kString) {
      fail_at(file, entry.value.span,
              "the definition '" + entry.key + "' is " + describe(entry.value),
              "an expression in quotes", "put it in quotes");
    }
    lang::Definition d = lang::parse_definition(head, string_text(file, entry.value));
    d.span = entry.key_span;
    if (parameters.find(d.name)) {
      fail_at(file, entry.key_span, "'" + d.name + "' is a parameter and a definition",
              "one meaning a name", "rename one of them");
    }
    for (const std::string& argument : d.parameters) {
      if (parameters.find(argument)) {
        fail_at(file, entry.key_span, "the argument '" + argument + "' has the name of a parameter",
                "a name that nothing else has", "rename it");
      }
    }
    if (names.definition(d.name)) {
      fail_at(file, entry.key_span, "'" + d.name + "' is defined twice", "one definition a name",
              "rename one of them");
    }
    names.add_definition(std::move(d));
  }
  for (const lang::Definition& d : names.definitions()) {
    for (const std::string& argument : d.parameters) {
      if (names.definition(argument)) {
        fail_at(file, d.span, "the argument '" + argument + "' has the name of a definition",
                "a name that nothing else has", "rename it");
      }
    }
  }
  names.check_definitions();
}

ReadParameters read_parameters(const ValueSource& source, const Node& parameters,
                               lang::Context& names) {
  const auto& entries = parameters.entries;
  std::unordered_map<std::string, std::size_t> index;
  for (std::size_t k = 0; k < entries.size(); ++k) {
    check_name(source.file, entries[k], "a parameter", true);
    index.emplace(entries[k].key, k);
  }
  lang::Context known = names;
  for (const Entry& entry : entries) known.mention(entry.key);
  enum class Mark : std::uint8_t { kNew, kOpen, kDone };
  std::vector<Mark> marks(entries.size(), Mark::kNew);
  std::vector<std::string> path;
  std::vector<ir::Tensor> values(entries.size());
  const auto visit = [&](const auto& self, std::size_t k) -> void {
    const Entry& entry = entries[k];
    const std::string what = "parameter '" + entry.key + "'";
    marks[k] = Mark::kOpen;
    path.push_back(entry.key);
    for (const auto& part : computed_parts(source.file, entry.value, what)) {
      for (const std::string& name : lang::free_names(known, *part)) {
        const auto used = index.find(name);
        if (used == index.end() || marks[used->second] == Mark::kDone) continue;
        if (marks[used->second] == Mark::kOpen) {
          path.erase(path.begin(), std::find(path.begin(), path.end(), name));
          path.push_back(name);
          fail_at(source.file, entry.value.span,
                  "parameters use each other in a circle: " + join(path, " -> "),
                  "parameters that end in numbers", "give one of them as a number");
        }
        self(self, used->second);
      }
    }
    values[k] = source.units ? source.units->read_parameter(source, entry.value, entry.key, known)
                             : read_numbers(source, entry.value, what, known);
    known.add_parameter(entry.key, values[k]);
    path.pop_back();
    marks[k] = Mark::kDone;
  };
  for (std::size_t k = 0; k < entries.size(); ++k) {
    if (marks[k] == Mark::kNew) visit(visit, k);
  }
  ReadParameters read;
  for (std::size_t k = 0; k < entries.size(); ++k) {
    if (values[k].type().dtype == DType::kF64) {
      read.real.push_back({entries[k].key, values[k], entries[k].value.span});
    } else {
      read.whole.push_back({entries[k].key, values[k], entries[k].value.span});
    }
    names.add_parameter(entries[k].key, std::move(values[k]));
  }
  return read;
}

}  // namespace cotangent::formats
