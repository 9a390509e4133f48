// The answer of `run`: one JSON object (cotangent.run/1), or a table for people.
#pragma once

#include <iosfwd>
#include <string>
#include <vector>

#include "cotangent/apps/prepared.h"
#include "cotangent/io/table.h"

namespace cotangent::io {
class JsonWriter;
}

namespace cotangent::apps {

/// "finished", "interrupted", "non-finite", "stopped"
std::string status_text(mechanics::RunStatus status);

struct Answer {
  const Prepared& prepared;
  const mechanics::RunResult& result;
  std::vector<std::string> outputs;  ///< files written

  double steps_per_second() const;
  std::string status() const;
};

void write_answer_json(std::ostream& out, const Answer& answer, int indent);
void write_answer_text(std::ostream& out, const Answer& answer);

/// What stopped a run that turned non-finite: step, time, component, expression with a caret; then
/// the last good step and what to do. `result` must have a fault.
std::string fault_text(const mechanics::RunResult& result, const Prepared& prepared);
/// Where and why a run was stopped that is still finite.
std::string stop_text(const mechanics::RunResult& result);
/// The field "fault" of an answer.
void write_fault(io::JsonWriter& json, const mechanics::NonFinite& fault);

io::SampleView view_of(const mechanics::Series& series);

}  // namespace cotangent::apps
