// Memory of one array on one device: our own (base/array_memory.h), uninitialised when made, or
// somebody else's, which is only read. Shared by pointer.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <memory>
#include <new>
#include <string>
#include <utility>

#include "cotangent/base/array_memory.h"
#include "cotangent/base/error.h"

namespace cotangent::runtime {

/// Where a buffer lies. Only the CPU today; GPUs come as further values.
enum class Device : std::uint8_t { kCpu };

class Buffer {
 public:
  /// Throws DeviceError when there is no memory.
  explicit Buffer(std::size_t bytes, Device device = Device::kCpu)
      : bytes_(bytes), device_(device) {
    data_ = static_cast<std::byte*>(allocate_array(bytes));
    if (!data_) {
      throw DeviceError("no memory for an array of " + std::to_string(bytes) + " bytes",
                        "use smaller arrays, or release some");
    }
  }
  /// Memory of somebody else, of elements aligned to their size, alive for as long as `owner`. It
  /// is never written, and has to keep its values.
  Buffer(const void* data, std::size_t bytes, std::shared_ptr<const void> owner)
      : data_(static_cast<std::byte*>(const_cast<void*>(data))),
        bytes_(bytes),
        owner_(std::move(owner)) {}
  ~Buffer() {
    if (!owner_) std::free(data_);
  }
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;

  std::byte* data() { return data_; }
  const std::byte* data() const { return data_; }
  std::size_t bytes() const { return bytes_; }
  Device device() const { return device_; }

 private:
  std::byte* data_ = nullptr;
  std::size_t bytes_ = 0;
  Device device_ = Device::kCpu;
  std::shared_ptr<const void> owner_;  ///< null: the memory is ours
};
using BufferPtr = std::shared_ptr<Buffer>;

}  // namespace cotangent::runtime
