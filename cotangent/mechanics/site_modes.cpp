#include "cotangent/mechanics/site_modes.h"

#include <cmath>
#include <optional>

#include "cotangent/mechanics/any_fft.h"
#include "cotangent/mechanics/scalars.h"

namespace cotangent::mechanics {
namespace {

constexpr std::int64_t kTable = 200;  // sites up to which a transform is a plain sum
constexpr long double kPi = 3.14159265358979323846264338327950288L;

/// Equal but for the rounding of a sum of a few terms.
bool same(double x, double y) {
  return std::abs(x - y) <= 4e-16 * std::max(std::abs(x), std::abs(y));
}
/// x - y of long doubles that stand for doubles: what is rounding of them is zero.
long double difference(long double x, long double y) {
  return std::abs(x - y) <= 4e-16L * std::max(std::abs(x), std::abs(y)) ? 0 : x - y;
}

enum class End { kHeld, kFree };
enum class Wave { kSine, kCosine, kBoth };

/// Vector j has entry i = wave(2 pi frequency(j) position(i) / length) * norm(j).
struct Waves {
  Wave wave = Wave::kSine;
  std::int64_t sites = 0, length = 0;
  std::int64_t first_position = 0, position_step = 1;  // position(i) = first + i step
  std::int64_t first_frequency = 0, frequency_step = 1;
  bool mirrored = false;  // the sites are counted from the other end
  long double norm = 0, norm_of_first = 0;

  std::int64_t position(std::int64_t i) const {
    return first_position + (mirrored ? sites - 1 - i : i) * position_step;
  }
  std::int64_t frequency(std::int64_t j) const { return first_frequency + j * frequency_step; }
};

Waves waves_of(std::int64_t n, bool ring, End left, End right) {
  Waves w;
  w.sites = n;
  const auto root = [](long double x) { return std::sqrt(x); };
  const auto count = static_cast<long double>(n);
  if (ring) {
    w.wave = Wave::kBoth;
    w.length = n;
    w.norm = w.norm_of_first = root(1 / count);
  } else if (left == End::kHeld && right == End::kHeld) {
    w.length = 2 * (n + 1);
    w.first_position = w.first_frequency = 1;
    w.norm = w.norm_of_first = root(2 / (count + 1));
  } else if (left == End::kFree && right == End::kFree) {
    w.wave = Wave::kCosine;
    w.length = 4 * n;
    w.first_position = 1;
    w.position_step = 2;
    w.norm = root(2 / count);
    w.norm_of_first = root(1 / count);
  } else {
    w.length = 2 * (2 * n + 1);
    w.first_position = w.first_frequency = 1;
    w.frequency_step = 2;
    w.mirrored = left == End::kFree;
    w.norm = w.norm_of_first = root(4 / (2 * count + 1));
  }
  return w;
}

/// What K is for one component of a site.
struct Chain {
  bool ring = false;
  End left = End::kHeld, right = End::kHeld;
  std::vector<std::pair<std::int64_t, double>> springs;  // distance and entry, off the diagonal
  long double rest = 0;  // what the diagonal has besides minus the sum of the entries beside it
};

/// The entries of row i of component c of K, by distance.
std::optional<Chain> chain_of(const SparseMatrix& k, std::int64_t d, std::int64_t c) {
  const std::int64_t n = k.rows / d;
  if (n < 4) return {};
  const auto entry = [&](std::int64_t i, std::int64_t j) { return k.at(i * d + c, j * d + c); };
  for (std::int64_t i = 0; i < n; ++i) {
    for (std::int64_t e = k.start[at(i * d + c)]; e < k.start[at(i * d + c) + 1]; ++e) {
      if (k.column[at(e)] % d != c) return {};
    }
  }
  Chain chain;
  const double diagonal = entry(1, 1);
  chain.ring = entry(0, n - 1) != 0;
  const std::int64_t middle = chain.ring ? 0 : 1;
  for (std::int64_t e = k.start[at(middle * d + c)]; e < k.start[at(middle * d + c) + 1]; ++e) {
    const std::int64_t distance = (k.column[at(e)] / d - middle + n) % n;
    if (distance != 0) chain.springs.push_back({distance, k.value[at(e)]});
  }
  long double beside = 0;
  for (const auto& [distance, value] : chain.springs) {
    if (!chain.ring && distance != 1 && distance != n - 1) return {};
    if (!same(entry(middle, (middle + n - distance) % n), value)) return {};  // symmetric
    beside += value;
  }
  if (!chain.ring && chain.springs.size() != 2) return {};
  const auto per_row = static_cast<std::int64_t>(chain.springs.size()) + 1;
  for (std::int64_t i = 0; i < n; ++i) {
    const bool end = !chain.ring && (i == 0 || i == n - 1);
    std::int64_t zeros = diagonal == 0 ? 1 : 0;
    const std::int64_t entries = k.start[at(i * d + c) + 1] - k.start[at(i * d + c)];
    if (!end && entries != per_row - zeros) return {};
    if (end && entries > 2) return {};
    if (!end && !same(entry(i, i), diagonal)) return {};
    for (const auto& [distance, value] : chain.springs) {
      const std::int64_t j = (i + distance) % n;
      const bool past =
          !chain.ring && ((i == 0 && distance == n - 1) || (i == n - 1 && distance == 1));
      if (!past && !same(entry(i, j), value)) return {};
    }
  }
  if (!chain.ring) {
    const double spring = -chain.springs[0].second;
    const auto end_of = [&](double corner) -> std::optional<End> {
      const double scale = std::abs(diagonal) + std::abs(spring);
      if (std::abs(corner - diagonal) <= 4e-16 * scale) return End::kHeld;
      if (std::abs(corner - (diagonal - spring)) <= 4e-16 * scale) return End::kFree;
      return {};
    };
    const auto left = end_of(entry(0, 0)), right = end_of(entry(n - 1, n - 1));
    if (!left || !right) return {};
    chain.left = *left;
    chain.right = *right;
  }
  chain.rest = difference(diagonal, -beside);
  return chain;
}

/// Eigenvalue j of K: rest - sum of entries (1 - cos), without cancellation.
long double eigenvalue(const Chain& chain, const Waves& w, std::int64_t j) {
  long double sum = chain.rest;
  for (const auto& [distance, value] : chain.springs) {
    // The phase from a site to the one at this distance, modulo a turn.
    const std::int64_t reach = chain.ring ? distance : 1;
    const std::int64_t turns = w.frequency(j) % w.length * (reach * w.position_step) % w.length;
    const long double s =
        std::sin(kPi * static_cast<long double>(turns) / static_cast<long double>(w.length));
    sum -= 2 * static_cast<long double>(value) * s * s;
  }
  return sum;
}

/// The transforms of one length.
class Transform {
 public:
  explicit Transform(const Waves& waves) : w_(waves) {
    if (w_.sites <= kTable) {
      for (std::int64_t k = 0; k < w_.length; ++k) {
        const long double a =
            2 * kPi * static_cast<long double>(k) / static_cast<long double>(w_.length);
        table_.push_back(static_cast<double>(w_.wave == Wave::kSine ? std::sin(a)
                                             : w_.wave == Wave::kCosine
                                                 ? std::cos(a)
                                                 : std::cos(a) + std::sin(a)));
      }
      return;
    }
    fft_ = std::make_unique<AnyFft>(w_.length);
  }

  /// y_j = norm_j sum_i wave(i, j) x_i
  void forward(const double* x, double* y, std::int64_t stride) const { run(x, y, stride, true); }
  /// x_i = sum_j wave(i, j) norm_j y_j
  void backward(const double* y, double* x, std::int64_t stride) const { run(y, x, stride, false); }

 private:
  double norm(std::int64_t j) const {
    return static_cast<double>(j == 0 ? w_.norm_of_first : w_.norm);
  }

  void run(const double* in, double* out, std::int64_t stride, bool forward) const {
    const std::int64_t n = w_.sites;
    const auto from = [&](std::int64_t k) { return forward ? w_.position(k) : w_.frequency(k); };
    const auto to = [&](std::int64_t k) { return forward ? w_.frequency(k) : w_.position(k); };
    std::vector<double> x(at(n)), y(at(n));
    for (std::int64_t k = 0; k < n; ++k) x[at(k)] = in[k * stride] * (forward ? 1 : norm(k));
    if (fft_)
      by_fft(x, y, from, to);
    else
      by_table(x, y, from, to);
    for (std::int64_t k = 0; k < n; ++k) out[k * stride] = y[at(k)] * (forward ? norm(k) : 1);
  }

  template <class From, class To>
  void by_table(const std::vector<double>& x, std::vector<double>& y, const From& from,
                const To& to) const {
    const std::int64_t n = w_.sites, length = w_.length;
    for (std::int64_t j = 0; j < n; ++j) {
      // Positions are equally far apart: the place in the table goes on by the same, modulo a turn.
      std::int64_t place = to(j) * from(0) % length;
      const std::int64_t step = ((to(j) * (from(1) - from(0))) % length + length) % length;
      double sums[4] = {0, 0, 0, 0};
      for (std::int64_t i = 0; i < n; ++i) {
        sums[i & 3] += x[at(i)] * table_[at(place)];
        place += step;
        place -= place >= length ? length : 0;
      }
      y[at(j)] = (sums[0] + sums[1]) + (sums[2] + sums[3]);
    }
  }

  template <class From, class To>
  void by_fft(const std::vector<double>& x, std::vector<double>& y, const From& from,
              const To& to) const {
    const std::int64_t length = w_.length;
    std::vector<double> padded(at(length), 0.0);
    for (std::int64_t i = 0; i < w_.sites; ++i) padded[at(from(i) % length)] = x[at(i)];
    const std::vector<std::complex<double>> spectrum = (*fft_)(padded);
    for (std::int64_t j = 0; j < w_.sites; ++j) {
      const std::complex<double> value = spectrum[at(to(j) % length)];
      const double cosine = value.real(), sine = -value.imag();  // the transform has e^-i
      y[at(j)] = w_.wave == Wave::kSine ? sine : w_.wave == Wave::kCosine ? cosine : cosine + sine;
    }
  }

  Waves w_;
  std::vector<double> table_;
  std::unique_ptr<AnyFft> fft_;
};

class SiteModes final : public Modes {
 public:
  SiteModes(const std::vector<Chain>& chains, std::vector<double> inverse_masses, std::int64_t n)
      : components_(static_cast<std::int64_t>(chains.size())) {
    for (const double w : inverse_masses) root_.push_back(std::sqrt(w));
    const Chain& c = chains[0];
    const Waves waves = waves_of(n, c.ring, c.left, c.right);
    transform_ = std::make_unique<Transform>(waves);
    lambda_.resize(at(n * components_));
    for (std::int64_t j = 0; j < n; ++j) {
      for (std::int64_t k = 0; k < components_; ++k) {
        lambda_[at(j * components_ + k)] =
            static_cast<long double>(inverse_masses[at(k)]) * eigenvalue(chains[at(k)], waves, j);
      }
    }
    kind_ = std::string(waves.wave == Wave::kSine     ? "sine"
                        : waves.wave == Wave::kCosine ? "cosine"
                                                      : "periodic") +
            " modes of " + std::to_string(n) + " sites";
  }

  void to_xi(const double* q, double* xi) const override { change(q, xi, true, true); }
  void to_eta(const double* p, double* eta) const override { change(p, eta, true, false); }
  void to_q(const double* xi, double* q) const override { change(xi, q, false, false); }
  void to_p(const double* eta, double* p) const override { change(eta, p, false, true); }

 private:
  void change(const double* in, double* out, bool forward, bool divide) const {
    for (std::int64_t c = 0; c < components_; ++c) {
      if (forward)
        transform_->forward(in + c, out + c, components_);
      else
        transform_->backward(in + c, out + c, components_);
      const double root = root_[at(c)];
      for (std::int64_t k = c; k < count(); k += components_) {
        out[k] = divide ? out[k] / root : out[k] * root;
      }
    }
  }

  std::int64_t components_;
  std::vector<double> root_;  // of the inverse mass, one a component
  std::unique_ptr<Transform> transform_;
};

}  // namespace

std::shared_ptr<const Modes> site_modes(const LinearSystem& system) {
  const SparseMatrix &w = system.inverse_mass, &k = system.stiffness;
  const std::int64_t d = system.shape.rank() > 1 ? system.shape.size() / system.shape[0] : 1;
  const std::int64_t n = w.rows / d;
  if (!w.is_diagonal() || w.entries() != w.rows) return nullptr;
  std::vector<Chain> chains;
  std::vector<double> inverse_masses;
  for (std::int64_t c = 0; c < d; ++c) {
    inverse_masses.push_back(w.value[at(c)]);
    if (!(inverse_masses[at(c)] > 0)) return nullptr;
    for (std::int64_t i = 0; i < n; ++i) {
      if (!same(w.value[at(i * d + c)], inverse_masses[at(c)])) return nullptr;
    }
    const auto chain = chain_of(k, d, c);
    if (!chain) return nullptr;
    const bool like_first =
        chains.empty() || (chain->ring == chains[0].ring && chain->left == chains[0].left &&
                           chain->right == chains[0].right);
    if (!like_first) return nullptr;
    chains.push_back(*chain);
  }
  return std::make_shared<SiteModes>(chains, inverse_masses, n);
}

}  // namespace cotangent::mechanics
