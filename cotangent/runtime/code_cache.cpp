#include "cotangent/runtime/code_cache.h"

#include <charconv>
#include <cstdlib>

#include "cotangent/base/error.h"

namespace cotangent::runtime {
namespace {

constexpr std::uint64_t kDefaultBytes = std::uint64_t{1} << 30;

std::string environment(const char* name) {
  const char* text = std::getenv(name);
  return text ? text : "";
}

/// "1000000", "500M", "2G": bytes; K, M, G are powers of 1024.
std::uint64_t bytes_of(const std::string& text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const std::string unit(end, text.data() + text.size());
  const std::string units[] = {"", "K", "M", "G"};
  for (int k = 0; k < 4; ++k) {
    const std::uint64_t scale = std::uint64_t{1} << (10 * k);
    if (error == std::errc() && unit == units[k] && number > 0 && number <= UINT64_MAX / scale)
      return number * scale;
  }
  throw UserError("COTANGENT_CACHE_SIZE is '" + text + "', which is no size",
                  "write a number of bytes, or one with K, M or G: COTANGENT_CACHE_SIZE=500M");
}

bool switched_on() {
  const std::string text = environment("COTANGENT_CACHE");
  if (text.empty() || text == "on") return true;
  if (text == "off") return false;
  throw UserError("COTANGENT_CACHE is '" + text + "'", "it can be on or off");
}

}  // namespace

CacheOptions resolved(const CacheOptions& options) {
  CacheOptions result = options;
  if (!result.on) return result;
  if (result.folder.empty()) {
    result.on = switched_on();
    // As the XDG Base Directory Specification wants it: relative paths there do not count.
    const std::string own = environment("COTANGENT_CACHE_DIR");
    const std::string xdg = environment("XDG_CACHE_HOME"), home = environment("HOME");
    if (!own.empty()) {
      result.folder = own;
    } else if (xdg.starts_with("/")) {
      result.folder = xdg + "/cotangent";
    } else if (home.starts_with("/")) {
      result.folder = home + "/.cache/cotangent";
    } else {
      result.on = false;
    }
  }
  if (result.most_bytes == 0) {
    const std::string size = environment("COTANGENT_CACHE_SIZE");
    result.most_bytes = size.empty() ? kDefaultBytes : bytes_of(size);
  }
  return result;
}

std::unique_ptr<PrivateStore> open_cache(const CacheOptions& options,
                                         telemetry::Telemetry* telemetry) {
  const CacheOptions known = resolved(options);
  if (!known.on) return nullptr;
  PrivateStore::Trouble trouble;
  auto store = PrivateStore::open(known.folder, known.most_bytes, trouble);
  if (!store && telemetry) {
    telemetry->log(trouble.unsafe ? telemetry::Level::kWarning : telemetry::Level::kDebug,
                   "no code cache: " + trouble.text);
  }
  return store;
}

CacheState cache_state(const CacheOptions& options) {
  CacheState state;
  state.options = resolved(options);
  if (!state.options.on) return state;
  PrivateStore::Trouble trouble;
  const auto store =
      PrivateStore::open(state.options.folder, state.options.most_bytes, trouble, false);
  if (store) state.usage = store->usage();
  if (!trouble.missing) state.trouble = trouble.text;
  return state;
}

PrivateStore::Usage clear_cache(const CacheOptions& options) {
  const CacheOptions known = resolved(options);
  PrivateStore::Trouble trouble;
  const auto store = PrivateStore::open(known.folder, known.most_bytes, trouble, false);
  if (store) return store->clear();
  if (trouble.missing || known.folder.empty()) return {};
  throw DeviceError("the code cache cannot be cleared: " + trouble.text);
}

}  // namespace cotangent::runtime
