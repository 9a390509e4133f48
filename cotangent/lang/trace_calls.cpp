// Functions, vectors written out, and definitions.
#include <algorithm>

#include "cotangent/lang/names.h"
#include "cotangent/lang/tracer.h"

namespace cotangent::lang {

TracedValue Tracer::eval_call(const Expr& e) {
  if (const FunctionInfo* f = function_named(e.name)) {
    const int given = static_cast<int>(e.children.size());
    if (given < f->least_arguments || (f->most_arguments >= 0 && given > f->most_arguments)) {
      const std::string wanted = f->most_arguments < 0
                                     ? "at least " + std::to_string(f->least_arguments)
                                     : std::to_string(f->least_arguments);
      refuse(
          e,
          e.name + " is given " + std::to_string(given) + (given == 1 ? " argument" : " arguments"),
          wanted + ": " + std::string(f->takes), "give it " + wanted);
    }
    return call_function(e, e.name);
  }
  if (const Definition* d = names_.definition(e.name); d && !find_local(e.name)) {
    return inline_definition(e, *d);
  }
  unknown_name(e, true);
}

TracedValue Tracer::call_function(const Expr& e, std::string_view name) {
  if (name == "where") return call_where(e);
  if (name == "delta") {
    refuse(e, "delta(a, b) needs a periodic box, and boxes come with a later version",
           "positions in open space", "write a - b");
  }
  std::vector<TracedValue> arguments;
  for (const Expr* child : e.children) arguments.push_back(eval(*child));
  at(e);
  for (std::size_t k = 0; k < arguments.size(); ++k) {
    if (arguments[k].kind != ValueKind::kBoolean) continue;
    refuse(*e.children[k], e.name + " is given a boolean", std::string(function_named(name)->takes),
           "where(c, 1, 0) makes it a number");
  }
  if (name == "len") {
    if (arguments[0].is_scalar_number()) {
      refuse(*e.children[0], "len is given " + describe(arguments[0]), "a vector or an array",
             "leave len out, or name the whole array");
    }
    return integer(integers_.constant(arguments[0].shape[0]));
  }
  if (name == "dot") return call_dot(e, arguments[0], arguments[1]);
  if (name == "cross") return call_cross(e, arguments[0], arguments[1]);
  if (name == "norm") {
    if (arguments[0].shape.rank() != 1) {
      refuse(*e.children[0], "norm is given " + describe(arguments[0]), "a vector",
             arguments[0].is_scalar_number() ? "write abs(x) for a number" : "index it first");
    }
    const TracedValue square = call_dot(e, arguments[0], arguments[0]);
    return real(emit(ir::Op::kSqrt, {square.noted}));
  }
  return call_elementwise(e, *function_named(name)->op, std::move(arguments));
}

TracedValue Tracer::call_elementwise(const Expr& e, ir::Op op, std::vector<TracedValue> arguments) {
  bool integers = true;
  for (std::size_t k = 0; k < arguments.size(); ++k) {
    integers = integers && arguments[k].kind == ValueKind::kInteger;
    if (arguments[k].is_scalar_number()) continue;
    refuse(*e.children[k], e.name + " is given " + describe(arguments[k]), "a number",
           "apply it to one entry, or to norm(...)");
  }
  if (integers) {
    switch (op) {
      case ir::Op::kFloor:
      case ir::Op::kCeil:
      case ir::Op::kRound: return arguments[0];
      case ir::Op::kAbs:
        return integer(make_integer(e, IntegerOp::kAbs, std::span(&arguments[0].integer, 1)));
      case ir::Op::kSign:
        return integer(make_integer(e, IntegerOp::kSign, std::span(&arguments[0].integer, 1)));
      case ir::Op::kMin:
      case ir::Op::kMax: {
        IntegerId result = arguments[0].integer;
        for (std::size_t k = 1; k < arguments.size(); ++k) {
          const IntegerId both[] = {result, arguments[k].integer};
          result = make_integer(e, op == ir::Op::kMin ? IntegerOp::kMin : IntegerOp::kMax, both);
        }
        return integer(result);
      }
      default: break;
    }
  }
  if (arguments.size() == 1) return real(emit(op, {to_real(arguments[0]).noted}));
  Noted result = to_real(arguments[0]).noted;
  for (std::size_t k = 1; k < arguments.size(); ++k) {
    result = emit(op, {result, to_real(arguments[k]).noted});
  }
  return real(result);
}

TracedValue Tracer::call_dot(const Expr& e, const TracedValue& x, const TracedValue& y) {
  const TracedValue a = to_real(x), b = to_real(y);
  if (a.shape.rank() != 1 || b.shape.rank() != 1 || a.shape != b.shape) {
    const bool arrays = a.shape.rank() > 1 && b.shape.rank() > 1;
    refuse(e, "dot is given " + describe(x) + " and " + describe(y), "two vectors of one length",
           arrays                                       ? "write sum(i, dot(a[i], b[i]))"
           : a.shape.rank() == 0 || b.shape.rank() == 0 ? "write a*b for numbers"
                                                        : "index one of them, as in dot(a, b[i])");
  }
  return real(emit(ir::Op::kDotGeneral, {a.noted, b.noted}, ir::DotAttr{{}, {}, {0}, {0}}));
}

TracedValue Tracer::call_cross(const Expr& e, const TracedValue& x, const TracedValue& y) {
  const TracedValue a = to_real(x), b = to_real(y);
  if (a.shape.rank() != 1 || a.shape != b.shape || (a.shape[0] != 3 && a.shape[0] != 2)) {
    refuse(e, "cross is given " + describe(x) + " and " + describe(y),
           "two vectors of length 3, or two of length 2",
           "index them first, as in cross(q[i], p[i])");
  }
  const auto part = [&](int m, int n) {
    const TracedValue first =
        scalar_binary(ir::Op::kMul, to_real(element(a, m)), to_real(element(b, n)));
    const TracedValue second =
        scalar_binary(ir::Op::kMul, to_real(element(a, n)), to_real(element(b, m)));
    return scalar_binary(ir::Op::kSub, first, second);
  };
  if (a.shape[0] == 2) return part(0, 1);
  return make_vector({part(1, 2), part(2, 0), part(0, 1)});
}

TracedValue Tracer::call_where(const Expr& e) {
  const TracedValue c = eval(*e.children[0]);
  if (c.kind != ValueKind::kBoolean) {
    refuse(*e.children[0], "where chooses by " + describe(c), "a boolean",
           "write a comparison, such as x > 0");
  }
  // In a branch the integer condition holds: an index is checked for those values only.
  const auto branch = [&](const Expr& b, bool when) {
    const std::size_t before = guards_.size();
    if (c.is_integer_only()) {
      guards_.push_back(when ? c.integer : integers_.make(IntegerOp::kNot, c.integer));
    }
    TracedValue v = eval(b);
    guards_.resize(before);
    if (v.kind == ValueKind::kBoolean) {
      refuse(b, "where chooses between booleans", "two numbers, vectors or arrays",
             "write (c and a) or (not c and b)");
    }
    return v;
  };
  const TracedValue x = branch(*e.children[1], true);
  const TracedValue y = branch(*e.children[2], false);
  at(e);
  return select(e, c, x, y);
}

TracedValue Tracer::element(const TracedValue& x, std::int64_t k) {
  if (x.parts) return (*x.parts)[static_cast<std::size_t>(k)];
  return real(row(x.noted, k));
}

TracedValue Tracer::make_vector(std::vector<TracedValue> parts) {
  std::vector<Noted> rows;
  bool constants = true;
  for (const TracedValue& part : parts) {
    const TracedValue x = to_real(part);
    constants = constants && x.constant.has_value();
    rows.push_back(
        emit(ir::Op::kReshape, {x.noted}, {}, ir::Type{DType::kF64, x.shape.with_leading(1)}));
  }
  TracedValue v;
  if (constants) {
    std::vector<double> values;
    for (const TracedValue& part : parts) values.push_back(*to_real(part).constant);
    const Shape shape{static_cast<std::int64_t>(values.size())};
    v = real(constant(ir::Tensor::of<double>(shape, values)));
  } else {
    v = real(rows.size() == 1 ? rows[0] : emit(ir::Op::kConcatenate, rows, ir::AxesAttr{{0}}));
  }
  v.parts = std::make_shared<const std::vector<TracedValue>>(std::move(parts));
  return v;
}

TracedValue Tracer::eval_vector(const Expr& e) {
  std::vector<TracedValue> parts;
  for (const Expr* child : e.children) {
    parts.push_back(eval(*child));
    const TracedValue& first = parts.front();
    const TracedValue& last = parts.back();
    if (last.kind == ValueKind::kBoolean || last.shape.rank() >= 4) {
      refuse(*child, "an element of a vector is " + describe(last), "a number or a vector");
    }
    if (last.shape != first.shape) {
      refuse(*child, "an element is " + describe(last) + ", the first is " + describe(first),
             "elements of one shape", "give every element the shape of the first");
    }
  }
  at(e);
  return make_vector(std::move(parts));
}

TracedValue Tracer::inline_definition(const Expr& e, const Definition& d) {
  if (e.children.size() != d.parameters.size()) {
    refuse(e,
           "'" + d.name + "' is given " + std::to_string(e.children.size()) +
               (e.children.size() == 1 ? " argument" : " arguments"),
           std::to_string(d.parameters.size()) + ", as in its definition",
           "give it as many as its definition has");
  }
  for (const Frame& frame : frames_) {
    if (frame.text == d.body.get()) {
      refuse(e, "'" + d.name + "' is defined through itself", "definitions without circles");
    }
  }
  Frame frame;
  frame.text = d.body.get();
  for (std::size_t k = 0; k < e.children.size(); ++k) {
    frame.locals.emplace_back(d.parameters[k], eval(*e.children[k]));
  }
  frames_.push_back(std::move(frame));
  struct Leave {
    std::vector<Frame>& frames;
    ~Leave() { frames.pop_back(); }
  } leave{frames_};
  try {
    return eval(d.body->root());
  } catch (const UserError& error) {
    // Which use it was helps as much as where in the definition; one is enough.
    const Frame& caller = frames_[frames_.size() - 2];
    ErrorParts parts = error.parts();
    if (parts.where.find("used at") != std::string::npos || !caller.text->source().file) throw;
    const SourceText& source = caller.text->source();
    const LineColumn place = line_column(*source.file, source.span(e.begin, e.end).begin);
    parts.where += "\n  used at " + source.file->name + ":" + std::to_string(place.line) + ":" +
                   std::to_string(place.column);
    throw UserError(std::move(parts));
  }
}

}  // namespace cotangent::lang
