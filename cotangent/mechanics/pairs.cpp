#include "cotangent/mechanics/pairs.h"

#include <algorithm>
#include <bit>
#include <map>

#include "cotangent/mechanics/abstract.h"

namespace cotangent::mechanics {
namespace {

using ir::Function;
using ir::Op;

/// kLocal: depends on the particles in `who` only (none: a constant). kIndex: the number of the
/// particle in `who`. kRows: row i depends on particle i only. kSum: a sum of functions of one
/// particle each (named ones, if `who` is not empty), or of two by pair_sum.
struct PairForm {
  enum class Kind { kLocal, kIndex, kRows, kSumOne, kSumPairs, kOther };
  Kind kind = Kind::kLocal;
  std::uint64_t who = 0;
  bool operator==(const PairForm&) const = default;
  bool constant() const { return kind == Kind::kIndex || (kind == Kind::kLocal && who == 0); }
  bool is_sum() const { return kind == Kind::kSumOne || kind == Kind::kSumPairs; }
};
using FormKind = PairForm::Kind;

const PairForm kConstant{};
const PairForm kOther{FormKind::kOther, 0};
constexpr int kBits = 64;

struct FormDomain {
  using Value = PairForm;
  int next_bit = 0;
  std::map<std::int64_t, int> named;  // particles named by a literal, and their bits
  std::string why;
  SourceSpan place;

  Value index() {
    return next_bit < kBits ? PairForm{FormKind::kIndex, std::uint64_t{1} << next_bit++} : kOther;
  }
  Value join(const Value& a, const Value& b) { return a == b ? a : kOther; }
  Value widen(const Value&) { return kOther; }
  Value chosen(const Value& a, const Value& by) { return by.constant() ? a : kOther; }
  Value row(const Value& operand, const Value& index) {
    if (operand.kind == FormKind::kRows) return {FormKind::kLocal, index.who};
    return operand.constant() ? kConstant : kOther;
  }
  Value total(ir::Role role, const Value& result, const std::vector<Value>& index) {
    if (result.constant()) return kConstant;
    std::uint64_t own = 0;
    for (const PairForm& i : index) own |= i.who;
    const bool pairs = index.size() == 2;
    if (result.kind == FormKind::kLocal && (result.who & ~own) == 0) {
      if (role == ir::Role::kStack) return {FormKind::kRows, 0};
      if (role == ir::Role::kTotal) return {pairs ? FormKind::kSumPairs : FormKind::kSumOne, 0};
    }
    // A term under the sum that does not read the index is added once an entry: a multiple of
    // itself.
    if (role == ir::Role::kTotal && result.is_sum()) return result;
    return kOther;
  }

  Value lost(const Function& f, ir::Value v, std::string reason) {
    if (why.empty()) {
      why = std::move(reason);
      for (const SourceSpan& s : f.spans(v)) {
        if (place.empty()) place = s;
      }
    }
    return kOther;
  }

  Value apply(const Function& f, ir::Value v, const std::vector<Value>& x) {
    const auto is = [&](FormKind kind) {
      return std::any_of(x.begin(), x.end(), [kind](const PairForm& o) { return o.kind == kind; });
    };
    if (is(FormKind::kOther)) return kOther;
    if (std::all_of(x.begin(), x.end(), [](const PairForm& o) { return o.constant(); })) {
      const bool same_index = f.op(v) == Op::kReshape || f.op(v) == Op::kBroadcast;
      return same_index && x[0].kind == FormKind::kIndex ? x[0] : kConstant;
    }
    if (is(FormKind::kSumOne) || is(FormKind::kSumPairs)) return of_sums(f, v, x);
    if (is(FormKind::kRows)) return of_rows(f, v, x);
    std::uint64_t who = 0;
    for (const PairForm& o : x) {
      if (o.kind == FormKind::kLocal) who |= o.who;
    }
    return additive(f, v, x, who);
  }

  /// Sums of functions of different single particles stay sums over one particle.
  Value additive(const Function& f, ir::Value v, const std::vector<Value>& x, std::uint64_t who) {
    const bool adds = f.op(v) == Op::kAdd || f.op(v) == Op::kSub;
    if (adds && std::popcount(who) > 1 &&
        std::all_of(x.begin(), x.end(),
                    [](const PairForm& o) { return std::popcount(o.who) <= 1; }) &&
        f.type(v).is_scalar() && named_only(who)) {
      return {FormKind::kSumOne, who};
    }
    return {FormKind::kLocal, who};
  }
  bool named_only(std::uint64_t who) const {
    for (const auto& [k, bit] : named) who &= ~(std::uint64_t{1} << bit);
    return who == 0;
  }

  Value of_sums(const Function& f, ir::Value v, const std::vector<Value>& x) {
    bool pairs = false, named_ones = true;
    for (const PairForm& o : x) {
      pairs = pairs || o.kind == FormKind::kSumPairs;
      named_ones = named_ones && (o.constant() || o.who != 0);
    }
    PairForm sum{pairs ? FormKind::kSumPairs : FormKind::kSumOne, 0};
    for (const PairForm& o : x) sum.who |= named_ones && !o.constant() ? o.who : 0;
    switch (f.op(v)) {
      case Op::kNeg:
      case Op::kReshape:
      case Op::kReduceSum: return sum;
      case Op::kAdd:
      case Op::kSub:
        for (const PairForm& o : x) {
          if (!o.is_sum() && (o.kind != FormKind::kLocal || std::popcount(o.who) > 1)) {
            return lost(f, v, "it names particles one by one");
          }
        }
        return sum;
      case Op::kMul:
        if (x[0].constant() || x[1].constant()) return sum;
        break;
      case Op::kDiv:
        if (x[1].constant()) return sum;
        break;
      default: break;
    }
    if (named_ones) return lost(f, v, "it names particles one by one");
    return lost(f, v,
                "a function of a sum over particles (" + std::string(ir::name_of(f.op(v))) + ")");
  }

  Value of_rows(const Function& f, ir::Value v, const std::vector<Value>& x) {
    for (const PairForm& o : x) {
      if (o.kind == FormKind::kLocal && o.who != 0) {
        return lost(f, v, "one particle meets all others outside pair_sum");
      }
    }
    const PairForm rows{FormKind::kRows, 0};
    const auto axes = [&]() -> const ir::Dims& { return f.attr_as<ir::AxesAttr>(v).axes; };
    const Shape& in = f.operands(v).empty() ? f.type(v).shape : f.type(f.operand(v, 0)).shape;
    switch (f.op(v)) {
      case Op::kGather: return of_gather(f, v, x);
      case Op::kReduceSum:
        if (std::find(axes().begin(), axes().end(), 0) == axes().end()) return rows;
        return {FormKind::kSumOne, 0};
      case Op::kReduceProd:
      case Op::kReduceMin:
      case Op::kReduceMax:
        if (std::find(axes().begin(), axes().end(), 0) == axes().end()) return rows;
        return lost(f, v, "a " + std::string(ir::name_of(f.op(v))) + " over all particles");
      case Op::kReshape:
        if (f.type(v).shape.rank() > 0 && in[0] == f.type(v).shape[0]) return rows;
        if (in[0] == 1) return particle(f, v, 0);
        break;
      case Op::kBroadcast:
        if (!axes().empty() && axes()[0] == 0) return rows;
        break;
      case Op::kTranspose:
        if (axes()[0] == 0) return rows;
        break;
      case Op::kSlice: {
        const auto& s = f.attr_as<ir::SliceAttr>(v);
        if (s.start[0] == 0 && s.limit[0] == in[0] && s.stride[0] == 1) return rows;
        if (s.limit[0] == s.start[0] + 1) return particle(f, v, s.start[0]);
        return lost(f, v, "rows shifted against each other (neighbours in a chain or lattice)");
      }
      case Op::kReverse:
        if (std::find(axes().begin(), axes().end(), 0) == axes().end()) return rows;
        break;
      case Op::kDotGeneral: {
        const auto& d = f.attr_as<ir::DotAttr>(v);
        if (!d.batch_x.empty() && d.batch_x[0] == 0 && d.batch_y[0] == 0) return rows;
        for (std::size_t k = 0; k < d.contract_x.size(); ++k) {
          const bool both = d.contract_x[k] == 0 && d.contract_y[k] == 0;
          if (both && f.type(v).is_scalar()) return {FormKind::kSumOne, 0};
        }
        break;
      }
      default:
        if (ir::is_elementwise(f.op(v))) return rows;
    }
    return lost(f, v,
                "particles meet in " + std::string(ir::name_of(f.op(v))) + ", outside pair_sum");
  }

  Value of_gather(const Function& f, ir::Value v, const std::vector<Value>& x) {
    if (x[0].kind != FormKind::kRows) return lost(f, v, "an index that depends on the state");
    for (std::size_t k = 1; k < x.size(); ++k) {
      if (!x[k].constant()) return lost(f, v, "an index that depends on the state");
    }
    if (x[1].kind == FormKind::kIndex) return {FormKind::kLocal, x[1].who};
    ir::Value index = f.operand(v, 1);
    while (f.op(index) == Op::kReshape || f.op(index) == Op::kBroadcast)
      index = f.operand(index, 0);
    if (f.op(index) == Op::kConstant && f.type(index).size() == 1) {
      return particle(f, v, f.attr_as<ir::LiteralAttr>(index).value->integer(0));
    }
    return lost(f, v, "particles picked by a computed index (neighbours in a chain or lattice)");
  }

  Value particle(const Function& f, ir::Value v, std::int64_t k) {
    const auto found = named.find(k);
    if (found != named.end()) return {FormKind::kLocal, std::uint64_t{1} << found->second};
    if (next_bit >= kBits) return lost(f, v, "many particles named one by one");
    named.emplace(k, next_bit);
    return {FormKind::kLocal, std::uint64_t{1} << next_bit++};
  }
};

}  // namespace

FormOf form_of(const ir::Function& energy) {
  FormDomain domain;
  std::vector<PairForm> arguments(energy.params().size());
  arguments[0] = arguments[1] = {FormKind::kRows, 0};
  const PairForm form = Interpreter(domain).run(energy, arguments)[0];
  FormOf result;
  result.why = domain.why.empty() ? "it is no sum over particles or pairs" : domain.why;
  result.place = domain.place;
  if (form.constant()) {
    result.form = TermForm::kConstant;
  } else if (form.kind == FormKind::kSumPairs) {
    result.form = TermForm::kPairs;
  } else if (form.kind == FormKind::kSumOne ||
             (form.kind == FormKind::kLocal && std::popcount(form.who) <= 1)) {
    result.form = TermForm::kOneBody;
  } else if (form.kind == FormKind::kLocal) {
    result.why = "it names particles one by one";
  }
  if (result.form != TermForm::kOther) result.why.clear();
  return result;
}

}  // namespace cotangent::mechanics
