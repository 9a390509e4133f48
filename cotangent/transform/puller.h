// The walk behind pull_back; split over pull.cpp (first-order ops), pull_linear_algebra.cpp,
// pull_bodies.cpp (map, pair_sum), pull_loop.cpp (loop) and pull_control.cpp (cond, call).
#pragma once

#include <map>
#include <unordered_map>

#include "cotangent/transform/pull.h"

namespace cotangent::transform {

class LoopReversal;

class Puller {
 public:
  Puller(ir::Builder& b, const ir::Function& f, const PullOptions& options)
      : b_(b), f_(f), options_(options), linear_(f.size(), false), copy_(f.size()), ct_(f.size()) {}

  Pulled run(std::span<const ir::Value> params, std::span<const Cotangent> results);

 private:
  friend LoopReversal;

  // Forward: flags what is linear, copies the rest.
  void forward(std::span<const ir::Value> params);
  void forward_node(ir::Value v);
  void forward_loop(ir::Value v, std::span<const ir::Value> operands, const Flags& results);
  std::vector<LoopRecord> records() const;

  // Backward, one op each (pull.cpp).
  void backward(ir::Value v);
  void elementwise(ir::Value v, const Cotangent& ct);
  void structural(ir::Value v, const Cotangent& ct);
  void dot_general(ir::Value v, const Cotangent& ct);
  void scatter(ir::Value v, const Cotangent& ct);
  ir::Value last_writes(ir::Value v);

  // Linear algebra (pull_linear_algebra.cpp).
  void triangular_solve(ir::Value v);

  void fft(ir::Value v);  // pull_fft.cpp

  // Second order (pull_bodies.cpp).
  void map(ir::Value node);
  void pair_sum(ir::Value node);
  void loop(ir::Value node);
  // Branches and calls (pull_control.cpp).
  void cond(ir::Value node);
  void call(ir::Value node);
  void solve(ir::Value node);
  template <class Attribute, class Make>
  void finish_sum(ir::Value node, BodyBuilder& inner, const Values& params,
                  const std::vector<Cotangent>& cts, const std::vector<ir::Role>& roles,
                  Attribute attr, Make make);

  // Cotangents.
  void add_to(ir::Value operand, Cotangent ct);
  Cotangent added(Cotangent x, Cotangent y);
  Cotangent clean(Cotangent ct);
  Cotangent scaled(const Cotangent& ct, ir::Value value, ir::Value factor);
  ir::Value any(ir::Value mask, ir::Dims axes);

  bool linear(ir::Value v) const { return linear_[v.id]; }
  ir::Value of(ir::Value v) const { return copy_[v.id]; }
  ir::Value operand(ir::Value v, std::size_t k) const { return f_.operand(v, k); }
  void want_zero(ir::Value v, ir::Op op) const;
  [[noreturn]] static void refuse(ir::Op op, const std::string& why);

  ir::Builder& b_;
  const ir::Function& f_;
  const PullOptions& options_;
  Flags linear_;
  Values copy_;
  std::vector<Cotangent> ct_;
  std::unordered_map<std::uint32_t, Flags> linear_results_;  ///< of nodes with several
  std::unordered_map<std::uint32_t, Values> copied_results_;
  std::map<std::uint32_t, LoopRecord> loops_;  ///< those with a linear part, in their order
  std::size_t next_given_ = 0;                 ///< of options_.given
  std::unordered_map<std::uint32_t, std::vector<Cotangent>> result_cts_;
};

/// The flagged results of a body as a function of the flagged parameters, then the values `also`
/// (flagged parameters). Ops that also compute something from the other parameters are split in
/// turn. With `loops`, the values of the records of its loops come last.
ir::FunctionPtr part_of(const ir::Function& body, const Flags& params, const Flags& results,
                        const std::vector<std::size_t>& also = {},
                        std::vector<LoopRecord>* loops = nullptr);

inline bool is_control(ir::Op op) {
  return op == ir::Op::kWhile || op == ir::Op::kCond || op == ir::Op::kCall;
}

/// copy_part for a while, a cond or a call that is not copied whole.
Values copy_control_part(ir::Builder& b, const ir::Function& f, ir::Value node,
                         std::span<const ir::Value> operands, const Flags& results);

/// x + y, by scattering into x where y scatters into zeros.
ir::Value add_scattered(ir::Builder& b, ir::Value x, ir::Value y);

/// Sums of bool are sums of these.
inline constexpr DType kMaskCount = DType::kI32;

}  // namespace cotangent::transform
