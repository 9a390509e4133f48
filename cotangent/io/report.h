// report.html: one file that shows a run, without a network, a library or a server.
//
// The data is embedded as JSON, thinned so that the page stays small; the page says how it was
// thinned. The trajectory is drawn in 3D (drag turns, wheel zooms), invariants' errors on a log
// scale, then observables, facts, the plan with its reasons, and timings. Light and dark.
#pragma once

#include <iosfwd>
#include <optional>
#include <string>
#include <vector>

#include "cotangent/io/table.h"

namespace cotangent::io {

struct ReportFact {
  std::string name, value, how, detail;
  std::vector<std::string> derivation;
};

struct ReportDecision {
  std::string decision, choice, reason;
};

struct ReportInvariant {
  std::string name, how;
  double scale = 0, max_abs_error = 0, max_rel_error = 0;
  SampleView series;  ///< the values; the page shows |value - first| / scale
};

/// A labelled figure: "steps" "20,000".
struct ReportFigure {
  std::string label, value;
};

struct Report {
  std::string title;
  std::string status;                          ///< "finished", "interrupted at step 7", ...
  bool good = true;                            ///< whether the status is one to be happy with
  std::string warning;                         ///< shown on top when not empty
  std::vector<ReportFigure> figures, timings;  ///< timings: value in seconds, as a number
  std::vector<ReportFact> facts;
  std::vector<ReportDecision> plan;
  std::vector<ReportInvariant> invariants;
  std::vector<SampleView> observables;
  std::optional<SampleView> q, p;  ///< the trajectory, when it was recorded
  std::string system_text;         ///< the system file, shown folded; may be empty
  std::string state_hash, version;
};

/// Limits of what is embedded; the rest is thinned.
struct ReportLimits {
  std::size_t samples = 2000;  ///< points of one curve
  std::size_t trajectory_numbers = 600000;
  std::size_t curves = 12;  ///< elements of one observable that are drawn
};

void write_report(std::ostream& out, const Report& report, const ReportLimits& limits = {});

}  // namespace cotangent::io
