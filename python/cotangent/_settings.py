"""Python values as what is set of a system file: `run.dt = 5` and its like."""
from __future__ import annotations

import operator
import os
from typing import Any, Mapping, Optional

import numpy as np

from cotangent import _core

Pairs = list[tuple[str, str]]


def _quoted(text: str) -> str:
    """A basic string of TOML."""
    out = []
    for c in text:
        if c in '"\\':
            out.append("\\" + c)
        elif c == "\n":
            out.append("\\n")
        elif c == "\t":
            out.append("\\t")
        elif ord(c) < 0x20 or c == "\x7f":
            out.append(f"\\u{ord(c):04X}")
        else:
            out.append(c)
    return '"' + "".join(out) + '"'


def _key(text: str) -> str:
    bare = text != "" and all((c.isascii() and c.isalnum()) or c in "_-" for c in text)
    return text if bare else _quoted(text)


def value_text(value: Any, name: str) -> str:
    """A value as TOML. Floats keep their bits. UserError for what has no form there."""
    if isinstance(value, (bool, np.bool_)):
        return "true" if value else "false"
    if isinstance(value, (int, np.integer)):
        return str(int(value))
    if isinstance(value, (float, np.floating)):
        return repr(float(value))
    if isinstance(value, str):
        return _quoted(value)
    if isinstance(value, os.PathLike):
        return _quoted(os.fspath(value))
    if isinstance(value, Mapping):
        inside = (f"{_key(str(k))} = {value_text(v, name)}" for k, v in value.items())
        return "{" + ", ".join(inside) + "}"
    if isinstance(value, np.ndarray):
        return value_text(value.tolist(), name)
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(value_text(v, name) for v in value) + "]"
    if hasattr(value, "__array__"):
        return value_text(np.asarray(value).tolist(), name)
    _core._refuse(f"{name} is a {type(value).__name__}, which a system file cannot hold",
                  "give numbers, texts, lists, arrays or dicts of these")


def whole(name: str, value: Any) -> int:
    """A whole number of any kind."""
    try:
        return operator.index(value)
    except TypeError:
        _core._refuse(f"{name} is {value!r}", "give a whole number")


def pairs_of(overrides: Optional[Mapping[str, Any]], **tables: Mapping[str, Any]) -> Pairs:
    """{"run.dt": 5} and run={"dt": 5} as dotted keys with texts; None in a table: not set."""
    pairs = [(key, value_text(value, key)) for key, value in (overrides or {}).items()]
    for table, entries in tables.items():
        for key, value in entries.items():
            if table == "observe" and callable(value):
                _core._refuse(
                    f"{key!r} is a function, and what a compiled system observes are expressions",
                    "give one, \"norm(q[0])\"; functions are named where the system is made: "
                    "ct.hamiltonian(..., observe={...})")
            if value is not None:
                pairs.append((f"{table}.{_key(key)}", value_text(value, key)))
    return pairs
