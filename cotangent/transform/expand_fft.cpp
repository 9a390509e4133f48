// fft -> the program's own ops: one axis after the other, each a map over its lines. Lines that are
// neighbours in memory become lanes of one kernel.
#include <algorithm>

#include "cotangent/ir/fft.h"
#include "cotangent/transform/fft_lines.h"
#include "cotangent/transform/passes.h"
#include "cotangent/transform/rebuild.h"

namespace cotangent::transform {

using namespace ir;

namespace {

class Expander {
 public:
  /// `at_caller`: the array that its columns lie in on one side is an argument or a result.
  Expander(Builder& b, const FftAttr& attr, DType t, bool at_caller = false)
      : b_(b), attr_(attr), lines_(t), at_caller_(at_caller) {}

  Values run(const Values& x) {
    const int rank = b_.type(x[0]).shape.rank(), first = rank - static_cast<int>(attr_.axes);
    // The last two axes together, a plane after the other: a plane stays in a core's cache.
    const FftAttr plane{attr_.kind, 2, attr_.length};
    if (attr_.axes == 3 && is_inverse(attr_.kind)) {
      const Pair z = complex_axis({x[0], x[1]}, first, true);
      return planes({z.re, z.im}, plane);
    }
    if (attr_.axes == 3) {
      const Values y = planes(x, plane);
      const Pair z = complex_axis({y[0], y[1]}, first, false);
      return {z.re, z.im};
    }
    if (attr_.axes == 2 && rank > 2) return planes(x, plane);
    switch (attr_.kind) {
      case FftKind::kForward: {
        Pair z{x[0], x[1]};
        for (int k = rank - 1; k >= first; --k) z = complex_axis(z, k, false);
        return {z.re, z.im};
      }
      case FftKind::kInverse: {
        Pair z{x[0], x[1]};
        for (int k = first; k < rank; ++k) z = complex_axis(z, k, true);
        return {z.re, z.im};
      }
      case FftKind::kRealForward: {
        Pair z = real_axis(x[0]);
        for (int k = rank - 2; k >= first; --k) z = complex_axis(z, k, false);
        return {z.re, z.im};
      }
      case FftKind::kRealInverse: {
        Pair z{x[0], x[1]};
        for (int k = first; k < rank - 1; ++k) z = complex_axis(z, k, true);
        return {real_axis_inverse(z)};
      }
    }
    throw InternalError("fft: no such kind");
  }

 private:
  /// The map over `count` lines, or the one line itself. The last `shared` of `rows` are seen
  /// whole.
  template <class Body>
  Values over_lines(std::int64_t count, const Values& rows, Body body, std::size_t shared = 0) {
    const std::size_t own = rows.size() - shared;
    if (count == 1) {
      Values one;
      for (std::size_t k = 0; k < rows.size(); ++k)
        one.push_back(k < own ? b_.row(rows[k], 0) : rows[k]);
      Values made = body(b_, one);
      for (Value& v : made) v = b_.reshape(v, b_.type(v).shape.with_leading(1));
      return made;
    }
    Builder inner("fft_lines");
    inner.param(scalar(DType::kI64));
    Values one;
    for (std::size_t k = 0; k < rows.size(); ++k)
      one.push_back(inner.param(k < own ? row_of(b_.type(rows[k])) : b_.type(rows[k])));
    MapAttr attr;
    attr.count = count;
    attr.rows = static_cast<std::int64_t>(own);
    const Values made = body(inner, one);
    attr.roles.assign(made.size(), Role::kStack);
    attr.body = inner.finish(made);
    return b_.map(attr, rows);
  }

  /// [a, b, lines] as [b, a, lines], both given by the shape they are asked in.
  Values swapped(const Values& x, const Shape& from, const Shape& to) {
    Values y;
    for (Value v : x) y.push_back(b_.reshape(b_.transpose(b_.reshape(v, from), {1, 0, 2}), to));
    return y;
  }

  /// A block [n, lines] of lines along its first axis. With `turns`, coefficient k of each is
  /// multiplied by number k there.
  Values columns(const Values& x, bool inverse, const Values& turns = {}) {
    Values rows{b_.transpose(x[0], {1, 0}), b_.transpose(x[1], {1, 0})};
    rows.insert(rows.end(), turns.begin(), turns.end());
    const Values made = over_lines(
        b_.type(x[0]).shape[1], rows,
        [&](Builder& b, const Values& line) {
          Pair z = lines_.complex(b, {line[0], line[1]}, inverse);
          if (!turns.empty()) z = times(b, z, {line[2], line[3]});
          return Values{z.re, z.im};
        },
        turns.size());
    return {b_.transpose(made[0], {1, 0}), b_.transpose(made[1], {1, 0})};
  }

  /// The same in two steps over all lines, Cooley and Tukey's: n1 transforms of n2 after n2 of n1,
  /// each over rows of memory that are few enough to stay in reach.
  Values columns_in_two(const Values& x, std::int64_t n1, bool inverse) {
    const Type t = b_.type(x[0]);
    const std::int64_t n = t.shape[0], n2 = n / n1, lines = t.shape[1];
    const Shape by_first{n1, n2, lines}, by_second{n2, n1, lines}, whole{n, lines};
    Values rows = swapped(x, by_first, by_second);
    const Pair turns = lines_.turns(b_, n1, n2, inverse);
    rows.push_back(turns.re);
    rows.push_back(turns.im);
    const Values first = over_lines(n2, rows, [&](Builder& b, const Values& one) {
      return Expander(b, attr_, t.dtype).columns({one[0], one[1]}, inverse, {one[2], one[3]});
    });
    const Values second =
        over_lines(n1, swapped(first, by_second, by_first), [&](Builder& b, const Values& one) {
          return Expander(b, attr_, t.dtype, true).columns_of_caller(one, inverse, kRestOfLong);
        });
    return swapped(second, by_first, whole);
  }

  /// Columns of an array that on one side is the caller's. Where they are `least` long or longer,
  /// and its rows a page or more apart, they have more pages than the processor has at hand, and go
  /// in steps. (Arrays between steps of ours lie in large pages, and a column there is one step.)
  static constexpr std::int64_t kLong = 256, kRestOfLong = 128;
  Values columns_of_caller(const Values& x, bool inverse, std::int64_t least = kLong) {
    constexpr std::int64_t kPage = 4096;
    const Type t = b_.type(x[0]);
    const std::int64_t n = t.shape[0];
    if (at_caller_ && t.bytes() >= n * kPage && n >= least && is_smooth(n)) {
      for (std::int64_t n1 : {8, 6, 5, 7, 4}) {  // a codelet that stays in registers
        if (n % n1 == 0) return columns_in_two(x, n1, inverse);
      }
    }
    return columns(x, inverse);
  }

  Pair complex_axis(Pair x, int axis, bool inverse) {
    const Shape shape = b_.type(x.re).shape;
    const std::int64_t n = shape[axis];
    std::int64_t before = 1, after = 1;
    for (int k = 0; k < axis; ++k) before *= shape[k];
    for (int k = axis + 1; k < shape.rank(); ++k) after *= shape[k];
    if (n == 1 || before * after == 0) return x;
    Values made;
    if (after == 1) {
      const Values rows{b_.reshape(x.re, Shape{before, n}), b_.reshape(x.im, Shape{before, n})};
      made = over_lines(before, rows, [&](Builder& b, const Values& line) {
        const Pair z = lines_.complex(b, {line[0], line[1]}, inverse);
        return Values{z.re, z.im};
      });
    } else if (before == 1) {
      const Values block{b_.reshape(x.re, Shape{n, after}), b_.reshape(x.im, Shape{n, after})};
      made = columns_of_caller(block, inverse);
    } else {
      made = blocks(
          {b_.reshape(x.re, Shape{before, n, after}), b_.reshape(x.im, Shape{before, n, after})},
          inverse);
    }
    return {b_.reshape(made[0], shape), b_.reshape(made[1], shape)};
  }

  Values planes(const Values& x, const FftAttr& attr) {
    const Shape shape = b_.type(x[0]).shape;
    const int rank = shape.rank();
    const std::int64_t m = shape[rank - 2], n = shape[rank - 1];
    if (shape.size() == 0) {
      std::vector<Type> types;
      for (Value v : x) types.push_back(b_.type(v));
      Values zeros;
      for (const Type& t : infer_fft(types, attr)) zeros.push_back(b_.zeros(t));
      return zeros;
    }
    Values stacked;
    for (Value v : x) stacked.push_back(b_.reshape(v, Shape{shape.size() / (m * n), m, n}));
    Values made = over_lines(shape.size() / (m * n), stacked, [&](Builder& b, const Values& one) {
      return Expander(b, attr, b.type(one[0]).dtype).run(one);
    });
    for (Value& v : made) {
      Dims axes(shape.begin(), shape.end());
      axes.back() = b_.type(v).shape[2];
      v = b_.reshape(v, Shape(axes));
    }
    return made;
  }

  /// [blocks, n, lines]: a map over the blocks.
  Values blocks(const Values& x, bool inverse) {
    const Type t = b_.type(x[0]);
    Builder inner("fft_blocks");
    inner.param(scalar(DType::kI64));
    Values one;
    for (Value v : x) one.push_back(inner.param(row_of(b_.type(v))));
    Expander block(inner, attr_, t.dtype);
    MapAttr attr;
    attr.count = t.shape[0];
    attr.rows = 2;
    attr.roles = {Role::kStack, Role::kStack};
    attr.body = inner.finish(block.columns(one, inverse));
    return b_.map(attr, x);
  }

  Shape with_last(Shape shape, std::int64_t n) const {
    Dims axes(shape.begin(), shape.end());
    axes.back() = n;
    return Shape(axes);
  }

  Pair real_axis(Value x) {
    const Shape shape = b_.type(x).shape;
    const std::int64_t n = shape[shape.rank() - 1], half = n / 2 + 1;
    const std::int64_t count = shape.size() / n;
    const Shape out = with_last(shape, half);
    if (count == 0) return {b_.zeros({b_.type(x).dtype, out}), b_.zeros({b_.type(x).dtype, out})};
    Values made;
    if (count % 2 == 0) {
      // Two lines at once: one complex transform.
      const Values rows{b_.reshape(x, Shape{count / 2, 2, n})};
      made = over_lines(count / 2, rows, [&](Builder& b, const Values& two) {
        const auto [p, q] = lines_.real_pair(b, b.row(two[0], 0), b.row(two[0], 1));
        return Values{p.re, p.im, q.re, q.im};
      });
      made = {alternating(made[0], made[2]), alternating(made[1], made[3])};
    } else {
      made =
          over_lines(count, {b_.reshape(x, Shape{count, n})}, [&](Builder& b, const Values& line) {
            const Pair z = lines_.real(b, line[0]);
            return Values{z.re, z.im};
          });
    }
    return {b_.reshape(made[0], out), b_.reshape(made[1], out)};
  }

  Value real_axis_inverse(Pair x) {
    const Shape shape = b_.type(x.re).shape;
    const std::int64_t n = attr_.length, half = n / 2 + 1;
    const std::int64_t count = shape.size() / half;
    const Shape out = with_last(shape, n);
    if (count == 0) return b_.zeros({b_.type(x.re).dtype, out});
    Values made;
    if (count % 2 == 0) {
      const Shape two{count / 2, 2, half};
      made = over_lines(count / 2, {b_.reshape(x.re, two), b_.reshape(x.im, two)},
                        [&](Builder& b, const Values& z) {
                          const auto [p, q] =
                              lines_.real_pair_inverse(b, {b.row(z[0], 0), b.row(z[1], 0)},
                                                       {b.row(z[0], 1), b.row(z[1], 1)}, n);
                          return Values{p, q};
                        });
      made = {alternating(made[0], made[1])};
    } else {
      made = over_lines(
          count, {b_.reshape(x.re, Shape{count, half}), b_.reshape(x.im, Shape{count, half})},
          [&](Builder& b, const Values& z) {
            return Values{lines_.real_inverse(b, {z[0], z[1]}, n)};
          });
    }
    return b_.reshape(made[0], out);
  }

  /// Rows of x and of y in turn.
  Value alternating(Value x, Value y) {
    const Shape shape = b_.type(x).shape, one{shape[0], 1, shape[1]};
    const Value rows[] = {b_.reshape(x, one), b_.reshape(y, one)};
    return b_.concatenate(rows, 1);
  }

  Builder& b_;
  const FftAttr& attr_;
  FftLines lines_;
  bool at_caller_;
};

/// Whether a transform's result is one of f's, or its operand a parameter: on the side where its
/// columns are, which come last forward and first inverse.
bool meets_caller(const Function& f, Value fft) {
  if (is_inverse(f.attr_as<FftAttr>(fft).kind)) return f.op(f.operand(fft, 0)) == Op::kParameter;
  return std::any_of(f.results().begin(), f.results().end(),
                     [&](Value r) { return f.op(r) == Op::kProject && f.operand(r, 0) == fft; });
}

}  // namespace

FunctionPtr expand_fft(const Function& f) {
  const ProjectedRule rule = [&](Builder& b, Value v, std::span<const Value> x,
                                 const Values&) -> Values {
    if (f.op(v) != Op::kFft) return {};
    const DType t = f.result_types(v)[0].dtype;
    return Expander(b, f.attr_as<FftAttr>(v), t, meets_caller(f, v)).run({x.begin(), x.end()});
  };
  return rewrite(f, {}, expand_fft, rule);
}

}  // namespace cotangent::transform
