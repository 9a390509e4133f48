#include "cotangent/formats/system_file.h"

#include <algorithm>

#include "cotangent/base/text.h"
#include "cotangent/formats/control_tables.h"
#include "cotangent/formats/data_file.h"
#include "cotangent/formats/definitions.h"
#include "cotangent/formats/ensemble_table.h"
#include "cotangent/formats/expressions.h"
#include "cotangent/formats/made_document.h"
#include "cotangent/formats/motion.h"
#include "cotangent/formats/programs.h"
#include "cotangent/formats/run_settings.h"
#include "cotangent/formats/table_reader.h"
#include "cotangent/formats/toml_writer.h"
#include "cotangent/formats/units_table.h"
#include "cotangent/formats/values.h"
#include "cotangent/lang/context.h"
#include "cotangent/lang/names.h"
#include "cotangent/lang/parser.h"
#include "cotangent/mechanics/state_arrays.h"
#include "cotangent/transform/passes.h"

namespace cotangent::formats {
namespace {

/// A run's length where nothing says it.
constexpr std::int64_t kOpenSteps = 1000;

/// Tables and keys of later versions, refused by name.
struct Later {
  const char* key;
  const char* instead;
};
constexpr Later kLater[] = {
    {"state", "one state q with momenta p, its shape taken from [initial] q"},
    {"lists", "sums over i, i<j, i!=j, i<j<k or i in a..b"},
    {"box", "positions in open space"},
    {"lagrangian", "[energy] with named terms of H(q, p, t)"},
    {"scene", "[energy] with named terms of H(q, p, t)"},
};

std::string bracketed(const std::string& table) {
  return "[" + table + "]";
}

class Loader {
 public:
  Loader(std::string name, std::string text, const std::vector<Override>& overrides,
         std::optional<std::filesystem::path> folder, const Limits& limits, const std::string& of,
         Times times, bool is_document = true)
      : times_(times) {
    auto file = std::make_shared<SourceFile>();
    file->name = std::move(name);
    file->text = std::move(text);
    if (file->text.starts_with("\xEF\xBB\xBF")) file->text.erase(0, 3);
    overrides_begin_ = static_cast<std::uint32_t>(file->text.size());
    std::vector<std::pair<std::uint32_t, std::uint32_t>> places;
    const auto add_line = [&](const char* option) {
      if (!file->text.empty() && file->text.back() != '\n') file->text += '\n';
      file->text += option;
      return static_cast<std::uint32_t>(file->text.size());
    };
    for (const Override& o : overrides) {
      const auto begin = add_line("--set ");
      file->text += o.key + "=" + (is_bare_word(o.value) ? "\"" + o.value + "\"" : o.value);
      places.emplace_back(begin, static_cast<std::uint32_t>(file->text.size()));
      if (file->text.size() > 2 * limits.file_bytes) {
        throw UserError("the values given with --set are too long", "put them into the file");
      }
    }
    if (!of.empty()) {
      asked_begin_ = add_line("--of ");
      file->text += of;
      asked_end_ = static_cast<std::uint32_t>(file->text.size());
    }
    out_.source = std::move(file);
    out_.overrides = overrides;
    out_.folder = folder;
    out_.text_bytes = overrides_begin_;
    out_.is_file = is_document;
    source_ = {out_.source, std::move(folder), limits, &out_.files};
    is_document_ = is_document;
    if (is_document) root_ = parse_document(out_.source, 0, overrides_begin_);
    for (const auto& [begin, end] : places) apply_override(parse_document(out_.source, begin, end));
  }

  LoadedFile run() {
    read_top_level();
    read_definitions(out_.source, table("define"), table("parameters"), names_);
    if (FileUnits::wanted(root_)) {
      units_.emplace(out_.source, root_, names_);
      // Of a map, t counts its steps.
      if (kind_.form == mechanics::Form::kMap) units_->dimensions().set("t", {});
      source_.units = &*units_;
    }
    ReadParameters parameters = read_parameters(source_, table("parameters"), names_);
    out_.system.parameters = std::move(parameters.real);
    out_.integers = std::move(parameters.whole);
    read_state();
    names_.check_names_in_definitions();
    read_run_tables();
    read_motion();
    out_.system.symmetries = read_symmetries(out_.source, table("symmetries"), names_, units());
    read_observe();
    read_asked();
    read_control();
    out_.system.source = out_.source;
    if (units_) out_.units = units_->labels();
    if (kind_.form == mechanics::Form::kMap) out_.units.t.clear();
    return std::move(out_);
  }

  /// The settings of a system that is there already.
  LoadedFile run(mechanics::System system, mechanics::InitialState initial) {
    TableReader top(out_.source, root_, "the settings");
    for (const char* name : {"parameters", "initial", "observe", "gradient", "multirate", "monitor",
                             "ensemble", "run"}) {
      if (const Entry* entry = top.get(name))
        TableReader(out_.source, entry->value, bracketed(name));
    }
    for (const Entry& entry : root_.entries) {
      if (std::ranges::find(system.parameters, entry.key, &mechanics::Parameter::name) ==
          system.parameters.end()) {
        continue;
      }
      fail(entry.key_span, "'" + entry.key + "' is a parameter",
           "settings and parameters by the names of their tables", "write parameters." + entry.key);
    }
    top.finish();
    kind_.form = system.form;
    out_.system = std::move(system);
    out_.initial = std::move(initial);
    if (kind_.form == mechanics::Form::kCanonical) {
      names_.set_state(out_.system.shape);
    } else {
      std::vector<lang::NamedShape> arrays;
      for (const mechanics::StateArray& a : out_.system.arrays) arrays.push_back({a.name, a.shape});
      names_.set_arrays(std::move(arrays));
    }
    set_parameters();
    set_initial();
    read_run_tables();
    read_observe();
    read_asked();
    read_control();
    out_.system.source = out_.source;
    return std::move(out_);
  }

  /// After run(): the document with the overrides in it; of a system that was there already, the
  /// overrides.
  Node document() {
    for (Entry& table : root_.entries) {
      if (table.key != "run") continue;
      auto& entries = table.value.entries;
      const auto drop = [&](const std::string& key) {
        std::erase_if(entries, [&](const Entry& e) { return e.key == key; });
      };
      for (const std::string& key : set_aside_) drop(key);
      if (!timed_ || table.value.find("t_end")) continue;
      // An accuracy from outside: dt and steps of the file are how long to run.
      drop("dt");
      drop("steps");
      Entry end;
      end.key = "t_end";
      end.value.kind = NodeKind::kReal;
      end.value.real = *timed_;
      entries.push_back(std::move(end));
    }
    return std::move(root_);
  }

 private:
  /// What times_ lets [run] leave out, filled in; nothing else says it. Whether dt is.
  bool fill_times() {
    if (times_ != Times::kOpen) return false;
    if (!root_.find("run")) root_.entries.push_back(entry_of("run", {}));
    Node* const run = &std::ranges::find(root_.entries, "run", &Entry::key)->value;
    if (run->kind != NodeKind::kTable) return false;
    const auto says = [&](const char* key) { return run->find(key) != nullptr; };
    if (says("accuracy") || says("t_end")) return false;  // which say what they need
    const auto fill = [&](const char* key, NodeKind kind) {
      Node one;
      one.kind = kind;
      one.integer = kOpenSteps;
      one.real = 1;
      run->entries.push_back(entry_of(key, std::move(one)));
      set_aside_.emplace_back(key);
    };
    if (!says("steps")) fill("steps", NodeKind::kInteger);
    if (kind_.form == mechanics::Form::kMap || says("dt")) return false;
    fill("dt", NodeKind::kReal);
    return true;
  }

  void read_run_tables() {
    const bool no_dt = fill_times();
    out_.run = read_run(source_, table("run"), names_, overrides_begin_, kind_.form, &set_aside_);
    if (no_dt) out_.run.dt = 0, out_.run.dt_span = {};
    if (out_.run.accuracy) timed_ = out_.run.duration;
    out_.run.gradient = read_gradient(source_, table("gradient"), names_);
  }

  /// Of a system that is there: [parameters] gives some of them other values.
  void set_parameters() {
    std::vector<std::string> known;
    for (const mechanics::Parameter& p : out_.system.parameters) {
      // Expressions would mean something else by it.
      if (lang::is_reserved(p.name)) {
        throw UserError("'" + p.name + "' is reserved and cannot name a parameter",
                        "choose another name");
      }
      known.push_back(p.name);
    }
    for (const Entry& entry : table("parameters").entries) {
      const auto found =
          std::ranges::find(out_.system.parameters, entry.key, &mechanics::Parameter::name);
      if (found == out_.system.parameters.end()) refuse_parameter(entry, known);
      ir::Tensor value =
          as_real(read_numbers(source_, entry.value, "parameter '" + entry.key + "'", names_));
      if (value.type().shape != found->value.type().shape) {
        const auto size = [](const Shape& s) { return s.rank() ? s.text() : "one number"; };
        fail(entry.value.span,
             "parameter '" + entry.key + "' has the shape " + size(value.type().shape),
             size(found->value.type().shape) + ", as the system was made for",
             "give it as many numbers");
      }
      found->value = std::move(value);
      found->span = entry.value.span;
    }
    for (const mechanics::Parameter& p : out_.system.parameters) {
      names_.add_parameter(p.name, p.value);
    }
  }

  /// Of a system that is there: [initial] gives some of its arrays other starts.
  void set_initial() {
    const bool canonical = out_.system.form == mechanics::Form::kCanonical;
    std::vector<mechanics::NamedArray> arrays;
    std::vector<std::string> known = {"q", "p", "v"};
    if (!canonical) {
      arrays = mechanics::arrays_of(out_.system, out_.initial.x);
      known.clear();
      for (const mechanics::NamedArray& a : arrays) known.push_back(a.name);
    }
    TableReader initial(out_.source, table("initial"), "[initial]", known);
    const auto given = [&](const std::string& name,
                           const Shape& wanted) -> std::optional<ir::Tensor> {
      const Entry* entry = initial.get(name);
      if (!entry) return {};
      ir::Tensor x = state_array(*entry);
      if (x.type().shape != wanted) {
        const auto size = [](const Shape& s) { return s.rank() ? s.text() : "one number"; };
        fail(entry->value.span, "'" + name + "' has the shape " + size(x.type().shape),
             size(wanted) + ", as the system was made for", "give it as many numbers");
      }
      return x;
    };
    if (canonical) {
      const Shape& shape = out_.system.shape;
      if (auto q = given("q", shape)) out_.initial.q = std::move(*q);
      auto p = given("p", shape), v = given("v", shape);
      if (p && v) {
        fail(initial.get("v")->key_span, "[initial] has both p and v",
             "one of them: momenta p, or velocities v", "remove one");
      }
      if (p || v) out_.initial.p = std::move(p), out_.initial.v = std::move(v);
    } else {
      std::vector<ir::Tensor> values;
      for (mechanics::NamedArray& a : arrays) {
        auto x = given(a.name, a.value.type().shape);
        values.push_back(x ? std::move(*x) : std::move(a.value));
      }
      out_.initial.x = mechanics::joined(out_.system, values);
    }
    initial.finish();
  }

  [[noreturn]] void refuse_parameter(const Entry& e, const std::vector<std::string>& known) const {
    const std::string near = nearest_name(e.key, known);
    fail(
        e.key_span, "there is no parameter '" + e.key + "' to set",
        known.empty() ? "a parameter of the file" : "one of " + join(known, ", "),
        near.empty() ? "add it to [parameters] of the file first" : "did you mean '" + near + "'?");
  }

  /// "2.5 kg"
  static bool is_quantity(const std::string& value) {
    const std::size_t blank = value.find(' ');
    if (blank == std::string::npos || !lang::begins_with_number(value)) return false;
    return value.find_first_of("\"'[]{},#:\\\n") == std::string::npos &&
           std::any_of(value.begin() + static_cast<std::ptrdiff_t>(blank), value.end(),
                       [](char c) { return (c | 32) >= 'a' && (c | 32) <= 'z'; });
  }

  static bool is_bare_word(const std::string& value) {
    if (value.empty() || value == "true" || value == "false" || value == "inf" || value == "nan") {
      return false;
    }
    if (value.back() == 'B' && parse_bytes(value)) return true;  // 10MB
    if (is_quantity(value)) return true;
    const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
    return letter(value[0]) && std::all_of(value.begin(), value.end(), [&](char c) {
             return letter(c) || (c >= '0' && c <= '9') || c == '_' || c == '-';
           });
  }

  void apply_override(Node over) {
    const Entry* parameters = over.find("parameters");
    if (parameters && is_document_) {
      const Entry* present = root_.find("parameters");
      std::vector<std::string> known;
      if (present) {
        for (const Entry& e : present->value.entries) known.push_back(e.key);
      }
      for (const Entry& e : parameters->value.entries) {
        if (std::find(known.begin(), known.end(), e.key) == known.end()) refuse_parameter(e, known);
      }
    }
    merge(root_, std::move(over), out_.source);
  }

  [[noreturn]] void fail(SourceSpan span, std::string what, std::string why = "",
                         std::string remedy = "") const {
    fail_at(out_.source, span, std::move(what), std::move(why), std::move(remedy));
  }

  const Node& table(const std::string& name) const {
    const Entry* entry = root_.find(name);
    return entry ? entry->value : empty_;
  }

  void read_top_level() {
    for (const Later& later : kLater) {
      if (const Entry* entry = root_.find(later.key)) {
        fail(entry->key_span, "'" + entry->key + "' comes with a later version of Cotangent",
             later.instead, "remove it");
      }
    }
    TableReader top(out_.source, root_, "the file");
    const Entry* title = top.get("title");
    for (const char* name :
         {"parameters", "define", "observe", "gradient", "energy", "equations", "map", "structure",
          "symmetries", "ensemble", "multirate", "monitor", "initial", "run", "units"}) {
      if (const Entry* entry = top.get(name))
        TableReader(out_.source, entry->value, bracketed(name));
    }
    top.finish();
    kind_ = read_motion_kind(out_.source, root_);
    // A file that is none at all is best told by its first missing table.
    const struct {
      const char* name;
      const char* example;
    } wanted[] = {{"energy",
                   "[energy] with named terms, such as kinetic = \"sum(i, dot(p[i], p[i])/2)\"; "
                   "or [equations], or [map]"},
                  {"initial", "[initial] with q and v or p"},
                  {"run", "[run] with dt and t_end"}};
    for (const auto& w : wanted) {
      const bool other = w.name == std::string("energy") && kind_.table != "[energy]";
      if (other || (w.name == std::string("run") && times_ == Times::kOpen)) continue;
      if (!root_.find(w.name)) {
        fail({0, 0, 0}, "the file has no " + bracketed(w.name), w.example, "add it");
      }
    }
    if (title && title->value.kind != NodeKind::kString) {
      fail(title->value.span, "title is " + describe(title->value), "text in quotes",
           "put it in quotes");
    }
    out_.system.title =
        title ? *title->value.string : std::filesystem::path(out_.source->name).stem().string();
  }

  ir::Tensor state_array(const Entry& entry) {
    ir::Tensor x =
        as_real(units_ ? units_->read_state(source_, entry.value, entry.key, names_)
                       : read_numbers(source_, entry.value, "'" + entry.key + "'", names_));
    const std::uint64_t bytes = 2 * static_cast<std::uint64_t>(x.size()) * 8;
    if (bytes > source_.limits.state_bytes) {
      fail(entry.value.span, "the state would take " + std::to_string(bytes) + " bytes",
           "at most " + std::to_string(source_.limits.state_bytes), "a smaller system");
    }
    return x;
  }

  void read_state() {
    out_.system.form = kind_.form;
    if (kind_.form == mechanics::Form::kCanonical) {
      read_initial();
      out_.system.shape = *names_.state();
      return;
    }
    PackedState state = read_packed_state(source_, table("initial"), names_, kind_);
    std::vector<lang::NamedShape> arrays;
    for (const mechanics::StateArray& a : state.arrays) arrays.push_back({a.name, a.shape});
    names_.set_arrays(std::move(arrays));
    out_.system.arrays = std::move(state.arrays);
    out_.system.shape = state.x.type().shape;
    out_.initial.x = std::move(state.x);
  }

  void read_motion() {
    if (const Entry* motion =
            root_.find(kind_.form == mechanics::Form::kMap ? "map" : "equations")) {
      out_.system.rate = read_rate(source_, *motion, names_);
      return;
    }
    if (const Entry* structure = root_.find("structure")) {
      if (kind_.form == mechanics::Form::kBracket) {
        out_.system.structure =
            read_structure(source_, *structure, names_, kind_, out_.system.parameters);
      } else {
        TableReader canonical(out_.source, structure->value, "[structure] of kind canonical");
        canonical.get("kind");
        canonical.finish();
      }
    }
    read_energy();
  }

  /// What comes on top of one run.
  void read_control() {
    if (const Entry* entry = root_.find("multirate")) {
      out_.run.multirate = read_multirate(source_, *entry, names_, out_.system.terms);
    }
    if (const Entry* entry = root_.find("monitor")) {
      const std::int64_t n = out_.system.shape.size();
      const bool canonical = kind_.form == mechanics::Form::kCanonical;
      out_.run.monitor = read_monitor(source_, *entry, names_, canonical ? 2 * n : n);
    }
    if (const Entry* entry = root_.find("ensemble")) {
      out_.ensemble =
          read_ensemble(source_, *entry, names_, table("parameters"), out_.system, out_.initial);
    }
  }

  void read_initial() {
    TableReader initial(out_.source, table("initial"), "[initial]", {"q", "p", "v"});
    const Entry* q =
        initial.need("q", "q = [[0, 0, 0], [1, 0, 0]] for particles, or q = [0.1, 0.2]");
    const Entry* p = initial.get("p");
    const Entry* v = initial.get("v");
    initial.finish();
    out_.initial.q = state_array(*q);
    const Shape shape = out_.initial.q.type().shape;
    if (shape.rank() == 0) {
      fail(q->value.span, "q is one number", "an array",
           "write q = [" + shortest(out_.initial.q.as<double>()[0]) + "]");
    }
    if (shape.rank() > 2 || (shape.rank() == 2 && shape[1] > 3)) {
      fail(q->value.span, "q has the shape " + shape.text(),
           "[n] for n coordinates, or [N,d] with d = 1, 2 or 3 for N particles",
           "give other coordinates as one flat array");
    }
    if ((p != nullptr) == (v != nullptr)) {
      fail(p ? v->key_span : q->key_span,
           p ? "[initial] has both p and v" : "[initial] has neither p nor v",
           "one of them: momenta p, or velocities v",
           p ? "remove one" : "add v or p, shaped like q");
    }
    const Entry& other = p ? *p : *v;
    ir::Tensor x = state_array(other);
    if (x.type().shape != shape) {
      const auto size = [](const Shape& s) {
        return s.rank() == 0 ? std::string("one number") : s.text();
      };
      fail(other.value.span,
           "'" + other.key + "' has the shape " + size(x.type().shape) + ", q has " + size(shape),
           "one shape for both", "give '" + other.key + "' as many numbers as q, in the same rows");
    }
    (p ? out_.initial.p : out_.initial.v) = std::move(x);
    names_.set_state(shape);
  }

  void read_energy() {
    const Node& energy = table("energy");
    if (energy.entries.empty()) {
      fail(energy.span, "[energy] has no terms", "named terms, such as kinetic = \"...\"",
           "write the energy as a term of it");
    }
    for (const Entry& entry : energy.entries) {
      check_name(out_.source, entry, "an energy term", false);
      const std::string what = "the energy term '" + entry.key + "'";
      if (entry.value.kind == NodeKind::kTable) {
        const auto program =
            read_program(source_, entry.value, what, names_, Takes::kState, Shape{});
        out_.system.terms.push_back({entry.key, transform::squares_of_roots(*program),
                                     entry.value.find("program")->value.span});
        continue;
      }
      const auto parsed = read_expression(out_.source, entry.value, what);
      out_.system.terms.push_back(
          {entry.key, transform::squares_of_roots(*lang::trace_energy(names_, entry.key, *parsed)),
           parsed->source().whole()});
      if (units_) units_->check_energy(entry.key, *parsed);
    }
  }

  std::int64_t cadence(const Entry& entry) {
    const std::int64_t every = read_integer(source_, entry.value, "'every'", names_);
    if (every < 1) {
      fail(entry.value.span, "'every' is " + std::to_string(every), "a number of steps, at least 1",
           "write every = 1 for each step");
    }
    return every;
  }

  void read_observe() {
    for (const Entry& entry : table("observe").entries) {
      if (entry.key == "every") {
        out_.run.every = cadence(entry);
        continue;
      }
      check_name(out_.source, entry, "an observable", false);
      const std::string what = "the observable '" + entry.key + "'";
      mechanics::Observable observable;
      observable.name = entry.key;
      const Node* text = &entry.value;
      const Node* unit = nullptr;
      if (has_program(entry.value)) {
        observable.value = read_program(source_, entry.value, what, names_, Takes::kVelocities,
                                        std::nullopt, {"every"});
        if (const Entry* every = entry.value.find("every")) observable.every = cadence(*every);
        observable.span = entry.value.find("program")->value.span;
        out_.system.observables.push_back(std::move(observable));
        continue;
      }
      if (entry.value.kind == NodeKind::kTable) {
        TableReader fields(out_.source, entry.value, "[observe." + entry.key + "]",
                           {"expr", "every", "unit"});
        text = &fields.need("expr", "expr = \"...\"")->value;
        if (const Entry* every = fields.get("every")) observable.every = cadence(*every);
        if (const Entry* given = fields.get("unit")) unit = &given->value;
        fields.finish();
      } else if (entry.value.kind != NodeKind::kString) {
        const std::string known[] = {"every"};
        fail(entry.value.span, what + " is " + describe(entry.value),
             "an expression in quotes, or {expr = \"...\", every = 100}",
             nearest_name(entry.key, known).empty() ? "put an expression in quotes"
                                                    : "did you mean 'every'?");
      }
      const auto parsed = read_expression(out_.source, *text, what);
      observable.value = lang::trace_observable(names_, entry.key, *parsed);
      if (units_) {
        observable.value = units_->check_observable(entry.key, *parsed, unit, observable.value);
      }
      observable.span = parsed->source().whole();
      out_.system.observables.push_back(std::move(observable));
    }
  }

  /// What is asked for by name is not read here.
  void read_asked() {
    if (asked_begin_ == asked_end_) return;
    lang::SourceText text = lang::text_in(out_.source, asked_begin_, asked_end_);
    const std::string name = text.text;
    const mechanics::System& system = out_.system;
    const auto named = [&](const auto& each) { return each.name == name; };
    if (std::ranges::any_of(system.observables, named) ||
        std::ranges::any_of(system.terms, named) || (name == "energy" && !system.terms.empty())) {
      return;
    }
    const auto parsed = lang::parse_expression(std::move(text));
    mechanics::Observable asked;
    asked.name = name;
    try {
      asked.value = lang::trace_observable(names_, "objective", *parsed);
    } catch (const UserError& error) {
      if (!lang::is_name(name)) throw;
      std::vector<std::string> known;
      for (const auto& o : system.observables) known.push_back(o.name);
      for (const auto& term : system.terms) known.push_back(term.name);
      if (!system.terms.empty()) known.emplace_back("energy");
      ErrorParts parts = error.parts();
      if (!known.empty()) parts.why += "; or by name " + join(known, ", ");
      const std::string near = nearest_name(name, known);
      if (!near.empty()) parts.remedy = "did you mean '" + near + "'?";
      throw UserError(std::move(parts));
    }
    if (units_) asked.value = units_->check_observable(name, *parsed, nullptr, asked.value);
    asked.span = parsed->source().whole();
    out_.asked = std::move(asked);
  }

  FileUnits* units() { return units_ ? &*units_ : nullptr; }

  LoadedFile out_;
  ValueSource source_;
  Node root_;
  Node empty_;
  lang::Context names_;
  std::optional<FileUnits> units_;  ///< where anything in the file has a unit
  MotionKind kind_;
  Times times_ = Times::kGiven;
  bool is_document_ = true;             ///< false: root_ has the overrides alone
  std::vector<std::string> set_aside_;  ///< keys of [run] without effect
  std::optional<double> timed_;         ///< how long a run of an accuracy is
  std::uint32_t overrides_begin_ = 0;
  std::uint32_t asked_begin_ = 0, asked_end_ = 0;  ///< of the text after "--of"
};

}  // namespace

Override parse_override(std::string_view text) {
  const std::size_t equal = text.find('=');
  const auto trimmed = [](std::string_view s) {
    const std::size_t first = s.find_first_not_of(" \t");
    if (first == std::string_view::npos) return std::string();
    return std::string(s.substr(first, s.find_last_not_of(" \t") - first + 1));
  };
  Override o;
  if (equal != std::string_view::npos) {
    o.key = trimmed(text.substr(0, equal));
    o.value = trimmed(text.substr(equal + 1));
  }
  if (o.key.empty() || o.value.empty()) {
    throw UserError(ErrorParts{"'--set " + std::string(text) + "' sets nothing", "",
                               "a key and a value, as in --set run.dt=5",
                               "write KEY=VALUE without blanks, or put quotes around it"});
  }
  return o;
}

LoadedFile load_system_file(const std::filesystem::path& path,
                            const std::vector<Override>& overrides, const Limits& limits,
                            const std::string& of, Times times) {
  std::string text = read_file(path, limits.file_bytes);
  Loader loader(path.string(), std::move(text), overrides, path.parent_path(), limits, of, times);
  LoadedFile loaded = loader.run();
  loaded.files.insert(loaded.files.begin(), path);
  return loaded;
}

LoadedFile parse_system_text(std::string name, std::string text,
                             const std::vector<Override>& overrides,
                             const std::optional<std::filesystem::path>& folder,
                             const Limits& limits, const std::string& of, Times times) {
  if (text.size() > limits.file_bytes) {
    throw UserError(
        ErrorParts{"'" + name + "' is too large: " + std::to_string(text.size()) + " bytes", "",
                   "at most " + std::to_string(limits.file_bytes) + " bytes",
                   "put large arrays into data files"});
  }
  return Loader(std::move(name), std::move(text), overrides, folder, limits, of, times).run();
}

LoadedFile settle(mechanics::System system, mechanics::InitialState initial,
                  const std::vector<Override>& overrides, const std::string& of, Times times) {
  const SourcePtr source = system.source;
  Loader loader(source ? source->name : "", source ? source->text : "", overrides, {}, {}, of,
                times, false);
  return loader.run(std::move(system), std::move(initial));
}

namespace {

/// What the text of a made system says must read back: names, for one, are freer in a program.
void check_text(const std::string& text) {
  try {
    parse_system_text("system.toml", text, {}, {}, {}, {}, Times::kOpen);
  } catch (const UserError& e) {
    throw UserError({"this system cannot be written as a file: " + e.parts().what, "",
                     e.parts().why, e.parts().remedy});
  }
}

}  // namespace

std::string system_text(const LoadedFile& file, const mechanics::InitialState* start) {
  if (file.is_file && file.overrides.empty() && !start) return file.text();
  if (file.is_file) {
    Loader loader(file.source->name, file.text(), file.overrides, file.folder, {}, {},
                  Times::kOpen);
    loader.run();
    Node root = loader.document();
    if (start) {
      std::ranges::find(root.entries, "initial", &Entry::key)->value =
          initial_table(file.system, *start);
    }
    return toml_text(root);
  }
  Loader loader("", "", file.overrides, {}, {}, {}, Times::kOpen, false);
  loader.run(file.system, file.initial);
  Node root = loader.document();
  add_system(root, file.system, start ? *start : file.initial);
  std::string text = toml_text(root);
  check_text(text);
  return text;
}

}  // namespace cotangent::formats
