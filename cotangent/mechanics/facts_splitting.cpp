// Facts about how H splits: separable, degrees, quadratic parts, linear equations, forces that read
// velocities, the cost of each term.
#include <algorithm>
#include <cmath>

#include "cotangent/mechanics/carry.h"
#include "cotangent/mechanics/dependence.h"
#include "cotangent/mechanics/exponents.h"
#include "cotangent/mechanics/facts_context.h"
#include "cotangent/mechanics/quadratic.h"
#include "cotangent/mechanics/vanishing.h"
#include "cotangent/transform/derivatives.h"
#include "cotangent/transform/passes.h"

namespace cotangent::mechanics {
namespace {

using ir::FunctionPtr;
using ir::Tensor;
using namespace term_parameter;

bool term_depends(const EnergyTerm& term, std::size_t parameter) {
  return depends_on(*term.energy, 0, parameter);
}

class SplittingFacts {
 public:
  explicit SplittingFacts(FactContext& c) : c_(c) {}

  void find() {
    separable();
    velocity_dependent();
    degrees();
    quadratic_parts();
    linear();
    costs();
  }

 private:
  /// dE/dp free of q and dE/dq free of p, term by term, by what the simplified gradients read.
  void separable() {
    std::vector<std::string> derivation;
    for (const EnergyTerm& term : c_.system.terms) {
      const FunctionPtr by_q = transform::simplify(*transform::grad(*term.energy, {kQ}));
      const FunctionPtr by_p = transform::simplify(*transform::grad(*term.energy, {kP}));
      const bool q_reads_p = depends_on(*by_q, 0, kP), p_reads_q = depends_on(*by_p, 0, kQ);
      if (const auto jump = first_mixed_jump(*term.energy, kQ, kP)) {
        c_.add("separable", false, How::kTested,
               "the term \"" + term.name + "\" jumps (" + jump->op +
                   ") where q and p together say so, which no derivative shows",
               term, jump->place);
        return;
      }
      if (!q_reads_p && !p_reads_q) {
        const bool has_q = term_depends(term, kQ), has_p = term_depends(term, kP);
        derivation.push_back(term.name + (has_q && has_p ? ": dE/dq reads no p and dE/dp reads no q"
                                          : has_q        ? " reads q only"
                                          : has_p        ? " reads p only"
                                                         : " reads neither q nor p"));
        continue;
      }
      not_separable(term, by_p);
      return;
    }
    bool moves = false;
    for (const EnergyTerm& term : c_.system.terms) moves = moves || term_depends(term, kT);
    c_.add("separable", true, How::kProved, moves ? "H = T(p, t) + V(q, t)" : "H = T(p) + V(q)")
        .derivation = std::move(derivation);
  }

  void not_separable(const EnergyTerm& term, const FunctionPtr& by_p) {
    SourceSpan place;
    std::string op = "a product";
    if (const auto mixing = first_mixing(*term.energy, kQ, kP)) {
      op = mixing->op;
      place = mixing->place;
    }
    const std::string mixes = "the term \"" + term.name + "\" mixes q and p (in " + op + ")";
    const Weighed::Verdict mixed = mixed_derivative(term, by_p);
    if (mixed.against) {
      c_.add("separable", false, How::kTested,
             mixes + "; d2E/dq dp along a direction is " + short_number(mixed.value) + " " +
                 mixed.where(),
             term, place);
      return;
    }
    if (const auto broken = first_break(*with_exponents(c_.system, term.energy))) {
      c_.add("separable", false, How::kTested,
             mixes +
                 ", and samples cannot tell that it does not: it has a jump, a kink or a pole (" +
                 written(broken->op) + ")",
             term, place);
      return;
    }
    c_.add("separable", mixed.told > 0, How::kTested,
           mixes + (mixed.told > 0 ? "; but d2E/dq dp vanishes on " + mixed.states()
                                   : ", and no sample tells more than its rounding"),
           term, place);
  }

  /// Of d2E/dq dp along a direction.
  Weighed::Verdict mixed_derivative(const EnergyTerm& term, const FunctionPtr& by_p) {
    Random random(7);
    const Tensor zero = filled(ir::Type{DType::kF64, c_.system.shape}, 0);
    return Weighed(c_.samples, transform::jvp(*by_p, {kQ}), {1})
        .vanish(term.energy, {perturbed(zero, 1, random)});
  }

  /// Whether a force reads p: in a canonical system the same as not separable.
  void velocity_dependent() {
    const Fact separable = *c_.found("separable");
    const bool splits = std::get<bool>(separable.value);
    Fact& f = c_.add(
        "velocity_dependent", !splits, separable.how,
        splits && separable.how == How::kProved ? "no force reads a momentum" : separable.detail);
    f.term = separable.term;
    f.place = separable.place;
    if (splits) f.derivation = separable.derivation;
  }

  void degrees() {
    std::vector<std::string> derivation;
    for (const EnergyTerm& term : c_.system.terms) {
      const Degree d = degree_of(*term.energy);
      degrees_.push_back(d);
      derivation_.push_back(term.name + " is of degree " + text_of(d));
      c_.add("degree", text_of(d), How::kProved,
             "of the term \"" + term.name + "\", an upper bound by rules", term)
          .derivation = {derivation_.back()};
    }
    for (std::size_t k = 0; k < degrees_.size(); ++k) {
      if (degrees_[k].p <= 2) continue;
      // The degree is an upper bound, so that it is above 2 proves nothing.
      c_.add("quadratic_kinetic", false, How::kTested,
             "the term \"" + c_.system.terms[k].name + "\" is " + text_of(degrees_[k]),
             c_.system.terms[k]);
      return;
    }
    c_.add("quadratic_kinetic", true, How::kProved,
           "H is at most quadratic in p: dH/dp is linear in p")
        .derivation = derivation_;
  }

  void quadratic_parts() {
    for (const EnergyTerm& term : c_.system.terms) {
      parts_.push_back(split_quadratic(*term.energy));
      const TermParts& parts = parts_.back();
      const char* value = !parts.rest ? "all" : parts.degree == 2 ? "part" : "none";
      c_.add("quadratic_part", std::string(value), How::kProved,
             !parts.rest ? "its second derivative is constant"
             : parts.degree == 2
                 ? "some of its summands have a constant second derivative; the rest "
                   "can be a kick beside their exact flow"
                 : "no summand is quadratic",
             term)
          .derivation = {term.name + ": its summands, by degree"};
    }
  }

  void linear() {
    for (std::size_t k = 0; k < degrees_.size(); ++k) {
      if (degrees_[k].joint <= 2) continue;
      test_linear();
      return;
    }
    c_.add("linear", true, How::kProved,
           "H is at most quadratic in q and p together, so the forces are linear")
        .derivation = derivation_;
  }

  /// Linear equations have a constant second derivative: compares that of what is not quadratic by
  /// rules at two samples. Of the rest alone, beside which a large quadratic part would hide it.
  void test_linear() {
    Random random(11);
    const Tensor zero = filled(ir::Type{DType::kF64, c_.system.shape}, 0);
    const Tensor dq = perturbed(zero, 1, random), dp = perturbed(zero, 1, random);
    std::string which;
    for (std::size_t k = 0; k < parts_.size(); ++k) {
      const EnergyTerm& term = c_.system.terms[k];
      if (degrees_[k].joint <= 2) continue;
      which = term.name;
      if (const auto kink = first_kink(*with_exponents(c_.system, term.energy))) {
        c_.add("linear", false, How::kTested,
               "the term \"" + term.name + "\" has a jump or a kink (" + kink->op +
                   "), so its force is not one line",
               term, kink->place);
        return;
      }
      const FunctionPtr& rest = parts_[k].rest ? parts_[k].rest : term.energy;
      const FunctionPtr second = transform::jvp(*transform::grad(*rest, {kQ, kP}), {kQ, kP});
      const std::string change = Weighed(c_.samples, second, {2, 3}).change(term.energy, {dq, dp});
      if (change.empty()) {
        const auto broken = first_break(*with_exponents(c_.system, term.energy));
        if (!broken) continue;
        c_.add("linear", false, How::kTested,
               "no rule proves it of the term \"" + term.name +
                   "\", and samples cannot: it has a pole (" + broken->op + ")",
               term, broken->place);
        return;
      }
      c_.add("linear", false, How::kTested,
             "the second derivative of the term \"" + term.name + "\" changes " + change +
                 " between two states",
             term);
      return;
    }
    c_.add("linear", true, How::kTested,
           "the second derivative is the same on " + c_.samples.text() +
               " and at the scales of the term, though no rule proves \"" + which + "\" quadratic")
        .term = which;
  }

  void costs() {
    for (const EnergyTerm& term : c_.system.terms) {
      c_.add("cost", static_cast<std::int64_t>(std::llround(operations_in(*term.energy))),
             How::kProved,
             "element operations of one evaluation of the term, counted in its program", term)
          .derivation = {term.name + ": the sizes of its nodes, bodies by their counts"};
    }
  }

  FactContext& c_;
  std::vector<Degree> degrees_;
  std::vector<std::string> derivation_;
  std::vector<TermParts> parts_;
};

}  // namespace

void find_splitting(FactContext& c) {
  SplittingFacts(c).find();
}

}  // namespace cotangent::mechanics
