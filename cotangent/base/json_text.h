// The two lexical rules of JSON that need care: strings and numbers.
#pragma once

#include <string>
#include <string_view>

namespace cotangent {

/// `text` in double quotes, control characters and quotes escaped. Bytes that are not valid UTF-8
/// become U+FFFD, so the result is always valid JSON. "<" is written as \u003c: a text that
/// holds "</script>" cannot end the script element it is embedded in.
std::string json_quote(std::string_view text);

/// The shortest number that reads back as the same bits, always with a point or an exponent, so
/// that a float stays a float; "null" for NaN and the infinities, which JSON does not have.
std::string json_number(double value);

}  // namespace cotangent
