// Kernel program -> LLVM IR with explicit vectors.
//
// In a simd loop every value has a class: uniform (one scalar for all lanes), linear (scalar of
// lane 0 plus lane * stride; indices mostly), varying (a vector). A loop whose bounds differ
// between lanes runs over the union, lanes taking part under a mask; where the bounds are linear,
// only the at most W iterations at the edge need it.
#include <llvm/IR/Intrinsics.h>

#include <algorithm>
#include <cstddef>

#include "cotangent/backend/cpu/cpu_code.h"
#include "cotangent/backend/cpu/llvm_control.h"
#include "cotangent/base/error.h"
#include "cotangent/kernel/kind.h"
#include "cotangent/kernel/memory_plan.h"

namespace cotangent::backend::cpu {

namespace {

void find_literals(const Block& block, MemoryPlan& plan) {
  for (const Instr& i : block.instrs) {
    if (i.code == Code::kConst && is_float(i.dtype)) plan.literals[{i.dtype, i.bits}] = 0;
    if (i.body) find_literals(*i.body, plan);
    if (i.other) find_literals(*i.other, plan);
  }
}

constexpr std::size_t kMostPlainLiterals = 500;

}  // namespace

MemoryPlan plan_memory(const Program& program, int vector_bits) {
  MemoryPlan plan;
  const std::size_t n = program.buffers.size();
  std::vector<std::size_t> scratch(n, 0), lane(n, 0);
  plan.offset.assign(n, 0);
  for (std::size_t k = 0; k < n; ++k) {
    const kernel::Buffer& buffer = program.buffers[k];
    const std::size_t bytes = static_cast<std::size_t>(buffer.count) * size_of(buffer.dtype);
    switch (buffer.kind) {
      case kernel::BufferKind::kScratch: scratch[k] = bytes; break;
      case kernel::BufferKind::kThread: lane[k] = bytes; break;
      case kernel::BufferKind::kLane: lane[k] = bytes * most_lanes(vector_bits); break;
      case kernel::BufferKind::kConstant:
        plan.offset[k] = plan.constant_bytes;
        plan.constant_bytes += (bytes + 63) / 64 * 64;
        break;
      default: break;
    }
  }
  const std::vector<kernel::Life> lives = kernel::lives_of(program);
  const kernel::Placement in_scratch = kernel::place(lives, scratch);
  const kernel::Placement in_lanes = kernel::place(lives, lane);
  for (std::size_t k = 0; k < n; ++k) {
    if (scratch[k] > 0) plan.offset[k] = in_scratch.offset[k];
    if (lane[k] > 0) plan.offset[k] = in_lanes.offset[k];
  }
  find_literals(program.body, plan);
  if (plan.literals.size() <= kMostPlainLiterals) plan.literals.clear();
  for (auto& [literal, offset] : plan.literals) {
    offset = plan.constant_bytes;
    plan.constant_bytes += sizeof literal.second;
  }
  plan.constant_bytes = (plan.constant_bytes + 63) / 64 * 64;
  plan.scratch_bytes = in_scratch.bytes;
  plan.lane_bytes = in_lanes.bytes;
  return plan;
}

namespace {

class Emitter final : public ControlEmitter {
 public:
  using ControlEmitter::ControlEmitter;

 private:
  // --- loops

  void loop(const Instr& i) override {
    if (is_simd(i.kind)) return simd_loop(i);
    if (i.kind == ForKind::kShared && team_ && !inside_first_) return shared_loop(i);
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

  /// Runs the body for lo <= index < hi on carried values; `mask` gives, for an index, the lanes
  /// that take part (null: all that took part before).
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
    if (known && (trip == 1 || (trip <= kMaxUnrollTrip && !i.rolled &&
                                static_cast<std::size_t>(trip) * kernel::size_of_block(*i.body) <=
                                    kMaxUnrolledSize &&
                                lanes_.width > 1))) {
      for (std::int64_t k = 0; k < trip; ++k) {
        carried =
            once(ir_.getInt64(static_cast<std::uint64_t>(known_lo->getSExtValue() + k)), carried);
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
    if (known)
      ir_.CreateBr(body);
    else
      ir_.CreateCondBr(ir_.CreateICmpSLT(lo, hi), body, end);
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

  /// Whether a NaN from any of the early reciprocal roots is sure to be seen in a carried value
  /// after the loop: it gets there by sums and products only.
  bool shows_nans(const Instr& loop, const std::vector<const Instr*>& early) const {
    for (const Instr* root : early) {
      if (!starts_rsqrt(*root)) continue;
      std::map<Id, bool> marked{{root->result, true}};
      for (const Instr& i : loop.body->instrs) {
        if (i.code != Code::kOp) continue;
        switch (i.op) {
          case ir::Op::kAdd:
          case ir::Op::kSub:
          case ir::Op::kMul:
          case ir::Op::kFma:
          case ir::Op::kNeg:
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

  /// Runs the loop without the corrections for 0 and infinity, which make NaNs; where one shows
  /// after the loop, runs it again with square roots and divisions.
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
    return i.code == Code::kOp && i.op == ir::Op::kRsqrt && class_[i.result] == Class::kVarying &&
           has_rsqrt14(bits_, 8 * size_of(i.dtype) * static_cast<std::size_t>(lanes_.width));
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
          const RsqrtStart start = start_rsqrt(ir_, vector(e->operands[0]), bits_);
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
    const std::vector<Value*> ahead2 =
        run_early(smin(ir_.CreateAdd(lo, ir_.getInt64(1)), last_index));
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
    const std::vector<Value*> coming =
        run_early(smin(ir_.CreateAdd(index, ir_.getInt64(2)), last_index));
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
        values_[b.result].v = finish_rsqrt(ir_, start->second, bits_, corrects_roots_);
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
      const auto not_skipped = [&](Value* index) {
        return ir_.CreateICmpNE(in_vector(index), vector(skip));
      };
      Value *l = scalar(lo), *h = scalar(hi);
      const auto *cl = llvm::dyn_cast<llvm::ConstantInt>(l),
                 *ch = llvm::dyn_cast<llvm::ConstantInt>(h);
      if (cl && ch && ch->getSExtValue() - cl->getSExtValue() <= kMaxUnrollTrip) {
        carried = range(i, l, h, carried, not_skipped);
      } else {
        Value* s = values_[skip].s;
        Value* begin = clamp(s, l, h);
        Value* end =
            clamp(ir_.CreateAdd(s, ir_.getInt64(static_cast<std::uint64_t>(lanes_.active))), l, h);
        carried = range(i, l, begin, carried, nullptr);
        carried = range(i, begin, end, carried, not_skipped);
        carried = range(i, end, h, carried, nullptr);
      }
    } else if (line(lo) && fixed(hi) && skip == kNoId) {
      Value *l = values_[lo].s, *h = scalar(hi);
      Value* edge = smin(ir_.CreateAdd(l, reach), h);
      carried = range(i, l, edge, carried, [&](Value* index) {
        return ir_.CreateICmpSLE(vector(lo), in_vector(index));
      });
      carried = range(i, edge, h, carried, nullptr);
    } else if (fixed(lo) && line(hi) && skip == kNoId) {
      Value *l = scalar(lo), *h = values_[hi].s;
      Value* edge = smax(l, h);
      carried = range(i, l, h, carried, nullptr);
      carried = range(i, edge, ir_.CreateAdd(h, reach), carried, [&](Value* index) {
        return ir_.CreateICmpSLT(in_vector(index), vector(hi));
      });
    } else {
      const auto extreme = [&](Id id, bool least) -> Value* {
        if (fixed(id)) return scalar(id);
        Value* x = vector(id);
        Value* out =
            llvm::ConstantInt::get(x->getType(), least ? llvm::APInt::getSignedMaxValue(64)
                                                       : llvm::APInt::getSignedMinValue(64));
        if (lanes_.mask) x = ir_.CreateSelect(lanes_.mask, x, out);
        return least ? ir_.CreateIntMinReduce(x, true) : ir_.CreateIntMaxReduce(x, true);
      };
      carried = range(i, extreme(lo, true), extreme(hi, false), carried, [&](Value* index) {
        Value* at = in_vector(index);
        Value* inside =
            ir_.CreateAnd(ir_.CreateICmpSLE(vector(lo), at), ir_.CreateICmpSLT(at, vector(hi)));
        return skip == kNoId ? inside : ir_.CreateAnd(inside, ir_.CreateICmpNE(at, vector(skip)));
      });
    }
    for (std::size_t k = 0; k < i.args.size(); ++k) {
      Val& result = values_[i.results[k]];
      (class_[i.args[k]] == Class::kVarying ? result.v : result.s) = carried[k];
    }
  }

  /// Widest element a simd loop computes with; index arithmetic does not count.
  std::size_t widest(const Block& b) const {
    std::size_t bytes = 1;
    for (const Instr& i : b.instrs) {
      if (i.code == Code::kLoad || i.code == Code::kStore)
        bytes = std::max(bytes, size_of(i.dtype));
      if (i.code == Code::kOp) {
        for (Id x : i.operands) {
          if (is_float(type(x))) bytes = std::max(bytes, size_of(type(x)));
        }
        if (is_float(i.dtype)) bytes = std::max(bytes, size_of(i.dtype));
      }
      if (i.body) bytes = std::max(bytes, widest(*i.body));
      if (i.other) bytes = std::max(bytes, widest(*i.other));
    }
    return bytes;
  }

  /// Widest element of the loop over steps that runs most often: the one nested deepest.
  std::size_t widest_of_steps(const Block& b) const {
    std::size_t depth = 0, bytes = 0;
    const std::function<void(const Block&, std::size_t)> look = [&](const Block& inner,
                                                                    std::size_t level) {
      for (const Instr& i : inner.instrs) {
        const bool step = i.rolled || i.code == Code::kWhile;
        if (step && level + 1 >= depth) {
          bytes = level + 1 > depth ? widest(*i.body) : std::max(bytes, widest(*i.body));
          depth = level + 1;
        }
        if (i.body) look(*i.body, level + (step ? 1 : 0));
        if (i.other) look(*i.other, level);
      }
    };
    look(b, 0);
    return depth > 0 ? bytes : widest(b);
  }

  /// The most values that a loop over steps carries.
  static std::size_t carried(const Block& b) {
    std::size_t most = 0;
    for (const Instr& i : b.instrs) {
      if (i.rolled) most = std::max(most, i.args.size());
      if (i.body) most = std::max(most, carried(*i.body));
      if (i.other) most = std::max(most, carried(*i.other));
    }
    return most;
  }

  /// How many registers' worth of instances a simd loop takes at a time. The steps of one instance
  /// wait for each other; those of several do not. Long bodies have work enough of their own, and
  /// no registers to spare: a state of more than 16 values fills them alone. The larger limit is
  /// from when the reduction of huge angles stood in the bodies.
  std::int64_t interleaved(const Block& body) const {
    std::size_t state = carried(body);
    for (const kernel::Buffer& buffer : program_.buffers) {
      if (buffer.kind == kernel::BufferKind::kLane) state += static_cast<std::size_t>(buffer.count);
    }
    if (!kernel::has_steps(body) || state > 16) return 1;
    const std::size_t size = kernel::size_of_block(body);
    const std::size_t four = state <= 8 ? 800 : 500;
    return size <= four ? 4 : size <= 2000 ? 2 : 1;
  }

  void simd_loop(const Instr& i) {
    const std::int64_t lo = llvm::cast<llvm::ConstantInt>(scalar(i.operands[0]))->getSExtValue();
    const std::int64_t hi = llvm::cast<llvm::ConstantInt>(scalar(i.operands[1]))->getSExtValue();
    const std::int64_t n = hi - lo;
    if (n <= 0) return;
    std::int64_t width = 1;
    const std::size_t element = std::max<std::size_t>(widest_of_steps(*i.body), 4);
    const std::int64_t most =
        std::max<std::int64_t>(bits_ / 8 / static_cast<std::int64_t>(element), 1);
    const std::int64_t wide = most * interleaved(*i.body);
    while (width < wide && width < n) width *= 2;
    if (width == 1) {
      all_uniform(*i.body);
      class_[i.index] = Class::kUniform;
      only_first([&] {
        range(i, ir_.getInt64(static_cast<std::uint64_t>(lo)),
              ir_.getInt64(static_cast<std::uint64_t>(hi)), {}, nullptr);
      });
      return;
    }
    const Lanes outer = lanes_;
    lanes_.width = static_cast<int>(width);
    lanes_.index = i.index;
    lanes_.body = i.body.get();
    class_[i.index] = Class::kLinear;
    values_[i.index].stride = 1;
    classify(*i.body);
    streams_.find_columns(*i.body, i.index, forms_);
    // A long body stands once: its last, partial vector is masked by a comparison.
    const bool heavy = kernel::has_steps(*i.body) || kernel::size_of_block(*i.body) > kMaxTwice;
    const std::int64_t whole =
        heavy && n % width != 0 ? (n + width - 1) / width * width : n / width * width;
    const bool share = team_ && i.kind == ForKind::kParallel && lo == 0 && !inside_first_;
    const auto rows = [&](Value* begin, std::int64_t active) {
      lanes_.active = static_cast<int>(active);
      lanes_.mask = lanes_.tail = nullptr;
      values_[i.index].s = begin;
      if (active < width) {
        std::vector<llvm::Constant*> bits;
        for (std::int64_t l = 0; l < width; ++l) bits.push_back(ir_.getInt1(l < active));
        lanes_.mask = llvm::ConstantVector::get(bits);
        lanes_.begin = lo + whole;
        lanes_.end = hi;
        if (lo == 0) lanes_.tail = lanes_.mask;
      } else if (whole > n) {
        Value* end = splat_here(ir_.getInt64(static_cast<std::uint64_t>(hi)));
        lanes_.mask = lanes_.tail = ir_.CreateICmpSLT(vector(i.index), end);
        lanes_.begin = lanes_.end = -1;
      }
      block(*i.body);
    };
    if (Value* early = heavy ? nullptr : elements_from_line(i, lo, width)) {
      lines(i, lo, hi, early, share);
    } else if (share && kernel::has_steps(*i.body)) {
      take_rows(whole, width, rows);
    } else if (share) {
      share_rows(n, width, whole, heavy ? width : 64, rows);
    } else {
      const auto body = [&] {
        if (whole == width) {
          rows(ir_.getInt64(static_cast<std::uint64_t>(lo)), width);
        } else if (whole > 0) {
          stepping(ir_.getInt64(static_cast<std::uint64_t>(lo)),
                   ir_.getInt64(static_cast<std::uint64_t>(lo + whole)), width,
                   [&](Value* begin) { rows(begin, width); });
        }
        if (whole < n) rows(ir_.getInt64(static_cast<std::uint64_t>(lo + whole)), n - whole);
      };
      only_first(body);
    }
    lanes_ = outer;
  }

  /// How many elements lie between the beginning of a line of memory and the first that the loop
  /// stores past the caches; null if it does not.
  Value* elements_from_line(const Instr& i, std::int64_t lo, std::int64_t width) {
    const Instr* store = streams_.first_store(*i.body, i.index, forms_);
    if (!store || width * static_cast<std::int64_t>(size_of(store->dtype)) % 64 != 0)
      return nullptr;
    const Form form = forms_.of(store->operands[0]);
    Value* index = ir_.getInt64(static_cast<std::uint64_t>(form.constant + lo));
    for (const auto& [id, factor] : form.terms) {
      if (id == i.index) continue;
      if (class_[id] != Class::kUniform) return nullptr;
      Value* term = ir_.CreateMul(scalar(id), ir_.getInt64(static_cast<std::uint64_t>(factor)));
      index = ir_.CreateAdd(index, term);
    }
    Value* place =
        ir_.CreatePtrToInt(address(store->buffer, store->dtype, index), ir_.getInt64Ty());
    return ir_.CreateUDiv(ir_.CreateAnd(place, ir_.getInt64(63)),
                          ir_.getInt64(size_of(store->dtype)));
  }

  /// A simd loop whose vectors begin `early` elements before lo, where a line of memory does; the
  /// first and the last may reach out of the loop's range.
  void lines(const Instr& i, std::int64_t lo, std::int64_t hi, Value* early, bool share) {
    const auto number = [&](std::int64_t k) { return ir_.getInt64(static_cast<std::uint64_t>(k)); };
    const std::int64_t width = lanes_.width;
    Value* first = ir_.CreateSub(number(lo), early);
    lanes_.active = static_cast<int>(width);
    lanes_.begin = lanes_.end = -1;
    const auto rows = [&](Value* at) {
      values_[i.index].s = at;
      Value* inside = ir_.CreateAnd(ir_.CreateICmpSLE(number(lo), at),
                                    ir_.CreateICmpSLE(at, number(hi - width)));
      llvm::BasicBlock* whole = new_block("whole");
      llvm::BasicBlock* part = new_block("part");
      llvm::BasicBlock* end = new_block("row_done");
      ir_.CreateCondBr(inside, whole, part);
      ir_.SetInsertPoint(whole);
      lanes_.mask = lanes_.tail = nullptr;
      block(*i.body);
      ir_.CreateBr(end);
      ir_.SetInsertPoint(part);
      lanes_.mask = lanes_.tail =
          ir_.CreateAnd(ir_.CreateICmpSLE(splat(number(lo)), vector(i.index)),
                        ir_.CreateICmpSLT(vector(i.index), splat(number(hi))));
      block(*i.body);
      ir_.CreateBr(end);
      ir_.SetInsertPoint(end);
    };
    if (!share) return only_first([&] { stepping(first, number(hi), width, rows); });
    if (reads_since_barrier_) barrier();
    const std::int64_t unit = std::max<std::int64_t>(width, 64);
    Value* blocks = ir_.CreateUDiv(ir_.CreateAdd(early, number(hi - lo + unit - 1)), number(unit));
    const auto edge = [&](Value* t) {
      Value* block = ir_.CreateUDiv(ir_.CreateMul(t, blocks), threads());
      return ir_.CreateAdd(first, ir_.CreateMul(block, number(unit)));
    };
    Value* end = edge(ir_.CreateAdd(thread(), number(1)));
    stepping(edge(thread()), smin(end, number(hi)), width, rows);
    barrier();
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

  /// A thread's iterations, the same share every time; then everybody waits.
  void shared_loop(const Instr& i) {
    if (reads_since_barrier_) barrier();
    Value* lo = scalar(i.operands[0]);
    Value* count = ir_.CreateSub(scalar(i.operands[1]), lo);
    const auto share = [&](Value* t) {
      return ir_.CreateAdd(lo, ir_.CreateUDiv(ir_.CreateMul(t, count), threads()));
    };
    inside_first_ = true;  // nobody waits in there
    range(i, share(thread()), share(ir_.CreateAdd(thread(), ir_.getInt64(1))), {}, nullptr);
    inside_first_ = false;
    barrier();
  }

  /// Rows that each take a time loop: whoever is free takes the next block, so that a thread which
  /// is slow, or kept from its core, does not hold up the others; then everybody waits.
  template <class F>
  void take_rows(std::int64_t whole, std::int64_t width, F rows) {
    if (reads_since_barrier_) barrier();
    llvm::BasicBlock* next = new_block("take");
    llvm::BasicBlock* inside = new_block("taken");
    llvm::BasicBlock* done = new_block("all_taken");
    ir_.CreateBr(next);
    ir_.SetInsertPoint(next);
    Value* counter = ir_.CreateConstInBoundsGEP1_64(ir_.getInt8Ty(), fn_->getArg(4),
                                                    offsetof(TeamContext, taken));
    Value* block = ir_.CreateAtomicRMW(llvm::AtomicRMWInst::Add, counter, ir_.getInt64(1),
                                       llvm::Align(8), llvm::AtomicOrdering::Monotonic);
    const auto blocks = static_cast<std::uint64_t>(whole / width);
    ir_.CreateCondBr(ir_.CreateICmpULT(block, ir_.getInt64(blocks)), inside, done);
    ir_.SetInsertPoint(inside);
    rows(ir_.CreateMul(block, ir_.getInt64(static_cast<std::uint64_t>(width))), width);
    ir_.CreateBr(next);
    ir_.SetInsertPoint(done);
    barrier();
  }

  /// A thread's rows: whole blocks of `unit`, the same share every time; then everybody waits.
  template <class F>
  void share_rows(std::int64_t n, std::int64_t width, std::int64_t whole, std::int64_t unit,
                  F rows) {
    if (reads_since_barrier_) barrier();
    const auto number = [&](std::int64_t k) { return ir_.getInt64(static_cast<std::uint64_t>(k)); };
    const std::int64_t blocks = (n + unit - 1) / unit;
    const auto share = [&](Value* t) {
      Value* block = ir_.CreateUDiv(ir_.CreateMul(t, number(blocks)), threads());
      return ir_.CreateMul(block, number(unit));
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
};

}  // namespace

void emit_kernel(llvm::Module& module, const std::string& name, const Program& program,
                 const MemoryPlan& plan, int vector_bits, bool team, bool rsqrt14, bool tiles) {
  Emitter(module, name, program, plan, vector_bits, team, rsqrt14, tiles).run();
}

}  // namespace cotangent::backend::cpu
