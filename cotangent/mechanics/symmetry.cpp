#include "cotangent/mechanics/symmetry.h"

#include <algorithm>
#include <map>

#include "cotangent/ir/builder.h"
#include "cotangent/mechanics/symmetry_rules.h"
#include "cotangent/mechanics/unroll.h"
#include "cotangent/transform/algebra.h"
#include "cotangent/transform/derivatives.h"

namespace cotangent::mechanics {
namespace {

using ir::Function;
using ir::FunctionPtr;
using ir::Op;
using ir::Value;
using transform::Algebra;

enum class Kind : std::uint8_t { kFixed, kVector, kUnknown };

constexpr std::int64_t kMaxElements = 192;  // of the arrays one proof by algebra looks at
constexpr std::int64_t kMaxUnroll = 4;
constexpr std::int64_t kMaxTried = 8;  // elements of a value that is tried on its own

SourceSpan place_of(const Function& f, Value v) {
  const auto spans = f.spans(v);
  return spans.empty() ? SourceSpan{} : spans[0];
}

class Prover {
 public:
  explicit Prover(const Generator& generator) : generator_(generator) {}

  SourceSpan stopped_at;
  std::string stopped_why;
  int by_algebra = 0;         ///< number of proofs by algebra
  std::string where_algebra;  ///< "the body of pair_sum"

  /// Kinds of f's results from those of its parameters.
  std::vector<Kind> judge(const Function& f, const std::vector<Kind>& parameters,
                          const std::string& where) {
    std::vector<Kind> kinds(f.size(), Kind::kUnknown);
    // The cut: values that a proof does not look behind.
    std::vector<char> cut(f.size(), 0);
    std::vector<std::vector<Kind>> of_results(f.size());
    std::vector<char> known(f.size(), 0);
    std::vector<char> literal(f.size(), 0);  // made of constants only: its value helps the algebra
    for (std::uint32_t id = 0; id < f.size(); ++id) {
      const Value v{id};
      if (f.op(v) == Op::kParameter) {
        kinds[id] = parameters[static_cast<std::size_t>(f.attr_as<ir::IndexAttr>(v).index)];
        cut[id] = known[id] = 1;
      } else if (f.op(v) == Op::kProject) {
        kinds[id] = of_results[f.operand(v, 0).id]
                              [static_cast<std::size_t>(f.attr_as<ir::IndexAttr>(v).index)];
        cut[id] = known[id] = 1;
      } else if (ir::is_second_order(f.op(v))) {
        of_results[id] = judge_second_order(
            f, v, [&](Value o) { return kind_of(f, o, kinds, known, cut, where); });
      } else if (ir::is_projected(f.op(v))) {
        const bool fixed = reads_only_fixed(f, v, kinds, known);
        of_results[id].assign(f.result_types(v).size(), fixed ? Kind::kFixed : Kind::kUnknown);
      } else if (reads_only_fixed(f, v, kinds, known)) {
        kinds[id] = Kind::kFixed;
        known[id] = 1;
        literal[id] = f.type(v).size() <= kMaxElements &&
                      std::all_of(f.operands(v).begin(), f.operands(v).end(),
                                  [&](Value o) { return literal[o.id]; });
        cut[id] = !literal[id];
      } else if (is_access(f, v, kinds, known)) {
        kinds[id] = Kind::kVector;
        cut[id] = known[id] = 1;
      } else if (worth_a_try(f, v) && tries_-- > 0) {
        quiet_ = true;
        if (prove(f, v, kinds, cut, where)) {
          kinds[id] = Kind::kFixed;
          cut[id] = known[id] = 1;
        }
        quiet_ = false;
      }
    }
    std::vector<Kind> results;
    for (Value r : f.results()) results.push_back(kind_of(f, r, kinds, known, cut, where));
    return results;
  }

 private:
  static bool reads_only_fixed(const Function& f, Value v, const std::vector<Kind>& kinds,
                               const std::vector<char>& known) {
    return std::all_of(f.operands(v).begin(), f.operands(v).end(),
                       [&](Value o) { return known[o.id] && kinds[o.id] == Kind::kFixed; });
  }

  /// Values that are often fixed on their own: displacements, squared distances. Proved first, they
  /// keep polynomials small: what is made of them needs no algebra.
  static bool worth_a_try(const Function& f, Value v) {
    if (!is_float(f.type(v).dtype) || f.type(v).size() > kMaxTried) return false;
    switch (f.op(v)) {
      case Op::kSub:
      case Op::kAdd:
      case Op::kReduceSum:
      case Op::kDotGeneral: return true;
      default: return false;
    }
  }

  /// Rows of an array of vectors, by fixed indices or as a block: vectors again.
  bool is_access(const Function& f, Value v, const std::vector<Kind>& kinds,
                 const std::vector<char>& known) const {
    const auto operands = f.operands(v);
    if (operands.empty() || !known[operands[0].id] || kinds[operands[0].id] != Kind::kVector) {
      return false;
    }
    const Shape& from = f.type(operands[0]).shape;
    const Shape& to = f.type(v).shape;
    switch (f.op(v)) {
      case Op::kGather:
        for (std::size_t k = 1; k < operands.size(); ++k) {
          if (!known[operands[k].id] || kinds[operands[k].id] != Kind::kFixed) return false;
        }
        return generator_.scalars || static_cast<int>(operands.size()) - 1 < from.rank();
      case Op::kSlice: return generator_.scalars || from[from.rank() - 1] == to[to.rank() - 1];
      case Op::kReshape:
        return generator_.scalars || (to.rank() > 0 && from[from.rank() - 1] == to[to.rank() - 1]);
      case Op::kConcatenate: {
        for (Value o : operands) {
          if (!known[o.id] || kinds[o.id] != Kind::kVector) return false;
        }
        return generator_.scalars || f.attr_as<ir::AxesAttr>(v).axes[0] < to.rank() - 1;
      }
      case Op::kReverse:
        return generator_.scalars || f.attr_as<ir::AxesAttr>(v).axes.back() < to.rank() - 1;
      default: return false;
    }
  }

  /// Proves that v is fixed, if nothing is known of it yet.
  Kind kind_of(const Function& f, Value v, std::vector<Kind>& kinds, std::vector<char>& known,
               std::vector<char>& cut, const std::string& where) {
    if (known[v.id]) return kinds[v.id];
    known[v.id] = 1;
    kinds[v.id] = prove(f, v, kinds, cut, where) ? Kind::kFixed : Kind::kUnknown;
    cut[v.id] = 1;
    return kinds[v.id];
  }

  template <class KindOf>
  std::vector<Kind> judge_second_order(const Function& f, Value v, KindOf kind_of) {
    std::vector<Kind> operands;
    for (Value o : f.operands(v)) operands.push_back(kind_of(o));
    std::vector<Kind> args;
    const auto row_of = [&](std::size_t k) {  // the kind of one row of operand k
      const bool still_vectors = generator_.scalars || f.type(f.operand(v, k)).shape.rank() > 1;
      return operands[k] == Kind::kVector && !still_vectors ? Kind::kUnknown : operands[k];
    };
    const auto fixed_or_unknown = [](std::vector<Kind> kinds) {
      for (Kind& k : kinds) k = k == Kind::kFixed ? k : Kind::kUnknown;
      return kinds;
    };
    if (f.op(v) == Op::kMap) {
      const auto& m = f.attr_as<ir::MapAttr>(v);
      args.push_back(Kind::kFixed);
      for (std::size_t k = 0; k < operands.size(); ++k) {
        args.push_back(k < static_cast<std::size_t>(m.rows) ? row_of(k) : operands[k]);
      }
      return fixed_or_unknown(judge(*m.body, args, "the body of map"));
    }
    if (f.op(v) == Op::kPairSum) {
      const auto& p = f.attr_as<ir::PairAttr>(v);
      args = {Kind::kFixed, Kind::kFixed};
      for (std::size_t k = 0; k < operands.size(); ++k) {
        const bool row = k < static_cast<std::size_t>(p.rows_i + p.rows_j);
        args.push_back(row ? row_of(k) : operands[k]);
      }
      return fixed_or_unknown(judge(*p.body, args, "the body of pair_sum"));
    }
    if (f.op(v) != Op::kLoop) return std::vector(f.result_types(v).size(), Kind::kUnknown);
    const auto& l = f.attr_as<ir::LoopAttr>(v);
    const auto first_input = static_cast<std::size_t>(l.invariants + l.carries);
    const auto inputs = static_cast<std::size_t>(l.inputs);
    for (std::size_t k = first_input + inputs; k < operands.size(); ++k) {  // first, count
      if (operands[k] != Kind::kFixed) return std::vector(l.body->results().size(), Kind::kUnknown);
    }
    args.push_back(Kind::kFixed);
    for (std::size_t k = 0; k < first_input + inputs; ++k) {
      args.push_back(k < first_input ? operands[k] : row_of(k));
    }
    // Carries: assume what they start as; anything else the body makes of them is unknown.
    std::vector<Kind> results = judge(*l.body, args, "the body of loop");
    const auto first_carry = static_cast<std::size_t>(l.invariants) + 1;
    for (int round = 0; round < 4; ++round) {
      bool settled = true;
      for (std::size_t k = 0; k < static_cast<std::size_t>(l.carries); ++k) {
        Kind& in = args[first_carry + k];
        if (in == Kind::kVector) in = Kind::kUnknown, settled = false;
        if (in != results[k] && in != Kind::kUnknown) in = Kind::kUnknown, settled = false;
      }
      if (settled) break;
      results = judge(*l.body, args, "the body of loop");
    }
    for (std::size_t k = 0; k < static_cast<std::size_t>(l.carries); ++k) {
      if (args[first_carry + k] == Kind::kUnknown) results[k] = Kind::kUnknown;
    }
    return fixed_or_unknown(results);
  }

  void stop(const Function& f, Value v, std::string why) {
    if (quiet_ || !stopped_why.empty()) return;
    stopped_why = std::move(why);
    stopped_at = place_of(f, v);
  }

  /// The derivative of v along the generator, as polynomials, vanishes; and so do those of
  /// everything that a jump on the way reads.
  bool prove(const Function& f, Value v, const std::vector<Kind>& kinds,
             const std::vector<char>& cut, const std::string& where) {
    std::vector<char> needed(f.size(), 0);
    needed[v.id] = 1;
    std::vector<Value> targets = {v};
    for (std::uint32_t id = v.id + 1; id-- > 0;) {
      if (!needed[id] || (cut[id] && id != v.id)) continue;
      for (Value o : f.operands(Value{id})) needed[o.id] = 1;
      for (Value o : must_be_fixed(f, Value{id})) {
        if (is_float(f.type(o).dtype)) targets.push_back(o);
      }
    }
    if (!is_float(f.type(v).dtype)) targets.erase(targets.begin());
    ir::Builder b("derivative");
    std::vector<Value> image(f.size());
    std::vector<Kind> sort_of_param;
    transform::Positions vectors;
    std::int64_t elements = 0;
    for (std::uint32_t id = 0; id < v.id; ++id) {
      if (!needed[id] || !cut[id]) continue;
      if (kinds[id] == Kind::kUnknown) {
        stop(f, Value{id}, "it reads " + description(f, Value{id}) + ", which moves");
        return false;
      }
      elements += f.type(Value{id}).size();
      if (kinds[id] == Kind::kVector) vectors.push_back(sort_of_param.size());
      sort_of_param.push_back(kinds[id]);
      image[id] = b.param(f.type(Value{id}), "x" + std::to_string(id));
    }
    if (elements > kMaxElements) {
      stop(f, v, "it works on whole arrays of " + std::to_string(elements) + " elements");
      return false;
    }
    for (std::uint32_t id = 0; id <= v.id; ++id) {
      if (!needed[id] || image[id].valid()) continue;
      std::vector<Value> operands;
      for (Value o : f.operands(Value{id})) operands.push_back(image[o.id]);
      image[id] = b.copy(f, Value{id}, operands);
    }
    std::vector<Value> results;
    for (Value t : targets) results.push_back(image[t.id]);
    if (results.empty()) return false;
    const FunctionPtr piece = b.finish(results);
    const FunctionPtr derivative = transform::jvp(*piece, vectors);
    const auto remains = vanishes(*piece, *derivative, sort_of_param, results.size());
    if (remains) {
      stop(f, v, *remains);
      return false;
    }
    ++by_algebra;
    where_algebra = where;
    return true;
  }

  /// Nothing when all tangents of `derivative` are zero; else what is left.
  std::optional<std::string> vanishes(const Function& piece, const Function& derivative,
                                      const std::vector<Kind>& sorts, std::size_t results) {
    Algebra algebra;
    std::vector<Algebra::Elements> args, tangents;
    for (std::size_t k = 0; k < sorts.size(); ++k) {
      const ir::Type type = piece.param_type(k);
      Algebra::Elements x;
      for (std::int64_t e = 0; e < type.size(); ++e) {
        x.push_back(algebra.atom("x" + std::to_string(k) + "_" + std::to_string(e)));
      }
      if (sorts[k] == Kind::kVector) tangents.push_back(tangent(algebra, type.shape, x));
      args.push_back(std::move(x));
    }
    args.insert(args.end(), tangents.begin(), tangents.end());
    const auto values = algebra.interpret(derivative, args);
    if (!values) return "its derivative is too large for the algebra";
    for (std::size_t k = results; k < values->size(); ++k) {
      for (Algebra::Element e : (*values)[k]) {
        if (algebra.is_zero(e)) continue;
        std::string text = algebra.text(e);
        if (text.size() > 80) text = text.substr(0, 77) + "...";
        return "its derivative is not identically zero: " + text;
      }
    }
    return {};
  }

  Algebra::Elements tangent(Algebra& algebra, const Shape& shape,
                            const Algebra::Elements& x) const {
    Algebra::Elements out;
    const auto d = static_cast<std::size_t>(shape.rank() > 0 ? shape[shape.rank() - 1] : 1);
    const bool turns = generator_.kind == Generator::Kind::kRotation;
    ensure(!turns || static_cast<int>(d) > std::max(generator_.axis, generator_.other),
           "a rotation of what is no vector");
    for (std::size_t e = 0; e < x.size(); ++e) {
      const auto axis = static_cast<int>(e % d);
      if (generator_.kind == Generator::Kind::kTranslation) {
        out.push_back(algebra.number(generator_.scalars || axis == generator_.axis ? 1 : 0));
      } else if (axis == generator_.axis) {
        out.push_back(algebra.sub(algebra.number(0),
                                  x[e - e % d + static_cast<std::size_t>(generator_.other)]));
      } else if (axis == generator_.other) {
        out.push_back(x[e - e % d + static_cast<std::size_t>(generator_.axis)]);
      } else {
        out.push_back(algebra.number(0));
      }
    }
    return out;
  }

  static std::string description(const Function& f, Value v) {
    if (f.op(v) == Op::kProject) {
      return "a result of " + std::string(ir::name_of(f.op(f.operand(v, 0))));
    }
    return "a value of " + std::string(ir::name_of(f.op(v)));
  }

  Generator generator_;
  bool quiet_ = false;  // a try: what stops it is no news
  int tries_ = 64;
};

}  // namespace

std::vector<Generator> translations(const Shape& state) {
  std::vector<Generator> all;
  if (state.rank() == 1) return {{Generator::Kind::kTranslation, 0, 0, true}};
  for (int a = 0; a < state[1]; ++a) all.push_back({Generator::Kind::kTranslation, a, 0, false});
  return all;
}

std::vector<Generator> rotations(const Shape& state) {
  const std::int64_t d = state[state.rank() - 1];
  if (d == 2) return {{Generator::Kind::kRotation, 0, 1, false}};
  if (d != 3) return {};
  return {{Generator::Kind::kRotation, 0, 1, false},
          {Generator::Kind::kRotation, 1, 2, false},
          {Generator::Kind::kRotation, 2, 0, false}};
}

SymmetryProof prove_invariant(const ir::Function& energy, const Generator& generator) {
  const bool rotation = generator.kind == Generator::Kind::kRotation;
  std::vector<Kind> kinds(energy.params().size(), Kind::kFixed);
  kinds[0] = Kind::kVector;
  if (rotation) kinds[1] = Kind::kVector;
  const bool one_point = rotation && energy.param_type(0).shape.rank() == 1;
  SymmetryProof proof;
  for (const bool unroll : {false, true}) {
    if (one_point && !unroll) continue;
    const FunctionPtr unrolled = unroll ? unroll_small(energy, kMaxUnroll) : nullptr;
    Prover prover(generator);
    proof.proved =
        prover.judge(unroll ? *unrolled : energy, kinds, "the expression")[0] == Kind::kFixed;
    if (!proof.proved) {
      if (proof.line.empty()) {
        proof.line = prover.stopped_why;
        proof.place = prover.stopped_at;
      }
      continue;
    }
    if (prover.by_algebra == 0) {
      proof.line = rotation ? "it reads neither q nor p" : "it does not read q";
    } else {
      proof.line = "the derivative of " + prover.where_algebra +
                   " along the generator vanishes identically (polynomials over the reals)";
    }
    proof.place = {};
    proof.unrolled = unroll;
    break;
  }
  return proof;
}

}  // namespace cotangent::mechanics
