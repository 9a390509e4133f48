// Quantities as types: the algebra, units, and the way into and out of a state. What must not
// compile is in misuse/.
#include "cotangent/mechanics/quantities.h"

#include <gtest/gtest.h>

#include "cotangent/cotangent.h"
#include "cotangent/lang/units.h"

namespace cotangent::quantities {
namespace {

using namespace literals;

static_assert(sizeof(Force) == 3 * sizeof(double) && sizeof(Mass) == sizeof(double));
static_assert(std::is_same_v<decltype(1_m / 1_m), double>);
static_assert(std::is_same_v<decltype(1_kg * (1_m / 1_s)), Quantity<1, 1, -1, 0>>);
static_assert(std::is_same_v<decltype(cross(Displacement{}, Force{})), Torque>);
static_assert(std::is_same_v<decltype(cross(Displacement{}, Momentum{})), AngularMomentum>);
static_assert(std::is_same_v<decltype(cross(AngularVelocity{}, Displacement{})), Velocity>);
static_assert(std::is_same_v<decltype(cross(AngularVelocity{}, Velocity{})), Acceleration>);
static_assert(std::is_same_v<decltype(cross(AngularVelocity{}, AngularMomentum{})), Torque>);
static_assert(std::is_same_v<decltype(MomentOfInertia{} * AngularVelocity{}), AngularMomentum>);
static_assert(std::is_same_v<decltype(dot(AngularMomentum{}, AngularVelocity{})), Energy>);
static_assert(std::is_same_v<decltype(Torque2{} * Angle{}), Energy>);
static_assert(std::is_same_v<decltype(TorsionStiffness{} * Angle{}), Torque2>);
static_assert(std::is_same_v<decltype(Force{} * Time{}), Momentum>);
static_assert(std::is_same_v<decltype(dot(Force{}, Velocity{})), Power>);
static_assert(std::is_same_v<decltype(Stiffness{} * Displacement{}), Force>);
static_assert(std::is_same_v<decltype(Position{} - Position{}), Displacement>);
static_assert(std::is_same_v<decltype(Position{} + Displacement{}), Position>);
static_assert(1_km + 1_m == 1001_m && 1_lbf > 4_N && 2_h == 120_min);

TEST(Quantities, Arithmetic) {
  const Displacement r{3.0_m, 4.0_m, 0.0_m};
  const Force f{0.0_N, 2.0_N, 0.0_N};
  EXPECT_EQ(norm(r).si(), 5);
  EXPECT_EQ(cross(r, f)[2].si(), 6);
  EXPECT_EQ(dot(r, f).si(), 8);
  EXPECT_DOUBLE_EQ(sqrt(4_J / 1_kg).si(), 2);
  EXPECT_DOUBLE_EQ(sin(30_deg), 0.5);
  EXPECT_DOUBLE_EQ(Torque2::from_si(2) * 0.5_rad / 1_J, 1);
  Position q{1.0_m, 0.0_m, 0.0_m};
  q += Velocity{1.0_m / 1_s, 0.0_m / 1_s, 0.0_m / 1_s} * 2_s;
  EXPECT_EQ(q[0].si(), 3);
  EXPECT_EQ((q - Position{})[0].si(), 3);
  EXPECT_EQ(cross(DisplacementIn<2>{1_m, 0_m}, ForceIn<2>{0_N, 3_N}).si(), 3);
  EXPECT_EQ(abs(-2_kg), 2_kg);
}

TEST(Quantities, UnitsAreThoseOfSystemFiles) {
  const auto si = [](const char* text) {
    return static_cast<double>(lang::parse_unit(lang::plain_text(text)).factor);
  };
  EXPECT_DOUBLE_EQ(units::au.si(), si("AU"));
  EXPECT_DOUBLE_EQ(units::ft.si(), si("ft"));
  EXPECT_DOUBLE_EQ(units::mi.si(), si("mi"));
  EXPECT_DOUBLE_EQ(units::angstrom.si(), si("angstrom"));
  EXPECT_DOUBLE_EQ(units::lb.si(), si("lb"));
  EXPECT_DOUBLE_EQ(units::slug.si(), si("slug"));
  EXPECT_DOUBLE_EQ(units::u.si(), si("u"));
  EXPECT_DOUBLE_EQ(units::Msun.si(), si("Msun"));
  EXPECT_DOUBLE_EQ(units::yr.si(), si("yr"));
  EXPECT_DOUBLE_EQ(units::fs.si(), si("fs"));
  EXPECT_DOUBLE_EQ(units::deg.si(), si("deg"));
  EXPECT_DOUBLE_EQ(units::rev.si(), si("rev"));
  EXPECT_DOUBLE_EQ(units::lbf.si(), si("lbf"));
  EXPECT_DOUBLE_EQ(units::eV.si(), si("eV"));
  EXPECT_DOUBLE_EQ(units::cal.si(), si("cal"));
  EXPECT_DOUBLE_EQ(units::bar.si(), si("bar"));
}

TEST(Quantities, IntoAStateAndBack) {
  const std::vector<Position> q = {{1_au, 0_m, 0_m}, {0_m, 2_au, 0_m}};
  const std::vector<Velocity> v = {{0_m / 1_s, 1_au / 1_day, 0_m / 1_s}, {}};
  const std::vector<Momentum> p = {1_kg * v[0], 2_kg * v[1]};
  const Scale astronomy{units::au, units::Msun, units::day};
  const mechanics::InitialState state = initial_state(q, v, astronomy, 2_day);
  EXPECT_EQ(state.q.type().shape, (Shape{2, 3}));
  EXPECT_EQ(state.q.as<double>()[0], 1);
  EXPECT_EQ(state.q.as<double>()[4], 2);
  EXPECT_DOUBLE_EQ(state.v->as<double>()[1], 1);
  EXPECT_FALSE(state.p.has_value());
  EXPECT_EQ(state.t, 2);
  EXPECT_TRUE(from_tensor<Position>(state.q, astronomy) == q);
  const mechanics::InitialState si = initial_state(q, p);
  EXPECT_FALSE(si.v.has_value());
  EXPECT_EQ(si.p->as<double>()[1], p[0][1].si());
  EXPECT_DOUBLE_EQ(astronomy.number(1_yr), 365.25);
  EXPECT_THROW(from_tensor<PositionIn<2>>(state.q), UserError);
}

}  // namespace
}  // namespace cotangent::quantities
