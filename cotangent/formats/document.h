// A TOML document with the place of every key and value in the file. Hides the TOML library.
//
// Limits are checked before the library sees the text: nesting, parts of a dotted key, UTF-8. One
// addition to TOML: a bare key may be a head such as r(i,j), as [define] wants. Strings and keys
// are read from the file itself; the library is shown an ASCII text with the same structure.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "cotangent/base/span.h"
#include "cotangent/lang/source_text.h"

namespace cotangent::formats {

enum class NodeKind : std::uint8_t { kTable, kArray, kString, kInteger, kReal, kBoolean, kDate };

struct Entry;

/// A value. Entries of a table are in the order of the file.
struct Node {
  NodeKind kind = NodeKind::kTable;
  SourceSpan span;
  std::int64_t integer = 0;  ///< kInteger, kBoolean
  double real = 0;
  std::unique_ptr<std::string> string;
  std::vector<Node> items;
  std::vector<Entry> entries;

  const Entry* find(const std::string& key) const;
};

struct Entry {
  std::string key;
  SourceSpan key_span;
  Node value;
};

/// "a table", "an array", "a string", ...
std::string describe(const Node& node);

inline constexpr int kMaxNesting = 256;
inline constexpr int kMaxKeyParts = 16;
inline constexpr std::size_t kMaxEntriesPerTable = 1024;

/// Parses file->text[begin, end). Throws UserError with the place.
Node parse_document(const SourcePtr& file, std::uint32_t begin, std::uint32_t end);

/// Puts the entries of `over` on top of `base`: tables are merged, anything else is replaced;
/// integers that replace reals become reals. Throws UserError where a table would replace a value
/// or the other way round.
void merge(Node& base, Node&& over, const SourcePtr& file);

/// The content of a string value with the place of each of its bytes.
lang::SourceText string_text(const SourcePtr& file, const Node& node);

/// The text of a key as it stands in the file, for a key that is parsed further.
lang::SourceText key_text(const SourcePtr& file, const Entry& entry);

[[noreturn]] void fail_at(const SourcePtr& file, SourceSpan span, std::string what,
                          std::string why = "", std::string remedy = "");

}  // namespace cotangent::formats
