// Expressions of a system file, and arrays of expressions.
#pragma once

#include "cotangent/formats/document.h"
#include "cotangent/lang/context.h"

namespace cotangent::formats {

/// The expression in a string. `what` names it in messages. Throws UserError.
lang::ExpressionPtr read_expression(const SourcePtr& file, const Node& node,
                                    const std::string& what);

/// What an array of this shape is: one expression, or a (nested) list of expressions and numbers,
/// one for each row or each entry. Throws UserError where the list does not fit the shape.
lang::ArrayText read_array_text(const SourcePtr& file, const Node& node, const std::string& name,
                                const Shape& shape);

/// The same for each of `arrays`, from a table with their names as keys; a key may have indices:
/// "x[i]" = "...", for every i. In the order of `arrays`; those without a key have no parts. Throws
/// UserError for other keys and for an array that is given twice. `table` is "[equations]".
std::vector<lang::ArrayText> read_array_rules(const SourcePtr& file, const Node& node,
                                              const std::vector<lang::NamedShape>& arrays,
                                              const std::string& table);

}  // namespace cotangent::formats
