// The programs of a run of an integrator (integrator.h).
#pragma once

#include "cotangent/mechanics/integrator.h"
#include "cotangent/mechanics/outputs.h"

namespace cotangent::mechanics {

/// Parameters of a program that is being built, one for each of the list; names begin with
/// `before`.
std::vector<ir::Value> params(ir::Builder& b, const std::vector<NamedType>& list,
                              const std::string& before = "");
/// a, then b.
std::vector<ir::Value> joined(std::vector<ir::Value> a, std::span<const ir::Value> b);

/// An integrator whose programs went through the passes that change rounding, each once, so that
/// they have the same bits wherever they are put; and the velocity that observers of a canonical
/// system see. A program with checks stays as it was: the passes want the whole of what it is put
/// into.
struct PassedIntegrator {
  Integrator integrator;
  ir::FunctionPtr velocity;  ///< dH/dp: (q, p, t, parameters...); null where there is no q and p
};
PassedIntegrator passed(const Integrator& integrator, const System& system,
                        telemetry::Telemetry* telemetry = nullptr);

/// (carry..., step: i64, t0: f64, dt: f64, parameters...) -> (state..., v?, outputs...)
ir::FunctionPtr look_program(const PassedIntegrator& method, const System& system,
                             const std::vector<Output>& outputs);

/// (carry..., first: i64, count: i64, t0: f64, dt: f64, parameters...) -> (carry..., outputs...),
/// outputs as `loop` lays them out, with room for `trip` steps. The arrays `kept` of the carry, as
/// they are before each step, come before the outputs, a row a step.
ir::FunctionPtr chunk_program(const PassedIntegrator& method, const System& system,
                              const std::vector<Output>& outputs, std::int64_t trip,
                              const std::vector<std::size_t>& kept = {});

/// (state..., step: i64, t0: f64, dt: f64, parameters...) -> (state...): open, one step, close. The
/// step that a state is opened at is step 0 of a run that begins there.
ir::FunctionPtr step_program(const PassedIntegrator& method, const System& system);

}  // namespace cotangent::mechanics
