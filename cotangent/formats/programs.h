// Programs in a system file: what a function in Python or C++ became, in place of an expression.
//
//   [energy.kinetic]
//   program = '''
//   function kinetic(%0 q: f64[1], %1 p: f64[1], %2 t: f64, %3 k: f64) { ... }
//   '''
//
// The text is that of ir/text.h, so a system that was traced elsewhere reads back to the same bits.
#pragma once

#include "cotangent/formats/values.h"
#include "cotangent/ir/function.h"

namespace cotangent::formats {

/// What a program of a file takes.
enum class Takes {
  kState,       ///< (q, p: f64 shape, or x: f64 [n]; t: f64; real parameters...)
  kVelocities,  ///< the same, with v after p where the state is q and p: an observable
};

/// Whether a value is a table with a program in it.
bool has_program(const Node& node);

/// The program in a table with the key "program", and no other but those of `besides`. `what` names
/// it in messages. It takes the state that `names` has and gives one f64 array of `result`, of any
/// shape where that is not given. UserError, with the place, for another text, other arguments or
/// results, for a value larger than a state may be, and in a file with units, which a program does
/// not have.
ir::FunctionPtr read_program(const ValueSource& source, const Node& table, const std::string& what,
                             const lang::Context& names, Takes takes,
                             const std::optional<Shape>& result,
                             const std::vector<std::string>& besides = {});

/// A table with the text of a program; its key is "program".
Node program_table(const ir::Function& program);

/// A tensor of f64 as numbers of a file, nested as its shape is.
Node numbers(const ir::Tensor& tensor);

/// A string, and an entry of a table, of no place.
Node text_node(std::string text);
Entry entry_of(std::string key, Node value);

}  // namespace cotangent::formats
