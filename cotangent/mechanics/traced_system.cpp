#include "cotangent/mechanics/traced_system.h"

#include <algorithm>

#include "cotangent/array/indexing.h"
#include "cotangent/array/linear_algebra.h"
#include "cotangent/array/products.h"
#include "cotangent/array/shaping.h"
#include "cotangent/ir/evaluator.h"
#include "cotangent/mechanics/dependence.h"
#include "cotangent/mechanics/elements.h"
#include "cotangent/mechanics/homogeneous.h"
#include "cotangent/mechanics/lie_algebra.h"
#include "cotangent/transform/passes.h"

namespace cotangent::mechanics {

using array::Array;
using array::ProgramParameter;

namespace {

ir::Type real(const Shape& shape) {
  return {DType::kF64, shape};
}

/// The state, the time and the parameters, in the order of the system's programs.
std::vector<ProgramParameter> listed(std::vector<ProgramParameter> state,
                                     const std::vector<Parameter>& parameters) {
  state.push_back({"t", real({})});
  for (const Parameter& p : parameters) state.push_back({p.name, p.value.type()});
  return state;
}

/// The same, by names that people use: no two alike.
std::vector<ProgramParameter> signature(std::vector<ProgramParameter> arrays,
                                        const std::vector<Parameter>& parameters) {
  for (const ProgramParameter& x : arrays) {
    if (x.type.shape.size() > 0) continue;
    throw UserError(
        "[system] " + x.name + " has the shape " + x.type.shape.text() + ", with no entries",
        "give it some");
  }
  std::vector<ProgramParameter> state = listed(std::move(arrays), parameters);
  for (std::size_t k = 0; k < state.size(); ++k) {
    for (std::size_t j = 0; j < k; ++j) {
      if (state[j].name != state[k].name) continue;
      throw UserError("[system] '" + state[k].name + "' names two arrays of the system",
                      "rename a parameter");
    }
  }
  return state;
}

Array as_real(const std::string& name, const Array& x, const Shape& shape) {
  if (x.shape() != shape) {
    throw UserError("[system] '" + name + "' is " + x.type_text() + ", not " + real(shape).text(),
                    shape.rank() == 0 ? "give one real number: sum over particles"
                                      : "give an array of this shape");
  }
  return x.dtype() == DType::kF64 && !x.is_weak() ? x : x.astype(DType::kF64);
}

void want_names(const char* what, const NamedArrays& given) {
  if (given.empty()) throw UserError(std::string("[system] ") + what + " is empty", "give one");
  for (std::size_t k = 0; k < given.size(); ++k) {
    for (std::size_t j = 0; j < k; ++j) {
      if (given[j].first != given[k].first) continue;
      throw UserError("[system] '" + given[k].first + "' is given twice", "rename one");
    }
  }
}

void add_terms(System& system, const std::vector<ProgramParameter>& names,
               const TracedFunction& energy, SourceSpan span) {
  const auto programs = array::programs_of(names, [&](std::span<const Array> arrays) {
    NamedArrays terms = energy(Traced(names, arrays));
    want_names("the energy", terms);
    for (auto& [name, value] : terms) value = as_real(name, value, Shape{});
    return terms;
  });
  for (const ir::FunctionPtr& f : programs) {
    system.terms.push_back({f->name(), transform::squares_of_roots(*f), span});
  }
}

System started(std::vector<Parameter> parameters, const WrittenAs& text) {
  System system;
  system.title = text.title;
  system.source = text.source;
  system.parameters = std::move(parameters);
  return system;
}

}  // namespace

const Array& Traced::operator[](std::string_view name) const {
  const auto found = std::find_if(names_.begin(), names_.end(),
                                  [&](const ProgramParameter& p) { return p.name == name; });
  if (found != names_.end()) return arrays_[static_cast<std::size_t>(found - names_.begin())];
  std::string known;
  for (const ProgramParameter& p : names_) known += (known.empty() ? "" : ", ") + p.name;
  throw UserError("[system] there is no '" + std::string(name) + "' in this system",
                  "take one of " + known);
}

Parameter parameter(std::string name, const Array& value) {
  return {std::move(name), array::recorded_detail::tensor_of(value.astype(DType::kF64)), {}};
}

SourceSpan WrittenAs::span() const {
  return {0, begin, source ? static_cast<std::uint32_t>(source->text.size()) : begin};
}

System hamiltonian(const Shape& shape, std::vector<Parameter> parameters,
                   const TracedFunction& energy, const WrittenAs& text) {
  System system = started(std::move(parameters), text);
  system.shape = shape;
  const auto names = signature({{"q", real(shape)}, {"p", real(shape)}}, system.parameters);
  add_terms(system, names, energy, text.span());
  return system;
}

namespace {

/// The terms of a Lagrangian that read v: of degree 2 in it at most.
std::vector<std::string> moving_terms(const std::vector<ir::FunctionPtr>& terms) {
  std::vector<std::string> moving;
  for (const ir::FunctionPtr& f : terms) {
    if (!depends_on(*f, 0, 1)) continue;
    if (degree_in(*f, {1}) > 2) {
      throw UserError({"[lagrangian] '" + f->name() + "' is not known to be of degree 2 in v", "",
                       "velocities are found from momenta where L is quadratic in v",
                       "write squares as dot(v, v), or give the energy as a function of q and p"});
    }
    moving.push_back(f->name());
  }
  if (moving.empty()) {
    throw UserError("[lagrangian] nothing in it reads v", "give L(q, v), kinetic energy included");
  }
  return moving;
}

/// Whether the value of a program of the mass that reads no state, its matrix or its diagonal, is
/// positive definite, with digits.
bool is_positive(const ir::Function& mass, const System& system) {
  const ir::Tensor state = filled(real(system.shape), 0);  // of q and of v
  std::vector<ir::Tensor> at = {state, state, filled(real({}), 0)};
  for (const Parameter& p : system.parameters) at.push_back(p.value);
  const ir::Tensor value = ir::evaluate(mass, at)[0];
  if (value.type().shape.rank() == 1) {
    return std::ranges::all_of(value.as<double>(), [](double m) { return m > 0; });
  }
  const auto n = static_cast<std::size_t>(value.type().shape[0]);
  std::vector<double> a(value.as<double>().begin(), value.as<double>().end());
  for (std::size_t k = 0; k < n; ++k) {  // pivots of elimination, against the entries they are of
    const double before = value.real(static_cast<std::int64_t>(k * n + k));
    if (!(a[k * n + k] > 1e-13 * before)) return false;
    for (std::size_t i = k + 1; i < n; ++i) {
      const double factor = a[i * n + k] / a[k * n + k];
      for (std::size_t j = k; j < n; ++j) a[i * n + j] -= factor * a[k * n + j];
    }
  }
  return true;
}

constexpr std::int64_t kMostDiagonal = 128;  // entries: as many programs are looked at

/// Whether each of these programs reads no entry of v but its own: proved.
bool read_their_own(const std::vector<ir::FunctionPtr>& slopes) {
  for (std::size_t i = 0; i < slopes.size(); ++i) {
    const auto read = entries_read(*slopes[i], 1);
    if (!read) return false;
    for (std::size_t k = 0; k < read->size(); ++k) {
      if (k != i && (*read)[k]) return false;
    }
  }
  return true;
}

}  // namespace

System lagrangian(const Shape& shape, std::vector<Parameter> parameters,
                  const TracedFunction& lagrangian, const WrittenAs& text) {
  System system = started(std::move(parameters), text);
  system.shape = shape;
  const std::int64_t n = shape.size();
  const auto by_v = signature({{"q", real(shape)}, {"v", real(shape)}}, system.parameters);
  const auto by_p = signature({{"q", real(shape)}, {"p", real(shape)}}, system.parameters);
  const auto terms_at = [&](std::span<const Array> arrays) {
    NamedArrays terms = lagrangian(Traced(by_v, arrays));
    want_names("the Lagrangian", terms);
    for (auto& [name, value] : terms) value = as_real(name, value, Shape{});
    return terms;
  };
  const std::vector<std::string> moving = moving_terms(array::programs_of(by_v, terms_at));
  const auto moves = [&](const std::string& name) {
    return std::find(moving.begin(), moving.end(), name) != moving.end();
  };

  // What moves is v.M v/2 + a.v + c, with M or, where it is known to be diagonal, its diagonal.
  struct Expanded {
    Array mass, along, still;
  };
  bool diagonal = false;
  const auto moving_at = [&](std::span<const Array> arrays) {
    return [&, arrays](const Array& v) {
      std::vector<Array> at(arrays.begin(), arrays.end());
      at[1] = v;
      Array total;
      for (auto& [name, value] : terms_at(at)) {
        if (moves(name)) total = total.node() ? total + value : value;
      }
      return total;
    };
  };
  const auto expanded = [&](std::span<const Array> arrays) {
    const auto of_v = moving_at(arrays);
    const Array rest = array::zeros(shape);
    const Array along = array::ravel(array::grad(of_v)(rest));
    // d2L/dv2 does not depend on v; where it is written with roots of squares, it does not exist at
    // 0.
    const Array some = array::reshape(array::arange(n) / 16 + 1, shape);
    if (diagonal) {  // its product with ones
      return Expanded{array::ravel(array::hvp(of_v, some, array::ones(shape))), along, of_v(rest)};
    }
    return Expanded{array::reshape(array::hessian(of_v)(some), Shape{n, n}), along, of_v(rest)};
  };
  if (n <= kMostDiagonal) {
    diagonal = read_their_own(array::programs_of(by_v, [&](std::span<const Array> arrays) {
      const Array slope = array::ravel(array::grad(moving_at(arrays))(arrays[1]));
      NamedArrays entries;
      for (std::int64_t k = 0; k < n; ++k) entries.emplace_back(std::to_string(k), slope(k));
      return entries;
    }));
  }
  const auto parts = array::programs_of(by_v, [&](std::span<const Array> arrays) {
    const Expanded e = expanded(arrays);
    return NamedArrays{{"mass", e.mass}, {"along", e.along}, {"still", e.still}};
  });
  const bool stands = !depends_on(*parts[0], 0, 0) && !depends_on(*parts[0], 0, 2);
  if (stands && !is_positive(*parts[0], system)) {
    throw UserError({"[lagrangian] d2L/dv2 is not positive definite", "",
                     "velocities do not follow from momenta, or a kinetic energy is negative",
                     "leave out coordinates without kinetic energy; L is T - V"});
  }
  const bool along = !always_zero(*parts[1]), still = !always_zero(*parts[2]);

  const auto programs = array::programs_of(by_p, [&](std::span<const Array> arrays) {
    const Expanded e = expanded(arrays);
    Array u = array::ravel(arrays[1]);
    if (along) u = u - e.along;
    NamedArrays terms;
    if (diagonal) {
      terms.emplace_back("kinetic", array::dot(u, u / e.mass) / 2);
    } else {
      // u.M^-1 u = |L^-1 u|^2 of M = L L^T, which needs no pivots: those jump.
      const Array root = array::cholesky(e.mass);
      const Array w = stands ? array::matmul(array::triangular_solve(root, array::eye(n)), u)
                             : array::triangular_solve(root, u);
      terms.emplace_back("kinetic", array::dot(w, w) / 2);
    }
    if (still) terms.emplace_back("potential", -e.still);
    std::vector<Array> at(arrays.begin(), arrays.end());
    at[1] = array::zeros(shape);
    for (auto& [name, value] : terms_at(at)) {
      if (moves(name)) continue;
      const bool taken = name == "kinetic" || (still && name == "potential");
      terms.emplace_back(taken ? "of_" + name : name, -value);
    }
    return terms;
  });
  for (const ir::FunctionPtr& f : programs) {
    system.terms.push_back({f->name(), transform::squares_of_roots(*f), text.span()});
  }
  return system;
}

System lie_poisson_system(const std::string& algebra, std::vector<Parameter> parameters,
                          const TracedFunction& energy, const WrittenAs& text) {
  System system = started(std::move(parameters), text);
  system.form = Form::kBracket;
  system.structure = lie_poisson(algebra, system.parameters);
  system.structure.span = text.span();
  system.shape = Shape{algebra_named(algebra)->dimension()};
  system.arrays = {{"z", system.shape, text.span()}};
  add_terms(system, signature({{"z", real(system.shape)}}, system.parameters), energy, text.span());
  return system;
}

namespace {

/// The programs of a system take the state as one vector x; people write its arrays by name.
NamedArrays unpacked(const System& system, const TracedFunction& f, std::span<const Array> packed,
                     const std::vector<ProgramParameter>& names) {
  std::vector<Array> arrays;
  std::int64_t at = 0;
  for (const StateArray& a : system.arrays) {
    const Array part = packed[0](array::slice(at, at + a.shape.size()));
    arrays.push_back(array::reshape(part, a.shape));
    at += a.shape.size();
  }
  arrays.insert(arrays.end(), packed.begin() + 1, packed.end());
  return f(Traced(names, arrays));
}

std::vector<ProgramParameter> names_of(const System& system) {
  std::vector<ProgramParameter> state;
  for (const StateArray& a : system.arrays) state.push_back({a.name, real(a.shape)});
  return signature(std::move(state), system.parameters);
}

}  // namespace

System equations(std::vector<StateArray> state, std::vector<Parameter> parameters,
                 const TracedFunction& rate, const WrittenAs& text) {
  System system = started(std::move(parameters), text);
  system.form = Form::kEquations;
  std::int64_t n = 0;
  for (StateArray& a : state) {
    n += a.shape.size();
    a.span = text.span();
  }
  system.shape = Shape{n};
  system.arrays = std::move(state);
  const auto names = names_of(system);
  const auto packed = listed({{"x", real(system.shape)}}, system.parameters);
  const auto programs = array::programs_of(packed, [&](std::span<const Array> arrays) {
    const NamedArrays given = unpacked(system, rate, arrays, names);
    want_names("the rate", given);
    std::vector<Array> parts;
    for (const StateArray& a : system.arrays) {
      const auto found = std::find_if(given.begin(), given.end(),
                                      [&](const auto& r) { return r.first == a.name; });
      if (found == given.end()) {
        throw UserError("[system] '" + a.name + "' has no rate", "give one for each array");
      }
      parts.push_back(array::ravel(as_real(a.name, found->second, a.shape)));
    }
    if (given.size() != parts.size()) {
      throw UserError("[system] a rate of what is no array of the state",
                      "give one for each array, and no others");
    }
    return NamedArrays{{"rate", parts.size() == 1 ? parts[0] : array::concatenate(parts)}};
  });
  system.rate = programs[0];
  return system;
}

void observe(System& system, const TracedFunction& value, std::int64_t every) {
  std::vector<ir::FunctionPtr> programs;
  if (system.form == Form::kCanonical) {
    const ir::Type state = real(system.shape);
    const auto names = signature({{"q", state}, {"p", state}, {"v", state}}, system.parameters);
    programs = array::programs_of(
        names, [&](std::span<const Array> arrays) { return value(Traced(names, arrays)); });
  } else {
    const auto packed = listed({{"x", real(system.shape)}}, system.parameters);
    const auto names = names_of(system);
    programs = array::programs_of(packed, [&](std::span<const Array> arrays) {
      return unpacked(system, value, arrays, names);
    });
  }
  for (const ir::FunctionPtr& f : programs) {
    const bool known = std::any_of(system.observables.begin(), system.observables.end(),
                                   [&](const Observable& o) { return o.name == f->name(); });
    if (known) throw UserError("[system] '" + f->name() + "' is observed twice", "rename one");
    system.observables.push_back({f->name(), f, every, {}});
  }
}

}  // namespace cotangent::mechanics
