// The members of an ensemble: what they draw, and their momenta where velocities are given.
#include <cmath>

#include "cotangent/array/random.h"
#include "cotangent/array/transforms.h"
#include "cotangent/base/text.h"
#include "cotangent/mechanics/diagnose.h"
#include "cotangent/mechanics/ensemble.h"
#include "cotangent/transform/derivatives.h"
#include "cotangent/transform/vmap.h"

namespace cotangent::mechanics {
namespace {

using ir::Tensor;

constexpr double kRoundOff = 1e-13;

/// `size` copies of x.
Tensor repeated(const Tensor& x, std::int64_t size) {
  Tensor all(x.type().with_shape(x.type().shape.with_leading(size)));
  const auto from = x.as<double>();
  for (std::int64_t k = 0; k < size; ++k) {
    std::copy(from.begin(), from.end(), all.as<double>().begin() + k * x.size());
  }
  return all;
}

Tensor row_of(const Tensor& all, std::int64_t k) {
  Tensor row(all.type().with_shape(all.type().shape.row()));
  const auto from = all.as<double>().begin() + k * row.size();
  std::copy(from, from + row.size(), row.as<double>().begin());
  return row;
}

/// f64 [size, entries]: member k's are the same whatever the size is.
std::vector<double> drawn(const EnsembleSettings& settings, std::size_t which, std::int64_t entries,
                          bool uniform) {
  using namespace array;
  const Key key = Key(Array(static_cast<std::int64_t>(settings.seed)))
                      .with_step(Array(static_cast<std::int64_t>(which)));
  const auto member = [&](const Key& k) {
    return uniform ? array::uniform(k, Shape{entries}) : array::normal(k, Shape{entries});
  };
  const Array members = arange(settings.size);
  return array::vmap([&](const Array& k) { return member(key.with_member(k)); })(members)
      .values<double>();
}

/// The numbers of the members in place of the entries of `all`, an array [size, ...].
void spread(Tensor& all, const Spread& s, const EnsembleSettings& settings, std::size_t which) {
  const std::int64_t entries = s.end - s.begin, row = all.size() / settings.size;
  ensure(s.begin >= 0 && s.end <= row, "a spread of entries that are not there");
  std::vector<double> random;
  if (s.law != Spread::Law::kValues) {
    random = drawn(settings, which, entries, s.law == Spread::Law::kUniform);
  }
  const auto scale = [&](std::int64_t k) {
    return static_cast<double>(s.scale.real(s.scale.size() == 1 ? 0 : k));
  };
  for (std::int64_t m = 0; m < settings.size; ++m) {
    for (std::int64_t k = 0; k < entries; ++k) {
      double& x = all.as<double>()[static_cast<std::size_t>(m * row + s.begin + k)];
      const auto at = static_cast<std::size_t>(m * entries + k);
      switch (s.law) {
        case Spread::Law::kNormal: x += scale(k) * random[at]; break;
        case Spread::Law::kRelative: x *= 1 + scale(k) * random[at]; break;
        case Spread::Law::kLogNormal: x *= std::exp(scale(k) * random[at]); break;
        case Spread::Law::kUniform: x = s.low + (s.high - s.low) * random[at]; break;
        case Spread::Law::kValues: x = s.values.as<double>()[at]; break;
      }
    }
  }
}

/// (q, v, t, parameters...) -> p, where dH/dp is b_k + a_k p_k, each p_k alone; and how far dH/dp
/// at this p is from v, over the sizes of v and b: round-off where it is so.
ir::FunctionPtr diagonal_momenta(const System& system) {
  const ir::FunctionPtr gradient = energy_gradient(system, 1);
  ir::Builder b("momenta");
  const ir::Type state{DType::kF64, system.shape};
  const ir::Value q = b.param(state, "q"), v = b.param(state, "v");
  const ir::Value t = b.param(ir::scalar(DType::kF64), "t");
  const std::vector<ir::Value> parameters = parameter_values(b, system);
  const auto at = [&](ir::Value p) {
    std::vector<ir::Value> args = {q, p, t};
    args.insert(args.end(), parameters.begin(), parameters.end());
    return args;
  };
  const auto sum = [&](ir::Value x) { return b.reduce_sum(b.unary(ir::Op::kAbs, x)); };
  std::vector<ir::Value> pushed = at(b.zeros(state));
  pushed.push_back(b.broadcast_to(b.constant(1.0), system.shape));
  const std::vector<ir::Value> both = b.inline_call(*transform::jvp(*gradient, {1}), pushed);
  const ir::Value p = b.div(b.sub(v, both[0]), both[1]);
  const ir::Value off = sum(b.sub(b.inline_call(*gradient, at(p))[0], v));
  const ir::Value given = sum(v), size = b.add(given, sum(both[0]));
  const ir::Value relative = b.div(off, size);
  return b.finish({p, b.select(b.gt(off, b.constant(0.0)), relative, off)});
}

/// The momenta of member k by themselves.
Tensor momenta_alone(const System& system, double t, const Members& members, const Tensor& q,
                     const Tensor& v, std::int64_t k) {
  System s = system;
  for (std::size_t j = 0; j < s.parameters.size(); ++j) {
    if (members.parameters[j]) s.parameters[j].value = row_of(*members.parameters[j], k);
  }
  try {
    return momentum_from_velocity(
        s, {.q = row_of(q, k), .p = std::nullopt, .v = row_of(v, k), .t = t});
  } catch (const UserError& e) {
    ErrorParts parts = e.parts();
    parts.what += ", of member " + std::to_string(k) + " of the ensemble";
    throw UserError(parts);
  }
}

/// Momenta of all members from their velocities. Where each p_k alone gives v_k (nearly always) one
/// program does it for all of them; those whose dH/dp is not v then are solved for one by one.
Tensor momenta(const System& system, const InitialState& initial, const Members& members,
               const Tensor& q, const Tensor& v) {
  std::vector<Tensor> given = {q, v, Tensor::scalar_of<double>(initial.t)};
  transform::Flags mapped = {true, true, false};
  for (std::size_t j = 0; j < system.parameters.size(); ++j) {
    mapped.push_back(members.parameters[j].has_value());
    given.push_back(mapped.back() ? *members.parameters[j] : system.parameters[j].value);
  }
  const ir::FunctionPtr f = transform::vmap(diagonal_momenta(system), members.size, mapped);
  std::vector<Tensor> made = runtime::compile(f)->call(given);
  Tensor& all = made[0];
  for (std::int64_t k = 0; k < members.size; ++k) {
    if (made[1].as<double>()[static_cast<std::size_t>(k)] <= kRoundOff) continue;
    const Tensor p = momenta_alone(system, initial.t, members, q, v, k);
    std::copy(p.as<double>().begin(), p.as<double>().end(),
              all.as<double>().begin() + k * p.size());
  }
  return std::move(all);
}

/// Where the entries of a named array of x begin, and how many they are.
std::optional<std::pair<std::int64_t, std::int64_t>> place_in_x(const System& system,
                                                                const std::string& name) {
  std::int64_t begin = 0;
  for (const StateArray& a : system.arrays) {
    if (a.name == name) return std::pair{begin, a.shape.size()};
    begin += a.shape.size();
  }
  return {};
}

[[noreturn]] void refuse_spread(const System& system, const Spread& s, std::string why,
                                std::string remedy) {
  ErrorParts parts;
  parts.what = "[ensemble.spread] names \"" + s.name + "\"";
  if (system.source && !s.span.empty()) parts.where = show_place(*system.source, s.span);
  parts.why = std::move(why);
  parts.remedy = std::move(remedy);
  throw UserError(parts);
}

}  // namespace

Members draw_members(const System& system, const InitialState& initial,
                     const EnsembleSettings& settings) {
  if (settings.size < 1) {
    throw UserError("an ensemble of " + std::to_string(settings.size) + " members",
                    "give size >= 1");
  }
  Members members;
  members.size = settings.size;
  members.parameters.resize(system.parameters.size());
  const bool canonical = system.form == Form::kCanonical;
  const bool velocities = canonical && !initial.p;
  std::vector<Tensor> state;
  if (canonical) {
    check_state(system, initial.q, "q");
    if (initial.p) check_state(system, *initial.p, "p");
    const Tensor& second = velocities ? given_velocity(system, initial) : *initial.p;
    state = {repeated(initial.q, settings.size), repeated(second, settings.size)};
  } else {
    check_state(system, initial.x, "x");
    state = {repeated(initial.x, settings.size)};
  }
  for (std::size_t which = 0; which < settings.spreads.size(); ++which) {
    Spread s = settings.spreads[which];
    if (s.parameter) {
      const auto found = std::ranges::find(system.parameters, s.name, &Parameter::name);
      if (found == system.parameters.end()) {
        refuse_spread(system, s, "it is no real parameter", "name one of [parameters]");
      }
      auto& all = members.parameters[static_cast<std::size_t>(found - system.parameters.begin())];
      if (!all) all = repeated(found->value, settings.size);
      spread(*all, s, settings, which);
      continue;
    }
    if (!canonical) {
      const auto place = place_in_x(system, s.name);
      if (!place) refuse_spread(system, s, "no array of the state has that name", "");
      s.begin += place->first;
      s.end += place->first;
      spread(state[0], s, settings, which);
      continue;
    }
    const char* second = velocities ? "v" : "p";
    if (s.name != "q" && s.name != second) {
      refuse_spread(system, s, std::string("the initial state is given by q and ") + second,
                    std::string("spread q or ") + second);
    }
    spread(state[s.name == "q" ? 0 : 1], s, settings, which);
  }
  if (velocities) state[1] = momenta(system, initial, members, state[0], state[1]);
  members.state = std::move(state);
  return members;
}

}  // namespace cotangent::mechanics
