// Kernel program -> LLVM IR: `while` and `if`.
//
// Where a condition is the same for all lanes (and outside of simd loops) both are plain branches.
// Where it differs by lane it becomes a mask: a while runs as long as any lane goes on, a lane that
// has stopped keeps its carried values; of an if both blocks run, each under its mask, but a block
// that no lane takes is jumped over. Loads and stores inside go by the mask.
//
// Threads of a team decide alike: a condition is computed by every thread from values that barriers
// have made the same.
#pragma once

#include "cotangent/backend/cpu/llvm_memory.h"

namespace cotangent::backend::cpu {

class ControlEmitter : public MemoryEmitter {
 public:
  using MemoryEmitter::MemoryEmitter;

 protected:
  static constexpr std::size_t kCheapBranch = 16;  ///< instructions not worth a jump

  bool varying(Id id) const { return class_[id] == Class::kVarying; }
  Value* value_as(Id like, Id id) { return varying(like) ? vector(id) : scalar(id); }
  void set(Id id, Value* x) { (varying(id) ? values_[id].v : values_[id].s) = x; }

  Value* in_mask(Value* x) { return mask_and(lanes_.mask, x); }

  void while_loop(const Instr& i) override {
    // All carried values vary with the condition (see classify).
    const bool by_lane = lanes_.width > 1 && differs(i.operands[0], i.body->yields[0]);
    std::vector<Value*> inits;
    for (std::size_t k = 0; k < i.args.size(); ++k) {
      inits.push_back(value_as(i.args[k], i.operands[k + 1]));
    }
    Value* start = by_lane ? in_mask(vector(i.operands[0])) : scalar(i.operands[0]);
    llvm::BasicBlock* before = ir_.GetInsertBlock();
    llvm::BasicBlock* body = new_block("while");
    llvm::BasicBlock* end = new_block("while_done");
    ir_.CreateCondBr(by_lane ? ir_.CreateOrReduce(start) : start, body, end);
    ir_.SetInsertPoint(body);
    llvm::PHINode* active = ir_.CreatePHI(start->getType(), 2);
    active->addIncoming(start, before);
    std::vector<llvm::PHINode*> phis;
    for (std::size_t k = 0; k < inits.size(); ++k) {
      phis.push_back(ir_.CreatePHI(inits[k]->getType(), 2));
      phis.back()->addIncoming(inits[k], before);
      set(i.args[k], phis.back());
    }
    const Lanes outer = lanes_;
    if (by_lane) lanes_.mask = active;
    reads_since_barrier_ = true;
    block(*i.body);
    reads_since_barrier_ = true;
    std::vector<Value*> out;
    for (std::size_t k = 0; k < inits.size(); ++k) {
      Value* next = value_as(i.args[k], i.body->yields[k + 1]);
      out.push_back(by_lane ? ir_.CreateSelect(active, next, phis[k]) : next);
    }
    const Id again = i.body->yields[0];
    Value* goes_on = by_lane ? ir_.CreateAnd(vector(again), active) : scalar(again);
    lanes_ = outer;
    llvm::BasicBlock* last = ir_.GetInsertBlock();
    active->addIncoming(goes_on, last);
    for (std::size_t k = 0; k < phis.size(); ++k) phis[k]->addIncoming(out[k], last);
    ir_.CreateCondBr(by_lane ? ir_.CreateOrReduce(goes_on) : goes_on, body, end);
    ir_.SetInsertPoint(end);
    for (std::size_t k = 0; k < inits.size(); ++k) {
      llvm::PHINode* result = ir_.CreatePHI(inits[k]->getType(), 2);
      result->addIncoming(inits[k], before);
      result->addIncoming(out[k], last);
      set(i.results[k], result);
    }
  }

  void branch(const Instr& i) override {
    const Id condition = i.operands[0];
    if (lanes_.width > 1 && class_[condition] != Class::kUniform) return branch_by_lane(i);
    if (!i.other) {
      if_then(scalar(condition), [&] { block(*i.body); });
      reads_since_barrier_ = true;
      return;
    }
    llvm::BasicBlock* then = new_block("then");
    llvm::BasicBlock* otherwise = new_block("else");
    llvm::BasicBlock* end = new_block("end");
    ir_.CreateCondBr(scalar(condition), then, otherwise);
    std::vector<std::pair<Value*, Value*>> values(i.results.size());
    const bool before = reads_since_barrier_;
    ir_.SetInsertPoint(then);
    block(*i.body);
    for (std::size_t k = 0; k < values.size(); ++k) {
      values[k].first = value_as(i.results[k], i.body->yields[k]);
    }
    then = ir_.GetInsertBlock();
    ir_.CreateBr(end);
    ir_.SetInsertPoint(otherwise);
    reads_since_barrier_ = before;
    block(*i.other);
    for (std::size_t k = 0; k < values.size(); ++k) {
      values[k].second = value_as(i.results[k], i.other->yields[k]);
    }
    otherwise = ir_.GetInsertBlock();
    ir_.CreateBr(end);
    ir_.SetInsertPoint(end);
    reads_since_barrier_ = true;
    for (std::size_t k = 0; k < values.size(); ++k) {
      llvm::PHINode* phi = ir_.CreatePHI(values[k].first->getType(), 2);
      phi->addIncoming(values[k].first, then);
      phi->addIncoming(values[k].second, otherwise);
      set(i.results[k], phi);
    }
  }

 private:
  bool differs(Id x, Id y) const {
    return class_[x] != Class::kUniform || class_[y] != Class::kUniform;
  }

  static bool is_cheap(const Block& b) {
    if (b.instrs.size() > kCheapBranch) return false;
    for (const Instr& i : b.instrs) {
      if (i.code != Code::kConst && i.code != Code::kOp) return false;
    }
    return true;
  }

  void branch_by_lane(const Instr& i) {
    Value* taken = vector(i.operands[0]);
    const std::vector<Value*> yes = masked_block(i, *i.body, taken);
    if (!i.other) return;
    const std::vector<Value*> no = masked_block(i, *i.other, ir_.CreateNot(taken));
    for (std::size_t k = 0; k < i.results.size(); ++k) {
      set(i.results[k], ir_.CreateSelect(taken, yes[k], no[k]));
    }
  }

  /// Runs a block under a mask, unless no lane takes it; what it yields (zeros if it did not run).
  std::vector<Value*> masked_block(const Instr& i, const Block& b, Value* taken) {
    const Lanes outer = lanes_;
    std::vector<Value*> out;
    Value* mask = in_mask(taken);
    const auto run = [&] {
      lanes_.mask = mask;
      block(b);
      for (std::size_t k = 0; k < i.results.size(); ++k) out.push_back(vector(b.yields[k]));
      lanes_ = outer;
    };
    if (is_cheap(b)) {
      run();
      return out;
    }
    llvm::BasicBlock* before = ir_.GetInsertBlock();
    llvm::BasicBlock* some = new_block("some");
    llvm::BasicBlock* end = new_block("joined");
    ir_.CreateCondBr(ir_.CreateOrReduce(mask), some, end);
    ir_.SetInsertPoint(some);
    run();
    llvm::BasicBlock* last = ir_.GetInsertBlock();
    ir_.CreateBr(end);
    ir_.SetInsertPoint(end);
    for (Value*& x : out) {
      llvm::PHINode* phi = ir_.CreatePHI(x->getType(), 2);
      phi->addIncoming(llvm::Constant::getNullValue(x->getType()), before);
      phi->addIncoming(x, last);
      x = phi;
    }
    return out;
  }
};

}  // namespace cotangent::backend::cpu
