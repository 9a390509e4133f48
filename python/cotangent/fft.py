"""Discrete Fourier transforms with numpy's conventions; complex arrays are ct.Complex."""
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

__all__ = ["fft", "fftfreq", "fftn", "fftshift", "ifft", "ifftn", "ifftshift", "irfft", "irfftn", "rfft", "rfftfreq", "rfftn"]
