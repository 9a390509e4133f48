// Numbers of a system file: literals, nested arrays, "= expr", data files.
#pragma once

#include <filesystem>
#include <optional>
#include <vector>

#include "cotangent/formats/document.h"
#include "cotangent/formats/system_file.h"
#include "cotangent/lang/context.h"

namespace cotangent::formats {

class FileUnits;

/// What reading values needs to know. `files` collects the data files that were read. `units` is
/// null for a file without units.
struct ValueSource {
  SourcePtr file;
  std::optional<std::filesystem::path> folder;
  Limits limits;
  std::vector<std::filesystem::path>* files = nullptr;
  FileUnits* units = nullptr;
};

/// The value of a node: an i64 tensor when all numbers are integers, else f64; finite. `what` names
/// it in messages ("parameter 'm'"). "= expr" strings are worked out with `names`. Units are told to
/// `source.units`, which turns values into the file's own.
ir::Tensor read_numbers(const ValueSource& source, const Node& node, const std::string& what,
                        const lang::Context& names);

/// The same for one number, as a real or as an integer.
double read_real(const ValueSource& source, const Node& node, const std::string& what,
                 const lang::Context& names);
std::int64_t read_integer(const ValueSource& source, const Node& node, const std::string& what,
                          const lang::Context& names);

/// The expressions after "=" in a node, those inside arrays included.
std::vector<lang::ExpressionPtr> computed_parts(const SourcePtr& file, const Node& node,
                                                const std::string& what);

/// Whether a string is an expression: "= ..."
bool is_computed(const std::string& text);

ir::Tensor as_real(const ir::Tensor& tensor);

}  // namespace cotangent::formats
