// A flow: the programs of a plan, compiled, for the run driver.
#include "cotangent/mechanics/flow.h"

#include <chrono>
#include <cmath>
#include <mutex>

#include "cotangent/base/text.h"
#include "cotangent/ir/text.h"
#include "cotangent/mechanics/ensemble.h"
#include "cotangent/mechanics/integrator_programs.h"
#include "cotangent/mechanics/kick_drift.h"
#include "cotangent/mechanics/linear_flow.h"
#include "cotangent/mechanics/retype.h"
#include "cotangent/mechanics/run_driver.h"

namespace cotangent::mechanics {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

class FlowImpl final : public Flow {
 public:
  FlowImpl(const System& system, const Facts& facts, const Plan& plan, const FlowOptions& options)
      : system(system), facts(facts), plan_(plan), options_(options) {
    const Clock::time_point start = Clock::now();
    if (plan.linear && plan.ensemble) {
      throw UserError("an ensemble goes step by step, not by the matrix of N steps",
                      "choose another method than \"" + plan.method + "\"");
    }
    if (!plan.integrator && !plan.linear) {
      const telemetry::Span span(options.telemetry, "derivatives and passes");
      pieces = make_pieces(system, plan.arithmetic, true, options.telemetry);
      if (plan.ensemble) {
        integrator_ = std::make_unique<Integrator>(kick_drift_integrator(pieces, plan.composition));
      }
    }
    made_[options.trajectory] = make_machine(options.trajectory);
    compile_s_ = seconds_since(start);
  }

  RunResult run(const InitialState& initial, std::int64_t steps,
                const RunControl& control) const override {
    if (control.reverse && system.form == Form::kMap && !plan_.linear) {
      const SourceSpan where = system.arrays.empty() ? SourceSpan{} : system.arrays[0].span;
      throw UserError({"a map does not run backwards", place_text(system, where),
                       "two states may have the same image",
                       "write its inverse as a map of its own"});
    }
    const Machine& m = machine(control.record_trajectory);
    const auto& chunk = m.chunk().executable();
    const runtime::CallStats before = chunk ? chunk->stats() : runtime::CallStats{};
    const double dt = step_for(control);
    const RunClock clock{initial.t, control.reverse ? -dt : dt};
    RunResult result =
        drive(system, facts, m, clock, control, initial, steps, plan_.watch.settings.stop);
    if (measures_tangent(plan_.watch.settings)) {
      watch_tangent(system, plan_, clock.dt, initial, options_, control, result);
    }
    result.compile_s = compile_s_;
    if (chunk) report_kernel(*chunk, before, result.steps);
    return result;
  }

  std::string program_text() const override {
    return ir::print(*machine(options_.trajectory).chunk().function(), 64);
  }
  std::string kernels_text() const override {
    const auto& e = machine(options_.trajectory).chunk().executable();
    return e ? e->kernels_text() : "none: this flow runs on the reference evaluator\n";
  }
  std::string code_text() const override {
    const auto& e = machine(options_.trajectory).chunk().executable();
    return e ? e->code_text() : "";
  }
  double compile_seconds() const override { return compile_s_; }
  bool code_was_cached() const override {
    const auto& e = machine(options_.trajectory).chunk().executable();
    return e && e->times().cached;
  }
  ir::FunctionPtr step_program() const override {
    const std::lock_guard lock(mutex_);
    if (!step_ && !plan_.linear) {
      const telemetry::Span span(options_.telemetry, "step program");
      step_ = plan_.integrator ? mechanics::step_program(passed(*plan_.integrator, system), system)
                               : mechanics::step_program(pieces, plan_.composition);
    }
    if (step_) return step_;
    throw UserError({"this run makes no steps: each state is one jump from the initial one", "",
                     "its plan is " + plan_.linear->way() + " (\"" + plan_.method + "\")",
                     "choose a method that steps, such as \"leapfrog\""});
  }
  const Plan& plan() const override { return plan_; }

  System system;
  Facts facts;
  Pieces pieces;

 private:
  double step_for(const RunControl& control) const {
    if (control.dt == 0 || control.dt == plan_.dt) return plan_.dt;
    if (!(control.dt > 0) || !std::isfinite(control.dt)) {
      throw UserError("a run with dt = " + shortest(control.dt),
                      "give a dt above zero; a run backwards is asked for by `reverse`");
    }
    if (plan_.integrator && !plan_.integrator->any_dt) {
      throw UserError("a run with dt = " + shortest(control.dt) +
                          " of a plan for dt = " + shortest(plan_.dt) + ": the method \"" +
                          plan_.method + "\" is made for its dt",
                      "plan for that dt");
    }
    return control.dt;
  }

  /// What the chunk kernel did in a run of so many steps, to those who ask for kernels.
  void report_kernel(const runtime::Executable& chunk, const runtime::CallStats& before,
                     std::int64_t steps) const {
    if (!options_.telemetry || !options_.telemetry->wants(telemetry::Detail::kKernels)) return;
    const runtime::CallStats after = chunk.stats();
    const runtime::CallStats here{after.calls - before.calls, after.seconds - before.seconds};
    options_.telemetry->debug("kernel " + chunk.program()->name() + ": " +
                              runtime::text_of(here, chunk.cost(), static_cast<double>(steps)));
  }

  const Machine& machine(bool trajectory) const {
    const std::lock_guard lock(mutex_);
    if (!made_[trajectory]) made_[trajectory] = make_machine(trajectory);
    return *made_[trajectory];
  }

  std::unique_ptr<const Machine> make_ensemble_machine(bool trajectory) const {
    return ensemble_machine(system, plan_.integrator ? *plan_.integrator : *integrator_,
                            *plan_.ensemble, facts, plan_, options_, trajectory);
  }

  std::unique_ptr<const Machine> make_machine(bool trajectory) const {
    if (plan_.ensemble) return make_ensemble_machine(trajectory);
    std::vector<Output> outputs =
        make_outputs(system, facts, plan_, trajectory, options_.telemetry);
    if (plan_.linear) return linear_machine(system, plan_, std::move(outputs), options_);
    if (plan_.integrator) {
      return integrator_machine(system, *plan_.integrator, plan_, std::move(outputs), options_);
    }
    return kick_drift_machine(system, pieces, plan_, std::move(outputs), options_);
  }

  Plan plan_;
  FlowOptions options_;
  std::unique_ptr<const Integrator> integrator_;  ///< of an ensemble of kicks and drifts
  double compile_s_ = 0;
  mutable std::mutex mutex_;
  mutable ir::FunctionPtr step_;                    ///< made when it is asked for
  mutable std::unique_ptr<const Machine> made_[2];  // without and with the trajectory
};

}  // namespace

std::shared_ptr<const Flow> Flow::compile(const System& system, const Facts& facts,
                                          const Plan& plan, const FlowOptions& options) {
  return std::make_shared<FlowImpl>(system, facts, plan, options);
}

}  // namespace cotangent::mechanics
