// Reads the keys of a table and complains about those that nobody asked for.
#pragma once

#include <string>
#include <unordered_set>
#include <vector>

#include "cotangent/formats/document.h"

namespace cotangent::formats {

class TableReader {
 public:
  /// `what` names the table in messages: "[run]"; `keys` are those it may have, as far as they are
  /// known beforehand. Throws UserError when the node is no table.
  TableReader(SourcePtr file, const Node& table, std::string what,
              std::vector<std::string> keys = {});

  /// The entry, or null. Counts as read.
  const Entry* get(const std::string& key);
  /// The entry; throws UserError showing `example` when it is missing.
  const Entry* need(const std::string& key, const std::string& example);

  /// Throws UserError for the first entry that was not read, with the nearest key that is known
  /// here.
  void finish() const;

 private:
  SourcePtr file_;
  const Node& table_;
  std::string what_;
  std::vector<std::string> known_;
  std::unordered_set<const Entry*> read_;
};

}  // namespace cotangent::formats
