"""Cotangent: a physics compiler.

    import cotangent as ct
"""
from cotangent._core import __version__
from cotangent.errors import DeviceError, Error, InternalError, UserError

__all__ = ["DeviceError", "Error", "InternalError", "UserError", "__version__"]
