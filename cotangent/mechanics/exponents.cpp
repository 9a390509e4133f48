#include "cotangent/mechanics/exponents.h"

#include <algorithm>

#include "cotangent/base/text.h"
#include "cotangent/ir/builder.h"
#include "cotangent/mechanics/abstract.h"
#include "cotangent/transform/passes.h"

namespace cotangent::mechanics {
namespace {

using ir::Function;
using ir::FunctionPtr;
using ir::Op;

/// Which parameters reach the exponents; of what reads the state as well, none.
struct ExponentDomain {
  using Value = std::uint64_t;
  std::uint64_t state = 0;
  std::uint64_t exponents = 0;

  Value index() { return 0; }
  Value chosen(Value a, Value by) { return a | by; }
  Value join(Value a, Value b) { return a | b; }
  Value widen(Value a) { return a; }
  Value apply(const Function& f, ir::Value v, const std::vector<Value>& x) {
    if (f.op(v) == Op::kPow && (x[1] & state) == 0) exponents |= x[1];
    Value all = 0;
    for (Value o : x) all |= o;
    return all;
  }
};

/// (state..., t): what comes before the parameters.
std::size_t first_parameter(const System& system) {
  return system.form == Form::kCanonical ? 3 : 2;
}

std::vector<FunctionPtr> programs_of(const System& system) {
  std::vector<FunctionPtr> all;
  for (const EnergyTerm& term : system.terms) all.push_back(term.energy);
  if (system.rate) all.push_back(system.rate);
  return all;
}

}  // namespace

std::vector<std::size_t> exponents_of(const System& system, const Function& f) {
  const std::size_t first = first_parameter(system);
  ExponentDomain domain;
  std::vector<std::uint64_t> arguments;
  for (std::size_t k = 0; k < f.params().size(); ++k) {
    // The 63rd and later share a bit that says nothing.
    const bool known = k >= first && k < 63;
    arguments.push_back(known ? std::uint64_t{1} << k : std::uint64_t{1} << 63);
  }
  domain.state = std::uint64_t{1} << 63;
  Interpreter(domain).run(f, arguments);
  std::vector<std::size_t> all;
  for (std::size_t k = first; k < std::min<std::size_t>(63, f.params().size()); ++k) {
    if ((domain.exponents >> k) & 1) all.push_back(k - first);
  }
  return all;
}

FunctionPtr with_exponents(const System& system, const FunctionPtr& f) {
  const std::vector<std::size_t> exponents = exponents_of(system, *f);
  if (exponents.empty()) return f;
  const std::size_t first = first_parameter(system);
  ir::Builder b(f->name());
  std::vector<ir::Value> args;
  for (std::size_t k = 0; k < f->params().size(); ++k) {
    args.push_back(b.param(f->param_type(k), f->param_names()[k]));
  }
  for (std::size_t k : exponents) args[first + k] = b.constant(system.parameters[k].value);
  return transform::simplify(*b.finish(b.inline_call(*f, args)));
}

std::vector<std::size_t> exponents_of(const System& system) {
  std::vector<std::size_t> all;
  for (const FunctionPtr& f : programs_of(system)) {
    for (std::size_t k : exponents_of(system, *f)) {
      if (std::ranges::find(all, k) == all.end()) all.push_back(k);
    }
  }
  std::ranges::sort(all);
  return all;
}

std::string exponents_note(const System& system) {
  std::string text;
  for (std::size_t k : exponents_of(system)) {
    const Parameter& p = system.parameters[k];
    text += (text.empty() ? "" : ", ") + p.name;
    if (p.value.size() == 1 && is_float(p.value.type().dtype)) {
      text += " = " + shortest(static_cast<double>(p.value.real(0)));
    }
  }
  if (text.empty()) return "";
  return "; with " + text +
         " as set: at other values a power may have a kink, or an end where its base vanishes";
}

}  // namespace cotangent::mechanics
