#include "cotangent/apps/not_yet.h"

#include "cotangent/base/error.h"

namespace cotangent::apps {

void refuse_what_does_not_run(const formats::LoadedFile& file) {
  const auto refuse = [&](const std::string& what, SourceSpan span) {
    throw UserError(
        ErrorParts{what + " can be read, and does not run yet", show_place(*file.source, span),
                   "[energy] of canonical q and p, and the keys of docs/system_files.md",
                   "remove it, or wait for a later version"});
  };
  const mechanics::System& system = file.system;
  if (!system.symmetries.empty()) refuse("[symmetries]", system.symmetries[0].span);
  const mechanics::RunSettings& run = file.run;
  if (run.multirate) refuse("[multirate]", run.multirate->levels_span);
  const mechanics::MonitorSettings& monitor = run.monitor;
  const struct {
    const char* key;
    SourceSpan span;
  } keys[] = {
      {"shadow", monitor.shadow_span},
      {"lyapunov", monitor.lyapunov_span},
      {"megno", monitor.megno_span},
      {"symplecticity", monitor.symplecticity_span},
      {"every of [monitor]", monitor.every_span},
      {"stop", monitor.stop_span},
      {"accuracy", run.accuracy_span},
      {"tolerance", run.tolerance_span},
      {"splitting", run.splitting_span},
      {"coordinates", run.coordinates_span},
      {"corrector", run.corrector_span},
      {"modes", run.modes_span},
      {"matrix", run.matrix_span},
  };
  for (const auto& key : keys) {
    if (!key.span.empty()) refuse(key.key, key.span);
  }
}

}  // namespace cotangent::apps
