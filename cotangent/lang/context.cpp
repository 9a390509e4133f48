#include "cotangent/lang/context.h"

#include <algorithm>
#include <unordered_set>

#include "cotangent/base/text.h"
#include "cotangent/ir/evaluator.h"
#include "cotangent/lang/lexer.h"
#include "cotangent/lang/names.h"
#include "cotangent/lang/parser.h"
#include "cotangent/lang/tracer.h"

namespace cotangent::lang {
namespace {

constexpr std::int64_t kWorkPerContext = 2'000'000;

/// Calls `visit(node)` for every node of a tree. Trees are no higher than the parser allows.
template <class Visit>
void walk(const Expr& e, const Visit& visit) {
  visit(e);
  for (const Expr* child : e.children) walk(*child, visit);
  if (e.reduce) {
    for (const Expr* part : {e.reduce->low, e.reduce->high, e.reduce->filter, e.reduce->body}) {
      if (part) walk(*part, visit);
    }
  }
}

}  // namespace

Context::Context() : budget_(std::make_shared<std::int64_t>(kWorkPerContext)) {}

void Context::add_parameter(std::string name, ir::Tensor value) {
  ensure(!parameter_index_.contains(name), "a parameter is added twice");
  parameter_index_.emplace(name, parameters_.size());
  parameters_.push_back({std::move(name), std::move(value)});
}

const NamedTensor* Context::parameter(const std::string& name) const {
  const auto found = parameter_index_.find(name);
  return found == parameter_index_.end() ? nullptr : &parameters_[found->second];
}

std::int64_t Context::packed_size() const {
  std::int64_t size = 0;
  for (const NamedShape& a : arrays_) size += a.shape.size();
  return size;
}

std::optional<Shape> Context::state_shape(const std::string& name) const {
  for (const NamedShape& a : arrays_) {
    if (a.name == name) return a.shape;
  }
  if (arrays_.empty() && (name == "q" || name == "p" || name == "v")) return state_;
  return std::nullopt;
}

std::vector<std::string> Context::state_names() const {
  if (arrays_.empty()) return {"q", "p", "v"};
  std::vector<std::string> names;
  for (const NamedShape& a : arrays_) names.push_back(a.name);
  return names;
}

void Context::add_definition(Definition definition) {
  ensure(!definition_index_.contains(definition.name), "a definition is added twice");
  definition_index_.emplace(definition.name, definitions_.size());
  definitions_.push_back(std::move(definition));
}

const Definition* Context::definition(const std::string& name) const {
  const auto found = definition_index_.find(name);
  return found == definition_index_.end() ? nullptr : &definitions_[found->second];
}

bool Context::spend(std::int64_t work) const {
  if (*budget_ < work) {
    *budget_ = 0;
    return false;
  }
  *budget_ -= work;
  return true;
}

std::vector<std::string> Context::known_names() const {
  std::vector<std::string> all;
  for (const NamedTensor& p : parameters_) all.push_back(p.name);
  for (const Definition& d : definitions_) all.push_back(d.name);
  for (const std::string& name : mentioned_) {
    if (!parameter_index_.contains(name)) all.push_back(name);
  }
  return all;
}

void Context::check_definitions() const {
  enum class Mark : std::uint8_t { kNew, kOpen, kDone };
  std::vector<Mark> marks(definitions_.size(), Mark::kNew);
  std::vector<std::size_t> path;
  const auto visit = [&](const auto& self, std::size_t at) -> void {
    marks[at] = Mark::kOpen;
    path.push_back(at);
    walk(definitions_[at].body->root(), [&](const Expr& e) {
      if (e.kind != ExprKind::kName && e.kind != ExprKind::kCall) return;
      const auto found = definition_index_.find(e.name);
      if (found == definition_index_.end() || marks[found->second] == Mark::kDone) return;
      if (marks[found->second] == Mark::kOpen) {
        std::vector<std::string> circle;
        auto first = std::find(path.begin(), path.end(), found->second);
        for (; first != path.end(); ++first) circle.push_back(definitions_[*first].name);
        circle.push_back(e.name);
        fail(definitions_[at].body->source(), e.begin, e.name_end,
             "definitions use each other in a circle: " + join(circle, " -> "),
             "definitions that end in parameters and the state",
             "write one of them out, or use a reduction such as sum(i, ...)");
      }
      self(self, found->second);
    });
    path.pop_back();
    marks[at] = Mark::kDone;
  };
  for (std::size_t k = 0; k < definitions_.size(); ++k) {
    if (marks[k] == Mark::kNew) visit(visit, k);
  }
}

void Context::check_names_in_definitions() const {
  for (const Definition& d : definitions_) {
    std::vector<std::string> bound = d.parameters;
    const auto refuse = [&](const Expr& e, const std::string& what,
                            std::vector<std::string> known) {
      const std::string near = nearest_name(e.name, known);
      fail(d.body->source(), e.begin, e.name_end, "unknown " + what + " '" + e.name + "'",
           "a name of the language, a parameter, a definition, an argument or an index",
           near.empty() ? "add it to [parameters] or [define]" : "did you mean '" + near + "'?");
    };
    const auto visit = [&](const auto& self, const Expr& e) -> void {
      if (e.kind == ExprKind::kName) {
        const bool symbol = is_reserved(e.name) || state_shape(e.name);
        if (!symbol && !parameter(e.name) && !definition(e.name) &&
            std::find(bound.begin(), bound.end(), e.name) == bound.end()) {
          std::vector<std::string> known = known_names();
          known.insert(known.end(), bound.begin(), bound.end());
          for (std::string& name : state_names()) known.push_back(std::move(name));
          known.insert(known.end(), {"t", "pi"});
          refuse(e, "name", std::move(known));
        }
      }
      if (e.kind == ExprKind::kCall && !function_named(e.name) && !definition(e.name)) {
        std::vector<std::string> known = reserved_names();
        for (const Definition& other : definitions_) known.push_back(other.name);
        refuse(e, "function", std::move(known));
      }
      for (const Expr* child : e.children) self(self, *child);
      if (!e.reduce) return;
      for (const Expr* part : {e.reduce->low, e.reduce->high}) {
        if (part) self(self, *part);
      }
      const std::size_t before = bound.size();
      for (const IndexName& index : e.reduce->indices) bound.push_back(index.name);
      for (const Expr* part : {e.reduce->filter, e.reduce->body}) {
        if (part) self(self, *part);
      }
      bound.resize(before);
    };
    visit(visit, d.body->root());
  }
}

Definition parse_definition(const SourceText& head, SourceText body) {
  const std::vector<Token> tokens = tokenize(head);
  std::size_t at = 0;
  const auto take = [&](TokenKind kind, const char* expected) -> const Token& {
    const Token& t = tokens[std::min(at, tokens.size() - 1)];
    if (t.kind != kind) {
      fail(head, t.begin, t.end, "the head of a definition has " + describe(head, t) + " here",
           expected, "write r(i,j) = \"...\" or mu = \"...\" in [define]");
    }
    ++at;
    return t;
  };
  const auto word = [&](const Token& t) {
    std::string name = head.text.substr(t.begin, t.end - t.begin);
    if (is_reserved(name)) {
      fail(head, t.begin, t.end, "'" + name + "' is reserved", "a name of your own",
           "choose another name");
    }
    return name;
  };
  Definition d;
  d.name = word(take(TokenKind::kName, "a name"));
  d.span = head.whole();
  if (tokens[at].kind == TokenKind::kOpen) {
    ++at;
    do {
      const Token& t = take(TokenKind::kName, "the name of an argument");
      std::string name = word(t);
      if (name == d.name ||
          std::find(d.parameters.begin(), d.parameters.end(), name) != d.parameters.end()) {
        fail(head, t.begin, t.end, "the name '" + name + "' is used twice",
             "arguments with different names");
      }
      d.parameters.push_back(std::move(name));
    } while (tokens[at].kind == TokenKind::kComma && ++at);
    take(TokenKind::kClose, "',' or ')'");
  }
  take(TokenKind::kEnd, "the end of the head");
  d.body = parse_expression(std::move(body));
  return d;
}

ArrayHead parse_array_head(const SourceText& head) {
  const std::vector<Token> tokens = tokenize(head);
  std::size_t at = 0;
  const auto take = [&](TokenKind kind, const char* expected) -> const Token& {
    const Token& t = tokens[std::min(at, tokens.size() - 1)];
    if (t.kind != kind) {
      fail(head, t.begin, t.end, "the key has " + describe(head, t) + " here", expected,
           "write x for a whole array, or \"x[i]\" or \"x[i,k]\" for each of its rows or entries");
    }
    ++at;
    return t;
  };
  const auto word = [&](const Token& t) { return head.text.substr(t.begin, t.end - t.begin); };
  ArrayHead h;
  h.name = word(take(TokenKind::kName, "the name of an array of the state"));
  if (tokens[at].kind == TokenKind::kOpenBracket) {
    do {
      ++at;
      const Token& t =
          take(TokenKind::kName, "the name of an index: single entries are given as a list");
      h.indices.push_back({word(t), t.begin, t.end});
    } while (tokens[at].kind == TokenKind::kComma);
    take(TokenKind::kCloseBracket, "',' or ']'");
  }
  take(TokenKind::kEnd, "the end of the key");
  return h;
}

ir::FunctionPtr trace_energy(const Context& names, const std::string& name,
                             const Expression& expression, const std::string& what) {
  return Tracer(names, Purpose::kEnergy, name, expression).trace_real(what);
}

namespace {

/// The first that says something; a tracer begins with it.
const Expression& first_part(std::span<const ArrayText> arrays) {
  for (const ArrayText& a : arrays) {
    if (!a.parts.empty()) return *a.parts[0];
  }
  throw InternalError("arrays that say nothing");
}

}  // namespace

ir::FunctionPtr trace_packed(const Context& names, const std::string& name,
                             std::span<const ArrayText> arrays) {
  return Tracer(names, Purpose::kEnergy, name, first_part(arrays)).trace_arrays(arrays, true);
}

ir::FunctionPtr trace_arrays(const Context& names, const std::string& name,
                             std::span<const ArrayText> arrays) {
  return Tracer(names, Purpose::kEnergy, name, first_part(arrays)).trace_arrays(arrays, false);
}

ir::FunctionPtr trace_observable(const Context& names, const std::string& name,
                                 const Expression& expression) {
  return Tracer(names, Purpose::kObservable, name, expression).trace_real("");
}

ir::Tensor evaluate_constant(const Context& names, const Expression& expression) {
  return Tracer(names, Purpose::kConstant, "constant", expression).trace_constant();
}

std::vector<std::string> free_names(const Context& names, const Expression& expression) {
  std::vector<std::string> found;
  std::unordered_set<std::string> seen;
  std::vector<const Expr*> open{&expression.root()};
  while (!open.empty()) {
    const Expr* root = open.back();
    open.pop_back();
    walk(*root, [&](const Expr& e) {
      if ((e.kind != ExprKind::kName && e.kind != ExprKind::kCall) || !seen.insert(e.name).second) {
        return;
      }
      if (const Definition* d = names.definition(e.name)) {
        open.push_back(&d->body->root());
      } else {
        found.push_back(e.name);
      }
    });
  }
  return found;
}

}  // namespace cotangent::lang
