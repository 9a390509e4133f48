"""Python values as what is set of a system file: `run.dt = 5` and its like."""
from __future__ import annotations

import math
import operator
import os
from typing import Any, Mapping, Optional

import numpy as np
from numpy.typing import NDArray

from cotangent import _core

Pairs = list[tuple[str, str]]

_EXAMPLES = {
    "observe": '{"r": "norm(q[0])"}',
    "monitor": '{"energy": 1e-6}',
    "ensemble": '{"size": 1000}',
    "gradient": '{"policy": "checkpoints"}',
}


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
        count = operator.index(value)
    except TypeError:
        _core._refuse(f"{name} is {value!r}", "give a whole number")
    if not -(2**63) <= count < 2**63:
        _core._refuse(f"{name} is {count}", "give a whole number of at most 64 bits")
    return count


def called(value: Any) -> str:
    """What a value is, for messages: "the text 'a'", "a list"."""
    if isinstance(value, str):
        return f"the text {value!r}"
    if value is None or isinstance(value, (bool, int, float, np.number)):
        return repr(value)
    name = type(value).__name__
    return f"{'an' if name[0].lower() in 'aeio' else 'a'} {name}"


def table(name: str, value: Any, remedy: str) -> dict[str, Any]:
    """A dict with texts as keys; {} of None."""
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        _core._refuse(f"{name} is {called(value)}", f"give a dict, {remedy}")
    for key in value:
        if not isinstance(key, str):
            _core._refuse(f"{name} has the key {key!r}", f"keys are texts, {remedy}")
    return dict(value)


def numbers(name: str, value: Any) -> NDArray[np.float64]:
    """An array of reals; NaN and infinities are for who takes it to judge."""
    try:
        given = np.asarray(value)
        if given.dtype.kind in "biuf":
            return np.asarray(given, dtype=np.float64, order="C")
        why = f"of {called(value)}" if given.dtype.kind != "c" else "complex"
    except ValueError:
        why = "lists of unequal lengths"
    _core._refuse(f"{name} is {why}, no array of real numbers", "give numbers, lists of them, or an array")


def real(name: str, value: Any) -> float:
    """One finite real number."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        _core._refuse(f"{name} is {called(value)}", "give a number")
    if not math.isfinite(number):
        _core._refuse(f"{name} is {number}", "give a finite number")
    return number


def text(name: str, value: Any, remedy: str) -> str:
    """A text."""
    if not isinstance(value, str):
        _core._refuse(f"{name} is {called(value)}", remedy)
    return value


def names(name: str, value: Any, remedy: str) -> list[str]:
    """One text, or several."""
    if isinstance(value, str):
        return [value]
    try:
        found = list(value)
    except TypeError:
        _core._refuse(f"{name} is {called(value)}", remedy)
    for one in found:
        text(f"an entry of {name}", one, remedy)
    return found


def flag(name: str, value: Any) -> bool:
    """True or False."""
    if not isinstance(value, (bool, np.bool_)):
        _core._refuse(f"{name} is {called(value)}", "give True or False")
    return bool(value)


def path(name: str, value: Any) -> str:
    """The name of a file."""
    if not isinstance(value, (str, os.PathLike)):
        _core._refuse(f"{name} is {called(value)}", "give the name of a file: a text or a pathlib.Path")
    return os.fspath(value)


def pairs_of(overrides: Optional[Mapping[str, Any]], **tables: Any) -> Pairs:
    """{"run.dt": 5} and run={"dt": 5} as dotted keys with texts; None in a table: not set."""
    given = table("overrides", overrides, '{"run.dt": 0.01}')
    pairs = [(key, value_text(value, key)) for key, value in given.items()]
    for section, entries in tables.items():
        for key, value in table(section, entries, _EXAMPLES.get(section, '{"key": value}')).items():
            if section == "observe" and callable(value):
                _core._refuse(
                    f"{key!r} is a function, and what a compiled system observes are expressions",
                    "give one, \"norm(q[0])\"; functions are named where the system is made: "
                    "ct.hamiltonian(..., observe={...})")
            if value is not None:
                pairs.append((f"{section}.{_key(key)}", value_text(value, key)))
    return pairs
