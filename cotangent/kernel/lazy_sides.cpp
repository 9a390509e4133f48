#include "cotangent/kernel/lazy_sides.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <queue>
#include <set>
#include <span>

namespace cotangent::kernel {
namespace {

using ir::Op;

/// Who defines and who uses the values that a block defines. Their ids lie close together, so
/// plain arrays hold it: blocks may have 100,000 instructions.
class Uses {
 public:
  static constexpr std::size_t kOutside = SIZE_MAX;

  explicit Uses(const Block& block) {
    Id last = 0;
    const auto each_result = [&](const auto& f) {
      for (std::size_t k = 0; k < block.instrs.size(); ++k) {
        if (block.instrs[k].result != kNoId) f(block.instrs[k].result, k);
        for (Id x : block.instrs[k].results) f(x, k);
      }
    };
    each_result([&](Id x, std::size_t) {
      first_ = std::min(first_, x);
      last = std::max(last, x);
    });
    if (first_ == kNoId) return;
    place_.assign(last - first_ + std::size_t{1}, kOutside);
    each_result([&](Id x, std::size_t k) { place_[x - first_] = k; });
    begin_.assign(place_.size() + 1, 0);
    each_use(block, [&](std::size_t id, std::size_t) { ++begin_[id + 1]; });
    for (std::size_t k = 1; k < begin_.size(); ++k) begin_[k] += begin_[k - 1];
    users_.resize(begin_.back());
    std::vector<std::size_t> at(begin_.begin(), begin_.end() - 1);
    each_use(block, [&](std::size_t id, std::size_t user) { users_[at[id]++] = user; });
  }

  /// Where in the block; kOutside: elsewhere.
  std::size_t place(Id x) const { return known(x) ? place_[x - first_] : kOutside; }
  /// The instructions of the block that read x, which it defines; kOutside for nested ones and
  /// yields.
  std::span<const std::size_t> users(Id x) const {
    const std::size_t k = x - first_;
    return std::span(users_).subspan(begin_[k], begin_[k + 1] - begin_[k]);
  }

 private:
  bool known(Id x) const { return x >= first_ && x - first_ < place_.size(); }

  template <class F>
  void each_use(const Block& block, const F& use, bool nested = false) const {
    for (std::size_t k = 0; k < block.instrs.size(); ++k) {
      const Instr& i = block.instrs[k];
      for (Id x : i.operands) {
        if (known(x)) use(x - first_, nested || i.body ? kOutside : k);
      }
      if (i.body) each_use(*i.body, use, true);
      if (i.other) each_use(*i.other, use, true);
    }
    for (Id x : block.yields) {
      if (known(x)) use(x - first_, kOutside);
    }
  }

  Id first_ = kNoId;
  std::vector<std::size_t> place_, begin_, users_;
};

class Finder {
 public:
  explicit Finder(const Block& block)
      : block_(block), uses_(block), owner_(block.instrs.size(), 0) {}

  /// The sides among these instructions, all of which belong to `owner`: 0, or the side they are
  /// of.
  std::vector<LazySide> run(std::span<const std::size_t> among, std::uint32_t owner) {
    std::map<std::pair<Id, bool>, std::vector<std::size_t>> groups;
    for (std::size_t k : among) {
      const Instr& i = block_.instrs[k];
      if (i.code != Code::kOp || i.op != Op::kSelect) continue;
      for (bool when : {true, false}) {
        const std::size_t from = uses_.place(i.operands[when ? 1 : 2]);
        if (movable(from, owner) && !usual(i.operands[0], when)) {
          groups[{i.operands[0], when}].push_back(k);
        }
      }
    }
    // The outer ones first: they take inner selections in with them.
    std::vector<std::pair<std::size_t, std::pair<Id, bool>>> order;
    for (const auto& [key, selections] : groups) order.push_back({selections.back(), key});
    std::sort(order.rbegin(), order.rend());
    std::vector<LazySide> sides;
    for (const auto& [last, key] : order) {
      LazySide side = side_of(key.first, key.second, groups[key], owner);
      if (cost(side) < kLazyFrom || !stands_alone(side)) continue;
      const std::uint32_t own = ++owners_;
      for (std::size_t k : side.instrs) owner_[k] = own;
      side.inner = run(side.instrs, own);
      sides.push_back(std::move(side));
    }
    std::sort(sides.begin(), sides.end(),
              [](const LazySide& a, const LazySide& b) { return a.at < b.at; });
    return sides;
  }

 private:
  bool movable(std::size_t k, std::uint32_t owner) const {
    return k != Uses::kOutside && block_.instrs[k].code == Code::kOp && owner_[k] == owner;
  }

  /// Whether a predicate nearly always has this value: numbers are seldom equal (Ball and Larus
  /// 1993) and seldom special. That side is computed as it is.
  bool usual(Id predicate, bool value) const {
    const std::size_t k = uses_.place(predicate);
    if (k == Uses::kOutside || block_.instrs[k].code != Code::kOp) return false;
    const Instr& i = block_.instrs[k];
    const auto both = [&](bool v) { return usual(i.operands[0], v) && usual(i.operands[1], v); };
    switch (i.op) {
      case Op::kEq: return value == (i.operands[0] == i.operands[1]);
      case Op::kNe: return value != (i.operands[0] == i.operands[1]);
      case Op::kIsFinite: return value;
      case Op::kNot: return usual(i.operands[0], !value);
      case Op::kOr: return !value && both(false);
      case Op::kAnd: return value && both(true);
      default: return false;
    }
  }

  /// All that only these selections need, on this side; from the last backwards, so that the users
  /// of each are known to be in or out.
  LazySide side_of(Id predicate, bool when, const std::vector<std::size_t>& selections,
                   std::uint32_t owner) const {
    LazySide side{predicate, when, selections.front(), {}, {}, {}, {}};
    const std::size_t own = when ? 1 : 2, other = when ? 2 : 1;
    std::set<std::size_t> in;
    std::priority_queue<std::size_t> next;
    for (std::size_t s : selections) {
      if (owner_[s] != owner) return side;
      next.push(uses_.place(block_.instrs[s].operands[own]));
    }
    const auto ours = [&](std::size_t k) {
      return std::binary_search(selections.begin(), selections.end(), k);
    };
    const auto only_here = [&](std::size_t k) {
      const Id x = block_.instrs[k].result;
      for (std::size_t user : uses_.users(x)) {
        if (user == Uses::kOutside) return false;
        if (in.contains(user)) continue;
        if (!ours(user) || block_.instrs[user].operands[other] == x || x == predicate) return false;
      }
      return true;
    };
    while (!next.empty()) {
      const std::size_t k = next.top();
      next.pop();
      if (!movable(k, owner) || ours(k) || in.contains(k) || !only_here(k)) continue;
      in.insert(k);
      for (Id x : block_.instrs[k].operands) {
        if (const std::size_t at = uses_.place(x); at != Uses::kOutside) next.push(at);
      }
    }
    side.instrs.assign(in.begin(), in.end());
    for (std::size_t s : selections) {
      const Id x = block_.instrs[s].operands[own];
      const bool known = std::count(side.results.begin(), side.results.end(), x) > 0;
      if (!in.contains(uses_.place(x))) continue;
      if (!known) side.results.push_back(x);
      const std::size_t at = uses_.place(block_.instrs[s].operands[other]);
      if (at == Uses::kOutside || at < side.at) side.early.push_back({s, at});
    }
    return side;
  }

  int cost(const LazySide& side) const {
    int sum = 0;
    for (std::size_t k : side.instrs) {
      const Op op = block_.instrs[k].op;
      if (ir::is_far_angle(op)) return kLazyFrom;
      sum += op == Op::kDiv || op == Op::kSqrt || op == Op::kRsqrt ? 8 : 1;
    }
    return sum;
  }

  /// Whether all it reads from outside is there at the first selection.
  bool stands_alone(const LazySide& side) const {
    for (std::size_t k : side.instrs) {
      for (Id x : block_.instrs[k].operands) {
        const std::size_t from = uses_.place(x);
        const bool before = from == Uses::kOutside || from < side.at;
        const bool own = std::binary_search(side.instrs.begin(), side.instrs.end(), from);
        if (!before && !own && block_.instrs[from].code != Code::kConst) return false;
      }
    }
    return true;
  }

  const Block& block_;
  Uses uses_;
  std::vector<std::uint32_t> owner_;
  std::uint32_t owners_ = 0;
};

}  // namespace

std::vector<LazySide> lazy_sides(const Block& block) {
  const auto selects = [](const Instr& i) { return i.code == Code::kOp && i.op == Op::kSelect; };
  const auto calls = [](const Instr& i) { return i.code == Code::kOp && ir::is_far_angle(i.op); };
  const auto any = [&](const auto& is) {
    return std::any_of(block.instrs.begin(), block.instrs.end(), is);
  };
  if (block.instrs.size() < kLazyFrom && !any(calls)) return {};
  if (!any(selects)) return {};
  std::vector<std::size_t> all(block.instrs.size());
  std::iota(all.begin(), all.end(), std::size_t{0});
  return Finder(block).run(all, 0);
}

}  // namespace cotangent::kernel
