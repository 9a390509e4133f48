// What a plan watches beside energy and momenta, and the warnings before a run.
#include "cotangent/mechanics/watch.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <random>

#include "cotangent/base/error.h"
#include "cotangent/base/text.h"
#include "cotangent/ir/builder.h"
#include "cotangent/ir/evaluator.h"
#include "cotangent/mechanics/bracket.h"
#include "cotangent/mechanics/carry.h"
#include "cotangent/mechanics/dependence.h"
#include "cotangent/mechanics/exponents.h"
#include "cotangent/mechanics/facts_context.h"
#include "cotangent/mechanics/flow.h"
#include "cotangent/mechanics/integrator_programs.h"
#include "cotangent/mechanics/kick_drift.h"
#include "cotangent/mechanics/machine.h"
#include "cotangent/mechanics/noether.h"
#include "cotangent/mechanics/programs.h"
#include "cotangent/mechanics/retype.h"
#include "cotangent/mechanics/shadow.h"
#include "cotangent/mechanics/vanishing.h"
#include "cotangent/transform/passes.h"

namespace cotangent::mechanics {
namespace {

using ir::Builder;
using ir::FunctionPtr;
using ir::Tensor;
using ir::Value;
using Places = std::vector<std::pair<Tensor, Tensor>>;

constexpr int kSamples = 4;
constexpr std::size_t kMaxCyclic = 8;     // more are free particles: momentum says it
constexpr double kProbeOperations = 2e6;  // of a probe that nobody asked for
constexpr double kProbeStepOperations = 2e4;
constexpr std::int64_t kProbeSteps = 1024;
constexpr double kTellSeconds = 0.05;  // from one progress to the next

[[noreturn]] void refuse(const System& system, SourceSpan where, std::string what, std::string why,
                         std::string remedy) {
  throw UserError({std::move(what), place_text(system, where), std::move(why), std::move(remedy)});
}

bool composed(const Plan& plan) {
  return !plan.integrator && !plan.linear;
}

/// States near the initial one at which the energy is finite; always the same ones.
Places samples_near(const System& system, const InitialState& initial) {
  const Tensor q = initial.q, p = momentum_from_velocity(system, initial);
  const FunctionPtr energy = total_energy(system);
  std::mt19937_64 random(1);
  const auto moved = [&](const Tensor& x) {
    const double size = largest(x) > 0 ? largest(x) : 1;
    Tensor y(x.type());
    for (std::int64_t k = 0; k < x.size(); ++k) {
      const double u = static_cast<double>(random() >> 11) * 0x1p-52 - 1;
      y.set_real(k, static_cast<double>(x.real(k)) + 0.2 * size * u);
    }
    return y;
  };
  Places samples;
  for (int tries = 0; tries < 4 * kSamples && samples.size() < kSamples; ++tries) {
    const std::pair<Tensor, Tensor> s{moved(q), moved(p)};
    const Tensor e =
        ir::evaluate(*energy, energy_arguments(system, s.first, s.second, initial.t))[0];
    if (std::isfinite(static_cast<double>(e.real(0)))) samples.push_back(s);
  }
  return samples;
}

std::string entry_name(const Shape& shape, std::int64_t k) {
  if (shape.rank() < 2) return "p[" + std::to_string(k) + "]";
  return "p[" + std::to_string(k / shape[1]) + "," + std::to_string(k % shape[1]) + "]";
}

/// (q, p, t, parameters...) -> p[k].
FunctionPtr momentum_entry(const System& system, std::int64_t k) {
  Builder b("momentum");
  const ir::Type state{DType::kF64, system.shape};
  b.param(state, "q");
  const Value p = b.param(state, "p");
  b.param(ir::scalar(DType::kF64), "t");
  parameter_values(b, system);
  const Value flat = b.reshape(p, Shape{system.shape.size()});
  return b.finish({b.row(flat, k)});
}

/// The momenta of coordinates that H does not read, unless momentum itself says it all.
std::vector<WatchedInvariant> cyclic_momenta(const System& system, const Facts& facts) {
  std::vector<WatchedInvariant> found;
  if (facts.cyclic.size() > kMaxCyclic || facts.holds("translation_invariant")) return found;
  for (std::int64_t k = 0; k < system.shape.size(); ++k) {
    const std::string name = entry_name(system.shape, k);
    if (std::ranges::find(facts.cyclic, "q" + name.substr(1)) == facts.cyclic.end()) continue;
    found.push_back({name, momentum_entry(system, k), How::kProved});
  }
  return found;
}

/// Result k of f alone.
FunctionPtr result_of(const ir::Function& f, std::size_t k) {
  Builder b(f.name());
  std::vector<Value> x;
  for (std::size_t i = 0; i < f.params().size(); ++i) {
    x.push_back(b.param(f.param_type(i), f.param_names()[i]));
  }
  return transform::simplify(*b.finish({b.inline_call(f, x)[k]}));
}

/// What a claim is worth; a momentum that is kept is watched.
Fact claim_of(const System& system, const InitialState& initial, const Symmetry& symmetry,
              const Places& samples, std::vector<WatchedInvariant>& invariants) {
  const FunctionPtr dq = result_of(*symmetry.generator, 0), dp = result_of(*symmetry.generator, 1);
  FunctionPtr value;
  try {
    const SymmetryField field{symmetry.name, dq, symmetry.lifted ? nullptr : dp};
    value = momentum_map(system, field, samples, initial.t);
  } catch (const UserError& e) {
    refuse(system, symmetry.span, e.parts().what, e.parts().why, e.parts().remedy);
  }
  Fact fact = find_kept(system, initial, {symmetry.name, dq, dp, symmetry.span}, value);
  fact.place = symmetry.span;
  if (std::get<bool>(fact.value)) invariants.push_back({symmetry.name, value, fact.how});
  return fact;
}

/// What a run calls its own results.
bool is_name_of_a_result(const std::string& name) {
  constexpr const char* kOwn[] = {"energy",   "momentum", "angular_momentum", "shadow_energy",
                                  "lyapunov", "megno",    "symplecticity"};
  return std::ranges::find(kOwn, name) != std::end(kOwn);
}

/// The same, or a column that every trajectory has.
bool is_name_of_a_column(const System& system, const std::string& name) {
  if (is_name_of_a_result(name) || name == "step" || name == "t") return true;
  if (system.form == Form::kCanonical) return name == "q" || name == "p" || name == "v";
  return std::ranges::find(system.arrays, name, &StateArray::name) != system.arrays.end();
}

/// The names of outputs are one name space.
void refuse_taken_names(const System& system) {
  for (const Observable& o : system.observables) {
    if (!is_name_of_a_column(system, o.name)) continue;
    refuse(system, o.span, "the observable '" + o.name + "' has the name of a result of every run",
           "names that a run does not use itself, for energy, momenta, monitors and the state",
           "call it something else");
  }
  for (const EnergyTerm& term : system.terms) {
    if (!is_name_of_a_result(term.name)) continue;
    refuse(system, term.span,
           "the energy term '" + term.name + "' has the name of a result of every run",
           "names that a run does not use itself: energy is the sum of the terms",
           "call it something else");
  }
  for (const Symmetry& s : system.symmetries) {
    bool taken = is_name_of_a_column(system, s.name);
    for (const Observable& o : system.observables) taken |= o.name == s.name;
    if (taken) {
      refuse(system, s.span, "the symmetry '" + s.name + "' has the name of something observed",
             "its momentum is an invariant of that name", "call it something else");
    }
  }
}

/// What is too large a matrix is so before the run.
void refuse_too_large(const System& system, const MonitorSettings& m) {
  const std::int64_t entries = system.shape.size() * (system.form == Form::kCanonical ? 2 : 1);
  if (std::min(m.lyapunov, entries) > kMostExponents) {
    refuse(system, m.lyapunov_span,
           "lyapunov asks for " + std::to_string(std::min(m.lyapunov, entries)) + " exponents", "",
           "ask for the largest " + std::to_string(kMostExponents) + " or fewer");
  }
  if (m.symplecticity && entries > kMostDerivativeEntries) {
    refuse(system, m.symplecticity_span,
           "symplecticity of a state of " + std::to_string(entries) + " entries",
           "the derivative of a step is a matrix of so many rows; up to " +
               std::to_string(kMostDerivativeEntries) + " are taken",
           "look at a smaller system of the same kind");
  }
}

void refuse_what_has_no_meaning(const System& system, const Facts& facts, const Plan& plan,
                                const MonitorSettings& m) {
  const bool canonical = system.form == Form::kCanonical;
  if (!canonical && !system.symmetries.empty()) {
    refuse(system, system.symmetries[0].span, "[symmetries] of a system without q and p",
           "momenta of symmetries are worked out for canonical q and p",
           "remove it, and watch the quantity that is kept as an observable");
  }
  if (m.stop && !energy_is_kept(system, facts)) {
    refuse(system, m.stop_span, "stop = true, and no energy is kept here",
           system.terms.empty()            ? "the system has no energy"
           : facts.holds("time_dependent") ? "H depends on t"
                                           : "a contact structure does not keep its energy",
           "remove it; a state that stops being finite ends a run without being asked for");
  }
  if (m.shadow && (!canonical || !composed(plan) || facts.holds("time_dependent"))) {
    const std::string why = !canonical        ? "the system has no q and p"
                            : !composed(plan) ? "the method is no composition of kicks and drifts"
                                              : "H depends on t";
    refuse(system, m.shadow_span, "the scheme's own energy is not known here: " + why,
           "it is a series in nested brackets of T(p) and V(q)",
           "remove shadow, and watch the energy itself, which is among the monitors of every run");
  }
  if (measures_tangent(m) && plan.linear) {
    const SourceSpan where = m.lyapunov > 0 ? m.lyapunov_span
                             : m.megno      ? m.megno_span
                                            : m.symplecticity_span;
    refuse(system, where, "no tangent map is carried beside many steps at once",
           "the motion is linear: its tangent map is the matrix of the motion itself",
           "name a method, for example method = \"leapfrog\"");
  }
  refuse_too_large(system, m);
  const bool poisson =
      system.form == Form::kBracket && system.structure.kind == Structure::Kind::kPoisson;
  if (m.symplecticity && !canonical && !poisson) {
    refuse(system, m.symplecticity_span, "symplecticity of a system without a Poisson structure",
           "there is nothing that a step could keep", "remove it");
  }
}

/// The integrator of a plan, its programs as they are differentiated: no pass has changed them.
Integrator integrator_of_plan(const System& system, const Plan& plan) {
  if (plan.integrator) return *plan.integrator;
  return kick_drift_integrator(make_pieces(system, Arithmetic{}, false), plan.composition);
}

/// (state..., step, t0, dt, parameters...) -> (state...), likewise.
FunctionPtr step_of_plan(const System& system, const Plan& plan) {
  const Integrator m = integrator_of_plan(system, plan);
  return step_program(PassedIntegrator{m, nullptr}, system);
}

/// Across a jump or a kink of the energy the force jumps, and derivatives do not see what that does
/// to neighbours: of a force that is piecewise linear they see nothing at all. A map is its own
/// step, with a derivative nearly everywhere.
std::optional<std::string> kink_beside_tangent(const System& system, const MonitorSettings& m) {
  if ((m.lyapunov == 0 && !m.megno) || system.form == Form::kMap) return {};
  const auto told = [&](const FunctionPtr& f, const std::string& who,
                        const std::vector<std::size_t>& state) -> std::optional<std::string> {
    for (const Site& s : sites_of(*with_exponents(system, f), state)) {
      if (s.kind != Site::Kind::kJump && s.kind != Site::Kind::kKink) continue;
      const std::string place = place_text(system, s.place);
      return std::string(m.lyapunov > 0 ? "Lyapunov exponents" : "MEGNO") + ": " + who +
             " has a jump or a kink (" + written(s.op) +
             "); tangent vectors miss what it does to neighbours, so what is measured may be far "
             "too small, down to zero" +
             (place.empty() ? "" : "\n" + place);
    }
    return {};
  };
  std::vector<std::size_t> state = {0};
  if (system.form == Form::kCanonical) state.push_back(1);
  if (system.rate) return told(system.rate, "the right-hand side", state);
  for (const EnergyTerm& term : system.terms) {
    if (auto found = told(term.energy, "the term \"" + term.name + "\"", state)) return found;
  }
  return {};
}

bool worth_a_probe(const System& system, const Plan& plan) {
  if (system.form != Form::kCanonical || !composed(plan) || plan.steps < 1) return false;
  double operations = 0;
  for (const EnergyTerm& term : system.terms) operations += operations_in(*term.energy);
  return operations * plan.composition.stages() < kProbeStepOperations;
}

std::optional<ShadowWarning> probe(const System& system, const Plan& plan,
                                   const InitialState& initial) {
  ShadowOptions options;
  if (!plan.watch.settings.shadow) {
    options.order = 4;
    options.steps = kProbeSteps;
    options.operations = kProbeOperations;
    options.compile.optimize = 0;  // making the code costs more than running it
  }
  return check_shadow(system, coefficients_of(plan.composition), plan.composition.order, initial.q,
                      momentum_from_velocity(system, initial), plan.dt, plan.steps, options);
}

}  // namespace

bool energy_is_kept(const System& system, const Facts& facts) {
  const bool contact =
      system.form == Form::kBracket && system.structure.kind == Structure::Kind::kContact;
  return !system.terms.empty() && !contact && !facts.holds("time_dependent");
}

bool measures_tangent(const MonitorSettings& settings) {
  return settings.lyapunov > 0 || settings.megno || settings.symplecticity;
}

void plan_watch(const System& system, const Facts& facts, const MonitorSettings& settings,
                const InitialState* initial, Plan& plan) {
  refuse_what_has_no_meaning(system, facts, plan, settings);
  refuse_taken_names(system);
  Watch& w = plan.watch;
  w.settings = settings;
  std::vector<std::string> watched, reasons;
  const auto add = [&](const std::string& what, const std::string& why) {
    watched.push_back(what), reasons.push_back(why);
  };
  if (settings.shadow) {
    w.invariants.push_back(
        {"shadow_energy",
         shadow_energy(make_shadow(system, coefficients_of(plan.composition)), plan.dt)});
    add("shadow_energy", "what the scheme keeps instead of H, by brackets up to dt^4");
  }
  const bool canonical = system.form == Form::kCanonical;
  if (canonical) {
    for (WatchedInvariant& c : cyclic_momenta(system, facts)) {
      add(c.name, "since H does not read its coordinate");
      w.invariants.push_back(std::move(c));
    }
  }
  if (canonical && initial && !system.symmetries.empty()) {
    const Places samples = samples_near(system, *initial);
    for (const Symmetry& s : system.symmetries) {
      w.claims.push_back(claim_of(system, *initial, s, samples, w.invariants));
      const Fact& claim = w.claims.back();
      if (!std::get<bool>(claim.value)) continue;
      add(s.name, std::string("the momentum of a symmetry that is ") +
                      (claim.how == How::kProved ? "proved" : "tested on samples"));
    }
  }
  for (std::size_t k = 0; k < facts.casimirs.size(); ++k) {
    const KeptByStructure& c = facts.casimirs[k];
    const std::string name =
        facts.casimirs.size() == 1 ? "casimir" : "casimir_" + std::to_string(k + 1);
    for (const Observable& o : system.observables) {
      if (o.name != name) continue;
      refuse(system, o.span, "the observable '" + name + "' has the name of a result of this run",
             "a Casimir of the structure, " + c.text + ", is an invariant of that name",
             "call it something else");
    }
    w.invariants.push_back({name, c.value, c.how});
    add(name, c.text + ", which every energy keeps since J grad C = 0");
  }
  if (settings.lyapunov > 0) {
    add(std::to_string(settings.lyapunov) + " Lyapunov exponents", "as asked, after the run");
  }
  if (settings.megno) add("MEGNO", "as asked, after the run");
  if (settings.symplecticity) add("symplecticity", "as asked, at the first and the last state");
  if (settings.stop) add("early stop", "the run ends where its energy goes wrong");
  if (watched.empty()) return;
  for (std::size_t k = 0; k < watched.size(); ++k) reasons[k] = watched[k] + ", " + reasons[k];
  const auto found = std::ranges::find(plan.decisions, "monitors", &Decision::decision);
  if (found == plan.decisions.end()) {
    plan.decisions.push_back({"monitors", join(watched, ", "), join(reasons, "; ")});
    return;
  }
  found->choice = (found->choice == "none" ? "" : found->choice + ", ") + join(watched, ", ");
  found->reason += (found->reason.empty() ? "" : "; ") + join(reasons, "; ");
}

std::vector<std::string> warnings_before(const System& system, const Plan& plan,
                                         const InitialState& initial) {
  std::vector<std::string> warnings;
  for (const Fact& claim : plan.watch.claims) {
    if (std::get<bool>(claim.value)) continue;
    const std::string place = place_text(system, claim.place);
    warnings.push_back(claim.detail + (place.empty() ? "" : "\n" + place));
  }
  const MonitorSettings& m = plan.watch.settings;
  if (auto kink = kink_beside_tangent(system, m)) warnings.push_back(std::move(*kink));
  const bool asked = m.shadow, refused = !asked && !m.shadow_span.empty();
  if (!asked && (refused || plan.ensemble || !worth_a_probe(system, plan))) {
    return warnings;
  }
  try {
    if (const auto w = probe(system, plan, initial)) warnings.push_back(w->text);
  } catch (const UserError&) {
    if (asked) throw;  // nobody asked, and there is none: H depends on t, say
  }
  return warnings;
}

void watch_tangent(const System& system, const Plan& plan, double dt, const InitialState& initial,
                   const FlowOptions& options, const RunControl& control, RunResult& result) {
  const MonitorSettings& m = plan.watch.settings;
  if (result.status != RunStatus::kFinished || result.steps < 1) return;
  const bool canonical = system.form == Form::kCanonical;
  std::vector<Tensor> start = {initial.x}, end = {result.x}, parameters;
  if (canonical) {
    start = {initial.q, momentum_from_velocity(system, initial)};
    end = {result.q, result.p};
  }
  for (const Parameter& x : system.parameters) parameters.push_back(x.value);
  LyapunovOptions how;
  how.canonical = canonical;
  how.reference = options.reference;
  how.compile = compile_options(options);
  how.compile.keep_code = false;
  const auto begin = std::chrono::steady_clock::now();
  double told = 0;
  how.goes_on = [&](std::int64_t done) {
    if (control.interrupted && control.interrupted()) {
      result.status = RunStatus::kInterrupted;
      return false;
    }
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
    if (!control.progress || (done > 0 && seconds.count() - told < kTellSeconds)) return true;
    told = seconds.count();
    Progress progress;
    progress.step = done;
    progress.steps = result.steps;
    progress.t = std::fma(static_cast<double>(done), dt, initial.t);
    progress.seconds = told;
    for (const Invariant& i : result.invariants) {
      if (i.name == "energy") progress.energy_error = i.max_rel_error;
    }
    control.progress(progress);
    return true;
  };
  // The run is done and stays: what goes wrong from here on is said beside it.
  const auto measure = [&](bool asked, const std::string& what, const auto& body) {
    if (!asked || result.status != RunStatus::kFinished) return;
    const telemetry::Span span(options.telemetry, what);
    try {
      body();
    } catch (const UserError& e) {
      result.warnings.push_back("no " + what + ": " + e.what());
    }
  };
  measure(m.lyapunov > 0, "Lyapunov exponents", [&] {
    how.exponents = m.lyapunov;
    result.lyapunov = lyapunov_spectrum(integrator_of_plan(system, plan), start, parameters,
                                        initial.t, dt, result.steps, how);
  });
  measure(m.megno, "MEGNO", [&] {
    result.megno = megno(integrator_of_plan(system, plan), start, parameters, initial.t, dt,
                         result.steps, how);
  });
  measure(m.symplecticity, "symplecticity", [&] {
    const FunctionPtr step = step_of_plan(system, plan);
    const FunctionPtr defect = canonical ? symplecticity_program(*step)
                                         : poisson_program(*step, *system.structure.poisson);
    result.symplecticity = check_symplectic(defect, {start, end}, parameters, initial.t, dt);
  });
}

}  // namespace cotangent::mechanics
