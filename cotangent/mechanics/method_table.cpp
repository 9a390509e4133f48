#include "cotangent/mechanics/method_table.h"

#include <algorithm>

#include "cotangent/base/text.h"
#include "cotangent/mechanics/linear_flow.h"
#include "cotangent/mechanics/plan.h"
#include "cotangent/mechanics/retype.h"

namespace cotangent::mechanics {
namespace {

using enum MethodKey;

const std::vector<Form> kAny = {Form::kCanonical, Form::kBracket, Form::kEquations, Form::kMap};
const std::vector<Form> kFlows = {Form::kCanonical, Form::kBracket, Form::kEquations};
const std::vector<Form> kEnergies = {Form::kCanonical};

struct Table {
  std::vector<MethodRow> methods = {
      {"implicit_midpoint", {"midpoint"}, kFlows, {kSplitting, kOrder}, "vector fields"},
      {"dopri5", {"rk45"}, kFlows, {kTolerance}, "vector fields"},
      {"rk4", {}, kFlows, {}, "vector fields"},
      {"explicit_euler", {"euler"}, kFlows, {}, "vector fields"},
      {"wisdom_holman", {"whfast"}, kEnergies, {kCoordinates, kCorrector}, "energies of q and p"},
      {"kepler", {}, kEnergies, {}, "energies of q and p"},
      {"multirate", {"respa"}, kEnergies, {kMultirate}, "energies of q and p"},
      {"exact", {}, kAny, {kModes, kMatrix}, "linear equations of motion"},
      {"exact_kicks", {}, kEnergies, {}, "energies of q and p"},
      {"mollified_kicks", {"mollified"}, kEnergies, {}, "energies of q and p"},
      {"lie_poisson",
       {},
       {Form::kBracket},
       {kSplitting, kOrder},
       "a [structure] with J linear in z"},
      {"iterate", {}, {Form::kMap}, {}, "a [map]"},
  };
  MethodRow plain = {"kicks and drifts", {}, kEnergies, {kPrecision, kCompensated, kSplitting}, ""};
  /// Those with force gradients or a processor carry their state in f64.
  MethodRow special = {"splittings", {}, kEnergies, {kSplitting}, ""};
};

const Table& table() {
  static const Table all;
  return all;
}

/// A key, how a file gives it, and what it is.
struct KeyRow {
  MethodKey key;
  const char* name;
  bool (*given)(const RunSettings&);
  SourceSpan (*span)(const RunSettings&);
  const char* is;
  const char* without;  ///< how to do without it
};

bool says(const std::string& word) {
  return !word.empty() && word != "auto";
}

using S = const RunSettings&;
const KeyRow kKeys[] = {
    {kPrecision, "precision", [](S s) { return s.precision != "f64"; },
     [](S s) { return s.precision_span; },
     "methods other than kicks and drifts carry their state in f64", "write precision = \"f64\""},
    {kCompensated, "compensated", [](S s) { return !s.compensated.empty(); },
     [](S s) { return s.compensated_span; },
     "methods other than kicks and drifts carry no error terms", "leave compensated out"},
    {kTolerance, "tolerance",
     [](S s) {
       static const RunSettings usual;
       return !s.tolerance_span.empty() || s.rtol != usual.rtol || s.atol != usual.atol;
     },
     [](S s) { return s.tolerance_span; },
     "it is the error of a step where the method chooses its own, and this one makes steps of dt",
     "leave tolerance out"},
    {kSplitting, "splitting", [](S s) { return says(s.splitting); },
     [](S s) { return s.splitting_span; },
     "it names the coefficients of kicks and drifts, or of the parts of a Lie-Poisson structure",
     "leave splitting out"},
    {kCoordinates, "coordinates", [](S s) { return !s.coordinates.empty(); },
     [](S s) { return s.coordinates_span; }, "they are those of planets about a heavy body",
     "leave coordinates out"},
    {kCorrector, "corrector", [](S s) { return s.corrector.has_value(); },
     [](S s) { return s.corrector_span; },
     "it corrects the step of Wisdom and Holman for planets about a heavy body",
     "leave corrector out"},
    {kModes, "modes", [](S s) { return s.modes.has_value(); }, [](S s) { return s.modes_span; },
     "it says how all steps of a linear system are made at once, and this method goes step by step",
     "leave modes out"},
    {kMatrix, "matrix", [](S s) { return says(s.matrix); }, [](S s) { return s.matrix_span; },
     "it says how all steps of a linear system are made at once, and this method goes step by step",
     "leave matrix out"},
    {kMultirate, "[multirate]", [](S s) { return s.multirate.has_value(); },
     [](S s) { return s.multirate ? s.multirate->levels_span : SourceSpan{}; },
     "levels of steps inside steps are a method of their own", "leave [multirate] out"},
};

const KeyRow* first_unread(const RunSettings& settings, const MethodRow& row, bool of_powers) {
  for (const KeyRow& k : kKeys) {
    if (!k.given(settings) || row.reads(k.key)) continue;
    if (of_powers && k.key == kSplitting) continue;  // of the method whose matrix it is
    return &k;
  }
  return nullptr;
}

/// "\"dopri5\", or kicks and drifts": the methods that read a key.
std::string readers(MethodKey key) {
  std::string text;
  const auto add = [&](const std::string& name) { text += (text.empty() ? "" : " or ") + name; };
  for (const MethodRow& row : table().methods) {
    if (row.reads(key)) add("method = \"" + row.name + "\"");
  }
  if (table().plain.reads(key)) add("a method of kicks and drifts, such as \"leapfrog\"");
  return text;
}

}  // namespace

bool MethodRow::takes(Form form) const {
  return std::ranges::find(forms, form) != forms.end();
}
bool MethodRow::reads(MethodKey key) const {
  return std::ranges::find(keys, key) != keys.end();
}

const MethodRow* method_row(const std::string& name) {
  for (const MethodRow& row : table().methods) {
    if (row.name == name || std::ranges::find(row.aliases, name) != row.aliases.end()) return &row;
  }
  const Splitting* s = splitting_named(name);
  return !s ? nullptr : s->plain() ? &table().plain : &table().special;
}

std::string plain_method_name(const std::string& name) {
  if (const Splitting* s = splitting_named(name)) return s->name;
  const MethodRow* row = method_row(name);
  return row ? row->name : name;
}

std::vector<std::string> method_names(Form form) {
  std::vector<std::string> names = {"auto"};
  if (form == Form::kCanonical) {
    for (const Splitting& s : splittings()) names.push_back(s.name);
    names.push_back("verlet");
  }
  for (const MethodRow& row : table().methods) {
    if (row.takes(form)) names.push_back(row.name);
  }
  return names;
}

std::vector<std::string> method_names() {
  std::vector<std::string> names = method_names(Form::kCanonical);
  for (const MethodRow& row : table().methods) {
    if (!row.takes(Form::kCanonical)) names.push_back(row.name);
  }
  return names;
}

std::optional<std::string> unread_key(const RunSettings& settings, const std::string& method) {
  const MethodRow* row = method_row(method);
  ensure(row != nullptr, "unread_key: unknown method");
  const KeyRow* key = first_unread(settings, *row, false);
  if (!key) return std::nullopt;
  return key->name;
}

void check_method_keys(const System& system, const RunSettings& settings, const Plan& plan) {
  const bool powers = plan.linear && plan.linear->method() != "exact";
  const MethodRow* row = method_row(plan.linear ? "exact" : plan.method);
  ensure(row != nullptr, "check_method_keys: a plan names a method that is in no table");
  const KeyRow* key = first_unread(settings, *row, powers);
  if (!key) return;
  const bool of_precision = key->key == kPrecision;
  throw UserError({(of_precision ? "precision = \"" + settings.precision + "\"" : key->name) +
                       (of_precision ? " with" : " has no effect on") + " the method \"" +
                       plan.method + "\"",
                   place_text(system, key->span(settings)), key->is,
                   key->without + std::string(", or choose ") + readers(key->key)});
}

}  // namespace cotangent::mechanics
