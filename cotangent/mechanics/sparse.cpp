#include "cotangent/mechanics/sparse.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "cotangent/base/error.h"
#include "cotangent/mechanics/scalars.h"

namespace cotangent::mechanics {
namespace {

constexpr std::int64_t kDense = 48;         // columns asked for one by one
constexpr std::int64_t kDenseLimit = 4096;  // the same where nothing else succeeds
constexpr std::int64_t kGroups = 16;
constexpr int kRounds = 12;
constexpr double kTolerance = 1e-9;

std::uint64_t scramble(std::uint64_t z) {
  z += 0x9e3779b97f4a7c15ull;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
  return z ^ (z >> 31);
}
double uniform(std::uint64_t seed) {
  return static_cast<double>(scramble(seed) >> 11) * 0x1p-53;
}

/// Whether A has the same products with random vectors.
bool agrees(const Product& product, const SparseMatrix& a) {
  for (std::uint64_t round = 0; round < 2; ++round) {
    std::vector<double> v(at(a.columns));
    for (std::size_t j = 0; j < v.size(); ++j) v[j] = 0.5 + uniform((round << 40) + j);
    const std::vector<double> y = product(v);
    for (std::int64_t i = 0; i < a.rows; ++i) {
      double sum = 0, size = 0;
      for (std::int64_t k = a.start[at(i)]; k < a.start[at(i + 1)]; ++k) {
        const double term = a.value[at(k)] * v[at(a.column[at(k)])];
        sum += term;
        size += std::abs(term);
      }
      if (!(std::abs(y[at(i)] - sum) <= kTolerance * size)) return false;
    }
  }
  return true;
}

SparseMatrix by_columns(const Product& product, std::int64_t rows, std::int64_t columns) {
  std::vector<Entry> entries;
  std::vector<double> v(at(columns), 0.0);
  for (std::int64_t j = 0; j < columns; ++j) {
    v[at(j)] = 1;
    const std::vector<double> y = product(v);
    v[at(j)] = 0;
    for (std::int64_t i = 0; i < rows; ++i) {
      if (y[at(i)] != 0) entries.push_back({i, j, y[at(i)]});
    }
  }
  return sparse_from(rows, columns, std::move(entries));
}

/// A square matrix whose entries are at most `reach` from the diagonal, around the end too.
std::optional<SparseMatrix> by_bands(const Product& product, std::int64_t n, std::int64_t reach) {
  const std::int64_t stride = 2 * reach + 1;
  if (n < 3 * stride) return {};
  const std::int64_t whole = n / stride * stride;  // the columns after this have their own colours
  std::vector<Entry> entries;
  std::vector<double> v(at(n));
  for (std::int64_t colour = 0; colour < stride + n - whole; ++colour) {
    const auto has = [&](std::int64_t j) {
      return colour < stride ? j < whole && j % stride == colour : j == whole + colour - stride;
    };
    for (std::int64_t j = 0; j < n; ++j) v[at(j)] = has(j) ? 1 : 0;
    const std::vector<double> y = product(v);
    for (std::int64_t i = 0; i < n; ++i) {
      if (y[at(i)] == 0) continue;
      std::int64_t found = -1;
      for (std::int64_t d = -reach; d <= reach && found < 0; ++d) {
        const std::int64_t j = ((i + d) % n + n) % n;
        if (has(j)) found = j;
      }
      if (found < 0) return {};
      entries.push_back({i, found, y[at(i)]});
    }
  }
  SparseMatrix a = sparse_from(n, n, std::move(entries));
  if (!agrees(product, a)) return {};
  return a;
}

/// Where entries are, for any pattern. Columns fall into groups by a hash; where a row has one
/// entry in a group, the products with ones, with the columns' numbers and with random weights tell
/// which, and what it is. What is found is taken off, so that groups empty.
SparseMatrix by_groups(const Product& product, std::int64_t rows, std::int64_t columns) {
  std::vector<Entry> entries;
  SparseMatrix found = sparse_from(rows, columns, {});
  std::vector<double> v(at(columns));
  for (int round = 0; round < kRounds; ++round) {
    const auto group_of = [&](std::int64_t j) {
      return static_cast<std::int64_t>(
          scramble(static_cast<std::uint64_t>(j) ^ (static_cast<std::uint64_t>(round) << 48)) %
          kGroups);
    };
    const auto weight = [&](std::int64_t j, int which) {
      return which == 0   ? 1.0
             : which == 1 ? static_cast<double>(j + 1)
                          : 1 + uniform(static_cast<std::uint64_t>(j) + (7ull << 50));
    };
    for (std::int64_t group = 0; group < kGroups; ++group) {
      std::vector<double> y[3];
      for (int which = 0; which < 3; ++which) {
        for (std::int64_t j = 0; j < columns; ++j) {
          v[at(j)] = group_of(j) == group ? weight(j, which) : 0;
        }
        y[which] = product(v);
        found.add_product(-1.0, v.data(), y[which].data());
      }
      for (std::int64_t i = 0; i < rows; ++i) {
        const double value = y[0][at(i)];
        double size = std::abs(value);
        for (std::int64_t k = found.start[at(i)]; k < found.start[at(i + 1)]; ++k) {
          size = std::max(size, std::abs(found.value[at(k)]));
        }
        if (std::abs(value) <= 1e-12 * size) continue;
        const double where = y[1][at(i)] / value;
        const std::int64_t j = std::llround(where) - 1;
        if (!(std::abs(where) < 1e15) || j < 0 || j >= columns || group_of(j) != group) continue;
        if (std::abs(where - static_cast<double>(j + 1)) > 1e-3) continue;
        if (std::abs(y[2][at(i)] / value - weight(j, 2)) > 1e-6) continue;
        if (found.at(i, j) == 0) entries.push_back({i, j, value});
      }
    }
    found = sparse_from(rows, columns, entries);
    if (agrees(product, found)) return found;
  }
  throw UserError("the matrix of this linear system has rows with too many entries to be found",
                  "give a system of at most " + std::to_string(kDenseLimit) + " entries");
}

/// The same entries, each as its own unit vector gives it.
SparseMatrix exact_entries(const Product& product, const SparseMatrix& pattern) {
  std::vector<std::vector<std::int64_t>> in_column(at(pattern.columns));
  for (std::int64_t i = 0; i < pattern.rows; ++i) {
    for (std::int64_t k = pattern.start[at(i)]; k < pattern.start[at(i + 1)]; ++k) {
      in_column[at(pattern.column[at(k)])].push_back(i);
    }
  }
  // Greedy: the first colour that no column with a row in common has.
  std::vector<std::int64_t> colour(at(pattern.columns), -1), taken;
  std::int64_t colours = 0;
  for (std::int64_t j = 0; j < pattern.columns; ++j) {
    for (std::int64_t i : in_column[at(j)]) {
      for (std::int64_t k = pattern.start[at(i)]; k < pattern.start[at(i + 1)]; ++k) {
        const std::int64_t other = colour[at(pattern.column[at(k)])];
        if (other >= 0) taken[at(other)] = j;
      }
    }
    std::int64_t c = 0;
    while (c < colours && taken[at(c)] == j) ++c;
    if (c == colours) taken.push_back(-1), ++colours;
    colour[at(j)] = c;
  }
  std::vector<Entry> entries;
  std::vector<double> v(at(pattern.columns));
  for (std::int64_t c = 0; c < colours; ++c) {
    for (std::size_t j = 0; j < v.size(); ++j) v[j] = colour[j] == c ? 1 : 0;
    const std::vector<double> y = product(v);
    for (std::int64_t i = 0; i < pattern.rows; ++i) {
      for (std::int64_t k = pattern.start[at(i)]; k < pattern.start[at(i + 1)]; ++k) {
        const std::int64_t j = pattern.column[at(k)];
        if (colour[at(j)] == c) entries.push_back({i, j, y[at(i)]});
      }
    }
  }
  return sparse_from(pattern.rows, pattern.columns, std::move(entries));
}

}  // namespace

double SparseMatrix::at(std::int64_t i, std::int64_t j) const {
  const auto begin = column.begin() + start[static_cast<std::size_t>(i)];
  const auto end = column.begin() + start[static_cast<std::size_t>(i) + 1];
  const auto found = std::lower_bound(begin, end, j);
  return found == end || *found != j ? 0.0
                                     : value[static_cast<std::size_t>(found - column.begin())];
}

bool SparseMatrix::is_diagonal() const {
  for (std::int64_t i = 0; i < rows; ++i) {
    for (std::int64_t k = start[static_cast<std::size_t>(i)];
         k < start[static_cast<std::size_t>(i) + 1]; ++k) {
      if (column[static_cast<std::size_t>(k)] != i) return false;
    }
  }
  return true;
}

SparseMatrix sparse_from(std::int64_t rows, std::int64_t columns, std::vector<Entry> entries) {
  std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
    return a.row != b.row ? a.row < b.row : a.column < b.column;
  });
  SparseMatrix a;
  a.rows = rows;
  a.columns = columns;
  a.start.assign(at(rows) + 1, 0);
  for (const Entry& e : entries) {
    if (e.value == 0) continue;
    a.column.push_back(e.column);
    a.value.push_back(e.value);
    ++a.start[at(e.row) + 1];
  }
  for (std::int64_t i = 0; i < rows; ++i) a.start[at(i) + 1] += a.start[at(i)];
  return a;
}

SparseMatrix find_sparse(const Product& product, std::int64_t rows, std::int64_t columns,
                         std::int64_t block) {
  if (columns <= kDense) return by_columns(product, rows, columns);
  if (rows == columns) {
    for (const std::int64_t sites : {1, 4}) {
      const std::int64_t reach = (sites + 1) * block - 1;
      if (auto a = by_bands(product, rows, reach)) return *a;
    }
  }
  if (columns <= kDenseLimit / 8) return by_columns(product, rows, columns);
  try {
    return exact_entries(product, by_groups(product, rows, columns));
  } catch (const UserError&) {
    if (columns > kDenseLimit) throw;
    return by_columns(product, rows, columns);
  }
}

}  // namespace cotangent::mechanics
