#include "cotangent/mechanics/facts_wide.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <set>

#include "cotangent/ir/builder.h"
#include "cotangent/ir/evaluator.h"
#include "cotangent/mechanics/carry.h"
#include "cotangent/mechanics/dependence.h"
#include "cotangent/mechanics/unroll.h"
#include "cotangent/transform/derivatives.h"
#include "cotangent/transform/passes.h"

namespace cotangent::mechanics {

using ir::Function;
using ir::FunctionPtr;
using ir::Op;
using ir::Tensor;
using ir::Value;

namespace {

constexpr std::size_t kMaxNumbers = 6;    // of a program, that states are placed by
constexpr std::size_t kMaxPlaced = 40;    // states placed by numbers
constexpr std::size_t kMaxOperands = 12;  // of ops, that are looked for
constexpr std::size_t kStarts = 2;        // states found, from which others are looked for
constexpr int kIterations = 60;           // q -> q/2 goes from 1 to 1e-18
constexpr double kEvaluated = 2e4;        // operations of a term whose tests are compiled
constexpr double kWideOperations = 4e5;   // of all states together, of smaller ones
constexpr double kWideCompiled = 1e8;     // of larger ones
constexpr double kSearched = 4000;        // operations of a program that is searched
constexpr std::int64_t kMaxUnroll = 64;

// --- by the numbers that a program names

/// Numbers that may be a scale: neither zero nor one.
void collect_numbers(const Function& f, std::set<double>& numbers) {
  const auto take = [&](const Tensor& x) {
    if (!is_float(x.type().dtype) || x.size() < 1 || x.size() > 16) return;
    for (std::int64_t k = 0; k < x.size(); ++k) {
      const double a = std::abs(static_cast<double>(x.real(k)));
      if (a > 0 && a != 1 && std::isfinite(a)) numbers.insert(a);
    }
  };
  for (std::uint32_t id = 0; id < f.size(); ++id) {
    const Value v{id};
    if (f.op(v) == Op::kConstant) take(*f.attr_as<ir::LiteralAttr>(v).value);
    if (!ir::is_second_order(f.op(v)) || f.op(v) == Op::kProject) continue;
    for (const FunctionPtr& body : ir::bodies_of(f.attr(v))) {
      if (body) collect_numbers(*body, numbers);
    }
  }
}

/// The numbers farthest from one: those that a neighbourhood of the start misses.
std::vector<double> scales_of(const System& system, const Function& f) {
  std::set<double> all;
  collect_numbers(f, all);
  for (const Parameter& x : system.parameters) {
    if (!is_float(x.value.type().dtype) || x.value.size() != 1) continue;
    const double a = std::abs(static_cast<double>(x.value.real(0)));
    if (a > 0 && std::isfinite(a)) all.insert(a);
  }
  std::vector<double> scales(all.begin(), all.end());
  std::ranges::stable_sort(
      scales, [](double a, double b) { return std::abs(std::log(a)) > std::abs(std::log(b)); });
  if (scales.size() > kMaxNumbers) scales.resize(kMaxNumbers);
  return scales;
}

/// About the origin, the start and the numbers, as wide as the roots of their inverses (of
/// exp(-s x^2)), their inverses (of tanh(s x)) and the numbers themselves; the likeliest first.
void place_by_numbers(const System& system, const SampleState& start, const Function& f,
                      std::size_t count, std::vector<SampleState>& states) {
  const std::vector<double> scales = scales_of(system, f);
  std::vector<double> widths;
  for (double s : scales) widths.push_back(1 / std::sqrt(s));
  for (double s : scales) widths.push_back(1 / s);
  for (double s : {1e-3, 10.0, 1e3}) widths.push_back(s * extent(start.q));
  for (double s : scales) widths.push_back(s);
  Random random(41);
  const auto placed = [&](const Tensor& like, std::optional<double> centre, double width) {
    Tensor x = like;
    if (centre) {
      for (double& a : x.as<double>()) a = *centre;
    }
    return perturbed(x, width, random);
  };
  const auto add = [&](Tensor q, Tensor p) {
    if (states.size() < count) states.push_back({std::move(q), std::move(p), start.t});
  };
  for (double w : widths) {
    add(placed(start.q, 0.0, w), start.p);
    add(placed(start.q, {}, w), start.p);
    if (start.p.size() > 0) add(start.q, placed(start.p, 0.0, w));
    for (double s : scales) {
      for (double centre : {s, -s}) {
        if (w < std::abs(centre)) add(placed(start.q, centre, w), start.p);
      }
    }
  }
}

// --- by where operands are of the scale of their ops

enum class Look { kScale, kZero };

/// What is looked for in an operand of an op that is not the same everywhere.
std::optional<std::pair<std::size_t, Look>> looked_for(Op op) {
  switch (op) {
    case Op::kExp:
    case Op::kExpm1:
    case Op::kSinh:
    case Op::kCosh:
    case Op::kTanh:
    case Op::kErf:
    case Op::kErfc:
    case Op::kAtan:
    case Op::kAsin:
    case Op::kAcos:
    case Op::kLog1p: return {{0, Look::kScale}};
    case Op::kSqrt:
    case Op::kRsqrt:
    case Op::kCbrt:
    case Op::kLog:
    case Op::kPow: return {{0, Look::kZero}};
    case Op::kDiv: return {{1, Look::kZero}};
    default: return {};
  }
}

/// One operand u(q, p, t): f up to it, and the slope of its elements weighed by w.
class Operand {
 public:
  Operand(const System& system, const Function& f, Value u, Look look)
      : system_(system), look_(look) {
    states_ = system.form == Form::kCanonical ? 2 : 1;
    ir::Builder b("operand");
    std::vector<Value> image(f.size());
    for (std::size_t k = 0; k < f.params().size(); ++k) {
      image[f.params()[k].id] = b.param(f.param_type(k), f.param_names()[k]);
    }
    const Value w = b.param(f.type(u), "w");
    for (std::uint32_t id = 0; id <= u.id; ++id) {
      if (f.op(Value{id}) == Op::kParameter) continue;
      std::vector<Value> operands;
      for (Value o : f.operands(Value{id})) operands.push_back(image[o.id]);
      image[id] = b.copy(f, Value{id}, operands);
    }
    weights_ = f.type(u);
    const Value sum = b.reduce_sum(b.mul(image[u.id], w));
    const FunctionPtr whole = b.finish({sum, image[u.id]});
    transform::Positions wrt;
    for (std::size_t k = 0; k <= states_; ++k) wrt.push_back(k);  // q, p, t; or x, t
    ir::Builder v("value");
    std::vector<Value> x;
    for (std::size_t k = 0; k < whole->params().size(); ++k) {
      x.push_back(v.param(whole->param_type(k), whole->param_names()[k]));
    }
    value_ = transform::simplify(*v.finish({v.inline_call(*whole, x)[1]}));
    slope_ = transform::simplify(*transform::grad(*whole, wrt));
  }

  /// Newton's method from each of some states, until it gets there; adds the states on the way that
  /// are worth a look. From where other operands are of their scale as well: flat is an op whose
  /// operand is tanh of something elsewhere.
  void search(const std::vector<SampleState>& from, std::vector<SampleState>& states) const {
    const std::vector<double> targets =
        look_ == Look::kScale ? std::vector<double>{-0.7, 0.7} : std::vector<double>{0};
    for (const double target : targets) {
      for (const SampleState& start : from) {
        if (toward(target, start, states)) break;
      }
    }
  }

 private:
  bool toward(long double target, SampleState at, std::vector<SampleState>& states) const {
    long double told = HUGE_VALL, best = HUGE_VALL;
    std::optional<SampleState> nearest;
    bool there = false;
    for (int k = 0; k < kIterations && !there; ++k) {
      std::vector<Tensor> args = arguments(at);
      args.push_back(filled(weights_, 0));
      const Tensor u = ir::evaluate(*value_, args)[0];
      std::int64_t element = 0;
      long double off = HUGE_VALL;
      for (std::int64_t e = 0; e < u.size(); ++e) {
        if (!(std::abs(u.real(e) - target) < off)) continue;
        off = std::abs(u.real(e) - target);
        element = e;
      }
      if (!std::isfinite(off)) break;
      if (target == 0 && off < told / 10) {  // of each size, once
        if (k > 0) states.push_back(at);
        told = off;
      }
      if (off < best) {
        best = off;
        nearest = at;
      }
      there = off < (target == 0 ? 1e-30L : 0.3L);
      args.back().set_real(element, 1);
      const std::vector<Tensor> slope = ir::evaluate(*slope_, args);
      long double square = 0;
      for (const Tensor& g : slope) {
        for (std::int64_t e = 0; e < g.size(); ++e) square += g.real(e) * g.real(e);
      }
      const long double step = (u.real(element) - target) / square;
      if (!(square > 0) || !std::isfinite(step)) break;
      if (there) break;
      for (std::size_t part = 0; part < states_; ++part) {
        Tensor& x = part == 0 ? at.q : at.p;
        for (std::int64_t e = 0; e < x.size(); ++e) {
          x.set_real(e, x.real(e) - step * slope[part].real(e));
        }
      }
      at.t -= static_cast<double>(step * slope[states_].real(0));
    }
    // A square that should be 0.7 below zero comes near, and is looked at as well.
    if (nearest && target != 0) states.push_back(*nearest);
    return there;
  }

  std::vector<Tensor> arguments(const SampleState& s) const {
    std::vector<Tensor> args = {s.q};
    if (states_ == 2) args.push_back(s.p);
    args.push_back(Tensor::scalar_of<double>(s.t));
    for (const Parameter& x : system_.parameters) args.push_back(x.value);
    return args;
  }

  const System& system_;
  Look look_;
  std::size_t states_;
  ir::Type weights_;
  FunctionPtr value_, slope_;
};

void search_operands(const System& system, const SampleState& near, const Function& whole,
                     std::vector<SampleState>& states) {
  if (operations_in(whole) > kSearched) return;
  const FunctionPtr f = transform::simplify(*unroll_small(whole, kMaxUnroll));
  const std::uint64_t state = system.form == Form::kCanonical ? 7 : 3;  // and the time
  std::vector<std::uint64_t> reads(f->size(), 0);
  std::set<std::uint32_t> done;
  for (std::uint32_t id = 0; id < f->size(); ++id) {
    const Value v{id};
    if (f->op(v) == Op::kParameter) {
      reads[id] = std::uint64_t{1}
                  << std::min<std::int64_t>(63, f->attr_as<ir::IndexAttr>(v).index);
    }
    for (Value o : f->operands(v)) reads[id] |= reads[o.id];
    const auto look = looked_for(f->op(v));
    if (!look || !is_float(f->type(v).dtype)) continue;
    const Value u = f->operand(v, look->first);
    if ((reads[u.id] & state) == 0 || !done.insert(u.id).second) continue;
    if (done.size() > kMaxOperands) return;
    std::vector<SampleState> from = {near};
    const auto last = states.rbegin();
    for (std::size_t k = 0; k < std::min(kStarts, states.size()); ++k)
      from.push_back(last[static_cast<std::ptrdiff_t>(k)]);
    Operand(system, *f, u, look->second).search(from, states);
  }
}

}  // namespace

std::vector<SampleState> wide_states(const System& system, const SampleState& start,
                                     const SampleState& near, const Function& f) {
  const double each = std::max(1.0, operations_in(f));
  const auto count =
      static_cast<std::size_t>((each > kEvaluated ? kWideCompiled : kWideOperations) / each);
  std::vector<SampleState> states;
  if (count == 0) return states;
  search_operands(system, near, f, states);
  place_by_numbers(system, start, f, states.size() + kMaxPlaced, states);
  if (states.size() > count) states.resize(count);
  return states;
}

}  // namespace cotangent::mechanics
