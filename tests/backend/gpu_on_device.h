// CUDA kernels on a GPU of this machine: what the host does around a launch.
#pragma once

namespace cotangent::testing {

/// Goes before the printed text.
inline constexpr const char* kCudaOnDevice = R"~(
#include <cstdio>
#include <cstdlib>
static void want(cudaError_t status) {
  if (status == cudaSuccess) return;
  std::fprintf(stderr, "CUDA: %s\n", cudaGetErrorString(status));
  std::abort();
}
static void finish() {
  want(cudaGetLastError());
  want(cudaDeviceSynchronize());
}
/// Memory on the device: a copy of what is at `from`, or zeros.
struct DeviceArray {
  DeviceArray(const void* from, std::size_t size) : bytes(size) {
    want(cudaMalloc(&data, bytes ? bytes : 1));
    want(from ? cudaMemcpy(data, from, bytes, cudaMemcpyHostToDevice) : cudaMemset(data, 0, bytes));
  }
  ~DeviceArray() { cudaFree(data); }
  void copy_to(void* to) const { want(cudaMemcpy(to, data, bytes, cudaMemcpyDeviceToHost)); }
  void* data = nullptr;
  std::size_t bytes;
};
)~";

}  // namespace cotangent::testing
