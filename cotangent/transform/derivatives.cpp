// The public transforms: forward mode, transposition, and what is made of the two.
#include "cotangent/transform/derivatives.h"

#include <algorithm>

#include "cotangent/transform/control.h"
#include "cotangent/transform/jvp.h"
#include "cotangent/transform/passes.h"
#include "cotangent/transform/pull.h"

namespace cotangent::transform {

using namespace ir;

namespace {

void want_float_params(const Function& f, const Positions& wrt, const char* what) {
  for (std::size_t k : wrt) {
    if (k >= f.params().size()) {
      throw UserError("[" + std::string(what) + "] there is no parameter " + std::to_string(k) +
                      ": the function takes " + std::to_string(f.params().size()));
    }
    if (!is_float(f.param_type(k).dtype)) {
      throw UserError("[" + std::string(what) + "] parameter " + std::to_string(k) + " is " +
                      f.param_type(k).text() + ", which has no tangent");
    }
  }
  Positions sorted = wrt;
  std::sort(sorted.begin(), sorted.end());
  if (std::adjacent_find(sorted.begin(), sorted.end()) != sorted.end()) {
    throw UserError("[" + std::string(what) + "] a parameter is named twice");
  }
}

bool has_tangent(const Function& f, std::size_t result) {
  return is_float(f.result_type(result).dtype);
}

Value or_zeros(Builder& b, Value v, const Type& type) {
  return v.valid() ? v : b.zeros(type);
}

/// The forward program before simplification: results y..., dy for each float result.
FunctionPtr raw_jvp(const Function& f, const Positions& wrt) {
  Builder b(f.name() + "_jvp");
  Values primal, tangent(f.params().size());
  for (std::size_t k = 0; k < f.params().size(); ++k) {
    primal.push_back(b.param(f.param_type(k), f.param_names()[k]));
  }
  for (std::size_t k : wrt) tangent[k] = b.param(f.param_type(k), "d" + f.param_names()[k]);
  const Pushed out = push_forward(b, f, primal, tangent);
  Values results = out.primal;
  for (std::size_t k = 0; k < results.size() && k < f.results().size(); ++k) {
    if (has_tangent(f, k)) results.push_back(or_zeros(b, out.tangent[k], f.result_type(k)));
  }
  return b.finish(results);
}

/// The same where nothing is transposed afterwards.
FunctionPtr forward_jvp(const Function& f, const Positions& wrt) {
  FunctionPtr forward = raw_jvp(f, wrt);
  if (const std::string name = linear_call(*forward); !name.empty()) {
    throw UserError(
        "[call] the derivative '" + name + "' is a vjp: forward mode cannot go through it",
        "give the call a jvp, from which reverse mode follows too");
  }
  return forward;
}

/// Whether a body of an op of `kind` gathers: in lanes (kMap) from an array that it computes, in
/// pairs (kPairSum) from anything.
bool gathers(const Function& f, Op kind, bool inside = false) {
  for (std::uint32_t id = 0; id < f.size(); ++id) {
    const Value v{id};
    if (inside && f.op(v) == Op::kGather) {
      const Op from = f.op(f.operand(v, 0));
      if (kind == Op::kPairSum || (from != Op::kParameter && from != Op::kConstant)) return true;
    }
    if (!is_second_order(f.op(v))) continue;
    for (const FunctionPtr& body : bodies_of(f.attr(v))) {
      if (gathers(*body, kind, inside || f.op(v) == kind)) return true;
    }
  }
  return false;
}

/// f with work moved to where the transpose needs no array of the size of something shared in every
/// lane or at every row: what one member of a pair gathers is read once a row, by a map, and what
/// all lanes share is computed outside of them. Null: there is nothing to move.
FunctionPtr shared_work_outside(const Function& f) {
  if (gathers(f, Op::kPairSum)) return simplify(*hoist_reads(f));
  return gathers(f, Op::kMap) ? simplify(f) : nullptr;
}

/// With `seed`, the cotangent of scalar result 0 is the constant 1 and no cotangents are
/// parameters.
FunctionPtr reverse(const Function& f, const Positions& wrt, bool seed, bool values) {
  const FunctionPtr moved = shared_work_outside(f);
  const FunctionPtr forward = raw_jvp(moved ? *moved : f, wrt);
  const std::size_t n = f.params().size(), m = f.results().size();
  Builder b(f.name() + (seed ? "_grad" : "_vjp"));
  Values params(forward->params().size());
  for (std::size_t k = 0; k < n; ++k) params[k] = b.param(f.param_type(k), f.param_names()[k]);
  std::vector<Cotangent> cts(forward->results().size());
  std::size_t next = m;
  for (std::size_t k = 0; k < m; ++k) {
    if (!has_tangent(f, k)) continue;
    if (!seed) cts[next].value = b.param(f.result_type(k), "ct" + std::to_string(k));
    ++next;
  }
  if (seed) cts[m].value = b.constant(1.0, f.result_type(0).dtype);
  const Pulled pulled = pull_back(b, *forward, params, cts);
  Values results;
  if (values) {
    for (std::size_t k = 0; k < (seed ? 1 : m); ++k) results.push_back(pulled.results[k]);
  }
  for (std::size_t k = 0; k < wrt.size(); ++k) {
    results.push_back(or_zeros(b, pulled.params[n + k].value, f.param_type(wrt[k])));
  }
  return simplify(*b.finish(results));
}

void want_scalar(const Function& f, const char* what) {
  if (f.results().empty() || !f.result_type(0).is_scalar() || !has_tangent(f, 0)) {
    throw UserError("[" + std::string(what) + "] the first result is " +
                        (f.results().empty() ? "missing" : f.result_type(0).text()) +
                        ", not a real scalar",
                    "reduce it to a scalar, or use vjp with a cotangent");
  }
}

}  // namespace

FunctionPtr jvp(const Function& f, const Positions& wrt) {
  want_float_params(f, wrt, "jvp");
  return simplify(*forward_jvp(f, wrt));
}

FunctionPtr vjp(const Function& f, const Positions& wrt) {
  want_float_params(f, wrt, "vjp");
  return reverse(f, wrt, false, true);
}

FunctionPtr grad(const Function& f, const Positions& wrt) {
  want_float_params(f, wrt, "grad");
  want_scalar(f, "grad");
  return reverse(f, wrt, true, false);
}

FunctionPtr value_and_grad(const Function& f, const Positions& wrt) {
  want_float_params(f, wrt, "value_and_grad");
  want_scalar(f, "value_and_grad");
  return reverse(f, wrt, true, true);
}

FunctionPtr hvp(const Function& f, const Positions& wrt) {
  want_float_params(f, wrt, "hvp");
  const FunctionPtr both = forward_jvp(*grad(f, wrt), wrt);
  Flags results(both->results().size(), false);
  for (std::size_t k = wrt.size(); k < results.size(); ++k) results[k] = true;
  return simplify(*restrict_to(*both, Flags(both->params().size(), true), results));
}

FunctionPtr transpose(const Function& given, const Positions& linear) {
  want_float_params(given, linear, "transpose");
  const FunctionPtr without_calls = inline_calls(given);
  const Function& f = *without_calls;
  Builder b(f.name() + "_t");
  Values params(f.params().size());
  for (std::size_t k = 0; k < params.size(); ++k) {
    if (std::find(linear.begin(), linear.end(), k) == linear.end()) {
      params[k] = b.param(f.param_type(k), f.param_names()[k]);
    }
  }
  std::vector<Cotangent> cts(f.results().size());
  for (std::size_t k = 0; k < cts.size(); ++k) {
    if (!has_tangent(f, k)) {
      throw UserError("[transpose] result " + std::to_string(k) + " is " + f.result_type(k).text() +
                      ", which has no cotangent");
    }
    cts[k].value = b.param(f.result_type(k), "ct" + std::to_string(k));
  }
  const Pulled pulled = pull_back(b, f, params, cts);
  for (std::size_t k = 0; k < cts.size(); ++k) {
    if (pulled.results[k].valid() && !is_zero(b.so_far(), pulled.results[k])) {
      throw UserError("[transpose] result " + std::to_string(k) +
                          " does not depend on the linear parameters and is not zero",
                      "leave it out, or name its parameters");
    }
  }
  Values results;
  for (std::size_t k : linear) {
    results.push_back(or_zeros(b, pulled.params[k].value, f.param_type(k)));
  }
  return simplify(*b.finish(results));
}

}  // namespace cotangent::transform
