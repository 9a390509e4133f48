"""Names of types of elements."""
from __future__ import annotations

import numpy as np

float32 = np.float32
"""Reals of 32 bits."""
float64 = np.float64
"""Reals of 64 bits: what numbers are unless said otherwise."""
int32 = np.int32
"""Integers of 32 bits; they wrap."""
int64 = np.int64
"""Integers of 64 bits; they wrap. What whole numbers are unless said otherwise."""
uint32 = np.uint32
"""Integers of 32 bits without a sign."""
uint64 = np.uint64
"""Integers of 64 bits without a sign."""
bool_ = np.bool_
"""True or false."""
uint8 = np.uint8
"""For storage: `astype` converts it, and indexing, shaping and `where` move it."""
int8 = np.int8
"""For storage, as `uint8`."""
int16 = np.int16
"""For storage, as `uint8`."""
float16 = np.float16
"""For storage, as `uint8`."""
bfloat16 = "bfloat16"
"""For storage, as `uint8`. NumPy has no such type: functions of arrays take this name of it."""
newaxis = None
"""In an index: an axis of length 1."""
pi = float(np.pi)
"""3.141592653589793, a Python number, which takes the type of its partner."""
inf = float("inf")
"""Infinity, a Python number."""
nan = float("nan")
"""Not a number, a Python number."""

__all__ = [
    "bfloat16", "bool_", "float16", "float32", "float64", "inf", "int16", "int32", "int64", "int8",
    "nan", "newaxis", "pi", "uint32", "uint64", "uint8",
]  # fmt: skip
