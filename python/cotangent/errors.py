"""The three kinds of error, as in C++, and that of a run.

Each has `what` (one sentence), `where` (place and excerpt), `why` and `remedy`; str() is all of them.
"""
from __future__ import annotations

from typing import Any


class Error(Exception):
    """What Cotangent raises: a UserError, a DeviceError or an InternalError. str() is all of its parts."""

    what: str = ""
    """What is wrong, in one sentence."""
    where: str = ""
    """The place (file, line and column, or the line of Python) and what stands there; may be empty."""
    why: str = ""
    """What was expected, or the fact that forbids it; may be empty."""
    remedy: str = ""
    """What to do."""


class RunError(Error, RuntimeError):
    """A run that did not come to its end, as `Run.check` raises it. A RuntimeError."""

    run: Any = None
    """The Run, with what was computed."""


class UserError(Error, ValueError):
    """The input is at fault: a file, an argument, a shape, a choice that does not fit. A ValueError."""


class DeviceError(Error, RuntimeError):
    """A device, a file system or a dependency refused. A RuntimeError."""


class InternalError(Error, RuntimeError):
    """A bug of Cotangent's own, which says so. A RuntimeError."""
