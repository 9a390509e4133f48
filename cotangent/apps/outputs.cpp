#include "cotangent/apps/outputs.h"

#include <algorithm>
#include <cmath>

#include "cotangent/apps/named_arrays.h"
#include "cotangent/apps/run_file.h"
#include "cotangent/apps/statistics.h"
#include "cotangent/apps/text_table.h"
#include "cotangent/base/text.h"
#include "cotangent/base/version.h"
#include "cotangent/io/atomic_file.h"
#include "cotangent/io/csv.h"
#include "cotangent/io/report.h"
#include "cotangent/telemetry/terminal_sink.h"

namespace cotangent::apps {
namespace {

constexpr double kCsvBytes = 20e6;  ///< a larger trajectory goes to HDF5
constexpr const char* kMembers = "members.csv";
constexpr double kTrajectoryBytes = 4e9;  ///< kept in memory until the run ends

std::string name_of(TrajectoryFormat format) {
  return format == TrajectoryFormat::kCsv ? "trajectory.csv" : "trajectory.h5";
}

/// What is written of the run: the trajectory; of an ensemble its mean, and the statistics.
std::vector<io::SampleView> views_of(const Answer& answer) {
  std::vector<io::SampleView> views;
  const bool ensemble = answer.prepared.plan.ensemble.has_value();
  for (const mechanics::Series& series : answer.result.trajectory) {
    views.push_back(view_of(series));
    if (ensemble) views.back().name += ".mean";
  }
  if (!ensemble) return views;
  for (const mechanics::Series& series : answer.result.observables) {
    views.push_back(view_of(series));
  }
  return views;
}

void write_members(const OutputPlan& outputs, const std::vector<NamedArray>& members) {
  std::vector<std::vector<double>> values;
  std::vector<io::SampleView> views;
  for (const NamedArray& a : members) {
    values.push_back(doubles_of(a.value));
    io::SampleView view;
    view.name = a.name;
    view.shape = a.value.type().shape.row();
    view.values = values.back();
    views.push_back(view);
  }
  io::AtomicFile file(outputs.folder / kMembers);
  io::write_members_csv(file.stream(), views);
  file.commit();
}

void write_trajectory(const OutputPlan& outputs, const Answer& answer) {
  const std::filesystem::path path = outputs.folder / name_of(outputs.trajectory);
  if (outputs.trajectory == TrajectoryFormat::kCsv) {
    io::AtomicFile file(path);
    io::write_csv(file.stream(), views_of(answer));
    file.commit();
    return;
  }
  write_run_file(path, answer);
}

/// The state of two or three numbers as the path of one point, in `room`; else nothing.
std::optional<io::SampleView> path_of(const Answer& answer, std::vector<double>& room) {
  const std::int64_t n = answer.prepared.file.system.shape.size();
  const std::vector<mechanics::Series>& parts = answer.result.trajectory;
  if (n < 2 || n > 3 || parts.empty()) return {};
  io::SampleView path = view_of(parts[0]);
  for (std::size_t k = 0; k < path.t.size(); ++k) {
    for (const mechanics::Series& part : parts) {
      const auto row = view_of(part).row(k);
      room.insert(room.end(), row.begin(), row.end());
    }
  }
  path.shape = Shape{1, n};
  path.values = room;
  return path;
}

/// `room` is what the report points to: it must outlive it.
io::Report report_of(const Answer& answer, std::vector<double>& room) {
  const Prepared& prepared = answer.prepared;
  const mechanics::RunResult& result = answer.result;
  io::Report report;
  report.title =
      prepared.file.system.title.empty() ? prepared.file.source->name : prepared.file.system.title;
  report.good = result.status == mechanics::RunStatus::kFinished;
  report.status = answer.status();
  if (!report.good) report.status += " after " + telemetry::grouped(result.steps) + " steps";
  if (result.fault) report.warning = fault_text(result, prepared);
  if (!result.stopped_why.empty()) report.warning = stop_text(result);
  report.version = std::string("cotangent ") + kVersion;
  report.state_hash = result.state_hash;
  // A function stands behind as many empty lines as its file has before it.
  const std::string& source = prepared.file.source->text;
  report.system_text = source.substr(std::min(source.find_first_not_of('\n'), source.size()));

  const formats::UnitLabels& units = prepared.file.units;
  const std::string time_unit = units.given ? " " + units.t : "";
  report.figures = {
      {"method", prepared.plan.method},
      {"precision", prepared.plan.precision},
      {"dt", number_text(prepared.plan.dt, 15) + time_unit},
      {"steps", telemetry::grouped(result.steps)},
      {"time at the end", number_text(result.t, 15) + time_unit},
      {"state", prepared.file.system.shape.text()},
      {"sampled every", telemetry::grouped(prepared.plan.every) + " steps"},
      {"speed", telemetry::rate_text(answer.steps_per_second()) + " steps/s"},
  };
  if (const int order = order_of(prepared.plan)) {
    report.figures.insert(report.figures.begin() + 1, {"order", std::to_string(order)});
  }
  if (prepared.plan.ensemble) {
    report.figures.push_back({"members", telemetry::grouped(prepared.plan.ensemble->size)});
    report.figures.push_back({"finite members", telemetry::grouped(finite_members(result))});
  }
  for (const mechanics::Invariant& invariant : result.invariants) {
    std::string label = invariant.name + " error";
    std::ranges::replace(label, '_', ' ');
    report.figures.push_back({label, error_text(invariant.max_rel_error)});
    report.invariants.push_back({invariant.name, how_text(invariant.how), invariant.scale,
                                 invariant.max_abs_error, invariant.max_rel_error,
                                 view_of(invariant.series)});
  }
  report.timings = {{"parse, trace, facts, plan", shortest(prepared.front_s)},
                    {"compile", shortest(result.compile_s)},
                    {"run", shortest(result.run_s)}};
  for (const mechanics::Fact& fact : prepared.facts.all) {
    report.facts.push_back(
        {title_text(fact), value_text(fact), how_text(fact.how), fact.detail, fact.derivation});
  }
  for (const mechanics::Decision& d : prepared.plan.decisions) {
    report.plan.push_back({d.decision, d.choice, d.reason});
  }
  for (const mechanics::Series& series : result.observables) {
    report.observables.push_back(view_of(series));
    const std::string unit = unit_of(prepared, series.name);
    if (!unit.empty() && unit != "1") report.observables.back().name += " (" + unit + ")";
  }
  if (prepared.file.system.form != mechanics::Form::kCanonical) {
    for (const mechanics::Series& series : result.trajectory) {
      report.observables.push_back(view_of(series));
    }
    report.q = path_of(answer, room);
    return report;
  }
  for (const mechanics::Series& series : result.trajectory) {
    (series.name == "q" ? report.q : report.p) = view_of(series);
  }
  return report;
}

}  // namespace

namespace {

/// What is kept of a run until it ends.
struct Kept {
  double samples = 0, state = 0, columns = 0, members = 0;
};

Kept kept_of(const Prepared& prepared) {
  const mechanics::Plan& plan = prepared.plan;
  const mechanics::System& system = prepared.file.system;
  Kept kept;
  kept.samples = std::floor(static_cast<double>(plan.steps) /
                            static_cast<double>(std::max<std::int64_t>(plan.every, 1))) +
                 1;
  kept.state = (system.form == mechanics::Form::kCanonical ? 2 : 1) *
               static_cast<double>(system.shape.size());
  kept.columns = kept.state;
  if (!plan.ensemble) return kept;
  kept.members = static_cast<double>(plan.ensemble->size);
  for (const mechanics::Observable& o : system.observables) {
    kept.columns += static_cast<double>(o.value->result_type(0).size()) *
                    static_cast<double>(4 + plan.ensemble->quantiles.size());
  }
  return kept;
}

}  // namespace

void refuse_large_trajectory(const Prepared& prepared, const std::string& without) {
  const Kept kept = kept_of(prepared);
  const double bytes = kept.samples * kept.columns * 8;
  if (bytes <= kTrajectoryBytes) return;
  const auto every =
      static_cast<std::int64_t>(static_cast<double>(prepared.plan.every) * std::ceil(bytes / 1e9));
  throw UserError("the trajectory would take " + number_text(bytes / 1e9, 3) +
                      " GB: " + number_text(kept.samples, 9) + " samples of " +
                      number_text(kept.columns, 9) + " numbers",
                  "raise observe.every, for example --set observe.every=" + std::to_string(every) +
                      ", or run without " + without);
}

OutputPlan plan_outputs(const std::filesystem::path& folder, bool overwrite,
                        const Prepared& prepared) {
  OutputPlan outputs{folder};
  refuse_large_trajectory(prepared, "--out");
  const Kept kept = kept_of(prepared);
  if (io::csv_bytes(kept.samples, kept.columns) + io::csv_bytes(kept.members, kept.state) >
      kCsvBytes) {
    outputs.trajectory = TrajectoryFormat::kHdf5;
  }
  io::prepare_folder(folder,
                     {"result.json", "trajectory.csv", "trajectory.h5", "report.html", kMembers},
                     overwrite);
  return outputs;
}

void write_outputs(const OutputPlan& outputs, Answer& answer) {
  const std::filesystem::path& folder = outputs.folder;
  answer.outputs = {(folder / "result.json").string(),
                    (folder / name_of(outputs.trajectory)).string(),
                    (folder / "report.html").string()};
  // One run's files only: what an earlier run called differently goes away.
  std::error_code ignored;
  std::filesystem::remove(
      folder / name_of(outputs.trajectory == TrajectoryFormat::kCsv ? TrajectoryFormat::kHdf5
                                                                    : TrajectoryFormat::kCsv),
      ignored);
  std::filesystem::remove(folder / kMembers, ignored);
  write_trajectory(outputs, answer);
  const std::vector<NamedArray> members = final_members(answer.prepared.file.system, answer.result);
  if (!members.empty() && outputs.trajectory == TrajectoryFormat::kCsv) {
    write_members(outputs, members);
    answer.outputs.push_back((folder / kMembers).string());
  }
  write_report_file(folder / "report.html", answer);
  io::AtomicFile file(folder / "result.json");
  write_answer_json(file.stream(), answer, 2);
  file.commit();
}

void write_report_file(const std::filesystem::path& path, const Answer& answer) {
  io::AtomicFile file(path);
  std::vector<double> room;
  io::write_report(file.stream(), report_of(answer, room));
  file.commit();
}

}  // namespace cotangent::apps
