// A flow as a function that other libraries differentiate: its end, and cotangents pulled back.
#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <algorithm>

#include "cotangent/apps/refusals.h"
#include "cotangent/array/record.h"
#include "cotangent/mechanics/gradient.h"
#include "cotangent/mechanics/vjp_of_run.h"
#include "python/src/arrays.h"
#include "python/src/bindings.h"
#include "python/src/flow.h"
#include "python/src/lock.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace cotangent::python {

using array::Array;

ir::Tensor tensor_of_shape(nb::handle given, const std::string& name, const Shape& shape,
                           const char* op) {
  const Array x = to_array(given, op, Memory::kBorrow);
  want_value(x, op);
  if (x.shape() != shape) {
    array::refuse(op,
                  "'" + name + "' is " + x.type_text() + ", the system's is " +
                      ir::Type{DType::kF64, shape}.text(),
                  "give an array of that shape");
  }
  return array::recorded_detail::tensor_of(x.astype(DType::kF64));
}

namespace {

class FlowLayer {
 public:
  FlowLayer(const FlowBox& flow, std::vector<std::string> wrt) : wrt_(std::move(wrt)) {
    const Unlocked unlocked;
    formats::LoadedFile file = flow.system->file();
    for (const std::string& name : wrt_) {
      const auto& all = file.system.parameters;
      const bool known = std::any_of(all.begin(), all.end(),
                                     [&](const mechanics::Parameter& p) { return p.name == name; });
      if (!known) {
        throw UserError("[layer] the system has no real parameter '" + name + "'",
                        "name those that are inputs of the layer behind the state");
      }
    }
    own_ = file.system.parameters.size();
    mechanics::PullableRun made = mechanics::with_cotangents(file.system);
    arrays_ = made.arrays;
    file.system = std::move(made.system);
    prepared_ = apps::prepare_loaded(std::move(file), listening_->telemetry,
                                     {mechanics::Kinds::kKicksAndDrifts, "a layer", ""});
    if (prepared_.refused) throw *prepared_.refused;
    apps::refuse_ensemble(prepared_, "a layer");
    apps::refuse_jumps(prepared_, "a layer");
    std::vector<std::string> names = arrays_;
    names.insert(names.end(), wrt_.begin(), wrt_.end());
    mechanics::FlowOptions options = flow.options;
    options.telemetry = &listening_->telemetry;
    gradient_ =
        mechanics::Gradient::compile(prepared_.file.system, prepared_.facts, prepared_.plan,
                                     made.objective, names, prepared_.file.run.gradient, options);
  }

  /// The arrays of the state at the end, for those at the start and values of parameters.
  std::vector<Array> run(const std::vector<nb::object>& inputs,
                         std::optional<std::int64_t> steps) const {
    mechanics::GradientControl control;
    control.value_only = true;
    return arrays_at_end(answer(inputs, {}, steps, control));
  }

  /// Cotangents of the inputs.
  std::vector<Array> pull(const std::vector<nb::object>& inputs,
                          const std::vector<nb::object>& cotangents,
                          std::optional<std::int64_t> steps) const {
    const auto result = answer(inputs, cotangents, steps, {});
    std::vector<Array> all;
    for (const auto& [name, x] : result.gradient) {
      all.push_back(array::recorded_detail::array_of(x));
    }
    return all;
  }

  const std::vector<std::string>& arrays() const { return arrays_; }

 private:
  static ir::Tensor tensor(nb::handle given, const std::string& name, const Shape& shape) {
    return tensor_of_shape(given, name, shape, "layer");
  }

  mechanics::GradientResult answer(const std::vector<nb::object>& inputs,
                                   const std::vector<nb::object>& cotangents,
                                   std::optional<std::int64_t> steps,
                                   mechanics::GradientControl control) const {
    const mechanics::System& system = prepared_.file.system;
    if (inputs.size() != arrays_.size() + wrt_.size()) {
      array::refuse("layer",
                    std::to_string(inputs.size()) + " inputs for " +
                        std::to_string(arrays_.size() + wrt_.size()),
                    "give the arrays of the state, then the parameters that were named");
    }
    for (const mechanics::Parameter& p : system.parameters) control.parameters.push_back(p.value);
    std::vector<ir::Tensor> state;
    for (std::size_t k = 0; k < arrays_.size(); ++k) {
      const std::size_t cotangent = own_ + k;
      const Shape& shape = system.parameters[cotangent].value.type().shape;
      state.push_back(tensor(inputs[k], arrays_[k], shape));
      if (!cotangents.empty()) {
        control.parameters[cotangent] = tensor(cotangents[k], arrays_[k], shape);
      }
    }
    for (std::size_t k = 0; k < wrt_.size(); ++k) {
      for (std::size_t j = 0; j < own_; ++j) {
        const mechanics::Parameter& p = system.parameters[j];
        if (p.name != wrt_[k]) continue;
        control.parameters[j] = tensor(inputs[arrays_.size() + k], p.name, p.value.type().shape);
      }
    }
    mechanics::InitialState initial = prepared_.file.initial;
    if (system.form == mechanics::Form::kCanonical) {
      initial.q = std::move(state[0]);
      initial.p = std::move(state[1]);
      initial.v.reset();
    } else {
      initial.x = mechanics::joined(system, state);
    }
    Attended attended{nb::object(nb::none())};
    mechanics::GradientResult result;
    {
      const Unlocked unlocked;
      control.interrupted = attended.interrupted();
      result = gradient_->run(initial, steps.value_or(prepared_.plan.steps), control);
    }
    attended.rethrow();
    if (result.status == mechanics::RunStatus::kFinished && !result.fault &&
        !result.gradient_fault) {
      return result;
    }
    array::refuse("layer",
                  "the run is not finite, or was stopped, at step " + std::to_string(result.steps),
                  "run it with flow.run, which says where and why");
  }

  std::vector<Array> arrays_at_end(const mechanics::GradientResult& result) const {
    const mechanics::System& system = prepared_.file.system;
    std::vector<Array> all;
    if (system.form == mechanics::Form::kCanonical) {
      all = {array::recorded_detail::array_of(result.q),
             array::recorded_detail::array_of(result.p)};
    } else {
      for (const mechanics::NamedArray& a : mechanics::arrays_of(system, result.x)) {
        all.push_back(array::recorded_detail::array_of(a.value));
      }
    }
    return all;
  }

  std::unique_ptr<Listening> listening_ = std::make_unique<Listening>();
  std::vector<std::string> wrt_, arrays_;
  std::size_t own_ = 0;  ///< parameters of the system itself
  apps::Prepared prepared_;
  std::shared_ptr<const mechanics::Gradient> gradient_;
};

}  // namespace

void bind_flow_layer(nb::module_& m) {
  nb::class_<FlowLayer>(m, "_FlowLayer", "The end of a flow's runs as a function; see to_torch.")
      .def(nb::init<const FlowBox&, std::vector<std::string>>(), "flow"_a, "wrt"_a)
      .def_prop_ro("arrays", &FlowLayer::arrays)
      .def("run", &FlowLayer::run, "inputs"_a, "steps"_a.none())
      .def("pull", &FlowLayer::pull, "inputs"_a, "cotangents"_a, "steps"_a.none());
}

}  // namespace cotangent::python
