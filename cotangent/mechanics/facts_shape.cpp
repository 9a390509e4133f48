// Facts about the form of the terms: pairs and their range, jumps and kinks, singularities.
#include <algorithm>
#include <cmath>

#include "cotangent/base/error.h"
#include "cotangent/base/text.h"
#include "cotangent/ir/evaluator.h"
#include "cotangent/mechanics/exponents.h"
#include "cotangent/mechanics/facts_context.h"
#include "cotangent/mechanics/homogeneous.h"
#include "cotangent/mechanics/pair_range.h"
#include "cotangent/mechanics/pairs.h"
#include "cotangent/mechanics/retype.h"
#include "cotangent/mechanics/symmetry.h"
#include "cotangent/mechanics/vanishing.h"
#include "cotangent/transform/derivatives.h"

namespace cotangent::mechanics {
namespace {

using SiteKind = Site::Kind;

bool closed(const Site& s) {
  return s.kind == SiteKind::kClosed;
}

class FormOfTerms {
 public:
  explicit FormOfTerms(FactContext& c) : c_(c) {
    for (const EnergyTerm& term : c.system.terms) {
      programs_.push_back(with_exponents(c.system, term.energy));
      sites_.push_back(sites_of(*programs_.back(), {0, 1}));
    }
    exponents_ = exponents_note(c.system);
  }

  void find() {
    pairwise();
    ranges();
    smooth();
    jump();
    singular();
  }

 private:
  void pairwise() {
    std::vector<std::string> derivation;
    std::string pairs;
    for (const EnergyTerm& term : c_.system.terms) {
      const FormOf form = form_of(*term.energy);
      switch (form.form) {
        case TermForm::kConstant: derivation.push_back(term.name + " is constant"); break;
        case TermForm::kOneBody:
          derivation.push_back(term.name + " is a sum over single particles");
          break;
        case TermForm::kPairs:
          derivation.push_back(term.name + " is a pair_sum");
          pairs = term.name;
          break;
        case TermForm::kOther:
          c_.add("pairwise", false, How::kProved,
                 "the term \"" + term.name + "\" is no sum over all pairs: " + form.why, term,
                 form.place);
          return;
      }
    }
    c_.add("pairwise", !pairs.empty(), How::kProved,
           pairs.empty() ? "no term couples one particle to another"
                         : "the coupling is a sum over all pairs (\"" + pairs + "\")")
        .derivation = std::move(derivation);
  }

  void ranges() {
    for (const EnergyTerm& term : c_.system.terms) {
      if (form_of(*term.energy).form != TermForm::kPairs) continue;
      const PairRange range = pair_range(*term.energy, c_.system);
      if (range.cutoff) {
        c_.add("pair_range", "up to " + shortest(*range.cutoff), How::kProved,
               "each pair's energy is zero beyond that distance", term, range.place)
            .derivation = {term.name +
                           ": the choice at the end of the body of pair_sum reads the "
                           "distance and a constant"};
        c_.facts.ranges.push_back({term.name, *range.cutoff, {}});
      } else if (range.power) {
        c_.add("pair_range", "long, as r^" + shortest(*range.power), How::kProved,
               "each pair's energy is a power of its distance", term)
            .derivation = {term.name +
                           ": invariant under translations and rotations, body by body, "
                           "and homogeneous of degree " +
                           shortest(*range.power)};
        c_.facts.ranges.push_back({term.name, {}, *range.power});
      } else {
        c_.add("pair_range", std::string("long"), How::kTested,
               "no cut-off was found, and no power of the distance", term);
        c_.facts.ranges.push_back({term.name, {}, {}});
      }
    }
  }

  const Site* first(std::size_t term, const std::function<bool(const Site&)>& wanted) const {
    for (const Site& s : sites_[term]) {
      if (wanted(s)) return &s;
    }
    return nullptr;
  }

  /// Adds the fact of the first term with a site of this sort.
  bool told(const char* name, bool value, const char* before, const char* after,
            const std::function<bool(const Site&)>& wanted) {
    for (std::size_t k = 0; k < sites_.size(); ++k) {
      const Site* s = first(k, wanted);
      if (!s) continue;
      const EnergyTerm& term = c_.system.terms[k];
      c_.add(name, value, How::kTested,
             "the term \"" + term.name + "\" " + before + " (" + written(s->op) + ")" + after, term,
             s->place);
      return true;
    }
    return false;
  }

  void smooth() {
    if (told("smooth", false, "has a jump or a kink", "", [](const Site& s) {
          return s.kind == SiteKind::kJump || s.kind == SiteKind::kKink;
        })) {
      return;
    }
    for (std::size_t k = 0; k < programs_.size(); ++k) {
      const EnergyTerm& term = c_.system.terms[k];
      for (const Site& s : sites_of(*programs_[k], {0, 1, 2})) {
        if (s.kind != SiteKind::kJump && s.kind != SiteKind::kKink) continue;
        c_.add("smooth", false, How::kTested,
               "the term \"" + term.name + "\" has a jump or a kink in t (" + written(s.op) + ")",
               term, s.place);
        return;
      }
    }
    if (told("smooth", true, "has a root", " of what no rule keeps from being a square",
             [](const Site& s) { return s.kind == SiteKind::kRoot; })) {
      return;
    }
    if (told("smooth", true, "has an op that no rule looks into",
             "; no other op jumps, folds or chooses", closed)) {
      return;
    }
    c_.add("smooth", true, How::kProved,
           "no term jumps, folds or chooses by q, p or t, wherever it is defined");
    without("smooth", "no jump, no kink");
  }

  /// The force knows nothing of a jump, so no method keeps the energy across one.
  void jump() {
    if (told("may_jump", true, "may jump",
             "; the force does not see a jump, so the energy is not kept across it",
             [](const Site& s) { return s.kind == SiteKind::kJump; })) {
      return;
    }
    if (told("may_jump", false, "has no steps, but a pole", " that may cut its states in two",
             [](const Site& s) { return s.kind == SiteKind::kPole && !s.thin; })) {
      return;
    }
    if (told("may_jump", false, "has an op that no rule looks into",
             "; no other op steps or chooses by q or p", closed)) {
      return;
    }
    c_.add("may_jump", false, How::kProved, "no term has steps or chooses by q or p");
    without("may_jump", "no op that steps; no pole that cuts the states in two");
  }

  void without(const char* name, const char* what) {
    Fact& f = c_.facts.all.back();
    ensure(f.name == name, "facts: derivation of another fact");
    for (const EnergyTerm& term : c_.system.terms) f.derivation.push_back(term.name + ": " + what);
    if (exponents_.empty()) return;
    f.detail += exponents_;
    f.derivation.push_back("parameters that are exponents are the numbers they are set to");
  }

  void singular() {
    std::string where;  // of the first
    const auto all_of = [&](SiteKind kind) {
      for (std::size_t k = 0; k < sites_.size(); ++k) {
        for (const Site& s : sites_[k]) {
          if (s.kind != kind) continue;
          c_.facts.singularities.push_back(
              {c_.system.terms[k].name, s.op, s.place, s.in_pair, s.thin});
          if (where.empty()) where = s.where;
        }
      }
    };
    all_of(SiteKind::kPole);
    const bool poles = !c_.facts.singularities.empty();
    if (!poles) all_of(SiteKind::kNorm);
    if (!poles) all_of(SiteKind::kRoot);
    if (!poles) all_of(SiteKind::kSteep);
    if (c_.facts.singularities.empty()) {
      if (told("singular", false, "has an op that no rule looks into", "; nothing else is singular",
               closed)) {
        return;
      }
      c_.add("singular", false, How::kProved,
             "no term divides by, takes a root or a logarithm of what may vanish");
      without("singular", "every denominator and every root is above zero, or reads no state");
      return;
    }
    const Singularity& s = c_.facts.singularities[0];
    const auto term = std::find_if(c_.system.terms.begin(), c_.system.terms.end(),
                                   [&](const EnergyTerm& t) { return t.name == s.term; });
    c_.add(
        "singular", true, How::kTested,
        "the term \"" + s.term + "\" " +
            (poles ? "is not finite where the operand of " : "has no force where the operand of ") +
            s.op + " " + where +
            (s.of_pairs && s.isolated ? ": pairs at zero distance"
             : s.isolated             ? ": a point at zero distance"
                                      : ""),
        *term, s.place);
  }

  FactContext& c_;
  std::vector<ir::FunctionPtr> programs_;  ///< of the terms, exponents as they are set
  std::vector<std::vector<Site>> sites_;
  std::string exponents_;  ///< what to say of them
};

}  // namespace

void find_shape(FactContext& c) {
  FormOfTerms(c).find();
}

// --- energies with a derivative of their own: calls with a jvp or a vjp (stop_gradient,
// custom_jvp, custom_vjp, solutions of equations). Forces are minus the gradient by these rules,
// and nothing that is said of an energy holds where that is not the slope of its values.
namespace {

constexpr double kSlopeStep = 0x1p-13;      // of differences, in extents of the state
constexpr long double kSlopeAgree = 1e-4L;  // relative: what differences and solvers leave
constexpr long double kSlopeNoise = 1e-8L;  // of the value itself
constexpr long double kSlopeSteady =
    0.05L;  // how little differences change where they are to be believed

/// The first call in `f`, or in one of its bodies, whose derivative somebody wrote down.
std::optional<Mixing> first_own(const ir::Function& f) {
  for (std::uint32_t id = 0; id < f.size(); ++id) {
    const ir::Value v{id};
    if (!ir::is_second_order(f.op(v)) || f.op(v) == Op::kProject) continue;
    if (f.op(v) == Op::kCall) {
      const auto& call = f.attr_as<ir::CallAttr>(v);
      if (call.jvp || (call.vjp && !call.linear && !call.equation)) {
        const auto spans = f.spans(v);
        return Mixing{call.body->name(), spans.empty() ? SourceSpan{} : *spans.begin()};
      }
    }
    for (const ir::FunctionPtr& body : ir::bodies_of(f.attr(v))) {
      if (auto found = first_own(*body)) return found;
    }
  }
  return {};
}

/// A line through a sample, in the state.
struct StateLine {
  std::vector<ir::Tensor> at, along;  ///< of the parameters of the state

  std::vector<ir::Tensor> moved(std::vector<ir::Tensor> arguments, double by) const {
    for (std::size_t k = 0; k < at.size(); ++k) {
      arguments[k] = at[k];
      auto x = arguments[k].as<double>();
      for (std::size_t e = 0; e < x.size(); ++e) x[e] += by * along[k].as<double>()[e];
    }
    return arguments;
  }
};

/// What values and the gradient say of the rate along a line, where they differ.
std::optional<std::pair<long double, long double>> slopes_apart(const Samples& samples,
                                                                const ir::FunctionPtr& energy,
                                                                const ir::FunctionPtr& slope,
                                                                const SampleState& state,
                                                                std::size_t parts, Random& random) {
  const std::vector<ir::Tensor> arguments = samples.arguments(state);
  StateLine line;
  for (std::size_t k = 0; k < parts; ++k) {
    line.at.push_back(arguments[k]);
    line.along.push_back(arguments[k]);
    const double size = extent(arguments[k]);
    for (double& x : line.along.back().as<double>()) x = size * random.next();
  }
  const auto value = [&](double by) {
    return samples.evaluate(energy, line.moved(arguments, by))[0].real(0);
  };
  const auto rate = [&](double h) { return (value(h) - value(-h)) / (2 * h); };
  long double by_rule = 0;
  const auto gradient = samples.evaluate(slope, arguments);
  for (std::size_t k = 0; k < parts; ++k) {
    for (std::int64_t e = 0; e < gradient[k].size(); ++e) {
      by_rule += gradient[k].real(e) * line.along[k].real(e);
    }
  }
  const long double coarse = rate(kSlopeStep), fine = rate(kSlopeStep / 2),
                    here = std::abs(value(0));
  const long double by_values = (4 * fine - coarse) / 3, apart = std::abs(by_values - by_rule);
  if (!std::isfinite(apart) || std::abs(coarse - fine) > kSlopeSteady * apart) return {};
  if (apart <= kSlopeAgree * (std::abs(by_values) + std::abs(by_rule)) + kSlopeNoise * here)
    return {};
  return std::pair(by_values, by_rule);
}

}  // namespace

void want_true_gradients(const FactContext& c) {
  const std::size_t parts = c.system.form == Form::kCanonical ? 2 : 1;
  transform::Positions state;
  for (std::size_t k = 0; k < parts; ++k) state.push_back(k);
  Random random(1673);
  for (const EnergyTerm& term : c.system.terms) {
    const auto own = first_own(*term.energy);
    if (!own) continue;
    const ir::FunctionPtr slope = transform::grad(*term.energy, state);
    for (const SampleState& sample : c.samples.states()) {
      const auto differ = slopes_apart(c.samples, term.energy, slope, sample, parts, random);
      if (!differ) continue;
      const bool stops = own->op == "stop_gradient";
      throw UserError(
          {"the term \"" + term.name + "\" holds " +
               (stops ? "a stop_gradient"
                      : "a function with a derivative of its own (" + own->op + ")") +
               ", and its gradient is not that of its values: along a line through a state near "
               "the "
               "initial one it changes at the rate " +
               short_number(differ->first) + ", and its gradient says " +
               short_number(differ->second),
           place_text(c.system, own->place.empty() ? term.span : own->place),
           "forces are minus the gradient of the energy; such forces would not conserve it",
           std::string(stops ? "leave stop_gradient out" : "give it the derivative that it has") +
               ", or say how the system moves: ct.equations, in a file [equations]"});
    }
  }
}

}  // namespace cotangent::mechanics
