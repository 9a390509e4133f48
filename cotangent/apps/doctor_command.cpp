// doctor: one program, compiled and run on every back end this machine has, against the reference
// evaluator. The same post-pass program must give the same bits everywhere; the program as it was
// written, before passes that change rounding, must agree to round-off.
#include <algorithm>
#include <cmath>
#include <ostream>
#include <sstream>

#include "cotangent/apps/commands.h"
#include "cotangent/apps/text_table.h"
#include "cotangent/base/version.h"
#include "cotangent/formats/system_file.h"
#include "cotangent/io/json_writer.h"
#include "cotangent/ir/builder.h"
#include "cotangent/ir/evaluator.h"
#include "cotangent/kernel/interpreter.h"
#include "cotangent/kernel/lower.h"
#include "cotangent/runtime/executable.h"
#include "cotangent/telemetry/terminal_sink.h"
#include "cotangent/transform/derivatives.h"

namespace cotangent::apps {
namespace {

constexpr int kBodies = 37;          // no multiple of any vector width
constexpr double kRoundOff = 1e-11;  ///< allowed between before and after passes, relative

/// "12 entries, 340 kB"
std::string entries_text(const PrivateStore::Usage& usage) {
  return telemetry::grouped(static_cast<std::int64_t>(usage.entries)) +
         (usage.entries == 1 ? " entry, " : " entries, ") +
         telemetry::rate_text(static_cast<double>(usage.bytes)) +
         (usage.bytes >= 9995 ? "B" : " B");
}

/// A system with pairs, elementary functions, vectors and a reduction.
std::string system_text() {
  std::ostringstream text;
  text << R"toml([energy]
kinetic = "sum(i, dot(p[i], p[i]) / (2 + 0.1*sin(3*p[i,0])))"
pairs = "sum(i<j, exp(-norm(q[i] - q[j])) / (1 + dot(q[i] - q[j], q[i] - q[j])))"
trap = "sum(i, cos(q[i,1]) * log(2 + tanh(q[i,2])) + sqrt(1 + q[i,0]^2))"
)toml"
       << "[initial]\n";
  for (const char* name : {"q", "p"}) {
    text << name << " = [";
    for (int i = 0; i < kBodies; ++i) {
      text << (i ? ", [" : "[");
      for (int c = 0; c < 3; ++c) {
        // Values spread over (-2, 2), the same on every machine.
        const int k = (i * 3 + c) * 7919 + (*name == 'q' ? 0 : 104729);
        text << (c ? ", " : "") << (k % 4001 - 2000) << ".0e-3";
      }
      text << "]";
    }
    text << "]\n";
  }
  text << "[run]\ndt = 0.01\nsteps = 1\n";
  return text.str();
}

/// (q, p) -> (H, dH/dq, dH/dp)
ir::FunctionPtr value_and_gradient(const mechanics::System& system) {
  ir::Builder b("doctor");
  const ir::Type type{DType::kF64, system.shape};
  const ir::Value q = b.param(type, "q"), p = b.param(type, "p");
  ensure(system.parameters.empty(), "doctor: its system has no parameters");
  ir::Value total;
  for (const mechanics::EnergyTerm& term : system.terms) {
    const ir::Value arguments[] = {q, p, b.constant(0.0)};
    const ir::Value value = b.inline_call(*term.energy, arguments)[0];
    total = total.valid() ? b.add(total, value) : value;
  }
  return transform::value_and_grad(*b.finish({total}), {0, 1});
}

using Values = std::vector<ir::Tensor>;

/// Largest |a - b| over results first..last, relative to the largest |b|.
double difference(const Values& a, const Values& b, std::size_t first, std::size_t last) {
  double largest = 0, scale = 0;
  for (std::size_t r = first; r <= last; ++r) {
    for (std::int64_t k = 0; k < a[r].size(); ++k) {
      const double d = static_cast<double>(a[r].real(k) - b[r].real(k));
      if (!std::isfinite(d)) return INFINITY;
      largest = std::max(largest, std::abs(d));
      scale = std::max(scale, std::abs(static_cast<double>(b[r].real(k))));
    }
  }
  return scale > 0 ? largest / scale : largest;
}

struct Finding {
  std::string name;
  double value = 0, gradient = 0;                  ///< from the evaluator on the same program
  double value_written = 0, gradient_written = 0;  ///< from the program as written
  bool same_bits = false;
  double compile_s = 0;
  bool good() const {
    return same_bits && value_written <= kRoundOff && gradient_written <= kRoundOff;
  }
};

Finding compare(std::string name, const Values& got, const Values& same, const Values& written) {
  Finding finding{std::move(name),
                  difference(got, same, 0, 0),
                  difference(got, same, 1, 2),
                  difference(got, written, 0, 0),
                  difference(got, written, 1, 2),
                  true,
                  0};
  for (std::size_t r = 0; r < got.size(); ++r) {
    finding.same_bits = finding.same_bits && got[r].same_bits(same[r]);
  }
  return finding;
}

/// The kernel program, one instruction at a time.
Values interpreted(const ir::FunctionPtr& program, const Values& arguments) {
  const kernel::Program lowered = kernel::lower(program);
  Values results;
  std::vector<const void*> in;
  std::vector<void*> out;
  for (const ir::Tensor& argument : arguments) in.push_back(argument.data());
  for (std::size_t r = 0; r < program->results().size(); ++r) {
    results.emplace_back(program->result_type(r));
  }
  for (ir::Tensor& result : results) out.push_back(result.data());
  kernel::interpret(lowered, in, out);
  return results;
}

std::vector<Finding> examine(telemetry::Telemetry& telemetry) {
  const formats::LoadedFile file = formats::parse_system_text("doctor.toml", system_text());
  const ir::FunctionPtr program = value_and_gradient(file.system);
  const Values arguments = {file.initial.q, *file.initial.p};
  const Values written = ir::evaluate(*program, arguments);

  std::vector<Finding> findings;
  Values same;
  const auto add = [&](const std::string& name, const std::string& cpu, int threads) {
    const telemetry::Span span(telemetry, name);
    const double begin = telemetry.now();
    runtime::CompileOptions options;
    options.threads = threads;
    options.cpu = cpu;
    options.cache.on = false;  // what is examined is made here and now
    const runtime::ExecutablePtr executable = runtime::compile(program, options);
    const double compile_s = telemetry.now() - begin;
    if (same.empty()) {
      same = ir::evaluate(*executable->program(), arguments);
      findings.push_back(compare("reference evaluator", same, same, written));
      findings.push_back(compare("kernel interpreter",
                                 interpreted(executable->program(), arguments), same, written));
    }
    findings.push_back(compare(name, executable->call(arguments), same, written));
    findings.back().compile_s = compile_s;
  };
  for (const std::string& cpu : runtime::machine_names()) {
    if (runtime::why_not_run(cpu).empty()) add("cpu, " + cpu, cpu, 1);
  }
  for (int threads : {2, 5}) add("cpu, " + std::to_string(threads) + " threads", "", threads);
  return findings;
}

void write_cache_json(io::JsonWriter& json, const runtime::CacheState& cache) {
  json.begin_object().field("on", cache.options.on && cache.trouble.empty());
  json.field("folder", cache.options.folder).field("trouble", cache.trouble);
  json.field("entries", static_cast<std::int64_t>(cache.usage.entries));
  json.field("bytes", static_cast<std::int64_t>(cache.usage.bytes));
  json.field("most_bytes", static_cast<std::int64_t>(cache.options.most_bytes)).end_object();
}

/// "12 entries, 340 kB of at most 1.1 GB, in ~/.cache/cotangent"
std::string cache_text(const runtime::CacheState& cache) {
  if (!cache.options.on) return "off";
  if (!cache.trouble.empty()) return "not used: " + cache.trouble;
  return entries_text(cache.usage) + " of at most " +
         telemetry::rate_text(static_cast<double>(cache.options.most_bytes)) + "B, in " +
         cache.options.folder;
}

void write_json(std::ostream& out, const std::vector<Finding>& findings, bool good) {
  io::JsonWriter json(out);
  json.begin_object().field("schema", "cotangent.doctor/1");
  json.field("version", kVersion).field("host", runtime::host_description());
  json.key("backends").begin_array();
  for (const Finding& f : findings) {
    json.begin_object().field("name", f.name).field("same_bits", f.same_bits);
    json.field("value_difference", f.value).field("gradient_difference", f.gradient);
    json.field("value_difference_from_written", f.value_written);
    json.field("gradient_difference_from_written", f.gradient_written);
    json.field("compile_s", f.compile_s).end_object();
  }
  json.end_array().key("code_cache");
  write_cache_json(json, runtime::cache_state());
  json.field("ok", good).end_object();
  out << '\n';
}

void write_text(std::ostream& out, const std::vector<Finding>& findings, bool good) {
  out << "cotangent " << kVersion << " on " << runtime::host_description() << "\n\n"
      << "One energy of " << kBodies << " bodies and its gradient, largest relative differences:\n";
  TextTable table;
  table.width = 120;
  table.right = {1, 2, 3, 4, 5};
  table.rows.push_back(
      {"back end", "value", "gradient", "value, as written", "gradient, as written", "compile"});
  for (const Finding& f : findings) {
    table.rows.push_back({f.name, error_text(f.value), error_text(f.gradient),
                          error_text(f.value_written), error_text(f.gradient_written),
                          f.compile_s > 0 ? telemetry::duration_text(f.compile_s) : "-"});
  }
  out << table << "\nvalue, gradient: from the reference evaluator on the same program; must be 0\n"
      << "as written:      from the program before passes that change rounding; at most "
      << error_text(kRoundOff) << "\n\ncode cache  " << cache_text(runtime::cache_state()) << '\n';
  for (const Finding& f : findings) {
    if (!f.good()) out << "FAILED: " << f.name << '\n';
  }
  if (good) out << "ok\n";
}

}  // namespace

int doctor_command(const DoctorOptions& options, Console& console) {
  if (options.clear_cache) {
    const PrivateStore::Usage removed = runtime::clear_cache();
    console.out << "removed from the code cache: " << entries_text(removed) << '\n';
    return kOk;
  }
  const std::vector<Finding> findings = examine(console.telemetry);
  const bool good = std::ranges::all_of(findings, &Finding::good);
  if (options.json)
    write_json(console.out, findings, good);
  else
    write_text(console.out, findings, good);
  return good ? kOk : kCheckFailed;
}

}  // namespace cotangent::apps
