"""Discrete Fourier transforms with numpy's conventions; complex arrays are ct.Complex."""
from __future__ import annotations

from typing import Any, Optional

from cotangent._core import (
    _fft_fft as fft,
    _fft_fftfreq as fftfreq,
    _fft_fftn as fftn,
    _fft_fftshift as fftshift,
    _fft_ifft as ifft,
    _fft_ifftn as ifftn,
    _fft_ifftshift as ifftshift,
    _fft_irfft as irfft,
    _fft_irfftn as irfftn,
    _fft_rfft as rfft,
    _fft_rfftfreq as rfftfreq,
    _fft_rfftn as rfftn,
)

from cotangent._core import Array, Complex


def fft2(z: Any, axes: tuple[int, int] = (-2, -1)) -> Complex:
    """fftn of two axes, the last two unless others are given."""
    return fftn(z, axes)


def ifft2(z: Any, axes: tuple[int, int] = (-2, -1)) -> Complex:
    """The inverse of fft2."""
    return ifftn(z, axes)


def rfft2(z: Any, axes: tuple[int, int] = (-2, -1)) -> Complex:
    """rfftn of two axes, the last two unless others are given."""
    return rfftn(z, axes)


def irfft2(z: Any, n: Optional[int] = None, axes: tuple[int, int] = (-2, -1)) -> Array:
    """The inverse of rfft2; n is the length of the last axis."""
    return irfftn(z, n, axes)


__all__ = [
    "fft", "fft2", "fftfreq", "fftn", "fftshift", "ifft", "ifft2", "ifftn", "ifftshift", "irfft",
    "irfft2", "irfftn", "rfft", "rfft2", "rfftfreq", "rfftn",
]  # fmt: skip
