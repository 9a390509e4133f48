#include "cotangent/formats/programs.h"

#include "cotangent/formats/table_reader.h"
#include "cotangent/ir/text.h"

namespace cotangent::formats {
namespace {

struct Argument {
  std::string name;
  ir::Type type;
  bool by_name = false;  ///< a parameter: another of its type could stand in its place
};

std::vector<Argument> arguments_of(const lang::Context& names, Takes takes) {
  std::vector<Argument> list;
  if (names.arrays().empty()) {
    const ir::Type state{DType::kF64, *names.state()};
    list = {{"q", state}, {"p", state}};
    if (takes == Takes::kVelocities) list.push_back({"v", state});
  } else {
    list = {{"x", {DType::kF64, Shape{names.packed_size()}}}};
  }
  list.push_back({"t", ir::scalar()});
  for (const lang::NamedTensor& p : names.parameters()) {
    if (p.value.type().dtype == DType::kF64) list.push_back({p.name, p.value.type(), true});
  }
  return list;
}

std::string text_of(const std::vector<Argument>& list) {
  std::string text = "(";
  for (const Argument& a : list)
    text += (&a == &list[0] ? "" : ", ") + a.name + ": " + a.type.text();
  return text + ")";
}

/// The first type whose values take more than `bytes`, here or in a body.
std::optional<ir::Type> too_large(const ir::Function& f, std::uint64_t bytes) {
  for (std::uint32_t id = 0; id < f.size(); ++id) {
    for (const ir::Type& type : f.result_types(ir::Value{id})) {
      if (static_cast<std::uint64_t>(type.shape.size()) > bytes / 8) return type;
    }
    for (const ir::FunctionPtr& body : ir::bodies_of(f.attr(ir::Value{id}))) {
      if (const auto found = too_large(*body, bytes)) return found;
    }
  }
  return {};
}

}  // namespace

bool has_program(const Node& node) {
  return node.kind == NodeKind::kTable && node.find("program");
}

ir::FunctionPtr read_program(const ValueSource& source, const Node& table, const std::string& what,
                             const lang::Context& names, Takes takes,
                             const std::optional<Shape>& result,
                             const std::vector<std::string>& besides) {
  TableReader fields(source.file, table, what, besides);
  for (const std::string& key : besides) fields.get(key);
  const Node& text = fields.need("program", "program = '''function ...'''")->value;
  fields.finish();
  const auto refuse = [&](std::string wrong, std::string why, std::string remedy) {
    fail_at(source.file, text.span, std::move(wrong), std::move(why), std::move(remedy));
  };
  if (text.kind != NodeKind::kString) {
    refuse("the program of " + what + " is " + describe(text), "the text of a program in quotes",
           "write it as to_toml() does");
  }
  if (source.units) {
    refuse(what + " is a program, and this file has units", "a program says nothing of units",
           "write it as an expression, or leave the units out");
  }
  const lang::SourceText written = string_text(source.file, text);
  const ir::FunctionPtr program = ir::parse(written.text, *source.file, written.offsets);

  const std::vector<Argument> wanted = arguments_of(names, takes);
  bool fits = program->params().size() == wanted.size();
  for (std::size_t k = 0; fits && k < wanted.size(); ++k) {
    fits = program->param_type(k) == wanted[k].type &&
           (!wanted[k].by_name || program->param_names()[k] == wanted[k].name);
  }
  if (!fits) {
    refuse("the program of " + what + " takes other arguments than the system has",
           text_of(wanted) + ", in this order",
           "trace it again for this state and these parameters");
  }
  const bool one = program->results().size() == 1 && program->result_type(0).dtype == DType::kF64 &&
                   (!result || program->result_type(0).shape == *result);
  if (!one) {
    refuse("the program of " + what + " gives other results than are wanted",
           "one array, " + (result ? ir::Type{DType::kF64, *result}.text() : "of f64"),
           "trace it again");
  }
  if (const auto type = too_large(*program, source.limits.state_bytes)) {
    refuse("the program of " + what + " has a value " + type->text(),
           "at most " + std::to_string(source.limits.state_bytes) + " bytes", "a smaller system");
  }
  return program;
}

Node text_node(std::string text) {
  Node node;
  node.kind = NodeKind::kString;
  node.string = std::make_unique<std::string>(std::move(text));
  return node;
}

Entry entry_of(std::string key, Node value) {
  Entry entry;
  entry.key = std::move(key);
  entry.value = std::move(value);
  return entry;
}

Node program_table(const ir::Function& program) {
  Node table;
  table.entries.push_back(entry_of("program", text_node(ir::print(program))));
  return table;
}

namespace {

Node numbers_from(const ir::Tensor& tensor, int axis, std::int64_t& at) {
  Node node;
  const Shape& shape = tensor.type().shape;
  if (axis == shape.rank()) {
    node.kind = NodeKind::kReal;
    node.real = tensor.real(at++);
    return node;
  }
  node.kind = NodeKind::kArray;
  for (std::int64_t k = 0; k < shape[axis]; ++k) {
    node.items.push_back(numbers_from(tensor, axis + 1, at));
  }
  return node;
}

}  // namespace

Node numbers(const ir::Tensor& tensor) {
  std::int64_t at = 0;
  return numbers_from(tensor, 0, at);
}

}  // namespace cotangent::formats
