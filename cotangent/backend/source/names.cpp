#include "cotangent/backend/source/names.h"

#include <cctype>

namespace cotangent::backend::source {

bool Names::forbidden(const std::string& name) const {
  if (taken_.contains(name)) return true;
  const std::string reserved = table_->reserved;
  if (reserved.find(" " + name + " ") != std::string::npos) return true;
  return false;
}

std::string Names::unique(const std::string& wanted) {
  std::string base;
  for (char c : wanted) {
    const auto u = static_cast<unsigned char>(c);
    // Two underscores together are the compilers' in C++ and WGSL.
    const char next = u < 128 && std::isalnum(u) ? c : '_';
    if (next != '_' || (!base.empty() && base.back() != '_')) base += next;
  }
  if (base.empty()) base = "x";
  if (std::isdigit(static_cast<unsigned char>(base[0]))) base = "x" + base;
  for (const HelperRow& row : table_->helpers) {
    if (base.starts_with(std::string(row.name) + "_")) base = "my_" + base;
  }
  std::string name = base;
  for (int k = 1; forbidden(name); ++k) name = base + (k == 1 ? "_" : "_" + std::to_string(k));
  taken_.insert(name);
  return name;
}

std::string Names::numbered(const std::string& prefix) {
  int& count = counts_[prefix];
  std::string name;
  do {
    name = prefix + std::to_string(++count);
  } while (forbidden(name));
  taken_.insert(name);
  return name;
}

}  // namespace cotangent::backend::source
