// The energy that a splitting keeps, as a formula: the series of Baker, Campbell and Hausdorff for
// a product of flows of T and V, in nested Poisson brackets.
//
// A step that runs the flows of b_0 h V, a_1 h T, b_1 h V, .., one after the other, is the flow
// over h of
//   H~ = T + V + sum over n >= 2 of h^(n-1) sum over words w of c_w {..{{V, T}, w_3}, .. w_n}
// up to an exponentially small rest (Hairer, Lubich, Wanner, Geometric Numerical Integration,
// III.5 and IX.2-4). With L_A F = {F, A} the step acts on functions as exp(b_0 h L_V) exp(a_1 h
// L_T)
// .., in the order in which the flows run; the logarithm of that product is taken in the free
// associative algebra, Dynkin's theorem turns each word of it into a left-normed bracket, and
// [L_A, L_B] = -L_{A, B} gives the sign. Left-normed brackets are derivatives along the fields of T
// and V only: no Hessian is needed.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "cotangent/mechanics/splitting.h"

namespace cotangent::mechanics {

/// The bracket {..{{V, T}, w_3}, .. w_n} of a word "VT..", times its coefficient.
struct ShadowTerm {
  std::string word;
  long double coefficient = 0;
  std::string exact;  ///< "-1/24", where the splitting's coefficients allow it; else empty
  int degree() const { return static_cast<int>(word.size()); }
};

inline constexpr int kMaxShadowDegree = 7;

/// The words of a degree, one for every left-normed bracket that starts with {V, T}: 2^(degree-2).
std::vector<std::string> shadow_words(int degree);

/// What each bracket costs: 0 for one that is zero. Brackets of one degree obey linear relations
/// (Jacobi's), so that some can be written in others: the cheap ones are kept.
using BracketCost = std::function<double(const std::string& word)>;

/// Terms of degrees 2 to `degree`, without those that are zero, in the cheapest basis. Coefficients
/// are exact rationals where those of the splitting are short dyadic numbers (leapfrog), and long
/// doubles otherwise; what is below 1e-13 of the largest is round-off of the splitting, and left
/// out. UserError where drifts or kicks do not sum to 1 to 1e-10.
std::vector<ShadowTerm> shadow_series(const Coefficients& splitting, int degree,
                                      const BracketCost& cost = {});

}  // namespace cotangent::mechanics
