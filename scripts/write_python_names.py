#!/usr/bin/env python3
"""Writes python/cotangent/arrays.py: the names that python/src/array_functions.inc and its like give
the package, for people who read and for type checkers. Run it after a name was added there; a test
says when.

usage: PYTHONPATH=... python scripts/write_python_names.py
"""
import pathlib

from cotangent import _core

HEAD = '''"""The functions of arrays. Written by scripts/write_python_names.py."""
'''


def text() -> str:
    names = sorted(_core._array_names)
    lines = [HEAD.rstrip(), "from cotangent._core import ("]
    lines += [f"    {n} as {n}," for n in names]
    lines += [")", "", "__all__ = ["]
    lines += [f'    "{n}",' for n in names]
    return "\n".join([*lines, "]", ""])


if __name__ == "__main__":
    root = pathlib.Path(__file__).resolve().parent.parent
    (root / "python/cotangent/arrays.py").write_text(text())
