#include "cotangent/mechanics/facts_context.h"

#include <algorithm>

#include "cotangent/ir/evaluator.h"
#include "cotangent/mechanics/carry.h"
#include "cotangent/mechanics/dependence.h"

namespace cotangent::mechanics {

using ir::FunctionPtr;
using ir::Tensor;

namespace {

constexpr double kTolerance = 1e-11;       // of a test in long double, relative
constexpr double kSharpTolerance = 1e-16;  // of one value in long double
constexpr double kLooseTolerance = 1e-6;   // of a test in f64
constexpr double kEvaluatorBudget = 2e6;   // element operations left to the reference evaluator

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
  start_ = {system.form == Form::kCanonical ? initial.q : initial.x, initial.p ? *initial.p : initial.v ? *initial.v : none, initial.t};
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

std::vector<Tensor> Samples::arguments(const SampleState& s) const {
  std::vector<Tensor> args = {s.q};
  if (system_.form == Form::kCanonical) args.push_back(s.p);
  args.push_back(Tensor::scalar_of<double>(s.t));
  for (const Parameter& x : system_.parameters) args.push_back(x.value);
  return args;
}

std::vector<Tensor> Samples::evaluate(const FunctionPtr& f, const std::vector<Tensor>& args) const {
  if (is_large(*f)) {
    if (compiled_.first != f) compiled_ = {f, runtime::compile(f)};
    return compiled_.second->call(args);
  }
  ir::EvaluateOptions options;
  options.extended = true;
  return ir::evaluate(*f, args, options);
}

long double Samples::value(const FunctionPtr& f, const SampleState& s) const {
  return evaluate(f, arguments(s))[0].real(0);
}

double Samples::tolerance(const FunctionPtr& f) const {
  return is_large(*f) ? kLooseTolerance : kTolerance;
}

double Samples::sharp_tolerance(const FunctionPtr& f) const {
  return is_large(*f) ? kLooseTolerance : kSharpTolerance;
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
