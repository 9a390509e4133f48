#include "python/src/run.h"

#include <nanobind/stl/optional.h>
#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <sstream>

#include "cotangent/apps/outputs.h"
#include "cotangent/apps/run_notes.h"
#include "python/src/bindings.h"
#include "python/src/lock.h"

namespace nb = nanobind;

namespace cotangent::python {
namespace {

using mechanics::Series;

/// (name, every, step, t, values), the last three views.
using SeriesView = std::tuple<std::string, std::int64_t, StepView, View, View>;

std::vector<SeriesView> views(const std::vector<const Series*>& list, nb::handle owner) {
  std::vector<SeriesView> out;
  for (const Series* s : list) {
    const auto n = static_cast<std::int64_t>(s->t.size());
    out.emplace_back(
        s->name, s->every, view_of_values(std::span<const std::int64_t>(s->step), {n}, owner),
        view_of_values(std::span<const double>(s->t), {n}, owner),
        view_of_values(std::span<const double>(s->values), s->shape.with_leading(n), owner));
  }
  return out;
}

std::vector<SeriesView> series(nb::handle self, const std::string& group) {
  const RunBox& box = nb::cast<const RunBox&>(self);
  const mechanics::RunResult& result = box.result();
  std::vector<const Series*> list;
  if (group == "invariants") {
    for (const mechanics::Invariant& i : result.invariants) list.push_back(&i.series);
  } else {
    for (const Series& s : group == "trajectory"    ? result.trajectory
                           : group == "observables" ? result.observables
                                                    : result.energy_terms) {
      list.push_back(&s);
    }
  }
  return views(list, self);
}

Views arrays(const std::vector<apps::NamedArray>& list, nb::handle owner) {
  Views out;
  for (const apps::NamedArray& a : list) {
    out[a.name.c_str()] =
        nb::cast(view_of_values(a.value.as<double>(), a.value.type().shape, owner));
  }
  return out;
}

/// (name, how, scale, max_abs_error, max_rel_error)
using InvariantView = std::tuple<std::string, std::string, double, double, double>;

std::vector<InvariantView> invariants(const RunBox& box) {
  std::vector<InvariantView> out;
  for (const mechanics::Invariant& i : box.result().invariants) {
    out.emplace_back(i.name, apps::how_text(i.how), i.scale, i.max_abs_error, i.max_rel_error);
  }
  return out;
}

template <class Write>
std::string text_of(const RunBox& box, const Write& write) {
  const Unlocked unlocked;
  std::ostringstream out;
  write(out, box.answer());
  return out.str();
}

}  // namespace

RunBox::RunBox(std::shared_ptr<const FlowBox> flow, mechanics::RunResult result, std::int64_t asked,
               mechanics::InitialState initial)
    : result_(std::move(result)),
      title_(flow->prepared.file.system.title),
      method_(flow->prepared.plan.method),
      dt_(flow->prepared.plan.dt),
      asked_(asked),
      final_(apps::final_state(flow->prepared.file.system, result_)),
      members_(apps::final_members(flow->prepared.file.system, result_)),
      flow_(std::move(flow)),
      initial_(std::move(initial)) {}

RunBox::RunBox(apps::StoredRun stored)
    : result_(std::move(stored.result)),
      title_(std::move(stored.title)),
      method_(std::move(stored.method)),
      dt_(stored.dt),
      asked_(stored.planned),
      final_(std::move(stored.final)),
      members_(std::move(stored.members)),
      text_(std::move(stored.text)),
      no_text_why_(std::move(stored.no_text_why)),
      name_(std::move(stored.name)),
      folder_(std::move(stored.folder)),
      notes_(std::move(stored.notes)) {}

std::vector<std::string> RunBox::notes() const {
  if (!flow_) return notes_;
  std::vector<std::string> texts;
  for (const apps::RunNote& note : apps::notes_after(prepared(), result_)) {
    texts.push_back(note.text);
  }
  return texts;
}

const apps::Prepared& RunBox::prepared() const {
  const std::lock_guard lock(mutex_);
  if (prepared_) return *prepared_;
  if (flow_) {
    prepared_ = flow_->prepared;
    prepared_->plan.steps = asked_;
    prepared_->file.initial = initial_;
    return *prepared_;
  }
  if (text_.empty()) {
    throw UserError({"the file of this run has no text of its system", "", no_text_why_,
                     "the numbers are all there; for a report, run the system again"});
  }
  std::optional<std::filesystem::path> folder;
  if (!folder_.empty()) folder = folder_;
  Listening listening;
  apps::Prepared made = apps::prepare_loaded(formats::parse_system_text(name_, text_, {}, folder),
                                             listening.telemetry);
  if (made.refused) throw *made.refused;
  made.plan.steps = asked_;
  prepared_ = std::move(made);
  return *prepared_;
}

void bind_run(nb::module_& m) {
  nb::class_<RunBox>(m, "Run", "What a run gives; see cotangent.Run.")
      .def_static(
          "load",
          [](const std::string& path) {
            const Unlocked unlocked;
            return std::make_shared<const RunBox>(apps::read_run_file(path));
          },
          nb::arg("path"))
      .def_prop_ro("title", [](const RunBox& b) { return b.title(); })
      .def_prop_ro("method", [](const RunBox& b) { return b.method(); })
      .def_prop_ro("dt", [](const RunBox& b) { return b.dt(); })
      .def_prop_ro("status", [](const RunBox& b) { return apps::status_text(b.result().status); })
      .def_prop_ro("steps", [](const RunBox& b) { return b.result().steps; })
      .def_prop_ro("planned_steps", [](const RunBox& b) { return b.asked(); })
      .def_prop_ro("t", [](const RunBox& b) { return b.result().t; })
      .def_prop_ro("state_hash", [](const RunBox& b) { return b.result().state_hash; })
      .def_prop_ro("run_seconds", [](const RunBox& b) { return b.result().run_s; })
      .def_prop_ro("compile_seconds", [](const RunBox& b) { return b.result().compile_s; })
      .def_prop_ro("stopped_why", [](const RunBox& b) { return b.result().stopped_why; })
      .def_prop_ro("notes", &RunBox::notes)
      .def_prop_ro(
          "final",
          [](nb::handle self) { return arrays(nb::cast<const RunBox&>(self).final(), self); })
      .def_prop_ro(
          "members",
          [](nb::handle self) { return arrays(nb::cast<const RunBox&>(self).members(), self); })
      .def("series", &series, nb::arg("group"))
      .def_prop_ro("invariants", &invariants)
      .def("answer_json",
           [](const RunBox& b) {
             return text_of(b, [](std::ostream& out, const apps::Answer& a) {
               apps::write_answer_json(out, a, 2);
             });
           })
      .def("answer_text",
           [](const RunBox& b) {
             return text_of(b, [](std::ostream& out, const apps::Answer& a) {
               apps::write_answer_text(out, a);
             });
           })
      .def(
          "write_report",
          [](const RunBox& b, const std::string& path) {
            const Unlocked unlocked;
            apps::write_report_file(path, b.answer());
          },
          nb::arg("path"))
      .def(
          "write_file",
          [](const RunBox& b, const std::string& path) {
            const Unlocked unlocked;
            apps::write_run_file(path, b.answer());
          },
          nb::arg("path"))
      .def(
          "write_folder",
          [](const RunBox& b, const std::string& path, bool overwrite) {
            const Unlocked unlocked;
            apps::OutputPlan plan = apps::plan_outputs(path, overwrite, b.prepared());
            plan.trajectory = apps::TrajectoryFormat::kHdf5;  // which load_run() reads
            apps::Answer answer = b.answer();
            apps::write_outputs(plan, answer);
            return answer.outputs;
          },
          nb::arg("path"), nb::arg("overwrite"));
}

}  // namespace cotangent::python
