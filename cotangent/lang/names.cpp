#include "cotangent/lang/names.h"

#include <algorithm>
#include <array>

namespace cotangent::lang {
namespace {

using ir::Op;

constexpr std::string_view kScalar = "a real or an integer";

constexpr FunctionInfo of(std::string_view name, Op op) {
  return {name, 1, 1, op, kScalar};
}

constexpr std::array kFunctions = {
    of("exp", Op::kExp),
    of("expm1", Op::kExpm1),
    of("log", Op::kLog),
    of("log1p", Op::kLog1p),
    of("sqrt", Op::kSqrt),
    of("cbrt", Op::kCbrt),
    of("sin", Op::kSin),
    of("cos", Op::kCos),
    of("tan", Op::kTan),
    of("asin", Op::kAsin),
    of("acos", Op::kAcos),
    of("atan", Op::kAtan),
    of("sinh", Op::kSinh),
    of("cosh", Op::kCosh),
    of("tanh", Op::kTanh),
    of("erf", Op::kErf),
    of("erfc", Op::kErfc),
    of("abs", Op::kAbs),
    of("sign", Op::kSign),
    of("floor", Op::kFloor),
    of("ceil", Op::kCeil),
    of("round", Op::kRound),
    FunctionInfo{"atan2", 2, 2, Op::kAtan2, "two reals, atan2(y, x)"},
    FunctionInfo{"min", 2, -1, Op::kMin, "two or more reals or integers"},
    FunctionInfo{"max", 2, -1, Op::kMax, "two or more reals or integers"},
    FunctionInfo{"dot", 2, 2, std::nullopt, "two vectors of one length"},
    FunctionInfo{"norm", 1, 1, std::nullopt, "a vector"},
    FunctionInfo{"cross", 2, 2, std::nullopt, "two vectors of length 3, or two of length 2"},
    FunctionInfo{"len", 1, 1, std::nullopt, "a vector or an array"},
    FunctionInfo{"where", 3, 3, std::nullopt, "a boolean and two values of one shape"},
    FunctionInfo{"delta", 2, 2, std::nullopt, "two positions in a periodic box"},
};

constexpr std::array<std::string_view, 4> kReductions = {"sum", "prod", "min_over", "max_over"};
constexpr std::array<std::string_view, 5> kKeywords = {"and", "or", "not", "in", "if"};
constexpr std::array<std::string_view, 6> kSymbols = {"q", "p", "v", "z", "t", "pi"};

bool contains(std::span<const std::string_view> names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

std::span<const FunctionInfo> all_functions() {
  return kFunctions;
}

const FunctionInfo* function_named(std::string_view name) {
  for (const FunctionInfo& f : kFunctions) {
    if (f.name == name) return &f;
  }
  return nullptr;
}

bool is_reduction(std::string_view name) {
  return contains(kReductions, name);
}
bool is_keyword(std::string_view name) {
  return contains(kKeywords, name);
}

bool is_reserved(std::string_view name) {
  return contains(kSymbols, name) || is_keyword(name) || is_reduction(name) ||
         function_named(name) != nullptr;
}

std::vector<std::string> reserved_names() {
  std::vector<std::string> names(kSymbols.begin(), kSymbols.end());
  names.insert(names.end(), kReductions.begin(), kReductions.end());
  for (const FunctionInfo& f : kFunctions) names.emplace_back(f.name);
  return names;
}

bool is_name(std::string_view text) {
  const auto letter = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
  };
  if (text.empty() || text.size() > 64 || !letter(text[0])) return false;
  return std::all_of(text.begin(), text.end(),
                     [&](char c) { return letter(c) || (c >= '0' && c <= '9'); });
}

}  // namespace cotangent::lang
