#include "cotangent/mechanics/linear_drive.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "cotangent/ir/evaluator.h"
#include "cotangent/ir/moves.h"
#include "cotangent/mechanics/abstract.h"

namespace cotangent::mechanics {
namespace {

using ir::Tensor;

constexpr int kPowers = 4;  // t^0 .. t^3
constexpr std::size_t kLimit = 64;

struct Rates {
  std::vector<long double> turns, decays;  // of sin and cos; of exp
};

bool is_new(const std::vector<long double>& all, long double x) {
  return std::none_of(all.begin(), all.end(), [x](long double y) {
    return std::abs(x - y) <= 1e-15L * std::max(std::abs(x), std::abs(y));
  });
}

std::vector<long double> values_at(const ir::Function& b, std::vector<Tensor>& arguments,
                                   std::size_t time, long double t,
                                   const ir::EvaluateOptions& options) {
  arguments[time] = Tensor::scalar_of<double>(0).to_extended();
  arguments[time].set_real(0, t);
  const Tensor y = ir::evaluate(b, arguments, options)[0];
  std::vector<long double> values;
  for (std::int64_t k = 0; k < y.size(); ++k) values.push_back(y.real(k));
  return values;
}

/// What a value is as a function of time, by structure.
enum class InTime {
  kFixed,
  kLine,  ///< a + b t
  kSum,   ///< made of lines, and of sines, cosines and exponentials of lines, by sums and products
  kOther,
};

/// Whether a program is a sum of powers, exponentials and cosines of the time: a proof, since what
/// a fit at some times cannot see (a step that comes later) is not made of these.
struct TimeDomain {
  using Value = InTime;
  Value index() { return InTime::kFixed; }
  Value join(Value a, Value b) { return std::max(a, b); }
  Value widen(Value) { return InTime::kOther; }
  Value chosen(Value a, Value by) { return by == InTime::kFixed ? a : InTime::kOther; }

  static Value product(Value a, Value b) {
    if (a == InTime::kOther || b == InTime::kOther) return InTime::kOther;
    if (a == InTime::kFixed) return b;
    return b == InTime::kFixed ? a : InTime::kSum;
  }
  static Value of_line(Value a) {
    return a == InTime::kFixed ? a : a == InTime::kLine ? InTime::kSum : InTime::kOther;
  }
  static bool is_power(const ir::Function& f, ir::Value exponent) {
    while (f.op(exponent) == ir::Op::kBroadcast || f.op(exponent) == ir::Op::kReshape) {
      exponent = f.operand(exponent, 0);
    }
    if (f.op(exponent) != ir::Op::kConstant) return false;
    const Tensor& value = *f.attr_as<ir::LiteralAttr>(exponent).value;
    for (std::int64_t k = 0; k < value.size(); ++k) {
      if (value.real(k) < 0 || value.real(k) != std::floor(value.real(k))) return false;
    }
    return true;
  }

  Value apply(const ir::Function& f, ir::Value v, const std::vector<Value>& x) {
    using ir::Op;
    if (std::ranges::all_of(x, [](Value o) { return o == InTime::kFixed; })) return InTime::kFixed;
    if (ir::rearranges(f.op(v))) return x[0];
    switch (f.op(v)) {
      case Op::kNeg:
      case Op::kReduceSum:
      case Op::kCumSum: return x[0];
      case Op::kAdd:
      case Op::kSub:
      case Op::kPad:
      case Op::kConcatenate: return *std::ranges::max_element(x);
      case Op::kMul:
      case Op::kDotGeneral: return product(x[0], x[1]);
      case Op::kFma: return join(product(x[0], x[1]), x[2]);
      case Op::kDiv: return x[1] == InTime::kFixed ? x[0] : InTime::kOther;
      case Op::kSin:
      case Op::kCos:
      case Op::kExp: return of_line(x[0]);
      case Op::kPow:
        return x[1] == InTime::kFixed && x[0] != InTime::kOther && is_power(f, f.operand(v, 1))
                   ? InTime::kSum
                   : InTime::kOther;
      case Op::kSelect: return x[0] == InTime::kFixed ? join(x[1], x[2]) : InTime::kOther;
      case Op::kGather: return x[1] == InTime::kFixed ? x[0] : InTime::kOther;
      default: return InTime::kOther;
    }
  }
};

bool is_sum_of_drives(const ir::Function& b, std::size_t time) {
  std::vector<InTime> arguments(b.params().size(), InTime::kFixed);
  arguments[time] = InTime::kLine;
  TimeDomain domain;
  return Interpreter<TimeDomain>(domain).run(b, arguments)[0] != InTime::kOther;
}

/// The slopes in t of the operands of sin, cos and exp, where these are straight lines.
Rates watch(const ir::Function& b, std::vector<Tensor>& arguments, std::size_t time) {
  // What sin, cos and exp were given, in the order in which they were reached, at t = 0, 1, 2:
  // their operands are values of the same function, reported before, or parameters of it, which are
  // the time or values of another function.
  enum class Of { kTurn, kDecay, kAny };
  std::vector<std::pair<Of, long double>> seen[3];
  bool passed_on = false;
  for (int k = 0; k < 3; ++k) {
    std::map<std::pair<const ir::Function*, std::uint32_t>, Tensor> values;
    ir::EvaluateOptions options;
    options.extended = true;
    options.observe = [&](const ir::Function& f, ir::Value v, const Tensor& x) {
      values[{&f, v.id}] = x;
      if (x.size() > 0 && is_float(x.type().dtype)) seen[k].push_back({Of::kAny, x.real(0)});
      const ir::Op op = f.op(v);
      if (op != ir::Op::kSin && op != ir::Op::kCos && op != ir::Op::kExp) return;
      const auto angle = values.find({&f, f.operand(v, 0).id});
      if (angle == values.end()) {
        passed_on = true;
        return;
      }
      const Of of = op == ir::Op::kExp ? Of::kDecay : Of::kTurn;
      for (std::int64_t e = 0; e < angle->second.size(); ++e) {
        seen[k].push_back({of, angle->second.real(e)});
      }
    };
    values_at(b, arguments, time, k, options);
    if (passed_on) seen[k].push_back({Of::kAny, k});  // the time itself
  }
  Rates rates;
  if (seen[0].size() != seen[1].size() || seen[0].size() != seen[2].size()) return rates;
  const auto add = [](std::vector<long double>& to, long double rate) {
    if (is_new(to, rate) && to.size() < kLimit) to.push_back(rate);
  };
  for (const bool known : {true, false}) {  // those that are surely angles have the first places
    if (!known && !passed_on) break;
    for (std::size_t k = 0; k < seen[0].size(); ++k) {
      const Of of = seen[0][k].first;
      if ((of != Of::kAny) != known) continue;
      const long double x = seen[0][k].second, y = seen[1][k].second, z = seen[2][k].second;
      const long double slope = (z - x) / 2;
      if (slope == 0 || !std::isfinite(slope)) continue;
      if (std::abs(z - 2 * y + x) > 1e-15L * (std::abs(x) + std::abs(y) + std::abs(z))) continue;
      if (of != Of::kDecay) add(rates.turns, std::abs(slope));
      if (of == Of::kDecay) add(rates.decays, slope);
    }
  }
  return rates;
}

/// Rates of products of two are among the candidates.
Rates with_products(const Rates& rates) {
  Rates all = rates;
  for (std::size_t i = 0; i < rates.turns.size(); ++i) {
    for (std::size_t j = 0; j <= i; ++j) {
      for (const long double w :
           {rates.turns[i] + rates.turns[j], std::abs(rates.turns[i] - rates.turns[j])}) {
        if (w > 0 && is_new(all.turns, w) && all.turns.size() < kLimit) all.turns.push_back(w);
      }
    }
  }
  return all;
}

std::vector<Drive> functions_of(const Rates& rates, int powers) {
  std::vector<long double> decays = {0};
  decays.insert(decays.end(), rates.decays.begin(), rates.decays.end());
  std::vector<Drive> all;
  for (const long double decay : decays) {
    const int most = decay == 0 ? powers : 1;
    for (int power = 0; power < most; ++power) all.push_back({power, decay, 0, false, {}});
    for (const long double w : rates.turns) {
      all.push_back({0, decay, w, false, {}});
      all.push_back({0, decay, w, true, {}});
    }
  }
  return all;
}

/// Least squares by orthogonal columns (modified Gram and Schmidt), for many right-hand sides.
std::vector<std::vector<long double>> fitted(std::vector<std::vector<long double>> columns,
                                             std::vector<std::vector<long double>> b) {
  const std::size_t m = columns.size();
  std::vector<std::vector<long double>> r(m, std::vector<long double>(m, 0));
  std::vector<std::vector<long double>> x(b.size(), std::vector<long double>(m, 0));
  const auto dot = [](const std::vector<long double>& u, const std::vector<long double>& v) {
    long double s = 0;
    for (std::size_t k = 0; k < u.size(); ++k) s += u[k] * v[k];
    return s;
  };
  for (std::size_t j = 0; j < m; ++j) {
    r[j][j] = std::sqrt(dot(columns[j], columns[j]));
    for (long double& c : columns[j]) c /= r[j][j];
    const auto take_off = [&](std::vector<long double>& v) {
      const long double s = dot(columns[j], v);
      for (std::size_t k = 0; k < v.size(); ++k) v[k] -= s * columns[j][k];
      return s;
    };
    for (std::size_t k = j + 1; k < m; ++k) r[j][k] = take_off(columns[k]);
    for (std::size_t k = 0; k < b.size(); ++k) x[k][j] = take_off(b[k]);
  }
  for (std::vector<long double>& y : x) {
    for (std::size_t j = m; j-- > 0;) {
      for (std::size_t k = j + 1; k < m; ++k) y[j] -= r[j][k] * y[k];
      y[j] /= r[j][j];
    }
  }
  return x;
}

}  // namespace

long double Drive::factor(long double t) const {
  const long double power_of_t = power == 0 ? 1 : std::pow(t, static_cast<long double>(power));
  return power_of_t * std::exp(decay * t) * (w == 0 ? 1 : sine ? std::sin(w * t) : std::cos(w * t));
}

std::vector<Drive> find_drives(const ir::Function& b, std::vector<Tensor> arguments,
                               std::size_t time) {
  const auto refuse = [] {
    throw UserError(
        {"the part of the equations that reads the time is not a sum of powers of t, "
         "exponentials and cosines",
         "", "an exact flow needs to know its integral", "run it by steps"});
  };
  if (!is_sum_of_drives(b, time)) refuse();
  ir::EvaluateOptions options;
  options.extended = true;
  const Rates plain = watch(b, arguments, time);
  // Times spread over a few turns of the slowest and without a common measure.
  long double slowest = 1;
  for (const long double w : plain.turns) slowest = std::min(slowest, w);
  for (const bool products : {false, true}) {
    const Rates rates = products ? with_products(plain) : plain;
    std::vector<Drive> drives = functions_of(rates, kPowers);
    const std::size_t times = 2 * drives.size() + 6;
    const auto time_of = [&](std::size_t k, long double shift) {
      return std::fmod(0.6180339887498948482L * static_cast<long double>(k + 1) + shift, 1.0L) *
                 12 / slowest -
             6 / slowest;
    };
    std::vector<std::vector<long double>> columns(drives.size()), right;
    for (std::size_t k = 0; k < times; ++k) {
      const long double t = time_of(k, 0);
      for (std::size_t j = 0; j < drives.size(); ++j) columns[j].push_back(drives[j].factor(t));
      const auto y = values_at(b, arguments, time, t, options);
      right.resize(y.size());
      for (std::size_t i = 0; i < y.size(); ++i) right[i].push_back(y[i]);
    }
    const auto amplitudes = fitted(columns, right);
    bool good = true;
    for (std::size_t k = 0; k < times && good; ++k) {
      const long double t = time_of(k, 0.31L);
      const auto y = values_at(b, arguments, time, t, options);
      for (std::size_t i = 0; i < y.size(); ++i) {
        long double sum = 0, size = 0;
        for (std::size_t j = 0; j < drives.size(); ++j) {
          sum += amplitudes[i][j] * drives[j].factor(t);
          size += std::abs(amplitudes[i][j] * drives[j].factor(t));
        }
        good &= std::abs(y[i] - sum) <= 1e-12L * (size + std::abs(y[i]));
      }
    }
    if (!good) continue;
    long double largest = 0;
    for (const auto& row : amplitudes) {
      for (const long double x : row) largest = std::max(largest, std::abs(x));
    }
    std::vector<Drive> kept;
    for (std::size_t j = 0; j < drives.size(); ++j) {
      Drive d = drives[j];
      bool any = false;
      for (const auto& row : amplitudes) {
        const bool counts = std::abs(row[j]) > 1e-14L * largest;
        d.amplitude.push_back(counts ? static_cast<double>(row[j]) : 0.0);
        any |= counts;
      }
      if (any) kept.push_back(std::move(d));
    }
    return kept;
  }
  refuse();
  return {};
}

}  // namespace cotangent::mechanics
