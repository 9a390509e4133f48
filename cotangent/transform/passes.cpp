#include "cotangent/transform/passes.h"

#include <chrono>
#include <utility>

#include "cotangent/ir/diff.h"
#include "cotangent/ir/verifier.h"
#include "cotangent/transform/control.h"
#include "cotangent/transform/keep.h"

namespace cotangent::transform {

using namespace ir;

namespace {

std::string changes_text(const PassRecord& record, const Function& before, const Function& after) {
  const std::string changes = diff(before, after);
  const std::string counts =
      record.nodes_before == record.nodes_after
          ? std::to_string(record.nodes_after)
          : std::to_string(record.nodes_before) + " to " + std::to_string(record.nodes_after);
  return "pass " + record.name + " of " + after.name() + ": " + counts + " nodes, " +
         std::to_string(static_cast<std::int64_t>(record.seconds * 1e6)) + " us" +
         (changes.empty() ? ", no change" : "\n" + changes);
}

}  // namespace

std::vector<Pass> standard_passes(const PassOptions& options) {
  std::vector<Pass> passes;
  const auto any = [](std::function<bool(Op)> wanted) {
    return [wanted](const Function& f) { return f.contains_op(wanted); };
  };
  const auto is = [&](Op wanted) { return any([wanted](Op op) { return op == wanted; }); };
  const auto of_kind = [&](OpKind kind) {
    return any([kind](Op op) { return info(op).kind == kind; });
  };
  passes.push_back({"forget_inverses", forget_inverses, has_inverses});
  passes.push_back({"inline_calls", inline_calls, is(Op::kCall)});
  passes.push_back({"simplify", simplify, {}, true});
  passes.push_back(
      {"expand_linear_algebra", expand_linear_algebra, of_kind(OpKind::kLinearAlgebra)});
  passes.push_back({"symmetrise_pairs", symmetrise_pairs, is(Op::kPairSum)});
  if (options.reduce_strength) {
    passes.push_back({"collect_powers", collect_powers, is(Op::kPairSum)});
    passes.push_back({"reduce_strength", reduce_strength, {}});
    passes.push_back({"simplify", simplify, {}, true});
  }
  passes.push_back({"hoist_rows", hoist_rows, is(Op::kPairSum)});
  if (options.reduce_strength) passes.push_back({"factor_rows", factor_rows, is(Op::kPairSum)});
  passes.push_back({"expand_fft", expand_fft, is(Op::kFft)});
  passes.push_back({"simplify", simplify, {}, true});
  passes.push_back({"fuse_rows", fuse_rows, is(Op::kMap)});
  passes.push_back({"join_rows", join_rows, is(Op::kMap)});
  if (options.contract) passes.push_back({"contract", contract, {}});
  if (options.expand_math) passes.push_back({"expand_math", expand_math, any(is_transcendental)});
  passes.push_back(
      {"expand_random",
       [wide = options.wide_integers](const Function& f) { return expand_random(f, wide); },
       is(Op::kRandomBits)});
  passes.push_back(
      {"expand_scans",
       [wide = options.wide_integers](const Function& f) { return expand_scans(f, wide); },
       of_kind(OpKind::kScan)});
  passes.push_back({"simplify", simplify, {}, true});
  return passes;
}

FunctionPtr run_passes(FunctionPtr f, const PassOptions& options,
                       std::vector<PassRecord>* records) {
  ensure(!f->has_checks(), "run_passes: faults are exposed first (transform/faults.h)");
  FunctionPtr settled;  // what came out of `simplify` last
  for (const Pass& pass : standard_passes(options)) {
    PassRecord record{pass.name, 0, f->total_size(), 0};
    const auto start = std::chrono::steady_clock::now();
    telemetry::Span span(options.telemetry, "pass " + pass.name + " of " + f->name());
    const bool concerns = !pass.concerns || pass.concerns(*f);
    const FunctionPtr before = f;
    if (concerns && !(pass.settles && f == settled)) {
      const FunctionPtr after = pass.run(*f);
      if (!structurally_equal(*before, *after)) f = after;
    }
    if (pass.settles) settled = f;
    span.close();
    record.seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    record.nodes_after = f->total_size();
#ifdef COTANGENT_VERIFY_PASSES
    verify(*f);
#endif
    if (records) records->push_back(record);
    if (options.telemetry && options.telemetry->wants(telemetry::Detail::kPasses)) {
      options.telemetry->debug(changes_text(record, *before, *f));
    }
  }
  return f;
}

}  // namespace cotangent::transform
