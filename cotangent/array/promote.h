// Which element type an operation of mixed operands has: JAX's lattice.
//
// A C++ literal, and what is made of literals alone, is *weak*: it takes the type of its partner
// when that is of the same kind or a higher one (bool < integer < real), and is i64 or f64 when
// there is nothing to take it from.
//
//            bool  i32   u32   i64   u64   f32   f64   weak int  weak real
//   bool     bool  i32   u32   i64   u64   f32   f64   i64*      f64*
//   i32            i32   i64   i64   f64*  f32   f64   i32       f64*
//   u32                  u32   i64   u64   f32   f64   u32       f64*
//   i64                        i64   f64*  f32   f64   i64       f64*
//   u64                              u64   f32   f64   u64       f64*
//   f32                                    f32   f64   f32       f32
//   f64                                          f64   f64       f64
//   weak int                                           i64*      f64*
//   weak real                                                    f64*      (*: the result is weak)
//
// So an f32 array stays f32 next to integers of any width and next to 0.5. numpy differs in one
// place: there i64 and f32 give f64.
#pragma once

#include "cotangent/base/dtype.h"

namespace cotangent::array {

struct ElementType {
  DType dtype = DType::kF64;
  bool weak = false;
  bool operator==(const ElementType&) const = default;
};

ElementType promote(ElementType a, ElementType b);
inline DType promote(DType a, DType b) {
  return promote(ElementType{a, false}, ElementType{b, false}).dtype;
}

/// For functions of reals: integers and bool become f64 (a weak operand's stays weak).
ElementType to_real(ElementType a);

}  // namespace cotangent::array
