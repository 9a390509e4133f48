#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <ostream>
#include <sstream>

#include "cotangent/apps/answer.h"
#include "cotangent/apps/example_index.h"
#include "cotangent/apps/expectations.h"
#include "cotangent/apps/programs.h"
#include "cotangent/apps/text_table.h"
#include "cotangent/base/error.h"
#include "cotangent/base/text.h"

namespace cotangent::apps {
namespace {
namespace fs = std::filesystem;
using ordered = nlohmann::ordered_json;

int list_examples(const Gallery& gallery, const ExamplesOptions& options, std::ostream& out) {
  if (options.json) {
    ordered all = ordered::array();
    for (const Example& e : gallery.examples) {
      all.push_back({{"name", e.name},
                     {"kind", kind_text(e.kind)},
                     {"title", e.title},
                     {"shows", e.shows},
                     {"file", e.file.string()}});
    }
    out << ordered{{"schema", "cotangent.examples/1"}, {"examples", all}}.dump(2) << '\n';
    return kOk;
  }
  TextTable table;
  table.width = 120;
  for (const Example& e : gallery.examples) {
    table.rows.push_back({e.name, kind_text(e.kind), e.title + ": " + e.shows});
  }
  out << table << "\ncotangent examples run NAME   runs one; show NAME prints its file\n";
  return kOk;
}

int show_example(const Example& example, std::ostream& out) {
  std::ifstream in(example.file, std::ios::binary);
  if (!in) throw UserError("cannot read '" + example.file.string() + "'");
  out << in.rdbuf();
  return kOk;
}

/// Its file and what that reads, in the folder of examples: the helper of its language, and the
/// files it reads.
std::vector<fs::path> files_of(const Example& example) {
  std::vector<fs::path> files{example.file.filename()};
  if (example.kind == ExampleKind::kPython) files.push_back("gallery/__init__.py");
  if (example.kind == ExampleKind::kCpp) files.push_back("gallery/picture.h");
  for (const std::string& name : example.reads) files.emplace_back(name);
  return files;
}

std::string text_of(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

int copy_example(const Gallery& gallery, const Example& example, const ExamplesOptions& options,
                 std::ostream& out) {
  const fs::path folder = options.folder;
  if (!fs::is_directory(folder)) {
    throw UserError("'" + folder.string() + "' is no folder", "make it, or name another one");
  }
  const std::vector<fs::path> files = files_of(example);
  for (const fs::path& file : files) {
    // Examples share files; one that is there as it is, is no loss.
    if (!options.overwrite && fs::exists(folder / file) &&
        text_of(folder / file) != text_of(gallery.folder / file)) {
      throw UserError("'" + (folder / file).string() + "' is there already",
                      "name another folder, or say --overwrite");
    }
  }
  for (const fs::path& file : files) {
    std::error_code error;
    fs::create_directories((folder / file).parent_path(), error);
    fs::copy_file(gallery.folder / file, folder / file, fs::copy_options::overwrite_existing,
                  error);
    if (error) throw DeviceError("cannot write '" + (folder / file).string() + "'");
    out << (folder / file).string() << '\n';
  }
  return kOk;
}

/// A folder of its own, removed with all it holds.
class ScratchFolder {
 public:
  ScratchFolder() {
    std::string name = (fs::temp_directory_path() / "cotangent-example-XXXXXX").string();
    if (!mkdtemp(name.data())) throw DeviceError("cannot make a folder in the one for temporaries");
    path_ = name;
  }
  ~ScratchFolder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

/// Runs a program whose output is our answer, or where --json is given part of it.
int run_shown(const std::vector<std::string>& argv, const ExamplesOptions& options,
              std::ostream& out, std::string& kept) {
  out.flush();
  return run_program(argv, [&](std::string_view text) {
    if (options.json)
      kept += text;
    else
      out << text << std::flush;
  });
}

/// The exit code of a program among ours: it checks itself and fails by any other code than these.
int code_of_program(int code) {
  return code == kOk || code == kBadInput || code == kInterrupted ? code : kCheckFailed;
}

void refuse_missing_python(const std::string& python) {
  throw UserError("there is no program '" + python + "'",
                  "install Python, or run `python -m cotangent examples run` of its package");
}

void refuse_missing_package(const Example& example, const std::string& python) {
  const int code = run_program(
      {python, "-c",
       "import importlib.util, sys; sys.exit(not importlib.util.find_spec('cotangent'))"},
      [](std::string_view) {});
  if (code == -1) refuse_missing_python(python);
  if (code == 0) return;
  throw UserError({"the example '" + example.name + "' is a program in Python",
                   example.file.string(), python + " does not find the package cotangent",
                   "`pip install .` in a checkout, in an environment whose python3 is the first on "
                   "the PATH; or `python -m cotangent examples run " +
                       example.name + "` there"});
}

/// A program in C++ is made with the checkout, beside this one.
fs::path program_of(const Example& example) {
  std::error_code ignored;
  const fs::path here = fs::read_symlink("/proc/self/exe", ignored).parent_path();
  fs::path program = here / "examples" / example.name;
  if (fs::is_regular_file(program, ignored)) return program;
  throw UserError({"the example '" + example.name + "' is a program in C++ that is not built",
                   example.file.string(), "it is looked for at " + program.string(),
                   "in a checkout: `cmake --preset release && cmake --build build/release --target "
                   "example_" +
                       example.name + "`, then build/release/cotangent examples run " +
                       example.name});
}

int run_program_example(const Gallery& gallery, const Example& example,
                        const ExamplesOptions& options, const Surroundings& around,
                        std::ostream& out) {
  if (!options.out.empty()) {
    throw UserError("[examples] --out is for system files; '" + example.name +
                        "' is a program in " + kind_text(example.kind),
                    "leave it out; --picture draws it");
  }
  std::vector<std::string> argv;
  if (example.kind == ExampleKind::kPython) {
    refuse_missing_package(example, around.python);
    argv = {around.python, example.file.string()};
  } else {
    argv = {program_of(example).string()};
    for (const std::string& name : example.reads) argv.push_back(gallery.folder / name);
  }
  if (!options.picture.empty()) argv.insert(argv.end(), {"--picture", options.picture});
  if (!options.json) out << example.name << ": " << join(argv, " ") << '\n';
  std::string kept;
  const int code = code_of_program(run_shown(argv, options, out, kept));
  if (options.json) {
    out << ordered{{"schema", "cotangent.example/1"}, {"name", example.name},
                   {"kind", kind_text(example.kind)}, {"passed", code == kOk},
                   {"asserts", example.asserts},      {"output", kept}}
               .dump(2)
        << '\n';
  }
  return code;
}

/// Of a system file: drawn in Python from the files of a run.
void draw(const Gallery& gallery, const Example& example, const std::string& run,
          const std::string& picture, const Surroundings& around) {
  const std::string drawing = gallery.folder / "gallery/draw.py";
  const int code =
      run_program({around.python, drawing, example.name, run, picture}, [](std::string_view) {});
  if (code == -1) refuse_missing_python(around.python);
  if (code != 0) {
    throw UserError("'" + picture + "' is not drawn", "what Python said is above");
  }
}

ordered outcomes_json(const std::vector<Outcome>& outcomes) {
  ordered all = ordered::array();
  for (const Outcome& o : outcomes) {
    ordered one = {{"that", o.expected.that},
                   {"since", o.expected.since},
                   {"at", o.expected.value},
                   {"value", o.value}};
    if (o.expected.near) one["near"] = *o.expected.near, one["within"] = *o.expected.within;
    if (o.expected.above) one["above"] = *o.expected.above;
    if (o.expected.below) one["below"] = *o.expected.below;
    one["met"] = o.met();
    all.push_back(one);
  }
  return all;
}

int run_system_example(const Gallery& gallery, const Example& example,
                       const ExamplesOptions& options, const Surroundings& around,
                       Console& console) {
  RunOptions run;
  run.file = example.file.string();
  run.threads = options.threads;
  run.overwrite = options.overwrite;
  run.out = options.out;
  std::optional<ScratchFolder> scratch;
  if (!options.picture.empty() && options.out.empty()) {
    run.out = scratch.emplace().path() / "run";
  }
  bool passed = true;
  const int code = run_and_tell(run, console, [&](const Answer& answer) {
    const Answer shown{answer.prepared, answer.result,
                       scratch ? std::vector<std::string>() : answer.outputs};
    std::ostringstream text;
    write_answer_json(text, shown, 0);
    const std::vector<Outcome> outcomes = outcomes_of(example.expect, text.str());
    for (const Outcome& o : outcomes) passed = passed && o.met();
    if (options.json) {
      console.out << ordered{{"schema", "cotangent.example/1"},
                             {"name", example.name},
                             {"kind", kind_text(example.kind)},
                             {"passed", passed},
                             {"expected", outcomes_json(outcomes)},
                             {"answer", ordered::parse(text.str())}}
                         .dump(2)
                  << '\n';
    } else {
      console.out << example.name << ": cotangent run " << run.file << "\n\n";
      write_answer_text(console.out, shown);
      write_outcomes_text(console.out, outcomes);
    }
  });
  if (code != kOk) return code;
  if (!options.picture.empty()) draw(gallery, example, run.out, options.picture, around);
  return passed ? kOk : kCheckFailed;
}

/// Before anything is computed.
void check_picture(const Example& example, const ExamplesOptions& options) {
  const fs::path picture = options.picture;
  if (picture.empty()) return;
  const bool cpp = example.kind == ExampleKind::kCpp;
  const std::string ending = picture.extension().string();
  if (ending != ".svg" && (ending != ".png" || cpp)) {
    throw UserError("--picture: '" + picture.string() + "' is no name of a picture",
                    cpp ? "an example in C++ draws a file that ends with .svg"
                        : "let it end with .png or .svg");
  }
  std::error_code ignored;
  if (fs::exists(picture, ignored) && !options.overwrite) {
    throw UserError("--picture: '" + picture.string() + "' is there already",
                    "name another file, or say --overwrite");
  }
  const fs::path folder = picture.has_parent_path() ? picture.parent_path() : ".";
  if (!fs::is_directory(folder, ignored)) {
    throw UserError("--picture: there is no folder '" + folder.string() + "'", "make it first");
  }
}

}  // namespace

int examples_command(const ExamplesOptions& options, const Surroundings& around, Console& console) {
  const Gallery gallery = load_gallery(examples_folder(around.examples));
  using Do = ExamplesOptions::Do;
  if (options.what == Do::kList) return list_examples(gallery, options, console.out);
  const Example& example = gallery.find(options.name);
  if (options.what == Do::kShow) return show_example(example, console.out);
  if (options.what == Do::kCopy) return copy_example(gallery, example, options, console.out);
  check_picture(example, options);
  return example.kind == ExampleKind::kSystem
             ? run_system_example(gallery, example, options, around, console)
             : run_program_example(gallery, example, options, around, console.out);
}

}  // namespace cotangent::apps
