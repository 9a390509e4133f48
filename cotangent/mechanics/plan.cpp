// The planner: one decision after another, each with its reason, each open to an override that the
// facts allow.
#include "cotangent/mechanics/plan.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "cotangent/base/text.h"
#include "cotangent/mechanics/dependence.h"
#include "cotangent/mechanics/diagnose.h"
#include "cotangent/mechanics/gradient_plan.h"
#include "cotangent/mechanics/lattice.h"
#include "cotangent/mechanics/linear_flow.h"
#include "cotangent/mechanics/linear_run.h"
#include "cotangent/mechanics/method_table.h"
#include "cotangent/mechanics/plan_accuracy.h"
#include "cotangent/mechanics/plan_integrator.h"
#include "cotangent/mechanics/programs.h"
#include "cotangent/mechanics/retype.h"
#include "cotangent/mechanics/split_flows.h"
#include "cotangent/mechanics/watch.h"

namespace cotangent::mechanics {
namespace {

constexpr double kTeamOperations = 3e5;  // as the runtime has it
constexpr double kPairOperations = 15;   // of f32 for one of a pair, about

class Planner {
 public:
  Planner(const System& system, const Facts& facts, const RunSettings& settings,
          const InitialState* initial, const StepReasons& reasons)
      : system_(system), facts_(facts), settings_(settings), initial_(initial), reasons_(reasons) {}

  Plan make() {
    check_step();
    ChosenIntegrator chosen = choose_integrator(system_, facts_, settings_, initial_);
    plan_.decisions = std::move(chosen.decisions);
    if (chosen.integrator || chosen.linear) {
      plan_.integrator = std::move(chosen.integrator);
      plan_.linear = std::move(chosen.linear);
      plan_.method = plan_.linear ? "exact" : plan_.integrator->method;
      return in_double();
    }
    splitting();
    method();
    if (settings_.matrix == "method") {
      powers();
      return in_double();
    }
    if (!plan_.composition.plain()) {
      plan_.integrator =
          std::make_shared<const Integrator>(splitting_integrator(system_, plan_.composition));
      return in_double();
    }
    check_method_keys(system_, settings_, plan_);
    step();
    precision();
    kernel();
    monitors();
    plan_watch(system_, facts_, settings_.monitor, initial_, plan_);
    gradients();
    return std::move(plan_);
  }

 private:
  void decide(std::string decision, std::string choice, std::string reason) {
    plan_.decisions.push_back({std::move(decision), std::move(choice), std::move(reason)});
  }

  [[noreturn]] void refuse(std::string what, SourceSpan where, std::string why,
                           std::string remedy) const {
    throw UserError(
        {std::move(what), place_text(system_, where), std::move(why), std::move(remedy)});
  }

  /// What is left to decide of a method that carries its state in f64.
  Plan in_double() {
    check_method_keys(system_, settings_, plan_);
    step();
    decide("precision", "f64", "round-off of 1e-16 a step stays below the method's own error");
    monitors();
    plan_watch(system_, facts_, settings_.monitor, initial_, plan_);
    // What auto takes for a run alone, a gradient does not go by (gradients_by_another).
    const bool separable = std::get<bool>(facts_.find("separable").value);
    const bool for_gradients =
        settings_.method != "auto" || settings_.kinds == Kinds::kKicksAndDrifts;
    if (for_gradients || !(separable || plan_.linear)) gradients();
    return std::move(plan_);
  }

  /// All steps at once, by the power of the method's own matrix.
  void powers() {
    Jumps jumps = plan_jumps(system_, facts_, settings_, plan_.method);
    plan_.linear = std::move(jumps.flow);
    for (Decision& d : jumps.decisions) plan_.decisions.push_back(std::move(d));
  }

  void check_step() {
    if (settings_.dt == 0 && settings_.dt_span.empty()) {
      refuse("no time step is given: dt is 0", {}, "",
             "give dt, or t_end with an accuracy that finds it");
    }
    if (!std::isfinite(settings_.dt) || settings_.dt <= 0) {
      refuse("dt is " + shortest(settings_.dt), settings_.dt_span,
             "a step is a positive time; a run backwards is asked for by --reverse",
             "give a dt above zero");
    }
    if (settings_.steps < 0) {
      refuse("the number of steps is negative", settings_.dt_span, "", "give steps >= 0");
    }
    plan_.dt = settings_.dt;
    plan_.steps = settings_.steps;
  }

  void splitting() {
    const Fact& separable = facts_.find("separable");
    const bool holds = std::get<bool>(separable.value);
    if (!holds || separable.how != How::kProved) {
      refuse("no method for this energy: " + separable.detail, separable.place,
             holds ? "every method here splits H into T(p) + V(q), and no rule proves that H splits"
                   : "every method here splits H into T(p) + V(q), and H is not separable",
             "write the energy as terms that read q or p but not both, or use method = "
             "\"implicit_midpoint\"");
    }
    if (facts_.holds("time_dependent")) {
      decide("splitting", "V(q, t) | T(p, t) | time",
             "H = T + V is separable but depends on time; each kick and drift sees the time of its "
             "own "
             "stage, which keeps the step symmetric and its order");
    } else {
      decide("splitting", "V(q) | T(p)",
             "H = T(p) + V(q), proved; each part's flow is exact (a kick, a drift), so the step is "
             "symplectic and reversible, and energy errors stay bounded instead of growing");
    }
  }

  void method() {
    if (settings_.order) check_order(*settings_.order);
    const std::string asked = name_asked();
    if (asked == "auto") {
      automatic();
    } else {
      named(asked);
    }
    plan_.method = plan_.composition.name;
    const int stages = plan_.composition.stages();
    decide("order", std::to_string(plan_.composition.order),
           "the error of a step shrinks by 2^" + std::to_string(plan_.composition.order + 1) +
               " when dt is halved; the cost is " + std::to_string(stages) +
               (stages == 1 ? " force evaluation" : " force evaluations") + " a step");
  }

  bool by_splitting() const {
    return !settings_.splitting.empty() && settings_.splitting != "auto";
  }
  SourceSpan span_asked() const {
    return by_splitting() ? settings_.splitting_span : settings_.method_span;
  }
  /// By [run] splitting, else by method.
  std::string name_asked() const {
    if (!by_splitting()) return settings_.method;
    const std::string& name = settings_.splitting;
    const Splitting* row = splitting_named(name);
    if (!row) {
      std::vector<std::string> known;
      for (const Splitting& s : splittings()) known.push_back(s.name);
      const std::string near = nearest_name(name, known);
      refuse("there is no splitting \"" + name + "\"" +
                 (near.empty() ? "" : "; did you mean \"" + near + "\"?"),
             settings_.splitting_span, "splittings: " + join(known, ", "),
             near.empty() ? "leave splitting out" : "write splitting = \"" + near + "\"");
    }
    if (settings_.method != "auto" && plain_method_name(settings_.method) != row->name) {
      refuse("splitting = \"" + name + "\" with method = \"" + settings_.method + "\"",
             settings_.splitting_span, "each is the name of a splitting, and they differ",
             "leave one of the two out");
    }
    return name;
  }

  void check_order(int order) const {
    if (order >= 2 && order <= 10 && order % 2 == 0) return;
    refuse("there is no method of order " + std::to_string(order), settings_.order_span,
           order % 2 != 0
               ? "a symmetric splitting has even order: its error has even powers of dt only"
               : "the splittings here have orders 2, 4, 6, 8 and 10",
           "give order = 2, 4, 6, 8 or 10");
  }

  void automatic() {
    const bool smooth = facts_.holds("smooth");
    if (settings_.order) {
      take_best(*settings_.order);
      decide("method", plan_.composition.name,
             (reasons_.order.empty() ? "you asked for order " + std::to_string(*settings_.order)
                                     : reasons_.order) +
                 "; " + praise());
    } else if (!smooth) {
      plan_.composition = composition_for(2);
      decide("method", "leapfrog",
             facts_.find("smooth").detail +
                 ", so a higher order would not show; leapfrog is the cheapest that keeps the "
                 "structure");
    } else {
      take_best(4);
      decide("method", plan_.composition.name, "H is separable and smooth; " + praise());
    }
  }

  bool quadratic_kinetic() const { return facts_.holds("quadratic_kinetic"); }
  /// Whether dH/dp depends on time: a drift then is no exact flow, and only compositions keep their
  /// order.
  bool moving_kinetic() const {
    return facts_.holds("time_dependent") && depends_on(*energy_gradient(system_, 1), 0, 2);
  }

  void take_best(int order) {
    plan_.composition = best_splitting(order, quadratic_kinetic(), moving_kinetic());
  }

  /// What a splitting needs of H, and how its error compares with those it was chosen from.
  std::string praise() const {
    const Splitting& chosen = plan_.composition;
    if (chosen.name == "leapfrog") {
      return "leapfrog is the only symmetric method of one force evaluation a step";
    }
    const bool quadratic = quadratic_kinetic();
    std::string text;
    if (chosen.variant == Splitting::Variant::kNystroem) {
      text =
          "T is quadratic in p, so [V, [V, [V, T]]] = 0 and a Runge-Kutta-Nystroem splitting has "
          "fewer conditions to meet; ";
    } else if (moving_kinetic()) {
      text =
          "T depends on time, so a drift is no exact flow and only compositions keep their order; ";
    } else if (!quadratic) {
      text = "T is not quadratic in p, so any two flows T | V; ";
    }
    text += std::to_string(chosen.stages()) + " stages, error constant " +
            rounded(quadratic ? chosen.error_quadratic : chosen.error) + ", effective error " +
            rounded(chosen.effective_error(quadratic));
    for (const Splitting& s : splittings()) {
      if (s.order != chosen.order || s.variant != Splitting::Variant::kComposition) continue;
      if (s.name == chosen.name) continue;
      text += " (" + s.name + ": " + rounded(s.effective_error(quadratic)) + ")";
      break;
    }
    return text + "; at equal work errors go as its power " + std::to_string(chosen.order);
  }

  static std::string rounded(double x) {
    char text[32];
    std::snprintf(text, sizeof text, "%.2g", x);
    return text;
  }

  void named(const std::string& asked) {
    const Splitting* found = splitting_named(asked);
    ensure(found != nullptr, "make_plan: a method that is in no table");
    if (settings_.order && *settings_.order != found->order) {
      refuse("method \"" + asked + "\" is of order " + std::to_string(found->order) + ", not " +
                 std::to_string(*settings_.order),
             settings_.order_span.empty() ? span_asked() : settings_.order_span,
             "the method fixes the order",
             "leave one of the two out; for order " + std::to_string(*settings_.order) +
                 " the planner takes \"" +
                 best_splitting(*settings_.order, quadratic_kinetic(), moving_kinetic()).name +
                 "\"");
    }
    check_needs(*found);
    plan_.composition = *found;
    std::string reason = "you asked for it; " + found->source;
    if (asked == "yoshida4") {
      reason += "; suzuki4 has a far smaller error for 5/3 of the work";
    } else if (!facts_.holds("smooth") && found->order > 2) {
      reason += "; but " + facts_.find("smooth").detail + ", so its order will not show there";
    }
    decide("method", found->name, reason);
  }

  /// Refuses a splitting that needs more of H than the facts prove.
  void check_needs(const Splitting& s) {
    const std::string remedy = "use method = \"" +
                               best_splitting(s.order, quadratic_kinetic(), moving_kinetic()).name +
                               "\", or method = \"auto\" with order = " + std::to_string(s.order);
    const auto refuse_for = [&](const std::string& why) {
      refuse("the method \"" + s.name + "\" does not fit this energy", span_asked(), why, remedy);
    };
    const bool composition = s.variant == Splitting::Variant::kComposition;
    if (!composition && moving_kinetic()) {
      refuse_for(
          "dH/dp depends on time, so a drift is no exact flow and only compositions of "
          "leapfrogs keep their order");
    }
    if (!composition && s.variant != Splitting::Variant::kTwoWay && !quadratic_kinetic()) {
      refuse_for("it needs T quadratic in p: " + facts_.find("quadratic_kinetic").detail);
    }
  }

  std::string given() const { return reasons_.dt.empty() ? "as given" : reasons_.dt; }

  void step() {
    const std::string steps = std::to_string(plan_.steps) + " steps";
    if (system_.form == Form::kMap) return decide("steps", std::to_string(plan_.steps), "as given");
    if (plan_.linear && plan_.linear->method() == "exact") {
      return decide(
          "dt", shortest(plan_.dt),
          given() + ": samples are at multiples of it, and none is better than another; " + steps);
    }
    if (plan_.method == "dopri5") {
      return decide("dt", shortest(plan_.dt),
                    given() + ": the time between states that are seen; " + steps);
    }
    decide("dt", shortest(plan_.dt),
           given() +
               "; fixed, since a step that changes with the state would lose the bounded energy "
               "error; " +
               steps);
  }

  void precision() {
    const std::string& asked = settings_.precision;
    const std::vector<std::string> known = precision_names();
    if (std::find(known.begin(), known.end(), asked) == known.end()) {
      const std::string near = nearest_name(asked, known);
      refuse("unknown precision \"" + asked + "\"" +
                 (near.empty() ? "" : "; did you mean \"" + near + "\"?"),
             settings_.precision_span,
             "the state is carried in f64, in f32, in f32 with an error term, or on a lattice",
             "write one of " + join(known, ", "));
    }
    plan_.precision = asked;
    plan_.arithmetic.state = asked == "f64" || asked == "lattice" ? DType::kF64 : DType::kF32;
    plan_.arithmetic.pairs = asked == "double-single";
    check_range();
    error_terms();
    if (asked == "f64") {
      decide("precision", "f64", "round-off of 1e-16 a step stays below the method's own error");
    } else if (asked == "f32") {
      decide(
          "precision", "f32",
          "you asked for it: half the memory, twice the lanes; round-off of 6e-8 a step sets the "
          "floor of every error, and monitors are computed in f64 from the f32 state");
    } else if (asked == "lattice") {
      lattice();
    } else {
      explain_error_terms();
    }
  }

  void lattice() {
    const double given[] = {settings_.q_spacing, settings_.p_spacing};
    std::optional<Spacing> found;
    if (initial_ && (given[0] == 0 || given[1] == 0)) {
      found = lattice_spacing(system_, *initial_, plan_.dt);
    }
    if (!found && (given[0] == 0 || given[1] == 0)) {
      if (!initial_) {
        refuse("the spacing of the lattice is not known", settings_.precision_span,
               "it is taken from the initial state, and make_plan was not given one",
               "give make_plan the initial state, or the settings spacings");
      }
      refuse("the spacing of the lattice is not known", settings_.precision_span,
             "it is taken from the size of q and p, or of their first changes, and one of them is "
             "zero throughout",
             "write lattice = {q = 1e-16, p = 1e-16}, in the units of the file");
    }
    const auto power_of_two = [](double x) { return Units{std::ldexp(1.0, std::ilogb(x))}; };
    Arithmetic& a = plan_.arithmetic;
    a.q_units = given[0] != 0 ? power_of_two(given[0]) : found->q;
    a.p_units = given[1] != 0 ? power_of_two(given[1]) : found->p;
    const auto text = [](const Units& units) {
      const auto [least, most] = std::ranges::minmax(units);
      const auto power = [](double unit) { return "2^" + std::to_string(std::ilogb(unit)); };
      return least == most ? power(least) : power(least) + " to " + power(most) + " by mass";
    };
    decide("precision", "lattice, q " + text(a.q_units) + ", p " + text(a.p_units),
           "you asked for it: q and p are whole multiples of these, as i64, and kicks and drifts "
           "are rounded to them, so that a step is undone to the bit; |q| < " +
               shortest(std::ranges::min(a.q_units) * 0x1p62) + ", |p| < " +
               shortest(std::ranges::min(a.p_units) * 0x1p62) +
               " (Levesque and Verlet 1993; Rein and Tamayo 2018)");
  }

  void check_range() const {
    if (plan_.arithmetic.state == DType::kF64) return;
    for (const Parameter& p : system_.parameters) {
      const auto bad = beyond_single(p.value);
      if (!bad) continue;
      refuse("the parameter " + component_name(p.name, p.value.type().shape, *bad) + " is " +
                 shortest(static_cast<double>(p.value.real(*bad))),
             p.span, "f32 ends at 3.4e38", kNoSingle);
    }
  }

  /// Which parts of the state carry error terms.
  void error_terms() {
    const std::vector<std::string>& parts = settings_.compensated;
    if (!has_error_terms(plan_.precision)) {
      if (parts.empty()) return;
      refuse("compensated names parts of a state that carries no error terms",
             settings_.compensated_span,
             "the precision is \"" + plan_.precision +
                 "\"; \"compensated\" and \"double-single\" "
                 "carry error terms",
             "write precision = \"compensated\", or leave compensated out");
    }
    for (const std::string& part : parts) {
      if (part == "q" || part == "p") continue;
      refuse("compensated names \"" + part + "\", which is no part of the state",
             settings_.compensated_span, "the parts are q and p",
             "write compensated = [\"q\", \"p\"], one of them, or leave it out");
    }
    const auto carries = [&](const char* part) {
      return parts.empty() || std::find(parts.begin(), parts.end(), part) != parts.end();
    };
    plan_.arithmetic.q_error = carries("q");
    plan_.arithmetic.p_error = carries("p");
  }

  void explain_error_terms() {
    const Arithmetic& a = plan_.arithmetic;
    const std::string which = a.q_error && a.p_error ? "q and p" : a.q_error ? "q" : "p";
    const std::string rest = a.q_error && a.p_error ? ""
                             : a.q_error            ? "; p is plain f32, as you asked"
                                                    : "; q is plain f32, as you asked";
    const std::string forces =
        a.pairs
            ? "dH/dq and dH/dp are sums of two f32, about 48 bits, from the state with its error "
              "terms"
            : "dH/dq and dH/dp are f32, from the f32 part alone, so their round-off is what is "
              "left";
    if (a.pairs) {
      in_double_single(*energy_gradient(system_, 0), system_, "dH/dq");
      in_double_single(*energy_gradient(system_, 1), system_, "dH/dp");
    }
    decide("precision", plan_.precision,
           "you asked for it: the state is f32, and what rounding takes from " + which +
               " in one step goes into the next; " + forces);
    std::vector<std::string> parts;
    for (Part part : carried_parts(a)) parts.push_back(name_of(part));
    decide("carry", join(parts, ", "),
           "error terms of " + which + " (Kahan 1965), " +
               (a.pairs ? "the kept gradient as a pair" : "the kept gradient as it was computed") +
               rest + "; observers and monitors read value + error in f64");
  }

  /// The runtime decides on the compiled program (explain --show=kernels); this is its rule on
  /// an estimate, barriers left out: a gradient is about three times its energy.
  void kernel() {
    double operations = 0;
    for (const EnergyTerm& term : system_.terms) operations += 3 * operations_in(*term.energy);
    operations *= plan_.composition.stages();
    if (plan_.arithmetic.pairs) operations *= kPairOperations;
    const double unit = std::pow(10.0, std::max(0.0, std::floor(std::log10(operations + 1)) - 1));
    const std::string step =
        "about " + shortest(std::round(operations / unit) * unit) + " operations a step";
    const std::string common =
        "; the whole time loop with its monitors is one launch a chunk of steps";
    if (operations < kTeamOperations) {
      decide("kernel", "solo", step + " are too few to share among threads" + common);
    } else {
      decide(
          "kernel", "team",
          step +
              " are shared by a team of threads with a barrier a stage; the order of every sum is "
              "fixed, so the number of threads does not change a bit" +
              common);
    }
  }

  void monitors() {
    std::vector<std::string> watched, reasons;
    if (system_.terms.empty()) {
      reasons.push_back("no energy is known");
    } else if (facts_.holds("time_dependent")) {
      reasons.push_back("energy is recorded but not held to be conserved, since H depends on t");
    } else if (!energy_is_kept(system_, facts_)) {
      reasons.push_back(
          "energy is recorded but not held to be conserved: a contact flow changes it");
    } else {
      watched.push_back("energy");
      reasons.push_back("energy, since H does not depend on t");
    }
    const auto momentum = [&](const char* fact, const char* name, const char* word) {
      const Fact& f = facts_.find(fact);
      if (!std::get<bool>(f.value)) return;
      watched.push_back(name);
      reasons.push_back(std::string(name) + ", since H is invariant under " + word +
                        (f.how == How::kProved ? " (proved)" : " (tested on samples)"));
    };
    if (system_.form == Form::kCanonical) {
      momentum("translation_invariant", "momentum", "translations");
      momentum("rotation_invariant", "angular_momentum", "rotations");
    }
    decide("monitors", watched.empty() ? "none" : join(watched, ", "), join(reasons, "; "));
    plan_.every = cadence_of(settings_);
    decide("cadence",
           "every " + std::to_string(plan_.every) + (plan_.every == 1 ? " step" : " steps"),
           settings_.every > 0
               ? "as given; errors reported are the largest over these samples"
               : "about a thousand samples of the run; errors reported are the largest "
                 "over these samples");
  }

  /// What the gradient of the state at the end would keep (`cotangent grad`).
  void gradients() {
    const GradientSettings& asked = settings_.gradient;
    try {
      plan_.only_steps("a gradient of a run");
      const GradientPlan g = plan_gradient(system_, plan_, false, asked);
      decide("gradients", std::string(name_of(g.policy)) + ", " + bytes_text(g.bytes), g.reason);
    } catch (const UserError& refusal) {
      decide("gradients", "none", refusal.parts().what + ": " + refusal.parts().remedy);
    }
  }

  const System& system_;
  const Facts& facts_;
  const RunSettings& settings_;
  const InitialState* initial_;
  const StepReasons& reasons_;
  Plan plan_;
};

}  // namespace

std::vector<std::string> precision_names() {
  return {"f64", "f32", "compensated", "double-single", "lattice"};
}

bool has_error_terms(const std::string& precision) {
  return precision == "compensated" || precision == "double-single";
}

void Plan::only_steps(const std::string& what) const {
  if (ensemble) {
    throw UserError(
        {what + " of an ensemble", "", "it is made for one system", "leave [ensemble] out"});
  }
  if (!linear) return;
  throw UserError({what + " with the method \"" + method + "\"", "",
                   "its runs are jumps from the initial state, by a matrix worked out from the "
                   "values of the parameters: there are no steps to differentiate",
                   "choose a method that steps, such as leapfrog or implicit_midpoint"});
}

void Plan::only_kicks_and_drifts(const std::string& what) const {
  only_steps(what);
  if (!integrator) return;
  throw UserError({what + " with the method \"" + method + "\"", "",
                   "it is made for compositions of kicks and drifts, such as leapfrog",
                   "give another method, for energies that split into T(p) + V(q)"});
}

std::int64_t cadence_of(const RunSettings& settings) {
  if (settings.every > 0) return settings.every;
  return std::max<std::int64_t>(1, (settings.steps + 999) / 1000);
}

Plan make_plan(const System& system, const Facts& facts, const RunSettings& settings,
               const InitialState* initial) {
  if (settings.accuracy) return plan_for_accuracy(system, facts, settings, initial);
  return plan_given_step(system, facts, settings, initial);
}

Plan plan_given_step(const System& system, const Facts& facts, const RunSettings& settings,
                     const InitialState* initial, const StepReasons& reasons) {
  return Planner(system, facts, settings, initial, reasons).make();
}

}  // namespace cotangent::mechanics
