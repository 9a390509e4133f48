// Sparse matrices by rows, and how to find one from its products with vectors alone.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace cotangent::mechanics {

/// A sparse matrix by rows; columns ascend in a row, no entry is zero.
struct SparseMatrix {
  std::int64_t rows = 0, columns = 0;
  std::vector<std::int64_t> start;  ///< rows + 1: row i is start[i] .. start[i + 1]
  std::vector<std::int64_t> column;
  std::vector<double> value;

  std::int64_t entries() const { return static_cast<std::int64_t>(value.size()); }
  double at(std::int64_t i, std::int64_t j) const;
  bool is_diagonal() const;
  /// y += scale * A x
  template <class T>
  void add_product(T scale, const T* x, T* y) const {
    for (std::int64_t i = 0; i < rows; ++i) {
      T sum = 0;
      for (std::int64_t k = start[static_cast<std::size_t>(i)];
           k < start[static_cast<std::size_t>(i) + 1]; ++k) {
        sum += static_cast<T>(value[static_cast<std::size_t>(k)]) *
               x[column[static_cast<std::size_t>(k)]];
      }
      y[i] += scale * sum;
    }
  }
};

/// One entry of a matrix.
struct Entry {
  std::int64_t row, column;
  double value;
};
/// Entries in any order, each place at most once; zeros are left out.
SparseMatrix sparse_from(std::int64_t rows, std::int64_t columns, std::vector<Entry> entries);

/// y = A v. May be called often.
using Product = std::function<std::vector<double>(std::span<const double> v)>;

/// A from its products. Every entry is the one its own unit vector gives: columns are asked for
/// together only where they share no row. `block` is the length of a site: a banded or periodic
/// matrix costs a few products for each of a site's entries, whatever the number of rows; any other
/// sparse one about 3 for each of 16 groups of columns, a few times over, to find where entries
/// are (Curtis, Powell, Reid 1974 for the rest). Products with two random vectors check the result.
/// Throws UserError where rows have so many entries that none of this succeeds.
SparseMatrix find_sparse(const Product& product, std::int64_t rows, std::int64_t columns,
                         std::int64_t block);

}  // namespace cotangent::mechanics
