// Places in source text. A system file is read once and kept; a span is a byte range in it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

namespace cotangent {

/// Half-open byte range [begin, end) of source number `source`. begin == end means "no place".
struct SourceSpan {
  std::uint32_t source = 0;
  std::uint32_t begin = 0;
  std::uint32_t end = 0;
  bool empty() const { return begin == end; }
  bool operator==(const SourceSpan&) const = default;
};

/// A text a person wrote, with the name errors show.
struct SourceFile {
  std::string name;
  std::string text;
};
using SourcePtr = std::shared_ptr<const SourceFile>;

struct LineColumn {
  std::uint32_t line = 1;    ///< from 1
  std::uint32_t column = 1;  ///< from 1, in bytes
};
LineColumn line_column(const SourceFile& file, std::uint32_t offset);

/// "file.toml:12:9\n    12 | kinetic = \"...\"\n       |            ^~~~"; long lines are clipped
/// around the span.
std::string show_place(const SourceFile& file, SourceSpan span);

}  // namespace cotangent
