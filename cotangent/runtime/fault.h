// Faults as a caller sees them: read from the record that a program with checks gives, and told.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "cotangent/base/span.h"
#include "cotangent/transform/faults.h"

namespace cotangent::runtime {

struct Fault {
  std::int64_t step = -1;  ///< of the outermost loop around the check; -1: none
  std::int64_t lane = -1;  ///< of the outermost map around it; -1: none
  std::int64_t site = 0;
  std::int64_t payload = 0;
};

/// `record` is the last result of a program with checks: i64[4].
std::optional<Fault> read_fault(std::span<const std::int64_t> record);

/// UserError: the check's message, with step and lane. `sources`, when given, are the texts that
/// the check's places refer to. In a message {count} is the high half of the payload, {real} the
/// low half as an f32; "\n  to do: " begins the remedy.
[[noreturn]] void throw_fault(const Fault& fault, std::span<const transform::FaultSite> checks,
                              const std::string& program, std::span<const SourcePtr> sources = {});

}  // namespace cotangent::runtime
