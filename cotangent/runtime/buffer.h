// Memory of one array on one device: 64-byte aligned, uninitialised when made, shared by pointer.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <memory>
#include <new>
#include <string>

#include "cotangent/base/error.h"

namespace cotangent::runtime {

/// Where a buffer lies. Only the CPU today; GPUs come as further values.
enum class Device : std::uint8_t { kCpu };

class Buffer {
 public:
  static constexpr std::size_t kAlignment = 64;

  /// Throws DeviceError when there is no memory.
  explicit Buffer(std::size_t bytes, Device device = Device::kCpu)
      : bytes_(bytes), device_(device) {
    const std::size_t rounded = (bytes + kAlignment - 1) / kAlignment * kAlignment;
    data_ = static_cast<std::byte*>(std::aligned_alloc(kAlignment, rounded ? rounded : kAlignment));
    if (!data_) {
      throw DeviceError("no memory for an array of " + std::to_string(bytes) + " bytes",
                        "use smaller arrays, or release some");
    }
  }
  ~Buffer() { std::free(data_); }
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
};
using BufferPtr = std::shared_ptr<Buffer>;

}  // namespace cotangent::runtime
