// Comma-separated values: a head of column names, one row a sample, floats that read back exactly.
#pragma once

#include <iosfwd>
#include <span>

#include "cotangent/io/table.h"

namespace cotangent::io {

/// All views must have the same samples (steps); columns are step, t, then each view's elements.
/// Names with commas are quoted (RFC 4180), lines end in "\n".
void write_csv(std::ostream& out, std::span<const SampleView> views);

/// An upper estimate of the bytes write_csv makes of `samples` rows of `columns` numbers.
double csv_bytes(double samples, double columns);

}  // namespace cotangent::io
