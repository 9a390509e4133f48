// A document as TOML text again: what a file says with the values that were set from outside.
#pragma once

#include <string>

#include "cotangent/formats/document.h"

namespace cotangent::formats {

/// The text of a whole document, in the order of its entries; comments are gone, numbers are
/// written so that they read back to the same bits.
std::string toml_text(const Node& root);

}  // namespace cotangent::formats
