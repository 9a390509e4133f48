#include "cotangent/formats/expressions.h"

#include <algorithm>
#include <cmath>

#include "cotangent/base/text.h"
#include "cotangent/lang/parser.h"

namespace cotangent::formats {
namespace {

bool is_number(const Node& node) {
  return node.kind == NodeKind::kInteger || node.kind == NodeKind::kReal;
}

/// A number among expressions is one, too; it keeps its place.
lang::ExpressionPtr expression_of_number(const SourcePtr& file, const Node& node,
                                         const std::string& what) {
  if (node.kind == NodeKind::kReal && !std::isfinite(node.real)) {
    fail_at(file, node.span, what + " is " + shortest(node.real), "a finite number",
            "write a number, such as 0.0");
  }
  lang::SourceText text;
  text.text = node.kind == NodeKind::kInteger ? std::to_string(node.integer) : shortest(node.real);
  text.file = file;
  text.offsets.assign(text.text.size(), node.span.begin);
  text.offsets.push_back(node.span.end);
  return lang::parse_expression(std::move(text));
}

class ListReader {
 public:
  ListReader(const SourcePtr& file, lang::ArrayText& out) : file_(file), out_(out) {}

  void collect(const Node& node, int axis) {
    const std::string what = "'" + out_.name + "'";
    if (node.kind != NodeKind::kArray) {
      if (depth_ >= 0 && axis != depth_) {
        fail_at(file_, node.span, what + " is uneven: lists and expressions side by side",
                "lists inside each other to one depth", "bring all rows to one form");
      }
      depth_ = axis;
      out_.parts.push_back(is_number(node) ? expression_of_number(file_, node, what)
                                           : read_expression(file_, node, what));
      return;
    }
    if (axis == out_.shape.rank()) {
      fail_at(file_, node.span,
              what + " has a list where one number is wanted: its shape is " + out_.shape.text(),
              "an expression in quotes", "leave out a pair of brackets");
    }
    const auto count = static_cast<std::int64_t>(node.items.size());
    if (count != out_.shape[axis]) {
      fail_at(file_, node.span,
              what + " has a list of " + std::to_string(count) + " where its shape " +
                  out_.shape.text() + " has " + std::to_string(out_.shape[axis]),
              "an expression for each", "give as many");
    }
    for (const Node& item : node.items) collect(item, axis + 1);
  }

  int depth() const { return depth_; }

 private:
  const SourcePtr& file_;
  lang::ArrayText& out_;
  int depth_ = -1;
};

lang::ArrayText read_indexed_rule(const SourcePtr& file, const Entry& entry,
                                  const lang::ArrayHead& head, const Shape& shape) {
  lang::ArrayText text;
  text.name = head.name;
  text.shape = shape;
  text.indices = head.indices;
  text.head = key_text(file, entry);
  if (static_cast<int>(head.indices.size()) > shape.rank()) {
    fail_at(file, entry.key_span,
            "'" + head.name + "' has " + std::to_string(shape.rank()) +
                (shape.rank() == 1 ? " axis" : " axes") + " and is given " +
                std::to_string(head.indices.size()) +
                (head.indices.size() == 1 ? " index" : " indices"),
            "no more indices than axes",
            shape.rank() == 0 ? "leave the index out" : "leave some out");
  }
  if (entry.value.kind == NodeKind::kArray) {
    fail_at(file, entry.value.span, "the rule for '" + entry.key + "' is a list",
            "one expression in quotes, for every value of its indices",
            "write a row as \"[a, b]\", the brackets inside the quotes");
  }
  text.axes = static_cast<int>(head.indices.size());
  text.parts = {read_expression(file, entry.value, "the rule for '" + entry.key + "'")};
  return text;
}

}  // namespace

lang::ExpressionPtr read_expression(const SourcePtr& file, const Node& node,
                                    const std::string& what) {
  if (node.kind != NodeKind::kString) {
    fail_at(file, node.span, what + " is " + describe(node), "an expression in quotes",
            is_number(node) ? "put it in quotes" : "write it as text in quotes");
  }
  return lang::parse_expression(string_text(file, node));
}

lang::ArrayText read_array_text(const SourcePtr& file, const Node& node, const std::string& name,
                                const Shape& shape) {
  lang::ArrayText text;
  text.name = name;
  text.shape = shape;
  ListReader reader(file, text);
  reader.collect(node, 0);
  text.axes = reader.depth();
  return text;
}

std::vector<lang::ArrayText> read_array_rules(const SourcePtr& file, const Node& node,
                                              const std::vector<lang::NamedShape>& arrays,
                                              const std::string& table) {
  std::vector<lang::ArrayText> rules(arrays.size());
  for (const Entry& entry : node.entries) {
    const lang::ArrayHead head = lang::parse_array_head(key_text(file, entry));
    const auto found = std::find_if(arrays.begin(), arrays.end(),
                                    [&](const lang::NamedShape& a) { return a.name == head.name; });
    if (found == arrays.end()) {
      std::vector<std::string> names;
      for (const lang::NamedShape& a : arrays) names.push_back(a.name);
      const std::string near = nearest_name(head.name, names);
      fail_at(file, entry.key_span, "'" + head.name + "' in " + table + " is no part of the state",
              "one of " + join(names, ", "),
              near.empty() ? "give its start in [initial], or remove it"
                           : "did you mean '" + near + "'?");
    }
    lang::ArrayText& rule = rules[static_cast<std::size_t>(found - arrays.begin())];
    if (!rule.parts.empty()) {
      fail_at(file, entry.key_span, "'" + head.name + "' is given twice in " + table,
              "one rule for an array", "remove one of them");
    }
    rule = head.indices.empty() ? read_array_text(file, entry.value, head.name, found->shape)
                                : read_indexed_rule(file, entry, head, found->shape);
  }
  return rules;
}

}  // namespace cotangent::formats
