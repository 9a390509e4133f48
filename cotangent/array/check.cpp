#include "cotangent/array/check.h"

#include "cotangent/array/elementwise.h"
#include "cotangent/array/record.h"

namespace cotangent::array {
namespace {

/// A number of the message alone, so that the same program recorded again is the same program.
std::int64_t site_of(const std::string& message) {
  std::uint64_t hash = 0xcbf29ce484222325ull;  // FNV-1a
  for (const char c : message) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ull;
  return static_cast<std::int64_t>(hash >> 16);
}

}  // namespace

Array check(const Array& x, const Array& holds, const std::string& message) {
  if (message.empty()) refuse("check", "there is no message", "say what was to hold");
  const Array truth = is_bool(holds.dtype()) ? holds : holds != scalar_like(0, holds);
  return make(Op::kCheck, {truth.node(), x.node()}, ir::CheckAttr{site_of(message), message}, {},
              x.is_weak());
}

}  // namespace cotangent::array
