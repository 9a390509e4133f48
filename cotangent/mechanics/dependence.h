// What a program depends on, by structure: which parameters reach which results, where positions
// and momenta meet, of what degree a polynomial is.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "cotangent/base/span.h"
#include "cotangent/ir/function.h"

namespace cotangent::mechanics {

/// Bit k: depends on parameter k (parameters from 63 on share bit 63). One mask a result.
/// Structural: a clear bit is a proof of independence.
std::vector<std::uint64_t> dependence(const ir::Function& f);

/// Whether result `r` of f may depend on parameter k.
bool depends_on(const ir::Function& f, std::size_t r, std::size_t k);

/// The first op, in topological order and going into bodies, in which a value that depends on
/// parameter `a` and one that depends on parameter `b` meet in other than a sum, or in which a sum
/// of the two is put through a nonlinear op.
struct Mixing {
  std::string op;
  SourceSpan place;  ///< empty when the op has none
};
std::optional<Mixing> first_mixing(const ir::Function& f, std::size_t a, std::size_t b);

/// Whether what an op gives jumps where its operands move (floor, a comparison, an order, bits):
/// its derivative, zero or none, does not tell.
bool jumps(ir::Op op);

/// The first op that jumps (floor, sign, a comparison, an index, ...) by a value that depends on
/// both parameters. Derivatives do not see such a meeting: they are zero on either side of the
/// jump.
std::optional<Mixing> first_mixed_jump(const ir::Function& f, std::size_t a, std::size_t b);

/// Degrees of result 0 as a polynomial in q (parameter 0), in p (parameter 1), and in both. An
/// upper bound; kNotPolynomial when no bound is found.
struct Degree {
  static constexpr int kNotPolynomial = 1000;
  int q = 0, p = 0, joint = 0;
  bool operator==(const Degree&) const = default;
};
Degree degree_of(const ir::Function& f);

/// The largest degree of result 0 in the parameters `in` together.
int degree_in(const ir::Function& f, const std::vector<std::size_t>& in);

/// What is known of every value of a program and of its bodies, by function and node, where
/// parameters 0, 1 and 2 are q, p and t. A body that is used twice has the larger of both.
struct NodeKnown {
  Degree degree;
  bool reads_t = false;
};
using NodeTable = std::map<std::pair<const ir::Function*, std::uint32_t>, NodeKnown>;
NodeTable known_of_nodes(const ir::Function& f);

/// About how many element operations one evaluation of f is.
double operations_in(const ir::Function& f);

/// "2 in p, 0 in q"
std::string text_of(const Degree& d);

}  // namespace cotangent::mechanics
