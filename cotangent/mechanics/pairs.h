// The form of an energy term: a sum over particles, a sum over pairs, or something else.
#pragma once

#include <string>

#include "cotangent/base/span.h"
#include "cotangent/ir/function.h"

namespace cotangent::mechanics {

enum class TermForm { kConstant, kOneBody, kPairs, kOther };

struct FormOf {
  TermForm form = TermForm::kOther;
  std::string why;   ///< for kOther: the op at which the form is lost
  SourceSpan place;  ///< of that op
};

/// By rules on the program of result 0 of (q, p, t, parameters...). Particles are the rows of q and
/// p (the entries, for a state of shape [n]). kOneBody: a sum of functions of one particle each;
/// kPairs: that plus sums by pair_sum (all i<j or all i!=j) of functions of the pair.
FormOf form_of(const ir::Function& energy);

}  // namespace cotangent::mechanics
