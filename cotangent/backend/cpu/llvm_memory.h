// Kernel program -> LLVM IR: loads and stores.
//
// What lies side by side is one access, the same place for all lanes one scalar, and the rest
// gathers and scatters, or tiles that are transposed in registers (llvm_tiles.h). Large results are
// stored past the caches (llvm_streams.h).
#pragma once

#include <llvm/Analysis/VectorUtils.h>
#include <llvm/IR/Intrinsics.h>
#include <llvm/TargetParser/Triple.h>

#include "cotangent/backend/cpu/llvm_values.h"

namespace cotangent::backend::cpu {

class MemoryEmitter : public ValueEmitter {
 public:
  using ValueEmitter::ValueEmitter;

 protected:
  Value* from_memory(DType t, Value* x) {
    return is_bool(t) ? ir_.CreateICmpNE(x, llvm::ConstantInt::get(x->getType(), 0)) : x;
  }
  Value* to_memory(DType t, Value* x, int lanes) {
    return is_bool(t) ? ir_.CreateZExt(x, memory_type(t, lanes)) : x;
  }

  /// Places of the lanes' own elements.
  Value* private_places(std::uint32_t buffer, DType t, Id index) {
    Value* width = splat_here(ir_.getInt64(static_cast<std::uint64_t>(lanes_.width)));
    Value* at = ir_.CreateAdd(ir_.CreateMul(vector(index), width), steps(1));
    return address(buffer, t, at);
  }

  /// Whether a lane buffer may be used whole, lanes outside the loop's range included: what these
  /// hold is nobody's.
  bool whole_private(std::uint32_t buffer, Value* mask) const {
    return is_private(buffer) && mask == lanes_.tail;
  }

  Value* all_lanes() {
    return llvm::ConstantInt::getTrue(
        llvm::FixedVectorType::get(ir_.getInt1Ty(), static_cast<unsigned>(lanes_.width)));
  }

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

  void load(const Instr& i) override {
    Val& out = values_[i.result];
    const Id index = i.operands[0], predicate = i.operands[1];
    const llvm::Align align(size_of(i.dtype));
    if (class_[i.result] == Class::kUniform) {
      reads_since_barrier_ = true;
      llvm::Type* memory = memory_type(i.dtype, 1);
      Value* at = scalar(index);
      if (predicate == kNoId) {
        out.s = from_memory(i.dtype,
                            ir_.CreateAlignedLoad(memory, address(i.buffer, i.dtype, at), align));
        return;
      }
      // Read element 0 where the predicate is false (a buffer that is read is not empty).
      Value* p = scalar(predicate);
      Value* safe = ir_.CreateSelect(p, at, ir_.getInt64(0));
      Value* x = from_memory(
          i.dtype, ir_.CreateAlignedLoad(memory, address(i.buffer, i.dtype, safe), align));
      out.s = ir_.CreateSelect(p, x, llvm::Constant::getNullValue(x->getType()));
      return;
    }
    llvm::Type* memory = memory_type(i.dtype, lanes_.width);
    Value* mask = mask_and(lanes_.mask, predicate == kNoId ? nullptr : vector(predicate));
    Value* x = nullptr;
    Value* zero = llvm::Constant::getNullValue(memory);
    if (whole_private(i.buffer, mask)) mask = nullptr;
    if (is_private(i.buffer)) {
      if (class_[index] == Class::kUniform) {
        Value* at = ir_.CreateGEP(memory, base_[i.buffer], values_[index].s);
        x = mask ? static_cast<Value*>(ir_.CreateMaskedLoad(memory, at, align, mask, zero))
                 : ir_.CreateAlignedLoad(memory, at, align);
      } else {
        x = ir_.CreateMaskedGather(memory, private_places(i.buffer, i.dtype, index), align,
                                   mask ? mask : all_lanes(), zero);
      }
    } else if (class_[index] == Class::kLinear && values_[index].stride == 1) {
      Value* at = address(i.buffer, i.dtype, values_[index].s);
      if (whole_in_padding(i, mask, index)) mask = nullptr;
      x = mask ? static_cast<Value*>(ir_.CreateMaskedLoad(memory, at, align, mask, zero))
               : ir_.CreateAlignedLoad(memory, at, align);
      const auto bytes = static_cast<std::size_t>(lanes_.width) * size_of(i.dtype);
      if (!mask && streams_.foremost(i)) prefetch(at, bytes, Streams::kAhead, false);
      if (!mask && streams_.of_column(i)) prefetch(at, bytes, bytes, false);
    } else if (const TilePlace place = tiles_.of(i); place.tile && !mask) {
      if (!place.tile->made) load_tile(i, *place.tile, place.position);
      x = place.tile->values[static_cast<std::size_t>(place.position)];
    } else {
      Value* at = address(i.buffer, i.dtype, vector(index));
      x = ir_.CreateMaskedGather(memory, at, align, mask ? mask : all_lanes(), zero);
    }
    out.v = from_memory(i.dtype, x);
  }

  /// Where lane 0 has element 0 of the tile that `i` is element `position` of, and the places of
  /// the other lanes.
  Value* tile_row(const Instr& i, const Tile& tile, std::int64_t position, std::int64_t lane) {
    const std::int64_t from = lane * tile.stride - position;
    Value* step = llvm::ConstantInt::getSigned(ir_.getInt64Ty(), from);
    Value* at = ir_.CreateAdd(values_[i.operands[0]].s, step);
    return address(i.buffer, i.dtype, at);
  }

  static std::vector<int> numbers(std::int64_t begin, std::int64_t end) {
    std::vector<int> all;
    for (std::int64_t k = begin; k < end; ++k) all.push_back(static_cast<int>(k));
    return all;
  }

  void load_tile(const Instr& i, Tile& tile, std::int64_t position) {
    const llvm::Align align(size_of(i.dtype));
    llvm::Type* row = memory_type(i.dtype, static_cast<int>(tile.size));
    for (std::int64_t lane = 0; lane < lanes_.width; lane += tile.size) {
      std::vector<Value*> rows;
      for (std::int64_t l = 0; l < tile.size; ++l) {
        rows.push_back(ir_.CreateAlignedLoad(row, tile_row(i, tile, position, lane + l), align));
      }
      rows = transposed(ir_, std::move(rows));
      for (std::size_t k = 0; k < rows.size(); ++k) {
        Value*& all = tile.values[k];
        all = lane == 0 ? rows[k] : joined(all, rows[k]);
      }
    }
    tile.made = true;
  }

  /// Two vectors one after the other; the second is not longer than the first.
  Value* joined(Value* x, Value* y) {
    const auto lanes_of = [](Value* v) -> std::int64_t {
      return llvm::cast<llvm::FixedVectorType>(v->getType())->getNumElements();
    };
    const std::int64_t n = lanes_of(x), m = lanes_of(y);
    if (m < n) {
      std::vector<int> wider = numbers(0, m);
      wider.resize(static_cast<std::size_t>(n), 0);
      y = ir_.CreateShuffleVector(y, wider);
    }
    return ir_.CreateShuffleVector(x, y, numbers(0, n + m));
  }

  /// The same value, read from memory, in every lane. Transposed with its kin, which LLVM finds to
  /// be neighbours in memory, it made the instruction selection of LLVM 19 recurse without end.
  static bool repeats_a_load(Value* x) {
    Value* one = const_cast<Value*>(llvm::getSplatValue(x));
    return one && !llvm::isa<llvm::Constant>(one);
  }

  void store_tile(const Instr& i, Tile& tile, std::int64_t position) {
    const llvm::Align align(size_of(i.dtype));
    if (std::any_of(tile.values.begin(), tile.values.end(), repeats_a_load)) {
      for (std::size_t k = 0; k < tile.values.size(); ++k) {
        Value* first = tile_row(i, tile, position - static_cast<std::int64_t>(k), 0);
        Value* at = ir_.CreateGEP(memory_type(i.dtype, 1), first, steps(tile.stride));
        ir_.CreateMaskedScatter(tile.values[k], at, align, all_lanes());
      }
      return;
    }
    for (std::int64_t lane = 0; lane < lanes_.width; lane += tile.size) {
      std::vector<Value*> rows;
      for (Value* all : tile.values) {
        rows.push_back(tile.size == lanes_.width
                           ? all
                           : ir_.CreateShuffleVector(all, numbers(lane, lane + tile.size)));
      }
      rows = transposed(ir_, std::move(rows));
      for (std::size_t l = 0; l < rows.size(); ++l) {
        ir_.CreateAlignedStore(
            rows[l], tile_row(i, tile, position, lane + static_cast<std::int64_t>(l)), align);
      }
    }
  }

  void store(const Instr& i) override {
    const Id index = i.operands[0], value = i.operands[1];
    const llvm::Align align(size_of(i.dtype));
    if (lanes_.width == 1) {
      Value* x = to_memory(i.dtype, scalar(value), 1);
      Value* at = scalar(index);
      only_first([&] { ir_.CreateAlignedStore(x, address(i.buffer, i.dtype, at), align); });
      return;
    }
    Value* x = to_memory(i.dtype, vector(value), lanes_.width);
    if (is_private(i.buffer)) {
      Value* mask = whole_private(i.buffer, lanes_.mask) ? nullptr : lanes_.mask;
      if (class_[index] != Class::kUniform) {
        ir_.CreateMaskedScatter(x, private_places(i.buffer, i.dtype, index), align,
                                mask ? mask : all_lanes());
        return;
      }
      Value* at =
          ir_.CreateGEP(memory_type(i.dtype, lanes_.width), base_[i.buffer], values_[index].s);
      if (mask)
        ir_.CreateMaskedStore(x, at, align, mask);
      else
        ir_.CreateAlignedStore(x, at, align);
      return;
    }
    if (class_[index] == Class::kLinear && values_[index].stride == 1) {
      Value* at = address(i.buffer, i.dtype, values_[index].s);
      const bool masked = lanes_.mask && !whole_in_padding(i, lanes_.mask, index);
      const auto bytes = static_cast<std::size_t>(lanes_.width) * size_of(i.dtype);
      if (!masked && streams_.of_column(i)) prefetch(at, bytes, bytes, true);
      if (masked)
        ir_.CreateMaskedStore(x, at, align, lanes_.mask);
      else if (streams_.past_caches(i.buffer))
        stream(x, at, align);
      else
        ir_.CreateAlignedStore(x, at, align);
      return;
    }
    if (const TilePlace place = tiles_.of(i); place.tile && !lanes_.mask) {
      Tile& tile = *place.tile;
      tile.values[static_cast<std::size_t>(place.position)] = x;
      if (++tile.arrived == tile.values.size()) store_tile(i, tile, place.position);
      return;
    }
    Value* at = address(i.buffer, i.dtype, vector(index));
    ir_.CreateMaskedScatter(x, at, align, lanes_.mask ? lanes_.mask : all_lanes());
  }

  /// Asks for the lines of so many bytes, `ahead` of an address.
  void prefetch(Value* at, std::size_t bytes, std::size_t ahead, bool to_write) {
    for (std::size_t k = 0; k < bytes; k += 64) {
      Value* line = ir_.CreateConstGEP1_64(ir_.getInt8Ty(), at, k + ahead);
      ir_.CreateIntrinsic(llvm::Intrinsic::prefetch, {line->getType()},
                          {line, ir_.getInt32(to_write), ir_.getInt32(3), ir_.getInt32(1)});
    }
  }

  /// Stores past the caches, if the address is at the beginning of a line and whole lines are
  /// written.
  void stream(Value* x, Value* at, llvm::Align align) {
    const std::uint64_t bits = x->getType()->getPrimitiveSizeInBits();
    if (!llvm::Triple(fn_->getParent()->getTargetTriple()).isX86() || bits % 512 != 0) {
      ir_.CreateAlignedStore(x, at, align);
      return;
    }
    Value* place = ir_.CreatePtrToInt(at, ir_.getInt64Ty());
    llvm::BasicBlock* whole = new_block("whole_lines");
    llvm::BasicBlock* parts = new_block("parts_of_lines");
    llvm::BasicBlock* end = new_block("stored");
    Value* aligned = ir_.CreateICmpEQ(ir_.CreateAnd(place, ir_.getInt64(63)), ir_.getInt64(0));
    ir_.CreateCondBr(aligned, whole, parts);
    ir_.SetInsertPoint(whole);
    ir_.CreateAlignedStore(x, at, llvm::Align(64))
        ->setMetadata(llvm::LLVMContext::MD_nontemporal,
                      llvm::MDNode::get(context_, llvm::ConstantAsMetadata::get(ir_.getInt32(1))));
    ir_.CreateBr(end);
    ir_.SetInsertPoint(parts);
    ir_.CreateAlignedStore(x, at, align);
    ir_.CreateBr(end);
    ir_.SetInsertPoint(end);
    streamed_ = true;
  }
};

}  // namespace cotangent::backend::cpu
