#include "cotangent/mechanics/plan_integrator.h"

#include <algorithm>

#include "cotangent/base/text.h"
#include "cotangent/mechanics/dependence.h"
#include "cotangent/mechanics/exact_part.h"
#include "cotangent/mechanics/implicit_midpoint.h"
#include "cotangent/mechanics/lie_poisson.h"
#include "cotangent/mechanics/linear_run.h"
#include "cotangent/mechanics/multirate.h"
#include "cotangent/mechanics/resonance.h"
#include "cotangent/mechanics/retype.h"
#include "cotangent/mechanics/runge_kutta.h"
#include "cotangent/mechanics/structure.h"
#include "cotangent/mechanics/wisdom_holman.h"

namespace cotangent::mechanics {
namespace {

/// Other names people know methods by.
struct Alias {
  const char* alias;
  const char* name;
};
constexpr Alias kAliases[] = {
    {"whfast", "wisdom_holman"}, {"respa", "multirate"}, {"midpoint", "implicit_midpoint"},
    {"euler", "explicit_euler"}, {"rk45", "dopri5"},     {"mollified", "mollified_kicks"},
};

std::string plain_name(const std::string& asked) {
  for (const Alias& a : kAliases) {
    if (asked == a.alias) return a.name;
  }
  return asked;
}

class Chooser {
 public:
  Chooser(const System& system, const Facts& facts, const RunSettings& settings,
          const InitialState* initial)
      : system_(system),
        facts_(facts),
        settings_(settings),
        initial_(initial),
        asked_(plain_name(settings.method)) {}

  std::optional<ChosenIntegrator> choose() {
    if (is("exact")) {
      linear();
      check_precision("exact");
      return std::move(chosen_);
    }
    switch (system_.form) {
      case Form::kMap: map(); break;
      case Form::kEquations: equations(); break;
      case Form::kBracket: bracketed(); break;
      case Form::kCanonical: canonical(); break;
    }
    if (!chosen_.integrator) return {};
    check_precision(chosen_.integrator->method);
    if (chosen_.integrator->order > 0 && chosen_.integrator->method != "dopri5_adaptive") {
      decide("order", std::to_string(chosen_.integrator->order),
             "the error of a step shrinks by 2^" + std::to_string(chosen_.integrator->order + 1) +
                 " when dt is halved");
    }
    return std::move(chosen_);
  }

 private:
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

  /// Refuses what is asked for unless it is one of these.
  void only(const std::vector<std::string>& offered, const std::string& why) const {
    if (automatic() || std::ranges::find(offered, asked_) != offered.end()) return;
    const std::string near = nearest_name(asked_, offered);
    refuse("the method \"" + settings_.method + "\" is not offered for this system",
           settings_.method_span, why + "; methods: auto, " + join(offered, ", "),
           near.empty() ? "use method = \"auto\"" : "write method = \"" + near + "\"");
  }

  void check_precision(const std::string& method) const {
    if (settings_.precision == "f64") return;
    refuse("precision = \"" + settings_.precision + "\" with the method \"" + method + "\"",
           settings_.precision_span,
           "methods other than compositions of kicks and drifts carry their state in f64",
           "write precision = \"f64\"");
  }
  void no_order() const {
    if (!settings_.order || *settings_.order == chosen_.integrator->order) return;
    refuse("method \"" + chosen_.integrator->method + "\" is of order " +
               std::to_string(chosen_.integrator->order) + ", not " +
               std::to_string(*settings_.order),
           settings_.order_span, "the method fixes the order", "leave order out");
  }

  void map() {
    only({"iterate"}, "a map is iterated: there is nothing to integrate");
    if (settings_.order) {
      refuse("a map has no order", settings_.order_span, "each step is the map itself",
             "leave order out");
    }
    take(iterate_map(system_), "[map] gives the step itself; t is the number of the step");
  }

  /// Explicit Runge-Kutta methods and the midpoint rule, which serve any vector field.
  bool general(const std::string& warning) {
    if (is("implicit_midpoint")) {
      take(implicit_midpoint(system_),
           "you asked for it: symmetric, of order 2, keeps quadratic invariants; it solves an "
           "equation a step until the last bits no longer change (Hairer, Lubich, Wanner, IV.2.1)");
      no_order();
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
  std::string adaptive_text() const {
    return ": Dormand and Prince's pair of orders 5 and 4 fills each dt with steps whose estimated "
           "error stays below rtol = " +
           shortest(settings_.rtol) + " and atol = " + shortest(settings_.atol) +
           ", so dt is only how often you look";
  }

  void equations() {
    only({"dopri5", "rk4", "explicit_euler", "implicit_midpoint"},
         "[equations] have no energy that could be split");
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
    if (initial_) {
      std::string proved, tested;
      for (const Fact& f : check_structure(system_, initial_->x)) {
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
    std::vector<std::string> offered = {"implicit_midpoint", "dopri5", "rk4", "explicit_euler"};
    if (poisson) offered.insert(offered.begin(), "lie_poisson");
    only(offered, "kicks and drifts need q and p");
    const char* warning =
        "; but it keeps neither the structure nor the invariants: they drift with time";
    if (general(warning)) return;
    if (!poisson) {
      take(implicit_midpoint(system_),
           "no exact flows are known for this structure; the midpoint rule is symmetric and keeps "
           "quadratic invariants, and is stable where motion is damped");
      no_order();
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
      take(implicit_midpoint(system_),
           std::string("the energy has no parts with exact flows: ") + error.what() +
               "; the midpoint rule keeps quadratic Casimirs and energies");
      no_order();
      return;
    }
    const bool smooth = facts_.holds("smooth");
    const int order = settings_.order.value_or(smooth ? 4 : 2);
    if (order < 2 || order > 8 || order % 2 != 0) {
      refuse("there is no composition of order " + std::to_string(order), settings_.order_span,
             "a symmetric composition has even order", "give order = 2, 4, 6 or 8");
    }
    const auto& composition = composition_for(order);
    std::string names;
    for (const PartFlow& p : parts) names += (names.empty() ? "" : " | ") + p.name;
    decide("splitting", names,
           "each part's flow is exact, so every Casimir is kept to round-off by any composition");
    take(
        palindrome(system_, parts, "lie_poisson" + std::to_string(order), composition.gamma, order),
        std::string(is("lie_poisson") ? "you asked for it" : "a Lie-Poisson structure, J linear") +
            "; the parts are composed as " + composition.name +
            ", symmetric: " + composition.source);
  }

  void canonical() {
    if (settings_.multirate) return multirate_levels();
    if (is("wisdom_holman")) return planets();
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
    if (!automatic() || proved) return;
    if (settings_.order && *settings_.order != 2) {
      refuse("there is no method of order " + std::to_string(*settings_.order) +
                 " for this energy: " + separable.detail,
             separable.place, "for energies that mix q and p there is the implicit midpoint rule",
             "leave order out");
    }
    decide("splitting", "none", separable.detail);
    take(implicit_midpoint(system_),
         "H does not split into T(p) + V(q), so no step of kicks and drifts is exact; the implicit "
         "midpoint rule is symplectic and symmetric for any H, at the price of an equation a step");
  }

  void multirate_levels() {
    if (!automatic() && !is("multirate")) {
      refuse("method \"" + settings_.method + "\" with [multirate]", settings_.method_span,
             "levels of steps inside steps are a method of their own",
             "leave method out, or [multirate]");
    }
    const MultirateSettings& m = *settings_.multirate;
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
         "[multirate] says so: slow forces kick the fast motion from outside (Tuckerman, Berne and "
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

  void planets() {
    std::optional<NearIntegrable> near;
    if (facts_.dominant_body) near = find_near_integrable(system_, facts_.dominant_body->index);
    if (!near) {
      refuse("method \"" + settings_.method + "\" does not fit this energy", settings_.method_span,
             "it needs bodies under their mutual gravity, sum p^2/(2 m) - sum G m m / r, one of "
             "them far heavier than the others",
             "use method = \"auto\"");
    }
    WisdomHolmanOptions options;
    const std::string& c = settings_.coordinates;
    if (c == "democratic" || c == "democratic_heliocentric") {
      options.coordinates = PlanetCoordinates::kDemocraticHeliocentric;
    } else if (!c.empty() && c != "jacobi") {
      refuse("unknown coordinates \"" + c + "\"", settings_.coordinates_span, "",
             "write coordinates = \"jacobi\" or \"democratic\"");
    }
    options.corrector = settings_.corrector.value_or(17);
    const std::vector<int> known = corrector_orders();
    if (std::ranges::find(known, options.corrector) == known.end()) {
      refuse("there is no corrector of order " + std::to_string(options.corrector),
             settings_.corrector_span, "", "give corrector = 0, 3, 5, 7, 11 or 17");
    }
    decide("splitting", "Kepler | interaction",
           "each planet's motion about the heavy body is exact; what the planets do to one another "
           "kicks, so the error goes by the ratio of masses; in " +
               std::string(c.empty() || c == "jacobi" ? "Jacobi" : "democratic heliocentric") +
               " coordinates");
    if (options.corrector > 0) {
      decide("corrector", std::to_string(options.corrector),
             "a change of variables where the run starts and where somebody looks; steps cost "
             "nothing more (Wisdom 2006)");
    }
    take(wisdom_holman(system_, *near, options),
         "you asked for it; Wisdom and Holman 1991; planets must not meet closely");
    no_order();
  }

  /// N steps at once: exp(N dt A), whatever N is.
  void linear() {
    const Fact& fact = facts_.find("linear");
    if (!std::get<bool>(fact.value) || fact.how != How::kProved) {
      refuse("method \"exact\" does not fit this system", settings_.method_span,
             "it is for equations of motion that are linear: " + fact.detail,
             system_.form == Form::kCanonical
                 ? "use method = \"exact_kicks\": the quadratic terms exactly, the others as kicks"
                 : "use method = \"auto\"");
    }
    if (settings_.order) {
      refuse("method \"exact\" has no order", settings_.order_span, "its only error is round-off",
             "leave order out");
    }
    chosen_.linear = linear_flow_for(system_);
    decide("method", "exact", "you asked for it; the equations of motion are linear, proved");
    chosen_.decisions.push_back(linear_decision(*chosen_.linear, settings_.steps, settings_.dt));
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
    take(exact_and_kicks(system_, split, settings_.dt,
                         mollified ? Kicks::kMollified : Kicks::kPlain),
         "you asked for it: dt is free of the stiffest spring");
    no_order();
  }

  const System& system_;
  const Facts& facts_;
  const RunSettings& settings_;
  const InitialState* initial_;
  std::string asked_;
  ChosenIntegrator chosen_;
};

}  // namespace

std::vector<std::string> integrator_names() {
  return {"implicit_midpoint", "dopri5",      "rk4",    "explicit_euler",
          "wisdom_holman",     "multirate",   "exact",  "exact_kicks",
          "mollified_kicks",   "lie_poisson", "iterate"};
}

std::optional<ChosenIntegrator> choose_integrator(const System& system, const Facts& facts,
                                                  const RunSettings& settings,
                                                  const InitialState* initial) {
  return Chooser(system, facts, settings, initial).choose();
}

}  // namespace cotangent::mechanics
