#include "cotangent/runtime/fault.h"

#include <algorithm>
#include <bit>
#include <cstdio>

#include "cotangent/base/error.h"

namespace cotangent::runtime {
namespace {

const std::string kRemedy = "\n  to do: ";

void replace(std::string& text, const std::string& what, const std::string& by) {
  for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at)) {
    text.replace(at, what.size(), by);
    at += by.size();
  }
}

std::string with_numbers(std::string message, std::int64_t payload) {
  const auto low = static_cast<std::uint32_t>(static_cast<std::uint64_t>(payload));
  char real[32];
  std::snprintf(real, sizeof real, "%.3g", static_cast<double>(std::bit_cast<float>(low)));
  replace(message, "{count}", std::to_string(payload >> 32));
  replace(message, "{real}", real);
  return message;
}

}  // namespace

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
  parts.what = known && !check->message.empty() ? with_numbers(check->message, fault.payload)
                                                : "check " + std::to_string(fault.site) + " failed";
  if (const std::size_t at = parts.what.find(kRemedy); at != std::string::npos) {
    parts.remedy = parts.what.substr(at + kRemedy.size());
    parts.what.resize(at);
  }
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
