#include "cotangent/mechanics/facts_context.h"

#include <algorithm>

#include "cotangent/ir/evaluator.h"
#include "cotangent/mechanics/carry.h"
#include "cotangent/mechanics/dependence.h"
#include "cotangent/mechanics/facts_wide.h"
#include "cotangent/mechanics/rounding.h"
#include "cotangent/mechanics/short_use.h"

namespace cotangent::mechanics {

using ir::FunctionPtr;
using ir::Tensor;

namespace {

constexpr double kTolerance = 1e-11;          // of a test in long double, relative
constexpr double kSharpTolerance = 1e-16;     // of one value in long double
constexpr double kLooseTolerance = 1e-6;      // of a test in f64
constexpr long double kSafety = 8;            // bounds are of first order
constexpr long double kNothing = 0x1p-1074L;  // below f64
constexpr double kEvaluatorBudget = 3e5;      // element operations left to the reference evaluator
constexpr double kCalls = 8;                  // of a program, about

bool is_large(const ir::Function& f) {
  return operations_in(f) > kEvaluatorBudget;
}

}  // namespace

double Random::next() {
  state_ += 0x9e3779b97f4a7c15ull;
  std::uint64_t z = state_;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
  z ^= z >> 31;
  return static_cast<double>(z >> 11) * 0x1p-52 - 1;
}

double extent(const Tensor& x) {
  return largest(x) > 0 ? largest(x) : 1;
}

Tensor perturbed(const Tensor& x, double size, Random& random) {
  Tensor y = x;
  for (double& a : y.as<double>()) a += size * random.next();
  return y;
}

Samples::Samples(const System& system, const InitialState& initial) : system_(system) {
  const Tensor none(ir::Type{DType::kF64, Shape{0}});
  // A velocity stands in for a momentum here: any point will do.
  start_ = {system.form == Form::kCanonical ? initial.q : initial.x,
            initial.p   ? *initial.p
            : initial.v ? *initial.v
                        : none,
            initial.t};
  Random random(2026);
  const double size_q = 0.1 * extent(start_.q), size_p = 0.3 * extent(start_.p);
  const int count = start_.q.size() > 2000 ? 1 : 3;
  for (int k = 0; k < count; ++k) {
    states_.push_back({perturbed(start_.q, size_q, random), perturbed(start_.p, size_p, random),
                       start_.t + (k == 0 ? 0 : random.next())});
  }
}

std::string Samples::text() const {
  return std::to_string(states_.size()) + (states_.size() == 1 ? " state" : " states") +
         " near the initial one";
}

const std::vector<SampleState>& Samples::wide(const FunctionPtr& term) const {
  const auto [at, fresh] = wide_.try_emplace(term);
  if (fresh) at->second = wide_states(system_, start_, states_[0], *term);
  return at->second;
}

std::vector<Tensor> Samples::arguments(const SampleState& s) const {
  std::vector<Tensor> args = {s.q};
  if (system_.form == Form::kCanonical) args.push_back(s.p);
  args.push_back(Tensor::scalar_of<double>(s.t));
  for (const Parameter& x : system_.parameters) args.push_back(x.value);
  return args;
}

std::vector<Tensor> Samples::evaluate(const FunctionPtr& f, const std::vector<Tensor>& args) const {
  if (is_large(*f)) {
    if (compiled_.first != f) compiled_ = {f, code_for(f, kCalls)};
    return compiled_.second->call(args);
  }
  ir::EvaluateOptions options;
  options.extended = true;
  return ir::evaluate(*f, args, options);
}

long double Samples::value(const FunctionPtr& f, const SampleState& s) const {
  return evaluate(f, arguments(s))[0].real(0);
}

std::vector<std::size_t> Samples::rounded() const {
  std::vector<std::size_t> all;
  const std::size_t first = system_.form == Form::kCanonical ? 3 : 2;
  for (std::size_t k = 0; k < system_.parameters.size(); ++k) {
    const Tensor& x = system_.parameters[k].value;
    if (!is_float(x.type().dtype)) continue;
    for (std::int64_t e = 0; e < x.size(); ++e) {
      if (!is_long(static_cast<double>(x.real(e)))) continue;
      all.push_back(first + k);
      break;
    }
  }
  return all;
}

bool Samples::large(const ir::Function& f) const {
  return is_large(f);
}

double Samples::tolerance(const FunctionPtr& f) const {
  return is_large(*f) ? kLooseTolerance : kTolerance;
}

double Samples::sharp_tolerance(const FunctionPtr& f) const {
  return is_large(*f) ? kLooseTolerance : kSharpTolerance;
}

Weighed::Weighed(const Samples& samples, const FunctionPtr& f, std::vector<std::size_t> results,
                 bool moved)
    : samples_(samples), results_(std::move(results)), plain_(f) {
  std::vector<std::size_t> rounded = samples.rounded();
  if (moved) rounded.insert(rounded.end(), {term_parameter::kQ, term_parameter::kP});
  program_ = with_rounding(*f, results_, rounded, kUnitExtended);
  if (program_ && samples.large(*program_)) {
    program_ = with_rounding(*f, results_, rounded, kUnitF64);
  }
}

Weighed::Values Weighed::at(const std::vector<Tensor>& arguments) const {
  Values v;
  if (program_) {
    v.results = samples_.evaluate(program_, arguments);
    const auto half = v.results.begin() + static_cast<std::ptrdiff_t>(results_.size());
    v.bounds.assign(half, v.results.end());
    v.results.erase(half, v.results.end());
  } else {
    // No rule says more than that a result is as sharp as the largest of them.
    const std::vector<Tensor> all = samples_.evaluate(plain_, arguments);
    long double most = 0;
    for (const Tensor& x : all) {
      for (std::int64_t k = 0; k < x.size(); ++k) most = std::max(most, std::abs(x.real(k)));
    }
    for (std::size_t r : results_) {
      v.results.push_back(all[r]);
      v.bounds.push_back(filled(all[r].type(), samples_.sharp_tolerance(plain_) * most));
    }
  }
  const auto finite = [](const std::vector<Tensor>& all) {
    for (const Tensor& x : all) {
      for (std::int64_t k = 0; k < x.size(); ++k) {
        if (!std::isfinite(x.real(k))) return false;
      }
    }
    return true;
  };
  v.finite = finite(v.results);
  v.told = finite(v.bounds);
  return v;
}

std::string Weighed::Verdict::where() const {
  return near ? "at a state near the initial one" : "at a state away from the initial one";
}

std::string Weighed::Verdict::states() const {
  return std::to_string(told) + (told == 1 ? " state" : " states") + " near the initial one" +
         (wide > 0 ? " and " + std::to_string(wide) + " at the scales of the term" : "") +
         (within > 0 ? ", to within " + short_number(kSafety * within, 1) : "");
}

Weighed::Verdict Weighed::vanish(const FunctionPtr& term, const std::vector<Tensor>& more) const {
  Verdict verdict;
  const auto look = [&](const SampleState& s, bool near) {
    std::vector<Tensor> args = samples_.arguments(s);
    args.insert(args.end(), more.begin(), more.end());
    const Values v = at(args);
    // Away from the start an energy need not be a number.
    if (!v.told && (v.finite || !near)) return;
    if (!v.finite && !near) return;
    ++(near ? verdict.told : verdict.wide);
    for (std::size_t r = 0; r < v.results.size(); ++r) {
      for (std::int64_t k = 0; k < v.results[r].size(); ++k) {
        const long double x = v.results[r].real(k), bound = v.bounds[r].real(k);
        if (v.told && near) verdict.within = std::max(verdict.within, bound);
        if (!differ(x, bound)) continue;
        if (verdict.against && !(std::abs(x) > std::abs(verdict.value))) continue;
        verdict.against = true;
        verdict.result = r;
        verdict.value = x;
        verdict.at = s;
        verdict.near = near;
      }
    }
  };
  for (const SampleState& s : samples_.states()) {
    look(s, true);
    if (verdict.against) return verdict;
  }
  for (const SampleState& s : samples_.wide(term)) {
    look(s, false);
    if (verdict.against) return verdict;
  }
  return verdict;
}

std::string Weighed::change(const FunctionPtr& term, const std::vector<Tensor>& more) const {
  const auto at_time = [&](SampleState s, double t) {
    s.t = t;
    std::vector<Tensor> args = samples_.arguments(s);
    args.insert(args.end(), more.begin(), more.end());
    return at(args);
  };
  const auto between = [](const Values& a, const Values& b) -> std::string {
    for (std::size_t r = 0; r < a.results.size(); ++r) {
      const Tensor &x = a.results[r], &y = b.results[r];
      for (std::int64_t k = 0; k < x.size(); ++k) {
        if (differ(x.real(k), a.bounds[r].real(k), y.real(k), b.bounds[r].real(k))) {
          return from_to(x.real(k), y.real(k));
        }
      }
    }
    return "";
  };
  std::vector<SampleState> near = samples_.states();
  if (near.size() == 1) {
    Random random(13);
    near.push_back(near[0]);
    near[1].q = perturbed(near[0].q, 0.1 * extent(near[0].q), random);
    near[1].p = perturbed(near[0].p, 0.1 * extent(near[0].p), random);
  }
  // A drive may change results with time: at each time the states have to agree.
  std::map<double, Values> first;
  const auto reference = [&](double t) -> const Values& {
    const auto [found, fresh] = first.try_emplace(t);
    if (fresh) found->second = at_time(near[0], t);
    return found->second;
  };
  const double start = near[0].t;
  const auto unknown = [](const Values& v) { return v.finite && !v.told; };
  for (std::size_t k = 1; k < near.size(); ++k) {
    const Values here = at_time(near[k], start);
    if (unknown(here) || unknown(reference(start))) continue;
    if (std::string found = between(reference(start), here); !found.empty()) return found;
  }
  for (const SampleState& s : samples_.wide(term)) {
    const Values& there = reference(s.t);
    if (!there.finite || !there.told) continue;
    for (const SampleState* other : {&s, &std::as_const(near[1])}) {
      if (other != &s && s.t == start) continue;
      const Values here = at_time(*other, s.t);
      // Away from the start an energy need not be a number.
      if (!here.finite || !here.told) continue;
      if (std::string found = between(there, here); !found.empty()) return found;
    }
  }
  return "";
}

bool Weighed::differ(long double x, long double x_bound, long double y, long double y_bound) {
  return !(std::abs(x - y) <= kSafety * (x_bound + y_bound) + kNothing);
}

std::string short_number(long double x, int digits) {
  char text[48];
  std::snprintf(text, sizeof text, "%.*Lg", digits, x);
  return text;
}

std::string from_to(long double a, long double b) {
  int digits = 3;
  while (digits < 18 && short_number(a, digits) == short_number(b, digits)) digits += 3;
  return "from " + short_number(a, digits) + " to " + short_number(b, digits);
}

Fact& FactContext::add(std::string name, FactValue value, How how, std::string detail) {
  Fact f;
  f.name = std::move(name);
  f.value = std::move(value);
  f.how = how;
  f.detail = std::move(detail);
  facts.all.push_back(std::move(f));
  return facts.all.back();
}

Fact& FactContext::add(std::string name, FactValue value, How how, std::string detail,
                       const EnergyTerm& term, SourceSpan place) {
  Fact& f = add(std::move(name), std::move(value), how, std::move(detail));
  f.term = term.name;
  f.place = place.empty() ? term.span : place;
  return f;
}

const Fact* FactContext::found(const std::string& name) const {
  for (const Fact& f : facts.all) {
    if (f.name == name) return &f;
  }
  return nullptr;
}

bool FactContext::proved(const std::string& name) const {
  const Fact* f = found(name);
  const bool* holds = f ? std::get_if<bool>(&f->value) : nullptr;
  return holds && *holds && f->how == How::kProved;
}

}  // namespace cotangent::mechanics
