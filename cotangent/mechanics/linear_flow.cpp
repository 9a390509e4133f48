#include "cotangent/mechanics/linear_flow.h"

#include <algorithm>
#include <cmath>

#include "cotangent/mechanics/dense.h"
#include "cotangent/mechanics/mode_motion.h"
#include "cotangent/mechanics/plan.h"
#include "cotangent/mechanics/programs.h"
#include "cotangent/mechanics/scalars.h"

namespace cotangent::mechanics {
namespace {

long double largest_row_sum(const SparseMatrix& a) {
  long double largest = 0;
  for (std::int64_t i = 0; i < a.rows; ++i) {
    long double sum = 0;
    for (std::int64_t k = a.start[at(i)]; k < a.start[at(i) + 1]; ++k) {
      sum += std::abs(static_cast<long double>(a.value[at(k)]));
    }
    largest = std::max(largest, sum);
  }
  return largest;
}

/// x and what drives it as one linear system without drives: the drives' functions of time are
/// further entries, t^k e^(at) from t^(k-1) e^(at), cosines and sines as pairs.
struct Augmented {
  SparseMatrix a;
  std::vector<Drive> functions;  // the further entries

  explicit Augmented(const LinearSystem& s) {
    const auto place_of = [&](int power, long double decay, long double w, bool sine) {
      for (std::size_t k = 0; k < functions.size(); ++k) {
        const Drive& f = functions[k];
        if (f.power == power && f.decay == decay && f.w == w && f.sine == sine) {
          return s.n + static_cast<std::int64_t>(k);
        }
      }
      functions.push_back({power, decay, w, sine, {}});
      return s.n + static_cast<std::int64_t>(functions.size()) - 1;
    };
    std::vector<Entry> entries;
    for (std::int64_t i = 0; i < s.n; ++i) {
      for (std::int64_t k = s.a.start[at(i)]; k < s.a.start[at(i) + 1]; ++k) {
        entries.push_back({i, s.a.column[at(k)], s.a.value[at(k)]});
      }
    }
    for (const Drive& d : s.drives) {
      for (int k = 0; k < d.power; ++k) place_of(k, d.decay, d.w, d.sine);
      const std::int64_t place = place_of(d.power, d.decay, d.w, d.sine);
      if (d.w != 0) place_of(d.power, d.decay, d.w, !d.sine);
      for (std::int64_t i = 0; i < s.n; ++i) {
        if (d.amplitude[at(i)] != 0) entries.push_back({i, place, d.amplitude[at(i)]});
      }
    }
    for (std::size_t k = 0; k < functions.size(); ++k) {
      const Drive f = functions[k];
      const auto place = s.n + static_cast<std::int64_t>(k);
      if (f.decay != 0) entries.push_back({place, place, static_cast<double>(f.decay)});
      if (f.power > 0) {
        entries.push_back(
            {place, place_of(f.power - 1, f.decay, f.w, f.sine), static_cast<double>(f.power)});
      }
      if (f.w != 0) {
        entries.push_back({place, place_of(f.power, f.decay, f.w, !f.sine),
                           static_cast<double>(f.sine ? f.w : -f.w)});
      }
    }
    const std::int64_t n = s.n + static_cast<std::int64_t>(functions.size());
    a = sparse_from(n, n, std::move(entries));
  }

  DenseMatrix dense() const {
    DenseMatrix m(a.rows);
    for (std::int64_t i = 0; i < a.rows; ++i) {
      for (std::int64_t k = a.start[at(i)]; k < a.start[at(i) + 1]; ++k) {
        m(i, a.column[at(k)]) = a.value[at(k)];
      }
    }
    return m;
  }

  /// Calls `move` with each member of the batch and the functions after it.
  template <class F>
  void each(std::span<double> x, std::int64_t n, double t0, const F& move) const {
    std::vector<long double> whole(at(a.rows));
    for (std::size_t first = 0; first < x.size(); first += at(n)) {
      for (std::int64_t k = 0; k < n; ++k) whole[at(k)] = x[first + at(k)];
      for (std::size_t k = 0; k < functions.size(); ++k) {
        whole[at(n) + k] = functions[k].factor(t0);
      }
      move(whole);
      for (std::int64_t k = 0; k < n; ++k) x[first + at(k)] = static_cast<double>(whole[at(k)]);
    }
  }
};

constexpr double kFftOfSite = 400;  // operations of a transform a site, about
constexpr double kTurn = 300;       // of a mode's cosine and sine in long double

class ModeFlow final : public LinearFlow {
 public:
  ModeFlow(LinearSystem s, const std::string& method, std::shared_ptr<const Modes> modes,
           const Splitting* composition)
      : LinearFlow(std::move(s), method), modes_(std::move(modes)), composition_(composition) {
    const std::size_t n = at(modes_->count());
    for (const Drive& d : system_.drives) {
      Drive xi = d, eta = d;
      xi.amplitude.resize(n);
      eta.amplitude.resize(n);
      modes_->to_xi(d.amplitude.data(), xi.amplitude.data());
      modes_->to_eta(d.amplitude.data() + n, eta.amplitude.data());
      drives_.push_back({xi, eta});
    }
    for (const long double l : modes_->lambda()) {
      fastest_ = std::max(fastest_, static_cast<double>(std::sqrt(std::abs(l))));
    }
  }

  void advance(std::span<double> x, std::int64_t steps, double dt, double t0) const override {
    const std::size_t n = at(modes_->count());
    if (x.size() % (2 * n) != 0) throw UserError("the states do not fit the linear system");
    if (steps == 0) return;
    const std::vector<ModeStep> moves = moves_of(steps, dt, t0);
    std::vector<double> xi(n), eta(n);
    for (std::size_t first = 0; first < x.size(); first += 2 * n) {
      double *q = x.data() + first, *p = q + n;
      modes_->to_xi(q, xi.data());
      modes_->to_eta(p, eta.data());
      for (std::size_t k = 0; k < n; ++k) moves[k].apply(xi[k], eta[k]);
      modes_->to_q(xi.data(), q);
      modes_->to_p(eta.data(), p);
    }
  }

  std::string way() const override { return modes_->kind(); }
  double cost(std::int64_t, double) const override {
    const auto n = static_cast<double>(modes_->count());
    const bool chain = modes_->kind().find("sites") != std::string::npos;
    const double transform = chain ? std::min(2 * n, kFftOfSite) : 2 * n;
    return n * (4 * transform + kTurn);
  }
  std::vector<double> frequencies() const override {
    std::vector<double> w;
    for (const long double l : modes_->lambda()) {
      w.push_back(static_cast<double>(std::sqrt(std::max(l, 0.0L))));
    }
    std::sort(w.begin(), w.end());
    return w;
  }

 private:
  std::vector<ModeStep> moves_of(std::int64_t steps, double dt, double t0) const {
    const std::vector<long double>& lambda = modes_->lambda();
    const long double time = static_cast<long double>(steps) * dt;
    std::vector<ModeStep> moves;
    moves.reserve(lambda.size());
    for (std::size_t k = 0; k < lambda.size(); ++k) {
      if (composition_) {
        ModePush push;
        for (const auto& [xi, eta] : drives_) {
          push.xi += xi.amplitude[k];
          push.eta += eta.amplitude[k];
        }
        moves.push_back(
            composed_motion(coefficients_of(*composition_), lambda[k], dt, steps, push));
        continue;
      }
      ModeStep move = free_motion(lambda[k], time);
      for (const auto& [xi, eta] : drives_) {
        if (xi.amplitude[k] == 0 && eta.amplitude[k] == 0) continue;
        const Response r = response(lambda[k], time, t0, xi);
        move.xi += eta.amplitude[k] * r.sine + xi.amplitude[k] * r.cosine;
        move.eta += eta.amplitude[k] * r.cosine - xi.amplitude[k] * lambda[k] * r.sine;
      }
      moves.push_back(move);
    }
    return moves;
  }

  std::shared_ptr<const Modes> modes_;
  const Splitting* composition_;                 // null: exact
  std::vector<std::pair<Drive, Drive>> drives_;  // what is added to xi' and to eta'
};

constexpr long double kPart = 8;       // norm of what one series serves
constexpr double kTermsOfPart = 40;    // about
constexpr double kMostTouched = 1e12;  // entries touched by all series
constexpr double kProducts = 100;  // products of matrices for a power or an exponential, in adds

/// How many parts of `time` a series each serves.
double parts_of(const SparseMatrix& a, long double time) {
  return std::ceil(static_cast<double>(std::abs(time) * largest_row_sum(a) / kPart));
}

/// x -> exp(time A) x for a norm of at most kPart.
void series(const SparseMatrix& a, std::vector<long double>& x, long double time) {
  std::vector<long double> term = x, next(x.size());
  const auto size = [](const std::vector<long double>& v) {
    long double m = 0;
    for (const long double e : v) m = std::max(m, std::abs(e));
    return m;
  };
  for (int k = 1; k < 200; ++k) {
    std::fill(next.begin(), next.end(), 0.0L);
    a.add_product(time / k, term.data(), next.data());
    term.swap(next);
    for (std::size_t i = 0; i < x.size(); ++i) x[i] += term[i];
    if (k > 2 && size(term) <= 1e-19L * size(x)) break;
  }
}

/// One matrix of a step, or the exponential.
class MatrixFlow final : public LinearFlow {
 public:
  MatrixFlow(LinearSystem s, const std::string& method, const Splitting* composition)
      : LinearFlow(std::move(s), method), augmented_(system_), composition_(composition) {
    fastest_ = static_cast<double>(largest_row_sum(system_.a));
  }

  void advance(std::span<double> x, std::int64_t steps, double dt, double t0) const override {
    if (x.size() % at(system_.n) != 0) throw UserError("the states do not fit the linear system");
    if (steps == 0) return;
    const auto rows = static_cast<double>(augmented_.a.rows);
    const long double time = static_cast<long double>(steps) * dt;
    const double parts = parts_of(augmented_.a, time);
    const double members = static_cast<double>(x.size()) / static_cast<double>(system_.n);
    const bool exact = !composition_ && system_.form != Form::kMap;
    if (exact && augmented_.a.rows > kExtended &&
        members * parts * static_cast<double>(augmented_.a.entries()) * kTermsOfPart <
            rows * rows * rows) {
      // A short time: cheaper than one product of matrices.
      augmented_.each(x, system_.n, t0, [&](std::vector<long double>& y) {
        for (double part = 0; part < parts; ++part) series(augmented_.a, y, time / parts);
      });
      return;
    }
    const DenseMatrix m = matrix(steps, dt);
    augmented_.each(x, system_.n, t0, [&](std::vector<long double>& y) {
      const std::vector<long double> before = y;
      for (std::int64_t i = 0; i < m.n; ++i) {
        long double sum = 0;
        for (std::int64_t j = 0; j < m.n; ++j) sum += m(i, j) * before[at(j)];
        y[at(i)] = sum;
      }
    });
  }

  double cost(std::int64_t steps, double dt) const override {
    const auto rows = static_cast<double>(augmented_.a.rows);
    const double products = rows * rows * rows * kProducts;
    if (composition_ || system_.form == Form::kMap || augmented_.a.rows <= kExtended) {
      return products;
    }
    const double parts = parts_of(augmented_.a, static_cast<long double>(steps) * dt);
    const double one = parts * static_cast<double>(augmented_.a.entries()) * kTermsOfPart;
    return one < rows * rows * rows ? 2 * one : products;
  }

  std::string way() const override {
    return "a matrix of " + std::to_string(augmented_.a.rows) + " rows";
  }

 private:
  DenseMatrix matrix(std::int64_t steps, double dt) const {
    DenseMatrix a = augmented_.dense();
    if (system_.form == Form::kMap) {
      for (std::int64_t k = system_.n; k < a.n; ++k) a(k, k) = 1;  // the constant stays
      return steps < 0 ? power(inverse(a), -steps) : power(a, steps);
    }
    if (!composition_) {
      for (long double& e : a.value) e *= static_cast<long double>(steps) * dt;
      return exponential(a);
    }
    return power(step_matrix(a, steps < 0 ? -dt : dt), std::abs(steps));
  }

  /// Kicks and drifts are the rows of p and of q; a composition is symmetric, so -dt undoes it.
  DenseMatrix step_matrix(const DenseMatrix& a, long double dt) const {
    const Coefficients c = coefficients_of(*composition_);
    const std::int64_t half = system_.n / 2;
    DenseMatrix m = DenseMatrix::identity(a.n);
    const auto move = [&](std::int64_t first, long double coefficient) {
      DenseMatrix part = DenseMatrix::identity(a.n);
      for (std::int64_t i = first; i < first + half; ++i) {
        for (std::int64_t j = 0; j < a.n; ++j) part(i, j) += coefficient * dt * a(i, j);
      }
      m = product(part, m);
    };
    move(half, c.first_kick);
    for (std::size_t k = 0; k < c.drift.size(); ++k) {
      move(0, c.drift[k]);
      move(half, c.kick[k]);
    }
    return m;
  }

  Augmented augmented_;
  const Splitting* composition_;
};

/// The exponential of a large sparse matrix on a vector; powers of a large map one by one.
class SparseFlow final : public LinearFlow {
 public:
  explicit SparseFlow(LinearSystem s) : LinearFlow(std::move(s), "exact"), augmented_(system_) {
    fastest_ = static_cast<double>(largest_row_sum(system_.a));
  }

  void advance(std::span<double> x, std::int64_t steps, double dt, double t0) const override {
    if (x.size() % at(system_.n) != 0) throw UserError("the states do not fit the linear system");
    const SparseMatrix& a = augmented_.a;
    const long double time = static_cast<long double>(steps) * dt;
    const bool map = system_.form == Form::kMap;
    const double parts = parts_for(steps, time);
    if (out_of_reach(steps, parts)) {
      throw UserError(
          {"so long a time is out of reach for this linear system: it has " +
               std::to_string(system_.n) + " entries and no modes that are known",
           "", "its exponential acts by a series, whose length grows with the time",
           "take fewer steps at once, or at most " + std::to_string(kDenseFlow) + " entries"});
    }
    augmented_.each(x, system_.n, t0, [&](std::vector<long double>& whole) {
      for (double part = 0; part < parts; ++part) {
        if (map)
          apply_map(whole);
        else
          series(a, whole, time / parts);
      }
    });
  }

  double cost(std::int64_t steps, double dt) const override {
    const double parts = parts_for(steps, static_cast<long double>(steps) * dt);
    return out_of_reach(steps, parts) ? HUGE_VAL : 2 * entries_touched(parts);
  }

  std::string way() const override {
    return "a series of a sparse matrix of " + std::to_string(augmented_.a.rows) + " rows";
  }

 private:
  double parts_for(std::int64_t steps, long double time) const {
    return system_.form == Form::kMap ? std::abs(static_cast<double>(steps))
                                      : parts_of(augmented_.a, time);
  }
  double entries_touched(double parts) const {
    const double terms = system_.form == Form::kMap ? 1 : kTermsOfPart;
    return parts * static_cast<double>(augmented_.a.entries()) * terms;
  }
  bool out_of_reach(std::int64_t steps, double parts) const {
    return entries_touched(parts) > kMostTouched || (system_.form == Form::kMap && steps < 0);
  }

  void apply_map(std::vector<long double>& x) const {
    std::vector<long double> y(x.size(), 0);
    for (std::size_t k = at(system_.n); k < x.size(); ++k) y[k] = x[k];
    augmented_.a.add_product(1.0L, x.data(), y.data());
    x = std::move(y);
  }

  Augmented augmented_;
};

}  // namespace

double LinearFlow::phase_error(std::int64_t steps, double dt) const {
  return std::abs(static_cast<double>(steps) * dt) * fastest_ * 0x1p-53;
}

std::shared_ptr<const LinearFlow> LinearFlow::make(LinearSystem system, const std::string& method,
                                                   std::optional<bool> by_modes) {
  const Splitting* composition = nullptr;
  if (method != "exact") {
    composition = splitting_named(method);
    if (!composition || !composition->plain()) {
      throw UserError(
          "\"" + method + "\" is no method whose matrix has a power here",
          "use \"exact\" or the name of a splitting without processor and force gradients");
    }
    if (system.form != Form::kCanonical || !system.separable) {
      throw UserError("\"" + method + "\" needs H = T(p) + V(q)", "use \"exact\"");
    }
    for (const Drive& d : system.drives) {
      if (d.power == 0 && d.decay == 0 && d.w == 0) continue;
      throw UserError("the steps of \"" + method + "\" differ: a force depends on time",
                      "use \"exact\", or run it by steps");
    }
  }
  if (by_modes.value_or(true)) {
    if (auto modes = Modes::of(system)) {
      return std::make_shared<ModeFlow>(std::move(system), method, std::move(modes), composition);
    }
    if (by_modes) {
      throw UserError({"no normal modes are known of this linear system", "",
                       std::string(system.form != Form::kCanonical ? "it has no q and p"
                                   : !system.separable             ? "its energy couples q and p"
                                                       : "it is no chain of equal sites") +
                           "; modes are those of chains of equal sites, and of up to " +
                           std::to_string(kDenseModes) +
                           " coordinates with T(p) + V(q) and positive masses",
                       "leave modes out"});
    }
  }
  if (system.n <= kDenseFlow) {
    return std::make_shared<MatrixFlow>(std::move(system), method, composition);
  }
  if (composition) {
    throw UserError("\"" + method + "\" has no matrix here: the system is large and has no modes",
                    "use \"exact\"");
  }
  return std::make_shared<SparseFlow>(std::move(system));
}

}  // namespace cotangent::mechanics
