// Evaluation of pending operations, and where compiled programs are kept.
//
// evaluate: the pending graph above the arrays asked for becomes one ir function. Buffers and
// literals are its parameters, so its structure has no values in it; a program of the same
// structure is found in the cache. Arrays that the caller still holds are kept when they are
// computed on the way, so nothing is ever computed twice. The passes that change rounding are off
// here: no bit depends on what is evaluated when. The exception is what compiled code leaves to a
// library (factorisations and solves of order 17 and more, products with m n k >= 32^3): it differs
// from interpreted runs in the last bits.
//
// A structure that is small and new is run by the reference evaluator, which needs no compilation;
// it is compiled when it comes again.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "cotangent/array/array.h"
#include "cotangent/runtime/executable.h"
#include "cotangent/telemetry/telemetry.h"

namespace cotangent::array {

/// How programs of arrays are compiled, and what has been compiled.
class Context {
 public:
  static constexpr int kMostThreads = 1024;
  struct Options {
    int threads = 0;                  ///< of team kernels, to kMostThreads; 0: the machine's
    std::size_t max_programs = 1024;  ///< compiled programs kept; the least recently used goes
    double interpret_below = 2e4;  ///< element operations up to which a new program is interpreted
    int compile_at_use = 4;        ///< ... and at which use it is compiled after all
    /// Hears of passes, kernels and calls, and must live longer than what is compiled; null: what
    /// COTANGENT_DEBUG asks for goes to standard error.
    telemetry::Telemetry* telemetry = nullptr;
  };
  struct Statistics {
    std::int64_t evaluations = 0;   ///< programs run
    std::int64_t cache_hits = 0;    ///< ... whose structure was known
    std::int64_t interpreted = 0;   ///< ... that were run by the reference evaluator
    std::int64_t compilations = 0;  ///< programs compiled to machine code
  };

  Context();  ///< default options
  explicit Context(Options options);
  ~Context();
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  Options options() const;
  void set_options(Options options);
  Statistics statistics() const;
  void clear();  ///< forgets all compiled programs

  /// Runs `f`; results are new buffers. Exact rounding: see above.
  std::vector<runtime::BufferPtr> run(const ir::FunctionPtr& f,
                                      std::span<const runtime::BufferPtr> arguments);
  /// Compiles for many calls: all passes, those that change rounding included.
  runtime::ExecutablePtr compile(const ir::FunctionPtr& f);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// The one that arrays use. A memo only: what it holds never changes a result
/// (docs/decisions/0011-lazy-arrays.md).
Context& default_context();

/// Held while a graph is walked, and while nodes become ready; never while a program runs.
std::recursive_mutex& graph_mutex();

/// Makes every node ready; UserError when one is of a function being traced.
void evaluate_nodes(std::span<const NodePtr> nodes);

/// The buffer of a node, computed when it is not there yet.
const runtime::BufferPtr& buffer_of(const NodePtr& node);

/// UserError where the record that a program with checks gives last, i64[4], holds a fault; it
/// names the program.
void throw_if_faulty(const void* record, std::span<const transform::FaultSite> checks,
                     const std::string& program);

/// A hash of the structure: bodies by what they hold, names left out.
std::size_t structural_hash(const ir::Function& f);

/// Element operations of one run, roughly.
double estimate_work(const ir::Function& f);

}  // namespace cotangent::array
