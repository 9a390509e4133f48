// Indices of a kernel program as sums of multiples of values.
#pragma once

#include <map>
#include <vector>

#include "cotangent/kernel/kernel_program.h"
#include "cotangent/kernel/scalar.h"

namespace cotangent::kernel {

/// A sum of multiples of values, and a constant.
struct Form {
  std::map<Id, std::int64_t> terms;
  std::int64_t constant = 0;
};

class Forms {
 public:
  explicit Forms(const Program& program) : def_(program.types.size()) { remember(program.body); }

  Form of(Id id) const {
    Form form;
    int budget = 100;
    add(form, id, 1, budget);
    return form;
  }

 private:
  void remember(const Block& b) {
    for (const Instr& i : b.instrs) {
      if (i.result != kNoId) def_[i.result] = &i;
      if (i.body) remember(*i.body);
      if (i.other) remember(*i.other);
    }
  }

  /// `budget`: values still looked into; shared ones would double the work at each level.
  void add(Form& form, Id id, std::int64_t factor, int& budget) const {
    const Instr* i = def_[id];
    if (i && i->code == Code::kConst) {
      form.constant += factor * i64_of(i->bits, i->dtype);
      return;
    }
    if (i && i->code == Code::kOp && --budget >= 0) {
      if (i->op == ir::Op::kAdd || i->op == ir::Op::kSub) {
        add(form, i->operands[0], factor, budget);
        return add(form, i->operands[1], i->op == ir::Op::kAdd ? factor : -factor, budget);
      }
      for (int k = 0; i->op == ir::Op::kMul && k < 2; ++k) {
        const Instr* c = def_[i->operands[static_cast<std::size_t>(k)]];
        if (!c || c->code != Code::kConst) continue;
        return add(form, i->operands[static_cast<std::size_t>(1 - k)],
                   factor * i64_of(c->bits, c->dtype), budget);
      }
    }
    if ((form.terms[id] += factor) == 0) form.terms.erase(id);
  }

  std::vector<const Instr*> def_;
};

}  // namespace cotangent::kernel
