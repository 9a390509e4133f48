// Random operations, done here and by numpy. Every operand numpy sees is our value, bit for bit, so
// each operation is compared alone: shapes and element types always, values exactly where numpy
// rounds as IEEE says, and to a few ulp of the largest term for functions and sums.
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "cotangent/array/fourier.h"
#include "cotangent/array/linear_algebra.h"
#include "cotangent/array/sorting.h"
#include "tests/array/support.h"

namespace cotangent::array {
namespace {

std::string numpy_type(DType t) {
  switch (t) {
    case DType::kF64: return "float64";
    case DType::kF32: return "float32";
    case DType::kI64: return "int64";
    case DType::kI32: return "int32";
    case DType::kU64: return "uint64";
    case DType::kU32: return "uint32";
    case DType::kBool: return "bool";
    default: break;  // storage types do not compute
  }
  return "?";
}

std::string tuple_text(std::span<const std::int64_t> values) {
  std::string s = "(";
  for (std::int64_t v : values) s += std::to_string(v) + ",";
  return s + ")";
}

std::string literal_of(const Array& x) {
  x.eval();
  const std::size_t bytes = static_cast<std::size_t>(x.size()) * size_of(x.dtype());
  std::string hex = "load('";
  char two[3];
  for (std::size_t k = 0; k < bytes; ++k) {
    const auto byte = std::to_integer<int>(buffer_of(x.node())->data()[k]);
    std::snprintf(two, sizeof two, "%02x", static_cast<unsigned>(byte));
    hex += two;
  }
  return hex + "','" + numpy_type(x.dtype()) + "'," + tuple_text(x.shape().axes()) + ")";
}

class Programs {
 public:
  explicit Programs(std::uint64_t seed) : random_(seed) {
    script_ =
        "import numpy as np\n"
        "np.seterr(all='ignore')\n"
        "wrong = count = 0\n"
        "def load(h, t, s): return np.frombuffer(bytes.fromhex(h), dtype=t).reshape(s)\n"
        "def check(text, numpys, ours, scale):\n"
        "    global wrong, count\n"
        "    count += 1\n"
        "    numpys = np.asarray(numpys)\n"
        "    ok = numpys.shape == ours.shape and numpys.dtype == ours.dtype\n"
        "    if ok and scale is None: ok = np.array_equal(numpys, ours, equal_nan=ours.dtype.kind "
        "== 'f')\n"
        "    elif ok:\n"
        "        size = max([1e-300] + [float(np.max(np.abs(x), where=np.isfinite(x), initial=0)) "
        "for x in scale + [numpys]])\n"
        "        ok = np.allclose(numpys, ours, rtol=1e-13, atol=4e-14 * size, equal_nan=True)\n"
        "    if not ok:\n"
        "        wrong += 1\n"
        "        print(text, '\\n numpy', numpys.dtype, numpys.shape, numpys, '\\n ours ', "
        "ours.dtype, ours.shape, ours)\n"
        "    return ours\n";
  }

  void run(int programs, int steps) {
    for (int p = 0; p < programs; ++p) {
      pool_.clear();
      seed_pool();
      for (int s = 0; s < steps; ++s) step();
    }
    script_ +=
        "print('compared', count, 'operations,', wrong, 'wrong')\nraise SystemExit(1 if wrong else "
        "0)\n";
  }

  const std::string& script() const { return script_; }

 private:
  std::int64_t below(std::int64_t n) {
    return static_cast<std::int64_t>(random_() % static_cast<std::uint64_t>(n));
  }
  double uniform() { return std::ldexp(static_cast<double>(random_() >> 11), -53); }

  Shape random_shape() {
    std::vector<std::int64_t> axes;
    for (std::int64_t k = below(4); k > 0; --k) axes.push_back(1 + below(4));
    return Shape(axes);
  }

  void add(const Array& x, const std::string& expression, bool exact,
           const std::vector<std::size_t>& terms = {}) {
    if (x.size() > 400 || x.ndim() > 5) return;
    const std::string name = "v[" + std::to_string(pool_.size()) + "]";
    std::string scale = "None";
    if (!exact) {
      scale = "[";
      for (std::size_t t : terms) scale += "v[" + std::to_string(t) + "],";
      scale += "]";
    }
    std::string quoted = expression;
    for (char& c : quoted) c = c == '"' ? '\'' : c;
    script_ += "v.append(check(\"" + quoted + "\", " + expression + ", " + literal_of(x) + ", " +
               scale + "))\n";
    pool_.push_back(x);
  }

  void seed_pool() {
    script_ += "v = []\n";
    const Shape common = random_shape();
    for (int k = 0; k < 6; ++k) {
      const Shape shape = k < 3 ? common : random_shape();
      Array x;
      if (k % 3 == 2) {
        std::vector<std::int64_t> values(static_cast<std::size_t>(shape.size()));
        for (auto& value : values) value = below(9) - 4;
        x = Array::from(values, shape);
      } else {
        std::vector<double> values(static_cast<std::size_t>(shape.size()));
        for (double& value : values) value = uniform() * 6 - 3;
        x = Array::from(values, shape);
      }
      script_ += "v.append(" + literal_of(x) + ")\n";
      pool_.push_back(x);
    }
  }

  void step() {
    const std::size_t a = static_cast<std::size_t>(below(static_cast<std::int64_t>(pool_.size())));
    const std::size_t b = static_cast<std::size_t>(below(static_cast<std::int64_t>(pool_.size())));
    try {
      switch (below(8)) {
        case 0:
        case 1: binary(a, b); break;
        case 2: unary(a); break;
        case 3: reduction(a); break;
        case 4: shaping(a, b); break;
        case 5: order(a); break;
        case 6: below(2) ? fourier(a, b) : linear_algebra(); break;
        default: indexing(a, b); break;
      }
    } catch (const UserError&) {
      // The two do not fit one another: numpy refuses as well, or we say so by name.
    }
  }

  std::string name(std::size_t k) const { return "v[" + std::to_string(k) + "]"; }

  void binary(std::size_t a, std::size_t b) {
    const Array &x = pool_[a], &y = pool_[b];
    const std::string n = name(a), m = name(b);
    const bool logic = is_bool(x.dtype()) && is_bool(y.dtype());
    switch (below(16)) {
      case 0:
        if (!logic) add(x + y, n + "+" + m, true);
        break;
      case 1:
        if (!logic) add(x - y, n + "-" + m, true);
        break;
      case 2:
        if (!logic) add(x * y, n + "*" + m, true);
        break;
      case 3: add(x / y, n + "/" + m, true); break;
      case 4:
        if (!logic) add(x % y, "np.remainder(" + n + "," + m + ")", true);
        break;
      case 5:
        if (!logic) add(floor_divide(x, y), "np.floor_divide(" + n + "," + m + ")", true);
        break;
      case 6: add(maximum(x, y), "np.maximum(" + n + "," + m + ")", true); break;
      case 7: add(minimum(x, y), "np.minimum(" + n + "," + m + ")", true); break;
      case 8: add(x < y, n + "<" + m, true); break;
      case 9: add(x >= y, n + ">=" + m, true); break;
      case 10: add(x == y, n + "==" + m, true); break;
      case 11: add(logical_or(x, y), "np.logical_or(" + n + "," + m + ")", true); break;
      case 12: add(where(x > 0, x, y), "np.where(" + n + ">0," + n + "," + m + ")", true); break;
      case 13:
        if (!logic) add(matmul(x, y), "np.matmul(" + n + "," + m + ")", false, {a, b});
        break;
      case 14:
        if (!logic) add(dot(x, y), "np.dot(" + n + "," + m + ")", false, {a, b});
        break;
      default: add(atan2(x, y), "np.arctan2(" + n + "*1.0," + m + "*1.0)", false); break;
    }
  }

  void unary(std::size_t a) {
    const Array& x = pool_[a];
    const std::string n = name(a), real = "(" + n + "*1.0)";
    const bool number = !is_bool(x.dtype());
    switch (below(16)) {
      case 0: add(sin(x), "np.sin(" + real + ")", false); break;
      case 1: add(cos(x), "np.cos(" + real + ")", false); break;
      case 2: add(exp(-1.0 * abs(x)), "np.exp(-1.0*np.abs(" + n + "))", false); break;
      case 3: add(sqrt(abs(x)), "np.sqrt(np.abs(" + n + ")*1.0)", true); break;
      case 4: add(tanh(x), "np.tanh(" + real + ")", false); break;
      case 5:
        if (number) add(-x, "-" + n, true);
        break;
      case 6:
        if (is_float(x.dtype())) add(floor(x), "np.floor(" + n + ")", true);
        break;
      case 7:
        if (is_float(x.dtype())) add(round(x), "np.rint(" + n + ")", true);
        break;
      case 8: add(astype_checked(x, DType::kI64), n + ".astype('int64')", true); break;
      case 9:
        add(x.astype(DType::kF32).astype(DType::kF64), n + ".astype('f4').astype('f8')", true);
        break;
      case 10: add(x.astype(DType::kBool), n + ".astype(bool)", true); break;
      case 11:
        if (number) add(square(x), "np.square(" + n + ")", true);
        break;
      case 12:
        if (number) add(abs(x), "np.abs(" + n + ")", true);
        break;
      case 13:
        if (number) add(clip(x, -1, 2), "np.clip(" + n + ",-1,2)", true);
        break;
      case 14: add(log1p(abs(x)), "np.log1p(np.abs(" + n + ")*1.0)", false); break;
      default: add(arctan_of(x), "np.arctan(" + real + ")", false); break;
    }
  }

  static Array arctan_of(const Array& x) { return atan(x); }
  /// numpy's cast of what does not fit is the processor's; ours saturates.
  static Array astype_checked(const Array& x, DType t) {
    if (!all(isfinite(x) & (abs(x.astype(DType::kF64)) < 1e15)).item<bool>()) {
      throw UserError("not comparable");
    }
    return x.astype(t);
  }

  void reduction(std::size_t a) {
    const Array& x = pool_[a];
    const std::string n = name(a);
    const bool keep = below(2) == 1, everything = x.ndim() == 0 || below(3) == 0;
    const int axis = everything ? 0 : static_cast<int>(below(2 * x.ndim())) - x.ndim();
    const Axes axes = everything ? Axes() : Axes(axis);
    std::string options = everything ? "axis=None" : "axis=" + std::to_string(axis);
    const std::string kept = options + ",keepdims=" + (keep ? "True" : "False");
    switch (below(9)) {
      case 0: add(sum(x, axes, keep), n + ".sum(" + kept + ")", false, {a}); break;
      case 1: add(mean(x, axes, keep), n + ".mean(" + kept + ")", false, {a}); break;
      case 2: add(max(x, axes, keep), n + ".max(" + kept + ")", true); break;
      case 3: add(min(x, axes, keep), n + ".min(" + kept + ")", true); break;
      case 4: add(any(x, axes, keep), n + ".any(" + kept + ")", true); break;
      case 5: add(all(x, axes, keep), n + ".all(" + kept + ")", true); break;
      case 6:
        add(argmax(x, everything ? std::optional<int>() : axis, keep),
            "np.argmax(" + n + "," + kept + ")", true);
        break;
      case 7:
        add(argmin(x, everything ? std::optional<int>() : axis, keep),
            "np.argmin(" + n + "," + kept + ")", true);
        break;
      default:
        if (all(abs(x.astype(DType::kF64)) < 1e3).item<bool>()) {
          add(var(x, axes, keep), n + ".var(" + kept + ")", false, {a, a});
        }
        break;
    }
  }

  void shaping(std::size_t a, std::size_t b) {
    const Array &x = pool_[a], &y = pool_[b];
    const std::string n = name(a), m = name(b);
    const int axis = x.ndim() ? static_cast<int>(below(x.ndim())) : 0;
    const std::string k = std::to_string(axis);
    const std::int64_t by = below(7) - 3;
    switch (below(14)) {
      case 0: add(transpose(x), n + ".T", true); break;
      case 1: add(reshape(x, {-1}), n + ".reshape(-1)", true); break;
      case 2: add(flip(x), "np.flip(" + n + ")", true); break;
      case 3:
        add(roll(x, by, axis), "np.roll(" + n + "," + std::to_string(by) + "," + k + ")", true);
        break;
      case 4: add(tile(x, {2, 1}), "np.tile(" + n + ",(2,1))", true); break;
      case 5: add(repeat(x, 2, axis), "np.repeat(" + n + ",2," + k + ")", true); break;
      case 6: add(pad(x, {1}, {2}, 1), "np.pad(" + n + ",(1,2),constant_values=1)", true); break;
      case 7:
        add(concatenate({x, y}, axis), "np.concatenate([" + n + "," + m + "]," + k + ")", true);
        break;
      case 8: add(stack({x, y}, axis), "np.stack([" + n + "," + m + "]," + k + ")", true); break;
      case 9: add(moveaxis(x, axis, -1), "np.moveaxis(" + n + "," + k + ",-1)", true); break;
      case 10: add(expand_dims(x, axis), "np.expand_dims(" + n + "," + k + ")", true); break;
      case 11: add(tril(x, by), "np.tril(" + n + "," + std::to_string(by) + ")", true); break;
      case 12: add(triu(x, by), "np.triu(" + n + "," + std::to_string(by) + ")", true); break;
      default:
        if (x.ndim() == 1 || x.ndim() == 2) {
          add(diag(x, by), "np.diag(" + n + "," + std::to_string(by) + ")", true);
        }
        break;
    }
  }

  Array index_array(std::int64_t n, std::string& text) {
    const Shape shape = below(2) ? Shape{3} : Shape{2, 1};
    std::vector<std::int64_t> values(static_cast<std::size_t>(shape.size()));
    for (auto& value : values) value = below(2 * n) - n;
    const Array made = Array::from(values, shape);
    text += literal_of(made);
    return made;
  }

  std::vector<Index> random_index(const Array& x, std::string& text) {
    std::vector<Index> indices;
    const auto bound = [&](std::int64_t n, Bound& to) -> std::string {
      if (below(2)) return "";
      const std::int64_t value = below(2 * n + 3) - n - 1;
      to = Bound(value);
      return std::to_string(value);
    };
    for (int axis = 0; axis < x.ndim(); ++axis) {
      const std::int64_t n = x.shape()[axis];
      if (below(8) == 0) {
        indices.emplace_back(newaxis);
        text += "None,";
      }
      switch (n ? below(5) : 4) {
        case 0: {
          const std::int64_t value = below(2 * n) - n;
          indices.emplace_back(value);
          text += std::to_string(value) + ",";
          break;
        }
        case 1:
          indices.emplace_back(index_array(n, text));
          text += ",";
          break;
        default: {
          Bound start(_), stop(_);
          const std::string first = bound(n, start), last = bound(n, stop);
          std::int64_t step = below(7) - 3;
          if (step == 0) step = 1;
          indices.emplace_back(slice(start, stop, step));
          text += first + ":" + last + ":" + std::to_string(step) + ",";
          break;
        }
      }
    }
    if (below(3) == 0) {
      indices.emplace_back(ellipsis);
      text += "...,";
    }
    if (indices.empty()) text = "...";
    return indices;
  }

  void indexing(std::size_t a, std::size_t b) {
    const Array &x = pool_[a], &y = pool_[b];
    const std::string n = name(a), m = name(b);
    std::string text;
    switch (below(4)) {
      case 0:
      case 1: {
        const auto indices = random_index(x, text);
        add(get_index(x, indices), n + "[" + text + "]", true);
        break;
      }
      case 2: {
        // Where an index repeats, numpy's last write wins as well.
        const auto indices = random_index(x, text);
        const double value = static_cast<double>(below(5));
        if (is_bool(x.dtype())) break;
        const IndexedArray place(x, indices);
        const Array full_value = is_float(x.dtype()) ? Array(value) : Array(below(5));
        add(place.set(full_value),
            "(lambda c: (c.__setitem__(np.s_[" + text + "], " + full_value.text() + "), c)[1])(" +
                n + ".copy())",
            true);
        add(place.add(full_value),
            "(lambda c: (np.add.at(c, np.s_[" + text + "], " + full_value.text() + "), c)[1])(" +
                n + ".copy())",
            true);
        break;
      }
      default: {
        if (x.ndim() == 0 || y.ndim() == 0) break;
        const int axis = static_cast<int>(below(x.ndim()));
        if (x.shape()[axis] == 0) break;
        const Array i = index_array(x.shape()[axis], text);
        add(take(x, i, axis), "np.take(" + n + "," + text + "," + std::to_string(axis) + ")", true);
        break;
      }
    }
  }

  void order(std::size_t a) {
    const Array& x = pool_[a];
    const std::string n = name(a);
    const bool flat = x.ndim() == 0 || below(4) == 0;
    const std::optional<int> axis =
        flat ? std::nullopt : std::optional(static_cast<int>(below(2 * x.ndim())) - x.ndim());
    const std::string k = flat ? "None" : std::to_string(*axis);
    switch (below(3)) {
      case 0: add(sort(x, axis), "np.sort(" + n + "," + k + ")", true); break;
      case 1: add(argsort(x, axis), "np.argsort(" + n + "," + k + ",kind='stable')", true); break;
      default: add(cumsum(x, axis), "np.cumsum(" + n + "," + k + ")", true); break;
    }
  }

  /// Both parts of a complex result.
  void add(const Complex& z, const std::string& expression, const std::vector<std::size_t>& terms) {
    add(z.re, "(" + expression + ").real", false, terms);
    add(z.im, "(" + expression + ").imag", false, terms);
  }

  void fourier(std::size_t a, std::size_t b) {
    const Array &x = pool_[a], &y = pool_[b];
    if (x.ndim() == 0 || !all(isfinite(x)).item<bool>() || !all(isfinite(y)).item<bool>()) return;
    const int axis = static_cast<int>(below(2 * x.ndim())) - x.ndim();
    const std::int64_t length = 1 + below(9);
    const std::optional<std::int64_t> n =
        below(2) ? std::nullopt : std::optional<std::int64_t>(length);
    const std::string given = n ? std::to_string(*n) : "None", k = std::to_string(axis);
    const std::string re = name(a), z = "(" + re + "+1j*" + name(b) + ")";
    const std::string one = "," + given + "," + k + ")";
    const bool pair = x.shape() == y.shape();
    const Complex w = pair ? Complex(x, y) : Complex(x);
    const std::string v = pair ? z : re;
    switch (below(8)) {
      case 0: return add(fft(w, n, axis), "np.fft.fft(" + v + one, {a, b});
      case 1: return add(ifft(w, n, axis), "np.fft.ifft(" + v + one, {a, b});
      case 2: return add(rfft(x, n, axis), "np.fft.rfft(" + re + one, {a});
      case 3:
        // numpy's default for one coefficient is length 0, which it refuses.
        return add(irfft(w, length, axis),
                   "np.fft.irfft(" + v + "," + std::to_string(length) + "," + k + ")", false,
                   {a, b});
      case 4: return add(fftn(w), "np.fft.fftn(" + v + ")", {a, b});
      case 5: return add(ifftn(w, {-1, 0}), "np.fft.ifftn(" + v + ",axes=(-1,0))", {a, b});
      case 6: return add(rfftn(x, {-1, 0}), "np.fft.rfftn(" + re + ",axes=(-1,0))", {a});
      default:
        add(fftshift(x), "np.fft.fftshift(" + re + ")", true);
        return add(ifftshift(x, axis), "np.fft.ifftshift(" + re + "," + k + ")", true);
    }
  }

  Array matrices(std::int64_t rows, std::int64_t columns, double diagonal) {
    std::vector<std::int64_t> axes;
    if (below(2)) axes.push_back(1 + below(3));
    axes.insert(axes.end(), {rows, columns});
    const Shape shape(axes);
    std::vector<double> values(static_cast<std::size_t>(shape.size()));
    for (double& value : values) value = uniform() * 2 - 1;
    return Array::from(values, shape) + diagonal * eye(rows, columns);
  }

  void linear_algebra() {
    const std::int64_t n = 1 + below(5), m = 1 + below(5);
    const Array a = matrices(n, n, 4), b = matrices(n, m, 0), c = matrices(n, m, 0);
    const Array positive = matmul(a, swapaxes(a, -1, -2));
    const std::string sa = literal_of(a), sb = literal_of(b), sc = literal_of(c);
    const std::string sp = literal_of(positive);
    switch (below(9)) {
      case 0:
        if (b.ndim() < a.ndim()) return;  // to numpy 1 these are vectors
        return add(solve(a, b), "np.linalg.solve(" + sa + "," + sb + ")", false);
      case 1: return add(inv(a), "np.linalg.inv(" + sa + ")", false);
      case 2: return add(det(a), "np.linalg.det(" + sa + ")", false);
      case 3: return add(cholesky(positive), "np.linalg.cholesky(" + sp + ")", false);
      case 4: return add(eigvalsh(positive), "np.linalg.eigvalsh(" + sp + ")", false);
      case 5: return add(svd(c).s, "np.linalg.svd(" + sc + ",compute_uv=False)", false);
      case 6: {
        const Array vector = matrices(1, n, 0)(ellipsis, 0, all);
        if (vector.ndim() != 1 || a.ndim() != 2) return;
        return add(solve(a, vector), "np.linalg.solve(" + sa + "," + literal_of(vector) + ")",
                   false);
      }
      case 7: {
        if (b.ndim() != a.ndim() || b.shape() != c.shape()) return;
        return add(solve(Complex(a, 0.3 * a), Complex(b, c)),
                   "np.linalg.solve(" + sa + "+0.3j*" + sa + "," + sb + "+1j*" + sc + ")", {});
      }
      default:
        return add(det(Complex(a, 0.3 * a)), "np.linalg.det(" + sa + "+0.3j*" + sa + ")", {});
    }
  }

  std::mt19937_64 random_;
  std::vector<Array> pool_;
  std::string script_;
};

/// A Python that has numpy (scripts/install_deps.sh --tests installs Debian's).
std::string python() {
  for (const char* name : {"python3", "/usr/bin/python3"}) {
    if (std::system((std::string(name) + " -c 'import numpy' 2>/dev/null").c_str()) == 0)
      return name;
  }
  return "";
}

TEST(Numpy, GivesTheSame) {
  Programs programs(20260101);
  programs.run(60, 40);
  const std::string interpreter = python();
  ASSERT_FALSE(interpreter.empty()) << "no Python with numpy: scripts/install_deps.sh --tests";
  const auto file =
      std::filesystem::temp_directory_path() /
      ("cotangent_numpy_" + std::to_string(::testing::UnitTest::GetInstance()->random_seed()) +
       "_" + std::to_string(reinterpret_cast<std::uintptr_t>(&programs)) + ".py");
  std::ofstream(file) << programs.script();
  FILE* pipe = popen((interpreter + " " + file.string() + " 2>&1").c_str(), "r");
  ASSERT_NE(pipe, nullptr);
  std::string said;
  char line[512];
  while (std::fgets(line, sizeof line, pipe)) said += line;
  const int status = pclose(pipe);
  EXPECT_EQ(status, 0) << said.substr(0, 4000);
  EXPECT_THAT(said, testing::HasSubstr(" 0 wrong"));
  const std::size_t at = said.find("compared ");
  ASSERT_NE(at, std::string::npos) << said;
  EXPECT_GT(std::atoi(said.c_str() + at + 9), 1500) << said;
  if (status == 0) std::filesystem::remove(file);
}

}  // namespace
}  // namespace cotangent::array
