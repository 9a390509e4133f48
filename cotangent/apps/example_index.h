// The examples that come with Cotangent: examples/gallery/index.toml says what there is, what each
// shows, and what a run of it must give.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace cotangent::apps {

enum class ExampleKind : std::uint8_t { kSystem, kPython, kCpp };
const char* kind_text(ExampleKind kind);  ///< "TOML", "Python", "C++"

/// A physical result that a run of a system file must give.
struct Expectation {
  std::string that;   ///< in words
  std::string since;  ///< why: a law, a theory, a published number
  /// Where it is in the answer of `run --json`: "invariants.energy.max_rel_error",
  /// "final.q[0][1]", "observables.radius.least" (ValueAt in expectations.h).
  std::string value;
  std::optional<double> near, within, below, above;
};

struct Example {
  std::string name;
  std::string title;
  std::string shows;
  std::filesystem::path file;
  ExampleKind kind = ExampleKind::kSystem;
  std::vector<Expectation> expect;   ///< of a system file
  std::vector<std::string> asserts;  ///< of a program, which checks itself: what, in words
  std::vector<std::string> reads;    ///< files beside it; a C++ program gets them as arguments
};

struct Gallery {
  std::filesystem::path folder;
  std::vector<Example> examples;

  /// UserError with the nearest names where there is none of that name.
  const Example& find(const std::string& name) const;
};

/// Where the examples are: in `given`; else in the folder that COTANGENT_EXAMPLES names; else in
/// share/cotangent/examples of the installation that this program is in; else in the checkout that
/// it was built in. UserError where they are in none.
std::filesystem::path examples_folder(const std::string& given);

/// Reads gallery/index.toml there. UserError, with the place, for what is wrong in it.
Gallery load_gallery(const std::filesystem::path& folder);

}  // namespace cotangent::apps
