// All of Cotangent that a program needs: include this, link cotangent::cotangent.
//
//   load_system_file -> find_facts -> make_plan -> Flow::compile -> run
//                                                  Gradient::compile -> run
//   Array, jit, grad, vmap, loops (docs/arrays.md)
//
// The README has a whole program; docs/architecture.md says what is where.
#pragma once

#include "cotangent/array/arrays.h"
#include "cotangent/base/error.h"
#include "cotangent/base/version.h"
#include "cotangent/formats/system_file.h"
#include "cotangent/io/atomic_file.h"
#include "cotangent/io/csv.h"
#include "cotangent/io/hdf5_file.h"
#include "cotangent/io/json_writer.h"
#include "cotangent/io/report.h"
#include "cotangent/ir/builder.h"
#include "cotangent/ir/evaluator.h"
#include "cotangent/ir/text.h"
#include "cotangent/ir/verifier.h"
#include "cotangent/mechanics/check_gradient.h"
#include "cotangent/mechanics/flow.h"
#include "cotangent/mechanics/gradient.h"
#include "cotangent/mechanics/quantities.h"
#include "cotangent/mechanics/tangent.h"
#include "cotangent/mechanics/traced_system.h"
#include "cotangent/runtime/executable.h"
#include "cotangent/telemetry/json_lines_sink.h"
#include "cotangent/telemetry/perfetto_sink.h"
#include "cotangent/telemetry/telemetry.h"
#include "cotangent/telemetry/terminal_sink.h"
#include "cotangent/transform/derivatives.h"
#include "cotangent/transform/passes.h"
