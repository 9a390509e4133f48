// What stands behind an Array: a node of a graph of operations. Internal.
//
// One representation serves lazy evaluation and tracing. A node is
//   a buffer       memory with values; a *literal* is one that was written in C++ code as a number
//   a parameter    of a function being traced; it has a type and no value
//   an operation   an ir op on other nodes, or a whole ir function called on them
//   a projection   one result of a node with several
//
// There is no "current trace". A node knows the innermost trace it depends on (`trace`), so after a
// function was run on parameters, what it made is read off the graph of its results, and what
// those take from outside are its captures (closure.h).
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "cotangent/array/promote.h"
#include "cotangent/ir/function.h"
#include "cotangent/runtime/buffer.h"

namespace cotangent::array {

struct Node;
using NodePtr = std::shared_ptr<const Node>;

/// A function being traced. Serials grow, so an inner trace has a greater one than the outer.
struct Trace {
  explicit Trace(std::string what);
  const std::uint64_t serial;
  const std::string what;            ///< "jit", "grad", "scan": for messages
  std::atomic<bool> running = true;  ///< false once the function has returned
};
using TracePtr = std::shared_ptr<Trace>;

struct Node {
  enum class Kind : std::uint8_t { kBuffer, kParameter, kOp, kCall, kProject };

  Node() = default;
  ~Node();
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  Kind kind = Kind::kOp;
  bool weak = false;     ///< element type is that of a literal (promote.h)
  bool literal = false;  ///< a number written in C++ code
  bool constant =
      false;  ///< made of literals alone by cheap ops: copied into bodies, never captured
  ir::Op op = ir::Op::kParameter;
  std::int64_t index = 0;      ///< which result (projection)
  std::uint64_t serial = 0;    ///< when it was made
  std::uint64_t trace = 0;     ///< serial of the innermost trace it depends on; 0: of none
  TracePtr owner;              ///< of a parameter
  ir::Type type;               ///< of results[0] when there are several
  std::vector<ir::Type> more;  ///< all result types of a node with several results, else empty

  // What evaluation changes: under the lock of evaluation, and `ready` is set last.
  mutable ir::Attr attr;
  mutable ir::FunctionPtr callee;
  mutable std::vector<NodePtr> operands;
  mutable runtime::BufferPtr buffer;
  mutable std::atomic<std::int32_t> depth = 0;  ///< pending operations on the longest way up
  mutable std::atomic<bool> ready = false;      ///< buffer is there
  // Where a walk keeps its notes about this node; valid for the walk of that number only. Walks
  // hold graph_mutex(), one at a time.
  mutable std::uint64_t walk = 0;
  mutable std::uint32_t slot = 0;

  bool is_ready() const { return ready.load(std::memory_order_acquire); }
};

/// Serial of the next node or trace.
std::uint64_t next_serial();

NodePtr make_buffer(ir::Type type, runtime::BufferPtr buffer, bool weak = false,
                    bool literal = false);
NodePtr make_parameter(ir::Type type, bool weak, TracePtr owner);

/// Records an op; the type is inferred, UserError when the operands do not fit.
NodePtr make_op(ir::Op op, std::vector<NodePtr> operands, ir::Attr attr = {}, ir::Type hint = {},
                bool weak = false);
/// Records a second-order op or another with several results, or a call of `callee`; gives one node
/// a result.
std::vector<NodePtr> make_second_order(ir::Op op, std::vector<NodePtr> operands, ir::Attr attr);
std::vector<NodePtr> make_call(ir::FunctionPtr callee, std::vector<NodePtr> operands);

/// The same value, weak or not.
NodePtr with_weak(NodePtr node, bool weak);

/// What made this node, for messages: "add", "scan", "a parameter of jit".
std::string maker_of(const Node& node);

}  // namespace cotangent::array
