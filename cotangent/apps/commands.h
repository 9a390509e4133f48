// The commands of the command line, one file each. Each takes its options and a console, and gives
// the exit code; errors are thrown and turned into text and a code by run_command_line.
#pragma once

#include <cstdint>
#include <functional>
#include <iosfwd>
#include <optional>
#include <string>
#include <vector>

#include "cotangent/telemetry/telemetry.h"

namespace cotangent::apps {

struct Answer;

/// Exit codes; docs/cli.md says what each means.
enum ExitCode : int {
  kOk = 0,
  kOurFault = 1,  ///< a bug of ours, or a device or file system that refused
  kBadInput = 2,
  kNonFinite = 3,  ///< the run stopped; what was good is kept
  kCheckFailed = 4,
  kInterrupted = 130,
};

/// Where a command writes: the answer to `out`, everything else through `telemetry`.
struct Console {
  std::ostream& out;
  telemetry::Telemetry& telemetry;
};

/// What every command that reads a system file takes.
struct FileOptions {
  std::string file;
  std::vector<std::string> set;  ///< "key=value"
  int threads = 0;
  std::string cpu;  ///< the processor to make code for; "": this one
  bool json = false;
};

struct RunOptions : FileOptions {
  std::string out;
  bool overwrite = false;
};

struct ExplainOptions : FileOptions {
  std::vector<std::string> show;  ///< of facts, plan, program, kernels, code; empty: facts, plan
};

struct CompileOptions : FileOptions {
  std::string target;
  std::string out;   ///< a file; empty: standard output
  std::string name;  ///< what names in it begin with; empty: the system file's
  bool overwrite = false;
};

struct CheckOptions : FileOptions {
  bool reverse = false;
  bool evaluate = false;         ///< op by op, on the reference evaluator
  bool grad = false;             ///< the gradient, by four ways
  std::string of;                ///< its objective; "": the whole last state
  std::vector<std::string> wrt;  ///< empty: the initial state and all parameters
  std::int64_t components = 16;  ///< that are compared with differences
  /// Of the distance, relative to the size of the initial state (1e-9 where none is given); of a
  /// derivative, relative to it.
  std::optional<double> tolerance;
};

struct GradOptions : FileOptions {
  std::string of;                ///< an expression, or the name of an observable or energy term
  std::vector<std::string> wrt;  ///< q, p, v, parameters
  std::string at = "final";      ///< or "mean"
  std::optional<std::int64_t> every;  ///< cadence of a mean, in steps
  std::string policy, budget;         ///< "": as the file says
  std::optional<double> tolerance;    ///< of the drift of undone states
};

struct DoctorOptions {
  bool json = false;
  bool clear_cache = false;  ///< that, and nothing else
};

struct ExamplesOptions {
  enum class Do : std::uint8_t { kList, kShow, kCopy, kRun } what = Do::kList;
  std::string name;
  std::string folder = ".";  ///< of copy: where to
  std::string out;           ///< of run, of a system file: as of RunOptions
  std::string picture;       ///< of run: a file to draw it into
  bool overwrite = false;
  int threads = 0;
  bool json = false;
};

/// Where the command line runs: what a program that has it inside knows better.
struct Surroundings {
  std::string examples;            ///< the folder of the examples; "": it is looked for
  std::string python = "python3";  ///< that runs examples written in Python
};

int run_command(const RunOptions& options, Console& console);
/// The same, where `tell` says what came of it.
int run_and_tell(const RunOptions& options, Console& console,
                 const std::function<void(const Answer&)>& tell);
int explain_command(const ExplainOptions& options, Console& console);
int compile_command(const CompileOptions& options, Console& console);
int check_command(const CheckOptions& options, Console& console);
int grad_command(const GradOptions& options, Console& console);
int doctor_command(const DoctorOptions& options, Console& console);
int examples_command(const ExamplesOptions& options, const Surroundings& around, Console& console);

/// The whole command line: parses, runs one command, reports errors on `err`.
int run_command_line(int argc, const char* const* argv, std::ostream& out, std::ostream& err,
                     const Surroundings& around = {});

}  // namespace cotangent::apps
