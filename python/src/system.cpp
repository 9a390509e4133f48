#include "python/src/system.h"

#include <nanobind/stl/map.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/variant.h>
#include <nanobind/stl/vector.h>

#include "cotangent/apps/explanation.h"
#include "cotangent/base/text.h"
#include "python/src/bindings.h"

namespace nb = nanobind;

namespace cotangent::python {
namespace {

class FileOrigin final : public Origin {
 public:
  explicit FileOrigin(std::string path) : path_(std::move(path)) {}
  formats::LoadedFile load(const Overrides& overrides, const std::string& of) const override {
    return formats::load_system_file(path_, overrides, {}, of, formats::Times::kOpen);
  }

 private:
  std::string path_;
};

class TextOrigin final : public Origin {
 public:
  TextOrigin(std::string name, std::string text, std::optional<std::string> folder)
      : name_(std::move(name)), text_(std::move(text)) {
    if (folder) folder_ = std::move(*folder);
  }
  formats::LoadedFile load(const Overrides& overrides, const std::string& of) const override {
    return formats::parse_system_text(name_, text_, overrides, folder_, {}, of,
                                      formats::Times::kOpen);
  }

 private:
  std::string name_, text_;
  std::optional<std::filesystem::path> folder_;
};

using Pairs = std::vector<std::pair<std::string, std::string>>;

Overrides overrides_of(const Pairs& pairs) {
  Overrides list;
  for (const auto& [key, value] : pairs) list.push_back({key, value});
  return list;
}

std::string form_text(const mechanics::System& system) {
  switch (system.form) {
    case mechanics::Form::kCanonical: return "canonical";
    case mechanics::Form::kBracket: return "bracket";
    case mechanics::Form::kEquations: return "equations";
    case mechanics::Form::kMap: return "map";
  }
  return "?";
}

/// A system's named arrays, each a new NumPy array.
OwnedArrays initial_of(const SystemBox& box) {
  OwnedArrays out;
  const mechanics::InitialState& initial = box.file().initial;
  if (box.file().system.form != mechanics::Form::kCanonical) {
    for (mechanics::NamedArray& a : mechanics::arrays_of(box.file().system, initial.x)) {
      out[a.name.c_str()] = nb::cast(owned(std::move(a.value)));
    }
    return out;
  }
  out["q"] = nb::cast(owned(initial.q));
  if (initial.p) out["p"] = nb::cast(owned(*initial.p));
  if (initial.v) out["v"] = nb::cast(owned(*initial.v));
  return out;
}

OwnedArrays parameters_of(const SystemBox& box) {
  OwnedArrays out;
  for (const mechanics::Parameter& p : box.file().system.parameters) {
    out[p.name.c_str()] = nb::cast(owned(p.value));
  }
  return out;
}

std::string joined_units(const std::vector<std::string>& units) {
  return join(units, ", ");
}

std::map<std::string, std::string> units_of(const SystemBox& box) {
  std::map<std::string, std::string> out;
  const formats::UnitLabels& units = box.file().units;
  if (!units.given) return out;
  out = {{"t", units.t}, {"energy", units.energy}, {"angular_momentum", units.angular_momentum}};
  if (units.arrays.empty()) {
    out["q"] = joined_units(units.q), out["p"] = joined_units(units.p);
    out["v"] = joined_units(units.v);
  }
  for (const auto& [name, labels] : units.arrays) out[name] = joined_units(labels);
  for (const auto& [name, unit] : units.parameters) out[name] = unit;
  for (const auto& [name, unit] : units.observables) out[name] = unit;
  return out;
}

std::vector<std::string> names_of(const auto& list) {
  std::vector<std::string> names;
  for (const auto& each : list) names.push_back(each.name);
  return names;
}

/// A fact with the text of its place.
struct FactView {
  mechanics::Fact fact;
  std::string place;
};

std::vector<FactView> facts_of(const SystemBox& box) {
  std::vector<FactView> list;
  for (const mechanics::Fact& f : box.facts().all) {
    list.push_back({f, apps::place_text(f, box.file().source)});
  }
  return list;
}

std::string text_of_fact(const FactView& view) {
  return apps::title_text(view.fact) + ": " + apps::value_text(view.fact) + " (" +
         apps::how_text(view.fact.how) + ")" +
         (view.fact.detail.empty() ? "" : ", " + view.fact.detail);
}

}  // namespace

std::vector<std::string> state_names(const mechanics::System& system) {
  if (system.form == mechanics::Form::kCanonical) return {"q", "p"};
  return names_of(system.arrays);
}

mechanics::InitialState starting_from(const mechanics::System& system,
                                      const mechanics::InitialState& base, const Initial& given) {
  mechanics::InitialState initial = base;
  const bool canonical = system.form == mechanics::Form::kCanonical;
  std::vector<std::string> known = state_names(system);
  if (canonical) known.emplace_back("v");
  const auto refuse_shape = [](const std::string& name, const Shape& is, const Shape& wanted) {
    const auto text = [](const Shape& s) { return s.rank() ? s.text() : "()"; };
    throw UserError({"'" + name + "' has the shape " + text(is), "",
                     "the system's is " + text(wanted), "give an array of that shape"});
  };
  if (canonical && given.contains("p") && given.contains("v")) {
    throw UserError("both p and v are given", "give one of them: momenta p, or velocities v");
  }
  std::vector<mechanics::NamedArray> arrays;
  if (!canonical) arrays = mechanics::arrays_of(system, initial.x);
  for (const auto& [name, array] : given) {
    if (std::ranges::find(known, name) == known.end()) {
      throw UserError("the state has no part '" + name + "'", "its parts are " + join(known, ", "));
    }
    ir::Tensor value = tensor_of(array);
    if (!canonical) {
      for (mechanics::NamedArray& a : arrays) {
        if (a.name != name) continue;
        if (a.value.type().shape != value.type().shape) {
          refuse_shape(name, value.type().shape, a.value.type().shape);
        }
        a.value = std::move(value);
        break;
      }
      continue;
    }
    if (value.type().shape != system.shape) refuse_shape(name, value.type().shape, system.shape);
    if (name == "q") {
      initial.q = std::move(value);
    } else {
      initial.p.reset();
      initial.v.reset();
      (name == "p" ? initial.p : initial.v) = std::move(value);
    }
  }
  if (canonical) return initial;
  std::vector<ir::Tensor> values;
  for (mechanics::NamedArray& a : arrays) values.push_back(std::move(a.value));
  initial.x = mechanics::joined(system, values);
  return initial;
}

void bind_system(nb::module_& m) {
  nb::class_<FactView>(m, "Fact",
                       "Something known of a system: `proved`, with its derivation, or `tested` on "
                       "samples.")
      .def_prop_ro(
          "name", [](const FactView& f) { return f.fact.name; }, "Its name, as `explain` has it.")
      .def_prop_ro(
          "value", [](const FactView& f) { return f.fact.value; },
          "Yes or no, a number, or a text.")
      .def_prop_ro(
          "how", [](const FactView& f) { return std::string(apps::how_text(f.fact.how)); },
          "\"proved\" or \"tested\".")
      .def_prop_ro(
          "detail", [](const FactView& f) { return f.fact.detail; },
          "One line: why, or the counterexample.")
      .def_prop_ro(
          "term", [](const FactView& f) { return f.fact.term; },
          "The energy term it is about, or \"\".")
      .def_prop_ro(
          "derivation", [](const FactView& f) { return f.fact.derivation; },
          "The steps of the proof; empty when tested.")
      .def_ro("place", &FactView::place, "\"FILE:line:column\" of what decides it, or \"\".")
      .def("__bool__",
           [](const FactView& f) {
             const bool* truth = std::get_if<bool>(&f.fact.value);
             return !truth || *truth;
           })
      .def("__repr__", &text_of_fact);

  nb::class_<SystemBox>(m, "System", "A system and what was set of it; see cotangent.System.")
      .def_static(
          "load",
          [](const std::string& path, const Pairs& overrides) {
            const nb::gil_scoped_release unlocked;
            return std::make_shared<const SystemBox>(std::make_shared<FileOrigin>(path),
                                                     overrides_of(overrides));
          },
          nb::arg("path"), nb::arg("overrides"))
      .def_static(
          "from_text",
          [](const std::string& text, const std::string& name,
             const std::optional<std::string>& folder, const Pairs& overrides) {
            const nb::gil_scoped_release unlocked;
            return std::make_shared<const SystemBox>(
                std::make_shared<TextOrigin>(name, text, folder), overrides_of(overrides));
          },
          nb::arg("text"), nb::arg("name"), nb::arg("folder").none(), nb::arg("overrides"))
      .def(
          "with_overrides",
          [](const SystemBox& box, const Pairs& overrides) {
            const nb::gil_scoped_release unlocked;
            return box.with(overrides_of(overrides));
          },
          nb::arg("overrides"))
      .def_prop_ro("name", [](const SystemBox& b) { return b.file().source->name; })
      .def_prop_ro("title", [](const SystemBox& b) { return b.file().system.title; })
      .def_prop_ro("form", [](const SystemBox& b) { return form_text(b.file().system); })
      .def_prop_ro("shape",
                   [](const SystemBox& b) {
                     const Shape& shape = b.file().system.shape;
                     return std::vector<std::int64_t>(shape.begin(), shape.end());
                   })
      .def_prop_ro("state_names", [](const SystemBox& b) { return state_names(b.file().system); })
      .def_prop_ro("terms", [](const SystemBox& b) { return names_of(b.file().system.terms); })
      .def_prop_ro("observables",
                   [](const SystemBox& b) { return names_of(b.file().system.observables); })
      .def_prop_ro("parameters", &parameters_of)
      .def_prop_ro("initial", &initial_of)
      .def_prop_ro("units", &units_of)
      .def_prop_ro("folder",
                   [](const SystemBox& b) -> std::optional<std::string> {
                     if (!b.file().folder) return {};
                     return b.file().folder->string();
                   })
      .def_prop_ro("facts",
                   [](const SystemBox& box) {
                     {
                       const nb::gil_scoped_release unlocked;
                       box.facts();
                     }
                     return facts_of(box);
                   })
      .def_prop_ro("is_file", [](const SystemBox& b) { return b.file().is_file; })
      .def_prop_ro("source", [](const SystemBox& b) { return b.file().text(); })
      .def(
          "to_toml",
          [](const SystemBox& b, const std::optional<Initial>& initial) {
            const nb::gil_scoped_release unlocked;
            if (!initial) return formats::system_text(b.file());
            const mechanics::InitialState start =
                starting_from(b.file().system, b.file().initial, *initial);
            return formats::system_text(b.file(), &start);
          },
          nb::arg("initial").none());
}

}  // namespace cotangent::python
