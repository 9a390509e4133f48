#include "cotangent/formats/run_settings.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "cotangent/base/text.h"
#include "cotangent/formats/table_reader.h"
#include "cotangent/formats/units_table.h"
#include "cotangent/mechanics/gradient_plan.h"
#include "cotangent/mechanics/method_table.h"
#include "cotangent/mechanics/wisdom_holman.h"

namespace cotangent::formats {
namespace {

constexpr double kWholeTolerance = 1e-9;              // relative, of t_end/dt
constexpr std::int64_t kMaxSteps = 9007199254740992;  // 2^53: step numbers are exact as reals

std::int64_t steps_from(const ValueSource& source, const Entry& t_end, double end,
                        const Entry& dt_entry, double dt) {
  if (dt > end * (1 + kWholeTolerance)) {
    fail_at(source.file, dt_entry.value.span,
            "dt = " + shortest(dt) + " is longer than t_end = " + shortest(end),
            "a step no longer than the run", "make dt smaller or t_end larger");
  }
  const double ratio = end / dt;
  if (ratio > static_cast<double>(kMaxSteps)) {
    fail_at(source.file, t_end.value.span, "t_end/dt is " + shortest(ratio) + " steps",
            "at most 2^53 steps", "make dt larger or t_end smaller");
  }
  const double whole = std::nearbyint(ratio);
  if (std::fabs(ratio - whole) > kWholeTolerance * ratio) {
    const double below = std::floor(ratio);
    fail_at(source.file, t_end.value.span,
            "t_end = " + shortest(end) + " is no whole number of steps of dt = " + shortest(dt) +
                ": it is " + shortest(ratio) + " steps",
            "a whole number, to 1e-9 of it; the last step is never shortened",
            "take t_end = " + shortest(below * dt) + " or " + shortest((below + 1) * dt) +
                ", or dt = " + shortest(end / (below + 1)) + ", or give steps instead of t_end");
  }
  return static_cast<std::int64_t>(whole);
}

/// dt or t_end.
double read_time(const ValueSource& source, const Node& node, const std::string& what,
                 const lang::Context& names) {
  return source.units ? source.units->read_real(source, node, what, names, lang::time_dimension())
                      : read_real(source, node, what, names);
}

/// Any two of dt, t_end and steps give the third. All three in the file is an error; with one of
/// them set from outside, one of the file's gives way: steps first, then t_end.
void choose_two(const ValueSource& source, const Entry*& dt, const Entry*& t_end,
                const Entry*& steps, std::uint32_t overrides_begin) {
  if (!dt || !t_end || !steps) return;
  const auto from_file = [&](const Entry* e) { return e->value.span.begin < overrides_begin; };
  const int in_file = from_file(dt) + from_file(t_end) + from_file(steps);
  if (in_file == 3 || in_file == 0) {
    fail_at(source.file, steps->key_span, "[run] has dt, t_end and steps",
            "two of them: they give the third", "remove one");
  }
  (from_file(steps) ? steps : from_file(t_end) ? t_end : dt) = nullptr;
}

void read_precision(const ValueSource& source, const Entry& entry,
                    mechanics::RunSettings& settings) {
  const std::vector<std::string> known = mechanics::precision_names();
  const bool text = entry.value.kind == NodeKind::kString;
  if (!text || std::find(known.begin(), known.end(), *entry.value.string) == known.end()) {
    const std::string near = text ? nearest_name(*entry.value.string, known) : "";
    fail_at(source.file, entry.value.span,
            "precision is " + (text ? "\"" + *entry.value.string + "\"" : describe(entry.value)) +
                (near.empty() ? "" : "; did you mean \"" + near + "\"?"),
            "\"" + join(known, "\", \"") + "\"", "write one of them, or leave it out");
  }
  settings.precision = *entry.value.string;
  settings.precision_span = entry.value.span;
}

/// Spacings of q and p.
void read_lattice(const ValueSource& source, const Entry& entry, const lang::Context& names,
                  mechanics::RunSettings& settings) {
  settings.lattice_span = entry.value.span;
  if (settings.precision != "lattice") {
    fail_at(source.file, entry.key_span,
            "lattice gives a spacing, and the precision is \"" + settings.precision + "\"",
            "only precision = \"lattice\" has one", "write that, or leave lattice out");
  }
  TableReader table(source.file, entry.value, "lattice", {"q", "p"});
  for (const char* part : {"q", "p"}) {
    const Entry& given = *table.need(part, std::string(part) + " = 1e-16");
    const double spacing = read_real(source, given.value, part, names);
    if (!(spacing > 0)) {
      fail_at(source.file, given.value.span,
              "the spacing of " + std::string(part) + " is " + shortest(spacing),
              "a positive number, in the units of the file", "write one such as 1e-16");
    }
    (part[0] == 'q' ? settings.q_spacing : settings.p_spacing) = spacing;
  }
  table.finish();
}

/// Names of parts of the state; what they are is the planner's to say.
void read_compensated(const ValueSource& source, const Entry& entry,
                      mechanics::RunSettings& settings) {
  const char* const example = "write compensated = [\"q\", \"p\"], one of them, or leave it out";
  if (entry.value.kind != NodeKind::kArray || entry.value.items.empty()) {
    fail_at(source.file, entry.value.span,
            entry.value.kind == NodeKind::kArray ? "compensated is empty"
                                                 : "compensated is " + describe(entry.value),
            "a list of the parts of the state that carry error terms", example);
  }
  for (const Node& part : entry.value.items) {
    if (part.kind != NodeKind::kString || (*part.string != "q" && *part.string != "p")) {
      fail_at(source.file, part.span,
              part.kind == NodeKind::kString ? "\"" + *part.string + "\" is no part of the state"
                                             : "compensated holds " + describe(part),
              "the parts are \"q\" and \"p\"", example);
    }
    auto& parts = settings.compensated;
    if (std::find(parts.begin(), parts.end(), *part.string) != parts.end()) {
      fail_at(source.file, part.span, "compensated names \"" + *part.string + "\" twice",
              "each part once", "remove one");
    }
    parts.push_back(*part.string);
  }
  settings.compensated_span = entry.value.span;
}

/// A positive number, or a refusal that shows `example`.
double read_positive(const ValueSource& source, const Node& node, const std::string& what,
                     const lang::Context& names, const std::string& example) {
  const double x = read_real(source, node, what, names);
  if (!(x > 0)) {
    fail_at(source.file, node.span, what + " is " + shortest(x), "a positive number",
            "write " + example);
  }
  return x;
}

void read_accuracy(const ValueSource& source, const Entry& entry, const lang::Context& names,
                   mechanics::RunSettings& settings) {
  const double x = read_real(source, entry.value, "accuracy", names);
  if (!(x > 0 && x < 1)) {
    fail_at(source.file, entry.value.span, "accuracy is " + shortest(x),
            "a relative error above 0 and below 1", "write accuracy = 1e-8, or leave it out");
  }
  settings.accuracy = x;
  settings.accuracy_span = entry.value.span;
}

/// The planner finds dt and the tolerance for an accuracy, so a file gives one or the other. Of
/// what is set from outside, dt, steps and tolerance win over the file's accuracy, and an accuracy
/// over the file's tolerance and order; the file's dt and steps then only say how long to run.
template <class Outside>
void give_way_to_accuracy(const ValueSource& source, const Entry*& accuracy, const Entry* dt,
                          const Entry* steps, const Entry*& tolerance, const Entry*& order,
                          const Outside& outside) {
  const bool set = outside(accuracy);
  bool others = false;
  for (const Entry* other : {dt, steps, tolerance}) {
    if (!other) continue;
    others = true;
    if (outside(other) != set) continue;
    fail_at(source.file, other->key_span, "[run] has accuracy and " + other->key,
            "the planner finds dt, steps and tolerance for an accuracy; it needs t_end",
            "leave one of the two out");
  }
  if (set && !outside(order)) order = nullptr;
  if (!others) return;
  (set ? tolerance : accuracy) = nullptr;
}

/// A number for both, or {rtol = ..., atol = ...}.
void read_tolerance(const ValueSource& source, const Entry& entry, const lang::Context& names,
                    mechanics::RunSettings& settings) {
  settings.tolerance_span = entry.value.span;
  const std::string example = "tolerance = {rtol = 1e-9, atol = 1e-12}";
  if (entry.value.kind != NodeKind::kTable) {
    settings.rtol = settings.atol = read_positive(source, entry.value, "tolerance", names, example);
    return;
  }
  TableReader table(source.file, entry.value, "tolerance", {"rtol", "atol"});
  if (const Entry* rtol = table.get("rtol")) {
    settings.rtol = read_positive(source, rtol->value, "rtol", names, example);
  }
  if (const Entry* atol = table.get("atol")) {
    settings.atol = read_positive(source, atol->value, "atol", names, example);
  }
  table.finish();
}

/// A word whose meaning is the planner's to say.
void read_word(const ValueSource& source, const Entry* entry, const std::string& example,
               std::string& word, SourceSpan& span) {
  if (!entry) return;
  if (entry->value.kind != NodeKind::kString || entry->value.string->empty()) {
    fail_at(source.file, entry->value.span, entry->key + " is " + describe(entry->value),
            "a name in quotes", "write " + entry->key + " = \"" + example + "\", or leave it out");
  }
  word = *entry->value.string;
  span = entry->value.span;
}

void read_coordinates(const ValueSource& source, const Entry* entry,
                      mechanics::RunSettings& settings) {
  read_word(source, entry, "jacobi", settings.coordinates, settings.coordinates_span);
  const std::string known[] = {"jacobi", "democratic", "democratic_heliocentric"};
  if (!entry ||
      std::find(std::begin(known), std::end(known), settings.coordinates) != std::end(known)) {
    return;
  }
  const std::string near = nearest_name(settings.coordinates, known);
  fail_at(source.file, entry->value.span, "coordinates is \"" + settings.coordinates + "\"",
          "\"jacobi\" or \"democratic\"",
          near.empty() ? "write one of them, or leave it out" : "did you mean \"" + near + "\"?");
}

void read_splitting(const ValueSource& source, const Entry* entry,
                    mechanics::RunSettings& settings) {
  read_word(source, entry, "auto", settings.splitting, settings.splitting_span);
}

/// true, false or "auto".
void read_modes(const ValueSource& source, const Entry& entry, mechanics::RunSettings& settings) {
  settings.modes_span = entry.value.span;
  if (entry.value.kind == NodeKind::kBoolean) {
    settings.modes = entry.value.integer != 0;
    return;
  }
  if (entry.value.kind == NodeKind::kString && *entry.value.string == "auto") return;
  fail_at(source.file, entry.value.span, "modes is " + describe(entry.value),
          "true, false or \"auto\": whether a linear system moves by its normal modes",
          "write one of them, or leave it out");
}

void read_matrix(const ValueSource& source, const Entry* entry, mechanics::RunSettings& settings) {
  read_word(source, entry, "exact", settings.matrix, settings.matrix_span);
  const std::string known[] = {"auto", "exact", "method"};
  if (!entry || std::find(std::begin(known), std::end(known), settings.matrix) != std::end(known)) {
    return;
  }
  const std::string near = nearest_name(settings.matrix, known);
  fail_at(source.file, entry->value.span, "matrix is \"" + settings.matrix + "\"",
          "\"exact\", \"method\" or \"auto\"",
          near.empty() ? "write one of them, or leave it out" : "did you mean \"" + near + "\"?");
}

void read_corrector(const ValueSource& source, const Entry& entry, const lang::Context& names,
                    mechanics::RunSettings& settings) {
  const std::int64_t n = read_integer(source, entry.value, "corrector", names);
  const std::vector<int> known = mechanics::corrector_orders();
  if (std::ranges::find(known, n) == known.end()) {
    fail_at(source.file, entry.value.span, "corrector is " + std::to_string(n),
            "the order of a symplectic corrector, 3, 5, 7, 11 or 17, or 0 for none",
            "write corrector = 11, or leave it out");
  }
  settings.corrector = static_cast<int>(n);
  settings.corrector_span = entry.value.span;
}

/// Two of dt, t_end and steps; for a map steps alone.
void read_times(const ValueSource& source, const Entry* dt, const Entry* t_end, const Entry* steps,
                const lang::Context& names, mechanics::RunSettings& settings) {
  if (steps) {
    settings.steps = read_integer(source, steps->value, "steps", names);
    if (settings.steps < 1 || settings.steps > kMaxSteps) {
      fail_at(source.file, steps->value.span, "steps is " + std::to_string(settings.steps),
              "a whole number from 1 to 2^53 = 9007199254740992",
              settings.steps < 1 ? "take at least one step" : "take fewer steps, or give t_end");
    }
  }
  double end = 0;
  if (t_end) {
    end = read_time(source, t_end->value, "t_end", names);
    if (!(end > 0)) {
      fail_at(source.file, t_end->value.span, "t_end is " + shortest(end), "a positive time",
              "to run backwards, turn the velocities round");
    }
  }
  if (dt) {
    settings.dt = read_time(source, dt->value, "dt", names);
    settings.dt_span = dt->value.span;
    if (!(settings.dt > 0)) {
      fail_at(source.file, dt->value.span, "dt is " + shortest(settings.dt), "a positive time step",
              "to run backwards, turn the velocities round");
    }
    if (t_end) settings.steps = steps_from(source, *t_end, end, *dt, settings.dt);
  } else if (!steps) {
    settings.dt = end;
  } else {
    settings.dt = end / static_cast<double>(settings.steps);
    settings.dt_span = t_end->value.span;
    if (!(settings.dt > 0)) {
      fail_at(source.file, steps->value.span, "t_end/steps is too small for a time step",
              "a time step above 0", "take fewer steps");
    }
  }
}

/// With an accuracy: t_end, or dt times steps of a file that has been given an accuracy from
/// outside.
void read_duration(const ValueSource& source, const Entry* dt, const Entry* t_end,
                   const Entry* steps, const lang::Context& names, mechanics::RunSettings& settings,
                   TableReader& table) {
  if (t_end) {
    read_times(source, nullptr, t_end, nullptr, names, settings);
    settings.duration = settings.dt;
  } else if (dt && steps) {
    read_times(source, dt, nullptr, steps, names, settings);
    settings.duration = settings.dt * static_cast<double>(settings.steps);
  } else {
    table.need("t_end", "t_end = 10.0");
  }
  settings.dt = 0;
  settings.steps = 0;
}

/// A map has no time: t counts its steps.
void read_map_steps(const ValueSource& source, TableReader& table, const Entry* dt,
                    const Entry* t_end, const Entry* steps, const lang::Context& names,
                    mechanics::RunSettings& settings) {
  if (const Entry* time = dt ? dt : t_end) {
    fail_at(source.file, time->key_span,
            "a [map] has no " + time->key + ": it is applied step by step",
            "steps alone; t is the number of the step", "write steps = 1000 in its place");
  }
  if (!steps) steps = table.need("steps", "steps = 1000");
  settings.dt = 1;
  settings.dt_span = steps->value.span;
  const Entry unit{"dt", steps->key_span, [] {
                     Node one;
                     one.kind = NodeKind::kInteger;
                     one.integer = 1;
                     return one;
                   }()};
  read_times(source, &unit, nullptr, steps, names, settings);
  settings.dt_span = steps->value.span;
}

}  // namespace

mechanics::RunSettings read_run(const ValueSource& source, const Node& run,
                                const lang::Context& names, std::uint32_t overrides_begin,
                                mechanics::Form form, std::vector<std::string>* set_aside) {
  TableReader table(
      source.file, run, "[run]",
      {"dt", "t_end", "steps", "method", "order", "precision", "compensated", "lattice", "accuracy",
       "tolerance", "splitting", "coordinates", "corrector", "modes", "matrix"});
  mechanics::RunSettings settings;
  const Entry* dt = table.get("dt");
  const Entry* t_end = table.get("t_end");
  const Entry* steps = table.get("steps");
  const Entry* method = table.get("method");
  const Entry* order = table.get("order");
  const Entry* precision = table.get("precision");
  const Entry* compensated = table.get("compensated");
  const Entry* lattice = table.get("lattice");
  const Entry* accuracy = table.get("accuracy");
  const Entry* tolerance = table.get("tolerance");
  const Entry* splitting = table.get("splitting");
  const Entry* coordinates = table.get("coordinates");
  const Entry* corrector = table.get("corrector");
  const Entry* modes = table.get("modes");
  const Entry* matrix = table.get("matrix");
  table.finish();
  // A key set from outside wins over what the file says about another.
  const auto outside = [&](const Entry* x) { return x && x->value.span.begin >= overrides_begin; };
  const Entry* const given[] = {dt, t_end, steps, accuracy, tolerance, order};
  if (accuracy && form != mechanics::Form::kMap) {
    give_way_to_accuracy(source, accuracy, dt, steps, tolerance, order, outside);
  }
  if (form == mechanics::Form::kMap) {
    read_map_steps(source, table, dt, t_end, steps, names, settings);
  } else if (accuracy) {
    read_duration(source, dt, t_end, steps, names, settings, table);
  } else {
    choose_two(source, dt, t_end, steps, overrides_begin);
    if (!dt && !(t_end && steps)) table.need("dt", "dt = 0.01");
    if (!t_end && !steps) table.need("t_end", "t_end = 10.0, or steps = 1000");
    read_times(source, dt, t_end, steps, names, settings);
  }
  const auto leave = [&](const Entry* x) {
    if (x && set_aside) set_aside->push_back(x->key);
  };
  const Entry* const taken[] = {dt, t_end, steps, accuracy, tolerance, order};
  for (std::size_t k = 0; k < std::size(given); ++k) {
    if (!taken[k]) leave(given[k]);
  }
  if (method) {
    if (method->value.kind != NodeKind::kString || method->value.string->empty()) {
      fail_at(source.file, method->value.span, "method is " + describe(method->value),
              "the name of a method in quotes, such as \"auto\"",
              "write method = \"auto\", or leave it out");
    }
    settings.method = *method->value.string;
    settings.method_span = method->value.span;
  }
  // A method set from outside leaves behind what the file says for another.
  using enum mechanics::MethodKey;
  const mechanics::MethodRow* row =
      outside(method) ? mechanics::method_row(settings.method) : nullptr;
  mechanics::RunSettings left;
  const auto into = [&](const Entry* x, mechanics::MethodKey key) -> mechanics::RunSettings& {
    const bool reads = !row || !x || outside(x) || row->reads(key);
    if (!reads) leave(x);
    return reads ? settings : left;
  };
  if (order) {
    const std::int64_t n = read_integer(source, order->value, "order", names);
    if (n < 1 || n > 100) {
      fail_at(source.file, order->value.span, "order is " + std::to_string(n),
              "an order of accuracy, such as 2, 4, 6 or 8", "write one of them, or leave it out");
    }
    mechanics::RunSettings& to = into(order, kOrder);
    to.order = static_cast<int>(n);
    to.order_span = order->value.span;
  }
  if (precision) read_precision(source, *precision, settings);
  if (compensated) {
    read_compensated(source, *compensated, settings);
    const bool has = mechanics::has_error_terms(settings.precision);
    if (!has && outside(precision) && !outside(compensated)) {
      settings.compensated.clear();
      leave(compensated);
    }
  }
  if (lattice && (settings.precision == "lattice" || !outside(precision) || outside(lattice))) {
    read_lattice(source, *lattice, names, settings);
  } else {
    leave(lattice);
  }
  if (accuracy) read_accuracy(source, *accuracy, names, settings);
  if (tolerance) read_tolerance(source, *tolerance, names, into(tolerance, kTolerance));
  if (corrector) read_corrector(source, *corrector, names, into(corrector, kCorrector));
  read_coordinates(source, coordinates, into(coordinates, kCoordinates));
  read_splitting(source, splitting, into(splitting, kSplitting));
  if (modes) read_modes(source, *modes, into(modes, kModes));
  read_matrix(source, matrix, into(matrix, kMatrix));
  return settings;
}

std::optional<std::int64_t> parse_bytes(std::string_view text) {
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || !(number >= 0)) return {};
  std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
  while (!unit.empty() && unit.front() == ' ') unit.remove_prefix(1);
  constexpr std::string_view kUnits[] = {"", "K", "M", "G", "T"};
  double factor = 1, binary = 1;
  for (const std::string_view prefix : kUnits) {
    const std::string p(prefix);
    const bool plain = prefix.empty() && (unit.empty() || unit == "B");
    const bool thousands = unit == p + "B" || (prefix == "K" && unit == "kB");
    if (plain || thousands || unit == p + "iB") {
      const double bytes = number * (plain || thousands ? factor : binary);
      if (!(bytes <= 0x1p62)) return {};
      return static_cast<std::int64_t>(bytes);
    }
    factor *= 1000, binary *= 1024;
  }
  return {};
}

mechanics::GradientSettings read_gradient(const ValueSource& source, const Node& gradient,
                                          const lang::Context& names) {
  TableReader table(source.file, gradient, "[gradient]",
                    {"policy", "budget", "tolerance", "horizon"});
  mechanics::GradientSettings settings;
  if (const Entry* policy = table.get("policy")) {
    const std::vector<std::string> known = mechanics::gradient_policy_names();
    const bool text = policy->value.kind == NodeKind::kString;
    if (!text || std::find(known.begin(), known.end(), *policy->value.string) == known.end()) {
      const std::string near = text ? nearest_name(*policy->value.string, known) : "";
      fail_at(source.file, policy->value.span,
              "policy is " +
                  (text ? "\"" + *policy->value.string + "\"" : describe(policy->value)) +
                  (near.empty() ? "" : "; did you mean \"" + near + "\"?"),
              "\"" + join(known, "\", \"") + "\"", "write one of them, or leave it out");
    }
    settings.policy = *policy->value.string;
    settings.policy_span = policy->value.span;
  }
  if (const Entry* budget = table.get("budget")) {
    const Node& node = budget->value;
    std::optional<std::int64_t> bytes;
    if (node.kind == NodeKind::kString && !node.string->starts_with("=")) {
      bytes = parse_bytes(*node.string);
    } else {
      bytes = read_integer(source, node, "budget", names);
    }
    if (!bytes || *bytes < 1) {
      fail_at(source.file, node.span, "budget is " + describe(node),
              "bytes: a whole number from 1, or a text such as \"10 MB\" or \"1 GiB\"",
              "write budget = \"256 MiB\", or leave it out");
    }
    settings.budget = *bytes;
    settings.budget_span = node.span;
  }
  if (const Entry* tolerance = table.get("tolerance")) {
    settings.drift_tolerance = read_real(source, tolerance->value, "tolerance", names);
    if (!(settings.drift_tolerance >= 0)) {
      fail_at(source.file, tolerance->value.span,
              "tolerance is " + shortest(settings.drift_tolerance),
              "how far an undone state may be from the one that was there, relative to its size",
              "write tolerance = 1e-6, or leave it out");
    }
  }
  if (const Entry* horizon = table.get("horizon")) {
    if (horizon->value.kind != NodeKind::kBoolean) {
      fail_at(source.file, horizon->value.span, "horizon is " + describe(horizon->value),
              "true or false: whether the digits that are left are measured",
              "write horizon = false, or leave it out");
    }
    settings.horizon = horizon->value.integer != 0;
  }
  table.finish();
  return settings;
}

}  // namespace cotangent::formats
