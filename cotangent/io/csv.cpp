#include "cotangent/io/csv.h"

#include <algorithm>
#include <ostream>

#include "cotangent/base/error.h"
#include "cotangent/base/text.h"

namespace cotangent::io {
namespace {

std::string csv_field(const std::string& text) {
  if (text.find_first_of(",\"\n\r") == std::string::npos) return text;
  std::string quoted = "\"";
  for (char c : text) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + '"';
}

}  // namespace

SampleView SampleView::from(std::size_t first) const {
  SampleView rest = *this;
  rest.step = step.subspan(first);
  rest.t = t.subspan(first);
  rest.values = values.subspan(first * width());
  return rest;
}

std::vector<std::string> column_names(const std::string& name, const Shape& shape) {
  if (shape.rank() == 0) return {name};
  std::vector<std::string> names;
  for (std::int64_t k = 0; k < shape.size(); ++k) {
    std::string index;
    std::int64_t rest = k;
    for (int axis = shape.rank() - 1; axis >= 0; --axis) {
      index = std::to_string(rest % shape[axis]) + (index.empty() ? "" : "," + index);
      rest /= shape[axis];
    }
    names.push_back(name + "[" + index + "]");
  }
  return names;
}

namespace {

void write_head(std::ostream& out, const char* first, std::span<const SampleView> views) {
  out << first;
  for (const SampleView& view : views) {
    for (const std::string& name : column_names(view.name, view.shape))
      out << ',' << csv_field(name);
  }
  out << '\n';
}

}  // namespace

void write_csv(std::ostream& out, std::span<const SampleView> views) {
  ensure(!views.empty(), "write_csv: nothing to write");
  write_head(out, "step,t", views);
  std::vector<std::size_t> next(views.size(), 0);
  while (true) {
    const SampleView* first = nullptr;  // a view with the earliest sample that is not written yet
    std::size_t at = 0;
    for (std::size_t v = 0; v < views.size(); ++v) {
      if (next[v] == views[v].step.size()) continue;
      if (first && first->step[at] <= views[v].step[next[v]]) continue;
      first = &views[v];
      at = next[v];
    }
    if (!first) break;
    const std::int64_t step = first->step[at];
    std::string line = std::to_string(step) + ',' + shortest(first->t[at]);
    for (std::size_t v = 0; v < views.size(); ++v) {
      if (next[v] < views[v].step.size() && views[v].step[next[v]] == step) {
        for (double x : views[v].row(next[v])) (line += ',') += shortest(x);
        ++next[v];
      } else {
        line.append(views[v].width(), ',');
      }
    }
    out << (line += '\n');
  }
}

void write_members_csv(std::ostream& out, std::span<const SampleView> views) {
  ensure(!views.empty(), "write_members_csv: nothing to write");
  write_head(out, "member", views);
  for (std::size_t k = 0; k < views[0].values.size() / views[0].width(); ++k) {
    std::string line = std::to_string(k);
    for (const SampleView& view : views) {
      for (double x : view.row(k)) (line += ',') += shortest(x);
    }
    out << (line += '\n');
  }
}

double csv_bytes(double samples, double columns) {
  return samples * (columns * 21 + 30);
}

}  // namespace cotangent::io
