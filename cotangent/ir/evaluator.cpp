#include "cotangent/ir/evaluator.h"

#include <algorithm>
#include <unordered_map>

#include "cotangent/ir/evaluate_op.h"

namespace cotangent::ir {
namespace {

using Pointers = std::vector<const Tensor*>;

std::vector<Tensor> run(const Function& f, Operands arguments, const EvaluateOptions& options);

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
  const Tensor before = row_of(array, k);
  const Tensor* const both[] = {&before, &row};
  set_row(array, k, evaluate_op(Op::kAdd, Operands(both), {}, row.type(), row.extended()));
}

/// Zeros for the rows that the results of `count` runs of a body make.
std::vector<Tensor> stacks_of(const Function& body, std::size_t results, std::int64_t count,
                              const EvaluateOptions& options) {
  std::vector<Tensor> stacks;
  for (std::size_t r = 0; r < results; ++r) {
    const Type row = body.result_type(r);
    stacks.emplace_back(row.with_shape(row.shape.with_leading(count)), options.extended);
  }
  return stacks;
}

void sum_totals(const std::vector<Role>& roles, std::vector<Tensor>& stacks) {
  for (std::size_t r = 0; r < stacks.size(); ++r) {
    if (roles[r] == Role::kTotal) stacks[r] = sum_rows(stacks[r]);
  }
}

std::vector<Tensor> run_map(const MapAttr& a, Operands in, const EvaluateOptions& options) {
  std::vector<Tensor> stacks = stacks_of(*a.body, a.roles.size(), a.count, options);
  std::vector<Tensor> rows(static_cast<std::size_t>(a.rows));
  for (std::int64_t i = 0; i < a.count; ++i) {
    const Tensor index = Tensor::scalar_of(i);
    Pointers arguments{&index};
    for (std::size_t k = 0; k < in.size(); ++k) {
      const bool is_row = k < rows.size();
      if (is_row) rows[k] = row_of(in[k], i);
      arguments.push_back(is_row ? &rows[k] : &in[k]);
    }
    const std::vector<Tensor> out = run(*a.body, arguments, options);
    for (std::size_t r = 0; r < out.size(); ++r) set_row(stacks[r], i, out[r]);
  }
  sum_totals(a.roles, stacks);
  return stacks;
}

std::vector<Tensor> run_pair_sum(const PairAttr& a, Operands in, const EvaluateOptions& options) {
  std::vector<Tensor> sums = stacks_of(*a.body, a.roles.size(), a.count, options);
  std::vector<Tensor> rows(static_cast<std::size_t>(a.rows_i + a.rows_j));
  // Ascending in i, then in j: every row, at i or at j, receives its terms in ascending order of
  // the other index.
  for (std::int64_t i = 0; i < a.count; ++i) {
    for (std::int64_t j = a.kind == PairKind::kLess ? i + 1 : 0; j < a.count; ++j) {
      if (i == j) continue;
      const Tensor indices[] = {Tensor::scalar_of(i), Tensor::scalar_of(j)};
      Pointers arguments{&indices[0], &indices[1]};
      for (std::size_t k = 0; k < in.size(); ++k) {
        const bool is_row = k < rows.size();
        if (is_row) rows[k] = row_of(in[k], static_cast<std::int64_t>(k) < a.rows_i ? i : j);
        arguments.push_back(is_row ? &rows[k] : &in[k]);
      }
      const std::vector<Tensor> out = run(*a.body, arguments, options);
      for (std::size_t r = 0; r < out.size(); ++r) {
        add_to_row(sums[r], a.roles[r] == Role::kAtJ ? j : i, out[r]);
      }
    }
  }
  sum_totals(a.roles, sums);
  return sums;
}

std::vector<Tensor> run_loop(const LoopAttr& a, Operands in, std::span<const Type> types,
                             const EvaluateOptions& options) {
  const auto invariants = static_cast<std::size_t>(a.invariants);
  const auto carries = static_cast<std::size_t>(a.carries);
  const auto inputs = static_cast<std::size_t>(a.inputs);
  std::int64_t first = 0, count = a.trip;
  if (a.dynamic) {
    first = in[invariants + carries + inputs].integer(0);
    count = std::clamp<std::int64_t>(in[invariants + carries + inputs + 1].integer(0), 0, a.trip);
  }
  std::vector<Tensor> carry, rows(inputs), outputs;
  for (std::size_t c = 0; c < carries; ++c) carry.push_back(in[invariants + c]);
  for (std::size_t o = 0; o < a.every.size(); ++o) {
    outputs.emplace_back(types[carries + o], options.extended);
  }
  for (std::int64_t k = 0; k < count; ++k) {
    const std::int64_t iteration = first + k;
    const Tensor index = Tensor::scalar_of(iteration);
    Pointers arguments{&index};
    for (std::size_t n = 0; n < invariants; ++n) arguments.push_back(&in[n]);
    for (const Tensor& c : carry) arguments.push_back(&c);
    for (std::size_t n = 0; n < inputs; ++n) {
      rows[n] = row_of(in[invariants + carries + n], k);
      arguments.push_back(&rows[n]);
    }
    std::vector<Tensor> out = run(*a.body, arguments, options);
    for (std::size_t o = 0; o < outputs.size(); ++o) {
      if ((iteration + 1) % a.every[o] != 0) continue;
      set_row(outputs[o], (iteration + 1) / a.every[o] - first / a.every[o] - 1, out[carries + o]);
    }
    for (std::size_t c = 0; c < carries; ++c) carry[c] = std::move(out[c]);
  }
  for (Tensor& o : outputs) carry.push_back(std::move(o));
  return carry;
}

std::vector<Tensor> run_while(const WhileAttr& a, Operands in, const EvaluateOptions& options) {
  const auto invariants = static_cast<std::size_t>(a.invariants);
  std::vector<Tensor> carry;
  for (std::size_t k = invariants; k < in.size(); ++k) carry.push_back(in[k]);
  std::int64_t count = 0;
  for (; a.limit == 0 || count < a.limit; ++count) {
    const Tensor index = Tensor::scalar_of(count);
    Pointers arguments{&index};
    for (std::size_t n = 0; n < invariants; ++n) arguments.push_back(&in[n]);
    for (const Tensor& c : carry) arguments.push_back(&c);
    if (run(*a.condition, arguments, options)[0].integer(0) == 0) break;
    carry = run(*a.body, arguments, options);
  }
  carry.push_back(Tensor::scalar_of(count));
  return carry;
}

std::vector<Tensor> run_second_order(const Function& f, Value v, Operands in,
                                     const EvaluateOptions& options) {
  switch (f.op(v)) {
    case Op::kMap: return run_map(f.attr_as<MapAttr>(v), in, options);
    case Op::kPairSum: return run_pair_sum(f.attr_as<PairAttr>(v), in, options);
    case Op::kLoop: return run_loop(f.attr_as<LoopAttr>(v), in, f.result_types(v), options);
    case Op::kWhile: return run_while(f.attr_as<WhileAttr>(v), in, options);
    case Op::kCond: {
      const auto& a = f.attr_as<CondAttr>(v);
      return run(in[0].integer(0) ? *a.on_true : *a.on_false, in.subspan(1), options);
    }
    case Op::kCall: return run(*f.attr_as<CallAttr>(v).body, in, options);
    default: throw InternalError("the evaluator does not know " + std::string(name_of(f.op(v))));
  }
}

std::vector<Tensor> run(const Function& f, Operands arguments, const EvaluateOptions& options) {
  // What is not an argument's or a constant's tensor is made here and stays where it is.
  Pointers values(f.size());
  std::vector<Tensor> made;
  made.reserve(f.size());
  std::unordered_map<std::uint32_t, std::vector<Tensor>> several;  // of nodes read through project
  const auto keep = [&](Tensor t) { return &made.emplace_back(std::move(t)); };
  Pointers in;
  for (std::uint32_t id = 0; id < f.size(); ++id) {
    const Value v{id};
    const Op op = f.op(v);
    if (op == Op::kParameter) {
      values[id] = &arguments[static_cast<std::size_t>(f.attr_as<IndexAttr>(v).index)];
      continue;
    }
    in.clear();
    for (Value u : f.operands(v)) in.push_back(values[u.id]);
    if (op == Op::kProject) {
      const auto index = static_cast<std::size_t>(f.attr_as<IndexAttr>(v).index);
      values[id] = &several.at(f.operand(v, 0).id)[index];
    } else if (is_projected(op)) {
      several[id] = is_second_order(op)
                        ? run_second_order(f, v, in, options)
                        : evaluate_results(op, in, f.attr(v), f.result_types(v), options.extended);
      continue;
    } else if (op == Op::kConstant) {
      const Tensor& value = *f.attr_as<LiteralAttr>(v).value;
      values[id] = options.extended ? keep(value.to_extended()) : &value;
    } else {
      values[id] = keep(evaluate_op(op, in, f.attr(v), f.type(v), options.extended));
    }
    if (options.observe) options.observe(f, v, *values[id]);
  }
  std::vector<Tensor> results;
  for (Value r : f.results()) results.push_back(*values[r.id]);
  return results;
}

}  // namespace

std::vector<Tensor> evaluate(const Function& f, std::span<const Tensor> arguments,
                             const EvaluateOptions& options) {
  if (arguments.size() != f.params().size()) {
    throw UserError("'" + f.name() + "' takes " + std::to_string(f.params().size()) +
                    " arguments, given " + std::to_string(arguments.size()));
  }
  std::vector<Tensor> converted;
  converted.reserve(arguments.size());
  Pointers values;
  for (std::size_t k = 0; k < arguments.size(); ++k) {
    if (arguments[k].type() != f.param_type(k)) {
      throw UserError("'" + f.name() + "', argument " + std::to_string(k) + " is " +
                      arguments[k].type().text() + ", should be " + f.param_type(k).text());
    }
    const bool fits =
        arguments[k].extended() == (options.extended && f.param_type(k).dtype == DType::kF64);
    values.push_back(fits               ? &arguments[k]
                     : options.extended ? &converted.emplace_back(arguments[k].to_extended())
                                        : &converted.emplace_back(arguments[k].to_double()));
  }
  return run(f, values, options);
}

}  // namespace cotangent::ir
