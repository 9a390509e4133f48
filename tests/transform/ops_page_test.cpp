// docs/ops.md is written from the op table. COTANGENT_WRITE_DOCS=1 writes it anew.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "cotangent/transform/derivatives.h"
#include "cotangent/transform/jvp.h"
#include "cotangent/transform/partials.h"
#include "cotangent/transform/rebuild.h"

namespace cotangent::transform {
namespace {

struct Section {
  ir::OpKind kind;
  const char* title;
};
constexpr Section kSections[] = {{ir::OpKind::kLeaf, "Leaves"},
                                 {ir::OpKind::kElementwise, "Elementwise"},
                                 {ir::OpKind::kReduce, "Reductions"},
                                 {ir::OpKind::kShape, "Shape"},
                                 {ir::OpKind::kIndex, "Indexed access"},
                                 {ir::OpKind::kContract, "Contraction"},
                                 {ir::OpKind::kScan, "Along one axis"},
                                 {ir::OpKind::kRandom, "Random"},
                                 {ir::OpKind::kCheck, "Checks"},
                                 {ir::OpKind::kLinearAlgebra, "Linear algebra"},
                                 {ir::OpKind::kFourier, "Fourier transforms"},
                                 {ir::OpKind::kSecondOrder, "Second order"}};

/// The element types the op computes with, and whether storage types pass through it.
std::string element_types(ir::Op op) {
  using ir::Op;
  std::string text;
  if (ir::info(op).domain != ir::OpDomain::kSpecial) {
    const bool real = ir::accepts(op, DType::kF64), whole = ir::accepts(op, DType::kI64);
    if (real) text = "real";
    if (whole) text += text.empty() ? "integer" : ", integer";
    if (ir::accepts(op, DType::kBool)) text += ", bool";
  } else {
    switch (ir::info(op).kind) {
      case ir::OpKind::kRandom: text = "gives u32, u64"; break;
      case ir::OpKind::kScan:
      case ir::OpKind::kContract: text = "real, integer"; break;
      case ir::OpKind::kLinearAlgebra:
      case ir::OpKind::kFourier: text = "real"; break;
      default:
        text = op == Op::kIota || op == Op::kScatterAdd || op == Op::kBitcast ? "real, integer"
                                                                              : "all";
    }
  }
  return text == "all" || !ir::moves_elements(op) ? text : text + ", stored";
}

std::string derivative(ir::Op op) {
  using ir::Op;
  if (op == Op::kBitcast) return "refused for reals";
  if (ir::is_elementwise(op)) {
    if (piecewise_constant(op)) return "0";
    if (has_partials(op) || op == Op::kSelect || op == Op::kMin || op == Op::kMax ||
        op == Op::kCast)
      return has_transpose_rule(op) ? "forward, transpose" : "forward";
    return "-";
  }
  if (ir::info(op).kind == ir::OpKind::kLeaf) return "-";
  if (op == Op::kArgsort || op == Op::kRandomBits) return "-";
  if (!has_jvp_rule(op)) return "none";
  return has_transpose_rule(op) ? "forward, transpose" : "forward";
}

std::string row(const ir::OpInfo& op) {
  std::string doc(op.doc);
  for (std::size_t at = 0; (at = doc.find('|', at)) != std::string::npos; at += 2) {
    doc.insert(at, "\\");
  }
  const std::string operands = op.arity < 0 ? "several" : std::to_string(op.arity);
  return "| `" + std::string(op.name) + "` | " + operands + " | " + element_types(op.op) + " | " +
         doc + " | " + derivative(op.op) + " |\n";
}

std::string page() {
  std::string text =
      "# Operations\n\n"
      "Every operation of the array program, from the table `cotangent/ir/ops.def`. This page is "
      "written by\n`tests/transform/ops_page_test.cpp`, which fails when it is stale.\n\n"
      "- *Element types*: real is f32, f64; integer is i32, i64, u32, u64; *stored* are u8, i8, "
      "i16, f16, bf16, which\n  are loaded, stored, moved and cast, and refused by name elsewhere "
      "(\"cast to f32 first\").\n"
      "- *Derivative*: \"forward\" multiplies tangents by partials or applies itself to them; "
      "\"transpose\" is met on tangents,\n  where reverse mode walks backwards "
      "([derivatives.md](derivatives.md)). A dash: it never carries a tangent.\n"
      "- Second-order operations own their bodies; layouts are in `cotangent/ir/attr.h`.\n"
      "- Transcendental functions become formulas ([functions.md](functions.md)), random bits and "
      "the operations along one axis\n  become other operations, by passes after the derivatives: "
      "a back end has code for none of them.\n";
  for (const Section& section : kSections) {
    std::string rows;
    for (const ir::OpInfo& op : ir::all_ops()) {
      if (op.kind == section.kind) rows += row(op);
    }
    if (rows.empty()) continue;
    text +=
        "\n## " + std::string(section.title) +
        "\n\n| op | operands | element types | computes | derivative |\n|---|---|---|---|---|\n" +
        rows;
  }
  return text;
}

TEST(OpsPage, IsWhatTheTableSays) {
  const char* source = std::getenv("COTANGENT_SOURCE_DIR");
  const std::string path = std::string(source ? source : ".") + "/docs/ops.md";
  const std::string want = page();
  if (std::getenv("COTANGENT_WRITE_DOCS")) std::ofstream(path) << want;
  std::stringstream have;
  have << std::ifstream(path).rdbuf();
  EXPECT_TRUE(have.str() == want)
      << "docs/ops.md is stale; from the top folder run\n  COTANGENT_WRITE_DOCS=1 "
         "build/release/tests/test_transform --gtest_filter=OpsPage.*";
  for (const ir::OpInfo& op : ir::all_ops()) {
    EXPECT_NE(want.find("`" + std::string(op.name) + "`"), std::string::npos) << op.name;
  }
}

}  // namespace
}  // namespace cotangent::transform
