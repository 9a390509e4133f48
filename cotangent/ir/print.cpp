// The text form, written. The grammar is at the head of parse.cpp.
#include <algorithm>
#include <bit>
#include <cctype>
#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>
#include <utility>

#include "cotangent/base/text.h"
#include "cotangent/ir/attr_fields.h"
#include "cotangent/ir/text.h"

namespace cotangent::ir {
namespace {

/// A name as it stands when it is a word, otherwise quoted.
std::string name_text(const std::string& name) {
  const auto is_word = [](unsigned char c) { return std::isalnum(c) || c == '_' || c == '.'; };
  const bool bare = !name.empty() && !std::isdigit(static_cast<unsigned char>(name[0])) &&
                    name[0] != '.' && std::all_of(name.begin(), name.end(), is_word);
  if (bare) return name;
  static constexpr char kHex[] = "0123456789abcdef";
  std::string text = "\"";
  for (unsigned char c : name) {
    if (c == '"' || c == '\\') {
      text += '\\';
      text += static_cast<char>(c);
    } else if (c < 0x20 || c == 0x7f) {
      text += "\\x";
      text += kHex[c >> 4];
      text += kHex[c & 15];
    } else {
      text += static_cast<char>(c);
    }
  }
  return text + "\"";
}

/// The shortest decimal that reads back; a NaN other than the ordinary one shows its bits.
template <class T, class Bits>
std::string float_text(T value) {
  if (value == value) return shortest(value);
  const T ordinary = std::numeric_limits<T>::quiet_NaN();
  if (std::memcmp(&value, &ordinary, sizeof value) == 0) return "nan";
  Bits bits;
  std::memcpy(&bits, &value, sizeof bits);
  char digits[2 * sizeof bits];
  const auto done = std::to_chars(digits, digits + sizeof digits, bits, 16);
  return "nan_" + std::string(digits, done.ptr);
}

std::string element_text(const Tensor& t, std::int64_t k) {
  const auto at = static_cast<std::size_t>(k);
  switch (t.type().dtype) {
    case DType::kF64: return float_text<double, std::uint64_t>(t.as<double>()[at]);
    case DType::kF32: return float_text<float, std::uint32_t>(t.as<float>()[at]);
    case DType::kU64: return std::to_string(t.as<std::uint64_t>()[at]);
    case DType::kBool: return t.integer(k) ? "true" : "false";
    case DType::kF16:
    case DType::kBF16: {
      const auto bits = std::bit_cast<std::uint16_t>(t.as<Float16>()[at]);
      const bool ordinary =
          bits == (t.type().dtype == DType::kF16 ? Float16::kNaN : BFloat16::kNaN);
      if (!std::isnan(t.real(k)) || ordinary) return shortest(static_cast<float>(t.real(k)));
      char digits[4];
      const auto done = std::to_chars(digits, digits + sizeof digits, bits, 16);
      return "nan_" + std::string(digits, done.ptr);
    }
    default: return std::to_string(t.integer(k));
  }
}

class Printer {
 public:
  explicit Printer(std::int64_t max_elements) : max_elements_(max_elements) {}

  std::string take() { return std::move(text_); }

  /// "NAME(%0 q: f64[6,3], ...) {" nodes "}"; the caller has written the word before.
  void function(const Function& f, int indent) {
    if (!f.name().empty()) text_ += ' ' + name_text(f.name());
    text_ += '(';
    for (std::size_t k = 0; k < f.params().size(); ++k) {
      if (k) text_ += ", ";
      value(f.params()[k]);
      const std::string& name = f.param_names()[k];
      if (!name.empty()) text_ += ' ' + name_text(name);
      text_ += ": " + f.param_type(k).text();
    }
    text_ += ") {\n";
    for (std::uint32_t id = 0; id < f.size(); ++id) {
      if (f.op(Value{id}) != Op::kParameter) node(f, Value{id}, indent + 2);
    }
    text_.append(static_cast<std::size_t>(indent) + 2, ' ');
    text_ += "return";
    values(f.results());
    text_ += '\n';
    text_.append(static_cast<std::size_t>(indent), ' ');
    text_ += '}';
  }

  // --- attribute fields, called by each_field
  void operator()(const char* name, std::int64_t member) { field(name, std::to_string(member)); }
  void operator()(const char* name, bool member) { field(name, member ? "true" : "false"); }
  void operator()(const char* name, PairKind member) {
    field(name, kPairKindNames[static_cast<std::size_t>(member)]);
  }
  void operator()(const char* name, FftKind member) {
    field(name, kFftKindNames[static_cast<std::size_t>(member)]);
  }
  void operator()(const char* name, const Keep& member) {
    if (member == Keep{}) return;
    std::string text = kKeepNames[static_cast<std::size_t>(member.kind)];
    if (member.number != 0) text += '(' + std::to_string(member.number) + ')';
    field(name, text);
  }
  void operator()(const char* name, const std::string& member) { field(name, name_text(member)); }
  void operator()(const char* name, const Dims& member) {
    field(name, '[' + join(member, ",") + ']');
  }
  void operator()(const char* name, const std::vector<Role>& member) {
    std::string list;
    for (Role role : member) {
      list += (list.empty() ? "" : ",") + std::string(kRoleNames[static_cast<std::size_t>(role)]);
    }
    field(name, '[' + list + ']');
  }

 private:
  void value(Value v) { text_ += '%' + std::to_string(v.id); }

  void values(std::span<const Value> list) {
    for (std::size_t k = 0; k < list.size(); ++k) {
      text_ += k ? ", " : " ";
      value(list[k]);
    }
  }

  void field(const char* name, const std::string& member) {
    text_ += std::exchange(first_field_, false) ? " {" : ", ";
    text_ += name;
    text_ += '=' + member;
  }

  void literal(const Tensor& t) {
    text_ += ' ';
    if (t.type().is_scalar() && max_elements_ != 0) {
      text_ += element_text(t, 0);
      return;
    }
    const bool whole = max_elements_ < 0 || t.size() <= max_elements_;
    const std::int64_t shown = whole ? t.size() : max_elements_;
    text_ += '[';
    for (std::int64_t k = 0; k < shown; ++k) text_ += (k ? ", " : "") + element_text(t, k);
    if (!whole) text_ += shown ? ", ..." : "...";
    text_ += ']';
  }

  void node(const Function& f, Value v, int indent) {
    text_.append(static_cast<std::size_t>(indent), ' ');
    value(v);
    text_ += " = ";
    text_ += name_of(f.op(v));
    values(f.operands(v));
    Attr attr = f.attr(v);
    if (const auto* a = std::get_if<LiteralAttr>(&attr)) literal(*a->value);
    first_field_ = true;
    std::visit([&](auto& a) { each_field(a, *this); }, attr);
    if (!first_field_) text_ += '}';
    text_ += " : ";
    if (is_projected(f.op(v))) {
      text_ += '(';
      for (std::size_t k = 0; k < f.result_types(v).size(); ++k) {
        text_ += (k ? ", " : "") + f.result_types(v)[k].text();
      }
      text_ += ')';
    } else {
      text_ += f.type(v).text();
    }
    each_body(attr, [&](const char* name, const FunctionPtr& body, bool) {
      if (!body) return;
      text_ += std::string(" ") + name;
      function(*body, indent);
    });
    text_ += '\n';
  }

  std::string text_;
  std::int64_t max_elements_;
  bool first_field_ = true;
};

}  // namespace

std::string print(const Function& f, std::int64_t max_elements) {
  Printer printer(max_elements);
  printer.function(f, 0);
  return "function" + printer.take() + '\n';
}

}  // namespace cotangent::ir
