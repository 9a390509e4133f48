#include "cotangent/apps/statistics.h"

#include <algorithm>
#include <cmath>
#include <ostream>

#include "cotangent/apps/text_table.h"
#include "cotangent/telemetry/terminal_sink.h"

namespace cotangent::apps {

std::int64_t finite_members(const mechanics::RunResult& result) {
  if (result.members.empty()) return 0;
  std::int64_t finite = 0;
  const std::int64_t size = result.members[0].type().shape[0];
  for (std::int64_t m = 0; m < size; ++m) {
    finite += std::ranges::all_of(result.members, [&](const ir::Tensor& x) {
      const std::int64_t row = x.size() / size;
      for (std::int64_t k = m * row; k < (m + 1) * row; ++k) {
        if (!std::isfinite(x.real(k))) return false;
      }
      return true;
    });
  }
  return finite;
}

std::string observable_of(const Prepared& prepared, const std::string& series) {
  if (!prepared.plan.ensemble) return "";
  for (const mechanics::Observable& o : prepared.file.system.observables) {
    if (series.starts_with(o.name + ".")) return o.name;
  }
  return "";
}

std::string unit_of(const Prepared& prepared, const std::string& series) {
  const std::string of = observable_of(prepared, series);
  return prepared.file.units.of_observable(of.empty() ? series : of);
}

std::vector<std::string> units_of_covariance(const Prepared& prepared) {
  std::vector<std::string> units;
  if (!prepared.plan.ensemble) return units;
  for (const std::string& name : prepared.plan.ensemble->covariance) {
    const auto& all = prepared.file.system.observables;
    const auto o = std::ranges::find(all, name, &mechanics::Observable::name);
    units.insert(units.end(), static_cast<std::size_t>(o->value->result_type(0).size()),
                 prepared.file.units.of_observable(name));
  }
  return units;
}

void write_statistics_text(std::ostream& out, const Answer& answer) {
  const mechanics::RunResult& result = answer.result;
  const Prepared& prepared = answer.prepared;
  std::vector<std::string> kinds;  // "mean", "std", ...
  for (const mechanics::Series& s : result.observables) {
    const std::string of = observable_of(prepared, s.name);
    if (of.empty()) continue;
    const std::string kind = s.name.substr(of.size() + 1);
    if (std::ranges::find(kinds, kind) == kinds.end()) kinds.push_back(kind);
  }
  out << "\nensemble    " << telemetry::grouped(prepared.plan.ensemble->size) << " members, "
      << telemetry::grouped(finite_members(result)) << " finite at the end, seed "
      << prepared.plan.ensemble->seed << '\n';
  if (kinds.empty()) return;
  out << "\nobservables over the members at t = " << number_text(result.t, 15) << '\n';
  TextTable table;
  table.width = 200;
  table.rows.push_back({""});
  for (const std::string& kind : kinds) {
    table.rows[0].push_back(kind);
    table.right.push_back(table.right.size() + 1);
  }
  if (prepared.file.units.given) table.rows[0].push_back("unit");
  std::string row;
  for (const mechanics::Series& s : result.observables) {
    const std::string of = observable_of(prepared, s.name);
    if (of.empty() || of == row) continue;
    row = of;
    const std::vector<std::string> names = io::column_names(of, s.shape);
    constexpr std::size_t kShown = 6;
    for (std::size_t c = 0; c < std::min(names.size(), kShown); ++c) {
      std::vector<std::string> cells = {names[c]};
      for (const std::string& kind : kinds) {
        const auto found =
            std::ranges::find(result.observables, of + "." + kind, &mechanics::Series::name);
        if (found == result.observables.end()) {  // not every observable has every kind
          cells.push_back("-");
          continue;
        }
        const io::SampleView view = view_of(*found);
        cells.push_back(number_text(view.row(view.t.size() - 1)[c], 6));
      }
      if (prepared.file.units.given) cells.push_back(unit_of(prepared, of));
      table.rows.push_back(std::move(cells));
    }
    if (names.size() > kShown) {
      table.rows.push_back(
          {of + " ...", "(" + std::to_string(names.size()) + " entries; --json gives all)"});
    }
  }
  out << table;
}

}  // namespace cotangent::apps
