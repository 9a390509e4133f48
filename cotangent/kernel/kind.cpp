#include "cotangent/kernel/kind.h"

#include <algorithm>

namespace cotangent::kernel {
namespace {

constexpr double kTypicalWhile = 8;      ///< iterations, for want of knowledge
constexpr double kTypicalCadence = 100;  ///< steps from one output to the next, likewise

/// Scalar operations; loads and stores count as one, divisions and roots as four.
class OpCounts {
 public:
  explicit OpCounts(const Program& program) : constants_(program.types.size(), INT64_MIN) {
    note(program.body);
  }

  double of(const Block& b) const {
    double total = 0;
    for (const Instr& i : b.instrs) total += of(i);
    return total;
  }
  double of(const Instr& i) const {
    switch (i.code) {
      case Code::kConst: return 0;
      case Code::kOp:
        if (ir::is_far_angle(i.op)) return 0;  // hardly ever runs
        return i.op == ir::Op::kDiv || i.op == ir::Op::kSqrt || i.op == ir::Op::kRsqrt ? 4 : 1;
      case Code::kIf: {
        const double first = of(*i.body);
        return i.other ? std::max(first, of(*i.other)) : first / kTypicalCadence;
      }
      case Code::kWhile: return kTypicalWhile * of(*i.body);
      case Code::kCall: return of(*i.call);
      case Code::kFor: return trip(i) * of(*i.body);
      default: return 1;
    }
  }

  /// Whether the end of a for is a constant.
  bool known(const Instr& loop) const { return constants_[loop.operands[1]] != INT64_MIN; }
  double trip(const Instr& loop) const {
    const std::int64_t lo = constants_[loop.operands[0]], hi = constants_[loop.operands[1]];
    if (hi == INT64_MIN) return 1;
    if (lo == INT64_MIN) return static_cast<double>(hi) / 2;
    return static_cast<double>(std::max<std::int64_t>(hi - lo, 0));
  }

 private:
  /// As an order of magnitude: a product's own count, and n^3 for what is done to a matrix.
  static double of(const LibraryCall& call) {
    double total = 1;
    for (std::int64_t n : call.batch) total *= static_cast<double>(n);
    const LibraryCall::Array& a = call.arrays[0];
    const auto m = static_cast<double>(a.rows), n = static_cast<double>(a.columns);
    const bool product = call.op == ir::Op::kDotGeneral || call.op == ir::Op::kTriangularSolve;
    return total * m * n *
           (product ? static_cast<double>(call.arrays.back().columns) : std::min(m, n));
  }
  void note(const Block& b) {
    for (const Instr& i : b.instrs) {
      if (i.code == Code::kConst) constants_[i.result] = static_cast<std::int64_t>(i.bits);
      if (i.body) note(*i.body);
      if (i.other) note(*i.other);
    }
  }

  std::vector<std::int64_t> constants_;
};

class Walk {
 public:
  Walk(const Program& program, Work& work) : counts_(program), work_(work) {}

  /// What all threads go through together, `times` times.
  void together(const Block& b, double times, bool in_steps) {
    for (const Instr& i : b.instrs) {
      switch (i.code) {
        case Code::kStore: work_.barriers += times; break;  // by one thread, the others wait
        case Code::kCall:
          work_.shared += times * counts_.of(i);
          work_.barriers += times;
          break;
        case Code::kFor:
          if (i.kind == ForKind::kSerial) {
            together(*i.body, times * counts_.trip(i), in_steps || i.rolled);
            break;
          }
          work_.barriers += times;
          if (i.kind == ForKind::kSimd) break;
          work_.shared += times * counts_.of(i);
          work_.steps |= in_steps;
          if (has_steps(*i.body)) work_.in_lanes += times * counts_.of(i);
          break;
        case Code::kWhile: together(*i.body, times * kTypicalWhile, true); break;
        case Code::kIf:
          // One without a second block is an output at a cadence.
          together(*i.body, i.other ? times : times / kTypicalCadence, in_steps);
          if (i.other) together(*i.other, times, in_steps);
          break;
        default: break;
      }
    }
  }

 private:
  OpCounts counts_;
  Work& work_;
};

}  // namespace

bool has_steps(const Block& b) {
  return std::any_of(b.instrs.begin(), b.instrs.end(), [](const Instr& i) {
    return i.rolled || i.code == Code::kWhile || (i.body && has_steps(*i.body)) ||
           (i.other && has_steps(*i.other));
  });
}

std::string_view name_of(Kind kind) {
  switch (kind) {
    case Kind::kLane: return "lane";
    case Kind::kTeam: return "team";
    case Kind::kGrid: return "grid";
    default: return "solo";
  }
}

Work work_of(const Program& program) {
  Work work;
  Walk walk(program, work);
  const OpCounts counts(program);
  // What stands before and after the run's own loop (clearing room for samples, say) is done once a
  // call.
  for (const Instr& i : program.body.instrs) {
    if (i.code != Code::kFor || counts.known(i)) continue;
    work.per_step = true;
    work.all += counts.of(*i.body);
    walk.together(*i.body, 1, true);
  }
  if (work.per_step) return work;
  work.all = counts.of(program.body);
  walk.together(program.body, 1, false);
  return work;
}

bool worth_a_team(const Work& work, double from) {
  return work.shared >= from && work.shared >= work.barriers * from / kBarriersIn;
}

Kind kind_of(const Work& work, double team_from, bool team) {
  if (work.in_lanes > 0.5 * work.all) return Kind::kLane;
  if (work.steps) return team ? Kind::kTeam : Kind::kSolo;
  return work.shared > 0.5 * work.all && work.all >= team_from ? Kind::kGrid : Kind::kSolo;
}

}  // namespace cotangent::kernel
