#include "cotangent/kernel/canonical.h"

#include <type_traits>

namespace cotangent::kernel {
namespace {

// Every struct is taken apart by a structured binding that names all its members: one that is added
// stops the compiler here. A list begins with its length, so no two programs share their bytes.

template <class T>
  requires std::is_arithmetic_v<T> || std::is_enum_v<T>
void put(std::string& out, T value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

template <class T>
  requires std::is_trivially_copyable_v<T>
void put(std::string& out, const std::vector<T>& list) {
  put(out, static_cast<std::uint64_t>(list.size()));
  out.append(reinterpret_cast<const char*>(list.data()), list.size() * sizeof(T));
}

void put(std::string& out, const Buffer& buffer) {
  const auto& [kind, dtype, count, position, data, note, plane] = buffer;
  put(out, kind);
  put(out, dtype);
  put(out, count);
  put(out, position);
  put(out, data);
  put(out, plane);
}

void put(std::string& out, const Block& block);

void put(std::string& out, const LibraryCall& call) {
  const auto& [op, lower, transposed, unit_diagonal, pairs, batch, arrays] = call;
  put(out, op);
  for (bool flag : {lower, transposed, unit_diagonal, pairs}) put(out, flag);
  put(out, batch);
  put(out, static_cast<std::uint64_t>(arrays.size()));
  for (const LibraryCall::Array& array : arrays) {
    const auto& [buffer, written, rows, columns, strides] = array;
    put(out, buffer);
    put(out, written);
    put(out, rows);
    put(out, columns);
    put(out, strides);
  }
}

void put(std::string& out, const Instr& instr) {
  const auto& [code, kind, rolled, op, dtype, result, buffer, bits, operands, index, args, results,
               body, other, call] = instr;
  put(out, code);
  put(out, kind);
  put(out, rolled);
  put(out, op);
  put(out, dtype);
  put(out, result);
  put(out, buffer);
  put(out, bits);
  put(out, operands);
  put(out, index);
  put(out, args);
  put(out, results);
  put(out, body != nullptr);
  if (body) put(out, *body);
  put(out, call != nullptr);
  if (call) put(out, *call);
  put(out, other != nullptr);
  if (other) put(out, *other);
}

void put(std::string& out, const Block& block) {
  const auto& [instrs, yields] = block;
  put(out, static_cast<std::uint64_t>(instrs.size()));
  for (const Instr& instr : instrs) put(out, instr);
  put(out, yields);
}

}  // namespace

void append_canonical(std::string& out, const Program& program) {
  const auto& [name, buffers, types, body, remarks, inputs, outputs] = program;
  put(out, static_cast<std::uint64_t>(buffers.size()));
  for (const Buffer& buffer : buffers) put(out, buffer);
  put(out, types);
  put(out, body);
  put(out, static_cast<std::uint64_t>(inputs));
  put(out, static_cast<std::uint64_t>(outputs));
}

}  // namespace cotangent::kernel
