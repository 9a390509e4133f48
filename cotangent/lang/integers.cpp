#include "cotangent/lang/integers.h"

#include <algorithm>
#include <limits>
#include <stdexcept>

namespace cotangent::lang {
namespace {

std::int64_t narrow(Wide x) {
  if (x > std::numeric_limits<std::int64_t>::max() ||
      x < std::numeric_limits<std::int64_t>::min()) {
    throw std::overflow_error("integer");
  }
  return static_cast<std::int64_t>(x);
}

std::int64_t floored_mod(std::int64_t x, std::int64_t y) {
  if (y == 0 || y == -1) return 0;
  const std::int64_t r = x % y;
  return r != 0 && ((r < 0) != (y < 0)) ? r + y : r;
}

std::int64_t apply(IntegerOp op, std::int64_t x, std::int64_t y, std::int64_t z) {
  switch (op) {
    case IntegerOp::kNeg: return -x;
    case IntegerOp::kAbs: return x < 0 ? -x : x;
    case IntegerOp::kSign: return x > 0 ? 1 : x < 0 ? -1 : 0;
    case IntegerOp::kAdd: return x + y;
    case IntegerOp::kSub: return x - y;
    case IntegerOp::kMul: return x * y;
    case IntegerOp::kMod: return floored_mod(x, y);
    case IntegerOp::kMin: return std::min(x, y);
    case IntegerOp::kMax: return std::max(x, y);
    case IntegerOp::kLess: return x < y;
    case IntegerOp::kLessEqual: return x <= y;
    case IntegerOp::kEqual: return x == y;
    case IntegerOp::kUnequal: return x != y;
    case IntegerOp::kAnd: return x != 0 && y != 0;
    case IntegerOp::kOr: return x != 0 || y != 0;
    case IntegerOp::kNot: return x == 0;
    case IntegerOp::kWhere: return x != 0 ? y : z;
    case IntegerOp::kConstant:
    case IntegerOp::kIndex:
    case IntegerOp::kTable: break;
  }
  throw InternalError("integer op");
}

}  // namespace

std::int64_t IndexDomain::least() const {
  if (count == 0) return 0;
  if (list) return *std::min_element(list->begin(), list->end());
  return std::min(value(0), value(count - 1));
}

std::int64_t IndexDomain::most() const {
  if (count == 0) return 0;
  if (list) return *std::max_element(list->begin(), list->end());
  return std::max(value(0), value(count - 1));
}

std::vector<std::int64_t> IndexDomain::values() const {
  if (list) return *list;
  std::vector<std::int64_t> all(static_cast<std::size_t>(count));
  for (std::int64_t k = 0; k < count; ++k) all[static_cast<std::size_t>(k)] = start + step * k;
  return all;
}

IndexDomain IndexDomain::range(std::int64_t low, std::int64_t high) {
  IndexDomain d;
  d.start = low;
  d.count = high > low ? high - low : 0;
  return d;
}

IndexDomain IndexDomain::of(std::vector<std::int64_t> values) {
  IndexDomain d;
  d.count = static_cast<std::int64_t>(values.size());
  if (values.empty()) return d;
  d.start = values[0];
  d.step = values.size() > 1 ? values[1] - values[0] : 1;
  for (std::size_t k = 1; k < values.size(); ++k) {
    if (values[k] - values[k - 1] != d.step) {
      d.list = std::make_shared<const std::vector<std::int64_t>>(std::move(values));
      break;
    }
  }
  return d;
}

IntegerId Integers::add(IntegerNode node) {
  nodes_.push_back(std::move(node));
  return static_cast<IntegerId>(nodes_.size() - 1);
}

IntegerId Integers::constant(std::int64_t value) {
  IntegerNode n;
  n.value = n.low = n.high = value;
  return add(std::move(n));
}

IntegerId Integers::index(int slot, std::int64_t low, std::int64_t high) {
  ensure(slot >= 0 && slot < kMaxSlots, "too many index slots");
  IntegerNode n;
  n.op = IntegerOp::kIndex;
  n.value = slot;
  n.slots = std::uint64_t{1} << slot;
  n.low = low;
  n.high = high;
  n.affine = AffineForm{slot, 1, 0, 0};
  return add(std::move(n));
}

int Integers::add_table(std::shared_ptr<const ir::Tensor> values) {
  Table t;
  const auto all = values->as<std::int64_t>();
  if (!all.empty()) {
    const auto [low, high] = std::minmax_element(all.begin(), all.end());
    t.low = *low;
    t.high = *high;
  }
  t.values = std::move(values);
  tables_.push_back(std::move(t));
  return static_cast<int>(tables_.size() - 1);
}

std::optional<std::int64_t> Integers::constant_value(IntegerId id) const {
  const IntegerNode& n = node(id);
  if (n.op != IntegerOp::kConstant) return std::nullopt;
  return n.value;
}

std::optional<IntegerId> Integers::simplify(IntegerOp op,
                                            std::span<const IntegerId> operands) const {
  const auto c = [&](std::size_t k) { return constant_value(operands[k]); };
  switch (op) {
    case IntegerOp::kAnd:
      if (c(0)) return *c(0) != 0 ? operands[1] : operands[0];
      if (c(1)) return *c(1) != 0 ? operands[0] : operands[1];
      break;
    case IntegerOp::kOr:
      if (c(0)) return *c(0) != 0 ? operands[0] : operands[1];
      if (c(1)) return *c(1) != 0 ? operands[1] : operands[0];
      break;
    case IntegerOp::kWhere:
      if (c(0)) return *c(0) != 0 ? operands[1] : operands[2];
      break;
    case IntegerOp::kAdd:
      if (c(0) == 0) return operands[1];
      if (c(1) == 0) return operands[0];
      break;
    case IntegerOp::kSub:
      if (c(1) == 0) return operands[0];
      break;
    case IntegerOp::kMul:
      if (c(0) == 1) return operands[1];
      if (c(1) == 1) return operands[0];
      break;
    default: break;
  }
  return std::nullopt;
}

IntegerId Integers::make(IntegerOp op, std::span<const IntegerId> operands) {
  if (op == IntegerOp::kMod) {
    const IntegerNode& y = node(operands[1]);
    if (y.low <= 0 && y.high >= 0) throw std::domain_error("modulo zero");
  }
  if (const auto same = simplify(op, operands)) return *same;
  IntegerNode n;
  n.op = op;
  n.operands.assign(operands.begin(), operands.end());
  bool constants = true;
  for (IntegerId id : operands) {
    const IntegerNode& x = node(id);
    n.slots |= x.slots;
    n.has_table = n.has_table || x.has_table;
    constants = constants && x.op == IntegerOp::kConstant;
  }
  set_interval(n);
  if (constants) {
    const auto at = [&](std::size_t k) {
      return k < operands.size() ? node(operands[k]).value : 0;
    };
    return constant(apply(op, at(0), at(1), at(2)));
  }
  // Comparisons that the intervals decide.
  if (op >= IntegerOp::kLess && op <= IntegerOp::kNot && n.low == n.high) return constant(n.low);
  set_affine(n);
  return add(std::move(n));
}

IntegerId Integers::lookup(int table_number, std::span<const IntegerId> operands) {
  const Table& t = tables_[static_cast<std::size_t>(table_number)];
  IntegerNode n;
  n.op = IntegerOp::kTable;
  n.value = table_number;
  n.operands.assign(operands.begin(), operands.end());
  n.has_table = true;
  n.low = t.low;
  n.high = t.high;
  bool constants = true;
  for (IntegerId id : operands) {
    n.slots |= node(id).slots;
    constants = constants && node(id).op == IntegerOp::kConstant;
  }
  if (constants) {
    const IntegerId id = add(std::move(n));
    return constant(evaluate(id, {}, 1)[0]);
  }
  return add(std::move(n));
}

void Integers::set_interval(IntegerNode& n) const {
  const auto operand = [&](std::size_t k) -> const IntegerNode& { return node(n.operands[k]); };
  const IntegerNode& x = operand(0);
  const auto set = [&](Wide low, Wide high) {
    n.low = narrow(low);
    n.high = narrow(high);
  };
  switch (n.op) {
    case IntegerOp::kNeg: return set(-Wide(x.high), -Wide(x.low));
    case IntegerOp::kAbs: {
      const Wide a = x.low < 0 ? -Wide(x.low) : Wide(x.low);
      const Wide b = x.high < 0 ? -Wide(x.high) : Wide(x.high);
      return set(x.low <= 0 && x.high >= 0 ? 0 : std::min(a, b), std::max(a, b));
    }
    case IntegerOp::kSign:
      return set(x.low > 0 ? 1 : x.low == 0 ? 0 : -1, x.high < 0 ? -1 : x.high == 0 ? 0 : 1);
    case IntegerOp::kNot: return set(x.low == 0 && x.high == 0, x.low <= 0 && x.high >= 0);
    case IntegerOp::kWhere: {
      const IntegerNode &a = operand(1), &b = operand(2);
      return set(std::min(a.low, b.low), std::max(a.high, b.high));
    }
    default: break;
  }
  const IntegerNode& y = operand(1);
  switch (n.op) {
    case IntegerOp::kAdd: return set(Wide(x.low) + y.low, Wide(x.high) + y.high);
    case IntegerOp::kSub: return set(Wide(x.low) - y.high, Wide(x.high) - y.low);
    case IntegerOp::kMul: {
      const Wide all[] = {Wide(x.low) * y.low, Wide(x.low) * y.high, Wide(x.high) * y.low,
                          Wide(x.high) * y.high};
      return set(*std::min_element(all, all + 4), *std::max_element(all, all + 4));
    }
    case IntegerOp::kMod: return y.low > 0 ? set(0, Wide(y.high) - 1) : set(Wide(y.low) + 1, 0);
    case IntegerOp::kMin: return set(std::min(x.low, y.low), std::min(x.high, y.high));
    case IntegerOp::kMax: return set(std::max(x.low, y.low), std::max(x.high, y.high));
    case IntegerOp::kLess: return set(x.high < y.low, x.low < y.high);
    case IntegerOp::kLessEqual: return set(x.high <= y.low, x.low <= y.high);
    case IntegerOp::kEqual:
      return set(x.low == x.high && y.low == y.high && x.low == y.low,
                 x.low <= y.high && y.low <= x.high);
    case IntegerOp::kUnequal:
      return set(x.high < y.low || y.high < x.low,
                 !(x.low == x.high && y.low == y.high && x.low == y.low));
    case IntegerOp::kAnd:
    case IntegerOp::kOr: return set(0, 1);
    default: throw InternalError("integer interval");
  }
}

void Integers::set_affine(IntegerNode& n) const {
  const auto form = [&](std::size_t k) -> std::optional<AffineForm> {
    const IntegerNode& x = node(n.operands[k]);
    if (x.op == IntegerOp::kConstant) return AffineForm{-1, 0, x.value, 0};
    if (x.affine && x.affine->modulus == 0) return x.affine;
    return std::nullopt;
  };
  if (n.op != IntegerOp::kNeg && n.op != IntegerOp::kAdd && n.op != IntegerOp::kSub &&
      n.op != IntegerOp::kMul && n.op != IntegerOp::kMod) {
    return;
  }
  const auto x = form(0);
  if (!x) return;
  try {
    if (n.op == IntegerOp::kNeg) {
      n.affine = AffineForm{x->slot, narrow(-Wide(x->a)), narrow(-Wide(x->b)), 0};
      return;
    }
    const auto y = form(1);
    if (!y || (x->slot >= 0 && y->slot >= 0 && x->slot != y->slot)) return;
    const int slot = std::max(x->slot, y->slot);
    if (n.op == IntegerOp::kAdd || n.op == IntegerOp::kSub) {
      const int sign = n.op == IntegerOp::kAdd ? 1 : -1;
      n.affine = AffineForm{slot, narrow(Wide(x->a) + Wide(y->a) * sign),
                            narrow(Wide(x->b) + Wide(y->b) * sign), 0};
    } else if (n.op == IntegerOp::kMul) {
      if (x->slot >= 0 && y->slot >= 0) return;
      const AffineForm& f = x->slot >= 0 ? *x : *y;
      const Wide c = x->slot >= 0 ? y->b : x->b;
      n.affine = AffineForm{slot, narrow(f.a * c), narrow(f.b * c), 0};
    } else if (y->slot < 0 && y->b > 0 && x->slot >= 0) {
      n.affine = AffineForm{slot, x->a, x->b, y->b};
    }
  } catch (const std::overflow_error&) {
    n.affine.reset();  // the values fit, the coefficients do not: evaluated row by row instead
  }
}

std::vector<IntegerId> Integers::needed_by(IntegerId id) const {
  std::vector<IntegerId> found{id};
  std::vector<IntegerId> open{id};
  std::vector<bool> seen(static_cast<std::size_t>(id) + 1, false);
  seen[static_cast<std::size_t>(id)] = true;
  while (!open.empty()) {
    const IntegerId at = open.back();
    open.pop_back();
    for (IntegerId x : node(at).operands) {
      if (seen[static_cast<std::size_t>(x)]) continue;
      seen[static_cast<std::size_t>(x)] = true;
      found.push_back(x);
      open.push_back(x);
    }
  }
  std::sort(found.begin(), found.end());  // operands are made before users
  return found;
}

std::vector<std::int64_t> Integers::evaluate(IntegerId id, std::span<const IndexColumn> columns,
                                             std::size_t rows) const {
  const std::vector<IntegerId> order = needed_by(id);
  std::vector<std::vector<std::int64_t>> values(order.size());
  const auto position = [&](IntegerId x) {
    return static_cast<std::size_t>(std::lower_bound(order.begin(), order.end(), x) -
                                    order.begin());
  };
  for (std::size_t n = 0; n < order.size(); ++n) {
    const IntegerNode& node_n = node(order[n]);
    std::vector<std::int64_t>& out = values[n];
    if (node_n.op == IntegerOp::kConstant) {
      out.assign(rows, node_n.value);
      continue;
    }
    if (node_n.op == IntegerOp::kIndex) {
      const auto column = std::find_if(columns.begin(), columns.end(), [&](const IndexColumn& c) {
        return c.slot == node_n.value;
      });
      ensure(column != columns.end() && column->values.size() == rows, "missing index column");
      out.assign(column->values.begin(), column->values.end());
      continue;
    }
    std::vector<const std::int64_t*> in;
    for (IntegerId x : node_n.operands) in.push_back(values[position(x)].data());
    out.resize(rows);
    if (node_n.op == IntegerOp::kTable) {
      const ir::Tensor& t = table(static_cast<int>(node_n.value));
      const auto entries = t.as<std::int64_t>();
      for (std::size_t r = 0; r < rows; ++r) {
        std::int64_t flat = 0;
        for (std::size_t k = 0; k < in.size(); ++k) {
          const std::int64_t length = t.type().shape[static_cast<int>(k)];
          flat = flat * length + std::clamp<std::int64_t>(in[k][r], 0, length - 1);
        }
        out[r] = entries[static_cast<std::size_t>(flat)];
      }
      continue;
    }
    for (std::size_t r = 0; r < rows; ++r) {
      out[r] =
          apply(node_n.op, in[0][r], in.size() > 1 ? in[1][r] : 0, in.size() > 2 ? in[2][r] : 0);
    }
  }
  return std::move(values.back());
}

}  // namespace cotangent::lang
