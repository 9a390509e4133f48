// A compiled plan as source: the whole simulation as one C file that needs nothing but the C
// library, or its kernels as CUDA C++ or WGSL for a host program of one's own.
//
// The C has the bits of Flow::run: the same programs, printed. docs/source_code.md describes what
// is in each.
#pragma once

#include <string>
#include <vector>

#include "cotangent/backend/source/source_text.h"
#include "cotangent/mechanics/plan.h"

namespace cotangent::mechanics {

struct SourceCode {
  backend::source::Dialect dialect = backend::source::Dialect::kC;
  std::string name;  ///< what names in it begin with
  std::string text;
  std::vector<std::string> functions;                ///< C: what a caller calls
  std::vector<backend::source::KernelText> kernels;  ///< CUDA, WGSL: their arguments and forms
};

/// `name` is made into an identifier. Throws UserError for what the dialect lacks (WGSL: an f64
/// state) or the plan cannot run.
SourceCode source_code(const System& system, const Facts& facts, const Plan& plan,
                       const InitialState& initial, backend::source::Dialect dialect,
                       const std::string& name);

}  // namespace cotangent::mechanics
