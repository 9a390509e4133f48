#include "cotangent/formats/values.h"

#include <cmath>

#include "cotangent/base/text.h"
#include "cotangent/formats/data_file.h"
#include "cotangent/formats/table_reader.h"
#include "cotangent/formats/units_table.h"
#include "cotangent/lang/parser.h"

namespace cotangent::formats {
namespace {

bool takes_units(const ValueSource& source) {
  return source.units && source.units->reading();
}

void met_bare(const ValueSource& source, const Node& node, bool zero) {
  if (takes_units(source)) source.units->met_bare(node.span, 1, zero);
}

/// The text after '=' of a "= expr" string, or a refusal of any other string.
lang::SourceText computed_text(const SourcePtr& file, const Node& node, const std::string& what) {
  lang::SourceText text = string_text(file, node);
  std::size_t k = text.text.find_first_not_of(" \t\r\n");
  if (k == std::string::npos || text.text[k] != '=') {
    fail_at(file, node.span,
            what + " is " + (text.text.size() > 40 ? "a text" : "the text \"" + text.text + "\""),
            "a number, an array, or \"= expr\"",
            "write a number, or begin the text with '=', as in \"= 2*pi\"");
  }
  ++k;
  text.text.erase(0, k);
  text.offsets.erase(text.offsets.begin(), text.offsets.begin() + static_cast<std::ptrdiff_t>(k));
  return text;
}

class ArrayReader {
 public:
  ArrayReader(const ValueSource& source, const std::string& what, const lang::Context& names)
      : source_(source), what_(what), names_(names) {}

  ir::Tensor run(const Node& node) {
    for (const Node* at = &node; at->kind == NodeKind::kArray; at = &at->items[0]) {
      if (at->items.empty()) {
        fail_at(source_.file, at->span, what_ + " is an empty array", "at least one number",
                "write its numbers, or remove it");
      }
      if (axes_.size() == static_cast<std::size_t>(Shape::kMaxRank)) {
        fail_at(source_.file, at->span, what_ + " is nested too deeply",
                "at most " + std::to_string(Shape::kMaxRank) + " axes",
                "leave out a pair of brackets, or join two axes into one");
      }
      axes_.push_back(static_cast<std::int64_t>(at->items.size()));
    }
    collect(node, 0);
    const Shape shape{std::span<const std::int64_t>(axes_)};
    if (all_integers_) return ir::Tensor::of<std::int64_t>(shape, integers_);
    return ir::Tensor::of<double>(shape, reals_);
  }

 private:
  void collect(const Node& node, std::size_t axis) {
    const bool leaf = axis == axes_.size();
    if ((node.kind == NodeKind::kArray) == leaf) {
      fail_at(source_.file, node.span,
              what_ + " is uneven: " + describe(node) + " where " +
                  (leaf ? "a number" : "an array of " + std::to_string(axes_[axis])) +
                  " stood before",
              "rows of one length", "bring all rows to one form");
    }
    if (leaf) return add(node);
    if (static_cast<std::int64_t>(node.items.size()) != axes_[axis]) {
      fail_at(source_.file, node.span,
              what_ + " is uneven: a row of " + std::to_string(node.items.size()) +
                  " where the first has " + std::to_string(axes_[axis]),
              "rows of one length", "give every row as many numbers as the first");
    }
    for (const Node& item : node.items) collect(item, axis + 1);
  }

  void add(const Node& node) {
    if (node.kind == NodeKind::kReal && std::isfinite(node.real)) {
      met_bare(source_, node, node.real == 0);
      all_integers_ = false;
      reals_.push_back(node.real);
      return;
    }
    if (node.kind == NodeKind::kInteger) {
      met_bare(source_, node, node.integer == 0);
      if (all_integers_) integers_.push_back(node.integer);
      reals_.push_back(static_cast<double>(node.integer));
      return;
    }
    const ir::Tensor x = read_numbers(source_, node, what_, names_);
    if (!x.type().is_scalar()) {
      fail_at(source_.file, node.span,
              "an entry of " + what_ + " is an array " + x.type().shape.text(), "a number",
              "index it, as in x[0], or make it the whole value");
    }
    if (x.type().dtype == DType::kI64) {
      if (all_integers_) integers_.push_back(x.integer(0));
    } else {
      all_integers_ = false;
    }
    reals_.push_back(static_cast<double>(x.real(0)));
  }

  const ValueSource& source_;
  const std::string& what_;
  const lang::Context& names_;
  std::vector<std::int64_t> axes_;
  bool all_integers_ = true;
  std::vector<std::int64_t> integers_;
  std::vector<double> reals_;
};

ir::Tensor read_computed(const ValueSource& source, const Node& node, const std::string& what,
                         const lang::Context& names) {
  const auto expression = lang::parse_expression(computed_text(source.file, node, what));
  ir::Tensor value = lang::evaluate_constant(names, *expression);
  if (value.type().dtype == DType::kF64) {
    for (double x : value.as<double>()) {
      if (std::isfinite(x)) continue;
      fail_at(source.file, node.span, what + " is " + shortest(x) + " when worked out",
              "a finite number",
              "check for a division by zero or a logarithm of a negative number");
    }
  }
  if (takes_units(source)) source.units->met_computed(*expression, node.span, names, value.size());
  return value;
}

ir::Tensor read_data(const ValueSource& source, const Node& node, const std::string& what) {
  TableReader table(source.file, node, what, {"file", "unit", "value"});
  const Entry* name = table.need("file", "{file = \"values.csv\"}");
  if (takes_units(source)) table.get("unit");
  table.finish();
  if (name->value.kind != NodeKind::kString) {
    fail_at(source.file, name->value.span, "'file' is " + describe(name->value),
            "the name of a data file in quotes", "write file = \"values.csv\"");
  }
  try {
    if (!source.folder) {
      throw UserError(ErrorParts{"data files cannot be read here: this text has no folder", "",
                                 "numbers in the text itself", "load it from a file"});
    }
    const std::filesystem::path path = data_path(*source.folder, *name->value.string);
    if (source.files) source.files->push_back(path);
    ir::Tensor x = parse_data_text(*name->value.string, read_file(path, source.limits.data_bytes));
    if (takes_units(source)) source.units->met_bare(node.span, x.size());
    return x;
  } catch (const UserError& error) {
    ErrorParts parts = error.parts();
    parts.what = lang::printable(std::move(parts.what));
    const std::string named = show_place(*source.file, name->value.span);
    parts.where = parts.where.empty() ? named : parts.where + "\n  named at " + named;
    throw UserError(std::move(parts));
  }
}

/// {value = [1.5, 2], unit = "kg"} and {file = "masses.csv", unit = "kg"}.
ir::Tensor read_with_unit(const ValueSource& source, const Node& node, const std::string& what,
                          const lang::Context& names) {
  ir::Tensor x;
  if (node.find("file")) {
    x = read_data(source, node, what);
  } else {
    TableReader table(source.file, node, what, {"value", "unit", "file"});
    const Entry* value = table.need("value", "{value = [1.5, 2], unit = \"kg\"}");
    table.need("unit", "{value = [1.5, 2], unit = \"kg\"}");
    table.finish();
    if (value->value.kind == NodeKind::kTable) {
      fail_at(source.file, value->value.span, "'value' is a table", "a number or an array",
              "write {file = \"values.csv\", unit = \"kg\"} for a data file");
    }
    x = read_numbers(source, value->value, what, names);
  }
  const double factor = source.units->met_unit(node.find("unit")->value, node.span);
  x = as_real(x);
  for (double& each : x.as<double>()) each *= factor;
  return x;
}

}  // namespace

bool is_computed(const std::string& text) {
  const std::size_t k = text.find_first_not_of(" \t\r\n");
  return k != std::string::npos && text[k] == '=';
}

ir::Tensor read_numbers(const ValueSource& source, const Node& node, const std::string& what,
                        const lang::Context& names) {
  switch (node.kind) {
    case NodeKind::kInteger:
      met_bare(source, node, node.integer == 0);
      return ir::Tensor::scalar_of<std::int64_t>(node.integer);
    case NodeKind::kReal:
      if (!std::isfinite(node.real)) {
        fail_at(source.file, node.span, what + " is " + shortest(node.real), "a finite number",
                "write a number, such as 0.0");
      }
      met_bare(source, node, node.real == 0);
      return ir::Tensor::scalar_of(node.real);
    case NodeKind::kArray: return ArrayReader(source, what, names).run(node);
    case NodeKind::kString:
      if (takes_units(source) && !is_computed(*node.string)) {
        return ir::Tensor::scalar_of(
            source.units->met_quantity(string_text(source.file, node), node.span, what));
      }
      return read_computed(source, node, what, names);
    case NodeKind::kTable:
      if (takes_units(source) && (node.find("unit") || node.find("value"))) {
        return read_with_unit(source, node, what, names);
      }
      return read_data(source, node, what);
    case NodeKind::kBoolean:
    case NodeKind::kDate: break;
  }
  fail_at(source.file, node.span, what + " is " + describe(node),
          "a number, an array of numbers, \"= expr\" or {file = \"values.csv\"}",
          node.kind == NodeKind::kBoolean ? "write 1 for true and 0 for false" : "write a number");
}

double read_real(const ValueSource& source, const Node& node, const std::string& what,
                 const lang::Context& names) {
  const ir::Tensor x = read_numbers(source, node, what, names);
  if (!x.type().is_scalar()) {
    fail_at(source.file, node.span, what + " is an array " + x.type().shape.text(), "one number",
            "write one number, without brackets");
  }
  return static_cast<double>(x.real(0));
}

std::int64_t read_integer(const ValueSource& source, const Node& node, const std::string& what,
                          const lang::Context& names) {
  const ir::Tensor x = read_numbers(source, node, what, names);
  if (!x.type().is_scalar() || x.type().dtype != DType::kI64) {
    fail_at(source.file, node.span,
            what + " is " + (x.type().is_scalar() ? "a real" : "an array " + x.type().shape.text()),
            "a whole number, without '.' or exponent", "write it as digits alone, such as 1000");
  }
  return x.integer(0);
}

std::vector<lang::ExpressionPtr> computed_parts(const SourcePtr& file, const Node& node,
                                                const std::string& what) {
  std::vector<lang::ExpressionPtr> found;
  // (Other texts are numbers with a unit, or refused where they are read.)
  if (node.kind == NodeKind::kString && is_computed(*node.string)) {
    found.push_back(lang::parse_expression(computed_text(file, node, what)));
  }
  for (const Node& item : node.items) {
    for (auto& part : computed_parts(file, item, what)) found.push_back(std::move(part));
  }
  if (const Entry* value = node.find("value")) {
    for (auto& part : computed_parts(file, value->value, what)) found.push_back(std::move(part));
  }
  return found;
}

ir::Tensor as_real(const ir::Tensor& tensor) {
  if (tensor.type().dtype == DType::kF64) return tensor;
  ir::Tensor real(tensor.type().with_dtype(DType::kF64));
  for (std::int64_t k = 0; k < tensor.size(); ++k) real.set_real(k, tensor.real(k));
  return real;
}

}  // namespace cotangent::formats
