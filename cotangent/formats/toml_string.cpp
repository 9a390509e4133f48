// The content of a string value with the place of each of its bytes.
#include "cotangent/formats/document.h"

namespace cotangent::formats {
namespace {

void append_utf8(std::string& out, std::uint32_t c) {
  const auto put = [&](std::uint32_t byte) { out += static_cast<char>(byte); };
  if (c < 0x80) {
    put(c);
  } else if (c < 0x800) {
    put(0xc0 | c >> 6), put(0x80 | (c & 0x3f));
  } else if (c < 0x10000) {
    put(0xe0 | c >> 12), put(0x80 | (c >> 6 & 0x3f)), put(0x80 | (c & 0x3f));
  } else {
    put(0xf0 | c >> 18), put(0x80 | (c >> 12 & 0x3f)), put(0x80 | (c >> 6 & 0x3f)),
        put(0x80 | (c & 0x3f));
  }
}

/// Reads the string that begins at text[at] (its opening quote), as TOML says.
class StringReader {
 public:
  StringReader(const std::string& text, std::size_t at) : text_(text), at_(at) {}

  lang::SourceText run() {
    const char quote = peek();
    const bool three = peek(1) == quote && peek(2) == quote;
    at_ += three ? 3 : 1;
    if (three && peek() == '\r' && peek(1) == '\n')
      at_ += 2;
    else if (three && peek() == '\n')
      ++at_;
    while (at_ < text_.size()) {
      if (peek() == quote && (!three || closes_three(quote))) break;
      if (quote == '"' && peek() == '\\') {
        escape();
      } else if (peek() == '\r' && peek(1) == '\n') {
        ++at_;
        put('\n', at_);
        ++at_;
      } else {
        put(peek(), at_);
        ++at_;
      }
    }
    out_.offsets.push_back(static_cast<std::uint32_t>(at_));
    return std::move(out_);
  }

 private:
  char peek(std::size_t k = 0) const { return at_ + k < text_.size() ? text_[at_ + k] : '\0'; }

  void put(char c, std::size_t from) {
    out_.text += c;
    out_.offsets.push_back(static_cast<std::uint32_t>(from));
  }

  /// Up to two quotes may stand before the three that close.
  bool closes_three(char quote) {
    if (peek(1) != quote || peek(2) != quote) return false;
    while (peek(3) == quote) {
      put(quote, at_);
      ++at_;
    }
    return true;
  }

  void escape() {
    const std::size_t from = at_;
    const char c = peek(1);
    at_ += 2;
    switch (c) {
      case 'b': put('\b', from); return;
      case 't': put('\t', from); return;
      case 'n': put('\n', from); return;
      case 'f': put('\f', from); return;
      case 'r': put('\r', from); return;
      case '"': put('"', from); return;
      case '\\': put('\\', from); return;
      case 'u':
      case 'U': {
        std::uint32_t code = 0;
        for (int k = 0; k < (c == 'u' ? 4 : 8); ++k, ++at_) {
          const char d = peek();
          const int digit = d >= '0' && d <= '9'   ? d - '0'
                            : d >= 'a' && d <= 'f' ? d - 'a' + 10
                            : d >= 'A' && d <= 'F' ? d - 'A' + 10
                                                   : 0;
          code = code * 16 + static_cast<std::uint32_t>(digit);
        }
        std::string bytes;
        append_utf8(bytes, code);
        for (char b : bytes) put(b, from);
        return;
      }
      default:  // a backslash at the end of a line joins it to the next
        while (peek() == ' ' || peek() == '\t' || peek() == '\r' || peek() == '\n') ++at_;
    }
  }

  const std::string& text_;
  std::size_t at_;
  lang::SourceText out_;
};

}  // namespace

lang::SourceText string_text(const SourcePtr& file, const Node& node) {
  lang::SourceText out = StringReader(file->text, node.span.begin).run();
  out.file = file;
  return out;
}

lang::SourceText key_text(const SourcePtr& file, const Entry& entry) {
  const char first = file->text[entry.key_span.begin];
  if (first != '"' && first != '\'') {
    std::uint32_t end = entry.key_span.end;
    while (end > entry.key_span.begin + 1 &&
           (file->text[end - 1] == ' ' || file->text[end - 1] == '\t')) {
      --end;
    }
    return lang::text_in(file, entry.key_span.begin, end);
  }
  Node quoted;
  quoted.kind = NodeKind::kString;
  quoted.span = entry.key_span;
  return string_text(file, quoted);
}

}  // namespace cotangent::formats
