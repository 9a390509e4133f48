#include "cotangent/mechanics/vanishing.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <set>

#include "cotangent/mechanics/abstract.h"
#include "cotangent/mechanics/dependence.h"

namespace cotangent::mechanics {
namespace {

using ir::Function;
using ir::Op;

/// What is known of all elements of a value; a later one implies the earlier ones.
enum class Range : std::uint8_t { kAny, kNotNegative, kThin, kAbove };

/// A form by which a rule about sums of squares knows independent coordinates.
enum class Made : std::uint8_t {
  kOther,
  kRows,          // affine in the rows of q and p alike on all components; two or more components
  kSquaredRows,   // the same, each element squared
  kEntry,         // one coordinate, by its component
  kDifference,    // of two coordinates known to be different, of one component
  kSquaredEntry,  // the square of an entry or a difference
};

struct Known {
  bool moves = false;  // reads q or p
  Range range = Range::kAny;
  Made made = Made::kOther;
  int rank = 0;                 // of kRows
  std::int64_t component = -1;  // of kEntry, kDifference, kSquaredEntry
  std::int64_t entry = -1;      // which coordinate, when that is known
  std::int64_t row = 0;         // of kRows of rank 1: the coordinate its first component is, or -1
  bool operator==(const Known&) const = default;
};

std::optional<double> splat(const Function& f, ir::Value v) {
  while (f.op(v) == Op::kBroadcast || f.op(v) == Op::kReshape) v = f.operand(v, 0);
  if (f.op(v) != Op::kConstant || f.type(v).size() < 1 || !is_float(f.type(v).dtype)) return {};
  const ir::Tensor& value = *f.attr_as<ir::LiteralAttr>(v).value;
  for (std::int64_t k = 1; k < value.size(); ++k) {
    if (value.real(k) != value.real(0)) return {};
  }
  return static_cast<double>(value.real(0));
}

Range range_of_constant(const ir::Tensor& value) {
  bool above = true, not_negative = true;
  for (std::int64_t k = 0; k < value.size(); ++k) {
    above = above && value.real(k) > 0;
    not_negative = not_negative && value.real(k) >= 0;
  }
  return above ? Range::kAbove : not_negative ? Range::kNotNegative : Range::kAny;
}

/// One number for all elements of an array (so that it scales all components alike).
bool is_uniform(const Function& f, ir::Value v) {
  while (f.op(v) == Op::kReshape) v = f.operand(v, 0);
  return f.type(v).size() == 1 ||
         (f.op(v) == Op::kBroadcast && f.type(f.operand(v, 0)).size() == 1);
}

class VanishDomain {
 public:
  using Value = Known;

  std::set<const Function*> pair_bodies;
  std::vector<Site> sites;

  Value index() { return {}; }
  Value join(const Value& a, const Value& b) {
    if (a == b) return a;
    Known k;
    k.moves = a.moves || b.moves;
    k.range = std::min(a.range, b.range);
    return k;
  }
  Value widen(const Value& a) {
    Known k;
    k.moves = a.moves;
    return k;
  }
  Value chosen(const Value& a, const Value& by) {
    if (by.moves) add(Site::Kind::kJump, "loop", {}, false, false);
    return by.moves ? widen(by) : a;
  }
  Value row(const Value& operand, const Value&) {
    Known k = operand;
    if (operand.made == Made::kRows && operand.rank > 1) {
      k.rank = operand.rank - 1;
      k.row = -1;
      return k;
    }
    k.made = Made::kOther;
    return k;
  }
  Value looped(const Value& a) {
    Known k = a;
    k.made = Made::kOther;
    return k;
  }
  Value total(ir::Role role, const Value& result, const std::vector<Value>&) {
    Known k = result;
    k.made = Made::kOther;
    // The sum of a row may have no pairs.
    if (role == ir::Role::kAtI || role == ir::Role::kAtJ)
      k.range = std::min(k.range, Range::kNotNegative);
    return k;
  }

  Value apply(const Function& f, ir::Value v, const std::vector<Value>& x) {
    Known k;
    for (const Known& o : x) k.moves = k.moves || o.moves;
    if (f.op(v) == Op::kConstant) {
      if (is_float(f.type(v).dtype))
        k.range = range_of_constant(*f.attr_as<ir::LiteralAttr>(v).value);
      return k;
    }
    if (x.empty()) return k;
    if (f.op(v) == Op::kCall && looks_into(f.attr_as<ir::CallAttr>(v))) {
      return called(f.attr_as<ir::CallAttr>(v), x, k.moves);
    }
    // True of all numbers: what turns infinite has a pole, of which there is a site.
    if (f.op(v) == Op::kIsFinite) return {};
    if (k.moves && in_result(f, v)) note(f, v, x);
    k.range = range(f, v, x);
    make(f, v, x, k);
    const auto [at, fresh] = ranges_.try_emplace({&f, v.id}, k.range);
    if (!fresh) at->second = std::min(at->second, k.range);
    return k;
  }

 private:
  void add(Site::Kind kind, std::string op, SourceSpan place, bool thin, bool in_pair,
           const char* where = "vanishes") {
    for (const Site& s : sites) {
      if (s.kind == kind && s.op == op && s.place == place && s.thin == thin) return;
    }
    sites.push_back({kind, thin, in_pair, std::move(op), place, where});
  }

  /// What happens at this op where an operand that moves vanishes, steps or folds.
  void note(const Function& f, ir::Value v, const std::vector<Value>& x) {
    SourceSpan place;
    for (const SourceSpan& s : f.spans(v)) {
      if (place.empty()) place = s;
    }
    const bool in_pair = pair_bodies.count(&f) != 0;
    const std::string name(ir::name_of(f.op(v)));
    const auto site = [&](Site::Kind kind, bool thin = false, const char* where = "vanishes") {
      add(kind, name, place, thin, in_pair, where);
    };
    const auto pole = [&](const Known& at) {
      if (at.moves && at.range != Range::kAbove) site(Site::Kind::kPole, at.range == Range::kThin);
    };
    const auto steep = [&](const Known& at) {
      if (at.moves && at.range != Range::kAbove) site(Site::Kind::kSteep, at.range == Range::kThin);
    };
    const auto fold = [&](const Known& at) {
      if (at.moves && at.range < Range::kThin) site(Site::Kind::kKink);
    };
    if (jumps(f.op(v)) && !of_integers(f, v)) site(Site::Kind::kJump);
    switch (f.op(v)) {
      case Op::kSelect:
        if (x[0].moves && !of_integers(f, f.operand(v, 0))) site(Site::Kind::kJump);
        break;
      case Op::kCast:
        if (!is_float(f.type(v).dtype) && is_float(f.type(f.operand(v, 0)).dtype)) {
          site(Site::Kind::kJump);
        }
        break;
      case Op::kFarAngle:
      case Op::kFarAngleError:
      case Op::kFarQuarter: site(Site::Kind::kJump); break;
      case Op::kBitcast: site(Site::Kind::kClosed); break;
      case Op::kMod:
        if (is_float(f.type(v).dtype)) pole(x[1]);
        break;
      case Op::kAtan2:
        site(Site::Kind::kJump);
        if (x[0].range != Range::kAbove && x[1].range != Range::kAbove) {
          site(Site::Kind::kSteep, false, "is the origin");
        }
        break;
      case Op::kWhile:
      case Op::kCond:
        site(Site::Kind::kJump);
        site(Site::Kind::kClosed);
        break;
      case Op::kCall: site(Site::Kind::kClosed); break;  // a solution of equations
      case Op::kLu:  // divides by pivots; another order of the rows gives the same solutions
        site(Site::Kind::kPole, false, "is singular");
        site(Site::Kind::kClosed);
        break;
      case Op::kQr:  // the diagonal is not negative, so signs do not jump
        site(Site::Kind::kSteep, false, "is singular");
        site(Site::Kind::kClosed);
        break;
      case Op::kEigh:
      case Op::kSvd:
        // Values cross; of vectors the signs jump.
        site(gives_vectors(f, v) ? Site::Kind::kJump : Site::Kind::kKink);
        site(Site::Kind::kSteep, false, "has two eigenvalues or singular values alike");
        break;
      case Op::kCholesky: site(Site::Kind::kPole); break;
      case Op::kTriangularSolve: site(Site::Kind::kPole); break;
      case Op::kAbs: fold(x[0]); break;
      case Op::kCbrt:
        fold(x[0]);
        steep(x[0]);
        break;
      case Op::kMin:
      case Op::kMax:
      case Op::kReduceMin:
      case Op::kReduceMax:
      case Op::kSort: site(Site::Kind::kKink); break;
      case Op::kAsin:
      case Op::kAcos:
        site(Site::Kind::kKink);
        site(Site::Kind::kSteep, false, "is 1 or -1");
        break;
      case Op::kSqrt:
        if (x[0].range == Range::kAbove) break;
        if (x[0].range == Range::kThin) {
          site(Site::Kind::kNorm);
        } else if (!is_square(f, f.operand(v, 0))) {
          site(Site::Kind::kRoot);
        } else if (!is_square_of_one_sign(f, f.operand(v, 0))) {
          site(Site::Kind::kKink);
        }
        break;
      case Op::kDiv: pole(x[1]); break;
      case Op::kRsqrt:
      case Op::kLog: pole(x[0]); break;
      case Op::kLog1p:
        if (x[0].range == Range::kAny) site(Site::Kind::kPole, false, "is -1");
        break;
      case Op::kTan: site(Site::Kind::kPole, false, "is an odd multiple of pi/2"); break;
      case Op::kPow: {
        const auto exponent = splat(f, f.operand(v, 1));
        const bool whole = exponent && *exponent == std::floor(*exponent);
        if (!exponent || *exponent < 0) pole(x[0]);
        if (!whole) fold(x[0]);
        if (x[0].moves && exponent && !whole && *exponent > 0) {
          if (x[0].range == Range::kAny) site(Site::Kind::kSteep, false, "is not above zero");
          if (x[0].range != Range::kAny && *exponent < 1) steep(x[0]);
        }
        const auto base = splat(f, f.operand(v, 0));
        if (base && *base <= 0) site(Site::Kind::kPole, false, "is not above zero");
        break;
      }
      default: break;
    }
  }

  /// Whether a result of f is made of v: what a check alone looks at changes nothing.
  bool in_result(const Function& f, ir::Value v) {
    std::vector<bool>& used = in_results_[&f];
    if (used.empty()) {
      used.resize(f.size());
      for (ir::Value r : f.results()) used[r.id] = true;
      for (std::uint32_t id = static_cast<std::uint32_t>(f.size()); id-- > 0;) {
        if (!used[id]) continue;
        const ir::Value u{id};
        const auto operands = f.operands(u);
        for (std::size_t k = 0; k < operands.size(); ++k) {
          if (f.op(u) != Op::kCheck || k == 1) used[operands[k].id] = true;
        }
      }
    }
    return used[v.id];
  }

  /// Whether v compares whole numbers: where these jump was said where they were made.
  static bool of_integers(const Function& f, ir::Value v) {
    return !f.operands(v).empty() && is_integer(f.type(f.operand(v, 0)).dtype) &&
           !is_float(f.type(v).dtype);
  }

  /// A call is what its body is, but for one that iterates to a solution, or is known by what it
  /// solves alone: such depend on their arguments as their equations say.
  static bool looks_into(const ir::CallAttr& call) {
    return !call.linear && !call.equation &&
           !(call.jvp && call.body->contains_op([](Op op) { return op == Op::kWhile; }));
  }

  Known called(const ir::CallAttr& call, const std::vector<Value>& x, bool moves) {
    const std::vector<Known> results = Interpreter(*this).run(*call.body, x);
    Known k = results.empty() ? Known{} : results[0];
    for (const Known& r : results) k = join(k, r);
    k.moves = moves;
    return k;
  }

  /// Whether more than the eigenvalues or singular values of a decomposition is used.
  static bool gives_vectors(const Function& f, ir::Value v) {
    const int rank = f.type(f.operand(v, 0)).shape.rank();
    for (std::uint32_t id = v.id + 1; id < f.size(); ++id) {
      const ir::Value used{id};
      if (f.op(used) == Op::kProject && f.operand(used, 0) == v &&
          f.type(used).shape.rank() == rank) {
        return true;
      }
    }
    return false;
  }

  static ir::Value behind(const Function& f, ir::Value v) {
    while (f.op(v) == Op::kReshape || f.op(v) == Op::kBroadcast || f.op(v) == Op::kSlice) {
      v = f.operand(v, 0);
    }
    return v;
  }

  /// Whether v is the square of one number (then its root is |x|), or a product of such.
  static bool is_square(const Function& f, ir::Value v) {
    v = behind(f, v);
    if (f.op(v) == Op::kMul) {
      if (f.operand(v, 0) == f.operand(v, 1)) return true;
      return is_square(f, f.operand(v, 0)) && is_square(f, f.operand(v, 1));
    }
    if (f.op(v) != Op::kDotGeneral || f.operand(v, 0) != f.operand(v, 1)) return false;
    std::int64_t terms = 1;
    for (std::int64_t axis : f.attr_as<ir::DotAttr>(v).contract_x) {
      terms *= f.type(f.operand(v, 0)).shape[static_cast<int>(axis)];
    }
    return terms == 1;
  }

  /// x * x of an x that is not negative: the root is x.
  bool is_square_of_one_sign(const Function& f, ir::Value v) const {
    v = behind(f, v);
    if (f.op(v) != Op::kMul || f.operand(v, 0) != f.operand(v, 1)) return false;
    const auto at = ranges_.find({&f, f.operand(v, 0).id});
    return at != ranges_.end() && at->second >= Range::kNotNegative;
  }

  static Range sum(Range a, Range b) {
    if (std::min(a, b) == Range::kAny) return Range::kAny;
    return std::max(a, b);
  }

  Range range(const Function& f, ir::Value v, const std::vector<Value>& x) {
    const Range a = x[0].range;
    const auto same = [&] { return f.operand(v, 0) == f.operand(v, 1); };
    switch (f.op(v)) {
      case Op::kAbs:
      case Op::kSqrt: return std::max(a, Range::kNotNegative);
      case Op::kRsqrt:
      case Op::kExp:
      case Op::kCosh: return Range::kAbove;
      case Op::kAdd: {
        const Known &l = x[0], &r = x[1];
        const bool squares = l.made == Made::kSquaredEntry && r.made == Made::kSquaredEntry;
        if (squares && l.component != r.component) return Range::kThin;
        return sum(a, x[1].range);
      }
      case Op::kMul:
        if (same()) return std::max(a, Range::kNotNegative);
        return std::min(a, x[1].range);
      case Op::kFma:
        return sum(same() ? std::max(a, Range::kNotNegative) : std::min(a, x[1].range), x[2].range);
      case Op::kDiv: return x[1].range == Range::kAny ? Range::kAny : a;
      case Op::kPow: {
        if (a >= Range::kThin) return a;
        const auto exponent = splat(f, f.operand(v, 1));
        const bool even = exponent && std::fmod(*exponent, 2) == 0;
        return even || a == Range::kNotNegative ? Range::kNotNegative : Range::kAny;
      }
      case Op::kMin: return std::min(a, x[1].range);
      case Op::kMax: {
        const Range most = std::max(a, x[1].range);
        return most == Range::kThin ? Range::kNotNegative : most;
      }
      case Op::kSelect: return std::min(x[1].range, x[2].range);
      case Op::kConcatenate:
      case Op::kPad:
      case Op::kScatterAdd: {
        Range least = a;
        for (std::size_t k = 1; k < std::min<std::size_t>(2, x.size()); ++k) {
          least = std::min(least, x[k].range);
        }
        if (f.op(v) == Op::kConcatenate) {
          for (const Known& o : x) least = std::min(least, o.range);
        }
        return least;
      }
      case Op::kReduceSum:
        if (x[0].made == Made::kSquaredRows &&
            has_last_axis(f, v, f.attr_as<ir::AxesAttr>(v).axes)) {
          return Range::kThin;
        }
        return a;
      case Op::kReduceProd:
      case Op::kReduceMin:
      case Op::kReduceMax:
      case Op::kReshape:
      case Op::kBroadcast:
      case Op::kTranspose:
      case Op::kSlice:
      case Op::kReverse:
      case Op::kGather: return a;
      case Op::kCast:
        return is_float(f.type(v).dtype) && is_float(f.type(f.operand(v, 0)).dtype) ? a
                                                                                    : Range::kAny;
      case Op::kDotGeneral: {
        if (!same()) return x[0].range == Range::kAny ? Range::kAny : std::min(a, x[1].range);
        const auto& d = f.attr_as<ir::DotAttr>(v);
        if (d.contract_x != d.contract_y || d.batch_x != d.batch_y) return Range::kAny;
        if (free_axes(f, v, d)) return Range::kAny;
        const bool thin = x[0].made == Made::kRows && has_last_axis(f, v, d.contract_x);
        return thin ? Range::kThin : Range::kNotNegative;
      }
      default: return Range::kAny;
    }
  }

  static bool free_axes(const Function& f, ir::Value v, const ir::DotAttr& d) {
    const auto rank = static_cast<std::size_t>(f.type(f.operand(v, 0)).shape.rank());
    return d.contract_x.size() + d.batch_x.size() != rank;
  }
  static bool has_last_axis(const Function& f, ir::Value v, const ir::Dims& axes) {
    const int last = f.type(f.operand(v, 0)).shape.rank() - 1;
    return std::find(axes.begin(), axes.end(), last) != axes.end();
  }

  std::map<std::pair<const Function*, std::uint32_t>, Range> ranges_;
  std::map<const Function*, std::vector<bool>> in_results_;

  /// The form of v, where it keeps one.
  void make(const Function& f, ir::Value v, const std::vector<Value>& x, Known& k) {
    const Shape& to = f.type(v).shape;
    const auto rows = [&](std::int64_t row) {
      k.made = Made::kRows;
      k.rank = to.rank();
      k.row = row;
    };
    const auto entry = [&](std::int64_t component, std::int64_t which) {
      k.made = Made::kEntry;
      k.component = component;
      k.entry = which;
    };
    const Known& a = x[0];
    switch (f.op(v)) {
      case Op::kNeg:
        if (a.made == Made::kRows) rows(-1);
        break;
      case Op::kAdd:
      case Op::kSub: {
        const Known& b = x[1];
        const bool both =
            (a.made == Made::kRows || !a.moves) && (b.made == Made::kRows || !b.moves);
        if (both && k.moves) rows(-1);
        if (f.op(v) == Op::kSub && a.made == Made::kEntry && b.made == Made::kEntry &&
            a.component == b.component && a.entry >= 0 && b.entry >= 0 && a.entry != b.entry) {
          k.made = Made::kDifference;
          k.component = a.component;
        }
        break;
      }
      case Op::kMul:
      case Op::kDiv:
        if (f.operand(v, 0) == f.operand(v, 1) && f.op(v) == Op::kMul) {
          if (a.made == Made::kRows) k.made = Made::kSquaredRows;
          if (a.made == Made::kEntry || a.made == Made::kDifference) {
            k.made = Made::kSquaredEntry;
            k.component = a.component;
          }
        } else if (a.made == Made::kRows && !x[1].moves && is_uniform(f, f.operand(v, 1))) {
          rows(-1);
        } else if (f.op(v) == Op::kMul && x[1].made == Made::kRows && !a.moves &&
                   is_uniform(f, f.operand(v, 0))) {
          rows(-1);
        }
        break;
      case Op::kReshape: {
        const Shape& from = f.type(f.operand(v, 0)).shape;
        if (f.type(v).size() == 1 && (a.made == Made::kEntry || a.made == Made::kDifference ||
                                      a.made == Made::kSquaredEntry)) {
          const Known range = k;
          k = a;
          k.range = range.range;
        } else if (a.made == Made::kRows && to.rank() > 0 &&
                   from[from.rank() - 1] == to[to.rank() - 1]) {
          rows(a.row);
        }
        break;
      }
      case Op::kSlice: {
        if (a.made != Made::kRows) break;
        const Shape& from = f.type(f.operand(v, 0)).shape;
        const auto& s = f.attr_as<ir::SliceAttr>(v);
        const auto last = static_cast<std::size_t>(from.rank() - 1);
        const std::int64_t d = from[from.rank() - 1];
        std::int64_t row = a.row;
        if (from.rank() == 2 && row >= 0) row = to[0] == 1 ? row + s.start[0] * d : -1;
        if (to[to.rank() - 1] == d) {
          rows(row);
        } else if (f.type(v).size() == 1) {
          entry(s.start[last], row >= 0 ? row + s.start[last] : -1);
        }
        break;
      }
      case Op::kGather: {
        if (a.made != Made::kRows) break;
        for (std::size_t o = 1; o < x.size(); ++o) {
          if (x[o].moves) return;
        }
        if (static_cast<int>(x.size()) - 1 < f.type(f.operand(v, 0)).shape.rank()) rows(-1);
        break;
      }
      default: break;
    }
  }
};

void collect_pairs(const Function& f, std::set<const Function*>& pairs, bool inside) {
  if (inside) pairs.insert(&f);
  for (std::uint32_t id = 0; id < f.size(); ++id) {
    const ir::Value v{id};
    if (!ir::is_second_order(f.op(v)) || f.op(v) == Op::kProject) continue;
    for (const ir::FunctionPtr& body : ir::bodies_of(f.attr(v))) {
      collect_pairs(*body, pairs, inside || f.op(v) == Op::kPairSum);
    }
  }
}

std::optional<Mixing> first_of(const ir::Function& f, Site::Kind most) {
  for (const Site& s : sites_of(f, {0, 1})) {
    if (s.kind <= most) return Mixing{s.op, s.place};
  }
  return {};
}

}  // namespace

std::string written(const std::string& op) {
  const auto known = ir::op_named(op);
  if (!known) return op;
  switch (*known) {
    case Op::kLt: return "<";
    case Op::kLe: return "<=";
    case Op::kEq: return "==";
    case Op::kNe: return "!=";
    case Op::kMod: return "%";
    case Op::kDiv: return "/";
    case Op::kPow: return "^";
    case Op::kSelect: return "where(...)";
    case Op::kReduceMin: return "min(...)";
    case Op::kReduceMax: return "max(...)";
    case Op::kCast: return "a conversion to whole numbers";
    default: return op + "(...)";
  }
}

std::optional<Mixing> first_jump(const ir::Function& f) {
  return first_of(f, Site::Kind::kJump);
}

std::optional<Mixing> first_kink(const ir::Function& f) {
  return first_of(f, Site::Kind::kKink);
}

std::optional<Mixing> first_break(const ir::Function& f) {
  if (const auto kink = first_kink(f)) return kink;
  for (const Site& s : sites_of(f, {0, 1})) {
    if (s.kind == Site::Kind::kPole && !s.thin) return Mixing{s.op, s.place};
  }
  return {};
}

std::vector<Site> sites_of(const ir::Function& energy, const std::vector<std::size_t>& state) {
  VanishDomain domain;
  collect_pairs(energy, domain.pair_bodies, false);
  std::vector<Known> arguments(energy.params().size());
  std::int64_t first = 0;
  for (std::size_t k : state) {
    const Shape& shape = energy.param_type(k).shape;
    arguments[k].moves = true;
    if (shape.rank() > 0 && shape[shape.rank() - 1] > 1) {
      arguments[k].made = Made::kRows;
      arguments[k].rank = shape.rank();
      arguments[k].row = first;
    }
    first += shape.size();
  }
  Interpreter(domain).run(energy, arguments);
  return std::move(domain.sites);
}

}  // namespace cotangent::mechanics
