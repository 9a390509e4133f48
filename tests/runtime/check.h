// One program through every path: the kernel interpreter and code at three widths, alone and by
// teams, against the reference evaluator.
#pragma once

#include <string>
#include <vector>

#include "cotangent/ir/function.h"
#include "cotangent/runtime/executable.h"

namespace cotangent::path_check {

/// Random numbers in [-2, 2), integers in 0..10.
std::vector<ir::Tensor> arguments_for(const ir::Function& f);

void expect_same(const std::vector<ir::Tensor>& want, const std::vector<ir::Tensor>& got,
                 const std::string& how);

/// Calls with memory for the results that is full of rubbish: what a kernel leaves unwritten shows.
std::vector<ir::Tensor> run(const runtime::Executable& e, const std::vector<ir::Tensor>& arguments);

/// The program through all passes, compiled at two widths, has the bits that the evaluator gives it
/// before any: for ops whose expansions are exact.
void check_passes_too(const ir::FunctionPtr& f, const std::vector<ir::Tensor>& arguments,
                      const std::string& what);

void check(const ir::FunctionPtr& f, std::vector<ir::Tensor> arguments = {},
           const kernel::LowerOptions& lowering = {});

}  // namespace cotangent::path_check
