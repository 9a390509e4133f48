// Our elementary functions against MPFR at 100,000 points a range.
#include "tests/transform/function_cases.h"

namespace cotangent::transform {
namespace {

TEST(FunctionsAtManyPoints, F64) {
  check_functions(false, 100000);
}
TEST(FunctionsAtManyPoints, F32) {
  check_functions(true, 100000);
}
TEST(FunctionsAtManyPoints, CornersInF64) {
  check_corners(false, 4000);
}
TEST(FunctionsAtManyPoints, CornersInF32) {
  check_corners(true, 4000);
}

}  // namespace
}  // namespace cotangent::transform
