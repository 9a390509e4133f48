#include <filesystem>
#include <ostream>

#include "cotangent/apps/prepared.h"
#include "cotangent/apps/refusals.h"
#include "cotangent/base/text.h"
#include "cotangent/io/atomic_file.h"
#include "cotangent/io/json_writer.h"
#include "cotangent/mechanics/source_code.h"

namespace cotangent::apps {
namespace {
namespace source = backend::source;
namespace fs = std::filesystem;

source::Dialect dialect_of(const std::string& target) {
  if (const auto dialect = source::dialect_named(target)) return *dialect;
  const std::vector<std::string> known = {"c", "cuda", "wgsl"};
  const std::string near = nearest_name(target, known);
  throw UserError("--target does not know '" + target + "'" +
                      (near.empty() ? "" : "; did you mean '" + near + "'?"),
                  "choose from " + join(known, ", "));
}

/// Before anything is computed: whether the file can be written.
void check_out(const CompileOptions& options) {
  const fs::path path = options.out;
  std::error_code ignored;
  if (fs::is_directory(path, ignored)) {
    throw UserError("--out: '" + options.out + "' is a folder", "name a file in it");
  }
  if (fs::exists(path, ignored) && !options.overwrite) {
    throw UserError("--out: '" + options.out + "' is there already",
                    "name another file, or add --overwrite");
  }
  const fs::path folder = path.has_parent_path() ? path.parent_path() : fs::path(".");
  if (!fs::is_directory(folder, ignored)) {
    throw UserError("--out: there is no folder '" + folder.string() + "'",
                    "make it first, or name a file elsewhere");
  }
}

const char* form_text(source::Form form) {
  switch (form) {
    case source::Form::kSerial: return "serial";
    case source::Form::kGrid: return "grid";
    case source::Form::kBlock: return "block";
  }
  return "?";
}

void write_kernel(io::JsonWriter& json, const source::KernelText& kernel) {
  json.begin_object().field("name", kernel.function).field("form", form_text(kernel.form));
  json.key("arguments").begin_array();
  for (const source::Argument& a : kernel.arguments) {
    json.begin_object().field("name", a.name).field("dtype", std::string(name_of(a.dtype)));
    json.field("count", a.count).field("written", a.written).end_object();
  }
  json.end_array();
  if (!kernel.scratch_type.empty()) json.field("scratch", kernel.scratch_type);
  if (!kernel.bindings.empty()) {
    json.key("bindings").begin_array();
    for (const source::Binding& b : kernel.bindings) {
      json.begin_object().field("name", b.name).field("element", b.element);
      json.field("count", b.count).field("written", b.written).key("parts").begin_array();
      for (const source::Binding::Part& part : b.parts) {
        json.begin_object().field("name", part.name).field("at", part.at);
        json.field("count", part.count).end_object();
      }
      json.end_array().end_object();
    }
    json.end_array();
  }
  json.end_object();
}

void write_tensor(io::JsonWriter& json, const char* key, const ir::Tensor& x) {
  std::vector<double> values;
  for (std::int64_t k = 0; k < x.size(); ++k) values.push_back(static_cast<double>(x.real(k)));
  json.key(key).array(x.type().shape, values);
}

/// Where the run starts: what a host program hands to the first kernel.
void write_start(io::JsonWriter& json, const formats::LoadedFile& file) {
  const mechanics::InitialState& initial = file.initial;
  json.key("initial").begin_object();
  write_tensor(json, "q", initial.q);
  write_tensor(json, "p",
               initial.p ? *initial.p : mechanics::momentum_from_velocity(file.system, initial));
  json.field("t", initial.t).end_object().key("parameters").begin_object();
  for (const mechanics::Parameter& p : file.system.parameters) {
    write_tensor(json, p.name.c_str(), p.value);
  }
  json.end_object();
}

void write_json(std::ostream& out, const CompileOptions& options, const Prepared& prepared,
                const mechanics::SourceCode& code) {
  io::JsonWriter json(out);
  json.begin_object().field("schema", "cotangent.compile/1");
  json.field("target", std::string(source::name_of(code.dialect))).field("name", code.name);
  json.field("dt", prepared.plan.dt).field("steps", prepared.plan.steps);
  json.field("precision", prepared.plan.precision);
  write_start(json, prepared.file);
  json.key("functions").value(std::span<const std::string>(code.functions));
  json.key("kernels").begin_array();
  for (const source::KernelText& kernel : code.kernels) write_kernel(json, kernel);
  json.end_array();
  if (options.out.empty())
    json.field("text", code.text);
  else
    json.field("output", options.out);
  json.end_object();
  out << '\n';
}

}  // namespace

int compile_command(const CompileOptions& options, Console& console) {
  const source::Dialect dialect = dialect_of(options.target);
  if (!options.out.empty()) check_out(options);
  const Prepared prepared =
      prepare(options, console.telemetry, {mechanics::Kinds::kKicksAndDrifts, "printed source"});
  refuse_ensemble(prepared, "`cotangent compile`");
  refuse_integrator(prepared, "`cotangent compile`");
  const std::string name =
      options.name.empty() ? fs::path(options.file).stem().string() : options.name;
  mechanics::SourceCode code;
  {
    const telemetry::Span span(console.telemetry, "print source");
    code = mechanics::source_code(prepared.file.system, prepared.facts, prepared.plan,
                                  prepared.file.initial, dialect, name);
  }
  if (!options.out.empty()) io::write_text_file(options.out, code.text);
  if (options.json)
    write_json(console.out, options, prepared, code);
  else if (options.out.empty())
    console.out << code.text;
  return kOk;
}

}  // namespace cotangent::apps
