// Programs that the command line starts.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace cotangent::apps {

/// Starts argv[0] (found on the PATH where it is no path), gives what it writes to standard output
/// to `output` as it comes, and waits. What it writes to standard error goes where ours goes. Gives
/// its exit code, 128 + n where signal n ended it, and -1 where there is no such program.
int run_program(const std::vector<std::string>& argv,
                const std::function<void(std::string_view)>& output);

}  // namespace cotangent::apps
