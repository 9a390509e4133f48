#include "cotangent/mechanics/reverse_machine.h"

#include "cotangent/ir/non_finite.h"
#include "cotangent/mechanics/diagnose.h"

namespace cotangent::mechanics {

Arrays ReverseMachine::room_for_samples() const {
  Arrays list;
  if (every_ > 0) {
    list.emplace_back(ir::Type{DType::kF64, Shape{(chunk_ + every_ - 1) / every_}});
  }
  return list;
}

void ReverseMachine::undo(const Arrays&, Arrays&, const Arrays&, Arrays&, std::int64_t,
                          std::int64_t, const GradientContext&) const {
  throw InternalError("ReverseMachine::undo: these steps have no inverse");
}

std::vector<Callable> compile_gradient(const std::vector<ir::FunctionPtr>& programs,
                                       const FlowOptions& options) {
  std::vector<Callable> made;
  if (options.reference) {
    for (const ir::FunctionPtr& f : programs) made.emplace_back(f, nullptr);
    return made;
  }
  runtime::CompileOptions o;
  o.threads = options.threads > 0 ? options.threads : runtime::host_threads();
  o.vector_bits = options.vector_bits;
  o.cpu = options.cpu;
  o.cache = options.cache;
  o.telemetry = options.telemetry;
  o.passes = false;  // the pieces went through them (programs.h)
  for (const ir::FunctionPtr& f : programs) o.passes = o.passes || f->has_checks();
  const auto compiled = runtime::compile_all(programs, o);
  for (std::size_t k = 0; k < programs.size(); ++k) made.emplace_back(programs[k], compiled[k]);
  return made;
}

std::optional<GradientFault> fault_in(const System& system, const RunClock& clock,
                                      const ir::Function& f, const std::vector<ir::Tensor>& args,
                                      std::int64_t step, const std::vector<std::string>& names,
                                      std::size_t skipped) {
  const auto found = ir::find_non_finite(f, args);
  if (!found) return {};
  GradientFault fault;
  fault.step = step;
  fault.t = clock.time(step);
  fault.component =
      component_name(names[found->result], f.result_type(found->result).shape, found->element);
  if (!found->argument) fault.op = ir::name_of(found->op);
  for (std::size_t k = skipped; k < found->levels.size(); ++k) {
    fault.where += (k > skipped ? ", " : "in ") + found->levels[k].text();
  }
  fault.place = found->place;
  const SourcePtr& source = system.source;
  if (source && !fault.place.empty() && fault.place.end <= source->text.size()) {
    fault.expression = source->text.substr(fault.place.begin, fault.place.end - fault.place.begin);
  }
  return fault;
}

std::vector<std::string> gradient_names(const std::vector<std::string>& arrays,
                                        const System& system, const std::vector<std::size_t>& wrt) {
  std::vector<std::string> names;
  for (const std::string& name : arrays) names.push_back("gradient by " + name);
  for (std::size_t k : wrt) names.push_back("gradient by " + system.parameters[k].name);
  return names;
}

}  // namespace cotangent::mechanics
