// System files: TOML text -> a mechanics::System, where it starts, and how it is to be run.
//
// The language is section 6 of the design; docs/system_files.md teaches it. What later versions
// bring (lists, boxes, Lagrangians, scenes, several state components with momenta) is refused by
// name.
//
// Everything wrong with the input is a UserError whose `where` holds "file:line:column" and the
// line with a caret. Loading reads the file and the data files it names, writes nothing, prints
// nothing, and is deterministic.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cotangent/formats/unit_labels.h"
#include "cotangent/mechanics/ensemble_settings.h"
#include "cotangent/mechanics/system.h"

namespace cotangent::formats {

/// `--set run.dt=5`: the dotted key and the text of a TOML value. A bare word that is no TOML value
/// is taken as a string, so `--set run.method=leapfrog` works. Later entries win.
struct Override {
  std::string key;
  std::string value;
};

/// Splits "run.dt=5"; throws UserError when there is no '=' or no key.
Override parse_override(std::string_view text);

struct Limits {
  std::uint64_t file_bytes = 16u << 20;       ///< of the system file; refused before reading
  std::uint64_t data_bytes = 1'000'000'000;   ///< of one data file
  std::uint64_t state_bytes = 1'000'000'000;  ///< of q and p together, as f64
};

/// Whether [run] has to say how long a step and a run are.
enum class Times {
  kGiven,
  kOpen,  ///< what it leaves out is open: dt is 0, which no plan takes, steps are 1000
};

/// A system file, read. `system.source` is `source`: all spans point into it. Overrides are
/// appended to its text as lines "--set key=value", so that spans of overridden values have a place
/// too.
struct LoadedFile {
  mechanics::System system;
  mechanics::InitialState initial;
  mechanics::RunSettings run;
  std::optional<mechanics::EnsembleSettings> ensemble;
  /// The expression that was asked for beside the file's own, by that text; empty where it is the
  /// name of an observable, of an energy term, or "energy".
  std::optional<mechanics::Observable> asked;
  /// Parameters of whole numbers: they are part of the programs, and not among those of `system`.
  std::vector<mechanics::Parameter> integers;
  SourcePtr source;
  UnitLabels units;  ///< of what `system`, `initial` and `run` hold, and of the observables
  std::vector<std::filesystem::path>
      files;  ///< what was read: the system file, then its data files
  // What reading it again takes.
  std::vector<Override> overrides;
  std::optional<std::filesystem::path> folder;  ///< where data files are looked for
  std::uint32_t text_bytes = 0;  ///< of the source that are the file's own; overrides follow
  bool is_file = true;           ///< false: the system was made elsewhere (settle)

  /// The file's own text.
  std::string text() const { return source->text.substr(0, text_bytes); }
};

/// Reads a system file. `of` is an expression to look at, as in [observe], or what an expression
/// could be asked for by name: LoadedFile::asked. It has its place in a line "--of EXPR" after the
/// file's text. Throws UserError (also for a file that is missing, unreadable or too big).
LoadedFile load_system_file(const std::filesystem::path& path,
                            const std::vector<Override>& overrides = {}, const Limits& limits = {},
                            const std::string& of = {}, Times times = Times::kGiven);

/// The same from text in memory; `name` is what errors show. Data files are looked for in `folder`
/// and refused when there is none.
LoadedFile parse_system_text(std::string name, std::string text,
                             const std::vector<Override>& overrides = {},
                             const std::optional<std::filesystem::path>& folder = std::nullopt,
                             const Limits& limits = {}, const std::string& of = {},
                             Times times = Times::kGiven);

/// What a file says with its overrides, as one text that says the same by itself: the text as it is
/// where there are none, else the entries of both in one normal form, without comments, and without
/// keys that the overrides leave without effect. Names of data files stay as they are, relative to
/// LoadedFile::folder. A system that is no file's has programs where a file has expressions, to the
/// same bits; what nothing set of [run] is left open (Times). `start`: in place of the file's own.
/// UserError for a system whose names no file could have.
std::string system_text(const LoadedFile& file, const mechanics::InitialState* start = nullptr);

/// A system that was made elsewhere, of a state to start from, with the settings of `overrides`:
/// the tables [run], [observe], [gradient], [monitor], [multirate] and [ensemble], and other values
/// of parameters and other starts. Its observables are those that it has and those of [observe]. LoadedFile::source
/// is the system's own, with the overrides after it. Throws UserError.
LoadedFile settle(mechanics::System system, mechanics::InitialState initial,
                  const std::vector<Override>& overrides, const std::string& of = {},
                  Times times = Times::kGiven);

}  // namespace cotangent::formats
