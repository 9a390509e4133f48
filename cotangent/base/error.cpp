#include "cotangent/base/error.h"

namespace cotangent {
namespace {

std::string render(const ErrorParts& parts) {
  std::string text;
  auto line = [&](const char* label, const std::string& part) {
    if (part.empty()) return;
    if (!text.empty()) text += '\n';
    text += label;
    text += part;
  };
  line("", parts.what);
  line("  at ", parts.where);
  line("  expected: ", parts.why);
  line("  to do: ", parts.remedy);
  return text;
}

}  // namespace

Error::Error(ErrorParts parts) : std::runtime_error(render(parts)), parts_(std::move(parts)) {}

InternalError::InternalError(std::string what)
    : Error({"internal error (a bug in Cotangent, please report it): " + std::move(what), "", "",
             ""}) {}

}  // namespace cotangent
