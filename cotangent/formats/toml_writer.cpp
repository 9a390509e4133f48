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
    case NodeKind::kString: return quoted(*node.string);
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

std::string toml_text(const Node& root) {
  std::string text;
  for (const Entry& e : root.entries) {
    if (e.value.kind != NodeKind::kTable)
      text += key_of(e.key) + " = " + value_text(e.value) + '\n';
  }
  for (const Entry& table : root.entries) {
    if (table.value.kind != NodeKind::kTable) continue;
    text += (text.empty() ? "[" : "\n[") + key_of(table.key) + "]\n";
    for (const Entry& e : table.value.entries) {
      text += key_of(e.key) + " = " + value_text(e.value) + '\n';
    }
  }
  return text;
}

}  // namespace cotangent::formats
