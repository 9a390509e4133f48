// What varies in size (lists, contacts, events) is an array with room for `capacity` entries, a
// count, and a check that the count fits, whose payload is the number of entries wanted.
//
// A GrowingProgram calls such a program. Where one of the capacity checks fails it makes the
// program anew with more room and repeats the call: the arguments are what they were before it, so
// the results have the bits they would have had with that room from the first, provided entries
// past the count are zeros and nothing depends on the capacity itself. Called once a chunk with the
// carry as its arguments, it resumes from the last good chunk.
#pragma once

#include <functional>

#include "cotangent/runtime/executable.h"
#include "cotangent/runtime/fault.h"

namespace cotangent::runtime {

class GrowingProgram {
 public:
  /// The program with room for `capacity` entries; its types may depend on that in any axis.
  using Make = std::function<ExecutablePtr(std::int64_t capacity)>;

  /// `sites`: the capacity checks of the program. `most`: more is refused with a UserError.
  GrowingProgram(Make make, std::vector<std::int64_t> sites, std::int64_t capacity,
                 std::int64_t most);

  std::int64_t capacity() const { return capacity_; }
  int times_grown() const { return times_grown_; }
  const Executable& program() const { return *executable_; }

  /// Results without the fault. Arguments made for less room are padded with zeros. Faults of other
  /// checks are thrown.
  std::vector<ir::Tensor> call(std::vector<ir::Tensor> arguments);

 private:
  void grow(const Fault& fault);
  void pad(std::vector<ir::Tensor>& arguments) const;

  Make make_;
  std::vector<std::int64_t> sites_;
  std::int64_t capacity_, most_;
  int times_grown_ = 0;
  ExecutablePtr executable_;
};

}  // namespace cotangent::runtime
