#include "cotangent/apps/interrupt.h"

#include <csignal>

namespace cotangent::apps {
namespace {

constexpr int kSignals[] = {SIGINT, SIGTERM};

volatile std::sig_atomic_t interrupt_raised = 0;

extern "C" void raise_interrupt_flag(int) {
  interrupt_raised = 1;
}

}  // namespace

InterruptFlag::InterruptFlag() {
  interrupt_raised = 0;
  struct sigaction action{};
  action.sa_handler = raise_interrupt_flag;
  // One-shot: the second one does what it always did.
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  sigemptyset(&action.sa_mask);
  for (const int signal : kSignals) sigaction(signal, &action, nullptr);
}

InterruptFlag::~InterruptFlag() {
  for (const int signal : kSignals) std::signal(signal, SIG_DFL);
}

bool InterruptFlag::raised() const {
  return interrupt_raised != 0;
}

}  // namespace cotangent::apps
