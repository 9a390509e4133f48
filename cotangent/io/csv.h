// Comma-separated values: a head of column names, one row a sample, floats that read back exactly.
#pragma once

#include <iosfwd>
#include <span>

#include "cotangent/io/table.h"

namespace cotangent::io {

/// Columns are step, t, then each view's elements; a row for each step that a view has a sample at.
/// Cells of a view that has none there stay empty. Names with commas are quoted (RFC 4180), lines
/// end in "\n".
void write_csv(std::ostream& out, std::span<const SampleView> views);

/// Members of an ensemble: columns are member, then each view's elements; its rows are the members.
void write_members_csv(std::ostream& out, std::span<const SampleView> views);

/// An upper estimate of the bytes write_csv makes of `samples` rows of `columns` numbers.
double csv_bytes(double samples, double columns);

}  // namespace cotangent::io
