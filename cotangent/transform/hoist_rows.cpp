// Moves what depends on one side of a pair only (G*m_j, say) out of the pair: computed once a row
// by a map, and passed in as a row operand. N computations in place of N^2.
#include "cotangent/transform/passes.h"
#include "cotangent/transform/rebuild.h"

namespace cotangent::transform {

using namespace ir;

namespace {

/// One pair_sum being rebuilt.
class RowHoister {
 public:
  /// With `reads` gathers count as work.
  RowHoister(Builder& b, const PairAttr& attr, std::span<const Value> operands, bool reads)
      : b_(b), attr_(attr), body_(*attr.body), operands_(operands), reads_(reads) {
    rows_ = static_cast<std::size_t>(attr.rows_i + attr.rows_j);
  }

  /// Its results, or none when there is nothing to move.
  Values run() {
    classify();
    for (unsigned side : {1u, 2u}) find_frontier(side);
    if (frontier_[0].empty() && frontier_[1].empty()) return {};
    Values stacked[2];
    for (std::size_t s = 0; s < 2; ++s) {
      if (!frontier_[s].empty()) stacked[s] = compute_rows(s);
    }
    return rebuild(stacked);
  }

 private:
  bool at_i(std::size_t operand) const { return static_cast<std::int64_t>(operand) < attr_.rows_i; }

  void classify() {
    class_.assign(body_.size(), 0);
    work_.assign(body_.size(), false);
    class_[body_.params()[0].id] = 1;
    class_[body_.params()[1].id] = 2;
    for (std::size_t k = 0; k < rows_; ++k) class_[body_.params()[k + 2].id] = at_i(k) ? 1 : 2;
    for (std::uint32_t id = 0; id < body_.size(); ++id) {
      const Op op = body_.op(Value{id});
      const OpKind kind = info(op).kind;
      work_[id] = kind == OpKind::kElementwise || kind == OpKind::kReduce ||
                  kind == OpKind::kContract || is_projected(op) || (reads_ && op == Op::kGather);
      for (Value x : body_.operands(Value{id})) {
        class_[id] |= class_[x.id];
        work_[id] = work_[id] || work_[x.id];
      }
    }
  }

  /// Values of one side that the pair reads: not mere rearrangements, and no larger than what they
  /// came from.
  void find_frontier(unsigned side) {
    std::vector<bool> wanted(body_.size(), false);
    const auto want = [&](Value x) {
      while (body_.op(x) == Op::kBroadcast) x = body_.operand(x, 0);
      if (class_[x.id] == side && work_[x.id] && !is_projected(body_.op(x))) wanted[x.id] = true;
    };
    for (std::uint32_t id = 0; id < body_.size(); ++id) {
      if (class_[id] == side && body_.op(Value{id}) != Op::kBroadcast) continue;
      for (Value x : body_.operands(Value{id})) want(x);
    }
    for (Value r : body_.results()) want(r);
    for (std::uint32_t id = 0; id < body_.size(); ++id) {
      if (wanted[id]) frontier_[side - 1].push_back(Value{id});
    }
  }

  Values compute_rows(std::size_t side) {
    BodyBuilder inner(b_, body_.name() + (side == 0 ? "_at_i" : "_at_j"));
    Values params(body_.params().size());
    inner.index(params[side]);
    for (std::size_t k = 0; k < rows_; ++k) {
      if (at_i(k) == (side == 0)) inner.row(operands_[k], params[k + 2]);
    }
    MapAttr map;
    map.count = attr_.count;
    map.rows = inner.take_count();
    for (std::size_t k = rows_; k < operands_.size(); ++k)
      inner.invariant(operands_[k], params[k + 2]);
    Builder& body = inner.open();
    map.body = body.finish(clone(body, body_, params, frontier_[side]));
    map.roles.assign(frontier_[side].size(), Role::kStack);
    return b_.map(map, inner.operands());
  }

  Values rebuild(const Values (&stacked)[2]) {
    Builder body(body_.name());
    Values images(body_.size()), operands;
    const auto pass = [&](Value node, Value operand) {
      images[node.id] = body.param(body_.type(node));
      if (operand.valid()) operands.push_back(operand);
    };
    pass(body_.params()[0], {});
    pass(body_.params()[1], {});
    PairAttr attr = attr_;
    for (std::size_t side = 0; side < 2; ++side) {
      for (std::size_t k = 0; k < rows_; ++k) {
        if (at_i(k) == (side == 0)) pass(body_.params()[k + 2], operands_[k]);
      }
      for (std::size_t k = 0; k < frontier_[side].size(); ++k)
        pass(frontier_[side][k], stacked[side][k]);
      (side == 0 ? attr.rows_i : attr.rows_j) += static_cast<std::int64_t>(frontier_[side].size());
    }
    for (std::size_t k = rows_; k < operands_.size(); ++k)
      pass(body_.params()[k + 2], operands_[k]);
    attr.body = body.finish(clone_onto(body, body_, images, body_.results()));
    return b_.pair_sum(attr, operands);
  }

  Builder& b_;
  const PairAttr& attr_;
  const Function& body_;
  std::span<const Value> operands_;
  bool reads_;
  std::size_t rows_ = 0;
  std::vector<unsigned> class_;  // bit 0: depends on i, bit 1: on j
  std::vector<bool> work_;       // more than a rearrangement
  Values frontier_[2];
};

FunctionPtr hoist(const Function& f, bool reads) {
  const auto inside = [reads](const Function& g) { return hoist(g, reads); };
  return rewrite(f, {}, inside,
                 [&](Builder& b, Value v, std::span<const Value> x, const Values&) -> Values {
                   if (f.op(v) != Op::kPairSum) return {};
                   const Attr attr = change_bodies(f.attr(v), inside);
                   const auto& pair = std::get<PairAttr>(attr);
                   const Values made = RowHoister(b, pair, x, reads).run();
                   return made.empty() ? b.pair_sum(pair, x) : made;
                 });
}

}  // namespace

FunctionPtr hoist_rows(const Function& f) {
  return hoist(f, false);
}

FunctionPtr hoist_reads(const Function& f) {
  return hoist(f, true);
}

}  // namespace cotangent::transform
