// Arrays larger than the caches, in simd loops.
//
// A result that no cache can hold until somebody reads it is stored past the caches: an ordinary
// store first reads the line it is about to overwrite. And a stencil reads one array in more places
// than the processor's own prefetching follows, so what it will want of the foremost is asked for
// ahead. Columns have a place in every row, pages apart: while they are gone through, the same
// rows' next places are asked for.
#pragma once

#include <algorithm>
#include <cstdlib>
#include <map>
#include <set>
#include <vector>

#include "cotangent/kernel/forms.h"

namespace cotangent::backend::cpu {

using kernel::Form;
using kernel::Forms;

class Streams {
 public:
  static constexpr std::size_t kBeyondCaches = std::size_t{128} << 20;
  static constexpr std::size_t kBeyondOwnCache = std::size_t{4} << 20;  ///< a core's, not shared
  static constexpr std::int64_t kPage = 4096;
  static constexpr std::size_t kManyRows = 6;
  static constexpr std::size_t kAhead = 4096;  ///< bytes

  explicit Streams(const kernel::Program& program) : program_(program) { look(program.body); }

  /// Whether a buffer is stored past the caches.
  bool past_caches(std::uint32_t buffer) const {
    return program_.buffers[buffer].kind == kernel::BufferKind::kOutput &&
           bytes(buffer) >= kBeyondCaches && !read_.contains(buffer);
  }

  /// The first store past the caches of a block in the simd loop over `index` that writes
  /// neighbours, its index known outside of the block but for the loop's; null if there is none.
  const kernel::Instr* first_store(const kernel::Block& b, kernel::Id index,
                                   const Forms& forms) const {
    std::set<kernel::Id> inside;
    for (const kernel::Instr& i : b.instrs) {
      if (i.result != kernel::kNoId) inside.insert(i.result);
      inside.insert(i.results.begin(), i.results.end());
    }
    for (const kernel::Instr& i : b.instrs) {
      if (i.code != kernel::Code::kStore || !past_caches(i.buffer)) continue;
      const Form form = forms.of(i.operands[0]);
      const auto step = form.terms.find(index);
      if (step == form.terms.end() || step->second != 1) continue;
      if (std::none_of(form.terms.begin(), form.terms.end(),
                       [&](const auto& term) { return inside.contains(term.first); })) {
        return &i;
      }
    }
    return nullptr;
  }

  /// Finds the foremost loads of a block in the simd loop over `index`.
  void find(const kernel::Block& b, kernel::Id index, const Forms& forms) {
    std::map<std::pair<std::uint32_t, std::map<kernel::Id, std::int64_t>>,
             std::map<std::int64_t, const kernel::Instr*>>
        groups;
    for (const kernel::Instr& i : b.instrs) {
      if (i.code != kernel::Code::kLoad || i.operands[1] != kernel::kNoId) continue;
      if (bytes(i.buffer) < kBeyondOwnCache) continue;
      Form form = forms.of(i.operands[0]);
      const auto step = form.terms.find(index);
      if (step == form.terms.end() || step->second != 1) continue;
      groups[{i.buffer, std::move(form.terms)}][form.constant] = &i;
    }
    for (const auto& [key, places] : groups) {
      std::size_t rows = 0;
      std::int64_t end = INT64_MIN;
      const auto line = static_cast<std::int64_t>(64 / size_of(program_.buffers[key.first].dtype));
      for (const auto& [place, load] : places) {
        if (rows == 0 || place >= end) ++rows;
        end = place + line;
      }
      if (rows >= kManyRows) foremost_.insert(places.rbegin()->second);
    }
  }
  bool foremost(const kernel::Instr& i) const { return foremost_.contains(&i); }

  /// Finds the accesses of columns in the simd loop of this body: neighbours of rows a page or more
  /// apart, that a loop inside runs over. Of arrays that are both read and written the loads do.
  void find_columns(const kernel::Block& body, kernel::Id index, const Forms& forms) {
    std::set<kernel::Id> inner;
    columns(body, index, forms, inner);
  }
  bool of_column(const kernel::Instr& i) const { return of_columns_.contains(&i); }

 private:
  std::size_t bytes(std::uint32_t buffer) const {
    const kernel::Buffer& b = program_.buffers[buffer];
    return static_cast<std::size_t>(b.count) * size_of(b.dtype);
  }

  void columns(const kernel::Block& b, kernel::Id index, const Forms& forms,
               std::set<kernel::Id>& inner) {
    for (const kernel::Instr& i : b.instrs) {
      if (i.code == kernel::Code::kFor) inner.insert(i.index);
      if (i.body) columns(*i.body, index, forms, inner);
      if (i.other) columns(*i.other, index, forms, inner);
      const bool store = i.code == kernel::Code::kStore;
      if (!store && (i.code != kernel::Code::kLoad || i.operands[1] != kernel::kNoId)) continue;
      if (bytes(i.buffer) < kBeyondOwnCache || (store && read_.contains(i.buffer))) continue;
      const Form form = forms.of(i.operands[0]);
      const auto step = form.terms.find(index);
      if (step == form.terms.end() || step->second != 1) continue;
      const auto size = static_cast<std::int64_t>(size_of(program_.buffers[i.buffer].dtype));
      if (std::any_of(form.terms.begin(), form.terms.end(), [&](const auto& term) {
            return inner.contains(term.first) && std::abs(term.second) * size >= kPage;
          })) {
        of_columns_.insert(&i);
      }
    }
  }

  void look(const kernel::Block& b) {
    for (const kernel::Instr& i : b.instrs) {
      if (i.code == kernel::Code::kLoad) read_.insert(i.buffer);
      if (i.code == kernel::Code::kCall) {
        for (const auto& array : i.call->arrays) read_.insert(array.buffer);
      }
      if (i.body) look(*i.body);
      if (i.other) look(*i.other);
    }
  }

  const kernel::Program& program_;
  std::set<std::uint32_t> read_;
  std::set<const kernel::Instr*> foremost_, of_columns_;
};

}  // namespace cotangent::backend::cpu
