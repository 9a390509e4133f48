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

/// (q, v, t, parameters...) -> p where dH/dp is b_k + a_k p_k, each p_k alone.
ir::FunctionPtr diagonal_momenta(const System& system) {
  const ir::FunctionPtr tangent = transform::jvp(*energy_gradient(system, 1), {1});
  ir::Builder b("momenta");
  const ir::Type state{DType::kF64, system.shape};
  const ir::Value q = b.param(state, "q"), v = b.param(state, "v");
  const ir::Value t = b.param(ir::scalar(DType::kF64), "t");
  const std::vector<ir::Value> parameters = parameter_values(b, system);
  std::vector<ir::Value> args = {q, b.zeros(state), t};
  args.insert(args.end(), parameters.begin(), parameters.end());
  args.push_back(b.broadcast_to(b.constant(1.0), system.shape));
  const std::vector<ir::Value> both = b.inline_call(*tangent, args);
  return b.finish({b.div(b.sub(v, both[0]), both[1])});
}

/// Momenta of all members from their velocities. Where each p_k alone gives v_k (nearly always) one
/// program does it for all of them, which a member solved for by itself confirms; else they are
/// solved one by one.
Tensor momenta(const System& system, const InitialState& initial, const Members& members,
               const Tensor& q, const Tensor& v) {
  const auto member = [&](std::int64_t k) {
    System s = system;
    for (std::size_t j = 0; j < s.parameters.size(); ++j) {
      if (members.parameters[j]) s.parameters[j].value = row_of(*members.parameters[j], k);
    }
    return momentum_from_velocity(
        s, {.q = row_of(q, k), .p = std::nullopt, .v = row_of(v, k), .t = initial.t});
  };
  std::vector<Tensor> given = {q, v, Tensor::scalar_of<double>(initial.t)};
  transform::Flags mapped = {true, true, false};
  for (std::size_t j = 0; j < system.parameters.size(); ++j) {
    mapped.push_back(members.parameters[j].has_value());
    given.push_back(mapped.back() ? *members.parameters[j] : system.parameters[j].value);
  }
  const ir::FunctionPtr f = transform::vmap(diagonal_momenta(system), members.size, mapped);
  Tensor all = runtime::compile(f)->call(given)[0];
  const Tensor alone = member(0), together = row_of(all, 0);
  bool same = true;
  for (std::int64_t k = 0; k < alone.size(); ++k) {
    const auto x = static_cast<double>(alone.real(k)), y = static_cast<double>(together.real(k));
    same = same && std::abs(x - y) <= 1e-13 * std::abs(x);
  }
  for (std::int64_t k = 0; !same && k < members.size; ++k) {
    const Tensor p = member(k);
    std::copy(p.as<double>().begin(), p.as<double>().end(),
              all.as<double>().begin() + k * p.size());
  }
  return all;
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
    state = {repeated(initial.q, settings.size),
             repeated(velocities ? *initial.v : *initial.p, settings.size)};
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
