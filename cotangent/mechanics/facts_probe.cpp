// Facts from a short run: frequencies of small motion along it, and a body that dominates the
// others.
#include <algorithm>
#include <cmath>
#include <numbers>

#include "cotangent/base/text.h"
#include "cotangent/ir/builder.h"
#include "cotangent/ir/evaluator.h"
#include "cotangent/mechanics/dependence.h"
#include "cotangent/mechanics/facts_context.h"
#include "cotangent/mechanics/short_use.h"
#include "cotangent/mechanics/spectrum.h"
#include "cotangent/transform/derivatives.h"
#include "cotangent/transform/passes.h"

namespace cotangent::mechanics {
namespace {

using ir::FunctionPtr;
using ir::Tensor;
using ir::Value;
using namespace term_parameter;

constexpr std::int64_t kDenseEntries = 48;  // of q, up to which all eigenvalues are found
constexpr int kLanczosSteps = 14;
constexpr int kProbeSteps = 24, kProbeEvery = 8;
constexpr double kGap = 10;              // between neighbouring frequencies of a stiff system
constexpr double kEvaluatedNodes = 4e4;  // left to the evaluator, in all; about ten milliseconds
constexpr double kMostOperations = 2e8;  // of the whole probe, else there is none
constexpr std::int64_t kMostEntries = 4096;  // of q
constexpr double kDominance = 50;

double nodes_in(const ir::Function& f) {
  double nodes = 0;
  for (std::uint32_t id = 0; id < f.size(); ++id) {
    const Value v{id};
    double times = 1;
    if (f.op(v) == ir::Op::kMap) times = static_cast<double>(f.attr_as<ir::MapAttr>(v).count);
    if (f.op(v) == ir::Op::kLoop) times = static_cast<double>(f.attr_as<ir::LoopAttr>(v).trip);
    if (f.op(v) == ir::Op::kPairSum) {
      const double n = static_cast<double>(f.attr_as<ir::PairAttr>(v).count);
      times = n * n / 2;
    }
    const FunctionPtr body = ir::is_second_order(f.op(v)) ? ir::body_of(f.attr(v)) : nullptr;
    nodes += body ? times * nodes_in(*body) : 1;
  }
  return nodes;
}

/// Gradients and products with the Hessian at a state, as vectors.
class Local {
 public:
  Local(const FactContext& c) : c_(c), n_(static_cast<std::size_t>(c.system.shape.size())) {
    const System& system = c.system;
    ir::Builder b("probe");
    const ir::Type state{DType::kF64, system.shape};
    std::vector<Value> args = {b.param(state, "q"), b.param(state, "p"),
                               b.param(ir::scalar(), "t")};
    for (const Parameter& x : system.parameters) args.push_back(b.param(x.value.type(), x.name));
    std::vector<Value> with = args;
    with.push_back(b.param(state, "vq"));
    with.push_back(b.param(state, "vp"));
    const Value zero = b.zeros(state);
    Value gq = zero, gp = zero, hp = zero;
    std::vector<Value> by_term;
    for (const EnergyTerm& term : system.terms) {
      const std::vector<Value> g = b.inline_call(*transform::grad(*term.energy, {kQ, kP}), args);
      gq = b.add(gq, g[0]);
      gp = b.add(gp, g[1]);
      const std::vector<Value> h = b.inline_call(*transform::hvp(*term.energy, {kQ, kP}), with);
      by_term.push_back(h[h.size() - 2]);
      hp = b.add(hp, h.back());
    }
    std::vector<Value> results = {gq, gp, hp};
    results.insert(results.end(), by_term.begin(), by_term.end());
    f_ = transform::simplify(*b.finish(results));
    const double calls =
        static_cast<double>(n_ <= static_cast<std::size_t>(kDenseEntries) ? 4 * 2 * n_
                                                                          : 4 * kLanczosSteps) +
        kProbeSteps;
    possible_ = static_cast<std::int64_t>(n_) <= kMostEntries &&
                calls * operations_in(*f_) <= kMostOperations;
    if (possible_ && calls * nodes_in(*f_) > kEvaluatedNodes) code_ = code_for(f_, calls);
  }

  bool possible() const { return possible_; }
  std::size_t size() const { return n_; }
  std::size_t terms() const { return c_.system.terms.size(); }

  struct State {
    Vector q, p;
    double t = 0;
  };
  /// gq, gp, (H v)_p, then (H v)_q of each term.
  std::vector<Vector> at(const State& s, const Vector& vq, const Vector& vp) const {
    SampleState sample{tensor(s.q), tensor(s.p), s.t};
    std::vector<Tensor> args = c_.samples.arguments(sample);
    args.push_back(tensor(vq));
    args.push_back(tensor(vp));
    const std::vector<Tensor> out = code_ ? code_->call(args) : ir::evaluate(*f_, args);
    std::vector<Vector> made;
    for (const Tensor& x : out) {
      Vector v(n_);
      for (std::size_t k = 0; k < n_; ++k)
        v[k] = static_cast<double>(x.real(static_cast<std::int64_t>(k)));
      made.push_back(std::move(v));
    }
    return made;
  }
  Vector zeros() const { return Vector(n_, 0); }

 private:
  Tensor tensor(const Vector& x) const {
    return Tensor::of<double>(c_.system.shape, std::span<const double>(x));
  }

  const FactContext& c_;
  std::size_t n_;
  FunctionPtr f_;
  bool possible_ = false;
  runtime::ExecutablePtr code_;  ///< null: the evaluator runs f_
};

Vector sum_of_terms(const std::vector<Vector>& out, std::size_t n) {
  Vector sum(n, 0);
  for (std::size_t k = 3; k < out.size(); ++k) {
    for (std::size_t e = 0; e < n; ++e) sum[e] += out[k][e];
  }
  return sum;
}

class Probe {
 public:
  Probe(FactContext& c, const Local& local) : c_(c), local_(local), n_(local.size()) {}

  void find() {
    Local::State s = start();
    if (!inverse_masses(s)) {
      mixed(s);
      return;
    }
    if (!c_.initial.p) {  // the file gives velocities
      for (std::size_t k = 0; k < n_; ++k) {
        s.p[k] = inverse_mass_[k] > 0 ? s.p[k] / inverse_mass_[k] : 0;
      }
    }
    Stiffness found;
    found.exact = n_ <= static_cast<std::size_t>(kDenseEntries);
    std::vector<double> first = frequencies(s);
    if (!good(first)) {
      unknown("the second derivative is not finite at the initial state");
      return;
    }
    take(found, first);
    by_term(s, found);
    const double gap = widest_gap(first);
    if (found.fastest > 0) along_a_run(s, found);
    c_.facts.stiffness = found;
    tell(found, gap);
  }

 private:
  Local::State start() const {
    const SampleState& s = c_.samples.start();
    Local::State made{local_.zeros(), local_.zeros(), s.t};
    for (std::size_t k = 0; k < n_; ++k) {
      made.q[k] = static_cast<double>(s.q.real(static_cast<std::int64_t>(k)));
      made.p[k] = static_cast<double>(s.p.real(static_cast<std::int64_t>(k)));
    }
    return made;
  }

  static bool good(const std::vector<double>& w) {
    return std::all_of(w.begin(), w.end(), [](double x) { return std::isfinite(x); });
  }

  void unknown(const std::string& why) {
    c_.add("stiff", false, How::kTested, "frequencies of small motion are not known: " + why);
  }

  /// H_pp where it is diagonal and constant by a sample, and no force reads p.
  bool inverse_masses(const Local::State& s) {
    const Fact separable = *c_.found("separable");
    if (!std::get<bool>(separable.value)) return false;
    const Vector ones(n_, 1);
    Random random(17);
    Vector some(n_);
    for (double& x : some) x = 1 + 0.5 * random.next();
    inverse_mass_ = local_.at(s, local_.zeros(), ones)[2];
    const Vector other = local_.at(s, local_.zeros(), some)[2];
    for (std::size_t k = 0; k < n_; ++k) {
      if (!(inverse_mass_[k] >= 0)) return false;
      if (std::abs(inverse_mass_[k] * some[k] - other[k]) > 1e-9 * (std::abs(other[k]) + 1e-300)) {
        return false;
      }
    }
    return true;
  }

  /// w = sqrt |lambda| of M^-1/2 H_qq M^-1/2, ascending; of one term, or of all.
  std::vector<double> frequencies(const Local::State& s, std::ptrdiff_t term = -1) const {
    const auto apply = [&](const Vector& x) {
      Vector v(n_);
      for (std::size_t k = 0; k < n_; ++k) v[k] = std::sqrt(inverse_mass_[k]) * x[k];
      const std::vector<Vector> out = local_.at(s, v, local_.zeros());
      Vector y = term < 0 ? sum_of_terms(out, n_) : out[3 + static_cast<std::size_t>(term)];
      for (std::size_t k = 0; k < n_; ++k) y[k] *= std::sqrt(inverse_mass_[k]);
      return y;
    };
    std::vector<double> w = n_ <= static_cast<std::size_t>(kDenseEntries)
                                ? all_eigenvalues(apply, n_)
                                : lanczos(apply, n_, term < 0 ? kLanczosSteps : kLanczosSteps / 2);
    for (double& x : w) x = std::sqrt(std::abs(x));
    std::sort(w.begin(), w.end());
    return w;
  }

  /// The frequencies, ascending, without free motion: what is nothing beside the largest, and as
  /// many slow ones as the symmetries allow, since near an equilibrium a turn costs next to
  /// nothing.
  std::vector<double> bound_motion(const std::vector<double>& w) const {
    if (w.empty()) return {};
    const bool all = n_ <= static_cast<std::size_t>(kDenseEntries);
    const double nothing = (all ? 1e-6 : 1e-4) * w.back(), little = 1e-3 * w.back();
    const std::size_t free = all ? symmetries() : 0;
    std::vector<double> bound;
    for (std::size_t k = 0; k < w.size(); ++k) {
      if (w[k] > (k < free ? little : nothing)) bound.push_back(w[k]);
    }
    return bound;
  }

  std::size_t symmetries() const {
    const Shape& shape = c_.system.shape;
    const std::int64_t d = shape.rank() == 2 ? shape[1] : 1;
    std::int64_t count = 0;
    if (std::get<bool>(c_.found("translation_invariant")->value)) count += d;
    if (std::get<bool>(c_.found("rotation_invariant")->value))
      count += std::max<std::int64_t>(1, d * (d - 1) / 2);
    return static_cast<std::size_t>(count);
  }

  void take(Stiffness& found, const std::vector<double>& w) const {
    const std::vector<double> bound = bound_motion(w);
    if (bound.empty()) return;
    found.fastest = std::max(found.fastest, bound.back());
    found.slowest = found.slowest == 0 ? bound[0] : std::min(found.slowest, bound[0]);
  }

  double widest_gap(const std::vector<double>& w) const {
    const std::vector<double> bound = bound_motion(w);
    double gap = 1;
    for (std::size_t k = 0; k + 1 < bound.size(); ++k) gap = std::max(gap, bound[k + 1] / bound[k]);
    return gap;
  }

  void by_term(const Local::State& s, Stiffness& found) const {
    for (std::size_t k = 0; k < local_.terms(); ++k) {
      const EnergyTerm& term = c_.system.terms[k];
      if (!depends_on(*term.energy, 0, kQ)) continue;
      const std::vector<double> w = frequencies(s, static_cast<std::ptrdiff_t>(k));
      if (good(w) && !w.empty()) found.terms.push_back({term.name, w.back()});
    }
  }

  /// Leapfrog for about a fast period; the extremes of the states it comes through.
  void along_a_run(Local::State s, Stiffness& found) const {
    const double h = 0.25 / found.fastest;
    const Vector none = local_.zeros();
    Vector force = local_.at(s, none, none)[0];
    for (int step = 1; step <= kProbeSteps; ++step) {
      for (std::size_t k = 0; k < n_; ++k) s.p[k] -= 0.5 * h * force[k];
      for (std::size_t k = 0; k < n_; ++k) s.q[k] += h * inverse_mass_[k] * s.p[k];
      s.t += h;
      force = local_.at(s, none, none)[0];
      for (std::size_t k = 0; k < n_; ++k) s.p[k] -= 0.5 * h * force[k];
      if (step % kProbeEvery != 0) continue;
      const std::vector<double> w = frequencies(s);
      if (!good(w)) return;
      take(found, w);
    }
  }

  void tell(const Stiffness& found, double gap) {
    if (found.fastest == 0) {
      c_.add("stiff", false, How::kTested, "no force changes with q: there is no frequency");
      return;
    }
    const double two_pi = 2 * std::numbers::pi;
    std::string text =
        "fastest period " + short_number(two_pi / found.fastest) + ", slowest " +
        short_number(two_pi / found.slowest) + ", ratio " +
        short_number(found.fastest / found.slowest) + (found.exact ? "" : " (of Lanczos vectors)") +
        ", at the initial state and along a short run; leapfrog is stable below dt = " +
        short_number(found.dt_limit());
    if (gap >= kGap) {
      text += "; a gap of " + short_number(gap) + " parts fast from slow motion";
      const auto fast =
          std::max_element(found.terms.begin(), found.terms.end(),
                           [](const auto& a, const auto& b) { return a.second < b.second; });
      if (fast != found.terms.end()) text += "; the fastest term is \"" + fast->first + "\"";
    }
    c_.add("stiff", gap >= kGap, How::kTested, text);
  }

  /// H mixes q and p, or its masses do: how fast J H'' makes a vector grow, which is its largest
  /// |w|.
  void mixed(const Local::State& s) {
    Random random(19);
    Vector vq(n_), vp(n_);
    for (double& x : vq) x = random.next();
    for (double& x : vp) x = random.next();
    double log_growth = 0;
    const int steps = 24, counted = 16;
    for (int k = 0; k < steps; ++k) {
      const std::vector<Vector> out = local_.at(s, vq, vp);
      const Vector hq = sum_of_terms(out, n_);
      double norm = 0;
      for (std::size_t e = 0; e < n_; ++e) {
        vq[e] = out[2][e];
        vp[e] = -hq[e];
        norm += vq[e] * vq[e] + vp[e] * vp[e];
      }
      norm = std::sqrt(norm);
      if (!(norm > 0) || !std::isfinite(norm)) {
        unknown("the equations have no linear part that is finite at the initial state");
        return;
      }
      for (std::size_t e = 0; e < n_; ++e) vq[e] /= norm, vp[e] /= norm;
      if (k >= steps - counted) log_growth += std::log(norm);
    }
    Stiffness found;
    found.fastest = std::exp(log_growth / counted);
    c_.facts.stiffness = found;
    c_.add("stiff", false, How::kTested,
           "the fastest period is about " + short_number(2 * std::numbers::pi / found.fastest, 2) +
               " at the initial state; the slowest is not known, since H mixes q and p or couples "
               "momenta");
  }

  FactContext& c_;
  const Local& local_;
  std::size_t n_;
  Vector inverse_mass_;
};

/// Whether one body holds all others by c/r, and how strongly the others disturb one another.
class Dominance {
 public:
  Dominance(FactContext& c, const Local& local) : c_(c), local_(local) {}

  void find() {
    const std::string why = reason();
    if (why.empty()) return;
    c_.add("near_integrable", false, How::kTested, why);
  }

 private:
  std::string reason() {
    const Shape& shape = c_.system.shape;
    if (shape.rank() != 2 || shape[1] < 2 || shape[0] < 2)
      return "no particles in a plane or in space";
    if (!c_.proved("quadratic_kinetic") || !c_.proved("separable")) {
      return "the kinetic energy is no quadratic function of the momenta alone";
    }
    for (const EnergyTerm& term : c_.system.terms) {
      if (!depends_on(*term.energy, 0, kQ)) continue;
      const auto range = std::find_if(c_.facts.ranges.begin(), c_.facts.ranges.end(),
                                      [&](const RangeOfTerm& r) { return r.term == term.name; });
      if (range == c_.facts.ranges.end() || range->power != -1.0) {
        return "the term \"" + term.name + "\" is no sum over pairs of c/r";
      }
      body_.term = term.name;
    }
    if (body_.term.empty()) return "no term couples the bodies";
    return measure();
  }

  std::string measure() {
    const auto d = static_cast<std::size_t>(c_.system.shape[1]);
    const std::size_t n = local_.size(), bodies = n / d;
    const SampleState& start = c_.samples.start();
    Local::State s{local_.zeros(), local_.zeros(), start.t};
    for (std::size_t k = 0; k < n; ++k) {
      s.q[k] = static_cast<double>(start.q.real(static_cast<std::int64_t>(k)));
    }
    const Vector inverse = local_.at(s, local_.zeros(), Vector(n, 1))[2];
    std::vector<double> m;
    double sum = 0;
    for (std::size_t i = 0; i < bodies; ++i) {
      m.push_back(1 / inverse[i * d]);
      sum += m.back();
    }
    const std::size_t heavy =
        static_cast<std::size_t>(std::max_element(m.begin(), m.end()) - m.begin());
    body_.index = static_cast<std::int64_t>(heavy);
    body_.mass_ratio = m[heavy] / (sum - m[heavy]);
    if (!(body_.mass_ratio >= kDominance)) {
      return "no body is " + short_number(kDominance) +
             " times as heavy as the others together: "
             "the heaviest is " +
             short_number(body_.mass_ratio);
    }
    // Of c/r the mixed block of second derivatives along the distance is -2c/r^3.
    std::vector<Vector> columns;  // of the blocks between the heavy body and each other
    for (std::size_t a = 0; a < d; ++a) {
      Vector v = local_.zeros();
      v[heavy * d + a] = 1;
      columns.push_back(sum_of_terms(local_.at(s, v, local_.zeros()), n));
    }
    long double own = 0;
    for (std::size_t j = 0; j < bodies; ++j) {
      if (j == heavy) continue;
      double rr = 0, curvature = 0;
      for (std::size_t a = 0; a < d; ++a) rr += std::pow(s.q[j * d + a] - s.q[heavy * d + a], 2);
      for (std::size_t a = 0; a < d; ++a) {
        for (std::size_t b = 0; b < d; ++b) {
          curvature += columns[a][j * d + b] * (s.q[j * d + a] - s.q[heavy * d + a]) *
                       (s.q[j * d + b] - s.q[heavy * d + b]) / rr;
        }
      }
      const double energy = -curvature * rr / 2;  // c/r
      if (!(energy < 0)) return "the heaviest body does not attract body " + std::to_string(j);
      own += energy;
    }
    long double total = 0;
    for (const EnergyTerm& term : c_.system.terms) {
      if (depends_on(*term.energy, 0, kQ)) total += c_.samples.value(term.energy, start);
    }
    body_.perturbation = static_cast<double>(std::abs(total - own) / std::abs(own));
    if (body_.perturbation < 1e-12) body_.perturbation = 0;
    c_.facts.dominant_body = body_;
    // The form of the terms is proved; that the body is heavy enough is read off numbers.
    c_.add(
        "near_integrable", true, How::kTested,
        "body " + std::to_string(heavy) + " is " + short_number(body_.mass_ratio) +
            " times as heavy as the others together and holds each by c/r (proved); the energy of "
            "the other pairs is " +
            short_number(body_.perturbation) + " of that: Kepler motion and a perturbation");
    return "";
  }

  FactContext& c_;
  const Local& local_;
  DominantBody body_;
};

}  // namespace

void find_probe(FactContext& c) {
  const Local local(c);
  if (!local.possible()) {
    c.add("stiff", false, How::kTested,
          "frequencies of small motion are not known: the system is too large for a probe");
    c.add("near_integrable", false, How::kTested, "the system is too large for a probe");
    return;
  }
  Probe(c, local).find();
  Dominance(c, local).find();
}

}  // namespace cotangent::mechanics
