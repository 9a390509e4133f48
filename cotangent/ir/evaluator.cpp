#include "cotangent/ir/evaluator.h"

#include <algorithm>

#include "cotangent/ir/evaluate_op.h"

namespace cotangent::ir {
namespace {

std::vector<Tensor> run(const Function& f, std::span<const Tensor> arguments,
                        const EvaluateOptions& options);

/// Row k of an array, without its first axis.
Tensor row_of(const Tensor& array, std::int64_t k) {
  Tensor row(array.type().with_shape(array.type().shape.row()), array.extended());
  std::memcpy(row.data(), array.data() + static_cast<std::size_t>(k) * row.bytes(), row.bytes());
  return row;
}

void set_row(Tensor& array, std::int64_t k, const Tensor& row) {
  std::memcpy(array.data() + static_cast<std::size_t>(k) * row.bytes(), row.data(), row.bytes());
}

void add_to_row(Tensor& array, std::int64_t k, const Tensor& row) {
  const Tensor both[] = {row_of(array, k), row};
  set_row(array, k, evaluate_op(Op::kAdd, both, {}, row.type(), row.extended()));
}

Tensor index_tensor(std::int64_t k) { return Tensor::scalar_of<std::int64_t>(k); }

std::vector<Tensor> run_map(const MapAttr& a, std::span<const Tensor> in,
                            std::span<const Type> types, const EvaluateOptions& options) {
  std::vector<Tensor> stacks;
  for (std::size_t r = 0; r < a.roles.size(); ++r) {
    const Type row = a.body->result_type(r);
    stacks.emplace_back(row.with_shape(row.shape.with_leading(a.count)), options.extended);
  }
  for (std::int64_t i = 0; i < a.count; ++i) {
    std::vector<Tensor> arguments{index_tensor(i)};
    for (std::size_t k = 0; k < in.size(); ++k) {
      arguments.push_back(static_cast<std::int64_t>(k) < a.rows ? row_of(in[k], i) : in[k]);
    }
    const std::vector<Tensor> out = run(*a.body, arguments, options);
    for (std::size_t r = 0; r < out.size(); ++r) set_row(stacks[r], i, out[r]);
  }
  for (std::size_t r = 0; r < stacks.size(); ++r) {
    if (a.roles[r] == Role::kTotal) stacks[r] = sum_rows(stacks[r]);
    ensure(stacks[r].type() == types[r], "map: result type");
  }
  return stacks;
}

std::vector<Tensor> run_pair_sum(const PairAttr& a, std::span<const Tensor> in,
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
      std::vector<Tensor> arguments{index_tensor(i), index_tensor(j)};
      for (std::size_t k = 0; k < in.size(); ++k) {
        const auto at = static_cast<std::int64_t>(k);
        arguments.push_back(at < a.rows_i              ? row_of(in[k], i)
                            : at < a.rows_i + a.rows_j ? row_of(in[k], j)
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

std::vector<Tensor> run_loop(const LoopAttr& a, std::span<const Tensor> in,
                             std::span<const Type> types, const EvaluateOptions& options) {
  const auto invariants = static_cast<std::size_t>(a.invariants);
  const auto carries = static_cast<std::size_t>(a.carries);
  const auto inputs = static_cast<std::size_t>(a.inputs);
  std::int64_t first = 0, count = a.trip;
  if (a.dynamic) {
    first = in[invariants + carries + inputs].integer(0);
    count = std::clamp<std::int64_t>(in[invariants + carries + inputs + 1].integer(0), 0, a.trip);
  }
  std::vector<Tensor> carry(in.begin() + static_cast<std::ptrdiff_t>(invariants),
                            in.begin() + static_cast<std::ptrdiff_t>(invariants + carries));
  std::vector<Tensor> outputs;
  for (std::size_t o = 0; o < a.every.size(); ++o) {
    outputs.emplace_back(types[carries + o], options.extended);
  }
  for (std::int64_t k = 0; k < count; ++k) {
    const std::int64_t iteration = first + k;
    std::vector<Tensor> arguments{index_tensor(iteration)};
    arguments.insert(arguments.end(), in.begin(),
                     in.begin() + static_cast<std::ptrdiff_t>(invariants));
    arguments.insert(arguments.end(), carry.begin(), carry.end());
    for (std::size_t n = 0; n < inputs; ++n) {
      arguments.push_back(row_of(in[invariants + carries + n], k));
    }
    std::vector<Tensor> out = run(*a.body, arguments, options);
    for (std::size_t o = 0; o < outputs.size(); ++o) {
      if ((iteration + 1) % a.every[o] != 0) continue;
      set_row(outputs[o], (iteration + 1) / a.every[o] - first / a.every[o] - 1, out[carries + o]);
    }
    out.resize(carries);
    carry = std::move(out);
  }
  for (Tensor& o : outputs) carry.push_back(std::move(o));
  return carry;
}

std::vector<Tensor> run(const Function& f, std::span<const Tensor> arguments,
                        const EvaluateOptions& options) {
  // A second-order node holds several values, the others one.
  std::vector<std::vector<Tensor>> values(f.size());
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
    } else {
      std::vector<Tensor> in;
      for (Value u : f.operands(v)) in.push_back(values[u.id][0]);
      switch (op) {
        case Op::kMap:
          values[id] = run_map(f.attr_as<MapAttr>(v), in, f.result_types(v), options);
          break;
        case Op::kPairSum:
          values[id] = run_pair_sum(f.attr_as<PairAttr>(v), in, options);
          break;
        case Op::kLoop:
          values[id] = run_loop(f.attr_as<LoopAttr>(v), in, f.result_types(v), options);
          break;
        default:
          values[id] = {evaluate_op(op, in, f.attr(v), f.type(v), options.extended)};
      }
      if (is_second_order(op)) continue;
    }
    if (options.observe) options.observe(f, v, values[id][0]);
  }
  std::vector<Tensor> results;
  for (Value r : f.results()) results.push_back(values[r.id][0]);
  return results;
}

}  // namespace

std::vector<Tensor> evaluate(const Function& f, std::span<const Tensor> arguments,
                             const EvaluateOptions& options) {
  if (arguments.size() != f.params().size()) {
    throw UserError("'" + f.name() + "' takes " + std::to_string(f.params().size()) +
                    " arguments, given " + std::to_string(arguments.size()));
  }
  std::vector<Tensor> values;
  for (std::size_t k = 0; k < arguments.size(); ++k) {
    if (arguments[k].type() != f.param_type(k)) {
      throw UserError("'" + f.name() + "', argument " + std::to_string(k) + " is " +
                      arguments[k].type().text() + ", should be " + f.param_type(k).text());
    }
    values.push_back(options.extended ? arguments[k].to_extended() : arguments[k].to_double());
  }
  return run(f, values, options);
}

}  // namespace cotangent::ir
