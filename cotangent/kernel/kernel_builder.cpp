#include "cotangent/kernel/kernel_builder.h"

#include <algorithm>
#include <array>

#include "cotangent/base/error.h"

namespace cotangent::kernel {

using ir::Op;

std::size_t KernelBuilder::Hash::operator()(const Key& k) const {
  std::uint64_t h = k.head * 0x9E3779B97F4A7C15ull;
  for (std::uint64_t x : {std::uint64_t(k.a), std::uint64_t(k.b), std::uint64_t(k.c)}) {
    h = (h ^ x) * 0xD6E8FEB86659FD93ull;
    h ^= h >> 32;
  }
  return static_cast<std::size_t>(h);
}

KernelBuilder::KernelBuilder(Program& program) : program_(program) {
  open_.push_back(1);
  depth_of_block_.push_back(0);
  stack_.push_back({&program.body, 0, false, {}});
}

std::uint32_t KernelBuilder::add_buffer(Buffer buffer) {
  program_.buffers.push_back(std::move(buffer));
  return static_cast<std::uint32_t>(program_.buffers.size() - 1);
}

Id KernelBuilder::new_id(DType t, std::uint32_t block) {
  program_.types.push_back(t);
  block_of_.push_back(block);
  is_const_.push_back(0);
  const_bits_.push_back(0);
  return static_cast<Id>(program_.types.size() - 1);
}

Id KernelBuilder::constant(DType t, Bits bits) {
  const Key key{(std::uint64_t(Code::kConst) << 56) | std::uint64_t(t), static_cast<Id>(bits),
                static_cast<Id>(bits >> 32), 0};
  if (auto it = known_.find(key); it != known_.end()) return it->second;
  const Id id = new_id(t, 0);
  is_const_[id] = 1;
  const_bits_[id] = bits;
  Instr instr;
  instr.code = Code::kConst;
  instr.dtype = t;
  instr.bits = bits;
  instr.result = id;
  // Constants live in the outermost block; the open loop there, if any, is not yet in its list.
  stack_[0].block->instrs.push_back(std::move(instr));
  known_[key] = id;
  return id;
}

Id KernelBuilder::place(Instr instr, const Key& key, std::uint32_t least_block) {
  if (auto it = known_.find(key); it != known_.end() && in_scope(it->second)) return it->second;
  std::size_t want = depth_of(least_block);
  for (Id x : instr.operands) {
    if (x != kNoId) want = std::max<std::size_t>(want, depth_of(block_of_[x]));
  }
  std::size_t at = stack_.size() - 1;
  while (at > want && !stack_[at].is_if) --at;
  const Id id = new_id(instr.dtype, stack_[at].serial);
  instr.result = id;
  stack_[at].block->instrs.push_back(std::move(instr));
  known_[key] = id;
  return id;
}

KernelBuilder::Key KernelBuilder::key_of(Op op, DType result, std::span<const Id> operands) {
  return {(std::uint64_t(Code::kOp) << 56) | (std::uint64_t(op) << 8) | std::uint64_t(result),
          operands[0], operands.size() > 1 ? operands[1] : kNoId,
          operands.size() > 2 ? operands[2] : kNoId};
}

Id KernelBuilder::either_way(Id x) const {
  const auto difference = differences_.find(x);
  if (difference == differences_.end()) return x;
  const auto [a, b] = difference->second;
  const auto opposite = known_.find(key_of(Op::kSub, type(x), std::array{b, a}));
  const bool older = opposite != known_.end() && opposite->second < x;
  return older && in_scope(opposite->second) ? opposite->second : x;
}

Id KernelBuilder::op_typed(Op op, std::span<const Id> operands) {
  const DType branch = type(operands.back());
  const ir::OpDomain domain = ir::info(op).domain;
  const DType result =
      domain == ir::OpDomain::kCompare || domain == ir::OpDomain::kTest ? DType::kBool : branch;
  const bool all_const =
      std::all_of(operands.begin(), operands.end(), [&](Id x) { return is_const(x); });
  if (all_const) {
    Bits bits[3];
    for (std::size_t k = 0; k < operands.size(); ++k) bits[k] = const_bits_[operands[k]];
    return constant(result, apply_scalar(op, result, branch, {bits, operands.size()}));
  }
  if (op == Op::kSelect) {
    if (is_const(operands[0])) return const_bits_[operands[0]] ? operands[1] : operands[2];
    if (operands[1] == operands[2]) return operands[1];
  }
  if (is_bool(result) && operands.size() == 2 && (op == Op::kAnd || op == Op::kOr)) {
    for (int k = 0; k < 2; ++k) {
      if (!is_const(operands[k])) continue;
      const bool value = const_bits_[operands[k]] != 0;
      return value == (op == Op::kAnd) ? operands[1 - k] : operands[k];
    }
  }
  if (is_integer(result) && operands.size() == 2) {
    // Index arithmetic: x+0, 0+x, x-0, x*1, 1*x, x*0, x/1, x mod 1 (integers, so exact).
    const auto is = [&](int k, std::int64_t v) {
      return is_const(operands[k]) && const_i64(operands[k]) == v;
    };
    if (op == Op::kAdd && is(0, 0)) return operands[1];
    if ((op == Op::kAdd || op == Op::kSub) && is(1, 0)) return operands[0];
    if (op == Op::kMul && is(0, 1)) return operands[1];
    if ((op == Op::kMul || op == Op::kDiv) && is(1, 1)) return operands[0];
    if (op == Op::kMul && (is(0, 0) || is(1, 0))) return constant(result, 0);
    if (op == Op::kMod && is(1, 1)) return constant(result, 0);
  }
  Instr instr;
  instr.code = Code::kOp;
  instr.op = op;
  instr.dtype = result;
  instr.operands.assign(operands.begin(), operands.end());
  const bool squares = (op == Op::kMul || op == Op::kFma) && operands[0] == operands[1];
  if (is_float(result) && (squares || op == Op::kAbs)) {
    instr.operands[0] = either_way(operands[0]);
    if (squares) instr.operands[1] = instr.operands[0];
  }
  const Key key = key_of(op, result, instr.operands);
  const Id made = place(std::move(instr), key, 0);
  if (op == Op::kSub && is_float(result)) differences_[made] = {operands[0], operands[1]};
  return made;
}

Id KernelBuilder::convert(Op op, Id x, DType to) {
  if (is_const(x)) {
    const Bits bits = const_bits_[x];
    return constant(to, apply_scalar(op, to, type(x), {&bits, 1}));
  }
  const bool stored = is_storage(type(x)) || is_storage(to);
  return op == Op::kCast && stored ? convert_storage(x, to) : convert_plainly(op, x, to);
}

Id KernelBuilder::convert_plainly(Op op, Id x, DType to) {
  Instr instr;
  instr.code = Code::kOp;
  instr.op = op;
  instr.dtype = to;
  instr.operands = {x};
  return place(std::move(instr),
               {(std::uint64_t(Code::kOp) << 56) | (std::uint64_t(op) << 8) | std::uint64_t(to), x,
                kNoId, kNoId},
               0);
}

std::uint32_t KernelBuilder::new_version() {
  version_block_.push_back(current_block());
  return static_cast<std::uint32_t>(version_block_.size() - 1);
}

Id KernelBuilder::load(std::uint32_t buffer, std::uint32_t version, Id index, Id predicate) {
  const Buffer& from = program_.buffers[buffer];
  if (predicate != kNoId && is_const(predicate)) {
    if (const_bits_[predicate] == 0) return constant(from.dtype, 0);
    predicate = kNoId;
  }
  if (from.count == 0) return constant(from.dtype, 0);  // only a loop that never runs asks
  if (is_const(index)) {
    const std::int64_t k = const_i64(index);
    // Out of range only where control never comes (a loop without iterations).
    if (k < 0 || k >= from.count) return constant(from.dtype, 0);
    if (from.kind == BufferKind::kConstant) {
      return constant(from.dtype, read_element(from.data.data(), k, from.dtype));
    }
    predicate = kNoId;
  }
  Instr instr;
  instr.code = Code::kLoad;
  instr.dtype = from.dtype;
  instr.buffer = buffer;
  instr.operands = {index, predicate};
  return place(std::move(instr),
               {(std::uint64_t(Code::kLoad) << 56) | buffer, version, index, predicate},
               version_block_[version]);
}

void KernelBuilder::store(std::uint32_t buffer, Id index, Id value) {
  Instr instr;
  instr.code = Code::kStore;
  instr.dtype = program_.buffers[buffer].dtype;
  ensure(instr.dtype == type(value), "kernel store: element type");
  instr.buffer = buffer;
  instr.operands = {index, value};
  stack_.back().block->instrs.push_back(std::move(instr));
}

void KernelBuilder::call(LibraryCall call, std::vector<Id> offsets) {
  Instr instr;
  instr.code = Code::kCall;
  instr.call = std::make_shared<const LibraryCall>(std::move(call));
  instr.operands = std::move(offsets);
  stack_.back().block->instrs.push_back(std::move(instr));
}

void KernelBuilder::open(Instr pending, bool is_if) {
  pending.body = std::make_unique<Block>();
  Block* block = pending.body.get();
  const auto serial = static_cast<std::uint32_t>(open_.size());
  open_.push_back(1);
  depth_of_block_.push_back(static_cast<std::uint32_t>(stack_.size()));
  stack_.push_back({block, serial, is_if, std::move(pending)});
}

KernelBuilder::Loop KernelBuilder::open_for(ForKind kind, Id lo, Id hi, std::span<const Id> inits,
                                            Id skip) {
  Instr instr;
  instr.code = Code::kFor;
  instr.kind = kind;
  instr.operands = {lo, hi, skip};
  instr.operands.insert(instr.operands.end(), inits.begin(), inits.end());
  open(std::move(instr), false);
  Open& top = stack_.back();
  Loop loop;
  loop.index = new_id(DType::kI64, top.serial);
  for (Id init : inits) loop.args.push_back(new_id(type(init), top.serial));
  top.pending.index = loop.index;
  top.pending.args = loop.args;
  return loop;
}

KernelBuilder::Loop KernelBuilder::open_steps(Id count, std::span<const Id> inits) {
  const Loop loop = open_for(ForKind::kSerial, i64(0), count, inits);
  stack_.back().pending.rolled = true;
  return loop;
}

std::vector<Id> KernelBuilder::close_for(std::span<const Id> yields) {
  Open top = std::move(stack_.back());
  stack_.pop_back();
  open_[top.serial] = 0;
  ensure(yields.size() == top.pending.args.size(), "kernel for: number of yielded values");
  top.block->yields.assign(yields.begin(), yields.end());
  std::vector<Id> results;
  for (Id y : yields) results.push_back(new_id(type(y), stack_.back().serial));
  top.pending.results = results;
  stack_.back().block->instrs.push_back(std::move(top.pending));
  return results;
}

void KernelBuilder::open_if(Id condition) {
  Instr instr;
  instr.code = Code::kIf;
  instr.operands = {condition};
  open(std::move(instr), true);
}

void KernelBuilder::open_else(std::span<const Id> yields) {
  Open top = std::move(stack_.back());
  stack_.pop_back();
  open_[top.serial] = 0;
  top.block->yields.assign(yields.begin(), yields.end());
  top.pending.other = std::make_unique<Block>();
  Block* block = top.pending.other.get();
  const auto serial = static_cast<std::uint32_t>(open_.size());
  open_.push_back(1);
  depth_of_block_.push_back(static_cast<std::uint32_t>(stack_.size()));
  stack_.push_back({block, serial, true, std::move(top.pending)});
}

std::vector<Id> KernelBuilder::close_if(std::span<const Id> yields) {
  Open top = std::move(stack_.back());
  stack_.pop_back();
  open_[top.serial] = 0;
  ensure(yields.empty() || (top.pending.other && top.pending.body->yields.size() == yields.size()),
         "kernel if: number of yielded values");
  top.block->yields.assign(yields.begin(), yields.end());
  std::vector<Id> results;
  for (Id y : yields) results.push_back(new_id(type(y), stack_.back().serial));
  top.pending.results = results;
  stack_.back().block->instrs.push_back(std::move(top.pending));
  return results;
}

std::vector<Id> KernelBuilder::open_while(Id condition, std::span<const Id> inits) {
  Instr instr;
  instr.code = Code::kWhile;
  instr.operands = {condition};
  instr.operands.insert(instr.operands.end(), inits.begin(), inits.end());
  open(std::move(instr), false);
  Open& top = stack_.back();
  std::vector<Id> args;
  for (Id init : inits) args.push_back(new_id(type(init), top.serial));
  top.pending.args = args;
  return args;
}

std::vector<Id> KernelBuilder::close_while(Id condition, std::span<const Id> yields) {
  std::vector<Id> all{condition};
  all.insert(all.end(), yields.begin(), yields.end());
  Open top = std::move(stack_.back());
  stack_.pop_back();
  open_[top.serial] = 0;
  ensure(yields.size() == top.pending.args.size(), "kernel while: number of yielded values");
  top.block->yields = std::move(all);
  std::vector<Id> results;
  for (Id y : yields) results.push_back(new_id(type(y), stack_.back().serial));
  top.pending.results = results;
  stack_.back().block->instrs.push_back(std::move(top.pending));
  return results;
}

}  // namespace cotangent::kernel
