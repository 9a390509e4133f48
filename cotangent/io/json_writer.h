// Writes JSON in order, without holding it: objects keep the order of their keys, floats read
// back to the bit (base/json_text.h), long arrays stream.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <iosfwd>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cotangent/base/shape.h"

namespace cotangent::io {

class JsonWriter {
 public:
  /// `indent` 0 writes everything on one line; otherwise objects break lines, arrays of plain
  /// values do not.
  explicit JsonWriter(std::ostream& out, int indent = 2) : out_(out), indent_(indent) {}

  JsonWriter& begin_object();
  JsonWriter& end_object();
  JsonWriter& begin_array();
  JsonWriter& end_array();
  JsonWriter& key(std::string_view name);

  JsonWriter& value(std::string_view text);
  JsonWriter& value(const char* text) { return value(std::string_view(text)); }
  JsonWriter& value(bool truth);
  JsonWriter& value(double number);
  JsonWriter& value(std::int64_t number);
  JsonWriter& null();
  JsonWriter& value(std::span<const double> row);
  JsonWriter& value(std::span<const std::string> texts);
  /// Row-major elements as nested arrays; a scalar shape gives a plain number.
  JsonWriter& array(const Shape& shape, std::span<const double> elements);

  template <class T>
  JsonWriter& field(std::string_view name, const T& thing) {
    key(name);
    return value(thing);
  }

 private:
  struct Level {
    bool object = false;
    bool any = false;
    bool broken = false;  ///< its items stand on lines of their own
  };
  void item(bool nested);
  void line(std::size_t depth);

  std::ostream& out_;
  int indent_;
  std::vector<Level> levels_;
  bool after_key_ = false;
};

}  // namespace cotangent::io
