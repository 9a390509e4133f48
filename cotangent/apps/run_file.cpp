#include "cotangent/apps/run_file.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "cotangent/apps/named_arrays.h"
#include "cotangent/apps/run_notes.h"
#include "cotangent/base/version.h"
#include "cotangent/io/hdf5_file.h"

namespace cotangent::apps {
namespace {

using mechanics::Series;

constexpr const char* kMean = ".mean";  // of the trajectory of an ensemble

/// A text whose lines are names, in an order that a file does not keep.
std::string lines_of(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += name + '\n';
  return text;
}

std::vector<std::string> names_of_lines(const std::string& text) {
  std::vector<std::string> names;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    names.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return names;
}

/// What a run has to say beside its series, as JSON.
std::string said_by(const Answer& answer) {
  const mechanics::RunResult& result = answer.result;
  nlohmann::json said;
  for (const RunNote& note : notes_after(answer.prepared, result)) {
    said["notes"].push_back(note.text);
  }
  if (const auto& l = result.lyapunov) {
    auto& of = said["lyapunov"];
    of = {{"exponents", l->exponents}, {"errors", l->errors}, {"sum", l->sum}, {"steps", l->steps}};
    if (std::isfinite(l->pairing)) of["pairing"] = l->pairing;
  }
  if (const auto& m = result.megno) {
    said["megno"] = {
        {"megno", m->megno}, {"mean", m->mean}, {"lyapunov", m->lyapunov}, {"chaotic", m->chaotic}};
  }
  if (const auto& y = result.symplecticity) {
    said["symplecticity"] = {{"defect", y->defect}, {"keeps", y->keeps}, {"text", y->text}};
  }
  return said.dump();
}

/// The way back. What is no such text says nothing: the file is older.
void hear(const std::string& text, StoredRun& stored) {
  const nlohmann::json said = nlohmann::json::parse(text, nullptr, false);
  if (!said.is_object()) return;
  try {
    if (said.contains("notes")) said["notes"].get_to(stored.notes);
    if (said.contains("lyapunov")) {
      const auto& of = said["lyapunov"];
      mechanics::LyapunovResult& l = stored.result.lyapunov.emplace();
      of.at("exponents").get_to(l.exponents);
      of.at("errors").get_to(l.errors);
      l.sum = of.at("sum");
      l.steps = of.at("steps");
      l.pairing = of.value("pairing", std::nan(""));
    }
    if (said.contains("megno")) {
      const auto& of = said["megno"];
      mechanics::MegnoResult& m = stored.result.megno.emplace();
      m.megno = of.at("megno");
      m.mean = of.at("mean");
      m.lyapunov = of.at("lyapunov");
      m.chaotic = of.at("chaotic");
    }
    if (said.contains("symplecticity")) {
      const auto& of = said["symplecticity"];
      stored.result.symplecticity = {of.at("defect"), of.at("keeps"), of.at("text")};
    }
  } catch (const nlohmann::json::exception&) {
    throw UserError("what the run says in its file is damaged", "run it again, and save that");
  }
}

/// x, or its members, of the arrays it consists of. (Of q and p nobody looks at it.)
ir::Tensor joined(const std::vector<NamedArray>& arrays, bool members) {
  if (arrays.empty()) return {};
  const std::int64_t rows = members ? arrays[0].value.type().shape[0] : 1;
  std::int64_t length = 0;
  for (const NamedArray& a : arrays) length += a.value.size() / rows;
  ir::Tensor x({DType::kF64, members ? Shape{rows, length} : Shape{length}});
  std::int64_t begin = 0;
  for (const NamedArray& a : arrays) {
    const std::int64_t size = a.value.size() / rows;
    for (std::int64_t row = 0; row < rows; ++row) {
      std::copy_n(a.value.as<double>().begin() + row * size, size,
                  x.as<double>().begin() + row * length + begin);
    }
    begin += size;
  }
  return x;
}

Series series_in(const std::filesystem::path& path, const std::string& group,
                 const std::string& name) {
  io::Samples samples = io::read_samples(path, group + "/" + name);
  Series series;
  series.name = name;
  series.shape = samples.shape;
  series.every =
      std::llround(io::read_number_attribute(path, group + "/" + name, "every").value_or(0));
  series.step = std::move(samples.step);
  series.t = std::move(samples.t);
  series.values = std::move(samples.values);
  return series;
}

}  // namespace

void write_run_file(const std::filesystem::path& path, const Answer& answer) {
  const mechanics::RunResult& result = answer.result;
  const Prepared& prepared = answer.prepared;
  io::Hdf5File file(path);
  std::vector<std::string> names;
  const auto append = [&](const std::string& group, const Series& series) {
    io::SampleView view = view_of(series);
    if (prepared.plan.ensemble && group == "trajectory") view.name += kMean;
    names.push_back(group + "/" + view.name);
    view.name = names.back();
    file.append(view);
    file.set_attribute(view.name, "every", static_cast<double>(series.every));
  };
  for (const Series& series : result.trajectory) append("trajectory", series);
  for (const Series& series : result.observables) append("observables", series);
  for (const Series& series : result.energy_terms) append("energies", series);
  for (const mechanics::Invariant& invariant : result.invariants) {
    append("invariants", invariant.series);
    const std::string of = "invariants/" + invariant.name;
    file.set_attribute(of, "how", invariant.how == mechanics::How::kProved ? "proved" : "tested");
    file.set_attribute(of, "scale", invariant.scale);
    file.set_attribute(of, "max_abs_error", invariant.max_abs_error);
    file.set_attribute(of, "max_rel_error", invariant.max_rel_error);
  }
  const auto write = [&](const std::string& group, const NamedArray& a) {
    names.push_back(group + "/" + a.name);
    file.write_array(names.back(), a.value.type().shape, doubles_of(a.value));
  };
  for (const NamedArray& a : final_state(prepared.file.system, result)) write("final", a);
  for (const NamedArray& a : final_members(prepared.file.system, result)) write("members", a);
  file.set_attribute("title", prepared.file.system.title);
  file.set_attribute("state_hash", result.state_hash);
  file.set_attribute("dt", prepared.plan.dt);
  file.set_attribute("written_by", std::string("cotangent ") + kVersion);
  file.set_attribute("names", lines_of(names));
  file.set_attribute("method", prepared.plan.method);
  file.set_attribute("status", status_text(result.status));
  file.set_attribute("stopped_why", result.stopped_why);
  file.set_attribute("t", result.t);
  file.set_attribute("steps", static_cast<double>(result.steps));
  file.set_attribute("planned_steps", static_cast<double>(prepared.plan.steps));
  file.set_attribute("compile_s", result.compile_s);
  file.set_attribute("run_s", result.run_s);
  file.set_attribute("said", said_by(answer));
  std::string text, refused;
  try {
    text = formats::system_text(prepared.file);
  } catch (const UserError& e) {  // a name that no file could have
    refused = e.parts().what;
  }
  if (!refused.empty()) {
    file.set_attribute("system_refused", refused);
  } else {
    file.set_attribute("system", text);
    file.set_attribute("system_name",
                       prepared.file.is_file ? prepared.file.source->name : "system.toml");
    file.set_attribute(
        "system_folder",
        prepared.file.folder
            ? std::filesystem::absolute(*prepared.file.folder).lexically_normal().string()
            : "");
  }
  file.commit();
}

/// The states at the end where the result has them.
static void restore_states(StoredRun& stored) {
  mechanics::RunResult& result = stored.result;
  const auto part = [](const std::vector<NamedArray>& list, const char* name) {
    const auto found = std::ranges::find(list, name, &NamedArray::name);
    return found == list.end() ? ir::Tensor() : found->value;
  };
  result.q = part(stored.final, "q");
  result.p = part(stored.final, "p");
  result.v = part(stored.final, "v");
  result.x = joined(stored.final, false);
  if (stored.members.empty()) return;
  const bool canonical =
      std::ranges::find(stored.final, "v", &NamedArray::name) != stored.final.end();
  if (canonical) {
    result.members = {part(stored.members, "q"), part(stored.members, "p")};
  } else {
    result.members = {joined(stored.members, true)};
  }
}

StoredRun read_run_file(const std::filesystem::path& path) {
  if (!std::filesystem::is_regular_file(path)) {
    throw UserError("there is no file '" + path.string() + "'",
                    "give the name of a file that run.save() or `cotangent run --out` wrote");
  }
  const auto text = [&](const char* name) { return io::read_text_attribute(path, "/", name); };
  const auto number = [&](const char* name) {
    return io::read_number_attribute(path, "/", name).value_or(0);
  };
  const auto names = text("names"), status = text("status");
  if (!names || !status) {
    throw UserError({"'" + path.string() + "' holds no run", "",
                     "a file that run.save() or `cotangent run --out` wrote",
                     "run it again, and save that"});
  }
  StoredRun stored;
  stored.text = text("system").value_or("");
  stored.no_text_why = text("system_refused").value_or("");
  stored.name = text("system_name").value_or("");
  stored.folder = text("system_folder").value_or("");
  stored.method = text("method").value_or("");
  stored.dt = number("dt");
  stored.planned = std::llround(number("planned_steps"));
  stored.title = text("title").value_or("");
  mechanics::RunResult& result = stored.result;
  using enum mechanics::RunStatus;
  for (const auto each : {kFinished, kInterrupted, kNonFinite, kStopped}) {
    if (status_text(each) == *status) result.status = each;
  }
  result.stopped_why = text("stopped_why").value_or("");
  result.state_hash = text("state_hash").value_or("");
  result.steps = std::llround(number("steps"));
  result.t = number("t");
  result.compile_s = number("compile_s");
  result.run_s = number("run_s");
  for (const std::string& full : names_of_lines(*names)) {
    const std::size_t slash = full.find('/');
    const std::string group = full.substr(0, slash), name = full.substr(slash + 1);
    if (group == "trajectory") {
      Series series = series_in(path, group, name);
      if (series.name.ends_with(kMean)) series.name.resize(series.name.size() - 5);
      result.trajectory.push_back(std::move(series));
    } else if (group == "observables") {
      result.observables.push_back(series_in(path, group, name));
    } else if (group == "energies") {
      result.energy_terms.push_back(series_in(path, group, name));
    } else if (group == "invariants") {
      mechanics::Invariant invariant;
      invariant.name = name;
      invariant.series = series_in(path, group, name);
      const auto of = [&](const char* what) {
        return io::read_number_attribute(path, full, what).value_or(NAN);
      };
      invariant.how = io::read_text_attribute(path, full, "how") == "proved"
                          ? mechanics::How::kProved
                          : mechanics::How::kTested;
      invariant.scale = of("scale");
      invariant.max_abs_error = of("max_abs_error");
      invariant.max_rel_error = of("max_rel_error");
      result.invariants.push_back(std::move(invariant));
    } else {
      io::PlainArray array = io::read_array(path, full);
      NamedArray made{name, ir::Tensor::of<double>(array.shape, array.values)};
      (group == "final" ? stored.final : stored.members).push_back(std::move(made));
    }
  }
  restore_states(stored);
  if (const auto said = text("said")) hear(*said, stored);
  return stored;
}

}  // namespace cotangent::apps
