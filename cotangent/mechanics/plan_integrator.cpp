#include "cotangent/mechanics/plan_integrator.h"

#include <algorithm>
#include <cmath>

#include "cotangent/base/text.h"
#include "cotangent/ir/evaluator.h"
#include "cotangent/mechanics/auto_choice.h"
#include "cotangent/mechanics/bracket.h"
#include "cotangent/mechanics/dependence.h"
#include "cotangent/mechanics/exact_part.h"
#include "cotangent/mechanics/fixed_centre.h"
#include "cotangent/mechanics/flow.h"
#include "cotangent/mechanics/implicit_midpoint.h"
#include "cotangent/mechanics/lie_poisson.h"
#include "cotangent/mechanics/linear_run.h"
#include "cotangent/mechanics/method_table.h"
#include "cotangent/mechanics/multirate.h"
#include "cotangent/mechanics/resonance.h"
#include "cotangent/mechanics/retype.h"
#include "cotangent/mechanics/runge_kutta.h"
#include "cotangent/mechanics/split_flows.h"
#include "cotangent/mechanics/step_program.h"
#include "cotangent/mechanics/structure.h"
#include "cotangent/mechanics/wisdom_holman.h"

namespace cotangent::mechanics {
namespace {

/// Methods people may ask for that are not offered.
struct LaterMethod {
  const char* name;
  const char* why;
};
constexpr LaterMethod kLater[] = {
    {"gauss", "it solves an equation a step, which the planner cannot set up yet"},
    {"ias15", "it adapts its step, which is not there yet"},
    {"bulirsch_stoer", "it adapts its step, which is not there yet"},
    {"hermite4", "it needs time derivatives of the force, which the planner cannot set up yet"},
    {"symplectic_euler", "it is of order 1; leapfrog costs the same and is of order 2"},
    {"extended_phase_space", "the splitting for energies that mix q and p is not there yet"},
};

class Chooser {
 public:
  Chooser(const System& system, const Facts& facts, const RunSettings& settings,
          const InitialState* initial)
      : system_(system),
        facts_(facts),
        settings_(settings),
        initial_(initial),
        asked_(plain_method_name(settings.method)) {}

  ChosenIntegrator choose() {
    check_name();
    check_matrix();
    if (!automatic() || settings_.matrix == "exact" || !by_facts()) make_asked();
    if (!chosen_.integrator) return std::move(chosen_);
    if (chosen_.integrator->order > 0 && chosen_.integrator->method != "dopri5") {
      decide("order", std::to_string(chosen_.integrator->order),
             "the error of a step shrinks by 2^" + std::to_string(chosen_.integrator->order + 1) +
                 " when dt is halved");
    }
    return std::move(chosen_);
  }

 private:
  /// Makes what is asked for, or, of `auto`, what the form of the system leaves.
  void make() {
    if (is("exact") || (automatic() && settings_.matrix == "exact")) return linear();
    switch (system_.form) {
      case Form::kMap: return map();
      case Form::kEquations: return equations();
      case Form::kBracket: return bracketed();
      case Form::kCanonical: return canonical();
    }
  }

  /// A method that does not fit and knows no place is told at the key that asks for it.
  void make_asked() {
    try {
      make();
    } catch (const UserError& error) {
      ErrorParts parts = error.parts();
      const bool by_levels = is("multirate") && settings_.multirate;
      if (parts.where.empty()) {
        parts.where = place_text(
            system_, by_levels ? settings_.multirate->levels_span : settings_.method_span);
      }
      throw UserError(std::move(parts));
    }
  }

  /// Takes what the facts speak for; false where that is nothing, or cannot be made.
  bool by_facts() {
    std::vector<std::string> without;
    while (const auto choice = choose_by_facts(system_, facts_, settings_, initial_, without)) {
      if (!choice->withheld.empty()) {
        decide("kind", "kicks and drifts", choice->withheld);
        return false;
      }
      asked_ = choice->method;
      reason_ = choice->reason;
      levels_ = choice->levels;
      try {
        make();
        return true;
      } catch (const UserError&) {  // it does not fit after all
        without.push_back(choice->method);
        asked_ = "auto";
        reason_ = kAsked;
        levels_.reset();
        chosen_ = {};
      }
    }
    return false;
  }

  void decide(std::string decision, std::string choice, std::string reason) {
    chosen_.decisions.push_back({std::move(decision), std::move(choice), std::move(reason)});
  }
  void take(Integrator integrator, std::string reason) {
    chosen_.integrator = std::make_shared<const Integrator>(std::move(integrator));
    decide("method", chosen_.integrator->method, std::move(reason));
  }
  [[noreturn]] void refuse(std::string what, SourceSpan where, std::string why,
                           std::string remedy) const {
    throw UserError(
        {std::move(what), place_text(system_, where), std::move(why), std::move(remedy)});
  }
  bool is(const char* name) const { return asked_ == name; }
  bool automatic() const { return asked_ == "auto"; }
  static bool given(const std::string& word) { return !word.empty() && word != "auto"; }

  /// Refuses a name that is no method's, or that of a method for other systems.
  void check_name() const {
    if (automatic()) return;
    const std::vector<std::string> here = method_names(system_.form);
    const std::string offered = "methods: " + join(here, ", ");
    for (const LaterMethod& later : kLater) {
      if (asked_ != later.name) continue;
      refuse("the method \"" + settings_.method + "\" is not offered", settings_.method_span,
             later.why, offered);
    }
    const MethodRow* row = method_row(asked_);
    if (!row) {
      const std::string near = nearest_name(settings_.method, here);
      refuse("unknown method \"" + settings_.method + "\"" +
                 (near.empty() ? "" : "; did you mean \"" + near + "\"?"),
             settings_.method_span, offered,
             near.empty() ? "use method = \"auto\"" : "write method = \"" + near + "\"");
    }
    if (row->takes(system_.form)) return;
    refuse("the method \"" + settings_.method + "\" is not offered for this system",
           settings_.method_span,
           (splitting_named(asked_) ? form_text() : "it is for " + row->is_for) + "; " + offered,
           "use method = \"auto\"");
  }
  /// "exact" is a method, "method" is for one.
  void check_matrix() const {
    const std::string& m = settings_.matrix;
    if (m.empty() || m == "auto") return;
    if (m != "exact" && m != "method") {
      refuse("matrix is \"" + m + "\"", settings_.matrix_span, "",
             "write matrix = \"exact\" or \"method\", or leave it out");
    }
    const bool fits = m == "exact" ? automatic() || is("exact") : !is("exact");
    if (!fits) {
      refuse("matrix = \"" + m + "\" with method = \"" + settings_.method + "\"",
             settings_.matrix_span,
             m == "exact" ? "the exact flow needs no other method"
                          : "the exact flow is no power of a method's matrix",
             m == "exact" ? "leave method out, or write matrix = \"method\""
                          : "name another method, or leave matrix out");
    }
    if (m == "method" && system_.form != Form::kCanonical) {
      refuse("matrix = \"method\" does not fit this system", settings_.matrix_span,
             "it is the power of the matrix of kicks and drifts; " + form_text(),
             "write matrix = \"exact\", or leave it out");
    }
  }
  /// Why kicks and drifts are no method.
  std::string form_text() const {
    switch (system_.form) {
      case Form::kMap: return "a map is iterated: there is nothing to integrate";
      case Form::kEquations: return "[equations] have no energy that could be split";
      default: return "kicks and drifts need q and p";
    }
  }

  void no_order() const {
    if (!settings_.order || *settings_.order == chosen_.integrator->order) return;
    refuse("method \"" + chosen_.integrator->method + "\" is of order " +
               std::to_string(chosen_.integrator->order) + ", not " +
               std::to_string(*settings_.order),
           settings_.order_span, "the method fixes the order", "leave order out");
  }

  void map() {
    if (settings_.order) {
      refuse("a map has no order", settings_.order_span, "each step is the map itself",
             "leave order out");
    }
    take(iterate_map(system_), "[map] gives the step itself; t is the number of the step");
  }

  /// Explicit Runge-Kutta methods and the midpoint rule, which serve any vector field.
  bool general(const std::string& warning) {
    if (is("implicit_midpoint")) {
      midpoint(
          "you asked for it: symmetric, keeps quadratic invariants; it solves an equation a step "
          "until the last bits no longer change (Hairer, Lubich, Wanner, IV.2.1)");
      return true;
    }
    if (is("dopri5")) {
      const Tolerances tolerances{.rtol = settings_.rtol, .atol = settings_.atol};
      take(adaptive_runge_kutta(system_, *tableau_named("dopri5"), tolerances),
           "you asked for it" + adaptive_text() + warning);
      no_order();
      return true;
    }
    const Tableau* tableau = tableau_named(asked_);
    if (!tableau) return false;
    take(runge_kutta(system_, *tableau),
         "you asked for it: " + tableau->source + "; steps of dt" + warning);
    no_order();
    return true;
  }

  /// The midpoint rule, or its composition of the order or by the splitting that is asked for.
  void midpoint(std::string reason) {
    const bool named = given(settings_.splitting);
    if (!named && settings_.order.value_or(2) == 2) return take(implicit_midpoint(system_), reason);
    const Splitting& composition =
        composition_asked("implicit_midpoint", settings_.order.value_or(2));
    const bool damped =
        system_.form == Form::kBracket && system_.structure.kind != Structure::Kind::kPoisson;
    if (damped && composition.order > 2) {
      refuse("there is no method of order " + std::to_string(composition.order) +
                 " for this structure",
             named ? settings_.splitting_span : settings_.order_span,
             "compositions of an order above 2 have steps backwards in time, where what is damped "
             "grows",
             "leave order and splitting out");
    }
    Integrator m = compose({midpoint_flow(system_, "the field", vector_field(system_))},
                           state_types(system_), composition);
    m.method = "implicit_midpoint";
    take(std::move(m), reason + "; composed as " + composition.name + ", symmetric, with " +
                           std::to_string(composition.gamma.size()) +
                           " equations a step: " + composition.source);
  }

  std::string adaptive_text() const {
    return ": Dormand and Prince's pair of orders 5 and 4 fills each dt with steps whose estimated "
           "error stays below rtol = " +
           shortest(settings_.rtol) + " and atol = " + shortest(settings_.atol) +
           ", so dt is only how often you look";
  }

  void equations() {
    if (general("")) return;
    if (settings_.order && *settings_.order == 4) {
      take(runge_kutta(system_, *tableau_named("rk4")), "you asked for order 4; steps of dt");
      return;
    }
    const Tolerances tolerances{.rtol = settings_.rtol, .atol = settings_.atol};
    take(adaptive_runge_kutta(system_, *tableau_named("dopri5"), tolerances),
         "equations of which no structure is known" + adaptive_text());
    no_order();
  }

  void bracketed() {
    if (facts_.no_structure) throw UserError(*facts_.no_structure);
    if (initial_) {
      std::string proved, tested;
      for (const char* name : {"skew", "jacobi", "entropy_is_casimir", "energy_not_dissipated",
                               "metric_symmetric", "metric_positive"}) {
        const auto at = std::ranges::find(facts_.all, name, &Fact::name);
        if (at == facts_.all.end()) continue;
        const Fact& f = *at;
        std::string& list = f.how == How::kProved ? proved : tested;
        list += (list.empty() ? "" : ", ") + f.name;
      }
      const auto text = [](const std::string& list, const char* how) {
        return list.empty() ? std::string() : std::string(how) + ": " + list;
      };
      decide("structure", kind_text(),
             text(proved, "proved") + (proved.empty() || tested.empty() ? "" : "; ") +
                 text(tested, "tested"));
    }
    const bool poisson = system_.structure.kind == Structure::Kind::kPoisson;
    if (is("lie_poisson") && !poisson) {
      refuse("method \"lie_poisson\" does not fit this structure", settings_.method_span,
             "it is for " + method_row(asked_)->is_for, "use method = \"auto\"");
    }
    const char* warning =
        "; but it keeps neither the structure nor the invariants: they drift with time";
    if (general(warning)) return;
    if (!poisson) {
      midpoint(
          "no exact flows are known for this structure; the midpoint rule is symmetric and keeps "
          "quadratic invariants, and is stable where motion is damped");
      return;
    }
    lie_poisson();
  }

  std::string kind_text() const {
    switch (system_.structure.kind) {
      case Structure::Kind::kPoisson:
        return system_.structure.algebra.empty() ? "J(z) as given"
                                                 : "Lie-Poisson, " + system_.structure.algebra;
      case Structure::Kind::kMetriplectic: return "metriplectic";
      case Structure::Kind::kContact: return "contact";
    }
    return "";
  }

  void lie_poisson() {
    std::vector<PartFlow> parts;
    try {
      parts = lie_poisson_flows(system_, is("lie_poisson") ? NoFlow::kRefuse : NoFlow::kMidpoint);
    } catch (const UserError& error) {
      if (is("lie_poisson")) throw;
      midpoint("the energy has no parts with exact flows (" + error.parts().what +
               "); the midpoint rule keeps quadratic Casimirs and energies");
      return;
    }
    const bool smooth = facts_.holds("smooth");
    const Splitting& composition =
        composition_asked("lie_poisson", settings_.order.value_or(smooth ? 4 : 2));
    std::string names;
    for (const PartFlow& p : parts) names += (names.empty() ? "" : " | ") + p.name;
    std::string by_midpoint;
    for (const PartFlow& p : parts) {
      if (!p.exact) by_midpoint += (by_midpoint.empty() ? "" : ", ") + p.name;
    }
    decide(
        "splitting", names,
        by_midpoint.empty()
            ? "each part's flow is exact, so every Casimir is kept to round-off by any composition"
            : "no exact flow is known of " + by_midpoint +
                  ": the midpoint rule takes its place there, which keeps quadratic Casimirs; "
                  "the flows of the other parts are exact");
    Integrator m = compose(parts, state_types(system_), composition);
    m.method = "lie_poisson";
    take(std::move(m),
         std::string(is("lie_poisson") ? "you asked for it" : "a Lie-Poisson structure, J linear") +
             "; the parts are composed as " + composition.name +
             ", symmetric: " + composition.source);
  }

  /// Of the flows of `method`: by [run] splitting, else the usual one of its order.
  const Splitting& composition_asked(const std::string& method, int order) const {
    if (given(settings_.splitting)) {
      const Splitting* named = splitting_named(settings_.splitting);
      if (!named || named->variant != Splitting::Variant::kComposition) {
        std::vector<std::string> known;
        for (const Splitting& s : splittings()) {
          if (s.variant == Splitting::Variant::kComposition) known.push_back(s.name);
        }
        refuse("splitting = \"" + settings_.splitting + "\" with the method \"" + method + "\"",
               settings_.splitting_span,
               "its flows are put together by compositions: " + join(known, ", "),
               "name one of them, or leave splitting out");
      }
      if (!settings_.order || *settings_.order == named->order) return *named;
      refuse("splitting \"" + named->name + "\" is of order " + std::to_string(named->order) +
                 ", not " + std::to_string(*settings_.order),
             settings_.order_span, "the splitting fixes the order", "leave one of the two out");
    }
    if (order < 2 || order > 10 || order % 2 != 0) {
      refuse("there is no composition of order " + std::to_string(order), settings_.order_span,
             "a symmetric composition has even order", "give order = 2, 4, 6, 8 or 10");
    }
    return composition_for(order);
  }

  void canonical() {
    if (settings_.multirate && automatic()) {
      reason_ = "[multirate] says so";
      return multirate_levels();
    }
    if (is("multirate") && (settings_.multirate || levels_)) return multirate_levels();
    if (is("wisdom_holman")) return planets();
    if (is("kepler")) return kepler();
    if (is("exact_kicks") || is("mollified_kicks")) return exact();
    if (is("multirate")) {
      refuse("method \"" + settings_.method + "\" without levels", settings_.method_span,
             "it steps some terms more often than others, and nobody says which",
             "add [multirate] fast = [\"...\"], inner = 10");
    }
    const char* warning = "; but it is not symplectic: energy and momenta drift with time";
    if (general(warning)) return;
    const Fact& separable = facts_.find("separable");
    const bool proved = std::get<bool>(separable.value) && separable.how == How::kProved;
    // What jumps by q and p has no force that any method here could follow.
    if (!automatic() || proved || given(settings_.splitting) || settings_.matrix == "method" ||
        facts_.holds("may_jump")) {
      return;  // kicks and drifts, or their refusal
    }
    decide("splitting", "none", separable.detail);
    midpoint(
        "H does not split into T(p) + V(q), so no step of kicks and drifts is exact; the implicit "
        "midpoint rule is symplectic and symmetric for any H, at the price of an equation a step");
  }

  void multirate_levels() {
    const MultirateSettings& m = levels_ ? *levels_ : *settings_.multirate;
    MultirateLevels levels{m.levels, m.inner};
    std::vector<std::string> named;
    for (const auto& level : levels.terms) named.insert(named.end(), level.begin(), level.end());
    for (const EnergyTerm& term : system_.terms) {
      if (std::ranges::find(named, term.name) != named.end()) continue;
      if (reads_q(term)) levels.terms[0].push_back(term.name);
    }
    if (levels.terms[0].empty()) {
      refuse("[multirate] leaves no slow term", m.levels_span,
             "every term that reads q is in a fast level",
             "name the fast terms only, or leave [multirate] out");
    }
    std::string names, counts;
    for (const auto& level : levels.terms)
      names += (names.empty() ? "" : " | ") + join(level, ", ");
    for (std::int64_t n : evaluations_a_step(levels)) {
      counts += (counts.empty() ? "" : ", ") + std::to_string(n);
    }
    decide("levels", names, "evaluations a step: " + counts);
    if (const auto warning = resonance_of(levels)) decide("resonance", "warning", *warning);
    take(multirate(system_, levels),
         reason_ +
             ": slow forces kick the fast motion from outside (Tuckerman, Berne and "
             "Martyna 1992); symplectic, reversible, of order 2");
    no_order();
  }

  static bool reads_q(const EnergyTerm& term) { return depends_on(*term.energy, 0, 0); }

  /// What the fastest term of the inner levels says to dt.
  std::optional<std::string> resonance_of(const MultirateLevels& levels) const {
    if (!facts_.stiffness) return {};
    double fastest = 0;
    for (const auto& [name, w] : facts_.stiffness->terms) {
      if (std::ranges::find(levels.terms[0], name) == levels.terms[0].end()) {
        fastest = std::max(fastest, w);
      }
    }
    return fastest > 0 ? resonance_warning(settings_.dt, fastest) : std::nullopt;
  }

  void kepler() {
    const auto centre = find_fixed_centre(system_, initial_ ? &initial_->q : nullptr);
    if (!centre) {
      refuse("method \"kepler\" does not fit this energy", settings_.method_span,
             "it is for bodies about a fixed centre at the origin, each by itself: H = "
             "sum |p|^2/(2 m) - c/|q|, in a plane or in space",
             "use method = \"auto\"");
    }
    no_order_at_all();
    take(kepler_motion(system_, *centre),
         reason_ + "; the universal variable formulation (Stumpff 1959); exact to round-off");
  }
  void no_order_at_all() const {
    if (!settings_.order) return;
    refuse("method \"" + settings_.method + "\" has no order", settings_.order_span,
           "its only error is round-off", "leave order out");
  }

  void planets() {
    const Fact& fact = facts_.find("near_integrable");
    std::optional<NearIntegrable> near;
    if (facts_.dominant_body) {
      near = find_near_integrable(system_, facts_.dominant_body->index,
                                  initial_ ? &initial_->q : nullptr);
    }
    if (!near) {
      refuse(
          "method \"" + settings_.method + "\" does not fit this energy", settings_.method_span,
          std::get<bool>(fact.value)
              ? "something else than the gravity of the bodies moves them: H is not sum p^2/(2 m) "
                "- sum G m m / r"
              : fact.detail,
          "it is for bodies under their mutual gravity, one of them far heavier than the others; "
          "use method = \"auto\"");
    }
    WisdomHolmanOptions options;
    const std::string& c = settings_.coordinates;
    const bool democratic = c.starts_with("democratic");
    if (!c.empty() && !democratic && c != "jacobi") {
      refuse("unknown coordinates \"" + c + "\"", settings_.coordinates_span, "",
             "write coordinates = \"jacobi\" or \"democratic\"");
    }
    const bool ordered = in_order(*near);
    if (democratic || (c.empty() && !ordered)) {
      options.coordinates = PlanetCoordinates::kDemocraticHeliocentric;
    }
    options.corrector = settings_.corrector.value_or(17);
    const std::vector<int> known = corrector_orders();
    if (std::ranges::find(known, options.corrector) == known.end()) {
      refuse("there is no corrector of order " + std::to_string(options.corrector),
             settings_.corrector_span, "", "give corrector = 0, 3, 5, 7, 11 or 17");
    }
    decide("splitting", "Kepler | interaction",
           "each planet's motion about the heavy body is exact; what the planets do to one another "
           "kicks, so the error goes by the ratio of masses");
    const bool jacobi = options.coordinates == PlanetCoordinates::kJacobi;
    decide("coordinates", jacobi ? "jacobi" : "democratic",
           !c.empty() ? "you asked for them"
           : jacobi
               ? "the bodies stand in the order of their orbits, and so Jacobi's leave the smaller "
                 "rest"
               : "the bodies do not stand in the order of their orbits, which Jacobi's go by");
    if (options.corrector > 0) {
      decide("corrector", std::to_string(options.corrector),
             "a change of variables where the run starts and where somebody looks; steps cost "
             "nothing more (Wisdom 2006)");
    }
    take(wisdom_holman(system_, *near, options),
         reason_ + "; Wisdom and Holman 1991; planets must not meet closely");
    no_order();
  }

  /// Whether the light bodies stand in the order of the size of their orbits, the semi-major axis
  /// 1/(2/r - v^2/mu) at the start; what is not bound is beyond all others.
  bool in_order(const NearIntegrable& near) const {
    if (!initial_) return true;
    std::vector<ir::Tensor> values;
    for (const Parameter& p : system_.parameters) values.push_back(p.value);
    const ir::Tensor m = ir::evaluate(*near.masses, values)[0];
    const long double gravity = ir::evaluate(*near.gravity, values)[0].real(0);
    const ir::Tensor& q = initial_->q;
    const ir::Tensor p = initial_->p ? *initial_->p : momentum_from_velocity(system_, *initial_);
    const std::int64_t n = system_.shape[0], d = system_.shape[1], star = near.star;
    long double before = 0;
    for (std::int64_t i = 0; i < n; ++i) {
      if (i == star) continue;
      long double rr = 0, vv = 0;
      for (std::int64_t c = 0; c < d; ++c) {
        const std::int64_t at = i * d + c, of_star = star * d + c;
        const long double v = p.real(at) / m.real(i) - p.real(of_star) / m.real(star);
        rr += std::pow(q.real(at) - q.real(of_star), 2.0L);
        vv += v * v;
      }
      const long double inverse = 2 / std::sqrt(rr) - vv / (gravity * (m.real(star) + m.real(i)));
      const long double axis = inverse > 0 ? 1 / inverse : HUGE_VALL;
      if (axis < before) return false;
      before = axis;
    }
    return true;
  }

  /// N steps at once: exp(N dt A), whatever N is.
  void linear() {
    no_order_at_all();
    Jumps jumps = plan_jumps(system_, facts_, settings_, "exact");
    chosen_.linear = std::move(jumps.flow);
    decide("method", "exact",
           reason_ == kAsked ? reason_ + "; the equations of motion are linear, proved" : reason_);
    for (Decision& d : jumps.decisions) chosen_.decisions.push_back(std::move(d));
  }

  void exact() {
    ExactSplit split = split_terms(system_);
    if (split.rest_terms.empty()) split.rest = nullptr;
    decide("splitting",
           join(split.quadratic_terms, " + ") +
               (split.rest ? " | " + join(split.rest_terms, " + ") : ""),
           "the quadratic part flows exactly, whatever dt is" +
               std::string(split.rest ? "; the rest kicks" : ""));
    const bool mollified = is("mollified_kicks");
    if (split.rest && initial_ && !mollified) {
      if (const auto warning = resonance(system_, split, *initial_, settings_.dt)) {
        decide("resonance", "warning", warning->text);
      }
    }
    take(exact_and_kicks(system_, split, mollified ? Kicks::kMollified : Kicks::kPlain),
         reason_ + "; dt is free of the stiffest spring");
    no_order();
  }

  const System& system_;
  const Facts& facts_;
  const RunSettings& settings_;
  const InitialState* initial_;
  static constexpr const char* kAsked = "you asked for it";
  std::string asked_;
  std::string reason_ = kAsked;              ///< of the method
  std::optional<MultirateSettings> levels_;  ///< of what the facts speak for
  ChosenIntegrator chosen_;
};

}  // namespace

ChosenIntegrator choose_integrator(const System& system, const Facts& facts,
                                   const RunSettings& settings, const InitialState* initial) {
  return Chooser(system, facts, settings, initial).choose();
}

}  // namespace cotangent::mechanics
