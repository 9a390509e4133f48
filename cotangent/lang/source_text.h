// An expression's text together with where each of its bytes lies in the file it came from, so that
// every error and every node of a traced program points into the file.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "cotangent/base/error.h"
#include "cotangent/base/span.h"

namespace cotangent::lang {

/// Text of an expression. `offsets` has one entry a byte of `text` and one for its end: the byte of
/// `file->text` it was written at (escapes and line continuations make this more than a shift).
struct SourceText {
  std::string text;
  SourcePtr file;
  std::vector<std::uint32_t> offsets;

  /// The place in the file of text[begin, end).
  SourceSpan span(std::uint32_t begin, std::uint32_t end) const;
  SourceSpan whole() const { return span(0, static_cast<std::uint32_t>(text.size())); }
  /// "file.toml:12:9" and the line with a caret.
  std::string place(std::uint32_t begin, std::uint32_t end) const;
};

/// An expression that is a file of its own (tests, command-line arguments).
SourceText plain_text(std::string text, std::string name = "expression");

/// The named bytes of a file, taken as they are.
SourceText text_in(SourcePtr file, std::uint32_t begin, std::uint32_t end);

/// Blanks for line breaks and '?' for other control characters: what a person wrote, fit to show.
std::string printable(std::string text);

/// Throws UserError pointing at text[begin, end).
[[noreturn]] void fail(const SourceText& text, std::uint32_t begin, std::uint32_t end,
                       std::string what, std::string why = "", std::string remedy = "");

}  // namespace cotangent::lang
