#include "cotangent/kernel/memory_plan.h"

#include <algorithm>
#include <map>

namespace cotangent::kernel {

namespace {

/// For every buffer the innermost block that holds all of its mentions, and in that the first and
/// the last instruction that has one inside.
class Mentions {
 public:
  explicit Mentions(const Program& program)
      : program_(program), lives_(program.buffers.size()), homes_(program.buffers.size()) {
    block(program.body);
  }
  std::vector<Life> lives() && { return std::move(lives_); }

 private:
  struct Level {
    std::size_t block;       ///< a number of its own
    std::size_t begin, end;  ///< of the instruction that is being walked in it
    bool together = true;    ///< threads are at the same place of it
    bool lanes = false;      ///< of a simd loop, whose back end may move accesses within it
  };

  void block(const Block& b) {
    const std::size_t number = ++blocks_;
    const bool together = path_.empty() || (path_.back().together && !entering_.shared);
    const bool lanes = !path_.empty() && (path_.back().lanes || entering_.lanes);
    path_.push_back({number, 0, 0, together, lanes});
    for (const Instr& i : b.instrs) {
      path_.back().begin = place_;
      path_.back().end = place_ + length(i) - 1;
      ++place_;
      for (std::uint32_t buffer : mentioned(i)) note(buffer);
      const bool loop = i.code == Code::kFor;
      for (const Block* inner : {i.body.get(), i.other.get()}) {
        if (!inner) continue;
        entering_ = {loop && i.kind != ForKind::kSerial, loop && is_simd(i.kind)};
        block(*inner);
      }
    }
    path_.pop_back();
  }

  /// Places an instruction takes: its own and those of what it holds.
  std::size_t length(const Instr& i) {
    if (!i.body && !i.other) return 1;
    if (const auto known = lengths_.find(&i); known != lengths_.end()) return known->second;
    std::size_t n = 1;
    for (const Block* inner : {i.body.get(), i.other.get()}) {
      if (!inner) continue;
      for (const Instr& j : inner->instrs) n += length(j);
    }
    return lengths_[&i] = n;
  }

  static std::vector<std::uint32_t> mentioned(const Instr& i) {
    if (i.code == Code::kLoad || i.code == Code::kStore) return {i.buffer};
    std::vector<std::uint32_t> all;
    if (i.code == Code::kCall) {
      for (const LibraryCall::Array& a : i.call->arrays) all.push_back(a.buffer);
    }
    return all;
  }

  void note(std::uint32_t buffer) {
    const BufferKind kind = program_.buffers[buffer].kind;
    std::size_t depth = path_.size();
    while ((kind == BufferKind::kScratch && !path_[depth - 1].together) ||
           (kind == BufferKind::kThread && path_[depth - 1].lanes)) {
      --depth;
    }
    std::vector<std::size_t>& home = homes_[buffer];  // numbers of the blocks around its mentions
    Life& life = lives_[buffer];
    if (!life.used) {
      for (std::size_t k = 0; k < depth; ++k) home.push_back(path_[k].block);
      life = {path_[depth - 1].begin, path_[depth - 1].end, true};
      outer_[buffer] = path_;
      return;
    }
    std::size_t common = 0;
    while (common < std::min(home.size(), depth) && home[common] == path_[common].block) ++common;
    if (common < home.size()) {  // the first mention counts with the instruction around it there
      home.resize(common);
      life.begin = outer_[buffer][common - 1].begin;
    }
    life.end = std::max(life.end, path_[common - 1].end);
  }

  const Program& program_;
  std::vector<Life> lives_;
  std::vector<std::vector<std::size_t>> homes_;
  std::map<std::uint32_t, std::vector<Level>> outer_;  ///< the path of a buffer's first mention
  std::map<const Instr*, std::size_t> lengths_;
  std::vector<Level> path_;
  std::size_t blocks_ = 0, place_ = 0;
  struct Entering {
    bool shared = false, lanes = false;
  };
  Entering entering_;
};

}  // namespace

std::vector<Life> lives_of(const Program& program) {
  return Mentions(program).lives();
}

Placement place(std::span<const Life> lives, std::span<const std::size_t> bytes) {
  struct Taken {
    std::size_t begin, end;  ///< bytes
    std::size_t until;       ///< the last place in the program
  };
  Placement out;
  out.offset.assign(bytes.size(), 0);
  std::vector<std::size_t> order;
  for (std::size_t k = 0; k < bytes.size(); ++k) {
    if (bytes[k] > 0 && lives[k].used) order.push_back(k);
  }
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t x, std::size_t y) { return lives[x].begin < lives[y].begin; });
  std::vector<Taken> taken;  // by begin; they do not overlap
  for (std::size_t k : order) {
    std::erase_if(taken, [&](const Taken& t) { return t.until < lives[k].begin; });
    const std::size_t size = (bytes[k] + 63) / 64 * 64;
    std::size_t at = 0;
    auto before = taken.begin();
    while (before != taken.end() && before->begin < at + size) {
      at = before->end;
      ++before;
    }
    taken.insert(before, {at, at + size, lives[k].end});
    out.offset[k] = at;
    out.bytes = std::max(out.bytes, at + size);
  }
  return out;
}

}  // namespace cotangent::kernel
