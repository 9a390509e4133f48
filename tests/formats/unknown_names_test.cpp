// A name that is nothing is told as such, also where the range of an index hangs on it.
#include <gtest/gtest.h>

#include "cotangent/formats/system_file.h"

namespace cotangent::formats {
namespace {

/// The error of a file with this energy term V; "" when there is none.
std::string error_of_energy(const std::string& energy, const std::string& more = "") {
  const std::string text = "[energy]\nT = \"sum(i, p[i]^2)/2\"\nV = \"" + energy + "\"\n" + more +
                           "[initial]\nq = [1.0, 2.0, 4.0]\np = [0.0, 0.0, 0.0]\n"
                           "[run]\ndt = 0.01\nsteps = 10\n";
  try {
    parse_system_text("names.toml", text);
  } catch (const UserError& error) {
    return error.what();
  }
  return "";
}

TEST(UnknownNames, AnArrayInAReduction) {
  const std::string message = error_of_energy("sum(i, qq[i]^2)/2");
  EXPECT_TRUE(message.starts_with("unknown name 'qq'\n  at names.toml:3:13\n")) << message;
  EXPECT_NE(message.find("did you mean 'q'"), std::string::npos) << message;
}

TEST(UnknownNames, AnArrayInAReductionOverPairsAndTriples) {
  for (const std::string reduction : {"i<j", "i!=j", "i<j<k"}) {
    const std::string message = error_of_energy("sum(" + reduction + ", (x[i] - x[j])^2)");
    EXPECT_TRUE(message.starts_with("unknown name 'x'\n")) << message;
  }
}

TEST(UnknownNames, InAFilterAndInAReductionWithin) {
  EXPECT_TRUE(error_of_energy("sum(i if qq[i] > 0, 1)").starts_with("unknown name 'qq'\n"));
  EXPECT_TRUE(error_of_energy("sum(k, sum(i in 0..3, i + qq[k]))").starts_with("unknown name 'qq'"))
      << error_of_energy("sum(k, sum(i in 0..3, i + qq[k]))");
  EXPECT_TRUE(error_of_energy("sum(i, size(i))").starts_with("unknown function 'size'\n"));
}

TEST(UnknownNames, BoundNamesAreKnown) {
  // What is bound is no unknown name: these lack a range, as before.
  for (const char* energy : {"sum(i, sum(k in 0..3, i*k*t))", "sum(i, 1)", "sum(i, q[i+1])",
                             "sum(k in 0..3, sum(i, i*k))", "sum(i, f(i))"}) {
    const std::string message = error_of_energy(energy, "[define]\nf(n) = \"n*n\"\n");
    EXPECT_TRUE(message.starts_with("the range of 'i' cannot be inferred")) << message;
  }
  EXPECT_EQ(error_of_energy("sum(i, q[i]^2)"), "");
}

}  // namespace
}  // namespace cotangent::formats
