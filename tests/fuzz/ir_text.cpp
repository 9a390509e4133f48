// Any bytes given as program text are read or refused with a UserError; what is read is well
// formed and comes back the same from its own text.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "cotangent/ir/text.h"
#include "cotangent/ir/verifier.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace cotangent;
  ir::FunctionPtr f;
  try {
    f = ir::parse(std::string_view(reinterpret_cast<const char*>(data), size));
  } catch (const UserError&) {
    return 0;
  }
  ir::verify(*f);
  const std::string text = ir::print(*f);
  const ir::FunctionPtr again = ir::parse(text);
  if (!ir::structurally_equal(*f, *again) || ir::print(*again) != text) std::abort();
  return 0;
}
