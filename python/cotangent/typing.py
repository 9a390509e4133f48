"""Names of types for annotations: what functions of arrays take."""
from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Union

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from cotangent._core import Array

    ArrayLike = Union[Array, float, np.generic, npt.NDArray[Any], Sequence[Any], Any]
    DTypeLike = Union[npt.DTypeLike, str, None]
    Index = Any
else:
    ArrayLike = Any
    DTypeLike = Any
    Index = Any

#: None (all axes), one, or several.
Axes = Union[int, Sequence[int], None]
#: One length or several.
Shape = Union[int, Sequence[int]]
#: What a gradient in reverse keeps of a loop: None, "all", ("every", n), ("binomial", n) or
#: ("budget", bytes).
Keep = Union[str, tuple[str, int], None]

__all__ = ["ArrayLike", "Axes", "DTypeLike", "Index", "Keep", "Shape"]
