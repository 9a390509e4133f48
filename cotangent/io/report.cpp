#include "cotangent/io/report.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <ostream>

#include "cotangent/base/error.h"
#include "cotangent/io/json_writer.h"
#include "cotangent/io/report_page.h"

namespace cotangent::io {
namespace {

/// `value` rounded to `digits` significant digits: enough to draw, a third of the bytes.
double rounded(double value, int digits) {
  if (!std::isfinite(value) || value == 0) return value;
  std::array<char, 64> text;
  const auto done =
      std::to_chars(text.begin(), text.end(), value, std::chars_format::scientific, digits - 1);
  double back = value;
  std::from_chars(text.begin(), done.ptr, back);
  return back;
}

void write_rounded(JsonWriter& json, std::span<const double> values, int digits) {
  json.begin_array();
  for (double x : values) json.value(rounded(x, digits));
  json.end_array();
}

/// One curve for the page, at most about `most` points.
struct Curve {
  std::vector<double> t, value;
  std::size_t group = 1;  ///< how many samples stand behind one point
};

std::size_t group_size(std::size_t samples, std::size_t most) {
  return samples <= most ? 1 : (samples + most - 1) / most;
}

/// The largest of every `group` consecutive errors: thinning hides no peak.
Curve error_curve(const ReportInvariant& invariant, std::size_t most) {
  Curve curve;
  const SampleView& view = invariant.series;
  const std::size_t samples = view.t.size();
  curve.group = group_size(samples, most);
  const double scale = invariant.scale > 0 ? invariant.scale : 1;
  for (std::size_t begin = 0; begin < samples; begin += curve.group) {
    double worst = 0;
    std::size_t at = begin;
    for (std::size_t k = begin; k < std::min(begin + curve.group, samples); ++k) {
      for (std::size_t c = 0; c < view.width(); ++c) {
        const double error = std::abs(view.row(k)[c] - view.row(0)[c]) / scale;
        if (error > worst) {
          worst = error;
          at = k;
        }
      }
    }
    curve.t.push_back(view.t[at]);
    curve.value.push_back(worst);
  }
  return curve;
}

/// Element `c`, with the least and the greatest of every group kept, in order of time.
Curve value_curve(const SampleView& view, std::size_t c, std::size_t most) {
  Curve curve;
  const std::size_t samples = view.t.size();
  curve.group = samples <= most ? 1 : 2 * group_size(samples, most);
  for (std::size_t begin = 0; begin < samples; begin += curve.group) {
    std::size_t low = begin, high = begin;
    for (std::size_t k = begin; k < std::min(begin + curve.group, samples); ++k) {
      if (view.row(k)[c] < view.row(low)[c]) low = k;
      if (view.row(k)[c] > view.row(high)[c]) high = k;
    }
    for (std::size_t k : {std::min(low, high), std::max(low, high)}) {
      if (low == high && k != low) continue;
      curve.t.push_back(view.t[k]);
      curve.value.push_back(view.row(k)[c]);
      if (low == high) break;
    }
  }
  return curve;
}

std::string group_note(std::size_t group, const char* what) {
  return group <= 1 ? "Every sample is drawn"
                    : std::string(what) + " of " + std::to_string(group) + " samples each";
}

void write_invariants(JsonWriter& json, const Report& report, const ReportLimits& limits) {
  json.key("invariants").begin_array();
  for (const ReportInvariant& invariant : report.invariants) {
    const Curve curve = error_curve(invariant, limits.samples);
    json.begin_object().field("name", invariant.name).field("how", invariant.how);
    json.field("scale", invariant.scale);
    json.field("max_abs_error", invariant.max_abs_error);
    json.field("max_rel_error", invariant.max_rel_error);
    json.key("t");
    write_rounded(json, curve.t, 8);
    json.key("error");
    write_rounded(json, curve.value, 5);
    json.field("note", group_note(curve.group, "Points are the largest error"));
    json.end_object();
  }
  json.end_array();
}

void write_observables(JsonWriter& json, const Report& report, const ReportLimits& limits) {
  json.key("observables").begin_array();
  for (const SampleView& view : report.observables) {
    const std::size_t shown = std::min(view.width(), limits.curves);
    const std::vector<std::string> names = column_names(view.name, view.shape);
    std::size_t group = 1;
    json.begin_object().field("name", view.name).key("curves").begin_array();
    for (std::size_t c = 0; c < shown; ++c) {
      const Curve curve = value_curve(view, c, limits.samples);
      group = curve.group;
      json.begin_object().field("name", names[c]).key("t");
      write_rounded(json, curve.t, 8);
      json.key("value");
      write_rounded(json, curve.value, 8);
      json.end_object();
    }
    std::string note = group_note(group, "Points are the least and greatest");
    if (shown < view.width()) {
      note += "; the first " + std::to_string(shown) + " of " + std::to_string(view.width()) +
              " elements";
    }
    json.end_array().field("note", note).end_object();
  }
  json.end_array();
}

void write_trajectory(JsonWriter& json, const Report& report, const ReportLimits& limits) {
  json.key("trajectory");
  if (!report.q || report.q->t.empty() || report.q->width() == 0) {
    json.null();
    return;
  }
  const SampleView& q = *report.q;
  const std::size_t samples = q.t.size();
  const bool portrait = report.p && q.width() == 1;  // one coordinate: q against p is the picture
  const std::size_t room = std::max<std::size_t>(limits.trajectory_numbers / q.width(), 2);
  const std::size_t stride = group_size(samples, std::min(room, 2 * limits.samples));
  std::vector<std::size_t> kept;
  for (std::size_t k = 0; k < samples; k += stride) kept.push_back(k);
  if (kept.back() != samples - 1) kept.push_back(samples - 1);

  json.begin_object().key("shape").begin_array();
  for (std::int64_t n : q.shape) json.value(n);
  json.end_array().key("t").begin_array();
  for (std::size_t k : kept) json.value(rounded(q.t[k], 8));
  json.end_array().key("q").begin_array();
  for (std::size_t k : kept) write_rounded(json, q.row(k), 6);
  json.end_array();
  if (portrait) {
    json.key("p").begin_array();
    for (std::size_t k : kept) write_rounded(json, report.p->row(k), 6);
    json.end_array();
  }
  std::string note = stride == 1 ? "Every sample" : "Every " + std::to_string(stride) + "th sample";
  note += " of " + std::to_string(samples) + " is drawn, to 6 digits";
  json.field("note", note).end_object();
}

void write_data(std::ostream& out, const Report& report, const ReportLimits& limits) {
  JsonWriter json(out, 0);
  json.begin_object();
  json.field("title", report.title).field("status", report.status).field("good", report.good);
  json.field("warning", report.warning);
  for (const auto& [name, figures] :
       {std::pair("figures", &report.figures), std::pair("timings", &report.timings)}) {
    json.key(name).begin_array();
    for (const ReportFigure& figure : *figures) {
      json.begin_object().field("label", figure.label).field("value", figure.value).end_object();
    }
    json.end_array();
  }
  json.key("facts").begin_array();
  for (const ReportFact& fact : report.facts) {
    json.begin_object().field("name", fact.name).field("value", fact.value);
    json.field("how", fact.how).field("detail", fact.detail);
    json.key("derivation").value(std::span(fact.derivation)).end_object();
  }
  json.end_array().key("plan").begin_array();
  for (const ReportDecision& decision : report.plan) {
    json.begin_object().field("decision", decision.decision).field("choice", decision.choice);
    json.field("reason", decision.reason).end_object();
  }
  json.end_array();
  write_invariants(json, report, limits);
  write_observables(json, report, limits);
  write_trajectory(json, report, limits);
  json.field("system", report.system_text).field("state_hash", report.state_hash);
  json.field("version", report.version).end_object();
}

std::string html_text(const std::string& text) {
  std::string out;
  for (char c : text) {
    if (c == '&')
      out += "&amp;";
    else if (c == '<')
      out += "&lt;";
    else if (c == '>')
      out += "&gt;";
    else if (c == '"')
      out += "&quot;";
    else
      out += c;
  }
  return out;
}

}  // namespace

void write_report(std::ostream& out, const Report& report, const ReportLimits& limits) {
  out << "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      << "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      << "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
         "script-src 'unsafe-inline'; style-src 'unsafe-inline'\">\n"
      << "<title>" << html_text(report.title) << "</title>\n<style>" << kReportStyle
      << "</style>\n</head>\n"
      << kReportBody << "<script type=\"application/json\" id=\"data\">";
  write_data(out, report, limits);
  out << "</script>\n<script>\n\"use strict\";\n"
      << kReportChart << kReportView << kReportMap << kReportPage
      << "</script>\n</body>\n</html>\n";
}

}  // namespace cotangent::io
