// Block mode: the schedule of one function body, in four steps.
//
// 1. Nodes: values that get a loop nest of their own. Reductions, second-order ops, values used
// more than once or replicated, results. The rest is computed where it is used.
//
// 2. Edges, node to node: *aligned* when a row of one needs only the same row of the other. A carry
// updated in place adds edges from all who read its old contents.
//
// 3. Levels: nodes of one level over the same rows become one loop nest; an aligned edge may stay
// within a level. Cycles mean that a carry cannot be updated in place: it gets a second buffer and
// a copy at the end.
//
// 4. Emission, level by level: values read only in their own loop nest stay in registers; stores
// come last in a row, so that everything at the same row still reads the old contents.
#pragma once

#include <map>

#include "cotangent/kernel/lowering.h"

namespace cotangent::kernel {

class Scheduler {
 public:
  Scheduler(Lowering& lowering, Frame& frame, std::vector<Want> wants);
  void run();

 private:
  enum class Kind : std::uint8_t {
    kPoint,
    kRegisters,
    kReduce,
    kScatter,
    kMap,
    kPair,
    kMapSerial,
    kMapLanes,
    kPairSerial,
    kLoop,
    kCall,
    kProduct,
    kWhile,
    kCond,
    kGuard
  };
  struct Out {
    Value value;  ///< invalid for a copy
    Want* want = nullptr;
    bool memory = false;
    Ref ref;
  };
  struct Dep {
    int node = -1;                     ///< whose value is read, or
    std::uint32_t param = UINT32_MAX;  ///< the carry whose old contents are read
    Value value;
    bool aligned = false;
  };
  struct Node {
    Kind kind = Kind::kPoint;
    Value value;  ///< the op; for a copy, what is copied
    bool copy = false;
    Domain domain;
    std::vector<Out> outs;
    std::vector<Dep> deps;
    std::vector<Want> guarded;
    /// Of pairs that are written out: the sums of each row, of the results at i and of those at j.
    std::vector<Lowering::Elements> rows_i, rows_j;
    int level = -1;
    bool grouped() const {
      return kind == Kind::kPoint || kind == Kind::kMap || kind == Kind::kPair;
    }
  };
  using Symbols = std::vector<int>;  ///< per axis: an axis of the node's domain, or -1

  void choose_nodes();
  void count_uses();
  void choose_kind(Value v);
  std::int64_t cost_of(Value v) const;
  std::int64_t reduction_length(Value v) const;
  bool inlines(Value map) const;
  int add_node(Kind kind, Value v);
  void place_views();  // lower_views.cpp
  bool parts_of(Value v, const Ref& dest, bool top, std::vector<Want>& parts) const;
  void forget_views(Value v);
  bool wanted_once(Value v) const;
  bool becomes_result(Value v, const std::vector<Want>& wants) const;
  void place_wants();
  void add_copy(Want& want);
  bool attach(Want& want);

  void find_deps();
  void visit(Node& n, Value v, const Symbols& symbols);
  void visit_operands(Node& n, Value v, const Symbols& symbols);
  Symbols nowhere(Value v) const;
  Symbols through_reshape(const Shape& from, const Shape& to, const Symbols& symbols) const;

  void find_levels();
  bool try_levels();
  void decide_memory();

  void emit();
  void emit_group(const std::vector<Node*>& group);
  bool writes_out(const std::vector<Node*>& group) const;
  std::vector<std::size_t> results_of(Node& n, bool at_j);
  void emit_row(Node& n, const Index& row,
                std::vector<std::pair<Id, std::pair<Out*, Index>>>& stores);
  void emit_single(Node& n);
  void emit_loop(Node& n);
  ForKind map_kind(const Node& n) const;
  void emit_map_body(Node& n, ForKind kind);
  void emit_pair_serial(Node& n);
  void emit_scatter(Node& n);
  void emit_call(Node& n);
  bool gives_whole_rows(const Node& n) const;  // lower_product.cpp
  bool has_whole_rows(Value v) const;
  void emit_product(Node& n);
  void emit_guard(Node& n);
  void emit_while(Node& n);
  void emit_cond(Node& n);
  Out* out_of(Node& n, std::size_t result);
  void finish(Out& out);

  const ir::Type& type(Value v) const { return f_.type(v); }

  Lowering& l_;
  KernelBuilder& b_;
  Frame& fr_;
  const Function& f_;
  std::vector<Want> wants_;
  std::vector<char> needed_;
  std::vector<char> viewed_;  ///< put together from map results that are written in their places
  std::vector<int> uses_;
  std::vector<std::int64_t> cost_, must_;  ///< must: gets a buffer from this cost on
  std::vector<int> node_of_;               ///< by value (of the op, for second-order ops)
  std::deque<Node> nodes_;
  std::map<std::uint32_t, int> writer_;  ///< carry parameter -> node that overwrites it in place
  std::vector<Out*> commits_;            ///< carries with a second buffer, copied back at the end
  std::vector<std::uint32_t> carry_params_;
  std::map<std::pair<int, std::uint32_t>, std::vector<Symbols>> visited_;
};

}  // namespace cotangent::kernel
