// What a dialect is to the printer: names of types, a row for each op, and the helper functions the
// rows call. One table a dialect: c_table.cpp, cuda_table.cpp, wgsl_table.cpp.
//
// Types are letters: r f32, d f64, i i32, l i64, u u32, v u64, b bool; y u8, c i8, s i16, h f16, w
// bf16, the last two held as their bits. In a row's text $0 $1 $2 are
// the operands; $t and $r the names of the types of the last operand and of the result, $n that of
// the unsigned integer of the result's size, $k the number of its bits less one; $L $H the result's
// least value and the number past its largest as floats, $m $M its least and largest value. A word
// `name@` is a helper, called `name_<type of the last operand>`; `name@@` is called `name_<type of
// the last operand>_<type of the result>`. Helpers are written in the same way; $f is what stands
// before a function.
#pragma once

#include <compare>
#include <set>
#include <span>
#include <string>

#include "cotangent/backend/source/source_text.h"

namespace cotangent::backend::source {

/// How tightly an expression holds together; a looser operand is put in parentheses.
enum class Level : std::uint8_t { kAtom, kUnary, kProduct, kSum, kCompare, kLogic, kChoice };

struct OpRow {
  ir::Op op;
  const char* types;  ///< of the last operand
  Level level;
  const char* text;
  const char* plain = nullptr;  ///< where kernel::Ranges says plain
  Level plain_level = Level::kAtom;
};

struct CastRow {
  ir::Op op;  ///< cast or bitcast
  const char* from;
  const char* to;
  Level level;
  const char* text;
};

struct HelperRow {
  const char* name;     ///< as rows say it, without the @: "mod"
  const char* types;    ///< of the last operand
  const char* results;  ///< null: the name has one @
  const char* text;
};

struct DialectTable {
  Dialect dialect;
  const char* title;                ///< in messages: "C", "CUDA C++", "WGSL"
  const char* types[kDTypeCount];   ///< by DType, of a value; null: lacks it
  const char* memory[kDTypeCount];  ///< of an element in memory
  std::span<const OpRow> ops;
  std::span<const CastRow> casts;
  std::span<const HelperRow> helpers;
  const char* before_function;  ///< $f
  const char* reserved;         ///< words that no name may be, a space before and after each
  const char* includes;         ///< at the top of a file
  const char* preamble;         ///< before the helpers
};

const DialectTable& table_of(Dialect dialect);
const DialectTable& c_table();
const DialectTable& cuda_table();
const DialectTable& wgsl_table();

/// The row of an op; null: the dialect lacks it.
const OpRow* find_op(const DialectTable& table, ir::Op op, DType operand);
const CastRow* find_cast(const DialectTable& table, ir::Op op, DType from, DType to);

/// A number that reads back as the same bits.
std::string number(const DialectTable& table, DType t, std::uint64_t bits);

/// A helper that a file needs.
struct Helper {
  const HelperRow* row;
  DType operand, result;
  auto operator<=>(const Helper&) const = default;
};
using Helpers = std::set<Helper>;

/// Fills in all but $0 $1 $2; adds the helpers named, and those they name.
std::string with_types(const DialectTable& table, const char* text, DType operand, DType result,
                       Helpers& helpers);

/// The helpers' definitions, each after those it calls.
std::string helper_texts(const DialectTable& table, const Helpers& helpers);

}  // namespace cotangent::backend::source
