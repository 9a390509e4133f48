#include "cotangent/formats/toml_scan.h"

#include "cotangent/formats/document.h"

namespace cotangent::formats {
namespace {

/// Length of the well-formed UTF-8 sequence at text[k], or 0.
std::size_t utf8_length(const std::string& text, std::size_t k) {
  const auto byte = [&](std::size_t n) {
    return k + n < text.size() ? static_cast<unsigned char>(text[k + n]) : 0u;
  };
  const auto follows = [&](std::size_t n) { return (byte(n) & 0xc0u) == 0x80u; };
  const unsigned first = byte(0);
  if (first < 0x80) return 1;
  if (first >= 0xc2 && first <= 0xdf) return follows(1) ? 2 : 0;
  if (first >= 0xe0 && first <= 0xef) {
    if (!follows(1) || !follows(2)) return 0;
    if (first == 0xe0 && byte(1) < 0xa0) return 0;
    if (first == 0xed && byte(1) > 0x9f) return 0;  // surrogates
    return 3;
  }
  if (first >= 0xf0 && first <= 0xf4) {
    if (!follows(1) || !follows(2) || !follows(3)) return 0;
    if (first == 0xf0 && byte(1) < 0x90) return 0;
    if (first == 0xf4 && byte(1) > 0x8f) return 0;
    return 4;
  }
  return 0;
}

bool is_bare(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '-';
}

class Scanner {
 public:
  Scanner(const SourcePtr& file, std::uint32_t begin, std::uint32_t end)
      : file_(file), base_(begin), text_(file->text.substr(begin, end - begin)) {}

  std::string run() {
    check_characters();
    while (at_ < text_.size()) statement();
    for (char& c : text_) {
      if (static_cast<unsigned char>(c) >= 0x80) c = '?';
    }
    return std::move(text_);
  }

 private:
  char peek(std::size_t k = 0) const { return at_ + k < text_.size() ? text_[at_ + k] : '\0'; }

  [[noreturn]] void refuse(std::size_t where, std::string what, std::string why,
                           std::string remedy = "") const {
    const auto begin = base_ + static_cast<std::uint32_t>(where);
    fail_at(file_, {0, begin, begin + 1}, std::move(what), std::move(why), std::move(remedy));
  }

  void check_characters() const {
    for (std::size_t k = 0; k < text_.size();) {
      const auto c = static_cast<unsigned char>(text_[k]);
      const bool line_end = c == '\r' && k + 1 < text_.size() && text_[k + 1] == '\n';
      if ((c < 0x20 && c != '\t' && c != '\n' && !line_end) || c == 0x7f) {
        refuse(k, "a control character (byte " + std::to_string(c) + ") does not belong in a text",
               "a text file in UTF-8", "remove it; inside a string write \\u followed by its code");
      }
      const std::size_t length = utf8_length(text_, k);
      if (length == 0) {
        refuse(k, "the file is not UTF-8 text", "a text file in UTF-8",
               "save it as UTF-8; a data file is named with {file = \"...\"}");
      }
      k += length;
    }
  }

  /// The library's behaviour on other blanks and letters outside quotes is undefined.
  void check_ascii() const {
    if (static_cast<unsigned char>(peek()) < 0x80) return;
    const std::size_t length = utf8_length(text_, at_);
    const auto begin = base_ + static_cast<std::uint32_t>(at_);
    fail_at(file_, {0, begin, begin + static_cast<std::uint32_t>(length)},
            "'" + text_.substr(at_, length) + "' stands outside quotes",
            "ASCII letters, digits and '_' in keys", "put text in quotes, or rename the key");
  }

  void statement() {
    while (peek() == ' ' || peek() == '\t' || peek() == '\n' || peek() == '\r') ++at_;
    if (at_ >= text_.size()) return;
    if (peek() == '#') return comment();
    check_ascii();
    dots_ = 0;
    if (peek() == '[') {
      if (++headers_ > kMaxHeadersPerFile) {
        refuse(at_, "the file has more than " + std::to_string(kMaxHeadersPerFile) + " tables",
               "fewer tables", "put long lists into arrays or data files");
      }
      header();
    } else {
      key();
    }
    rest_of_statement();
  }

  /// The name of a table begins right: the library takes that for granted.
  void header() {
    std::size_t k = at_ + 1;
    const auto skip_blanks = [&] {
      while (k < text_.size() && (text_[k] == ' ' || text_[k] == '\t')) ++k;
    };
    skip_blanks();
    if (k < text_.size() && text_[k] == '[') {
      ++k;
      skip_blanks();
    }
    const char c = k < text_.size() ? text_[k] : '\0';
    if (!is_bare(c) && c != '"' && c != '\'') {
      refuse(k < text_.size() ? k : at_, "a table has no name here", "a name, as in [run]",
             "write [name], alone on its line");
    }
  }

  void comment() {
    while (at_ < text_.size() && peek() != '\n') ++at_;
  }

  /// Finds a head like r(i,j) before '=' and respells it.
  void key() {
    std::size_t k = at_;
    while (k < text_.size() && (is_bare(text_[k]) || text_[k] == '.')) ++k;
    if (k == at_ || k >= text_.size() || text_[k] != '(') return;
    const std::size_t open = k;
    while (k < text_.size() && text_[k] != ')') {
      const char c = text_[k];
      if (!is_bare(c) && c != ',' && c != ' ' && c != '\t' && k != open) return;
      ++k;
    }
    if (k >= text_.size()) return;
    for (std::size_t m = open; m <= k; ++m) {
      if (!is_bare(text_[m])) text_[m] = '-';
    }
    at_ = k + 1;
  }

  void rest_of_statement() {
    int depth = 0;
    while (at_ < text_.size()) {
      switch (peek()) {
        case '"':
        case '\'': string(peek()); continue;
        case '#': comment(); continue;
        case '[':
        case '{':
          dots_ = 0;
          count_value();
          if (++depth > kMaxNesting) {
            refuse(at_, "values are nested deeper than " + std::to_string(kMaxNesting) + " levels",
                   "fewer brackets inside each other",
                   "close some of them, or put the numbers into a data file");
          }
          break;
        case ']':
        case '}':
          if (depth > 0) --depth;
          break;
        case ',':
          count_value();
          dots_ = 0;
          break;
        case '=': dots_ = 0; break;
        case '.':
          if (++dots_ >= kMaxKeyParts) {
            refuse(at_, "a key has more than " + std::to_string(kMaxKeyParts) + " parts",
                   "keys such as run.dt", "write fewer dots");
          }
          break;
        case '\n':
          dots_ = 0;
          if (depth == 0) return;
          break;
        default: check_ascii();
      }
      ++at_;
    }
  }

  void count_value() {
    if (++values_ > kMaxValuesPerFile) {
      refuse(at_, "the file holds more than " + std::to_string(kMaxValuesPerFile) + " values",
             "fewer", "put large arrays into a data file: q = {file = \"q.csv\"}");
    }
  }

  void string(char quote) {
    const bool three = peek(1) == quote && peek(2) == quote;
    at_ += three ? 3 : 1;
    while (at_ < text_.size()) {
      if (quote == '"' && peek() == '\\') {
        at_ += 2;
      } else if (three && peek() == quote && peek(1) == quote && peek(2) == quote) {
        at_ += 3;
        while (peek() == quote) ++at_;
        return;
      } else if (!three && peek() == quote) {
        ++at_;
        return;
      } else if (!three && peek() == '\n') {
        return;  // not closed: the library says so
      } else {
        ++at_;
      }
    }
  }

  const SourcePtr& file_;
  std::uint32_t base_;
  std::string text_;
  std::size_t at_ = 0;
  std::size_t values_ = 0, headers_ = 0;
  int dots_ = 0;
};

}  // namespace

std::string scan_toml(const SourcePtr& file, std::uint32_t begin, std::uint32_t end) {
  return Scanner(file, begin, end).run();
}

}  // namespace cotangent::formats
