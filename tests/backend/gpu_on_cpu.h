// CUDA kernels on threads of the CPU: the printed text compiled as C++ with stand-ins for what CUDA
// adds. Blocks run one after another, the threads of a block at once, so that a barrier that is
// missing is a race that the thread sanitizer and the bits show.
#pragma once

namespace cotangent::testing {

/// Goes before the printed text.
inline constexpr const char* kCudaOnCpu = R"~(
#include <barrier>
#include <cmath>
#include <memory>
#include <thread>
#include <vector>
#define __global__
#define __device__
struct CudaIndex { unsigned x; };
static thread_local CudaIndex threadIdx, blockIdx;
static CudaIndex blockDim, gridDim;
static std::unique_ptr<std::barrier<>> cuda_barrier;
static inline void __syncthreads() { cuda_barrier->arrive_and_wait(); }
template <class Kernel>
static void cuda_launch(unsigned blocks, unsigned threads, Kernel kernel) {
  gridDim.x = blocks;
  blockDim.x = threads;
  for (unsigned b = 0; b < blocks; ++b) {
    cuda_barrier.reset(new std::barrier<>(threads));
    std::vector<std::jthread> team;
    for (unsigned t = 0; t < threads; ++t) {
      team.emplace_back([=] {
        blockIdx.x = b;
        threadIdx.x = t;
        kernel();
      });
    }
  }
}
using std::isfinite;
)~";

}  // namespace cotangent::testing
