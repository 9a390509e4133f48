// Abstract interpretation of programs: runs a function over values of a small lattice, going into
// the bodies of map, pair_sum and loop. Facts are proved with it.
//
// A domain D gives
//   D::Value                                    one abstract value, with operator==
//   Value index()                               a body's index parameter
//   Value join(a, b)                            least upper bound
//   Value widen(a)                              what a loop carry becomes when it does not settle
//   Value chosen(a, by)                         a, where which a it is was decided by `by`
//   Value apply(f, v, operands)                 a first-order op; leaves included, parameters not
// and may give
//   Value row(operand, index)                   a row of an array, in a body; or, of one of `count`
//   Value row(operand, index, count)            rows
//   Value looped(a)                             an array as the row of it that a step of a loop
//                                               reads, or rows that steps gave as the array
//   Value total(role, result, indices)          what becomes of a body's result
//   void seen(f, id, value)                     told of every value as it is found
// Without them an array has one abstract value for all its elements, rows and sums of rows.
#pragma once

#include <span>
#include <vector>

#include "cotangent/ir/function.h"

namespace cotangent::mechanics {

template <class D>
class Interpreter {
 public:
  using Value = typename D::Value;
  explicit Interpreter(D& domain) : domain_(domain) {}

  /// Abstract values of the results, from those of the parameters.
  std::vector<Value> run(const ir::Function& f, std::span<const Value> arguments) {
    std::vector<std::vector<Value>> values(f.size());  // one entry a result of the node
    for (std::uint32_t id = 0; id < f.size(); ++id) {
      const ir::Value v{id};
      std::vector<Value> operands;
      if (f.op(v) == ir::Op::kProject) {
        const auto k = static_cast<std::size_t>(f.attr_as<ir::IndexAttr>(v).index);
        values[id] = {values[f.operand(v, 0).id][k]};
        tell(f, id, values[id][0]);
        continue;
      }
      for (ir::Value o : f.operands(v)) operands.push_back(values[o.id][0]);
      switch (f.op(v)) {
        case ir::Op::kParameter:
          values[id] = {arguments[static_cast<std::size_t>(f.attr_as<ir::IndexAttr>(v).index)]};
          break;
        case ir::Op::kMap: {
          const auto& m = f.attr_as<ir::MapAttr>(v);
          const std::vector<Value> index = {domain_.index()};
          std::vector<Value> args = index;
          for (std::size_t k = 0; k < operands.size(); ++k) {
            const bool is_row = k < static_cast<std::size_t>(m.rows);
            args.push_back(is_row ? row(operands[k], index[0], m.count) : operands[k]);
          }
          values[id] = totals(m.roles, run(*m.body, args), index);
          break;
        }
        case ir::Op::kPairSum: {
          const auto& p = f.attr_as<ir::PairAttr>(v);
          const std::vector<Value> index = {domain_.index(), domain_.index()};
          std::vector<Value> args = index;
          for (std::size_t k = 0; k < operands.size(); ++k) {
            const bool at_i = k < static_cast<std::size_t>(p.rows_i);
            const bool at_j = !at_i && k < static_cast<std::size_t>(p.rows_i + p.rows_j);
            args.push_back(at_i   ? row(operands[k], index[0], p.count)
                           : at_j ? row(operands[k], index[1], p.count)
                                  : operands[k]);
          }
          values[id] = totals(p.roles, run(*p.body, args), index);
          break;
        }
        case ir::Op::kLoop:
          values[id] = run_loop(f.attr_as<ir::LoopAttr>(v), std::move(operands));
          break;
        default: values[id].assign(f.result_types(v).size(), domain_.apply(f, v, operands));
      }
      if (!values[id].empty()) tell(f, id, values[id][0]);
    }
    std::vector<Value> results;
    for (ir::Value r : f.results()) results.push_back(values[r.id][0]);
    return results;
  }

 private:
  static constexpr int kRounds = 8;  // of a loop's carries before they are widened

  void tell(const ir::Function& f, std::uint32_t id, const Value& value) {
    if constexpr (requires { domain_.seen(f, id, value); }) domain_.seen(f, id, value);
  }

  Value row(const Value& operand, const Value& index, std::int64_t count) {
    if constexpr (requires { domain_.row(operand, index, count); }) {
      return domain_.row(operand, index, count);
    } else if constexpr (requires { domain_.row(operand, index); }) {
      return domain_.row(operand, index);
    } else {
      return operand;
    }
  }

  Value looped(const Value& a) {
    if constexpr (requires { domain_.looped(a); }) {
      return domain_.looped(a);
    } else {
      return a;
    }
  }

  std::vector<Value> totals(const std::vector<ir::Role>& roles, std::vector<Value> results,
                            const std::vector<Value>& index) {
    if constexpr (requires { domain_.total(roles[0], results[0], index); }) {
      for (std::size_t k = 0; k < results.size(); ++k) {
        results[k] = domain_.total(roles[k], results[k], index);
      }
    }
    return results;
  }

  std::vector<Value> run_loop(const ir::LoopAttr& loop, std::vector<Value> operands) {
    std::vector<Value> range;  // first and count, when they are operands
    if (loop.dynamic) {
      range.assign(operands.end() - 2, operands.end());
      operands.resize(operands.size() - 2);
    }
    std::vector<Value> args = {domain_.index()};
    args.insert(args.end(), operands.begin(), operands.end());
    const auto first = static_cast<std::size_t>(loop.invariants) + 1;
    const auto carries = static_cast<std::size_t>(loop.carries);
    for (std::size_t k = first + carries; k < args.size(); ++k) args[k] = looped(args[k]);
    std::vector<Value> results;
    for (int round = 0;; ++round) {
      results = run(*loop.body, args);
      bool settled = true;
      for (std::size_t k = 0; k < carries; ++k) {
        const Value joined = domain_.join(args[first + k], results[k]);
        if (joined == args[first + k]) continue;
        settled = false;
        args[first + k] = round < kRounds ? joined : domain_.widen(joined);
      }
      if (settled || round + 1 >= loop.trip) break;
    }
    for (std::size_t k = 0; k < carries; ++k) results[k] = args[first + k];
    for (std::size_t k = carries; k < results.size(); ++k) results[k] = looped(results[k]);
    for (const Value& by : range) {
      for (Value& r : results) r = domain_.chosen(r, by);
    }
    return results;
  }

  D& domain_;
};

}  // namespace cotangent::mechanics
