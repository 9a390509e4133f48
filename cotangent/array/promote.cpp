#include "cotangent/array/promote.h"

#include <algorithm>
#include <utility>

namespace cotangent::array {
namespace {

int kind_of(DType t) {
  return is_bool(t) ? 0 : is_integer(t) ? 1 : 2;
}

ElementType promote_integers(DType a, DType b) {
  if (a == b) return {a, false};
  if (size_of(a) == size_of(b)) {
    // i32 with u32 fits i64; i64 with u64 fits no integer.
    return size_of(a) == 4 ? ElementType{DType::kI64, false} : ElementType{DType::kF64, true};
  }
  const DType wide = size_of(a) > size_of(b) ? a : b;
  const DType narrow = wide == a ? b : a;
  if (wide == DType::kU64 && is_signed(narrow)) return {DType::kF64, true};
  return {wide, false};
}

}  // namespace

ElementType promote(ElementType a, ElementType b) {
  const int ka = kind_of(a.dtype), kb = kind_of(b.dtype);
  if (a.weak == b.weak && ka == kb) {
    if (a.weak) return {size_of(a.dtype) >= size_of(b.dtype) ? a.dtype : b.dtype, true};
    if (ka == 1) return promote_integers(a.dtype, b.dtype);
    return {size_of(a.dtype) >= size_of(b.dtype) ? a.dtype : b.dtype, false};
  }
  if (ka == kb) return a.weak ? b : a;
  // Of different kinds, the higher one; a weak real next to integers is weak still.
  return ka > kb ? a : b;
}

ElementType to_real(ElementType a) {
  return is_float(a.dtype) ? a : ElementType{DType::kF64, a.weak};
}

}  // namespace cotangent::array
