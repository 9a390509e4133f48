"""Names of types for annotations: what functions of arrays take."""
from collections.abc import Sequence
from typing import Any, Union

import numpy as np
import numpy.typing as npt

from cotangent._core import Array

#: What becomes an array: one, a number, NumPy's scalars and arrays, nested lists, what has DLPack.
ArrayLike = Union[Array, float, np.generic, npt.NDArray[Any], Sequence[Any], Any]
#: A type of elements, or its name.
DTypeLike = Union[npt.DTypeLike, str, None]
#: What stands in square brackets.
Index = Any
#: None (all axes), one, or several.
Axes = Union[int, Sequence[int], None]
#: One length or several.
Shape = Union[int, Sequence[int]]
#: What a gradient in reverse keeps of a loop: None, "all", ("every", n), ("binomial", n) or
#: ("budget", bytes).
Keep = Union[str, tuple[str, int], None]

__all__ = ["ArrayLike", "Axes", "DTypeLike", "Index", "Keep", "Shape"]
