// Facts about time: whether H reads it, and with what period.
#include "cotangent/base/text.h"
#include "cotangent/ir/builder.h"
#include "cotangent/mechanics/dependence.h"
#include "cotangent/mechanics/facts_context.h"
#include "cotangent/mechanics/periodic.h"
#include "cotangent/transform/derivatives.h"
#include "cotangent/transform/passes.h"

namespace cotangent::mechanics {
namespace {

using ir::FunctionPtr;
using ir::Tensor;

/// f with its last parameters (after the state and t) put in as constants.
FunctionPtr with_values(const System& system, const ir::Function& f, std::size_t first) {
  ir::Builder b(f.name());
  std::vector<ir::Value> args;
  for (std::size_t k = 0; k < f.params().size(); ++k) {
    args.push_back(k < first ? b.param(f.param_type(k), f.param_names()[k])
                             : b.constant(system.parameters[k - first].value));
  }
  return transform::simplify(*b.finish(b.inline_call(f, args)));
}

/// What the system is made of: its terms, or its equations.
std::vector<EnergyTerm> programs_of(const System& system) {
  if (!system.rate) return system.terms;
  return {EnergyTerm{"equations", system.rate, {}}};
}

void time_dependent(FactContext& c, std::size_t time) {
  const bool energy = !c.system.rate;
  for (const EnergyTerm& term : programs_of(c.system)) {
    if (!depends_on(*term.energy, 0, time)) continue;
    const std::string who =
        energy ? "the term \"" + term.name + "\" reads t" : "the right-hand side reads t";
    const FunctionPtr rate = transform::jvp(*term.energy, {time});
    for (const SampleState& s : c.samples.states()) {
      std::vector<Tensor> args = c.samples.arguments(s);
      args.push_back(Tensor::scalar_of<double>(1));
      const std::vector<Tensor> values = c.samples.evaluate(rate, args);
      if (values[1].real(0) == 0) continue;
      c.add("time_dependent", true, How::kTested,
            who + "; d" + (energy ? "E" : "f") + "/dt is " + short_number(values[1].real(0)) +
                " at a state near the initial one",
            term);
      return;
    }
    c.add("time_dependent", true, How::kTested,
          who + ", though its derivative by t vanishes on " + c.samples.text(), term);
    return;
  }
  Fact& f = c.add("time_dependent", false, How::kProved,
                  energy ? "no term reads t" : "the right-hand side reads no t");
  for (const EnergyTerm& term : programs_of(c.system)) {
    f.derivation.push_back(term.name + " reads no t");
  }
}

void periodic(FactContext& c, std::size_t time) {
  const Fact dependent = *c.found("time_dependent");  // a copy: facts move when one is added
  if (!std::get<bool>(dependent.value)) {
    c.add("periodic", false, How::kProved, "H does not depend on time").derivation =
        dependent.derivation;
    return;
  }
  std::vector<std::size_t> state;
  for (std::size_t k = 0; k < time; ++k) state.push_back(k);
  std::vector<long double> waves;
  std::vector<std::string> derivation;
  bool exact = true;
  for (const EnergyTerm& term : programs_of(c.system)) {
    const FunctionPtr f = with_values(c.system, *term.energy, time + 1);
    const TimeOf found = time_of(*f, time, state, {});
    if (found.kind == TimeOf::Kind::kStill) continue;
    if (found.kind == TimeOf::Kind::kOther) {
      c.add("periodic", false, How::kTested,
            "no rule finds a period: the term \"" + term.name + "\" reads t through " + found.op,
            term, found.place);
      return;
    }
    std::string line = term.name + " reads t through sin, cos or tan of w*t only, w =";
    for (long double w : found.frequencies) line += " " + short_number(w, 6);
    derivation.push_back(line);
    waves.insert(waves.end(), found.frequencies.begin(), found.frequencies.end());
    exact = exact && found.exact;
  }
  if (waves.empty()) {  // t falls out once the parameters have their values
    c.add("periodic", false, How::kTested, "t has no effect at these values of the parameters");
    return;
  }
  const auto period = common_period(waves, exact);
  if (!period) {
    c.add("periodic", false, How::kTested,
          "its frequencies have no ratios of whole numbers up to 1000, so no common period");
    return;
  }
  c.facts.period = period->period;
  Fact& f = c.add("periodic", true, period->exact ? How::kProved : How::kTested,
                  "with period " + shortest(period->period) +
                      (period->exact ? "" : "; ratios of frequencies hold to 1e-12"));
  if (period->exact) f.derivation = std::move(derivation);
}

}  // namespace

void find_time(FactContext& c) {
  const std::size_t time = c.system.form == Form::kCanonical ? 2 : 1;
  time_dependent(c, time);
  periodic(c, time);
}

}  // namespace cotangent::mechanics
