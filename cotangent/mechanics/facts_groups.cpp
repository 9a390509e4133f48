// Facts about one-parameter groups that somebody names, and what tests of symmetries share.
#include <algorithm>
#include <cmath>

#include "cotangent/base/error.h"
#include "cotangent/ir/builder.h"
#include "cotangent/mechanics/dependence.h"
#include "cotangent/mechanics/exponents.h"
#include "cotangent/mechanics/facts_context.h"
#include "cotangent/mechanics/programs.h"
#include "cotangent/mechanics/symmetry.h"
#include "cotangent/mechanics/vanishing.h"
#include "cotangent/transform/derivatives.h"

namespace cotangent::mechanics {

using ir::FunctionPtr;
using ir::Tensor;
using namespace term_parameter;

FunctionPtr rates_along(const EnergyTerm& term, const std::vector<NamedGenerator>& fields) {
  const FunctionPtr slope = transform::grad(*term.energy, {kQ, kP});
  ir::Builder b("rates");
  std::vector<ir::Value> x, rates;
  for (std::size_t k = 0; k < slope->params().size(); ++k) {
    x.push_back(b.param(slope->param_type(k), slope->param_names()[k]));
  }
  const std::vector<ir::Value> g = b.inline_call(*slope, x);
  for (const NamedGenerator& field : fields) {
    ir::Value rate = b.constant(0.0);
    for (const std::size_t part : {kQ, kP}) {
      const FunctionPtr& d = part == kQ ? field.dq : field.dp;
      if (!d) continue;
      const ir::Value along = b.inline_call(*d, x)[0];
      rate = b.add(rate, b.reduce_sum(b.mul(g[part], along)));
    }
    rates.push_back(rate);
  }
  return b.finish(rates);
}

std::string hidden_change(const EnergyTerm& term, const std::string& how, const std::string& line) {
  return "the term \"" + term.name + "\" changes " + how +
         ", by less than samples are rounded: " + line;
}

std::string no_proof_across(const EnergyTerm& term, const Mixing& where) {
  return "no rule proves it of the term \"" + term.name +
         "\", and samples cannot: it has a jump, a kink or a pole (" + written(where.op) + ")";
}

namespace {

void want_q_and_p(const System& system, const std::string& name) {
  if (system.form == Form::kCanonical) return;
  throw UserError("the symmetry \"" + name + "\" is given for q and p, which this system has not",
                  "leave the table [symmetries] out");
}

/// What proofs say of the terms: a line of each that is proved, and the others.
struct Proofs {
  std::vector<std::string> derivation;
  struct Open {
    const EnergyTerm* term = nullptr;
    std::string why;
    bool disproved = false;
  };
  std::vector<Open> open;

  std::string text() const {
    std::string all;
    for (const Open& o : open) {
      all += (all.empty() ? "\"" : ", \"") + o.term->name + "\" (" + o.why + ")";
    }
    return all;
  }
};

Proofs proofs_along(const System& system, const NamedGenerator& generator) {
  Proofs proofs;
  for (const EnergyTerm& term : system.terms) {
    const SymmetryProof proof = prove_invariant_along(system, term, generator.dq, generator.dp);
    if (proof.proved) {
      proofs.derivation.push_back(term.name + ": " + proof.line);
    } else {
      proofs.open.push_back({&term, proof.line, proof.disproved});
    }
  }
  return proofs;
}

Fact& proved_along(FactContext& c, const std::string& name, std::vector<std::string> derivation) {
  Fact& f = c.add(name, true, How::kProved, "H is constant along the generator");
  f.derivation = std::move(derivation);
  return f;
}

std::string numbers(const Tensor& x) {
  std::string text;
  for (std::int64_t k = 0; k < std::min<std::int64_t>(x.size(), 6); ++k) {
    text += (k ? ", " : "") + short_number(x.real(k), 4);
  }
  return "[" + text + (x.size() > 6 ? ", ..]" : "]");
}

}  // namespace

Fact find_invariance(const System& system, const InitialState& initial,
                     const NamedGenerator& generator) {
  want_q_and_p(system, generator.name);
  FactContext c(system, initial);
  const std::string name = generator.name + "_invariant";
  Proofs proofs = proofs_along(system, generator);
  std::string tested_on;
  for (const Proofs::Open& o : proofs.open) {
    const EnergyTerm& term = *o.term;
    const Weighed::Verdict v =
        Weighed(c.samples, rates_along(term, {generator}), {0}).vanish(term.energy);
    tested_on = v.states();
    if (v.against || v.told == 0) {
      return c.add(name, false, How::kTested,
                   v.against
                       ? "the term \"" + term.name + "\" changes at the rate " +
                             short_number(v.value) + " along the generator " + v.where()
                       : "no sample of the term \"" + term.name + "\" tells more than its rounding",
                   term);
    }
    if (o.disproved) {
      return c.add(name, false, How::kTested, hidden_change(term, "along the generator", o.why),
                   term);
    }
    if (const auto kink = first_break(*with_exponents(system, term.energy))) {
      return c.add(name, false, How::kTested, no_proof_across(term, *kink), term, kink->place);
    }
  }
  Fact& f = proofs.open.empty()
                ? proved_along(c, name, std::move(proofs.derivation))
                : c.add(name, true, How::kTested,
                        "holds on " + tested_on + "; no rule settles " + proofs.text());
  f.place = generator.span;
  return f;
}

Fact find_kept(const System& system, const InitialState& initial, const NamedGenerator& generator,
               const FunctionPtr& momentum) {
  want_q_and_p(system, generator.name);
  FactContext c(system, initial);
  const std::string name = generator.name + "_invariant";
  Proofs proofs = proofs_along(system, generator);
  const auto moves = [](const FunctionPtr& d) { return d && depends_on(*d, 0, kT); };
  const bool in_time = moves(generator.dq) || moves(generator.dp);
  if (proofs.open.empty() && !in_time) {
    return proved_along(c, name, std::move(proofs.derivation));
  }
  // dJ/dt = dJ/dt at rest - dH along the generator.
  const FunctionPtr energy = total_energy(system);
  const FunctionPtr along = rates_along({"H", energy, {}}, {generator});
  const FunctionPtr in_place = transform::jvp(*momentum, {kT});
  ir::Builder b("rate");
  std::vector<ir::Value> x;
  for (std::size_t k = 0; k < along->params().size(); ++k) {
    x.push_back(b.param(along->param_type(k), along->param_names()[k]));
  }
  ir::Value rate = b.neg(b.inline_call(*along, x)[0]);
  if (in_time) {
    std::vector<ir::Value> shifted = x;
    shifted.push_back(b.constant(1.0));
    rate = b.add(rate, b.inline_call(*in_place, shifted)[1]);
  }
  const Weighed::Verdict v = Weighed(c.samples, b.finish({rate}), {0}).vanish(energy);
  if (std::isnan(v.value) || (!v.against && v.told == 0)) {
    return c.add(name, false, How::kTested,
                 "'" + generator.name + "' is no symmetry that could be tested: " +
                     (v.against ? "the energy has no finite slope near the initial state"
                                : "no sample tells more than its rounding"));
  }
  if (v.against) {
    return c.add(name, false, How::kTested,
                 "'" + generator.name +
                     "' is no symmetry of this energy: its momentum changes at the rate " +
                     short_number(v.value, 4) + " at q = " + numbers(v.at.q) +
                     ", p = " + numbers(v.at.p));
  }
  for (const Proofs::Open& o : proofs.open) {
    if (const auto kink = first_break(*with_exponents(system, o.term->energy))) {
      return c.add(name, false, How::kTested,
                   "'" + generator.name +
                       "' is no symmetry that could be tested: " + no_proof_across(*o.term, *kink),
                   *o.term, kink->place);
    }
  }
  return c.add(name, true, How::kTested,
               "the momentum of '" + generator.name + "' does not change at " + v.states() +
                   (proofs.open.empty() ? "" : "; no rule settles " + proofs.text()));
}

}  // namespace cotangent::mechanics
