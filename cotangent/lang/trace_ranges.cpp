// The range of a bare index: the length of every axis it indexes, found before the body is traced.
#include <algorithm>

#include "cotangent/lang/names.h"
#include "cotangent/lang/tracer.h"

namespace cotangent::lang {

/// Where a walk looks up names: arguments of the definition it is in, then the frame it began in.
struct Tracer::WalkEnv {
  struct Argument {
    std::string name;
    const Expr* expr;
    const WalkEnv* env;
  };
  const Expression* text = nullptr;
  const Frame* frame = nullptr;  ///< null inside a definition reached by the walk
  std::vector<Argument> arguments;

  const Argument* argument(const std::string& name) const {
    for (const Argument& a : arguments) {
      if (a.name == name) return &a;
    }
    return nullptr;
  }
};

namespace {
constexpr int kMaxWalkDepth = 2000;
}

std::int64_t Tracer::infer_range(const Expr& e) {
  const ReduceParts& r = *e.reduce;
  WalkEnv env;
  env.text = frames_.back().text;
  env.frame = &frames_.back();
  std::vector<AxisUse> uses;
  if (r.filter) collect_uses(*r.filter, env, r.indices, uses, 0);
  collect_uses(*r.body, env, r.indices, uses, 0);
  const std::string first = r.indices[0].name;
  if (uses.empty()) {
    std::vector<std::string> bound;
    refuse_unknown_names(e, bound);
    std::string shown;
    for (const IndexName& i : r.indices) shown += (shown.empty() ? "" : ", ") + i.name;
    fail(text(), r.index_begin, r.index_end, "the range of '" + shown + "' cannot be inferred",
         "an array that is indexed by the bare name, as in q[" + first +
             "]; a function of it, as " + first + "+1, says nothing about its range",
         r.form == IndexForm::kOver
             ? "write " + first + " in 0..n"
             : "index an array by it, or write sum(" + first + " in 0..n, sum(... if ..., ...))");
  }
  for (const AxisUse& use : uses) {
    if (use.length == uses[0].length) continue;
    const auto shown = [&](const AxisUse& u) {
      return "'" + u.text->source().text.substr(u.begin, u.end - u.begin) + "' has " +
             std::to_string(u.length);
    };
    fail(use.text->source(), use.begin, use.end,
         "two ranges for '" + use.index + "' disagree: " + shown(uses[0]) + ", " + shown(use),
         "one length for every axis that " +
             (r.indices.size() == 1 ? "'" + first + "' indexes" : "the indices run over"),
         "write the range: " + e.name + "(" + first + " in 0..n, ...)");
  }
  return uses[0].length;
}

/// An unknown name explains a missing range better than the missing range does. (Names inside
/// definitions have been checked.)
void Tracer::refuse_unknown_names(const Expr& e, std::vector<std::string>& bound) const {
  const auto known = [&](const std::string& name) {
    return std::find(bound.begin(), bound.end(), name) != bound.end() || find_local(name) ||
           names_.parameter(name) || names_.definition(name) || name == "t" || name == "pi" ||
           names_.state_shape(name);
  };
  if (e.kind == ExprKind::kName && !known(e.name)) unknown_name(e, false);
  if (e.kind == ExprKind::kCall && !function_named(e.name) && !names_.definition(e.name)) {
    unknown_name(e, true);
  }
  for (const Expr* child : e.children) refuse_unknown_names(*child, bound);
  if (!e.reduce) return;
  for (const Expr* part : {e.reduce->low, e.reduce->high}) {
    if (part) refuse_unknown_names(*part, bound);
  }
  const std::size_t before = bound.size();
  for (const IndexName& index : e.reduce->indices) bound.push_back(index.name);
  for (const Expr* part : {e.reduce->filter, e.reduce->body}) {
    if (part) refuse_unknown_names(*part, bound);
  }
  bound.resize(before);
}

void Tracer::collect_uses(const Expr& e, const WalkEnv& env, const std::vector<IndexName>& indices,
                          std::vector<AxisUse>& uses, int depth) {
  spend(*here_, 1);
  if (depth > kMaxWalkDepth) return;  // the trace itself will refuse it, with a place
  if (e.kind == ExprKind::kSubscript) {
    std::optional<Shape> shape;
    for (std::size_t k = 1; k < e.children.size(); ++k) {
      // A bare index, perhaps passed on through the arguments of definitions.
      const Expr* index = e.children[k];
      const WalkEnv* where = &env;
      while (index->kind == ExprKind::kName) {
        const WalkEnv::Argument* argument = where->argument(index->name);
        if (!argument) break;
        index = argument->expr;
        where = argument->env;
      }
      if (index->kind != ExprKind::kName || !where->frame) continue;
      const auto named = std::find_if(indices.begin(), indices.end(),
                                      [&](const IndexName& i) { return i.name == index->name; });
      if (named == indices.end()) continue;
      if (!shape) shape = shape_of(*e.children[0], env, depth + 1);
      const int axis = static_cast<int>(k) - 1;
      if (shape && axis < shape->rank()) {
        uses.push_back({(*shape)[axis], env.text, e.begin, e.end, index->name});
      }
    }
  }
  for (const Expr* child : e.children) collect_uses(*child, env, indices, uses, depth + 1);
  if (e.reduce) {
    for (const Expr* part : {e.reduce->low, e.reduce->high, e.reduce->filter, e.reduce->body}) {
      if (part) collect_uses(*part, env, indices, uses, depth + 1);
    }
  }
  if (e.kind != ExprKind::kCall && e.kind != ExprKind::kName) return;
  if (e.kind == ExprKind::kName && (env.argument(e.name) || (env.frame && find_local(e.name)))) {
    return;
  }
  const Definition* d = names_.definition(e.name);
  if (!d || d->parameters.size() != e.children.size()) return;
  WalkEnv inside;
  inside.text = d->body.get();
  for (std::size_t k = 0; k < e.children.size(); ++k) {
    inside.arguments.push_back({d->parameters[k], e.children[k], &env});
  }
  collect_uses(d->body->root(), inside, indices, uses, depth + 1);
}

/// The shape of a value without tracing it; nothing when it is not plain.
std::optional<Shape> Tracer::shape_of(const Expr& e, const WalkEnv& env, int depth) {
  spend(*here_, 1);
  if (depth > kMaxWalkDepth) return std::nullopt;
  const auto inside = [&](const Expr& child) { return shape_of(child, env, depth + 1); };
  const auto of_definition = [&](const Definition& d) -> std::optional<Shape> {
    if (d.parameters.size() != e.children.size()) return std::nullopt;
    WalkEnv body;
    body.text = d.body.get();
    for (std::size_t k = 0; k < e.children.size(); ++k) {
      body.arguments.push_back({d.parameters[k], e.children[k], &env});
    }
    return shape_of(d.body->root(), body, depth + 1);
  };
  switch (e.kind) {
    case ExprKind::kInteger:
    case ExprKind::kReal:
    case ExprKind::kPower: return Shape{};
    case ExprKind::kNot: return std::nullopt;
    case ExprKind::kNegate: return inside(*e.children[0]);
    case ExprKind::kName: {
      if (const WalkEnv::Argument* a = env.argument(e.name)) {
        return shape_of(*a->expr, *a->env, depth + 1);
      }
      if (env.frame) {
        if (const TracedValue* local = find_local(e.name)) return local->shape;
      }
      if (const auto shape = names_.state_shape(e.name)) return shape;
      if (const NamedTensor* p = names_.parameter(e.name)) return p->value.type().shape;
      if (const Definition* d = names_.definition(e.name)) return of_definition(*d);
      return std::nullopt;
    }
    case ExprKind::kCall: {
      if (e.name == "where" && e.children.size() == 3) return inside(*e.children[1]);
      if (e.name == "cross" && e.children.size() == 2) {
        const auto shape = inside(*e.children[0]);
        return shape && *shape == Shape{3} ? shape : Shape{};
      }
      if (function_named(e.name)) return Shape{};
      if (const Definition* d = names_.definition(e.name)) return of_definition(*d);
      return std::nullopt;
    }
    case ExprKind::kVector: {
      const auto shape = inside(*e.children[0]);
      if (!shape || shape->rank() >= Shape::kMaxRank) return std::nullopt;
      return shape->with_leading(static_cast<std::int64_t>(e.children.size()));
    }
    case ExprKind::kSubscript: {
      auto shape = inside(*e.children[0]);
      for (std::size_t k = 1; shape && k < e.children.size(); ++k) {
        if (shape->rank() == 0) return std::nullopt;
        shape = shape->row();
      }
      return shape;
    }
    case ExprKind::kChain: {
      for (const Expr* child : e.children) {
        const auto shape = inside(*child);
        if (shape && shape->rank() > 0) return shape;
      }
      return Shape{};
    }
    case ExprKind::kReduce: return inside(*e.reduce->body);
  }
  return std::nullopt;
}

}  // namespace cotangent::lang
