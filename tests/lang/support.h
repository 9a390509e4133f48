// Tracing a string and running it in the reference evaluator.
#pragma once

#include <initializer_list>
#include <string>
#include <vector>

#include "cotangent/base/error.h"
#include "cotangent/ir/evaluator.h"
#include "cotangent/lang/context.h"
#include "cotangent/lang/parser.h"

namespace cotangent::lang::testing {

/// A state and names; q, p and v are filled with numbers that have no pattern.
class World {
 public:
  explicit World(Shape shape);

  World& real(const std::string& name, Shape shape, std::initializer_list<double> values);
  World& real(const std::string& name, double value) { return real(name, {}, {value}); }
  World& whole(const std::string& name, Shape shape, std::initializer_list<std::int64_t> values);
  World& whole(const std::string& name, std::int64_t value) { return whole(name, {}, {value}); }
  World& define(const std::string& head, const std::string& body);

  ir::FunctionPtr observable(const std::string& text) const;
  /// The value of an observable expression, flat.
  std::vector<double> values(const std::string& text) const;
  double value(const std::string& text) const;
  /// The message of the UserError that tracing throws; "" when it throws none.
  std::string error(const std::string& text) const;
  ErrorParts error_parts(const std::string& text) const;

  double q(std::int64_t i) const { return q_.as<double>()[static_cast<std::size_t>(i)]; }
  double p(std::int64_t i) const { return p_.as<double>()[static_cast<std::size_t>(i)]; }
  double v(std::int64_t i) const { return v_.as<double>()[static_cast<std::size_t>(i)]; }
  double q(std::int64_t i, std::int64_t k) const { return q(i * q_.type().shape[1] + k); }
  double p(std::int64_t i, std::int64_t k) const { return p(i * q_.type().shape[1] + k); }
  double t = 0.37;

  Context names;

 private:
  ir::Tensor q_, p_, v_;
};

/// How many nodes of an op a function has, bodies included.
int count_ops(const ir::Function& f, ir::Op op);
/// The same without bodies.
int count_ops_outside(const ir::Function& f, ir::Op op);

}  // namespace cotangent::lang::testing
