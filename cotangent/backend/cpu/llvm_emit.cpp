// Kernel program -> LLVM IR with explicit vectors.
//
// In a simd loop every value has a class: uniform (one scalar for all lanes), linear (scalar of lane 0
// plus lane * stride; indices mostly), varying (a vector). A loop whose bounds differ between lanes
// runs over the union, lanes taking part under a mask; where the bounds are linear, only the at most
// W iterations at the edge need it.
#include "cotangent/backend/cpu/llvm_emit.h"

#include <llvm/IR/Intrinsics.h>

#include <algorithm>

#include "cotangent/base/error.h"

namespace cotangent::backend::cpu {

using kernel::Block;
using kernel::Code;
using kernel::ForKind;
using kernel::Id;
using kernel::Instr;
using kernel::kNoId;
using kernel::Program;
using llvm::Value;

MemoryPlan plan_memory(const Program& program) {
  MemoryPlan plan;
  for (const kernel::Buffer& buffer : program.buffers) {
    const std::size_t bytes = static_cast<std::size_t>(buffer.count) * size_of(buffer.dtype);
    const std::size_t padded = (bytes + 63) / 64 * 64;
    if (buffer.kind == kernel::BufferKind::kScratch) {
      plan.offset.push_back(plan.scratch_bytes);
      plan.scratch_bytes += padded;
    } else if (buffer.kind == kernel::BufferKind::kConstant) {
      plan.offset.push_back(plan.constant_bytes);
      plan.constant_bytes += padded;
    } else {
      plan.offset.push_back(0);
    }
  }
  return plan;
}

namespace {

enum class Class : std::uint8_t { kUniform, kLinear, kVarying };

constexpr std::int64_t kMaxUnrollTrip = 16;
constexpr std::size_t kMaxUnrolledSize = 400;

class Emitter {
 public:
  Emitter(llvm::Module& module, const std::string& name, const Program& program,
          const MemoryPlan& plan, int vector_bits, bool team, bool rsqrt14)
      : context_(module.getContext()), ir_(context_), program_(program), bits_(vector_bits),
        team_(team), rsqrt14_(rsqrt14), values_(program.types.size()), class_(program.types.size(), Class::kUniform) {
    llvm::Type* ptr = ir_.getPtrTy();
    llvm::Type* i64 = ir_.getInt64Ty();
    auto* type = llvm::FunctionType::get(ir_.getVoidTy(), {ptr, ptr, ptr, ptr, ptr, i64, i64}, false);
    fn_ = llvm::Function::Create(type, llvm::Function::ExternalLinkage, name, module);
    fn_->setDoesNotThrow();
    const std::string width = std::to_string(vector_bits);
    fn_->addFnAttr("prefer-vector-width", width);
    fn_->addFnAttr("min-legal-vector-width", width);
    ir_.SetInsertPoint(llvm::BasicBlock::Create(context_, "entry", fn_));
    for (std::size_t k = 0; k < program.buffers.size(); ++k) {
      const kernel::Buffer& b = program.buffers[k];
      Value* base = nullptr;
      switch (b.kind) {
        case kernel::BufferKind::kInput:
        case kernel::BufferKind::kOutput: {
          Value* list = fn_->getArg(b.kind == kernel::BufferKind::kInput ? 0 : 1);
          Value* at = ir_.CreateConstInBoundsGEP1_64(ptr, list, static_cast<std::uint64_t>(b.position));
          base = ir_.CreateLoad(ptr, at);
          break;
        }
        case kernel::BufferKind::kScratch:
        case kernel::BufferKind::kConstant:
          base = ir_.CreateConstInBoundsGEP1_64(
              ir_.getInt8Ty(), fn_->getArg(b.kind == kernel::BufferKind::kScratch ? 2 : 3), plan.offset[k]);
          break;
      }
      base_.push_back(base);
    }
  }

  void run() {
    block(program_.body);
    ir_.CreateRetVoid();
  }

 private:
  struct Val {
    Value* s = nullptr;        ///< uniform value; of lane 0 when linear
    Value* v = nullptr;        ///< all lanes, when varying
    std::int64_t stride = 0;   ///< when linear
  };
  struct Lanes {
    int width = 1;             ///< 1: not in a simd loop
    Value* mask = nullptr;     ///< null: all lanes take part
    int active = 1;            ///< lanes inside the loop's range
    Value* tail = nullptr;     ///< in the last, partial vector of a loop: the mask of its lanes
    std::int64_t begin = 0, end = 0;  ///< of that vector and of the loop, when there is a tail
  };

  // --- classes

  bool is_literal(Id id) const { return values_[id].s && llvm::isa<llvm::ConstantInt>(values_[id].s); }

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
          const bool uniform = class_[i.operands[0]] == Class::kUniform &&
                               (i.operands[1] == kNoId || class_[i.operands[1]] == Class::kUniform);
          class_[i.result] = uniform ? Class::kUniform : Class::kVarying;
          break;
        }
        case Code::kStore: break;
        case Code::kIf: throw InternalError("an `if` in a simd loop");
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

  void all_uniform(const Block& b) {
    for (const Instr& i : b.instrs) {
      if (i.result != kNoId) class_[i.result] = Class::kUniform;
      if (i.code == Code::kFor) {
        class_[i.index] = Class::kUniform;
        for (Id x : i.args) class_[x] = Class::kUniform;
        for (Id x : i.results) class_[x] = Class::kUniform;
      }
      if (i.body) all_uniform(*i.body);
    }
  }

  // --- values

  Value* literal(const Instr& i) {
    llvm::Type* type = llvm_type(context_, i.dtype, 1);
    if (i.dtype == DType::kF64) {
      return llvm::ConstantFP::get(context_, llvm::APFloat(llvm::APFloat::IEEEdouble(), llvm::APInt(64, i.bits)));
    }
    if (i.dtype == DType::kF32) {
      return llvm::ConstantFP::get(
          context_, llvm::APFloat(llvm::APFloat::IEEEsingle(), llvm::APInt(32, static_cast<std::uint32_t>(i.bits))));
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
      known = after(x, [&] { return ir_.CreateVectorSplat(static_cast<unsigned>(lanes_.width), x); });
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

  Value* vector(Id id) {
    const Val& x = values_[id];
    switch (class_[id]) {
      case Class::kVarying: return x.v;
      case Class::kUniform: return splat(x.s);
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
    return values_[id].s;
  }

  DType type(Id id) const { return program_.types[id]; }

  // --- instructions

  void block(const Block& b) {
    for (const Instr& i : b.instrs) instr(i);
  }

  void instr(const Instr& i) {
    switch (i.code) {
      case Code::kConst: values_[i.result].s = literal(i); break;
      case Code::kOp: op(i); break;
      case Code::kLoad: load(i); break;
      case Code::kStore: store(i); break;
      case Code::kFor: loop(i); break;
      case Code::kIf: branch(i); break;
    }
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
    Value* result = emit_op(ir_, i.op, i.dtype, type(i.operands.back()), x, rsqrt14_ && !plain_roots_);
    (uniform ? out.s : out.v) = result;
  }

  std::int64_t stride_of(Id id) const {
    return class_[id] == Class::kLinear ? values_[id].stride : 0;
  }

  llvm::Type* memory_type(DType t, int lanes) {
    if (!is_bool(t)) return llvm_type(context_, t, lanes);
    return lanes == 1 ? static_cast<llvm::Type*>(ir_.getInt8Ty())
                      : llvm::FixedVectorType::get(ir_.getInt8Ty(), static_cast<unsigned>(lanes));
  }

  Value* from_memory(DType t, Value* x) {
    return is_bool(t) ? ir_.CreateICmpNE(x, llvm::ConstantInt::get(x->getType(), 0)) : x;
  }
  Value* to_memory(DType t, Value* x, int lanes) {
    return is_bool(t) ? ir_.CreateZExt(x, memory_type(t, lanes)) : x;
  }

  Value* address(std::uint32_t buffer, DType t, Value* index) {
    return ir_.CreateGEP(memory_type(t, 1), base_[buffer], index);
  }

  Value* all_lanes() {
    return llvm::ConstantInt::getTrue(
        llvm::FixedVectorType::get(ir_.getInt1Ty(), static_cast<unsigned>(lanes_.width)));
  }

  Value* mask_and(Value* x, Value* y) { return !x ? y : !y ? x : ir_.CreateAnd(x, y); }

  /// In the tail of a loop over whole planes, the vector at a row's place may be read and written
  /// whole: lanes past the end fall into the padding. Masked stores are not forwarded to the loads
  /// that follow, whole ones are.
  bool whole_in_padding(const Instr& i, Value* mask, Id index) const {
    const kernel::Buffer& buffer = program_.buffers[i.buffer];
    if (!mask || mask != lanes_.tail || buffer.plane != lanes_.end) return false;
    const auto* place = llvm::dyn_cast<llvm::ConstantInt>(values_[index].s);
    const auto unit = static_cast<std::int64_t>(64 / size_of(i.dtype));
    return place && (place->getSExtValue() - lanes_.begin) % unit == 0;
  }

  void load(const Instr& i) {
    Val& out = values_[i.result];
    const Id index = i.operands[0], predicate = i.operands[1];
    const llvm::Align align(size_of(i.dtype));
    if (class_[i.result] == Class::kUniform) {
      reads_since_barrier_ = true;
      llvm::Type* memory = memory_type(i.dtype, 1);
      Value* at = scalar(index);
      if (predicate == kNoId) {
        out.s = from_memory(i.dtype, ir_.CreateAlignedLoad(memory, address(i.buffer, i.dtype, at), align));
        return;
      }
      // Read element 0 where the predicate is false (a buffer that is read is not empty).
      Value* p = scalar(predicate);
      Value* safe = ir_.CreateSelect(p, at, ir_.getInt64(0));
      Value* x = from_memory(i.dtype, ir_.CreateAlignedLoad(memory, address(i.buffer, i.dtype, safe), align));
      out.s = ir_.CreateSelect(p, x, llvm::Constant::getNullValue(x->getType()));
      return;
    }
    llvm::Type* memory = memory_type(i.dtype, lanes_.width);
    Value* mask = mask_and(lanes_.mask, predicate == kNoId ? nullptr : vector(predicate));
    Value* x = nullptr;
    Value* zero = llvm::Constant::getNullValue(memory);
    if (class_[index] == Class::kLinear && values_[index].stride == 1) {
      Value* at = address(i.buffer, i.dtype, values_[index].s);
      if (whole_in_padding(i, mask, index)) mask = nullptr;
      x = mask ? static_cast<Value*>(ir_.CreateMaskedLoad(memory, at, align, mask, zero))
               : ir_.CreateAlignedLoad(memory, at, align);
    } else {
      Value* at = address(i.buffer, i.dtype, vector(index));
      x = ir_.CreateMaskedGather(memory, at, align, mask ? mask : all_lanes(), zero);
    }
    out.v = from_memory(i.dtype, x);
  }

  void store(const Instr& i) {
    const Id index = i.operands[0], value = i.operands[1];
    const llvm::Align align(size_of(i.dtype));
    if (lanes_.width == 1) {
      Value* x = to_memory(i.dtype, scalar(value), 1);
      Value* at = scalar(index);
      only_first([&] { ir_.CreateAlignedStore(x, address(i.buffer, i.dtype, at), align); });
      return;
    }
    Value* x = to_memory(i.dtype, vector(value), lanes_.width);
    if (class_[index] == Class::kLinear && values_[index].stride == 1) {
      Value* at = address(i.buffer, i.dtype, values_[index].s);
      const bool masked = lanes_.mask && !whole_in_padding(i, lanes_.mask, index);
      if (masked) ir_.CreateMaskedStore(x, at, align, lanes_.mask);
      else ir_.CreateAlignedStore(x, at, align);
      return;
    }
    Value* at = address(i.buffer, i.dtype, vector(index));
    ir_.CreateMaskedScatter(x, at, align, lanes_.mask ? lanes_.mask : all_lanes());
  }

  llvm::BasicBlock* new_block(const char* name) { return llvm::BasicBlock::Create(context_, name, fn_); }

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

  void branch(const Instr& i) {
    if_then(scalar(i.operands[0]), [&] { block(*i.body); });
    reads_since_barrier_ = true;
  }

  // --- teams

  Value* thread() { return fn_->getArg(5); }
  Value* threads() { return fn_->getArg(6); }

  void barrier() {
    if (!team_) return;
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

  // --- loops

  void loop(const Instr& i) {
    if (i.kind != ForKind::kSerial) return simd_loop(i);
    if (lanes_.width > 1) return lane_loop(i);
    std::vector<Value*> carried;
    for (std::size_t k = 3; k < i.operands.size(); ++k) carried.push_back(scalar(i.operands[k]));
    Value* lo = scalar(i.operands[0]);
    Value* hi = scalar(i.operands[1]);
    if (i.operands[2] == kNoId) {
      carried = range(i, lo, hi, carried, nullptr);
    } else {
      carried = around(i, lo, hi, scalar(i.operands[2]), carried);
    }
    for (std::size_t k = 0; k < carried.size(); ++k) values_[i.results[k]].s = carried[k];
  }

  Value* smax(Value* x, Value* y) { return ir_.CreateSelect(ir_.CreateICmpSLT(x, y), y, x); }
  Value* smin(Value* x, Value* y) { return ir_.CreateSelect(ir_.CreateICmpSLT(x, y), x, y); }
  Value* clamp(Value* x, Value* lo, Value* hi) { return smin(smax(x, lo), hi); }

  /// lo <= index < hi but for one index: before it, then after it.
  std::vector<Value*> around(const Instr& i, Value* lo, Value* hi, Value* skip,
                             std::vector<Value*> carried) {
    carried = range(i, lo, clamp(skip, lo, hi), carried, nullptr);
    Value* rest = clamp(ir_.CreateAdd(skip, ir_.getInt64(1)), lo, hi);
    return range(i, rest, hi, carried, nullptr);
  }

  /// Runs the body for lo <= index < hi on carried values; `mask` gives, for an index, the lanes that
  /// take part (null: all that took part before).
  std::vector<Value*> range(const Instr& i, Value* lo, Value* hi, std::vector<Value*> carried,
                            const std::function<Value*(Value*)>& mask) {
    const auto once = [&](Value* index, const std::vector<Value*>& in) {
      values_[i.index].s = index;
      for (std::size_t k = 0; k < in.size(); ++k) {
        Val& arg = values_[i.args[k]];
        (class_[i.args[k]] == Class::kVarying ? arg.v : arg.s) = in[k];
      }
      const Lanes outer = lanes_;
      Value* own = mask ? mask(index) : nullptr;
      if (own) lanes_.mask = mask_and(lanes_.mask, own);
      block(*i.body);
      std::vector<Value*> out;
      for (std::size_t k = 0; k < in.size(); ++k) {
        const bool varying = class_[i.args[k]] == Class::kVarying;
        Value* next = varying ? vector(i.body->yields[k]) : scalar(i.body->yields[k]);
        out.push_back(own ? ir_.CreateSelect(own, next, in[k]) : next);
      }
      lanes_ = outer;
      return out;
    };
    const auto* known_lo = llvm::dyn_cast<llvm::ConstantInt>(lo);
    const auto* known_hi = llvm::dyn_cast<llvm::ConstantInt>(hi);
    const bool known = known_lo && known_hi;
    const std::int64_t trip = known ? known_hi->getSExtValue() - known_lo->getSExtValue() : 0;
    if (known && trip <= 0) return carried;
    if (known && (trip == 1 || (trip <= kMaxUnrollTrip &&
                                static_cast<std::size_t>(trip) * kernel::size_of_block(*i.body) <=
                                    kMaxUnrolledSize && lanes_.width > 1))) {
      for (std::int64_t k = 0; k < trip; ++k) {
        carried = once(ir_.getInt64(static_cast<std::uint64_t>(known_lo->getSExtValue() + k)), carried);
      }
      return carried;
    }
    if (lanes_.width > 1) {
      const std::vector<const Instr*> early = early_part(i);
      if (!early.empty() && !plain_roots_) {
        return shows_nans(i, early) ? optimistic(i, lo, hi, carried, mask, early)
                                    : pipelined(i, lo, hi, carried, mask, early);
      }
    }
    llvm::BasicBlock* before = ir_.GetInsertBlock();
    llvm::BasicBlock* body = new_block("loop");
    llvm::BasicBlock* end = new_block("done");
    if (known) ir_.CreateBr(body);
    else ir_.CreateCondBr(ir_.CreateICmpSLT(lo, hi), body, end);
    ir_.SetInsertPoint(body);
    llvm::PHINode* index = ir_.CreatePHI(ir_.getInt64Ty(), 2);
    index->addIncoming(lo, before);
    std::vector<llvm::PHINode*> phis;
    std::vector<Value*> in;
    for (Value* x : carried) {
      phis.push_back(ir_.CreatePHI(x->getType(), 2));
      phis.back()->addIncoming(x, before);
      in.push_back(phis.back());
    }
    reads_since_barrier_ = true;
    const std::vector<Value*> out = once(index, in);
    reads_since_barrier_ = true;
    Value* next = ir_.CreateAdd(index, ir_.getInt64(1));
    llvm::BasicBlock* last = ir_.GetInsertBlock();
    index->addIncoming(next, last);
    for (std::size_t k = 0; k < phis.size(); ++k) phis[k]->addIncoming(out[k], last);
    ir_.CreateCondBr(ir_.CreateICmpSLT(next, hi), body, end);
    ir_.SetInsertPoint(end);
    if (known) return out;
    std::vector<Value*> results;
    for (std::size_t k = 0; k < carried.size(); ++k) {
      llvm::PHINode* phi = ir_.CreatePHI(carried[k]->getType(), 2);
      phi->addIncoming(carried[k], before);
      phi->addIncoming(out[k], last);
      results.push_back(phi);
    }
    return results;
  }

  /// The instructions of a flat body that lead to its square roots and need no carried value; empty
  /// when there is no square root to start early.
  std::vector<const Instr*> early_part(const Instr& loop) {
    std::vector<const Instr*> early;
    if (!rsqrt14_) return early;
    std::map<Id, const Instr*> free;  // depends on the index and on what is outside only
    std::vector<Id> wanted;
    std::map<Id, bool> inside;
    for (Id x : loop.args) inside[x] = true;
    for (const Instr& i : loop.body->instrs) {
      if (i.body || i.code == Code::kStore) return {};
      bool ok = i.code != Code::kLoad || class_[i.result] == Class::kUniform;
      for (Id x : i.operands) {
        // What needs a finished root is late.
        const bool here = x == kNoId || !inside.count(x);
        ok = ok && (here || (free.count(x) && !starts_rsqrt(*free[x])));
      }
      inside[i.result] = true;
      if (!ok) continue;
      free[i.result] = &i;
      if (starts_rsqrt(i)) wanted.push_back(i.result);
    }
    std::map<Id, bool> needed;
    while (!wanted.empty()) {
      const Id id = wanted.back();
      wanted.pop_back();
      if (needed[id]) continue;
      needed[id] = true;
      for (Id x : free[id]->operands) {
        if (x != kNoId && free.count(x)) wanted.push_back(x);
      }
    }
    for (const Instr& i : loop.body->instrs) {
      if (needed.count(i.result)) early.push_back(&i);
    }
    return early;
  }

  /// Whether a NaN from any of the early reciprocal roots is sure to be seen in a carried value after
  /// the loop: it gets there by sums and products only.
  bool shows_nans(const Instr& loop, const std::vector<const Instr*>& early) const {
    for (const Instr* root : early) {
      if (!starts_rsqrt(*root)) continue;
      std::map<Id, bool> marked{{root->result, true}};
      for (const Instr& i : loop.body->instrs) {
        if (i.code != Code::kOp) continue;
        switch (i.op) {
          case ir::Op::kAdd: case ir::Op::kSub: case ir::Op::kMul: case ir::Op::kFma: case ir::Op::kNeg:
            for (Id x : i.operands) {
              if (marked.count(x)) marked[i.result] = true;
            }
            break;
          default: break;
        }
      }
      bool seen = false;
      for (std::size_t k = 0; k < loop.args.size() && !seen; ++k) {
        // The carried value must pass its own NaN on: it is the sum of itself and a marked term.
        const Id yield = loop.body->yields[k];
        if (!marked.count(yield)) continue;
        for (const Instr& i : loop.body->instrs) {
          if (i.result != yield || (i.op != ir::Op::kAdd && i.op != ir::Op::kSub)) continue;
          seen = i.operands[0] == loop.args[k] || i.operands[1] == loop.args[k];
        }
      }
      if (!seen) return false;
    }
    return true;
  }

  /// Runs the loop without the corrections for 0 and infinity, which make NaNs; where one shows after
  /// the loop, runs it again with square roots and divisions.
  std::vector<Value*> optimistic(const Instr& i, Value* lo, Value* hi,
                                 const std::vector<Value*>& carried,
                                 const std::function<Value*(Value*)>& mask,
                                 const std::vector<const Instr*>& early) {
    corrects_roots_ = false;
    const std::vector<Value*> fast = pipelined(i, lo, hi, carried, mask, early);
    corrects_roots_ = true;
    Value* odd = nullptr;
    for (std::size_t k = 0; k < fast.size(); ++k) {
      if (!is_float(type(i.args[k])) || class_[i.args[k]] != Class::kVarying) continue;
      Value* nan = ir_.CreateFCmpUNO(fast[k], fast[k]);
      odd = odd ? ir_.CreateOr(odd, nan) : nan;
    }
    if (lanes_.mask) odd = ir_.CreateAnd(odd, lanes_.mask);
    llvm::BasicBlock* before = ir_.GetInsertBlock();
    llvm::BasicBlock* again = new_block("again");
    llvm::BasicBlock* end = new_block("settled");
    ir_.CreateCondBr(ir_.CreateOrReduce(odd), again, end);
    ir_.SetInsertPoint(again);
    plain_roots_ = true;
    const std::vector<Value*> slow = range(i, lo, hi, carried, mask);
    plain_roots_ = false;
    llvm::BasicBlock* last = ir_.GetInsertBlock();
    ir_.CreateBr(end);
    ir_.SetInsertPoint(end);
    std::vector<Value*> results;
    for (std::size_t k = 0; k < fast.size(); ++k) {
      llvm::PHINode* phi = ir_.CreatePHI(fast[k]->getType(), 2);
      phi->addIncoming(fast[k], before);
      phi->addIncoming(slow[k], last);
      results.push_back(phi);
    }
    return results;
  }

  bool starts_rsqrt(const Instr& i) const {
    return i.code == Code::kOp && i.op == ir::Op::kRsqrt && i.dtype == DType::kF64 &&
           class_[i.result] == Class::kVarying;
  }

  /// As range(), but the early part runs two iterations ahead: while the square roots of two
  /// iterations are under way the one before them is finished.
  std::vector<Value*> pipelined(const Instr& i, Value* lo, Value* hi, std::vector<Value*> carried,
                                const std::function<Value*(Value*)>& mask,
                                const std::vector<const Instr*>& early) {
    // The values the early part hands on: two for a reciprocal square root under way.
    const auto run_early = [&](Value* index) {
      values_[i.index].s = index;
      std::vector<Value*> made;
      for (const Instr* e : early) {
        if (starts_rsqrt(*e)) {
          const RsqrtStart start = start_rsqrt(ir_, vector(e->operands[0]));
          made.push_back(start.root);
          made.push_back(start.estimate);
          continue;
        }
        instr(*e);
        const Val& v = values_[e->result];
        made.push_back(class_[e->result] == Class::kVarying ? v.v : v.s);
      }
      return made;
    };
    llvm::BasicBlock* before = ir_.GetInsertBlock();
    llvm::BasicBlock* head = new_block("first");
    llvm::BasicBlock* body = new_block("loop");
    llvm::BasicBlock* end = new_block("done");
    ir_.CreateCondBr(ir_.CreateICmpSLT(lo, hi), head, end);
    ir_.SetInsertPoint(head);
    Value* last_index = ir_.CreateSub(hi, ir_.getInt64(1));
    const std::vector<Value*> ahead = run_early(lo);
    const std::vector<Value*> ahead2 = run_early(smin(ir_.CreateAdd(lo, ir_.getInt64(1)), last_index));
    llvm::BasicBlock* entry = ir_.GetInsertBlock();
    ir_.CreateBr(body);
    ir_.SetInsertPoint(body);
    const auto phi_of = [&](Value* x) {
      llvm::PHINode* phi = ir_.CreatePHI(x->getType(), 2);
      phi->addIncoming(x, entry);
      return phi;
    };
    llvm::PHINode* index = phi_of(lo);
    std::vector<llvm::PHINode*> phis, ready, ready2;
    for (Value* x : carried) phis.push_back(phi_of(x));
    for (Value* x : ahead) ready.push_back(phi_of(x));
    for (Value* x : ahead2) ready2.push_back(phi_of(x));
    Value* next = ir_.CreateAdd(index, ir_.getInt64(1));
    const std::vector<Value*> coming = run_early(smin(ir_.CreateAdd(index, ir_.getInt64(2)), last_index));
    // Now this iteration, with what was made for it before.
    values_[i.index].s = index;
    std::size_t at = 0;
    std::map<const Instr*, RsqrtStart> starts;
    std::map<const Instr*, bool> done;
    for (const Instr* e : early) {
      done[e] = true;
      if (starts_rsqrt(*e)) {
        starts[e] = {ready[at], ready[at + 1]};
        at += 2;
      } else {
        Val& v = values_[e->result];
        (class_[e->result] == Class::kVarying ? v.v : v.s) = ready[at++];
      }
    }
    for (std::size_t k = 0; k < phis.size(); ++k) {
      Val& arg = values_[i.args[k]];
      (class_[i.args[k]] == Class::kVarying ? arg.v : arg.s) = phis[k];
    }
    const Lanes outer = lanes_;
    Value* own = mask ? mask(index) : nullptr;
    if (own) lanes_.mask = mask_and(lanes_.mask, own);
    for (const Instr& b : i.body->instrs) {
      if (const auto start = starts.find(&b); start != starts.end()) {
        values_[b.result].v = finish_rsqrt(ir_, start->second, corrects_roots_);
      } else if (!done.count(&b)) {
        instr(b);
      }
    }
    std::vector<Value*> out;
    for (std::size_t k = 0; k < phis.size(); ++k) {
      const Id yield = i.body->yields[k];
      Value* x = class_[i.args[k]] == Class::kVarying ? vector(yield) : scalar(yield);
      out.push_back(own ? ir_.CreateSelect(own, x, phis[k]) : x);
    }
    lanes_ = outer;
    llvm::BasicBlock* last = ir_.GetInsertBlock();
    index->addIncoming(next, last);
    for (std::size_t k = 0; k < phis.size(); ++k) phis[k]->addIncoming(out[k], last);
    for (std::size_t k = 0; k < ready.size(); ++k) {
      ready[k]->addIncoming(ready2[k], last);
      ready2[k]->addIncoming(coming[k], last);
    }
    ir_.CreateCondBr(ir_.CreateICmpSLT(next, hi), body, end);
    ir_.SetInsertPoint(end);
    std::vector<Value*> results;
    for (std::size_t k = 0; k < carried.size(); ++k) {
      llvm::PHINode* phi = ir_.CreatePHI(carried[k]->getType(), 2);
      phi->addIncoming(carried[k], before);
      phi->addIncoming(out[k], last);
      results.push_back(phi);
    }
    return results;
  }

  /// A serial loop inside a simd loop; its bounds may differ between lanes.
  void lane_loop(const Instr& i) {
    const Id lo = i.operands[0], hi = i.operands[1], skip = i.operands[2];
    std::vector<Value*> carried;
    for (std::size_t k = 0; k < i.args.size(); ++k) {
      const Id init = i.operands[k + 3];
      carried.push_back(class_[i.args[k]] == Class::kVarying ? vector(init) : scalar(init));
    }
    const auto line = [&](Id id) {
      return class_[id] == Class::kLinear && values_[id].stride == 1;
    };
    const auto fixed = [&](Id id) { return class_[id] == Class::kUniform; };
    Value* reach = ir_.getInt64(static_cast<std::uint64_t>(lanes_.active - 1));
    const auto in_vector = [&](Value* index) { return splat_here(index); };
    if (fixed(lo) && fixed(hi) && skip == kNoId) {
      carried = range(i, scalar(lo), scalar(hi), carried, nullptr);
    } else if (fixed(lo) && fixed(hi) && fixed(skip)) {
      carried = around(i, scalar(lo), scalar(hi), scalar(skip), carried);
    } else if (fixed(lo) && fixed(hi) && line(skip)) {
      const auto not_skipped = [&](Value* index) { return ir_.CreateICmpNE(in_vector(index), vector(skip)); };
      Value *l = scalar(lo), *h = scalar(hi);
      const auto *cl = llvm::dyn_cast<llvm::ConstantInt>(l), *ch = llvm::dyn_cast<llvm::ConstantInt>(h);
      if (cl && ch && ch->getSExtValue() - cl->getSExtValue() <= kMaxUnrollTrip) {
        carried = range(i, l, h, carried, not_skipped);
      } else {
        Value* s = values_[skip].s;
        Value* begin = clamp(s, l, h);
        Value* end = clamp(ir_.CreateAdd(s, ir_.getInt64(static_cast<std::uint64_t>(lanes_.active))), l, h);
        carried = range(i, l, begin, carried, nullptr);
        carried = range(i, begin, end, carried, not_skipped);
        carried = range(i, end, h, carried, nullptr);
      }
    } else if (line(lo) && fixed(hi) && skip == kNoId) {
      Value *l = values_[lo].s, *h = scalar(hi);
      Value* edge = smin(ir_.CreateAdd(l, reach), h);
      carried = range(i, l, edge, carried,
                      [&](Value* index) { return ir_.CreateICmpSLE(vector(lo), in_vector(index)); });
      carried = range(i, edge, h, carried, nullptr);
    } else if (fixed(lo) && line(hi) && skip == kNoId) {
      Value *l = scalar(lo), *h = values_[hi].s;
      Value* edge = smax(l, h);
      carried = range(i, l, h, carried, nullptr);
      carried = range(i, edge, ir_.CreateAdd(h, reach), carried,
                      [&](Value* index) { return ir_.CreateICmpSLT(in_vector(index), vector(hi)); });
    } else {
      const auto extreme = [&](Id id, bool least) -> Value* {
        if (fixed(id)) return scalar(id);
        Value* x = vector(id);
        Value* out = llvm::ConstantInt::get(
            x->getType(), least ? llvm::APInt::getSignedMaxValue(64) : llvm::APInt::getSignedMinValue(64));
        if (lanes_.mask) x = ir_.CreateSelect(lanes_.mask, x, out);
        return least ? ir_.CreateIntMinReduce(x, true) : ir_.CreateIntMaxReduce(x, true);
      };
      carried = range(i, extreme(lo, true), extreme(hi, false), carried, [&](Value* index) {
        Value* at = in_vector(index);
        Value* inside = ir_.CreateAnd(ir_.CreateICmpSLE(vector(lo), at), ir_.CreateICmpSLT(at, vector(hi)));
        return skip == kNoId ? inside : ir_.CreateAnd(inside, ir_.CreateICmpNE(at, vector(skip)));
      });
    }
    for (std::size_t k = 0; k < i.args.size(); ++k) {
      Val& result = values_[i.results[k]];
      (class_[i.args[k]] == Class::kVarying ? result.v : result.s) = carried[k];
    }
  }

  Value* splat_here(Value* x) {
    return ir_.CreateVectorSplat(static_cast<unsigned>(lanes_.width), x);
  }

  /// Widest element a simd loop computes with; index arithmetic does not count.
  std::size_t widest(const Block& b) const {
    std::size_t bytes = 1;
    for (const Instr& i : b.instrs) {
      if (i.code == Code::kLoad || i.code == Code::kStore) bytes = std::max(bytes, size_of(i.dtype));
      if (i.code == Code::kOp) {
        for (Id x : i.operands) {
          if (is_float(type(x))) bytes = std::max(bytes, size_of(type(x)));
        }
        if (is_float(i.dtype)) bytes = std::max(bytes, size_of(i.dtype));
      }
      if (i.body) bytes = std::max(bytes, widest(*i.body));
    }
    return bytes;
  }

  void simd_loop(const Instr& i) {
    const std::int64_t lo = llvm::cast<llvm::ConstantInt>(scalar(i.operands[0]))->getSExtValue();
    const std::int64_t hi = llvm::cast<llvm::ConstantInt>(scalar(i.operands[1]))->getSExtValue();
    const std::int64_t n = hi - lo;
    if (n <= 0) return;
    std::int64_t width = 1;
    const std::size_t element = std::max<std::size_t>(widest(*i.body), 4);
    const std::int64_t most = std::max<std::int64_t>(bits_ / 8 / static_cast<std::int64_t>(element), 1);
    while (width < most && width < n) width *= 2;
    if (width == 1) {
      all_uniform(*i.body);
      class_[i.index] = Class::kUniform;
      only_first([&] { range(i, ir_.getInt64(static_cast<std::uint64_t>(lo)), ir_.getInt64(static_cast<std::uint64_t>(hi)), {}, nullptr); });
      return;
    }
    const Lanes outer = lanes_;
    lanes_.width = static_cast<int>(width);
    class_[i.index] = Class::kLinear;
    values_[i.index].stride = 1;
    classify(*i.body);
    const std::int64_t whole = n / width * width;
    const bool share = team_ && i.kind == ForKind::kParallel && lo == 0 && !inside_first_;
    const auto rows = [&](Value* begin, std::int64_t active) {
      lanes_.active = static_cast<int>(active);
      lanes_.mask = lanes_.tail = nullptr;
      if (active < width) {
        std::vector<llvm::Constant*> bits;
        for (std::int64_t l = 0; l < width; ++l) bits.push_back(ir_.getInt1(l < active));
        lanes_.mask = llvm::ConstantVector::get(bits);
        lanes_.begin = lo + whole;
        lanes_.end = hi;
        if (lo == 0) lanes_.tail = lanes_.mask;
      }
      values_[i.index].s = begin;
      block(*i.body);
    };
    if (share) {
      share_rows(n, width, whole, rows);
    } else {
      const auto body = [&] {
        if (whole == width) {
          rows(ir_.getInt64(static_cast<std::uint64_t>(lo)), width);
        } else if (whole > 0) {
          stepping(ir_.getInt64(static_cast<std::uint64_t>(lo)), ir_.getInt64(static_cast<std::uint64_t>(lo + whole)),
                   width, [&](Value* begin) { rows(begin, width); });
        }
        if (whole < n) rows(ir_.getInt64(static_cast<std::uint64_t>(lo + whole)), n - whole);
      };
      only_first(body);
    }
    lanes_ = outer;
  }

  /// for (at = begin; at < end; at += step) body(at)
  template <class F>
  void stepping(Value* begin, Value* end, std::int64_t step, F body) {
    llvm::BasicBlock* before = ir_.GetInsertBlock();
    llvm::BasicBlock* inside = new_block("rows");
    llvm::BasicBlock* done = new_block("rows_done");
    ir_.CreateCondBr(ir_.CreateICmpSLT(begin, end), inside, done);
    ir_.SetInsertPoint(inside);
    llvm::PHINode* at = ir_.CreatePHI(ir_.getInt64Ty(), 2);
    at->addIncoming(begin, before);
    body(at);
    Value* next = ir_.CreateAdd(at, ir_.getInt64(static_cast<std::uint64_t>(step)));
    at->addIncoming(next, ir_.GetInsertBlock());
    ir_.CreateCondBr(ir_.CreateICmpSLT(next, end), inside, done);
    ir_.SetInsertPoint(done);
  }

  /// A thread's rows: whole blocks of 64, the same share every time; then everybody waits.
  template <class F>
  void share_rows(std::int64_t n, std::int64_t width, std::int64_t whole, F rows) {
    if (reads_since_barrier_) barrier();
    const auto number = [&](std::int64_t k) { return ir_.getInt64(static_cast<std::uint64_t>(k)); };
    const std::int64_t blocks = (n + 63) / 64;
    const auto share = [&](Value* t) {
      Value* block = ir_.CreateUDiv(ir_.CreateMul(t, number(blocks)), threads());
      return ir_.CreateMul(block, number(64));
    };
    Value* begin = share(thread());
    Value* end = share(ir_.CreateAdd(thread(), number(1)));
    if (whole > 0) {
      stepping(begin, smin(end, number(whole)), width, [&](Value* at) { rows(at, width); });
    }
    if (whole < n) {
      Value* mine = ir_.CreateAnd(ir_.CreateICmpSLE(begin, number(whole)),
                                  ir_.CreateICmpSLT(number(whole), end));
      if_then(mine, [&] { rows(number(whole), n - whole); });
    }
    barrier();
  }

  llvm::LLVMContext& context_;
  llvm::IRBuilder<> ir_;
  const Program& program_;
  int bits_;
  bool team_;
  bool rsqrt14_;
  llvm::Function* fn_ = nullptr;
  std::vector<Value*> base_;
  std::vector<Val> values_;
  std::vector<Class> class_;
  Lanes lanes_;
  bool inside_first_ = false;
  bool corrects_roots_ = true;   ///< a started reciprocal root is corrected for 0 and infinity
  bool plain_roots_ = false;     ///< reciprocal roots by square root and division
  bool reads_since_barrier_ = true;
  std::map<std::pair<Value*, int>, Value*> splats_;
  std::map<std::pair<Value*, std::pair<int, std::int64_t>>, Value*> lines_;
};

}  // namespace

void emit_kernel(llvm::Module& module, const std::string& name, const Program& program,
                 const MemoryPlan& plan, int vector_bits, bool team, bool rsqrt14) {
  Emitter(module, name, program, plan, vector_bits, team, rsqrt14).run();
}

}  // namespace cotangent::backend::cpu
