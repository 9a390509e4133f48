// The files of a run: result.json, trajectory.csv or trajectory.h5, report.html; members.csv of an
// ensemble, unless they are in trajectory.h5.
#pragma once

#include <filesystem>
#include <optional>

#include "cotangent/apps/answer.h"

namespace cotangent::apps {

enum class TrajectoryFormat { kCsv, kHdf5 };

struct OutputPlan {
  std::filesystem::path folder;
  TrajectoryFormat trajectory = TrajectoryFormat::kCsv;
};

/// Decides the formats and makes sure the folder can be written, before anything is computed.
/// UserError when it cannot, or when the trajectory would be too large to keep.
OutputPlan plan_outputs(const std::filesystem::path& folder, bool overwrite,
                        const Prepared& prepared);

/// UserError where the trajectory would be too large to keep in memory until the run ends;
/// `without` is how to run and keep none.
void refuse_large_trajectory(const Prepared& prepared, const std::string& without);

/// Writes all of them, each whole or not at all, and lists them in answer.outputs.
void write_outputs(const OutputPlan& outputs, Answer& answer);

/// report.html alone.
void write_report_file(const std::filesystem::path& path, const Answer& answer);

}  // namespace cotangent::apps
