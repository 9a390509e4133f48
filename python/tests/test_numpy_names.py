"""NumPy's functions on our arrays: each held against NumPy itself, outside and inside jit."""
import numpy as np
import pytest

import cotangent as ct

RNG = np.random.default_rng(5)
V, W = RNG.normal(size=7), RNG.normal(size=7)
M, N = RNG.normal(size=(3, 4)), RNG.normal(size=(3, 4))
T = RNG.normal(size=(2, 3, 4))
HOLES = np.where(RNG.random((3, 4)) < 0.3, np.nan, M)
ODD = np.array([0.0, -0.0, 1.5, -1.5, np.inf, -np.inf, np.nan])
K = np.array([3, 1, 4, 1, 5, 9, 2])
UP = np.array([-1.0, 0.2, 0.9, 1.4, 2.2])
Y = UP**2

# name, arguments, keyword arguments
CASES = [
    *((name, ([V, W, 2 * V],), {}) for name in ("hstack", "vstack", "dstack", "column_stack")),
    *((name, ([M, N],), {}) for name in ("hstack", "vstack", "dstack", "column_stack")),
    ("array_split", (V, 3), {}), ("array_split", (T, [1, 3]), {"axis": 2}),
    ("hsplit", (M, 2), {}), ("hsplit", (V[:6], 3), {}), ("vsplit", (T, 2), {}),
    ("append", (M, N), {}), ("append", (M, N), {"axis": 1}),
    *((name, (x,), {}) for name in ("atleast_1d", "atleast_2d", "atleast_3d") for x in (2.0, V, M, T)),
    ("broadcast_arrays", (M, V[:4], 3.0), {}), ("fliplr", (M,), {}), ("flipud", (M,), {}),
    *(("rot90", (T, k, axes), {}) for k in (-1, 0, 1, 2, 3) for axes in ((0, 1), (2, 1))),
    ("kron", (M, N), {}), ("kron", (V, M), {}), ("tri", (3, 4, 1), {}), ("indices", ((2, 3),), {}),
    ("tril_indices", (4,), {"k": -1}), ("triu_indices", (4, 1, 5), {}), ("diag_indices", (3,), {}),
    ("logspace", (0, 2, 5), {}), ("geomspace", (1, 16, 5), {}), ("geomspace", (-1, -16, 5), {}),
    ("isclose", (ODD, ODD * (1 + 1e-9)), {}), ("isclose", (ODD, ODD), {"equal_nan": True}),
    ("isclose", (V, W), {"atol": 1.0}), ("array_equal", (V, V), {}), ("array_equal", (V, M), {}),
    ("array_equal", (ODD, ODD), {"equal_nan": True}),
    ("nan_to_num", (ODD,), {}), ("nan_to_num", (ODD,), {"nan": 1.0, "posinf": 2.0, "neginf": 3.0}),
    *((name, (ODD,), {}) for name in ("isposinf", "isneginf", "signbit", "fabs")),
    ("copysign", (V, ODD), {}), ("heaviside", (ODD, 0.5), {}), ("sinc", (np.append(V, 0.0),), {}),
    ("logaddexp", (V, 900 + W), {}), ("logaddexp2", (V, W), {}), ("fmod", (5 * V, W), {}),
    ("fmod", (K - 4, 3), {}), ("fmax", (ODD, 1.0), {}), ("fmin", (ODD, 1.0), {}),
    ("float_power", (K, 0.5), {}), ("divmod", (5 * V, W), {}), ("modf", (5 * V,), {}),
    ("select", ([V > 0, W > 0], [V, W], 7.0), {}), ("angle", (V,), {}), ("real", (V,), {}),
    *((name, (M,), {"axis": axis, "keepdims": keep}) for name in ("amax", "amin", "ptp", "count_nonzero")
      for axis in (None, 1) for keep in (False, True)),
    ("average", (M,), {"weights": N}), ("average", (M,), {"axis": 1, "weights": V[:4]}),
    *((name, (HOLES,), {"axis": axis}) for name in ("nansum", "nanprod", "nanmean", "nanvar", "nanstd",
                                                    "nanmax", "nanmin") for axis in (None, 0, 1)),
    ("nanstd", (HOLES,), {"ddof": 1}), ("nanargmax", (HOLES, 1), {}), ("nanargmin", (HOLES,), {}),
    ("nancumsum", (HOLES, 1), {}), ("cumprod", (M, 0), {}), ("cumprod", (K,), {}),
    *((name, (T, 30.0 if name == "percentile" else 0.3), {"axis": axis, "method": method, "keepdims": keep})
      for name in ("quantile", "percentile") for axis in (None, 1, (0, 2))
      for method in ("linear", "lower", "higher", "nearest", "midpoint") for keep in (False, True)),
    ("quantile", (M, np.array([[0.0, 0.5], [0.9, 1.0]])), {"axis": 0}),
    ("quantile", (HOLES, 0.4), {"axis": 1}), ("median", (T,), {}), ("median", (M, 1), {"keepdims": True}),
    *(("searchsorted", (np.sort(K), np.append(K, [-1, 3, 100])), {"side": side}) for side in ("left", "right")),
    ("searchsorted", (UP, ODD), {}), ("digitize", (V, UP), {}), ("digitize", (V, UP), {"right": True}),
    ("bincount", (K,), {}), ("bincount", (K,), {"weights": V, "minlength": 12}),
    ("histogram", (V,), {}), ("histogram", (V, 4, (-1.0, 1.0)), {}), ("histogram", (V, UP), {"density": True}),
    ("histogram", (V, UP), {"weights": W}), ("diff", (T,), {}), ("diff", (T, 2, 1), {}),
    ("diff", (V,), {"prepend": 0.0, "append": [1.0, 2.0]}), ("diff", (V > 0,), {}),
    ("ediff1d", (M,), {}), ("ediff1d", (V, [1.0], [2.0, 3.0]), {}),
    ("gradient", (M,), {}), ("gradient", (M, 0.5, UP[:4]), {}), ("gradient", (Y, UP), {"edge_order": 2}),
    ("gradient", (T,), {"axis": 1, "edge_order": 2}), ("trapezoid", (M,), {}),
    ("trapezoid", (M, UP[:4]), {}), ("trapezoid", (M,), {"dx": 0.1, "axis": 0}),
    ("interp", (np.linspace(-2, 3, 23), UP, Y), {}), ("interp", (V, UP, Y), {"left": 7.0, "right": 8.0}),
    ("interp", (10 * V, UP, Y), {"period": 4.0}), ("interp", (UP, UP, Y), {}),
    ("unwrap", (np.cumsum(4 * V),), {}), ("unwrap", (9 * M, None, 0), {"period": 4.0}),
    ("inner", (M, N), {}), ("inner", (M, 2.0), {}), ("vdot", (M, N), {}), ("vecdot", (M, N), {}),
    *((name, (x, y, mode), {}) for name in ("convolve", "correlate") for mode in ("full", "same", "valid")
      for x, y in ((V, UP), (UP, V), (V, W), (UP[:4], UP[:2]))),
    ("cov", (M,), {}), ("cov", (M,), {"rowvar": False}), ("cov", (V,), {}), ("corrcoef", (M,), {}),
    ("polyval", (UP, M), {}), ("vander", (V,), {}), ("vander", (K, 3), {"increasing": True}),
    ("apply_along_axis", (lambda x: x[:2] * x.sum(), 0, M), {}),
    ("apply_along_axis", (lambda x: x.sum(), 1, T), {}),
    ("allclose", (V, V + 1e-9), {}), ("cross", (M[:, :3], N[:, :3]), {}), ("ravel", (T,), {}),
]


def arrays(x):
    """x, a result or a list of them, as NumPy's."""
    return [np.asarray(y) for y in x] if isinstance(x, (list, tuple)) else [np.asarray(x)]


@pytest.mark.parametrize("name, args, kwargs", CASES, ids=[f"{k}-{c[0]}" for k, c in enumerate(CASES)])
def test_it_is_numpys(name, args, kwargs):
    if not hasattr(np, name):
        pytest.skip(f"this NumPy has no {name}")
    with np.errstate(all="ignore"):
        want = arrays(getattr(np, name)(*args, **kwargs))
    got = arrays(getattr(ct, name)(*args, **kwargs))
    assert len(got) == len(want)
    for ours, theirs in zip(got, want):
        assert ours.shape == theirs.shape and ours.dtype.kind == theirs.dtype.kind, (ours, theirs)
        np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-12)
        if ours.dtype.kind == "f" and name in ("copysign", "modf", "fmod", "heaviside"):
            np.testing.assert_array_equal(np.signbit(ours[~np.isnan(ours)]), np.signbit(theirs[~np.isnan(theirs)]))


S = M @ M.T
@pytest.mark.parametrize("name, args", [
    ("matrix_power", (S, 3)), ("matrix_power", (S, 0)), ("matrix_power", (S, -2)), ("pinv", (M,)),
    ("multi_dot", ([M, N.T, S],)), ("svdvals", (T,)), ("cond", (M,)), ("matrix_rank", (np.outer(V, W),)),
    ("trace", (T,)), ("diagonal", (T,)), ("vecdot", (M, N)), ("matrix_transpose", (T,)), ("outer", (V, W)),
    ("pinv", (np.outer(V, W),)),
])
def test_linear_algebra_is_numpys(name, args):
    if not hasattr(np.linalg, name):
        pytest.skip(f"this NumPy has no linalg.{name}")
    got, want = getattr(ct.linalg, name)(*args), getattr(np.linalg, name)(*args)
    np.testing.assert_allclose(got, want, rtol=1e-9, atol=1e-12)


def test_least_squares_and_transforms_of_two_axes():
    a, b = T.reshape(8, 3), T.reshape(8, 3)[:, ::-1] ** 2
    for ours, theirs in zip(ct.linalg.lstsq(a, b), np.linalg.lstsq(a, b, rcond=None)):
        np.testing.assert_allclose(ours, theirs, rtol=1e-11)
    np.testing.assert_allclose(ct.fft.fft2(T).to_numpy(), np.fft.fft2(T), atol=1e-13)
    np.testing.assert_allclose(ct.fft.rfft2(T).to_numpy(), np.fft.rfft2(T), atol=1e-13)
    np.testing.assert_allclose(ct.fft.irfft2(ct.fft.rfft2(T)), T, atol=1e-13)
    np.testing.assert_allclose(ct.fft.ifft2(ct.fft.fft2(T)).re, T, atol=1e-13)


@pytest.mark.parametrize("fun, x", [
    (lambda x: ct.interp(x, UP, Y).sum(), V), (lambda y: ct.interp(V, UP, y).sum(), Y),
    (lambda x: ct.median(x) + ct.quantile(x, 0.3), V), (lambda x: ct.gradient(x, 0.1)[2], V),
    (lambda x: ct.trapezoid(x, UP), Y), (lambda x: ct.nansum(x * x), V), (lambda x: ct.sinc(x).sum(), 1e-5 * V),
    (lambda x: ct.cumprod(x)[4], V), (lambda x: ct.convolve(x, UP)[3], V), (lambda x: ct.logaddexp(x, W).sum(), V),
])
def test_they_have_derivatives_and_are_compiled(fun, x):
    good, text = ct.check_derivatives(fun, x)
    assert good, text
    np.testing.assert_allclose(ct.jit(ct.grad(fun))(x), ct.grad(fun)(x), rtol=1e-13, atol=1e-13)


def test_numpy_calls_them():
    """np.diff of our array is ours, and can be traced."""
    assert isinstance(np.diff(ct.array(V)), ct.Array)
    assert float(ct.grad(lambda x: np.diff(x)[0])(ct.array(V))[0]) == -1


@pytest.mark.parametrize("wrong, says", [
    (lambda: ct.hstack(3.0), "several arrays"), (lambda: ct.vstack([]), "not none"),
    (lambda: ct.diff(V, axis=2), "axis 2"), (lambda: ct.diff(V, axis="x"), "'x'"),
    (lambda: ct.interp(0.5, UP, V), "one length"), (lambda: ct.quantile(V, 0.5, method="best"), "'best'"),
    (lambda: ct.searchsorted(UP, V, side="up"), "'up'"), (lambda: ct.geomspace(-1, 1), "one sign"),
    (lambda: ct.jit(ct.bincount)(K), "length="), (lambda: ct.gradient(V, M), "coordinates"),
    (lambda: ct.convolve(V, W, "half"), "'half'"), (lambda: ct.broadcast_arrays(V, M), "do not fit"),
])
def test_what_is_wrong_is_said(wrong, says):
    with pytest.raises(ct.UserError, match=says):
        wrong()


def test_numpys_functions_keep_numpys_defaults():
    data = np.array([[1.0, -2.0, 0.5], [3.0, 4.0, -1.0]])
    x = ct.array(data)
    for ord in (None, 1, -1, 2, -2, np.inf, -np.inf, "fro", "nuc"):
        np.testing.assert_allclose(np.linalg.norm(x, ord), np.linalg.norm(data, ord), rtol=1e-13)
        np.testing.assert_allclose(np.linalg.norm(x, ord, (0, 1), True),
                                   np.linalg.norm(data, ord, (0, 1), True), rtol=1e-13)
    for ord in (None, 0, 1, 2, 3, 0.5, np.inf, -np.inf):
        np.testing.assert_allclose(np.linalg.norm(x[0], ord), np.linalg.norm(data[0], ord), rtol=1e-13)
        np.testing.assert_allclose(np.linalg.norm(x, ord, axis=1), np.linalg.norm(data, ord, axis=1), rtol=1e-13)
    with pytest.raises(ct.UserError, match="ord is 'what'"):
        ct.linalg.norm(x, "what")
    axes = np.arange(2.0), np.arange(3.0), np.arange(4.0)
    for count in (1, 2, 3):
        for got, want in zip(np.meshgrid(*map(ct.array, axes[:count])), np.meshgrid(*axes[:count])):
            np.testing.assert_array_equal(np.asarray(got), want)
    for got, want in zip(np.linalg.svd(x, full_matrices=False), np.linalg.svd(data, full_matrices=False)):
        np.testing.assert_allclose(np.abs(got), np.abs(want), atol=1e-13)
    with pytest.raises(ct.UserError, match="full matrices"):
        np.linalg.svd(x)
    np.testing.assert_allclose(np.round(x / 3, 2), np.round(data / 3, 2), rtol=1e-15)
    assert np.sum(x, initial=1.0) == np.sum(data, initial=1.0)
    with pytest.raises(ct.UserError, match="as many results as hold"):
        np.where(x > 0)


def test_numpy_and_complex():
    data = np.array([1.0, 2.0, 3.0])
    z = ct.fft.fft(ct.array(data))
    np.testing.assert_allclose(np.asarray(z), np.fft.fft(data), atol=1e-15)
    assert isinstance(data * z, ct.Complex)
    np.testing.assert_allclose(np.asarray(data * z), data * np.fft.fft(data), atol=1e-14)
