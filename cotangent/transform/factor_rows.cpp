// Takes factors that a whole row (or the whole sum) shares out of a pair_sum: sum_j c_i x_ij is
// c_i sum_j x_ij. One product a row in place of one a pair. Runs after hoist_rows, so that a factor
// of one side is a row operand by then.
#include <array>

#include "cotangent/transform/passes.h"
#include "cotangent/transform/rebuild.h"

namespace cotangent::transform {

using namespace ir;

namespace {

/// One pair_sum being rebuilt.
class RowFactorer {
 public:
  RowFactorer(Builder& b, const PairAttr& attr, std::span<const Value> operands)
      : b_(b), attr_(attr), body_(*attr.body), operands_(operands), uses_(use_counts(body_)) {}

  /// The results, or nothing when no factor can be taken out.
  Values run() {
    bool any = false;
    for (std::size_t r = 0; r < attr_.roles.size(); ++r) {
      factors_.emplace_back();
      if (is_float(body_.result_type(r).dtype) && find_factors(r)) any = true;
    }
    if (!any) return {};
    Builder body(body_.name());
    images_.assign(body_.size(), Value{});
    for (std::size_t k = 0; k < body_.params().size(); ++k) {
      images_[body_.params()[k].id] = body.param(body_.param_type(k), body_.param_names()[k]);
    }
    Values results;
    for (std::size_t r = 0; r < attr_.roles.size(); ++r) {
      const Value v = body_.results()[r];
      results.push_back(factors_[r].empty() ? copy(body, v) : without(body, v, factors_[r]));
    }
    PairAttr attr = attr_;
    attr.body = body.finish(results);
    Values out = b_.pair_sum(attr, operands_);
    for (std::size_t r = 0; r < out.size(); ++r) {
      for (Value factor : factors_[r]) out[r] = b_.mul(outside(factor, b_.type(out[r])), out[r]);
    }
    return out;
  }

 private:
  Value copy(Builder& body, Value v) {
    return clone_onto(body, body_, images_, std::span(&v, 1))[0];
  }

  /// A scalar that the rows of result `r` (or all its pairs) share.
  bool is_shared(Value v, std::size_t r) const {
    if (!body_.type(v).is_scalar()) return false;
    if (body_.op(v) == Op::kConstant) return true;
    if (body_.op(v) != Op::kParameter) return false;
    const auto operand = body_.attr_as<IndexAttr>(v).index - 2;
    if (operand < 0) return false;
    if (operand >= attr_.rows_i + attr_.rows_j) return true;
    return attr_.roles[r] == (operand < attr_.rows_i ? Role::kAtI : Role::kAtJ);
  }

  static Value strip(const Function& f, Value v) {
    while (f.op(v) == Op::kBroadcast) v = f.operand(v, 0);
    return v;
  }

  bool may_open(Value v, bool outermost) const { return outermost || uses_[v.id] == 1; }

  bool find_factors(std::size_t r) {
    const Value result = body_.results()[r];
    if (uses_[result.id] != 1) return false;
    collect(result, r, true);
    return !factors_[r].empty();
  }

  /// Factors in the tree of products under `v`; at least one factor stays inside.
  void collect(Value v, std::size_t r, bool outermost) {
    if (!may_open(v, outermost)) return;
    if (body_.op(v) == Op::kBroadcast) return collect(body_.operand(v, 0), r, false);
    if (body_.op(v) != Op::kMul) return;
    const std::array<Value, 2> x{body_.operand(v, 0), body_.operand(v, 1)};
    for (std::size_t k = 0; k < 2; ++k) {
      if (!is_shared(strip(body_, x[k]), r) || is_shared(strip(body_, x[1 - k]), r)) continue;
      factors_[r].push_back(strip(body_, x[k]));
      return collect(x[1 - k], r, false);
    }
    for (Value side : x) collect(side, r, false);
  }

  /// The product under `v` with one occurrence of each factor left out.
  Value without(Builder& body, Value v, Values left) { return remove(body, v, left, true); }

  Value remove(Builder& body, Value v, Values& left, bool outermost) {
    if (left.empty() || !may_open(v, outermost)) return copy(body, v);
    if (body_.op(v) == Op::kBroadcast) {
      const Value inner = remove(body, body_.operand(v, 0), left, false);
      return body.copy(body_, v, std::span(&inner, 1));
    }
    if (body_.op(v) != Op::kMul) return copy(body, v);
    const std::array<Value, 2> x{body_.operand(v, 0), body_.operand(v, 1)};
    for (std::size_t k = 0; k < 2; ++k) {
      if (strip(body_, x[k]) != left.front() || strip(body_, x[1 - k]) == left.front()) {
        continue;
      }
      left.erase(left.begin());
      return remove(body, x[1 - k], left, false);
    }
    std::array<Value, 2> kept{};
    for (std::size_t k = 0; k < 2; ++k) kept[k] = remove(body, x[k], left, false);
    return body.copy(body_, v, kept);
  }

  /// The factor as an array of the result's type.
  Value outside(Value factor, Type type) {
    if (body_.op(factor) == Op::kConstant) {
      return b_.broadcast_to(b_.copy(body_, factor, {}), type.shape);
    }
    const auto operand = static_cast<std::size_t>(body_.attr_as<IndexAttr>(factor).index - 2);
    const bool row = static_cast<std::int64_t>(operand) < attr_.rows_i + attr_.rows_j;
    if (!row) return b_.broadcast_to(operands_[operand], type.shape);
    return b_.broadcast(operands_[operand], type.shape, {0});
  }

  Builder& b_;
  const PairAttr& attr_;
  const Function& body_;
  std::span<const Value> operands_;
  std::vector<int> uses_;
  std::vector<Values> factors_;  // for each result
  Values images_;
};

}  // namespace

FunctionPtr factor_rows(const Function& f) {
  return rewrite(f, {}, factor_rows,
                 [&](Builder& b, Value v, std::span<const Value> x, const Values&) -> Values {
                   if (f.op(v) != Op::kPairSum) return {};
                   const Attr attr = change_bodies(f.attr(v), factor_rows);
                   const auto& pair = std::get<PairAttr>(attr);
                   const Values made = RowFactorer(b, pair, x).run();
                   return made.empty() ? b.pair_sum(pair, x) : made;
                 });
}

}  // namespace cotangent::transform
