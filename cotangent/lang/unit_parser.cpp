// The text of a unit -> a factor and a dimension.
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <stdexcept>

#include "cotangent/base/text.h"
#include "cotangent/lang/unit_names.h"

namespace cotangent::lang {
namespace {

constexpr int kMaxDepth = 16;
constexpr const char* kExample = "a unit, such as kg m^2/s^2, AU/day or kcal/mol";

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}
bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/// Signs outside ASCII that people write in units, and what they stand for.
struct Sign {
  std::string_view utf8, ascii;
};
constexpr Sign kLetters[] = {{"\xC2\xB5", "u"},        {"\xCE\xBC", "u"},  // micro, mu
                             {"\xC3\x85", "angstrom"}, {"\xE2\x84\xAB", "angstrom"},
                             {"\xCE\xA9", "ohm"},      {"\xE2\x84\xA6", "ohm"},
                             {"\xC2\xB0", "deg"}};
constexpr Sign kSuperscripts[] = {
    {"\xC2\xB9", "1"},     {"\xC2\xB2", "2"},     {"\xC2\xB3", "3"},     {"\xE2\x81\xBB", "-"},
    {"\xE2\x81\xB0", "0"}, {"\xE2\x81\xB4", "4"}, {"\xE2\x81\xB5", "5"}, {"\xE2\x81\xB6", "6"},
    {"\xE2\x81\xB7", "7"}, {"\xE2\x81\xB8", "8"}, {"\xE2\x81\xB9", "9"}};
constexpr std::string_view kDots[] = {"\xC2\xB7", "\xE2\x8B\x85"};

class UnitParser {
 public:
  UnitParser(const SourceText& text, std::uint32_t begin, std::uint32_t end)
      : text_(text), begin_(begin), at_(begin), end_(end) {}

  Unit run() {
    if (end_ - begin_ > kMaxUnitBytes) {
      refuse(begin_, end_, "the unit has " + std::to_string(end_ - begin_) + " characters",
             "at most " + std::to_string(kMaxUnitBytes), "write a shorter one");
    }
    skip();
    if (at_ == end_) refuse(begin_, end_, "the unit is empty", kExample, "write one");
    const Unit unit = guarded(at_, [&] { return product(); });
    skip();
    if (at_ < end_) unexpected();
    return unit;
  }

 private:
  [[noreturn]] void refuse(std::uint32_t from, std::uint32_t to, std::string what, std::string why,
                           std::string remedy) const {
    fail(text_, from, std::max(to, from), std::move(what), std::move(why), std::move(remedy));
  }

  [[noreturn]] void unexpected() const {
    if (at_ >= end_) {
      refuse(end_ > begin_ ? end_ - 1 : begin_, end_, "the unit ends too early",
             "the name of a unit", "write the rest of it, such as m/s");
    }
    const char c = text_.text[at_];
    if (is_digit(c)) {
      refuse(at_, at_ + 1, "a number stands in a unit", "one number, in front of the whole unit",
             "write a power as m^2, a broken one as m^(1/2), a computed value as \"= expr\"");
    }
    refuse(at_, at_ + 1, std::string("'") + (c >= ' ' && c < 127 ? c : '?') + "' stands in a unit",
           kExample, c == ')' ? "remove it, or add the missing '('" : "remove it");
  }

  template <class F>
  Unit guarded(std::uint32_t from, const F& f) {
    Unit unit;
    try {
      unit = f();
    } catch (const std::overflow_error&) {
      refuse(from, at_, "the powers of this unit are too large", "whole or simple broken powers",
             "write a simpler unit");
    }
    const auto factor = static_cast<double>(unit.factor);
    if (!(factor >= std::numeric_limits<double>::min()) || !std::isfinite(factor)) {
      refuse(from, at_, "the factor of this unit leaves the range of numbers",
             "between 1e-300 and 1e300 of an SI unit", "use prefixes nearer to the size");
    }
    return unit;
  }

  bool take(std::string_view s) {
    if (text_.text.compare(at_, s.size(), s) != 0 || at_ + s.size() > end_) return false;
    at_ += static_cast<std::uint32_t>(s.size());
    return true;
  }
  void skip() {
    while (at_ < end_ && is_blank(text_.text[at_])) ++at_;
  }
  bool accept(std::string_view s) {
    skip();
    return take(s);
  }

  Unit product() {
    if (++depth_ > kMaxDepth) {
      refuse(at_, at_ + 1, "the unit has too many brackets inside each other",
             "at most " + std::to_string(kMaxDepth), "multiply it out");
    }
    Unit unit;
    bool divided = accept("/");
    const Unit first = factor();
    unit = divided ? Unit{1 / first.factor, Dimension{} / first.dimension} : first;
    while (true) {
      skip();
      if (at_ == end_ || text_.text[at_] == ')') break;
      const std::uint32_t here = at_;
      const bool over = take("/");
      const bool times = !over && (take("*") || take(kDots[0]) || take(kDots[1]));
      if (!over && !times && divided) {
        refuse(here, here + 1, "this unit can be read in two ways: what is divided by?",
               "'*', '/' or brackets after a division",
               "write J/(kg K), or J K/kg, instead of J/kg K");
      }
      divided = divided || over;
      const Unit next = factor();
      unit = over ? Unit{unit.factor / next.factor, unit.dimension / next.dimension}
                  : Unit{unit.factor * next.factor, unit.dimension * next.dimension};
    }
    --depth_;
    return unit;
  }

  Unit factor() {
    skip();
    const std::uint32_t from = at_;
    Unit unit;
    if (accept("(")) {
      unit = product();
      if (!accept(")")) {
        refuse(from, from + 1, "this '(' is not closed", "')'", "add the missing ')'");
      }
    } else if (at_ < end_ && text_.text[at_] == '1' &&
               !(at_ + 1 < end_ && (is_digit(text_.text[at_ + 1]) || text_.text[at_ + 1] == '.'))) {
      ++at_;
    } else {
      unit = name();
    }
    return guarded(from, [&] { return raised(unit); });
  }

  Unit name() {
    const std::uint32_t from = at_;
    std::string word;
    while (at_ < end_) {
      const char c = text_.text[at_];
      if (is_letter(c) || (is_digit(c) && !word.empty())) {
        word += c, ++at_;
        continue;
      }
      bool sign = false;
      for (const Sign& s : kLetters) {
        if (take(s.utf8)) word += s.ascii, sign = true;
      }
      if (c == '%' && word.empty()) ++at_, word = "percent";
      if (!sign) break;
    }
    if (word.empty()) unexpected();
    const std::string shown = "'" + text_.text.substr(from, at_ - from) + "'";
    if (const RefusedUnit* refused = refused_unit(word)) {
      refuse(from, at_, shown + " is no unit here: " + std::string(refused->reason), kExample,
             std::string(refused->remedy));
    }
    if (const auto unit = unit_named(word)) return *unit;
    std::string stem = word;
    while (is_digit(stem.back())) stem.pop_back();
    if (stem != word && unit_named(stem)) {
      refuse(from, at_, "unknown unit " + shown, "a power after '^'",
             "did you mean " + stem + "^" + word.substr(stem.size()) + "?");
    }
    const std::string near = nearest_unit(word);
    refuse(from, at_, "unknown unit " + shown, kExample,
           near.empty() ? "docs/units.md lists them" : "did you mean '" + near + "'?");
  }

  static std::string nearest_unit(const std::string& word) {
    for (const std::string& known : unit_names()) {  // Kg, KM, SEC: letters of another case
      if (word.size() == known.size() &&
          std::equal(word.begin(), word.end(), known.begin(),
                     [](char a, char b) { return (a | 32) == (b | 32); })) {
        return known;
      }
    }
    std::string lower = word;
    for (char& c : lower) {
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c | 32);
    }
    if (unit_named(lower)) return lower;
    return nearest_name(word, unit_names());
  }

  Unit raised(const Unit& unit) {
    const auto n = exponent();
    if (!n) return unit;
    Unit result{std::pow(unit.factor, static_cast<long double>(n->num) / n->den),
                power(unit.dimension, *n)};
    if (n->den == 1) {  // by multiplication: exact where the factor is
      result.factor = 1;
      for (std::int64_t k = 0; k < std::abs(n->num); ++k) result.factor *= unit.factor;
      if (n->num < 0) result.factor = 1 / result.factor;
    }
    return result;
  }

  std::optional<Rational> exponent() {
    const std::uint32_t from = at_;
    std::string digits;
    for (bool more = true; more;) {
      more = false;
      for (const Sign& s : kSuperscripts) {
        if (take(s.utf8)) digits += s.ascii, more = true;
      }
    }
    if (!digits.empty()) return limited(from, whole(from, digits));
    if (!take("^") && !take("**")) return std::nullopt;
    skip();
    if (!take("(")) return limited(from, number());
    skip();
    const Rational top = number();
    Rational n = top;
    if (accept("/")) {
      skip();
      const Rational bottom = number();
      if (bottom.is_zero()) {
        refuse(from, at_, "the power is divided by 0", "a number", "write one such as (1/2)");
      }
      n = top / bottom;
    }
    if (!accept(")")) refuse(from, at_, "the '(' of a power is not closed", "')'", "add it");
    return limited(from, n);
  }

  Rational limited(std::uint32_t from, Rational n) {
    if (std::abs(n.num) > kMaxUnitPower * n.den || n.den > kMaxUnitPower) {
      refuse(from, at_, "the power of a unit is out of range",
             "from -" + std::to_string(kMaxUnitPower) + " to " + std::to_string(kMaxUnitPower),
             "write a simpler unit");
    }
    return n;
  }

  Rational whole(std::uint32_t from, const std::string& digits) {
    int value = 0;
    const auto [stop, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (error != std::errc() || stop != digits.data() + digits.size()) {
      refuse(from, at_, "this is no power of a unit", "a whole number such as -2, or (1/2)",
             "write one after '^'");
    }
    if (std::abs(static_cast<std::int64_t>(value)) > Rational::kMost) {
      throw std::overflow_error("power");
    }
    return value;
  }

  /// -2 or 0.5.
  Rational number() {
    const std::uint32_t from = at_;
    std::string digits;
    if (take("-")) digits = "-";
    if (digits.empty()) take("+");
    const auto run = [&] {
      while (at_ < end_ && is_digit(text_.text[at_])) digits += text_.text[at_++];
    };
    run();
    if (!take(".")) return whole(from, digits);
    digits += ".";
    run();
    const auto value = rational_of(std::strtod(digits.c_str(), nullptr));
    if (!value || digits.size() < 3) {
      refuse(from, at_, "this is no power of a unit", "a whole number such as -2, or (1/2)",
             "write one after '^'");
    }
    return *value;
  }

  const SourceText& text_;
  std::uint32_t begin_, at_, end_;
  int depth_ = 0;
};

std::size_t number_length(std::string_view text) {
  // from_chars takes "inf" and "nan" and no '+'; a number here begins with a digit, '.' or a sign.
  std::size_t k = 0;
  if (k < text.size() && (text[k] == '-' || text[k] == '+')) ++k;
  const std::size_t first = k;
  if (k < text.size() && text[k] == '.') ++k;
  if (k >= text.size() || !is_digit(text[k])) return 0;
  k = first;
  const auto run = [&] {
    while (k < text.size() && (is_digit(text[k]) || (text[k] == '_' && is_digit(text[k - 1])))) ++k;
  };
  run();
  if (k < text.size() && text[k] == '.') ++k, run();
  // "1e3" has an exponent, "1 eV" and "1eV" none.
  if (k < text.size() && (text[k] == 'e' || text[k] == 'E')) {
    std::size_t e = k + 1;
    if (e < text.size() && (text[e] == '-' || text[e] == '+')) ++e;
    if (e < text.size() && is_digit(text[e])) k = e, run();
  }
  return k;
}

std::string_view trimmed(std::string_view s, std::size_t& begin) {
  begin = 0;
  while (begin < s.size() && is_blank(s[begin])) ++begin;
  s.remove_prefix(begin);
  while (!s.empty() && is_blank(s.back())) s.remove_suffix(1);
  return s;
}

}  // namespace

Unit parse_unit(const SourceText& text, std::uint32_t begin, std::uint32_t end) {
  return UnitParser(text, begin, end).run();
}

Unit parse_unit(const SourceText& text) {
  return parse_unit(text, 0, static_cast<std::uint32_t>(text.text.size()));
}

bool begins_with_number(std::string_view text) {
  std::size_t begin = 0;
  return number_length(trimmed(text, begin)) > 0;
}

Quantity parse_quantity(const SourceText& text, const std::string& what) {
  std::size_t begin = 0;
  const std::string_view content = trimmed(text.text, begin);
  const std::size_t length = number_length(content);
  const auto size = static_cast<std::uint32_t>(text.text.size());
  const auto at = static_cast<std::uint32_t>(begin);
  if (length == 0) {
    fail(text, 0, size,
         what + " is " +
             (content.size() > 40 ? "a text" : "the text \"" + printable(text.text) + "\""),
         "a number, an array, \"= expr\", or a number with a unit, as in \"1.5 kg\"",
         "write a number, or begin the text with '=', as in \"= 2*pi\"");
  }
  Quantity q;
  std::string digits;
  for (char c : content.substr(0, length)) {
    if (c != '_' && !(c == '+' && digits.empty())) digits += c;
  }
  const auto [stop, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), q.number);
  const auto after = at + static_cast<std::uint32_t>(length);
  if (error != std::errc() || !std::isfinite(q.number)) {
    fail(text, at, after, what + " is a number out of range",
         "a finite number of about 1e-308 to 1e308", "write it in another unit");
  }
  q.unit_begin = after;
  const auto end = static_cast<std::uint32_t>(begin + content.size());
  while (q.unit_begin < end && is_blank(text.text[q.unit_begin])) ++q.unit_begin;
  if (q.unit_begin == end) {
    fail(text, at, after, what + " is a number in quotes, without a unit",
         "a number, or a number with a unit, as in \"1.5 kg\"",
         "add the unit, or leave the quotes out");
  }
  q.unit = parse_unit(text, q.unit_begin, end);
  return q;
}

}  // namespace cotangent::lang
