#include "cotangent/kernel/kernel_program.h"

#include <algorithm>
#include <cstring>
#include <functional>

#include "cotangent/base/error.h"
#include "cotangent/base/text.h"
#include "cotangent/kernel/scalar.h"

namespace cotangent::kernel {
namespace {

const char* name_of_kind(ForKind kind) {
  switch (kind) {
    case ForKind::kSerial: return "serial";
    case ForKind::kSimd: return "simd";
    case ForKind::kParallel: return "parallel";
    case ForKind::kShared: return "shared";
  }
  return "?";
}

const char* name_of_buffer(BufferKind kind) {
  switch (kind) {
    case BufferKind::kInput: return "input";
    case BufferKind::kOutput: return "output";
    case BufferKind::kScratch: return "scratch";
    case BufferKind::kConstant: return "constant";
    case BufferKind::kLane: return "lane";
    case BufferKind::kThread: return "thread";
  }
  return "?";
}

std::string value_name(Id id) {
  return id == kNoId ? "_" : "%" + std::to_string(id);
}

std::string list(const std::vector<Id>& ids) {
  std::string s;
  for (std::size_t k = 0; k < ids.size(); ++k) s += (k ? ", " : "") + value_name(ids[k]);
  return s;
}

std::string literal(const Instr& c) {
  double d = 0;
  float f = 0;
  std::memcpy(&d, &c.bits, 8);
  std::memcpy(&f, &c.bits, 4);
  if (c.dtype == DType::kF64) return shortest(d);
  if (c.dtype == DType::kF32) return shortest(f);
  if (c.dtype == DType::kBool) return c.bits ? "true" : "false";
  if (c.dtype == DType::kU64) return std::to_string(c.bits);
  if (is_storage_float(c.dtype)) {
    const Bits wide = apply_scalar(ir::Op::kCast, DType::kF32, c.dtype, {&c.bits, 1});
    std::memcpy(&f, &wide, 4);
    return shortest(f);
  }
  return std::to_string(i64_of(c.bits, c.dtype));
}

class Printer {
 public:
  explicit Printer(const Program& p) : program_(p) {}

  std::string text() {
    out_ = "kernel " + program_.name + "\n";
    for (std::size_t k = 0; k < program_.buffers.size(); ++k) {
      const Buffer& b = program_.buffers[k];
      out_ += "  buffer b" + std::to_string(k) + " : " + name_of_buffer(b.kind) + " " +
              std::string(cotangent::name_of(b.dtype)) + " x " + std::to_string(b.count);
      if (!b.note.empty()) out_ += "   # " + b.note;
      out_ += "\n";
    }
    block(program_.body, 1);
    return out_;
  }

 private:
  void line(int depth, const std::string& s) {
    out_ += std::string(static_cast<std::size_t>(depth) * 2, ' ') + s + "\n";
  }

  void block(const Block& b, int depth) {
    for (const Instr& i : b.instrs) instr(i, depth);
    if (!b.yields.empty()) line(depth, "yield " + list(b.yields));
  }

  void instr(const Instr& i, int depth) {
    const std::string buffer = "b" + std::to_string(i.buffer);
    const std::string type = " : " + std::string(cotangent::name_of(i.dtype));
    switch (i.code) {
      case Code::kConst: line(depth, value_name(i.result) + " = " + literal(i) + type); break;
      case Code::kOp:
        line(depth, value_name(i.result) + " = " + std::string(ir::name_of(i.op)) + " " +
                        list(i.operands) + type);
        break;
      case Code::kLoad:
        line(depth, value_name(i.result) + " = " + buffer + "[" + value_name(i.operands[0]) + "]" +
                        (i.operands[1] == kNoId ? "" : " if " + value_name(i.operands[1])) + type);
        break;
      case Code::kStore:
        line(depth, buffer + "[" + value_name(i.operands[0]) + "] = " + value_name(i.operands[1]));
        break;
      case Code::kFor: {
        std::string head;
        if (!i.results.empty()) head = list(i.results) + " = ";
        head += std::string(i.rolled ? "steps" : name_of_kind(i.kind)) + " for " +
                value_name(i.index) + " in " + value_name(i.operands[0]) + ".." +
                value_name(i.operands[1]);
        if (i.operands[2] != kNoId) head += " but " + value_name(i.operands[2]);
        if (!i.args.empty()) {
          head +=
              " with " + list(i.args) + " from " + list({i.operands.begin() + 3, i.operands.end()});
        }
        line(depth, head + " {");
        block(*i.body, depth + 1);
        line(depth, "}");
        break;
      }
      case Code::kWhile: {
        std::string head = i.results.empty() ? "" : list(i.results) + " = ";
        head += "while " + value_name(i.operands[0]);
        if (!i.args.empty()) {
          head +=
              " with " + list(i.args) + " from " + list({i.operands.begin() + 1, i.operands.end()});
        }
        line(depth, head + " {");
        block(*i.body, depth + 1);
        line(depth, "}");
        break;
      }
      case Code::kIf:
        line(depth, (i.results.empty() ? "" : list(i.results) + " = ") + "if " +
                        value_name(i.operands[0]) + " {");
        block(*i.body, depth + 1);
        if (i.other) {
          line(depth, "} else {");
          block(*i.other, depth + 1);
        }
        line(depth, "}");
        break;
      case Code::kCall: line(depth, call(i)); break;
    }
  }

  static std::string numbers_text(const std::vector<std::int64_t>& numbers) {
    std::string s;
    for (std::size_t k = 0; k < numbers.size(); ++k) {
      s += (k ? "," : "") + std::to_string(numbers[k]);
    }
    return s;
  }

  std::string call(const Instr& i) {
    const LibraryCall& c = *i.call;
    std::string text = "call " + std::string(ir::name_of(c.op));
    if (c.op == ir::Op::kTriangularSolve) {
      text += c.lower ? " lower" : " upper";
      text += std::string(c.transposed ? " transposed" : "") + (c.unit_diagonal ? " unit" : "");
    }
    if (c.pairs) text += " pairs";
    if (!c.batch.empty()) text += " batch [" + numbers_text(c.batch) + "]";
    for (std::size_t k = 0; k < c.arrays.size(); ++k) {
      const LibraryCall::Array& a = c.arrays[k];
      const bool first_result = a.written && (k == 0 || !c.arrays[k - 1].written);
      text += std::string(first_result ? " ->" : k ? "," : "") + " b" + std::to_string(a.buffer);
      if (i.operands[k] != kNoId) text += "+" + value_name(i.operands[k]);
      text += "[" + std::to_string(a.rows) + "," + std::to_string(a.columns) + "] by [" +
              numbers_text(a.strides) + "]";
    }
    return text;
  }

  const Program& program_;
  std::string out_;
};

class Verifier {
 public:
  explicit Verifier(const Program& p) : program_(p), visible_(p.types.size(), 0) {}

  void run() { block(program_.body, false); }

 private:
  void want(bool condition, const std::string& rule) {
    if (!condition) throw InternalError("kernel '" + program_.name + "': " + rule);
  }
  void use(Id id, const char* what) {
    want(id < visible_.size() && visible_[id],
         std::string(what) + " " + value_name(id) + " is used before or outside its definition");
  }
  void define(Id id, DType t) {
    want(id < visible_.size() && program_.types[id] == t, "type of " + value_name(id));
    want(!visible_[id], value_name(id) + " is defined twice");
    visible_[id] = 1;
    defined_.push_back(id);
  }
  DType type(Id id) const { return program_.types[id]; }

  void block(const Block& b, bool in_simd) {
    const std::size_t mark = defined_.size();
    for (const Instr& i : b.instrs) instr(i, in_simd);
    for (Id y : b.yields) use(y, "the yielded value");
    while (defined_.size() > mark) {
      visible_[defined_.back()] = 0;
      defined_.pop_back();
    }
  }

  void memory(const Instr& i, bool in_simd) {
    want(i.buffer < program_.buffers.size(), "no such buffer");
    want(program_.buffers[i.buffer].dtype == i.dtype, "element type of a buffer");
    want(program_.buffers[i.buffer].kind != BufferKind::kLane || in_simd,
         "a lane buffer is used in a simd loop");
    want(program_.buffers[i.buffer].kind != BufferKind::kThread || in_shared_,
         "a thread buffer is used in a shared loop");
    use(i.operands[0], "index");
    want(type(i.operands[0]) == DType::kI64, "an index is i64");
  }

  void instr(const Instr& i, bool in_simd) {
    switch (i.code) {
      case Code::kConst: define(i.result, i.dtype); break;
      case Code::kOp:
        want(ir::is_elementwise(i.op), "only elementwise ops");
        for (Id x : i.operands) use(x, "operand");
        define(i.result, i.dtype);
        break;
      case Code::kLoad:
        memory(i, in_simd);
        if (i.operands[1] != kNoId) {
          use(i.operands[1], "predicate");
          want(is_bool(type(i.operands[1])), "a predicate is bool");
        }
        define(i.result, i.dtype);
        break;
      case Code::kStore: {
        memory(i, in_simd);
        use(i.operands[1], "stored value");
        want(type(i.operands[1]) == i.dtype, "type of a stored value");
        const BufferKind kind = program_.buffers[i.buffer].kind;
        want(kind != BufferKind::kInput && kind != BufferKind::kConstant,
             "store to a read-only buffer");
        break;
      }
      case Code::kFor: {
        for (int k = 0; k < 2; ++k) {
          use(i.operands[static_cast<std::size_t>(k)], "bound");
          want(type(i.operands[static_cast<std::size_t>(k)]) == DType::kI64, "a bound is i64");
        }
        if (i.operands[2] != kNoId) use(i.operands[2], "skip");
        const bool simd = is_simd(i.kind), shared = i.kind == ForKind::kShared;
        want((!simd && !shared) || !in_simd, "simd loops do not nest");
        want(!shared || !in_shared_, "shared loops do not nest");
        want(i.kind == ForKind::kSerial || i.args.empty(), "only a serial loop carries values");
        const std::size_t mark = defined_.size();
        for (std::size_t k = 3; k < i.operands.size(); ++k) use(i.operands[k], "initial value");
        want(i.operands.size() == i.args.size() + 3 && i.args.size() == i.results.size() &&
                 i.args.size() == i.body->yields.size(),
             "number of carried values");
        define(i.index, DType::kI64);
        for (std::size_t k = 0; k < i.args.size(); ++k) {
          const DType t = type(i.operands[k + 3]);
          define(i.args[k], t);
          want(type(i.body->yields[k]) == t, "type of a carried value");
        }
        in_shared_ = in_shared_ || shared;
        block(*i.body, in_simd || simd);
        in_shared_ = in_shared_ && !shared;
        while (defined_.size() > mark) {
          visible_[defined_.back()] = 0;
          defined_.pop_back();
        }
        for (std::size_t k = 0; k < i.args.size(); ++k) define(i.results[k], type(i.args[k]));
        break;
      }
      case Code::kWhile: {
        for (Id x : i.operands) use(x, "condition or initial value");
        want(is_bool(type(i.operands[0])) && !i.body->yields.empty() &&
                 is_bool(type(i.body->yields[0])),
             "a condition is bool");
        want(i.operands.size() == i.args.size() + 1 && i.args.size() == i.results.size() &&
                 i.body->yields.size() == i.args.size() + 1,
             "number of carried values");
        const std::size_t mark = defined_.size();
        for (std::size_t k = 0; k < i.args.size(); ++k) {
          define(i.args[k], type(i.operands[k + 1]));
          want(type(i.body->yields[k + 1]) == type(i.args[k]), "type of a carried value");
        }
        block(*i.body, in_simd);
        while (defined_.size() > mark) {
          visible_[defined_.back()] = 0;
          defined_.pop_back();
        }
        for (std::size_t k = 0; k < i.args.size(); ++k) define(i.results[k], type(i.args[k]));
        break;
      }
      case Code::kIf:
        use(i.operands[0], "condition");
        want(is_bool(type(i.operands[0])), "a condition is bool");
        block(*i.body, in_simd);
        if (i.other) block(*i.other, in_simd);
        want(i.results.empty() || (i.other && i.other->yields.size() == i.results.size() &&
                                   i.body->yields.size() == i.results.size()),
             "number of values that an if gives");
        for (std::size_t k = 0; k < i.results.size(); ++k) {
          const DType t = type(i.body->yields[k]);
          want(type(i.other->yields[k]) == t, "type of a value that an if gives");
          define(i.results[k], t);
        }
        break;
      case Code::kCall: call(i, in_simd); break;
    }
  }

  void call(const Instr& i, bool in_simd) {
    want(!in_simd && !in_shared_, "no call in a simd or shared loop");
    want(i.call && i.operands.size() == i.call->arrays.size(), "one offset an array of a call");
    for (std::size_t k = 0; k < i.operands.size(); ++k) {
      const LibraryCall::Array& a = i.call->arrays[k];
      want(a.buffer < program_.buffers.size(), "no such buffer");
      const BufferKind kind = program_.buffers[a.buffer].kind;
      want(kind != BufferKind::kLane, "a lane buffer is used in a simd loop");
      want(!a.written || (kind != BufferKind::kInput && kind != BufferKind::kConstant),
           "store to a read-only buffer");
      want(a.strides.size() == i.call->batch.size() + 2, "one stride an axis");
      if (i.operands[k] == kNoId) continue;
      use(i.operands[k], "offset");
      want(type(i.operands[k]) == DType::kI64, "an offset is i64");
    }
  }

  const Program& program_;
  bool in_shared_ = false;
  std::vector<char> visible_;
  std::vector<Id> defined_;
};

/// Marks what is needed from the last instruction to the first, then drops the rest.
class DeadRemover {
 public:
  explicit DeadRemover(Program& p) : program_(p), used_(p.types.size(), 0) {}
  void run() { block(program_.body); }

 private:
  void mark(const std::vector<Id>& ids) {
    for (Id id : ids) {
      if (id != kNoId) used_[id] = 1;
    }
  }

  /// Returns whether the block stores anything.
  bool block(Block& b) {
    bool stores = false;
    mark(b.yields);
    std::vector<Instr> kept;
    for (std::size_t k = b.instrs.size(); k-- > 0;) {
      Instr& i = b.instrs[k];
      bool needed = false;
      switch (i.code) {
        case Code::kConst:
        case Code::kOp:
        case Code::kLoad: needed = used_[i.result]; break;
        case Code::kStore:
        case Code::kCall: needed = stores = true; break;
        case Code::kFor: needed = loop(i, 3, 0, stores); break;
        case Code::kWhile: needed = loop(i, 1, 1, stores); break;
        case Code::kIf: needed = branches(i, stores); break;
      }
      if (!needed) continue;
      if (!i.body) mark(i.operands);
      kept.push_back(std::move(i));
    }
    std::reverse(kept.begin(), kept.end());
    b.instrs = std::move(kept);
    return stores;
  }

  /// An if gives what is read after it only.
  bool branches(Instr& i, bool& stores) {
    std::size_t n = 0;
    for (std::size_t k = 0; k < i.results.size(); ++k) {
      if (!used_[i.results[k]]) continue;
      i.results[n] = i.results[k];
      i.body->yields[n] = i.body->yields[k], i.other->yields[n] = i.other->yields[k];
      ++n;
    }
    i.results.resize(n);
    i.body->yields.resize(n);
    if (i.other) i.other->yields.resize(n);
    bool inside = block(*i.body);
    if (i.other && block(*i.other)) inside = true;
    if (!inside && n == 0) return false;
    stores = stores || inside;
    mark(i.operands);
    return true;
  }

  /// `head` operands come before the initial values, `first` yields before the carried values.
  bool loop(Instr& i, std::size_t head, std::size_t first, bool& stores) {
    // Carried values that nobody needs go, to a fixpoint: one is needed if it is read after the
    // loop or if something needed inside reads it.
    if (!i.args.empty()) {
      std::vector<char> keep(i.args.size(), 0);
      for (std::size_t k = 0; k < i.args.size(); ++k) keep[k] = used_[i.results[k]];
      for (bool changed = true; changed;) {
        changed = false;
        std::vector<char> local(used_);
        needs(*i.body, first, keep, local);
        for (std::size_t k = 0; k < i.args.size(); ++k) {
          if (!keep[k] && local[i.args[k]]) keep[k] = 1, changed = true;
        }
      }
      std::size_t n = 0;
      for (std::size_t k = 0; k < keep.size(); ++k) {
        if (!keep[k]) continue;
        i.args[n] = i.args[k], i.results[n] = i.results[k];
        i.operands[n + head] = i.operands[k + head];
        i.body->yields[n + first] = i.body->yields[k + first];
        ++n;
      }
      i.args.resize(n), i.results.resize(n), i.operands.resize(n + head);
      i.body->yields.resize(n + first);
    }
    const bool inside = block(*i.body);
    if (!inside && i.args.empty()) return false;
    stores = stores || inside;
    mark(i.operands);
    return true;
  }

  /// Marks in `used` what the block needs when its first yields and those in `keep` are wanted
  /// (empty: all).
  void needs(const Block& b, std::size_t first, const std::vector<char>& keep,
             std::vector<char>& used) {
    for (std::size_t k = 0; k < b.yields.size(); ++k) {
      if (keep.empty() || k < first || keep[k - first]) used[b.yields[k]] = 1;
    }
    for (std::size_t k = b.instrs.size(); k-- > 0;) {
      const Instr& i = b.instrs[k];
      const bool pure = i.code == Code::kConst || i.code == Code::kOp || i.code == Code::kLoad;
      if (pure && !used[i.result]) continue;
      for (Id x : i.operands) {
        if (x != kNoId) used[x] = 1;
      }
      if (i.body) needs(*i.body, 0, {}, used);
      if (i.other) needs(*i.other, 0, {}, used);
    }
  }

  Program& program_;
  std::vector<char> used_;
};

}  // namespace

bool calls_library(const Program& program, ir::Op* first) {
  const std::function<bool(const Block&)> in = [&](const Block& block) {
    for (const Instr& i : block.instrs) {
      if (i.code == Code::kCall && first) *first = i.call->op;
      if (i.code == Code::kCall || (i.body && in(*i.body)) || (i.other && in(*i.other)))
        return true;
    }
    return false;
  };
  return in(program.body);
}

std::size_t size_of_block(const Block& block) {
  std::size_t n = block.instrs.size();
  for (const Instr& i : block.instrs) {
    if (i.body) n += size_of_block(*i.body);
    if (i.other) n += size_of_block(*i.other);
  }
  return n;
}

std::string print(const Program& program) {
  return Printer(program).text();
}
void verify(const Program& program) {
  Verifier(program).run();
}
void remove_dead(Program& program) {
  DeadRemover(program).run();
}

}  // namespace cotangent::kernel
