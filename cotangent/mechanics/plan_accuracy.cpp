#include "cotangent/mechanics/plan_accuracy.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>
#include <numbers>

#include "cotangent/base/text.h"
#include "cotangent/mechanics/carry.h"
#include "cotangent/mechanics/dependence.h"
#include "cotangent/mechanics/flow.h"
#include "cotangent/mechanics/retype.h"

namespace cotangent::mechanics {
namespace {

constexpr int kOrders[] = {2, 4, 6, 8, 10};
constexpr double kPeriods = 200;             // of the fastest motion that a probe lasts
constexpr double kOperations = 1e8;          // of one run of a probe, about
constexpr double kLeastSteps = 64;           // of it, whatever they cost
constexpr int kTries = 16;                   // of dt, for one method
constexpr double kAim = 0.5;                 // of the accuracy: what the next dt is chosen for
constexpr double kLeast = 0.2, kMost = 0.8;  // what is good enough, and what is too much
constexpr double kStepsOfAPeriod = 3;        // of the fastest motion, at least
constexpr double kLeastTolerance = 1e-15;
constexpr double kMostSteps = 1e10;  // of a run that nobody said the steps of
constexpr double kLeastRun = 20;     // steps, so that there is something to see
constexpr double kLooks = 1000;      // at a run whose method finds its own steps
constexpr int kStops = 32;           // of a run that looks how far coordinates go
constexpr double kAboveNoise = 1e3;  // the way of a coordinate that moves, over round-off

struct Tried {
  double dt = 0, error = 0;
};

/// What a run of a probe sees of each coordinate: the largest less the least, and the largest
/// magnitude.
struct Reach {
  std::vector<double> way, size;
};

/// A method that could be taken.
struct Candidate {
  RunSettings settings;  ///< with its order, without the accuracy
  std::string name;
  int order = 0;
  double work = 0;  ///< element operations of a step, about
  std::shared_ptr<const Flow> flow;
  std::optional<Tried> found;  ///< the longest dt that is good enough
  double best_error = std::numeric_limits<double>::infinity();
  double total_work(double duration) const {
    return found ? work * duration / found->dt : std::numeric_limits<double>::infinity();
  }
};

std::string rounded(double x) {
  char text[32];
  std::snprintf(text, sizeof text, "%.2g", x);
  return text;
}

double work_of_step(const System& system, const Plan& plan) {
  if (plan.integrator) return operations_in(*plan.integrator->step);
  double operations = 0;
  for (const EnergyTerm& term : system.terms) operations += 3 * operations_in(*term.energy);
  return operations * plan.composition.stages();
}

bool takes_any_dt(const Flow& flow) {
  return !flow.plan().integrator || flow.plan().integrator->any_dt;
}

class Search {
 public:
  Search(const System& system, const Facts& facts, const RunSettings& settings,
         const InitialState& initial)
      : system_(system),
        facts_(facts),
        settings_(settings),
        initial_(initial),
        wanted_(*settings.accuracy) {
    settings_.accuracy.reset();
    quiet_ = system;
    quiet_.observables.clear();
    if (facts.stiffness && facts.stiffness->fastest > 0) {
      period_ = 2 * std::numbers::pi / facts.stiffness->fastest;
    }
    by_energy_ =
        !system.terms.empty() && !facts.holds("time_dependent") &&
        !(system.form == Form::kBracket && system.structure.kind != Structure::Kind::kPoisson);
  }

  Plan make() {
    const Plan plain = trial(settings_.order, first_dt());
    if (plain.linear || plain.method == "kepler") {
      return looked_at(kLooks, "the method has no error but round-off");
    }
    if (plain.method == "dopri5") return adaptive();
    search(plain);
    return chosen();
  }

 private:
  double duration() const { return settings_.duration; }
  double first_dt() const {
    return std::min(period_ > 0 ? period_ / 40 : duration() / 1000, duration());
  }

  RunSettings with_step(std::optional<int> order, double dt) const {
    RunSettings s = settings_;
    s.order = order;
    s.steps = std::max<std::int64_t>(
        1, static_cast<std::int64_t>(std::ceil(duration() / dt * (1 - 1e-12))));
    s.dt = duration() / static_cast<double>(s.steps);
    s.dt_span = settings_.accuracy_span;
    return s;
  }
  Plan trial(std::optional<int> order, double dt) const {
    RunSettings s = with_step(order, dt);
    s.every = 1;
    s.monitor = {};
    return plan_given_step(quiet_, facts_, s, &initial_);
  }

  /// A run whose states are what somebody looks at: dt only says how often.
  Plan looked_at(double looks, const std::string& why) const {
    return plan_given_step(system_, facts_, with_step(settings_.order, duration() / looks),
                           &initial_, {"", "how often you look; " + why});
  }
  Plan adaptive() {
    const double size = system_.form == Form::kCanonical ? std::max(largest(initial_.q), 1e-300)
                                                         : std::max(largest(initial_.x), 1e-300);
    settings_.rtol = wanted_;
    settings_.atol = wanted_ * size;
    if (wanted_ < kLeastTolerance) {
      throw UserError({"accuracy = " + shortest(wanted_) + " is not reached",
                       place_text(system_, settings_.accuracy_span),
                       "errors of a step above round-off, " + rounded(kLeastTolerance),
                       "give a larger accuracy"});
    }
    Plan plan = looked_at(looks(), "the method finds its own steps");
    plan.decisions.push_back(
        {"accuracy", shortest(wanted_) + " a step",
         "as rtol, and atol relative to the initial state: the error of each step stays below it; "
         "the error at the end is what the equations make of those"});
    return plan;
  }

  /// A thousand, or more where a thousandth of the run is too long for the steps that fit in one.
  double looks() const {
    for (double looks = kLooks; looks < kMostSteps; looks *= 10) {
      const Plan plan = trial(settings_.order, duration() / looks);
      const RunResult first = Flow::compile(quiet_, facts_, plan)->run(initial_, 1);
      if (first.status == RunStatus::kFinished) return looks;
    }
    return kLooks;  // the run says what is wrong
  }

  // --- errors ---

  /// How long a probe lasts at a step of dt.
  double probe_time(const Candidate& c, double dt) const {
    double time = by_energy_ && period_ > 0 ? std::min(duration(), kPeriods * period_) : duration();
    return std::min(time, std::max(kOperations / std::max(c.work, 1.0), kLeastSteps) * dt);
  }
  std::shared_ptr<const Flow> flow_at(Candidate& c, double dt) const {
    if (!c.flow || !takes_any_dt(*c.flow))
      c.flow = Flow::compile(quiet_, facts_, trial(c.settings.order, dt));
    return c.flow;
  }
  RunResult run(Candidate& c, double dt, std::int64_t steps) const {
    const std::shared_ptr<const Flow> flow = flow_at(c, dt);
    RunControl control;
    if (takes_any_dt(*flow)) control.dt = dt;
    return flow->run(initial_, steps, control);
  }

  /// What round-off adds up to over the run: it walks at random.
  double round_off(const Candidate& c, double dt) const {
    const Arithmetic& a = c.flow->plan().arithmetic;
    const double epsilon = a.state == DType::kF64 ? 0x1p-53 : a.errors() ? 0x1p-48 : 0x1p-24;
    return epsilon * std::sqrt(duration() / dt);
  }

  double error_at(Candidate& c, double dt) const {
    const double floor = round_off(c, dt);
    return floor > wanted_ ? floor : std::max(floor, method_error(c, dt));
  }

  double method_error(Candidate& c, double dt) const {
    constexpr double kLost = std::numeric_limits<double>::infinity();
    const double time = probe_time(c, dt);
    const std::int64_t steps = std::max<std::int64_t>(1, std::llround(time / dt));
    const RunResult coarse = run(c, dt, steps);
    if (coarse.fault && !coarse.fault->dt_may_help) hopeless_ = coarse.fault;
    if (coarse.status != RunStatus::kFinished) return kLost;
    if (by_energy_) {
      for (const Invariant& i : coarse.invariants) {
        if (i.name == "energy") return std::isfinite(i.max_rel_error) ? i.max_rel_error : kLost;
      }
    }
    const RunResult fine = run(c, dt / 2, 2 * steps);
    if (fine.status != RunStatus::kFinished) return kLost;
    const double noise = round_off(c, dt);
    const Reach& reach = reach_of(c, dt, steps);
    const ir::Tensor &x = coordinates(coarse), &y = coordinates(fine);
    const double most = *std::ranges::max_element(reach.size);
    double error = 0;
    for (std::int64_t k = 0; k < x.size(); ++k) {
      const double way = reach.way[static_cast<std::size_t>(k)];
      // What goes no further than the round-off of others has no scale of its own.
      const double scale = way > kAboveNoise * noise * most ? way : most > 0 ? most : 1;
      const double own_noise = 4 * noise * reach.size[static_cast<std::size_t>(k)];
      const double difference = std::abs(static_cast<double>(x.real(k) - y.real(k)));
      error = std::max(error, std::max(0.0, difference - own_noise) / scale);
    }
    // Half the step has 2^-order of the error; errors of phase grow with the time.
    const double part = 1 - std::ldexp(1.0, -std::max(1, c.order));
    return error / part * std::max(1.0, duration() / (static_cast<double>(steps) * dt));
  }

  const ir::Tensor& coordinates(const RunResult& r) const {
    return system_.form == Form::kCanonical ? r.q : r.x;
  }

  /// Looked at where the first probe that stays finite stops on its way; at uneven times, so that
  /// no period hides what moves.
  const Reach& reach_of(Candidate& c, double dt, std::int64_t steps) const {
    if (!reach_.way.empty()) return reach_;
    const bool canonical = system_.form == Form::kCanonical;
    InitialState at = initial_;
    std::vector<double> low, high;
    const auto look = [&](const ir::Tensor& x) {
      if (low.empty()) low.assign(x.as<double>().begin(), x.as<double>().end()), high = low;
      for (std::size_t k = 0; k < low.size(); ++k) {
        low[k] = std::min(low[k], x.as<double>()[k]);
        high[k] = std::max(high[k], x.as<double>()[k]);
      }
    };
    look(canonical ? at.q : at.x);
    const std::shared_ptr<const Flow> flow = flow_at(c, dt);
    RunControl control;
    if (takes_any_dt(*flow)) control.dt = dt;
    std::int64_t done = 0;
    for (int k = 1; k <= kStops && done < steps; ++k) {
      const double uneven = k == kStops ? 0 : std::fmod(k * std::numbers::phi, 1.0) - 0.5;
      const std::int64_t stop = std::clamp<std::int64_t>(
          std::llround((k + uneven) / kStops * static_cast<double>(steps)), done, steps);
      if (stop == done) continue;
      const RunResult r = flow->run(at, stop - done, control);
      if (r.status != RunStatus::kFinished) break;
      done = stop;
      look(coordinates(r));
      at.t = r.t;
      at.v.reset();
      at.q = r.q;
      at.p = r.p;
      at.x = r.x;
    }
    for (std::size_t k = 0; k < low.size(); ++k) {
      reach_.way.push_back(high[k] - low[k]);
      reach_.size.push_back(std::max(std::abs(low[k]), std::abs(high[k])));
    }
    return reach_;
  }

  /// The longest good dt: the secant of log error over log dt has the slope of the order.
  void find_step(Candidate& c) const {
    const double most =
        std::min(duration() / kLeastRun, period_ > 0 ? period_ / kStepsOfAPeriod : duration());
    double dt = std::min(first_dt() * std::max(1.0, 0.5 * c.order), most);
    double good = 0, bad = std::numeric_limits<double>::infinity();
    double last_error = bad;
    int stalled = 0;
    for (int k = 0; k < kTries; ++k) {
      if (!takes_any_dt(*c.flow)) dt = with_step(c.settings.order, dt).dt;
      const double error = error_at(c, dt);
      c.best_error = std::min(c.best_error, error);
      if (error <= kMost * wanted_) {
        if (dt > good) c.found = Tried{dt, error};
        good = std::max(good, dt);
        if (error >= kLeast * wanted_ || dt >= most) return;
      } else {
        if (dt < bad && error > 0.8 * last_error && ++stalled == 4) return;  // round-off, or a jump
        bad = std::min(bad, dt);
        last_error = error;
      }
      if (good > 0 && bad < 1.15 * good) return;
      const double factor = error > 0 && std::isfinite(error)
                                ? std::pow(kAim * wanted_ / error, 1.0 / std::max(1, c.order))
                                : (error > 0 ? 0.5 : 4.0);
      double next = std::min(dt * std::clamp(factor, 1.0 / 32, 4.0), most);
      if (next <= good || next >= bad) {
        next = good == 0         ? bad / 2
               : std::isinf(bad) ? std::min(2 * good, most)
                                 : std::sqrt(good * bad);
      }
      dt = next;
    }
  }

  // --- orders ---

  Candidate& consider(std::optional<int> order) {
    for (Candidate& c : candidates_) {
      if (c.settings.order == order) return c;
    }
    Candidate& c = candidates_.emplace_back();
    c.settings = settings_;
    c.settings.order = order;
    try {
      const Plan plan = trial(order, first_dt());
      c.name = plan.method;
      c.order = plan.integrator ? plan.integrator->order : plan.composition.order;
      c.work = work_of_step(system_, plan);
      c.flow = Flow::compile(quiet_, facts_, plan);
      find_step(c);
    } catch (const UserError& refused) {
      if (!order || settings_.order) throw;
      c.name = "order " + std::to_string(*order);  // an order that this kind of method has not
    }
    return c;
  }

  void search(const Plan& plain) {
    const bool asked = settings_.order || settings_.method != "auto";
    const bool damped =
        system_.form == Form::kBracket && system_.structure.kind != Structure::Kind::kPoisson;
    const bool composed =
        plain.integrator && (plain.integrator->method.starts_with("lie_poisson") ||
                             (plain.integrator->method == "implicit_midpoint" && !damped));
    const Fact& separable = facts_.find("separable");
    const bool splits = system_.form == Form::kCanonical && std::get<bool>(separable.value) &&
                        separable.how == How::kProved;
    candidates_.reserve(std::size(kOrders) + 1);
    if (asked || (plain.integrator && !composed)) consider(settings_.order);
    if (asked || !(composed || splits) || !facts_.holds("smooth")) {
      if (candidates_.empty()) consider(2);
      return;
    }
    // Work has one least value over the orders: up from a guess while it falls, else down.
    const auto work = [&](std::size_t k) { return consider(kOrders[k]).total_work(duration()); };
    std::size_t at = wanted_ > 1e-3 ? 0 : wanted_ > 1e-6 ? 1 : wanted_ > 1e-9 ? 2 : 3;
    const auto better = [&](std::size_t k) {
      return work(k) < work(at) || (std::isinf(work(k)) && std::isinf(work(at)));
    };
    const std::size_t start = at;
    while (at + 1 < std::size(kOrders) && better(at + 1)) ++at;
    if (at == start || std::isinf(work(at))) {
      at = std::isinf(work(at)) ? start : at;
      while (at > 0 && better(at - 1)) --at;
    }
  }

  Plan chosen() const {
    const Candidate* best = nullptr;
    for (const Candidate& c : candidates_) {
      if (c.found && (!best || c.total_work(duration()) < best->total_work(duration()))) best = &c;
    }
    if (!best) refuse();
    if (duration() / best->found->dt > kMostSteps) {
      throw UserError({"accuracy = " + shortest(wanted_) + " takes " +
                           rounded(duration() / best->found->dt) + " steps of " + best->name,
                       place_text(system_, settings_.accuracy_span),
                       "at most " + rounded(kMostSteps) + " steps that nobody asked for",
                       settings_.order || settings_.method != "auto"
                           ? "leave method and order to the planner, give a larger accuracy, or dt"
                           : "give a larger accuracy, or dt and order"});
    }
    std::string others;
    for (const Candidate& c : candidates_) {
      if (&c == best) continue;
      others += others.empty() ? "; " : ", ";
      if (!c.found) {
        others += c.name + " does not get there";
        continue;
      }
      others += c.name + " would take dt = " + rounded(c.found->dt) + " and " +
                rounded(c.total_work(duration()) / best->total_work(duration())) +
                " times the operations";
    }
    RunSettings s = with_step(best->settings.order, best->found->dt);
    // The energy of these very steps has been looked at.
    if (by_energy_ && s.monitor.shadow_span.empty()) s.monitor.shadow_span = s.accuracy_span;
    Plan plan = plan_given_step(system_, facts_, s, &initial_,
                                {settings_.order ? ""
                                                 : "order " + std::to_string(best->order) +
                                                       " needs the least work for the accuracy",
                                 "the longest step, of those tried, that keeps the accuracy"});
    plan.accuracy = wanted_;
    const double time = probe_time(*best, best->found->dt);
    const std::string what =
        by_energy_ ? "the energy was off by " + rounded(best->found->error) + " of itself at most"
                   : "the state at the end is off by about " + rounded(best->found->error) +
                         " of how far each coordinate goes, by comparison with half the step";
    plan.decisions.push_back({"accuracy",
                              shortest(wanted_) + (by_energy_ ? " of the energy" : " of the state"),
                              "on a probe of t = " + rounded(time) +
                                  " with dt = " + rounded(best->found->dt) + " " + what + others});
    return plan;
  }

  [[noreturn]] void refuse() const {
    if (hopeless_) {
      throw UserError(
          {std::string("no dt has an accuracy: ") +
               (hopeless_->step == 0 ? "the energy" : "the motion") +
               " is not finite where the run starts: " + hopeless_->component +
               (hopeless_->expression.empty() ? "" : ", first made by " + hopeless_->expression),
           place_text(system_, hopeless_->place), "",
           "change the initial state or the parameters"});
    }
    std::string tried;
    for (const Candidate& c : candidates_) {
      if (std::isinf(c.best_error)) continue;
      tried += (tried.empty() ? "" : ", ") + c.name + " got to " + rounded(c.best_error);
    }
    throw UserError({"accuracy = " + shortest(wanted_) + " is not reached",
                     place_text(system_, settings_.accuracy_span),
                     tried.empty() ? "a run that stays finite"
                                   : "what round-off and the system allow: " + tried,
                     "give a larger accuracy, or order and dt"});
  }

  const System& system_;
  System quiet_;  ///< without observables
  const Facts& facts_;
  RunSettings settings_;
  const InitialState& initial_;
  double wanted_ = 0, period_ = 0;
  bool by_energy_ = false;
  mutable Reach reach_;                        ///< when it is asked for
  mutable std::optional<NonFinite> hopeless_;  ///< what no dt mends
  std::vector<Candidate> candidates_;
};

}  // namespace

Plan plan_for_accuracy(const System& system, const Facts& facts, const RunSettings& settings,
                       const InitialState* initial) {
  const std::string where = place_text(system, settings.accuracy_span);
  if (system.form == Form::kMap) {
    throw UserError(
        {"a map has no accuracy", where, "each step is the map itself", "leave accuracy out"});
  }
  if (!initial) {
    throw UserError(
        {"accuracy without an initial state", where,
         "order and dt are found by short runs from it, and make_plan was not given one",
         "give make_plan the initial state, or order and dt"});
  }
  if (!(settings.duration > 0) || !std::isfinite(settings.duration)) {
    throw UserError({"accuracy without the time to run", where,
                     "the number of steps follows from it and the dt that is found",
                     "give t_end (RunSettings::duration)"});
  }
  return Search(system, facts, settings, *initial).make();
}

}  // namespace cotangent::mechanics
