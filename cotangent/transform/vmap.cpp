#include "cotangent/transform/vmap.h"

#include <algorithm>

#include "cotangent/base/error.h"

namespace cotangent::transform {

using namespace ir;

FunctionPtr vmap(const FunctionPtr& f, std::int64_t count, const Flags& mapped) {
  const std::size_t n = f->params().size();
  if (mapped.size() != n) {
    throw UserError("[vmap] '" + f->name() + "' has " + std::to_string(n) + " parameters, given " +
                    std::to_string(mapped.size()) + " flags");
  }
  if (count < 0) throw UserError("[vmap] a batch of " + std::to_string(count) + " instances");
  // map wants its row operands first: an order of the parameters of f.
  std::vector<std::size_t> order;
  for (bool rows : {true, false}) {
    for (std::size_t k = 0; k < n; ++k) {
      if (mapped[k] == rows) order.push_back(k);
    }
  }
  Builder body(f->name());
  body.param(scalar(DType::kI64), "instance");
  Values inner(n);
  for (std::size_t k : order) inner[k] = body.param(f->param_type(k), f->param_names()[k]);
  MapAttr attr;
  attr.count = count;
  attr.rows = std::count(mapped.begin(), mapped.end(), true);
  attr.roles.assign(f->results().size(), Role::kStack);
  attr.body = body.finish(body.inline_call(*f, inner));

  Builder b(f->name());
  Values outer(n);
  for (std::size_t k = 0; k < n; ++k) {
    Type t = f->param_type(k);
    if (mapped[k]) t = t.with_shape(t.shape.with_leading(count));
    outer[k] = b.param(t, f->param_names()[k]);
  }
  Values operands;
  for (std::size_t k : order) operands.push_back(outer[k]);
  return b.finish(b.map(attr, operands));
}

FunctionPtr vmap(const FunctionPtr& f, std::int64_t count) {
  return vmap(f, count, Flags(f->params().size(), true));
}

}  // namespace cotangent::transform
