// Physical quantities as C++ types: what may not be added, or passed for one another, does not
// compile.
//
//   using namespace cotangent::quantities;
//   using namespace cotangent::quantities::literals;
//   const Displacement r{1.0_m, 0.0_m, 0.0_m};
//   const Force f{0.0_N, 2.0_lbf, 0.0_N};
//   const Torque torque = cross(r, f);
//   const Energy work = dot(f, r);            // Energy e = norm(torque) does not compile
//   const double feet = norm(r) / units::ft;
//
// A type carries the powers of length, mass, time and angle; the value is in SI, one double a
// number, nothing else. The power of angle tells torque (energy/angle) from energy and angular
// momentum from action. The rule that keeps it right: a cross product divides by a radian. So
// cross(r, f) is a torque, cross(w, r) a velocity, cross(w, L) a torque, torque*angle an energy,
// inertia*w an angular momentum.
//
// A Position is a point: two have a difference, a Displacement, but no sum. Everything is
// constexpr where <cmath> is not needed. At the boundary, Scale turns quantities into the numbers
// of a system: SI, or the units of its file.
#pragma once

#include <array>
#include <cmath>
#include <compare>
#include <cstddef>
#include <numbers>
#include <span>
#include <type_traits>
#include <vector>

#include "cotangent/base/error.h"
#include "cotangent/mechanics/system.h"

namespace cotangent::quantities {

template <int L, int M, int T, int A>
class Quantity;

template <int L, int M, int T, int A, int N>
class Vector;
template <int N>
class Point;

namespace detail {
template <int L, int M, int T, int A>
struct ScalarOf {
  using type = Quantity<L, M, T, A>;
};
template <>
struct ScalarOf<0, 0, 0, 0> {
  using type = double;
};
}  // namespace detail

namespace detail {
template <class...>
inline constexpr bool kNever = false;
template <class X>
inline constexpr bool kIsQuantity = false;
template <int L, int M, int T, int A>
inline constexpr bool kIsQuantity<Quantity<L, M, T, A>> = true;
template <int L, int M, int T, int A, int N>
inline constexpr bool kIsQuantity<Vector<L, M, T, A, N>> = true;
template <class X>
inline constexpr bool kIsPoint = false;
template <int N>
inline constexpr bool kIsPoint<Point<N>> = true;
template <class X>
inline constexpr bool kIsDisplacement = false;
template <int N>
inline constexpr bool kIsDisplacement<Vector<1, 0, 0, 0, N>> = true;
template <class X, class Y>
inline constexpr bool kUnlike =
    !std::is_same_v<X, Y> && (kIsQuantity<X> || std::is_arithmetic_v<X>) &&
    (kIsQuantity<Y> || std::is_arithmetic_v<Y>) && (kIsQuantity<X> || kIsQuantity<Y>);
template <class X, class Y>
inline constexpr bool kPointAndOther = (kIsPoint<X> && kIsQuantity<Y> && !kIsDisplacement<Y>) ||
                                       (kIsPoint<Y> && kIsQuantity<X> && !kIsDisplacement<X>);
/// A number, a quantity or a position that is no To.
template <class X, class To>
inline constexpr bool kOtherThan =
    !std::is_same_v<X, To> && (kIsQuantity<X> || kIsPoint<X> || std::is_arithmetic_v<X>);
}  // namespace detail

/// length^L mass^M time^T angle^A; a plain double when all are 0.
template <int L, int M, int T, int A = 0>
using Scalar = typename detail::ScalarOf<L, M, T, A>::type;

#define COTANGENT_OTHER_KIND \
  "a quantity of another kind is wanted here: the two are in the type above"

template <int L, int M, int T, int A>
class Quantity {
 public:
  constexpr Quantity() = default;
  /// Refuses all other kinds with a message. (std::is_convertible does not know.)
  template <class X>
    requires detail::kOtherThan<X, Quantity>
  constexpr Quantity(const X&) {
    static_assert(detail::kNever<X>, COTANGENT_OTHER_KIND);
  }
  /// From its value in SI.
  static constexpr Quantity from_si(double value) {
    Quantity x;
    x.si_ = value;
    return x;
  }
  constexpr double si() const { return si_; }

  constexpr Quantity operator-() const { return from_si(-si_); }
  friend constexpr Quantity operator+(Quantity a, Quantity b) { return from_si(a.si_ + b.si_); }
  friend constexpr Quantity operator-(Quantity a, Quantity b) { return from_si(a.si_ - b.si_); }
  friend constexpr Quantity operator*(double s, Quantity a) { return from_si(s * a.si_); }
  friend constexpr Quantity operator*(Quantity a, double s) { return from_si(a.si_ * s); }
  friend constexpr Quantity operator/(Quantity a, double s) { return from_si(a.si_ / s); }
  constexpr Quantity& operator+=(Quantity b) { return *this = *this + b; }
  constexpr Quantity& operator-=(Quantity b) { return *this = *this - b; }
  friend constexpr auto operator<=>(Quantity, Quantity) = default;

 private:
  double si_ = 0;
};

namespace detail {
/// A scalar of these powers from its SI value: double where all are 0.
template <int L, int M, int T, int A>
constexpr Scalar<L, M, T, A> scalar(double si) {
  if constexpr (L == 0 && M == 0 && T == 0 && A == 0) {
    return si;
  } else {
    return Quantity<L, M, T, A>::from_si(si);
  }
}
constexpr double si_of(double x) {
  return x;
}
template <int L, int M, int T, int A>
constexpr double si_of(Quantity<L, M, T, A> x) {
  return x.si();
}
}  // namespace detail

template <int L, int M, int T, int A, int L2, int M2, int T2, int A2>
constexpr auto operator*(Quantity<L, M, T, A> a, Quantity<L2, M2, T2, A2> b) {
  return detail::scalar<L + L2, M + M2, T + T2, A + A2>(a.si() * b.si());
}
template <int L, int M, int T, int A, int L2, int M2, int T2, int A2>
constexpr auto operator/(Quantity<L, M, T, A> a, Quantity<L2, M2, T2, A2> b) {
  return detail::scalar<L - L2, M - M2, T - T2, A - A2>(a.si() / b.si());
}
template <int L, int M, int T, int A>
constexpr auto operator/(double s, Quantity<L, M, T, A> a) {
  return detail::scalar<-L, -M, -T, -A>(s / a.si());
}

template <int L, int M, int T, int A>
auto sqrt(Quantity<L, M, T, A> a) {
  static_assert(L % 2 == 0 && M % 2 == 0 && T % 2 == 0 && A % 2 == 0,
                "the square root of this quantity has broken powers: take the root of a square");
  return detail::scalar<L / 2, M / 2, T / 2, A / 2>(std::sqrt(a.si()));
}
template <int L, int M, int T, int A>
constexpr Quantity<L, M, T, A> abs(Quantity<L, M, T, A> a) {
  return a.si() < 0 ? -a : a;
}

/// N quantities of one kind: a force, a velocity. Angle is that of the components.
template <int L, int M, int T, int A, int N>
class Vector {
 public:
  using Component = Scalar<L, M, T, A>;
  static constexpr int kSize = N;

  constexpr Vector() = default;
  /// Refuses all other kinds with a message. (std::is_convertible does not know.)
  template <class X>
    requires(detail::kOtherThan<X, Vector> && !(N == 1 && std::is_same_v<X, Component>))
  constexpr Vector(const X&) {
    static_assert(detail::kNever<X>, COTANGENT_OTHER_KIND);
  }
  template <class... C>
    requires(sizeof...(C) == N && (std::is_same_v<C, Component> && ...))
  constexpr Vector(C... components) : si_{detail::si_of(components)...} {}
  static constexpr Vector from_si(const std::array<double, N>& values) {
    Vector v;
    v.si_ = values;
    return v;
  }
  constexpr const std::array<double, N>& si() const { return si_; }
  constexpr Component operator[](std::size_t k) const { return detail::scalar<L, M, T, A>(si_[k]); }

  constexpr Vector operator-() const { return -1.0 * *this; }
  friend constexpr Vector operator+(Vector a, const Vector& b) {
    for (std::size_t k = 0; k < N; ++k) a.si_[k] += b.si_[k];
    return a;
  }
  friend constexpr Vector operator-(Vector a, const Vector& b) {
    for (std::size_t k = 0; k < N; ++k) a.si_[k] -= b.si_[k];
    return a;
  }
  constexpr Vector& operator+=(const Vector& b) { return *this = *this + b; }
  constexpr Vector& operator-=(const Vector& b) { return *this = *this - b; }
  friend constexpr Vector operator*(double s, Vector a) {
    for (double& x : a.si_) x *= s;
    return a;
  }
  friend constexpr Vector operator*(const Vector& a, double s) { return s * a; }
  friend constexpr Vector operator/(Vector a, double s) {
    for (double& x : a.si_) x /= s;
    return a;
  }
  friend constexpr bool operator==(const Vector&, const Vector&) = default;

 private:
  std::array<double, N> si_{};
};

template <int L, int M, int T, int A, int L2, int M2, int T2, int A2, int N>
constexpr auto operator*(Quantity<L, M, T, A> s, const Vector<L2, M2, T2, A2, N>& v) {
  return Vector<L + L2, M + M2, T + T2, A + A2, N>::from_si((s.si() * v).si());
}
template <int L, int M, int T, int A, int L2, int M2, int T2, int A2, int N>
constexpr auto operator*(const Vector<L2, M2, T2, A2, N>& v, Quantity<L, M, T, A> s) {
  return s * v;
}
template <int L, int M, int T, int A, int L2, int M2, int T2, int A2, int N>
constexpr auto operator/(const Vector<L2, M2, T2, A2, N>& v, Quantity<L, M, T, A> s) {
  return Vector<L2 - L, M2 - M, T2 - T, A2 - A, N>::from_si((v / s.si()).si());
}

template <int L, int M, int T, int A, int L2, int M2, int T2, int A2, int N>
constexpr auto dot(const Vector<L, M, T, A, N>& a, const Vector<L2, M2, T2, A2, N>& b) {
  double sum = 0;
  for (std::size_t k = 0; k < N; ++k) sum += a.si()[k] * b.si()[k];
  return detail::scalar<L + L2, M + M2, T + T2, A + A2>(sum);
}
template <int L, int M, int T, int A, int N>
auto norm(const Vector<L, M, T, A, N>& a) {
  double sum = 0;
  for (double x : a.si()) sum += x * x;
  return detail::scalar<L, M, T, A>(std::sqrt(sum));
}
/// A cross product divides by a radian. In the plane it is a scalar.
template <int L, int M, int T, int A, int L2, int M2, int T2, int A2>
constexpr auto cross(const Vector<L, M, T, A, 3>& a, const Vector<L2, M2, T2, A2, 3>& b) {
  const auto& x = a.si();
  const auto& y = b.si();
  return Vector<L + L2, M + M2, T + T2, A + A2 - 1, 3>::from_si(
      {x[1] * y[2] - x[2] * y[1], x[2] * y[0] - x[0] * y[2], x[0] * y[1] - x[1] * y[0]});
}
template <int L, int M, int T, int A, int L2, int M2, int T2, int A2>
constexpr auto cross(const Vector<L, M, T, A, 2>& a, const Vector<L2, M2, T2, A2, 2>& b) {
  return detail::scalar<L + L2, M + M2, T + T2, A + A2 - 1>(a.si()[0] * b.si()[1] -
                                                            a.si()[1] * b.si()[0]);
}

/// A place in space, in metres from the origin.
template <int N>
class Point {
 public:
  static constexpr int kSize = N;
  using Difference = Vector<1, 0, 0, 0, N>;

  constexpr Point() = default;
  /// Refuses all other kinds with a message. (std::is_convertible does not know.)
  template <class X>
    requires(detail::kOtherThan<X, Point> && !(N == 1 && std::is_same_v<X, Quantity<1, 0, 0, 0>>))
  constexpr Point(const X&) {
    static_assert(detail::kNever<X>, COTANGENT_OTHER_KIND);
  }
  template <class... C>
    requires(sizeof...(C) == N && (std::is_same_v<C, Quantity<1, 0, 0, 0>> && ...))
  constexpr Point(C... coordinates) : from_origin_(coordinates...) {}
  static constexpr Point from_si(const std::array<double, N>& values) {
    return Point() + Difference::from_si(values);
  }
  constexpr const std::array<double, N>& si() const { return from_origin_.si(); }
  constexpr Quantity<1, 0, 0, 0> operator[](std::size_t k) const { return from_origin_[k]; }
  /// The displacement from the origin: what a moment about the origin is taken with.
  constexpr Difference from_origin() const { return from_origin_; }

  friend constexpr Difference operator-(const Point& a, const Point& b) {
    return a.from_origin_ - b.from_origin_;
  }
  friend constexpr Point operator+(Point a, const Difference& d) {
    a.from_origin_ += d;
    return a;
  }
  constexpr Point& operator+=(const Difference& d) { return *this = *this + d; }
  constexpr Point& operator-=(const Difference& d) { return *this = *this - d; }
  friend constexpr Point operator+(const Difference& d, const Point& a) { return a + d; }
  friend constexpr Point operator-(Point a, const Difference& d) {
    a.from_origin_ -= d;
    return a;
  }
  friend constexpr bool operator==(const Point&, const Point&) = default;

 private:
  Difference from_origin_;
};

#undef COTANGENT_OTHER_KIND

// --- what must not be: overloads that say so

template <class X, class Y>
  requires detail::kUnlike<X, Y>
constexpr X operator+(const X& a, const Y&) {
  static_assert(detail::kNever<X, Y>,
                "quantities of different kinds cannot be added: the two are in the type above");
  return a;
}
template <class X, class Y>
  requires detail::kUnlike<X, Y>
constexpr X operator-(const X& a, const Y&) {
  static_assert(
      detail::kNever<X, Y>,
      "quantities of different kinds cannot be subtracted: the two are in the type above");
  return a;
}
template <class X, class Y>
  requires detail::kUnlike<X, Y>
constexpr bool operator<(const X&, const Y&) {
  static_assert(detail::kNever<X, Y>,
                "quantities of different kinds cannot be compared: the two are in the type above");
  return false;
}
template <int N>
constexpr Point<N> operator+(const Point<N>& a, const Point<N>&) {
  static_assert(detail::kNever<Point<N>>,
                "two positions cannot be added: add a Displacement, or take a.from_origin()");
  return a;
}
template <class X, class Y>
  requires detail::kPointAndOther<X, Y>
constexpr X operator+(const X& a, const Y&) {
  static_assert(detail::kNever<X, Y>, "only a Displacement can be added to a position");
  return a;
}
template <class X, class Y>
  requires detail::kPointAndOther<X, Y>
constexpr X operator-(const X& a, const Y&) {
  static_assert(detail::kNever<X, Y>, "only a Displacement can be subtracted from a position");
  return a;
}

// --- names

using Length = Quantity<1, 0, 0, 0>;
using Mass = Quantity<0, 1, 0, 0>;
using Time = Quantity<0, 0, 1, 0>;
using Angle = Quantity<0, 0, 0, 1>;
using Area = Quantity<2, 0, 0, 0>;
using Volume = Quantity<3, 0, 0, 0>;
using Speed = Quantity<1, 0, -1, 0>;
using Frequency = Quantity<0, 0, -1, 0>;
using Energy = Quantity<2, 1, -2, 0>;
using Power = Quantity<2, 1, -3, 0>;
using Pressure = Quantity<-1, 1, -2, 0>;
using Action = Quantity<2, 1, -1, 0>;
using Stiffness = Quantity<0, 1, -2, 0>;          ///< of a spring: force/length
using TorsionStiffness = Quantity<2, 1, -2, -2>;  ///< torque/angle
using MomentOfInertia = Quantity<2, 1, 0, -2>;

/// In d dimensions.
template <int d>
using PositionIn = Point<d>;
template <int d>
using DisplacementIn = Vector<1, 0, 0, 0, d>;
template <int d>
using VelocityIn = Vector<1, 0, -1, 0, d>;
template <int d>
using AccelerationIn = Vector<1, 0, -2, 0, d>;
template <int d>
using MomentumIn = Vector<1, 1, -1, 0, d>;
template <int d>
using ForceIn = Vector<1, 1, -2, 0, d>;

using Position = PositionIn<3>;
using Displacement = DisplacementIn<3>;
using Velocity = VelocityIn<3>;
using Acceleration = AccelerationIn<3>;
using Momentum = MomentumIn<3>;
using Force = ForceIn<3>;
using Torque = Vector<2, 1, -2, -1, 3>;
using AngularMomentum = Vector<2, 1, -1, -1, 3>;
using AngularVelocity = Vector<0, 0, -1, 1, 3>;
using AngularAcceleration = Vector<0, 0, -2, 1, 3>;
using Direction = Vector<0, 0, 0, 0, 3>;

// In the plane, where what turns is one number.
using Torque2 = Quantity<2, 1, -2, -1>;
using AngularMomentum2 = Quantity<2, 1, -1, -1>;
using AngularVelocity2 = Quantity<0, 0, -1, 1>;

inline double sin(Angle a) {
  return std::sin(a.si());
}
inline double cos(Angle a) {
  return std::cos(a.si());
}
inline double tan(Angle a) {
  return std::tan(a.si());
}

/// Units; lang/units.h has their sources. `3.0 * units::ft`, `x / units::ft`.
namespace units {
inline constexpr Length m = Length::from_si(1), km = 1000 * m, cm = 0.01 * m, mm = 0.001 * m,
                        nm = 1e-9 * m, angstrom = 1e-10 * m, au = 149597870700.0 * m,
                        in = 0.0254 * m, ft = 0.3048 * m, mi = 1609.344 * m;
inline constexpr Mass kg = Mass::from_si(1), g = 0.001 * kg, t = 1000 * kg,
                      u = 1.66053906660e-27 * kg, lb = 0.45359237 * kg,
                      slug = 14.593902937206364 * kg, Msun = 1.988409870698051e30 * kg;
inline constexpr Time s = Time::from_si(1), ms = 0.001 * s, us = 1e-6 * s, ns = 1e-9 * s,
                      fs = 1e-15 * s, min = 60 * s, h = 3600 * s, day = 86400 * s,
                      yr = 365.25 * day;
inline constexpr Angle rad = Angle::from_si(1), deg = std::numbers::pi / 180 * rad,
                       rev = 2 * std::numbers::pi * rad;
inline constexpr Quantity<1, 1, -2, 0> N = kg * m / (s * s), lbf = 4.4482216152605 * N;
inline constexpr Energy J = N * m, kJ = 1000 * J, eV = 1.602176634e-19 * J, cal = 4.184 * J;
inline constexpr Power W = J / s;
inline constexpr Pressure Pa = N / (m * m), bar = 1e5 * Pa;
inline constexpr Frequency Hz = 1 / s;
}  // namespace units

namespace literals {
#define COTANGENT_UNIT_LITERAL(name)                       \
  constexpr auto operator""_##name(long double x) {        \
    return static_cast<double>(x) * units::name;           \
  }                                                        \
  constexpr auto operator""_##name(unsigned long long x) { \
    return static_cast<double>(x) * units::name;           \
  }
COTANGENT_UNIT_LITERAL(m)
COTANGENT_UNIT_LITERAL(km)
COTANGENT_UNIT_LITERAL(cm)
COTANGENT_UNIT_LITERAL(mm)
COTANGENT_UNIT_LITERAL(nm)
COTANGENT_UNIT_LITERAL(angstrom)
COTANGENT_UNIT_LITERAL(au)
COTANGENT_UNIT_LITERAL(in)
COTANGENT_UNIT_LITERAL(ft)
COTANGENT_UNIT_LITERAL(mi)
COTANGENT_UNIT_LITERAL(kg)
COTANGENT_UNIT_LITERAL(g)
COTANGENT_UNIT_LITERAL(t)
COTANGENT_UNIT_LITERAL(u)
COTANGENT_UNIT_LITERAL(lb)
COTANGENT_UNIT_LITERAL(slug)
COTANGENT_UNIT_LITERAL(Msun)
COTANGENT_UNIT_LITERAL(s)
COTANGENT_UNIT_LITERAL(ms)
COTANGENT_UNIT_LITERAL(us)
COTANGENT_UNIT_LITERAL(ns)
COTANGENT_UNIT_LITERAL(fs)
COTANGENT_UNIT_LITERAL(min)
COTANGENT_UNIT_LITERAL(h)
COTANGENT_UNIT_LITERAL(day)
COTANGENT_UNIT_LITERAL(yr)
COTANGENT_UNIT_LITERAL(rad)
COTANGENT_UNIT_LITERAL(deg)
COTANGENT_UNIT_LITERAL(rev)
COTANGENT_UNIT_LITERAL(N)
COTANGENT_UNIT_LITERAL(lbf)
COTANGENT_UNIT_LITERAL(J)
COTANGENT_UNIT_LITERAL(kJ)
COTANGENT_UNIT_LITERAL(eV)
COTANGENT_UNIT_LITERAL(cal)
COTANGENT_UNIT_LITERAL(W)
COTANGENT_UNIT_LITERAL(Pa)
COTANGENT_UNIT_LITERAL(bar)
COTANGENT_UNIT_LITERAL(Hz)
#undef COTANGENT_UNIT_LITERAL
}  // namespace literals

// --- the boundary

/// The units that a system's numbers are in: SI, or those of [units] in its file.
struct Scale {
  Length length = units::m;
  Mass mass = units::kg;
  Time time = units::s;

  /// One unit of these powers, in SI.
  double unit(int l, int m, int t) const {
    return std::pow(length.si(), l) * std::pow(mass.si(), m) * std::pow(time.si(), t);
  }
  /// The number that stands for a quantity: dt of a run, a parameter.
  template <int L, int M, int T, int A>
  double number(Quantity<L, M, T, A> x) const {
    return x.si() / unit(L, M, T);
  }
};

namespace detail {
template <class V>
struct PowersOf;
template <int L, int M, int T, int A, int N>
struct PowersOf<Vector<L, M, T, A, N>> {
  static double unit(const Scale& scale) { return scale.unit(L, M, T); }
};
template <int N>
struct PowersOf<Point<N>> {
  static double unit(const Scale& scale) { return scale.unit(1, 0, 0); }
};
}  // namespace detail

/// [N, d] f64: one row a particle. V is a vector or a position.
template <class V>
ir::Tensor to_tensor(std::span<const V> rows, const Scale& scale = {}) {
  constexpr std::size_t d = V::kSize;
  const double unit = detail::PowersOf<V>::unit(scale);
  ir::Tensor x(ir::Type{
      DType::kF64, Shape{static_cast<std::int64_t>(rows.size()), static_cast<std::int64_t>(d)}});
  for (std::size_t i = 0; i < rows.size(); ++i) {
    for (std::size_t k = 0; k < d; ++k) x.as<double>()[i * d + k] = rows[i].si()[k] / unit;
  }
  return x;
}

/// The rows of an f64 [N, d] as quantities: from_tensor<Position>(result.q). Throws UserError for
/// another shape.
template <class V>
std::vector<V> from_tensor(const ir::Tensor& x, const Scale& scale = {}) {
  constexpr std::size_t d = V::kSize;
  const Shape& shape = x.type().shape;
  if (x.type().dtype != DType::kF64 || shape.rank() != 2 ||
      shape[1] != static_cast<std::int64_t>(d)) {
    throw UserError("[from_tensor] the array is " + x.type().text() + ", wanted is f64 [N," +
                        std::to_string(d) + "]",
                    "read it as quantities of as many components as a row has numbers");
  }
  const double unit = detail::PowersOf<V>::unit(scale);
  std::vector<V> rows;
  for (std::size_t i = 0; i < static_cast<std::size_t>(shape[0]); ++i) {
    std::array<double, d> values;
    for (std::size_t k = 0; k < d; ++k) values[k] = x.as<double>()[i * d + k] * unit;
    rows.push_back(V::from_si(values));
  }
  return rows;
}

/// Where particles start, with their momenta or their velocities.
template <int d>
mechanics::InitialState initial_state(std::span<const PositionIn<d>> q,
                                      std::span<const MomentumIn<d>> p, const Scale& scale = {},
                                      Time t = {}) {
  mechanics::InitialState state;
  state.q = to_tensor(q, scale), state.p = to_tensor(p, scale), state.t = scale.number(t);
  return state;
}
template <int d>
mechanics::InitialState initial_state(std::span<const PositionIn<d>> q,
                                      std::span<const VelocityIn<d>> v, const Scale& scale = {},
                                      Time t = {}) {
  mechanics::InitialState state;
  state.q = to_tensor(q, scale), state.v = to_tensor(v, scale), state.t = scale.number(t);
  return state;
}
/// The same from vectors, whose types say the dimensions.
template <int d, int M, int T>
mechanics::InitialState initial_state(const std::vector<Point<d>>& q,
                                      const std::vector<Vector<1, M, T, 0, d>>& p,
                                      const Scale& scale = {}, Time t = {}) {
  static_assert(T == -1 && (M == 0 || M == 1),
                "a state is positions with momenta, or positions with velocities");
  return initial_state<d>(std::span<const Point<d>>(q), std::span<const Vector<1, M, T, 0, d>>(p),
                          scale, t);
}

}  // namespace cotangent::quantities
