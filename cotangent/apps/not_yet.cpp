#include "cotangent/apps/not_yet.h"

#include "cotangent/base/error.h"

namespace cotangent::apps {

void refuse_what_does_not_run(const formats::LoadedFile& file) {
  const auto refuse = [&](const std::string& what, SourceSpan span) {
    throw UserError(
        ErrorParts{what + " can be read, and does not run yet", show_place(*file.source, span),
                   "the keys of docs/system_files.md", "remove it, or wait for a later version"});
  };
  const mechanics::RunSettings& run = file.run;
  const struct {
    const char* key;
    SourceSpan span;
  } keys[] = {
      {"splitting", run.splitting_span},
      {"modes", run.modes_span},
      {"matrix", run.matrix_span},
  };
  for (const auto& key : keys) {
    if (!key.span.empty()) refuse(key.key, key.span);
  }
}

}  // namespace cotangent::apps
