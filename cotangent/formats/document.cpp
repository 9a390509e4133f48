#include "cotangent/formats/document.h"

#include <algorithm>
#include <string_view>

// What the library asserts is true of any text only after scan_toml; should one text slip through,
// it is told so like any other mistake, and never assumed by the optimiser.
#undef NDEBUG
namespace cotangent::formats {
struct TomlAssertion {};
constexpr void toml_assertion(bool holds) {
  if (!holds) throw TomlAssertion{};
}
}  // namespace cotangent::formats
#define TOML_ASSERT(condition) ::cotangent::formats::toml_assertion(static_cast<bool>(condition))
#define TOML_ENABLE_FORMATTERS 0
#define TOML_ENABLE_WINDOWS_COMPAT 0
#include <toml++/toml.h>

#include "cotangent/formats/toml_scan.h"

namespace cotangent::formats {
namespace {

/// Line and column of the library -> byte offsets of the file. The text it sees is ASCII.
class Places {
 public:
  Places(std::string_view text, std::uint32_t base) : size_(text.size()), base_(base) {
    starts_.push_back(0);
    for (std::size_t k = 0; k < text.size(); ++k) {
      if (text[k] == '\n') starts_.push_back(k + 1);
    }
  }

  std::uint32_t offset(const toml::source_position& at) const {
    const std::size_t line =
        at.line == 0 ? 0 : std::min<std::size_t>(at.line - 1, starts_.size() - 1);
    const std::size_t column = at.column == 0 ? 0 : at.column - 1;
    return base_ + static_cast<std::uint32_t>(std::min(starts_[line] + column, size_));
  }

  SourceSpan span(const toml::source_region& region) const {
    SourceSpan s;
    s.begin = offset(region.begin);
    s.end = std::max(offset(region.end), s.begin + 1);
    return s;
  }

 private:
  std::size_t size_;
  std::uint32_t base_;
  std::vector<std::size_t> starts_;
};

bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

class Converter {
 public:
  Converter(const SourcePtr& file, const Places& places) : file_(file), places_(places) {}

  Node table(const toml::table& source) {
    Node node;
    node.kind = NodeKind::kTable;
    node.span = places_.span(source.source());
    if (source.size() > kMaxEntriesPerTable) {
      fail_at(file_, node.span, "a table has " + std::to_string(source.size()) + " entries",
              "at most " + std::to_string(kMaxEntriesPerTable),
              "put long lists into arrays or data files");
    }
    std::vector<std::pair<SourceSpan, std::pair<const toml::key*, const toml::node*>>> ordered;
    for (auto&& [key, value] : source) {
      ordered.push_back({places_.span(key.source()), {&key, &value}});
    }
    std::sort(ordered.begin(), ordered.end(),
              [](const auto& a, const auto& b) { return a.first.begin < b.first.begin; });
    for (const auto& [span, pair] : ordered) {
      Entry entry;
      entry.key_span = span;
      entry.key = key_text(file_, entry).text;
      entry.value = value(*pair.second);
      node.entries.push_back(std::move(entry));
    }
    return node;
  }

 private:
  Node value(const toml::node& source) {
    Node node;
    switch (source.type()) {
      case toml::node_type::table: return table(*source.as_table());
      case toml::node_type::array: {
        node.kind = NodeKind::kArray;
        const toml::array& array = *source.as_array();
        node.items.reserve(array.size());
        for (const toml::node& item : array) node.items.push_back(value(item));
        break;
      }
      case toml::node_type::string:
        node.kind = NodeKind::kString;
        node.span = places_.span(source.source());
        node.string = std::make_unique<std::string>(string_text(file_, node).text);
        // Text beyond ASCII is hidden from the library; all else it must read as we do.
        ensure(!is_ascii(*node.string) || *node.string == source.as_string()->get() ||
                   !is_ascii(std::string_view(file_->text)
                                 .substr(node.span.begin, node.span.end - node.span.begin)),
               "a string is read in two ways");
        break;
      case toml::node_type::integer:
        node.kind = NodeKind::kInteger;
        node.integer = source.as_integer()->get();
        break;
      case toml::node_type::floating_point:
        node.kind = NodeKind::kReal;
        node.real = source.as_floating_point()->get();
        break;
      case toml::node_type::boolean:
        node.kind = NodeKind::kBoolean;
        node.integer = source.as_boolean()->get() ? 1 : 0;
        break;
      default: node.kind = NodeKind::kDate;
    }
    node.span = places_.span(source.source());
    return node;
  }

  const SourcePtr& file_;
  const Places& places_;
};

/// The library's message in our words: what it was reading and what it met.
ErrorParts explain(std::string_view description) {
  ErrorParts parts;
  const auto has = [&](std::string_view text) {
    return description.find(text) != std::string_view::npos;
  };
  const auto quoted = [&]() -> std::string {
    const std::size_t begin = description.find('\'');
    const std::size_t end =
        begin == std::string_view::npos ? begin : description.find('\'', begin + 1);
    if (end == std::string_view::npos) return "";
    return " '" + std::string(description.substr(begin + 1, end - begin - 1)) + "'";
  };
  if (has("cannot redefine")) {
    return {"the key or table" + quoted() + " is given twice", "", "each key once in its table",
            "remove or rename one of them"};
  }
  if (has("cannot insert")) {
    return {"a table that is already complete is extended", "",
            "all entries of a table in one place", "move the entry to where the table is"};
  }
  if (has("string") && has("end-of-file")) {
    return {"a string is not closed", "", "a closing quote",
            "close it, with the quote it began with"};
  }
  if (has("escape sequence")) {
    return {"a string has an unknown escape", "",
            "\\\\ \\\" \\n \\t \\uXXXX, or a string in single quotes", "write a backslash as \\\\"};
  }
  if (has("string") && has("control character")) {
    return {"a string runs over the end of its line, or holds a control character", "",
            "a closing quote on the same line", "use three quotes for a string of several lines"};
  }
  if (has("not representable in 64 bits")) {
    return {"a number does not fit in 64 bits", "",
            "an integer below 9.2e18 or a real below 1.8e308",
            "write large numbers as reals, such as 1e20"};
  }
  if (has("leading zeroes")) {
    return {"a number has leading zeros", "", "a number such as 7 or 0.7", "leave them out"};
  }
  if (has("maximum nested value depth")) {
    return {"values are nested deeper than " + std::to_string(kMaxNesting) + " levels", "",
            "fewer brackets", "put the numbers into a data file: {file = \"values.csv\"}"};
  }
  if (has("end-of-file")) {
    return {"the file ends in the middle of something", "",
            "the rest of a key, a value or a bracket", "close what is open"};
  }
  parts.what = "this is not valid TOML";
  const std::size_t colon = description.rfind(": ");
  const std::string_view rest =
      colon == std::string_view::npos ? description : description.substr(colon + 2);
  if (has("expected ']'")) {
    parts.why = "']' after the name of a table or an entry of an array";
    parts.remedy = "add the missing ']', as in [run]";
  } else if (has("expected value")) {
    parts.why = "a value after '='";
    parts.remedy = "write key = value, on one line";
  } else if (has("expected '='")) {
    parts.why = "'=' between a key and its value";
    parts.remedy = "write key = value; text goes in quotes";
  } else if (has("bare key starting character")) {
    parts.why = "a key of letters, digits, '_' and '-', or a [table]";
    parts.remedy = "write key = value, one a line";
  } else if (has("could not determine value type") || has("could not be interpreted")) {
    parts.why = "a number, \"text in quotes\", true, false, an [array] or a {table}";
    parts.remedy = "put text in quotes";
  } else if (has("value-terminator") || has("expected a comment or whitespace")) {
    parts.why = "the end of the line, or ',' in an array";
    parts.remedy = "put text in quotes, and one entry on a line";
  } else {
    parts.why = std::string(rest);
    parts.remedy = "write [table] and key = value, one a line, with text in quotes";
  }
  return parts;
}

bool holds_real(const Node& node) {
  return node.kind == NodeKind::kReal ||
         std::any_of(node.items.begin(), node.items.end(), holds_real);
}

void make_real(Node& node) {
  if (node.kind == NodeKind::kInteger) {
    node.kind = NodeKind::kReal;
    node.real = static_cast<double>(node.integer);
  }
  for (Node& item : node.items) make_real(item);
}

}  // namespace

const Entry* Node::find(const std::string& key) const {
  for (const Entry& e : entries) {
    if (e.key == key) return &e;
  }
  return nullptr;
}

std::string describe(const Node& node) {
  switch (node.kind) {
    case NodeKind::kTable: return "a table";
    case NodeKind::kArray: return "an array";
    case NodeKind::kString: return "a string";
    case NodeKind::kInteger: return "an integer";
    case NodeKind::kReal: return "a real";
    case NodeKind::kBoolean: return "a boolean";
    case NodeKind::kDate: return "a date";
  }
  return "?";
}

void fail_at(const SourcePtr& file, SourceSpan span, std::string what, std::string why,
             std::string remedy) {
  throw UserError(ErrorParts{lang::printable(std::move(what)), show_place(*file, span),
                             lang::printable(std::move(why)), lang::printable(std::move(remedy))});
}

Node parse_document(const SourcePtr& file, std::uint32_t begin, std::uint32_t end) {
  const std::string text = scan_toml(file, begin, end);
  Places places(text, begin);
  try {
    const toml::table table = toml::parse(std::string_view(text));
    return Converter(file, places).table(table);
  } catch (const toml::parse_error& error) {
    ErrorParts parts = explain(error.description());
    parts.where = show_place(*file, places.span(error.source()));
    throw UserError(std::move(parts));
  } catch (const TomlAssertion&) {
    fail_at(file, {0, begin, begin + 1}, "this is not valid TOML",
            "keys and values, as in key = 1");
  }
}

void merge(Node& base, Node&& over, const SourcePtr& file) {
  for (Entry& entry : over.entries) {
    auto found = std::find_if(base.entries.begin(), base.entries.end(),
                              [&](const Entry& e) { return e.key == entry.key; });
    if (found == base.entries.end()) {
      base.entries.push_back(std::move(entry));
      continue;
    }
    const bool over_table = entry.value.kind == NodeKind::kTable;
    const bool base_table = found->value.kind == NodeKind::kTable;
    if (over_table && base_table) {
      merge(found->value, std::move(entry.value), file);
    } else if (over_table != base_table && base_table) {
      fail_at(file, entry.key_span,
              "'" + entry.key + "' is a table in the file and " + describe(entry.value) + " here",
              "a value for one of its keys", "write " + entry.key + ".key=value");
    } else {
      if (holds_real(found->value)) make_real(entry.value);
      found->key_span = entry.key_span;
      found->value = std::move(entry.value);
    }
  }
}

}  // namespace cotangent::formats
