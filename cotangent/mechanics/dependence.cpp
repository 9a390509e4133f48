#include "cotangent/mechanics/dependence.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "cotangent/ir/moves.h"
#include "cotangent/mechanics/abstract.h"

namespace cotangent::mechanics {
namespace {

using ir::Function;
using ir::Op;

SourceSpan place_of(const Function& f, ir::Value v) {
  for (const SourceSpan& s : f.spans(v)) {
    if (!s.empty()) return s;
  }
  return {};
}

// --- which parameters reach a value

struct MaskDomain {
  using Value = std::uint64_t;
  NodeTable* nodes = nullptr;  // gets bit 2, where it is wanted
  void seen(const Function& f, std::uint32_t id, Value x) {
    if (nodes && (x & 4)) (*nodes)[{&f, id}].reads_t = true;
  }
  Value index() { return 0; }
  Value chosen(Value a, Value by) { return a | by; }
  Value join(Value a, Value b) { return a | b; }
  Value widen(Value a) { return a; }
  Value apply(const Function&, ir::Value, const std::vector<Value>& operands) {
    Value all = 0;
    for (Value o : operands) all |= o;
    return all;
  }
};

// --- where two parameters meet

struct MixingDomain {
  using Value = unsigned;  // bit 0: depends on a; bit 1: on b
  std::optional<Mixing> found;

  Value index() { return 0; }
  Value join(Value a, Value b) { return a | b; }
  Value widen(Value a) { return a; }
  Value chosen(Value a, Value by) {
    if (by != 0 && (a | by) == 3 && !found) found = Mixing{"loop", {}};
    return a | by;
  }

  Value apply(const Function& f, ir::Value v, const std::vector<Value>& x) {
    Value all = 0;
    for (Value o : x) all |= o;
    if (all == 3 && !found && !only_adds(f, v, x)) {
      found = Mixing{std::string(ir::name_of(f.op(v))), place_of(f, v)};
    }
    return all;
  }

  /// Whether the op is a sum of functions of its operands, linear in each that is a mixture.
  static bool only_adds(const Function& f, ir::Value v, const std::vector<Value>& x) {
    if (ir::info(f.op(v)).kind == ir::OpKind::kShape) return true;
    switch (f.op(v)) {
      case Op::kNeg:
      case Op::kAdd:
      case Op::kSub:
      case Op::kReduceSum: return true;
      case Op::kMul:
      case Op::kDotGeneral: return x[0] == 0 || x[1] == 0;
      case Op::kDiv: return x[1] == 0;
      case Op::kFma: return x[0] == 0 || x[1] == 0;
      case Op::kSelect: return x[0] == 0;
      case Op::kGather: return std::all_of(x.begin() + 1, x.end(), [](Value o) { return o == 0; });
      case Op::kScatterAdd:
      case Op::kScatterSet:
        return std::all_of(x.begin() + 2, x.end(), [](Value o) { return o == 0; });
      case Op::kCast: return is_float(f.type(v).dtype);
      default: return false;
    }
  }
};

// --- jumps that see both

/// What is not looked into.
bool is_closed(Op op) {
  return op == Op::kWhile || op == Op::kCond || op == Op::kCall;
}

struct JumpDomain {
  using Value = unsigned;  // bit 0: depends on a; bit 1: on b
  std::optional<Mixing> found;

  Value index() { return 0; }
  Value join(Value a, Value b) { return a | b; }
  Value widen(Value a) { return a; }
  Value chosen(Value a, Value by) { return a | by; }
  Value apply(const Function& f, ir::Value v, const std::vector<Value>& x) {
    Value all = 0;
    for (Value o : x) all |= o;
    const bool truncates = f.op(v) == Op::kCast && !is_float(f.type(v).dtype);
    // A choice by one of the two between values of the other mixes them as well.
    const bool chooses = f.op(v) == Op::kSelect && x[0] != 0;
    if (all == 3 && !found && (jumps(f.op(v)) || is_closed(f.op(v)) || truncates || chooses)) {
      found = Mixing{std::string(ir::name_of(f.op(v))), place_of(f, v)};
    }
    return all;
  }
};

// --- polynomial degree

constexpr int kNone = Degree::kNotPolynomial;

int cap(int d) {
  return std::min(d, kNone);
}
Degree sum(const Degree& a, const Degree& b) {
  return {cap(a.q + b.q), cap(a.p + b.p), cap(a.joint + b.joint)};
}
Degree larger(const Degree& a, const Degree& b) {
  return {std::max(a.q, b.q), std::max(a.p, b.p), std::max(a.joint, b.joint)};
}
Degree times(const Degree& a, std::int64_t n) {
  const auto scaled = [n](int d) {
    return d == 0 ? 0 : cap(static_cast<int>(std::min<std::int64_t>(n, kNone)) * d);
  };
  return {scaled(a.q), scaled(a.p), scaled(a.joint)};
}
/// What is left of a value that is put through a function that is no polynomial.
Degree not_polynomial(const Degree& a) {
  return {a.q ? kNone : 0, a.p ? kNone : 0, a.joint ? kNone : 0};
}

/// The whole exponent every element of v is, if it is one.
std::optional<std::int64_t> whole_constant(const Function& f, ir::Value v) {
  while (f.op(v) == Op::kBroadcast || f.op(v) == Op::kReshape) v = f.operand(v, 0);
  if (f.op(v) != Op::kConstant || !is_float(f.type(v).dtype) || f.type(v).size() < 1) return {};
  const ir::Tensor& value = *f.attr_as<ir::LiteralAttr>(v).value;
  const long double x = value.real(0);
  if (x != std::floor(x) || x < 0 || x > 64) return {};
  for (std::int64_t k = 1; k < value.size(); ++k) {
    if (value.real(k) != x) return {};
  }
  return static_cast<std::int64_t>(x);
}

/// The operand of the square root that v is; not valid when v is none.
ir::Value root_of(const Function& f, ir::Value v) {
  return f.op(v) == Op::kSqrt ? f.operand(v, 0) : ir::Value{};
}

struct DegreeDomain {
  using Value = Degree;
  Value index() { return {}; }
  Value join(const Value& a, const Value& b) { return larger(a, b); }
  Value widen(const Value& a) { return not_polynomial(a); }
  Value chosen(const Value& a, const Value& by) { return larger(a, not_polynomial(by)); }

  // sqrt(u) * sqrt(u) is u: the degree of the value under the root, by function and node.
  std::map<std::pair<const Function*, std::uint32_t>, Degree> under_root;

  Value apply(const Function& f, ir::Value v, const std::vector<Value>& x) {
    if (ir::rearranges(f.op(v))) return x[0];
    switch (f.op(v)) {
      case Op::kConstant:
      case Op::kIota: return {};
      case Op::kNeg:
      case Op::kReduceSum: return x[0];
      case Op::kAdd:
      case Op::kSub:
      case Op::kPad: return larger(x[0], x[1]);
      case Op::kConcatenate: {
        Degree d;
        for (const Degree& o : x) d = larger(d, o);
        return d;
      }
      case Op::kMul: return product(f, f.operand(v, 0), f.operand(v, 1), x[0], x[1]);
      case Op::kDotGeneral: return sum(x[0], x[1]);
      case Op::kFma: return larger(product(f, f.operand(v, 0), f.operand(v, 1), x[0], x[1]), x[2]);
      case Op::kDiv: return quotient(x[0], x[1]);
      case Op::kTriangularSolve: return quotient(x[1], x[0]);
      case Op::kPow: return power(f, v, x);
      case Op::kReduceProd:
        return times(x[0],
                     f.type(f.operand(v, 0)).size() / std::max<std::int64_t>(1, f.type(v).size()));
      case Op::kSelect: return larger(larger(x[1], x[2]), not_polynomial(x[0]));
      case Op::kGather: {
        Degree d = x[0];
        for (std::size_t k = 1; k < x.size(); ++k) d = larger(d, not_polynomial(x[k]));
        return d;
      }
      case Op::kScatterAdd:
      case Op::kScatterSet: {
        Degree d = larger(x[0], x[1]);
        for (std::size_t k = 2; k < x.size(); ++k) d = larger(d, not_polynomial(x[k]));
        return d;
      }
      case Op::kCast:
        if (is_float(f.type(v).dtype) && is_float(f.type(f.operand(v, 0)).dtype)) return x[0];
        return not_polynomial(x[0]);
      case Op::kSqrt: under_root[{&f, v.id}] = x[0]; return not_polynomial(x[0]);
      default: {
        Degree d;
        for (const Degree& o : x) d = larger(d, not_polynomial(o));
        return d;
      }
    }
  }

  /// Where it is wanted of every node.
  NodeTable* nodes = nullptr;
  void seen(const Function& f, std::uint32_t id, const Value& x) {
    if (!nodes) return;
    Degree& d = (*nodes)[{&f, id}].degree;
    d = larger(d, x);
  }

  Value product(const Function& f, ir::Value a, ir::Value b, const Value& x, const Value& y) {
    const ir::Value root = root_of(f, a);
    if (a == b && root.valid()) return under_root[{&f, a.id}];
    return sum(x, y);
  }
  static Value quotient(const Value& x, const Value& y) {
    return {y.q ? kNone : x.q, y.p ? kNone : x.p, y.joint ? kNone : x.joint};
  }
  Value power(const Function& f, ir::Value v, const std::vector<Value>& x) {
    const std::optional<std::int64_t> n = whole_constant(f, f.operand(v, 1));
    if (!n) return larger(not_polynomial(x[0]), not_polynomial(x[1]));
    if (root_of(f, f.operand(v, 0)).valid() && *n % 2 == 0) {
      return times(under_root[{&f, f.operand(v, 0).id}], *n / 2);
    }
    return times(x[0], *n);
  }
};

}  // namespace

bool jumps(Op op) {
  switch (op) {
    case Op::kSign:
    case Op::kFloor:
    case Op::kCeil:
    case Op::kRound:
    case Op::kMod:
    case Op::kLt:
    case Op::kLe:
    case Op::kEq:
    case Op::kNe:
    case Op::kIsFinite:
    case Op::kBitcast:
    case Op::kArgsort: return true;
    default: return false;
  }
}

std::vector<std::uint64_t> dependence(const ir::Function& f) {
  MaskDomain domain;
  std::vector<std::uint64_t> arguments;
  for (std::size_t k = 0; k < f.params().size(); ++k) {
    arguments.push_back(std::uint64_t{1} << std::min<std::size_t>(k, 63));
  }
  return Interpreter(domain).run(f, arguments);
}

bool depends_on(const ir::Function& f, std::size_t r, std::size_t k) {
  return (dependence(f)[r] >> std::min<std::size_t>(k, 63)) & 1;
}

std::optional<Mixing> first_mixing(const ir::Function& f, std::size_t a, std::size_t b) {
  MixingDomain domain;
  std::vector<unsigned> arguments(f.params().size(), 0);
  arguments[a] |= 1;
  arguments[b] |= 2;
  Interpreter(domain).run(f, arguments);
  return domain.found;
}

std::optional<Mixing> first_mixed_jump(const ir::Function& f, std::size_t a, std::size_t b) {
  JumpDomain domain;
  std::vector<unsigned> arguments(f.params().size(), 0);
  arguments[a] |= 1;
  arguments[b] |= 2;
  Interpreter(domain).run(f, arguments);
  return domain.found;
}

Degree degree_of(const ir::Function& f) {
  DegreeDomain domain;
  std::vector<Degree> arguments(f.params().size());
  arguments[0] = {1, 0, 1};
  arguments[1] = {0, 1, 1};
  return Interpreter(domain).run(f, arguments)[0];
}

int degree_in(const ir::Function& f, const std::vector<std::size_t>& in) {
  DegreeDomain domain;
  std::vector<Degree> arguments(f.params().size());
  for (std::size_t k : in) arguments[k] = {1, 0, 1};
  return Interpreter(domain).run(f, arguments)[0].joint;
}

NodeTable known_of_nodes(const ir::Function& f) {
  NodeTable table;
  DegreeDomain degrees;
  degrees.nodes = &table;
  std::vector<Degree> arguments(f.params().size());
  arguments[0] = {1, 0, 1};
  arguments[1] = {0, 1, 1};
  Interpreter(degrees).run(f, arguments);
  MaskDomain masks;
  masks.nodes = &table;
  std::vector<std::uint64_t> bits(f.params().size(), 0);
  bits[2] = 4;
  Interpreter(masks).run(f, bits);
  return table;
}

double operations_in(const ir::Function& f) {
  double work = 0;
  for (std::uint32_t id = 0; id < f.size(); ++id) {
    const ir::Value v{id};
    if (f.op(v) == ir::Op::kMap) {
      const auto& m = f.attr_as<ir::MapAttr>(v);
      work += static_cast<double>(m.count) * operations_in(*m.body);
    } else if (f.op(v) == ir::Op::kPairSum) {
      const auto& p = f.attr_as<ir::PairAttr>(v);
      const double n = static_cast<double>(p.count);
      work += n * n * (p.kind == ir::PairKind::kLess ? 0.5 : 1) * operations_in(*p.body);
    } else if (f.op(v) == ir::Op::kLoop) {
      const auto& l = f.attr_as<ir::LoopAttr>(v);
      work += static_cast<double>(l.trip) * operations_in(*l.body);
    } else {
      work += static_cast<double>(std::max<std::int64_t>(1, f.type(v).size()));
    }
  }
  return work;
}

std::string text_of(const Degree& d) {
  const auto word = [](int n, const char* what) {
    return n >= Degree::kNotPolynomial ? std::string("not polynomial in ") + what
                                       : std::to_string(n) + " in " + what;
  };
  return word(d.p, "p") + ", " + word(d.q, "q");
}

}  // namespace cotangent::mechanics
