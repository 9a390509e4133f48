// Blocks, loops and stores; on a GPU, who does what and where the barriers stand.
#include <algorithm>
#include <cctype>

#include "cotangent/backend/source/printer.h"
#include "cotangent/base/error.h"

namespace cotangent::backend::source {

using kernel::BufferKind;
using kernel::Code;
using kernel::ForKind;
using kernel::kNoId;

namespace {

bool mentions(const std::string& text, const std::string& name) {
  const auto part_of_name = [&](std::size_t k) {
    return k < text.size() && (std::isalnum(static_cast<unsigned char>(text[k])) || text[k] == '_');
  };
  for (std::size_t at = text.find(name); at != std::string::npos; at = text.find(name, at + 1)) {
    if (!(at > 0 && part_of_name(at - 1)) && !part_of_name(at + name.size())) return true;
  }
  return false;
}

bool is_rows(const kernel::Instr& i) {
  return i.code == Code::kFor && kernel::is_simd(i.kind);
}

bool meet(const std::set<std::uint32_t>& x, const std::set<std::uint32_t>& y) {
  return std::ranges::any_of(x, [&](std::uint32_t b) { return y.contains(b); });
}

}  // namespace

void Printer::line(const std::string& text) {
  body_ += std::string(static_cast<std::size_t>(depth_) * 2, ' ') + text + "\n";
}

void Printer::declare(DType t, const std::string& name, const std::string& text, bool changes) {
  if (table_.dialect == Dialect::kWgsl) {
    line(std::string(changes ? "var " : "let ") + name + ": " + value_type(t) + " = " + text + ";");
  } else {
    line(std::string(changes ? "" : "const ") + value_type(t) + " " + name + " = " + text + ";");
  }
}

void Printer::block(const Block& b) {
  for (const Instr& i : b.instrs) {
    if (guarded_ && i.code != Code::kStore && i.code != Code::kConst) {
      --depth_;
      line("}");
      guarded_ = false;
    }
    switch (i.code) {
      case Code::kConst: constant(i); break;
      case Code::kOp: op(i); break;
      case Code::kLoad: load(i); break;
      case Code::kStore: store(i); break;
      case Code::kFor: loop(i); break;
      case Code::kWhile: while_loop(i); break;
      case Code::kIf: branch(i); break;
      case Code::kCall:
        refuse("has no library to call for '" + std::string(ir::name_of(i.call->op)) +
                   "' of large matrices",
               "matrices up to 16 x 16 are written out; larger ones run on the CPU");
    }
  }
  if (guarded_) {
    --depth_;
    line("}");
    guarded_ = false;
  }
}

void Printer::store(const Instr& i) {
  const bool first_only = in_team();
  if (first_only) {
    Pending next;
    next.written_by_first.insert(i.buffer);
    before(next);
  }
  Expr index = take(i.operands[0]);
  const Expr value = take(i.operands[1]);
  flush_reads();
  if (first_only && !guarded_) {
    line("if (thread == 0) {");
    ++depth_;
    guarded_ = true;
  }
  const Level inside = place_[i.buffer].offset.empty() ? Level::kChoice : Level::kSum;
  std::string text = value.text;
  if (is_bool(i.dtype) && table_.dialect == Dialect::kWgsl) text = "u32(" + text + ")";
  line(element(i.buffer, operand(index, inside)) + " = " + text + ";");
}

void Printer::branch(const Instr& i) {
  if (in_team()) {  // rather than in there, time and again
    Pending inside = touched(*i.body, false);
    if (i.other) inside.add(touched(*i.other, false));
    settle(inside);
  }
  const Expr condition = take(i.operands[0]);
  flush_reads();
  std::vector<std::string> names;
  for (Id r : i.results) {
    const DType t = program_.types[r];
    check_value(r, "a value of a branch");
    names.push_back(names_.numbered(is_bool(t) ? "is" : is_integer(t) ? "n" : "t"));
    declare(t, names.back(), number(table_, t, 0), true);
    exprs_[r] = {names.back()};
  }
  const bool unsure = !is_uniform(i.operands[0]);
  unsure_ += unsure;
  line("if (" + condition.text + ") {");
  ++depth_;
  const Pending skipped = pending_;
  block(*i.body);
  give_results(*i.body, names);
  if (i.other) {
    const Pending first = pending_;
    pending_ = skipped;
    --depth_;
    line("} else {");
    ++depth_;
    block(*i.other);
    give_results(*i.other, names);
    pending_.add(first);
  }
  pending_.add(skipped);
  --depth_;
  line("}");
  unsure_ -= unsure;
}

void Printer::give_results(const Block& b, const std::vector<std::string>& names) {
  std::vector<std::string> given;
  for (std::size_t k = 0; k < names.size(); ++k) given.push_back(take(b.yields[k], false).text);
  flush_reads();
  for (std::size_t k = 0; k < names.size(); ++k) line(names[k] + " = " + given[k] + ";");
}

std::string Printer::index_name() {
  if (loops_ == index_names_.size()) {
    const std::string letters = "ijklm";
    index_names_.push_back(loops_ < letters.size() ? names_.unique(letters.substr(loops_, 1))
                                                   : names_.numbered("i"));
  }
  return index_names_[loops_];
}

/// `spread`: every thread takes every `threads`-th iteration.
std::string Printer::head_of(const Instr&, const std::string& index, const Expr& lo, const Expr& hi,
                             bool spread) const {
  const std::string first = !spread          ? lo.text
                            : lo.text == "0" ? "thread"
                                             : operand(lo, Level::kSum) + " + thread";
  const std::string next = spread                             ? index + " += threads"
                           : table_.dialect == Dialect::kWgsl ? index + "++"
                                                              : "++" + index;
  const std::string type = value_type(DType::kI64);
  const std::string declared =
      table_.dialect == Dialect::kWgsl ? "var " + index + ": " + type : type + " " + index;
  return "for (" + declared + " = " + first + "; " + index + " < " + operand(hi, Level::kSum) +
         "; " + next + ") {";
}

void Printer::loop(const Instr& i) {
  const bool spread = is_rows(i) && in_team();
  const Pending inside = in_team() ? touched(*i.body, spread) : Pending();
  // A barrier that is needed before the first iteration stands before the loop.
  if (in_team()) before(inside);
  check_value(i.index, "a loop's index");
  Expr lo = take(i.operands[0]), hi = take(i.operands[1]), skip;
  if (i.operands[2] != kNoId) skip = take(i.operands[2]);
  // What is asked again in every iteration is neither read nor computed again.
  for (Expr* e : {&hi, &skip}) {
    if (!e->reads && e->text.find_first_of("([") == std::string::npos) continue;
    const std::string name = names_.numbered("n");
    declare(DType::kI64, name, e->text);
    *e = {name};
  }
  const std::vector<std::string> carried = declare_carried(i, 3);
  const bool sure = is_uniform(i.operands[0]) && is_uniform(i.operands[1]) &&
                    (i.operands[2] == kNoId || is_uniform(i.operands[2]));
  const std::string index = index_name();
  exprs_[i.index] = {index};
  uniform_[i.index] = sure && !spread;
  const Pending skipped = pending_;
  if (is_rows(i) && table_.dialect == Dialect::kC) line("INDEPENDENT");
  line(head_of(i, index, lo, hi, spread));
  ++depth_, ++loops_;
  in_rows_ = in_rows_ || spread;
  const bool unsure = !sure && !in_rows_;
  unsure_ += unsure;
  if (i.operands[2] != kNoId) {
    const std::string condition = index + " == " + operand(skip, Level::kSum);
    line("if (" + condition + ") " +
         (table_.dialect == Dialect::kWgsl ? "{ continue; }" : "continue;"));
  }
  if (is_rows(i)) declare_own(*i.body);
  block(*i.body);
  close_loop(i.body->yields, carried);
  unsure_ -= unsure;
  --depth_, --loops_;
  if (spread) in_rows_ = false;
  line("}");
  pending_.add(skipped);
}

/// Variables for the carried values; the initial ones come after `head` operands.
std::vector<std::string> Printer::declare_carried(const Instr& i, std::size_t head) {
  std::vector<Expr> initial;
  for (std::size_t k = head; k < i.operands.size(); ++k) {
    initial.push_back(take(i.operands[k], false));
  }
  flush_reads();
  std::vector<std::string> carried;
  for (std::size_t k = 0; k < i.args.size(); ++k) {
    const DType t = program_.types[i.args[k]];
    check_value(i.args[k], "a value carried by a loop");
    std::string& hint = hints_[i.args[k]];
    hint = hints_[i.operands[k + head]];
    carried.push_back(hint.empty() ? names_.numbered("carry") : names_.unique(hint));
    hints_[i.results[k]] = hint;
    declare(t, carried[k], initial[k].text, true);
    exprs_[i.args[k]] = exprs_[i.results[k]] = {carried[k]};
  }
  return carried;
}

void Printer::while_loop(const Instr& i) {
  // A barrier that is needed before the first iteration stands before the loop.
  if (in_team()) before(touched(*i.body, false));
  const std::string goes_on = names_.numbered("goes_on");
  const Expr first = take(i.operands[0]);
  declare(DType::kBool, goes_on, first.text, true);
  std::vector<std::string> carried = declare_carried(i, 1);
  const Pending skipped = pending_;
  line("while (" + goes_on + ") {");
  ++depth_;
  const bool unsure = !in_rows_;
  unsure_ += unsure;
  block(*i.body);
  carried.insert(carried.begin(), goes_on);
  close_loop(i.body->yields, carried);
  unsure_ -= unsure;
  --depth_;
  line("}");
  pending_.add(skipped);
}

/// Arrays that each iteration has to itself.
void Printer::declare_own(const Block& b) {
  std::set<std::uint32_t> own;
  own_of(b, own);
  for (std::uint32_t k : own) {
    const kernel::Buffer& buffer = program_.buffers[k];
    const std::string count = std::to_string(std::max<std::int64_t>(buffer.count, 1));
    if (table_.dialect == Dialect::kWgsl) {
      line("var " + place_[k].array + ": array<" + memory_type(buffer.dtype) + ", " + count + ">;");
    } else {
      line(std::string(memory_type(buffer.dtype)) + " " + place_[k].array + "[" + count + "];");
    }
  }
}

void Printer::own_of(const Block& b, std::set<std::uint32_t>& own) const {
  for (const Instr& i : b.instrs) {
    const bool memory = i.code == Code::kLoad || i.code == Code::kStore;
    if (memory && program_.buffers[i.buffer].kind == BufferKind::kLane) own.insert(i.buffer);
    if (i.body) own_of(*i.body, own);
    if (i.other) own_of(*i.other, own);
  }
}

/// The carried values take the yielded ones, all at once.
void Printer::close_loop(const std::vector<Id>& yields, const std::vector<std::string>& carried) {
  std::vector<std::string> next;
  for (Id y : yields) next.push_back(take(y, false).text);
  flush_reads();
  for (std::size_t k = 0; k < next.size(); ++k) {
    bool overwritten = false;
    for (std::size_t a = 0; a < k; ++a) {
      overwritten = overwritten || (next[a] != carried[a] && mentions(next[k], carried[a]));
    }
    if (!overwritten) continue;
    const std::string name = names_.numbered("next");
    declare(program_.types[yields[k]], name, next[k]);
    next[k] = name;
  }
  for (std::size_t k = 0; k < next.size(); ++k) {
    if (next[k] != carried[k]) line(carried[k] + " = " + next[k] + ";");
  }
}

// --- threads

void Printer::choose_form() {
  if (table_.dialect == Dialect::kC) return;
  std::size_t rows = 0, others = 0;
  for (const Instr& i : program_.body.instrs) {
    if (is_rows(i))
      ++rows;
    else if (i.body || i.code == Code::kStore)
      ++others;
  }
  form_ = rows == 1 && others == 0 ? Form::kGrid : Form::kBlock;
}

void Printer::Pending::add(const Pending& other) {
  read.insert(other.read.begin(), other.read.end());
  written_by_first.insert(other.written_by_first.begin(), other.written_by_first.end());
  written_by_rows.insert(other.written_by_rows.begin(), other.written_by_rows.end());
}

/// What a block does to buffers that are written at all.
Printer::Pending Printer::touched(const Block& b, bool in_rows) const {
  Pending p;
  for (const Instr& i : b.instrs) {
    const bool memory = i.code == Code::kLoad || i.code == Code::kStore;
    if (memory && program_.buffers[i.buffer].kind == BufferKind::kLane) continue;
    if (i.code == Code::kLoad) {
      const BufferKind kind = program_.buffers[i.buffer].kind;
      if (kind != BufferKind::kInput && kind != BufferKind::kConstant) p.read.insert(i.buffer);
    } else if (i.code == Code::kStore) {
      (in_rows ? p.written_by_rows : p.written_by_first).insert(i.buffer);
    } else if (i.body) {
      p.add(touched(*i.body, in_rows || is_rows(i)));
      if (i.other) p.add(touched(*i.other, in_rows));
    }
  }
  return p;
}

/// A barrier, where what comes next and what is pending are different threads' and one of the two
/// writes.
void Printer::settle(const Pending& next) {
  if (form_ != Form::kBlock) return;
  const bool needed = meet(next.read, pending_.written_by_first) ||
                      meet(next.read, pending_.written_by_rows) ||
                      meet(next.written_by_first, pending_.read) ||
                      meet(next.written_by_first, pending_.written_by_rows) ||
                      meet(next.written_by_rows, pending_.read) ||
                      meet(next.written_by_rows, pending_.written_by_first) ||
                      meet(next.written_by_rows, pending_.written_by_rows);
  if (needed) barrier();
}

void Printer::before(const Pending& next) {
  settle(next);
  pending_.add(next);
}

void Printer::barrier() {
  flush_reads();
  if (guarded_) {
    --depth_;
    line("}");
    guarded_ = false;
  }
  if (table_.dialect == Dialect::kWgsl) {
    if (unsure_ > 0) {
      refuse(
          "wants its barriers where all threads surely pass, and this kernel has one under a "
          "condition that depends on values it has stored",
          "run it on the CPU, or print it as C or CUDA C++");
    }
    line("storageBarrier();");
  } else {
    line("__syncthreads();");
  }
  pending_ = {};
}

}  // namespace cotangent::backend::source
