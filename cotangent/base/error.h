// The three kinds of error. Nobody ever sees a raw message of a dependency.
//
// UserError:     the input is at fault; says what, where, why and what to do.
// InternalError: a bug of ours; says so.
// DeviceError:   a device, file system or dependency refused.
#pragma once

#include <stdexcept>
#include <string>

namespace cotangent {

/// The parts of a message a person can act on. Empty parts are left out of the text.
struct ErrorParts {
  std::string what;    ///< one sentence: what is wrong, naming the op, key or operand
  std::string where;   ///< "file.toml:12:9", plus the excerpt with a caret when there is one
  std::string why;     ///< what was expected, or the fact that forbids it
  std::string remedy;  ///< what to do
};

class Error : public std::runtime_error {
 public:
  explicit Error(ErrorParts parts);
  const ErrorParts& parts() const { return parts_; }

 private:
  ErrorParts parts_;
};

class UserError : public Error {
 public:
  explicit UserError(ErrorParts parts) : Error(std::move(parts)) {}
  explicit UserError(std::string what, std::string remedy = "")
      : Error({std::move(what), "", "", std::move(remedy)}) {}
};

class InternalError : public Error {
 public:
  explicit InternalError(std::string what);
};

class DeviceError : public Error {
 public:
  explicit DeviceError(std::string what, std::string remedy = "")
      : Error({std::move(what), "", "", std::move(remedy)}) {}
};

/// Throws InternalError with `what` unless `condition` holds. Always on.
inline void ensure(bool condition, const char* what) {
  if (!condition) throw InternalError(what);
}

}  // namespace cotangent
