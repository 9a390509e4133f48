// What a gradient costs: the time of a run, and of a run with the gradient of what it ends in by
// its start and its parameters, for each policy of what the loop keeps. Times are processor time of
// one thread, the least of several calls; a ratio is over the value alone, run as `cotangent run`
// runs it.
//
//   cmake --preset release && cmake --build build/release --target bench
//   build/release/bench/bench_gradients [part of a row's name]
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <ctime>
#include <functional>
#include <string>
#include <vector>

#include "bench/bodies.h"
#include "bench/systems.h"
#include "cotangent/formats/system_file.h"
#include "cotangent/mechanics/facts.h"
#include "cotangent/mechanics/flow.h"
#include "cotangent/mechanics/plan.h"
#include "cotangent/mechanics/programs.h"
#include "cotangent/runtime/executable.h"
#include "cotangent/transform/derivatives.h"
#include "cotangent/transform/rebuild.h"
#include "cotangent/transform/vmap.h"

namespace {

using namespace cotangent;
using ir::Builder;
using ir::FunctionPtr;
using ir::Keep;
using ir::KeepKind;
using ir::Op;
using ir::Tensor;
using ir::Type;
using ir::Value;

double now() {
  timespec t{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

double time_of(const FunctionPtr& f, const std::vector<Tensor>& x,
               std::vector<Tensor>* out = nullptr) {
  runtime::CompileOptions options;
  options.threads = 1;
  const runtime::ExecutablePtr e = runtime::compile(f, options);
  std::vector<Tensor> results;
  std::vector<const void*> in;
  std::vector<void*> to;
  for (const Tensor& t : x) in.push_back(t.data());
  for (std::size_t k = 0; k < f->results().size(); ++k) results.emplace_back(f->result_type(k));
  for (Tensor& t : results) to.push_back(t.data());
  double best = 1e30;
  const double stop = now() + 1.0;
  for (int r = 0; r < 3 || now() < stop; ++r) {
    const double start = now();
    e->call_raw(in, to);
    best = std::min(best, now() - start);
  }
  if (out) *out = std::move(results);
  return best;
}

/// A loop of steps, and what it ends in.
struct Case {
  std::string name;
  std::int64_t steps;
  std::function<FunctionPtr(Keep)> value;  ///< first result: a real scalar
  transform::Positions wrt;
  std::vector<Tensor> x;
};

/// f with its outermost loops keeping what `keep` says.
FunctionPtr keeping(const ir::Function& f, Keep keep) {
  return transform::rewrite(
      f, {}, nullptr, [&](Builder& b, Value v, std::span<const Value> x, const transform::Values&) {
        if (f.op(v) != Op::kLoop) return transform::Values{};
        ir::LoopAttr a = f.attr_as<ir::LoopAttr>(v);
        a.keep = keep;
        return transform::Values(b.loop(a, x));
      });
}

Value sum_of_squares(Builder& b, Value x) {
  return b.reduce_sum(b.mul(x, x));
}

/// A system file's run: the sum of all squares at its end, by q, p and the real parameters.
Case system_case(const std::string& name, const formats::LoadedFile& file, std::int64_t steps) {
  const mechanics::System& system = file.system;
  const mechanics::Facts facts = mechanics::find_facts(system, file.initial);
  const mechanics::Plan plan = mechanics::make_plan(system, facts, file.run);
  const mechanics::Pieces pieces = mechanics::make_pieces(system, {}, false);
  Case c;
  c.name = name;
  c.steps = steps;
  c.value = [=](Keep keep) {
    const FunctionPtr chunk =
        keeping(*mechanics::chunk_program(pieces, plan.composition, {}, steps), keep);
    Builder b(name);
    const Type state{DType::kF64, pieces.shape};
    const Value q = b.param(state), p = b.param(state);
    std::vector<Value> parameters;
    for (const Type& t : pieces.parameters) parameters.push_back(b.param(t));
    std::vector<Value> at = {q, p, b.constant(0.0)};
    at.insert(at.end(), parameters.begin(), parameters.end());
    std::vector<Value> arguments = {q,
                                    p,
                                    b.inline_call(*pieces.gradient, at)[0],
                                    b.constant_i64(0),
                                    b.constant_i64(steps),
                                    b.constant(0.0),
                                    b.constant(plan.dt)};
    arguments.insert(arguments.end(), parameters.begin(), parameters.end());
    const std::vector<Value> last = b.inline_call(*chunk, arguments);
    return b.finish({b.add(sum_of_squares(b, last[0]), sum_of_squares(b, last[1]))});
  };
  const Tensor p =
      file.initial.p ? *file.initial.p : mechanics::momentum_from_velocity(system, file.initial);
  c.x = {file.initial.q, p};
  for (const mechanics::Parameter& parameter : system.parameters) c.x.push_back(parameter.value);
  for (std::size_t k = 0; k < c.x.size(); ++k) c.wrt.push_back(k);
  return c;
}

/// 4,096 cartpoles, 1,000 steps, each step with a force of its own: the sum of squares at the end,
/// by the forces.
Case cartpole() {
  constexpr std::int64_t kSteps = 1000, kLanes = 4096;
  Case c;
  c.name = "cartpole-lanes";
  c.steps = kSteps;
  c.value = [](Keep keep) { return bench::pushed_cartpole(kSteps, keep); };
  c.wrt = {4};
  for (int k = 0; k < 4; ++k) {
    c.x.emplace_back(Type{DType::kF64, Shape{kLanes}});
    for (std::int64_t n = 0; n < kLanes; ++n) c.x.back().set_real(n, 0.01 + 1e-5 * double(n));
  }
  c.x.emplace_back(Type{DType::kF64, Shape{kLanes, kSteps}});
  return c;
}

/// Lorenz 96 with 60 scalar carries.
Case carries() {
  Case c;
  c.name = "carries60";
  c.steps = 614;
  c.value = [](Keep keep) { return bench::carries60_end(keep); };
  for (std::size_t k = 0; k < 60; ++k) {
    c.wrt.push_back(k);
    c.x.push_back(Tensor::scalar_of(8.0 + 0.01 * static_cast<double>(k)));
  }
  return c;
}

void show(const Case& c, bool lanes) {
  const auto whole = [&](const FunctionPtr& f) {
    return lanes ? transform::vmap(f, c.x[0].type().shape[0]) : f;
  };
  const double value = time_of(whole(c.value({})), c.x);
  std::printf("%-16s %10lld steps  value %9.3f ms\n", c.name.c_str(),
              static_cast<long long>(c.steps), value * 1e3);
  const auto root = static_cast<std::int64_t>(std::sqrt(static_cast<double>(c.steps)) + 1);
  const std::pair<const char*, Keep> policies[] = {{"all", {KeepKind::kAll, 0}},
                                                   {"every root", {KeepKind::kEvery, root}},
                                                   {"binomial 50", {KeepKind::kBinomial, 50}},
                                                   {"binomial 10", {KeepKind::kBinomial, 10}}};
  for (const auto& [words, keep] : policies) {
    const double both = time_of(whole(transform::value_and_grad(*c.value(keep), c.wrt)), c.x);
    std::printf("    %-14s %9.3f ms  ratio %.2f\n", words, both * 1e3, both / value);
    std::fflush(stdout);
  }
}

}  // namespace

int main(int argc, char** argv) {
  const auto wants = [&](const std::string& name) {
    return argc < 2 || name.find(argv[1]) != std::string::npos;
  };
  if (wants("kepler")) {
    show(system_case("kepler", formats::load_system_file("examples/kepler.toml"), 10000), false);
  }
  if (wants("lj13")) {
    show(system_case("lj13", formats::load_system_file("examples/lennard_jones_13.toml"), 2000),
         false);
  }
  if (wants("bodies64")) show(system_case("bodies64", bench::bodies(), 1000), false);
  if (wants("carries60")) show(carries(), false);
  if (wants("cartpole")) show(cartpole(), true);
}
