// Proofs of invariance along a generator that is a program, and the rules that all such proofs
// share.
#include <algorithm>

#include "cotangent/ir/builder.h"
#include "cotangent/mechanics/dependence.h"
#include "cotangent/mechanics/symmetry.h"
#include "cotangent/mechanics/symmetry_rules.h"
#include "cotangent/mechanics/unroll.h"
#include "cotangent/transform/algebra.h"
#include "cotangent/transform/derivatives.h"

namespace cotangent::mechanics {

using ir::Function;
using ir::FunctionPtr;
using ir::Op;
using ir::Value;
using transform::Algebra;

std::vector<Value> must_be_fixed(const Function& f, Value v) {
  const auto operands = f.operands(v);
  const bool truncates = f.op(v) == Op::kCast && !is_float(f.type(v).dtype);
  if (jumps(f.op(v)) || truncates) return {operands.begin(), operands.end()};
  switch (f.op(v)) {
    case Op::kAtan2: return {operands[0], operands[1]};
    case Op::kDiv: return {operands[1]};
    case Op::kRsqrt:
    case Op::kLog:
    case Op::kLog1p:
    case Op::kTan: return {operands[0]};
    case Op::kPow: {
      Value e = operands[1];
      while (f.op(e) == Op::kBroadcast || f.op(e) == Op::kReshape) e = f.operand(e, 0);
      if (f.op(e) != Op::kConstant) return {operands[0]};
      const ir::Tensor& value = *f.attr_as<ir::LiteralAttr>(e).value;
      for (std::int64_t k = 0; k < value.size(); ++k) {
        const long double x = value.real(k);
        if (!(x >= 0)) return {operands[0]};
      }
      return {};
    }
    default: return {};
  }
}

namespace {

constexpr std::int64_t kMaxElementsAlong = 192;  // of q, p and the parameters together
constexpr std::int64_t kMaxWrittenOut = 8;  // entries of a sum along a generator of the user's own

/// The derivative of `energy`, and of what must be fixed on its way, along (dq, dp):
/// (q, p, t, parameters...) -> tangents. Null when a sum is left that is not written out.
FunctionPtr along(const Function& energy, const FunctionPtr& dq, const FunctionPtr& dp) {
  const FunctionPtr f = unroll_small(energy, kMaxWrittenOut);
  std::vector<Value> targets = {f->results()[0]};
  for (std::uint32_t id = 0; id < f->size(); ++id) {
    const Value v{id};
    if (ir::is_second_order(f->op(v))) return nullptr;
    for (Value o : must_be_fixed(*f, v)) {
      if (is_float(f->type(o).dtype)) targets.push_back(o);
    }
  }
  ir::Builder piece("piece");
  std::vector<Value> image(f->size());
  for (std::size_t k = 0; k < f->params().size(); ++k) {
    image[f->params()[k].id] = piece.param(f->param_type(k), f->param_names()[k]);
  }
  for (std::uint32_t id = 0; id < f->size(); ++id) {
    if (f->op(Value{id}) == Op::kParameter) continue;
    std::vector<Value> operands;
    for (Value o : f->operands(Value{id})) operands.push_back(image[o.id]);
    image[id] = piece.copy(*f, Value{id}, operands);
  }
  std::vector<Value> results;
  for (Value t : targets) results.push_back(image[t.id]);
  const FunctionPtr moved = transform::jvp(*piece.finish(results), {0, 1});
  ir::Builder b("along");
  std::vector<Value> args;
  for (std::size_t k = 0; k < energy.params().size(); ++k) {
    args.push_back(b.param(energy.param_type(k), energy.param_names()[k]));
  }
  std::vector<Value> tangents;
  for (const FunctionPtr& d : {dq, dp}) {
    const FunctionPtr small = d ? unroll_small(*d, kMaxWrittenOut) : nullptr;
    tangents.push_back(small ? b.inline_call(*small, args)[0] : b.zeros(energy.param_type(0)));
  }
  args.insert(args.end(), tangents.begin(), tangents.end());
  std::vector<Value> all = b.inline_call(*moved, args);
  all.erase(all.begin(), all.begin() + static_cast<long>(results.size()));
  return b.finish(all);
}

std::vector<Algebra::Elements> atoms_of(Algebra& algebra, const Function& f) {
  std::vector<Algebra::Elements> args;
  for (std::size_t k = 0; k < f.params().size(); ++k) {
    args.emplace_back();
    for (std::int64_t e = 0; e < f.param_type(k).size(); ++e) {
      args.back().push_back(algebra.atom("x" + std::to_string(k) + "_" + std::to_string(e)));
    }
  }
  return args;
}

/// Whether result 0 of f (q, p, t, parameters...) is surely not zero with the parameters as they
/// are set.
bool is_not_zero(const System& system, const Function& f, std::int64_t max_work) {
  Algebra algebra(max_work);
  std::vector<Algebra::Elements> args = atoms_of(algebra, f);
  for (std::size_t k = 0; k < system.parameters.size(); ++k) {
    const ir::Tensor& x = system.parameters[k].value;
    if (!is_float(x.type().dtype)) continue;
    for (std::int64_t e = 0; e < x.size(); ++e) {
      args[3 + k][static_cast<std::size_t>(e)] = algebra.number(static_cast<double>(x.real(e)));
    }
  }
  const auto values = algebra.interpret(f, args);
  return values && std::ranges::any_of((*values)[0], [&](Algebra::Element e) {
           return algebra.surely_not_zero(e);
         });
}

void check_generator(const System& system, const FunctionPtr& d) {
  if (!d) return;
  const ir::Type state{DType::kF64, system.shape};
  const bool fits = d->results().size() == 1 && d->result_type(0) == state &&
                    d->params().size() == 3 + system.parameters.size() &&
                    d->param_type(0) == state && d->param_type(1) == state;
  if (!fits) {
    throw UserError("a generator of a symmetry has other types than the state",
                    "dq and dp are functions of (q, p, t, parameters) with values of q's shape");
  }
}

}  // namespace

SymmetryProof prove_invariant_along(const System& system, const EnergyTerm& term,
                                    const FunctionPtr& dq, const FunctionPtr& dp,
                                    std::int64_t max_work) {
  ensure(system.form == Form::kCanonical, "a symmetry of q and p of a system without them");
  check_generator(system, dq);
  check_generator(system, dp);
  SymmetryProof proof;
  proof.place = term.span;
  const Function& energy = *term.energy;
  std::int64_t elements = 0;
  for (std::size_t k = 0; k < energy.params().size(); ++k) elements += energy.param_type(k).size();
  if (elements > kMaxElementsAlong) {
    proof.line = "it works on whole arrays of " + std::to_string(elements) + " elements";
    return proof;
  }
  const FunctionPtr derivative = along(energy, dq, dp);
  if (!derivative) {
    proof.line = "it has a sum over more than " + std::to_string(kMaxWrittenOut) + " entries";
    return proof;
  }
  Algebra algebra(max_work);
  const auto values = algebra.interpret(*derivative, atoms_of(algebra, *derivative));
  if (!values) {
    proof.line = "its derivative is too large for the algebra";
    return proof;
  }
  for (const Algebra::Elements& tangent : *values) {
    for (Algebra::Element e : tangent) {
      if (algebra.is_zero(e)) continue;
      std::string text = algebra.text(e);
      if (text.size() > 80) text = text.substr(0, 77) + "...";
      proof.line = "its derivative is not identically zero: " + text;
      proof.disproved = is_not_zero(system, *derivative, max_work);
      return proof;
    }
  }
  proof.proved = true;
  proof.unrolled = true;
  proof.place = {};
  proof.line =
      "the derivative along the generator vanishes identically (polynomials over the reals)";
  return proof;
}

SymmetryProof prove_invariant_under(const System& system, const FunctionPtr& dq,
                                    const FunctionPtr& dp) {
  SymmetryProof last;
  last.proved = true;
  last.line = "no term moves";
  for (const EnergyTerm& term : system.terms) {
    last = prove_invariant_along(system, term, dq, dp);
    if (last.proved) continue;
    last.line = term.name + ": " + last.line;
    return last;
  }
  return last;
}

}  // namespace cotangent::mechanics
