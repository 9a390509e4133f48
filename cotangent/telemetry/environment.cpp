#include "cotangent/telemetry/environment.h"

#include <cstdlib>
#include <iostream>
#include <string>

#include "cotangent/base/error.h"
#include "cotangent/telemetry/terminal_sink.h"

namespace cotangent::telemetry {

Detail detail_from_environment() {
  const char* text = std::getenv("COTANGENT_DEBUG");
  if (!text || !*text) return Detail::kNone;
  const std::string level = text;
  if (level.size() != 1 || level[0] < '0' || level[0] > '5') {
    throw UserError(
        "COTANGENT_DEBUG is '" + level + "'",
        "it can be 1 (plan), 2 (kernels), 3 (kernel programs), 4 (LLVM IR and assembly) "
        "or 5 (every pass); 0 is nothing");
  }
  return static_cast<Detail>(level[0] - '0');
}

Telemetry* from_environment() {
  static Telemetry* const telemetry = []() -> Telemetry* {
    const Detail detail = detail_from_environment();
    if (detail == Detail::kNone) return nullptr;
    TerminalOptions options;
    options.debug = true;
    auto* made = new Telemetry;  // never deleted: kernels report until the process ends
    made->add(*new TerminalSink(std::cerr, options));
    made->show(detail);
    return made;
  }();
  return telemetry;
}

}  // namespace cotangent::telemetry
