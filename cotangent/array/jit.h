// jit(f): f recorded once for each structure of its arguments, and compiled.
//
//   auto step = jit([](Array x, Array v) { return std::pair(x + 0.01 * v, v - 0.01 * x); });
//   std::tie(x, v) = step(x, v);
//
// Arguments and results are trees (tree.h). A new program is made when element types, shapes or the
// fixed part of an argument differ from what was seen before. Arrays that f takes from outside are
// read once, when it is recorded. All passes run, those that change rounding by an ulp included
// (docs/derivatives.md): results may differ from lazy evaluation in the last place, never from call
// to call. Inside another traced function f is simply a part of it.
//
// A jitted function may be called from several threads; copies share what was compiled.
#pragma once

#include <functional>
#include <memory>
#include <mutex>

#include "cotangent/array/tree.h"
#include "cotangent/runtime/executable.h"

namespace cotangent::array {
namespace jit_detail {

/// One recorded structure.
struct Program {
  runtime::ExecutablePtr code;  ///< null when there are no results
  std::vector<runtime::BufferPtr> captured;
  std::vector<const void*> captured_data;
  std::vector<bool> weak;             ///< of the results
  std::shared_ptr<const void> shape;  ///< the result tree, leaves to be replaced
};

/// What tells structures apart.
struct Key {
  const void* types;  ///< the C++ types of the arguments
  std::vector<const Array*> leaves;
  std::string structure;
};

class Cache {
 public:
  /// The program for a key, or null.
  std::shared_ptr<const Program> find(const Key& key) const;
  void add(const Key& key, std::shared_ptr<const Program> program);
  std::size_t size() const;

 private:
  struct Leaf {
    DType dtype;
    bool weak;
    Shape shape;
  };
  struct Entry {
    const void* types;
    std::string structure;
    std::vector<Leaf> leaves;
    std::shared_ptr<const Program> program;
  };
  mutable std::mutex mutex_;
  std::vector<Entry> entries_;
};

/// Parameters for the leaves of a trace, until it is finished or abandoned.
class Recording {
 public:
  explicit Recording(std::string what);
  ~Recording();
  Recording(const Recording&) = delete;
  Recording& operator=(const Recording&) = delete;

  Array parameter(DType dtype, const Shape& shape, bool weak);
  std::vector<Array> parameters_like(std::span<const Array> leaves);
  std::uint64_t serial() const;

 private:
  std::shared_ptr<struct RecordingState> state_;
};

/// Compiles results as a function of the parameters; null when they depend on another trace.
std::shared_ptr<Program> compile(const Recording& recording, std::span<const Array> parameters,
                                 std::span<const Array> results);

/// Runs; arguments are evaluated first if need be.
std::vector<Array> run(const Program& program, std::span<const Array* const> arguments);

template <class... A>
const void* tag_of() {
  static const char tag = 0;
  return &tag;
}

}  // namespace jit_detail

template <class F>
class Jitted {
 public:
  explicit Jitted(F f) : f_(std::move(f)), cache_(std::make_shared<jit_detail::Cache>()) {}

  template <class... A>
  auto operator()(const A&... arguments) const {
    // Numbers become arrays if f takes arrays there, else they are part of the structure.
    if constexpr (std::is_invocable_v<const F&, const lifted_t<A>&...>) {
      return call<lifted_t<A>...>(lifted_t<A>(arguments)...);
    } else {
      return call<A...>(arguments...);
    }
  }

  /// What is run for such arguments, compiled if need be: its program, kernels and times can be
  /// read. Null when f gives no arrays, or is a part of another trace.
  template <class... A>
  runtime::ExecutablePtr executable(const A&... arguments) const {
    if constexpr (std::is_invocable_v<const F&, const lifted_t<A>&...>) {
      const auto program = program_for(lifted_t<A>(arguments)...);
      return program ? program->code : nullptr;
    } else {
      const auto program = program_for(arguments...);
      return program ? program->code : nullptr;
    }
  }

  /// How many structures have been compiled.
  std::size_t programs() const { return cache_->size(); }

 private:
  template <class... A>
  using result_t = std::decay_t<std::invoke_result_t<const F&, const A&...>>;

  template <class... A>
  static jit_detail::Key key_of(const A&... arguments) {
    jit_detail::Key key{jit_detail::tag_of<A...>(), {}, {}};
    (point_to_leaves(arguments, key.leaves, key.structure), ...);
    return key;
  }

  template <class... A>
  std::shared_ptr<const jit_detail::Program> find_or_record(const jit_detail::Key& key,
                                                            const A&... arguments) const {
    for (const Array* leaf : key.leaves) {
      if (leaf->is_traced()) return nullptr;
    }
    if (auto found = cache_->find(key)) return found;
    auto made = record<result_t<A...>>(arguments...);
    if (made) cache_->add(key, made);
    return made;
  }

  template <class... A>
  std::shared_ptr<const jit_detail::Program> program_for(const A&... arguments) const {
    return find_or_record(key_of(arguments...), arguments...);
  }

  template <class... A>
  auto call(const A&... arguments) const {
    using Result = result_t<A...>;
    const jit_detail::Key key = key_of(arguments...);
    const auto program = find_or_record(key, arguments...);
    if (!program) return Result(std::invoke(f_, arguments...));
    const auto& shape = *static_cast<const Result*>(program->shape.get());
    return with_leaves(shape, jit_detail::run(*program, key.leaves));
  }

  template <class Result, class... A>
  std::shared_ptr<jit_detail::Program> record(const A&... arguments) const {
    jit_detail::Recording recording("jit");
    std::vector<Array> parameters;
    const auto inside = [&](const auto& tree) {
      const auto mine = recording.parameters_like(leaves_of(tree));
      parameters.insert(parameters.end(), mine.begin(), mine.end());
      return with_leaves(tree, mine);
    };
    const std::tuple<A...> trees{inside(arguments)...};  // braces: from left to right
    Result result = std::apply(f_, trees);
    const std::vector<Array> results = leaves_of(result);
    auto program = jit_detail::compile(recording, parameters, results);
    if (!program) return nullptr;
    // The leaves hold the whole trace: only the structure is kept.
    const std::vector<Array> blank(results.size(), Array(0));
    program->shape = std::make_shared<const Result>(with_leaves(std::move(result), blank));
    return program;
  }

  F f_;
  std::shared_ptr<jit_detail::Cache> cache_;
};

template <class F>
Jitted<F> jit(F f) {
  return Jitted<F>(std::move(f));
}

}  // namespace cotangent::array
