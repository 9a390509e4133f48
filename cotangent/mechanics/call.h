// One call of a program of a run while its arguments are gathered.
#pragma once

#include <deque>
#include <vector>

#include "cotangent/mechanics/callable.h"
#include "cotangent/mechanics/system.h"

namespace cotangent::mechanics {

/// Arrays are referred to, numbers are kept; to be used where it is made.
class Call {
 public:
  explicit Call(const Callable& f) : f_(f) {}

  Call& of(const ir::Tensor& x) {
    arguments_.push_back(&x);
    return *this;
  }
  Call& of(const std::vector<ir::Tensor>& list) {
    for (const ir::Tensor& x : list) arguments_.push_back(&x);
    return *this;
  }
  Call& of(const std::vector<Parameter>& parameters) {
    for (const Parameter& x : parameters) arguments_.push_back(&x.value);
    return *this;
  }
  Call& index(std::int64_t k) { return of(own_.emplace_back(ir::Tensor::scalar_of(k))); }
  Call& real(double x) { return of(own_.emplace_back(ir::Tensor::scalar_of(x))); }
  Call& to(ir::Tensor& x) {
    results_.push_back(&x);
    return *this;
  }
  Call& to(std::vector<ir::Tensor>& list) {
    for (ir::Tensor& x : list) results_.push_back(&x);
    return *this;
  }
  void now() const { f_.call(arguments_, results_); }
  /// Without results of its own: new arrays for all of them.
  std::vector<ir::Tensor> made() {
    std::vector<ir::Tensor> list = f_.room();
    to(list).now();
    return list;
  }

 private:
  const Callable& f_;
  std::deque<ir::Tensor> own_;
  std::vector<const ir::Tensor*> arguments_;
  std::vector<ir::Tensor*> results_;
};

}  // namespace cotangent::mechanics
