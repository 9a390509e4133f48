#include "cotangent/kernel/lower.h"

#include <algorithm>

#include "cotangent/ir/builder.h"
#include "cotangent/kernel/lowering.h"
#include "cotangent/transform/control.h"
#include "cotangent/transform/passes.h"

namespace cotangent::kernel {

using ir::Op;
using ir::Role;

ir::FunctionPtr split_totals(const ir::FunctionPtr& f) {
  const auto has_total = [](const std::vector<Role>& roles) {
    return std::find(roles.begin(), roles.end(), Role::kTotal) != roles.end();
  };
  bool any = false;
  for (std::uint32_t id = 0; id < f->size(); ++id) {
    const Value v{id};
    if (f->op(v) == Op::kMap) any = any || has_total(f->attr_as<ir::MapAttr>(v).roles);
    if (f->op(v) == Op::kPairSum) any = any || has_total(f->attr_as<ir::PairAttr>(v).roles);
  }
  if (!any) return f;
  ir::Builder b(f->name());
  std::vector<Value> now(f->size());
  for (std::uint32_t id = 0; id < f->size(); ++id) {
    const Value v{id};
    std::vector<Value> operands;
    for (Value u : f->operands(v)) operands.push_back(now[u.id]);
    if (f->op(v) == Op::kMap && has_total(f->attr_as<ir::MapAttr>(v).roles)) {
      ir::MapAttr a = f->attr_as<ir::MapAttr>(v);
      std::replace(a.roles.begin(), a.roles.end(), Role::kTotal, Role::kStack);
      now[id] = b.make(Op::kMap, operands, a);
    } else if (f->op(v) == Op::kPairSum && has_total(f->attr_as<ir::PairAttr>(v).roles)) {
      ir::PairAttr a = f->attr_as<ir::PairAttr>(v);
      std::replace(a.roles.begin(), a.roles.end(), Role::kTotal, Role::kAtI);
      now[id] = b.make(Op::kPairSum, operands, a);
    } else if (f->op(v) == Op::kProject) {
      const Value node = f->operand(v, 0);
      const std::int64_t index = f->attr_as<ir::IndexAttr>(v).index;
      now[id] = b.project(operands[0], index);
      const auto at = static_cast<std::size_t>(index);
      const bool total =
          (f->op(node) == Op::kMap && f->attr_as<ir::MapAttr>(node).roles[at] == Role::kTotal) ||
          (f->op(node) == Op::kPairSum && f->attr_as<ir::PairAttr>(node).roles[at] == Role::kTotal);
      if (total) now[id] = b.reduce_sum(now[id], {0});
    } else if (f->op(v) == Op::kParameter) {
      now[id] = b.param(f->type(v));
    } else {
      now[id] = b.copy(*f, v, operands);
    }
  }
  std::vector<Value> results;
  for (Value r : f->results()) results.push_back(now[r.id]);
  return b.finish(results);
}

/// Copies [N, d] parameters that a second-order op reads into planes, once; but not for a map over
/// their rows, whose lanes read each element one time only.
void Lowering::pack_params(Frame& fr) {
  const Function& f = *fr.f;
  std::vector<char> wanted(f.size(), 0);
  for (std::uint32_t id = 0; id < f.size(); ++id) {
    const Value v{id};
    if (!ir::is_second_order(f.op(v))) continue;
    const auto operands = f.operands(v);
    std::size_t begin = 0, end = 0;  // carries are copied anyway
    if (f.op(v) == Op::kLoop) {
      const auto& a = f.attr_as<ir::LoopAttr>(v);
      begin = static_cast<std::size_t>(a.invariants);
      end = begin + static_cast<std::size_t>(a.carries);
    }
    if (f.op(v) == Op::kWhile) {
      begin = static_cast<std::size_t>(f.attr_as<ir::WhileAttr>(v).invariants);
      end = operands.size();
    }
    if (f.op(v) == Op::kMap) {
      const auto& a = f.attr_as<ir::MapAttr>(v);
      end = makes_small_products(*a.body) ? operands.size() : static_cast<std::size_t>(a.rows);
    }
    for (std::size_t k = 0; k < operands.size(); ++k) {
      if (k < begin || k >= end) wanted[operands[k].id] = 1;
    }
  }
  for (Value p : f.params()) {
    const ir::Type t = f.type(p);
    const int axis = layout_of(t.shape).simd_axis;
    if (!wanted[p.id] || axis < 0 || axis == t.shape.rank() - 1) continue;
    Ref planes = new_buffer(t, "planes of a parameter");
    copy_into(fr, p, planes);
    touch(planes);
    fr.refs[p.id] = planes;
  }
}

namespace {

/// Kernels have no code of their own for these; the standard passes leave none.
ir::FunctionPtr without_data_ops(const ir::FunctionPtr& f) {
  const bool any = f->contains_op([](Op op) {
    const ir::OpKind kind = ir::info(op).kind;
    return kind == ir::OpKind::kScan || kind == ir::OpKind::kRandom;
  });
  return any ? transform::expand_scans(*transform::expand_random(*f)) : f;
}

}  // namespace

void Lowering::lower_function(const ir::FunctionPtr& given) {
  const ir::FunctionPtr f = split_totals(without_data_ops(given));
  const std::uint32_t start = b.new_version();
  ensure(start == 0, "lowering: the first version");
  Frame& fr = new_frame(f, false);
  program_.name = f->name();
  program_.inputs = f->params().size();
  program_.outputs = f->results().size();
  for (std::size_t k = 0; k < f->params().size(); ++k) {
    const ir::Type t = f->param_type(k);
    Buffer buffer;
    buffer.kind = BufferKind::kInput;
    buffer.dtype = t.dtype;
    buffer.count = t.size();
    buffer.position = static_cast<std::int64_t>(k);
    buffer.note = t.text();
    Ref& ref = fr.refs[f->params()[k].id];
    ref.kind = Ref::Kind::kBuffer;
    ref.buffer = b.add_buffer(std::move(buffer));
    ref.strides = row_major(t.shape);
    version_of_buffer_[ref.buffer] = 0;
  }
  std::vector<Want> wants;
  for (std::size_t k = 0; k < f->results().size(); ++k) {
    const ir::Type t = f->result_type(k);
    Buffer buffer;
    buffer.kind = BufferKind::kOutput;
    buffer.dtype = t.dtype;
    buffer.count = t.size();
    buffer.position = static_cast<std::int64_t>(k);
    buffer.note = t.text();
    Want w;
    w.value = f->results()[k];
    w.has_dest = true;
    w.dest.kind = Ref::Kind::kBuffer;
    w.dest.buffer = b.add_buffer(std::move(buffer));
    w.dest.strides = row_major(t.shape);
    version_of_buffer_[w.dest.buffer] = 0;
    wants.push_back(std::move(w));
  }
  pack_params(fr);
  schedule(fr, std::move(wants));
}

Program lower(const ir::FunctionPtr& given, const LowerOptions& options) {
  ensure(!given->has_checks(), "lower: faults are exposed first (transform/faults.h)");
  const ir::FunctionPtr f = transform::has_calls(*given) ? transform::inline_calls(*given) : given;
  Program program;
  Lowering(program, options).lower_function(f);
  remove_dead(program);
  verify(program);
  return program;
}

}  // namespace cotangent::kernel
