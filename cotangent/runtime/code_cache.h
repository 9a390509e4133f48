// Compiled code kept on disk, so that a program that was compiled once, by whatever process, loads
// in a millisecond. An entry is named by all that decides its bytes (backend/cpu/code_key.h), so it
// is never stale; base/private_store.h says how it is kept. Nothing that goes wrong with the cache
// is an error: the code is then generated.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "cotangent/base/private_store.h"
#include "cotangent/telemetry/telemetry.h"

namespace cotangent::runtime {

struct CacheOptions {
  bool on = true;
  /// "": $COTANGENT_CACHE_DIR, else $XDG_CACHE_HOME/cotangent, else ~/.cache/cotangent; and none if
  /// $COTANGENT_CACHE is "off".
  std::string folder;
  std::uint64_t most_bytes = 0;  ///< 0: $COTANGENT_CACHE_SIZE ("500M"), else 1 GiB
};

/// Options with the environment read and defaults filled in; `on` false when there is no place.
/// UserError for an environment variable that cannot be understood.
CacheOptions resolved(const CacheOptions& options);

/// Null when there is none; a folder that must not be used is told as a warning, one that cannot be
/// had as a debug message.
std::unique_ptr<PrivateStore> open_cache(const CacheOptions& options,
                                         telemetry::Telemetry* telemetry);

/// For doctor and logs.
struct CacheState {
  CacheOptions options;  ///< resolved
  std::string trouble;   ///< why it is not used, though on
  PrivateStore::Usage usage;
};
CacheState cache_state(const CacheOptions& options = {});

/// Removes all entries; gives what was removed. DeviceError when the folder must not be used.
PrivateStore::Usage clear_cache(const CacheOptions& options = {});

}  // namespace cotangent::runtime
