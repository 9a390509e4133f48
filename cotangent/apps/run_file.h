// A run as one HDF5 file, and back.
#pragma once

#include <filesystem>
#include <string>

#include "cotangent/apps/answer.h"
#include "cotangent/apps/named_arrays.h"

namespace cotangent::apps {

/// What is in a file besides numbers.
struct StoredRun {
  std::string title;
  mechanics::RunResult result;             ///< without samples of exponents, without a fault
  std::vector<NamedArray> final, members;  ///< as final_state() and final_members() give them
  std::string text;         ///< of the system file, with what was set from outside; may be empty
  std::string no_text_why;  ///< why it is
  std::string name;         ///< of that file
  std::string folder;       ///< where its data files are
  double dt = 0;
  std::int64_t planned = 0;  ///< steps that were to be made
  std::string method;
  std::vector<std::string> notes;  ///< what it had to say: notes_after()
};

/// Writes all of a run that read_run_file() gives back: series, the last state, figures, and the
/// text of the system (formats::system_text), where it has one.
void write_run_file(const std::filesystem::path& path, const Answer& answer);

/// Throws DeviceError where it is no such file.
StoredRun read_run_file(const std::filesystem::path& path);

}  // namespace cotangent::apps
