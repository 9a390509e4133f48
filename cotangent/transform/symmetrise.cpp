// pair_sum over i<j whose sums at i and at j are added -> pair_sum over i != j with sums at i only,
// when the two are mirror images: g(x_i, x_j) = f(x_j, x_i), proved by structure or over the reals.
// The result needs no scattered sums, so rows can be computed side by side.
#include <algorithm>

#include "cotangent/transform/algebra.h"
#include "cotangent/transform/mirror.h"
#include "cotangent/transform/passes.h"
#include "cotangent/transform/rebuild.h"

namespace cotangent::transform {

using namespace ir;

namespace {

/// A sum at i and a sum at j of one pair_sum that are added together.
struct Mirror {
  std::size_t at_i, at_j;
  Value sum;
  int sign;  // of the second: at_i + at_j or at_i - at_j
};

/// Of one proof. Forces and their derivatives take a few thousand; the brackets of shadow energies
/// would take seconds for each sum and prove nothing.
constexpr std::int64_t kMaxWork = 100'000;

/// Whether result `at_j` of the body with its two sides exchanged is sign * result `at_i`.
bool proved(const Function& body, const PairAttr& a, std::span<const Value> operands,
            const Mirror& m) {
  Algebra algebra(kMaxWork);
  // Both sides' rows of one operand are the same quantity: its row at i, its row at j.
  const auto row_atoms = [&](Value operand, const char* at, std::int64_t n) {
    Algebra::Elements out;
    for (std::int64_t e = 0; e < n; ++e) {
      out.push_back(algebra.atom("v" + std::to_string(operand.id) + at + std::to_string(e)));
    }
    return out;
  };
  const auto arguments = [&](bool exchanged) {
    std::vector<Algebra::Elements> out;
    const char *first = exchanged ? "@j." : "@i.", *second = exchanged ? "@i." : "@j.";
    out.push_back({algebra.atom(exchanged ? "j" : "i")});
    out.push_back({algebra.atom(exchanged ? "i" : "j")});
    for (std::size_t k = 0; k < operands.size(); ++k) {
      const std::int64_t n = body.param_type(k + 2).size();
      const auto at = static_cast<std::int64_t>(k);
      out.push_back(row_atoms(operands[k],
                              at < a.rows_i              ? first
                              : at < a.rows_i + a.rows_j ? second
                                                         : "@.",
                              n));
    }
    return out;
  };
  const auto plain = algebra.interpret(body, arguments(false));
  const auto exchanged = algebra.interpret(body, arguments(true));
  if (!plain || !exchanged) return false;
  const auto &f = (*plain)[m.at_i], &g = (*exchanged)[m.at_j];
  for (std::size_t e = 0; e < f.size(); ++e) {
    const auto difference = m.sign > 0 ? algebra.sub(f[e], g[e]) : algebra.add(f[e], g[e]);
    if (!algebra.is_zero(difference)) return false;
  }
  return true;
}

class Symmetriser {
 public:
  explicit Symmetriser(const Function& f) : f_(f), uses_(use_counts(f)) {}

  FunctionPtr run() {
    find();
    Builder b(f_.name());
    Values images(f_.size());
    for (std::size_t k = 0; k < f_.params().size(); ++k) {
      images[f_.params()[k].id] = b.param(f_.param_type(k), f_.param_names()[k]);
    }
    for (std::uint32_t id = 0; id < f_.size(); ++id) {
      const Value v{id};
      const Op op = f_.op(v);
      if (op == Op::kParameter) continue;
      const auto spans = f_.spans(v);
      b.set_spans({spans.begin(), spans.end()});
      if (const auto found = sums_.find(id); found != sums_.end()) {
        images[id] = one_sided(b, found->second.first, found->second.second, images);
        continue;
      }
      Values x;
      for (Value u : f_.operands(v)) x.push_back(images[u.id]);
      if (is_second_order(op)) {
        images[id] = b.make(op, x, change_bodies(f_.attr(v), [](const Function& body) {
                              return Symmetriser(body).run();
                            }));
      } else {
        images[id] = b.copy(f_, v, x);
      }
    }
    Values results;
    for (Value r : f_.results()) results.push_back(images[r.id]);
    return b.finish(results);
  }

 private:
  struct Part {
    Value node;
    std::size_t result;
    Role role;
  };
  std::optional<Part> part(Value v) const {
    if (f_.op(v) != Op::kProject || uses_[v.id] != 1) return {};
    const Value node = f_.operand(v, 0);
    if (f_.op(node) != Op::kPairSum) return {};
    const auto& a = f_.attr_as<PairAttr>(node);
    const auto k = static_cast<std::size_t>(f_.attr_as<IndexAttr>(v).index);
    if (a.kind != PairKind::kLess) return {};
    return Part{node, k, a.roles[k]};
  }

  void find() {
    for (std::uint32_t id = 0; id < f_.size(); ++id) {
      const Value v{id};
      if (f_.op(v) != Op::kAdd && f_.op(v) != Op::kSub) continue;
      const auto x = part(f_.operand(v, 0)), y = part(f_.operand(v, 1));
      if (!x || !y || x->node != y->node) continue;
      const bool forward = x->role == Role::kAtI && y->role == Role::kAtJ;
      const bool backward = x->role == Role::kAtJ && y->role == Role::kAtI && f_.op(v) == Op::kAdd;
      if (!forward && !backward) continue;
      const Mirror m{forward ? x->result : y->result, forward ? y->result : x->result, v,
                     f_.op(v) == Op::kAdd ? 1 : -1};
      const auto& a = f_.attr_as<PairAttr>(x->node);
      const auto operands = f_.operands(x->node);
      if (mirrored_by_structure(a, operands, m.at_i, m.at_j, m.sign) ||
          proved(*a.body, a, operands, m)) {
        sums_[id] = {x->node, m};
      }
    }
  }

  /// The sum over all j != i of the body's result at i.
  Value one_sided(Builder& b, Value node, const Mirror& m, const Values& images) const {
    PairAttr attr = f_.attr_as<PairAttr>(node);
    Flags results(attr.roles.size(), false);
    results[m.at_i] = true;
    const FunctionPtr body = attr.body;
    attr.body = restrict_to(*body, Flags(body->params().size(), true), results);
    attr.kind = PairKind::kUnequal;
    attr.roles = {Role::kAtI};
    Values operands;
    for (Value u : f_.operands(node)) operands.push_back(images[u.id]);
    return b.pair_sum(attr, operands)[0];
  }

  const Function& f_;
  std::vector<int> uses_;
  std::map<std::uint32_t, std::pair<Value, Mirror>> sums_;
};

}  // namespace

FunctionPtr symmetrise_pairs(const Function& f) {
  return Symmetriser(f).run();
}

}  // namespace cotangent::transform
