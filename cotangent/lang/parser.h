// Tokens -> syntax tree, by recursive descent over the grammar of section 6 of the design.
#pragma once

#include "cotangent/lang/ast.h"

namespace cotangent::lang {

inline constexpr int kMaxExpressionDepth = 256;

/// Throws UserError for text that is no expression, is longer than 64 kB or nested deeper than 256.
ExpressionPtr parse_expression(SourceText source);

}  // namespace cotangent::lang
