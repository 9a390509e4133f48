#include "cotangent/mechanics/gradient.h"

#include <nanobind/stl/map.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <algorithm>
#include <cmath>

#include "cotangent/apps/answer.h"
#include "cotangent/apps/check_gradients.h"
#include "cotangent/apps/gradient_notes.h"
#include "cotangent/apps/refusals.h"
#include "cotangent/array/record.h"
#include "cotangent/base/text.h"
#include "cotangent/mechanics/check_gradient.h"
#include "python/src/bindings.h"
#include "python/src/flow.h"
#include "python/src/lock.h"

namespace nb = nanobind;

namespace cotangent::python {
namespace {

/// A gradient of a flow's runs, compiled.
struct GradientBox {
  std::unique_ptr<Listening> listening = std::make_unique<Listening>();
  apps::PreparedObjective prepared;
  mechanics::Objective objective;
  std::vector<std::string> wrt;
  bool mean = false;
  std::shared_ptr<const mechanics::Gradient> gradient;
};

apps::PreparedObjective prepare(const SystemBox& system, const std::string& of,
                                const std::string& by, telemetry::Telemetry& telemetry) {
  apps::Prepared prepared = apps::prepare_loaded(system.load_with(of), telemetry,
                                                 {mechanics::Kinds::kKicksAndDrifts, by, of});
  if (prepared.refused) throw *prepared.refused;
  if (of.empty()) {
    apps::PreparedObjective whole;
    static_cast<apps::Prepared&>(whole) = std::move(prepared);
    return whole;
  }
  return apps::with_objective(std::move(prepared), of);
}

std::shared_ptr<const GradientBox> compile_gradient(const FlowBox& flow, const std::string& of,
                                                    const std::vector<std::string>& wrt,
                                                    const std::string& at,
                                                    std::optional<std::int64_t> every) {
  const Unlocked unlocked;
  auto box = std::make_shared<GradientBox>();
  box->mean = apps::refuse_other_place(at, every);
  box->prepared = prepare(*flow.system, of, "a gradient", box->listening->telemetry);
  apps::refuse_ensemble(box->prepared, "a gradient");
  apps::refuse_jumps(box->prepared, "a gradient");
  apps::refuse_integers(box->prepared, wrt);
  box->objective = apps::objective_at(box->prepared, box->mean, every);
  box->wrt = wrt;
  mechanics::FlowOptions options = flow.options;
  options.telemetry = &box->listening->telemetry;
  box->gradient = mechanics::Gradient::compile(box->prepared.file.system, box->prepared.facts,
                                               box->prepared.plan, box->objective, wrt,
                                               box->prepared.file.run.gradient, options);
  return box;
}

struct GradientAnswer {
  mechanics::GradientResult result;
  std::vector<apps::RunNote> notes;
};

/// All real parameters of a system, in its order, some with the values that are given.
std::vector<ir::Tensor> parameter_values(const mechanics::System& system,
                                         const std::map<std::string, nb::object>& given) {
  std::vector<ir::Tensor> values;
  std::vector<std::string> known;
  for (const mechanics::Parameter& p : system.parameters) {
    known.push_back(p.name);
    const auto found = given.find(p.name);
    values.push_back(found == given.end() ? p.value
                                          : tensor_of_shape(found->second, p.name,
                                                            p.value.type().shape, "gradient"));
  }
  for (const auto& [name, value] : given) {
    if (std::find(known.begin(), known.end(), name) != known.end()) continue;
    array::refuse("gradient", "the system has no real parameter '" + name + "'",
                  known.empty() ? "leave it out" : "give one of " + join(known, ", "));
  }
  return values;
}

GradientAnswer run(const GradientBox& box, const Initial& given,
                   const std::map<std::string, nb::object>& parameters,
                   std::optional<std::int64_t> steps, std::optional<double> t,
                   nb::object progress) {
  Attended attended(std::move(progress));
  GradientAnswer answer;
  mechanics::GradientControl control;
  if (!parameters.empty()) {
    control.parameters = parameter_values(box.prepared.file.system, parameters);
  }
  {
    const Unlocked unlocked;
    mechanics::InitialState initial =
        starting_from(box.prepared.file.system, box.prepared.file.initial, given);
    if (t) initial.t = *t;
    control.interrupted = attended.interrupted();
    control.progress = attended.progress();
    answer.result = box.gradient->run(initial, steps.value_or(box.prepared.plan.steps), control);
    answer.notes =
        apps::notes_on_gradient(box.prepared, box.objective, box.wrt, box.mean, answer.result);
  }
  attended.rethrow();
  return answer;
}

/// (way, state, compared, worst, tolerance, where)
using CheckRow = std::tuple<std::string, std::string, std::int64_t, double, double, std::string>;

/// (verdict, reason, text, rows)
std::tuple<std::string, std::string, std::string, std::vector<CheckRow>> check(
    const FlowBox& flow, const std::string& of, const std::vector<std::string>& wrt,
    const Initial& given, std::optional<std::int64_t> steps, std::int64_t components,
    std::optional<double> tolerance) {
  Attended attended{nb::object(nb::none())};
  transform::GradCheck check;
  bool interrupted = false;
  {
    const Unlocked unlocked;
    Listening listening;
    apps::PreparedObjective prepared =
        prepare(*flow.system, of, "a check of gradients", listening.telemetry);
    apps::refuse_ensemble(prepared, "a check of gradients");
    apps::refuse_jumps(prepared, "a check of gradients");
    apps::refuse_integers(prepared, wrt);
    if (steps) prepared.plan.steps = *steps;
    const mechanics::InitialState initial =
        starting_from(prepared.file.system, prepared.file.initial, given);
    prepared.file.initial = initial;
    std::optional<mechanics::Objective> objective;
    if (!of.empty()) objective = apps::objective_at(prepared, false, {});
    transform::GradCheckOptions how;
    how.components = components;
    if (tolerance) how.tolerance = *tolerance;
    mechanics::FlowOptions options = flow.options;
    options.telemetry = nullptr;
    try {
      check = mechanics::check_gradient(
          prepared.file.system, prepared.facts, prepared.plan, initial, objective,
          wrt.empty() ? apps::variables_of(prepared) : wrt, prepared.file.run.gradient, how,
          options, attended.interrupted());
    } catch (const mechanics::CheckInterrupted&) {
      interrupted = true;
    }
  }
  attended.rethrow();
  if (interrupted) {
    PyErr_SetNone(PyExc_KeyboardInterrupt);
    throw nb::python_error();
  }
  std::vector<CheckRow> rows;
  for (const transform::GradCheckRow* row :
       {&check.reverse, &check.forward, &check.differences, &check.identity}) {
    rows.emplace_back(row->method, apps::state_text(*row), row->compared, row->worst,
                      row->tolerance, row->where);
  }
  return {apps::verdict_text(check), check.reason, check.text(), std::move(rows)};
}

}  // namespace

void bind_gradient(nb::module_& m) {
  nb::class_<GradientAnswer>(m, "GradientAnswer", "What a gradient gives; see cotangent.Gradient.")
      .def_prop_ro("status",
                   [](const GradientAnswer& a) -> std::string {
                     if (a.result.fault || a.result.gradient_fault) return "non-finite";
                     return apps::status_text(a.result.status);
                   })
      .def_prop_ro("value", [](const GradientAnswer& a) { return a.result.value; })
      .def_prop_ro("steps", [](const GradientAnswer& a) { return a.result.steps; })
      .def_prop_ro(
          "gradient",
          [](nb::handle self) {
            Views out;
            for (const auto& [name, x] : nb::cast<const GradientAnswer&>(self).result.gradient) {
              out[name.c_str()] = nb::cast(view_of_values(x.as<double>(), x.type().shape, self));
            }
            return out;
          })
      .def_prop_ro("policy",
                   [](const GradientAnswer& a) {
                     return std::string(mechanics::name_of(a.result.plan.policy));
                   })
      .def_prop_ro("policy_reason", [](const GradientAnswer& a) { return a.result.plan.reason; })
      .def_prop_ro("kept_bytes", [](const GradientAnswer& a) { return a.result.kept_bytes; })
      .def_prop_ro("digits",
                   [](const GradientAnswer& a) -> std::optional<double> {
                     if (!a.result.horizon) return {};
                     return a.result.horizon->digits;
                   })
      .def_prop_ro("lost_at",
                   [](const GradientAnswer& a) -> std::optional<double> {
                     if (!a.result.horizon) return {};
                     return a.result.horizon->lost_at;
                   })
      .def_prop_ro("notes", [](const GradientAnswer& a) {
        std::vector<std::string> texts;
        for (const apps::RunNote& note : a.notes) texts.push_back(note.text);
        return texts;
      });
  nb::class_<GradientBox>(m, "CompiledGradient",
                          "A gradient that can be asked for again and again.")
      .def("run", &run, nb::arg("initial"), nb::arg("parameters"), nb::arg("steps").none(),
           nb::arg("t").none(), nb::arg("progress").none());
  m.def("compile_gradient", &compile_gradient, nb::arg("flow"), nb::arg("of"), nb::arg("wrt"),
        nb::arg("at"), nb::arg("every").none());
  m.def("check_gradient", &check, nb::arg("flow"), nb::arg("of"), nb::arg("wrt"),
        nb::arg("initial"), nb::arg("steps").none(), nb::arg("components"),
        nb::arg("tolerance").none());
}

}  // namespace cotangent::python
