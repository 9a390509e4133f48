// Identifiers: each name once in its scope, no reserved word, no name of a helper.
#pragma once

#include <map>
#include <set>
#include <string>

#include "cotangent/backend/source/dialect.h"

namespace cotangent::backend::source {

class Names {
 public:
  explicit Names(const DialectTable& table) : table_(&table) {}

  /// `wanted` made into an identifier, with an underscore or a number after it where need be.
  std::string unique(const std::string& wanted);
  /// `prefix` and the next number that is free.
  std::string numbered(const std::string& prefix);

 private:
  bool forbidden(const std::string& name) const;

  const DialectTable* table_;
  std::set<std::string> taken_;
  std::map<std::string, int> counts_;
};

}  // namespace cotangent::backend::source
