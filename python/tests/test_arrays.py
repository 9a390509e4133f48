"""Arrays: numpy's functions, operators, indexing, types, and NumPy's values mixed in."""
import copy
import operator
import pickle

import cotangent as ct
import numpy as np
import pytest

DATA = np.array([[0.3, -1.25, 2.0], [4.5, 0.0, -0.75]])


def same(x, y):
    """Identity: type, shape and every bit."""
    x, y = np.asarray(x), np.asarray(y)
    assert x.dtype == y.dtype and x.shape == y.shape
    assert x.tobytes() == y.tobytes()


# --- exact by IEEE 754: the bits are numpy's
EXACT_UNARY = ["sqrt", "square", "negative", "absolute", "abs", "sign", "floor", "ceil", "trunc",
               "rint", "isfinite", "isnan", "isinf", "logical_not", "reciprocal", "positive"]
EXACT_BINARY = ["add", "subtract", "multiply", "divide", "true_divide", "maximum", "minimum", "less",
                "less_equal", "greater", "greater_equal", "equal", "not_equal", "logical_and",
                "logical_or", "logical_xor"]
#: Our own functions, to a few ulp of the C library's.
NEAR_UNARY = ["exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "sin", "cos", "tan", "arcsin",
              "arccos", "arctan", "sinh", "cosh", "tanh", "arcsinh", "arccosh", "arctanh", "cbrt",
              "degrees", "radians", "deg2rad", "rad2deg"]


@pytest.mark.parametrize("name", EXACT_UNARY)
def test_exact_functions_have_numpys_bits(name):
    with np.errstate(all="ignore"):
        same(getattr(ct, name)(DATA), getattr(np, name)(DATA))


def test_the_arguments_of_atan2_are_called_what_they_are():
    assert float(ct.atan2(y=1.0, x=0.0)) == float(ct.arctan2(1.0, 0.0)) == float(ct.asin(1.0))


@pytest.mark.parametrize("name", EXACT_BINARY)
def test_exact_functions_of_two_have_numpys_bits(name):
    other = np.array([1.5, -2.0, 0.7])
    same(getattr(ct, name)(DATA, other), getattr(np, name)(DATA, other))


@pytest.mark.parametrize("name", ["floor_divide", "remainder"])
def test_division_with_remainder_has_numpys_values(name):
    """Values; a quotient or rest of 0 may have another sign."""
    other = np.array([1.5, -2.0, 0.7])
    np.testing.assert_array_equal(getattr(ct, name)(DATA, other), getattr(np, name)(DATA, other))


@pytest.mark.parametrize("name", NEAR_UNARY)
def test_functions_of_reals_are_near_numpys(name):
    x = np.array([0.1, 0.5, 0.9]) if name != "arccosh" else np.array([1.1, 3.0, 80.0])
    np.testing.assert_allclose(getattr(ct, name)(x), getattr(np, name)(x), rtol=1e-14)


def test_numpys_functions_take_our_arrays():
    x = ct.array(DATA)
    for name in ["sin", "arctan2", "hypot", "maximum", "power"]:
        f = getattr(np, name)
        got = f(x) if f.nin == 1 else f(np.abs(DATA) + 1, x)
        assert isinstance(got, ct.Array)
        want = f(DATA) if f.nin == 1 else f(np.abs(DATA) + 1, DATA)
        np.testing.assert_allclose(got, want, rtol=1e-14)
    assert isinstance(np.sum(x), ct.Array)
    same(np.sum(x, axis=0), np.sum(DATA, axis=0))
    same(np.concatenate([x, x]), np.concatenate([DATA, DATA]))
    same(np.transpose(x), DATA.T)
    same(np.where(x > 0, x, 0.0), np.where(DATA > 0, DATA, 0.0))
    np.testing.assert_allclose(np.linalg.norm(x), np.linalg.norm(DATA), rtol=1e-15)


def test_numpy_computes_what_has_no_counterpart():
    x = ct.array(DATA)
    assert np.array_equiv([x, x], [DATA, DATA])
    same(np.nextafter(x, 0.5), np.nextafter(DATA, 0.5))
    same(np.add.reduce(x), np.add.reduce(DATA))
    out = np.zeros_like(DATA)
    assert np.add(x, x, out=out) is out
    same(out, DATA + DATA)
    with pytest.raises(ct.UserError, match="out="):
        np.add(DATA, DATA, out=x)
    with pytest.raises(ct.UserError, match=r"np\.array_equiv.*traced"):
        ct.jit(lambda y: y if np.array_equiv(y, y) else -y)(DATA)


@pytest.mark.parametrize("left", [np.float64(2.0), np.arange(3.0), 2, 2.5, True, np.int64(3)])
def test_numpy_values_on_either_side(left):
    data = np.abs(DATA) + 0.5
    x = ct.array(data)
    for f in [operator.add, operator.sub, operator.mul, operator.truediv, operator.pow]:
        for got, want in [(f(left, x), f(left, data)), (f(x, left), f(data, left))]:
            assert isinstance(got, ct.Array), f
            np.testing.assert_allclose(got, want, rtol=1e-14)
    assert isinstance(left < x, ct.Array)
    same(left < x, left < data)
    same(left == x, left == data)


def test_operators():
    x, y = np.array([7, -7, 5, 0]), np.array([2, 2, -3, 4])
    a, b = ct.array(x), ct.array(y)
    same(a // b, x // y)
    same(a % b, x % y)
    same(a & b, x & y)
    same(a | b, x | y)
    same(a ^ b, x ^ y)
    same(~a, ~x)
    same(-a, -x)
    same(abs(a), abs(x))
    same(a << 2, x << 2)
    same(a >> 1, x >> 1)
    same(a**2, x**2)
    quotient, rest = divmod(a, b)
    same(quotient, x // y)
    same(rest, x % y)
    same(a @ b, x @ y)
    same(ct.array(DATA) @ DATA.T, DATA @ DATA.T)
    with pytest.raises(TypeError):
        a + "text"
    with pytest.raises(TypeError):
        a + object()


def test_types_promote_as_the_docs_say():
    f32, f64 = ct.array([1.0], dtype="float32"), ct.array([1.0])
    i32, i64 = ct.array([1], dtype=np.int32), ct.array([1])
    assert (f32 * 0.5).dtype == np.float32
    assert (f32 * np.float64(0.5)).dtype == np.float64
    assert (f32 * i64).dtype == np.float32
    assert (i32 + 1).dtype == np.int32
    assert (i64 * 0.5).dtype == np.float64
    assert (f32 + f64).dtype == np.float64
    assert (i64 / 2).dtype == np.float64
    assert ct.array([True, False]).sum().dtype == np.int64
    assert ct.array(3).dtype == np.int64 and ct.array(3.0).dtype == np.float64
    assert ct.array(3.0).weak and not ct.array([3.0]).weak
    assert ct.array([1, 2.5]).dtype == np.float64
    for name in ["float32", "float64", "int32", "int64", "uint32", "uint64", "bool", "uint8", "int8",
                 "int16", "float16"]:
        x = ct.zeros(3, dtype=name)
        assert x.dtype == np.dtype(name) == ct.zeros(3, dtype=np.dtype(name)).dtype
        same(x, np.zeros(3, dtype=name))
    same(ct.array([1.9, -1.9, np.nan, 1e300]).astype("int32"),
         np.array([1, -1, 0, 2**31 - 1], dtype=np.int32))
    assert ct.array([1.0]).astype(float).dtype == np.float64
    assert ct.array([2**63], dtype="uint64").dtype == np.uint64
    with pytest.raises(ct.UserError, match="complex"):
        ct.array(np.zeros(2, dtype=complex))
    with pytest.raises(ct.UserError, match="names no type"):
        ct.zeros(3, dtype="float7")
    with pytest.raises(ct.UserError, match="64 bits"):
        ct.array(2**70)


def test_indexing():
    n = np.arange(24.0).reshape(2, 3, 4)
    x = ct.array(n)
    for key in [0, -1, (0, 1), (slice(None), 1), (slice(1, None), slice(None, None, -1)),
                (Ellipsis, 0), None, Ellipsis, slice(None), (None, 0), (0, None, slice(2)), np.int64(1), (0, np.int32(2)),
                (np.array([0, 1]), np.array([2, 0])), (slice(None), [2, 0, 1]),
                (np.array([[0, 1], [1, 0]]),), (1, Ellipsis, slice(0, 4, 2))]:
        same(x[key], n[key])
    same(x[ct.array([1, 0])], n[[1, 0]])
    rows = list(x)
    assert len(rows) == len(x) == 2
    same(rows[1], n[1])
    a, b = ct.array([1.0, 2.0])
    assert float(a) == 1.0 and float(b) == 2.0
    with pytest.raises(ct.UserError):
        x[2]
    with pytest.raises(ct.UserError, match="mask"):
        x[x > 3]
    with pytest.raises(ct.UserError, match="never change.*\n.*\n.*\n?.*at\\[|at\\["):
        x[0] = 1.0
    with pytest.raises(TypeError):
        len(ct.array(1.0))


def test_at():
    n = np.zeros((3, 2))
    x = ct.array(n)
    want = n.copy()
    want[1, :] = [1.0, 2.0]
    same(x.at[1, :].set([1.0, 2.0]), want)
    same(x, n)
    want = n.copy()
    np.add.at(want, ([0, 0, 2],), 1.0)
    same(x.at[[0, 0, 2]].add(1.0), want)
    same(x.at[0].subtract(1.0)[0], np.array([-1.0, -1.0]))
    same((x + 3).at[0].multiply(2.0)[0], np.array([6.0, 6.0]))
    same(x.at[1].get(), n[1])


def test_reductions_and_shaping():
    x = ct.array(DATA)
    for name in ["min", "max", "any", "all", "argmin", "argmax"]:
        for axis in [None, 0, 1, -1]:
            same(getattr(ct, name)(x, axis=axis), getattr(np, name)(DATA, axis=axis))
            same(getattr(x, name)(axis), getattr(DATA, name)(axis))
    for name in ["sum", "mean", "prod", "std", "var"]:
        for axis in [None, 0, 1, (0, 1)]:
            np.testing.assert_allclose(getattr(ct, name)(x, axis=axis),
                                       getattr(np, name)(DATA, axis=axis), rtol=1e-14)
    assert x.sum(axis=1, keepdims=True).shape == (2, 1)
    same(x.reshape(3, 2), DATA.reshape(3, 2))
    same(x.reshape((-1, 2)), DATA.reshape(-1, 2))
    same(x.reshape(-1), DATA.ravel())
    same(x.T, DATA.T)
    same(x.transpose(1, 0), DATA.T)
    same(ct.swapaxes(x, 0, 1), DATA.T)
    same(ct.stack([x, x], axis=1), np.stack([DATA, DATA], axis=1))
    same(ct.flip(x, 1), np.flip(DATA, 1))
    same(ct.roll(x, 1, axis=1), np.roll(DATA, 1, axis=1))
    same(ct.pad(x, ((1, 0), (0, 2)), constant_values=9.0),
         np.pad(DATA, ((1, 0), (0, 2)), constant_values=9.0))
    same(ct.pad(x, 1), np.pad(DATA, 1))
    same(ct.tile(x, (2, 1)), np.tile(DATA, (2, 1)))
    same(ct.repeat(x, 2, axis=0), np.repeat(DATA, 2, axis=0))
    same(ct.sort(x), np.sort(DATA))
    same(ct.argsort(x, axis=0), np.argsort(DATA, axis=0))
    same(ct.cumsum(x, axis=1), np.cumsum(DATA, axis=1))
    same(ct.take(x, [2, 0], axis=1), np.take(DATA, [2, 0], axis=1))
    same(ct.clip(x, -1, 1), np.clip(DATA, -1, 1))
    same(ct.arange(5), np.arange(5))
    same(ct.arange(1, 2, 0.25), np.arange(1, 2, 0.25))
    np.testing.assert_allclose(ct.linspace(0, 1, 7), np.linspace(0, 1, 7), rtol=1e-15)
    same(ct.eye(3), np.eye(3))
    same(ct.full((2, 2), 7), np.full((2, 2), 7))
    same(ct.zeros_like(x), np.zeros_like(DATA))
    np.testing.assert_allclose(ct.einsum("ij,kj->ik", x, x), DATA @ DATA.T, rtol=1e-14)
    np.testing.assert_allclose(ct.outer(x, x), np.outer(DATA, DATA), rtol=1e-15)
    for got, want in zip(ct.split(x, 3, axis=1), np.split(DATA, 3, axis=1)):
        same(got, want)
    with pytest.raises(ct.UserError, match="no multiple"):
        x.reshape(4, -1)
    with pytest.raises(ct.UserError, match="axis"):
        x.sum(axis=5)


def test_values_look_like_numpys():
    x = ct.array([1.0, 2.5])
    assert repr(x) == "Array([1. , 2.5], dtype=float64)"
    assert str(x) == "[1.  2.5]"
    assert repr(ct.array([[1, 2], [3, 4]])) == "Array([[1, 2],\n       [3, 4]], dtype=int64)"
    assert f"{ct.array(1.23456):.2f}" == "1.23"
    assert float(ct.array(2.5)) == 2.5 and int(ct.array(7)) == 7 and bool(ct.array(True))
    assert [10, 20, 30][ct.array(1)] == 20
    assert x.tolist() == [1.0, 2.5]
    assert x.shape == (2,) and x.ndim == 1 and x.size == 2 and x.nbytes == 16 and x.itemsize == 8
    same(pickle.loads(pickle.dumps(x)), np.array([1.0, 2.5]))
    assert copy.deepcopy(x) is not None
    with pytest.raises(TypeError):
        hash(x)
    with pytest.raises(ct.UserError, match="one"):
        float(x)
    with pytest.raises(ct.UserError):
        bool(x)


def test_lists_of_arrays_are_arrays():
    a, b = ct.array([1.0, 2.0]), ct.array([3.0, 4.0])
    same(ct.array([a, b]), np.array([[1.0, 2.0], [3.0, 4.0]]))
    same(ct.array([[a[0], 1.0], [b[1], 2]]), np.array([[1.0, 1.0], [4.0, 2.0]]))
    with pytest.raises(ValueError):
        ct.array([[1.0], [1.0, 2.0]])


def test_linear_algebra_and_fourier():
    a = np.array([[4.0, 1.0, 0.5], [1.0, 3.0, -0.2], [0.5, -0.2, 2.0]])
    b = np.array([1.0, 2.0, 3.0])
    np.testing.assert_allclose(ct.linalg.solve(a, b), np.linalg.solve(a, b), rtol=1e-13)
    np.testing.assert_allclose(ct.linalg.inv(a), np.linalg.inv(a), rtol=1e-13)
    np.testing.assert_allclose(ct.linalg.det(a), np.linalg.det(a), rtol=1e-13)
    np.testing.assert_allclose(ct.linalg.cholesky(a), np.linalg.cholesky(a), rtol=1e-13)
    w, v = ct.linalg.eigh(a)
    np.testing.assert_allclose(w, np.linalg.eigh(a)[0], rtol=1e-13)
    np.testing.assert_allclose(v @ ct.diag(w) @ v.T, a, atol=1e-13)
    q, r = ct.linalg.qr(a)
    np.testing.assert_allclose(q @ r, a, atol=1e-13)
    u, s, vh = ct.linalg.svd(a)
    np.testing.assert_allclose((u * s) @ vh, a, atol=1e-13)
    z = ct.fft.fft(b)
    assert isinstance(z, ct.Complex)
    np.testing.assert_allclose(z.to_numpy(), np.fft.fft(b), atol=1e-14)
    np.testing.assert_allclose(ct.fft.irfft(ct.fft.rfft(b), 3), b, atol=1e-14)
    np.testing.assert_allclose((z * (1 + 2j)).to_numpy(), np.fft.fft(b) * (1 + 2j), atol=1e-13)
    np.testing.assert_allclose(np.linalg.solve(ct.array(a), b), np.linalg.solve(a, b), rtol=1e-13)


def test_random_numbers_are_those_of_the_key():
    key = ct.random.Key(42)
    x = ct.random.normal(key, 1000)
    same(x, ct.random.normal(key, (1000,)))
    assert abs(float(x.mean())) < 0.15 and abs(float(x.std()) - 1) < 0.1  # 4 / sqrt(1000)
    first, second = ct.random.split(key)
    assert not ct.allclose(ct.random.uniform(first, 8), ct.random.uniform(second, 8))
    lanes = ct.vmap(lambda k: ct.random.normal(k, 3))(ct.random.split(key, 4))
    same(lanes[2], ct.random.normal(ct.random.split(key, 4)[2], 3))


def test_the_table_of_names_is_up_to_date():
    """scripts/write_python_names.py writes it."""
    from cotangent import _core, arrays

    assert arrays.__all__ == sorted(_core._array_names)
