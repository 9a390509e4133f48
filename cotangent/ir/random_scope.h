// One function of a random program while it is being drawn. Internal to random_program.
#pragma once

#include <functional>
#include <optional>

#include "cotangent/ir/builder.h"
#include "cotangent/ir/random_program.h"
#include "cotangent/ir/splitmix.h"

namespace cotangent::ir {

inline constexpr double kUnknownBound = 1e30;         ///< of values that nobody has bounded
inline constexpr std::int64_t kMostElements = 512;  ///< of a value

/// What is drawn for the whole program.
struct RandomSettings {
  RandomProgramOptions options;
  /// Keeps values moderate: domains are guarded and large values compressed. Otherwise infinities
  /// and NaN are common.
  bool tame = true;
  bool zero_axes = false;  ///< some axes have length 0
};

class RandomScope {
 public:
  /// `depth`: levels of second-order ops that may still be nested here.
  RandomScope(SplitMix& random, const RandomSettings& settings, int depth, bool outermost,
              std::string name);

  /// A parameter whose elements stay within [-bound, bound].
  Value param(Type type, std::string name, double bound);
  Type param_type();  ///< drawn
  /// Adds about `nodes` nodes.
  void draw(int nodes);
  /// Values to return: at most `count`, first those that nothing uses; `fits` filters.
  std::vector<Value> choose_results(std::size_t count,
                                    const std::function<bool(const Type&)>& fits);
  /// A scalar f64 that depends on every f64 value nothing uses.
  Value total();

  void without_checks() { checks_ = false; }

  Builder& builder() { return builder_; }
  double bound(Value v) const;

  /// A value of this type: one there is, one adapted, or a new constant.
  Value of_type(const Type& type);
  Value constant(const Type& type);
  /// `v` squeezed into [-limit, limit] by a smooth function.
  Value compress(Value v, double limit);
  /// `v` as it is when the program is wild; compressed when it may pass `limit`.
  Value moderate(Value v, double limit);

 private:
  // random_scope.cpp
  void one_node();
  Op draw_op(OpKind kind);
  bool usable(Op op) const;
  DType draw_dtype(const std::function<bool(DType)>& fits);
  Shape draw_shape();
  std::optional<Value> pick(const std::function<bool(const Type&)>& fits);
  std::optional<Value> pick_type(const Type& type);
  Value adapt(Value v, const Type& type);
  void add(Value v, double bound);
  Value note(Value v, double bound);

  // random_ops.cpp
  void leaf(Op op);
  void elementwise(Op op);
  void cast();
  void bitcast();
  void reduce(Op op);
  void shape_op(Op op);
  void index_op(Op op);
  void dot_general();
  void fft();
  void scan(Op op);
  void random_bits();
  double guard(Op op, std::vector<Value>& x);
  Value shifted_square(Value v, double at_least);
  Value index_array(const Shape& shape, std::int64_t length);

  // random_linear_algebra.cpp
  void linear_algebra(Op op);
  Value well_posed(const Type& type);

  // random_second_order.cpp
  struct BodyParam {
    Type type;
    double bound;
    std::string name;
  };
  std::int64_t draw_count(bool& from_operand, std::optional<Value>& row);
  std::vector<Value> draw_operands(std::int64_t count, std::size_t rows, std::size_t others,
                                   std::optional<Value> first_row);
  BodyParam row_param(Value v, const std::string& name) const;
  void map();
  void loop();
  void pair_sum();

  // random_control.cpp
  void while_loop();
  void cond();
  void call();
  void check();
  Value truth();

  SplitMix& random_;
  const RandomSettings& settings_;
  int depth_;
  bool outermost_;
  bool checks_ = true;
  Builder builder_;
  std::vector<Value> pool_;
  std::vector<double> bounds_;  ///< by value id
};

}  // namespace cotangent::ir
