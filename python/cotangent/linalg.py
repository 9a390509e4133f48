"""Factorisations and solves of the last two axes, of real arrays and of Complex."""
from cotangent._core import (
    _linalg_cholesky as cholesky,
    _linalg_det as det,
    _linalg_eigh as eigh,
    _linalg_eigvalsh as eigvalsh,
    _linalg_inv as inv,
    _linalg_lu as lu,
    _linalg_qr as qr,
    _linalg_slogdet as slogdet,
    _linalg_solve as solve,
    _linalg_svd as svd,
    _linalg_triangular_solve as triangular_solve,
)

from cotangent._core import norm as norm

__all__ = ["norm", "cholesky", "det", "eigh", "eigvalsh", "inv", "lu", "qr", "slogdet", "solve", "svd", "triangular_solve"]
