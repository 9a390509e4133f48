// What finding facts works with: the samples near the initial state and the list that grows.
// Private to the facts*.cpp files, one a topic.
#pragma once

#include <cmath>
#include <utility>

#include "cotangent/mechanics/facts.h"
#include "cotangent/runtime/executable.h"

namespace cotangent::mechanics {

namespace term_parameter {
inline constexpr std::size_t kQ = 0, kP = 1, kT = 2;  // parameters of a term, in order
}

/// Counter-based random numbers in [-1, 1): the same on every platform.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}
  double next();

 private:
  std::uint64_t state_;
};

/// A state of a canonical system; of another form q is x, and p is empty.
struct SampleState {
  ir::Tensor q, p;
  double t = 0;
};

/// The size of a state, to choose perturbations by.
double extent(const ir::Tensor& x);
ir::Tensor perturbed(const ir::Tensor& x, double size, Random& random);

/// The samples of a tested fact: states near the initial one.
class Samples {
 public:
  Samples(const System& system, const InitialState& initial);

  const SampleState& start() const { return start_; }  ///< a velocity stands in for a momentum
  const std::vector<SampleState>& states() const { return states_; }
  std::string text() const;  ///< "3 states near the initial one"

  /// (q, p, t, parameters...), or (x, t, parameters...).
  std::vector<ir::Tensor> arguments(const SampleState& s) const;
  /// Values in long double from the reference evaluator; of a large program in f64, compiled.
  std::vector<ir::Tensor> evaluate(const ir::FunctionPtr& f,
                                   const std::vector<ir::Tensor>& args) const;
  long double value(const ir::FunctionPtr& f, const SampleState& s) const;
  /// Relative size of what counts as round-off in a value of f.
  double tolerance(const ir::FunctionPtr& f) const;
  /// The same where nothing but the arithmetic of f itself rounds: at one state as it is.
  double sharp_tolerance(const ir::FunctionPtr& f) const;

 private:
  const System& system_;
  SampleState start_;
  std::vector<SampleState> states_;
  // The program of the last call of a large one.
  mutable std::pair<ir::FunctionPtr, runtime::ExecutablePtr> compiled_;
};

std::string short_number(long double x, int digits = 3);
/// "from 0.3 to 0.4", with as many digits as it takes to tell them apart.
std::string from_to(long double a, long double b);

using FactValue = std::variant<bool, std::int64_t, std::string>;

struct FactContext {
  const System& system;
  const InitialState& initial;
  Samples samples;
  Facts facts;

  FactContext(const System& s, const InitialState& i) : system(s), initial(i), samples(s, i) {}

  Fact& add(std::string name, FactValue value, How how, std::string detail);
  /// The same about a term; `place` is the term's own where it is empty.
  Fact& add(std::string name, FactValue value, How how, std::string detail, const EnergyTerm& term,
            SourceSpan place = {});
  /// Good until the next `add`.
  const Fact* found(const std::string& name) const;
  bool proved(const std::string& name) const;  ///< the yes-or-no fact holds and is proved
};

// One a topic; each adds its facts. Those of a later line may read those of an earlier one.
void find_splitting(FactContext& c);      // separable, degree, linear, quadratic_kinetic, cost, ...
void find_time(FactContext& c);           // time_dependent, periodic
void find_symmetries(FactContext& c);     // translation, rotation, Galilean, scaling, cyclic
void find_shape(FactContext& c);          // pairwise, ranges, smooth, may_jump, singular
void find_probe(FactContext& c);          // stiff, near_integrable
void find_of_other_form(FactContext& c);  // of systems that are not canonical

}  // namespace cotangent::mechanics
