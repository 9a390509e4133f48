#include "cotangent/ir/attr.h"

#include <algorithm>
#include <functional>
#include <string_view>

#include "cotangent/ir/attr_fields.h"
#include "cotangent/ir/function.h"

namespace cotangent::ir {
namespace {

void mix(std::size_t& seed, std::size_t value) {
  seed ^= value + 0x9e3779b97f4a7c15ull + (seed << 6) + (seed >> 2);
}

void mix(std::size_t& seed, const Dims& dims) {
  mix(seed, dims.size());
  for (std::int64_t d : dims) mix(seed, static_cast<std::size_t>(d));
}

void mix(std::size_t& seed, const std::vector<Role>& roles) {
  for (Role r : roles) mix(seed, static_cast<std::size_t>(r) + 1);
}

struct Hasher {
  std::size_t seed;

  void operator()(const std::monostate&) {}
  void operator()(const IndexAttr& a) { mix(seed, static_cast<std::size_t>(a.index)); }
  void operator()(const LiteralAttr& a) {
    const std::string_view bytes(reinterpret_cast<const char*>(a.value->data()), a.value->bytes());
    mix(seed, std::hash<std::string_view>{}(bytes));
  }
  void operator()(const AxesAttr& a) { mix(seed, a.axes); }
  void operator()(const SliceAttr& a) {
    mix(seed, a.start), mix(seed, a.limit), mix(seed, a.stride);
  }
  void operator()(const PadAttr& a) { mix(seed, a.low), mix(seed, a.high), mix(seed, a.interior); }
  void operator()(const DotAttr& a) {
    mix(seed, a.batch_x), mix(seed, a.batch_y), mix(seed, a.contract_x), mix(seed, a.contract_y);
  }
  void operator()(const MapAttr& a) {
    mix(seed, static_cast<std::size_t>(a.count)), mix(seed, static_cast<std::size_t>(a.rows));
    mix(seed, a.roles);
    mix(seed, std::hash<const void*>{}(a.body.get()));
  }
  void operator()(const LoopAttr& a) {
    mix(seed, {a.trip, a.invariants, a.carries, a.inputs, a.dynamic});
    mix(seed, {static_cast<std::int64_t>(a.keep.kind), a.keep.number});
    mix(seed, a.every);
    mix(seed, std::hash<const void*>{}(a.body.get()));
    mix(seed, std::hash<const void*>{}(a.inverse.get()));
  }
  void operator()(const PairAttr& a) {
    mix(seed, {a.count, static_cast<std::int64_t>(a.kind), a.rows_i, a.rows_j});
    mix(seed, a.roles);
    mix(seed, std::hash<const void*>{}(a.body.get()));
  }
  void operator()(const WhileAttr& a) {
    mix(seed, {a.invariants, a.carries, a.limit});
    mix(seed, std::hash<const void*>{}(a.condition.get()));
    mix(seed, std::hash<const void*>{}(a.body.get()));
  }
  void operator()(const CondAttr& a) {
    mix(seed, std::hash<const void*>{}(a.on_true.get()));
    mix(seed, std::hash<const void*>{}(a.on_false.get()));
  }
  void operator()(const CallAttr& a) {
    mix(seed, a.linear ? 1 : 0);
    for (const FunctionPtr& f : {a.body, a.jvp, a.vjp, a.equation})
      mix(seed, std::hash<const void*>{}(f.get()));
  }
  void operator()(const CheckAttr& a) {
    mix(seed, static_cast<std::size_t>(a.site));
    mix(seed, std::hash<std::string>{}(a.message));
  }
  void operator()(const RandomAttr& a) { mix(seed, static_cast<std::size_t>(a.site)); }
  void operator()(const SolveAttr& a) {
    mix(seed, {a.lower, a.transposed, a.unit_diagonal, a.pairs});
  }
  void operator()(const FactorAttr& a) { mix(seed, a.pairs ? 1 : 0); }
  void operator()(const FftAttr& a) {
    mix(seed, {static_cast<std::int64_t>(a.kind), a.axes, a.length});
  }
};

}  // namespace

bool LiteralAttr::operator==(const LiteralAttr& other) const {
  if (value == other.value) return true;
  return value->type() == other.value->type() && value->bytes() == other.value->bytes() &&
         std::equal(value->data(), value->data() + value->bytes(), other.value->data());
}

std::size_t hash_of(const Attr& attr) {
  Hasher hasher{attr.index()};
  std::visit([&](const auto& a) { hasher(a); }, attr);
  return hasher.seed;
}

FunctionPtr body_of(const Attr& attr) {
  if (const auto* a = std::get_if<MapAttr>(&attr)) return a->body;
  if (const auto* a = std::get_if<LoopAttr>(&attr)) return a->body;
  if (const auto* a = std::get_if<PairAttr>(&attr)) return a->body;
  if (const auto* a = std::get_if<WhileAttr>(&attr)) return a->body;
  if (const auto* a = std::get_if<CallAttr>(&attr)) return a->body;
  return nullptr;
}

std::vector<FunctionPtr> bodies_of(const Attr& attr) {
  std::vector<FunctionPtr> bodies;
  each_body(attr, [&](const char*, const FunctionPtr& f, bool) {
    if (f) bodies.push_back(f);
  });
  return bodies;
}

Attr with_bodies(Attr attr, const std::vector<FunctionPtr>& bodies) {
  std::size_t next = 0;
  each_body(attr, [&](const char*, FunctionPtr& f, bool) {
    if (f) f = bodies[next++];
  });
  ensure(next == bodies.size(), "with_bodies: number of bodies");
  return attr;
}

}  // namespace cotangent::ir
