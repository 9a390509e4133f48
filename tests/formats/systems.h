// System files that several tests use.
#pragma once

#include <gtest/gtest.h>

#include <string>

namespace cotangent::formats::testing {

/// `text` with the first `from`, which must be there, as `to`.
inline std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const std::size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

/// Hairer, Lubich, Wanner, "Geometric Numerical Integration", section I.2.4.
inline const std::string kOuterSolarSystem = R"toml(title = "Outer solar system"
[parameters]
G = 2.95912208286e-4
m = [1.00000597682, 0.000954786104043, 0.000285583733151, 0.0000437273164546, 0.0000517759138449, "= 1/1.3e8"]
[energy]
kinetic = "sum(i, dot(p[i], p[i]) / (2*m[i]))"
gravity = "-sum(i<j, G*m[i]*m[j] / norm(q[i] - q[j]))"
[initial]
q = [[0, 0, 0],
     [-3.5023653, -3.8169847, -1.5507963],
     [9.0755314, -3.0458353, -1.6483708],
     [8.3101420, -16.2901086, -7.2521278],
     [11.4707666, -25.7294829, -10.8169456],
     [-15.5387357, -25.2225594, -3.1902382]]
v = [[0, 0, 0],
     [0.00565429, -0.00412490, -0.00190589],
     [0.00168318, 0.00483525, 0.00192462],
     [0.00354178, 0.00137102, 0.00055029],
     [0.00288930, 0.00114527, 0.00039677],
     [0.00276725, -0.00170702, -0.00136504]]
[run]
dt = 10.0
t_end = 200000.0
[observe]
every = 100
pair_distance = "norm(q[1] - q[0])"
[observe.lz]
expr = "sum(i, cross(q[i], p[i])[2])"
every = 1000
)toml";

/// One particle on a spring: small, and every table is there.
inline const std::string kOscillator = R"toml(title = "Oscillator"
[parameters]
k = 4.0
[energy]
kinetic = "p[0]^2/2"
spring = "k*q[0]^2/2"
[initial]
q = [1.0]
p = [0.0]
[run]
dt = 0.1
t_end = 10.0
[observe]
every = 10
x = "q[0]"
)toml";

/// A pole on a cart, with units: coordinates of two kinds. Ends inside [run].
inline const std::string kCart = R"toml([parameters]
M = "1 kg"
m = "0.1 kg"
l = "0.5 m"
g = "9.81 m/s^2"
[energy]
cart = "p[0]^2/(2*M)"
pole = "p[1]^2/(2*m*l^2)"
gravity = "m*g*l*cos(q[1])"
[initial]
q = ["10 cm", "5 deg"]
p = [0, 0]
[run]
dt = "1 ms"
steps = 10
)toml";

}  // namespace cotangent::formats::testing
