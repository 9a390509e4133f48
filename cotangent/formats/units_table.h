// Units in a system file: [units], values with a unit, and the check of every expression.
//
// A file is checked when a unit stands anywhere in it: a table [units], a value such as "1.5 kg" or
// {value = [1, 2], unit = "kg"}, or an observable's unit. Then
//   - all numbers are turned into one coherent system, that of [units], SI unless it says
//   otherwise;
//   - a bare number in [initial] and [run] is in that system; a bare parameter is too, and its
//     dimension is settled by its uses (lang/dimensions.h);
//   - results are in that system, except where an observable names its own unit.
// A file without units has none of this: it reads as before, to the bit.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cotangent/formats/document.h"
#include "cotangent/formats/unit_labels.h"
#include "cotangent/ir/function.h"
#include "cotangent/lang/dimensions.h"

namespace cotangent::mechanics {
struct LieAlgebra;
}

namespace cotangent::formats {

struct ValueSource;

/// Entries [begin, end) of an array of the state or of a parameter, and how they are spread.
struct SpreadPart {
  std::string name;
  std::int64_t begin = 0, end = 0;
  std::string law;         ///< "normal"
  bool relative = false;   ///< its numbers are factors
  bool each_same = false;  ///< its numbers are about every entry alike, however many they are
};

class FileUnits {
 public:
  /// Reads [units], if `root` has it. `names` must outlive this.
  FileUnits(SourcePtr file, const Node& root, const lang::Context& names);

  /// Whether anything in the file has a unit.
  static bool wanted(const Node& root);

  const lang::WorkingUnits& working() const { return working_; }
  lang::Dimensions& dimensions() { return dimensions_; }

  // --- values. Each reads a node as read_numbers does, in the working system.
  /// A parameter; its dimension becomes known under `name`.
  ir::Tensor read_parameter(const ValueSource& source, const Node& node, const std::string& name,
                            const lang::Context& names);
  /// q, p or v; p and v after q. `what` names it in messages.
  ir::Tensor read_state(const ValueSource& source, const Node& node, const std::string& name,
                        const lang::Context& names);
  /// One number of a dimension: dt, t_end.
  double read_real(const ValueSource& source, const Node& node, const std::string& what,
                   const lang::Context& names, const lang::Dimension& dimension);

  /// Numbers of [ensemble.spread], for `part` of the state or of a parameter: in its dimension, or
  /// (`relative`) without one. What does not have a number for each entry is not looked at: its
  /// shape is refused elsewhere.
  ir::Tensor read_spread(const ValueSource& source, const Node& node, const SpreadPart& part,
                         const lang::Context& names);

  /// A named array of a state that is not q and p (units_motion.cpp): its values say what it is,
  /// or, where they are bare, its uses do.
  ir::Tensor read_array(const ValueSource& source, const Node& node, const std::string& name,
                        const lang::Context& names);
  /// A part of the state that has no values in the file.
  lang::DimensionTerm scalar_array(const std::string& name, const lang::DimensionTerm& dimension);
  /// Of a contact structure: p is an action over q, s an action.
  void settle_contact(SourceSpan span);

  // --- expressions, after they are traced
  /// A rule for each array of the state, of its dimension over `per`.
  void check_rules(const std::vector<lang::ArrayText>& rules, const lang::DimensionTerm& per,
                   const std::string& what);
  void check_generator(const std::vector<lang::ArrayText>& rules, const std::string& symmetry);
  /// A matrix over z, of the dimensions z_i z_j over `per`.
  void check_matrix(const lang::ArrayText& matrix, const lang::DimensionTerm& per,
                    const std::string& what);
  lang::DimensionTerm check_entropy(const lang::Expression& expression);
  void check_algebra(const mechanics::LieAlgebra& algebra, SourceSpan span);
  void check_energy(const std::string& name, const lang::Expression& expression);
  /// Checks an observable and gives its function in the unit asked for (`unit` may be null).
  ir::FunctionPtr check_observable(const std::string& name, const lang::Expression& expression,
                                   const Node* unit, ir::FunctionPtr value);

  /// When all is read.
  UnitLabels labels() const;

  // --- what read_numbers meets on its way (values.cpp)
  /// Whether one of the above reads: nobody else may be given a unit, since nobody would check it.
  bool reading() const { return reading_; }
  void met_bare(SourceSpan span, std::int64_t count = 1, bool zero = false);
  double met_quantity(const lang::SourceText& text, SourceSpan span, const std::string& what);
  void met_computed(const lang::Expression& expression, SourceSpan span, const lang::Context& names,
                    std::int64_t count);
  /// {value = ..., unit = "kg"}, {file = "x.csv", unit = "kg"}: the factor for the numbers inside.
  double met_unit(const Node& unit, SourceSpan span);

 private:
  struct Leaf {
    std::int64_t index = 0;
    SourceSpan span;
    lang::DimensionTerm dimension;
    std::string unit;    ///< as written; empty for a computed value
    bool whole = false;  ///< of all entries
  };
  /// The units of the entries of one value.
  struct Datum {
    std::vector<Leaf> leaves;
    std::int64_t count = 0;
    std::optional<SourceSpan> bare;  ///< the first number without a unit that is not 0
  };

  /// A named array of the state, and its dimension: one, or one an entry.
  struct Array {
    std::string name;
    Shape shape;
    std::vector<lang::DimensionTerm> dimensions;
  };
  /// Whether values say one dimension for all.
  bool alike(const std::vector<Leaf>& leaves) const;
  std::vector<lang::DimensionTerm> entries_of_z() const;
  /// One for all of a part, or one an entry.
  std::vector<lang::DimensionTerm> dimensions_of(const SpreadPart& part) const;
  void check_array(const lang::ArrayText& text, const std::vector<lang::DimensionTerm>& wanted,
                   const std::string& what);
  ir::Tensor read(const ValueSource& source, const Node& node, const std::string& what,
                  const lang::Context& names);
  void refuse_mixed(const std::string& what) const;
  /// `remedy` in place of a unit to write.
  void expect(const Leaf& leaf, const lang::DimensionTerm& wanted, const std::string& what,
              const std::string& remedy = "");
  void settle_q(const Node& node, std::int64_t entries);
  lang::Unit unit_of(const Node& node, const std::string& what);
  void read_table(const Node& table);
  void read_q(const Node& node);
  std::string place(SourceSpan span) const;
  /// Runs a check; what it refuses may be due to the guess about q.
  template <class Check>
  auto with_hint(const Check& check) const;
  std::string label(const lang::DimensionTerm& dimension) const;
  /// With the units of parameters and observables.
  UnitLabels with_names(UnitLabels all) const;

  SourcePtr file_;
  lang::WorkingUnits working_;
  lang::Dimensions dimensions_;
  std::vector<std::string> parameters_;
  std::vector<Array> arrays_;
  std::vector<lang::DimensionTerm> q_, p_, v_;  ///< one, or one an entry
  bool q_given_ = false;                        ///< by [units]
  bool q_guessed_ = false;  ///< coordinates [n] of which nobody said what they are: lengths
  std::vector<std::pair<std::string, lang::DimensionTerm>> observables_;
  std::vector<std::pair<std::string, std::string>> own_units_;  ///< observables that name one
  Datum datum_;
  bool reading_ = false;
};

}  // namespace cotangent::formats
