// Systems from functions of arrays, as system files make them from expressions.
//
//   System kepler = hamiltonian(Shape{3}, {{"k", 1.0}}, [](const Traced& at) {
//     return NamedArrays{{"kinetic", dot(at.p(), at.p()) / 2},
//                        {"potential", -at["k"] / sqrt(dot(at.q(), at.q()))}};
//   });
//
// Each named array becomes a program of its own, so terms stay separate. What a function takes from
// outside is a constant of it; what should be differentiated or changed is a parameter. A wrong
// shape or type, a repeated name, and a name that the function lacks are UserErrors.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "cotangent/array/recorded.h"
#include "cotangent/mechanics/system.h"

namespace cotangent::mechanics {

using array::NamedArrays;

/// What a system's function is given: state, time and parameters, by name.
class Traced {
 public:
  Traced(std::span<const array::ProgramParameter> names, std::span<const array::Array> arrays)
      : names_(names), arrays_(arrays) {}
  const array::Array& operator[](std::string_view name) const;
  const array::Array& q() const { return (*this)["q"]; }
  const array::Array& p() const { return (*this)["p"]; }
  const array::Array& v() const { return (*this)["v"]; }
  const array::Array& t() const { return (*this)["t"]; }
  std::span<const array::Array> arrays() const { return arrays_; }  ///< in the programs' order

 private:
  std::span<const array::ProgramParameter> names_;
  std::span<const array::Array> arrays_;
};
using TracedFunction = std::function<NamedArrays(const Traced&)>;

/// A parameter of any shape, made f64.
Parameter parameter(std::string name, const array::Array& value);

/// The text that a system's functions are written in, for messages; each is all of it from `begin`.
struct WrittenAs {
  std::string title;
  SourcePtr source;
  std::uint32_t begin = 0;
  SourceSpan span() const;
};

/// H(q, p, t) is the sum of the named real numbers that `energy` gives.
System hamiltonian(const Shape& shape, std::vector<Parameter> parameters,
                   const TracedFunction& energy, const WrittenAs& text = {});

/// The system of a Lagrangian L(q, v, t), the sum of the named real numbers that `lagrangian`
/// gives, by its Legendre transform: p = dL/dv, H = p.v - L. L is of degree 2 in v at most, and
/// d2L/dv2 positive definite. Terms that do not read v keep their names, with the other sign; the
/// rest is called kinetic, and potential where it has a part without v. A velocity costs a quotient
/// where d2L/dv2 is diagonal (and q has no more than 128 entries), a product with its inverse where
/// it stands still, else a solve of as many equations as q has entries. UserError for another L, by
/// name of the term.
System lagrangian(const Shape& shape, std::vector<Parameter> parameters,
                  const TracedFunction& lagrangian, const WrittenAs& text = {});

/// dF/dt = {F, H} of a named algebra (lie_algebra.h). The state x is called z.
System lie_poisson_system(const std::string& algebra, std::vector<Parameter> parameters,
                          const TracedFunction& energy, const WrittenAs& text = {});

/// dx/dt for each array of the state: `rate` gives one of its name and shape.
System equations(std::vector<StateArray> state, std::vector<Parameter> parameters,
                 const TracedFunction& rate, const WrittenAs& text = {});

/// Adds an observable for each array that `value` gives. `every` is its cadence, 0 the run's.
void observe(System& system, const TracedFunction& value, std::int64_t every = 0);

}  // namespace cotangent::mechanics
