#include "python/src/flow.h"

#include <nanobind/stl/map.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <algorithm>
#include <cmath>

#include "cotangent/apps/explanation.h"
#include "cotangent/apps/outputs.h"
#include "cotangent/apps/run_notes.h"
#include "cotangent/base/text.h"
#include "cotangent/telemetry/terminal_sink.h"
#include "python/src/bindings.h"
#include "python/src/lock.h"
#include "python/src/run.h"

namespace nb = nanobind;

namespace cotangent::python {
namespace {

constexpr std::chrono::milliseconds kAsk{50};

std::shared_ptr<const FlowBox> compile(std::shared_ptr<const SystemBox> system, bool trajectory,
                                       int threads, const std::string& cpu) {
  const Unlocked unlocked;
  auto box = std::make_shared<FlowBox>();
  telemetry::Telemetry& telemetry = box->listening->telemetry;
  box->prepared = apps::prepare_loaded(system->file(), telemetry);
  if (box->prepared.refused) throw *box->prepared.refused;
  apps::FileOptions options;
  options.threads = threads;
  options.cpu = cpu;
  apps::refuse_foreign_cpu(options);
  box->options = apps::flow_options(options, telemetry);
  box->options.trajectory = trajectory;
  box->flow = mechanics::Flow::compile(box->prepared.file.system, box->prepared.facts,
                                       box->prepared.plan, box->options);
  box->system = std::move(system);
  return box;
}

std::string explain(const FlowBox& box, const std::vector<std::string>& show) {
  const Unlocked unlocked;
  const std::vector<std::string> sections = apps::explained_sections(show);
  apps::Prepared prepared = box.prepared;
  apps::look_ahead(prepared);
  apps::SectionTexts texts;
  if (apps::is_compiled(sections)) {
    texts = apps::compiled_texts(prepared, sections, box.options);
  }
  return apps::explanation_text(prepared, sections, texts);
}

/// Of a system that may have no plan.
std::string explain_system(const SystemBox& box, const std::vector<std::string>& show) {
  const Unlocked unlocked;
  const std::vector<std::string> sections = apps::explained_sections(show);
  Listening listening;
  apps::Prepared prepared = apps::prepare_loaded(box.file(), listening.telemetry);
  if (!prepared.refused) apps::look_ahead(prepared);
  apps::SectionTexts texts;
  if (apps::is_compiled(sections)) {
    if (prepared.refused) throw *prepared.refused;
    texts = apps::compiled_texts(prepared, sections, {});
  }
  return apps::explanation_text(prepared, sections, texts);
}

/// What a run must not do: fill memory with samples nobody can hold.
void refuse_large_trajectory(const FlowBox& box, std::int64_t steps) {
  apps::Prepared prepared;
  prepared.plan.every = box.prepared.plan.every;
  prepared.plan.steps = steps;
  prepared.plan.ensemble = box.prepared.plan.ensemble;
  prepared.file.system.form = box.prepared.file.system.form;
  prepared.file.system.shape = box.prepared.file.system.shape;
  prepared.file.system.observables = box.prepared.file.system.observables;
  apps::refuse_large_trajectory(prepared, "it: trajectory=False");
}

std::shared_ptr<const RunBox> run(std::shared_ptr<const FlowBox> box, const Initial& given,
                                  std::optional<std::int64_t> steps, std::optional<double> t,
                                  bool trajectory, bool reverse, nb::object progress) {
  Attended attended(std::move(progress));
  std::shared_ptr<const RunBox> made;
  {
    const Unlocked unlocked;
    const mechanics::System& system = box->prepared.file.system;
    mechanics::InitialState initial = starting_from(system, box->prepared.file.initial, given);
    if (t) initial.t = *t;
    const std::int64_t count = steps.value_or(box->prepared.plan.steps);
    if (count < 0) throw UserError("the number of steps is negative");
    if (trajectory) refuse_large_trajectory(*box, count);
    mechanics::RunControl control;
    control.record_trajectory = trajectory;
    control.reverse = reverse;
    control.interrupted = attended.interrupted();
    control.progress = attended.progress();
    mechanics::RunResult result = box->flow->run(initial, count, control);
    made = std::make_shared<const RunBox>(std::move(box), std::move(result), count,
                                          std::move(initial));
  }
  attended.rethrow();
  return made;
}

nb::typed<nb::tuple, Owned, nb::ellipsis> step(const FlowBox& box, const std::vector<Given>& state,
                                               std::int64_t steps, double t) {
  const mechanics::System& system = box.prepared.file.system;
  const bool canonical = system.form == mechanics::Form::kCanonical;
  const std::size_t wanted = canonical ? 2 : system.arrays.size();
  if (state.size() != wanted) {
    throw UserError(
        "a step takes the whole state, and was given " + std::to_string(state.size()) + " arrays",
        "give " + join(state_names(system), ", "));
  }
  std::vector<double*> made;  // memory that the arrays of the answer own
  nb::list answer;
  for (std::size_t k = 0; k < wanted; ++k) {
    const Shape& shape = canonical ? system.shape : system.arrays[k].shape;
    if (shape_of(state[k]) != shape) {
      throw UserError("'" + state_names(system)[k] + "' has the shape " + shape_of(state[k]).text(),
                      "the system's is " + shape.text());
    }
    auto* memory = new double[static_cast<std::size_t>(std::max<std::int64_t>(shape.size(), 1))];
    made.push_back(memory);
    const nb::capsule owner(memory, [](void* p) noexcept { delete[] static_cast<double*>(p); });
    std::size_t axes[Shape::kMaxRank];
    for (int axis = 0; axis < shape.rank(); ++axis) {
      axes[axis] = static_cast<std::size_t>(shape[axis]);
    }
    answer.append(nb::cast(Owned(memory, static_cast<std::size_t>(shape.rank()), axes, owner)));
  }
  {
    const Unlocked unlocked;
    std::vector<const double*> from;
    for (const Given& array : state) from.push_back(array.data());
    std::vector<double*> to = made;
    const bool packed = !canonical && wanted > 1;  // the arrays of x, one after the other
    std::vector<double> x, y;
    if (packed) {
      for (const Given& array : state) x.insert(x.end(), array.data(), array.data() + array.size());
      y.resize(x.size());
      from = {x.data()};
      to = {y.data()};
    }
    box.steps().run(from, to, t, steps);
    const double* part = y.data();
    for (std::size_t k = 0; packed && k < wanted; part += state[k].size(), ++k) {
      std::copy_n(part, state[k].size(), made[k]);
    }
  }
  return nb::tuple(answer);
}

}  // namespace

Attended::~Attended() {
  if (!raised_) return;
  raised_ = nullptr;  // with the lock, as it was made
}

bool Attended::ask() {
  if (stop_) return true;
  const Clock::time_point now = Clock::now();
  if (now - asked_ < kAsk) return false;
  asked_ = now;
  const Locked locked;
  if (PyErr_CheckSignals() == 0) return false;
  stop_ = true;
  if (PyErr_ExceptionMatches(PyExc_KeyboardInterrupt)) {
    PyErr_Clear();
  } else {
    raised_ = std::make_exception_ptr(nb::python_error());
  }
  return true;
}

std::function<bool()> Attended::interrupted() {
  return [this] { return ask(); };
}

std::function<void(const mechanics::Progress&)> Attended::progress() {
  if (progress_.is_none()) return {};
  return [this](const mechanics::Progress& p) {
    if (stop_) return;
    const std::string text = telemetry::progress_text(apps::event_of(p));
    const Locked locked;
    try {
      progress_(p.step, p.steps, p.t, p.seconds, p.energy_error, text);
    } catch (nb::python_error& error) {
      stop_ = true;
      if (!error.matches(PyExc_KeyboardInterrupt)) {
        raised_ = std::current_exception();
      }
    }
  };
}

void Attended::rethrow() const {
  if (raised_) std::rethrow_exception(raised_);
}

void bind_flow(nb::module_& m) {
  nb::class_<mechanics::Decision>(m, "Decision",
                                  "One decision of a plan; each can be made by name in [run].")
      .def_ro("decision", &mechanics::Decision::decision,
              "What was decided: \"method\", \"order\".")
      .def_ro("choice", &mechanics::Decision::choice, "What was chosen.")
      .def_ro("reason", &mechanics::Decision::reason, "Why.")
      .def("__repr__", [](const mechanics::Decision& d) {
        return d.decision + " = " + d.choice + ": " + d.reason;
      });

  nb::class_<FlowBox>(m, "Flow", "A compiled plan; see cotangent.Flow.")
      .def_prop_ro("system", [](const FlowBox& b) { return b.system; })
      .def_prop_ro("method", [](const FlowBox& b) { return b.prepared.plan.method; })
      .def_prop_ro("order", [](const FlowBox& b) { return apps::order_of(b.prepared.plan); })
      .def_prop_ro("dt", [](const FlowBox& b) { return b.prepared.plan.dt; })
      .def_prop_ro("steps", [](const FlowBox& b) { return b.prepared.plan.steps; })
      .def_prop_ro("every", [](const FlowBox& b) { return b.prepared.plan.every; })
      .def_prop_ro("precision", [](const FlowBox& b) { return b.prepared.plan.precision; })
      .def_prop_ro("decisions", [](const FlowBox& b) { return b.prepared.plan.decisions; })
      .def_prop_ro("plan_text", [](const FlowBox& b) { return apps::plan_text(b.prepared); })
      .def_prop_ro("front_seconds", [](const FlowBox& b) { return b.prepared.front_s; })
      .def_prop_ro("compile_seconds", [](const FlowBox& b) { return b.flow->compile_seconds(); })
      .def_prop_ro("code_was_cached", [](const FlowBox& b) { return b.flow->code_was_cached(); })
      .def_prop_ro("warnings",
                   [](const FlowBox& b) {
                     std::vector<std::string> texts = b.listening->warnings.texts();
                     for (std::string& text : apps::warnings_before(b.prepared)) {
                       texts.push_back(std::move(text));
                     }
                     return texts;
                   })
      .def("explain", &explain, nb::arg("show"))
      .def("run", &run, nb::arg("initial"), nb::arg("steps").none(), nb::arg("t").none(),
           nb::arg("trajectory"), nb::arg("reverse"), nb::arg("progress").none())
      .def("step", &step, nb::arg("state"), nb::arg("steps"), nb::arg("t"));
  m.def("compile", &compile, nb::arg("system"), nb::arg("trajectory"), nb::arg("threads"),
        nb::arg("cpu"));
  m.def("explain_system", &explain_system, nb::arg("system"), nb::arg("show"));
}

}  // namespace cotangent::python
