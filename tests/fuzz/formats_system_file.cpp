// Fuzzes the way from TOML text to a system: any text is a system or a UserError. A text may hold
// "\n@@@" followed by a --set. Seeds: tests/fuzz/seeds/formats_system_file.
#include <cstdint>
#include <string>

#include "cotangent/base/error.h"
#include "cotangent/formats/data_file.h"
#include "cotangent/formats/system_file.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace cotangent;
  std::string text(reinterpret_cast<const char*>(data), size);
  try {
    formats::parse_data_text("data.csv", text);
  } catch (const UserError&) {
  }
  try {
    std::vector<formats::Override> overrides;
    const std::size_t mark = text.find("\n@@@");
    if (mark != std::string::npos) {
      overrides.push_back(formats::parse_override(text.substr(mark + 4)));
      text.resize(mark);
    }
    formats::Limits limits;
    limits.file_bytes = 1 << 20;
    limits.state_bytes = 1 << 20;
    const auto loaded = formats::parse_system_text("fuzz.toml", text, overrides, {}, limits);
    if (loaded.system.terms.empty() == !loaded.system.rate) __builtin_trap();
    if (!(loaded.run.dt > 0)) __builtin_trap();
  } catch (const UserError& error) {
    if (error.parts().what.empty()) __builtin_trap();
  }
  return 0;
}
