// Units where the state is not q and p: named arrays, rules for them, structures, symmetries.
//
// An array has the dimension of its values; a bare one is an unknown that its uses settle, as a
// bare parameter is. Then dx/dt is x over time, a map gives x, J_ij is x_i x_j over an action (so
// that J grad H is x over time), and a generator of x is x over one dimension for the whole group.
#include <algorithm>

#include "cotangent/formats/units_table.h"
#include "cotangent/formats/values.h"
#include "cotangent/mechanics/lie_algebra.h"

namespace cotangent::formats {

using lang::DimensionTerm;

constexpr std::int64_t kOwnEntries = 64;  // of an array whose entries may differ

ir::Tensor FileUnits::read_array(const ValueSource& source, const Node& node,
                                 const std::string& name, const lang::Context& names) {
  ir::Tensor x = read(source, node, "'" + name + "'", names);
  const Shape& shape = x.type().shape;
  std::vector<DimensionTerm> d;
  const bool entries = shape.rank() == 1 && shape[0] > 1 && shape[0] <= kOwnEntries &&
                       datum_.count == shape[0] &&
                       std::ranges::none_of(datum_.leaves, &Leaf::whole);
  // 0 needs no unit, and may be of another kind than its neighbours.
  const bool all_say = static_cast<std::int64_t>(datum_.leaves.size()) == datum_.count;
  if (entries && !(all_say && alike(datum_.leaves))) {
    for (std::int64_t k = 0; k < shape[0]; ++k) {
      const auto leaf = std::ranges::find(datum_.leaves, k, &Leaf::index);
      d.push_back(leaf != datum_.leaves.end()
                      ? leaf->dimension
                      : dimensions_.unknown(name + "[" + std::to_string(k) + "]"));
    }
  } else if (datum_.leaves.empty()) {
    d = {dimensions_.unknown(name)};
  } else {
    d = {datum_.leaves[0].dimension};
    for (const Leaf& leaf : datum_.leaves) expect(leaf, d[0], "'" + name + "'");
  }
  d.size() == 1 ? dimensions_.set(name, d[0]) : dimensions_.set_entries(name, d);
  arrays_.push_back({name, shape, std::move(d)});
  return x;
}

bool FileUnits::alike(const std::vector<Leaf>& leaves) const {
  const DimensionTerm first = dimensions_.settled(leaves[0].dimension);
  return std::ranges::all_of(leaves, [&](const Leaf& leaf) {
    const DimensionTerm ratio = dimensions_.settled(leaf.dimension) / first;
    return ratio.is_known() && ratio.known.is_none();
  });
}

DimensionTerm FileUnits::scalar_array(const std::string& name, const DimensionTerm& dimension) {
  dimensions_.set(name, dimension);
  arrays_.push_back({name, Shape{}, {dimension}});
  return dimension;
}

void FileUnits::settle_contact(SourceSpan span) {
  const auto agree = [&](const Array& a, const DimensionTerm& wanted) {
    for (const DimensionTerm& d : a.dimensions) {
      if (dimensions_.unify(d, wanted, place(span))) continue;
      fail_at(file_, span, "'" + a.name + "' has the dimension " + dimensions_.words(d),
              dimensions_.words(wanted),
              "in a contact structure p is an action over q, and s an action");
    }
  };
  const DimensionTerm action(lang::action_dimension());
  for (const DimensionTerm& q : arrays_.at(0).dimensions) agree(arrays_.at(1), action / q);
  agree(arrays_.at(2), action);
}

void FileUnits::check_array(const lang::ArrayText& text, const std::vector<DimensionTerm>& wanted,
                            const std::string& what) {
  const std::size_t parts = text.parts.size();
  std::size_t rows = 1;
  for (int axis = 0; axis < text.axes; ++axis) rows *= static_cast<std::size_t>(text.shape[axis]);
  // A list of all entries: each has its own. Otherwise one text stands for several of them.
  const bool by_entry = text.indices.empty() && text.axes == text.shape.rank() &&
                        parts == wanted.size() && parts == rows;
  for (std::size_t k = 0; k < parts; ++k) {
    const std::string which =
        by_entry && parts > 1 ? what + " of entry " + std::to_string(k) : what;
    if (by_entry) {
      dimensions_.expect(*text.parts[k], wanted[k], which);
      continue;
    }
    for (const DimensionTerm& each : wanted) dimensions_.expect(*text.parts[k], each, which);
  }
}

void FileUnits::check_rules(const std::vector<lang::ArrayText>& rules, const DimensionTerm& per,
                            const std::string& what) {
  ensure(rules.size() == arrays_.size(), "units: rules for other arrays");
  for (std::size_t k = 0; k < rules.size(); ++k) {
    std::vector<DimensionTerm> wanted;
    for (const DimensionTerm& d : arrays_[k].dimensions) wanted.push_back(d / per);
    check_array(rules[k], wanted, what + " of '" + arrays_[k].name + "'");
  }
}

void FileUnits::check_generator(const std::vector<lang::ArrayText>& rules,
                                const std::string& symmetry) {
  const DimensionTerm group = dimensions_.unknown("the parameter of " + symmetry);
  const std::string what = "the change by the symmetry '" + symmetry + "'";
  if (!arrays_.empty()) return check_rules(rules, group, what);
  const std::vector<DimensionTerm>* parts[] = {&q_, &p_};
  for (std::size_t k = 0; k < rules.size() && k < 2; ++k) {
    std::vector<DimensionTerm> wanted;
    for (const DimensionTerm& d : *parts[k]) wanted.push_back(d / group);
    check_array(rules[k], wanted, what);
  }
}

/// Of each entry of z.
std::vector<DimensionTerm> FileUnits::entries_of_z() const {
  const Array& z = arrays_.at(0);
  const auto n = static_cast<std::size_t>(z.shape.size());
  return z.dimensions.size() == n ? z.dimensions : std::vector<DimensionTerm>(n, z.dimensions[0]);
}

void FileUnits::check_matrix(const lang::ArrayText& matrix, const DimensionTerm& per,
                             const std::string& what) {
  const std::vector<DimensionTerm> z = entries_of_z();
  std::vector<DimensionTerm> wanted;
  for (const DimensionTerm& row : z) {
    for (const DimensionTerm& column : z) wanted.push_back(row * column / per);
  }
  check_array(matrix, wanted, what);
}

DimensionTerm FileUnits::check_entropy(const lang::Expression& expression) {
  return dimensions_.infer(expression);
}

void FileUnits::check_algebra(const mechanics::LieAlgebra& algebra, SourceSpan span) {
  std::vector<DimensionTerm> z = entries_of_z();
  for (const mechanics::StructureConstant& c : algebra.constants) {
    const auto at = [&](std::int64_t k) { return z[static_cast<std::size_t>(k)]; };
    // d z_i/dt = c z_k dH/dz_j
    const DimensionTerm product = at(c.i) * at(c.j), whole = at(c.k) * lang::action_dimension();
    if (dimensions_.unify(product, whole, place(span))) continue;
    const auto name = [&](std::int64_t k) { return "z[" + std::to_string(k) + "]"; };
    fail_at(file_, span,
            name(c.i) + " " + name(c.j) + " has the dimension " + dimensions_.words(product) +
                ", and " + name(c.k) + " times an action " + dimensions_.words(whole),
            "in " + algebra.name + " the bracket of " + name(c.i) + " and " + name(c.j) +
                " holds " + name(c.k),
            "give z in units of angular momentum, and of what else the algebra moves");
  }
}

}  // namespace cotangent::formats
