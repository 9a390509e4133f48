#include "cotangent/mechanics/structure.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <optional>

#include "cotangent/ir/builder.h"
#include "cotangent/ir/evaluator.h"
#include "cotangent/ir/splitmix.h"
#include "cotangent/mechanics/bracket.h"
#include "cotangent/mechanics/dependence.h"
#include "cotangent/mechanics/facts_wide.h"
#include "cotangent/mechanics/lie_algebra.h"
#include "cotangent/mechanics/retype.h"
#include "cotangent/mechanics/rounding.h"
#include "cotangent/mechanics/unroll.h"
#include "cotangent/transform/algebra.h"
#include "cotangent/transform/derivatives.h"
#include "cotangent/transform/passes.h"
#include "cotangent/transform/rebuild.h"

namespace cotangent::mechanics {
namespace {

using ir::Builder;
using ir::Function;
using ir::FunctionPtr;
using ir::Op;
using ir::Tensor;
using ir::Type;
using ir::Value;
using transform::Algebra;
using Values = std::vector<Value>;

constexpr long double kTolerance = 1e-13L;  // of a sum in long double, relative to its terms
constexpr int kSamples = 8;
constexpr std::int64_t kMostWrittenOut = 16;

Values params_like(Builder& b, const Function& f) {
  Values all;
  for (std::size_t k = 0; k < f.params().size(); ++k) {
    all.push_back(b.param(f.param_type(k), f.param_names()[k]));
  }
  return all;
}

Value product(Builder& b, Value x, Value y, std::int64_t axis_x, std::int64_t axis_y) {
  ir::DotAttr attr;
  attr.contract_x = {axis_x};
  attr.contract_y = {axis_y};
  return b.dot_general(x, y, attr);
}

/// What must vanish, and beside it the magnitudes it is judged by.
FunctionPtr finish(Builder& b, Value value, Value scale) {
  return transform::simplify(*b.finish({value, scale}));
}

/// Sums over coordinates term by term, as the algebra wants them.
FunctionPtr written_out(const Function& f) {
  return unroll_small(f, kMostWrittenOut);
}

/// a + sign a^T
FunctionPtr symmetry(const Function& a, double sign) {
  Builder b("symmetry");
  const Values args = params_like(b, a);
  const Value x = b.inline_call(a, args)[0], y = b.transpose(x, {1, 0});
  const Value size = b.add(b.unary(Op::kAbs, x), b.unary(Op::kAbs, y));
  return finish(b, sign > 0 ? b.add(x, y) : b.sub(x, y), size);
}

/// A grad f
FunctionPtr image_of_gradient(const Function& a, const Function& f) {
  Builder b("image");
  const Values args = params_like(b, a);
  const Value m = b.inline_call(a, args)[0];
  const Value g = b.inline_call(*transform::simplify(*transform::grad(f, {0})), args)[0];
  return finish(b, product(b, m, g, 1, 0),
                product(b, b.unary(Op::kAbs, m), b.unary(Op::kAbs, g), 1, 0));
}

/// Samples near a state: the state itself, and others by random parts of its size.
std::vector<std::vector<Tensor>> samples_near(const System& system, const Tensor& near) {
  ir::SplitMix random(2026);
  long double size = 0;
  for (std::int64_t k = 0; k < near.size(); ++k) size = std::max(size, std::abs(near.real(k)));
  if (size == 0) size = 1;
  std::vector<std::vector<Tensor>> all;
  for (int s = 0; s < kSamples; ++s) {
    Tensor x = near;
    double t = 0;
    if (s > 0) {
      for (std::int64_t k = 0; k < x.size(); ++k) {
        x.set_real(k, near.real(k) + 0.7L * size * (2 * random.unit() - 1));
      }
      t = random.unit();
    }
    all.push_back({x, Tensor::scalar_of<double>(t)});
    for (const Parameter& p : system.parameters) all.back().push_back(p.value);
  }
  return all;
}

/// Arguments near a state, and where the structure does something that it does not do there.
struct StructureSamples {
  std::vector<std::vector<Tensor>> near, wide;
};

struct Verdict {
  How how = How::kTested;
  int samples = 0, wide = 0;
  struct Counterexample {
    std::int64_t element = 0;
    long double value = 0;
    Tensor x;
  };
  std::optional<Counterexample> against;
};

/// Whether all elements of result 0 are zero as polynomials.
bool proved_zero(const Function& f) {
  const FunctionPtr value =
      transform::restrict_to(f, transform::Flags(f.params().size(), true), {true, false});
  Algebra algebra;
  std::vector<Algebra::Elements> args;
  for (std::size_t k = 0; k < value->params().size(); ++k) {
    args.emplace_back();
    for (std::int64_t e = 0; e < value->param_type(k).size(); ++e) {
      args.back().push_back(algebra.atom("x" + std::to_string(k) + "_" + std::to_string(e)));
    }
  }
  const auto results = algebra.interpret(*value, args);
  if (!results) return false;
  return std::all_of((*results)[0].begin(), (*results)[0].end(),
                     [&](Algebra::Element e) { return algebra.is_zero(e); });
}

Verdict judge(const Function& f, const StructureSamples& samples) {
  Verdict v;
  if (proved_zero(f)) {
    v.how = How::kProved;
    return v;
  }
  ir::EvaluateOptions options;
  options.extended = true;
  // `bounded`: r[2] bounds the rounding of r[0], which far away may be large.
  const auto look = [&](const Function& g, const std::vector<Tensor>& args, bool bounded) {
    const auto r = ir::evaluate(g, args, options);
    long double largest = 0, worst = kTolerance;
    bool finite = true;
    for (std::int64_t e = 0; e < r[0].size(); ++e) {
      largest = std::max(largest, std::abs(r[1].real(e)));
      for (const Tensor& x : r) finite = finite && std::isfinite(x.real(e));
    }
    if (!finite) return;
    ++(bounded ? v.wide : v.samples);
    for (std::int64_t e = 0; e < r[0].size(); ++e) {
      // What is nothing beside the largest terms anywhere may be the rounding of an entry of J.
      const long double scale = std::max(r[1].real(e), 1e-3L * largest), x = std::abs(r[0].real(e));
      if (scale == 0 || x <= worst * scale || (bounded && x <= 8 * r[2].real(e))) continue;
      worst = x / scale;
      v.against = {e, r[0].real(e), args[0]};
    }
  };
  for (const auto& args : samples.near) {
    look(f, args, false);
    if (v.against) return v;  // the state itself comes first: the sample a person knows
  }
  std::vector<std::size_t> rounded;
  for (std::size_t k = 2; k < f.params().size(); ++k) {
    if (is_float(f.param_type(k).dtype)) rounded.push_back(k);
  }
  const FunctionPtr weighed = with_rounding(f, {0, 1}, rounded, kUnitExtended);
  for (const auto& args : samples.wide) {
    if (weighed) look(*weighed, args, true);
    if (v.against) return v;
  }
  return v;
}

std::string number_text(long double x) {
  char text[40];
  std::snprintf(text, sizeof text, "%.6Lg", x);
  return text;
}

std::string state_text(const Tensor& x) {
  std::string s = "x = [";
  const std::int64_t shown = std::min<std::int64_t>(x.size(), 12);
  for (std::int64_t k = 0; k < shown; ++k) s += (k ? ", " : "") + number_text(x.real(k));
  return s + (shown < x.size() ? ", ...]" : "]");
}

/// "(0, 1, 2)" for an element of an array [n, n, ..].
std::string indices_text(std::int64_t element, std::int64_t n, int rank) {
  std::string s;
  for (int k = 0; k < rank; ++k, element /= n) {
    s = std::to_string(element % n) + (s.empty() ? "" : ", ") + s;
  }
  return rank > 1 ? "(" + s + ")" : s;
}

/// Of which part of the structure a condition is.
enum class Of { kPoisson, kMetric, kEntropy };

/// What one condition is called, and what to say where it fails.
struct Condition {
  const char* name;
  const char* indices;  ///< "(i, j, k)"
  const char* formula;
  const char* what;  ///< "J does not satisfy the Jacobi identity"
  const char* why;
  const char* remedy;
  int rank;
  Of of;
};

class Checker {
 public:
  Checker(const System& system, const Tensor& near)
      : system_(system), samples_{samples_near(system, near), {}} {
    if (near.type() != Type{DType::kF64, system.shape}) {
      throw UserError("[structure] the state is f64" + system.shape.text() + ", the sample " +
                      near.type().text());
    }
    const SampleState start{near, Tensor(Type{DType::kF64, Shape{0}}), 0};
    for (const SampleState& s : wide_states(system, start, start, *system.structure.poisson)) {
      samples_.wide.push_back(samples_.near[0]);
      samples_.wide.back()[0] = s.q;
    }
  }

  StructureFacts found;

  void want(const Condition& c, const Function& f) {
    const Verdict v = judge(f, samples_);
    if (v.against) {
      const auto& a = *v.against;
      const std::string at = indices_text(a.element, system_.shape[0], c.rank);
      return fail(c.name, c.what,
                  std::string("for ") + c.indices + " = " + at + " " + c.formula + " is " +
                      number_text(a.value) + " at " + state_text(a.x),
                  c.why, c.remedy, c.of);
    }
    if (v.how == How::kTested && v.samples == 0) {
      return fail(c.name, "[structure] nothing can be said of a condition",
                  std::string("no sample near the state gives finite numbers in ") + c.formula, "",
                  "start where the structure is defined", c.of);
    }
    add(c.name, v, std::string(c.formula) + " = 0");
  }

  void fail(const char* name, const std::string& what, const std::string& detail,
            const std::string& why, const std::string& remedy, Of of) {
    Fact f;
    f.name = name;
    f.value = false;
    f.detail = detail;
    f.place = span_of(of);
    if (!found.refusal) {
      found.refusal = ErrorParts{what + ": " + detail, place_text(system_, f.place), why, remedy};
    }
    found.facts.push_back(std::move(f));
  }

  void add(const std::string& name, const Verdict& v, const std::string& what) {
    Fact f;
    f.name = name;
    f.value = true;
    f.how = v.how;
    if (v.how == How::kProved) {
      f.detail = what + " as a polynomial";
      f.derivation = {what + ", expanded over the reals, has no term left"};
    } else {
      f.detail = what + " on " + std::to_string(v.samples) + " samples" +
                 (v.wide > 0 ? " and " + std::to_string(v.wide) + " at the scales of J" : "") +
                 " in long double";
    }
    found.facts.push_back(std::move(f));
  }

  /// A bracket is one of functions of the state: the J of another time is another bracket.
  void want_no_time() {
    if (found.refusal || !depends_on(*system_.structure.poisson, 0, 1)) return;
    found.refusal = ErrorParts{"J reads the time t", place_text(system_, system_.structure.span),
                               "a J of the state and the parameters; the energy may read t",
                               "put the time into the energy, or give the motion in [equations]"};
  }

  /// No eigenvalue of G below zero, on the samples.
  void want_positive(const Function& metric) {
    Builder b("spectrum");
    const FunctionPtr f =
        b.finish({b.factor(Op::kEigh, b.inline_call(metric, params_like(b, metric))[0])[0]});
    ir::EvaluateOptions options;
    options.extended = true;
    Verdict v;
    for (const auto& args : samples_.near) {
      const Tensor w = ir::evaluate(*f, args, options)[0];
      const long double low = w.real(0), high = std::abs(w.real(w.size() - 1));
      if (!std::isfinite(low) || !std::isfinite(high)) continue;
      ++v.samples;
      if (low >= -kTolerance * std::max(high, std::abs(low)) * 100) continue;
      return fail("metric_positive", "the metric G has a negative eigenvalue",
                  number_text(low) + " at " + state_text(args[0]), "with it the entropy would fall",
                  "give a positive semi-definite G", Of::kMetric);
    }
    add("metric_positive", v, "no eigenvalue of G below 0");
  }

  const StructureSamples& samples() const { return samples_; }

 private:
  SourceSpan span_of(Of of) const {
    const Structure& s = system_.structure;
    const SourceSpan own = of == Of::kMetric    ? s.metric_span
                           : of == Of::kEntropy ? s.entropy_span
                                                : s.span;
    return own.empty() ? s.span : own;
  }

  const System& system_;
  StructureSamples samples_;
};

constexpr Condition kSkew = {"skew",
                             "(i, j)",
                             "J_ij + J_ji",
                             "J is not antisymmetric",
                             "{F, G} = -{G, F} wants it, and without it the energy is not kept",
                             "mend J, or give the motion in [equations]",
                             2,
                             Of::kPoisson};
constexpr Condition kJacobi = {
    "jacobi",
    "(i, j, k)",
    "sum_l J_il dJ_jk/dx_l + J_jl dJ_ki/dx_l + J_kl dJ_ij/dx_l",
    "J does not satisfy the Jacobi identity",
    "without it {F, G} is no Poisson bracket, and flows by it keep no structure",
    "mend J, or give the motion in [equations]",
    3,
    Of::kPoisson};
constexpr Condition kEntropy = {"entropy_is_casimir",
                                "i",
                                "(J grad S)_i",
                                "the reversible motion changes the entropy",
                                "of a metriplectic structure S is a Casimir of J",
                                "choose S among the Casimirs of J",
                                1,
                                Of::kEntropy};
constexpr Condition kEnergy = {
    "energy_not_dissipated",
    "i",
    "(G grad H)_i",
    "the metric G changes the energy",
    "of a metriplectic structure G grad H = 0",
    "project grad H out of G, for instance G = |w|^2 - w w^T with w = grad H",
    1,
    Of::kMetric};
constexpr Condition kSymmetric = {"metric_symmetric",
                                  "(i, j)",
                                  "G_ij - G_ji",
                                  "the metric G is not symmetric",
                                  "(F, G) = (G, F) wants it",
                                  "mend G; an antisymmetric part belongs to J",
                                  2,
                                  Of::kMetric};

}  // namespace

FunctionPtr jacobi_sums(const Function& poisson) {
  Builder b("jacobi");
  const Values args = params_like(b, poisson);
  const std::int64_t n = poisson.param_type(0).shape[0];
  const Value j = b.inline_call(poisson, args)[0];
  const FunctionPtr push = transform::jvp(poisson, {0});
  Values slopes;
  for (std::int64_t l = 0; l < n; ++l) {
    Tensor unit = ir::filled(poisson.param_type(0), 0);
    unit.set_real(l, 1);
    Values with = args;
    with.push_back(b.constant(unit));
    slopes.push_back(b.reshape(b.inline_call(*push, with)[1], Shape{1, n, n}));
  }
  const Value slope = b.concatenate(slopes, 0);  // [l, j, k]
  const auto cyclic = [&](Value a, Value d) {    // a_il d_ljk over the three turns of i, j, k
    const Value s = product(b, a, d, 1, 0);
    return b.add(b.add(s, b.transpose(s, {2, 0, 1})), b.transpose(s, {1, 2, 0}));
  };
  return finish(b, cyclic(j, slope), cyclic(b.unary(Op::kAbs, j), b.unary(Op::kAbs, slope)));
}

StructureFacts find_structure_facts(const System& system, const Tensor& near) {
  const Structure& s = system.structure;
  ensure(system.form == Form::kBracket, "find_structure_facts: the system has no structure");
  if (s.kind == Structure::Kind::kContact) return {};
  Checker check(system, near);
  check.want(kSkew, *symmetry(*s.poisson, 1));
  check.want(kJacobi, *jacobi_sums(*s.poisson));
  if (s.kind == Structure::Kind::kMetriplectic) {
    check.want(kEntropy, *image_of_gradient(*s.poisson, *written_out(*s.entropy)));
    if (!system.terms.empty()) {
      check.want(kEnergy, *image_of_gradient(*s.metric, *written_out(*hamiltonian(system))));
    }
    check.want(kSymmetric, *symmetry(*s.metric, -1));
    check.want_positive(*s.metric);
  }
  check.want_no_time();
  return std::move(check.found);
}

std::vector<Fact> check_structure(const System& system, const Tensor& near) {
  StructureFacts found = find_structure_facts(system, near);
  if (found.refusal) throw UserError(std::move(*found.refusal));
  return std::move(found.facts);
}

Fact is_casimir(const System& system, const Function& casimir, const Tensor& near) {
  Checker check(system, near);
  const Verdict v = judge(*image_of_gradient(*system.structure.poisson, casimir), check.samples());
  check.add("casimir", v, "J grad C = 0");
  Fact f = check.found.facts[0];
  if (v.against) {
    f.value = false;
    f.how = How::kTested;
    f.derivation.clear();
    f.detail = "(J grad C)_" + indices_text(v.against->element, system.shape[0], 1) + " is " +
               number_text(v.against->value) + " at " + state_text(v.against->x);
  }
  return f;
}

std::vector<KeptByStructure> find_casimirs(const System& system, const Tensor& near) {
  const Structure& s = system.structure;
  std::vector<KeptByStructure> kept;
  if (system.form != Form::kBracket || s.kind != Structure::Kind::kPoisson) return kept;
  if (system.shape[0] > kMostWrittenOut) return kept;
  const LieAlgebra* named = s.algebra.empty() ? nullptr : algebra_named(s.algebra);
  std::optional<LieAlgebra> read;
  if (!named) read = linear_structure(*s.poisson);
  if (!named && !read) return kept;
  const std::string state = system.arrays.size() == 1 ? system.arrays[0].name : "x";
  for (const Casimir& c : casimirs_of(named ? *named : *read, system.parameters)) {
    const Fact fact = is_casimir(system, *c.value, near);
    if (!std::get<bool>(fact.value)) continue;
    std::string text;
    for (std::size_t k = 0; k < c.name.size(); ++k) {
      const bool x = c.name[k] == 'x' && c.name.substr(k + 1, 1) == "[";
      text += x ? state : std::string(1, c.name[k]);
    }
    kept.push_back({std::move(text), c.value, fact.how});
  }
  return kept;
}

}  // namespace cotangent::mechanics
