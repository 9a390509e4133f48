"""The three kinds of error, as in C++.

Each has `what` (one sentence), `where` (place and excerpt), `why` and `remedy`; str() is all of them.
"""


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


class UserError(Error, ValueError):
    """The input is at fault: a file, an argument, a shape, a choice that does not fit. A ValueError."""


class DeviceError(Error, RuntimeError):
    """A device, a file system or a dependency refused. A RuntimeError."""


class InternalError(Error, RuntimeError):
    """A bug of Cotangent's own, which says so. A RuntimeError."""
