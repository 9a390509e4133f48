// The names of the expression language: what is a name, what is reserved, what functions there are.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cotangent/ir/op.h"

namespace cotangent::lang {

/// A function of the language. Those with an op take real scalars and are that op; the others have
/// rules of their own.
struct FunctionInfo {
  std::string_view name;
  int least_arguments;
  int most_arguments;  ///< -1: any number
  std::optional<ir::Op> op;
  std::string_view takes;  ///< for error messages and the docs
};

std::span<const FunctionInfo> all_functions();
const FunctionInfo* function_named(std::string_view name);

bool is_reduction(std::string_view name);  ///< sum, prod, min_over, max_over
bool is_keyword(std::string_view name);    ///< and or not in if

/// q p v z t pi, functions, reductions and keywords: nothing else may have these names.
bool is_reserved(std::string_view name);
std::vector<std::string> reserved_names();

/// A letter or '_', then letters, digits and '_'; ASCII; at most 64 bytes.
bool is_name(std::string_view text);

}  // namespace cotangent::lang
