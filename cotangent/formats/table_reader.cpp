#include "cotangent/formats/table_reader.h"

#include <algorithm>

#include "cotangent/base/text.h"

namespace cotangent::formats {

TableReader::TableReader(SourcePtr file, const Node& table, std::string what,
                         std::vector<std::string> keys)
    : file_(std::move(file)), table_(table), what_(std::move(what)), known_(std::move(keys)) {
  if (table.kind != NodeKind::kTable) {
    const bool header = what_.starts_with("[");
    fail_at(file_, table.span, what_ + " is " + describe(table), "a table",
            header ? "write " + what_ + " on a line of its own and its keys below"
                   : "write " + what_ + " = {key = value}");
  }
}

const Entry* TableReader::get(const std::string& key) {
  if (std::find(known_.begin(), known_.end(), key) == known_.end()) known_.push_back(key);
  const Entry* entry = table_.find(key);
  if (entry) read_.insert(entry);
  return entry;
}

const Entry* TableReader::need(const std::string& key, const std::string& example) {
  if (const Entry* entry = get(key)) return entry;
  // A slip of the pen is the likeliest reason.
  std::vector<std::string> unread;
  for (const Entry& e : table_.entries) {
    const bool known = std::find(known_.begin(), known_.end(), e.key) != known_.end();
    if (!known) unread.push_back(e.key);
  }
  const std::string near = nearest_name(key, unread);
  if (!near.empty()) {
    fail_at(file_, table_.find(near)->key_span, "unknown key '" + near + "' in " + what_,
            "'" + key + "', which is missing", "did you mean '" + key + "'?");
  }
  fail_at(file_, table_.span, "'" + key + "' is missing in " + what_, example, "add " + example);
}

void TableReader::finish() const {
  for (const Entry& entry : table_.entries) {
    if (read_.contains(&entry)) continue;
    const std::string near = nearest_name(entry.key, known_);
    fail_at(file_, entry.key_span, "unknown key '" + entry.key + "' in " + what_,
            "one of " + join(known_, ", "),
            near.empty() ? "remove it: a key that nobody reads is an error"
                         : "did you mean '" + near + "'?");
  }
}

}  // namespace cotangent::formats
