#include "cotangent/apps/example_index.h"

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "cotangent/base/error.h"
#include "cotangent/base/text.h"
#include "cotangent/formats/document.h"

namespace cotangent::apps {
namespace {
namespace fs = std::filesystem;
using formats::Entry;
using formats::Node;
using formats::NodeKind;

constexpr const char* kIndex = "gallery/index.toml";

/// The index while it is read.
class IndexReader {
 public:
  explicit IndexReader(const fs::path& folder) : folder_(folder) {
    const fs::path path = folder / kIndex;
    std::ifstream in(path, std::ios::binary);
    std::ostringstream text;
    text << in.rdbuf();
    if (!in) throw UserError("cannot read '" + path.string() + "'", "install Cotangent again");
    source_ = std::make_shared<const SourceFile>(SourceFile{path.string(), text.str()});
  }

  Gallery read() const {
    Gallery gallery;
    gallery.folder = folder_;
    const Node all =
        formats::parse_document(source_, 0, static_cast<std::uint32_t>(source_->text.size()));
    for (const Entry& entry : all.entries) gallery.examples.push_back(example(entry));
    return gallery;
  }

 private:
  Example example(const Entry& entry) const {
    Example made;
    made.name = entry.key;
    for (const Entry& e : of_kind(entry.value, NodeKind::kTable).entries) {
      if (e.key == "file")
        made.file = folder_ / text(e.value);
      else if (e.key == "title")
        made.title = text(e.value);
      else if (e.key == "shows")
        made.shows = text(e.value);
      else if (e.key == "asserts")
        made.asserts = texts(e.value);
      else if (e.key == "reads")
        made.reads = texts(e.value);
      else if (e.key == "expect") {
        for (const Node& n : of_kind(e.value, NodeKind::kArray).items) {
          made.expect.push_back(expectation(n));
        }
      } else {
        unknown(e, "file, title, shows, expect, asserts and reads");
      }
    }
    const std::string ending = made.file.extension().string();
    if (ending == ".py")
      made.kind = ExampleKind::kPython;
    else if (ending == ".cpp")
      made.kind = ExampleKind::kCpp;
    else if (ending != ".toml")
      fail(entry.key_span, "an example is a .toml, a .py or a .cpp file");
    if (made.title.empty() || made.shows.empty()) fail(entry.key_span, "no title, or no shows");
    const bool system = made.kind == ExampleKind::kSystem;
    if (made.expect.empty() == system || made.asserts.empty() != system) {
      fail(entry.key_span, "a system file has expect, a program asserts");
    }
    return made;
  }

  Expectation expectation(const Node& node) const {
    Expectation made;
    for (const Entry& e : of_kind(node, NodeKind::kTable).entries) {
      if (e.key == "that")
        made.that = text(e.value);
      else if (e.key == "since")
        made.since = text(e.value);
      else if (e.key == "value")
        made.value = text(e.value);
      else if (e.key == "near")
        made.near = number(e.value);
      else if (e.key == "within")
        made.within = number(e.value);
      else if (e.key == "below")
        made.below = number(e.value);
      else if (e.key == "above")
        made.above = number(e.value);
      else
        unknown(e, "that, since, value, near, within, below and above");
    }
    if (made.that.empty() || made.since.empty() || made.value.empty()) {
      fail(node.span, "that, since or value is missing");
    }
    if (made.near.has_value() != made.within.has_value() ||
        !(made.near || made.below || made.above)) {
      fail(node.span, "there is no bound: near with within, below or above");
    }
    return made;
  }

  const Node& of_kind(const Node& node, NodeKind kind) const {
    if (node.kind != kind) fail(node.span, "this is " + formats::describe(node));
    return node;
  }
  std::string text(const Node& node) const { return *of_kind(node, NodeKind::kString).string; }
  std::vector<std::string> texts(const Node& node) const {
    std::vector<std::string> made;
    for (const Node& n : of_kind(node, NodeKind::kArray).items) made.push_back(text(n));
    return made;
  }
  double number(const Node& node) const {
    if (node.kind == NodeKind::kInteger) return static_cast<double>(node.integer);
    return of_kind(node, NodeKind::kReal).real;
  }
  [[noreturn]] void fail(SourceSpan span, const std::string& what) const {
    formats::fail_at(source_, span, "[gallery] " + what);
  }
  [[noreturn]] void unknown(const Entry& entry, const char* known) const {
    formats::fail_at(source_, entry.key_span,
                     "[gallery] '" + entry.key + "' is no key of an example",
                     std::string("they are ") + known);
  }

  fs::path folder_;
  SourcePtr source_;
};

/// The folder of the running program; empty where the system does not tell.
fs::path program_folder() {
  std::error_code ignored;
  return fs::read_symlink("/proc/self/exe", ignored).parent_path();
}

}  // namespace

const char* kind_text(ExampleKind kind) {
  switch (kind) {
    case ExampleKind::kSystem: return "TOML";
    case ExampleKind::kPython: return "Python";
    case ExampleKind::kCpp: return "C++";
  }
  return "?";
}

const Example& Gallery::find(const std::string& name) const {
  std::vector<std::string> names;
  for (const Example& e : examples) {
    if (e.name == name) return e;
    names.push_back(e.name);
  }
  const std::string near = nearest_name(name, names);
  throw UserError("there is no example '" + name + "'",
                  (near.empty() ? std::string() : "do you mean '" + near + "'? ") +
                      "`cotangent examples list` says what there is");
}

fs::path examples_folder(const std::string& given) {
  std::vector<fs::path> places;
  const char* named = std::getenv("COTANGENT_EXAMPLES");
  if (!given.empty()) {
    places.emplace_back(given);
  } else if (named && *named) {
    places.emplace_back(named);
  } else if (const fs::path here = program_folder(); !here.empty()) {
    places.push_back(here.parent_path() / "share/cotangent/examples");
    for (fs::path up = here; up != up.root_path(); up = up.parent_path()) {
      places.push_back(up / "examples");  // of the checkout that it was built in
    }
  }
  std::error_code ignored;
  for (const fs::path& place : places) {
    if (fs::is_regular_file(place / kIndex, ignored)) return place;
  }
  throw UserError(
      {"the examples are not found", places.size() == 1 ? places[0].string() : "",
       "they lie in share/cotangent/examples beside an installed program, and in examples/ of a "
       "checkout",
       "set COTANGENT_EXAMPLES to the folder that has gallery/index.toml"});
}

Gallery load_gallery(const fs::path& folder) {
  return IndexReader(folder).read();
}

}  // namespace cotangent::apps
