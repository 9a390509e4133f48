#include "cotangent/apps/outputs.h"

#include <algorithm>
#include <cmath>

#include "cotangent/apps/text_table.h"
#include "cotangent/base/text.h"
#include "cotangent/base/version.h"
#include "cotangent/io/atomic_file.h"
#include "cotangent/io/csv.h"
#include "cotangent/io/hdf5_file.h"
#include "cotangent/io/report.h"
#include "cotangent/telemetry/terminal_sink.h"

namespace cotangent::apps {
namespace {

constexpr double kCsvBytes = 20e6;        ///< a larger trajectory goes to HDF5
constexpr double kTrajectoryBytes = 4e9;  ///< kept in memory until the run ends

std::string name_of(TrajectoryFormat format) {
  return format == TrajectoryFormat::kCsv ? "trajectory.csv" : "trajectory.h5";
}

void write_trajectory(const OutputPlan& outputs, const Answer& answer) {
  const std::filesystem::path path = outputs.folder / name_of(outputs.trajectory);
  const mechanics::RunResult& result = answer.result;
  if (outputs.trajectory == TrajectoryFormat::kCsv) {
    std::vector<io::SampleView> views;
    for (const mechanics::Series& series : result.trajectory) views.push_back(view_of(series));
    io::AtomicFile file(path);
    io::write_csv(file.stream(), views);
    file.commit();
    return;
  }
  io::Hdf5File file(path);
  const auto append = [&](const std::string& group, const mechanics::Series& series) {
    io::SampleView view = view_of(series);
    view.name = group + "/" + series.name;
    file.append(view);
  };
  for (const mechanics::Series& series : result.trajectory) append("trajectory", series);
  for (const mechanics::Series& series : result.observables) append("observables", series);
  for (const mechanics::Invariant& invariant : result.invariants) {
    append("invariants", invariant.series);
  }
  file.set_attribute("title", answer.prepared.file.system.title);
  file.set_attribute("state_hash", result.state_hash);
  file.set_attribute("dt", answer.prepared.plan.dt);
  file.set_attribute("written_by", std::string("cotangent ") + kVersion);
  file.commit();
}

io::Report report_of(const Answer& answer) {
  const Prepared& prepared = answer.prepared;
  const mechanics::RunResult& result = answer.result;
  io::Report report;
  report.title =
      prepared.file.system.title.empty() ? prepared.file.source->name : prepared.file.system.title;
  report.good = result.status == mechanics::RunStatus::kFinished;
  report.status = answer.status();
  if (!report.good) report.status += " after " + telemetry::grouped(result.steps) + " steps";
  if (result.fault) report.warning = fault_text(result, prepared);
  report.version = std::string("cotangent ") + kVersion;
  report.state_hash = result.state_hash;
  report.system_text = prepared.file.source->text;

  const formats::UnitLabels& units = prepared.file.units;
  const std::string time_unit = units.given ? " " + units.t : "";
  report.figures = {
      {"method", prepared.plan.method},
      {"order", std::to_string(prepared.plan.composition.order)},
      {"precision", prepared.plan.precision},
      {"dt", number_text(prepared.plan.dt, 15) + time_unit},
      {"steps", telemetry::grouped(result.steps)},
      {"time at the end", number_text(result.t, 15) + time_unit},
      {"state", prepared.file.system.shape.text()},
      {"sampled every", telemetry::grouped(prepared.plan.every) + " steps"},
      {"speed", telemetry::rate_text(answer.steps_per_second()) + " steps/s"},
  };
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
    const std::string unit = prepared.file.units.of_observable(series.name);
    if (!unit.empty() && unit != "1") report.observables.back().name += " (" + unit + ")";
  }
  for (const mechanics::Series& series : result.trajectory) {
    (series.name == "q" ? report.q : report.p) = view_of(series);
  }
  return report;
}

}  // namespace

OutputPlan plan_outputs(const std::filesystem::path& folder, bool overwrite,
                        const Prepared& prepared) {
  OutputPlan outputs{folder};
  const mechanics::Plan& plan = prepared.plan;
  const double samples = std::floor(static_cast<double>(plan.steps) /
                                    static_cast<double>(std::max<std::int64_t>(plan.every, 1))) +
                         1;
  const double columns = 2 * static_cast<double>(prepared.file.system.shape.size());
  if (samples * columns * 8 > kTrajectoryBytes) {
    throw UserError(
        "the trajectory would take " + number_text(samples * columns * 8 / 1e9, 3) + " GB: " +
            number_text(samples, 9) + " samples of " + number_text(columns, 9) + " numbers",
        "raise observe.every, for example --set observe.every=" +
            std::to_string(static_cast<std::int64_t>(static_cast<double>(plan.every) *
                                                     std::ceil(samples * columns * 8 / 1e9))) +
            ", or run without --out");
  }
  if (io::csv_bytes(samples, columns) > kCsvBytes) outputs.trajectory = TrajectoryFormat::kHdf5;
  io::prepare_folder(folder, {"result.json", "trajectory.csv", "trajectory.h5", "report.html"},
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
  write_trajectory(outputs, answer);
  {
    io::AtomicFile file(folder / "report.html");
    io::write_report(file.stream(), report_of(answer));
    file.commit();
  }
  io::AtomicFile file(folder / "result.json");
  write_answer_json(file.stream(), answer, 2);
  file.commit();
}

}  // namespace cotangent::apps
