#include "cotangent/formats/made_document.h"

#include <algorithm>

#include "cotangent/formats/programs.h"
#include "cotangent/mechanics/state_arrays.h"

namespace cotangent::formats {
namespace {

using mechanics::Form;
using mechanics::Structure;

Node structure_table(const Structure& structure) {
  Node table;
  const auto add = [&](const char* key, Node value) {
    table.entries.push_back(entry_of(key, std::move(value)));
  };
  const bool metriplectic = structure.kind == Structure::Kind::kMetriplectic;
  const bool named = !structure.algebra.empty();
  add("kind", text_node(structure.kind == Structure::Kind::kContact ? "contact"
                        : metriplectic                              ? "metriplectic"
                        : named                                     ? "lie_poisson"
                                                                    : "poisson"));
  if (named) {
    add("algebra", text_node(structure.algebra));
  } else if (structure.poisson) {
    add("J", program_table(*structure.poisson));
  }
  if (metriplectic) {
    add("metric", program_table(*structure.metric));
    add("entropy", program_table(*structure.entropy));
  }
  return table;
}

Node energy_table(const mechanics::System& system) {
  Node table;
  for (const mechanics::EnergyTerm& term : system.terms) {
    table.entries.push_back(entry_of(term.name, program_table(*term.energy)));
  }
  return table;
}

/// The system's observables, before those of [observe].
void add_observables(Node& root, const mechanics::System& system) {
  const auto present = std::ranges::find(root.entries, "observe", &Entry::key);
  Node table;
  for (const mechanics::Observable& o : system.observables) {
    if (present != root.entries.end() && present->value.find(o.name)) continue;
    Node program = program_table(*o.value);
    if (o.every) {
      Node every;
      every.kind = NodeKind::kInteger;
      every.integer = o.every;
      program.entries.push_back(entry_of("every", std::move(every)));
    }
    table.entries.push_back(entry_of(o.name, std::move(program)));
  }
  if (table.entries.empty()) return;
  if (present == root.entries.end()) {
    root.entries.push_back(entry_of("observe", std::move(table)));
    return;
  }
  auto& list = present->value.entries;
  list.insert(list.begin(), std::make_move_iterator(table.entries.begin()),
              std::make_move_iterator(table.entries.end()));
}

}  // namespace

Node initial_table(const mechanics::System& system, const mechanics::InitialState& initial) {
  Node table;
  const auto add = [&](const std::string& name, const ir::Tensor& value) {
    table.entries.push_back(entry_of(name, numbers(value)));
  };
  if (system.form != Form::kCanonical) {
    for (const mechanics::NamedArray& a : mechanics::arrays_of(system, initial.x)) {
      add(a.name, a.value);
    }
    return table;
  }
  add("q", initial.q);
  if (initial.p) add("p", *initial.p);
  if (initial.v) add("v", *initial.v);
  return table;
}

void add_system(Node& root, const mechanics::System& system,
                const mechanics::InitialState& initial) {
  if (!system.symmetries.empty()) {
    throw UserError({"the symmetry '" + system.symmetries[0].name + "' has no text", "",
                     "it was given as a function", "leave it out to write the system"});
  }
  std::vector<Entry> own;
  own.push_back(entry_of("title", text_node(system.title)));
  if (!system.parameters.empty()) {
    Node table;
    for (const mechanics::Parameter& p : system.parameters) {
      table.entries.push_back(entry_of(p.name, numbers(p.value)));
    }
    own.push_back(entry_of("parameters", std::move(table)));
  }
  own.push_back(entry_of("initial", initial_table(system, initial)));
  if (system.form == Form::kBracket) {
    own.push_back(entry_of("structure", structure_table(system.structure)));
  }
  if (system.rate) {
    own.push_back(
        entry_of(system.form == Form::kMap ? "map" : "equations", program_table(*system.rate)));
  } else {
    own.push_back(entry_of("energy", energy_table(system)));
  }
  add_observables(root, system);
  std::erase_if(root.entries,
                [](const Entry& e) { return e.key == "parameters" || e.key == "initial"; });
  root.entries.insert(root.entries.begin(), std::make_move_iterator(own.begin()),
                      std::make_move_iterator(own.end()));
}

}  // namespace cotangent::formats
