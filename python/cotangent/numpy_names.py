"""More of NumPy's functions, written in those of the compiled module (cotangent.arrays).

Arguments are NumPy's; results are Arrays. What would have a size that depends on values (unique,
nonzero, delete of a mask) is not there: shapes are fixed (docs/sharp_edges.md).
"""
from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Optional, Union

import numpy as np

from cotangent import _core
from cotangent._core import Array, Complex
from cotangent.numpy_shapes import (
    _along,
    _array,
    _axis,
    _choice,
    _count,
    atleast_2d,
    broadcast_arrays,
)
from cotangent.typing import ArrayLike, Axes


def _axes(which: str, axis: Any, ndim: int) -> list[int]:
    """None (all axes), one or several, as numbers from 0 on."""
    if axis is None:
        return list(range(ndim))
    return [_axis(which, k, ndim) for k in (axis if isinstance(axis, (list, tuple)) else [axis])]


def _real(x: Any) -> Array:
    """x, with reals as elements."""
    a = _core.asarray(x)
    return a if a.dtype.kind == "f" else a.astype("float64")


# --- element by element


def isclose(x: ArrayLike, y: ArrayLike, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Array:
    """Whether |x - y| <= atol + rtol |y|, element by element; infinities are close to themselves."""
    a, b = _real(x), _real(y)
    near = (abs(a - b) <= _real(atol) + _real(rtol) * abs(b)) & _core.isfinite(b)
    close = near | (a == b)
    return close | (_core.isnan(a) & _core.isnan(b)) if equal_nan else close


def array_equal(x: ArrayLike, y: ArrayLike, equal_nan: bool = False) -> Union[bool, Array]:
    """Whether shapes and all elements are equal: one bool."""
    a, b = _array(x), _array(y)
    if a.shape != b.shape:
        return False
    same = a == b
    if equal_nan and a.dtype.kind == "f" and b.dtype.kind == "f":
        same = same | (_core.isnan(a) & _core.isnan(b))
    return _core.all(same)


def nan_to_num(x: ArrayLike, nan: ArrayLike = 0.0, posinf: Optional[ArrayLike] = None,
               neginf: Optional[ArrayLike] = None) -> Array:
    """x with numbers in the place of NaN and infinities: the largest and the smallest of the type unless
    others are given."""
    a = _array(x)
    if a.dtype.kind != "f":
        return a
    ends = np.finfo(a.dtype)
    a = _core.where(_core.isnan(a), nan, a)
    a = _core.where(a == float("inf"), float(ends.max) if posinf is None else posinf, a)
    return _core.where(a == -float("inf"), float(ends.min) if neginf is None else neginf, a)


def isposinf(x: ArrayLike) -> Array:
    """Whether x is plus infinity."""
    return _array(x) == float("inf")


def isneginf(x: ArrayLike) -> Array:
    """Whether x is minus infinity."""
    return _array(x) == -float("inf")


def signbit(x: ArrayLike) -> Array:
    """Whether the sign is minus; also that of -0."""
    a = _array(x)
    if a.dtype.kind != "f":
        return a < 0
    return (a < 0) | ((a == 0) & (1 / a < 0))


def copysign(x: ArrayLike, y: ArrayLike) -> Array:
    """The size of x with the sign of y."""
    a, b = _real(x), _real(y)
    return _core.where(signbit(b), -abs(a), abs(a))


def heaviside(x: ArrayLike, at_zero: ArrayLike) -> Array:
    """0 below zero, 1 above, `at_zero` there. Its derivative is 0."""
    a = _real(x)
    return _core.where(_core.isnan(a), a, _core.where(a == 0, at_zero, (a > 0).astype(a.dtype)))


def sinc(x: ArrayLike) -> Array:
    """sin(pi x) / (pi x), 1 at 0, with its derivatives there."""
    a = _real(x) * float(np.pi)
    small = abs(a) < 1e-4
    safe = _core.where(small, 1.0, a)
    square = _core.where(small, a * a, 0.0)
    return _core.where(small, 1 - square / 6 + square * square / 120, _core.sin(safe) / safe)


def logaddexp(x: ArrayLike, y: ArrayLike) -> Array:
    """log(exp(x) + exp(y)), without overflow."""
    return _core.logsumexp(_core.stack(broadcast_arrays(_real(x), _real(y))), 0)


def logaddexp2(x: ArrayLike, y: ArrayLike) -> Array:
    """log2(2^x + 2^y), without overflow."""
    ln2 = float(np.log(2.0))
    return logaddexp(_real(x) * ln2, _real(y) * ln2) / ln2


def fabs(x: ArrayLike) -> Array:
    """The absolute value, as a real."""
    return abs(_real(x))


def fmod(x: ArrayLike, y: ArrayLike) -> Array:
    """x - y trunc(x / y), with the sign of x."""
    a, b = _array(x), _array(y)
    rest = abs(a) % abs(b)
    return _core.where(a < 0, -rest, rest)


def fmax(x: ArrayLike, y: ArrayLike) -> Array:
    """The greater of two; the other one where one is NaN."""
    a, b = _array(x), _array(y)
    return _core.where(_core.isnan(a), b, _core.where(_core.isnan(b), a, _core.maximum(a, b)))


def fmin(x: ArrayLike, y: ArrayLike) -> Array:
    """The smaller of two; the other one where one is NaN."""
    a, b = _array(x), _array(y)
    return _core.where(_core.isnan(a), b, _core.where(_core.isnan(b), a, _core.minimum(a, b)))


def float_power(x: ArrayLike, y: ArrayLike) -> Array:
    """x to the y, as reals."""
    return _core.power(_real(x), _real(y))


def divmod(x: ArrayLike, y: ArrayLike) -> tuple[Array, Array]:
    """(floor(x / y), x - y floor(x / y))."""
    return _core.floor_divide(x, y), _core.remainder(x, y)


def modf(x: ArrayLike) -> tuple[Array, Array]:
    """(what is behind the point, what is before it), both with the sign of x."""
    whole = _core.trunc(_real(x))
    return _real(x) - whole, whole


def select(condlist: Sequence[ArrayLike], choicelist: Sequence[ArrayLike], default: ArrayLike = 0) -> Array:
    """Of several values the one whose condition holds first, else `default`."""
    if not all(isinstance(x, (list, tuple)) for x in (condlist, choicelist)):
        _core._refuse("[select] conditions and values are lists", "give two lists of arrays")
    if len(condlist) != len(choicelist) or not condlist:
        _core._refuse(f"[select] {len(condlist)} conditions for {len(choicelist)} values", "give one for each")
    chosen = _array(default)
    for holds, value in zip(reversed(list(condlist)), reversed(list(choicelist))):
        chosen = _core.where(holds, value, chosen)
    return chosen


def real(x: Any) -> Array:
    """The real part; of a real array itself."""
    return x.re if isinstance(x, Complex) else _array(x)


def imag(x: Any) -> Array:
    """The imaginary part; of a real array zeros."""
    return x.im if isinstance(x, Complex) else _core.zeros_like(x)


def conj(x: Any) -> Any:
    """re - i im; of a real array itself."""
    return x.conj() if isinstance(x, Complex) else _array(x)


conjugate = conj
"""The same, in full."""


def angle(x: Any) -> Array:
    """The angle in (-pi, pi] of Complex; of a real array 0 or pi."""
    return x.angle() if isinstance(x, Complex) else _core.atan2(_core.zeros_like(_real(x)), _real(x))


# --- sums and their like


def amax(x: ArrayLike, axis: Axes = None, keepdims: bool = False) -> Array:
    """max, by its old name."""
    return _core.max(x, axis, keepdims)


def amin(x: ArrayLike, axis: Axes = None, keepdims: bool = False) -> Array:
    """min, by its old name."""
    return _core.min(x, axis, keepdims)


def ptp(x: ArrayLike, axis: Axes = None, keepdims: bool = False) -> Array:
    """The greatest less the smallest."""
    return _core.max(x, axis, keepdims) - _core.min(x, axis, keepdims)


def count_nonzero(x: ArrayLike, axis: Axes = None, keepdims: bool = False) -> Array:
    """How many are not 0."""
    return _core.sum(_array(x) != 0, axis, keepdims)


def average(x: ArrayLike, axis: Axes = None, weights: Optional[ArrayLike] = None) -> Array:
    """The mean, weighted by an array of x's shape, or one along `axis`."""
    a = _real(x)
    if weights is None:
        return _core.mean(a, axis)
    w = _real(weights)
    if w.shape != a.shape:
        if not isinstance(axis, int) or w.ndim != 1 or w.shape[0] != a.shape[_axis("average", axis, a.ndim)]:
            _core._refuse(f"[average] weights {list(w.shape)} for {list(a.shape)}", "give as many as the axis has")
        k = _axis("average", axis, a.ndim)
        w = w.reshape((1,) * k + w.shape + (1,) * (a.ndim - k - 1))
    w = _core.broadcast_to(w, a.shape)
    return _core.sum(a * w, axis) / _core.sum(w, axis)


def _numbers(x: ArrayLike, instead: float) -> tuple[Array, Array]:
    """x with a number in the place of NaN; where there is none."""
    a = _array(x)
    there = ~_core.isnan(a) if a.dtype.kind == "f" else _core.ones_like(a, dtype="bool")
    return _core.where(there, a, instead) if a.dtype.kind == "f" else a, there


def nansum(x: ArrayLike, axis: Axes = None, keepdims: bool = False) -> Array:
    """The sum of what is not NaN."""
    return _core.sum(_numbers(x, 0.0)[0], axis, keepdims)


def nanprod(x: ArrayLike, axis: Axes = None, keepdims: bool = False) -> Array:
    """The product of what is not NaN."""
    return _core.prod(_numbers(x, 1.0)[0], axis, keepdims)


def nanmean(x: ArrayLike, axis: Axes = None, keepdims: bool = False) -> Array:
    """The mean of what is not NaN; NaN where all are."""
    a, there = _numbers(x, 0.0)
    return _core.sum(a, axis, keepdims) / _core.sum(there, axis, keepdims)


def nanvar(x: ArrayLike, axis: Axes = None, keepdims: bool = False, ddof: int = 0) -> Array:
    """The mean squared distance from the mean, of what is not NaN, by their number - ddof."""
    a, there = _numbers(_real(x), 0.0)
    apart = _core.where(there, a - nanmean(x, axis, True), 0.0)
    return _core.sum(apart * apart, axis, keepdims) / (_core.sum(there, axis, keepdims) - ddof)


def nanstd(x: ArrayLike, axis: Axes = None, keepdims: bool = False, ddof: int = 0) -> Array:
    """The square root of nanvar."""
    return _core.sqrt(nanvar(x, axis, keepdims, ddof))


def _nan_extremum(x: ArrayLike, axis: Axes, keepdims: bool, sign: float) -> Array:
    a, there = _numbers(x, -sign * float("inf"))
    found = (_core.max if sign > 0 else _core.min)(a, axis, keepdims)
    return found if a.dtype.kind != "f" else _core.where(_core.any(there, axis, keepdims), found, float("nan"))


def nanmax(x: ArrayLike, axis: Axes = None, keepdims: bool = False) -> Array:
    """The greatest of what is not NaN; NaN where all are."""
    return _nan_extremum(x, axis, keepdims, 1.0)


def nanmin(x: ArrayLike, axis: Axes = None, keepdims: bool = False) -> Array:
    """The smallest of what is not NaN; NaN where all are."""
    return _nan_extremum(x, axis, keepdims, -1.0)


def nanargmax(x: ArrayLike, axis: Optional[int] = None) -> Array:
    """The index of the greatest that is not NaN."""
    return _core.argmax(_numbers(x, -float("inf"))[0], axis)


def nanargmin(x: ArrayLike, axis: Optional[int] = None) -> Array:
    """The index of the smallest that is not NaN."""
    return _core.argmin(_numbers(x, float("inf"))[0], axis)


def nancumsum(x: ArrayLike, axis: Optional[int] = None) -> Array:
    """Running sums, to which NaN adds nothing."""
    return _core.cumsum(_numbers(x, 0.0)[0], axis)


def cumprod(x: ArrayLike, axis: Optional[int] = None) -> Array:
    """Running products along an axis; flattened when none is given."""
    a = _array(x)
    a = a.astype("int64") if a.dtype.kind == "b" else a
    if axis is None:
        a, axis = a.ravel(), 0
    k = _axis("cumprod", axis, a.ndim)
    rows = _core.moveaxis(a, k, 0)

    def step(product: Array, row: Array) -> tuple[Array, Array]:
        product = product * row
        return product, product

    made = _core.scan(step, _core.ones(rows.shape[1:], dtype=a.dtype), rows)[1]
    return _core.moveaxis(made, 0, k)


def cumulative_sum(x: ArrayLike, axis: Optional[int] = None) -> Array:
    """cumsum, by the array standard's name."""
    return _core.cumsum(x, axis)


def cumulative_prod(x: ArrayLike, axis: Optional[int] = None) -> Array:
    """cumprod, by the array standard's name."""
    return cumprod(x, axis)


# --- order


_METHODS = ("linear", "lower", "higher", "nearest", "midpoint")


def quantile(x: ArrayLike, q: ArrayLike, axis: Axes = None, method: str = "linear", keepdims: bool = False) -> Array:
    """The values below which the fractions `q` of the elements lie; NaN where one is.

    Axes of q come first. `method`: what is between two elements: "linear", "lower", "higher",
    "nearest" or "midpoint". Its derivative is that of the elements it takes.
    """
    a, where = _real(x), _real(q)
    method = _choice("quantile", "method", method, _METHODS)
    over = sorted(set(_axes("quantile", axis, a.ndim)))
    kept = [k for k in range(a.ndim) if k not in over]
    lengths = tuple(a.shape[k] for k in kept)
    flat = _core.transpose(a, [*kept, *over]).reshape((*lengths, -1)) if a.ndim else a.reshape((1,))
    n = flat.shape[-1]
    if n == 0:
        _core._refuse("[quantile] of nothing", "give an array with elements")
    sorted_ = _core.moveaxis(_core.sort(flat), -1, 0)
    place = where.ravel() * (n - 1)
    low, high = _core.floor(place), _core.ceil(place)
    part = (place - low).reshape((-1,) + (1,) * len(lengths))
    below, above = sorted_[low.astype("int64")], sorted_[high.astype("int64")]
    if method == "lower":
        found = below
    elif method == "higher":
        found = above
    elif method == "nearest":
        found = sorted_[_core.round(place).astype("int64")]
    elif method == "midpoint":
        found = _core.where(part > 0, (below + above) / 2, below)
    else:
        found = _core.where(part > 0, below + (above - below) * part, below)
    found = _core.where(_core.isnan(sorted_[-1]), float("nan"), found)
    lengths = tuple(1 if k in over else a.shape[k] for k in range(a.ndim)) if keepdims else lengths
    return found.reshape((*where.shape, *lengths))


def percentile(x: ArrayLike, q: ArrayLike, axis: Axes = None, method: str = "linear", keepdims: bool = False) -> Array:
    """quantile of q / 100."""
    return quantile(x, _real(q) / 100, axis, method, keepdims)


def median(x: ArrayLike, axis: Axes = None, keepdims: bool = False) -> Array:
    """The middle of the sorted elements; the mean of the middle two."""
    return quantile(x, 0.5, axis, "midpoint", keepdims)


def searchsorted(x: ArrayLike, values: ArrayLike, side: str = "left") -> Array:
    """Where values would be put into the sorted vector x so that it stays sorted: int64 of their shape."""
    a, v = _array(x), _array(values)
    if a.ndim != 1:
        _core._refuse(f"[searchsorted] x has {a.ndim} axes", "give a sorted vector")
    _choice("searchsorted", "side", side, ("left", "right"))
    low, high = (_core.full(v.shape, k) for k in (0, a.shape[0]))
    if a.shape[0] == 0:
        return low

    def halve(_: Array, ends: tuple[Array, Array]) -> tuple[Array, Array]:
        low, high = ends
        middle = (low + high) // 2
        at = _core.take(a, middle)
        right = (at < v if side == "left" else at <= v) | (_core.isnan(v) & ~_core.isnan(at) if v.dtype.kind == "f" else False)
        right = right & (low < high)
        return _core.where(right, middle + 1, low), _core.where(right | (low >= high), high, middle)

    return _core.fori_loop(0, a.shape[0].bit_length(), halve, (low, high))[0]


def digitize(x: ArrayLike, bins: ArrayLike, right: bool = False) -> Array:
    """Of each element the bin it lies in: bins[i - 1] <= x < bins[i], ascending `bins`; with `right`
    the other end belongs to a bin."""
    return searchsorted(bins, x, "left" if right else "right")


def bincount(x: ArrayLike, weights: Optional[ArrayLike] = None, minlength: int = 0, *, length: Optional[int] = None) -> Array:
    """How often each of 0 .. length - 1 is in a vector of integers, or the sum of its weights.

    Inside a traced function `length` has to be given; what lies beyond is not counted.
    """
    a = _array(x)
    if a.ndim != 1 or a.dtype.kind not in "iub":
        _core._refuse(f"[bincount] of {a.dtype}{list(a.shape)}", "give a vector of integers")
    a = a.astype("int64")
    if length is None:
        if a.is_traced:
            _core._refuse("[bincount] inside a traced function the largest element is not known",
                          "give length=, a number")
        most = int(_core.max(a)) + 1 if a.size else 0
        length = max(most, _count("bincount", "minlength", minlength))
    length = _count("bincount", "length", length)
    w = _core.ones_like(a) if weights is None else _array(weights)
    inside = (a >= 0) & (a < length)
    counts = _core.zeros((length + 1,), dtype=w.dtype)
    return counts.at[_core.where(inside, a, length)].add(w)[:length]


def histogram(x: ArrayLike, bins: Union[int, ArrayLike] = 10, range: Optional[tuple[float, float]] = None,
              weights: Optional[ArrayLike] = None, density: bool = False) -> tuple[Array, Array]:
    """(how many elements are in each bin, the edges of the bins); the last edge belongs to the last bin.

    `bins`: their number, between the ends `range` or of the elements, or ascending edges. `weights`
    count for elements; a `density` has the integral 1.
    """
    a = _real(x).ravel()
    if _array(bins).ndim == 0:
        bins = _count("histogram", "the number of bins", bins, 1)
        if range is not None and (not isinstance(range, (list, tuple)) or len(range) != 2):
            _core._refuse(f"[histogram] range is {range!r}", "give two numbers")
        first, last = (_core.min(a), _core.max(a)) if range is None else (_real(r) for r in range)
        flat = first == last
        first, last = _core.where(flat, first - 0.5, first), _core.where(flat, last + 0.5, last)
        inside = first + (last - first) * _core.linspace(0, 1, bins, endpoint=False)
        edges = _core.concatenate([inside, last.reshape((1,))])
    else:
        edges = _real(bins)
    n = edges.shape[0] - 1
    if n < 1:
        _core._refuse(f"[histogram] {n} bins", "give one or more")
    place = searchsorted(edges, a, "right") - 1
    place = _core.where(a == edges[-1], n - 1, place)
    w = None if weights is None else _core.ravel(weights)
    counts = bincount(_core.where((a >= edges[0]) & (a <= edges[-1]), place, n), w, length=n)
    if density:
        return counts / (_core.sum(counts) * diff(edges)), edges
    return counts, edges


def partition(x: ArrayLike, kth: Any, axis: Optional[int] = -1) -> Array:
    """x sorted, which is partitioned at every place."""
    return _core.sort(x, axis)


def argpartition(x: ArrayLike, kth: Any, axis: Optional[int] = -1) -> Array:
    """The indices that sort, which partition at every place."""
    return _core.argsort(x, axis)


# --- differences and integrals


def diff(x: ArrayLike, n: int = 1, axis: int = -1, prepend: Optional[ArrayLike] = None,
         append: Optional[ArrayLike] = None) -> Array:
    """Each element less the one before it along an axis, n times."""
    a = _array(x)
    k = _axis("diff", axis, a.ndim)
    n = _count("diff", "n", n)
    parts = [a]
    for given, at in ((prepend, 0), (append, 2)):
        if given is not None:
            end = _array(given)
            if end.ndim == 0:
                end = _core.broadcast_to(end, a.shape[:k] + (1,) + a.shape[k + 1 :])
            parts.insert(0 if at == 0 else len(parts), end)
    a = _core.concatenate(parts, k) if len(parts) > 1 else a
    for _ in range(min(n, a.shape[k])):  # then nothing is left
        after, before = _along(a, k, slice(1, None)), _along(a, k, slice(None, -1))
        a = after != before if a.dtype.kind == "b" else after - before
    return a


def ediff1d(x: ArrayLike, to_end: Optional[ArrayLike] = None, to_begin: Optional[ArrayLike] = None) -> Array:
    """Differences of the flattened array, between what is given for the ends."""
    parts = [_core.ravel(end) for end in (to_begin,) if end is not None]
    parts.append(diff(_core.ravel(x)))
    parts += [_core.ravel(end) for end in (to_end,) if end is not None]
    return _core.concatenate(parts) if len(parts) > 1 else parts[0]


def gradient(f: ArrayLike, *varargs: ArrayLike, axis: Axes = None, edge_order: int = 1) -> Any:
    """Numerical derivatives of samples: central differences inside, one-sided ones at the ends.

    `varargs`: the spacing, a number for all axes or one for each, or the coordinates along them. One
    array for one axis, else a list. The derivative of a function is ct.grad.
    """
    a = _real(f)
    over = _axes("gradient", axis, a.ndim)
    if edge_order not in (1, 2):
        _core._refuse(f"[gradient] edge_order is {edge_order!r}", "give 1 or 2")
    given: list[Any] = list(varargs) or [1.0]
    given = given * len(over) if len(given) == 1 else given
    if len(given) != len(over):
        _core._refuse(f"[gradient] {len(given)} spacings for {len(over)} axes", "give one, or one for each axis")
    slopes = [_slope_along(a, k, _real(s), edge_order) for k, s in zip(over, given)]
    return slopes[0] if len(slopes) == 1 else slopes


def _slope_along(a: Array, axis: int, spacing: Array, edge_order: int) -> Array:
    """gradient along one axis: of three neighbours the parabola through them (Fornberg 1988)."""
    y = _core.moveaxis(a, axis, 0)
    n = y.shape[0]
    if n < edge_order + 1:
        _core._refuse(f"[gradient] {n} samples along axis {axis}", f"give {edge_order + 1} or more")
    if spacing.ndim == 0:
        h = _core.broadcast_to(spacing, (n - 1,))
    elif spacing.shape == (n,):
        h = diff(spacing)
    else:
        _core._refuse(f"[gradient] coordinates {list(spacing.shape)} for {n} samples", "give as many")
    h = h.reshape((n - 1,) + (1,) * (y.ndim - 1))
    steps = (y[1:] - y[:-1]) / h
    first, last = steps[:1], steps[-1:]
    inside = y[:0]
    if n > 2:
        left, right = h[:-1], h[1:]
        inside = (right * steps[:-1] + left * steps[1:]) / (left + right)
        if edge_order == 2:
            bend_first = (steps[1:2] - steps[:1]) / (h[:1] + h[1:2])
            bend_last = (steps[-1:] - steps[-2:-1]) / (h[-1:] + h[-2:-1])
            first, last = first - h[:1] * bend_first, last + h[-1:] * bend_last
    return _core.moveaxis(_core.concatenate([first, inside, last]), 0, axis)


def trapezoid(y: ArrayLike, x: Optional[ArrayLike] = None, dx: ArrayLike = 1.0, axis: int = -1) -> Array:
    """The integral of samples along an axis, by straight lines between them; `x`: where they are."""
    a = _real(y)
    k = _axis("trapezoid", axis, a.ndim)
    h: Array = _real(dx)
    if x is not None:
        at = _real(x)
        h = diff(at, axis=0 if at.ndim == 1 else k)
        if at.ndim == 1:
            h = h.reshape((1,) * k + h.shape + (1,) * (a.ndim - k - 1))
    middles = (_along(a, k, slice(1, None)) + _along(a, k, slice(None, -1))) / 2
    return _core.sum(middles * h, k)


def interp(x: ArrayLike, xp: ArrayLike, fp: ArrayLike, left: Optional[ArrayLike] = None,
           right: Optional[ArrayLike] = None, period: Optional[float] = None) -> Array:
    """Straight lines between the points (xp, fp), xp ascending; beyond them `left` and `right`, or the
    values at the ends. With a `period` the points repeat. It has derivatives by x, xp and fp."""
    at, points, values = _real(x), _real(xp), _real(fp)
    if points.ndim != 1 or points.shape != values.shape or points.shape[0] == 0:
        _core._refuse(f"[interp] points {list(points.shape)} with values {list(values.shape)}",
                      "give two vectors of one length")
    if period is not None:
        if not isinstance(period, (int, float, np.number)) or not period > 0:
            _core._refuse(f"[interp] period is {period!r}", "give a positive number")
        at, points = at % period, points % period
        order = _core.argsort(points)
        points, values = points[order], values[order]
        points = _core.concatenate([points[-1:] - period, points, points[:1] + period])
        values = _core.concatenate([values[-1:], values, values[:1]])
    n = points.shape[0]
    if n == 1:
        found = _core.broadcast_to(values[0], at.shape)
    else:
        k = _core.clip(searchsorted(points, at, "right"), 1, n - 1)
        low, high = points[k - 1], points[k]
        width = _core.where(high == low, 1.0, high - low)
        found = values[k - 1] + (values[k] - values[k - 1]) * ((at - low) / width)
    if period is None:
        found = _core.where(at < points[0], values[0] if left is None else left, found)
        found = _core.where(at > points[-1], values[-1] if right is None else right, found)
    return _core.where(_core.isnan(at), at, found)


def unwrap(x: ArrayLike, discont: Optional[float] = None, axis: int = -1, *, period: float = 2 * float(np.pi)) -> Array:
    """Angles without the jumps by a period between neighbours along an axis."""
    a = _real(x)
    k = _axis("unwrap", axis, a.ndim)
    steps = diff(a, axis=k)
    if not isinstance(period, (int, float, np.number)) or not period > 0:
        _core._refuse(f"[unwrap] period is {period!r}", "give a positive number")
    half = period / 2
    folded = (steps + half) % period - half
    folded = _core.where((folded == -half) & (steps > 0), half, folded)
    more = _core.where(abs(steps) < (half if discont is None else _real(discont)), 0.0, folded - steps)
    ends = _core.zeros_like(_along(a, k, slice(0, 1)))
    return a + _core.concatenate([ends, _core.cumsum(more, k)], k)


# --- products


def inner(x: ArrayLike, y: ArrayLike) -> Array:
    """The sum over the last axis of both."""
    a, b = _array(x), _array(y)
    return a * b if a.ndim == 0 or b.ndim == 0 else _core.tensordot(a, b, (-1, -1))


def vdot(x: ArrayLike, y: ArrayLike) -> Array:
    """The dot product of the flattened arrays."""
    return _core.dot(_core.ravel(x), _core.ravel(y))


def vecdot(x: ArrayLike, y: ArrayLike, axis: int = -1) -> Array:
    """The dot product along one axis; the others broadcast."""
    return _core.sum(_core.multiply(x, y), axis)


def convolve(x: ArrayLike, y: ArrayLike, mode: str = "full") -> Array:
    """The convolution of two vectors, sum of x[k] y[n - k]. "full", "same" or "valid"."""
    a, v = _array(x), _array(y)
    if a.ndim != 1 or v.ndim != 1 or a.size == 0 or v.size == 0:
        _core._refuse(f"[convolve] of {list(a.shape)} and {list(v.shape)}", "give two vectors")
    _choice("convolve", "mode", mode, ("full", "same", "valid"))
    if a.shape[0] < v.shape[0]:
        a, v = v, a
    n, m = a.shape[0], v.shape[0]
    first = {"full": 0, "same": (m - 1) // 2, "valid": m - 1}[mode]
    count = {"full": n + m - 1, "same": n, "valid": n - m + 1}[mode]
    padded = _core.pad(a, (m - 1, m - 1))
    windows = padded[_core.arange(first, first + count)[:, None] + _core.arange(m)]
    return windows @ _core.flip(v)


def correlate(x: ArrayLike, y: ArrayLike, mode: str = "valid") -> Array:
    """The correlation of two vectors, sum of x[n + k] y[k]. "full", "same" or "valid"."""
    swapped = _array(x).shape[:1] < _array(y).shape[:1]
    found = convolve(x, _core.flip(y), mode)
    return found if not swapped or mode != "valid" else found


def cov(x: ArrayLike, rowvar: bool = True, ddof: int = 1) -> Array:
    """The covariances of variables: rows of observations, or columns."""
    a = atleast_2d(_real(x))
    a = a if rowvar or _array(x).ndim == 1 else a.T
    ddof = _count("cov", "ddof", ddof)
    apart = a - _core.mean(a, 1, True)
    made = apart @ apart.T / (a.shape[1] - ddof)
    return made.reshape(()) if _array(x).ndim == 1 else made


def corrcoef(x: ArrayLike, rowvar: bool = True) -> Array:
    """The correlation of variables, between -1 and 1."""
    c = cov(x, rowvar)
    if c.ndim == 0:
        return c / c
    size_ = _core.sqrt(_core.diagonal(c))
    return _core.clip(c / size_[:, None] / size_, -1.0, 1.0)


def polyval(p: ArrayLike, x: ArrayLike) -> Array:
    """The polynomial with these coefficients, highest power first, at x (Horner)."""
    c, at = _array(p), _array(x)
    if c.ndim != 1:
        _core._refuse(f"[polyval] coefficients have {c.ndim} axes", "give a vector")
    value = _core.zeros_like(at * 1.0 if c.dtype.kind == "f" else at)
    for k in range(c.shape[0]):
        value = value * at + c[k]
    return value


def vander(x: ArrayLike, N: Optional[int] = None, increasing: bool = False) -> Array:
    """The powers of a vector as columns, highest first unless `increasing`."""
    a = _array(x)
    if a.ndim != 1:
        _core._refuse(f"[vander] of {a.ndim} axes", "give a vector")
    n = a.shape[0] if N is None else _count("vander", "N", N, 1)
    if n > 10_000:
        _core._refuse(f"[vander] {n} columns", "give at most 10,000")
    columns = [_core.ones_like(a)]
    for _ in range(n - 1):
        columns.append(columns[-1] * a)
    columns = columns[:n]
    return _core.stack(columns if increasing else columns[::-1], 1)


def apply_along_axis(func1d: Callable[..., Any], axis: int, arr: ArrayLike, *args: Any, **kwargs: Any) -> Any:
    """A function of vectors on all vectors along an axis; its results' axes are in its place."""
    from cotangent.transforms import vmap

    a = _array(arr)
    k = _axis("apply_along_axis", axis, a.ndim)
    rows = _core.moveaxis(a, k, -1)
    outside = rows.shape[:-1]
    made = vmap(lambda row: func1d(row, *args, **kwargs))(rows.reshape((-1, rows.shape[-1])))
    found = _core.asarray(made)
    inside = found.shape[1:]
    found = found.reshape((*outside, *inside))
    order = [*range(k), *range(len(outside), len(outside) + len(inside)), *range(k, len(outside))]
    return _core.transpose(found, order) if found.ndim else found

__all__ = [
    "amax", "amin", "angle", "apply_along_axis", "argpartition", "array_equal", "average",
    "bincount", "conj", "conjugate", "convolve", "copysign", "corrcoef", "correlate",
    "count_nonzero", "cov", "cumprod", "cumulative_prod", "cumulative_sum", "diff", "digitize",
    "divmod", "ediff1d", "fabs", "float_power", "fmax", "fmin", "fmod", "gradient", "heaviside",
    "histogram", "imag", "inner", "interp", "isclose", "isneginf", "isposinf", "logaddexp",
    "logaddexp2", "median", "modf", "nan_to_num", "nanargmax", "nanargmin", "nancumsum", "nanmax",
    "nanmean", "nanmin", "nanprod", "nanstd", "nansum", "nanvar", "partition", "percentile",
    "polyval", "ptp", "quantile", "real", "searchsorted", "select", "signbit", "sinc", "trapezoid",
    "unwrap", "vander", "vdot", "vecdot",
]  # fmt: skip
