#include "cotangent/io/hdf5_file.h"

#include <hdf5.h>

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <system_error>
#include <vector>

#include "cotangent/base/error.h"
#include "cotangent/io/atomic_file.h"

namespace cotangent::io {
namespace {

/// An HDF5 handle that closes itself.
class Handle {
 public:
  Handle() = default;
  Handle(hid_t id, herr_t (*closer)(hid_t), const char* doing) : id_(id), close_(closer) {
    if (id < 0) throw DeviceError(std::string("HDF5: cannot ") + doing);
  }
  Handle(Handle&& other) noexcept : id_(other.id_), close_(other.close_) { other.id_ = -1; }
  Handle& operator=(Handle&& other) noexcept {
    std::swap(id_, other.id_);
    std::swap(close_, other.close_);
    return *this;
  }
  ~Handle() { close(); }
  bool close() {
    const bool good = id_ < 0 || close_(id_) >= 0;
    id_ = -1;
    return good;
  }
  hid_t get() const { return id_; }

 private:
  hid_t id_ = -1;
  herr_t (*close_)(hid_t) = nullptr;
};

void check(herr_t status, const char* doing) {
  if (status < 0) throw DeviceError(std::string("HDF5: cannot ") + doing, "is the disk full?");
}

/// Keeps the library's own error stack off stderr while one of our calls runs; errors come back
/// as DeviceError.
class QuietErrors {
 public:
  QuietErrors() {
    H5Eget_auto2(H5E_DEFAULT, &function_, &data_);
    H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
  }
  ~QuietErrors() { H5Eset_auto2(H5E_DEFAULT, function_, data_); }
  QuietErrors(const QuietErrors&) = delete;
  QuietErrors& operator=(const QuietErrors&) = delete;

 private:
  H5E_auto2_t function_ = nullptr;
  void* data_ = nullptr;
};

constexpr double kChunkBytes = 256.0 * 1024;

/// An extendable dataset and how many rows it has.
struct Rows {
  Handle set;
  std::vector<hsize_t> size;  ///< [rows] + shape

  void append(hid_t memory_type, const void* data, std::size_t count) {
    std::vector<hsize_t> start(size.size(), 0), extent = size;
    start[0] = size[0];
    extent[0] = count;
    size[0] += count;
    check(H5Dset_extent(set.get(), size.data()), "extend a dataset");
    const Handle file_space(H5Dget_space(set.get()), H5Sclose, "read a dataspace");
    check(H5Sselect_hyperslab(file_space.get(), H5S_SELECT_SET, start.data(), nullptr,
                              extent.data(), nullptr),
          "select rows");
    const Handle memory_space(
        H5Screate_simple(static_cast<int>(extent.size()), extent.data(), nullptr), H5Sclose,
        "make a dataspace");
    check(H5Dwrite(set.get(), memory_type, memory_space.get(), file_space.get(), H5P_DEFAULT, data),
          "write rows");
  }
};

Rows make_rows(hid_t group, const char* name, hid_t type, const Shape& shape) {
  Rows rows;
  rows.size = {0};
  for (std::int64_t n : shape) rows.size.push_back(static_cast<hsize_t>(n));
  std::vector<hsize_t> most = rows.size, chunk = rows.size;
  most[0] = H5S_UNLIMITED;
  const double row_bytes = 8.0 * static_cast<double>(std::max<std::int64_t>(shape.size(), 1));
  chunk[0] = static_cast<hsize_t>(std::clamp(kChunkBytes / row_bytes, 1.0, 4096.0));
  for (hsize_t& n : chunk) n = std::max<hsize_t>(n, 1);
  // A chunk stays below HDF5's 4 GB even when one row is large.
  for (std::size_t axis = 1; row_bytes > 64e6 && axis < chunk.size(); ++axis) {
    chunk[axis] = std::min<hsize_t>(chunk[axis], 1u << 20);
  }
  const Handle space(
      H5Screate_simple(static_cast<int>(rows.size.size()), rows.size.data(), most.data()), H5Sclose,
      "make a dataspace");
  const Handle properties(H5Pcreate(H5P_DATASET_CREATE), H5Pclose, "make properties");
  check(H5Pset_chunk(properties.get(), static_cast<int>(chunk.size()), chunk.data()), "set chunks");
  check(H5Pset_fletcher32(properties.get()), "set checksums");
  rows.set =
      Handle(H5Dcreate2(group, name, type, space.get(), H5P_DEFAULT, properties.get(), H5P_DEFAULT),
             H5Dclose, "make a dataset");
  return rows;
}

struct Group {
  Shape shape;
  Rows step, t, value;
};

}  // namespace

struct Hdf5File::Impl {
  std::filesystem::path path, beside;
  Handle file;
  std::map<std::string, Group> groups;
};

Hdf5File::Hdf5File(std::filesystem::path path) : impl_(std::make_unique<Impl>()) {
  const QuietErrors quiet;
  impl_->path = std::move(path);
  impl_->beside = name_beside(impl_->path);
  const Handle access(H5Pcreate(H5P_FILE_ACCESS), H5Pclose, "make properties");
  H5Pset_libver_bounds(access.get(), H5F_LIBVER_V18, H5F_LIBVER_LATEST);
  const hid_t file = H5Fcreate(impl_->beside.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, access.get());
  if (file < 0) {
    throw DeviceError("cannot write '" + impl_->path.string() + "'",
                      "check that the folder can be written and the disk has room");
  }
  impl_->file = Handle(file, H5Fclose, "make a file");
}

Hdf5File::~Hdf5File() {
  if (impl_->file.get() < 0) return;
  const QuietErrors quiet;
  impl_->groups.clear();
  impl_->file.close();
  std::error_code ignored;
  std::filesystem::remove(impl_->beside, ignored);
}

void Hdf5File::append(const SampleView& view) {
  const QuietErrors quiet;
  auto found = impl_->groups.find(view.name);
  if (found == impl_->groups.end()) {
    const Handle links(H5Pcreate(H5P_LINK_CREATE), H5Pclose, "make properties");
    H5Pset_create_intermediate_group(links.get(), 1);
    const Handle group(
        H5Gcreate2(impl_->file.get(), view.name.c_str(), links.get(), H5P_DEFAULT, H5P_DEFAULT),
        H5Gclose, "make a group");
    Group made{view.shape, make_rows(group.get(), "step", H5T_STD_I64LE, {}),
               make_rows(group.get(), "t", H5T_IEEE_F64LE, {}),
               make_rows(group.get(), "value", H5T_IEEE_F64LE, view.shape)};
    found = impl_->groups.emplace(view.name, std::move(made)).first;
  }
  Group& group = found->second;
  ensure(group.shape == view.shape, "Hdf5File::append: shape changed");
  const std::size_t count = view.step.size();
  ensure(view.t.size() == count && view.values.size() == count * view.width(),
         "Hdf5File::append: sizes differ");
  if (count == 0) return;
  group.step.append(H5T_NATIVE_INT64, view.step.data(), count);
  group.t.append(H5T_NATIVE_DOUBLE, view.t.data(), count);
  if (view.width() > 0) group.value.append(H5T_NATIVE_DOUBLE, view.values.data(), count);
}

void Hdf5File::write_array(const std::string& name, const Shape& shape,
                           std::span<const double> values) {
  const QuietErrors quiet;
  ensure(values.size() == static_cast<std::size_t>(shape.size()),
         "Hdf5File::write_array: sizes differ");
  std::vector<hsize_t> size;
  for (std::int64_t n : shape) size.push_back(static_cast<hsize_t>(n));
  const Handle space(H5Screate_simple(static_cast<int>(size.size()), size.data(), nullptr),
                     H5Sclose, "make a dataspace");
  const Handle links(H5Pcreate(H5P_LINK_CREATE), H5Pclose, "make properties");
  H5Pset_create_intermediate_group(links.get(), 1);
  const Handle set(H5Dcreate2(impl_->file.get(), name.c_str(), H5T_IEEE_F64LE, space.get(),
                              links.get(), H5P_DEFAULT, H5P_DEFAULT),
                   H5Dclose, "make a dataset");
  check(H5Dwrite(set.get(), H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()),
        "write an array");
}

void Hdf5File::set_attribute(const std::string& of, const std::string& name,
                             const std::string& text) {
  const QuietErrors quiet;
  const Handle object(H5Oopen(impl_->file.get(), of.c_str(), H5P_DEFAULT), H5Oclose,
                      "open an object");
  const Handle type(H5Tcopy(H5T_C_S1), H5Tclose, "make a type");
  check(H5Tset_size(type.get(), text.size() + 1), "size a type");
  check(H5Tset_cset(type.get(), H5T_CSET_UTF8), "set a character set");
  const Handle space(H5Screate(H5S_SCALAR), H5Sclose, "make a dataspace");
  const Handle attribute(
      H5Acreate2(object.get(), name.c_str(), type.get(), space.get(), H5P_DEFAULT, H5P_DEFAULT),
      H5Aclose, "make an attribute");
  check(H5Awrite(attribute.get(), type.get(), text.c_str()), "write an attribute");
}

void Hdf5File::set_attribute(const std::string& of, const std::string& name, double value) {
  const QuietErrors quiet;
  const Handle object(H5Oopen(impl_->file.get(), of.c_str(), H5P_DEFAULT), H5Oclose,
                      "open an object");
  const Handle space(H5Screate(H5S_SCALAR), H5Sclose, "make a dataspace");
  const Handle attribute(
      H5Acreate2(object.get(), name.c_str(), H5T_IEEE_F64LE, space.get(), H5P_DEFAULT, H5P_DEFAULT),
      H5Aclose, "make an attribute");
  check(H5Awrite(attribute.get(), H5T_NATIVE_DOUBLE, &value), "write an attribute");
}

void Hdf5File::set_attribute(const std::string& name, const std::string& text) {
  set_attribute("/", name, text);
}

void Hdf5File::set_attribute(const std::string& name, double value) {
  set_attribute("/", name, value);
}

std::vector<std::string> names_in(const std::filesystem::path& path, const std::string& group) {
  const QuietErrors quiet;
  const Handle file(H5Fopen(path.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT), H5Fclose, "open the file");
  if (group != "/" && H5Lexists(file.get(), group.c_str(), H5P_DEFAULT) <= 0) return {};
  const Handle opened(H5Gopen2(file.get(), group.c_str(), H5P_DEFAULT), H5Gclose, "open a group");
  H5G_info_t info{};
  check(H5Gget_info(opened.get(), &info), "read a group");
  std::vector<std::string> names;
  for (hsize_t k = 0; k < info.nlinks; ++k) {
    char name[1024] = {};
    check(H5Lget_name_by_idx(opened.get(), ".", H5_INDEX_NAME, H5_ITER_INC, k, name,
                             sizeof name - 1, H5P_DEFAULT) < 0
              ? -1
              : 0,
          "read a name");
    names.emplace_back(name);
  }
  return names;
}

namespace {

/// An attribute and its type, where there is one.
std::optional<std::pair<Handle, Handle>> open_attribute(hid_t file, const std::string& of,
                                                        const std::string& name) {
  if (H5Aexists_by_name(file, of.c_str(), name.c_str(), H5P_DEFAULT) <= 0) return {};
  Handle attribute(H5Aopen_by_name(file, of.c_str(), name.c_str(), H5P_DEFAULT, H5P_DEFAULT),
                   H5Aclose, "open an attribute");
  Handle type(H5Aget_type(attribute.get()), H5Tclose, "read a type");
  return std::pair(std::move(attribute), std::move(type));
}

}  // namespace

std::optional<std::string> read_text_attribute(const std::filesystem::path& path,
                                               const std::string& of, const std::string& name) {
  const QuietErrors quiet;
  const Handle file(H5Fopen(path.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT), H5Fclose, "open the file");
  const auto found = open_attribute(file.get(), of, name);
  if (!found) return {};
  const hid_t type = found->second.get();
  if (H5Tget_class(type) != H5T_STRING || H5Tis_variable_str(type) > 0) return {};
  std::string text(H5Tget_size(type), '\0');
  check(H5Aread(found->first.get(), type, text.data()), "read an attribute");
  return text.substr(0, text.find('\0'));
}

std::optional<double> read_number_attribute(const std::filesystem::path& path,
                                            const std::string& of, const std::string& name) {
  const QuietErrors quiet;
  const Handle file(H5Fopen(path.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT), H5Fclose, "open the file");
  const auto found = open_attribute(file.get(), of, name);
  if (!found || H5Tget_class(found->second.get()) != H5T_FLOAT) return {};
  double value = 0;
  check(H5Aread(found->first.get(), H5T_NATIVE_DOUBLE, &value), "read an attribute");
  return value;
}

Samples read_samples(const std::filesystem::path& path, const std::string& name) {
  const QuietErrors quiet;
  const Handle file(H5Fopen(path.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT), H5Fclose, "open the file");
  Samples samples;
  const auto read = [&](const char* part, hid_t memory_type, auto& into) {
    const Handle set(H5Dopen2(file.get(), (name + "/" + part).c_str(), H5P_DEFAULT), H5Dclose,
                     "open a dataset");
    const Handle space(H5Dget_space(set.get()), H5Sclose, "read a dataspace");
    const int rank = H5Sget_simple_extent_ndims(space.get());
    if (rank < 1 || rank > Shape::kMaxRank) throw DeviceError("HDF5: not a dataset of samples");
    hsize_t size[Shape::kMaxRank] = {};
    H5Sget_simple_extent_dims(space.get(), size, nullptr);
    into.resize(static_cast<std::size_t>(H5Sget_simple_extent_npoints(space.get())));
    check(H5Dread(set.get(), memory_type, H5S_ALL, H5S_ALL, H5P_DEFAULT, into.data()), "read rows");
    return Shape(std::vector<std::int64_t>(size + 1, size + rank));
  };
  read("step", H5T_NATIVE_INT64, samples.step);
  read("t", H5T_NATIVE_DOUBLE, samples.t);
  samples.shape = read("value", H5T_NATIVE_DOUBLE, samples.values);
  return samples;
}

PlainArray read_array(const std::filesystem::path& path, const std::string& name) {
  const QuietErrors quiet;
  const Handle file(H5Fopen(path.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT), H5Fclose, "open the file");
  const Handle set(H5Dopen2(file.get(), name.c_str(), H5P_DEFAULT), H5Dclose, "open a dataset");
  const Handle space(H5Dget_space(set.get()), H5Sclose, "read a dataspace");
  const int rank = H5Sget_simple_extent_ndims(space.get());
  if (rank < 0 || rank > Shape::kMaxRank) throw DeviceError("HDF5: not an array");
  hsize_t size[Shape::kMaxRank] = {};
  H5Sget_simple_extent_dims(space.get(), size, nullptr);
  PlainArray array{Shape(std::vector<std::int64_t>(size, size + rank)), {}};
  array.values.resize(static_cast<std::size_t>(array.shape.size()));
  check(H5Dread(set.get(), H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, array.values.data()),
        "read an array");
  return array;
}

void Hdf5File::commit() {
  const QuietErrors quiet;
  impl_->groups.clear();
  if (!impl_->file.close())
    throw DeviceError("cannot finish writing '" + impl_->path.string() + "'");
  publish(impl_->beside, impl_->path);
}

}  // namespace cotangent::io
