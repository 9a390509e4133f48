// Dimensions of expressions: what comes out, what is settled on the way, and every refusal.
#include "cotangent/lang/dimensions.h"

#include <gtest/gtest.h>

#include "cotangent/lang/parser.h"
#include "tests/lang/support.h"

namespace cotangent::lang {
namespace {

/// Particles q [4,3]; m, k, n (3), x0, w, b (a bare number), type as in a file with units.
class World {
 public:
  World() : dimensions(names) {
    names.add_definition(parse_definition(plain_text("r(i,j)"), plain_text("norm(q[i] - q[j])")));
    names.add_definition(parse_definition(plain_text("bad"), plain_text("q[0,0] + t")));
    dimensions.set("q", length_dimension());
    dimensions.set("p", dimension(1, 1, -1));
    dimensions.set("v", velocity_dimension());
    dimensions.set("t", time_dimension());
    dimensions.set("m", mass_dimension());
    dimensions.set("k", dimension(0, 1, -2));
    dimensions.set("x0", length_dimension());
    dimensions.set("w", dimension(0, 0, -1));
    dimensions.set("n", Dimension{}, Rational(3));
    dimensions.set("real", Dimension{});
    dimensions.set_entries("mixed", {length_dimension(), Dimension{}});
    b = dimensions.unknown("b");
    dimensions.set("b", b);
    dimensions.set("c", dimensions.unknown("c"));
  }

  std::string of(const std::string& text) {
    return dimensions.words(dimensions.infer(*parse_expression(plain_text(text))));
  }
  std::string error(const std::string& text) {
    try {
      of(text);
    } catch (const UserError& e) {
      return e.what();
    }
    return "";
  }

  Context names;
  Dimensions dimensions;
  DimensionTerm b;
};

TEST(Dimensions, Rules) {
  const struct {
    const char* text;
    const char* dimension;
  } cases[] = {
      {"q[0]", "length"},
      {"q[0,1]*q[1][0]", "area"},
      {"dot(p[0], p[0]) / (2*m)", "energy"},
      {"sum(i, dot(p[i], p[i]) / (2*m))", "energy"},
      {"-sum(i<j, m*w^2*r(i,j)^2)", "energy"},
      {"k*x0^2/2", "energy"},
      {"k*sqrt(x0)^4", "energy"},
      {"norm(v[0])", "velocity"},
      {"cross(q[0], p[0])", "angular momentum (energy*time)"},
      {"cross(q[0], p[0])[2]", "angular momentum (energy*time)"},
      {"sin(w*t)", "no dimension"},
      {"exp(-q[0,0]/x0)", "no dimension"},
      {"atan2(q[0,0], q[0,1])", "no dimension"},
      {"where(q[0,0] > 0, q[0,0], 0)", "length"},
      {"where(t > 0 and not (q[0,0] > x0), 0, 1)", "no dimension"},
      {"max(q[0,0], x0, 0)", "length"},
      {"max(0, x0)", "length"},
      {"abs(q[0,0])", "length"},
      {"sign(q[0,0])", "no dimension"},
      {"cbrt(x0^3)", "length"},
      {"x0^n", "volume"},
      {"x0^-n", "1/length^3"},
      {"x0^(1/2)*x0^0.5", "length"},
      {"x0^(n-2)", "length"},
      {"x0^0", "no dimension"},
      {"2^(t*w)", "no dimension"},
      {"real^real", "no dimension"},
      {"x0 % q[0,0]", "length"},
      {"q[0,0] + 0", "length"},
      {"0 - q[0,0]", "length"},
      {"0.0*t + x0", "length"},
      {"[q[0,0], x0, 0]", "length"},
      {"dot([0, 0, 1], q[0])", "length"},
      {"min_over(i<j, r(i,j))", "length"},
      {"prod(i in 0..3, 2)", "no dimension"},
      {"len(q)", "no dimension"},
      {"pi*x0", "length"},
      {"sum(i in 0..len(q), q[i,0])", "length"},
      {"mixed[0]", "length"},
      {"mixed[1]", "no dimension"},
      {"x0*b", "length*[b]"},
      {"sqrt(b)", "[b]^(1/2)"},
      {"floor(t*w)", "no dimension"},
      {"1/t", "1/time"},
  };
  for (const auto& c : cases) {
    World w;
    EXPECT_EQ(w.of(c.text), c.dimension) << c.text;
  }
}

TEST(Dimensions, RefusalsSayBothDimensions) {
  const struct {
    const char* text;
    std::vector<std::string> say;
    int column;
  } cases[] = {
      {"q[0,0] + t", {"'+'", "length and time", "'q[0,0]' and 't'"}, 10},
      {"1 + x0", {"no dimension and length"}, 5},
      {"m - k*t", {"'-'", "mass and mass/time"}, 5},
      {"q[0,0] < 1", {"'<'", "length and no dimension"}, 10},
      {"where(t > 0, q[0,0], m)", {"where", "length and mass"}, 22},
      {"max(x0, t)", {"max", "length and time"}, 9},
      {"sin(q[0,0])", {"sin is given length", "divide by"}, 5},
      {"exp(t)", {"exp is given time", "divide by"}, 5},
      {"atan2(x0, t)", {"atan2"}, 11},
      {"[q[0,0], t]", {"a vector", "length and time"}, 10},
      {"x0^real", {"power", "no simple number"}, 4},
      {"x0^x0", {"a power is given length"}, 4},
      {"x0^0.1234567", {"no simple number"}, 4},
      {"t % x0", {"'%'", "time and length"}, 5},
      {"prod(i, q[i,0])", {"prod is given length"}, 9},
      {"floor(x0)", {"floor"}, 7},
      {"q[0,0] + bad", {"'+'", "length and time", "used at"}, 0},
      {"mixed", {"mixed", "length and no dimension", "index"}, 1},
      {"dot(mixed, mixed)", {"length and no dimension"}, 5},
      {"x0^64^64", {""}, 0},
  };
  for (const auto& c : cases) {
    World w;
    const std::string message = w.error(c.text);
    EXPECT_NE(message, "") << c.text;
    for (const std::string& part : c.say) {
      EXPECT_NE(message.find(part), std::string::npos) << c.text << "\n" << message;
    }
    if (c.column > 0) {
      EXPECT_NE(message.find("expression:1:" + std::to_string(c.column)), std::string::npos)
          << c.text << "\n"
          << message;
    }
  }
}

TEST(Dimensions, UnknownsAreSettledByTheirUses) {
  World w;
  w.dimensions.expect(*parse_expression(plain_text("dot(p[0], p[0])/(2*b) + c*q[0,0]^2")),
                      energy_dimension(), "the energy");
  EXPECT_EQ(w.of("b"), "mass");
  EXPECT_EQ(w.of("c"), "force/length");
  EXPECT_EQ(w.of("sqrt(c/b)"), "1/time");
  // A later use that disagrees is told what was settled, and where.
  const std::string message = w.error("t + b");
  EXPECT_NE(message.find("time and mass"), std::string::npos) << message;
  EXPECT_NE(message.find("'b' has no unit and was taken for mass at expression:1:1"),
            std::string::npos)
      << message;
}

TEST(Dimensions, TwoUnknownsTogetherAreSettledByAThird) {
  World w;
  w.of("b*c + x0");      // b*c is a length
  w.of("b/c + x0*t^2");  // b/c is length*time^2: b^2 = length^2 time^2
  EXPECT_EQ(w.of("b/x0"), "time");
  EXPECT_EQ(w.of("c"), "1/time");
}

TEST(Dimensions, ExpectedIsSaidWithTheMissingFactor) {
  World w;
  try {
    w.dimensions.expect(*parse_expression(plain_text("k*x0")), energy_dimension(),
                        "the energy term 'spring'");
    FAIL();
  } catch (const UserError& e) {
    EXPECT_EQ(e.parts().what, "the energy term 'spring' has the dimension force");
    EXPECT_NE(e.parts().why.find("energy"), std::string::npos);
    EXPECT_NE(e.parts().remedy.find("length"), std::string::npos);
  }
}

TEST(Dimensions, DeepAndLargeExpressionsEnd) {
  World w;
  std::string deep = "x0";
  for (int k = 0; k < 60; ++k) deep = "(" + deep + ")*1 + x0";
  EXPECT_EQ(w.of(deep), "length");
  // Doubling through definitions: refused, not run for ever.
  Context names;
  names.add_definition(parse_definition(plain_text("f0"), plain_text("1")));
  for (int k = 1; k < 40; ++k) {
    const std::string below = "f" + std::to_string(k - 1);
    names.add_definition(
        parse_definition(plain_text("f" + std::to_string(k)), plain_text(below + "*" + below)));
  }
  Dimensions dimensions(names);
  EXPECT_THROW(dimensions.infer(*parse_expression(plain_text("f39"))), UserError);
}

}  // namespace
}  // namespace cotangent::lang
