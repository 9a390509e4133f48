// Whether the gradient of a run is right: in reverse (gradient.h), forward (tangent.h), against
// differences of the run itself, and by dot products. The four ways and the verdict are those of
// transform/check_grad.h.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "cotangent/mechanics/gradient.h"
#include "cotangent/transform/check_grad.h"

namespace cotangent::mechanics {

/// `interrupted` held while a check was made.
struct CheckInterrupted {};

/// Of `objective`, or without one of the whole last state (q and p, or x, by random cotangents).
/// `wrt` as in Gradient::compile. Variables are taken in units of their own sizes (a particle's q
/// and p in those of its largest component), and so are steps and what is printed; differences of
/// runs in f32 are taken in f64. Runs the system some 20 times for each component that is compared.
transform::GradCheck check_gradient(
    const System& system, const Facts& facts, const Plan& plan, const InitialState& initial,
    const std::optional<Objective>& objective, const std::vector<std::string>& wrt,
    const GradientSettings& settings, const transform::GradCheckOptions& how,
    const FlowOptions& options = {}, const std::function<bool()>& interrupted = {});

}  // namespace cotangent::mechanics
