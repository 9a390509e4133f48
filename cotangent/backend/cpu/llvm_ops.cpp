// Elementwise ops in LLVM IR: the evaluator's scalar semantics (ir/scalar_ops.h), no fast-math
// flags, no contraction.
#include <llvm/IR/Intrinsics.h>
#include <llvm/IR/IntrinsicsX86.h>

#include <cmath>

#include "cotangent/backend/cpu/llvm_emit.h"
#include "cotangent/base/error.h"
#include "cotangent/ir/far_angle.h"

namespace cotangent::backend::cpu {

using ir::Op;
using llvm::Value;

llvm::Type* llvm_type(llvm::LLVMContext& context, DType t, int lanes) {
  llvm::Type* scalar = nullptr;
  switch (t) {
    case DType::kF64: scalar = llvm::Type::getDoubleTy(context); break;
    case DType::kF32: scalar = llvm::Type::getFloatTy(context); break;
    case DType::kI64:
    case DType::kU64: scalar = llvm::Type::getInt64Ty(context); break;
    case DType::kI32:
    case DType::kU32: scalar = llvm::Type::getInt32Ty(context); break;
    case DType::kBool: scalar = llvm::Type::getInt1Ty(context); break;
    case DType::kU8:
    case DType::kI8: scalar = llvm::Type::getInt8Ty(context); break;
    // Kernels only move the bits of f16 and bf16; conversions are made of integer arithmetic, so
    // that machines without the instructions call no library.
    case DType::kI16:
    case DType::kF16:
    case DType::kBF16: scalar = llvm::Type::getInt16Ty(context); break;
  }
  return lanes == 1 ? scalar : llvm::FixedVectorType::get(scalar, static_cast<unsigned>(lanes));
}

namespace {

int lanes_of(Value* x) {
  const auto* v = llvm::dyn_cast<llvm::FixedVectorType>(x->getType());
  return v ? static_cast<int>(v->getNumElements()) : 1;
}

/// The C library's function: what the evaluator calls. Programs that went through the passes hold
/// none of these.
template <class T>
const void* library_function(Op op) {
  using F1 = T (*)(T);
  using F2 = T (*)(T, T);
  const auto one = [](F1 f) { return reinterpret_cast<const void*>(f); };
  const auto two = [](F2 f) { return reinterpret_cast<const void*>(f); };
  switch (op) {
    case Op::kCbrt: return one([](T x) { return std::cbrt(x); });
    case Op::kExp: return one([](T x) { return std::exp(x); });
    case Op::kExpm1: return one([](T x) { return std::expm1(x); });
    case Op::kLog: return one([](T x) { return std::log(x); });
    case Op::kLog1p: return one([](T x) { return std::log1p(x); });
    case Op::kSin: return one([](T x) { return std::sin(x); });
    case Op::kCos: return one([](T x) { return std::cos(x); });
    case Op::kTan: return one([](T x) { return std::tan(x); });
    case Op::kAsin: return one([](T x) { return std::asin(x); });
    case Op::kAcos: return one([](T x) { return std::acos(x); });
    case Op::kAtan: return one([](T x) { return std::atan(x); });
    case Op::kSinh: return one([](T x) { return std::sinh(x); });
    case Op::kCosh: return one([](T x) { return std::cosh(x); });
    case Op::kTanh: return one([](T x) { return std::tanh(x); });
    case Op::kErf: return one([](T x) { return std::erf(x); });
    case Op::kErfc: return one([](T x) { return std::erfc(x); });
    case Op::kPow: return two([](T x, T y) { return std::pow(x, y); });
    case Op::kAtan2: return two([](T x, T y) { return std::atan2(x, y); });
    default: return nullptr;
  }
}

/// Of n angles in memory: n rests, n errors and n quarters.
template <class T>
void far_angles(const T* x, T* y, std::int64_t n) {
  for (std::int64_t k = 0; k < n; ++k) {
    const ir::FarAngle<T> angle = ir::reduce_far_angle(x[k]);
    y[k] = angle.rest;
    y[n + k] = angle.error;
    y[2 * n + k] = angle.quarter;
  }
}

const void* library_function(Op op, DType t) {
  if (op == Op::kFarAngle) {
    return t == DType::kF64 ? reinterpret_cast<const void*>(&far_angles<double>)
                            : reinterpret_cast<const void*>(&far_angles<float>);
  }
  return t == DType::kF64 ? library_function<double>(op) : library_function<float>(op);
}

/// What code calls it by; the loader asks address_of_function.
std::string library_name(Op op, DType t) {
  return "cotangent." + std::string(ir::name_of(op)) + "." + std::string(cotangent::name_of(t));
}

Value* call_library(llvm::IRBuilder<>& ir, Op op, DType t, llvm::ArrayRef<Value*> x) {
  llvm::Type* scalar = x[0]->getType()->getScalarType();
  const std::vector<llvm::Type*> types(x.size(), scalar);
  auto* signature = llvm::FunctionType::get(scalar, types, false);
  const llvm::FunctionCallee function =
      ir.GetInsertBlock()->getModule()->getOrInsertFunction(library_name(op, t), signature);
  const int lanes = lanes_of(x[0]);
  if (lanes == 1) return ir.CreateCall(function, x);
  Value* result = llvm::PoisonValue::get(x[0]->getType());
  for (int l = 0; l < lanes; ++l) {
    std::vector<Value*> one;
    for (Value* v : x) one.push_back(ir.CreateExtractElement(v, static_cast<std::uint64_t>(l)));
    result =
        ir.CreateInsertElement(result, ir.CreateCall(function, one), static_cast<std::uint64_t>(l));
  }
  return result;
}

Value* unary_intrinsic(llvm::IRBuilder<>& ir, llvm::Intrinsic::ID id, Value* x) {
  return ir.CreateUnaryIntrinsic(id, x);
}

Value* number(llvm::Type* type, double value) {
  return llvm::ConstantFP::get(type, value);
}

}  // namespace

namespace {

/// For instructions that LLVM does not split: vectors of several registers go through them one
/// register, of `most` lanes, at a time.
template <class Make>
Value* in_registers(llvm::IRBuilder<>& ir, int most, llvm::ArrayRef<Value*> x, Make make) {
  const int lanes = lanes_of(x[0]);
  if (lanes <= most) return make(x);
  std::vector<int> low, high, all;
  for (int l = 0; l < lanes; ++l) {
    (l < lanes / 2 ? low : high).push_back(l);
    all.push_back(l);
  }
  std::vector<Value*> lower, upper;
  for (Value* v : x) {
    lower.push_back(ir.CreateShuffleVector(v, low));
    upper.push_back(ir.CreateShuffleVector(v, high));
  }
  return ir.CreateShuffleVector(in_registers(ir, most, lower, make),
                                in_registers(ir, most, upper, make), all);
}

Value* rsqrt_estimate(llvm::IRBuilder<>& ir, Value* x) {
  const int lanes = lanes_of(x);
  const bool wide = x->getType()->getScalarType()->isDoubleTy();
  llvm::Intrinsic::ID id = llvm::Intrinsic::x86_avx512_rsqrt14_pd_128;
  switch (lanes * (wide ? 64 : 32)) {
    case 512:
      id = wide ? llvm::Intrinsic::x86_avx512_rsqrt14_pd_512
                : llvm::Intrinsic::x86_avx512_rsqrt14_ps_512;
      break;
    case 256:
      id = wide ? llvm::Intrinsic::x86_avx512_rsqrt14_pd_256
                : llvm::Intrinsic::x86_avx512_rsqrt14_ps_256;
      break;
    default:
      id = wide ? llvm::Intrinsic::x86_avx512_rsqrt14_pd_128
                : llvm::Intrinsic::x86_avx512_rsqrt14_ps_128;
  }
  Value* all = lanes == 16 ? ir.getInt16(0xffff) : static_cast<Value*>(ir.getInt8(0xff));
  return ir.CreateIntrinsic(id, {}, {x, llvm::Constant::getNullValue(x->getType()), all});
}

int bits_of_element(Value* x) {
  return static_cast<int>(x->getType()->getScalarSizeInBits());
}

}  // namespace

/// 1 / sqrt(x), both roundings as IEEE division and square root do them, without the division.
///
/// s = sqrt(x) by the hardware; y from the 14-bit estimate of 1/sqrt(x) by Newton's y += y (1 - s
/// y), each step with one rounding (fma): in f64 three, to 28 bits, faithful, and correctly rounded
/// by Markstein's theorem (IBM J. Res. Dev. 34, 1990: a faithful y and a significand of s that is
/// not all ones); in f32 the last two. Where it is all ones, 1/s lies just above half way between a
/// power of two and the next number, and a faithful y below it would end on the power: so the step
/// before the last rounds upwards, or, where an instruction cannot, the last bit is set. For 0 and
/// infinity the steps give NaN and the estimate itself is the answer. On Zen 4: 18 cycles for 8 f64
/// where division after square root takes 26. That all significands of f32 come out right is
/// tested.
RsqrtStart start_rsqrt(llvm::IRBuilder<>& ir, Value* x, int register_bits) {
  Value* s = unary_intrinsic(ir, llvm::Intrinsic::sqrt, x);
  Value* estimate =
      in_registers(ir, register_bits / bits_of_element(x), {x},
                   [&](llvm::ArrayRef<Value*> part) { return rsqrt_estimate(ir, part[0]); });
  return {s, estimate};
}

Value* finish_rsqrt(llvm::IRBuilder<>& ir, const RsqrtStart& start, int register_bits,
                    bool corrected) {
  llvm::Type* type = start.root->getType();
  const int element = bits_of_element(start.root), lanes = lanes_of(start.root);
  const bool wide = element == 64, rounds_up = register_bits == 512 && lanes * element >= 512;
  Value* minus_s = ir.CreateFNeg(start.root);
  Value* y = start.estimate;
  for (int left = wide ? 3 : 2; left > 0; --left) {
    Value* e = ir.CreateIntrinsic(llvm::Intrinsic::fma, {type}, {minus_s, y, number(type, 1)});
    if (left == 2 && rounds_up) {
      constexpr int kUpwards = 2 | 8;  // embedded rounding towards plus infinity
      y = in_registers(ir, register_bits / element, {y, e}, [&](llvm::ArrayRef<Value*> part) {
        return ir.CreateIntrinsic(wide ? llvm::Intrinsic::x86_avx512_vfmadd_pd_512
                                       : llvm::Intrinsic::x86_avx512_vfmadd_ps_512,
                                  {}, {part[0], part[1], part[0], ir.getInt32(kUpwards)});
      });
    } else {
      y = ir.CreateIntrinsic(llvm::Intrinsic::fma, {type}, {y, e, y});
    }
  }
  if (!rounds_up) {
    llvm::Type* integer = llvm::FixedVectorType::get(wide ? ir.getInt64Ty() : ir.getInt32Ty(),
                                                     static_cast<unsigned>(lanes));
    Value* exponent = llvm::ConstantInt::get(integer, wide ? 0xfff0000000000000ull : 0xff800000ull);
    Value* ones = ir.CreateICmpEQ(ir.CreateOr(ir.CreateBitCast(start.root, integer), exponent),
                                  llvm::Constant::getAllOnesValue(integer));
    Value* up = ir.CreateOr(ir.CreateBitCast(y, integer), llvm::ConstantInt::get(integer, 1));
    y = ir.CreateSelect(ones, ir.CreateBitCast(up, type), y);
  }
  return corrected ? ir.CreateSelect(ir.CreateFCmpUNO(y, y), start.estimate, y) : y;
}

namespace {

Value* float_op(llvm::IRBuilder<>& ir, Op op, DType t, llvm::ArrayRef<Value*> x, int rsqrt14) {
  llvm::Type* type = x[0]->getType();
  switch (op) {
    case Op::kNeg: return ir.CreateFNeg(x[0]);
    case Op::kAbs: return unary_intrinsic(ir, llvm::Intrinsic::fabs, x[0]);
    case Op::kSign: {
      Value* zero = number(type, 0);
      Value* low = ir.CreateSelect(ir.CreateFCmpOLT(x[0], zero), number(type, -1), x[0]);
      return ir.CreateSelect(ir.CreateFCmpOGT(x[0], zero), number(type, 1), low);
    }
    case Op::kFloor: return unary_intrinsic(ir, llvm::Intrinsic::floor, x[0]);
    case Op::kCeil: return unary_intrinsic(ir, llvm::Intrinsic::ceil, x[0]);
    case Op::kRound: return unary_intrinsic(ir, llvm::Intrinsic::roundeven, x[0]);
    case Op::kSqrt: return unary_intrinsic(ir, llvm::Intrinsic::sqrt, x[0]);
    case Op::kRsqrt:
      if (has_rsqrt14(rsqrt14, static_cast<std::size_t>(lanes_of(x[0]) * bits_of_element(x[0])))) {
        return finish_rsqrt(ir, start_rsqrt(ir, x[0], rsqrt14), rsqrt14, true);
      }
      return ir.CreateFDiv(number(type, 1), unary_intrinsic(ir, llvm::Intrinsic::sqrt, x[0]));
    case Op::kIsFinite:
      return ir.CreateFCmpOLT(unary_intrinsic(ir, llvm::Intrinsic::fabs, x[0]),
                              llvm::ConstantFP::getInfinity(type));
    case Op::kAdd: return ir.CreateFAdd(x[0], x[1]);
    case Op::kSub: return ir.CreateFSub(x[0], x[1]);
    case Op::kMul: return ir.CreateFMul(x[0], x[1]);
    case Op::kDiv: return ir.CreateFDiv(x[0], x[1]);
    case Op::kMod: {
      Value* whole = unary_intrinsic(ir, llvm::Intrinsic::floor, ir.CreateFDiv(x[0], x[1]));
      return ir.CreateFSub(x[0], ir.CreateFMul(x[1], whole));
    }
    case Op::kMin:
    case Op::kMax: {
      Value* first = op == Op::kMin ? ir.CreateFCmpOLT(x[0], x[1]) : ir.CreateFCmpOGT(x[0], x[1]);
      Value* nan = ir.CreateFCmpUNO(x[0], x[0]);
      return ir.CreateSelect(ir.CreateOr(first, nan), x[0], x[1]);
    }
    case Op::kFma: return ir.CreateIntrinsic(llvm::Intrinsic::fma, {type}, {x[0], x[1], x[2]});
    case Op::kLt: return ir.CreateFCmpOLT(x[0], x[1]);
    case Op::kLe: return ir.CreateFCmpOLE(x[0], x[1]);
    case Op::kEq: return ir.CreateFCmpOEQ(x[0], x[1]);
    case Op::kNe: return ir.CreateFCmpUNE(x[0], x[1]);
    default: break;
  }
  if (!library_function(op, t)) {
    throw InternalError("no code for '" + std::string(ir::name_of(op)) + "'");
  }
  return call_library(ir, op, t, x);
}

/// x / y and x mod y: dividing by zero gives 0, INT_MIN / -1 wraps, mod has the divisor's sign.
Value* divide(llvm::IRBuilder<>& ir, Op op, DType t, Value* x, Value* y) {
  llvm::Type* type = x->getType();
  Value* zero = llvm::ConstantInt::get(type, 0);
  Value* one = llvm::ConstantInt::get(type, 1);
  const bool is_signed_type = is_signed(t);
  const auto* literal = llvm::dyn_cast<llvm::Constant>(y);
  const llvm::Constant* splat = literal && type->isVectorTy() ? literal->getSplatValue() : literal;
  const auto* known = splat ? llvm::dyn_cast<llvm::ConstantInt>(splat) : nullptr;
  if (known && known->getValue().isStrictlyPositive()) {
    if (op == Op::kDiv) return is_signed_type ? ir.CreateSDiv(x, y) : ir.CreateUDiv(x, y);
    if (!is_signed_type) return ir.CreateURem(x, y);
    if (known->getValue().isPowerOf2()) return ir.CreateAnd(x, ir.CreateSub(y, one));
    Value* r = ir.CreateSRem(x, y);
    return ir.CreateSelect(ir.CreateICmpSLT(r, zero), ir.CreateAdd(r, y), r);
  }
  Value* by_zero = ir.CreateICmpEQ(y, zero);
  Value* unsafe = by_zero;
  Value* wraps = nullptr;
  if (is_signed_type) {
    const unsigned bits = type->getScalarSizeInBits();
    Value* lowest = llvm::ConstantInt::get(type, llvm::APInt::getSignedMinValue(bits));
    wraps = ir.CreateAnd(ir.CreateICmpEQ(x, lowest),
                         ir.CreateICmpEQ(y, llvm::ConstantInt::getSigned(type, -1)));
    unsafe = ir.CreateOr(by_zero, wraps);
  }
  Value* safe = ir.CreateSelect(unsafe, one, y);
  if (op == Op::kDiv) {
    // Where it wraps, x / 1 is the wrapped result.
    Value* q = is_signed_type ? ir.CreateSDiv(x, safe) : ir.CreateUDiv(x, safe);
    return ir.CreateSelect(by_zero, zero, q);
  }
  if (!is_signed_type) return ir.CreateSelect(by_zero, zero, ir.CreateURem(x, safe));
  Value* r = ir.CreateSRem(x, safe);
  Value* opposite = ir.CreateXor(ir.CreateICmpSLT(r, zero), ir.CreateICmpSLT(safe, zero));
  Value* shift = ir.CreateAnd(ir.CreateICmpNE(r, zero), opposite);
  return ir.CreateSelect(shift, ir.CreateAdd(r, safe), r);
}

Value* integer_op(llvm::IRBuilder<>& ir, Op op, DType t, llvm::ArrayRef<Value*> x) {
  llvm::Type* type = x[0]->getType();
  const bool s = is_signed(t) && !is_bool(t);
  Value* zero = llvm::ConstantInt::get(type, 0);
  const auto less = [&](Value* a, Value* c) {
    return s ? ir.CreateICmpSLT(a, c) : ir.CreateICmpULT(a, c);
  };
  switch (op) {
    case Op::kNeg: return ir.CreateNeg(x[0]);
    case Op::kAbs: return s ? ir.CreateSelect(less(x[0], zero), ir.CreateNeg(x[0]), x[0]) : x[0];
    case Op::kSign: {
      Value* one = llvm::ConstantInt::get(type, 1);
      if (!s) return ir.CreateSelect(ir.CreateICmpNE(x[0], zero), one, zero);
      Value* low = ir.CreateSelect(less(x[0], zero), llvm::ConstantInt::getSigned(type, -1), zero);
      return ir.CreateSelect(ir.CreateICmpSGT(x[0], zero), one, low);
    }
    case Op::kNot: return ir.CreateNot(x[0]);
    case Op::kAdd: return ir.CreateAdd(x[0], x[1]);
    case Op::kSub: return ir.CreateSub(x[0], x[1]);
    case Op::kMul: return ir.CreateMul(x[0], x[1]);
    case Op::kDiv:
    case Op::kMod: return divide(ir, op, t, x[0], x[1]);
    case Op::kMin: return ir.CreateSelect(less(x[0], x[1]), x[0], x[1]);
    case Op::kMax: return ir.CreateSelect(less(x[1], x[0]), x[0], x[1]);
    case Op::kAnd: return ir.CreateAnd(x[0], x[1]);
    case Op::kOr: return ir.CreateOr(x[0], x[1]);
    case Op::kXor: return ir.CreateXor(x[0], x[1]);
    case Op::kShl:
    case Op::kShr: {
      Value* mask = llvm::ConstantInt::get(type, type->getScalarSizeInBits() - 1);
      Value* by = ir.CreateAnd(x[1], mask);
      if (op == Op::kShl) return ir.CreateShl(x[0], by);
      return s ? ir.CreateAShr(x[0], by) : ir.CreateLShr(x[0], by);
    }
    case Op::kLt: return less(x[0], x[1]);
    case Op::kLe: return s ? ir.CreateICmpSLE(x[0], x[1]) : ir.CreateICmpULE(x[0], x[1]);
    case Op::kEq: return ir.CreateICmpEQ(x[0], x[1]);
    case Op::kNe: return ir.CreateICmpNE(x[0], x[1]);
    default: throw InternalError("no code for '" + std::string(ir::name_of(op)) + "' of integers");
  }
}

/// Reals to signed integers in lanes: the intrinsic that saturates goes one lane at a time.
Value* saturated(llvm::IRBuilder<>& ir, Value* x, llvm::Type* type, unsigned bits) {
  const double end = std::ldexp(1.0, static_cast<int>(bits) - 1);
  Value* above = ir.CreateFCmpOGE(x, number(x->getType(), end));
  Value* inside =
      ir.CreateAnd(ir.CreateFCmpOGE(x, number(x->getType(), -end)), ir.CreateNot(above));
  const auto constant = [&](const llvm::APInt& n) { return llvm::ConstantInt::get(type, n); };
  Value* low = ir.CreateSelect(ir.CreateFCmpOLT(x, number(x->getType(), 0)),
                               constant(llvm::APInt::getSignedMinValue(bits)),
                               constant(llvm::APInt(bits, 0)));  // NaN gives 0
  Value* outside = ir.CreateSelect(above, constant(llvm::APInt::getSignedMaxValue(bits)), low);
  // What is not inside is poison here, and not taken.
  return ir.CreateSelect(inside, ir.CreateFPToSI(x, type), outside);
}

Value* cast_op(llvm::IRBuilder<>& ir, DType to, DType from, Value* x) {
  llvm::Type* type = llvm_type(ir.getContext(), to, lanes_of(x));
  if (to == from) return x;
  if (is_bool(to)) {
    if (is_float(from)) return ir.CreateFCmpUNE(x, number(x->getType(), 0));
    return ir.CreateICmpNE(x, llvm::ConstantInt::get(x->getType(), 0));
  }
  const bool from_signed = is_signed(from) && !is_bool(from);
  if (is_float(from)) {
    if (is_float(to)) return ir.CreateFPCast(x, type);
    const unsigned bits = type->getScalarSizeInBits();
    if (lanes_of(x) > 1 && is_signed(to) && bits >= 32) return saturated(ir, x, type, bits);
    return ir.CreateIntrinsic(
        is_signed(to) ? llvm::Intrinsic::fptosi_sat : llvm::Intrinsic::fptoui_sat,
        {type, x->getType()}, {x});
  }
  if (is_float(to)) return from_signed ? ir.CreateSIToFP(x, type) : ir.CreateUIToFP(x, type);
  return ir.CreateIntCast(x, type, from_signed);
}

}  // namespace

const void* address_of_function(const std::string& name) {
  if (!name.starts_with("cotangent.")) return nullptr;
  if (name == kLibraryCallName) return reinterpret_cast<const void*>(&library_call);
  for (const ir::OpInfo& info : ir::all_ops()) {
    for (DType t : {DType::kF64, DType::kF32}) {
      if (name == library_name(info.op, t)) return library_function(info.op, t);
    }
  }
  return nullptr;
}

FarAngleParts emit_far_angles(llvm::IRBuilder<>& ir, DType t, Value* x, FarAngleMemory& memory) {
  llvm::Function* caller = ir.GetInsertBlock()->getParent();
  llvm::Type* scalar = x->getType()->getScalarType();
  const auto lanes = static_cast<std::uint64_t>(lanes_of(x));
  const llvm::Align line(64), element(static_cast<std::uint64_t>(size_of(t)));
  auto& [from, to] = memory[x->getType()];
  if (!from) {
    llvm::IRBuilder<> entry(&caller->getEntryBlock(), caller->getEntryBlock().begin());
    from = entry.CreateAlloca(x->getType(), nullptr, "angles");
    to = entry.CreateAlloca(llvm::ArrayType::get(scalar, 3 * lanes), nullptr, "reduced");
    from->setAlignment(line);
    to->setAlignment(line);
  }
  ir.CreateAlignedStore(x, from, line);
  auto* signature = llvm::FunctionType::get(ir.getVoidTy(),
                                            {ir.getPtrTy(), ir.getPtrTy(), ir.getInt64Ty()}, false);
  ir.CreateCall(caller->getParent()->getOrInsertFunction(library_name(Op::kFarAngle, t), signature),
                {from, to, ir.getInt64(lanes)});
  const auto part = [&](std::uint64_t k) {
    Value* at = ir.CreateConstInBoundsGEP1_64(scalar, to, k * lanes);
    return ir.CreateAlignedLoad(x->getType(), at, element);
  };
  return {part(0), part(1), part(2)};
}

void emit_library_call(llvm::IRBuilder<>& ir, const std::vector<std::int64_t>& words,
                       llvm::ArrayRef<Value*> arrays, Value* threads) {
  llvm::Module& module = *ir.GetInsertBlock()->getModule();
  auto* constant = llvm::ConstantDataArray::get(ir.getContext(), llvm::ArrayRef(words));
  auto* description = new llvm::GlobalVariable(module, constant->getType(), true,
                                               llvm::GlobalValue::PrivateLinkage, constant, "call");
  description->setAlignment(llvm::Align(8));
  llvm::Function* function = ir.GetInsertBlock()->getParent();
  llvm::IRBuilder<> entry(&function->getEntryBlock(), function->getEntryBlock().begin());
  Value* list = entry.CreateAlloca(ir.getPtrTy(), ir.getInt64(arrays.size()), "arrays");
  for (std::size_t k = 0; k < arrays.size(); ++k) {
    ir.CreateStore(arrays[k], ir.CreateConstInBoundsGEP1_64(ir.getPtrTy(), list, k));
  }
  auto* signature = llvm::FunctionType::get(ir.getVoidTy(),
                                            {ir.getPtrTy(), ir.getPtrTy(), ir.getInt64Ty()}, false);
  ir.CreateCall(module.getOrInsertFunction(kLibraryCallName, signature),
                {description, list, threads});
}

Value* emit_op(llvm::IRBuilder<>& ir, Op op, DType result, DType operand, llvm::ArrayRef<Value*> x,
               int rsqrt14) {
  if (op == Op::kSelect) return ir.CreateSelect(x[0], x[1], x[2]);
  if (op == Op::kCast) return cast_op(ir, result, operand, x[0]);
  if (op == Op::kBitcast) {
    return ir.CreateBitCast(x[0], llvm_type(ir.getContext(), result, lanes_of(x[0])));
  }
  return is_float(operand) ? float_op(ir, op, operand, x, rsqrt14) : integer_op(ir, op, operand, x);
}

}  // namespace cotangent::backend::cpu
