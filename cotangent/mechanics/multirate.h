// Several rates in one step: forces that are slow and costly are asked for seldom, fast and cheap
// ones often (impulse multiple time steps, RESPA: Tuckerman, Berne and Martyna, Journal of Chemical
// Physics 97, 1992; Grubmueller and others 1991).
//
// Terms of V(q, t) stand in levels, the slowest first. A step of level l with h is
//   p -= h/2 dV_l/dq;  inner_l steps of level l+1, each with h/inner_l;  p -= h/2 dV_l/dq
// and below the last level there is the drift q += h dT/dp. So a step is a symmetric composition of
// exact flows: symplectic, reversible, of second order, and with one level it is the leapfrog. The
// gradients at its end are those at the start of the next and are carried.
//
// A slow force that comes as impulses drives fast motion where its rhythm meets that of the fast
// motion: the map of an oscillation of w kicked every H is unstable near H = pi/w, half its period,
// and at multiples; where the fast motion is anharmonic, steps from a third of a period on already
// gain or lose energy (Ma, Izaguirre and Skeel, SIAM Journal on Scientific Computing 24, 2003).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cotangent/mechanics/integrator.h"

namespace cotangent::mechanics {

/// The terms of each level, the slowest first, and how many steps of level l+1 one of level l has.
struct MultirateLevels {
  std::vector<std::vector<std::string>> terms;
  std::vector<std::int64_t> inner;  ///< one less than the levels
};

/// How often a step asks for the gradient of each level.
std::vector<std::int64_t> evaluations_a_step(const MultirateLevels& levels);

/// Carries q, p and the gradient of each level. Terms that do not read q belong to the drift and
/// need not be named. Throws UserError, naming it, for a term that reads q and p, one that is in no
/// level or in two, a name that is no term's, and counts that do not fit. Programs are not passed.
Integrator multirate(const System& system, const MultirateLevels& levels);

/// What a choice of levels goes by.
struct TermRate {
  std::string name;
  double frequency = 0;  ///< the fastest, radians a time unit; 0: a constant force
  double cost = 1;       ///< of one gradient
};

struct MultirateChoice {
  MultirateLevels levels;
  double dt = 0;      ///< of the slowest level
  double saving = 1;  ///< cost of one rate for all over that of the levels, at the same fast steps
  std::string reason;
};

/// The cheapest levels in which each term has at least `steps_a_period` steps in its own fastest
/// period, the step of the slowest level is at most a third of the period of the fastest term (see
/// above), and there are at most `most_levels`. Terms are in one level with those of like
/// frequency, and a level more must save a tenth. Throws UserError where there are no terms or no
/// motion.
MultirateChoice choose_levels(const std::vector<TermRate>& terms, double steps_a_period = 20,
                              int most_levels = 3);

/// What to say of an outer step `dt` where the fastest motion of an inner level has the frequency
/// `fastest` (radians a time unit); nothing below a third of its period.
std::optional<std::string> resonance_warning(double dt, double fastest);

}  // namespace cotangent::mechanics
