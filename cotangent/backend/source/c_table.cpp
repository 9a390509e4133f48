// C99, and CUDA C++ where it says the same.
#include "cotangent/backend/source/c_rows.h"

namespace cotangent::backend::source {

using ir::Op;

const OpRow kCOps[] = {
    {Op::kNeg, "rd", Level::kUnary, "-$0"},
    {Op::kNeg, "il", Level::kUnary, "($r)(0u - ($n)$0)", "-$0", Level::kUnary},
    {Op::kNeg, "uv", Level::kSum, "0u - $0"},
    {Op::kAbs, "d", Level::kAtom, "fabs($0)"},
    {Op::kAbs, "r", Level::kAtom, "fabsf($0)"},
    {Op::kAbs, "il", Level::kAtom, "abs@($0)"},
    {Op::kAbs, "uv", Level::kUnary, "($r)$0"},
    {Op::kSign, "rdil", Level::kAtom, "sign@($0)"},
    {Op::kSign, "uv", Level::kUnary, "($r)($0 != 0)"},
    {Op::kFloor, "d", Level::kAtom, "floor($0)"},
    {Op::kFloor, "r", Level::kAtom, "floorf($0)"},
    {Op::kCeil, "d", Level::kAtom, "ceil($0)"},
    {Op::kCeil, "r", Level::kAtom, "ceilf($0)"},
    {Op::kRound, "d", Level::kAtom, "nearbyint($0)"},
    {Op::kRound, "r", Level::kAtom, "nearbyintf($0)"},
    {Op::kSqrt, "d", Level::kAtom, "sqrt($0)"},
    {Op::kSqrt, "r", Level::kAtom, "sqrtf($0)"},
    {Op::kRsqrt, "d", Level::kProduct, "1.0 / sqrt($0)"},
    {Op::kRsqrt, "r", Level::kProduct, "1.0f / sqrtf($0)"},
    {Op::kIsFinite, "rd", Level::kUnary, "(bool)isfinite($0)"},
    {Op::kNot, "b", Level::kCompare, "!$0"},  // in parentheses beside != and &&
    {Op::kNot, "iluv", Level::kUnary, "~$0"},

    {Op::kAdd, "rduv", Level::kSum, "$0 + $1"},
    {Op::kAdd, "il", Level::kUnary, "($r)(($n)$0 + ($n)$1)", "$0 + $1", Level::kSum},
    {Op::kSub, "rduv", Level::kSum, "$0 - $1"},
    {Op::kSub, "il", Level::kUnary, "($r)(($n)$0 - ($n)$1)", "$0 - $1", Level::kSum},
    {Op::kMul, "rduv", Level::kProduct, "$0 * $1"},
    {Op::kMul, "il", Level::kUnary, "($r)(($n)$0 * ($n)$1)", "$0 * $1", Level::kProduct},
    {Op::kDiv, "rd", Level::kProduct, "$0 / $1"},
    {Op::kDiv, "iluv", Level::kAtom, "div@($0, $1)", "$0 / $1", Level::kProduct},
    {Op::kMod, "rd", Level::kAtom, "mod@($0, $1)"},
    {Op::kMod, "iluv", Level::kAtom, "mod@($0, $1)", "$0 % $1", Level::kProduct},
    {Op::kMin, "rdiluv", Level::kAtom, "min@($0, $1)"},
    {Op::kMax, "rdiluv", Level::kAtom, "max@($0, $1)"},
    {Op::kAnd, "b", Level::kLogic, "$0 && $1"},
    {Op::kAnd, "iluv", Level::kLogic, "$0 & $1"},
    {Op::kOr, "b", Level::kLogic, "$0 || $1"},
    {Op::kOr, "iluv", Level::kLogic, "$0 | $1"},
    {Op::kXor, "b", Level::kLogic, "$0 != $1"},
    {Op::kXor, "iluv", Level::kLogic, "$0 ^ $1"},
    {Op::kShl, "uv", Level::kLogic, "$0 << ($1 & $k)", "$0 << $1", Level::kLogic},
    {Op::kShl, "il", Level::kUnary, "($r)(($n)$0 << ($1 & $k))", "$0 << $1", Level::kLogic},
    {Op::kShr, "iluv", Level::kLogic, "$0 >> ($1 & $k)", "$0 >> $1", Level::kLogic},
    {Op::kLt, "b", Level::kLogic, "!$0 && $1"},
    {Op::kLe, "b", Level::kLogic, "!$0 || $1"},
    {Op::kLt, "rdiluv", Level::kCompare, "$0 < $1"},
    {Op::kLe, "rdiluv", Level::kCompare, "$0 <= $1"},
    {Op::kEq, "rdiluvb", Level::kCompare, "$0 == $1"},
    {Op::kNe, "rdiluvb", Level::kCompare, "$0 != $1"},
    {Op::kFma, "d", Level::kAtom, "fma($0, $1, $2)"},
    {Op::kFma, "r", Level::kAtom, "fmaf($0, $1, $2)"},
    {Op::kSelect, "rdiluvbycshw", Level::kChoice, "$0 ? $1 : $2"},

// The library's functions, for programs that did not go through the passes: those expand them.
#define COTANGENT_LIBRARY(op, name) \
  {Op::op, "d", Level::kAtom, name "($0)"}, {Op::op, "r", Level::kAtom, name "f($0)"}
    COTANGENT_LIBRARY(kCbrt, "cbrt"),
    COTANGENT_LIBRARY(kExp, "exp"),
    COTANGENT_LIBRARY(kExpm1, "expm1"),
    COTANGENT_LIBRARY(kLog, "log"),
    COTANGENT_LIBRARY(kLog1p, "log1p"),
    COTANGENT_LIBRARY(kSin, "sin"),
    COTANGENT_LIBRARY(kCos, "cos"),
    COTANGENT_LIBRARY(kTan, "tan"),
    COTANGENT_LIBRARY(kAsin, "asin"),
    COTANGENT_LIBRARY(kAcos, "acos"),
    COTANGENT_LIBRARY(kAtan, "atan"),
    COTANGENT_LIBRARY(kSinh, "sinh"),
    COTANGENT_LIBRARY(kCosh, "cosh"),
    COTANGENT_LIBRARY(kTanh, "tanh"),
    COTANGENT_LIBRARY(kErf, "erf"),
    COTANGENT_LIBRARY(kErfc, "erfc"),
#undef COTANGENT_LIBRARY
    {Op::kPow, "d", Level::kAtom, "pow($0, $1)"},
    {Op::kPow, "r", Level::kAtom, "powf($0, $1)"},
    {Op::kAtan2, "d", Level::kAtom, "atan2($0, $1)"},
    {Op::kAtan2, "r", Level::kAtom, "atan2f($0, $1)"},
};

const CastRow kCCasts[] = {
    {Op::kCast, "rdiluv", "b", Level::kCompare, "$0 != 0"},
    {Op::kCast, "b", "b", Level::kUnary, "($r)$0"},
    {Op::kCast, "rd", "iluv", Level::kAtom, "to@@($0)"},
    {Op::kCast, "rdiluvb", "rdiluv", Level::kUnary, "($r)$0"},
    {Op::kCast, "iluvbycs", "iluvycs", Level::kUnary, "($r)$0"},
    {Op::kBitcast, "shw", "shw", Level::kUnary, "($r)$0"},
    {Op::kBitcast, "iluvb", "iluvb", Level::kUnary, "($r)$0"},
    {Op::kBitcast, "r", "r", Level::kUnary, "($r)$0"},
    {Op::kBitcast, "d", "d", Level::kUnary, "($r)$0"},
    {Op::kBitcast, "rdiluv", "rdiluv", Level::kAtom, "bits@@($0)"},
};

const HelperRow kCHelpers[] = {
    {"abs", "il", nullptr, "$f $t abs@($t x) { return x < 0 ? ($t)(0u - ($n)x) : x; }\n"},
    {"sign", "rd", nullptr, "$f $t sign@($t x) { return x > 0 ? 1 : x < 0 ? -1 : x; }\n"},
    {"sign", "il", nullptr, "$f $t sign@($t x) { return x > 0 ? 1 : x < 0 ? -1 : 0; }\n"},
    {"div", "il", nullptr,
     "/* x / 0 is 0; the quotient that does not fit wraps. */\n"
     "$f $t div@($t x, $t y) { return y == 0 ? 0 : y == -1 ? ($t)(0u - ($n)x) : x / y; }\n"},
    {"div", "uv", nullptr,
     "/* x / 0 is 0. */\n"
     "$f $t div@($t x, $t y) { return y == 0 ? 0 : x / y; }\n"},
    {"mod", "d", nullptr, "$f double mod@(double x, double y) { return x - y * floor(x / y); }\n"},
    {"mod", "r", nullptr, "$f float mod@(float x, float y) { return x - y * floorf(x / y); }\n"},
    {"mod", "il", nullptr,
     "/* Has the sign of y; x mod 0 is 0. */\n"
     "$f $t mod@($t x, $t y) {\n"
     "  if (y == 0 || y == -1) return 0;\n"
     "  const $t r = x % y;\n"
     "  return r != 0 && (r < 0) != (y < 0) ? r + y : r;\n"
     "}\n"},
    {"mod", "uv", nullptr,
     "/* x mod 0 is 0. */\n"
     "$f $t mod@($t x, $t y) { return y == 0 ? 0 : x % y; }\n"},
    {"min", "rd", nullptr,
     "/* NaN if either is. */\n"
     "$f $t min@($t x, $t y) { return x < y || x != x ? x : y; }\n"},
    {"max", "rd", nullptr,
     "/* NaN if either is. */\n"
     "$f $t max@($t x, $t y) { return x > y || x != x ? x : y; }\n"},
    {"min", "iluv", nullptr, "$f $t min@($t x, $t y) { return x < y ? x : y; }\n"},
    {"max", "iluv", nullptr, "$f $t max@($t x, $t y) { return x > y ? x : y; }\n"},
    {"to", "rd", "iluv",
     "/* Truncates; saturates; NaN gives 0. */\n"
     "$f $r to@@($t x) {\n"
     "  if (!(x >= 1 || x <= -1)) return 0;\n"
     "  if (x < $L) return $m;\n"
     "  if (x >= $H) return $M;\n"
     "  return ($r)x;\n"
     "}\n"},
    {"bits", "rdiluv", "rdiluv",
     "$f $r bits@@($t x) {\n"
     "  $r y;\n"
     "  memcpy(&y, &x, sizeof y);\n"
     "  return y;\n"
     "}\n"},
};

const std::span<const OpRow> c_ops = kCOps;
const std::span<const CastRow> c_casts = kCCasts;
const std::span<const HelperRow> c_helpers = kCHelpers;

const DialectTable& c_table() {
  static const DialectTable table = {
      .dialect = Dialect::kC,
      .title = "C",
      .types = {"float", "double", "int32_t", "int64_t", "uint32_t", "uint64_t", "bool", "uint8_t",
                "int8_t", "int16_t", "int16_t", "int16_t"},
      .memory = {"float", "double", "int32_t", "int64_t", "uint32_t", "uint64_t", "uint8_t",
                 "uint8_t", "int8_t", "int16_t", "int16_t", "int16_t"},
      .ops = c_ops,
      .casts = c_casts,
      .helpers = c_helpers,
      .before_function = "static inline",
      .reserved =
          " auto break case char const continue default do double else enum extern float for goto"
          " if inline int long register restrict return short signed sizeof static struct switch"
          " typedef union unsigned void volatile while bool true false main scratch"
          " fabs fabsf floor floorf ceil ceilf nearbyint nearbyintf sqrt sqrtf isfinite fma fmaf"
          " cbrt exp expm1 log log1p sin cos tan asin acos atan sinh cosh tanh erf erfc pow atan2"
          " cbrtf expf expm1f logf log1pf sinf cosf tanf asinf acosf atanf sinhf coshf tanhf erff "
          "erfcf"
          " powf atan2f memcpy j0 j1 jn y0 y1 yn gamma lgamma tgamma signgam"
          " INFINITY NAN FP_CONTRACT INDEPENDENT ",
      .includes = R"~(#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
)~",
      .preamble =
          R"~(/* No contraction of x*y + z to one rounding: where that is wanted, fma() is written. */
#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#elif defined(__GNUC__)
#pragma GCC optimize("fp-contract=off")
/* With trapping mathematics gcc 12 lost terms of `if (j == i) continue; x += y;` at -O3. */
#pragma GCC optimize("no-trapping-math")
/* Vectors made of straight lines took (double)(float)x for x in gcc 12 at -O3. */
#pragma GCC optimize("no-tree-slp-vectorize")
#elif defined(_MSC_VER)
#pragma fp_contract(off)
#endif
#ifdef __FAST_MATH__
#error "compile without -ffast-math: it changes results"
#endif
#if FLT_EVAL_METHOD < 0 || FLT_EVAL_METHOD == 1 || FLT_EVAL_METHOD == 2
#error "compile for SSE2 or later: x87 arithmetic rounds twice"
#endif

/* The iterations of the next loop do not depend on each other. */
#if defined(__clang__)
#define INDEPENDENT _Pragma("clang loop vectorize(assume_safety)")
#pragma clang diagnostic ignored "-Wpass-failed"
#elif defined(__GNUC__)
#define INDEPENDENT _Pragma("GCC ivdep")
#else
#define INDEPENDENT
#endif
)~"};
  return table;
}

}  // namespace cotangent::backend::source
