"""NumPy's functions that make, shape and join arrays, written in those of the compiled module."""
from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any, Optional, Union

import numpy as np

from cotangent import _core
from cotangent._core import Array
from cotangent.typing import ArrayLike, DTypeLike, Shape

_Arrays = Union[Sequence[ArrayLike], Array]


def _array(x: Any) -> Array:
    return _core.asarray(x)


def _count(which: str, what: str, value: Any, least: int = 0) -> int:
    """A whole number that can be a length."""
    try:
        n = operator.index(value)
    except TypeError:
        _core._refuse(f"[{which}] {what} is {type(value).__name__}, not an integer", "give an integer")
    if not least <= n < 2**31:
        _core._refuse(f"[{which}] {what} is {n}", f"give an integer from {least} on, below 2^31")
    return n


def _choice(which: str, what: str, value: Any, among: Sequence[str]) -> str:
    """One of some texts."""
    if not isinstance(value, str) or value not in among:
        _core._refuse(f"[{which}] {what} is {value!r}", f"give one of {', '.join(among)}")
    return value


def _axis(which: str, axis: Any, ndim: int) -> int:
    """An axis from 0 on."""
    try:
        k = int(axis.__index__())
    except (AttributeError, TypeError):
        _core._refuse(f"[{which}] axis is {axis!r}", "give an integer")
    if not -ndim <= k < ndim:
        _core._refuse(f"[{which}] axis {k} of an array with {ndim} axes",
                      f"give one from {-ndim} to {ndim - 1}" if ndim else "give an array with an axis")  # fmt: skip
    return k % ndim


def _places(which: str, given: Any) -> list[int]:
    """Whole numbers."""
    try:
        return [operator.index(k) for k in given]
    except TypeError:
        _core._refuse(f"[{which}] places are {given!r}", "give integers")


def _several(which: str, arrays: Any) -> list[Array]:
    if not isinstance(arrays, (Array, list, tuple, np.ndarray)):
        _core._refuse(f"[{which}] takes several arrays, not {type(arrays).__name__}", "give a list of arrays")
    if isinstance(arrays, (Array, np.ndarray)) and arrays.ndim == 0:
        _core._refuse(f"[{which}] takes several arrays, not one number", "give a list of arrays")
    found = [_core.asarray(x) for x in arrays]
    if not found:
        _core._refuse(f"[{which}] takes one array or more, not none", "give a list of arrays")
    return found


def _along(x: Array, axis: int, part: slice) -> Array:
    """A part of one axis."""
    return x[(slice(None),) * axis + (part,)]


# --- shapes


def shape(x: ArrayLike) -> tuple[int, ...]:
    """The lengths of the axes."""
    return _array(x).shape


def ndim(x: ArrayLike) -> int:
    """The number of axes."""
    return _array(x).ndim


def size(x: ArrayLike, axis: Optional[int] = None) -> int:
    """The number of elements, or the length of an axis."""
    a = _array(x)
    return a.size if axis is None else a.shape[_axis("size", axis, a.ndim)]


def empty(shape: Shape, dtype: DTypeLike = None) -> Array:
    """Zeros: the values of an array never change, so there is nothing to fill."""
    return _core.zeros(shape, dtype=dtype)


def empty_like(x: ArrayLike, dtype: DTypeLike = None) -> Array:
    """Zeros of the shape and type of x."""
    return _core.zeros_like(x, dtype=dtype)


def atleast_1d(x: ArrayLike) -> Array:
    """x with one axis or more."""
    a = _array(x)
    return a if a.ndim else a.reshape((1,))


def atleast_2d(x: ArrayLike) -> Array:
    """x with two axes or more, new ones first."""
    a = atleast_1d(x)
    return a if a.ndim > 1 else a[None]


def atleast_3d(x: ArrayLike) -> Array:
    """x with three axes or more: a vector becomes [1, n, 1], a matrix [m, n, 1]."""
    a = atleast_2d(x)
    return a if a.ndim > 2 else a[..., None]


def broadcast_arrays(*arrays: ArrayLike) -> list[Array]:
    """The arrays, all with the shape that they have together. UserError where they do not fit."""
    found = _several("broadcast_arrays", arrays)
    try:
        shape = np.broadcast_shapes(*(x.shape for x in found))
    except ValueError:
        shapes = ", ".join(str(list(x.shape)) for x in found)
        _core._refuse(f"[broadcast_arrays] shapes {shapes} do not fit", "axes are equal, 1, or missing in front")
    return [_core.broadcast_to(x, shape) for x in found]


def hstack(arrays: _Arrays) -> Array:
    """Arrays beside each other: along the second axis, of vectors along the only one."""
    found = [atleast_1d(x) for x in _several("hstack", arrays)]
    return _core.concatenate(found, 0 if found[0].ndim == 1 else 1)


def vstack(arrays: _Arrays) -> Array:
    """Arrays below each other, along the first axis; vectors are rows."""
    return _core.concatenate([atleast_2d(x) for x in _several("vstack", arrays)], 0)


row_stack = vstack
"""The same, by its old name."""


def dstack(arrays: _Arrays) -> Array:
    """Arrays behind each other, along the third axis."""
    return _core.concatenate([atleast_3d(x) for x in _several("dstack", arrays)], 2)


def column_stack(arrays: _Arrays) -> Array:
    """Vectors as the columns of a matrix; matrices beside each other."""
    found = [atleast_1d(x) for x in _several("column_stack", arrays)]
    return _core.concatenate([x if x.ndim > 1 else x[:, None] for x in found], 1)


def unstack(x: ArrayLike, axis: int = 0) -> tuple[Array, ...]:
    """The slices along an axis, without it."""
    return tuple(_core.moveaxis(x, axis, 0))


def array_split(x: ArrayLike, indices_or_sections: Union[int, Sequence[int]], axis: int = 0) -> list[Array]:
    """Parts along an axis, as equal as they can be, or those that end at these places."""
    a = _array(x)
    k = _axis("array_split", axis, a.ndim)
    if not isinstance(indices_or_sections, (list, tuple, np.ndarray, Array)):
        n, parts = a.shape[k], _count("array_split", "the number of parts", indices_or_sections, 1)
        small, more = n // parts, n % parts
        ends = np.cumsum([small + (j < more) for j in range(parts)])[:-1].tolist()
    else:
        ends = _places("array_split", indices_or_sections)
    return [_along(a, k, slice(first, last)) for first, last in zip([0, *ends], [*ends, None])]


def hsplit(x: ArrayLike, indices_or_sections: Union[int, Sequence[int]]) -> list[Array]:
    """split along the second axis; of a vector along the only one."""
    return _core.split(x, indices_or_sections, 1 if _array(x).ndim > 1 else 0)


def vsplit(x: ArrayLike, indices_or_sections: Union[int, Sequence[int]]) -> list[Array]:
    """split along the first axis."""
    return _core.split(x, indices_or_sections, 0)


def append(x: ArrayLike, values: ArrayLike, axis: Optional[int] = None) -> Array:
    """x with `values` behind it along an axis; both flattened when none is given."""
    if axis is None:
        return _core.concatenate([_core.ravel(x), _core.ravel(values)])
    return _core.concatenate([_array(x), _array(values)], axis)


def fliplr(x: ArrayLike) -> Array:
    """Columns in reverse order."""
    return _core.flip(x, 1)


def flipud(x: ArrayLike) -> Array:
    """Rows in reverse order."""
    return _core.flip(x, 0)


def rot90(x: ArrayLike, k: int = 1, axes: tuple[int, int] = (0, 1)) -> Array:
    """x turned by k right angles, from the first of two axes to the second."""
    a, pair = _array(x), _places("rot90", axes)
    if len(pair) != 2:
        _core._refuse(f"[rot90] axes are {axes!r}", "give two")
    first, second = (_axis("rot90", axis, a.ndim) for axis in pair)
    k = _places("rot90", [k])[0]
    turned = a if k % 2 == 0 else _core.swapaxes(a, first, second)
    flips = {0: [], 1: [first], 2: [first, second], 3: [second]}[k % 4]
    return _core.flip(turned, flips) if flips else turned


def matrix_transpose(x: ArrayLike) -> Array:
    """The last two axes exchanged."""
    return _core.swapaxes(x, -1, -2)


def kron(x: ArrayLike, y: ArrayLike) -> Array:
    """Kronecker's product of two matrices, or of two vectors."""
    a, b = _array(x), _array(y)
    rank = max(a.ndim, b.ndim)
    a, b = (v.reshape((1,) * (rank - v.ndim) + v.shape) for v in (a, b))
    left = a.reshape(tuple(n for length in a.shape for n in (length, 1)))
    right = b.reshape(tuple(n for length in b.shape for n in (1, length)))
    return (left * right).reshape(tuple(m * n for m, n in zip(a.shape, b.shape)))


def tri(N: int, M: Optional[int] = None, k: int = 0, dtype: DTypeLike = None) -> Array:
    """Ones on and below the k-th diagonal of an N by M matrix, zeros above."""
    n = _count("tri", "N", N)
    return _core.tril(_core.ones((n, n if M is None else _count("tri", "M", M)), dtype=dtype), k)


def tril_indices(n: int, k: int = 0, m: Optional[int] = None) -> tuple[Array, ...]:
    """Indices of the elements on and below the k-th diagonal of an n by m matrix."""
    rows = _count("tril_indices", "n", n)
    columns = rows if m is None else _count("tril_indices", "m", m)
    return tuple(map(_core.asarray, np.tril_indices(rows, _places("tril_indices", [k])[0], columns)))


def triu_indices(n: int, k: int = 0, m: Optional[int] = None) -> tuple[Array, ...]:
    """Indices of the elements on and above the k-th diagonal of an n by m matrix."""
    rows = _count("triu_indices", "n", n)
    columns = rows if m is None else _count("triu_indices", "m", m)
    return tuple(map(_core.asarray, np.triu_indices(rows, _places("triu_indices", [k])[0], columns)))


def diag_indices(n: int, ndim: int = 2) -> tuple[Array, ...]:
    """Indices of the diagonal."""
    return (_core.arange(_count("diag_indices", "n", n)),) * _count("diag_indices", "ndim", ndim)


def indices(dimensions: Sequence[int], dtype: DTypeLike = "int64") -> Array:
    """The indices of every element: [axes, ...]."""
    lengths = [_count("indices", "a length", n) for n in _places("indices", dimensions)]
    if not lengths:
        _core._refuse("[indices] of no axes", "give the lengths of the axes")
    return _core.stack(_core.meshgrid(*(_core.arange(n, dtype=dtype) for n in lengths)))


# --- ranges


def logspace(start: float, stop: float, num: int = 50, endpoint: bool = True, base: float = 10.0) -> Array:
    """`num` values from base^start to base^stop, equally apart in the exponent."""
    return _core.power(base, _core.linspace(start, stop, num, endpoint))


def geomspace(start: float, stop: float, num: int = 50, endpoint: bool = True) -> Array:
    """`num` values from start to stop, each the same multiple of the one before."""
    if not all(isinstance(x, (int, float, np.number)) for x in (start, stop)) or not start * stop > 0:
        _core._refuse(f"[geomspace] from {start!r} to {stop!r}", "give two numbers of one sign, not 0")
    sign = 1.0 if start > 0 else -1.0
    return sign * _core.exp(_core.linspace(float(np.log(abs(start))), float(np.log(abs(stop))), num, endpoint))

__all__ = [
    "append", "array_split", "atleast_1d", "atleast_2d", "atleast_3d", "broadcast_arrays",
    "column_stack", "diag_indices", "dstack", "empty", "empty_like", "fliplr", "flipud",
    "geomspace", "hsplit", "hstack", "indices", "kron", "logspace", "matrix_transpose", "ndim",
    "rot90", "row_stack", "shape", "size", "tri", "tril_indices", "triu_indices", "unstack",
    "vsplit", "vstack",
]  # fmt: skip
