// A Fermi-Pasta-Ulam-Tsingou chain of a million sites by leapfrog: a stencil, so the question is
// how near it comes to the memory bandwidth.
//
//   cmake --build build/release --target bench && build/release/bench/bench_fput
//
// One step reads and writes (bytes a site): half kick and drift: q, p, gradient in, q out; forces
// and second half kick: q, p, gradient in, p and gradient out: 9 arrays of 8 bytes = 72. The
// bandwidth is that of a triad a[i] = b[i] + s c[i] over arrays of the same size (its write counted
// once, as above), measured here, by as many threads.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <memory>
#include <thread>
#include <vector>

#include "cotangent/ir/builder.h"
#include "cotangent/runtime/executable.h"

namespace {

using namespace cotangent;
using ir::Builder;
using ir::Op;
using ir::Value;

constexpr std::int64_t kSites = 1000000;

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// (q, p, gradient, dt, alpha, count) -> (q, p, gradient)
ir::FunctionPtr chain_program() {
  const ir::Type state{DType::kF64, Shape{kSites}};
  const ir::Type real = ir::scalar(DType::kF64);
  Builder body("step");
  body.param(ir::scalar(DType::kI64), "step");
  const Value dt = body.param(real, "dt"), alpha = body.param(real, "alpha");
  const Value q = body.param(state, "q"), p = body.param(state, "p");
  const Value gradient = body.param(state, "gradient");
  const auto spread = [&](Value x, std::int64_t n) { return body.broadcast_to(x, Shape{n}); };
  const Value half = spread(body.mul(dt, body.constant(-0.5)), kSites);
  const Value zero = body.constant(0.0);
  const Value kicked = body.fma(half, gradient, p);
  const Value drifted = body.fma(spread(dt, kSites), kicked, q);
  // Fixed ends: kSites + 1 springs, dV/dr = r + alpha r^2.
  const Value right = body.pad(drifted, zero, {0}, {1}, {0});
  const Value left = body.pad(drifted, zero, {1}, {0}, {0});
  const Value r = body.sub(right, left);
  const Value pull = body.fma(body.mul(spread(alpha, kSites + 1), r), r, r);
  const Value next_gradient =
      body.sub(body.slice(pull, {0}, {kSites}, {1}), body.slice(pull, {1}, {kSites + 1}, {1}));
  ir::LoopAttr loop;
  loop.trip = std::int64_t{1} << 40;
  loop.invariants = 2;
  loop.carries = 3;
  loop.dynamic = true;
  loop.body = body.finish({drifted, body.fma(half, next_gradient, kicked), next_gradient});
  Builder b("fput");
  const Value q0 = b.param(state, "q"), p0 = b.param(state, "p"), g0 = b.param(state, "gradient");
  const Value dt0 = b.param(real, "dt"), alpha0 = b.param(real, "alpha");
  const Value count = b.param(ir::scalar(DType::kI64), "count");
  const Value operands[] = {dt0, alpha0, q0, p0, g0, b.constant_i64(0), count};
  return b.finish(b.loop(loop, operands));
}

/// Bytes a second of the triad, best of several.
double triad_bandwidth(int threads) {
  std::vector<double> a(kSites), b(kSites, 1.0), c(kSites, 2.0);
  double best = 1e30;
  constexpr int kSweeps = 20;
  for (int repeat = 0; repeat < 20; ++repeat) {
    const auto start = std::chrono::steady_clock::now();
    std::vector<std::jthread> team;
    for (int t = 0; t < threads; ++t) {
      team.emplace_back([&, t] {
        const auto begin = static_cast<std::size_t>(kSites * t / threads);
        const auto end = static_cast<std::size_t>(kSites * (t + 1) / threads);
        double* const to = a.data();
        const double* const x = b.data();
        const double* const y = c.data();
        for (int sweep = 0; sweep < kSweeps; ++sweep) {
          const double s = 1.0 + sweep;
#pragma omp simd
          for (std::size_t k = begin; k < end; ++k) to[k] = x[k] + s * y[k];
        }
      });
    }
    team.clear();
    best = std::min(best, seconds_since(start) / kSweeps);
  }
  return 3.0 * 8 * static_cast<double>(kSites) / best;
}

void measure(int threads) {
  runtime::CompileOptions options;
  options.threads = threads;
  const auto chain = runtime::compile(chain_program(), options);
  const ir::Type state{DType::kF64, Shape{kSites}};
  ir::Tensor q(state), p(state), gradient(state);
  for (std::int64_t k = 0; k < kSites; ++k) {
    q.as<double>()[static_cast<std::size_t>(k)] =
        std::sin(3.14159265358979 * static_cast<double>(k + 1) / static_cast<double>(kSites + 1));
  }
  constexpr std::int64_t kSteps = 20;
  const auto run = [&](std::int64_t steps) {
    const std::vector<ir::Tensor> arguments = {q,
                                               p,
                                               gradient,
                                               ir::Tensor::scalar_of<double>(0.1),
                                               ir::Tensor::scalar_of<double>(0.25),
                                               ir::Tensor::scalar_of<std::int64_t>(steps)};
    const auto start = std::chrono::steady_clock::now();
    const auto results = chain->call(arguments);
    return seconds_since(start);
  };
  run(1);
  double fixed = 1e30, whole = 1e30;
  for (int k = 0; k < 7; ++k) {
    fixed = std::min(fixed, run(1));
    whole = std::min(whole, run(1 + kSteps));
  }
  const double step = (whole - fixed) / kSteps;
  const double used = 72.0 * static_cast<double>(kSites) / step;
  const double triad = triad_bandwidth(threads);
  std::printf(
      "FPUT, %lld sites, %d thread%s: %.3f ms a step, %.3g sites/s, %.1f GB/s of %.1f GB/s "
      "triad (%.0f%%)\n",
      static_cast<long long>(kSites), threads, threads > 1 ? "s" : "", step * 1e3,
      static_cast<double>(kSites) / step, used / 1e9, triad / 1e9, 100 * used / triad);
}

}  // namespace

int main() {
  measure(1);
  measure(2);
  return 0;
}
