#include "cotangent/array/products.h"

#include <algorithm>
#include <string>

#include "cotangent/array/elementwise.h"
#include "cotangent/array/record.h"
#include "cotangent/array/shaping.h"

namespace cotangent::array {
namespace {

std::pair<Array, Array> same_type(std::string_view op, const Array& x, const Array& y) {
  const Array both[] = {x, y};
  want_computing(op, both);
  const ElementType t = promote(x.element_type(), y.element_type());
  if (is_bool(t.dtype)) refuse(op, "does not take bool", "convert one with astype");
  return {convert(op, x, t), convert(op, y, t)};
}

Array dot_general(const Array& x, const Array& y, ir::DotAttr attr) {
  return make(Op::kDotGeneral, {x.node(), y.node()}, std::move(attr), {},
              x.is_weak() && y.is_weak());
}

[[noreturn]] void refuse_lengths(std::string_view op, const Array& x, const Array& y) {
  refuse(op, "shapes do not fit: " + x.type_text() + " and " + y.type_text(),
         "the summed axes must have equal lengths; transpose one of them if it lies the other way");
}

}  // namespace

Array matmul(const Array& a, const Array& b) {
  if (a.ndim() == 0 || b.ndim() == 0) {
    refuse("matmul", "takes no scalar: " + a.type_text() + " and " + b.type_text(),
           "use * for a product with a number");
  }
  const auto [x0, y0] = same_type("matmul", a, b);
  const bool row = x0.ndim() == 1, column = y0.ndim() == 1;
  const Array x = row ? expand_dims(x0, 0) : x0;
  const Array y = column ? expand_dims(y0, 1) : y0;
  if (x.shape(-1) != y.shape(-2)) refuse_lengths("matmul", a, b);
  // Leading axes broadcast together.
  const auto batch_of = [](const Array& z) {
    return Shape(z.shape().axes().first(static_cast<std::size_t>(z.ndim() - 2)));
  };
  const Array batches[] = {zeros(batch_of(x)), zeros(batch_of(y))};
  const Shape batch = broadcast_shapes("matmul", batches);
  const auto spread = [&](const Array& z) {
    Dims shape = dims_of(batch);
    shape.push_back(z.shape(-2));
    shape.push_back(z.shape(-1));
    return broadcast_to_shape(z, Shape(shape));
  };
  const int n = batch.rank();
  const Dims axes = all_axes(n);
  Array product = dot_general(spread(x), spread(y), {axes, axes, {n + 1}, {n}});
  if (column) product = squeeze(product, -1);
  if (row) product = squeeze(product, n);
  return product;
}

Array dot(const Array& x, const Array& y) {
  if (x.ndim() == 0 || y.ndim() == 0) return x * y;
  const int last = x.ndim() - 1, other = y.ndim() == 1 ? 0 : y.ndim() - 2;
  return tensordot(x, y, {last}, {other});
}

Array outer(const Array& x, const Array& y) {
  return expand_dims(ravel(x), 1) * expand_dims(ravel(y), 0);
}

Array tensordot(const Array& x, const Array& y, int axes) {
  if (axes < 0 || axes > x.ndim() || axes > y.ndim()) {
    refuse("tensordot",
           std::to_string(axes) + " axes of " + x.type_text() + " and " + y.type_text(),
           "give a number from 0 up to the axes that both have");
  }
  std::vector<std::int64_t> axes_x, axes_y;
  for (int k = 0; k < axes; ++k) {
    axes_x.push_back(x.ndim() - axes + k);
    axes_y.push_back(k);
  }
  return tensordot(x, y, axes_x, axes_y);
}

Array tensordot(const Array& a, const Array& b, std::vector<std::int64_t> axes_x,
                std::vector<std::int64_t> axes_y) {
  const auto [x, y] = same_type("tensordot", a, b);
  if (axes_x.size() != axes_y.size()) {
    refuse("tensordot",
           std::to_string(axes_x.size()) + " axes of " + x.type_text() + " and " +
               std::to_string(axes_y.size()) + " of " + y.type_text(),
           "name as many axes of each");
  }
  Dims cx, cy;
  for (std::int64_t k : axes_x) cx.push_back(normal_axis("tensordot", k, x.ndim()));
  for (std::int64_t k : axes_y) cy.push_back(normal_axis("tensordot", k, y.ndim()));
  for (std::size_t k = 0; k < cx.size(); ++k) {
    if (x.shape()[static_cast<int>(cx[k])] != y.shape()[static_cast<int>(cy[k])]) {
      refuse_lengths("tensordot", x, y);
    }
  }
  return dot_general(x, y, {{}, {}, cx, cy});
}

Array cross(const Array& x, const Array& y) {
  if (x.ndim() == 0 || y.ndim() == 0 || x.shape(-1) != 3 || y.shape(-1) != 3) {
    refuse("cross", "takes last axes of length 3, given " + x.type_text() + " and " + y.type_text(),
           "put the three components along the last axis, with moveaxis or stack");
  }
  const auto part = [](const Array& z, std::int64_t k) { return take(z, Array(k), -1); };
  const auto minor = [&](std::int64_t i, std::int64_t j) {
    return part(x, i) * part(y, j) - part(x, j) * part(y, i);
  };
  return stack({minor(1, 2), minor(2, 0), minor(0, 1)}, -1);
}

// --- einsum

namespace {

/// An array whose axes have letters.
struct Lettered {
  Array array;
  std::string letters;
};

/// Repeated letters become one axis, the diagonal.
Lettered without_repeats(Lettered x) {
  for (std::size_t k = 0; k < x.letters.size(); ++k) {
    const std::size_t other = x.letters.find(x.letters[k], k + 1);
    if (other == std::string::npos) continue;
    const int a = static_cast<int>(k), b = static_cast<int>(other);
    if (x.array.shape()[a] != x.array.shape()[b]) {
      refuse(
          "einsum",
          std::string("the letter ") + x.letters[k] + " is two lengths in " + x.array.type_text(),
          "give axes of different lengths different letters");
    }
    const char letter = x.letters[k];
    x.array = diagonal(x.array, 0, a, b);
    x.letters.erase(other, 1);
    x.letters.erase(k, 1);
    x.letters += letter;
    return without_repeats(std::move(x));
  }
  return x;
}

Lettered summed(Lettered x, const std::string& needed) {
  std::vector<std::int64_t> axes;
  std::string left;
  for (std::size_t k = 0; k < x.letters.size(); ++k) {
    if (needed.find(x.letters[k]) == std::string::npos) {
      axes.push_back(static_cast<std::int64_t>(k));
    } else {
      left += x.letters[k];
    }
  }
  if (!axes.empty()) x.array = sum(x.array, Axes(axes));
  x.letters = left;
  return x;
}

/// Letters of both that are needed later are batches; the others of both are summed.
Lettered contracted(const Lettered& x, const Lettered& y, const std::string& needed) {
  ir::DotAttr attr;
  std::string batch, free_x, free_y;
  for (std::size_t k = 0; k < x.letters.size(); ++k) {
    const std::size_t other = y.letters.find(x.letters[k]);
    if (other == std::string::npos) {
      free_x += x.letters[k];
      continue;
    }
    const bool kept = needed.find(x.letters[k]) != std::string::npos;
    (kept ? attr.batch_x : attr.contract_x).push_back(static_cast<std::int64_t>(k));
    (kept ? attr.batch_y : attr.contract_y).push_back(static_cast<std::int64_t>(other));
    if (kept) batch += x.letters[k];
  }
  for (char letter : y.letters) {
    if (x.letters.find(letter) == std::string::npos) free_y += letter;
  }
  return {dot_general(x.array, y.array, attr), batch + free_x + free_y};
}

struct Formula {
  std::vector<std::string> inputs;
  std::string output;
};

Formula parse_formula(std::string_view text) {
  Formula f;
  f.inputs.emplace_back();
  const std::size_t arrow = text.find("->");
  for (char c : text.substr(0, arrow)) {
    if (c == ' ') continue;
    if (c == ',') {
      f.inputs.emplace_back();
    } else if (std::isalpha(static_cast<unsigned char>(c))) {
      f.inputs.back() += c;
    } else {
      refuse(
          "einsum",
          "'" + std::string(text) + "': " +
              (c == '.' ? "an ellipsis is not supported"
                        : "a letter, a comma or -> is expected, not '" + std::string(1, c) + "'"),
          "name every axis by a letter, as in \"ij,jk->ik\"");
    }
  }
  if (arrow != std::string_view::npos) {
    for (char c : text.substr(arrow + 2)) {
      if (c != ' ') f.output += c;
    }
    return f;
  }
  // Without an arrow: letters that occur once, in alphabetical order.
  std::string all;
  for (const std::string& in : f.inputs) all += in;
  std::sort(all.begin(), all.end());
  for (char c : all) {
    if (std::count(all.begin(), all.end(), c) == 1) f.output += c;
  }
  return f;
}

void check_formula(const Formula& f, std::string_view text, const std::vector<Array>& operands) {
  const std::string quoted = "'" + std::string(text) + "'";
  if (f.inputs.size() != operands.size()) {
    refuse("einsum",
           quoted + " names " + std::to_string(f.inputs.size()) + " operands, given " +
               std::to_string(operands.size()),
           "give one list of letters an operand, with commas between them");
  }
  std::string all;
  std::vector<std::int64_t> length(256, -1);
  for (std::size_t k = 0; k < operands.size(); ++k) {
    if (static_cast<int>(f.inputs[k].size()) != operands[k].ndim()) {
      refuse("einsum", quoted + ": '" + f.inputs[k] + "' for " + operands[k].type_text(),
             "one letter an axis is wanted");
    }
    for (int axis = 0; axis < operands[k].ndim(); ++axis) {
      const char letter = f.inputs[k][static_cast<std::size_t>(axis)];
      std::int64_t& known = length[static_cast<unsigned char>(letter)];
      const std::int64_t n = operands[k].shape()[axis];
      if (known >= 0 && known != n) {
        refuse("einsum",
               quoted + ": the letter " + letter + " is " + std::to_string(known) + " and " +
                   std::to_string(n),
               "give axes of different lengths different letters");
      }
      known = n;
    }
    all += f.inputs[k];
  }
  for (char c : f.output) {
    if (all.find(c) == std::string::npos || std::count(f.output.begin(), f.output.end(), c) != 1) {
      refuse("einsum",
             quoted + ": the result names '" + std::string(1, c) + "'" +
                 (all.find(c) == std::string::npos ? ", which no operand has" : " twice"),
             "name letters of operands behind ->, each once");
    }
  }
}

}  // namespace

Array einsum(std::string_view text, const std::vector<Array>& operands) {
  const Formula f = parse_formula(text);
  check_formula(f, text, operands);
  const ElementType t = common_type("einsum", operands);
  std::vector<Lettered> left;
  for (std::size_t k = 0; k < operands.size(); ++k) {
    left.push_back(without_repeats({convert("einsum", operands[k], t), f.inputs[k]}));
  }
  const auto needed_after = [&](std::size_t first) {
    std::string letters = f.output;
    for (std::size_t k = first; k < left.size(); ++k) letters += left[k].letters;
    return letters;
  };
  Lettered result = summed(left[0], needed_after(1));
  for (std::size_t k = 1; k < left.size(); ++k) {
    const std::string later = needed_after(k + 1);
    const Lettered next = summed(left[k], later + result.letters);
    result = contracted(result, next, later);
  }
  result = summed(result, f.output);
  std::vector<std::int64_t> order;
  for (char c : f.output) order.push_back(static_cast<std::int64_t>(result.letters.find(c)));
  return order.empty() ? result.array : transpose(result.array, order);
}

}  // namespace cotangent::array
