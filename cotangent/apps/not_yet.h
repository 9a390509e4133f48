// What system files may say and no run does yet.
#pragma once

#include "cotangent/formats/system_file.h"

namespace cotangent::apps {

/// Throws UserError, with the place, for the first thing in the file that would be read and have no
/// effect.
void refuse_what_does_not_run(const formats::LoadedFile& file);

}  // namespace cotangent::apps
