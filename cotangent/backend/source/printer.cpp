#include "cotangent/backend/source/printer.h"

#include <algorithm>
#include <bit>
#include <cctype>
#include <cmath>

#include "cotangent/base/error.h"
#include "cotangent/base/text.h"
#include "cotangent/kernel/scalar.h"

namespace cotangent::backend::source {

using ir::Op;
using kernel::BufferKind;
using kernel::Code;
using kernel::kNoId;

namespace {

/// A longer expression gets a name.
constexpr std::size_t kLongest = 48;

/// How loose an operand of a row may be without parentheses; the second of a sum or product must be
/// tighter, since these group to the left.
Level limit_of(Level row, bool first) {
  switch (row) {
    case Level::kAtom: return Level::kChoice;  // a call
    case Level::kUnary: return Level::kAtom;
    case Level::kProduct: return first ? Level::kProduct : Level::kUnary;
    case Level::kSum: return first ? Level::kSum : Level::kProduct;
    case Level::kCompare: return Level::kSum;
    case Level::kLogic: return Level::kUnary;
    case Level::kChoice: return Level::kCompare;
  }
  return Level::kAtom;
}

}  // namespace

Printer::Printer(const kernel::Program& program, const DialectTable& table,
                 const KernelNames& names, Helpers& helpers, Names& globals)
    : program_(program),
      table_(table),
      given_(names),
      helpers_(helpers),
      globals_(globals),
      names_(globals),
      ranges_(kernel::find_ranges(program)),
      touched_(program.buffers.size(), 0),
      uses_(program.types.size(), 0),
      used_in_(program.types.size(), nullptr),
      defined_in_(program.types.size(), nullptr),
      exprs_(program.types.size()),
      hints_(program.types.size()),
      constants_(program.types.size(), nullptr),
      uniform_(program.types.size(), 0) {}

void Printer::refuse(const std::string& what, const std::string& remedy) const {
  throw UserError(
      {std::string(table_.title) + ": " + what, "kernel '" + program_.name + "'", "", remedy});
}

KernelText Printer::print() {
  count_uses(program_.body);
  choose_form();
  place_buffers();
  block(program_.body);
  KernelText out;
  out.function = function_;
  out.arguments = arguments_;
  out.bindings = bindings_;
  out.form = form_;
  head(out);
  return out;
}

void Printer::use(Id id, const Block& b) {
  if (id == kNoId) return;
  ++uses_[id];
  used_in_[id] = &b;
}

void Printer::count_uses(const Block& b) {
  for (const Instr& i : b.instrs) {
    if (i.result != kNoId) defined_in_[i.result] = &b;
    for (Id x : i.operands) use(x, b);
    if (i.code == Code::kLoad || i.code == Code::kStore) touched_[i.buffer] = 1;
    if (i.body) count_uses(*i.body);
    if (i.other) count_uses(*i.other);
  }
  for (Id y : b.yields) use(y, b);
}

DType Printer::held(DType t) const {
  return table_.dialect == Dialect::kWgsl && t == DType::kI64 ? DType::kI32 : t;
}

const char* Printer::value_type(DType t) const {
  return table_.types[static_cast<std::size_t>(held(t))];
}

const char* Printer::memory_type(DType t) const {
  return table_.memory[static_cast<std::size_t>(held(t))];
}

/// Refuses a value that the dialect cannot hold.
void Printer::check_value(Id id, const std::string& what) const {
  const DType t = program_.types[id];
  const std::string name(cotangent::name_of(t));
  if (!value_type(t)) {
    refuse("has no " + name + ", the type of " + what,
           is_float(t) ? "compute in f32; in a system file: run.precision = \"f32\""
                       : "compute in 32-bit integers");
  }
  if (held(t) != t && !ranges_.of[id].fits_i32()) {
    refuse("has no 64-bit integers, and " + what + " is not known to fit in 32 bits",
           "give it as i32, or clamp it to a range");
  }
}

/// `among_others`: another operand makes the type clear; alone, a 64-bit integer must say it.
std::string Printer::literal(const Instr& c, bool among_others) {
  const bool wide = c.dtype == DType::kI64 || c.dtype == DType::kU64;
  if (!wide || among_others || table_.dialect == Dialect::kWgsl)
    return number(table_, c.dtype, c.bits);
  const std::string text = number(table_, c.dtype, c.bits);
  if (text == "INT64_MIN") return text;
  return c.dtype == DType::kU64 ? "UINT64_C(" + text.substr(0, text.size() - 1) + ")"
                                : "INT64_C(" + text + ")";
}

/// The value's expression, to be written once, now.
Printer::Expr Printer::take(Id id, bool among_others) {
  if (const Instr* c = constants_[id]) {
    const std::string text = literal(*c, among_others);
    return {text, text[0] == '-' ? Level::kUnary : Level::kAtom, false, true};
  }
  std::erase_if(unread_, [id](const Instr* i) { return i->result == id; });
  return exprs_[id];
}

std::string Printer::operand(const Expr& e, Level limit) const {
  return e.level <= limit ? e.text : "(" + e.text + ")";
}

/// A row's text with its operands in place.
std::string Printer::fill(const char* text, Level level, const Instr& i, std::vector<Expr>& x) {
  const DType last = held(program_.types[i.operands.back()]);
  const std::string typed = with_types(table_, text, last, held(i.dtype), helpers_);
  std::string out;
  for (std::size_t k = 0; k < typed.size(); ++k) {
    if (typed[k] != '$') {
      out += typed[k];
      continue;
    }
    const auto which = static_cast<std::size_t>(typed[++k] - '0');
    // Inside a call's parentheses anything may stand; `1.0 / sqrt($0)` is one in a product.
    const bool call =
        k >= 2 && typed[k - 2] == '(' && k + 1 < typed.size() &&
        (typed[k + 1] == ')' || typed[k + 1] == ',') && k >= 3 &&
        (std::isalnum(static_cast<unsigned char>(typed[k - 3])) || typed[k - 3] == '>');
    out += operand(x[which], call ? Level::kChoice : limit_of(level, which == 0));
  }
  return out;
}

/// Names the value, or leaves it to be written where it is used.
void Printer::give(const Instr& i, Expr e) {
  const Id id = i.result;
  if (uses_[id] == 1 && used_in_[id] == defined_in_[id] && e.text.size() <= kLongest) {
    if (e.reads) unread_.push_back(&i);
    exprs_[id] = std::move(e);
    if (i.code == Code::kLoad && constants_[i.operands[0]]) hints_[id] = element_name(i);
    return;
  }
  exprs_[id] = {name_value(i, e)};
  hints_[id] = exprs_[id].text;
}

/// "q_3", of a load from a known place.
std::string Printer::element_name(const Instr& i) const {
  const Instr& at = *constants_[i.operands[0]];
  return plain_[i.buffer] + "_" + number(table_, at.dtype, at.bits);
}

/// A value's name says what it is: an element of what, a condition, an index.
std::string Printer::name_value(const Instr& i, const Expr& e) {
  std::string name;
  if (i.code == Code::kLoad) {
    name = constants_[i.operands[0]] ? names_.unique(element_name(i))
                                     : names_.numbered(plain_[i.buffer] + "_x");
  } else {
    name = names_.numbered(is_bool(i.dtype) ? "is" : is_integer(i.dtype) ? "n" : "t");
  }
  declare(i.dtype, name, e.text);
  return name;
}

/// Before something that may write: what reads memory and is not written yet gets a name.
void Printer::flush_reads() {
  std::vector<const Instr*> unread;
  unread.swap(unread_);
  for (const Instr* i : unread) exprs_[i->result] = {name_value(*i, exprs_[i->result])};
}

void Printer::constant(const Instr& i) {
  constants_[i.result] = &i;
  uniform_[i.result] = 1;
  check_value(i.result, "the constant " + number(table_, i.dtype, i.bits));
}

void Printer::op(const Instr& i) {
  if (uses_[i.result] == 0) return;
  uniform_[i.result] = std::ranges::all_of(i.operands, [&](Id x) { return is_uniform(x); });
  const DType last = program_.types[i.operands.back()];
  const std::string name(ir::name_of(i.op));
  check_value(i.result, "a result of '" + name + "'");
  const bool shift = i.op == Op::kShl || i.op == Op::kShr;
  const bool clear =
      !shift && std::any_of(i.operands.begin() + (i.op == Op::kSelect), i.operands.end(),
                            [&](Id x) { return constants_[x] == nullptr; });
  std::vector<Expr> x;
  for (Id operand : i.operands) x.push_back(take(operand, clear));
  Expr e;
  for (const Expr& part : x) e.reads = e.reads || part.reads;
  if (i.op == Op::kCast || i.op == Op::kBitcast) {
    const CastRow* row = find_cast(table_, i.op, held(last), held(i.dtype));
    if (!row) {
      refuse("has no '" + name + "' from " + std::string(cotangent::name_of(last)) + " to " +
                 std::string(cotangent::name_of(i.dtype)),
             "leave it out of what runs there");
    }
    e.text = fill(row->text, row->level, i, x);
    e.level = row->level;
  } else {
    const OpRow* row = find_op(table_, i.op, held(last));
    if (!row) {
      refuse("has no '" + name + "' of " + std::string(cotangent::name_of(last)),
             std::string("run ") + (ir::is_far_angle(i.op) ? "expand_far_angles" : "the passes") +
                 " first (what comes out is in operations that every dialect has), or leave it out "
                 "of what runs there");
    }
    const bool plain = row->plain && ranges_.plain[i.result];
    e.level = plain ? row->plain_level : row->level;
    e.text = fill(plain ? row->plain : row->text, e.level, i, x);
  }
  give(i, std::move(e));
}

std::string Printer::element(std::uint32_t buffer, const std::string& index) const {
  const Place& p = place_[buffer];
  if (p.offset.empty()) return p.array + "[" + index + "]";
  if (index == "0") return p.array + "[" + p.offset + "]";
  return p.array + "[" + p.offset + " + " + index + "]";
}

Printer::Expr Printer::loaded(const Instr& i, const Expr& index, const Expr* predicate) const {
  const bool wgsl = table_.dialect == Dialect::kWgsl;
  const Level inside = place_[i.buffer].offset.empty() ? Level::kChoice : Level::kSum;
  std::string at = operand(index, inside);
  if (wgsl && predicate) at = "select(0, " + index.text + ", " + predicate->text + ")";
  Expr e{element(i.buffer, at), Level::kAtom};
  if (place_[i.buffer].bits) e.text = "bitcast<f32>(" + e.text + ")";
  if (is_bool(i.dtype) && program_.buffers[i.buffer].kind != BufferKind::kConstant) {
    e = {e.text + (wgsl ? " != 0u" : " != 0"), Level::kCompare};
  }
  if (predicate && wgsl) {
    e = {"select(" + number(table_, i.dtype, 0) + ", " + e.text + ", " + predicate->text + ")"};
  } else if (predicate && is_bool(i.dtype)) {
    e = {operand(*predicate, Level::kUnary) + " && " + operand(e, Level::kUnary), Level::kLogic};
  } else if (predicate) {
    e = {operand(*predicate, Level::kCompare) + " ? " + e.text + " : 0", Level::kChoice};
  }
  return e;
}

void Printer::load(const Instr& i) {
  if (uses_[i.result] == 0) return;
  check_value(i.result, "an element of '" + plain_[i.buffer] + "'");
  const BufferKind kind = program_.buffers[i.buffer].kind;
  const bool fixed = kind == BufferKind::kInput || kind == BufferKind::kConstant;
  uniform_[i.result] =
      fixed && is_uniform(i.operands[0]) && (i.operands[1] == kNoId || is_uniform(i.operands[1]));
  if (in_team() && !fixed) {
    Pending next;
    next.read.insert(i.buffer);
    before(next);
  }
  const Expr index = take(i.operands[0]);
  Expr predicate;
  if (i.operands[1] != kNoId) predicate = take(i.operands[1]);
  Expr e = loaded(i, index, i.operands[1] == kNoId ? nullptr : &predicate);
  e.reads = !fixed || index.reads || predicate.reads;
  give(i, std::move(e));
}

}  // namespace cotangent::backend::source
