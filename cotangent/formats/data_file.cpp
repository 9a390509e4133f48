#include "cotangent/formats/data_file.h"

#include <charconv>
#include <cmath>
#include <fstream>
#include <system_error>
#include <vector>

#include "cotangent/lang/source_text.h"

namespace cotangent::formats {
namespace {

bool is_blank(char c) {
  return c == ' ' || c == '\t';
}

constexpr std::string_view kSeparated = "numbers separated by commas or blanks";

class DataReader {
 public:
  DataReader(const std::string& name, std::string_view text) : name_(name), text_(text) {}

  ir::Tensor run() {
    if (text_.substr(0, 3) == "\xEF\xBB\xBF") at_ = 3;
    while (at_ < text_.size()) line();
    if (rows_ == 0) {
      throw UserError(ErrorParts{"the data file has no numbers", name_, "one row of numbers a line",
                                 "write the numbers into it, or give them in the system file"});
    }
    const Shape shape = columns_ == 1 ? Shape{rows_} : Shape{rows_, columns_};
    if (all_integers_) return ir::Tensor::of<std::int64_t>(shape, integers_);
    return ir::Tensor::of<double>(shape, reals_);
  }

 private:
  [[noreturn]] void refuse(std::size_t begin, std::size_t end, std::string what, std::string why,
                           std::string remedy = "") const {
    // Only the line in question is kept: a data file may be large.
    std::size_t first = begin;
    while (first > 0 && text_[first - 1] != '\n') --first;
    SourceFile file{name_, std::string(static_cast<std::size_t>(line_number_ - 1), '\n')};
    const std::size_t base = file.text.size();
    file.text += text_.substr(first, std::min<std::size_t>(text_.find('\n', first) - first, 4096));
    SourceSpan span;
    span.begin = static_cast<std::uint32_t>(base + begin - first);
    span.end = static_cast<std::uint32_t>(base + end - first);
    throw UserError(ErrorParts{lang::printable(std::move(what)), show_place(file, span),
                               std::move(why), std::move(remedy)});
  }

  void line() {
    ++line_number_;
    const std::size_t begin = at_;
    std::size_t end = std::min(text_.find('\n', at_), text_.size());
    at_ = end + 1;
    const std::size_t comment = text_.substr(begin, end - begin).find('#');
    if (comment != std::string_view::npos) end = begin + comment;
    while (end > begin && (text_[end - 1] == '\r' || is_blank(text_[end - 1]))) --end;
    const std::size_t semicolon = text_.substr(begin, end - begin).find(';');
    if (semicolon != std::string_view::npos) {
      refuse(begin + semicolon, begin + semicolon + 1, "';' does not separate numbers",
             std::string(kSeparated), "replace every ';' by a comma");
    }
    std::int64_t found = 0;
    bool heading = false;
    constexpr std::size_t kNone = std::string_view::npos;
    std::size_t comma = kNone;    // the last one
    std::size_t missing = kNone;  // the first comma with no number where one belongs
    bool filled = false;          // a number since the last comma
    for (std::size_t k = begin; k < end;) {
      if (is_blank(text_[k])) {
        ++k;
        continue;
      }
      if (text_[k] == ',') {
        if (!filled && missing == kNone) missing = k;
        filled = false;
        comma = k++;
        continue;
      }
      std::size_t stop = k;
      while (stop < end && !is_blank(text_[stop]) && text_[stop] != ',') ++stop;
      if (heading && filled) {  // a name with a blank in it goes on
        k = stop;
        continue;
      }
      if (!number(k, stop)) {
        if (rows_ > 0 || found > 0 || !is_name(k)) {
          refuse(k, stop,
                 "'" + std::string(text_.substr(k, std::min<std::size_t>(stop - k, 40))) +
                     "' is not a number",
                 std::string(kSeparated),
                 "write a number, or begin the line with '#' to leave it out");
        }
        heading = filled = true;
        k = stop;
        continue;
      }
      if (heading) {
        refuse(k, stop, "a number stands in the heading", "a heading has names only",
               "begin the line with '#' to leave it out");
      }
      ++found;
      filled = true;
      k = stop;
    }
    if (heading) {
      if (headings_++ > 0)
        refuse(begin, end, "a second line without numbers", "at most one heading",
               "begin the line with '#'");
      return;
    }
    if (comma != kNone && !filled && missing == kNone) missing = comma;
    if (missing != kNone) {
      refuse(missing, missing + 1, "a field has no number", "a number on each side of a comma",
             "write the number that is missing, or remove the comma");
    }
    if (found == 0) return;
    if (rows_ == 0) columns_ = found;
    if (found != columns_) {
      refuse(begin, end,
             "this row has " + std::to_string(found) + (found == 1 ? " number" : " numbers"),
             std::to_string(columns_) + ", as in the rows before",
             "give every row as many numbers as the first");
    }
    ++rows_;
  }

  /// Whether a field is one of a heading, and no number with a slip in it.
  bool is_name(std::size_t begin) const {
    while (begin < text_.size() && (text_[begin] == '"' || text_[begin] == '\'')) ++begin;
    return begin < text_.size() &&
           std::string_view("0123456789+-.").find(text_[begin]) == std::string_view::npos;
  }

  bool number(std::size_t begin, std::size_t end) {
    if (text_[begin] == '+') ++begin;
    const char* first = text_.data() + begin;
    const char* last = text_.data() + end;
    double real = 0;
    const auto done = std::from_chars(first, last, real);
    if (done.ptr != last || done.ec == std::errc::invalid_argument) return false;
    if (done.ec == std::errc::result_out_of_range) {
      const std::string_view digits(first, static_cast<std::size_t>(last - first));
      if (digits.find("e-") == std::string_view::npos &&
          digits.find("E-") == std::string_view::npos) {
        refuse(begin, end, "the number is too large", "a number below 1.8e308",
               "scale the data, for example by other units");
      }
      real = 0;
    }
    if (!std::isfinite(real)) {
      refuse(begin, end, "the data holds '" + std::string(first, last) + "'", "finite numbers",
             "give a finite number, or leave the row out by putting '#' before it");
    }
    std::int64_t whole = 0;
    if (all_integers_) {
      const auto integer = std::from_chars(first, last, whole);
      all_integers_ = integer.ptr == last && integer.ec == std::errc{};
      if (all_integers_)
        integers_.push_back(whole);
      else
        integers_.clear(), integers_.shrink_to_fit();
    }
    reals_.push_back(real);
    return true;
  }

  const std::string& name_;
  std::string_view text_;
  std::size_t at_ = 0;
  std::int64_t line_number_ = 0, rows_ = 0, columns_ = 0;
  int headings_ = 0;
  bool all_integers_ = true;
  std::vector<std::int64_t> integers_;
  std::vector<double> reals_;
};

}  // namespace

ir::Tensor parse_data_text(const std::string& name, std::string_view text) {
  return DataReader(name, text).run();
}

std::filesystem::path data_path(const std::filesystem::path& folder, const std::string& name) {
  namespace fs = std::filesystem;
  const std::string remedy = "put the file into the system file's folder and name it from there";
  const fs::path relative(name);
  if (name.empty() || name.find('\0') != std::string::npos) {
    throw UserError("the name of a data file is empty", remedy);
  }
  if (relative.is_absolute()) {
    throw UserError(ErrorParts{"'" + name + "' is an absolute path", "",
                               "a path inside the folder of the system file", remedy});
  }
  for (const fs::path& part : relative) {
    if (part == "..") {
      throw UserError(ErrorParts{"'" + name + "' leaves the folder of the system file", "",
                                 "a path inside that folder, without '..'", remedy});
    }
  }
  std::error_code error;
  const fs::path root = fs::canonical(folder.empty() ? fs::path(".") : folder, error);
  if (error) throw UserError("the folder of the system file cannot be read", remedy);
  const fs::path full = fs::canonical(root / relative, error);
  if (error) {
    throw UserError(ErrorParts{"the data file '" + name + "' cannot be found or read", "",
                               "a file that exists", "check its name; " + remedy});
  }
  const auto [at_root, at_full] = std::mismatch(root.begin(), root.end(), full.begin(), full.end());
  if (at_root != root.end()) {
    throw UserError(ErrorParts{"'" + name + "' is a link that leaves the folder of the system file",
                               "", "a path inside that folder", remedy});
  }
  if (!fs::is_regular_file(full, error) || error) {
    throw UserError(
        ErrorParts{"'" + name + "' is not a file", "", "a text file of numbers", remedy});
  }
  return full;
}

std::string read_file(const std::filesystem::path& path, std::uint64_t limit) {
  namespace fs = std::filesystem;
  std::error_code error;
  const auto size = [](std::uint64_t bytes) {
    return bytes >= 10'000'000 ? std::to_string(bytes / 1'000'000) + " MB"
                               : std::to_string(bytes) + " bytes";
  };
  if (!fs::exists(path, error)) {
    throw UserError(ErrorParts{"there is no file '" + path.string() + "'", path.string(),
                               "a file that exists", "check its name"});
  }
  if (fs::is_directory(path, error)) {
    throw UserError(ErrorParts{"'" + path.string() + "' is a folder", path.string(), "a file",
                               "name a file in it"});
  }
  if (fs::is_regular_file(path, error)) {
    const std::uint64_t bytes = fs::file_size(path, error);
    if (!error && bytes > limit) {
      throw UserError(ErrorParts{"'" + path.string() + "' is too large: " + size(bytes),
                                 path.string(), "at most " + size(limit),
                                 "put large arrays into data files"});
    }
  }
  std::ifstream in(path, std::ios::binary);
  std::string text;
  char block[1 << 16];
  while (in.read(block, sizeof block), in.gcount() > 0) {
    text.append(block, static_cast<std::size_t>(in.gcount()));
    if (text.size() > limit) {
      throw UserError(ErrorParts{"'" + path.string() + "' is too large", path.string(),
                                 "at most " + size(limit), "put large arrays into data files"});
    }
  }
  if (!in.eof()) {
    throw UserError(ErrorParts{"'" + path.string() + "' cannot be read", path.string(),
                               "a readable file", "check its permissions"});
  }
  return text;
}

}  // namespace cotangent::formats
