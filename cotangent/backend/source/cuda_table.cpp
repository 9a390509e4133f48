// CUDA C++: the rows of C, and what its compilers want before a kernel.
#include "cotangent/backend/source/c_rows.h"

namespace cotangent::backend::source {

const DialectTable& cuda_table() {
  static const DialectTable table = {
      .dialect = Dialect::kCuda,
      .title = "CUDA C++",
      .types = {"float", "double", "int32_t", "int64_t", "uint32_t", "uint64_t", "bool", "uint8_t",
                "int8_t", "int16_t", "int16_t", "int16_t"},
      .memory = {"float", "double", "int32_t", "int64_t", "uint32_t", "uint64_t", "uint8_t",
                 "uint8_t", "int8_t", "int16_t", "int16_t", "int16_t"},
      .ops = c_ops,
      .casts = c_casts,
      .helpers = c_helpers,
      .before_function = "__device__ static inline",
      .reserved =
          " alignas alignof and and_eq asm auto bitand bitor bool break case catch char char8_t"
          " char16_t char32_t class co_await co_return co_yield compl concept const consteval"
          " constexpr constinit const_cast continue decltype default delete do double dynamic_cast"
          " else enum explicit export extern false float for friend goto if inline int long mutable"
          " namespace new noexcept not not_eq nullptr operator or or_eq private protected public"
          " register reinterpret_cast requires return short signed sizeof static static_assert"
          " static_cast struct switch template this thread_local throw true try typedef typeid"
          " typename union unsigned using virtual void volatile wchar_t while xor xor_eq"
          " main scratch thread threads threadIdx blockIdx blockDim gridDim warpSize"
          " fabs fabsf floor floorf ceil ceilf nearbyint nearbyintf sqrt sqrtf isfinite fma fmaf"
          " cbrt exp expm1 log log1p sin cos tan asin acos atan sinh cosh tanh erf erfc pow atan2 "
          "min "
          "max"
          " cbrtf expf expm1f logf log1pf sinf cosf tanf asinf acosf atanf sinhf coshf tanhf erff "
          "erfcf"
          " abs powf atan2f memcpy j0 j1 jn y0 y1 yn gamma lgamma tgamma signgam"
          " INFINITY NAN ",
      .includes =
          R"~(/* Compile with -fmad=false: contraction of x*y + z to one rounding changes results; where it is
   wanted, fma() is written. */
#ifdef __CUDACC_RTC__
typedef int int32_t;
typedef long long int64_t;
typedef signed char int8_t;
typedef short int16_t;
typedef unsigned char uint8_t;
typedef unsigned int uint32_t;
typedef unsigned long long uint64_t;
#define INT32_MIN (-2147483647 - 1)
#define INT32_MAX 2147483647
#define UINT32_MAX 4294967295u
#define INT64_MIN (-9223372036854775807ll - 1)
#define INT64_MAX 9223372036854775807ll
#define UINT64_MAX 18446744073709551615ull
#define INT64_C(x) x##ll
#define UINT64_C(x) x##ull
#define INFINITY __builtin_bit_cast(float, 0x7f800000)
#define NAN __builtin_bit_cast(float, 0x7fc00000)
#else
#include <math.h>
#include <stdint.h>
#include <string.h>
#endif
)~",
      .preamble = ""};
  return table;
}

}  // namespace cotangent::backend::source
