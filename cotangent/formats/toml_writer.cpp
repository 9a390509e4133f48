#include "cotangent/formats/toml_writer.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "cotangent/base/text.h"

namespace cotangent::formats {
namespace {

std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      char escape[8];
      std::snprintf(escape, sizeof escape, "\\u%04X", static_cast<unsigned>(c));
      out += escape;
    } else {
      out += c;
    }
  }
  return out + '"';
}

/// Lines as they are, where nothing in them needs an escape.
std::string string_text(const std::string& text) {
  const bool lines = text.ends_with('\n') && text.find("'''") == std::string::npos &&
                     std::ranges::all_of(text, [](unsigned char c) {
                       return (c >= 0x20 && c != 0x7f) || c == '\n' || c == '\t';
                     });
  return lines ? "'''\n" + text + "'''" : quoted(text);
}

std::string key_of(const std::string& key) {
  const bool bare = !key.empty() && std::ranges::all_of(key, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
  });
  return bare ? key : quoted(key);
}

std::string real_text(double x) {
  if (std::isnan(x)) return "nan";
  if (std::isinf(x)) return x > 0 ? "inf" : "-inf";
  std::string text = shortest(x);
  if (text.find_first_of(".e") == std::string::npos) text += ".0";
  return text;
}

std::string value_text(const Node& node) {
  switch (node.kind) {
    case NodeKind::kString: return string_text(*node.string);
    case NodeKind::kInteger: return std::to_string(node.integer);
    case NodeKind::kReal: return real_text(node.real);
    case NodeKind::kBoolean: return node.integer ? "true" : "false";
    case NodeKind::kArray: {
      std::string text = "[";
      for (const Node& item : node.items) text += (text.size() > 1 ? ", " : "") + value_text(item);
      return text + "]";
    }
    case NodeKind::kTable: {
      std::string text = "{";
      for (const Entry& e : node.entries) {
        text += (text.size() > 1 ? ", " : "") + key_of(e.key) + " = " + value_text(e.value);
      }
      return text + "}";
    }
    case NodeKind::kDate: break;
  }
  throw InternalError("a date has no meaning in a system file");
}

}  // namespace

namespace {

/// A table in a table that is better read under a header of its own.
bool has_lines(const Node& node) {
  return node.kind == NodeKind::kTable && std::ranges::any_of(node.entries, [](const Entry& e) {
           return e.value.kind == NodeKind::kString && e.value.string->ends_with('\n');
         });
}

void append_table(std::string& text, const std::string& name, const Node& table) {
  // A header ends its table: those with one come last, in their order, or are written inside.
  const auto headed = [](const Entry& e) { return has_lines(e.value); };
  const auto first = std::ranges::find_if(table.entries, headed);
  const auto rest = std::all_of(first, table.entries.end(), headed) ? first : table.entries.end();
  if (rest != table.entries.begin() || table.entries.empty()) {
    text += (text.empty() ? "[" : "\n[") + name + "]\n";
  }
  for (auto e = table.entries.begin(); e != rest; ++e) {
    text += key_of(e->key) + " = " + value_text(e->value) + '\n';
  }
  for (auto e = rest; e != table.entries.end(); ++e) {
    append_table(text, name + "." + key_of(e->key), e->value);
  }
}

}  // namespace

std::string toml_text(const Node& root) {
  std::string text;
  for (const Entry& e : root.entries) {
    if (e.value.kind != NodeKind::kTable)
      text += key_of(e.key) + " = " + value_text(e.value) + '\n';
  }
  for (const Entry& table : root.entries) {
    if (table.value.kind == NodeKind::kTable) append_table(text, key_of(table.key), table.value);
  }
  return text;
}

}  // namespace cotangent::formats
