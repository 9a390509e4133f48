#include "cotangent/formats/units_table.h"

#include <algorithm>
#include <cmath>

#include "cotangent/base/text.h"
#include "cotangent/formats/table_reader.h"
#include "cotangent/formats/values.h"
#include "cotangent/ir/builder.h"

namespace cotangent::formats {
namespace {

using lang::Base;
using lang::Dimension;
using lang::DimensionTerm;

/// A text that is no "= expr", or a table with a unit, anywhere in a value.
bool has_unit(const Node& node) {
  if (node.kind == NodeKind::kString) return !is_computed(*node.string);
  if (node.kind == NodeKind::kTable) return node.find("unit") || node.find("value");
  return std::any_of(node.items.begin(), node.items.end(), has_unit);
}

bool table_has_unit(const Node& root, const char* table, std::initializer_list<const char*> only) {
  const Entry* found = root.find(table);
  if (!found || found->value.kind != NodeKind::kTable) return false;
  return std::any_of(
      found->value.entries.begin(), found->value.entries.end(), [&](const Entry& entry) {
        const bool wanted =
            only.size() == 0 || std::find(only.begin(), only.end(), entry.key) != only.end();
        return wanted && has_unit(entry.value);
      });
}

/// [units] keys, what they must be units of.
struct Key {
  const char* name;
  Dimension dimension;
  const char* example;
};

const std::vector<Key>& keys() {
  static const std::vector<Key> all = {
      {"length", lang::length_dimension(), "AU"},
      {"mass", lang::mass_dimension(), "Msun"},
      {"time", lang::time_dimension(), "day"},
      {"current", lang::dimension(0, 0, 0, 1), "A"},
      {"charge", lang::dimension(0, 0, 1, 1), "e"},
      {"temperature", lang::dimension(0, 0, 0, 0, 1), "K"},
      {"velocity", lang::velocity_dimension(), "km/s"},
      {"energy", lang::energy_dimension(), "kcal/mol"},
  };
  return all;
}

}  // namespace

// --- [units]

bool FileUnits::wanted(const Node& root) {
  if (root.find("units")) return true;
  if (table_has_unit(root, "parameters", {}) || table_has_unit(root, "initial", {}) ||
      table_has_unit(root, "run", {"dt", "t_end"})) {
    return true;
  }
  if (const Entry* ensemble = root.find("ensemble")) {
    const Entry* spread = ensemble->value.find("spread");
    const auto law_has_unit = [](const Entry& law) { return has_unit(law.value); };
    if (spread && std::ranges::any_of(spread->value.entries, [&](const Entry& e) {
          return std::ranges::any_of(e.value.entries, law_has_unit);
        })) {
      return true;
    }
  }
  const Entry* observe = root.find("observe");
  return observe && observe->value.kind == NodeKind::kTable &&
         std::any_of(observe->value.entries.begin(), observe->value.entries.end(),
                     [](const Entry& e) { return e.value.find("unit") != nullptr; });
}

FileUnits::FileUnits(SourcePtr file, const Node& root, const lang::Context& names)
    : file_(std::move(file)), dimensions_(names), q_{lang::length_dimension()} {
  if (const Entry* units = root.find("units")) read_table(units->value);
  dimensions_.set("t", lang::time_dimension());
}

lang::Unit FileUnits::unit_of(const Node& node, const std::string& what) {
  if (node.kind != NodeKind::kString) {
    fail_at(file_, node.span, what + " is " + describe(node), "a unit in quotes, such as \"kg\"",
            "put it in quotes");
  }
  return lang::parse_unit(string_text(file_, node));
}

void FileUnits::read_table(const Node& table) {
  std::vector<std::string> known{"q"};
  for (const Key& key : keys()) known.emplace_back(key.name);
  TableReader reader(file_, table, "[units]", known);
  struct Given {
    const Entry* entry;
    lang::Unit unit;
    std::string label;
  };
  const auto take = [&](const char* name) -> std::optional<Given> {
    const Entry* entry = reader.get(name);
    if (!entry) return std::nullopt;
    const Key& key = *std::find_if(keys().begin(), keys().end(),
                                   [&](const Key& k) { return k.name == entry->key; });
    const lang::Unit unit = unit_of(entry->value, "'" + entry->key + "'");
    if (!(unit.dimension == key.dimension)) {
      fail_at(file_, entry->value.span,
              "\"" + *entry->value.string + "\" is a unit of " + lang::words(unit.dimension),
              "a unit of " + std::string(key.name),
              "write " + entry->key + " = \"" + key.example + "\"");
    }
    return Given{entry, unit, lang::printable(*entry->value.string)};
  };
  const auto either = [&](const std::optional<Given>& a, const std::optional<Given>& b,
                          const char* why) {
    if (a && b) {
      fail_at(file_, b->entry->key_span, "[units] has " + a->entry->key + " and " + b->entry->key,
              why, "remove one of them");
    }
  };
  const auto length = take("length"), mass = take("mass"), time = take("time");
  const auto current = take("current"), charge = take("charge"), temperature = take("temperature");
  const auto velocity = take("velocity"), energy = take("energy");
  either(time, velocity, "length and velocity give the unit of time");
  either(mass, energy, "length, time and energy give the unit of mass");
  either(current, charge, "charge and time give the unit of current");
  if (length) working_.set(Base::kLength, length->unit, length->label);
  if (time) working_.set(Base::kTime, time->unit, time->label);
  if (velocity) working_.set_velocity(velocity->unit, velocity->label);
  if (mass) working_.set(Base::kMass, mass->unit, mass->label);
  if (energy) working_.set_energy(energy->unit, energy->label);
  if (current) working_.set(Base::kCurrent, current->unit, current->label);
  if (charge) working_.set_charge(charge->unit, charge->label);
  if (temperature) working_.set(Base::kTemperature, temperature->unit, temperature->label);
  if (const Entry* q = reader.get("q")) read_q(q->value);
  reader.finish();
}

/// "rad", or one a coordinate. It says a dimension; its size must be the working system's.
void FileUnits::read_q(const Node& node) {
  std::vector<const Node*> nodes{&node};
  if (node.kind == NodeKind::kArray) {
    nodes.clear();
    for (const Node& item : node.items) nodes.push_back(&item);
    if (nodes.empty()) {
      fail_at(file_, node.span, "'q' is an empty array", "one unit, or one a coordinate",
              "write q = \"rad\", or leave it out for a length");
    }
  }
  q_.clear();
  for (const Node* each : nodes) {
    const lang::Unit unit = unit_of(*each, "'q'");
    if (working_.convert(1, unit) != 1) {
      fail_at(file_, each->span,
              "\"" + *each->string + "\" is not the unit of " + lang::words(unit.dimension) +
                  " of this file, which is \"" + working_.label(unit.dimension) + "\"",
              "q says what kind of quantity the coordinates are",
              "write \"" + working_.label(unit.dimension) +
                  "\" here, and give values their own unit, as in \"30 deg\"");
    }
    q_.emplace_back(unit.dimension);
  }
  q_given_ = true;
}

// --- what values are made of

void FileUnits::met_bare(SourceSpan span, std::int64_t count, bool zero) {
  datum_.count += count;
  if (!zero && !datum_.bare) datum_.bare = span;
}

double FileUnits::met_quantity(const lang::SourceText& text, SourceSpan span,
                               const std::string& what) {
  const lang::Quantity q = lang::parse_quantity(text, what);
  const double value = working_.convert(q.number, q.unit);
  if (!std::isfinite(value) || (value == 0) != (q.number == 0)) {
    fail_at(file_, span,
            what + " is " + shortest(value) + " in " + working_.label(q.unit.dimension) +
                ", the unit of this file",
            "a number between 1e-308 and 1e308", "choose larger or smaller units in [units]");
  }
  std::string unit = text.text.substr(q.unit_begin);
  while (!unit.empty() && unit.back() == ' ') unit.pop_back();
  datum_.leaves.push_back({datum_.count, span, q.unit.dimension, std::move(unit), false});
  datum_.count += 1;
  return value;
}

void FileUnits::met_computed(const lang::Expression& expression, SourceSpan span,
                             const lang::Context& names, std::int64_t count) {
  const std::vector<std::string> used = lang::free_names(names, expression);
  const bool parameters = std::any_of(used.begin(), used.end(), [&](const std::string& name) {
    return names.parameter(name) != nullptr;
  });
  // Numbers alone are a number: what they are a number of is settled as for any bare one.
  if (!parameters) return met_bare(span, count);
  datum_.leaves.push_back({datum_.count, span, dimensions_.infer(expression), "", count != 1});
  datum_.count += count;
}

double FileUnits::met_unit(const Node& node, SourceSpan span) {
  const lang::Unit unit = unit_of(node, "'unit'");
  // The numbers inside have no units of their own: they have been met as bare.
  if (!datum_.leaves.empty()) {
    fail_at(file_, datum_.leaves.front().span,
            "a value with a unit of its own stands inside one with a unit",
            "plain numbers beside 'unit'", "remove one of the units");
  }
  datum_.bare.reset();
  datum_.leaves.push_back({0, span, unit.dimension, *node.string, true});
  return working_.convert(1, unit);
}

ir::Tensor FileUnits::read(const ValueSource& source, const Node& node, const std::string& what,
                           const lang::Context& names) {
  datum_ = {};
  reading_ = true;
  ir::Tensor x = read_numbers(source, node, what, names);
  reading_ = false;
  refuse_mixed(what);
  return x;
}

/// "[\"1 g\", 2]" leaves open what 2 is.
void FileUnits::refuse_mixed(const std::string& what) const {
  if (!datum_.bare || datum_.leaves.empty()) return;
  const bool quantity = std::any_of(datum_.leaves.begin(), datum_.leaves.end(),
                                    [](const Leaf& leaf) { return !leaf.unit.empty(); });
  if (!quantity) return;
  fail_at(file_, *datum_.bare, what + " has numbers with a unit and this one without",
          "units for all of them (0 needs none)",
          "give it its unit, or write {value = [...], unit = \"kg\"}");
}

std::string FileUnits::place(SourceSpan span) const {
  const LineColumn at = line_column(*file_, span.begin);
  return file_->name + ":" + std::to_string(at.line) + ":" + std::to_string(at.column);
}

void FileUnits::expect(const Leaf& leaf, const DimensionTerm& wanted, const std::string& what,
                       const std::string& remedy) {
  if (dimensions_.unify(leaf.dimension, wanted, place(leaf.span))) return;
  fail_at(file_, leaf.span,
          what + " is " + (leaf.unit.empty() ? "worked out to" : "given in " + leaf.unit + ",") +
              " " + dimensions_.words(leaf.dimension),
          dimensions_.words(wanted),
          !remedy.empty()                           ? remedy
          : !dimensions_.settled(wanted).is_known() ? "give all of them units of one kind"
          : label(wanted) == "1" ? "write a plain number, or an angle, as in \"30 deg\""
                                 : "write it in a unit such as " + label(wanted));
}

ir::Tensor FileUnits::read_parameter(const ValueSource& source, const Node& node,
                                     const std::string& name, const lang::Context& names) {
  const std::string what = "parameter '" + name + "'";
  ir::Tensor x = read(source, node, what, names);
  DimensionTerm d;
  if (datum_.leaves.empty()) {
    d = dimensions_.unknown(name);
  } else {
    d = datum_.leaves[0].dimension;
    for (const Leaf& leaf : datum_.leaves) expect(leaf, d, what);
    if (datum_.bare) {  // numbers beside computed values: of the same kind
      d = dimensions_.settled(d);
    }
  }
  std::optional<lang::Rational> constant;
  if (x.type().dtype == DType::kI64 && x.type().is_scalar()) {
    constant = lang::rational_of(static_cast<double>(x.integer(0)));
  }
  dimensions_.set(name, d, constant);
  parameters_.push_back(name);
  return x;
}

/// The dimension of q: what [units] says, else what its values say, else length.
void FileUnits::settle_q(const Node& node, std::int64_t entries) {
  if (q_given_) {
    if (q_.size() > 1 && static_cast<std::int64_t>(q_.size()) != entries) {
      fail_at(file_, node.span,
              "q has " + std::to_string(entries) + " entries, and [units] q has " +
                  std::to_string(q_.size()) + " units",
              "a unit for all, or one a coordinate", "bring them to one number");
    }
    return;
  }
  std::vector<const Leaf*> known;
  for (const Leaf& leaf : datum_.leaves) {
    if (dimensions_.settled(leaf.dimension).is_known()) known.push_back(&leaf);
  }
  q_guessed_ = known.empty() && entries > 0;
  if (known.empty()) return;
  const auto same = [&](const Leaf* leaf) {
    return dimensions_.settled(leaf->dimension).known ==
           dimensions_.settled(known[0]->dimension).known;
  };
  q_ = {dimensions_.settled(known[0]->dimension)};
  if (std::all_of(known.begin(), known.end(), same)) return;
  // Coordinates of several kinds: each says its own.
  if (entries == datum_.count && static_cast<std::int64_t>(known.size()) == entries) {
    q_.clear();
    for (const Leaf* leaf : known) q_.push_back(dimensions_.settled(leaf->dimension));
  }
}

ir::Tensor FileUnits::read_state(const ValueSource& source, const Node& node,
                                 const std::string& name, const lang::Context& names) {
  ir::Tensor x = read(source, node, "'" + name + "'", names);
  const Shape shape = x.type().shape;
  const std::int64_t entries = shape.rank() == 1 ? shape[0] : 0;  // of particles: all alike
  if (name == "q") {
    settle_q(node, entries);
    for (const DimensionTerm& q : q_) {
      p_.push_back(DimensionTerm(lang::action_dimension()) / q);
      v_.push_back(q / lang::time_dimension());
    }
    const auto set = [&](const char* symbol, const std::vector<DimensionTerm>& d) {
      d.size() == 1 ? dimensions_.set(symbol, d[0]) : dimensions_.set_entries(symbol, d);
    };
    set("q", q_), set("p", p_), set("v", v_);
  }
  const std::vector<DimensionTerm>& wanted = name == "q" ? q_ : name == "p" ? p_ : v_;
  for (const Leaf& leaf : datum_.leaves) {
    const auto k = static_cast<std::size_t>(leaf.index);
    if (!leaf.whole && wanted.size() > 1) {
      if (k < wanted.size()) expect(leaf, wanted[k], "'" + name + "[" + std::to_string(k) + "]'");
      continue;
    }
    for (const DimensionTerm& each : wanted) expect(leaf, each, "'" + name + "'");
  }
  return x;
}

double FileUnits::read_real(const ValueSource& source, const Node& node, const std::string& what,
                            const lang::Context& names, const Dimension& dimension) {
  datum_ = {};
  reading_ = true;
  const double x = formats::read_real(source, node, what, names);
  reading_ = false;
  for (const Leaf& leaf : datum_.leaves) expect(leaf, dimension, what);
  return x;
}

// --- expressions

template <class Check>
auto FileUnits::with_hint(const Check& check) const {
  try {
    return check();
  } catch (const UserError& error) {
    if (!q_guessed_) throw;
    ErrorParts parts = error.parts();
    parts.remedy +=
        "; q has no unit and is taken for lengths: if it is an angle, say so, "
        "[units] q = \"rad\"";
    throw UserError(std::move(parts));
  }
}

std::vector<DimensionTerm> FileUnits::dimensions_of(const SpreadPart& part) const {
  const std::vector<DimensionTerm>* all = nullptr;
  for (const Array& a : arrays_) {
    if (a.name == part.name) all = &a.dimensions;
  }
  if (arrays_.empty()) {
    if (part.name == "q") all = &q_;
    if (part.name == "p") all = &p_;
    if (part.name == "v") all = &v_;
  }
  if (!all) return {*dimensions_.find(part.name)};
  if (all->size() == 1) return *all;
  return {all->begin() + part.begin, all->begin() + part.end};
}

ir::Tensor FileUnits::read_spread(const ValueSource& source, const Node& node,
                                  const SpreadPart& part, const lang::Context& names) {
  ir::Tensor x = read(source, node, "'" + part.law + "'", names);
  const std::int64_t entries = part.end - part.begin;
  const bool each_same = part.each_same || x.type().is_scalar();
  if (!each_same && x.size() % entries != 0) return x;
  const std::vector<DimensionTerm> wanted =
      part.relative ? std::vector<DimensionTerm>{Dimension()} : dimensions_of(part);
  const auto check = [&](const Leaf& leaf, std::size_t k) {
    const std::string of =
        wanted.size() > 1
            ? part.name + "[" + std::to_string(part.begin + static_cast<std::int64_t>(k)) + "]"
            : part.name;
    expect(leaf, wanted[k], "'" + part.law + "' of '" + of + "'",
           part.relative ? "write a plain number, or \"5 %\"; with a unit it is normal = ..." : "");
  };
  with_hint([&] {
    for (const Leaf& leaf : datum_.leaves) {
      if (wanted.size() == 1) {
        check(leaf, 0);
      } else if (leaf.whole || each_same) {
        for (std::size_t k = 0; k < wanted.size(); ++k) check(leaf, k);
      } else {
        check(leaf, static_cast<std::size_t>(leaf.index % entries));
      }
    }
  });
  return x;
}

void FileUnits::check_energy(const std::string& name, const lang::Expression& expression) {
  with_hint([&] {
    return dimensions_.expect(expression, lang::energy_dimension(),
                              "the energy term '" + name + "'");
  });
}

ir::FunctionPtr FileUnits::check_observable(const std::string& name,
                                            const lang::Expression& expression, const Node* unit,
                                            ir::FunctionPtr value) {
  const DimensionTerm d = with_hint([&] { return dimensions_.infer(expression); });
  observables_.emplace_back(name, d);
  if (!unit) return value;
  const lang::Unit wanted = unit_of(*unit, "'unit'");
  if (!dimensions_.unify(d, wanted.dimension, place(unit->span))) {
    fail_at(file_, unit->span,
            "the observable '" + name + "' has the dimension " + dimensions_.words(d),
            "\"" + *unit->string + "\" is a unit of " + lang::words(wanted.dimension),
            dimensions_.settled(d).is_known() ? "write a unit such as \"" + label(d) + "\""
                                              : "choose another unit");
  }
  own_units_.emplace_back(name, lang::printable(*unit->string));
  const auto factor = static_cast<double>(working_.factor(wanted.dimension) / wanted.factor);
  if (factor == 1) return value;
  ir::Builder b(value->name());
  std::vector<ir::Value> arguments;
  for (std::size_t k = 0; k < value->params().size(); ++k) {
    arguments.push_back(b.param(value->param_type(k), value->param_names()[k]));
  }
  const ir::Value x = b.inline_call(*value, arguments)[0];
  return b.finish({b.scale(b.constant(factor), x)});
}

std::string FileUnits::label(const DimensionTerm& dimension) const {
  const DimensionTerm d = dimensions_.settled(dimension);
  return d.is_known() ? working_.label(d.known) : "";
}

UnitLabels FileUnits::labels() const {
  UnitLabels all;
  all.given = true;
  all.t = working_.label(lang::time_dimension());
  all.energy = working_.label(lang::energy_dimension());
  all.angular_momentum = working_.label(lang::action_dimension());
  for (const Array& a : arrays_) {
    std::vector<std::string> texts;
    for (const DimensionTerm& d : a.dimensions) texts.push_back(label(d));
    all.arrays.emplace_back(a.name, std::move(texts));
  }
  if (!arrays_.empty()) return with_names(std::move(all));
  for (const DimensionTerm& d : q_) all.q.push_back(label(d));
  for (const DimensionTerm& d : p_) all.p.push_back(label(d));
  for (const DimensionTerm& d : v_) all.v.push_back(label(d));
  return with_names(std::move(all));
}

UnitLabels FileUnits::with_names(UnitLabels all) const {
  for (const std::string& name : parameters_) {
    all.parameters.emplace_back(name, label(*dimensions_.find(name)));
  }
  for (const auto& [name, d] : observables_) {
    const auto own = std::find_if(own_units_.begin(), own_units_.end(),
                                  [&](const auto& each) { return each.first == name; });
    all.observables.emplace_back(name, own == own_units_.end() ? label(d) : own->second);
  }
  return all;
}

}  // namespace cotangent::formats
