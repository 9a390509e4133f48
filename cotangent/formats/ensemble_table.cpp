#include "cotangent/formats/ensemble_table.h"

#include <algorithm>

#include "cotangent/base/text.h"
#include "cotangent/formats/table_reader.h"
#include "cotangent/formats/units_table.h"
#include "cotangent/lang/lexer.h"

namespace cotangent::formats {
namespace {

using mechanics::EnsembleSettings;
using mechanics::Spread;

constexpr std::int64_t kMaxMembers = std::int64_t{1} << 31;

constexpr const char* kLaws[] = {"normal", "relative", "lognormal", "uniform", "values"};
constexpr const char* kExample =
    "{normal = 0.01}, {relative = 0.05}, {lognormal = 0.1}, "
    "{uniform = [-1, 1]} or {values = {file = \"members.csv\"}}";

class EnsembleReader {
 public:
  EnsembleReader(const ValueSource& source, const lang::Context& names, const Node& parameters,
                 const mechanics::System& system, const mechanics::InitialState& initial)
      : source_(source),
        names_(names),
        parameters_(parameters),
        system_(system),
        initial_(initial) {}

  EnsembleSettings run(const Entry& entry) {
    TableReader table(source_.file, entry.value, "[ensemble]",
                      {"size", "seed", "spread", "quantiles", "covariance"});
    const Node& size = table.need("size", "size = 1000")->value;
    const Entry* seed = table.get("seed");
    const Entry* spread = table.get("spread");
    const Entry* quantiles = table.get("quantiles");
    const Entry* covariance = table.get("covariance");
    table.finish();
    out_.size = read_integer(source_, size, "size", names_);
    out_.size_span = size.span;
    if (out_.size < 1 || out_.size > kMaxMembers) {
      fail(size.span, "size is " + std::to_string(out_.size), "a number of members from 1 to 2^31",
           "write size = 1000");
    }
    if (seed) {
      const std::int64_t number = read_integer(source_, seed->value, "seed", names_);
      if (number < 0) {
        fail(seed->value.span, "seed is " + std::to_string(number), "a whole number from 0",
             "write seed = 1");
      }
      out_.seed = static_cast<std::uint64_t>(number);
    }
    if (!spread || (spread->value.kind == NodeKind::kTable && spread->value.entries.empty())) {
      fail(entry.value.span, "[ensemble] spreads nothing: all members would be one",
           "[ensemble.spread] with q = {normal = 0.01}", "say what differs between members");
    }
    TableReader(source_.file, spread->value, "[ensemble.spread]");
    for (const Entry& e : spread->value.entries) read_spread(e);
    if (quantiles) read_quantiles(quantiles->value);
    if (covariance) read_covariance(covariance->value);
    return std::move(out_);
  }

 private:
  [[noreturn]] void fail(SourceSpan span, std::string what, std::string why,
                         std::string remedy) const {
    fail_at(source_.file, span, std::move(what), std::move(why), std::move(remedy));
  }

  /// What can be spread, and its shape.
  std::vector<lang::NamedShape> targets() const {
    std::vector<lang::NamedShape> all = names_.arrays();
    if (all.empty()) {
      all = {{"q", *names_.state()}, {initial_.p ? "p" : "v", *names_.state()}};
    }
    for (const mechanics::Parameter& p : system_.parameters) {
      all.push_back({p.name, p.value.type().shape});
    }
    return all;
  }

  struct Target {
    std::string name;
    Shape shape;  ///< of what the indices leave
    std::int64_t begin = 0, end = 0;
  };

  /// "q", "q[0]", "q[0,1]".
  Target target(const Entry& entry) const {
    const lang::SourceText text = key_text(source_.file, entry);
    const std::vector<lang::Token> tokens = lang::tokenize(text);
    std::size_t at = 0;
    const auto take = [&](lang::TokenKind kind, const char* expected) {
      const lang::Token& t = tokens[std::min(at, tokens.size() - 1)];
      if (t.kind != kind) {
        lang::fail(text, t.begin, t.end, "the key has " + lang::describe(text, t) + " here",
                   expected, "write q for all of it, or \"q[0]\" or \"q[0,1]\" for a part");
      }
      ++at;
      return t;
    };
    const lang::Token word = take(lang::TokenKind::kName, "the name of what is spread");
    Target found;
    found.name = text.text.substr(word.begin, word.end - word.begin);
    found.shape = shape_of(found.name, entry);
    found.end = found.shape.size();
    if (tokens[at].kind == lang::TokenKind::kOpenBracket) {
      do {
        ++at;
        const lang::Token t = take(lang::TokenKind::kInteger, "an index: a whole number from 0");
        if (found.shape.rank() == 0) {
          lang::fail(text, t.begin, t.end, "'" + found.name + "' is given too many indices",
                     "no more than it has axes", "leave some out");
        }
        if (t.integer >= found.shape[0]) {
          lang::fail(text, t.begin, t.end,
                     "index " + std::to_string(t.integer) + " is out of bounds",
                     "0 to " + std::to_string(found.shape[0] - 1), "count from 0");
        }
        found.shape = found.shape.row();
        found.begin += t.integer * found.shape.size();
        found.end = found.begin + found.shape.size();
      } while (tokens[at].kind == lang::TokenKind::kComma);
      take(lang::TokenKind::kCloseBracket, "',' or ']'");
    }
    take(lang::TokenKind::kEnd, "the end of the key");
    return found;
  }

  Shape shape_of(const std::string& name, const Entry& entry) const {
    const auto all = targets();
    std::vector<std::string> known;
    for (const lang::NamedShape& a : all) {
      if (a.name == name) return a.shape;
      known.push_back(a.name);
    }
    if (names_.parameter(name)) {
      fail(entry.key_span, "'" + name + "' is made of whole numbers, which are part of the program",
           "a real parameter or a part of the state",
           "write its numbers with a point, as in 1.0, if they may vary");
    }
    if (names_.arrays().empty() && (name == "p" || name == "v")) {
      fail(entry.key_span, "'" + name + "' is not given in [initial]",
           std::string("'") + (initial_.p ? "p" : "v") + "', which is",
           std::string("spread ") + (initial_.p ? "p" : "v") + " instead");
    }
    const std::string near = nearest_name(name, known);
    fail(entry.key_span, "'" + name + "' is nothing that can be spread",
         "one of " + join(known, ", "),
         near.empty() ? "spread a part of the state or a parameter"
                      : "did you mean '" + near + "'?");
  }

  /// Other parameters were worked out before the run and would not follow.
  void refuse_derived(const Target& target, const Entry& entry) const {
    for (const Entry& p : parameters_.entries) {
      for (const auto& part : computed_parts(source_.file, p.value, "parameter '" + p.key + "'")) {
        const auto used = lang::free_names(names_, *part);
        if (std::find(used.begin(), used.end(), target.name) == used.end()) continue;
        fail(entry.key_span,
             "the parameter '" + p.key + "' is worked out from '" + target.name +
                 "' when the file is read, and would not follow its spread",
             "a parameter that no other is worked out from",
             "move " + p.key + " to [define], which is worked out in the run");
      }
    }
  }

  void read_spread(const Entry& entry) {
    const Target t = target(entry);
    Spread spread;
    spread.name = t.name;
    spread.begin = t.begin;
    spread.end = t.end;
    spread.span = entry.value.span;
    spread.parameter = names_.parameter(t.name) != nullptr;
    if (spread.parameter) refuse_derived(t, entry);
    for (const Spread& other : out_.spreads) {
      if (other.name != t.name || other.end <= t.begin || other.begin >= t.end) continue;
      fail(entry.key_span, "'" + entry.key + "' is spread twice", "one spread for each entry",
           "remove one of them");
    }
    if (entry.value.kind != NodeKind::kTable) {
      fail(entry.value.span, "the spread of '" + entry.key + "' is " + describe(entry.value),
           kExample, "say how it is spread");
    }
    const std::string what = "the spread of '" + entry.key + "'";
    TableReader table(source_.file, entry.value, what,
                      std::vector<std::string>(std::begin(kLaws), std::end(kLaws)));
    const Entry* law = nullptr;
    for (const char* name : kLaws) {
      const Entry* given = table.get(name);
      if (given && law) {
        fail(given->key_span, what + " is both " + law->key + " and " + given->key, "one of them",
             "remove one");
      }
      if (given) law = given;
    }
    table.finish();
    if (!law) fail(entry.value.span, what + " is not said", kExample, "say how it is spread");
    read_law(*law, t, spread);
    out_.spreads.push_back(std::move(spread));
  }

  /// In the file's own units, where it has any.
  ir::Tensor numbers_of(const Entry& law, const Target& t) const {
    if (!source_.units) return read_numbers(source_, law.value, "'" + law.key + "'", names_);
    SpreadPart part;
    part.name = t.name;
    part.begin = t.begin;
    part.end = t.end;
    part.law = law.key;
    part.relative = law.key == "relative" || law.key == "lognormal";
    part.each_same = law.key == "uniform";
    return source_.units->read_spread(source_, law.value, part, names_);
  }

  void read_law(const Entry& law, const Target& t, Spread& spread) {
    const ir::Tensor value = as_real(numbers_of(law, t));
    const Shape shape = value.type().shape;
    if (law.key == "uniform") {
      spread.law = Spread::Law::kUniform;
      if (shape != Shape{2} || !(value.as<double>()[0] < value.as<double>()[1])) {
        fail(law.value.span, "'uniform' is no range", "[low, high], low below high",
             "write uniform = [-1.0, 1.0]");
      }
      spread.low = value.as<double>()[0];
      spread.high = value.as<double>()[1];
      return;
    }
    if (law.key == "values") {
      spread.law = Spread::Law::kValues;
      const std::int64_t entries = t.end - t.begin;
      const std::int64_t rows = shape.rank() == 0 ? 1 : shape[0];
      if (rows != out_.size || value.size() != out_.size * entries) {
        fail(law.value.span, "'values' has the shape " + shape.text(),
             "a row of " + std::to_string(entries) + " for each of " + std::to_string(out_.size) +
                 " members",
             "give as many rows as [ensemble] size");
      }
      spread.values = ir::Tensor::of<double>(Shape{out_.size, entries}, value.as<double>());
      return;
    }
    spread.law = law.key == "normal"     ? Spread::Law::kNormal
                 : law.key == "relative" ? Spread::Law::kRelative
                                         : Spread::Law::kLogNormal;
    if (shape.rank() != 0 && shape != t.shape) {
      fail(law.value.span, "'" + law.key + "' has the shape " + shape.text(),
           t.shape.rank() == 0 ? "one number" : "one number, or the shape " + t.shape.text(),
           "write one number for all entries");
    }
    for (const double sigma : value.as<double>()) {
      if (sigma >= 0) continue;
      fail(law.value.span, "'" + law.key + "' is " + shortest(sigma),
           "a standard deviation, from 0", "write it without the minus");
    }
    spread.scale = value;
  }

  void read_quantiles(const Node& node) {
    const ir::Tensor value = as_real(read_numbers(source_, node, "'quantiles'", names_));
    if (value.type().shape.rank() > 1) {
      fail(node.span, "'quantiles' has the shape " + value.type().shape.text(), "a list of numbers",
           "write quantiles = [0.05, 0.5, 0.95]");
    }
    double before = 0;
    for (const double x : value.as<double>()) {
      if (!(x > before && x < 1)) {
        fail(node.span,
             "'quantiles' holds " + shortest(x) + (x > 0 && x < 1 ? " out of order" : ""),
             "numbers between 0 and 1, going up", "write quantiles = [0.05, 0.5, 0.95]");
      }
      out_.quantiles.push_back(before = x);
    }
  }

  void read_covariance(const Node& node) {
    out_.covariance_span = node.span;
    std::vector<std::string> known;
    for (const mechanics::Observable& o : system_.observables) known.push_back(o.name);
    if (node.kind != NodeKind::kArray || node.items.empty()) {
      fail(node.span,
           "'covariance' is " + (node.kind == NodeKind::kArray ? "empty" : describe(node)),
           "a list of observables", "write covariance = [\"a\", \"b\"], or leave it out");
    }
    for (const Node& item : node.items) {
      const bool text = item.kind == NodeKind::kString;
      if (!text || std::find(known.begin(), known.end(), *item.string) == known.end()) {
        const std::string near = text ? nearest_name(*item.string, known) : std::string();
        fail(item.span, (text ? "\"" + *item.string + "\"" : describe(item)) + " is no observable",
             known.empty() ? "one of [observe], which has none" : "one of " + join(known, ", "),
             near.empty() ? "add it to [observe]" : "did you mean \"" + near + "\"?");
      }
      auto& listed = out_.covariance;
      if (std::find(listed.begin(), listed.end(), *item.string) != listed.end()) {
        fail(item.span, "\"" + *item.string + "\" is listed twice", "each observable once",
             "remove one");
      }
      listed.push_back(*item.string);
    }
  }

  const ValueSource& source_;
  const lang::Context& names_;
  const Node& parameters_;
  const mechanics::System& system_;
  const mechanics::InitialState& initial_;
  EnsembleSettings out_;
};

}  // namespace

EnsembleSettings read_ensemble(const ValueSource& source, const Entry& entry,
                               const lang::Context& names, const Node& parameters,
                               const mechanics::System& system,
                               const mechanics::InitialState& initial) {
  return EnsembleReader(source, names, parameters, system, initial).run(entry);
}

}  // namespace cotangent::formats
