"""Factorisations and solves of the last two axes, of real arrays and of Complex."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Optional, Union

import numpy as np

from cotangent import _core
from cotangent._core import Array
from cotangent._core import (
    _linalg_cholesky as cholesky,
    _linalg_det as det,
    _linalg_eigh as eigh,
    _linalg_eigvalsh as eigvalsh,
    _linalg_inv as inv,
    _linalg_lu as lu,
    _linalg_qr as qr,
    _linalg_slogdet as slogdet,
    _linalg_solve as solve,
    _linalg_svd as svd,
    _linalg_triangular_solve as triangular_solve,
)

from cotangent._core import cross as cross
from cotangent._core import matmul as matmul
from cotangent._core import outer as outer
from cotangent._core import tensordot as tensordot
from cotangent.numpy_names import vecdot as vecdot
from cotangent.numpy_shapes import matrix_transpose as matrix_transpose
from cotangent.typing import ArrayLike


def _axes(axis: Union[int, tuple[int, ...]], ndim: int) -> tuple[int, ...]:
    given = axis if isinstance(axis, tuple) else (axis,)
    for k in given:
        if not isinstance(k, (int, np.integer)) or not -ndim <= k < ndim:
            _core._refuse(f"[norm] axis {k!r} of an array with {ndim} axes", "axes count from 0, or from -1 at the end")
    return tuple(int(k) % ndim for k in given)


def norm(x: ArrayLike, ord: Optional[Union[float, str]] = None,  # noqa: A002
         axis: Optional[Union[int, tuple[int, ...]]] = None, keepdims: bool = False) -> Array:
    """NumPy's norms of vectors and matrices. `ct.norm(x, axis)` is the Euclidean one.

    Args:
        x: an array.
        ord: None: the root of the sum of squares. Of vectors (one axis): inf, -inf, 0 or a p. Of
            matrices (two axes): "fro", "nuc", 1, -1, 2, -2, inf or -inf.
        axis: one axis of vectors, two of matrices, or None for all of x.
        keepdims: whether those axes stay, of length 1.

    Raises:
        UserError: for an `ord` that is none, and where x has neither one axis nor two.
    """
    a = _core.asarray(x)
    if ord is not None and (not isinstance(ord, (int, float, np.number, str)) or ord != ord):
        _core._refuse(f"[norm] ord is {ord!r}", 'give a number, "fro" or "nuc"')
    if ord is None or (ord == 2 and (a.ndim if axis is None else np.size(axis)) == 1):
        return _core.norm(a, axis, keepdims)
    axes = tuple(range(a.ndim)) if axis is None else _axes(axis, a.ndim)
    size = _core.abs(a)
    if len(axes) == 1:
        if ord == np.inf:
            return _core.max(size, axes, keepdims)
        if ord == -np.inf:
            return _core.min(size, axes, keepdims)
        if isinstance(ord, str):
            _core._refuse(f"[norm] ord is {ord!r}", "of vectors give inf, -inf, 0 or a number p")
        if ord == 0:
            return _core.sum((size != 0).astype(a.dtype), axes, keepdims)
        if ord == 1:
            return _core.sum(size, axes, keepdims)
        return _core.sum(size**ord, axes, keepdims) ** (1.0 / ord)
    if len(axes) != 2:
        _core._refuse(f"[norm] ord is {ord!r}, of {len(axes)} axes", "give an axis, or two, or leave ord out")
    if ord == "fro":
        return _core.norm(a, axes, keepdims)
    if ord in (1, -1, np.inf, -np.inf):
        inner, outer_axis = axes if ord in (1, -1) else axes[::-1]
        sums = _core.sum(size, inner, True)
        made = (_core.max if ord in (1, np.inf) else _core.min)(sums, outer_axis, True)
    elif ord in (2, -2, "nuc"):
        order = [k for k in range(a.ndim) if k not in axes] + list(axes)
        s = svdvals(_core.transpose(a, order))
        made = (_core.sum if ord == "nuc" else _core.max if ord == 2 else _core.min)(s, -1)
        return _core.expand_dims(made, tuple(sorted(axes))) if keepdims else made
    else:
        _core._refuse(f"[norm] ord is {ord!r}", 'of matrices give "fro", "nuc", 1, -1, 2, -2, inf or -inf')
    return made if keepdims else _core.squeeze(made, axes)


def matrix_power(a: ArrayLike, n: int) -> Array:
    """A square matrix multiplied by itself, n times; of a negative n its inverse."""
    x = _core.asarray(a)
    if x.ndim < 2 or x.shape[-1] != x.shape[-2]:
        _core._refuse(f"[matrix_power] of {list(x.shape)}", "give square matrices, [..., n, n]")
    if not isinstance(n, (int, np.integer)) or abs(n) >= 2**31:
        _core._refuse(f"[matrix_power] n is {n!r}", "give an integer below 2^31")
    x = inv(x) if n < 0 else x
    made, power, left = None, x, abs(n)
    while left:
        if left % 2:
            made = power if made is None else made @ power
        left //= 2
        power = power @ power if left else power
    return _core.broadcast_to(_core.eye(x.shape[-1], dtype=x.dtype), x.shape) if made is None else made


def multi_dot(arrays: Sequence[ArrayLike]) -> Array:
    """The product of several matrices, from left to right."""
    if not isinstance(arrays, (list, tuple)) or not arrays:
        _core._refuse("[multi_dot] of nothing", "give a list of matrices")
    made = _core.asarray(arrays[0])
    for each in arrays[1:]:
        made = _core.dot(made, each)
    return made


def svdvals(a: ArrayLike) -> Array:
    """The singular values [..., k], descending."""
    x = _core.asarray(a)
    if x.ndim < 2 or x.size == 0:
        _core._refuse(f"[linalg] of {list(x.shape)}", "give matrices, [..., m, n]")
    return svd(x)[1]


def _kept(s: Array, shape: tuple[int, ...], rcond: Optional[float]) -> Array:
    """Which singular values count: those above rcond times the largest."""
    eps = 2.0**-23 if s.dtype == "float32" else 2.0**-52
    least = _core.asarray(max(shape[-2:]) * eps if rcond is None else rcond)
    return s > least * _core.max(s, -1, True)


def pinv(a: ArrayLike, rcond: Optional[float] = None) -> Array:
    """The pseudo-inverse of Moore and Penrose, by svd; singular values of at most `rcond` times the
    largest count as zero (max(m, n) eps unless given)."""
    x = _core.asarray(a)
    if x.ndim < 2 or x.size == 0:
        _core._refuse(f"[pinv] of {list(x.shape)}", "give matrices, [..., m, n]")
    u, s, vh = svd(x)
    kept = _kept(s, x.shape, rcond)
    inverse = _core.where(kept, 1 / _core.where(kept, s, 1.0), 0.0)
    return matrix_transpose(vh) @ (inverse[..., None] * matrix_transpose(u))


def lstsq(a: ArrayLike, b: ArrayLike, rcond: Optional[float] = None) -> tuple[Array, Array, Array, Array]:
    """(x, residuals, rank, singular values): the x with the least |a x - b|, and of these the shortest;
    residuals are the squared lengths of what is left, of each column."""
    x, y = _core.asarray(a), _core.asarray(b)
    s = svdvals(x)
    found = pinv(x, rcond) @ y
    rest = y - x @ found
    return found, _core.sum(rest * rest, 0), _core.sum(_kept(s, x.shape, rcond), -1), s


def matrix_rank(a: ArrayLike, rtol: Optional[float] = None) -> Array:
    """How many singular values are above `rtol` times the largest (max(m, n) eps unless given)."""
    x = _core.asarray(a)
    return _core.sum(_kept(svdvals(x), x.shape, rtol), -1)


def cond(a: ArrayLike) -> Array:
    """The largest singular value over the smallest."""
    s = svdvals(a)
    return s[..., 0] / s[..., -1]


def trace(a: ArrayLike, offset: int = 0) -> Array:
    """The sum of a diagonal of the last two axes."""
    return _core.sum(diagonal(a, offset), -1)


def diagonal(a: ArrayLike, offset: int = 0) -> Array:
    """A diagonal of the last two axes, as the last axis."""
    return _core.diagonal(a, offset, -2, -1)


__all__ = [
    "cholesky", "cond", "cross", "det", "diagonal", "eigh", "eigvalsh", "inv", "lstsq", "lu", "matmul",
    "matrix_power", "matrix_rank", "matrix_transpose", "multi_dot", "norm", "outer", "pinv", "qr",
    "slogdet", "solve", "svd", "svdvals", "tensordot", "trace", "triangular_solve", "vecdot",
]  # fmt: skip
