#include "cotangent/runtime/fault.h"

#include <algorithm>

#include "cotangent/base/error.h"

namespace cotangent::runtime {

std::optional<Fault> read_fault(std::span<const std::int64_t> record) {
  ensure(record.size() == 4, "a fault is four numbers");
  if (record[2] == transform::kNoFault) return std::nullopt;
  return Fault{record[0], record[1], record[2], record[3]};
}

void throw_fault(const Fault& fault, std::span<const transform::FaultSite> checks,
                 const std::string& program, std::span<const SourcePtr> sources) {
  const auto check = std::find_if(checks.begin(), checks.end(), [&](const transform::FaultSite& c) {
    return c.site == fault.site;
  });
  const bool known = check != checks.end();
  ErrorParts parts;
  parts.what = known && !check->message.empty() ? check->message
                                                : "check " + std::to_string(fault.site) + " failed";
  if (fault.step >= 0) parts.what += ", step " + std::to_string(fault.step);
  if (fault.lane >= 0) parts.what += ", lane " + std::to_string(fault.lane);
  parts.where = "program '" + program + "'";
  if (known && !check->spans.empty()) {
    const SourceSpan span = check->spans[0];
    parts.where = span.source < sources.size()
                      ? show_place(*sources[span.source], span)
                      : parts.where + ", source " + std::to_string(span.source) + ", bytes " +
                            std::to_string(span.begin) + " to " + std::to_string(span.end);
  }
  throw UserError(std::move(parts));
}

}  // namespace cotangent::runtime
