// The compiler's passes over array programs, in one ordered list. Each is a function to function;
// in builds with COTANGENT_VERIFY_PASSES the verifier runs after every one.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "cotangent/ir/function.h"
#include "cotangent/telemetry/telemetry.h"

namespace cotangent::transform {

/// The steps back of loops, which only derivatives read, are gone. Exact.
ir::FunctionPtr forget_inverses(const ir::Function& f);

/// Exact rewriting only: dead code, unused body parameters/operands/results of second-order ops,
/// invariants, constants forwarded into bodies, double negation, etc.
ir::FunctionPtr simplify(const ir::Function& f);

/// pair_sum over i<j whose at-i and at-j results are added together and are mirror images of one
/// another (proved by algebra over the reals) -> one pair_sum over i!=j with at-i only.
ir::FunctionPtr symmetrise_pairs(const ir::Function& f);

/// Scalars of a pair's body that are sums of few products of powers, and are computed in twice as
/// many operations or more, are written as such. Changes rounding; goes with reduce_strength.
ir::FunctionPtr collect_powers(const ir::Function& f);

/// Divisions by sqrt(x), by powers of it, and repeated divisions by one value -> rsqrt and
/// products. Changes rounding (within a few ulp); so a named pass that can be left out.
ir::FunctionPtr reduce_strength(const ir::Function& f);

/// sqrt(x) sqrt(x) and sqrt(x)^2n -> x and x^n. No pass: for energies, before they are looked at,
/// since roots have no derivative where they vanish, and norm(q)^2 has all of them.
ir::FunctionPtr squares_of_roots(const ir::Function& f);

/// What depends on one side of a pair_sum's pair only is computed once a row, by a map. Exact.
ir::FunctionPtr hoist_rows(const ir::Function& f);
/// The same, gathers too; no pass, but what reverse mode does before it transposes pairs that
/// gather.
ir::FunctionPtr hoist_reads(const ir::Function& f);

/// What is computed element by element, through transpositions, between the rows of one map and
/// those of another moves into the second. Exact.
ir::FunctionPtr fuse_rows(const ir::Function& f);

/// Two maps with loops inside, the second over the rows that the first gives -> one map: the
/// array between is never whole in memory. Exact.
ir::FunctionPtr join_rows(const ir::Function& f);

/// Factors that all pairs of a row (or of the whole sum) share are taken out of a pair_sum. Changes
/// rounding (each sum by about one ulp); goes with reduce_strength.
ir::FunctionPtr factor_rows(const ir::Function& f);

/// fft -> maps over lines, stages and straight-line codelets (docs/fft.md).
ir::FunctionPtr expand_fft(const ir::Function& f);

/// add(mul(a, b), c) -> fma(a, b, c) where the product has no other use. LLVM and C compilers run
/// with contraction off; this is the only contraction there is.
ir::FunctionPtr contract(const ir::Function& f);

/// Transcendental functions -> our own polynomials in the program's ops (docs/functions.md states
/// range and error in ulp of each).
ir::FunctionPtr expand_math(const ir::Function& f);

/// far_angle and its like -> integer operations, for back ends that print source. Exact.
ir::FunctionPtr expand_far_angles(const ir::Function& f);

/// Factorisations and triangular solves of matrices up to 16 x 16 -> loops of ordinary ops, one
/// matrix to a lane when batched. Larger ones stay, for the library. Results change within
/// round-off.
ir::FunctionPtr expand_linear_algebra(const ir::Function& f);
/// random_bits -> Philox in integer arithmetic. With `wide_integers` the high half of a product is
/// taken from a 64-bit one, otherwise made of 16-bit halves; the bits are the same.
ir::FunctionPtr expand_random(const ir::Function& f, bool wide_integers = true);

/// sort, argsort and cumulative_sum -> networks, merges and running sums. Exact. Places are counted
/// in 64 bits or in 32.
ir::FunctionPtr expand_scans(const ir::Function& f, bool wide_integers = true);

struct PassOptions {
  bool reduce_strength = true;
  bool contract = true;
  bool expand_math = true;  ///< false: for a target that has such functions itself
  /// Gets a span for every pass and, where it wants passes, what each changed.
  telemetry::Telemetry* telemetry = nullptr;
  bool wide_integers = true;  ///< of 64 bits, where the program itself has none (WGSL: false)
};

struct Pass {
  std::string name;
  std::function<ir::FunctionPtr(const ir::Function&)> run;
  /// Where this does not hold the pass has nothing to do and is left out; empty: it always runs.
  std::function<bool(const ir::Function&)> concerns;
  /// A second run on its own result would find nothing to do, and is left out.
  bool settles = false;
};

/// The passes a program goes through before kernels are made, in order.
std::vector<Pass> standard_passes(const PassOptions& options = {});

struct PassRecord {
  std::string name;
  double seconds = 0;
  std::size_t nodes_before = 0, nodes_after = 0;
};

/// Runs the list; `records`, when given, receives one entry a pass.
ir::FunctionPtr run_passes(ir::FunctionPtr f, const PassOptions& options = {},
                           std::vector<PassRecord>* records = nullptr);

}  // namespace cotangent::transform
