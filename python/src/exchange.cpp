// Arrays of other libraries: the buffer protocol and DLPack, both ways, without copies.
#include <cstring>
#include <mutex>

#include "cotangent/array/record.h"
#include "cotangent/base/error.h"
#include "python/src/arrays.h"
#include "python/src/bindings.h"

namespace nb = nanobind;

namespace cotangent::python {

using array::Array;
using array::refuse;

// --- what other libraries own

namespace {

/// Objects to let go of, by threads that do not hold the interpreter's lock.
struct Released {
  std::mutex mutex;
  std::vector<PyObject*> objects;
};
Released& released() {
  static Released* all = new Released;  // outlives every array
  return *all;
}

int drop_released(void*) {
  std::vector<PyObject*> objects;
  {
    const std::lock_guard lock(released().mutex);
    objects.swap(released().objects);
  }
  for (PyObject* o : objects) Py_DECREF(o);
  return 0;
}

}  // namespace

void release_later(PyObject* object) {
  if (!object || !Py_IsInitialized()) return;
  if (PyGILState_Check()) {
    Py_DECREF(object);
    return;
  }
  // Waiting for the lock here could be for ever: who holds it may wait for an array's graph.
  {
    const std::lock_guard lock(released().mutex);
    released().objects.push_back(object);
  }
  Py_AddPendingCall(drop_released, nullptr);
}

namespace {

std::shared_ptr<const void> keeper_of(nb::object owner) {
  return {static_cast<const void*>(owner.release().ptr()),
          [](const void* p) { release_later(static_cast<PyObject*>(const_cast<void*>(p))); }};
}

Array of_memory(const void* data, const Shape& shape, DType dtype, Memory memory,
                nb::object owner) {
  const std::size_t bytes = static_cast<std::size_t>(shape.size()) * size_of(dtype);
  const bool aligned = reinterpret_cast<std::uintptr_t>(data) % size_of(dtype) == 0;
  if (memory == Memory::kCopy || !aligned || bytes == 0) return Array::from(data, shape, dtype);
  return Array::from(std::make_shared<runtime::Buffer>(data, bytes, keeper_of(std::move(owner))),
                     shape, dtype);
}

/// Row-major, of any strides (in bytes).
Array of_strided(const char* data, const Shape& shape, std::span<const std::int64_t> strides,
                 DType dtype) {
  const std::size_t one = size_of(dtype);
  auto buffer = std::make_shared<runtime::Buffer>(static_cast<std::size_t>(shape.size()) * one);
  std::byte* out = buffer->data();
  std::array<std::int64_t, Shape::kMaxRank> at{};
  const int rank = shape.rank();
  for (std::int64_t k = 0; k < shape.size(); ++k) {
    const char* from = data;
    for (int axis = 0; axis < rank; ++axis) {
      const auto a = static_cast<std::size_t>(axis);
      from += at[a] * strides[a];
    }
    std::memcpy(out, from, one);
    out += one;
    for (int axis = rank - 1; axis >= 0; --axis) {
      if (++at[static_cast<std::size_t>(axis)] < shape[axis]) break;
      at[static_cast<std::size_t>(axis)] = 0;
    }
  }
  return Array::from(std::move(buffer), shape, dtype);
}

/// The type that a format of the buffer protocol stands for.
std::optional<DType> dtype_of_format(const char* format, Py_ssize_t bytes) {
  if (!format) return bytes == 1 ? std::optional(DType::kU8) : std::nullopt;
  std::string_view f(format);
  if (!f.empty() && (f[0] == '@' || f[0] == '=' || f[0] == '<' || f[0] == '|')) f.remove_prefix(1);
  if (f.size() != 1) return std::nullopt;
  constexpr std::string_view kSigned = "bhilqn", kUnsigned = "BHILQN";
  if (f[0] == '?') return DType::kBool;
  if (f[0] == 'd') return DType::kF64;
  if (f[0] == 'f') return DType::kF32;
  if (f[0] == 'e') return DType::kF16;
  if (kSigned.find(f[0]) != f.npos) {
    return bytes == 8   ? DType::kI64
           : bytes == 4 ? DType::kI32
           : bytes == 2 ? DType::kI16
                        : DType::kI8;
  }
  if (kUnsigned.find(f[0]) != f.npos && bytes != 2) {
    return bytes == 8 ? DType::kU64 : bytes == 4 ? DType::kU32 : DType::kU8;
  }
  return std::nullopt;
}

/// A view of a buffer, let go of with the lock held.
class View {
 public:
  explicit View(nb::handle x) { taken_ = PyObject_GetBuffer(x.ptr(), &view_, PyBUF_FULL_RO) == 0; }
  ~View() {
    if (taken_) PyBuffer_Release(&view_);
  }
  View(const View&) = delete;
  View& operator=(const View&) = delete;
  bool taken() const { return taken_; }
  const Py_buffer& get() const { return view_; }

 private:
  Py_buffer view_{};
  bool taken_ = false;
};

}  // namespace

std::optional<Array> from_buffer(nb::handle x, Memory memory) {
  if (!PyObject_CheckBuffer(x.ptr())) return std::nullopt;
  const View taken(x);
  if (!taken.taken()) {
    PyErr_Clear();
    return std::nullopt;
  }
  const Py_buffer& view = taken.get();
  const auto dtype = dtype_of_format(view.format, view.itemsize);
  if (!dtype) {
    const std::string format = view.format ? view.format : "";
    refuse("array", "there are no arrays of elements with the format \"" + format + "\"",
           format.starts_with("Z") ? "take ct.Complex, a pair of real arrays"
                                   : "convert it to a type that docs/arrays.md lists");
  }
  if (view.ndim > Shape::kMaxRank) refuse("array", "more than 8 axes", "reshape it");
  std::vector<std::int64_t> lengths(view.shape, view.shape + view.ndim);
  const Shape shape = array::shape_of("array", lengths);
  if (view.suboffsets)
    refuse("array", "memory by pointers to pointers", "copy it to a NumPy array");
  if (PyBuffer_IsContiguous(&view, 'C')) {
    // The view is held, not the object: what is lent out is not resized.
    nb::object owner;
    if (memory == Memory::kBorrow) owner = nb::steal(PyMemoryView_FromObject(x.ptr()));
    return of_memory(view.buf, shape, *dtype, memory, std::move(owner));
  }
  std::vector<std::int64_t> strides(view.strides, view.strides + view.ndim);
  return of_strided(static_cast<const char*>(view.buf), shape, strides, *dtype);
}

// --- numpy's view: the buffer protocol of our arrays

namespace {

/// What a view of an array needs besides its memory.
struct Exported {
  Array array;
  std::array<Py_ssize_t, Shape::kMaxRank> shape{}, strides{};
};

const char* format_of(DType t) {
  switch (t) {
    case DType::kF32: return "f";
    case DType::kF64: return "d";
    case DType::kI32: return "i";
    case DType::kI64: return "q";
    case DType::kU32: return "I";
    case DType::kU64: return "Q";
    case DType::kBool: return "?";
    case DType::kU8: return "B";
    case DType::kI8: return "b";
    case DType::kI16: return "h";
    case DType::kF16: return "e";
    case DType::kBF16: return nullptr;
  }
  return nullptr;
}

int get_buffer(PyObject* self, Py_buffer* view, int flags) noexcept {
  try {
    if (!nb::inst_ready(self)) {
      PyErr_SetString(PyExc_BufferError, "an Array that was not made");
      return -1;
    }
    const Array& x = *nb::inst_ptr<Array>(self);
    if (flags & PyBUF_WRITABLE) {
      PyErr_SetString(PyExc_BufferError, "the values of an Array never change: it is read only");
      return -1;
    }
    const char* format = format_of(x.dtype());
    if (!format) {
      PyErr_SetString(PyExc_BufferError, "the buffer protocol has no bfloat16: use astype");
      return -1;
    }
    if (x.is_traced()) {
      PyErr_SetString(PyExc_BufferError, "an array that is traced has no numbers");
      return -1;
    }
    evaluate(x);
    auto exported = std::make_unique<Exported>();
    exported->array = x;
    Py_ssize_t stride = static_cast<Py_ssize_t>(size_of(x.dtype()));
    for (int k = x.ndim() - 1; k >= 0; --k) {
      exported->shape[static_cast<std::size_t>(k)] = x.shape()[k];
      exported->strides[static_cast<std::size_t>(k)] = stride;
      stride *= x.shape()[k];
    }
    const auto& buffer = x.node()->buffer;
    view->buf = buffer->data();
    view->len = static_cast<Py_ssize_t>(x.size()) * static_cast<Py_ssize_t>(size_of(x.dtype()));
    view->itemsize = static_cast<Py_ssize_t>(size_of(x.dtype()));
    view->readonly = 1;
    view->ndim = x.ndim();
    view->format = flags & PyBUF_FORMAT ? const_cast<char*>(format) : nullptr;
    view->shape = flags & PyBUF_ND ? exported->shape.data() : nullptr;
    view->strides = (flags & PyBUF_STRIDES) == PyBUF_STRIDES ? exported->strides.data() : nullptr;
    view->suboffsets = nullptr;
    view->internal = exported.release();
    view->obj = nb::handle(self).inc_ref().ptr();
    return 0;
  } catch (const Error& e) {
    set_error(e);
    return -1;
  } catch (const std::exception& e) {
    PyErr_SetString(PyExc_BufferError, e.what());
    return -1;
  }
}

void release_buffer(PyObject*, Py_buffer* view) noexcept {
  delete static_cast<Exported*>(view->internal);
}

}  // namespace

PyType_Slot buffer_slots[] = {{Py_bf_getbuffer, reinterpret_cast<void*>(get_buffer)},
                              {Py_bf_releasebuffer, reinterpret_cast<void*>(release_buffer)},
                              {0, nullptr}};

nb::object to_numpy(const Array& x) {
  want_value(x, "numpy");
  const Array shown = x.dtype() == DType::kBF16 ? x.astype(DType::kF32) : x;
  const nb::object view = nb::steal(PyMemoryView_FromObject(nb::cast(shown).ptr()));
  if (!view.is_valid()) throw nb::python_error();
  return nb::module_::import_("numpy").attr("asarray")(view);
}

// --- DLPack (https://dmlc.github.io/dlpack/latest/c_api.html)

namespace {

struct DlDevice {
  std::int32_t type, id;
};
struct DlType {
  std::uint8_t code, bits;
  std::uint16_t lanes;
};
struct DlTensor {
  void* data;
  DlDevice device;
  std::int32_t rank;
  DlType dtype;
  std::int64_t* shape;
  std::int64_t* strides;  ///< in elements; null: row-major
  std::uint64_t offset;   ///< in bytes
};
struct DlManaged {
  DlTensor tensor;
  void* context;
  void (*deleter)(DlManaged*);
};
struct DlManagedVersioned {
  std::uint32_t major, minor;
  void* context;
  void (*deleter)(DlManagedVersioned*);
  std::uint64_t flags;
  DlTensor tensor;
};
constexpr std::uint64_t kReadOnly = 1;
constexpr std::int32_t kCpu = 1;
constexpr const char* kLegacyName = "dltensor";
constexpr const char* kLegacyUsed = "used_dltensor";
constexpr const char* kVersionedName = "dltensor_versioned";
constexpr const char* kVersionedUsed = "used_dltensor_versioned";
enum DlCode : std::uint8_t { kDlInt = 0, kDlUInt = 1, kDlFloat = 2, kDlBFloat = 4, kDlBool = 6 };

DlType dl_type(DType t) {
  const auto bits = static_cast<std::uint8_t>(8 * size_of(t));
  const std::uint8_t code = is_bool(t)                           ? kDlBool
                            : t == DType::kBF16                  ? kDlBFloat
                            : is_float(t) || is_storage_float(t) ? kDlFloat
                            : is_signed(t)                       ? kDlInt
                                                                 : kDlUInt;
  return {code, bits, 1};
}

std::optional<DType> dtype_of(DlType type) {
  for (int k = 0; k < kDTypeCount; ++k) {
    const DlType mine = dl_type(static_cast<DType>(k));
    if (mine.code == type.code && mine.bits == type.bits && type.lanes == 1) {
      return static_cast<DType>(k);
    }
  }
  return std::nullopt;
}

/// A tensor that we lend, with what it points to.
template <class Managed>
struct Lent {
  Managed managed{};
  Array array;
  std::array<std::int64_t, Shape::kMaxRank> shape{}, strides{};
};

template <class Managed>
void* lend(const Array& x) {
  auto lent = std::make_unique<Lent<Managed>>();
  lent->array = x;
  std::int64_t stride = 1;
  for (int k = x.ndim() - 1; k >= 0; --k) {
    lent->shape[static_cast<std::size_t>(k)] = x.shape()[k];
    lent->strides[static_cast<std::size_t>(k)] = stride;
    stride *= x.shape()[k];
  }
  Managed& m = lent->managed;
  m.tensor = {x.node()->buffer->data(), {kCpu, 0}, x.ndim(), dl_type(x.dtype()), lent->shape.data(),
              lent->strides.data(),     0};
  if constexpr (std::same_as<Managed, DlManagedVersioned>) {
    m.major = 1;
    m.minor = 0;
    m.flags = kReadOnly;
  }
  m.context = lent.get();
  m.deleter = [](Managed* self) { delete static_cast<Lent<Managed>*>(self->context); };
  return &lent.release()->managed;
}

template <class Managed>
void drop_unused(PyObject* capsule, const char* name) {
  // A capsule that was taken has another name by now.
  if (!PyCapsule_IsValid(capsule, name)) return;
  auto* managed = static_cast<Managed*>(PyCapsule_GetPointer(capsule, name));
  managed->deleter(managed);
}

/// Whose tensor we took: its deleter runs when the last array lets go, with the lock held.
template <class Managed>
nb::object keeper_capsule(Managed* managed) {
  return nb::steal(PyCapsule_New(managed, "cotangent.taken", [](PyObject* capsule) {
    auto* taken = static_cast<Managed*>(PyCapsule_GetPointer(capsule, "cotangent.taken"));
    if (taken->deleter) taken->deleter(taken);
  }));
}

Array of_tensor(const DlTensor& t, Memory memory, nb::object owner) {
  if (t.device.type != kCpu) {
    refuse("from_dlpack", "the array lies on another device",
           "copy it to the CPU first: x.cpu() of PyTorch, jax.device_get(x)");
  }
  const auto dtype = dtype_of(t.dtype);
  if (!dtype) {
    refuse("from_dlpack",
           "there are no arrays of such elements (DLPack code " + std::to_string(t.dtype.code) +
               ", " + std::to_string(t.dtype.bits) + " bits)",
           "convert it to a type that docs/arrays.md lists");
  }
  if (t.rank < 0 || t.rank > Shape::kMaxRank) {
    refuse("from_dlpack", "more than 8 axes", "reshape it");
  }
  const Shape shape = array::shape_of(
      "from_dlpack", std::span<const std::int64_t>(t.shape, static_cast<std::size_t>(t.rank)));
  const char* data = static_cast<const char*>(t.data) + t.offset;
  const auto bytes = static_cast<std::int64_t>(size_of(*dtype));
  bool row_major = true;
  std::vector<std::int64_t> strides;
  if (t.strides) {
    std::int64_t stride = 1;
    for (int k = t.rank - 1; k >= 0; --k) {
      if (shape[k] != 1 && t.strides[k] != stride) row_major = false;
      stride *= shape[k];
    }
    for (int k = 0; k < t.rank; ++k) strides.push_back(t.strides[k] * bytes);
  }
  if (row_major || shape.size() == 0) {
    return of_memory(data, shape, *dtype, memory, std::move(owner));
  }
  return of_strided(data, shape, strides, *dtype);
}

template <class Managed>
Array take(nb::handle capsule, const char* name, const char* used, Memory memory) {
  auto* managed = static_cast<Managed*>(PyCapsule_GetPointer(capsule.ptr(), name));
  if (!managed) throw nb::python_error();
  if constexpr (std::same_as<Managed, DlManagedVersioned>) {
    if (managed->major != 1) {
      refuse("from_dlpack", "DLPack version " + std::to_string(managed->major) + " is not known",
             "update the library that gives the array, or go through NumPy");
    }
  }
  PyCapsule_SetName(capsule.ptr(), used);
  nb::object owner = keeper_capsule(managed);
  return of_tensor(managed->tensor, memory, std::move(owner));
}

}  // namespace

std::optional<Array> from_dlpack(nb::handle x, Memory memory) {
  if (PyType_Check(x.ptr()) || !nb::hasattr(x, "__dlpack__")) return std::nullopt;
  nb::object capsule;
  try {
    capsule = x.attr("__dlpack__")(nb::arg("max_version") = nb::make_tuple(1, 0));
  } catch (nb::python_error& e) {
    if (!e.matches(PyExc_TypeError)) throw;
    capsule = x.attr("__dlpack__")();  // of before versions
  }
  if (PyCapsule_IsValid(capsule.ptr(), kVersionedName)) {
    return take<DlManagedVersioned>(capsule, kVersionedName, kVersionedUsed, memory);
  }
  return take<DlManaged>(capsule, kLegacyName, kLegacyUsed, memory);
}

nb::capsule to_dlpack(const Array& x, bool versioned) {
  want_value(x, "__dlpack__");
  evaluate(x);
  PyObject* made =
      versioned
          ? PyCapsule_New(lend<DlManagedVersioned>(x), kVersionedName,
                          [](PyObject* c) { drop_unused<DlManagedVersioned>(c, kVersionedName); })
          : PyCapsule_New(lend<DlManaged>(x), kLegacyName,
                          [](PyObject* c) { drop_unused<DlManaged>(c, kLegacyName); });
  if (!made) throw nb::python_error();
  return nb::steal<nb::capsule>(made);
}

}  // namespace cotangent::python
