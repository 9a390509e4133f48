"""Two solitons of Toda's lattice (1967): the taller overtakes the other, and both go on as if alone.

Masses in a row, with springs of energy exp(-r) + r - 1. All that an encounter leaves is that the taller is a little
ahead of where it would be, and the other behind.
"""
from __future__ import annotations

from typing import Any

import cotangent as ct
import numpy as np

from gallery import Axes, check, finish

SITES, TIME = 290, 160.0
WIDTHS, PLACES = (1.6, 0.6), (20.0, 50.0)  # kappa of both, and where they begin
n = np.arange(SITES)


def soliton(kappa: float, place: float) -> tuple[Any, Any]:
    """Displacements and momenta of one, alone: its exact solution."""
    at, beta = kappa * (n - place), np.sinh(kappa)
    q = np.log(np.cosh(at - kappa)) - np.log(np.cosh(at))
    return q, beta * (np.tanh(at) - np.tanh(at - kappa))


q0, p0 = (a + b for a, b in zip(*(soliton(k, x) for k, x in zip(WIDTHS, PLACES))))


@ct.hamiltonian(q=q0, p=p0)
def lattice(q: Any, p: Any) -> Any:
    """Toda's lattice"""
    r = q[1:] - q[:-1]
    return {"kinetic": ct.sum(p * p) / 2, "springs": ct.sum(ct.exp(-r) + r - 1)}


run = ct.compile(lattice, dt=0.02, steps=int(TIME / 0.02), order=6, every=25).run()


def middle(p: Any) -> float:
    return float((n * p).sum() / p.sum())


tall, small = WIDTHS
leap = np.log(np.sinh((tall + small) / 2) / np.sinh((tall - small) / 2))
between = np.argmax(run.p) - 18
for part, k, place, ahead, name in ((slice(between, None), tall, PLACES[0], leap, "the taller"),
                                    (slice(0, between), small, PLACES[1], -leap, "the other")):
    p = np.zeros(SITES)
    p[part] = run.p[part]
    alone = middle(soliton(k, place)[1]) + TIME * np.sinh(k) / k
    check(f"how far {name} is ahead of where it would be alone", middle(p) - alone, near=ahead / k, within=0.01,
          since="+-ln(sinh((k1 + k2) / 2) / sinh((k1 - k2) / 2)) / k (Toda 1967)")
check("the energy, relative", run.invariants.max_rel_error("energy"), below=1e-10, since="order 6 at dt = 0.02")


def draw(ax: Axes) -> None:
    ax.imshow(abs(run.trajectory.p) ** 0.5, aspect="auto", origin="lower", extent=(0, SITES, 0, TIME), vmax=1.6)
    ax.set(xlabel="mass", ylabel="time")


finish(draw)
