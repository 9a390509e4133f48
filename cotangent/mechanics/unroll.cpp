#include "cotangent/mechanics/unroll.h"

#include <algorithm>

#include "cotangent/ir/builder.h"

namespace cotangent::mechanics {

using ir::Function;
using ir::FunctionPtr;
using ir::Op;
using ir::Value;

FunctionPtr unroll_small(const Function& f, std::int64_t most) {
  ir::Builder b(f.name());
  std::vector<Value> image(f.size());
  std::vector<std::vector<Value>> results_of(f.size());
  for (std::size_t k = 0; k < f.params().size(); ++k) {
    image[f.params()[k].id] = b.param(f.param_type(k), f.param_names()[k]);
  }
  for (std::uint32_t id = 0; id < f.size(); ++id) {
    const Value v{id};
    std::vector<Value> operands;
    for (Value o : f.operands(v)) operands.push_back(image[o.id]);
    if (f.op(v) == Op::kParameter) continue;
    if (f.op(v) == Op::kProject && !results_of[f.operand(v, 0).id].empty()) {
      image[id] = results_of[f.operand(v, 0).id]
                            [static_cast<std::size_t>(f.attr_as<ir::IndexAttr>(v).index)];
      continue;
    }
    const auto total = [&](std::vector<Value>& sums, const std::vector<Value>& parts) {
      if (sums.empty()) {
        sums = parts;
      } else {
        for (std::size_t k = 0; k < sums.size(); ++k) sums[k] = b.add(sums[k], parts[k]);
      }
    };
    const auto all_total = [](const std::vector<ir::Role>& roles) {
      return std::all_of(roles.begin(), roles.end(),
                         [](ir::Role r) { return r == ir::Role::kTotal; });
    };
    if (f.op(v) == Op::kMap) {
      const auto& m = f.attr_as<ir::MapAttr>(v);
      if (m.count >= 1 && m.count <= most && all_total(m.roles)) {
        for (std::int64_t i = 0; i < m.count; ++i) {
          std::vector<Value> args = {b.constant_i64(i)};
          for (std::size_t k = 0; k < operands.size(); ++k) {
            args.push_back(static_cast<std::int64_t>(k) < m.rows ? b.row(operands[k], i)
                                                                 : operands[k]);
          }
          total(results_of[id], b.inline_call(*unroll_small(*m.body, most), args));
        }
        continue;
      }
    }
    if (f.op(v) == Op::kPairSum) {
      const auto& p = f.attr_as<ir::PairAttr>(v);
      if (p.count >= 2 && p.count <= most && all_total(p.roles)) {
        for (std::int64_t i = 0; i < p.count; ++i) {
          for (std::int64_t j = p.kind == ir::PairKind::kLess ? i + 1 : 0; j < p.count; ++j) {
            if (i == j) continue;
            std::vector<Value> args = {b.constant_i64(i), b.constant_i64(j)};
            for (std::size_t k = 0; k < operands.size(); ++k) {
              const auto at = static_cast<std::int64_t>(k);
              args.push_back(at < p.rows_i              ? b.row(operands[k], i)
                             : at < p.rows_i + p.rows_j ? b.row(operands[k], j)
                                                        : operands[k]);
            }
            total(results_of[id], b.inline_call(*unroll_small(*p.body, most), args));
          }
        }
        continue;
      }
    }
    ir::Attr attr = f.attr(v);
    if (auto* m = std::get_if<ir::MapAttr>(&attr)) m->body = unroll_small(*m->body, most);
    if (auto* p = std::get_if<ir::PairAttr>(&attr)) p->body = unroll_small(*p->body, most);
    const auto places = f.spans(v);
    b.set_spans({places.begin(), places.end()});
    image[id] = b.make(f.op(v), operands, attr, f.type(v));
  }
  std::vector<Value> results;
  for (Value r : f.results()) results.push_back(image[r.id]);
  return b.finish(results);
}

}  // namespace cotangent::mechanics
