// The text form, read.
//
//   program  := function END
//   function := "function" definition
//   definition := name? "(" (param ("," param)*)? ")" "{" node* "return" values "}"
//   param    := value name? ":" type
//   node     := value "=" op values literal? attr? ":" types ("body" definition)?
//   values   := (value ("," value)*)?
//   literal  := element | "[" (element ("," element)*)? "]"       (constant only)
//   attr     := "{" name "=" field ("," name "=" field)* "}"  (attr_fields.h, in that order)
//   types    := type | "(" (type ("," type)*)? ")"                   (second order: the latter)
//   type     := dtype ("[" number ("," number)* "]")?
//   name     := word | quoted;  value := "%" number
//
// Spaces and line ends are free; "#" starts a comment. The numbers after "%" are labels: any
// numbers, each given once in a definition before it is used.
#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>
#include <unordered_map>
#include <utility>

#include "cotangent/base/text.h"
#include "cotangent/ir/attr_fields.h"
#include "cotangent/ir/builder.h"
#include "cotangent/ir/text.h"

namespace cotangent::ir {
namespace {

constexpr std::size_t kMaxBytes = std::size_t{64} << 20;
constexpr int kMaxDepth = 64;
/// An axis; an entry of an attribute's list.
constexpr std::int64_t kMaxAxis = std::int64_t{1} << 31;
/// The product of a type's axes, those of length 0 counted as 1.
constexpr std::int64_t kMaxElements = std::int64_t{1} << 32;
/// trip, count, every.
constexpr std::int64_t kMaxCount = std::int64_t{1} << 40;

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}
  Parser(std::string_view text, const SourceFile& file, std::span<const std::uint32_t> offsets)
      : text_(text), file_(&file), offsets_(offsets) {}

  FunctionPtr program() {
    if (text_.size() > kMaxBytes) {
      throw UserError("the program text has " + std::to_string(text_.size()) + " bytes",
                      "keep it under " + std::to_string(kMaxBytes));
    }
    expect_word("function");
    FunctionPtr f = definition(0);
    skip_space();
    if (at_ != text_.size()) fail("text after the end of the function", "nothing");
    return f;
  }

  // --- attribute fields, called by each_field
  void operator()(const char* name, std::int64_t& member) {
    field_name(name);
    // A site is a number that means nothing but itself; the largest says that there is none.
    const bool site = std::string_view(name) == "site";
    member = integer(site ? std::numeric_limits<std::int64_t>::max() - 1 : kMaxCount);
  }
  void operator()(const char* name, bool& member) {
    field_name(name);
    constexpr const char* kNames[] = {"false", "true"};
    member = choice(kNames) == 1;
  }
  void operator()(const char* name, PairKind& member) {
    field_name(name);
    member = static_cast<PairKind>(choice(kPairKindNames));
  }
  void operator()(const char* name, FftKind& member) {
    field_name(name);
    member = static_cast<FftKind>(choice(kFftKindNames));
  }
  /// Left out where it is the default; the last field.
  void operator()(const char* name, Keep& member) {
    if (peek() != ',') return;
    field_name(name);
    member.kind = static_cast<KeepKind>(choice(kKeepNames));
    if (!accept('(')) return;
    member.number = integer(std::numeric_limits<std::int64_t>::max());
    expect(')');
  }
  void operator()(const char* name, std::string& member) {
    field_name(name);
    member = this->name();
  }
  void operator()(const char* name, Dims& member) {
    field_name(name);
    const std::int64_t limit = std::string_view(name) == "every" ? kMaxCount : kMaxAxis;
    bracketed('[', ']', [&] { member.push_back(integer(limit)); });
  }
  void operator()(const char* name, std::vector<Role>& member) {
    field_name(name);
    bracketed('[', ']', [&] { member.push_back(static_cast<Role>(choice(kRoleNames))); });
  }

 private:
  /// The values a definition has named so far.
  using Labels = std::unordered_map<std::int64_t, Value>;

  // --- errors
  [[noreturn]] void fail_at(std::size_t begin, std::size_t end, std::string what, std::string why,
                            std::string remedy = "") const {
    SourceSpan span{0, static_cast<std::uint32_t>(begin), static_cast<std::uint32_t>(end)};
    if (file_) {
      span.begin = offsets_[std::min(begin, text_.size())];
      span.end = offsets_[std::min(end, text_.size())];
    }
    const std::string place =
        file_ ? show_place(*file_, span) : show_place({"program", std::string(text_)}, span);
    throw UserError({std::move(what), place, std::move(why), std::move(remedy)});
  }
  [[noreturn]] void fail(std::string what, std::string why) const {
    fail_at(at_, at_ + 1, std::move(what), std::move(why));
  }

  /// Runs `action`; a UserError from inference gets the place of the node.
  template <class Action>
  auto placed(std::size_t begin, Action action) {
    try {
      return action();
    } catch (const UserError& e) {
      if (!e.parts().where.empty()) throw;
      fail_at(begin, at_, e.parts().what, e.parts().why, e.parts().remedy);
    }
  }

  // --- characters
  void skip_space() {
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == '#') {
        while (at_ < text_.size() && text_[at_] != '\n') ++at_;
      } else if (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
        ++at_;
      } else {
        return;
      }
    }
  }
  char peek() {
    skip_space();
    return at_ < text_.size() ? text_[at_] : '\0';
  }
  bool accept(char c) {
    if (peek() != c || at_ >= text_.size()) return false;
    ++at_;
    return true;
  }
  void expect(char c) {
    if (!accept(c)) fail(describe_next(), std::string("'") + c + "'");
  }
  std::string describe_next() {
    skip_space();
    if (at_ >= text_.size()) return "the text ends too early";
    const auto c = static_cast<unsigned char>(text_[at_]);
    return std::isprint(c) ? std::string("unexpected '") + text_[at_] + "'" : "unexpected byte";
  }
  static bool word_char(char c) {
    return std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '.';
  }
  /// The longest run of word characters; may be empty.
  std::string_view word() {
    skip_space();
    const std::size_t begin = at_;
    while (at_ < text_.size() && word_char(text_[at_])) ++at_;
    return text_.substr(begin, at_ - begin);
  }
  bool at_word(std::string_view wanted) {
    skip_space();
    const std::string_view rest = text_.substr(at_);
    return rest.starts_with(wanted) &&
           (rest.size() == wanted.size() || !word_char(rest[wanted.size()]));
  }

  void expect_word(std::string_view wanted) {
    skip_space();
    const std::size_t begin = at_;
    if (word() != wanted) {
      at_ = begin;
      fail(describe_next(), "'" + std::string(wanted) + "'");
    }
  }
  template <std::size_t N>
  std::size_t choice(const char* const (&names)[N]) {
    skip_space();
    const std::size_t begin = at_;
    const std::string_view given = word();
    std::string known;
    for (std::size_t k = 0; k < N; ++k) {
      if (given == names[k]) return k;
      known += (k ? ", " : "") + std::string(names[k]);
    }
    fail_at(begin, at_, "unknown word '" + std::string(given.substr(0, 40)) + "'",
            "one of " + known);
  }
  /// "open (item ("," item)*)? close"
  template <class Item>
  void bracketed(char open, char close, Item item) {
    expect(open);
    if (accept(close)) return;
    do item();
    while (accept(','));
    expect(close);
  }

  // --- tokens
  /// A whole number in [0, limit].
  std::int64_t integer(std::int64_t limit) {
    skip_space();
    const std::size_t begin = at_;
    while (at_ < text_.size() && std::isdigit(static_cast<unsigned char>(text_[at_]))) ++at_;
    std::int64_t number = 0;
    const auto done = std::from_chars(text_.data() + begin, text_.data() + at_, number);
    if (begin == at_) fail(describe_next(), "a whole number");
    if (done.ec != std::errc() || number > limit) {
      fail_at(begin, at_, "the number is too large", "at most " + std::to_string(limit));
    }
    return number;
  }
  void field_name(std::string_view name) {
    if (!std::exchange(first_field_, false)) expect(',');
    expect_word(name);
    expect('=');
  }
  bool at_name() {
    const char c = peek();
    return c == '"' || std::isalpha(static_cast<unsigned char>(c)) || c == '_';
  }
  /// A word or a quoted text; empty when neither stands here.
  std::string name() {
    if (!at_name()) return "";
    if (peek() != '"') return std::string(word());
    const std::size_t begin = at_++;
    std::string out;
    while (at_ < text_.size() && text_[at_] != '"' && text_[at_] != '\n') {
      char c = text_[at_++];
      if (c == '\\') {
        if (at_ >= text_.size()) break;
        c = text_[at_++];
        if (c == 'x') {
          unsigned code = 256;
          const char* first = text_.data() + at_;
          const char* last = text_.data() + std::min(at_ + 2, text_.size());
          if (std::from_chars(first, last, code, 16).ptr != first + 2) code = 256;
          if (code > 255) fail("bad escape in a name", "two hexadecimal digits after \\x");
          at_ += 2;
          c = static_cast<char>(code);
        } else if (c != '"' && c != '\\') {
          fail("bad escape in a name", "\\\", \\\\ or \\x and two hexadecimal digits");
        }
      }
      out += c;
    }
    if (at_ >= text_.size() || text_[at_] != '"') {
      fail_at(begin, begin + 1, "the name has no closing quote", "'\"' on the same line");
    }
    ++at_;
    return out;
  }
  std::int64_t label() {
    expect('%');
    if (at_ < text_.size() && !std::isdigit(static_cast<unsigned char>(text_[at_]))) {
      fail(describe_next(), "a number after '%'");
    }
    return integer(std::numeric_limits<std::int64_t>::max());
  }
  Value value(const Labels& labels) {
    skip_space();
    const std::size_t begin = at_;
    const std::int64_t number = label();
    const auto found = labels.find(number);
    if (found == labels.end()) {
      fail_at(begin, at_, "%" + std::to_string(number) + " is not defined here",
              "a value defined above, in the same function");
    }
    return found->second;
  }
  std::vector<Value> values(const Labels& labels) {
    std::vector<Value> list;
    if (peek() != '%') return list;
    do list.push_back(value(labels));
    while (accept(','));
    return list;
  }

  Type type() {
    skip_space();
    const std::size_t begin = at_;
    const std::string_view given = word();
    Type t;
    bool known = false;
    for (int k = 0; k < kDTypeCount && !known; ++k) {
      t.dtype = static_cast<DType>(k);
      known = given == cotangent::name_of(t.dtype);
    }
    if (!known) {
      if (given.empty()) fail(describe_next(), "a type such as f64[6,3]");
      fail_at(begin, at_, "unknown type '" + std::string(given.substr(0, 40)) + "'",
              "f32, f64, i32, i64, u32, u64, bool, u8, i8, i16, f16 or bf16");
    }
    if (peek() != '[') return t;
    Dims axes;
    std::int64_t elements = 1;
    bracketed('[', ']', [&] {
      axes.push_back(integer(kMaxAxis));
      elements *= std::max<std::int64_t>(axes.back(), 1);
      if (elements > kMaxElements) {
        fail_at(begin, at_, "the array is too large",
                "at most " + std::to_string(kMaxElements) + " elements");
      }
    });
    if (axes.empty() || axes.size() > static_cast<std::size_t>(Shape::kMaxRank)) {
      fail_at(begin, at_, std::to_string(axes.size()) + " axes between brackets",
              "one to eight; a scalar has no brackets");
    }
    t.shape = Shape(axes);
    return t;
  }

  // --- literals
  /// One element as written, with its place; read once the type is known.
  std::string_view element() {
    skip_space();
    const std::size_t begin = at_;
    if (at_ < text_.size() && text_[at_] == '-') ++at_;
    while (at_ < text_.size() &&
           (word_char(text_[at_]) || ((text_[at_] == '+' || text_[at_] == '-') &&
                                      (text_[at_ - 1] == 'e' || text_[at_ - 1] == 'E')))) {
      ++at_;
    }
    if (at_ == begin) fail(describe_next(), "a number, true or false");
    return text_.substr(begin, at_ - begin);
  }

  /// "nan", or "nan_" and its bits in hexadecimal.
  template <class T>
  static bool read_nan(std::string_view word, T& out) {
    out = std::numeric_limits<T>::quiet_NaN();
    if (word == "nan") return true;
    using Bits = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;
    Bits bits = 0;
    if (!word.starts_with("nan_")) return false;
    const auto done = std::from_chars(word.data() + 4, word.data() + word.size(), bits, 16);
    if (done.ec != std::errc() || done.ptr != word.data() + word.size()) return false;
    std::memcpy(&out, &bits, sizeof out);
    return out != out;
  }

  template <class T>
  void read_elements(std::span<const std::string_view> words, Tensor& out) {
    std::span<T> elements = out.as<T>();
    for (std::size_t k = 0; k < words.size(); ++k) {
      const std::string_view word = words[k];
      const auto begin = static_cast<std::size_t>(word.data() - text_.data());
      bool good = true;
      if constexpr (std::is_same_v<T, bool>) {
        elements[k] = word == "true";
        good = elements[k] || word == "false";
      } else if (std::is_floating_point_v<T> && (word == "inf" || word == "-inf")) {
        elements[k] = std::numeric_limits<T>::infinity();
        if (word == "-inf") elements[k] = static_cast<T>(-elements[k]);
      } else if (std::is_floating_point_v<T> && word.starts_with("nan")) {
        good = read_nan(word, elements[k]);
      } else {
        const std::size_t digit = word[0] == '-' ? 1 : 0;  // keeps out "infinity" and "nan(1)"
        good = digit < word.size() && (std::isdigit(static_cast<unsigned char>(word[digit])) ||
                                       (std::is_floating_point_v<T> && word[digit] == '.'));
        const auto done = std::from_chars(word.data(), word.data() + word.size(), elements[k]);
        good = good && done.ec == std::errc() && done.ptr == word.data() + word.size();
      }
      if (!good) {
        fail_at(begin, begin + word.size(),
                "'" + std::string(word.substr(0, 40)) + "' is no value of the type",
                "a value that " + std::string(cotangent::name_of(out.type().dtype)) + " can hold");
      }
    }
  }

  /// Every f16 and bf16 is an f32, and the shortest text of that reads back.
  template <class T>
  void read_halves(std::span<const std::string_view> words, Tensor& out) {
    Tensor wide(scalar(DType::kF32));
    for (std::size_t k = 0; k < words.size(); ++k) {
      T& to = out.as<T>()[k];
      if (words[k].starts_with("nan_")) {
        const char* end = words[k].data() + words[k].size();
        const auto done = std::from_chars(words[k].data() + 4, end, to.bits, 16);
        if (done.ec == std::errc() && done.ptr == end && std::isnan(static_cast<float>(to)))
          continue;
      }
      read_elements<float>(words.subspan(k, 1), wide);
      to = T(wide.as<float>()[0]);
    }
  }

  Tensor literal(std::span<const std::string_view> words, bool list, const Type& t,
                 std::size_t begin) {
    if (list == t.is_scalar()) {
      fail_at(begin, at_, "the literal does not fit " + t.text(),
              t.is_scalar() ? "one element without brackets" : "elements in brackets");
    }
    if (static_cast<std::int64_t>(words.size()) != t.size()) {
      fail_at(begin, at_, std::to_string(words.size()) + " elements for " + t.text(),
              std::to_string(t.size()));
    }
    Tensor out(t);
    switch (t.dtype) {
      case DType::kF32: read_elements<float>(words, out); break;
      case DType::kF64: read_elements<double>(words, out); break;
      case DType::kI32: read_elements<std::int32_t>(words, out); break;
      case DType::kI64: read_elements<std::int64_t>(words, out); break;
      case DType::kU32: read_elements<std::uint32_t>(words, out); break;
      case DType::kU64: read_elements<std::uint64_t>(words, out); break;
      case DType::kBool: read_elements<bool>(words, out); break;
      case DType::kU8: read_elements<std::uint8_t>(words, out); break;
      case DType::kI8: read_elements<std::int8_t>(words, out); break;
      case DType::kI16: read_elements<std::int16_t>(words, out); break;
      case DType::kF16: read_halves<Float16>(words, out); break;
      case DType::kBF16: read_halves<BFloat16>(words, out); break;
    }
    return out;
  }

  // --- structure
  FunctionPtr definition(int depth) {
    if (depth > kMaxDepth) {
      fail("bodies are nested too deeply", "at most " + std::to_string(kMaxDepth) + " levels");
    }
    Builder builder(name());
    Labels labels;
    bracketed('(', ')', [&] {
      const auto [begin, number] = new_label(labels);
      const std::string param_name = name();
      expect(':');
      labels[number] = builder.param(type(), param_name);
    });
    expect('{');
    while (peek() == '%') node(builder, labels, depth);
    expect_word("return");
    const std::size_t begin = at_;
    const std::vector<Value> results = values(labels);
    expect('}');
    for (Value v : results) {
      if (is_projected(builder.so_far().op(v))) {
        fail_at(begin, at_, "a node with several results is returned whole", "its projections");
      }
    }
    return placed(begin, [&] { return builder.finish(results); });
  }

  /// A label that is new in this definition, and where it stands.
  std::pair<std::size_t, std::int64_t> new_label(const Labels& labels) {
    skip_space();
    const std::size_t begin = at_;
    const std::int64_t number = label();
    if (labels.contains(number)) {
      fail_at(begin, at_, "%" + std::to_string(number) + " is defined twice", "another number");
    }
    return {begin, number};
  }

  Op op() {
    skip_space();
    const std::size_t begin = at_;
    const std::string given(word());
    const auto found = op_named(given);
    if (found && *found != Op::kParameter) return *found;
    std::vector<std::string> known;
    for (const OpInfo& entry : all_ops()) known.emplace_back(entry.name);
    const std::string near = nearest_name(given, known);
    if (given.empty()) fail(describe_next(), "the name of an op");
    fail_at(begin, at_, "unknown op '" + given.substr(0, 40) + "'", "an op of the table",
            near.empty() ? "" : "did you mean '" + near + "'?");
  }

  void node(Builder& builder, Labels& labels, int depth) {
    const auto [begin, number] = new_label(labels);
    expect('=');
    const Op op = this->op();
    const std::vector<Value> operands = values(labels);
    std::vector<std::string_view> words;
    bool list = false;
    if (op == Op::kConstant) {
      list = peek() == '[';
      if (list)
        bracketed('[', ']', [&] { words.push_back(element()); });
      else
        words.push_back(element());
    }
    Attr attr = empty_attr(op);
    std::visit([&](auto& a) { fields(a); }, attr);
    expect(':');
    std::vector<Type> types;
    if (is_projected(op))
      bracketed('(', ')', [&] { types.push_back(type()); });
    else
      types.push_back(type());
    each_body(attr, [&](const char* name, FunctionPtr& body, bool optional) {
      if (optional && !at_word(name)) return;
      expect_word(name);
      body = definition(depth + 1);
    });
    if (auto* a = std::get_if<LiteralAttr>(&attr)) {
      a->value = std::make_shared<Tensor>(literal(words, list, types[0], begin));
    }
    labels[number] =
        placed(begin, [&] { return make(builder, op, operands, std::move(attr), types, begin); });
  }

  /// "{a=.., b=..}" when the attribute has fields.
  template <class A>
  void fields(A& attr) {
    bool any = false;
    A probe;
    each_field(probe, [&](const char*, auto&) { any = true; });
    if (!any) return;
    expect('{');
    first_field_ = true;
    each_field(attr, *this);
    expect('}');
  }

  /// Infers before making, so that a wrong type is refused before anything is folded or allocated.
  Value make(Builder& builder, Op op, std::span<const Value> operands, Attr attr,
             std::span<const Type> declared, std::size_t begin) {
    const Function& f = builder.so_far();
    const Type hint = declared.empty() ? Type{} : declared[0];
    std::vector<Type> inferred;
    if (op == Op::kProject) {
      const std::int64_t index = std::get<IndexAttr>(attr).index;
      const bool fits = operands.size() == 1 && is_projected(f.op(operands[0])) &&
                        index < static_cast<std::int64_t>(f.result_types(operands[0]).size());
      if (!fits) {
        fail_at(begin, at_, "[project] the operand has no such result",
                "one node with several results and the number of one of them");
      }
      inferred.push_back(f.result_types(operands[0])[static_cast<std::size_t>(index)]);
    } else {
      std::vector<Type> operand_types;
      for (Value v : operands) {
        if (is_projected(f.op(v))) {
          fail_at(begin, at_, "a node with several results is read whole",
                  "one of its projections");
        }
        operand_types.push_back(f.type(v));
      }
      inferred = infer(op, operand_types, attr, hint);
    }
    if (!std::equal(inferred.begin(), inferred.end(), declared.begin(), declared.end())) {
      std::string text;
      for (const Type& t : inferred) text += (text.empty() ? "" : ", ") + t.text();
      fail_at(begin, at_,
              "[" + std::string(info(op).name) + "] the type is not what the operands give",
              text.empty() ? "no results" : text);
    }
    if (op == Op::kProject) return builder.project(operands[0], std::get<IndexAttr>(attr).index);
    return builder.make(op, operands, std::move(attr), hint);
  }

  std::string_view text_;
  const SourceFile* file_ = nullptr;  ///< that the text stands in
  std::span<const std::uint32_t> offsets_;
  std::size_t at_ = 0;
  bool first_field_ = true;
};

}  // namespace

FunctionPtr parse(std::string_view text) {
  return Parser(text).program();
}

FunctionPtr parse(std::string_view text, const SourceFile& file,
                  std::span<const std::uint32_t> offsets) {
  return Parser(text, file, offsets).program();
}

}  // namespace cotangent::ir
