// Ctrl-C, and the signal by which batch systems end a job: the handler sets a flag, the run asks
// for it between chunks.
#pragma once

namespace cotangent::apps {

/// While it lives, the first SIGINT or SIGTERM only raises a flag; a second one ends the process at
/// once.
/// One at a time. The flag is the program's only mutable global: a signal handler can reach no
/// other.
class InterruptFlag {
 public:
  InterruptFlag();
  ~InterruptFlag();
  InterruptFlag(const InterruptFlag&) = delete;
  InterruptFlag& operator=(const InterruptFlag&) = delete;
  bool raised() const;
};

}  // namespace cotangent::apps
