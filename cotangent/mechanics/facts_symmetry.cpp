// Facts about symmetries: translations, rotations, boosts, scaling, coordinates that nobody reads,
// and groups that the user names.
#include <algorithm>
#include <cmath>

#include "cotangent/base/text.h"
#include "cotangent/ir/builder.h"
#include "cotangent/mechanics/carry.h"
#include "cotangent/mechanics/dependence.h"
#include "cotangent/mechanics/elements.h"
#include "cotangent/mechanics/exponents.h"
#include "cotangent/mechanics/facts_context.h"
#include "cotangent/mechanics/homogeneous.h"
#include "cotangent/mechanics/noether.h"
#include "cotangent/mechanics/pairs.h"
#include "cotangent/mechanics/programs.h"
#include "cotangent/mechanics/symmetry.h"
#include "cotangent/mechanics/vanishing.h"
#include "cotangent/transform/derivatives.h"

namespace cotangent::mechanics {
namespace {

using ir::FunctionPtr;
using ir::Tensor;
using namespace term_parameter;

constexpr std::int64_t kShortWork = 300'000;  // of algebra after samples, about microseconds

void transform_rows(Tensor& x, const Generator& g, double size, bool is_q) {
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

/// A translation of q, or a rotation of q and p, by its field.
NamedGenerator named(const System& system, const Generator& generator) {
  NamedGenerator out;
  out.dq = field_of_generator(system, generator).dq;
  if (generator.kind == Generator::Kind::kTranslation) return out;
  ir::Builder b("dp");  // p turns as q does
  std::vector<ir::Value> x;
  for (std::size_t k = 0; k < out.dq->params().size(); ++k) {
    x.push_back(b.param(out.dq->param_type(k), out.dq->param_names()[k]));
  }
  std::swap(x[kQ], x[kP]);
  out.dp = b.finish(b.inline_call(*out.dq, x));
  return out;
}

class Symmetries {
 public:
  explicit Symmetries(FactContext& c) : c_(c) {}

  void find() {
    symmetry("translation_invariant", "translation", translations(c_.system.shape));
    symmetry("rotation_invariant", "rotation", rotations(c_.system.shape));
    galilean();
    scaling();
    cyclic();
  }

 private:
  /// Proves each term along each generator; tests the terms that no rule settles.
  void symmetry(const char* fact, const char* word, const std::vector<Generator>& generators) {
    if (generators.empty()) {
      c_.add(
          fact, false, How::kProved,
          "no spatial axis: a " + std::string(word) + " needs vectors of two or three components");
      return;
    }
    std::vector<std::string> derivation;
    std::string unproved;
    tested_on_.clear();
    for (const EnergyTerm& term : c_.system.terms) {
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
        c_.add(fact, false, How::kTested, std::move(counterexample), term, proof.place);
        return;
      }
      if (const auto kink = first_break(*with_exponents(c_.system, term.energy))) {
        c_.add(fact, false, How::kTested, no_proof_across(term, *kink), term, kink->place);
        return;
      }
      unproved += (unproved.empty() ? "\"" : ", \"") + term.name + "\" (" + proof.line + ")";
    }
    if (unproved.empty()) {
      c_.add(fact, true, How::kProved,
             generators[0].kind == Generator::Kind::kTranslation
                 ? "so the total momentum is conserved"
                 : "so the total angular momentum is conserved")
          .derivation = std::move(derivation);
    } else {
      c_.add(fact, true, How::kTested, "holds on " + tested_on_ + "; no rule settles " + unproved);
    }
  }

  static std::string words(const Generator& g) {
    if (g.kind == Generator::Kind::kTranslation) {
      return std::string("translation") +
             (g.scalars ? std::string() : " along axis " + std::to_string(g.axis));
    }
    return "rotation in the plane of axes " + std::to_string(g.axis) + " and " +
           std::to_string(g.other);
  }

  /// A transformation that changes the term, in words; "" when none is found.
  std::string test_symmetry(const EnergyTerm& term, const std::vector<Generator>& generators) {
    const std::string finite = test_finite(term, generators);
    if (!finite.empty()) return finite;
    const std::string slope = test_slope(term, generators);
    return slope.empty() ? test_exactly(term, generators) : slope;
  }

  /// A generator along which the term changes by less than the rounding of what cancels.
  std::string test_exactly(const EnergyTerm& term, const std::vector<Generator>& generators) {
    for (const Generator& g : generators) {
      const NamedGenerator field = named(c_.system, g);
      const SymmetryProof proof =
          prove_invariant_along(c_.system, term, field.dq, field.dp, kShortWork);
      if (proof.disproved) return hidden_change(term, "under a " + words(g), proof.line);
    }
    return "";
  }

  /// A generator along which the term changes. Sharper than a finite transformation, whose end is
  /// rounded: it sees a term of 1e-14 beside one of 1.
  std::string test_slope(const EnergyTerm& term, const std::vector<Generator>& generators) {
    std::vector<NamedGenerator> fields;
    std::vector<std::size_t> results;
    for (const Generator& g : generators) {
      results.push_back(fields.size());
      fields.push_back(named(c_.system, g));
    }
    const Weighed::Verdict v =
        Weighed(c_.samples, rates_along(term, fields), results).vanish(term.energy);
    tested_on_ = v.states();
    if (v.against) {
      return "the term \"" + term.name + "\" changes at the rate " + short_number(v.value) +
             " under a " + words(generators[v.result]) + " " + v.where();
    }
    return v.told > 0 ? ""
                      : "no sample of the term \"" + term.name + "\" tells more than its rounding";
  }

  std::string test_finite(const EnergyTerm& term, const std::vector<Generator>& generators) {
    Random random(5);
    const Weighed energy(c_.samples, term.energy, {0}, true);
    for (const SampleState& s : c_.samples.states()) {
      const Weighed::Values before = energy.at(c_.samples.arguments(s));
      const long double first = before.results[0].real(0);
      if (std::isnan(first)) {
        return "the term \"" + term.name + "\" is not a number near the initial state";
      }
      for (const Generator& g : generators) {
        SampleState moved = s;
        const bool rotation = g.kind == Generator::Kind::kRotation;
        const double size = (0.6 + 0.3 * random.next()) * (rotation ? 1 : extent(s.q));
        transform_rows(moved.q, g, size, true);
        if (rotation) transform_rows(moved.p, g, size, false);
        const Weighed::Values after = energy.at(c_.samples.arguments(moved));
        const long double then = after.results[0].real(0);
        if (std::isfinite(then) && !(before.told && after.told)) continue;
        if (!Weighed::differ(first, before.bounds[0].real(0), then, after.bounds[0].real(0))) {
          continue;
        }
        return "the term \"" + term.name + "\" changes " + from_to(first, then) + " under a " +
               (rotation ? "rotation by " + short_number(size) + " in the plane of axes " +
                               std::to_string(g.axis) + " and " + std::to_string(g.other)
                         : "translation by " + short_number(size) +
                               (g.scalars ? "" : " along axis " + std::to_string(g.axis)));
      }
    }
    return "";
  }

  /// q += u t, p += m u: V knows differences only and reads no p, T = sum |p_i|^2 / (2 m_i) +
  /// const.
  void galilean() {
    const Fact translation = *c_.found("translation_invariant");  // facts move when one is added
    if (!std::get<bool>(translation.value)) {
      Fact& f = c_.add("galilean_invariant", false, How::kTested,
                       "H is not invariant under translations");
      f.term = translation.term;
      f.place = translation.place;
      return;
    }
    if (c_.proved("time_dependent") || std::get<bool>(c_.found("time_dependent")->value)) {
      // Masses that change with time let a boost go by.
      for (const EnergyTerm& term : c_.system.terms) {
        if (!depends_on(*term.energy, 0, kT) || !depends_on(*term.energy, 0, kP)) continue;
        c_.add("galilean_invariant", false, How::kTested,
               "the kinetic term \"" + term.name + "\" depends on time", term);
        return;
      }
    }
    const Shape& shape = c_.system.shape;
    std::vector<std::string> derivation;
    std::string why;
    const EnergyTerm* where = nullptr;
    for (const EnergyTerm& term : c_.system.terms) {
      const bool has_p = depends_on(*term.energy, 0, kP), has_q = depends_on(*term.energy, 0, kQ);
      if (!has_p) {
        derivation.push_back(term.name + " reads no p and is invariant under translations");
        continue;
      }
      where = &term;
      const Degree d = degree_of(*term.energy);
      if (has_q || d.p > 2) {
        why = has_q ? "reads q and p together" : "is no quadratic function of p";
        break;
      }
      const bool vectors = shape.rank() == 2 && shape[1] > 1;
      bool round = vectors && form_of(*term.energy).form == TermForm::kOneBody;
      for (const Generator& g : rotations(shape)) {
        round = round && prove_invariant(*term.energy, g).proved;
      }
      if (round) {
        // A sum over single particles that is invariant under joint rotations is so one by one, and
        // a quadratic function of one vector that no rotation changes is c |p|^2 + const.
        derivation.push_back(term.name +
                             " is sum of c_i |p_i|^2: quadratic in p, a sum over single "
                             "particles, invariant under rotations of p");
        continue;
      }
      why = "no rule";
    }
    if (why.empty()) {
      const std::string masses = boost_test();
      if (!masses.empty()) {
        c_.add("galilean_invariant", false, How::kTested, masses);
      } else if (c_.proved("translation_invariant") && where) {
        c_.add("galilean_invariant", true, How::kProved,
               "so the centre of mass moves on a straight line")
            .derivation = std::move(derivation);
      } else {
        c_.add("galilean_invariant", true, How::kTested, "holds on " + c_.samples.text());
      }
      return;
    }
    if (why != "no rule") {
      c_.add("galilean_invariant", false, How::kTested, "the term \"" + where->name + "\" " + why,
             *where);
      return;
    }
    const std::string counterexample = boost_test();
    c_.add("galilean_invariant", counterexample.empty(), How::kTested,
           counterexample.empty() ? "holds on " + c_.samples.text() : counterexample);
  }

  /// Masses from d2H/dp2; "" when sum of m_i dH/dp_i is the sum of p_i on all samples.
  std::string boost_test() {
    const System& system = c_.system;
    const Shape& shape = system.shape;
    const std::int64_t n = shape.size(), d = shape.rank() == 2 ? shape[1] : 1;
    const std::vector<Tensor> heavy = masses();
    if (heavy.empty()) return "some momentum has no mass";
    const Tensor& m = heavy[0];
    for (std::int64_t k = 0; k < n; ++k) {
      const long double here = m.real(k), first = m.real(k - k % d);
      if (std::abs(here - first) > 1e-14L * std::abs(first)) {
        return "the masses of particle " + std::to_string(k / d) + " along its axes differ " +
               from_to(first, here);
      }
    }
    for (const SampleState& s : c_.samples.states()) {
      for (std::int64_t axis = 0; axis < d; ++axis) {
        Tensor boost = filled(ir::Type{DType::kF64, shape}, 0);
        long double momentum = 0, size = 0, rate = 0;
        for (std::int64_t k = axis; k < n; k += d) {
          boost.set_real(k, m.real(k));
          momentum += s.p.real(k);
          size += std::abs(s.p.real(k));
        }
        for (const EnergyTerm& term : system.terms) {
          std::vector<Tensor> args = c_.samples.arguments(s);
          args.push_back(boost);
          const FunctionPtr f = transform::jvp(*term.energy, {kP});
          rate += c_.samples.evaluate(f, args)[1].real(0);
        }
        if (!(std::abs(rate - momentum) <= 1e-9L * size)) {
          return "a boost changes H by " + short_number(rate, 6) +
                 " a unit of speed, where the "
                 "momentum is " +
                 short_number(momentum, 6);
        }
      }
    }
    return "";
  }

  /// 1 / the diagonal of d2H/dp2, where the matrix is diagonal along a sample direction.
  std::vector<Tensor> masses() {
    const System& system = c_.system;
    Random random(3);
    const ir::Type type{DType::kF64, system.shape};
    const Tensor ones = filled(type, 1), some = perturbed(ones, 0.5, random);
    Tensor diagonal = filled(type, 0), other = filled(type, 0);
    for (const EnergyTerm& term : system.terms) {
      if (!depends_on(*term.energy, 0, kP)) continue;
      const FunctionPtr hvp = transform::hvp(*term.energy, {kP});
      for (const bool first : {true, false}) {
        std::vector<Tensor> args = c_.samples.arguments(c_.samples.states()[0]);
        args.push_back(first ? ones : some);
        const Tensor out = c_.samples.evaluate(hvp, args).back();
        Tensor& to = first ? diagonal : other;
        for (std::int64_t k = 0; k < to.size(); ++k) to.set_real(k, to.real(k) + out.real(k));
      }
    }
    for (std::int64_t k = 0; k < type.size(); ++k) {
      const long double a = diagonal.real(k) * some.real(k), b = other.real(k);
      if (!(diagonal.real(k) > 0) || std::abs(a - b) > 1e-9L * std::abs(a)) return {};
      diagonal.set_real(k, 1 / diagonal.real(k));
    }
    return {diagonal};
  }

  /// Weights (wq, wp) with wq a + wp b the same for all terms of degrees (a, b).
  void scaling() {
    if (std::get<bool>(c_.found("time_dependent")->value)) {
      c_.add("scale_invariant", false, How::kTested, "H depends on time");
      return;
    }
    std::vector<Homogeneity> degrees;
    std::vector<std::string> derivation;
    for (const EnergyTerm& term : c_.system.terms) {
      const auto h = homogeneity_of(*term.energy);
      if (!h) {
        c_.add("scale_invariant", false, How::kTested,
               "no rule finds the term \"" + term.name + "\" homogeneous", term);
        return;
      }
      derivation.push_back(term.name + " is homogeneous of degree " + shortest(h->q) +
                           " in q and " + shortest(h->p) + " in p");
      if (h->q != 0 || h->p != 0) degrees.push_back(*h);
    }
    // wq (a_k - a_0) + wp (b_k - b_0) = 0 for all k.
    double wq = 1, wp = 1;
    bool found = false;
    for (const Homogeneity& h : degrees) {
      const double a = h.q - degrees[0].q, b = h.p - degrees[0].p;
      if (a == 0 && b == 0) continue;
      if (!found) {
        wq = b;
        wp = -a;
        found = true;
      } else if (wq * a + wp * b != 0) {
        // Not proved: a term that is zero has any degree.
        c_.add("scale_invariant", false, How::kTested,
               "the degrees of the terms leave no common scaling: " + join(derivation, "; "));
        return;
      }
    }
    if (degrees.empty()) {
      c_.add("scale_invariant", true, How::kProved, "H is constant").derivation = derivation;
      return;
    }
    if (wq < 0 || (wq == 0 && wp < 0)) wq = -wq, wp = -wp;
    const double unit = wq != 0 ? wq : wp;
    Scaling s;
    s.q = wq / unit;
    s.p = wp / unit;
    s.energy = s.q * degrees[0].q + s.p * degrees[0].p;
    s.time = s.q + s.p - s.energy;
    c_.facts.scaling = s;
    c_.add("scale_invariant", true, How::kProved,
           "q by a^" + shortest(s.q) + ", p by a^" + shortest(s.p) + ", times by a^" +
               shortest(s.time) + " and H by a^" + shortest(s.energy) + " give motions again")
        .derivation = std::move(derivation);
  }

  void cyclic() {
    std::vector<bool> read;
    for (const EnergyTerm& term : c_.system.terms) {
      const auto of_term = entries_read(*term.energy, kQ);
      if (!of_term) return;  // too large to be told apart
      if (read.empty()) read.assign(of_term->size(), false);
      for (std::size_t k = 0; k < read.size(); ++k) read[k] = read[k] || (*of_term)[k];
    }
    const Shape& shape = c_.system.shape;
    const std::int64_t d = shape.rank() == 2 ? shape[1] : 1;
    for (std::int64_t i = 0; i < shape[0]; ++i) {
      std::vector<std::string> free;
      for (std::int64_t a = 0; a < d; ++a) {
        if (read[static_cast<std::size_t>(i * d + a)]) continue;
        free.push_back("q[" + std::to_string(i) +
                       (shape.rank() == 2 ? "," + std::to_string(a) : "") + "]");
      }
      if (shape.rank() == 2 && static_cast<std::int64_t>(free.size()) == d) {
        free = {"q[" + std::to_string(i) + "]"};
      }
      c_.facts.cyclic.insert(c_.facts.cyclic.end(), free.begin(), free.end());
    }
    const std::vector<std::string>& names = c_.facts.cyclic;
    if (names.empty()) {
      c_.add("cyclic", false, How::kTested, "every entry of q is read by some term");
      return;
    }
    std::vector<std::string> few(
        names.begin(), names.begin() + std::min<long>(8, static_cast<long>(names.size())));
    c_.add("cyclic", true, How::kProved,
           "no term reads " + join(few, ", ") + (names.size() > few.size() ? ", ..." : "") +
               ", so the momenta are conserved")
        .derivation = {"followed entry by entry through every term"};
  }

  FactContext& c_;
  std::string tested_on_;  // what states the last test of a term was on
};

}  // namespace

void find_symmetries(FactContext& c) {
  Symmetries(c).find();
}

}  // namespace cotangent::mechanics
