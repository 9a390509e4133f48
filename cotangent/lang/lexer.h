// Text of an expression -> tokens. Blanks and line breaks separate and mean nothing.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "cotangent/lang/source_text.h"

namespace cotangent::lang {

enum class TokenKind : std::uint8_t {
  kEnd,
  kInteger,
  kReal,
  kName,
  kAnd,
  kOr,
  kNot,
  kIn,
  kIf,
  kPlus,
  kMinus,
  kStar,
  kSlash,
  kPercent,
  kCaret,
  kLess,
  kLessEqual,
  kGreater,
  kGreaterEqual,
  kEqual,
  kUnequal,
  kOpen,
  kClose,
  kOpenBracket,
  kCloseBracket,
  kComma,
  kRange,
};

struct Token {
  TokenKind kind = TokenKind::kEnd;
  std::uint32_t begin = 0, end = 0;  ///< bytes of the expression's text
  std::int64_t integer = 0;
  double real = 0;
};

inline constexpr std::size_t kMaxExpressionBytes = 64 * 1024;

/// All tokens, kEnd last. Throws UserError at the first byte that belongs to none.
std::vector<Token> tokenize(const SourceText& source);

/// How a token is named in messages: "'<='", "the number 3", "the end of the expression".
std::string describe(const SourceText& source, const Token& token);

}  // namespace cotangent::lang
