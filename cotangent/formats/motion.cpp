#include "cotangent/formats/motion.h"

#include <algorithm>

#include "cotangent/base/text.h"
#include "cotangent/formats/expressions.h"
#include "cotangent/formats/programs.h"
#include "cotangent/formats/table_reader.h"
#include "cotangent/formats/units_table.h"
#include "cotangent/ir/builder.h"
#include "cotangent/lang/names.h"
#include "cotangent/mechanics/lie_algebra.h"
#include "cotangent/transform/derivatives.h"

namespace cotangent::formats {
namespace {

using mechanics::Form;
using mechanics::Structure;

struct KindName {
  const char* name;
  Form form;
  Structure::Kind kind;
};
constexpr KindName kKinds[] = {
    {"canonical", Form::kCanonical, Structure::Kind::kPoisson},
    {"poisson", Form::kBracket, Structure::Kind::kPoisson},
    {"lie_poisson", Form::kBracket, Structure::Kind::kPoisson},
    {"metriplectic", Form::kBracket, Structure::Kind::kMetriplectic},
    {"contact", Form::kBracket, Structure::Kind::kContact},
};

const KindName& kind_named(const SourcePtr& file, const Node& structure) {
  TableReader table(file, structure, "[structure]", {"kind", "algebra", "J", "metric", "entropy"});
  const Node& value = table.need("kind", "kind = \"lie_poisson\"")->value;
  std::vector<std::string> known;
  for (const KindName& k : kKinds) known.emplace_back(k.name);
  if (value.kind == NodeKind::kString) {
    for (const KindName& k : kKinds) {
      if (*value.string == k.name) return k;
    }
  }
  const std::string near =
      value.kind == NodeKind::kString ? nearest_name(*value.string, known) : std::string();
  fail_at(file, value.span,
          "kind is " +
              (value.kind == NodeKind::kString ? "\"" + *value.string + "\"" : describe(value)),
          "\"" + join(known, "\", \"") + "\"",
          near.empty() ? "write one of them" : "did you mean \"" + near + "\"?");
}

/// The name of an array of the state; only [initial] gives q, p, v and z a meaning of their own.
void check_array_name(const SourcePtr& file, const Entry& entry, const lang::Context& names) {
  const auto refuse = [&](const std::string& what, const std::string& why) {
    fail_at(file, entry.key_span, "'" + entry.key + "' " + what, why, "choose another name");
  };
  const std::string& name = entry.key;
  if (!lang::is_name(name)) {
    refuse("cannot name a part of the state",
           "ASCII letters, digits and '_', not beginning with a digit, at most 64");
  }
  const bool symbol = name == "q" || name == "p" || name == "v" || name == "z";
  if (lang::is_reserved(name) && !symbol) {
    refuse("is reserved and cannot name a part of the state", "a name of your own");
  }
  const char* const one = "one meaning a name";
  if (names.parameter(name)) refuse("is a parameter and a part of the state", one);
  if (names.definition(name)) refuse("is a definition and a part of the state", one);
  for (const lang::Definition& d : names.definitions()) {
    for (const std::string& argument : d.parameters) {
      if (argument == name) {
        fail_at(file, d.span, "the argument '" + name + "' has the name of a part of the state",
                "a name that nothing else has", "rename it");
      }
    }
  }
}

void append(const ValueSource& source, const Entry& entry, const lang::Context& names,
            std::vector<mechanics::StateArray>& arrays, std::vector<double>& x) {
  const ir::Tensor value =
      as_real(source.units ? source.units->read_array(source, entry.value, entry.key, names)
                           : read_numbers(source, entry.value, "'" + entry.key + "'", names));
  const auto values = value.as<double>();
  const std::uint64_t bytes = 8 * (static_cast<std::uint64_t>(x.size()) + values.size());
  if (bytes > source.limits.state_bytes) {
    fail_at(source.file, entry.value.span,
            "the state would take " + std::to_string(bytes) + " bytes",
            "at most " + std::to_string(source.limits.state_bytes), "a smaller system");
  }
  x.insert(x.end(), values.begin(), values.end());
  arrays.push_back({entry.key, value.type().shape, entry.value.span});
}

/// x = q, p, s.
void append_contact(const ValueSource& source, const Node& node, const lang::Context& names,
                    std::vector<mechanics::StateArray>& arrays, std::vector<double>& x) {
  TableReader initial(source.file, node, "[initial]", {"q", "p", "s"});
  const Entry& q = *initial.need("q", "q = [1.0]");
  const Entry& p = *initial.need("p", "p = [0.0], shaped like q");
  const Entry* s = initial.get("s");
  initial.finish();
  for (const Entry* entry : {&q, &p}) append(source, *entry, names, arrays, x);
  if (arrays[1].shape != arrays[0].shape) {
    fail_at(source.file, p.value.span,
            "'p' has the shape " + arrays[1].shape.text() + ", q has " + arrays[0].shape.text(),
            "one shape for both", "give 'p' as many numbers as q, in the same rows");
  }
  if (!s) {
    arrays.push_back({"s", Shape{}, q.value.span});
    x.push_back(0);
    if (source.units) {
      source.units->scalar_array("s", lang::action_dimension());
      source.units->settle_contact(p.value.span);
    }
    return;
  }
  check_array_name(source.file, *s, names);
  append(source, *s, names, arrays, x);
  if (arrays[2].shape.rank() != 0) {
    fail_at(source.file, s->value.span, "'s' is an array " + arrays[2].shape.text(), "one number",
            "write one number, without brackets");
  }
  if (source.units) source.units->settle_contact(p.value.span);
}

void append_z(const ValueSource& source, const Node& node, const lang::Context& names,
              std::vector<mechanics::StateArray>& arrays, std::vector<double>& x) {
  TableReader initial(source.file, node, "[initial]", {"z"});
  const Entry& z = *initial.need("z", "z = [1.0, 0.0, 0.2]");
  initial.finish();
  append(source, z, names, arrays, x);
  if (arrays[0].shape.rank() != 1) {
    fail_at(source.file, z.value.span, "'z' has the shape " + arrays[0].shape.text(),
            "[n]: the numbers that J is a matrix over", "write them in one row");
  }
}

}  // namespace

MotionKind read_motion_kind(const SourcePtr& file, const Node& root) {
  const Entry* energy = root.find("energy");
  const Entry* equations = root.find("equations");
  const Entry* map = root.find("map");
  const Entry* structure = root.find("structure");
  const auto refuse_two = [&](const Entry& a, const Entry& b) {
    const Entry& later = a.key_span.begin < b.key_span.begin ? b : a;
    fail_at(file, later.key_span,
            "[" + a.key + "] and [" + b.key + "] both say how the state moves",
            "one of [energy], [equations] and [map]", "remove one of them");
  };
  if (energy && equations) refuse_two(*energy, *equations);
  if (energy && map) refuse_two(*energy, *map);
  if (equations && map) refuse_two(*equations, *map);
  if (const Entry* motion = equations ? equations : map) {
    for (const char* name : {"structure", "multirate"}) {
      if (const Entry* other = root.find(name)) {
        fail_at(file, other->key_span,
                "[" + other->key + "] is about [energy], and this file has [" + motion->key + "]",
                "energy terms", "remove it, or give the energy");
      }
    }
    return {equations ? Form::kEquations : Form::kMap, {}, "[" + motion->key + "]"};
  }
  if (!structure) return {Form::kCanonical, {}, "[energy]"};
  const KindName& kind = kind_named(file, structure->value);
  return {kind.form, kind.kind, "[energy]"};
}

PackedState read_packed_state(const ValueSource& source, const Node& initial,
                              const lang::Context& names, const MotionKind& kind) {
  PackedState state;
  std::vector<double> x;
  if (kind.form == Form::kBracket && kind.structure == Structure::Kind::kContact) {
    append_contact(source, initial, names, state.arrays, x);
  } else if (kind.form == Form::kBracket) {
    append_z(source, initial, names, state.arrays, x);
  } else {
    if (initial.entries.empty()) {
      fail_at(source.file, initial.span, "[initial] is empty",
              "where each array of " + kind.table + " starts", "write x = 1.0");
    }
    for (const Entry& entry : initial.entries) {
      check_array_name(source.file, entry, names);
      append(source, entry, names, state.arrays, x);
    }
  }
  state.x = ir::Tensor::of<double>(Shape{static_cast<std::int64_t>(x.size())}, x);
  return state;
}

ir::FunctionPtr read_rate(const ValueSource& source, const Entry& table,
                          const lang::Context& names) {
  const SourcePtr& file = source.file;
  FileUnits* const units = source.units;
  const std::string shown = "[" + table.key + "]";
  if (has_program(table.value) && !names.state_shape("program")) {
    return read_program(source, table.value, shown, names, Takes::kState,
                        Shape{names.packed_size()});
  }
  const TableReader check(file, table.value, shown);
  const auto rules = read_array_rules(file, table.value, names.arrays(), shown);
  for (std::size_t k = 0; k < rules.size(); ++k) {
    if (!rules[k].parts.empty()) continue;
    const std::string& name = names.arrays()[k].name;
    fail_at(file, table.value.span, "'" + name + "' has no rule in " + shown,
            "one for each array of [initial]",
            "add " + name + " = \"...\"; what does not move belongs in [parameters]");
  }
  const bool map = table.key == "map";
  ir::FunctionPtr rate = lang::trace_packed(names, map ? "map" : "rate", rules);
  if (units) {
    units->check_rules(rules, map ? lang::DimensionTerm() : lang::time_dimension(),
                       map ? "the map" : "the rate");
  }
  return rate;
}

namespace {

/// J of a named algebra, whose dimension the state has.
ir::FunctionPtr algebra_matrix(const SourcePtr& file, const Node& node, std::int64_t size,
                               const std::vector<mechanics::Parameter>& parameters,
                               std::string& name) {
  const std::vector<std::string> known = mechanics::algebra_names();
  const bool text = node.kind == NodeKind::kString;
  const mechanics::LieAlgebra* algebra = text ? mechanics::algebra_named(*node.string) : nullptr;
  if (!algebra) {
    const std::string near = text ? nearest_name(*node.string, known) : std::string();
    fail_at(file, node.span, "algebra is " + (text ? "\"" + *node.string + "\"" : describe(node)),
            "\"" + join(known, "\", \"") + "\", or J = [[...]] in its place",
            near.empty() ? "write one of them, or give the matrix J"
                         : "did you mean \"" + near + "\"?");
  }
  if (algebra->dimension() != size) {
    fail_at(file, node.span,
            "z has " + std::to_string(size) + (size == 1 ? " number" : " numbers") + ", and " +
                algebra->name + " has " + std::to_string(algebra->dimension()) + ": " +
                join(algebra->basis, ", "),
            "one for each element of its basis", "give z in [initial] as many numbers");
  }
  name = algebra->name;
  return mechanics::lie_poisson_matrix(*algebra, parameters);
}

}  // namespace

mechanics::Structure read_structure(const ValueSource& source, const Entry& entry,
                                    const lang::Context& names, const MotionKind& kind,
                                    const std::vector<mechanics::Parameter>& parameters) {
  const SourcePtr& file = source.file;
  FileUnits* const units = source.units;
  mechanics::Structure structure;
  structure.kind = kind.structure;
  structure.span = entry.value.span;
  TableReader table(file, entry.value, "[structure]");
  table.get("kind");
  if (kind.structure == Structure::Kind::kContact) {
    table.finish();
    return structure;
  }
  const std::int64_t n = names.packed_size();
  const auto matrix = [&](const Entry& given, const std::string& name,
                          const lang::DimensionTerm& per) {
    if (has_program(given.value)) {
      return read_program(source, given.value, name, names, Takes::kState, Shape{n, n});
    }
    const auto text = read_array_text(file, given.value, name, Shape{n, n});
    ir::FunctionPtr traced = lang::trace_arrays(names, name, {&text, 1});
    if (units) units->check_matrix(text, per, "'" + name + "'");
    return traced;
  };
  const Entry* algebra = table.get("algebra");
  const Entry* j = algebra ? table.get("J")
                           : table.need("J",
                                        "J = [[0, \"-z[2]\", \"z[1]\"], ...], or the name of "
                                        "an algebra, algebra = \"so3\"");
  if (algebra && j) {
    fail_at(file, j->key_span, "[structure] has both algebra and J", "one of them: each gives J",
            "remove one");
  }
  structure.span = (algebra ? algebra : j)->value.span;
  structure.poisson = algebra
                          ? algebra_matrix(file, algebra->value, n, parameters, structure.algebra)
                          : matrix(*j, "J", lang::action_dimension());
  if (units && algebra) {
    units->check_algebra(*mechanics::algebra_named(structure.algebra), algebra->value.span);
  }
  if (kind.structure == Structure::Kind::kMetriplectic) {
    const Entry& metric = *table.need("metric", "metric = [[\"1\", \"0\"], ...]");
    const Node& given = table.need("entropy", "entropy = \"z[2]\"")->value;
    structure.metric_span = metric.value.span;
    if (has_program(given)) {
      structure.entropy = read_program(source, given, "the entropy", names, Takes::kState, Shape{});
      structure.entropy_span = given.span;
      structure.metric = matrix(metric, "metric", {});
      table.finish();
      return structure;
    }
    const auto entropy = read_expression(file, given, "the entropy");
    structure.entropy = lang::trace_energy(names, "entropy", *entropy, "the entropy");
    structure.entropy_span = entropy->source().whole();
    // G grad S is z over time.
    const lang::DimensionTerm of_entropy =
        units ? units->check_entropy(*entropy) : lang::DimensionTerm();
    structure.metric = matrix(metric, "metric", of_entropy * lang::time_dimension());
  }
  table.finish();
  return structure;
}

namespace {

/// (q, p, t, parameters...) -> (dq, dp), dp = -(d dq/dq)^T p: what moving q does to momenta.
ir::FunctionPtr lifted(const ir::Function& dq) {
  const ir::FunctionPtr pull = transform::vjp(dq, {0});
  ir::Builder b(dq.name());
  std::vector<ir::Value> arguments;
  for (std::size_t k = 0; k < dq.params().size(); ++k) {
    arguments.push_back(b.param(dq.param_type(k), dq.param_names()[k]));
  }
  arguments.push_back(arguments[1]);
  const auto both = b.inline_call(*pull, arguments);
  return b.finish({both[0], b.neg(both[1])});
}

bool reads(const ir::Function& f, std::size_t parameter) {
  const ir::Value wanted = f.params()[parameter];
  for (std::uint32_t id = 0; id < f.size(); ++id) {
    for (const ir::Value x : f.operands(ir::Value{id})) {
      if (x == wanted) return true;
    }
  }
  for (const ir::Value x : f.results()) {
    if (x == wanted) return true;
  }
  return false;
}

/// 0 for the arrays that a generator leaves alone.
void fill_with_zeros(std::vector<lang::ArrayText>& rules,
                     const std::vector<lang::NamedShape>& arrays) {
  for (std::size_t k = 0; k < rules.size(); ++k) {
    if (rules[k].parts.empty()) rules[k] = {arrays[k].name, arrays[k].shape, 0, {}, {}, {}};
  }
}

}  // namespace

std::vector<mechanics::Symmetry> read_symmetries(const SourcePtr& file, const Node& table,
                                                 const lang::Context& names, FileUnits* units) {
  std::vector<lang::NamedShape> parts;
  if (names.arrays().empty()) {
    parts = {{"dq", *names.state()}, {"dp", *names.state()}};
  } else {
    for (const lang::NamedShape& a : names.arrays()) parts.push_back({"d" + a.name, a.shape});
  }
  std::vector<mechanics::Symmetry> found;
  for (const Entry& entry : table.entries) {
    if (!lang::is_name(entry.key)) {
      fail_at(file, entry.key_span, "'" + entry.key + "' cannot name a symmetry",
              "ASCII letters, digits and '_', not beginning with a digit, at most 64", "rename it");
    }
    const bool state = std::ranges::any_of(
        names.arrays(), [&](const lang::NamedShape& a) { return a.name == entry.key; });
    if (state || lang::is_reserved(entry.key) || names.parameter(entry.key) ||
        names.definition(entry.key)) {
      const std::string what = names.parameter(entry.key)    ? "the name of a parameter"
                               : names.definition(entry.key) ? "the name of a definition"
                               : state || entry.key == "q" || entry.key == "p"
                                   ? "the name of a part of the state"
                                   : "a reserved name";
      fail_at(file, entry.key_span, "the symmetry '" + entry.key + "' has " + what,
              "its momentum is an invariant of that name", "call it something else");
    }
    const std::string where = "[symmetries." + entry.key + "]";
    const TableReader check(file, entry.value, where);
    auto rules = read_array_rules(file, entry.value, parts, where);
    mechanics::Symmetry symmetry;
    symmetry.name = entry.key;
    symmetry.span = entry.value.span;
    if (!names.arrays().empty()) {
      if (entry.value.entries.empty()) {
        fail_at(file, entry.value.span, where + " says nothing", parts[0].name + " = \"...\"",
                "say how the state changes");
      }
      fill_with_zeros(rules, parts);
      symmetry.generator = lang::trace_packed(names, entry.key, rules);
    } else if (rules[0].parts.empty()) {
      fail_at(file, entry.value.span, "'dq' is missing in " + where, "dq = \"...\", shaped like q",
              "add it; dp may be left out where momenta follow");
    } else if (!rules[1].parts.empty()) {
      symmetry.generator = lang::trace_arrays(names, entry.key, rules);
    } else {
      const auto dq = lang::trace_arrays(names, entry.key, {rules.data(), 1});
      if (reads(*dq, 1)) {
        fail_at(file, entry.value.span, "dq reads p, and dp is not given",
                "dp follows from dq = f(q, t) alone, as -(d dq/dq)^T p", "add dp = \"...\"");
      }
      symmetry.generator = lifted(*dq);
      symmetry.lifted = true;
    }
    if (units) units->check_generator(rules, entry.key);
    found.push_back(std::move(symmetry));
  }
  return found;
}

}  // namespace cotangent::formats
