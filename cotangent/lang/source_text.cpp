#include "cotangent/lang/source_text.h"

#include <algorithm>

namespace cotangent::lang {

SourceSpan SourceText::span(std::uint32_t begin, std::uint32_t end) const {
  if (offsets.empty()) return {};
  const auto last = static_cast<std::uint32_t>(offsets.size() - 1);
  begin = std::min(begin, last);
  end = std::clamp(end, begin, last);
  SourceSpan s;
  s.begin = offsets[begin];
  // The end of the last byte, not the start of the next: an escape or a line break may lie between.
  s.end = end > begin ? std::max(offsets[end - 1] + 1, s.begin + 1) : s.begin + 1;
  if (end > begin && offsets[end] > s.end && text[end - 1] != '\n' &&
      file->text[offsets[end - 1]] == '\\') {
    s.end = offsets[end];
  }
  return s;
}

std::string SourceText::place(std::uint32_t begin, std::uint32_t end) const {
  if (!file) return "";
  return show_place(*file, span(begin, end));
}

SourceText plain_text(std::string text, std::string name) {
  auto file = std::make_shared<SourceFile>();
  file->name = std::move(name);
  file->text = std::move(text);
  const auto size = static_cast<std::uint32_t>(file->text.size());
  return text_in(std::move(file), 0, size);
}

SourceText text_in(SourcePtr file, std::uint32_t begin, std::uint32_t end) {
  SourceText t;
  t.text = file->text.substr(begin, end - begin);
  t.file = std::move(file);
  for (std::uint32_t k = begin; k <= end; ++k) t.offsets.push_back(k);
  return t;
}

std::string printable(std::string text) {
  for (char& c : text) {
    if (c == '\n' || c == '\t' || c == '\r') c = ' ';
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  }
  return text;
}

void fail(const SourceText& text, std::uint32_t begin, std::uint32_t end, std::string what,
          std::string why, std::string remedy) {
  throw UserError(ErrorParts{printable(std::move(what)), text.place(begin, end),
                             printable(std::move(why)), printable(std::move(remedy))});
}

}  // namespace cotangent::lang
