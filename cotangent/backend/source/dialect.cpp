#include "cotangent/backend/source/dialect.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "cotangent/base/error.h"
#include "cotangent/base/text.h"
#include "cotangent/kernel/scalar.h"

namespace cotangent::backend::source {
namespace {

char letter_of(DType t) {
  return "rdiluvbycshw"[static_cast<std::size_t>(t)];
}

bool listed(const char* letters, DType t) {
  return std::strchr(letters, letter_of(t)) != nullptr;
}

DType unsigned_of(DType t) {
  return size_of(t) == 8 ? DType::kU64 : DType::kU32;
}

/// Least value, number past the largest, least and largest as integers.
struct Limits {
  const char *low, *past, *least, *largest;
};
Limits limits_of(DType t) {
  switch (t) {
    case DType::kI32: return {"-2147483648.0", "2147483648.0", "INT32_MIN", "INT32_MAX"};
    case DType::kU32: return {"0.0", "4294967296.0", "0", "UINT32_MAX"};
    case DType::kI64:
      return {"-9223372036854775808.0", "9223372036854775808.0", "INT64_MIN", "INT64_MAX"};
    case DType::kU64: return {"0.0", "18446744073709551616.0", "0", "UINT64_MAX"};
    default: return {"", "", "", ""};
  }
}

const char* type_name(const DialectTable& table, DType t) {
  const char* name = table.types[static_cast<std::size_t>(t)];
  return name ? name : "";
}

const HelperRow& helper_row(const DialectTable& table, const std::string& name, DType operand,
                            DType result, bool two) {
  for (const HelperRow& row : table.helpers) {
    if (row.name == name && listed(row.types, operand) && two == (row.results != nullptr) &&
        (!row.results || listed(row.results, result))) {
      return row;
    }
  }
  throw InternalError(std::string(table.title) + " has no helper '" + name + "' of " +
                      std::string(cotangent::name_of(operand)));
}

bool is_name_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
}

/// Definitions of a helper's helpers, then its own.
void define(const DialectTable& table, const Helper& h, Helpers& done, std::string& out) {
  if (!done.insert(h).second) return;
  Helpers needed;
  const std::string text = with_types(table, h.row->text, h.operand, h.result, needed);
  for (const Helper& n : needed) define(table, n, done, out);
  out += text;
}

}  // namespace

const DialectTable& table_of(Dialect dialect) {
  switch (dialect) {
    case Dialect::kC: return c_table();
    case Dialect::kCuda: return cuda_table();
    case Dialect::kWgsl: return wgsl_table();
  }
  throw InternalError("unknown dialect");
}

const OpRow* find_op(const DialectTable& table, ir::Op op, DType operand) {
  const auto found = std::ranges::find_if(
      table.ops, [&](const OpRow& row) { return row.op == op && listed(row.types, operand); });
  return found == table.ops.end() ? nullptr : &*found;
}

const CastRow* find_cast(const DialectTable& table, ir::Op op, DType from, DType to) {
  const auto found = std::ranges::find_if(table.casts, [&](const CastRow& row) {
    return row.op == op && listed(row.from, from) && listed(row.to, to);
  });
  return found == table.casts.end() ? nullptr : &*found;
}

std::string number(const DialectTable& table, DType t, std::uint64_t bits) {
  const bool wgsl = table.dialect == Dialect::kWgsl;
  if (is_bool(t)) return bits ? "true" : "false";
  if (is_float(t)) {
    const bool single = t == DType::kF32;
    const double value = single ? std::bit_cast<float>(static_cast<std::uint32_t>(bits))
                                : std::bit_cast<double>(bits);
    if (!std::isfinite(value)) {
      const bool nan = std::isnan(value);
      std::string text = nan ? "NAN" : "INFINITY";
      if (wgsl) text = nan ? "bitcast<f32>(nan_bits)" : "bitcast<f32>(infinity_bits)";
      // The macros are floats, and C++ picks functions by the types of all arguments.
      if (table.dialect == Dialect::kCuda && !single) text = "double(" + text + ")";
      return (value < 0 ? "-" : "") + text;
    }
    std::string text = single ? shortest(static_cast<float>(value)) : shortest(value);
    if (text.find_first_of(".e") == std::string::npos) text += ".0";
    return single ? text + "f" : text;
  }
  if (is_storage_float(t)) return std::to_string(static_cast<std::int16_t>(bits));
  if (t == DType::kU64) return std::to_string(bits) + "u";
  const std::int64_t value = kernel::i64_of(bits, t);
  if (t == DType::kU32) return std::to_string(value) + "u";
  if (value == INT64_MIN) return "INT64_MIN";
  if (value == INT32_MIN) return wgsl ? "i32(-2147483648)" : "INT32_MIN";
  return std::to_string(value);
}

std::string with_types(const DialectTable& table, const char* text, DType operand, DType result,
                       Helpers& helpers) {
  std::string out;
  const Limits limits = limits_of(result);
  for (const char* p = text; *p; ++p) {
    if (*p == '$') {
      switch (*++p) {
        case 't': out += type_name(table, operand); break;
        case 'r': out += type_name(table, result); break;
        case 'n': out += type_name(table, unsigned_of(result)); break;
        case 'k': out += size_of(result) == 8 ? "63" : "31"; break;
        case 'L': out += limits.low; break;
        case 'H': out += limits.past; break;
        case 'm': out += limits.least; break;
        case 'M': out += limits.largest; break;
        case 'f': out += table.before_function; break;
        default: out += std::string("$") + *p;
      }
    } else if (*p == '@') {
      std::size_t begin = out.size();
      while (begin > 0 && is_name_character(out[begin - 1])) --begin;
      const bool two = p[1] == '@';
      if (two) ++p;
      helpers.insert({&helper_row(table, out.substr(begin), operand, result, two), operand,
                      two ? result : operand});
      out += "_" + std::string(cotangent::name_of(operand));
      if (two) out += "_" + std::string(cotangent::name_of(result));
    } else {
      out += *p;
    }
  }
  return out;
}

std::string helper_texts(const DialectTable& table, const Helpers& helpers) {
  std::string out;
  Helpers done;
  // By name, so that the file does not depend on where tables lie in memory.
  std::vector<Helper> sorted(helpers.begin(), helpers.end());
  std::ranges::sort(sorted, [](const Helper& a, const Helper& b) {
    const int order = std::strcmp(a.row->name, b.row->name);
    return order != 0 ? order < 0 : std::pair(a.operand, a.result) < std::pair(b.operand, b.result);
  });
  for (const Helper& h : sorted) define(table, h, done, out);
  return out;
}

}  // namespace cotangent::backend::source
