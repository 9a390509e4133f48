// WGSL. No 64-bit types: an i64 that is known to fit is held in 32 bits (Ranges), so that the rows
// of i32 serve it. Infinities and NaN may be assumed away by an implementation, so tests for them
// look at bits.
#include "cotangent/backend/source/dialect.h"

namespace cotangent::backend::source {
namespace {

using ir::Op;

const OpRow kOps[] = {
    {Op::kNeg, "ri", Level::kUnary, "-$0"},
    {Op::kNeg, "u", Level::kSum, "0u - $0"},
    {Op::kAbs, "ri", Level::kAtom, "abs($0)"},
    {Op::kAbs, "u", Level::kAtom, "u32($0)"},
    {Op::kSign, "r", Level::kAtom, "sign@($0)"},
    {Op::kSign, "i", Level::kAtom, "sign($0)"},
    {Op::kSign, "u", Level::kAtom, "min($0, 1u)"},
    {Op::kFloor, "r", Level::kAtom, "floor($0)"},
    {Op::kCeil, "r", Level::kAtom, "ceil($0)"},
    {Op::kRound, "r", Level::kAtom, "round($0)"},  // ties to even
    {Op::kSqrt, "r", Level::kAtom, "sqrt($0)"},
    {Op::kRsqrt, "r", Level::kProduct, "1.0f / sqrt($0)"},
    {Op::kIsFinite, "r", Level::kAtom, "is_finite@($0)"},
    {Op::kNot, "b", Level::kCompare, "!$0"},  // in parentheses beside != and &&
    {Op::kNot, "iu", Level::kUnary, "~$0"},

    {Op::kAdd, "riu", Level::kSum, "$0 + $1"},
    {Op::kSub, "riu", Level::kSum, "$0 - $1"},
    {Op::kMul, "riu", Level::kProduct, "$0 * $1"},
    {Op::kDiv, "r", Level::kProduct, "$0 / $1"},
    {Op::kDiv, "iu", Level::kAtom, "div@($0, $1)", "$0 / $1", Level::kProduct},
    {Op::kMod, "riu", Level::kAtom, "mod@($0, $1)", "$0 % $1", Level::kProduct},
    {Op::kMin, "r", Level::kAtom, "min@($0, $1)"},
    {Op::kMax, "r", Level::kAtom, "max@($0, $1)"},
    {Op::kMin, "iu", Level::kAtom, "min($0, $1)"},
    {Op::kMax, "iu", Level::kAtom, "max($0, $1)"},
    {Op::kAnd, "b", Level::kLogic, "$0 && $1"},
    {Op::kAnd, "iu", Level::kLogic, "$0 & $1"},
    {Op::kOr, "b", Level::kLogic, "$0 || $1"},
    {Op::kOr, "iu", Level::kLogic, "$0 | $1"},
    {Op::kXor, "b", Level::kLogic, "$0 != $1"},
    {Op::kXor, "iu", Level::kLogic, "$0 ^ $1"},
    {Op::kShl, "iu", Level::kLogic, "$0 << (bitcast<u32>($1) & $ku)"},
    {Op::kShr, "iu", Level::kLogic, "$0 >> (bitcast<u32>($1) & $ku)"},
    {Op::kLt, "b", Level::kLogic, "!$0 && $1"},
    {Op::kLe, "b", Level::kLogic, "!$0 || $1"},
    {Op::kLt, "riu", Level::kCompare, "$0 < $1"},
    {Op::kLe, "riu", Level::kCompare, "$0 <= $1"},
    {Op::kEq, "riub", Level::kCompare, "$0 == $1"},
    {Op::kNe, "riub", Level::kCompare, "$0 != $1"},
    {Op::kFma, "r", Level::kAtom, "fma($0, $1, $2)"},
    {Op::kSelect, "riub", Level::kAtom, "select($2, $1, $0)"},

    // Ours need f64 inside. WGSL's own, as good as the implementation makes them, but for sin, cos
    // and tan, whose range reduction is poor in some, and what WGSL has not.
    {Op::kExp, "r", Level::kAtom, "exp($0)"},
    {Op::kLog, "r", Level::kAtom, "log($0)"},
    {Op::kAsin, "r", Level::kAtom, "asin($0)"},
    {Op::kAcos, "r", Level::kAtom, "acos@($0)"},
    {Op::kAtan, "r", Level::kAtom, "atan($0)"},
    {Op::kAtan2, "r", Level::kAtom, "atan2($0, $1)"},
    {Op::kSinh, "r", Level::kAtom, "sinh($0)"},
    {Op::kCosh, "r", Level::kAtom, "cosh($0)"},
    {Op::kTanh, "r", Level::kAtom, "tanh(clamp($0, -10.0f, 10.0f))"},
    {Op::kSin, "r", Level::kAtom, "sin@($0)"},
    {Op::kCos, "r", Level::kAtom, "cos@($0)"},
    {Op::kTan, "r", Level::kProduct, "sin@($0) / cos@($0)"},
    {Op::kExpm1, "r", Level::kAtom, "expm1@($0)"},
    {Op::kLog1p, "r", Level::kAtom, "log1p@($0)"},
    {Op::kCbrt, "r", Level::kAtom, "cbrt@($0)"},
    {Op::kPow, "r", Level::kAtom, "pow@($0, $1)"},
};

const CastRow kCasts[] = {
    {Op::kCast, "riu", "b", Level::kAtom, "bool($0)"},
    {Op::kCast, "r", "iu", Level::kAtom, "to@@($0)"},
    {Op::kCast, "riub", "riub", Level::kAtom, "$r($0)"},
    {Op::kBitcast, "b", "b", Level::kAtom, "bool($0)"},
    {Op::kBitcast, "riu", "riu", Level::kAtom, "bitcast<$r>($0)"},
};

const HelperRow kHelpers[] = {
    {"is_nan", "r", nullptr,
     "fn is_nan@(x: f32) -> bool { return (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u; }\n"},
    {"is_finite", "r", nullptr,
     "fn is_finite@(x: f32) -> bool { return (bitcast<u32>(x) & 0x7f800000u) != 0x7f800000u; }\n"},
    {"sign", "r", nullptr,
     "fn sign@(x: f32) -> f32 { return select(select(x, -1.0f, x < 0.0f), 1.0f, x > 0.0f); }\n"},
    {"min", "r", nullptr,
     "// NaN if either is.\n"
     "fn min@(x: f32, y: f32) -> f32 { return select(y, x, x < y || is_nan@(x)); }\n"},
    {"max", "r", nullptr,
     "// NaN if either is.\n"
     "fn max@(x: f32, y: f32) -> f32 { return select(y, x, x > y || is_nan@(x)); }\n"},
    {"div", "i", nullptr,
     "// x / 0 is 0.\n"
     "fn div@(x: i32, y: i32) -> i32 {\n"
     "  if (y == 0) { return 0; }\n"
     "  if (y == -1) { return -x; }\n"
     "  return x / y;\n"
     "}\n"},
    {"div", "u", nullptr,
     "// x / 0 is 0.\n"
     "fn div@(x: u32, y: u32) -> u32 {\n"
     "  if (y == 0u) { return 0u; }\n"
     "  return x / y;\n"
     "}\n"},
    {"mod", "r", nullptr, "fn mod@(x: f32, y: f32) -> f32 { return x - y * floor(x / y); }\n"},
    {"mod", "i", nullptr,
     "// Has the sign of y; x mod 0 is 0.\n"
     "fn mod@(x: i32, y: i32) -> i32 {\n"
     "  if (y == 0 || y == -1) { return 0; }\n"
     "  let r = x % y;\n"
     "  return select(r, r + y, r != 0 && (r < 0) != (y < 0));\n"
     "}\n"},
    {"mod", "u", nullptr,
     "// x mod 0 is 0.\n"
     "fn mod@(x: u32, y: u32) -> u32 {\n"
     "  if (y == 0u) { return 0u; }\n"
     "  return x % y;\n"
     "}\n"},
    {"quadrant", "r", nullptr,
     "// x - k pi/2, with pi/2 in three parts of which two are short: k times them is exact.\n"
     "fn quadrant@(x: f32, k: f32) -> f32 {\n"
     "  return ((x - k * 1.5703125f) - k * 4.837513e-4f) - k * 7.549790e-8f;\n"
     "}\n"},
    {"wave", "r", nullptr,
     "// sin of x + shift pi/2, by Taylor's polynomials on -pi/4..pi/4.\n"
     "fn wave@(x: f32, shift: i32) -> f32 {\n"
     "  let k = round(x * 0.63661975f);\n"
     "  let r = quadrant@(x, k);\n"
     "  let z = r * r;\n"
     "  let s = r + r * z * (-1.6666667e-1f + z * (8.3333333e-3f + z * (-1.9841270e-4f + z * "
     "2.7557319e-6f)));\n"
     "  let c = 1.0f + z * (-0.5f + z * (4.1666667e-2f + z * (-1.3888889e-3f + z * "
     "2.4801587e-5f)));\n"
     "  let q = (i32(k) + shift) & 3;\n"
     "  let y = select(s, c, (q & 1) == 1);\n"
     "  return select(y, -y, q >= 2);\n"
     "}\n"},
    {"sin", "r", nullptr, "fn sin@(x: f32) -> f32 { return wave@(x, 0); }\n"},
    {"cos", "r", nullptr, "fn cos@(x: f32) -> f32 { return wave@(x, 1); }\n"},
    {"acos", "r", nullptr,
     "fn acos@(x: f32) -> f32 { return 2.0f * atan2(sqrt(0.5f - 0.5f * x), sqrt(0.5f + 0.5f * x)); "
     "}\n"},
    {"expm1", "r", nullptr,
     "// Kahan: the error of exp(x) - 1 and that of log(exp(x)) cancel.\n"
     "fn expm1@(x: f32) -> f32 {\n"
     "  let u = exp(x);\n"
     "  if (u == 1.0f) { return x; }\n"
     "  if (u - 1.0f == -1.0f || x > 80.0f) { return u - 1.0f; }\n"
     "  return (u - 1.0f) * x / log(u);\n"
     "}\n"},
    {"log1p", "r", nullptr,
     "fn log1p@(x: f32) -> f32 {\n"
     "  let u = 1.0f + x;\n"
     "  if (u == 1.0f) { return x; }\n"
     "  return log(u) * select(x / (u - 1.0f), 1.0f, x > 1e8f);\n"
     "}\n"},
    {"cbrt", "r", nullptr,
     "fn cbrt@(x: f32) -> f32 {\n"
     "  if (x == 0.0f) { return x; }\n"
     "  let y = exp2(log2(abs(x)) * 0.33333334f);\n"
     "  return sign(x) * (y - (y - abs(x) / (y * y)) * 0.33333334f);\n"
     "}\n"},
    {"pow", "r", nullptr,
     "// WGSL's is for a positive base.\n"
     "fn pow@(x: f32, y: f32) -> f32 {\n"
     "  if (y == 0.0f || x == 1.0f) { return 1.0f; }\n"
     "  if (x == 0.0f && y > 0.0f) { return 0.0f; }\n"
     "  let r = pow(abs(x), y);\n"
     "  if (x >= 0.0f) { return r; }\n"
     "  if (floor(y) != y) { return bitcast<f32>(nan_bits); }\n"
     "  return select(r, -r, floor(y * 0.5f) * 2.0f != y);\n"
     "}\n"},
    {"to", "r", "i",
     "// Truncates; saturates; NaN gives 0.\n"
     "fn to@@(x: f32) -> i32 {\n"
     "  if (is_nan@(x)) { return 0; }\n"
     "  if (x < -2147483648.0f) { return -2147483647 - 1; }\n"
     "  if (x >= 2147483648.0f) { return 2147483647; }\n"
     "  return i32(x);\n"
     "}\n"},
    {"to", "r", "u",
     "// Truncates; saturates; NaN gives 0.\n"
     "fn to@@(x: f32) -> u32 {\n"
     "  if (is_nan@(x) || x < 0.0f) { return 0u; }\n"
     "  if (x >= 4294967296.0f) { return 4294967295u; }\n"
     "  return u32(x);\n"
     "}\n"},
};

}  // namespace

const DialectTable& wgsl_table() {
  static const DialectTable table = {
      .dialect = Dialect::kWgsl,
      .title = "WGSL",
      .types = {"f32", nullptr, "i32", nullptr, "u32", nullptr, "bool"},
      .memory = {"f32", nullptr, "i32", nullptr, "u32", nullptr, "u32"},
      .ops = kOps,
      .casts = kCasts,
      .helpers = kHelpers,
      .before_function = "",
      .reserved =
          " alias break case const const_assert continue continuing default diagnostic discard else"
          " enable false fn for if let loop override requires return struct switch true var while"
          " array atomic bool f16 f32 i32 u32 vec2 vec3 vec4 mat2x2 mat3x3 mat4x4 ptr sampler "
          "texture"
          " abs sign floor ceil round sqrt min max select fma bitcast thread threads not_a_number"
          " infinity_bits nan_bits active as async await auto cast catch class common compile do "
          "enum"
          " export extern external final finally from get goto impl implements import in inline"
          " interface is layout lowp macro match mod module move mut namespace new nil noexcept "
          "null"
          " of operator package pass private protected pub public ref regardless register resource"
          " self set shared signed sizeof smooth snorm static std super target template this throw"
          " trait try type typedef typeof union unless unorm unsafe unsized use using varying "
          "virtual"
          " volatile where with writeonly yield main precise precision partition patch point"
          " readonly workgroup storage uniform function handle read write read_write"
          " step length distance dot cross exp log sin cos tan pow ",
      .includes = "",
      .preamble =
          R"~(// An infinity or a NaN cannot be written as a number: they are made from these, at run time.
var<private> infinity_bits: u32 = 0x7f800000u;
var<private> nan_bits: u32 = 0x7fc00000u;
)~"};
  return table;
}

}  // namespace cotangent::backend::source
