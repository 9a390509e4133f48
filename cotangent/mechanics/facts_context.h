// What finding facts works with: the samples near the initial state and the list that grows.
// Private to the facts*.cpp files, one a topic, and to who tests claims (watch.cpp).
#pragma once

#include <cmath>
#include <map>
#include <utility>

#include "cotangent/mechanics/dependence.h"
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

  /// States at the scales of a program of the state (facts_wide.h): those where a term does what it
  /// does not do near the start.
  const std::vector<SampleState>& wide(const ir::FunctionPtr& term) const;

  /// (q, p, t, parameters...), or (x, t, parameters...).
  std::vector<ir::Tensor> arguments(const SampleState& s) const;
  /// Values in long double from the reference evaluator; of a large program in f64, compiled.
  std::vector<ir::Tensor> evaluate(const ir::FunctionPtr& f,
                                   const std::vector<ir::Tensor>& args) const;
  long double value(const ir::FunctionPtr& f, const SampleState& s) const;
  /// (q, p, t, parameters...) that stand for other numbers than they are: parameters that are long.
  std::vector<std::size_t> rounded() const;
  /// Whether values of f are in f64, not in long double.
  bool large(const ir::Function& f) const;
  /// Relative size of what counts as round-off in a value of f.
  double tolerance(const ir::FunctionPtr& f) const;
  /// The same where nothing but the arithmetic of f itself rounds: at one state as it is.
  double sharp_tolerance(const ir::FunctionPtr& f) const;

 private:
  const System& system_;
  SampleState start_;
  std::vector<SampleState> states_;
  mutable std::map<ir::FunctionPtr, std::vector<SampleState>> wide_;
  // The program of the last call of a large one.
  mutable std::pair<ir::FunctionPtr, runtime::ExecutablePtr> compiled_;
};

/// Results of a program at samples, with what rounding may have made of each of their elements.
class Weighed {
 public:
  /// `moved`: the state itself is rounded, as it is after a transformation.
  Weighed(const Samples& samples, const ir::FunctionPtr& f, std::vector<std::size_t> results,
          bool moved = false);

  struct Values {
    std::vector<ir::Tensor> results, bounds;
    bool finite = true;  ///< all results are
    bool told = true;    ///< all bounds are: where they are not, nothing is known of a difference
  };
  Values at(const std::vector<ir::Tensor>& arguments) const;

  /// What the samples say of results that should vanish.
  struct Verdict {
    bool against = false;    ///< a result does not: `value`, of result `result`
    std::size_t result = 0;  ///< by its place among those that were named
    long double value = 0;
    SampleState at;              ///< where
    bool near = true;            ///< near the initial state, not at the scales of the term
    int told = 0, wide = 0;      ///< states at which it could be told, near and at those scales
    long double within = 0;      ///< the largest bound near the initial state: what may hide
    std::string where() const;   ///< "at a state near the initial one"
    std::string states() const;  ///< "3 states near the initial one and 20 at its own scales, .."
  };
  /// At (q, p, t, parameters..., more...) of the samples near the initial state and those at the
  /// scales of `term`.
  Verdict vanish(const ir::FunctionPtr& term, const std::vector<ir::Tensor>& more = {}) const;

  /// "from 1 to 2": how results differ between two of the same states at one time, which should
  /// not; "" where they do not.
  std::string change(const ir::FunctionPtr& term, const std::vector<ir::Tensor>& more) const;

  /// Whether x is another number than y, or than zero, whatever rounding has done. True of what is
  /// no number: that is no sign of equality.
  static bool differ(long double x, long double x_bound, long double y = 0,
                     long double y_bound = 0);

 private:
  const Samples& samples_;
  std::vector<std::size_t> results_;
  ir::FunctionPtr program_;  ///< the results, then their bounds
  ir::FunctionPtr plain_;    ///< f itself, for where no rule bounds the results
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

/// UserError for an energy with a derivative of its own that is not its slope (stop_gradient).
void want_true_gradients(const FactContext& c);

// What tests of symmetries share.
/// dE along each of some fields, as one program: (q, p, t, parameters...) -> rates.
ir::FunctionPtr rates_along(const EnergyTerm& term, const std::vector<NamedGenerator>& fields);
/// "the term "v" changes .., by less than samples are rounded: .."
std::string hidden_change(const EnergyTerm& term, const std::string& how, const std::string& line);
/// "no rule proves it of the term "v", and samples cannot: it has a jump, .."
std::string no_proof_across(const EnergyTerm& term, const Mixing& where);

/// The fact "<name>_invariant" of a group of which it is known what it keeps (noether.h): whether
/// that momentum stays, (q, p, t, parameters...) -> f64. Terms may change into each other along the
/// group, and the generator may depend on time. Tested as everything is: at the same samples, and
/// not at all of a term with a jump, a kink or a pole that no rule proves invariant by itself.
Fact find_kept(const System& system, const InitialState& initial, const NamedGenerator& generator,
               const ir::FunctionPtr& momentum);

}  // namespace cotangent::mechanics
