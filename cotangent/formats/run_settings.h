// The [run] table.
#pragma once

#include <optional>
#include <string_view>

#include "cotangent/formats/values.h"

namespace cotangent::formats {

/// Reads [run]: two of dt, t_end and steps, and the overrides of the plan; of a map steps alone,
/// and dt is 1. Places from `overrides_begin` on are of a --set, which wins over what the file
/// says; `set_aside` takes the keys of the file that this leaves without effect. Throws UserError.
mechanics::RunSettings read_run(const ValueSource& source, const Node& run,
                                const lang::Context& names, std::uint32_t overrides_begin,
                                mechanics::Form form = mechanics::Form::kCanonical,
                                std::vector<std::string>* set_aside = nullptr);

/// Reads [gradient]: policy, budget, tolerance, horizon. Throws UserError.
mechanics::GradientSettings read_gradient(const ValueSource& source, const Node& gradient,
                                          const lang::Context& names);

/// "10 MB" (powers of 1000), "10 MiB" (of 1024), "4096": bytes. Nothing where the text is no such
/// size, or one above 2^62.
std::optional<std::int64_t> parse_bytes(std::string_view text);

}  // namespace cotangent::formats
