// Strided accesses of neighbouring elements in a simd loop, found in a block of the kernel program.
//
// Lane l of access k touches memory at base + l*stride + k. One by one these are gathers and
// scatters; taken together they are contiguous rows, one a lane, and a transposition in registers.
#pragma once

#include <llvm/IR/IRBuilder.h>

#include <algorithm>
#include <bit>
#include <map>
#include <memory>
#include <set>
#include <vector>

#include "cotangent/kernel/forms.h"
#include "cotangent/kernel/kernel_program.h"

namespace cotangent::backend::cpu {

/// Accesses k = 0 .. size-1, size a power of two.
struct Tile {
  std::int64_t stride = 0, size = 0;
  std::vector<llvm::Value*> values;  ///< by access: vectors over lanes
  std::size_t arrived = 0;           ///< stores seen so far
  bool made = false;
};
struct TilePlace {
  Tile* tile = nullptr;
  std::int64_t position = 0;
};

class Tiles {
 public:
  Tiles(const kernel::Program& program, const Forms& forms) : program_(program), forms_(forms) {}

  /// Finds the tiles of a block run for `lanes` instances of the simd loop over `index`; `held`
  /// instructions are in none. `linear` and `uniform` tell classes of values.
  template <class Linear, class Uniform>
  void find(const kernel::Block& b, kernel::Id index, int lanes, const std::set<std::size_t>& held,
            Linear linear, Uniform uniform) {
    std::size_t begin = 0;
    for (std::size_t k = 0; k <= b.instrs.size(); ++k) {
      if (k < b.instrs.size() && !b.instrs[k].body) continue;
      segment(b, begin, k, index, lanes, held, linear, uniform);
      begin = k + 1;
    }
  }

  TilePlace of(const kernel::Instr& i) const {
    const auto found = places_.find(&i);
    return found == places_.end() ? TilePlace{} : found->second;
  }
  /// The block may be run again for other lanes, or behind a mask.
  void forget(const kernel::Block& b) {
    for (const kernel::Instr& i : b.instrs) places_.erase(&i);
  }

 private:
  using Key = std::pair<bool, std::pair<std::uint32_t, std::map<kernel::Id, std::int64_t>>>;

  template <class Linear, class Uniform>
  void segment(const kernel::Block& b, std::size_t begin, std::size_t end, kernel::Id index,
               int lanes, const std::set<std::size_t>& held, Linear linear, Uniform uniform) {
    std::map<Key, std::map<std::int64_t, const kernel::Instr*>> groups;
    std::map<std::uint32_t, int> loaded, stored, store_groups;
    for (std::size_t k = begin; k < end; ++k) {
      const kernel::Instr& i = b.instrs[k];
      const bool store = i.code == kernel::Code::kStore;
      if (!store && i.code != kernel::Code::kLoad) continue;
      ++(store ? stored : loaded)[i.buffer];
      const bool plain = !held.contains(k) &&
                         program_.buffers[i.buffer].kind != kernel::BufferKind::kLane &&
                         size_of(i.dtype) >= 4 && linear(i.operands[0]) &&
                         (store || i.operands[1] == kernel::kNoId);
      if (!plain) continue;
      const Form form = forms_.of(i.operands[0]);
      const auto stride = form.terms.find(index);
      if (stride == form.terms.end() || stride->second == 1) continue;
      const bool fits = std::all_of(form.terms.begin(), form.terms.end(), [&](const auto& term) {
        return term.first == index || uniform(term.first);
      });
      if (fits) groups[{store, {i.buffer, form.terms}}][form.constant] = &i;
    }
    for (const auto& [key, group] : groups) store_groups[key.second.first] += key.first;
    for (const auto& [key, group] : groups) {
      const std::uint32_t buffer = key.second.first;
      // Moved past each other, accesses must not meet.
      const bool meets = key.first ? loaded.count(buffer) != 0 || store_groups[buffer] > 1 ||
                                         stored[buffer] != static_cast<int>(group.size())
                                   : stored.count(buffer) != 0;
      if (!meets) cut(group, key.second.second.at(index), lanes);
    }
  }

  /// Runs of neighbours, in pieces of powers of two.
  void cut(const std::map<std::int64_t, const kernel::Instr*>& group, std::int64_t stride,
           int lanes) {
    for (auto at = group.begin(); at != group.end();) {
      auto end = std::next(at);
      std::int64_t run = 1;
      while (end != group.end() && end->first == at->first + run) ++end, ++run;
      while (run >= 4) {
        const auto most = static_cast<std::int64_t>(64 / size_of(at->second->dtype));
        const auto size = static_cast<std::int64_t>(
            std::bit_floor(static_cast<std::uint64_t>(std::min<std::int64_t>({run, most, lanes}))));
        if (size < 4) break;
        auto tile = std::make_unique<Tile>();
        tile->stride = stride;
        tile->size = size;
        tile->values.resize(static_cast<std::size_t>(size));
        for (std::int64_t k = 0; k < size; ++k, ++at) places_[at->second] = {tile.get(), k};
        run -= size;
        tiles_.push_back(std::move(tile));
      }
      at = end;
    }
  }

  const kernel::Program& program_;
  const Forms& forms_;
  std::map<const kernel::Instr*, TilePlace> places_;
  std::vector<std::unique_ptr<Tile>> tiles_;
};

/// rows[l][k] -> [k][l], as many rows as each has elements (a power of two): log2 rounds of
/// exchanging off-diagonal blocks.
inline std::vector<llvm::Value*> transposed(llvm::IRBuilder<>& ir, std::vector<llvm::Value*> rows) {
  const int n = static_cast<int>(rows.size());
  for (int s = 1; s < n; s *= 2) {
    std::vector<int> low, high;
    for (int e = 0; e < n; ++e) {
      low.push_back(e & s ? n + e - s : e);
      high.push_back(e & s ? n + e : e + s);
    }
    for (int i = 0; i < n; ++i) {
      if (i & s) continue;
      llvm::Value*& x = rows[static_cast<std::size_t>(i)];
      llvm::Value*& y = rows[static_cast<std::size_t>(i + s)];
      llvm::Value* first = ir.CreateShuffleVector(x, y, low);
      y = ir.CreateShuffleVector(x, y, high);
      x = first;
    }
  }
  return rows;
}

}  // namespace cotangent::backend::cpu
