"""A quantum particle meets a hill that is higher than its energy, and part of it goes through.

The Schroedinger equation by split steps: kicks by the potential in space, free flight among the waves,
by our Fourier transform. For this hill the part that passes is known for each wave (Eckart 1930).
"""
from __future__ import annotations

from typing import Any

import cotangent as ct
import numpy as np

from gallery import COLOURS, Axes, check, finish

HEIGHT, SPEED, WIDTH, DT, STEPS = 2.0, 1.8, 8.0, 0.01, 4000
N, LENGTH = 1024, 240.0
x = (np.arange(N) - N // 2) * LENGTH / N
k = 2 * np.pi * np.fft.fftfreq(N, LENGTH / N)
hill = HEIGHT / np.cosh(x) ** 2
psi0 = np.exp(-((x + 40) ** 2) / (4 * WIDTH**2) + 1j * SPEED * x)
psi0 /= np.sqrt((abs(psi0) ** 2).sum() * LENGTH / N)

half, flight = (ct.Complex(np.cos(a), -np.sin(a)) for a in (DT * hill / 2, DT * k**2 / 2))


@ct.jit
def evolve(psi: Any) -> Any:
    def step(psi: Any, _: Any) -> Any:
        return half * ct.fft.ifft(flight * ct.fft.fft(half * psi))

    def some(psi: Any, _: Any) -> Any:
        psi = ct.fori_loop(0, 40, lambda i, psi: step(psi, i), psi)
        return psi, psi.re**2 + psi.im**2

    return ct.scan(some, psi, length=STEPS // 40)[1]


density = np.asarray(evolve(ct.Complex(psi0.real, psi0.imag)))
waves = abs(np.fft.fft(psi0)) ** 2
sinh2, cosh2 = np.sinh(np.pi * k) ** 2, np.cosh(np.pi / 2 * np.sqrt(8 * HEIGHT - 1)) ** 2
theory = float((waves * sinh2 / (sinh2 + cosh2)).sum() / waves.sum())
passed = float(density[-1][x > 0].sum() * LENGTH / N)
check("the energy over the height of the hill", SPEED**2 / 2 / HEIGHT, below=1.0, since="a ball would come back")
check("the part that passes", passed, near=theory, within=2e-4,
      since="Eckart 1930, averaged over the waves of the packet; steps of 0.01 add 1e-5")
check("all of it, off 1", abs(float(density[-1].sum()) * LENGTH / N - 1), below=1e-11,
      since="each step is unitary")


def draw(ax: Axes) -> None:
    ax.imshow(density**0.5, aspect="auto", origin="lower", extent=(x[0], x[-1], 0, STEPS * DT))
    ax.axvline(0, color=COLOURS[0], lw=0.8, ls=":")
    ax.set(xlabel="place", ylabel="time", xlim=(-70, 70))


finish(draw)
