// N steps of a linear chain at once: what reading the matrix off the traced system, its modes and
// the steps cost, for a chain built by hand and for the text of a system file.
// bench_linear [sites] [repeats]
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>

#include "cotangent/formats/system_file.h"
#include "cotangent/ir/builder.h"
#include "cotangent/mechanics/flow.h"
#include "cotangent/mechanics/linear_run.h"

namespace {

using namespace cotangent;
using ir::Builder;
using ir::Value;

double now() {
  using namespace std::chrono;
  return duration<double>(steady_clock::now().time_since_epoch()).count();
}

/// sum p^2/2 + sum (q_(i+1) - q_i)^2/2, the ends held.
mechanics::System chain(std::int64_t n) {
  mechanics::System s;
  s.shape = Shape{n};
  const ir::Type state{DType::kF64, s.shape};
  const auto term = [&](const char* name, auto body) {
    Builder b(name);
    const Value q = b.param(state, "q"), p = b.param(state, "p");
    b.param(ir::scalar(DType::kF64), "t");
    s.terms.push_back({name, b.finish({b.mul(b.constant(0.5), body(b, q, p))}), {}});
  };
  term("kinetic", [](Builder& b, Value, Value p) { return b.reduce_sum(b.mul(p, p)); });
  term("springs", [n](Builder& b, Value q, Value) {
    const Value r = b.sub(b.slice_rows(q, 1, n), b.slice_rows(q, 0, n - 1));
    const Value first = b.row(q, 0), last = b.row(q, n - 1);
    return b.add(b.reduce_sum(b.mul(r, r)), b.add(b.mul(first, first), b.mul(last, last)));
  });
  return s;
}

/// The same as a system file.
std::string file_of(std::int64_t n) {
  const std::string last = std::to_string(n - 1);
  std::string zeros = "0.0";
  for (std::int64_t k = 1; k < n; ++k) zeros += ",0.0";
  return "[energy]\nkinetic = \"sum(i, p[i]^2) / 2\"\nsprings = \"sum(i in 0.." + last +
         ", (q[i+1] - q[i])^2) / 2\"\nends = \"(q[0]^2 + q[" + last +
         "]^2) / 2\"\n[initial]\nq = [" + zeros + "]\np = [" + zeros +
         "]\n[run]\ndt = 0.1\nsteps = 1000000000\n";
}

void measure(std::int64_t n, int repeats, const char* what, bool from_file) {
  double best[5] = {1e9, 1e9, 1e9, 1e9, 1e9};
  std::string way;
  const std::string text = file_of(n);
  for (int k = 0; k < repeats; ++k) {
    std::vector<double> x(static_cast<std::size_t>(2 * n), 0.0);
    for (std::size_t i = 0; i < x.size() / 2; ++i) x[i] = std::sin(0.1 * static_cast<double>(i));
    const double start = now();
    const mechanics::System system =
        from_file ? formats::parse_system_text("chain.toml", text).system : chain(n);
    const double traced = now();
    mechanics::LinearSystem linear = mechanics::linear_system(system);
    const double read = now();
    const auto flow = mechanics::LinearFlow::make(std::move(linear));
    const double made = now();
    flow->advance(x, 1000000000, 0.1);
    const double end = now();
    const double times[5] = {traced - start, read - traced, made - read, end - made, end - start};
    for (int i = 0; i < 5; ++i) best[i] = std::min(best[i], times[i]);
    way = flow->way();
  }
  std::printf(
      "%s, 1e9 steps, %s: tracing %.4f s, matrix %.4f s, modes %.4f s, steps %.4f s, all %.4f s\n",
      what, way.c_str(), best[0], best[1], best[2], best[3], best[4]);
}

/// The same through Flow::run with five samples of the energy: all that a run of it takes.
void measure_run(std::int64_t n, int repeats) {
  const std::int64_t steps = 1000000000;
  double best[5] = {1e9, 1e9, 1e9, 1e9, 1e9}, error = 0;
  for (int k = 0; k < repeats; ++k) {
    mechanics::InitialState initial;
    initial.q = ir::Tensor({DType::kF64, Shape{n}});
    initial.p = ir::Tensor({DType::kF64, Shape{n}});
    double* q = initial.q.as<double>().data();
    for (std::int64_t i = 0; i < n; ++i) q[i] = std::sin(0.1 * static_cast<double>(i));
    const double start = now();
    const mechanics::System system = chain(n);
    mechanics::Plan plan;
    plan.method = "exact";
    plan.dt = 0.1;
    plan.steps = steps;
    plan.every = steps / 4;
    plan.linear = mechanics::linear_flow_for(system);
    const double made = now();
    const mechanics::Facts facts = mechanics::find_facts(system, initial);
    const double known = now();
    mechanics::FlowOptions options;
    options.cache.on = false;
    const auto flow = mechanics::Flow::compile(system, facts, plan, options);
    const double compiled = now();
    const mechanics::RunResult run = flow->run(initial, steps);
    const double end = now();
    const double times[5] = {made - start, known - made, compiled - known, end - compiled,
                             end - start};
    for (int i = 0; i < 5; ++i) best[i] = std::min(best[i], times[i]);
    for (const auto& i : run.invariants) error = std::max(error, i.max_rel_error);
  }
  std::printf(
      "a run, 1e9 steps, 5 samples: flow %.4f s, facts %.4f s, programs %.4f s, run %.4f s, all "
      "%.4f s, energy "
      "within %.1e\n",
      best[0], best[1], best[2], best[3], best[4], error);
}

}  // namespace

int main(int argc, char** argv) {
  const std::int64_t n = argc > 1 ? std::atoll(argv[1]) : 1000;
  const int repeats = argc > 2 ? std::atoi(argv[2]) : 5;
  measure(n, repeats, "by hand", false);
  measure(n, repeats, "from a file", true);
  measure_run(n, repeats);
}
