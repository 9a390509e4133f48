"""A section through the orbits of Henon and Heiles (1964), at the energy 1/8: order beside chaos.

Each time an orbit comes through x = 0 from the left it leaves a point. Orbits that keep a third number besides
the energy draw curves, the others fill what is left.
"""
from __future__ import annotations

from typing import Any

import cotangent as ct
import numpy as np

from gallery import COLOURS, Axes, check, finish

ENERGY = 1 / 8


@ct.hamiltonian(q=np.array([0.0, 0.1]), p=np.array([0.49, 0.0]))
def star(q: Any, p: Any) -> Any:
    """Henon and Heiles"""
    return {"kinetic": ct.dot(p, p) / 2, "harmonic": ct.dot(q, q) / 2, "cubic": q[0] ** 2 * q[1] - q[1] ** 3 / 3}


def start(y: float, py: float) -> tuple[list[float], list[float]]:
    return [0.0, y], [(2 * ENERGY - py**2 - y**2 + 2 / 3 * y**3) ** 0.5, py]


def section(y: float, py: float) -> tuple[Any, Any]:
    path = flow.run(*start(y, py)).trajectory
    x = path.q[:, 0]
    k = np.flatnonzero((x[:-1] < 0) & (x[1:] >= 0))
    part = (x[k] / (x[k] - x[k + 1]))[:, None]
    at = np.hstack([path.q[k], path.p[k]]) * (1 - part) + np.hstack([path.q[k + 1], path.p[k + 1]]) * part
    return at[:, 1], at[:, 3]


flow = ct.compile(star, dt=0.02, steps=100_000, order=4, every=2)
chaos = ct.compile(star, dt=0.05, steps=1_000_000, order=4, every=4000, monitor={"lyapunov": 1})
sea, island = (chaos.run(*start(y, 0.0)).to_dict()["lyapunov"]["exponents"][0] for y in (-0.15, 0.29))
check("the largest Lyapunov exponent in the sea", sea, near=0.047, within=0.012,
      since="0.047 (Benettin, Galgani and Strelcyn 1976); 50,000 units of time know it to 0.006")
check("the same in an island", island, below=0.002, since="orderly: it goes to zero as ln(t) / t")


def draw(ax: Axes) -> None:
    starts = [(y, 0.0) for y in (-0.28, -0.22, -0.15, -0.05, 0.02, 0.1, 0.2, 0.24, 0.29, 0.35, 0.42, 0.5, 0.56)]
    starts += [(0.0, v) for v in (0.15, 0.22, 0.28, 0.34, 0.42, -0.22, -0.28, -0.34)]
    for k, (y, py) in enumerate(starts):
        ax.plot(*section(y, py), ".", ms=0.8, color=COLOURS[k % 6])
    ax.set(xlabel="y", ylabel="speed along y", xlim=(-0.45, 0.7), ylim=(-0.5, 0.5))


finish(draw)
