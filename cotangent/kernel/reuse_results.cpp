#include "cotangent/kernel/reuse_results.h"

#include <algorithm>
#include <map>
#include <numeric>

#include "cotangent/kernel/forms.h"

namespace cotangent::kernel {

namespace {

/// An access to a buffer: in which instruction of the program's body, and which of that one's.
struct Access {
  const Instr* instr = nullptr;
  std::size_t top = 0, inner = 0;
};
struct Accesses {
  std::vector<Access> loads, stores;
  bool called = false;
};

class Reuse {
 public:
  explicit Reuse(Program& program)
      : program_(program), forms_(program), accesses_(program.buffers.size()) {
    for (std::size_t top = 0; top < program.body.instrs.size(); ++top) {
      const Instr& i = program.body.instrs[top];
      note(i, top, 0);
      if (!i.body) continue;
      for (std::size_t k = 0; k < i.body->instrs.size(); ++k) look(i.body->instrs[k], top, k);
      if (!i.other) continue;
      for (const Instr& other : i.other->instrs) look(other, top, i.body->instrs.size());
    }
  }

  void run() {
    std::map<std::uint32_t, std::uint32_t> becomes;
    for (std::uint32_t result = 0; result < program_.buffers.size(); ++result) {
      if (program_.buffers[result].kind != BufferKind::kOutput) continue;
      for (std::uint32_t scratch = 0; scratch < program_.buffers.size(); ++scratch) {
        if (becomes.contains(scratch) || !fit(scratch, result)) continue;
        becomes[scratch] = result;
        break;
      }
    }
    if (!becomes.empty()) rename(program_.body, becomes);
  }

 private:
  void look(const Instr& i, std::size_t top, std::size_t inner) {
    note(i, top, inner);
    for (const Block* b : {i.body.get(), i.other.get()}) {
      if (!b) continue;
      for (const Instr& next : b->instrs) look(next, top, inner);
    }
  }

  void note(const Instr& i, std::size_t top, std::size_t inner) {
    if (i.code == Code::kLoad) accesses_[i.buffer].loads.push_back({&i, top, inner});
    if (i.code == Code::kStore) accesses_[i.buffer].stores.push_back({&i, top, inner});
    if (i.code == Code::kCall) {
      for (const LibraryCall::Array& a : i.call->arrays) accesses_[a.buffer].called = true;
    }
  }

  bool fit(std::uint32_t scratch, std::uint32_t result) const {
    const Buffer &s = program_.buffers[scratch], &r = program_.buffers[result];
    const Accesses &of_s = accesses_[scratch], &of_r = accesses_[result];
    if (s.kind != BufferKind::kScratch || s.dtype != r.dtype || s.count != r.count) return false;
    if (of_s.called || of_r.called || !of_r.loads.empty()) return false;
    if (of_s.loads.empty() || of_r.stores.empty()) return false;
    const std::size_t last = of_s.loads[0].top;
    const auto there = [&](const Access& a) { return a.top == last; };
    const auto before = [&](const Access& a) { return a.top < last; };
    if (!std::all_of(of_s.loads.begin(), of_s.loads.end(), there) ||
        !std::all_of(of_r.stores.begin(), of_r.stores.end(), there) ||
        !std::all_of(of_s.stores.begin(), of_s.stores.end(), before)) {
      return false;
    }
    const Instr& loop = program_.body.instrs[last];
    if (loop.code != Code::kFor || !is_simd(loop.kind)) return false;
    const auto inner = [](const Access& a, const Access& b) { return a.inner < b.inner; };
    if (std::max_element(of_s.loads.begin(), of_s.loads.end(), inner)->inner >=
        std::min_element(of_r.stores.begin(), of_r.stores.end(), inner)->inner) {
      return false;
    }
    return keeps_apart(loop, of_s.loads, of_r.stores);
  }

  /// Whether iteration l meets only places that are l modulo a number that no iteration reaches.
  bool keeps_apart(const Instr& loop, const std::vector<Access>& loads,
                   const std::vector<Access>& stores) const {
    std::int64_t step = 0;
    for (const std::vector<Access>* all : {&loads, &stores}) {
      for (const Access& a : *all) {
        const Form form = forms_.of(a.instr->operands[0]);
        if (a.instr->code == Code::kLoad && a.instr->operands[1] != kNoId) return false;
        const auto own = form.terms.find(loop.index);
        if (own == form.terms.end() || own->second != 1) return false;
        step = std::gcd(step, form.constant);
        for (const auto& [id, factor] : form.terms) {
          if (id != loop.index) step = std::gcd(step, factor);
        }
      }
    }
    const Form lo = forms_.of(loop.operands[0]), hi = forms_.of(loop.operands[1]);
    if (!lo.terms.empty() || !hi.terms.empty() || lo.constant < 0) return false;
    return step == 0 || hi.constant <= step;
  }

  static void rename(Block& b, const std::map<std::uint32_t, std::uint32_t>& becomes) {
    for (Instr& i : b.instrs) {
      if (i.code == Code::kLoad || i.code == Code::kStore) {
        const auto found = becomes.find(i.buffer);
        if (found != becomes.end()) i.buffer = found->second;
      }
      if (i.body) rename(*i.body, becomes);
      if (i.other) rename(*i.other, becomes);
    }
  }

  Program& program_;
  Forms forms_;
  std::vector<Accesses> accesses_;
};

}  // namespace

void reuse_results(Program& program) {
  Reuse(program).run();
}

}  // namespace cotangent::kernel
