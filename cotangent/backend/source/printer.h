// The printer of one kernel. Included by the files of this folder only.
//
// A value that is used once, in the block that makes it, is written where it is used; the others
// get a name. What reads memory is written before the next thing that may write.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "cotangent/backend/source/dialect.h"
#include "cotangent/backend/source/names.h"
#include "cotangent/kernel/ranges.h"

namespace cotangent::backend::source {

class Printer {
 public:
  /// `globals`: names at the file's level, those of this kernel are added.
  Printer(const kernel::Program& program, const DialectTable& table, const KernelNames& names,
          Helpers& helpers, Names& globals);

  KernelText print();

 private:
  using Id = kernel::Id;
  using Instr = kernel::Instr;
  using Block = kernel::Block;

  struct Expr {
    std::string text;
    Level level = Level::kAtom;
    bool reads = false;    ///< memory that somebody may write
    bool literal = false;  ///< a number
  };

  /// Where a buffer's elements are.
  struct Place {
    std::string array;   ///< name
    std::string offset;  ///< WGSL: what is added to an index; "" for nothing
    bool bits = false;   ///< WGSL: floats held as u32, since not all are finite
  };

  /// Buffers, by what was done to them since the last barrier.
  struct Pending {
    std::set<std::uint32_t> read, written_by_first, written_by_rows;
    void add(const Pending& other);
  };

  // printer.cpp: analysis, expressions
  [[noreturn]] void refuse(const std::string& what, const std::string& remedy) const;
  void count_uses(const Block& b);
  void use(Id id, const Block& b);
  DType held(DType t) const;  ///< WGSL holds an i64 in 32 bits
  const char* value_type(DType t) const;
  const char* memory_type(DType t) const;
  void check_value(Id id, const std::string& what) const;
  std::string literal(const Instr& c, bool among_others);
  Expr take(Id id, bool among_others = true);
  std::string operand(const Expr& e, Level limit) const;
  std::string fill(const char* text, Level level, const Instr& i, std::vector<Expr>& x);
  void give(const Instr& i, Expr e);
  std::string element_name(const Instr& i) const;
  std::string name_value(const Instr& i, const Expr& e);
  void flush_reads();
  void constant(const Instr& i);
  void op(const Instr& i);
  void load(const Instr& i);
  std::string element(std::uint32_t buffer, const std::string& index) const;
  Expr loaded(const Instr& i, const Expr& index, const Expr* predicate) const;

  // statements.cpp: blocks, loops, barriers
  void line(const std::string& text);
  void declare(DType t, const std::string& name, const std::string& text, bool changes = false);
  void block(const Block& b);
  void store(const Instr& i);
  void branch(const Instr& i);
  void loop(const Instr& i);
  std::string index_name();
  std::string head_of(const Instr& i, const std::string& index, const Expr& lo, const Expr& hi,
                      bool spread) const;
  void declare_own(const Block& b);
  void own_of(const Block& b, std::set<std::uint32_t>& own) const;
  void while_loop(const Instr& i);
  std::vector<std::string> declare_carried(const Instr& i, std::size_t head);
  void close_loop(const std::vector<Id>& yields, const std::vector<std::string>& carried);
  void give_results(const Block& b, const std::vector<std::string>& names);
  void choose_form();
  bool in_team() const { return form_ != Form::kSerial && !in_rows_; }
  Pending touched(const Block& b, bool in_rows) const;
  void settle(const Pending& next);
  void before(const Pending& next);
  void barrier();
  bool is_uniform(Id id) const { return uniform_[id] != 0; }

  // signature.cpp: what stands around the body
  void place_buffers();
  void place_in_bindings();
  void head(KernelText& out);
  std::string head_comment() const;
  std::string constants_text() const;
  std::string scratch_text() const;
  void c_head(KernelText& out);
  void wgsl_head(KernelText& out);

  const kernel::Program& program_;
  const DialectTable& table_;
  const KernelNames& given_;
  Helpers& helpers_;
  Names& globals_;
  Names names_;
  kernel::Ranges ranges_;
  Form form_ = Form::kSerial;
  std::string function_;
  std::vector<Argument> arguments_;
  std::vector<Binding> bindings_;
  std::string offsets_;             ///< WGSL: constants that say where an argument begins
  std::vector<Place> place_;        ///< by buffer
  std::vector<std::string> plain_;  ///< by buffer: a name for people

  std::vector<char> touched_;  ///< by buffer: anything reads or writes it

  std::vector<int> uses_;                 ///< by value
  std::vector<const Block*> used_in_;     ///< by value: the block of a use
  std::vector<const Block*> defined_in_;  ///< by value
  std::vector<Expr> exprs_;               ///< by value
  std::vector<std::string> hints_;        ///< by value: what a variable for it may be called
  std::vector<const Instr*> constants_;   ///< by value: the literal that it is
  std::vector<const Instr*> unread_;  ///< makers of unnamed expressions that read memory, in order
  std::vector<char> uniform_;         ///< by value: the same in all threads, provably for WGSL

  std::string body_;
  int depth_ = 1;
  const Block* block_ = nullptr;
  std::vector<std::string> index_names_;
  std::size_t loops_ = 0;
  bool in_rows_ = false;
  bool guarded_ = false;  ///< inside `if (thread == 0)`
  int unsure_ = 0;        ///< constructs around us whose condition is not provably uniform
  Pending pending_;
};

}  // namespace cotangent::backend::source
