// Kernel program -> LLVM IR: values of a simd loop and single instructions.
//
// In a simd loop every value has a class: uniform (one scalar for all lanes), linear (scalar of
// lane 0 plus lane * stride; indices mostly), varying (a vector).
#pragma once

#include <llvm/IR/Intrinsics.h>
#include <llvm/IR/IntrinsicsX86.h>
#include <llvm/IR/MDBuilder.h>

#include <algorithm>
#include <functional>
#include <numeric>
#include <set>

#include "cotangent/backend/cpu/llvm_emit.h"
#include "cotangent/backend/cpu/llvm_streams.h"
#include "cotangent/backend/cpu/llvm_tiles.h"
#include "cotangent/base/error.h"
#include "cotangent/kernel/lazy_sides.h"

namespace cotangent::backend::cpu {

using kernel::Block;
using kernel::Code;
using kernel::ForKind;
using kernel::Id;
using kernel::Instr;
using kernel::kNoId;
using kernel::Program;
using llvm::Value;

enum class Class : std::uint8_t { kUniform, kLinear, kVarying };

inline constexpr std::int64_t kMaxUnrollTrip = 16;
inline constexpr std::size_t kMaxUnrolledSize = 400;
inline constexpr std::size_t kMaxTwice = 300;  ///< a longer body of a simd loop is emitted once

/// Values and single instructions; memory is in MemoryEmitter, branches are in ControlEmitter,
/// loops in Emitter (llvm_emit.cpp).
class ValueEmitter {
 public:
  ValueEmitter(llvm::Module& module, const std::string& name, const Program& program,
               const MemoryPlan& plan, int vector_bits, bool team, bool rsqrt14, bool tiles)
      : context_(module.getContext()),
        ir_(context_),
        program_(program),
        plan_(plan),
        bits_(vector_bits),
        team_(team),
        rsqrt14_(rsqrt14),
        with_tiles_(tiles),
        forms_(program),
        tiles_(program, forms_),
        streams_(program),
        values_(program.types.size()),
        class_(program.types.size(), Class::kUniform) {
    llvm::Type* ptr = ir_.getPtrTy();
    llvm::Type* i64 = ir_.getInt64Ty();
    auto* type =
        llvm::FunctionType::get(ir_.getVoidTy(), {ptr, ptr, ptr, ptr, ptr, i64, i64}, false);
    fn_ = llvm::Function::Create(type, llvm::Function::ExternalLinkage, name, module);
    fn_->setDoesNotThrow();
    const std::string width = std::to_string(vector_bits);
    fn_->addFnAttr("prefer-vector-width", width);
    fn_->addFnAttr("min-legal-vector-width", width);
    // Registers that do not fit are kept on the stack: a vector there must not cross a cache line.
    fn_->addFnAttr(llvm::Attribute::getWithStackAlignment(
        context_, llvm::Align(static_cast<std::uint64_t>(vector_bits) / 8)));
    ir_.SetInsertPoint(llvm::BasicBlock::Create(context_, "entry", fn_));
    for (std::size_t k = 0; k < program.buffers.size(); ++k) {
      const kernel::Buffer& b = program.buffers[k];
      Value* base = nullptr;
      switch (b.kind) {
        case kernel::BufferKind::kInput:
        case kernel::BufferKind::kOutput: {
          Value* list = fn_->getArg(b.kind == kernel::BufferKind::kInput ? 0 : 1);
          Value* at =
              ir_.CreateConstInBoundsGEP1_64(ptr, list, static_cast<std::uint64_t>(b.position));
          base = ir_.CreateLoad(ptr, at);
          break;
        }
        case kernel::BufferKind::kThread:
        case kernel::BufferKind::kLane: {
          Value* own = ir_.CreateMul(thread(), ir_.getInt64(plan.lane_bytes));
          Value* at = ir_.CreateAdd(own, ir_.getInt64(plan.scratch_bytes + plan.offset[k]));
          base = ir_.CreateGEP(ir_.getInt8Ty(), fn_->getArg(2), at);
          break;
        }
        case kernel::BufferKind::kScratch:
        case kernel::BufferKind::kConstant:
          base = ir_.CreateConstInBoundsGEP1_64(
              ir_.getInt8Ty(), fn_->getArg(b.kind == kernel::BufferKind::kScratch ? 2 : 3),
              plan.offset[k]);
          break;
      }
      base_.push_back(base);
    }
  }

  void run() {
    block(program_.body);
    settle_streams();
    ir_.CreateRetVoid();
  }

  virtual ~ValueEmitter() = default;

 protected:
  virtual void load(const Instr& i) = 0;
  virtual void store(const Instr& i) = 0;
  virtual void loop(const Instr& i) = 0;
  virtual void while_loop(const Instr& i) = 0;
  virtual void branch(const Instr& i) = 0;

  struct Val {
    Value* s = nullptr;       ///< uniform value; of lane 0 when linear
    Value* v = nullptr;       ///< all lanes, when varying
    std::int64_t stride = 0;  ///< when linear
  };
  struct Lanes {
    int width = 1;          ///< 1: not in a simd loop
    Value* mask = nullptr;  ///< null: all lanes take part
    int active = 1;         ///< lanes inside the loop's range
    Id index = kNoId;       ///< of the simd loop
    const Block* body = nullptr;
    Value* tail = nullptr;  ///< in the last, partial vector of a loop: the mask of its lanes
    std::int64_t begin = 0, end = 0;  ///< of that vector and of the loop, when there is a tail
  };

  // --- classes

  bool is_literal(Id id) const {
    return values_[id].s && llvm::isa<llvm::ConstantInt>(values_[id].s);
  }

  Class classify_op(const Instr& i) const {
    bool uniform = true, index = true;
    for (Id x : i.operands) {
      uniform = uniform && class_[x] == Class::kUniform;
      index = index && class_[x] != Class::kVarying;
    }
    if (uniform) return Class::kUniform;
    if (!index || i.dtype != DType::kI64) return Class::kVarying;
    switch (i.op) {
      case ir::Op::kAdd:
      case ir::Op::kSub:
      case ir::Op::kNeg: return Class::kLinear;
      case ir::Op::kMul:
        // The stride must be known: the other factor is a literal.
        for (int k = 0; k < 2; ++k) {
          if (class_[i.operands[1 - k]] == Class::kUniform && is_literal(i.operands[1 - k])) {
            return Class::kLinear;
          }
        }
        return Class::kVarying;
      default: return Class::kVarying;
    }
  }

  void classify(const Block& b) {
    for (const Instr& i : b.instrs) {
      switch (i.code) {
        case Code::kConst:
          class_[i.result] = Class::kUniform;
          if (!values_[i.result].s) values_[i.result].s = literal(i);
          break;
        case Code::kOp: class_[i.result] = classify_op(i); break;
        case Code::kLoad: {
          const bool uniform =
              class_[i.operands[0]] == Class::kUniform &&
              (i.operands[1] == kNoId || class_[i.operands[1]] == Class::kUniform) &&
              !is_private(i.buffer);
          class_[i.result] = uniform ? Class::kUniform : Class::kVarying;
          break;
        }
        case Code::kStore:
        case Code::kCall: break;
        case Code::kIf:
          classify(*i.body);
          if (i.other) classify(*i.other);
          for (std::size_t k = 0; k < i.results.size(); ++k) {
            const bool uniform = class_[i.operands[0]] == Class::kUniform &&
                                 class_[i.body->yields[k]] == Class::kUniform &&
                                 class_[i.other->yields[k]] == Class::kUniform;
            class_[i.results[k]] = uniform ? Class::kUniform : Class::kVarying;
          }
          break;
        case Code::kWhile: classify_while(i); break;
        case Code::kFor: {
          bool same = true;
          for (int k = 0; k < 3; ++k) {
            const Id x = i.operands[static_cast<std::size_t>(k)];
            same = same && (x == kNoId || class_[x] == Class::kUniform);
          }
          class_[i.index] = Class::kUniform;
          for (std::size_t k = 0; k < i.args.size(); ++k) {
            const bool uniform = same && class_[i.operands[k + 3]] == Class::kUniform;
            class_[i.args[k]] = uniform ? Class::kUniform : Class::kVarying;
          }
          for (bool changed = true; changed;) {
            changed = false;
            classify(*i.body);
            for (std::size_t k = 0; k < i.args.size(); ++k) {
              if (class_[i.args[k]] == Class::kUniform &&
                  class_[i.body->yields[k]] != Class::kUniform) {
                class_[i.args[k]] = Class::kVarying;
                changed = true;
              }
            }
          }
          for (std::size_t k = 0; k < i.args.size(); ++k) class_[i.results[k]] = class_[i.args[k]];
          break;
        }
      }
    }
  }

  /// Lanes that stop at different times differ in all they carry.
  void classify_while(const Instr& i) {
    bool same = class_[i.operands[0]] == Class::kUniform;
    for (bool changed = true; changed;) {
      changed = false;
      for (std::size_t k = 0; k < i.args.size(); ++k) {
        const bool uniform = same && class_[i.operands[k + 1]] == Class::kUniform;
        class_[i.args[k]] = uniform ? Class::kUniform : Class::kVarying;
      }
      for (bool grown = true; grown;) {
        grown = false;
        classify(*i.body);
        for (std::size_t k = 0; k < i.args.size(); ++k) {
          if (class_[i.args[k]] == Class::kUniform &&
              class_[i.body->yields[k + 1]] != Class::kUniform) {
            class_[i.args[k]] = Class::kVarying;
            grown = true;
          }
        }
      }
      if (same && class_[i.body->yields[0]] != Class::kUniform) {
        same = false;
        changed = true;
      }
    }
    for (std::size_t k = 0; k < i.args.size(); ++k) class_[i.results[k]] = class_[i.args[k]];
  }

  void all_uniform(const Block& b) {
    for (const Instr& i : b.instrs) {
      if (i.result != kNoId) class_[i.result] = Class::kUniform;
      if (i.index != kNoId) class_[i.index] = Class::kUniform;
      for (Id x : i.args) class_[x] = Class::kUniform;
      for (Id x : i.results) class_[x] = Class::kUniform;
      if (i.body) all_uniform(*i.body);
      if (i.other) all_uniform(*i.other);
    }
  }

  // --- values

  Value* literal(const Instr& i) {
    llvm::Type* type = llvm_type(context_, i.dtype, 1);
    if (i.dtype == DType::kF64) {
      return llvm::ConstantFP::get(
          context_, llvm::APFloat(llvm::APFloat::IEEEdouble(), llvm::APInt(64, i.bits)));
    }
    if (i.dtype == DType::kF32) {
      return llvm::ConstantFP::get(
          context_, llvm::APFloat(llvm::APFloat::IEEEsingle(),
                                  llvm::APInt(32, static_cast<std::uint32_t>(i.bits))));
    }
    const unsigned bits = type->getIntegerBitWidth();
    return llvm::ConstantInt::get(context_, llvm::APInt(64, i.bits).zextOrTrunc(bits));
  }

  /// Runs `make` at the place just after the definition of `x`, so that what it makes is visible
  /// wherever x is.
  template <class F>
  Value* after(Value* x, F make) {
    auto* def = llvm::dyn_cast<llvm::Instruction>(x);
    if (!def) {
      if (llvm::isa<llvm::Constant>(x)) return make();
      llvm::IRBuilder<>::InsertPointGuard guard(ir_);
      ir_.SetInsertPoint(&fn_->getEntryBlock(), fn_->getEntryBlock().getFirstInsertionPt());
      return make();
    }
    llvm::IRBuilder<>::InsertPointGuard guard(ir_);
    if (llvm::isa<llvm::PHINode>(def)) {
      ir_.SetInsertPoint(def->getParent(), def->getParent()->getFirstInsertionPt());
    } else {
      ir_.SetInsertPoint(def->getParent(), std::next(def->getIterator()));
    }
    return make();
  }

  Value* splat(Value* x) {
    auto& known = splats_[{x, lanes_.width}];
    if (!known) {
      known =
          after(x, [&] { return ir_.CreateVectorSplat(static_cast<unsigned>(lanes_.width), x); });
    }
    return known;
  }

  Value* steps(std::int64_t stride) {
    std::vector<llvm::Constant*> all;
    for (int l = 0; l < lanes_.width; ++l) {
      all.push_back(llvm::ConstantInt::getSigned(ir_.getInt64Ty(), stride * l));
    }
    return llvm::ConstantVector::get(all);
  }

  /// A literal that lies in memory, loaded where it is used; null for any other value.
  Value* kept_literal(Id id) {
    const auto at = kept_literals_.find(id);
    if (at == kept_literals_.end()) return nullptr;
    llvm::Type* type = llvm_type(context_, program_.types[id], 1);
    auto* load = ir_.CreateAlignedLoad(
        type, ir_.CreateConstInBoundsGEP1_64(ir_.getInt8Ty(), fn_->getArg(3), at->second),
        llvm::Align(size_of(program_.types[id])));
    load->setMetadata(llvm::LLVMContext::MD_invariant_load, llvm::MDNode::get(context_, {}));
    return load;
  }

  Value* vector(Id id) {
    const Val& x = values_[id];
    switch (class_[id]) {
      case Class::kVarying: return x.v;
      case Class::kUniform:
        if (Value* literal = kept_literal(id)) {
          return ir_.CreateVectorSplat(static_cast<unsigned>(lanes_.width), literal);
        }
        return splat(x.s);
      case Class::kLinear: {
        auto& known = lines_[{x.s, {lanes_.width, x.stride}}];
        if (!known) {
          Value* base = splat(x.s);
          auto* after_splat = llvm::isa<llvm::Constant>(base) ? x.s : base;
          known = after(after_splat, [&] { return ir_.CreateAdd(base, steps(x.stride)); });
        }
        return known;
      }
    }
    return nullptr;
  }

  Value* scalar(Id id) {
    ensure(class_[id] != Class::kVarying, "code generation: a vector where a scalar is wanted");
    if (Value* literal = kept_literal(id)) return literal;
    return values_[id].s;
  }

  DType type(Id id) const { return program_.types[id]; }

  // --- instructions

  void block(const Block& b) {
    auto known = sides_.find(&b);
    if (known == sides_.end()) known = sides_.emplace(&b, kernel::lazy_sides(b)).first;
    const std::vector<kernel::LazySide>& sides = known->second;
    if (!sides.empty()) {  // a side may use a literal that stands behind it
      for (const Instr& i : b.instrs) {
        if (i.code == Code::kConst) instr(i);
      }
    }
    std::vector<std::size_t> all(b.instrs.size());
    std::iota(all.begin(), all.end(), std::size_t{0});
    if (lanes_.body == &b) streams_.find(b, lanes_.index, forms_);
    if (with_tiles_ && lanes_.width > 1 && !lanes_.mask) find_tiles(b, sides);
    sequence(b, all, sides);
    tiles_.forget(b);
  }

  void find_tiles(const Block& b, const std::vector<kernel::LazySide>& sides) {
    std::set<std::size_t> held;  // one that runs behind a branch cannot read for the others
    for (const kernel::LazySide& side : sides) {
      if (branches(side)) held.insert(side.instrs.begin(), side.instrs.end());
    }
    tiles_.find(
        b, lanes_.index, lanes_.width, held, [&](Id id) { return class_[id] == Class::kLinear; },
        [&](Id id) { return class_[id] == Class::kUniform; });
  }

  /// These instructions of a block, in order; the sides among them where their turn comes.
  void sequence(const Block& b, const std::vector<std::size_t>& instrs,
                const std::vector<kernel::LazySide>& sides) {
    std::set<std::size_t> held;
    for (const kernel::LazySide& side : sides) {
      if (branches(side)) held.insert(side.instrs.begin(), side.instrs.end());
    }
    auto next = sides.begin();
    for (std::size_t k : instrs) {
      for (; next != sides.end() && next->at == k; ++next) {
        if (branches(*next)) lazy(b, *next, held);
      }
      if (!held.contains(k)) instr(b.instrs[k]);
    }
  }

  Value*& value_of(Id x) { return class_[x] == Class::kVarying ? values_[x].v : values_[x].s; }

  bool branches(const kernel::LazySide& side) const {
    return std::none_of(side.results.begin(), side.results.end(),
                        [&](Id x) { return class_[x] == Class::kLinear; });
  }

  /// A selection that is made where its one side is computed; elsewhere it is the other.
  struct Selected {
    const Instr* selection;
    Value *other, *taken = nullptr;
  };
  std::vector<Selected> early_selections(const Block& b, const kernel::LazySide& side,
                                         std::set<std::size_t>& held) {
    std::vector<Selected> selected;
    for (const kernel::LazySide::Early& e : side.early) {
      const Instr& i = b.instrs[e.selection];
      if (class_[i.result] == Class::kLinear || held.contains(e.other)) continue;
      if (!held.insert(e.selection).second) continue;
      const Id other = i.operands[side.when ? 2 : 1];
      selected.push_back({&i, class_[i.result] == Class::kVarying ? vector(other) : scalar(other)});
    }
    return selected;
  }

  /// Computes a side only where some lane takes it; elsewhere its values are 0, and not looked at.
  /// What it selects besides joins `held`.
  void lazy(const Block& b, const kernel::LazySide& side, std::set<std::size_t>& held) {
    const bool varying = class_[side.predicate] == Class::kVarying;
    Value* taken = varying ? vector(side.predicate) : scalar(side.predicate);
    if (!side.when) taken = ir_.CreateNot(taken);
    if (varying) taken = ir_.CreateOrReduce(mask_and(lanes_.mask, taken));
    std::vector<Selected> selected = early_selections(b, side, held);
    llvm::BasicBlock* before = ir_.GetInsertBlock();
    llvm::BasicBlock* then = new_block("seldom");
    llvm::BasicBlock* end = new_block("selected");
    ir_.CreateCondBr(taken, then, end, llvm::MDBuilder(context_).createBranchWeights(1, 1000));
    ir_.SetInsertPoint(then);
    sequence(b, side.instrs, side.inner);
    for (Selected& x : selected) {
      op(*x.selection);
      x.taken = value_of(x.selection->result);
    }
    llvm::BasicBlock* last = ir_.GetInsertBlock();
    ir_.CreateBr(end);
    ir_.SetInsertPoint(end);
    for (Id x : side.results) {
      Value*& value = value_of(x);
      llvm::PHINode* phi = ir_.CreatePHI(value->getType(), 2);
      phi->addIncoming(llvm::Constant::getNullValue(value->getType()), before);
      phi->addIncoming(value, last);
      value = phi;
    }
    for (const Selected& x : selected) {
      llvm::PHINode* phi = ir_.CreatePHI(x.taken->getType(), 2);
      phi->addIncoming(x.other, before);
      phi->addIncoming(x.taken, last);
      value_of(x.selection->result) = phi;
    }
  }

  void instr(const Instr& i) {
    switch (i.code) {
      case Code::kConst:
        values_[i.result].s = literal(i);
        if (const auto at = plan_.literals.find({i.dtype, i.bits}); at != plan_.literals.end()) {
          kept_literals_[i.result] = at->second;
        }
        break;
      case Code::kOp: op(i); break;
      case Code::kLoad: load(i); break;
      case Code::kStore: store(i); break;
      case Code::kFor: loop(i); break;
      case Code::kWhile: while_loop(i); break;
      case Code::kIf: branch(i); break;
      case Code::kCall: call(i); break;
    }
  }

  /// The first thread calls; the library may use as many threads as the kernel has.
  void call(const Instr& i) {
    std::vector<Value*> places;
    for (std::size_t k = 0; k < i.operands.size(); ++k) {
      const std::uint32_t buffer = i.call->arrays[k].buffer;
      Value* at = i.operands[k] == kNoId ? ir_.getInt64(0) : scalar(i.operands[k]);
      places.push_back(address(buffer, program_.buffers[buffer].dtype, at));
    }
    only_first(
        [&] { emit_library_call(ir_, library_words(*i.call, program_), places, threads()); });
    reads_since_barrier_ = true;
  }

  void op(const Instr& i) {
    Val& out = values_[i.result];
    if (class_[i.result] == Class::kLinear) {
      const Val& x = values_[i.operands[0]];
      const std::int64_t sx = stride_of(i.operands[0]);
      if (i.op == ir::Op::kNeg) {
        out.s = ir_.CreateNeg(x.s);
        out.stride = -sx;
        return;
      }
      const Val& y = values_[i.operands[1]];
      const std::int64_t sy = stride_of(i.operands[1]);
      if (i.op == ir::Op::kAdd) {
        out.s = ir_.CreateAdd(x.s, y.s);
        out.stride = sx + sy;
      } else if (i.op == ir::Op::kSub) {
        out.s = ir_.CreateSub(x.s, y.s);
        out.stride = sx - sy;
      } else {
        out.s = ir_.CreateMul(x.s, y.s);
        const bool second = class_[i.operands[1]] == Class::kUniform;
        const auto factor = llvm::cast<llvm::ConstantInt>(second ? y.s : x.s)->getSExtValue();
        out.stride = (second ? sx : sy) * factor;
      }
      return;
    }
    std::vector<Value*> x;
    const bool uniform = class_[i.result] == Class::kUniform;
    for (Id id : i.operands) x.push_back(uniform ? scalar(id) : vector(id));
    Value* result = ir::is_far_angle(i.op) ? far_angle(i, x[0])
                                           : emit_op(ir_, i.op, i.dtype, type(i.operands.back()), x,
                                                     rsqrt14_ && !plain_roots_ ? bits_ : 0);
    (uniform ? out.s : out.v) = result;
  }

  /// The ops on one angle in one place make one call.
  Value* far_angle(const Instr& i, Value* x) {
    auto [at, fresh] = far_angles_.try_emplace({ir_.GetInsertBlock(), x});
    if (fresh) at->second = emit_far_angles(ir_, i.dtype, x, far_angle_memory_);
    const FarAngleParts& parts = at->second;
    switch (i.op) {
      case ir::Op::kFarAngle: return parts.rest;
      case ir::Op::kFarAngleError: return parts.error;
      default: return parts.quarter;
    }
  }

  std::int64_t stride_of(Id id) const {
    return class_[id] == Class::kLinear ? values_[id].stride : 0;
  }

  bool is_private(std::uint32_t buffer) const {
    return program_.buffers[buffer].kind == kernel::BufferKind::kLane;
  }

  llvm::Type* memory_type(DType t, int lanes) {
    if (!is_bool(t)) return llvm_type(context_, t, lanes);
    return lanes == 1 ? static_cast<llvm::Type*>(ir_.getInt8Ty())
                      : llvm::FixedVectorType::get(ir_.getInt8Ty(), static_cast<unsigned>(lanes));
  }

  Value* address(std::uint32_t buffer, DType t, Value* index) {
    return ir_.CreateGEP(memory_type(t, 1), base_[buffer], index);
  }

  Value* splat_here(Value* x) {
    return ir_.CreateVectorSplat(static_cast<unsigned>(lanes_.width), x);
  }

  Value* mask_and(Value* x, Value* y) { return !x ? y : !y ? x : ir_.CreateAnd(x, y); }

  /// Stores past the caches are seen by other threads only after a fence.
  void settle_streams() {
    if (streamed_) ir_.CreateIntrinsic(llvm::Intrinsic::x86_sse_sfence, {}, {});
  }

  llvm::BasicBlock* new_block(const char* name) {
    return llvm::BasicBlock::Create(context_, name, fn_);
  }

  template <class F>
  void if_then(Value* condition, F body) {
    if (auto* known = llvm::dyn_cast<llvm::ConstantInt>(condition)) {
      if (known->isOne()) body();
      return;
    }
    llvm::BasicBlock* then = new_block("then");
    llvm::BasicBlock* end = new_block("end");
    ir_.CreateCondBr(condition, then, end);
    ir_.SetInsertPoint(then);
    body();
    ir_.CreateBr(end);
    ir_.SetInsertPoint(end);
  }

  // --- teams

  Value* thread() { return fn_->getArg(5); }
  Value* threads() { return fn_->getArg(6); }

  void barrier() {
    if (!team_) return;
    settle_streams();
    Value* team = fn_->getArg(4);
    auto* signature = llvm::FunctionType::get(ir_.getVoidTy(), {ir_.getPtrTy()}, false);
    ir_.CreateCall(signature, ir_.CreateLoad(ir_.getPtrTy(), team), {team});
    reads_since_barrier_ = false;
  }

  /// Stores outside simd loops are the first thread's.
  template <class F>
  void only_first(F body) {
    if (!team_ || inside_first_) return body();
    if (reads_since_barrier_) barrier();
    inside_first_ = true;
    if_then(ir_.CreateICmpEQ(thread(), ir_.getInt64(0)), body);
    inside_first_ = false;
    barrier();
  }

  llvm::LLVMContext& context_;
  llvm::IRBuilder<> ir_;
  const Program& program_;
  const MemoryPlan& plan_;
  int bits_;
  bool team_;
  bool rsqrt14_;
  bool with_tiles_;
  Forms forms_;
  Tiles tiles_;
  Streams streams_;
  bool streamed_ = false;  ///< something has been stored past the caches
  llvm::Function* fn_ = nullptr;
  std::vector<Value*> base_;
  std::vector<Val> values_;
  std::vector<Class> class_;
  std::map<Id, std::size_t> kept_literals_;  ///< where among the constants
  Lanes lanes_;
  bool inside_first_ = false;
  bool corrects_roots_ = true;  ///< a started reciprocal root is corrected for 0 and infinity
  bool plain_roots_ = false;    ///< reciprocal roots by square root and division
  bool reads_since_barrier_ = true;
  std::map<const Block*, std::vector<kernel::LazySide>> sides_;
  std::map<std::pair<llvm::BasicBlock*, Value*>, FarAngleParts> far_angles_;
  FarAngleMemory far_angle_memory_;
  std::map<std::pair<Value*, int>, Value*> splats_;
  std::map<std::pair<Value*, std::pair<int, std::int64_t>>, Value*> lines_;
};

}  // namespace cotangent::backend::cpu
