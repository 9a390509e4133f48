// Rollouts of small systems, one instance a SIMD lane: double pendulum, Lorenz, cartpole; 4,096
// instances for 1,000 steps, and one instance for 1,000,000.
//
//   cmake --build build/release --target bench && build/release/bench/bench_lanes
#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <string>
#include <vector>

#include "cotangent/ir/builder.h"
#include "cotangent/runtime/executable.h"
#include "cotangent/transform/vmap.h"

namespace {

using namespace cotangent;
using ir::Builder;
using ir::Op;
using ir::Value;

using Step = std::vector<Value> (*)(Builder&, const std::vector<Value>&, DType);

Value number(Builder& b, double x, DType t) {
  return b.constant(x, t);
}

std::vector<Value> lorenz(Builder& b, const std::vector<Value>& s, DType t) {
  const auto c = [&](double x) { return number(b, x, t); };
  const Value dx = b.mul(c(10), b.sub(s[1], s[0]));
  const Value dy = b.sub(b.mul(s[0], b.sub(c(28), s[2])), s[1]);
  const Value dz = b.sub(b.mul(s[0], s[1]), b.mul(c(8.0 / 3), s[2]));
  const Value h = c(0.005);
  return {b.add(s[0], b.mul(h, dx)), b.add(s[1], b.mul(h, dy)), b.add(s[2], b.mul(h, dz))};
}

std::vector<Value> double_pendulum(Builder& b, const std::vector<Value>& s, DType t) {
  const auto c = [&](double x) { return number(b, x, t); };
  const Value a1 = s[0], a2 = s[1], w1 = s[2], w2 = s[3];
  const Value d = b.sub(a1, a2);
  const Value sd = b.unary(Op::kSin, d), cd = b.unary(Op::kCos, d);
  const Value den = b.sub(c(3), b.unary(Op::kCos, b.add(d, d)));
  const Value g = c(9.81);
  const Value w1s = b.mul(w1, w1), w2s = b.mul(w2, w2);
  const Value n1 = b.sub(b.sub(b.mul(c(-3), b.mul(g, b.unary(Op::kSin, a1))),
                               b.mul(g, b.unary(Op::kSin, b.sub(a1, b.add(a2, a2))))),
                         b.mul(b.mul(c(2), sd), b.add(w2s, b.mul(w1s, cd))));
  const Value n2 = b.mul(
      b.mul(c(2), sd),
      b.add(b.add(b.mul(c(2), w1s), b.mul(b.mul(c(2), g), b.unary(Op::kCos, a1))), b.mul(w2s, cd)));
  const Value h = c(0.001);
  const Value w1n = b.add(w1, b.mul(h, b.div(n1, den)));
  const Value w2n = b.add(w2, b.mul(h, b.div(n2, den)));
  return {b.add(a1, b.mul(h, w1n)), b.add(a2, b.mul(h, w2n)), w1n, w2n};
}

std::vector<Value> cartpole(Builder& b, const std::vector<Value>& s, DType t) {
  const auto c = [&](double x) { return number(b, x, t); };
  const Value x = s[0], v = s[1], a = s[2], w = s[3];
  const Value sn = b.unary(Op::kSin, a), cs = b.unary(Op::kCos, a);
  const Value force = b.mul(c(-2), a);
  const Value temp = b.div(b.add(force, b.mul(c(0.05), b.mul(b.mul(w, w), sn))), c(1.1));
  const Value acc =
      b.div(b.sub(b.mul(c(9.8), sn), b.mul(cs, temp)),
            b.mul(c(0.5), b.sub(c(4.0 / 3), b.div(b.mul(c(0.1), b.mul(cs, cs)), c(1.1)))));
  const Value xacc = b.sub(temp, b.mul(c(0.05 / 1.1), b.mul(acc, cs)));
  const Value h = c(0.02);
  return {b.add(x, b.mul(h, v)), b.add(v, b.mul(h, xacc)), b.add(a, b.mul(h, w)),
          b.add(w, b.mul(h, acc))};
}

ir::FunctionPtr rollout(Step step, int state, DType t, std::int64_t steps) {
  Builder body("step");
  body.param(ir::scalar(DType::kI64), "step");
  std::vector<Value> s;
  for (int k = 0; k < state; ++k) s.push_back(body.param(ir::scalar(t)));
  ir::LoopAttr attr;
  attr.trip = steps;
  attr.carries = state;
  attr.body = body.finish(step(body, s, t));
  Builder b("rollout");
  std::vector<Value> init;
  for (int k = 0; k < state; ++k) init.push_back(b.param(ir::scalar(t)));
  return b.finish(b.loop(attr, init));
}

/// Of this thread: the machine may be busy with other things.
double cpu_seconds() {
  timespec t{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

double best(const runtime::Executable& e, int repeats) {
  std::vector<ir::Tensor> args, out;
  for (std::size_t k = 0; k < e.program()->params().size(); ++k) {
    args.emplace_back(e.program()->param_type(k));
    for (std::int64_t n = 0; n < args[k].size(); ++n)
      args[k].set_real(
          n, 0.1L + 0.01L * static_cast<long double>(k) + 1e-5L * static_cast<long double>(n));
  }
  std::vector<const void*> in;
  for (auto& a : args) in.push_back(a.data());
  std::vector<void*> to;
  for (std::size_t k = 0; k < e.program()->results().size(); ++k)
    out.emplace_back(e.program()->result_type(k));
  for (auto& o : out) to.push_back(o.data());
  double least = 1e30;
  for (int r = 0; r < repeats; ++r) {
    const double start = cpu_seconds();
    e.call_raw(in, to);
    least = std::min(least, cpu_seconds() - start);
  }
  return least;
}

}  // namespace

int main() {
  struct Case {
    const char* name;
    Step step;
    int state;
  };
  for (const Case& c : {Case{"lorenz", lorenz, 3}, Case{"double pendulum", double_pendulum, 4},
                        Case{"cartpole", cartpole, 4}}) {
    for (DType t : {DType::kF64, DType::kF32}) {
      for (std::int64_t lanes : {std::int64_t{4096}, std::int64_t{1}}) {
        const std::int64_t steps = lanes == 1 ? 1000000 : 1000;
        auto f = rollout(c.step, c.state, t, steps);
        if (lanes > 1) f = transform::vmap(f, lanes);
        runtime::CompileOptions options;
        options.keep_code = std::getenv("CODE") != nullptr;
        const auto e = runtime::compile(f, options);
        if (options.keep_code)
          std::printf("%s\n%s\n", e->kernels_text().c_str(), e->code_text().c_str());
        const double s = best(*e, 7);
        std::printf("%-16s %s lanes %5lld  %8.2f ms  %8.1f M steps/s  compile %.0f ms\n", c.name,
                    t == DType::kF64 ? "f64" : "f32", (long long)lanes, s * 1e3,
                    static_cast<double>(lanes * steps) / s / 1e6,
                    (e->times().passes_s + e->times().lower_s + e->times().codegen_s) * 1e3);
      }
    }
  }
}
