// One rule an op. Rounding to nearest is monotone, so a bound computed in double from bounds of double
// operands holds; a bound of an f32 value is kept only as a sign, zero or nothing known.
#include "cotangent/transform/math_bounds.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace cotangent::transform {

using namespace ir;

namespace {

constexpr double kUnknown = -std::numeric_limits<double>::infinity();

double lowest(const Tensor& t) {
  double low = std::numeric_limits<double>::infinity();
  for (std::int64_t k = 0; k < t.size(); ++k) {
    const auto x = static_cast<double>(t.real(k));
    if (x == 0 && std::signbit(x)) return kUnknown;
    if (x < low) low = x;
  }
  return low;
}

/// x . x: every element a sum of squares.
bool is_square_product(const Function& f, Value v) {
  const auto& a = f.attr_as<DotAttr>(v);
  const auto axes = static_cast<std::size_t>(f.type(f.operand(v, 0)).shape.rank());
  return f.operand(v, 0) == f.operand(v, 1) && a.batch_x == a.batch_y &&
         a.contract_x == a.contract_y && a.batch_x.size() + a.contract_x.size() == axes;
}

double bound(const Function& f, Value v, const std::vector<double>& known) {
  const auto low = [&](std::size_t k) { return known[f.operand(v, k).id]; };
  const auto positive = [&](std::size_t k) { return low(k) >= 0; };
  const auto nonnegative_if = [](bool condition) { return condition ? 0.0 : kUnknown; };
  switch (f.op(v)) {
    case Op::kConstant: return lowest(*f.attr_as<LiteralAttr>(v).value);
    case Op::kReshape:
    case Op::kTranspose:
    case Op::kBroadcast:
    case Op::kSlice:
    case Op::kReverse:
    case Op::kGather: return low(0);
    case Op::kPad: return std::min(low(0), low(1));
    case Op::kConcatenate: {
      double all = low(0);
      for (std::size_t k = 1; k < f.operands(v).size(); ++k) all = std::min(all, low(k));
      return all;
    }
    case Op::kSelect: return std::min(low(1), low(2));
    case Op::kAbs:
    case Op::kExp:
    case Op::kCosh: return 0.0;
    case Op::kSqrt:
    case Op::kRsqrt:
    case Op::kReduceSum:
    case Op::kReduceProd: return nonnegative_if(positive(0));
    case Op::kCast: return nonnegative_if(is_float(f.type(f.operand(v, 0)).dtype) && positive(0));
    case Op::kAdd: return positive(0) && positive(1) ? low(0) + low(1) : kUnknown;
    case Op::kMul: return nonnegative_if(f.operand(v, 0) == f.operand(v, 1) || (positive(0) && positive(1)));
    case Op::kFma: {
      const bool square = f.operand(v, 0) == f.operand(v, 1) || (positive(0) && positive(1));
      return square && positive(2) ? low(2) : kUnknown;
    }
    case Op::kDiv: return nonnegative_if(positive(0) && positive(1));
    case Op::kDotGeneral: return nonnegative_if(is_square_product(f, v) || (positive(0) && positive(1)));
    default: return kUnknown;
  }
}

}  // namespace

std::vector<double> lower_bounds(const Function& f) {
  std::vector<double> known;
  known.reserve(f.size());
  for (std::uint32_t id = 0; id < f.size(); ++id) {
    const Value v{id};
    const DType t = f.type(v).dtype;
    double low = is_float(t) && !is_second_order(f.op(v)) ? bound(f, v, known) : kUnknown;
    if (t == DType::kF32 && low > 0) low = 0;
    known.push_back(low);
  }
  return known;
}

}  // namespace cotangent::transform
