// Facts about systems that are not canonical: brackets, plain equations, maps.
#include <algorithm>
#include <cmath>
#include <optional>

#include "cotangent/mechanics/bracket.h"
#include "cotangent/mechanics/carry.h"
#include "cotangent/mechanics/dependence.h"
#include "cotangent/mechanics/exponents.h"
#include "cotangent/mechanics/facts_context.h"
#include "cotangent/mechanics/structure.h"
#include "cotangent/mechanics/vanishing.h"
#include "cotangent/transform/derivatives.h"

namespace cotangent::mechanics {
namespace {

using ir::FunctionPtr;
using ir::Tensor;

/// dx/dt, or the map: (x, t, parameters...) -> f64 [n]. Null where there is no energy yet.
FunctionPtr right_hand_side(const System& system) {
  if (system.rate) return system.rate;
  return system.terms.empty() ? nullptr : vector_field(system);
}

class Equations {
 public:
  explicit Equations(FactContext& c) : c_(c), rate_(right_hand_side(c.system)) {}

  void find() {
    const std::int64_t n = c_.system.shape.size();
    c_.add("degrees_of_freedom", n, How::kProved,
           std::to_string(n) + (n == 1 ? " number" : " numbers") + " in the state");
    not_of_this_form();
    if (c_.system.form == Form::kBracket) structure();
    if (rate_) linear();
    find_time(c_);
    sites();
    c_.add("constrained", false, How::kProved, "no constraint is given").derivation = {
        "a system of this form has no constraints"};
  }

 private:
  void structure() {
    const Tensor& start = c_.initial.x;
    StructureFacts found = find_structure_facts(c_.system, start);
    for (Fact& f : found.facts) c_.facts.all.push_back(std::move(f));
    c_.facts.no_structure = std::move(found.refusal);
    if (c_.facts.no_structure) return;
    c_.facts.casimirs = find_casimirs(c_.system, start);
    std::string all;
    How how = How::kProved;
    for (const KeptByStructure& k : c_.facts.casimirs) {
      all += (all.empty() ? "" : "; ") + k.text;
      if (k.how == How::kTested) how = How::kTested;
    }
    if (all.empty()) return;
    c_.add("casimirs", all, how, "J grad C = 0: every energy keeps them");
  }

  void not_of_this_form() {
    const char* why = c_.system.form == Form::kBracket ? "the state is not split into q and p"
                      : c_.system.form == Form::kMap   ? "a map has no energy"
                                                       : "plain equations have no energy";
    for (const char* name : {"separable", "velocity_dependent", "translation_invariant",
                             "rotation_invariant", "pairwise"}) {
      c_.add(name, false, How::kTested, why);
    }
  }

  const char* what() const {
    return c_.system.form == Form::kMap ? "the map" : "the right-hand side";
  }

  void linear() {
    const int degree = degree_in(*rate_, {0});
    if (degree <= 1) {
      c_.add("linear", true, How::kProved,
             std::string(what()) + " is of degree " + std::to_string(degree) + " in the state")
          .derivation = {"an upper bound of the degree, carried through the program"};
      return;
    }
    for (const Site& s : sites_of(*with_exponents(c_.system, rate_), {0})) {
      const bool kink = s.kind == Site::Kind::kJump || s.kind == Site::Kind::kKink;
      if (!kink && (s.kind != Site::Kind::kPole || s.thin)) continue;
      c_.add("linear", false, How::kTested,
             std::string(what()) + " has a " + (kink ? "jump or a kink" : "pole") + " (" +
                 written(s.op) + "), so " +
                 (kink ? "it is not one line" : "samples cannot tell, and no rule proves it"))
          .place = s.place;
      return;
    }
    test_linear();
  }

  /// The derivative along one direction at two states.
  void test_linear() {
    const FunctionPtr slope = transform::jvp(*rate_, {0});
    Random random(11);
    const Tensor direction =
        perturbed(filled(ir::Type{DType::kF64, c_.system.shape}, 0), 1, random);
    const std::string change =
        Weighed(c_.samples, slope, {slope->results().size() - 1}).change(rate_, {direction});
    c_.add("linear", change.empty(), How::kTested,
           change.empty() ? "the derivative is the same on " + c_.samples.text() +
                                " and at its own scales, though no rule proves it"
                          : "the derivative of " + std::string(what()) + " changes " + change +
                                " between two states");
  }

  void sites() {
    std::vector<Site> all;
    for (const EnergyTerm& term : c_.system.terms) {
      for (Site& s : sites_of(*with_exponents(c_.system, term.energy), {0}))
        all.push_back(std::move(s));
    }
    if (c_.system.rate) {
      for (Site& s : sites_of(*with_exponents(c_.system, c_.system.rate), {0}))
        all.push_back(std::move(s));
    }
    const auto of = [&](Site::Kind kind) -> const Site* {
      const auto at =
          std::find_if(all.begin(), all.end(), [kind](const Site& s) { return s.kind == kind; });
      return at == all.end() ? nullptr : &*at;
    };
    const Site* jump = of(Site::Kind::kJump);
    const Site* kink = jump ? jump : of(Site::Kind::kKink);
    std::optional<Site> in_time;
    if (!kink && c_.system.rate) {
      for (Site& s : sites_of(*with_exponents(c_.system, c_.system.rate), {0, 1})) {
        if (s.kind == Site::Kind::kJump || s.kind == Site::Kind::kKink) in_time = std::move(s);
      }
    }
    if (in_time) kink = &*in_time;
    const Site* root = of(Site::Kind::kRoot);
    const Site* pole = of(Site::Kind::kPole);
    const Site* closed = of(Site::Kind::kClosed);
    const Site* rough = root ? root : closed;
    tell("smooth", !kink, !kink && !rough, kink ? kink : rough,
         "no op jumps, folds or chooses by x or t");
    const bool cuts = pole && !pole->thin;
    const Site* unsure = cuts ? pole : closed;
    tell("may_jump", jump != nullptr, !jump && !unsure, jump ? jump : unsure,
         "no op steps or chooses by x");
    const Site* bad = pole;
    for (const Site::Kind kind : {Site::Kind::kNorm, Site::Kind::kRoot, Site::Kind::kSteep}) {
      if (!bad) bad = of(kind);
    }
    tell("singular", bad != nullptr, !bad && !closed, bad ? bad : closed,
         "nothing divides by what may vanish");
  }

  void tell(const char* name, bool value, bool proved, const Site* site, const char* otherwise) {
    Fact& f = c_.add(name, value, proved ? How::kProved : How::kTested,
                     proved || !site ? std::string(otherwise)
                                     : std::string(what()) + " " + found(site->kind) + " (" +
                                           written(site->op) + ")");
    if (proved) {
      f.derivation = {"read off the ops of the program"};
      f.detail += exponents_note(c_.system);
    }
    if (site && !proved) f.place = site->place;
  }

  static const char* found(Site::Kind kind) {
    switch (kind) {
      case Site::Kind::kJump: return "may jump";
      case Site::Kind::kKink: return "has a kink";
      case Site::Kind::kPole: return "may have a pole";
      case Site::Kind::kClosed: return "has an op that no rule looks into";
      default: return "may have no finite slope somewhere";
    }
  }

  FactContext& c_;
  FunctionPtr rate_;
};

}  // namespace

void find_of_other_form(FactContext& c) {
  Equations(c).find();
}

}  // namespace cotangent::mechanics
