#include "cotangent/mechanics/vjp_of_run.h"

#include <algorithm>

#include "cotangent/ir/builder.h"

namespace cotangent::mechanics {
namespace {

/// f with parameters behind its own that it does not read.
ir::FunctionPtr with_more(const ir::FunctionPtr& f, const std::vector<Parameter>& more) {
  if (!f) return f;
  ir::Builder b(f->name());
  std::vector<ir::Value> operands;
  for (std::size_t k = 0; k < f->params().size(); ++k) {
    operands.push_back(b.param(f->param_type(k), f->param_names()[k]));
  }
  for (const Parameter& p : more) b.param(p.value.type(), p.name);
  return b.finish(b.inline_call(*f, operands));
}

ir::Value weighted(ir::Builder& b, ir::Value weights, ir::Value x) {
  return b.reduce_sum(b.mul(weights, x));
}

}  // namespace

PullableRun with_cotangents(const System& given) {
  PullableRun made;
  System& s = made.system;
  s = given;
  const bool canonical = s.form == Form::kCanonical;
  std::vector<Parameter> more;
  const auto add = [&](const std::string& name, const Shape& shape) {
    const std::string cotangent = "cotangent_of_" + name;
    if (std::any_of(s.parameters.begin(), s.parameters.end(),
                    [&](const Parameter& p) { return p.name == cotangent; })) {
      throw UserError("[vjp] the parameter '" + cotangent + "' has the name of a cotangent",
                      "rename it");
    }
    made.arrays.push_back(name);
    more.push_back({cotangent, ir::Tensor(ir::Type{DType::kF64, shape}), {}});
  };
  if (canonical) {
    add("q", s.shape);
    add("p", s.shape);
  } else {
    for (const StateArray& a : s.arrays) add(a.name, a.shape);
  }
  for (EnergyTerm& term : s.terms) term.energy = with_more(term.energy, more);
  for (Observable& o : s.observables) o.value = with_more(o.value, more);
  for (Symmetry& g : s.symmetries) g.generator = with_more(g.generator, more);
  s.rate = with_more(s.rate, more);
  s.structure.poisson = with_more(s.structure.poisson, more);
  s.structure.metric = with_more(s.structure.metric, more);
  s.structure.entropy = with_more(s.structure.entropy, more);

  ir::Builder b("pulled");
  const ir::Type state{DType::kF64, s.shape};
  std::vector<ir::Value> parts{b.param(state, canonical ? "q" : "x")};  // parameters come first
  if (canonical) {
    parts.push_back(b.param(state, "p"));
    b.param(state, "v");
  }
  b.param(ir::scalar(DType::kF64), "t");
  for (const Parameter& p : s.parameters) b.param(p.value.type(), p.name);
  std::vector<ir::Value> cotangents;
  for (const Parameter& p : more) cotangents.push_back(b.param(p.value.type(), p.name));
  if (!canonical) {
    const ir::Value x = parts[0];
    parts.clear();
    std::int64_t at = 0;
    for (const StateArray& a : s.arrays) {
      parts.push_back(b.reshape(b.slice_rows(x, at, at + a.shape.size()), a.shape));
      at += a.shape.size();
    }
  }
  ir::Value total = weighted(b, cotangents[0], parts[0]);
  for (std::size_t k = 1; k < parts.size(); ++k) {
    total = b.add(total, weighted(b, cotangents[k], parts[k]));
  }
  made.objective = {"pulled", b.finish({total}), 0};
  s.parameters.insert(s.parameters.end(), more.begin(), more.end());
  return made;
}

}  // namespace cotangent::mechanics
