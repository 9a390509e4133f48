"""Names of types of elements."""
from __future__ import annotations

import numpy as np

float32 = np.dtype("float32")
float64 = np.dtype("float64")
int32 = np.dtype("int32")
int64 = np.dtype("int64")
uint32 = np.dtype("uint32")
uint64 = np.dtype("uint64")
bool_ = np.dtype("bool")
uint8 = np.dtype("uint8")
int8 = np.dtype("int8")
int16 = np.dtype("int16")
float16 = np.dtype("float16")
#: NumPy has no such type: functions of arrays take this name of it.
bfloat16 = "bfloat16"
newaxis = None
pi = float(np.pi)
inf = float("inf")
nan = float("nan")

__all__ = [
    "bfloat16", "bool_", "float16", "float32", "float64", "inf", "int16", "int32", "int64", "int8",
    "nan", "newaxis", "pi", "uint32", "uint64", "uint8",
]  # fmt: skip
