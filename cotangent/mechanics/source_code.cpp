#include "cotangent/mechanics/source_code.h"

#include <bit>
#include <cctype>

#include "cotangent/base/error.h"
#include "cotangent/base/text.h"
#include "cotangent/base/version.h"
#include "cotangent/kernel/lower.h"
#include "cotangent/mechanics/flow.h"
#include "cotangent/mechanics/programs.h"
#include "cotangent/transform/passes.h"

namespace cotangent::mechanics {
namespace {

namespace source = backend::source;
using ir::Tensor;
using source::Dialect;

/// Steps of one call of the chunk kernel.
constexpr std::int64_t kCTrip = std::int64_t{1} << 40;
constexpr std::int64_t kDeviceTrip = 1 << 20;

struct CField {
  std::string name;  ///< an identifier
  ir::Type type;
  std::string note;
  std::string label{};  ///< in the program's output; empty: the name
};

/// The results of the start program that are gradients, those of the chunk program.
std::vector<std::string> gradient_names(const Arithmetic& arithmetic) {
  std::vector<std::string> names = {name_of(Part::kGradient)};
  if (arithmetic.pairs) names.push_back(name_of(Part::kGradientError));
  return names;
}
std::vector<std::string> chunk_results(const Arithmetic& arithmetic) {
  std::vector<std::string> names;
  for (Part part : carried_parts(arithmetic)) names.push_back(name_of(part) + std::string("_out"));
  return names;
}

kernel::Program lower_for_source(const ir::FunctionPtr& f) {
  return kernel::lower(transform::expand_far_angles(*f));
}

std::vector<std::string> names_of(const ir::Function& f) {
  return {f.param_names().begin(), f.param_names().end()};
}

std::string c_type(DType t) {
  return t == DType::kF32 ? "float" : t == DType::kI64 ? "int64_t" : "double";
}

std::string dimensions(const Shape& s) {
  std::string text;
  for (int k = 0; k < s.rank(); ++k)
    text += "[" + std::to_string(std::max<std::int64_t>(s[k], 1)) + "]";
  return text;
}

std::string member(const CField& f) {
  return "  " + c_type(f.type.dtype) + " " + f.name + dimensions(f.type.shape) + ";" +
         (f.note.empty() ? "" : "  /* " + f.note + " */") + "\n";
}

/// A pointer to the first element of `object.field`.
std::string first_of(const std::string& object, const CField& f) {
  std::string text = "&" + object + f.name;
  for (int k = 0; k < f.type.shape.rank(); ++k) text += "[0]";
  return text;
}

std::string numbers(const Tensor& x, DType t) {
  std::string text;
  std::size_t column = 0;
  for (std::int64_t k = 0; k < x.size(); ++k) {
    const auto value = t == DType::kI64 ? 0 : static_cast<double>(x.real(k));
    const std::uint64_t bits = t == DType::kI64 ? static_cast<std::uint64_t>(x.integer(k))
                               : t == DType::kF32
                                   ? std::bit_cast<std::uint32_t>(static_cast<float>(value))
                                   : std::bit_cast<std::uint64_t>(value);
    const std::string one = source::number_text(Dialect::kC, t, bits);
    column += one.size() + 2;
    const bool wrap = column > 90;
    if (wrap) column = one.size() + 6;
    text += (k == 0 ? "" : wrap ? ",\n      " : ", ") + one;
  }
  return text;
}

std::string upper(std::string text) {
  for (char& c : text) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return text;
}

/// `text` with every @ replaced by the name and every $ by the name in capitals.
std::string named(const std::string& text, const std::string& name) {
  std::string out;
  for (char c : text) out += c == '@' ? name : c == '$' ? upper(name) : std::string(1, c);
  return out;
}

/// What the files of all dialects begin with.
std::string summary(const System& system, const Plan& plan) {
  std::string text = system.title.empty() ? "A simulation" : system.title;
  text += "\nWritten by cotangent " + std::string(kVersion) + ".\n\n";
  text += "State " + system.shape.text() + ", " + plan.precision + ". Method " + plan.method +
          " of order " + std::to_string(plan.composition.order) + ", dt = " + shortest(plan.dt) +
          ", " + std::to_string(plan.steps) + " steps.\n";
  return text;
}

constexpr const char* kCUse = R"(
A program of its own:

    cc -std=c99 -O3 -march=native -fno-math-errno -DCOTANGENT_MAIN FILE.c -lm

prints the state after $_STEPS steps, or after as many as its argument says. Inside another program:

    #define $_DECLARATIONS
    #include "FILE.c"

    static @_state s;
    @_init(&s);             the initial state, parameters and dt below
    @_advance(&s, 1000);    1000 steps: s.q, s.p, s.step
    @_observe(&s, &o);      energies, momenta and observables there
    @_hash(&s);             equal hashes mean equal bits

and compile FILE.c beside it, without that macro. Whoever changes q, p, a parameter, t0 or dt calls
@_prepare(&s) before the next step. Nothing is allocated and nothing is global: states are
independent of each other, also between threads.

The bits do not depend on the compiler, on its level of optimisation or on the machine's vectors, as
long as it does IEEE arithmetic: no -ffast-math, and no -ffp-contract=fast with clang.
)";

class CWriter {
 public:
  CWriter(const System& system, const Facts& facts, const Plan& plan, const InitialState& initial,
          std::string name)
      : system_(system),
        plan_(plan),
        initial_(initial),
        name_(std::move(name)),
        pieces_(make_pieces(system, plan.arithmetic)),
        outputs_(make_outputs(system, facts, plan, false)),
        file_(Dialect::kC) {
    std::vector<std::string> names;
    for (const Parameter& p : system.parameters) names.push_back(p.name);
    names = source::identifiers(Dialect::kC, names);
    for (std::size_t k = 0; k < names.size(); ++k) {
      parameters_.push_back({names[k], system.parameters[k].value.type(), ""});
    }
    for (Part part : carried_parts(plan.arithmetic)) carried_.push_back(field(part));
    names = {"v"};
    for (const Output& o : outputs_) names.push_back(o.name);
    names = source::identifiers(Dialect::kC, names);
    observed_.push_back({names[0], ir::Type{DType::kF64, system.shape}, "dH/dp"});
    for (std::size_t k = 0; k < outputs_.size(); ++k) {
      observed_.push_back({names[k + 1], outputs_[k].type, "", outputs_[k].name});
      if (outputs_[k].kind != Output::Kind::kEnergy) continue;
      for (const EnergyTerm& t : system.terms) observed_.back().note += t.name + ", ";
      observed_.back().note += "and their sum";
    }
  }

  SourceCode write() {
    const ir::FunctionPtr chunk = chunk_program(pieces_, plan_.composition, {}, kCTrip);
    const ir::FunctionPtr start = start_program(pieces_, outputs_);
    std::vector<std::string> observed = gradient_names(pieces_.arithmetic);
    for (const CField& f : observed_) observed.push_back(f.name);
    const source::KernelText& c =
        file_.add(lower_for_source(chunk),
                  {name_ + "_chunk", names_of(*chunk), chunk_results(pieces_.arithmetic),
                   "`count` steps, the first of them number `first`.", false});
    const source::KernelText& s =
        file_.add(lower_for_source(start), {name_ + "_start", names_of(*start), observed,
                                            "dH/dq, and what is observed, at a state.", false});
    file_.set_declarations(declarations(c, s), upper(name_) + "_DECLARATIONS");
    file_.add_text(functions(c, s));
    file_.add_text(main_text());
    SourceCode code;
    code.name = name_;
    code.text = file_.text(summary(system_, plan_) + named(use(), name_));
    for (const char* f : {"_init", "_prepare", "_advance", "_observe", "_time", "_hash"}) {
      code.functions.push_back(name_ + f);
    }
    return code;
  }

 private:
  CField field(Part part) const {
    const Arithmetic& a = plan_.arithmetic;
    const bool error = part == Part::kQ ? a.q_error : part == Part::kP && a.p_error;
    const std::string sum =
        error ? std::string(": ") + name_of(part) + " + " + name_of(error_of(part)) : "";
    const char* note[kParts] = {"positions",
                                "momenta",
                                "dH/dq there, kept from step to step",
                                "what rounding took from q",
                                "what rounding took from p",
                                "the low part of the gradient"};
    const bool whole = !units_of(a, part).empty();
    const std::string lattice =
        whole ? std::string(", in units of a lattice: @_") + name_of(part) + "() is real" : "";
    return {name_of(part), part_type(a, part, system_.shape),
            note[static_cast<std::size_t>(part)] + sum + lattice};
  }

  std::string use() const {
    const Arithmetic& a = plan_.arithmetic;
    std::string text = kCUse;
    if (!a.errors()) return text;
    const std::string which = a.q_error && a.p_error ? "q and p are" : a.q_error ? "q is" : "p is";
    return text + "\n" + which +
           " carried with error terms (q_error, p_error): a position is q + q_error, a momentum\n"
           "p + p_error. Whoever sets q or p sets the error term too, to 0 or to what a float "
           "does\n"
           "not hold.\n";
  }

  std::string declarations(const source::KernelText& chunk, const source::KernelText& start) {
    std::string text = "\n#define $_STEPS INT64_C(" + std::to_string(plan_.steps) + ")\n";
    if (!parameters_.empty()) {
      text += "\ntypedef struct {\n";
      for (const CField& f : parameters_) text += member(f);
      text += "} @_parameters;\n";
    }
    text += "\ntypedef struct {\n";
    for (const CField& f : observed_) text += member(f);
    text += "} @_observables;\n";
    text += "\ntypedef struct {\n";
    for (const CField& f : carried_) text += member(f);
    text += "  int64_t step;       /* steps done; the time is t0 + step dt */\n  double t0, dt;\n";
    if (!parameters_.empty()) text += "  @_parameters parameters;\n";
    text += "  struct {            /* room for what is computed on the way */\n";
    for (CField f : carried_) {
      f.note.clear();
      text += "  " + member(f);
    }
    if (!chunk.scratch_type.empty()) text += "    " + chunk.scratch_type + " chunk;\n";
    if (!start.scratch_type.empty()) text += "    " + start.scratch_type + " start;\n";
    text += "    @_observables ignored;\n  } work;\n} @_state;\n";
    text += R"(
/* The initial state and the parameters of the file. */
void @_init(@_state *s);
/* After a change of q, p, t0, dt or a parameter. */
void @_prepare(@_state *s);
void @_advance(@_state *s, int64_t steps);
void @_observe(@_state *s, @_observables *o);
double @_time(const @_state *s);
/* The hash that `cotangent run` prints. */
uint64_t @_hash(const @_state *s);
)";
    if (plan_.arithmetic.lattice()) {
      text += "/* Element k of q and p, row-major, as reals. */\n";
      for (const char* part : {"q", "p"}) {
        text += std::string("double @_") + part + "(const @_state *s, int64_t k);\n";
      }
    }
    return named(text, name_);
  }

  /// A call of a kernel: `what` for each of its arguments, then its scratch.
  std::string call(const source::KernelText& k, const std::vector<std::string>& what,
                   const std::string& scratch) const {
    std::string text = k.function + "(";
    std::size_t column = 0;
    for (std::size_t n = 0; n < what.size() + !k.scratch_type.empty(); ++n) {
      const std::string one = n < what.size() ? what[n] : scratch;
      column += one.size() + 2;
      const bool wrap = column > 80;
      if (wrap) column = one.size() + 6;
      text += (n == 0 ? "" : wrap ? ",\n      " : ", ") + one;
    }
    return text + ");\n";
  }

  std::string start_call(const source::KernelText& start, const std::string& gradient) const {
    std::vector<std::string> arguments;
    for (Part part : state_parts(plan_.arithmetic)) {
      arguments.push_back(first_of("s->", field(part)));
    }
    arguments.push_back("&t");
    for (const CField& f : parameters_) arguments.push_back(first_of("s->parameters.", f));
    for (const char* name : {"gradient", "gradient_error"}) {
      for (const CField& f : carried_) {
        if (f.name == name) arguments.push_back(first_of(gradient, f));
      }
    }
    for (const CField& f : observed_) arguments.push_back(first_of("o->", f));
    return "  const double t = @_time(s);\n  " + call(start, arguments, "&s->work.start");
  }

  std::string functions(const source::KernelText& chunk, const source::KernelText& start) const {
    const Carry initial(plan_.arithmetic, initial_,
                        initial_.p ? *initial_.p : momentum_from_velocity(system_, initial_));
    std::string text = "void @_init(@_state *s) {\n", copies;
    // A parameter may be called what a part of the state is called.
    const auto data = [&](const CField& f, const Tensor& x, const std::string& to,
                          const std::string& suffix) {
      const std::string name = f.name + suffix;
      text += "  static const " + c_type(f.type.dtype) + " " + name + "[" +
              std::to_string(std::max<std::int64_t>(x.size(), 1)) + "] = {\n      " +
              (x.size() == 0 ? "0" : numbers(x, f.type.dtype)) + "};\n";
      copies += "  memcpy(" + first_of(to, f) + ", " + name + ", sizeof " + name + ");\n";
    };
    for (Part part : state_parts(plan_.arithmetic)) {
      data(field(part), initial[part], "s->", "_at_start");
    }
    for (std::size_t k = 0; k < parameters_.size(); ++k) {
      data(parameters_[k], system_.parameters[k].value, "s->parameters.", "_of_file");
    }
    text += copies + "  s->step = 0;\n  s->t0 = " + real(initial_.t) +
            ";\n  s->dt = " + real(plan_.dt) + ";\n  @_prepare(s);\n}\n\n";
    for (Part part : {Part::kQ, Part::kP}) {
      const Units& units = units_of(plan_.arithmetic, part);
      if (units.empty()) continue;
      const Tensor values = Tensor::of<double>(Shape{static_cast<std::int64_t>(units.size())},
                                               std::span<const double>(units));
      text += std::string("double @_") + name_of(part) +
              "(const @_state *s, int64_t k) {\n  static const double unit[] = {\n      " +
              numbers(values, DType::kF64) + "};\n  return (double)(" +
              first_of("s->", field(part)) + ")[k] * unit[" + (units.size() > 1 ? "k" : "0") +
              "];\n}\n\n";
    }
    text += "double @_time(const @_state *s) { return fma((double)s->step, s->dt, s->t0); }\n\n";
    text +=
        "void @_prepare(@_state *s) {\n"
        "  @_observables *const o = &s->work.ignored;\n" +
        start_call(start, "s->") + "}\n\n";
    text += "void @_observe(@_state *s, @_observables *o) {\n" + start_call(start, "s->work.") +
            "}\n\n";
    std::vector<std::string> arguments;
    for (const CField& f : carried_) arguments.push_back(first_of("s->", f));
    for (const char* name : {"&s->step", "&count", "&s->t0", "&s->dt"}) arguments.push_back(name);
    for (const CField& f : parameters_) arguments.push_back(first_of("s->parameters.", f));
    for (const CField& f : carried_) arguments.push_back(first_of("s->work.", f));
    text +=
        "void @_advance(@_state *s, int64_t steps) {\n  while (steps > 0) {\n"
        "    const int64_t most = INT64_C(" +
        std::to_string(kCTrip) +
        ");\n    const int64_t count = steps < most ? steps : most;\n    " +
        call(chunk, arguments, "&s->work.chunk");
    for (const CField& f : carried_) {
      text += "    memcpy(s->" + f.name + ", s->work." + f.name + ", sizeof s->" + f.name + ");\n";
    }
    text += "    s->step += count;\n    steps -= count;\n  }\n}\n\n" + hash_text();
    return named(text, name_);
  }

  static std::string real(double x) {
    return source::number_text(Dialect::kC, DType::kF64, std::bit_cast<std::uint64_t>(x));
  }

  std::string hash_text() const {
    std::string arrays;
    for (const CField& f : carried_) {
      arrays += "  h = add_array(h, s->" + f.name + ", sizeof s->" + f.name + ");\n";
    }
    return R"(/* The bytes as little-endian words of eight, each array after its length (state_hash.h). */
static uint64_t add_word(uint64_t h, uint64_t w) {
  w = (w ^ (w >> 32)) * UINT64_C(0xd6e8feb86659fd93);
  h = (h ^ w) * UINT64_C(0x9e3779b97f4a7c15);
  return (h << 29) | (h >> 35);
}

static uint64_t add_array(uint64_t h, const void *data, uint64_t bytes) {
  const unsigned char *const byte = data;
  h = add_word(h, bytes);
  for (uint64_t at = 0; at < bytes; at += 8) {
    uint64_t w = 0;
    for (uint64_t k = 0; k < 8 && at + k < bytes; ++k) w |= (uint64_t)byte[at + k] << (8 * k);
    h = add_word(h, w);
  }
  return h;
}

uint64_t @_hash(const @_state *s) {
  uint64_t h = UINT64_C(0x243f6a8885a308d3);
)" + arrays +
           R"(  h ^= h >> 33;
  h *= UINT64_C(0xff51afd7ed558ccd);
  return h ^ (h >> 33);
}
)";
  }

  /// Prints arrays of one or two axes as JSON.
  std::string main_text() const {
    std::string text = R"(#ifdef COTANGENT_MAIN
#include <stdio.h>
#include <stdlib.h>

static void print_number(double x) {
  if (isfinite(x))
    printf("%.17g", x);
  else
    printf("null");
}

)";
    // With `error`, the sum of two fields of one shape, in double; off a lattice where it is on
    // one.
    const auto print = [&](const CField& f, const std::string& object, const std::string& error) {
      std::string open, close, at;
      std::string body =
          "  printf(\", \\\"" + (f.label.empty() ? f.name : f.label) + "\\\": \");\n";
      const std::string letters = "ijklmn";
      std::string indent = "  ";
      for (int k = 0; k < f.type.shape.rank(); ++k) {
        const std::string i(1, letters[static_cast<std::size_t>(k)]);
        body += indent + "printf(\"[\");\n" + indent + "for (int " + i + " = 0; " + i + " < " +
                std::to_string(f.type.shape[k]) + "; ++" + i + ") {\n";
        indent += "  ";
        body += indent + "if (" + i + ") printf(\", \");\n";
        at += "[" + i + "]";
      }
      const std::string one = object + f.name + at;
      const std::string sum = "(double)" + one + " + (double)" + object + error + at;
      const std::string real = "@_" + f.name + "(&" + object.substr(0, 1) + ", &" + one + " - " +
                               first_of(object, f) + ")";
      const bool whole = f.type.dtype == DType::kI64;
      body += indent + "print_number(" + (whole ? real : error.empty() ? one : sum) + ");\n";
      for (int k = 0; k < f.type.shape.rank(); ++k) {
        indent.resize(indent.size() - 2);
        body += indent + "}\n" + indent + "printf(\"]\");\n";
      }
      return body;
    };
    text += R"(int main(int argc, char **argv) {
  static @_state s;
  static @_observables o;
  const int64_t steps = argc > 1 ? (int64_t)strtoll(argv[1], NULL, 10) : $_STEPS;
  @_init(&s);
  @_advance(&s, steps);
  @_observe(&s, &o);
  printf("{\"steps\": %lld, \"t\": ", (long long)s.step);
  print_number(@_time(&s));
)";
    const Arithmetic& a = plan_.arithmetic;
    text += print(field(Part::kQ), "s.", a.q_error ? name_of(Part::kQError) : "");
    text += print(field(Part::kP), "s.", a.p_error ? name_of(Part::kPError) : "");
    for (const CField& f : observed_) text += print(f, "o.", "");
    text += R"(  printf(", \"state_hash\": \"%016llx\"}\n", (unsigned long long)@_hash(&s));
  return 0;
}
#endif
)";
    return named(text, name_);
  }

  const System& system_;
  const Plan& plan_;
  const InitialState& initial_;
  std::string name_;
  Pieces pieces_;
  std::vector<Output> outputs_;
  source::SourceFile file_;
  std::vector<CField> carried_, parameters_, observed_;
};

void refuse_for_wgsl(const Plan& plan) {
  const char* remedy = "set run.precision = \"f32\", or give --set run.precision=f32";
  if (plan.arithmetic.state != DType::kF32) {
    throw UserError({"WGSL has no f64, the type of this system's state", "", "", remedy});
  }
  if (plan.arithmetic.errors()) {
    throw UserError({"WGSL does not keep the error terms of precision = \"" + plan.precision + "\"",
                     "", "its implementations may reassociate sums, and then (a + b) - a is b",
                     std::string(remedy) + "; or print C or CUDA C++ (--target c, --target cuda)"});
  }
}

}  // namespace

SourceCode source_code(const System& system, const Facts& facts, const Plan& plan,
                       const InitialState& initial, Dialect dialect, const std::string& name) {
  plan.only_kicks_and_drifts("source code");
  for (const EnergyTerm& term : system.terms) {
    if (!term.energy->has_checks()) continue;
    throw UserError({"the term \"" + term.name + "\" has a check, or a loop with a limit",
                     system.source ? show_place(*system.source, term.span) : "",
                     "printed source has nowhere to report one",
                     "run it here, or write the term without"});
  }
  const std::string prefix = source::identifiers(dialect, {name})[0];
  if (dialect == Dialect::kC) return CWriter(system, facts, plan, initial, prefix).write();
  SourceCode code;
  code.dialect = dialect;
  code.name = prefix;
  source::SourceFile file(dialect);
  if (dialect == Dialect::kWgsl) refuse_for_wgsl(plan);
  const Pieces pieces =
      dialect == Dialect::kWgsl ? device_pieces(system) : make_pieces(system, plan.arithmetic);
  ir::FunctionPtr start, chunk;
  std::vector<std::string> observed = gradient_names(pieces.arithmetic);
  std::string about = summary(system, plan);
  if (dialect == Dialect::kWgsl) {
    start = device_start_program(pieces);
    chunk = device_chunk_program(pieces, plan.composition, kDeviceTrip);
  } else {
    const std::vector<Output> outputs = make_outputs(system, facts, plan, false);
    start = start_program(pieces, outputs);
    chunk = chunk_program(pieces, plan.composition, {}, kDeviceTrip);
    observed.push_back("v");
    for (const Output& o : outputs) observed.push_back(o.name);
  }
  const source::KernelText& c =
      file.add(lower_for_source(chunk),
               {prefix + "_chunk", names_of(*chunk), chunk_results(pieces.arithmetic),
                "`count` steps (at most " + std::to_string(kDeviceTrip) +
                    "), the first of them number `first`, from time t0 + first dt. The outputs\n"
                    "are the next chunk's inputs."});
  const source::KernelText& s = file.add(
      lower_for_source(start),
      {prefix + "_start", names_of(*start), observed,
       dialect == Dialect::kWgsl ? "dH/dq at a state: what the first chunk needs."
                                 : "dH/dq at a state, which the first chunk needs, and what is "
                                   "observed there."});
  code.kernels = {c, s};
  code.text = file.text(about);
  return code;
}

}  // namespace cotangent::mechanics
