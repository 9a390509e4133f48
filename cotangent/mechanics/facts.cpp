// Facts: rules first; what no rule settles is tested on samples near the initial state.
#include "cotangent/mechanics/facts.h"

#include <algorithm>
#include <cmath>

#include "cotangent/base/text.h"
#include "cotangent/ir/evaluator.h"
#include "cotangent/mechanics/carry.h"
#include "cotangent/mechanics/dependence.h"
#include "cotangent/mechanics/pairs.h"
#include "cotangent/mechanics/symmetry.h"
#include "cotangent/runtime/executable.h"
#include "cotangent/transform/derivatives.h"
#include "cotangent/transform/passes.h"

namespace cotangent::mechanics {
namespace {

using ir::FunctionPtr;
using ir::Tensor;

constexpr std::size_t kQ = 0, kP = 1, kT = 2;  // parameters of a term
constexpr double kTolerance = 1e-11;           // of a test in long double, relative
constexpr double kLooseTolerance = 1e-6;       // of a test in f64
constexpr double kEvaluatorBudget = 2e6;       // element operations left to the reference evaluator

/// Counter-based random numbers in [-1, 1): the same on every platform.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}
  double next() {
    state_ += 0x9e3779b97f4a7c15ull;
    std::uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
    z ^= z >> 31;
    return static_cast<double>(z >> 11) * 0x1p-52 - 1;
  }

 private:
  std::uint64_t state_;
};

struct State {
  Tensor q, p;
  double t = 0;
};

/// The size of a state, to choose perturbations by.
double extent(const Tensor& x) {
  return largest(x) > 0 ? largest(x) : 1;
}

Tensor perturbed(const Tensor& x, double size, Random& random) {
  Tensor y = x;
  for (double& a : y.as<double>()) a += size * random.next();
  return y;
}

/// The samples of a tested fact: states near the initial one.
class Samples {
 public:
  Samples(const System& system, const InitialState& initial) : system_(system) {
    // A velocity stands in for a momentum here: any point will do.
    start_ = {initial.q, initial.p ? *initial.p : *initial.v, initial.t};
    Random random(2026);
    const double size_q = 0.1 * extent(start_.q), size_p = 0.3 * extent(start_.p);
    const int count = system.shape.size() > 2000 ? 1 : 3;
    for (int k = 0; k < count; ++k) {
      states_.push_back({perturbed(start_.q, size_q, random), perturbed(start_.p, size_p, random),
                         start_.t + (k == 0 ? 0 : random.next())});
    }
  }

  const std::vector<State>& states() const { return states_; }
  std::string text() const {
    return std::to_string(states_.size()) + (states_.size() == 1 ? " state" : " states") +
           " near the initial one";
  }

  std::vector<Tensor> arguments(const State& s) const {
    std::vector<Tensor> args = {s.q, s.p, Tensor::scalar_of<double>(s.t)};
    for (const Parameter& x : system_.parameters) args.push_back(x.value);
    return args;
  }
  /// Values in long double from the reference evaluator; of a large program in f64, compiled.
  std::vector<Tensor> evaluate(const FunctionPtr& f, const std::vector<Tensor>& args) const {
    if (is_large(*f)) {
      if (compiled_.first != f) compiled_ = {f, runtime::compile(f)};
      return compiled_.second->call(args);
    }
    ir::EvaluateOptions options;
    options.extended = true;
    return ir::evaluate(*f, args, options);
  }
  long double value(const FunctionPtr& f, const State& s) const {
    return evaluate(f, arguments(s))[0].real(0);
  }
  /// Relative size of what counts as round-off in a value of f.
  double tolerance(const FunctionPtr& f) const {
    return is_large(*f) ? kLooseTolerance : kTolerance;
  }

 private:
  static bool is_large(const ir::Function& f) { return operations_in(f) > kEvaluatorBudget; }

  const System& system_;
  State start_;
  std::vector<State> states_;
  mutable std::pair<FunctionPtr, runtime::ExecutablePtr> compiled_;  // the program of the last call
};

std::string short_number(long double x, int digits = 3) {
  char text[48];
  std::snprintf(text, sizeof text, "%.*Lg", digits, x);
  return text;
}

/// "from 0.3 to 0.4", with as many digits as it takes to tell them apart.
std::string from_to(long double a, long double b) {
  int digits = 3;
  while (digits < 18 && short_number(a, digits) == short_number(b, digits)) digits += 3;
  return "from " + short_number(a, digits) + " to " + short_number(b, digits);
}

class Finder {
 public:
  Finder(const System& system, const InitialState& initial)
      : system_(system), samples_(system, initial) {}

  Facts find() {
    dimensions();
    separable();
    degrees();
    time_dependent();
    symmetry("translation_invariant", "translation", translations(system_.shape));
    symmetry("rotation_invariant", "rotation", rotations(system_.shape));
    pairwise();
    smooth();
    jump();
    return std::move(facts_);
  }

 private:
  Fact& add(std::string name, std::variant<bool, std::int64_t, std::string> value, How how,
            std::string detail) {
    Fact f;
    f.name = std::move(name);
    f.value = std::move(value);
    f.how = how;
    f.detail = std::move(detail);
    facts_.all.push_back(std::move(f));
    return facts_.all.back();
  }

  void dimensions() {
    const Shape& s = system_.shape;
    add("degrees_of_freedom", s.size(), How::kProved,
        s.rank() == 2
            ? std::to_string(s[0]) + (s[0] == 1 ? " particle in " : " particles in ") +
                  std::to_string(s[1]) + (s[1] == 1 ? " dimension" : " dimensions")
            : std::to_string(s[0]) + (s[0] == 1 ? " scalar coordinate" : " scalar coordinates"));
  }

  /// dE/dp free of q and dE/dq free of p, term by term, by what the simplified gradients read.
  void separable() {
    std::vector<std::string> derivation;
    for (const EnergyTerm& term : system_.terms) {
      const FunctionPtr by_q = transform::simplify(*transform::grad(*term.energy, {kQ}));
      const FunctionPtr by_p = transform::simplify(*transform::grad(*term.energy, {kP}));
      const bool q_reads_p = depends_on(*by_q, 0, kP), p_reads_q = depends_on(*by_p, 0, kQ);
      if (const auto jump = first_mixed_jump(*term.energy, kQ, kP)) {
        Fact& f = add("separable", false, How::kTested,
                      "the term \"" + term.name + "\" jumps (" + jump->op +
                          ") where q and p together say so, which no derivative shows");
        f.term = term.name;
        f.place = jump->place.empty() ? term.span : jump->place;
        return;
      }
      if (!q_reads_p && !p_reads_q) {
        const bool has_q = term_depends(term, kQ), has_p = term_depends(term, kP);
        derivation.push_back(term.name + (has_q && has_p ? ": dE/dq reads no p and dE/dp reads no q"
                                          : has_q        ? " reads q only"
                                          : has_p        ? " reads p only"
                                                         : " reads neither q nor p"));
        continue;
      }
      not_separable(term, by_p);
      return;
    }
    bool moves = false;
    for (const EnergyTerm& term : system_.terms) moves = moves || term_depends(term, kT);
    Fact& f =
        add("separable", true, How::kProved, moves ? "H = T(p, t) + V(q, t)" : "H = T(p) + V(q)");
    f.derivation = std::move(derivation);
  }

  void not_separable(const EnergyTerm& term, const FunctionPtr& by_p) {
    Fact f;
    f.name = "separable";
    f.how = How::kTested;
    f.term = term.name;
    f.place = term.span;
    std::string op = "a product";
    if (const auto mixing = first_mixing(*term.energy, kQ, kP)) {
      op = mixing->op;
      if (!mixing->place.empty()) f.place = mixing->place;
    }
    f.detail = "the term \"" + term.name + "\" mixes q and p (in " + op + ")";
    const std::string witness = mixed_derivative(by_p);
    f.value = witness.empty();
    f.detail += witness.empty() ? "; but d2E/dq dp vanishes on " + samples_.text() : "; " + witness;
    facts_.all.push_back(std::move(f));
  }

  /// "d2E/dq dp is 0.3 at a state near the initial one", or "" when it vanishes on the samples.
  std::string mixed_derivative(const FunctionPtr& by_p) {
    const FunctionPtr mixed = transform::jvp(*by_p, {kQ});
    Random random(7);
    for (const State& s : samples_.states()) {
      std::vector<Tensor> args = samples_.arguments(s);
      args.push_back(perturbed(filled(ir::Type{DType::kF64, system_.shape}, 0), 1, random));
      const std::vector<Tensor> values = samples_.evaluate(mixed, args);
      const double change = largest(values[1]);
      if (change > samples_.tolerance(mixed) * largest(values[0])) {
        return "d2E/dq dp along a direction is " + short_number(change) +
               " at a state near the initial one";
      }
    }
    return "";
  }

  static bool term_depends(const EnergyTerm& term, std::size_t parameter) {
    return depends_on(*term.energy, 0, parameter);
  }

  void degrees() {
    Degree whole;
    std::string which;
    std::vector<std::string> derivation;
    std::vector<Degree> all;
    for (const EnergyTerm& term : system_.terms) {
      const Degree d = degree_of(*term.energy);
      all.push_back(d);
      derivation.push_back(term.name + " is of degree " + text_of(d));
      if (d.joint > whole.joint) which = term.name;
      whole = {std::max(whole.q, d.q), std::max(whole.p, d.p), std::max(whole.joint, d.joint)};
    }
    for (std::size_t k = 0; k < all.size(); ++k) {
      Fact& f = add("degree", text_of(all[k]), How::kProved,
                    "of the term \"" + system_.terms[k].name + "\", an upper bound by rules");
      f.term = system_.terms[k].name;
      f.place = system_.terms[k].span;
      f.derivation = {derivation[k]};
    }
    kinetic(all);
    if (whole.joint <= 2) {
      Fact& f = add("linear", true, How::kProved,
                    "H is at most quadratic in q and p together, so the forces are linear");
      f.derivation = derivation;
      return;
    }
    test_linear(which);
  }

  void kinetic(const std::vector<Degree>& all) {
    for (std::size_t k = 0; k < all.size(); ++k) {
      if (all[k].p <= 2) continue;
      Fact& f = add("quadratic_kinetic", false, How::kProved,
                    "the term \"" + system_.terms[k].name + "\" is " + text_of(all[k]));
      f.term = system_.terms[k].name;
      f.place = system_.terms[k].span;
      f.how = all[k].p >= Degree::kNotPolynomial ? How::kTested : How::kProved;
      return;
    }
    Fact& f = add("quadratic_kinetic", true, How::kProved,
                  "H is at most quadratic in p: dH/dp is linear in p");
    for (std::size_t k = 0; k < all.size(); ++k) {
      f.derivation.push_back(system_.terms[k].name + " is of degree " + text_of(all[k]));
    }
  }

  /// Linear equations have a constant second derivative: compares it at two samples.
  void test_linear(const std::string& which) {
    Random random(11);
    const Tensor zero = filled(ir::Type{DType::kF64, system_.shape}, 0);
    const Tensor dq = perturbed(zero, 1, random), dp = perturbed(zero, 1, random);
    for (const EnergyTerm& term : system_.terms) {
      if (degree_of(*term.energy).joint <= 2) continue;
      if (const auto kink = first_kink(*term.energy)) {
        Fact& f = add("linear", false, How::kTested,
                      "the term \"" + term.name + "\" has a jump or a kink (" + kink->op +
                          "), so its force is not one line");
        f.term = term.name;
        f.place = kink->place.empty() ? term.span : kink->place;
        return;
      }
      const FunctionPtr second = transform::jvp(*transform::grad(*term.energy, {kQ, kP}), {kQ, kP});
      std::vector<std::vector<Tensor>> seen;
      std::vector<State> states = samples_.states();
      if (states.size() == 1) {
        states.push_back(states[0]);
        states[1].q = perturbed(states[0].q, 0.1 * extent(states[0].q), random);
        states[1].p = perturbed(states[0].p, 0.1 * extent(states[0].p), random);
      }
      for (State& s : states) {
        s.t = states[0].t;
        std::vector<Tensor> args = samples_.arguments(s);
        args.push_back(dq);
        args.push_back(dp);
        seen.push_back(samples_.evaluate(second, args));
        for (std::size_t r = 2; r < 4; ++r) {
          const double bound =
              samples_.tolerance(second) * (largest(seen[0][r]) + largest(seen.back()[r]));
          for (std::int64_t k = 0; k < seen[0][r].size(); ++k) {
            const long double a = seen[0][r].real(k), b = seen.back()[r].real(k);
            if (std::abs(a - b) <= bound) continue;  // false when either is not a number
            Fact& f = add("linear", false, How::kTested,
                          "the second derivative of the term \"" + term.name + "\" changes " +
                              from_to(a, b) + " between two states");
            f.term = term.name;
            f.place = term.span;
            return;
          }
        }
      }
    }
    Fact& f = add("linear", true, How::kTested,
                  "the second derivative is the same on " + samples_.text() +
                      ", though no rule proves \"" + which + "\" quadratic");
    f.term = which;
  }

  void time_dependent() {
    for (const EnergyTerm& term : system_.terms) {
      if (!term_depends(term, kT)) continue;
      const FunctionPtr rate = transform::jvp(*term.energy, {kT});
      for (const State& s : samples_.states()) {
        std::vector<Tensor> args = samples_.arguments(s);
        args.push_back(Tensor::scalar_of<double>(1));
        const std::vector<Tensor> values = samples_.evaluate(rate, args);
        if (values[1].real(0) == 0) continue;
        Fact& f = add("time_dependent", true, How::kTested,
                      "the term \"" + term.name + "\" reads t; dE/dt is " +
                          short_number(values[1].real(0)) + " at a state near the initial one");
        f.term = term.name;
        f.place = term.span;
        return;
      }
      Fact& f = add(
          "time_dependent", true, How::kTested,
          "the term \"" + term.name + "\" reads t, though dE/dt vanishes on " + samples_.text());
      f.term = term.name;
      f.place = term.span;
      return;
    }
    Fact& f = add("time_dependent", false, How::kProved, "no term reads t");
    for (const EnergyTerm& term : system_.terms) f.derivation.push_back(term.name + " reads no t");
  }

  /// Proves each term along each generator; tests the terms that no rule settles.
  void symmetry(const char* fact, const char* word, const std::vector<Generator>& generators) {
    if (generators.empty()) {
      add(fact, false, How::kProved,
          "no spatial axis: a " + std::string(word) + " needs vectors of two or three components");
      return;
    }
    std::vector<std::string> derivation;
    std::string unproved;
    for (const EnergyTerm& term : system_.terms) {
      SymmetryProof proof;
      for (const Generator& g : generators) {
        proof = prove_invariant(*term.energy, g);
        if (!proof.proved) break;
      }
      if (proof.proved) {
        derivation.push_back(term.name + ": " + proof.line);
        continue;
      }
      std::string counterexample = test_symmetry(term, generators);
      if (!counterexample.empty()) {
        Fact& f = add(fact, false, How::kTested, std::move(counterexample));
        f.term = term.name;
        f.place = proof.place.empty() ? term.span : proof.place;
        return;
      }
      if (const auto kink = first_kink(*term.energy)) {
        Fact& f = add(fact, false, How::kTested,
                      "no rule proves it of the term \"" + term.name +
                          "\", and samples cannot: it has a jump or a kink (" + kink->op + ")");
        f.term = term.name;
        f.place = kink->place.empty() ? term.span : kink->place;
        return;
      }
      unproved += (unproved.empty() ? "\"" : ", \"") + term.name + "\" (" + proof.line + ")";
    }
    if (unproved.empty()) {
      add(fact, true, How::kProved,
          generators[0].kind == Generator::Kind::kTranslation
              ? "so the total momentum is conserved"
              : "so the total angular momentum is conserved")
          .derivation = std::move(derivation);
    } else {
      add(fact, true, How::kTested,
          "holds on " + samples_.text() + "; no rule settles " + unproved);
    }
  }

  static void transform_rows(Tensor& x, const Generator& g, double size, bool is_q) {
    const Shape& s = x.type().shape;
    const std::int64_t d = g.scalars ? 1 : s[s.rank() - 1];
    auto values = x.as<double>();
    for (std::int64_t row = 0; row < x.size() / d; ++row) {
      double* at = values.data() + row * d;
      if (g.kind == Generator::Kind::kTranslation) {
        if (is_q) at[g.axis] += size;
      } else {
        const long double c = std::cos(static_cast<long double>(size));
        const long double sn = std::sin(static_cast<long double>(size));
        const long double a = at[g.axis], b = at[g.other];
        at[g.axis] = static_cast<double>(c * a - sn * b);
        at[g.other] = static_cast<double>(sn * a + c * b);
      }
    }
  }

  /// A finite transformation that changes the term, in words; "" when none is found.
  std::string test_symmetry(const EnergyTerm& term, const std::vector<Generator>& generators) {
    Random random(5);
    for (const State& s : samples_.states()) {
      const long double before = samples_.value(term.energy, s);
      if (std::isnan(before)) {
        return "the term \"" + term.name + "\" is not a number near the initial state";
      }
      for (const Generator& g : generators) {
        State moved = s;
        const bool rotation = g.kind == Generator::Kind::kRotation;
        const double size = (0.6 + 0.3 * random.next()) * (rotation ? 1 : extent(s.q));
        transform_rows(moved.q, g, size, true);
        if (rotation) transform_rows(moved.p, g, size, false);
        const long double after = samples_.value(term.energy, moved);
        // The moved state is rounded to f64, which a stiff term feels: hence the loose bound.
        const long double bound = std::max(1e-9, samples_.tolerance(term.energy)) *
                                  std::max(std::abs(before), std::abs(after));
        if (std::abs(after - before) <= bound) continue;  // false when not a number
        return "the term \"" + term.name + "\" changes " + from_to(before, after) + " under a " +
               (rotation ? "rotation by " + short_number(size) + " in the plane of axes " +
                               std::to_string(g.axis) + " and " + std::to_string(g.other)
                         : "translation by " + short_number(size) +
                               (g.scalars ? "" : " along axis " + std::to_string(g.axis)));
      }
    }
    return "";
  }

  void pairwise() {
    std::vector<std::string> derivation;
    std::string pairs;
    for (const EnergyTerm& term : system_.terms) {
      const FormOf form = form_of(*term.energy);
      switch (form.form) {
        case TermForm::kConstant: derivation.push_back(term.name + " is constant"); break;
        case TermForm::kOneBody:
          derivation.push_back(term.name + " is a sum over single particles");
          break;
        case TermForm::kPairs:
          derivation.push_back(term.name + " is a pair_sum");
          pairs = term.name;
          break;
        case TermForm::kOther: {
          Fact& f = add("pairwise", false, How::kProved,
                        "the term \"" + term.name + "\" is no sum over all pairs: " + form.why);
          f.term = term.name;
          f.place = form.place.empty() ? term.span : form.place;
          return;
        }
      }
    }
    Fact& f = add("pairwise", !pairs.empty(), How::kProved,
                  pairs.empty() ? "no term couples one particle to another"
                                : "the coupling is a sum over all pairs (\"" + pairs + "\")");
    f.derivation = std::move(derivation);
  }

  void smooth() {
    for (const EnergyTerm& term : system_.terms) {
      const auto kink = first_kink(*term.energy);
      if (!kink) continue;
      Fact& f = add("smooth", false, How::kProved,
                    "the term \"" + term.name + "\" has a jump or a kink (" + kink->op + ")");
      f.term = term.name;
      f.place = kink->place.empty() ? term.span : kink->place;
      return;
    }
    add("smooth", true, How::kProved, "no term jumps, folds or chooses by q or p");
  }

  /// The force knows nothing of a jump, so no method keeps the energy across one.
  void jump() {
    for (const EnergyTerm& term : system_.terms) {
      const auto found = first_jump(*term.energy);
      if (!found) continue;
      Fact& f = add("may_jump", true, How::kTested,
                    "the term \"" + term.name + "\" may jump (" + found->op +
                        "); the force does not see a jump, so the energy is not kept across it");
      f.term = term.name;
      f.place = found->place.empty() ? term.span : found->place;
      return;
    }
    add("may_jump", false, How::kProved, "no term has steps or chooses by q or p");
  }

  const System& system_;
  Samples samples_;
  Facts facts_;
};

}  // namespace

const Fact& Facts::find(const std::string& name) const {
  for (const Fact& f : all) {
    if (f.name == name) return f;
  }
  throw InternalError("no fact is named " + name);
}

bool Facts::holds(const std::string& name) const {
  return std::get<bool>(find(name).value);
}

Facts find_facts(const System& system, const InitialState& initial) {
  if (system.terms.empty())
    throw UserError("the system has no energy term", "give one in [energy]");
  ensure(initial.p || initial.v, "find_facts: neither p nor v");
  return Finder(system, initial).find();
}

}  // namespace cotangent::mechanics
