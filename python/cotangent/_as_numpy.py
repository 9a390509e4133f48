"""What NumPy's own functions do with our arrays where their defaults are not those of our namesakes:
`np.meshgrid(x, y)` keeps NumPy's order, whatever `ct.meshgrid` takes."""
from __future__ import annotations

from typing import Any, NoReturn

from cotangent import _core, linalg
from cotangent._core import Array
from cotangent.typing import ArrayLike


def meshgrid(*axes: ArrayLike, indexing: str = "xy", copy: bool = True, sparse: bool = False) -> list[Array]:
    if sparse:
        _core._refuse("[meshgrid] sparse=True", "index with None: x[:, None], y[None, :]")
    if indexing != "xy" or len(axes) < 2:
        return list(_core.meshgrid(*axes, indexing="ij" if indexing == "xy" else indexing))
    second, first, *others = _core.meshgrid(axes[1], axes[0], *axes[2:])
    return [first, second, *others]


def svd(a: ArrayLike, full_matrices: bool = True, compute_uv: bool = True) -> Any:
    if not compute_uv:
        return linalg.svdvals(a)
    shape = _core.asarray(a).shape
    if full_matrices and len(shape) > 1 and shape[-1] != shape[-2]:
        _core._refuse(f"[svd] the full matrices of {list(shape)}, which are not square",
                      "give full_matrices=False")
    return linalg.svd(a)


def round(a: ArrayLike, decimals: int = 0) -> Array:  # noqa: A001
    x = _core.asarray(a)
    if decimals == 0:
        return _core.round(x)
    scale = 10.0 ** abs(decimals)
    return _core.round(x * scale) / scale if decimals > 0 else _core.round(x / scale) * scale


around = round


def where(condition: ArrayLike, *chosen: ArrayLike) -> Array | NoReturn:
    if len(chosen) != 2:
        _core._refuse("[where] of a condition alone has as many results as hold",
                      "give both choices, np.where(c, x, y); of values np.nonzero(np.asarray(c))")
    return _core.where(condition, *chosen)
