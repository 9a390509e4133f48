// Samples in HDF5: one group a quantity with extendable, chunked, checksummed datasets
//   /NAME/step  int64 [samples]
//   /NAME/t     float64 [samples]
//   /NAME/value float64 [samples] + shape
// and plain arrays, /NAME float64.
// Rows are appended while a run goes on, so that a long trajectory need not fit in memory.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "cotangent/io/table.h"

namespace cotangent::io {

class Hdf5File {
 public:
  /// Written beside `path`; there only after commit(). Throws DeviceError.
  explicit Hdf5File(std::filesystem::path path);
  ~Hdf5File();
  Hdf5File(const Hdf5File&) = delete;
  Hdf5File& operator=(const Hdf5File&) = delete;

  /// Appends the samples of `view` to the group of its name ("energy", "trajectory/q"), which is
  /// made at first use.
  void append(const SampleView& view);
  /// An array of its own, row-major; groups in its name are made.
  void write_array(const std::string& name, const Shape& shape, std::span<const double> values);
  /// A text attribute of the root, e.g. "title".
  void set_attribute(const std::string& name, const std::string& text);
  void set_attribute(const std::string& name, double value);
  /// Of a group or an array that is there: "invariants/energy".
  void set_attribute(const std::string& of, const std::string& name, const std::string& text);
  void set_attribute(const std::string& of, const std::string& name, double value);
  void commit();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// What append wrote under `name`, read back.
struct Samples {
  Shape shape;
  std::vector<std::int64_t> step;
  std::vector<double> t, values;
};
/// Throws DeviceError when the file, the group or its layout is not what append writes.
Samples read_samples(const std::filesystem::path& path, const std::string& name);

/// What write_array wrote.
struct PlainArray {
  Shape shape;
  std::vector<double> values;
};
PlainArray read_array(const std::filesystem::path& path, const std::string& name);

/// The names in a group, in alphabetical order; none where there is no such group.
std::vector<std::string> names_in(const std::filesystem::path& path, const std::string& group);

/// An attribute of the root ("/"), a group or an array; nothing where it has none of that name and
/// kind.
std::optional<std::string> read_text_attribute(const std::filesystem::path& path,
                                               const std::string& of, const std::string& name);
std::optional<double> read_number_attribute(const std::filesystem::path& path,
                                            const std::string& of, const std::string& name);

}  // namespace cotangent::io
