"""The three kinds of error, as in C++.

Each has `what` (one sentence), `where` (place and excerpt), `why` and `remedy`; str() is all of them.
"""


class Error(Exception):
    """What Cotangent raises; see its three kinds."""

    what: str = ""
    """What is wrong, in one sentence."""
    where: str = ""
    """The place (file, line and column, or the line of Python) and what stands there; may be empty."""
    why: str = ""
    """What was expected, or the fact that forbids it; may be empty."""
    remedy: str = ""
    """What to do."""


class UserError(Error, ValueError):
    """The input is at fault."""


class DeviceError(Error, RuntimeError):
    """A device, a file system or a dependency refused."""


class InternalError(Error, RuntimeError):
    """A bug of Cotangent's own."""
