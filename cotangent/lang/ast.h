// The syntax tree of an expression. Chains of operators of one level ("a + b - c", "x[i][j]") are
// one node with many children, so the height of a tree is bounded by the parser's depth limit
// however long the text is.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "cotangent/lang/source_text.h"

namespace cotangent::lang {

enum class ExprKind : std::uint8_t {
  kInteger,    ///< integer
  kReal,       ///< real
  kName,       ///< name
  kCall,       ///< name(children...)
  kVector,     ///< [children...]
  kSubscript,  ///< children[0][children[1], ...]
  kNegate,     ///< -children[0]
  kNot,        ///< not children[0]
  kPower,      ///< children[0] ^ children[1]
  kChain,      ///< children[0] ops[0] children[1] ops[1] ..., one level of precedence
  kReduce,     ///< sum(index if filter, body)
};

enum class Operator : std::uint8_t {
  kAdd,
  kSub,
  kMul,
  kDiv,
  kMod,
  kLess,
  kLessEqual,
  kGreater,
  kGreaterEqual,
  kEqual,
  kUnequal,
  kAnd,
  kOr,
};
std::string_view name_of(Operator op);

enum class IndexForm : std::uint8_t {
  kOver,     ///< i
  kRange,    ///< i in a..b
  kLess,     ///< i<j
  kUnequal,  ///< i!=j
  kTriple,   ///< i<j<k
  kList,     ///< (a, b, ...) in LIST
};

struct Expr;

struct IndexName {
  std::string name;
  std::uint32_t begin = 0, end = 0;
};

struct ReduceParts {
  IndexForm form = IndexForm::kOver;
  std::vector<IndexName> indices;
  const Expr* low = nullptr;   ///< kRange
  const Expr* high = nullptr;  ///< kRange
  IndexName list;              ///< kList
  const Expr* filter = nullptr;
  const Expr* body = nullptr;
  std::uint32_t index_begin = 0, index_end = 0;  ///< the text of the index
};

struct Expr {
  ExprKind kind = ExprKind::kInteger;
  std::uint32_t begin = 0, end = 0;  ///< bytes of the expression's text
  std::int64_t integer = 0;
  double real = 0;
  std::string name;  ///< kName, kCall, kReduce
  std::uint32_t name_end = 0;
  std::vector<const Expr*> children;
  std::vector<Operator> ops;
  std::unique_ptr<ReduceParts> reduce;
};

/// A parsed expression: its text, the nodes, the root. Immutable and shared.
class Expression {
 public:
  const SourceText& source() const { return source_; }
  const Expr& root() const { return *root_; }

 private:
  friend std::shared_ptr<const Expression> parse_expression(SourceText source);
  friend class Parser;
  SourceText source_;
  std::deque<Expr> nodes_;
  const Expr* root_ = nullptr;
};
using ExpressionPtr = std::shared_ptr<const Expression>;

}  // namespace cotangent::lang
