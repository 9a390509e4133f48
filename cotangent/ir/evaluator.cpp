#include "cotangent/ir/evaluator.h"

#include <algorithm>
#include <memory>

#include "cotangent/ir/evaluate_op.h"

namespace cotangent::ir {
namespace {

/// Shared, so that a body called many times does not copy its invariants.
using TensorRef = std::shared_ptr<const Tensor>;

TensorRef hold(Tensor t) {
  return std::make_shared<const Tensor>(std::move(t));
}

std::vector<Tensor> run(const Function& f, std::span<const TensorRef> arguments,
                        const EvaluateOptions& options);

/// Row k of an array, without its first axis.
Tensor row_of(const Tensor& array, std::int64_t k) {
  Tensor row(array.type().with_shape(array.type().shape.row()), array.extended());
  std::copy_n(array.data() + static_cast<std::size_t>(k) * row.bytes(), row.bytes(), row.data());
  return row;
}

void set_row(Tensor& array, std::int64_t k, const Tensor& row) {
  std::copy_n(row.data(), row.bytes(), array.data() + static_cast<std::size_t>(k) * row.bytes());
}

void add_to_row(Tensor& array, std::int64_t k, const Tensor& row) {
  const Tensor both[] = {row_of(array, k), row};
  set_row(array, k, evaluate_op(Op::kAdd, both, {}, row.type(), row.extended()));
}

TensorRef index_tensor(std::int64_t k) {
  return hold(Tensor::scalar_of<std::int64_t>(k));
}

std::vector<Tensor> run_map(const MapAttr& a, std::span<const TensorRef> in,
                            const EvaluateOptions& options) {
  std::vector<Tensor> stacks;
  for (std::size_t r = 0; r < a.roles.size(); ++r) {
    const Type row = a.body->result_type(r);
    stacks.emplace_back(row.with_shape(row.shape.with_leading(a.count)), options.extended);
  }
  for (std::int64_t i = 0; i < a.count; ++i) {
    std::vector<TensorRef> arguments{index_tensor(i)};
    for (std::size_t k = 0; k < in.size(); ++k) {
      const bool is_row = static_cast<std::int64_t>(k) < a.rows;
      arguments.push_back(is_row ? hold(row_of(*in[k], i)) : in[k]);
    }
    const std::vector<Tensor> out = run(*a.body, arguments, options);
    for (std::size_t r = 0; r < out.size(); ++r) set_row(stacks[r], i, out[r]);
  }
  for (std::size_t r = 0; r < stacks.size(); ++r) {
    if (a.roles[r] == Role::kTotal) stacks[r] = sum_rows(stacks[r]);
  }
  return stacks;
}

std::vector<Tensor> run_pair_sum(const PairAttr& a, std::span<const TensorRef> in,
                                 const EvaluateOptions& options) {
  std::vector<Tensor> rows;
  for (std::size_t r = 0; r < a.roles.size(); ++r) {
    const Type t = a.body->result_type(r);
    rows.emplace_back(t.with_shape(t.shape.with_leading(a.count)), options.extended);
  }
  // Ascending in i, then in j: every row, at i or at j, receives its terms in ascending order of
  // the other index.
  for (std::int64_t i = 0; i < a.count; ++i) {
    for (std::int64_t j = a.kind == PairKind::kLess ? i + 1 : 0; j < a.count; ++j) {
      if (i == j) continue;
      std::vector<TensorRef> arguments{index_tensor(i), index_tensor(j)};
      for (std::size_t k = 0; k < in.size(); ++k) {
        const auto at = static_cast<std::int64_t>(k);
        arguments.push_back(at < a.rows_i              ? hold(row_of(*in[k], i))
                            : at < a.rows_i + a.rows_j ? hold(row_of(*in[k], j))
                                                       : in[k]);
      }
      const std::vector<Tensor> out = run(*a.body, arguments, options);
      for (std::size_t r = 0; r < out.size(); ++r) {
        add_to_row(rows[r], a.roles[r] == Role::kAtJ ? j : i, out[r]);
      }
    }
  }
  for (std::size_t r = 0; r < rows.size(); ++r) {
    if (a.roles[r] == Role::kTotal) rows[r] = sum_rows(rows[r]);
  }
  return rows;
}

std::vector<Tensor> run_loop(const LoopAttr& a, std::span<const TensorRef> in,
                             std::span<const Type> types, const EvaluateOptions& options) {
  const auto invariants = static_cast<std::size_t>(a.invariants);
  const auto carries = static_cast<std::size_t>(a.carries);
  const auto inputs = static_cast<std::size_t>(a.inputs);
  std::int64_t first = 0, count = a.trip;
  if (a.dynamic) {
    first = in[invariants + carries + inputs]->integer(0);
    count = std::clamp<std::int64_t>(in[invariants + carries + inputs + 1]->integer(0), 0, a.trip);
  }
  const auto given_invariants = in.first(invariants);
  const auto given_carries = in.subspan(invariants, carries);
  const auto given_inputs = in.subspan(invariants + carries, inputs);
  std::vector<TensorRef> carry(given_carries.begin(), given_carries.end());
  std::vector<Tensor> outputs;
  for (std::size_t o = 0; o < a.every.size(); ++o) {
    outputs.emplace_back(types[carries + o], options.extended);
  }
  for (std::int64_t k = 0; k < count; ++k) {
    const std::int64_t iteration = first + k;
    std::vector<TensorRef> arguments{index_tensor(iteration)};
    arguments.insert(arguments.end(), given_invariants.begin(), given_invariants.end());
    arguments.insert(arguments.end(), carry.begin(), carry.end());
    for (const TensorRef& input : given_inputs) arguments.push_back(hold(row_of(*input, k)));
    std::vector<Tensor> out = run(*a.body, arguments, options);
    for (std::size_t o = 0; o < outputs.size(); ++o) {
      if ((iteration + 1) % a.every[o] != 0) continue;
      set_row(outputs[o], (iteration + 1) / a.every[o] - first / a.every[o] - 1, out[carries + o]);
    }
    for (std::size_t c = 0; c < carries; ++c) carry[c] = hold(std::move(out[c]));
  }
  std::vector<Tensor> results;
  for (const TensorRef& c : carry) results.push_back(*c);
  for (Tensor& o : outputs) results.push_back(std::move(o));
  return results;
}

std::vector<Tensor> run_while(const WhileAttr& a, std::span<const TensorRef> in,
                              const EvaluateOptions& options) {
  std::vector<TensorRef> arguments{index_tensor(0)};
  arguments.insert(arguments.end(), in.begin(), in.end());
  const auto first = static_cast<std::size_t>(a.invariants) + 1;
  std::int64_t count = 0;
  while (a.limit == 0 || count < a.limit) {
    arguments[0] = index_tensor(count);
    if (run(*a.condition, arguments, options)[0].integer(0) == 0) break;
    std::vector<Tensor> next = run(*a.body, arguments, options);
    for (std::size_t c = 0; c < next.size(); ++c) arguments[first + c] = hold(std::move(next[c]));
    ++count;
  }
  std::vector<Tensor> results;
  for (std::size_t k = first; k < arguments.size(); ++k) results.push_back(*arguments[k]);
  results.push_back(Tensor::scalar_of<std::int64_t>(count));
  return results;
}

std::vector<Tensor> run_second_order(const Function& f, Value v, std::span<const TensorRef> in,
                                     const EvaluateOptions& options) {
  switch (f.op(v)) {
    case Op::kMap: return run_map(f.attr_as<MapAttr>(v), in, options);
    case Op::kPairSum: return run_pair_sum(f.attr_as<PairAttr>(v), in, options);
    case Op::kLoop: return run_loop(f.attr_as<LoopAttr>(v), in, f.result_types(v), options);
    case Op::kWhile: return run_while(f.attr_as<WhileAttr>(v), in, options);
    case Op::kCond: {
      const auto& a = f.attr_as<CondAttr>(v);
      return run(in[0]->integer(0) ? *a.on_true : *a.on_false, in.subspan(1), options);
    }
    case Op::kCall: return run(*f.attr_as<CallAttr>(v).body, in, options);
    default: throw InternalError("the evaluator does not know " + std::string(name_of(f.op(v))));
  }
}

std::vector<Tensor> run(const Function& f, std::span<const TensorRef> arguments,
                        const EvaluateOptions& options) {
  // A node that is read through project holds several values, the others one.
  std::vector<std::vector<TensorRef>> values(f.size());
  for (std::uint32_t id = 0; id < f.size(); ++id) {
    const Value v{id};
    const Op op = f.op(v);
    if (op == Op::kParameter) {
      values[id] = {arguments[static_cast<std::size_t>(f.attr_as<IndexAttr>(v).index)]};
      continue;
    }
    if (op == Op::kProject) {
      const auto index = static_cast<std::size_t>(f.attr_as<IndexAttr>(v).index);
      values[id] = {values[f.operand(v, 0).id][index]};
    } else if (is_projected(op) && !is_second_order(op)) {
      std::vector<Tensor> in;
      for (Value u : f.operands(v)) in.push_back(*values[u.id][0]);
      for (Tensor& t : evaluate_results(op, in, f.attr(v), f.result_types(v), options.extended)) {
        values[id].push_back(hold(std::move(t)));
      }
      continue;
    } else if (is_second_order(op)) {
      std::vector<TensorRef> in;
      for (Value u : f.operands(v)) in.push_back(values[u.id][0]);
      std::vector<Tensor> out = run_second_order(f, v, in, options);
      for (Tensor& t : out) values[id].push_back(hold(std::move(t)));
      continue;
    } else {
      std::vector<Tensor> in;
      for (Value u : f.operands(v)) in.push_back(*values[u.id][0]);
      values[id] = {hold(evaluate_op(op, in, f.attr(v), f.type(v), options.extended))};
    }
    if (options.observe) options.observe(f, v, *values[id][0]);
  }
  std::vector<Tensor> results;
  for (Value r : f.results()) results.push_back(*values[r.id][0]);
  return results;
}

}  // namespace

std::vector<Tensor> evaluate(const Function& f, std::span<const Tensor> arguments,
                             const EvaluateOptions& options) {
  if (arguments.size() != f.params().size()) {
    throw UserError("'" + f.name() + "' takes " + std::to_string(f.params().size()) +
                    " arguments, given " + std::to_string(arguments.size()));
  }
  std::vector<TensorRef> values;
  for (std::size_t k = 0; k < arguments.size(); ++k) {
    if (arguments[k].type() != f.param_type(k)) {
      throw UserError("'" + f.name() + "', argument " + std::to_string(k) + " is " +
                      arguments[k].type().text() + ", should be " + f.param_type(k).text());
    }
    values.push_back(
        hold(options.extended ? arguments[k].to_extended() : arguments[k].to_double()));
  }
  return run(f, values, options);
}

}  // namespace cotangent::ir
