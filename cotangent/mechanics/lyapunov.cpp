#include "cotangent/mechanics/lyapunov.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <functional>
#include <numeric>

#include "cotangent/ir/evaluator.h"
#include "cotangent/mechanics/scalars.h"
#include "cotangent/mechanics/tangent_frame.h"
#include "cotangent/transform/passes.h"

namespace cotangent::mechanics {
namespace {

using ir::Builder;
using ir::FunctionPtr;
using ir::Tensor;
using ir::Type;
using ir::Value;

constexpr double kAskSeconds = 0.05;

std::int64_t entries(const std::vector<NamedType>& arrays) {
  std::int64_t n = 0;
  for (const NamedType& x : arrays) n += x.type.size();
  return n;
}

/// The f64 arrays of the carry with a leading axis of m, one after the other as one [m, n].
class Flat {
 public:
  Flat(const ir::Function& tangent, std::size_t carries, std::int64_t m) : m_(m) {
    for (std::size_t k = carries; k < tangent.results().size(); ++k) {
      types_.push_back(tangent.result_type(k));
    }
  }
  std::size_t arrays() const { return types_.size(); }
  const std::vector<Type>& types() const { return types_; }
  Value join(Builder& b, const std::vector<Value>& frames) const {
    std::vector<Value> parts;
    for (std::size_t k = 0; k < frames.size(); ++k) {
      parts.push_back(b.reshape(frames[k], Shape{m_, types_[k].size() / m_}));
    }
    return b.concatenate(parts, 1);
  }
  std::vector<Value> split(Builder& b, Value flat) const {
    std::vector<Value> frames;
    std::int64_t at = 0;
    for (const Type& t : types_) {
      const std::int64_t n = t.size() / m_;
      frames.push_back(b.reshape(b.slice(flat, {0, at}, {m_, at + n}, {1, 1}), t.shape));
      at += n;
    }
    return frames;
  }

 private:
  std::int64_t m_;
  std::vector<Type> types_;
};

/// What is added to the sums after an iteration, from its number, the sums and the logarithms.
using Tally = std::function<Value(Builder& b, Value iteration, Value sums, Value logs)>;

/// `every` steps: (iteration, t0, dt, parameters..., carry..., frame...) -> (carry..., frame...)
/// as values of b.
std::vector<Value> several_steps(Builder& b, const ir::Function& tangent, std::size_t parameters,
                                 Value iteration, const std::vector<Value>& fixed,
                                 std::vector<Value> moved, std::int64_t every) {
  const auto call = [&](Builder& to, Value step, const std::vector<Value>& f,
                        std::vector<Value> args) {
    args.push_back(step);
    args.insert(args.end(), f.begin(), f.end());
    return to.inline_call(tangent, args);
  };
  const Value first = b.mul(iteration, b.constant_i64(every));
  if (every == 1) return call(b, first, fixed, std::move(moved));
  Builder body("steps");
  const Value k = body.param(kIndex, "k"), start = body.param(kIndex, "first");
  std::vector<Value> f, x;
  for (std::size_t j = 0; j < fixed.size(); ++j) f.push_back(body.param(b.type(fixed[j])));
  for (const Value v : moved) x.push_back(body.param(b.type(v)));
  const std::vector<Value> next = call(body, body.add(start, k), f, x);
  ir::LoopAttr loop;
  loop.trip = every;
  loop.invariants = static_cast<std::int64_t>(parameters) + 3;
  loop.carries = static_cast<std::int64_t>(moved.size());
  loop.body = body.finish(next);
  std::vector<Value> operands = {first};
  operands.insert(operands.end(), fixed.begin(), fixed.end());
  operands.insert(operands.end(), moved.begin(), moved.end());
  return b.loop(loop, operands);
}

FunctionPtr frame_program(const Integrator& integrator, std::int64_t m, std::int64_t every,
                          std::int64_t trip, std::int64_t width, const Tally& tally) {
  const std::size_t carries = integrator.carry.size();
  const FunctionPtr tangent = tangent_step(*integrator.step, carries, m);
  const Flat flat(*tangent, carries, m);
  const std::size_t moved = carries + flat.arrays();
  const std::size_t parameters = tangent->params().size() - moved - 3;
  const Type sums_type{DType::kF64, Shape{width}};

  const auto params = [&](Builder& b, std::size_t from, std::size_t to) {
    std::vector<Value> x;
    for (std::size_t k = from; k < to; ++k) {
      x.push_back(b.param(tangent->param_type(k), tangent->param_names()[k]));
    }
    return x;
  };
  Builder body("iteration");
  const Value iteration = body.param(kIndex, "iteration");
  const std::vector<Value> fixed = params(body, moved + 1, tangent->params().size());
  std::vector<Value> x = params(body, 0, moved);
  const Value sums = body.param(sums_type, "sums");
  x = several_steps(body, *tangent, parameters, iteration, fixed, x, every);
  const std::vector<Value> frames(x.begin() + static_cast<long>(carries), x.end());
  const Orthonormal o = orthonormalise(body, flat.join(body, frames), entries(integrator.state));
  x.resize(carries);
  for (const Value f : flat.split(body, o.frame)) x.push_back(f);
  x.push_back(body.add(sums, tally(body, iteration, sums, o.logs)));
  ir::LoopAttr loop;
  loop.trip = trip;
  loop.dynamic = true;
  loop.invariants = static_cast<std::int64_t>(fixed.size());
  loop.carries = static_cast<std::int64_t>(x.size());
  loop.body = body.finish(x);

  Builder b("frame");
  std::vector<Value> carried = params(b, 0, moved);
  carried.push_back(b.param(sums_type, "sums"));
  const Value first = b.param(kIndex, "first"), count = b.param(kIndex, "count");
  std::vector<Value> operands = params(b, moved + 1, tangent->params().size());
  operands.insert(operands.end(), carried.begin(), carried.end());
  operands.insert(operands.end(), {first, count});
  return transform::simplify(*b.finish(b.loop(loop, operands)));
}

/// A run with a frame: what is carried, and the means to go on.
class FrameRun {
 public:
  FrameRun(const Integrator& integrator, const std::vector<Tensor>& state,
           const std::vector<Tensor>& parameters, double t0, double dt,
           const std::vector<Tensor>& frame, std::int64_t m, std::int64_t every,
           FunctionPtr program, std::int64_t width, const LyapunovOptions& options)
      : program_(std::move(program)),
        carries_(integrator.carry.size()),
        every_(every),
        goes_on_(options.goes_on) {
    rest_ = {Tensor::scalar_of<double>(t0), Tensor::scalar_of<double>(dt)};
    rest_.insert(rest_.end(), parameters.begin(), parameters.end());
    std::vector<Tensor> args = state;
    args.insert(args.end(), frame.begin(), frame.end());
    args.insert(args.end(), rest_.begin(), rest_.end());
    moved_ = ir::evaluate(*tangent_step(*integrator.open, state.size(), m), args);
    moved_.push_back(Tensor(Type{DType::kF64, Shape{width}}));
    if (!options.reference) compiled_ = runtime::compile(program_, options.compile);
  }

  /// So many iterations, in calls as long as nobody need be asked.
  void advance(std::int64_t count) {
    while (count > 0) {
      if (goes_on_ && !goes_on_(done_ * every_)) throw UserError("it was interrupted");
      const std::int64_t now = goes_on_ ? std::min(count, pace_) : count;
      const auto start = std::chrono::steady_clock::now();
      call(now);
      const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
      if (took.count() < kAskSeconds / 2 && now == pace_) pace_ *= 2;
      if (took.count() > kAskSeconds) pace_ = std::max<std::int64_t>(1, pace_ / 2);
      count -= now;
    }
    for (double x : sums().as<double>()) {
      if (std::isfinite(x)) continue;
      throw UserError({"the run with its tangent vectors stops being finite by step " +
                           std::to_string(done_ * every_),
                       "",
                       "the state leaves for infinity, or a tangent vector becomes zero: what "
                       "contracts everything has an exponent of minus infinity",
                       "take a smaller dt, ask for fewer exponents; or, where the run itself is "
                       "fine, orthonormalise more often"});
    }
  }
  const Tensor& sums() const { return moved_.back(); }
  void clear_sums() { moved_.back() = Tensor(moved_.back().type()); }
  std::vector<Tensor> carry() const {
    return {moved_.begin(), moved_.begin() + static_cast<long>(carries_)};
  }

 private:
  void call(std::int64_t count) {
    std::vector<Tensor> args = moved_;
    args.push_back(Tensor::scalar_of<std::int64_t>(done_));
    args.push_back(Tensor::scalar_of<std::int64_t>(count));
    args.insert(args.end(), rest_.begin(), rest_.end());
    moved_ = compiled_ ? compiled_->call(args) : ir::evaluate(*program_, args);
    done_ += count;
  }

  FunctionPtr program_;
  std::size_t carries_;
  std::int64_t every_;  ///< steps of an iteration
  std::function<bool(std::int64_t)> goes_on_;
  runtime::ExecutablePtr compiled_;
  std::vector<Tensor> rest_, moved_;
  std::int64_t done_ = 0, pace_ = 1;
};

void check_state(const Integrator& integrator, const std::vector<Tensor>& state,
                 std::int64_t steps) {
  bool fits = state.size() == integrator.state.size();
  for (std::size_t k = 0; fits && k < state.size(); ++k) {
    fits = state[k].type() == integrator.state[k].type && state[k].type().dtype == DType::kF64;
  }
  if (!fits) {
    throw UserError("the state is not like that of the method, in f64",
                    "give one f64 array for each of its arrays");
  }
  if (steps <= 0) throw UserError("a growth rate needs steps", "give at least one");
}

/// Rows of unit vectors, by the entry of the flat state that is 1 in each; `ones` for a single row
/// of all entries.
std::vector<Tensor> unit_frame(const Integrator& integrator, const std::vector<std::int64_t>& one) {
  std::vector<Tensor> frame;
  std::int64_t at = 0;
  for (const NamedType& x : integrator.state) {
    std::vector<std::int64_t> dims = {static_cast<std::int64_t>(one.size())};
    for (int k = 0; k < x.type.shape.rank(); ++k) dims.push_back(x.type.shape[k]);
    Tensor rows(Type{DType::kF64, Shape(dims)});
    for (std::size_t k = 0; k < one.size(); ++k) {
      const std::int64_t place = one[k] - at;
      if (place < 0 || place >= x.type.size()) continue;
      rows.set_real(static_cast<std::int64_t>(k) * x.type.size() + place, 1);
    }
    frame.push_back(std::move(rows));
    at += x.type.size();
  }
  return frame;
}

std::vector<double> values_of(const Tensor& x) {
  const auto all = x.as<double>();
  return {all.begin(), all.end()};
}

}  // namespace

FunctionPtr lyapunov_program(const Integrator& integrator, std::int64_t m, std::int64_t every,
                             std::int64_t trip) {
  return frame_program(integrator, m, every, trip, m,
                       [](Builder&, Value, Value, Value logs) { return logs; });
}

FunctionPtr megno_program(const Integrator& integrator, std::int64_t trip) {
  return frame_program(
      integrator, 1, 1, trip, 2, [](Builder& b, Value iteration, Value sums, Value logs) {
        const Value k = b.cast(b.add(iteration, b.constant_i64(1)), DType::kF64);
        const Value weighted = b.mul(k, b.row(logs, 0));
        const Value total = b.add(b.row(sums, 0), weighted);
        const Value y = b.div(b.mul(b.constant(2.0), total), k);
        const Value parts[] = {b.reshape(weighted, Shape{1}), b.reshape(y, Shape{1})};
        return b.concatenate(parts, 0);
      });
}

namespace {

/// Falling: what the frame's vectors find is so after a long run only, and of two that are close
/// either may come first.
void sort(LyapunovResult& r) {
  const std::size_t m = r.exponents.size();
  std::vector<std::size_t> order(m);
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(
      order, [&](std::size_t a, std::size_t b) { return r.exponents[a] > r.exponents[b]; });
  const auto sorted = [&](std::vector<double>& x) {
    std::vector<double> y(x.size());
    for (std::size_t k = 0; k < x.size(); ++k) y[k] = x[k - k % m + order[k % m]];
    x = std::move(y);
  };
  sorted(r.exponents);
  sorted(r.errors);
  sorted(r.running);
}

}  // namespace

LyapunovResult lyapunov_spectrum(const Integrator& integrator, const std::vector<Tensor>& state,
                                 const std::vector<Tensor>& parameters, double t0, double dt,
                                 std::int64_t steps, const LyapunovOptions& options) {
  check_state(integrator, state, steps);
  const std::int64_t n = entries(integrator.state);
  const std::int64_t m = options.exponents > 0 ? std::min(options.exponents, n) : n;
  if (m > kMostExponents) {
    throw UserError("a spectrum of " + std::to_string(m) + " exponents is too long",
                    "ask for the largest " + std::to_string(kMostExponents) + " or fewer");
  }
  if (options.canonical &&
      (integrator.state.size() != 2 || integrator.state[0].type != integrator.state[1].type)) {
    throw UserError("the state of a canonical system is q and p, of one shape");
  }
  std::vector<std::int64_t> one;
  for (std::int64_t k = 0; k < m; ++k) {
    // q1..qn, pn..p1
    one.push_back(options.canonical && k >= n / 2 ? n - 1 - (k - n / 2) : k);
  }
  const std::int64_t every = std::max<std::int64_t>(1, std::min(options.every, steps));
  const std::int64_t iterations = std::max<std::int64_t>(1, steps / every);
  const std::int64_t samples = std::clamp<std::int64_t>(options.samples, 1, iterations);
  const std::int64_t skip = (options.transient + every - 1) / every;
  const std::int64_t trip = std::max(iterations / samples + 1, std::min<std::int64_t>(skip, 4096));
  FrameRun run(integrator, state, parameters, t0, dt, unit_frame(integrator, one), m, every,
               lyapunov_program(integrator, m, every, trip), m, options);
  for (std::int64_t done = 0; done < skip; done += trip) run.advance(std::min(trip, skip - done));
  run.clear_sums();

  LyapunovResult r;
  const auto size = static_cast<std::size_t>(m);
  std::vector<double> before(size, 0), squares(size, 0);
  for (std::int64_t s = 0, done = 0; s < samples; ++s) {
    const std::int64_t next = iterations * (s + 1) / samples;
    run.advance(next - done);
    const std::vector<double> sums = values_of(run.sums());
    const double time = std::abs(dt) * static_cast<double>(next * every);
    const double block = std::abs(dt) * static_cast<double>((next - done) * every);
    r.t.push_back(time);
    for (std::size_t k = 0; k < size; ++k) {
      r.running.push_back(sums[k] / time);
      const double mean = (sums[k] - before[k]) / block;
      squares[k] += mean * mean;
    }
    before = sums;
    done = next;
  }
  r.steps = iterations * every;
  r.carry = run.carry();
  const double blocks = static_cast<double>(samples);
  for (std::size_t k = 0; k < size; ++k) {
    r.exponents.push_back(before[k] / r.t.back());
    r.sum += r.exponents.back();
    const double variance = squares[k] / blocks - r.exponents[k] * r.exponents[k];
    r.errors.push_back(samples > 1 ? std::sqrt(std::max(0.0, variance) / (blocks - 1)) : NAN);
  }
  const bool pairs = options.canonical && m == n;
  r.pairing = pairs ? 0 : NAN;
  for (std::size_t k = 0; pairs && k < size / 2; ++k) {
    r.pairing = std::max(r.pairing, std::abs(r.exponents[k] + r.exponents[size - 1 - k]));
  }
  sort(r);
  return r;
}

MegnoResult megno(const Integrator& integrator, const std::vector<Tensor>& state,
                  const std::vector<Tensor>& parameters, double t0, double dt, std::int64_t steps,
                  const LyapunovOptions& options) {
  check_state(integrator, state, steps);
  const double length = 1 / std::sqrt(static_cast<double>(entries(integrator.state)));
  std::vector<Tensor> frame = unit_frame(integrator, {0});
  for (Tensor& x : frame) {
    for (std::int64_t k = 0; k < x.size(); ++k) x.set_real(k, length);
  }
  const std::int64_t samples = std::clamp<std::int64_t>(options.samples, 1, steps);
  FrameRun run(integrator, state, parameters, t0, dt, frame, 1, 1,
               megno_program(integrator, steps / samples + 1), 2, options);
  MegnoResult r;
  for (std::int64_t s = 0, done = 0; s < samples; ++s) {
    const std::int64_t next = steps * (s + 1) / samples;
    run.advance(next - done);
    done = next;
    const auto n = static_cast<double>(next);
    r.t.push_back(std::abs(dt) * n);
    r.y.push_back(2 * static_cast<double>(run.sums().real(0)) / n);
    r.mean_y.push_back(static_cast<double>(run.sums().real(1)) / n);
  }
  r.megno = r.y.back();
  r.mean = r.mean_y.back();
  double st = 0, sy = 0, stt = 0, sty = 0, count = 0;
  for (std::size_t k = r.t.size() / 2; k < r.t.size(); ++k) {
    const double t = r.t[k], y = r.mean_y[k];
    st += t, sy += y, stt += t * t, sty += t * y, count += 1;
  }
  const double spread = stt - st * st / count;
  r.lyapunov = spread > 0 ? 2 * (sty - st * sy / count) / spread : 0;
  r.chaotic = r.mean > 3 && r.lyapunov * r.t.back() > 2;
  return r;
}

}  // namespace cotangent::mechanics
