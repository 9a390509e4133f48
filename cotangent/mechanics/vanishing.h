// Where an energy is not smooth or not defined: kinks, roots, poles. By rules on the program,
// bodies included: a value is known to be above zero, to vanish on a thin set only (where two or
// more independent coordinates do, as a distance does), to be not negative, or nothing is known of
// it.
//
// Why thin sets matter: a wall of dimension n - 1 cuts the states in two, and then a function may
// be smooth on either side and jump across it (x/sqrt(x*x), atan(1/x)). A thin set does not.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cotangent/base/span.h"
#include "cotangent/ir/function.h"
#include "cotangent/mechanics/dependence.h"

namespace cotangent::mechanics {

struct Site {
  enum class Kind {
    kJump,    ///< steps or chooses by q or p (floor, sign, %, where, atan2)
    kKink,    ///< folds (abs, min, the root of a square)
    kRoot,    ///< a square root of what no rule bounds away from zero: maybe a kink, maybe none
    kPole,    ///< not finite, or not defined, where its operand vanishes (1/x, log, x^-2, tan)
    kNorm,    ///< a root of what vanishes on a thin set: finite, without a derivative there
    kSteep,   ///< finite on its domain, with no finite derivative at an end of it or within
    kClosed,  ///< no rule looks inside (a branch, a solver, lu, bits)
  };
  Kind kind = Kind::kKink;
  bool thin = false;     ///< of kPole and kSteep: on a thin set only
  bool in_pair = false;  ///< in the body of a pair_sum
  std::string op;
  SourceSpan place;
  std::string where = "vanishes";  ///< of kPole, kRoot, kNorm, kSteep: what its operand does there
};

/// An op's name as a system file writes it: "<", "%", "where(...)", "floor(...)".
std::string written(const std::string& op);

/// The first op by which result 0 may jump in q (parameter 0) or p (parameter 1).
std::optional<Mixing> first_jump(const ir::Function& f);

/// The first op that makes result 0 less than smooth in q (parameter 0) or p (parameter 1): a jump,
/// or a fold. Nothing: smooth wherever it is defined, but for roots that no rule settles
/// (Site::Kind::kRoot).
std::optional<Mixing> first_kink(const ir::Function& f);

/// The first op across which derivatives say nothing of values: a jump, a fold, or a pole on a
/// wall. Samples on one side prove nothing, nor do derivatives that vanish, of a term that has one.
std::optional<Mixing> first_break(const ir::Function& f);

/// All sites of result 0 in q (parameter 0) and p (parameter 1), each op once, in program order;
/// `state` says which parameters are the state.
std::vector<Site> sites_of(const ir::Function& energy, const std::vector<std::size_t>& state);

}  // namespace cotangent::mechanics
