// Systems from Python functions: the C++ side of hamiltonian, lagrangian, lie_poisson and equations
// (python/cotangent/systems_traced.py).
#include <nanobind/stl/pair.h>
#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include "cotangent/array/record.h"
#include "cotangent/mechanics/linker.h"
#include "cotangent/mechanics/traced_system.h"
#include "python/src/arrays.h"
#include "python/src/bindings.h"
#include "python/src/system.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace cotangent::python {
namespace {

using NamedObjects = std::vector<std::pair<std::string, nb::object>>;

std::vector<mechanics::Parameter> parameters_of(const NamedObjects& given) {
  std::vector<mechanics::Parameter> all;
  for (const auto& [name, value] : given) {
    const array::Array x = to_array(value, name);
    want_value(x, "system");
    all.push_back(mechanics::parameter(name, x));
  }
  return all;
}

std::vector<mechanics::StateArray> state_of(const NamedObjects& given) {
  std::vector<mechanics::StateArray> all;
  for (const auto& [name, shape] : given) all.push_back({name, to_shape(shape, name), {}});
  return all;
}

/// f takes a dict of the arrays by name, and gives one.
mechanics::TracedFunction function_of(const nb::object& f, const std::vector<std::string>& names) {
  return [f, names](const mechanics::Traced& at) {
    nb::dict given;
    for (const std::string& name : names) given[name.c_str()] = nb::cast(at[name]);
    array::NamedArrays results;
    for (const auto& [name, value] : nb::cast<nb::dict>(f(given))) {
      const std::string key = nb::cast<std::string>(name);
      results.emplace_back(key, to_array(value, key));
    }
    return results;
  };
}

ir::Tensor start_of(const std::string& name, nb::handle value) {
  const array::Array x = to_array(value, name);
  want_value(x, "system");
  return array::recorded_detail::tensor_of(x.astype(DType::kF64));
}

/// With a state to start from, what cotangent.System holds.
std::shared_ptr<const SystemBox> system_of(const mechanics::System& program,
                                           const NamedObjects& given) {
  mechanics::InitialState initial;
  std::vector<ir::Tensor> arrays;
  for (const auto& [name, value] : given) {
    ir::Tensor start = start_of(name, value);
    const Shape wanted =
        program.arrays.empty() ? program.shape : program.arrays[arrays.size()].shape;
    if (start.type().shape != wanted) {
      array::refuse("system",
                    name + " is " + start.type().text() + ", the system's is " +
                        ir::Type{DType::kF64, wanted}.text(),
                    "give both one shape");
    }
    if (!program.arrays.empty()) {
      arrays.push_back(std::move(start));
    } else if (name == "q") {
      initial.q = std::move(start);
    } else {
      (name == "p" ? initial.p : initial.v) = std::move(start);
    }
  }
  if (!arrays.empty()) initial.x = mechanics::joined(program, arrays);
  return std::make_shared<const SystemBox>(
      std::make_shared<GivenOrigin>(program, std::move(initial)), Overrides{});
}

/// A function's text, behind as many empty lines as its file has lines before it: places are those
/// of the file.
/// The programs of what couples two systems: functions of both states, of t, and of parameters of
/// its own (linker.h).
std::vector<mechanics::Coupling> couplings_of(const mechanics::System& a,
                                              const mechanics::System& b,
                                              const std::vector<mechanics::Parameter>& own,
                                              const nb::object& f,
                                              const std::vector<std::string>& names) {
  const auto real = [](const Shape& shape) { return ir::Type{DType::kF64, shape}; };
  std::vector<array::ProgramParameter> list = {{"qa", real(a.shape)},
                                               {"pa", real(a.shape)},
                                               {"qb", real(b.shape)},
                                               {"pb", real(b.shape)},
                                               {"t", real({})}};
  // Those of the two sides come first; names of their own keep them out of the function's way.
  for (const mechanics::Parameter& p : a.parameters)
    list.push_back({"a." + p.name, p.value.type()});
  for (const mechanics::Parameter& p : b.parameters)
    list.push_back({"b." + p.name, p.value.type()});
  for (const mechanics::Parameter& p : own) list.push_back({p.name, p.value.type()});
  const mechanics::TracedFunction function = function_of(f, names);
  const auto programs = array::programs_of(list, [&](std::span<const array::Array> arrays) {
    array::NamedArrays terms = function(mechanics::Traced(list, arrays));
    for (auto& [name, value] : terms) {
      if (value.shape().rank() != 0) {
        array::refuse("link", "'" + name + "' is " + value.type_text() + ", not one real number",
                      "sum over particles");
      }
      value = value.astype(DType::kF64);
    }
    return terms;
  });
  std::vector<mechanics::Coupling> all;
  for (const ir::FunctionPtr& program : programs) all.push_back({program->name(), program, {}});
  return all;
}

/// Two systems as one, from where both start.
std::shared_ptr<const SystemBox> linked(const SystemBox& a, const SystemBox& b,
                                        const NamedObjects& parameters, const nb::object& f,
                                        const std::vector<std::string>& names) {
  const mechanics::System &x = a.file().system, &y = b.file().system;
  std::vector<mechanics::Parameter> own = parameters_of(parameters);
  std::vector<mechanics::Coupling> couplings;
  if (!f.is_none()) couplings = couplings_of(x, y, own, f, names);
  mechanics::Linked whole = mechanics::link(x, y, std::move(couplings), std::move(own));
  whole.system.title = x.title + " + " + y.title;
  mechanics::InitialState initial = mechanics::join(whole, a.file().initial, b.file().initial);
  return std::make_shared<const SystemBox>(
      std::make_shared<GivenOrigin>(std::move(whole.system), std::move(initial)), Overrides{});
}

mechanics::WrittenAs text_of(const std::string& title, const std::string& file,
                             const std::pair<std::string, std::int64_t>& text) {
  std::string all(static_cast<std::size_t>(std::max<std::int64_t>(text.second - 1, 0)), '\n');
  mechanics::WrittenAs written{title, nullptr, static_cast<std::uint32_t>(all.size())};
  written.source = std::make_shared<const SourceFile>(SourceFile{file, all + text.first});
  return written;
}

}  // namespace

void bind_traced_systems(nb::module_& m) {
  nb::class_<mechanics::System>(m, "_Program", "The programs of a system.")
      .def_prop_ro("size", [](const mechanics::System& s) { return s.shape.size(); });
  m.def("_system_of", &system_of, "program"_a, "initial"_a);
  m.def("_link", &linked, "a"_a, "b"_a, "parameters"_a, "f"_a.none(), "names"_a);
  m.def(
      "_trace_hamiltonian",
      [](ShapeLike shape, const NamedObjects& parameters, nb::object f,
         const std::vector<std::string>& names, const std::string& title, const std::string& file,
         const std::pair<std::string, std::int64_t>& text) {
        return mechanics::hamiltonian(to_shape(shape.object, "hamiltonian"),
                                      parameters_of(parameters), function_of(f, names),
                                      text_of(title, file, text));
      },
      "shape"_a, "parameters"_a, "f"_a, "names"_a, "title"_a, "file"_a, "text"_a);
  m.def(
      "_trace_lagrangian",
      [](ShapeLike shape, const NamedObjects& parameters, nb::object f,
         const std::vector<std::string>& names, const std::string& title, const std::string& file,
         const std::pair<std::string, std::int64_t>& text) {
        return mechanics::lagrangian(to_shape(shape.object, "lagrangian"),
                                     parameters_of(parameters), function_of(f, names),
                                     text_of(title, file, text));
      },
      "shape"_a, "parameters"_a, "f"_a, "names"_a, "title"_a, "file"_a, "text"_a);
  m.def(
      "_trace_lie_poisson",
      [](const std::string& algebra, const NamedObjects& parameters, nb::object f,
         const std::vector<std::string>& names, const std::string& title, const std::string& file,
         const std::pair<std::string, std::int64_t>& text) {
        return mechanics::lie_poisson_system(algebra, parameters_of(parameters),
                                             function_of(f, names), text_of(title, file, text));
      },
      "algebra"_a, "parameters"_a, "f"_a, "names"_a, "title"_a, "file"_a, "text"_a);
  m.def(
      "_trace_equations",
      [](const NamedObjects& state, const NamedObjects& parameters, nb::object f,
         const std::vector<std::string>& names, const std::string& title, const std::string& file,
         const std::pair<std::string, std::int64_t>& text) {
        return mechanics::equations(state_of(state), parameters_of(parameters),
                                    function_of(f, names), text_of(title, file, text));
      },
      "state"_a, "parameters"_a, "f"_a, "names"_a, "title"_a, "file"_a, "text"_a);
  m.def(
      "_trace_observables",
      [](mechanics::System& system, nb::object f, const std::vector<std::string>& names,
         std::int64_t every) { mechanics::observe(system, function_of(f, names), every); },
      "system"_a, "f"_a, "names"_a, "every"_a);
}

}  // namespace cotangent::python
