#include <sys/ioctl.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <new>
#include <optional>
#include <sstream>

#include "cotangent/apps/commands.h"
#include "cotangent/base/error.h"
#include "cotangent/base/text.h"
#include "cotangent/base/version.h"
#include "cotangent/mechanics/gradient_plan.h"
#include "cotangent/runtime/executable.h"
#include "cotangent/telemetry/environment.h"
#include "cotangent/telemetry/json_lines_sink.h"
#include "cotangent/telemetry/perfetto_sink.h"
#include "cotangent/telemetry/terminal_sink.h"

namespace cotangent::apps {
namespace {

constexpr const char* kFooter =
    "Exit codes: 0 done; 1 a device refused, or a bug of ours; 2 bad input; 3 the state turned\n"
    "non-finite (what was good is kept); 4 a check failed; 130 interrupted (what there is is "
    "kept).";

struct Common {
  bool quiet = false;
  std::string trace, log;
};

void add_file_options(CLI::App& command, FileOptions& options) {
  command.add_option("file", options.file, "the system file (TOML)")->required();
  command.add_option("--set", options.set, "override a value of the file: key=value; repeatable")
      ->expected(1)
      ->take_all();
  command.add_option("--threads", options.threads, "threads to use (default: all cores)")
      ->check(CLI::Range(1, 1024));
  command.add_option("--cpu", options.cpu,
                     "the processor to make code for: " + join(runtime::machine_names(), ", ") +
                         " (default: this one, with all it has)");
  command.add_flag("--json", options.json, "print the answer as one JSON object");
}

void add_common_options(CLI::App& command, Common& common) {
  command.add_flag("--quiet,-q", common.quiet, "no progress and no log, only warnings and errors");
  command.add_option("--trace", common.trace, "write a timeline that ui.perfetto.dev opens");
  command.add_option("--log", common.log, "write every event as a line of JSON");
}

telemetry::TerminalOptions terminal_options(const std::ostream& err, bool quiet, bool debug) {
  telemetry::TerminalOptions options;
  options.quiet = quiet;
  options.debug = debug;
  if (&err == &std::cerr && isatty(STDERR_FILENO)) {
    options.terminal = true;
    winsize size{};
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
      options.columns = size.ws_col;
  }
  return options;
}

std::ofstream opened(const std::string& path, const char* option) {
  std::ofstream stream(path);
  if (!stream) {
    throw UserError(std::string(option) + ": cannot write '" + path + "'", "name another file");
  }
  return stream;
}

/// The sinks a command line asks for, and the telemetry that reports to them.
class Reporting {
 public:
  Reporting(const Common& common, std::ostream& err)
      : common_(common),
        detail_(telemetry::detail_from_environment()),
        terminal_(err, terminal_options(err, common.quiet, detail_ != telemetry::Detail::kNone)) {
    telemetry_.add(terminal_);
    telemetry_.show(detail_);
    if (!common.log.empty()) {
      log_file_ = opened(common.log, "--log");
      telemetry_.add(log_.emplace(log_file_));
    }
    if (!common.trace.empty()) {
      trace_file_ = opened(common.trace, "--trace");
      telemetry_.add(trace_.emplace(trace_file_));
    }
  }
  telemetry::Telemetry& telemetry() { return telemetry_; }

  /// Ends the files; nothing is reported after. Throws where one could not be written whole.
  void close() {
    log_.reset(), trace_.reset();
    for (auto* stream : {&log_file_, &trace_file_}) {
      if (!stream->is_open()) continue;
      stream->close();
      const bool log = stream == &log_file_;
      if (stream->fail()) {
        throw DeviceError(std::string(log ? "--log: '" : "--trace: '") +
                          (log ? common_.log : common_.trace) + "' could not be written whole");
      }
    }
  }

  /// Bad input leaves no file behind, these included.
  void discard() const {
    for (const std::string& path : {common_.log, common_.trace}) {
      std::error_code ignored;
      if (!path.empty() && std::filesystem::is_regular_file(path, ignored)) {
        std::filesystem::remove(path, ignored);
      }
    }
  }

 private:
  const Common& common_;
  telemetry::Detail detail_;
  telemetry::TerminalSink terminal_;
  std::ofstream log_file_, trace_file_;
  std::optional<telemetry::JsonLinesSink> log_;
  std::optional<telemetry::PerfettoSink> trace_;
  telemetry::Telemetry telemetry_;
};

/// "q, p,G" as names. An error where one is empty.
std::vector<std::string> names_in(const std::string& text) {
  std::vector<std::string> names;
  std::istringstream in(text + ',');
  for (std::string name; std::getline(in, name, ',');) {
    const std::size_t first = name.find_first_not_of(' ');
    if (first == std::string::npos) {
      throw CLI::ValidationError("--wrt", "a name is missing in '" + text + "'");
    }
    names.push_back(name.substr(first, name.find_last_not_of(' ') - first + 1));
  }
  return names;
}

/// A whole number from 1.
const CLI::Validator kFromOne(
    [](std::string& text) {
      const bool digits =
          !text.empty() && text.find_first_not_of("0123456789") == std::string::npos;
      return digits && text.find_first_not_of('0') != std::string::npos
                 ? std::string()
                 : "'" + text + "' is no whole number from 1";
    },
    "");

void add_examples_commands(CLI::App& app, ExamplesOptions& options, Common& common) {
  app.require_subcommand(1);
  using Do = ExamplesOptions::Do;
  const auto add = [&](const char* name, const char* help, Do what) {
    CLI::App* command = app.add_subcommand(name, help);
    command->callback([&options, what] { options.what = what; });
    if (what != Do::kList) {
      command->add_option("name", options.name, "the name of an example")->required();
    }
    add_common_options(*command, common);
    return command;
  };
  CLI::App* list = add("list", "what there is", Do::kList);
  CLI::App* run = add("run", "run one, and compare what it gives with what it must", Do::kRun);
  add("show", "print its file", Do::kShow);
  CLI::App* copy = add("copy", "copy its files, to be changed", Do::kCopy);
  for (CLI::App* command : {list, run}) {
    command->add_flag("--json", options.json, "print the answer as one JSON object");
  }
  run->add_option("--picture", options.picture, "draw it into a file: .png or .svg");
  run->add_option("--out", options.out,
                  "of a system file: a folder for result.json, the trajectory and report.html");
  run->add_option("--threads", options.threads, "of a system file: threads (default: all cores)")
      ->check(CLI::Range(1, 1024));
  copy->add_option("folder", options.folder, "where to")->capture_default_str();
  for (CLI::App* command : {run, copy}) {
    command->add_flag("--overwrite", options.overwrite, "let it replace files");
  }
}

/// Runs `command`, and turns what it throws into a text and a code.
template <class Command>
int guarded(std::ostream& err, Command command) {
  try {
    return command();
  } catch (const UserError& error) {
    err << "error: " << error.what() << '\n';
    return kBadInput;
  } catch (const std::bad_alloc&) {
    err << "error: out of memory\n";
    return kOurFault;
  } catch (const std::exception& error) {
    err << "error: " << error.what() << '\n';
    return kOurFault;
  }
}

/// There is no such command.
[[noreturn]] void refuse_command(const CLI::App& app, const std::string& name) {
  std::vector<std::string> names;
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    names.push_back(command->get_name());
  }
  throw UserError(
      "there is no command '" + name + "'",
      "the commands are " + join(names, ", ") + "; `cotangent --help` says what they do");
}

}  // namespace

int run_command_line(int argc, const char* const* argv, std::ostream& out, std::ostream& err,
                     const Surroundings& around) {
  CLI::App app{"Cotangent, a physics compiler: a system file in, a trusted trajectory out.",
               "cotangent"};
  app.set_version_flag("--version", std::string("cotangent ") + kVersion);
  app.footer(kFooter);
  app.require_subcommand(1);
  app.fallthrough(false);

  Common common;
  RunOptions run;
  ExplainOptions explain;
  CompileOptions compile;
  CheckOptions check;
  GradOptions grad;
  DoctorOptions doctor;
  ExamplesOptions examples;

  CLI::App* run_app = app.add_subcommand("run", "run a system file");
  add_file_options(*run_app, run);
  add_common_options(*run_app, common);
  run_app->add_option("--out", run.out, "a folder for result.json, the trajectory and report.html");
  run_app->add_flag("--overwrite", run.overwrite, "let --out replace what an earlier run left");

  CLI::App* explain_app = app.add_subcommand("explain", "say what is known and what would be done");
  add_file_options(*explain_app, explain);
  add_common_options(*explain_app, common);
  explain_app->add_option("--show", explain.show, "facts,plan,program,kernels,code")
      ->delimiter(',');

  CLI::App* compile_app =
      app.add_subcommand("compile", "write the simulation as source of another language");
  add_file_options(*compile_app, compile);
  add_common_options(*compile_app, common);
  compile_app->add_option("--target", compile.target, "c, cuda or wgsl")->required();
  compile_app->add_option("-o,--out", compile.out, "the file to write (default: print it)");
  compile_app->add_option("--name", compile.name,
                          "what names in it begin with (default: the file's name)");
  compile_app->add_flag("--overwrite", compile.overwrite, "let --out replace a file");

  CLI::App* check_app = app.add_subcommand("check", "check a run against what must hold");
  add_file_options(*check_app, check);
  add_common_options(*check_app, common);
  check_app->add_flag("--reverse", check.reverse, "run there, then back, and print the distance");
  check_app->add_flag("--evaluate", check.evaluate,
                      "run op by op on the reference evaluator, and name the first value that is "
                      "not finite (slow)");
  check_app->add_flag(
      "--grad", check.grad,
      "compare the gradient in reverse, forward, by differences and by dot products");
  check_app->add_option("--of", check.of,
                        "with --grad: its objective, as in grad (default: the whole last state)");
  check_app->add_option_function<std::string>(
      "--wrt", [&](const std::string& text) { check.wrt = names_in(text); },
      "with --grad: what to differentiate by (default: the initial state and all "
      "parameters)");
  check_app
      ->add_option("--components", check.components,
                   "with --grad: how many components to compare with differences")
      ->check(kFromOne)
      ->capture_default_str();
  check_app
      ->add_option(
          "--tolerance", check.tolerance,
          "largest distance that passes, relative to the initial state's size; with --grad "
          "the largest relative difference (default there: 1e-6, with f32 1e-3)")
      ->check(CLI::NonNegativeNumber);

  CLI::App* grad_app =
      app.add_subcommand("grad", "the gradient of what a run ends in, or of a mean over it");
  add_file_options(*grad_app, grad);
  add_common_options(*grad_app, common);
  grad_app
      ->add_option("--of", grad.of,
                   "the objective: an expression as in [observe], or the name of an observable, of "
                   "an energy term, or energy")
      ->required();
  grad_app
      ->add_option_function<std::string>(
          "--wrt", [&](const std::string& text) { grad.wrt = names_in(text); },
          "what to differentiate by: q, p, v, parameters, separated by commas")
      ->required();
  grad_app->add_option("--at", grad.at, "final (the last state) or mean (over samples)")
      ->capture_default_str();
  grad_app->add_option("--every", grad.every, "cadence of the mean's samples, in steps")
      ->check(kFromOne);
  grad_app->add_option(
      "--policy", grad.policy,
      "what is kept of the run: " + join(mechanics::gradient_policy_names(), ", ") +
          " (default: [gradient] policy of the file, or auto)");
  grad_app->add_option("--budget", grad.budget,
                       "bytes for what is kept, such as 10MB (default: the file's, or 256MiB)");
  grad_app
      ->add_option("--tolerance", grad.tolerance,
                   "drift of undone states from which on states are kept instead")
      ->check(CLI::NonNegativeNumber);

  CLI::App* doctor_app =
      app.add_subcommand("doctor", "compile and run one program on each back end");
  doctor_app->add_flag("--json", doctor.json, "print the answer as one JSON object");
  doctor_app->add_flag("--clear-cache", doctor.clear_cache,
                       "remove all code kept on disk, and do nothing else");
  add_common_options(*doctor_app, common);

  CLI::App* examples_app = app.add_subcommand("examples", "the examples that come with Cotangent");
  add_examples_commands(*examples_app, examples, common);

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    // --help and --version arrive here too.
    if (argc > 1 && argv[1][0] != '-' && app.get_subcommands().empty()) {
      return guarded(err, [&]() -> int { refuse_command(app, argv[1]); });
    }
    return app.exit(error, out, err) == 0 ? kOk : kBadInput;
  }
  return guarded(err, [&] {
    Reporting reporting(common, err);
    Console console{out, reporting.telemetry()};
    try {
      const int code = run_app->parsed()       ? run_command(run, console)
                       : explain_app->parsed() ? explain_command(explain, console)
                       : compile_app->parsed() ? compile_command(compile, console)
                       : check_app->parsed()   ? check_command(check, console)
                       : grad_app->parsed()    ? grad_command(grad, console)
                       : doctor_app->parsed()  ? doctor_command(doctor, console)
                                               : examples_command(examples, around, console);
      if (!out.flush()) throw DeviceError("cannot write the answer to standard output");
      reporting.close();
      return code;
    } catch (const UserError&) {
      reporting.discard();
      throw;
    }
  });
}

}  // namespace cotangent::apps
