#include "cotangent/mechanics/auto_choice.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <numbers>

#include "cotangent/base/text.h"
#include "cotangent/ir/evaluator.h"
#include "cotangent/mechanics/dependence.h"
#include "cotangent/mechanics/exact_part.h"
#include "cotangent/mechanics/fixed_centre.h"
#include "cotangent/mechanics/flow.h"
#include "cotangent/mechanics/linear_run.h"
#include "cotangent/mechanics/method_table.h"
#include "cotangent/mechanics/multirate.h"
#include "cotangent/mechanics/pairs.h"
#include "cotangent/mechanics/short_use.h"
#include "cotangent/mechanics/site_modes.h"
#include "cotangent/mechanics/splitting.h"
#include "cotangent/mechanics/wisdom_holman.h"
#include "cotangent/runtime/executable.h"
#include "cotangent/transform/derivatives.h"

namespace cotangent::mechanics {
namespace {

constexpr double kNormalModes = 30;     // operations of finding n modes, over n^3
constexpr double kQuickModes = 3e8;     // operations that nobody waits for
constexpr double kModesAtMost = 1e10;   // where nobody knows yet how many steps there are
constexpr double kHillRadii = 4;        // planets nearer than so many are no perturbation
constexpr double kPerturbation = 0.05;  // of the energy of Kepler motion, at most
constexpr double kStepsAPeriod = 20;    // that several rates give each term
constexpr double kEvaluated = 1e5;      // operations that are left to the evaluator
constexpr double kSaving = 1.5;         // of work, for which several rates are worth their seams

std::string rounded(double x) {
  char text[32];
  std::snprintf(text, sizeof text, "%.2g", x);
  return text;
}

class Chooser {
 public:
  Chooser(const System& system, const Facts& facts, const RunSettings& settings,
          const InitialState* initial, const std::vector<std::string>& without)
      : system_(system), facts_(facts), settings_(settings), initial_(initial), without_(without) {}

  std::optional<AutoChoice> choose() const {
    if (settings_.method != "auto" || settings_.order || given(settings_.splitting) ||
        settings_.matrix == "method" || settings_.multirate) {
      return std::nullopt;
    }
    std::optional<AutoChoice> choice = linear();
    if (!choice && system_.form == Form::kCanonical) {
      choice = kepler();
      if (!choice) choice = planets();
      if (!choice) choice = exact_part();
      if (!choice) choice = rates();
    }
    if (choice) withhold(*choice);
    return choice;
  }

 private:
  static bool given(const std::string& word) { return !word.empty() && word != "auto"; }
  bool fits(const char* method) const {
    // The shadow energy is that of kicks and drifts.
    return std::ranges::find(without_, method) == without_.end() && !settings_.monitor.shadow &&
           !unread_key(settings_, method);
  }
  /// dt is still to be found, for an accuracy: it may not decide anything.
  bool finds_dt() const { return settings_.duration > 0; }
  bool proved(const char* fact) const {
    const Fact& f = facts_.find(fact);
    return std::get<bool>(f.value) && f.how == How::kProved;
  }

  double energy_operations() const {
    double sum = 0;
    for (const EnergyTerm& term : system_.terms) sum += operations_in(*term.energy);
    return sum;
  }

  void withhold(AutoChoice& choice) const {
    const bool jumps = choice.method == "exact";
    if (settings_.kinds == Kinds::kAll || (settings_.kinds == Kinds::kSteps && !jumps)) return;
    choice.withheld =
        settings_.kinds_for +
        (settings_.kinds == Kinds::kSteps ? " goes step by step" : " takes kicks and drifts") +
        "; a run alone would go by \"" + choice.method + "\": " + choice.reason;
  }

  std::optional<AutoChoice> linear() const {
    const MonitorSettings& m = settings_.monitor;
    const bool of_steps = m.megno || m.symplecticity || m.lyapunov > 0;
    const bool form = system_.form == Form::kCanonical || system_.form == Form::kEquations;
    if (!form || of_steps || !fits("exact") || !proved("linear")) return std::nullopt;
    // Modes of what is no chain take a while; a short run is through before.
    const double n = static_cast<double>(system_.shape.size());
    double step = 3 * energy_operations();
    if (system_.rate) step += operations_in(*system_.rate);
    const double modes = kNormalModes * n * n * n;
    const double steps = 6 * step * static_cast<double>(settings_.steps);
    const double most = finds_dt() ? kModesAtMost : std::max(kQuickModes, steps);
    if (modes > most && !(jumps_of_sites() < most)) return std::nullopt;
    return AutoChoice{
        "exact",
        "the equations of motion are linear, proved, so the flow over any time is one "
        "matrix and no step has an error",
        {},
        {}};
  }

  /// Operations of a run by the modes of equal sites, which are a formula; infinite where there are
  /// none.
  double jumps_of_sites() const {
    if (system_.form != Form::kCanonical) return HUGE_VAL;
    const LinearSystem linear = linear_system(system_);
    if (!site_modes(linear)) return HUGE_VAL;
    const auto flow = LinearFlow::make(linear, "exact", true);
    return static_cast<double>(samples_of(system_, settings_)) *
           flow->cost(settings_.steps, settings_.dt);
  }

  /// Bodies about a fixed centre, each by itself.
  std::optional<AutoChoice> kepler() const {
    if (!initial_ || !fits("kepler") || !falls_as_inverse()) return std::nullopt;
    if (energy_operations() > kEvaluated || facts_.holds("pairwise")) return std::nullopt;
    if (!find_fixed_centre(system_, &initial_->q)) return std::nullopt;
    return AutoChoice{
        "kepler",
        "H is |p|^2/(2 m) - c/|q|, a body about a fixed centre (proved: its parts are homogeneous "
        "and invariant under rotations), whose motion is known for any step",
        {},
        {}};
  }

  /// Whether it is proved that H = sum a_i |p_i|^2 + b_i / |q_i|: samples then tell the numbers,
  /// and no ring or bump between them.
  bool falls_as_inverse() const {
    for (const char* fact : {"separable", "quadratic_kinetic", "rotation_invariant"}) {
      if (!proved(fact)) return false;
    }
    const auto& s = facts_.scaling;
    if (!s || s->q != 1 || s->p != -0.5 || s->energy != -1) return false;
    const bool one = system_.shape.rank() == 1 || system_.shape[0] == 1;
    return one || std::ranges::all_of(system_.terms, [](const EnergyTerm& term) {
             return form_of(*term.energy).form == TermForm::kOneBody;
           });
  }

  /// Bodies about a heavy one, which do not meet now.
  std::optional<AutoChoice> planets() const {
    if (!facts_.dominant_body || !initial_ || !fits("wisdom_holman")) return std::nullopt;
    const DominantBody& body = *facts_.dominant_body;
    if (!(body.perturbation < kPerturbation)) return std::nullopt;
    const auto near = find_near_integrable(system_, body.index, &initial_->q);
    if (!near || meets(*near)) return std::nullopt;
    return AutoChoice{
        "wisdom_holman",
        "body " + std::to_string(body.index) + " is " + rounded(body.mass_ratio) +
            " times as heavy as the others together, so each moves nearly on an ellipse, which is "
            "flowed exactly; what they do to one another is " +
            rounded(body.perturbation) + " of the energy, and the error goes by that",
        {},
        {}};
  }

  /// Whether two light bodies are within a few Hill radii of each other.
  bool meets(const NearIntegrable& near) const {
    std::vector<ir::Tensor> values;
    for (const Parameter& p : system_.parameters) values.push_back(p.value);
    const ir::Tensor m = ir::evaluate(*near.masses, values)[0], &q = initial_->q;
    const std::int64_t n = system_.shape[0], d = system_.shape[1], star = near.star;
    const auto distance = [&](std::int64_t i, std::int64_t j) {
      long double square = 0;
      for (std::int64_t c = 0; c < d; ++c) {
        square += std::pow(q.real(i * d + c) - q.real(j * d + c), 2.0L);
      }
      return std::sqrt(square);
    };
    for (std::int64_t i = 0; i < n; ++i) {
      for (std::int64_t j = 0; j < i; ++j) {
        if (i == star || j == star) continue;
        const long double hill = std::min(distance(i, star), distance(j, star)) *
                                 std::cbrt((m.real(i) + m.real(j)) / (3 * m.real(star)));
        if (distance(i, j) < kHillRadii * hill) return true;
      }
    }
    return false;
  }

  /// A quadratic part that is stiff for dt, or beside which the rest is next to nothing; or one
  /// that holds all that mixes q and p.
  std::optional<AutoChoice> exact_part() const {
    if (!initial_ || !fits("exact_kicks")) return std::nullopt;
    ExactSplit split;
    try {
      split = split_terms(system_);
    } catch (const UserError&) {
      return std::nullopt;
    }
    if (split.rest_terms.empty()) return std::nullopt;
    const std::string quadratic = join(split.quadratic_terms, ", ");
    const std::string rest = join(split.rest_terms, ", ");
    if (!proved("separable")) {
      return AutoChoice{"exact_kicks",
                        "all that mixes q and p is quadratic (" + quadratic +
                            ") and flows exactly; what is left (" + rest +
                            ") reads q alone and kicks",
                        {},
                        {}};
    }
    if (finds_dt() || !facts_.stiffness || !proved("quadratic_kinetic") ||
        !facts_.holds("smooth")) {
      return std::nullopt;
    }
    const Ratio ratio = rest_over_quadratic(split);
    if (ratio.quadratic == 0) return std::nullopt;
    const double angle = settings_.dt * facts_.stiffness->fastest;
    // What a step leaves, of the size of the motion: by the exact part (impulses, order 2 in the
    // rest), and by the composition that would be taken.
    const Splitting& other = best_splitting(4, true, false);
    const double exact = ratio.value * angle * angle / 24;
    const double composed = other.error_quadratic * std::pow(angle, 4);
    const bool stiff = angle > 1 && ratio.value < 0.1;
    if (!stiff && !(exact < composed)) return std::nullopt;
    return AutoChoice{
        "exact_kicks",
        "the quadratic part (" + quadratic + ") flows exactly and the rest (" + rest + "), " +
            rounded(ratio.value) + " of its force, kicks: " +
            (stiff ? "dt is " + rounded(angle / (2 * std::numbers::pi)) +
                         " of the fastest period, which kicks and drifts would have to resolve"
                   : "an error of about " + rounded(exact) + " a step, where " + other.name +
                         " would make " + rounded(composed)),
        {},
        {}};
  }

  struct Ratio {
    double value = 0;      ///< of the rest's force to the quadratic part's
    double quadratic = 0;  ///< the quadratic part's force
  };
  /// At the initial state and where free motion takes it in a part of the fastest period.
  Ratio rest_over_quadratic(const ExactSplit& split) const {
    const ir::Tensor p = initial_->p ? *initial_->p : momentum_from_velocity(system_, *initial_);
    const ir::FunctionPtr forces[] = {transform::grad(*split.quadratic, {0}),
                                      transform::grad(*split.rest, {0})};
    const ir::FunctionPtr velocity = transform::grad(*split.quadratic, {1});
    std::vector<ir::Tensor> args = {initial_->q, p, ir::Tensor::scalar_of(initial_->t)};
    for (const Parameter& x : system_.parameters) args.push_back(x.value);
    const ir::Tensor v = ir::evaluate(*velocity, args)[0];
    const auto largest = [](const ir::Tensor& x) {
      double most = 0;
      for (const double e : x.as<double>()) most = std::max(most, std::abs(e));
      return most;
    };
    double sizes[2] = {0, 0};
    for (std::size_t j = 0; j < 2; ++j) {
      const bool large = operations_in(*forces[j]) > kEvaluated;
      const runtime::ExecutablePtr code = large ? code_for(forces[j], 4) : nullptr;
      for (const double phase : {0.0, 0.5, 1.0, -1.0}) {
        for (std::int64_t k = 0; k < v.size(); ++k) {
          args[0].set_real(k, initial_->q.real(k) + phase / facts_.stiffness->fastest * v.real(k));
        }
        const double size = largest(code ? code->call(args)[0] : ir::evaluate(*forces[j], args)[0]);
        sizes[j] = std::isnan(size) ? HUGE_VAL : std::max(sizes[j], size);
      }
      if (sizes[0] == 0) return {};  // a kinetic energy alone: that is a drift
    }
    return {sizes[1] / sizes[0], sizes[0]};
  }

  /// Terms much stiffer than others, which dt is too long for and which are cheap.
  std::optional<AutoChoice> rates() const {
    if (finds_dt() || !facts_.stiffness || !proved("separable") || !fits("multirate")) {
      return std::nullopt;
    }
    std::vector<TermRate> rates;
    for (const auto& [name, w] : facts_.stiffness->terms) {
      const auto term = std::ranges::find(system_.terms, name, &EnergyTerm::name);
      if (term == system_.terms.end() || !depends_on(*term->energy, 0, 0)) continue;
      rates.push_back({name, w, 3 * operations_in(*term->energy)});
    }
    if (rates.size() < 2) return std::nullopt;
    MultirateChoice choice;
    try {
      choice = choose_levels(rates, kStepsAPeriod);
    } catch (const UserError&) {
      return std::nullopt;
    }
    // They are for the run's own dt: where that resolves the slow terms and not the fast ones.
    std::vector<std::int64_t>& inner = choice.levels.inner;
    if (inner.empty() || choice.saving < kSaving || settings_.dt > 1.0001 * choice.dt) {
      return std::nullopt;
    }
    double fast = choice.dt;
    for (const std::int64_t count : inner) fast /= static_cast<double>(count);
    double first = settings_.dt / fast;
    for (std::size_t k = 1; k < inner.size(); ++k) first /= static_cast<double>(inner[k]);
    inner[0] = static_cast<std::int64_t>(std::ceil(first - 1e-9));
    if (inner[0] < 2) return std::nullopt;
    MultirateSettings levels;
    levels.levels = choice.levels.terms;
    levels.inner = inner;
    return AutoChoice{"multirate",
                      choice.reason + "; at this dt, " + rounded(choice.saving) +
                          " times less work than one rate for all",
                      levels,
                      {}};
  }

  const System& system_;
  const Facts& facts_;
  const RunSettings& settings_;
  const InitialState* initial_;
  const std::vector<std::string>& without_;
};

}  // namespace

std::optional<AutoChoice> choose_by_facts(const System& system, const Facts& facts,
                                          const RunSettings& settings, const InitialState* initial,
                                          const std::vector<std::string>& without) {
  return Chooser(system, facts, settings, initial, without).choose();
}

}  // namespace cotangent::mechanics
