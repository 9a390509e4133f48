"""Names of types for annotations: what functions of arrays take."""
from collections.abc import Sequence
from typing import Any, Union

import numpy as np
import numpy.typing as npt

from cotangent._core import Array

ArrayLike = Union[Array, float, np.generic, npt.NDArray[Any], Sequence[Any], Any]
"""What becomes an array: one, a number, NumPy's scalars and arrays, nested lists, what has DLPack."""
DTypeLike = Union[npt.DTypeLike, str, None]
"""A type of elements, or its name."""
Index = Any
"""What stands in square brackets."""
Axes = Union[int, Sequence[int], None]
"""None (all axes), one, or several."""
Shape = Union[int, Sequence[int]]
"""One length or several."""
Keep = Union[str, tuple[str, int], None]
"""What a gradient in reverse keeps of a loop: None, "all", ("every", n), ("binomial", n) or
("budget", bytes)."""

__all__ = ["ArrayLike", "Axes", "DTypeLike", "Index", "Keep", "Shape"]
