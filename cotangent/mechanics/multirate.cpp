#include "cotangent/mechanics/multirate.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>

#include "cotangent/mechanics/dependence.h"
#include "cotangent/mechanics/programs.h"
#include "cotangent/mechanics/scalars.h"
#include "cotangent/mechanics/step_program.h"
#include "cotangent/transform/derivatives.h"
#include "cotangent/transform/passes.h"

namespace cotangent::mechanics {
namespace {

using ir::Builder;
using ir::FunctionPtr;
using ir::Type;
using ir::Value;

[[noreturn]] void refuse(const std::string& what, const std::string& remedy) {
  throw UserError("[multirate] " + what, remedy);
}

const EnergyTerm* term_named(const System& system, const std::string& name) {
  for (const EnergyTerm& t : system.terms) {
    if (t.name == name) return &t;
  }
  return nullptr;
}

std::string names_of(const System& system) {
  std::string all;
  for (const EnergyTerm& t : system.terms) all += (all.empty() ? "" : ", ") + t.name;
  return all;
}

void check(const System& system, const MultirateLevels& levels) {
  if (system.form != Form::kCanonical) {
    refuse("levels are of energies of q and p", "choose a method for this form of system");
  }
  if (levels.terms.empty() || levels.inner.size() + 1 != levels.terms.size()) {
    refuse(std::to_string(levels.terms.size()) + " levels have " +
               std::to_string(levels.inner.size()) + " inner counts",
           "give one count less than levels");
  }
  for (std::int64_t n : levels.inner) {
    if (n < 1) refuse("an inner count is " + std::to_string(n), "give 1 or more");
  }
  std::map<std::string, int> seen;
  for (const auto& level : levels.terms) {
    if (level.empty()) refuse("a level has no terms", "leave it out");
    for (const std::string& name : level) {
      const EnergyTerm* t = term_named(system, name);
      if (!t) {
        refuse("there is no term '" + name + "'", "the terms are " + names_of(system));
      }
      if (seen[name]++ > 0) refuse("the term '" + name + "' is in two levels", "name it once");
      if (!depends_on(*t->energy, 0, 0)) {
        refuse("the term '" + name + "' does not read q: it belongs to the drift",
               "leave it out of the levels");
      }
    }
  }
  for (const EnergyTerm& t : system.terms) {
    const bool q = depends_on(*t.energy, 0, 0), p = depends_on(*t.energy, 0, 1);
    if (q && p) {
      refuse("the term '" + t.name + "' reads both q and p: it is neither a kick nor a drift",
             "choose another method");
    }
    if (q && seen[t.name] == 0) {
      refuse("the term '" + t.name + "' is in no level", "put it in one");
    }
  }
}

struct LevelPieces {
  std::vector<FunctionPtr> gradients;  ///< of each level
  FunctionPtr velocity;                ///< null: nothing drifts
  bool moves = false;                  ///< some of them depend on t
  bool velocity_moves = false;
};

LevelPieces pieces_of(const System& system, const MultirateLevels& levels) {
  LevelPieces pieces;
  for (const auto& level : levels.terms) {
    std::vector<EnergyTerm> terms;
    for (const std::string& name : level) terms.push_back(*term_named(system, name));
    pieces.gradients.push_back(energy_gradient(with_terms(system, terms), 0));
    pieces.moves |= depends_on(*pieces.gradients.back(), 0, 2);
  }
  std::vector<EnergyTerm> drifting;
  for (const EnergyTerm& t : system.terms) {
    if (!depends_on(*t.energy, 0, 0)) drifting.push_back(t);
  }
  if (drifting.empty()) {
    refuse("no term reads p: nothing moves", "give the system a kinetic energy");
  }
  pieces.velocity = energy_gradient(with_terms(system, drifting), 1);
  pieces.velocity_moves = depends_on(*pieces.velocity, 0, 2);
  pieces.moves |= pieces.velocity_moves;
  return pieces;
}

struct State {
  Value q, p;
  std::vector<Value> gradients;

  std::vector<Value> values() const {
    std::vector<Value> all = {q, p};
    all.insert(all.end(), gradients.begin(), gradients.end());
    return all;
  }
};
State state_of(const std::vector<Value>& values) {
  return {values[0], values[1], {values.begin() + 2, values.end()}};
}

/// Steps of the levels, in one builder after the other.
class Levels {
 public:
  Levels(const System& system, const LevelPieces& pieces, const std::vector<std::int64_t>& inner)
      : system_(system), pieces_(pieces), inner_(inner) {}

  /// A step of `level` from t with h.
  State step(Builder& b, std::size_t level, State s, Value t, Value h,
             const std::vector<Value>& parameters) const {
    const Value half = b.mul(b.constant(0.5), h);
    s.p = b.sub(s.p, b.scale(half, s.gradients[level]));
    if (level < inner_.size()) {
      s = steps(b, level + 1, s, t, h, parameters);
    } else {
      s.q = drifted(b, s, t, h, parameters);
    }
    s.gradients[level] =
        at(b, *pieces_.gradients[level], s, pieces_.moves ? b.add(t, h) : t, parameters);
    s.p = b.sub(s.p, b.scale(half, s.gradients[level]));
    return s;
  }

  Value at(Builder& b, const ir::Function& f, const State& s, Value t,
           const std::vector<Value>& parameters) const {
    std::vector<Value> args = {s.q, s.p, t};
    args.insert(args.end(), parameters.begin(), parameters.end());
    return b.inline_call(f, args)[0];
  }

 private:
  /// What reads T at t and at t + h half each stays symmetric.
  Value drifted(Builder& b, const State& s, Value t, Value h,
                const std::vector<Value>& parameters) const {
    if (!pieces_.velocity_moves) {
      return b.add(s.q, b.scale(h, at(b, *pieces_.velocity, s, t, parameters)));
    }
    const Value half = b.mul(b.constant(0.5), h);
    const Value before = b.scale(half, at(b, *pieces_.velocity, s, t, parameters));
    const Value after = b.scale(half, at(b, *pieces_.velocity, s, b.add(t, h), parameters));
    return b.add(b.add(s.q, before), after);
  }

  /// All the steps of `level` in one of the level above, which has h.
  State steps(Builder& b, std::size_t level, const State& s, Value t, Value h,
              const std::vector<Value>& parameters) const {
    const std::int64_t count = inner_[level - 1];
    const Value each = b.div(h, b.constant(static_cast<double>(count)));
    if (count == 1) return step(b, level, s, t, each, parameters);
    Builder body("level" + std::to_string(level));
    const Value index = body.param(kIndex, "inner");
    const Value inner_h = body.param(kReal, "h"), inner_t = body.param(kReal, "t");
    std::vector<Value> inner_parameters, inner_state;
    for (const Parameter& p : system_.parameters) {
      inner_parameters.push_back(body.param(p.value.type(), p.name));
    }
    for (Value x : s.values()) inner_state.push_back(body.param(b.type(x)));
    Value now = inner_t;
    if (pieces_.moves) now = body.add(inner_t, body.mul(body.cast(index, DType::kF64), inner_h));
    const State end = step(body, level, state_of(inner_state), now, inner_h, inner_parameters);
    ir::LoopAttr loop;
    loop.trip = count;
    loop.invariants = 2 + static_cast<std::int64_t>(parameters.size());
    loop.carries = static_cast<std::int64_t>(inner_state.size());
    loop.body = body.finish(end.values());
    std::vector<Value> operands = {each, t};
    operands.insert(operands.end(), parameters.begin(), parameters.end());
    const std::vector<Value> state = s.values();
    operands.insert(operands.end(), state.begin(), state.end());
    return state_of(b.loop(loop, operands));
  }

  const System& system_;
  const LevelPieces& pieces_;
  const std::vector<std::int64_t>& inner_;
};

/// 0.0123 -> "0.0123"
std::string short_text(double x) {
  char text[32];
  std::snprintf(text, sizeof text, "%.3g", x);
  return text;
}

}  // namespace

std::vector<std::int64_t> evaluations_a_step(const MultirateLevels& levels) {
  std::vector<std::int64_t> counts = {1};
  for (std::int64_t n : levels.inner) counts.push_back(counts.back() * n);
  return counts;
}

Integrator multirate(const System& system, const MultirateLevels& levels) {
  check(system, levels);
  const LevelPieces pieces = pieces_of(system, levels);
  const Levels programs(system, pieces, levels.inner);
  Integrator method;
  method.method = "multirate";
  method.order = 2;
  method.state = state_types(system);
  method.carry = method.state;
  for (std::size_t l = 0; l < levels.terms.size(); ++l) {
    method.carry.push_back({"gradient" + std::to_string(l), method.state[0].type});
  }

  StepProgram open("open", method.state, system.parameters, false);
  State s{open.carry[0], open.carry[1], {}};
  for (const FunctionPtr& g : pieces.gradients) {
    s.gradients.push_back(programs.at(open.b, *g, s, open.t0, open.parameters));
  }
  method.open = open.finish(s.values());

  StepProgram step("step", method.carry, system.parameters);
  const Value t = step.time();
  s = programs.step(step.b, 0, state_of(step.carry), t, step.dt, step.parameters);
  method.step = step.finish(s.values());

  StepProgram close("close", method.carry, system.parameters);
  method.close = close.finish({close.carry[0], close.carry[1]});
  method.symmetric = true;
  return method;
}

namespace {

/// Steps and cost a time unit of levels that end before each of `ends` in the sorted terms.
struct LevelPlan {
  MultirateLevels levels;
  double dt = 0, cost = 0;
};

LevelPlan plan_of(const std::vector<TermRate>& slow_to_fast, const std::vector<std::size_t>& ends,
                  double fastest_dt, double largest_dt, double steps_a_period) {
  // Counts are whole, from the fastest level outwards.
  LevelPlan plan;
  double dt = fastest_dt;
  for (std::size_t l = ends.size(); l-- > 0;) {
    const std::size_t begin = l == 0 ? 0 : ends[l - 1];
    if (l + 1 < ends.size()) {
      const double own = slow_to_fast[ends[l] - 1].frequency;
      const double wanted =
          own > 0 ? std::min(largest_dt, 2 * M_PI / (own * steps_a_period)) : largest_dt;
      const auto count = std::max<std::int64_t>(1, static_cast<std::int64_t>(wanted / dt + 1e-9));
      plan.levels.inner.insert(plan.levels.inner.begin(), count);
      dt *= static_cast<double>(count);
    }
    std::vector<std::string> names;
    for (std::size_t k = begin; k < ends[l]; ++k) {
      names.push_back(slow_to_fast[k].name);
      plan.cost += slow_to_fast[k].cost / dt;
    }
    plan.levels.terms.insert(plan.levels.terms.begin(), names);
  }
  plan.dt = dt;
  return plan;
}

}  // namespace

MultirateChoice choose_levels(const std::vector<TermRate>& terms, double steps_a_period,
                              int most_levels) {
  std::vector<TermRate> sorted = terms;
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const TermRate& a, const TermRate& b) { return a.frequency < b.frequency; });
  if (sorted.empty() || !(sorted.back().frequency > 0)) {
    refuse("no term has a frequency to go by", "give dt and the levels");
  }
  const double period = 2 * M_PI / sorted.back().frequency;
  const double fastest_dt = period / steps_a_period, largest_dt = period / 3;
  const auto plan = [&](const std::vector<std::size_t>& ends) {
    return plan_of(sorted, ends, fastest_dt, largest_dt, steps_a_period);
  };
  const LevelPlan single = plan({sorted.size()});
  LevelPlan best = single;
  // Where levels end: the best one more at a time is the best of all when each has to save.
  std::vector<std::size_t> ends = {sorted.size()};
  for (int level = 1; level < most_levels; ++level) {
    LevelPlan better = best;
    std::vector<std::size_t> better_ends;
    for (std::size_t at = 1; at < sorted.size(); ++at) {
      if (std::find(ends.begin(), ends.end(), at) != ends.end()) continue;
      std::vector<std::size_t> with = ends;
      with.insert(std::upper_bound(with.begin(), with.end(), at), at);
      const LevelPlan p = plan(with);
      const bool splits = std::all_of(p.levels.inner.begin(), p.levels.inner.end(),
                                      [](std::int64_t n) { return n > 1; });
      if (splits && p.cost < 0.9 * best.cost && p.cost < better.cost) {
        better = p;
        better_ends = with;
      }
    }
    if (better_ends.empty()) break;
    best = better;
    ends = better_ends;
  }
  MultirateChoice choice{best.levels, best.dt, single.cost / best.cost, ""};
  const auto own = [](double w) { return w > 0 ? short_text(2 * M_PI / w) : "none"; };
  choice.reason = "periods from " + own(sorted.front().frequency) + " to " +
                  own(sorted.back().frequency) + ", " + short_text(steps_a_period) +
                  " steps in each level's own; the outer step is kept below a third of the "
                  "fastest, " +
                  short_text(largest_dt);
  if (choice.levels.inner.empty()) choice.reason += "; one rate for all is as cheap";
  return choice;
}

std::optional<std::string> resonance_warning(double dt, double fastest) {
  if (!(fastest > 0)) return std::nullopt;
  const double period = 2 * M_PI / fastest, turns = std::fabs(dt) / period;
  if (turns < 1.0 / 3) return std::nullopt;
  const std::string step = "the outer step " + short_text(std::fabs(dt)) + " is " +
                           short_text(turns) + " of the fastest period " + short_text(period);
  const std::string remedy = "; take less than " + short_text(period / 3) +
                             ", or flow the fast part exactly with mollified kicks";
  if (turns < 0.45) {
    return step +
           ": impulses from a third of a period on can feed fast motion that is not "
           "harmonic" +
           remedy;
  }
  return step +
         ": near half a period and its multiples the impulses and the fast motion "
         "resonate, and the energy grows without bound" +
         remedy;
}

}  // namespace cotangent::mechanics
