#include "cotangent/io/json_writer.h"

#include <ostream>

#include "cotangent/base/error.h"
#include "cotangent/base/json_text.h"

namespace cotangent::io {

void JsonWriter::line(std::size_t depth) {
  if (indent_ > 0) out_ << '\n' << std::string(depth * static_cast<std::size_t>(indent_), ' ');
}

/// Puts what stands before an item: comma and, for keys and nested items, a line break.
void JsonWriter::item(bool nested) {
  if (after_key_) {
    after_key_ = false;
    return;
  }
  if (levels_.empty()) return;
  Level& level = levels_.back();
  if (level.any) out_ << ',';
  if (level.object || nested) {
    level.broken = true;
    line(levels_.size());
  } else if (level.any && indent_ > 0) {
    out_ << ' ';
  }
  level.any = true;
}

JsonWriter& JsonWriter::begin_object() {
  item(true);
  out_ << '{';
  levels_.push_back({.object = true});
  return *this;
}

JsonWriter& JsonWriter::end_object() {
  ensure(!levels_.empty() && levels_.back().object, "JsonWriter: no object to end");
  const bool broken = levels_.back().broken;
  levels_.pop_back();
  if (broken) line(levels_.size());
  out_ << '}';
  return *this;
}

JsonWriter& JsonWriter::begin_array() {
  item(true);
  out_ << '[';
  levels_.push_back({});
  return *this;
}

JsonWriter& JsonWriter::end_array() {
  ensure(!levels_.empty() && !levels_.back().object, "JsonWriter: no array to end");
  const bool broken = levels_.back().broken;
  levels_.pop_back();
  if (broken) line(levels_.size());
  out_ << ']';
  return *this;
}

JsonWriter& JsonWriter::key(std::string_view name) {
  item(true);
  out_ << json_quote(name) << (indent_ > 0 ? ": " : ":");
  after_key_ = true;
  return *this;
}

JsonWriter& JsonWriter::value(std::string_view text) {
  item(false);
  out_ << json_quote(text);
  return *this;
}

JsonWriter& JsonWriter::value(bool truth) {
  item(false);
  out_ << (truth ? "true" : "false");
  return *this;
}

JsonWriter& JsonWriter::value(double number) {
  item(false);
  out_ << json_number(number);
  return *this;
}

JsonWriter& JsonWriter::value(std::int64_t number) {
  item(false);
  out_ << number;
  return *this;
}

JsonWriter& JsonWriter::null() {
  item(false);
  out_ << "null";
  return *this;
}

JsonWriter& JsonWriter::value(std::span<const double> row) {
  begin_array();
  for (double x : row) value(x);
  return end_array();
}

JsonWriter& JsonWriter::value(std::span<const std::string> texts) {
  begin_array();
  for (const std::string& text : texts) {
    item(true);
    out_ << json_quote(text);
  }
  return end_array();
}

JsonWriter& JsonWriter::array(const Shape& shape, std::span<const double> elements) {
  ensure(shape.size() == static_cast<std::int64_t>(elements.size()), "JsonWriter: shape");
  if (shape.rank() == 0) return value(elements[0]);
  if (shape.rank() == 1) return value(elements);
  begin_array();
  const Shape row = shape.row();
  const auto stride = static_cast<std::size_t>(row.size());
  for (std::int64_t k = 0; k < shape[0]; ++k) {
    array(row, elements.subspan(static_cast<std::size_t>(k) * stride, stride));
  }
  return end_array();
}

}  // namespace cotangent::io
