#include "cotangent/kernel/interpreter.h"

#include <algorithm>

#include "cotangent/base/error.h"
#include "cotangent/ir/evaluate_op.h"
#include "cotangent/ir/linear_algebra.h"
#include "cotangent/kernel/scalar.h"

namespace cotangent::kernel {
namespace {

class Interpreter {
 public:
  Interpreter(const Program& program, std::span<const void* const> arguments,
              std::span<void* const> results)
      : program_(program), values_(program.types.size(), 0) {
    scratch_.resize(program.buffers.size());
    for (std::size_t k = 0; k < program.buffers.size(); ++k) {
      const Buffer& b = program.buffers[k];
      const auto at = static_cast<std::size_t>(b.position);
      switch (b.kind) {
        case BufferKind::kInput:
          read_.push_back(static_cast<const std::byte*>(arguments[at]));
          break;
        case BufferKind::kOutput:
          read_.push_back(static_cast<const std::byte*>(results[at]));
          break;
        case BufferKind::kConstant: read_.push_back(b.data.data()); break;
        case BufferKind::kScratch:
        case BufferKind::kLane:
        case BufferKind::kThread:
          // Filled with a pattern, so that reading what was never written shows.
          scratch_[k].assign(static_cast<std::size_t>(b.count) * size_of(b.dtype), std::byte{0xC7});
          read_.push_back(scratch_[k].data());
          break;
      }
    }
  }

  void run() { block(program_.body); }

 private:
  std::int64_t integer(Id id) const { return static_cast<std::int64_t>(values_[id]); }

  std::int64_t checked(const Instr& i) const {
    const std::int64_t k = integer(i.operands[0]);
    if (k < 0 || k >= program_.buffers[i.buffer].count) {
      throw InternalError("kernel '" + program_.name + "': index " + std::to_string(k) +
                          " of buffer b" + std::to_string(i.buffer) + " of " +
                          std::to_string(program_.buffers[i.buffer].count));
    }
    return k;
  }

  void block(const Block& b) {
    for (const Instr& i : b.instrs) instr(i);
  }

  void instr(const Instr& i) {
    switch (i.code) {
      case Code::kConst: values_[i.result] = i.bits; break;
      case Code::kOp: {
        Bits x[3];
        for (std::size_t k = 0; k < i.operands.size(); ++k) x[k] = values_[i.operands[k]];
        values_[i.result] =
            apply_scalar(i.op, i.dtype, program_.types[i.operands.back()], {x, i.operands.size()});
        break;
      }
      case Code::kLoad:
        if (i.operands[1] != kNoId && !values_[i.operands[1]]) {
          values_[i.result] = 0;
        } else {
          values_[i.result] = read_element(read_[i.buffer], checked(i), i.dtype);
        }
        break;
      case Code::kStore:
        write_element(const_cast<std::byte*>(read_[i.buffer]), checked(i), i.dtype,
                      values_[i.operands[1]]);
        break;
      case Code::kFor: loop(i); break;
      case Code::kWhile: while_loop(i); break;
      case Code::kIf: {
        const Block* taken = values_[i.operands[0]] ? i.body.get() : i.other.get();
        if (!taken) break;
        block(*taken);
        for (std::size_t k = 0; k < i.results.size(); ++k) {
          values_[i.results[k]] = values_[taken->yields[k]];
        }
        break;
      }
      case Code::kCall: call(i); break;
    }
  }

  /// Elements of array `k` of a call, in row-major order of batch, rows, columns.
  template <class Visit>
  void each_element(const Instr& i, std::size_t k, Visit visit) {
    const LibraryCall::Array& a = i.call->arrays[k];
    std::vector<std::int64_t> lengths = i.call->batch;
    lengths.push_back(a.rows);
    lengths.push_back(a.columns);
    const Shape shape{std::span<const std::int64_t>(lengths)};
    const std::int64_t base = i.operands[k] == kNoId ? 0 : integer(i.operands[k]);
    for (std::int64_t e = 0; e < shape.size(); ++e) {
      std::int64_t rest = e, at = base;
      for (int axis = shape.rank(); axis-- > 0;) {
        at += rest % shape[axis] * a.strides[static_cast<std::size_t>(axis)];
        rest /= shape[axis];
      }
      if (at < 0 || at >= program_.buffers[a.buffer].count) {
        throw InternalError("kernel '" + program_.name + "': a call reaches outside buffer b" +
                            std::to_string(a.buffer));
      }
      visit(e, at);
    }
  }

  /// By the evaluator's own code: what the library gives is near to it.
  void call(const Instr& i) {
    const LibraryCall& c = *i.call;
    std::vector<ir::Tensor> operands, results;
    std::vector<ir::Type> types;
    for (std::size_t k = 0; k < c.arrays.size(); ++k) {
      const LibraryCall::Array& a = c.arrays[k];
      const DType t = program_.buffers[a.buffer].dtype;
      std::vector<std::int64_t> lengths = c.batch;
      const bool vector = a.written && a.rows == 1 && a.strides[c.batch.size()] == 0;
      if (!vector) lengths.push_back(a.rows);
      lengths.push_back(a.columns);
      const ir::Type type{t, Shape(std::span<const std::int64_t>(lengths))};
      if (a.written) {
        types.push_back(type);
        continue;
      }
      ir::Tensor in(type);
      each_element(i, k, [&](std::int64_t e, std::int64_t at) {
        write_element(in.data(), e, t, read_element(read_[a.buffer], at, t));
      });
      operands.push_back(std::move(in));
    }
    if (c.op == ir::Op::kDotGeneral) {
      ir::DotAttr attr;
      const auto rank = static_cast<std::int64_t>(c.batch.size());
      for (std::int64_t k = 0; k < rank; ++k) attr.batch_x.push_back(k), attr.batch_y.push_back(k);
      attr.contract_x = {rank + 1};
      attr.contract_y = {rank};
      results.push_back(ir::evaluate_op(c.op, ir::addresses(operands), attr, types[0], false));
    } else if (c.op == ir::Op::kTriangularSolve) {
      const ir::SolveAttr attr{c.lower, c.transposed, c.unit_diagonal, c.pairs};
      results = ir::evaluate_linear_algebra(c.op, ir::addresses(operands), attr, types, false);
    } else {
      results = ir::evaluate_linear_algebra(c.op, ir::addresses(operands), ir::FactorAttr{c.pairs},
                                            types, false);
    }
    for (std::size_t r = 0; r < results.size(); ++r) {
      const std::size_t k = operands.size() + r;
      const LibraryCall::Array& a = c.arrays[k];
      const DType t = program_.buffers[a.buffer].dtype;
      each_element(i, k, [&](std::int64_t e, std::int64_t at) {
        write_element(const_cast<std::byte*>(read_[a.buffer]), at, t,
                      read_element(results[r].data(), e, t));
      });
    }
  }

  void while_loop(const Instr& i) {
    std::vector<Bits> carried;
    for (std::size_t k = 1; k < i.operands.size(); ++k) carried.push_back(values_[i.operands[k]]);
    bool goes_on = values_[i.operands[0]] != 0;
    while (goes_on) {
      for (std::size_t a = 0; a < carried.size(); ++a) values_[i.args[a]] = carried[a];
      block(*i.body);
      goes_on = values_[i.body->yields[0]] != 0;
      for (std::size_t a = 0; a < carried.size(); ++a) carried[a] = values_[i.body->yields[a + 1]];
    }
    for (std::size_t a = 0; a < carried.size(); ++a) values_[i.results[a]] = carried[a];
  }

  void loop(const Instr& i) {
    const std::int64_t lo = integer(i.operands[0]), hi = integer(i.operands[1]);
    const bool skips = i.operands[2] != kNoId;
    const std::int64_t skip = skips ? integer(i.operands[2]) : 0;
    std::vector<Bits> carried;
    for (std::size_t k = 3; k < i.operands.size(); ++k) carried.push_back(values_[i.operands[k]]);
    for (std::int64_t k = lo; k < hi; ++k) {
      if (skips && k == skip) continue;
      values_[i.index] = static_cast<Bits>(k);
      if (is_simd(i.kind)) forget(BufferKind::kLane);
      if (i.kind == ForKind::kShared) forget(BufferKind::kThread);
      for (std::size_t a = 0; a < carried.size(); ++a) values_[i.args[a]] = carried[a];
      block(*i.body);
      for (std::size_t a = 0; a < carried.size(); ++a) carried[a] = values_[i.body->yields[a]];
    }
    for (std::size_t a = 0; a < carried.size(); ++a) values_[i.results[a]] = carried[a];
  }

  void forget(BufferKind kind) {
    for (std::size_t k = 0; k < scratch_.size(); ++k) {
      if (program_.buffers[k].kind == kind) {
        std::fill(scratch_[k].begin(), scratch_[k].end(), std::byte{0xC7});
      }
    }
  }

  const Program& program_;
  std::vector<Bits> values_;
  std::vector<std::vector<std::byte>> scratch_;
  std::vector<const std::byte*> read_;
};

}  // namespace

void interpret(const Program& program, std::span<const void* const> arguments,
               std::span<void* const> results) {
  Interpreter(program, arguments, results).run();
}

}  // namespace cotangent::kernel
