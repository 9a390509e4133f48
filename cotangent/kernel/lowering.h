// The state shared by the parts of the lowering (lower_*.cpp); see lower.h for the idea.
#pragma once

#include <array>
#include <deque>
#include <functional>
#include <optional>
#include <unordered_map>
#include <vector>

#include "cotangent/base/row_major.h"
#include "cotangent/ir/function.h"
#include "cotangent/ir/reduction_order.h"
#include "cotangent/kernel/kernel_builder.h"
#include "cotangent/kernel/lower.h"

namespace cotangent::kernel {

using ir::Dims;
using ir::Function;
using ir::Value;

/// A multi-index of kernel values.
struct Index {
  std::array<Id, Shape::kMaxRank> at{};
  int rank = 0;

  void push(Id id) { at[static_cast<std::size_t>(rank++)] = id; }
  Id operator[](int k) const { return at[static_cast<std::size_t>(k)]; }
  bool operator==(const Index& o) const {
    return rank == o.rank && std::equal(at.begin(), at.begin() + rank, o.at.begin());
  }
};

struct Frame;

/// Where an array value is.
struct Ref {
  enum class Kind : std::uint8_t { kNone, kRegisters, kBuffer, kOuter };
  Kind kind = Kind::kNone;
  std::vector<Id> registers;  ///< row-major elements
  std::uint32_t buffer = 0;   ///< element (i, j, ..) at offset + i*strides[0] + j*strides[1] + ..
  std::uint32_t version = 0;
  Id offset = kNoId;
  Dims strides;
  Frame* frame = nullptr;  ///< outer: a value of an enclosing function, leading indices fixed
  Value value;
  Index prefix;
};

/// One instance of a function body being lowered.
struct Frame {
  struct MemoKey {
    std::uint32_t value;
    Id predicate;
    Index index;
    bool operator==(const MemoKey&) const = default;
  };
  struct MemoHash {
    std::size_t operator()(const MemoKey& k) const;
  };
  struct LaneResults {
    std::uint32_t block = 0;
    std::vector<std::vector<Id>> results;
  };

  /// Results of a row that is being computed, before its loop is done.
  struct RowValues {
    Index row;
    std::vector<Id> values;
  };

  ir::FunctionPtr keep;
  const Function* f = nullptr;
  bool lane = false;
  std::vector<Ref> refs;
  std::unordered_map<MemoKey, Id, MemoHash> memo;
  std::vector<char> inlined;  ///< by map op: its rows are computed where they are read
  std::unordered_map<std::uint32_t, RowValues> row_values;
  std::unordered_map<std::uint32_t, LaneResults> lane_results;  ///< by second-order node
  std::unordered_map<std::uint32_t, LaneResults> wholes;        ///< values whose elements are made
  std::vector<double> tree;  ///< by node: operations that one element takes, nothing shared
};

/// How an array is walked: outer axes serial, one axis along SIMD lanes, the rest unrolled.
struct Layout {
  int simd_axis = -1;  ///< -1: everything unrolled (at most kRegisterElements elements)
};
inline constexpr std::int64_t kRegisterElements = 4;
inline constexpr std::int64_t kUnrolledInner = 16;
inline constexpr std::int64_t kUnrolledReduction = 16;
inline constexpr std::int64_t kLeastShared = 8;  ///< rows worth splitting between threads
Layout layout_of(const Shape& shape);
inline bool in_registers(const Shape& shape) {
  return layout_of(shape).simd_axis < 0;
}

/// Elements from one row of a kernel's own array to the next: whole lines of the cache, and never a
/// multiple of 256 bytes from a page on, when the rows of a column would share a few of its sets.
std::int64_t row_stride(std::int64_t n, DType t);

/// Loops around one row of a group: outer lengths, then the SIMD length last. Empty: no loop.
struct Domain {
  Dims lengths;
  bool operator==(const Domain&) const = default;
};
Domain domain_of(const Shape& shape);

/// A value that must exist after a schedule.
struct Want {
  Value value;
  bool has_dest = false;
  Ref dest;           ///< a buffer to hold it
  int carry = -1;     ///< dest is the buffer of this carry, which is also being read
  Value carry_param;  ///< the parameter that reads the old contents
  std::int64_t every = 1;
  Id guard = kNoId;  ///< condition under which an output with every > 1 is emitted
  Value top;  ///< a view that this value is a part of; once it is there, the view lies in `whole`
  Ref whole;
  bool side_by_side =
      true;  ///< in lanes: whether neighbouring lanes' elements of dest are neighbours
  std::function<Id()> slot;  ///< makes the offset of its slot, inside the guarded block
};

class Lowering {
 public:
  Lowering(Program& program, const LowerOptions& options)
      : program_(program), options_(options), b(program) {}

  void lower_function(const ir::FunctionPtr& f);

 private:
  friend class Scheduler;
  using Elements = std::vector<Id>;

  // --- elements (lower_element.cpp)
  Id element(Frame& fr, Value v, const Index& index, Id predicate = kNoId);
  Id compute(Frame& fr, Value v, const Index& index, Id predicate);
  Id read(const Ref& ref, const ir::Type& type, const Index& index, Id predicate);
  Id address(const Ref& ref, const Index& index);
  Id literal(Frame& fr, Value v, const Index& index, Id predicate);
  Id gathered_axis(Frame& fr, Value indices, const Index& place, std::int64_t length, Id predicate);
  Id pick(const Elements& elements, const Shape& shape, const Index& index);
  Index constant_index(const Shape& shape, std::int64_t linear);
  Index reshaped(const Shape& from, const Shape& to, const Index& index);
  Index split(Id linear, const Dims& lengths);
  Elements all_elements(Frame& fr, Value v);
  double tree_of(Frame& fr, Value v);
  bool better_whole(Frame& fr, Value v);
  const Elements& whole(Frame& fr, Value v);
  // (lower_views.cpp)
  std::optional<Ref> view(Frame& fr, Value v);
  bool side_by_side(Frame& fr, Value v, int axis);
  void remember(Frame& fr, Value v, const Index& index, Id id);

  // --- reductions (lower_reduce.cpp)
  using At = std::function<Elements(Id k)>;
  using Next = std::function<Elements(const Elements& total, Id k)>;
  using Combine = std::function<Elements(const Elements&, const Elements&)>;
  /// The fixed order, as serial code. `compact`: one copy of the element's code a partial.
  Elements ordered(std::int64_t n, bool compact, const At& first, const Next& next,
                   const Combine& combine);
  Elements ordered_block(std::int64_t n, const At& first, const Next& next, const Combine& combine,
                         bool whole_last);
  Elements ordered_compact(std::int64_t n, const At& first, const Next& next,
                           const Combine& combine);
  /// The same order with the eight partials along SIMD lanes; at block level only.
  Elements ordered_lanes(std::int64_t n, const std::vector<DType>& types, const At& first,
                         const Next& next, const Combine& combine);
  Elements lanes_block(std::int64_t n, const std::vector<DType>& types, const At& first,
                       const Next& next, const Combine& combine);
  struct Reduction {
    std::int64_t n = 0;
    ir::Op step = ir::Op::kAdd;
    bool in_one_chain = false;  ///< left to right: a short dot product
    std::function<Id(const Index& kept, Id k)> first;
    std::function<Id(const Index& kept, Id total, Id k)> next;
  };
  Reduction reduction(Frame& fr, Value v, Id predicate);
  Id reduce_element(Frame& fr, Value v, const Index& kept, Id predicate);
  Id empty_reduction(ir::Op op, DType t);
  Elements reduce_to_registers(Frame& fr, Value v);

  // --- products of small matrices (lower_product.cpp)
  void small_product(Frame& fr, Value v, const Ref& to);
  void product_rows(Frame& fr, Value v, const Ref& to, const Index& batch, Id first,
                    std::int64_t count);

  // --- lanes (lower_lane.cpp)
  bool in_registers_whole(const Function& body) const;
  Frame& new_frame(const ir::FunctionPtr& f, bool lane);
  const std::vector<std::vector<Id>>& lane_results(Frame& fr, Value node);
  void bind_outer(Frame& body, std::size_t param, Frame& fr, Value v,
                  std::initializer_list<Id> prefix);
  void bind_registers(Frame& body, std::size_t param, Elements registers);
  Elements body_results(Frame& body, const std::vector<std::size_t>& which);
  void make_before(Frame& fr, std::span<const Value> operands);
  void force(Frame& body);
  std::vector<Elements> lane_map(Frame& fr, Value node);
  std::vector<Elements> lane_pair_sum(Frame& fr, Value node);
  std::vector<Elements> lane_loop(Frame& fr, Value node);
  std::vector<Elements> lane_while(Frame& fr, Value node);
  std::vector<Elements> lane_cond(Frame& fr, Value node);
  Elements lane_scatter(Frame& fr, Value node);
  Frame& bind_map(Frame& fr, Value node, Id i);
  Frame& bind_pair(Frame& fr, Value node, Id i, Id j);
  At once(At make);
  /// Sums over the other member for row `row`, of the results in `which` (all at i, or all at j).
  Elements pair_row(Frame& fr, Value node, Id row, bool at_j,
                    const std::vector<std::size_t>& which);
  /// The same of all rows, pair by pair: a long operation that both of a pair have in common is
  /// followed by short ones of both, and none waits for a unit that is busy with long ones.
  std::vector<Elements> pair_rows(Frame& fr, Value node, bool at_j,
                                  const std::vector<std::size_t>& which);
  Elements zero_sums(const Function& body, const std::vector<std::size_t>& which);
  Elements plus_pair(Frame& fr, Value node, Id row, Id other, bool at_j,
                     const std::vector<std::size_t>& which, const Elements& sums);

  // --- blocks (lower_schedule.cpp, lower_block.cpp)
  void schedule(Frame& fr, std::vector<Want> wants);
  /// Whether a value is made by the library (lower_call.cpp), and whether any of a function is.
  bool is_call(const Function& f, Value v) const;
  bool calls_library(const Function& f) const;
  void copy_into(Frame& fr, Value v, const Ref& to);
  void copy_buffer(const ir::Type& type, const Ref& from, const Ref& to);
  void fill_zero(const ir::Type& type, const Ref& to);
  void pack_params(Frame& fr);
  /// Runs `row` once for every row of the domain, inside its loops.
  void for_rows(const Domain& domain, const std::function<void(const Index& row)>& row);
  void for_row_units(const Domain& domain, std::int64_t unit,
                     const std::function<void(const Index& row)>& row);
  /// Calls visit with the full indices of the row's elements.
  void for_row_elements(const Shape& shape, const Domain& domain, const Index& row,
                        const std::function<void(const Index&)>& visit);
  Ref new_buffer(const ir::Type& type, const std::string& note);
  Ref raw_buffer(const ir::Type& type, const std::string& note);  ///< row-major, no padding
  void store_element(const Ref& to, const Index& index, Id value);
  void touch(Ref& ref);  ///< new version after stores
  Index zero_index(int rank);

  Program& program_;
  LowerOptions options_;
  KernelBuilder b;
  std::deque<Frame> frames_;
  std::unordered_map<const ir::Tensor*, std::uint32_t> constants_;
  std::vector<std::shared_ptr<const ir::Tensor>> constant_tensors_;
  std::unordered_map<std::uint32_t, std::uint32_t> version_of_buffer_;
  int element_depth_ = 0;
  bool in_lanes_ = false;   ///< inside a simd loop over instances: loops serial, buffers private
  bool in_shared_ = false;  ///< inside a loop split between threads: buffers private
};

/// Estimated instructions of a body in lane mode.
inline constexpr std::int64_t kMaxPairCost = 6000;  ///< a costlier body of a pair_sum: serial pairs
std::int64_t lane_cost(const Function& body);

/// Whether every pair of a sum is written out where its rows are instances in lanes: what the two
/// of a pair have in common, their distance, is then computed once, and elements have fixed places.
bool pairs_stand_alone(const ir::PairAttr& a);

/// Bytes of the arrays that one instance of a body keeps in memory when it is run in a lane: of all
/// of them, and the most needed at once.
struct LaneBytes {
  std::int64_t all = 0, at_once = 0;
};
LaneBytes lane_bytes(const Function& body);

/// Whether the instances of a map with this body are best run one a SIMD lane, their arrays in lane
/// buffers: enough of them, and the arrays of a vector of instances fit a core's cache.
bool runs_in_lanes(const Function& body, std::int64_t count);

/// A product of matrices, or a batch of them, that is made with its rows in registers.
bool is_small_product(const Function& f, Value v);
/// Whether a body does nothing else: its instances are then run one after another.
bool makes_small_products(const Function& body);

/// Whether a body holds a factorisation or a solve, which only the library does.
bool needs_library(const Function& body);

/// Whether a map's body is a few plain operations on a row's elements (rows can then be computed
/// where they are read, again if need be: stencils need no temporary arrays).
bool is_plain_body(const Function& body);

/// The rewriting of totals: map and pair_sum with kTotal roles (of f itself, not of its bodies)
/// become stacked rows and an ordinary reduce_sum, which is what they are defined to be.
ir::FunctionPtr split_totals(const ir::FunctionPtr& f);

/// Strides that walk the memory of an array of shape `from`, lying with `strides`, as one of shape
/// `to`; none: not possible.
std::optional<Dims> reshaped_strides(const Shape& from, const Dims& strides, const Shape& to);

/// Whether a body reads each element of a parameter once, as the rows of one map.
bool reads_rows_once(const Function& f, Value v);

}  // namespace cotangent::kernel
