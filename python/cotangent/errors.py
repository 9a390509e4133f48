"""The three kinds of error, as in C++.

Each has `what` (one sentence), `where` (place and excerpt), `why` and `remedy`; str() is all of them.
"""


class Error(Exception):
    """What Cotangent raises; see its three kinds."""

    what: str = ""
    where: str = ""
    why: str = ""
    remedy: str = ""


class UserError(Error, ValueError):
    """The input is at fault."""


class DeviceError(Error, RuntimeError):
    """A device, a file system or a dependency refused."""


class InternalError(Error, RuntimeError):
    """A bug of Cotangent's own."""
