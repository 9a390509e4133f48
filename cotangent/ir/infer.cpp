// Type inference: one rule a family of ops. Messages start with the op in brackets.
#include <algorithm>

#include "cotangent/ir/builder.h"
#include "cotangent/ir/fft.h"
#include "cotangent/ir/linear_algebra.h"
#include "cotangent/ir/philox.h"

namespace cotangent::ir {
namespace {

[[noreturn]] void refuse(Op op, const std::string& message) {
  throw UserError("[" + std::string(name_of(op)) + "] " + message);
}

void want(bool condition, Op op, const std::string& message) {
  if (!condition) refuse(op, message);
}

std::string list(std::span<const Type> types) {
  std::string text;
  for (std::size_t k = 0; k < types.size(); ++k) {
    text += (k == 0 ? "" : k + 1 == types.size() ? " and " : ", ") + types[k].text();
  }
  return text;
}

template <class A>
const A& attribute(Op op, const Attr& attr) {
  const A* found = std::get_if<A>(&attr);
  if (!found) throw InternalError("[" + std::string(name_of(op)) + "] has the wrong attribute");
  return *found;
}

/// Whether operand k may have a storage type.
bool takes_storage(Op op, std::size_t k) {
  if (op == Op::kGather) return k == 0;
  if (op == Op::kScatterSet) return k < 2;
  return moves_elements(op);
}

[[noreturn]] void refuse_storage(Op op, const Type& t) {
  throw UserError("[" + std::string(name_of(op)) + "] does not compute with " + t.text() + ": " +
                      std::string(name_of(t.dtype)) + " is a storage type",
                  std::string("cast to ") + (is_storage_float(t.dtype) ? "f32" : "i32") + " first");
}

Type infer_elementwise(Op op, std::span<const Type> in, const Type& hint) {
  if (op == Op::kCast) return in[0].with_dtype(hint.dtype);
  if (op == Op::kBitcast) {
    want(size_of(in[0].dtype) == size_of(hint.dtype) && !is_bool(in[0].dtype) &&
             !is_bool(hint.dtype),
         op, "sizes differ: " + in[0].text() + " to " + std::string(name_of(hint.dtype)));
    return in[0].with_dtype(hint.dtype);
  }
  if (op == Op::kSelect) {
    if (!is_bool(in[0].dtype)) refuse(op, "the predicate is " + in[0].text() + ", not bool");
    if (in[1] != in[2]) refuse(op, "branches differ: " + in[1].text() + " and " + in[2].text());
    if (in[0].shape != in[1].shape) {
      refuse(op, "the predicate is " + in[0].text() + ", the branches " + in[1].text());
    }
    return in[1];
  }
  // The most frequent path of the builder: messages are put together only when wanted.
  for (const Type& t : in) {
    if (t.dtype != in[0].dtype) refuse(op, "element types differ: " + list(in));
    if (t.shape != in[0].shape) refuse(op, "shapes differ: " + list(in));
  }
  if (!accepts(op, in[0].dtype)) refuse(op, "does not take " + in[0].text());
  const OpDomain domain = info(op).domain;
  const bool gives_bool = domain == OpDomain::kCompare || domain == OpDomain::kTest;
  return gives_bool ? in[0].with_dtype(DType::kBool) : in[0];
}

void want_axes(Op op, const Dims& axes, int rank, bool ascending) {
  for (std::size_t k = 0; k < axes.size(); ++k) {
    if (axes[k] < 0 || axes[k] >= rank) {
      refuse(op, "axis " + std::to_string(axes[k]) + " of an array with " + std::to_string(rank) +
                     " axes");
    }
    if (ascending && k) want(axes[k - 1] < axes[k], op, "axes are not in ascending order");
  }
}

Type infer_reduce(Op op, const Type& in, const AxesAttr& attr) {
  want(accepts(op, in.dtype), op, "does not take " + in.text());
  want_axes(op, attr.axes, in.shape.rank(), true);
  Dims kept;
  for (int k = 0; k < in.shape.rank(); ++k) {
    if (std::find(attr.axes.begin(), attr.axes.end(), k) == attr.axes.end()) {
      kept.push_back(in.shape[k]);
    }
  }
  return in.with_shape(Shape(kept));
}

Type infer_shape_op(Op op, std::span<const Type> in, const Attr& attr, const Type& hint) {
  const Type& x = in[0];
  const int rank = x.shape.rank();
  const auto want_rank = [&](const Dims& dims) {
    want(static_cast<int>(dims.size()) == rank, op, "one entry an axis is wanted for " + x.text());
  };
  switch (op) {
    case Op::kReshape:
      want(x.size() == hint.size(), op, "sizes differ: " + x.text() + " to " + hint.shape.text());
      return x.with_shape(hint.shape);
    case Op::kTranspose: {
      const Dims& perm = attribute<AxesAttr>(op, attr).axes;
      want_rank(perm);
      Dims sorted = perm, out;
      std::sort(sorted.begin(), sorted.end());
      for (int k = 0; k < rank; ++k) {
        want(sorted[static_cast<std::size_t>(k)] == k, op, "not a permutation of the axes");
      }
      for (std::int64_t axis : perm) out.push_back(x.shape[static_cast<int>(axis)]);
      return x.with_shape(Shape(out));
    }
    case Op::kBroadcast: {
      const Dims& dims = attribute<AxesAttr>(op, attr).axes;
      want_rank(dims);
      want_axes(op, dims, hint.shape.rank(), true);
      for (int k = 0; k < rank; ++k) {
        if (x.shape[k] != hint.shape[static_cast<int>(dims[static_cast<std::size_t>(k)])]) {
          refuse(op, x.text() + " does not fit " + hint.shape.text());
        }
      }
      return x.with_shape(hint.shape);
    }
    case Op::kSlice: {
      const auto& a = attribute<SliceAttr>(op, attr);
      want_rank(a.start), want_rank(a.limit), want_rank(a.stride);
      Dims out;
      for (int k = 0; k < rank; ++k) {
        const auto i = static_cast<std::size_t>(k);
        want(0 <= a.start[i] && a.start[i] <= a.limit[i] && a.limit[i] <= x.shape[k] &&
                 a.stride[i] >= 1,
             op,
             "[" + std::to_string(a.start[i]) + ":" + std::to_string(a.limit[i]) + ":" +
                 std::to_string(a.stride[i]) + "] on axis " + std::to_string(k) + " of " +
                 x.text());
        const std::int64_t length = a.limit[i] - a.start[i];
        out.push_back(length ? (length - 1) / a.stride[i] + 1 : 0);
      }
      return x.with_shape(Shape(out));
    }
    case Op::kPad: {
      const auto& a = attribute<PadAttr>(op, attr);
      want_rank(a.low), want_rank(a.high), want_rank(a.interior);
      want(in[1] == scalar(x.dtype), op,
           "the value is " + in[1].text() + ", the array " + x.text());
      Dims out;
      for (int k = 0; k < rank; ++k) {
        const auto i = static_cast<std::size_t>(k);
        want(a.low[i] >= 0 && a.high[i] >= 0 && a.interior[i] >= 0, op, "negative padding");
        const std::int64_t gaps =
            x.shape[k] > 0 ? length_product(x.shape[k] - 1, a.interior[i]) : 0;
        out.push_back(length_sum(length_sum(a.low[i], x.shape[k]), length_sum(gaps, a.high[i])));
      }
      return x.with_shape(Shape(out));
    }
    case Op::kConcatenate: {
      const Dims& axes = attribute<AxesAttr>(op, attr).axes;
      want(axes.size() == 1, op, "one axis is wanted");
      want_axes(op, axes, rank, true);
      Dims out(x.shape.begin(), x.shape.end());
      std::int64_t total = 0;
      for (const Type& t : in) {
        bool fits = t.dtype == x.dtype && t.shape.rank() == rank;
        for (int k = 0; fits && k < rank; ++k) fits = k == axes[0] || t.shape[k] == x.shape[k];
        want(fits, op, "parts differ off the axis: " + list(in));
        total = length_sum(total, t.shape[static_cast<int>(axes[0])]);
      }
      out[static_cast<std::size_t>(axes[0])] = total;
      return x.with_shape(Shape(out));
    }
    case Op::kReverse: want_axes(op, attribute<AxesAttr>(op, attr).axes, rank, true); return x;
    default: throw InternalError("no shape rule");
  }
}

/// S + rest for `r` index types over operand x.
Shape gathered_shape(Op op, const Type& x, std::span<const Type> indices) {
  const int r = static_cast<int>(indices.size());
  want(r >= 1 && r <= x.shape.rank(), op, std::to_string(r) + " index arrays for " + x.text());
  for (const Type& t : indices) {
    want(is_integer(t.dtype), op, "an index is " + t.text() + ", not an integer");
    want(t.shape == indices[0].shape, op, "index shapes differ: " + list(indices));
  }
  Dims out(indices[0].shape.begin(), indices[0].shape.end());
  for (int k = r; k < x.shape.rank(); ++k) out.push_back(x.shape[k]);
  for (int k = 0; k < r; ++k) {
    want(x.shape[k] > 0 || indices[0].size() == 0, op, "reads from an empty axis of " + x.text());
  }
  return Shape(out);
}

Type infer_dot(std::span<const Type> in, const DotAttr& a) {
  const Op op = Op::kDotGeneral;
  const Type &x = in[0], &y = in[1];
  want(x.dtype == y.dtype && !is_bool(x.dtype), op, "does not take " + list(in));
  want(a.batch_x.size() == a.batch_y.size() && a.contract_x.size() == a.contract_y.size(), op,
       "axis lists differ in length");
  const auto pairs = [&](const Dims& u, const Dims& v) {
    for (std::size_t k = 0; k < u.size(); ++k) {
      want(u[k] >= 0 && u[k] < x.shape.rank() && v[k] >= 0 && v[k] < y.shape.rank(), op,
           "axis out of range for " + list(in));
      want(x.shape[static_cast<int>(u[k])] == y.shape[static_cast<int>(v[k])], op,
           "paired axes differ in length: " + list(in));
    }
  };
  pairs(a.batch_x, a.batch_y);
  pairs(a.contract_x, a.contract_y);
  Dims out;
  for (std::int64_t k : a.batch_x) out.push_back(x.shape[static_cast<int>(k)]);
  const auto free_axes = [&](const Type& t, const Dims& batch, const Dims& contract) {
    Dims used = batch;
    used.insert(used.end(), contract.begin(), contract.end());
    std::sort(used.begin(), used.end());
    want(std::adjacent_find(used.begin(), used.end()) == used.end(), op, "an axis is named twice");
    for (int k = 0; k < t.shape.rank(); ++k) {
      if (!std::binary_search(used.begin(), used.end(), k)) out.push_back(t.shape[k]);
    }
  };
  free_axes(x, a.batch_x, a.contract_x);
  free_axes(y, a.batch_y, a.contract_y);
  return x.with_shape(Shape(out));
}

Type infer_scan(Op op, const Type& x, const Dims& axes) {
  want(is_number(x.dtype), op, "does not take " + x.text());
  want(axes.size() == 1, op, "one axis is wanted");
  want_axes(op, axes, x.shape.rank(), true);
  return op == Op::kArgsort ? x.with_dtype(DType::kI64) : x;
}

Type infer_random_bits(std::span<const Type> in, const RandomAttr& attr, const Type& type) {
  const Op op = Op::kRandomBits;
  for (const Type& t : in) {
    want(t == scalar(DType::kU64) || t == scalar(DType::kU32), op,
         "seed, member and step are scalars of u64 or u32, given " + list(in));
  }
  want(type.dtype == DType::kU32 || type.dtype == DType::kU64, op,
       "gives u32 or u64, not " + type.text());
  want(attr.site >= 0 && attr.site <= kMaxRandomSite, op,
       "site " + std::to_string(attr.site) + " is not in 0.." + std::to_string(kMaxRandomSite));
  want(type.bytes() <= 16 * kMaxRandomBlocks, op, type.text() + " is too large for one draw");
  return type;
}

void want_param(Op op, const Function& body, std::size_t k, const Type& type) {
  want(k < body.params().size(), op, "the body takes too few parameters");
  want(body.param_type(k) == type, op,
       "body parameter " + std::to_string(k) + " is " + body.param_type(k).text() + ", given " +
           type.text());
}

Type row_type(Op op, const Type& t, std::int64_t count) {
  want(t.shape.rank() >= 1 && t.shape[0] == count, op,
       "a row operand is " + t.text() + ", its first axis should have length " +
           std::to_string(count));
  return t.with_shape(t.shape.row());
}

std::vector<Type> infer_map(std::span<const Type> in, const MapAttr& a) {
  const Op op = Op::kMap;
  const Function& body = *a.body;
  want(a.count >= 0 && a.rows >= 0 && a.rows <= static_cast<std::int64_t>(in.size()), op,
       "bad counts");
  want(body.params().size() == in.size() + 1, op, "the body takes another number of parameters");
  want(a.roles.size() == body.results().size(), op, "one role a result is wanted");
  want_param(op, body, 0, scalar(DType::kI64));
  for (std::size_t k = 0; k < in.size(); ++k) {
    const bool row = static_cast<std::int64_t>(k) < a.rows;
    want_param(op, body, k + 1, row ? row_type(op, in[k], a.count) : in[k]);
  }
  std::vector<Type> out;
  for (std::size_t k = 0; k < a.roles.size(); ++k) {
    const Type t = body.result_type(k);
    want(a.roles[k] == Role::kStack || a.roles[k] == Role::kTotal, op, "role is stack or total");
    want(a.roles[k] == Role::kStack || is_number(t.dtype), op,
         "cannot sum " + std::string(name_of(t.dtype)));
    out.push_back(a.roles[k] == Role::kStack ? t.with_shape(t.shape.with_leading(a.count)) : t);
  }
  return out;
}

void want_params(Op op, const Function& body, std::span<const Type> in, const std::string& which) {
  want(body.params().size() == in.size(), op,
       which + " takes " + std::to_string(body.params().size()) + " parameters, given " +
           std::to_string(in.size()));
  for (std::size_t k = 0; k < in.size(); ++k) want_param(op, body, k, in[k]);
}

void want_results(Op op, const Function& body, std::span<const Type> out,
                  const std::string& which) {
  bool same = body.results().size() == out.size();
  for (std::size_t k = 0; same && k < out.size(); ++k) same = body.result_type(k) == out[k];
  if (same) return;
  std::vector<Type> given;
  for (std::size_t k = 0; k < body.results().size(); ++k) given.push_back(body.result_type(k));
  refuse(op, which + " gives " + (given.empty() ? "nothing" : list(given)) + ", wanted is " +
                 (out.empty() ? "nothing" : list(out)));
}

std::vector<Type> infer_loop(std::span<const Type> in, const LoopAttr& a) {
  const Op op = Op::kLoop;
  const Function& body = *a.body;
  const auto n = static_cast<std::size_t>(a.invariants + a.carries + a.inputs);
  want(a.trip >= 0 && a.invariants >= 0 && a.carries >= 0 && a.inputs >= 0, op, "bad counts");
  want(in.size() == n + (a.dynamic ? 2 : 0), op, "another number of operands");
  want(body.params().size() == n + 1, op, "the body takes another number of parameters");
  want(body.results().size() == static_cast<std::size_t>(a.carries) + a.every.size(), op,
       "the body gives another number of results");
  want_param(op, body, 0, scalar(DType::kI64));
  const auto first_input = static_cast<std::size_t>(a.invariants + a.carries);
  for (std::size_t k = 0; k < n; ++k) {
    want_param(op, body, k + 1, k < first_input ? in[k] : row_type(op, in[k], a.trip));
  }
  if (a.dynamic) {
    want(in[n] == scalar(DType::kI64) && in[n + 1] == scalar(DType::kI64), op,
         "first and count are i64 scalars");
  }
  const bool numbered = a.keep.kind == KeepKind::kEvery || a.keep.kind == KeepKind::kBinomial;
  want(a.keep.number >= (numbered ? 1 : 0), op, "a number of kept steps is at least 1");
  want(numbered || a.keep.kind == KeepKind::kAuto || a.keep.number == 0, op,
       "keep=all and keep=reverse take no number");
  want(a.keep.kind != KeepKind::kReverse || a.inverse, op, "keep=reverse wants an inverse");
  if (a.inverse) {
    std::vector<Type> params, results;
    for (std::size_t k = 0; k <= n; ++k) params.push_back(body.param_type(k));
    for (std::size_t k = 0; k < static_cast<std::size_t>(a.carries); ++k) {
      results.push_back(in[static_cast<std::size_t>(a.invariants) + k]);
    }
    want_params(op, *a.inverse, params, "the inverse");
    want_results(op, *a.inverse, results, "the inverse");
  }
  std::vector<Type> out;
  for (std::size_t k = 0; k < static_cast<std::size_t>(a.carries); ++k) {
    const Type& carry = in[static_cast<std::size_t>(a.invariants) + k];
    want(body.result_type(k) == carry, op,
         "carry " + std::to_string(k) + " is " + carry.text() + " and becomes " +
             body.result_type(k).text());
    out.push_back(carry);
  }
  for (std::size_t k = 0; k < a.every.size(); ++k) {
    want(a.every[k] >= 1, op, "every is at least 1");
    const Type t = body.result_type(static_cast<std::size_t>(a.carries) + k);
    out.push_back(t.with_shape(t.shape.with_leading((a.trip + a.every[k] - 1) / a.every[k])));
  }
  return out;
}

std::vector<Type> results_of(const Function& f) {
  std::vector<Type> out;
  for (std::size_t k = 0; k < f.results().size(); ++k) out.push_back(f.result_type(k));
  return out;
}

std::vector<Type> infer_while(std::span<const Type> in, const WhileAttr& a) {
  const Op op = Op::kWhile;
  want(a.invariants >= 0 && a.carries >= 0 && a.limit >= 0 &&
           static_cast<std::int64_t>(in.size()) == a.invariants + a.carries,
       op, "bad counts");
  std::vector<Type> inside{scalar(DType::kI64)};
  inside.insert(inside.end(), in.begin(), in.end());
  want_params(op, *a.condition, inside, "the condition");
  want_params(op, *a.body, inside, "the body");
  const Type truth = scalar(DType::kBool);
  want_results(op, *a.condition, std::span(&truth, 1), "the condition");
  want(!a.condition->has_checks(), op, "the condition holds a check; it belongs into the body");
  std::vector<Type> out(in.begin() + a.invariants, in.end());
  want_results(op, *a.body, out, "the body");
  out.push_back(scalar(DType::kI64));
  return out;
}

std::vector<Type> infer_cond(std::span<const Type> in, const CondAttr& a) {
  const Op op = Op::kCond;
  want(!in.empty(), op, "a predicate is wanted");
  want(in[0] == scalar(DType::kBool), op, "the predicate is " + in[0].text() + ", not one bool");
  want_params(op, *a.on_true, in.subspan(1), "the branch taken where it is true");
  want_params(op, *a.on_false, in.subspan(1), "the branch taken where it is false");
  const std::vector<Type> out = results_of(*a.on_true);
  want_results(op, *a.on_false, out, "the branch taken where it is false");
  return out;
}

void append_real(std::vector<Type>& to, std::span<const Type> from) {
  for (const Type& t : from) {
    if (is_float(t.dtype)) to.push_back(t);
  }
}

std::vector<Type> infer_call(std::span<const Type> in, const CallAttr& a) {
  const Op op = Op::kCall;
  want_params(op, *a.body, in, "the body");
  const std::vector<Type> out = results_of(*a.body);
  if (a.linear) {
    want(a.vjp && !a.jvp && a.vjp->results().size() <= in.size(), op,
         "a linear call is known by its vjp");
    const std::vector<Type> back = results_of(*a.vjp);
    std::vector<Type> given(in.begin(), in.end() - static_cast<std::ptrdiff_t>(back.size()));
    want(std::equal(back.begin(), back.end(), in.end() - static_cast<std::ptrdiff_t>(back.size())),
         op, "the vjp gives other cotangents than there are tangents");
    given.insert(given.end(), out.begin(), out.end());
    want_params(op, *a.vjp, given, "the vjp");
    return out;
  }
  if (a.equation) {
    want(out.size() == 1 && !in.empty() && in.back() == out[0] && is_float(out[0].dtype), op,
         "linear equations have a right side and a solution of one real type");
    want(a.vjp && !a.jvp && !a.linear, op,
         "linear equations have a vjp, which solves the transpose");
    for (const auto& [f, which] : {std::pair{a.equation, "the equation"}, {a.vjp, "the vjp"}}) {
      want_params(op, *f, in, which);
      want_results(op, *f, out, which);
    }
    return out;
  }
  std::vector<Type> tangents;
  append_real(tangents, in);
  if (a.jvp) {
    std::vector<Type> given(in.begin(), in.end()), wanted;
    const bool by_results = a.jvp->params().size() == in.size() + out.size() + tangents.size();
    std::vector<Type>& with_results = by_results ? given : wanted;
    with_results.insert(with_results.end(), out.begin(), out.end());
    given.insert(given.end(), tangents.begin(), tangents.end());
    append_real(wanted, out);
    want_params(op, *a.jvp, given, "the jvp");
    want_results(op, *a.jvp, wanted, "the jvp");
  }
  if (a.vjp) {
    std::vector<Type> given(in.begin(), in.end());
    given.insert(given.end(), out.begin(), out.end());
    append_real(given, out);
    want_params(op, *a.vjp, given, "the vjp");
    want_results(op, *a.vjp, tangents, "the vjp");
  }
  return out;
}

Type infer_check(std::span<const Type> in, const CheckAttr& a) {
  const Op op = Op::kCheck;
  want(in.size() == 2 || in.size() == 3, op, "takes a predicate, a value and maybe a payload");
  want(is_bool(in[0].dtype), op, "the predicate is " + in[0].text() + ", not bool");
  want(in.size() == 2 || in[2] == scalar(DType::kI64), op,
       "the payload is " + in.back().text() + ", not one i64");
  want(a.site >= 0, op, "a site is not negative");
  return in[1];
}

std::vector<Type> infer_pair_sum(std::span<const Type> in, const PairAttr& a) {
  const Op op = Op::kPairSum;
  const Function& body = *a.body;
  const std::int64_t rows = a.rows_i + a.rows_j;
  want(a.count >= 0 && a.rows_i >= 0 && a.rows_j >= 0 &&
           rows <= static_cast<std::int64_t>(in.size()),
       op, "bad counts");
  want(body.params().size() == in.size() + 2, op, "the body takes another number of parameters");
  want(a.roles.size() == body.results().size(), op, "one role a result is wanted");
  want_param(op, body, 0, scalar(DType::kI64));
  want_param(op, body, 1, scalar(DType::kI64));
  for (std::size_t k = 0; k < in.size(); ++k) {
    const bool row = static_cast<std::int64_t>(k) < rows;
    want_param(op, body, k + 2, row ? row_type(op, in[k], a.count) : in[k]);
  }
  std::vector<Type> out;
  for (std::size_t k = 0; k < a.roles.size(); ++k) {
    const Type t = body.result_type(k);
    want(a.roles[k] != Role::kStack, op, "role is total, at i or at j");
    want(is_number(t.dtype), op, "cannot sum " + std::string(name_of(t.dtype)));
    out.push_back(a.roles[k] == Role::kTotal ? t : t.with_shape(t.shape.with_leading(a.count)));
  }
  return out;
}

std::vector<Type> infer_types(Op op, std::span<const Type> in, const Attr& attr, const Type& hint) {
  const OpInfo& entry = info(op);
  for (std::size_t k = 0; k < in.size(); ++k) {
    if (is_storage(in[k].dtype) && !takes_storage(op, k)) refuse_storage(op, in[k]);
  }
  if (entry.arity >= 0 && static_cast<int>(in.size()) != entry.arity) {
    refuse(op, "takes " + std::to_string(entry.arity) + " operands, given " +
                   std::to_string(in.size()));
  }
  switch (entry.kind) {
    case OpKind::kElementwise: return {infer_elementwise(op, in, hint)};
    case OpKind::kReduce: return {infer_reduce(op, in[0], attribute<AxesAttr>(op, attr))};
    case OpKind::kShape:
      want(!in.empty(), op, "takes at least one operand");
      return {infer_shape_op(op, in, attr, hint)};
    case OpKind::kContract: return {infer_dot(in, attribute<DotAttr>(op, attr))};
    case OpKind::kIndex: {
      const std::size_t first_index = op == Op::kGather ? 1 : 2;
      want(in.size() > first_index, op, "takes at least one index array");
      const Shape shape = gathered_shape(op, in[0], in.subspan(first_index));
      if (op == Op::kGather) return {in[0].with_shape(shape)};
      want(in[1] == in[0].with_shape(shape), op,
           "updates are " + in[1].text() + ", should be " + in[0].with_shape(shape).text());
      want(op == Op::kScatterSet || !is_bool(in[0].dtype), op, "cannot add bool");
      return {in[0]};
    }
    case OpKind::kLeaf: {
      if (op == Op::kConstant) return {attribute<LiteralAttr>(op, attr).value->type()};
      if (op == Op::kIota) {
        const Dims& axes = attribute<AxesAttr>(op, attr).axes;
        want(axes.size() == 1 && is_number(hint.dtype), op,
             "one axis and a numeric type are wanted");
        want_axes(op, axes, hint.shape.rank(), true);
      }
      return {hint};
    }
    case OpKind::kSecondOrder:
      if (op == Op::kMap) return infer_map(in, attribute<MapAttr>(op, attr));
      if (op == Op::kLoop) return infer_loop(in, attribute<LoopAttr>(op, attr));
      if (op == Op::kPairSum) return infer_pair_sum(in, attribute<PairAttr>(op, attr));
      if (op == Op::kWhile) return infer_while(in, attribute<WhileAttr>(op, attr));
      if (op == Op::kCond) return infer_cond(in, attribute<CondAttr>(op, attr));
      if (op == Op::kCall) return infer_call(in, attribute<CallAttr>(op, attr));
      throw InternalError("project is made by Builder::project");
    case OpKind::kLinearAlgebra: return infer_linear_algebra(op, in, attr);
    case OpKind::kFourier: return infer_fft(in, attribute<FftAttr>(op, attr));
    case OpKind::kCheck: return {infer_check(in, attribute<CheckAttr>(op, attr))};
    case OpKind::kScan: return {infer_scan(op, in[0], attribute<AxesAttr>(op, attr).axes)};
    case OpKind::kRandom: return {infer_random_bits(in, attribute<RandomAttr>(op, attr), hint)};
  }
  throw InternalError("no type rule");
}

}  // namespace

std::vector<Type> infer(Op op, std::span<const Type> in, const Attr& attr, const Type& hint) {
  try {
    return infer_types(op, in, attr, hint);
  } catch (const ShapeError& e) {
    e.throw_as(name_of(op));
  }
}

}  // namespace cotangent::ir
